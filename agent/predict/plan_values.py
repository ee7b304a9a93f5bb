"""Values and changes that Terraform plans and CloudFormation change sets have in common.

Each format has its own names for attributes. A value that is known only after apply is missing from the values.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from agent.network.edits import Edit
from agent.network.written_edits import MalformedError, an_id
from agent.predict.kinds import BY_ATTRIBUTE, Part, Places
from probes.frozen import dataclass
from probes.vpc.model import Manager

_ADDRESS: Final = re.compile(r"[A-Za-z0-9_.:/@+*, \[\]\"-]{1,200}")
_MOST_CHARACTERS: Final = 32_768
"""Maximum number of characters of one text. A policy has at most 20,480."""


class PlanError(Exception):
    """The plan in a file cannot be used. The message is for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceChange:
    """A change of one resource, as the edits that describe it before and after."""

    kind: str
    """The type of the resource."""
    before: tuple[Edit, ...]
    """The edits that describe it now; empty if it is created."""
    after: tuple[Edit, ...]
    """The edits that will describe it; empty if it is deleted."""


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A change that may matter and is not followed."""

    kind: str
    """The type of the resource, or another description of the change."""
    address: str | None = None
    """The resource's name in the plan; None if the name does not have the usual form."""
    is_known: bool = True
    """Whether changes of this kind are known to matter. Otherwise the kind is on no list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The changes of one file."""

    name: str
    """The name of the file, for errors and other texts."""
    changes: tuple[ResourceChange, ...]
    unjudged: tuple[Unjudged, ...]
    left_out: int
    """Number of changes of kinds that do not affect a path."""
    others: frozenset[str] = frozenset()
    """Kinds of other providers. Their changes are not counted."""
    manager: Manager
    """The tool that applies the plan."""
    managed: frozenset[str] = frozenset()
    """Ids of the resources that the tool manages, if the plan shows them."""


class Found:
    """Collects the changes of a file that are not followed."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self.unjudged: list[Unjudged] = []
        self.others: set[str] = set()
        self.left_out = 0

    def add(self, kind: str, address: Any, *, is_created: bool, differs: bool, is_same: bool = False) -> None:
        """Add a change of a kind that is not followed. `differs` says that an attribute of BY_ATTRIBUTE changes.
        `is_same` says that no attribute changes except those that the resource sets itself."""
        part = self._places.part_of(kind)
        if part is Part.OTHER:
            self.others.add(kind)
        elif is_same:
            self.left_out += 1
        elif kind in BY_ATTRIBUTE:
            self._count(kind, address, matters=differs)
        elif part is Part.UNKNOWN:
            self.unjudged.append(Unjudged(kind, address_of(address), False))
        else:
            changes = part is Part.ONCE_THERE and not is_created
            self._count(kind, address, matters=part is Part.ALWAYS or changes)

    def cannot_follow(self, kind: str, address: Any) -> None:
        """Add a change that has an unusual form and therefore cannot be followed, although changes of its kind usually
        can."""
        self.unjudged.append(Unjudged(kind, address_of(address)))

    def _count(self, kind: str, address: Any, *, matters: bool) -> None:
        if matters:
            self.unjudged.append(Unjudged(kind, address_of(address)))
        else:
            self.left_out += 1


def address_of(text: Any) -> str | None:
    """The name of a resource in its plan, such as `module.vpc.aws_subnet.private["a"]`; None for any other text."""
    return text if isinstance(text, str) and _ADDRESS.fullmatch(text) else None


class Values:
    """The attributes of a resource, or of a block in it, that are known before the plan is applied."""

    def __init__(self, attributes: Any, unknown: Any = None) -> None:
        """`unknown` has the value true for each value that is known only after apply, as Terraform writes it. Raises
        MalformedError if the attributes are not a mapping."""
        if not isinstance(attributes, Mapping):
            raise MalformedError
        self.attributes: Mapping[str, Any] = attributes
        self.unknown: Mapping[str, Any] = unknown if isinstance(unknown, Mapping) else {}

    def is_unknown(self, *names: str) -> bool:
        """Whether one of these attributes, or a part of it, is known only once the plan is applied."""
        return any(_holds_true(self.unknown.get(name)) for name in names)

    def text(self, name: str) -> str | None:
        """The text of an attribute. None if it is not set or unknown. Raises MalformedError for any other value."""
        value = None if self.is_unknown(name) else self.attributes.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str) or len(value) > _MOST_CHARACTERS:
            raise MalformedError
        return value

    def word(self, name: str) -> str | None:
        """The text of an attribute, which may be a whole number. None if it is not set or unknown."""
        value = self.attributes.get(name)
        return str(value) if type(value) is int else self.text(name)

    def id_of(self, name: str, *prefixes: str) -> str | None:
        """The id of a resource of one of these kinds. The id of a group may come after its account."""
        value = self.text(name)
        if value is None:
            return None
        return an_id(value, *prefixes)

    def ids_of(self, name: str, *prefixes: str) -> list[str]:
        """The ids in a list. Empty if the attribute is not set or unknown."""
        return [an_id(text, *prefixes) for text in self.texts(name)]

    def texts(self, name: str) -> list[str]:
        """The known texts in a list; empty if it is not set."""
        value = self.attributes.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise MalformedError
        texts = [item for item in value if item is not None]  # None stands for an unknown text
        if not all(isinstance(item, str) for item in texts):
            raise MalformedError
        return texts

    def flag(self, name: str) -> bool | None:
        """The truth value of an attribute. None if it is not set or unknown."""
        value = None if self.is_unknown(name) else self.attributes.get(name)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if value is None or isinstance(value, bool):
            return value
        raise MalformedError

    def number(self, name: str) -> int | None:
        """The whole number of an attribute, which may be a text. None if it is not set or unknown."""
        value = None if self.is_unknown(name) else self.attributes.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str) and len(value) <= len("-2147483648"):
            try:
                return int(value)
            except ValueError:
                raise MalformedError from None
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, float) and value.is_integer():
            return int(value)
        raise MalformedError

    def is_whole(self, name: str) -> bool:
        """Whether each block in a list is known, at least partly."""
        value, unknown = self.attributes.get(name), self.unknown.get(name)
        if isinstance(unknown, list) and isinstance(value, list) and len(unknown) == len(value):
            return True not in unknown
        return not _holds_true(unknown)

    def blocks(self, name: str) -> Iterator["Values"]:
        """The blocks in a list that are known, at least partly. Empty if the attribute is not set."""
        value, unknown = self.attributes.get(name), self.unknown.get(name)
        if value is None:
            return
        if not isinstance(value, list):
            raise MalformedError
        each = unknown if isinstance(unknown, list) and len(unknown) == len(value) else [unknown] * len(value)
        for item, unknown_item in zip(value, each, strict=True):
            if item is not None:
                yield Values(item, unknown_item)


def _holds_true(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_true, value.values()))
    if isinstance(value, list):
        return any(map(_holds_true, value))
    return value is True


def differ(before: Values, after: Values, names: Iterable[str]) -> bool:
    """Whether one of these attributes changes, or becomes unknown."""
    return any(after.is_unknown(name) or before.attributes.get(name) != after.attributes.get(name) for name in names)
