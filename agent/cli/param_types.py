"""The types of options: how click reads, completes and refuses a value."""

import re
import shlex
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from agent.catalog import values
from agent.catalog.services import checkable
from agent.catalog.values import ValueType
from agent.settings import Suppression, Workload
from probes.model import Address

if TYPE_CHECKING:
    from datetime import date, datetime

    from click.shell_completion import CompletionItem

LOOPBACK: Final = IPv4Address("127.0.0.1")


_MOST_LISTED: Final = 10
"""The maximum number of names that a refusal lists in addition to the name that it suggests."""


class OneOf(click.Choice[str]):
    """A choice among names. A refusal suggests the most similar name that this option, or another one, takes."""

    def __init__(self, names: Sequence[str], *, others: Mapping[str, str] | None = None) -> None:
        """`others` has names that another option takes, each with this option."""
        super().__init__(names)
        self._others = others or {}

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        import difflib

        has = {name for param in ctx.command.params for name in param.opts} if ctx is not None else set()
        others = {name: f"{option} {name}" for name, option in self._others.items() if option in has}
        near = difflib.get_close_matches(str(value).lower(), [*self.choices, *others], n=1)
        hint = f" Did you mean {others.get(near[0], near[0])!r}?" if near else ""
        if near and len(self.choices) > _MOST_LISTED:
            return f"{value!r} is not one of the {len(self.choices)} names that --help lists.{hint}"
        return f"{value!r} is not one of {', '.join(map(repr, self.choices))}.{hint}"


_WORKLOADS: Final = tuple(workload.value for workload in Workload)
WORKLOAD: Final = OneOf(_WORKLOADS, others=dict.fromkeys(checkable(), "--service"))
SERVICE: Final = OneOf(checkable(), others=dict.fromkeys(_WORKLOADS, "--workload"))
"""The types of services and workloads refer to each other, since people confuse them: `backup` is a service, and `hana`
a workload."""


class Parsed(click.ParamType[Any]):
    """A value type of the catalogue. A refused value is a usage error with a hint at valid values."""

    def __init__(self, value: ValueType) -> None:
        self.name = value.name
        self.is_secret = value.is_secret
        self._value = value

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._value.read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        """Return the known Regions. If an option takes a file, the shell itself completes file names."""
        if self.name == "region":
            from click.shell_completion import CompletionItem

            from agent.catalog.regions import REGIONS

            return [CompletionItem(region) for region in REGIONS if region.startswith(incomplete)]
        return complete_files(ctx, param, incomplete) if self.name == "file" else []


def complete_files(_: click.Context, __: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Let the shell complete a file name."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def _vpc(text: str) -> str:
    from agent.report.facts_file import VPC_ID

    if VPC_ID.fullmatch(text) is None:
        raise ValueError(text)
    return text


def _role_arn(text: str) -> str:
    from probes.vpc.accounts import ROLE_ARN as FORM

    if FORM.fullmatch(text) is None:
        raise ValueError(text)
    return text


def _role_name(text: str) -> str:
    from probes.vpc.accounts import ROLE_NAME as FORM

    if FORM.fullmatch(text) is None:
        raise ValueError(text)
    return text


_KMS_KEY: Final = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+")


def _kms_key(text: str) -> str:
    if _KMS_KEY.fullmatch(text) is None:
        raise ValueError(text)
    return text


_ACCOUNT_ID: Final = re.compile(r"[0-9]{12}")


def _account_id(text: str) -> str:
    if _ACCOUNT_ID.fullmatch(text) is None:
        raise ValueError(text)
    return text


_SOURCE: Final = re.compile(r"all|(?:subnet|eni|i)-[0-9a-f]{8}(?:[0-9a-f]{9})?")


def _source(text: str) -> Any:
    """Parse a source: `all`, an id, or a network. An address is a network with one address."""
    return text if _SOURCE.fullmatch(text) else ip_network(text)


_CHANGE: Final = re.compile(r"(?:sg|acl|rtb|vpc|vpce)-[0-9a-z-]{4,60}:(?:\S+|policy=.+)")


def _change(text: str) -> str:
    """Check that a text has the form ID:CHANGE. `agent.predict.assume` parses it when the change is made."""
    if not (text.isascii() and text.isprintable() and _CHANGE.fullmatch(text)):
        raise ValueError(text)
    return text


def _name(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError(text)
    return text


def _words(text: str) -> str:
    if not text.strip():
        raise ValueError(text)
    return text


def _path(text: str) -> str:
    if not text:
        raise ValueError(text)
    return text


def _variable(text: str) -> str:
    if not (text.isascii() and text.isidentifier()):
        raise ValueError(text)
    return text


def _suppression(text: str) -> Suppression:
    from agent.report.suppression import read

    return read(text)


def _key_choice(text: str) -> tuple[str, tuple[str, ...]]:
    from agent.tui.keymap import read

    return read(text)


def count(low: int, high: int) -> Parsed:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text[:12]) <= high):
            raise ValueError(text)
        return int(text)

    return Parsed(ValueType("count", read, f"a whole number from {low} to {high}"))


def _listen(text: str) -> tuple[Address, int]:
    """Parse `PORT` or `ADDRESS:PORT`. An IPv6 address is in brackets. The default address is LOOPBACK."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65_535):
        raise ValueError(text)
    if host.startswith("[") and host.endswith("]"):
        address = values.address(host[1:-1])
        if address.version != 6:
            raise ValueError(text)
        return address, int(port)
    return IPv4Address(host) if host else LOOPBACK, int(port)


def read_command(text: str) -> tuple[str, ...]:
    words = tuple(shlex.split(text))
    if not words or not words[0]:
        raise ValueError("expected a program, with its arguments if it takes any")
    return words


def _url(text: str) -> str:
    if (why := why_not_postable(text)) is not None:
        raise ValueError(why)  # without the URL, which is a secret
    return text


def why_not_postable(url: str) -> str | None:
    """Return why changes cannot be posted to a URL; None if they can. Unencrypted requests may only go to loopback."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "it is not a URL"
    if parts.scheme not in ("http", "https") or not host:
        return "it must start with https:// and name a host"
    if parts.scheme == "http" and not _is_loopback(host):
        return "http:// is allowed to loopback only, since the network could read what is posted; use https://"
    return None


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


_UNITS: Final = {"m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_AGE: Final = re.compile(r"([1-9][0-9]{0,5})([mhdw])")


def _age(text: str) -> float:
    """Return a duration in seconds. Raises ValueError."""
    if (match := _AGE.fullmatch(text)) is None:
        raise ValueError(text)
    return int(match[1]) * _UNITS[match[2]]


_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def _day(text: str) -> "date":
    from datetime import date

    if _DAY.fullmatch(text) is None:
        raise ValueError(text)
    return date.fromisoformat(text)


def _moment(text: str) -> "datetime | float":
    """Return an instant, or a duration in seconds. An instant is in UTC unless the text has another time zone. Raises
    ValueError."""
    from datetime import UTC, datetime

    if _AGE.fullmatch(text) is not None:
        return _age(text)
    moment = datetime.fromisoformat(text)
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError as error:  # the first and last possible instants overflow in other time zones
        raise ValueError(text) from error


def _percent(text: str) -> float:
    """Return a percentage as a share, 0 to 1. Raises ValueError."""
    percent = float(text)
    if not (text.isascii() and 0 <= percent <= 100):
        raise ValueError(text)
    return percent / 100


_COMMAND_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _kind(text: str) -> str:
    from agent.predict.kinds import KIND

    if KIND.fullmatch(text) is None:
        raise ValueError(text)
    return text


def _command_id(text: str) -> str:
    if _COMMAND_ID.fullmatch(text) is None:
        raise ValueError(text)
    return text


def _where(text: str) -> Any:
    """Return a value of an attribute that hosts may share."""
    from agent.fleet.attributes import Attribute
    from agent.fleet.model import SharedValue

    name, separator, wanted = text.partition("=")
    if name not in tuple(Attribute):
        raise ValueError(f"{name!r} is not one of {', '.join(Attribute)}")
    if not separator or not wanted or not wanted.isprintable():
        raise ValueError(f"{text!r} has no value after a '='")
    return SharedValue(attribute=Attribute(name), value=wanted)


CYCLE: Final = count(1, 999_999_999_999)
"""The number of a cycle in a history."""
_DURATION: Final = ValueType("duration", _age, "a duration such as 30d, 12h or 90m")
AGE: Final = Parsed(_DURATION)
DAY: Final = Parsed(ValueType("day", _day, "a day such as 2026-01-15"))
MOMENT: Final = Parsed(
    ValueType("time", _moment, "a duration such as 7d or 12h, or a time such as 2026-01-15 or 2026-01-15T03:00")
)
REGION: Final = Parsed(values.REGION)
ENDPOINT: Final = Parsed(values.ENDPOINT)
ADDRESS: Final = Parsed(values.ADDRESS)
TIMEOUT: Final = Parsed(values.TIMEOUT)
DEADLINE: Final = Parsed(values.DEADLINE)
INTERVAL: Final = Parsed(values.INTERVAL)
CIDR: Final = Parsed(ValueType("cidr", ip_network, "a CIDR block, such as 10.0.0.0/8"))
WORDS: Final = Parsed(ValueType("words", _words, "a text that says what is true"))
FILE: Final = Parsed(ValueType("file", _path, "the path of a file"))
FILE_OR_FOLDER: Final = Parsed(ValueType("file", _path, "the path of a file or folder"))
FOLDER: Final = Parsed(ValueType("file", _path, "the path of a folder"))


class _Kept(Parsed):
    """The value of `demo --keep`: a duration or, with --fleet on the command line, a folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if ctx is None or param is None or param.name is None:
            return super().convert(value, param, ctx)
        sources = {ctx.get_parameter_source(name) for name in ("fleet_size", param.name)}
        is_folder = sources == {ParameterSource.COMMANDLINE}
        return FOLDER.convert(value, param, ctx) if is_folder else super().convert(value, param, ctx)


KEPT: Final = _Kept(_DURATION)
"""The type of `demo --keep`. click must process the parameter `fleet_size` first."""
SWEEP: Final = Parsed(ValueType("sweep", _name, "the id of a sweep, as the document shows it"))
PERCENT: Final = Parsed(ValueType("percent", _percent, "a number from 0 to 100"))
COMMAND_ID: Final = Parsed(
    ValueType("id", _command_id, "the id of a command, such as 0a1b2c3d-4e5f-6789-0a1b-2c3d4e5f6789")
)
WHERE: Final = Parsed(ValueType("name=value", _where, None))
KMS_KEY: Final = Parsed(
    ValueType(
        "arn",
        _kms_key,
        "the ARN of a KMS key, such as arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-4e5f-6789-0a1b-2c3d4e5f6789",
    )
)
ACCOUNT_ID: Final = Parsed(ValueType("id", _account_id, "the number of an account, such as 111122223333"))
PROFILE: Final = Parsed(ValueType("text", _name, "the name of a profile"))
VPC: Final = Parsed(ValueType("vpc", _vpc, "the id of a VPC, such as vpc-0a1b2c3d4e5f67890"))
ROLE_ARN: Final = Parsed(
    ValueType("arn", _role_arn, "the ARN of a role, such as arn:aws:iam::111122223333:role/backuplink-audit")
)
ROLE_NAME: Final = Parsed(ValueType("role", _role_name, "the name of a role, such as backuplink-audit"))
SOURCE: Final = Parsed(
    ValueType(
        "source",
        _source,
        "all, the id of a subnet, interface or instance such as i-0a1b2c3d4e5f67890, or a block such as 10.0.1.0/24",
    )
)
KIND: Final = Parsed(
    ValueType("kind", _kind, "the kind of a resource of AWS, such as aws_dax_cluster or Custom::LogRetention")
)
CHANGE: Final = Parsed(
    ValueType("change", _change, "the id of a resource and a change to it, such as sg-0a1b2c3d:+in:tcp:443:10.0.0.0/16")
)
SUPPRESSION: Final = Parsed(ValueType("code[=target][@day]", _suppression, None))
KEY_CHOICE: Final = Parsed(ValueType("action=key", _key_choice, None))
LISTEN: Final = Parsed(ValueType("[address:]port", _listen, "a port, or an address and a port such as 127.0.0.1:9842"))
COMMAND: Final = Parsed(ValueType("command", read_command, None, is_secret=True))
"""A command whose arguments may contain a token."""
VARIABLE: Final = Parsed(ValueType("variable", _variable, "the name of an environment variable"))
URL: Final = Parsed(ValueType("url", _url, None, is_secret=True))
