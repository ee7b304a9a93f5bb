"""One signed call: its request, and how its answer is read, whatever bytes arrive."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.catalog.buckets import head_bucket, host_of_bucket
from agent.catalog.services import SERVICES
from probes.facts import ApiFacts
from probes.failure import PeerClosedError, classify
from probes.model import Addressing, Draft, Failure, FailureKind, Role, SignedCall, Target
from probes.seams import Keys
from probes.steps.api import MAX_MESSAGE_CHARACTERS, MAX_PAGES, kind_of, may_read_on, probe, read_answer, read_on
from probes.steps.http import Response
from tests.support import extent
from tests.support.fakes import DOCUMENTED, NOW, FakeMachine, ScriptedStream
from tests.support.ladders import CALLS

pytestmark = pytest.mark.virtual_clock

REQUEST_ID: Final = "20317174-17ec-464f-8ae7-f40a19aafb78"
KEYS: Final = Keys(access_key_id="AKIAIOSFODNN7EXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG", token="the-token")  # noqa: S106 - AWS's own example
ANSWERS: Final[list[dict[str, Any]]] = json.loads(Path(__file__).with_name("aws_answers.json").read_text("utf-8"))[
    "answers"
]
GOOD: Final = {"backup": b'{"BackupVaultList": []}', "backup-gateway": b'{"Gateways": []}'}


def target(service: str = "backup") -> Target:
    return Target(
        id=service,
        service=service,
        region="eu-west-1",
        partition="aws",
        service_name=None,
        host=f"{service}.eu-west-1.amazonaws.com",
        addressing=Addressing.DEFAULT,
        role=Role.REQUIRED,
        ports=(443,),
    )


def packet(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """The bytes of an answer."""
    lines = {**headers, "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Simulated\r\n{head}\r\n".encode("latin-1") + body


async def asked(answer: bytes, *, service: str = "backup") -> tuple[ScriptedStream, ApiFacts | None, Failure | None]:
    """The stream after one call, the facts, and the failure."""
    stream, draft = ScriptedStream(answer), Draft[ApiFacts]()
    try:
        await probe(
            stream,
            FakeMachine(),
            KEYS,
            target=target(service),
            call=CALLS[service],
            conversation=SERVICES[service].conversation(SERVICES[service].call, None),
            agent="backuplink/1",
            new_connection=False,
            draft=draft,
        )
    except DOCUMENTED as error:
        return stream, draft.facts, classify(error)
    return stream, draft.facts, None


def read(body: bytes, *, status: int = 403, service: str = "backup", **headers: str) -> ApiFacts:
    """The facts in an answer."""
    lines = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    response = Response(status=status, headers=lines, body=body, keep_alive=True)
    return read_answer(CALLS[service], response, NOW, NOW, new_connection=False)


# --- The request -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "start", "covered", "more"),
    [
        pytest.param(
            "backup",
            b"GET /backup-vaults/?maxResults=1 HTTP/1.1\r\nHost: backup.eu-west-1.amazonaws.com\r\n",
            b"SignedHeaders=host;x-amz-date;x-amz-security-token,",
            b"",
            id="Backup",
        ),
        pytest.param(
            "backup-gateway",
            b"POST / HTTP/1.1\r\nHost: backup-gateway.eu-west-1.amazonaws.com\r\n",
            b"SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target,",
            b'\r\n\r\n{"MaxResults":50}',
            id="Backup gateway",
        ),
    ],
)
async def test_request_on_the_wire(service: str, start: bytes, covered: bytes, more: bytes) -> None:
    stream, facts, failure = await asked(packet(200, {"x-amzn-RequestId": REQUEST_ID}, GOOD[service]), service=service)
    assert failure is None
    assert facts is not None
    assert facts.expected_key
    assert stream.sent.startswith(start)
    assert f"/eu-west-1/{service}/aws4_request, ".encode() in stream.sent
    assert covered in stream.sent
    assert b"X-Amz-Date: 20260115T030000Z\r\n" in stream.sent
    assert b"wJalrXUtnFEMI" not in stream.sent
    assert stream.sent.endswith(more)


async def test_the_secret_is_in_no_text() -> None:
    _, facts, failure = await asked(packet(403, {}, b"no"))
    for text in (repr(KEYS), repr(facts), repr(failure)):
        assert "wJalr" not in text
        assert "the-token" not in text


# --- Known answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: str(answer["name"]))
def test_code_of_known_answers(answer: dict[str, Any]) -> None:
    service = answer["service"] if answer["service"] in CALLS else "backup"
    lines = {name.lower().replace("-", "_"): value for name, value in answer["headers"].items()}
    facts = read(answer["body"].encode(), status=answer["status"], service=service, **lines)
    assert facts.error_code == answer["code"]
    assert (facts.request_id is not None) is answer["aws"]
    assert not facts.expected_key


# EC2 gives the answer `ec2-denied` to reads, which our signed call never makes. Its kind is tested with the reads.
SIGNED: Final = [answer for answer in ANSWERS if answer["signed"] and answer["name"] != "ec2-denied"]


@pytest.mark.parametrize("answer", SIGNED, ids=lambda answer: str(answer["name"]))
async def test_kind_of_known_answers(answer: dict[str, Any]) -> None:
    service = answer["service"] if answer["service"] in CALLS else "backup"
    headers = {name: value for name, value in answer["headers"].items() if name != "Content-Length"}
    _, facts, failure = await asked(packet(answer["status"], headers, answer["body"].encode()), service=service)
    assert failure is not None
    assert failure.kind == answer["kind"]
    assert facts is not None
    assert facts.status == answer["status"]
    if answer["aws"]:
        assert failure.code == answer["code"]


@pytest.mark.parametrize(
    "answer", [answer for answer in ANSWERS if answer["kind"] is None], ids=lambda answer: answer["name"]
)
def test_answers_to_unsigned_requests_are_aws(answer: dict[str, Any]) -> None:
    assert answer["aws"]
    assert not answer["signed"]


# --- What passes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        pytest.param(packet(200, {"x-amzn-RequestId": "r"}, GOOD["backup"]), None, None, id="good"),
        pytest.param(packet(200, {}, GOOD["backup"]), FailureKind.NOT_AWS, "200", id="without a request id"),
        pytest.param(
            packet(200, {"x-amzn-RequestId": "r"}, b"{}"), FailureKind.MALFORMED, "200", id="without the member"
        ),
        pytest.param(
            packet(200, {"x-amzn-RequestId": "r"}, b'["BackupVaultList"]'), FailureKind.MALFORMED, "200", id="a list"
        ),
        pytest.param(
            packet(200, {"x-amzn-RequestId": "r"}, b'"BackupVaultList"'), FailureKind.MALFORMED, "200", id="a text"
        ),
        pytest.param(packet(200, {"x-amzn-RequestId": "r"}, b""), FailureKind.MALFORMED, "200", id="empty"),
        pytest.param(
            packet(200, {"x-amzn-RequestId": "r"}, b'{"BackupVaultList'), FailureKind.MALFORMED, "200", id="half of it"
        ),
        pytest.param(
            packet(200, {"Content-Type": "text/html"}, b"<html>Sign in</html>"),
            FailureKind.NOT_AWS,
            "200",
            id="a portal",
        ),
        pytest.param(
            packet(201, {"x-amzn-RequestId": "r"}, GOOD["backup"]), FailureKind.MALFORMED, "201", id="another 2xx"
        ),
        pytest.param(packet(302, {"Location": "/"}, b""), FailureKind.REDIRECT, "302", id="redirect"),
        pytest.param(packet(307, {"x-amzn-RequestId": "r"}, b""), FailureKind.MALFORMED, "307", id="a redirect of AWS"),
        pytest.param(b"SSH-2.0-x\r\n", FailureKind.MALFORMED, None, id="no HTTP"),
        pytest.param(b"", FailureKind.CLOSED, None, id="closed"),
    ],
)
async def test_what_passes(answer: bytes, kind: FailureKind | None, code: str | None) -> None:
    _, _, failure = await asked(answer)
    assert (failure and failure.kind, failure and failure.code) == (kind, code)


async def test_the_member_of_another_service_is_none() -> None:
    _, _, failure = await asked(packet(200, {"x-amzn-RequestId": "r"}, GOOD["backup"]), service="backup-gateway")
    assert failure is not None
    assert failure.message == "the answer lacks Gateways"


# --- Codes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "code", "message"),
    [
        pytest.param(read(b'{"message":"m"}', x_amzn_errortype="A:http://x/"), "A", "m", id="header, cut at the colon"),
        pytest.param(read(b'{"__type":"B"}', x_amzn_errortype="com.x#A"), "A", None, id="header before body"),
        pytest.param(read(b'{"Code":"A","Message":"m"}'), "A", "m", id="capitals"),
        pytest.param(read(b'{"__type":"com.x#A","message":"m"}'), "A", "m", id="type, cut at the hash"),
        pytest.param(read(b'{"__type":"A","ErrorCode":"B"}'), "A", None, id="a type before a member of the error"),
        pytest.param(read(b'{"ErrorCode":"B"}'), "B", None, id="that member where nothing else is there"),
        pytest.param(read(b'{"code":5,"__type":"A"}'), "A", None, id="a code that is not text"),
        pytest.param(read(b'{"code":"","__type":"A"}'), "A", None, id="an empty code"),
        pytest.param(read(b'{"code":null}'), "403", None, id="none at all"),
        pytest.param(read(b'{"message":{"a":1}}'), "403", None, id="a message that is not text"),
        pytest.param(read(b"<a/>", x_amzn_errortype="  "), "403", None, id="a blank header"),
        pytest.param(read(b"<html><body>no</body></html>"), "403", None, id="HTML has none"),
        pytest.param(read(b"<NoException/>"), "NoException", None, id="the root of XML"),
        pytest.param(
            read(b"<R xmlns='urn:x'><Error><Code>A</Code><Message>m</Message></Error></R>"), "A", "m", id="in XML"
        ),
        pytest.param(read(b"\xff\xfe<R/>"), "403", None, id="XML of no encoding"),
        pytest.param(read("<R><Message>grüße</Message></R>".encode("latin-1")), "403", "gr\ufffd\ufffde", id="Latin 1"),
        pytest.param(read(b"{}", x_amzn_errortype="A" * 500), "A" * 128, None, id="long"),
    ],
)
def test_code_and_message(facts: ApiFacts, code: str, message: str | None) -> None:
    assert facts.error_code == code
    assert facts.error_message == message


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            b'<!DOCTYPE R [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><R><Code>&b;</Code></R>', id="entities"
        ),
        pytest.param(b'<!DOCTYPE R SYSTEM "file:///etc/passwd"><R><Code>A</Code></R>', id="an outer document type"),
        pytest.param(b"<R><Code>&undeclared;</Code></R>", id="an entity that nobody declared"),
        pytest.param(
            '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE R [<!ENTITY a "A">]><R><Code>&a;</Code></R>'.encode(
                "utf-16"
            ),
            id="another encoding",
        ),
        pytest.param(b"[" * 60_000, id="deep JSON"),
        pytest.param(b'{"code":' * 8_000 + b"1" + b"}" * 8_000, id="deep objects"),
        pytest.param(b"1" * 60_000, id="a long number"),
        pytest.param(b'{"code": NaN, "message": Infinity}', id="numbers that JSON lacks"),
        pytest.param(b"\x00" * 1000, id="zero bytes"),
        pytest.param(b"\xef\xbb\xbf{}", id="a byte order mark"),
    ],
)
def test_hostile_bodies_have_no_code(body: bytes) -> None:
    facts = read(body)
    assert (facts.error_code, facts.error_message) == ("403", None)


def test_deep_xml() -> None:
    assert read(b"<a>" * 9_000 + b"</a>" * 9_000).error_code == "403"


@pytest.mark.parametrize("form", ['{"message": "%s"}', "<R><Message>%s</Message></R>"])
def test_a_message_is_bounded(form: str) -> None:
    message = read((form % ("x" * 60_000)).encode()).error_message
    assert message == "x" * MAX_MESSAGE_CHARACTERS


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        pytest.param("RequestTimeoutException", None, FailureKind.SERVICE_ERROR, id="a code of the service"),
        pytest.param("NeverHeardOf", None, FailureKind.ACCESS_DENIED, id="an unknown code of a refusal"),
        pytest.param("NotAuthorized", None, FailureKind.ACCESS_DENIED, id="not authorised"),
        pytest.param("InvalidSignatureException", None, FailureKind.SIGNATURE, id="without a text"),
        pytest.param(
            "SignatureDoesNotMatch",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP",
            FailureKind.WRONG_SCOPE,
            id="the date of the scope",
        ),
        pytest.param(
            "AccessDeniedException",
            "Credential should be scoped to a valid region.",
            FailureKind.ACCESS_DENIED,
            id="words of a scope under another code",
        ),
    ],
)
def test_kind(code: str, message: str | None, kind: FailureKind) -> None:
    facts = read(json.dumps({"message": message}).encode(), x_amzn_errortype=code)
    assert kind_of(facts) is kind


# --- The server's time -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "theirs"),
    [
        pytest.param(
            "Signature expired: 20210502T144040Z is now earlier than 20210502T173143Z (20210502T174643Z - 15 min.)",
            datetime(2021, 5, 2, 17, 46, 43, tzinfo=UTC),
            id="slow",
        ),
        pytest.param(
            "Signature not yet current: 20220104T000518Z is still later than 20220104T000203Z "
            "(20220103T235703Z + 5 min.)",
            datetime(2022, 1, 3, 23, 57, 3, tzinfo=UTC),
            id="fast",
        ),
        pytest.param(
            "Signature expired:\n20210502T144040Z is now\nearlier than 20210502T173143Z\n(20210502T174643Z - 15 min.)",
            datetime(2021, 5, 2, 17, 46, 43, tzinfo=UTC),
            id="over lines",
        ),
        pytest.param("Signature expired: long ago", datetime(2026, 1, 15, 2, 59, tzinfo=UTC), id="without a stamp"),
        pytest.param(
            "Signature expired: 20210502T144040Z is now earlier than 20210502T173143Z (20219902T174643Z - 15 min.)",
            datetime(2026, 1, 15, 2, 59, tzinfo=UTC),
            id="a stamp that is not a time",
        ),
        pytest.param(None, datetime(2026, 1, 15, 2, 59, tzinfo=UTC), id="the Date header where the text says nothing"),
    ],
)
def test_server_time(text: str | None, theirs: datetime) -> None:
    facts = read(
        json.dumps({"message": text}).encode(),
        x_amzn_errortype="InvalidSignatureException",
        date="Thu, 15 Jan 2026 02:59:00 GMT",
    )
    assert facts.server_time == theirs
    assert facts.clock_offset_seconds == (NOW - theirs) / timedelta(seconds=1)


def test_no_server_time() -> None:
    facts = read(b"{}", date="yesterday")
    assert facts.server_time is None
    assert facts.clock_offset_seconds is None


# --- Whatever comes back ---------------------------------------------------------------------------------------------

_NAMES: Final = st.sampled_from(["x-amzn-errortype", "x-amzn-requestid", "date", "content-type", "location"])
_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["code", "Code", "__type", "message", "Message"]) | st.text(), inner, max_size=4
        )
    ),
    max_leaves=6,
).map(lambda value: json.dumps(value).encode())
_STAMP: Final = st.text("0123456789", min_size=8, max_size=8)
_CLOCKS: Final = st.builds(
    lambda day, time: f'{{"message": "Signature expired: {day}T{time[2:]}Z is ({day}T{time[2:]}Z - 5 min.)"}}'.encode(),
    _STAMP,
    _STAMP,
)


@settings(max_examples=extent.examples(300), deadline=None)
@given(
    st.integers(100, 599),
    st.lists(st.tuples(_NAMES, st.text(max_size=30)), max_size=4).map(tuple),
    st.binary(max_size=200) | _JSON | _CLOCKS | st.text(max_size=40).map(lambda text: f"<a>{text}</a>".encode()),
    st.sampled_from(sorted(CALLS)),
)
@example(403, (("x-amzn-errortype", "#:#"),), b"{}", "backup")
@example(403, (), b'{"message": "\\ud800"}', "backup")
@example(403, (("date", "Mon, 01 Jan 0001 00:00:00 +2359"),), b"", "backup")
def test_any_answer_gives_facts(status: int, headers: tuple[tuple[str, str], ...], body: bytes, service: str) -> None:
    response = Response(status=status, headers=headers, body=body, keep_alive=True)
    facts = read_answer(CALLS[service], response, NOW, NOW, new_connection=True)
    assert facts.new_connection
    assert (facts.error_code is None) is (status == 200)
    assert facts.error_code is None or 0 < len(facts.error_code) <= 128
    assert len(facts.error_message or "") <= MAX_MESSAGE_CHARACTERS
    assert isinstance(kind_of(facts), FailureKind)


@settings(max_examples=extent.examples(200), deadline=None)
@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda body: packet(403, {"x-amzn-RequestId": "r"}, body)))
async def test_any_bytes_end_in_a_documented_way(answer: bytes) -> None:
    _, _, failure = await asked(answer)
    assert failure is not None
    assert failure.kind is not FailureKind.BUG


async def test_a_peer_that_closes_in_its_answer() -> None:
    stream = ScriptedStream(packet(200, {"x-amzn-RequestId": "r"}, GOOD["backup"])[:-4])
    with pytest.raises(PeerClosedError):
        await probe(
            stream,
            FakeMachine(),
            KEYS,
            target=target(),
            call=CALLS["backup"],
            conversation=SERVICES["backup"].conversation(SERVICES["backup"].call, None),
            agent="a",
            new_connection=False,
            draft=Draft[ApiFacts](),
        )


# --- The further pages of a list -------------------------------------------------------------------------------------

HOURS: Final = 3_600.0
LATE, SEEN = 2 * HOURS, 60.0
"""Seconds since the last contact between AWS and a gateway: LATE is too long ago, SEEN is recent enough."""


def page(token: object, **ago: float) -> Response:
    """Return a page of a list of gateways. `ago` has the seconds since the last contact with each gateway, by its id;
    `token` is the token for the next page.
    """
    gateways = [
        {"GatewayArn": f"arn:aws:backup-gateway:eu-west-1:111122223333:gateway/bgw-{name}", "LastSeenTime": at}
        for name, at in ((name, NOW.timestamp() - seconds) for name, seconds in ago.items())
    ]
    body = json.dumps({"Gateways": gateways, **({} if token is None else {"NextToken": token})}).encode()
    headers = (("x-amzn-requestid", REQUEST_ID), ("date", format_datetime(NOW, usegmt=True)))
    return Response(status=200, headers=headers, body=body, keep_alive=True)


def many(count: int, prefix: str, seconds: float = LATE) -> dict[str, float]:
    return {f"{prefix}{number}": seconds for number in range(count)}


async def read_further(first: Response, *pages: Response | Exception) -> tuple[list[Any], ApiFacts | None]:
    """Return the tokens that were sent, and the facts. After the last page, this page is returned again and again."""
    tokens: list[Any] = []
    call, draft = CALLS["backup-gateway"], Draft[ApiFacts]()

    async def send(asked: SignedCall, seen: Draft[ApiFacts]) -> Response:
        body = json.loads(asked.body)
        assert body == {"MaxResults": 50, "NextToken": body["NextToken"]}
        answer = pages[min(len(tokens), len(pages) - 1)]
        tokens.append(body["NextToken"])
        if isinstance(answer, Exception):
            raise answer
        seen.facts = read_answer(asked, answer, NOW, NOW, new_connection=False)
        return answer

    with contextlib.suppress(*DOCUMENTED):
        await read_on(send, call, first, draft)
    return tokens, draft.facts


@pytest.mark.parametrize(
    ("pages", "tokens", "listed", "silent", "cut"),
    [
        pytest.param([page(None, c=LATE)], ["1"], 3, 3, False, id="to the end"),
        pytest.param([page("2", c=LATE), page(None, d=SEEN)], ["1", "2"], 4, 3, False, id="two pages more"),
        pytest.param([page("2", c=SEEN), page(None)], ["1"], 3, 2, True, id="no more than tells"),
        pytest.param([page("1", c=LATE)], ["1"], 3, 3, True, id="the same token"),
        pytest.param([page("2", c=LATE), page("1", a=LATE)], ["1", "2"], 3, 3, True, id="a circle of tokens"),
        pytest.param([page("2"), page(None, c=LATE)], ["1", "2"], 3, 3, False, id="a page without gateways"),
        pytest.param([page("2", **many(998, "c")), page(None)], ["1"], 1_000, 16, True, id="as many as are read"),
        pytest.param([page(None, **many(2_000, "c"))], ["1"], 1_000, 16, True, id="one huge page"),
        pytest.param([page("t" * 1_001)], ["1"], 2, 2, True, id="a token that is too long"),
        pytest.param([page(["2"])], ["1"], 2, 2, True, id="a list for a token"),
        pytest.param(
            [page("2", c=LATE), TimeoutError()], ["1", "2"], 3, 3, True, id="what was read until a page failed"
        ),
    ],
)
async def test_a_list_is_read_on(
    pages: list[Response | Exception], tokens: list[str], listed: int, silent: int, cut: bool
) -> None:
    sent, facts = await read_further(page("1", a=LATE, b=LATE), *pages)
    assert facts is not None
    assert sent == tokens
    assert (facts.gateways_listed, len(facts.silent_gateways), facts.gateways_cut) == (listed, silent, cut)


async def test_a_list_without_end_costs_a_bounded_number_of_calls() -> None:
    endless = [page(str(number + 2), **{f"c{number}": LATE}) for number in range(100)]
    sent, facts = await read_further(page("1", a=LATE), *endless)
    assert len(sent) == MAX_PAGES - 1
    assert facts is not None
    assert (facts.gateways_listed, facts.gateways_cut) == (MAX_PAGES, True)


async def test_nothing_is_known_where_the_first_page_after_fails() -> None:
    assert await read_further(page("1", a=LATE), TimeoutError()) == (["1"], None)


@pytest.mark.parametrize(
    ("first", "more"),
    [
        pytest.param(page("1", a=LATE), True, id="all of it out of touch: one may be in touch"),
        pytest.param(page("1", a=SEEN), True, id="all of it in touch: one may be out of touch"),
        pytest.param(page("1"), True, id="a page without gateways"),
        pytest.param(page("1", a=LATE, b=SEEN), False, id="both are known"),
        pytest.param(page(None, a=LATE), False, id="the whole list"),
    ],
)
async def test_a_list_is_read_on_where_that_may_tell_more(first: Response, more: bool) -> None:
    facts = read_answer(CALLS["backup-gateway"], first, NOW, NOW, new_connection=False)
    assert may_read_on(facts) is more
    assert not may_read_on(replace(facts, server_time=None)), "when is not known"


# --- A bucket --------------------------------------------------------------------------------------------------------

BUCKET: Final = "example-hana-backups"
IDS: Final = {"x-amz-request-id": "4442587FB7D0A2F9", "x-amz-id-2": "abc="}
HERE: Final = {"x-amz-bucket-region": "eu-west-1"}
AWAY: Final = {"x-amz-bucket-region": "eu-central-1"}


async def asked_for(answer: bytes, bucket: str = BUCKET) -> tuple[ScriptedStream, ApiFacts | None, Failure | None]:
    """Send a HeadBucket request, and return the result."""
    host = host_of_bucket(bucket, "s3.eu-west-1.amazonaws.com")
    at, call = replace(target("s3"), host=host, bucket=bucket), head_bucket(bucket)
    stream, draft = ScriptedStream(answer), Draft[ApiFacts]()
    try:
        await probe(
            stream,
            FakeMachine(),
            KEYS,
            target=at,
            call=call,
            conversation=SERVICES["s3"].conversation(call, None),
            agent="backuplink/1",
            new_connection=False,
            draft=draft,
        )
    except DOCUMENTED as error:
        return stream, draft.facts, classify(error)
    return stream, draft.facts, None


@pytest.mark.parametrize(
    ("bucket", "start"),
    [
        (BUCKET, b"HEAD / HTTP/1.1\r\nHost: example-hana-backups.s3.eu-west-1.amazonaws.com\r\n"),
        ("hana.backups", b"HEAD /hana.backups HTTP/1.1\r\nHost: s3.eu-west-1.amazonaws.com\r\n"),
    ],
)
async def test_a_bucket_on_the_wire(bucket: str, start: bytes) -> None:
    # The Content-Length is that of an answer to GET, since the answer to HEAD has no body.
    answer = packet(200, {**IDS, **HERE}, b"").replace(b"Content-Length: 0", b"Content-Length: 4096")
    stream, facts, failure = await asked_for(answer, bucket)
    assert failure is None
    assert facts is not None
    assert (facts.operation, facts.expected_key, facts.request_id) == ("HeadBucket", True, IDS["x-amz-request-id"])
    assert stream.sent.startswith(start)
    assert b"/eu-west-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token," in (
        stream.sent
    )


@pytest.mark.parametrize(
    ("status", "headers", "kind", "words"),
    [
        pytest.param(
            200, {**IDS, **AWAY}, FailureKind.WRONG_SCOPE, "is in eu-central-1", id="another Region, and all is well"
        ),
        pytest.param(301, {**IDS, **AWAY}, FailureKind.WRONG_SCOPE, "is in eu-central-1", id="another Region"),
        pytest.param(
            307, {**IDS, **AWAY}, FailureKind.WRONG_SCOPE, "is in eu-central-1", id="another Region, of a new bucket"
        ),
        pytest.param(
            400, {**IDS, **AWAY}, FailureKind.WRONG_SCOPE, "is in eu-central-1", id="signed for another Region"
        ),
        pytest.param(403, {**IDS, **AWAY}, FailureKind.WRONG_SCOPE, "is in eu-central-1", id="denied there"),
        pytest.param(
            301,
            {**IDS, "x-amz-bucket-region": "<script>"},
            FailureKind.WRONG_SCOPE,
            "is in another Region",
            id="no Region",
        ),
        pytest.param(403, {**IDS, **HERE}, FailureKind.ACCESS_DENIED, "status 403", id="denied"),
        pytest.param(403, IDS, FailureKind.ACCESS_DENIED, "status 403", id="denied, and no Region"),
        pytest.param(400, IDS, FailureKind.CREDENTIALS_INVALID, "status 400", id="a token that is over"),
        pytest.param(404, IDS, FailureKind.MALFORMED, "status 404", id="no such bucket"),
        pytest.param(503, IDS, FailureKind.SERVICE_ERROR, "status 503", id="slow down"),
        pytest.param(200, IDS, FailureKind.MALFORMED, "lacks x-amz-bucket-region", id="no Region, and all is well"),
        pytest.param(200, HERE, FailureKind.NOT_AWS, "without an AWS request id", id="somebody else"),
        pytest.param(301, AWAY, FailureKind.REDIRECT, "without an AWS request id", id="somebody else sends on"),
    ],
)
async def test_what_is_said_of_a_bucket(status: int, headers: dict[str, str], kind: FailureKind, words: str) -> None:
    _, facts, failure = await asked_for(packet(status, headers, b""))
    assert facts is not None
    assert failure is not None
    assert failure.kind is kind
    assert words in failure.message
    assert BUCKET not in failure.message
