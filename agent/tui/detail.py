"""What is under the cursor, in full: an observation with its facts, a lane, a target, a finding with its runbook."""

import re
import shlex
from itertools import zip_longest
from typing import Any

from agent.catalog.wording import duration
from agent.formats.report_text import visible
from agent.report.hops import Reachability
from agent.report.model import Command, ConfiguredPath, Finding, Measured, Report, TargetReport
from agent.report.serialization import to_json
from agent.tui.drawing import sparkline
from agent.tui.lines import Glyphs, Line, Span, Tone, wrapped
from agent.tui.network_path import THIS_HOST, Lane, Progress
from agent.tui.page import filled
from agent.tui.state import CHANGED, SAMPLED, TONES, Missing, Sample, State, looks_of, under_cursor
from probes.model import Failed, Observation, Skipped, Step

_STEPS = tuple(Step)
_ITEM = re.compile(r"(\d+\.|[-*]) ")
"""What an item of a list begins with in Markdown."""
_TONES = {Reachability.OPEN: Tone.OK, Reachability.BLOCKED: Tone.FAILED, Reachability.DOUBTFUL: Tone.WARNING}


def title(state: State) -> str:
    """What the detail is about."""
    key = under_cursor(state)
    kinds = {"finding": "Finding", "lane": "Lane", "target": "Target", "names": "Names", "turn": "Change"}
    if key is None:
        return "Detail"
    if key in (THIS_HOST, CHANGED):
        return "This host" if key == THIS_HOST else "Changed since the last run"
    kind, _, rest = key.partition("/")
    return f"{kinds[kind]} {rest}" if kind in kinds and rest else key


def detail(state: State, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Everything that is known of what is under the cursor."""
    writer = _Writer(width, glyphs)
    writer.write(state)
    return tuple(writer.lines)


def commands_of(finding: Finding) -> tuple[str, ...]:
    """The commands that mend a finding, each as a shell takes it."""
    return tuple(map(_quoted, finding.fix.commands))


def _quoted(command: Command) -> str:
    # As it is shown, so that what is copied holds nothing that was not seen.
    return " ".join(shlex.quote(visible(word)) for word in command.argv)


class _Writer:
    """Lines, one after the other."""

    def __init__(self, width: int, glyphs: Glyphs) -> None:
        self._width = max(width - 1, 20)
        self._glyphs = glyphs
        self.lines: list[Line] = []

    def write(self, state: State) -> None:
        key = under_cursor(state)
        if key is None:
            self._say("There is nothing under the cursor.", tone=Tone.FAINT)
            return
        report = state.report
        finding = None if report is None else _finding(report, key)
        lane = _lane(state, key)
        if report is not None and finding is not None:
            if state.is_whole:  # otherwise the list of causes says it
                self._head(_headline(finding), TONES[finding.severity])
            self._finding(finding, report)
        elif key == CHANGED and state.difference is not None:
            from agent.formats.diff import as_text as told  # the start has no use for it

            self._text(told(state.difference))
        elif key == CHANGED:
            self._say(state.incomparable or "")
        elif key.startswith("turn/"):
            self._turn(state, key)
        elif lane is not None:
            self._lane(lane, state)
        elif key.startswith("target/"):
            self._target(state, key.removeprefix("target/"))
        else:
            self._looks(state, key)

    # --- Findings ----------------------------------------------------------------------------------------------------

    def _finding(self, finding: Finding, report: Report) -> None:
        self._say(finding.detail)
        if finding.suppressed:
            self._say("Suppressed: it is known, and counts for nothing.", tone=Tone.FAINT)
        self._gap()
        self._head("What to do")
        self._say(finding.fix.summary)
        for command, following in zip_longest(finding.fix.commands, finding.fix.commands[1:]):
            self._say(_quoted(command), indent="  ", tone=Tone.RUNNING)
            if command.undo is not None and (following is None or following.undo != command.undo):
                self._say(f"to take it back: {command.undo}", indent="    ", tone=Tone.FAINT)
        follows = [each.id for each in report.findings if each.explained_by == finding.id]
        if finding.explained_by is not None:
            self._field("explained by", finding.explained_by)
        if follows:
            self._field("from it follows", ", ".join(follows))
        self._field("shown by", ", ".join(finding.evidence))
        for document in finding.documents:
            self._field("see", document.title)
            self._url(document.url)
        self._gap()
        self._page(filled(finding, report))

    def _turn(self, state: State, key: str) -> None:
        turn = next((each for each in state.turns if f"turn/{each.number}" == key), None)
        if turn is None:
            return
        self._head(f"{turn.at:%Y-%m-%d %H:%M:%S} UTC", Tone.STRONG)
        self._say(turn.words, tone=turn.tone)
        self._gap()
        finding = None if state.report is None else _finding(state.report, turn.about)
        if finding is not None and state.report is not None:
            self._head(_headline(finding), TONES[finding.severity])
            self._finding(finding, state.report)
        else:
            self._looks(state, turn.about)

    # --- The path ----------------------------------------------------------------------------------------------------

    def _looks(self, state: State, key: str) -> None:
        names = looks_of(state, key)
        if key == THIS_HOST:
            names = frozenset(name for name, look in state.looks.items() if look.subject.target is None)
        if key.startswith("names/"):
            target = key.removeprefix("names/")
            own = {name: look.subject for name, look in state.looks.items() if look.subject.target == target}
            names = frozenset(name for name, subject in own.items() if subject.address is None)
        known = [name for name in state.looks if name in (names or {key})]
        if not known:
            self._say("Nothing is known of it in this run.", tone=Tone.FAINT)
        for name in sorted(known, key=lambda name: (_STEPS.index(state.looks[name].subject.step), name)):
            self._look(state, name)

    def _look(self, state: State, name: str) -> None:
        look = state.looks[name]
        observation = look.observation
        if observation is None:
            self._head(f"{name}  {look.progress}", Tone.RUNNING if look.progress is Progress.RUNNING else Tone.FAINT)
            self._last(state, name)
        else:
            self._observation(observation)
            self._citing(state, name)
        self._gap()

    def _last(self, state: State, name: str) -> None:
        """What the last run saw, while this one has not looked yet."""
        report = state.report
        seen = None if report is None else next((each for each in report.observations if each.id == name), None)
        if seen is not None:
            self._say("In the last run:", tone=Tone.FAINT)
            self._observation(seen)

    def _observation(self, seen: Observation[Any]) -> None:
        took = "" if seen.seconds is None else f"  {duration(seen.seconds)}"
        match seen.outcome:
            case Failed(failure=failure):
                self._head(f"{seen.id}  failed {failure.kind}{took}", Tone.FAILED)
                self._field("error", failure.message)
                if failure.code is not None:
                    self._field("code", failure.code)
            case Skipped(reason=reason):
                self._head(f"{seen.id}  skipped", Tone.FAINT)
                self._field("because", reason)
            case _:
                self._head(f"{seen.id}  ok{took}", Tone.OK)
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
                self._field("shows", f"{finding.severity.upper()} {finding.id}: {finding.title}")
        change = None if state.difference is None else next((s for s in state.difference.steps if s.id == name), None)
        if change is not None and change.old is not None:
            self._field("was", " ".join(filter(None, (change.old.status, change.old.kind))))

    def _lane(self, lane: Lane, state: State) -> None:
        where = f" ({lane.where})" if lane.where else ""
        self._head(f"{lane.address}{where} port {lane.port} {lane.purpose}".rstrip(), Tone.STRONG)
        if not lane.own:
            self._say("* Another resolver's answer, which this host does not use; it decides nothing.")
        for cell in (*lane.cells, *lane.extras):
            if cell is not None:
                self._field(cell.label, cell.words[0])
        for step, times in zip(SAMPLED, state.samples.get(lane.key, ()), strict=False):
            self._times(str(step), times)
        target = lane.key.split("/")[1]
        for path in () if state.report is None else state.report.paths:
            if (path.target, path.address, path.port) == (target, lane.address, lane.port):
                self._gap()
                self._configured(path)
        self._address(state, target, lane)

    def _times(self, step: str, times: tuple[Sample, ...]) -> None:
        if len(times) < 2:
            return
        seen = [each for each in times if isinstance(each, float)]
        drawn = sparkline(times, max(self._width - 40, 10), self._glyphs)
        said = [f"{duration(min(seen))} to {duration(max(seen))}"] if seen else []
        counts = [(times.count(missing), missing) for missing in Missing]
        said += [f"{count} of {len(times)} {missing}" for count, missing in counts if count]
        self._field(f"{step} times", ", ".join(said))
        self.lines.append((Span(f"    {drawn}", Tone.RUNNING),))

    def _address(self, state: State, target: str, lane: Lane) -> None:
        judged = () if state.report is None else state.report.targets
        for address in (one for each in judged if each.id == target for one in each.addresses):
            if address.address == lane.address:
                self._gap()
                self._head("The address", Tone.STRONG)
                for name, value in to_json(address).items():
                    self._fact(name.replace("_", " "), value, "  ")

    def _configured(self, path: ConfiguredPath) -> None:
        """The way as the configuration has it, hop by hop."""
        self._head(
            f"By configuration, read {path.taken_at:%Y-%m-%d %H:%M:%S} UTC: {_spaced(path.predicted)}, "
            f"{_measured(path.measured)}",
            Tone.FAILED if path.agrees is False else Tone.STRONG,
        )
        start = "this host" if path.source is None else str(path.source)
        self._field("from", start)
        for hop in path.hops:
            decides = ": ".join(filter(None, (", ".join(hop.resources), hop.rule)))
            said = f"{_spaced(hop.outcome).upper()} {decides}".rstrip()
            self._field(_spaced(hop.stage), said, tone=_TONES.get(hop.outcome, Tone.UNKNOWN))
            if hop.outcome is not Reachability.OPEN:
                self._say(hop.words, indent="      ")
            if hop.stage is path.parted_at:
                self._say("Here they part: what was measured says otherwise.", indent="      ", tone=Tone.FAILED)
        for words in path.unseen:
            self._field("unseen", words)
        if path.agrees is False and path.parted_at is None:
            self._say("Every hop lets it pass, and yet it does not; nothing tells where.", tone=Tone.FAILED)

    def _target(self, state: State, name: str) -> None:
        target = next((each for each in state.targets if each.id == name), None)
        if target is None:
            return
        self._head(f"{target.service} at {target.host}", Tone.STRONG)
        if isinstance(target, TargetReport):
            for words in target.unproven:
                self._field("not proven", words)
        for key, value in to_json(target).items():
            if key not in ("addresses", "unproven"):
                self._fact(key.replace("_", " "), value, "  ")
        for finding in () if state.report is None else state.report.findings:
            if finding.target == name:
                self._field(finding.severity.upper(), f"{finding.id}: {finding.title}", tone=TONES[finding.severity])
        for skipped in () if state.report is None else state.report.not_evaluated:
            if skipped.target == name:
                self._field(f"{skipped.code} not asked", skipped.reason)

    # --- Lines -------------------------------------------------------------------------------------------------------

    def _fact(self, name: str, value: Any, indent: str) -> None:
        """A fact by its name, what is inside it below it."""
        match value:
            case None:
                self._field(name, "-", indent=indent)
            case dict() if value:
                self._say(f"{name}:", indent=indent, tone=Tone.FAINT)
                for inner, each in value.items():
                    self._fact(str(inner).replace("_", " "), each, f"{indent}  ")
            case list() if any(isinstance(each, dict) for each in value):
                for place, each in enumerate(value, 1):
                    self._fact(f"{name} {place}", each, indent)
            case list() | dict():
                self._field(name, ", ".join(map(str, value)) or "none", indent=indent)
            case bool():
                self._field(name, "yes" if value else "no", indent=indent)
            case _:
                self._field(name, str(value), indent=indent)

    def _field(self, name: str, value: str, *, indent: str = "  ", tone: Tone = Tone.PLAIN) -> None:
        start = f"{indent}{visible(name)}: "
        if len(start) > self._width // 2:  # no room is left beside it
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

    def _head(self, text: str, tone: Tone = Tone.STRONG) -> None:
        self.lines += wrapped(text, self._width, first=" ", later="   ", tone=tone)

    def _say(self, text: str, *, indent: str = " ", tone: Tone = Tone.PLAIN) -> None:
        self.lines += wrapped(text, self._width, first=indent, tone=tone)

    def _gap(self) -> None:
        if self.lines and self.lines[-1]:
            self.lines.append(())

    def _url(self, url: str) -> None:
        """An address on a line of its own, so that it can be taken from there; broken only where no line holds it."""
        indent = "    " if len(url) + 4 <= self._width else ""
        self._say(url, indent=indent, tone=Tone.FAINT)

    def _page(self, markdown: str) -> None:
        """A runbook page: its paragraphs as wide as there is room, its commands line by line."""
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
                title = line.lstrip("# ")
                self._head(title if line.startswith("# ") else title.upper())
            elif words.startswith("https://"):
                self._url(words)
            elif words:
                paragraph.append(words)
            else:
                self._gap()

    def _paragraph(self, text: str) -> None:
        item = _ITEM.match(text)
        later = " " * (1 + len(item[0])) if item is not None else " "
        self.lines += wrapped(text, self._width, first=" ", later=later)

    def _text(self, text: str) -> None:
        """A text that has lines of its own."""
        for line in text.splitlines():
            tone = Tone.STRONG if line.isupper() else Tone.PLAIN
            indent = " " * (1 + len(line) - len(line.lstrip()))
            self.lines += wrapped(line.strip(), self._width, first=indent, tone=tone) or [()]


def _headline(finding: Finding) -> str:
    where = f" {finding.target}" if finding.target is not None else ""
    return f"{finding.severity.upper()}{where}: {finding.title} [{finding.code}]"


def _finding(report: Report, key: str) -> Finding | None:
    return next((each for each in report.findings if f"finding/{each.id}" == key), None)


def _lane(state: State, key: str) -> Lane | None:
    return next((lane for band in state.picture.bands for lane in band.lanes if lane.key == key), None)


def _spaced(word: str) -> str:
    return str(word).replace("-", " ")


def _measured(measured: Measured) -> str:
    return _spaced(measured) if measured is Measured.NOT_MEASURED else f"measured {_spaced(measured)}"
