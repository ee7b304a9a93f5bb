"""Instances that a plan replaces. A new instance may get any address of its subnet."""

from collections.abc import Iterable, Iterator, Mapping

from agent.network.answers import PredictedName, PredictedPath
from agent.network.names import KnownVpc, NewHost
from agent.network.paths import Blocks, Matrix, ServicePorts, anywhere_in, predictor_of
from agent.predict.model import Effect, PredictedChange, PredictionDocument
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
                had = [path for path in before.paths if (path.service, path.port) == (name.service, port)]
                reached = any(_is_open(path) and path.counts and not was.isdisjoint(path.sources) for path in had)
                change = _change(host, [path for path in paths if path.port == port], sorted(was), reached=reached)
                if change is not None and name.counts:
                    yield change


def _is_open(path: PredictedPath) -> bool:
    return path.outcome is Reachability.OPEN


def _change(host: NewHost, paths: list[PredictedPath], was: list[str], *, reached: bool) -> PredictedChange | None:
    if not paths or all(map(_is_open, paths)) is reached:
        return None
    decides = min(paths, key=lambda path: WORST.index(path.outcome))
    is_shut = all(path.outcome is Reachability.BLOCKED for path in paths)
    effect = Effect.OPENS if not reached else Effect.CLOSES if is_shut else Effect.MAY_CLOSE
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
