"""The prediction: what the configuration of a VPC says of its hosts, endpoints and names. Nothing in it is measured.

Sources of which the configuration can say nothing different are one class; what is said of a class holds for each
interface that it stands for.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from agent.catalog.findings import Severity
from agent.fixes.managed import ManagedResource
from agent.network.answers import PredictedCall, PredictedName, PredictedPath, SourceClass
from agent.report.codec import schema_of, streamed
from agent.report.hops import Reachability
from agent.report.model import Fix, Status, Tool
from agent.report.serialization import from_json
from agent.version import __version__
from probes.frozen import dataclass
from probes.masks import Plain, ResourceId, Sentence
from probes.model import Address

SCHEMA: Final = "backuplink.prediction.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedFault:
    """Something that stops, or may stop, what is required."""

    code: Plain | None
    """The finding that a run would name; None where none is known."""
    name: Plain | None
    title: Plain
    severity: Severity
    measured: bool
    """Always false: the configuration would cause it."""
    service: Plain
    action: Plain | None
    """The call that a policy denies; None where it is about the name or a path."""
    ports: tuple[int, ...]
    """Empty where it is about the name or a call."""
    outcome: Reachability
    sources: tuple[Plain, ...]
    interface_count: int
    """Number of interfaces of these sources."""
    addresses: tuple[Address, ...]
    decided_by: tuple[ResourceId, ...]
    rule: Sentence | None
    detail: Sentence
    fix: Fix | None


class Effect(StrEnum):
    """What a change that is not made yet does to a path or a name that counts."""

    CLOSES = "closes"
    """It was open, and would be blocked; of a name, it would not lead to an endpoint any more; of a call, a policy
    would deny it."""
    MAY_CLOSE = "may-close"
    """It was open, and it is not known whether it would stay so, or it would pass in part."""
    OPENS = "opens"
    MAY_OPEN = "may-open"
    """It was blocked, and it is not known whether it would stay so, or it would pass in part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedChange:
    """What the assumed changes do to paths, a name or a call."""

    effect: Effect
    service: Plain
    action: Plain | None
    """The call that a policy allows or denies; None where it is about the name or paths."""
    ports: tuple[int, ...]
    """Empty where it is about the name or a call."""
    addresses: tuple[Address, ...]
    sources: tuple[Plain, ...]
    interface_count: int
    """Number of interfaces of these sources."""
    decided_by: tuple[ResourceId, ...]
    """Ids of what decides afterwards or, of what opens, of what decided before."""
    words: Sentence
    """What decides there, without a full stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentFailure:
    """Something for which an intent does not hold."""

    service: Plain
    ports: tuple[int, ...]
    """Empty where it is about the name or a call."""
    outcome: Reachability
    """What the connect does, whatever it should do; `cannot-tell` where the intent may hold."""
    interface_count: int
    decided_by: tuple[ResourceId, ...]
    """Ids of what decides."""
    rule: Sentence | None
    """The rule that decides, in short; None where it is the lack of one."""
    words: Sentence
    """What decides, without a full stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedIntent:
    """An intent of a file, and whether it holds."""

    name: Sentence
    """What the file calls it."""
    place: Plain
    """The file and the line in which it begins: `intents.toml:4`."""
    must: Plain
    """Either `open` or `shut`."""
    services: tuple[Plain, ...]
    interface_count: int
    """Number of interfaces of its sources."""
    status: Status
    """`ok` it holds, `critical` it does not, `unknown` that is not known."""
    failures: tuple[IntentFailure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedVerdict:
    """What comes of it all for what is required or, where changes are assumed, of these changes."""

    status: Status
    """`ok` all open, `critical` something is blocked, `unknown` something is not known, or nothing could be
    predicted; of changes `ok` where they close nothing, `critical` where they do, `unknown` where they may."""
    summary: Sentence
    """Where nothing could be predicted, the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionDocument:
    """What the configuration of one VPC says of its hosts."""

    schema: Plain
    tool: Tool
    redacted: bool
    measured: bool
    """Always false in a prediction."""
    region: Plain | None
    """None where nothing could be predicted, as the next two."""
    vpc_id: ResourceId | None
    taken_at: datetime | None
    """When the configuration was read."""
    verdict: PredictedVerdict
    services: tuple[Plain, ...]
    sources: tuple[SourceClass, ...]
    interface_count: int
    """Number of interfaces of all sources."""
    left_out: int
    """Number of interfaces of the VPC that are not a source, because no instance has them."""
    names: tuple[PredictedName, ...]
    paths: tuple[PredictedPath, ...]
    calls: tuple[PredictedCall, ...]
    faults: tuple[PredictedFault, ...]
    """What is required and blocked first, then what is not known."""
    not_read: tuple[Sentence, ...]
    """Parts of the configuration that were not read, with the reason."""
    assumed: tuple[Sentence, ...]
    """Changes that are not made yet, in words; everything but `changes` is how it would be with them."""
    unjudged: tuple[Sentence, ...]
    """Assumed changes whose effect on this VPC is not known. If there is one, the verdict is never `ok`."""
    intents: tuple[PredictedIntent, ...]
    """The intents of a file, in its order. If there is one, the verdict depends only on intents and on what cannot be
    judged."""
    ignored: tuple[Sentence, ...]
    """How many changes of plans are of other networks, or have no part in paths and names."""
    changes: tuple[PredictedChange, ...]
    """What they do: closes first. Empty where they do nothing that counts, and where none is assumed."""
    managed: tuple[ManagedResource, ...]
    """What a tool manages of that which fixes and assumed changes would change: it undoes what others change there."""


def refusal(why: str) -> PredictionDocument:
    """A document of no VPC that says why there is none."""
    return PredictionDocument(
        schema=SCHEMA,
        tool=Tool(name="backuplink", version=__version__),
        redacted=False,
        measured=False,
        region=None,
        vpc_id=None,
        taken_at=None,
        verdict=PredictedVerdict(status=Status.UNKNOWN, summary=why),
        services=(),
        sources=(),
        interface_count=0,
        left_out=0,
        names=(),
        paths=(),
        calls=(),
        faults=(),
        not_read=(),
        assumed=(),
        unjudged=(),
        intents=(),
        ignored=(),
        changes=(),
        managed=(),
    )


def dumps(document: PredictionDocument) -> Iterator[str]:
    """A prediction as JSON text, in pieces: that of a large VPC has a hundred megabytes."""
    return streamed(document)


def decode(data: Any) -> PredictionDocument:
    """Read a document back. Raises DecodeError if the data is not a prediction."""
    return from_json(PredictionDocument, data)


def schema() -> dict[str, Any]:
    """The JSON Schema of the document (draft 2020-12)."""
    document = schema_of(PredictionDocument, SCHEMA)
    document["properties"]["measured"] = {"const": False}
    return document
