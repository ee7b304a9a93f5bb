"""The JSON of a refusal, for kinds of documents without a verdict of their own.

A report, a prediction, an audit and a fleet have a verdict: it tells the refusal, and all their keys stay.
"""

from typing import Any, Final

from agent.report.codec import dumps as dumps_json
from agent.report.codec import schema_of
from agent.report.model import Status, Tool
from agent.report.serialization import to_json
from agent.version import __version__
from probes.frozen import dataclass

_NAME: Final = "Refusal"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalVerdict:
    """The reason why there is no document."""

    status: Status
    """The status, which is always `unknown`."""
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The document that a call writes if it cannot make the requested document."""

    schema: str
    tool: Tool
    verdict: RefusalVerdict


def of(schema: str, why: str) -> Refusal:
    """The refusal of a document whose JSON has this `schema`."""
    tool, verdict = Tool(name="backuplink", version=__version__), RefusalVerdict(status=Status.UNKNOWN, summary=why)
    return Refusal(schema=schema, tool=tool, verdict=verdict)


def dumps(refusal: Refusal) -> str:
    """The refusal as JSON text."""
    return dumps_json(to_json(refusal))


def with_refusal(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of a document with a refusal as an alternative."""
    refused = schema_of(Refusal, schema["title"])
    verdict = refused["$defs"]["RefusalVerdict"]
    verdict["properties"]["status"] = {"const": Status.UNKNOWN.value}
    definitions = schema["$defs"] | {"Tool": refused["$defs"]["Tool"], "RefusalVerdict": verdict}
    head = {name: schema[name] for name in ("$schema", "$id", "title")}
    whole, other = ({name: one[name] for name in one if name not in {*head, "$defs"}} for one in (schema, refused))
    return {
        **head,
        "anyOf": [{"$ref": "#/$defs/Whole"}, {"$ref": f"#/$defs/{_NAME}"}],
        "$defs": dict(sorted({**definitions, "Whole": whole, _NAME: other}.items())),
    }
