"""Builds requests whose output differs in some fields."""

from dataclasses import fields, replace
from typing import Any, Final, TypeVar

from agent.settings import Output

R = TypeVar("R")
_OF_OUTPUT: Final = {field.name for field in fields(Output)}


def asked(request: R, **changes: Any) -> R:
    """The request with these fields changed. They may be fields of the request or of its `output`."""
    own: dict[str, Any] = {name: value for name, value in changes.items() if name not in _OF_OUTPUT}
    output = {name: value for name, value in changes.items() if name in _OF_OUTPUT}
    before: Output = request.output  # type: ignore[attr-defined] # what becomes of the document: every request has it
    made: R = replace(request, **own, output=replace(before, **output))  # type: ignore[type-var]
    return made
