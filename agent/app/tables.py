"""Tables that need no run: endpoints, permissions and JSON Schemas."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from agent.app.errors import RequestError
from agent.settings import Workload

if TYPE_CHECKING:
    from agent.catalog.hosts import ServiceEndpoint


def endpoints_table(region: str | None, partition: str | None, services: tuple[str, ...], *, as_json: bool) -> str:
    """The endpoints of a Region, of a partition or of all, of these services or of all. Raises RequestError for what is
    not in the catalog."""
    from agent.formats import endpoints as endpoints_format

    rows = _known_endpoints(region, partition, services)
    return endpoints_format.as_json(rows) if as_json else endpoints_format.as_text(rows)


def permissions_table(
    region: str | None,
    partition: str | None,
    services: tuple[str, ...],
    workloads: tuple[Workload, ...],
    *,
    as_json: bool,
) -> str:
    """The least permissions of a run over these services and those that these workloads need, or those of a caller
    where none is named, in a Region or, where that is None, in a partition, which is `aws` unless one is named.
    Raises RequestError for what is not in the catalog."""
    from agent.app import permissions
    from agent.catalog.workloads import bucket_service_of, needs, planned

    partition = "aws" if region is None and partition is None else partition
    workloads = workloads or (() if services else (Workload.CALLER,))
    needed = needs(planned(workloads), dict.fromkeys(services, "--service"))
    rows = _known_endpoints(region, partition, tuple(needed))
    table = permissions.permissions(rows, region=region, bucket_service=bucket_service_of(workloads))
    return permissions.as_json(table) if as_json else permissions.as_text(table)


def json_schema(name: str) -> str:
    """The JSON Schema of a document, by one of SCHEMAS."""
    from agent.report import codec

    return codec.dumps(SCHEMAS[name]())


def _report_schema() -> "dict[str, Any]":
    from agent.report import codec

    return codec.schema()


def _history_schema() -> "dict[str, Any]":
    from agent.history import model

    return model.schema()


def _prediction_schema() -> "dict[str, Any]":
    from agent.predict import model

    return model.schema()


def _audit_schema() -> "dict[str, Any]":
    from agent.audit import model

    return model.schema()


def _host_schema() -> "dict[str, Any]":
    from agent.report import host_record

    return host_record.schema()


def _fleet_schema() -> "dict[str, Any]":
    from agent.fleet import model

    return model.schema()


def _fleet_change_schema() -> "dict[str, Any]":
    from agent.fleet import events

    return events.schema()


SCHEMAS: "Final[dict[str, Callable[[], dict[str, Any]]]]" = {
    "report": _report_schema,
    "host": _host_schema,
    "history": _history_schema,
    "prediction": _prediction_schema,
    "audit": _audit_schema,
    "fleet": _fleet_schema,
    "fleet-change": _fleet_change_schema,
}
"""What makes each schema, by the name of its document; the first is the default."""


def _known_endpoints(
    region: str | None, partition: str | None, services: tuple[str, ...]
) -> tuple["ServiceEndpoint", ...]:
    from agent.catalog.hosts import endpoints

    try:
        rows = endpoints(region=region, partition=partition, services=services)
    except KeyError as error:
        what = "Region" if error.args[0] == region else "partition"
        raise RequestError(f"This version knows no {what} {error.args[0]!r}") from error
    if not rows:
        raise RequestError(f"The Region {region} is not in the partition {partition}")
    return rows
