"""The configuration of a network in a file: a host that reaches EC2 writes EC2's answers for a run on a host that does
not.

The operator vouches for the file. Its form, age and network are checked, but not whether it is true: groups and routes
in it count like EC2's own answers.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from agent.catalog.partitions import is_region
from agent.catalog.wording import why_no_json, why_no_text
from agent.report import codec
from agent.report.model import Tool
from agent.report.serialization import DecodeError, from_json, hold_to_schema, to_json
from agent.settings import Ec2Facts
from agent.version import __version__
from probes.frozen import dataclass
from probes.model import Observation, Step, Subject
from probes.vpc.model import WHOLE_READS, VpcFacts

SCHEMA: Final = "backuplink.ec2-facts.v1"
ACCOUNT_SCHEMA: Final = "backuplink.account-facts.v1"
"""The schema of a file with the facts of several VPCs."""
MAX_AGE: Final = timedelta(days=30)
"""Maximum age of facts: older ones say too little about today's network."""
MAX_AHEAD: Final = timedelta(days=1)
"""Maximum lag of this host's clock behind the clock of the host that wrote the file."""
VPC_ID: Final = re.compile(r"vpc-[0-9a-f]{8}(?:[0-9a-f]{9})?")
"""EC2 API Reference, Resource IDs: old ids have 8 characters after the dash, new ids 17."""


T = TypeVar("T")


class FactsFileError(Exception):
    """The facts of a file cannot be used; its text tells the operator the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """The form of the file without its observations."""

    schema: str
    tool: Tool
    taken_at: datetime
    example: bool
    region: str
    vpc_id: str
    observations: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _AccountDocument:
    """The form of a file with several VPCs. Each document in it has the form of a file with one VPC."""

    schema: str
    tool: Tool
    vpcs: tuple[Any, ...]


def schema() -> dict[str, Any]:
    """The JSON Schema of the file of one VPC (draft 2020-12)."""
    from agent.report.refusal import with_refusal  # a run only reads the file

    document = codec.schema_of(_Document, SCHEMA)
    definitions: dict[str, Any] = {}
    document["properties"]["observations"] = {"type": "array", "items": codec.observation_schema(definitions)}
    return with_refusal({**document, "$defs": document["$defs"] | definitions})


def dumps(facts: Ec2Facts) -> str:
    """The text of a file with these facts."""
    return codec.dumps(_encoded(facts))


def dumps_all(facts: Iterable[Ec2Facts]) -> str:
    """The text of a file with the facts of several VPCs."""
    document = _AccountDocument(
        schema=ACCOUNT_SCHEMA,
        tool=Tool(name="backuplink", version=__version__),
        vpcs=tuple(map(_encoded, facts)),
    )
    return codec.dumps(to_json(document))


def dumps_any(facts: Ec2Facts | tuple[Ec2Facts, ...]) -> str:
    """The text of a file with the facts of one VPC, or with those of several."""
    return dumps(facts) if isinstance(facts, Ec2Facts) else dumps_all(facts)


def _encoded(facts: Ec2Facts) -> dict[str, Any]:
    document = _Document(
        schema=SCHEMA,
        tool=Tool(name="backuplink", version=__version__),
        taken_at=facts.taken_at,
        example=facts.is_example,
        region=facts.region,
        vpc_id=facts.vpc_id,
        observations=tuple(codec.encode_observation(observation) for observation in facts.observations),
    )
    encoded: dict[str, Any] = to_json(document)
    return encoded


def parse(data: bytes, name: str) -> Ec2Facts:
    """Return the facts in a document; errors call it `name`. Raises FactsFileError for any other document."""

    def facts_of_one(document: Any) -> Ec2Facts:
        if isinstance(document, dict) and document.get("schema") == ACCOUNT_SCHEMA:
            raise FactsFileError(
                f"{name}: has the VPCs of an account, and the facts of one VPC are needed: `backuplink facts --vpc` "
                "writes them"
            )
        return _facts(document)

    return _parsed(data, name, facts_of_one)


def parse_all(data: bytes, name: str) -> tuple[Ec2Facts, ...]:
    """Return the facts in a document of one or several VPCs; errors call it `name`. Raises FactsFileError for anything
    else."""
    return _parsed(data, name, _all_facts)


def _parsed(data: bytes, name: str, read: Callable[[Any], T]) -> T:
    try:
        text = data.decode("utf-8")
    except ValueError as error:
        raise FactsFileError(f"{name}: {why_no_text(data, 'a facts file')}") from error
    try:
        facts = read(json.loads(text))
    except RecursionError as error:
        raise FactsFileError(f"{name}: is nested too deep for a facts file") from error
    except DecodeError as error:
        raise FactsFileError(
            f"{name}: is not a file of `backuplink facts` that this version understands: {error}"
        ) from error
    except ValueError as error:  # a JSON error, or a number with more digits than Python reads
        raise FactsFileError(f"{name}: {why_no_json(error)}") from error
    return facts


def _all_facts(document: Any) -> tuple[Ec2Facts, ...]:
    """Decode the facts of all VPCs. Raises DecodeError."""
    if not isinstance(document, dict) or document.get("schema") != ACCOUNT_SCHEMA:
        return (_facts(document),)
    decoded = from_json(_AccountDocument, document)
    facts = []
    for number, vpc in enumerate(decoded.vpcs):
        try:
            facts.append(_facts(vpc))
        except DecodeError as error:
            raise DecodeError(f"vpcs[{number}].{error.where}", error.problem) from error
    if not facts:
        raise DecodeError("vpcs", "at least one VPC belongs here")
    return tuple(facts)


def _facts(document: Any) -> Ec2Facts:
    """Decode the facts of one VPC. Raises DecodeError."""
    hold_to_schema(document, SCHEMA)
    if "verdict" in document:
        raise DecodeError("verdict", "`backuplink facts` was refused, and wrote the reason instead of facts")
    decoded = from_json(_Document, document)
    if not is_region(decoded.region):
        raise DecodeError("region", "the name of a Region belongs here")
    if VPC_ID.fullmatch(decoded.vpc_id) is None:
        raise DecodeError("vpc_id", "the id of a VPC belongs here")
    observations = tuple(
        _observation(observation, f"observations[{number}]") for number, observation in enumerate(decoded.observations)
    )
    twice = [name for name, count in Counter(observation.id for observation in observations).items() if count > 1]
    if twice:
        raise DecodeError("observations", f"{twice[0]} is there twice")
    for observation in observations:
        if isinstance(observation.facts, VpcFacts) and observation.facts.vpc.vpc_id != decoded.vpc_id:
            raise DecodeError(
                observation.id,
                f"this is about the VPC {observation.facts.vpc.vpc_id}, but the file is about {decoded.vpc_id}",
            )
    return Ec2Facts(
        region=decoded.region,
        vpc_id=decoded.vpc_id,
        taken_at=decoded.taken_at,
        observations=observations,
        is_example=decoded.example,
    )


def _observation(data: Any, where: str) -> Observation[Any]:
    observation = codec.decode_observation(data, where)
    if observation.subject.operation not in WHOLE_READS or observation.subject != Subject(
        step=Step.EC2, operation=observation.subject.operation
    ):
        raise DecodeError(f"{where}.id", "only EC2's answer to one of this version's reads belongs here")
    return observation


def untimely(facts: Ec2Facts, now: datetime) -> str | None:
    """Return why facts cannot be used at `now`: they are too old, or were taken after `now`. None if they can be used;
    facts of a made-up VPC, for an example, always can."""
    if facts.is_example:
        return None
    age = now - facts.taken_at
    taken = f"{facts.taken_at:%Y-%m-%d %H:%M} UTC"
    if age > MAX_AGE:
        return (
            f"it was taken {age.days} days ago, at {taken}; after {MAX_AGE.days} days a configuration says too little "
            "about today's network"
        )
    if age < -MAX_AHEAD:
        return f"it was taken at {taken}, which is in the future by this host's clock"
    return None
