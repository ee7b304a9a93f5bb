"""A security reviewer's questions about working endpoints: who may reach them, who may call through them, and what for.

None of these findings stops a backup. They are information, which `--review` raises to warnings.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Final

from agent.audit.faults import reviewed
from agent.audit.model import AuditFault
from agent.audit.suppression import Suppressions
from agent.audit.vpc import AuditedNetwork
from agent.catalog.services import SERVICES
from agent.catalog.wording import listed
from agent.fixes.commands import passes
from agent.fixes.fault import Fault
from agent.fixes.predicted import fixed, target_of
from agent.network.calls import RefusedError, statements_of
from probes.frozen import dataclass
from probes.vpc.model import DELETED, GatewayEndpoint, SecurityGroup, VpcEndpoint

RAISED: Final = frozenset({"VPC009", "VPC020", "VPC021"})
"""Codes that `--review` raises from information to a warning."""
OF_REVIEW: Final = frozenset({"VPC020", "VPC021"})
"""Codes for which a single fault lists all endpoints that have it."""
_EVERYBODY: Final = ("*", ["*"], {"AWS": "*"}, {"AWS": ["*"]})
_EVERYTHING: Final = ("*", ["*"])


@dataclass(frozen=True, slots=True, kw_only=True)
class _At:
    """An endpoint, and one of its services."""

    service: str
    endpoint: VpcEndpoint | GatewayEndpoint


def review(vpc: AuditedNetwork, required: Container[str], known: Suppressions) -> Iterator[AuditFault]:
    """VPC020 for each group, and VPC021 for all policies together. There are separate findings for needed services and
    other services. There are also separate findings for endpoints with and without a suppression, so that a suppression
    hides no other endpoint."""
    for counts in (True, False):
        there = [one for one in _there(vpc) if (one.service in required) is counts]
        for is_known in (False, True):
            yield from _groups(vpc, there, known, counts=counts, is_known=is_known)
            yield from _policies(
                vpc,
                [one for one in there if known.has("VPC021", (one.service,), (one.endpoint.endpoint_id,)) is is_known],
                counts=counts,
                is_known=is_known,
            )


def _there(vpc: AuditedNetwork) -> Iterator[_At]:
    for service in vpc.with_endpoint:
        held: tuple[VpcEndpoint | GatewayEndpoint, ...] = (*vpc.endpoints(service), *vpc.known.gateways(service))
        for endpoint in held:
            if endpoint.state != DELETED:
                yield _At(service=service, endpoint=endpoint)


def _groups(
    vpc: AuditedNetwork, there: Sequence[_At], known: Suppressions, *, counts: bool, is_known: bool
) -> Iterator[AuditFault]:
    for group in vpc.known.configuration.groups or ():
        held = [
            one
            for one in there
            if isinstance(one.endpoint, VpcEndpoint)
            and group.group_id in one.endpoint.group_ids
            and known.has("VPC020", (one.service,), (group.group_id, one.endpoint.endpoint_id)) is is_known
        ]
        ids = tuple(dict.fromkeys(one.endpoint.endpoint_id for one in held))
        services = tuple(dict.fromkeys(one.service for one in held))
        why = why_open(group, {port.number for service in services for port in SERVICES[service].ports})
        if why is None or not held:
            continue
        yield reviewed(
            "VPC020",
            services,
            counts=counts,
            is_known=is_known,
            subjects=(group.group_id, *ids),
            detail=f"{group.group_id} of {listed(ids)} {why}.",
            fix=fixed(vpc.known, "VPC020", Fault(target=target_of(vpc.known, services[0]), ids=(group.group_id,))),
        )


def why_open(group: SecurityGroup, ports: Iterable[int]) -> str | None:
    """Why a group of an endpoint with these ports is wider than necessary; None if no reason is known."""
    if any(_admits_every_address(group, port) for port in ports):
        return "admits every address"
    return "is the default group of the VPC, which every host without another group has" if group.default else None


def _admits_every_address(group: SecurityGroup, port: int) -> bool:
    """Whether the rules of a group admit all of IPv4 or all of IPv6 on a port, each by itself or together."""
    admitted = [rule.cidr for rule in group.rules if rule.cidr is not None and passes(rule, port, egress=False)]
    four = list(collapse_addresses(block for block in admitted if isinstance(block, IPv4Network)))
    six = list(collapse_addresses(block for block in admitted if isinstance(block, IPv6Network)))
    return IPv4Network("0.0.0.0/0") in four or IPv6Network("::/0") in six


def _policies(vpc: AuditedNetwork, there: Sequence[_At], *, counts: bool, is_known: bool) -> Iterator[AuditFault]:
    held = [one for one in there if admits_everybody(one.endpoint.policy)]
    if not held:
        return
    ids = tuple(dict.fromkeys(one.endpoint.endpoint_id for one in held))
    services = tuple(dict.fromkeys(one.service for one in held))
    whose = "policy" if len(ids) == 1 else "policies"
    yield reviewed(
        "VPC021",
        services,
        counts=counts,
        is_known=is_known,
        subjects=ids,
        detail=f"The {whose} of {listed(ids)} {'allows' if len(ids) == 1 else 'allow'} every caller, even with keys "
        "of another account, to do every action on every resource, as AWS's default policy does.",
        fix=fixed(vpc.known, "VPC021", Fault(target=target_of(vpc.known, services[0]), ids=ids)),
    )


def admits_everybody(policy: str | None) -> bool:
    """Whether a policy allows everything to everybody and denies nothing. False if the policy cannot be read, for which
    there is another finding."""
    try:
        statements = statements_of(policy or "")
    except RefusedError:
        return False
    return all(one.allows for one in statements) and any(
        one.elements.get("Principal") in _EVERYBODY
        and one.elements.get("Action") in _EVERYTHING
        and one.elements.get("Resource") in _EVERYTHING
        and not one.elements.get("Condition")
        for one in statements
    )
