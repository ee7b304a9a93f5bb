"""Gather the configuration of a VPC, or of every VPC of an account, into a facts file."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

from agent.app.errors import RequestError
from agent.app.publish import FACTS, publish, refuse
from agent.process.cancel import CancelToken
from agent.process.output import one_line, to_stderr
from agent.process.signals import cancel_on_signals, exit_on_signals, start_grace_timer
from agent.report import exits
from agent.run import collect_facts
from agent.run.collect_facts import FactsRequest, FactsUnavailable, lacking
from agent.settings import Ec2Facts, Output

if TYPE_CHECKING:
    from agent.audit.collect_account import AccountFacts
    from agent.audit.request import AccountRequest

Gather = Callable[[Any, CancelToken], Awaitable["Ec2Facts | AccountFacts | FactsUnavailable"]]
"""A function that reads what a FactsRequest or an AccountRequest asks for."""


def gather_facts_here(request: "FactsRequest | AccountRequest", output: Output, received_signals: list[str]) -> int:
    """Gather facts with this host's SDK. Returns the exit code like `gather_facts`."""
    from probes.system.sdk import end_children

    try:
        return gather_facts(request, _gather_here, output, received_signals)
    finally:
        end_children()


async def _gather_here(
    request: "FactsRequest | AccountRequest", stop: CancelToken
) -> "Ec2Facts | AccountFacts | FactsUnavailable":
    from agent.app.world import system_world

    if isinstance(request, FactsRequest):
        return await collect_facts.gather(request, system_world(), stop=stop)
    from agent.audit import collect_account
    from agent.formats.progress import AuditProgress

    progress = AuditProgress(sys.stderr)
    try:
        return await collect_account.gather(request, system_world(), stop=stop, progress=progress)
    finally:
        progress.end()


def gather_facts(
    request: "FactsRequest | AccountRequest",
    gather: Gather,
    output: Output,
    received_signals: list[str],
    *,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> int:
    """Gather facts and write them. stderr lists the reads that failed.

    Returns the exit code: OK, WARNING if a part could not be read, UNKNOWN if the file could not be written and stdout
    got the facts, or the code of a signal if one was received. If a signal comes before everything is read, no file is
    written, and stdout gets a refusal. Raises RequestError if nothing could be read, and OutputClosedError.
    """
    stop = CancelToken(received_signals)
    with asyncio.Runner(loop_factory=loop_factory) as runner, exit_on_signals(received_signals):
        gathered = runner.run(_until_signal(request, gather, stop))
        if stop.reason is not None:
            start_grace_timer()
            why = f"interrupted by {stop.reason}; nothing was written"
            return refuse(FACTS, why, output.format, exits.SIGNALS[stop.reason])
        if isinstance(gathered, FactsUnavailable):
            raise RequestError(gathered.why)
        facts = gathered if isinstance(gathered, Ec2Facts) else tuple(one.facts for one in gathered.vpcs)
        lines = lacking(gathered) if isinstance(gathered, Ec2Facts) else tuple(_lacking(gathered))
        if not facts:
            raise RequestError(lines[0] if lines else "there is no VPC in the account and Region that were read")
        code = publish(FACTS, facts, output, exits.WARNING if lines else exits.OK)
        for line in lines:
            to_stderr(f"{one_line(f'Not read: {line}')}\n")
        return exits.SIGNALS[received_signals[0]] if received_signals else code


def _lacking(gathered: "AccountFacts") -> Iterator[str]:
    """Yield a line for each part of an account that could not be read."""
    for one in gathered.unanswered:
        where = ", ".join(filter(None, (one.account_id, one.region, one.vpc_id)))
        yield f"{where}: {one.reason}"
    for of_vpc in gathered.vpcs:
        yield from (f"{of_vpc.facts.vpc_id}: {line}" for line in lacking(of_vpc.facts))


async def _until_signal(
    request: "FactsRequest | AccountRequest", gather: Gather, stop: CancelToken
) -> "Ec2Facts | AccountFacts | FactsUnavailable":
    with cancel_on_signals(stop):
        return await gather(request, stop)
