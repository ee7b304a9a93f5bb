"""VPC rules for the differences between what the configuration predicts and what was measured."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from agent.catalog.findings import Severity
from agent.catalog.headline import Forms, spans
from agent.catalog.services import SERVICES
from agent.catalog.wording import listed
from agent.fixes.commands import read_only, show_profile
from agent.judge.agreement import configured_paths
from agent.judge.conditions.connects import Nature, nature_of
from agent.judge.evidence import Evidence
from agent.judge.observations import addresses_in, by_place, ids, kind_of, places, servers_of, verb_ending
from agent.judge.rules.rule import Rule, RuleFinding, resting_on, says
from agent.network.names import firewall_rule_for, private_zone_for, resolver_rule_for, unread_of_profiles
from agent.report.hops import Reachability
from agent.report.model import CommandScope, ConfiguredPath, Fix, Measured
from agent.report.subjects import resources
from probes.model import FailureKind, Observation, Step, Target
from probes.vpc.model import (
    AVAILABLE,
    DNS_FIREWALL,
    ENDPOINT_INTERFACES,
    ENDPOINTS,
    NETWORK_ACLS,
    PRIVATE_ZONES,
    PROFILE_RESOURCES,
    PROFILES,
    RESOLVER_RULES,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    SUBNETS,
    VPC_DNS,
    ProfileResource,
    VpcEndpoint,
)

_OF_PATHS: Final = (ENDPOINTS, ENDPOINT_INTERFACES, SECURITY_GROUPS, NETWORK_ACLS, ROUTE_TABLES, SUBNETS)
_OF_NAMES: Final = (ENDPOINTS, VPC_DNS, RESOLVER_RULES, PRIVATE_ZONES, DNS_FIREWALL, PROFILES, PROFILE_RESOURCES)
_RECORDS: Final = {"ipv6": "AAAA"}
"""The type of DNS record that an endpoint's names certainly have, by the endpoint's address type. For other address
types, it is A."""


def prediction_differs(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC014: a connect fails or succeeds contrary to the prediction, or private DNS is in order but not in effect."""
    for target in evidence.targets:
        paths = [path for path in configured_paths(evidence, target) if path.agrees is False]
        shut = [
            path for path in paths if path.predicted is Reachability.OPEN and _is_on_the_way(evidence, target, path)
        ]
        through = [path for path in paths if path.measured is Measured.CONNECTED]
        if shut or through:
            yield _paths_differ(evidence, target, shut, through)
        if answers := _not_in_effect(evidence, target):
            yield _names_differ(evidence, target, answers)


def _is_on_the_way(evidence: Evidence, target: Target, path: ConfiguredPath) -> bool:
    """Whether a connect was stopped on the way, and not by this host or its neighbour."""
    attempt = evidence.at(Step.TCP, target, path.address, path.port)
    stops = (Nature.SILENT, Nature.REFUSED)
    return attempt is not None and nature_of(attempt, evidence.own_addresses_of_host) in stops


def _paths_differ(
    evidence: Evidence, target: Target, shut: list[ConfiguredPath], through: list[ConfiguredPath]
) -> RuleFinding:
    sentences = []
    ec2_says = says(evidence, "EC2", *_OF_PATHS)
    if shut:
        kinds = ((Measured.SILENT, "timed out"), (Measured.REFUSED, "was refused"))
        ends = [_ports_at(alike, verb) for kind, verb in kinds if (alike := [e for e in shut if e.measured is kind])]
        sentences.append(
            f"{'; '.join(ends)}, though {ec2_says} that every security group, network ACL and route on the way lets it "
            "pass. The remaining causes are a filter on this host that drops only TCP, a firewall or an inspection "
            "device on the way, or a change since the configuration was read."
        )
    for words, open_ones in _by_words(through).items():
        sentences.append(f"{_ports_at(open_ones, 'connects')}, though {ec2_says} that {words}.")
    if through:
        sentences.append("Either the configuration has changed since it was read, or the traffic takes another way.")
    attempts = [evidence.at(Step.TCP, target, path.address, path.port) for path in (*shut, *through)]
    observed = [attempt for attempt in attempts if attempt is not None]
    finding = RuleFinding(
        code="VPC014",
        target=target.id,
        headline=_in_short(shut, through),
        severity=None if shut else Severity.INFO,
        detail=" ".join(sentences),
        evidence=ids(observed),
        subjects=resources(
            *(id_ for path in through for hop in path.hops if hop.stage is path.parted_at for id_ in hop.resources)
        ),
        addresses=places(observed),
        fix=_check_firewalls(target) if shut else _run_again(target),
    )
    return resting_on(evidence, finding, *_OF_PATHS)


def _in_short(shut: Sequence[ConfiguredPath], through: Sequence[ConfiguredPath]) -> dict[str, Forms | None]:
    """The headline's words for paths that differ from the prediction. Closed paths come first."""
    if shut:
        ended = "refused" if all(path.measured is Measured.REFUSED for path in shut) else "silent"
        return {"shut": f"{spans(path.port for path in shut)} {ended}"}
    stops = (id_ for path in through for hop in path.hops if hop.stage is path.parted_at for id_ in hop.resources)
    return {"open": spans(path.port for path in through), "stopper": next(stops, None)}


def _ports_at(paths: list[ConfiguredPath], verb: str) -> str:
    rows = by_place((path.address, path.port) for path in paths)
    return "; ".join(f"{listed(ports)} {verb} on {listed(where)}" for where, ports in rows)


def _by_words(through: list[ConfiguredPath]) -> dict[str, list[ConfiguredPath]]:
    """The paths, grouped by the words about the hop that should have stopped them."""
    by_words: dict[str, list[ConfiguredPath]] = {}
    for path in through:
        words = next((hop.words for hop in path.hops if hop.stage is path.parted_at), None)
        if words is not None:
            by_words.setdefault(words, []).append(path)
    return by_words


def _check_firewalls(target: Target) -> Fix:
    return Fix(
        summary="Check this host's own firewall first, for TCP rules on what leaves it. Then ask who runs the "
        "firewalls between this subnet and the endpoint's, and whether they pass these ports.",
        commands=(
            read_only("nft", "list", "ruleset"),
            read_only("backuplink", "check", "--region", target.region, "--service", target.service),
        ),
    )


def _run_again(target: Target) -> Fix:
    return Fix(
        summary="This breaks nothing. Run again: if the result is the same, see from which interface and source "
        "address this host sends, and through which devices.",
        commands=(read_only("backuplink", "check", "--region", target.region, "--service", target.service),),
    )


def _not_in_effect(evidence: Evidence, target: Target) -> list[Observation[Any]]:
    """The answers of the VPC's resolver that contradict the private DNS of an endpoint in this VPC. Empty if private
    DNS is off, or if a rule, a zone or a DNS Firewall may be the reason for the answers."""
    configuration = evidence.configuration
    dns, firewall = configuration.dns, configuration.firewall
    covering = _covering(evidence, target)
    if not covering or dns is None or not dns.support or not dns.hostnames:
        return []
    if configuration.resolver_rules is None or configuration.zones is None or firewall is None:
        return []
    if evidence.dropped(RESOLVER_RULES, PRIVATE_ZONES, DNS_FIREWALL):
        return []  # rows that were left out may be the reason
    brought = configuration.brought
    records = {_RECORDS.get(endpoint.ip_address_type or "", "A") for endpoint in covering}
    if (
        resolver_rule_for(evidence.configuration, target.host) is not None
        or private_zone_for(evidence.configuration, target.host) is not None
        or any(firewall_rule_for(evidence.configuration, target.host, record) is not None for record in records)
        or any(rule.domains is None for rule in (*firewall, *(() if brought is None else brought.firewall)))
    ):
        return []
    answers = [
        answer for answer in evidence.answers(target, evidence.vpc_resolvers) if answer.subject.operation in records
    ]
    if any(evidence.is_private(address) for answer in answers for address in addresses_in(answer)):
        return []
    return [
        answer for answer in answers if _is_public(evidence, target, answer) or kind_of(answer) is FailureKind.NXDOMAIN
    ]


def _covering(evidence: Evidence, target: Target) -> list[VpcEndpoint]:
    """The available endpoints of this VPC whose private DNS has the target's name. Empty for a service with gateway
    endpoints, since its private DNS may be on only for Resolver's inbound endpoints (EC2 API, DnsOptions)."""
    if SERVICES[target.service].has_gateway_endpoint:
        return []
    here = None if evidence.vpc_id is None else evidence.endpoints(target, vpc_id=evidence.vpc_id)
    return [
        endpoint
        for endpoint in here or ()
        if endpoint.state == AVAILABLE and endpoint.private_dns and target.host in endpoint.dns_names
    ]


def _is_public(evidence: Evidence, target: Target, answer: Observation[Any]) -> bool:
    addresses = addresses_in(answer)
    return bool(addresses) and all(
        evidence.is_public(address) and not evidence.is_expected(address, target) for address in addresses
    )


def _names_differ(evidence: Evidence, target: Target, answers: list[Observation[Any]]) -> RuleFinding:
    public = [answer for answer in answers if answer.ok]
    absent = [answer for answer in answers if not answer.ok]
    sentences = []
    if public:
        gave = listed(dict.fromkeys(address for answer in public for address in addresses_in(answer)))
        sentences.append(f"{servers_of(public)} give{verb_ending(public)} {gave} for {target.host}")
    if absent:
        sentences.append(f"{servers_of(absent)} say{verb_ending(absent)} that {target.host} does not exist")
    names = listed(endpoint.endpoint_id for endpoint in _covering(evidence, target))
    own = evidence.own_answer(target)
    look = _look_at_profiles(evidence, target)
    profiles = evidence.configuration.profiles
    finding = RuleFinding(
        code="VPC014",
        target=target.id,
        headline={"endpoint_on": _covering(evidence, target)[0].endpoint_id},
        severity=Severity.INFO if own and all(evidence.is_expected(address, target) for address in own) else None,
        detail=f"{listed(sentences)}, though {says(evidence, 'EC2', *_OF_NAMES)} that private DNS of {names} has "
        "the name, that DNS is on in the VPC, and that no Resolver rule, private hosted zone or DNS Firewall rule is "
        f"for it. The remaining causes are {_left_of_profiles(evidence)}a change in the last minutes, or a change "
        "since the configuration was read.",
        evidence=ids(answers),
        subjects=resources(
            *(endpoint.endpoint_id for endpoint in _covering(evidence, target)),
            *([] if profiles is None else profiles.profile_ids),
            *(resource.resource_id for resource in _unread(evidence)),
        ),
        addresses=frozenset(address for answer in public for address in addresses_in(answer)),
        fix=Fix(
            summary="Run again in some minutes: private DNS takes a few minutes to follow a change. If the answers "
            "stay the same, "
            + (f"{look.summary} Otherwise ask" if look is not None else "ask")
            + " AWS Support, and give these answers.",
            commands=(
                read_only("backuplink", "check", "--region", target.region, "--service", target.service),
                *(() if look is None else look.commands),
            ),
        ),
    )
    return resting_on(evidence, finding, *_OF_NAMES)


def _unread(evidence: Evidence) -> tuple[ProfileResource, ...]:
    account = None if evidence.imds is None else evidence.imds.account_id
    return unread_of_profiles(evidence.configuration, account)


def _left_of_profiles(evidence: Evidence) -> str:
    """The Profile resources that may be the reason for an answer; empty if all of them were read. ListHostedZonesByVPC
    and similar reads do not show them (Route 53 API Reference)."""
    profiles, unread = evidence.configuration.profiles, _unread(evidence)
    if profiles is None:
        return "a Route 53 Profile, whose zones, rules and firewall groups were not read, "
    if unread or evidence.dropped(PROFILES):
        ids_of = listed(resource.resource_id for resource in unread) if unread else "something of a kind not known here"
        return f"resources of the Route 53 Profile {listed(profiles.profile_ids)} that could not be read ({ids_of}), "
    return ""


def _look_at_profiles(evidence: Evidence, target: Target) -> Fix | None:
    """A fix that shows the unknown resources of Profiles; None if all of them are known."""
    profiles = evidence.configuration.profiles
    if profiles is None:
        return Fix(
            summary="see whether the VPC has a Route 53 Profile, and what this Profile brings.",
            commands=(
                read_only(
                    *("aws", "route53profiles", "list-profile-associations", "--region", target.region),
                    *("--resource-id", "<VPC_ID>"),
                    scope=CommandScope.VPC,
                ),
            ),
        )
    if not _left_of_profiles(evidence):
        return None
    return Fix(
        summary="ask the owner of the Profile what it brings.",
        commands=tuple(command for id_ in profiles.profile_ids for command in show_profile(target, id_)),
    )


RULES: Final = (Rule("VPC014", needs=(Step.DNS,), check=prediction_differs, reads=(ENDPOINTS,)),)
