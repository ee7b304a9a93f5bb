"""The settings of a run as a form: texts that a person can change, and the settings they stand for. Pure.

A text is read as the command line option of the same name, with the same error messages.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from agent.catalog import values
from agent.catalog.services import SERVICES
from agent.catalog.values import ValueType
from agent.settings import DEFAULT_INTERVAL, MIN_INTERVAL, Settings
from probes.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """A text of the form."""

    name: str
    """Name of the option's parameter."""
    label: str
    hint: str
    is_list: bool = False


SERVICE_FIELD: Final = "services"
INTERVAL_FIELD: Final = "interval"
FIELDS: Final = (
    Field("region", "Region", "from environment, profile or metadata"),
    Field("endpoints", "endpoints", "names or ids of your own endpoints, separated by spaces", is_list=True),
    Field("resolvers", "resolvers", "addresses of further name servers, separated by spaces", is_list=True),
    Field("timeout", "timeout", "seconds for one step"),
    Field("deadline", "deadline", "seconds for the whole run"),
    Field(INTERVAL_FIELD, "watch every", f"seconds, at least {MIN_INTERVAL:g}; {DEFAULT_INTERVAL:g} if empty"),
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
"""The values of empty texts; other texts must not be empty."""


def texts(settings: Settings, interval: float) -> dict[str, str]:
    """The texts of a form for these settings; `interval` is in seconds."""
    return {
        "region": settings.region or "",
        "endpoints": " ".join(f"{endpoint.service}={endpoint.host}" for endpoint in settings.endpoints),
        "resolvers": " ".join(map(str, settings.resolvers)),
        "timeout": f"{settings.timeout:g}",
        "deadline": f"{settings.deadline:g}",
        INTERVAL_FIELD: f"{interval:g}",
    }


def read(
    settings: Settings, given: Mapping[str, str], services: frozenset[str]
) -> tuple[Settings, float] | dict[str, str]:
    """The settings with the values of the form, and the interval of a watch in seconds; or error messages by field."""
    values_by_field: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for field in FIELDS:
        text = given[field.name].strip()
        if not text and field.name in _WHERE_EMPTY:
            values_by_field[field.name] = _WHERE_EMPTY[field.name]
            continue
        try:
            if field.is_list:
                words = text.replace(",", " ").split()
                values_by_field[field.name] = tuple(dict.fromkeys(_TYPES[field.name].read(word) for word in words))
            else:
                values_by_field[field.name] = _TYPES[field.name].read(text)
        except ValueError as error:
            errors[field.name] = str(error)
    if errors:
        return errors
    interval = values_by_field.pop(INTERVAL_FIELD)
    region = values_by_field.pop("region")
    if region != settings.region:  # a value typed here counts as the option
        settings = replace(settings, region=region, region_source=None if region is None else "--region")
    wanted = tuple(name for name in SERVICES if name in services)
    return replace(settings, services=wanted, **values_by_field), interval
