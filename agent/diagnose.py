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

from agent.catalog.vpce import read_name
from agent.codes import CODES, Scope, Severity
from agent.evidence import AT_ADDRESSES, Evidence, skipped_because
from agent.report import Finding, Fix, NotEvaluated
from agent.rules.registry import RULES
from agent.rules.rule import Found, Rule, listed
from agent.rules.run import REPORT_IT
from agent.settings import Suppression
from probes.model import Address, Observation, Role, Step, Target

ANYTHING: Final = "*"


class Reach(Enum):
    """Within what a cause explains."""

    RUN = auto()
    TARGET = auto()
    ADDRESS = auto()


@dataclass(frozen=True, slots=True)
class Explains:
    """A row of EXPLAINS: where `cause` holds, `symptom` follows from it."""

    cause: str
    symptom: str
    """A code, how the codes of a group begin, or ANYTHING that fails."""
    reach: Reach


EXPLAINS: Final = (
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

_PARTIAL: Final = frozenset({"TCP002", "TCP003", "TCP007", "TCP008"})
"""Faults of some addresses or ports beside others that work: the choice of a host name causes none of them."""
_OF_THIS_HOST: Final = frozenset({"TCP005", "TCP011", "TLS008"})
"""Faults of this host's own at an address: no answer of a name server causes them."""
_CAP: Final = {Role.REQUIRED: Severity.CRITICAL, Role.OPTIONAL: Severity.WARNING, Role.CONTEXT: Severity.INFO}
_SAFE_WORD: Final = re.compile(r"[A-Za-z0-9_.,:/=@+<>{}\[\]-]{1,300}")
_PLACEHOLDER: Final = re.compile(r"<[A-Z_]+>")
_FORMS: Final = {
    "<VPC_ID>": re.compile(r"vpc-[0-9a-f]{8,17}"),
    "<SUBNET_ID>": re.compile(r"subnet-[0-9a-f]{8,17}"),
    "<INSTANCE_ID>": re.compile(r"i-[0-9a-f]{8,17}"),
    "<INSTANCE_SECURITY_GROUP_ID>": re.compile(r"sg-[0-9a-f]{8,17}"),
    "<VPC_ENDPOINT_ID>": re.compile(r"vpce-[0-9a-f]{8,17}"),
    "<INTERFACE>": re.compile(r"[a-z0-9.-]{1,15}"),
}
"""What may stand in place of a placeholder: what metadata or a name says has to have the form of its kind."""
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
    drafts = [_draft(found, targets, suppress) for found in said]
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
        drafts.append(_draft(found, targets, suppress))

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


def _draft(found: Found, targets: dict[str, Target], suppress: Sequence[Suppression]) -> _Draft:
    return _Draft(
        found,
        _capped(found.severity or CODES[found.code].severity, found, targets),
        suppressed=any(each.code == found.code and each.target in (None, found.target) for each in suppress),
    )


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
    for step in rule.needs:
        judged = evidence.judged(step, target)
        if any(each.made for each in judged):
            continue
        looks = (*judged, *evidence.of(step, target))
        reasons = [reason for each in looks if not each.made and (reason := _why_not(each))]
        nothing = "no address is known to try" if step in AT_ADDRESSES else f"no {step} step was made"
        return reasons[0] if reasons else nothing
    return None


def _why_not(each: Observation[Any]) -> str | None:
    return skipped_because(each) if each.failure is None else each.failure.message


def _explain(drafts: list[_Draft], explains: Sequence[Explains]) -> None:
    for symptom in drafts:
        causes = [
            cause
            for row in explains
            for cause in drafts
            if cause is not symptom and cause.severity is not Severity.INFO and _fits(row, cause, symptom)
        ]
        # A suppressed cause takes along only what no other explains.
        symptom.cause = next((cause for cause in causes if not cause.suppressed), causes[0] if causes else None)
        if symptom.cause is not None:
            symptom.cause.symptoms.append(symptom)


def _fits(row: Explains, cause: _Draft, symptom: _Draft) -> bool:
    if cause.found.code != row.cause:
        return False
    if row.symptom != ANYTHING and not symptom.found.code.startswith(row.symptom):
        return False
    group = symptom.found.code[:3]
    if row.symptom == ANYTHING and (group in ("ENV", "RUN") or CODES[symptom.found.code].scope is not Scope.TARGET):
        return False  # what is wrong with the host or with the run follows from no host name
    match row.reach:
        case Reach.RUN:
            return True
        case Reach.TARGET:
            if row.symptom == ANYTHING and symptom.found.code in _PARTIAL:
                return False
            return cause.found.target == symptom.found.target
        case Reach.ADDRESS:
            if symptom.found.code in _OF_THIS_HOST:
                return False
            same = cause.found.target in (None, symptom.found.target)
            # A cause that names other causes of the same names (DNS001 beside DNS002) explains connections, not names.
            below = group != "DNS"
            return same and below and bool(symptom.found.addresses) and symptom.found.addresses <= cause.found.addresses


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


def _known_ids(evidence: Evidence, target_id: str | None) -> dict[str, str]:
    """What this run knows of what commands have placeholders for, where it has the strict form of its kind."""
    imds = evidence.imds
    groups = imds.security_group_ids if imds is not None else ()
    target = next((each for each in evidence.targets if each.id == target_id), None)
    own = None if target is None else read_name(target.host)
    names = {each.name for each in (evidence.host.interfaces if evidence.host is not None else None) or ()} - {"lo"}
    found = {
        "<VPC_ID>": imds.vpc_id if imds is not None else None,
        "<SUBNET_ID>": imds.subnet_id if imds is not None else None,
        "<INSTANCE_ID>": imds.instance_id if imds is not None else None,
        "<INSTANCE_SECURITY_GROUP_ID>": groups[0] if len(groups) == 1 else None,
        "<VPC_ENDPOINT_ID>": None if own is None else own.endpoint_id,
        "<INTERFACE>": names.pop() if len(names) == 1 else None,
    }
    return {name: value for name, value in found.items() if value is not None and _FORMS[name].fullmatch(value)}


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
        fix=_filled(draft.found.fix, _known_ids(evidence, draft.found.target)),
        documents=code.documents,
    )
