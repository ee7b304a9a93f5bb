import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from agent.app.errors import RequestError
from agent.cli.group import ARGUMENTS, Command
from agent.cli.options import report_options, run_options, watch_options
from agent.cli.to_settings import report_options_from, settings_from, watching_from
from agent.process.files import InterruptedBySignalError
from agent.process.output import one_line

if TYPE_CHECKING:
    from agent.watch.config import WatchConfig


@click.command(
    cls=Command,
    examples=(
        "backuplink watch --interval 60 --history runs.db",
        "backuplink watch --listen 127.0.0.1:9842",
        "backuplink watch --textfile /var/lib/node_exporter/backuplink.prom",
    ),
    lacks={"--port": "Metrics are served where --listen says, such as --listen 9842."},
)
@run_options
@watch_options
@report_options
@click.pass_context
def watch(context: click.Context, /, **options: Any) -> int:
    """Check the path repeatedly and report changes.

    Changes of the verdict and of findings go to stdout, one line each. The options say where reports and metrics
    go. SIGHUP reloads the configuration file. A service manager gets readiness, status and watchdog messages
    (Type=notify).

    A cycle is one run of the watch. Every ten minutes, and after a change, a cycle makes one signed call per service,
    each time at the next address. In between, the latest answer counts. The configuration is not read from EC2 unless
    --ec2 says so. The exit code is 0 after SIGTERM or SIGINT. If --cycles ends the watch, it is that of the final
    verdict.
    """
    from agent.app.watch_job import watch_host

    return watch_host(config_of(context), reader_of(context, config_of), context.obj, fail_on=options["fail_on"])


def config_of(context: click.Context) -> "WatchConfig":
    """Return the configuration of a watch of this host from the options of a context. Raises UsageError and
    RequestError."""
    from agent.app.watch_job import config_here

    settings = settings_from(context.params, os.environ, context.obj)
    wanted = report_options_from(context.params)
    return config_here(settings, watching_from(context.params, context.obj), wanted, context.obj)


def reader_of(
    context: click.Context, config_of: "Callable[[click.Context], WatchConfig]"
) -> "Callable[[], WatchConfig]":
    """Return a function that reads the arguments of a context again, with the current environment and configuration
    file. It raises ValueError for values that cannot be used."""
    arguments = context.meta[ARGUMENTS]

    def read_again() -> "WatchConfig":
        try:
            with context.command.make_context(context.info_name, list(arguments), parent=context.parent) as again:
                return config_of(again)
        except InterruptedBySignalError as error:
            raise ValueError(f"interrupted by {error.name}") from error
        except (click.ClickException, RequestError) as error:
            why = error.format_message() if isinstance(error, click.ClickException) else error.why
            raise ValueError(one_line(why)) from error

    return read_again
