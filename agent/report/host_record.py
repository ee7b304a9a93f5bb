"""The record of one host: one line of JSON, at most 2,000 bytes, from which a fleet is joined.

It contains only texts, booleans and lists of texts, so that a table of SQL accepts it unchanged. A cause is written as
`severity|code|target|kind=id|…`. A symptom is written as `code|target|kind=id|… < code|target|kind=id|…`, with its
cause after the `<`. In each part `%`, `|`, `<` and all characters except printable ASCII are percent-encoded (RFC 3986,
section 2.1).

The ids in a key are the same on every host with the same cause: they identify the faulty resource, not the place at
which one host met the fault. They come only from the subjects of the finding.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, Final, get_type_hints
from urllib.parse import quote

from agent.catalog.findings import CODES, Layer, Radius, Severity
from agent.report.model import Access, Finding, FindingSubject, Path, Report, Status, SubjectKind, Vantage
from agent.report.serialization import DecodeError, from_json, to_json, type_schema
from agent.report.standing import Standing, standings
from probes.addresses import VPC_RESOLVER_IPV6, vpc_resolvers
from probes.facts import HostFacts
from probes.frozen import dataclass
from probes.model import Address, Step
from probes.ports import HTTPS

SCHEMA: Final = "backuplink.host.v1"
MAX_BYTES: Final = 2_000
"""Maximum length of a line in bytes, with its line end. `list-command-invocations --details` of Systems Manager keeps
2,500 characters."""
MAX_LISTED: Final = 8
"""Maximum number of items in each list."""
MAX_SUMMARY: Final = 300
MAX_FIX: Final = 300
MAX_TITLE: Final = 100
"""Maximum length of a title in bytes of JSON."""
_MAX_WORD: Final = 64
"""Maximum length of every other text in bytes of JSON."""
_MAX_PART: Final = 120
"""Maximum length of each part of a key in bytes."""
AMAZON: Final = "amazon"
"""Stands for the VPC's own name server, whose address differs from VPC to VPC."""
LOOPBACK: Final = "loopback"
"""Stands for a name server on the host itself whose own servers are unknown."""
_AS_IT_IS: Final = "".join(map(chr, range(0x20, 0x7F))).translate(dict.fromkeys(map(ord, "%|<")))
_NEEDS_NO_ESCAPE: Final = re.compile(f"[{re.escape(_AS_IT_IS)}]*")
_AS_LONG_IN_JSON: Final = re.compile(r"[ !#-\[\]-~]*")
"""Characters with the same length in JSON: printable ASCII without `"` and the backslash."""
_PLACES: Final = frozenset({SubjectKind.VPC, SubjectKind.ADDRESS})
"""Kinds of subjects that say where a fault was met."""
_MEASURED: Final = frozenset({*_PLACES, SubjectKind.PORT, SubjectKind.RESOLVER})
_CALLERS: Final = frozenset({SubjectKind.ACCOUNT, SubjectKind.ROLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRecord:
    """The data about one run on one host that a fleet uses."""

    schema: str
    tool: str
    """The version of backuplink."""
    run: str
    taken_at: str
    """Time at which the run ended, RFC 3339 in UTC."""
    redacted: bool
    """Whether masks replace the identifying values. A redacted record is counted, but its ids are not compared with
    those of other records."""
    host: str | None
    """The instance's id, else the id of the managed node, else the host's own name."""
    region: str | None
    account: str | None
    vpc: str | None
    subnet: str | None
    zone: str | None
    """Id of the availability zone."""
    image: str | None
    instance_type: str | None
    security_groups: tuple[str, ...]
    resolvers: tuple[str, ...]
    """Name servers: `amazon` for the VPC's own, `loopback` for one on the host whose own servers are unknown."""
    endpoints: tuple[str, ...]
    """Ids of the endpoints at the addresses in use, as far as EC2's answers or names show them."""
    services: tuple[str, ...]
    """Services that the run requires."""
    status: str
    path: str
    access: str
    complete: bool
    ec2: bool
    """Whether any of the configuration was read."""
    summary: str
    causes: tuple[str, ...]
    """Findings that count, that have no other finding as their cause, and whose severity is not info, in the order of
    the report."""
    symptoms: tuple[str, ...]
    """Findings that the causes explain."""
    title: str | None
    """The title of the first cause."""
    fix: str | None
    cut: tuple[str, ...]
    """The names of the fields that were shortened."""


_NAMES: Final = tuple(field.name for field in fields(HostRecord))
MAX_TEXT: Final = 2_000
"""Maximum length of one text in a record, whose whole line has at most as many bytes."""
_HINTS: Final = get_type_hints(HostRecord)
_TEXTS: Final = tuple(name for name, kind in _HINTS.items() if kind is str)
_TEXTS_OR_NONE: Final = tuple(name for name, kind in _HINTS.items() if kind == str | None)
_FLAGS: Final = tuple(name for name, kind in _HINTS.items() if kind is bool)
_LISTS: Final = tuple(name for name, kind in _HINTS.items() if kind == tuple[str, ...])
_WORDS: Final = {
    name: frozenset(member.value for member in kind)
    for name, kind in (("status", Status), ("path", Path), ("access", Access))
}
_PART: Final = r"(?:[ -$&-;=-{}~]|%[0-9A-F]{2})*"
"""A part of a key (docs/host-record.md): printable ASCII without `%`, `|`, `<`, which are percent-encoded."""
_KEY: Final = rf"[A-Z0-9]{{1,16}}\|{_PART}(?:\|{_PART})*"
_FORMS: Final = {
    "causes": re.compile(rf"(?:critical|warning)\|{_KEY}"),
    "symptoms": re.compile(rf"{_KEY} < {_KEY}"),
}
compact: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""An encoder of JSON without blanks; `json.dumps` would make one for each call."""
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def line(record: HostRecord) -> str:
    """A record as a line of JSON, in ASCII."""
    return compact(plain(record)) + "\n"


def plain(record: HostRecord) -> dict[str, Any]:
    """Return a record in JSON's types. Its fields are texts, flags and tuples of texts, so only tuples are converted: a
    fleet makes ten thousand records in seconds."""
    values = ((name, getattr(record, name)) for name in _NAMES)
    return {name: list(value) if type(value) is tuple else value for name, value in values}


def schema() -> dict[str, Any]:
    """The JSON Schema of the record (draft 2020-12)."""
    definitions: dict[str, Any] = {}
    type_schema(HostRecord, definitions)
    record = definitions["HostRecord"]
    record["properties"] |= {"schema": {"const": SCHEMA}}
    for name in ("security_groups", "resolvers", "endpoints", "services", "causes", "symptoms"):
        record["properties"][name]["maxItems"] = MAX_LISTED
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{SCHEMA.replace('.', ':')}",
        "title": SCHEMA,
        **record,
    }


def field_names() -> tuple[str, ...]:
    """The names of a record's fields in their order."""
    return _NAMES


def record_of(report: Report) -> HostRecord:
    """Return the record of a report, shortened if it must be."""
    seen, ranked = report.vantage, standings(report)
    own = _own_resolvers(seen)
    counted = [(finding, standing) for finding, standing in ranked if finding.severity is not Severity.INFO]
    causes = [finding for finding, standing in counted if standing is Standing.CAUSE]
    by_id = {finding.id: finding for finding in report.findings}
    symptoms = [(finding, _root(finding, by_id)) for finding, standing in counted if standing is Standing.SYMPTOM]
    cut: dict[str, None] = {}

    def text(name: str, value: str | None, most: int = _MAX_WORD) -> str | None:
        short = None if value is None else _bounded(value, most)
        if short != value:
            cut[name] = None
        return short

    def listed(name: str, values: Iterable[str]) -> tuple[str, ...]:
        every = tuple(dict.fromkeys(values))
        if len(every) > MAX_LISTED:
            cut[name] = None
        return every[:MAX_LISTED]

    def texts(name: str, values: Iterable[str]) -> tuple[str, ...]:
        return tuple(text(name, value) or "" for value in listed(name, values))

    first = causes[0] if causes else None
    record = HostRecord(
        schema=SCHEMA,
        tool=text("tool", report.tool.version) or "",
        run=text("run", report.run.id) or "",
        taken_at=str(to_json(report.run.finished_at)),
        redacted=report.run.redacted,
        host=text("host", seen.instance_id or seen.managed_node_id or seen.host_name),
        region=text("region", seen.region or report.run.region),
        account=text("account", seen.account_id),
        vpc=text("vpc", seen.vpc_id),
        subnet=text("subnet", seen.subnet_id),
        zone=text("zone", seen.availability_zone_id),
        image=text("image", seen.image_id),
        instance_type=text("instance_type", seen.instance_type),
        security_groups=texts("security_groups", seen.security_group_ids),
        resolvers=texts("resolvers", _resolvers(report, own)),
        endpoints=texts("endpoints", _endpoints(report)),
        services=texts("services", (target.service for target in report.targets if target.required)),
        status=report.verdict.status.value,
        path=report.verdict.path.value,
        access=report.verdict.access.value,
        complete=report.run.complete,
        ec2=any(read.subject.step is Step.EC2 and read.ok for read in report.observations),
        summary=text("summary", report.verdict.summary, MAX_SUMMARY) or "",
        causes=listed("causes", [f"{cause.severity}|{key(cause, own)}" for cause in causes]),
        symptoms=listed("symptoms", [f"{key(symptom, own)} < {key(root, own)}" for symptom, root in symptoms]),
        title=None if first is None else text("title", first.title, MAX_TITLE),
        fix=None if first is None else text("fix", first.fix.summary, MAX_FIX),
        cut=tuple(cut),  # the last, since the fields above fill it
    )
    return _fitting(record)


def key(finding: Finding, own_resolvers: frozenset[str]) -> str:
    """Return the key of a finding, which is equal on every host that has it for the same reason:
    `code|target|kind=id|…`."""
    parts = [f"{subject.kind.value}={subject.id}" for subject in anchors(finding, own_resolvers)]
    return "|".join(_part(part) for part in (finding.code, finding.target or "", *parts))


def anchors(finding: Finding, own_resolvers: frozenset[str]) -> tuple[FindingSubject, ...]:
    """Return the subjects that are the same on every host with the same cause. `own_resolvers` are the name servers of
    the VPC or of the host itself."""
    chosen = tuple(_anchors(finding, own_resolvers))
    if not _is_at_ports(finding):
        return chosen
    ports = (subject for subject in finding.subjects if subject.kind is SubjectKind.PORT)
    return (*chosen, *(port for port in ports if port.id != str(HTTPS)))


def _is_at_ports(finding: Finding) -> bool:
    code = CODES.get(finding.code)
    return code is not None and code.layer in (Layer.CONNECTION, Layer.CONFIGURATION) and code.radius is not Radius.HOST


def _anchors(finding: Finding, own_resolvers: frozenset[str]) -> Iterable[FindingSubject]:
    code, subjects = CODES.get(finding.code), finding.subjects
    if code is None:  # a kind of a later version
        return subjects
    urls = [subject for subject in subjects if subject.kind is SubjectKind.URL]
    if code.radius is Radius.HOST or urls:
        return urls
    vpcs = [subject for subject in subjects if subject.kind is SubjectKind.VPC]
    named = [subject for subject in subjects if subject.kind not in _MEASURED | _CALLERS]
    if code.layer is Layer.CONFIGURATION and named:
        return [*named, *(vpcs if code.radius is Radius.VPC else [])]  # groups and tables belong to one VPC anyway
    if code.radius is Radius.ACCOUNT:
        return [subject for subject in subjects if subject.kind in _CALLERS]
    issuers = [subject for subject in subjects if subject.kind is SubjectKind.ISSUER]
    if issuers:
        return issuers
    if code.layer in (Layer.NAME, Layer.CONFIGURATION):
        servers = [subject for subject in subjects if subject.kind is SubjectKind.RESOLVER]
        return [server for server in servers if server.id not in own_resolvers] or vpcs
    return [subject for subject in subjects if subject.kind in _PLACES]


def _own_resolvers(seen: Vantage) -> frozenset[str]:
    addresses = (*_amazon(seen), *(address for address in seen.resolvers if address.is_loopback))
    return frozenset(map(str, addresses))


def _amazon(seen: Vantage) -> tuple[Address, ...]:
    return (VPC_RESOLVER_IPV6, *vpc_resolvers(None, seen.vpc_cidrs))


def _resolvers(report: Report, own: frozenset[str]) -> Iterator[str]:
    """Yield the name servers that the host uses. A server on the host itself is replaced by the servers that it asks,
    if they are known."""
    seen = report.vantage
    host = next((step.facts for step in report.observations if isinstance(step.facts, HostFacts)), None)
    upstream = () if host is None else host.upstream_resolvers
    for address in (*(address for address in seen.resolvers if not (address.is_loopback and upstream)), *upstream):
        yield LOOPBACK if address.is_loopback else AMAZON if str(address) in own else str(address)


def _endpoints(report: Report) -> Iterator[str]:
    for target in report.targets:
        for address in target.addresses:
            if address.from_own_lookup and address.endpoint_id is not None:
                yield address.endpoint_id


def _root(finding: Finding, by_id: dict[str, Finding]) -> Finding:
    """Return the root cause of a finding. In a saved report two findings may explain each other."""
    seen = {finding.id}
    while (above := by_id.get(finding.explained_by or "")) is not None and above.id not in seen:
        finding = above
        seen.add(finding.id)
    return finding


# --- Bounds ----------------------------------------------------------------------------------------------------------


def _part(text: str) -> str:
    """Return a part of a key, percent-encoded and cut."""
    if len(text) <= _MAX_PART and _NEEDS_NO_ESCAPE.fullmatch(text):
        return text
    encoded = quote(text[:_MAX_PART], safe=_AS_IT_IS, errors="replace")
    return encoded if len(encoded) <= _MAX_PART else encoded[:_MAX_PART].rsplit("%", 1)[0]


def _bounded(text: str, most: int) -> str:
    """Return the start of a text that takes at most `most` bytes of JSON."""
    text = text[:most]
    if _AS_LONG_IN_JSON.fullmatch(text):
        return text
    while len(json.dumps(text)) - 2 > most:
        text = text[: len(text) * 3 // 4]
    return text


def _shorter(values: tuple[str, ...], least: int) -> tuple[str, ...]:
    return values[: max(len(values) - 1, least)]


def _without_an_id(causes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the causes, each without its last id; severity, code and target stay."""
    return tuple("|".join(_shorter(tuple(cause.split("|")), 3)) for cause in causes)


_CUTS: Final[tuple[tuple[str, Callable[[Any], Any]], ...]] = (
    ("fix", lambda _: None),
    ("title", lambda _: None),
    ("symptoms", lambda symptoms: _shorter(symptoms, 0)),
    ("causes", lambda causes: _shorter(causes, 1)),
    ("summary", lambda summary: summary[:_MAX_WORD]),
    *((name, lambda values: _shorter(values, 1)) for name in ("endpoints", "resolvers", "security_groups", "services")),
    ("causes", _without_an_id),
)
"""Steps that shorten a record, in this order, until its line is short enough: the field, and a function that gives its
shorter value."""


def _fitting(record: HostRecord) -> HostRecord:
    for name, shortened in _CUTS:
        if len(line(record)) <= MAX_BYTES:
            break
        while len(line(record)) > MAX_BYTES and (less := shortened(value := getattr(record, name))) != value:
            record = replace(record, cut=tuple(dict.fromkeys((*record.cut, name))), **{name: less})
    return record


# --- Reading ---------------------------------------------------------------------------------------------------------


def checked(data: dict[str, Any]) -> dict[str, Any]:
    """Check that every field of a record in JSON's types has the type that HostRecord has; keys of a later version are
    dropped. Raises DecodeError."""
    try:
        record = {name: data[name] for name in _HINTS}
    except KeyError as error:
        raise DecodeError(str(error.args[0]), "this key is missing") from None
    for name in _TEXTS:
        _check_text(name, record[name])
    for name in _TEXTS_OR_NONE:
        if record[name] is not None:
            _check_text(name, record[name])
    for name in _FLAGS:
        if type(record[name]) is not bool:
            raise DecodeError(name, "true or false belongs here")
    for name in _LISTS:
        values = record[name]
        if type(values) is not list:
            raise DecodeError(name, "a list belongs here")
        if len(values) > (len(_HINTS) if name == "cut" else MAX_LISTED):
            raise DecodeError(name, f"at most {MAX_LISTED} values belong here")
        for value in values:
            _check_text(name, value)
            if name in _FORMS and _FORMS[name].fullmatch(value) is None:
                raise DecodeError(name, "an entry does not have the form of a key")
    for name, words in _WORDS.items():
        if record[name] not in words:
            raise DecodeError(name, f"one of {', '.join(sorted(words))} belongs here")
    record["taken_at"] = _instant(record["taken_at"])
    return record


def _check_text(name: str, value: Any) -> None:
    if type(value) is not str:
        raise DecodeError(name, "a text belongs here")
    if len(value) > MAX_TEXT:
        raise DecodeError(name, f"a text of at most {MAX_TEXT:,} characters belongs here")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise DecodeError(name, "this text is not Unicode") from None
    if "\0" in value:
        raise DecodeError(name, "this text contains a NUL")


def _instant(text: str) -> str:
    """Return a time in UTC with milliseconds, so that texts sort like times."""
    moment = from_json(datetime, text, "taken_at")
    return text if _INSTANT.fullmatch(text) else str(to_json(moment))
