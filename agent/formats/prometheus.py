"""The report as metrics of Prometheus, in the text format for scrapes and for node_exporter's textfile collector.

A metric that blackbox_exporter also has keeps its name, meaning and unit, with the target as a label, since one
document has several targets. All other metrics are named `backuplink_*`. A step that was not made has no sample,
since neither 0 nor 1 would be true.

The number of series is bounded, however long a watch runs. Label names are fixed. Label values come from closed lists,
or are targets, name servers and private addresses of the run. Public addresses rotate, so they only count in the sums
of their target. A label never has a peer's text or an account's id.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv6Address
from typing import Any, Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from agent.formats.monitoring import RESULTS, certificate_end, has_run, in_use, is_probed, own_lookup
from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.report.escape import visible
from agent.report.model import Access, Path, Report, Status, TargetAddress, TargetReport
from agent.report.standing import standings
from probes.addresses import AddressScope
from probes.facts import DnsFacts, HttpFacts, LookupFacts, TlsFacts
from probes.frozen import dataclass
from probes.model import DECIMALS, Address, Observation, Step
from probes.operations import GETADDRINFO
from probes.ports import HTTPS

MAX_ADDRESSES: Final = 32
"""Maximum number of a target's addresses that have their own series. An endpoint has an address of each IP version in
each zone."""
VERDICTS: Final = (Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN)
"""All verdicts that a whole run can have."""
PHASES: Final = ("resolve", "connect", "tls", "processing")
"""Phases of blackbox_exporter that a run times. A run reads the answer in the phase `processing`, so there is no phase
`transfer`."""
ANSWERS: Final = {True: "yes", False: "no"}
AGREEMENTS: Final = {True: "yes", False: "no", None: "unknown"}
ANY_RECORD: Final = "any"
"""The record of a lookup for addresses of both IP versions."""
_STABLE: Final = frozenset({AddressScope.VPC, AddressScope.PRIVATE})
_STATUS_CODES: Final = range(100, 1000)
"""Status codes of three digits (RFC 9110, section 15); a saved report may contain any number."""
_TLS_VERSIONS: Final = {"TLSv1": "TLS 1.0", "TLSv1.1": "TLS 1.1", "TLSv1.2": "TLS 1.2", "TLSv1.3": "TLS 1.3"}
"""OpenSSL's names of TLS versions, with the names that blackbox_exporter uses."""

Sample = tuple[tuple[str, ...], float]
"""A sample: the values of the family's labels, in order, and then the value of the sample."""


@dataclass(frozen=True, slots=True)
class Family:
    """A metric whose samples all have the same labels."""

    name: str
    labels: tuple[str, ...]
    help: str
    samples: Callable[[Report], Iterable[Sample]]


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """One document in the text format of Prometheus."""
    return expose(families(report))


def families(report: Report) -> Iterator[Metric]:
    """Yield the metrics of a report in the order of FAMILIES, without those that have no samples."""
    for family in FAMILIES:
        # A saved report may contain anything, but Prometheus refuses a scrape with two samples of the same labels.
        samples = {tuple(map(visible, labels)): value for labels, value in family.samples(report)}
        if samples:
            metric = GaugeMetricFamily(family.name, family.help, labels=family.labels)
            for labels, value in samples.items():
                metric.add_metric(labels, round(value, DECIMALS))
            yield metric


def expose(families: Iterable[Metric]) -> str:
    """Metrics as text (Prometheus, Exposition formats: text-based format)."""
    return generate_latest(_Collected(families)).decode("utf-8")


class _Collected(Collector):
    """The collector from which the library's own writer takes metrics."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


# --- What blackbox_exporter measures, too ----------------------------------------------------------------------------


def _success(report: Report) -> Iterator[Sample]:
    for target in report.targets:
        if is_probed(target):
            yield (target.id,), target.status is Status.OK


def _duration(report: Report) -> Iterator[Sample]:
    for target in report.targets:
        times = [
            (observation.started_at, observation.seconds)
            for observation in report.observations
            if observation.subject.target == target.id
            and observation.started_at is not None
            and observation.seconds is not None
        ]
        if times:
            first = min(start for start, _ in times)
            yield (target.id,), max((start - first).total_seconds() + seconds for start, seconds in times)


def _lookup_time(report: Report) -> Iterator[Sample]:
    for target in report.targets:
        lookup = own_lookup(target, report)
        if lookup is not None and lookup.made and lookup.seconds is not None:
            yield (target.id,), lookup.seconds


def _protocol(report: Report) -> Iterator[Sample]:
    for target in report.targets:
        lookup = own_lookup(target, report)
        if lookup is not None and lookup.made:
            first = _first(lookup)
            yield (target.id,), 0 if first is None else first.version


def _phases(report: Report) -> Iterator[Sample]:
    for target in report.targets:
        for phase, observation in zip(PHASES, _climbed(target, report), strict=False):
            if observation.ok and observation.seconds is not None:
                yield (target.id, phase), observation.seconds


def _status_code(report: Report) -> Iterator[Sample]:
    for target in report.targets:
        for observation in _climbed(target, report):
            if isinstance(observation.facts, HttpFacts):
                if observation.facts.status in _STATUS_CODES:
                    yield (target.id,), observation.facts.status
            elif observation.made and not observation.ok:
                yield (target.id,), 0


def _tls_version(report: Report) -> Iterator[Sample]:
    for target in report.targets:
        for observation in _climbed(target, report):
            if (
                observation.ok
                and isinstance(observation.facts, TlsFacts)
                and observation.facts.version in _TLS_VERSIONS
            ):
                yield (target.id, _TLS_VERSIONS[observation.facts.version]), 1


def _certificate_expiry(report: Report) -> Iterator[Sample]:
    for target in report.targets:
        if (end := certificate_end(target, report)) is not None:
            yield (target.id,), end


def _first(lookup: Observation[Any]) -> Address | None:
    """The address that a program connects to first."""
    return lookup.facts.addresses[0] if isinstance(lookup.facts, LookupFacts) and lookup.facts.addresses else None


def _climbed(target: TargetReport, report: Report) -> list[Observation[Any]]:
    """Return the steps that blackbox_exporter would measure for a target: the lookup, and TCP, TLS and HTTP at the
    first address."""
    lookup = own_lookup(target, report)
    if lookup is None:
        return []
    steps = {
        observation.subject.step: observation
        for observation in in_use(target, report)
        if observation.subject.address == _first(lookup) and observation.subject.port == HTTPS
    }
    return [lookup, *(steps[step] for step in (Step.TCP, Step.TLS, Step.HTTP) if step in steps)]


# --- The run ---------------------------------------------------------------------------------------------------------


def _build(report: Report) -> Iterator[Sample]:
    yield (report.tool.version,), 1


def _run(report: Report) -> Iterator[Sample]:
    if has_run(report):
        yield (report.run.region or "", report.run.expect), 1


def _complete(report: Report) -> Iterator[Sample]:
    yield (), report.run.complete


def _interrupted(report: Report) -> Iterator[Sample]:
    yield (), report.run.interrupted


def _finished(report: Report) -> Iterator[Sample]:
    if has_run(report):  # a refused call, which makes no run, must not look like a fresh run
        yield (), report.run.finished_at.timestamp()


def _seconds(report: Report) -> Iterator[Sample]:
    if has_run(report):
        yield (), report.run.seconds


def _verdict_status(report: Report) -> Iterator[Sample]:
    return _states((), VERDICTS, report.verdict.status)


def _verdict_path(report: Report) -> Iterator[Sample]:
    return _states((), Path, report.verdict.path)


def _verdict_access(report: Report) -> Iterator[Sample]:
    return _states((), Access, report.verdict.access)


def _states(labels: tuple[str, ...], states: Iterable[str], current: str) -> Iterator[Sample]:
    """Yield a sample for every possible state: 1 for the current state, 0 for each other state."""
    for state in states:
        yield (*labels, state), state == current


def _findings(report: Report) -> Iterator[Sample]:
    counts = Counter(
        (finding.code, finding.name, finding.severity.value, finding.target or "", standing.value)
        for finding, standing in standings(report)
    )
    yield from counts.items()


def _not_evaluated(report: Report) -> Iterator[Sample]:
    yield (), len(report.not_evaluated)


def _observations(report: Report) -> Iterator[Sample]:
    counts = Counter(
        (observation.subject.step, RESULTS[type(observation.outcome)]) for observation in report.observations
    )
    for step in Step:
        for result in RESULTS.values():
            yield (step, result), counts[step, result]


def _failures(report: Report) -> Iterator[Sample]:
    counts = Counter(
        (observation.subject.target or "", observation.subject.step.value, observation.failure.kind.value)
        for observation in report.observations
        if observation.failure is not None
    )
    yield from counts.items()


def _clock_offset(report: Report) -> Iterator[Sample]:
    if report.vantage.clock_offset_seconds is not None:
        yield (), report.vantage.clock_offset_seconds


def _clock_uncertainty(report: Report) -> Iterator[Sample]:
    if report.vantage.clock_uncertainty_seconds is not None:
        yield (), report.vantage.clock_uncertainty_seconds


def _workloads(report: Report) -> Iterator[Sample]:
    for workload in report.vantage.workloads:
        yield (workload.name, workload.mode or "", ANSWERS[workload.required]), 1


def _credentials_expiry(report: Report) -> Iterator[Sample]:
    credentials = report.vantage.credentials
    if credentials is not None and credentials.expires_at is not None:
        yield (), credentials.expires_at.timestamp()


# --- Targets ---------------------------------------------------------------------------------------------------------


def _targets(report: Report) -> Iterator[Sample]:
    for target in report.targets:
        yield (target.id, target.service, target.region, target.host, target.addressing, target.role), 1


def _required_by(report: Report) -> Iterator[Sample]:
    for target in report.targets:
        for reason in target.required_by:
            yield (target.id, reason), 1


def _target_status(report: Report) -> Iterator[Sample]:
    for target in report.targets:
        yield from _states((target.id,), Status, target.status)


def _target_path(report: Report) -> Iterator[Sample]:
    for target in report.targets:
        yield from _states((target.id,), Path, target.path)


def _target_access(report: Report) -> Iterator[Sample]:
    for target in report.targets:
        yield from _states((target.id,), Access, target.access)


def _unproven(report: Report) -> Iterator[Sample]:
    for target in report.targets:
        yield (target.id,), len(target.unproven)


def _addresses(report: Report) -> Iterator[Sample]:
    for target in report.targets:
        lookup = own_lookup(target, report)
        if lookup is not None and lookup.made:
            counts = Counter(address.scope for address in target.addresses if address.from_own_lookup)
            for scope in AddressScope:
                yield (target.id, scope), counts[scope]


def _steps(report: Report) -> Iterator[Sample]:
    for target in report.targets:
        observations = list(in_use(target, report))
        counts = Counter(
            (observation.subject.port, observation.subject.step, RESULTS[type(observation.outcome)])
            for observation in observations
        )
        for port, step in dict.fromkeys(
            (observation.subject.port, observation.subject.step) for observation in observations
        ):
            for result in RESULTS.values():
                yield (target.id, str(port), step, result), counts[port, step, result]


# --- Addresses -------------------------------------------------------------------------------------------------------


def _address_info(report: Report) -> Iterator[Sample]:
    for target in report.targets:
        for address in _stable(target):
            yield (target.id, str(address.address), address.scope, address.availability_zone_id or ""), 1


def _stable(target: TargetReport) -> list[TargetAddress]:
    """Return the addresses that have their own series. These are private addresses that this host uses."""
    own = (address for address in target.addresses if address.from_own_lookup and address.scope in _STABLE)
    return sorted(own, key=lambda address: _order(address.address))[:MAX_ADDRESSES]


def _order(address: Address) -> tuple[bool, Address]:
    return isinstance(address, IPv6Address), address


def _measured_steps(report: Report) -> Iterator[tuple[tuple[str, ...], Observation[Any]]]:
    """Yield the steps at these addresses that measured something, by target, address, port and step."""
    for target in report.targets:
        stable = {address.address for address in _stable(target)}
        for observation in in_use(target, report):
            subject = observation.subject
            if subject.address in stable and observation.made:
                yield (target.id, str(subject.address), str(subject.port), subject.step), observation


def _step_success(report: Report) -> Iterator[Sample]:
    for labels, observation in _measured_steps(report):
        yield labels, observation.ok


def _step_seconds(report: Report) -> Iterator[Sample]:
    for labels, observation in _measured_steps(report):
        if observation.seconds is not None:
            yield labels, observation.seconds


# --- Names -----------------------------------------------------------------------------------------------------------


def _answers(report: Report) -> Iterator[tuple[tuple[str, ...], Observation[Any]]]:
    """The answers for the targets' names, by target, name server and record."""
    for observation in report.observations:
        subject = observation.subject
        if subject.step is not Step.DNS or subject.target is None or subject.operation is None or not observation.made:
            continue
        if subject.resolver is not None:
            yield (subject.target, str(subject.resolver), subject.operation), observation
        elif subject.operation == GETADDRINFO:
            yield (subject.target, GETADDRINFO, ANY_RECORD), observation


def _dns_success(report: Report) -> Iterator[Sample]:
    for labels, observation in _answers(report):
        yield labels, observation.ok


def _dns_seconds(report: Report) -> Iterator[Sample]:
    for labels, observation in _answers(report):
        if observation.seconds is not None:
            yield labels, observation.seconds


def _dns_addresses(report: Report) -> Iterator[Sample]:
    for labels, observation in _answers(report):
        if observation.ok and isinstance(observation.facts, LookupFacts | DnsFacts):
            yield labels, len(observation.facts.addresses)


# --- The configuration -----------------------------------------------------------------------------------------------


def _paths(report: Report) -> Iterator[Sample]:
    counts = Counter((path.target, AGREEMENTS[path.agrees]) for path in report.paths)
    for target in dict.fromkeys(path.target for path in report.paths):
        for agreement in AGREEMENTS.values():
            yield (target, agreement), counts[target, agreement]


def _configuration_read(report: Report) -> Iterator[Sample]:
    if report.paths:
        yield (), min(path.taken_at for path in report.paths).timestamp()


# --- All of them -----------------------------------------------------------------------------------------------------

FAMILIES: Final = (
    Family(
        "probe_success",
        ("target",),
        "1 if the target is ok: every step that it needs was made and succeeded. 0 if it is warning, critical or "
        "unknown. No sample for a target that is not in use, or is only checked for comparison.",
        _success,
    ),
    Family(
        "probe_duration_seconds",
        ("target",),
        "Seconds from the start of the target's first step to the end of its last step.",
        _duration,
    ),
    Family(
        "probe_dns_lookup_time_seconds",
        ("target",),
        "Seconds of this host's own lookup of the target's name (getaddrinfo).",
        _lookup_time,
    ),
    Family(
        "probe_ip_protocol",
        ("target",),
        "IP version of the first address of this host's own lookup: 4 or 6; 0 if the lookup gave no address.",
        _protocol,
    ),
    Family(
        "probe_http_duration_seconds",
        ("target", "phase"),
        "Seconds of each phase that succeeded at the first address, port 443; processing includes reading the answer.",
        _phases,
    ),
    Family(
        "probe_http_status_code",
        ("target",),
        "Status of the answer to an unsigned request to the first address; 0 if an earlier step failed.",
        _status_code,
    ),
    Family(
        "probe_tls_version_info",
        ("target", "version"),
        "1: version is the version of TLS that was agreed with the first address on port 443.",
        _tls_version,
    ),
    Family(
        "probe_ssl_earliest_cert_expiry",
        ("target",),
        "Unix time at which the first certificate expires, over all addresses in use whose handshake on port 443 "
        "succeeded; only the certificate of the server itself counts, not the certificates above it.",
        _certificate_expiry,
    ),
    Family(
        "backuplink_build_info",
        ("version",),
        "1: version is the version of backuplink that made the report.",
        _build,
    ),
    Family(
        "backuplink_run_info",
        ("region", "expect"),
        "1: region is the Region of the run, and expect is the path that it expects.",
        _run,
    ),
    Family("backuplink_run_complete", (), "1 if the run is complete, 0 if it was cut short or not made.", _complete),
    Family("backuplink_run_interrupted", (), "1 if a signal ended the run early.", _interrupted),
    Family(
        "backuplink_run_timestamp_seconds",
        (),
        "Unix time at which the run ended. No sample if no run was made, as after a mistake in the options.",
        _finished,
    ),
    Family("backuplink_run_duration_seconds", (), "Seconds that the run took.", _seconds),
    Family(
        "backuplink_verdict_status",
        ("status",),
        "1 if the whole run has the status in the label status, 0 otherwise.",
        _verdict_status,
    ),
    Family(
        "backuplink_verdict_path",
        ("path",),
        "1 if the required targets take the path in the label path, 0 otherwise.",
        _verdict_path,
    ),
    Family(
        "backuplink_verdict_access",
        ("access",),
        "1 if the signed calls had the result in the label access, 0 otherwise.",
        _verdict_access,
    ),
    Family(
        "backuplink_findings",
        ("code", "name", "severity", "target", "standing"),
        "Number of findings. The label standing is cause (it counts), symptom (a cause explains it), not-counted (its "
        "target is not required) or suppressed. The label severity is the effective severity. The label target can be "
        "a name server, and is empty for the whole run.",
        _findings,
    ),
    Family(
        "backuplink_rules_not_evaluated",
        (),
        "Rules that could not be evaluated, for a target or for the run.",
        _not_evaluated,
    ),
    Family("backuplink_observations", ("step", "result"), "Steps of the run, by result.", _observations),
    Family(
        "backuplink_failures",
        ("target", "step", "kind"),
        "Steps that failed, by kind; the kinds deadline and bug say nothing about the network. The label "
        "target is empty for a step without a target.",
        _failures,
    ),
    Family(
        "backuplink_clock_offset_seconds",
        (),
        "This host's clock minus the clock of AWS, from the most certain answer.",
        _clock_offset,
    ),
    Family(
        "backuplink_clock_uncertainty_seconds",
        (),
        "Possible error of the clock's offset, apart from the rounding of AWS's time to whole seconds.",
        _clock_uncertainty,
    ),
    Family(
        "backuplink_credentials_expiry_timestamp_seconds",
        (),
        "Unix time at which the credentials in use expire. If their source renews them, it does so before this time.",
        _credentials_expiry,
    ),
    Family(
        "backuplink_workload_info",
        ("workload", "mode", "required"),
        "1: workload was named or found on this host, so that its services are checked. The label mode is where "
        "a Backint agent sends its data, otherwise empty. The label required says whether the services are required.",
        _workloads,
    ),
    Family(
        "backuplink_target_info",
        ("target", "service", "region", "host", "addressing", "role"),
        "1: the labels are the target and its properties.",
        _targets,
    ),
    Family(
        "backuplink_target_required_by",
        ("target", "required_by"),
        "1 for each workload and option that requires the target.",
        _required_by,
    ),
    Family(
        "backuplink_target_status",
        ("target", "status"),
        "1 if the target has the status in the label status, 0 otherwise.",
        _target_status,
    ),
    Family(
        "backuplink_target_path",
        ("target", "path"),
        "1 if the path to the target is the path in the label path, 0 otherwise.",
        _target_path,
    ),
    Family(
        "backuplink_target_access",
        ("target", "access"),
        "1 if the signed calls to the target had the result in the label access, 0 otherwise.",
        _target_access,
    ),
    Family("backuplink_target_unproven", ("target",), "Number of facts that are missing for the status ok.", _unproven),
    Family(
        "backuplink_target_addresses",
        ("target", "scope"),
        "Addresses that this host's own lookup gave, by scope.",
        _addresses,
    ),
    Family(
        "backuplink_target_steps",
        ("target", "port", "step", "result"),
        "Steps at all addresses in use, including public addresses, by result.",
        _steps,
    ),
    Family(
        "backuplink_address_info",
        ("target", "address", "scope", "availability_zone_id"),
        f"1: address is a private address in use, at most {MAX_ADDRESSES} of a target. The label "
        "availability_zone_id is empty if the zone is not known.",
        _address_info,
    ),
    Family(
        "backuplink_step_success",
        ("target", "address", "port", "step"),
        "1 if a step at a private address in use succeeded, 0 if it failed. No sample if the step was skipped, cut "
        "short by the deadline, or lost to an error of backuplink.",
        _step_success,
    ),
    Family(
        "backuplink_step_duration_seconds",
        ("target", "address", "port", "step"),
        "Seconds until a step at a private address in use succeeded or failed.",
        _step_seconds,
    ),
    Family(
        "backuplink_dns_success",
        ("target", "resolver", "record"),
        "1 if the name server answered without an error, with or without addresses. The resolver getaddrinfo is this "
        "host's own lookup.",
        _dns_success,
    ),
    Family(
        "backuplink_dns_duration_seconds",
        ("target", "resolver", "record"),
        "Seconds until a name server answered, or the lookup failed.",
        _dns_seconds,
    ),
    Family(
        "backuplink_dns_addresses",
        ("target", "resolver", "record"),
        "Addresses in an answer without an error.",
        _dns_addresses,
    ),
    Family(
        "backuplink_configured_paths",
        ("target", "agrees"),
        "Ports of addresses, by whether the configuration from EC2 agrees with the measurement.",
        _paths,
    ),
    Family(
        "backuplink_configuration_timestamp_seconds",
        (),
        "Unix time at which the configuration was read.",
        _configuration_read,
    ),
)
"""Every metric, in the order of a document. Names and labels never change."""
