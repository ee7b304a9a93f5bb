"""Convert frozen classes to plain data and back, and make their JSON Schema: each is one walk over type hints.

Plain data has only the types of JSON and TOML. Addresses, networks, instants and enumerations are strings there, tuples
are lists, and a float is rounded to six digits, since more would be noise. Reading is strict: an unknown key, a missing
key and a value of another kind are refused with their position. Only documents that people write by hand may omit a
field with a default.
"""

import dataclasses
import math
import re
import types
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

_TEXT_FORMS: Final[dict[type, tuple[Callable[[str], Any], str]]] = {
    IPv4Address: (ip_address, "IP address"),
    IPv6Address: (ip_address, "IP address"),
    IPv4Network: (ip_network, "CIDR block"),
    IPv6Network: (ip_network, "CIDR block"),
    IPv4Interface: (ip_interface, "address with prefix length"),
    IPv6Interface: (ip_interface, "address with prefix length"),
    datetime: (lambda text: _instant(text), "RFC 3339 instant"),
}


_SCHEMA: Final = re.compile(r"backuplink(?:\.[a-z0-9-]{1,20}){1,3}")
_MAX_SEARCHED: Final = 4_096
"""Maximum length of a value that is searched for secrets."""
_MAX_QUOTED: Final = 60
"""Maximum length of the quoted value in an error."""


class DecodeError(ValueError):
    """The plain data does not have the form of the requested class."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where or 'the document'}: {problem}")
        self.where = where
        self.problem = problem


def hold_to_schema(document: Any, schema: str) -> None:
    """Raise DecodeError for a document with another schema; the error names that schema if it belongs to backuplink."""
    found = document.get("schema") if isinstance(document, dict) else None
    if found == schema:
        return
    is_ours = isinstance(found, str) and _SCHEMA.fullmatch(found) is not None
    raise DecodeError("schema", f"this is not a {schema} document{f', but a {found} one' if is_ours else ''}")


def to_json(value: Any) -> Any:
    """Convert `value` into JSON's types."""
    match value:
        case None | bool() | int():
            return value
        case StrEnum():
            return value.value
        case str():
            return value
        case float():
            return round(value, 6)
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case dict():
            return {str(key): to_json(item) for key, item in value.items()}
        case tuple() | list() | frozenset():
            return [to_json(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if type(value) in _TEXT_FORMS:
        return str(value)
    raise TypeError(f"{type(value).__name__} has no plain form")


def from_json(kind: type[T], data: Any, where: str = "") -> T:
    """Convert plain `data` into a `kind`; every key must be there. Raises DecodeError."""
    # mypy cannot follow the walk over these types.
    return _shaped(kind, data, where, may_omit=False)  # type: ignore[no-any-return]


def from_handwritten(kind: type[T], data: Any) -> T:
    """Convert plain `data` into a `kind`; fields with a default may be missing. Raises DecodeError."""
    return _shaped(kind, data, "", may_omit=True)  # type: ignore[no-any-return]


def type_schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of one type; classes become references into `definitions`."""
    if kind is Any:
        return {}
    if kind is type(None):
        return {"type": "null"}
    if kind in _SCALARS:
        return {"type": _SCALARS[kind]}
    if kind in _TEXT_FORMS:
        return {"type": "string", "format": "date-time"} if kind is datetime else {"type": "string"}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        options = [type_schema(argument, definitions) for argument in arguments]
        unique = [option for place, option in enumerate(options) if option not in options[:place]]
        return unique[0] if len(unique) == 1 else {"anyOf": unique}
    if origin is tuple:
        return {"type": "array", "items": type_schema(arguments[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": type_schema(arguments[1], definitions)}
    if origin is Literal:
        return {"enum": list(arguments)}
    bound: dict[Any, Any] = {}
    if origin is not None:
        bound = {} if Any in arguments else dict(zip(origin.__parameters__, arguments, strict=True))
        kind = origin
    name = kind.__name__ + "".join(argument.__name__.capitalize() for argument in bound.values())
    if issubclass(kind, StrEnum):
        definitions.setdefault(
            kind.__name__, {"description": _first_line(kind), "enum": [member.value for member in kind]}
        )
    elif name not in definitions:
        definitions[name] = {}  # reserved, so that a class that contains itself ends the walk
        hints = {field: _with(hint, bound) for field, hint in _hints(kind).items()}
        definitions[name] = {
            "description": _first_line(kind),
            "type": "object",
            "properties": {field: type_schema(hint, definitions) for field, hint in hints.items()},
            "required": list(hints),
            "additionalProperties": False,
        }
    return {"$ref": f"#/$defs/{name}"}


def _with(hint: Any, bound: dict[Any, Any]) -> Any:
    """Return a type with other types in place of its variables."""
    variables = getattr(hint, "__parameters__", ())
    return hint[tuple(bound[variable] for variable in variables)] if bound and variables else hint


_SCALARS: Final[dict[Any, str]] = {str: "string", bool: "boolean", int: "integer", float: "number"}


def _shaped(kind: Any, data: Any, where: str, *, may_omit: bool) -> Any:
    if kind is Any:
        return data
    if kind is float and type(data) in (int, float):
        return _number(data, where)
    if kind in _SCALARS or kind is type(None):
        if type(data) is not kind:
            raise DecodeError(where, f"{_words(kind)} belongs here, not {quoted(data)}")
        return data
    if kind in _TEXT_FORMS:
        return _from_text(kind, data, where)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _one_of(arguments, data, where, may_omit=may_omit)
    if origin is tuple:
        if not isinstance(data, list):
            raise DecodeError(where, f"a list belongs here, not {quoted(data)}")
        return tuple(
            _shaped(arguments[0], item, f"{where}[{place}]", may_omit=may_omit) for place, item in enumerate(data)
        )
    if origin is dict:
        _must_be_table(data, where)
        return {key: _shaped(arguments[1], item, _below(where, key), may_omit=may_omit) for key, item in data.items()}
    if origin is Literal or issubclass(kind, StrEnum):
        options = arguments if origin is Literal else [member.value for member in kind]
        if data not in options:
            raise DecodeError(where, f"one of {', '.join(map(str, options))} belongs here, not {quoted(data)}")
        return data if origin is Literal else kind(data)
    return _object(kind, data, where, may_omit=may_omit)


def _object(kind: Any, data: Any, where: str, *, may_omit: bool) -> Any:
    _must_be_table(data, where)
    hints = _hints(kind)
    for key in data:
        if key not in hints:
            raise DecodeError(_below(where, key), f"there is no such key; known here: {', '.join(hints)}")
    values = {}
    for field in dataclasses.fields(kind):
        place = _below(where, field.name)
        if field.name in data:
            values[field.name] = _shaped(hints[field.name], data[field.name], place, may_omit=may_omit)
        elif not may_omit or (field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING):
            raise DecodeError(place, "this key is missing")
    return kind(**values)


def _one_of(kinds: tuple[Any, ...], data: Any, where: str, *, may_omit: bool) -> Any:
    if data is None and type(None) in kinds:
        return None
    problem: DecodeError | None = None
    for kind in kinds:
        if kind is type(None):
            continue
        try:
            return _shaped(kind, data, where, may_omit=may_omit)
        except DecodeError as error:
            problem = problem or error
    raise problem or DecodeError(where, f"{quoted(data)} does not belong here")


def _from_text(kind: Any, data: Any, where: str) -> Any:
    read, form = _TEXT_FORMS[kind]
    try:
        value = read(data) if isinstance(data, str) else None
    except (ValueError, OverflowError):  # the first and last possible instants overflow in other time zones
        value = None
    if type(value) is not kind:
        raise DecodeError(where, f"an {form} belongs here, not {quoted(data)}")
    return value


def _number(data: Any, where: str) -> float:
    """Return a number that JSON can represent as well (RFC 8259, section 6)."""
    try:
        value = float(data)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise DecodeError(where, f"a finite number belongs here, not {quoted(data)}")
    return value


def _must_be_table(data: Any, where: str) -> None:
    if not isinstance(data, dict):
        raise DecodeError(where, f"an object belongs here, not {quoted(data)}")


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("no time zone")
    return instant.astimezone(UTC)


def _below(where: str, key: object) -> str:
    return f"{where}.{key}" if where else str(key)


def _words(kind: Any) -> str:
    return {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}.get(kind, "nothing")


def quoted(data: Any) -> str:
    """Return the beginning of a value for an error, without possible secrets."""
    from agent.report.secrets import without_secrets

    text = without_secrets(repr(data)[:_MAX_SEARCHED])
    return text if len(text) <= _MAX_QUOTED else f"{text[: _MAX_QUOTED - 3]}..."


def _first_line(kind: Any) -> str:
    paragraph = (kind.__doc__ or "").strip().split("\n\n")[0]
    return " ".join(paragraph.split())  # Python keeps the indentation of a docstring up to 3.12
