"""From a TCP connection to an AWS answer, step by step on one connection to one address and port.

Each step is an observation of its own, so each has its own time. What a failed step leaves out of reach is recorded as
skipped and names the step that failed. The ladder owns its connection and closes it, whatever happens.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from probes import http, tcp, tls
from probes.facts import HttpFacts, TcpFacts, TlsFacts
from probes.model import Address, Draft, Observation, Step, Subject, Target
from probes.observe import Log
from probes.world import Machine, Net, Stream, Trust

HTTPS: Final = 443
SUPPORT_CHANNEL: Final = 2222
"""AWS Support's SSH channel: no TLS port (Storage Gateway User Guide, Requirements)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gear:
    """What every ladder of a run shares."""

    net: Net
    machine: Machine
    log: Log
    trust: "asyncio.Future[Trust]"
    limit: float
    """Seconds for one step."""
    agent: str
    """The User-Agent of requests."""
    no_api: str
    """Why no signed call is made."""
    connects: asyncio.Semaphore
    handshakes: asyncio.Semaphore


def rungs(target: Target, address: Address, port: int, after: str | None) -> tuple[Subject, ...]:
    """The looks that belong to one address and port, lowest first; `after` is where the address came from."""
    steps = {HTTPS: (Step.TCP, Step.TLS, Step.HTTP, Step.API), SUPPORT_CHANNEL: (Step.TCP,)}
    subjects = []
    for step in steps.get(port, (Step.TCP, Step.TLS)):
        subject = Subject(step=step, target=target.id, address=address, port=port, after=after)
        subjects.append(subject)
        after = subject.id
    return tuple(subjects)


async def climb(gear: Gear, target: Target, subjects: tuple[Subject, ...]) -> None:
    """Make the looks of `subjects`, as `rungs` gives them."""
    tcp_subject, *higher = subjects
    address, port = tcp_subject.address, tcp_subject.port
    if address is None or port is None:
        raise ValueError(f"{tcp_subject.id} names no address and port")

    async def connect(draft: Draft[TcpFacts]) -> Stream:
        return await tcp.connect(gear.net, gear.machine, address, port, draft)

    async with gear.connects:
        observation, stream = await gear.log.observe(tcp_subject, connect, limit=gear.limit)
    if stream is None:
        _skip(gear.log, higher, observation)
        return
    with contextlib.closing(stream):
        if not higher:
            return
        tls_subject, *higher = higher

        async def again() -> Stream:
            return await gear.net.connect(address, port, Draft[TcpFacts]())

        async def shake_hands(draft: Draft[TlsFacts]) -> tls.TlsStream:
            trust = gear.trust.result()
            context = trust.named if port == HTTPS else trust.chain_only
            return await tls.handshake(
                stream, context, target.host, trust.source, again, draft, second_look_seconds=gear.limit / 2
            )

        await asyncio.wait([gear.trust])  # loading the roots is no part of a handshake's time
        async with gear.handshakes:
            observation_tls, secured = await gear.log.observe(tls_subject, shake_hands, limit=gear.limit)
        if secured is None:
            _skip(gear.log, higher, observation_tls)
            return
        if not higher:
            return
        http_subject, api_subject = higher

        async def ask(draft: Draft[HttpFacts]) -> http.Response:
            return await http.probe(secured, gear.machine, target.host, gear.agent, draft)

        observation_http, response = await gear.log.observe(http_subject, ask, limit=gear.limit)
        if response is None:
            _skip(gear.log, [api_subject], observation_http)
        else:
            gear.log.skip(api_subject, gear.no_api)


def _skip(
    log: Log,
    subjects: Sequence[Subject],
    failed: Observation[TcpFacts] | Observation[TlsFacts] | Observation[HttpFacts],
) -> None:
    failure = failed.failure
    if failure is None:
        raise ValueError(f"{failed.id} did not fail")
    for subject in subjects:
        log.skip(subject, f"{failed.subject.step} failed: {failure.kind}")
