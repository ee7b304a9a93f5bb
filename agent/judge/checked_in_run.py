"""Checks the fixes of a run's findings against the configuration that the run read."""

from collections.abc import Iterator, Sequence
from typing import Final

from agent.fixes.changes import changes_of
from agent.fixes.checked import UNTOLD, Judged, checked, claims, unchecked
from agent.fixes.managed import managers_in, with_managers
from agent.judge.agreement import configured_paths
from agent.judge.conditions.stops import Stop, needed_first, stops_of
from agent.judge.evidence import Evidence
from agent.judge.requirements import judged_ports
from agent.judge.rules.rule import RuleFinding
from agent.network.answers import Answer
from agent.network.edits import ATTRIBUTES, Change, Listed, Member
from agent.network.names import KnownVpc, predicted_name
from agent.network.paths import Predictor
from agent.report.hops import Prediction, Reachability, Stage
from agent.report.model import Fix
from probes.model import Address, Addressing, Role, Target
from probes.ports import HTTPS
from probes.vpc.model import READS

_HOST_ACLS: Final = frozenset({Stage.HOST_ACL_OUT, Stage.HOST_ACL_IN})


def checked_in_run(evidence: Evidence, finding: RuleFinding, target: Target | None, fix: Fix) -> Fix:
    """The fix of a finding about the configuration, with the predictor's result for each of its commands."""
    if not any(command.changes for command in fix.commands):
        return fix
    known = _known(evidence)
    if known is None:
        return unchecked(fix)
    is_whole = all(changes_of(command) is not None for command in fix.commands if command.changes)

    def judge(made: KnownVpc, changes: Sequence[Change]) -> Judged:
        after = _predictor(evidence, made)
        if (closed := _closed(evidence, after)) is not None:
            return Judged(False, closed)
        about = {change.about for change in changes}
        if about <= {Listed.GROUP_RULE, Listed.ACL_ENTRY}:
            return UNTOLD if target is None else _of_paths(evidence, target, changes, after, is_whole=is_whole)
        if about == {Listed.GATEWAY_TABLE}:
            return UNTOLD if target is None else _of_gateway(evidence, finding, target, changes[0].edit, after)
        has_attributes = not about.isdisjoint(ATTRIBUTES)
        targets = [target] if target is not None else list(_targets_of(evidence, finding))
        each = [_of_name(evidence, one, made, after, has_attributes=has_attributes) for one in targets]
        return _worst(each)

    return with_managers(checked(fix, known, judge), managers_in(known.configuration))


def _known(evidence: Evidence) -> KnownVpc | None:
    """The VPC that a run read; None if no VPC was read, or if what was read is too old to predict a change."""
    region = None if evidence.imds is None else evidence.imds.region
    if evidence.vpc_id is None or region is None or not evidence.is_configuration_fresh:
        return None
    return KnownVpc(
        vpc_id=evidence.vpc_id,
        region=region,
        configuration=evidence.configuration,
        dropped=frozenset(operation for operation in READS if evidence.dropped(operation)),
    )


def _predictor(evidence: Evidence, made: KnownVpc) -> Predictor:
    cidrs = evidence.imds.vpc_cidrs if evidence.imds else ()
    return Predictor(made.configuration, vpc_id=made.vpc_id, vpc_cidrs=cidrs, answers=evidence.local_ports)


def _predicted(evidence: Evidence, target: Target, after: Predictor, address: Address, port: int) -> Prediction:
    source = evidence.source(target, address, port)
    return after.predict(source=source, own=evidence.own_interface(source), address=address, port=port)


def _worst(each: Sequence[Judged]) -> Judged:
    refused = next((judged for judged in each if judged.opens is False), None)
    if refused is not None:
        return refused
    return Judged(True) if each and all(judged.opens for judged in each) else UNTOLD


def _closed(evidence: Evidence, after: Predictor) -> str | None:
    """A sentence about the first open path to a required target that the change would close. None if the change closes
    no such path."""
    for target in evidence.targets:
        for path in configured_paths(evidence, target) if target.role is Role.REQUIRED else ():
            if path.predicted is Reachability.OPEN:
                then = _predicted(evidence, target, after, path.address, path.port)
                if then.outcome is not Reachability.OPEN:
                    return f"it would close {path.port} on {path.address}: {_stop_of(then)}"
    return None


def _stop_of(prediction: Prediction) -> str:
    return next((hop.words for hop in prediction.hops if hop.outcome is prediction.outcome), "the way is open")


def _of_paths(
    evidence: Evidence, target: Target, changes: Sequence[Change], after: Predictor, *, is_whole: bool
) -> Judged:
    """The result for group rules and ACL entries: whether they open the hops at which they are meant to. If the fix
    changes nothing else (`is_whole`), they must open every hop at which the same groups and ACLs stop the same paths.
    On the ports of a gateway, the ACL of this host's subnet is ignored."""
    stops = [
        stop
        for stop in needed_first(evidence, target, stops_of(evidence, target, *Stage))
        if stop.path.port == HTTPS or stop.hop.stage not in _HOST_ACLS
    ]
    claimed = [stop for stop in stops if _is_claimed(stop, changes)]
    if not claimed:
        return Judged(False, "it changes nothing that stops a connect of this host")
    ways = {(stop.path.address, stop.path.port) for stop in claimed}
    own = {own_id for stop in claimed for own_id in stop.hop.resources}
    about = claimed
    if is_whole:
        about = [
            stop
            for stop in stops
            if (stop.path.address, stop.path.port) in ways and not own.isdisjoint(stop.hop.resources)
        ]
    return _worst([_of_stop(evidence, target, stop, after) for stop in about])


def _is_claimed(stop: Stop, changes: Sequence[Change]) -> bool:
    return any(claims(change, stop.hop.stage, stop.hop.resources, stop.path.port) for change in changes)


def _of_stop(evidence: Evidence, target: Target, stop: Stop, after: Predictor) -> Judged:
    then = _predicted(evidence, target, after, stop.path.address, stop.path.port)
    hop = next((hop for hop in then.hops if hop.stage is stop.hop.stage), None)
    if hop is None or hop.outcome is Reachability.OPEN:
        return Judged(True)
    return UNTOLD if hop.outcome is Reachability.CANNOT_TELL else Judged(False, f"with it, {hop.words}")


def _of_gateway(evidence: Evidence, finding: RuleFinding, target: Target, edit: object, after: Predictor) -> Judged:
    """The result for the route of a gateway endpoint: whether this host reaches the finding's public addresses through
    it."""
    wanted = edit.owner_id if isinstance(edit, Member) else None
    each = []
    for address in sorted(finding.addresses, key=lambda address: (address.version, int(address))):
        then = _predicted(evidence, target, after, address, HTTPS)
        if then.endpoint_id == wanted and then.outcome is Reachability.OPEN:
            each.append(Judged(True))
        elif then.endpoint_id == wanted and then.outcome is Reachability.BLOCKED:
            each.append(Judged(False, f"with it, {_stop_of(then)}"))
        else:
            each.append(UNTOLD)
    return _worst(each)


def _targets_of(evidence: Evidence, finding: RuleFinding) -> Iterator[Target]:
    """The targets of a finding's evidence."""
    found = (evidence.find(step) for step in finding.evidence)
    ids = {observation.subject.target for observation in found if observation is not None}
    return (target for target in evidence.targets if target.id in ids)


def _of_name(evidence: Evidence, target: Target, made: KnownVpc, after: Predictor, *, has_attributes: bool) -> Judged:
    """The result for changes of settings that decide names: whether the name then leads to an endpoint, and whether
    this host then reaches this endpoint."""
    if target.addressing is not Addressing.DEFAULT:
        return UNTOLD
    name = predicted_name(made, after, target.service, counts=True)
    if name.answer is not Answer.PRIVATE:
        # The VPC's DNS attributes must be on before anything else helps. So turning them on is not refused because the
        # name is still public.
        is_sure = name.answer is not Answer.CANNOT_TELL and not has_attributes
        return Judged(False, f"with it, {name.host} is still public: {name.words}") if is_sure else UNTOLD
    each = []
    for address in name.addresses:
        for port in sorted(judged_ports(target)):
            then = _predicted(evidence, target, after, address, port)
            if then.outcome is Reachability.BLOCKED:
                each.append(Judged(False, f"programs then connect to {port} on {address}, and {_stop_of(then)}"))
            else:
                each.append(Judged(True) if then.outcome is Reachability.OPEN else UNTOLD)
    return _worst(each)
