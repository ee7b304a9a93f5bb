"""Every kind of failure at every step that a target needs: which of them RUN003 may be left to."""

from dataclasses import replace
from typing import Any, Final

import pytest

from agent.judge.requirements import required_steps
from agent.judge.verdict import judge_evidence
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
    Step.TLS: _OF_STREAMS | _OF_TLS | {K.MALFORMED, K.TOO_LARGE},
    Step.HTTP: _OF_STREAMS | _OF_ANSWERS | {K.TLS_ALERT, K.MALFORMED},
    Step.API: _OF_STREAMS | _OF_TLS | _OF_ANSWERS | _OF_CALLS | {K.NO_SOURCE_PORT},
    Step.CREDENTIALS: {K.NO_CREDENTIALS, K.TIMEOUT, K.MALFORMED},
}
"""What each step can end with (`probes.failure`, and what its own probe raises). A connection that is up needs no
source port, and only a call may open another one."""
WITHOUT_A_CODE: Final = {
    (Step.API, K.MALFORMED): "AWS answers with an error that no table has, or without the key that a good answer has: "
    "a fact without a cause",
}
"""What stays RUN003, and why no code can name it."""


def spoilt(good: Observations, step: str, kind: FailureKind) -> Observations:
    """A good run in which this step failed, with what was heard before it did, and what grows from it was not made."""
    seen = {each.id: each for each in good}
    broken = seen[step]
    failure = Failure(kind=kind, message="it ended", code=None)
    heard: Any = broken.facts if broken.subject.step in (Step.TLS, Step.API) else None
    if broken.subject.step is Step.TLS and heard is not None:
        heard = replace(heard, bytes_received=100)
    if kind in _OF_ANSWERS - {K.SERVICE_ERROR} and hasattr(heard, "request_id"):
        heard = None
    seen[step] = replace(broken, outcome=Failed(failure, heard), seconds=3.0 if kind is K.TIMEOUT else 0.01)
    lost = {step}
    while more := [each for each in good if each.id not in lost and _grows_from(each, lost)]:
        for each in more:
            seen[each.id] = replace(each, outcome=Skipped("what is below failed"), started_at=None, seconds=None)
            lost.add(each.id)
    return list(seen.values())


def _grows_from(observation: Observation[Any], lost: set[str]) -> bool:
    return observation.subject.after in lost or (observation.subject.step is Step.API and Step.CREDENTIALS in lost)


@pytest.mark.parametrize("target", [BACKUP, GATEWAY], ids=lambda target: target.id)
def test_every_failure_of_a_required_step_has_a_code(target: Any) -> None:
    good, of = called(target), run(signed_calls=True)
    proven = required_steps(evidence(good, targets=[target], of=of), target)
    steps = [*proven, *(f"{Step.HTTP}/{target.id}/{address}/443" for address in PRIVATE)]
    asked = [(step, kind) for step in steps for kind in POSSIBLE.get(Step(step.partition("/")[0]), ())]
    assert len(asked) > 100
    unnamed = [
        (step, kind)
        for step, kind in asked
        if "RUN003"
        in {
            finding.code
            for finding in judge_evidence(evidence(spoilt(good, step, kind), targets=[target], of=of)).findings
        }
    ]
    assert unnamed == []


def test_a_failure_without_a_code_is_run003() -> None:
    of = run(signed_calls=True)
    for step, kind in WITHOUT_A_CODE:
        look = f"{step}/backup/{PRIVATE[0]}/443"
        report = judge_evidence(evidence(spoilt(called(), look, kind), of=of))
        assert "RUN003" in {finding.code for finding in report.findings}


ANSWERS: Final = (
    *("private", "public", "empty", "nxdomain", "servfail", "dns-refused", "dns-malformed", "timeout", "refused"),
    *("reset", "closed", "unreachable", "prohibited", "too-large", "no-source-port", "malformed"),
)


def said_of(kind: str, by: str, record: str) -> Observation[Any]:
    """What a name server says: addresses of a scope for A, nothing for AAAA, or how asking it failed for both."""
    given = {"private": PRIVATE[:1], "public": (PUBLIC,), "empty": ()}
    if kind in given:
        return answer(*(given[kind] if record == "A" else ()), by=by, record=record)
    return answer(by=by, record=record, failed=kind)


@pytest.mark.parametrize("own", ["nxdomain", "nodata", "servfail", "timeout", "too-large"])
@pytest.mark.parametrize("server", [RESOLVER, CORPORATE])
def test_every_lookup_that_fails_has_a_code_whatever_the_name_servers_say(own: str, server: str) -> None:
    for kind in ANSWERS:
        for vpc in [kind] if server == RESOLVER else ["private", "public", "nxdomain", "timeout", "servfail"]:
            looks: Observations = [host(resolvers=[server]), sdk(), imds(), proxy(), lookup(failed=own)]
            for record in ("A", "AAAA"):
                looks += [said_of(vpc, RESOLVER, record), said_of(vpc, VPC_RESOLVER, record)]
                looks.append(said_of(kind, server, record))
            codes = {finding.code for finding in judge_evidence(evidence(looks)).findings}
            assert "RUN003" not in codes, (kind, vpc)
            assert codes
