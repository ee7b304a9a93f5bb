"""The texts that a person can copy, their names, and the questions before copying."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from agent.catalog.placeholders import FORMS
from agent.report.model import Command, CommandScope, Report
from agent.tui.actions import FindingsToggled, ItemSelected, Pane
from agent.tui.app import BackuplinkApp
from agent.tui.clipboard import Multiplexer
from agent.tui.copying import Item, filled, flaw_of, items, kind_of
from agent.tui.lines import Tone
from agent.tui.network_path import THIS_HOST
from agent.tui.source import Saved
from agent.tui.state import State, saved
from agent.tui.widgets.copy_screen import CopyScreen, FillScreen
from agent.tui.widgets.screens import Page
from tests.agent.tui.replays import OPENED, after, drive, ready, saved_app, screen_of, words
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.runs import report_of

READS = Command(argv=("aws", "ec2", "describe-x"), scope=CommandScope.VPC, changes=False, reversible=True, undo=None)
CHANGES = Command(
    argv=("aws", "ec2", "modify-x", "--subnet-id", "<ENDPOINT_SUBNET_ID>", "--vpc-id", "<VPC_ID>", "--note", "it's"),
    scope=CommandScope.VPC,
    changes=True,
    reversible=True,
    undo="the same command with --no-x",
)
FINAL = replace(CHANGES, reversible=False, undo=None)


def with_commands(*commands: Command) -> Report:
    report = report_of("one-zone-silent")
    findings = tuple(replace(item, fix=replace(item.fix, commands=commands)) for item in report.findings)
    return replace(report, findings=findings)


def labels(state: State) -> list[str]:
    return [item.label for item in items(state)]


def test_a_command_reads_or_changes() -> None:
    assert [kind_of(command) for command in (READS, CHANGES, FINAL)] == [
        "reads",
        "changes",
        "changes, cannot be undone",
    ]


@pytest.mark.parametrize("name", one_in(8, scenarios.names()))
def test_a_command_that_only_reads_is_called_so(name: str) -> None:
    """The name of an AWS operation shows whether it only reads."""
    for finding in report_of(name).findings:
        for command in finding.fix.commands:
            if command.argv[0] != "aws":
                continue
            reading = ("describe-", "get", "list", "search-", "simulate-")
            is_read = any(word.startswith(reading) for word in command.argv[2:4])
            assert kind_of(command).endswith("reads") is is_read, command.argv


def test_of_a_cause_commands_come_first_then_the_finding_its_ids_and_the_report() -> None:
    state = saved("kept", with_commands(READS, CHANGES))
    assert labels(state)[:4] == [
        "command, reads",
        "command, changes",
        "the 2 commands as a script",
        "the finding TCP002@backup as text",
    ]
    assert labels(state)[-1] == "the brief report"
    assert ("address", "10.0.2.17") in [(item.label, item.text) for item in items(state)]
    assert items(state)[1].note == "to take it back: the same command with --no-x"


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("tcp/backup/10.0.2.17/443", [("address", "10.0.2.17"), ("name", "backup.eu-west-1.amazonaws.com")]),
        ("lane/backup/10.0.1.17/443", [("address", "10.0.1.17")]),
        ("dns/backup/10.0.0.2", [("resolver", "10.0.0.2")]),
        ("target/backup", [("name", "backup.eu-west-1.amazonaws.com"), ("address", "10.0.3.17")]),
        (THIS_HOST, [("instance", "i-0a1b2c3d4e5f67890"), ("vpc", "vpc-0a1b2c3d4e5f67890"), ("address", "10.0.1.10")]),
    ],
)
def test_ids_and_addresses_under_the_cursor(key: str, expected: list[tuple[str, str]]) -> None:
    state = after(saved("kept", report_of("one-zone-silent")), ItemSelected(Pane.PATH, key))
    found = [(item.label, item.text) for item in items(state)]
    assert set(expected) <= set(found)
    assert len({text for _, text in found}) == len(found)


def test_before_a_run_has_finished_there_is_nothing() -> None:
    assert items(ready()) == ()


def test_what_is_known_stands_in_a_command() -> None:
    command = items(saved("kept", with_commands(CHANGES)))[0]
    assert "--vpc-id vpc-0a1b2c3d4e5f67890" in command.text
    assert command.placeholders == ("<ENDPOINT_SUBNET_ID>",)
    assert "'<ENDPOINT_SUBNET_ID>'" in command.text


def test_what_is_typed_is_quoted() -> None:
    command, script = items(saved("kept", with_commands(CHANGES)))[:2]
    values = {"<ENDPOINT_SUBNET_ID>": "a b; rm -rf $HOME '"}
    assert " --subnet-id 'a b; rm -rf $HOME '\"'\"'' " in filled(command, values).text
    assert filled(script, values).text.splitlines()[-1] == filled(command, values).text
    assert filled(command, values).placeholders == ()


@pytest.mark.parametrize(
    ("placeholder", "value", "is_good"),
    [
        ("<ENDPOINT_SUBNET_ID>", "subnet-0a1b2c3d4e5f67890", True),
        ("<ENDPOINT_SUBNET_ID>", "sg-0a1b2c3d4e5f67890", False),
        ("<HOST>", "backup.eu-west-1.amazonaws.com", True),
        ("<HOST>", "a b", False),
        ("<ANYTHING>", "a value", True),
        ("<ANYTHING>", "a\nvalue", False),
        ("<ANYTHING>", "x" * 300, False),
    ],
)
def test_a_value_has_the_form_of_its_kind(placeholder: str, value: str, is_good: bool) -> None:
    assert (flaw_of(placeholder, value) is None) is is_good


def test_a_script_runs_in_a_shell_and_ends_at_the_first_failure(tmp_path: Path) -> None:
    steps = [replace(READS, argv=("sh", "-c", f"echo {word}; exit {code}")) for word, code in (("a", 0), ("b", 3))]
    state = saved("kept", with_commands(*steps, replace(READS, argv=("echo", "c"))))
    script = next(item for item in items(state) if item.label == "the 3 commands as a script")
    place = tmp_path / "fix.sh"
    place.write_text(script.text, "utf-8")
    ran = subprocess.run(["sh", str(place)], capture_output=True, text=True, check=False)  # noqa: S607 - any sh
    assert (ran.stdout, ran.stderr, ran.returncode) == ("a\nb\n", "", 3)


def test_a_script_of_hostile_words_has_no_other_lines() -> None:
    report = with_commands(replace(CHANGES, undo="x\nrm -rf /", argv=("echo", "\n\x1b]52;c;eA==\x07")))
    finding = replace(report.findings[0], title="a\nrm -rf /", fix=replace(report.findings[0].fix, summary="b\rrm"))
    state = saved("kept", replace(report, findings=(finding,)))
    for item in items(state):
        assert item.text.replace("\n", "").isprintable(), item
    script = next(item for item in items(state) if item.script_of)
    assert [line for line in script.text.splitlines() if line and not line.startswith(("#", "set -e", "echo "))] == []


def test_every_placeholder_of_a_command_has_a_label() -> None:
    assert all(name.strip("<>").replace("_", "").isalnum() for name in FORMS)


# --- The list --------------------------------------------------------------------------------------------------------


def app_with(report: Report, multiplexer: Multiplexer = Multiplexer.NONE) -> BackuplinkApp:
    return BackuplinkApp(Saved(title="kept", report=report, opened_at=OPENED), multiplexer=multiplexer)


async def test_y_and_y_copy_the_first_command() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("y")
        assert isinstance(pilot.app.screen, CopyScreen)
        assert pilot.app.clipboard == ""
        assert any("1. command, reads" in line for line in screen_of(pilot))
        await pilot.press("y")
        assert pilot.app.clipboard == "aws ec2 describe-x"
        text = "\n".join(screen_of(pilot))
        assert "1. command, reads: sent to the terminal's clipboard, which confirms nothing" in text
        assert "2. the command as a script" in text
        await pilot.press("3")
        assert pilot.app.clipboard.startswith("CRITICAL backup: 1 of 3 addresses is silent on 443: 10.0.2.17")
        await pilot.press("q")
        assert any("Path" in line for line in screen_of(pilot))

    await drive(app_with(with_commands(READS)), act, (120, 45))


async def test_tmux_is_named_with_what_it_needs() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("y", "enter")
        text = " ".join(" ".join(screen_of(pilot)).split())
        assert "sent to tmux; not copied unless tmux takes it" in text
        sent = [
            span for line, _, _ in pilot.app.screen.query_one(Page)._drawn for span in line if ": sent to" in span.text
        ]
        assert {span.tone for span in sent} == {Tone.WARNING}
        assert "set -s set-clipboard on" in text

    await drive(app_with(with_commands(READS), Multiplexer.TMUX), act, (120, 45))


async def test_what_is_unknown_is_asked_for() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("y", "y")
        assert isinstance(pilot.app.screen, FillScreen)
        assert pilot.app.clipboard == ""
        await pilot.press(*"sg-1", "enter")
        assert "this is not the form of a value for endpoint subnet id" in "\n".join(screen_of(pilot))
        pilot.app.screen.query_one(Input).value = "subnet-0a1b2c3d4e5f67890"
        await pilot.press("enter")
        assert "--subnet-id subnet-0a1b2c3d4e5f67890 " in pilot.app.clipboard
        assert isinstance(pilot.app.screen, CopyScreen)
        await pilot.press("down", "enter", "escape")
        assert "subnet-0a1b2c3d4e5f67890" in pilot.app.clipboard  # the clipboard is unchanged

    await drive(app_with(with_commands(CHANGES)), act, (120, 45))


async def test_an_empty_field_leaves_its_placeholder() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("y", "y", "enter")
        assert "'<ENDPOINT_SUBNET_ID>'" in pilot.app.clipboard

    await drive(app_with(with_commands(CHANGES)), act)


async def test_without_a_finding_the_report_can_be_copied() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("y", "enter")
        assert pilot.app.clipboard.startswith("i-0a1b2c3d4e5f67890")
        await pilot.press("end", "y")
        assert pilot.app.clipboard.startswith("OK  backup answers privately")

    await drive(saved_app("healthy"), act)


# --- A drag ----------------------------------------------------------------------------------------------------------


async def drag(pilot: Pilot[int], start: tuple[int, int], end: tuple[int, int]) -> None:
    await pilot.mouse_down(offset=start)
    await pilot.hover(offset=end)
    await pilot.mouse_up(offset=end)
    await pilot.pause()


async def test_a_drag_selects_and_ctrl_c_copies_it() -> None:
    app = saved_app("one-zone-silent")

    async def act(pilot: Pilot[int]) -> None:
        row = next(place for place, line in enumerate(screen_of(pilot)) if "10.0.2.17" in line)
        column = screen_of(pilot)[row].index("10.0.2.17")
        before = app.state
        await drag(pilot, (column, row), (column + 8, row))
        assert app.state == before  # the click at the end of a drag moves nothing
        assert pilot.app.screen.get_selected_text() == "10.0.2.17"
        strips = pilot.app.screen._compositor.render_strips()
        assert [segment.text for segment in strips[row] if segment.style and segment.style.reverse] == ["10.0.2.17"]
        await pilot.press("ctrl+c")
        assert app.clipboard == "10.0.2.17"
        assert app.is_running
        assert "sent to the terminal's clipboard" in screen_of(pilot)[-1]
        assert not pilot.app.screen.get_selected_text()
        await pilot.press("ctrl+c")

    assert (await drive(app, act)).return_value == 2


async def test_what_changes_under_a_selection_ends_it() -> None:
    app = saved_app("one-zone-silent")

    async def act(pilot: Pilot[int]) -> None:
        row = next(place for place, line in enumerate(screen_of(pilot)) if "10.0.2.17  " in line)
        await drag(pilot, (2, row), (30, row))
        assert "10.0.2.17" in (pilot.app.screen.get_selected_text() or "")
        app.act(FindingsToggled())
        app.act(FindingsToggled())
        app.act(ItemSelected(Pane.PATH, "lane/backup/10.0.2.17/443"))
        await pilot.press("pagedown", "G", "g")
        await pilot.pause()
        assert not pilot.app.screen.get_selected_text()

    await drive(app, act)


async def test_what_is_typed_and_selected_is_copied() -> None:
    app = saved_app("one-zone-silent")

    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("e", "shift+home", "ctrl+c")
        assert app.clipboard.startswith("backuplink-simulated-one-zone-silent")
        assert app.is_running

    await drive(app, act)


def test_the_detail_says_what_each_command_does_and_how_it_is_taken_back() -> None:
    from agent.tui.detail import detail
    from agent.tui.lines import ASCII

    state = saved("kept", with_commands(READS, CHANGES))
    text = "\n".join(words(list(detail(state, 100, ASCII))))
    assert "reads: aws ec2 describe-x" in text
    assert "changes: aws ec2 modify-x" in text
    assert "to take it back: the same command with --no-x" in text
    assert "--vpc-id vpc-0a1b2c3d4e5f67890" in text


def test_an_item_without_commands_needs_nothing() -> None:
    assert Item(label="x", text="<VPC_ID>").placeholders == ()


def test_each_alternative_has_a_script_of_its_own() -> None:
    """A single script of all alternatives would run commands that exclude each other."""
    report = report_of("private-dns-off")
    found = [item for item in items(saved("kept", report)) if item.script_of is not None]
    assert [item.label for item in found] == [
        "the 2 commands of (a) as a script",
        "the 4 commands of (b) as a script",
        "the 2 commands of (c) as a script",
    ]
    assert [len(item.commands) for item in found] == [2, 4, 2]
    assert "# 2. (b) changes" in found[1].text
    assert "create-vpc-endpoint" not in found[1].text


def test_a_line_for_a_file_can_be_copied() -> None:
    report = report_of("clock-off")
    (line,) = [item for item in items(saved("kept", report)) if item.label.startswith("line for")]
    assert line.label == "line for /etc/chrony.conf"
    assert line.text == "server 169.254.169.123 prefer iburst minpoll 4 maxpoll 4"
    assert line.note == "to take it back: remove the line again and restart chronyd"
