"""ENV: the Region and the metadata service."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from agent.catalog.services import is_offered
from agent.catalog.vpce import read_name
from agent.codes import Severity
from agent.evidence import ALLOWANCES, HOST, METADATA_PROXY, PROXY, SDK_SETTINGS, Evidence, ordered
from agent.plan import host_of_url
from agent.report import AddressScope, Command, CommandScope, Fix
from agent.rules.rule import Found, Rule, describe_endpoint, ids, listed, look
from agent.settings import Expect
from probes.facts import AllowanceFacts, ApiFacts, DnsFacts, HttpFacts, ProxyFacts
from probes.model import Address, Addressing, FailureKind, Observation, Role, Step, Target

_UNTIMELY: Final = (FailureKind.TLS_EXPIRED, FailureKind.TLS_NOT_YET_VALID)
SKEW_SECONDS: Final = 60.0
GRAVE_SKEW_SECONDS: Final = 300.0
"""TLS and appliances suffer from the first on; signatures are refused from the second on (AWS's window is 5 or 15
minutes)."""

_NO_SERVICE: Final = frozenset(
    {
        FailureKind.TIMEOUT,
        FailureKind.REFUSED,
        FailureKind.RESET,
        FailureKind.CLOSED,
        FailureKind.UNREACHABLE,
        FailureKind.PROHIBITED,
        FailureKind.MALFORMED,
        FailureKind.TOO_LARGE,
    }
)
_NOT_THERE: Final = frozenset({FailureKind.NXDOMAIN, FailureKind.NODATA})


def region_unknown(evidence: Evidence) -> Iterator[Found]:
    """ENV001: no Region from option, environment, profile or metadata."""
    if evidence.run.region is not None:
        return
    looked = [each for each in (*evidence.of(Step.HOST), *evidence.metadata) if each.subject.target is None]
    lost = [each for each in looked if each.failure is not None and not each.made]
    yield Found(
        code="ENV001",
        target=None,
        detail="No Region from --region, AWS_REGION, AWS_DEFAULT_REGION, the SDK's profile or instance metadata: "
        "there is no endpoint name to look for." + (f" Not read to its end: {listed(ids(lost))}." if lost else ""),
        evidence=ids(looked),
        fix=Fix(
            summary="Name the Region whose Backup endpoint this host uses.",
            commands=(look("backuplink", "check", "--region", "<REGION>"),),
        ),
    )


def metadata_unreachable(evidence: Evidence) -> Iterator[Found]:
    """ENV002: the IMDSv2 token request gets no answer, or nonsense. Silent where nothing says that this is AWS."""
    if not evidence.in_aws:
        return
    for each in evidence.metadata:
        failure = each.failure
        if failure is None or failure.kind not in _NO_SERVICE:
            continue
        missed = evidence.run.region is None or _without_credentials(evidence)
        what = "The Region" if evidence.run.region is None else "Credentials"
        yield Found(
            code="ENV002",
            target=None,
            severity=Severity.WARNING if missed else Severity.INFO,
            detail=f"The instance metadata service did not answer as it should: {failure.message}. "
            + (f"{what} may be missing for it." if missed else "Nothing that this run needs is missing for it."),
            evidence=ids([each]),
            fix=Fix(
                summary="Let this process reach 169.254.169.254 on port 80: look for a firewall rule on this host, "
                "a proxy variable, and in a container for a hop limit of 1.",
                commands=(_metadata_options(),),
            ),
        )


def metadata_disabled(evidence: Evidence) -> Iterator[Found]:
    """ENV003: the metadata service answers that it is switched off or forbidden."""
    for each in evidence.metadata:
        failure = each.failure
        if failure is None or failure.kind is not FailureKind.NOT_PERMITTED:
            continue
        missed = evidence.run.region is None or _without_credentials(evidence)
        yield Found(
            code="ENV003",
            target=None,
            severity=Severity.WARNING if missed else Severity.INFO,
            detail=f"The instance metadata service answers {failure.code}: it is switched off, or forbidden to this "
            "process.",
            evidence=ids([each]),
            fix=Fix(
                summary="Where Region or credentials are to come from it, switch it on for this instance; otherwise "
                "set AWS_EC2_METADATA_DISABLED, so that nothing asks.",
                commands=(_metadata_options(),),
            ),
        )


def service_not_offered(evidence: Evidence) -> Iterator[Found]:
    """ENV004: the table says that the service is not offered in the Region, and nothing of AWS answered there."""
    for target in evidence.targets:
        if is_offered(target.service, target.region) is not False:
            continue
        if target.addressing in (Addressing.VPCE, Addressing.CUSTOM):
            continue  # a host that somebody named
        lookup = evidence.own_lookup(target)
        if lookup is None or not lookup.made:
            continue  # nobody has asked yet whether it is there
        if any(evidence.scope(address) is AddressScope.VPC for address in evidence.own_addresses(target)):
            continue  # somebody made an endpoint: the table lags behind
        answered = any(evidence.reached_aws(target, address) for address in evidence.own_addresses(target)) or any(
            each.facts is not None and each.facts.request_id is not None for each in evidence.answers_to_http(target)
        )
        yield Found(
            code="ENV004",
            target=target.id,
            severity=Severity.INFO if answered else None,
            detail=f"{target.service} is not offered in {target.region}, says the table of this version"
            + (", but AWS answers: the table lags behind." if answered else f"; {target.host} is no endpoint."),
            evidence=ids([lookup]),
            addresses=frozenset(evidence.own_addresses(target)),
            fix=Fix(
                summary="Use a Region in which the service is offered; where AWS offers it by now, name the endpoint "
                "with --endpoint.",
                commands=(look("backuplink", "endpoints", "--region", target.region),),
            ),
        )


def sdk_endpoint_overridden(evidence: Evidence) -> Iterator[Found]:
    """ENV005: SDK settings on this host send the service's calls to another URL."""
    sdk = evidence.sdk
    for target in evidence.targets:
        url = sdk.endpoint_urls.get(target.service) if sdk is not None else None
        if url is None or target.role is Role.CONTEXT or host_of_url(url) != target.host:
            continue
        if target.addressing is Addressing.DEFAULT and evidence.url_aside(target) is None:
            continue  # it says what would be so without it
        own = read_name(target.host)
        fits = own is not None and own.service == target.service and own.region == evidence.run.region
        lost = " The SDK's FIPS setting has no effect beside it." if sdk is not None and sdk.fips else ""
        yield Found(
            code="ENV005",
            target=target.id,
            severity=Severity.INFO if fits else None,
            detail=f"The SDK on this host sends calls to {target.service} to {url}"
            + (", a name of the service's own endpoint, which is a supported way." if fits else ".")
            + lost,
            evidence=(f"{HOST}/{SDK_SETTINGS}",),
            addresses=frozenset(evidence.own_answer(target)),
            fix=Fix(
                summary="Where it is not meant, unset AWS_ENDPOINT_URL and its forms, and endpoint_url in the profile; "
                "set the variable of the one service instead of that of all.",
                commands=(look("env"), look("aws", "configure", "list")),
            ),
        )


def sdk_host_not_covered(evidence: Evidence) -> Iterator[Found]:
    """ENV006: the host that the SDK calls is not private here, while another name of the service is."""
    if evidence.run.expect is not Expect.PRIVATE:
        return
    for target in evidence.targets:
        lookup = evidence.own_lookup(target)
        if target.role is Role.CONTEXT or target.addressing in (Addressing.CUSTOM, Addressing.VPCE):
            continue
        if lookup is None or any(map(evidence.is_private, evidence.own_answer(target))):
            continue
        if not lookup.ok and (lookup.failure is None or lookup.failure.kind not in _NOT_THERE):
            continue  # nobody said what the name resolves to
        covered = [
            other
            for other in evidence.targets
            if other.service == target.service
            and other is not target
            and any(map(evidence.is_private, evidence.own_answer(other)))
        ]
        if not covered:
            continue
        yield Found(
            code="ENV006",
            target=target.id,
            detail=f"The SDK here calls {target.host}, which is not private; {listed(each.host for each in covered)} "
            f"{'is' if len(covered) == 1 else 'are'}: private DNS covers another name than the one in use.",
            evidence=ids(filter(None, [lookup, *(evidence.own_lookup(each) for each in covered)])),
            addresses=frozenset(evidence.own_answer(target)),
            fix=Fix(
                summary="Call the name that private DNS covers (unset AWS_USE_FIPS_ENDPOINT or "
                "AWS_USE_DUALSTACK_ENDPOINT), or look which names the endpoint's private DNS can cover.",
                commands=(describe_endpoint(target),),
            ),
        )


def proxy_captures_endpoint(evidence: Evidence) -> Iterator[Found]:
    """ENV007: proxy variables send the SDK's calls to the host to a proxy, and so off PrivateLink."""
    for target in evidence.targets:
        proxy = evidence.proxy(target)
        if proxy is None:
            continue
        yield Found(
            code="ENV007",
            target=target.id,
            severity=None if evidence.run.expect is Expect.PRIVATE else Severity.INFO,
            detail=f"The proxy variables of this process send calls for {target.host} to {proxy}: they leave the "
            "private path there, whatever the direct way is like.",
            evidence=(f"{HOST}/{target.id}/{PROXY}",),
            fix=Fix(
                summary="Name the endpoints in NO_PROXY, by suffix, in the environment of the process that makes the "
                "calls: NO_PROXY=.amazonaws.com,.api.aws,.amazonaws.com.cn,169.254.169.254",
                commands=(look("env"),),
            ),
        )


def region_mismatch(evidence: Evidence) -> Iterator[Found]:
    """ENV008: the Region that the SDK is set to is not the one the instance is in."""
    here = evidence.imds.region if evidence.imds is not None else None
    chosen = evidence.run.region
    if here is None or chosen is None or chosen == here or evidence.run.region_source == "--region":
        return
    if all(target.addressing in (Addressing.VPCE, Addressing.CUSTOM) for target in evidence.targets if _counts(target)):
        return  # the Region chose none of the hosts
    yield Found(
        code="ENV008",
        target=None,
        detail=f"{evidence.run.region_source} says {chosen}; this instance is in {here}.",
        evidence=(str(Step.IMDS),),
        fix=Fix(
            summary=f"Set the Region to {here}, or name {chosen} with --region where it is meant: an endpoint serves "
            "its own Region.",
            commands=(look("backuplink", "check", "--region", here),),
        ),
    )


def hosts_file_override(evidence: Evidence) -> Iterator[Found]:
    """ENV009: the hosts file of this host answers for the name, so that DNS is never asked."""
    for target in evidence.targets:
        own = evidence.own_answer(target)
        entries = evidence.host.hosts_entries if evidence.host is not None else ()
        fixed = ordered(each.address for each in entries if target.host in each.names and each.address in own)
        lookup = evidence.own_lookup(target)
        if not fixed or lookup is None:
            continue
        given = ordered(address for each in evidence.of(Step.DNS, target) for address in _answered(each))
        beside = f"; the name servers give {listed(given)}" if given and given != fixed else ""
        yield Found(
            code="ENV009",
            target=target.id,
            detail=f"The hosts file of this host says that {target.host} is {listed(fixed)}{beside}. Addresses of an "
            "endpoint change when it is made anew, and a hosts file does not follow.",
            evidence=ids([lookup, *(each for each in evidence.of(Step.DNS, target) if _answered(each))]),
            addresses=frozenset(fixed),
            fix=Fix(
                summary="Remove the line from the hosts file, and let DNS answer.",
                commands=(look("grep", "-n", target.host, "/etc/hosts"),),
            ),
        )


def _answered(look_up: Observation[Any]) -> tuple[Address, ...]:
    """What a name server gave."""
    return look_up.facts.addresses if isinstance(look_up.facts, DnsFacts) else ()


def allowance_exceeded(evidence: Evidence) -> Iterator[Found]:
    """ENV013: the driver's counters of packets dropped beyond an allowance of the instance rose during the run."""
    seen = evidence.find(f"{HOST}/{ALLOWANCES}")
    exceeded = seen.facts.exceeded if seen is not None and isinstance(seen.facts, AllowanceFacts) else {}
    if seen is None or not exceeded:
        return
    interface = min(exceeded).partition(" ")[0]
    yield Found(
        code="ENV013",
        target=None,
        detail="While this run lasted the network driver dropped packets beyond what this instance is allowed: "
        f"{listed(f'{name} rose by {count}' for name, count in sorted(exceeded.items()))}. Look-ups, metadata and new "
        "connections fail at random with it.",
        evidence=ids([seen]),
        fix=Fix(
            summary="Ask fewer questions of the VPC's resolver (a cache on this host), open fewer connections, or use "
            "a larger instance; the limit of link-local packets cannot be raised.",
            commands=(look("ethtool", "-S", interface),),
        ),
    )


def clock_skew(evidence: Evidence) -> Iterator[Found]:
    """ENV010: this host's clock against the time of an AWS answer."""
    answers: list[Observation[HttpFacts] | Observation[ApiFacts]] = []
    for target in evidence.targets:
        answers += [*evidence.answers_to_http(target), *evidence.calls(target)]
    seen = [
        each
        for each in answers
        if each.facts is not None and each.facts.request_id is not None and each.facts.clock_offset_seconds is not None
    ]
    offsets = [each.facts.clock_offset_seconds or 0.0 for each in seen if each.facts is not None]
    if not offsets:
        return
    offset = min(offsets, key=abs)
    if abs(offset) < SKEW_SECONDS:
        return
    critical = abs(offset) >= GRAVE_SKEW_SECONDS
    yield Found(
        code="ENV010",
        target=None,
        severity=Severity.CRITICAL if critical else Severity.WARNING,
        detail=f"This host's clock is {_span(abs(offset))} {'ahead of' if offset > 0 else 'behind'} that of AWS. "
        + ("Signed calls are refused from 5 minutes on." if critical else "TLS and signatures bear it for now."),
        evidence=ids(seen),
        addresses=_valid_then(evidence, offset),
        fix=Fix(
            summary="Set this host's clock: chrony with the Amazon Time Sync Service at 169.254.169.123, which needs "
            "no internet.",
            commands=(look("chronyc", "tracking"),),
        ),
    )


def proxy_captures_metadata(evidence: Evidence) -> Iterator[Found]:
    """ENV011: proxy variables also capture the metadata address."""
    seen = evidence.find(f"{HOST}/{METADATA_PROXY}")
    proxy = seen.facts.proxy if seen is not None and isinstance(seen.facts, ProxyFacts) else None
    if seen is None or proxy is None:
        return
    yield Found(
        code="ENV011",
        target=None,
        detail=f"The proxy variables of this process send requests for instance metadata to {proxy}, which cannot know "
        "this instance: tools that honour them find no credentials.",
        evidence=ids([seen]),
        fix=Fix(
            summary="Add 169.254.169.254, 169.254.170.2 and fd00:ec2::254 to NO_PROXY.",
            commands=(look("env"),),
        ),
    )


def outside_vpc(evidence: Evidence) -> Iterator[Found]:
    """ENV012: neither metadata nor a VPC resolver answered: this host is no instance, or is one in disguise."""
    imds = evidence.metadata
    asked = [each for each in evidence.of(Step.DNS) if each.subject.resolver in evidence.vpc_resolvers[:2]]
    if evidence.in_aws or not imds or not all(each.failure is not None and each.made for each in imds):
        return
    if not asked or not all(each.made for each in asked):
        return
    yield Found(
        code="ENV012",
        target=None,
        detail="Instance metadata gives no identity here, and no VPC's resolver answers: this host is taken to be "
        "outside AWS, and its own name servers alone were asked.",
        evidence=ids([*imds, *asked]),
        fix=Fix(
            summary="Nothing to mend where that is so. On premises the endpoint's names need an inbound Resolver "
            "endpoint to forward to, or the endpoint's own DNS name."
        ),
    )


def _span(seconds: float) -> str:
    """`90 s`; `5.0 days` where seconds would be hard to read."""
    return f"{seconds:.0f} s" if seconds < 86_400 else f"{seconds / 86_400:.1f} days"


def _counts(target: Target) -> bool:
    return target.role is Role.REQUIRED


def _valid_then(evidence: Evidence, offset: float) -> frozenset[Address]:
    """Addresses whose certificate is not valid at this host's time and is at the right one."""
    found = []
    for target in evidence.targets:
        for each in evidence.handshakes(target):
            leaf = each.facts.certificates[0] if each.facts is not None and each.facts.certificates else None
            untimely = each.failure is not None and each.failure.kind in _UNTIMELY
            if leaf is None or not untimely or each.started_at is None or each.subject.address is None:
                continue
            if leaf.not_before <= each.started_at - timedelta(seconds=offset) <= leaf.not_after:
                found.append(each.subject.address)
    return frozenset(found)


def _without_credentials(evidence: Evidence) -> bool:
    return evidence.credentials is not None and evidence.credentials.failure is not None


def _metadata_options() -> Command:
    return look(
        *("aws", "ec2", "describe-instances", "--instance-ids", "<INSTANCE_ID>"),
        *("--query", "Reservations[].Instances[].MetadataOptions"),
        scope=CommandScope.ACCOUNT,
    )


RULES: Final = (
    Rule("ENV001", needs=(), check=region_unknown),
    Rule("ENV002", needs=(Step.IMDS,), check=metadata_unreachable),
    Rule("ENV003", needs=(Step.IMDS,), check=metadata_disabled),
    Rule("ENV004", needs=(Step.DNS,), check=service_not_offered),
    Rule("ENV005", needs=(Step.HOST,), check=sdk_endpoint_overridden),
    Rule("ENV006", needs=(Step.DNS,), check=sdk_host_not_covered),
    Rule("ENV007", needs=(Step.HOST,), check=proxy_captures_endpoint),
    Rule("ENV008", needs=(Step.IMDS,), check=region_mismatch),
    Rule("ENV009", needs=(Step.DNS,), check=hosts_file_override),
    Rule("ENV010", needs=(Step.HTTP,), check=clock_skew),
    Rule("ENV011", needs=(Step.HOST,), check=proxy_captures_metadata),
    Rule("ENV012", needs=(Step.IMDS,), check=outside_vpc),
    Rule("ENV013", needs=(Step.HOST,), check=allowance_exceeded),
)
