"""Cases of single rules, each with its input. Golden files contain the expected findings (see
`tests/agent/judge/findings.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest

from agent.judge.rules.registry import RULES
from agent.judge.rules.rule import RuleFinding
from agent.report.model import Run
from probes.model import Addressing, Observation, Target
from tests.support.build import (
    BACKUP,
    PRIVATE,
    Observations,
    answer,
    evidence,
    findings_of,
    here,
    host,
    imds,
    lookup,
    proxy,
    rule_of,
    sdk,
    target,
    tcp,
)

C = "10.0.3.17"
HOST: Final = "backup.eu-west-1.amazonaws.com"
PRIVATE_6: Final = "fd00::17"
PUBLIC_6: Final = "2600:1f18::17"
BOTH_FAMILIES: Final = host("127.0.0.1/8", "10.0.3.5/24", "fd00::5/64")
ELSEWHERE: Final = imds(vpc=("10.0.0.0/16", "fd00::/56"))
VPCE: Final = target(
    host="vpce-0a1b2c3d4e5f67890-abcdefgh.backup.eu-west-1.vpce.amazonaws.com", addressing=Addressing.VPCE
)
CUSTOM: Final = target(host="backup.example.com", addressing=Addressing.CUSTOM)
GATEWAY_PORTS: Final = (443, 1026, 1027, 1028, 1031)
DUAL_STACK: Final = "backup.eu-west-1.api.aws"
OUTSIDE: Final = "10.99.0.1"
"""A private address outside the VPC's blocks."""


A = PRIVATE[0]


@dataclass(frozen=True, kw_only=True)
class Case:
    """The input of one rule."""

    code: str
    observations: Observations
    targets: Sequence[Target] = (BACKUP,)
    of: Run | None = None

    def findings(self) -> list[RuleFinding]:
        return findings_of(rule_of(RULES, self.code), evidence(self.observations, targets=self.targets, of=self.of))


def fires(code: str, name: str, observations: Observations, **rest: Any) -> Any:
    return pytest.param(Case(code=code, observations=observations, **rest), id=f"{code} {name}")


silent = fires


def ports(*closed: int, failed: str = "timeout", at: str = A) -> Observations:
    """Every port of Backup gateway at one address. The ports in `closed` fail."""
    return [
        *here("backup-gateway", at),
        *(tcp(at, port, of="backup-gateway", failed=failed if port in closed else None) for port in GATEWAY_PORTS),
        tcp(at, 2222, of="backup-gateway", failed=failed if 2222 in closed else None),
    ]


def gave(*addresses: str, seen: Observation[Any] = BOTH_FAMILIES, **rest: Any) -> Observations:
    """A lookup, and the answer of the host's name server. The host and its VPC have addresses of both families."""
    return [seen, sdk(), ELSEWHERE, proxy(), lookup(*addresses, **rest), answer(*addresses)]


def assert_silent(case: Case) -> None:
    """Assert that the rule reports nothing."""
    assert case.findings() == []


def codes_of(cases: Sequence[Any]) -> set[str]:
    """The codes for which there is a case in these parameters."""
    return {param.values[0].code for param in cases}
