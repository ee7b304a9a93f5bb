"""Tables that need no run: endpoints, permissions and JSON Schemas."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from agent.app.errors import RequestError
from agent.app.publish import ENDPOINTS, KINDS, PERMISSIONS, rendered
from agent.catalog.wording import either
from agent.settings import Workload

if TYPE_CHECKING:
    from agent.catalog.hosts import ServiceEndpoint


def endpoints_table(region: str | None, partition: str | None, services: tuple[str, ...], wanted: str) -> str:
    """Return the endpoints of one Region, one partition or all Regions, for these services, or by default for all
    services. Raises RequestError for names that are not in the catalogue."""
    return rendered(ENDPOINTS, _known_endpoints(region, partition, services), wanted)


PARTS: Final = (
    "path",
    "api",
    "bucket",
    "jobs",
    "ec2",
    "audit",
    "audit-organization",
    "audit-trust",
    "record",
    "fleet",
    "runbook",
)
"""The possible parts of the permissions, in order."""


def permissions_table(
    region: str | None,
    partition: str | None,
    services: tuple[str, ...],
    workloads: tuple[Workload, ...],
    wanted: str,
    only: str | None = None,
) -> str:
    """Return the least permissions of a run over these services. They also cover the services of these workloads, or
    the services of a caller if no workload is given. Without a Region, the permissions are for a partition, by default
    `aws`. With `only`, return only the policy of this part, as JSON. Raises RequestError for names that are not in the
    catalogue, and for a part that does not exist or needs no policy."""
    from agent.app.permissions import permissions, policy_alone
    from agent.catalog.workloads import bucket_service_of, needs, planned

    partition = "aws" if region is None and partition is None else partition
    workloads = workloads or (() if services else (Workload.CALLER,))
    needed = needs(planned(workloads), dict.fromkeys(services, "--service"))
    rows = _known_endpoints(region, partition, tuple(needed))
    table = permissions(rows, region=region, bucket_service=bucket_service_of(workloads))
    return rendered(PERMISSIONS, table, wanted) if only is None else policy_alone(table, only)


def json_schema(name: str) -> str:
    """Return the JSON Schema of a document, by its name in SCHEMAS."""
    from agent.report import codec

    return codec.dumps(SCHEMAS[name]())


def _host_schema() -> "dict[str, Any]":
    from agent.report import host_record

    return host_record.schema()


def _fleet_change_schema() -> "dict[str, Any]":
    from agent.fleet import events

    return events.schema()


def _audit_change_schema() -> "dict[str, Any]":
    from agent.audit import events

    return events.schema()


def _change_schema() -> "dict[str, Any]":
    from agent.watch import change_text

    return change_text.schema()


SCHEMAS: "Final[dict[str, Callable[[], dict[str, Any]]]]" = {
    **{kind.name: kind.json_schema for kind in KINDS.values() if kind.json_schema is not None},
    "host": _host_schema,
    "change": _change_schema,
    "fleet-change": _fleet_change_schema,
    "audit-change": _audit_change_schema,
}
"""The function that makes each schema, by the name of the document. The first document is the default."""


def _known_endpoints(
    region: str | None, partition: str | None, services: tuple[str, ...]
) -> tuple["ServiceEndpoint", ...]:
    from agent.catalog.hosts import endpoints
    from agent.catalog.partitions import PARTITIONS
    from agent.catalog.regions import REGIONS

    try:
        rows = endpoints(region=region, partition=partition, services=services)
    except KeyError as error:
        name = str(error.args[0])
        what, known = ("Region", [*REGIONS]) if name == region else ("partition", [one.id for one in PARTITIONS])
        raise RequestError(f"This version knows no {what} {name!r}; {_hint(name, known)}") from error
    if not rows:
        raise RequestError(f"The Region {region} is not in the partition {partition}")
    return rows


def _hint(name: str, known: Sequence[str]) -> str:
    """Return a hint at the names that may have been meant, or at the place where all names are listed."""
    import difflib

    near = difflib.get_close_matches(name.lower(), known, n=3)
    return f"did you mean {either(near)}?" if near else "`backuplink endpoints` lists all of them"
