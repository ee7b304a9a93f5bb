"""References in a Terraform plan: for values that are known only after apply, the resources that they come from.

A security group that a plan creates has no id yet. If an endpoint of the same plan refers to it, the rules of the group
are known nevertheless.

Source: Terraform documentation, JSON Output Format, Configuration Representation and Expression Representation.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

_GROUP: Final = "aws_security_group"
_OF_GROUPS: Final = (
    *("security_group_ids", "security_group_id", "source_security_group_id", "referenced_security_group_id"),
)
"""The attributes that hold ids of security groups."""
_ENDPOINTS: Final = frozenset({"aws_vpc_endpoint", "aws_vpc_endpoint_security_group_association"})
_INDEX: Final = re.compile(r'\[(?:"[^"]*"|[^\]"\[])*\]')
_MOST_FOLLOWED: Final = 256
"""Maximum number of references to follow for one value. It keeps the time in proportion to the plan's length."""
Module = tuple[str, ...]
_Place = tuple[Module, str, str]
"""Module, type and name of a resource, without the indices of instances."""


class References:
    """The security groups that a plan creates for its endpoints, with made-up ids."""

    def __init__(self, document: Mapping[str, Any], rows: Iterable[Any]) -> None:
        configuration = document.get("configuration")
        root = configuration.get("root_module") if isinstance(configuration, Mapping) else None
        self._root = root if isinstance(root, Mapping) else {}
        made: defaultdict[_Place, list[str]] = defaultdict(list)
        for row in rows:
            if (place := _place_of(row)) is not None and place[1] == _GROUP and "create" in actions_of(row):
                made[place].append(str(row.get("address")))
        alone = [place for place, addresses in made.items() if len(addresses) == 1]
        self._indexed: dict[Module, Mapping[tuple[str, str], Mapping[str, Any]]] = {}
        self._ids = dict.fromkeys(alone, "")
        used = [place for row in rows for place in self._of_endpoint(row)]
        self._ids = {place: f"sg-new-{number}" for number, place in enumerate(dict.fromkeys(used), 1)}

    def _of_endpoint(self, row: Any) -> list[_Place]:
        """The groups to which an endpoint refers, if it refers to nothing else."""
        place = _place_of(row)
        if place is None or place[1] not in _ENDPOINTS:
            return []
        expressions = self._expressions(place)
        values = (expressions.get(name) for name in _OF_GROUPS)
        return [group for value in values for group in self._groups(place[0], value, set()) or ()]

    def id_of(self, row: Mapping[str, Any]) -> str | None:
        """The made-up id of the security group in a row; None for any other resource, and for a resource that has
        several instances."""
        place = _place_of(row)
        return None if place is None else self._ids.get(place)

    def resolved(self, row: Mapping[str, Any], attributes: Mapping[str, Any], unknown: Any) -> Mapping[str, Any]:
        """The attributes. If an unknown value consists only of ids of groups that the plan creates, it has made-up
        ids."""
        place = _place_of(row)
        if place is None or not isinstance(unknown, Mapping):
            return {}
        expressions = self._expressions(place)
        found: dict[str, Any] = {}
        for name in _OF_GROUPS:
            count = _count(unknown.get(name))
            if count == 0 or name not in expressions:
                continue
            groups = self._groups(place[0], expressions[name], set())
            is_list = name.endswith("_ids")
            if groups is None or not groups or (count is not None and count != len(groups)):
                continue
            if not is_list and len(groups) > 1:
                continue  # a condition, which is unknown here, decides which group it is
            ids = [self._ids[group] for group in groups]
            known = attributes.get(name)
            found[name] = [*(known if isinstance(known, list) else ()), *ids] if is_list else ids[0]
        return found

    def is_set(self, row: Mapping[str, Any], name: str) -> bool:
        """Whether the configuration of a resource sets an attribute. True if the plan does not show the
        configuration."""
        place = _place_of(row)
        if place is None or not self._root:
            return True
        expressions = self._expressions(place)
        return not expressions or name in expressions

    def _module(self, module: Module) -> Mapping[str, Any]:
        names = (word for name in module for word in ("module_calls", name, "module"))
        found = _inner(self._root, *names)
        return found if isinstance(found, Mapping) else {}

    def _expressions(self, place: _Place) -> Mapping[str, Any]:
        """The expressions in the configuration of a resource, by attribute."""
        module, *of_resource = place
        if module not in self._indexed:
            self._indexed[module] = _expressions_in(self._module(module))
        return self._indexed[module].get((of_resource[0], of_resource[1]), {})

    def _groups(self, module: Module, expression: Any, seen: set[tuple[Module, str]]) -> list[_Place] | None:
        """The groups to which a value refers. None if it also refers to anything else. `seen` has the references that
        were already followed. No reference is followed twice."""
        references = expression.get("references") if isinstance(expression, Mapping) else None
        if not isinstance(references, list):
            return None
        groups: dict[_Place, None] = {}
        for reference in references:
            if not isinstance(reference, str):
                return None
            if (module, reference) in seen:
                continue
            seen.add((module, reference))
            if len(seen) > _MOST_FOLLOWED:
                return None
            found = self._followed(module, reference, seen)
            if found is None:
                return None
            groups |= dict.fromkeys(found)
        return list(groups)

    def _followed(self, module: Module, reference: str, seen: set[tuple[Module, str]]) -> list[_Place] | None:
        if (through := self._through(module, reference)) is not None:
            return self._groups(*through, seen)
        match _INDEX.sub("", reference).split("."):
            case ["module", _]:
                return []  # a dependency beside the output that is meant
            case [kind, name, *rest] if kind == _GROUP and rest in ([], ["id"]):
                place = (module, kind, name)
                return [place] if place in self._ids else None
        return None

    def _through(self, module: Module, reference: str) -> tuple[Module, Any] | None:
        """The value of a variable or output of a module, with the module that has this expression; None for any other
        reference."""
        match _INDEX.sub("", reference).split("."):
            case ["var", name, *_] if module:
                return module[:-1], _inner(self._module(module[:-1]), "module_calls", module[-1], "expressions", name)
            case ["module", called, name, *_]:
                return (*module, called), _inner(self._module((*module, called)), "outputs", name, "expression")
        return None

    def origins(self, row: Mapping[str, Any], name: str) -> frozenset[str]:
        """The first words of everything to which a value refers: `data`, `local` or the kind of a resource."""
        place = _place_of(row)
        if place is None:
            return frozenset()
        left, seen, found = [(place[0], self._expressions(place).get(name))], set[tuple[Module, str]](), set[str]()
        while left and len(seen) <= _MOST_FOLLOWED:
            module, expression = left.pop()
            references = expression.get("references") if isinstance(expression, Mapping) else None
            for reference in references if isinstance(references, list) else ():
                if not isinstance(reference, str) or (module, reference) in seen:
                    continue
                seen.add((module, reference))
                through = self._through(module, reference)
                if through is None:
                    found.add(reference.partition(".")[0])
                else:
                    left.append(through)
        return frozenset(found)


def _inner(value: Any, *names: str) -> Any:
    """The value at a path through nested objects; None if there is no such value."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _place_of(row: Any) -> _Place | None:
    if not isinstance(row, Mapping) or row.get("mode", "managed") != "managed":
        return None
    kind, name, module = row.get("type"), row.get("name"), row.get("module_address", "")
    if not isinstance(kind, str) or not isinstance(name, str) or not isinstance(module, str):
        return None
    words = _INDEX.sub("", module).split(".")
    return tuple(words[1::2]), kind, name


def actions_of(row: Mapping[str, Any]) -> list[Any]:
    """The actions of a plan for a resource; empty if they do not have the usual form."""
    change = row.get("change")
    actions = change.get("actions") if isinstance(change, Mapping) else None
    return actions if isinstance(actions, list) else []


def _expressions_in(module: Mapping[str, Any]) -> Mapping[tuple[str, str], Mapping[str, Any]]:
    resources = module.get("resources")
    return {
        (str(resource.get("type")), str(resource.get("name"))): expressions
        for resource in (resources if isinstance(resources, list) else ())
        if isinstance(resource, Mapping) and isinstance(expressions := resource.get("expressions"), Mapping)
    }


def _count(unknown: Any) -> int | None:
    """Number of unknown values; None if even the number is unknown."""
    if isinstance(unknown, list):
        return sum(item is True for item in unknown)
    return None if unknown is True else 0
