"""Every kind of generated hostile input, from the same seeds in every session (see the package's docstring)."""

import json
import re
import signal
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final

import pytest
from textual.drivers.linux_driver import LinuxDriver

from agent.app import own_commands
from agent.report import facts_file, saved
from agent.tui.driver import Driver
from agent.watch import listen
from tests.hostile.fuzz.command import Command
from tests.hostile.fuzz.kinds import EVERYTHING, KINDS, Kind
from tests.support import extent
from tests.support.sample_facts import facts

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """The command, in a folder of valid files with the names that options use."""
    monkeypatch.chdir(tmp_path)
    taken_at = datetime.now(UTC).replace(microsecond=0)
    (tmp_path / "facts.json").write_text(facts_file.dumps(facts(taken_at=taken_at)), "utf-8")
    (tmp_path / "template.json").write_text('{"text": "{summary}"}', "utf-8")
    (tmp_path / "backuplink.toml").write_text("timeout = 3\n", "utf-8")
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    yield Command(tmp_path, capsys)
    for number, handler in before.items():
        signal.signal(number, handler)


def run_all(kind: Kind, seeds: Iterable[int], command: Command) -> None:
    for seed in seeds:
        kind.run(seed, command)


@pytest.mark.parametrize(
    ("kind", "seeds"),
    [
        pytest.param(kind, seeds, id=f"{kind.name}-{seeds.start}")
        for kind in KINDS
        for seeds in kind.batches(extent.seed())
    ],
)
def test_whatever_comes_the_promises_hold(kind: Kind, seeds: range, command: Command) -> None:
    run_all(kind, seeds, command)


def test_ci_runs_five_hundred_cases_and_everything_twenty_thousand() -> None:
    cases = sum(kind.cases for kind in KINDS)
    assert (cases, cases * EVERYTHING) == (500, 20_000)


def test_a_failure_names_its_seed_and_the_same_seed_draws_the_same(command: Command) -> None:
    drawn: list[float] = []

    def check(chance: Random, _: Command) -> None:
        drawn.append(chance.random())
        raise AssertionError(json.dumps(drawn[-1]))

    kind = Kind(name="failing", cases=1, check=check)
    for _ in range(2):
        with pytest.raises(AssertionError) as caught:
            kind.run(1234, command)
        assert caught.value.__notes__ == [
            "seed=1234: ./dev test -n 0 tests/hostile/fuzz -k 'failing-' --seed 1234",
        ]
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize(
    ("name", "target", "attribute", "broken"),
    [
        pytest.param("requests", listen, "_check_host", lambda *_: None, id="any host is this one"),
        pytest.param("typed", Driver, "process_message", LinuxDriver.process_message, id="sizes can be typed"),
        *(
            # Only two of two thousand cases reveal the mistake.
            [pytest.param("commands", saved, "HOST", re.compile(r".*", re.DOTALL), id="any word is a host")]
            if extent.everything()
            else []
        ),
        pytest.param("reports", own_commands, "_only", lambda finding, _: finding, id="any command is shown"),
    ],
)
def test_a_promise_that_is_broken_is_noticed(
    name: str,
    target: object,
    attribute: str,
    broken: object,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At least one of all seeds reveals the broken promise."""
    monkeypatch.setattr(target, attribute, broken)
    (kind,) = (kind for kind in KINDS if kind.name == name)
    with pytest.raises(AssertionError):
        run_all(kind, range(kind.cases * EVERYTHING), command)
