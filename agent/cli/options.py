"""The options of the commands: names, types, defaults and help.

The command line overrides the environment, and both override the configuration file. Most options can also be set by a
variable, BACKUPLINK_ and the option's name, and by a key of the same name in the file. The defaults are in
`agent.settings`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import click
from click.core import ParameterSource

from agent.app.publish import AUDIT, DIFFERENCE, ENDPOINTS, FACTS, FLEET, HISTORY, PAGE, PREDICTION, REPORT, Kind
from agent.catalog.services import checkable
from agent.catalog.wording import either
from agent.cli.config_file import read_config
from agent.cli.param_types import (
    ADDRESS,
    AGE,
    CHANGE,
    CIDR,
    COMMAND,
    COMMAND_ID,
    DEADLINE,
    ENDPOINT,
    FILE,
    FILE_OR_FOLDER,
    FOLDER,
    INTERVAL,
    KEPT,
    KEY_CHOICE,
    KIND,
    LISTEN,
    MOMENT,
    PERCENT,
    PROFILE,
    REGION,
    ROLE_ARN,
    ROLE_NAME,
    SERVICE,
    SOURCE,
    SUPPRESSION,
    SWEEP,
    TIMEOUT,
    URL,
    VARIABLE,
    VPC,
    WHERE,
    WORDS,
    WORKLOAD,
    OneOf,
    count,
)
from agent.fleet.attributes import Attribute
from agent.formats.registry import FORMATS
from agent.settings import (
    DEFAULT_AUDIT_DEADLINE,
    DEFAULT_CALLS,
    DEFAULT_CLEAR_AFTER,
    DEFAULT_DEADLINE,
    DEFAULT_EC2,
    DEFAULT_EXPECT,
    DEFAULT_FAIL_ON,
    DEFAULT_INTERVAL,
    DEFAULT_KEEP,
    DEFAULT_KEEP_SIZE,
    DEFAULT_LEAST,
    DEFAULT_RAISE_AFTER,
    DEFAULT_READ_TIMEOUT,
    DEFAULT_READS_DEADLINE,
    DEFAULT_THEME,
    DEFAULT_TIMEOUT,
    DEFAULT_TOLERATE,
    DEFAULT_WATCH_CALLS,
    DEFAULT_WATCH_EC2,
    FAIL_ON,
    THEMES,
    Calls,
    Ec2,
    Expect,
    Workload,
)


class _Option(click.Option):
    """An option whose errors name its variable if, and only if, the variable gave the value."""

    def get_error_hint(self, ctx: click.Context | None) -> str:
        hint = " / ".join(f"'{name}'" for name in self.opts)
        is_from_variable = ctx is not None and ctx.get_parameter_source(self.name) is ParameterSource.ENVIRONMENT
        return f"{hint} (from the variable {self.envvar})" if is_from_variable else hint

    def get_help_extra(self, ctx: click.Context) -> Any:
        """Return what click shows after a help text. If a default is a text, it is shown without parentheses."""
        extra = super().get_help_extra(ctx)
        return {**extra, "default": self.show_default} if isinstance(self.show_default, str) else extra


def _option(name: str, *more: str, **how: Any) -> Callable[[Any], Any]:
    """An option that an environment variable of its name can set as well."""
    variable = f"BACKUPLINK_{name.removeprefix('--').replace('-', '_').upper()}"
    return click.option(name, *more, cls=_Option, envvar=variable, **how)


_MOST_IN_BRACKETS: Final = 6
_Decorator: TypeAlias = Callable[..., Callable[[Any], Any]]


def _format(
    kinds: Sequence[Kind], words: str, option: _Decorator = click.option, *, called: str = "format"
) -> Callable[[Any], Any]:
    """The option --format for these kinds of documents. The default is the first format of the first kind. `words` is
    the help text. In it, {names} stands for the formats, which is needed if there are too many for a list in
    brackets."""
    names = tuple(dict.fromkeys(name for kind in kinds for name in kind.formats))
    return option(
        "--format",
        called,
        type=OneOf(names),
        metavar="NAME" if len(names) > _MOST_IN_BRACKETS else None,
        default=names[0],
        show_default=True,
        help=words.format(names=", ".join(names)),
    )


def _where(kinds: Sequence[Kind], what: str, option: _Decorator = click.option) -> Callable[[Any], Any]:
    """The option --output for these kinds of documents. Its help says who can read the file."""
    aside = (
        ", unless the format is for metrics"
        if any(form.is_shared for kind in kinds for form in kind.forms.values())
        else ""
    )
    return option(
        "--output",
        type=FILE,
        help=f"Write {what} to a file instead of stdout. The file is replaced atomically, and only its owner can read "
        f"it{aside}.",
    )


def _masks(what: str, where: str, option: _Decorator = click.option) -> Callable[[Any], Any]:
    """The option --redact of a command."""
    return option("--redact", is_flag=True, help=f"Mask {what} in {where}.")


def _fails(option: _Decorator = click.option) -> Callable[[Any], Any]:
    """The option --fail-on of a command."""
    return option(
        "--fail-on",
        type=OneOf(FAIL_ON),
        default=DEFAULT_FAIL_ON,
        show_default=True,
        help="Lowest verdict that makes the exit code non-zero.",
    )


def _brief(option: _Decorator) -> Callable[[Any], Any]:
    return option("--brief", is_flag=True, help="Shorten the text report to at most 2,500 characters.")


_OF_REPORT: Final = "ids, addresses, principals and certificates"


profile_option: Final = _option(
    "--profile",
    type=PROFILE,
    help="Profile in the shared config files of the AWS SDK.",
)
_CA_BUNDLE: Final = _option(
    "--ca-bundle",
    type=FILE_OR_FOLDER,
    help="File or folder of trusted CA certificates, instead of those of the AWS SDK.",
)

workload_option: Final = _option(
    "--workload",
    "workloads",
    type=WORKLOAD,
    multiple=True,
    metavar="NAME",
    help="Workload whose services must be reachable (repeatable): "
    f"{', '.join(Workload)}. {Workload.AUTO.value} takes the workloads that are found on this host, or "
    f"{Workload.CALLER.value} if there are none. It is the default unless a service or an endpoint is named. If the "
    "host does not show where SAP HANA sends its backups, use hana:backup for AWS Backup, or hana:s3 for S3.",
)
"""The option --workload of a run."""
_RUN: Final = (
    _option(
        "--region",
        type=REGION,
        help="Region of the endpoints. Default: from the environment, the profile or the instance metadata.",
    ),
    workload_option,
    _option(
        "--service",
        "services",
        type=SERVICE,
        multiple=True,
        metavar="NAME",
        help="Service that must be reachable (repeatable). No others are checked, except those that a --workload "
        f"needs. One of {', '.join(checkable())}.",
    ),
    _option(
        "--endpoint",
        "endpoints",
        type=ENDPOINT,
        multiple=True,
        help="One of your endpoints, by its id or its regional or zonal DNS name, that must be reachable (repeatable).",
    ),
    _option(
        "--run-agents",
        is_flag=True,
        help="Run each agent that is found on this host, to read its version.",
    ),
    _option(
        "--resolver",
        "resolvers",
        type=ADDRESS,
        multiple=True,
        help="Additional name server to query (repeatable).",
    ),
    _option(
        "--expect",
        type=OneOf([path.value for path in Expect]),
        help=f"Which path to treat as healthy. Default: {DEFAULT_EXPECT.value}, but any for the bucket of SAP "
        "HANA's backups.",
    ),
    _option(
        "--private-cidr",
        "private_cidrs",
        type=CIDR,
        multiple=True,
        help="Block of addresses to treat as private (repeatable).",
    ),
    _option(
        "--timeout",
        type=TIMEOUT,
        default=f"{DEFAULT_TIMEOUT:g}",
        show_default=True,
        help="Time limit of one step, in seconds.",
    ),
    _option(
        "--deadline",
        type=DEADLINE,
        show_default=", ".join(
            [
                f"{DEFAULT_DEADLINE:g}",
                *(f"or {row.deadline:g} with --format {row.name}" for row in FORMATS if row.deadline is not None),
            ]
        ),
        help="Time limit of the whole run, in seconds.",
    ),
    _option(
        "--calls",
        type=OneOf([calls.value for calls in Calls]),
        show_default=f"{DEFAULT_CALLS.value}, or {DEFAULT_WATCH_CALLS.value} in a watch",
        help="Signed calls to make: one at each address (each), one for each service (one), or none.",
    ),
    _option(
        "--no-api",
        is_flag=True,
        help="The same as --calls none. Together with --ec2 never, no credentials are loaded.",
    ),
    _option(
        "--jobs",
        is_flag=True,
        help="Also ask AWS Backup, with up to twelve signed calls, which jobs of the last 24 hours did not succeed. "
        "Not available in a watch.",
    ),
    _option(
        "--ec2",
        type=OneOf([ec2.value for ec2 in Ec2]),
        show_default=f"{DEFAULT_EC2.value}, or {DEFAULT_WATCH_EC2.value} in a watch",
        help="When to read the network configuration from EC2: auto reads it at the first sign of trouble.",
    ),
    _option("--no-ec2", is_flag=True, help="The same as --ec2 never."),
    _option(
        "--ec2-facts",
        type=FILE,
        help="Take the network configuration from a file that `backuplink facts` wrote. A file that is about another "
        "network, or over 30 days old, is not used; --ec2 then decides whether EC2 is read.",
    ),
    profile_option,
    _CA_BUNDLE,
    _option(
        "--fips",
        is_flag=True,
        help="Check the FIPS host name of each service, which an SDK calls if it is set to use FIPS.",
    ),
    _option(
        "--dual-stack",
        is_flag=True,
        help="Check the dual-stack host name of each service, which has IPv4 and IPv6 addresses.",
    ),
)

_READS: Final = (
    _option("--region", type=REGION, help="Region of the VPC. Default: from the environment or the profile."),
    _option(
        "--timeout",
        type=TIMEOUT,
        default=f"{DEFAULT_READ_TIMEOUT:g}",
        show_default=True,
        help="Time limit of one read, in seconds.",
    ),
    _option(
        "--deadline",
        type=DEADLINE,
        default=f"{DEFAULT_READS_DEADLINE:g}",
        show_default=True,
        help="Time limit of all reads, in seconds.",
    ),
    profile_option,
    _CA_BUNDLE,
)
"""Options that say how the configuration of a whole VPC is read."""
_ROLES: Final = (
    click.option(
        "--role-arn",
        "role_arns",
        type=ROLE_ARN,
        multiple=True,
        help="Role to assume (repeatable). Its account is read instead of the account of the credentials.",
    ),
    click.option(
        "--organization-role",
        type=ROLE_NAME,
        help="Name of a role to assume in every account of the organization, except the account of the credentials.",
    ),
)
"""Options that name the accounts to read instead of the account of the credentials."""
_FACTS: Final = (
    click.option(
        "--vpc",
        "vpc_id",
        type=VPC,
        help="Id of the VPC whose hosts will use the file. Default: every VPC of the account and Region, for "
        "`backuplink fleet`.",
    ),
    *_ROLES,
    _where((FACTS,), "the facts"),
    *_READS,
)
_PREDICT: Final = (
    click.option("--ec2-facts", type=FILE, help="Predict from a file that `backuplink facts` wrote."),
    click.option("--vpc", "vpc_id", type=VPC, help="Predict from the configuration of this VPC, which is read now."),
    click.option(
        "--from",
        "sources",
        type=SOURCE,
        multiple=True,
        help="Hosts to predict for (repeatable): the id of a subnet, an interface or an instance, a block of "
        "addresses, or all. Default: all, with one prediction for each class of hosts that the configuration does "
        "not tell apart.",
    ),
    click.option(
        "--workload",
        "workloads",
        type=WORKLOAD,
        multiple=True,
        metavar="NAME",
        help=f"Workload whose services must be reachable (repeatable): {', '.join(Workload)}. Default: "
        f"{Workload.CALLER.value}, if no service is named.",
    ),
    click.option(
        "--service",
        "services",
        type=SERVICE,
        multiple=True,
        metavar="NAME",
        help=f"Service that must be reachable (repeatable). One of {', '.join(checkable())}.",
    ),
    click.option(
        "--port",
        "ports",
        type=count(1, 65_535),
        multiple=True,
        metavar="PORT",
        help="Port that must be reachable at every service (repeatable). Default: the ports that each service needs.",
    ),
    click.option(
        "--assume",
        "assumptions",
        type=CHANGE,
        multiple=True,
        metavar="CHANGE",
        help="Predict as if this change were made, and say what it opens and closes (repeatable; changes are made in "
        "order). + adds and - removes. A rule of a security group: sg-ID:+in:tcp:1026-1031:10.0.0.0/16. For an "
        "outbound rule, write out instead of in. A group or prefix list can replace the block. An ACL entry: "
        "acl-ID:+in:90:deny:tcp:443:10.0.0.0/16, acl-ID:-in:90. A route: rtb-ID:+10.1.0.0/16:tgw-ID, "
        "rtb-ID:-10.1.0.0/16. An endpoint: vpce-ID:private-dns=on or off, vpce-ID:policy=FILE, and the route of a "
        "gateway endpoint in a route table, vpce-ID:+rtb-ID. The VPC: vpc-ID:dns-support=on, vpc-ID:dns-hostnames=on.",
    ),
    click.option(
        "--assume-plan",
        "plans",
        type=FILE,
        multiple=True,
        metavar="FILE",
        help="Predict as if this plan were applied, before the changes of --assume (repeatable). FILE is the JSON that "
        "`terraform show -json PLAN` or `aws cloudformation describe-change-set --include-property-values` prints. If "
        "FILE is -, stdin is read.",
    ),
    click.option(
        "--harmless",
        type=KIND,
        multiple=True,
        metavar="KIND",
        help="Kind of resource, such as aws_dax_cluster or Custom::LogRetention, whose changes in a plan do not matter "
        "here (repeatable). A change of this kind is then ignored if the prediction cannot judge its effect.",
    ),
    click.option(
        "--intent",
        "intents",
        type=FILE,
        metavar="FILE",
        help="Say whether the intents in this TOML file hold, after the assumed changes if there are any. An intent "
        "says what must be open or closed, from where, and for which services. The intents then decide the exit code. "
        "If FILE is -, stdin is read.",
    ),
    _format((PREDICTION,), "Format of the prediction."),
    _where((PREDICTION,), "the prediction"),
    _masks("ids and addresses", "the prediction"),
    _fails(),
    *_READS,
)

_AUDIT: Final = (
    click.option(
        "--ec2-facts",
        "places",
        type=FILE,
        multiple=True,
        help="Audit the VPCs in a file that `backuplink facts` wrote (repeatable).",
    ),
    click.option(
        "--show",
        "saved",
        type=FILE,
        help="Only convert this saved audit, in JSON, to the format that --format names. Nothing is read from AWS or "
        "judged.",
    ),
    click.option(
        "--against",
        type=FILE,
        help="Also list, per VPC and code, what is new, changed or gone since an earlier audit, saved as JSON in this "
        "file.",
    ),
    click.option(
        "--region",
        "regions",
        type=REGION,
        multiple=True,
        help="Region whose VPCs are read (repeatable). Default: from the environment or the profile.",
    ),
    click.option("--all-regions", is_flag=True, help="Read the VPCs of every Region that the account has switched on."),
    click.option(
        "--vpc", "vpc_ids", type=VPC, multiple=True, help="Id of a VPC to read (repeatable). Default: every VPC."
    ),
    *_ROLES,
    click.option(
        "--workload",
        "workloads",
        type=WORKLOAD,
        multiple=True,
        metavar="NAME",
        help=f"Workload that every VPC is judged for (repeatable): {', '.join(Workload)}. {Workload.AUTO.value}, the "
        "default, judges each VPC for the workloads that its endpoints suggest.",
    ),
    click.option(
        "--service",
        "services",
        type=SERVICE,
        multiple=True,
        metavar="NAME",
        help=f"Service that every VPC is judged for (repeatable). One of {', '.join(checkable())}.",
    ),
    _format(
        (AUDIT,),
        "Format of the audit: {names}. eventbridge writes the faults that the audit of --against does not have, as "
        "requests for `aws events put-events`, one per line.",
    ),
    _where((AUDIT,), "the audit"),
    _masks("ids, accounts and addresses", "the audit"),
    click.option(
        "--suppress",
        "suppressions",
        type=SUPPRESSION,
        multiple=True,
        help="Known finding that must not affect the verdict (repeatable). TARGET limits the suppression to a "
        "service, a VPC, the id of a resource, or a tag of the VPC or of the endpoint (tag:KEY or tag:KEY=VALUE). DAY, "
        "such as 2026-12-31, is its last day.",
    ),
    click.option(
        "--review",
        is_flag=True,
        help="Warn about risks too: an endpoint in only one zone, a group or a policy that is open to all.",
    ),
    _fails(),
    _option(
        "--timeout",
        type=TIMEOUT,
        default=f"{DEFAULT_READ_TIMEOUT:g}",
        show_default=True,
        help="Time limit of one read, in seconds.",
    ),
    click.option(
        "--deadline",
        type=DEADLINE,
        default=f"{DEFAULT_AUDIT_DEADLINE:g}",
        show_default=True,
        help="Time limit of all reads, in seconds. What is not read by then is listed.",
    ),
    profile_option,
    _CA_BUNDLE,
)
_FLEET: Final = (
    click.option(
        "--command-id",
        "command_ids",
        type=COMMAND_ID,
        multiple=True,
        help="Read the output of a command of Run Command, without a bucket (repeatable).",
    ),
    click.option(
        "--ec2-facts",
        type=FILE_OR_FOLDER,
        multiple=True,
        help="File that `backuplink facts` wrote about a VPC or a whole account, or a folder of such files "
        "(repeatable). It shows the cause for hosts that could not read EC2.",
    ),
    click.option(
        "--inventory",
        type=FILE,
        help="Expected hosts: a list of ids, CSV, a JSON list of objects, or the output of `aws ssm "
        "describe-instance-information`. Further columns, such as owner, describe the hosts. Default: the hosts of the "
        "sweep that --against names.",
    ),
    click.option(
        "--sweep",
        type=SWEEP,
        help="Sweep to show, by its id. A sweep is one run over all hosts. Default: the latest sweep.",
    ),
    click.option(
        "--against",
        type=SWEEP,
        default="previous",
        show_default=True,
        help="Sweep to compare with: its id, previous or none.",
    ),
    click.option(
        "--since",
        type=MOMENT,
        help="Leave out older records: a time such as 2026-01-15T03:00 in UTC, or a duration such as 7d.",
    ),
    click.option(
        "--by",
        type=OneOf([attribute.value for attribute in Attribute]),
        metavar="NAME",
        help="Attribute to try first when looking for what hosts with the same cause have in common: "
        f"{', '.join(attribute.value for attribute in Attribute)}.",
    ),
    click.option(
        "--where",
        type=WHERE,
        multiple=True,
        metavar="NAME=VALUE",
        help=f"Include only hosts with this value of an attribute (repeatable): {', '.join(Attribute)}. For a label, "
        "write label=NAME=VALUE.",
    ),
    click.option(
        "--least",
        type=count(2, 1_000_000),
        default=str(DEFAULT_LEAST),
        show_default=True,
        help="Minimum number of hosts for a shared cause.",
    ),
    click.option(
        "--tolerate",
        type=PERCENT,
        default=f"{DEFAULT_TOLERATE:g}",
        show_default=True,
        help="Percentage of silent hosts, or of unreadable files, above which the verdict is unknown.",
    ),
    click.option(
        "--cache",
        type=FOLDER,
        metavar="FOLDER",
        help="Folder in which records are kept, so that each file is read only once.",
    ),
    click.option(
        "--suppress",
        "suppressions",
        type=SUPPRESSION,
        multiple=True,
        help="Known fault to leave out of the causes and of the verdict (repeatable).",
    ),
    click.option(
        "--suppressions",
        "suppressions_file",
        type=FILE,
        help="CSV file of known faults. Its columns are suppress, owner, reason and end; suppress has the same values "
        "as --suppress.",
    ),
    click.option(
        "--region",
        type=REGION,
        help="Region of the bucket or of the commands. Default: from the environment or the profile.",
    ),
    profile_option,
    _format(
        (FLEET,),
        "Format of the document: {names}. csv and parquet have a row for each host and cause; parquet needs DuckDB and "
        "--output. eventbridge writes the causes that changed, as requests for `aws events put-events`, one per line.",
    ),
    _where((FLEET,), "the document"),
    _masks("ids, addresses and names", "the document"),
    _fails(),
)

_SHOWN_REPORT: Final = (
    _format(
        (REPORT, HISTORY, DIFFERENCE),
        "Format of the report that --show writes: {names}. For the list, use "
        f"{either(HISTORY.formats)}; for a comparison, {either(DIFFERENCE.formats)}.",
    ),
    _brief(click.option),
    _where((REPORT, HISTORY, DIFFERENCE), "the document"),
    _masks(_OF_REPORT, "the report"),
)

_BUNDLE: Final = (
    click.option(
        "--history",
        type=FILE,
        help="Without REPORT, take the latest failed run in this file instead of a new run. The archive also gets the "
        "latest changes from this file.",
    ),
    click.option(
        "--output",
        type=FILE,
        help="Write the archive to this file, which is replaced atomically. Default: a new file in the current folder, "
        "named after the time of the run.",
    ),
    click.option(
        "--wrong",
        type=WORDS,
        help="Say that the verdict was wrong, and what is true instead. The archive then has a file wrong.txt with "
        "WORDS and what the report said. Its text is also shown on stderr.",
    ),
    click.option(
        "--plain",
        is_flag=True,
        help="Do not mask ids, addresses and names. Even then, the archive never contains secrets.",
    ),
    click.option("--logs", is_flag=True, help="Add the last lines of the logs that agents on this host write."),
    click.option(
        "--case",
        is_flag=True,
        help="Print what AWS Support asks for, with unmasked ids, instead of writing an archive.",
    ),
)

_REPORT: Final = (
    _format((REPORT,), "Format of the report: {names}.", _option),
    _brief(_option),
    _where((REPORT,), "the report", _option),
    _masks(_OF_REPORT, "the report", _option),
    _option(
        "--suppress",
        "suppressions",
        type=SUPPRESSION,
        multiple=True,
        help="Known finding that must not affect the verdict (repeatable). TARGET limits the suppression to one target "
        "or to a subject such as group:sg-0a1b2c3d. DAY, such as 2026-12-31, is its last day.",
    ),
    _fails(_option),
)

_OF_FLEET_ALONE: Final = tuple(name for name in FLEET.formats if name not in REPORT.formats)
_DEMO_FORMAT: Final = _format(
    (REPORT, FLEET),
    f"Format of the report: {', '.join(REPORT.formats)}; with --fleet also {', '.join(_OF_FLEET_ALONE)}.",
    _option,
)
"""The option --format of a demo, in place of the first option in `_REPORT`."""

_WATCH: Final = (
    _option(
        "--interval",
        type=INTERVAL,
        default=f"{DEFAULT_INTERVAL:g}",
        show_default=True,
        help="Seconds between the starts of two cycles, varied by up to 10%. A cycle takes at most 90% of the "
        "interval.",
    ),
    _option(
        "--cycles",
        type=count(1, 1_000_000_000),
        help="Number of cycles after which the watch ends. Default: only a signal ends it.",
    ),
    _option(
        "--raise-after",
        type=count(1, 100),
        default=str(DEFAULT_RAISE_AFTER),
        show_default=True,
        help="Number of consecutive cycles with a finding, or with a worse verdict, after which it is reported.",
    ),
    _option(
        "--clear-after",
        type=count(1, 100),
        default=str(DEFAULT_CLEAR_AFTER),
        show_default=True,
        help="Number of consecutive cycles without a finding, or with verdict ok, after which the end of the fault is "
        "reported.",
    ),
    _option(
        "--listen",
        type=LISTEN,
        help="Serve /metrics and /healthz over HTTP. On a loopback address, serve /report.json and /probe too. "
        "The default address is 127.0.0.1.",
    ),
    _option(
        "--textfile",
        type=FILE,
        help="Write metrics for node_exporter's textfile collector to a file, which every cycle replaces.",
    ),
    _option(
        "--on-change",
        type=COMMAND,
        help="Program to run on each change, with the change as JSON on its stdin. It is started without a shell.",
    ),
    _option(
        "--on-change-env",
        type=VARIABLE,
        multiple=True,
        help="Variable with a credential, such as AWS_SESSION_TOKEN, that the program of --on-change also inherits "
        "(repeatable).",
    ),
    _option(
        "--notify",
        type=URL,
        show_default=False,
        help="URL to which each change is posted as JSON. It must be https, or http to a loopback address.",
    ),
    _option(
        "--notify-template",
        type=FILE,
        help="File with the JSON to post instead of the change itself. Its strings may contain variables such as $text "
        "and $code.",
    ),
)

_SCREEN: Final = (
    click.option(
        "--watch", "again_and_again", is_flag=True, help="Start with repeated runs, as if the key `w` was pressed."
    ),
    _option(
        "--interval",
        type=INTERVAL,
        default=f"{DEFAULT_INTERVAL:g}",
        show_default=True,
        help="Seconds between the starts of two runs of a watch. A run takes at most 90% of the interval.",
    ),
)

_HISTORY: Final = (
    _option(
        "--history",
        type=FILE,
        help="Keep every run in a file, for `backuplink history`. A new file can be read only by its owner.",
    ),
    _option(
        "--keep",
        type=AGE,
        show_default=DEFAULT_KEEP,
        help="How long the history keeps a run, such as 30d or 12h.",
    ),
    _option(
        "--keep-size",
        type=count(1, 1_000_000),
        show_default=str(DEFAULT_KEEP_SIZE),
        help="Largest size of the history in MB. Beyond it, the oldest runs are dropped.",
    ),
)

_DEMO_KEEP: Final = _option(
    "--keep",
    type=KEPT,
    metavar="DURATION|FOLDER",
    show_default=DEFAULT_KEEP,
    help="How long the history keeps a run, such as 30d or 12h. With --fleet, a new folder in which to keep "
    "the records of the simulated hosts, as Systems Manager writes them, and an inventory.",
)
"""The option that replaces --keep of `_HISTORY` in a demo."""

_INTERFACE: Final = (
    _option(
        "--theme",
        type=OneOf(THEMES),
        default=DEFAULT_THEME,
        show_default=True,
        help="Colours of the interface: those of the terminal, white on black (contrast) or black on white (light).",
    ),
    _option(
        "--key",
        "keys",
        type=KEY_CHOICE,
        multiple=True,
        help="Key or keys for an action of the interface, such as save=ctrl+s or copy=y,c (repeatable). Press `?` in "
        "the interface for a list of the actions.",
    ),
    _option("--no-mouse", is_flag=True, help="Do not use the mouse, so that the terminal can select text with it."),
)

_CONFIG: Final = _option(
    "--config",
    type=FILE,
    is_eager=True,
    callback=read_config,
    help="TOML file with values for these options. Its keys are the options' names without the leading dashes.",
)


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a run: what it checks, and how."""
    return _with(command, _RUN)


def watch_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a watch: the interval of its runs, and the destinations of changes and runs."""
    return _with(command, (*_WATCH, *_HISTORY))


def demo_watch_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `watch_options`. With --fleet, --keep sets a folder for the records of the simulated hosts."""
    history, _, size = _HISTORY
    return _with(command, (*_WATCH, history, _DEMO_KEEP, size))


def shown_report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a saved report. Neither the environment nor a file sets them, since a default for runs is not
    meant for reports that are only shown."""
    return _with(command, _SHOWN_REPORT)


def interface_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the terminal interface: its colours, its keys and the mouse."""
    return _with(command, _INTERFACE)


def screen_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a watch in the interface."""
    return _with(command, _SCREEN)


def history_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the history file."""
    return _with(command, _HISTORY)


def facts_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a facts file: which configuration is read, and where it is written."""
    return _with(command, _FACTS)


def bundle_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a support archive: its source, its content and its destination. Neither the environment nor a
    file sets them, since settings for every run do not fit a single case."""
    return _with(command, (*_BUNDLE, *_RUN, _CONFIG))


def predict_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a prediction. Neither the environment nor a file sets what to predict, since this differs from
    what a run on this host checks."""
    return _with(command, _PREDICT)


def audit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of an audit. Neither the environment nor a file sets what to audit, since this differs from what
    a run on this host checks."""
    return _with(command, _AUDIT)


def fleet_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a fleet. Apart from the profile, neither the environment nor a file sets them, since a fleet
    answers other questions than a run on this host."""
    return _with(command, _FLEET)


def demo_report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `report_options`, including the formats of a fleet."""
    return _with(command, (_DEMO_FORMAT, *_REPORT[1:], _CONFIG))


def report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a report. Among them is --config, the file that can set all options of the command."""
    return _with(command, (*_REPORT, _CONFIG))


def _with(command: Callable[..., Any], options: tuple[Callable[[Any], Any], ...]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command


def _names(options: tuple[Callable[[Any], Any], ...]) -> frozenset[str]:
    """The parameter names of options."""
    return frozenset(param.name for param in click.command()(_with(lambda: None, options)).params)


WATCH_ONLY: Final = _names((*_WATCH, *_HISTORY))
"""Names of the parameters of a demo that only a watch uses."""
INTERFACE_ONLY: Final = _names(_INTERFACE)
"""Names of the parameters of a demo that only the interface uses."""


table_format: Final = _format((ENDPOINTS,), "Format of the output.", called="wanted")
page_format: Final = _format((PAGE,), "Format of the output.", called="wanted")
difference_format: Final = _format((DIFFERENCE,), "Format of the output.")
"""The options --format of documents that only go to stdout."""
