"""The prediction in JUnit's XML, for pipelines: a suite for each service, with a case for its name and one for each
source and port. Cases are red only if they decide the exit code."""

import io
from typing import Any, Final

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from agent.documents.text import typed
from agent.documents.to_do import to_do
from agent.network.answers import Answer, PredictedName, PredictedPath, SourceClass
from agent.predict import phrases
from agent.predict.model import Effect, PredictedChange, PredictedIntent, PredictionDocument
from agent.report.escape import visible
from agent.report.hops import WORST, Reachability
from agent.report.model import Status
from agent.report.words import bounded

_SUITE: Final = "backuplink"


def render(document: PredictionDocument) -> str:
    """One XML document. The same prediction always gives the same document."""
    whole = JUnitXml(_SUITE)
    suites = [_suite(document, None, [_verdict(document)])]
    if document.intents:
        suites.append(_suite(document, "intents", list(map(_intent, document.intents))))
    is_change = bool(document.assumed or document.unjudged)
    if is_change:
        changes = [_change(change, document) for change in document.changes]
        changes = _uncounted(changes) if document.intents else changes
        suites.append(_suite(document, "changes", [*changes, *map(_unjudged, document.unjudged)]))
    for name in document.names:
        cases = [_name(name, document), *_paths(name.service, document), *_calls(name.service, document)]
        cases = _uncounted(cases) if document.intents or is_change else cases
        suites.append(_suite(document, name.service, cases))
    for suite in suites:
        # Not `add_testsuite`, which merges suites that are alike.
        whole.append(suite)  # type: ignore[no-untyped-call] # the library has no types for it
    whole.tests = sum(len(suite) for suite in suites)
    whole.failures = sum(suite.failures for suite in suites)
    whole.errors = sum(suite.errors for suite in suites)
    written = io.BytesIO()
    whole.write(written, pretty=True)
    return written.getvalue().decode("utf-8")


def _suite(document: PredictionDocument, service: str | None, cases: list[TestCase]) -> TestSuite:
    suite = TestSuite(_SUITE if service is None else visible(f"{_SUITE} {service}"))
    if document.taken_at is not None:
        suite.timestamp = f"{document.taken_at:%Y-%m-%dT%H:%M:%S}"
    if service is None and document.vpc_id is not None:
        suite.add_property("basis", visible(phrases.basis(document)))
    suite.add_testcases(cases)
    return suite


def _case(service: str | None, name: str) -> TestCase:
    # Jenkins takes the part after the last dot as the name of a class, and the part before it as the package.
    of = "prediction" if service is None else visible(service).replace(".", "_")
    return TestCase(name=visible(name), classname=f"{_SUITE}.{of}")


def _uncounted(cases: list[TestCase]) -> list[TestCase]:
    """The cases, with red ones changed to skipped. This is for predictions whose exit code only depends on intents or
    on a change."""
    for case in cases:
        for red in case.result:
            case.result = _result(Skipped, "not counted", red.message, red.text)
    return cases


def _verdict(document: PredictionDocument) -> TestCase:
    case = _case(None, "verdict")
    match document.verdict.status:
        case Status.OK:
            case.system_out = visible(document.verdict.summary)
        case Status.CRITICAL:
            case.result = _result(Failure, "critical", document.verdict.summary, None)
        case status:
            case.result = _result(Error, status, document.verdict.summary, None)
    return case


def _change(change: PredictedChange, document: PredictionDocument) -> TestCase:
    case = _case("changes", phrases.effect_of(change))
    words = f"{phrases.decides(change)} {phrases.stands_for(change, document)}"
    if change.effect in (Effect.OPENS, Effect.MAY_OPEN):
        case.system_out = visible(words)
    else:
        kind = Failure if change.effect is Effect.CLOSES else Error
        case.result = _result(kind, change.effect, phrases.effect_of(change), words)
    return case


def _intent(intent: PredictedIntent) -> TestCase:
    case = _case("intents", intent.name)
    lines = [phrases.intent_of(intent), *map(phrases.failure_of, intent.failures)]
    if intent.status is Status.OK:
        case.system_out = "\n".join(map(visible, lines))
    else:
        kind = Failure if intent.status is Status.CRITICAL else Error
        why = intent.failures[0].words if intent.failures else "that is not known"
        case.result = _result(kind, f"{intent.must} {intent.place}", f"{intent.place}: {why}", "\n".join(lines))
    return case


def _unjudged(words: str) -> TestCase:
    case = _case("changes", words)
    case.result = _result(Error, "cannot-tell", "its effect is not known", None)
    return case


def _name(name: PredictedName, document: PredictionDocument) -> TestCase:
    case = _case(name.service, name.host)
    words = phrases.answer_of(name)
    fault = next(
        (one for one in document.faults if one.service == name.service and not one.ports and not one.action), None
    )
    if not name.counts and name.answer is not Answer.PRIVATE:
        case.result = _result(Skipped, "not counted", words, None)
    elif fault is None:
        case.system_out = visible(words)
    else:
        kind = Failure if fault.outcome is Reachability.BLOCKED else Error
        text = "\n".join([fault.detail, *([] if fault.fix is None else [fault.fix.summary])])
        case.result = _result(kind, fault.code or "unknown", words, text)
    return case


def _calls(service: str, document: PredictionDocument) -> list[TestCase]:
    """One case for each call and endpoint. A case with an unknown outcome is not red, because the caller is unknown."""
    cases = []
    for call in document.calls:
        if call.service != service:
            continue
        case = _case(service, f"{call.action} {call.endpoint_id}")
        if call.outcome is Reachability.OPEN:
            case.system_out = visible(phrases.call_of(call))
        elif call.counts and call.outcome is Reachability.BLOCKED:
            case.result = _result(Failure, "denied", phrases.call_of(call), None)
        else:
            case.result = _result(Skipped, "not counted", phrases.call_of(call), None)
        cases.append(case)
    return cases


def _paths(service: str, document: PredictionDocument) -> list[TestCase]:
    """One case for each source and port, with the worst outcome of the addresses that count."""
    worst: dict[tuple[str, int], PredictedPath] = {}
    for path in document.paths:
        if path.service != service:
            continue
        for source_id in path.sources:
            known = worst.get((source_id, path.port))
            if known is None or _rank(path) < _rank(known):
                worst[source_id, path.port] = path
    fixes = {
        (source_id, port): fault
        for fault in reversed(document.faults)
        if fault.service == service
        for source_id in fault.sources
        for port in fault.ports
    }
    cases = []
    for source in document.sources:
        for port in sorted({path.port for path in document.paths if path.service == service}):
            path_of = worst.get((source.id, port))
            if path_of is not None:
                fault = fixes.get((source.id, port))
                commands = []
                if fault is not None and fault.fix is not None:
                    commands = list(typed(to_do(fault.fix)))
                cases.append(_path(source, path_of, commands))
    return cases


def _path(source: SourceClass, path: PredictedPath, commands: list[str]) -> TestCase:
    case = _case(path.service, f"{source.id} {path.port}")
    lines = [phrases.words_of(source), *(f"{hop.stage}: {hop.words}" for hop in path.hops)]
    text = "\n".join([*lines, *commands])
    if path.outcome is Reachability.OPEN:
        case.system_out = "\n".join(map(visible, lines))
    elif not path.counts:
        case.result = _result(Skipped, "not counted", path.words, text)
    else:
        kind = Failure if path.outcome is Reachability.BLOCKED else Error
        case.result = _result(kind, path.outcome, path.words, text)
    return case


def _rank(path: PredictedPath) -> tuple[bool, int]:
    return not path.counts, WORST.index(path.outcome)


def _result(kind: type[Any], name: str, message: str, text: str | None) -> Any:
    result = kind(visible(bounded(message)), visible(name))
    result.text = None if text is None else "\n".join(map(visible, text.split("\n")))
    return result
