"""Resources that lead a name to an endpoint in another VPC: a Route 53 Profile, a shared private hosted zone or a
Resolver rule, and their owners."""

from collections.abc import Iterable, Iterator

from agent.catalog.wording import listed
from agent.judge.evidence import Evidence
from agent.network.names import private_zone_for, profile_of, resolver_rule_for
from agent.report.model import FindingSubject
from agent.report.subjects import resources
from probes.addresses import AddressScope
from probes.frozen import dataclass
from probes.model import Address, Target
from probes.vpc.model import VPC_ENDPOINT, Configuration, ProfileResource


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """A resource that leads a name to addresses outside this host's VPC."""

    words: str
    owner: str | None
    """The account that owns it; None if unknown."""
    profile_id: str | None
    """The Route 53 Profile that brings the resource to the VPC; None if the VPC has the resource itself."""
    subjects: tuple[FindingSubject, ...]


def is_elsewhere(evidence: Evidence, addresses: Iterable[Address]) -> bool:
    """Whether this host is in a VPC, and all these addresses are private and outside this VPC. The security groups of
    another VPC then decide."""
    is_in_vpc = evidence.imds is not None and bool(evidence.imds.vpc_cidrs)
    return is_in_vpc and all(evidence.scope(address) is AddressScope.PRIVATE for address in addresses)


def leader_of(evidence: Evidence, target: Target, addresses: Iterable[Address]) -> Leader | None:
    """The configured resource that leads the name to these addresses; None if there is no such resource, or if the
    configuration is too old."""
    if not evidence.is_configuration_fresh:
        return None
    return next(_leaders(evidence, target, tuple(addresses)), None)


def _leaders(evidence: Evidence, target: Target, addresses: tuple[Address, ...]) -> Iterator[Leader]:
    """The resources that may lead the name to these addresses, in order of precedence. A rule comes before a zone of
    the same name, and a zone or rule of the VPC comes before an endpoint of a Profile (Route 53 Developer Guide,
    Considerations when working with a private hosted zone; Route 53 Profiles)."""
    configuration = evidence.configuration
    account = None if evidence.imds is None else evidence.imds.account_id
    zone = private_zone_for(configuration, target.host)
    rule = resolver_rule_for(configuration, target.host)
    if rule is not None and (zone is None or len(rule.domain) >= len(zone.name)):
        sends = f", which sends the name to {listed(rule.targets or ['other servers'])}"
        yield _leader(configuration, f"the Resolver rule {rule.rule_id}", rule.rule_id, rule.owner_id, account, sends)
    if zone is not None:
        what = f"the private hosted zone {zone.name} ({zone.zone_id})"
        yield _leader(configuration, what, zone.zone_id, zone.owner, account)
    for resource in _endpoints_of_profiles(evidence, addresses):
        what = f"the endpoint {resource.resource_id}"
        yield _leader(configuration, what, resource.resource_id, resource.owner_id, account)


def _endpoints_of_profiles(evidence: Evidence, addresses: tuple[Address, ...]) -> Iterator[ProfileResource]:
    """The endpoints that Profiles bring to the VPC and that may have these addresses. EC2 shows an interface with one
    of the addresses for such an endpoint. If there is exactly one endpoint that EC2 does not show to this account, it
    is included, too."""
    configuration = evidence.configuration
    here = {interface.interface_id for address in addresses if (interface := evidence.interface_at(address))}
    known = {endpoint.endpoint_id: endpoint for endpoint in configuration.endpoints or ()}
    resources_of = () if configuration.profiles is None else configuration.profiles.resources
    brought = [resource for resource in resources_of if resource.kind == VPC_ENDPOINT]
    hidden = [resource for resource in brought if resource.resource_id not in known]
    for resource in brought:
        if (endpoint := known.get(resource.resource_id)) and not here.isdisjoint(endpoint.interface_ids):
            yield resource
    if len(hidden) == 1:
        yield hidden[0]


def _leader(
    configuration: Configuration,
    what: str,
    resource_id: str,
    owner: str | None,
    account: str | None,
    sends: str = "",
) -> Leader:
    brought = profile_of(configuration, resource_id)
    profile_id = None if brought is None else brought.profile_id
    owner = brought.owner_id if owner is None and brought is not None else owner
    of = "" if owner is None else " of this account" if owner == account else f" of account {owner}"
    by = "" if profile_id is None else f", brought by the Route 53 Profile {profile_id} of this VPC"
    return Leader(
        words=f"{what}{of}{sends}{by}",
        owner=owner,
        profile_id=profile_id,
        subjects=resources(resource_id, profile_id, owner),
    )
