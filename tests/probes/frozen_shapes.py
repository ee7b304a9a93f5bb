"""Compares classes that the standard dataclass decorator makes with classes that `probes.frozen` makes. `python -m
tests.probes.frozen_shapes` prints the differences in their visible behaviour. It needs only the standard library.
"""

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import field
from typing import Any, ClassVar, Final, Generic, TypeVar

from probes import frozen

T = TypeVar("T")
Decorator = Callable[..., Any]


def shapes(dataclass: Decorator) -> dict[str, tuple[type, dict[str, Any]]]:
    """The classes that a decorator makes, in every form that the program uses. Each comes with the values of the fields
    of an instance.
    """

    @dataclass(frozen=True, slots=True)
    class Nothing:
        """A class without fields."""

    @dataclass(frozen=True, slots=True)
    class Pair:
        left: int
        right: str = "r"

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Named:
        """A class with a docstring."""

        first: int = 1
        second: list[int] = field(default_factory=list)
        third: str
        constant: ClassVar[int] = 7

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Longer(Named):
        fourth: float = 4.0
        first: int = 2

    @dataclass(frozen=True, slots=True)
    class Of(Generic[T]):
        value: T
        note: str = field(default="", compare=False, repr=False)

    @dataclass(frozen=True, slots=True)
    class OfText(Of[str]):
        more: int = field(default=0, kw_only=True)

    @dataclass(frozen=True, slots=True)
    class Own:
        secret: str

        def __repr__(self) -> str:
            return "Own(...)"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own)

        def __hash__(self) -> int:
            return 5

    @dataclass(slots=True)
    class Changing:
        value: int = 0

    @dataclass(frozen=True, slots=True)
    class Checked:
        value: int

        def __post_init__(self) -> None:
            if self.value < 0:
                raise ValueError("below zero")

    return {
        "no fields": (Nothing, {}),
        "positional": (Pair, {"left": 1}),
        "by keyword": (Named, {"third": "c", "second": [1, 2]}),
        "by keyword, with the defaults": (Named, {"third": "c"}),
        "inherited": (Longer, {"third": "c", "fourth": 0.5}),
        "generic": (Of, {"value": (1, "two"), "note": "n"}),
        "generic, inherited": (OfText, {"value": "v", "more": 3}),
        "with methods of its own": (Own, {"secret": "s"}),
        "not frozen": (Changing, {"value": 2}),
        "checked after its start": (Checked, {"value": 2}),
    }


OURS: Final = shapes(frozen.dataclass)
STANDARD: Final = shapes(dataclasses.dataclass)


def result(action: Callable[[], Any]) -> Any:
    """The result of an action or, if it fails, the name of the exception's type."""
    try:
        return action()
    except Exception as error:  # noqa: BLE001 - compared with that of the other class
        return type(error).__name__


def described(cls: type, values: dict[str, Any]) -> dict[str, Any]:
    """Everything that a user of the class can see."""
    one, other = cls(**values), cls(**values)
    name = next(iter(values), "value")
    instance: Any = one
    return {
        "fields": [
            (field.name, field.kw_only, field.init, field.repr, field.compare) for field in dataclasses.fields(instance)
        ],
        "names": (cls.__name__, cls.__qualname__, cls.__module__, cls.__doc__ if cls.__doc__ != cls.__name__ else None),
        "parameters": [(parameter.name, parameter.kind) for parameter in inspect.signature(cls).parameters.values()],
        "match": instance.__match_args__,
        "slots": hasattr(one, "__dict__"),
        "repr": repr(one),
        "equal": (one == other, one != other, one == 1, result(lambda: one == cls(**values | changed(values)))),
        "hash": result(lambda: hash(one) == hash(other)),
        "values": result(lambda: dataclasses.asdict(instance)),
        "replaced": repr(result(lambda: dataclasses.replace(instance, **changed(values)))),
        "copied": (copy.copy(one) == one, copy.deepcopy(one) == one, copy.deepcopy(one) is one),
        "set": values and result(lambda: setattr(cls(**values), name, 1)),
        "deleted": values and result(lambda: delattr(cls(**values), name)),
        "too few": result(lambda: type(cls()).__name__),
        "too many": result(lambda: cls(**values, another=1)),
        "positional": repr(result(lambda: cls(*values.values()))),
    }


def changed(values: dict[str, Any]) -> dict[str, Any]:
    """A different value for the first field."""
    return dict.fromkeys(list(values)[:1], -1)


def without_standard_descriptions(seen: dict[str, Any]) -> dict[str, Any]:
    """The description without the docstring that the standard decorator writes for a class without a docstring: the
    signature of the class.
    """
    *names, doc = seen["names"]
    return seen | {"names": (*names, None if doc and doc.startswith(f"{names[0]}(") else doc)}


def differences() -> dict[str, tuple[Any, Any]]:
    """The differences between our classes and the standard ones, by the class and the property that differs."""
    different: dict[str, tuple[Any, Any]] = {}
    for name in OURS:
        ours, standard = (without_standard_descriptions(described(*kind[name])) for kind in (OURS, STANDARD))
        different |= {f"{name}: {key}": (ours[key], standard[key]) for key in standard if ours[key] != standard[key]}
    return different


@frozen.dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A class at the top level of a module, so that pickle can find it."""

    values: list[int] = field(default_factory=list)
    name: str


if __name__ == "__main__":
    for name, seen in differences().items():
        print(name, *seen)  # noqa: T201 - the output of this module
    kept = Kept(values=[1], name="k")
    if pickle.loads(pickle.dumps(kept)) != kept:  # noqa: S301 - our own
        print("pickled: not equal")  # noqa: T201
