"""ENV rules: this host's Region, metadata service, SDK settings, proxies, hosts file, clock and allowances."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from agent.catalog.endpoint_urls import host_of_url, is_https
from agent.catalog.findings import Severity
from agent.catalog.headline import Forms, places
from agent.catalog.partitions import REGION_VARIABLES, is_region
from agent.catalog.regions import REGIONS
from agent.catalog.services import SERVICES, host_of, is_offered
from agent.catalog.vpce import read_name
from agent.catalog.wording import after, counted, duration, listed
from agent.fixes.commands import describe_endpoint, read_only
from agent.fixes.host import SHOW_EXCEPTIONS, exceptions, set_clock
from agent.fixes.own_name import set_own_name
from agent.judge.conditions.connects import also_silent
from agent.judge.conditions.dns_settings import stale_answers
from agent.judge.conditions.name_settings import (
    answers_of_endpoints,
    blocking_answers,
    forwarding_answers,
    shadowing_answers,
)
from agent.judge.conditions.names import missing_names
from agent.judge.conditions.resolvers import is_of_hosts_file, private_elsewhere
from agent.judge.conditions.search_list import addresses_of_name, answer_of_name, lookup_of_name
from agent.judge.evidence import GRAVE_SKEW_SECONDS, Evidence, skipped_because
from agent.judge.observations import addresses_in, has_answered, ids
from agent.judge.requirements import required_steps
from agent.judge.rules.rule import Rule, RuleFinding
from agent.report.model import NO_VPC, Command, CommandScope, Fix, SubjectKind
from agent.report.subjects import about, resources
from agent.settings import SDK_PROFILE, Expect, Workload
from probes.addresses import AddressScope, ordered, usable_families
from probes.facts import AllowanceFacts, ProxyFacts
from probes.model import STARVED, Address, Addressing, Failure, FailureKind, Observation, Role, Step, Target
from probes.operations import ALLOWANCES, HOST, METADATA_PROXY, PROXY, SDK_SETTINGS

_UNTIMELY: Final = (FailureKind.TLS_EXPIRED, FailureKind.TLS_NOT_YET_VALID)
DATE_SECONDS: Final = 1.0
"""Uncertainty of a Date header in seconds (RFC 9110, section 5.6.7)."""
SKEW_SECONDS: Final = 60.0
"""Clock offset from which an appliance's TLS may fail. From GRAVE_SKEW_SECONDS on, signed calls may be refused."""
_EFFECTS: Final = {
    "linklocal_allowance_exceeded": "packets to DNS, metadata and time were dropped",
    "conntrack_allowance_exceeded": "packets of new connections that could not be tracked were dropped",
    "pps_allowance_exceeded": "packets over the limit per second were delayed or dropped",
}
"""The counters that are judged, with the meaning of a rise (EC2 User Guide, Monitor network performance for ENA
settings on your EC2 instance). Counters of bandwidth are not among them. They may also rise on a path that works, where
packets only waited."""

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
_NEAREST: Final = 3
_NEAR: Final = 0.75
"""The minimum ratio of difflib for two words that count as similar. Two letters in a dozen may differ."""


def region_unknown(evidence: Evidence) -> Iterator[RuleFinding]:
    """ENV001: no Region comes from an option, the environment, a profile or metadata."""
    if evidence.run.region is not None:
        return
    looked = [
        observation
        for observation in (*evidence.of(Step.HOST), *evidence.metadata)
        if observation.subject.target is None
    ]
    lost = [observation for observation in looked if observation.failure is not None and not observation.made]
    yield RuleFinding(
        code="ENV001",
        target=None,
        detail="No Region comes from --region, AWS_REGION, AWS_DEFAULT_REGION, the SDK's profile or instance metadata, "
        "so there is no endpoint name to look for." + (f" Not read completely: {listed(ids(lost))}." if lost else ""),
        evidence=ids(looked),
        fix=Fix(
            summary="Name the Region whose endpoint this host uses.",
            commands=(read_only("backuplink", "check", "--region", "<REGION>"),),
        ),
    )


def metadata_unreachable(evidence: Evidence) -> Iterator[RuleFinding]:
    """ENV002: the IMDSv2 token request gets no answer, or an invalid one. No finding if there is no sign of AWS."""
    if not evidence.in_aws:
        return
    for observation in evidence.metadata:
        failure = observation.failure
        if failure is None or failure.kind not in _NO_SERVICE:
            continue
        missed = evidence.run.region is None or _without_credentials(evidence)
        what = "The Region" if evidence.run.region is None else "Credentials"
        yield RuleFinding(
            code="ENV002",
            target=None,
            headline={"how": f"{failure.kind} {after([observation])}"},
            severity=Severity.WARNING if missed else Severity.INFO,
            detail=f"The instance metadata service did not answer as it should: {failure.message}. "
            + (f"{what} may be missing because of that." if missed else _what_is_lost(evidence)),
            evidence=ids([observation]),
            fix=Fix(
                summary="Let this process reach 169.254.169.254 on port 80: look for a firewall rule on this host, "
                "and for AWS_EC2_METADATA_SERVICE_ENDPOINT or its _MODE that points elsewhere. In a container the hop "
                "limit must be above 1. In a subnet with only IPv6, turn on HttpProtocolIpv6, which is off by default.",
                commands=(
                    read_only(
                        "printenv", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"
                    ),
                    _metadata_options(evidence),
                ),
            ),
        )


def _what_is_lost(evidence: Evidence) -> str:
    """What a run lacks if it has its Region and its credentials from elsewhere."""
    unknown = ordered(
        address
        for target in evidence.targets
        for address in evidence.own_addresses(target)
        if target.role is Role.REQUIRED and address.version == 6 and evidence.scope(address) is AddressScope.UNKNOWN
    )
    if unknown:
        return (
            f"Without it, it is not known which IPv6 blocks the VPC has, and whether {listed(dict.fromkeys(unknown))} "
            f"{'is' if len(set(unknown)) == 1 else 'are'} private."
        )
    if any(skipped_because(read) == NO_VPC for read in evidence.of(Step.EC2)):
        return "Without it the VPC is not known, and so its configuration was not read; nothing else is missing."
    return "This run needs nothing from it."


def metadata_disabled(evidence: Evidence) -> Iterator[RuleFinding]:
    """ENV003: the metadata service answers that it is switched off or forbidden."""
    for observation in evidence.metadata:
        failure = observation.failure
        if failure is None or failure.kind is not FailureKind.NOT_PERMITTED:
            continue
        missed = evidence.run.region is None or _without_credentials(evidence)
        yield RuleFinding(
            code="ENV003",
            target=None,
            headline={"status": failure.code},
            severity=Severity.WARNING if missed else Severity.INFO,
            detail=f"The instance metadata service answers {failure.code}: it is switched off, or forbidden to this "
            "process.",
            evidence=ids([observation]),
            fix=Fix(
                summary="If the Region or credentials should come from it, switch it on for this instance. Otherwise "
                "set AWS_EC2_METADATA_DISABLED=true, so that nothing asks; the Region and keys must then come from "
                "elsewhere (AWS_REGION, a profile, a container's role).",
                commands=(_metadata_options(evidence),),
            ),
        )


def service_not_offered(evidence: Evidence) -> Iterator[RuleFinding]:
    """ENV004: according to the table of this version, the service is not offered in the Region. The finding is only
    information if AWS answers there."""
    for target in evidence.targets:
        if is_offered(target.service, target.region) is not False:
            continue
        if target.addressing in (Addressing.VPCE, Addressing.CUSTOM):
            continue  # a host that somebody named
        lookup = evidence.own_lookup(target)
        if lookup is None or not lookup.made:
            continue  # nobody asked yet whether it exists
        if any(evidence.scope(address) is AddressScope.VPC for address in evidence.own_addresses(target)):
            continue  # somebody created an endpoint, so the table is out of date
        answered = any(evidence.reached_aws(target, address) for address in evidence.own_addresses(target)) or any(
            answer.facts is not None and answer.facts.request_id is not None
            for answer in evidence.answers_to_http(target)
        )
        yield RuleFinding(
            code="ENV004",
            target=target.id,
            severity=Severity.INFO if answered else None,
            detail=f"According to the table of this version, {target.service} is not offered in {target.region}"
            + (", but AWS answers: the table lags behind." if answered else f"; {target.host} is not an endpoint."),
            evidence=ids([lookup]),
            addresses=frozenset(evidence.own_addresses(target)),
            fix=Fix(
                summary="Use a Region in which the service is offered; if AWS offers it by now, name the endpoint "
                "with --endpoint.",
                commands=(read_only("backuplink", "endpoints", "--region", target.region),),
            ),
        )


def sdk_endpoint_overridden(evidence: Evidence) -> Iterator[RuleFinding]:
    """ENV005: SDK settings on this host send the service's calls to another URL."""
    sdk = evidence.sdk
    for target in evidence.targets:
        url = sdk.endpoint_urls.get(target.service) if sdk is not None else None
        if url is None or target.role is Role.CONTEXT or host_of_url(url) != target.host:
            continue
        if target.addressing is Addressing.DEFAULT and evidence.url_aside(target) is None:
            continue  # the URL is the default one, and changes nothing
        own = read_name(target.host)
        # A call without TLS fails at the endpoint, which has no port 80.
        fits = is_https(url) and own is not None and (own.service, own.region) == (target.service, evidence.run.region)
        lost = " The SDK's FIPS setting has no effect with it." if sdk is not None and sdk.fips else ""
        variable = SERVICES[target.service].endpoint_variable
        yield RuleFinding(
            code="ENV005",
            target=target.id,
            severity=Severity.INFO if fits else None,
            detail=f"The SDK on this host sends calls to {target.service} to {url}"
            + (", a name of the service's own endpoint, which is a supported way." if fits else ".")
            + ("" if is_https(url) or own is None else " An endpoint answers only HTTPS.")
            + lost,
            evidence=(f"{HOST}/{SDK_SETTINGS}",),
            subjects=(*about(SubjectKind.URL, [url]), *resources(*([] if own is None else [own.endpoint_id]))),
            addresses=frozenset(evidence.own_answer(target)),
            shared=frozenset({url}),
            fix=Fix(
                summary="If that is not intended, unset AWS_ENDPOINT_URL and its forms, and endpoint_url in the "
                "profile. Otherwise set the variable of this one service, not the variable of all services.",
                commands=(
                    read_only("printenv", "AWS_ENDPOINT_URL", *((variable,) if variable else ())),
                    read_only("aws", "configure", "get", "endpoint_url"),
                    read_only("grep", "-n", "endpoint_url", "<HOME>/.aws/config"),
                ),
            ),
        )


_DOUBTFUL: Final = (
    " The AWS CLI and boto3 call the global host in this Region; other SDKs may not. AWS does not say whether private "
    "DNS of an interface endpoint answers for that host."
)


def sdk_host_not_covered(evidence: Evidence) -> Iterator[RuleFinding]:
    """ENV006: the host that the SDK calls is public, or a setting chose a host that does not exist. Another name of the
    service is private."""
    elsewhere = {fault.target.id for fault in private_elsewhere(evidence)}
    missing = {fault.target.id for fault in missing_names(evidence)}
    configured = _names_explained_by_the_configuration(evidence)
    for target in evidence.targets:
        lookup = lookup_of_name(evidence, target)
        if target.id in configured or evidence.expected_path(target) is not Expect.PRIVATE:
            continue
        if target.role is Role.CONTEXT or target.addressing in (Addressing.CUSTOM, Addressing.VPCE):
            continue
        if lookup is None or any(map(evidence.is_private, answer_of_name(evidence, target))) or target.id in elsewhere:
            continue
        # A default name without an answer, or with an address that nobody can have, has a cause of its own.
        is_public = any(
            evidence.is_public(address) for address in answer_of_name(evidence, target)
        ) and not is_of_hosts_file(evidence, target)
        is_missing = target.addressing is not Addressing.DEFAULT and target.id in missing
        if not is_public and not is_missing:
            continue
        covered = {
            other.host: lookup_of_name(evidence, other)
            for other in evidence.targets
            if other.service == target.service
            and other is not target
            and any(map(evidence.is_private, addresses_of_name(evidence, other)))
        }
        whole = SERVICES[target.service].global_host if target.addressing is Addressing.GLOBAL else None
        is_doubtful = whole is not None and whole.may_be_covered
        how = "unset AWS_USE_FIPS_ENDPOINT or AWS_USE_DUALSTACK_ENDPOINT"
        if whole is not None:
            how = ("" if whole.is_usual else f"unset {whole.setting}, or ") + f"set {whole.variable}=regional"
        beside = evidence.dual_stack_lookup(target)
        given = beside.facts.addresses if beside is not None and beside.facts is not None else ()
        families = usable_families(evidence.host)
        if any(evidence.is_private(address) and address.version in families for address in given):
            how = "set AWS_USE_DUALSTACK_ENDPOINT=true"
            covered[host_of(target.service, target.region, fips=False, dual_stack=True)] = beside
        if not covered:
            continue
        yield RuleFinding(
            code="ENV006",
            target=target.id,
            detail=f"The SDK here calls {target.host}, which is not private. {listed(covered)} "
            f"{'is' if len(covered) == 1 else 'are'} private: private DNS covers a name other than the one in use."
            + (_DOUBTFUL if is_doubtful else ""),
            at_most=Severity.WARNING if is_doubtful else None,
            # A failed lookup is reported by the finding for its failure, and not by this warning.
            evidence=ids(filter(None, [lookup if lookup.ok else None, *covered.values()])),
            addresses=frozenset(answer_of_name(evidence, target)),
            shared=frozenset()
            if target.addressing is Addressing.DEFAULT
            else frozenset({target.addressing.value if whole is None else whole.setting}),
            fix=Fix(
                summary=f"Call the name that private DNS covers ({how})."
                + (
                    " A gateway endpoint serves both hosts."
                    if is_doubtful
                    else " No private DNS covers the global host."
                    if whole is not None
                    else " If FIPS is required, and the list that the second command shows has the name in use, let "
                    "private DNS cover that name for every host of the VPC."
                ),
                commands=(
                    describe_endpoint(target),
                    read_only(
                        *("aws", "ec2", "describe-vpc-endpoint-services", "--region", target.region),
                        *("--service-names", target.service_name or "<SERVICE_NAME>"),
                        *("--query", "ServiceDetails[].PrivateDnsNames[].PrivateDnsName"),
                        scope=CommandScope.ENDPOINT,
                    ),
                ),
            ),
        )


def _names_explained_by_the_configuration(evidence: Evidence) -> frozenset[str]:
    """The ids of the targets whose name is not private because of a setting or record in the VPC: a zone, a Resolver
    rule, DNS Firewall, a Profile, or an old record."""
    if not evidence.is_configuration_fresh:
        return frozenset()
    conditions = (stale_answers, forwarding_answers, shadowing_answers, blocking_answers, answers_of_endpoints)
    return frozenset(fault.target.id for condition in conditions for fault in condition(evidence))


def proxy_captures_endpoint(evidence: Evidence) -> Iterator[RuleFinding]:
    """ENV007: proxy variables send the SDK's calls to the target through a proxy, so that they do not use
    PrivateLink."""
    for target in evidence.targets:
        proxy = evidence.proxy(target)
        if proxy is None:
            continue
        yield RuleFinding(
            code="ENV007",
            target=target.id,
            severity=None if evidence.expected_path(target) is Expect.PRIVATE else Severity.INFO,
            detail=f"The proxy variables of this process send calls for {target.host} to {proxy}: these calls leave "
            "the private path, even if the direct path works.",
            evidence=(f"{HOST}/{target.id}/{PROXY}",),
            subjects=about(SubjectKind.URL, [proxy]),
            shared=frozenset({proxy}),
            fix=Fix(
                summary=f"Add {target.host} and 169.254.169.254 to NO_PROXY and no_proxy, where the process that makes "
                "the calls gets these variables. An AWS suffix in them would exempt every AWS service from the proxy.",
                commands=(SHOW_EXCEPTIONS,),
                lines=exceptions(target.host, "169.254.169.254"),
            ),
        )


def region_mismatch(evidence: Evidence) -> Iterator[RuleFinding]:
    """ENV008: the SDK is set to another Region than the instance's."""
    here = evidence.imds.region if evidence.imds is not None else None
    chosen = evidence.run.region
    if here is None or chosen is None or chosen == here or evidence.run.region_source == "--region":
        return
    if all(target.addressing in (Addressing.VPCE, Addressing.CUSTOM) for target in evidence.targets if _counts(target)):
        return  # the Region chose none of the hosts
    yield RuleFinding(
        code="ENV008",
        target=None,
        headline={"source": evidence.run.region_source, "named": chosen, "here": here},
        detail=f"Calls go to {chosen}, as {evidence.run.region_source} says, while this instance is in {here}.",
        evidence=(str(Step.IMDS),),
        fix=Fix(
            summary=f"Set the Region to {here}, or, if {chosen} is meant, name it with --region: an endpoint serves "
            "only its own Region.",
            commands=(
                read_only("backuplink", "check", "--region", here if is_region(here) else "<REGION>"),
                *_set_region(here, evidence.run.region_source),
            ),
        ),
    )


def _set_region(here: str, source: str | None) -> tuple[Command, ...]:
    """The command that sets the Region in the profile, if the profile sets a wrong Region. Empty if a variable sets it,
    because it is unknown where the variable is set."""
    if source != SDK_PROFILE or not is_region(here):
        return ()
    return (
        Command(
            argv=("aws", "configure", "set", "region", here),
            scope=CommandScope.HOST,
            changes=True,
            reversible=True,
            undo="the same command with the Region that it had",
        ),
    )


def region_not_known(evidence: Evidence) -> Iterator[RuleFinding]:
    """ENV014: the Region that is set is not in the SDK's list, and the names of its hosts do not exist. If the Region
    existed, but were newer than the list, these names would exist."""
    chosen = evidence.run.region
    if chosen is None or chosen in REGIONS:
        return
    built = [
        target
        for target in evidence.targets
        if target.region == chosen and target.addressing not in (Addressing.VPCE, Addressing.CUSTOM)
    ]
    lookups = [lookup_of_name(evidence, target) for target in built]
    absent = [
        lookup
        for lookup in lookups
        if lookup is not None and lookup.failure is not None and lookup.failure.kind is FailureKind.NXDOMAIN
    ]
    if not absent or len(absent) != len(lookups):
        return
    import difflib

    near = difflib.get_close_matches(chosen, REGIONS, n=_NEAREST, cutoff=_NEAR)
    instead = f" The nearest names are {listed(near)}." if near else ""
    here = evidence.imds.region if evidence.imds is not None else None
    if here is not None and here in REGIONS:
        instead += f" This instance is in {here}."
    right = here if here in near else near[0] if near else here if here in REGIONS else None
    yield RuleFinding(
        code="ENV014",
        target=None,
        headline={"named": chosen, "here": here},
        detail=f"{evidence.run.region_source or 'A setting'} says {chosen}: the SDK lists no such Region, and "
        f"{listed(target.host for target in built)} {'does' if len(built) == 1 else 'do'} not exist.{instead}",
        evidence=ids(absent),
        fix=Fix(
            summary="Correct the name of the Region where it is set.",
            commands=(
                read_only("printenv", "AWS_REGION", "AWS_DEFAULT_REGION"),
                read_only("aws", "configure", "get", "region"),
                read_only("backuplink", "check", "--region", right or "<REGION>"),
            ),
        ),
    )


def sdk_settings_unusable(evidence: Evidence) -> Iterator[RuleFinding]:
    """ENV018: the SDK cannot read its settings on this host, or they name an impossible Region. The finding is only
    information if no program in the run calls the API through an SDK. It is also only information if reading the
    settings does not end. Then nothing is known about them, and what they decide is unproven."""
    sentences: list[str] = []
    summaries: list[str] = []
    commands: list[Command] = []
    shown: list[Observation[Any]] = []
    settings = evidence.find(f"{HOST}/{SDK_SETTINGS}")
    failure = None if settings is None or not settings.made else settings.failure
    if settings is not None and failure is not None and failure.kind is FailureKind.MALFORMED:
        sentences.append(f"The SDK cannot read its settings on this host: {failure.message.rstrip('.')}.")
        summaries.append(_UNUSABLE.get(failure.code or "", "Correct the setting that the finding names."))
        commands.append(read_only("printenv", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"))
        shown.append(settings)
    named_regions = [row for row in _named_regions(evidence) if not is_region(row[1])]
    for place, named, seen in named_regions:
        words, right = _as_region(named)
        sentences.append(f"{place} says that the Region is {named}, which cannot be the name of a Region{words}.")
        summaries.append(f"Write {right or 'the name of a Region, such as eu-west-1,'} there.")
        is_variable = place in REGION_VARIABLES
        commands.append(read_only("printenv", place) if is_variable else read_only("grep", "-n", "region", _CONFIG))
        shown.append(seen)
        if place == REGION_VARIABLES[0]:
            sentences.append(f"The AWS CLI and most SDKs read {place}; boto3 reads {REGION_VARIABLES[1]} instead.")
    if not sentences:
        if settings is not None and failure is not None and failure.kind is FailureKind.TIMEOUT:
            yield _settings_without_end(settings, failure)
        return
    judged = (
        "The path was judged anyway."
        if evidence.run.region
        else "No other setting names a Region, so no path was judged."
    )
    is_called = _has_caller(evidence)
    aside = "" if is_called else " The workloads of this run do not use these settings: their agents have other ones."
    yield RuleFinding(
        code="ENV018",
        target=None,
        headline=_unusable(failure, named_regions),
        severity=None if is_called else Severity.INFO,
        is_no_fault=not is_called,
        detail=f"{' '.join(sentences)} A program with these settings cannot make any call. {judged}{aside}",
        evidence=ids(shown),
        fix=Fix(
            summary=" ".join(dict.fromkeys(summaries)),
            commands=(*dict.fromkeys(commands), read_only("aws", "configure", "list")),
        ),
    )


def _unusable(failure: Failure | None, named: Sequence[tuple[str, str, Observation[Any]]]) -> dict[str, Forms | None]:
    """The headline's words for unusable settings: the text that cannot be a Region, otherwise the error."""
    if not named:
        return {"error": None if failure is None else failure.code or failure.message}
    place, region, _ = named[0]
    return {"place": place if place in REGION_VARIABLES else "the profile", "named": region}


def _exceeded(risen: Sequence[tuple[str, int]]) -> Forms:
    name, count = risen[0]
    return f"{name} rose by {count}", name


def _has_caller(evidence: Evidence) -> bool:
    """Whether the run is for programs that call the API through an SDK: it has the workload `caller`, or an option
    names a service that such programs use. The agents of other workloads do not read these settings."""
    by_caller = any(workload.name is Workload.CALLER and workload.is_required for workload in evidence.workloads)
    return by_caller or any(
        target.role is Role.REQUIRED
        and SERVICES[target.service].call_is_own
        and not {"--service", "--endpoint"}.isdisjoint(target.required_by)
        for target in evidence.targets
    )


def _settings_without_end(settings: Observation[Any], failure: Failure) -> RuleFinding:
    return RuleFinding(
        code="ENV018",
        target=None,
        headline={"error": failure.message},
        severity=Severity.INFO,
        detail=f"Reading the SDK's settings on this host does not end ({failure.message}), so it is not known which "
        "host, proxy and roots the SDK uses. Its shared files may be on a file system that does not answer.",
        evidence=ids([settings]),
        fix=Fix(
            summary="Look at the file system of the home folder, or of AWS_CONFIG_FILE if that is set. Programs that "
            "use the SDK wait there, too.",
            commands=(read_only("printenv", "HOME", "AWS_CONFIG_FILE"), read_only("cat", "/proc/mounts")),
        ),
    )


_CONFIG: Final = "<HOME>/.aws/config"


def _named_regions(evidence: Evidence) -> Iterator[tuple[str, str, Observation[Any]]]:
    """Places where settings of this host contain a Region. Each comes with the text there, and with the observation
    that has it."""
    own, settings = evidence.find(HOST), evidence.find(f"{HOST}/{SDK_SETTINGS}")
    named = {} if own is None or evidence.host is None else evidence.host.region_variables
    sdk = evidence.sdk
    if settings is not None and sdk is not None and sdk.region is not None:
        place = REGION_VARIABLES[1] if sdk.region_file is None else f"The profile in {sdk.region_file}"
        # boto3 reads this variable itself, and accepts us-east-1-fips, an old way to ask for FIPS.
        named = {name: value for name, value in named.items() if name != REGION_VARIABLES[1]}
        yield place, sdk.region, settings
    for name, value in named.items():
        if own is not None:
            yield name, value, own


def _as_region(named: str) -> tuple[str, str | None]:
    """The mistake in a Region's name, in words that follow the name, and the Region that is meant. If the mistake is
    unknown, an empty text and None."""
    plain = named.strip().lower()
    if is_region(plain):
        return (": such a name has small letters" if named.strip() == named else ": such a name has no spaces"), plain
    return (": it names a zone", plain[:-1]) if is_region(plain[:-1]) else ("", None)


def host_starved(evidence: Evidence) -> Iterator[RuleFinding]:
    """ENV015: a step that the verdict needs failed, because this host gave the process no processor time for too
    long."""
    starved = [
        observation
        for observation in evidence.observations
        if observation.failure is not None and observation.failure.code == STARVED
    ]
    if not starved:
        return
    required = [target for target in evidence.targets if target.role is Role.REQUIRED]
    needed = {step for target in required for step in required_steps(evidence, target)}
    if evidence.run.region is None:
        needed |= {str(Step.IMDS), f"{HOST}/{SDK_SETTINGS}"}
    if all(observation is not None and observation.made for observation in map(evidence.find, needed)):
        return
    worst = max(starved, key=lambda observation: (observation.id in needed, observation.seconds or 0.0, observation.id))
    others = f" This happened to {counted(len(starved) - 1, 'more step')}." if len(starved) > 1 else ""
    yield RuleFinding(
        code="ENV015",
        target=None,
        headline={"starved": _message(worst)},
        detail=f"The step {worst.id} says nothing about the network: {_message(worst)}.{others}",
        evidence=ids(starved),
        fix=Fix(
            summary="Run again when this host has a processor to spare. Look at its load, the CPU quota of its "
            "container or cgroup, the CPU credits of a burstable instance, and for whatever stopped the process.",
            commands=(
                read_only("uptime"),
                read_only("cat", "/proc/pressure/cpu"),
                read_only("cat", "/sys/fs/cgroup/cpu.stat"),
                read_only("backuplink", "check", "--timeout", "10", "--deadline", "60"),
            ),
        ),
    )


def _message(observation: Observation[Any]) -> str:
    return "" if observation.failure is None else observation.failure.message


_UNUSABLE: Final = {
    "ProfileNotFound": "Unset AWS_PROFILE, or let it name a profile that exists in a file: the program reads the files "
    "of the user that it runs as.",
    "ConfigParseError": "Correct the file: each line is a [section], or a name = value.",
}
"""The fix for each exception of botocore."""


def hosts_file_override(evidence: Evidence) -> Iterator[RuleFinding]:
    """ENV009: the hosts file of this host answers for the name, so DNS is never used."""
    for target in evidence.targets:
        own = evidence.own_answer(target)
        entries = evidence.host.hosts_entries if evidence.host is not None else ()
        fixed = ordered(entry.address for entry in entries if target.host in entry.names and entry.address in own)
        lookup = evidence.own_lookup(target)
        if not fixed or lookup is None:
            continue
        given = ordered(address for answer in evidence.of(Step.DNS, target) for address in addresses_in(answer))
        beside = f"; the name servers give {listed(given)}" if given and given != fixed else ""
        private = [address for address in given if evidence.is_private(address)]
        instead = [address for address in private if address not in fixed]
        asked = [answer for answer in evidence.of(Step.DNS, target) if answer.subject.resolver is not None]
        is_needed = not private and any(map(has_answered, asked)) and evidence.run.expect is Expect.PRIVATE
        yield RuleFinding(
            code="ENV009",
            target=target.id,
            headline={"where": places(fixed)},
            detail=f"The hosts file of this host says that {target.host} is {listed(fixed)}{beside}. The addresses of "
            "an endpoint change when it is created again, and a hosts file does not follow."
            f"{also_silent(evidence, target, instead)}",
            evidence=ids([lookup, *(answer for answer in evidence.of(Step.DNS, target) if addresses_in(answer))]),
            # An address that a name server also gives would stay if the name were removed from the file.
            addresses=frozenset(fixed) - frozenset(given),
            shared=frozenset(map(str, fixed)),
            fix=Fix(
                summary=(_first_give_addresses(target) if is_needed else "")
                + "Remove this name from its line in the hosts file, and let DNS answer; other names may stand "
                "on that line. If it comes back, cloud-init (manage_etc_hosts) or configuration management writes "
                "it.",
                commands=(
                    read_only("grep", "-n", target.host, "/etc/hosts"),
                    read_only("grep", "-rn", "manage_etc_hosts", "/etc/cloud"),
                ),
            ),
        )


def _first_give_addresses(target: Target) -> str:
    """The sentences that precede the removal of a line, if no name server gives a private address in its place."""
    return (
        "No name server gives a private address for this name, so first let DNS give the endpoint's (private DNS, or a "
        f"private hosted zone), or {set_own_name(target)}. Until then the line needs the endpoint's present addresses. "
    )


def allowance_exceeded(evidence: Evidence) -> Iterator[RuleFinding]:
    """ENV013: counters of packets beyond the instance's allowances rose during the run. The driver of the interface has
    these counters."""
    seen = evidence.find(f"{HOST}/{ALLOWANCES}")
    exceeded = seen.facts.exceeded if seen is not None and isinstance(seen.facts, AllowanceFacts) else {}
    risen = sorted((name, count) for name, count in exceeded.items() if name.partition(" ")[2] in _EFFECTS)
    if seen is None or not risen:
        return
    counters = {name.partition(" ")[2] for name, _ in risen}
    yield RuleFinding(
        code="ENV013",
        target=None,
        headline={"risen": _exceeded(risen)},
        detail="During this run, this instance exceeded its network allowances: "
        f"{listed(f'{name} rose by {count}' for name, count in risen)}. So "
        f"{'; '.join(effect for counter, effect in _EFFECTS.items() if counter in counters)}.",
        evidence=ids([seen]),
        fix=Fix(
            summary="Link-local: ask the VPC's resolver less often (use a cache on this host); that limit cannot be "
            "raised. Connections (conntrack): reuse and close them. Packets (pps), or if this does not help: use a "
            "larger instance.",
            commands=(read_only("ethtool", "-S", risen[0][0].partition(" ")[0]),),
        ),
    )


def clock_skew(evidence: Evidence) -> Iterator[RuleFinding]:
    """ENV010: this host's clock differs from AWS's clock. AWS's time comes from an answer over verified TLS, or from
    metadata. If AWS's clocks differ, the smallest offset counts, minus its uncertainty."""
    if not evidence.clocks:
        return
    clock = min(evidence.clocks, key=lambda reading: abs(reading.offset))
    offset, sure = clock.offset, abs(clock.offset) - clock.uncertainty
    if sure < SKEW_SECONDS:
        return
    critical = sure >= GRAVE_SKEW_SECONDS
    yield RuleFinding(
        code="ENV010",
        target=None,
        headline={"off": f"{_span(abs(offset))} {'ahead of' if offset > 0 else 'behind'}"},
        severity=Severity.CRITICAL if critical else Severity.WARNING,
        detail=f"This host's clock is {_span(abs(offset))} {'ahead of' if offset > 0 else 'behind'} the clock of AWS, "
        f"give or take {duration(DATE_SECONDS + clock.uncertainty)}. "
        + (
            "Signed calls may be refused from 5 minutes on (the window is 5 or 15 minutes)."
            if critical
            else "Over 60 s can break a gateway appliance's TLS."
        ),
        evidence=ids(reading.observation for reading in evidence.clocks),
        addresses=_valid_then(evidence, offset),
        fix=set_clock(None if evidence.host is None else evidence.host.time_configuration),
    )


def proxy_captures_metadata(evidence: Evidence) -> Iterator[RuleFinding]:
    """ENV011: proxy variables also capture the metadata address."""
    seen = evidence.find(f"{HOST}/{METADATA_PROXY}")
    proxy = seen.facts.proxy if seen is not None and isinstance(seen.facts, ProxyFacts) else None
    if seen is None or proxy is None:
        return
    yield RuleFinding(
        code="ENV011",
        target=None,
        detail=f"The proxy variables of this process send requests for instance metadata to {proxy}, which cannot know "
        "this instance: tools that use these variables find no credentials.",
        evidence=ids([seen]),
        subjects=about(SubjectKind.URL, [proxy]),
        fix=Fix(
            summary="Add 169.254.169.254, 169.254.170.2, 169.254.170.23 and [fd00:ec2::254], with its brackets, to "
            "NO_PROXY and no_proxy.",
            commands=(SHOW_EXCEPTIONS,),
            lines=exceptions("169.254.169.254", "169.254.170.2", "169.254.170.23", "[fd00:ec2::254]"),
        ),
    )


def outside_vpc(evidence: Evidence) -> Iterator[RuleFinding]:
    """ENV012: neither metadata nor a VPC resolver answered. This host is not an instance, or does not look like one."""
    imds = evidence.metadata
    asked = [answer for answer in evidence.of(Step.DNS) if answer.subject.resolver in evidence.vpc_resolvers[:2]]
    if (
        evidence.in_aws
        or not imds
        or not all(observation.failure is not None and observation.made for observation in imds)
    ):
        return
    if not asked or not all(answer.made for answer in asked):
        return
    yield RuleFinding(
        code="ENV012",
        target=None,
        detail="Instance metadata gives no identity here, and no VPC's resolver answers: this host is taken to be "
        "outside AWS, and only its own name servers were asked.",
        evidence=ids([*imds, *asked]),
        fix=Fix(
            summary="Nothing to fix if this host is meant to be outside AWS. On premises, let the name servers forward "
            "the endpoint's names to an inbound Resolver endpoint, or use the endpoint's own DNS name."
        ),
    )


def _span(seconds: float) -> str:
    """`90 s`, or `5.0 days` if seconds would be hard to read."""
    return f"{seconds:.0f} s" if seconds < 86_400 else f"{seconds / 86_400:.1f} days"


def _counts(target: Target) -> bool:
    return target.role is Role.REQUIRED


def _valid_then(evidence: Evidence, offset: float) -> frozenset[Address]:
    """Addresses whose certificate is invalid at the time of this host's clock, and valid at the right time."""
    certificates = []
    for target in evidence.targets:
        for handshake in evidence.handshakes(target):
            leaf = (
                handshake.facts.certificates[0]
                if handshake.facts is not None and handshake.facts.certificates
                else None
            )
            untimely = handshake.failure is not None and handshake.failure.kind in _UNTIMELY
            if leaf is None or not untimely or handshake.started_at is None or handshake.subject.address is None:
                continue
            if leaf.not_before <= handshake.started_at - timedelta(seconds=offset) <= leaf.not_after:
                certificates.append(handshake.subject.address)
    return frozenset(certificates)


def _without_credentials(evidence: Evidence) -> bool:
    return evidence.credentials is not None and evidence.credentials.failure is not None


def _metadata_options(evidence: Evidence) -> Command:
    return read_only(
        *("aws", "ec2", "describe-instances", "--region", evidence.run.region or "<REGION>"),
        *("--instance-ids", "<INSTANCE_ID>"),
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
    Rule("ENV014", needs=(Step.DNS,), check=region_not_known),
    Rule("ENV015", needs=(), check=host_starved),
    Rule("ENV018", needs=(Step.HOST,), check=sdk_settings_unusable),
)
