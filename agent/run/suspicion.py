"""Signs of trouble. At the first sign, a run with `--ec2 auto` starts to read the configuration.

Only the needs of a required target count. A sign is an address outside the scope that the run expects, a failed step,
or a step that stays without an answer for longer than healthy steps take. If that answer comes after all, the sign is
withdrawn. A healthy run has no signs, and reads no configuration.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final

from agent.catalog.services import SERVICES
from agent.catalog.vpce import ENDPOINT_ID
from probes.facts import LookupFacts
from probes.model import Address, Observation, Role, Step, Subject, Target
from probes.operations import GETADDRINFO, JOBS
from probes.ports import HTTPS

PATIENCE: Final = 0.25
"""The limit in seconds for a connect as long as no connect to the same port of the service has succeeded. It is longer
than any round trip within a Region or from a nearby site."""
SLOWER: Final = 4
"""Maximum ratio of a connect's time to the slowest successful connect to the same port of the service."""
MIN_PATIENCE: Final = 0.05
"""The minimum limit in seconds for a connect: this process may have to wait for the CPU."""
LOOKUP_PATIENCE: Final = 1.0
"""Limit in seconds for the host's own lookup: a lookup that takes longer is stalled (DNS016)."""
_TICK: Final = 0.05
"""Seconds between two checks of the open steps. A step must be overdue in two successive checks, so that an answer that
has come but is not processed yet is seen first."""
_AT_ADDRESSES: Final = frozenset({Step.TCP, Step.TLS, Step.HTTP, Step.API})


class Suspicion:
    """The signs of trouble of one run, while it lasts."""

    def __init__(self, *, is_suspect: Callable[[Target, Address], bool]) -> None:
        """`is_suspect` returns whether an address of a target may be off the expected path; it is called only after
        `scopes_known`."""
        self.raised = asyncio.Event()
        """Set at the first sign."""
        self.about_names = asyncio.Event()
        """Set at the first sign that concerns the resolution of a name."""
        self.first: str | None = None
        """The first sign, in words."""
        self._is_suspect = is_suspect
        self._required: dict[str, Target] = {}
        self._ports: dict[str, frozenset[int]] = {}
        """Ports that count, by target."""
        self._own: dict[str, tuple[Address, ...]] = {}
        """Addresses of the host's own lookup, by target."""
        self._scopes_known = False
        self._failed: list[Subject] = []
        """Failed steps of all targets, since it may become known only later which targets are required."""
        self._open: dict[str, tuple[Subject, float]] = {}
        """Connects and lookups without an answer, with their start by the loop's clock."""
        self._slowest: dict[tuple[str, int], float] = {}
        """Seconds of the slowest successful connect, by target and port."""

    def has_targets(self, targets: Iterable[Target]) -> None:
        """Take these as the targets of the run."""
        required = [target for target in targets if target.role is Role.REQUIRED]
        self._required = {target.id: target for target in required}
        self._ports = {
            target.id: frozenset(
                port.number for port in SERVICES[target.service].ports if port.required or port.blocks_new
            )
            for target in required
        }
        self._judge()

    def scopes_known(self) -> None:
        """Note that metadata was read, or will not be: scopes of addresses no longer change."""
        self._scopes_known = True
        self._judge()

    def started(self, subject: Subject) -> None:
        """Note that a step starts."""
        if subject.step is Step.TCP or _is_own_lookup(subject):
            self._open[subject.id] = subject, asyncio.get_running_loop().time()

    def observed(self, observation: Observation[Any]) -> None:
        """Note that a step has its observation."""
        subject = observation.subject
        self._open.pop(subject.id, None)
        if subject.target is None:
            return
        if observation.failure is not None and (subject.step in _AT_ADDRESSES or _is_own_lookup(subject)):
            self._failed.append(subject)
            if self._counts(subject):
                self.name(_failure_words(subject), is_of_name=_is_own_lookup(subject))
        elif isinstance(observation.facts, LookupFacts) and _is_own_lookup(subject):
            self._own[subject.target] = observation.facts.addresses
            self._judge()
        elif observation.ok and subject.step is Step.TCP and subject.port is not None:
            key = subject.target, subject.port
            self._slowest[key] = max(self._slowest.get(key, 0.0), observation.seconds or 0.0)

    def name(self, words: str, *, is_of_name: bool = False) -> None:
        """Take this as a sign."""
        self.first = self.first or words
        self.raised.set()
        if is_of_name:
            self.about_names.set()

    async def watch(self) -> None:
        """Look for steps without an answer, until cancelled or until there is a sign."""
        before: frozenset[str] = frozenset()
        while not self.raised.is_set():
            await asyncio.sleep(_TICK)
            overdue = self._overdue()
            for subject_id in sorted(overdue & before):
                subject, started = self._open[subject_id]
                seconds = asyncio.get_running_loop().time() - started
                self.name(f"{subject_id} has no answer after {seconds:.2g} s", is_of_name=_is_own_lookup(subject))
            before = overdue

    @property
    def stands(self) -> bool:
        """Whether any sign is still valid. A slow answer is no longer a sign once it has come."""
        return bool(self._signs() or self._overdue())

    def addresses_in_trouble(self) -> frozenset[Address]:
        """Addresses of required targets at which a required step failed or is overdue."""
        failed = [subject for subject in self._failed if self._counts(subject)]
        slow = [self._open[subject_id][0] for subject_id in self._overdue()]
        return frozenset(subject.address for subject in (*failed, *slow) if subject.address is not None)

    def _judge(self) -> None:
        for words, is_of_name in self._signs():
            self.name(words, is_of_name=is_of_name)

    def _signs(self) -> list[tuple[str, bool]]:
        """Return the valid signs except slow steps, each with whether it concerns a name."""
        signs = [
            (_failure_words(subject), _is_own_lookup(subject)) for subject in self._failed if self._counts(subject)
        ]
        if any(ENDPOINT_ID.fullmatch(target.host) for target in self._required.values()):
            signs.append(("an endpoint is given by its id, and only EC2 knows its name", False))
        if self._scopes_known:
            signs += [
                _address_sign(target, address)
                for target_id, addresses in self._own.items()
                if (target := self._required.get(target_id)) is not None
                for address in addresses
                if self._is_suspect(target, address)
            ]
        return signs

    def _counts(self, subject: Subject) -> bool:
        """Whether a required target needs a step."""
        target = subject.target
        if target not in self._required or subject.operation == JOBS:  # earlier steps have proven the path
            return False
        if _is_own_lookup(subject):
            return True
        return subject.address in self._own.get(target, ()) and subject.port in (
            self._ports[target] if subject.step is Step.TCP else (HTTPS,)
        )

    def _overdue(self) -> frozenset[str]:
        """Return ids of required steps that have been open for longer than healthy steps take."""
        if not self._open:
            return frozenset()
        now = asyncio.get_running_loop().time()
        return frozenset(
            subject.id
            for subject, started in self._open.values()
            if now - started >= self._patience(subject) and self._counts(subject)
        )

    def _patience(self, subject: Subject) -> float:
        if _is_own_lookup(subject):
            return LOOKUP_PATIENCE
        slowest = self._slowest.get((subject.target or "", subject.port or 0))
        return PATIENCE if slowest is None else max(MIN_PATIENCE, SLOWER * slowest)


def _address_sign(target: Target, address: Address) -> tuple[str, bool]:
    """Return a sign, and whether it concerns a name. A public address is not a fault of the name if a gateway endpoint
    may lead to it."""
    gave = f"{Step.DNS}/{target.id}/{GETADDRINFO} gave {address}"
    if SERVICES[target.service].has_gateway_endpoint:
        return f"{gave}, and only a route table says whether a gateway endpoint leads there", False
    return f"{gave}, which is not where it is expected", True


def _failure_words(subject: Subject) -> str:
    return f"{subject.id} failed"


def _is_own_lookup(subject: Subject) -> bool:
    return subject.step is Step.DNS and subject.operation == GETADDRINFO
