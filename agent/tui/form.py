"""The settings of a run as a form: texts that a person can change, and the settings that they make. Pure.

Each text is read as the command's option of its name reads it, and refused in the same words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import click

from agent.catalog.services import SERVICES
from agent.options import measuring
from agent.settings import Settings
from agent.tui.state import INTERVAL

LEAST_INTERVAL: Final = 10.0
MOST_INTERVAL: Final = 86_400.0
"""Seconds between two runs of a watch: at most six times a minute, at least once a day."""


@dataclass(frozen=True, slots=True)
class Field:
    """A text that can be changed."""

    name: str
    """Of the option's parameter."""
    label: str
    hint: str
    is_list: bool = False


SERVICE_FIELD: Final = "services"
INTERVAL_FIELD: Final = "interval"
FIELDS: Final = (
    Field("region", "Region", "from environment, profile or metadata"),
    Field("endpoints", "endpoints", "names or ids of endpoints of your own, by spaces", is_list=True),
    Field("resolvers", "resolvers", "addresses of name servers to ask as well, by spaces", is_list=True),
    Field("timeout", "timeout", "seconds for one step"),
    Field("deadline", "deadline", "seconds for the whole run"),
    Field(INTERVAL_FIELD, "watch every", f"seconds, at least {LEAST_INTERVAL:g}; otherwise {INTERVAL:g}"),
)


@measuring
def _asked() -> None:
    """Holds the options of a run, whose types read what the form says."""


_TYPES: Final[Mapping[str, click.ParamType[Any]]] = {
    option.name: option.type
    for option in _asked.__click_params__  # type: ignore[attr-defined]
}


def texts(settings: Settings, interval: float) -> dict[str, str]:
    """The texts of a form for these settings."""
    return {
        "region": settings.region or "",
        "endpoints": " ".join(f"{each.service}={each.host}" for each in settings.endpoints),
        "resolvers": " ".join(map(str, settings.resolvers)),
        "timeout": f"{settings.timeout:g}",
        "deadline": f"{settings.deadline:g}",
        INTERVAL_FIELD: f"{interval:g}",
    }


def read(
    settings: Settings, given: Mapping[str, str], services: frozenset[str]
) -> tuple[Settings, float] | dict[str, str]:
    """The settings with what the form says, and the interval of a watch; or what is wrong, by field."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for field in FIELDS:
        text = given[field.name].strip()
        try:
            if field.name == INTERVAL_FIELD:
                values[field.name] = _interval(text)
            elif field.is_list:
                words = text.replace(",", " ").split()
                values[field.name] = tuple(dict.fromkeys(_value(field.name, word) for word in words))
            else:
                values[field.name] = _value(field.name, text) if text or field.name != "region" else None
        except click.BadParameter as error:
            wrong[field.name] = error.message
    if wrong:
        return wrong
    interval = values.pop(INTERVAL_FIELD)
    region = values.pop("region")
    if region != settings.region:  # what was typed here is as good as an option
        settings = replace(settings, region=region, region_source=None if region is None else "--region")
    wanted = tuple(name for name in SERVICES if name in services)
    return replace(settings, services=wanted, **values), interval


def _value(name: str, text: str) -> Any:
    return _TYPES[name].convert(text, None, None)


def _interval(text: str) -> float:
    try:
        seconds = float(text) if text else INTERVAL
    except ValueError:
        seconds = 0.0
    if not LEAST_INTERVAL <= seconds <= MOST_INTERVAL:
        raise click.BadParameter(f"{text!r} is not a number of seconds from {LEAST_INTERVAL:g} to {MOST_INTERVAL:g}.")
    return seconds
