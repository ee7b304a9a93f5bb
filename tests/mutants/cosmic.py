"""The operators of cosmic-ray for comparisons, numbers and booleans, run by the Python of `.venv-mutants`:

cosmic.py list          reads the paths of modules from stdin, and writes a line of JSON for each possible mutant
cosmic.py make          reads such lines from stdin, and writes each with the mutated source
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import parso
from cosmic_ray.ast import ast_nodes
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.operators import boolean_replacer, comparison_operator_replacement, number_replacer

_SAME: Final = frozenset({"Is_Eq", "IsNot_NotEq", "Eq_Is", "NotEq_IsNot"})
"""Pairs of operators that give the same result for members of enumerations and for small constants; their mutants are
left out.
"""
OPERATORS: Final[dict[str, type]] = {
    operator.__name__: operator
    for operator in (
        *comparison_operator_replacement.operators(),
        boolean_replacer.AddNot,
        boolean_replacer.ReplaceTrueWithFalse,
        boolean_replacer.ReplaceFalseWithTrue,
        boolean_replacer.ReplaceAndWithOr,
        boolean_replacer.ReplaceOrWithAnd,
        number_replacer.NumberReplacer,
    )
    if operator.__name__.removeprefix("ReplaceComparisonOperator_") not in _SAME
}


class _OneOccurrence(MutationVisitor):  # type: ignore[misc]  # has no types
    """Makes one mutant, and describes its replacement."""

    def visit(self, node: Any) -> Any:
        before = node.get_code(include_prefix=False)
        was = self.mutation_applied
        node = super().visit(node)
        if self.mutation_applied and not was:
            self.words = before, node.get_code(include_prefix=False)
        return node


def found(path: str) -> Iterator[dict[str, Any]]:
    """Every mutant of a module."""
    text = Path(path).read_text("utf-8")
    nodes, lines = tuple(ast_nodes(parso.parse(text))), text.splitlines()
    for name, operator in OPERATORS.items():
        positions = [position for node in nodes for position in operator().mutation_positions(node)]
        for occurrence, ((line, column), _) in enumerate(positions):
            # No test can notice whether a class is frozen, has slots or is keyword-only; mypy checks this.
            if not lines[line - 1].startswith("@dataclass("):
                yield {"path": path, "operator": name, "occurrence": occurrence, "line": line, "column": column}


def made(mutant: dict[str, Any]) -> dict[str, Any]:
    """The mutant with its source, and with a description of the replacement."""
    visitor = _OneOccurrence(mutant["occurrence"], OPERATORS[mutant["operator"]]())
    tree = visitor.walk(parso.parse(Path(mutant["path"]).read_text("utf-8")))
    return {**mutant, "was": visitor.words[0], "becomes": visitor.words[1], "source": tree.get_code()}


def main() -> None:
    """List or make mutants, from the root of a tree."""
    for line in sys.stdin.read().splitlines():
        for mutant in found(line) if sys.argv[1:] == ["list"] else [made(json.loads(line))]:
            print(json.dumps(mutant))


main()
