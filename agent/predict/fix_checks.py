"""Checks of the fixes of a prediction's faults: the predictor judges the configuration after each fix."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from agent.fixes.checked import UNTOLD, Judge, Judged, checked, claims, unchecked
from agent.network.answers import Answer, PredictedName, PredictedPath
from agent.network.edits import ATTRIBUTES, Change, Listed, Member
from agent.network.names import KnownVpc, predicted_name
from agent.network.paths import Blocks, Matrix, Predictor, ServicePorts, Source, of_source, predictor_of, source_id
from agent.report.hops import Reachability, Stage
from agent.report.model import Fix
from probes.model import Address

MOST_FIXES: Final = 24
"""Maximum number of fixes to check in one prediction, because each check indexes the whole configuration. Further fixes
stay unchecked."""
_MOST_WAYS: Final = 60
"""Maximum number of connects to follow for one fix. Sources, addresses and ports of the same kind give the same
result."""
_AT_HOST: Final = frozenset({Stage.HOST_GROUPS, Stage.HOST_ACL_OUT, Stage.HOST_ACL_IN})


class FixChecks:
    """The checks of one prediction."""

    def __init__(
        self, known: KnownVpc, sources: Sequence[Source], blocks: Blocks, paths: Sequence[PredictedPath]
    ) -> None:
        self._known = known
        self._sources = {source_id(number): source for number, source in enumerate(sources)}
        self._blocks = blocks
        self._paths = paths
        self._left = MOST_FIXES

    def of_paths(self, fix: Fix | None, paths: Sequence[PredictedPath]) -> Fix | None:
        """Check a fix for paths that are stopped at the same hop. Returns the fix with the result of the check."""

        def judge(made: KnownVpc, changes: Sequence[Change]) -> Judged:
            predictor = predictor_of(made)
            gateways = [
                change.edit.owner_id
                for change in changes
                if isinstance(change.edit, Member) and change.about is Listed.GATEWAY_TABLE
            ]
            if gateways:
                sources = [self._sources[name] for path in paths for name in path.sources]
                return _of_gateway(made, predictor, gateways[0], sources)
            judged: Judged | None = None
            for count, (path, source, address) in enumerate(self._ways(paths, changes)):
                if count == _MOST_WAYS:
                    break
                one = _of_way(predictor, path, source, address)
                if one.opens is False:
                    return one
                judged = one if judged is None or one.opens is None else judged
            return judged or Judged(False, "it changes nothing that stops these sources")

        return self._checked(fix, judge)

    def _ways(
        self, paths: Sequence[PredictedPath], changes: Sequence[Change]
    ) -> Iterator[tuple[PredictedPath, Source, Address]]:
        """The connects that the changes are meant to open."""
        for path in paths:
            for name in path.sources:
                for address in path.addresses:
                    source = self._sources[name]
                    if any(_is_for(change, path, source, address) for change in changes):
                        yield path, source, address

    def of_name(self, fix: Fix | None, name: PredictedName, ports: Mapping[int, bool]) -> Fix | None:
        """Check a fix of the answer to a name. `ports` has the ports of the name's service, and whether each port is
        needed."""

        def judge(made: KnownVpc, changes: Sequence[Change]) -> Judged:
            predictor = predictor_of(made)
            then = predicted_name(made, predictor, name.service, counts=name.counts)
            if then.answer is not Answer.PRIVATE:
                # The VPC's attributes must be on first, whatever else is changed.
                is_first = any(change.about in ATTRIBUTES for change in changes)
                if is_first or then.answer is Answer.CANNOT_TELL:
                    return UNTOLD
                return Judged(False, f"with it, {then.host} does not lead to an endpoint either: {then.words}")
            matrix = Matrix(made, predictor, list(self._sources.values()), self._blocks)
            asked = ServicePorts(service=name.service, required=name.counts, ports=ports)
            after = [path for path in matrix.paths(asked, then) if path.counts]
            return _of_private_name(self._paths, after, then)

        return self._checked(fix, judge)

    def of_endpoint(self, fix: Fix | None) -> Fix | None:
        """Check a fix of an endpoint that lacks an interface in a zone. The predictor says whether EC2 would accept the
        interface. A further interface closes nothing, but its address is unknown until it exists."""
        return self._checked(fix, lambda made, changes: UNTOLD)

    def _checked(self, fix: Fix | None, judge: Judge) -> Fix | None:
        if fix is None or not any(command.changes for command in fix.commands):
            return fix
        if self._left == 0:
            return unchecked(fix)
        self._left -= 1
        return checked(fix, self._known, judge)


def _is_for(change: Change, path: PredictedPath, source: Source, address: Address) -> bool:
    edit = change.edit
    if path.decided_at is None or not claims(change, path.decided_at, path.decided_by, path.port):
        return False
    block = edit.item.cidr if isinstance(edit, Member) else None
    ends = (address,) if path.decided_at in _AT_HOST else source.addresses
    return block is None or any(end in block for end in ends if end.version == block.version)


def _of_way(predictor: Predictor, path: PredictedPath, source: Source, address: Address) -> Judged:
    own = next((mine for mine in source.addresses if mine.version == address.version), None)
    then = predictor.predict(source=own, own=source.own, address=address, port=path.port)
    hop = next((hop for hop in then.hops if hop.stage is path.decided_at), None)
    if hop is None or hop.outcome is Reachability.OPEN:
        return Judged(True)
    if hop.outcome is Reachability.CANNOT_TELL:
        return UNTOLD
    return Judged(False, f"with it, {of_source(hop.words)}")


def _of_gateway(made: KnownVpc, predictor: Predictor, endpoint_id: str, sources: Sequence[Source]) -> Judged:
    """The result for the route of a gateway endpoint: whether the sources reach the addresses of the endpoint's prefix
    list through it."""
    tables = made.configuration.route_tables or ()
    lists = {route.prefix_list_id for table in tables for route in table.routes if route.target == endpoint_id}
    blocks = [
        block
        for prefix_list in made.configuration.prefix_lists or ()
        if prefix_list.prefix_list_id in lists
        for block in prefix_list.cidrs
    ]
    for source in sources:
        for block in blocks:
            gateway = predictor.gateway_at(block.network_address, source.own)
            if gateway.endpoint is None or gateway.endpoint.endpoint_id != endpoint_id:
                return UNTOLD
    return Judged(True) if blocks and sources else UNTOLD


def _of_private_name(before: Iterable[PredictedPath], after: Sequence[PredictedPath], name: PredictedName) -> Judged:
    """The result for a private name: whether sources reach the new addresses, and whether all sources that reached an
    endpoint of the service still reach one."""
    reached = {(source, path.port) for path in after if path.outcome is Reachability.OPEN for source in path.sources}
    stopped = next((path for path in after if path.outcome is Reachability.BLOCKED), None)
    lost = [
        path
        for path in before
        if path.service == name.service and path.counts and path.outcome is Reachability.OPEN
        if any((source, path.port) not in reached for source in path.sources)
    ]
    if stopped is not None and (lost or not reached):
        who = "sources that now reach an endpoint of the service" if lost else "no source"
        then = (
            "would not reach the endpoint to which the name would lead"
            if lost
            else "reaches the endpoint to which the name would lead"
        )
        return Judged(False, f"{who} {then}: {stopped.words}")
    return Judged(True) if reached and not lost else UNTOLD
