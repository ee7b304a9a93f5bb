"""Search lines of logs for the texts of `agent.catalog.known_texts`, and for the host and the address in a line.

A pattern is a sequence of pieces, and each piece is searched for after the end of the previous one. No piece contains a
repetition without a limit, so the time is proportional to the length of a line, whatever is in the line.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import cache
from ipaddress import ip_address
from typing import Final

from agent.catalog.findings import CODES, Layer, Scope
from agent.catalog.known_texts import KNOWN_TEXTS, METADATA, KnownText, Nearness
from agent.catalog.partitions import PARTITIONS, SUFFIXES, is_region
from agent.catalog.regions import REGIONS
from agent.catalog.services import SERVICES, is_offered
from agent.catalog.vpce import read_name
from probes.addresses import AddressScope, scope_of
from probes.frozen import dataclass
from probes.model import Address
from probes.urls import masked_urls

MAX_LINE_CHARACTERS: Final = 16_384
"""Number of characters of a line that are searched. This is many times the longest text, and leaves room for a stack
trace or JSON around the text."""
MAX_PREFIX_CHARACTERS: Final = 200
"""Number of characters that a logger may write before a text, such as time, thread and level."""
MAX_MATCHES: Final = 100
"""Maximum number of matches that are kept. A log with more different matches is not about a single fault."""

_GAP: Final = "..."
_PARTS: Final = {
    "host": r"(?P<host>[a-z0-9._-]{1,253})",
    "peer": r"\[?(?P<peer>[0-9a-f.:]{2,45})\]?:[0-9]{1,5}",
    "address": r"(?P<peer>[0-9a-f.:]{2,45})",
    "word": r"\S{1,256}",
}
"""The text that each variable part of a pattern may match."""
_SHOWN: Final = {"host": "HOST", "peer": "ADDRESS:PORT", "address": "ADDRESS", "word": "..."}
_PART: Final = re.compile(r"\{(\w+)\}")
_SPELLINGS: Final = (
    *(
        ("\u201c", '"'),
        ("\u201d", '"'),
        ("\u2019", "'"),
        ("\u2192", "->"),
    ),  # as in web pages and word processors
    *((r"\u003e", ">"), (r"\u0026", "&"), (r"\"", '"'), (r"\n", " ")),  # as in JSON
)
_NAME: Final = r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,10}(?![a-z0-9-])"
_HOST: Final = re.compile(rf"(?<![a-z0-9.%-]){_NAME}")
_CALLED: Final = re.compile(
    r"(?:(?:get|post|put|head|delete|patch|url:|failed for|request to|connect to|connecting to) [\"'`]?https?://"
    r"|host='|lookup |connect to |connection to |connecting to |resolve '|host: '?|unknownhostexception: "
    rf"|enotfound |eai_again |can't find |not be resolved: ')(?P<host>{_NAME})"
)
"""The ways in which programs name the host that they called."""
_PEER: Final = re.compile(
    r"(?<![0-9a-z.:-])(?P<peer>[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9a-f:]{2,39}\])"
    r"(?::443| \(?port 443| port: 443)(?![0-9])",
    re.IGNORECASE,
)
"""The address of a connection that a program writes outside of the known text."""
_ACTION: Final = re.compile(r"not authorized to perform: (?P<prefix>[a-z0-9-]{1,63}):[a-z]", re.IGNORECASE | re.ASCII)
"""The action in the text of a denial (IAM User Guide, Troubleshoot access denied error messages)."""
_OLDER_LABELS: Final = 2
"""Labels of a host of the older form, such as us-east-1.elasticmapreduce.amazonaws.com."""
_DUAL_STACK_LABEL: Final = "dualstack"
"""Label of Amazon S3's dual-stack hosts between service and Region (Amazon S3 User Guide, Dual-stack endpoints)."""
_PUBLIC_ANSWER: Final = "DNS001"
_BOGUS_ANSWER: Final = "DNS010"
_NOT_COVERED: Final = "ENV006"
_UNKNOWN_REGION: Final = "ENV014"
_NOT_OFFERED: Final = "ENV004"
_ONE_FAMILY: Final = "TCP008"
_GLOBAL_STS: Final = "API010"
_GATEWAY_PATH: Final = ("VPC019", "VPC006", "VPC012")
"""Codes that stop calls to a service with a gateway endpoint, whose addresses are public."""
_UNRESOLVED: Final = "DNS003"
"""A code that is a possible cause of every text which says that a name has no address."""
_SILENT: Final = "VPC005"
"""A code that is a possible cause of every text which says that nothing answers."""
_NEEDS_PUBLIC_ANSWER: Final = frozenset({_PUBLIC_ANSWER, "DNS002", "VPC001", "VPC002", "VPC003", "VPC011", "VPC015"})
"""Findings because of which a call goes to a public address. They do not explain why a private address does not
answer."""
_NEEDS_ENDPOINT: Final = frozenset({"VPC004", "VPC005", "VPC010", "TCP002"})
"""Findings about an endpoint whose own address is called. They seldom explain why a public address does not answer."""
_DENIED: Final = ("accessdenied", "access denied", "not authorized to perform", "unauthorizedoperation")
"""Words, in lower case, that show that the call reached AWS and AWS denied it."""
_DENIAL_LAYERS: Final = frozenset({Layer.CALL, Layer.POLICY, Layer.JOB})
_DENIAL_CODES: Final = frozenset({"VPC008", "VPC013"})
"""Findings about permissions in the configuration."""
_PATH_LAYERS: Final = frozenset({Layer.NAME, Layer.CONNECTION, Layer.TLS, Layer.CONFIGURATION})
_REACH: Final = frozenset({Layer.NAME, Layer.CONNECTION})
_GLOBAL_STS_HOST: Final = "sts.amazonaws.com"
_SUFFIXES: Final = tuple(f".{suffix}" for suffix in SUFFIXES)
_DUAL_STACK_SUFFIXES: Final = tuple(f".{partition.dual_stack_dns_suffix}" for partition in PARTITIONS)
_CAUSED: Final = "caused by: "
"""The beginning of a line, in Java and Go, that gives the cause of the previous line."""
_FRAME: Final = re.compile(r"(?:^|[\]\t ])(?:at [\w.$<>/-]{1,200}\(|\.\.\. [0-9]{1,4} (?:more|common))")
"""A line of a stack trace, which stands between a failure and its cause."""
_CONTINUED: Final = "status code: "
"""The beginning of the line with which the AWS SDK for Go 1 ends a denial that has no message."""
_JOB: Final = re.compile(r"\b(?:backup|restore|copy) jobs?\b", re.IGNORECASE)
_OF_BACKUP: Final = re.compile(r"\baws[ -]?backup\b|\bbackup (?:plan|vault|role|selection)\b", re.IGNORECASE)
"""Other words by which to recognise AWS Backup's own messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedHost:
    """A host of AWS whose name is in a line."""

    host: str
    service: str
    """The catalogue's name for the service; the label in the host name if the catalogue does not know it."""
    region: str | None
    """The Region in the name; None if the name has no Region."""


class AddressHint(StrEnum):
    """The kind of address that a connection went to, which excludes some causes."""

    PUBLIC = "public"
    """A public address, which no interface endpoint has."""
    PUBLIC_AS_EVER = "public-as-ever"
    """A public address of a service whose addresses are always public, even if calls go through a gateway endpoint."""
    PRIVATE = "private"
    """A private address, which an endpoint may have."""
    BOGUS = "bogus"
    """An address that no endpoint has, such as loopback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextMatch:
    """A known text in the lines, with the details of its line."""

    known: KnownText
    pattern: str
    """The longest pattern of `known` that matches the line."""
    line: str
    """The first line with the text, shortened to MAX_LINE_CHARACTERS. Of URLs in it, only scheme and host are kept. The
    line comes from outside."""
    number: int
    """The number of that line, from 1."""
    lines: int
    """Number of lines with the text and with the same host and kind of address."""
    host: NamedHost | None
    unknown_host: str | None
    """The host that was called, if the catalogue does not know to which service it belongs."""
    denied_service: str | None
    """The catalogue's name for the service of the denied action."""
    address: Address | None
    """The address to which the connection went; None if it is not in the line."""
    hint: AddressHint | None
    codes: tuple[str, ...]
    """Codes of findings that can cause the text, considering the rest of the line; the most likely first."""
    is_of_job: bool
    """Whether the text comes from a job of AWS Backup, which makes its own calls. The record of the text says so or,
    for a denial, the line."""

    @property
    def services(self) -> tuple[str, ...]:
        """Services whose path a check must cover: the service of the host, the service of the denied action, and those
        of the record."""
        named = (None if self.host is None else self.host.service, self.denied_service, *self.known.services)
        return tuple(dict.fromkeys(service for service in named if service is not None))

    @property
    def command(self) -> tuple[str, ...] | None:
        """The command that proves or excludes the findings. None if there is nothing to check. Also None if this
        version cannot check any of the services and no code is about the whole run, and if a run without `--service`
        would not check the host in the line."""
        checked = [service for service in self.services if _is_checked(service)]
        if not checked and not self.is_of_job:
            if self.unknown_host is not None or (self.services and _is_of_path(self)):
                return None
            if not self.codes_of_run and (self.services or not self.codes):
                return None
        region = None if self.host is None else self.host.region
        return (
            *("backuplink", "check"),
            *(("--jobs",) if self.is_of_job else ()),
            *(word for service in checked for word in ("--service", service)),
            *(() if region is None else ("--region", region)),
        )

    @property
    def codes_of_run(self) -> tuple[str, ...]:
        """The codes that a run can report whichever services it checks. A finding that is only reported as the cause of
        a measured fault is not among them, since it needs a check of the service with the fault."""
        return tuple(code for code in self.codes if CODES[code].scope is Scope.RUN and not CODES[code].needs_symptom)

    @property
    def unchecked(self) -> tuple[str, ...]:
        """The services that this version does not check."""
        return tuple(service for service in self.services if not _is_checked(service))


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What a search found in some lines."""

    matches: tuple[TextMatch, ...]
    """The matches; the innermost cause is first."""
    lines: int
    """Number of lines that were searched."""
    cut: int
    """Number of lines that are longer than MAX_LINE_CHARACTERS, and were searched only up to this length."""
    left_out: int
    """Number of matches that were left out because of MAX_MATCHES."""
    speaks_of_jobs: bool
    """Whether a line is about jobs of AWS Backup, which AWS Backup itself runs."""
    host: NamedHost | None
    """The first host of AWS in the lines."""
    unknown_host: str | None
    """The first host that was called, if the catalogue does not know to which service it belongs."""

    @property
    def next_command(self) -> tuple[str, ...] | None:
        """The command to run if no text is known. None if a run would test another service than the one in the
        lines."""
        if self.speaks_of_jobs:
            return ("backuplink", "check", "--jobs")
        if self.host is not None and _is_checked(self.host.service):
            region = () if self.host.region is None else ("--region", self.host.region)
            return ("backuplink", "check", "--service", self.host.service, *region)
        return ("backuplink", "check") if self.host is None and self.unknown_host is None else None


def search(lines: Sequence[str]) -> SearchResult:
    """Search lines for known texts. Each text is returned once per host, however often it occurs."""
    found: dict[tuple[str | None, ...], tuple[tuple[int, ...], TextMatch]] = {}
    left_out = 0
    read = _read(lines)
    for line in read:
        for place, match in enumerate(_in_line(line)):
            named = () if match.host is None else (match.host.service, match.host.region)
            key = (match.known.id, match.hint, *named)
            if key in found:
                rank, first = found[key]
                found[key] = (min(rank, _rank(match, line, place)), replace(first, lines=first.lines + 1))
            elif len(found) < MAX_MATCHES:
                found[key] = (_rank(match, line, place), match)
            else:
                left_out += 1
    return SearchResult(
        matches=tuple(match for _, match in sorted(found.values(), key=lambda ranked: ranked[0])),
        lines=len(lines),
        cut=sum(len(line) > MAX_LINE_CHARACTERS for line in lines),
        left_out=left_out,
        speaks_of_jobs=any(_JOB.search(line.text) or _OF_BACKUP.search(line.text) for line in read),
        host=next((line.host for line in read if line.host is not None), None),
        unknown_host=next((line.unknown_host for line in read if line.unknown_host is not None), None),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A line in the form in which it is searched."""

    text: str
    whole: str
    """The text as it was written, cut to MAX_LINE_CHARACTERS."""
    number: int
    depth: int
    """The depth of the line in a trace: 0 for the failure that begins it, 1 for its cause, and so on."""
    host: NamedHost | None
    """The host of AWS in the line or, in a trace, in the enclosing line."""
    unknown_host: str | None


def _read(lines: Sequence[str]) -> list[_Line]:
    read: list[_Line] = []
    depth = 0
    host: NamedHost | None = None
    unknown: str | None = None
    for number, line in enumerate(lines, 1):
        whole = line[:MAX_LINE_CHARACTERS]
        text = normalized(whole)
        if read and text.startswith(_CONTINUED):
            last = read[-1]
            read[-1] = replace(last, text=f"{last.text} {text}"[:MAX_LINE_CHARACTERS])
            continue
        is_inside = _is_cause(text) or _FRAME.search(text) is not None
        depth = depth + _is_cause(text) if is_inside else 0
        named = _called(text)
        if named != (None, None) or not is_inside:
            host, unknown = named
        read.append(_Line(text=text, whole=whole, number=number, depth=depth, host=host, unknown_host=unknown))
    return read


def _is_cause(text: str) -> bool:
    """Whether a line, apart from a logger's prefix, begins like the cause of the line before it."""
    before, found, _ = text[:MAX_PREFIX_CHARACTERS].lower().partition(_CAUSED)
    return bool(found) and (before.rstrip().endswith("]") or not any(map(str.isalpha, before)))


def _rank(match: TextMatch, line: _Line, place: int) -> tuple[int, ...]:
    """The sort key of a match: matches nearer to the cause come first. "Caused by" leads from the outermost failure to
    the innermost one, over several lines or within a line. A traceback of Python begins with the innermost failure."""
    return (match.known.nearness, -line.depth, line.number, place)


def weight_of(pattern: str) -> int:
    """How specific a pattern is: the number of its fixed characters."""
    return sum(len(_PART.sub("", piece)) for piece in pattern.split(_GAP))


def shown(pattern: str) -> str:
    """A pattern in readable form: `dial tcp ADDRESS:PORT: i/o timeout`."""
    return _PART.sub(lambda part: _SHOWN[part[1]], pattern)


def named_host(line: str) -> NamedHost | None:
    """The first host of AWS in a line; None if there is none."""
    hosts = (service_host(match[0]) for match in _HOST.finditer(line.lower()))
    return next((host for host in hosts if host is not None), None)


def _called(text: str) -> tuple[NamedHost | None, str | None]:
    """The host of AWS in a line. If there is none, the second value is another host that, according to the line, was
    called."""
    host = named_host(text)
    if host is not None:
        return host, None
    called = (match["host"] for match in _CALLED.finditer(text.lower()) if _address(match["host"]) is None)
    return None, next(called, next(_hosts_of_aws(text), None))


def _hosts_of_aws(text: str) -> Iterator[str]:
    for match in _HOST.finditer(text.lower()):
        if match[0].endswith(_SUFFIXES):
            yield match[0]


def service_host(host: str) -> NamedHost | None:
    """The service and Region in a host name; None if it does not belong to an AWS service."""
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
    if labels[-1].startswith("s3-") and is_region(labels[-1].removeprefix("s3-")):
        return NamedHost(host=host, service="s3", region=labels[-1].removeprefix("s3-"))
    if len(labels) == _OLDER_LABELS and is_region(labels[0]):
        return NamedHost(host=host, service=_service(labels[1]), region=labels[0])
    return None


def _has_gateway_endpoint(service: str) -> bool:
    """Whether addresses of a service may be public on a private path (AWS PrivateLink Guide, Gateway endpoints)."""
    return service in SERVICES and SERVICES[service].has_gateway_endpoint


def _is_checked(service: str) -> bool:
    """Whether `check --service` accepts a service."""
    return service in SERVICES


def _service(label: str) -> str:
    plain = label.removesuffix("-fips")
    return next((service.name for service in SERVICES.values() if service.host_label == plain), plain)


def _in_line(line: _Line) -> list[TextMatch]:
    """The known texts in a line, the innermost first, since a program writes its own words before a text that it
    received."""
    text, lowered, host, unknown = line.text, line.text.lower(), line.host, line.unknown_host
    is_denial = any(words in lowered for words in _DENIED)
    found: list[tuple[int, TextMatch]] = []
    for literals, wanted in _searches():
        for literal in literals:  # checked first, since most lines contain no known text
            if literal in lowered:
                break
        else:
            continue
        match = _found(wanted, text, lowered)
        if match is None:
            continue
        known = wanted.known
        address = _address(_peer_of(text) if match.peer is None else match.peer)
        hint = None if address is None else _hint(address, known.services if host is None else (host.service,))
        codes = _codes(known, hint, host, unknown, is_denial=is_denial)
        if known.codes and not codes:
            continue
        found.append(
            (
                match.end,
                TextMatch(
                    known=known,
                    pattern=match.pattern,
                    line=masked_urls(line.whole),
                    number=line.number,
                    lines=1,
                    host=host,
                    unknown_host=unknown,
                    denied_service=_denied_service(text),
                    address=address,
                    hint=hint,
                    codes=codes,
                    is_of_job=known.is_of_job or (is_denial and _JOB.search(text) is not None),
                ),
            )
        )
    matches = [match for _, match in sorted(found, key=lambda row: (-row[0], -weight_of(row[1].pattern)))]
    is_failure = any(CODES[code].layer in _REACH for match in matches for code in match.codes)
    is_metadata = any(address in lowered for address in METADATA)
    said = [
        match
        for match in matches
        if (is_failure if match.known.needs_failure else not (is_metadata and _is_of_path(match)))
    ]
    nearest = min((match.known.nearness for match in said if not match.known.yields), default=Nearness.CONSEQUENCE)
    return [match for match in said if not match.known.yields or match.known.nearness < nearest]


def _peer_of(text: str) -> str | None:
    found = [match["peer"] for match in _PEER.finditer(text)]
    return found[-1].strip("[]") if found else None


def _denied_service(text: str) -> str | None:
    match = _ACTION.search(text)
    if match is None:
        return None
    prefix = match["prefix"].lower()
    return next((service.name for service in SERVICES.values() if service.signing_name == prefix), prefix)


def normalized(line: str) -> str:
    """A line in which all white space is a single space, and quotes and arrows are as programs write them."""
    for spelling, plain in _SPELLINGS:
        line = line.replace(spelling, plain)
    return " ".join(line.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """A record, prepared to be searched for in many lines."""

    known: KnownText
    unless: tuple[str, ...]
    patterns: tuple[tuple[str, str], ...]
    """The patterns, the longest first. Each comes with its longest fixed part, in lower case: a line without this part
    cannot match."""


@cache
def _searches() -> tuple[tuple[tuple[str, ...], _Search], ...]:
    """All records. Each comes with a fixed part of every one of its patterns."""
    searches = [
        _Search(
            known=known,
            unless=tuple(other.lower() for other in known.unless),
            patterns=tuple(
                (pattern, max(_literals(pattern), key=len).lower())
                for pattern in sorted(known.patterns, key=weight_of, reverse=True)
            ),
        )
        for known in KNOWN_TEXTS
    ]
    return tuple((tuple(dict.fromkeys(literal for _, literal in search.patterns)), search) for search in searches)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The position of a record's text in a line."""

    pattern: str
    peer: str | None
    """The address that the text contains."""
    end: int


def _literals(pattern: str) -> list[str]:
    return [literal for piece in pattern.split(_GAP) for literal in _PART.split(piece.strip())[::2]]


def _found(wanted: _Search, text: str, lowered: str) -> _Place | None:
    """The longest pattern of a record that matches a text; None if no pattern matches."""
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
            return _Place(pattern=pattern, peer=peer, end=place)
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


def _codes(
    known: KnownText, hint: AddressHint | None, host: NamedHost | None, unknown: str | None, *, is_denial: bool
) -> tuple[str, ...]:
    """The codes of a record, reduced by the details in the rest of the line."""
    codes = known.codes
    if is_denial:
        return tuple(code for code in codes if CODES[code].layer in _DENIAL_LAYERS or code in _DENIAL_CODES)
    if hint is AddressHint.PRIVATE:
        codes = tuple(code for code in codes if code not in _NEEDS_PUBLIC_ANSWER)
    elif hint is AddressHint.BOGUS and codes:
        codes = (_BOGUS_ANSWER, *(code for code in codes if code not in _NEEDS_PUBLIC_ANSWER))
    elif hint is AddressHint.PUBLIC and codes:
        endpoint = [code for code in codes if code in _NEEDS_ENDPOINT]  # its addresses are seldom public
        codes = tuple(dict.fromkeys((_PUBLIC_ANSWER, *(code for code in codes if code not in endpoint), *endpoint)))
    return tuple(dict.fromkeys((*_codes_of_host(codes, host, unknown), *codes)))


def _codes_of_host(codes: tuple[str, ...], host: NamedHost | None, unknown: str | None) -> tuple[str, ...]:
    """The codes of a failure. The codes that are most likely for this host come first."""
    name = unknown if host is None else host.host
    is_unresolved, is_silent = _UNRESOLVED in codes, _SILENT in codes
    if name is None or not name.endswith(_SUFFIXES) or not (is_unresolved or is_silent):
        return ()
    region = None if host is None else host.region
    return (
        *((_GLOBAL_STS,) if name == _GLOBAL_STS_HOST else ()),
        *((_NOT_COVERED,) if _is_variant(name) else ()),
        *((_ONE_FAMILY,) if is_silent and name.endswith(_DUAL_STACK_SUFFIXES) else ()),
        *((_UNKNOWN_REGION,) if is_unresolved and region not in REGIONS and not _is_global(host) else ()),
        *((_NOT_OFFERED,) if is_unresolved and host is not None and _may_not_be_offered(host) else ()),
        *(_GATEWAY_PATH if is_silent and host is not None and _has_gateway_endpoint(host.service) else ()),
    )


def _is_global(host: NamedHost | None) -> bool:
    return host is not None and host.region is None


def _may_not_be_offered(host: NamedHost) -> bool:
    """Whether a service is not known to be offered in the Region of its host."""
    return host.region in REGIONS and not (_is_checked(host.service) and is_offered(host.service, host.region))


def _is_path(code: str) -> bool:
    """Whether a finding is about the path to a service, from its name to an answer."""
    return CODES[code].layer in _PATH_LAYERS and code not in _DENIAL_CODES


def _is_of_path(match: TextMatch) -> bool:
    return any(map(_is_path, match.codes))


def _is_variant(host: str) -> bool:
    """Whether an SDK builds this host for FIPS, for dual stack or in an older form. Private DNS may not answer for such
    hosts."""
    return "-fips." in host or host.endswith(_DUAL_STACK_SUFFIXES) or is_region(host.partition(".")[0])
