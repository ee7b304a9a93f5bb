"""DNS rules: the servers that answer for the name, the servers that do not, and whether this host receives the
answers."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any, Final

from agent.catalog.findings import Severity
from agent.catalog.headline import Forms
from agent.catalog.headline import places as in_short
from agent.catalog.wording import after, listed
from agent.fixes.commands import read_only
from agent.fixes.host import ask_the_vpc
from agent.judge.conditions.connects import also_silent
from agent.judge.conditions.dns_settings import is_wrong_answer
from agent.judge.conditions.names import empty_answers, family_answers, is_kept_back, missing_names
from agent.judge.conditions.resolvers import (
    PrivateElsewhere,
    cut_answers,
    failing_resolvers,
    has_run_out,
    is_of_hosts_file,
    is_silence,
    private_elsewhere,
    refused_lookups,
    silent_resolvers,
    stalled_lookups,
)
from agent.judge.conditions.search_list import (
    addresses_of_name,
    answer_of_name,
    in_its_place,
    lookup_of_name,
    search_domain_answers,
)
from agent.judge.evidence import Evidence
from agent.judge.observations import (
    NO_REASON,
    NOT_THERE,
    addresses_in,
    has_answered,
    ids,
    kind_of,
    servers_of,
    verb_ending,
)
from agent.judge.rules.rule import Rule, RuleFinding
from agent.report.model import Command, CommandScope, Fix
from agent.settings import Expect
from probes.addresses import ordered, usable_families
from probes.facts import ResolvConfBy
from probes.model import Address, FailureKind, Observation, Step, Target

SLOW_SECONDS: Final = 1.0
_STUB: Final = ip_address("127.0.0.53")
"""The address at which systemd-resolved listens, and answers from its cache (systemd-resolved.service(8))."""
_TOO_MUCH: Final = frozenset({FailureKind.TOO_LARGE, FailureKind.MALFORMED, FailureKind.DNS_MALFORMED})
"""Failures of lookups that got an answer but cannot use it."""
_WITHOUT: Final = NOT_THERE | {FailureKind.SERVFAIL}
"""Failures of a question that a cache may remember (RFC 2308)."""
_BEFORE_DNS: Final = "nsswitch"
"""Software that answers programs on this host before any name server does."""
_FLUSH: Final = Command(
    argv=("resolvectl", "flush-caches"),
    scope=CommandScope.HOST,
    changes=True,
    reversible=True,
    undo="nothing to do: the cache fills again by itself",
)
_FLUSH_NSCD: Final = replace(_FLUSH, argv=("nscd", "--invalidate", "hosts"))


def resolvers_disagree(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS002: this host gets public addresses or none, while the VPC's resolver gives private ones, or the reverse.
    This may be so always, or only when this host asks some of its name servers."""
    servers = evidence.configured_resolvers
    asks = f" (its name servers: {listed(servers)})" if servers else ""
    elsewhere = {fault.target.id: fault for fault in private_elsewhere(evidence)}
    for target in evidence.targets:
        fault = elsewhere.get(target.id)
        if fault is not None:
            caches = _caches(evidence, target)
            ahead = not caches and _servers_agree(evidence, target, fault)
            kept = ""
            if caches:
                kept = f" The answer came from a cache or stub on this host, at {listed(caches)}"
                kept += f"{' (systemd-resolved)' if caches == [_STUB] else ''}, and may be old. Flush that cache."
            elif ahead:
                kept = (
                    " This host's own name servers give the same, so the wrong answer comes from something that this "
                    "host asks before DNS, such as a cache (nscd) with an old answer. Flush that cache."
                )
            yield RuleFinding(
                code="DNS002",
                target=target.id,
                headline={"own": _own_in_short(evidence, target), "theirs": in_short(fault.theirs)},
                detail=f"On this host {target.host} resolves to {_got(evidence, target, fault.lookup)}{asks}; "
                f"the VPC's resolver gives {listed(fault.theirs)}.{kept}{in_its_place(evidence, target)}"
                f"{also_silent(evidence, target, fault.theirs)}",
                evidence=(*fault.evidence, *ids(_answers_of(evidence, target, caches))),
                addresses=fault.addresses,
                shared=_of_servers(caches or ([_BEFORE_DNS] if ahead else servers), fault.lookup),
                fix=_flush_what_is_ahead(target)
                if ahead
                else _ask_the_vpc(
                    target,
                    evidence,
                    is_resolved=_STUB in caches
                    or (_STUB in servers and kind_of(fault.lookup) not in NO_REASON),  # the stub itself has answered
                    caches=caches,
                ),
            )
        else:
            lacking = tuple(_lacking_in_turn(evidence, target))
            yield from lacking or _private_here_alone(evidence, target)


def _own_in_short(evidence: Evidence, target: Target) -> Forms:
    return in_short(answer_of_name(evidence, target)) or "no address"


def _differing(evidence: Evidence, target: Target, answers: Iterable[Observation[Any]]) -> dict[str, Forms | None]:
    """The headline's words for the difference between the answer that programs get and these name servers' answers."""
    given = {address for answer in answers for address in addresses_in(answer)}
    own = answer_of_name(evidence, target)
    strange = [address for address in own if address not in given]
    return {"own": in_short(strange or own) or "no address", "theirs": in_short(ordered(given))}


def _kind_in_short(answer: Observation[Any]) -> str:
    return "slow" if answer.failure is None else answer.failure.kind.value


def _of_servers(servers: Iterable[Address | str | None], *failed: Observation[Any]) -> frozenset[str]:
    """The key of the cause if name servers answer wrongly, which several targets may share: the servers' addresses, and
    the way in which the symptom failed."""
    return frozenset(map(str, servers)) | {str(kind) for kind in map(kind_of, failed)}


def _servers_agree(evidence: Evidence, target: Target, fault: PrivateElsewhere) -> bool:
    """Whether each name server of this host gives private addresses in the same families as the VPC's resolver, so that
    programs on this host got their answer from somewhere else."""
    asked = [answer for answer in evidence.answers(target, evidence.configured_resolvers) if has_answered(answer)]
    return _all_private(evidence, asked, frozenset(address.version for address in fault.theirs))


def _flush_what_is_ahead(target: Target) -> Fix:
    """The fix to suggest if programs do not get the answer that this host's own name servers give."""
    return Fix(
        summary="Flush the cache that answers before DNS on this host (nscd, or systemd-resolved through the hosts "
        "line of /etc/nsswitch.conf), then restart programs that keep answers themselves, such as a JVM. The name "
        "servers need no change.",
        commands=(
            _FLUSH_NSCD,
            _FLUSH,
            read_only("getent", "ahosts", target.host),
            read_only("cat", "/etc/nsswitch.conf"),
        ),
    )


def _answers_of(evidence: Evidence, target: Target, servers: Sequence[Address]) -> list[Observation[Any]]:
    """The answers of these servers that agree with this host's own lookup. Such an answer has some of the lookup's
    addresses or, if the lookup has no addresses, no address either."""
    own = set(answer_of_name(evidence, target))
    answers = evidence.answers(target, servers)
    if own:
        return [answer for answer in answers if own.intersection(addresses_in(answer))]
    empty = [answer for answer in answers if (answer.ok and not addresses_in(answer)) or kind_of(answer) in _WITHOUT]
    return [] if any(map(addresses_in, answers)) else empty


def _caches(evidence: Evidence, target: Target) -> list[Address]:
    """The name servers on this host itself whose answer agrees with this host's own lookup: it has some of the lookup's
    addresses, or neither has any."""
    return [
        server
        for server in evidence.configured_resolvers
        if server.is_loopback and _answers_of(evidence, target, [server])
    ]


def _ask_the_vpc(target: Target, evidence: Evidence, *, is_resolved: bool, caches: Sequence[Address]) -> Fix:
    others = [cache for cache in caches if cache != _STUB]
    own = None if others else ask_the_vpc(target.host, _answering(evidence, target), _writer(evidence))
    everywhere = (
        "ake the name servers that this host uses forward the name to the VPC's resolver: from inside the VPC to "
        "169.254.169.253, from elsewhere to a Route 53 Resolver inbound endpoint. Or let the DHCP options name "
        "AmazonProvidedDNS, which every host of the VPC then asks."
    )
    return Fix(
        summary=_flushing([*([_STUB] if is_resolved else []), *others])
        + (f"M{everywhere}" if own is None else f"{own.summary} For every host: m{everywhere}"),
        commands=(
            *([_FLUSH] if is_resolved else []),
            read_only("resolvectl", "query", target.host),
            *([read_only("ss", "-lunp", "sport", "=", ":53")] if others else []),
            *(() if own is None else own.commands),
            *_dhcp_options(target.region),
        ),
        lines=() if own is None else own.lines,
    )


def _answering(evidence: Evidence, target: Target) -> str:
    """The address at which the VPC's resolver answered this host."""
    answers = (answer for answer in evidence.answers(target, evidence.vpc_resolvers) if addresses_in(answer))
    server = next((answer.subject.resolver for answer in answers), None)
    return "169.254.169.253" if server is None else str(server)


def _writer(evidence: Evidence) -> ResolvConfBy | None:
    """The program that writes this host's resolv.conf: systemd-resolved if the file names its stub."""
    host = evidence.host
    if host is None:
        return None
    return ResolvConfBy.SYSTEMD_RESOLVED if _STUB in host.resolvers else host.resolv_conf_by


def _lacking_in_turn(evidence: Evidence, target: Target) -> Iterator[RuleFinding]:
    """DNS002: some of this host's name servers do not give the private addresses that this host got from another one.
    The finding is only information unless this host asks them in turn."""
    lookup, own = lookup_of_name(evidence, target), addresses_of_name(evidence, target)
    private = [address for address in own if evidence.is_private(address)]
    if (
        evidence.host is None
        or evidence.expected_path(target) is not Expect.PRIVATE
        or lookup is None
        or not private
        or is_of_hosts_file(evidence, target)
    ):
        return
    families = frozenset(address.version for address in private)
    answers = {server: evidence.answers(target, [server]) for server in evidence.configured_resolvers}
    lacking = {server: of for server, of in answers.items() if _lacks_private(evidence, of, families, own)}
    given = ordered(
        address
        for of in lacking.values()
        for answer in of
        for address in addresses_in(answer)
        if not evidence.is_private(address)
    )
    if not lacking or len(lacking) == len(answers):
        return
    if not evidence.host.asks_in_turn and evidence.configured_resolvers[0] in lacking:
        return
    gives = f"{listed(lacking)} give{'s' if len(lacking) == 1 else ''} {listed(given) if given else 'no address'}"
    is_in_turn = evidence.host.asks_in_turn
    yield RuleFinding(
        code="DNS002",
        target=target.id,
        headline={
            "lacking" if is_in_turn else "reserve": str(next(iter(lacking))),
            "given": in_short(given) or "no address",
        },
        severity=None if is_in_turn else Severity.INFO,
        detail=f"This host resolves {target.host} to {listed(private)} this time. It asks its name servers in turn "
        f"(option rotate in resolv.conf), and {gives}: some lookups by programs get that answer."
        if is_in_turn
        else f"This host resolves {target.host} to {listed(private)}. Another of its name servers answers "
        f"differently: {gives}, which programs get while the first name server does not answer.",
        evidence=ids([lookup, *(answer for of in lacking.values() for answer in of)]),
        addresses=frozenset(given),
        shared=_of_servers(lacking),
        fix=Fix(
            summary=f"Let {listed(lacking)} forward the name to the VPC's resolver, or remove "
            f"{'it' if len(lacking) == 1 else 'them'} from this host's name servers. Without the option rotate, "
            "programs ask the other name servers only while the first one does not answer.",
            commands=(read_only("cat", "/etc/resolv.conf"), *_dhcp_options(target.region)),
        ),
    )


def _lacks_private(
    evidence: Evidence, answers: Iterable[Observation[Any]], families: frozenset[int], own: Collection[Address]
) -> bool:
    """Whether a name server answered for each of these families, and gave no private address, or a public one that is
    not among this host's `own`."""
    records = {4: "A", 6: "AAAA"}
    read = [answer for answer in answers if answer.ok or kind_of(answer) in NOT_THERE]
    asked = {answer.subject.operation for answer in read}
    given = [address for answer in read for address in addresses_in(answer) if address.version in families]
    lacks = not any(map(evidence.is_private, given))
    adds = any(evidence.is_public(address) and address not in own for address in given)
    return asked.issuperset(records[family] for family in families) and (lacks or adds)


def _private_here_alone(evidence: Evidence, target: Target) -> Iterator[RuleFinding]:
    """DNS002 as information: this host gets private addresses, and the VPC's resolver does not give any."""
    lookup = lookup_of_name(evidence, target)
    if evidence.expected_path(target) is not Expect.PRIVATE or lookup is None or not lookup.made or not evidence.in_aws:
        return
    asked = [answer for answer in evidence.answers(target, evidence.vpc_resolvers) if has_answered(answer)]
    families = family_answers(evidence, target)
    private = [
        address
        for family in families
        if family.is_asked and not is_kept_back(family, families)
        for address in family.private
    ]
    if private:
        family = f"IPv{private[0].version} " if any(other.theirs for other in families) else ""
        yield RuleFinding(
            code="DNS002",
            target=target.id,
            headline={"own": in_short(private), "theirs": "no private address"},
            severity=Severity.INFO,
            detail=f"This host resolves {target.host} to {listed(private)}; the VPC's resolver gives no private "
            f"{family}address. Only the addresses that this host uses count.",
            evidence=ids([lookup, *asked]),
            fix=Fix(summary="Nothing to fix while this host's own name servers are meant to answer for this name."),
        )


def resolver_silent(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS004: this host's own lookups fail because none of its name servers answers any question, or time out because a
    name server loses questions."""
    silent = silent_resolvers(evidence)
    if silent is None:
        yield from _losing_questions(evidence)
        return
    sentences = [
        f"{server} ({_how([answer for answer in silent.asked if answer.subject.resolver == server])})"
        for server in silent.servers
    ]
    behind, answers = _silent_behind(evidence, silent.servers)
    answering = list(dict.fromkeys(answer.subject.resolver for answer in answers if has_answered(answer)))
    asked = f" Of the servers behind the cache here, {listed(behind)} give{'s' if len(behind) == 1 else ''} no answer"
    asked += f", and {listed(answering)} answer{'s' if len(answering) == 1 else ''}." if answering else "."
    yield RuleFinding(
        code="DNS004",
        target=str(silent.servers[0]),
        headline={"resolver": str(silent.servers[0])},
        detail=f"No name server of this host answers: {listed(sentences)}."
        + (f" Not asked: {listed(silent.unasked)}." if silent.unasked else "")
        + (asked if behind else ""),
        evidence=(*silent.evidence, *(ids(answers) if behind else ())),
        fix=Fix(
            summary=(
                f"Fix {listed(behind)}, or the path there, or remove {'it' if len(behind) == 1 else 'them'} from the "
                "VPC's DHCP options or this host's network settings"
                if behind
                else "Fix the path to the name servers in /etc/resolv.conf"
            )
            + ": a firewall on this host; enableDnsSupport of the VPC if they are Amazon's; security group, network "
            "ACL and routes if they are your own. The AWS CLI finds no host from here: run it from a machine with "
            "EC2 access.",
            commands=(
                *([read_only("resolvectl", "status")] if behind else []),
                read_only("cat", "/etc/resolv.conf"),
                read_only(
                    *("aws", "ec2", "describe-vpc-attribute", "--region", evidence.run.region or "<REGION>"),
                    *("--vpc-id", "<VPC_ID>", "--attribute", "enableDnsSupport"),
                    scope=CommandScope.VPC,
                ),
            ),
        ),
    )


def _losing_questions(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS004 for each name server whose silence made a lookup by this host time out, although it answered other
    questions or other servers answered."""
    stalled = stalled_lookups(evidence)
    for server in _named_servers(answer for lookup in stalled for answer in lookup.lost):
        through = [lookup for lookup in stalled if any(answer.subject.resolver == server for answer in lookup.lost)]
        lost = [answer for lookup in through for answer in lookup.lost if answer.subject.resolver == server]
        others = [answer for lookup in through for answer in lookup.answered if answer not in lost]
        yield RuleFinding(
            code="DNS004",
            target=str(server),
            detail=f"The lookup of {listed(lookup.target.host for lookup in through)} by programs on this host runs "
            f"out of time, because {server} {_losses(lost)}. {_rest(server, others)}",
            evidence=tuple(dict.fromkeys(step for lookup in through for step in lookup.evidence)),
            fix=_FIX_OF_LOSSES,
        )


def _losses(lost: Sequence[Observation[Any]]) -> str:
    """The questions that a name server leaves unanswered, or answers only at the second attempt."""
    silent, late = [one for one in lost if is_silence(one)], [one for one in lost if not is_silence(one)]
    parts = [f"gives no answer for {_records(silent)} ({_how(silent)})"] if silent else []
    parts += [f"answers for {_records(late)} only at the second try ({after(late)})"] if late else []
    return " and ".join(parts)


def _records(questions: Iterable[Observation[Any]]) -> str:
    return f"{listed(sorted({str(question.subject.operation) for question in questions}))} records"


def _rest(server: Address, answered: Sequence[Observation[Any]]) -> str:
    """A sentence about the questions that were answered. It follows a sentence about the questions that a name server
    did not answer."""
    own = [answer for answer in answered if answer.subject.resolver == server]
    if own:
        return f"It answers for {_records(own)}."
    return f"{servers_of(answered)} answer{verb_ending(answered)}." if answered else ""


_FIX_OF_LOSSES: Final = Fix(
    summary="Let that name server answer every question, including questions for AAAA records, which an endpoint "
    "without IPv6 does not have. Look for a filter or a forwarder that drops such questions, and for a firewall on the "
    "way that drops the second of two questions. Or remove the name server from the VPC's DHCP options or this host's "
    "network settings.",
    commands=(read_only("cat", "/etc/resolv.conf"), read_only("resolvectl", "status")),
)


def _silent_behind(evidence: Evidence, servers: Iterable[Address]) -> tuple[list[Address], list[Observation[Any]]]:
    """The silent servers behind a silent cache on this host, and the outcomes of all questions to servers behind the
    cache."""
    if evidence.host is None or not any(server.is_loopback for server in servers):
        return [], []
    behind = evidence.host.upstream_resolvers
    answers = [answer for target in evidence.targets for answer in evidence.answers(target, behind) if answer.made]
    answering = {answer.subject.resolver for answer in answers if has_answered(answer)}
    asked = {answer.subject.resolver for answer in answers}
    return [server for server in behind if server in asked - answering], answers


def _got(evidence: Evidence, target: Target, lookup: Observation[Any]) -> str:
    """The result of the host's own lookup, in words."""
    if own := addresses_of_name(evidence, target):
        return listed(own)
    if answer := answer_of_name(evidence, target):
        return f"{listed(answer)}, of a family that this host does not have"
    return "no address" if lookup.failure is None else f"no address ({lookup.failure.message})"


def _how(failed: list[Observation[Any]], *, tries: bool = True) -> str:
    """The ways in which one name server did not answer, with the time that each took. If `tries` is set, the words say
    whether the server was asked twice."""
    sentences = []
    for kind in sorted({answer.failure.kind for answer in failed if answer.failure is not None}):
        took = [answer for answer in failed if answer.failure is not None and answer.failure.kind is kind]
        # Within a step, a second datagram follows if the first gets no answer. An immediate failure is not repeated.
        twice = ", asked twice" if tries and kind is FailureKind.TIMEOUT else ""
        sentences.append(f"{kind} {after(took)}{twice}")
    return listed(sentences)


def _dhcp_options(region: str) -> tuple[Command, Command]:
    """Commands that show the VPC's set of DHCP options and its content. If the id of the set is unknown, the commands
    show all sets of the account."""
    return (
        read_only(
            *("aws", "ec2", "describe-vpcs", "--region", region, "--vpc-ids", "<VPC_ID>"),
            *("--query", "Vpcs[].DhcpOptionsId"),
            scope=CommandScope.VPC,
        ),
        read_only(
            *("aws", "ec2", "describe-dhcp-options", "--region", region, "--dhcp-options-ids", "<DHCP_OPTIONS_ID>"),
            scope=CommandScope.VPC,
        ),
    )


def resolver_servfail(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS005: the host's own lookup fails. One of its name servers answers SERVFAIL, sends unreadable data, or is
    silent for this name while it answers for another. Or its name servers disagree."""
    yield from _at_odds(evidence)
    for failing in failing_resolvers(evidence):
        target, answers = failing.target, failing.answers
        words = sorted(
            {
                f"nothing for this name ({answer.failure.message})" if is_silence(answer) else answer.failure.message
                for answer in answers
                if answer.failure is not None
            }
        )
        yield RuleFinding(
            code="DNS005",
            target=target.id,
            headline={"failing": str(answers[0].subject.resolver), "how": str(kind_of(answers[0]))},
            detail=f"This host cannot resolve {target.host}, and {servers_of(answers)} "
            f"give{verb_ending(answers)} no usable answer: {listed(words)}.{in_its_place(evidence, target)}",
            evidence=failing.evidence,
            shared=_of_servers((answer.subject.resolver for answer in answers), *answers),
            fix=Fix(
                summary="Fix what the name server asks in turn: a dead target of a Resolver rule for this name or "
                "for a parent domain; a loop of forwarders; a DNS Firewall that fails closed.",
                commands=(
                    read_only("resolvectl", "query", target.host),
                    read_only(
                        *("aws", "route53resolver", "list-resolver-rule-associations", "--region", target.region),
                        *("--filters", "Name=VPCId,Values=<VPC_ID>"),
                        scope=CommandScope.VPC,
                    ),
                    read_only(
                        *("aws", "route53resolver", "get-resolver-rule", "--region", target.region),
                        *("--resolver-rule-id", "<RESOLVER_RULE_ID>"),
                        scope=CommandScope.VPC,
                    ),
                ),
            ),
        )


def _at_odds(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS005 for each lookup by this host that fails without a reason. The name servers' answers to direct questions do
    not explain it: these answers differ, or the servers answer now."""
    silent, cut = silent_resolvers(evidence), cut_answers(evidence)
    named = {step for finding in (silent, cut) if finding is not None for step in finding.evidence}
    for faults in (
        missing_names,
        empty_answers,
        failing_resolvers,
        refused_lookups,
        private_elsewhere,
        stalled_lookups,
    ):
        named |= {step for fault in faults(evidence) for step in fault.evidence}
    for target in evidence.targets:
        lookup = lookup_of_name(evidence, target)
        asked = [answer for answer in evidence.answers(target, evidence.configured_resolvers) if answer.made]
        if lookup is None or kind_of(lookup) not in NO_REASON or lookup.id in named or not asked:
            continue
        answered = [
            f"{server} {_answer_text([answer for answer in asked if answer.subject.resolver == server])}"
            for server in dict.fromkeys(answer.subject.resolver for answer in asked)
        ]
        yield RuleFinding(
            code="DNS005",
            target=target.id,
            headline={"odds": in_short(_named_servers(asked))},
            detail=f"This host resolves {target.host} to {_got(evidence, target, lookup)}. Asked directly, its name "
            f"servers give other answers: {listed(answered)}.",
            evidence=ids([lookup, *asked]),
            fix=_FIX_OF_HANGING
            if has_run_out(evidence, target)
            else Fix(
                summary="Remove the name servers that give no private addresses from /etc/resolv.conf, or let them "
                "forward the name to the VPC's resolver. Programs use the first answer that comes.",
                commands=(read_only("cat", "/etc/resolv.conf"), read_only("getent", "ahosts", target.host)),
            ),
        )


_FIX_OF_HANGING: Final = Fix(
    summary="Run the check again. If the result is the same, questions of programs on this host get lost, but direct "
    "questions do not (a firewall that drops the second of two questions from one port), or something that the hosts "
    "line of /etc/nsswitch.conf asks before DNS does not answer (sss, mdns, resolve).",
    commands=(
        read_only("cat", "/etc/nsswitch.conf"),
        read_only("cat", "/etc/resolv.conf"),
        read_only("resolvectl", "status"),
    ),
)


def _answer_text(answers: Sequence[Observation[Any]]) -> str:
    """The answer of one name server to a direct question, in words."""
    given = ordered(address for answer in answers for address in addresses_in(answer))
    if given:
        return f"gives {listed(given)}"
    failed = [answer for answer in answers if answer.failure is not None]
    return f"fails ({_how(failed, tries=False)})" if failed else "gives no address"


def resolver_refused(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS013: the host's own lookup fails, and its name server refuses to answer."""
    for refused in refused_lookups(evidence):
        caches = ordered(
            server
            for server in dict.fromkeys(answer.subject.resolver for answer in refused.answers)
            if server is not None and server.is_loopback
        )
        yield RuleFinding(
            code="DNS013",
            target=refused.target.id,
            headline={"resolver": str(refused.answers[0].subject.resolver)},
            detail=f"This host cannot resolve {refused.target.host}: {servers_of(refused.answers)} "
            f"refuse{verb_ending(refused.answers)} to answer.{in_its_place(evidence, refused.target)}",
            evidence=refused.evidence,
            shared=_of_servers(answer.subject.resolver for answer in refused.answers),
            fix=Fix(
                summary=(
                    f"The cache on this host, at {listed(caches)}, refuses while it knows no name server: give it "
                    "one, such as the VPC's resolver at 169.254.169.253."
                    if caches
                    else "Allow this host to ask that name server (its access list), or let it ask the VPC's resolver."
                ),
                commands=(
                    *([read_only("resolvectl", "status")] if _STUB in caches else []),
                    read_only("cat", "/etc/resolv.conf"),
                ),
            ),
        )


def system_lookup_differs(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS015: programs on this host get another answer than the one that name servers outside this host give. The
    reason is a cache, nsswitch, or a stale entry. A lookup that timed out is not compared."""
    for target in evidence.targets:
        lookup = lookup_of_name(evidence, target)
        asked = [
            answer for answer in evidence.of(Step.DNS, target) if answer.subject.resolver is not None and answer.made
        ]
        spoken = [answer for answer in asked if has_answered(answer)]
        if lookup is None or not lookup.made or not spoken or kind_of(lookup) in NO_REASON:
            continue
        found = _other_answer(evidence, target, lookup, spoken)
        if found is None:
            continue
        what, blamed, caches = found
        yield RuleFinding(
            code="DNS015",
            target=target.id,
            headline=_differing(evidence, target, spoken),
            severity=None if lookup.ok else Severity.CRITICAL,
            detail=what,
            evidence=ids([lookup, *spoken]),
            addresses=blamed,
            shared=_of_servers(caches or [_BEFORE_DNS], lookup),
            fix=_flush(target, caches) if caches else _look_before_dns(target),
        )


def _other_answer(
    evidence: Evidence, target: Target, lookup: Observation[Any], spoken: Sequence[Observation[Any]]
) -> tuple[str, frozenset[Address], list[Address]] | None:
    """A sentence about how the answers that programs get differ, the addresses that are certainly wrong, and the caches
    on this host that gave them. None if there is no difference."""
    families = usable_families(evidence.host)
    own = addresses_of_name(evidence, target)
    given = {address for answer in spoken for address in addresses_in(answer) if address.version in families}
    got = f"On this host {target.host} resolves to {_got(evidence, target, lookup)}, while"
    # Each family is compared separately, since a private address of one family proves nothing for the other.
    of_family = {version: [address for address in own if address.version == version] for version in families}
    astray = [
        version
        for version, these in of_family.items()
        if these and not any(map(evidence.is_private, these)) and _all_private(evidence, spoken, frozenset({version}))
    ]
    if astray or (not own and _all_private(evidence, spoken, families)):
        what = f"{got} every name server that was asked gives {listed(ordered(given))}."
        return what, frozenset(address for version in astray for address in of_family[version]), []
    if own_servers_give := _given_in_vain(evidence, target):
        return f"{got} its name servers give {listed(ordered(own_servers_give))}.", frozenset(), []
    here = {answer.subject.resolver for answer in spoken if _is_on_this_host(answer)}
    beyond = {
        address
        for answer in spoken
        if answer.subject.resolver not in here
        for address in addresses_in(answer)
        if address.version in families
    }
    strange = [address for address in own if address not in beyond and evidence.is_unconnected(target, address)]
    # If none of the servers' addresses connects either, a rotating answer looks the same.
    if not strange or not any(evidence.is_connected(target, address) for address in beyond):
        return None
    caches = _named_servers(
        answer for answer in spoken if _is_on_this_host(answer) and not set(strange).isdisjoint(addresses_in(answer))
    )
    if caches and any(fault.target == target for fault in private_elsewhere(evidence)):
        return None  # DNS002 names the cache
    is_one, other = len(strange) == 1, "other " if caches else ""
    what = f"This host resolves {target.host} to {listed(strange)}"
    what += f", which the cache or stub at {listed(caches)} on this host gives" if caches else ""
    what += f". No {other}name server gave {'this address' if is_one else 'these addresses'}, and "
    what += f"{'it does' if is_one else 'they do'} not connect; the {other}name servers give {listed(ordered(beyond))}."
    what += " The cached answer is old. Flush the cache." if caches else ""
    # Next to other private addresses, a silent one may be an interface of the same endpoint, unless EC2 or a cache
    # shows that it is not.
    beside_private = any(map(evidence.is_private, beyond))
    blamed = frozenset(
        address
        for address in strange
        if not beside_private
        or is_wrong_answer(evidence, target, address)
        or (caches and evidence.interface_at(address) is None)
    )
    return what, blamed, caches


def _named_servers(answers: Iterable[Observation[Any]]) -> list[Address]:
    """The name servers that these questions went to, each once, sorted."""
    servers = {answer.subject.resolver for answer in answers}
    return list(ordered(server for server in servers if server is not None))


def _is_on_this_host(answer: Observation[Any]) -> bool:
    """Whether a name server on this host itself gave an answer: a cache or a stub."""
    return answer.subject.resolver is not None and answer.subject.resolver.is_loopback


def _look_before_dns(target: Target) -> Fix:
    """The fix to suggest if something other than DNS, such as a cache, answers programs first and gives a different
    answer."""
    return Fix(
        summary="Check what answers before DNS on this host: the hosts line of /etc/nsswitch.conf, a cache "
        "(nscd, systemd-resolved, dnsmasq) with an old answer, a container's own resolv.conf. Flush the cache, "
        "or wait until the answer's time to live is over.",
        commands=(
            read_only("getent", "ahosts", target.host),
            read_only("cat", "/etc/nsswitch.conf"),
            _FLUSH_NSCD,
            _FLUSH,
        ),
    )


def _flush(target: Target, caches: Sequence[Address]) -> Fix:
    return Fix(
        summary=f"{_flushing(caches)}Then restart programs that keep answers themselves, such as a JVM.",
        commands=(
            *([_FLUSH] if _STUB in caches else []),
            read_only("getent", "ahosts", target.host),
            *([] if _STUB in caches else [read_only("ss", "-lunp", "sport", "=", ":53")]),
        ),
    )


def _flushing(caches: Sequence[Address]) -> str:
    """The sentence on how to flush these caches. Empty if there are no caches."""
    others = [cache for cache in caches if cache != _STUB]
    parts = ["Flush the cache of systemd-resolved first: it may hold an old answer. "] if _STUB in caches else []
    parts += [
        f"Flush the cache at {listed(others)} first: restart the service that ss shows there (dnsmasq, unbound, nscd). "
    ] * bool(others)
    return "".join(parts)


def _given_in_vain(evidence: Evidence, target: Target) -> frozenset[Address]:
    """The addresses that this host's name servers give although its own lookup finds nothing. Empty if one of the
    servers answered without an address, because that may be the reason. A server that gives no answer does not count,
    since it does not deny the name."""
    lookup = lookup_of_name(evidence, target)
    asked = [
        answer
        for answer in evidence.answers(target, evidence.configured_resolvers)
        if answer.ok or kind_of(answer) in NOT_THERE
    ]
    if lookup is None or kind_of(lookup) not in NOT_THERE or not all(answer.ok for answer in asked):
        return frozenset()
    giving = {answer.subject.resolver for answer in asked if addresses_in(answer)}
    if any(answer.subject.resolver not in giving for answer in asked):
        return frozenset()
    return frozenset(address for answer in asked for address in addresses_in(answer))


def _all_private(evidence: Evidence, asked: Sequence[Observation[Any]], families: frozenset[int]) -> bool:
    """Whether every name server that answered, including one of this host's own, gives only private addresses in a
    family of this host. Silent servers are ignored."""
    servers = {answer.subject.resolver for answer in asked}
    if not servers.intersection(evidence.configured_resolvers):
        return False
    for server in servers:
        given = [
            address
            for answer in asked
            if answer.subject.resolver == server
            for address in addresses_in(answer)
            if address.version in families
        ]
        if not given or not all(map(evidence.is_private, given)):
            return False
    return True


def resolver_degraded(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS016: a configured name server is silent, fails or is slow while another one answers, or the only name server
    loses some questions. Lookups still succeed. If they fail, DNS004 is reported instead."""
    servers = evidence.configured_resolvers
    asked: dict[Address, list[Observation[Any]]] = {server: [] for server in servers}
    for target in evidence.targets:
        for answer in evidence.answers(target, servers):
            if answer.made and answer.subject.resolver is not None:
                asked[answer.subject.resolver].append(answer)
    well = [server for server, answers in asked.items() if answers and all(_is_prompt(answer) for answer in answers)]
    blamed = {answer.subject.resolver for lookup in stalled_lookups(evidence) for answer in lookup.lost}
    for server, answers in asked.items():
        bad = [answer for answer in answers if not _is_prompt(answer)]
        if not well:
            bad = [answer for answer in bad if is_silence(answer) and _ended(evidence, answer)]
        if not bad or server in well or server in blamed or not (well or any(map(_is_prompt, answers))):
            continue
        yield RuleFinding(
            code="DNS016",
            target=str(server),
            headline={"how": f"{_kind_in_short(bad[0])} {after(bad)}"},
            detail=_beside_others(server, bad, answers, well)
            if well
            else f"{server} loses some questions of this host: it {_losses(bad)}, and answers others. Lookups stall "
            "whenever a question is lost.",
            evidence=ids([*bad, *(own for target in evidence.targets if (own := _stalled(evidence, target)))]),
            fix=Fix(
                summary="Fix that name server, or remove it where it is configured: the VPC's DHCP options (every "
                "host of the VPC has them), or this host's own network settings. On Amazon Linux 2023, RHEL and Ubuntu "
                "/etc/resolv.conf is generated, and changes made there are lost.",
                commands=(
                    read_only("resolvectl", "status"),
                    read_only("nmcli", "device", "show"),
                    *_dhcp_options(evidence.run.region or "<REGION>"),
                ),
            ),
        )


def _beside_others(
    server: Address, bad: Sequence[Observation[Any]], answers: Sequence[Observation[Any]], well: Sequence[Address]
) -> str:
    """The behaviour of a name server while others answer."""
    how = sorted({answer.failure.kind if answer.failure is not None else "slow" for answer in bad})
    prompt = {answer.subject.operation for answer in answers if _is_prompt(answer)}
    is_of_type = prompt.isdisjoint(answer.subject.operation for answer in bad) and bool(prompt)
    what = f" for {_records(bad)}" if is_of_type else ""
    return (
        f"This host's name server {server} does not answer as it should{what} ({listed(how)}, {after(bad)}) while "
        f"{listed(well)} answer{'s' if len(well) == 1 else ''}: "
        + (
            f"lookups stall whenever {server} is asked first."
            if any(map(_stalls, bad))
            else f"lookups that ask {server} first have to ask another name server as well."
        )
    )


def _ended(evidence: Evidence, answer: Observation[Any]) -> bool:
    """Whether this host's own lookup of the name in the question ended with an answer of name servers."""
    target = next((target for target in evidence.targets if target.id == answer.subject.target), None)
    lookup = None if target is None else evidence.own_lookup(target)
    if target is None or lookup is None or is_of_hosts_file(evidence, target):
        return False
    return lookup.ok or kind_of(lookup) in NOT_THERE


def _is_prompt(answer: Observation[Any]) -> bool:
    """Whether a name server answered within a second. The content of the answer does not matter."""
    spoken = answer.failure is None or answer.failure.kind in (FailureKind.NXDOMAIN, FailureKind.NODATA)
    return spoken and (answer.seconds or 0.0) < SLOW_SECONDS


def _stalls(answer: Observation[Any]) -> bool:
    """Whether a name server that answers like this makes a lookup wait. After an immediate failure the C library
    asks the next server."""
    silent = answer.failure is not None and answer.failure.kind is FailureKind.TIMEOUT
    return silent or (answer.seconds or 0.0) >= SLOW_SECONDS


def _stalled(evidence: Evidence, target: Target) -> Observation[Any] | None:
    lookup = evidence.own_lookup(target)
    timed_out = lookup is not None and lookup.failure is not None and lookup.failure.kind is FailureKind.TIMEOUT
    return lookup if timed_out else None


def search_list_answers(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS018: this host gets addresses that a search domain gives and that the name itself does not have, or the lookup
    fails because of the search domain."""
    host = evidence.host
    for seen in search_domain_answers(evidence):
        target, domains = seen.target, listed(seen.domains)
        gives = f"gives {listed(seen.own)}" if seen.own else "has no address"
        options = listed(host.resolver_options) if host is not None else ""
        when = (
            f"are asked before the name itself (options {options})"
            if seen.is_first
            else "are also asked if the name itself has no address"
        )
        failure = seen.lookup.failure
        got = listed(ordered(seen.addresses)) if failure is None else f"no address ({failure.message})"
        answer = "answers" if len(seen.domains) == 1 else "answer"
        removal = (
            "emove the search domain whose wildcard record answers, or that record"
            if failure is None or failure.kind in _TOO_MUCH
            else "emove that search domain, or let its name servers answer"
        )
        yield RuleFinding(
            code="DNS018",
            target=target.id,
            headline={"domain": seen.domains[0]},
            detail=f"Programs on this host get {got} for {target.host}; with a "
            f"final dot, which no search list completes, the name {gives}. The search domains of resolv.conf {when}, "
            f"and {f'{domains} {answer}' if failure is None else f'the lookup fails at {domains}'}.",
            evidence=ids([seen.lookup, seen.itself, *seen.completed]),
            addresses=seen.addresses,
            of_this_host=seen.is_first,
            shared=frozenset(seen.domains),
            fix=Fix(
                summary="Lower ndots in resolv.conf, or where it comes from (the pod's dnsConfig, DHCP, the network "
                f"settings), so that a name with dots is looked up as it is; r{removal}."
                if seen.is_first
                else f"Give {target.host} its addresses first: then no search domain is asked for it. R{removal}, so "
                "that a missing name does not lead elsewhere.",
                commands=(
                    read_only("cat", "/etc/resolv.conf"),
                    read_only("getent", "ahosts", target.host),
                    read_only("getent", "ahosts", f"{target.host}."),
                ),
            ),
        )


def dns_over_tcp_blocked(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS019: answers are truncated, or this host only asks by TCP, and port 53 of TCP is refused or silent."""
    cut = cut_answers(evidence)
    if cut is None:
        return
    sentences = [
        f"{server} ({_how([answer for answer in cut.answers if answer.subject.resolver == server], tries=False)})"
        for server in cut.servers
    ]
    is_set = evidence.host is not None and evidence.host.asks_by_tcp
    yield RuleFinding(
        code="DNS019",
        target=str(cut.servers[0]),
        detail=(
            f"This host asks its name servers only by TCP (option use-vc in resolv.conf), {servers_of(cut.answers)} "
            f"answer{verb_ending(cut.answers)} by UDP for {_records(cut.answers)} of {listed(cut.hosts)}"
            if is_set
            else f"The answer for {_records(cut.answers)} of {listed(cut.hosts)} is truncated by UDP"
        )
        + f", and no connection to TCP port 53 can be made: {listed(sentences)}. "
        "This host's own lookup fails for this reason.",
        evidence=cut.evidence,
        fix=Fix(
            summary="Allow TCP port 53 to the name servers, as UDP 53 is: a firewall on this host, then security "
            "group and network ACL if the name servers are your own. "
            + (
                "Or remove the option use-vc where resolv.conf gets it from."
                if is_set
                else "Then make the answer shorter, if one of your own records made it long."
            ),
            commands=(
                read_only("cat", "/etc/resolv.conf"),
                read_only("ip", "route", "get", str(cut.servers[0])),
                read_only("nft", "list", "ruleset"),
            ),
        ),
    )


RULES: Final = (
    Rule("DNS002", needs=(Step.DNS,), check=resolvers_disagree),
    Rule("DNS004", needs=(Step.DNS,), check=resolver_silent),
    Rule("DNS005", needs=(Step.DNS,), check=resolver_servfail),
    Rule("DNS013", needs=(Step.DNS,), check=resolver_refused),
    Rule("DNS015", needs=(Step.DNS,), check=system_lookup_differs),
    Rule("DNS016", needs=(Step.DNS,), check=resolver_degraded),
    Rule("DNS018", needs=(Step.DNS,), check=search_list_answers),
    Rule("DNS019", needs=(Step.DNS,), check=dns_over_tcp_blocked),
)
