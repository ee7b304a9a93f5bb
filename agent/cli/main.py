"""The command line: options to a run, a run to a document, a document to an exit code.

stdout carries one document and nothing else, on every path that ends a run or refuses one; words for a person go to
stderr. The commands give their exit code back; `dispatch` alone knows what goes wrong around them.
"""

import asyncio
import importlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO, TypeAlias

import click
from click.core import ParameterSource

from agent.catalog.hosts import ServiceEndpoint
from agent.cli.options import (
    FORMATS,
    SHARE_FOR_A_CYCLE,
    WATCH_ALONE,
    Showing,
    files_of_shell,
    format_of_file,
    gathering,
    measuring,
    region_from,
    settings_from,
    showing,
    showing_from,
    watching,
    watching_from,
)
from agent.process.cancel import CancelToken
from agent.process.output import ReaderGoneError, Writer, one_line, to_file, to_stderr, to_stdout
from agent.process.phases import Phase, announce
from agent.process.signals import cancel_on_signals, exit_on_signals, start_grace_timer
from agent.report import exits
from agent.report.model import Report
from agent.run.events import Event
from agent.settings import Ec2Facts, Settings, Suppression
from agent.version import __version__

if TYPE_CHECKING:  # each command loads what it needs, and no more
    from datetime import datetime

    from agent.report.model import Measurement
    from agent.run.collect_facts import FactsUnavailable
    from agent.simulated.scenario import Scenario
    from agent.tui.source import Source
    from agent.watch.schedule import Measure, Watch, WatchConfig
    from probes.seams import World

ARGUMENTS: Final = "agent.cli.main.arguments"
"""Where a context keeps what the command was called with."""
Listener = Callable[[Event], None]
Go: TypeAlias = "Callable[[CancelToken, Listener], Awaitable[Measurement]]"
Gather: TypeAlias = "Callable[[CancelToken], Awaitable[Ec2Facts | FactsUnavailable]]"


# --- Around every command --------------------------------------------------------------------------------------------


def dispatch(arguments: list[str], received_signals: list[str]) -> int:
    """Run one command and give its exit code. `received_signals` names the signals that have come so far."""
    try:
        code = main.main(arguments, prog_name="backuplink", standalone_mode=False, obj=received_signals)
        return int(code) if code is not None else exits.OK
    except ReaderGoneError:
        return exits.UNKNOWN
    except click.ClickException as error:
        why = one_line(_said(error, arguments))
        to_stderr(f"Error: {why}\n")
        return _refuse(why, format_in(arguments, os.environ))
    except click.Abort:
        return _refuse("interrupted", format_in(arguments, os.environ), exits.SIGNALS["SIGINT"])
    except Exception as error:  # noqa: BLE001 - the last resort: a fault of ours is said, with a valid document
        import traceback

        to_stderr(traceback.format_exc())
        why = one_line(f"internal error: {type(error).__name__}: {error}")
        return _refuse(why, format_in(arguments, os.environ))
    finally:
        to_stderr("")  # what a terminal did not take must not fail again when the interpreter flushes it at the end


def _said(error: click.ClickException, arguments: Sequence[str]) -> str:
    """What was wrong, and where help is."""
    said = error.format_message()
    if not said.endswith((".", "?")):
        said = f"{said}."
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        where = context.command_path
    else:  # click forgets it where an option lacks its value
        where = " ".join(["backuplink", *(word for word in arguments[:1] if word in main.commands)])
    return f"{said} Try '{where} --help'."


def format_in(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """The wanted format of a refusal, wherever it stands, whether or not anything else is understood."""
    given = _last_value("--format", arguments) or environment.get("BACKUPLINK_FORMAT")
    if not given:
        file = _last_value("--config", arguments) or environment.get("BACKUPLINK_CONFIG")
        given = format_of_file(file) if file else None
    return given if given in FORMATS else FORMATS[0]


def _last_value(option: str, arguments: Sequence[str]) -> str | None:
    value = None
    for place, word in enumerate(arguments):
        if word == "--":
            break
        if word == option and place + 1 < len(arguments):
            value = arguments[place + 1]
        elif word.startswith(f"{option}="):
            value = word.removeprefix(f"{option}=")
    return value


def _refuse(why: str, wanted: str, code: int = exits.UNKNOWN) -> int:
    from agent.judge.verdict import refusal

    try:
        to_stdout(rendered(refusal(why), wanted, code=code))
    except ReaderGoneError:
        return exits.UNKNOWN
    return code


_RENDERERS: Final = {
    "text": "agent.formats.text",
    "json": "agent.formats.json",
    "ndjson": "agent.formats.ndjson",
    "nagios": "agent.formats.nagios",
    "junit": "agent.formats.junit",
    "markdown": "agent.formats.markdown",
    "prometheus": "agent.formats.prometheus",
    "emf": "agent.formats.emf",
}
"""Where each of FORMATS is written: a module is loaded when its format is asked for, and what it needs with it."""


def rendered(report: Report, wanted: str, *, code: int, brief: bool = False, colour: bool = False) -> str:
    """The report as one document of a format, whole; `code` is the exit code that goes with it."""
    announce(Phase.RENDERING)
    module = importlib.import_module(_RENDERERS[wanted])
    document: str
    match wanted:
        case "text":
            document = module.brief(report) if brief else module.render(report, colour=colour)
        case "nagios":
            document = module.render(report, code=code)
        case _:
            document = module.render(report)
    return document


def has_colours(stream: TextIO | None, environment: Mapping[str, str]) -> bool:
    """Whether a terminal stands behind `stream` that wants colours (no-color.org)."""
    return (
        stream is not None
        and stream.isatty()
        and not environment.get("NO_COLOR")
        and (environment.get("TERM") or "dumb") != "dumb"
    )


# --- Commands --------------------------------------------------------------------------------------------------------


class _Command(click.Command):
    """A command whose help is a document like any other: where nobody can read it, the exit code says so. Its
    arguments stay known, for one that reads its settings again."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _show_help
        return option


_RESERVED: Final = ("history", "fleet")
"""Names of commands that are to come."""


class _Group(_Command, click.Group):
    command_class = _Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in _RESERVED:
            ctx.fail(
                f"{args[0]} is not in this version of backuplink ({__version__}); its name is kept for a later one."
            )
        return super().resolve_command(ctx, args)


def _show_help(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        to_stdout(f"{context.get_help()}\n")
        context.exit()


def _scenarios_of_shell(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from agent.simulated import scenario as scenarios

    return [name for name in scenarios.names() if name.startswith(incomplete)]


def _codes_of_shell(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from agent.catalog.findings import CODES

    return [code for code in CODES if code.startswith(incomplete.upper())]


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Diagnose the private path from this host to AWS Backup and Backup gateway.

    Resolves the endpoint names at every resolver that matters, tests TCP, TLS, HTTP and a signed call at every address,
    and names the root cause and its fix; where EC2 may be asked, the rule, entry or route by its id. Without a command
    it makes a check; on a terminal, and without any option, it shows one as `tui` does.

    Exit codes: 0 ok, 1 warning, 2 critical, 3 unknown or a usage error.
    """


@main.command()
@measuring
@showing
@click.pass_obj
def check(received_signals: list[str], /, **options: Any) -> int:
    """Make one run and write one report."""
    from probes.seams import World
    from probes.system.machine import SystemMachine
    from probes.system.net import SystemNet
    from probes.system.sdk import SystemSdk, end_children

    shown = showing_from(options)
    settings = settings_from(options, os.environ)

    async def go(stop: CancelToken, listener: Listener) -> "Measurement":
        world = World(net=SystemNet(), machine=SystemMachine(), sdk=SystemSdk())
        return await run(settings, world, stop, listener)

    with asyncio.Runner() as runner:
        try:
            return report(runner, go, received_signals, shown)
        finally:
            end_children()


@main.command()
@click.argument("report_file", metavar="[REPORT]", required=False, shell_complete=files_of_shell)
@measuring
@showing
@click.pass_context
def tui(context: click.Context, /, report_file: str | None, **options: Any) -> int:
    """Show a run as it happens, or a saved report, on the whole terminal.

    `?` lists the keys, `q` quits. REPORT is a file of --format json or ndjson; without one a run is made, and `r` makes
    it again. Afterwards the report is written as `check` writes it. Where a terminal is read aloud, or shows nothing
    but lines, `check` says the same as text.

    Exits as the last run says that came to its end. Without one 3, or 2 where something critical was proven by then.
    """
    from agent.tui.source import Live, Saved

    shown = showing_from(options)
    if report_file is not None:
        from agent.app.read_saved import read_report
        from agent.report import saved

        _refuse_beside_report(context)
        try:
            report = read_report(report_file)
        except saved.SavedReportError as error:
            raise click.UsageError(f"{error}.") from error
        return _interface(Saved(title=Path(report_file).name, report=report), context.obj, shown)

    judging = partial(_judged, suppress=shown.suppressions)
    live = Live(title="this host", settings=settings_from(options, os.environ), measure=measured_here, judge=judging)
    try:
        return _interface(live, context.obj, shown)
    finally:
        from probes.system.sdk import end_children

        end_children()


@main.command()
@measuring
@watching
@showing
@click.pass_context
def watch(context: click.Context, /, **_: Any) -> int:
    """Make a run again and again, and say what changes.

    Changes of the verdict and of findings go to stdout, one line each, and documents to where an option wants them.
    SIGHUP reads the configuration file again. A service manager is told of readiness, state and life (Type=notify).

    Each cycle makes one signed call a service, at its addresses in turn, and asks EC2 for the configuration while
    something is wrong. Exits 0 when it is ended by SIGTERM or SIGINT, with --cycles as the last verdict says.
    """
    from probes.system.machine import SystemMachine
    from probes.system.sdk import end_children

    try:
        return _watched(context, job_here, SystemMachine().now, end_children)
    finally:
        end_children()


def _refuse_beside_report(context: click.Context) -> None:
    """Raise UsageError for options that say what a run looks at, or what counts in it, where none is made. Those of
    environment and configuration are meant for other calls, too."""
    if context.params["report_file"] == "-":
        raise click.UsageError("REPORT must be a file here, since stdin is for the keys.")
    useful = {each.name for each in fields(Showing)} - {"suppressions"} | {"config", "report_file"}
    for name in context.params.keys() - useful:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = next(each.opts[0] for each in context.command.params if each.name == name)
            raise click.UsageError(f"{option} is for a run, and none is made to show REPORT.")


@main.command()
@click.argument("scenario", required=False, shell_complete=_scenarios_of_shell)
@click.option("--list", "listed", is_flag=True, help="Name the scenarios.")
@click.option("--tui", "on_screen", is_flag=True, help="Show the run on the whole terminal, as it happens.")
@click.option("--watch", "again_and_again", is_flag=True, help="Make it again and again, as `watch` does.")
@watching
@showing
@click.pass_context
def demo(
    context: click.Context,
    /,
    scenario: str | None,
    listed: bool,
    on_screen: bool,
    again_and_again: bool,
    **options: Any,
) -> int:
    """Make a run in a simulated VPC: no root, no AWS, no network.

    SCENARIO is one of those that --list names; otherwise a healthy VPC. Exits as check does, so that what reads exit
    codes can be tried with it.
    """
    from agent.simulated import scenario as scenarios
    from agent.simulated.settings import settings_of

    received_signals: list[str] = context.obj
    shown = showing_from(options)
    if not again_and_again:
        _refuse_without_watch(context)
    if listed:
        width = max(map(len, scenarios.names()))
        to_stdout("".join(f"{name:<{width}}  {scenarios.load(name).summary}\n" for name in scenarios.names()))
        return exits.OK
    try:
        chosen = scenarios.load(scenarios.DEFAULT if scenario is None else scenario)
    except KeyError as error:
        raise click.UsageError(f"There is no scenario {scenario!r}; --list names them.") from error

    async def go(stop: CancelToken, listener: Listener) -> "Measurement":
        from agent.simulated.world import simulated

        async with simulated(chosen) as world:
            return await run(settings_of(chosen), world, stop, listener)

    if on_screen:
        from agent.tui.source import Live

        async def again(settings: Settings, listener: Listener, stop: CancelToken) -> "Measurement":
            from agent.run.runner import measure
            from agent.simulated.world import simulated

            async with simulated(chosen) as world:
                return await measure(settings, world, emit=listener, stop=stop)

        judging = partial(_judged, suppress=shown.suppressions)
        title = f"simulated VPC: {chosen.name}"
        live = Live(title=title, settings=settings_of(chosen), measure=again, judge=judging)
        return _interface(live, received_signals, shown)
    if again_and_again:
        return _watched_demo(context, chosen)
    from agent.simulated.clock import VirtualLoop

    to_stderr(f"Simulated VPC, scenario {chosen.name}: {chosen.summary}.\n")
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return report(runner, go, received_signals, shown)


def _refuse_without_watch(context: click.Context) -> None:
    """Raise UsageError for options that only a watch has a use for. Those of environment and configuration are meant
    for other calls, too."""
    for option in context.command.params:
        if option.name in WATCH_ALONE and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option.opts[0]} is for a watch: `backuplink demo --watch`.")


def _watched_demo(context: click.Context, chosen: "Scenario") -> int:
    """A watch over a scenario and those that take turns with it, in the time of this host."""
    import itertools
    from datetime import datetime, timedelta

    from agent.simulated import scenario as scenarios
    from agent.simulated.settings import EPOCH, settings_of
    from agent.simulated.world import simulated

    turns = itertools.cycle((chosen, *map(scenarios.load, chosen.turns)))
    began = time.monotonic()

    async def go(settings: Settings, listener: Listener, stop: CancelToken) -> "Measurement":
        from agent.run.runner import measure

        async with simulated(next(turns), began) as world:
            return await measure(settings, world, emit=listener, stop=stop)

    def now() -> datetime:
        return EPOCH + timedelta(seconds=time.monotonic() - began)

    to_stderr(f"Simulated VPC, scenario {chosen.name}: {chosen.summary}.\n")
    return _watched(context, lambda context: _job(context, settings_of(chosen), go), now)


@main.command()
@click.option("--region", help="One Region.")
@click.option("--partition", help="All Regions of a partition, such as aws-cn.")
@click.option("--format", "wanted", type=click.Choice(("text", "json")), default="text", show_default=True)
def endpoints(region: str | None, partition: str | None, wanted: str) -> int:
    """Write service names, host names, ports and availability: of a Region, of a partition or of all."""
    from agent.formats import endpoints as table

    rows = _known(region, partition)
    to_stdout(table.as_json(rows) if wanted == "json" else table.as_text(rows))
    return exits.OK


def _known(region: str | None, partition: str | None) -> tuple[ServiceEndpoint, ...]:
    """What the table has of a Region, of a partition or of all. Raises UsageError for those that it lacks."""
    from agent.catalog.hosts import endpoints

    try:
        rows = endpoints(region=region, partition=partition)
    except KeyError as error:
        what = "Region" if error.args[0] == region else "partition"
        raise click.UsageError(f"There is no {what} {error.args[0]!r} in the table of this version.") from error
    if not rows:
        raise click.UsageError(f"The Region {region} is not in the partition {partition}.")
    return rows


@main.command()
@click.option("--region", help="For one Region, its services and its resources.")
@click.option("--partition", help="For all Regions of a partition, such as aws-cn. Otherwise those of aws.")
@click.option("--format", "wanted", type=click.Choice(("text", "json")), default="text", show_default=True)
def permissions(region: str | None, partition: str | None, wanted: str) -> int:
    """Write the least IAM policy for each part of a run: the path alone, signed calls, the reads of EC2."""
    from agent.app import permissions as least

    rows = _known(region, "aws" if region is None and partition is None else partition)
    found = least.permissions(rows, region=region)
    to_stdout(least.as_json(found) if wanted == "json" else least.as_text(found))
    return exits.OK


@main.command()
@gathering
@click.pass_obj
def facts(received_signals: list[str], /, **options: Any) -> int:
    """Write what EC2 says of a VPC to a file, for a host there that cannot ask EC2 itself.

    Run it where EC2 can be reached, such as on a laptop, with credentials of the VPC's account; nothing is changed
    there. On the host, `backuplink check --ec2-facts FILE` then takes the file. Exits 0 where everything was read, 1
    where a part was not and stderr says which, 3 where nothing could be read and no file was written.
    """
    from agent.run.collect_facts import FactsRequest, gather
    from probes.seams import World
    from probes.system.machine import SystemMachine
    from probes.system.net import SystemNet
    from probes.system.sdk import SystemSdk, end_children

    region, _ = region_from(options["region"], os.environ)
    wanted = FactsRequest(
        vpc_id=options["vpc_id"],
        region=region,
        profile=options["profile"],
        ca_bundle=options["ca_bundle"],
        timeout=options["timeout"],
        deadline=options["deadline"],
    )

    async def go(stop: CancelToken) -> "Ec2Facts | FactsUnavailable":
        return await gather(wanted, World(net=SystemNet(), machine=SystemMachine(), sdk=SystemSdk()), stop=stop)

    with asyncio.Runner() as runner:
        try:
            return gathered(runner, go, received_signals, options["output"])
        finally:
            end_children()


@main.command()
def schema() -> int:
    """Write the JSON Schema of the report."""
    from agent.report.codec import dumps
    from agent.report.codec import schema as report_schema

    to_stdout(dumps(report_schema()))
    return exits.OK


@main.command()
@click.argument("code", required=False, shell_complete=_codes_of_shell)
@click.option("--format", "wanted", type=click.Choice(("text", "json")), default="text", show_default=True)
def explain(code: str | None, wanted: str) -> int:
    """Write the runbook page of a finding: what it means, likely causes, the fix, and how to confirm it.

    Without CODE all codes are listed. On a terminal a page is shown through PAGER where it is longer than the screen.
    """
    from agent.catalog.findings import CODES
    from agent.formats import explain as pages

    if code is None:
        to_stdout(pages.catalogue_as_json() if wanted == "json" else pages.catalogue_as_text())
        return exits.OK
    if code.upper() not in CODES:
        import difflib

        near = difflib.get_close_matches(code.upper(), CODES, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; without a code all are listed."
        raise click.UsageError(f"There is no finding {code!r}{hint}")
    code = code.upper()
    if wanted == "json":
        to_stdout(pages.page_as_json(code))
        return exits.OK
    _show_page(pages.as_text(pages.page(code), bold=has_colours(sys.stdout, os.environ)))
    return exits.OK


def _show_page(text: str) -> None:
    """Write a text, through a pager where it is longer than the terminal."""
    import shutil

    if sys.stdout is not None and sys.stdout.isatty() and text.count("\n") >= shutil.get_terminal_size().lines:
        click.echo_via_pager(text, color=None)
    else:
        to_stdout(text)


@main.command()
@click.argument("report_file", metavar="REPORT", shell_complete=files_of_shell)
@showing
def diagnose(report_file: str, **options: Any) -> int:
    """Judge a saved report with the rules of this version: no network, nothing measured anew.

    REPORT is a file of --format json or ndjson, or - for stdin. Exits as the judged report says.
    """
    from agent.app.read_saved import read_report
    from agent.report import saved

    shown = showing_from(options)
    try:
        measurement = saved.measurement_of(read_report(report_file))
    except saved.SavedReportError as error:
        raise click.UsageError(f"{error}.") from error
    judged = _judged(measurement, suppress=shown.suppressions)
    return _write(judged, shown, exits.of_verdict(judged.verdict.status, shown.fail_on))


@main.command()
@click.argument("old", shell_complete=files_of_shell)
@click.argument("new", shell_complete=files_of_shell)
@click.option("--format", "wanted", type=click.Choice(("text", "json")), default="text", show_default=True)
def diff(old: str, new: str, wanted: str) -> int:
    """Say what changed between two saved reports: targets, steps, and findings that came and went.

    OLD and NEW are files of --format json or ndjson; one of them may be - for stdin. Exits 0 where nothing got worse,
    1 or 2 by the worst cause that is new or worse, 3 where the two cannot be compared.
    """
    from agent.app.read_saved import read_report
    from agent.formats import diff as table
    from agent.report import saved
    from agent.report.diff import NotComparableError, difference

    try:
        found = difference(read_report(old), read_report(new))
    except (saved.SavedReportError, NotComparableError) as error:
        raise click.UsageError(f"{error}.") from error
    to_stdout(table.as_json(found) if wanted == "json" else table.as_text(found))
    return exits.of_status(found.worse)


# --- A run -----------------------------------------------------------------------------------------------------------


def _judged(measurement: "Measurement", suppress: Sequence[Suppression]) -> Report:
    from agent.judge.verdict import judge

    announce(Phase.JUDGING)
    judged = judge(measurement, suppress=suppress)
    announce(Phase.JUDGED)
    return judged


async def run(settings: Settings, world: "World", stop: CancelToken, listener: Listener) -> "Measurement":
    """Measure once, with signals and a progress line; `stop` is cancelled by SIGINT, SIGTERM and SIGHUP."""
    from agent.formats.progress import Progress
    from agent.run.runner import measure

    with cancel_on_signals(stop):
        progress = Progress(sys.stderr, asyncio.get_running_loop().time)

        def emit(event: Event) -> None:
            announce(type(event).__name__)
            listener(event)
            progress(event)

        try:
            return await measure(settings, world, emit=emit, stop=stop)
        finally:
            progress.end()


async def measured_here(settings: Settings, listener: Listener, stop: CancelToken) -> "Measurement":
    """Measure once on this host, for whoever minds signals and progress himself."""
    from agent.run.runner import measure
    from probes.seams import World
    from probes.system.machine import SystemMachine
    from probes.system.net import SystemNet
    from probes.system.sdk import SystemSdk

    world = World(net=SystemNet(), machine=SystemMachine(), sdk=SystemSdk())
    return await measure(settings, world, emit=listener, stop=stop)


def report(runner: asyncio.Runner, go: Go, received_signals: list[str], shown: Showing) -> int:
    """Run `go`, judge what it saw, write the document and give the exit code."""
    stop = CancelToken(received_signals)
    with exit_on_signals(received_signals):
        return _reported(runner, go, stop, shown)


def _reported(runner: asyncio.Runner, go: Go, stop: CancelToken, shown: Showing) -> int:
    # NdjsonWriter can go out as they come unless they are to be masked, for which the whole run must be known, or kept.
    live = shown.format == "ndjson" and not shown.redact and shown.output is None
    if live:
        from agent.formats.ndjson import NdjsonWriter

        writer = Writer()
        lines = NdjsonWriter(writer.write)
        judged = _judged(_measured(runner, go, stop, lines), suppress=shown.suppressions)
        announce(Phase.RENDERING)
        lines.end(judged)
        writer.end()
        code = exits.of_verdict(judged.verdict.status, shown.fail_on)
    else:
        judged = _judged(_measured(runner, go, stop, lambda _: None), suppress=shown.suppressions)
        code = exits.of_verdict(judged.verdict.status, shown.fail_on)
        code = _write(judged, shown, code if stop.reason is None else exits.SIGNALS[stop.reason])
    # Even where it came after the last look and the report is complete.
    return code if stop.reason is None else exits.SIGNALS[stop.reason]


def _measured(runner: asyncio.Runner, go: Go, stop: CancelToken, listener: Listener) -> "Measurement":
    async def whole() -> "Measurement":
        return await go(stop, listener)

    announce(Phase.MEASURING)
    seen = runner.run(whole())
    announce(Phase.MEASURED)
    if stop.reason is not None:
        start_grace_timer()
    return seen


def _write(judged: Report, shown: Showing, code: int) -> int:
    """Write the document where it is wanted, and give the exit code: `code`, or that of a file that could not be
    written, for which stdout got the document."""
    if shown.redact:
        from agent.report.redact import redact

        judged = redact(judged)
    if shown.output is not None:
        if _put(rendered(judged, shown.format, code=code, brief=shown.brief), shown.output, "the report is"):
            return code
        code = exits.UNKNOWN
    colour = shown.output is None and has_colours(sys.stdout, os.environ)
    to_stdout(rendered(judged, shown.format, code=code, brief=shown.brief, colour=colour))
    return code


def _put(document: str, output: str, what: str) -> bool:
    """Write a document to a file; False where that could not be, which is said, and that stdout gets it."""
    try:
        to_file(document, Path(output))
    except OSError as error:
        to_stderr(f"Error: {one_line(f'{output} cannot be written: {error.strerror}; {what} on stdout.')}\n")
        return False
    return True


# --- A watch ---------------------------------------------------------------------------------------------------------


def job_here(context: click.Context) -> "WatchConfig":
    """What a watch of this host does by a context's options. Raises UsageError."""
    return _job(context, settings_from(context.params, os.environ), measured_here)


def _job(context: click.Context, settings: Settings, measure: "Measure") -> "WatchConfig":
    """What a watch does by a context's options. Raises UsageError."""
    from agent.watch.change_text import flaw_of
    from agent.watch.schedule import WatchConfig

    options = context.params
    shown = showing_from(options)
    wanted = watching_from(options)
    if wanted.notify is not None and (why := flaw_of(wanted.notify.template)) is not None:
        raise click.UsageError(f"{options['notify_template']}: is no template: {why}.")
    most = SHARE_FOR_A_CYCLE * wanted.interval
    return WatchConfig(
        settings=replace(settings, deadline=min(settings.deadline, most)),
        watching=wanted,
        measure=measure,
        judge=partial(_judged, suppress=shown.suppressions),
        format=shown.format,
        output=None if shown.output is None else Path(shown.output),
        render=lambda report: rendered(
            report, shown.format, code=exits.of_verdict(report.verdict.status, shown.fail_on), brief=shown.brief
        ),
        redact=shown.redact,
    )


def _watched(
    context: click.Context,
    job_in: "Callable[[click.Context], WatchConfig]",
    now: "Callable[[], datetime]",
    tidy: "Callable[[Collection[int]], None]" = lambda _: None,
) -> int:
    """Watch as the context's options say, and as they say anew after a hangup, and give the exit code."""
    import random

    from agent.watch.schedule import CannotListenError, Watch, WatchEnvironment
    from agent.watch.systemd import Manager, in_journal

    job = job_in(context)
    received_signals: list[str] = context.obj
    received_signals[:] = [
        each for each in received_signals if each != signal.SIGHUP.name
    ]  # the settings are as new as can be
    arguments = context.meta[ARGUMENTS]
    in_text = job.format == "text" or job.output is not None
    documents = Writer()
    lines = documents if in_text else Writer(to_stderr)
    around = WatchEnvironment(
        now=now,
        chance=random.Random(),  # noqa: S311 - spreads a fleet in time, and is no secret
        manager=Manager(os.environ, process_id=os.getpid()),
        lines=lines,
        documents=documents,
        journal=in_journal(1 if in_text else 2, os.environ),
        tidy=tidy,
    )

    def reread() -> "WatchConfig":
        try:
            with context.command.make_context(context.info_name, list(arguments), parent=context.parent) as again:
                return job_in(again)
        except click.ClickException as error:
            raise ValueError(one_line(error.format_message())) from error

    stop = CancelToken(received_signals)
    with asyncio.Runner() as runner, exit_on_signals(received_signals, code=exits.OK):

        async def whole() -> "Watch":
            watch = Watch(job, around, stop, reread)
            with cancel_on_signals(stop, at_once=start_grace_timer, on_hangup=watch.read_again):
                await watch.run()
            return watch

        try:
            watched = runner.run(whole())
        except CannotListenError as error:
            raise click.ClickException(f"{error}.") from error
        documents.end()
        if lines is not documents:
            lines.end()
        if stop.reason is not None:
            return exits.OK
        if watched.report is None:
            return exits.UNKNOWN
        return exits.of_verdict(watched.report.verdict.status, context.params["fail_on"])


# --- The interface ---------------------------------------------------------------------------------------------------


def _interface(source: "Source", received_signals: list[str], shown: Showing) -> int:
    """Show `source` until it is left, write the document of what was seen, and give the exit code."""
    from agent.tui import command

    if (why := command.why_not(os.environ)) is not None:
        raise click.ClickException(f"The interface cannot be shown here: {why}. `backuplink check` needs no terminal.")
    if shown.redact:
        raise click.UsageError("--redact masks a document, not what is on the screen; `backuplink check` has it.")
    try:
        app = command.app(source, shown.fail_on, os.environ)
    except ImportError as error:
        raise click.ClickException(
            f"The interface cannot be shown here: {error}. `backuplink check` does without Textual."
        ) from error
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # is for what goes on without a terminal
        signal.signal(signal.SIGHUP, lambda *_: received_signals.append(signal.SIGHUP.name))
    terminal = command.Terminal()
    leave = command.Leave(received_signals, start_grace_timer=start_grace_timer, leave=app.leave)

    async def go() -> int | None:
        with cancel_on_signals(leave):
            return None if leave.reason is not None else await app.run_async()

    with exit_on_signals(received_signals, terminal.put_back):
        try:
            with asyncio.Runner() as runner:
                code = runner.run(go())
        finally:
            terminal.release()
        if (fault := command.fault(app)) is not None:
            raise fault
        seen = app.report
        if seen is None:
            from agent.judge.verdict import refusal

            seen = refusal("left before anything was seen")
        code = exits.SIGNALS[received_signals[0]] if received_signals else exits.UNKNOWN if code is None else code
        code = _write(seen, shown, code)
        return exits.SIGNALS[received_signals[0]] if received_signals else code


# --- A configuration -------------------------------------------------------------------------------------------------


def gathered(runner: asyncio.Runner, go: Gather, received_signals: list[str], output: str | None) -> int:
    """Run `go`, write the facts that it gives, say what is not among them, and give the exit code; one that comes before all is read leaves no file."""
    from agent.report import facts_file
    from agent.run.collect_facts import FactsUnavailable, lacking

    stop = CancelToken(received_signals)

    async def whole() -> "Ec2Facts | FactsUnavailable":
        with cancel_on_signals(stop):
            return await go(stop)

    with exit_on_signals(received_signals):
        found = runner.run(whole())
        if stop.reason is not None:
            start_grace_timer()
            why = f"interrupted by {stop.reason}; nothing was written"
            return _refuse(why, format_in((), os.environ), exits.SIGNALS[stop.reason])
        if isinstance(found, FactsUnavailable):
            raise click.ClickException(f"{found.why}.")
        document = facts_file.dumps(found)
        written = output is None or _put(document, output, "the facts are")
        if output is None or not written:
            to_stdout(document)
        lines = lacking(found)
        for line in lines:
            to_stderr(f"{one_line(f'Not read: {line}')}\n")
        if received_signals:
            return exits.SIGNALS[received_signals[0]]
        return (exits.WARNING if lines else exits.OK) if written else exits.UNKNOWN
