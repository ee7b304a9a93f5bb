"""Results of steps in plain words: `no answer to 3 SYNs in 3.0 s`. The observation has the raw facts."""

from ipaddress import ip_address
from typing import Any, Final

from agent.catalog.wording import counted, duration
from probes.facts import DnsFacts, HttpFacts, LookupFacts, TcpFacts
from probes.model import Failed, FailureKind, Observation, Skipped, Step, Subject
from probes.operations import GETADDRINFO

_FAILURES: Final = {
    FailureKind.TIMEOUT: "no answer{took}",
    FailureKind.REFUSED: "the connection was refused",
    FailureKind.RESET: "the connection was reset",
    FailureKind.CLOSED: "the other side closed the connection",
    FailureKind.UNREACHABLE: "there is no way to the address",
    FailureKind.PROHIBITED: "this host or a router forbids the connection",
    FailureKind.NO_SOURCE_PORT: "this host has no source port left",
    FailureKind.NXDOMAIN: "the name does not exist",
    FailureKind.NODATA: "the name has no such address",
    FailureKind.SERVFAIL: "the name server could not resolve the name",
    FailureKind.DNS_REFUSED: "the name server refuses to answer",
    FailureKind.DNS_MALFORMED: "the name server's answer cannot be read",
    FailureKind.TLS_UNTRUSTED: "the certificate comes from an authority that is not trusted here",
    FailureKind.TLS_HOSTNAME: "the certificate is for another name",
    FailureKind.TLS_EXPIRED: "the certificate has expired, by this host's clock",
    FailureKind.TLS_NOT_YET_VALID: "the certificate is not valid yet, by this host's clock",
    FailureKind.TLS_NOT_TLS: "what answers there does not speak TLS",
    FailureKind.TLS_ALERT: "the other side ended the handshake with an alert",
    FailureKind.TLS_NO_TRUST_STORE: "this host has no certificates to check with",
    FailureKind.NOT_AWS: "what answered is not AWS",
    FailureKind.REDIRECT: "the answer leads elsewhere",
    FailureKind.PROXY_REFUSED: "the proxy refuses to connect",
    FailureKind.PROXY_AUTH: "the proxy asks for credentials",
    FailureKind.MALFORMED: "the answer cannot be read",
    FailureKind.TOO_LARGE: "the answer is too large to be read",
    FailureKind.SERVICE_ERROR: "the answer is an error of the service",
    FailureKind.NO_CREDENTIALS: "there are no credentials",
    FailureKind.CREDENTIALS_EXPIRED: "the credentials have expired",
    FailureKind.CREDENTIALS_INVALID: "the credentials are not valid",
    FailureKind.SIGNATURE: "the signature does not match",
    FailureKind.CLOCK_SKEW: "this host's clock is too far off for a signature",
    FailureKind.WRONG_SCOPE: "the signature is for another Region or service",
    FailureKind.ACCESS_DENIED: "AWS answered and denies access",
    FailureKind.THROTTLED: "AWS answered that there were too many calls",
    FailureKind.NOT_SUBSCRIBED: "the account has not signed up for the service",
    FailureKind.NOT_PERMITTED: "it is not permitted",
    FailureKind.DEADLINE: "there was not enough time for it",
    FailureKind.BUG: "a fault of backuplink itself",
}
_UNANSWERED: Final = {
    Step.DNS: "no answer to the query{took}",
    Step.TCP: "no answer to the SYN{took}",
    Step.TLS: "connected, but the TLS handshake got no answer{took}",
    Step.HTTP: "the TLS handshake succeeded, but the request got no answer{took}",
    Step.API: "the TLS handshake succeeded, but the signed call got no answer{took}",
}
"""The meaning of a timeout for each step."""
_SUCCESSES: Final = {
    Step.TCP: "connected{took}",
    Step.TLS: "TLS handshake completed{took}",
    Step.API: "AWS allowed the signed call{took}",
}


_STEPS: Final = {
    Step.HOST: "what this host is set to",
    Step.IMDS: "instance metadata",
    Step.CREDENTIALS: "the search for credentials",
    Step.DNS: "the lookup",
    Step.TCP: "the connect",
    Step.TLS: "the TLS handshake",
    Step.HTTP: "the HTTP request",
    Step.API: "the signed call",
    Step.EC2: "the read",
}
_PLAIN: Final = frozenset({None, GETADDRINFO})


def step_in_words(subject: Subject) -> str:
    """Name a step without its id: `the TLS handshake at 10.0.1.17:443`."""
    words = _STEPS[subject.step]
    if subject.step is Step.DNS and subject.target is not None:
        words += f" of {subject.target}"
    if subject.resolver is not None:
        words += f" at {subject.resolver}"
    if subject.address is not None:
        host = f"[{subject.address}]" if subject.address.version == 6 else str(subject.address)
        words += f" at {host}" if subject.port is None else f" at {host}:{subject.port}"
    return words if subject.operation in _PLAIN else f"{words} ({subject.operation})"


def id_in_words(observation_id: str) -> str:
    """Name a step by its id alone, for a step that was not made."""
    step, target, address, port, *_ = (*observation_id.split("/"), None, None, None)
    try:
        place = None if address is None else ip_address(address)
    except ValueError:  # the record type of a lookup
        place, port = None, None
    return step_in_words(
        Subject(step=Step(str(step)), target=target, address=place, port=None if port is None else int(port))
    )


def in_words(seen: Observation[Any]) -> str:
    """Return the result of a step in one line without a full stop; empty if that would say no more than `ok`."""
    took = "" if seen.seconds is None else f" in {duration(seen.seconds)}"
    step = seen.subject.step
    match seen.outcome:
        case Failed(failure=failure):
            words = _FAILURES[failure.kind]
            if failure.kind is FailureKind.TIMEOUT:
                words = _UNANSWERED.get(step, words)
                if isinstance(seen.facts, TcpFacts) and seen.facts.retransmits:
                    words = f"no answer to {seen.facts.retransmits + 1} SYNs{{took}}"
            return words.format(took=took)
        case Skipped(reason=reason):
            return f"not made: {reason}"
    match seen.facts:
        case LookupFacts(addresses=addresses) | DnsFacts(addresses=addresses):
            return f"{counted(len(addresses), 'address', 'addresses')}{took}"
        case HttpFacts(status=status):
            return f"answered with HTTP status {status}{took}"
    return _SUCCESSES.get(step, "").format(took=took)
