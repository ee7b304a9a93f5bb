"""Which jobs of AWS Backup did not succeed lately: signed, read-only calls of ListBackupJobs.

Source: AWS Backup Developer Guide, API Reference, ListBackupJobs and BackupJob. The API filters by one state a call. A
job that the console shows as "Completed with issues" has the state COMPLETED and a message category other than SUCCESS,
for which there is no filter, so all completed jobs are asked for.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from probes.facts import JOB_STATES, ApiFacts, FailedJobs, JobsFacts
from probes.frozen import dataclass
from probes.model import Draft, FailureKind, ProbeError, SignedCall
from probes.steps.api import json_of, without
from probes.steps.http import Response

MAX_CALLS: Final = 6
"""Signed calls in all, each of which counts against the account's request rate: one for each state, and one page
more."""
MAX_RESULTS: Final = 20
"""Jobs in one page: a few KB each, so that a page stays below MAX_BODY_BYTES."""
MAX_MESSAGE_CHARACTERS: Final = 300
"""Of a job's message; the texts of AWS Backup are shorter."""
MAX_TOKEN_CHARACTERS: Final = 4_096
"""Of a NextToken that is sent back: AWS documents no limit."""
OPERATION: Final = "ListBackupJobs"
_UNSUCCESSFUL: Final = ("FAILED", "EXPIRED", "ABORTED", "PARTIAL")
_COMPLETED: Final = "COMPLETED"
_ASKED: Final = (*_UNSUCCESSFUL, _COMPLETED)
"""The states that are asked for, in this order."""
_SUCCESS: Final = "SUCCESS"
_KEY: Final = "BackupJobs"
_WORD: Final = re.compile(r"[\x20-\x7e]{1,64}")
"""A kind of resource, a message category."""
_JOB_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_INSTANCE: Final = re.compile(r"arn:[a-z0-9-]{1,32}:ec2:[a-z0-9-]{0,32}:[0-9]{0,12}:instance/(i-[0-9a-f]{8,17})")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsRequest:
    """Of which jobs AWS Backup is asked."""

    created_after: datetime
    """In whole seconds."""
    resource_arn: str | None
    """The one resource whose jobs are listed; None for those of all resources of the account in the Region."""

    def call(self, state: str, token: str | None = None) -> SignedCall:
        """The call for the jobs in a state; `token` asks for a further page."""
        query = {"state": state, "createdAfter": f"{self.created_after.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
        query |= {} if self.resource_arn is None else {"resourceArn": self.resource_arn}
        query |= {"maxResults": str(MAX_RESULTS)} | ({} if token is None else {"nextToken": token})
        path = f"/backup-jobs/?{urlencode(query, quote_via=quote, safe='-._~')}"
        return SignedCall(name=OPERATION, method="GET", path=path, key=_KEY)


async def read(
    send: Callable[[SignedCall, Draft[ApiFacts]], Awaitable[Response]],
    request: JobsRequest,
    draft: Draft[JobsFacts],
    *,
    hidden: tuple[tuple[str, str], ...] = (),
) -> None:
    """List the jobs in each state that is no success, and those that completed, with at most MAX_CALLS calls. `send`
    makes one call, as `probes.steps.api.probe` does. What was read until a call fails is in the facts, with a mask in
    place of the texts of `hidden`.

    Raises what `send` raises, and ProbeError for a list that is not one of jobs.
    """
    listing = _Listing(request, hidden)
    further: list[tuple[str, str]] = []
    for state in _ASKED:
        token = await _page(send, listing, state, None, draft)
        further += [] if token is None else [(state, token)]
    while further and listing.calls < MAX_CALLS:
        state, token = further.pop(0)
        after = await _page(send, listing, state, token, draft)
        further += [] if after is None else [(state, after)]
    listing.is_cut = listing.is_cut or bool(further)
    draft.facts = listing.facts(None if draft.facts is None else draft.facts.request_id)


async def _page(
    send: Callable[[SignedCall, Draft[ApiFacts]], Awaitable[Response]],
    listing: "_Listing",
    state: str,
    token: str | None,
    draft: Draft[JobsFacts],
) -> str | None:
    """Read one page; what asks for the page after it."""
    page = Draft[ApiFacts]()
    listing.calls += 1
    try:
        response = await send(listing.request.call(state, token), page)
    finally:
        answer = page.facts
        draft.facts = (
            listing.facts(None)
            if answer is None
            else listing.facts(answer.request_id, answer.error_code, answer.error_message)
        )
    document = json_of(response.body)
    listed = document.get(_KEY) if isinstance(document, Mapping) else None
    if not isinstance(listed, list) or not all(isinstance(job, Mapping) for job in listed):
        raise ProbeError(FailureKind.MALFORMED, f"{_KEY} of the answer is not a list of jobs", code="200")
    listing.add(listed, state)
    after = document.get("NextToken")
    if isinstance(after, str) and 0 < len(after) <= MAX_TOKEN_CHARACTERS and after != token:
        return after
    listing.is_cut = listing.is_cut or bool(after)
    return None


class _Listing:
    """What was listed so far."""

    def __init__(self, request: JobsRequest, hidden: tuple[tuple[str, str], ...]) -> None:
        self.request = request
        self.calls = 0
        self.is_cut = False
        self._hidden = hidden
        self._known: set[str] = set()
        """Ids of jobs that were listed: one may change its state between two calls."""
        self._by_state: dict[str, int] = {}
        self._failed: dict[tuple[str | None, ...], FailedJobs] = {}

    def add(self, listed: list[Mapping[str, Any]], asked: str) -> None:
        """Take the jobs of one page; more than were asked for are left out."""
        self.is_cut = self.is_cut or len(listed) > MAX_RESULTS
        for job in listed[:MAX_RESULTS]:
            job_id = self._text(job, "BackupJobId", _JOB_ID)
            if job_id is not None and job_id in self._known:
                continue
            self._known |= set() if job_id is None else {job_id}
            state = job.get("State")
            state = state if isinstance(state, str) and state in JOB_STATES else asked
            self._by_state[state] = self._by_state.get(state, 0) + 1
            self._keep(job, state, job_id)

    def _keep(self, job: Mapping[str, Any], state: str, job_id: str | None) -> None:
        category = self._text(job, "MessageCategory", _WORD)
        message = job.get("StatusMessage")
        message = self._masked(" ".join(message.split()))[:MAX_MESSAGE_CHARACTERS] if isinstance(message, str) else None
        # A completed job without a category has issues where a message comes with it.
        has_issues = state == _COMPLETED and (bool(message) if category is None else category != _SUCCESS)
        if state not in _UNSUCCESSFUL and not has_issues:
            return
        kind = self._text(job, "ResourceType", _WORD)
        resource = job.get("ResourceArn")
        instance = _INSTANCE.fullmatch(resource) if isinstance(resource, str) else None
        key = (state, kind, None if instance is None else instance[1], category, message or None)
        known = self._failed.get(key)
        self._failed[key] = FailedJobs(
            jobs=1 if known is None else known.jobs + 1,
            state=state,
            resource_type=kind,
            instance_id=key[2],
            category=category,
            message=key[4],
            job_id=job_id if known is None else known.job_id,
        )

    def facts(
        self, request_id: str | None, error_code: str | None = None, error_message: str | None = None
    ) -> JobsFacts:
        """What is known now, with what the last answer says."""
        return JobsFacts(
            operation=OPERATION,
            created_after=self.request.created_after,
            resource_arn=self.request.resource_arn,
            calls=self.calls,
            by_state=dict(self._by_state),
            failed=tuple(self._failed.values()),
            is_cut=self.is_cut,
            request_id=request_id,
            error_code=error_code,
            error_message=error_message,
        )

    def _text(self, job: Mapping[str, Any], name: str, form: re.Pattern[str]) -> str | None:
        value = job.get(name)
        return self._masked(value) if isinstance(value, str) and form.fullmatch(value) else None

    def _masked(self, text: str) -> str:
        return without(self._hidden, text) or ""
