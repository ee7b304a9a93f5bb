"""The mutants of a room's modules: all of them, a sample, and the equivalent mutants, which do not change the program's
behaviour.
"""

import json
import random
import subprocess
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from probes.frozen import dataclass
from tests.mutants.rows import rows
from tests.support.repository import ROOT, tracked

PYTHON: Final = ROOT / ".venv-mutants" / "bin" / "python"
EQUIVALENT: Final = Path(__file__).with_name("equivalent.toml")
_MOST_CHARACTERS: Final = 70
Key = tuple[str, int, str, str]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one mistake."""

    path: str
    line: int
    words: str
    """A description of the mistake."""
    source: str

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}"

    @property
    def key(self) -> Key:
        return self.path, self.line, self.words, self.source


def drawn(room: str, seed: int, number: int, at: Sequence[str]) -> list[Mutant]:
    """A sample of the mutants of a room; or, if `at` is given, all mutants at places that contain one of its texts."""
    if number == 0:
        return []
    paths = [path for path in tracked(ROOT) if path.startswith(f"agent/{room}/") and path.endswith(".py")]
    found: list[dict[str, Any] | Mutant] = [*_cosmic("list", *paths), *_rows(paths)]
    if at:
        chosen = [one for one in found if any(text in _place(one) for text in at)]
    else:
        chosen = random.Random(seed).sample(found, min(number, len(found)))
    made = _cosmic("make", *(json.dumps(one) for one in chosen if not isinstance(one, Mutant)))
    return [*(one for one in chosen if isinstance(one, Mutant)), *map(_read, made)]


def every_row(places: Sequence[str], at: Sequence[str]) -> list[Mutant]:
    """A mutant for every row of the tables in these files and folders. If `at` is given, only the mutants at places
    that contain one of its texts.
    """
    paths = [path for path in tracked(ROOT) if path.startswith(tuple(places)) and path.endswith(".py")]
    return [mutant for mutant in _rows(paths) if not at or any(text in mutant.place for text in at)]


def unlike_equivalents(mutants: Iterable[Mutant]) -> tuple[list[Mutant], set[Mutant]]:
    """The mutants that tests can notice, and those that EQUIVALENT lists."""
    listed = {(row["file"], row["text"], row["words"]) for row in equivalents()}
    lines: dict[str, list[str]] = {}
    noticeable, same = [], set()
    for mutant in mutants:
        text = lines.setdefault(mutant.path, (ROOT / mutant.path).read_text("utf-8").splitlines())[mutant.line - 1]
        if (mutant.path, text.strip(), mutant.words) in listed:
            same.add(mutant)
        else:
            noticeable.append(mutant)
    return noticeable, same


def equivalents() -> list[dict[str, str]]:
    """The mutants that do not change the program's behaviour. Each has its file, the text of its line, the description
    of the mistake, and the reason.
    """
    rows: list[dict[str, str]] = tomllib.loads(EQUIVALENT.read_text("utf-8")).get("equivalent", [])
    return rows


def _rows(paths: Iterable[str]) -> list[Mutant]:
    return [
        Mutant(path, row.line, f"without {row.name}", row.source)
        for path in paths
        for row in rows((ROOT / path).read_text("utf-8"))
    ]


def _cosmic(*words: str) -> list[dict[str, Any]]:
    verb, *given = words
    command = [str(PYTHON), str(Path(__file__).with_name("cosmic.py")), verb]
    done = subprocess.run(command, cwd=ROOT, input="\n".join(given), stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _place(one: dict[str, Any] | Mutant) -> str:
    return one.place if isinstance(one, Mutant) else f"{one['path']}:{one['line']}"


def _read(made: dict[str, Any]) -> Mutant:
    was, becomes = (" ".join(made[word].split())[:_MOST_CHARACTERS] for word in ("was", "becomes"))
    return Mutant(made["path"], made["line"], f"{was} becomes {becomes}", made["source"])
