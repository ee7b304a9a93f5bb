"""Instances that a plan replaces. A new instance may get any address of its subnet."""

from collections.abc import Iterable, Iterator, Mapping

from agent.network.answers import PredictedName, PredictedPath
from agent.network.names import KnownVpc, NewHost
from agent.network.paths import Blocks, Matrix, ServicePorts, anywhere_in, predictor_of
from agent.predict.changes import effect_between
from agent.predict.model import PredictedChange, PredictionDocument
from agent.report.hops import WORST, Reachability


def changes_of_hosts(
    before: PredictionDocument,
    known: KnownVpc,
    names: Iterable[PredictedName],
    ports: Mapping[str, Mapping[int, bool]],
    blocks: Blocks,
) -> Iterator[PredictedChange]:
    """The differences between the present instances and their replacements. `ports` has the ports of each service, and
    whether each port is needed."""
    subnets = {subnet.subnet_id: subnet for subnet in known.configuration.subnets or ()}
    predictor = predictor_of(known)
    for host in known.new_hosts:
        was = {source.id for source in before.sources if host.instance_id in source.instance_ids}
        if not was:
            continue  # the service was not asked for
        subnet = subnets.get(host.subnet_id)
        sources = () if subnet is None else anywhere_in(subnet, host.group_ids, blocks)
        matrix = Matrix(known, predictor, sources, blocks)
        for name in names:
            asked = ServicePorts(service=name.service, required=name.counts, ports=ports[name.service])
            paths = [path for path in matrix.paths(asked, name) if path.counts]
            for port in ports[name.service]:
                had = [
                    path.outcome
                    for path in before.paths
                    if (path.service, path.port) == (name.service, port)
                    if path.counts and not was.isdisjoint(path.sources)
                ]
                best = max(had, key=WORST.index, default=Reachability.BLOCKED)
                change = _change(host, [path for path in paths if path.port == port], sorted(was), best)
                if change is not None and name.counts:
                    yield change


def _change(host: NewHost, paths: list[PredictedPath], was: list[str], before: Reachability) -> PredictedChange | None:
    """The change from the best outcome of the present instance to that of the new one, at any of its addresses."""
    outcomes = {path.outcome for path in paths}
    after = outcomes.pop() if len(outcomes) == 1 else Reachability.CANNOT_TELL
    effect = effect_between(before, after) if paths else None
    if effect is None:
        return None
    decides = min(paths, key=lambda path: WORST.index(path.outcome))
    return PredictedChange(
        effect=effect,
        service=decides.service,
        action=None,
        ports=(decides.port,),
        addresses=(),
        sources=tuple(was),
        interface_count=1,
        decided_by=decides.decided_by,
        words=f"in the place of {host.instance_id}, a host in {host.subnet_id}: {decides.words}",
    )
