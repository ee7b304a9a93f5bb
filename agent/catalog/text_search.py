"""Lines of logs searched for the texts of `agent.catalog.known_texts`, and what a line itself says: a host, an address.

A pattern is a row of pieces, each of which is searched for after the end of the one before; no piece holds a repetition
without a limit. So the time grows with the length of a line and not faster, whatever the line holds.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import cache
from ipaddress import ip_address
from typing import Final

from agent.catalog.findings import CODES, Scope
from agent.catalog.known_texts import KNOWN_TEXTS, KnownText
from agent.catalog.partitions import SUFFIXES, is_region
from agent.catalog.services import SERVICES
from agent.catalog.vpce import read_name
from probes.addresses import AddressScope, scope_of
from probes.frozen import dataclass
from probes.model import Address
from probes.urls import masked_urls

MAX_LINE_CHARACTERS: Final = 16_384
"""Of a line that are searched: many times the longest text, with room for a stack trace or JSON around it."""
MAX_MATCHES: Final = 100
"""Matches that are kept; a log in which more different ones occur is no log of one fault."""

_GAP: Final = "..."
_PARTS: Final = {
    "host": r"(?P<host>[a-z0-9._-]{1,253})",
    "peer": r"\[?(?P<peer>[0-9a-f.:]{2,45})\]?:[0-9]{1,5}",
    "address": r"(?P<peer>[0-9a-f.:]{2,45})",
    "word": r"\S{1,256}",
}
"""What the parts of a pattern that vary may hold."""
_SHOWN: Final = {"host": "HOST", "peer": "ADDRESS:PORT", "address": "ADDRESS", "word": "..."}
_PART: Final = re.compile(r"\{(\w+)\}")
_SPELLINGS: Final = (
    *(
        ("\u201c", '"'),
        ("\u201d", '"'),
        ("\u2019", "'"),
        ("\u2192", "->"),
    ),  # as web pages and word processors have them
    *((r"\u003e", ">"), (r"\u0026", "&"), (r"\"", '"'), (r"\n", " ")),  # as JSON has them
)
_HOST: Final = re.compile(r"(?<![a-z0-9.-])[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,10}(?![a-z0-9-])")
_ACTION: Final = re.compile(r"not authorized to perform: (?P<prefix>[a-z0-9-]{1,63}):[a-z]", re.IGNORECASE | re.ASCII)
"""An action in a denial (IAM User Guide, Troubleshoot access denied error messages)."""
_DUAL_STACK_LABEL: Final = "dualstack"
"""Label of Amazon S3's dual-stack hosts between service and Region (Amazon S3 User Guide, Dual-stack endpoints)."""
_PUBLIC_ANSWER: Final = "DNS001"
_BOGUS_ANSWER: Final = "DNS010"
_NEEDS_PUBLIC_ANSWER: Final = frozenset({_PUBLIC_ANSWER, "VPC002", "VPC003"})
"""Findings that do no harm but by a public answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedHost:
    """A host of AWS that a line names."""

    host: str
    service: str
    """As the catalogue calls it; of a service that it does not know the label in the name."""
    region: str | None
    """None in a name that has no Region."""


class AddressHint(StrEnum):
    """What the address that a connection went to says."""

    PUBLIC = "public"
    """No interface endpoint has it."""
    PUBLIC_AS_EVER = "public-as-ever"
    """Public, of a service whose addresses are public through a gateway endpoint, too."""
    PRIVATE = "private"
    """An endpoint may have it."""
    BOGUS = "bogus"
    """Loopback and the like, which no endpoint has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextMatch:
    """A known text in the lines, with what the line says of it."""

    known: KnownText
    pattern: str
    """The one of its patterns that is there, and the longest of those."""
    line: str
    """The first such line, cut to MAX_LINE_CHARACTERS, with only scheme and host of each URL. Others wrote it."""
    number: int
    """Of that line, from 1."""
    lines: int
    """How many lines have the text, with the same host and the same kind of address."""
    host: NamedHost | None
    denied_service: str | None
    """Whose action a denial names, as the catalogue calls the service."""
    address: Address | None
    """That the connection went to, where the text has it."""
    hint: AddressHint | None
    codes: tuple[str, ...]
    """Findings that can cause it, after what the address says; the most likely first."""

    @property
    def services(self) -> tuple[str, ...]:
        """Services whose path a check must cover: of the host, of the action, and of the record."""
        named = (None if self.host is None else self.host.service, self.denied_service, *self.known.services)
        return tuple(dict.fromkeys(service for service in named if service is not None))

    @property
    def command(self) -> tuple[str, ...] | None:
        """The command that proves the findings or clears them. None where there is nothing to check, or where this
        version checks none of the services and no finding is of the whole run."""
        checked = [service for service in self.services if _is_checked(service)]
        if not checked and not self.codes_of_run and (self.services or not self.codes):
            return None
        region = None if self.host is None else self.host.region
        return (
            *("backuplink", "check"),
            *(word for service in checked for word in ("--service", service)),
            *(() if region is None else ("--region", region)),
        )

    @property
    def codes_of_run(self) -> tuple[str, ...]:
        """Those of the findings that a run shows whichever services it checks. One that stands only as the cause of
        something measured needs the service at which that is."""
        return tuple(code for code in self.codes if CODES[code].scope is Scope.RUN and not CODES[code].needs_symptom)

    @property
    def unchecked(self) -> tuple[str, ...]:
        """The services that this version does not check."""
        return tuple(service for service in self.services if not _is_checked(service))


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What is known of some lines."""

    matches: tuple[TextMatch, ...]
    """The most specific first."""
    lines: int
    """How many were searched."""
    cut: int
    """How many of them are longer than MAX_LINE_CHARACTERS, and were searched up to there."""
    left_out: int
    """How many matches there are beyond MAX_MATCHES."""


def search(lines: Sequence[str]) -> SearchResult:
    """The known texts in lines, each once for each host, however often it is there."""
    found: dict[tuple[str | None, ...], TextMatch] = {}
    left_out = 0
    for number, line in enumerate(lines, 1):
        for match in _in_line(line[:MAX_LINE_CHARACTERS], number):
            place = () if match.host is None else (match.host.service, match.host.region)
            key = (match.known.id, match.hint, *place)
            if key in found:
                found[key] = replace(found[key], lines=found[key].lines + 1)
            elif len(found) < MAX_MATCHES:
                found[key] = match
            else:
                left_out += 1
    return SearchResult(
        matches=tuple(sorted(found.values(), key=lambda match: -weight_of(match.pattern))),  # sorting is stable
        lines=len(lines),
        cut=sum(len(line) > MAX_LINE_CHARACTERS for line in lines),
        left_out=left_out,
    )


def weight_of(pattern: str) -> int:
    """How specific a pattern is: how many characters of it do not vary."""
    return sum(len(_PART.sub("", piece)) for piece in pattern.split(_GAP))


def shown(pattern: str) -> str:
    """A pattern for a person: `dial tcp ADDRESS:PORT: i/o timeout`."""
    return _PART.sub(lambda part: _SHOWN[part[1]], pattern)


def named_host(line: str) -> NamedHost | None:
    """The first host of AWS in a line; None where there is none."""
    hosts = (service_host(match[0]) for match in _HOST.finditer(line.lower()))
    return next((host for host in hosts if host is not None), None)


def service_host(host: str) -> NamedHost | None:
    """What a name says of service and Region; None for one that is not of an AWS service."""
    own = read_name(host)
    if own is not None:
        return NamedHost(host=host, service=own.service, region=own.region)
    suffix = next((suffix for suffix in SUFFIXES if host.endswith(f".{suffix}")), None)
    if suffix is None:
        return None
    labels = [label for label in host.removesuffix(f".{suffix}").split(".") if label != _DUAL_STACK_LABEL]
    if len(labels) == 1 and not is_region(labels[0]):
        return NamedHost(host=host, service=_service(labels[0]), region=None)
    if len(labels) > 1 and is_region(labels[-1]):
        return NamedHost(host=host, service=_service(labels[-2]), region=labels[-1])
    return None


def _has_gateway_endpoint(service: str) -> bool:
    """Whether addresses of a service may be public on a private path (AWS PrivateLink Guide, Gateway endpoints)."""
    return service in SERVICES and SERVICES[service].has_gateway_endpoint


def _is_checked(service: str) -> bool:
    """Whether `check --service` takes a service."""
    return service in SERVICES


def _service(label: str) -> str:
    plain = label.removesuffix("-fips")
    return next((service.name for service in SERVICES.values() if service.host_label == plain), plain)


def _in_line(line: str, number: int) -> Iterator[TextMatch]:
    text = normalized(line)
    lowered = text.lower()
    for wanted in _searches():
        found = _found(wanted, text, lowered)
        if found is None:
            continue
        known, (pattern, peer) = wanted.known, found
        host = named_host(text)
        address = _address(peer)
        hint = None if address is None else _hint(address, known.services if host is None else (host.service,))
        yield TextMatch(
            known=known,
            pattern=pattern,
            line=masked_urls(line),
            number=number,
            lines=1,
            host=host,
            denied_service=_denied_service(text),
            address=address,
            hint=hint,
            codes=_codes(known, hint),
        )


def _denied_service(text: str) -> str | None:
    match = _ACTION.search(text)
    if match is None:
        return None
    prefix = match["prefix"].lower()
    return next((service.name for service in SERVICES.values() if service.signing_name == prefix), prefix)


def normalized(line: str) -> str:
    """A line with one space for all white space, and quotes and arrows as the programs themselves write them."""
    for spelling, plain in _SPELLINGS:
        line = line.replace(spelling, plain)
    return " ".join(line.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """A record, prepared for many lines."""

    known: KnownText
    unless: tuple[str, ...]
    patterns: tuple[tuple[str, str], ...]
    """The longest first; each with the longest part of it that does not vary, in lower case: a text without that part
    cannot have the pattern."""


@cache
def _searches() -> tuple[_Search, ...]:
    return tuple(
        _Search(
            known=known,
            unless=tuple(other.lower() for other in known.unless),
            patterns=tuple(
                (pattern, max(_literals(pattern), key=len).lower())
                for pattern in sorted(known.patterns, key=weight_of, reverse=True)
            ),
        )
        for known in KNOWN_TEXTS
    )


def _literals(pattern: str) -> list[str]:
    return [literal for piece in pattern.split(_GAP) for literal in _PART.split(piece.strip())[::2]]


def _found(wanted: _Search, text: str, lowered: str) -> tuple[str, str | None] | None:
    """The longest pattern of a record that is in a text, and the address in it; None where none is."""
    for pattern, literal in wanted.patterns:
        if literal not in lowered:
            continue
        if any(other in lowered for other in wanted.unless):
            return None
        peer, place = None, 0
        for piece in _pieces(pattern):
            match = piece.search(text, place)
            if match is None:
                break
            peer = match.groupdict().get("peer") or peer
            place = match.end()
        else:
            return pattern, peer
    return None


@cache
def _pieces(pattern: str) -> tuple[re.Pattern[str], ...]:
    return tuple(_compiled(piece.strip()) for piece in pattern.split(_GAP))


def _compiled(piece: str) -> re.Pattern[str]:
    words = _PART.split(piece)
    parts = [re.escape(literal) for literal in words[::2]]
    names = [_PARTS[name] for name in words[1::2]]
    joined = "".join(word for pair in zip(parts, [*names, ""], strict=True) for word in pair)
    return re.compile(joined, re.IGNORECASE | re.ASCII)


def _address(peer: str | None) -> Address | None:
    try:
        return None if peer is None else ip_address(peer)
    except ValueError:
        return None


def _hint(address: Address, services: Sequence[str]) -> AddressHint | None:
    match scope_of(address, vpc_cidrs=(), ipv6_known=True):
        case AddressScope.PUBLIC:
            return AddressHint.PUBLIC_AS_EVER if any(map(_has_gateway_endpoint, services)) else AddressHint.PUBLIC
        case AddressScope.PRIVATE | AddressScope.VPC:
            return AddressHint.PRIVATE
        case AddressScope.LOOPBACK | AddressScope.LINK_LOCAL | AddressScope.OTHER:
            return AddressHint.BOGUS
        case _:
            return None


def _codes(known: KnownText, hint: AddressHint | None) -> tuple[str, ...]:
    """The codes of a record after what the address says: a public one points at a public answer, a private one rules
    that out."""
    if not known.codes:
        return ()
    others = tuple(code for code in known.codes if code != _PUBLIC_ANSWER)
    match hint:
        case AddressHint.PUBLIC:
            return (_PUBLIC_ANSWER, *others)
        case AddressHint.PRIVATE:
            return tuple(code for code in known.codes if code not in _NEEDS_PUBLIC_ANSWER)
        case AddressHint.BOGUS:
            return (_BOGUS_ANSWER, *others)
        case _:
            return known.codes
