"""Words and subjects for a hop that stops packets."""

from collections.abc import Iterable, Sequence

from agent.catalog.headline import Forms, of_ports, places, spans
from agent.catalog.wording import counted, listed
from agent.judge.conditions.stops import Stop, needed_first
from agent.judge.evidence import Evidence
from agent.judge.observations import by_place, ids
from agent.judge.observations import places as addresses_of
from agent.judge.rules.rule import RuleFinding, resting_on, says
from agent.network.paths import route_text
from agent.report.hops import ANSWERS, REST, Hop, Reachability, Stage, is_of_acl
from agent.report.model import Fix
from agent.report.subjects import resources
from probes.addresses import ordered
from probes.model import Address, FailureKind, Target
from probes.ports import HTTPS


def words_of(stops: Iterable[Stop], ec2_says: str) -> str:
    """Sentences about where connects were dropped, and what the hops do. If a sentence is true for several places, it
    is written only once."""
    alike: dict[str, list[Stop]] = {}
    for stop in stops:
        path = stop.path
        form = stop.hop.words.replace(f"tcp {path.port} ", "tcp {ports} ")
        form = " ".join(
            "{addresses}" + word[len(str(path.address)) :] if _is(word, path.address) else word
            for word in form.split(" ")
        )
        alike.setdefault(form, []).append(stop)
    words_at: dict[str, list[str]] = {}
    for form, same_form in alike.items():
        for where, ports in places_of(same_form):
            verb = "timed out" if all(_timed_out(stop) for stop in same_form) else "failed"
            at = f"{listed(ports)} {verb} on {listed(where)}"
            words = form.replace("{ports}", listed(ports)).replace("{addresses}", listed(where))
            words_at.setdefault(at, []).append(words)
    return " ".join(f"{at}. {ec2_says}: {'; and '.join(words)}." for at, words in words_at.items())


def _is(word: str, address: Address) -> bool:
    return word.rstrip(",;") == str(address)


def _timed_out(stop: Stop) -> bool:
    return stop.attempt.failure is not None and stop.attempt.failure.kind is FailureKind.TIMEOUT


def places_of(stops: Iterable[Stop]) -> list[tuple[tuple[Address, ...], tuple[int, ...]]]:
    return by_place((stop.path.address, stop.path.port) for stop in stops)


def finding_at(
    code: str, evidence: Evidence, target: Target, stops: list[Stop], reads: tuple[str, ...], fix: Fix
) -> RuleFinding:
    attempts = [stop.attempt for stop in stops]
    finding = RuleFinding(
        code=code,
        target=target.id,
        headline=_in_short(evidence, needed_first(evidence, target, stops)),
        detail=words_of(stops, says(evidence, "EC2", *reads)),
        evidence=ids(attempts),
        subjects=resources(
            *(id_ for stop in stops for id_ in (*stop.hop.resources, *_led_to(evidence, stop))),
        ),
        addresses=addresses_of(attempts),
        shared=frozenset((*(name for stop in stops for name in stop.hop.resources), _ports_of(stops))),
        fix=fix,
    )
    return resting_on(evidence, finding, *reads)


def _in_short(evidence: Evidence, stops: Sequence[Stop]) -> dict[str, Forms | None]:
    """The headline's words for the first hop that stops packets."""
    stop = stops[0]
    hop = stop.hop
    same = [one for one in stops if one.hop.resources == hop.resources]
    if hop.stage in (Stage.ENDPOINT_GROUPS, Stage.HOST_GROUPS):
        others = len(hop.resources) - 1
        return {
            **of_ports(one.path.port for one in stops),
            "group": hop.resources[0],
            "sender": str(stop.path.source or "this host"),
            "nor": f"{'does' if others == 1 else 'do'} {counted(others, 'more group')}" if others > 0 else None,
        }
    traffic = "the answers" if hop.stage in ANSWERS else spans(one.path.port for one in same)
    if is_of_acl(hop):
        return {"acl": hop.resources[0], **_of_entries(hop, traffic)}
    to = places(ordered({one.path.address for one in same}))
    if hop.rule is None:
        return {"table": hop.resources[0] if hop.resources else "the route table", "unrouted": to}
    block, _, through = hop.rule.rpartition(" to ")
    return {"route_table": hop.resources[0], "led": (f"{block} to {through}", f"it to {through}")}


def _of_entries(hop: Hop, traffic: str) -> dict[str, Forms | None]:
    numbers, _, direction = (hop.rule or "").rpartition(" ")
    if hop.outcome is Reachability.DOUBTFUL:
        return {"partial": traffic}
    return {"direction": direction, "missing": traffic} if numbers == REST else {"entry": numbers, "traffic": traffic}


def _led_to(evidence: Evidence, stop: Stop) -> Iterable[str]:
    """The id of the route's target at the deciding hop. For a transit gateway, all ids in the words about the hop."""
    if stop.hop.stage in (Stage.TRANSIT, Stage.RETURN_TRANSIT):
        return (word.rstrip(",") for word in stop.hop.words.split(" "))
    if stop.hop.rule is None:
        return ()
    return (
        route.target
        for table in evidence.configuration.route_tables or ()
        if table.table_id in stop.hop.resources
        for route in table.routes
        if route_text(route) == stop.hop.rule
    )


def _ports_of(stops: Iterable[Stop]) -> str:
    """The ports that a fault is about. A fault on 443 differs from one on a gateway's ports."""
    return "443" if any(stop.path.port == HTTPS for stop in stops) else "ports of a gateway"
