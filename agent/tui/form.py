"""The settings of a run as a form: texts that a person can change, and the settings that they make. Pure.

Each text is read as the command's option of its name reads it, and refused in the same words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from agent.catalog import values
from agent.catalog.services import SERVICES
from agent.catalog.values import ValueType
from agent.settings import DEFAULT_INTERVAL, MIN_INTERVAL, Settings


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
    Field(INTERVAL_FIELD, "watch every", f"seconds, at least {MIN_INTERVAL:g}; otherwise {DEFAULT_INTERVAL:g}"),
)


_TYPES: Final[Mapping[str, ValueType]] = {
    "region": values.REGION,
    "endpoints": values.ENDPOINT,
    "resolvers": values.ADDRESS,
    "timeout": values.TIMEOUT,
    "deadline": values.DEADLINE,
    INTERVAL_FIELD: values.INTERVAL,
}
_WHERE_EMPTY: Final[Mapping[str, Any]] = {"region": None, INTERVAL_FIELD: DEFAULT_INTERVAL}
"""What an empty text means; others must say something."""


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
    found: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for field in FIELDS:
        text = given[field.name].strip()
        if not text and field.name in _WHERE_EMPTY:
            found[field.name] = _WHERE_EMPTY[field.name]
            continue
        try:
            if field.is_list:
                words = text.replace(",", " ").split()
                found[field.name] = tuple(dict.fromkeys(_TYPES[field.name].read(word) for word in words))
            else:
                found[field.name] = _TYPES[field.name].read(text)
        except ValueError as error:
            wrong[field.name] = str(error)
    if wrong:
        return wrong
    interval = found.pop(INTERVAL_FIELD)
    region = found.pop("region")
    if region != settings.region:  # what was typed here is as good as an option
        settings = replace(settings, region=region, region_source=None if region is None else "--region")
    wanted = tuple(name for name in SERVICES if name in services)
    return replace(settings, services=wanted, **found), interval
