"""A VPC in an audit, with its predictions: its names, its sources, and the connects from these sources."""

from functools import cached_property
from typing import Final

from agent.catalog.services import SERVICES
from agent.network.answers import PredictedName, PredictedPath, SourceClass
from agent.network.names import predicted_name
from agent.network.paths import Blocks, Matrix, Predictor, ServicePorts, Source, SourceError, predictor_of, sources_of
from agent.predict.fix_checks import FixChecks
from agent.predict.prediction import Facts, class_of_source
from agent.settings import EVERY_SOURCE
from probes.vpc.model import DELETED, Subnet, VpcEndpoint

_ZONE_LETTERS: Final = 1


class AuditedNetwork:
    """A VPC whose predictions are made when they are first needed, and kept."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.known = facts.known
        self._names: dict[str, PredictedName] = {}
        self._paths: dict[str, tuple[PredictedPath, ...]] = {}

    @property
    def vpc_id(self) -> str:
        return self.known.vpc_id

    @property
    def is_shared(self) -> bool | None:
        """Whether the VPC belongs to another account; None if unknown."""
        is_own = self.known.is_own
        return None if is_own is None else not is_own

    @cached_property
    def predictor(self) -> Predictor:
        return predictor_of(self.known)

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks.of_sources(self.known.configuration)

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The hosts of the VPC. If no host is known, these are its subnets. Empty if the subnets are unknown, too."""
        try:
            return sources_of(self.known.configuration, self.vpc_id, (EVERY_SOURCE,), self._blocks)
        except SourceError:
            return ()

    @cached_property
    def classes(self) -> tuple[SourceClass, ...]:
        return tuple(
            class_of_source(number, source, self.known, self.predictor) for number, source in enumerate(self.sources)
        )

    @property
    def has_hosts(self) -> bool:
        """Whether any host of the VPC is known."""
        return any(source.interfaces for source in self.sources)

    @property
    def interface_ids(self) -> frozenset[str] | None:
        """The ids of the VPC's interfaces; None if they were not read."""
        interfaces = self.known.configuration.interfaces
        return None if interfaces is None else frozenset(interface.interface_id for interface in interfaces)

    @cached_property
    def matrix(self) -> Matrix:
        # Hosts that were not read may have groups that let nothing out.
        was_read = self.known.configuration.interfaces is not None
        return Matrix(self.known, self.predictor, self.sources, self._blocks, any_groups=was_read)

    def name(self, service: str) -> PredictedName:
        """The answer of the VPC's resolver for the name of a service."""
        if service not in self._names:
            self._names[service] = predicted_name(self.known, self.predictor, service, counts=True)
        return self._names[service]

    def paths(self, service: str) -> tuple[PredictedPath, ...]:
        """The connects to a service on each of its ports."""
        if service not in self._paths:
            ports = {port.number: port.required for port in SERVICES[service].ports}
            asked = ServicePorts(service=service, required=True, ports=ports)
            self._paths[service] = tuple(self.matrix.paths(asked, self.name(service)))
        return self._paths[service]

    @cached_property
    def checks(self) -> FixChecks:
        """Checks that tell whether fixes work."""
        paths = [path for service in self.with_endpoint for path in self.paths(service)]
        return FixChecks(self.known, self.sources, self._blocks, paths)

    def endpoints(self, service: str) -> tuple[VpcEndpoint, ...]:
        """The interface endpoints of a service in the VPC that were read, without deleted ones."""
        there = self.known.endpoints(service) or ()
        return tuple(endpoint for endpoint in there if endpoint.state != DELETED)

    @cached_property
    def with_endpoint(self) -> tuple[str, ...]:
        """The services for which the VPC has an interface or gateway endpoint, in the order of the catalogue."""
        return tuple(name for name in SERVICES if self.endpoints(name) or self.known.gateways(name))

    @cached_property
    def subnets(self) -> dict[str, Subnet]:
        """The subnets of the VPC in zones of the Region, by id. Local and Wavelength Zones, which have longer names and
        cannot have endpoints, are left out (EC2 User Guide, Availability Zones)."""
        region = self.known.region
        return {
            subnet.subnet_id: subnet
            for subnet in self.known.configuration.subnets or ()
            if subnet.vpc_id == self.vpc_id
            and subnet.availability_zone is not None
            and subnet.availability_zone[:-_ZONE_LETTERS] == region
        }

    def zones_of(self, endpoint: VpcEndpoint) -> tuple[str, ...]:
        """The known zones of an endpoint's interfaces, sorted."""
        interfaces = self.known.configuration.endpoint_interfaces or ()
        places = {interface.subnet_id for interface in interfaces if interface.interface_id in endpoint.interface_ids}
        by_id = {subnet.subnet_id: subnet.availability_zone for subnet in self.known.configuration.subnets or ()}
        zones = {by_id.get(subnet_id) for subnet_id in places or endpoint.subnet_ids}
        return tuple(sorted(zone for zone in zones if zone is not None))
