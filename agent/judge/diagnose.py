"""From evidence to findings: every rule asked, causes before symptoms, and nothing that failed left without a name.

The order of thought: rules say what they see, each for itself. The one table `EXPLAINS` then tells which finding is the
cause of which. What a target needs for `ok` and did not get is either named by a finding or said in `unproven`; a
failure that nothing names becomes RUN003.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any, Final

from agent.catalog.findings import CODES, Scope, Severity
from agent.catalog.placeholders import FORMS
from agent.catalog.vpce import read_name
from agent.catalog.wording import listed
from agent.judge.evidence import AT_ADDRESSES, Evidence, skipped_because
from agent.judge.rules.connect import is_without_way
from agent.judge.rules.registry import RULES
from agent.judge.rules.rule import Found, Rule
from agent.judge.rules.run import REPORT_IT
from agent.judge.rules.vpc.paths import DELETED
from agent.report.model import Finding, Fix, NotEvaluated
from agent.settings import Suppression
from probes.model import Address, Addressing, Observation, Role, Step, Target
from probes.vpc.model import READS, VpcEndpoint

ANYTHING: Final = "*"
CONFIGURATION: Final = "VPC"
"""How the codes begin that name a cause in the configuration."""


class Reach(Enum):
    """Within what a cause explains."""

    RUN = auto()
    TARGET = auto()
    ADDRESS = auto()
    OWN_NAME = auto()
    """The target, where its host is a name of the endpoint's own."""


@dataclass(frozen=True, slots=True)
class Explains:
    """A row of EXPLAINS: where `cause` holds, `symptom` follows from it."""

    cause: str
    symptom: str
    """A code, how the codes of a group begin, or ANYTHING that fails."""
    reach: Reach


EXPLAINS: Final = (
    Explains("VPC003", "DNS001", Reach.TARGET),
    Explains("VPC003", "DNS004", Reach.RUN),
    Explains("VPC015", "DNS001", Reach.TARGET),
    Explains("VPC015", "DNS004", Reach.RUN),
    Explains("VPC015", "DNS005", Reach.TARGET),
    Explains("VPC017", "DNS003", Reach.TARGET),
    Explains("VPC017", "DNS006", Reach.TARGET),
    Explains("VPC017", "DNS007", Reach.TARGET),
    Explains("VPC016", "DNS003", Reach.TARGET),
    Explains("VPC016", "DNS006", Reach.TARGET),
    Explains("VPC016", "VPC010", Reach.TARGET),
    Explains("VPC016", "DNS009", Reach.TARGET),
    Explains("VPC011", "DNS002", Reach.TARGET),
    Explains("VPC011", "DNS003", Reach.TARGET),
    Explains("VPC011", "DNS004", Reach.RUN),
    Explains("VPC011", "DNS005", Reach.TARGET),
    Explains("VPC011", "DNS006", Reach.TARGET),
    Explains("VPC011", "DNS013", Reach.TARGET),
    Explains("VPC001", "DNS001", Reach.TARGET),
    Explains("VPC002", "DNS001", Reach.TARGET),
    Explains("VPC010", ANYTHING, Reach.ADDRESS),
    Explains("VPC004", "DNS001", Reach.TARGET),
    Explains("VPC004", "DNS003", Reach.OWN_NAME),
    Explains("VPC004", "TCP001", Reach.ADDRESS),
    Explains("VPC004", "TCP002", Reach.ADDRESS),
    Explains("VPC004", "TCP008", Reach.ADDRESS),
    *(
        Explains(cause, symptom, Reach.ADDRESS)
        for cause in ("VPC012", "VPC007", "VPC006", "VPC005")
        for symptom in ("TCP001", "TCP002", "TCP003", "TCP007", "TCP008")
    ),
    Explains("VPC008", "IAM001", Reach.TARGET),
    Explains("VPC008", "IAM002", Reach.TARGET),
    Explains("ENV005", ANYTHING, Reach.TARGET),
    Explains("ENV006", ANYTHING, Reach.TARGET),
    Explains("ENV008", "DNS001", Reach.RUN),
    Explains("ENV008", "DNS003", Reach.RUN),
    Explains("ENV004", ANYTHING, Reach.TARGET),
    Explains("ENV007", "HTTP003", Reach.TARGET),
    Explains("ENV010", "TLS007", Reach.ADDRESS),
    Explains("ENV010", "API005", Reach.RUN),
    Explains("ENV011", "API001", Reach.RUN),
    Explains("ENV002", "API001", Reach.RUN),
    Explains("ENV003", "API001", Reach.RUN),
    Explains("ENV009", "DNS002", Reach.TARGET),
    Explains("ENV009", "DNS010", Reach.TARGET),
    Explains("ENV009", "DNS015", Reach.TARGET),
    Explains("ENV009", "TCP", Reach.ADDRESS),
    Explains("ENV009", "TLS", Reach.ADDRESS),
    Explains("ENV009", "HTTP", Reach.ADDRESS),
    Explains("DNS007", "DNS001", Reach.TARGET),
    Explains("DNS007", "TCP", Reach.ADDRESS),
    Explains("DNS007", "TLS", Reach.ADDRESS),
    Explains("DNS007", "HTTP", Reach.ADDRESS),
    Explains("DNS004", "DNS002", Reach.RUN),
    Explains("DNS015", "DNS002", Reach.TARGET),
    Explains("DNS002", "DNS003", Reach.TARGET),
    Explains("DNS002", "DNS005", Reach.TARGET),
    Explains("DNS002", "DNS006", Reach.TARGET),
    Explains("DNS002", "DNS013", Reach.TARGET),
    Explains("DNS008", "DNS001", Reach.TARGET),
    Explains("DNS002", ANYTHING, Reach.ADDRESS),
    Explains("DNS008", ANYTHING, Reach.ADDRESS),
    Explains("DNS010", ANYTHING, Reach.ADDRESS),
    Explains("DNS001", ANYTHING, Reach.ADDRESS),
    Explains("TCP010", "TCP001", Reach.ADDRESS),
    Explains("TCP010", "TCP002", Reach.ADDRESS),
    Explains("TCP010", "TCP006", Reach.ADDRESS),
)
"""The first row that fits wins."""

_STANDS_ALONE: Final = frozenset({"VPC004", "VPC009", "VPC013", "VPC014"})
"""Findings about the configuration that need no measured fault."""
_AS_BAD_AS_MEASURED: Final = "VPC004"
"""Of these the one that is as bad as what it explains, else as what else was measured where it shows, else information:
an endpoint that is not available harms a host only where that host meets it."""
_PARTIAL: Final = frozenset({"TCP002", "TCP003", "TCP007", "TCP008"})
"""Faults of some addresses or ports beside others that work: the choice of a host name causes none of them."""
_OF_THIS_HOST: Final = frozenset({"TCP005", "TCP010", "TCP011", "TLS008"})
"""Faults of this host's own at an address: neither an answer of a name server nor what is there causes them."""
_NO_ROUTE: Final = "TCP006"
"""Such a fault only where this host has no way to its own VPC."""
NO_EC2: Final = "the configuration was not asked for"
_CAP: Final = {Role.REQUIRED: Severity.CRITICAL, Role.OPTIONAL: Severity.WARNING, Role.CONTEXT: Severity.INFO}
_SAFE_WORD: Final = re.compile(r"[A-Za-z0-9_.,:/=@+<>{}\[\]-]{1,300}")
_PLACEHOLDER: Final = re.compile(r"<[A-Z_]+>")
_NO_EXCUSE: Final = frozenset({"ENV010", "RUN001", "RUN002"})
"""Findings that stand in for no failure that they show: what was not measured is not well for it, and a clock is read
from every answer, whatever else is wrong with that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What a run means."""

    findings: tuple[Finding, ...]
    """Causes first, then by severity and the order of codes."""
    not_evaluated: tuple[NotEvaluated, ...]
    unproven: dict[str, tuple[str, ...]]
    """By target id: what is missing for `ok` that no finding names."""


@dataclass(slots=True, eq=False)  # causes and symptoms hold each other
class _Draft:
    found: Found
    severity: Severity
    target: Target | None
    is_of_this_host: bool
    """Whether it is a fault of this host's own, whatever is at its addresses."""
    cause: "_Draft | None" = None
    symptoms: "list[_Draft]" = field(default_factory=list)
    suppressed: bool = False

    @property
    def own(self) -> Severity:
        """How bad the finding is by itself, whoever's it is."""
        return self.found.severity or CODES[self.found.code].severity

    @property
    def id(self) -> str:
        return self.found.code if self.found.target is None else f"{self.found.code}@{self.found.target}"


def diagnose(
    evidence: Evidence,
    rules: Sequence[Rule] = RULES,
    explains: Sequence[Explains] = EXPLAINS,
    suppress: Sequence[Suppression] = (),
) -> Diagnosis:
    """Ask every rule, and put what they say in order. Never raises for what a rule raises: that is RUN002."""
    targets = {target.id: target for target in evidence.targets}
    silent = {target.id: reason for target in evidence.targets if (reason := evidence.not_in_use(target))}
    said = _merged(found for rule in rules for found in _ask(rule, evidence) if found.target not in silent)
    spoken = {(found.code, found.target) for found in said}
    not_evaluated = [
        missing
        for rule in rules
        for missing in _missing(rule, evidence, silent)
        if (missing.code, missing.target) not in spoken  # one that has seen enough to speak
    ]
    drafts = [_draft(evidence, found, targets, suppress) for found in said]
    drafts = _supported(drafts, explains)
    _explain(drafts, explains)

    unproven: dict[str, tuple[str, ...]] = {}
    unnamed: list[str] = []
    for target in evidence.targets:
        if target.id not in silent:
            words, failed = _prove(target, evidence, drafts, explains)
            unproven[target.id] = words
            unnamed += failed
    if unnamed:
        found = _unexplained(evidence, list(dict.fromkeys(unnamed)))
        drafts.append(_draft(evidence, found, targets, suppress))

    for draft in drafts:
        draft.severity = _capped(_worst(draft), draft.found, targets)
    for target_id, steps in _left_unnamed(evidence, drafts, silent).items():
        unproven[target_id] += steps
    drafts.sort(key=_order)
    return Diagnosis(
        findings=tuple(_finding(draft, evidence) for draft in drafts),
        not_evaluated=tuple(not_evaluated),
        unproven=unproven,
    )


def _draft(evidence: Evidence, found: Found, targets: dict[str, Target], suppress: Sequence[Suppression]) -> _Draft:
    return _Draft(
        found,
        _capped(found.severity or CODES[found.code].severity, found, targets),
        targets.get(found.target or ""),
        is_of_this_host=found.code in _OF_THIS_HOST or (found.code == _NO_ROUTE and _is_without_way(evidence, found)),
        suppressed=any(each.code == found.code and each.target in (None, found.target) for each in suppress),
    )


def _is_without_way(evidence: Evidence, found: Found) -> bool:
    here = () if evidence.imds is None else evidence.imds.vpc_cidrs
    seen = (evidence.find(each) for each in found.evidence)
    return any(each is not None and each.subject.step is Step.TCP and is_without_way(each, here) for each in seen)


def _supported(drafts: list[_Draft], explains: Sequence[Explains]) -> list[_Draft]:
    """The drafts without what configuration alone says: it names causes of what was measured and raises nothing by
    itself, and it is as bad as what it explains."""
    for draft in drafts:
        if draft.found.code == _AS_BAD_AS_MEASURED:
            _weigh(draft, drafts, explains)
    kept = drafts
    while True:
        left = []
        settled = True
        for draft in kept:
            if _rests_on_configuration(draft):
                worst = _worst_of(draft, _explained(draft, kept, explains))
                settled = settled and worst is draft.severity
                if worst is None:
                    continue
                draft.severity = worst
            left.append(draft)
        if settled:
            return left
        kept = left  # what one of these was the cause of may itself have gone, or be less bad


def _weigh(draft: _Draft, drafts: list[_Draft], explains: Sequence[Explains]) -> None:
    """Make a finding as bad as what was measured of it."""
    beside = [
        each
        for each in drafts
        if each.found.target == draft.found.target
        and not each.found.code.startswith(CONFIGURATION)
        and each.found.addresses & draft.found.addresses
    ]
    worst = _worst_of(draft, _explained(draft, drafts, explains) or beside) or Severity.INFO
    draft.found, draft.severity = replace(draft.found, severity=worst), worst


def _explained(draft: _Draft, drafts: list[_Draft], explains: Sequence[Explains]) -> list[_Draft]:
    """What a draft is the cause of, or a part of the cause."""
    return [each for each in drafts if any(_fits(row, draft, each, whole=False) for row in explains)]


def _worst_of(draft: _Draft, drafts: list[_Draft]) -> Severity | None:
    """How bad the worst of these makes a draft; None where there are none."""
    worst = min((each.severity for each in drafts), key=lambda each: each.rank, default=None)
    if worst is not None and draft.found.is_stale:
        return max(worst, Severity.WARNING, key=lambda each: each.rank)
    return worst


def _rests_on_configuration(draft: _Draft) -> bool:
    return draft.found.code.startswith(CONFIGURATION) and draft.found.code not in _STANDS_ALONE


def _left_unnamed(evidence: Evidence, drafts: list[_Draft], silent: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """By target, the failures that only a symptom of a suppressed cause names. The cause is known and accepted; that
    it breaks this step is not, so the step is not proven."""
    found: dict[str, tuple[str, ...]] = {}
    for target in evidence.targets:
        if target.id in silent:
            continue
        steps = frozenset(evidence.required_steps(target))
        hidden = [
            step
            for draft in drafts
            if draft.cause is not None and not draft.suppressed and _root(draft).suppressed
            for step in draft.found.evidence
            if step in steps and (seen := evidence.find(step)) is not None and not seen.ok
        ]
        found[target.id] = tuple(f"{step} failed, and its cause is suppressed" for step in dict.fromkeys(hidden))
    return found


def _root(draft: _Draft) -> _Draft:
    while draft.cause is not None:
        draft = draft.cause
    return draft


def _ask(rule: Rule, evidence: Evidence) -> list[Found]:
    try:
        return list(rule.check(evidence))
    except Exception as error:  # noqa: BLE001 - a rule that crashes is a finding too, and the others still speak
        return [
            Found(
                code="RUN002",
                target=None,
                detail=f"The rule {rule.code} failed by a fault of backuplink itself "
                f"({type(error).__name__}: {error}). The rest stands.",
                evidence=(),
                fix=REPORT_IT,
            )
        ]


def _merged(said: Iterable[Found]) -> list[Found]:
    """One finding for each code and target: an id is given once."""
    merged: dict[tuple[str, str | None], Found] = {}
    for found in said:
        key = (found.code, found.target)
        first = merged.get(key)
        if first is None:
            merged[key] = found
            continue
        severities = [each.severity or CODES[each.code].severity for each in (first, found)]
        merged[key] = replace(
            first,
            detail=" ".join(dict.fromkeys((first.detail, found.detail))),
            evidence=tuple(dict.fromkeys((*first.evidence, *found.evidence))),
            addresses=first.addresses | found.addresses,
            severity=min(severities, key=lambda each: each.rank),
        )
    return list(merged.values())


def _missing(rule: Rule, evidence: Evidence, silent: dict[str, str]) -> Iterable[NotEvaluated]:
    """Where a rule could not be asked, and why."""
    if CODES[rule.code].scope is Scope.RUN:
        if reason := _lack(rule, evidence, None):
            yield NotEvaluated(code=rule.code, target=None, reason=reason)
        return
    if not evidence.targets:
        unknown = evidence.run.region is None
        reason = (
            "no Region is known, and so no host to look at"
            if unknown
            else "the run ended before it knew what to look at"
        )
        yield NotEvaluated(code=rule.code, target=None, reason=reason)
    for target in evidence.targets:
        if reason := silent.get(target.id) or _lack(rule, evidence, target):
            yield NotEvaluated(code=rule.code, target=target.id, reason=reason)


def _lack(rule: Rule, evidence: Evidence, target: Target | None) -> str | None:
    """Why a step that the rule needs says nothing; None where all do."""
    if rule.reads and not evidence.run.ec2_reads:
        return NO_EC2
    for step in rule.needs:
        # Metadata and credentials, and of the host all but its proxies, are the run's and no target's.
        judged = evidence.judged(step, target) or [each for each in evidence.of(step) if each.subject.target is None]
        if any(each.made for each in judged):
            continue
        looks = (*judged, *evidence.of(step, target))
        reasons = [reason for each in looks if not each.made and (reason := _why_not(each))]
        nothing = "no address is known to try" if step in AT_ADDRESSES else f"no {step} step was made"
        return reasons[0] if reasons else nothing
    for operation in rule.reads:
        read = evidence.read(operation)
        if read is None or not read.ok:
            return f"{READS[operation].words} could not be read{'' if read is None else f': {_why_not(read)}'}"
    return None


def _why_not(each: Observation[Any]) -> str | None:
    return skipped_because(each) if each.failure is None else each.failure.message


def _explain(drafts: list[_Draft], explains: Sequence[Explains]) -> None:
    for symptom in drafts:
        causes = _causes(symptom, drafts, explains)
        # A suppressed cause takes along only what no other explains.
        symptom.cause = next((cause for cause in causes if not cause.suppressed), causes[0] if causes else None)
        # What the configuration explains makes the cause that was measured no less bad: both are there to be mended.
        measured = (cause for cause in causes if not cause.found.code.startswith(CONFIGURATION))
        for cause in (symptom.cause, next(measured, None)):
            if cause is not None and symptom not in cause.symptoms:
                cause.symptoms.append(symptom)


def _causes(symptom: _Draft, drafts: list[_Draft], explains: Sequence[Explains]) -> list[_Draft]:
    """What explains a symptom, the first row's cause first: each by itself, else several faults of the configuration
    that do so together, each at some of its addresses."""
    able = [each for each in drafts if each.severity is not Severity.INFO and not each.found.is_stale]
    causes = [cause for row in explains for cause in able if _fits(row, cause, symptom)]
    if causes:
        return causes
    parts = [
        cause
        for row in explains
        for cause in able
        if cause.found.code.startswith(CONFIGURATION) and _fits(row, cause, symptom, whole=False)
    ]
    covered = frozenset(address for cause in parts for address in cause.found.addresses)
    return parts if symptom.found.addresses <= covered else []


def _fits(row: Explains, cause: _Draft, symptom: _Draft, *, whole: bool = True) -> bool:
    """Whether by this row the cause explains the symptom, at all of its addresses or, where not `whole`, at some."""
    if cause is symptom or cause.found.code != row.cause:
        return False
    if row.symptom != ANYTHING and not symptom.found.code.startswith(row.symptom):
        return False
    group = symptom.found.code[:3]
    if row.symptom == ANYTHING and (
        group in ("ENV", "RUN", CONFIGURATION) or CODES[symptom.found.code].scope is not Scope.TARGET
    ):
        return False  # what is wrong with the host, the network or the run follows from no host name
    match row.reach:
        case Reach.RUN:
            return True
        case Reach.TARGET:
            if row.symptom == ANYTHING and symptom.found.code in _PARTIAL:
                return False
            return cause.found.target == symptom.found.target
        case Reach.OWN_NAME:
            own = None if symptom.target is None else read_name(symptom.target.host)
            return own is not None and cause.found.target == symptom.found.target
        case Reach.ADDRESS:
            if symptom.is_of_this_host and not cause.is_of_this_host:
                return False
            same = cause.found.target in (None, symptom.found.target)
            # A cause that names other causes of the same names (DNS001 beside DNS002) explains connections, not names.
            below = group != "DNS"
            shared = symptom.found.addresses & cause.found.addresses
            return same and below and bool(shared) and (not whole or shared == symptom.found.addresses)


def _prove(
    target: Target, evidence: Evidence, drafts: list[_Draft], explains: Sequence[Explains]
) -> tuple[tuple[str, ...], list[str]]:
    """What the target lacks for `ok`: in words where no finding names it, and the ids of failures that none names,
    where the target is required."""
    # What a role has made information of was named all the same; what is no more by itself names no fault.
    speaking = [draft for draft in drafts if draft.own is not Severity.INFO and draft.found.code not in _NO_EXCUSE]
    named = {each for draft in speaking for each in draft.found.evidence}
    blamed = {
        address
        for draft in speaking
        if draft.severity is not Severity.INFO
        # A warning, such as a URL that is set, is no name for a failure: it would pass as no worse than that.
        and draft.own is Severity.CRITICAL
        and draft.found.target == target.id
        and any(_blames_address(row, draft) for row in explains)
        for address in draft.found.addresses
    }
    words: list[str] = []
    failed: list[str] = []
    required = evidence.required_steps(target)
    for step in required:
        seen = evidence.find(step)
        if seen is None:
            words.append(f"{step} was not made")
            continue
        if seen.ok:
            continue
        chain = [
            seen,
            *(
                each
                for each in evidence.ancestors(seen)
                if not each.ok and (each.id in required or each.subject.step is Step.CREDENTIALS)
            ),
        ]
        if any(each.id in named for each in chain):
            continue
        # A setting of this host that cannot be read is no fault of the path.
        faults = [each for each in chain if each.failure and each.made and each.subject.step is not Step.HOST]
        lost = [each for each in chain if each.failure and each not in faults]
        # The lowest step that did not succeed is the one to name.
        if faults and seen.subject.address in blamed:
            continue
        if faults and target.role is Role.REQUIRED:
            failed.append(faults[-1].id)
        elif faults:
            words.append(f"{faults[-1].id} failed: {_why_not(faults[-1])}")
        elif lost:
            words.append(f"{lost[-1].id}: {_why_not(lost[-1])}")
        else:
            words.append(f"{seen.id} was skipped: {skipped_because(seen)}")
    lookup = evidence.own_lookup(target)
    if lookup is not None and lookup.ok and not evidence.own_addresses(target) and lookup.id not in named:
        words.append(f"{target.host} gave no address that this host can use")
    if (url := evidence.url_aside(target)) is not None:
        words.append(f"calls go to {url}, and only HTTPS on port 443 was measured")
    if (proxy := evidence.proxy(target)) is not None:
        words.append(f"calls to {target.host} go through the proxy {proxy}, and only the direct way was measured")
    # What a suppressed cause brought about is named by nobody any more, by the cause least of all.
    of_target = [draft for draft in speaking if draft.found.target == target.id]
    orphaned = [draft for draft in of_target if not draft.suppressed and _root(draft).suppressed]
    accused = {address for draft in of_target if draft not in orphaned for address in draft.found.addresses}
    accused -= {address for draft in orphaned for address in draft.found.addresses}
    for address in evidence.own_addresses(target):
        if not evidence.is_expected(address) and address not in accused:
            scope = evidence.judged_scope(address)
            words.append(f"{address} is {scope}, where {evidence.run.expect} was expected")
    return tuple(dict.fromkeys(words)), failed


def _blames_address(row: Explains, draft: _Draft) -> bool:
    return row.cause == draft.found.code and row.symptom == ANYTHING and row.reach is Reach.ADDRESS


def _unexplained(evidence: Evidence, failed: list[str]) -> Found:
    steps = [seen for each in failed if (seen := evidence.find(each)) is not None]
    said = [f"{seen.id} ({seen.failure.message})" for seen in steps if seen.failure is not None]
    addresses: frozenset[Address] = frozenset(seen.subject.address for seen in steps if seen.subject.address)
    return Found(
        code="RUN003",
        target=None,
        detail=f"These failed, and no rule says why: {listed(said)}.",
        evidence=tuple(failed),
        addresses=addresses,
        fix=Fix(
            summary="Read the failed steps: they are facts, and something is wrong there. " + REPORT_IT.summary,
            commands=REPORT_IT.commands,
        ),
    )


def _worst(draft: _Draft) -> Severity:
    counted = (symptom for symptom in draft.symptoms if not symptom.suppressed)
    return min((draft.severity, *(_worst(symptom) for symptom in counted)), key=lambda each: each.rank)


def capped(severity: Severity, role: Role) -> Severity:
    """The severity, as far as a target of this role lets it count."""
    return max(severity, _CAP[role], key=lambda each: each.rank)


def _capped(severity: Severity, found: Found, targets: dict[str, Target]) -> Severity:
    target = targets.get(found.target or "")
    return severity if target is None else capped(severity, target.role)


def _order(draft: _Draft) -> tuple[object, ...]:
    return (
        draft.suppressed,
        draft.cause is not None,
        draft.severity.rank,
        tuple(CODES).index(draft.found.code),
        draft.id,
    )


def _filled(fix: Fix, known: Mapping[str, str]) -> Fix:
    """The fix with what is known in place of its placeholders, and with a placeholder for every word that is not what
    ids, names, addresses and options are made of: what a peer or a setting gave is never a command's."""

    def word(text: str) -> str:
        text = _PLACEHOLDER.sub(lambda found: known.get(found[0], found[0]), text)
        return text if _SAFE_WORD.fullmatch(text) else "<VALUE>"

    commands = tuple(replace(command, argv=tuple(map(word, command.argv))) for command in fix.commands)
    return replace(fix, commands=commands)


def _known_ids(evidence: Evidence, about: Found, target: Target | None) -> dict[str, str]:
    """What this run knows of what the commands of a finding have placeholders for, where it has the strict form of its
    kind."""
    imds = evidence.imds
    groups = imds.security_group_ids if imds is not None else ()
    own = None if target is None else read_name(target.host)
    dhcp = evidence.configuration.dhcp_options
    endpoint = None if target is None or own is not None else _endpoint_of(evidence, about, target)
    names = {each.name for each in (evidence.host.interfaces if evidence.host is not None else None) or ()} - {"lo"}
    found = {
        "<VPC_ID>": imds.vpc_id if imds is not None else None,
        "<SUBNET_ID>": imds.subnet_id if imds is not None else None,
        "<INSTANCE_ID>": imds.instance_id if imds is not None else None,
        "<INSTANCE_SECURITY_GROUP_ID>": groups[0] if len(groups) == 1 else None,
        "<VPC_ENDPOINT_ID>": own.endpoint_id if own is not None else endpoint.endpoint_id if endpoint else None,
        "<ENDPOINT_SECURITY_GROUP_ID>": endpoint.group_ids[0] if endpoint and len(endpoint.group_ids) == 1 else None,
        "<DHCP_OPTIONS_ID>": dhcp.options_id if dhcp is not None else None,
        "<INTERFACE>": names.pop() if len(names) == 1 else None,
    }
    return {name: value for name, value in found.items() if value is not None and FORMS[name].fullmatch(value)}


def _endpoint_of(evidence: Evidence, about: Found, target: Target) -> VpcEndpoint | None:
    """The endpoint that a finding is about: the only one of the service in this VPC, where the private addresses of the
    finding are all of its interfaces, or the finding has none and private DNS is what makes the name private."""
    region = None if evidence.imds is None else evidence.imds.region
    if evidence.vpc_id is None or target.region != region:
        return None
    listed_here = evidence.endpoints(target, vpc_id=evidence.vpc_id) or ()
    there = [each for each in listed_here if each.state != DELETED]
    if len(there) != 1:
        return None
    at = [evidence.interface_at(address) for address in about.addresses if evidence.is_private(address)]
    is_its_own = all(each is not None and each.interface_id in there[0].interface_ids for each in at)
    return there[0] if is_its_own and (at or target.addressing is Addressing.DEFAULT) else None


def _finding(draft: _Draft, evidence: Evidence) -> Finding:
    code = CODES[draft.found.code]
    return Finding(
        id=draft.id,
        code=code.code,
        name=code.name,
        severity=draft.severity,
        scope=code.scope,
        target=draft.found.target,
        title=code.title,
        detail=draft.found.detail,
        evidence=draft.found.evidence,
        explained_by=None if draft.cause is None else draft.cause.id,
        suppressed=draft.suppressed,
        fix=_filled(draft.found.fix, _known_ids(evidence, draft.found, draft.target)),
        documents=code.documents,
    )
