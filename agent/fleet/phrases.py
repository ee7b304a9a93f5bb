"""The wording of a fleet, which its documents and pictures share. Nothing is escaped here."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from agent.catalog.partitions import is_region
from agent.catalog.wording import counted, lasted, listed, listed_briefly
from agent.fleet.faults import subjects_of
from agent.fleet.headlines import headline_of
from agent.fleet.model import (
    Attribute,
    CauseGroup,
    FleetCause,
    FleetChange,
    FleetDocument,
    HostFile,
    NamedBy,
    NotHeardFrom,
    Place,
    Shared,
    SharedValue,
    SuppressedFault,
    Sweep,
    Turn,
)
from agent.fleet.places import S3, command_of
from agent.report.model import FindingSubject, SubjectKind

_HARDLY: Final = 100
"""The ratio of frequencies from which the text says 'hardly any other host'."""
EXAMPLES: Final = 3
"""The maximum number of hosts that a text lists for a cause."""
_ATTRIBUTES: Final = {
    Attribute.GROUP: "security group",
    Attribute.RESOLVER: "name server",
    Attribute.INSTANCE_TYPE: "instance type",
    Attribute.TOOL: "backuplink",
    Attribute.VPC: "VPC",
    Attribute.REGION: "Region",
}
"""Names of attributes in texts; the other attributes keep their own name."""
_KINDS: Final = {
    SubjectKind.GROUP: "security group",
    SubjectKind.ACL: "network ACL",
    SubjectKind.VPC: "VPC",
    SubjectKind.DHCP_OPTIONS: "DHCP options",
    SubjectKind.RESOLVER: "name server",
    SubjectKind.URL: "URL",
}
"""Names of kinds of subjects in texts; the other kinds keep their own name."""
_NAMED_BY: Final = {
    NamedBy.CONFIGURATION: "the hosts for which the configuration names the cause.",
    NamedBy.EVIDENCE: "at least half of the hosts that could have it.",
    NamedBy.SHARED: "hosts that share something that other hosts do not have.",
}
_DOCUMENT: Final = "backuplink-check"
"""The name of the Command document in docs/fleet.md."""
_NODE: Final = re.compile(r"m?i-[0-9a-f]{8,17}")
"""The form of host ids to which Systems Manager can send commands."""
_ON_THE_HOST: Final = ("backuplink", "check")
"""The command to run on a host if Systems Manager cannot send commands to it."""


def totals(document: FleetDocument) -> str:
    """`5,000 hosts: 3,391 ok, 28 warning, 1,581 critical; 60 not heard from`."""
    count = document.totals
    words = [f"{count.ok:,} ok"]
    words += [
        f"{number:,} {word}"
        for number, word in ((count.warning, "warning"), (count.critical, "critical"), (count.unknown, "unknown"))
        if number
    ]
    text = f"{counted(count.hosts, 'host')}: {', '.join(words)}"
    return f"{text}; {count.not_heard_from:,} not heard from" if count.not_heard_from else text


def basis(sweep: Sweep, document: FleetDocument) -> str:
    """A sentence about the reported sweep, and about the sweep that it is compared with."""
    text = f"Sweep {_sweep(sweep)}"
    if document.against is not None:
        text += f", compared with {_sweep(document.against)}"
    return f"{text}; {counted(len(document.sweeps), 'sweep')} read."


def _sweep(sweep: Sweep) -> str:
    return f"{sweep.id} of {minute(sweep.started_at)} UTC ({counted(sweep.host_count, 'host')})"


def minute(at: datetime) -> str:
    """A time to the minute, in UTC."""
    return f"{at:%Y-%m-%d %H:%M}"


# --- Causes ----------------------------------------------------------------------------------------------------------


def head(cause: FleetCause) -> str:
    """`CRITICAL on 508 of 508 hosts: sg-0f1b2c3d4e5f67890 does not admit these hosts on 1027`. If all of its
    hosts count at other causes, their number is used."""
    hosts = cause.host_count or cause.also_count
    return f"{cause.severity.upper()} on {of(hosts, cause.exposed_count)}: {cause.headline}"


def beside(cause: FleetCause) -> str:
    """A sentence about a cause whose hosts all count at other causes."""
    what = f" ({words})" if (words := about(cause)) else ""
    return f"{cause.code} {head(cause)}{what}. {cause.fix.summary}"


def group(row: CauseGroup) -> str:
    """`5 causes of VPC007 have the route table rtb-1 in common, on 337 hosts: …`."""
    if row.kind == "sweep":
        what = f"began in the sweep {row.value}"
    else:
        names = {"region": "Region", **{kind.value: word for kind, word in _KINDS.items()}}
        what = f"have the {names.get(row.kind, row.kind.replace('-', ' '))} {row.value} in common"
    return f"{len(row.keys)} causes of {listed(row.codes)} {what}, on {counted(row.host_count, 'host')}: {row.title}."


def of(part: int, whole: int) -> str:
    """A share of all hosts in words, such as `508 of 510 hosts`. It is `1 host` if the total is unknown."""
    return f"{part:,} of {counted(whole, 'host')}" if whole >= part and whole else counted(part, "host")


def about(cause: FleetCause) -> str:
    """The subjects by id: `security group sg-0f1b2c3d4e5f67890, port 1027 (backup-gateway)`."""
    words = subjects(cause.subjects)
    services = f"({listed(cause.services)})" if cause.services else ""
    return " ".join(filter(None, (words, services)))


def subjects(rows: Sequence[FindingSubject]) -> str:
    """Subjects grouped by kind: `security group sg-1, ports 1026 and 1027`."""
    by_kind: dict[SubjectKind, list[str]] = {}
    for subject in rows:
        by_kind.setdefault(subject.kind, []).append(subject.id)
    return ", ".join(
        f"{_plural(_KINDS.get(kind, kind.value.replace('-', ' ')), len(ids))} {listed_briefly(ids)}"
        for kind, ids in by_kind.items()
    )


def _plural(word: str, count: int) -> str:
    if count == 1 or word == _KINDS[SubjectKind.DHCP_OPTIONS]:
        return word
    return f"{word}es" if word.endswith("s") else f"{word}s"


def whom(cause: FleetCause) -> tuple[str, ...]:
    """Sentences about the affected hosts, and about how it is known that they are affected."""
    lines = []
    if cause.shared is not None:
        lines.append(f"Affected: {shared(cause.shared)}")
    elif cause.exposed_count and cause.host_count == cause.exposed_count:
        lines.append(f"Affected: {_all(cause.exposed_count)} that could have it.")
    else:
        lines.append(f"Affected: {_NAMED_BY[cause.named_by]}")
    seen = []
    if len(cause.accounts) > 1:
        seen.append(f"In {len(cause.accounts)} accounts: {listed_briefly(cause.accounts)}.")
    if cause.joined_count:
        seen.append(
            f"{cause.joined_count:,} of them saw only the symptom."
            if cause.joined_count < cause.host_count
            else "All of them saw only the symptom."
        )
    if cause.also_count:
        have = "has" if cause.also_count == 1 else "have"
        seen.append(f"{counted(cause.also_count, 'more host')} {have} it besides a worse cause.")
    return (*lines, " ".join(seen)) if seen else tuple(lines)


def _all(count: int) -> str:
    return "the only host" if count == 1 else f"all {count:,} hosts"


def shared(row: Shared) -> str:
    """`100% of the hosts with the fault share zone euw1-az3; 98 of 100 hosts with it have the fault, but hardly any
    other host does.`"""
    what = " and ".join(map(value, row.values))
    with_it = row.sick + row.well
    return (
        f"{percent(row.coverage)} of the hosts with the fault share {what}; {of(row.sick, with_it)} with "
        f"{'it' if len(row.values) == 1 else 'both'} {'has' if with_it == 1 else 'have'} the fault{_often(row.lift)}."
        f"{_as_well(row)}"
    )


def _as_well(row: Shared) -> str:
    return f" The same hosts share {listed(list(map(value, row.as_well)))}, which fits as well." if row.as_well else ""


def _often(lift: float) -> str:
    if lift >= _HARDLY:
        return ", but hardly any other host does"
    return f", {lift:,.0f} times as often as other hosts" if lift >= 1.5 else ""


def value(row: SharedValue) -> str:
    """A value with its attribute: `zone euw1-az3`. A label of the inventory already contains its attribute:
    `application=sap`."""
    if row.attribute is Attribute.LABEL:
        return row.value
    return f"{_ATTRIBUTES.get(row.attribute, row.attribute.value)} {row.value}"


def percent(part: float) -> str:
    """A percentage. It is `100%` only if it means all, and `0%` only if it means none."""
    if 0 < part < 0.01:
        return "under 1%"
    return f"{min(round(100 * part), 99) if part < 1 else 100}%"


def breakdown(cause: FleetCause) -> tuple[str, ...]:
    """The hosts by value of the requested attribute: `sg-1: 97 of 100 hosts`."""
    return tuple(f"{row.value or 'not known'}: {of(row.sick, row.exposed)}" for row in cause.breakdown)


def since(cause: FleetCause, document: FleetDocument) -> str:
    """A sentence about the start of a cause."""
    if cause.since is None:
        return "The start is not known."
    text = f"Since {minute(cause.since)} UTC"
    if document.sweep is not None and document.sweep.started_at > cause.since:
        text += f", {lasted((document.sweep.started_at - cause.since) / timedelta(seconds=1))} before this sweep"
    elif document.sweep is not None and len(document.sweeps) > 1:
        text += ", new in this sweep"
    if cause.arrived:
        text += f", when {listed(list(map(value, cause.arrived)))} first appeared"
    return f"{text}. It came and went before that." if cause.flapping else f"{text}."


def places(cause: FleetCause) -> list[Place]:
    """The places of the hosts; places with most hosts come first."""
    return sorted(cause.places, key=lambda place: (-place.sick, place.vpc or "", place.zone or ""))


def place(row: Place) -> str:
    """A place in words, such as `vpc-0a1b2c3d4e5f67890 euw1-az1`."""
    return f"{row.vpc or 'no VPC'} {row.zone or 'zone not known'}"


def reading(hosts: Sequence[str], document: FleetDocument) -> tuple[str, tuple[str, ...]] | None:
    """Return a command that shows more about one of these hosts than its record does, and a description of the command.
    It reads the report if there is one, or else the output that Run Command keeps, or else checks the host again. None
    if the places of the records are unknown, or if the document is masked and has neither hosts nor files."""
    by_host = {} if document.redacted else {file.host: file for file in document.files}
    files = [by_host[host] for host in hosts if host in by_host]
    for way in (_report_of, _output_of, _check_of):
        for file in files:
            if (argv := way(file)) is not None:
                words = "read what one of the hosts found" if way is not _check_of else "check one of the hosts again"
                return f"{words}, on the host itself" if argv == _ON_THE_HOST else words, argv
    return None


def _report_of(file: HostFile) -> tuple[str, ...] | None:
    if not file.is_report:
        return None
    return ("aws", "s3", "cp", file.place, "-") if file.place.startswith(S3) else ("backuplink", "diagnose", file.place)


def _output_of(file: HostFile) -> tuple[str, ...] | None:
    """A command for the short text of a check, which Run Command keeps for 30 days."""
    kept = command_of(file.place)
    if kept is None:
        return None
    return (
        *("aws", "ssm", "get-command-invocation", *_in_region(file), "--command-id", kept[0], "--instance-id", kept[1]),
        *("--plugin-name", "check", "--query", "StandardOutputContent", "--output", "text"),
    )


def _check_of(file: HostFile) -> tuple[str, ...]:
    if _NODE.fullmatch(file.host) is None:
        return _ON_THE_HOST
    return (
        *("aws", "ssm", "send-command", *_in_region(file), "--document-name", _DOCUMENT),
        *("--targets", f"Key=InstanceIds,Values={file.host}"),
    )


def _in_region(file: HostFile) -> tuple[str, ...]:
    known = file.region is not None and is_region(file.region)
    return ("--region", str(file.region)) if known else ()


# --- The rest --------------------------------------------------------------------------------------------------------


def silent(row: NotHeardFrom) -> tuple[str, ...]:
    """Sentences about the number of silent hosts, and about what they have in common."""
    hosts = f"{counted(row.host_count, 'host')} of {row.expected_by} not heard from."
    if row.shared is None:
        return (f"{hosts} They share nothing that other hosts do not have.",) if row.host_count > 1 else (hosts,)
    what = " and ".join(map(value, row.shared.values))
    there = of(row.shared.sick, row.shared.sick + row.shared.well)
    it = "it" if len(row.shared.values) == 1 else "both"
    return hosts, f"{percent(row.shared.coverage)} of them share {what}; {there} with {it} are silent."


def change(row: FleetChange) -> str:
    """One change in words: `2 more hosts, 395 now: …`. A silent host counts with its last known state."""
    now = f"{row.after:,} now"
    words = {
        Turn.NEW: f"new on {counted(row.after, 'host')}",
        Turn.GROWN: f"{counted(row.came, 'more host')}, {now}",
        Turn.SHRUNK: f"{counted(row.went, 'host')} fewer, {now}",
        Turn.HEALED: f"healed, {counted(row.before, 'host')} before",
    }
    return f"{words[row.turn]}: {changed(row)}"


def changed(row: FleetChange) -> str:
    """The changed cause in one line. The VPC and the zone are added if the line does not have them."""
    subjects = subjects_of(row.key)
    found = headline_of(row.key.partition("|")[0], subjects, ())
    places = [subject.id for subject in subjects if subject.kind in (SubjectKind.VPC, SubjectKind.ZONE)]
    more = ", ".join(place for place in places if place not in found)
    return f"{found} ({more})" if more else found


def suppressed(row: SuppressedFault) -> str:
    """`TCP002=backup on 5 hosts until 2026-12-31 (team-net): the firewall is replaced`."""
    if row.expired:
        text = f"{row.what}: the suppression ended on {row.until}"
    else:
        until = "" if row.until is None else f" until {row.until}"
        text = f"{row.what} on {counted(row.host_count, 'host')}{until}"
    owner = "" if row.owner is None else f" ({row.owner})"
    return f"{text}{owner}" if row.reason is None else f"{text}{owner}: {row.reason}"


def examples(hosts: Sequence[str], count: int, most: int = EXAMPLES) -> str:
    """`i-1, i-2, i-3 and 505 more`."""
    shown = hosts[:most]
    left = count - len(shown)
    return f"{', '.join(shown)} and {left:,} more" if left > 0 and shown else listed(shown)


def unused(document: FleetDocument) -> Iterable[str]:
    """Sentences about input that was not used."""
    count = document.totals
    if count.superseded:
        yield f"{counted(count.superseded, 'older record')} of hosts that also sent a newer record in the same sweep."
    if count.unreadable:
        yield f"{counted(count.unreadable, 'file or line', 'files or lines')} could not be read."
