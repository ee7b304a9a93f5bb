import os
from collections.abc import Iterator
from typing import Any, Final

import click
from click.core import ParameterSource

from agent.cli.config_file import CONFIG_KEYS
from agent.cli.group import Command
from agent.cli.options import bundle_options
from agent.cli.param_types import ENDPOINT, Parsed, complete_files
from agent.cli.to_settings import is_same_file, refuse_replacing_history, settings_from
from agent.settings import BundleOptions, NamedEndpoint, Setting

_OWN: Final = ("history", "output", "wrong", "plain", "logs", "case", "report_file")
_KINDS: Final = {"file": "file", "text": "profile", ENDPOINT.name: "host"}
"""The kind of mask for a value, by the name of the parameter's type."""


@click.command(
    cls=Command,
    examples=(
        "backuplink bundle --logs --output case.tar.gz",
        'backuplink bundle report.json --wrong "the endpoint was deleted on purpose"',
        "backuplink bundle --case",
    ),
    lacks={"--redact": "An archive is always masked unless --plain is set."},
)
@click.argument("report_file", metavar="[REPORT]", required=False, shell_complete=complete_files)
@bundle_options
@click.pass_context
def bundle(ctx: click.Context, /, report_file: str | None, **options: Any) -> int:
    """Write one archive for a support case. With --case, print what AWS Support asks for.

    REPORT is a file written with --format json, ndjson or html, or - for stdin. Without REPORT, the archive has the
    latest failed run in the file of --history. Without --history, it has a new run, made with the options of `check`.

    The archive is a .tar.gz of at most 5 MB that only its owner can read. It contains the report as JSON, HTML and
    text. If the report is about this host, the archive also contains the host's name servers, hosts file, addresses,
    routes, neighbours, TCP settings, number of sockets in each state, names of proxy and AWS SDK settings, and
    versions. Ids, addresses and names are masked as by --redact, each with the same mask in every file. The archive
    never contains secrets. stderr lists the content before the archive is written; then stdout shows its path. If a
    signal comes before that, no archive is written.

    Exit codes: 0 done, 3 an error.
    """
    from agent.app.bundle import bundle_here

    wanted = BundleOptions(report=report_file, **{name: options[name] for name in _OWN if name != "report_file"})
    _refuse_together(ctx, wanted)
    received_signals: list[str] = ctx.obj
    is_new = report_file is None and wanted.history is None
    run = settings_from(options, os.environ, received_signals) if is_new else None
    settings = tuple(_settings(ctx)) if is_new else ()
    return bundle_here(wanted, run, settings, received_signals)


def _refuse_together(ctx: click.Context, wanted: BundleOptions) -> None:
    """Raise UsageError for options that exclude each other, and for an archive that would replace its own source."""
    if wanted.case:
        for name in ("output", "wrong", "plain", "logs"):
            if getattr(wanted, name):
                raise click.UsageError(
                    f"--{name} is for an archive, which --case does not write; leave one of them out."
                )
    if wanted.report is not None or wanted.history is not None:
        source = "REPORT" if wanted.report is not None else "--history"
        for param in ctx.command.params:
            is_given = ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
            if is_given and param.name not in (*_OWN, "config"):
                raise click.UsageError(f"{param.opts[0]} is for a new run, but {source} names an earlier one.")
    if wanted.output is not None and wanted.report not in (None, "-") and is_same_file(wanted.output, wanted.report):
        raise click.UsageError(f"--output {wanted.output} is the report, which it would replace; name another file.")
    if wanted.history is not None:
        refuse_replacing_history(wanted.history, {"output": wanted.output})


def _settings(ctx: click.Context) -> Iterator[Setting]:
    """Yield the settings of the run, each with its source."""
    for param in ctx.command.params:
        if not isinstance(param, click.Option) or param.envvar is None or param.name is None:
            continue
        source = ctx.get_parameter_source(param.name)
        if source in (ParameterSource.DEFAULT, None):
            continue
        is_secret = isinstance(param.type, Parsed) and param.type.is_secret
        where = {
            ParameterSource.ENVIRONMENT: str(param.envvar),
            ParameterSource.DEFAULT_MAP: "configuration file",
        }.get(source, "command line")
        yield Setting(
            name=param.opts[0].removeprefix("--"),
            values=() if is_secret else tuple(_values(ctx.params[param.name])),
            kind=_KINDS.get(param.type.name),
            source=where,
        )
    own = {param.opts[0].removeprefix("--") for param in ctx.command.params}
    for key in ctx.meta.get(CONFIG_KEYS, ()):
        if key not in own or key in _OWN:
            yield Setting(name=key, values=(), kind=None, source="configuration file, for other commands")


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, tuple | list):
        for item in value:
            yield from _values(item)
    elif isinstance(value, NamedEndpoint):
        yield f"{value.service}={value.host}"
    elif value is not None:
        yield str(value).lower() if isinstance(value, bool) else str(value)
