"""The options of the commands: names, types, defaults and help.

Flags win over the environment, the environment over the file. Each option has a variable, BACKUPLINK_ and its name,
and a key of the same name in the file. Defaults stand in `agent.settings`.
"""

from collections.abc import Callable
from typing import Any, Final

import click

from agent.catalog.services import SERVICES
from agent.cli.config_file import read_config
from agent.cli.param_types import (
    ADDRESS,
    CIDR,
    COMMAND,
    DEADLINE,
    ENDPOINT,
    FILE,
    FILE_OR_FOLDER,
    INTERVAL,
    LISTEN,
    PROFILE,
    REGION,
    SUPPRESSION,
    TIMEOUT,
    URL,
    VPC,
    FormatChoice,
    count,
)
from agent.formats.registry import DEFAULT_FORMAT, FORMATS, OPTION_NAMES
from agent.settings import (
    DEFAULT_CLEAR_AFTER,
    DEFAULT_DEADLINE,
    DEFAULT_EXPECT,
    DEFAULT_FAIL_ON,
    DEFAULT_INTERVAL,
    DEFAULT_RAISE_AFTER,
    DEFAULT_READ_TIMEOUT,
    DEFAULT_READS_DEADLINE,
    DEFAULT_TIMEOUT,
    FAIL_ON,
    Expect,
)


def _option(name: str, *more: str, **how: Any) -> Callable[[Any], Any]:
    """An option that an environment variable of its name can give, too."""
    variable = f"BACKUPLINK_{name.removeprefix('--').replace('-', '_').upper()}"
    return click.option(name, *more, envvar=variable, show_envvar=True, **how)


_PROFILE: Final = _option(
    "--profile",
    type=PROFILE,
    help="Profile of the SDK's shared config files.",
)
_CA_BUNDLE: Final = _option(
    "--ca-bundle",
    type=FILE_OR_FOLDER,
    help="File or folder of trusted certificates, instead of the SDK's.",
)

_RUN: Final = (
    _option("--region", type=REGION, help="Region of the endpoints. Otherwise environment, profile, metadata."),
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
        type=ENDPOINT,
        multiple=True,
        help="DNS name or id of an endpoint of your own, regional or zonal, that must be reachable (repeatable).",
    ),
    _option(
        "--resolver",
        "resolvers",
        type=ADDRESS,
        multiple=True,
        help="A name server to ask as well (repeatable).",
    ),
    _option(
        "--expect",
        type=click.Choice([path.value for path in Expect]),
        default=DEFAULT_EXPECT.value,
        show_default=True,
        help="The path that is no fault.",
    ),
    _option(
        "--private-cidr",
        "private_cidrs",
        type=CIDR,
        multiple=True,
        help="Addresses that count as private here (repeatable).",
    ),
    _option(
        "--timeout",
        type=TIMEOUT,
        default=f"{DEFAULT_TIMEOUT:g}",
        show_default=True,
        help="Seconds for one step.",
    ),
    _option(
        "--deadline",
        type=DEADLINE,
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
        type=FILE,
        help="Take the configuration from a file of `backuplink facts` instead of asking EC2.",
    ),
    _PROFILE,
    _CA_BUNDLE,
    _option("--fips", is_flag=True, help="Look at the FIPS host, as an SDK with FIPS endpoints calls it."),
    _option("--dual-stack", is_flag=True, help="Look at the dual-stack host."),
)

_FACTS: Final = (
    click.option(
        "--vpc",
        "vpc_id",
        required=True,
        type=VPC,
        help="The VPC of the hosts that will take the file.",
    ),
    _option("--region", type=REGION, help="Region of the VPC. Otherwise environment, profile."),
    click.option("--output", type=FILE, help="Write to a file, whole or not at all, instead of to stdout."),
    _option(
        "--timeout", type=TIMEOUT, default=f"{DEFAULT_READ_TIMEOUT:g}", show_default=True, help="Seconds for one read."
    ),
    _option(
        "--deadline",
        type=DEADLINE,
        default=f"{DEFAULT_READS_DEADLINE:g}",
        show_default=True,
        help="Seconds for all reads.",
    ),
    _PROFILE,
    _CA_BUNDLE,
)

_REPORT: Final = (
    _option(
        "--format", type=FormatChoice(OPTION_NAMES), default=DEFAULT_FORMAT, show_default=True, help="Of the report."
    ),
    _option("--brief", is_flag=True, help="A text report of at most 2,500 characters."),
    _option(
        "--output",
        type=FILE,
        help="Write the document to a file, whole or not at all, instead of to stdout.",
    ),
    _option("--redact", is_flag=True, help="Mask ids, addresses, principals and certificates."),
    _option(
        "--suppress",
        "suppressions",
        type=SUPPRESSION,
        multiple=True,
        help="A finding that is known and does not count (repeatable).",
    ),
    _option(
        "--fail-on",
        type=click.Choice(FAIL_ON),
        default=DEFAULT_FAIL_ON,
        show_default=True,
        help="From which verdict on the exit code is not 0.",
    ),
)

_WATCH: Final = (
    _option(
        "--interval",
        type=INTERVAL,
        default=f"{DEFAULT_INTERVAL:g}",
        show_default=True,
        help="Seconds from the begin of a cycle to that of the next, give or take a tenth. The deadline fits inside.",
    ),
    _option("--cycles", type=count(1, 1_000_000_000), help="How many. Otherwise until it is ended."),
    _option(
        "--raise-after",
        type=count(1, 100),
        default=str(DEFAULT_RAISE_AFTER),
        show_default=True,
        help="Cycles in a row that a finding, or a worse verdict, must last to be said.",
    ),
    _option(
        "--clear-after",
        type=count(1, 100),
        default=str(DEFAULT_CLEAR_AFTER),
        show_default=True,
        help="Cycles in a row that a finding must be gone for, or the verdict ok, to be said.",
    ),
    _option(
        "--listen",
        type=LISTEN,
        help="Serve /metrics and /healthz there; on loopback, which is meant without an address, also /report.json and "
        "/probe.",
    ),
    _option("--textfile", type=FILE, help="Metrics for node_exporter's textfile collector, replaced in every cycle."),
    _option(
        "--on-change",
        type=COMMAND,
        help="A program to run at each change, with the change as JSON on its standard input. No shell reads it.",
    ),
    _option(
        "--notify",
        type=URL,
        show_default=False,
        help="Post each change there as JSON; https, or http to loopback.",
    ),
    _option(
        "--notify-template",
        type=FILE,
        help="A file of JSON to post instead, with $text, $code and the like in its texts.",
    ),
    _option("--history", type=FILE, hidden=True),
)

_CONFIG: Final = _option(
    "--config",
    type=FILE,
    is_eager=True,
    callback=read_config,
    help="TOML file with any of these options, without their dashes. Flags and environment win over it.",
)


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what a run looks at."""
    return _with(command, _RUN)


def watch_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how often a run is made, and what becomes of changes."""
    return _with(command, _WATCH)


def facts_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which configuration is read, and where it goes."""
    return _with(command, _FACTS)


def report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what becomes of a report, and the file that can hold all of a command's options."""
    return _with(command, (*_REPORT, _CONFIG))


def _with(command: Callable[..., Any], options: tuple[Callable[[Any], Any], ...]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command


def _names(options: tuple[Callable[[Any], Any], ...]) -> frozenset[str]:
    """The parameter names of options."""
    return frozenset(each.name for each in click.command()(_with(lambda: None, options)).params)


WATCH_ONLY: Final = _names(_WATCH)
"""Parameters that only a watch has a use for."""

table_format: Final = click.option(
    "--format", "wanted", type=click.Choice(("text", "json")), default="text", show_default=True
)
"""The format of what is not a report."""
