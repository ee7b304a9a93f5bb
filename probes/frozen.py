"""Frozen data classes that are fast to make.

The standard `dataclass(frozen=True, slots=True)` writes and compiles the text of seven methods for every class, which
takes a third of the time before a run does anything. Here such classes share all methods except `__init__`, which is
compiled at its first use: a run makes no instance of half of the classes that it loads. Their fields are those of
`dataclasses`: `fields`, `replace`, `asdict`, `match`, `copy` and `pickle` work as usual, and type checkers read the
standard decorator. Any other class (`order=True`, no slots, `__post_init__`) gets the standard decorator.
"""

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, fields
from dataclasses import dataclass as dataclass  # type checkers read this form
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, cast

standard: Final = dataclass
if not TYPE_CHECKING:

    def dataclass(**options: bool) -> Callable[[type], type]:
        """Return the decorator `dataclasses.dataclass` with its options."""
        kw_only = options.get("kw_only", False)
        if options | {"kw_only": True} != {"frozen": True, "slots": True, "kw_only": True}:
            return standard(**options)
        return lambda cls: standard(**options)(cls) if hasattr(cls, "__post_init__") else _build(cls, kw_only)


def _build(cls: type, kw_only: bool) -> Any:
    cls.__doc__ = cls.__doc__ or cls.__name__  # otherwise `dataclasses` would compute a signature as the docstring
    frozen_class: Any = standard(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(cls)
    frozen_class.__frozen_values__ = attrgetter(
        *[field.name for field in fields(frozen_class) if field.compare] or ["__class__"]
    )
    for name, method in {**_SHARED, "__init__": _Init(frozen_class)}.items():
        if name not in vars(cls):
            setattr(frozen_class, name, method)
    return frozen_class


class _Init:
    """Takes the place of a class's `__init__` until its first use."""

    def __init__(self, frozen_class: Any) -> None:
        self._class = frozen_class

    def __get__(self, instance: object, owner: type) -> Any:
        self._class.__init__ = method = _init(self._class)
        return method.__get__(instance, owner)


def _init(frozen_class: Any) -> Callable[..., None]:
    """Return an `__init__` that sets each field by the descriptor of its slot, since `__setattr__` of a frozen class
    raises an error."""
    known: dict[str, Any] = {"MISSING": MISSING}
    positional, keywords, body = ["self"], ["*"], ["pass"]
    for field in fields(frozen_class):
        name = value = field.name
        known |= {f"set_{name}": getattr(frozen_class, name).__set__, f"default_{name}": field.default}
        if field.default_factory is not MISSING:
            known[f"make_{name}"] = field.default_factory
            value = f"make_{name}() if {name} is MISSING else {name}"
        optional = field.default is not MISSING or field.default_factory is not MISSING
        (keywords if field.kw_only else positional).append(f"{name}=default_{name}" if optional else name)
        body.append(f"set_{name}(self, {value})")
    parameters = ", ".join(positional + keywords * (len(keywords) > 1))
    exec(f"def __init__({parameters}):\n " + "\n ".join(body), known)  # noqa: S102 - names of fields: identifiers
    return cast("Callable[..., None]", known["__init__"])


def _eq(self: Any, other: Any) -> Any:
    same = self.__class__ is other.__class__
    return self.__frozen_values__(self) == other.__frozen_values__(other) if same else NotImplemented


def _repr(self: Any) -> str:
    shown = (f"{field.name}={getattr(self, field.name)!r}" for field in fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse(self: object, name: str, *_: object) -> None:
    raise FrozenInstanceError(f"cannot change field {name!r}")


def _again(cls: type, values: dict[str, object]) -> object:
    return cls(**values)


_SHARED: Final = {
    "__eq__": _eq,
    "__hash__": lambda self: hash(self.__frozen_values__(self)),
    "__repr__": _repr,
    "__setattr__": _refuse,
    "__delattr__": _refuse,
    "__reduce__": lambda self: (
        _again,
        (type(self), {field.name: getattr(self, field.name) for field in fields(self)}),
    ),
}
