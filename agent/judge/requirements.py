"""The steps that must succeed before a target is called ok, and whether the target is judged at all."""

from collections.abc import Container
from typing import Any

from agent.catalog.in_use import why_unused
from agent.catalog.services import SERVICES, call_of
from agent.judge.evidence import AT_ADDRESSES, Evidence, kept
from agent.report.model import AddressStatus
from probes.model import ELSEWHERE, STARVED, UNRATED, Address, Observation, Role, Skipped, Step, Target
from probes.operations import GETADDRINFO, HOST, PADDED, PROXY, SDK_SETTINGS, WEBSOCKET
from probes.ports import HTTPS


@kept
def why_not_in_use(evidence: Evidence, target: Target) -> str | None:
    """Why a target that nobody asked for is considered unused; None if it is judged."""
    if target.role is Role.CONTEXT:  # it is measured next to the host that the SDK calls, and is unused if that is
        others = (other for other in evidence.targets if other.service == target.service)
        called = next((other for other in others if other.role is not Role.CONTEXT), None)
        if called is not None and (why := why_not_in_use(evidence, called)) is not None:
            return why
    lookup = evidence.own_lookup(target)
    if target.role is Role.REQUIRED or lookup is None or not lookup.made:
        return None
    return why_unused(target, evidence.own_answer(target), evidence.is_public)


def required_ports(target: Target) -> tuple[int, ...]:
    """The ports that the target's service requires."""
    return tuple(port.number for port in SERVICES[target.service].ports if port.required)


def judged_ports(target: Target) -> tuple[int, ...]:
    """The ports whose faults rules report: the required ports, and the ports that a new appliance needs once."""
    return tuple(port.number for port in SERVICES[target.service].ports if port.required or port.blocks_new)


@kept
def required_steps(evidence: Evidence, target: Target) -> tuple[str, ...]:
    """Ids of the steps that must all succeed before the target may be called ok, lowest first."""
    steps = [f"{HOST}/{SDK_SETTINGS}", f"{HOST}/{target.id}/{PROXY}", f"{Step.DNS}/{target.id}/{GETADDRINFO}"]
    is_called = evidence.run.wants_calls and call_of(target) is not None
    if is_called:
        steps.insert(1, str(Step.CREDENTIALS))
    # A target can be ok although a name server does not answer or large requests do not arrive (DNS016, HTTP006). But
    # if this host could not run such a step, it is unknown whether there is a fault, and the target is not ok.
    steps += [answer.id for answer in evidence.answers(target, evidence.configured_resolvers) if _is_starved(answer)]
    for address in evidence.own_addresses(target):
        steps += required_at(evidence, target, address)
    return tuple(steps)


def required_at(evidence: Evidence, target: Target, address: Address) -> list[str]:
    """Ids of the steps that must succeed at an address before the target may be called ok, lowest first."""
    steps = [f"{step}/{target.id}/{address}/{HTTPS}" for step in (Step.TCP, Step.TLS)]
    # An unsigned answer proves no more than a signed one: if AWS answered the signed call, the unsigned request need
    # not succeed.
    if not evidence.reached_aws(target, address):
        steps.append(f"{Step.HTTP}/{target.id}/{address}/{HTTPS}")
    is_called = evidence.run.wants_calls and call_of(target) is not None
    if is_called and not _is_left_out(evidence, target, address):
        steps.append(f"{Step.API}/{target.id}/{address}/{HTTPS}")
    websocket = evidence.at(Step.HTTP, target, address, HTTPS, operation=WEBSOCKET)
    if websocket is not None:
        steps.append(websocket.id)
    large = evidence.at(Step.HTTP, target, address, HTTPS, operation=PADDED)
    if large is not None and _is_starved(large):
        steps.append(large.id)
    others = (port for port in required_ports(target) if port != HTTPS)
    return [*steps, *(f"{Step.TCP}/{target.id}/{address}/{port}" for port in others)]


def address_status(evidence: Evidence, target: Target, address: Address, harmless: Container[str]) -> AddressStatus:
    """The status of an address. The steps that are required there decide, but `harmless` failures do not count. A
    failed large request is also a fault of the address (HTTP006)."""
    found = [evidence.find(step) for step in required_at(evidence, target, address) if step not in harmless]
    large = evidence.at(Step.HTTP, target, address, HTTPS, operation=PADDED)
    if any(step is not None and step.failure is not None and step.made for step in (*found, large)):
        return AddressStatus.FAILED
    return AddressStatus.OK if all(step is not None and step.ok for step in found) else AddressStatus.NOT_CHECKED


def _is_starved(observation: Observation[Any]) -> bool:
    return observation.failure is not None and observation.failure.code == STARVED


def _is_left_out(evidence: Evidence, target: Target, address: Address) -> bool:
    """Whether a run deliberately makes no call at this address, because it has made one at another address of the
    target or does not call the service."""
    call = evidence.at(Step.API, target, address, HTTPS)
    if call is None:
        return False
    return call.outcome == Skipped(UNRATED) or (call.outcome == Skipped(ELSEWHERE) and bool(evidence.calls(target)))


@kept
def judged_steps(evidence: Evidence, step: Step, target: Target | None) -> tuple[Observation[Any], ...]:
    """The observations of a step that rules judge. If the step is made at addresses, only the addresses that this host
    uses count. For connects, only the ports that the target needs count."""
    if target is None or step not in AT_ADDRESSES:
        return evidence.of(step, target)
    ports = judged_ports(target) if step is Step.TCP else (HTTPS,)
    steps = (evidence.at(step, target, address, port) for address in evidence.own_addresses(target) for port in ports)
    return tuple(item for item in steps if item is not None)
