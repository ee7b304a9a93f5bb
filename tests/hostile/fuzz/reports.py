"""Changed saved reports, read by every command that takes a report, and written in each format."""

import json
import tarfile
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any, Final

from agent.app.own_commands import with_own_commands
from agent.app.publish import DIFFERENCE
from agent.formats import html, ndjson
from agent.formats.registry import FORMATS, OPTION_NAMES, render
from agent.judge.diagnose import diagnose
from agent.judge.evidence import Evidence
from agent.judge.requirements import required_steps
from agent.judge.verdict import judge
from agent.process.exit_codes import OK
from agent.report import codec, saved
from agent.report.model import Finding, Report, Status
from agent.tui.actions import DetailOpened, FindingsToggled
from agent.tui.detail import detail
from agent.tui.drawing import causes, footer, path, verdict
from agent.tui.lines import ASCII
from agent.tui.state import State, reduce
from agent.tui.state import saved as state_of
from tests.formats import html_page
from tests.formats.readers import READERS
from tests.hostile.fuzz import commands
from tests.hostile.fuzz.command import Command, assert_documented, assert_is_plain, assert_reason, assert_refused
from tests.hostile.fuzz.mutation import BYTES, DEEP, spoilt_bytes, spoilt_document
from tests.support.runs import report_of
from tests.support.validator import VALIDATOR

_WIDTH: Final = 80
_PIECES: Final = (
    *BYTES,
    *DEEP,
    b'"type": "report"',
    b"\n{}\n",
    b"null",
    b"NaN",
    b"1e999",
    b"\\ud800",
    b", ",
    b": ",
    b"]",
    b"}",
    b"<script",
    b"</script>",
)


@cache
def _sound(name: str) -> str:
    return json.dumps(codec.encode(report_of(name)))


def document(chance: Random) -> dict[str, Any]:
    """The document of a report, spoilt."""
    return spoilt_document(chance, json.loads(_sound(chance.choice(commands.NAMES))))


def content(chance: Random) -> bytes:
    """A report with spoilt bytes, spoilt values, or hostile words."""
    match chance.randrange(7):
        case 0:
            return spoilt_bytes(chance, ndjson.render(report_of(chance.choice(commands.NAMES))).encode(), _PIECES)
        case 1:
            return spoilt_bytes(chance, _sound(chance.choice(commands.NAMES)).encode(), _PIECES)
        case 2:
            return spoilt_bytes(chance, html.render(report_of(chance.choice(commands.NAMES))).encode(), _PIECES)
        case 3 | 4:
            return json.dumps(codec.encode(commands.report(chance))).encode()
        case _:
            return json.dumps(document(chance)).encode()


def check_reports(chance: Random, command: Command) -> None:
    """A changed report is judged, or refused with one line and a document whose status is UNKNOWN."""
    data = content(chance)
    readers: tuple[Callable[[Random, Command, str], None], ...] = (
        *(_diagnosed, _diagnosed, _compared, _shown, _bundled),
    )
    chance.choice(readers)(chance, command, command.file("report.json", data))


def _diagnosed(chance: Random, command: Command, place: str) -> None:
    wanted = chance.choice(OPTION_NAMES)
    more = chance.choice(((), (), ("--redact",), ("--brief",) if wanted == "text" else ()))
    done = command("diagnose", place, f"--format={wanted}", *more)
    if more == ("--brief",) and not done.err:
        assert_is_plain(done.out)
    else:
        assert_documented(done, wanted)
    if done.code == OK:
        assert_is_proven(saved.parse_report((command.folder / "report.json").read_bytes(), "report"))


def assert_is_proven(report: Report) -> None:
    """Assert that each required target of a report with the verdict ok has every required step, and that a step which
    failed did no harm.
    """
    measurement = saved.measurement_of(report)
    evidence = Evidence(measurement)
    harmless = diagnose(evidence).harmless
    status = {target.id: target.status for target in judge(measurement).targets}
    required = [target for target in measurement.targets if target.role == "required"]
    assert required
    for target in required:
        if status[target.id] is not Status.NOT_IN_USE:
            observations = [evidence.find(step) for step in required_steps(evidence, target)]
            assert observations
            assert all(one is not None and (one.ok or one.id in harmless) for one in observations)


def _compared(chance: Random, command: Command, place: str) -> None:
    other = command.file("other.json", _sound(chance.choice(commands.NAMES)).encode())
    wanted = chance.choice(("text", "json", "html"))
    done = command("diff", f"--format={wanted}", *chance.choice(((place, other), (other, place), (place, place))))
    if done.err:
        assert_refused(done, DIFFERENCE, wanted)
    else:
        assert_reason(done)
        assert_is_plain(done.out)
        match wanted:
            case "json":
                assert isinstance(json.loads(done.out), dict)
            case "html":
                html_page.read(done.out)


def _bundled(chance: Random, command: Command, place: str) -> None:
    """Write the report as an archive and read the archive back, or write the report as a support case."""
    if chance.randrange(2):
        done = command("bundle", place, "--case")
        if done.code == OK:
            assert done.err == ""
            assert_is_plain(done.out)
        else:
            assert_documented(done)
        return
    archive = command.folder / "case.tar.gz"
    done = command("bundle", place, f"--output={archive}", *chance.choice(((), ("--plain",))))
    if done.code != OK:
        assert_documented(done)
        return
    assert done.out == f"{archive}\n"
    with tarfile.open(archive, "r:gz") as opened:
        members = {
            entry.name.partition("/")[2]: stream.read()
            for entry in opened.getmembers()
            if (stream := opened.extractfile(entry)) is not None
        }
    archive.unlink()
    assert_is_plain(done.err)
    assert_is_plain(members["README.txt"].decode())
    shown = saved.parse_report(members["report.json"], "report.json")
    READERS["html"].holds(members["report.html"].decode())
    assert READERS["text"].status(members["report.txt"].decode()) == shown.verdict.status


def _read(data: bytes, place: str) -> Report | str:
    """The report that the interface shows, or the message of the refusal."""
    try:
        return with_own_commands(saved.parse_report(data, place))
    except saved.SavedReportError as error:
        return str(error)


def _shown(_: Random, command: Command, place: str) -> None:
    """Show the report as `tui REPORT` draws it, and save it as `e` in the interface does."""
    report = _read((command.folder / "report.json").read_bytes(), place)
    if isinstance(report, str):
        assert report.startswith(f"{place}: ")
        return
    own = {finding.id: finding.fix.commands for finding in _judged_again(report)}
    for finding in report.findings:
        assert set(finding.fix.commands) <= set(own.get(finding.id, ()))
    state = state_of(place, report)
    for seen in (state, reduce(reduce(state, FindingsToggled()), DetailOpened())):
        _assert_fits(seen)
    for row in FORMATS:
        if row.can_be_saved:
            shown = render(report, row.name)
            READERS[row.name].holds(shown)
            assert READERS[row.name].status(shown) == report.verdict.status


def _judged_again(report: Report) -> tuple[Finding, ...]:
    try:
        return judge(saved.measurement_of(report)).findings
    except saved.SavedReportError:
        return ()


def _assert_fits(state: State) -> None:
    lines = (
        *verdict(state, _WIDTH, 3, ASCII),
        *path(state, _WIDTH, ASCII),
        *causes(state, _WIDTH),
        *detail(state, _WIDTH, ASCII),
        footer(state, _WIDTH),
    )
    for line in lines:
        words = "".join(span.text for span in line)
        assert words.isascii()
        assert words.isprintable()
        assert len(words) <= _WIDTH


def assert_judged(report: Report) -> None:
    """Assert that a report judged by this program is sound: no rule failed, and its document is valid and gives the
    same report when it is read.
    """
    assert [
        finding.detail for finding in report.findings if finding.code == "RUN002" and "The rule" in finding.detail
    ] == []
    encoded = codec.encode(report)
    VALIDATOR.validate(encoded)
    assert codec.encode(codec.decode(encoded)) == encoded
