"""Scenarios of hostile peers, and the promises of every report, whatever the peers do."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Final

from agent.formats import emf, junit, markdown, nagios, ndjson, prometheus, text
from agent.formats import json as json_format
from agent.formats.registry import RenderOptions
from agent.judge.verdict import judge
from agent.report import codec, exits
from agent.report.model import Report
from agent.simulated.peers import register_hostile
from agent.simulated.scenario import Scenario, parse
from probes.facts import ImdsFacts
from probes.model import FailureKind, Step
from tests.hostile import peers
from tests.support.runs import kept, measured, too_long
from tests.support.validator import VALIDATOR

FOLDER: Final = Path(__file__).parent
NAMES: Final = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))
MAX_TEXT_BYTES: Final = 64 * 1024
MAX_JSON_BYTES: Final = 2_000_000
"""The maximum size of a document. The format `ndjson` is the largest, since it contains every observation twice: when
it was made, and in the report at the end.
"""
MAX_MEMORY_BYTES: Final = 100_000_000
_PRINTABLE: Final = re.compile(r"[\x20-\x7e\n]*")

register_hostile(peers)

SHOWN: Final = {
    "deadline": ["tls deadline"],
    "tls-silent": ["tls timeout"] * 3,
    "tls-ended": ["tls reset", "tls closed"],
    "reset-at-once": ["tls reset"],
    "tls-noise": [
        *["tls tls-not-tls"] * 2,
        *["tls malformed"] * 2,
        *["tls tls-not-tls"] * 4,
    ],
    "tls-endless": ["tls too-large", *["tls malformed"] * 3],
    "tls-tickets": ["http too-large"],
    "certificates-beyond": ["tls malformed"] * 2,
    "certificates-long": ["ok"] * 2,
    "certificates-texts": ["tls tls-untrusted", "tls tls-hostname", "tls tls-untrusted"],
    "certificates-texts-trusted": ["tls tls-hostname"],
    "http-silent": ["http timeout"] * 3,
    "http-ended": ["http reset", "http closed"],
    "http-endless": ["http too-large"] * 8,
    "http-noise": ["http malformed"] * 7,
    "http-bodies": ["api malformed", *["api access-denied"] * 3, "api malformed", "http too-large"],
    "http-texts": ["api access-denied", "api access-denied", "http redirect"],
    "calls": ["api timeout", "api reset", "api timeout", "api too-large", "api malformed"],
    "portal-with-request-id": ["api malformed"],
}
"""For each scenario: the first step that fails at each address of the required target, in the order of the
addresses.
"""
METADATA: Final = {
    "metadata-controls": (False, FailureKind.MALFORMED),
    "metadata-drip": (False, FailureKind.TIMEOUT),
    "metadata-endless": (False, FailureKind.TOO_LARGE),
    "metadata-long": (False, FailureKind.MALFORMED),
    "metadata-megabytes": (False, FailureKind.TOO_LARGE),
    "metadata-nothing": (False, FailureKind.TIMEOUT),
    "metadata-option": (True, FailureKind.MALFORMED),
    "metadata-region": (True, FailureKind.MALFORMED),
    "metadata-reset": (False, FailureKind.RESET),
    "metadata-after-token-controls": (True, FailureKind.MALFORMED),
    "metadata-after-token-drip": (True, FailureKind.TIMEOUT),
    "metadata-after-token-endless": (True, FailureKind.TOO_LARGE),
    "metadata-after-token-long": (True, FailureKind.MALFORMED),
    "metadata-after-token-megabytes": (True, FailureKind.TOO_LARGE),
    "metadata-after-token-nothing": (True, FailureKind.TIMEOUT),
    "metadata-after-token-region": (True, FailureKind.MALFORMED),
    "metadata-after-token-reset": (True, FailureKind.RESET),
}
"""For each scenario of metadata: whether the run got a token, and how its step for metadata failed."""


def toml(name: str) -> str:
    """The file of a scenario."""
    return (FOLDER / f"{name}.toml").read_text("utf-8")


@cache
def scenario(name: str) -> Scenario:
    return parse(name, toml(name))


@cache
def report_of(name: str) -> Report:
    """The report of a run in memory."""
    return judge(kept(f"hostile-{name}", lambda: measured(scenario(name))[0]))


def actual(report: Report) -> tuple[str, str, tuple[str, ...]]:
    return report.verdict.status, report.verdict.path, tuple(finding.id for finding in report.findings)


def expected(name: str) -> tuple[str, str, tuple[str, ...]]:
    expect = scenario(name).expect
    return expect.status, expect.path, expect.findings


def ends_early(name: str) -> bool:
    """Whether the run reaches its deadline before the steps at its peers end."""
    return "RUN001" in scenario(name).expect.findings


def metadata(report: Report) -> tuple[bool, FailureKind | None]:
    """Whether the run got a token, and how its step for metadata failed."""
    (observation,) = (
        observation
        for observation in report.observations
        if observation.subject.step is Step.IMDS and not observation.subject.operation
    )
    taken = isinstance(observation.facts, ImdsFacts) and observation.facts.token
    return taken, None if observation.failure is None else observation.failure.kind


def shown(report: Report) -> list[str]:
    """For each address of the target `backup`: the first step that failed, or `ok` if every step succeeded."""
    target = next(target for target in report.targets if target.id == "backup")
    words = []
    for address in target.addresses:
        failed = (
            f"{observation.subject.step} {observation.failure.kind}"
            for observation in report.observations
            if observation.subject.target == target.id
            and observation.subject.address == address.address
            and observation.failure
        )
        words.append(next(failed, "ok"))
    return words


def assert_harmless(report: Report) -> None:
    """Assert that the document in every format is complete, valid, of limited size and without control characters, and
    that the run met no bug of this program.
    """
    document = json_format.render(report)
    data = json.loads(document)
    VALIDATOR.validate(data)
    assert codec.encode(codec.decode(data)) == data
    report_text = text.render(report)
    code = exits.of_status(report.verdict.status)
    results = junit.render(report).replace("\t", "")  # the XML library indents with tabs
    monitors = (
        prometheus.render(report),
        emf.render(report),
        nagios.render(report, RenderOptions(exit_code=code)),
        results,
    )
    for written in (
        document,
        ndjson.render(report),
        report_text,
        text.brief(report),
        markdown.render(report),
        *monitors,
    ):
        assert _PRINTABLE.fullmatch(written)
    assert too_long(report_text) == []
    assert len(report_text) <= MAX_TEXT_BYTES
    assert len(document) <= MAX_JSON_BYTES
    assert len(ndjson.render(report)) <= 2 * MAX_JSON_BYTES
    assert len(text.brief(report)) <= text.BRIEF_CHARACTERS
    assert [
        observation.id
        for observation in report.observations
        if observation.failure and observation.failure.kind is FailureKind.BUG
    ] == []
    assert [finding.id for finding in report.findings if finding.code == "RUN002"] == []
    # A command that a person copies into a shell must not contain a line or a word from a peer.
    for finding in report.findings:
        for command in finding.fix.commands:
            assert all(word.isprintable() and "reboot" not in word for word in command.argv)
