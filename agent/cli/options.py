"""The options of a run: their values, their variables, the configuration file, and the settings they make.

Flags win over the environment, the environment over the file. Each option has a variable, BACKUPLINK_ and its name,
and a key of the same name in the file.
"""

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click

from agent.catalog import values
from agent.catalog.findings import CODES
from agent.catalog.services import SERVICES
from agent.catalog.values import ValueType
from agent.formats.registry import DEFAULT_FORMAT, FORMATS, OPTION_NAMES, format_named
from agent.process.files import TooLargeError, read_within
from agent.settings import (
    DEFAULT_CLEAR_AFTER,
    DEFAULT_DEADLINE,
    DEFAULT_INTERVAL,
    DEFAULT_RAISE_AFTER,
    DEFAULT_TIMEOUT,
    Ec2Facts,
    Expect,
    Notify,
    Settings,
    Suppression,
    Watching,
)
from probes.model import Address

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

REGION_VARIABLES: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
MAX_CONFIG_BYTES: Final = 1 << 15
"""Far above any that a person writes. One key that fills it takes the reader of TOML a second, and the time grows with
the square of the size."""
CONFIG_SECONDS: Final = 5.0
"""How long a configuration may take to be read: one that comes through a pipe is written by another program."""
LOOPBACK: Final = IPv4Address("127.0.0.1")
SHARE_FOR_A_CYCLE: Final = 0.9
"""Of the interval: the jitter may take the rest, and cycles never overlap."""


class Parsed(click.ParamType[Any]):
    """A value of the catalogue; what it refuses is a usage error that says what would be right."""

    def __init__(self, value: ValueType) -> None:
        self.name = value.name
        self._value = value

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._value.read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        """Files, where one is wanted; the shell itself looks for them."""
        return files_of_shell(ctx, param, incomplete) if self.name == "file" else []


def files_of_shell(_: click.Context, __: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """What completes the name of a file."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def _vpc(text: str) -> str:
    from agent.report.facts_file import VPC_ID

    if VPC_ID.fullmatch(text) is None:
        raise ValueError(text)
    return text


def _name(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError(text)
    return text


def _path(text: str) -> str:
    if not text:
        raise ValueError(text)
    return text


def _suppression(text: str) -> Suppression:
    code, found, target = text.partition("=")
    if code not in CODES:
        import difflib

        near = difflib.get_close_matches(code.upper(), CODES, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; docs/codes.md lists them"
        raise ValueError(f"{code!r} is no finding code{hint}")
    if found and not (target and target.isprintable()):
        raise ValueError(f"{text!r} names no target behind the '='")
    return Suppression(code=code, target=target or None)


class _Format(click.Choice[str]):
    """A format, or the reason why one that has a name is not among them."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if any(row.name == value and not row.has_option for row in FORMATS):
            raise click.UsageError(
                f"The format {value} is written by the interface alone: `backuplink tui REPORT.json`, key e saves it.",
                ctx,
            )
        return super().convert(value, param, ctx)


def _count(low: int, high: int) -> Parsed:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text[:12]) <= high):
            raise ValueError(text)
        return int(text)

    return Parsed(ValueType("count", read, f"a whole number from {low} to {high}"))


def _listen(text: str) -> tuple[Address, int]:
    """`PORT` or `ADDRESS:PORT`, an IPv6 address in brackets; on loopback where there is no address."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65_535):
        raise ValueError(text)
    if host.startswith("[") and host.endswith("]"):
        address = values.address(host[1:-1])
        if address.version != 6:
            raise ValueError(text)
        return address, int(port)
    return IPv4Address(host) if host else LOOPBACK, int(port)


def _words(text: str) -> tuple[str, ...]:
    words = tuple(shlex.split(text))
    if not words or not words[0]:
        raise ValueError("a program must be named, with its arguments if it takes any")
    return words


def _url(text: str) -> str:
    if (why := _why_no_url(text)) is not None:
        raise ValueError(why)  # without the URL itself: it is a secret
    return text


def _why_no_url(url: str) -> str | None:
    """Why changes cannot be posted to a URL; None where they can. Clear text may go to loopback alone."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "it is no URL"
    if parts.scheme not in ("http", "https") or not host:
        return "it must begin with https:// and name a host"
    if parts.scheme == "http" and not _is_loopback(host):
        return "http:// may lead to loopback alone, since what is posted would cross the network in clear; use https://"
    return None


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _file(ctx: click.Context, param: click.Parameter, value: str | None) -> Path | None:
    """Read the configuration file, before any other option is."""
    if value is None:
        return None
    path = Path(value)
    try:
        given = _read(path)
    except TooLargeError as error:
        raise click.UsageError(f"{path}: a configuration of over {MAX_CONFIG_BYTES} bytes is none.", ctx) from error
    except OSError as error:
        raise click.UsageError(f"{path}: cannot be read: {error.strerror}.", ctx) from error
    except ValueError as error:  # of UTF-8, of TOML, and of a number with more digits than Python reads
        raise click.UsageError(f"{path}: is no TOML: {error}.", ctx) from error
    except RecursionError as error:
        raise click.UsageError(f"{path}: is nested too deep.", ctx) from error
    ctx.default_map = {**(ctx.default_map or {}), **config_values(given, str(path), ctx)}
    return path


def _read(path: Path) -> dict[str, Any]:
    """Raises TooLargeError, OSError, ValueError and RecursionError."""
    import tomllib

    return tomllib.loads(read_within(path, most=MAX_CONFIG_BYTES, seconds=CONFIG_SECONDS).decode("utf-8"))


def format_of_file(place: str) -> str | None:
    """The format that a configuration asks for, whatever else is wrong with it; None where it asks for none, or cannot
    be read a second time."""
    path = Path(place)
    try:
        wanted = _read(path).get("format") if path.is_file() else None
    except (TooLargeError, OSError, ValueError, RecursionError):
        return None
    return wanted if isinstance(wanted, str) else None


def config_values(given: Mapping[str, Any], place: str, ctx: click.Context) -> dict[str, Any]:
    """The values of a configuration by parameter name, each checked as the option of its name checks it. One file is
    for all commands: a key of another one is checked as well, and left aside. Raises UsageError with file, key and what
    would be right."""
    known = _keys(ctx.command)
    group = ctx.parent.command if ctx.parent is not None else None
    elsewhere: dict[str, click.Option] = {}
    for command in group.commands.values() if isinstance(group, click.Group) else ():
        if any(each.name == "config" for each in command.params):
            elsewhere |= _keys(command)
    values: dict[str, Any] = {}
    for key, value in given.items():
        option = known.get(key) or elsewhere.get(key)
        if option is None or option.name is None:
            import difflib

            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(known))}."
            raise click.UsageError(f"{place}: {_shown(key)} is no setting; {hint}", ctx)
        checked = _config_value(value, option, f"{place}: {key}", ctx)
        if key in known:
            values[option.name] = checked
    return values


def _keys(command: click.Command) -> dict[str, click.Option]:
    """The options of a command that can stand in a file, by their key there: those that a variable can give, too."""
    return {
        option.opts[0].removeprefix("--"): option
        for option in command.params
        if isinstance(option, click.Option) and option.envvar is not None and option.name != "config"
    }


def _config_value(value: Any, option: click.Option, place: str, ctx: click.Context) -> Any:
    if option.is_flag:
        if not isinstance(value, bool):
            raise click.UsageError(f"{place}: true or false belongs here, not {_shown(value)}.", ctx)
        return value
    if option.multiple:
        if not isinstance(value, list):
            raise click.UsageError(f"{place}: a list belongs here, not {_shown(value)}.", ctx)
        return [_config_scalar(each, option, place, ctx) for each in value]
    return _config_scalar(value, option, place, ctx)


def _config_scalar(value: Any, option: click.Option, place: str, ctx: click.Context) -> str:
    number = isinstance(option.type, Parsed) and option.type.name in ("seconds", "count")
    if number and isinstance(value, int | float) and not isinstance(value, bool):
        value = repr(value)
    elif not isinstance(value, str) or number:
        raise click.UsageError(f"{place}: a {'number' if number else 'text'} belongs here, not {_shown(value)}.", ctx)
    try:
        option.type.convert(value, option, ctx)
    except click.BadParameter as error:
        raise click.UsageError(f"{place}: {error.message}", ctx) from error
    return str(value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _option(name: str, *more: str, **how: Any) -> Callable[[Any], Any]:
    """An option that an environment variable of its name can give, too."""
    variable = f"BACKUPLINK_{name.removeprefix('--').replace('-', '_').upper()}"
    return click.option(name, *more, envvar=variable, show_envvar=True, **how)


_REGION: Final = Parsed(values.REGION)
_FILE: Final = Parsed(ValueType("file", _path, "the path of a file"))

_PROFILE: Final = _option(
    "--profile",
    type=Parsed(ValueType("text", _name, "the name of a profile")),
    help="Profile of the SDK's shared config files.",
)
_CA_BUNDLE: Final = _option(
    "--ca-bundle",
    type=Parsed(ValueType("file", _path, "the path of a file or folder")),
    help="File or folder of trusted certificates, instead of the SDK's.",
)

_MEASURING: Final = (
    _option("--region", type=_REGION, help="Region of the endpoints. Otherwise environment, profile, metadata."),
    _option(
        "--service",
        "services",
        type=click.Choice(tuple(SERVICES)),
        multiple=True,
        help="A service that must be reachable (repeatable). Otherwise backup must be; backup-gateway is looked at.",
    ),
    _option(
        "--endpoint",
        "endpoints",
        type=Parsed(values.ENDPOINT),
        multiple=True,
        help="DNS name or id of an endpoint of your own, regional or zonal, that must be reachable (repeatable).",
    ),
    _option(
        "--resolver",
        "resolvers",
        type=Parsed(values.ADDRESS),
        multiple=True,
        help="A name server to ask as well (repeatable).",
    ),
    _option(
        "--expect",
        type=click.Choice([each.value for each in Expect]),
        default=Expect.PRIVATE.value,
        show_default=True,
        help="The path that is no fault.",
    ),
    _option(
        "--private-cidr",
        "private_cidrs",
        type=Parsed(ValueType("cidr", ip_network, "a CIDR block, such as 10.0.0.0/8")),
        multiple=True,
        help="Addresses that count as private here (repeatable).",
    ),
    _option(
        "--timeout",
        type=Parsed(values.TIMEOUT),
        default=f"{DEFAULT_TIMEOUT:g}",
        show_default=True,
        help="Seconds for one step.",
    ),
    _option(
        "--deadline",
        type=Parsed(values.DEADLINE),
        show_default=", ".join(
            [
                f"{DEFAULT_DEADLINE:g}",
                *(f"{row.deadline:g} with --format {row.name}" for row in FORMATS if row.deadline is not None),
            ]
        ),
        help="Seconds for the whole run.",
    ),
    _option(
        "--no-api",
        is_flag=True,
        help="Make no signed call to the services. With --no-ec2 or --ec2-facts no credentials are looked for.",
    ),
    _option("--no-ec2", is_flag=True, help="Do not ask EC2 for the configuration."),
    _option(
        "--ec2-facts",
        type=_FILE,
        help="Take the configuration from a file of `backuplink facts` instead of asking EC2.",
    ),
    _PROFILE,
    _CA_BUNDLE,
    _option("--fips", is_flag=True, help="Look at the FIPS host, as an SDK with FIPS endpoints calls it."),
    _option("--dual-stack", is_flag=True, help="Look at the dual-stack host."),
)

_GATHERING: Final = (
    click.option(
        "--vpc",
        "vpc_id",
        required=True,
        type=Parsed(ValueType("vpc", _vpc, "the id of a VPC, such as vpc-0a1b2c3d4e5f67890")),
        help="The VPC of the hosts that will take the file.",
    ),
    _option("--region", type=_REGION, help="Region of the VPC. Otherwise environment, profile."),
    click.option("--output", type=_FILE, help="Write to a file, whole or not at all, instead of to stdout."),
    _option("--timeout", type=Parsed(values.TIMEOUT), default="10", show_default=True, help="Seconds for one read."),
    _option("--deadline", type=Parsed(values.DEADLINE), default="60", show_default=True, help="Seconds for all reads."),
    _PROFILE,
    _CA_BUNDLE,
)

_SHOWING: Final = (
    _option("--format", type=_Format(OPTION_NAMES), default=DEFAULT_FORMAT, show_default=True, help="Of the report."),
    _option("--brief", is_flag=True, help="A text report of at most 2,500 characters."),
    _option(
        "--output",
        type=_FILE,
        help="Write the document to a file, whole or not at all, instead of to stdout.",
    ),
    _option("--redact", is_flag=True, help="Mask ids, addresses, principals and certificates."),
    _option(
        "--suppress",
        "suppressions",
        type=Parsed(ValueType("code[=target]", _suppression, None)),
        multiple=True,
        help="A finding that is known and does not count (repeatable).",
    ),
    _option(
        "--fail-on",
        type=click.Choice(("warning", "critical", "never")),
        default="warning",
        show_default=True,
        help="From which verdict on the exit code is not 0.",
    ),
)

_WATCHING: Final = (
    _option(
        "--interval",
        type=Parsed(values.INTERVAL),
        default=f"{DEFAULT_INTERVAL:g}",
        show_default=True,
        help="Seconds from the begin of a cycle to that of the next, give or take a tenth. The deadline fits inside.",
    ),
    _option("--cycles", type=_count(1, 1_000_000_000), help="How many. Otherwise until it is ended."),
    _option(
        "--raise-after",
        type=_count(1, 100),
        default=str(DEFAULT_RAISE_AFTER),
        show_default=True,
        help="Cycles in a row that a finding, or a worse verdict, must last to be said.",
    ),
    _option(
        "--clear-after",
        type=_count(1, 100),
        default=str(DEFAULT_CLEAR_AFTER),
        show_default=True,
        help="Cycles in a row that a finding must be gone for, or the verdict ok, to be said.",
    ),
    _option(
        "--listen",
        type=Parsed(ValueType("[address:]port", _listen, "a port, or an address and a port such as 127.0.0.1:9842")),
        help="Serve /metrics and /healthz there; on loopback, which is meant without an address, also /report.json and "
        "/probe.",
    ),
    _option("--textfile", type=_FILE, help="Metrics for node_exporter's textfile collector, replaced in every cycle."),
    _option(
        "--on-change",
        type=Parsed(ValueType("command", _words, None)),
        help="A program to run at each change, with the change as JSON on its standard input. No shell reads it.",
    ),
    _option(
        "--notify",
        type=Parsed(ValueType("url", _url, None)),
        show_default=False,
        help="Post each change there as JSON; https, or http to loopback.",
    ),
    _option(
        "--notify-template",
        type=_FILE,
        help="A file of JSON to post instead, with $text, $code and the like in its texts.",
    ),
    _option("--history", type=_FILE, hidden=True),
)

_CONFIG: Final = _option(
    "--config",
    type=_FILE,
    is_eager=True,
    callback=_file,
    help="TOML file with any of these options, without their dashes. Flags and environment win over it.",
)


def measuring(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what a run looks at."""
    return _with(command, _MEASURING)


def watching(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how often a run is made, and what becomes of changes."""
    return _with(command, _WATCHING)


def gathering(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which configuration is read, and where it goes."""
    return _with(command, _GATHERING)


def showing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what becomes of a report, and the file that can hold all of a command's options."""
    return _with(command, (*_SHOWING, _CONFIG))


def _with(command: Callable[..., Any], options: tuple[Callable[[Any], Any], ...]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command


def _names(options: tuple[Callable[[Any], Any], ...]) -> frozenset[str]:
    """The parameter names of options."""
    return frozenset(each.name for each in click.command()(_with(lambda: None, options)).params)


WATCH_ALONE: Final = _names(_WATCHING)
"""Parameters that only a watch has a use for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """What becomes of a report."""

    format: str
    brief: bool
    output: str | None
    redact: bool
    suppressions: tuple[Suppression, ...]
    fail_on: str


def showing_from(options: Mapping[str, Any]) -> Showing:
    """What becomes of a report, from parsed options. Raises UsageError for options that exclude each other."""
    if options["brief"] and not format_named(options["format"]).has_brief:
        raise click.UsageError(f"--brief shortens the text report; it does not go with --format {options['format']}.")
    return Showing(
        format=options["format"],
        brief=options["brief"],
        output=options["output"],
        redact=options["redact"],
        suppressions=options["suppressions"],
        fail_on=options["fail_on"],
    )


def settings_from(options: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """The settings of a run, from parsed options and the variables of the SDK. Raises UsageError."""
    region, source = region_from(options["region"], environment)
    if options["no_ec2"] and options["ec2_facts"] is not None:
        raise click.UsageError("--no-ec2 wants no configuration, and --ec2-facts gives one; leave one of them out.")
    facts = None if options["ec2_facts"] is None else _facts_from(options["ec2_facts"], region, source)
    return Settings(
        region=region,
        region_source=source,
        services=tuple(dict.fromkeys(options["services"])),
        endpoints=tuple(dict.fromkeys(options["endpoints"])),
        resolvers=tuple(dict.fromkeys(options["resolvers"])),
        expect=Expect(options["expect"]),
        private_cidrs=options["private_cidrs"],
        timeout=options["timeout"],
        deadline=format_named(options["format"]).deadline or DEFAULT_DEADLINE
        if options["deadline"] is None
        else options["deadline"],
        profile=options["profile"],
        ca_bundle=options["ca_bundle"],
        fips=options["fips"],
        dual_stack=options["dual_stack"],
        signed_calls=not options["no_api"],
        ec2_reads=not options["no_ec2"] and facts is None,
        ec2_facts=facts,
    )


def watching_from(options: Mapping[str, Any]) -> Watching:
    """How a watch goes on, from parsed options. Raises UsageError for options that exclude each other."""
    if options["history"] is not None:
        raise click.UsageError("--history is reserved: this version keeps no history.")
    most = SHARE_FOR_A_CYCLE * options["interval"]
    if (deadline := options.get("deadline")) is not None and deadline > most:
        raise click.UsageError(
            f"--deadline {deadline:g} does not fit into --interval {options['interval']:g}: a cycle has "
            f"{SHARE_FOR_A_CYCLE:.0%} of it, so at most {most:g} s."
        )
    if format_named(options["format"]).stream is None and options["output"] is None:
        *others, last = (row.name for row in FORMATS if row.stream is not None)
        raise click.UsageError(
            f"--format {options['format']} is one document, and a watch goes on: give --output FILE to have it "
            f"replaced in every cycle, or take {', '.join(others)} or {last}."
        )
    if options["brief"] and options["output"] is None:
        raise click.UsageError("--brief is for the text report, which a watch writes to --output FILE alone.")
    if options["notify_template"] is not None and options["notify"] is None:
        raise click.UsageError("--notify-template is what --notify posts, and there is no --notify.")
    template = None if options["notify_template"] is None else _template_in(options["notify_template"])
    return Watching(
        interval=options["interval"],
        cycles=options["cycles"],
        raise_after=options["raise_after"],
        clear_after=options["clear_after"],
        listen=options["listen"],
        textfile=None if options["textfile"] is None else Path(options["textfile"]),
        on_change=options["on_change"],
        notify=None if options["notify"] is None else Notify(url=options["notify"], template=template),
    )


def _template_in(place: str) -> Any:
    """The JSON of a template. Raises UsageError."""
    try:
        return json.loads(read_within(Path(place), most=MAX_CONFIG_BYTES, seconds=CONFIG_SECONDS))
    except TooLargeError as error:
        raise click.UsageError(f"{place}: a template of over {MAX_CONFIG_BYTES} bytes is none.") from error
    except OSError as error:
        raise click.UsageError(f"{place}: cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"{place}: is no JSON: {error}.") from error


def _facts_from(place: str, region: str | None, source: str | None) -> Ec2Facts:
    """The configuration in a file, for a run in `region`, as far as that is known by now. Raises UsageError."""
    from agent.app.read_saved import read_facts
    from agent.report.facts_file import FactsFileError

    try:
        facts = read_facts(place, datetime.now(UTC))
    except FactsFileError as error:
        raise click.UsageError(f"{error}.") from error
    if region not in (None, facts.region):
        raise click.UsageError(
            f"{place}: is of the Region {facts.region}, and this run is about {region}, by {source}; take the file of "
            "that Region."
        )
    return facts


def region_from(option: str | None, environment: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The Region that an option or a variable of the SDK names, and which of them did. Raises UsageError."""
    if option is not None:
        return option, "--region"
    for variable in REGION_VARIABLES:
        if value := environment.get(variable):
            try:
                return values.region(value), variable
            except ValueError as error:
                raise click.UsageError(
                    f"{variable} is {value!r}, which is not the name of a Region, such as eu-west-1."
                ) from error
    return None, None
