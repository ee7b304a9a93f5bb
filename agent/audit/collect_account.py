"""Reads all VPCs of accounts and Regions, one after the other, for an audit.

The lists of an account and Region are read once and split by VPC (`probes.vpc.account`). Requests of an account keep
below half of the rates that AWS publishes, since others in the account need them, too. A Region, an account or a role
that does not answer is reported and never ends the rest.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from agent.audit.model import Unanswered
from agent.audit.request import AccountRequest
from agent.catalog.partitions import partition_of
from agent.process.cancel import CancelToken
from agent.run.collect_facts import FactsUnavailable, facts_of, keys_here, region_here, whole_request
from agent.settings import Ec2Facts
from probes.frozen import dataclass
from probes.model import Draft, Step, Subject
from probes.observe import Log
from probes.seams import Keys, Reader, World
from probes.vpc import accounts
from probes.vpc import reads as ec2
from probes.vpc.account import Account
from probes.vpc.model import ConfigurationFacts

MAX_VPCS: Final = 200
"""Maximum number of VPCs to read in one account and Region."""
REGIONS_AT_ONCE: Final = 4
_MOST: Final = 20_000
"""Maximum number of requests for an account and Region, including retries. `probes.vpc.account` needs far fewer."""
_RATES: Final = {ec2.EC2: 10.0}
_RATE: Final = 2.0
"""Requests per second for an account: half of the rate at which EC2 refills its tokens (EC2 API Reference, Request
throttling), and less than half of the 5 requests that Route 53 and its Resolver allow (Route 53 Developer Guide,
Quotas)."""
_GLOBAL: Final = frozenset({ec2.ROUTE_53})
"""Services with one rate for all Regions together."""

T = TypeVar("T")
Progress = Callable[[int, int, str], None]
"""A callback that gets the number of VPCs read so far, the number of known VPCs, and the place that is being read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfAccount:
    """The facts of a VPC, and the account whose credentials read them."""

    account_id: str | None
    facts: Ec2Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """Everything that was read, and a list of what gave no answer."""

    vpcs: tuple[OfAccount, ...]
    unanswered: tuple[Unanswered, ...]
    complete: bool = True
    """Whether the reads ended before the deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Credentials:
    account_id: str | None
    keys: Keys


async def gather(
    request: AccountRequest, world: World, *, stop: CancelToken, progress: Progress = lambda *_: None
) -> AccountFacts | FactsUnavailable:
    """Read the VPCs. Ends within the deadline, or when `stop` is cancelled. Returns FactsUnavailable if the first
    credentials or the Region are missing. Never raises an exception for a failure outside this program."""
    return await _Collection(request, world, stop, progress).collected()


class Pace:
    """Lets requests through one by one, no faster than a rate."""

    def __init__(self, rate: float) -> None:
        self._gap = 1.0 / rate
        self._next = 0.0

    async def turn(self) -> None:
        now = asyncio.get_running_loop().time()
        at = max(now, self._next)
        self._next = at + self._gap
        if at > now:
            await asyncio.sleep(at - now)


class _Collection:
    """A collection in progress."""

    def __init__(self, request: AccountRequest, world: World, stop: CancelToken, progress: Progress) -> None:
        self._request = request
        self._world = world
        self._stop = stop
        self._progress = progress
        self._vpcs: list[OfAccount] = []
        self._unanswered: list[Unanswered] = []
        self._open: dict[tuple[str | None, str | None, str | None], None] = {(None, None, None): None}
        """The account, Region and VPC of reads that have not ended. Parts that are not known yet are None."""
        self._known = 0
        self._paces: dict[tuple[str | None, str | None, str], Pace] = {}

    async def collected(self) -> AccountFacts | FactsUnavailable:
        window = asyncio.timeout_at(asyncio.get_running_loop().time() + self._request.deadline)
        complete = True
        try:
            async with window:
                self._stop.watch(window)
                if (nothing := await self._all()) is not None:
                    return nothing
        except TimeoutError:
            complete = False  # the loop below reports everything that was not read by then
        finally:
            self._stop.release()
        reason = self._stop.reason
        why = f"interrupted by {reason}" if reason else f"the deadline of {self._request.deadline:g} s came"
        for account_id, region, vpc_id in self._open:
            self._say(account_id, region, vpc_id, why)
        return AccountFacts(
            complete=complete,
            vpcs=tuple(self._vpcs),
            unanswered=tuple(
                sorted(self._unanswered, key=lambda one: (one.account_id or "", one.region or "", one.vpc_id or ""))
            ),
        )

    def _say(self, account_id: str | None, region: str | None, vpc_id: str | None, reason: str) -> None:
        self._unanswered.append(Unanswered(account_id=account_id, region=region, vpc_id=vpc_id, reason=reason))

    async def _all(self) -> FactsUnavailable | None:
        request = self._request
        region = request.regions[0] if request.regions else await region_here(self._world, request)
        if isinstance(region, FactsUnavailable):
            return region
        keys = await keys_here(self._world, request)
        if isinstance(keys, FactsUnavailable):
            return keys
        accounts_to_read = await self._accounts(keys, region)
        self._open = dict.fromkeys((account.account_id, None, None) for account in accounts_to_read)
        for account in accounts_to_read:
            await self._account(account, region)
        known = {one.facts.vpc_id for one in self._vpcs} | {one.vpc_id for one in self._unanswered}
        for vpc_id in request.vpc_ids:
            if vpc_id not in known:
                self._say(None, None, vpc_id, "no account and Region that was read has it")
        return None

    # --- Accounts ----------------------------------------------------------------------------------------------------

    async def _accounts(self, keys: Keys, region: str) -> list[_Credentials]:
        """The accounts to read, without those whose role cannot be assumed."""
        request = self._request
        reader = self._reader(keys, region, most=accounts.MAX_ACCOUNT_PAGES + 3 + 2 * len(request.role_arns))
        own = await self._asked("the caller's identity", lambda: accounts.account_of(reader))
        own_id = own if isinstance(own, str) else None
        role_arns = list(request.role_arns)
        found: list[_Credentials] = []
        if request.organization_role is not None:
            listed = await self._asked("the organization's accounts", lambda: accounts.accounts(reader), whole=True)
            if isinstance(listed, FactsUnavailable):
                self._say(None, None, None, f"the accounts of the organization: {listed.why}")
                listed = ()
            partition = partition_of(region).id
            found += [_Credentials(account_id=own_id, keys=keys)] if own_id in listed else []
            role_arns += [
                f"arn:{partition}:iam::{account_id}:role/{request.organization_role}"
                for account_id in listed
                if account_id != own_id
            ]
        elif not role_arns:
            return [_Credentials(account_id=own_id, keys=keys)]
        account_ids = [*(one.account_id for one in found), *(role_arn.split(":")[4] for role_arn in role_arns)]
        self._open = dict.fromkeys((account_id, None, None) for account_id in account_ids)
        for role_arn in dict.fromkeys(role_arns):
            account_id = role_arn.split(":")[4]
            of_role = self._reader(keys, region, most=2)
            role_keys = await self._asked("the role", lambda: accounts.keys_of_role(of_role, role_arn))  # noqa: B023 - it is awaited here
            if isinstance(role_keys, FactsUnavailable):
                self._open.pop((account_id, None, None), None)
                self._say(account_id, None, None, f"{role_arn} cannot be assumed: {role_keys.why}")
            else:
                found.append(_Credentials(account_id=account_id, keys=role_keys))
        return found

    async def _account(self, account: _Credentials, region: str) -> None:
        regions: Sequence[str] = self._request.regions or (region,)
        if self._request.all_regions:
            reader = self._reader(account.keys, region, most=2)
            listed = await self._asked("the Regions", lambda: accounts.regions(reader))
            if isinstance(listed, FactsUnavailable):
                self._say(account.account_id, None, None, f"its Regions cannot be listed: {listed.why}")
            else:
                regions = listed
        self._open.pop((account.account_id, None, None), None)
        self._open |= dict.fromkeys((account.account_id, name, None) for name in regions)
        some = asyncio.Semaphore(REGIONS_AT_ONCE)

        async def read(name: str) -> None:
            async with some:
                await self._region(account, name)

        async with asyncio.TaskGroup() as group:
            for name in dict.fromkeys(regions):
                group.create_task(read(name))

    # --- VPCs --------------------------------------------------------------------------------------------------------

    async def _region(self, account: _Credentials, region: str) -> None:
        account_id = account.account_id
        known = Account(self._reader(account.keys, region, most=_MOST), self._turn(account_id, region))
        listed = await self._asked("the VPCs", lambda: accounts.vpcs(known.of_vpc(), self._request.vpc_ids), whole=True)
        self._open.pop((account_id, region, None), None)
        if isinstance(listed, FactsUnavailable):
            self._say(account_id, region, None, listed.why)
            return
        if len(listed) > MAX_VPCS:
            left = f"{len(listed) - MAX_VPCS} of its {len(listed)} VPCs are not read: name some with --vpc"
            self._say(account_id, region, None, left)
        wanted = listed[:MAX_VPCS]
        self._known += len(wanted)
        self._open |= dict.fromkeys((account_id, region, vpc_id) for vpc_id in wanted)
        shared: dict[str, ConfigurationFacts] = {}
        for vpc_id in wanted:
            self._progress(len(self._vpcs), self._known, region)
            facts = await self._vpc(known, region, vpc_id, shared)
            self._open.pop((account_id, region, vpc_id), None)
            if isinstance(facts, FactsUnavailable):
                self._say(account_id, region, vpc_id, facts.why)
            else:
                self._vpcs.append(OfAccount(account_id=account_id, facts=facts))

    async def _vpc(
        self, known: Account, region: str, vpc_id: str, shared: dict[str, ConfigurationFacts]
    ) -> Ec2Facts | FactsUnavailable:
        log = self._log()
        taken_at = self._world.machine.now()
        wanted = whole_request(vpc_id, region, await known.joined(vpc_id))
        # Each request has a time limit of its own; a read also waits for its turn, and while AWS throttles.
        await ec2.inspect(known.of_vpc(), log, wanted, limit=self._request.deadline, shared=shared)
        return facts_of(log, region=region, vpc_id=vpc_id, taken_at=taken_at)

    # --- Requests ----------------------------------------------------------------------------------------------------

    def _reader(self, keys: Keys, region: str, *, most: int) -> Reader:
        request = self._request
        return self._world.sdk.reader(
            keys,
            region=region,
            profile=request.profile,
            ca_bundle=request.ca_bundle,
            timeout=request.timeout,
            most=most,
        )

    def _turn(self, account_id: str | None, region: str) -> Callable[[str], Awaitable[None]]:
        """A function that waits until the rates of an account and Region allow another request to a service."""

        async def turn(service: str) -> None:
            key = account_id, None if service in _GLOBAL else region, service
            if key not in self._paces:
                self._paces[key] = Pace(_RATES.get(service, _RATE))
            await self._paces[key].turn()

        return turn

    def _log(self) -> Log:
        return Log(now=self._world.machine.now, emit=lambda _: None)

    async def _asked(self, what: str, ask: Callable[[], Awaitable[T]], *, whole: bool = False) -> T | FactsUnavailable:
        """The result of a request, or the reason why there is none. `whole` is for a list of several pages: between
        them, the function waits while AWS throttles."""

        async def body(draft: Draft[bool]) -> T:
            given = await ask()
            draft.facts = True  # the result may be keys, which no observation may hold
            return given

        limit = self._request.deadline if whole else self._request.timeout
        subject = Subject(step=Step.EC2, operation=what)
        observation, given = await self._log().observe(subject, body, limit=limit)
        if observation.failure is not None:
            return FactsUnavailable(why=observation.failure.message)
        return given  # type: ignore[return-value] # it is set if there was no failure
