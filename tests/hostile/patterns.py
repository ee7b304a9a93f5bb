"""`python -m tests.hostile.patterns`: measures how long each compiled pattern of the program takes for hostile texts.

It prints one line of JSON: the numbers of patterns and texts, and each search that takes more than LEAST_SECONDS for
CHARACTERS, and more than MOST_GROWTH times as long as for half of them. Such a pattern takes about four times as long
for twice the text, so a text of a few megabytes would block the program for hours.
"""

import ast
import importlib
import inspect
import json
import pkgutil
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from types import ModuleType
from typing import Any, Final

import agent
import probes

CHARACTERS: Final = 64 << 10
MOST_GROWTH: Final = 3.2
"""The maximum growth of the time for twice the text. The growth is 2 for a linear pattern, and 4 for a
quadratic one.
"""
LEAST_SECONDS: Final = 0.02
TRIES: Final = 5
"""The number of attempts. The fastest counts, since other work on the machine only adds time."""
LENGTHS: Final = (CHARACTERS // 16, CHARACTERS // 4, CHARACTERS)
"""The lengths of the texts with which a pattern is timed. For very fast and for very slow patterns, a short text is
enough.
"""
LONG: Final = 64
"""A repeat with an upper limit of at least this many times counts as unlimited."""
BLANKS: Final = (" ", "\t", "\n", "\r\n", " \t", "\n ", "  \n", "a ", " = ", "\n\n\t")
SIGNS: Final = (
    ".",
    "-",
    "_",
    ":",
    "/",
    "=",
    "'",
    '"',
    ",",
    ";",
    "(",
    ")",
    "[",
    "]",
    "{",
    "<",
    ">",
    "@",
    "#",
    "%",
    "\\",
)
WORDS: Final = ("a", "A", "0", "f", "1a", "aA0", "a.", "a-", "a:", "a/", "a=", "0.", "0:", "10.", "é", "\0", "�")
MORE: Final = (
    "://",
    "http://a",
    "eyJaaaa-",
    "eyJa.",
    "aB3/",
    "Basic ",
    "password=",
    "arn:aws:",
    "vpce-0",
    "-----BEGIN ",
)
PIECES: Final = (*BLANKS, *SIGNS, *WORDS, *MORE)
"""Texts that hostile texts repeat, for every pattern. For each pattern, there are also texts that the pattern itself
matches.
"""
AFTER: Final = "\0!"
"""The end of each hostile text; few patterns match it."""
SEARCHES: Final = frozenset({"search", "sub", "subn", "split", "findall", "finditer"})
METHODS: Final = SEARCHES | {"match", "fullmatch"}


FULLMATCHED: Final = frozenset(
    {
        "agent.catalog.placeholders.FORMS",
        "agent.catalog.placeholders.SERVICE_NAME",
        "agent.predict.assume._ROUTE",
        "agent.report.host_record._FORMS",
    }
)
"""Patterns in a list or a table. The program applies each of them only with fullmatch()."""


@dataclass(frozen=True, slots=True)
class Use:
    """A pattern, where it is defined, and how the program applies it."""

    pattern: re.Pattern[Any]
    where: str
    method: str


def modules() -> Iterator[ModuleType]:
    """Every module of the program."""
    for package in (agent, probes):
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


def uses() -> list[Use]:
    """Each pattern of the program once, with the method that applies it."""
    program = list(modules())
    trees = {module.__name__: ast.parse(inspect.getsource(module)) for module in program}
    called = {name: methods_of(tree) for name, tree in trees.items()}
    tables = (vars(sys.modules[module])[name] for module, _, name in (name.rpartition(".") for name in FULLMATCHED))
    matched_whole = {pattern for table in tables for pattern in patterns_in(table)}
    found: dict[tuple[str | bytes, int, str], Use] = {}
    for module in program:
        for name, value in vars(module).items():
            # A pattern whose name begins with an underscore is used only in its own module.
            sources = (module.__name__,) if name.startswith("_") else tuple(called)
            methods = {method for source in sources for method in called[source].get(name, ())} or {"search"}
            for pattern in patterns_in(value):
                for method in {"fullmatch"} if pattern in matched_whole else methods:
                    use = Use(pattern, f"{module.__name__}.{name}", method)
                    found.setdefault((pattern.pattern, pattern.flags, method), use)
        for pattern, where, method in written_in(module.__name__, trees[module.__name__]):
            found.setdefault((pattern.pattern, pattern.flags, method), Use(pattern, where, method))
    return list(found.values())


def methods_of(tree: ast.Module) -> dict[str, set[str]]:
    """The methods that a module calls on patterns, by the name of the pattern, or of the table in which the pattern is.
    If the name also occurs without a call, such as in a list, other code may call search() on the pattern.
    """
    called: dict[str, set[str]] = defaultdict(set)
    bases = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in METHODS:
            base = node.value.value if isinstance(node.value, ast.Subscript) else node.value
            if isinstance(base, ast.Name):
                called[base.id].add("search" if node.attr in SEARCHES else node.attr)
                bases.add(id(base))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in bases:
            called[node.id].add("search")
    return called


def patterns_in(value: Any, depth: int = 4) -> Iterator[re.Pattern[Any]]:
    """The patterns in a value of a module, also inside containers, classes and objects of the program."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, Mapping):
        for item in (*value.keys(), *value.values()):
            yield from patterns_in(item, depth - 1)
    elif depth and isinstance(value, tuple | list | set | frozenset):
        for item in value:
            yield from patterns_in(item, depth - 1)
    elif depth and isinstance(value, type) and value.__module__.startswith(("agent.", "probes.")):
        for item in list(vars(value).values()):
            yield from patterns_in(item, depth - 1)
    elif depth and is_dataclass(value) and type(value).__module__.startswith(("agent.", "probes.")):
        for field in fields(value):
            yield from patterns_in(getattr(value, field.name), depth - 1)


def written_in(name: str, tree: ast.Module) -> Iterator[tuple[re.Pattern[str], str, str]]:
    """The patterns in calls of functions, such as `re.search("...", text)`."""
    for node in ast.walk(tree):
        if not (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.func.attr in METHODS
        ):
            continue
        if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
            flags = re.MULTILINE if "MULTILINE" in ast.unparse(node) else re.NOFLAG
            yield (
                re.compile(node.args[0].value, flags),
                f"{name}:{node.lineno}",
                "search" if node.func.attr in SEARCHES else node.func.attr,
            )


# --- Texts -----------------------------------------------------------------------------------------------------------


def texts(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str]]:
    """Hostile texts, each as its beginning and the text that it repeats: texts for every pattern, and texts made for
    this pattern.
    """
    yield from (("", piece) for piece in PIECES)
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    seen = set()
    for before, body in repeats("", parsed(source, pattern.flags)):
        for pair in ((before, body), ("", before + body), ("", body)):
            if pair[1] and pair not in seen:
                seen.add(pair)
                yield pair


def parsed(source: str, flags: int) -> Any:
    """The parts of a pattern, as Python's own compiler parses it."""
    return vars(re)["_parser"].parse(source, flags & ~re.UNICODE.value)


def repeats(before: str, parts: Any) -> Iterator[tuple[str, str]]:
    """For each repeat in a pattern: a text that leads to the repeat, and a text that the repeat matches."""
    for operation, value in parts:
        name = str(operation)
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            _, most, inner = value
            if most >= LONG:
                yield from ((before, body) for body in samples(inner))
            yield from repeats(before, inner)
        elif name == "SUBPATTERN":
            yield from repeats(before, value[-1])
        elif name == "ATOMIC_GROUP":
            yield from repeats(before, value)
        elif name in ("ASSERT", "ASSERT_NOT"):
            yield from repeats(before, value[1])
        elif name == "BRANCH":
            for branch in value[1]:
                yield from repeats(before, branch)
        before += sample(operation, value)


def samples(parts: Any) -> Iterator[str]:
    """Texts that the inside of a repeat matches. For a set of characters, there is a text for each kind of character in
    the set.
    """
    inner = list(parts)
    if len(inner) == 1 and str(inner[0][0]) == "IN":
        yield from dict.fromkeys(sample("IN", [kind]) for kind in inner[0][1] if str(kind[0]) != "NEGATE")
    yield "".join(sample(operation, value) for operation, value in inner)


def sample(operation: Any, value: Any) -> str:
    """A text that a part of a pattern matches."""
    name = str(operation)
    if name == "LITERAL":
        return chr(value)
    if name == "RANGE":
        return chr(value[0])
    if name == "CATEGORY":
        kinds: dict[str, str] = {"CATEGORY_DIGIT": "0", "CATEGORY_SPACE": " ", "CATEGORY_NOT_WORD": "."}
        return kinds.get(str(value), "a")
    if name == "IN":
        if str(value[0][0]) != "NEGATE":
            return sample(*value[0])
        refused = {sample(*kind) for kind in value[1:]}
        return next(sign for sign in "a0. Z~" if sign not in refused)
    if name in ("ANY", "NOT_LITERAL"):
        return "a" if value != ord("a") else "b"
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least: int = max(value[0], 1 if value[1] else 0)
        return "".join(sample(*part) for part in value[2]) * least
    if name == "SUBPATTERN":
        return "".join(sample(*part) for part in value[-1])
    if name == "ATOMIC_GROUP":
        return "".join(sample(*part) for part in value)
    if name == "BRANCH":
        return "".join(sample(*part) for part in value[1][0])
    return ""


# --- Time ------------------------------------------------------------------------------------------------------------


def slow(use: Use, before: str, piece: str) -> tuple[int, float, float] | None:
    """If the pattern is slow, a length of text that shows it, with the seconds for half this length and for the whole;
    otherwise None.
    """
    for length in LENGTHS:
        whole = seconds(use, before, piece, length, 1)
        if whole * (CHARACTERS / length) ** 2 <= LEAST_SECONDS:  # fast enough, even if the growth is quadratic
            return None
        if whole <= LEAST_SECONDS and length < CHARACTERS:
            continue
        half = seconds(use, before, piece, length // 2, TRIES)
        if whole > MOST_GROWTH * half:
            whole = min(whole, seconds(use, before, piece, length, TRIES))
        return (length, half, whole) if whole > max(LEAST_SECONDS, MOST_GROWTH * half) else None
    return None


def seconds(use: Use, before: str, piece: str, length: int, tries: int) -> float:
    """The least CPU seconds that this thread needs to apply a pattern to a text of this length."""
    given = (before + piece * (length // len(piece)))[:length] + AFTER
    text: Any = given.encode() if isinstance(use.pattern.pattern, bytes) else given

    def apply() -> object:
        if use.method == "search":
            return sum(1 for _ in use.pattern.finditer(text))
        return getattr(use.pattern, use.method)(text)

    found = []
    for _ in range(tries):
        began = time.thread_time()
        apply()
        found.append(time.thread_time() - began)
    return min(found)


def main() -> None:
    """Time every pattern of the program."""
    found = uses()
    count = 0
    bad = []
    for use in found:
        for before, piece in texts(use.pattern):
            count += 1
            if (taken := slow(use, before, piece)) is not None:
                bad.append([use.where, use.method, before[:40], piece[:40], *taken])
                print(*bad[-1], file=sys.stderr, flush=True)  # noqa: T201 - for who waits
    print(json.dumps({"patterns": len(found), "texts": count, "slow": bad}))  # noqa: T201 - for the test


if __name__ == "__main__":
    main()
