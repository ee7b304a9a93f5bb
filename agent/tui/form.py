"""The settings of a run as a form: texts that a person can change, and the settings that they stand for. Pure.

A text is read as the command line option of the same name, with the same error messages.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from agent.catalog import values
from agent.catalog.services import SERVICES, checkable
from agent.catalog.values import ValueType
from agent.settings import DEFAULT_INTERVAL, MIN_INTERVAL, Settings
from probes.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """A text field of the form."""

    name: str
    """Name of the option's parameter."""
    label: str
    hint: str
    is_list: bool = False


SERVICE_FIELD: Final = "services"
_NO_SERVICES: Final = "space-separated services; if empty, the workload's"
INTERVAL_FIELD: Final = "interval"
FIELDS: Final = (
    Field("region", "Region", "from environment, profile or metadata"),
    Field(SERVICE_FIELD, "must be reachable", _NO_SERVICES, is_list=True),
    Field("endpoints", "endpoints", "names or ids of your own endpoints, separated by spaces", is_list=True),
    Field("resolvers", "resolvers", "addresses of further name servers, separated by spaces", is_list=True),
    Field("timeout", "timeout, seconds", "for one step"),
    Field("deadline", "deadline, seconds", "for the whole run"),
    Field(INTERVAL_FIELD, "watch every, seconds", f"at least {MIN_INTERVAL:g}; {DEFAULT_INTERVAL:g} if empty"),
)


def _service(text: str) -> str:
    """Return the name of a service that a run can check. Raises ValueError with a suggestion."""
    name = text.lower()
    if name not in checkable():
        import difflib

        near = difflib.get_close_matches(name, checkable(), n=3)
        meant = f"did you mean {' or '.join(near)}?" if near else "backuplink endpoints lists them."
        raise ValueError(f"{text!r} is not a service that can be checked; {meant}")
    return name


def completed(text: str) -> str | None:
    """Return the list of services with its last word completed to the first matching name of the catalogue that is not
    in the list; None if there is no match."""
    *before, typed = text.replace(",", " ").split(" ")
    names = (name for name in checkable() if name.startswith(typed.lower()) and name not in before)
    rest = next(names, None)
    return None if not typed or rest is None else text + rest[len(typed) :]


_TYPES: Final[Mapping[str, ValueType]] = {
    "region": values.REGION,
    SERVICE_FIELD: ValueType("service", _service, None),
    "endpoints": values.ENDPOINT,
    "resolvers": values.ADDRESS,
    "timeout": values.TIMEOUT,
    "deadline": values.DEADLINE,
    INTERVAL_FIELD: values.INTERVAL,
}
_WHERE_EMPTY: Final[Mapping[str, Any]] = {"region": None, INTERVAL_FIELD: DEFAULT_INTERVAL}
"""The values of empty texts. Other texts must not be empty."""


def texts(settings: Settings, interval: float) -> dict[str, str]:
    """The texts of a form for these settings; `interval` is in seconds."""
    return {
        "region": settings.region or "",
        SERVICE_FIELD: " ".join(settings.services),
        "endpoints": " ".join(f"{endpoint.service}={endpoint.host}" for endpoint in settings.endpoints),
        "resolvers": " ".join(map(str, settings.resolvers)),
        "timeout": f"{settings.timeout:g}",
        "deadline": f"{settings.deadline:g}",
        INTERVAL_FIELD: f"{interval:g}",
    }


def read(settings: Settings, given: Mapping[str, str]) -> tuple[Settings, float] | dict[str, str]:
    """Return the settings with the values of the form, and the interval of a watch in seconds; or error messages by
    field."""
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
    if region != settings.region:  # a typed value counts like the option
        settings = replace(settings, region=region, region_source=None if region is None else "--region")
    named = values_by_field.pop(SERVICE_FIELD)
    services = tuple(name for name in SERVICES if name in named)
    return replace(settings, services=services, **values_by_field), interval
