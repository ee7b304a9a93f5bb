"""Subjects of findings as data, so that nobody has to extract ids from sentences.

Rules name the subjects that they know from the configuration, certificates and URLs. All other subjects follow from the
finding: its addresses, the ports and name servers in its evidence, the values for its commands, and how far its kind of
fault reaches. This host itself is not a subject, since it is in the report's `vantage`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from agent.catalog.findings import CODES, Layer, Radius, Scope
from agent.catalog.vpce import read_name
from agent.fixes.placeholders import placeholders_of
from agent.judge.evidence import Evidence
from agent.judge.rules.rule import RuleFinding
from agent.report.model import FindingSubject, SubjectKind
from agent.report.subjects import about, resources
from probes.addresses import ordered
from probes.model import Observation, Step, Target

_FILLED: Final = {
    "<VPC_ID>": SubjectKind.VPC,
    "<VPC_ENDPOINT_ID>": SubjectKind.ENDPOINT,
    "<ENDPOINT_SECURITY_GROUP_ID>": SubjectKind.GROUP,
    "<DHCP_OPTIONS_ID>": SubjectKind.DHCP_OPTIONS,
}
"""Placeholders in commands that stand for a resource other than this host. Each has the kind of this resource."""
_IN_A_VPC: Final = frozenset({Radius.SUBNET, Radius.ENDPOINT, Radius.VPC})
_OF_A_CALLER: Final = frozenset({Layer.CALL, Layer.POLICY})


def subjects_of(
    finding: RuleFinding, target: Target | None, evidence: Evidence, known: Mapping[str, str]
) -> tuple[FindingSubject, ...]:
    """The subjects of a finding, each once, sorted by kind and id. `known` has the values for placeholders."""
    named = None if target is None else read_name(target.host)
    subjects = {
        *finding.subjects,
        *_of_commands(finding, known),
        *_of_places(finding, evidence),
        *_of_radius(finding, evidence),
        *resources(None if named is None else named.endpoint_id),
    }
    kinds = tuple(SubjectKind)
    return tuple(sorted(subjects, key=lambda subject: (kinds.index(subject.kind), _in_order(subject.id))))


def _in_order(text: str) -> tuple[int, str]:
    """A sort key: numbers by their value, before words."""
    return (int(text), "") if text.isascii() and text.isdecimal() and len(text) <= 5 else (65536, text)


def _of_commands(finding: RuleFinding, known: Mapping[str, str]) -> Iterator[FindingSubject]:
    for placeholder in placeholders_of(finding.fix) & _FILLED.keys() & known.keys():
        yield from about(_FILLED[placeholder], [known[placeholder]])


def _of_places(finding: RuleFinding, evidence: Evidence) -> Iterator[FindingSubject]:
    """The places of a fault. These are addresses, ports that did not connect, and the name servers that this host
    asks.
    """
    code = CODES[finding.code]
    yield from about(SubjectKind.ADDRESS, ordered(finding.addresses))
    yield from about(SubjectKind.PORT, map(_closed_port, _steps(finding, evidence)))
    if code.scope is Scope.RESOLVER:
        yield from about(SubjectKind.RESOLVER, [finding.target])
    elif code.layer is Layer.NAME and evidence.host is not None:
        yield from about(SubjectKind.RESOLVER, (*evidence.host.resolvers, *evidence.host.upstream_resolvers))


def _steps(finding: RuleFinding, evidence: Evidence) -> Iterator[Observation[Any]]:
    return (step for id_ in finding.evidence if (step := evidence.find(id_)) is not None)


def _closed_port(step: Observation[Any]) -> int | None:
    return step.subject.port if step.subject.step is Step.TCP and step.failure is not None else None


def _of_radius(finding: RuleFinding, evidence: Evidence) -> Iterator[FindingSubject]:
    """The subjects that a kind of fault reaches: the VPC or the account of this host, and the role of a caller."""
    code, imds = CODES[finding.code], evidence.imds
    if code.radius in _IN_A_VPC:
        yield from about(SubjectKind.VPC, [evidence.vpc_id])
    if code.radius is Radius.ACCOUNT and imds is not None:
        yield from about(SubjectKind.ACCOUNT, [imds.account_id])
    if code.layer in _OF_A_CALLER:
        yield from about(SubjectKind.ROLE, [evidence.role_of_caller])
