"""The path as a picture without layout: this host, the name servers, and a lane for every address and port.

It is made from the checks of a run, finished or not, or from the observations of a report (`checks_in`). It has no
widths, colours or positions: each drawing adds its own. Its order depends on content alone, never on the order of
events, so that a late check has the same place in every run. Keys identify what is drawn. Pure.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, Final

from agent.catalog.services import SERVICES
from agent.catalog.wording import duration
from agent.report.counting import Standing, Weight, addresses_of, heaviest, standings
from agent.report.model import Report, Status, TargetAddress, TargetReport
from probes.addresses import AddressScope
from probes.facts import AllowanceFacts, DnsFacts, LookupFacts, ProxyFacts
from probes.frozen import dataclass
from probes.model import Address, Observation, Role, Skipped, Step, Subject, Target
from probes.operations import (
    ALLOWANCES,
    CONTAINER,
    GETADDRINFO,
    INSTANCE_ROLE,
    METADATA_PROXY,
    PROXY,
    PROXY_CONNECT,
    SDK_SETTINGS,
)

STEPS: Final = (Step.TCP, Step.TLS, Step.HTTP, Step.API)
"""The hops of a lane in order from this host."""


class Progress(StrEnum):
    """The progress of a check."""

    WAITING = "waiting"
    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One step of a run for one subject: planned, running or finished."""

    subject: Subject
    progress: Progress = Progress.WAITING
    observation: Observation[Any] | None = None
    is_old: bool = False
    """Whether it is a result of the previous run that the current run has not replaced yet."""

    @property
    def reason(self) -> str | None:
        """Why it was skipped; None if it was not."""
        outcome = None if self.observation is None else self.observation.outcome
        return outcome.reason if isinstance(outcome, Skipped) else None


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the drawing: a check, or several that belong together."""

    key: str
    label: str
    progress: Progress
    texts: tuple[str, ...]
    """The result in words: first in full, then in ever shorter forms."""
    checks: tuple[str, ...]
    """Ids of its checks."""
    is_neutral: bool = False
    """Whether the result is neither good nor bad in itself."""
    weight: Weight | None = None
    """How the failure or wrong answer of the cell counts. None until the run is judged, and for a cell that has
    neither."""
    why: str = ""
    """Why it does not count, in words; empty if it does."""
    findings: tuple[str, ...] = ()
    """Ids of the findings that rest on its failure or wrong answer, the deciding one first."""
    is_old: bool = False
    """Whether a part of it is a result of the previous run, while the current run goes on."""


@dataclass(frozen=True, slots=True)
class Lane:
    """The path to one port of one address."""

    key: str
    address: Address
    port: int
    purpose: str
    """What the port is for; empty if the service is unknown."""
    where: str | None
    """The availability zone of the address; `public` for a public address without a zone."""
    own: bool
    """Whether this host's own lookup gave the address; only then does the lane count. True while this is unknown."""
    cells: tuple[Cell | None, ...]
    """The cells in the order of STEPS; None for a step that the port does not have."""
    extras: tuple[Cell, ...]
    """Further checks to show: those that failed, and those that were made because a step failed."""
    progress: Progress
    weight: Weight | None = None
    """The worst weight of its cells."""
    is_old: bool = False
    """Whether some of its cells are results of the previous run."""


@dataclass(frozen=True, slots=True)
class Band:
    """A target, a service at a host, with its name servers and lanes."""

    key: str
    target: str
    service: str
    host: str
    text: str
    """Its status, path and role, as far as known."""
    status: Status | None
    """Its status; None until the run is judged."""
    names: tuple[Cell, ...]
    lanes: tuple[Lane, ...]
    counts: bool
    """Whether its status raises the verdict."""
    unchecked: str | None
    """The reason why no address is checked, or not yet; there are no lanes in that case."""
    is_folded: bool = False
    """Whether one line stands for the whole band."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The whole path as a picture."""

    host: tuple[Cell, ...]
    """Checks of this host itself."""
    bands: tuple[Band, ...]


_LABELS: Final = {
    (Step.DNS, GETADDRINFO): "this host",
    (Step.HOST, PROXY): "proxy",
    (Step.HTTP, PROXY_CONNECT): "through the proxy",
    (Step.IMDS, None): "metadata",
    (Step.CREDENTIALS, None): "credentials",
    (Step.IMDS, CONTAINER): "container credentials",
    (Step.IMDS, INSTANCE_ROLE): "the instance's role",
    (Step.HOST, METADATA_PROXY): "proxy before metadata",
    (Step.HOST, ALLOWANCES): "allowances",
}
_SETTINGS: Final = (None, SDK_SETTINGS)
"""Operations of the two steps that read the settings of this host and of its SDK."""
_ORDER: Final = tuple(_LABELS)
_ALWAYS: Final = frozenset({(Step.IMDS, None), (Step.CREDENTIALS, None)})
"""Checks that are shown whatever their result."""
_SHORTER: Final = {"access-denied": "DENIED"}
"""Short forms of common failures that do not fit into a narrow column."""
_WORST: Final = (Progress.FAILED, Progress.RUNNING, Progress.WAITING, Progress.SKIPPED, Progress.OK)
"""Values of progress in order of precedence: the progress of several checks together is the first of these that one of
them has."""
_ROLES: Final = {
    Role.REQUIRED: "",
    Role.OPTIONAL: "not counted: not asked for",
    Role.CONTEXT: "for comparison, not counted",
}


def check_of(observation: Observation[Any]) -> Check:
    """The finished check of an observation."""
    if observation.ok:
        progress = Progress.OK
    else:
        progress = Progress.FAILED if observation.failure is not None else Progress.SKIPPED
    return Check(observation.subject, progress, observation)


def checks_in(observations: Iterable[Observation[Any]]) -> dict[str, Check]:
    """The finished checks of a report, by id."""
    return {observation.id: check_of(observation) for observation in observations}


def picture(
    checks: Mapping[str, Check],
    targets: Iterable[Target | TargetReport],
    report: Report | None,
    *,
    is_judged: bool,
) -> Picture:
    """Return the path as the checks show it. `checks` has the checks by id. `report` is the latest finished report: it
    gives values that do not change from run to run, such as zones. It gives the status of a target only if it is the
    report of these checks (`is_judged`).
    """
    by_target: dict[str | None, list[Check]] = {}
    for check in checks.values():
        by_target.setdefault(check.subject.target, []).append(check)
    reported = {} if report is None else {target.id: target for target in report.targets}
    bands = [
        _band(target, by_target.get(target.id, []), reported.get(target.id), is_judged=is_judged) for target in targets
    ]
    drawn = Picture(host=_host(by_target.get(None, [])), bands=tuple(bands))
    return drawn if report is None or not is_judged else _weighed(drawn, standings(report))


def _weighed(drawn: Picture, standing: Mapping[str, Standing]) -> Picture:
    """Return the picture with the weight of each failure and wrong answer."""

    def weighed(cell: Cell) -> Cell:
        failed = [standing[name] for name in cell.checks if name in standing]
        weight = heaviest(known.weight for known in failed)
        if weight is None:
            return cell
        decisive = [known for known in failed if known.weight is weight]
        ids = dict.fromkeys(name for known in (*decisive, *failed) for name in known.findings)
        texts = cell.texts if cell.progress is Progress.FAILED else _wrong_texts(cell, failed)
        return replace(cell, weight=weight, why=decisive[0].why, findings=tuple(ids), texts=texts)

    def lane_weighed(lane: Lane) -> Lane:
        if lane.progress is not Progress.FAILED and not lane.extras:
            return lane
        cells = tuple(None if cell is None else weighed(cell) for cell in lane.cells)
        weight = heaviest(cell.weight for cell in cells if cell is not None and cell.weight is not None)
        return replace(lane, cells=cells, extras=tuple(map(weighed, lane.extras)), weight=weight)

    return Picture(
        host=tuple(map(weighed, drawn.host)),
        bands=tuple(
            replace(band, names=tuple(map(weighed, band.names)), lanes=tuple(map(lane_weighed, band.lanes)))
            for band in drawn.bands
        ),
    )


def _wrong_texts(cell: Cell, known: Sequence[Standing]) -> tuple[str, ...]:
    """Return `1 public 44 ms` in place of `ok 1 found 44 ms`, `1 of 3 public` if the other two are right, and shorter
    forms."""
    count, fault = sum(len(one.wrong) for one in known), known[0].fault
    full = cell.texts[0].removeprefix("ok ")
    every, _, took = full.partition(" found")
    short = f"{count} {fault}"
    return tuple(dict.fromkeys((f"{short if every == str(count) else f'{count} of {every} {fault}'}{took}", short)))


def _host(checks: list[Check]) -> tuple[Cell, ...]:
    settings = [check for check in checks if check.subject.step is Step.HOST and check.subject.operation in _SETTINGS]
    reads = [check for check in checks if check.subject.step is Step.EC2]
    rest = [check for check in _in_order(checks) if check not in settings and check not in reads]
    cells = [_cell(check) for check in rest if _is_shown(check)]
    if settings:
        cells.insert(0, _joined("settings", "settings", settings, _worst_text))
    if reads:
        index = next((number for number, cell in enumerate(cells) if cell.key == Step.CREDENTIALS), len(cells) - 1) + 1
        cells.insert(index, _joined(str(Step.EC2), "EC2 reads", reads, _read_count))
    return tuple(cells)


def _in_order(checks: Iterable[Check]) -> list[Check]:
    def place(check: Check) -> tuple[int, str]:
        kind = (check.subject.step, check.subject.operation)
        return _ORDER.index(kind) if kind in _ORDER else len(_ORDER), check.subject.id

    return sorted(checks, key=place)


def _label(subject: Subject) -> str:
    known = _LABELS.get((subject.step, subject.operation))
    return known or (subject.operation or subject.step.upper()).replace("-", " ")


def _band(target: Target | TargetReport, checks: list[Check], known: TargetReport | None, *, is_judged: bool) -> Band:
    unchecked = _unchecked(target, checks, known)
    judged = known if is_judged else None
    return Band(
        key=f"target/{target.id}",
        target=target.id,
        service=target.service,
        host=target.host,
        text=_target_text(target, judged, known if any(check.is_old for check in checks) else None),
        status=None if judged is None else judged.status,
        names=_names(checks),
        counts=target.role is Role.REQUIRED,
        lanes=() if unchecked is not None else _lanes(target, checks, known),
        unchecked=unchecked,
    )


def _target_text(target: Target | TargetReport, judged: TargetReport | None, last: TargetReport | None) -> str:
    """The verdict on a target. Until this run has a verdict, that of the previous run is shown if its results are
    shown, too."""
    parts = [] if judged is None else [judged.status.upper(), f"path {judged.path}"]
    if judged is None and last is not None:
        parts = [f"last {last.status.upper()}"]
    return ", ".join(filter(None, (*parts, _ROLES[target.role])))


def _unchecked(target: Target | TargetReport, checks: Iterable[Check], known: TargetReport | None) -> str | None:
    """Return why no address of a target is checked (yet); None if an address was or will be checked."""
    at_addresses = [check for check in checks if check.subject.address is not None]
    reasons = {check.reason for check in at_addresses}
    if len(reasons) == 1 and None not in reasons:
        return f"not checked: {reasons.pop()}"
    is_waiting = all(check.progress in (Progress.WAITING, Progress.SKIPPED) for check in at_addresses)
    if not at_addresses or not is_waiting or target.role is Role.REQUIRED:
        return None
    if known is not None and known.status is not Status.NOT_IN_USE:
        return None  # the lanes of the last report keep their places
    return "waiting: its addresses are checked if this host uses it"


def _names(checks: Iterable[Check]) -> tuple[Cell, ...]:
    """The lookups of the name: this host's own first, then the name servers; then other checks without an address."""
    asked: dict[Address, list[Check]] = {}
    others: list[Check] = []
    for check in checks:
        subject = check.subject
        if subject.resolver is not None:
            asked.setdefault(subject.resolver, []).append(check)
        elif subject.address is None:
            others.append(check)
    ordered = _in_order(others)
    own = [check for check in ordered if check.subject.operation == GETADDRINFO]
    rest = [check for check in ordered if check.subject.operation != GETADDRINFO]
    servers = [
        _server(resolver, same) for resolver, same in sorted(asked.items(), key=lambda item: _address_order(item[0]))
    ]
    return (*map(_cell, own), *servers, *map(_cell, filter(_is_shown, rest)))


def _server(resolver: Address, asked: list[Check]) -> Cell:
    """Return the cell of a name server's answer. An answer without addresses is neither good nor bad in itself."""
    key = "/".join(filter(None, (str(Step.DNS), asked[0].subject.target, str(resolver))))
    cell = _joined(key, str(resolver), asked, _answers)
    seen = [check.observation for check in asked if check.observation is not None]
    is_empty = cell.progress is Progress.OK and not any(map(addresses_of, seen))
    return replace(cell, is_neutral=is_empty)


def _lanes(target: Target | TargetReport, checks: Iterable[Check], reported: TargetReport | None) -> tuple[Lane, ...]:
    at: dict[Address, dict[int, list[Check]]] = {}
    for check in checks:
        subject = check.subject
        if subject.address is not None and subject.port is not None:
            at.setdefault(subject.address, {}).setdefault(subject.port, []).append(check)
    known = {} if reported is None else {address.address: address for address in reported.addresses}

    def order_of_address(address: Address) -> tuple[object, ...]:
        return (not _is_own(known, address), *_address_order(address))

    def order_of_port(port: int) -> tuple[int, int]:
        return (target.ports.index(port) if port in target.ports else len(target.ports), port)

    purposes = {port.number: port.role for port in SERVICES[target.service].ports} if target.service in SERVICES else {}
    lanes: list[Lane] = []
    for address in sorted(at, key=order_of_address):
        ports, key = at[address], f"lane/{target.id}/{address}"
        where, own = _where(known[address]) if address in known else None, _is_own(known, address)
        for port in sorted(ports, key=order_of_port):
            same = ports[port]
            steps = {check.subject.step: check for check in same if check.subject.operation is None}
            extras = [check for check in same if check.subject.operation is not None and _is_shown(check)]
            lanes.append(
                Lane(
                    key=f"{key}/{port}",
                    address=address,
                    port=port,
                    purpose=purposes.get(port, ""),
                    where=where,
                    own=own,
                    cells=tuple(_cell(steps[step]) if step in steps else None for step in STEPS),
                    extras=tuple(map(_cell, _in_order(extras))),
                    progress=_worst(steps.values()),
                    is_old=any(check.is_old for check in steps.values()),
                )
            )
    return tuple(lanes)


_WITHOUT_ZONE: Final = frozenset({AddressScope.PUBLIC, AddressScope.GATEWAY_ENDPOINT})
"""Scopes of addresses that are in no zone of a VPC."""


def _where(address: TargetAddress) -> str | None:
    scope = address.scope.value if address.scope in _WITHOUT_ZONE else None
    return address.availability_zone_id or address.availability_zone or scope


def _is_own(known: Mapping[Address, TargetAddress], address: Address) -> bool:
    return address not in known or bool(known[address].from_own_lookup)


def _is_shown(check: Check) -> bool:
    """Whether a check outside of STEPS is shown. Most such checks are made in every run and are ok. A hidden check is
    shown only in the details of the item to which it belongs."""
    step, observation = check.subject.step, check.observation
    if check.progress is Progress.FAILED or (step, check.subject.operation) in _ALWAYS:
        return True
    match None if observation is None else observation.facts:
        case ProxyFacts(proxy=proxy):
            return proxy is not None
        case AllowanceFacts(exceeded=exceeded):
            return bool(exceeded)
    # Further handshakes are made if the TLS step failed.
    return check.progress is not Progress.SKIPPED and (step is Step.TLS or check.subject.operation == PROXY_CONNECT)


def _address_order(address: Address) -> tuple[int, int, str]:
    return address.version, int(address), str(address)


def _worst(checks: Iterable[Check]) -> Progress:
    present = {check.progress for check in checks}
    return next((progress for progress in _WORST if progress in present), Progress.WAITING)


def _cell(check: Check) -> Cell:
    observation = check.observation
    is_proxy = observation is not None and isinstance(observation.facts, ProxyFacts)
    is_neutral = check.progress is Progress.OK and is_proxy
    return Cell(
        check.subject.id,
        _label(check.subject),
        check.progress,
        _texts(check),
        (check.subject.id,),
        is_neutral,
        is_old=check.is_old,
    )


def _joined(
    key: str, label: str, checks: list[Check], texts: Callable[[list[Check], Progress], tuple[str, ...]]
) -> Cell:
    """One cell for checks that belong together."""
    checks = sorted(checks, key=lambda check: check.subject.id)
    worst = _worst(checks)
    names = tuple(check.subject.id for check in checks)
    return Cell(key, label, worst, texts(checks, worst), names, is_old=any(check.is_old for check in checks))


def _worst_text(checks: list[Check], worst: Progress) -> tuple[str, ...]:
    """The text of the first of the worst checks."""
    return _texts(next(check for check in checks if check.progress is worst))


def _texts(check: Check) -> tuple[str, ...]:
    """Return `ok 2.0 ms`, `TIMEOUT 3.0 s` or `skipped`, and shorter and shorter forms."""
    observation = check.observation
    if observation is None or check.progress is Progress.SKIPPED:
        return (str(check.progress),)
    took = "" if observation.seconds is None else f" {duration(observation.seconds)}"
    if observation.failure is not None:
        kind = str(observation.failure.kind)
        short = kind.removeprefix("tls-").upper()
        return tuple(dict.fromkeys((f"{short}{took}", short, _SHORTER.get(kind, "FAILED"))))
    match observation.facts:
        case LookupFacts(addresses=addresses) | DnsFacts(addresses=addresses):
            return _address_count(len(addresses), took)
        case ProxyFacts(proxy=proxy):
            return (f"in use {proxy}", "in use") if proxy else ("none",)
    return f"ok{took}", "ok"


def _address_count(count: int, took: str) -> tuple[str, ...]:
    if not count:
        return f"none found{took}", "none found", "none"
    return f"ok {count} found{took}", f"ok {count} found", f"ok {count}"


def _answers(checks: list[Check], worst: Progress) -> tuple[str, ...]:
    """Return the answers of one name server to the queries for A and AAAA."""
    bad = next((check for check in checks if check.progress is worst and worst is not Progress.OK), None)
    if bad is not None:
        return _texts(bad)
    observations = [check.observation for check in checks if check.observation is not None]
    count = sum(map(len, map(addresses_of, observations)))
    slowest = max((answer.seconds for answer in observations if answer.seconds is not None), default=None)
    return _address_count(count, "" if slowest is None else f" {duration(slowest)}")


def _read_count(checks: list[Check], worst: Progress) -> tuple[str, ...]:
    """Return the number of reads that are ok."""
    ok = sum(check.progress is Progress.OK for check in checks)
    if worst is Progress.FAILED:
        kinds = {
            str(check.observation.failure.kind) for check in checks if check.observation and check.observation.failure
        }
        return (
            f"{' '.join(sorted(kinds)).upper()}, {ok} of {len(checks)} ok",
            f"FAILED, {ok} of {len(checks)}",
            "FAILED",
        )
    if worst is Progress.OK:
        return f"ok {ok} of {len(checks)}", "ok"
    if worst is Progress.SKIPPED and ok:
        return f"{ok} of {len(checks)}, the rest skipped", f"{ok} of {len(checks)}"
    return (str(worst),)
