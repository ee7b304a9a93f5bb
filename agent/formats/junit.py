"""The report as JUnit's XML, for Jenkins, GitLab and other tools that show test results: a suite for the run and a
suite for each target, with a case for each cause and each step.

Only cases that decide the verdict fail. Some failed steps decide nothing, such as a name server's answer that this host
does not use, or a port of a service that was not requested. They are skipped cases that contain the failure. So a run
has failed cases if, and only if, it is not ok. The case `verdict` is in every document, so the history of this case is
the history of the path.
"""

import io
from collections.abc import Iterator, Mapping
from typing import Any, Final

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from agent.catalog.findings import Severity
from agent.documents.text import typed
from agent.documents.to_do import to_do
from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.report.escape import visible
from agent.report.model import Finding, Report, Status, TargetReport
from agent.report.words import bounded, causes, facts, head, vantage
from probes import model
from probes.model import Observation, Role

_SUITE: Final = "backuplink"
_DIGITS: Final = 4
"""Decimals of a time in seconds. Python writes smaller numbers with an exponent, which not every reader accepts."""


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """Return one XML document. Equal reports give equal documents."""
    known = frozenset(target.id for target in report.targets)
    roots = _roots(report)
    suites = [
        _suite(report, None, [_verdict(report), *_causes(report, None, known), *_steps(report, None, known, roots)])
    ]
    for target in report.targets:
        cases = [*_causes(report, target.id, known), *_unproven(target), *_steps(report, target.id, known, roots)]
        suites.append(_suite(report, target.id, cases))
    document = JUnitXml(_SUITE)
    for suite in suites:
        # Not `add_testsuite`, which merges equal suites.
        document.append(suite)  # type: ignore[no-untyped-call] # the library types this one not
    # The time of the whole run, not the sum of steps that ran in parallel. Jenkins' schema has no `skipped` here.
    document.time = round(report.run.seconds, _DIGITS)
    document.tests = sum(len(suite) for suite in suites)
    document.failures = sum(suite.failures for suite in suites)
    document.errors = sum(suite.errors for suite in suites)
    written = io.BytesIO()
    document.write(written, pretty=True)
    return written.getvalue().decode("utf-8")


def _suite(report: Report, target: str | None, cases: list[TestCase]) -> TestSuite:
    suite = TestSuite(_SUITE if target is None else visible(f"{_SUITE} {target}"))
    suite.timestamp = f"{report.run.started_at:%Y-%m-%dT%H:%M:%S}"
    if report.observations and target is None:
        suite.add_property("run", visible(facts(report)))
        for note in report.verdict.notes:
            suite.add_property("note", visible(note))
        suite.add_property("vantage", visible(vantage(report)))
    suite.add_testcases(cases)
    return suite


def _case(target: str | None, name: str, seconds: float | None = None) -> TestCase:
    # Jenkins takes the text after the last dot for a class, and the text before it for a package.
    of = "run" if target is None else visible(target).replace(".", "_")
    time = None if seconds is None else round(seconds, _DIGITS)
    return TestCase(name=visible(name), classname=f"{_SUITE}.{of}", time=time)


def _verdict(report: Report) -> TestCase:
    case = _case(None, "verdict")
    summary = visible(report.verdict.summary)
    match report.verdict.status:
        case Status.OK | Status.NOT_IN_USE:
            case.system_out = summary
        case Status.UNKNOWN:
            case.result = _result(Error, "unknown", summary)
        case _:
            case.result = _result(Failure, report.verdict.status, summary)
    return case


def _is_of(name: str | None, target: str | None, known: frozenset[str]) -> bool:
    """Whether `name` belongs to the suite of `target`. Names without a target belong to the suite of the run."""
    return name not in known if target is None else name == target


def _causes(report: Report, target: str | None, known: frozenset[str]) -> Iterator[TestCase]:
    for finding in causes(report):
        if not _is_of(finding.target, target, known):
            continue
        of = finding.target if finding.target != target else None
        case = _case(target, " ".join(filter(None, (finding.code, finding.name, of))))
        text = "\n".join(
            [
                visible(bounded(finding.detail)),
                visible(f"What to do: {finding.fix.summary}"),
                *typed(to_do(finding.fix)),
                visible(f"See: backuplink explain {finding.code}"),
            ]
        )
        if finding.suppressed:
            case.result = _result(Skipped, "suppressed", f"suppressed: {head(finding)}", text)
        elif not finding.counts:
            case.result = _result(Skipped, "not counted", head(finding), text)
        elif finding.severity is Severity.INFO:
            case.system_out = text
        else:
            case.result = _result(Failure, finding.severity, head(finding), text)
        yield case


def _unproven(target: TargetReport) -> Iterator[TestCase]:
    """Yield what is missing for `ok`. It makes a target unknown, unless something worse is proven."""
    if target.unproven:
        case = _case(target.id, "proven")
        kind = Error if target.role is Role.REQUIRED else Skipped
        text = "\n".join(map(visible, target.unproven))
        case.result = _result(kind, "unproven", "not everything that ok needs was seen", text)
        yield case


def _steps(
    report: Report, target: str | None, known: frozenset[str], roots: Mapping[str, list[Finding]]
) -> Iterator[TestCase]:
    for observation in report.observations:
        if _is_of(observation.subject.target, target, known):
            yield _step(observation, target, roots.get(observation.id, []))


def _step(observation: Observation[Any], target: str | None, roots: list[Finding]) -> TestCase:
    subject = observation.subject
    where = None if subject.address is None else str(subject.address)
    if subject.port is not None:
        where = f"[{where}]:{subject.port}" if where and ":" in where else f"{where or ''}:{subject.port}"
    asked = None if subject.resolver is None else f"at {subject.resolver}"
    of = subject.target if subject.target != target else None
    case = _case(
        target, " ".join(filter(None, (subject.step, subject.operation, where, asked, of))), observation.seconds
    )
    if isinstance(observation.outcome, model.Skipped):
        case.result = _result(Skipped, "not made", observation.outcome.reason)
    elif observation.failure is not None:
        counts = any(root.counts and not root.suppressed and root.severity is not Severity.INFO for root in roots)
        kind = Skipped if not counts else Failure if observation.made else Error
        code = f" ({observation.failure.code})" if observation.failure.code else ""
        lines = [f"The cause{_aside(root)}: {root.id}, {root.headline}" for root in roots]
        case.result = _result(
            kind,
            observation.failure.kind,
            f"{observation.failure.kind.upper()}{code}: {observation.failure.message}",
            "\n".join(map(visible, lines)) or "This step does not affect the verdict.",
        )
    return case


def _aside(root: Finding) -> str:
    return " (suppressed)" if root.suppressed else "" if root.counts else " (not counted)"


def _result(kind: type[Any], name: str, message: str, text: str | None = None) -> Any:
    result = kind(visible(bounded(message)), visible(name))
    result.text = text
    return result


def _roots(report: Report) -> dict[str, list[Finding]]:
    """Return the root causes of each observation: the causes of the findings that the observation shows. If a finding
    on the way to a cause is suppressed, it takes the place of the cause."""
    by_id = {finding.id: finding for finding in report.findings}
    by_evidence: dict[str, dict[str, Finding]] = {}
    for finding in report.findings:
        root, above = finding, {finding.id}
        # In a saved report, explanations may lead nowhere, or round in a circle.
        while not root.suppressed and root.explained_by in by_id and root.explained_by not in above:
            root = by_id[root.explained_by]
            above.add(root.id)
        for evidence_id in finding.evidence:
            by_evidence.setdefault(evidence_id, {})[root.id] = root
    return {evidence_id: list(roots.values()) for evidence_id, roots in by_evidence.items()}
