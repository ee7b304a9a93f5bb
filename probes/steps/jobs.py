"""List recent jobs of AWS Backup that did not succeed, by signed, read-only calls for backup, restore and copy jobs.

Source: AWS Backup Developer Guide, API Reference, ListBackupJobs, ListRestoreJobs, ListCopyJobs and their members. Each
call can filter by only one state. A job that the console shows as "Completed with issues" has the state COMPLETED and a
message category other than SUCCESS. There is no filter for this, so all completed jobs are requested from lists whose
jobs have a category.
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

MAX_RESULTS: Final = 20
"""Maximum number of jobs in one page. A job has a few KB, and a page must stay below MAX_BODY_BYTES."""
MAX_MESSAGE_CHARACTERS: Final = 300
"""Maximum length that is kept of a job's message. The texts of AWS Backup are shorter."""
_COMPLETED: Final = "COMPLETED"
_SUCCESS: Final = "SUCCESS"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobList:
    """How to list one kind of job."""

    kind: str
    operation: str
    path: str
    key: str
    """The key of the list in the answer."""
    job_id: str
    state: str
    """The key of a job's state in the answer. In the query this key is written in lower case."""
    unsuccessful: tuple[str, ...]
    has_category: bool
    """Whether a completed job has a category."""
    has_resource: bool
    """Whether the list can be limited to one resource."""

    @property
    def states(self) -> tuple[str, ...]:
        """The states to request, in this order."""
        return (*self.unsuccessful, *((_COMPLETED,) if self.has_category else ()))


LISTS: Final = (
    JobList(
        kind="backup",
        operation="ListBackupJobs",
        path="/backup-jobs/",
        key="BackupJobs",
        job_id="BackupJobId",
        state="State",
        unsuccessful=("FAILED", "EXPIRED", "ABORTED", "PARTIAL"),
        has_category=True,
        has_resource=True,
    ),
    JobList(
        kind="restore",
        operation="ListRestoreJobs",
        path="/restore-jobs/",
        key="RestoreJobs",
        job_id="RestoreJobId",
        state="Status",
        unsuccessful=("FAILED", "ABORTED"),
        has_category=False,
        has_resource=False,
    ),
    JobList(
        kind="copy",
        operation="ListCopyJobs",
        path="/copy-jobs/",
        key="CopyJobs",
        job_id="CopyJobId",
        state="State",
        unsuccessful=("FAILED", "PARTIAL"),
        has_category=True,
        has_resource=True,
    ),
)
MAX_CALLS: Final = sum(len(jobs.states) for jobs in LISTS)
"""Maximum number of signed calls: one page for each state. Each call counts against the account's request rate."""
_WORD: Final = re.compile(r"[\x20-\x7e]{1,64}")
"""The name of a kind of resource or of a message category."""
_JOB_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_INSTANCE: Final = re.compile(r"arn:[a-z0-9-]{1,32}:ec2:[a-z0-9-]{0,32}:[0-9]{0,12}:instance/(i-[0-9a-f]{8,17})")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsRequest:
    """The jobs to request from AWS Backup."""

    created_after: datetime
    """Jobs that were created before this time are left out. The time is in whole seconds."""
    resource_arn: str | None
    """The resource whose jobs are listed; None for all resources of the account in the Region."""
    resource_type: str | None = None
    """The kind of resource whose jobs are listed; None for all kinds."""

    def call(self, jobs: JobList, state: str) -> SignedCall:
        """Return the call for the jobs of a kind in a state."""
        query = {jobs.state.lower(): state, "createdAfter": f"{self.created_after.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
        query |= {"resourceArn": self.resource_arn} if self.resource_arn is not None and jobs.has_resource else {}
        query |= {} if self.resource_type is None else {"resourceType": self.resource_type}
        query |= {"maxResults": str(MAX_RESULTS)}
        path = f"{jobs.path}?{urlencode(query, quote_via=quote, safe='-._~')}"
        return SignedCall(name=jobs.operation, method="GET", path=path, key=jobs.key)


async def read(
    send: Callable[[SignedCall, Draft[ApiFacts]], Awaitable[Response]],
    request: JobsRequest,
    draft: Draft[JobsFacts],
    *,
    hidden: tuple[tuple[str, str], ...] = (),
) -> None:
    """List the jobs in each state except success, and the jobs that completed, with at most MAX_CALLS calls. `send`
    makes one call, as `probes.steps.api.probe` does. If a call fails, the facts contain everything from the earlier
    calls. Masks replace the texts in `hidden`.

    Raises the errors of `send`, and ProbeError for an answer that is not a list of jobs.
    """
    listing = _Listing(request, hidden)
    for jobs in LISTS:
        for state in jobs.states:
            await _page(send, listing, jobs, state, draft)


async def _page(
    send: Callable[[SignedCall, Draft[ApiFacts]], Awaitable[Response]],
    listing: "_Listing",
    jobs: JobList,
    state: str,
    draft: Draft[JobsFacts],
) -> None:
    """Read the page of the jobs of a kind in a state."""
    page = Draft[ApiFacts]()
    listing.calls += 1
    listing.operation = jobs.operation
    try:
        response = await send(listing.request.call(jobs, state), page)
    finally:
        answer = page.facts
        draft.facts = (
            listing.facts(None)
            if answer is None
            else listing.facts(answer.request_id, answer.error_code, answer.error_message)
        )
    document = json_of(response.body)
    listed = document.get(jobs.key) if isinstance(document, Mapping) else None
    if not isinstance(listed, list) or not all(isinstance(job, Mapping) for job in listed):
        raise ProbeError(FailureKind.MALFORMED, f"{jobs.key} of the answer is not a list of jobs", code="200")
    listing.add(listed, jobs, state)
    listing.is_cut = listing.is_cut or bool(document.get("NextToken"))
    draft.facts = listing.facts(None if answer is None else answer.request_id)


class _Listing:
    """The jobs listed so far."""

    def __init__(self, request: JobsRequest, hidden: tuple[tuple[str, str], ...]) -> None:
        self.request = request
        self.calls = 0
        self.operation = LISTS[0].operation
        """The operation of the last call."""
        self.is_cut = False
        self._hidden = hidden
        self._known: set[str] = set()
        """Ids of listed jobs. They are needed because a job may change its state between two calls, and then is listed
        twice."""
        self._by_state: dict[str, int] = {}
        self._failed: dict[tuple[str | None, ...], FailedJobs] = {}

    def add(self, listed: list[Mapping[str, Any]], jobs: JobList, asked: str) -> None:
        """Add the jobs of one page. If the page has more jobs than were requested, the rest is left out."""
        self.is_cut = self.is_cut or len(listed) > MAX_RESULTS
        for job in listed[:MAX_RESULTS]:
            if not jobs.has_resource and self.request.resource_arn not in (None, *self._resources(job)):
                continue
            job_id = self._text(job, jobs.job_id, _JOB_ID)
            if job_id is not None and job_id in self._known:
                continue
            self._known |= set() if job_id is None else {job_id}
            state = job.get(jobs.state)
            state = state if isinstance(state, str) and state in JOB_STATES else asked
            self._by_state[state] = self._by_state.get(state, 0) + 1
            self._keep(job, jobs, state, job_id)

    def _resources(self, job: Mapping[str, Any]) -> tuple[object, ...]:
        """Return the resource of a job, or the resource that the job made."""
        return tuple(job.get(name) for name in ("ResourceArn", "SourceResourceArn", "CreatedResourceArn"))

    def _keep(self, job: Mapping[str, Any], jobs: JobList, state: str, job_id: str | None) -> None:
        category = self._text(job, "MessageCategory", _WORD)
        message = job.get("StatusMessage")
        message = self._masked(" ".join(message.split()))[:MAX_MESSAGE_CHARACTERS] if isinstance(message, str) else None
        # A completed job without a category counts as one with issues if it has a message.
        has_issues = state == _COMPLETED and (bool(message) if category is None else category != _SUCCESS)
        if state not in jobs.unsuccessful and not (has_issues and jobs.has_category):
            return
        kind = self._text(job, "ResourceType", _WORD)
        resource = next((one for one in self._resources(job) if isinstance(one, str)), "")
        instance = _INSTANCE.fullmatch(resource)
        key = (jobs.kind, state, kind, None if instance is None else instance[1], category, message or None)
        known = self._failed.get(key)
        self._failed[key] = FailedJobs(
            jobs=1 if known is None else known.jobs + 1,
            kind=jobs.kind,
            state=state,
            resource_type=kind,
            instance_id=None if instance is None else instance[1],
            category=category,
            message=message or None,
            job_id=job_id if known is None else known.job_id,
        )

    def facts(
        self, request_id: str | None, error_code: str | None = None, error_message: str | None = None
    ) -> JobsFacts:
        """Return the facts so far, including the facts of the last answer."""
        return JobsFacts(
            operation=self.operation,
            created_after=self.request.created_after,
            resource_arn=self.request.resource_arn,
            resource_type=self.request.resource_type,
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
