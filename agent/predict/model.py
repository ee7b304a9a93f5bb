"""The prediction for the hosts, endpoints and names of a VPC, from its configuration. Nothing in it is measured.

If the configuration treats sources alike, they are one class. What is said about a class is true for each interface in
it.
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
    """A resource or setting that blocks, or may block, something required."""

    code: Plain | None
    """The finding that a run would report; None if no finding is known."""
    name: Plain | None
    title: Plain
    severity: Severity
    measured: bool
    """Always false: a prediction measures nothing. The fault is only predicted from the configuration."""
    service: Plain
    action: Plain | None
    """The call that a policy denies; None for a fault of the name or a path."""
    ports: tuple[int, ...]
    """The ports; empty for a fault of the name or a call."""
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
    """The effect that an assumed change has on a path, a name or a call that counts."""

    CLOSES = "closes"
    """It is open, and would be blocked. A name would no longer lead to an endpoint, or a policy would deny a call."""
    MAY_CLOSE = "may-close"
    """It was open. It is unknown whether it would stay open, or it would be open only in part."""
    OPENS = "opens"
    MAY_OPEN = "may-open"
    """It was blocked. It is unknown whether it would stay blocked, or it would be open in part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedChange:
    """An effect of the assumed changes on paths, a name or a call."""

    effect: Effect
    service: Plain
    action: Plain | None
    """The call that a policy allows or denies; None for a change of the name or paths."""
    ports: tuple[int, ...]
    """The ports; empty for a change of the name or a call."""
    addresses: tuple[Address, ...]
    sources: tuple[Plain, ...]
    interface_count: int
    """Number of interfaces of these sources."""
    decided_by: tuple[ResourceId, ...]
    """Ids of the resources that decide after the change. For a change that opens something, they decide before it."""
    words: Sentence
    """The reason why these resources decide, without a full stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentFailure:
    """A path, name or call for which an intent does not hold."""

    service: Plain
    ports: tuple[int, ...]
    """The ports; empty for a name or a call."""
    outcome: Reachability
    """The predicted outcome, whatever the intent demands. It is `cannot-tell` if the intent may hold."""
    interface_count: int
    decided_by: tuple[ResourceId, ...]
    """Ids of the deciding resources."""
    rule: Sentence | None
    """The deciding rule, in short. None if the reason is that a rule is missing."""
    words: Sentence
    """The reason for the outcome, without a full stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedIntent:
    """An intent of a file, and whether it holds."""

    name: Sentence
    """The name of the intent in the file."""
    place: Plain
    """The file and the line in which the intent begins: `intents.toml:4`."""
    must: Plain
    """Either `open` or `shut`."""
    services: tuple[Plain, ...]
    interface_count: int
    """Number of interfaces of its sources."""
    status: Status
    """Whether the intent holds: `ok` if it does, `critical` if it does not, `unknown` if this is unknown."""
    failures: tuple[IntentFailure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedVerdict:
    """The verdict on everything required or, if changes are assumed, on these changes."""

    status: Status
    """`ok` if everything is open, `critical` if something is blocked, `unknown` if something is unknown or nothing
    could be predicted. For changes, `ok` if they close nothing, `critical` if they close something, `unknown` if they
    may."""
    summary: Sentence
    """The verdict in a sentence or, if nothing could be predicted, the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionDocument:
    """The prediction for the hosts of one VPC."""

    schema: Plain
    tool: Tool
    redacted: bool
    measured: bool
    """Always false in a prediction."""
    region: Plain | None
    """The Region of the VPC. This field and the next two are None if nothing could be predicted."""
    vpc_id: ResourceId | None
    taken_at: datetime | None
    """When the configuration was read."""
    verdict: PredictedVerdict
    services: tuple[Plain, ...]
    sources: tuple[SourceClass, ...]
    interface_count: int
    """Number of interfaces of all sources."""
    left_out: int
    """Number of interfaces of the VPC that are not sources because they do not belong to an instance."""
    names: tuple[PredictedName, ...]
    paths: tuple[PredictedPath, ...]
    calls: tuple[PredictedCall, ...]
    faults: tuple[PredictedFault, ...]
    """The faults: blocked requirements first, then unknown ones."""
    not_read: tuple[Sentence, ...]
    """Parts of the configuration that were not read, with the reason."""
    assumed: tuple[Sentence, ...]
    """Assumed changes, in words. All other fields except `changes` describe the configuration after these changes."""
    unjudged: tuple[Sentence, ...]
    """Assumed changes whose effect on this VPC is unknown. If there are any, the verdict is never `ok`."""
    intents: tuple[PredictedIntent, ...]
    """The intents of a file, in its order. If there are any, the verdict depends only on intents and on changes that
    cannot be judged."""
    ignored: tuple[Sentence, ...]
    """Sentences that say which changes of the plans are ignored, and how many: changes of other networks, changes that
    do not affect paths and names, and changes of kinds that were declared harmless."""
    changes: tuple[PredictedChange, ...]
    """The effects of the assumed changes, closing ones first. Empty if there are no changes or no effect counts."""
    managed: tuple[ManagedResource, ...]
    """Resources that a tool manages and that fixes or assumed changes would change. The tool undoes changes by
    others."""


def refusal(why: str) -> PredictionDocument:
    """A document without a VPC that gives the reason why there is no prediction."""
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
    """A prediction as JSON text. The text comes in pieces, since it has a hundred megabytes for a large VPC."""
    return streamed(document)


def decode(data: Any) -> PredictionDocument:
    """The prediction in a JSON document. Raises DecodeError if the data is not a prediction."""
    return from_json(PredictionDocument, data)


def schema() -> dict[str, Any]:
    """The JSON Schema of the document (draft 2020-12)."""
    document = schema_of(PredictionDocument, SCHEMA)
    document["properties"]["measured"] = {"const": False}
    return document
