"""Predict what the configuration of a VPC means for its hosts, from facts in a file or from reads made now."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

from agent.app.errors import PolicyFileError, RequestError
from agent.app.publish import PREDICTION, publish, refuse_interrupted
from agent.predict.request import PredictRequest
from agent.process.cancel import CancelToken
from agent.process.output import one_line, to_stderr
from agent.process.signals import cancel_on_signals, exit_on_signals, start_grace_timer
from agent.report import exits
from agent.settings import Ec2Facts, Workload

if TYPE_CHECKING:
    from agent.predict.intents import Intents
    from agent.predict.model import PredictionDocument
    from agent.predict.plan_values import Plan
    from agent.run.collect_facts import FactsRequest, FactsUnavailable

PLAN_SECONDS = 60.0
"""Time limit in seconds for following the changes of plans. A plan of 4,000 rules takes a fifth of a second."""
Gather = Callable[["FactsRequest", CancelToken], Awaitable["Ec2Facts | FactsUnavailable"]]


def predict_here(request: PredictRequest, received_signals: list[str]) -> int:
    """Predict with facts from a file, or with facts that this host's SDK reads. Returns and raises like `predict`."""
    return predict(request, _gather_here, received_signals)


async def _gather_here(request: "FactsRequest", stop: CancelToken) -> "Ec2Facts | FactsUnavailable":
    # Facts from a file need nothing from this host. Only reads load its network and SDK.
    from agent.app.world import system_world
    from agent.run import collect_facts
    from probes.system.sdk import end_children

    try:
        return await collect_facts.gather(request, system_world(), stop=stop)
    finally:
        end_children()


def predict(
    request: PredictRequest,
    gather: Gather,
    received_signals: list[str],
    *,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> int:
    """Write a prediction. Returns the exit code: OK if everything required is open, CRITICAL if something is blocked,
    UNKNOWN if something is unknown. With assumed changes: OK if they close nothing, CRITICAL if they close something,
    UNKNOWN if they may. Also UNKNOWN if the document could not be written to its place, and a signal's code if a signal
    came. Raises RequestError if there is nothing to predict from, and OutputClosedError."""
    with exit_on_signals(received_signals):
        facts = _facts(request, gather, received_signals, loop_factory)
        if facts is None:
            return refuse_interrupted(PREDICTION, request.output.format, received_signals)
        document = _predicted(facts, request, received_signals)
        if received_signals:
            start_grace_timer()
            return refuse_interrupted(PREDICTION, request.output.format, received_signals)
        code = exits.of_verdict(document.verdict.status, request.output.fail_on)
        return publish(PREDICTION, document, request.output, code)


def _facts(
    request: PredictRequest,
    gather: Gather,
    received_signals: list[str],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None,
) -> Ec2Facts | None:
    """Return the facts; None if a signal came first. Raises RequestError."""
    if request.reads is None:
        return _facts_of_file(request.place or "", received_signals)
    from agent.run.collect_facts import FactsUnavailable

    stop = CancelToken(received_signals)

    async def gathered(reads: "FactsRequest") -> "Ec2Facts | FactsUnavailable":
        with cancel_on_signals(stop):
            return await gather(reads, stop)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        read = runner.run(gathered(request.reads))
    if stop.reason is not None:
        start_grace_timer()
        return None
    if isinstance(read, FactsUnavailable):
        raise RequestError(read.why)
    return read


def _facts_of_file(place: str, received_signals: Sequence[str]) -> Ec2Facts:
    from agent.app.read_saved import read_facts
    from agent.report.facts_file import FactsFileError, untimely

    try:
        facts = read_facts(place, received_signals)
    except FactsFileError as error:
        raise RequestError(str(error)) from error
    if (why := untimely(facts, datetime.now(UTC))) is not None:
        to_stderr(f"{one_line(f'{place}: {why}.')}\n")
    return facts


def _policies(request: PredictRequest, received_signals: Sequence[str]) -> Mapping[str, str]:
    """Return the texts of the policies in assumed changes, by file. Raises RequestError."""
    from agent.app.read_saved import read_policy
    from agent.predict.assume import policy_file_of

    files = (policy_file_of(change) for change in request.assumptions)
    try:
        return {file: read_policy(file, received_signals) for file in dict.fromkeys(filter(None, files))}
    except PolicyFileError as error:
        raise RequestError(f"--assume: {error}") from error


def _plans(request: PredictRequest, received_signals: Sequence[str]) -> "tuple[Plan, ...]":
    """Read the plans. Raises RequestError."""
    from agent.app.read_saved import read_plan
    from agent.predict.plan_values import PlanError

    try:
        return tuple(read_plan(place, received_signals) for place in dict.fromkeys(request.plans))
    except PlanError as error:
        raise RequestError(f"--assume-plan: {error}") from error


def _intents(request: PredictRequest, received_signals: Sequence[str]) -> "Intents | None":
    """Read the intents. Raises RequestError."""
    from agent.app.read_saved import read_intents
    from agent.predict.intents import IntentError

    if request.intents is None:
        return None
    try:
        return read_intents(request.intents, received_signals)
    except IntentError as error:
        raise RequestError(f"--intent: {error}") from error


def _services_of(intents: "Intents | None") -> tuple[str, ...]:
    return () if intents is None else tuple(service for one in intents.intents for service in one.services)


def _predicted(facts: Ec2Facts, request: PredictRequest, received_signals: Sequence[str]) -> "PredictionDocument":
    from agent.network.draft import AssumptionError
    from agent.network.paths import SourceError
    from agent.predict.intents import IntentError
    from agent.predict.plan_values import PlanError
    from agent.predict.prediction import Asked, facts_of, predicted
    from agent.run.collect_facts import lacking

    intents = _intents(request, received_signals)
    services = request.services or tuple(dict.fromkeys(_services_of(intents)))
    asked = Asked(sources=request.sources, services=_services(request.workloads, services), ports=request.ports)
    policies, plans = _policies(request, received_signals), _plans(request, received_signals)
    latest = monotonic() + PLAN_SECONDS
    try:
        return predicted(
            facts_of(facts, lacking(facts)),
            asked,
            request.assumptions,
            policies=policies,
            plans=plans,
            harmless=(*request.harmless, *(() if intents is None else intents.harmless)),
            intents=() if intents is None else intents.intents,
            is_late=lambda: monotonic() > latest,
        )
    except IntentError as error:
        raise RequestError(f"--intent: {error}") from error
    except PlanError as error:
        raise RequestError(f"--assume-plan: {error}") from error
    except AssumptionError as error:
        raise RequestError(f"--assume: {error}") from error
    except SourceError as error:
        raise RequestError(f"--from: {error}") from error


def _services(workloads: Sequence[Workload], services: Sequence[str]) -> Mapping[str, bool]:
    """Return the requested services, and whether each is required. If no service is requested, return the services of a
    caller. The workloads of a host are unknown here, so `auto` also means a caller."""
    from agent.catalog.workloads import needs, planned
    from probes.model import Role

    wanted = tuple(workloads) or (() if services else (Workload.CALLER,))
    needed = needs(planned(wanted), dict.fromkeys(services, "--service"))
    return {service: need.role is Role.REQUIRED for service, need in needed.items()}
