"""All rules with arbitrary facts. Every kind of facts in a report is generated from its own type, so a new kind or a
new field is tested at once.
"""

import dataclasses
import enum
import json
import types
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.catalog.services import SERVICES
from agent.formats import text as text_format
from agent.judge.evidence import Evidence
from agent.judge.requirements import required_steps
from agent.judge.verdict import judge_evidence
from agent.report import codec
from agent.report.model import Status
from agent.settings import Calls, Expect, Suppression
from probes import facts as forms
from probes.model import Addressing, Failed, Failure, FailureKind, Observation, Ok, Skipped, Step, Subject
from probes.operations import (
    ALLOWANCES,
    APPLIANCE,
    CONTAINER,
    DUAL_STACK_NAME,
    FURTHER_PAGES,
    GETADDRINFO,
    INSTANCE_ROLE,
    JOBS,
    METADATA_PROXY,
    OTHER_NAME,
    PADDED,
    PROXY,
    PROXY_CONNECT,
    SDK_SETTINGS,
    SEARCH_DOMAINS,
    SMALL_SEGMENTS,
    WEBSOCKET,
    WITHOUT_SEARCH,
    WORKLOADS,
)
from probes.vpc.model import WHOLE_READS
from tests.support import extent
from tests.support.build import (
    BACKUP,
    GATEWAY,
    NOW,
    OWN,
    PRIVATE,
    PUBLIC,
    context,
    evidence,
    imds,
    optional,
    run,
    target,
)
from tests.support.calls import called
from tests.support.configured import ACCOUNT, configured
from tests.support.validator import VALIDATOR

A, B = PRIVATE
CALLED: Final = target(host="backup.example.com", addressing=Addressing.CUSTOM)
ADDRESSES: Final = tuple(
    ip_address(text)
    for text in (A, B, PUBLIC, OWN, "127.0.0.1", "192.0.2.1", "fd00::17", "2600:1f18::17", "64:ff9b::345f:6f1e", "::1")
)
NETWORKS: Final = tuple(ip_network(text) for text in ("10.0.0.0/16", "0.0.0.0/0", "2600:1f18::/56", "10.0.1.17/32"))
DENIALS: Final = (
    "User: x is not authorized to perform: backup:ListBackupVaults because no VPC endpoint policy allows it",
    "User: x is not authorized to perform: y with an explicit deny in a service control policy: arn:aws:x",
    "Signature expired: 20210502T144040Z is now earlier than 20210502T173143Z (20210502T174643Z - 15 min.)",
    "\x1b[2J\u202e</script>",
)
TEXTS: Final = st.text(max_size=8) | st.sampled_from(
    [*DENIALS, "Amazon", "eu-west-1", "EPERM", "failed", "backup", "https://backup.example.com", "//[", "iam-role", ""]
)
_TYPED: Final[dict[Any, st.SearchStrategy[Any]]] = {
    type(None): st.none(),
    bool: st.booleans(),
    int: st.integers(0, 9_000),
    float: st.integers(-10_000_000, 10_000_000).map(lambda number: number / 1000),
    str: TEXTS,
    datetime: st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001 - made UTC
        lambda instant: instant.replace(tzinfo=UTC, microsecond=0)
    ),
    IPv4Address: st.sampled_from([address for address in ADDRESSES if address.version == 4]),
    IPv6Address: st.sampled_from([address for address in ADDRESSES if address.version == 6]),
    IPv4Network: st.sampled_from([network for network in NETWORKS if network.version == 4]),
    IPv6Network: st.sampled_from([network for network in NETWORKS if network.version == 6]),
    IPv4Interface: st.sampled_from([ip_interface("127.0.0.1/8"), ip_interface(f"{OWN}/24")]),
    IPv6Interface: st.sampled_from([ip_interface("fe80::5/64"), ip_interface("fd00::5/64")]),
}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type, for the types that facts use."""
    if hint in _TYPED:
        return _TYPED[hint]
    arguments = get_args(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return st.one_of(*map(values, arguments))
    if get_origin(hint) is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if get_origin(hint) is dict:
        keys = st.sampled_from(["backup", "backup-gateway", "ens5 x_allowance_exceeded"]) | values(arguments[0])
        return st.dictionaries(keys, values(arguments[1]), max_size=2)
    if get_origin(hint) is Literal:
        return st.sampled_from(arguments)
    if isinstance(hint, enum.EnumType):
        return st.sampled_from(list(hint))
    fields = get_type_hints(hint)
    return st.builds(hint, **{field.name: values(fields[field.name]) for field in dataclasses.fields(hint)})


FORMS: Final[dict[tuple[Step, str | None], type]] = {
    (Step.HOST, None): forms.HostFacts,
    (Step.HOST, SDK_SETTINGS): forms.SdkFacts,
    (Step.HOST, WORKLOADS): forms.WorkloadFacts,
    (Step.HOST, PROXY): forms.ProxyFacts,
    (Step.HOST, METADATA_PROXY): forms.ProxyFacts,
    (Step.HOST, ALLOWANCES): forms.AllowanceFacts,
    (Step.IMDS, None): forms.ImdsFacts,
    (Step.IMDS, CONTAINER): forms.TcpFacts,
    (Step.IMDS, INSTANCE_ROLE): forms.RoleFacts,
    (Step.CREDENTIALS, None): forms.CredentialFacts,
    (Step.DNS, GETADDRINFO): forms.LookupFacts,
    (Step.DNS, DUAL_STACK_NAME): forms.LookupFacts,
    (Step.DNS, WITHOUT_SEARCH): forms.LookupFacts,
    **{(Step.DNS, operation): forms.LookupFacts for operation in SEARCH_DOMAINS},
    (Step.DNS, "A"): forms.DnsFacts,
    **{(Step.DNS, f"{APPLIANCE}{label}"): forms.LookupFacts for label in SERVICES["backup-gateway"].appliance_labels},
    (Step.TCP, None): forms.TcpFacts,
    (Step.TLS, None): forms.TlsFacts,
    (Step.TLS, SMALL_SEGMENTS): forms.TlsFacts,
    (Step.TLS, OTHER_NAME): forms.TlsFacts,
    (Step.HTTP, None): forms.HttpFacts,
    (Step.HTTP, PADDED): forms.HttpFacts,
    (Step.HTTP, WEBSOCKET): forms.HttpFacts,
    (Step.HTTP, PROXY_CONNECT): forms.ProxyConnectFacts,
    (Step.API, None): forms.ApiFacts,
    (Step.API, FURTHER_PAGES): forms.ApiFacts,
    (Step.API, JOBS): forms.JobsFacts,
    **{(Step.EC2, read.operation): read.facts for read in WHOLE_READS.values()},
}
KINDS: Final = {place: values(form) for place, form in FORMS.items()}
OF_THE_HOST: Final = {
    PROXY,
    PROXY_CONNECT,
    GETADDRINFO,
    DUAL_STACK_NAME,
    WITHOUT_SEARCH,
    *SEARCH_DOMAINS,
    *(f"{APPLIANCE}{label}" for label in SERVICES["backup-gateway"].appliance_labels),
}
NEEDS_NO_OBSERVATION: Final = frozenset({"ENV001", "RUN001", "RUN002"})
"""Findings about steps that were not made, or about this program. All other findings rest on an observation."""
HARD: Final = tuple(kind for kind in FailureKind if kind is not FailureKind.BUG)


def test_every_kind_of_facts_is_thrown() -> None:
    # A codec cannot read unknown fields, so only facts that a report can hold are generated.
    assert {*codec._FACTS} - {(Step.DNS, "AAAA")} == {*KINDS}


@st.composite
def subjects(draw: st.DrawFn) -> Subject:
    """The subject of an observation of any kind. There are only a few subjects, so that contradictions are common."""
    step, operation = draw(st.sampled_from(sorted(KINDS, key=str)))
    about = draw(st.sampled_from(["backup", "backup-gateway", CALLED.id]))
    if operation in OF_THE_HOST:
        return Subject(step=step, target=about, operation=operation)
    if step in (Step.HOST, Step.IMDS, Step.CREDENTIALS, Step.EC2):
        return Subject(step=step, operation=operation)
    if step is Step.DNS:
        resolver = draw(st.sampled_from([ip_address("10.0.0.2"), ip_address("169.254.169.253")]))
        return Subject(step=step, target=about, resolver=resolver, operation=operation)
    port = draw(st.sampled_from([443, 443, 1026, 2222])) if step in (Step.TCP, Step.TLS) else 443
    return Subject(step=step, target=about, address=draw(st.sampled_from(ADDRESSES)), port=port, operation=operation)


@st.composite
def observations(draw: st.DrawFn, subject: Subject | None = None) -> Observation[Any]:
    """An observation with any outcome. Its facts may not fit the outcome."""
    about = draw(subjects()) if subject is None else subject
    record = "A" if about.operation == "AAAA" else about.operation
    seen = KINDS[about.step, record]
    started_at = draw(st.none() | st.just(NOW))
    seconds = draw(st.none() | st.sampled_from([0.0, 0.0001, 3.0]))
    match draw(st.integers(0, 4)):
        case 0 | 1:
            return Observation(subject=about, outcome=Ok(draw(seen)), started_at=started_at, seconds=seconds)
        case 2:
            return Observation(subject=about, outcome=Skipped(draw(TEXTS)), started_at=None, seconds=None)
    failure = Failure(
        kind=draw(st.sampled_from(HARD)),
        message=draw(TEXTS),
        code=draw(st.none() | st.sampled_from(["403", "MissingAuthenticationTokenException", "EACCES"])),
    )
    outcome = Failed(failure, draw(st.none() | seen))
    return Observation(subject=about, outcome=outcome, started_at=started_at, seconds=seconds)


@st.composite
def runs(draw: st.DrawFn) -> tuple[Evidence, Sequence[Suppression]]:
    """A good run with signed calls in which some observations are replaced, or a run without observations."""
    targets = draw(
        st.sampled_from(
            [(BACKUP,), (BACKUP, GATEWAY), (BACKUP, optional(GATEWAY)), (CALLED, context(BACKUP), optional(GATEWAY))]
        )
    )
    good = called(*targets) if draw(st.booleans()) else []
    read = [imds(account=ACCOUNT), *configured()] if draw(st.booleans()) else []
    seen = {observation.id: observation for observation in (*good, *read)}
    for name in draw(st.lists(st.sampled_from(sorted(seen)), max_size=6, unique=True)) if seen else ():
        seen[name] = draw(observations(seen[name].subject))
    for observation in draw(st.lists(observations(), max_size=8)):
        seen[observation.id] = observation
    of = run(
        jobs=draw(st.booleans()),
        expect=draw(st.sampled_from([Expect.PRIVATE, *Expect])),
        complete=draw(st.booleans()),
        region=draw(st.sampled_from(["eu-west-1", "eu-west-1", "ap-southeast-3", None])),
        calls=draw(st.sampled_from(Calls)),
        ec2_reads=draw(st.booleans()),
    )
    of = replace(of, region_source=draw(st.none() | st.just("AWS_REGION")))
    codes = draw(st.lists(st.sampled_from(["DNS001", "TCP001", "IAM003", "API001", "ENV005", "RUN003"]), max_size=2))
    return evidence(seen.values(), targets=targets, of=of), [Suppression(code=code, target=None) for code in codes]


@settings(
    max_examples=extent.examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(runs())
def test_any_facts_make_a_whole_report(seen: tuple[Evidence, Sequence[Suppression]]) -> None:
    report = judge_evidence(seen[0], suppress=seen[1])
    # Nothing above is a fault of this program, so every RUN002 is a rule's fault.
    assert [finding.detail for finding in report.findings if finding.code == "RUN002"] == []
    ids = {observation.id for observation in report.observations}
    by_id = {finding.id: finding for finding in report.findings}
    assert len(by_id) == len(report.findings)
    for finding in report.findings:
        assert set(finding.evidence) <= ids, finding.id
        assert finding.evidence or finding.code in NEEDS_NO_OBSERVATION, finding.id
        above = [finding.id]
        while finding.explained_by is not None:
            finding = by_id[finding.explained_by]
            assert finding.id not in above
            above.append(finding.id)
    document = json.loads(codec.dumps(codec.encode(report)))
    VALIDATOR.validate(document)
    assert codec.decode(document) == report
    assert "\x1b" not in text_format.render(report)
    assert "\x1b" not in text_format.brief(report)


@settings(
    max_examples=extent.examples(80),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(runs())
def test_any_facts_prove_ok_or_it_is_not_said(seen: tuple[Evidence, Sequence[Suppression]]) -> None:
    report = judge_evidence(seen[0])  # nothing is suppressed here, since a suppression is an operator's own decision
    status = {target.id: target.status for target in report.targets}
    for checked in seen[0].targets:
        if status[checked.id] is Status.OK and checked.role == "required":
            steps = [seen[0].find(step) for step in required_steps(seen[0], checked)]
            assert all(step is not None and step.ok for step in steps)


@pytest.mark.parametrize("kind", sorted(KINDS, key=str), ids=str)
def test_a_good_run_with_one_look_of_each_kind_missing_never_crashes(kind: tuple[Step, str | None]) -> None:
    step, operation = kind
    kept = [
        observation
        for observation in (*called(), *configured())
        if (observation.subject.step, observation.subject.operation) != (step, operation)
    ]
    report = judge_evidence(evidence(kept, of=run(calls=Calls.EACH, ec2_reads=True)))
    assert "RUN002" not in {finding.code for finding in report.findings}
