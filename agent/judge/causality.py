"""The causes of findings: the table `EXPLAINS`, and how it is applied.

Only the table names codes. All other differences between kinds of findings are fields of their rows in
`agent.catalog.findings`.
"""

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum, auto
from typing import Final

from agent.catalog.findings import CODES, Code, Layer, Scope, Severity
from agent.catalog.vpce import read_name
from agent.catalog.wording import listed
from agent.judge.candidate import Candidate
from probes.frozen import dataclass
from probes.model import Addressing, Role


class Effects(Enum):
    """A group of findings that a kind of cause can bring about. Findings about credentials, the account and the service
    itself are not in any of these groups."""

    ADDRESS = "what fails at an address that is not the right one"
    NAME = "what fails for a host name that is not the right one"
    ANSWER = "answers of the VPC's resolver that are not the right ones"
    REGION = "what the names of a Region that is not the right one can be"
    SERVER = "what fails at a server that is not the right one"
    PATH_CONDITION = "denials by a policy that may ask for the private path"

    def include(self, code: Code) -> bool:
        """Whether findings with this code belong to the group."""
        return code.scope is Scope.TARGET and code.code in _EFFECTS[self]


_OF_SERVER: Final = frozenset({"HTTP001", "HTTP002", "HTTP004", "HTTP006", "API004", "API006", "API009"})
_OF_ADDRESS: Final = (_OF_SERVER - {"API004"}) | {
    code.code for code in CODES.values() if code.layer in (Layer.CONNECTION, Layer.TLS)
}
_OF_NAME: Final = frozenset(
    {"DNS001", "DNS003", "DNS005", "DNS006", "DNS007", "DNS008", "DNS009", "DNS010", "DNS011", "DNS013"}
)
"""Findings that depend on the host name. Findings about differing answers (DNS002, DNS015) and silent name servers are
not among them, because such a fault affects every name."""
_OF_ANSWER: Final = _OF_NAME - {"DNS011"}
"""The findings about names that VPC015, VPC016 and VPC017 explain."""
_DENIALS: Final = frozenset({"IAM003", "IAM004", "IAM005", "IAM006", "IAM007", "IAM008"})
_STOPS_EVERY_PROGRAM: Final = (
    *("DNS003", "DNS004", "DNS005", "DNS006", "DNS013", "DNS015", "DNS018", "DNS019"),
    *("TCP001", "TCP002", "TCP004", "TCP005", "TCP006", "TCP011"),
    *("TLS003", "TLS004", "TLS005", "TLS006", "TLS007", "TLS010"),
    *("HTTP001", "HTTP002", "HTTP004", "HTTP006"),
)
"""Findings that affect every agent on this host, whatever the agent's own settings are. Findings about the SDK's
settings on this host (proxy, trusted certificates, endpoint URLs) are not among them."""
_STOPS_THE_SDK: Final = ("HTTP003", *_STOPS_EVERY_PROGRAM, "TLS001", "TLS008", "TLS009")
"""Findings that affect the SDK on this host when it asks STS for a role. The finding about the SDK's proxy comes
first."""
_EFFECTS: Final = {
    Effects.ADDRESS: _OF_ADDRESS | _DENIALS,
    Effects.NAME: _OF_NAME | _OF_ADDRESS | _DENIALS,
    Effects.ANSWER: _OF_ANSWER,
    Effects.REGION: frozenset({"DNS001", "DNS003", "DNS006", "API006"}),
    Effects.SERVER: _OF_SERVER,
    Effects.PATH_CONDITION: _DENIALS,
}


class Reach(Enum):
    """The findings among which a row of EXPLAINS looks for symptoms."""

    RUN = auto()
    TARGET = auto()
    ADDRESS = auto()
    OWN_NAME = auto()
    """Findings of the target, if its host is one of the endpoint's own names."""
    PATH = auto()
    """Findings that need the path to the target, if the cause is critical. If the cause is less severe, a part of the
    path works, so such findings may have another cause."""
    EVERYTHING = auto()
    """All findings of this host, if the cause says that the host reaches nothing."""
    REGION = auto()
    """Findings of targets whose host follows from the Region in use."""


@dataclass(frozen=True, slots=True)
class Explains:
    """A row of EXPLAINS: if `cause` is found, `symptom` follows from it."""

    cause: str
    symptom: str | Effects
    """A code, or a group of codes."""
    reach: Reach
    by_information: bool = False
    """Whether a cause of severity INFO also explains the symptom. Something that is not a fault for a workload can
    still stop this run."""


EXPLAINS: Final = (
    Explains("VPC003", "DNS001", Reach.TARGET),
    Explains("VPC003", "DNS004", Reach.RUN),
    Explains("VPC015", "DNS001", Reach.TARGET),
    Explains("VPC015", "DNS004", Reach.RUN),
    Explains("VPC015", "DNS005", Reach.TARGET),
    *(
        Explains("VPC015", symptom, Reach.TARGET)
        for symptom in ("DNS003", "DNS006", "DNS008", "DNS009", "DNS010", "DNS013")
    ),
    Explains("VPC015", "VPC010", Reach.TARGET),
    Explains("VPC017", "DNS003", Reach.TARGET),
    Explains("VPC017", "DNS006", Reach.TARGET),
    Explains("VPC017", "DNS007", Reach.TARGET),
    Explains("VPC017", "DNS001", Reach.TARGET),  # if the answer is the rule's own CNAME
    Explains("VPC016", "DNS001", Reach.TARGET),
    Explains("VPC016", "DNS003", Reach.TARGET),
    Explains("VPC016", "DNS006", Reach.TARGET),
    Explains("VPC016", "DNS008", Reach.TARGET),
    Explains("VPC016", "VPC010", Reach.TARGET),
    Explains("VPC016", "DNS009", Reach.TARGET),
    Explains("VPC016", "DNS010", Reach.TARGET),
    Explains("VPC018", "DNS004", Reach.RUN),
    Explains("VPC018", Effects.ANSWER, Reach.TARGET),
    Explains("VPC018", "VPC010", Reach.TARGET),
    Explains("VPC011", "DNS002", Reach.TARGET),
    Explains("VPC011", "DNS003", Reach.TARGET),
    Explains("VPC011", "DNS004", Reach.RUN),
    Explains("VPC011", "DNS005", Reach.TARGET),
    Explains("VPC011", "DNS006", Reach.TARGET),
    Explains("VPC011", "DNS008", Reach.TARGET),
    Explains("VPC011", "DNS013", Reach.TARGET),
    Explains("VPC019", "DNS001", Reach.TARGET),
    Explains("VPC019", "TCP001", Reach.ADDRESS),
    Explains("VPC019", "IAM009", Reach.TARGET),
    Explains("VPC001", "DNS001", Reach.TARGET),
    Explains("VPC002", "DNS001", Reach.TARGET),
    Explains("VPC010", Effects.ADDRESS, Reach.ADDRESS),
    Explains("VPC015", Effects.ADDRESS, Reach.ADDRESS),
    Explains("VPC016", Effects.ADDRESS, Reach.ADDRESS),
    Explains("VPC018", Effects.ADDRESS, Reach.ADDRESS),
    Explains("VPC004", "DNS001", Reach.TARGET),
    Explains("VPC004", "DNS003", Reach.OWN_NAME),
    Explains("VPC004", "TCP001", Reach.ADDRESS),
    Explains("VPC004", "TCP002", Reach.ADDRESS),
    Explains("VPC004", "TCP008", Reach.ADDRESS),
    Explains("VPC004", "TCP006", Reach.ADDRESS),  # if nothing in the own subnet has the address
    *(
        Explains(cause, symptom, Reach.ADDRESS)
        for cause in ("VPC012", "VPC007", "VPC006", "VPC005")
        for symptom in ("TCP001", "TCP002", "TCP003", "TCP007", "TCP008")
    ),
    Explains("VPC008", "IAM001", Reach.TARGET),
    Explains("VPC008", "IAM002", Reach.TARGET),
    Explains("VPC008", "IAM009", Reach.TARGET),
    Explains("ENV005", Effects.NAME, Reach.TARGET),
    Explains("ENV006", "DNS001", Reach.TARGET),
    Explains("ENV006", "DNS003", Reach.TARGET),
    Explains("ENV015", "RUN001", Reach.RUN),  # if the deadline came while the process could not run
    Explains("ENV018", "ENV001", Reach.RUN),
    Explains("ENV018", "API010", Reach.RUN, by_information=True),
    Explains("ENV014", "ENV008", Reach.RUN),
    Explains("ENV014", Effects.REGION, Reach.REGION),
    Explains("ENV008", Effects.REGION, Reach.REGION),
    Explains("ENV004", Effects.NAME, Reach.TARGET),
    Explains("ENV007", "HTTP003", Reach.TARGET),
    Explains("ENV007", Effects.PATH_CONDITION, Reach.TARGET),
    Explains("ENV010", "TLS007", Reach.ADDRESS),
    Explains("ENV010", "API005", Reach.RUN),
    Explains("ENV011", "API001", Reach.RUN),
    Explains("ENV002", "API001", Reach.RUN),
    Explains("ENV003", "API001", Reach.RUN),
    Explains("ENV009", "DNS002", Reach.TARGET),
    Explains("ENV009", "DNS010", Reach.TARGET),
    Explains("ENV009", "DNS015", Reach.TARGET),
    Explains("ENV009", Effects.ADDRESS, Reach.ADDRESS),
    Explains("DNS007", "DNS001", Reach.TARGET),
    Explains("DNS007", "DNS008", Reach.TARGET),
    Explains("DNS007", Effects.ADDRESS, Reach.ADDRESS),
    Explains("DNS004", "DNS002", Reach.RUN),
    # For a search domain that is asked after the name itself has failed. If this host asks the search domain first,
    # DNS018 is a fault of this host itself, which these rows do not explain.
    *(Explains(cause, "DNS018", Reach.TARGET) for cause in ("DNS003", "DNS005", "DNS006", "DNS013")),
    Explains("DNS018", Effects.ADDRESS, Reach.ADDRESS),
    Explains("DNS019", "DNS002", Reach.RUN),
    Explains("DNS015", "DNS002", Reach.TARGET),
    Explains("DNS002", "DNS003", Reach.TARGET),
    Explains("DNS002", "DNS005", Reach.TARGET),
    Explains("DNS002", "DNS006", Reach.TARGET),
    Explains("DNS002", "DNS013", Reach.TARGET),
    Explains("DNS002", "DNS017", Reach.TARGET),
    Explains("DNS008", "DNS001", Reach.TARGET),
    *(Explains(cause, Effects.ADDRESS, Reach.ADDRESS) for cause in ("DNS002", "DNS008", "DNS010", "DNS001", "DNS011")),
    Explains("DNS015", Effects.ADDRESS, Reach.ADDRESS),
    Explains("TCP001", "TCP006", Reach.EVERYTHING),
    *(Explains(cause, "ENV002", Reach.EVERYTHING) for cause in ("TCP001", "TCP006")),
    Explains("TCP010", "TCP001", Reach.ADDRESS),
    Explains("TCP010", "TCP002", Reach.ADDRESS),
    Explains("TCP010", "TCP006", Reach.ADDRESS),
    Explains("TLS003", Effects.SERVER, Reach.ADDRESS),
    Explains("TLS003", "TCP003", Reach.ADDRESS),  # an endpoint of another service has none of a gateway's ports
    Explains("TLS001", Effects.SERVER, Reach.ADDRESS),
    *(Explains(cause, "JOB002", Reach.PATH) for cause in _STOPS_EVERY_PROGRAM),
    *(Explains(cause, "API010", Reach.PATH) for cause in _STOPS_THE_SDK),
    Explains("DNS001", "DNS012", Reach.TARGET),  # DNS64 makes its addresses from the name's IPv4 addresses
)
"""The first row that matches wins."""


_OF_NO_REGION: Final = frozenset({Addressing.VPCE, Addressing.CUSTOM})
"""Kinds of hosts that somebody chose by name. Their names do not follow from a Region."""


def explain(candidates: list[Candidate], explains: Sequence[Explains]) -> None:
    """Give each candidate its cause, and each cause its symptoms."""
    for symptom in candidates:
        causes = _causes(symptom, candidates, explains)
        # A symptom gets a suppressed cause only if it has no other cause.
        symptom.cause = next((cause for cause in causes if not cause.suppressed), causes[0] if causes else None)
        # If the configuration explains a symptom, the first measured cause still gets the symptom and its severity,
        # because both causes need a fix.
        measured = (cause for cause in causes if cause.code.layer is not Layer.CONFIGURATION)
        for cause in (symptom.cause, next(measured, None)):
            if cause is not None and symptom not in cause.symptoms:
                cause.symptoms.append(symptom)
    _gather(candidates)


def _gather(candidates: list[Candidate]) -> None:
    """Merge findings of several targets that share one cause into the finding of the first required target. This
    finding then mentions the other targets."""
    leading = [
        candidate
        for candidate in candidates
        if candidate.cause is None
        and candidate.finding.shared
        and candidate.severity is not Severity.INFO
        and not candidate.suppressed
        and not candidate.finding.is_stale
    ]
    leading.sort(key=lambda candidate: candidate.target is None or candidate.target.role is not Role.REQUIRED)
    for symptom in candidates:
        if symptom.cause is not None or not symptom.finding.shared or symptom.finding.is_stale:
            continue
        able = [leader for leader in leading if leader.cause is None and _is_same(leader, symptom)]
        if able and able[0] is not symptom:
            symptom.cause = able[0]
            able[0].symptoms.append(symptom)
    for leader in leading:
        others = [other.finding.target for other in leader.symptoms if _is_same(leader, other) and other is not leader]
        if others:
            detail = f"{leader.finding.detail} The same holds for {listed(others)}."
            leader.finding = replace(leader.finding, detail=detail)


def _is_same(leader: Candidate, other: Candidate) -> bool:
    """Whether both findings have the same code, and the leader's `shared` has everything in the other's. False if the
    other's `shared` is empty. Both may be the same finding."""
    return leader.finding.code == other.finding.code and leader.finding.shared >= other.finding.shared > frozenset()


def supported(candidates: list[Candidate], explains: Sequence[Explains]) -> list[Candidate]:
    """The candidates, without findings about the configuration for which no symptom was measured. A finding that needs
    a symptom gets the severity of its worst symptom."""
    for candidate in candidates:
        if candidate.code.severity_from_symptoms and not candidate.finding.explains_nothing:
            _weigh(candidate, candidates, explains)
    kept = candidates
    while True:
        remaining = []
        settled = True
        for candidate in kept:
            if candidate.code.needs_symptom:
                worst = _with_its_own(candidate, _worst_explained(candidate, explained_by(candidate, kept, explains)))
                settled = settled and worst is candidate.severity
                if worst is None:
                    continue
                candidate.severity = worst
            remaining.append(candidate)
        if settled:
            return remaining
        kept = remaining  # a symptom of a remaining candidate may be gone by now, or be less severe


def blames_addresses(row: Explains, candidate: Candidate) -> bool:
    """Whether this row says that the candidate causes every failure at its addresses."""
    return row.cause == candidate.finding.code and row.symptom is Effects.ADDRESS and row.reach is Reach.ADDRESS


def _weigh(candidate: Candidate, candidates: list[Candidate], explains: Sequence[Explains]) -> None:
    """Give a finding the severity of the findings that were measured at its addresses or that it explains."""
    at_same_addresses = [
        other
        for other in candidates
        if other.finding.target == candidate.finding.target
        and other.code.layer is not Layer.CONFIGURATION
        and other.finding.addresses & candidate.finding.addresses
    ]
    symptoms = explained_by(candidate, candidates, explains) or at_same_addresses
    worst = _worst_explained(candidate, symptoms) or Severity.INFO
    candidate.finding, candidate.severity = replace(candidate.finding, severity=worst), worst


def explained_by(
    candidate: Candidate, candidates: Sequence[Candidate], explains: Sequence[Explains]
) -> list[Candidate]:
    """The findings that a candidate causes, or helps to cause."""
    return [other for other in candidates if any(_fits(row, candidate, other, whole=False) for row in explains)]


def _worst_explained(candidate: Candidate, symptoms: list[Candidate]) -> Severity | None:
    """The severity that a candidate gets from the worst of its symptoms. None if it has no symptoms."""
    # A symptom that does not count does not raise a cause that counts.
    counted = [symptom for symptom in symptoms if symptom.counts] if candidate.counts else symptoms
    severities = [symptom.severity for symptom in counted or symptoms]
    worst = min(severities, key=lambda severity: severity.rank, default=None)
    if worst is not None and candidate.finding.is_stale:
        return max(worst, Severity.WARNING, key=lambda severity: severity.rank)
    return worst


def _with_its_own(candidate: Candidate, worst: Severity | None) -> Severity | None:
    """The severity of a finding whose symptoms give it the severity `worst`. If its rule knows more than the symptoms
    show, such as why a call was denied, the rule's severity counts if it is worse."""
    own = candidate.finding.severity
    if worst is None or own is None or candidate.finding.is_stale:
        return worst
    return min(worst, own, key=lambda severity: severity.rank)


def _causes(symptom: Candidate, candidates: list[Candidate], explains: Sequence[Explains]) -> list[Candidate]:
    """The causes of a symptom, in the order of the rows. Each of these causes explains the symptom alone. If no
    candidate does, the result is faults of the configuration that explain the symptom only together, each at some of
    its addresses."""
    able = [
        candidate
        for candidate in candidates
        if not (candidate.finding.is_stale or candidate.finding.explains_nothing)
        # A cause that does not count cannot explain a symptom that counts.
        and (candidate.counts or not symptom.counts)
    ]
    causes = [
        cause
        for row in explains
        for cause in able
        if (row.by_information or cause.severity is not Severity.INFO) and _fits(row, cause, symptom)
    ]
    if causes:
        return causes
    parts = [
        cause
        for row in explains
        for cause in able
        if cause.code.layer is Layer.CONFIGURATION
        and cause.severity is not Severity.INFO
        and _fits(row, cause, symptom, whole=False)
    ]
    covered = frozenset(address for cause in parts for address in cause.finding.addresses)
    return parts if symptom.finding.addresses <= covered else []


def _fits(row: Explains, cause: Candidate, symptom: Candidate, *, whole: bool = True) -> bool:
    """Whether, according to this row, the cause explains the symptom at all addresses of the symptom. If `whole` is
    false, some addresses are enough."""
    if cause is symptom or cause.finding.code != row.cause:
        return False
    if isinstance(row.symptom, Effects):
        if not row.symptom.include(symptom.code):
            return False
        if symptom.code.layer is Layer.POLICY and not symptom.finding.may_need_path:
            return False
        if row.symptom is Effects.NAME and (symptom.code.is_partial or symptom.is_of_this_host):
            return False  # a wrong host name causes neither a partial fault nor a fault of this host
    elif row.symptom != symptom.finding.code:
        return False
    match row.reach:
        case Reach.RUN:
            return True
        case Reach.TARGET:
            # This host's own settings are not caused by an answer from somewhere else.
            return symptom.finding.target in cause.about and (cause.is_of_this_host or not symptom.is_of_this_host)
        case Reach.PATH:
            return bool(cause.about & symptom.finding.needs_path_of) and cause.severity is Severity.CRITICAL
        case Reach.EVERYTHING:
            return cause.finding.stops_everything
        case Reach.REGION:
            return symptom.target is not None and symptom.target.addressing not in _OF_NO_REGION
        case Reach.OWN_NAME:
            own = None if symptom.target is None else read_name(symptom.target.host)
            return own is not None and cause.finding.target == symptom.finding.target
        case Reach.ADDRESS:
            if symptom.is_of_this_host and not cause.is_of_this_host:
                return False
            # A finding about a name does not explain another one (DNS001 next to DNS002), but connections to its
            # addresses.
            if symptom.code.layer is Layer.NAME or cause.finding.target not in (None, symptom.finding.target):
                return False
            shared = symptom.finding.addresses & cause.finding.addresses
            return bool(shared) and (not whole or shared == symptom.finding.addresses)
