"""The faults of each host: what it found itself, or what explains its symptoms on other hosts."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from agent.catalog.findings import CODES, Layer, Radius
from agent.catalog.placeholders import FORMS
from agent.catalog.wording import counted
from agent.fleet.sql import holes_for
from agent.report.model import FindingSubject, SubjectKind
from agent.settings import Suppression
from probes.frozen import dataclass
from probes.ids import command_form, command_word_form

if TYPE_CHECKING:
    from agent.fleet.database import Database

SEVERITY: Final = "CASE c.severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END"
_CODE_OF: Final = "CASE WHEN instr({0}, '|') > 0 THEN substr({0}, 1, instr({0}, '|') - 1) ELSE {0} END"
_OF_HOSTS: Final = tuple(code.code for code in CODES.values() if code.radius is Radius.HOST)
"""Faults of one host, which say nothing of what another has."""
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
"""What a finding of the configuration is about."""
_KINDS: Final = {kind.value: kind for kind in SubjectKind}


@dataclass(frozen=True, slots=True, kw_only=True)
class Blind:
    """A symptom of hosts that did not read the configuration, and which no other host explains."""

    symptom_key: str
    target: str
    class_: int


def names_resource(code: str, key: str) -> bool:
    """Whether a key of that code names what is wrong in the configuration, by an id as AWS gives it."""
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


def radius_of(code: str) -> Radius:
    """How far a fault reaches; for a code of a later version as far as a VPC."""
    return CODES[code].radius if code in CODES else Radius.VPC


def subjects_of(key: str) -> tuple[FindingSubject, ...]:
    """The subjects in a key; those of kinds that this version does not know are left out."""
    pairs = (part.partition("=") for part in key.split("|")[1:])
    return tuple(FindingSubject(kind=_KINDS[kind], id=unquote(id_)) for kind, _, id_ in pairs if kind in _KINDS)


def part_of(kind: str, id_: str) -> str:
    """A subject as keys have it."""
    return f"{kind}={quote(id_, safe='/:,@+ ~!$&()*;=?[]')}"


def explain_symptoms(engine: "Database") -> None:
    """Make the table `explained(sweep, symptom_key, cause_key)`: what most hosts of a sweep that found the cause of a
    symptom say that it is. A symptom that most of those found no cause of is not in it."""
    engine.execute(
        "CREATE TABLE explained AS SELECT sweep, symptom_key, cause_key FROM ("
        "SELECT sweep, symptom_key, cause_key, row_number() OVER (PARTITION BY sweep, symptom_key "
        "ORDER BY hosts DESC, cause_key) AS place FROM ("
        "SELECT p.sweep AS sweep, s.symptom_key AS symptom_key, s.cause_key AS cause_key, "
        "count(DISTINCT p.host) AS hosts FROM symptom s JOIN placed p ON p.record = s.record "
        "WHERE p.redacted = 0 AND s.symptom_key <> s.code "
        f"AND {_CODE_OF.format('s.cause_key')} NOT IN ({holes_for(_OF_HOSTS)}) "
        "GROUP BY p.sweep, s.symptom_key, s.cause_key "
        "UNION ALL "
        "SELECT p.sweep, c.cause_key, c.cause_key, count(DISTINCT p.host) FROM cause c "
        "JOIN placed p ON p.record = c.record JOIN record r ON r.id = c.record "
        "WHERE p.redacted = 0 AND r.ec2 = 1 AND c.cause_key <> c.code GROUP BY p.sweep, c.cause_key"
        ") AS counted) AS ordered WHERE place = 1 AND symptom_key <> cause_key",
        _OF_HOSTS,
    )
    engine.execute("CREATE TABLE central (symptom_key TEXT, class BIGINT, cause_key TEXT)")


def blind_symptoms(engine: "Database") -> list[Blind]:
    """What central facts may explain: the causes of hosts that did not read EC2, without those that other hosts
    explain."""
    rows = engine.query(
        "SELECT DISTINCT c.cause_key, c.target, p.class FROM cause c JOIN placed p ON p.record = c.record "
        "JOIN record r ON r.id = c.record LEFT JOIN explained x ON x.sweep = p.sweep AND x.symptom_key = c.cause_key "
        "WHERE r.ec2 = 0 AND p.redacted = 0 AND x.symptom_key IS NULL"
    )
    return [Blind(symptom_key=key, target=target, class_=class_) for key, target, class_ in sorted(rows)]


def join_centrally(engine: "Database", rows: Iterable[tuple[str, int, str]]) -> None:
    """Say what explains symptoms by central facts: symptom, class of hosts, key of the cause."""
    engine.fill("central", rows)


def find_faults(engine: "Database", suppress: Sequence[Suppression], today: date, sweep: str) -> tuple[str, ...]:
    """Make the table `fault(record, sweep, host, class, redacted, code, raw_key, severity, rank, joined)`, one row a
    host and fault, `severity` 0 for critical, and `fault_target(sweep, raw_key, code, target)`. The keys of
    a redacted record have no ids. Returns what was suppressed in a sweep, in words."""
    raw = (
        "CASE WHEN p.redacted = 1 THEN c.code || '|redacted' WHEN r.ec2 = 1 THEN c.cause_key "
        "ELSE COALESCE(x.cause_key, f.cause_key, c.cause_key) END"
    )
    engine.execute(
        "CREATE TABLE fault_row AS SELECT record, sweep, host, class, redacted, own_code, target, own_key, severity, "
        f"rank, raw_key, {_CODE_OF.format('raw_key')} AS code, CASE WHEN raw_key = own_key OR redacted = 1 THEN 0 "
        "ELSE 1 END AS joined FROM ("
        "SELECT p.record AS record, p.sweep AS sweep, p.host AS host, p.class AS class, p.redacted AS redacted, "
        "c.code AS own_code, c.target AS target, c.cause_key AS own_key, c.rank AS rank, "
        f"{SEVERITY} AS severity, {raw} AS raw_key FROM cause c JOIN placed p ON p.record = c.record "
        "JOIN record r ON r.id = c.record "
        "LEFT JOIN explained x ON x.sweep = p.sweep AND x.symptom_key = c.cause_key "
        "LEFT JOIN central f ON f.symptom_key = c.cause_key AND f.class = p.class) AS named"
    )
    engine.execute("CREATE TABLE suppressed (record BIGINT)")
    words = tuple(_suppressed(engine, suppression, today, sweep) for suppression in suppress)
    engine.execute(
        "CREATE TABLE fault AS SELECT record, sweep, host, class, redacted, code, raw_key, min(severity) AS severity, "
        "min(rank) AS rank, max(joined) AS joined FROM fault_row "
        "GROUP BY record, sweep, host, class, redacted, code, raw_key"
    )
    engine.execute(
        "CREATE TABLE fault_target AS SELECT DISTINCT sweep, raw_key, code, target FROM fault_row WHERE redacted = 0"
    )
    return words


def _suppressed(engine: "Database", suppression: Suppression, today: date, sweep: str) -> str:
    what = "=".join(filter(None, (suppression.code, suppression.target or suppression.subject)))
    if not suppression.applies_on(today):
        return f"{what}: not any more, it was suppressed until {suppression.until}"
    condition, parameters = "(code = ? OR own_code = ?)", [suppression.code, suppression.code]
    if suppression.target is not None:
        condition += " AND target = ?"
        parameters.append(suppression.target)
    if suppression.subject is not None:
        kind, _, id_ = suppression.subject.partition(":")
        condition += " AND instr(raw_key || '|', ?) > 0"
        parameters.append(f"|{part_of(kind, id_)}|")
    (hosts,) = engine.query(
        f"SELECT count(DISTINCT host) FROM fault_row WHERE sweep = ? AND {condition}",
        (sweep, *parameters),
    )[0]
    engine.execute(f"INSERT INTO suppressed SELECT record FROM fault_row WHERE {condition}", parameters)
    engine.execute(f"DELETE FROM fault_row WHERE {condition}", parameters)
    until = "" if suppression.until is None else f" until {suppression.until}"
    return f"{what} on {counted(hosts, 'host')}{until}"
