"""The data that AWS Support asks for in a case about a private endpoint, as one block of text: account, Region, VPC,
endpoints and addresses; the time of each failed step, the answer, and the request ids.

Sources: Creating support cases and case management (AWS Support User Guide); Obtaining request IDs (AWS SDKs and Tools
Reference Guide); Getting request IDs for AWS Support (Amazon S3 User Guide).
"""

import textwrap
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from agent.catalog.wording import counted, duration
from agent.report.escape import visible
from agent.report.model import Report, TargetReport
from agent.report.words import WIDTH, bounded, causes, head, in_use
from agent.settings import Workload
from probes.facts import ApiFacts, HttpFacts, ImdsFacts, JobsFacts
from probes.model import Observation, Skipped, Step
from probes.vpc.model import EndpointsFacts

CLEAR: Final = (
    "The block below shows ids, addresses, host names and texts of AWS unmasked. Paste it into a case of AWS "
    "Support, and not into a public place."
)
MASKED: Final = (
    "The report was masked: AWS Support cannot look up the masked ids, addresses and names below. Make the block from "
    "the unmasked report."
)
MAX_STEPS: Final = 60
"""Maximum number of failed steps that are listed for one service."""
MAX_REQUESTS: Final = 100
"""Maximum number of request ids that are listed."""
_NAME: Final = 20


def render(report: Report) -> str:
    """Return the block in lines of at most 80 columns, unless a word is longer."""
    parts = [_wrapped(MASKED if report.run.redacted else CLEAR)]
    parts.append(_section("Problem", _problem(report)))
    parts.append(_section("Where", _where(report)))
    parts += [_section(f"Service {target.id}", _target(target, report)) for target in in_use(report)]
    parts.append(_section("Other steps that failed", _failed(report, None)))
    parts.append(_section("Request ids", _request_ids(report)))
    parts.append(_section("Versions", _versions(report)))
    return "\n\n".join(filter(None, parts)) + "\n"


def _section(title: str, rows: Iterable[str]) -> str:
    lines = list(rows)
    return "\n".join([visible(title), "-" * min(len(visible(title)), WIDTH), *lines]) if lines else ""


def _problem(report: Report) -> Iterator[str]:
    run = report.run
    yield _wrapped(f"{report.verdict.status.upper()}: {report.verdict.summary}")
    yield from map(_wrapped, report.verdict.notes)
    yield from _row("from", f"{_moment(run.started_at)} to {_moment(run.finished_at)}")
    yield from _row("path, access", f"{report.verdict.path}, {report.verdict.access}")
    yield from _row("expected path", run.expect.value)
    if not run.complete:
        yield from _row("run", "ended early; the block has the results until then")
    for finding in causes(report):
        yield _wrapped(f"[{finding.code}] {head(finding)}. {bounded(finding.detail)}", first="* ", later="  ")


def _where(report: Report) -> Iterator[str]:
    seen, facts = report.vantage, list(_facts(report))
    account = next((fact.account_id for fact in facts if isinstance(fact, ImdsFacts) and fact.account_id), None)
    interface = next((fact.interface_id for fact in facts if isinstance(fact, ImdsFacts) and fact.interface_id), None)
    credentials = seen.credentials
    zone = " ".join(filter(None, (seen.availability_zone_id, seen.availability_zone)))
    for name, value in (
        ("account", account),
        ("Region", " ".join(filter(None, (report.run.region, _from(report.run.region_source))))),
        ("partition", seen.partition),
        ("Availability Zone", zone),
        ("VPC", " ".join(filter(None, (seen.vpc_id, *map(str, seen.vpc_cidrs))))),
        ("subnet", seen.subnet_id),
        ("instance", seen.instance_id),
        ("network interface", interface),
        ("security groups", " ".join(seen.security_group_ids)),
        ("source addresses", " ".join(map(str, seen.source_addresses))),
        ("resolvers", " ".join(map(str, seen.resolvers))),
        ("proxies", ", ".join(f"{variable}={value}" for variable, value in seen.proxies.items()) or "none"),
        (
            "credentials",
            None if credentials is None else " ".join(filter(None, (credentials.source, credentials.role))),
        ),
        ("clock offset", None if seen.clock_offset_seconds is None else f"{seen.clock_offset_seconds:.1f} s"),
    ):
        yield from _row(name, value or "not known")


def _from(source: str | None) -> str | None:
    return None if source is None else f"(from {source})"


def _target(target: TargetReport, report: Report) -> Iterator[str]:
    yield from _row("state", f"{target.status}, {target.role}, path {target.path}, access {target.access}")
    yield from _row("PrivateLink service", target.service_name or "not known")
    yield from _row("host", target.host)
    if endpoints := _endpoints(target, report):
        yield from _row("VPC endpoints", " ".join(endpoints))
    for address in target.addresses:
        whose = (str(address.scope), address.availability_zone_id, address.availability_zone, address.endpoint_id)
        asked = "" if address.from_own_lookup else "; another resolver's answer"
        yield from _row("address", f"{address.address} ({' '.join(filter(None, whose))}{asked})")
    yield from _tally(target, report)
    yield from _failed(report, target)


def _endpoints(target: TargetReport, report: Report) -> list[str]:
    """Return the ids of a target's endpoints, with their states: the endpoints of its addresses and, if the
    configuration was read, the endpoints of its service in this VPC."""
    ids = [address.endpoint_id for address in target.addresses if address.endpoint_id is not None]
    states = {
        endpoint.endpoint_id: str(endpoint.state)
        for facts in _facts(report)
        if isinstance(facts, EndpointsFacts)
        for endpoint in facts.endpoints
        if endpoint.service_name == target.service_name
        and (endpoint.vpc_id == report.vantage.vpc_id or endpoint.endpoint_id in ids)
    }
    return [
        endpoint if endpoint not in states else f"{endpoint} ({states[endpoint]})"
        for endpoint in dict.fromkeys((*ids, *states))
    ]


def _tally(target: TargetReport, report: Report) -> Iterator[str]:
    """Yield the number of steps of each kind for a target, and how many of them succeeded, failed and were not made."""
    for step in Step:
        made = [one for one in report.observations if one.subject.step is step and one.subject.target == target.id]
        if not made:
            continue
        good = sum(one.ok for one in made)
        skipped = sum(isinstance(one.outcome, Skipped) for one in made)
        words = f"{good} of {counted(len(made), 'step')} ok"
        yield from _row(f"tried: {step}", words if not skipped else f"{words}, {skipped} not made")


def _failed(report: Report, target: TargetReport | None) -> Iterator[str]:
    """Yield the failed steps of a target, or the failed steps without a target, with their times and answers."""
    shown = {one.id for one in in_use(report)}
    failed = [
        one
        for one in report.observations
        if one.failure is not None
        and (one.subject.target == target.id if target is not None else one.subject.target not in shown)
    ]
    for observation in failed[:MAX_STEPS]:
        yield _wrapped(_failure(observation), first="* ", later="  ")
    if len(failed) > MAX_STEPS:
        yield f"* and {counted(len(failed) - MAX_STEPS, 'more step')} that failed; the report has them"


def _failure(observation: Observation[Any]) -> str:
    failure = observation.failure
    if failure is None:
        raise ValueError(observation.id)
    at = "not started" if observation.started_at is None else _moment(observation.started_at)
    after = "" if observation.seconds is None else f" after {duration(observation.seconds)}"
    code = "" if failure.code is None else f" ({failure.code})"
    answer = _answer(observation.facts, failure.message)
    return f"{at} {_what(observation)}: {failure.kind}{code}{after}: {bounded(failure.message)}{answer}"


def _what(observation: Observation[Any]) -> str:
    """The name of a step, such as `tcp 10.0.2.17:443` or `dns A at 10.0.0.2`."""
    subject = observation.subject
    words = [str(subject.step)]
    if subject.operation is not None:
        words.append(subject.operation)
    if subject.address is not None:
        place = f"[{subject.address}]" if subject.address.version == 6 else str(subject.address)
        words.append(place if subject.port is None else f"{place}:{subject.port}")
    if subject.resolver is not None:
        words.append(f"at {subject.resolver}")
    return " ".join(words)


def _answer(facts: Any, message: str) -> str:
    """Return AWS' own text about a failure, unless `message` already contains it."""
    said = facts.error_message if isinstance(facts, ApiFacts | JobsFacts) else None
    return "" if said is None or said in message else f"; AWS said: {bounded(said)}"


def _request_ids(report: Report) -> Iterator[str]:
    """Yield the request ids; those of failed steps come first."""
    rows: list[tuple[bool, str]] = []
    for observation in report.observations:
        facts = observation.facts
        if not isinstance(facts, HttpFacts | ApiFacts | JobsFacts) or facts.request_id is None:
            continue
        at = "" if observation.started_at is None else f"{_moment(observation.started_at)} "
        about = " ".join(filter(None, (observation.subject.target, _what(observation))))
        status = "" if isinstance(facts, JobsFacts) else f", status {facts.status}"
        rows.append((observation.ok, _wrapped(f"{facts.request_id}  {at}{about}{status}", first="* ", later="  ")))
    yield from (row for _, row in sorted(rows, key=lambda row: row[0])[:MAX_REQUESTS])
    if len(rows) > MAX_REQUESTS:
        yield f"* and {len(rows) - MAX_REQUESTS:,} more; the report has them"


def _versions(report: Report) -> Iterator[str]:
    yield from _row("backuplink", f"{report.tool.version}, run {report.run.id}")
    if report.vantage.sdk is not None:
        yield from _row("AWS SDK", report.vantage.sdk.version)
    for workload in report.vantage.workloads:
        if workload.name is Workload.CALLER:
            continue
        words = (workload.version or "version not known", workload.mode, f"found by {workload.by}")
        yield from _row(workload.name.value, ", ".join(filter(None, words)))


def _facts(report: Report) -> Iterator[Any]:
    for observation in report.observations:
        if observation.facts is not None:
            yield observation.facts


def _row(name: str, value: str) -> Iterator[str]:
    yield _wrapped(value, first=f"{visible(name):<{_NAME}} ", later=" " * (_NAME + 1))


def _wrapped(text: str, first: str = "", later: str = "") -> str:
    lines = textwrap.wrap(
        visible(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines or [first.rstrip()])


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
