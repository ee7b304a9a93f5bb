"""The jobs of AWS Backup: the requests, and how good and bad answers are read."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest

from probes.facts import ApiFacts, JobsFacts
from probes.failure import classify
from probes.model import Draft, FailureKind, ProbeError, SignedCall
from probes.steps.api import read_answer
from probes.steps.http import Response
from probes.steps.jobs import LISTS, MAX_CALLS, MAX_MESSAGE_CHARACTERS, MAX_RESULTS, JobList, JobsRequest, read
from tests.support.calls import REQUEST_ID
from tests.support.fakes import DOCUMENTED, NOW

ARN: Final = "arn:aws:ec2:eu-west-1:111122223333:instance/i-0a1b2c3d4e5f67890"
SINCE: Final = datetime(2026, 1, 14, 3, 0, tzinfo=UTC)
REQUEST: Final = JobsRequest(created_after=SINCE, resource_arn=ARN)
KEYS: Final = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
ORDER: Final = [
    *("FAILED", "EXPIRED", "ABORTED", "PARTIAL", "COMPLETED"),
    *("restore FAILED", "restore ABORTED"),
    *("copy FAILED", "copy PARTIAL", "copy COMPLETED"),
]


# --- What is asked ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("jobs", "state"), [(jobs, state) for jobs in LISTS for state in jobs.states])
@pytest.mark.parametrize("arn", [ARN, None])
@pytest.mark.parametrize("kind", ["VirtualMachine", None])
def test_the_call_is_what_a_client_of_botocore_sends(
    jobs: JobList, state: str, arn: str | None, kind: str | None
) -> None:
    sent: list[AWSPreparedRequest] = []

    def keep(request: AWSPreparedRequest, **_: Any) -> None:
        sent.append(request)
        raise InterruptedError

    session = botocore.session.Session()
    client = session.create_client("backup", region_name="eu-west-1", **KEYS)
    client.meta.events.register("before-send", keep)
    parameters: dict[str, Any] = {f"By{jobs.state}": state, "ByCreatedAfter": SINCE, "MaxResults": MAX_RESULTS}
    parameters |= {"ByResourceArn": arn} if arn is not None and jobs.has_resource else {}
    parameters |= {} if kind is None else {"ByResourceType": kind}
    with pytest.raises(InterruptedError):
        getattr(client, f"list_{jobs.kind}_jobs")(**parameters)
    (theirs,) = sent
    call = replace(REQUEST, resource_arn=arn, resource_type=kind).call(jobs, state)
    assert (call.method, call.headers, call.body) == (theirs.method, (), theirs.body or b"")
    ours, wanted = urlsplit(call.path), urlsplit(theirs.url)
    assert ours.path == wanted.path
    assert sorted(ours.query.split("&")) == sorted(wanted.query.split("&"))
    output = client.meta.service_model.operation_model(call.name).output_shape
    members = output.members[call.key].member.members
    assert {jobs.state, jobs.job_id, "StatusMessage"} <= members.keys()
    assert ("MessageCategory" in members) is jobs.has_category


@pytest.mark.parametrize(
    ("jobs", "shape"), [*zip(LISTS, ("BackupJobState", "RestoreJobStatus", "CopyJobState"), strict=True)]
)
def test_every_state_of_an_end_is_asked_for(jobs: JobList, shape: str) -> None:
    states = set(botocore.session.Session().get_service_model("backup").shape_for(shape).enum)
    without = set() if jobs.has_category else {"COMPLETED"}
    assert states - {"CREATED", "PENDING", "RUNNING", "ABORTING"} - without == set(jobs.states)


def test_twelve_calls_are_the_most() -> None:
    assert sum(len(jobs.states) for jobs in LISTS) == MAX_CALLS <= 12


# --- What is made of answers -----------------------------------------------------------------------------------------


def job(number: int = 1, **other: Any) -> dict[str, Any]:
    return {
        "BackupJobId": f"job-{number}",
        "ResourceArn": ARN,
        "ResourceType": "EC2",
        "State": "FAILED",
        "MessageCategory": "AccessDenied",
        "StatusMessage": "no",
        **other,
    }


def jobs(count: int, first: int = 0, **other: Any) -> list[dict[str, Any]]:
    return [job(first + number, **other) for number in range(count)]


def page(listed: Any, token: Any = None, of: str = "BackupJobs") -> Response:
    body = json.dumps({of: listed, **({} if token is None else {"NextToken": token})}).encode()
    return Response(status=200, headers=(("x-amzn-requestid", REQUEST_ID),), body=body, keep_alive=True)


Answers = dict[str, list[Response | Exception]]


async def listing(
    answers: Answers, *, hidden: tuple[tuple[str, str], ...] = ()
) -> tuple[list[str], JobsFacts, FailureKind | None]:
    """The states that were requested, the facts, and the failure. The last answer for a state is repeated without end.
    A state without an answer has no jobs.
    """
    asked: list[str] = []
    draft = Draft[JobsFacts]()

    async def send(call: SignedCall, seen: Draft[ApiFacts]) -> Response:
        query, kind = dict(parse_qsl(urlsplit(call.path).query)), urlsplit(call.path).path.split("-")[0].strip("/")
        state = query.get("state") or query["status"]
        state = state if kind == "backup" else f"{kind} {state}"
        given = answers.get(state, [page([], of=call.key)])
        answer = given[min(asked.count(state), len(given) - 1)]
        asked.append(state)
        if isinstance(answer, ProbeError):
            seen.facts = read_answer(call, replace(page([]), status=403), NOW, NOW, new_connection=False)
            seen.facts = replace(seen.facts, error_code=answer.code, error_message=answer.message)
        if isinstance(answer, Exception):
            raise answer
        seen.facts = read_answer(call, answer, NOW, NOW, new_connection=False)
        return answer

    kind = None
    try:
        await read(send, REQUEST, draft, hidden=hidden)
    except DOCUMENTED as error:
        kind = classify(error).kind
    assert draft.facts is not None
    assert draft.facts.calls == len(asked) <= MAX_CALLS
    return asked, draft.facts, kind


@pytest.mark.parametrize(
    ("answers", "asked", "listed", "cut"),
    [
        pytest.param({}, ORDER, 0, False, id="nothing"),
        pytest.param({"FAILED": [page(jobs(20))]}, ORDER, 20, False, id="one page"),
        pytest.param({"FAILED": [page(jobs(20), "t")]}, ORDER, 20, True, id="there is more"),
        pytest.param({"FAILED": [page(jobs(500))]}, ORDER, 20, True, id="more than were asked for"),
        pytest.param({"FAILED": [page([job()], ["t"])]}, ORDER, 1, True, id="a list for a token"),
        pytest.param({"FAILED": [page([job()], "")]}, ORDER, 1, False, id="an empty token"),
        pytest.param({"FAILED": [page([job()])], "PARTIAL": [page([job()])]}, ORDER, 1, False, id="one job twice"),
        pytest.param(
            {
                "restore FAILED": [page([job(2, Status="FAILED", SourceResourceArn=ARN)], of="RestoreJobs")],
                "copy PARTIAL": [page([job(3, State="PARTIAL")], of="CopyJobs")],
            },
            ORDER,
            2,
            False,
            id="a restore and a copy",
        ),
        pytest.param(
            {"restore FAILED": [page([job(2, Status="FAILED", ResourceArn=None)], of="RestoreJobs")]},
            ORDER,
            0,
            False,
            id="a restore of another resource",
        ),
        pytest.param({"FAILED": [page([{}, {}])]}, ORDER, 2, False, id="jobs without any member"),
    ],
)
async def test_jobs_are_listed(answers: Answers, asked: list[str], listed: int, cut: bool) -> None:
    sent, facts, kind = await listing(answers)
    assert kind is None
    assert sent == asked
    assert (facts.listed, facts.is_cut, facts.request_id) == (listed, cut, REQUEST_ID)
    assert sum(row.jobs for row in facts.failed) <= listed


@pytest.mark.parametrize(
    ("members", "failed"),
    [
        pytest.param({"State": "COMPLETED", "MessageCategory": "SUCCESS", "StatusMessage": "done"}, False, id="good"),
        pytest.param({"State": "COMPLETED", "MessageCategory": "AccessDenied"}, True, id="completed with issues"),
        pytest.param({"State": "COMPLETED", "MessageCategory": None}, True, id="no category, and a message"),
        pytest.param(
            {"State": "COMPLETED", "MessageCategory": None, "StatusMessage": None}, False, id="neither of them"
        ),
        pytest.param({"State": "FAILED", "MessageCategory": "SUCCESS"}, True, id="failed, whatever the category says"),
        pytest.param({"State": "RUNNING"}, False, id="it runs again by now"),
        pytest.param({"State": "no state"}, True, id="not a state: the one that was asked for"),
        pytest.param({"State": 7}, True, id="a state of another type"),
    ],
)
async def test_which_jobs_did_not_succeed(members: dict[str, Any], failed: bool) -> None:
    _, facts, _ = await listing({"FAILED": [page([job(**members)])]})
    assert [row.jobs for row in facts.failed] == ([1] if failed else [])
    assert facts.listed == 1


async def test_jobs_that_are_alike_are_one_row() -> None:
    alike = [job(1), job(2), job(3, StatusMessage=" no\n "), job(4, StatusMessage="other"), job(5, ResourceType="EBS")]
    _, facts, _ = await listing({"FAILED": [page(alike)]})
    assert [(row.jobs, row.resource_type, row.message, row.job_id) for row in facts.failed] == [
        (3, "EC2", "no", "job-1"),
        (1, "EC2", "other", "job-4"),
        (1, "EBS", "no", "job-5"),
    ]


@pytest.mark.parametrize(
    ("resource", "instance"),
    [
        pytest.param(ARN, "i-0a1b2c3d4e5f67890", id="an instance"),
        pytest.param("arn:aws:ec2:eu-west-1:111122223333:volume/vol-0a1b2c3d4e5f67890", None, id="a volume"),
        pytest.param(f"{ARN}/x", None, id="more than an instance"),
        pytest.param(None, None, id="none"),
        pytest.param(["x"], None, id="another type"),
    ],
)
async def test_whose_job_it_is(resource: Any, instance: str | None) -> None:
    _, facts, _ = await listing({"FAILED": [page([job(ResourceArn=resource)])]})
    assert [row.instance_id for row in facts.failed] == [instance]


async def test_what_a_peer_makes_up_is_bounded() -> None:
    _, facts, _ = await listing(
        {
            "FAILED": [
                page(
                    [
                        job(StatusMessage="m" * 50_000, ResourceType="t" * 65, MessageCategory="\x1b[2J"),
                        job(2, StatusMessage=["x"], ResourceType={"a": 1}, MessageCategory=0, BackupJobId="../x"),
                    ]
                )
            ]
        }
    )
    first, second = facts.failed
    assert first.message == "m" * MAX_MESSAGE_CHARACTERS
    assert (first.resource_type, first.category) == (None, None)
    assert (second.message, second.resource_type, second.category, second.job_id) == (None, None, None, None)


async def test_no_text_repeats_a_secret() -> None:
    secret = "EXAMPLEKEY"  # noqa: S105 - AWS's own example
    echo: dict[str, Any] = dict.fromkeys(
        ("StatusMessage", "ResourceType", "MessageCategory", "BackupJobId"), f"{secret}x"
    )
    _, facts, _ = await listing({"FAILED": [page([job(**echo)])]}, hidden=((secret, "***"),))
    assert secret not in repr(facts)
    assert facts.failed[0].message == "***x"


DENIED: Final = ProbeError(FailureKind.ACCESS_DENIED, "not authorized", code="AccessDeniedException")


@pytest.mark.parametrize(
    ("answers", "asked", "kind", "listed"),
    [
        pytest.param({"FAILED": [DENIED]}, 1, FailureKind.ACCESS_DENIED, 0, id="denied"),
        pytest.param(
            {"FAILED": [page([job()])], "EXPIRED": [TimeoutError()]}, 2, FailureKind.TIMEOUT, 1, id="cut short"
        ),
        pytest.param({"FAILED": [page("x")]}, 1, FailureKind.MALFORMED, 0, id="no list"),
        pytest.param({"FAILED": [page([job(), 7])]}, 1, FailureKind.MALFORMED, 0, id="no job"),
        pytest.param({"FAILED": [page(None)]}, 1, FailureKind.MALFORMED, 0, id="null"),
        pytest.param(
            {"FAILED": [replace(page([]), body=b"[" * 50_000)]}, 1, FailureKind.MALFORMED, 0, id="deep brackets"
        ),
    ],
)
async def test_a_list_that_fails_keeps_what_was_read(
    answers: Answers, asked: int, kind: FailureKind, listed: int
) -> None:
    sent, facts, failed = await listing(answers)
    assert (len(sent), failed, facts.listed) == (asked, kind, listed)
    refused = kind is FailureKind.ACCESS_DENIED
    assert (facts.error_code, facts.error_message) == (
        ("AccessDeniedException", "not authorized") if refused else (None, None)
    )


def test_the_time_is_in_whole_seconds_of_utc() -> None:
    zone = datetime.fromisoformat("2026-01-14T05:00:00.7+02:00")
    assert "createdAfter=2026-01-14T03%3A00%3A00Z" in replace(REQUEST, created_after=zone).call(LISTS[0], "FAILED").path
    assert SINCE - zone < timedelta(seconds=1)
