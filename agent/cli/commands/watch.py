"""`backuplink watch`."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from agent.app.errors import RequestError
from agent.cli.group import ARGUMENTS, Command
from agent.cli.options import report_options, run_options, watch_options
from agent.cli.to_settings import report_options_from, settings_from, watching_from
from agent.process.output import one_line

if TYPE_CHECKING:
    from agent.watch.config import WatchConfig


@click.command(cls=Command)
@run_options
@watch_options
@report_options
@click.pass_context
def watch(context: click.Context, /, **options: Any) -> int:
    """Make a run again and again, and say what changes.

    Changes of the verdict and of findings go to stdout, one line each, and documents to where an option wants them.
    SIGHUP reads the configuration file again. A service manager is told of readiness, state and life (Type=notify).

    Each cycle makes one signed call a service, at its addresses in turn, and asks EC2 for the configuration while
    something is wrong. Exits 0 when it is ended by SIGTERM or SIGINT, with --cycles as the last verdict says.
    """
    from agent.app.watch_job import watch_host

    return watch_host(config_of(context), reader_of(context, config_of), context.obj, fail_on=options["fail_on"])


def config_of(context: click.Context) -> "WatchConfig":
    """What a watch of this host does, by the options of a context. Raises UsageError."""
    from agent.app.watch_job import config_here

    settings = settings_from(context.params, os.environ)
    wanted = report_options_from(context.params)
    return config_here(settings, watching_from(context.params), wanted)


def reader_of(
    context: click.Context, config_of: "Callable[[click.Context], WatchConfig]"
) -> "Callable[[], WatchConfig]":
    """What reads the arguments of a context again, with the environment and the configuration file as they are by
    then. It raises ValueError for what cannot be used."""
    arguments = context.meta[ARGUMENTS]

    def read_again() -> "WatchConfig":
        try:
            with context.command.make_context(context.info_name, list(arguments), parent=context.parent) as again:
                return config_of(again)
        except (click.ClickException, RequestError) as error:
            why = error.format_message() if isinstance(error, click.ClickException) else error.why
            raise ValueError(one_line(why)) from error

    return read_again
