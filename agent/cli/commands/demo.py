from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from agent.cli.commands.watch import reader_of
from agent.cli.group import Command
from agent.cli.options import (
    INTERFACE_ONLY,
    WATCH_ONLY,
    demo_report_options,
    demo_watch_options,
    interface_options,
    workload_option,
)
from agent.cli.param_types import count
from agent.cli.to_settings import (
    fleet_output_from,
    interface_from,
    report_options_from,
    watching_from,
    watching_on_screen_from,
    workloads_from,
)

if TYPE_CHECKING:
    from agent.app.demo import SimulatedTurns
    from agent.watch.config import WatchConfig


_ON_SCREEN: Final = frozenset({"interval", "raise_after", "clear_after", "history", "keep", "keep_size"})
"""Parameters of a watch that the interface uses as well."""
_OF_ONE_HOST: Final = {
    "scenario": "SCENARIO",
    "listed": "--list",
    "workloads": "--workload",
    "on_screen": "--tui",
    "again_and_again": "--watch",
    "brief": "--brief",
}
"""Parameters that a demo of many hosts does not use, by name."""


def _complete_scenarios(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from agent.app.demo import scenario_names

    return [name for name in scenario_names() if name.startswith(incomplete)]


@click.command(
    cls=Command,
    examples=(
        "backuplink demo one-zone-silent",
        "backuplink demo --list gateway",
        "backuplink demo one-zone-flaps --watch --cycles 10",
    ),
)
@click.argument("scenario", required=False, shell_complete=_complete_scenarios)
@click.option(
    "--list",
    "listed",
    is_flag=True,
    help="List the scenarios by area. With a word in place of SCENARIO, list only scenarios whose area, name or "
    "summary has this word; with the code of a finding, only scenarios that show this finding.",
)
@workload_option
@click.option("--tui", "on_screen", is_flag=True, help="Show the run in the full-screen interface.")
@click.option(
    "--watch",
    "again_and_again",
    is_flag=True,
    help="Check the VPC repeatedly, as `watch` does. With --tui, the interface checks it repeatedly instead. With "
    "--cycles, and without --listen, --on-change and --notify, time is simulated: there is no wait between cycles.",
)
@click.option(
    "--fleet",
    "fleet_size",
    type=count(20, 200_000),
    metavar="HOSTS",
    is_eager=True,  # --keep must know whether this option is set
    help="Simulate this many hosts, with faults that they share, and join their records as `fleet` does.",
)
@demo_watch_options
@interface_options
@demo_report_options
@click.pass_context
def demo(
    context: click.Context,
    /,
    scenario: str | None,
    listed: bool,
    workloads: tuple[str, ...],
    on_screen: bool,
    again_and_again: bool,
    fleet_size: int | None,
    **options: Any,
) -> int:
    """Check a simulated VPC, without root, AWS or a network.

    SCENARIO is a name from --list; the default is a healthy VPC. The exit codes are those of `check`, so you can test
    scripts with them.
    """
    from agent.app.demo import SimulatedTurns, check_scenario, load_scenario, scenario_list, show_scenario
    from agent.app.publish import REPORT, write_at_once

    if not again_and_again:
        _refuse_options(
            context, WATCH_ONLY if fleet_size is None else WATCH_ONLY - {"keep"}, "a watch: `backuplink demo --watch`"
        )
    elif on_screen:
        _refuse_options(context, WATCH_ONLY - _ON_SCREEN, "a watch without --tui")
    if not on_screen:
        _refuse_options(context, INTERFACE_ONLY, "the interface: `backuplink demo --tui`")
    if fleet_size is not None:
        return _join(context, fleet_size)
    if options["format"] not in REPORT.formats:
        raise click.UsageError(f"--format {options['format']} is for many hosts: add --fleet HOSTS.")
    wanted = report_options_from(options)
    if listed:
        return write_at_once(scenario_list(scenario), context.obj)
    chosen = load_scenario(scenario, workloads_from(workloads))
    if on_screen:
        watching = watching_on_screen_from(options, is_kept=again_and_again)
        return show_scenario(chosen, watching, wanted, interface_from(options), context.obj, is_watch=again_and_again)
    if again_and_again:
        return _watch(context, SimulatedTurns(chosen))
    return check_scenario(chosen, wanted, context.obj)


def _join(context: click.Context, size: int) -> int:
    from agent.app.demo_fleet import join_estate

    options = context.params
    for name, option in _OF_ONE_HOST.items():
        if options[name] and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option} is for one host, and --fleet makes many; leave one of them out.")
    is_kept = context.get_parameter_source("keep") is ParameterSource.COMMANDLINE
    folder = options["keep"] if is_kept else None  # a variable or the file says how long a watch keeps its history
    return join_estate(size, folder, options["suppressions"], fleet_output_from(options), context.obj)


def _refuse_options(context: click.Context, names: Collection[str], use: str) -> None:
    """Raise UsageError for options that have no effect here. The environment and the configuration file may have them
    for other commands."""
    for option in context.command.params:
        if option.name in names and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option.opts[0]} applies to {use}.")


def _watch(context: click.Context, turns: "SimulatedTurns") -> int:
    from agent.app.demo import announce
    from agent.app.watch_job import watch

    announce(turns.scenario)
    config_of = partial(_config_of, turns)
    config = config_of(context)
    return watch(
        config,
        reader_of(context, config_of),
        context.obj,
        fail_on=context.params["fail_on"],
        now=turns.now,
        loop_factory=turns.loop_factory,
    )


def _config_of(turns: "SimulatedTurns", context: click.Context) -> "WatchConfig":
    from agent.app.demo import config_of_turns

    wanted = report_options_from(context.params)
    return config_of_turns(turns, watching_from(context.params, context.obj), wanted)
