"""Audit the VPCs of accounts, from facts in files or from reads made now."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent.app.errors import RequestError
from agent.app.publish import AUDIT, publish, refuse_interrupted
from agent.audit.request import AccountRequest, AuditOptions, AuditRequest
from agent.process.cancel import CancelToken
from agent.process.exit_codes import SIGNALS
from agent.process.output import one_line, to_stderr
from agent.process.signals import cancel_on_signals, exit_on_signals, start_grace_timer
from agent.report import exits
from agent.settings import Ec2Facts

if TYPE_CHECKING:
    from agent.audit.collect_account import AccountFacts
    from agent.audit.model import AuditDocument
    from agent.run.collect_facts import FactsUnavailable

Gather = Callable[[AccountRequest, CancelToken], Awaitable["AccountFacts | FactsUnavailable"]]


def audit_here(options: AuditOptions, received_signals: list[str]) -> int:
    """Audit with facts from files, or with facts that this host's SDK reads. Returns and raises like `audit`."""
    return audit(options, _gather_here, received_signals)


async def _gather_here(request: AccountRequest, stop: CancelToken) -> "AccountFacts | FactsUnavailable":
    # Facts from files need nothing from this host. Only reads load its network and SDK.
    from agent.app.world import system_world
    from agent.audit import collect_account
    from agent.formats.progress import AuditProgress
    from probes.system.sdk import end_children

    progress = AuditProgress(sys.stderr)
    try:
        return await collect_account.gather(request, system_world(), stop=stop, progress=progress)
    finally:
        progress.end()
        end_children()


def audit(
    options: AuditOptions,
    gather: Gather,
    received_signals: list[str],
    *,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> int:
    """Write an audit. Returns the exit code: the code of a signal if one came, UNKNOWN if no VPC counts or the document
    could not be written to its place, otherwise the code of the worst VPC that counts. Raises RequestError if there is
    nothing to audit, and OutputClosedError."""
    with exit_on_signals(received_signals):
        if options.saved is not None:
            shown = _saved(options.saved, received_signals)
            return publish(AUDIT, shown, options.output, exits.of_verdict(shown.verdict.status, options.output.fail_on))
        before = None if options.against is None else _earlier(options.against, received_signals)
        read = _read(options, gather, received_signals, loop_factory)
        if read is None:
            return refuse_interrupted(AUDIT, options.output.format, received_signals)
        document = _audited(read, options)
        if before is not None:
            document = _compared(before, document)
        code = exits.of_verdict(document.verdict.status, options.output.fail_on)
        if received_signals:
            start_grace_timer()
            if options.reads is None:
                return refuse_interrupted(AUDIT, options.output.format, received_signals)
            code = SIGNALS[received_signals[0]]
        return publish(AUDIT, document, options.output, code)


def _saved(place: str, received_signals: Sequence[str]) -> "AuditDocument":
    """Return the audit in a file. Raises RequestError."""
    from agent.app.read_saved import read_audit
    from agent.audit.saved import AuditFileError

    try:
        return read_audit(place, received_signals)
    except AuditFileError as error:
        raise RequestError(str(error)) from error


def _earlier(place: str, received_signals: Sequence[str]) -> "AuditDocument":
    """Return the earlier audit for the comparison from its file. Raises RequestError before anything is read from
    EC2."""
    from agent.audit.changes import comparable

    before = _saved(place, received_signals)
    if before.redacted:
        raise RequestError(f"{place}: was written with --redact, so its masked ids cannot be compared")
    if not comparable(before):
        raise RequestError(f"{place}: has no VPC that could be compared")
    return before


def _compared(before: "AuditDocument", now: "AuditDocument") -> "AuditDocument":
    from agent.audit.changes import changes_since

    return replace(now, changes=changes_since(before, now))


def _read(
    options: AuditOptions,
    gather: Gather,
    received_signals: list[str],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None,
) -> "AccountFacts | None":
    """Return the facts that were read; None if a signal came first. Raises RequestError."""
    from agent.audit.collect_account import AccountFacts, OfAccount
    from agent.run.collect_facts import FactsUnavailable

    if options.reads is None:
        facts = _of_files(options.places, received_signals)
        return AccountFacts(vpcs=tuple(OfAccount(account_id=None, facts=one) for one in facts), unanswered=())
    stop = CancelToken(received_signals)

    async def gathered(reads: AccountRequest) -> AccountFacts | FactsUnavailable:
        with cancel_on_signals(stop):
            return await gather(reads, stop)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        read = runner.run(gathered(options.reads))
    if stop.reason is not None:
        start_grace_timer()
        if isinstance(read, FactsUnavailable) or not read.vpcs:
            return None  # nothing was read
    if isinstance(read, FactsUnavailable):
        raise RequestError(read.why)
    if not read.vpcs and not read.unanswered:
        raise RequestError("there is no VPC in the accounts and Regions that were read")
    return read


def _of_files(places: Sequence[str], received_signals: Sequence[str]) -> tuple[Ec2Facts, ...]:
    """Return the facts in every file. If several facts are about the same VPC, return only the latest. Raises
    RequestError."""
    from agent.app.read_saved import read_all_facts
    from agent.network.names import known_vpc
    from agent.report.facts_file import FactsFileError, untimely

    newest: dict[tuple[str, str, str | None], Ec2Facts] = {}
    now = datetime.now(UTC)
    for place in dict.fromkeys(places):
        try:
            read = read_all_facts(place, received_signals)
        except FactsFileError as error:
            raise RequestError(str(error)) from error
        for facts in read:
            # The owner of a shared VPC and its participants see different parts of it.
            key = facts.region, facts.vpc_id, known_vpc(facts).account
            if key not in newest or newest[key].taken_at < facts.taken_at:
                newest[key] = facts
        oldest = min(read, key=lambda facts: facts.taken_at)
        if (why := untimely(oldest, now)) is not None:
            to_stderr(f"{one_line(f'{place}: {why}.')}\n")
    return tuple(newest.values())


def _audited(read: "AccountFacts", options: AuditOptions) -> "AuditDocument":
    from agent.audit import audit as judge
    from agent.predict.prediction import facts_of
    from agent.run.collect_facts import lacking

    facts = (facts_of(one.facts, lacking(one.facts), one.account_id) for one in read.vpcs)
    asked = AuditRequest(
        workloads=options.workloads,
        services=options.services,
        suppressions=options.suppressions,
        review=options.review,
    )
    return judge.audit(facts, asked, read.unanswered, complete=read.complete)
