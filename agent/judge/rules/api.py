"""Rules for signed calls: credentials, signatures, and AWS's answers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from agent.catalog.findings import CODES, Scope, Severity
from agent.catalog.headline import Forms
from agent.catalog.partitions import SUFFIXES
from agent.catalog.services import SERVICES, call_of, service_name_of
from agent.catalog.wording import listed
from agent.catalog.workloads import checked_for_caller
from agent.fixes.commands import read_only, show_certificate
from agent.fixes.host import set_clock
from agent.judge.conditions.denials import accounts_of, read_denial, role_of
from agent.judge.evidence import Evidence
from agent.judge.observations import ids, places
from agent.judge.rules.rule import Rule, RuleFinding
from agent.report.model import Command, CommandScope, Fix, SubjectKind
from agent.report.subjects import about, resources
from probes.facts import ApiFacts, CredentialFacts, TcpFacts
from probes.frozen import dataclass
from probes.model import Failure, FailureKind, Observation, Role, Step, Target

_NOT_REACHED: Final = frozenset(
    {
        "ConnectTimeoutError",
        "ConnectionClosedError",
        "EndpointConnectionError",
        "HTTPClientError",
        "ProxyConnectionError",
        "ReadTimeoutError",
        "SSLError",
    }
)
"""Exceptions that botocore raises if it asks a host for a role, and the host cannot be reached or gives an unacceptable
answer."""
_BROKEN_OFF: Final = "HTTPClientError"
"""The exception that botocore raises if an answer is longer than its connection here accepts."""
MISSING_TOKEN: Final = frozenset({"MissingAuthenticationToken", "MissingAuthenticationTokenException"})

_SOURCES_OF_KEYS: Final = read_only("aws", "configure", "list")


def _endpoint_urls(target: Target) -> Command:
    """The command that shows the endpoint URLs in the environment: the URL for all services, and the URL of the
    target's service. If a run without options checks this service, the command shows the URLs of all services that such
    a run checks."""
    default = checked_for_caller()
    services = default if target.service in default else (target.service,)
    variables = (SERVICES[service].endpoint_variable for service in services)
    return read_only("printenv", "AWS_ENDPOINT_URL", *filter(None, variables))


def no_credentials(evidence: Evidence) -> Iterator[RuleFinding]:
    """API001: the SDK finds no credentials in any place where it looks."""
    for search in _searches(evidence):
        failure = search.failure
        if failure is None or not (_none_found(search) or _metadata_stalls(evidence, search)):
            continue
        if _refused_container(evidence) is not None:
            continue
        if _role_fails(evidence, search) is not None:
            continue
        yield RuleFinding(
            code="API001",
            target=None,
            detail="The SDK finds no credentials on this host, so no signed call was made. Everything else was judged.",
            evidence=ids([search]),
            fix=Fix(
                summary="Attach an instance profile with the least permissions for the signed calls, or set "
                "credentials; or, to test the path alone, run with --calls none --ec2 never.",
                commands=(
                    read_only(
                        *("aws", "ec2", "describe-iam-instance-profile-associations", "--filters"),
                        "Name=instance-id,Values=<INSTANCE_ID>",
                        scope=CommandScope.ACCOUNT,
                    ),
                ),
            ),
        )


def _searches(evidence: Evidence) -> tuple[Observation[CredentialFacts], ...]:
    """The search for credentials, if signed calls need them; otherwise empty. The reads of the configuration do not
    count, because a run can do without these."""
    is_wanted = evidence.run.wants_calls and any(map(call_of, evidence.targets))
    return evidence.of(Step.CREDENTIALS) if is_wanted else ()


def _none_found(search: Observation[CredentialFacts]) -> bool:
    failure = search.failure
    return failure is not None and failure.kind is FailureKind.NO_CREDENTIALS and failure.code is None


def _metadata_stalls(evidence: Evidence, search: Observation[CredentialFacts]) -> bool:
    """Whether instance metadata, the last place where the search looks, is the reason why the search did not end or
    broke off. An endless answer breaks off botocore's search. It counts as metadata's only if no other source of
    credentials is set."""
    failure = search.failure
    broken = any(request.failure is not None and request.made for request in evidence.metadata)
    is_set = evidence.container is not None or (evidence.sdk is not None and evidence.sdk.sts_host is not None)
    is_broken_off = failure is not None and failure.code == _BROKEN_OFF and not is_set
    return failure is not None and (failure.kind is FailureKind.TIMEOUT or is_broken_off) and broken


def _refused_container(evidence: Evidence) -> Observation[TcpFacts] | None:
    """The connect to the source of a container's credentials, if it failed."""
    container = evidence.container
    return container if container is not None and container.failure is not None and container.made else None


def _metadata_cut_short(evidence: Evidence, search: Observation[CredentialFacts]) -> bool:
    """Whether the search did not end, and the run had too little time to see whether instance metadata answers.
    Metadata is the last place where the search looks."""
    failure = search.failure
    unseen = any(request.failure is not None and not request.made for request in evidence.metadata)
    return failure is not None and failure.kind is FailureKind.TIMEOUT and unseen


def _role_fails(evidence: Evidence, search: Observation[CredentialFacts]) -> str | None:
    """The error code in the role's metadata document, if it is the reason why there are no credentials. None if there
    is another reason."""
    facts = None if evidence.role is None else evidence.role.facts
    return facts.code if facts is not None and facts.code != _GIVEN and _none_found(search) else None


_GIVEN: Final = "Success"


def credential_source_failed(evidence: Evidence) -> Iterator[RuleFinding]:
    """API010: a source of credentials is configured, and it cannot be reached or fails."""
    for search in _searches(evidence):
        failure, container = search.failure, _refused_container(evidence)
        if failure is None or (container is None and not search.made):
            continue
        if (code := _role_fails(evidence, search)) is not None:
            yield _role_failed(evidence, search, code)
            continue
        # A container's source comes before metadata, even if metadata is the one that timed out.
        if container is None and (
            _none_found(search) or _metadata_stalls(evidence, search) or _metadata_cut_short(evidence, search)
        ):
            continue
        # A search that did not end, or a file that cannot be read, does not show that any source is configured.
        source = failure.kind is FailureKind.NO_CREDENTIALS
        what = "A configured source of credentials fails" if source else "The search for credentials failed"
        at = (
            ""
            if container is None
            else f" The container's source of credentials, {container.subject.address}, does not accept connections."
        )
        denial = read_denial(failure.message)
        yield RuleFinding(
            code="API010",
            target=None,
            headline={"failure": failure.code or failure.message},
            detail=f"{what}: {failure.message}. No signed call was made.{_sts_of(evidence)}{at}",
            evidence=ids([search, *([] if container is None else [container])]),
            subjects=(*resources(*accounts_of(denial)), *about(SubjectKind.ROLE, role_of(denial))),
            needs_path_of=_asked_for_role(evidence) if _is_of_a_path(failure) else frozenset(),
            fix=_allow_at_sts(evidence, failure.message)
            or _repair_source(evidence, cut=failure.kind is FailureKind.TIMEOUT),
        )


def _asked_for_role(evidence: Evidence) -> frozenset[str]:
    """Ids of the targets whose host the SDK asks for its role."""
    host = None if evidence.sdk is None else evidence.sdk.sts_host
    return frozenset(
        target.id for target in evidence.targets if SERVICES[target.service].gives_credentials and target.host == host
    )


def _is_of_a_path(failure: Failure) -> bool:
    """Whether a search for credentials failed in the way in which an unreachable host makes it fail."""
    return failure.kind is FailureKind.TIMEOUT or failure.code in _NOT_REACHED


def _sts_of(evidence: Evidence) -> str:
    """A sentence about the host of STS from which the SDK requests a role. Empty if no role is set."""
    host = None if evidence.sdk is None else evidence.sdk.sts_host
    if host is None:
        return ""
    aside = ", the global host, which no interface endpoint serves" if is_global_sts(host) else ""
    return f" The SDK asks STS for the role at {host}{aside}."


def is_global_sts(host: str) -> bool:
    """Whether a host of STS is the global one. Private DNS of an STS endpoint only answers for the Region's host."""
    return host.removeprefix("sts.") in SUFFIXES


def _role_failed(evidence: Evidence, search: Observation[CredentialFacts], code: str) -> RuleFinding:
    role = evidence.imds.role if evidence.imds is not None else None
    return RuleFinding(
        code="API010",
        target=None,
        headline={"role": role, "error": code},
        detail=f"Instance metadata names the role {role} but gives no credentials for it: {code}. The SDK finds no "
        "credentials in any other place either. No signed call was made.",
        evidence=ids([search, *([evidence.role] if evidence.role is not None else [])]),
        fix=Fix(
            summary="Let the role's trust policy name the service ec2.amazonaws.com for sts:AssumeRole; if the role "
            "was deleted and created again, detach the instance profile from this instance and attach it again.",
            commands=(
                read_only(
                    *("aws", "iam", "get-role", "--role-name", "<ROLE_NAME>"),
                    *("--query", "Role.AssumeRolePolicyDocument"),
                    scope=CommandScope.ACCOUNT,
                ),
            ),
        ),
    )


def _allow_at_sts(evidence: Evidence, text: str) -> Fix | None:
    """The fix to suggest if AWS's text says that an endpoint policy denies the role. It is about the policy of the STS
    endpoint from which the role was requested. None for every other text."""
    denial = read_denial(text)
    if denial.policy != "vpc-endpoint":
        return None
    action = denial.action or "the call that asks for the role"
    what = (
        f"Exempt the caller from the Deny of {action}"
        if denial.explicit
        else f"Add an Allow of {action} for the caller and the role"
    )
    region = evidence.run.region
    name = None if region is None else service_name_of("sts", region)
    return Fix(
        summary=f"{what} in the policy of the STS endpoint, through which the SDK asks for the role. The policy of the "
        "endpoint that the calls themselves use is not at fault. Keep the rest of the document.",
        commands=(
            read_only(
                *("aws", "ec2", "describe-vpc-endpoints", "--region", region or "<REGION>"),
                *("--filters", f"Name=service-name,Values={name or '<STS_SERVICE_NAME>'}"),
                *("--query", "VpcEndpoints[].PolicyDocument", "--output", "text"),
                scope=CommandScope.ENDPOINT,
            ),
        ),
    )


def _repair_source(evidence: Evidence, *, cut: bool) -> Fix:
    """The fix for a source of credentials; `cut` tells whether the search ran out of time."""
    sdk = evidence.sdk
    if sdk is not None and sdk.sts_host is not None and is_global_sts(sdk.sts_host):
        return Fix(
            summary="Set AWS_DEFAULT_REGION, or the profile's region, and leave AWS_STS_REGIONAL_ENDPOINTS at "
            "regional: then the SDK asks the Region's host of STS, which an interface endpoint can serve.",
            commands=(read_only("printenv", "AWS_DEFAULT_REGION", "AWS_STS_REGIONAL_ENDPOINTS"), _SOURCES_OF_KEYS),
        )
    what = (
        "the source that the SDK is set to use: a role that may not be assumed, STS or SSO that cannot be reached from "
        "here (each needs an endpoint of its own), a process that fails."
    )
    if not cut:
        return Fix(summary=f"Fix {what}", commands=(_SOURCES_OF_KEYS,))
    region = () if evidence.run.region is None else ("--region", evidence.run.region)
    return Fix(
        summary=f"Try --timeout 10 first: a source that answers then is only slow. Otherwise fix {what}",
        commands=(read_only("backuplink", "check", *region, "--timeout", "10"), _SOURCES_OF_KEYS),
    )


# --- Answers of AWS to a signed call ----------------------------------------------------------------------------------

Calls = list[Observation[ApiFacts]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """One way in which AWS refuses a signed call, and how it is reported."""

    code: str
    kind: FailureKind
    detail: Callable[[Calls], str]
    summary: str
    commands: Callable[[Target, Calls], tuple[Command, ...]]
    fix: Callable[[Evidence], Fix] | None = None
    """The fix, if it depends on this host and not on the calls."""
    head: Callable[[Target], str] | None = None
    """The beginning of the summary, if it depends on the service."""
    unsigned: bool = False
    """Whether AWS saw no signature. Only the kind `signature` can have this."""
    of_bucket: Callable[[Target, Calls], tuple[str, str]] | None = None
    """Detail and summary for a call at a bucket; None if they are the same as for other calls."""
    is_for_common: bool = False
    """Whether the fault is in something that the calls to all targets have in common, such as the secret, the clock,
    the signing Region, the account or a device on the way. If no call succeeds, the fault then counts as shared."""

    def of(self, evidence: Evidence, target: Target) -> Calls:
        return [
            call
            for call in evidence.calls(target)
            if call.failure is not None
            and evidence.meaning(call) is self.kind
            and (self.kind is not FailureKind.SIGNATURE or (call.failure.code in MISSING_TOKEN) is self.unsigned)
        ]


def _refused(refusal: _Refusal, evidence: Evidence) -> Iterator[RuleFinding]:
    """API002 to API009: AWS answers the signed call and refuses it.

    All targets share the credentials, so a fault of the credentials is one finding of the run.
    """
    by_target = [(target, calls) for target in evidence.targets if (calls := refusal.of(evidence, target))]
    if not by_target:
        return
    if CODES[refusal.code].scope is Scope.RUN:
        everywhere = [call for _, calls in by_target for call in calls]
        yield _finding_of(refusal, None, by_target[0][0], everywhere, _severity(evidence))
        return
    passed = any(call.ok for target in evidence.targets for call in evidence.calls(target))
    shared = frozenset({refusal.code}) if refusal.is_for_common and not passed else frozenset[str]()
    for target, calls in by_target:
        finding = replace(_finding_of(refusal, target.id, target, calls, None), shared=shared)
        yield finding if refusal.fix is None else replace(finding, fix=refusal.fix(evidence))


def _finding_of(
    refusal: _Refusal, about: str | None, target: Target, calls: Calls, severity: Severity | None
) -> RuleFinding:
    detail = refusal.detail(calls)
    summary = refusal.summary if refusal.head is None else f"{refusal.head(target)} {refusal.summary}"
    commands = refusal.commands(target, calls)
    headline: dict[str, Forms | None] = {"time": _time_in(calls)}
    if target.bucket is not None and refusal.of_bucket is not None:
        (detail, summary), commands = refusal.of_bucket(target, calls), (_SHOW_REGION_OF_BUCKET,)
        headline |= {"set_region": target.region, "where": None}  # the line says one of the two
    return RuleFinding(
        code=refusal.code,
        target=about,
        headline=headline,
        severity=severity,
        detail=detail,
        evidence=ids(calls),
        addresses=places(calls),
        fix=Fix(summary=summary, commands=commands),
    )


def _severity(evidence: Evidence) -> Severity:
    """The severity for the run: at most a warning if a required target's call succeeded."""
    through = any(
        call.ok for target in evidence.targets if target.role is Role.REQUIRED for call in evidence.calls(target)
    )
    return Severity.WARNING if through else Severity.CRITICAL


def _identity(target: Target) -> Command:
    # Without a Region some versions ask the global STS endpoint, which no interface endpoint covers.
    return read_only("aws", "sts", "get-caller-identity", "--region", target.region, scope=CommandScope.ACCOUNT)


def _theirs(calls: Calls) -> str:
    """A sentence about the server's time. Empty if no answer has it."""
    known = [call.facts.server_time for call in calls if call.facts is not None]
    times = sorted({f"{time:%Y-%m-%d %H:%M:%S} UTC" for time in known if time is not None})
    return f" The server's clock says {listed(times)}." if times else ""


def _time_in(calls: Calls) -> str | None:
    """The time in the first answer that has one, for a headline."""
    known = (call.facts.server_time for call in calls if call.facts is not None)
    return next((f"{time:%Y-%m-%d %H:%M} UTC" for time in known if time is not None), None)


def _limit_of(target: Target) -> str:
    """A sentence about the published rate limit of the signed call of the service that throttled."""
    service = SERVICES[target.service]
    call = call_of(target)
    what = service.name if call is None else f"{call.name} of {service.name}"
    if call is None or call is not service.call or service.calls_per_second is None:
        return f"AWS limits the calls of an account to {what} in a Region, and does not publish the rate."
    return f"In each Region, AWS allows an account {service.calls_per_second:g} calls of {what} per second."


def _set_clock(evidence: Evidence) -> Fix:
    return set_clock(None if evidence.host is None else evidence.host.time_configuration)


_CLOCK: Final = _Refusal(
    code="API005",
    kind=FailureKind.CLOCK_SKEW,
    is_for_common=True,
    detail=lambda calls: (
        f"AWS refuses the call at {_where(calls)} because of the time in its signature.{_theirs(calls)}"
    ),
    summary="",
    commands=lambda target, calls: (),
    fix=_set_clock,
)
_SHOW_REGION_OF_BUCKET: Final = read_only("grep", "-n", "S3BucketName\\|AwsRegion", "<BACKINT_CONFIGURATION>")
_REFUSALS: Final = (
    _Refusal(
        code="API002",
        kind=FailureKind.CREDENTIALS_EXPIRED,
        detail=lambda calls: f"AWS answers at {_where(calls)} that the credentials have expired: {_text(calls)}",
        summary="Get new credentials. Sign in again, refresh the cached session, or let the instance's role be used in "
        "place of a copied key.",
        commands=lambda target, calls: (_SOURCES_OF_KEYS, _identity(target)),
    ),
    _Refusal(
        code="API003",
        kind=FailureKind.CREDENTIALS_INVALID,
        detail=lambda calls: (
            f"AWS rejects the credentials at {_where(calls)}: {_text(calls)} The key is unknown in this partition, was "
            "deleted, or its token is not valid in a Region that has to be enabled."
        ),
        summary="Use a key of this partition; if the Region has to be enabled, enable it and take tokens from the "
        "regional STS endpoint.",
        commands=lambda target, calls: (_SOURCES_OF_KEYS, _identity(target)),
    ),
    _Refusal(
        code="API004",
        kind=FailureKind.SIGNATURE,
        is_for_common=True,
        detail=lambda calls: (
            f"AWS says at {_where(calls)} that the signature does not match. The secret is wrong, or something on the "
            "way rewrites the request."
        ),
        summary="Check that the secret has no white space and belongs to the key; then look for a proxy that changes "
        "Host, path or headers.",
        commands=lambda target, calls: (_SOURCES_OF_KEYS, _identity(target)),
    ),
    _CLOCK,
    _Refusal(
        code="API006",
        kind=FailureKind.WRONG_SCOPE,
        is_for_common=True,
        detail=lambda calls: (
            f"The endpoint at {_where(calls)} belongs to another Region or service than the call was signed for: "
            f"{_text(calls)}"
        ),
        of_bucket=lambda target, calls: (
            f"S3 answers at {_where(calls)} that the bucket is in another Region than the Backint agent is set to, "
            f"{target.region}: {_text(calls)}.",
            "Set S3BucketAwsRegion (AwsRegion in older versions) in aws-backint-agent-config.yaml to the bucket's own "
            "Region. A gateway endpoint does not lead to another Region: if the bucket stays there, use an "
            "interface endpoint of that Region.",
        ),
        summary="Set the Region to that of the endpoint, and look for an endpoint URL or a DNS record that points to "
        "another service's endpoint.",
        commands=lambda target, calls: (_endpoint_urls(target), _SOURCES_OF_KEYS, show_certificate(target, calls)),
    ),
    _Refusal(
        code="API007",
        kind=FailureKind.THROTTLED,
        detail=lambda calls: (
            f"AWS asks at {_where(calls)} for fewer calls; the path and the credentials work. If you have changed the "
            "endpoint's policy, throttled calls may be missing from CloudTrail and CloudWatch."
        ),
        head=_limit_of,
        summary="All callers of the account share this limit: space out the calls of the busiest ones, and let "
        "monitoring run less often, with jitter.",
        commands=lambda target, calls: (),
    ),
    _Refusal(
        code="API008",
        kind=FailureKind.NOT_SUBSCRIBED,
        is_for_common=True,
        detail=lambda calls: f"AWS answers at {_where(calls)} that the account needs a subscription: {_text(calls)}",
        summary="Finish the account's sign-up, or opt in to the service in this Region.",
        commands=lambda target, calls: (
            read_only(
                "aws", "account", "get-region-opt-status", "--region-name", target.region, scope=CommandScope.ACCOUNT
            ),
        ),
    ),
    _Refusal(
        code="API009",
        kind=FailureKind.SIGNATURE,
        is_for_common=True,
        unsigned=True,
        detail=lambda calls: (
            f"A signed call was answered at {_where(calls)} as if it were unsigned: something on the way removes the "
            "Authorization header."
        ),
        summary="Find the proxy or filter that rewrites requests to the endpoint, and exempt the endpoint.",
        commands=lambda target, calls: (show_certificate(target, calls), _endpoint_urls(target)),
    ),
)
"""A row for each of API002 to API009."""


def clock_rejected(evidence: Evidence) -> Iterator[RuleFinding]:
    """API005: AWS refuses signatures because of their time. If no call to the target shows whether AWS accepts the
    time, EC2's answer may show it (EC2 API Reference, Error codes: RequestExpired). EC2's error code also stands for an
    expired session token, so it counts only if the clock is measured to be off."""
    yield from _refused(_CLOCK, evidence)
    refused = [
        read
        for read in evidence.of(Step.EC2)
        if evidence.meaning(read) is FailureKind.CLOCK_SKEW
        and read.started_at is not None
        and read.started_at >= evidence.run.started_at  # reads from a file were refused elsewhere
    ]
    if not refused:
        return
    for target in evidence.targets:
        taken = any(call.ok or _is_denied(call) for call in evidence.calls(target))
        if target.role is Role.REQUIRED and not taken and not _CLOCK.of(evidence, target):
            yield RuleFinding(
                code=_CLOCK.code,
                target=target.id,
                detail="EC2 refuses the reads because of the time in the signature; the same clock signs the calls to "
                f"{target.host}.{_time_of_aws(evidence)}",
                evidence=ids(refused),
                fix=_set_clock(evidence),
            )


def _is_denied(call: Observation[ApiFacts]) -> bool:
    """Whether a policy denied a call. Then AWS has accepted its signature."""
    return call.failure is not None and call.failure.kind is FailureKind.ACCESS_DENIED


def _time_of_aws(evidence: Evidence) -> str:
    """A sentence about the time in an answer of AWS. Empty if no answer has it."""
    for clock in evidence.clocks:
        ours = clock.observation.started_at
        if ours is not None:
            theirs = ours - timedelta(seconds=clock.offset)
            return f" AWS's clock said {theirs:%Y-%m-%d %H:%M:%S} UTC when this host's said {ours:%H:%M:%S}."
    return ""


def role_shadowed(evidence: Evidence) -> Iterator[RuleFinding]:
    """API011: credentials from another source hide the role of this instance."""
    search = evidence.credentials
    has_role = evidence.imds is not None and evidence.imds.role is not None
    if search is None or search.facts is None or not has_role or search.facts.source in _ROLES:
        return
    yield RuleFinding(
        code="API011",
        target=None,
        headline={"source": SOURCES.get(search.facts.source, search.facts.source)},
        detail=f"The SDK signs with credentials from {SOURCES.get(search.facts.source, search.facts.source)}, and not "
        "with the role of this instance's own profile.",
        evidence=ids([search, *evidence.metadata]),
        fix=Fix(
            summary="Nothing to fix if that is intended. Otherwise remove the keys from the environment or the "
            "profile, so that the role is found.",
            commands=(_SOURCES_OF_KEYS,),
        ),
    )


_ROLES: Final = frozenset({"iam-role", "container-role", "assume-role-with-web-identity"})
"""Sources of credentials through which AWS gives a role to the software here."""
SOURCES: Final = {
    "env": "environment variables",
    "shared-credentials-file": "the shared credentials file",
    "config-file": "the shared config file",
    "assume-role": "a role that a profile assumes",
    "sso": "IAM Identity Center (SSO)",
    "login": "a console login session",
    "custom-process": "a credential process",
    "boto-config": "a boto configuration file",
}
"""The words that people use for sources of credentials, by the names of botocore's providers (1.44.8)."""


def gateway_not_seen(evidence: Evidence) -> Iterator[RuleFinding]:
    """API012: ListGateways works, but AWS has not heard from a gateway for over an hour."""
    for target in evidence.targets:
        late: dict[str, datetime] = {}
        calls: list[Observation[ApiFacts]] = []
        lists: list[ApiFacts] = []
        for call in evidence.calls(target):
            pages = evidence.further_pages(call)
            facts = call.facts if pages is None or pages.facts is None else pages.facts
            if facts is None or facts.server_time is None or not facts.gateways_listed:
                continue
            lists.append(facts)
            if facts.silent_gateways:
                late |= {one.gateway_id: one.last_seen for one in facts.silent_gateways if one.last_seen is not None}
                calls += [call] if pages is None else [call, pages]
        if not late:
            continue
        whole = [facts for facts in lists if not facts.gateways_cut]
        every = bool(whole) and all(facts.are_all_gateways_silent for facts in whole)
        known = max(facts.gateways_listed for facts in whole or lists)
        # The facts keep only the gateways that have been silent for longest.
        more = any(len(facts.silent_gateways) == len(facts.gateways) < facts.gateways_listed for facts in lists)
        gateways = [f"{name} (last in touch {when:%Y-%m-%d %H:%M} UTC)" for name, when in sorted(late.items())]
        yield RuleFinding(
            code="API012",
            target=target.id,
            headline=_first_silent(late),
            severity=Severity.WARNING if every else None,
            detail=f"The API answers, but AWS has not heard from {listed(gateways)} for over an hour."
            + (" No other gateway is in touch there." if every else "")
            + (f" Of {known} gateways, only those that have been silent for longest are named." if more else "")
            + ("" if whole else f" AWS has more gateways than were read ({known})."),
            evidence=ids(calls),
            addresses=places(calls),
            fix=Fix(
                summary="Check that appliance: is it on, does it resolve the endpoint's name, can it reach ports "
                "443 1026 1027 1028 and 1031 of the endpoint from its own subnet, is its clock right?",
                commands=(read_only("aws", target.service, "list-gateways", "--region", target.region),),
            ),
        )


def _first_silent(late: Mapping[str, datetime]) -> dict[str, Forms | None]:
    gateway_id = min(late, key=lambda name: (late[name], name))
    return {"gateway": gateway_id, "since": f"{late[gateway_id]:%Y-%m-%d %H:%M} UTC"}


def _text(calls: Calls) -> str:
    return listed(sorted({call.failure.message for call in calls if call.failure is not None}))


def _where(calls: Calls) -> str:
    return listed(dict.fromkeys(call.subject.address for call in calls))


RULES: Final = (
    Rule("API001", needs=(Step.CREDENTIALS,), check=no_credentials),
    *(
        Rule(refusal.code, needs=(Step.API,), check=partial(_refused, refusal))
        for refusal in _REFUSALS
        if refusal is not _CLOCK
    ),
    Rule(_CLOCK.code, needs=(Step.API,), check=clock_rejected),
    Rule("API010", needs=(Step.CREDENTIALS,), check=credential_source_failed),
    Rule("API011", needs=(Step.CREDENTIALS, Step.IMDS), check=role_shadowed),
    Rule("API012", needs=(Step.API,), check=gateway_not_seen),
)
