"""The configured path in words that all formats for people share.

The texts here are not escaped. A format passes each of them through `visible`.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from agent.catalog.wording import listed
from agent.report.hops import Hop, Reachability, Stage
from agent.report.model import ConfiguredPath, Measured, Report, TargetReport

STAGES: Final = {
    Stage.HOST_GROUPS: "host's groups",
    Stage.HOST_ACL_OUT: "host's ACL out",
    Stage.ROUTE: "route",
    Stage.TRANSIT: "transit gateway",
    Stage.ENDPOINT_ACL_IN: "endpoint's ACL in",
    Stage.ENDPOINT_GROUPS: "endpoint's groups",
    Stage.ENDPOINT: "endpoint",
    Stage.ENDPOINT_ACL_OUT: "endpoint's ACL out",
    Stage.RETURN_ROUTE: "route back",
    Stage.RETURN_TRANSIT: "transit gateway back",
    Stage.HOST_ACL_IN: "host's ACL in",
}
_IN_SHORT: Final = {
    Stage.HOST_GROUPS: "groups",
    Stage.HOST_ACL_OUT: "ACL",
    Stage.ROUTE: "route",
    Stage.TRANSIT: "transit gateway",
    Stage.ENDPOINT_ACL_IN: "ACL",
    Stage.ENDPOINT_GROUPS: "groups",
}
"""Short names of the hops to the service, used for addresses without faults. Only JSON also has the hops of the way
back."""
_INSIDE_SUBNET: Final = frozenset({Stage.HOST_GROUPS, Stage.ENDPOINT_GROUPS, Stage.ENDPOINT})
"""The stages that a packet passes if it stays in its subnet, and the text for all of them."""
_PREDICTED: Final = {
    Reachability.OPEN: "open",
    Reachability.BLOCKED: "BLOCKED",
    Reachability.DOUBTFUL: "doubtful",
    Reachability.CANNOT_TELL: "cannot tell",
}
MEASURED: Final = {
    Measured.CONNECTED: "connected",
    Measured.SILENT: "silent",
    Measured.REFUSED: "refused",
    Measured.FAILED: "failed otherwise",
    Measured.NOT_MEASURED: "not measured",
}
_PORTS: Final = "\0ports"
_ADDRESSES: Final = "\0addresses"
"""Placeholders in the text of a hop. They stand for values that differ between paths that are drawn as one. No text of
ours contains a placeholder."""
AT_THE_END: Final = frozenset({Stage.ENDPOINT_ACL_IN, Stage.ENDPOINT_GROUPS, Stage.ENDPOINT})
"""The hops in the endpoint's subnet."""
OUTCOMES: Final = {
    Reachability.OPEN: "open",
    Reachability.BLOCKED: "BLOCKED",
    Reachability.DOUBTFUL: "DOUBTFUL",
    Reachability.CANNOT_TELL: "?",
}


def is_well(path: ConfiguredPath) -> bool:
    """Whether a path is shown in one line, without its hops."""
    if path.predicted is Reachability.CANNOT_TELL:
        return path.measured is Measured.CONNECTED
    return path.predicted is Reachability.OPEN and path.agrees is not False


def ended(path: ConfiguredPath) -> str:
    """Return the end of a path, such as `open, connected`. The measurement is in capitals if it differs from the
    prediction."""
    predicted, measured = _PREDICTED[path.predicted], MEASURED[path.measured]
    return f"{predicted}, yet {measured.upper()}" if path.agrees is False else f"{predicted}, {measured}"


def way(path: ConfiguredPath) -> str:
    """Return the hops to the service in one line. A hop with an unknown effect has a question mark."""
    names = []
    for hop in path.hops:
        name = _IN_SHORT.get(hop.stage)
        if hop.stage is Stage.ROUTE and hop.rule is not None:
            name = hop.rule.rpartition(" to ")[2]
        if hop.stage is Stage.ENDPOINT and hop.outcome is not Reachability.OPEN:
            name = "endpoint"
        if name is not None:
            names.append(name if hop.outcome is Reachability.OPEN else f"{name}?")
    if is_inside_subnet(path):
        names.insert(1, "same subnet")
    return " > ".join(names)


def is_inside_subnet(path: ConfiguredPath) -> bool:
    """Whether the packet stays in its subnet, so that it passes no network ACL and no route."""
    return path.interface_id is not None and all(hop.stage in _INSIDE_SUBNET for hop in path.hops)


def port_ranges(ports: Iterable[int], target: TargetReport) -> str:
    """`443 1026-1028 1031`, or `all 6 ports` of the target."""
    ordered = sorted(ports)
    if len(ordered) > 1 and ordered == sorted(target.ports):
        return f"all {len(ordered)} ports"
    spans: list[tuple[int, int]] = []
    for port in ordered:
        first = spans.pop()[0] if spans and spans[-1][1] == port - 1 else port
        spans.append((first, port))
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def likeness(path: ConfiguredPath) -> tuple[object, ...]:
    """Return a key that is equal for paths that are drawn as one. It has everything except the ports, the addresses,
    the endpoint's interface, and the rules that allow, since all of these are listed."""
    hops = tuple(
        (
            hop.stage,
            tuple(resource for resource in hop.resources if resource != path.interface_id),
            hop.outcome,
            None if hop.outcome is Reachability.OPEN else (_general(hop.rule, path), _general(hop.words, path)),
        )
        for hop in path.hops
    )
    unseen = tuple(_general(words, path) for words in path.unseen)
    outcome = (path.predicted, path.measured, path.agrees, path.parted_at)
    return (path.source, path.endpoint_id, *outcome, hops, unseen)


def _general(words: str | None, path: ConfiguredPath) -> str:
    """Return words about a path, with placeholders for its port and address."""
    text = re.sub(rf"\btcp {path.port}\b(?!-)", f"tcp {_PORTS}", words or "")
    return re.sub(rf"(?<![\w.:]){re.escape(str(path.address))}(?![\w:/]|\.\d)", _ADDRESSES, text)


def specific(words: str | None, block: Sequence[ConfiguredPath]) -> str:
    """Return words about a path, with the ports and addresses of all paths that are drawn with it."""
    ports = listed(sorted({path.port for path in block}))
    addresses = listed(dict.fromkeys(path.address for path in block))
    return _general(words, block[0]).replace(_PORTS, ports).replace(_ADDRESSES, addresses)


def decides(hop: Hop, path: ConfiguredPath, rules: Iterable[str]) -> str:
    """Return the rules that decide at a hop, such as `acl-0a1b2c3d: 100 outbound`."""
    ids = ", ".join(resource for resource in hop.resources if resource != path.interface_id)
    return ": ".join(filter(None, (ids, ", ".join(filter(None, rules)))))


def read_at(paths: Iterable[ConfiguredPath], report: Report) -> str:
    """Return in words the time at which the configuration of the paths was read. If the times differ, it is the
    oldest."""
    taken_at = min(path.taken_at for path in paths)
    if report.run.started_at <= taken_at <= report.run.finished_at:
        return "read in this run"
    when = f"as it was at {taken_at:%Y-%m-%d %H:%M} UTC"
    age = report.run.started_at - taken_at
    if age < timedelta(0):
        return f"{when}, after this run according to this host's clock"
    for unit, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        if age >= length:
            count = age // length
            return f"{when}, {count} {unit}{'' if count == 1 else 's'} before this run"
    return f"{when}, just before this run"
