"""Turns parsed options into settings, and refuses options that exclude each other."""

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from click.core import ParameterSource

from agent.app.errors import RequestError
from agent.app.publish import FLEET
from agent.catalog.partitions import REGION_VARIABLES, is_region, region_in
from agent.catalog.wording import either, why_no_json
from agent.cli.config_file import CONFIG_SECONDS, MAX_CONFIG_BYTES
from agent.cli.param_types import AGE
from agent.fleet.attributes import Attribute
from agent.formats.registry import DEFAULT_FORMAT, FORMATS, format_named
from agent.process.files import TooLargeError, read_within, within
from agent.settings import (
    CYCLE_SHARE,
    DEFAULT_AUDIT_DEADLINE,
    DEFAULT_CALLS,
    DEFAULT_CLEAR_AFTER,
    DEFAULT_DEADLINE,
    DEFAULT_EC2,
    DEFAULT_KEEP,
    DEFAULT_KEEP_SIZE,
    DEFAULT_RAISE_AFTER,
    DEFAULT_WATCH_CALLS,
    DEFAULT_WATCH_EC2,
    EVERY_SOURCE,
    Calls,
    Ec2,
    Ec2Facts,
    Expect,
    InterfaceOptions,
    Keeping,
    Notify,
    Output,
    ReportOptions,
    Settings,
    Watching,
    Workload,
)

if TYPE_CHECKING:
    from agent.audit.request import AccountRequest, AuditOptions
    from agent.fleet.request import FleetRequest
    from agent.predict.request import PredictRequest
    from agent.run.collect_facts import FactsRequest

T = TypeVar("T", Calls, Ec2)


def interface_from(options: Mapping[str, Any]) -> InterfaceOptions:
    """Return the appearance and keys of the interface from parsed options. Raises UsageError if two actions would have
    the same key."""
    from agent.tui.keymap import keys_with

    chosen = dict(options["keys"])
    try:
        keys_with(chosen)
    except ValueError as error:
        raise click.UsageError(f"--key: {error}") from error
    return InterfaceOptions(theme=options["theme"], keys=chosen, mouse=not options["no_mouse"])


def report_options_from(options: Mapping[str, Any]) -> ReportOptions:
    """Return the options for a report's output from parsed options. Raises UsageError for options that exclude each
    other."""
    if options["brief"] and not format_named(options["format"]).has_brief:
        raise click.UsageError(
            f"--brief shortens the text report; it cannot be used with --format {options['format']}."
        )
    return ReportOptions(**_output(options), suppressions=options.get("suppressions", ()))


def output_from(options: Mapping[str, Any]) -> Output:
    """Return the output of a document from parsed options. If the command does not have an option, its default is
    used."""
    return Output(**_output(options))


def _output(options: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: options[field.name] for field in fields(Output) if field.name in options}


def settings_from(
    options: Mapping[str, Any], environment: Mapping[str, str], received_signals: Sequence[str] = ()
) -> Settings:
    """Return the settings of a run from parsed options and the variables of the SDK. Raises UsageError and
    RequestError, and InterruptedBySignalError if a signal comes while a file is read."""
    region, source = region_from(options["region"], environment)
    is_watch = "cycles" in options  # only `watch` has --cycles; it runs on many hosts, the interface for a person
    calls = _choice(
        options, "calls", "no_api", none=Calls.NONE, default=DEFAULT_WATCH_CALLS if is_watch else DEFAULT_CALLS
    )
    if options["jobs"]:
        _refuse_jobs(calls, is_watch=is_watch)
    facts = (
        None if options["ec2_facts"] is None else _facts_from(options["ec2_facts"], region, source, received_signals)
    )
    return Settings(
        region=region,
        region_source=source,
        services=tuple(dict.fromkeys(options["services"])),
        workloads=workloads_from(options["workloads"]),
        run_agents=options["run_agents"],
        endpoints=tuple(dict.fromkeys(options["endpoints"])),
        resolvers=tuple(dict.fromkeys(options["resolvers"])),
        expect=None if options["expect"] is None else Expect(options["expect"]),
        private_cidrs=options["private_cidrs"],
        timeout=options["timeout"],
        deadline=format_named(options.get("format", DEFAULT_FORMAT)).deadline or DEFAULT_DEADLINE
        if options["deadline"] is None
        else options["deadline"],
        profile=profile_from(options, received_signals),
        ca_bundle=options["ca_bundle"],
        fips=options["fips"],
        dual_stack=options["dual_stack"],
        calls=calls,
        jobs=options["jobs"],
        ec2=_choice(options, "ec2", "no_ec2", none=Ec2.NEVER, default=DEFAULT_WATCH_EC2 if is_watch else DEFAULT_EC2),
        ec2_facts=facts,
    )


def _refuse_jobs(calls: Calls, *, is_watch: bool) -> None:
    """Raise UsageError if jobs cannot be listed."""
    if is_watch:
        raise click.UsageError(
            "--jobs cannot be used in a watch: each host would list the account's jobs in every cycle, and all hosts "
            "share the account's request rate. Use `backuplink check --jobs`."
        )
    if calls is Calls.NONE:
        raise click.UsageError("--jobs makes signed calls, which --calls none excludes; leave one of them out.")


def workloads_from(names: Sequence[str]) -> tuple[Workload, ...]:
    """Return the workloads of these names, each once."""
    return tuple(dict.fromkeys(map(Workload, names)))


def _choice(options: Mapping[str, Any], name: str, flag: str, *, none: T, default: T) -> T:
    """Return the value of the option `name`, or `none` if the flag that turns it off is set, such as --no-ec2. Raises
    UsageError if both were given and differ."""
    value = options[name]
    chosen = default if value is None else type(none)(value)
    if not options[flag]:
        return chosen
    if value is not None and chosen is not none:
        raise click.UsageError(
            f"--{flag.replace('_', '-')} and --{name} {value} exclude each other; leave one of them out."
        )
    return none


def watching_from(options: Mapping[str, Any], received_signals: Sequence[str] = ()) -> Watching:
    """Return the settings of a watch from parsed options. Raises UsageError and RequestError for options that exclude
    each other, and InterruptedBySignalError if a signal comes while a file is read."""
    most = CYCLE_SHARE * options["interval"]
    if (deadline := options.get("deadline")) is not None and deadline > most:
        raise click.UsageError(
            f"--deadline {deadline:g} is too long for --interval {options['interval']:g}: a cycle may take "
            f"at most {most:g} s, {CYCLE_SHARE:.0%} of the interval."
        )
    if format_named(options["format"]).stream is None and options["output"] is None:
        streams = (row.name for row in FORMATS if row.stream is not None)
        raise click.UsageError(
            f"--format {options['format']} is a single document, but a watch is a stream: add --output FILE, which "
            f"every cycle replaces, or use {either(streams)}."
        )
    if options["brief"] and options["output"] is None:
        raise click.UsageError("--brief shortens the text report, which a watch writes only with --output FILE.")
    if options["notify_template"] is not None and options["notify"] is None:
        raise click.UsageError("--notify-template requires --notify.")
    if options["on_change_env"] and options["on_change"] is None:
        raise click.UsageError("--on-change-env requires --on-change.")
    place = options["notify_template"]
    template = None if place is None else _template_in(place, received_signals)
    return Watching(
        interval=options["interval"],
        cycles=options["cycles"],
        raise_after=options["raise_after"],
        clear_after=options["clear_after"],
        listen=options["listen"],
        textfile=None if options["textfile"] is None else Path(options["textfile"]),
        on_change=options["on_change"],
        on_change_env=options["on_change_env"],
        notify=None if options["notify"] is None else Notify(url=options["notify"], template=template),
        history=keeping_from(options),
    )


def watching_on_screen_from(options: Mapping[str, Any], *, is_kept: bool = True) -> Watching:
    """Return the settings of a watch in the interface from parsed options, with a history if `is_kept`. Raises
    UsageError for options that exclude each other."""
    return Watching(
        interval=options["interval"],
        cycles=None,
        raise_after=options.get("raise_after", DEFAULT_RAISE_AFTER),
        clear_after=options.get("clear_after", DEFAULT_CLEAR_AFTER),
        history=keeping_from(options) if is_kept else None,
    )


def keeping_from(options: Mapping[str, Any]) -> Keeping | None:
    """Return the file in which runs are kept, and how much it keeps. None if no file is given. Raises UsageError if
    another option has the same file, or if a limit is given without a file."""
    if options["history"] is None:
        for name in ("keep", "keep_size"):
            if options[name] is not None:
                option = f"--{name.replace('_', '-')}"
                raise click.UsageError(f"{option} limits a history, but no file keeps one: add --history FILE.")
        return None
    refuse_replacing_history(options["history"], options)
    return Keeping(
        path=Path(options["history"]),
        seconds=AGE.convert(DEFAULT_KEEP, None, None) if options["keep"] is None else options["keep"],
        size=1_000_000 * (DEFAULT_KEEP_SIZE if options["keep_size"] is None else options["keep_size"]),
    )


def refuse_replacing_history(history: str, options: Mapping[str, Any]) -> None:
    """Raise UsageError if an option would replace the history file with a document."""
    for name in ("output", "textfile"):
        place = options.get(name)
        if place is not None and is_same_file(place, history):
            raise click.UsageError(f"--{name} {place} is the history, which it would replace; name another file.")


def is_same_file(one: str, other: str) -> bool:
    """Whether two paths lead to the same file, which need not exist yet. Raises InterruptedBySignalError."""
    context = click.get_current_context(silent=True)
    try:
        return within(
            lambda: os.path.realpath(one) == os.path.realpath(other),
            seconds=CONFIG_SECONDS,
            received_signals=() if context is None else context.obj,
        )
    except (OSError, ValueError):  # a file system that never answers, or a path with a NUL: opening the file reports it
        return False


def _template_in(place: str, received_signals: Sequence[str]) -> Any:
    """Return the JSON of a template. Raises RequestError."""
    from agent.watch.change_text import flaw_of

    try:
        template = json.loads(
            read_within(Path(place), most=MAX_CONFIG_BYTES, seconds=CONFIG_SECONDS, received_signals=received_signals)
        )
    except TooLargeError as error:
        raise RequestError(f"{place}: is larger than {MAX_CONFIG_BYTES} bytes, the limit of a template") from error
    except OSError as error:
        raise RequestError(f"{place}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{place}: {why_no_json(error)}") from error
    if (flaw := flaw_of(template)) is not None:
        raise RequestError(f"{place}: is not a template: {flaw}")
    return template


def profile_from(options: Mapping[str, Any], received_signals: Sequence[str]) -> str | None:
    """Return the profile that --profile names. Raises RequestError if the shared files have no such profile, since that
    is a typing error. AWS_PROFILE and a home folder that does not answer are not refused here. They are settings of
    this host, which a run judges (ENV018)."""
    name: str | None = options["profile"]
    if name is None:
        return None
    from agent.app.world import has_profile

    is_there = True
    with contextlib.suppress(TimeoutError):
        is_there = within(lambda: has_profile(name), seconds=CONFIG_SECONDS, received_signals=received_signals)
    if not is_there:
        raise RequestError(
            f"--profile: the config files of the AWS SDK have no profile {name!r}; `aws configure list-profiles` lists "
            "the profiles of this user"
        )
    return name


def _facts_from(place: str, region: str | None, source: str | None, received_signals: Sequence[str]) -> Ec2Facts:
    """Return the facts in a file for a run in `region`, which is None while it is unknown. Raises RequestError."""
    from agent.app.read_saved import read_facts
    from agent.report.facts_file import FactsFileError

    try:
        facts = read_facts(place, received_signals)
    except FactsFileError as error:
        raise RequestError(str(error)) from error
    if region not in (None, facts.region):
        raise RequestError(
            f"{place}: has facts of the Region {facts.region}, but this run checks {region} (from {source}); use a "
            "facts file of that Region"
        )
    return facts


def region_from(option: str | None, environment: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return the Region that an option or a variable of the SDK names, and the name of that option or variable. A
    variable without a valid Region name is skipped, since it is a setting of this host, which a run judges (ENV018)."""
    return region_in(environment) if option is None else (option, "--region")


def predict_request_from(
    options: Mapping[str, Any], environment: Mapping[str, str], received_signals: Sequence[str] = ()
) -> "PredictRequest":
    """Return the request for a prediction from parsed options and the variables of the SDK. Raises UsageError and
    RequestError."""
    from agent.predict.request import PredictRequest

    place, vpc_id = options["ec2_facts"], options["vpc_id"]
    if (place is None) == (vpc_id is None):
        both = "exclude each other; leave one of them out" if place is not None else "are missing: name one of them"
        raise click.UsageError(f"--ec2-facts and --vpc {both}.")
    if place is not None:
        for name in ("region", "profile"):
            # The SDK's settings on this host do not matter here.
            if click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise click.UsageError(
                    f"--{name} says how to read EC2, but --ec2-facts reads a file instead; leave --{name} out."
                )
    return PredictRequest(
        place=place,
        reads=None if vpc_id is None else _facts_request_from(options, environment, received_signals),
        sources=options["sources"] or (EVERY_SOURCE,),
        workloads=workloads_from(options["workloads"]),
        services=tuple(dict.fromkeys(options["services"])),
        ports=tuple(sorted(set(options["ports"]))),
        assumptions=options["assumptions"],
        plans=options["plans"],
        harmless=options["harmless"],
        intents=options["intents"],
        output=output_from(options),
    )


def fleet_request_from(
    options: Mapping[str, Any], environment: Mapping[str, str], received_signals: Sequence[str] = ()
) -> "FleetRequest":
    """Return the request for a fleet from parsed options and the variables of the SDK. Raises UsageError and
    RequestError."""
    from agent.fleet.request import FleetRequest

    places: tuple[str, ...] = options["places"]
    if not places and not options["command_ids"] and options["cache"] is None:
        raise click.UsageError("There is nothing to read: name a file, a folder or s3://BUCKET, or use --command-id.")
    output = fleet_output_from(options)
    for name, option in (("inventory", "inventory"), ("suppressions_file", "suppressions"), ("cache", "cache")):
        if output.output is not None and options[name] is not None and is_same_file(output.output, options[name]):
            raise click.UsageError(f"--output {output.output} is what --{option} names; name another file.")
    region, _ = region_from(options["region"], environment)
    return FleetRequest(
        places=places,
        command_ids=tuple(dict.fromkeys(options["command_ids"])),
        ec2_facts=options["ec2_facts"],
        inventory=options["inventory"],
        sweep=options["sweep"],
        against=options["against"],
        since=options["since"],
        by=None if options["by"] is None else Attribute(options["by"]),
        where=options["where"],
        least=options["least"],
        tolerate=options["tolerate"],
        cache=options["cache"],
        suppressions=options["suppressions"],
        suppressions_file=options["suppressions_file"],
        region=region,
        profile=profile_from(options, received_signals),
        output=output,
    )


def fleet_output_from(options: Mapping[str, Any]) -> Output:
    """Return the output of a fleet's document from parsed options. Raises UsageError."""
    if options["format"] not in FLEET.formats:
        raise click.UsageError(
            f"--format {options['format']} is for the report of one host; use {either(FLEET.formats)}."
        )
    if options["format"] == "parquet" and options["output"] is None:
        raise click.UsageError("--format parquet is not text: add --output FILE.")
    return output_from(options)


def audit_options_from(
    options: Mapping[str, Any], environment: Mapping[str, str], received_signals: Sequence[str] = ()
) -> "AuditOptions":
    """Return the options of an audit from parsed options and the variables of the SDK. Raises UsageError and
    RequestError."""
    from agent.audit.request import AuditOptions

    places, saved = options["places"], options["saved"]
    if saved is not None:
        _refuse_beside_show()
    elif options["format"] == "eventbridge" and options["against"] is None:
        raise click.UsageError(
            "--format eventbridge writes what is new since an earlier audit; name it with --against."
        )
    if places:
        for name in ("regions", "all_regions", "vpc_ids", "role_arns", "organization_role", "profile"):
            # The SDK's settings on this host do not matter here.
            if click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE:
                option = {"regions": "region", "vpc_ids": "vpc", "role_arns": "role-arn"}.get(name, name)
                raise click.UsageError(
                    f"--{option.replace('_', '-')} says what to read from EC2, but --ec2-facts reads a file instead; "
                    f"leave one of them out."
                )
    return AuditOptions(
        places=places,
        saved=saved,
        against=options["against"],
        reads=None if places or saved is not None else _account_request_from(options, environment, received_signals),
        workloads=workloads_from(options["workloads"]),
        services=tuple(dict.fromkeys(options["services"])),
        suppressions=options["suppressions"],
        review=options["review"],
        output=output_from(options),
    )


_BESIDE_SHOW: Final = frozenset({"saved", "format", "output", "redact", "fail_on"})
"""The parameters for the output of a saved audit."""


def _refuse_beside_show() -> None:
    context = click.get_current_context()
    for param in context.command.params:
        given = context.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
        if given and param.name not in _BESIDE_SHOW:
            raise click.UsageError(
                f"{param.opts[0]} says what is audited, but --show only converts a saved audit; leave one of them out."
            )


def _account_request_from(
    options: Mapping[str, Any], environment: Mapping[str, str], received_signals: Sequence[str]
) -> "AccountRequest":
    from agent.audit.request import AccountRequest

    regions = tuple(dict.fromkeys(options["regions"]))
    if regions and options["all_regions"]:
        raise click.UsageError("--region and --all-regions exclude each other; leave one of them out.")
    if options["role_arns"] and options["organization_role"] is not None:
        raise click.UsageError("--role-arn and --organization-role exclude each other; leave one of them out.")
    if not regions:
        _refuse_bad_region(environment)
        region, _ = region_in(environment)
        regions = () if region is None else (region,)
    return AccountRequest(
        regions=regions,
        all_regions=options["all_regions"],
        vpc_ids=tuple(dict.fromkeys(options["vpc_ids"])),
        role_arns=tuple(dict.fromkeys(options["role_arns"])),
        organization_role=options["organization_role"],
        profile=profile_from(options, received_signals),
        ca_bundle=options["ca_bundle"],
        timeout=options["timeout"],
        deadline=options["deadline"],
    )


def _refuse_bad_region(environment: Mapping[str, str]) -> None:
    """Raise RequestError if a variable that names a Region does not have a valid name. This is for documents about what
    was read from EC2, if no option sets the Region. They have no findings that could report the variable."""
    for variable in REGION_VARIABLES:
        if (value := environment.get(variable)) and not is_region(value):
            raise RequestError(f"{variable} is {value!r}, which is not the name of a Region, such as eu-west-1")


def facts_request_from(
    options: Mapping[str, Any], environment: Mapping[str, str], received_signals: Sequence[str] = ()
) -> "FactsRequest | AccountRequest":
    """Return what to gather for a facts file, for a VPC or for an account, from parsed options and the variables of the
    SDK. Raises UsageError and RequestError."""
    if options["vpc_id"] is None:
        read = {**options, "regions": () if options["region"] is None else (options["region"],)}
        if click.get_current_context().get_parameter_source("deadline") is ParameterSource.DEFAULT:
            read["deadline"] = DEFAULT_AUDIT_DEADLINE
        return _account_request_from({"all_regions": False, "vpc_ids": (), **read}, environment, received_signals)
    for name, option in (("role_arns", "role-arn"), ("organization_role", "organization-role")):
        if options[name]:
            raise click.UsageError(f"--{option} is for all VPCs of an account; leave out --vpc, or --{option}.")
    return _facts_request_from(options, environment, received_signals)


def _facts_request_from(
    options: Mapping[str, Any], environment: Mapping[str, str], received_signals: Sequence[str]
) -> "FactsRequest":
    from agent.run.collect_facts import FactsRequest

    if options["region"] is None:
        _refuse_bad_region(environment)
    region, _ = region_from(options["region"], environment)
    return FactsRequest(
        vpc_id=options["vpc_id"],
        region=region,
        profile=profile_from(options, received_signals),
        ca_bundle=options["ca_bundle"],
        timeout=options["timeout"],
        deadline=options["deadline"],
    )
