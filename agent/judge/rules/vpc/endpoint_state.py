"""VPC rules for the endpoint's state: whether an endpoint is available."""

from collections.abc import Iterable, Iterator
from typing import Final

from agent.catalog.findings import Severity
from agent.catalog.vpce import read_name
from agent.catalog.wording import listed
from agent.fixes.by_code import fix_of
from agent.fixes.fault import Fault
from agent.judge.conditions.connects import Nature, is_from_here, nature_of
from agent.judge.evidence import Evidence
from agent.judge.observations import ids, places
from agent.judge.rules.rule import Rule, RuleFinding, resting_on, says
from agent.report.subjects import resources
from probes.model import Address, Addressing, Step, Target
from probes.ports import HTTPS
from probes.vpc.model import AVAILABLE, DELETED, ENDPOINTS, PENDING, VpcEndpoint


def endpoint_not_available(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC004: none of the endpoints to which the target may refer is available. If all of them are being changed, the
    finding is at most a warning and explains nothing, since they may still work."""
    for target in evidence.targets:
        meant = _meant(evidence, target)
        if not meant or any(endpoint.state == AVAILABLE for endpoint in meant):
            continue
        is_pending = all(endpoint.state == PENDING for endpoint in meant)
        is_met = is_pending and _meets(evidence, target, meant)
        if _works(evidence, target) and not is_met:
            continue
        sentences = [f"{endpoint.endpoint_id} has the state {endpoint.state}{_error(endpoint)}" for endpoint in meant]
        own = evidence.own_addresses_of_host
        tried = evidence.connects(target, HTTPS)
        # A router that reports a missing route shows nothing about the endpoint.
        astray = places(
            attempt
            for attempt in tried
            if nature_of(attempt, own) is Nature.NO_WAY
            and attempt.facts is not None
            and attempt.facts.icmp is not None
            and not is_from_here(attempt.facts, own)
        )
        at = frozenset(
            address
            for address in evidence.own_addresses(target)
            if evidence.is_unconnected(target, address)
            and _may_be_of(evidence, meant, address)
            and address not in astray
        )
        silent = [
            attempt for attempt in tried if attempt.subject.address in at and nature_of(attempt, own) is Nature.SILENT
        ]
        others = any(endpoint.state == AVAILABLE for endpoint in evidence.endpoints(target) or ())
        which = " that has the addresses in use" if others else ""
        instead = None if is_pending else _may_serve(evidence, target)
        finding = RuleFinding(
            code="VPC004",
            target=target.id,
            headline={"endpoint": meant[0].endpoint_id, "state": meant[0].state, "error": meant[0].error_code},
            severity=_severity(evidence, is_pending=is_pending, is_met=is_met),
            explains_nothing=is_pending,
            detail=f"No endpoint of {target.service}{which} is available. "
            f"{says(evidence, 'EC2', ENDPOINTS)}: {listed(sentences)}.",
            evidence=ids(silent),
            subjects=resources(*(endpoint.endpoint_id for endpoint in meant), *filter(None, [instead])),
            addresses=at,
            fix=fix_of(
                "VPC004",
                Fault(
                    target=target,
                    ids=tuple(endpoint.endpoint_id for endpoint in meant),
                    states={endpoint.endpoint_id: endpoint.state for endpoint in meant},
                    notes=()
                    if instead is None
                    else (
                        f"This VPC also has {instead}, which is available: instead of creating one, turn on the "
                        f"private DNS of {instead} as soon as no other endpoint has it.",
                    ),
                ),
            ),
        )
        yield resting_on(evidence, finding, ENDPOINTS)


def _may_serve(evidence: Evidence, target: Target) -> str | None:
    """The id of an available endpoint of this VPC that can serve the name once its private DNS is on; None if there is
    no such endpoint."""
    if target.addressing in (Addressing.VPCE, Addressing.CUSTOM) or evidence.vpc_id is None:
        return None
    there = evidence.endpoints(target, vpc_id=evidence.vpc_id) or ()
    return next((one.endpoint_id for one in there if one.state == AVAILABLE and not one.private_dns), None)


def _meant(evidence: Evidence, target: Target) -> list[VpcEndpoint]:
    """The endpoints to which the target may refer. If its name is an endpoint's own DNS name, the result is this
    endpoint, even if it is deleted. Otherwise, the result is the endpoints with the addresses in use. If no address is
    in use, or an address belongs to no known interface, the endpoints of this VPC are added, unless the operator named
    the host. In these cases, deleted endpoints, which stay listed for a while, do not count. Empty for a target in
    another Region, which endpoints here do not serve."""
    region = None if evidence.imds is None else evidence.imds.region
    if region not in (None, target.region):
        return []
    listed_ones = evidence.endpoints(target) or ()
    if target.addressing is Addressing.VPCE:  # the host is the bare id if EC2 was not asked for the name
        named = read_name(target.host)
        own_id = target.host if named is None else named.endpoint_id
        return [endpoint for endpoint in listed_ones if endpoint.endpoint_id == own_id]
    used = {evidence.endpoint_of(evidence.interface_at(address)) for address in evidence.own_addresses(target)}
    # If all endpoints in use are known, other endpoints of this VPC do not matter.
    is_built = target.addressing is not Addressing.CUSTOM and (not used or None in used)
    return [
        endpoint
        for endpoint in listed_ones
        if endpoint.state != DELETED
        and (endpoint in used or (is_built and evidence.vpc_id is not None and endpoint.vpc_id == evidence.vpc_id))
    ]


def _may_be_of(evidence: Evidence, endpoints: Iterable[VpcEndpoint], address: Address) -> bool:
    """Whether an address may belong to one of these endpoints. It may if it is in this VPC and belongs to no known
    interface."""
    interface = evidence.interface_at(address)
    if interface is not None:
        return any(interface.interface_id in endpoint.interface_ids for endpoint in endpoints)
    blocks = () if evidence.imds is None else evidence.imds.vpc_cidrs
    return any(address in block for block in blocks)


def _works(evidence: Evidence, target: Target) -> bool:
    """Whether every address in use is on the expected path and connects. If so, something else than the endpoints
    serves this host."""
    addresses = evidence.own_addresses(target)
    return bool(addresses) and all(
        evidence.is_expected(address, target) and evidence.is_connected(target, address) for address in addresses
    )


def _meets(evidence: Evidence, target: Target, endpoints: Iterable[VpcEndpoint]) -> bool:
    """Whether this host uses these endpoints, as far as is known, or should use them."""
    addresses = evidence.own_addresses(target)
    return not addresses or any(
        _may_be_of(evidence, endpoints, address) or not evidence.is_expected(address, target) for address in addresses
    )


def _severity(evidence: Evidence, *, is_pending: bool, is_met: bool) -> Severity | None:
    if is_pending:
        return Severity.WARNING if is_met else Severity.INFO
    return None if evidence.is_configuration_fresh else Severity.WARNING


def _error(endpoint: VpcEndpoint) -> str:
    text = ": ".join(filter(None, (endpoint.error_code, (endpoint.error_message or "").rstrip("."))))
    return f" ({text})" if text else ""


RULES: Final = (Rule("VPC004", needs=(Step.DNS,), check=endpoint_not_available, reads=(ENDPOINTS,)),)
