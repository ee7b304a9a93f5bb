"""Make one signed, read-only call, and read its answer.

A call succeeds only with status 200, an AWS request id, and the content of the operation's answer in JSON or XML. If a
captive portal answers with 200, the call does not succeed. If AWS refuses the call, the code is read from every place
that AWS' protocols use, and shortened as botocore does.
"""

import contextlib
import json
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from probes.aws_errors import MIN_SECRET_CHARACTERS, kind_for_call
from probes.facts import ApiFacts, GatewayFacts
from probes.model import AnswerForm, Conversation, Draft, FailureKind, ProbeError, SignedCall, Target
from probes.seams import Keys, Machine, Stream
from probes.steps.http import Response, clock_against, exchange, instant_of, local_name, request_id_of, xml_of
from probes.steps.sigv4 import signed_headers

MAX_MESSAGE_CHARACTERS: Final = 2_048
MAX_GATEWAYS: Final = 16
"""Maximum number of gateways in a report."""
MAX_PAGES: Final = 20
MAX_LISTED_GATEWAYS: Final = 1_000
"""Maximum number of gateways that are read from a list. A page has 50 gateways, and each page is a signed call."""
MAX_TOKEN_CHARACTERS: Final = 1_000
"""Maximum length of NextToken (model of backup-gateway 2021-01-01, botocore 1.44.8)."""
_REGION: Final = re.compile(r"[a-z]{2,5}(?:-[a-z]+){1,2}-[0-9]{1,2}")
_GATEWAY_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


_CLOCK: Final = re.compile(
    r"Signature\s+(?:expired|not\s+yet\s+current):\s*(?P<ours>\d{8}T\d{6}Z).{0,200}?\((?P<theirs>\d{8}T\d{6}Z)\s*[-+]",
    re.DOTALL | re.ASCII,
)


async def probe(
    stream: Stream,
    machine: Machine,
    keys: Keys,
    *,
    target: Target,
    call: SignedCall,
    conversation: Conversation,
    agent: str,
    new_connection: bool,
    draft: Draft[ApiFacts],
) -> Response:
    """Make a call to the target's service, signed for its Region and its host. `call` is the call of `conversation`, or
    a call for a further page.

    Raises the errors of `probes.steps.http.exchange`, and ProbeError with AWS' own code for every answer except a good
    one.
    """
    signed = signed_headers(
        keys,
        service=conversation.signing_name,
        region=conversation.signing_region or target.region,
        at=machine.now(),
        method=call.method,
        url=f"https://{target.host}{call.path}",
        headers=call.headers,
        body=call.body,
    )
    headers = (("Host", target.host), ("User-Agent", agent), ("Accept", "*/*"), *call.headers, *signed)
    sent = machine.now()
    response = await exchange(stream, call.method, call.path, headers, body=call.body)
    facts = draft.facts = read_answer(
        call,
        response,
        sent,
        machine.now(),
        new_connection=new_connection,
        answers=conversation.answers,
        hidden=secrets_of(keys),
    )
    if facts.request_id is None:
        kind = FailureKind.REDIRECT if 300 <= facts.status < 400 else FailureKind.NOT_AWS
        raise ProbeError(kind, f"status {facts.status} without an AWS request id", code=str(facts.status))
    region = response.header(call.key) if call.names_region else None
    if region not in (None, target.region):
        where = region if _REGION.fullmatch(region or "") else "another Region"
        raise ProbeError(FailureKind.WRONG_SCOPE, f"the requested resource is in {where}", code=str(facts.status))
    if facts.status != 200:
        kind = kind_of(facts)
        if call.names_region and facts.status == 400:
            # An answer without a body has no code. S3 uses this status for invalid or expired session tokens.
            kind = FailureKind.CREDENTIALS_INVALID
        raise ProbeError(kind, facts.error_message or f"status {facts.status}", code=facts.error_code)
    if not facts.expected_key:
        raise ProbeError(FailureKind.MALFORMED, f"the answer lacks {call.key}", code="200")
    return response


async def read_on(
    send: Callable[[SignedCall, Draft[ApiFacts]], Awaitable[Response]],
    call: SignedCall,
    first: Response,
    draft: Draft[ApiFacts],
) -> None:
    """Read the further pages of a list of gateways whose first page is `first`. `send` makes one call, as `probe` does.

    Each page is another signed call, which counts against the account's request rate. Reading therefore stops as soon
    as one gateway is known to be in contact and another to be out of contact. It also stops at MAX_PAGES and
    MAX_LISTED_GATEWAYS. If a page fails, the facts come from the earlier pages. Raises the errors of `probe`.
    """
    by_id = {gateway.gateway_id: gateway for gateway in _gateways(call, json_of(first.body))}
    token = next_token(call, first)
    tokens: set[str] = set()
    while token is not None and token not in tokens and len(tokens) < MAX_PAGES - 1:
        tokens.add(token)
        page = Draft[ApiFacts]()
        response = await send(replace(call, body=_body_with(call, token)), page)
        if page.facts is None:
            raise TypeError("a call came back without facts")
        by_id |= {gateway.gateway_id: gateway for gateway in _gateways(call, json_of(response.body))}
        token = next_token(call, response)
        known = list(by_id.values())[:MAX_LISTED_GATEWAYS]
        is_cut = page.facts.gateways_cut or len(known) < len(by_id)
        draft.facts = replace(page.facts, gateways_cut=is_cut, **_about(known))
        if not may_read_on(draft.facts) or len(by_id) >= MAX_LISTED_GATEWAYS:
            return


def may_read_on(facts: ApiFacts) -> bool:
    """Whether a list of gateways has further pages that may change the result: none of the gateways so far is out of
    contact, or none is in contact."""
    is_settled = bool(facts.silent_gateways) and not facts.are_all_gateways_silent
    return facts.gateways_cut and facts.server_time is not None and not is_settled


def next_token(call: SignedCall, response: Response) -> str | None:
    """Return the token for the next page of a list of gateways; None if there is no token, or a token that cannot be
    sent."""
    document = json_of(response.body)
    token = document.get("NextToken") if call.lists_gateways and isinstance(document, Mapping) else None
    return token if isinstance(token, str) and 0 < len(token) <= MAX_TOKEN_CHARACTERS else None


def _body_with(call: SignedCall, token: str) -> bytes:
    return json.dumps({**json.loads(call.body), "NextToken": token}).encode()


def secrets_of(keys: Keys) -> tuple[tuple[str, str], ...]:
    """Return the texts that a quoted answer must not repeat, each with its replacement. AWS itself repeats a secret: if
    a signature does not match, AWS sends the canonical request that it expected, which has the session token in it."""
    masks = {keys.access_key_id: f"***{keys.access_key_id[-4:]}", keys.secret_key: "***", keys.token or "": "***"}
    return tuple((secret, mask) for secret, mask in masks.items() if len(secret) >= MIN_SECRET_CHARACTERS)


def read_answer(
    call: SignedCall,
    response: Response,
    sent: datetime,
    received: datetime,
    *,
    new_connection: bool,
    answers: AnswerForm = AnswerForm.JSON,
    hidden: tuple[tuple[str, str], ...] = (),
) -> ApiFacts:
    """Return the facts in an answer, whatever bytes the answer has. Masks replace the texts in `hidden`. `sent` and
    `received` are times by this host's clock."""
    document = json_of(response.body)
    is_cut = call.lists_gateways and isinstance(document, Mapping) and bool(document.get("NextToken"))
    code, message = error_of(response, document, hidden)
    theirs = instant_of(response.header("date"))
    if (clock := _CLOCK.search(message or "")) is not None:
        with contextlib.suppress(ValueError):  # digits that are not a date
            theirs = datetime.strptime(clock["theirs"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    offset, uncertainty = clock_against(theirs, sent, received)
    return ApiFacts(
        operation=call.name,
        status=response.status,
        request_id=without(hidden, request_id_of(response, answers)),
        expected_key=response.header(call.key) is not None
        if call.names_region
        else _is_of_call(call, document, response.body, answers),
        error_code=code if response.status != 200 else None,
        new_connection=new_connection,
        error_message=message if response.status != 200 else None,
        gateways_cut=is_cut,
        **_about(_gateways(call, document)),
        server_time=theirs,
        clock_offset_seconds=offset,
        clock_uncertainty_seconds=uncertainty,
    )


def _is_of_call(call: SignedCall, document: Any, body: bytes, answers: AnswerForm) -> bool:
    """Whether a document has the content of a good answer to the call."""
    if answers is AnswerForm.JSON:
        is_empty = call.may_be_empty and document == {}
        return isinstance(document, Mapping) and (call.key in document or is_empty)
    root = xml_of(body)
    if root is None or local_name(root) != f"{call.name}Response":
        return False
    within = (grandchild for child in root if local_name(child) == f"{call.name}Result" for grandchild in child)
    return call.key in map(local_name, (*root, *within))


def _gateways(call: SignedCall, document: Any) -> list[GatewayFacts]:
    """Return the gateways in an answer."""
    listed = document.get(call.key) if call.lists_gateways and isinstance(document, Mapping) else None
    gateways = []
    for gateway in listed if isinstance(listed, list) else ():
        name = str(gateway.get("GatewayArn") if isinstance(gateway, Mapping) else "").rpartition("/")[2]
        if _GATEWAY_ID.fullmatch(name):
            gateways.append(GatewayFacts(gateway_id=name, last_seen=_instant(gateway.get("LastSeenTime"))))
    return gateways


def _about(gateways: Collection[GatewayFacts]) -> dict[str, Any]:
    """Return the facts about these gateways. Gateways with the oldest contact come first."""
    unknown = datetime.max.replace(tzinfo=UTC)
    oldest = sorted(gateways, key=lambda gateway: (gateway.last_seen or unknown, gateway.gateway_id))
    return {
        "gateways": tuple(oldest[:MAX_GATEWAYS]),
        "gateways_listed": len(oldest),
        "gateways_last_seen": oldest[-1].last_seen if oldest else None,
    }


def _instant(seconds: Any) -> datetime | None:
    """Parse a timestamp of JSON 1.0: seconds since 1970 as a number."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):  # not a date in the calendar
        return None


def error_of(response: Response, document: Any, hidden: tuple[tuple[str, str], ...] = ()) -> tuple[str, str | None]:
    """Return the code and the message of an error answer: the code is in the header, in a JSON body, or in the root of
    an XML body. If none of these has a code, the code is the status."""
    code = response.header("x-amzn-errortype")
    message: Any = None
    if isinstance(document, Mapping):
        members = {str(name).lower(): value for name, value in document.items()}
        # Errors of Backup gateway also have a member `ErrorCode`, but the code of such an error is its type.
        codes = (members.get(name) for name in ("code", "__type", "errorcode"))
        code = code or next((name for name in codes if isinstance(name, str) and name), None)
        message = members.get("message")
    elif (root := xml_of(response.body)) is not None:
        texts = {local_name(element).lower(): element.text for element in root.iter()}
        name = local_name(root)
        code = code or texts.get("code") or (name if name.endswith("Exception") else None)
        message = texts.get("message")
    # The text is masked before it is cut, since a secret that is cut would not be found.
    cut = (without(hidden, code) or "").partition(":")[0].rpartition("#")[2].strip()
    text = without(hidden, message.strip() if isinstance(message, str) else None)
    text = None if text is None else text[:MAX_MESSAGE_CHARACTERS]
    return cut[:128] or str(response.status), text


def without(hidden: tuple[tuple[str, str], ...], text: str | None) -> str | None:
    """Return a text with masks in place of the secrets of `hidden`."""
    for secret, mask in hidden:
        text = None if text is None else text.replace(secret, mask)
    return text


def kind_of(facts: ApiFacts) -> FailureKind:
    """Return the kind of an error answer of AWS."""
    known = kind_for_call(facts.error_code or "", facts.error_message or "")
    if known is not None:
        return known
    if facts.status in (401, 403):
        return FailureKind.ACCESS_DENIED  # a refusal with a code that is not in the table
    return FailureKind.SERVICE_ERROR if facts.status >= 500 else FailureKind.MALFORMED


def json_of(body: bytes) -> Any:
    """The JSON document in a body; None if the body is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
