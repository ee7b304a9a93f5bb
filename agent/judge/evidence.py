"""Questions that rules ask about the observations of a run. No function here judges or has side effects."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from functools import cached_property, wraps
from ipaddress import IPv4Address
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

from agent.catalog.endpoint_urls import host_of_url
from agent.catalog.services import SERVICES, appliance_hosts, gateway_service_name_of
from agent.catalog.vpce import read_name
from agent.catalog.workloads import (
    DATA_SERVICES,
    WorkloadInUse,
    has_known_proxies,
    has_unsettled_mode,
    in_use,
    proxy_of_agent,
)
from agent.network.paths import Gateway, Predictor, own_interface
from agent.report.hops import EPHEMERAL, Ports
from agent.report.model import Measurement
from agent.settings import Expect, Workload
from probes.addresses import AddressScope, Network, ordered, scope_of, sort_key, usable_families, vpc_resolvers
from probes.aws_errors import also_means
from probes.facts import (
    BACKINT,
    ENVIRONMENT_FILE,
    FOR_ALL_SERVICES,
    MANAGER_SETTINGS,
    SSM_AGENT_UNIT,
    ApiFacts,
    CredentialFacts,
    DnsFacts,
    HostFacts,
    HttpFacts,
    ImdsFacts,
    JobsFacts,
    LookupFacts,
    ProxyFacts,
    RoleFacts,
    SdkFacts,
    TcpFacts,
    TlsFacts,
    WorkloadFacts,
)
from probes.frozen import dataclass
from probes.model import Address, Addressing, FailureKind, Observation, Ok, Role, Skipped, Step, Target
from probes.operations import (
    APPLIANCE,
    CONTAINER,
    DUAL_STACK_NAME,
    FURTHER_PAGES,
    GETADDRINFO,
    HOST,
    INSTANCE_ROLE,
    JOBS,
    PROXY,
    SDK_SETTINGS,
    SEARCH_DOMAINS,
    WITHOUT_SEARCH,
    WORKLOADS,
)
from probes.ports import HTTPS
from probes.vpc.model import (
    INTERFACE,
    READS,
    Configuration,
    EndpointService,
    GatewayEndpoint,
    NetworkInterface,
    Subnet,
    VpcEndpoint,
    configuration_of,
)

A = TypeVar("A")
P = ParamSpec("P")

FRESH: Final = timedelta(days=1)
"""Maximum age of a read of the configuration from which a cause may still be concluded."""
GRAVE_SKEW_SECONDS: Final = 300.0
"""Clock offset from which signed calls may be refused (AWS's window is 5 or 15 minutes)."""
WIDEST_WINDOW_SECONDS: Final = 900.0
"""Clock offset in seconds from which every service of AWS refuses signed calls, including S3."""
_NO_REASON: Final = "403"
"""The code of a denial without a text. S3 sends such a denial in answer to HEAD."""
_PRIVATE: Final = frozenset({AddressScope.VPC, AddressScope.PRIVATE, AddressScope.GATEWAY_ENDPOINT})
"""The scopes of addresses to which a private path leads."""
_NAMING: Final = frozenset({"--service", "--endpoint"})
"""Options that name a service, whatever software is on the host."""
AT_ADDRESSES: Final = frozenset({Step.TCP, Step.TLS, Step.HTTP, Step.API})
"""Steps that are made at each address of a target."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A reading of AWS's time."""

    observation: Observation[Any]
    offset: float
    """Seconds: this host's clock minus AWS's."""
    uncertainty: float
    """The uncertainty of the offset in seconds. The second that a Date header leaves open is not included."""


def kept(question: Callable[Concatenate["Evidence", P], A]) -> Callable[Concatenate["Evidence", P], A]:
    """Cache the answers to a question in the evidence, since rules ask the same question repeatedly."""

    @wraps(question)
    def ask(evidence: "Evidence", /, *args: P.args, **named: P.kwargs) -> A:
        key = (question, *args, *named.items())
        if key not in evidence.kept:
            evidence.kept[key] = question(evidence, *args, **named)
        return cast(A, evidence.kept[key])

    return ask


class Evidence:
    """All observations of a run. Their order does not change any answer."""

    def __init__(self, measurement: Measurement) -> None:
        self.run = measurement.run
        self.targets = measurement.targets
        self.observations = tuple(sorted(measurement.observations, key=_order))
        self._by_id = {observation.id: observation for observation in self.observations}
        self._of_step: dict[tuple[Step, str | None], tuple[Observation[Any], ...]] = {}
        self._at_own: dict[tuple[Step, str, int, str | None], tuple[Observation[Any], ...]] = {}
        """The observations, grouped for the questions that rules ask."""
        self._gateways: dict[Address, Gateway] = {}
        self.kept: dict[tuple[object, ...], Any] = {}
        """Cached answers, by the question and its arguments."""

    # --- The host ----------------------------------------------------------------------------------------------------

    @cached_property
    def host(self) -> HostFacts | None:
        return cast(HostFacts | None, self._facts(HOST))

    @cached_property
    def sdk(self) -> SdkFacts | None:
        return cast(SdkFacts | None, self._facts(f"{HOST}/{SDK_SETTINGS}"))

    @cached_property
    def workload_search(self) -> Observation[WorkloadFacts] | None:
        """The search for workloads on this host; None if no search was requested."""
        return self._by_id.get(f"{HOST}/{WORKLOADS}")

    @cached_property
    def workloads(self) -> tuple[WorkloadInUse, ...]:
        """The workloads that decided what was checked."""
        search = self.workload_search
        facts = None if search is None else search.facts
        return in_use(self.run.workloads, facts or WorkloadFacts())

    @cached_property
    def has_unsettled_mode(self) -> bool:
        """Whether it is unknown to which service a Backint agent of this host sends its data."""
        return has_unsettled_mode(self.workloads)

    @cached_property
    def imds(self) -> ImdsFacts | None:
        return cast(ImdsFacts | None, self._facts(Step.IMDS))

    @cached_property
    def metadata(self) -> tuple[Observation[ImdsFacts], ...]:
        """The request for instance metadata, or nothing if no request was made."""
        return tuple(observation for observation in self.of(Step.IMDS) if observation.subject.operation is None)

    @cached_property
    def container(self) -> Observation[TcpFacts] | None:
        """The connect to the address that gives a container's credentials; None if no such address is set."""
        observations = (observation for observation in self.of(Step.IMDS) if observation.subject.operation == CONTAINER)
        return next(observations, None)

    @cached_property
    def role(self) -> Observation[RoleFacts] | None:
        """The metadata document of the role; None if it was not requested, because the SDK found credentials or there
        is no role."""
        return self._by_id.get(f"{Step.IMDS}/{INSTANCE_ROLE}")

    @cached_property
    def credentials(self) -> Observation[CredentialFacts] | None:
        """The outcome of the SDK's search for credentials."""
        return self._by_id.get(Step.CREDENTIALS)

    @cached_property
    def role_of_caller(self) -> str | None:
        """Name of the role whose credentials this run uses; None if there is no role, or if it is unknown."""
        facts = self.credentials.facts if self.credentials is not None else None
        if facts is None:
            return None
        return facts.role or (self.imds.role if self.imds and facts.source == "iam-role" else None)

    @cached_property
    def own_addresses_of_host(self) -> frozenset[Address]:
        """The addresses of this host's interfaces; empty if unknown."""
        interfaces = (self.host.interfaces if self.host else None) or ()
        return frozenset(one.address.ip for one in interfaces)

    @cached_property
    def vpc_cidrs(self) -> tuple[Network, ...]:
        """The VPC's blocks, and the blocks that settings declare private."""
        return (*(self.imds.vpc_cidrs if self.imds else ()), *self.run.private_cidrs)

    @cached_property
    def configured_resolvers(self) -> tuple[Address, ...]:
        return self.host.resolvers if self.host else ()

    @cached_property
    def vpc_resolvers(self) -> tuple[Address, ...]:
        return vpc_resolvers(self.host, self.imds.vpc_cidrs if self.imds else ())

    @cached_property
    def in_aws(self) -> bool:
        """Whether there is a sign of AWS. Signs are the firmware's name, metadata, and the VPC's resolver."""
        answered = (
            observation for observation in self.of(Step.DNS) if observation.subject.resolver in self.vpc_resolvers[:2]
        )
        metadata = self.imds is not None and self.imds.token
        return (
            bool(self.host and self.host.ec2)
            or metadata
            or any(observation.facts is not None for observation in answered)
        )

    # --- Observations ------------------------------------------------------------------------------------------------

    def find(self, observation_id: str) -> Observation[Any] | None:
        return self._by_id.get(observation_id)

    def of(self, step: Step, target: Target | None = None) -> tuple[Observation[Any], ...]:
        """The observations of a step, for one target or for all."""
        key = (step, None if target is None else target.id)
        if key not in self._of_step:
            self._of_step[key] = tuple(
                observation
                for observation in self.observations
                if observation.subject.step is step and (target is None or observation.subject.target == target.id)
            )
        return self._of_step[key]

    def own_lookup(self, target: Target) -> Observation[LookupFacts] | None:
        """The lookup of the target's name by the C library, as programs on this host do it."""
        return self._by_id.get(f"{Step.DNS}/{target.id}/{GETADDRINFO}")

    def appliance_lookups(self, target: Target) -> tuple[tuple[str, Observation[LookupFacts]], ...]:
        """The lookups of a gateway appliance's names, as programs on this host do them. Each comes with its name. Empty
        if the names were not looked up."""
        lookups = (
            (host, self._by_id.get(f"{Step.DNS}/{target.id}/{APPLIANCE}{label}"))
            for label, host in appliance_hosts(target.service, target.region)
        )
        return tuple((host, observation) for host, observation in lookups if observation is not None)

    def dual_stack_lookup(self, target: Target) -> Observation[LookupFacts] | None:
        """The lookup of the target's dual-stack name, as programs on this host do it; None if the name was not looked
        up. The run looks it up only if the default name is not private."""
        return self._by_id.get(f"{Step.DNS}/{target.id}/{DUAL_STACK_NAME}")

    def lookup_without_search(self, target: Target) -> Observation[LookupFacts] | None:
        """The lookup of the target's name with a final dot, which no search list completes; None if there was no such
        lookup."""
        return self._by_id.get(f"{Step.DNS}/{target.id}/{WITHOUT_SEARCH}")

    def search_domain_lookups(self, target: Target) -> tuple[tuple[str, Observation[LookupFacts]], ...]:
        """For each domain of the search list, the domain and the lookup of the target's name completed by it; empty if
        there were no such lookups."""
        domains = () if self.host is None else self.host.search
        lookups = (
            (domain, self._by_id.get(f"{Step.DNS}/{target.id}/{operation}"))
            for operation, domain in zip(SEARCH_DOMAINS, domains, strict=False)
        )
        return tuple((domain, observation) for domain, observation in lookups if observation is not None)

    def answers(self, target: Target, resolvers: Iterable[Address]) -> tuple[Observation[DnsFacts], ...]:
        """The answers of these resolvers for the target's name. An observation whose facts belong to another step is
        left out; a saved report may contain one."""
        wanted = frozenset(resolvers)
        return tuple(
            observation
            for observation in self.of(Step.DNS, target)
            if observation.subject.resolver in wanted and isinstance(observation.facts, DnsFacts | None)
        )

    def proxy(self, target: Target) -> str | None:
        """The proxy for calls to this target. If only agents call the target, their launchers and units decide,
        whatever the variables of this process are. Otherwise it is the SDK's proxy in this process."""
        agents = self._agents(target)
        if agents and not any(proxy_of_agent(agent.settings, target.host) for agent in agents):
            return None
        return self.proxy_here(target)

    def proxy_here(self, target: Target) -> str | None:
        """The proxy that this process's variables set for the SDK's calls to this target."""
        facts = cast(ProxyFacts | None, self._facts(f"{HOST}/{target.id}/{PROXY}"))
        return None if facts is None else facts.proxy

    def _agents(self, target: Target) -> tuple[WorkloadInUse, ...]:
        """The agents of this host whose own variables decide how a target is called: Backint agents that send their
        data to it, or the SSM Agent if no caller of the API needs the target. Empty if a file with such variables could
        not be read."""
        search = self.workload_search
        facts = None if search is None else search.facts
        if facts is None:
            return ()
        name = Workload.HANA if target.service in DATA_SERVICES else Workload.SSM
        signs = [BACKINT] if name is Workload.HANA else [SSM_AGENT_UNIT, FOR_ALL_SERVICES, MANAGER_SETTINGS]
        if any(sign in unread.path for unread in facts.unread for sign in signs):
            return ()
        callers = [workload for workload in self.workloads if target.service in workload.services]
        agents = tuple(workload for workload in callers if workload.name is name and workload.found is not None)
        if name is Workload.SSM:
            # For SAP HANA, Systems Manager works through Run Command, which only the agent calls.
            others = {workload.name for workload in callers} - {Workload.SSM, Workload.HANA}
            is_shared = bool(others) or not _NAMING.isdisjoint(target.required_by)
            is_hidden = any(ENVIRONMENT_FILE in agent.settings for agent in agents)
            return () if is_shared or is_hidden else agents
        if not all(has_known_proxies(agent.settings) for agent in agents):
            return ()
        # Next to a bucket, an option means the service's own host, which the agent does not call.
        is_named = bool(target.required_by) and _NAMING.issuperset(target.required_by)
        return tuple(agent for agent in agents if agent.bucket is None or not is_named)

    def url_aside(self, target: Target) -> str | None:
        """The URL to which the SDK sends calls for the target. None if it is HTTPS on port 443, since only this is
        measured."""
        url = None if self.sdk is None else self.sdk.endpoint_urls.get(target.service)
        if url is None or target.role is Role.CONTEXT or host_of_url(url) != target.host:
            return None
        try:
            parts = urlsplit(url)
            measured = parts.scheme.lower() == "https" and parts.port in (None, HTTPS) and parts.path in ("", "/")
        except ValueError:
            measured = False
        return None if measured else url

    def at(
        self, step: Step, target: Target, address: Address, port: int, operation: str | None = None
    ) -> Observation[Any] | None:
        subject_id = f"{step}/{target.id}/{address}/{port}"
        return self._by_id.get(subject_id if operation is None else f"{subject_id}/{operation}")

    def connects(self, target: Target, port: int) -> tuple[Observation[TcpFacts], ...]:
        """The finished attempts to connect to the addresses that this host uses for the target."""
        return self._attempts(Step.TCP, target, port)

    def handshakes(self, target: Target) -> tuple[Observation[TlsFacts], ...]:
        """The finished handshakes on 443 at the addresses that this host uses for the target."""
        return self._attempts(Step.TLS, target, HTTPS)

    def answers_to_http(self, target: Target, operation: str | None = None) -> tuple[Observation[HttpFacts], ...]:
        """The finished unsigned requests at the addresses that this host uses for the target."""
        return self._attempts(Step.HTTP, target, HTTPS, operation)

    def calls(self, target: Target) -> tuple[Observation[ApiFacts], ...]:
        """The finished signed calls at the addresses that this host uses for the target."""
        return self._attempts(Step.API, target, HTTPS)

    def further_pages(self, call: Observation[ApiFacts]) -> Observation[ApiFacts] | None:
        """The observation of the further pages of a list whose first page a signed call read. None if there were no
        further pages."""
        return self._by_id.get(f"{call.id}/{FURTHER_PAGES}")

    @cached_property
    def jobs(self) -> Observation[JobsFacts] | None:
        """The list of AWS Backup's jobs; None if no target got as far as asking for it."""
        listings = (observation for observation in self.of(Step.API) if observation.subject.operation == JOBS)
        return next(listings, None)

    def reached_aws(self, target: Target, address: Address) -> bool:
        """Whether AWS answered the signed call at an address, whatever the answer."""
        call = self.at(Step.API, target, address, HTTPS)
        return call is not None and isinstance(call.facts, ApiFacts) and call.facts.request_id is not None

    def answered_by_aws(self, target: Target, address: Address) -> bool:
        """Whether AWS answered a request of any kind at an address."""
        answer = self.at(Step.HTTP, target, address, HTTPS)
        known = answer is not None and isinstance(answer.facts, HttpFacts) and answer.facts.request_id is not None
        return known or self.reached_aws(target, address)

    def is_connected(self, target: Target, address: Address) -> bool:
        """Whether a connect to 443 at an address succeeded."""
        attempt = self.at(Step.TCP, target, address, HTTPS)
        return attempt is not None and attempt.ok

    def is_unconnected(self, target: Target, address: Address) -> bool:
        """Whether a connect to 443 at an address was tried and failed."""
        attempt = self.at(Step.TCP, target, address, HTTPS)
        return attempt is not None and attempt.made and not attempt.ok

    @cached_property
    def clocks(self) -> tuple[Clock, ...]:
        """The readings of AWS's time, from answers of AWS over verified TLS at the addresses that this host uses. If
        there are no such answers, metadata is used, although it comes unencrypted and may be an emulator's. The answer
        to a call of an earlier cycle does not count: the clock may have been changed since then."""
        seen: list[Observation[ImdsFacts] | Observation[HttpFacts] | Observation[ApiFacts]] = []
        started_at, finished_at = self.run.started_at, self.run.finished_at
        for target in self.targets:
            for answers in (self.answers_to_http(target), self.calls(target)):
                seen += [
                    answer
                    for answer in answers
                    if answer.facts is not None
                    and answer.facts.request_id is not None
                    and (answer.started_at is None or started_at <= answer.started_at <= finished_at)
                ]
        if not any(
            observation.facts is not None and observation.facts.clock_offset_seconds is not None for observation in seen
        ):
            seen = [
                observation
                for observation in self.metadata
                if observation.facts is not None and observation.facts.token
            ]
        return tuple(
            Clock(
                observation, observation.facts.clock_offset_seconds, observation.facts.clock_uncertainty_seconds or 0.0
            )
            for observation in seen
            if observation.facts is not None and observation.facts.clock_offset_seconds is not None
        )

    @cached_property
    def is_clock_off(self) -> bool:
        """Whether this host's clock is so far off that AWS can refuse signatures because of it."""
        return self._sure_skew_seconds >= GRAVE_SKEW_SECONDS

    @cached_property
    def _sure_skew_seconds(self) -> float:
        """The number of seconds by which this host's clock is certainly wrong. If AWS's clocks differ, the smallest
        offset counts, minus its uncertainty."""
        return min((abs(clock.offset) - clock.uncertainty for clock in self.clocks), default=0.0)

    def meaning(self, observation: Observation[Any]) -> FailureKind | None:
        """The kind of a failure. If AWS's error code has two meanings, one of which is the clock, the clock is meant
        only if it is measured to be wrong."""
        failure = observation.failure
        if failure is None:
            return None
        if failure.kind is FailureKind.ACCESS_DENIED and failure.code == _NO_REASON:
            return FailureKind.CLOCK_SKEW if self._sure_skew_seconds >= WIDEST_WINDOW_SECONDS else failure.kind
        other = also_means(failure.code)
        return other if other is not None and not self.is_clock_off else failure.kind

    def ancestors(self, observation: Observation[Any]) -> tuple[Observation[Any], ...]:
        """The observations on which an observation depends, nearest first."""
        ancestors: list[Observation[Any]] = []
        seen = {observation.id}
        after = observation.subject.after
        while after is not None and after not in seen and (parent := self._by_id.get(after)) is not None:
            seen.add(after)
            ancestors.append(parent)
            after = parent.subject.after
        if observation.subject.step is Step.API and (credentials := self.credentials) is not None:
            ancestors.insert(0, credentials)  # a signed call depends on its credentials
        return tuple(ancestors)

    # --- Addresses ---------------------------------------------------------------------------------------------------

    @kept
    def own_addresses(self, target: Target) -> tuple[Address, ...]:
        """The addresses from the host's own lookup, in the families that the host has. These addresses decide the
        verdict."""
        families = usable_families(self.host)
        return tuple(address for address in self.own_answer(target) if address.version in families)

    @kept
    def own_answer(self, target: Target) -> tuple[Address, ...]:
        """All addresses of the host's own lookup, sorted."""
        lookup = self.own_lookup(target)
        return () if lookup is None or lookup.facts is None else ordered(lookup.facts.addresses)

    def addresses(self, target: Target) -> dict[Address, tuple[Address, ...]]:
        """Every address that any resolver gave for the target, sorted, each with the resolvers that gave it."""
        resolvers: dict[Address, list[Address]] = {address: [] for address in self.own_answer(target)}
        for observation in self.of(Step.DNS, target):
            if observation.subject.resolver is not None and isinstance(observation.facts, DnsFacts):
                for address in observation.facts.addresses:
                    resolvers.setdefault(address, []).append(observation.subject.resolver)
        return {address: ordered(resolvers[address]) for address in ordered(resolvers)}

    def scope(self, address: Address) -> AddressScope:
        if self.is_configuration_fresh and self.interface_at(address) is not None:
            return AddressScope.VPC
        ipv6_known = self.imds is not None and self.imds.vpc_id is not None
        scope = scope_of(address, vpc_cidrs=self.vpc_cidrs, ipv6_known=ipv6_known)
        if scope is not AddressScope.PUBLIC or not self.may_have_gateway(address):
            return scope
        gateway = self.gateway_at(address)
        if gateway.endpoint is not None:
            return AddressScope.GATEWAY_ENDPOINT
        return scope if gateway.why_unknown is None else AddressScope.UNKNOWN

    def may_have_gateway(self, address: Address) -> bool:
        """Whether a required target with this address has a service that can have a gateway endpoint."""
        return address in self._gateway_candidates

    @cached_property
    def _gateway_candidates(self) -> frozenset[Address]:
        return frozenset(
            address
            for target in self.targets
            if target.role is Role.REQUIRED and SERVICES[target.service].has_gateway_endpoint
            for address in self.addresses(target)
        )

    def gateway_at(self, address: Address) -> Gateway:
        """The gateway endpoint through which this host reaches a public address, by the configuration."""
        if address not in self._gateways:
            if self.configured_at is not None and not self.is_configuration_fresh:
                gateway = Gateway(why_unknown=f"what EC2 said about it dates from {self.configured_at:%Y-%m-%d}")
            else:
                gateway = self.predictor.gateway_at(address, self._interface_towards(address))
            self._gateways[address] = gateway
        return self._gateways[address]

    def _interface_towards(self, address: Address) -> NetworkInterface | None:
        """The network interface of this host from which connects to an address of a target are made."""
        asking = next((target for target in self.targets if address in self.own_answer(target)), None)
        return self.own_interface(None if asking is None else self.source(asking, address))

    def judged_scope(self, address: Address) -> AddressScope:
        """The scope by which an address is judged. For a NAT64 address, it is the scope of the IPv4 address in it (RFC
        6052)."""
        scope = self.scope(address)
        return self.scope(IPv4Address(address.packed[-4:])) if scope is AddressScope.NAT64 else scope

    def is_private(self, address: Address) -> bool:
        return self.judged_scope(address) in _PRIVATE

    def is_public(self, address: Address) -> bool:
        return self.judged_scope(address) is AddressScope.PUBLIC

    def expected_path(self, target: Target) -> Expect:
        """The kind of path that counts as healthy for a target."""
        return Expect.ANY if target.by_any_path else self.run.expect

    def is_expected(self, address: Address, target: Target) -> bool:
        """Whether an address of a target is on the path that the settings of this run expect."""
        match self.expected_path(target):
            case Expect.PRIVATE:
                return self.is_private(address)
            case Expect.PUBLIC:
                return self.is_public(address)
            case Expect.ANY:
                return self.is_private(address) or self.is_public(address) or self.may_have_gateway(address)

    # --- The configuration -------------------------------------------------------------------------------------------

    def read(self, operation: str) -> Observation[Any] | None:
        """The outcome of a read of the configuration; None if it was not requested."""
        return self._by_id.get(f"{Step.EC2}/{operation}")

    def reads(self, *operations: str) -> tuple[Observation[Any], ...]:
        """The successful reads of the configuration among these operations."""
        observations = (self.read(operation) for operation in operations)
        return tuple(read for read in observations if read is not None and read.ok)

    def dropped(self, *operations: str) -> int:
        """Number of rows that these reads left out. If rows were left out, a resource that is not in the result may
        still exist."""
        return sum(getattr(read.facts, "dropped", 0) for read in self.reads(*operations))

    @cached_property
    def configuration(self) -> Configuration:
        """The configuration that was read; empty if it was not read."""
        seen = (self.read(name) for name in READS)
        good = (observation for observation in seen if observation is not None)
        return configuration_of(
            {
                str(observation.subject.operation): observation.outcome.facts
                for observation in good
                if isinstance(observation.outcome, Ok)
            }
        )

    @cached_property
    def configured_at(self) -> datetime | None:
        """The time at which the oldest part of the configuration was read; None if nothing was read."""
        times = [
            observation.started_at
            for observation in self.of(Step.EC2)
            if observation.ok and observation.started_at is not None
        ]
        return min(times, default=None)

    @cached_property
    def is_configuration_fresh(self) -> bool:
        """Whether the configuration is recent enough to name a cause."""
        return self.configured_at is not None and self.run.started_at - self.configured_at <= FRESH

    @cached_property
    def is_vpc_shared(self) -> bool | None:
        """Whether the VPC belongs to another account, so that it may hold resources that this account cannot see; None
        if unknown."""
        account = None if self.imds is None else self.imds.account_id
        vpc = self.configuration.vpc
        owners = {None if vpc is None else vpc.owner_id}
        own_subnet = None if self.imds is None else self.imds.subnet_id
        owners |= {subnet.owner_id for subnet in self.configuration.subnets or () if subnet.subnet_id == own_subnet}
        owners.discard(None)
        return None if account is None or not owners else owners != {account}

    def endpoints(self, target: Target, *, vpc_id: str | None = None) -> tuple[VpcEndpoint, ...] | None:
        """The endpoints of the target's service, in one VPC or in the whole account and Region. None if they were not
        read, for example because the target is in another Region than this host, or because endpoints of other services
        were requested."""
        listed = self.configuration.endpoints
        here = None if self.imds is None else self.imds.region
        if listed is None or here not in (None, target.region):
            return None
        fips = target.addressing in (Addressing.FIPS, Addressing.FIPS_DUALSTACK)
        # Prefixes of the names differ between services and partitions, and between old and new ones.
        labels = {link.label for link in SERVICES[target.service].links(fips=fips)}
        if not labels <= self._labels_asked:
            return None
        return tuple(
            endpoint
            for endpoint in listed
            if endpoint.service_name.rpartition(".")[2] in labels and vpc_id in (None, endpoint.vpc_id)
        )

    def offered(self, target: Target) -> tuple[EndpointService, ...] | None:
        """The endpoint services that AWS offers for interface endpoints of the target's service, in its Region. None if
        they were not read, for example because the target is in another Region than this host, or if some of them are
        not known."""
        read = self.configuration.offered
        here = None if self.imds is None else self.imds.region
        fips = target.addressing in (Addressing.FIPS, Addressing.FIPS_DUALSTACK)
        labels = {link.label for link in SERVICES[target.service].links(fips=fips)}
        if read is None or here not in (None, target.region) or not labels or not labels <= set(read.asked):
            return None
        known = tuple(
            service
            for service in read.services
            if INTERFACE in service.kinds and service.service_name.rpartition(".")[2] in labels
        )
        return known if known or not read.dropped else None

    def is_covered_by_offer(self, target: Target) -> bool:
        """Whether AWS offers an endpoint service whose private DNS answers for the target's host."""
        return any(
            fnmatchcase(target.host, name) for service in self.offered(target) or () for name in service.private_names
        )

    def gateway_endpoints(self, target: Target) -> tuple[GatewayEndpoint, ...] | None:
        """The gateway endpoints of the target's service in this host's VPC. None if they were not requested, for
        example because the target is in another Region."""
        listed = self.configuration.gateway_endpoints
        here = None if self.imds is None else self.imds.region
        if listed is None or self.vpc_id is None or here not in (None, target.region):
            return None
        name = gateway_service_name_of(target.service, target.region)
        return tuple(gateway for gateway in listed if gateway.service_name == name and gateway.vpc_id == self.vpc_id)

    @cached_property
    def _labels_asked(self) -> frozenset[str]:
        """The final parts of the PrivateLink names of the services whose endpoints were read; empty if no endpoints
        were read."""
        return frozenset(self.configuration.endpoint_services or ())

    def interface_at(self, address: Address) -> NetworkInterface | None:
        """The endpoint interface that has an address, seen from this host; None if no interface that was read has
        it."""
        return self.predictor.interface_at(address)

    def endpoint_of(self, interface: NetworkInterface | None) -> VpcEndpoint | None:
        """The endpoint to which an interface belongs."""
        return self.predictor.endpoint_of(interface)

    def subnet(self, subnet_id: str | None) -> Subnet | None:
        """The subnet with this id, if it was read."""
        return next((subnet for subnet in self.configuration.subnets or () if subnet.subnet_id == subnet_id), None)

    def zone(self, target: Target, address: Address) -> tuple[str | None, str | None]:
        """The name and the id of an address's zone, as far as they are known.

        Without EC2, only the zone of this host's own subnet is known. If only the name of an endpoint shows the zone,
        the id stays unknown, because zone names differ between accounts.
        """
        interface, imds = self.interface_at(address), self.imds
        subnet = None if interface is None else self.subnet(interface.subnet_id)
        if subnet is not None:
            return subnet.availability_zone, subnet.availability_zone_id
        near = (block for block in (() if imds is None else imds.subnet_cidrs) if block.version == address.version)
        if imds is not None and any(address in block for block in near):
            return imds.availability_zone, imds.availability_zone_id
        own = read_name(target.host)
        return (None if own is None else own.availability_zone), None

    @cached_property
    def vpc_id(self) -> str | None:
        """The VPC of this host."""
        return None if self.imds is None else self.imds.vpc_id

    def source(self, target: Target, address: Address, port: int = HTTPS) -> Address | None:
        """The address of this host from which a connect to an address is made."""
        attempt = self.at(Step.TCP, target, address, port)
        if attempt is not None and isinstance(attempt.facts, TcpFacts) and attempt.facts.source is not None:
            return attempt.facts.source
        blocks = () if self.imds is None else self.imds.subnet_cidrs
        own = (
            own_address for own_address in ordered(self.own_addresses_of_host) if own_address.version == address.version
        )
        return next((own_address for own_address in own if any(own_address in block for block in blocks)), None)

    def own_interface(self, source: Address | None) -> NetworkInterface | None:
        """The network interface of this host that has an address, from EC2 or otherwise from metadata."""
        return own_interface(self.configuration, source, self.imds)

    @cached_property
    def local_ports(self) -> Ports:
        """The ports at which this host receives answers. If they are unknown, Linux's default range."""
        seen = None if self.host is None else self.host.local_ports
        return EPHEMERAL if seen is None or len(seen) != 2 else (seen[0], seen[1])

    @cached_property
    def predictor(self) -> Predictor:
        """The predictor for connects. It uses the configuration."""
        cidrs = self.imds.vpc_cidrs if self.imds else ()
        return Predictor(self.configuration, vpc_id=self.vpc_id, vpc_cidrs=cidrs, answers=self.local_ports)

    # --- Inside ------------------------------------------------------------------------------------------------------

    def _facts(self, observation_id: str) -> Any:
        observation = self._by_id.get(observation_id)
        return None if observation is None else observation.facts

    def _attempts(
        self, step: Step, target: Target, port: int, operation: str | None = None
    ) -> tuple[Observation[Any], ...]:
        key = (step, target.id, port, operation)
        if key not in self._at_own:
            observations = (self.at(step, target, address, port, operation) for address in self.own_addresses(target))
            self._at_own[key] = tuple(item for item in observations if item is not None and item.made)
        return self._at_own[key]


def skipped_because(observation: Observation[Any]) -> str | None:
    return observation.outcome.reason if isinstance(observation.outcome, Skipped) else None


_PLACES: Final = {step: place for place, step in enumerate(Step)}


def _order(observation: Observation[Any]) -> tuple[object, ...]:
    """A key that sorts by step, target, address, port, resolver and operation. It depends only on content, and not on
    the order of events."""
    subject = observation.subject
    return (
        _PLACES[subject.step],
        subject.target or "",
        () if subject.address is None else sort_key(subject.address),
        subject.port or 0,
        () if subject.resolver is None else sort_key(subject.resolver),
        subject.operation or "",
    )
