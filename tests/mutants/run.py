"""Runs the tests of a room on its mutants.

This process has loaded the libraries, but no module of the tree. For each mutant, it writes the module into a copy of
the tree and forks a child, which runs pytest there: first the few tests that are likely to notice the mistake, then all
tests of the room. A child ends at the first test that fails.
"""

import ast
import contextlib
import enum
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NoReturn

import pytest

from tests.mutants.mutant import Mutant
from tests.mutants.watcher import First, Map

_OWN: Final = ("agent", "probes", "tests")
_LIKELY: Final = 12
"""The maximum number of likely tests of each kind. The kinds are the tests that noticed earlier mistakes, and the tests
that call the function.
"""
_LIMIT: Final = 6
"""The limit of CPU time for the tests of a mutant, as a multiple of the time that they take without a mistake."""
_WALL: Final = 20
"""The limit of wall time for the tests of a mutant, as a multiple of the time that they take without a mistake. It is
larger than _LIMIT, since some tests only wait.
"""
_LEAST: Final = 20
_PAUSE: Final = 0.02
_MEMORY: Final = 6 * 2**30
_OPTIONS: Final = ("-x", "-q", "--no-header", "--tb=short", "-p", "no:xdist", "-p", "no:cacheprovider")
_WARM_OPTIONS: Final = (*_OPTIONS, "-W", "ignore::pytest.PytestAssertRewriteWarning")


class Outcome(enum.Enum):
    """The result of the tests on a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    TIMED_OUT = "timed out"


class Room:
    """The tests of a room, with the functions that each test calls, and the tests that have noticed a mistake in each
    module.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.command = tuple(command)
        self.seconds = 0.0
        self.spent = 0.0
        self._tests: dict[str, tuple[float, frozenset[str]]] = {}
        self._near: dict[str, frozenset[str]] = {}
        self._killers: dict[str, deque[str]] = {}

    def measure(self, tree: Path) -> None:
        """Run all tests twice without a mistake: first in a fresh process, which records their calls and imports, and
        then in the same way as later with mistakes. Raises SystemExit if a test fails.
        """
        output = tree.with_suffix(".map")
        self._passed(_Child(tree, self.command, [Map(tree, output)], _OPTIONS, may_write_bytecode=True))
        told = json.loads(output.read_text("utf-8"))
        self._tests = {test: (seconds, frozenset(functions)) for test, (seconds, functions) in told["tests"].items()}
        modules = {test: {one.partition(":")[0] for one in called} for test, (_, called) in self._tests.items()}
        self._near = {
            path: frozenset(test for test, paths in modules.items() if path in paths)
            for path in set().union(*modules.values())
        }
        for name in told["modules"]:  # in this order, since some modules depend on earlier ones
            if not name.startswith((*_OWN, "_", "pytest")):
                with contextlib.suppress(ImportError):  # another module created this one without a file
                    importlib.import_module(name)
        began = time.monotonic()
        self.spent = self._passed(_Child(tree, self.command, [], _WARM_OPTIONS))
        self.seconds = time.monotonic() - began

    def _passed(self, child: "_Child") -> float:
        """The CPU seconds of a child. Raises SystemExit if its tests did not pass."""
        status, spent = child.waited()
        if status != 0:
            sys.exit(
                f"the tests of this room fail without a mistake:\n{child.log.read_text('utf-8', 'replace')[-4000:]}"
            )
        return spent

    def likely(self, mutant: Mutant) -> tuple[str, ...]:
        """The tests that are likely to notice the mutant: those that noticed earlier mutants of the module, and the
        quickest tests that call the changed function.
        """
        functions = _functions(mutant)
        calling = sorted((seconds, test) for test, (seconds, called) in self._tests.items() if functions & called)
        several = dict.fromkeys([*self._killers.get(mutant.path, ()), *(test for _, test in calling[:_LIKELY])])
        return tuple(test for test in several if test in self._tests)

    def near(self, mutant: Mutant) -> frozenset[str]:
        """The tests that call any function of the mutant's module."""
        return self._near.get(mutant.path, frozenset())

    def noticed(self, mutant: Mutant, test: str) -> None:
        """Record that this test noticed the mutant, so that it runs first for later ones."""
        killers = self._killers.setdefault(mutant.path, deque(maxlen=_LIKELY))
        if test in killers:
            killers.remove(test)
        killers.appendleft(test)


def outcomes(room: Room, mutants: Iterable[Mutant], trees: Sequence[Path]) -> Iterator[tuple[Mutant, Outcome]]:
    """Each mutant with its outcome, in the order in which their tests end. The tests of as many mutants run at once as
    there are trees.
    """
    waiting = deque(mutants)
    if not waiting:
        return
    room.measure(trees[0])
    for tree in trees[1:]:  # copied again, with the files that Python compiled
        shutil.rmtree(tree)
        shutil.copytree(trees[0], tree)
    free = list(trees)
    running: list[_Trial] = []
    try:
        while waiting or running:
            while waiting and free:
                running.append(_Trial(room, waiting.popleft(), free.pop()))
            time.sleep(_PAUSE)
            for trial in tuple(running):
                outcome = trial.outcome()
                if outcome is not None:
                    running.remove(trial)
                    free.append(trial.tree)
                    yield trial.mutant, outcome
    finally:  # even if a user interrupts this process
        for trial in running:
            trial.stop()


class _Trial:
    """The tests of one mutant in one copy of the tree."""

    def __init__(self, room: Room, mutant: Mutant, tree: Path) -> None:
        self.mutant, self.tree = mutant, tree
        self._room = room
        self._file = tree / mutant.path
        self._before = self._file.read_bytes(), self._file.stat()
        self._file.write_text(mutant.source, "utf-8")
        self._failed = tree.with_suffix(".failed")
        self._failed.unlink(missing_ok=True)
        likely = room.likely(mutant)
        self._is_last = not likely
        self._child = self._started(likely or room.command)

    def _started(self, tests: Sequence[str]) -> "_Child":
        limit = max(_LEAST, _LIMIT * self._room.spent), max(6 * _LEAST, _WALL * self._room.seconds)
        first = First(self._room.near(self.mutant), self._failed)
        return _Child(self.tree, tests, [first], _WARM_OPTIONS, limit=limit)

    def stop(self) -> None:
        """End the tests, whether or not they still run."""
        self._child.stop()

    def outcome(self) -> Outcome | None:
        """The outcome, or None while the tests run."""
        ended = self._child.ended()
        if ended is None:
            return None
        # A usage error proves nothing yet: a test whose parameters come from the changed table may no longer exist.
        if ended in (pytest.ExitCode.OK, pytest.ExitCode.USAGE_ERROR) and not self._is_last:
            self._is_last = True
            self._child = self._started(self._room.command)
            return None
        source, times = self._before
        self._file.write_bytes(source)
        os.utime(self._file, ns=(times.st_atime_ns, times.st_mtime_ns))
        if ended == 0:
            return Outcome.SURVIVED
        if self._failed.exists():
            self._room.noticed(self.mutant, self._failed.read_text("utf-8"))
        return Outcome.TIMED_OUT if ended < 0 else Outcome.KILLED


class _Child:
    """A fork of this process, which runs pytest."""

    def __init__(
        self,
        tree: Path,
        tests: Sequence[str],
        plugins: list[object],
        options: Sequence[str],
        *,
        may_write_bytecode: bool = False,
        limit: tuple[float, float] | None = None,
    ) -> None:
        self.log = tree.with_suffix(".log")
        self._until = None if limit is None else time.monotonic() + limit[1]
        sys.stdout.flush()
        self._pid = os.fork()
        if self._pid == 0:
            _run(tree, self.log, [*options, f"--basetemp={tree}.tmp", *tests], plugins, may_write_bytecode, limit)

    def waited(self) -> tuple[int, float]:
        """Wait until the child ends; returns its exit code and its CPU seconds."""
        _, status, used = os.wait4(self._pid, 0)
        return os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime

    def ended(self) -> int | None:
        """The exit code of the child, or None while it runs. The code is negative if the child took too long."""
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid == 0 and (self._until is None or time.monotonic() < self._until):
            return None
        self._kill()
        if pid == 0:
            _, status = os.waitpid(self._pid, 0)
        return os.waitstatus_to_exitcode(status)

    def stop(self) -> None:
        """End the child and all processes that it has started."""
        self._kill()
        os.waitpid(self._pid, 0)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)


def _run(
    tree: Path,
    log: Path,
    words: list[str],
    plugins: list[object],
    may_write_bytecode: bool,
    limit: tuple[float, float] | None,
) -> NoReturn:
    """Run pytest in a copy of the tree, and end this process."""
    code = 3
    try:
        os.setsid()
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_CPU, (int(limit[0]), int(limit[0]) + 5))
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        os.chdir(tree)
        sys.path[0] = str(tree)
        os.environ["PYTHONPATH"] = str(tree)
        if not may_write_bytecode:
            sys.dont_write_bytecode = True
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        for name in [name for name in sys.modules if name.partition(".")[0] in _OWN]:
            del sys.modules[name]
        code = int(pytest.main(words, plugins))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _functions(mutant: Mutant) -> frozenset[str]:
    """The function with the mistake, or the functions that use the table in which a row is missing. Their names have
    the form that `Map` writes.
    """
    module = ast.parse(mutant.source)  # a mistake does not change the line numbers around it
    functions = [node for node in ast.walk(module) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    found = [node for node in functions if _first(node) <= mutant.line <= (node.end_lineno or 0)]
    if not found:
        names = {
            name.id
            for statement in module.body
            if statement.lineno <= mutant.line <= (statement.end_lineno or 0)
            for name in ast.walk(statement)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        }
        found = [node for node in functions if names & {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}]
    return frozenset(f"{mutant.path}:{_first(node)}" for node in found)


def _first(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return min((function.lineno, *(decorator.lineno for decorator in function.decorator_list)))
