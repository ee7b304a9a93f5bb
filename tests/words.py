"""`python -m tests.words`: refuses docstrings that say too little, and phrases that a reader must translate.

`./dev check` runs it. It reads every tracked text that is not generated: the docstrings, comments and strings of
Python, and the whole of all other files. A docstring is also the text below a constant or a field.
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
"""Number of words that a docstring needs at least. A name that says it all needs no docstring."""

LEANING: Final = re.compile(
    r"(?:The same|Of|Those|That|So|And|Or|But|Also|Likewise|Ditto|As (?:above|before|there|such|that|those|the one))\b"
)
"""How a docstring begins that makes sense only beside another text."""

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
"""Phrases that no text has, by what to write instead. Each white space in a text counts as a single space."""

OWN: Final = frozenset({"tests/words.py", "tests/test_words.py"})
"""Files that must quote the phrases."""

EXCEPTIONS: Final[dict[str, int]] = {
    "agent/app/bundle.py": 1,
    "agent/app/bundle_members.py": 1,
    "agent/app/check.py": 1,
    "agent/app/demo.py": 1,
    "agent/app/explain.py": 1,
    "agent/app/fleet_lake.py": 3,
    "agent/app/history.py": 1,
    "agent/app/keep.py": 1,
    "agent/app/own_commands.py": 1,
    "agent/app/predict.py": 2,
    "agent/app/publish.py": 1,
    "agent/app/read_saved.py": 2,
    "agent/app/show.py": 1,
    "agent/app/watch_job.py": 2,
    "agent/documents/blocks.py": 5,
    "agent/documents/canvas.py": 2,
    "agent/documents/configured_path.py": 1,
    "agent/documents/difference.py": 1,
    "agent/documents/elements.py": 1,
    "agent/documents/explain.py": 1,
    "agent/documents/flow.py": 1,
    "agent/documents/html.py": 1,
    "agent/documents/picture.py": 1,
    "agent/fixes/by_code.py": 19,
    "agent/fixes/changes.py": 1,
    "agent/fixes/checked.py": 1,
    "agent/fixes/commands.py": 3,
    "agent/fixes/fault.py": 1,
    "agent/fleet/answers.py": 2,
    "agent/fleet/athena.py": 3,
    "agent/fleet/cache.py": 1,
    "agent/fleet/causes.py": 2,
    "agent/fleet/database.py": 1,
    "agent/fleet/fixes.py": 1,
    "agent/fleet/inventory.py": 4,
    "agent/fleet/metrics.py": 1,
    "agent/fleet/model.py": 6,
    "agent/fleet/pack.py": 2,
    "agent/fleet/parquet.py": 2,
    "agent/fleet/phrases.py": 4,
    "agent/fleet/pictures.py": 3,
    "agent/fleet/places.py": 3,
    "agent/fleet/put.py": 1,
    "agent/fleet/readers.py": 7,
    "agent/fleet/reading.py": 3,
    "agent/fleet/records.py": 2,
    "agent/fleet/reports.py": 1,
    "agent/fleet/run_command.py": 2,
    "agent/fleet/statements/only_evidence.sql": 1,
    "agent/fleet/statements/pool.sql": 1,
    "agent/fleet/statements/suppressed.sql": 1,
    "agent/fleet/store.py": 1,
    "agent/fleet/sweeps.py": 2,
    "agent/formats/emf.py": 3,
    "agent/formats/host.py": 1,
    "agent/formats/html.py": 1,
    "agent/formats/junit.py": 1,
    "agent/formats/nagios.py": 4,
    "agent/formats/ndjson.py": 1,
    "agent/formats/opsitem.py": 3,
    "agent/formats/progress.py": 3,
    "agent/formats/prometheus.py": 2,
    "agent/formats/registry.py": 1,
    "agent/formats/svg.py": 1,
    "agent/formats/text.py": 2,
    "agent/formats/tickets.py": 2,
    "agent/network/answers.py": 3,
    "agent/network/endpoint_policy/call.py": 2,
    "agent/network/endpoint_policy/conditions.py": 1,
    "agent/network/endpoint_policy/document.py": 5,
    "agent/network/endpoint_policy/elements.py": 3,
    "agent/network/endpoint_policy/matching.py": 1,
    "agent/network/names.py": 2,
    "agent/network/pending.py": 1,
    "agent/network/predictor.py": 1,
    "agent/network/transit.py": 2,
    "agent/predict/assume.py": 6,
    "agent/predict/cloudformation.py": 2,
    "agent/predict/denied_calls.py": 1,
    "agent/predict/fix_checks.py": 1,
    "agent/predict/intents.py": 3,
    "agent/predict/kinds.py": 1,
    "agent/predict/model.py": 9,
    "agent/predict/phrases.py": 1,
    "agent/predict/plan.py": 1,
    "agent/predict/plan_values.py": 2,
    "agent/predict/prediction.py": 1,
    "agent/predict/resources.py": 1,
    "agent/predict/terraform.py": 4,
    "agent/tui/actions.py": 4,
    "agent/tui/app.py": 1,
    "agent/tui/copying.py": 1,
    "agent/tui/detail.py": 1,
    "agent/tui/following.py": 2,
    "agent/tui/hints.py": 1,
    "agent/tui/layout.py": 1,
    "agent/tui/lines.py": 1,
    "agent/tui/source.py": 1,
    "agent/tui/state.py": 6,
    "agent/tui/timeline.py": 1,
    "agent/tui/watching.py": 6,
    "agent/tui/widgets/pane.py": 2,
    "docs/audit.md": 1,
    "docs/ec2.md": 1,
    "docs/endpoints.md": 1,
    "docs/predict.md": 1,
    "docs/settings.md": 1,
    "tests/agent/app/test_audit.py": 2,
    "tests/agent/app/test_predict.py": 2,
    "tests/agent/app/test_publish.py": 2,
    "tests/agent/audit/test_collect_account.py": 4,
    "tests/agent/documents/test_renderers.py": 1,
    "tests/agent/fixes/test_by_code.py": 1,
    "tests/agent/fixes/test_forms.py": 1,
    "tests/agent/fleet/test_aws.py": 1,
    "tests/agent/fleet/test_estates.py": 1,
    "tests/agent/fleet/test_fleet_events.py": 1,
    "tests/agent/fleet/test_inventory.py": 2,
    "tests/agent/fleet/test_pack.py": 1,
    "tests/agent/fleet/test_parquet.py": 1,
    "tests/agent/fleet/test_put.py": 1,
    "tests/agent/fleet/test_reading.py": 2,
    "tests/agent/fleet/test_records.py": 4,
    "tests/agent/fleet/test_sharing.py": 2,
    "tests/agent/fleet/test_sweeps.py": 1,
    "tests/agent/network/policy_documents.py": 6,
    "tests/agent/network/slow_predict.py": 1,
    "tests/agent/network/test_endpoint_policy.py": 3,
    "tests/agent/network/test_transit.py": 1,
    "tests/agent/predict/test_assume.py": 5,
    "tests/agent/predict/test_minimal_plans.py": 1,
    "tests/agent/predict/test_plan_truths.py": 3,
    "tests/agent/predict/test_plan_variants.py": 1,
    "tests/agent/predict/test_plans.py": 9,
    "tests/agent/predict/test_prediction.py": 2,
    "tests/agent/tui/test_export.py": 1,
}
"""Number of faults that a file may still have, by its path. It may only shrink."""

_MARGIN: Final = re.compile(r"^[ \t]*(?:#|--|//|>)*[ \t]*", re.MULTILINE)
"""What stands before the text of a comment or a quotation on each of its lines."""


class Piece(NamedTuple):
    """A text that somebody reads, with the number of its first line."""

    line: int
    text: str
    is_docstring: bool = False


class Fault(NamedTuple):
    """A text that must be written otherwise, and why."""

    path: str
    line: int
    why: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.why}: {self.text}"


def faults(path: str, content: str) -> list[Fault]:
    """What is wrong with the words of a file, in the order of its lines."""
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
    """Every phrase in a text: the number of lines before it, what to write instead, and the phrase itself."""
    text = _MARGIN.sub("", text)
    flat = re.sub(r"\s", " ", text)  # offsets stay; a line's margin is gone, so words are one space apart
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
    """The comments of a source; those on lines that follow each other are one piece."""
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
    """The paths of texts that somebody wrote: neither generated, nor this check itself."""
    asked = git(root, "check-attr", "-z", "--stdin", "linguist-generated", given="\0".join(paths))
    fields = asked.split("\0")
    generated = {path for path, value in zip(fields[::3], fields[2::3], strict=False) if value == "set"}
    return [path for path in paths if path not in generated | OWN]


def main() -> int:
    """Print every fault in a file that has more than it may. Returns 1 if there is one, otherwise 0."""
    failed = 0
    for path in written_here(tracked(ROOT), ROOT):
        found = faults(path, (ROOT / path).read_text("utf-8"))
        if len(found) > EXCEPTIONS.get(path, 0):
            failed = 1
            print(*found, sep="\n", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main())
