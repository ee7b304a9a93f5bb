"""The content that all formats for people share: its rows, its words and their order.

The texts here are not escaped. A format passes each foreign text through `visible`: names, certificates and answers
come from others, and so may every word of a saved report.
"""

import shlex
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Final

from agent.catalog.findings import Layer, Scope, Severity
from agent.catalog.headline import places
from agent.catalog.wording import duration, listed
from agent.report.escape import visible
from agent.report.model import (
    NO_TROUBLE,
    NOT_NEEDED,
    AddressStatus,
    Command,
    Finding,
    Report,
    Status,
    TargetAddress,
    TargetReport,
)
from agent.settings import Workload
from probes.facts import DnsFacts, LookupFacts
from probes.frozen import dataclass
from probes.model import Observation, Role, Skipped, Step
from probes.operations import GETADDRINFO, JOBS

WIDTH: Final = 80
"""Maximum width of a line of text, in columns."""
DETAIL_CHARACTERS: Final = 2_000
"""Maximum length of a cause's detail, some 25 lines. It may quote a long text of a peer; JSON has all of it."""
STEPS: Final = (Step.TCP, Step.TLS, Step.HTTP, Step.API)
"""The steps to an endpoint in their order."""
UNUSED_ANSWER: Final = "another resolver's answer, which this host does not use; it decides nothing"
_GAP: Final = 2
"""Columns between the status and the text after it."""
FEW_SERVICES: Final = 2
"""Maximum number of services that are all shown in full. If there are more, each healthy one takes one line."""
_ROLES: Final = {Role.REQUIRED: "", Role.OPTIONAL: ", not counted", Role.CONTEXT: ", for comparison, not counted"}


def bounded(text: str) -> str:
    """Return the detail of a cause, cut if a quoted text of a peer makes it too long."""
    return text if len(text) <= DETAIL_CHARACTERS else f"{text[:DETAIL_CHARACTERS]} ... (--format json has the rest)"


# --- The verdict -----------------------------------------------------------------------------------------------------


def facts(report: Report) -> str:
    """Return the facts below the verdict: `eu-west-1, path private, access allowed, 3.0 s`."""
    region = report.run.region or "no Region"
    access = {"not-tried": "signed calls not tried", "unknown": "access unknown"}.get(
        report.verdict.access, f"access {report.verdict.access}"
    )
    ended = "" if report.run.complete else ", ended early"
    return f"{region}, path {report.verdict.path}, {access}, {duration(report.run.seconds)}{ended}"


def below_summary(report: Report) -> tuple[str, ...]:
    """Return the lines below the verdict: the facts of the run with the failed addresses, and remarks."""
    known = facts(report)
    return (known + _failed_at(report, WIDTH - len(report.verdict.status) - _GAP - len(known)), *report.verdict.notes)


def _failed_at(report: Report, room: int) -> str:
    """Return the addresses at which a required step failed: `; failed at 10.0.2.17`; if there are several, as many as
    fit."""
    every = [address for target in report.targets if target.required for address in target.addresses]
    failed = [row.address for row in every if row.from_own_lookup and row.status is AddressStatus.FAILED]
    where = places(list(dict.fromkeys(failed))) or ()
    if isinstance(where, str):
        return f"; failed at {where}"
    return next((words for form in where if len(words := f"; failed at {form}") <= room), "")


def vantage(report: Report) -> str:
    """Return the place, time and version of the run."""
    seen = report.vantage
    known = (seen.instance_id, seen.availability_zone_id, seen.vpc_id, *map(str, seen.source_addresses))
    place = " ".join(filter(None, known)) or "this host"
    return (
        f"Seen from {place}. backuplink {report.tool.version}, run {report.run.id}, "
        f"{report.run.started_at:%Y-%m-%d %H:%M:%S} UTC.{_checked_for(report)}"
    )


def seen_from(report: Report) -> tuple[str, ...]:
    """Return the host, its Region and its VPC, the time and the version, for the top of a page."""
    seen = report.vantage
    known = (
        seen.instance_id,
        report.run.region,
        seen.availability_zone_id,
        seen.vpc_id,
        *map(str, seen.source_addresses),
    )
    return (
        *(tuple(part for part in known if part is not None) or ("this host",)),
        f"{report.run.started_at:%Y-%m-%d %H:%M:%S} UTC",
        f"backuplink {report.tool.version}",
    )


def _checked_for(report: Report) -> str:
    """Return the workloads of the run, with the sign by which each was found; empty if `caller` is the only
    workload."""
    workloads = report.vantage.workloads
    if all(workload.name is Workload.CALLER for workload in workloads):
        return ""
    words = [
        workload.name.value
        if workload.name is Workload.CALLER
        else f"{workload.name.value} ({', '.join(filter(None, (workload.by, workload.mode)))})"
        for workload in workloads
    ]
    return f" Checked for {listed(words)}."


# --- Causes ----------------------------------------------------------------------------------------------------------


def causes(report: Report) -> list[Finding]:
    """The findings that nothing explains, in the order of the report."""
    return [finding for finding in report.findings if finding.explained_by is None]


def said(finding: Finding) -> str:
    """The finding with its target: `backup: 1 of 3 addresses is silent on 443: 10.0.2.17`."""
    # The headline names the name server itself.
    return f"{finding.target}: {finding.headline}" if finding.scope is Scope.TARGET else finding.headline


def before_target(finding: Finding) -> str:
    """The headline, then the target unless the headline names it, for a list whose lines may be cut at the end."""
    is_named = finding.scope is not Scope.TARGET or finding.target in finding.headline.split()
    return finding.headline if is_named else f"{finding.headline} ({finding.target})"


def head(finding: Finding) -> str:
    """The first line of a finding: `CRITICAL backup: 1 of 3 addresses is silent on 443: 10.0.2.17`; with `(not
    counted)` after the severity if the finding raises no verdict."""
    aside = "" if finding.counts else " (not counted)"
    return f"{finding.severity.upper()}{aside} {said(finding)}"


def follows(finding: Finding, report: Report) -> list[str]:
    """Ids of the findings that a cause explains."""
    return [other.id for other in report.findings if other.explained_by == finding.id]


def shell(command: Command) -> str:
    """A command on one line in the syntax of a shell."""
    return shlex.join(map(visible, command.argv))


# --- Targets ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """The checks on a port of an address."""

    address: TargetAddress
    port: int
    steps: tuple[Observation[Any] | None, ...]
    """The observations in the order of STEPS; None for a step that this port does not have."""


def in_use(report: Report) -> list[TargetReport]:
    """Return the targets that have anything to show."""
    return [target for target in report.targets if target.status is not Status.NOT_IN_USE]


def state(target: TargetReport) -> str:
    """A target's state, such as `critical, path private`."""
    return f"{target.status}, path {target.path}{_ROLES[target.role]}"


def has_many_services(report: Report) -> bool:
    """Whether there are so many services that the healthy ones should be short."""
    return len({target.service for target in in_use(report)}) > FEW_SERVICES


def unfolded(report: Report) -> list[TargetReport]:
    """Return the targets to show in full: all of them if there are few services, else those that are not ok or that
    something else makes worth a look."""
    if not has_many_services(report):
        return in_use(report)
    return [target for target in in_use(report) if not is_uneventful(target, report)]


def folded(report: Report) -> list[TargetReport]:
    """The other targets in use, for each of which one line is enough."""
    full = {target.id for target in unfolded(report)}
    return [target for target in in_use(report) if target.id not in full]


def is_uneventful(target: TargetReport, report: Report) -> bool:
    """Return whether one line says all that the matrix of a target says: the target is ok and has at most info
    findings, all resolvers give the same addresses, no step failed, and the configuration, if it was read, agrees."""
    findings = [finding for finding in report.findings if finding.target == target.id]
    answers = {frozenset(words.split(", ")) for words in names(target, report).values()}
    return (
        target.status is Status.OK
        and not target.unproven
        and all(finding.severity is Severity.INFO for finding in findings)
        and len(answers) <= 1
        and all(address.from_own_lookup for address in target.addresses)
        and not any(step is not None and step.failure for row in matrix(target, report) for step in row.steps)
        and all(path.agrees is not False for path in report.paths if path.target == target.id)
    )


def connected(target: TargetReport, report: Report) -> tuple[int, float | None]:
    """Return the number of addresses that connected, and the seconds of the slowest connect; None if nothing
    connected."""
    connects = [(row.address.address, row.steps[STEPS.index(Step.TCP)]) for row in matrix(target, report)]
    seconds = [step.seconds for _, step in connects if step is not None and step.ok and step.seconds is not None]
    count = len({address for address, step in connects if step is not None and step.ok})
    return count, max(seconds, default=None)


def folded_row(target: TargetReport, report: Report) -> tuple[str, str, str, str, str]:
    """The one line of a healthy target: service, host, state, number of addresses that connect, the slowest connect."""
    count, slowest = connected(target, report)
    return target.service, target.host, state(target), str(count), "-" if slowest is None else duration(slowest)


def names(target: TargetReport, report: Report) -> dict[str, str]:
    """Return the answers to the lookups of a target's name, by the resolver that gave them or `this host`."""
    answers: dict[str, list[str]] = {}
    for observation in report.observations:
        subject = observation.subject
        if subject.step is not Step.DNS or subject.target != target.id:
            continue
        if subject.resolver is None and subject.operation != GETADDRINFO:  # a lookup of another name
            continue
        who = "this host" if subject.resolver is None else str(subject.resolver)
        answers.setdefault(who, []).append(_answer(observation))
    return {who: ", ".join(dict.fromkeys(filter(None, words))) or "no address" for who, words in answers.items()}


def _answer(observation: Observation[Any]) -> str:
    match observation.facts:
        case LookupFacts() | DnsFacts() if observation.ok:
            return ", ".join(map(str, observation.facts.addresses))
    if isinstance(observation.outcome, Skipped):
        return f"not asked: {observation.outcome.reason}"
    if observation.failure is None:
        return ""
    # The C library has one code for several answers; the report shows this code, since no more is known.
    code = (
        observation.failure.code if observation.failure.code and observation.failure.code.startswith("EAI_") else None
    )
    return f"{observation.failure.kind.upper()} ({code})" if code else observation.failure.kind.upper()


def matrix(target: TargetReport, report: Report) -> Iterator[Row]:
    """Yield every checked port of every address."""
    cells = {
        (observation.subject.address, observation.subject.port, observation.subject.step): observation
        for observation in report.observations
        if observation.subject.target == target.id
        and observation.subject.port is not None
        and observation.subject.operation is None
    }
    for address in target.addresses:
        for port in target.ports:
            steps = tuple(cells.get((address.address, port, step)) for step in STEPS)
            if any(steps):
                yield Row(address, port, steps)


def starred(address: TargetAddress) -> str:
    """An address, with a star if this host does not use it."""
    return f"{address.address}{'' if address.from_own_lookup else ' *'}"


def zone(address: TargetAddress) -> str:
    """The zone of an address, by its id if known; a dash if no zone is known."""
    return address.availability_zone_id or address.availability_zone or "-"


def cell(observation: Observation[Any] | None) -> str:
    """A step in a word: its time if it succeeded, the failure in capitals if it failed, a dash if it was not made."""
    if observation is None:
        return ""
    if observation.failure is not None:
        return observation.failure.kind.upper()
    return duration(observation.seconds) if observation.seconds is not None else "-"


# --- The rest --------------------------------------------------------------------------------------------------------


_MANY_READS: Final = 4
_NEEDS: Final = "needs "
"""The start of the reason for a skipped read that needs the answer of another read."""
_NEEDS_ANOTHER: Final = f"{_NEEDS}what could not be read"


def unseen(report: Report) -> dict[str, str]:
    """Return the unchecked targets and reads by the reason why they were not checked."""
    reasons: dict[str, list[str]] = {}
    for target in report.targets:
        if target.status is Status.NOT_IN_USE:
            why = next((row.reason for row in report.not_evaluated if row.target == target.id), "not in use here")
            reasons.setdefault(why, []).append(target.id)
    for row in report.not_evaluated if report.run.jobs else ():
        if row.code.startswith(Layer.JOB) and row.reason not in reasons:
            reasons[row.reason] = ["jobs"]
    unused = frozenset(reasons)
    unread: dict[str, int] = {}
    for observation in report.observations:
        if observation.subject.operation == JOBS:
            continue  # the rules about jobs give the reason
        reason = observation.outcome.reason if isinstance(observation.outcome, Skipped) else None
        if reason is not None and observation.subject.step is Step.EC2 and reason.startswith(_NEEDS):
            reason = _NEEDS_ANOTHER  # VPC013 gives the reason of the failure
        if reason is not None and " failed: " not in reason and reason not in unused:
            of = observation.subject.target if observation.subject.step is Step.API else observation.subject.operation
            reasons.setdefault(reason, []).append(" ".join(filter(None, (observation.subject.step, of))))
            unread[reason] = unread.get(reason, 0) + (observation.subject.step is Step.EC2)
        made_at = observation.started_at
        if observation.subject.step is Step.API and made_at is not None and made_at < report.run.started_at:
            minutes = (report.run.started_at - made_at) // timedelta(minutes=1)
            age = f"{minutes} min" if minutes else "less than a minute"
            why = f"not called in this run; the answer from {age} before it still counts"
            reasons.setdefault(why, []).append(f"{Step.API} {observation.subject.target}")
    return {why: ", ".join(_listed(what, unread.get(why, 0), why)) for why, what in reasons.items()}


def _listed(what: Iterable[str], reads: int, why: str) -> list[str]:
    """Return the names of the checks that were not made for one reason, each once. Many reads of the configuration are
    named together."""
    every = list(dict.fromkeys(what))
    if reads < _MANY_READS and why not in (NO_TROUBLE, NOT_NEEDED):
        return every
    others = [one for one in every if not one.startswith(f"{Step.EC2} ")]
    # The number of reads is left out, since a healthy run makes none of them.
    return [*others, "the configuration" if why in (NO_TROUBLE, NOT_NEEDED) else f"the configuration ({reads} reads)"]


def has_unused_answer(report: Report) -> bool:
    """Whether the report has an address with a star."""
    return any(not address.from_own_lookup for target in report.targets for address in target.addresses)
