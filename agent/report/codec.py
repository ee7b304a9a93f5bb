"""Convert a report to JSON and back. Only this module knows where the classes differ from the keys in JSON."""

import io
import json
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, Final

from agent.catalog.services import SERVICES
from agent.report.counting import Blame, blames
from agent.report.model import SCHEMA, Report
from agent.report.serialization import DecodeError, from_json, hold_to_schema, to_json, type_schema
from probes import operations
from probes.facts import (
    AllowanceFacts,
    ApiFacts,
    CredentialFacts,
    DnsFacts,
    Facts,
    HostFacts,
    HttpFacts,
    ImdsFacts,
    JobsFacts,
    LookupFacts,
    ProxyConnectFacts,
    ProxyFacts,
    RoleFacts,
    SdkFacts,
    TcpFacts,
    TlsFacts,
    WorkloadFacts,
)
from probes.frozen import dataclass
from probes.model import Failed, Failure, Observation, Ok, Outcome, Skipped, Step, Subject
from probes.vpc.model import WHOLE_READS

_FACTS: Final[dict[tuple[Step, str | None], type]] = {
    (Step.HOST, None): HostFacts,
    (Step.HOST, operations.SDK_SETTINGS): SdkFacts,
    (Step.HOST, operations.WORKLOADS): WorkloadFacts,
    (Step.HOST, operations.PROXY): ProxyFacts,
    (Step.IMDS, None): ImdsFacts,
    (Step.IMDS, operations.CONTAINER): TcpFacts,
    (Step.IMDS, operations.INSTANCE_ROLE): RoleFacts,
    (Step.DNS, operations.GETADDRINFO): LookupFacts,
    (Step.DNS, operations.DUAL_STACK_NAME): LookupFacts,
    (Step.DNS, operations.WITHOUT_SEARCH): LookupFacts,
    **{(Step.DNS, operation): LookupFacts for operation in operations.SEARCH_DOMAINS},
    (Step.DNS, "A"): DnsFacts,
    (Step.DNS, "AAAA"): DnsFacts,
    **{
        (Step.DNS, f"{operations.APPLIANCE}{label}"): LookupFacts
        for service in SERVICES.values()
        for label in service.appliance_labels
    },
    (Step.TCP, None): TcpFacts,
    (Step.TLS, None): TlsFacts,
    (Step.TLS, operations.SMALL_SEGMENTS): TlsFacts,
    (Step.TLS, operations.OTHER_NAME): TlsFacts,
    (Step.HTTP, None): HttpFacts,
    (Step.HTTP, operations.PADDED): HttpFacts,
    (Step.HTTP, operations.WEBSOCKET): HttpFacts,
    (Step.HTTP, operations.PROXY_CONNECT): ProxyConnectFacts,
    (Step.HOST, operations.METADATA_PROXY): ProxyFacts,
    (Step.HOST, operations.ALLOWANCES): AllowanceFacts,
    (Step.CREDENTIALS, None): CredentialFacts,
    (Step.API, None): ApiFacts,
    (Step.API, operations.FURTHER_PAGES): ApiFacts,
    (Step.API, operations.JOBS): JobsFacts,
    **{(Step.EC2, read.operation): read.facts for read in WHOLE_READS.values()},
}
"""The class of the facts of an observation, by step and operation."""
_PIECE: Final = 65_536
"""Minimum number of characters of a document that are written at a time."""


def encode(report: Report) -> dict[str, Any]:
    """Return the report in JSON's types, with every key of the contract in its order."""
    document = to_json(replace(report, observations=()))
    blamed = blames(report)
    document["observations"] = [
        _judged(encode_observation(observation), blamed.get(observation.id)) for observation in report.observations
    ]
    return document  # type: ignore[no-any-return] # to_json() of a class is an object


def _judged(observation: dict[str, Any], blame: Blame | None) -> dict[str, Any]:
    """Return an observation with the report's judgement of its failure in front of its facts, which may be long."""
    facts = observation.pop("facts")
    counts, cause = (False, None) if blame is None else (blame.counts, blame.cause)
    return {**observation, "counts": counts, "explained_by": cause, "facts": facts}


def encode_observation(observation: Observation[Any]) -> dict[str, Any]:
    """Return one observation with its subject and its outcome in one flat object."""
    subject, outcome = observation.subject, observation.outcome
    status = {Ok: "ok", Failed: "failed", Skipped: "skipped"}[type(outcome)]
    return {
        "id": observation.id,
        "after": subject.after,
        "step": to_json(subject.step),
        "target": subject.target,
        "address": to_json(subject.address),
        "port": subject.port,
        "resolver": to_json(subject.resolver),
        "operation": subject.operation,
        "status": status,
        "started_at": to_json(observation.started_at),
        "seconds": to_json(observation.seconds),
        "failure": to_json(observation.failure),
        "skipped_because": outcome.reason if isinstance(outcome, Skipped) else None,
        "facts": to_json(observation.facts),
    }


def decode(document: Any) -> Report:
    """Read a report back. Raises DecodeError if the document is not a report."""
    hold_to_schema(document, SCHEMA)
    listed = document.get("observations")
    if not isinstance(listed, list):
        raise DecodeError("observations", "a list belongs here")
    observations = tuple(_decode_judged(row, f"observations[{place}]") for place, row in enumerate(listed))
    return replace(from_json(Report, {**document, "observations": []}), observations=observations)


def _decode_judged(data: Any, where: str) -> Observation[Any]:
    """Read an observation of a report back. Its judgement is not read: it follows from the findings."""
    if not isinstance(data, dict) or not data.keys() >= _JUDGED_KEYS:
        raise DecodeError(where, f"an object with the keys {', '.join(sorted(_JUDGED_KEYS))} belongs here")
    from_json(_Judged, {key: data[key] for key in _JUDGED_KEYS}, where)
    return decode_observation({key: value for key, value in data.items() if key not in _JUDGED_KEYS}, where)


def dumps(document: Any) -> str:
    """Return JSON text with an indent of two spaces, in ASCII alone, so that it contains no control characters."""
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def streamed(value: Any) -> Iterator[str]:
    """Yield the JSON text of a class in pieces. Together they are the text of `dumps`, but the whole text is never in
    memory."""
    encoder = json.JSONEncoder(indent=2, ensure_ascii=True, allow_nan=False)
    pieces = io.StringIO()
    for piece in _pieces(value, encoder):
        pieces.write(piece)
        if pieces.tell() >= _PIECE:
            yield pieces.getvalue()
            pieces = io.StringIO()
    yield f"{pieces.getvalue()}\n"


def _pieces(value: Any, encoder: json.JSONEncoder) -> Iterator[str]:
    def written(item: Any, indent: str) -> str:
        return encoder.encode(to_json(item)).replace("\n", f"\n{indent}")  # JSON texts contain no line ends

    before = "{"
    for field in fields(value):
        item = getattr(value, field.name)
        yield f'{before}\n  "{field.name}": '
        before = ","
        if isinstance(item, tuple) and item:
            for place, one in enumerate(item):
                yield f"{',' if place else '['}\n    {written(one, '    ')}"
            yield "\n  ]"
        else:
            yield written(item, "  ")
    yield "\n}"


def schema() -> dict[str, Any]:
    """The JSON Schema of the report (draft 2020-12)."""
    definitions: dict[str, Any] = {"Observation": {}}  # its JSON differs from its class
    type_schema(Report, definitions)
    report = definitions.pop("Report")
    report["properties"]["observations"] = {"type": "array", "items": observation_schema(definitions, is_judged=True)}
    return _document_schema(SCHEMA, report, definitions)


def observation_schema(definitions: dict[str, Any], *, is_judged: bool = False) -> dict[str, Any]:
    """Return the JSON Schema of an observation as a reference into `definitions`. An observation in a report is judged:
    it says whether its failure counts, and which finding explains it."""
    observation: dict[str, Any] = {
        "description": "One observation: a step of the run and how it ended.",
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "after": _or_null({"type": "string"}),
            "step": type_schema(Step, definitions),
            "target": _or_null({"type": "string"}),
            "address": _or_null({"type": "string"}),
            "port": _or_null({"type": "integer"}),
            "resolver": _or_null({"type": "string"}),
            "operation": _or_null({"type": "string"}),
            "status": {"enum": ["ok", "failed", "skipped"]},
            "started_at": _or_null({"type": "string", "format": "date-time"}),
            "seconds": _or_null({"type": "number"}),
            "failure": _or_null(type_schema(Failure, definitions)),
            "skipped_because": _or_null({"type": "string"}),
            **({"counts": {"type": "boolean"}, "explained_by": _or_null({"type": "string"})} if is_judged else {}),
            "facts": _or_null(type_schema(Facts, definitions)),
        },
        "additionalProperties": False,
    }
    observation["required"] = list(observation["properties"])
    definitions["Observation"] = observation
    return {"$ref": "#/$defs/Observation"}


def schema_of(kind: type, name: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the document that `to_json` makes from a `kind`. The value of its key
    `schema` is `name`."""
    definitions: dict[str, Any] = {}
    type_schema(kind, definitions)
    return _document_schema(name, definitions.pop(kind.__name__), definitions)


def _document_schema(name: str, document: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    properties = document["properties"] | {"schema": {"const": name}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{name.replace('.', ':')}",
        "title": name,
        **document,
        "properties": properties,
        "$defs": dict(sorted(definitions.items())),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Times:
    started_at: datetime | None
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    counts: bool
    explained_by: str | None


_JUDGED_KEYS: Final = frozenset({"counts", "explained_by"})
_OBSERVATION_KEYS: Final = frozenset(
    "id after step target address port resolver operation status started_at seconds failure skipped_because "
    "facts".split()
)


def decode_observation(data: Any, where: str) -> Observation[Any]:
    """Read one observation back; `where` is its position for errors. Raises DecodeError."""
    if not isinstance(data, dict) or set(data) != _OBSERVATION_KEYS:
        raise DecodeError(where, f"an object with exactly the keys {', '.join(sorted(_OBSERVATION_KEYS))} belongs here")
    names = ("step", "target", "address", "port", "resolver", "operation", "after")
    subject = from_json(Subject, {name: data[name] for name in names}, where)
    if data["id"] != subject.id:
        raise DecodeError(f"{where}.id", f"{subject.id} belongs here")
    facts: Any = None
    if data["facts"] is not None:
        kind = _FACTS.get((subject.step, subject.operation))
        if kind is None:
            raise DecodeError(f"{where}.facts", "this step and operation have no facts")
        facts = from_json(kind, data["facts"], f"{where}.facts")
    outcome: Outcome[Any]
    match data["status"]:
        case "ok" if facts is None:
            raise DecodeError(f"{where}.facts", "the facts of a successful step belong here")
        case "ok":
            outcome = Ok(facts)
        case "failed":
            outcome = Failed(from_json(Failure, data["failure"], f"{where}.failure"), facts)
        case "skipped":
            outcome = Skipped(from_json(str, data["skipped_because"], f"{where}.skipped_because"))
        case _:
            raise DecodeError(f"{where}.status", "one of ok, failed, skipped belongs here")
    for key, status in (("failure", "failed"), ("skipped_because", "skipped")):
        if data["status"] != status and data[key] is not None:
            raise DecodeError(f"{where}.{key}", f"null belongs here, since the step was {data['status']}")
    if data["status"] == "skipped" and facts is not None:
        raise DecodeError(f"{where}.facts", "null belongs here, since the step was skipped")
    times = from_json(_Times, {"started_at": data["started_at"], "seconds": data["seconds"]}, where)
    return Observation(subject=subject, outcome=outcome, started_at=times.started_at, seconds=times.seconds)


def _or_null(form: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [form, {"type": "null"}]}
