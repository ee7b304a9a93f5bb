"""Make the record of a parsed report without decoding all of it.

Decoding a whole report takes ten times as long as parsing its JSON, and a record needs only a tenth of the report: the
run, the verdict, the host, the findings, and two observations. Only these are read and checked here; fields that
`agent.report.host_record` does not use are left empty. A test compares both ways in every scenario.
"""

from datetime import UTC, datetime
from enum import StrEnum
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any, Final, TypeVar

from agent.catalog.findings import Scope, Severity
from agent.report.host_record import HostRecord, record_of
from agent.report.model import (
    SCHEMA,
    Access,
    AddressStatus,
    Finding,
    FindingSubject,
    Fix,
    Path,
    Report,
    Run,
    Status,
    SubjectKind,
    TargetAddress,
    TargetReport,
    Tool,
    Vantage,
    Verdict,
)
from agent.report.serialization import DecodeError, from_json, hold_to_schema
from agent.settings import Calls, Ec2, Expect
from probes.addresses import AddressScope
from probes.facts import HostFacts
from probes.model import Address, Addressing, Observation, Ok, Role, Step, Subject

E = TypeVar("E", bound=StrEnum)
MAX_FINDINGS: Final = 2_000
"""Maximum number of findings, which no run reaches: a hundred targets with twenty findings each."""
_HOST, _EC2 = Step.HOST.value, Step.EC2.value  # as text: a report has dozens of steps, and all of them are compared
_NO_ADDRESS: Final = IPv4Address(0)
_NO_TIME: Final = datetime.fromtimestamp(0, UTC)


def record_of_document(document: dict[str, Any]) -> HostRecord:
    """Return the record of a report given as JSON types. Raises DecodeError if a needed value is missing or of another
    kind."""
    hold_to_schema(document, SCHEMA)
    run, vantage, verdict = (_object(document, name) for name in ("run", "vantage", "verdict"))
    return record_of(
        Report(
            schema=SCHEMA,
            tool=Tool(name="", version=_text(_object(document, "tool"), "version")),
            run=_run(run),
            verdict=Verdict(
                status=_member(Status, verdict, "status"),
                path=_member(Path, verdict, "path"),
                access=_member(Access, verdict, "access"),
                summary=_text(verdict, "summary"),
            ),
            vantage=_vantage(vantage),
            targets=tuple(_target(target) for target in _objects(document, "targets")),
            observations=tuple(_observations(_objects(document, "observations"))),
            findings=tuple(_finding(finding) for finding in _objects(document, "findings", MAX_FINDINGS)),
            not_evaluated=(),
            paths=(),
        )
    )


def _run(run: dict[str, Any]) -> Run:
    return Run(
        id=_text(run, "id"),
        started_at=_NO_TIME,
        finished_at=from_json(datetime, run.get("finished_at"), "finished_at"),
        seconds=0.0,
        complete=_flag(run, "complete"),
        interrupted=False,
        expect=Expect.PRIVATE,
        workloads=(),
        calls=Calls.NONE,
        ec2_reads=False,
        ec2=Ec2.NEVER,
        ec2_because=None,
        facts_unused=None,
        jobs=False,
        private_cidrs=(),
        region=_text_or_none(run, "region"),
        region_source=None,
        timeout_seconds=None,
        deadline_seconds=None,
        redacted=_flag(run, "redacted"),
    )


def _vantage(seen: dict[str, Any]) -> Vantage:
    return Vantage(
        instance_id=_text_or_none(seen, "instance_id"),
        managed_node_id=_text_or_none(seen, "managed_node_id"),
        host_name=_text_or_none(seen, "host_name"),
        region=_text_or_none(seen, "region"),
        partition=None,
        availability_zone=None,
        availability_zone_id=_text_or_none(seen, "availability_zone_id"),
        vpc_id=_text_or_none(seen, "vpc_id"),
        subnet_id=_text_or_none(seen, "subnet_id"),
        vpc_cidrs=_parsed(_Networks, seen, "vpc_cidrs"),
        security_group_ids=_texts(seen, "security_group_ids"),
        account_id=_text_or_none(seen, "account_id"),
        instance_type=_text_or_none(seen, "instance_type"),
        image_id=_text_or_none(seen, "image_id"),
        source_addresses=(),
        resolvers=_parsed(_Addresses, seen, "resolvers"),
        workloads=(),
        proxies={},
        credentials=None,
        clock_offset_seconds=None,
        clock_uncertainty_seconds=None,
        sdk=None,
    )


def _target(target: dict[str, Any]) -> TargetReport:
    return TargetReport(
        id="",
        service=_text(target, "service"),
        region="",
        partition="",
        service_name=None,
        host="",
        addressing=Addressing.DEFAULT,
        role=Role.REQUIRED,
        required=_flag(target, "required"),
        required_by=(),
        bucket=None,
        ports=(),
        status=Status.UNKNOWN,
        path=Path.UNKNOWN,
        access=Access.UNKNOWN,
        unproven=(),
        addresses=tuple(_address(address) for address in _objects(target, "addresses")),
    )


def _address(address: dict[str, Any]) -> TargetAddress:
    return TargetAddress(
        address=_NO_ADDRESS,
        scope=AddressScope.PRIVATE,
        status=AddressStatus.OK,
        from_own_lookup=_flag(address, "from_own_lookup"),
        resolvers=(),
        availability_zone=None,
        availability_zone_id=None,
        endpoint_id=_text_or_none(address, "endpoint_id"),
    )


def _finding(finding: dict[str, Any]) -> Finding:
    return Finding(
        id=_text(finding, "id"),
        code=_text(finding, "code"),
        name="",
        severity=_member(Severity, finding, "severity"),
        scope=Scope.RUN,
        target=_text_or_none(finding, "target"),
        title=_text(finding, "title"),
        headline="",
        detail="",
        evidence=(),
        subjects=tuple(_subject(subject) for subject in _objects(finding, "subjects")),
        explained_by=_text_or_none(finding, "explained_by"),
        counts=_flag(finding, "counts"),
        suppressed=_flag(finding, "suppressed"),
        fix=Fix(summary=_text(_object(finding, "fix"), "summary")),
        documents=(),
    )


def _subject(subject: dict[str, Any]) -> FindingSubject:
    return FindingSubject(kind=_member(SubjectKind, subject, "kind"), id=_text(subject, "id"))


def _observations(rows: list[dict[str, Any]]) -> list[Observation[Any]]:
    """Return two kinds of observations, if the report has them: a successful read of EC2, and the host's own
    configuration."""
    chosen: list[Observation[Any]] = []
    for row in rows:
        step = row.get("step")
        if step == _HOST:
            if row.get("operation") is None and row.get("facts") is not None:
                chosen.append(_observation(Step.HOST, _host(_object(row, "facts"))))
        elif step == _EC2 and row.get("status") == "ok":
            chosen.append(_observation(Step.EC2, None))
    return chosen


def _observation(step: Step, facts: HostFacts | None) -> Observation[Any]:
    return Observation(subject=Subject(step=step), outcome=Ok(facts), started_at=None, seconds=None)


def _host(facts: dict[str, Any]) -> HostFacts:
    return HostFacts(
        interfaces=None,
        resolvers=(),
        resolvers_ignored=(),
        search=(),
        resolver_options=(),
        hosts_entries=(),
        upstream_resolvers=_parsed(_Addresses, facts, "upstream_resolvers"),
        resolv_conf_by=None,
        ec2=None,
        proxies={},
        local_ports=None,
        keepalive_seconds=None,
        region_variables={},
        name=None,
        time_configuration=None,
        managed_node_id=None,
    )


# --- Values ----------------------------------------------------------------------------------------------------------

_Addresses: Final = tuple[Address, ...]
_Networks: Final = tuple[IPv4Network | IPv6Network, ...]


def _member(kind: type[E], data: dict[str, Any], name: str) -> E:
    member: E | None = _members(kind).get(_text(data, name))
    if member is None:
        raise DecodeError(name, f"one of {', '.join(kind)} belongs here")
    return member


@cache
def _members(kind: type[E]) -> dict[str, E]:
    """The members of an enumeration by value. A report has a dozen of these values, and calling the enumeration would
    take twice as long."""
    return {member.value: member for member in kind}


def _flag(data: dict[str, Any], name: str) -> bool:
    value = data.get(name)
    if type(value) is not bool:
        raise DecodeError(name, "true or false belongs here")
    return value


def _texts(data: dict[str, Any], name: str) -> tuple[str, ...]:
    value = data.get(name)
    if type(value) is not list or not all(type(each) is str for each in value):
        raise DecodeError(name, "a list of texts belongs here")
    return tuple(value)


def _parsed(kind: Any, data: dict[str, Any], name: str) -> Any:
    """Parse the addresses or networks in a member of the report."""
    return _parsed_once(kind, _texts(data, name), name)


@lru_cache(4_096)
def _parsed_once(kind: Any, texts: tuple[str, ...], name: str) -> Any:
    """Parse texts, and cache the results. Hosts have few different values, and parsing would take longer than the rest
    of a record."""
    return from_json(kind, list(texts), name)


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if type(value) is not str:
        raise DecodeError(name, "a text belongs here")
    return value


def _text_or_none(data: dict[str, Any], name: str) -> str | None:
    if name not in data:
        raise DecodeError(name, "this key is missing")
    value = data[name]
    if value is not None and type(value) is not str:
        raise DecodeError(name, "a text or null belongs here")
    return value


def _object(data: dict[str, Any], name: str) -> dict[str, Any]:
    value = data.get(name)
    if not isinstance(value, dict):
        raise DecodeError(name, "an object belongs here")
    return value


def _objects(data: dict[str, Any], name: str, most: int | None = None) -> list[dict[str, Any]]:
    value = data.get(name)
    if not isinstance(value, list) or not {*map(type, value)} <= {dict}:
        raise DecodeError(name, "a list of objects belongs here")
    if most is not None and len(value) > most:
        raise DecodeError(name, f"holds more than {most:,} entries, which no run makes")
    return value
