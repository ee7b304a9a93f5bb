"""`python -m tests.words` refuses docstrings that say too little, and phrases that are hard to read.

`./dev check` runs it. It reads every tracked text that is not generated: the docstrings, comments and strings of
Python, and the whole of all other files. The text below a constant or a field counts as a docstring, too.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tests.support.repository import ROOT, git, tracked

LEAST: Final = 4
"""The minimum number of words in a docstring. If a name says everything, it needs no docstring."""

LEANING: Final = re.compile(r"(?:The same|Of|Those|That|So|And|Or|But|Also|Likewise|Ditto|As|By)\b")
"""Beginnings of docstrings that only make sense beside another text."""

PHRASES: Final = {
    "say 'is not', or 'there is no'": re.compile(
        r"(?<![Tt]here )\b(?:is|are|was|were) "
        r"(?:no (?!longer\b|more\b|less\b|fewer\b|later\b|earlier\b|doubt\b)\S|none\b)"
    ),
    "say what it is": re.compile(r"\bwhat is so\b"),
    "say 'silently'": re.compile(r"\bwithout a word\b"),
    "say 'add' or 'insert'": re.compile(r"\b(?:puts?|putting) in\b(?! (?:the )?(?:place|front|order)\b)"),
    "say 'remove'": re.compile(r"\b(?:takes?|taking|taken|took) out\b"),
}
"""Phrases that no text may contain, each with what to write instead. Any white space in a text counts as a single
space.
"""

OWN: Final = frozenset({"tests/words.py", "tests/test_words.py"})
"""Files in which the phrases may occur, since they must quote them."""

_MARGIN: Final = re.compile(r"^[ \t]*(?:#|--|//|>)*[ \t]*", re.MULTILINE)
"""The characters before the text on each line of a comment or a quotation."""


class Piece(NamedTuple):
    """A text that somebody reads, with the number of its first line."""

    line: int
    text: str
    is_docstring: bool = False


class Fault(NamedTuple):
    """A text that must be rewritten, and why."""

    path: str
    line: int
    why: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.why}: {self.text}"


def faults(path: str, content: str) -> list[Fault]:
    """The faults in the words of a file, in the order of its lines."""
    found = []
    for piece in _pieces_of_python(content) if path.endswith(".py") else [Piece(1, content)]:
        if piece.is_docstring and (why := _weakness(piece.text)) is not None:
            found.append(Fault(path, piece.line, why, piece.text))
        found += (Fault(path, piece.line + line, why, text) for line, why, text in _phrases(piece.text))
    return sorted(found, key=lambda fault: fault.line)


def _weakness(docstring: str) -> str | None:
    """Why a docstring says too little, or None if it does not."""
    if len(docstring.split()) < LEAST:
        return f"a docstring of fewer than {LEAST} words"
    if (opening := LEANING.match(docstring.lstrip())) is not None:
        return f"a docstring that begins with '{opening[0]}' leans on another text"
    return None


def _phrases(text: str) -> Iterator[tuple[int, str, str]]:
    """Every refused phrase in a text: the number of lines before it, what to write instead, and the phrase itself."""
    text = _MARGIN.sub("", text)
    flat = re.sub(r"\s", " ", text)  # this keeps offsets; margins are removed already
    for why, pattern in PHRASES.items():
        for match in pattern.finditer(flat):
            yield text.count("\n", 0, match.start()), why, flat[max(0, match.start() - 30) : match.end() + 30].strip()


def _pieces_of_python(source: str) -> Iterator[Piece]:
    tree = ast.parse(source)
    docstrings = set()
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text)) as constant):
                docstrings.add(constant)
                yield Piece(node.lineno, text, is_docstring=True)
    parts = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr(values=values):
                texts = [str(part.value) if isinstance(part, ast.Constant) else "{}" for part in values]
                yield Piece(node.lineno, "".join(texts))
            case ast.Constant(value=str(text)) if node not in docstrings and node not in parts:
                yield Piece(node.lineno, text)
    yield from _comments(source)


def _comments(source: str) -> Iterator[Piece]:
    """Yield the comments in a source. Comments on consecutive lines are one piece."""
    last, lines, first = 0, list[str](), 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if token.start[0] != last + 1:
            yield Piece(first, "\n".join(lines))
            lines, first = [], token.start[0]
        lines.append(token.string)
        last = token.start[0]
    yield Piece(first, "\n".join(lines))


def written_here(paths: Iterable[str], root: Path) -> list[str]:
    """The paths of texts that are written by hand, without the files of this check itself."""
    asked = git(root, "check-attr", "-z", "--stdin", "linguist-generated", given="\0".join(paths))
    fields = asked.split("\0")
    generated = {path for path, value in zip(fields[::3], fields[2::3], strict=False) if value == "set"}
    return [path for path in paths if path not in generated | OWN]


def main() -> int:
    """Print every fault. Returns 1 if there is one, otherwise 0."""
    paths = written_here(tracked(ROOT), ROOT)
    found = [fault for path in paths for fault in faults(path, (ROOT / path).read_text("utf-8"))]
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
