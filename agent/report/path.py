"""The path as it is known so far: this host, who was asked for names, and a lane for each address and port.

What is here has no width and no colour: `drawing` gives it those. Order is decided here, by content and never by the
order of events, so that a look that comes late takes the place that it has in every run.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from agent.catalog.services import SERVICES
from agent.catalog.wording import duration
from agent.report.model import Report, Status, TargetAddress, TargetReport
from probes.addresses import AddressScope
from probes.facts import AllowanceFacts, DnsFacts, LookupFacts, ProxyFacts
from probes.model import Address, Observation, Role, Skipped, Step, Subject, Target
from probes.operations import ALLOWANCES, CONTAINER, GETADDRINFO, METADATA_PROXY, PROXY, PROXY_CONNECT, SDK_SETTINGS

THIS_HOST: Final = "this-host"
STEPS: Final = (Step.TCP, Step.TLS, Step.HTTP, Step.API)


class Progress(StrEnum):
    """How far a look is."""

    WAITING = "waiting"
    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Look:
    """One look of the run, made or still to be made."""

    subject: Subject
    progress: Progress = Progress.WAITING
    observation: Observation[Any] | None = None

    @property
    def reason(self) -> str | None:
        """Why it was not made."""
        outcome = None if self.observation is None else self.observation.outcome
        return outcome.reason if isinstance(outcome, Skipped) else None


@dataclass(frozen=True, slots=True)
class Cell:
    """A place where the cursor can stand."""

    key: str
    label: str
    progress: Progress
    words: tuple[str, ...]
    """The same said in full, then ever shorter."""
    looks: tuple[str, ...]
    """Ids of the looks that it stands for."""
    is_neutral: bool = False
    """Whether what was found is neither good nor bad in itself."""


@dataclass(frozen=True, slots=True)
class Lane:
    """The way to one port of one address."""

    key: str
    address: Address
    port: int
    purpose: str
    """What the port is for."""
    where: str | None
    """Its availability zone; of a public address without one, that it is public."""
    own: bool
    """Whether it decides: whether this host's own lookup gave the address; so taken as long as that is not known."""
    cells: tuple[Cell | None, ...]
    """By STEPS; None for a step that this port does not have."""
    extras: tuple[Cell, ...]
    """Looks beside the steps that tell something: those that were made because a step failed, or that failed."""
    progress: Progress


@dataclass(frozen=True, slots=True)
class Band:
    """A target: a service at a host."""

    key: str
    target: str
    service: str
    host: str
    words: str
    status: Status | None
    """None until the run is judged."""
    names: tuple[Cell, ...]
    lanes: tuple[Lane, ...]
    left_alone: str | None
    """Why none of its addresses is looked at, or none yet; its lanes are left out then."""


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it."""

    host: tuple[Cell, ...]
    bands: tuple[Band, ...]
    hidden: int
    """Lanes that the filter leaves out."""


_LABELS: Final = {
    (Step.DNS, GETADDRINFO): "this host",
    (Step.HOST, PROXY): "proxy",
    (Step.HTTP, PROXY_CONNECT): "through the proxy",
    (Step.IMDS, None): "metadata",
    (Step.CREDENTIALS, None): "credentials",
    (Step.IMDS, CONTAINER): "container credentials",
    (Step.HOST, METADATA_PROXY): "proxy before metadata",
    (Step.HOST, ALLOWANCES): "allowances",
}
_SETTINGS: Final = (None, SDK_SETTINGS)
"""Operations of the two looks at what this host and its SDK are set to."""
_ORDER: Final = tuple(_LABELS)
_ALWAYS: Final = frozenset({(Step.IMDS, None), (Step.CREDENTIALS, None)})
"""Looks that have a place however they end."""
_SHORTER: Final = {"access-denied": "DENIED"}
"""Failures that are common, and longer than a narrow column."""
_WORST: Final = (Progress.FAILED, Progress.RUNNING, Progress.WAITING, Progress.SKIPPED, Progress.OK)
"""What several looks come to: ok where each of them is."""
_ROLES: Final = {Role.REQUIRED: "", Role.OPTIONAL: "not asked for", Role.CONTEXT: "for comparison"}


def observed(observation: Observation[Any]) -> Look:
    """The look that an observation ends."""
    if observation.ok:
        progress = Progress.OK
    else:
        progress = Progress.FAILED if observation.failure is not None else Progress.SKIPPED
    return Look(observation.subject, progress, observation)


def picture(
    looks: Mapping[str, Look],
    targets: Iterable[Target | TargetReport],
    report: Report | None,
    *,
    is_judged: bool,
    wanted: str = "",
) -> Picture:
    """The path as these looks show it; with `wanted` only lanes that have each of its words, in any order.

    What does not change from run to run, such as zones, is taken from the last `report`; how a target is only where
    that is the report of these looks (`is_judged`).
    """
    by_target: dict[str | None, list[Look]] = {}
    for look in looks.values():
        by_target.setdefault(look.subject.target, []).append(look)
    judged = {} if report is None else {each.id: each for each in report.targets}
    bands = [_band(each, by_target.get(each.id, []), judged.get(each.id), is_judged=is_judged) for each in targets]
    shown = [_filtered(band, wanted) for band in bands] if wanted.split() else bands
    return Picture(
        host=_host(by_target.get(None, [])),
        bands=tuple(shown),
        hidden=sum(len(band.lanes) for band in bands) - sum(len(band.lanes) for band in shown),
    )


def _filtered(band: Band, wanted: str) -> Band:
    said = f"{band.service} {band.host} {band.words}"
    return replace(band, lanes=tuple(lane for lane in band.lanes if has_words(f"{said} {words_of(lane)}", wanted)))


def has_words(text: str, wanted: str) -> bool:
    """Whether each of the wanted words is in a text, in whatever order."""
    return all(word in text.lower() for word in wanted.lower().split())


def words_of(lane: Lane) -> str:
    """All that a lane says, for whoever searches in it."""
    cells = (cell for cell in (*lane.cells, *lane.extras) if cell is not None)
    said = (f"{cell.label} {cell.progress} {cell.words[0]}" for cell in cells)
    return " ".join((str(lane.address), lane.where or "", str(lane.port), lane.purpose, *said))


def keys(shown: Picture) -> tuple[tuple[str, ...], ...]:
    """Where the cursor can stand, row by row: first a row's head, then its cells."""
    rows: list[tuple[str, ...]] = [(THIS_HOST,)]
    if shown.host:
        rows.append(tuple(cell.key for cell in shown.host))
    for band in shown.bands:
        rows.append((band.key,))
        if band.names:
            rows.append((f"names/{band.target}", *(cell.key for cell in band.names)))
        for lane in band.lanes:
            rows.append((lane.key, *(cell.key for cell in lane.cells if cell is not None)))
            if lane.extras:
                rows.append(tuple(cell.key for cell in lane.extras))
    return tuple(rows)


def _host(looks: list[Look]) -> tuple[Cell, ...]:
    settings = [each for each in looks if each.subject.step is Step.HOST and each.subject.operation in _SETTINGS]
    reads = [each for each in looks if each.subject.step is Step.EC2]
    cells = [_cell(each) for each in _in_order(looks) if each not in settings and each not in reads and _tells(each)]
    if settings:
        cells.insert(0, _joined("settings", "settings", settings, _all))
    if reads:
        place = next((n for n, cell in enumerate(cells) if cell.key == Step.CREDENTIALS), len(cells) - 1) + 1
        cells.insert(place, _joined(str(Step.EC2), "EC2 reads", reads, _count))
    return tuple(cells)


def _in_order(looks: Iterable[Look]) -> list[Look]:
    def place(look: Look) -> tuple[int, str]:
        kind = (look.subject.step, look.subject.operation)
        return _ORDER.index(kind) if kind in _ORDER else len(_ORDER), look.subject.id

    return sorted(looks, key=place)


def _label(subject: Subject) -> str:
    known = _LABELS.get((subject.step, subject.operation))
    return known or (subject.operation or subject.step.upper()).replace("-", " ")


def _band(target: Target | TargetReport, looks: list[Look], known: TargetReport | None, *, is_judged: bool) -> Band:
    lanes = _lanes(target, looks, known)
    judged = known if is_judged else None
    return Band(
        key=f"target/{target.id}",
        target=target.id,
        service=target.service,
        host=target.host,
        words=_words_of_target(target, judged),
        status=None if judged is None else judged.status,
        names=_names(looks),
        lanes=() if (left_alone := _left_alone(target, looks, known)) is not None else lanes,
        left_alone=left_alone,
    )


def _words_of_target(target: Target | TargetReport, judged: TargetReport | None) -> str:
    said = [] if judged is None else [judged.status.upper(), f"path {judged.path}"]
    return ", ".join(filter(None, (*said, _ROLES[target.role])))


def _left_alone(target: Target | TargetReport, looks: Iterable[Look], known: TargetReport | None) -> str | None:
    """Why no address of a target is looked at, or none yet; None where one was, or will be."""
    at_addresses = [look for look in looks if look.subject.address is not None]
    reasons = {look.reason for look in at_addresses}
    if len(reasons) == 1 and None not in reasons:
        return f"not looked at: {reasons.pop()}"
    is_waiting = all(look.progress in (Progress.WAITING, Progress.SKIPPED) for look in at_addresses)
    if not at_addresses or not is_waiting or target.role is not Role.OPTIONAL:
        return None
    if known is not None and known.status is not Status.NOT_IN_USE:
        return None  # its lanes wait in the places that they had
    return "waiting: its addresses are looked at if it is in use from here"


def _names(looks: Iterable[Look]) -> tuple[Cell, ...]:
    """Who was asked for the name, this host first, then the name servers; then what else was asked beside it."""
    asked: dict[Address, list[Look]] = {}
    beside: list[Look] = []
    for look in looks:
        subject = look.subject
        if subject.resolver is not None:
            asked.setdefault(subject.resolver, []).append(look)
        elif subject.address is None:
            beside.append(look)
    ordered = _in_order(beside)
    own = [look for look in ordered if look.subject.operation == GETADDRINFO]
    rest = [look for look in ordered if look.subject.operation != GETADDRINFO]
    servers = [
        _joined(
            "/".join(filter(None, (str(Step.DNS), alike[0].subject.target, str(resolver)))),
            str(resolver),
            alike,
            _answers,
        )
        for resolver, alike in sorted(asked.items(), key=lambda each: _place(each[0]))
    ]
    return (*map(_cell, own), *servers, *map(_cell, filter(_tells, rest)))


def _lanes(target: Target | TargetReport, looks: Iterable[Look], judged: TargetReport | None) -> tuple[Lane, ...]:
    at: dict[tuple[Address, int], list[Look]] = {}
    for look in looks:
        subject = look.subject
        if subject.address is not None and subject.port is not None:
            at.setdefault((subject.address, subject.port), []).append(look)
    known = {} if judged is None else {each.address: each for each in judged.addresses}
    places = {address: _where(each) for address, each in known.items()}

    def place(each: tuple[Address, int]) -> tuple[object, ...]:
        address, port = each
        ports = target.ports.index(port) if port in target.ports else len(target.ports)
        return (not _is_own(known, address), *_place(address), ports, port)

    purposes = {port.number: port.role for port in SERVICES[target.service].ports} if target.service in SERVICES else {}
    lanes: list[Lane] = []
    for address, port in sorted(at, key=place):
        alike = at[address, port]
        steps = {look.subject.step: look for look in alike if look.subject.operation is None}
        extras = [look for look in alike if look.subject.operation is not None and _tells(look)]
        lanes.append(
            Lane(
                key=f"lane/{target.id}/{address}/{port}",
                address=address,
                port=port,
                purpose=purposes.get(port, ""),
                where=places.get(address),
                own=_is_own(known, address),
                cells=tuple(_cell(steps[step]) if step in steps else None for step in STEPS),
                extras=tuple(map(_cell, _in_order(extras))),
                progress=_worst(steps.values()),
            )
        )
    return tuple(lanes)


def _where(address: TargetAddress) -> str | None:
    public = AddressScope.PUBLIC.value if address.scope is AddressScope.PUBLIC else None
    return address.availability_zone_id or address.availability_zone or public


def _is_own(known: Mapping[Address, TargetAddress], address: Address) -> bool:
    return address not in known or bool(known[address].from_own_lookup)


def _tells(look: Look) -> bool:
    """Whether a look beside the steps is worth a place: most are made everywhere, and mostly say that all is well. What
    has no place is in the detail of what it belongs to."""
    step, seen = look.subject.step, look.observation
    if look.progress is Progress.FAILED or (step, look.subject.operation) in _ALWAYS:
        return True
    match None if seen is None else seen.facts:
        case ProxyFacts(proxy=proxy):
            return proxy is not None
        case AllowanceFacts(exceeded=exceeded):
            return bool(exceeded)
    # Handshakes beside the step are made where the step has failed.
    return look.progress is not Progress.SKIPPED and (step is Step.TLS or look.subject.operation == PROXY_CONNECT)


def _place(address: Address) -> tuple[int, int, str]:
    return address.version, int(address), str(address)


def _worst(looks: Iterable[Look]) -> Progress:
    found = {look.progress for look in looks}
    return next((progress for progress in _WORST if progress in found), Progress.WAITING)


def _cell(look: Look) -> Cell:
    seen = look.observation
    is_neutral = look.progress is Progress.OK and seen is not None and isinstance(seen.facts, ProxyFacts)
    return Cell(look.subject.id, _label(look.subject), look.progress, _words(look), (look.subject.id,), is_neutral)


def _joined(key: str, label: str, looks: list[Look], say: Callable[[list[Look], Progress], tuple[str, ...]]) -> Cell:
    """One place for looks that tell one thing together."""
    looks = sorted(looks, key=lambda look: look.subject.id)
    worst = _worst(looks)
    return Cell(key, label, worst, say(looks, worst), tuple(look.subject.id for look in looks))


def _all(looks: list[Look], worst: Progress) -> tuple[str, ...]:
    """What is worst about any of them."""
    return _words(next(look for look in looks if look.progress is worst))


def _words(look: Look) -> tuple[str, ...]:
    """`ok 2.0 ms`, `failed timeout 3.0 s`, `skipped`, each ever shorter."""
    seen = look.observation
    if seen is None or look.progress is Progress.SKIPPED:
        return (str(look.progress),)
    took = "" if seen.seconds is None else f" {duration(seen.seconds)}"
    if seen.failure is not None:
        kind = str(seen.failure.kind)
        short = kind.removeprefix("tls-").upper()
        return tuple(dict.fromkeys((f"failed {kind}{took}", f"{short}{took}", short, _SHORTER.get(kind, "FAILED"))))
    match seen.facts:
        case LookupFacts() | DnsFacts():
            return _found(len(seen.facts.addresses), took)
        case ProxyFacts():
            return (f"in use {seen.facts.proxy}", "in use") if seen.facts.proxy else ("none",)
    return f"ok{took}", "ok"


def _found(count: int, took: str) -> tuple[str, ...]:
    return f"ok {count} found{took}", f"ok {count} found", f"ok {count}"


def _answers(looks: list[Look], worst: Progress) -> tuple[str, ...]:
    """What one name server said to its two questions."""
    bad = next((look for look in looks if look.progress is worst and worst is not Progress.OK), None)
    if bad is not None:
        return _words(bad)
    seen = [look.observation for look in looks if look.observation is not None]
    count = sum(len(each.facts.addresses) for each in seen if isinstance(each.facts, DnsFacts))
    slowest = max((each.seconds for each in seen if each.seconds is not None), default=None)
    return _found(count, "" if slowest is None else f" {duration(slowest)}")


def _count(looks: list[Look], worst: Progress) -> tuple[str, ...]:
    """How many reads went well."""
    done = sum(look.progress is Progress.OK for look in looks)
    if worst is Progress.FAILED:
        kinds = {str(look.observation.failure.kind) for look in looks if look.observation and look.observation.failure}
        return (
            f"failed {' '.join(sorted(kinds))}, {done} of {len(looks)} ok",
            f"FAILED, {done} of {len(looks)}",
            "FAILED",
        )
    if worst is Progress.OK:
        return f"ok {done} of {len(looks)}", "ok"
    if worst is Progress.SKIPPED and done:
        return f"{done} of {len(looks)}, the rest skipped", f"{done} of {len(looks)}"
    return (str(worst),)
