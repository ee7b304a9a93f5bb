"""TCP rules: who answered a connect, in which way, and from where.

Each rule reports the failed attempts of one nature, as `agent.judge.conditions.connects` distinguishes them.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from agent.catalog.findings import Severity
from agent.catalog.headline import of_ports
from agent.catalog.wording import after, duration, listed
from agent.fixes.by_code import NOT_THE_APPLIANCE, fix_of
from agent.fixes.changes import Admission, written
from agent.fixes.commands import describe_endpoint, read_only, show_profile, show_route_tables, this_host
from agent.fixes.fault import GROUP, Fault
from agent.judge.agreement import configured_paths
from agent.judge.conditions.central import Leader, is_elsewhere, leader_of
from agent.judge.conditions.connects import (
    NOTHING,
    Nature,
    connects_beside,
    connects_elsewhere,
    failed_connects,
    family_down,
    nature_of,
    reaches_nothing,
    speaks_for_all,
    unrouted_ipv6,
    version_of,
)
from agent.judge.evidence import Evidence
from agent.judge.observations import ids, places, whose_address
from agent.judge.requirements import judged_ports, required_ports
from agent.judge.rules.rule import Rule, RuleFinding, grouped_by_place, ports_at
from agent.report.hops import Reachability
from agent.report.model import Command, CommandScope, Fix
from probes.addresses import ordered
from probes.facts import TcpFacts
from probes.model import Address, Observation, Step, Target
from probes.ports import HTTPS, SUPPORT_CHANNEL

QUICK_SECONDS: Final = 0.0002
"""A faster reset can come from a filter on this host (measured: under 0.2 ms)."""


def _beside(evidence: Evidence, target: Target, attempts: list[Observation[TcpFacts]]) -> tuple[str, ...]:
    """Ids of the attempts, and of the silent or refused attempts on other required ports of the same addresses. The
    latter show the same fault."""
    ports = tuple(port for port in judged_ports(target) if port != HTTPS)
    more = [
        attempt
        for nature in (Nature.SILENT, Nature.REFUSED)
        for attempt in failed_connects(evidence, target, nature, ports)
        if attempt.subject.address in places(attempts)
    ]
    return ids([*attempts, *more])


def port_blocked(evidence: Evidence) -> Iterator[RuleFinding]:
    """TCP001: no address connects on 443, and the attempts that are not explained otherwise are silent."""
    for target in evidence.targets:
        tried = evidence.connects(target, HTTPS)
        silent = failed_connects(evidence, target, Nature.SILENT, (HTTPS,))
        if not silent or any(attempt.ok for attempt in tried):
            continue
        where = listed(attempt.subject.address for attempt in silent)
        elsewhere = connects_elsewhere(evidence, target)
        others = connects_beside(evidence, target, places(silent))
        unseen = [address for address in evidence.own_addresses(target) if address not in places(tried)]
        none = "no address that this host gets connects" if elsewhere or others else "no address connects"
        rest = f"{listed(unseen)} {_was(unseen)} not measured" if unseen else none
        near = [attempt for attempt in silent if _is_in_own_subnet(evidence, attempt)]
        device = "a security group does" if len(near) == len(silent) else "a security group or a network ACL does"
        beside = f" {_beside_this_host(near)}" if near else ""
        if elsewhere:
            connect = "connects" if len(elsewhere) == 1 else "connect"
            beside += f" {listed(elsewhere)}, which the VPC's resolver gives, {connect}: this host's own name servers "
            beside += "may have an old record."
        elif others:
            beside += f" {listed(others)}, which a name server gives in the same answer, "
            beside += "connects." if len(others) == 1 else "connect."
        is_all = speaks_for_all(evidence, target, Nature.SILENT)
        fix, leader = _suggested(evidence, target, silent, near, is_all=is_all, others=others)
        yield RuleFinding(
            code="TCP001",
            target=target.id,
            headline=of_ports([HTTPS]),
            detail=f"443 timed out on {where}{_share(evidence, target, silent)}{', each' if len(silent) > 1 else ''} "
            f"{after(silent)}; {rest}. Packets are dropped silently, as {device}; a filter on this host that drops "
            f"only TCP looks the same.{beside}{_OF_EVERYTHING * is_all}",
            evidence=_beside(evidence, target, silent),
            addresses=places(silent),
            subjects=() if leader is None else leader.subjects,
            stops_everything=is_all,
            shared=NOTHING if reaches_nothing(evidence) else frozenset(),
            fix=_compare_records(target, fix) if elsewhere else fix,
        )


_OF_EVERYTHING: Final = (
    " Everything that this host tried fails in this way, including instance metadata: the cause is this host or its "
    "subnet, not an endpoint."
)
LOOK_AT_THIS_HOST: Final = Fix(
    summary="Nothing that leaves this host is answered, so check this host first: its interface and default route, its "
    "own firewall (also for 169.254.169.254), then the outbound rules of its security group and the network ACL and "
    "routes of its subnet. The AWS CLI reaches nothing from here: run it from a machine with EC2 access.",
    commands=(
        read_only("ip", "address", "show"),
        read_only("ip", "route", "show"),
        read_only("nft", "list", "ruleset"),
    ),
)


def _compare_records(target: Target, otherwise: Fix) -> Fix:
    """The first step of the fix if the VPC's resolver gives addresses that connect."""
    return Fix(
        summary="First compare the addresses that this host's name servers give for the name with those of the "
        "intended endpoint. If they differ, let the name servers forward the name to the VPC's resolver. If they are "
        f"the same: {otherwise.summary}",
        commands=(read_only("getent", "ahosts", target.host), *otherwise.commands),
    )


def _is_let_pass(evidence: Evidence, target: Target, attempts: Sequence[Observation[TcpFacts]]) -> bool:
    """Whether groups, network ACLs and routes let all of these attempts pass, according to fresh reads of EC2. The fix
    then does not change them."""
    tried = {(attempt.subject.address, attempt.subject.port) for attempt in attempts}
    paths = [path for path in configured_paths(evidence, target) if (path.address, path.port) in tried]
    known = evidence.is_configuration_fresh and len(paths) == len(tried)
    return known and all(path.predicted is Reachability.OPEN for path in paths)


_CHECK_FIREWALLS: Final = Fix(
    summary="EC2 says that groups, network ACLs and routes let this pass, so there is nothing to open in them. Look at "
    "this host's own firewall, for TCP rules on what leaves it, and at firewalls between the subnets.",
    commands=(read_only("nft", "list", "ruleset"),),
)


def _is_in_own_subnet(evidence: Evidence, attempt: Observation[TcpFacts]) -> bool:
    """Whether, according to metadata, both ends are in this host's own subnet. A network ACL acts at the edge of a
    subnet, and not inside it (Amazon VPC User Guide)."""
    address = attempt.subject.address
    source = attempt.facts.source if attempt.facts is not None else None
    blocks = evidence.imds.subnet_cidrs if evidence.imds is not None else ()
    return any(address in block and (source is None or source in block) for block in blocks)


def _beside_this_host(near: list[Observation[TcpFacts]]) -> str:
    one = len(near) == 1
    return (
        f"{listed(attempt.subject.address for attempt in near)} {'is' if one else 'are'} in this host's own subnet, "
        "and no network ACL acts inside a subnet."
    )


def _suggested(
    evidence: Evidence,
    target: Target,
    silent: list[Observation[TcpFacts]],
    near: list[Observation[TcpFacts]],
    *,
    is_all: bool,
    others: Collection[Address],
) -> tuple[Fix, Leader | None]:
    """The fix to suggest if all addresses are silent, and what leads the name to another VPC if the fix names it.
    `others` connect, and belong to the same name."""
    if is_all:
        return LOOK_AT_THIS_HOST, None
    if all(evidence.is_public(address) or evidence.may_have_gateway(address) for address in places(silent)):
        return _let_out(silent), None
    if _is_let_pass(evidence, target, silent):
        return _CHECK_FIREWALLS, None
    if others:
        return _compare_subnets(evidence, target, silent, [], []), None
    if is_elsewhere(evidence, places(silent)):
        leader = leader_of(evidence, target, places(silent))
        return _ask_the_owner(target, leader, silent), leader
    if _is_of_the_vpcs_owner(evidence, silent):
        return _ask_the_owner_of_the_vpc(evidence, target, silent), None
    return _let_in(target, silent, near), None


def _ask_the_owner(target: Target, leader: Leader | None, silent: Sequence[Observation[TcpFacts]]) -> Fix:
    """The fix to suggest if the endpoint is in another VPC, whose groups the owner of this VPC cannot change."""
    led = "" if leader is None else f", and {leader.words} leads the name there"
    of = "" if leader is None or leader.owner is None else f" (account {leader.owner})"
    return Fix(
        summary=f"The endpoint is in another VPC{led}. Have its owner{of} allow {listed(this_host(silent))} on 443 in "
        "its security group, and check the routes and network ACLs there and back.",
        commands=(
            show_route_tables(target),
            *([] if leader is None or not leader.profile_id else show_profile(target, leader.profile_id)),
        ),
    )


def _is_of_the_vpcs_owner(evidence: Evidence, attempts: Sequence[Observation[TcpFacts]]) -> bool:
    """Whether another account shares this VPC, and this account sees none of the interfaces at these addresses."""
    return bool(evidence.is_vpc_shared) and not any(map(evidence.interface_at, places(attempts)))


def _ask_the_owner_of_the_vpc(evidence: Evidence, target: Target, silent: Sequence[Observation[TcpFacts]]) -> Fix:
    """The fix to suggest if the VPC is shared by another account. That account also owns the endpoint and its
    groups."""
    vpc = evidence.configuration.vpc
    of = "" if vpc is None or vpc.owner_id is None else f" (account {vpc.owner_id})"
    return Fix(
        summary="Another account shares this VPC, and this account does not see the endpoint. Have the VPC's "
        f"owner{of} allow {listed(this_host(silent))} on 443 in the endpoint's security group, and check the network "
        "ACLs of both subnets. Let 443 out in this host's own group.",
        commands=(_show_own_group(target.region),),
    )


def _show_own_group(region: str) -> Command:
    return read_only(
        *("aws", "ec2", "describe-security-group-rules", "--region", region),
        *("--filters", "Name=group-id,Values=<INSTANCE_SECURITY_GROUP_ID>"),
        scope=CommandScope.VPC,
    )


def _let_in(target: Target, silent: list[Observation[TcpFacts]], near: list[Observation[TcpFacts]]) -> Fix:
    """The fix to suggest if an endpoint is silent. No ACL is on the path to the addresses in `near`."""
    parts = ["Allow this host on 443 in the endpoint's security group, and let 443 out in this host's own group."]
    if len(near) < len(silent):
        parts.append("Both subnets' network ACLs must pass 443 there and ports 1024-65535 on the way back.")
    return Fix(
        summary=" ".join(parts),
        commands=(
            describe_endpoint(target),
            _show_own_group(target.region),
            *written(target.region, *(Admission(GROUP, (HTTPS, HTTPS), source) for source in this_host(silent))),
        ),
    )


def zone_silent(evidence: Evidence) -> Iterator[RuleFinding]:
    """TCP002: some addresses of the name are silent or refuse on 443 while others connect."""
    for target in evidence.targets:
        tried = evidence.connects(target, HTTPS)
        connected = [attempt for attempt in tried if attempt.ok]
        silent = failed_connects(evidence, target, Nature.SILENT, (HTTPS,))
        refused = failed_connects(evidence, target, Nature.REFUSED, (HTTPS,))
        if not connected or not (silent or refused):
            continue
        sentences = [
            f"{verb} on {listed(attempt.subject.address for attempt in attempts)} {after(attempts)}"
            for verb, attempts in (("timed out", silent), ("was refused", refused))
            if attempts
        ]
        yield RuleFinding(
            code="TCP002",
            target=target.id,
            headline={
                **of_ports([HTTPS]),
                "how": " or ".join(word for word, some in (("silent", silent), ("closed", refused)) if some),
            },
            detail=f"443 {listed(sentences)}, while {listed(attempt.subject.address for attempt in connected)} "
            f"connect{'s' if len(connected) == 1 else ''}. Calls fail or stall whenever a program takes a failing "
            "address.",
            evidence=_beside(evidence, target, [*silent, *refused]),
            addresses=places([*silent, *refused]),
            fix=_CHECK_FIREWALLS
            if _is_let_pass(evidence, target, [*silent, *refused])
            else _compare_subnets(evidence, target, silent, refused, tried),
        )


def _compare_subnets(
    evidence: Evidence,
    target: Target,
    silent: Sequence[Observation[TcpFacts]],
    refused: Sequence[Observation[TcpFacts]],
    tried: Sequence[Observation[TcpFacts]],
) -> Fix:
    """The fix to suggest if some addresses fail on ports on which others connect, or if something refuses. `tried` are
    all attempts on these ports."""
    compare = "Compare the network ACL and the routes of the failing address's subnet with those of the other subnets."
    parts = [compare, _of_groups(tried)] if silent else []
    parts += [_find_who_refuses(refused)] if refused else []
    return Fix(
        summary=" ".join(parts),
        commands=(*whose_address(evidence, target, [*silent, *refused]), describe_endpoint(target)),
    )


def _find_who_refuses(refused: Sequence[Observation[TcpFacts]]) -> str:
    """What to look for if something answers a connect with a refusal, which groups and network ACLs never do."""
    ports = listed(sorted({attempt.subject.port for attempt in refused if attempt.subject.port is not None}))
    return (
        "Something answers for this address and refuses the connection: make sure that the address is the endpoint's, "
        f"and look for a firewall or a proxy on the way that rejects {ports}."
    )


def _of_groups(tried: Sequence[Observation[TcpFacts]]) -> str:
    """A sentence about whether an endpoint's security groups may be the reason why some addresses fail."""
    down = {version_of(attempt) for attempt in tried} - {version_of(attempt) for attempt in tried if attempt.ok}
    if not down:
        return "An endpoint's security groups act on all of its interfaces alike."
    return f"No IPv{listed(down)} address connects: security groups and network ACLs have rules for each family."


def gateway_ports_blocked(evidence: Evidence) -> Iterator[RuleFinding]:
    """TCP003: 443 connects, and ports that a gateway appliance needs fail at the same addresses. A failure of the
    activation port alone is a warning."""
    for target in evidence.targets:
        up = places(attempt for attempt in evidence.connects(target, HTTPS) if attempt.ok)
        ports = tuple(port for port in judged_ports(target) if port != HTTPS)
        silent, refused = (
            [
                observation
                for observation in failed_connects(evidence, target, nature, ports)
                if observation.subject.address in up
            ]
            for nature in (Nature.SILENT, Nature.REFUSED)
        )
        blocked = [*silent, *refused]
        if not blocked:
            continue
        closed = sorted({attempt.subject.port for attempt in blocked if attempt.subject.port is not None})
        sentences = []
        for verb, kept in (("timed out", silent), ("refused", refused)):
            for where, at in grouped_by_place(kept):
                be = f"{_was(at)} " if verb == "refused" else ""
                there = [
                    observation
                    for observation in kept
                    if observation.subject.address in where and observation.subject.port in at
                ]
                sentences.append(f"{listed(at)} {be}{verb} on {listed(where)} {after(there)}")
        tried = [attempt for port in closed for attempt in evidence.connects(target, port)]
        admitted = {(attempt.subject.port, version_of(attempt)) for attempt in tried if attempt.ok}
        shut = [attempt for attempt in silent if (attempt.subject.port, version_of(attempt)) not in admitted]
        others = [attempt for attempt in silent if attempt not in shut]
        compare = _compare_subnets(evidence, target, others, refused, tried) if others or refused else None
        is_up = not set(closed).intersection(required_ports(target))
        consequence = (
            "A new gateway cannot be activated; a gateway that is activated works without that port."
            if is_up
            else "A gateway needs these ports for its activation, its control and its data."
        )
        yield RuleFinding(
            code="TCP003",
            target=target.id,
            severity=Severity.WARNING if is_up else None,
            detail=f"443 connects, but {'; '.join(sentences)}. {consequence}",
            evidence=ids(blocked),
            addresses=places(blocked),
            fix=_CHECK_FIREWALLS
            if _is_let_pass(evidence, target, blocked)
            else compare
            if compare is not None and not shut
            else Fix(
                summary=f"{whose} have its owner allow the gateway appliance's subnet on these "
                "ports in its security group. This host is not the appliance: test from its subnet as well.",
                commands=(show_route_tables(target),),
            )
            if (whose := _whose(evidence, blocked))
            else fix_of(
                "VPC005",
                Fault(
                    target=target,
                    ports=tuple(sorted({attempt.subject.port for attempt in shut if attempt.subject.port is not None})),
                    notes=(NOT_THE_APPLIANCE, *([] if compare is None else [compare.summary])),
                ),
            ),
        )


def _whose(evidence: Evidence, attempts: Sequence[Observation[TcpFacts]]) -> str:
    """The beginning of a sentence about an endpoint whose groups this account cannot change. Empty for others."""
    if is_elsewhere(evidence, places(attempts)):
        return "The endpoint is in another VPC:"
    if _is_of_the_vpcs_owner(evidence, attempts):
        return "Another account shares this VPC, and this account does not see the endpoint:"
    return ""


def refused_by_peer(evidence: Evidence) -> Iterator[RuleFinding]:
    """TCP004: 443 connects nowhere, and a reset or another host's ICMP error refuses it."""
    for target in evidence.targets:
        refused = failed_connects(evidence, target, Nature.REFUSED, (HTTPS,))
        if not refused or any(attempt.ok for attempt in evidence.connects(target, HTTPS)):
            continue
        resets = [observation for observation in refused if observation.facts is None or observation.facts.icmp is None]
        errors = [observation for observation in refused if observation not in resets]
        senders = ordered(
            observation.facts.icmp.sender
            for observation in errors
            if observation.facts is not None and observation.facts.icmp
        )
        share = _share(evidence, target, refused)
        sentences = [
            f"on {listed(observation.subject.address for observation in attempts)}{share} by {who} {after(attempts)}"
            for who, attempts in (("a reset", resets), (f"an ICMP error from {listed(senders)}", errors))
            if attempts
        ]
        quick = any(observation.seconds is not None and observation.seconds < QUICK_SECONDS for observation in resets)
        yield RuleFinding(
            code="TCP004",
            target=target.id,
            headline=of_ports([HTTPS]),
            detail=f"443 was refused {listed(sentences)}."
            + (f" A reset quicker than {duration(QUICK_SECONDS)} can come from a filter on this host, too." * quick),
            evidence=_beside(evidence, target, refused),
            addresses=places(refused),
            shared=frozenset() if resets else frozenset(map(str, senders)),
            fix=Fix(
                summary=_find_who_refuses(refused),
                commands=(describe_endpoint(target),),
            ),
        )


def _let_out(attempts: list[Observation[TcpFacts]]) -> Fix:
    """The fix to suggest if the silent addresses are public. No endpoint is then on the path."""
    return Fix(
        summary="Look for what drops 443 on the way out: the security group and network ACL of this host, its route to "
        "a NAT or internet gateway, a firewall.",
        commands=(read_only("ip", "route", "get", str(attempts[0].subject.address)),),
    )


def _share(evidence: Evidence, target: Target, attempts: list[Observation[TcpFacts]]) -> str:
    """To how many of the addresses in use these attempts were made, in words. Empty if they were made to all of
    them."""
    count = len(evidence.own_addresses(target))
    return "" if len(attempts) == count else f" ({len(attempts)} of {count} addresses)"


def _was(items: list[Address] | list[int]) -> str:
    return "was" if len(items) == 1 else "were"


def support_port_blocked(evidence: Evidence) -> Iterator[RuleFinding]:
    """TCP007: of a gateway's ports, only the port of AWS Support's channel is closed."""
    own = evidence.own_addresses_of_host
    for target in evidence.targets:
        closed = [
            attempt
            for attempt in evidence.connects(target, SUPPORT_CHANNEL)
            if not attempt.ok and nature_of(attempt, own) in (Nature.SILENT, Nature.REFUSED)
        ]
        at = places(closed)
        ports = judged_ports(target)
        others = [evidence.at(Step.TCP, target, address, port) for address in at for port in ports]
        if not others or not all(attempt is not None and attempt.ok for attempt in others):
            continue
        yield RuleFinding(
            code="TCP007",
            target=target.id,
            detail=f"Port {SUPPORT_CHANNEL} does not connect at {listed(ordered(at))}; all other ports do. Port "
            f"{SUPPORT_CHANNEL} serves only AWS Support's channel, and a gateway works without it.",
            evidence=ids(closed),
            addresses=at,
            fix=Fix(
                summary="The endpoint is in another VPC: have its owner open the port while AWS Support works on the "
                "gateway."
            )
            if is_elsewhere(evidence, at)
            else fix_of(
                "VPC005",
                Fault(
                    target=target,
                    ports=(SUPPORT_CHANNEL,),
                    notes=("The port is needed only while AWS Support works on the gateway.",),
                ),
            ),
        )


def ipv6_path_broken(evidence: Evidence) -> Iterator[RuleFinding]:
    """TCP008: on 443 one address family fails at every address while the other connects, or some IPv6 addresses have no
    route while others connect."""
    for target in evidence.targets:
        tried = evidence.connects(target, HTTPS)
        broken = family_down(tried)
        if broken is None:
            yield from _some_without_a_route(evidence, target)
            continue
        working = 10 - broken
        failed = [attempt for attempt in tried if version_of(attempt) == broken]
        beside = [
            attempt
            for port in judged_ports(target)
            for attempt in evidence.connects(target, port)
            if not attempt.ok and version_of(attempt) == broken
        ]
        yield RuleFinding(
            code="TCP008",
            target=target.id,
            headline={"family": f"IPv{broken}", **of_ports([HTTPS])},
            detail=f"443 fails at every IPv{broken} address ({listed(attempt.subject.address for attempt in failed)}) "
            f"and connects at every IPv{working} one. Clients that prefer IPv{broken} lose a timeout on each call.",
            evidence=ids(beside),
            addresses=places(failed),
            fix=Fix(
                summary=f"Fix the IPv{broken} path (security group and network ACL rules are per family, and so are "
                f"routes), or let the endpoint answer only in IPv{working}.",
                commands=(describe_endpoint(target),),
            ),
        )


def _some_without_a_route(evidence: Evidence, target: Target) -> Iterator[RuleFinding]:
    """TCP008 for the IPv6 addresses without a route, while others connect."""
    unrouted = unrouted_ipv6(evidence, target)
    if not unrouted:
        return
    failed = [
        attempt
        for port in judged_ports(target)
        for attempt in evidence.connects(target, port)
        if not attempt.ok and attempt.subject.address in places(unrouted)
    ]
    yield RuleFinding(
        code="TCP008",
        target=target.id,
        headline={"family": "IPv6", **of_ports([HTTPS])},
        detail=f"This host has no route to {len(unrouted)} of the IPv6 addresses on 443 "
        f"({listed(attempt.subject.address for attempt in unrouted)}), and other addresses of the name connect. "
        "Clients skip addresses without a route.",
        evidence=ids(failed),
        addresses=places(unrouted),
        fix=Fix(
            summary="Give this host a route to the IPv6 block of that subnet: its own routing table, then the route "
            "table of its subnet. Or let the endpoint answer only in IPv4.",
            commands=(
                read_only("ip", "-6", "route", "get", str(unrouted[0].subject.address)),
                describe_endpoint(target),
            ),
        ),
    )


SLOW_SECONDS: Final = 1.0
"""Round trip time after which Linux sends a SYN again (RFC 6298). On a slower path, two SYNs are normal, and no packet
is lost."""


def lossy_path(evidence: Evidence) -> Iterator[RuleFinding]:
    """TCP009: connects succeeded but needed more than one SYN. The finding is only information if the round trip is so
    long that the second SYN was sent before the first could be answered."""
    for target in evidence.targets:
        repeated = [
            attempt
            for port in judged_ports(target)
            for attempt in evidence.connects(target, port)
            if attempt.ok and attempt.facts is not None and attempt.facts.retransmits
        ]
        far = [attempt for attempt in repeated if _round_trip(attempt) >= SLOW_SECONDS]
        slow = [attempt for attempt in repeated if attempt not in far]
        if far and not slow:
            yield _far_away(target, far)
        if not slow:
            continue
        tried = sum(len(evidence.connects(target, port)) for port in judged_ports(target))
        yield RuleFinding(
            code="TCP009",
            target=target.id,
            headline={"tries": f"{len(slow)} of {tried}"},
            detail=f"{len(slow)} of {tried} connects needed more than one try, {after(slow)}: {ports_at(slow)}. A "
            "first packet, or the answer to it, was lost.",
            evidence=ids(slow),
            addresses=places(slow),
            fix=Fix(
                summary="Run again with more time for a step: a packet may be lost once. If packets are lost again, "
                "check the allowance counters of this instance's interface (conntrack_allowance_exceeded), and look at "
                "tunnels and firewalls on the way.",
                commands=(
                    read_only("ethtool", "-S", "<INTERFACE>"),
                    # SYNs go out after 0, 1, 3 and 7 s (RFC 6298): the third may not fit in a step of 3 s.
                    read_only("backuplink", "check", "--region", target.region, "--timeout", "10"),
                ),
            ),
        )


def _round_trip(attempt: Observation[TcpFacts]) -> float:
    return (attempt.facts.round_trip_seconds if attempt.facts is not None else None) or 0.0


def _far_away(target: Target, far: Sequence[Observation[TcpFacts]]) -> RuleFinding:
    """TCP009 for a path whose round trip is longer than the kernel waits before it sends a SYN again."""
    return RuleFinding(
        code="TCP009",
        target=target.id,
        headline={"round_trip": duration(max(map(_round_trip, far)))},
        severity=Severity.INFO,
        detail=f"The path to {ports_at(list(far))} is slow: a round trip takes {duration(max(map(_round_trip, far)))}, "
        "so that the kernel sent a second packet before the answer to the first could come. Nothing was lost.",
        evidence=ids(far),
        addresses=places(far),
        fix=Fix(
            summary="Nothing to fix for the connects themselves. Each call needs several round trips: look at the "
            "tunnel, VPN or satellite link on the way, and give programs longer timeouts.",
            commands=(read_only("backuplink", "check", "--region", target.region, "--timeout", "10"),),
        ),
    )


RULES: Final = (
    Rule("TCP001", needs=(Step.TCP,), check=port_blocked),
    Rule("TCP002", needs=(Step.TCP,), check=zone_silent),
    Rule("TCP003", needs=(Step.TCP,), check=gateway_ports_blocked),
    Rule("TCP004", needs=(Step.TCP,), check=refused_by_peer),
    Rule("TCP007", needs=(Step.TCP,), check=support_port_blocked),
    Rule("TCP008", needs=(Step.TCP,), check=ipv6_path_broken),
    Rule("TCP009", needs=(Step.TCP,), check=lossy_path),
)
