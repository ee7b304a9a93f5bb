"""Intents: a file that says which connects must be open and which must be shut, from where and to which services.

The file is kept beside the code that changes the network. A pipeline checks whether its intents still hold, with or
without a plan. An intent does not hold if the outcome is unknown.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import PurePath
from typing import Any, Final

from agent.catalog.services import SERVICES, checkable
from agent.catalog.wording import counted, listed
from agent.network.answers import PredictedPath
from agent.network.calls import has_call, shut_at
from agent.network.names import KnownVpc
from agent.network.pending import Aspect
from agent.predict.kinds import KIND
from agent.predict.model import IntentFailure, PredictedIntent, PredictedVerdict, PredictionDocument
from agent.report.hops import Hop, Reachability, Stage
from agent.report.model import Status
from agent.settings import EVERY_SOURCE
from probes.frozen import dataclass
from probes.ids import read_form
from probes.vpc.model import ENDPOINTS, READS, Network

MUSTS: Final = ("open", "shut")
_KEYS: Final = frozenset({"name", "from", "services", "ports"})
_HEADER: Final = re.compile(r"^[ \t]*\[\[[ \t]*(open|shut)[ \t]*\]\]", re.MULTILINE)
_MOST_INTENTS: Final = 200
"""Maximum number of intents. Each intent needs a separate prediction."""
_MOST_CHARACTERS: Final = 200
_LAST_PORT: Final = 65_535
_EXAMPLE: Final = '[[open]] with name = "hosts back up", from = ["all"] and services = ["backup"]'


class IntentError(Exception):
    """The file's intents cannot be used. The message is for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A demand that connects are open, or that they are shut."""

    name: str
    place: str
    """The path of the file as it was given, and the line, such as `network/intents.toml:4`."""
    must: str
    """The demand, one of MUSTS."""
    sources: tuple[str | Network, ...]
    services: tuple[str, ...]
    ports: tuple[int, ...]
    """The ports; empty for the ports that each service needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intents:
    """The intents of a file."""

    harmless: tuple[str, ...]
    """Kinds of resources that cannot be followed, but whose changes in plans are assumed to have no effect."""
    intents: tuple[Intent, ...]


# --- The file --------------------------------------------------------------------------------------------------------


def parse(data: bytes, name: str) -> Intents:
    """The intents in a file. Errors call the file `name`. Raises IntentError if the file does not contain intents."""
    try:
        text = data.decode("utf-8-sig")
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise IntentError(f"{name}: is not TOML: {' '.join(str(error).split())}") from error
    for key in document:
        if key not in ("harmless", *MUSTS):
            raise IntentError(f"{name}: {key!r} is not a known key; the keys are harmless, open and shut")
    harmless = document.get("harmless", [])
    if not isinstance(harmless, list) or not all(isinstance(kind, str) and KIND.fullmatch(kind) for kind in harmless):
        raise IntentError(
            f"{name}: harmless is a list of kinds of AWS, such as aws_dax_cluster or Custom::LogRetention"
        )
    intents = tuple(sorted(_intents(document, text, name), key=lambda pair: pair[0]))
    if not intents:
        raise IntentError(f"{name}: it has no intent, such as {_EXAMPLE}")
    if len(intents) > _MOST_INTENTS:
        raise IntentError(f"{name}: it has {len(intents)} intents, and no more than {_MOST_INTENTS} are judged")
    return Intents(harmless=tuple(harmless), intents=tuple(intent for _, intent in intents))


def _intents(document: Mapping[str, Any], text: str, name: str) -> Iterator[tuple[int, Intent]]:
    """Each intent with its line."""
    for must in MUSTS:
        tables = document.get(must, [])
        lines = [text.count("\n", 0, header.end()) + 1 for header in _HEADER.finditer(text) if header[1] == must]
        if not isinstance(tables, list) or len(tables) != len(lines):
            raise IntentError(f"{name}: each intent has a header [[{must}]] on a line of its own")
        for line, table in zip(lines, tables, strict=True):
            yield line, _intent(table, must, f"{name}:{line}")


def _intent(table: Any, must: str, place: str) -> Intent:
    """Decode an intent. Raises IntentError."""
    if not isinstance(table, Mapping):
        raise IntentError(f"{place}: an intent is a table, such as {_EXAMPLE}")
    for key in table:
        if key not in _KEYS:
            raise IntentError(f"{place}: {key!r} is not a known key; the keys are name, from, services and ports")
    name = table.get("name")
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= _MOST_CHARACTERS:
        raise IntentError(f"{place}: name is a text of at most {_MOST_CHARACTERS} characters that says what is meant")
    services = _list(table, "services", place)
    if not services:
        raise IntentError(f"{place}: services is a list of services; they are {listed(checkable())}")
    for service in services:
        if service not in SERVICES or service not in checkable():
            raise IntentError(f"{place}: {service!r} is not a service; they are {listed(checkable())}")
    ports = _list(table, "ports", place)
    for port in ports:
        if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= _LAST_PORT:
            raise IntentError(f"{place}: {port!r} is not a port from 1 to {_LAST_PORT:,}")
    sources = tuple(_source(text, place) for text in _list(table, "from", place) or [EVERY_SOURCE])
    return Intent(
        name=name,
        place=place,
        must=must,
        sources=sources,
        services=tuple(dict.fromkeys(services)),
        ports=tuple(sorted(set(ports))),
    )


def _list(table: Mapping[str, Any], key: str, place: str) -> list[Any]:
    value = table.get(key, [])
    if not isinstance(value, list):
        raise IntentError(f"{place}: {key} is a list")
    return value


def _source(text: Any, place: str) -> str | Network:
    if isinstance(text, str):
        if text == EVERY_SOURCE or any(read_form(kind).fullmatch(text) for kind in ("subnet", "eni", "i")):
            return text
        try:
            return ip_network(text)
        except ValueError:
            pass
    form = "`all`, the id of a subnet, interface or instance, or a block such as 10.0.1.0/24"
    raise IntentError(f"{place}: {text!r} is not a source for `from`; a source is {form}")


# --- Results ----------------------------------------------------------------------------------------------------------


def judged(intent: Intent, document: PredictionDocument, known: KnownVpc) -> PredictedIntent:
    """The result of an intent. `document` is a prediction for the intent's sources, services and ports in a VPC, and
    requires all of the services."""
    failures = tuple(_not_open(document, known) if intent.must == "open" else _not_shut(intent, document, known))
    status = Status.OK
    if any(failure.outcome is not Reachability.CANNOT_TELL for failure in failures):
        status = Status.CRITICAL
    elif failures or not document.sources:
        status = Status.UNKNOWN
    elif intent.must == "open":
        status = document.verdict.status
    return PredictedIntent(
        name=intent.name,
        place=PurePath(intent.place).name,  # a folder may tell who wrote the file, also with --redact
        must=intent.must,
        services=intent.services,
        interface_count=document.interface_count,
        status=status,
        failures=failures,
    )


def _not_open(document: PredictionDocument, known: KnownVpc) -> Iterator[IntentFailure]:
    """Everything that stops a connect or a call, or may stop it. For an intent, a partly open connect counts as
    blocked. A call may be denied if a plan leaves the policy unknown. If a run makes no call of a service, a policy
    denies all calls or is not judged."""
    for fault in document.faults:
        yield IntentFailure(
            service=fault.service,
            ports=fault.ports,
            outcome=fault.outcome,
            interface_count=fault.interface_count,
            decided_by=fault.decided_by,
            rule=fault.rule,
            words=fault.detail.removesuffix("."),
        )
    used = {(path.service, path.endpoint_id) for path in document.paths if path.counts and path.endpoint_id}
    for service, endpoint_id in sorted((service, str(endpoint_id)) for service, endpoint_id in used):
        if (unknown := known.unsettled((endpoint_id,), Aspect.POLICY)) is not None:
            yield _of_every_source(document, service, unknown, (endpoint_id,))
        elif not has_call(service) and (shut := shut_at(known, service, endpoint_id)) is not None:
            words = f"the policy of {endpoint_id} allows no call of {service}: {shut}"
            yield _of_every_source(document, service, words, (endpoint_id,), Reachability.BLOCKED)


def _of_every_source(
    document: PredictionDocument,
    service: str,
    words: str,
    decided_by: tuple[str, ...] = (),
    outcome: Reachability = Reachability.CANNOT_TELL,
) -> IntentFailure:
    """A reason why an intent fails, or may fail, for every source."""
    return IntentFailure(
        service=service,
        ports=(),
        outcome=outcome,
        interface_count=document.interface_count,
        decided_by=decided_by,
        rule=None,
        words=words,
    )


def _not_shut(intent: Intent, document: PredictionDocument, known: KnownVpc) -> Iterator[IntentFailure]:
    """Everything that lets a source reach an endpoint of a service, or may let it, such as endpoints that were not
    read or that this account does not see."""
    for service in intent.services:
        is_gateway_unread = SERVICES[service].has_gateway_endpoint and known.configuration.gateway_endpoints is None
        if known.endpoints(service) is None or ENDPOINTS in known.dropped or is_gateway_unread:
            yield _of_every_source(document, service, f"{READS[ENDPOINTS].words} were not read")
        elif known.hides_endpoints is not None:
            yield _of_every_source(document, service, known.hides_endpoints)
    counts = {source.id: source.interface_count for source in document.sources}
    alike: dict[tuple[str, Reachability, tuple[str, ...], str | None, str], dict[tuple[int, str], None]] = {}
    for path in document.paths:
        if path.outcome is not Reachability.BLOCKED and (path.counts or path.port in intent.ports or not intent.ports):
            decided_by, rule, words = _admitted_by(path)
            key = path.service, path.outcome, decided_by, rule, words.replace(f"tcp {path.port} ", "tcp ")
            alike.setdefault(key, {}).update(dict.fromkeys((path.port, source) for source in path.sources))
    for (service, outcome, decided_by, rule, words), met in alike.items():
        yield IntentFailure(
            service=service,
            ports=tuple(sorted({port for port, _ in met})),
            outcome=outcome,
            interface_count=sum(counts[source] for source in {source for _, source in met}),
            decided_by=decided_by,
            rule=rule,
            words=words,
        )


def _admitted_by(path: PredictedPath) -> tuple[tuple[str, ...], str | None, str]:
    """The rule of the endpoint's groups that lets a connect in, if the configuration shows it."""
    hop: Hop | None = next((hop for hop in path.hops if hop.stage is Stage.ENDPOINT_GROUPS), None)
    if path.outcome is Reachability.OPEN and hop is not None:
        return tuple(hop.resources), hop.rule, hop.words
    return path.decided_by, path.rule, path.words


def verdict_of_intents(document: PredictionDocument) -> PredictedVerdict:
    """The verdict over all intents, and over changes that cannot be judged."""
    broken = [intent for intent in document.intents if intent.status is Status.CRITICAL]
    unsure = [intent for intent in document.intents if intent.status is not Status.OK and intent not in broken]
    rest = "; the effect of a part of the change is not known" if document.unjudged else ""
    if broken or unsure:
        does = "does" if len(broken) == 1 else "do"
        is_not = "is not" if len(unsure) == 1 else "are not"
        what = f"{does} not hold" if broken else f"{is_not} certain"
        named = listed(f"{intent.name} ({intent.place})" for intent in broken or unsure)
        whole = counted(len(document.intents), "intent")
        status = Status.CRITICAL if broken else Status.UNKNOWN
        summary = f"{len(broken or unsure)} of {whole} {what}: {named}{rest}"
        return PredictedVerdict(status=status, summary=summary)
    holds = f"{counted(len(document.intents), 'intent')} {'holds' if len(document.intents) == 1 else 'hold'}"
    return PredictedVerdict(status=Status.UNKNOWN if rest else Status.OK, summary=f"{holds}{rest}")
