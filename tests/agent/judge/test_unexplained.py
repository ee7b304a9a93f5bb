"""Every kind of failure at every step that a target needs, and the failures for which RUN003 is the only finding."""

from dataclasses import replace
from typing import Any, Final

import pytest

from agent.judge.evidence import Evidence
from agent.judge.requirements import required_steps
from agent.judge.verdict import judge_evidence
from agent.report.model import Status
from agent.settings import Calls
from probes.facts import TlsFacts
from probes.model import Failed, Failure, FailureKind, Observation, Skipped, Step
from tests.support.build import (
    BACKUP,
    CORPORATE,
    GATEWAY,
    PRIVATE,
    PUBLIC,
    RESOLVER,
    VPC_RESOLVER,
    Observations,
    answer,
    evidence,
    host,
    imds,
    lookup,
    proxy,
    run,
    sdk,
)
from tests.support.calls import called

K = FailureKind
_OF_CONNECTIONS: Final = {K.TIMEOUT, K.REFUSED, K.RESET, K.UNREACHABLE, K.PROHIBITED}
_OF_STREAMS: Final = _OF_CONNECTIONS | {K.CLOSED}
_OF_TLS: Final = {
    *(K.TLS_UNTRUSTED, K.TLS_HOSTNAME, K.TLS_EXPIRED, K.TLS_NOT_YET_VALID),
    *(K.TLS_NOT_TLS, K.TLS_ALERT, K.TLS_NO_TRUST_STORE),
}
_OF_ANSWERS: Final = {K.NOT_AWS, K.REDIRECT, K.TOO_LARGE, K.SERVICE_ERROR}
_OF_CALLS: Final = {
    *(K.CREDENTIALS_EXPIRED, K.CREDENTIALS_INVALID, K.SIGNATURE, K.CLOCK_SKEW),
    *(K.WRONG_SCOPE, K.ACCESS_DENIED, K.THROTTLED, K.NOT_SUBSCRIBED),
}
POSSIBLE: Final = {
    Step.TCP: _OF_CONNECTIONS | {K.NO_SOURCE_PORT},
    Step.TLS: _OF_STREAMS | _OF_TLS | {K.MALFORMED, K.TOO_LARGE, K.NO_SOURCE_PORT},
    Step.HTTP: _OF_STREAMS | _OF_TLS | _OF_ANSWERS | {K.MALFORMED, K.NO_SOURCE_PORT},
    Step.API: _OF_STREAMS | _OF_TLS | _OF_ANSWERS | _OF_CALLS | {K.MALFORMED, K.NO_SOURCE_PORT},
    Step.CREDENTIALS: {K.NO_CREDENTIALS, K.TIMEOUT, K.MALFORMED},
}
"""The possible failures of each step (`probes.failure`, and the errors of the step's own probe). Every step above TCP
may open a second connection if the peer closed the first one.
"""
HEARD, UNHEARD, UNREAD = "with what was heard", "with nothing", "with a chain that cannot be read"
"""Kinds of facts that a failed step can have."""
WITHOUT_A_CODE: Final = {
    (
        Step.API,
        K.MALFORMED,
        HEARD,
    ): "AWS answers with an error that no table has, or without the key that a good answer has: a fact without a cause",
    (Step.TLS, K.MALFORMED, UNHEARD): "TLS cannot carry the name: no name resolves that it cannot carry",
}
"""Failures that stay RUN003, and the reason why no other code can report them."""
UNHEARABLE: Final = {
    *((Step.TLS, kind) for kind in (K.TLS_HOSTNAME, K.TLS_EXPIRED, K.TLS_NOT_YET_VALID, K.TOO_LARGE)),
    *((Step.API, kind) for kind in _OF_CALLS),
}
"""Failures that a run cannot tell apart from others if the peer sent nothing."""


def spoilt(good: Observations, step: str, kind: FailureKind, facts: str = HEARD) -> Observations:
    """A good run in which this step failed with these facts. The steps after it were not made."""
    seen = {observation.id: observation for observation in good}
    broken = seen[step]
    failure = Failure(kind=kind, message="it ended", code=None)
    heard: Any = broken.facts if broken.subject.step in (Step.TLS, Step.API) else None
    if broken.subject.step is Step.TLS and heard is not None:
        heard = replace(heard, bytes_received=100)
    if kind in _OF_ANSWERS - {K.SERVICE_ERROR} and hasattr(heard, "request_id"):
        heard = None
    if facts == UNHEARD:
        heard = None
    if facts == UNREAD and isinstance(heard, TlsFacts):
        heard = replace(heard, certificates=())
    seen[step] = replace(broken, outcome=Failed(failure, heard), seconds=3.0 if kind is K.TIMEOUT else 0.01)
    lost = {step}
    while more := [
        observation for observation in good if observation.id not in lost and _grows_from(observation, lost)
    ]:
        for observation in more:
            seen[observation.id] = replace(
                observation, outcome=Skipped("what is below failed"), started_at=None, seconds=None
            )
            lost.add(observation.id)
    return list(seen.values())


def _grows_from(observation: Observation[Any], lost: set[str]) -> bool:
    return observation.subject.after in lost or (observation.subject.step is Step.API and Step.CREDENTIALS in lost)


@pytest.mark.parametrize("target", [BACKUP, GATEWAY], ids=lambda target: target.id)
def test_every_failure_of_a_required_step_has_a_code(target: Any) -> None:
    good, of = called(target), run(calls=Calls.EACH)
    proven = required_steps(evidence(good, targets=[target], of=of), target)
    steps = [*proven, *(f"{Step.HTTP}/{target.id}/{address}/443" for address in PRIVATE)]
    asked = [
        (step, kind, facts)
        for step in steps
        for kind in POSSIBLE.get(Step(step.partition("/")[0]), ())
        for facts in (HEARD, UNHEARD, UNREAD)
        if not (facts == UNHEARD and (Step(step.partition("/")[0]), kind) in UNHEARABLE)
        and (Step(step.partition("/")[0]), kind, HEARD if facts == UNREAD else facts) not in WITHOUT_A_CODE
    ]
    assert len(asked) > 300
    unnamed = [
        (step, kind, facts)
        for step, kind, facts in asked
        if "RUN003" in codes(evidence(spoilt(good, step, kind, facts), targets=[target], of=of))
    ]
    assert unnamed == []


def codes(seen: Evidence) -> set[str]:
    return {finding.code for finding in judge_evidence(seen).findings}


@pytest.mark.parametrize("unsigned", [K.NOT_AWS, K.SERVICE_ERROR])
def test_every_failure_of_a_call_after_an_unsigned_request_that_failed_has_a_code(unsigned: FailureKind) -> None:
    """If the request fails in one of these ways, the run still makes the call. The failed request must not hide that
    the call has no answer, even if AWS itself is at fault and the path may be fine.
    """
    of = run(calls=Calls.EACH)
    request, call = (f"{step}/backup/{PRIVATE[0]}/443" for step in (Step.HTTP, Step.API))
    for kind in POSSIBLE[Step.API] - _OF_CALLS - {K.SERVICE_ERROR}:
        by_id = {observation.id: observation for observation in spoilt(called(), call, kind, UNHEARD)}
        heard: Any = by_id[request].facts
        heard = replace(heard, request_id=None if unsigned is K.NOT_AWS else "r")
        failure = Failure(kind=unsigned, message="it ended", code="503")
        by_id[request] = replace(by_id[request], outcome=Failed(failure, heard))
        report = judge_evidence(evidence(list(by_id.values()), of=of))
        assert "RUN003" not in {finding.code for finding in report.findings}, kind
        assert report.verdict.status is Status.CRITICAL, kind


def test_a_failure_without_a_code_is_run003() -> None:
    of = run(calls=Calls.EACH)
    for step, kind, facts in WITHOUT_A_CODE:
        step_id = f"{step}/backup/{PRIVATE[0]}/443"
        assert "RUN003" in codes(evidence(spoilt(called(), step_id, kind, facts), of=of))


ANSWERS: Final = (
    *("private", "public", "empty", "nxdomain", "servfail", "dns-refused", "dns-malformed", "timeout", "refused"),
    *("reset", "closed", "unreachable", "prohibited", "too-large", "no-source-port", "malformed"),
)


def answer_of(kind: str, by: str, record: str) -> Observation[Any]:
    """The answer of a name server to a question for A or AAAA. An answer for A has addresses of this scope, and an
    answer for AAAA has no addresses. If `kind` is a failure, the answer is that failure.
    """
    given = {"private": PRIVATE[:1], "public": (PUBLIC,), "empty": ()}
    if kind in given:
        return answer(*(given[kind] if record == "A" else ()), by=by, record=record)
    return answer(by=by, record=record, failed=kind)


@pytest.mark.parametrize("own", ["nxdomain", "nodata", "servfail", "timeout", "too-large"])
@pytest.mark.parametrize("server", [RESOLVER, CORPORATE])
def test_every_lookup_that_fails_has_a_code_whatever_the_name_servers_say(own: str, server: str) -> None:
    for kind in ANSWERS:
        for vpc in [kind] if server == RESOLVER else ["private", "public", "nxdomain", "timeout", "servfail"]:
            observations: Observations = [host(resolvers=[server]), sdk(), imds(), proxy(), lookup(failed=own)]
            for record in ("A", "AAAA"):
                observations += [answer_of(vpc, RESOLVER, record), answer_of(vpc, VPC_RESOLVER, record)]
                observations.append(answer_of(kind, server, record))
            reported = codes(evidence(observations))
            assert "RUN003" not in reported, (kind, vpc)
            assert reported


@pytest.mark.parametrize("own", ["nxdomain", "nodata", "servfail", "timeout", "too-large"])
def test_every_lookup_that_fails_has_a_code_whatever_two_name_servers_say(own: str) -> None:
    for first in ANSWERS:
        for second in ANSWERS:
            observations: Observations = [
                host(resolvers=[CORPORATE, RESOLVER]),
                sdk(),
                imds(),
                proxy(),
                lookup(failed=own),
            ]
            for record in ("A", "AAAA"):
                observations += [answer_of(first, CORPORATE, record), answer_of(second, RESOLVER, record)]
                observations.append(answer_of(second, VPC_RESOLVER, record))
            reported = codes(evidence(observations))
            assert "RUN003" not in reported, (first, second)
            assert reported


@pytest.mark.parametrize("other", ANSWERS)
def test_a_name_that_gets_no_answer_has_a_code_whatever_is_said_of_another(other: str) -> None:
    observations: Observations = [host(resolvers=[RESOLVER]), sdk(), imds()]
    for kind, target, own in ((other, "backup", "servfail"), ("timeout", "backup-gateway", "timeout")):
        observations += [proxy(of=target), lookup(failed=own, of=target)]
        observations += [
            replace(answer, subject=replace(answer.subject, target=target))
            for by in (RESOLVER, VPC_RESOLVER)
            for answer in (answer_of(kind, by, "A"), answer_of(kind, by, "AAAA"))
        ]
    reported = codes(evidence(observations, targets=[BACKUP, GATEWAY]))
    assert "RUN003" not in reported
    assert reported
