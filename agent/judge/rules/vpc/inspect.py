"""VPC, looking closer: endpoint policies, zones, what could not be read, and where the configuration and the
measurement differ."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from agent.catalog.findings import Severity
from agent.catalog.partitions import partition_of
from agent.catalog.wording import listed
from agent.judge.endpoint_policy import Call, Decision, Judgement, judge, resource_of
from agent.judge.evidence import Evidence, skipped_because
from agent.judge.rules.connect import Nature, nature_of
from agent.judge.rules.iam import Denial, PrincipalKind, read_denial
from agent.judge.rules.rule import (
    Found,
    Rule,
    addresses_in,
    ids,
    known_id,
    places,
    read_only,
    resting_on,
    says,
    servers_of,
    verb_ending,
)
from agent.judge.rules.vpc.names import firewall_rule_for, private_zone_for, resolver_rule_for
from agent.judge.rules.vpc.paths import by_place, show_endpoints
from agent.report.hops import Reachability
from agent.report.model import FOREIGN_FACTS, NO_REGION, NO_VPC, Command, CommandScope, ConfiguredPath, Fix, Measured
from probes.facts import ApiFacts
from probes.model import NOT_BEGUN, FailureKind, Observation, Step, Target
from probes.vpc.model import (
    AVAILABLE,
    DNS_FIREWALL,
    ENDPOINT_INTERFACES,
    ENDPOINTS,
    NETWORK_ACLS,
    PRIVATE_ZONES,
    READS,
    RESOLVER_RULES,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    SUBNETS,
    VPC_DNS,
    VpcEndpoint,
)

# --- The endpoint's policy -------------------------------------------------------------------------------------------


def endpoint_policy_would_deny(evidence: Evidence) -> Iterator[Found]:
    """VPC008: AWS denies a call by an endpoint policy, and the document of that policy says why."""
    for target in evidence.targets:
        shut: dict[tuple[VpcEndpoint, str], list[Observation[ApiFacts]]] = {}
        judgements: dict[tuple[VpcEndpoint, str], tuple[str, Judgement]] = {}
        for call in evidence.calls(target):
            denial = _denial(call)
            endpoint = (
                evidence.endpoint_of(evidence.interface_at(call.subject.address)) if call.subject.address else None
            )
            if denial is None or endpoint is None:
                continue
            asked = _asked(evidence, target, call, denial, endpoint)
            judgement = judge(endpoint.policy, asked)
            if judgement.decision is (Decision.DENY if denial.explicit else Decision.NO_ALLOW):
                shut.setdefault((endpoint, judgement.words), []).append(call)
                judgements[endpoint, judgement.words] = asked.action, judgement
        if not shut:
            continue
        calls = [call for found in shut.values() for call in found]
        said = [
            f"AWS denies {judgements[key][0]} at {listed(each.subject.address for each in found)}. "
            f"{says(evidence, 'EC2', ENDPOINTS)} of the policy of {key[0].endpoint_id}: {key[1]}."
            for key, found in shut.items()
        ]
        found = Found(
            code="VPC008",
            target=target.id,
            detail=" ".join(said),
            evidence=ids(calls),
            addresses=places(calls),
            fix=Fix(
                summary=" ".join(_mend_policy(endpoint, *judgements[endpoint, words]) for endpoint, words in shut)
                + " Changes take some minutes.",
                commands=(
                    show_endpoints(target, dict.fromkeys(each for each, _ in shut), "VpcEndpoints[].PolicyDocument"),
                ),
            ),
        )
        yield resting_on(evidence, found, ENDPOINTS, ENDPOINT_INTERFACES)


def _denial(call: Observation[ApiFacts]) -> Denial | None:
    """What AWS says of a call that the endpoint's own policy denied; None for all others. A Deny that comes by way of
    the organisation does not stand in that policy."""
    if call.failure is None or call.failure.kind is not FailureKind.ACCESS_DENIED or call.facts is None:
        return None
    denial = read_denial(call.facts.error_message or "")
    return denial if denial.policy == "vpc-endpoint" and not denial.via_service_control else None


def _asked(
    evidence: Evidence, target: Target, call: Observation[ApiFacts], denial: Denial, endpoint: VpcEndpoint
) -> Call:
    """What is known of a call, as endpoint policies see it."""
    operation = call.facts.operation if call.facts is not None else ""
    action = denial.action or f"{target.service}:{operation}"
    kind, principal = denial.principal_kind, denial.principal
    is_arn = kind is not None and kind not in (PrincipalKind.ACCOUNT, PrincipalKind.SERVICE)
    account = principal if kind is PrincipalKind.ACCOUNT else principal.split(":")[4] if is_arn and principal else None
    context = {"aws:sourcevpce": endpoint.endpoint_id, "aws:sourcevpc": endpoint.vpc_id}
    source = evidence.source(target, call.subject.address) if call.subject.address is not None else None
    if source is not None and endpoint.vpc_id == evidence.vpc_id:
        context["aws:vpcsourceip"] = str(source)
    return Call(
        action=action,
        resource=denial.resource
        or resource_of(action, partition=target.partition, region=target.region, account=account),
        principal_arn=principal if is_arn else None,
        principal_account=account,
        context=context,
    )


def _mend_policy(endpoint: VpcEndpoint, action: str, judgement: Judgement) -> str:
    if judgement.decision is Decision.DENY:
        return (
            f"Edit {judgement.statement} in the policy of {endpoint.endpoint_id}, so that its Deny no longer fits "
            f"{action} by this caller, and see that an Allow does."
        )
    return (
        f"Add to the policy of {endpoint.endpoint_id} a statement with Effect Allow, Action {action}, Resource * and "
        "this caller's role or account as Principal; what is there stays."
    )


# --- Zones -----------------------------------------------------------------------------------------------------------


def zone_not_covered(evidence: Evidence) -> Iterator[Found]:
    """VPC009: the endpoint that this host uses has no interface in this instance's zone."""
    zone_id = None if evidence.imds is None else evidence.imds.availability_zone_id
    for target in evidence.targets:
        used = [evidence.endpoint_of(evidence.interface_at(address)) for address in evidence.own_addresses(target)]
        endpoints = list(dict.fromkeys(each for each in used if each is not None))
        zones = {zone for each in endpoints for zone in _zones(evidence, each)}
        # One zone that is not known may be this instance's.
        if not endpoints or zone_id is None or None in zones or zone_id in zones:
            continue
        names = listed(each.endpoint_id for each in endpoints)
        have = "has" if len(endpoints) == 1 else "have"
        near = [each for each in endpoints if each.vpc_id == evidence.vpc_id]
        commands = [
            read_only(
                *("aws", "ec2", "describe-vpc-endpoint-services", "--region", target.region),
                *("--service-names", target.service_name or "<SERVICE_NAME>"),
                *("--query", "ServiceDetails[].AvailabilityZones"),
                scope=CommandScope.ENDPOINT,
            ),
            *(_cover(target, each) for each in near[:1]),
        ]
        found = Found(
            code="VPC009",
            target=target.id,
            detail=f"{says(evidence, 'EC2', SUBNETS, ENDPOINT_INTERFACES)}: {names} {have} interfaces in "
            f"{listed(sorted(zone for zone in zones if zone is not None))}, and none in {zone_id}, where this instance "
            "is. Each call crosses zones, and depends on theirs.",
            evidence=ids(evidence.metadata),
            addresses=frozenset(evidence.own_addresses(target)),
            fix=Fix(
                summary="Nothing to mend where that is meant. Otherwise give the endpoint a subnet in this zone, if "
                "the service is offered there.",
                commands=tuple(commands),
            ),
        )
        yield resting_on(evidence, found, ENDPOINTS, ENDPOINT_INTERFACES, SUBNETS)


def _zones(evidence: Evidence, endpoint: VpcEndpoint) -> Iterator[str | None]:
    """The ids of the zones that an endpoint has interfaces in, None for each that is not known."""
    interfaces = {each.interface_id: each for each in evidence.configuration.endpoint_interfaces or ()}
    for interface_id in endpoint.interface_ids:
        interface = interfaces.get(interface_id)
        subnet = None if interface is None else evidence.subnet(interface.subnet_id)
        yield None if subnet is None else subnet.availability_zone_id


def _cover(target: Target, endpoint: VpcEndpoint) -> Command:
    """Give an endpoint an interface in this host's own subnet."""
    return Command(
        argv=(
            *("aws", "ec2", "modify-vpc-endpoint", "--region", target.region),
            *("--vpc-endpoint-id", known_id(endpoint.endpoint_id, "<VPC_ENDPOINT_ID>")),
            *("--add-subnet-ids", "<SUBNET_ID>"),
        ),
        scope=CommandScope.ENDPOINT,
        reversible=True,
        undo="take the subnet out again: the same command with --remove-subnet-ids in place of --add-subnet-ids",
    )


# --- What could not be read ------------------------------------------------------------------------------------------

_NO_ANSWER: Final = frozenset(
    {
        FailureKind.TIMEOUT,
        FailureKind.UNREACHABLE,
        FailureKind.REFUSED,
        FailureKind.RESET,
        FailureKind.CLOSED,
        FailureKind.PROHIBITED,
        FailureKind.NXDOMAIN,
        FailureKind.NODATA,
    }
)
"""Of a service that has no way from here."""
_NAMES: Final = {"ec2": "EC2", "route53resolver": "Route 53 Resolver", "route53": "Route 53"}
"""Services that are read, by the prefix of their IAM actions."""
_EC2: Final = "ec2"
_ROUTE_53: Final = "route53"


def cannot_inspect(evidence: Evidence) -> Iterator[Found]:
    """VPC013: the configuration was wanted, and some of it could not be read or was not looked at. Outside of AWS there
    is none to read, and only a file that was given and not used is worth a word."""
    looks = {each.subject.operation: each for each in evidence.of(Step.EC2)} if evidence.run.ec2_reads else {}
    reads = [looks[name] for name in READS if name in looks]
    failed = [each for each in reads if each.failure is not None and each.made]
    foreign = [each for each in reads if (skipped_because(each) or "").startswith(FOREIGN_FACTS)]
    unplaced = [each for each in reads if evidence.in_aws and skipped_because(each) in (NO_VPC, NO_REGION)]
    # A run that was itself cut short says so in RUN001.
    cut = [each for each in reads if evidence.run.complete and _is_cut(each)]
    search = evidence.credentials
    # With signed calls, what is wrong with credentials has findings of its own.
    keyless = bool(reads) and not evidence.run.signed_calls and search is not None and search.failure is not None
    denied = [each for each in failed if _kind(each) is FailureKind.NOT_PERMITTED]
    silent = [each for each in failed if _kind(each) in _NO_ANSWER]
    others = [each for each in failed if each not in denied and each not in silent]
    nothing = not any(each.ok for each in reads)
    said = [
        *(f"The facts file was not used: {reason}." for reason in _reasons(foreign)),
        *(f"Nothing was read: {reason}." for reason in _reasons(unplaced)),
        *(["No credentials were found to read it with."] if keyless else []),
        *_denied_words(denied, nothing=nothing and len(denied) == len(failed)),
        *_silent_words(silent, reads),
        *_other_words(others, nothing=nothing and len(others) == len(failed)),
        *(["The run's deadline came before all of it was read."] if cut else []),
    ]
    if not said:
        return
    region = evidence.run.region or "<REGION>"
    # Route 53 is silent in every closed network, and there is nothing to do about it.
    cut_off = {_service(each) for each in silent} - {_ROUTE_53}
    from_file = any(each.started_at is not None and each.started_at < evidence.run.started_at for each in failed)
    yield Found(
        code="VPC013",
        target=None,
        detail=("When the facts file was made: " if from_file else "")
        + " ".join(said)
        + " What was not read explains nothing here, and is no fault of the path.",
        evidence=ids([*failed, *foreign, *unplaced, *cut, *([search] if keyless and search is not None else [])]),
        fix=Fix(
            summary=_what_helps(
                evidence,
                denied=bool(denied),
                cut_off=cut_off,
                skewed=any(_kind(each) is FailureKind.CLOCK_SKEW for each in others),
                unused=_reasons([*foreign, *unplaced]),
                keyless=keyless,
            ),
            commands=(
                *([read_only("backuplink", "permissions", "--region", region)] if denied or keyless else []),
                *([_take_facts(region)] if cut_off or keyless or any(map(_is_of_others, foreign)) else []),
            ),
        ),
    )


def _is_cut(read: Observation[Any]) -> bool:
    """Whether the end of the time that reads have left it open."""
    return _kind(read) is FailureKind.DEADLINE or (skipped_because(read) or "").startswith(NOT_BEGUN)


def _reasons(reads: Iterable[Observation[Any]]) -> list[str]:
    return sorted({str(skipped_because(each)) for each in reads})


def _is_of_others(read: Observation[Any]) -> bool:
    """Whether the file is known to be another network's, not only nobody's that is known."""
    return not str(skipped_because(read)).endswith(NO_VPC)


def _kind(read: Observation[Any]) -> FailureKind | None:
    return None if read.failure is None else read.failure.kind


def _service(read: Observation[Any]) -> str:
    return READS[read.subject.operation or ""].actions[0].split(":")[0]


def _words(reads: Iterable[Observation[Any]]) -> str:
    return listed(READS[each.subject.operation or ""].words for each in reads)


def _denied_words(denied: list[Observation[Any]], *, nothing: bool) -> Iterator[str]:
    if denied:
        actions = sorted({action for each in denied for action in READS[each.subject.operation or ""].actions})
        what = "Not permitted to read any of it." if nothing else f"Not permitted to read: {_words(denied)}."
        yield f"{what} That takes {listed(actions)}."


def _silent_words(silent: list[Observation[Any]], reads: list[Observation[Any]]) -> Iterator[str]:
    for service, name in _NAMES.items():
        without = [each for each in silent if _service(each) == service]
        if not without:
            continue
        if service == _ROUTE_53:
            yield (
                f"{name} has one endpoint for the whole world and no private path to it, so that a closed network "
                f"cannot read {_words(without)}; that is as it should be."
            )
        elif any(each.ok for each in reads if _service(each) == service):
            yield f"{name} did not answer for {_words(without)}."
        else:
            yield f"{name} does not answer from here."


def _other_words(others: list[Observation[Any]], *, nothing: bool) -> Iterator[str]:
    by_reason: dict[str, list[Observation[Any]]] = {}
    for each in others:
        by_reason.setdefault(_reason(each), []).append(each)
    for reason, found in by_reason.items():
        what = "nothing was read" if nothing and len(by_reason) == 1 else f"not read: {_words(found)}"
        yield f"{reason}; {what}."


def _reason(read: Observation[Any]) -> str:
    match _kind(read):
        case FailureKind.THROTTLED:
            return "AWS asks for fewer calls"
        case FailureKind.CLOCK_SKEW:
            return "AWS refuses the time in the signature"
    return f"{_NAMES[_service(read)]} gave nothing to go by ({'' if read.failure is None else read.failure.message})"


def _take_facts(region: str) -> Command:
    return read_only("backuplink", "facts", "--region", region, "--vpc", "<VPC_ID>", "--output", "<FACTS_FILE>")


def _what_helps(
    evidence: Evidence, *, denied: bool, cut_off: set[str], skewed: bool, unused: list[str], keyless: bool
) -> str:
    said = list(dict.fromkeys(_what_places(evidence, reason) for reason in unused))
    if keyless:
        said.append("Give this host a role that may read, or take the facts elsewhere and run with --ec2-facts.")
    if denied:
        said.append("Grant the reads that are missing; the policy is printed by the command below.")
    if skewed:
        said.append("Set this host's clock: chrony with the Amazon Time Sync Service at 169.254.169.123.")
    if _EC2 in cut_off and evidence.run.region is not None:
        prefix = partition_of(evidence.run.region).service_name_prefix
        said.append(f"An interface endpoint {prefix}.{evidence.run.region}.ec2 would make EC2 answer here.")
    if cut_off:
        said.append(
            f"{listed(_NAMES[each] for each in sorted(cut_off))} can be read elsewhere: by the command below, whose "
            "file a run here takes with --ec2-facts."
        )
    if not said and any(_service(each) == _ROUTE_53 and _kind(each) in _NO_ANSWER for each in evidence.of(Step.EC2)):
        return (
            "Nothing to mend for this; a file of `backuplink facts`, made elsewhere, has the private hosted zones too."
        )
    return " ".join(said) or "Nothing to mend for this; run again later where the configuration is wanted."


def _what_places(evidence: Evidence, reason: str) -> str:
    """What makes a configuration be looked at that was left alone for this reason."""
    if reason == NO_REGION:
        return "Name the Region with --region."
    if not reason.endswith(NO_VPC):
        return "Take the facts of this VPC, where EC2 is reachable, and run with --ec2-facts and that file."
    if evidence.in_aws:
        return "Let instance metadata answer: it alone tells which VPC this host is in."
    return "Run on an instance of the VPC that the file is of: its metadata alone tells that it is there."


# --- Where the configuration and the measurement differ --------------------------------------------------------------

_OF_PATHS: Final = (ENDPOINTS, ENDPOINT_INTERFACES, SECURITY_GROUPS, NETWORK_ACLS, ROUTE_TABLES, SUBNETS)
_OF_NAMES: Final = (ENDPOINTS, VPC_DNS, RESOLVER_RULES, PRIVATE_ZONES, DNS_FIREWALL)
_LEFT_OF_NAMES: Final = "a Route 53 Profile, whose zones, rules and firewall groups these reads do not show"
"""Route 53 API Reference, ListHostedZonesByVPC: zones that a Profile brings are not among them."""
_RECORDS: Final = {"ipv6": "AAAA"}
"""The type of record in which an endpoint's names have addresses for certain, by its address type; A for the others."""


def prediction_differs(evidence: Evidence) -> Iterator[Found]:
    """VPC014: what should pass does not, what should not does, or private DNS is in order and not in effect."""
    for target in evidence.targets:
        paths = [path for path in evidence.configured_paths(target) if path.agrees is False]
        shut = [
            each for each in paths if each.predicted is Reachability.OPEN and _is_on_the_way(evidence, target, each)
        ]
        through = [each for each in paths if each.measured is Measured.CONNECTED]
        if shut or through:
            yield _paths_differ(evidence, target, shut, through)
        if answers := _not_in_effect(evidence, target):
            yield _names_differ(evidence, target, answers)


def _is_on_the_way(evidence: Evidence, target: Target, path: ConfiguredPath) -> bool:
    """Whether it is not this host, nor its neighbour, that stopped a connect."""
    attempt = evidence.at(Step.TCP, target, path.address, path.port)
    stops = (Nature.SILENT, Nature.REFUSED)
    return attempt is not None and nature_of(attempt, evidence.own_addresses_of_host) in stops


def _paths_differ(
    evidence: Evidence, target: Target, shut: list[ConfiguredPath], through: list[ConfiguredPath]
) -> Found:
    said = []
    ec2_says = says(evidence, "EC2", *_OF_PATHS)
    if shut:
        kinds = ((Measured.SILENT, "timed out"), (Measured.REFUSED, "was refused"))
        ends = [_ports_at(alike, verb) for kind, verb in kinds if (alike := [e for e in shut if e.measured is kind])]
        said.append(
            f"{'; '.join(ends)}, though {ec2_says} that every security group, network ACL and route on the way lets it "
            "pass. What is left: a filter on this host that drops TCP alone, a firewall or an inspection device on the "
            "way, or a change since that was read."
        )
    for words, open_ones in _by_words(through).items():
        said.append(f"{_ports_at(open_ones, 'connects')}, though {ec2_says} that {words}.")
    if through:
        said.append("Either that has changed since it was read, or the traffic takes another way.")
    attempts = [evidence.at(Step.TCP, target, each.address, each.port) for each in (*shut, *through)]
    made = [each for each in attempts if each is not None]
    found = Found(
        code="VPC014",
        target=target.id,
        severity=None if shut else Severity.INFO,
        detail=" ".join(said),
        evidence=ids(made),
        addresses=places(made),
        fix=_look_between(target) if shut else _look_again(target),
    )
    return resting_on(evidence, found, *_OF_PATHS)


def _ports_at(paths: list[ConfiguredPath], verb: str) -> str:
    rows = by_place((each.address, each.port) for each in paths)
    return "; ".join(f"{listed(ports)} {verb} on {listed(where)}" for where, ports in rows)


def _by_words(through: list[ConfiguredPath]) -> dict[str, list[ConfiguredPath]]:
    """By what should have stopped them."""
    found: dict[str, list[ConfiguredPath]] = {}
    for path in through:
        words = next((hop.words for hop in path.hops if hop.stage is path.parted_at), None)
        if words is not None:
            found.setdefault(words, []).append(path)
    return found


def _look_between(target: Target) -> Fix:
    return Fix(
        summary="Look at this host's own firewall first, for TCP rules on what leaves it. Then ask who runs the "
        "firewalls between this subnet and the endpoint's, and whether they pass these ports.",
        commands=(
            read_only("nft", "list", "ruleset"),
            read_only("backuplink", "check", "--region", target.region, "--service", target.service),
        ),
    )


def _look_again(target: Target) -> Fix:
    return Fix(
        summary="Nothing is broken by it. Run again: where it stays so, see by which interface and which source "
        "address this host sends, and through what.",
        commands=(read_only("backuplink", "check", "--region", target.region, "--service", target.service),),
    )


def _not_in_effect(evidence: Evidence, target: Target) -> list[Observation[Any]]:
    """The answers of the VPC's resolver that have no place beside the private DNS of an endpoint in this VPC; none
    where that is not on, or where a rule, a zone or a firewall may be behind them."""
    configuration = evidence.configuration
    dns, firewall = configuration.dns, configuration.firewall
    covering = _covering(evidence, target)
    if not covering or dns is None or not dns.support or not dns.hostnames:
        return []
    if configuration.resolver_rules is None or configuration.zones is None or firewall is None:
        return []
    records = {_RECORDS.get(each.ip_address_type or "", "A") for each in covering}
    if (
        resolver_rule_for(evidence, target.host) is not None
        or private_zone_for(evidence, target.host) is not None
        or any(firewall_rule_for(evidence, target.host, record) is not None for record in records)
        or any(each.domains is None for each in firewall)
    ):
        return []
    answers = [each for each in evidence.answers(target, evidence.vpc_resolvers) if each.subject.operation in records]
    if any(evidence.is_private(address) for each in answers for address in addresses_in(each)):
        return []
    return [each for each in answers if _is_public(evidence, each) or _kind(each) is FailureKind.NXDOMAIN]


def _covering(evidence: Evidence, target: Target) -> list[VpcEndpoint]:
    """The available endpoints of this VPC whose private DNS has the target's name."""
    here = None if evidence.vpc_id is None else evidence.endpoints(target, vpc_id=evidence.vpc_id)
    return [
        each for each in here or () if each.state == AVAILABLE and each.private_dns and target.host in each.dns_names
    ]


def _is_public(evidence: Evidence, answer: Observation[Any]) -> bool:
    addresses = addresses_in(answer)
    return bool(addresses) and all(
        evidence.is_public(address) and not evidence.is_expected(address) for address in addresses
    )


def _names_differ(evidence: Evidence, target: Target, answers: list[Observation[Any]]) -> Found:
    public = [each for each in answers if each.ok]
    absent = [each for each in answers if not each.ok]
    said = []
    if public:
        gave = listed(dict.fromkeys(address for each in public for address in addresses_in(each)))
        said.append(f"{servers_of(public)} give{verb_ending(public)} {gave} for {target.host}")
    if absent:
        said.append(f"{servers_of(absent)} say{verb_ending(absent)} that {target.host} does not exist")
    names = listed(each.endpoint_id for each in _covering(evidence, target))
    own = evidence.own_answer(target)
    found = Found(
        code="VPC014",
        target=target.id,
        severity=Severity.INFO if own and all(map(evidence.is_expected, own)) else None,
        detail=f"{listed(said)}, though {says(evidence, 'EC2', *_OF_NAMES)} that private DNS of {names} has the name, "
        "that DNS is on in the VPC, and that no Resolver rule, private hosted zone or DNS Firewall rule is for it. "
        f"What is left: {_LEFT_OF_NAMES}, a change of the last minutes, or one since that was read.",
        evidence=ids(answers),
        addresses=frozenset(address for each in public for address in addresses_in(each)),
        fix=Fix(
            summary="Run again in some minutes: private DNS takes a few to follow a change. Where it stays so, see "
            "whether the VPC has a Route 53 Profile, and what that brings. Else ask AWS Support, and give these "
            "answers.",
            commands=(
                read_only("backuplink", "check", "--region", target.region, "--service", target.service),
                read_only(
                    *("aws", "route53profiles", "list-profile-associations", "--region", target.region),
                    *("--resource-id", "<VPC_ID>"),
                    scope=CommandScope.VPC,
                ),
            ),
        ),
    )
    return resting_on(evidence, found, *_OF_NAMES)


RULES: Final = (
    Rule("VPC008", needs=(Step.API,), check=endpoint_policy_would_deny, reads=(ENDPOINTS, ENDPOINT_INTERFACES)),
    Rule(
        "VPC009",
        needs=(Step.DNS, Step.IMDS),
        check=zone_not_covered,
        reads=(ENDPOINTS, ENDPOINT_INTERFACES, SUBNETS),
    ),
    Rule("VPC013", needs=(), check=cannot_inspect),
    Rule("VPC014", needs=(Step.DNS,), check=prediction_differs, reads=(ENDPOINTS,)),
)
