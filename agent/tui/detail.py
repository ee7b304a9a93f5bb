"""The item under the cursor in full: observations with their facts, a lane, a target, a finding with its runbook."""

import re
from itertools import zip_longest
from typing import Any

from agent.catalog.wording import counted, duration
from agent.report.counting import Standing, Weight
from agent.report.escape import visible
from agent.report.hops import Reachability
from agent.report.in_words import in_words
from agent.report.model import Command, ConfiguredPath, Finding, Measured, Report, TargetReport
from agent.report.path import Lane, Progress
from agent.report.serialization import to_json
from agent.report.words import before_target, shell
from agent.tui import timeline
from agent.tui.copying import kind_of, known_commands, known_lines
from agent.tui.lines import ASCII, Glyphs, Line, Span, Tone, wrapped
from agent.tui.network_path import THIS_HOST
from agent.tui.runbook_page import filled
from agent.tui.search import places, with_marks
from agent.tui.state import (
    CHANGED,
    LOG,
    MEASURED,
    WEIGHT_TONES,
    Phase,
    State,
    cells_of,
    checks_of,
    tone_of,
    under_cursor,
)
from agent.tui.watch_drawing import log
from probes.model import Failed, Observation, Skipped, Step

_STEPS = tuple(Step)
_ITEM = re.compile(r"(\d+\.|[-*]) ")
"""The start of a list item in Markdown."""
_URL_PART = re.compile(r"[^/?&#=.-]*[/?&#=.-]+|[^/?&#=.-]+")
"""A part of a URL, up to a sign after which a line may break."""


def title(state: State) -> str:
    """The heading of the detail."""
    key = under_cursor(state)
    kinds = {"finding": "Finding", "lane": "Lane", "target": "Target", "names": "Names"}
    if key is None:
        return "Detail"
    if key == LOG:
        return f"Log of {counted(state.memory.count, 'run')}"
    if key in (THIS_HOST, CHANGED):
        return "This host" if key == THIS_HOST else "Changed since the last run"
    if key.startswith(MEASURED):
        return f"What was measured for {key.removeprefix(MEASURED)}"
    kind, _, rest = key.partition("/")
    return f"{kinds[kind]} {rest}" if kind in kinds and rest else key


def detail(state: State, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Return everything that is known about the item under the cursor."""
    writer = _Writer(width, glyphs)
    writer.write(state)
    if not state.search:
        return tuple(writer.lines)
    return tuple(with_marks(writer.lines, places(writer.lines, state.search), state.place))


def until_command(finding: Finding, report: Report, width: int) -> tuple[Line, ...]:
    """Return the first lines of a finding's detail, to the end of its first command; nothing if it has no command."""
    writer = _Writer(width, ASCII)
    writer.until_command(finding, report)
    return tuple(writer.lines)


class _Writer:
    """Collects the lines of the detail."""

    def __init__(self, width: int, glyphs: Glyphs) -> None:
        self._width = max(width - 1, 20)
        self._glyphs = glyphs
        self.lines: list[Line] = []

    def write(self, state: State) -> None:
        key = under_cursor(state)
        if key is None:
            self._say("Nothing is under the cursor.", tone=Tone.FAINT)
            return
        report = state.report
        finding = None if report is None else _finding(report, key)
        lane = _lane(state, key)
        if report is not None and finding is not None:
            if state.is_whole:  # otherwise the list of causes shows it
                self._head(_headline(finding), tone_of(finding, report))
            self._finding(finding, report, is_page=state.is_whole)
        elif key == CHANGED and state.difference is not None:
            from agent.documents import difference, text  # not needed at start-up

            self._text(text.render(difference.document(state.difference)))
        elif key == CHANGED:
            self._say(state.incomparable or "")
        elif key == LOG:
            self.lines += log(state.memory.log, self._width + 1)
        elif lane is not None:
            self._lane(lane, state)
        elif key.startswith(MEASURED):
            self._measured(state, key.removeprefix(MEASURED))
        elif key.startswith("target/"):
            self._target(state, key.removeprefix("target/"))
        elif key.startswith("finding/"):
            self._say("The last run does not have this finding any more.", tone=Tone.FAINT)
        else:
            self._checks(state, key)

    # --- Findings ----------------------------------------------------------------------------------------------------

    def _finding(self, finding: Finding, report: Report, *, is_page: bool = True) -> None:
        """Write a finding. If the list of causes already shows the title, the fix comes first, since there may be only
        a few lines."""
        if is_page:
            self._what(finding)
            self._gap()
        self._to_do(finding, report)
        self._gap()
        if not is_page:
            self._what(finding)
        if finding.explained_by is not None:
            self._field("explained by", finding.explained_by)
        symptoms = [other.id for other in report.findings if other.explained_by == finding.id]
        if symptoms:
            self._field("explains", ", ".join(symptoms))
        self._field("evidence", ", ".join(finding.evidence))
        for document in finding.documents:
            self._field("see", document.title)
            self._url(document.url)
        self._gap()
        self._page(filled(finding, report))

    def _what(self, finding: Finding) -> None:
        self._say(finding.detail)
        if finding.suppressed:
            self._say("Suppressed: known, and not counted.", tone=Tone.FAINT)
        elif not finding.counts:
            self._say("Not counted: it raises no verdict, since nobody asked for this target.", tone=Tone.FAINT)

    def _to_do(self, finding: Finding, report: Report) -> None:
        self._lead("What to do", finding.fix.summary)
        commands = known_commands(finding, report)
        for command, following in zip_longest(commands, commands[1:]):
            self._command(command)
            if command.checked is False:
                self._say("unchecked: the configuration does not tell whether it opens the path", indent="    ")
            if command.undo is not None and (following is None or following.undo != command.undo):
                self._say(f"to take it back: {command.undo}", indent="    ", tone=Tone.FAINT)

        for line in known_lines(finding, report):
            self._field(f"line for {line.file}", line.line, tone=Tone.RUNNING)
            if line.undo is not None:
                self._say(f"to take it back: {line.undo}", indent="    ", tone=Tone.FAINT)

    def _command(self, command: Command) -> None:
        self._field(kind_of(command), shell(command), tone=Tone.RUNNING)

    def until_command(self, finding: Finding, report: Report) -> None:
        """Write the fix and the first command."""
        for command in known_commands(finding, report)[:1]:
            self._lead("What to do", finding.fix.summary)
            self._command(command)

    # --- The path ----------------------------------------------------------------------------------------------------

    def _measured(self, state: State, name: str) -> None:
        """Write all details of the observations on which a finding rests."""
        report = state.report
        finding = None if report is None else _finding(report, f"finding/{name}")
        known = [] if finding is None else [step for step in finding.evidence if step in state.checks]
        if finding is None or not known:
            self._say("This run measured nothing that shows this finding.", tone=Tone.FAINT)
            return
        self._head(_headline(finding), Tone.STRONG)
        self._gap()
        for step in known:
            self._check(state, step)

    def _checks(self, state: State, key: str) -> None:
        names = checks_of(state, key)
        if key == THIS_HOST:
            names = frozenset(name for name, check in state.checks.items() if check.subject.target is None)
        if key.startswith("names/"):
            target = key.removeprefix("names/")
            own = {name: check.subject for name, check in state.checks.items() if check.subject.target == target}
            names = frozenset(name for name, subject in own.items() if subject.address is None)
        known = [name for name in state.checks if name in (names or {key})]
        if not known:
            self._say("This run knows nothing about this item.", tone=Tone.FAINT)
        for name in sorted(known, key=lambda name: (_STEPS.index(state.checks[name].subject.step), name)):
            self._check(state, name)

    def _check(self, state: State, name: str) -> None:
        check = state.checks[name]
        observation = check.observation
        if check.is_old:
            self._head(f"{name}  {Progress.WAITING}", Tone.FAINT)
            self._last(state, name)
        elif observation is None:
            self._head(f"{name}  {check.progress}", Tone.RUNNING if check.progress is Progress.RUNNING else Tone.FAINT)
            self._last(state, name)
        else:
            standing = state.standing.get(name) if state.phase is Phase.FINISHED else None
            self._in_words(observation, standing)
            self._citing(state, name)
            self._observation(observation, standing)
        self._gap()

    def _in_words(self, seen: Observation[Any], standing: Standing | None) -> None:
        """Write the result of a step in plain words, and the reason if the step does not count."""
        words = in_words(seen)
        if words:
            self._head(f"{words[:1].upper()}{words[1:]}", _tone(seen, standing))
        if standing is not None and standing.weight is Weight.NOT_COUNTED:
            self._field("not counted", standing.why)

    def _last(self, state: State, name: str) -> None:
        """Write the result that a check had in the last run. It is shown until this run has finished the check."""
        observations = () if state.report is None else state.report.observations
        seen = next((observation for observation in observations if observation.id == name), None)
        if seen is not None:
            self._say("In the last run:", tone=Tone.FAINT)
            self._in_words(seen, state.standing.get(name))
            self._observation(seen, state.standing.get(name))

    def _observation(self, seen: Observation[Any], standing: Standing | None) -> None:
        took = "" if seen.seconds is None else f"  {duration(seen.seconds)}"
        tone = Tone.FAINT if in_words(seen) else _tone(seen, standing)
        match seen.outcome:
            case Failed(failure=failure):
                self._head(f"{seen.id}  failed {failure.kind}{took}", tone)
                self._field("error", failure.message)
                if failure.code is not None:
                    self._field("code", failure.code)
            case Skipped(reason=reason):
                self._head(f"{seen.id}  skipped", tone)
                self._field("because", reason)
            case _:
                self._head(f"{seen.id}  ok{took}", tone)
        if seen.started_at is not None:
            self._field("started", f"{seen.started_at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC")
        if seen.subject.after is not None:
            self._field("after", seen.subject.after)
        if seen.facts is not None:
            for name, value in to_json(seen.facts).items():
                self._fact(name.replace("_", " "), value, "  ")

    def _citing(self, state: State, name: str) -> None:
        for finding in () if state.report is None else state.report.findings:
            if name in finding.evidence:
                self._field("shows", f"{finding.severity.upper()} {finding.id}: {finding.headline}")
        change = None if state.difference is None else next((s for s in state.difference.steps if s.id == name), None)
        if change is not None and change.old is not None:
            self._field("was", " ".join(filter(None, (change.old.status, change.old.kind))))

    def _lane(self, lane: Lane, state: State) -> None:
        where = f" ({lane.where})" if lane.where else ""
        self._head(f"{lane.address}{where} port {lane.port} {lane.purpose}".rstrip(), Tone.STRONG)
        if not lane.own:
            self._say("* Another resolver's answer, which this host does not use; it does not count.")
        cells = cells_of(lane)
        if len(state.memory.runs) > 1 and (chart := timeline.chart(state.memory, lane.key, self._width, self._glyphs)):
            self.lines += [*chart, ()]
        for name in (name for cell in cells if cell.progress is Progress.FAILED for name in cell.checks):
            observation = state.checks[name].observation
            if observation is not None:
                self._in_words(observation, state.standing.get(name) if state.phase is Phase.FINISHED else None)
                self._citing(state, name)
        for cell in cells:
            self._field(cell.label, cell.texts[0])
        target = lane.key.split("/")[1]
        for path in () if state.report is None else state.report.paths:
            if (path.target, path.address, path.port) == (target, lane.address, lane.port):
                self._gap()
                self._configured(path, lane.weight)
        self._address(state, target, lane)

    def _address(self, state: State, target: str, lane: Lane) -> None:
        targets = () if state.report is None else state.report.targets
        for address in (address for known in targets if known.id == target for address in known.addresses):
            if address.address == lane.address:
                self._gap()
                self._head("The address", Tone.STRONG)
                for name, value in to_json(address).items():
                    self._fact(name.replace("_", " "), value, "  ")

    def _configured(self, path: ConfiguredPath, weight: Weight | None) -> None:
        """Write the configured path of a lane hop by hop. `weight` says how the lane's failure counts; it is None if
        the lane connects."""
        bad = WEIGHT_TONES[weight]
        tones = {Reachability.OPEN: Tone.OK, Reachability.BLOCKED: bad}
        self._head(
            f"By configuration, read {path.taken_at:%Y-%m-%d %H:%M:%S} UTC: {_spaced(path.predicted)}, "
            f"{_measured(path.measured)}",
            bad if path.agrees is False else Tone.STRONG,
        )
        start = "this host" if path.source is None else str(path.source)
        self._field("from", start)
        for hop in path.hops:
            decides = ": ".join(filter(None, (", ".join(hop.resources), hop.rule)))
            outcome = f"{_spaced(hop.outcome).upper()} {decides}".rstrip()
            self._field(_spaced(hop.stage), outcome, tone=tones.get(hop.outcome, Tone.UNKNOWN))
            if hop.outcome is not Reachability.OPEN:
                self._say(hop.words, indent="      ")
            if hop.stage is path.parted_at:
                self._say("Here configuration and measurement differ.", indent="      ", tone=bad)
        for words in path.unseen:
            self._field("not read", words)
        if path.agrees is False and path.parted_at is None:
            self._say(
                "Every hop is open by configuration, but the connection fails; the data does not show where.",
                tone=bad,
            )

    def _target(self, state: State, name: str) -> None:
        target = next((target for target in state.targets if target.id == name), None)
        if target is None:
            return
        self._head(f"{target.service} at {target.host}", Tone.STRONG)
        if isinstance(target, TargetReport):
            for words in target.unproven:
                self._field("not proven", words)
        for key, value in to_json(target).items():
            if key not in ("addresses", "unproven"):
                self._fact(key.replace("_", " "), value, "  ")
        report = state.report
        for finding in () if report is None else report.findings:
            if finding.target == name and report is not None:
                self._field(
                    finding.severity.upper(), f"{finding.id}: {finding.headline}", tone=tone_of(finding, report)
                )
        for skipped in () if state.report is None else state.report.not_evaluated:
            if skipped.target == name:
                self._field(f"{skipped.code} not evaluated", skipped.reason)

    # --- Lines -------------------------------------------------------------------------------------------------------

    def _fact(self, name: str, value: Any, indent: str) -> None:
        """Write a fact with its name, with nested facts indented below it."""
        match value:
            case None:
                self._field(name, "-", indent=indent)
            case dict() if value:
                self._say(f"{name}:", indent=indent, tone=Tone.FAINT)
                for inner, item in value.items():
                    self._fact(str(inner).replace("_", " "), item, f"{indent}  ")
            case list() if any(isinstance(item, dict) for item in value):
                for number, item in enumerate(value, 1):
                    self._fact(f"{name} {number}", item, indent)
            case list() | dict():
                self._field(name, ", ".join(map(str, value)) or "none", indent=indent)
            case bool():
                self._field(name, "yes" if value else "no", indent=indent)
            case _:
                self._field(name, str(value), indent=indent)

    def _field(self, name: str, value: str, *, indent: str = "  ", tone: Tone = Tone.PLAIN) -> None:
        start = f"{indent}{visible(name)}: "
        if len(start) > self._width // 2:  # no room left on this line
            self._say(f"{name}:", indent=indent, tone=Tone.FAINT)
            self._say(value, indent=f"{indent}    ", tone=tone)
            return
        lines = wrapped(value, self._width, first=start, later=f"{indent}    ")
        if not lines:
            self.lines.append((Span(start, Tone.FAINT),))
            return
        first = lines[0][0].text
        self.lines.append((Span(first[: len(start)], Tone.FAINT), Span(first[len(start) :], tone)))
        self.lines += [(Span(span.text, tone),) for line in lines[1:] for span in line]

    def _lead(self, name: str, text: str) -> None:
        """Write a text with its name in front of it on the same line."""
        start = f" {name}: "
        lines = wrapped(text, self._width, first=start, later="   ") or [(Span(start),)]
        first = lines[0][0].text
        self.lines.append((Span(first[: len(start)], Tone.STRONG), Span(first[len(start) :])))
        self.lines += lines[1:]

    def _head(self, text: str, tone: Tone = Tone.STRONG) -> None:
        self.lines += wrapped(text, self._width, first=" ", later="   ", tone=tone)

    def _say(self, text: str, *, indent: str = " ", tone: Tone = Tone.PLAIN) -> None:
        self.lines += wrapped(text, self._width, first=indent, tone=tone)

    def _gap(self) -> None:
        if self.lines and self.lines[-1]:
            self.lines.append(())

    def _url(self, url: str) -> None:
        """Write a URL on a line of its own. A URL longer than a line is broken after a sign such as `/`."""
        indent = min(self._width - len(url), 4)
        if indent >= 0:
            self._say(url, indent=" " * indent, tone=Tone.FAINT)
            return
        line = ""
        for part in _URL_PART.findall(visible(url)):
            if line and len(line) + len(part) > self._width - 4:
                self._say(line, indent="    ", tone=Tone.FAINT)
                line = ""
            line += part
        self._say(line, indent="    ", tone=Tone.FAINT)

    def _page(self, markdown: str) -> None:
        """Write a runbook page: paragraphs filled to the width, commands line by line."""
        paragraph: list[str] = []
        is_code = False
        for line in (*markdown.splitlines(), ""):
            is_fence = line.startswith("```")
            words = line.strip()
            stands_alone = is_code or is_fence or not words or line.startswith("#") or words.startswith("https://")
            if paragraph and (stands_alone or _ITEM.match(words)):
                self._paragraph(" ".join(paragraph))
                paragraph = []
            if is_fence:
                is_code = not is_code
            elif is_code:
                indent = " " * (3 + len(line) - len(line.lstrip()))
                self.lines += wrapped(words, self._width, first=indent) or [()]
            elif line.startswith("#"):
                title = line.lstrip("# ").replace("`", "")
                self._head(title if line.startswith("# ") else title.upper())
            elif words.startswith("https://"):
                self._url(words)
            elif words:
                paragraph.append(words)
            else:
                self._gap()

    def _paragraph(self, text: str) -> None:
        text = text.replace("`", "")
        item = _ITEM.match(text)
        later = " " * (1 + len(item[0])) if item is not None else " "
        self.lines += wrapped(text, self._width, first=" ", later=later)

    def _text(self, text: str) -> None:
        """Write a text that already consists of lines."""
        for line in text.splitlines():
            tone = Tone.STRONG if line.isupper() else Tone.PLAIN
            indent = " " * (1 + len(line) - len(line.lstrip()))
            self.lines += wrapped(line.strip(), self._width, first=indent, tone=tone) or [()]


def _headline(finding: Finding) -> str:
    aside = "" if finding.counts else " (not counted)"
    return f"{finding.severity.upper()}  {before_target(finding)} [{finding.code}]{aside}"


def _finding(report: Report, key: str) -> Finding | None:
    return next((finding for finding in report.findings if f"finding/{finding.id}" == key), None)


def _tone(seen: Observation[Any], standing: Standing | None) -> Tone:
    if isinstance(seen.outcome, Skipped):
        return Tone.FAINT
    return Tone.OK if seen.ok and standing is None else WEIGHT_TONES[None if standing is None else standing.weight]


def _lane(state: State, key: str) -> Lane | None:
    return next((lane for band in state.whole_picture.bands for lane in band.lanes if lane.key == key), None)


def _spaced(word: str) -> str:
    return str(word).replace("-", " ")


def _measured(measured: Measured) -> str:
    return _spaced(measured) if measured is Measured.NOT_MEASURED else f"measured {_spaced(measured)}"
