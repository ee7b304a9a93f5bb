"""The command line: options to settings, a run to a document, a document to an exit code.

stdout carries one document and nothing else, on every path that ends a run or refuses one; words for a person go to
stderr. The commands give their exit code back; `dispatch` alone knows what goes wrong around them.
"""

import asyncio
import io
import math
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final, TextIO

import click

from agent import exits
from agent.catalog.partitions import is_region
from agent.catalog.services import SERVICES
from agent.evidence import Evidence
from agent.report import Report
from agent.runner import Stop, measure
from agent.settings import Expect, Settings
from agent.verdict import judge, refusal
from agent.version import __version__
from probes.model import Address
from probes.world import World

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
FORMATS: Final = ("text", "json")
REGION_VARIABLES: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")


# --- Around every command --------------------------------------------------------------------------------------------


def dispatch(arguments: list[str], pulled: list[str]) -> int:
    """Run one command and give its exit code. `pulled` names the signals that have come so far."""
    wanted = format_in(arguments, os.environ)
    try:
        code = main.main(arguments, prog_name="backuplink", standalone_mode=False, obj=pulled)
        return int(code) if code is not None else exits.OK
    except click.ClickException as error:
        error.show(sys.stderr)
        return _refuse(error.format_message(), wanted)
    except click.Abort:
        return _refuse("interrupted", wanted, exits.SIGNALS["SIGINT"])
    except Exception as error:  # noqa: BLE001 - the last resort: a fault of ours is said, with a valid document
        traceback.print_exc(file=sys.stderr)
        return _refuse(f"internal error: {type(error).__name__}: {error}", wanted)


def format_in(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """The wanted format, wherever it stands, before anything else of the arguments is understood."""
    wanted = environment.get("BACKUPLINK_FORMAT", "")
    for place, word in enumerate(arguments):
        if word == "--":
            break
        if word == "--format" and place + 1 < len(arguments):
            wanted = arguments[place + 1]
        elif word.startswith("--format="):
            wanted = word.removeprefix("--format=")
    return wanted if wanted in FORMATS else FORMATS[0]


def _refuse(why: str, wanted: str, code: int = exits.UNKNOWN) -> int:
    return code if _write(refusal(why), wanted) else exits.UNKNOWN


def _write(report: Report, wanted: str) -> bool:
    """Write the one document to stdout; False where its reader has gone."""
    if wanted == "json":
        from agent.render import json

        document = json.render(report)
    else:
        from agent.render import text

        document = text.render(report, colour=has_colours(sys.stdout, os.environ))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter still gets the document
    try:
        sys.stdout.write(document)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer must not raise again when the interpreter flushes it at the end.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - lives as long as the process
        return False
    return True


def has_colours(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether a terminal stands behind `stream` that wants colours (no-color.org)."""
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM", "dumb") != "dumb"


# --- Values of options -----------------------------------------------------------------------------------------------


class _Parsed(click.ParamType[Any]):
    """A value that a function reads; what it refuses is a usage error that says what would be right."""

    def __init__(self, name: str, read: Callable[[str], Any], wanted: str) -> None:
        self.name = name
        self._read = read
        self._wanted = wanted

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError:
            self.fail(f"{value!r} is not {self._wanted}.", param, ctx)


def _region(text: str) -> str:
    if not is_region(text):
        raise ValueError(text)
    return text


def _seconds(low: float, high: float) -> _Parsed:
    def read(text: str) -> float:
        value = float(text)
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(text)
        return value

    return _Parsed("seconds", read, f"a number of seconds from {low:g} to {high:g}")


REGION: Final = _Parsed("region", _region, "the name of a Region, such as eu-west-1")
ADDRESS: Final = _Parsed("address", ip_address, "an IP address")
CIDR: Final = _Parsed("cidr", ip_network, "a CIDR block, such as 10.0.0.0/8")


def _option(name: str, *more: str, **how: Any) -> Callable[[Any], Any]:
    """An option that an environment variable of its name can give, too."""
    variable = f"BACKUPLINK_{name.removeprefix('--').replace('-', '_').upper()}"
    return click.option(name, *more, envvar=variable, show_envvar=True, **how)


_format = _option("--format", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True, help="Of the report.")


# --- Commands --------------------------------------------------------------------------------------------------------


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Diagnose the private path from this host to AWS Backup and Backup gateway.

    Resolves the endpoint names at every resolver that matters, tests TCP, TLS and HTTP at every address, and names the
    root cause and its fix. Without a command it makes a check.

    Exit codes: 0 ok, 1 warning, 2 critical, 3 unknown or a usage error.
    """


@main.command()
@_option("--region", type=REGION, help="Region of the endpoints. Otherwise environment, profile, metadata.")
@_option(
    "--service",
    "services",
    type=click.Choice(tuple(SERVICES)),
    multiple=True,
    help="A service that must be reachable (repeatable). Otherwise backup must be, and backup-gateway is looked at.",
)
@_option("--resolver", "resolvers", type=ADDRESS, multiple=True, help="A name server to ask as well (repeatable).")
@_option(
    "--expect",
    type=click.Choice([each.value for each in Expect]),
    default=Expect.PRIVATE.value,
    show_default=True,
    help="The path that is no fault.",
)
@_option("--private-cidr", "private_cidrs", type=CIDR, multiple=True, help="Addresses that count as private here.")
@_option("--timeout", type=_seconds(0.1, 60), default="3", show_default=True, help="Seconds for one step.")
@_option("--deadline", type=_seconds(1, 3600), default="20", show_default=True, help="Seconds for the whole run.")
@_option("--profile", help="Profile of the SDK's shared config files.")
@_option("--ca-bundle", help="File or folder of trusted certificates, instead of the SDK's.")
@_format
@click.pass_obj
def check(
    pulled: list[str],
    region: str | None,
    services: tuple[str, ...],
    resolvers: tuple[Address, ...],
    expect: str,
    private_cidrs: tuple[IPv4Network | IPv6Network, ...],
    timeout: float,
    deadline: float,
    profile: str | None,
    ca_bundle: str | None,
    format: str,  # noqa: A002 - the option's name
) -> int:
    """Make one run and write one report."""
    from probes.world import SystemMachine, SystemNet, SystemSdk

    found, source = _region_from(region, os.environ)
    settings = Settings(
        region=found,
        region_source=source,
        services=tuple(dict.fromkeys(services)),
        resolvers=tuple(dict.fromkeys(resolvers)),
        expect=Expect(expect),
        private_cidrs=private_cidrs,
        timeout=timeout,
        deadline=deadline,
        profile=profile,
        ca_bundle=ca_bundle,
    )

    async def go(stop: Stop) -> Evidence:
        world = World(net=SystemNet(), machine=SystemMachine(), sdk=SystemSdk())
        return await run(settings, world, stop)

    with asyncio.Runner() as runner:
        return report(runner, go, pulled, format)


@main.command()
@click.argument("scenario", required=False)
@click.option("--list", "listed", is_flag=True, help="Name the scenarios.")
@_format
@click.pass_obj
def demo(pulled: list[str], scenario: str | None, listed: bool, format: str) -> int:  # noqa: A002 - the option's name
    """Make a run in a simulated VPC: no root, no AWS, no network.

    SCENARIO is one of those that --list names; otherwise a healthy VPC. Exits as check does, so that what reads exit
    codes can be tried with it.
    """
    from agent.simulated import scenario as scenarios
    from agent.simulated.clock import VirtualLoop
    from agent.simulated.world import simulated

    if listed:
        for name in scenarios.names():
            click.echo(f"{name:<28} {scenarios.load(name).summary}")
        return exits.OK
    try:
        chosen = scenarios.load(scenario or scenarios.DEFAULT)
    except KeyError as error:
        raise click.UsageError(f"There is no scenario {scenario!r}; --list names them.") from error

    async def go(stop: Stop) -> Evidence:
        async with simulated(chosen) as world:
            return await run(chosen.settings(), world, stop)

    click.echo(f"Simulated VPC, scenario {chosen.name}: {chosen.summary}.", err=True)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return report(runner, go, pulled, format)


@main.command()
def schema() -> int:
    """Write the JSON Schema of the report."""
    from agent.codec import dumps
    from agent.codec import schema as report_schema

    click.echo(dumps(report_schema()), nl=False)
    return exits.OK


# --- A run -----------------------------------------------------------------------------------------------------------


def _region_from(option: str | None, environment: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The Region and what named it, from option or environment. Raises UsageError for one that cannot be."""
    if option is not None:
        return option, "--region"
    for variable in REGION_VARIABLES:
        if value := environment.get(variable):
            if not is_region(value):
                raise click.UsageError(f"{variable} is {value!r}, which is not the name of a Region.")
            return value, variable
    return None, None


async def run(settings: Settings, world: World, stop: Stop) -> Evidence:
    """Measure once, with signals and a progress line; `stop` is pulled by SIGINT and SIGTERM."""
    from agent.render.progress import Progress

    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.pull, number.name)
    progress = Progress(sys.stderr, loop.time)
    try:
        return await measure(settings, world, emit=progress, stop=stop)
    finally:
        progress.end()
        for number, handler in before.items():
            # The loop's own way out restores the default, which would end the process before its document is written.
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def report(runner: asyncio.Runner, go: Callable[[Stop], Any], pulled: list[str], wanted: str) -> int:
    """Run `go`, judge what it saw, write the document and give the exit code. `pulled` names the signals so far."""
    stop = Stop(pulled)
    judged = judge(runner.run(go(stop)))
    if not _write(judged, wanted):
        return exits.UNKNOWN
    if judged.run.interrupted and stop.reason is not None:
        return exits.SIGNALS[stop.reason]
    return exits.of_status(judged.verdict.status)
