"""Measuring: from settings and a world to the evidence of one run, with every event on the way.

The order of a run: the host's own configuration; at once metadata, the SDK's settings and the trusted roots; as soon as
a Region is known, the names at every resolver; and each address, as soon as anybody gives it, up its ladders. Nothing
waits for a slow resolver. At the deadline, or when interrupted, the measuring is cancelled and the log closed, so that
every look that was known of has its observation.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final

from agent.catalog.partitions import SUFFIXES, is_region
from agent.catalog.services import (
    APPLIANCE_LABELS,
    BACKUP_GATEWAY,
    SERVICES,
    appliance_host,
    host_of,
    why_unused,
)
from agent.catalog.vpce import ENDPOINT_ID
from agent.process.cancel import CancelToken
from agent.report.model import FOREIGN_FACTS, NO_REGION, NO_VPC, Measurement, Run
from agent.run import plan
from agent.run.events import Event, ObservationMade, RunStarted, StepPlanned, StepStarted, TargetsKnown
from agent.settings import Ec2Facts, Settings
from agent.version import __version__
from probes.addresses import AddressScope, ordered, scope_of, usable_families, vpc_resolvers
from probes.facts import (
    AllowanceFacts,
    CredentialFacts,
    DnsFacts,
    HostFacts,
    ImdsFacts,
    LookupFacts,
    ProxyConnectFacts,
    ProxyFacts,
    SdkFacts,
    TcpFacts,
)
from probes.model import Address, Addressing, Draft, FailureKind, Observation, ProbeError, Role, Step, Subject, Target
from probes.observe import Log
from probes.operations import (
    ALLOWANCES,
    APPLIANCE,
    CONTAINER,
    DUAL_STACK_NAME,
    GETADDRINFO,
    METADATA_PROXY,
    PROXY,
    PROXY_CONNECT,
    SDK_SETTINGS,
)
from probes.ports import HTTPS
from probes.seams import Keys, Trust, World
from probes.steps import dns, host, imds, ladder, tcp
from probes.steps import proxy as http_proxy
from probes.steps.http import user_agent
from probes.urls import masked_proxy
from probes.vpc import reads as ec2
from probes.vpc.model import ENDPOINTS, READS

MAX_CONNECTS: Final = 512
"""At once; fewer than the dead ports of a run would cost one timeout more for each round."""
MAX_HANDSHAKES: Final = 32
TAIL_SECONDS: Final = 0.2
"""Before the deadline: reads of the configuration end then, so that the run itself can."""
NO_API: Final = "--no-api: no signed call is wanted"
NO_CREDENTIALS: Final = "no credentials"


async def measure(settings: Settings, world: World, *, emit: Callable[[Event], None], stop: CancelToken) -> Measurement:
    """Make one run. Ends by itself within the deadline; never raises for what the world does."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    measuring = RunInProgress(settings, world, emit, ends_at=began + settings.deadline)
    run_id, started_at = world.machine.identifier(), world.machine.now()
    emit(RunStarted(run_id, settings.deadline))
    window = asyncio.timeout_at(measuring.ends_at)
    complete = True
    try:
        async with window:
            stop.watch(window)
            await measuring.go()
    except TimeoutError:
        complete = False
    finally:
        stop.release()
    reason = f"interrupted by {stop.reason}" if stop.reason else f"the run's deadline of {settings.deadline:g} s came"
    measuring.log.close(reason, stop.reason)
    run = Run(
        id=run_id,
        started_at=started_at,
        finished_at=world.machine.now(),
        seconds=loop.time() - began,
        complete=complete,
        interrupted=stop.reason is not None and not complete,
        expect=settings.expect,
        signed_calls=settings.signed_calls,
        private_cidrs=settings.private_cidrs,
        region=measuring.region,
        region_source=measuring.region_source,
        ec2_reads=settings.ec2_reads or settings.ec2_facts is not None,
        timeout_seconds=settings.timeout,
        deadline_seconds=settings.deadline,
    )
    return Measurement(run=run, targets=measuring.targets, observations=tuple(measuring.log.made))


class RunInProgress:
    """The state of one run while it lasts."""

    def __init__(self, settings: Settings, world: World, emit: Callable[[Event], None], *, ends_at: float) -> None:
        self.settings = settings
        self.world = world
        self.emit = emit
        self.ends_at = ends_at
        self.log = Log(
            now=world.machine.now,
            emit=self._made,
            planned=lambda subject: emit(StepPlanned(subject)),
            started=lambda subject: emit(StepStarted(subject)),
        )
        self.targets: tuple[Target, ...] = ()
        self.region = settings.region
        self.region_source = settings.region_source
        self._host: HostFacts | None = None
        self._metadata: ImdsFacts | None = None
        self.metadata_read = asyncio.Event()
        """Set when metadata has told what it knows, or nothing."""
        self._started: dict[str, TargetRun] = {}
        self._group = asyncio.TaskGroup()
        self._context: ladder.ProbeContext | None = None
        self._names_are_known = not self._looks_at_configuration
        """Whether endpoints that are given by their ids have the names that EC2 has for them, if any."""
        self._endpoints_known = asyncio.Event()
        """Set when the read of endpoints has ended, well or not, or will not be made."""

    async def go(self) -> None:
        before = self.world.machine.allowances()
        await self._measure()

        async def body(draft: Draft[AllowanceFacts]) -> AllowanceFacts:
            now = self.world.machine.allowances()
            risen = {name: count - before.get(name, count) for name, count in now.items()}
            draft.facts = AllowanceFacts(
                exceeded={name: rise for name, rise in risen.items() if rise > 0}, counters=tuple(now)
            )
            return draft.facts

        await self.log.observe(_ALLOWANCES, body, limit=self.settings.timeout)

    async def _measure(self) -> None:
        self.log.plan(_HOST, _SDK, _IMDS, _CREDENTIALS)
        self._host = await self._look_at_host()
        async with self._group:
            trust: asyncio.Future[Trust] = asyncio.get_running_loop().create_future()
            keys: asyncio.Future[Keys | str] = asyncio.get_running_loop().create_future()
            reading: asyncio.Future[Keys | str] = asyncio.get_running_loop().create_future()
            self._context = ladder.ProbeContext(
                net=self.world.net,
                machine=self.world.machine,
                log=self.log,
                trust=trust,
                limit=self.settings.timeout,
                agent=user_agent(__version__),
                keys=keys,
                connects=asyncio.Semaphore(MAX_CONNECTS),
                handshakes=asyncio.Semaphore(MAX_HANDSHAKES),
            )
            metadata = self._group.create_task(self._look_at_metadata())
            settings = self._group.create_task(self._look_at_sdk())
            self._group.create_task(self._load_trust(trust, settings))
            self._group.create_task(self._find_credentials(keys, reading))
            if self.region is not None:
                self._pursue(plan.targets(self.settings, self.region, None))
            sdk = await settings
            if self.region is None and sdk is not None and sdk.region is not None and is_region(sdk.region):
                self.region, self.region_source = sdk.region, "the SDK's profile"
            if self.region is None:
                await metadata
                named = None if self._metadata is None else self._metadata.region
                if named is not None and is_region(named):
                    self.region, self.region_source = named, "instance metadata"
            self._group.create_task(self._look_at_configuration(reading))
            if self.region is not None:
                self._pursue(plan.targets(self.settings, self.region, sdk))
            if self.region is not None and plan.names_endpoint_by_id(self.settings):
                await self._endpoints_known.wait()
                read = self.log.find(f"{Step.EC2}/{ENDPOINTS}")
                self.settings = plan.with_names(self.settings, read.facts.endpoints if read and read.facts else ())
                self._names_are_known = True
                self._pursue(plan.targets(self.settings, self.region, sdk))

    # --- The host ----------------------------------------------------------------------------------------------------

    async def _look_at_host(self) -> HostFacts | None:
        async def body(draft: Draft[HostFacts]) -> HostFacts:
            return await host.probe(self.world.machine, SUFFIXES, draft)

        _, facts = await self.log.observe(_HOST, body, limit=self.settings.timeout)
        return facts

    async def _look_at_sdk(self) -> SdkFacts | None:
        async def body(draft: Draft[SdkFacts]) -> SdkFacts:
            draft.facts = await self.world.sdk.settings(self.settings.profile, tuple(SERVICES))
            return draft.facts

        _, facts = await self.log.observe(_SDK, body, limit=self.settings.timeout)
        return facts

    async def _look_at_metadata(self) -> None:
        environment = self.world.machine.environment
        if imds.disabled(environment):
            self.log.skip(_IMDS, "AWS_EC2_METADATA_DISABLED is set")
            self.metadata_read.set()
            return

        async def body(draft: Draft[ImdsFacts]) -> ImdsFacts:
            return await imds.probe(self.world.net, self.world.machine, user_agent(__version__), draft)

        async def captured(draft: Draft[ProxyFacts]) -> ProxyFacts:
            address, _ = imds.endpoint(environment)
            proxy = self.world.sdk.proxy(str(address), "http")
            draft.facts = ProxyFacts(proxy=None if proxy is None else masked_proxy(proxy))
            return draft.facts

        await self.log.observe(_METADATA_PROXY, captured, limit=self.settings.timeout)
        observation, _ = await self.log.observe(_IMDS, body, limit=self.settings.timeout)
        self._metadata = observation.facts
        self.metadata_read.set()
        for pursuit in self._started.values():
            pursuit.ask(self._resolvers())

    async def _find_credentials(self, keys: asyncio.Future[Keys | str], reading: asyncio.Future[Keys | str]) -> None:
        """Ask the SDK's chain for credentials, and tell every ladder (`keys`) and what reads the configuration
        (`reading`) what signs its calls, or why there is none."""
        if not self.settings.signed_calls:
            keys.set_result(NO_API)
            if not self.settings.ec2_reads:
                self.log.skip(_CREDENTIALS, NO_API)
                reading.set_result(NO_API)
                return

        async def body(draft: Draft[CredentialFacts]) -> Keys:
            found, draft.facts = await self.world.sdk.credentials(self.settings.profile)
            return found

        if (place := imds.container_endpoint(self.world.machine.environment)) is not None:
            self._group.create_task(self._look_at_container(*place))
        _, found = await self.log.observe(_CREDENTIALS, body, limit=self.settings.timeout)
        reading.set_result(found or NO_CREDENTIALS)
        if not keys.done():
            keys.set_result(found or NO_CREDENTIALS)

    async def _look_at_container(self, address: Address, port: int) -> None:
        """Connect to where a container's credentials come from; what is asked there is the SDK's business."""

        async def body(draft: Draft[TcpFacts]) -> None:
            stream = await tcp.connect(self.world.net, self.world.machine, address, port, draft)
            stream.close()

        subject = Subject(step=Step.IMDS, address=address, port=port, operation=CONTAINER)
        await self.log.observe(subject, body, limit=self.settings.timeout)

    # --- The configuration -------------------------------------------------------------------------------------------

    @property
    def _looks_at_configuration(self) -> bool:
        return self.settings.ec2_reads or self.settings.ec2_facts is not None

    async def _look_at_configuration(self, keys: asyncio.Future[Keys | str]) -> None:
        """Take the configuration from the file, or ask EC2 for it, where either is wanted."""
        if self._looks_at_configuration:
            self.log.plan(*(Subject(step=Step.EC2, operation=read) for read in READS))
            await self.metadata_read.wait()
            facts = self.settings.ec2_facts
            if (reason := self._why_no_configuration(facts)) is not None:
                self._leave_configuration(reason)
            elif facts is not None:
                for each in facts.observations:
                    self.log.keep(each)
                missing = set(READS) - {each.subject.operation for each in facts.observations}
                self._leave_configuration(
                    "the facts file does not have it", [read for read in READS if read in missing]
                )
            else:
                # What only explains must not make a run incomplete: looks that are open then are closed as cut short.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(self.ends_at - TAIL_SECONDS):
                        await self._ask_for_configuration(await keys)
        self._endpoints_known.set()

    def _why_no_configuration(self, facts: Ec2Facts | None) -> str | None:
        """Why the configuration is not looked at: it would be another network's, or nobody's. A file that was given is
        part of the reason, so that it is never dropped without a word."""
        metadata = self._metadata
        if metadata is None or metadata.vpc_id is None:
            return NO_VPC if facts is None else f"{FOREIGN_FACTS}{facts.vpc_id}, and {NO_VPC}"
        if facts is not None and facts.vpc_id != metadata.vpc_id:
            return f"{FOREIGN_FACTS}{facts.vpc_id}, and this host is in {metadata.vpc_id}"
        if facts is not None and metadata.region not in (None, facts.region):
            return f"{FOREIGN_FACTS}{facts.region}, and this host is in {metadata.region}"
        return None

    async def _ask_for_configuration(self, keys: Keys | str) -> None:
        metadata, region = self._metadata, self.region
        if metadata is not None and metadata.region is not None and is_region(metadata.region):
            region = metadata.region  # the VPC is where the instance is, whatever Region its calls go to
        if isinstance(keys, str) or metadata is None or metadata.vpc_id is None or region is None:
            self._leave_configuration(keys if isinstance(keys, str) else NO_REGION)
            return
        reader = self.world.sdk.reader(
            keys,
            region=region,
            profile=self.settings.profile,
            ca_bundle=self.settings.ca_bundle,
            timeout=self.settings.timeout,
            most=ec2.MAX_REQUESTS,
        )
        wanted = ec2.ConfigurationRequest(
            vpc_id=metadata.vpc_id,
            instance_id=metadata.instance_id,
            region=region,
            services=tuple(SERVICES),
            group_ids=metadata.security_group_ids,
        )
        await ec2.inspect(reader, self.log, wanted, limit=self.settings.timeout)

    def _leave_configuration(self, reason: str, reads: Iterable[str] = tuple(READS)) -> None:
        for read in reads:
            self.log.skip(Subject(step=Step.EC2, operation=read), reason)

    async def _load_trust(self, trust: asyncio.Future[Trust], settings: asyncio.Task[SdkFacts | None]) -> None:
        """Load the roots that the SDK would trust; what goes wrong is raised where a handshake asks for them."""
        bundle = self.settings.ca_bundle
        if bundle is None:  # an empty variable is one: the SDK makes no client with it
            bundle = self.world.machine.environment.get("AWS_CA_BUNDLE")
        if bundle is None and host.has_shared_config(self.world.machine):
            sdk = await settings  # only a profile can name a bundle now, and only the SDK reads profiles
            bundle = sdk.ca_bundle if sdk is not None else None
        try:
            loaded = await self.world.machine.trust(bundle)
            if loaded.folder and self.settings.ca_bundle is None:
                message = (
                    f"{loaded.source} cannot be read as certificates: it is a folder, and the SDK takes a file alone"
                )
                raise ProbeError(FailureKind.TLS_NO_TRUST_STORE, message, code="EISDIR")
            trust.set_result(loaded)
        except Exception as error:  # noqa: BLE001 - handed to every handshake, which classifies it
            trust.set_exception(error)
            trust.exception()  # looked at: whether a handshake will ask is not sure

    # --- Targets -----------------------------------------------------------------------------------------------------

    def _pursue(self, targets: tuple[Target, ...]) -> None:
        """Take these for the run's targets, and begin with those that are new. One whose name EC2 alone knows waits."""
        if self._context is None:
            return
        if targets != self.targets:
            self.targets = targets
            self.emit(TargetsKnown(targets))
        for target in targets:
            waits = ENDPOINT_ID.fullmatch(target.host) and not self._names_are_known
            if target.id not in self._started and not waits:
                pursuit = self._started[target.id] = TargetRun(self, self._context, target)
                pursuit.begin(self._resolvers())

    def _resolvers(self) -> tuple[Address, ...]:
        configured = (*self._host.resolvers, *self._host.upstream_resolvers) if self._host else ()
        vpc_cidrs = self._metadata.vpc_cidrs if self._metadata else ()
        return tuple(dict.fromkeys((*configured, *vpc_resolvers(self._host, vpc_cidrs), *self.settings.resolvers)))

    def spawn(self, work: Any) -> None:
        self._group.create_task(work)

    def lookup_limit(self) -> float:
        """Seconds for the host's own lookup: the C library waits for each silent name server before it asks the next,
        and programs on this host wait with it."""
        others = len(self._host.resolvers) - 1 if self._host else 0
        return self.settings.timeout + host.resolver_timeout(self._host) * max(others, 0)

    def families(self) -> frozenset[int]:
        return usable_families(self._host)

    def is_public(self, address: Address) -> bool:
        return self._scope(address) is AddressScope.PUBLIC

    def is_private(self, address: Address) -> bool:
        return self._scope(address) in (AddressScope.VPC, AddressScope.PRIVATE)

    def _scope(self, address: Address) -> AddressScope:
        blocks: tuple[IPv4Network | IPv6Network, ...] = self.settings.private_cidrs
        known = False
        if self._metadata is not None:
            blocks = (*self._metadata.vpc_cidrs, *blocks)
            known = self._metadata.vpc_id is not None
        return scope_of(address, vpc_cidrs=blocks, ipv6_known=known)

    def _made(self, observation: Observation[Any]) -> None:
        if observation.id == f"{Step.EC2}/{ENDPOINTS}":
            self._endpoints_known.set()
        self.emit(ObservationMade(observation, self.log.planned))


class TargetRun:
    """One target: its name at every resolver, and every address up its ladders."""

    def __init__(self, measuring: RunInProgress, context: ladder.ProbeContext, target: Target) -> None:
        self._measuring = measuring
        self._context = context
        self._target = target
        self._asked: set[Address] = set()
        self._climbed: set[Address] = set()
        self._given: frozenset[Address] = frozenset()
        """All that resolvers that were asked themselves have given."""
        self._waiting: dict[Address, str] | None = {} if target.role is Role.OPTIONAL else None
        """Addresses of an optional target, until its own lookup has told whether it is in use at all."""
        self._left_alone: str | None = None
        turn = measuring.settings.turn
        self._turn = None if turn is None else _Turn(turn)

    def begin(self, resolvers: tuple[Address, ...]) -> None:
        self._measuring.spawn(self._look_up())
        self._measuring.spawn(self._look_at_proxy())
        self.ask(resolvers)

    def ask(self, resolvers: tuple[Address, ...]) -> None:
        """Ask those of `resolvers` that have not been asked yet."""
        if ENDPOINT_ID.fullmatch(self._target.host):
            return
        for resolver in resolvers:
            if resolver in self._asked:
                continue
            self._asked.add(resolver)
            for record in ("A", "AAAA"):
                subject = Subject(step=Step.DNS, target=self._target.id, resolver=resolver, operation=record)
                self._context.log.plan(subject)
                self._measuring.spawn(self._ask(subject, resolver, record))

    async def _look_at_proxy(self) -> None:
        if ENDPOINT_ID.fullmatch(self._target.host):
            subject = Subject(step=Step.HOST, target=self._target.id, operation=PROXY)
            self._context.log.skip(subject, f"the DNS name of {self._target.host} is known to EC2 alone")
            return

        async def body(draft: Draft[ProxyFacts]) -> ProxyFacts:
            proxy = self._measuring.world.sdk.proxy(self._target.host)
            draft.facts = ProxyFacts(proxy=None if proxy is None else masked_proxy(proxy))
            return draft.facts

        subject = Subject(step=Step.HOST, target=self._target.id, operation=PROXY)
        await self._context.log.observe(subject, body, limit=self._context.limit)
        proxy = self._measuring.world.sdk.proxy(self._target.host)
        if proxy is None:
            return

        async def connect(draft: Draft[ProxyConnectFacts]) -> int:
            return await http_proxy.probe(self._context.net, proxy, self._target.host, HTTPS, draft)

        through = Subject(step=Step.HTTP, target=self._target.id, operation=PROXY_CONNECT, after=subject.id)
        if proxy.lower().startswith("https://"):
            self._context.log.skip(through, "a proxy that is itself behind TLS is not tried")
            return
        await self._context.log.observe(through, connect, limit=self._context.limit)

    async def _look_up(self) -> None:
        async def body(draft: Draft[LookupFacts]) -> tuple[Address, ...]:
            return await dns.lookup(self._context.net, self._target.host, draft)

        subject = Subject(step=Step.DNS, target=self._target.id, operation=GETADDRINFO)
        if ENDPOINT_ID.fullmatch(self._target.host):
            self._context.log.skip(subject, f"the DNS name of {self._target.host} is known to EC2 alone")
            return
        _, found = await self._context.log.observe(subject, body, limit=self._measuring.lookup_limit())
        addresses = found or ()
        if self._turn is not None:
            self._turn.begin(ordered(addresses))
        if self._waiting is not None:
            await self._measuring.metadata_read.wait()  # which blocks are this VPC's decides who is left alone
            waiting, self._waiting = self._waiting, None
            self._left_alone = why_unused(self._target, ordered(addresses), self._measuring.is_public)
            for address, after in waiting.items():
                self._climb(address, after)
        for address in addresses:
            self._climb(address, subject.id)
        for operation, name in self._names_beside(addresses):
            self._measuring.spawn(self._look_up_beside(operation, name, subject.id))

    def _names_beside(self, addresses: tuple[Address, ...]) -> Iterable[tuple[str, str]]:
        """What else programs may look up because of how the default name resolves, by operation: the names that private
        DNS for the gateway may hide from appliances, and the one that private DNS may cover instead."""
        target = self._target
        if target.addressing is not Addressing.DEFAULT or target.role is Role.CONTEXT or self._left_alone is not None:
            return
        if not any(map(self._measuring.is_private, addresses)):
            yield DUAL_STACK_NAME, host_of(target.service, target.region, fips=False, dual_stack=True)
        elif target.service == BACKUP_GATEWAY.name:
            for label in APPLIANCE_LABELS:
                yield f"{APPLIANCE}{label}", appliance_host(label, target.region)

    async def _look_up_beside(self, operation: str, name: str, after: str) -> None:
        async def body(draft: Draft[LookupFacts]) -> tuple[Address, ...]:
            return await dns.lookup(self._context.net, name, draft)

        subject = Subject(step=Step.DNS, target=self._target.id, operation=operation, after=after)
        await self._context.log.observe(subject, body, limit=self._measuring.lookup_limit())

    async def _ask(self, subject: Subject, resolver: Address, record: str) -> None:
        async def body(draft: Draft[DnsFacts]) -> tuple[Address, ...]:
            retry_after = self._context.limit / 2
            found = await dns.ask(
                self._context.net, resolver, self._target.host, record, draft, retry_after=retry_after
            )
            given = self._given.union(found)
            if len(given) > dns.MAX_ADDRESSES:
                # Not the resolver's fault: another may have filled the list. Own addresses are never turned away here.
                draft.facts = None
                raise ProbeError(FailureKind.TOO_LARGE, f"resolvers gave over {dns.MAX_ADDRESSES} addresses in all")
            self._given = given
            return found

        _, addresses = await self._context.log.observe(subject, body, limit=self._context.limit)
        for address in addresses or ():
            if self._waiting is None:
                self._climb(address, subject.id)
            elif address not in self._waiting:
                self._waiting[address] = subject.id
                for port in self._target.ports:
                    self._context.log.plan(*ladder.rungs(self._target, address, port, subject.id))

    def _climb(self, address: Address, after: str) -> None:
        if address in self._climbed:
            return
        self._climbed.add(address)
        usable = address.version in self._measuring.families() or address.is_loopback
        for port in self._target.ports:
            rungs = ladder.rungs(self._target, address, port, after)
            if self._left_alone is not None or not usable:
                for rung in rungs:
                    self._context.log.skip(rung, self._left_alone or f"this host has no IPv{address.version} address")
                if self._turn is not None:
                    self._turn.leave(address)
            else:
                self._context.log.plan(*rungs)
                if self._turn is not None and port == HTTPS:
                    self._measuring.spawn(self._climb_in_turn(self._turn, address, rungs))
                else:
                    self._measuring.spawn(ladder.climb(self._context, self._target, rungs))

    async def _climb_in_turn(self, turn: "_Turn", address: Address, rungs: tuple[Subject, ...]) -> None:
        try:
            await ladder.climb(self._context, self._target, rungs, may_call=lambda: turn.take(address))
        finally:
            turn.leave(address)


class _Turn:
    """Which address of a target makes the one signed call of a run: of those that this host uses the one at a place in
    their order, or the next after it that gets so far."""

    def __init__(self, place: int) -> None:
        self._place = place
        self._known = asyncio.Event()
        self._order: tuple[Address, ...] = ()
        self._taken: dict[Address, bool] = {}
        """Whether an address has made the call, of those that have come to an end or so far."""
        self._changed = asyncio.Event()

    def begin(self, own: tuple[Address, ...]) -> None:
        """These are the addresses that this host uses; none where it could not look the name up."""
        start = self._place % len(own) if own else 0
        self._order = (*own[start:], *own[:start])
        self._known.set()

    def leave(self, address: Address) -> None:
        """This address will not make the call, unless it has."""
        self._settle(address, False)

    async def take(self, address: Address) -> bool:
        """Whether this address makes the call. Waits for those before it in the order."""
        await self._known.wait()
        if not self._order:  # whoever comes first: there are only addresses of others
            self._settle(address, not any(self._taken.values()))
            return self._taken[address]
        if address not in self._order:
            return False
        before = self._order[: self._order.index(address)]
        while not (any(self._taken.values()) or all(each in self._taken for each in before)):
            self._changed.clear()
            await self._changed.wait()
        self._settle(address, not any(self._taken.values()))
        return self._taken[address]

    def _settle(self, address: Address, taken: bool) -> None:
        if address not in self._taken:
            self._taken[address] = taken
            self._changed.set()


_HOST: Final = Subject(step=Step.HOST)
_SDK: Final = Subject(step=Step.HOST, operation=SDK_SETTINGS)
_IMDS: Final = Subject(step=Step.IMDS)
_ALLOWANCES: Final = Subject(step=Step.HOST, operation=ALLOWANCES)
_METADATA_PROXY: Final = Subject(step=Step.HOST, operation=METADATA_PROXY)
_CREDENTIALS: Final = Subject(step=Step.CREDENTIALS)
