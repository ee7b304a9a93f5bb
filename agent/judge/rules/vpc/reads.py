"""VPC rules for the reads themselves: parts of the configuration that could not be read, and how to fix this."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from agent.catalog.headline import Forms
from agent.catalog.partitions import partition_of
from agent.catalog.services import service_name_of
from agent.catalog.vpce import ENDPOINT_ID
from agent.catalog.wording import listed
from agent.fixes.commands import describe_endpoint, read_only
from agent.judge.evidence import Evidence, skipped_because
from agent.judge.observations import ids, kind_of
from agent.judge.rules.rule import Rule, RuleFinding
from agent.report.model import NO_REGION, NO_VPC, Command, Fix
from agent.report.subjects import resources
from agent.settings import Expect
from probes.addresses import AddressScope, ordered
from probes.model import METADATA_OFF, NOT_STARTED, Address, FailureKind, Observation, Step, Target
from probes.vpc.model import ENDPOINTS, PREFIX_LISTS, READS, ROUTE_TABLES

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
"""Kinds of failures that occur if this host has no path to a service."""
_NAMES: Final = {
    "ec2": "EC2",
    "route53resolver": "Route 53 Resolver",
    "route53": "Route 53",
    "route53profiles": "Route 53 Profiles",
}
"""Services that are read, by the prefix of their IAM actions."""
ROUTE_53_SERVICE: Final = "com.amazonaws.route53"
ROUTE_53_REGION: Final = "us-east-1"
"""The endpoint service of Route 53 in the partition aws, and its Region. An endpoint in another Region names that
Region as its service Region (PrivateLink Guide, Cross-Region enabled AWS services)."""
_EC2: Final = "ec2"
_OF_GATEWAYS: Final = (ENDPOINTS, ROUTE_TABLES, PREFIX_LISTS)
"""Reads that show whether a gateway endpoint leads to an address."""
_ROUTE_53: Final = "route53"
_PROFILES: Final = "route53profiles"
_OF_NAMES_ALONE: Final = frozenset({_ROUTE_53, _PROFILES})
"""Services whose settings only decide names. Few closed networks have an endpoint for them."""


def cannot_inspect(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC013: the configuration was requested, and a part of it could not be read, or was not tried. Outside of AWS
    there is no configuration to read, so only a facts file that was not used is reported."""
    by_operation = {read.subject.operation: read for read in evidence.of(Step.EC2)} if evidence.run.ec2_reads else {}
    reads = [by_operation[name] for name in READS if name in by_operation]
    failed = [read for read in reads if read.failure is not None and read.made]
    unused = evidence.run.facts_unused
    unplaced = [read for read in reads if evidence.in_aws and skipped_because(read) in (NO_VPC, NO_REGION)]
    partial = [read for read in reads if evidence.dropped(read.subject.operation or "")]
    # If the run itself was cut short, RUN001 says so.
    cut = [read for read in reads if evidence.run.complete and _is_cut(read)]
    search = evidence.credentials
    # With signed calls, faults of credentials have findings of their own.
    keyless = bool(reads) and not evidence.run.wants_calls and search is not None and search.failure is not None
    denied = [read for read in failed if kind_of(read) is FailureKind.NOT_PERMITTED]
    silent = [read for read in failed if kind_of(read) in _NO_ANSWER]
    others = [read for read in failed if read not in denied and read not in silent]
    nothing = not any(read.ok for read in reads)
    unsettled = _unsettled(evidence)
    unread = [name for name in _OF_GATEWAYS if not evidence.reads(name)] if unsettled else []
    sentences = [
        *_unsettled_words(unsettled, unread),
        *([] if unused is None else [f"The facts file was not used: {unused}."]),
        *(f"Nothing was read: {reason}." for reason in _reasons(unplaced)),
        *(["No credentials were found for reading the configuration."] if keyless else []),
        *_denied_words(denied, nothing=nothing and len(denied) == len(failed)),
        *_silent_words(silent, reads),
        *_other_words(evidence, others, nothing=nothing and len(others) == len(failed)),
        *_dropped_words(evidence, partial),
        *(["The run's deadline came before the whole configuration was read."] if cut else []),
    ]
    # Endpoints that the user gave by their ids, and whose names the run could not look up.
    nameless = [target for target in evidence.targets if ENDPOINT_ID.fullmatch(target.host)]
    if not sentences and not nameless:
        return
    region = evidence.run.region or "<REGION>"
    unheard = {_service(read) for read in silent}
    cut_off = unheard - _OF_NAMES_ALONE  # reads that only explain names need no facts from elsewhere
    from_file = any(read.started_at is not None and read.started_at < evidence.run.started_at for read in failed)
    yield RuleFinding(
        code="VPC013",
        target=None,
        headline={
            "nameless": nameless[0].host if nameless else None,
            "read": _read_in_short(
                "not read" if nothing else "read in part",
                {
                    "not permitted": denied,
                    "no answer": silent,
                    "refused": others,
                    "this VPC is not known": unplaced,
                    "no credentials": keyless,
                    "the deadline came": cut,
                    "unknown ids left out": partial,
                    "the facts file was not used": unused,
                    f"{listed(READS[name].words for name in unread)} are missing": unread,
                },
            )
            if sentences and not nameless
            else None,
        },
        detail=("When the facts file was made: " if from_file else "")
        + " ".join(
            [
                *_nameless_words(evidence, nameless),
                *sentences,
                *(
                    ["The missing parts explain nothing in this report, and are not a fault of the path."]
                    if sentences
                    else []
                ),
            ]
        ),
        subjects=resources(*(target.host for target in nameless)),
        evidence=ids(
            [
                *failed,
                *partial,
                *unplaced,
                *cut,
                *([] if unused is None else evidence.metadata),
                *([search] if keyless and search is not None else []),
                *filter(None, (evidence.own_lookup(target) for target in (*unsettled, *nameless))),
            ]
        ),
        fix=Fix(
            summary=_what_helps(
                evidence,
                denied=bool(denied),
                unheard=unheard,
                cut_off=cut_off,
                skewed=any(evidence.meaning(read) is FailureKind.CLOCK_SKEW for read in others),
                expired=any(evidence.meaning(read) is FailureKind.CREDENTIALS_EXPIRED for read in others),
                unplaced=_reasons(unplaced),
                keyless=keyless,
                unread=bool(unread) and not reads,
                nameless=nameless,
            ),
            commands=(
                *(describe_endpoint(target) for target in nameless),
                *([_read_always(region, unsettled)] if unread and not reads else []),
                *([read_only("backuplink", "permissions", "--region", region)] if denied or keyless else []),
                *([_take_facts(region)] if cut_off or keyless or _is_useless(unused) else []),
            ),
        ),
    )


def _read_in_short(how: str, reasons: dict[str, object]) -> Forms:
    """How much of the configuration was read, and the first reason why the rest was not."""
    why = next((reason for reason, holds in reasons.items() if holds), None)
    return how if why is None else (f"{how}: {why}", how)


def _unsettled(evidence: Evidence) -> dict[Target, tuple[str, tuple[Address, ...]]]:
    """The targets with addresses for which it is unknown whether a gateway endpoint leads there. Each comes with the
    reason and these addresses."""
    found: dict[Target, tuple[str, tuple[Address, ...]]] = {}
    for target in evidence.targets:
        if evidence.expected_path(target) is Expect.ANY:
            continue
        of_target = [address for address in evidence.own_addresses(target) if evidence.may_have_gateway(address)]
        unknown = [address for address in of_target if evidence.scope(address) is AddressScope.UNKNOWN]
        whys = [why for address in unknown if (why := evidence.gateway_at(address).why_unknown) is not None]
        if whys:
            found[target] = whys[0], ordered(unknown)
    return found


def _unsettled_words(unsettled: dict[Target, tuple[str, tuple[Address, ...]]], unread: list[str]) -> Iterator[str]:
    for target, (why, addresses) in unsettled.items():
        yield f"Whether a gateway endpoint leads to {listed(addresses)} of {target.host} is not known: {why}."
    if unread:
        actions = dict.fromkeys(action for name in unread for action in READS[name].actions)
        yield f"Reading {listed(READS[name].words for name in unread)} would show it ({listed(actions)})."


def _nameless_words(evidence: Evidence, nameless: list[Target]) -> Iterator[str]:
    read = evidence.read(ENDPOINTS)
    for target in nameless:
        yield f"Only EC2 knows the DNS name of {target.host}, and " + (
            f"EC2 lists no endpoint of {target.service} with this id: it is misspelt, or of another service, Region or "
            "account."
            if read is not None and read.ok
            else "the endpoints were not read."
        )


def _read_always(region: str, unsettled: Iterable[Target]) -> Command:
    services = (word for target in unsettled for word in ("--service", target.service))
    return read_only("backuplink", "check", "--region", region, *services, "--ec2", "always")


def _is_cut(read: Observation[Any]) -> bool:
    """Whether a read was not finished, because the time for reads ended."""
    return kind_of(read) is FailureKind.DEADLINE or (skipped_because(read) or "").startswith(NOT_STARTED)


def _reasons(reads: Iterable[Observation[Any]]) -> list[str]:
    return sorted({str(skipped_because(read)) for read in reads})


def _is_useless(unused: str | None) -> bool:
    """Whether a facts file is certainly about another network."""
    return unused is not None and not unused.endswith(NO_VPC)


def _service(read: Observation[Any]) -> str:
    return READS[read.subject.operation or ""].actions[0].split(":")[0]


def _words(reads: Iterable[Observation[Any]]) -> str:
    return listed(READS[read.subject.operation or ""].words for read in reads)


def _denied_words(denied: list[Observation[Any]], *, nothing: bool) -> Iterator[str]:
    if denied:
        actions = sorted({action for read in denied for action in READS[read.subject.operation or ""].actions})
        what = "any of the configuration" if nothing else _words(denied)
        yield f"The caller has no permission to read {what}. Reading takes {listed(actions)}."


def _silent_words(silent: list[Observation[Any]], reads: list[Observation[Any]]) -> Iterator[str]:
    for service, name in _NAMES.items():
        without = [read for read in silent if _service(read) == service]
        if not without:
            continue
        if service == _ROUTE_53:
            yield (
                f"{name} does not answer from here, so {_words(without)} were not read. It has one endpoint for the "
                "whole partition, which a closed network reaches only through an interface endpoint for Route 53."
            )
        elif any(read.ok for read in reads if _service(read) == service):
            yield f"{name} did not answer for {_words(without)}."
        else:
            yield f"{name} does not answer from here."


def _dropped_words(evidence: Evidence, partial: list[Observation[Any]]) -> Iterator[str]:
    if partial:
        rows = listed(f"{evidence.dropped(read.subject.operation or '')} of {_words([read])}" for read in partial)
        yield f"Rows with ids of an unknown form were left out: {rows}."


def _other_words(evidence: Evidence, others: list[Observation[Any]], *, nothing: bool) -> Iterator[str]:
    by_reason: dict[str, list[Observation[Any]]] = {}
    for read in others:
        by_reason.setdefault(_reason(evidence, read), []).append(read)
    for reason, skipped in by_reason.items():
        what = "nothing was read" if nothing and len(by_reason) == 1 else f"{_words(skipped)} were not read"
        yield f"{reason}; {what}."


def _reason(evidence: Evidence, read: Observation[Any]) -> str:
    match evidence.meaning(read):
        case FailureKind.THROTTLED:
            return "AWS asks for fewer calls"
        case FailureKind.CLOCK_SKEW:
            return "AWS refuses the time in the signature"
        case FailureKind.CREDENTIALS_EXPIRED:
            open_ = kind_of(read) is FailureKind.CLOCK_SKEW and not evidence.clocks
            return "AWS says that the session token has expired" + (
                ", or that this host's clock is off" if open_ else ""
            )
    return f"{_NAMES[_service(read)]} gave no usable answer ({'' if read.failure is None else read.failure.message})"


def _take_facts(region: str) -> Command:
    return read_only("backuplink", "facts", "--region", region, "--vpc", "<VPC_ID>", "--output", "<FACTS_FILE>")


def _what_helps(
    evidence: Evidence,
    *,
    denied: bool,
    unheard: set[str],
    cut_off: set[str],
    skewed: bool,
    expired: bool,
    unplaced: list[str],
    keyless: bool,
    unread: bool,
    nameless: list[Target],
) -> str:
    unused = evidence.run.facts_unused
    sentences = ["Name the endpoint by its DNS name (--endpoint), which the first command shows."] if nameless else []
    sentences += [_what_places(evidence, reason) for reason in unplaced]
    if unread:
        sentences.append("Let the run read the configuration, or give it a file of `backuplink facts`.")
    if _is_useless(unused):
        sentences.append(
            "Save the facts of this VPC from a place where EC2 is reachable, and run with --ec2-facts and that file."
        )
    elif unused is not None:
        sentences.append(_what_tells_the_vpc(evidence))
    if keyless:
        sentences.append(
            "Give this host a role that may read the configuration, or save the facts elsewhere and run with "
            "--ec2-facts."
        )
    if denied:
        sentences.append("Grant the missing permissions; `backuplink permissions` prints the policy.")
    if skewed:
        sentences.append("Set this host's clock, as API005 says.")
    if expired:
        sentences.append("Get new credentials. Sign in again, or refresh the cached session.")
    if _EC2 in cut_off and evidence.run.region is not None:
        name = service_name_of(_EC2, evidence.run.region)
        sentences.append(f"An interface endpoint {name} would make EC2 answer here.")
    if _ROUTE_53 in unheard and evidence.run.region is not None:
        sentences.append(_endpoint_for_route_53(evidence.run.region))
    if _PROFILES in unheard and not cut_off:
        sentences.append(
            "Run `backuplink facts` where the API of Route 53 Profiles answers: its file has what the Profiles bring. "
            "aws ec2 describe-vpc-endpoint-services tells whether your Region has an endpoint service for that API."
        )
    if cut_off:
        sentences.append(
            f"{listed(_NAMES[service] for service in sorted(cut_off))} can be read elsewhere, with `backuplink facts`. "
            "Give the file that it writes to a run here with --ec2-facts."
        )
    return " ".join(sentences) or "There is nothing to fix here. If you want the configuration, run again later."


def _endpoint_for_route_53(region: str) -> str:
    """What would make Route 53 answer, if this is known (PrivateLink Guide, Cross-Region enabled AWS services)."""
    elsewhere = "A file of `backuplink facts`, made where Route 53 answers, has the private hosted zones, too."
    if partition_of(region).id != "aws":
        return elsewhere
    return (
        f"An interface endpoint {ROUTE_53_SERVICE} with private DNS, whose service Region is {ROUTE_53_REGION}, would "
        f"make Route 53 answer here. {elsewhere}"
    )


def _what_places(evidence: Evidence, reason: str) -> str:
    """What must be done so that the next run reads the configuration that this run skipped for this reason."""
    return "Name the Region with --region." if reason == NO_REGION else _what_tells_the_vpc(evidence)


def _what_tells_the_vpc(evidence: Evidence) -> str:
    if any(skipped_because(observation) == METADATA_OFF for observation in evidence.metadata):
        return (
            "Unset AWS_EC2_METADATA_DISABLED where backuplink runs: it switches instance metadata off, and only that "
            "tells which VPC this host is in, and whether a file of `backuplink facts` is about that VPC."
        )
    if evidence.in_aws:
        return "Let instance metadata answer: only that tells which VPC this host is in."
    return "Run on an instance of the VPC that the file is about: only metadata tells which VPC a host is in."


RULES: Final = (Rule("VPC013", needs=(), check=cannot_inspect),)
