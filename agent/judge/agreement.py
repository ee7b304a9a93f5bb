"""Compares the outcome of each connect that the configuration predicts with the outcome that was measured."""

from collections.abc import Iterator
from typing import Final

from agent.judge.evidence import Evidence, kept
from agent.report.hops import Prediction, Reachability
from agent.report.model import ConfiguredPath, Measured
from probes.addresses import ordered, usable_families
from probes.facts import TcpFacts
from probes.model import Address, FailureKind, Observation, Step, Target


@kept
def configured_paths(evidence: Evidence, target: Target) -> tuple[ConfiguredPath, ...]:
    """The configured paths to the target's addresses that this host uses, and to the other addresses of the same
    endpoints. Each path is compared with the measurement. Empty if the configuration was not read."""
    return tuple(
        _path(evidence, target, predicted)
        for address in ordered((*evidence.own_addresses(target), *_other_addresses(evidence, target)))
        for port in target.ports
        if (predicted := prediction_of(evidence, target, address, port)) is not None
    )


@kept
def prediction_of(evidence: Evidence, target: Target, address: Address, port: int) -> Prediction | None:
    """The predicted outcome of a connect from here to a private address; None if the configuration was not read."""
    if evidence.configured_at is None or not evidence.is_private(address) or port not in target.ports:
        return None
    source = evidence.source(target, address, port)
    return evidence.predictor.predict(source=source, own=evidence.own_interface(source), address=address, port=port)


def _other_addresses(evidence: Evidence, target: Target) -> Iterator[Address]:
    """All addresses of the endpoints that the name resolves to, since a single DNS answer may have only some of these
    addresses."""
    families = usable_families(evidence.host)
    endpoints = {evidence.endpoint_of(evidence.interface_at(address)) for address in evidence.own_addresses(target)}
    used = {interface_id for endpoint in endpoints if endpoint is not None for interface_id in endpoint.interface_ids}
    for interface in evidence.configuration.endpoint_interfaces or ():
        if interface.interface_id in used:
            yield from (
                private_address for private_address in interface.addresses if private_address.version in families
            )


def _path(evidence: Evidence, target: Target, predicted: Prediction) -> ConfiguredPath:
    attempt = evidence.at(Step.TCP, target, predicted.address, predicted.port)
    measured = _measured(attempt)
    agrees = _AGREEMENT.get((predicted.outcome, measured))
    stops = next((hop.stage for hop in predicted.hops if hop.outcome is Reachability.BLOCKED), None)
    own, interface = evidence.own_interface(predicted.source), evidence.interface_at(predicted.address)
    return ConfiguredPath(
        target=target.id,
        address=predicted.address,
        port=predicted.port,
        source=predicted.source,
        endpoint_id=predicted.endpoint_id,
        interface_id=predicted.interface_id,
        predicted=predicted.outcome,
        measured=measured,
        agrees=agrees,
        parted_at=stops if agrees is False else None,
        hops=predicted.hops,
        unseen=predicted.unseen,
        taken_at=evidence.configured_at or evidence.run.started_at,
        source_subnet_id=None if own is None else own.subnet_id,
        subnet_id=None if interface is None else interface.subnet_id,
    )


_AGREEMENT: Final = {
    (Reachability.OPEN, Measured.CONNECTED): True,
    (Reachability.BLOCKED, Measured.SILENT): True,
    (Reachability.OPEN, Measured.SILENT): False,
    (Reachability.OPEN, Measured.REFUSED): False,
    (Reachability.BLOCKED, Measured.CONNECTED): False,
}
"""Whether prediction and measurement agree. The pair BLOCKED and REFUSED is missing: groups, ACLs and routes drop
packets silently, so a refusal comes from something else on the way."""


def _measured(attempt: Observation[TcpFacts] | None) -> Measured:
    if attempt is None or not attempt.made:
        return Measured.NOT_MEASURED
    if attempt.failure is None:
        return Measured.CONNECTED
    local = attempt.facts is not None and (attempt.facts.datagram_error or attempt.facts.route_error)
    match attempt.failure.kind:
        case FailureKind.TIMEOUT if not local:
            return Measured.SILENT
        case FailureKind.REFUSED | FailureKind.RESET if attempt.facts is None or attempt.facts.icmp is None:
            return Measured.REFUSED
    return Measured.FAILED
