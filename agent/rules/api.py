"""API: credentials, signatures, and what AWS says of a signed call."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from agent.codes import Severity
from agent.evidence import Evidence
from agent.report import CommandScope, Fix
from agent.rules.rule import Found, Rule, ids, listed, look, places
from probes.facts import ApiFacts, CredentialFacts
from probes.model import FailureKind, Observation, Role, Step, Target

MISSING_TOKEN: Final = frozenset({"MissingAuthenticationToken", "MissingAuthenticationTokenException"})

SEEN_LATELY: Final = timedelta(hours=1)
_IDENTITY: Final = look("aws", "sts", "get-caller-identity", scope=CommandScope.ACCOUNT)


def no_credentials(evidence: Evidence) -> Iterator[Found]:
    """API001: the SDK finds no credentials in any of its places."""
    for each in evidence.of(Step.CREDENTIALS):
        failure = each.failure
        if failure is None or not (_none_found(each) or _metadata_stalls(evidence, each)):
            continue
        yield Found(
            code="API001",
            target=None,
            detail="The SDK finds no credentials on this host; no signed call was made, and the path below was judged.",
            evidence=ids([each]),
            fix=Fix(
                summary="Attach an instance profile with the least permissions for the signed calls, or set "
                "credentials; or run with --no-api where the path alone is wanted.",
                commands=(
                    look(
                        *("aws", "ec2", "describe-iam-instance-profile-associations", "--filters"),
                        "Name=instance-id,Values=<INSTANCE_ID>",
                        scope=CommandScope.ACCOUNT,
                    ),
                ),
            ),
        )


def _none_found(search: Observation[CredentialFacts]) -> bool:
    failure = search.failure
    return failure is not None and failure.kind is FailureKind.NO_CREDENTIALS and failure.code is None


def _metadata_stalls(evidence: Evidence, search: Observation[CredentialFacts]) -> bool:
    """Whether the search did not end because its last place, instance metadata, does not answer."""
    failure = search.failure
    silent = any(each.failure is not None and each.made for each in evidence.metadata)
    return failure is not None and failure.kind is FailureKind.TIMEOUT and silent


def credential_source_failed(evidence: Evidence) -> Iterator[Found]:
    """API010: a source of credentials is configured, and cannot be reached or fails."""
    for each in evidence.of(Step.CREDENTIALS):
        failure = each.failure
        if failure is None or not each.made:
            continue
        if _none_found(each) or _metadata_stalls(evidence, each):
            continue
        # A search that did not end, or a file that cannot be read, does not say that any source is configured.
        source = failure.kind is FailureKind.NO_CREDENTIALS
        what = "A configured source of credentials fails" if source else "The search for credentials failed"
        container = evidence.container
        shut = container is not None and container.failure is not None and container.made
        at = f" The container's address {container.subject.address} does not connect." if container and shut else ""
        yield Found(
            code="API010",
            target=None,
            detail=f"{what}: {failure.message}. No signed call was made.{at}",
            evidence=ids([each, *([container] if container and shut else [])]),
            fix=Fix(
                summary="Mend the source that the SDK is set to use: a role that may not be assumed, STS or SSO that "
                "cannot be reached from here (each needs an endpoint of its own), a process that fails.",
                commands=(look("aws", "configure", "list"),),
            ),
        )


def _of_kind(evidence: Evidence, target: Target, kind: FailureKind) -> list[Observation[ApiFacts]]:
    return [each for each in evidence.calls(target) if each.failure is not None and each.failure.kind is kind]


def _everywhere(evidence: Evidence, kind: FailureKind) -> list[Observation[ApiFacts]]:
    return [each for target in evidence.targets for each in _of_kind(evidence, target, kind)]


def _severity(evidence: Evidence, kind: FailureKind) -> Severity:
    """How bad it is for the run: as bad as for the target that counts most, and no more than a warning where a
    required target's call was let through."""
    roles = {target.role for target in evidence.targets if _of_kind(evidence, target, kind)}
    through = any(
        call.ok for target in evidence.targets if target.role is Role.REQUIRED for call in evidence.calls(target)
    )
    if Role.REQUIRED in roles:
        return Severity.WARNING if through else Severity.CRITICAL
    return Severity.WARNING if Role.OPTIONAL in roles else Severity.INFO


def credentials_expired(evidence: Evidence) -> Iterator[Found]:
    """API002: AWS says that the session is over."""
    calls = _everywhere(evidence, FailureKind.CREDENTIALS_EXPIRED)
    if calls:
        yield Found(
            code="API002",
            target=None,
            severity=_severity(evidence, FailureKind.CREDENTIALS_EXPIRED),
            detail=f"AWS answers at {_where(calls)} that the credentials have expired: {_text(calls)}",
            evidence=ids(calls),
            addresses=places(calls),
            fix=Fix(
                summary="Get new credentials: sign in again, refresh the cached session, or let the instance's role "
                "be used in place of a copied key.",
                commands=(_IDENTITY,),
            ),
        )


def credentials_rejected(evidence: Evidence) -> Iterator[Found]:
    """API003: AWS does not know the key, in this partition or this Region."""
    calls = _everywhere(evidence, FailureKind.CREDENTIALS_INVALID)
    if calls:
        yield Found(
            code="API003",
            target=None,
            severity=_severity(evidence, FailureKind.CREDENTIALS_INVALID),
            detail=f"AWS rejects the credentials at {_where(calls)}: {_text(calls)} The key is unknown in this "
            "partition, was deleted, or its token does not hold in a Region that has to be enabled.",
            evidence=ids(calls),
            addresses=places(calls),
            fix=Fix(
                summary="Use a key of this partition; where the Region has to be enabled, enable it and take tokens "
                "from the regional STS endpoint.",
                commands=(_IDENTITY,),
            ),
        )


def signature_rejected(evidence: Evidence) -> Iterator[Found]:
    """API004: the signature does not match: the secret is wrong, or something on the way rewrites requests."""
    for target in evidence.targets:
        calls = [each for each in _of_kind(evidence, target, FailureKind.SIGNATURE) if _code(each) not in MISSING_TOKEN]
        if calls:
            yield Found(
                code="API004",
                target=target.id,
                detail=f"AWS says at {_where(calls)} that the signature does not match. The secret is wrong, or "
                "something on the way rewrites the request.",
                evidence=ids(calls),
                addresses=places(calls),
                fix=Fix(
                    summary="Check the secret for white space and for its key; then look for a proxy that changes "
                    "Host, path or headers.",
                    commands=(_IDENTITY,),
                ),
            )


def authorization_stripped(evidence: Evidence) -> Iterator[Found]:
    """API009: a signed call is answered as if it were unsigned."""
    for target in evidence.targets:
        calls = [each for each in _of_kind(evidence, target, FailureKind.SIGNATURE) if _code(each) in MISSING_TOKEN]
        if calls:
            yield Found(
                code="API009",
                target=target.id,
                detail=f"A signed call was answered at {_where(calls)} as an unsigned one: something on the way takes "
                "the Authorization header out.",
                evidence=ids(calls),
                addresses=places(calls),
                fix=Fix(
                    summary="Find the proxy or filter that rewrites requests to the endpoint, and exempt the endpoint."
                ),
            )


def clock_rejected(evidence: Evidence) -> Iterator[Found]:
    """API005: AWS refuses a call for the time in its signature."""
    for target in evidence.targets:
        calls = _of_kind(evidence, target, FailureKind.CLOCK_SKEW)
        if calls:
            known = [each.facts.server_time for each in calls if each.facts is not None]
            times = sorted({f"{time:%Y-%m-%d %H:%M:%S} UTC" for time in known if time is not None})
            theirs = f" The server's clock says {listed(times)}." if times else ""
            yield Found(
                code="API005",
                target=target.id,
                detail=f"AWS refuses the call at {_where(calls)} for the time in its signature.{theirs}",
                evidence=ids(calls),
                addresses=places(calls),
                fix=Fix(
                    summary="Set this host's clock: chrony with the Amazon Time Sync Service at 169.254.169.123.",
                    commands=(look("chronyc", "tracking"),),
                ),
            )


def wrong_scope(evidence: Evidence) -> Iterator[Found]:
    """API006: the signature names another Region or service than the endpoint that answered."""
    for target in evidence.targets:
        calls = _of_kind(evidence, target, FailureKind.WRONG_SCOPE)
        if calls:
            yield Found(
                code="API006",
                target=target.id,
                detail=f"The endpoint at {_where(calls)} belongs to another Region or service than the call was signed "
                f"for: {_text(calls)}",
                evidence=ids(calls),
                addresses=places(calls),
                fix=Fix(
                    summary="Set the Region to that of the endpoint, and look for an endpoint URL or a DNS record "
                    "that leads to another service's endpoint.",
                ),
            )


def throttled(evidence: Evidence) -> Iterator[Found]:
    """API007: too many calls; path and credentials work."""
    for target in evidence.targets:
        calls = _of_kind(evidence, target, FailureKind.THROTTLED)
        if calls:
            yield Found(
                code="API007",
                target=target.id,
                detail=f"AWS asks at {_where(calls)} for fewer calls; the path and the credentials work. With an "
                "endpoint policy of your own such calls may be missing from CloudTrail and CloudWatch.",
                evidence=ids(calls),
                addresses=places(calls),
                fix=Fix(
                    summary="An account has some 50 calls a second in a Region, shared by everything in it: space "
                    "out what calls most, and let monitoring run less often with jitter."
                ),
            )


def not_subscribed(evidence: Evidence) -> Iterator[Found]:
    """API008: the account or the Region has to opt in."""
    for target in evidence.targets:
        calls = _of_kind(evidence, target, FailureKind.NOT_SUBSCRIBED)
        if calls:
            yield Found(
                code="API008",
                target=target.id,
                detail=f"AWS answers at {_where(calls)} that the account needs a subscription: {_text(calls)}",
                evidence=ids(calls),
                addresses=places(calls),
                fix=Fix(summary="Finish the account's sign-up, or opt in to the service in this Region."),
            )


def role_shadowed(evidence: Evidence) -> Iterator[Found]:
    """API011: credentials from another source hide the role of this instance."""
    search = evidence.credentials
    role = evidence.imds.role if evidence.imds is not None else None
    if search is None or search.facts is None or role is None or search.facts.source in _ROLES:
        return
    yield Found(
        code="API011",
        target=None,
        detail=f"The SDK signs with credentials from {SOURCES.get(search.facts.source, search.facts.source)}; the "
        f"role {role} of this instance does not sign the calls.",
        evidence=ids([search, *evidence.metadata]),
        fix=Fix(
            summary="Nothing to mend where that is meant. Otherwise remove the keys from the environment or the "
            "profile, so that the role is found.",
            commands=(look("aws", "configure", "list"),),
        ),
    )


_ROLES: Final = frozenset({"iam-role", "container-role", "assume-role-with-web-identity"})
"""Sources that are a role given to what runs here, by design."""
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
"""By the names that botocore gives its providers (1.44.8), in words."""


def gateway_not_seen(evidence: Evidence) -> Iterator[Found]:
    """API012: ListGateways works, and a gateway has not been in touch for over an hour."""
    for target in evidence.targets:
        late: dict[str, datetime] = {}
        calls = []
        for call in evidence.calls(target):
            facts = call.facts
            if facts is None or facts.server_time is None:
                continue
            found = {
                one.gateway_id: one.last_seen
                for one in facts.gateways
                if one.last_seen is not None and facts.server_time - one.last_seen > SEEN_LATELY
            }
            if found:
                late |= found
                calls.append(call)
        if not late:
            continue
        said = [f"{name} (last in touch {when:%Y-%m-%d %H:%M} UTC)" for name, when in sorted(late.items())]
        yield Found(
            code="API012",
            target=target.id,
            detail=f"The API answers, and AWS has not heard of {listed(said)} for over an hour.",
            evidence=ids(calls),
            addresses=places(calls),
            fix=Fix(
                summary="Look at that appliance: is it on, does it resolve the endpoint's name, can it reach ports "
                "443 1026 1027 1028 and 1031 of the endpoint from its own subnet, is its clock right?",
                commands=(look("aws", "backup-gateway", "list-gateways", "--region", target.region),),
            ),
        )


def _code(call: Observation[ApiFacts]) -> str | None:
    return None if call.failure is None else call.failure.code


def _text(calls: list[Observation[ApiFacts]]) -> str:
    return listed(sorted({each.failure.message for each in calls if each.failure is not None}))


def _where(calls: list[Observation[ApiFacts]]) -> str:
    return listed(dict.fromkeys(each.subject.address for each in calls))


RULES: Final = (
    Rule("API001", needs=(Step.CREDENTIALS,), check=no_credentials),
    Rule("API002", needs=(Step.API,), check=credentials_expired),
    Rule("API003", needs=(Step.API,), check=credentials_rejected),
    Rule("API004", needs=(Step.API,), check=signature_rejected),
    Rule("API005", needs=(Step.API,), check=clock_rejected),
    Rule("API006", needs=(Step.API,), check=wrong_scope),
    Rule("API007", needs=(Step.API,), check=throttled),
    Rule("API008", needs=(Step.API,), check=not_subscribed),
    Rule("API009", needs=(Step.API,), check=authorization_stripped),
    Rule("API010", needs=(Step.CREDENTIALS,), check=credential_source_failed),
    Rule("API011", needs=(Step.CREDENTIALS, Step.IMDS), check=role_shadowed),
    Rule("API012", needs=(Step.API,), check=gateway_not_seen),
)
