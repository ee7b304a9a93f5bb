"""The faults of each host. Some of them the host found itself. The others were found by other hosts, and explain
symptoms of the host."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from agent.catalog.findings import CODES, Layer, Radius
from agent.catalog.placeholders import FORMS
from agent.fleet.identity import identify, wholes
from agent.fleet.model import SuppressedFault
from agent.judge.causality import EXPLAINS, Effects
from agent.report.model import FindingSubject, SubjectKind
from agent.settings import Suppression
from probes.frozen import dataclass
from probes.ids import command_form, command_word_form

if TYPE_CHECKING:
    from agent.fleet.database import Database

_OF_HOSTS: Final = [code.code for code in CODES.values() if code.radius is Radius.HOST]
"""The codes of faults of a single host. Such a fault says nothing about other hosts."""
_EXPLAINS_TOGETHER: Final = [
    f"{row.cause} {row.symptom}"
    for row in EXPLAINS
    if isinstance(row.symptom, str) and CODES[row.cause].layer is Layer.CONFIGURATION
]
"""Faults of the configuration, each with a symptom that it explains. A symptom of a host may have several of these
causes."""
_FORMS: Final = {
    SubjectKind.GROUP: command_form("sg"),
    SubjectKind.ACL: command_form("acl"),
    SubjectKind.ROUTE_TABLE: command_form("rtb"),
    SubjectKind.ENDPOINT: command_form("vpce"),
    SubjectKind.SUBNET: command_form("subnet"),
    SubjectKind.VPC: command_form("vpc"),
    SubjectKind.HOSTED_ZONE: FORMS["<HOSTED_ZONE_ID>"],
    SubjectKind.RULE: command_word_form("rslvr"),
    SubjectKind.PROFILE: command_form("rp"),
    SubjectKind.DHCP_OPTIONS: command_form("dopt"),
}
"""Kinds of subjects of findings about the configuration, each with the form of their ids."""
_KINDS: Final = {kind.value: kind for kind in SubjectKind}


@dataclass(frozen=True, slots=True, kw_only=True)
class Blind:
    """A symptom of hosts that did not read the configuration. No other host explains it."""

    symptom_key: str
    target: str
    account: str | None
    vpc: str | None
    subnet: str | None
    groups: tuple[str, ...]
    """Security groups in a fixed order."""


def names_resource(code: str, key: str) -> bool:
    """Whether a key of this code contains the AWS id of the faulty resource."""
    of_code = CODES.get(code)
    return (
        of_code is not None
        and of_code.layer is Layer.CONFIGURATION
        and (of_code.needs_symptom or of_code.severity_from_symptoms)
        and any(
            subject.kind in _FORMS and _FORMS[subject.kind].fullmatch(subject.id) is not None
            for subject in subjects_of(key)
        )
    )


def explains(cause: str, symptom: str) -> bool:
    """Whether one kind of finding can be the cause of another."""
    return any(
        row.cause == cause
        and (row.symptom.include(CODES[symptom]) if isinstance(row.symptom, Effects) else row.symptom == symptom)
        for row in EXPLAINS
        if symptom in CODES
    )


def radius_of(code: str) -> Radius:
    """How far a fault reaches. If its code comes from a later version and is unknown here, it counts as a fault that
    reaches a whole VPC."""
    return CODES[code].radius if code in CODES else Radius.VPC


def subjects_of(key: str) -> tuple[FindingSubject, ...]:
    """The subjects in a key, without kinds that this version does not know."""
    pairs = (part.partition("=") for part in key.split("|")[1:])
    return tuple(FindingSubject(kind=_KINDS[kind], id=unquote(id_)) for kind, _, id_ in pairs if kind in _KINDS)


def part_of(kind: str, id_: str) -> str:
    """A subject in the form that keys use."""
    return f"{kind}={quote(id_, safe='/:,@+ ~!$&()*;=?[]')}"


def explain_symptoms(database: "Database") -> None:
    """Make the table `sweep_order`, and the table `explained_symptom` with the causes that other hosts found for
    symptoms."""
    database.run("sweep_order")
    database.run("path")
    database.fill("path", wholes(dict(database.ask("path_key"))).items())
    database.run("named_cause", of_hosts=_OF_HOSTS, explains=_EXPLAINS_TOGETHER)
    steps = ("blind_host", "stretch", "blind_seen", "own_cause", "near_cause")
    for name in (*steps, "explained_symptom"):
        database.run(name)
    for name in ("named_cause", *steps):
        database.execute(f"DROP TABLE {name}")
    database.run("central")


def blind_symptoms(database: "Database") -> list[Blind]:
    """Return the symptoms that only central facts may explain."""
    return [
        Blind(symptom_key=key, target=target, account=account, vpc=vpc, subnet=subnet, groups=tuple(groups))
        for key, target, account, vpc, subnet, groups in database.ask("blind_symptom")
    ]


def find_faults(
    database: "Database", suppress: Sequence[Suppression], today: date, before: date | None, sweep: str
) -> tuple[SuppressedFault, ...]:
    """Make the table `fault`, with one row for each host and fault, the table `fault_target`, and the table `lapsed` of
    the faults that were still suppressed on the day `before`. Returns the faults that were suppressed in a sweep."""
    database.run("fault_row")
    database.run("suppressed")
    database.run("lapsed")
    suppressed = tuple(
        _suppressed(database, suppression, number, today, sweep) for number, suppression in enumerate(suppress)
    )
    for suppression in suppress:
        if before is not None and not suppression.applies_on(today) and suppression.applies_on(before):
            database.run("lapse", **_about(suppression))
    identify(database)
    database.run("fault")
    database.run("fault_target")
    return suppressed


def _suppressed(
    database: "Database", suppression: Suppression, number: int, today: date, sweep: str
) -> SuppressedFault:
    fault = SuppressedFault(
        what="=".join(filter(None, (suppression.code, suppression.target or suppression.subject))),
        until=None if suppression.until is None else suppression.until.isoformat(),
        expired=not suppression.applies_on(today),
        host_count=0,
        owner=suppression.owner,
        reason=suppression.reason,
    )
    if fault.expired:
        return fault
    about = _about(suppression)
    database.run("suppress", number=number, **about)
    database.run("unsuppressed", **about)
    (hosts,) = database.ask("suppressed_host", number=number, sweep=sweep)[0]
    return replace(fault, host_count=hosts)


def _about(suppression: Suppression) -> dict[str, str | None]:
    """The variables of the statements that find the faults of a suppression."""
    part = None
    if suppression.subject is not None:
        kind, _, id_ = suppression.subject.partition(":")
        part = f"|{part_of(kind, id_)}|"
    return {"code": suppression.code, "target": suppression.target, "part": part}
