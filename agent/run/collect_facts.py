"""Collect facts: a host that reaches EC2 makes the EC2 reads of a run, for runs on hosts that do not reach EC2."""

import asyncio
from datetime import datetime
from typing import Any, Final, Protocol

from agent.catalog.partitions import is_region
from agent.catalog.services import checkable, gateway_labels, private_link_labels
from agent.process.cancel import CancelToken
from agent.settings import Ec2Facts
from probes.facts import CredentialFacts, SdkFacts
from probes.frozen import dataclass
from probes.model import Draft, Failed, Failure, FailureKind, Observation, Skipped, Step, Subject
from probes.observe import Log
from probes.operations import SDK_SETTINGS
from probes.seams import Keys, World
from probes.vpc import reads as ec2
from probes.vpc.model import OWN_INTERFACES, WHOLE_READS

_SDK: Final = Subject(step=Step.HOST, operation=SDK_SETTINGS)
_CREDENTIALS: Final = Subject(step=Step.CREDENTIALS)
VPC_NOT_FOUND: Final = "InvalidVpcID.NotFound"
"""Error codes for a missing VPC (EC2 API Reference, Error codes)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsUnavailable:
    """There are no facts to write to a file."""

    why: str
    """The reason, as a message for the operator."""


class _NothingReadError(Exception):
    """Carries the reason for FactsUnavailable."""


class ReadOptions(Protocol):
    """How to call the SDK."""

    @property
    def profile(self) -> str | None:
        """The profile for the SDK; None lets the SDK choose."""

    @property
    def timeout(self) -> float:
        """Time limit for one read in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsRequest:
    """What to read, and how."""

    vpc_id: str
    region: str | None
    """The Region; None if the SDK's profile names it."""
    profile: str | None
    ca_bundle: str | None
    timeout: float
    """Time limit for one read in seconds."""
    deadline: float
    """Time limit for all reads in seconds."""


async def gather(request: FactsRequest, world: World, *, stop: CancelToken) -> Ec2Facts | FactsUnavailable:
    """Read the whole configuration of a VPC. Ends within the deadline, or when `stop` is cancelled; every unfinished
    read then has an observation with the reason. Never raises for anything that the world does."""
    try:
        return await _gather(request, world, stop)
    except _NothingReadError as error:
        return FactsUnavailable(why=str(error))


async def _gather(request: FactsRequest, world: World, stop: CancelToken) -> Ec2Facts:
    log = Log(now=world.machine.now, emit=lambda _: None)
    taken_at = world.machine.now()
    window = asyncio.timeout_at(asyncio.get_running_loop().time() + request.deadline)
    region: str | None = request.region
    try:
        async with window:
            stop.watch(window)
            region = region or await _region_of_profile(request, world, log)
            keys = await _keys(request, world, log)
            reader = world.sdk.reader(
                keys,
                region=region,
                profile=request.profile,
                ca_bundle=request.ca_bundle,
                timeout=request.timeout,
                most=ec2.most_requests(whole=True),
            )
            await ec2.inspect(reader, log, whole_request(request.vpc_id, region), limit=request.timeout)
    except TimeoutError:
        pass  # each read that was cut short records this itself
    finally:
        stop.release()
    reason = f"interrupted by {stop.reason}" if stop.reason else f"the deadline of {request.deadline:g} s came"
    log.close(reason, stop.reason)
    return _facts_of(log, region, request.vpc_id, taken_at, reason)


def whole_request(vpc_id: str, region: str, joined: frozenset[str] | None = None) -> ec2.ConfigurationRequest:
    """Return the reads of a VPC for all of its hosts; in an audit, also of its network and the VPCs `joined` to it."""
    return ec2.ConfigurationRequest(
        vpc_id=vpc_id,
        instance_id=None,
        region=region,
        services=private_link_labels(checkable()),
        global_services=private_link_labels(checkable(), is_global=True),
        gateway_services=gateway_labels(checkable()),
        group_ids=(),
        whole=True,
        joined=joined,
    )


def facts_of(log: Log, *, region: str, vpc_id: str, taken_at: datetime) -> Ec2Facts | FactsUnavailable:
    """Make every read of a VPC, and return the facts."""
    try:
        return _facts_of(log, region, vpc_id, taken_at, "its reads ended")
    except _NothingReadError as error:
        return FactsUnavailable(why=str(error))


def _facts_of(log: Log, region: str | None, vpc_id: str, taken_at: datetime, reason: str) -> Ec2Facts:
    by_id = {observation.id: observation for observation in log.made}
    ids = (f"{Step.EC2}/{read}" for read in WHOLE_READS)
    reads = tuple(by_id[read_id] for read_id in ids if read_id in by_id)
    if any(read.failure is not None and read.failure.code == VPC_NOT_FOUND for read in reads):
        raise _NothingReadError(f"there is no {vpc_id} in {region} for these credentials")
    if region is None or not any(read.ok and _is_of_ec2(read) for read in reads):
        raise _NothingReadError(_why_nothing(reads or log.made, reason))
    return Ec2Facts(region=region, vpc_id=vpc_id, taken_at=taken_at, observations=reads)


async def region_here(world: World, request: ReadOptions) -> str | FactsUnavailable:
    """Return the Region that the SDK's profile names."""
    try:
        return await _region_of_profile(request, world, Log(now=world.machine.now, emit=lambda _: None))
    except _NothingReadError as error:
        return FactsUnavailable(why=str(error))


async def keys_here(world: World, request: ReadOptions) -> Keys | FactsUnavailable:
    """Return the credentials that the SDK's chain finds."""
    try:
        return await _keys(request, world, Log(now=world.machine.now, emit=lambda _: None))
    except _NothingReadError as error:
        return FactsUnavailable(why=str(error))


def lacking(facts: Ec2Facts) -> tuple[str, ...]:
    """Return a line for each failed read; if a permission is missing, the line names it."""
    outcomes = {observation.subject.operation: observation.outcome for observation in facts.observations}
    lines = []
    for operation, read in WHOLE_READS.items():
        if operation == OWN_INTERFACES:
            continue  # it is not known which host will use the file; that host reads its own interfaces
        match outcomes.get(operation):
            case Failed(failure=Failure(kind=FailureKind.NOT_PERMITTED)):
                lines.append(f"{read.words}: not permitted; it takes {' and '.join(read.actions)}")
            case Failed(failure=failure):
                lines.append(f"{read.words}: {failure.message}")
            case Skipped(reason=reason):
                lines.append(f"{read.words}: {reason}")
            case None:
                lines.append(f"{read.words}: the file does not have them")
    return tuple(lines)


async def _region_of_profile(request: ReadOptions, world: World, log: Log) -> str:
    async def body(draft: Draft[SdkFacts]) -> SdkFacts:
        draft.facts = await world.sdk.settings(request.profile, ())
        return draft.facts

    observation, sdk = await log.observe(_SDK, body, limit=request.timeout)
    if observation.failure is not None:
        raise _NothingReadError(f"the SDK's settings cannot be read: {observation.failure.message}")
    if sdk is None or sdk.region is None or not is_region(sdk.region):
        raise _NothingReadError("no Region is known: name one with --region, AWS_REGION or the SDK's profile")
    return sdk.region


async def _keys(request: ReadOptions, world: World, log: Log) -> Keys:
    async def body(draft: Draft[CredentialFacts]) -> Keys:
        keys, draft.facts = await world.sdk.credentials(request.profile)
        return keys

    observation, keys = await log.observe(_CREDENTIALS, body, limit=request.timeout)
    if keys is None:
        why = "" if observation.failure is None else f": {observation.failure.message}"
        raise _NothingReadError(f"there are no credentials to ask EC2 with{why}")
    return keys


def _is_of_ec2(read: Observation[Any]) -> bool:
    """Whether a read calls EC2 itself. Without such reads, the other reads explain nothing."""
    described = WHOLE_READS.get(read.subject.operation or "")
    return described is not None and described.actions[0].startswith(f"{ec2.EC2}:")


def _why_nothing(observations: tuple[Observation[Any], ...], reason: str) -> str:
    """Return the first failure in words, since it caused the others; if no read has failed, return the `reason` why the
    reads ended."""
    first = next((observation for observation in observations if observation.failure is not None), None)
    if first is None or first.failure is None:
        return f"nothing could be read; cut short: {reason}"
    read = WHOLE_READS.get(first.subject.operation or "")
    return f"nothing could be read; {first.id if read is None else read.words}: {first.failure.message}"
