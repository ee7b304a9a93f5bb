"""The ladder: the steps from a TCP connection to an AWS answer, on one connection to one address and port.

Every step is a separate observation, with its own time. A step that depends on a failed step is recorded as skipped,
with the name of the failed step. The ladder owns its connection, and always closes it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field, replace
from typing import Any, Final

from probes.facts import ApiFacts, HttpFacts, JobsFacts, TcpFacts, TlsFacts
from probes.failure import PeerClosedError, classify
from probes.frozen import dataclass
from probes.model import (
    ELSEWHERE,
    UNRATED,
    Address,
    Conversation,
    Draft,
    FailureKind,
    Observation,
    PortProtocol,
    SignedCall,
    Step,
    Subject,
    Target,
)
from probes.observe import Log
from probes.operations import FURTHER_PAGES, JOBS, OTHER_NAME, PADDED, SMALL_SEGMENTS, WEBSOCKET
from probes.ports import HTTPS
from probes.seams import Keys, Machine, Net, Stream, Trust
from probes.steps import api, http, jobs, tcp, tls
from probes.steps.jobs import JobsRequest
from probes.tls_context import client_context, small_client_context

SMALL_MSS: Final = 1200
"""A segment size in bytes that, with 60 bytes of headers, fits into the smallest MTU of IPv6, which is 1280 (RFC 8200,
section 5)."""
UNVERIFIED: Final = "nobody"
"""The name that reports give as the source of trust if a handshake verifies no certificate."""
NO_CALL: Final = "no call of this service is known to be without side effects"
MAX_PADDING_BYTES: Final = 60_000
ORDINARY_MSS: Final = 1460
_OTHER_LABELS: Final = ("sts", "ec2")
_ANSWERED: Final = frozenset({FailureKind.NOT_AWS, FailureKind.SERVICE_ERROR})
"""Failures of an unsigned request after which a signed request is still useful, since the answer to it shows whether
AWS is there."""
_WAY: Final = 3
"""Number of steps of a ladder that build on each other: TCP, TLS, HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeContext:
    """The common parameters of all ladders of a run."""

    net: Net
    machine: Machine
    log: Log
    trust: "asyncio.Future[Trust]"
    limit: float
    """Time limit for one step in seconds."""
    agent: str
    """The User-Agent of requests."""
    keys: "asyncio.Future[Keys | str]"
    """The keys that sign the calls, or the reason why no call is made."""
    connects: asyncio.Semaphore
    handshakes: asyncio.Semaphore
    standing: Mapping[str, Observation[Any]] = field(default_factory=dict)
    """Answers to signed calls of earlier runs, by id. A call with such an answer is not made."""
    uncalled: frozenset[str] = frozenset()
    """Services to which no signed call is made."""
    read_on: set[str] = field(default_factory=set)
    """Ids of targets for which one ladder already reads the further pages of the list of gateways. These pages are the
    same at each address."""


def rungs(
    target: Target,
    address: Address,
    port: int,
    after: str | None,
    *,
    protocol: PortProtocol,
    has_websocket: bool = False,
) -> tuple[Subject, ...]:
    """Return the steps at one address and port, lowest first. `after` is the observation that gave the address.
    `has_websocket` says whether the service uses a WebSocket. A WebSocket is tried after an answer by HTTP."""
    steps: tuple[tuple[Step, str | None], ...] = ((Step.TCP, None),)
    if protocol is not PortProtocol.TCP:
        steps += ((Step.TLS, None),)
    if protocol is PortProtocol.HTTPS:
        steps += ((Step.HTTP, None), (Step.API, None), (Step.HTTP, PADDED))
    subjects = []
    for step, operation in steps:
        subject = Subject(step=step, target=target.id, address=address, port=port, operation=operation, after=after)
        subjects.append(subject)
        after = subject.id
    if has_websocket and protocol is PortProtocol.HTTPS:
        answered = next(subject for subject in subjects if subject.step is Step.HTTP)
        subjects.append(replace(answered, operation=WEBSOCKET, after=answered.id))
    return tuple(subjects)


async def always() -> bool:
    """Let each ladder make the signed call."""
    return True


async def no_jobs() -> None:
    """Let no ladder request jobs."""


async def climb(
    context: ProbeContext,
    target: Target,
    subjects: tuple[Subject, ...],
    *,
    conversation: Conversation,
    may_call: Callable[[], Awaitable[bool]] = always,
    jobs_request: Callable[[], Awaitable[JobsRequest | str | None]] = no_jobs,
) -> None:
    """Make the steps of `subjects`, which come from `rungs`. `conversation` is the service's. If it has no signed call,
    the call is skipped. `may_call` is awaited before the call, and says whether this ladder makes the call. After a
    good answer and all other steps, `jobs_request` returns the jobs of AWS Backup to list, or the reason why no jobs
    can be listed. It returns None if this ladder does not list jobs."""
    await _Climb(context, target, subjects, conversation, may_call, jobs_request).go()


class _Climb:
    """One ladder in progress."""

    def __init__(
        self,
        context: ProbeContext,
        target: Target,
        subjects: tuple[Subject, ...],
        conversation: Conversation,
        may_call: Callable[[], Awaitable[bool]],
        jobs_request: Callable[[], Awaitable[JobsRequest | str | None]],
    ) -> None:
        address, port = subjects[0].address, subjects[0].port
        if address is None or port is None:
            raise ValueError(f"{subjects[0].id} names no address and port")
        self._context = context
        self._target = target
        self._subjects = subjects
        self._conversation = conversation
        self._may_call = may_call
        self._jobs_request = jobs_request
        self._answered: tuple[Subject, Keys] | None = None
        """The signed call that got a good answer, and the keys with which it was signed."""
        self._address = address
        self._port = port
        self._mss = ORDINARY_MSS
        self._open: Stream | None = None
        """The connection for the next step. None if the last step ended the connection."""

    async def go(self) -> None:
        way, requests = self._subjects[:_WAY], self._subjects[_WAY:]
        try:
            for place, (subject, step) in enumerate(zip(way, (self._tcp, self._tls, self._http), strict=False)):
                failed = await step(subject)
                if failed is not None:
                    for left in self._subjects[place + 1 :]:
                        self._context.log.skip(left, failed)
                    return
            await self._requests(*requests)
        finally:
            self._close()

    async def _requests(
        self, call: Subject | None = None, padded: Subject | None = None, websocket: Subject | None = None
    ) -> None:
        """Send the requests that follow an answer by HTTP. They do not depend on each other. A WebSocket is tried in
        parallel on a separate connection, as programs do."""
        async with asyncio.TaskGroup() as group:
            if websocket is not None:
                group.create_task(self._websocket(websocket))
            if call is not None:
                await self._api(call)
            if padded is not None:
                await self._padded(padded)
        await self._list_jobs()

    async def _tcp(self, subject: Subject) -> str | None:
        async def body(draft: Draft[TcpFacts]) -> Stream:
            return await tcp.connect(self._context.net, self._context.machine, self._address, self._port, draft)

        async with self._context.connects:
            seen, self._open = await self._context.log.observe(subject, body, limit=self._context.limit, by_kernel=True)
        if seen.facts is not None and seen.facts.mss is not None:
            self._mss = seen.facts.mss
        return _why(seen)

    async def _tls(self, subject: Subject) -> str | None:
        async def body(draft: Draft[TlsFacts]) -> tls.TlsStream:
            trust = self._context.trust.result()
            context = trust.named if self._port == HTTPS else trust.chain_only
            return await tls.handshake(
                self._connection(),
                context,
                self._target.host,
                trust.source,
                self._connect_again,
                draft,
                second_look_seconds=self._context.limit / 2,
            )

        await asyncio.wait([self._context.trust])  # loading the roots does not count for the handshake
        async with self._context.handshakes:
            seen, secured = await self._context.log.observe(
                subject, body, limit=self._context.limit, before_again=self._reconnect
            )
        if secured is not None:
            self._open = secured
        if self._port == HTTPS and seen.failure is not None and seen.failure.kind is FailureKind.TIMEOUT:
            self._close()
            await self._distinguish_size_from_name(subject)
        return _why(seen)

    async def _distinguish_size_from_name(self, stalled: Subject) -> None:
        """Make two more handshakes in parallel: one with small packets, and one for another name. The one that gets an
        answer shows why the first handshake got none."""
        small = replace(stalled, operation=SMALL_SEGMENTS, after=stalled.id)
        other = replace(stalled, operation=OTHER_NAME, after=stalled.id)

        async def in_small_segments(draft: Draft[TlsFacts]) -> bool:
            async def connect() -> Stream:
                return await self._context.net.connect(self._address, self._port, Draft[TcpFacts](), mss=SMALL_MSS)

            await tls.greet(connect, small_client_context(), self._target.host, UNVERIFIED, draft)
            return True

        async def for_another_name(draft: Draft[TlsFacts]) -> bool:
            # A name that firewalls for AWS allow, and that differs from the target's name.
            label, _, domain = self._target.host.partition(".")
            other_host = f"{next(other for other in _OTHER_LABELS if other != label)}.{domain or label}"
            await tls.greet(self._connect_again, client_context(), other_host, UNVERIFIED, draft)
            return True

        limit = self._context.limit / 2
        async with self._context.handshakes, asyncio.TaskGroup() as both:
            both.create_task(self._context.log.observe(small, in_small_segments, limit=limit))
            both.create_task(self._context.log.observe(other, for_another_name, limit=limit))

    async def _http(self, subject: Subject) -> str | None:
        async def body(draft: Draft[HttpFacts]) -> http.Response:
            return await http.probe(
                self._connection(),
                self._context.machine,
                self._target.host,
                self._context.agent,
                draft,
                path=self._conversation.unsigned_path,
                answers=self._conversation.answers,
            )

        seen, response = await self._context.log.observe(
            subject, body, limit=self._context.limit, before_again=self._reopen
        )
        self._keep(response)
        return None if seen.failure is not None and seen.failure.kind in _ANSWERED else _why(seen)

    async def _api(self, subject: Subject) -> None:
        await asyncio.wait([self._context.keys])  # the time for finding the credentials does not count for the call
        keys, call = self._context.keys.result(), self._conversation.call
        if isinstance(keys, str) or call is None:
            self._context.log.skip(subject, keys if isinstance(keys, str) else NO_CALL)
            return
        if self._target.service in self._context.uncalled:
            self._context.log.skip(subject, UNRATED)
            return
        if not await self._may_call():
            self._context.log.skip(subject, ELSEWHERE)
            return
        if (answer := self._context.standing.get(subject.id)) is not None:
            self._context.log.keep(answer)
            return

        async def body(draft: Draft[ApiFacts]) -> http.Response:
            return await self._send(keys, call, draft)

        seen, response = await self._context.log.observe(
            subject, body, limit=self._context.limit, before_again=self._reopen
        )
        self._keep(response)
        self._answered = None if response is None else (subject, keys)
        if response is not None and seen.facts is not None and api.may_read_on(seen.facts):
            token = api.next_token(call, response)
            if token is not None and self._target.id not in self._context.read_on:
                self._context.read_on.add(self._target.id)
                await self._read_on(subject, keys, call, response)

    async def _send(self, keys: Keys, call: SignedCall, draft: Draft[ApiFacts]) -> http.Response:
        """Make a signed call over the open connection, or else over a new one."""

        async def send(*, new_connection: bool) -> http.Response:
            return await api.probe(
                await self._reopened(),
                self._context.machine,
                keys,
                target=self._target,
                call=call,
                conversation=self._conversation,
                agent=self._context.agent,
                new_connection=new_connection,
                draft=draft,
            )

        if self._open is not None:
            with contextlib.suppress(PeerClosedError, ConnectionError):
                return await send(new_connection=False)
            self._close()  # the peer kept the connection open and then closed it: a read-only call may be repeated
        return await send(new_connection=True)

    async def _read_on(self, first_subject: Subject, keys: Keys, call: SignedCall, first: http.Response) -> None:
        """Read the further pages of a list of gateways within the time of one step."""

        async def body(draft: Draft[ApiFacts]) -> None:
            await api.read_on(self._sender(keys), call, first, draft)

        subject = replace(first_subject, operation=FURTHER_PAGES, after=first_subject.id)
        await self._context.log.observe(subject, body, limit=self._context.limit, before_again=self._reopen)

    async def _list_jobs(self) -> None:
        """List jobs of AWS Backup within the time of one step. This is the last step of a ladder, so the number of its
        calls does not affect the other steps."""
        request = None if self._answered is None else await self._jobs_request()
        if request is None or self._answered is None:
            return
        call, keys = self._answered
        subject = replace(call, operation=JOBS, after=call.id)
        if isinstance(request, str):
            self._context.log.skip(subject, request)
            return

        async def body(draft: Draft[JobsFacts]) -> None:
            await jobs.read(self._sender(keys), request, draft, hidden=api.secrets_of(keys))

        await self._context.log.observe(subject, body, limit=self._context.limit, before_again=self._reopen)

    def _sender(self, keys: Keys) -> Callable[[SignedCall, Draft[ApiFacts]], Awaitable[http.Response]]:
        """Return a function that makes signed calls one after another, over the same connection as long as possible."""

        async def send(call: SignedCall, seen: Draft[ApiFacts]) -> http.Response:
            response = await self._send(keys, call, seen)
            self._keep(response)
            return response

        return send

    async def _padded(self, subject: Subject) -> None:
        if (why := await self._no_connection()) is not None:  # an unsent request tells nothing about its size
            self._context.log.skip(subject, f"no new connection: {why}")
            return
        padding = b"0" * min(4 * self._mss + 1, MAX_PADDING_BYTES)

        async def body(draft: Draft[HttpFacts]) -> http.Response:
            return await http.probe_padded(
                await self._reopened(),
                self._context.machine,
                self._target.host,
                self._context.agent,
                padding,
                draft,
                answers=self._conversation.answers,
            )

        await self._context.log.observe(subject, body, limit=self._context.limit, before_again=self._reopen)

    async def _websocket(self, subject: Subject) -> None:
        async def body(draft: Draft[HttpFacts]) -> http.Response:
            stream = self._with_tls(await self._connect_again())
            try:
                await stream.handshake()
                return await http.probe_websocket(
                    stream,
                    self._context.machine,
                    self._target.host,
                    self._context.agent,
                    self._conversation.websocket_path or "/",
                    draft,
                    answers=self._conversation.answers,
                )
            finally:
                stream.close()

        await self._context.log.observe(subject, body, limit=self._context.limit)

    def _connection(self) -> Stream:
        if self._open is None:
            raise ValueError(f"{self._subjects[0].id} has no connection left")
        return self._open

    def _keep(self, response: http.Response | None) -> None:
        """Close the connection if it cannot carry another exchange. `response` is the response of the last exchange."""
        if response is None or not response.keep_alive:
            self._close()

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    async def _reconnect(self) -> None:
        """Replace a connection that the peer may have closed."""
        self._close()
        self._open = await self._connect_again()

    async def _reopen(self) -> None:
        """Connect again, and complete the TLS handshake."""
        self._close()
        await self._reopened()

    async def _connect_again(self) -> Stream:
        return await self._context.net.connect(self._address, self._port, Draft[TcpFacts]())

    async def _no_connection(self) -> FailureKind | None:
        """Return why there is no connection for another request within a step's time; None if there is a connection.
        Also None after a bug of this program, which the step itself must report."""
        window = self._context.log.window(self._context.limit)
        try:
            async with window:
                await self._reopened()
        except Exception as error:  # noqa: BLE001 - classified as `observe` does
            self._close()
            if window.expired and window.is_starved:
                return FailureKind.DEADLINE
            kind = classify(error, expired_after=window.seconds if window.expired else None).kind
            return None if kind is FailureKind.BUG else kind
        return None

    async def _reopened(self) -> Stream:
        """Return the open connection, or a new connection whose peer is verified in the same way."""
        if self._open is None:
            self._open = secured = self._with_tls(await self._connect_again())
            await secured.handshake()
        return self._open

    def _with_tls(self, stream: Stream) -> tls.TlsStream:
        """Return a TLS connection, before its handshake, that verifies the peer as the first connection does."""
        return tls.TlsStream(stream, self._context.trust.result().named, server_name=self._target.host)


def _why(seen: Observation[Any]) -> str | None:
    """Return why a step does not allow further steps; None if it succeeded."""
    return None if seen.failure is None else f"{seen.subject.step} failed: {seen.failure.kind}"
