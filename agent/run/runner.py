"""Make one run: read the host and the network through a world, as the settings say, and return the measurement.

A run first reads the host's own configuration. Then, all at the same time, it reads metadata, the SDK's settings and
the trusted roots. As soon as a Region is known, it asks every resolver for the names, and as soon as an answer contains
an address, it makes the steps at this address. Nothing waits for a slow resolver. The configuration of the network is
read in parallel: from the start, or from the first sign of trouble on. At the deadline, or when interrupted, the run is
cancelled and its log closed, so that every step that was planned has its observation.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Any, Final

from agent.catalog.partitions import REGION_VARIABLES, SUFFIXES, is_region
from agent.catalog.services import SERVICES, gateway_labels, private_link_labels
from agent.catalog.vpce import ENDPOINT_ID
from agent.process.cancel import CancelToken
from agent.report.facts_file import untimely
from agent.report.model import (
    NO_REGION,
    NO_TROUBLE,
    NO_TROUBLE_WITH_NAMES,
    NO_VPC,
    NOT_NEEDED,
    Measurement,
    Run,
)
from agent.run import plan
from agent.run.events import Event, ObservationMade, RunStarted, StepPlanned, StepStarted, TargetsKnown
from agent.run.suspicion import Suspicion
from agent.run.target_run import TargetRun
from agent.settings import DEFAULT_EXPECT, SDK_PROFILE, Calls, Ec2, Ec2Facts, Expect, Settings, Workload
from agent.version import __version__
from probes.addresses import AddressScope, scope_of, usable_families, vpc_resolvers
from probes.facts import (
    AllowanceFacts,
    CredentialFacts,
    HostFacts,
    ImdsFacts,
    ProxyFacts,
    RoleFacts,
    SdkFacts,
    TcpFacts,
    WorkloadFacts,
)
from probes.model import (
    DECIMALS,
    METADATA_OFF,
    Address,
    Draft,
    FailureKind,
    Observation,
    ProbeError,
    Step,
    Subject,
    Target,
)
from probes.observe import Log
from probes.operations import (
    ALLOWANCES,
    CONTAINER,
    INSTANCE_ROLE,
    METADATA_PROXY,
    SDK_SETTINGS,
    WORKLOADS,
)
from probes.seams import Keys, Machine, Trust, World
from probes.steps import host, imds, ladder, tcp, workload
from probes.steps.http import user_agent
from probes.steps.jobs import JobsRequest
from probes.urls import masked_proxy
from probes.vpc.model import ENDPOINTS, NAME_READS, READS

if TYPE_CHECKING:
    from probes.vpc.reads import Inspection

MAX_CONNECTS: Final = 512
"""Maximum number of simultaneous connects. If a run has more ports without an answer, each further 512 of them cost one
more timeout."""
MAX_HANDSHAKES: Final = 32
TAIL_SECONDS: Final = 0.2
"""Seconds before the deadline at which reads of the configuration end, so that the run itself can finish in time."""
NO_API: Final = "--calls none: no signed call is wanted"
NO_CREDENTIALS: Final = "no credentials"


async def measure(settings: Settings, world: World, *, emit: Callable[[Event], None], stop: CancelToken) -> Measurement:
    """Make one run. Finishes within the deadline; never raises for anything that the world does."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    progress = RunInProgress(settings, world, emit, ends_at=started + settings.deadline)
    run_id, started_at = world.machine.identifier(), world.machine.now()
    emit(RunStarted(run_id, settings.deadline))
    window = asyncio.timeout_at(progress.ends_at)
    complete = True
    try:
        # The window is the outer context, since a signal must not find it closed.
        async with window, _watching_lateness(world.machine):
            stop.watch(window)
            await progress.go()
    except TimeoutError:
        complete = False
    finally:
        stop.release()
    reason = f"interrupted by {stop.reason}" if stop.reason else f"the run's deadline of {settings.deadline:g} s came"
    progress.log.close(reason, stop.reason)
    run = Run(
        id=run_id,
        started_at=started_at,
        finished_at=world.machine.now(),
        seconds=round(loop.time() - started, DECIMALS),
        complete=complete,
        interrupted=stop.reason is not None and not complete,
        expect=settings.expect or DEFAULT_EXPECT,
        workloads=settings.asked_workloads,
        calls=settings.calls,
        jobs=settings.jobs,
        private_cidrs=settings.private_cidrs,
        region=progress.region,
        region_source=progress.region_source,
        ec2_reads=progress.may_read,
        ec2=settings.ec2,
        ec2_because=progress.suspicion.first if settings.ec2 is Ec2.AUTO else None,
        facts_unused=progress.facts_unused,
        timeout_seconds=settings.timeout,
        deadline_seconds=settings.deadline,
        redacted=False,
    )
    return Measurement(run=run, targets=progress.targets, observations=tuple(progress.log.made))


@contextlib.asynccontextmanager
async def _watching_lateness(machine: Machine) -> AsyncIterator[None]:
    """While the block lasts, `machine.lateness()` tells how long this process could not run."""
    watching = asyncio.create_task(machine.watch_lateness())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])


class RunInProgress:
    """The state of one run while it lasts."""

    def __init__(self, settings: Settings, world: World, emit: Callable[[Event], None], *, ends_at: float) -> None:
        self.settings = settings
        self.world = world
        self.emit = emit
        self.ends_at = ends_at
        self.log = Log(
            now=world.machine.now,
            emit=self._on_observation,
            planned=lambda subject: emit(StepPlanned(subject)),
            started=self._on_start,
            lateness=world.machine.lateness,
            run_delay=world.machine.run_delay,
        )
        self.targets: tuple[Target, ...] = ()
        self.region = settings.region
        self.region_source = settings.region_source
        self._host: HostFacts | None = None
        self._metadata: ImdsFacts | None = None
        self.metadata_read = asyncio.Event()
        """Set when metadata was read, or when it is known that no read will be made."""
        self._target_runs: dict[str, TargetRun] = {}
        self._group = asyncio.TaskGroup()
        self._context: ladder.ProbeContext | None = None
        self.suspicion = Suspicion(is_suspect=self._is_suspect)
        self.may_read = settings.ec2 is not Ec2.NEVER or settings.ec2_facts is not None
        """Whether the run may read the configuration, from EC2 or from a file."""
        self.facts_unused: str | None = None
        """Why the facts file is not used; None if it is used, or there is none."""
        self._region_known = asyncio.Event()
        """Set when the Region is known, or will not be."""
        self._wants_jobs = settings.jobs
        """Whether the list of jobs must still be requested from AWS Backup."""
        self._sdk: SdkFacts | None = None
        self._workloads: WorkloadFacts | None = None
        self._workloads_known = asyncio.Event()
        """Set when this host was searched for workloads, or will not be."""
        self._measured = asyncio.Event()
        """Set when everything but the configuration has its observations."""
        self._names_are_known = not self.may_read
        """Whether the names of endpoints that were given by id have been read from EC2, as far as it knows them."""
        self._endpoints_known = asyncio.Event()
        """Set when the read of endpoints has finished or failed, or when it is known that no read will be made."""

    async def go(self) -> None:
        """Measure everything in the plan."""
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
        if self._may_find_workloads():
            self.log.plan(_WORKLOADS)
        if self.may_read:
            self.log.plan(*map(_read, READS))
        self._host = await self._observe_host()
        keys: asyncio.Future[Keys | str] = asyncio.get_running_loop().create_future()
        async with asyncio.TaskGroup() as outer:
            reading = outer.create_task(self._observe_configuration(keys))
            watching = outer.create_task(self.suspicion.watch())
            async with self._group:
                await self._measure_targets(keys)
            self._measured.set()
            watching.cancel()
            if self.settings.ec2 is Ec2.AUTO and not self.suspicion.stands:
                reading.cancel()  # a verdict of ok does not wait for the read
                await asyncio.wait([reading])
                self._skip_configuration(NO_TROUBLE if self.suspicion.first is None else NOT_NEEDED)
        if self.log.find(_CREDENTIALS.id) is None:
            self.log.skip(_CREDENTIALS, NO_API)

    async def _measure_targets(self, keys: asyncio.Future[Keys | str]) -> None:
        """Start everything but the reads of the configuration."""
        trust: asyncio.Future[Trust] = asyncio.get_running_loop().create_future()
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
            standing={answer.id: answer for answer in self.settings.standing_calls},
            uncalled=self.settings.uncalled,
        )
        metadata = self._group.create_task(self._observe_metadata())
        workloads = self._group.create_task(self._observe_workloads())
        settings = self._group.create_task(self._observe_sdk())
        self._group.create_task(self._load_trust(trust, settings))
        if self.settings.calls is Calls.NONE:
            keys.set_result(NO_API)
        else:
            self._group.create_task(self._find_credentials(keys))
        if self.region is not None:
            self._start_targets(plan.targets(self.settings, self.region, None, None))
        sdk = await settings
        if self.region is None and sdk is not None and sdk.region is not None and is_region(sdk.region):
            self.region, self.region_source = sdk.region, SDK_PROFILE
        if self.region is None:
            await metadata
            named = None if self._metadata is None else self._metadata.region
            if named is not None and is_region(named):
                self.region, self.region_source = named, "instance metadata"
        self._region_known.set()
        if self.region is not None:
            self._start_targets(plan.targets(self.settings, self.region, sdk, self._workloads))
        await workloads
        if self.region is not None:
            self._start_targets(plan.targets(self.settings, self.region, sdk, self._workloads))
        if self.region is not None and plan.names_endpoint_by_id(self.settings):
            await self._endpoints_known.wait()
            read = self.log.find(_read(ENDPOINTS).id)
            self.settings = plan.with_names(self.settings, read.facts.endpoints if read and read.facts else ())
            self._names_are_known = True
            self._start_targets(plan.targets(self.settings, self.region, sdk, self._workloads))

    # --- The host ----------------------------------------------------------------------------------------------------

    async def _observe_host(self) -> HostFacts | None:
        async def body(draft: Draft[HostFacts]) -> HostFacts:
            return await host.probe(self.world.machine, SUFFIXES, REGION_VARIABLES, draft)

        _, facts = await self.log.observe(_HOST, body, limit=self.settings.timeout)
        return facts

    async def _observe_sdk(self) -> SdkFacts | None:
        async def body(draft: Draft[SdkFacts]) -> SdkFacts:
            facts = await self.world.sdk.settings(self.settings.profile, tuple(clients))
            urls = {clients[client]: url for client, url in facts.endpoint_urls.items()}
            draft.facts = replace(facts, endpoint_urls=urls)
            return draft.facts

        names = {name: SERVICES[name].client_name for name in plan.possible_services(self.settings)}
        clients = {client: name for name, client in names.items() if client is not None}
        _, self._sdk = await self.log.observe(_SDK, body, limit=self.settings.timeout)
        return self._sdk

    async def _observe_workloads(self) -> None:
        """Search this host for workloads, if they may decide what is checked."""

        async def body(draft: Draft[WorkloadFacts]) -> WorkloadFacts:
            return await workload.probe(
                self.world.machine,
                draft,
                run_agents=self.settings.run_agents,
                standing=self.settings.standing_workloads,
            )

        facts = None
        if self._may_find_workloads():
            observation, _ = await self.log.observe(_WORKLOADS, body, limit=self.settings.timeout)
            facts = observation.facts
        self._workloads = facts or WorkloadFacts()
        self._workloads_known.set()
        if self.region is not None:  # targets of workloads do not wait for the SDK's settings
            self._start_targets(plan.targets(self.settings, self.region, self._sdk, self._workloads))

    def _may_find_workloads(self) -> bool:
        """Whether a search of this host can tell more about the requested workloads."""
        return not _SOUGHT.isdisjoint(self.settings.asked_workloads)

    async def _observe_metadata(self) -> None:
        environment = self.world.machine.environment
        if imds.disabled(environment):
            self.log.skip(_IMDS, METADATA_OFF)
            self._end_metadata()
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
        self._end_metadata()
        for target_run in self._target_runs.values():
            target_run.ask(self._resolvers())

    def _end_metadata(self) -> None:
        self.metadata_read.set()
        self.suspicion.scopes_known()

    async def _find_credentials(self, keys: asyncio.Future[Keys | str]) -> None:
        """Ask the SDK's chain for credentials, and set `keys` to the signing keys, or to the reason why no calls are
        made."""

        async def body(draft: Draft[CredentialFacts]) -> Keys:
            credentials, draft.facts = await self.world.sdk.credentials(self.settings.profile)
            return credentials

        async with asyncio.TaskGroup() as group:
            if (place := imds.container_endpoint(self.world.machine.environment)) is not None:
                group.create_task(self._observe_container(*place))
            search, usable = await self.log.observe(_CREDENTIALS, body, limit=self.settings.timeout)
            keys.set_result(usable or NO_CREDENTIALS)
            if search.failure is not None and search.failure.kind is FailureKind.NO_CREDENTIALS:
                await self._observe_role()

    async def _observe_role(self) -> None:
        """Ask metadata what is wrong with the role that it names. The SDK treats a role without credentials like a
        missing role."""
        await self.metadata_read.wait()
        role = None if self._metadata is None else self._metadata.role
        if role is None:
            return

        async def body(draft: Draft[RoleFacts]) -> RoleFacts:
            return await imds.probe_role(self.world.net, self.world.machine, user_agent(__version__), role, draft)

        await self.log.observe(_ROLE, body, limit=self.settings.timeout)

    async def _observe_container(self, address: Address, port: int) -> None:
        """Connect to the source of a container's credentials; only the SDK requests credentials from it."""

        async def body(draft: Draft[TcpFacts]) -> None:
            stream = await tcp.connect(self.world.net, self.world.machine, address, port, draft)
            stream.close()

        subject = Subject(step=Step.IMDS, address=address, port=port, operation=CONTAINER)
        await self.log.observe(subject, body, limit=self.settings.timeout)

    # --- The configuration -------------------------------------------------------------------------------------------

    async def _observe_configuration(self, keys: asyncio.Future[Keys | str]) -> None:
        """Take the configuration from the file or, without one for this network, read it from EC2."""
        try:
            if self.may_read and not await self._took_facts() and await self._is_read_wanted():
                # Reads that only explain must not make a run incomplete: if they have not ended, they are recorded as
                # cut short.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(self.ends_at - TAIL_SECONDS):
                        await self._ask_for_configuration(keys)
        finally:
            self._endpoints_known.set()

    async def _took_facts(self) -> bool:
        """Take the configuration from the file. Returns whether there is a file, and it is recent and about this
        network."""
        facts = self.settings.ec2_facts
        if facts is None:
            return False
        await self.metadata_read.wait()
        self.facts_unused = self._why_unusable(facts)
        if self.facts_unused is not None:
            return False
        for observation in facts.observations:
            if observation.subject.operation in READS:  # interfaces of other hosts do not belong in a report
                self.log.keep(observation)
        self._skip_configuration("the facts file does not have it")
        return True

    def _why_unusable(self, facts: Ec2Facts) -> str | None:
        """Return why a facts file cannot be used for this host's network; None if it can."""
        metadata = self._metadata
        if metadata is None or metadata.vpc_id is None:
            return f"it is about {facts.vpc_id}, and {NO_VPC}"
        if facts.vpc_id != metadata.vpc_id:
            return f"it is about {facts.vpc_id}, and this host is in {metadata.vpc_id}"
        if metadata.region not in (None, facts.region):
            return f"it is about {facts.region}, and this host is in {metadata.region}"
        return untimely(facts, self.world.machine.now())

    async def _is_read_wanted(self) -> bool:
        """Return whether to read EC2. With `auto` this waits for a sign of trouble, and a run without such a sign
        cancels the wait."""
        if self.settings.ec2 is Ec2.NEVER:
            self._skip_configuration(f"the facts file was not used: {self.facts_unused}")
            return False
        if self.settings.ec2 is Ec2.AUTO:
            await self.suspicion.raised.wait()
        return True

    async def _ask_for_configuration(self, keys: asyncio.Future[Keys | str]) -> None:
        from probes.vpc import reads as ec2  # most runs read nothing

        await self.metadata_read.wait()
        await self._region_known.wait()
        metadata, region = self._metadata, self.region
        if metadata is None or metadata.vpc_id is None:
            self._skip_configuration(NO_VPC)
            return
        if metadata.region is not None and is_region(metadata.region):
            region = metadata.region  # the VPC is in the instance's Region, whatever Region the calls go to
        if self.settings.calls is Calls.NONE:  # without signed calls, no other step has asked for credentials
            keys = asyncio.get_running_loop().create_future()
            await self._find_credentials(keys)
        usable = await keys
        if isinstance(usable, str) or region is None:
            self._skip_configuration(usable if isinstance(usable, str) else NO_REGION)
            return
        reader = self.world.sdk.reader(
            usable,
            region=region,
            profile=self.settings.profile,
            ca_bundle=self.settings.ca_bundle,
            timeout=self.settings.timeout,
            most=ec2.MAX_REQUESTS,
        )
        await self._workloads_known.wait()
        services = plan.services(self.settings, self.region or region, self._sdk, self._workloads)
        request = ec2.ConfigurationRequest(
            vpc_id=metadata.vpc_id,
            instance_id=metadata.instance_id,
            region=region,
            services=private_link_labels(services),
            global_services=private_link_labels(services, is_global=True),
            gateway_services=gateway_labels(services),
            group_ids=metadata.security_group_ids,
        )
        inspection = ec2.Inspection(reader, self.log, request, limit=self.settings.timeout)
        async with asyncio.TaskGroup() as group:
            network = group.create_task(inspection.read_network())
            group.create_task(self._read_names(inspection, network))

    async def _read_names(self, inspection: "Inspection", network: asyncio.Task[None]) -> None:
        """Read the settings by which names resolve. With `auto`, read them only if a sign of trouble concerns names, or
        EC2 does not know a failing address."""
        if self.settings.ec2 is Ec2.AUTO:
            doubt = self.suspicion.about_names
            await _first_of(doubt.wait(), asyncio.wait([network]))
            if not (doubt.is_set() or self._is_address_unknown(inspection)):
                await _first_of(doubt.wait(), self._measured.wait())
            if not (doubt.is_set() or self._is_address_unknown(inspection)):
                self._skip_configuration(NO_TROUBLE_WITH_NAMES, NAME_READS)
                return
        await inspection.read_names()

    def _is_address_unknown(self, inspection: "Inspection") -> bool:
        """Return whether an address in trouble may be of no endpoint of this VPC, so that the name resolves to a wrong
        address. False if EC2 does not answer: other services then hardly answer, and the run does not wait for them."""
        known = inspection.endpoint_addresses
        if known is None:
            return not inspection.is_silent
        return not self.suspicion.addresses_in_trouble() <= known

    def _skip_configuration(self, reason: str, reads: Iterable[str] = tuple(READS)) -> None:
        """Record for each of these reads that was not made that it will not be made."""
        for read in reads if self.may_read else ():
            if self.log.find(_read(read).id) is None:
                self.log.skip(_read(read), reason)

    async def _load_trust(self, trust: asyncio.Future[Trust], settings: asyncio.Task[SdkFacts | None]) -> None:
        """Load the roots that the SDK would trust; an error is raised at the handshake that asks for them."""
        bundle = self.settings.ca_bundle
        if bundle is None:  # an empty variable counts as set: with it the SDK makes no client
            bundle = self.world.machine.environment.get("AWS_CA_BUNDLE")
        if bundle is None and await self._may_have_shared_config():
            sdk = await settings  # now only a profile can name a bundle, and only the SDK reads profiles
            bundle = sdk.ca_bundle if sdk is not None else None
        try:
            loaded = await self.world.machine.trust(bundle)
            if loaded.folder and self.settings.ca_bundle is None:
                message = (
                    f"{loaded.source} cannot be read as certificates: it is a folder, and the SDK takes only a file"
                )
                raise ProbeError(FailureKind.TLS_NO_TRUST_STORE, message, code="EISDIR")
            trust.set_result(loaded)
        except Exception as error:  # noqa: BLE001 - handed to every handshake, which classifies it
            trust.set_exception(error)
            trust.exception()  # marks the error as retrieved: there may be no handshake that asks for it

    async def _may_have_shared_config(self) -> bool:
        """Whether the SDK may have a shared file to read. True if that is unknown because a home folder does not
        answer."""
        try:
            async with asyncio.timeout(self.settings.timeout):
                return await host.has_shared_config(self.world.machine)
        except TimeoutError:
            return True

    # --- Targets -----------------------------------------------------------------------------------------------------

    def _start_targets(self, targets: tuple[Target, ...]) -> None:
        """Make these the run's targets, and start those that are new. A target whose name only EC2 knows waits for
        EC2."""
        if self._context is None:
            return
        if targets != self.targets:
            self.targets = targets
            self.suspicion.has_targets(targets)
            self.emit(TargetsKnown(targets))
        for target in targets:
            waits = ENDPOINT_ID.fullmatch(target.host) and not self._names_are_known
            if target.id not in self._target_runs and not waits:
                target_run = self._target_runs[target.id] = TargetRun(self, self._context, target)
                target_run.start(self._resolvers())

    def _resolvers(self) -> tuple[Address, ...]:
        configured = (*self._host.resolvers, *self._host.upstream_resolvers) if self._host else ()
        vpc_cidrs = self._metadata.vpc_cidrs if self._metadata else ()
        return tuple(dict.fromkeys((*configured, *vpc_resolvers(self._host, vpc_cidrs), *self.settings.resolvers)))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine in parallel until the run ends."""
        self._group.create_task(work)

    async def take_jobs_request(self) -> JobsRequest | str | None:
        """Return the jobs to request from AWS Backup, or the reason why nothing is requested. Only the first call
        returns one of these; later calls return None."""
        if not self._wants_jobs:
            return None
        self._wants_jobs = False
        await self.metadata_read.wait()
        return plan.jobs_request(self.targets, self._metadata, self.world.machine.now())

    def lookup_limit(self) -> float:
        """Seconds for the host's own lookup. The C library, and with it every program on this host, waits for each
        silent name server before it asks the next."""
        others = len(self._host.resolvers) - 1 if self._host else 0
        return self.settings.timeout + host.resolver_timeout(self._host) * max(others, 0)

    def is_asked_by_tcp(self, resolver: Address) -> bool:
        """Whether programs on this host ask a name server by TCP alone."""
        return self._host is not None and self._host.asks_by_tcp and resolver in self._host.resolvers

    def families(self) -> frozenset[int]:
        """IP versions that this host can use."""
        return usable_families(self._host)

    def is_searched_first(self, name: str) -> bool:
        """Whether this host completes a name by its search list before it looks for the name itself."""
        return host.is_searched_first(self._host, name)

    def is_public(self, address: Address) -> bool:
        """Whether an address is public, as far as is known."""
        return self._scope(address) is AddressScope.PUBLIC

    def is_private(self, address: Address) -> bool:
        """Whether an address belongs to this VPC or to another private network."""
        return self._scope(address) in (AddressScope.VPC, AddressScope.PRIVATE)

    def _is_suspect(self, target: Target, address: Address) -> bool:
        """Whether this host would use an address that is not, or may not be, on the expected path."""
        if address.version not in self.families():
            return False
        expected = Expect.ANY if target.by_any_path else self.settings.expect or DEFAULT_EXPECT
        if SERVICES[target.service].has_gateway_endpoint and not self.is_private(address):
            return expected is not Expect.ANY  # only EC2 knows where the route to it leads
        match expected:
            case Expect.PRIVATE:
                return not self.is_private(address)
            case Expect.PUBLIC:
                return not self.is_public(address)
            case Expect.ANY:
                return False

    def _scope(self, address: Address) -> AddressScope:
        blocks: tuple[IPv4Network | IPv6Network, ...] = self.settings.private_cidrs
        known = False
        if self._metadata is not None:
            blocks = (*self._metadata.vpc_cidrs, *blocks)
            known = self._metadata.vpc_id is not None
        return scope_of(address, vpc_cidrs=blocks, ipv6_known=known)

    def _on_start(self, subject: Subject) -> None:
        self.suspicion.started(subject)
        self.emit(StepStarted(subject))

    def _on_observation(self, observation: Observation[Any]) -> None:
        self.suspicion.observed(observation)
        if observation.id == _read(ENDPOINTS).id:
            self._endpoints_known.set()
        self.emit(ObservationMade(observation, self.log.planned))


_HOST: Final = Subject(step=Step.HOST)
_SDK: Final = Subject(step=Step.HOST, operation=SDK_SETTINGS)
_WORKLOADS: Final = Subject(step=Step.HOST, operation=WORKLOADS)
_SOUGHT: Final = frozenset(Workload) - {Workload.CALLER, Workload.GATEWAY}
"""Workloads for which this host is searched."""
_IMDS: Final = Subject(step=Step.IMDS)
_ROLE: Final = Subject(step=Step.IMDS, operation=INSTANCE_ROLE)
_ALLOWANCES: Final = Subject(step=Step.HOST, operation=ALLOWANCES)
_METADATA_PROXY: Final = Subject(step=Step.HOST, operation=METADATA_PROXY)
_CREDENTIALS: Final = Subject(step=Step.CREDENTIALS)


def _read(operation: str) -> Subject:
    return Subject(step=Step.EC2, operation=operation)


async def _first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Wait until one of these is done, and let the others go on."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
