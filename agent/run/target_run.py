"""Measure one target: its name at every resolver, and the steps at every address in their answers."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final, Protocol

from agent.catalog.in_use import why_unused
from agent.catalog.service import Port
from agent.catalog.services import SERVICES, appliance_hosts, call_of, host_of, signing_region_of
from agent.catalog.vpce import ENDPOINT_ID
from agent.run.rotation import Rotation
from agent.settings import Calls, Settings
from probes.addresses import ordered
from probes.facts import DnsFacts, HostFacts, LookupFacts, ProxyConnectFacts, ProxyFacts
from probes.model import Address, Addressing, Draft, FailureKind, ProbeError, Role, Step, Subject, Target
from probes.operations import (
    APPLIANCE,
    DUAL_STACK_NAME,
    GETADDRINFO,
    HOST,
    PROXY,
    PROXY_CONNECT,
    SEARCH_DOMAINS,
    WITHOUT_SEARCH,
)
from probes.ports import HTTPS
from probes.seams import World
from probes.steps import dns, ladder
from probes.steps import proxy as http_proxy
from probes.steps.jobs import JobsRequest
from probes.urls import masked_proxy

_NOTHING: Final = frozenset({FailureKind.NXDOMAIN, FailureKind.NODATA})


class RunHandle(Protocol):
    """The parts of the run that its targets need."""

    settings: Settings
    world: World
    metadata_read: asyncio.Event
    """Set when metadata was read, or will not be."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine in parallel until the run ends."""

    async def take_jobs_request(self) -> JobsRequest | str | None:
        """Return the jobs to request from AWS Backup, or why there is no request. Only the first caller gets this;
        later ones get None."""

    def lookup_limit(self) -> float:
        """Seconds for the host's own lookup."""

    def is_asked_by_tcp(self, resolver: Address) -> bool:
        """Whether programs on this host ask a name server by TCP alone."""

    def families(self) -> frozenset[int]:
        """IP versions that this host can use."""

    def is_searched_first(self, name: str) -> bool:
        """Whether this host completes a name by its search list before it looks for the name itself."""

    def is_public(self, address: Address) -> bool:
        """Whether an address is public, as far as is known."""

    def is_private(self, address: Address) -> bool:
        """Whether an address belongs to this VPC or to another private network."""


class TargetRun:
    """The state of one target while it is measured."""

    def __init__(self, run: RunHandle, context: ladder.ProbeContext, target: Target) -> None:
        self._run = run
        self._context = context
        self._target = target
        self._service = SERVICES[target.service]
        self._asked: set[Address] = set()
        """Resolvers that were asked."""
        self._climbed: set[Address] = set()
        """Addresses whose steps were started, or skipped."""
        self._given: frozenset[Address] = frozenset()
        """All addresses that resolvers gave to direct queries."""
        self._questions: list[asyncio.Event] = []
        """One event for each query to a resolver, set at its end."""
        self._waiting: dict[Address, str] | None = None if target.role is Role.REQUIRED else {}
        """The addresses of a target that is not required, each with the id of the observation that gave it. They are
        kept here until the host's own lookup shows whether the target is in use at all; then this is None."""
        self._unused: str | None = None
        """Why a target that is not required is not measured; None if it is measured."""
        self._rotation = Rotation(run.settings.turn) if run.settings.calls is Calls.ONE else None

    def start(self, resolvers: tuple[Address, ...]) -> None:
        """Start to measure, with these resolvers."""
        self._run.spawn(self._look_up())
        self._run.spawn(self._observe_proxy())
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
                ended = asyncio.Event()
                self._questions.append(ended)
                self._run.spawn(self._ask(subject, resolver, record, ended))

    # --- The proxy ---------------------------------------------------------------------------------------------------

    async def _observe_proxy(self) -> None:
        subject = Subject(step=Step.HOST, target=self._target.id, operation=PROXY)
        if ENDPOINT_ID.fullmatch(self._target.host):
            self._context.log.skip(subject, self._no_name())
            return

        async def body(draft: Draft[ProxyFacts]) -> ProxyFacts:
            proxy = self._run.world.sdk.proxy(self._target.host)
            draft.facts = ProxyFacts(proxy=None if proxy is None else masked_proxy(proxy))
            return draft.facts

        await self._context.log.observe(subject, body, limit=self._context.limit)
        proxy = self._run.world.sdk.proxy(self._target.host)
        if proxy is None:
            return

        async def connect(draft: Draft[ProxyConnectFacts]) -> int:
            return await http_proxy.probe(self._context.net, proxy, self._target.host, HTTPS, draft)

        through = Subject(step=Step.HTTP, target=self._target.id, operation=PROXY_CONNECT, after=subject.id)
        if proxy.lower().startswith("https://"):
            self._context.log.skip(through, "a proxy that is itself behind TLS is not tried")
            return
        await self._context.log.observe(through, connect, limit=self._context.limit)

    # --- Names -------------------------------------------------------------------------------------------------------

    async def _look_up(self) -> None:
        """Resolve the name as programs on this host do, and measure the addresses that they would use."""

        async def body(draft: Draft[LookupFacts]) -> tuple[Address, ...]:
            return await dns.lookup(self._context.net, self._target.host, draft)

        subject = Subject(step=Step.DNS, target=self._target.id, operation=GETADDRINFO)
        if ENDPOINT_ID.fullmatch(self._target.host):
            self._context.log.skip(subject, self._no_name())
            return
        seen, answer = await self._context.log.observe(subject, body, limit=self._run.lookup_limit(), by_library=True)
        addresses = answer or ()
        if self._rotation is not None:
            self._rotation.start(ordered(addresses), self._answered_before())
        if self._waiting is not None:
            await self._run.metadata_read.wait()  # the VPC's blocks decide whether the service is in use
            waiting, self._waiting = self._waiting, None
            self._unused = why_unused(self._target, ordered(addresses), self._run.is_public)
            for address, after in waiting.items():
                self._climb(address, after)
        for address in addresses:
            self._climb(address, subject.id)
        is_searched_first = self._run.is_searched_first(self._target.host)
        if is_searched_first:
            self._run.spawn(self._look_up_related(WITHOUT_SEARCH, self._target.host, subject.id))
        kind = None if seen.failure is None else seen.failure.kind
        # A lookup that found no name has already tried all search domains.
        if addresses or kind is FailureKind.TOO_LARGE or (is_searched_first and kind not in _NOTHING):
            self._run.spawn(self._look_for_search_domain(addresses, subject.id, without_search=not is_searched_first))
        for operation, name in self._related_names(addresses):
            self._run.spawn(self._look_up_related(operation, name, subject.id))

    def _no_name(self) -> str:
        return f"the name of {self._target.host} is not known: only EC2 has it"

    def _related_names(self, addresses: tuple[Address, ...]) -> Iterable[tuple[str, str]]:
        """Yield the operation and the name of each further lookup that may explain how the default name resolves. If
        the default name has a private address, these are the names for the service's appliances, which private DNS may
        hide. Otherwise it is the dual-stack name, which private DNS may cover in place of the default name."""
        target = self._target
        if target.addressing is not Addressing.DEFAULT or target.role is Role.CONTEXT or self._unused is not None:
            return
        if target.bucket is not None:
            return  # a workload uses only this name of a bucket
        if not any(map(self._run.is_private, addresses)):
            yield DUAL_STACK_NAME, host_of(target.service, target.region, fips=False, dual_stack=True)
        else:
            for label, name in appliance_hosts(target.service, target.region):
                yield f"{APPLIANCE}{label}", name

    async def _look_for_search_domain(
        self, addresses: tuple[Address, ...], after: str, *, without_search: bool
    ) -> None:
        """Look for the search domain from which programs on this host get their answer, if no resolver gave it for the
        name itself. If their lookup failed, look for the domain at which it failed. With `without_search`, also look up
        the name alone. The C library tries the search list first if `ndots` says so, else only if it does not find the
        name itself. A cache may also have an answer that no resolver gives."""
        host = self._context.log.find(HOST)
        facts = None if host is None else host.facts
        if not isinstance(facts, HostFacts) or not facts.search or "." not in self._target.host:
            return  # a name without a dot is meant to be completed
        if any(self._target.host in entry.names for entry in facts.hosts_entries):
            return
        for ended in tuple(self._questions):
            await ended.wait()
        if addresses and self._given.issuperset(addresses):
            return
        if without_search:
            self._run.spawn(self._look_up_related(WITHOUT_SEARCH, self._target.host, after))
        for operation, domain in zip(SEARCH_DOMAINS, facts.search, strict=False):
            if domain.strip("."):
                self._run.spawn(self._look_up_related(operation, f"{self._target.host}.{domain.strip('.')}", after))

    async def _look_up_related(self, operation: str, name: str, after: str) -> None:
        """Look up a name with a final dot, which no search list completes."""

        async def body(draft: Draft[LookupFacts]) -> tuple[Address, ...]:
            return await dns.lookup(self._context.net, f"{name.rstrip('.')}.", draft)

        subject = Subject(step=Step.DNS, target=self._target.id, operation=operation, after=after)
        await self._context.log.observe(subject, body, limit=self._run.lookup_limit())

    async def _ask(self, subject: Subject, resolver: Address, record: str, ended: asyncio.Event) -> None:
        """Ask one resolver directly, and measure the addresses that it gives. `ended` is set when the resolver has
        answered, or will not answer."""

        async def body(draft: Draft[DnsFacts]) -> tuple[Address, ...]:
            answer = await dns.ask(
                self._context.net,
                resolver,
                self._target.host,
                record,
                draft,
                retry_after=self._context.limit / 2,
                by_tcp=self._run.is_asked_by_tcp(resolver),
            )
            given = self._given.union(answer)
            if len(given) > dns.MAX_ADDRESSES:
                # This is not the fault of this resolver: other resolvers may have filled the list. Addresses from the
                # host's own lookup are never refused here.
                draft.facts = None
                raise ProbeError(FailureKind.TOO_LARGE, f"resolvers gave over {dns.MAX_ADDRESSES} addresses in all")
            self._given = given
            return answer

        _, addresses = await self._context.log.observe(subject, body, limit=self._context.limit)
        ended.set()
        for address in addresses or ():
            if self._waiting is None:
                self._climb(address, subject.id)
            elif address not in self._waiting:
                self._waiting[address] = subject.id
                for port in self._service.ports:
                    self._context.log.plan(*self._rungs(address, port, subject.id))

    # --- Ladders -----------------------------------------------------------------------------------------------------

    def _rungs(self, address: Address, port: Port, after: str) -> tuple[Subject, ...]:
        return ladder.rungs(
            self._target,
            address,
            port.number,
            after,
            protocol=port.protocol,
            has_websocket=self._service.websocket_path is not None,
        )

    def _climb(self, address: Address, after: str) -> None:
        """Start the steps at an address, unless they were started before; skip them if the address must not be
        measured."""
        if address in self._climbed:
            return
        self._climbed.add(address)
        usable = address.version in self._run.families() or address.is_loopback
        for port in self._service.ports:
            rungs = self._rungs(address, port, after)
            if self._unused is not None or not usable:
                for rung in rungs:
                    self._context.log.skip(rung, self._unused or f"this host has no IPv{address.version} address")
                if self._rotation is not None:
                    self._rotation.leave(address)
            else:
                self._context.log.plan(*rungs)
                if self._rotation is not None and port.number == HTTPS:
                    self._run.spawn(self._climb_in_rotation(self._rotation, address, rungs))
                else:
                    self._run.spawn(self._climb_ladder(rungs))

    async def _climb_ladder(
        self, rungs: tuple[Subject, ...], may_call: Callable[[], Awaitable[bool]] = ladder.always
    ) -> None:
        await ladder.climb(
            self._context,
            self._target,
            rungs,
            conversation=self._service.conversation(
                call_of(self._target),
                signing_region_of(
                    self._target.service,
                    self._target.region,
                    is_global=self._target.addressing is Addressing.GLOBAL,
                ),
            ),
            may_call=may_call,
            jobs_request=self._run.take_jobs_request if self._service.lists_jobs else ladder.no_jobs,
        )

    def _answered_before(self) -> Address | None:
        """Return the address at which an earlier run made the call whose answer still counts; None if there is no such
        call."""
        answers = (answer.subject for answer in self._context.standing.values())
        return next((subject.address for subject in answers if subject.target == self._target.id), None)

    async def _climb_in_rotation(self, rotation: Rotation, address: Address, rungs: tuple[Subject, ...]) -> None:
        try:
            await self._climb_ladder(rungs, may_call=lambda: rotation.take(address))
        finally:
            rotation.leave(address)
