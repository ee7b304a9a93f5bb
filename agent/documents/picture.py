"""The path as a picture: this host, the name servers that it asked, and the result at every address and port, with the
prediction from the configuration. It is SVG of a given width, drawn from the report alone. What does not fit into a
picture is only counted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final
from xml.etree.ElementTree import Element

from agent.catalog.findings import Layer, Severity
from agent.catalog.wording import counted
from agent.documents.canvas import PAD, SMALL, cut, framed
from agent.documents.configured_path import (
    MEASURED,
    OUTCOMES,
    STAGES,
    decides,
    ended,
    is_inside_subnet,
    is_well,
    likeness,
    port_ranges,
    read_at,
    specific,
    way,
)
from agent.documents.elements import element
from agent.documents.flow import GAP, Box, Flow
from agent.report.counting import Weight, counts, heaviest
from agent.report.hops import Hop, Reachability, Stage
from agent.report.model import ConfiguredPath, Report, Status, TargetReport
from agent.report.path import STEPS, Band, Cell, Lane, Progress, checks_in
from agent.report.path import picture as path_of
from agent.report.words import (
    below_summary,
    bounded,
    causes,
    connected,
    folded,
    in_use,
    state,
    unfolded,
    vantage,
)
from probes.model import Address, FailureKind, Step

MAX_TARGETS: Final = 8
MAX_ADDRESSES: Final = 6
MAX_NAMES: Final = 8
MAX_GROUPS: Final = 6
"""Maximum number of groups of each kind that are drawn, failed groups first. Further groups are only counted."""
_PORTS: Final = 96
"""Width of the column of ports in a wide picture."""

WEIGHTS: Final = {
    Weight.CRITICAL: "critical",
    Weight.WARNING: "warning",
    Weight.UNPROVEN: "unknown",
    Weight.NOT_COUNTED: "uncounted",
}
_OUTCOMES: Final = {
    Reachability.OPEN: "ok",
    Reachability.DOUBTFUL: "warning",
    Reachability.CANNOT_TELL: "unknown",
}
_STATUSES: Final = {
    Status.OK: "ok",
    Status.WARNING: "warning",
    Status.CRITICAL: "critical",
    Status.UNKNOWN: "unknown",
    Status.NOT_IN_USE: "skipped",
}
_SEVERITIES: Final = {Severity.CRITICAL: "critical", Severity.WARNING: "warning", Severity.INFO: "unknown"}
_SHORT: Final = 72
"""Width of a step's box in the short path: `skipped`."""
_STEP_WIDTH: Final = 116
"""Maximum width of a step's box: `TIMEOUT 3.0 s`."""
_ENDS: Final = (Step.HTTP, Step.API)
"""Steps that prove that the service was reached."""
_STEPS: Final = {Step.TCP: "TCP", Step.TLS: "TLS", Step.HTTP: "HTTP", Step.API: "API call"}


class _Drawing(Flow):
    """The parts of a path."""

    def __init__(self, report: Report, width: int) -> None:
        super().__init__(width)
        self.report = report
        self.by_id = {finding.id: finding for finding in report.findings}
        self.findings = [(finding, frozenset(finding.evidence)) for finding in report.findings]

    # --- Parts of the path ---

    def head(self) -> None:
        """Draw the verdict, for a picture that stands alone."""
        verdict = self.report.verdict
        kind = _STATUSES[verdict.status]
        self.y += 4
        self.line(f"{verdict.status.upper()}: {bounded(verdict.summary)}", PAD, "strong", kind)
        if self.report.observations:
            for line in below_summary(self.report):
                self.line(line, PAD, "muted")
        self.y += 6

    def foot(self) -> None:
        """Draw the time and place of the run."""
        self.y += 4
        self.line(vantage(self.report), PAD, "small muted")
        self.y += 4

    def host(self, cells: Sequence[Cell]) -> None:
        outer, self.parts, begin = self.parts, [], self.y
        seen = self.report.vantage
        where = [
            seen.instance_id,
            *map(str, seen.source_addresses),
            seen.availability_zone_id or seen.availability_zone,
        ]
        self.y += 6
        self.line("  ".join(["This host", *filter(None, where)]), PAD, "strong")
        network = [name for name in (seen.subnet_id, seen.vpc_id) if name]
        if network:
            self.line("in " + ", ".join(network), PAD, "small muted")
        self.words.append(f"This host {' '.join(filter(None, where))}.")
        if cells:
            self.y += 4
            self.flow([_cell_box(cell) for cell in cells], PAD, is_chain=False)
            self.say("On this host", cells)
            self.named(cells, Layer.HOST)
        self.y += 8
        self.panel(begin, outer)

    def trunk(self, words: str = "") -> None:
        """Draw the connection from a part to the next part."""
        line = f"M{PAD * 2} {self.y}v13m-3.5 -4l3.5 4 3.5 -4"
        self.parts.append(element("path", {"class": "link", "d": line}))
        if words:
            self.text(PAD * 2 + 10, self.y + 10, cut(words, int((self.width - 30) / SMALL)), "small muted")
        self.y += 14

    def say(self, where: str, cells: Iterable[Cell]) -> None:
        shown = [f"{cell.label} {cell.texts[0]}" for cell in cells]
        if shown:
            self.words.append(f"{where}: {', '.join(shown)}.")

    def uncounted(self, cells: Iterable[Cell], x: float = PAD) -> None:
        """Draw why failures do not count. Each reason is drawn once."""
        for why in dict.fromkeys(cell.why for cell in cells if cell.weight is Weight.NOT_COUNTED):
            self.line(f"not counted: {why}", x, "small muted")
            self.words.append(f"Not counted: {why}.")

    def named(self, cells: Iterable[Cell], layer: Layer | None = None, x: float = PAD) -> None:
        """Draw the findings that a failed check shows, and the findings of `layer` that any of the checks shows."""
        every = list(cells)
        checks = {check for cell in every for check in cell.checks}
        failed = {check for cell in every if cell.progress is Progress.FAILED for check in cell.checks}
        shown = {
            finding.code: finding
            for finding, evidence in self.findings
            if evidence & failed or (layer is not None and finding.code.startswith(layer) and evidence & checks)
        }
        if shown:
            self.y += 3
        for finding in list(shown.values())[:MAX_GROUPS]:
            aside = "" if finding.severity is Severity.INFO or counts(finding, self.by_id) else " (not counted)"
            words = f"{finding.code}: {finding.headline}{aside}"
            self.line(words, x, "small", _SEVERITIES[finding.severity] if not aside else "uncounted")
            self.words.append(f"{words}.")
        self.uncounted(every, x)

    def band(self, band: Band, target: TargetReport) -> None:
        outer, self.parts, begin = self.parts, [], self.y
        is_aside = not target.required and target.status is not Status.OK
        kind = "uncounted" if is_aside else _STATUSES[target.status]
        self.y += 6
        self.line(f"{target.service}  {target.host}", PAD, "strong")
        self.line(state(target), PAD, "", kind)
        self.words.append(f"{target.service} at {target.host}: {state(target)}.")
        names = sorted(band.names, key=lambda cell: cell.progress is not Progress.FAILED)
        shown = [cell for cell in band.names if cell in names[:MAX_NAMES]]
        if shown:
            self.y += 4
            self.line("asked for the name" + _left(len(names) - len(shown), "more"), PAD, "small muted")
            self.flow([_cell_box(cell) for cell in shown], PAD, is_chain=False)
            self.say("Asked for the name", shown)
            self.named(shown, Layer.NAME)
        if band.unchecked is not None:
            self.line(band.unchecked, PAD, "muted")
        paths = [path for path in self.report.paths if path.target == target.id]
        self.addresses(band, target, paths)
        self.y += 8
        self.panel(begin, outer)

    def addresses(self, band: Band, target: TargetReport, paths: list[ConfiguredPath]) -> None:
        lanes: dict[Address, list[Lane]] = {}
        for lane in band.lanes:
            lanes.setdefault(lane.address, []).append(lane)
        worst = sorted(lanes, key=lambda address: all(lane.progress is not Progress.FAILED for lane in lanes[address]))
        shown = [address for address in lanes if address in worst[:MAX_ADDRESSES]]
        known = {address.address: address for address in target.addresses}
        for address in shown:
            self.y += 8
            first = lanes[address][0]
            where = [first.where, known[address].endpoint_id if address in known else None]
            line = "  ".join(filter(None, (str(address), *where, "" if first.own else "(not used by this host)")))
            self.line(line, PAD, "strong")
            self.words.append(f"Address {line}.")
            at = [path for path in paths if path.address == address]
            groups = _alike(lanes[address], at)
            chains: dict[tuple[object, ...], list[tuple[list[Lane], list[ConfiguredPath]]]] = {}
            for lanes_alike, block in groups[:MAX_GROUPS]:
                chains.setdefault(_chain(block), []).append((lanes_alike, block))
            for parts in chains.values():
                if parts[0][1]:
                    weight = heaviest(lane.weight for same, _ in parts for lane in same if lane.weight is not None)
                    self.configured([block for _, block in parts], target, weight)
                for lanes_alike, _ in parts:
                    self.lane(lanes_alike, target)
            if len(groups) > MAX_GROUPS:
                self.line(f"and {counted(len(groups) - MAX_GROUPS, 'more kind')} of ports", PAD, "small muted")
        left = [address for address in lanes if address not in shown]
        if left:
            failed = sum(any(lane.progress is Progress.FAILED for lane in lanes[address]) for address in left)
            self.y += 6
            rest = f"and {counted(len(left), 'more address', 'more addresses')}, of which {failed or 'none'} failed"
            self.line(rest, PAD, "muted")
            self.words.append(f"{rest}.")
        if paths and shown:
            self.y += 2
            self.line(f"configuration: {read_at(paths, self.report)}", PAD, "small muted")

    def lane(self, lanes: list[Lane], target: TargetReport) -> None:
        """Draw the ports of an address that have the same measurement and the same prediction."""
        ports = port_ranges((lane.port for lane in lanes), target)
        first = lanes[0]
        purpose = first.purpose if len(lanes) == 1 else ""
        self.y += 5
        start: float = PAD
        if self.is_wide:
            top = self.y
            self.text(PAD, top + 14, cut(ports, 16), "strong")
            if purpose:
                self.text(PAD, top + 27, cut(purpose, 17), "small muted")
            start += _PORTS
        else:
            self.line(f"port {ports}" + (f"  {purpose}" if purpose else ""), PAD, "strong")
        cells = [(step, cell) for step, cell in zip(STEPS, first.cells, strict=True) if cell is not None]
        room = self.width - start - PAD
        width = min((int(room) - (len(STEPS) - 1) * GAP) // len(STEPS), _STEP_WIDTH)
        ends = [_service_box(target.service, cells)] if any(step in _ENDS for step, _ in cells) else []
        if ends and self.is_wide:
            in_one_row = (int(room) - ends[0].natural_width()) // len(cells) - GAP
            width = min(width, in_one_row) if in_one_row >= _SHORT else width
        boxes = [_step_box(_STEPS[step], cell, width, is_one=len(lanes) == 1) for step, cell in cells] + ends
        self.flow(boxes, start, is_chain=True)
        self.say(f"Port {ports}", [cell for _, cell in cells])
        if first.extras:
            self.y += 4
            self.flow([_cell_box(cell) for cell in first.extras], start, is_chain=False)
            self.say("Checked as well", first.extras)
        self.named((cell for lane in lanes for cell in (*lane.cells, *lane.extras) if cell is not None), x=start)

    def configured(self, blocks: list[list[ConfiguredPath]], target: TargetReport, weight: Weight | None) -> None:
        """Draw the configured path of ports whose packets pass the same hops. The words differ from block to block.
        `weight` says how failures at these ports count. It is None if there are no failures."""
        outcomes = _OUTCOMES | {Reachability.BLOCKED: "unknown" if weight is None else WEIGHTS[weight]}
        every = [path for block in blocks for path in block]
        path, ports = every[0], port_ranges((path.port for path in every), target)
        kind = outcomes[Reachability.BLOCKED if path.agrees is False else path.predicted]
        self.y += 5
        self.line(f"by configuration, {ports}: {ended(path)}", PAD, "small", kind)
        self.words.append(f"By configuration, port {ports}: {ended(path)}.")
        self.y += 2
        hops = [(hop, _rule(hop, place, every)) for place, hop in enumerate(path.hops)]
        boxes = [_hop_box(hop, rule, outcomes[hop.outcome], is_short=is_well(path)) for hop, rule in hops]
        if is_inside_subnet(path):
            inside = Box(kind="ok", label="same subnet", texts=() if is_well(path) else ("no ACL, no route",))
            boxes.insert(1, inside)
        self.flow(boxes, PAD, is_chain=True)
        self.y += 3
        if is_well(path):
            self.words.append(f"{way(path)}.")
            return
        for place, (hop, rule) in enumerate(hops):
            self.words.append(f"{STAGES[hop.stage]} {OUTCOMES[hop.outcome]} {rule}.")
            reasons = [specific(block[0].hops[place].words, block) for block in blocks]
            for reason in dict.fromkeys(reasons) if hop.outcome is not Reachability.OPEN else ():
                words = f"{STAGES[hop.stage]}: {bounded(reason)}"
                self.line(words, PAD, "small", outcomes[hop.outcome])
                self.words.append(f"{words}.")
            if hop.stage is path.parted_at:
                self.remark(f"here measurement and configuration differ: {MEASURED[path.measured]}")
        for words in dict.fromkeys(specific(unseen, block) for block in blocks for unseen in block[0].unseen):
            self.remark(f"cannot be seen from here: {bounded(words)}")
        if path.agrees is False and path.parted_at is None:
            self.remark(f"every hop lets it pass, yet it is {MEASURED[path.measured]}; it is not known where it stops")

    def remark(self, words: str) -> None:
        self.line(words, PAD, "small", "unknown")
        self.words.append(f"{words}.")

    def rest(self, targets: Sequence[TargetReport]) -> None:
        """Draw the services that need no closer look."""
        outer, self.parts, begin = self.parts, [], self.y
        self.y += 6
        self.line("Services that answer", PAD, "strong")
        self.y += 2
        boxes = []
        for target in targets:
            count, _ = connected(target, self.report)
            words = counted(count, "address", "addresses")
            box = Box(kind="ok", label=target.service, texts=(words,), title=target.host, width=130)
            boxes.append(box)
        self.flow(boxes, PAD, is_chain=False)
        self.words.append(f"Services that answer: {', '.join(target.service for target in targets)}.")
        self.y += 8
        self.panel(begin, outer)


def picture(report: Report, width: int, name: str, *, stands_alone: bool = False) -> Element:
    """Return the path in an `svg` element of this width. `name` is the prefix of all ids in it, so that a page can have
    two pictures. A picture that stands alone also shows the verdict."""
    drawing = _Drawing(report, width)
    if stands_alone:
        drawing.head()
    if report.observations:
        _path(drawing, report)
    if stands_alone and report.observations:
        drawing.foot()
    title = f"{report.verdict.status.upper()}: {report.verdict.summary}" if stands_alone else "The path"
    return framed(drawing, title, name, stands_alone=stands_alone)


def told_in_short(report: Report) -> TargetReport | None:
    """Return the target of the short path. This is the target of the first cause, or else the first required target
    that is not well, or else the first target in use. None if there is no such target."""
    named = [finding.target for finding in causes(report)]
    used = in_use(report)
    wanted = [
        *(target for name in named for target in report.targets if target.id == name),
        *(target for target in used if target.required and target.status is not Status.OK),
        *used,
    ]
    return wanted[0] if wanted else None


def in_short(report: Report, width: int, name: str) -> Element | None:
    """Return one line of boxes: this host, the name, each step over all addresses and ports, and the service."""
    target = told_in_short(report)
    if target is None:
        return None
    drawing = _Drawing(report, width)
    drawn = path_of(checks_in(report.observations), [target], report, is_judged=True)
    boxes = [_step_of_all("this host", list(drawn.host)), _step_of_all("name", list(drawn.bands[0].names))]
    lanes = [lane for lane in drawn.bands[0].lanes if lane.own]
    for place, step in enumerate(STEPS):
        cells = [cell for lane in lanes if (cell := lane.cells[place]) is not None]
        if cells:
            boxes.append(_step_of_all(_STEPS[step], cells))
    if not drawing.is_wide:  # on a narrow page, boxes after a failure would only take room
        boxes = [box for box in boxes if box.texts != ("skipped",)]
    boxes.append(_end_of_all(target.service, lanes))
    if sum(box.natural_width() + GAP for box in boxes) - GAP > width - PAD:  # in one row, if narrow boxes allow it
        boxes = [replace(box, width=None) for box in boxes]
    drawing.y += 2
    drawing.flow(boxes, 0, is_chain=True)
    drawing.words += [f"{box.label}: {box.texts[0]}." for box in boxes]
    drawing.y += 4
    return framed(drawing, f"The path to {target.id} in short", name, stands_alone=False)


def _step_of_all(label: str, cells: list[Cell]) -> Box:
    """Return the box of a step over all addresses and ports, with the worst result that counts."""
    bad = [cell for cell in cells if cell.weight not in (None, Weight.NOT_COUNTED)]
    if not bad:
        is_ok = any(cell.progress is Progress.OK for cell in cells)
        return Box(kind="ok" if is_ok else "skipped", label=label, texts=("ok" if is_ok else "skipped",), width=_SHORT)
    weight = heaviest(cell.weight for cell in bad if cell.weight is not None)
    first = next(cell for cell in bad if cell.weight is weight)
    # The time is left out, since it is the time of only one check.
    words = [text for text in first.texts[1:] if text != "FAILED"]
    word = words[-1] if words else first.texts[0]
    texts = (f"{word}, {len(bad)} of {len(cells)}", word) if 1 < len(cells) != len(bad) else (word,)
    kind = "unknown" if weight is None else WEIGHTS[weight]
    title = f"{label}: {first.texts[0]}, at {len(bad)} of {len(cells)}"
    return Box(kind=kind, label=label, texts=texts, title=title, is_end=len(bad) == len(cells))


def _end_of_all(service: str, lanes: list[Lane]) -> Box:
    """Return the end of the path. Unless all lanes reach it, it has the number of lanes that do."""
    ends = []
    for lane in lanes:
        cells = [(step, cell) for step, cell in zip(STEPS, lane.cells, strict=True) if cell is not None]
        if any(step in _ENDS for step, _ in cells):
            ends.append(_service_box(service, cells))
    reached = [box for box in ends if box.kind == "ok"]
    if reached and len(reached) < len(ends):
        words = f"reached, {len(reached)} of {len(ends)}"
        return Box(kind="warning", label=service, texts=(words, "reached"), title=f"{service}: {words}")
    answered = [box for box in ends if box.kind != "skipped"]
    return (answered or ends or [_service_box(service, [])])[0]


def _path(drawing: _Drawing, report: Report) -> None:
    full, rest = unfolded(report), folded(report)
    shown = sorted(full, key=lambda target: target.status is Status.OK)[:MAX_TARGETS]
    drawn = path_of(checks_in(report.observations), [t for t in full if t in shown], report, is_judged=True)
    drawing.host(drawn.host)
    for band, target in zip(drawn.bands, [t for t in full if t in shown], strict=True):
        drawing.trunk()
        drawing.band(band, target)
    if rest:
        drawing.trunk()
        drawing.rest(rest[:25])
    if left := len(in_use(report)) - len(shown) - len(rest[:25]):
        drawing.y += 4
        drawing.line(f"and {counted(left, 'more service')}", PAD, "muted")


def _alike(lanes: list[Lane], paths: list[ConfiguredPath]) -> list[tuple[list[Lane], list[ConfiguredPath]]]:
    """Return groups of ports that have the same measurement and the same prediction, each with these predictions."""
    by_port = {path.port: path for path in paths}
    groups: dict[tuple[object, ...], tuple[list[Lane], list[ConfiguredPath]]] = {}
    for lane in lanes:
        path = by_port.get(lane.port)
        predicted: tuple[object, ...] = ()
        if path is not None:
            predicted = (ended(path), way(path)) if is_well(path) else likeness(path)
        measured = tuple(None if cell is None else _result(cell) for cell in lane.cells)
        extras = tuple((cell.label, _result(cell)) for cell in lane.extras)
        group = groups.setdefault((measured, extras, predicted), ([], []))
        group[0].append(lane)
        if path is not None:
            group[1].append(path)
    return list(groups.values())


def _chain(block: Sequence[ConfiguredPath]) -> tuple[object, ...]:
    """Return a key that is equal for paths whose hops are drawn once. It has everything except rules and words."""
    if not block:
        return ()
    path = block[0]
    hops = tuple(
        (hop.stage, tuple(resource for resource in hop.resources if resource != path.interface_id), hop.outcome)
        for hop in path.hops
    )
    return (path.predicted, path.measured, path.agrees, path.parted_at, is_well(path), hops)


def _result(cell: Cell) -> tuple[object, ...]:
    kind = cell.texts[0].split()[:1] if cell.progress is Progress.FAILED else ()
    return (cell.progress, cell.weight, cell.why, *kind)


def _step_box(label: str, cell: Cell, width: int, *, is_one: bool) -> Box:
    texts = cell.texts
    if not is_one:  # the time of one port says nothing about the others
        texts = tuple(text for text in texts if not any(char.isdigit() for char in text)) or texts[-1:]
    is_end = cell.progress is not Progress.OK
    title = _title(label, cell)
    return Box(kind=_kind(cell), label=label, texts=_results(texts), title=title, width=width, is_end=is_end)


def _cell_box(cell: Cell) -> Box:
    kind = "skipped" if cell.is_neutral else _kind(cell)
    return Box(kind=kind, label=cell.label, texts=_results(cell.texts), title=_title(cell.label, cell))


def _kind(cell: Cell) -> str:
    if cell.weight is not None:
        return WEIGHTS[cell.weight]
    return "ok" if cell.progress is Progress.OK else "skipped"


def _title(label: str, cell: Cell) -> str:
    return f"{label}: {cell.texts[0]}{f' (not counted: {cell.why})' if cell.weight is Weight.NOT_COUNTED else ''}"


def _results(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the results without the word that the mark already shows."""
    shown = []
    for text in texts:
        first, _, rest = text.partition(" ")
        shown.append(rest if first == "ok" and rest else text)
    return tuple(dict.fromkeys(shown))


def _service_box(service: str, cells: Sequence[tuple[Step, Cell]]) -> Box:
    """Return the end of the path. It counts as reached if every step up to HTTP succeeded. A service that refuses the
    signed call was reached, but did not give the wanted answer."""
    down = [cell for step, cell in cells if step is not Step.API]
    call = next((cell for step, cell in cells if step is Step.API and cell.progress is Progress.FAILED), None)
    if not down or not all(cell.progress is Progress.OK for cell in down):
        kind, words = "skipped", "not reached"
    elif call is None:
        kind, words = "ok", "reached"
    else:
        kind = "uncounted" if call.weight is Weight.NOT_COUNTED else "warning"
        is_refused = call.texts[0].startswith(FailureKind.ACCESS_DENIED.upper())
        words = "answered, refused" if is_refused else "answered, call failed"
    return Box(kind=kind, label=service, texts=(words, *words.split(", ")[1:]), title=f"{service}: {words}")


def _rule(hop: Hop, place: int, block: Sequence[ConfiguredPath]) -> str:
    rules = dict.fromkeys(specific(path.hops[place].rule, block) for path in block)
    return decides(hop, block[0], rules)


def _hop_box(hop: Hop, rule: str, kind: str, *, is_short: bool) -> Box:
    stage = STAGES[hop.stage]
    title = f"{stage}, {OUTCOMES[hop.outcome]}: {rule}" if rule else f"{stage}, {OUTCOMES[hop.outcome]}"
    if is_short:
        label = stage if hop.stage is not Stage.ENDPOINT else "endpoint"
        return Box(kind=kind, label=label, title=title, is_end=hop.outcome is Reachability.BLOCKED)
    ids, _, by = rule.partition(": ")
    word = OUTCOMES[hop.outcome] if hop.outcome is not Reachability.CANNOT_TELL else "cannot tell"
    if by and hop.outcome is not Reachability.OPEN:
        by = f"{word}: {by}"
    is_end = hop.outcome is Reachability.BLOCKED
    return Box(kind=kind, label=stage, texts=(ids or word,), more=by or word, title=title, is_end=is_end)


def _left(count: int, word: str) -> str:
    return f" ({count} {word} are not drawn)" if count else ""
