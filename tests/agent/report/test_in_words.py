"""The result of a step, in plain words."""

from dataclasses import replace

import pytest

from agent.report.in_words import in_words, step_in_words
from agent.report.words import connected
from probes.model import Failed, Failure, FailureKind, Observation, Step, Subject
from tests.support.runs import report_of


def seen(name: str, step: str) -> Observation[object]:
    return next(observation for observation in report_of(name).observations if observation.id == step)


@pytest.mark.parametrize(
    ("name", "step", "words"),
    [
        ("one-zone-silent", "tcp/backup/10.0.2.17/443", "no answer to 3 SYNs in 3.0 s"),
        ("one-zone-silent", "tls/backup/10.0.2.17/443", "not made: tcp failed: timeout"),
        ("one-zone-silent", "tcp/backup/10.0.1.17/443", "connected in 2.0 ms"),
        ("one-zone-silent", "dns/backup/getaddrinfo", "3 addresses in 2.0 ms"),
        ("one-zone-silent", "host/sdk-settings", ""),
        ("healthy", "tls/backup/10.0.1.17/443", "TLS handshake completed in 2.0 ms"),
        ("healthy", "api/backup/10.0.1.17/443", "AWS allowed the signed call in 2.0 ms"),
        ("mtu-black-hole", "tls/backup/10.0.1.17/443", "connected, but the TLS handshake got no answer in 3.0 s"),
        ("dual-stack-healthy", "dns/backup/fd00:ec2::253/A", "no answer to the query in 3.0 s"),
        ("endpoint-policy-denies", "api/backup/10.0.1.17/443", "AWS answered and denies access"),
    ],
)
def test_what_became_of_a_step(name: str, step: str, words: str) -> None:
    assert in_words(seen(name, step)) == words


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize(("operation", "end"), [(None, ""), ("getaddrinfo", ""), ("AAAA", " (AAAA)")])
def test_a_step_has_words_and_its_operation(step: Step, operation: str | None, end: str) -> None:
    words = step_in_words(Subject(step=step, operation=operation))
    assert words == step_in_words(Subject(step=step)) + end


@pytest.mark.parametrize("step", [Step.DNS, Step.TCP, Step.TLS, Step.HTTP, Step.API])
def test_a_timeout_of_a_step_of_the_path_says_what_got_no_answer(step: Step) -> None:
    observation = seen("healthy", "http/backup/10.0.1.17/443")
    timeout = Failure(kind=FailureKind.TIMEOUT, code=None, message="x")
    plain, own = (
        in_words(replace(observation, subject=replace(observation.subject, step=one), outcome=Failed(timeout, None)))
        for one in (Step.IMDS, step)
    )
    assert len(own) > len(plain)


@pytest.mark.parametrize(
    ("name", "expected"), [("healthy", (3, 0.002)), ("one-zone-silent", (2, 0.002)), ("port-blocked", (0, None))]
)
def test_how_many_addresses_connect_and_how_slowly(name: str, expected: tuple[int, float | None]) -> None:
    report = report_of(name)
    assert connected(report.targets[0], report) == expected


def test_an_unsigned_answer_has_its_status() -> None:
    assert in_words(seen("healthy", "http/backup/10.0.1.17/443")).startswith("answered with HTTP status 40")


@pytest.mark.parametrize("kind", FailureKind)
def test_every_failure_has_words(kind: FailureKind) -> None:
    observation = seen("healthy", "http/backup/10.0.1.17/443")
    failure = Failure(kind=kind, code=None, message="x")
    words = in_words(replace(observation, outcome=Failed(failure, None)))

    assert len(words) > 8
    assert "{" not in words
    assert len(words.split()) > 1
    assert not words.endswith(".")
