"""Parses a Terraform module with python-hcl2, and evaluates it with given variables and given results of its data
sources. Terraform itself is not installed.

It only supports the expressions and functions that the modules here use; all others are errors. Values have the types
of JSON. A resource or data source with `count` is a list, and one with `for_each` is an object. Source: Terraform
documentation, Configuration Language.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_network
from itertools import chain
from pathlib import Path
from typing import Any, Final

from lark import Token, Tree

Node = Tree[Token]
_LITERALS: Final = {"true": True, "false": False, "null": None}


class RefusedError(Exception):
    """A validation or a precondition refuses the variables of a module. The text of the exception is the
    `error_message` of that validation or precondition.
    """


@dataclass(frozen=True)
class Block:
    """A block: its type, labels, attributes and the blocks in it."""

    kind: str
    labels: tuple[str, ...]
    attributes: Mapping[str, Node]
    blocks: tuple["Block", ...]


def _blocks(body: Node) -> tuple[dict[str, Node], tuple[Block, ...]]:
    attributes: dict[str, Node] = {}
    blocks = []
    for child in _children(body):
        if child.data == "attribute":
            name, expression = _children(child)
            attributes[_text(name)] = expression
        else:
            *names, own = _children(child)
            kind, *labels = (_text(name).strip('"') for name in names)
            blocks.append(Block(kind, tuple(labels), *_blocks(own)))
    return attributes, tuple(blocks)


def _children(node: Node) -> list[Node]:
    """The children of a node, without punctuation and white space."""
    return [child for child in node.children if isinstance(child, Tree) and child.data != "new_line_or_comment"]


def _text(node: Node) -> str:
    return "".join(node.scan_values(lambda _: True))


class Module:
    """Parse the files of a module in a folder."""

    def __init__(self, folder: Path) -> None:
        import hcl2  # imported here, since all test processes import this module, and only one needs it

        self.folder = folder
        self.blocks: list[Block] = []
        for file in sorted(folder.glob("*.tf")):
            _, blocks = _blocks(hcl2.parses_to_tree(file.read_text("utf-8")).children[0])
            self.blocks += blocks

    def of(self, kind: str) -> dict[str, Block]:
        """The blocks of a kind, by their labels joined with dots."""
        return {".".join(block.labels): block for block in self.blocks if block.kind == kind}

    def planned(
        self,
        variables: Mapping[str, Any],
        *,
        data: Callable[[str, str, Mapping[str, Any]], Any],
        ids: Callable[[str, Any], str],
    ) -> "Planned":
        """Evaluate the module. `data` returns the result of a data source, and gets its kind, name and arguments. `ids`
        returns the id of a resource, and gets its address and key. Raises RefusedError.
        """
        return Planned(self, dict(variables), data, ids)


@dataclass
class Planned:
    """A module with values for its variables."""

    module: Module
    given: dict[str, Any]
    read: Callable[[str, str, Mapping[str, Any]], Any]
    ids: Callable[[str, Any], str]
    _known: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, block in self.module.of("variable").items():
            if name not in self.given:
                self.given[name] = self.value(block.attributes["default"], {})
            kind = _text(block.attributes["type"])
            if kind.startswith("set"):
                self.given[name] = sorted(set(self.given[name]))
            for rule in block.blocks:
                self._held(rule, {})
        unknown = {*self.given} - {*self.module.of("variable")}
        if unknown:
            raise RefusedError(f"there is no variable {', '.join(unknown)}")

    def resources(self) -> dict[str, dict[str, Any]]:
        """The attributes of each resource, by its address with its index or key."""
        made: dict[str, dict[str, Any]] = {}
        for address, block in self.module.of("resource").items():
            whole = self._instances(address, block)
            if "for_each" in block.attributes:
                made |= {f'{address}["{key}"]': item for key, item in whole.items()}
            elif "count" in block.attributes:
                made |= {f"{address}[{index}]": item for index, item in enumerate(whole)}
            else:
                made[address] = whole
        return made

    def outputs(self) -> dict[str, Any]:
        """The values of the module's outputs."""
        return {name: self.value(block.attributes["value"], {}) for name, block in self.module.of("output").items()}

    @cached_property
    def _locals(self) -> dict[str, Node]:
        return dict(
            chain.from_iterable(block.attributes.items() for block in self.module.blocks if block.kind == "locals")
        )

    def _instances(self, address: str, block: Block) -> Any:
        if address not in self._known:
            scopes: dict[Any, dict[str, Any]]
            if "for_each" in block.attributes:
                wanted = self.value(block.attributes["for_each"], {})
                pairs = wanted.items() if isinstance(wanted, dict) else ((key, key) for key in wanted)
                scopes = {key: {"each": {"key": key, "value": value}} for key, value in pairs}
            elif "count" in block.attributes:
                count = self.value(block.attributes["count"], {})
                scopes = {index: {"count": {"index": index}} for index in range(count)}
            else:
                scopes = {None: {}}
            made = {key: self._instance(address, block, key, scope) for key, scope in scopes.items()}
            many = [*made.values()] if "count" in block.attributes else made
            self._known[address] = made.get(None, many)
        return self._known[address]

    def _instance(self, address: str, block: Block, key: Any, scope: dict[str, Any]) -> Any:
        attributes = {
            name: self.value(node, scope)
            for name, node in block.attributes.items()
            if name not in ("count", "for_each")
        }
        for inner in block.blocks:
            assert inner.kind == "lifecycle", inner.kind
            for rule in inner.blocks:
                self._held(rule, scope)
        if block.kind == "data":
            return {**attributes, **self.read(block.labels[0], block.labels[1], attributes)}
        return {**attributes, "id": self.ids(address, key)}

    def _held(self, rule: Block, scope: dict[str, Any]) -> None:
        if self.value(rule.attributes["condition"], scope) is not True:
            raise RefusedError(self.value(rule.attributes["error_message"], scope))

    # --- Expressions ---

    def value(self, node: Node, scope: Mapping[str, Any]) -> Any:
        """The value of an expression."""
        return getattr(self, f"_{node.data}")(node, scope)

    def _expr_term(self, node: Node, scope: Mapping[str, Any]) -> Any:
        (inner,) = _children(node)
        return self.value(inner, scope)

    def _int_lit(self, node: Node, _: Mapping[str, Any]) -> int:
        return int(_text(node))

    def _literal_value(self, node: Node, _: Mapping[str, Any]) -> Any:
        return _LITERALS[_text(node)]

    def _string(self, node: Node, scope: Mapping[str, Any]) -> str:
        return "".join(self._part(part, scope) for part in _children(node))

    def _part(self, part: Node, scope: Mapping[str, Any]) -> str:
        (inner,) = part.children
        if isinstance(inner, Token):
            return str(json.loads(f'"{inner}"'))
        assert inner.data == "interpolation", inner.data
        value = self.value(_children(inner)[0], scope)
        assert isinstance(value, str | int), f"no text in a template: {value}"
        return str(value)

    def _tuple(self, node: Node, scope: Mapping[str, Any]) -> list[Any]:
        return [self.value(item, scope) for item in _children(node)]

    def _object(self, node: Node, scope: Mapping[str, Any]) -> dict[str, Any]:
        made = {}
        for element in _children(node):
            key, value = _children(element)
            bare = _text(key)
            is_word = bare.replace("_", "").replace("-", "").isalnum()
            made[bare if is_word else self.value(_children(key)[0], scope)] = self.value(value, scope)
        return made

    def _identifier(self, node: Node, scope: Mapping[str, Any]) -> Any:
        name = _text(node)
        if name in scope:
            return scope[name]
        match name:
            case "var":
                return self.given
            case "local":
                return _Lazy(lambda key: self._local(key))
            case "path":
                return {"module": str(self.module.folder)}
            case "data":
                return _Lazy(lambda kind: self._named("data", kind))
        return self._named("resource", name)

    def _local(self, name: str) -> Any:
        if f"local.{name}" not in self._known:
            self._known[f"local.{name}"] = self.value(self._locals[name], {})
        return self._known[f"local.{name}"]

    def _named(self, block_kind: str, kind: str) -> "_Lazy":
        blocks = self.module.of(block_kind)
        return _Lazy(lambda name: self._instances(f"{kind}.{name}", blocks[f"{kind}.{name}"]))

    def _get_attr_expr_term(self, node: Node, scope: Mapping[str, Any]) -> Any:
        term, attribute = _children(node)
        return self.value(term, scope)[_text(attribute).removeprefix(".")]

    def _index_expr_term(self, node: Node, scope: Mapping[str, Any]) -> Any:
        term, index = _children(node)
        return self.value(term, scope)[self.value(_children(index)[0], scope)]

    def _full_splat_expr_term(self, node: Node, scope: Mapping[str, Any]) -> list[Any]:
        term, splat = _children(node)
        items = self.value(term, scope)
        assert isinstance(items, list), "[*] of what is not a list"
        for attribute in _children(splat):
            items = [item[_text(attribute).removeprefix(".")] for item in items]
        return items

    def _conditional(self, node: Node, scope: Mapping[str, Any]) -> Any:
        condition, yes, no = _children(node)
        chosen = self.value(condition, scope)
        assert isinstance(chosen, bool), f"no truth value: {chosen}"
        return self.value(yes if chosen else no, scope)

    def _unary_op(self, node: Node, scope: Mapping[str, Any]) -> Any:
        operator, operand = node.children
        value = self.value(operand, scope)  # type: ignore[arg-type]
        assert operator == "!"
        assert isinstance(value, bool), f"no truth value: {value}"
        return not value

    def _binary_op(self, node: Node, scope: Mapping[str, Any]) -> Any:
        left, term = _children(node)
        operator, right = _children(term)
        first = self.value(left, scope)
        match _text(operator):
            case "&&":
                return first and self.value(right, scope)
            case "||":
                return first or self.value(right, scope)
            case "==":
                return first == self.value(right, scope)
            case ">":
                return first > self.value(right, scope)
        raise NotImplementedError(_text(operator))

    def _for_tuple_expr(self, node: Node, scope: Mapping[str, Any]) -> list[Any]:
        intro, wanted, *conditions = _children(node)
        return [
            self.value(wanted, inner)
            for inner in self._turns(intro, scope)
            if all(self.value(_children(condition)[0], inner) for condition in conditions)
        ]

    def _for_object_expr(self, node: Node, scope: Mapping[str, Any]) -> dict[str, Any]:
        intro, key, wanted, *conditions = _children(node)
        made: dict[str, Any] = {}
        for inner in self._turns(intro, scope):
            if all(self.value(_children(condition)[0], inner) for condition in conditions):
                name = self.value(key, inner)
                assert name not in made, f"the key {name} twice"
                made[name] = self.value(wanted, inner)
        return made

    def _turns(self, intro: Node, scope: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        *names, items = _children(intro)
        words = [_text(name) for name in names]
        whole = self.value(items, scope)
        pairs = [*whole.items()] if isinstance(whole, dict) else [*enumerate(whole)]
        return [{**scope, **dict(zip(words, pair[-len(words) :], strict=True))} for pair in pairs]

    def _function_call(self, node: Node, scope: Mapping[str, Any]) -> Any:
        name, *rest = _children(node)
        nodes = _children(rest[0]) if rest else []
        if _text(name) == "try":
            return self._tried(nodes, scope)
        arguments = [self.value(argument, scope) for argument in nodes]
        if rest and any(child == "..." for child in rest[0].children):
            arguments = [*arguments[:-1], *arguments[-1]]
        return _FUNCTIONS[_text(name)](*arguments)

    def _tried(self, nodes: list[Node], scope: Mapping[str, Any]) -> Any:
        for argument in nodes[:-1]:
            try:
                return self.value(argument, scope)
            except (KeyError, TypeError, ValueError):
                continue
        return self.value(nodes[-1], scope)


class _Lazy:
    """A mapping whose values are evaluated on access."""

    def __init__(self, get: Callable[[str], Any]) -> None:
        self._get = get

    def __getitem__(self, key: str) -> Any:
        return self._get(key)


def _one(items: list[Any]) -> Any:
    assert len(items) <= 1, "one() of more than one"
    return items[0] if items else None


def _flat(items: list[Any]) -> list[Any]:
    return [part for item in items for part in (_flat(item) if isinstance(item, list) else [item])]


_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "alltrue": all,
    "anytrue": any,
    "cidrsubnet": lambda block, bits, number: str([*ip_network(block).subnets(bits)][number]),
    "concat": lambda *lists: [item for items in lists for item in items],
    "contains": lambda items, item: item in items,
    "distinct": lambda items: [*dict.fromkeys(items)],
    "flatten": _flat,
    "join": lambda separator, items: separator.join(items),
    "jsondecode": json.loads,
    "jsonencode": json.dumps,
    "length": len,
    "merge": lambda *maps: {key: value for items in maps for key, value in items.items()},
    "one": _one,
    "setsubtract": lambda items, others: [item for item in items if item not in others],
    "startswith": lambda text, start: text.startswith(start),
    "values": lambda items: [*items.values()],
}
