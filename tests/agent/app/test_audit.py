"""The documents and exit codes of `backuplink audit`, for the example's facts and for simulated VPCs."""

import csv
import io
import json
import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.app.audit import audit
from agent.app.errors import RequestError
from agent.app.publish import AUDIT
from agent.audit import model as audit_report
from agent.audit.audit import audit as judge_audit
from agent.audit.collect_account import AccountFacts
from agent.audit.csv import COLUMNS
from agent.audit.model import AuditDocument, AuditedVpc, AuditFault, CentralRole, Known
from agent.audit.request import AccountRequest, AuditOptions, AuditRequest
from agent.catalog.findings import CODES, Severity
from agent.catalog.services import SERVICES
from agent.cli import entry
from agent.fixes.by_code import FIXES
from agent.fixes.placeholders import is_form_of_fix
from agent.network.names import known_vpc
from agent.predict.prediction import Facts
from agent.process import signals
from agent.process.cancel import CancelToken
from agent.report import facts_file
from agent.report.model import Status
from agent.report.redact import redact_document
from agent.settings import Ec2Facts, Output, Suppression, Workload
from agent.simulated import network
from agent.simulated.settings import EPOCH
from probes.model import Observation, Ok
from probes.vpc.model import ENDPOINTS, INTERFACES, SUBNETS
from tests.formats import html_page
from tests.hostile.fuzz.mutation import spoilt_document
from tests.support import extent, large_account, scenarios
from tests.support.aws_commands import complaint
from tests.support.extent import one_in
from tests.support.outputs import asked
from tests.support.repository import ROOT
from tests.support.runs import too_long

ACCOUNT: Final = str(ROOT / "docs/examples/account.json")
ESTATE: Final = str(ROOT / "docs/examples/estate.json")
VPC_ID: Final = "vpc-0a1b2c3d4e5f67890"
BLANK: Final = AuditOptions(
    places=(),
    saved=None,
    against=None,
    reads=None,
    workloads=(),
    services=(),
    suppressions=(),
    review=False,
    output=Output(format="json"),
)
VALIDATOR: Final = jsonschema_rs.Draft202012Validator(audit_report.schema())


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Restore the signals after the test."""
    before = {number: signal.getsignal(number) for number in signals.SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


async def _never(_: AccountRequest, __: CancelToken) -> AccountFacts:
    raise AssertionError("a file is not read from EC2")


def of_file(*places: str, **changes: Any) -> int:
    return audit(asked(BLANK, places=places or (ACCOUNT,), **changes), _never, [])


def read(text: str) -> AuditDocument:
    """A JSON document as an object of its class, validated against its schema."""
    document = json.loads(text)
    VALIDATOR.validate(document)
    return audit_report.decode(document)


def facts_of(name: str, more: str = "") -> Ec2Facts:
    """The facts of a scenario, with `more` added to the scenario."""
    chosen = scenarios.parse(name, f"{scenarios.text(name)}\n{more}")
    return network.facts_of(chosen, EPOCH)


def changed(facts: Ec2Facts, operation: str, **values: Any) -> Ec2Facts:
    """The facts with some results of one read changed."""

    def of(seen: Observation[Any]) -> Observation[Any]:
        held: Any = seen.facts
        is_it = seen.subject.operation == operation
        return replace(seen, outcome=Ok(replace(held, **values))) if is_it else seen

    return replace(facts, observations=tuple(map(of, facts.observations)))


@pytest.fixture
def audited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> "Audited":
    return Audited(tmp_path, capsys)


class Audited:
    """Audits facts, after writing each of them to a file."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._capsys = capsys
        self.code = 0

    def __call__(self, *facts: Ec2Facts, **changes: Any) -> AuditDocument:
        return read(self.text(*facts, format="json", **changes))

    def text(self, *facts: Ec2Facts, **changes: Any) -> str:
        places = []
        for number, one in enumerate(facts):
            place = self._folder / f"{number}.json"
            place.write_text(facts_file.dumps(one), "ascii")
            places.append(str(place))
        self.code = of_file(*places, **changes)
        return self._capsys.readouterr().out

    def vpc(self, *facts: Ec2Facts, **changes: Any) -> AuditedVpc:
        (vpc,) = self(*facts, **changes).vpcs
        return vpc


def codes(faults: Iterable[AuditFault], *, counts: bool = True) -> set[str | None]:
    """The codes of the faults that count, except those that are only information. With `counts=False`, the codes of the
    faults that do not count.
    """
    return {fault.code for fault in faults if fault.counts is counts and fault.severity is not Severity.INFO}


# --- The example -----------------------------------------------------------------------------------------------------


def test_the_example_shows_what_audits_are_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert of_file() == 2
    document = read(capsys.readouterr().out)
    found = {vpc.vpc_id[-4:]: (vpc.status, codes(vpc.faults)) for vpc in document.vpcs}
    assert found == {
        "0001": (Status.CRITICAL, {"VPC005", "VPC006", "VPC012"}),
        "2000": (Status.CRITICAL, {"VPC002"}),
        "3000": (Status.CRITICAL, {"VPC008"}),
        "4000": (Status.NOT_IN_USE, set()),
        "5000": (Status.NOT_IN_USE, set()),
    }


def test_an_audit_measures_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    of_file()
    document = read(capsys.readouterr().out)
    assert not document.measured
    assert not any(fault.measured for vpc in document.vpcs for fault in vpc.faults)


def test_the_same_facts_give_the_same_document(capsys: pytest.CaptureFixture[str]) -> None:
    texts = [(of_file(), capsys.readouterr().out)[1] for _ in range(2)]
    assert texts[0] == texts[1]


def test_its_schema_is_written_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.run(["schema", "audit"]) == 0
    assert json.loads(capsys.readouterr().out) == audit_report.schema()


# --- What a VPC is judged for ----------------------------------------------------------------------------------------


def test_a_vpc_without_an_endpoint_is_not_in_use_and_counts_for_nothing(audited: Audited) -> None:
    vpc = audited.vpc(facts_of("no-endpoint-in-this-vpc"))
    assert (vpc.status, vpc.counts, vpc.faults) == (Status.NOT_IN_USE, False, ())
    assert {workload.status for workload in vpc.workloads} == {Status.NOT_IN_USE}
    assert audited.code == 3, "nothing could be told"


def test_a_workload_that_is_asked_for_is_judged_everywhere(audited: Audited) -> None:
    vpc = audited.vpc(facts_of("no-endpoint-in-this-vpc"), workloads=(Workload.CALLER,))
    assert (vpc.status, codes(vpc.faults)) == (Status.CRITICAL, {"VPC001"})
    assert audited.code == 2
    (caller,) = (workload for workload in vpc.workloads if workload.workload is Workload.CALLER)
    assert (caller.by, caller.private, caller.lacks) == ("--workload caller", Known.NO, ("backup",))


def test_what_a_region_does_not_have_is_not_lacking(audited: Audited) -> None:
    facts = replace(facts_of("no-endpoint-in-this-vpc"), region="cn-north-1")
    vpc = audited.vpc(facts, workloads=(Workload.GATEWAY,))
    assert (vpc.status, vpc.counts, vpc.faults) == (Status.NOT_IN_USE, False, ())


def test_a_service_that_is_asked_for_is_judged_everywhere(audited: Audited) -> None:
    vpc = audited.vpc(facts_of("healthy", "[ec2]"), services=("sns",))
    assert (vpc.status, codes(vpc.faults)) == (Status.CRITICAL, {"VPC001"})


def test_a_healthy_vpc_can_run_its_workload(audited: Audited) -> None:
    vpc = audited.vpc(facts_of("healthy", "[ec2]"))
    assert (vpc.status, audited.code) == (Status.OK, 0)
    by_name = {workload.workload: workload for workload in vpc.workloads}
    assert by_name[Workload.CALLER].private is Known.YES
    assert by_name[Workload.CALLER].status is Status.OK
    assert by_name[Workload.HANA].private is Known.NO
    assert by_name[Workload.HANA].status is Status.NOT_IN_USE
    assert "backup-storage" in by_name[Workload.HANA].lacks


def test_endpoints_of_systems_manager_do_not_tell_of_sap_hana(audited: Audited) -> None:
    more = '[ec2]\n[[ec2.endpoints]]\nservice = "ssm"\n[[ec2.endpoints]]\nservice = "secretsmanager"\n'
    vpc = audited.vpc(facts_of("healthy", more))
    judged = {workload.workload for workload in vpc.workloads if workload.by is not None}
    assert judged == {Workload.SSM}
    assert codes(vpc.faults) == {"VPC001"}, "ssmmessages has none"


@pytest.mark.parametrize(
    ("fail_on", "code"), [("warning", 1), ("critical", 0), ("never", 0)], ids=["warning", "critical", "never"]
)
def test_the_exit_code_follows_fail_on(fail_on: str, code: int, audited: Audited) -> None:
    vpc = audited.vpc(facts_of("gateway-private-dns-off"), fail_on=fail_on)
    assert (vpc.status, audited.code) == (Status.WARNING, code)


# --- Each fault, and its nearest miss --------------------------------------------------------------------------------

FIRES: Final = {
    ("VPC001", "ssm-without-messages-endpoint"),
    ("VPC002", "private-dns-switched-off"),
    ("VPC003", "dns-hostnames-switched-off"),
    ("VPC003", "vpc-without-dns"),
    ("VPC004", "endpoint-rejected"),
    ("VPC005", "endpoint-group-shut"),
    ("VPC005", "security-group-443-only"),
    ("VPC006", "network-acl-no-return"),
    ("VPC007", "route-into-nothing"),
    ("VPC006", "acl-443-and-high-ports"),
    ("VPC008", "policy-of-a-deny-alone"),
    ("VPC008", "policy-denies-the-call"),
    ("VPC008", "policy-condition-never-holds"),
    ("VPC009", "zone-not-covered"),
    ("VPC011", "dhcp-server-fails"),
    ("VPC012", "own-group-lets-nothing-out"),
    ("VPC015", "rule-forwards-elsewhere"),
    ("VPC016", "zone-with-a-public-address"),
    ("VPC017", "firewall-denies-name"),
    ("VPC018", "route-53-profile-firewall-denies-name"),
    ("VPC019", "s3-gateway-endpoint-without-route"),
}
SILENT: Final = {
    ("VPC001", "healthy"),
    ("VPC002", "healthy"),
    ("VPC003", "private-dns-switched-off"),
    ("VPC004", "endpoint-group-shut"),
    ("VPC005", "gateway-group-for-the-appliance"),
    ("VPC006", "endpoint-group-shut"),
    ("VPC007", "network-acl-no-return"),
    ("VPC008", "policy-for-all-vaults"),
    ("VPC009", "healthy"),
    ("VPC011", "healthy"),
    ("VPC012", "endpoint-group-shut"),
    ("VPC015", "rule-yields-to-private-dns"),
    ("VPC016", "firewall-denies-name"),
    ("VPC017", "firewall-allows-name"),
    ("VPC018", "firewall-denies-name"),
    ("VPC019", "s3-through-gateway-endpoint"),
}


_ASKED: Final[dict[str, dict[str, Any]]] = {
    "VPC001": {"workloads": (Workload.CALLER,)},
    "VPC019": {"services": ("s3",)},
}
"""What a request must name for the audit to report a fault: a workload or a service, by the fault's code."""
MEASURED_ALONE: Final = {
    "VPC010",  # an answer can only be old if it was measured
}
"""Codes that the configuration cannot show without a measurement."""


def test_every_code_of_the_configuration_is_named_by_an_audit_or_needs_a_measurement() -> None:
    of_audit = {code.code for code in CODES.values() if code.of_audit}  # see tests/agent/audit/test_review.py
    for table in (FIRES, SILENT):
        named = {code for code, _ in table} | MEASURED_ALONE | of_audit
        assert named == set(FIXES), "add it to FIRES and SILENT, or to MEASURED_ALONE"


def _with_ec2(name: str) -> Ec2Facts:
    return facts_of(name, "" if scenarios.load(name).ec2 is not None else "[ec2]")


@pytest.mark.parametrize(("code", "name"), sorted(FIRES))
def test_each_fault_fires(code: str, name: str, audited: Audited) -> None:
    assert code in _said(audited.vpc(_with_ec2(name), **_ASKED.get(code, {})))


@pytest.mark.parametrize(("code", "name"), sorted(SILENT))
def test_its_neighbour_does_not(code: str, name: str, audited: Audited) -> None:
    assert code not in _said(audited.vpc(_with_ec2(name), **_ASKED.get(code, {})))


def _said(vpc: AuditedVpc) -> set[str | None]:
    """The codes of the faults that count. Codes that are only information are left out, except VPC009."""
    return codes(vpc.faults) | {fault.code for fault in vpc.faults if fault.counts and fault.code == "VPC009"}


def test_a_fault_tells_what_to_do_where_and_what_it_is_about(audited: Audited) -> None:
    vpc = audited.vpc(facts_of("security-group-443-only"))
    (fault,) = (fault for fault in vpc.faults if fault.code == "VPC005" and fault.severity is Severity.CRITICAL)
    assert fault.name == "security-group-blocks"
    assert fault.ports == (1026, 1027, 1028, 1031) or set(fault.ports) <= {1026, 1027, 1028, 1031}
    assert any(subject.startswith("sg-") for subject in fault.subjects)
    assert fault.fix is not None
    (command, *_) = fault.fix.commands
    assert "authorize-security-group-ingress" in command.argv
    assert "eu-west-1" in command.argv


def test_a_gateway_endpoint_that_no_route_table_has_is_named(audited: Audited) -> None:
    more = '[ec2]\n[[ec2.gateways]]\nservice = "s3"\nroute_table_ids = []\n'
    vpc = audited.vpc(facts_of("healthy", more), services=("s3",))
    assert ("VPC019", Severity.CRITICAL) in {(fault.code, fault.severity) for fault in vpc.faults if fault.counts}
    assert audited.code == 2
    vpc = audited.vpc(facts_of("healthy", more))
    assert {fault.counts for fault in vpc.faults if fault.code == "VPC019"} == {False}, "nobody asked for S3"
    assert audited.code == 0


def test_a_service_that_no_workload_needs_does_not_count(audited: Audited) -> None:
    more = '[ec2]\n[[ec2.endpoints]]\nservice = "backup"\n[[ec2.endpoints]]\nservice = "sns"\nprivate_dns = false\n'
    vpc = audited.vpc(facts_of("healthy", more))
    assert (vpc.status, audited.code) == (Status.OK, 0)
    assert codes(vpc.faults, counts=False) == {"VPC002"}


def test_a_known_fault_can_be_suppressed(audited: Audited) -> None:
    facts = facts_of("private-dns-switched-off")
    vpc = audited.vpc(facts)
    assert audited.code == 2
    for target in (None, "backup", vpc.vpc_id):
        vpc = audited.vpc(facts, suppressions=(Suppression(code="VPC002", target=target),))
        assert (vpc.status, audited.code) == (Status.OK, 0)
        assert any(fault.suppressed for fault in vpc.faults)
    audited.vpc(facts, suppressions=(Suppression(code="VPC002", target="sts"),))
    assert audited.code == 2


# --- Endpoints to which no name leads --------------------------------------------------------------------------------


def test_an_endpoint_that_no_name_leads_to_costs_hours(audited: Audited) -> None:
    document = audited(facts_of("private-dns-switched-off"))
    (vpc,) = document.vpcs
    (endpoint,) = vpc.endpoints
    assert (endpoint.resolved, endpoint.interface_count) == (Known.NO, 3)
    assert vpc.unresolved_hours == document.unresolved_hours == endpoint.interface_hours == 3 * 730
    vpc = audited.vpc(facts_of("healthy", "[ec2]"))
    assert (vpc.endpoints[0].resolved, vpc.unresolved_hours) == (Known.YES, 0)


def _endpoint_with(**changes: Any) -> Ec2Facts:
    """A healthy VPC with a changed endpoint."""
    facts = facts_of("healthy", "[ec2]")
    held: Any = next(seen.facts for seen in facts.observations if seen.subject.operation == ENDPOINTS)
    (endpoint,) = held.endpoints
    return changed(facts, ENDPOINTS, endpoints=(replace(endpoint, **changes),))


def test_an_endpoint_that_somebody_changes_is_a_warning(audited: Audited) -> None:
    """AWS does not say that the endpoint's interfaces stop during the change, so the fault is not critical."""
    (fault,) = (fault for fault in audited.vpc(_endpoint_with(state="pending")).faults if fault.code == "VPC004")
    assert fault.severity is Severity.WARNING
    (fault,) = (fault for fault in audited.vpc(_endpoint_with(state="failed")).faults if fault.code == "VPC004")
    assert fault.severity is Severity.CRITICAL


@pytest.mark.parametrize(("account", "found"), [("999988887777", True), ("{own}", False)])
def test_a_policy_for_another_account_alone_is_a_warning(account: str, *, found: bool, audited: Audited) -> None:
    facts = facts_of("healthy", "[ec2]")
    held: Any = next(seen.facts for seen in facts.observations if seen.subject.operation == ENDPOINTS)
    own = held.endpoints[0].owner_id
    principal = {"AWS": f"arn:aws:iam::{account.format(own=own)}:root"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "*", "Resource": "*"}
    vpc = audited.vpc(_endpoint_with(policy=json.dumps({"Statement": [statement]})))
    faults = [fault for fault in vpc.faults if fault.code == "VPC008"]
    assert bool(faults) is found
    assert all(fault.severity is Severity.WARNING and f"of account {own}" in fault.detail for fault in faults)


def test_a_second_endpoint_beside_that_of_private_dns_is_named(audited: Audited) -> None:
    facts = facts_of("healthy", "[ec2]")
    held: Any = next(seen.facts for seen in facts.observations if seen.subject.operation == ENDPOINTS)
    (first,) = held.endpoints
    others = tuple(f"eni-0badbadbadbadbad{number}" for number in range(3))
    second = replace(
        first,
        endpoint_id="vpce-0badbadbadbadbad0",
        private_dns=False,
        dns_names=first.dns_names[:1],
        interface_ids=others,
    )
    vpc = audited.vpc(changed(facts, ENDPOINTS, endpoints=(first, second)))
    (fault,) = (fault for fault in vpc.faults if second.endpoint_id in fault.subjects and fault.code == "VPC022")
    assert fault.severity is Severity.INFO
    assert "2,190 interface-hours a month" in fault.detail
    assert (vpc.status, vpc.unresolved_hours) == (Status.OK, 2_190)


# --- Central endpoints -----------------------------------------------------------------------------------------------


def test_a_zone_of_the_very_name_tells_of_a_central_endpoint(capsys: pytest.CaptureFixture[str]) -> None:
    of_file(workloads=(Workload.CALLER,))
    vpcs = {vpc.vpc_id[-4:]: vpc for vpc in read(capsys.readouterr().out).vpcs}
    spokes = {one.vpc_ids[0][-4:]: one for one in vpcs["4000"].central}
    assert {(one.service, one.role, one.by) for one in spokes.values()} == {
        ("backup", CentralRole.SPOKE, ("Z0E57A7E000000000001",))
    }
    assert {one.named for one in spokes.values()} == {Known.CANNOT_TELL}
    assert spokes["3000"].complete is Known.NO, "the group of its endpoint does not admit the hosts"
    assert "no rule of sg-0e57a7e0000003001 allows tcp 443" in " ".join(spokes["3000"].missing)
    assert spokes["0001"].complete is Known.CANNOT_TELL, "its interfaces were not read"
    assert vpcs["4000"].status is Status.UNKNOWN, "the records of the zone are not read"
    hubs = [one for one in vpcs["3000"].central if one.role is CentralRole.HUB]
    assert [hub.vpc_ids for hub in hubs] == [(vpcs["4000"].vpc_id,)]
    assert vpcs["5000"].central == ()


def test_a_profile_leads_to_a_central_endpoint(audited: Audited) -> None:
    vpc = audited.vpc(facts_of("route-53-profile-with-a-central-endpoint"), workloads=(Workload.CALLER,))
    (spoke,) = vpc.central
    assert (spoke.service, spoke.role) == ("backup", CentralRole.SPOKE)
    assert all(name.startswith("rp-") for name in spoke.by)
    assert "VPC001" not in codes(vpc.faults)


# --- What cannot be seen ---------------------------------------------------------------------------------------------


def test_a_participant_is_not_told_that_anything_is_missing(audited: Audited) -> None:
    facts = facts_of("shared-subnet-public")
    vpc = audited.vpc(facts)
    assert (vpc.shared, vpc.status, vpc.counts) == (True, Status.UNKNOWN, False)
    assert any("which only its owner, account" in line for line in vpc.not_readable)
    assert audited.code == 3
    vpc = audited.vpc(facts, workloads=(Workload.CALLER,))
    assert (vpc.status, vpc.counts) == (Status.UNKNOWN, True)
    assert "VPC001" not in {fault.code for fault in vpc.faults}


@pytest.mark.parametrize("denied", ["endpoints", "resolver-rules", "dns-firewall", "profiles", "security-groups"])
def test_what_may_not_be_read_is_said_and_never_well(denied: str, audited: Audited) -> None:
    vpc = audited.vpc(facts_of("healthy", f'[ec2]\ndenied = ["{denied}"]\n'))
    assert (vpc.status, vpc.counts, audited.code) == (Status.UNKNOWN, True, 3)
    assert any("not permitted; it takes" in line for line in vpc.not_read)


def test_what_was_not_read_in_time_is_never_well() -> None:
    facts = facts_of("healthy", "[ec2]")
    read_facts = Facts(known=known_vpc(facts), taken_at=facts.taken_at, not_read=())
    asked = AuditRequest(workloads=(), services=())
    assert judged(asked, read_facts).verdict.status is Status.OK
    assert judged(asked, read_facts, complete=False).verdict.status is Status.UNKNOWN
    bad = facts_of("private-dns-switched-off")
    critical = Facts(known=known_vpc(bad), taken_at=bad.taken_at, not_read=())
    assert judged(asked, critical, complete=False).verdict.status is Status.CRITICAL


def judged(asked: AuditRequest, facts: Facts, *, complete: bool = True) -> AuditDocument:
    return judge_audit([facts], asked, complete=complete)


def test_a_vpc_of_which_no_subnet_is_known_is_never_well(audited: Audited) -> None:
    """The endpoint lacks an interface in one zone. This is information, and does not prove that the VPC is well."""
    facts = facts_of("zone-not-covered")
    kept = tuple(seen for seen in facts.observations if seen.subject.operation != INTERFACES)
    vpc = audited.vpc(changed(replace(facts, observations=kept), SUBNETS, subnets=()))
    assert (vpc.status, audited.code) == (Status.UNKNOWN, 3)


# --- All scenarios ---------------------------------------------------------------------------------------------------

WITH_FACTS: Final = tuple(
    name
    for name in scenarios.names()
    if (chosen := scenarios.load(name)).ec2 is not None and chosen.host.ec2 and chosen.ec2.answer == "answers"
)


@pytest.mark.parametrize("name", one_in(12, WITH_FACTS))
def test_every_scenario_can_be_audited(name: str, audited: Audited) -> None:
    facts = facts_of(name)
    document = audited(facts, workloads=(Workload.CALLER,))
    code = audited.code
    assert code == {Status.OK: 0, Status.WARNING: 1, Status.CRITICAL: 2, Status.UNKNOWN: 3}[document.verdict.status]
    (vpc,) = document.vpcs
    for fault in vpc.faults:
        assert fault.detail.endswith((".", ".)")), fault.detail
        assert fault.title
        assert set(fault.services) <= set(SERVICES)
        for command in () if fault.fix is None else fault.fix.commands:
            assert command.argv[0] == "backuplink" or complaint(command.argv) is None, command.argv
            assert "<VALUE>" not in command.argv
            assert is_form_of_fix(command), command
    for wanted in AUDIT.formats:
        out = audited.text(facts, workloads=(Workload.CALLER,), format=wanted)
        assert out.isascii()
        assert audited.code == code
        if wanted == "text":
            assert too_long(out) == []
            assert "this host" not in out.lower()
    masked = audit_report.dumps(redact_document(document))
    assert vpc.vpc_id not in masked


def test_the_vpc_of_a_healthy_host_is_well(audited: Audited) -> None:
    """Two kinds of VPCs are left out: the host calls the endpoint by its own name, or the answer comes from a zone
    whose records the audit does not read.
    """
    healthy = [
        name
        for name in WITH_FACTS
        if (chosen := scenarios.load(name)).expect.healthy
        and not name.startswith("hana-in-s3-mode-")  # a run there requires only S3
        and not chosen.run.endpoints
        and not (chosen.ec2 and chosen.ec2.zones)
    ]
    for name in one_in(4, healthy):
        assert codes(audited.vpc(facts_of(name)).faults) == set(), name
    vpc = audited.vpc(facts_of("second-endpoint-available"))
    told = {(fault.code, fault.severity) for fault in vpc.faults}
    assert told == {("VPC004", Severity.INFO), ("VPC021", Severity.INFO)}, "the scenario has the policy that AWS gives"


# --- Formats ---------------------------------------------------------------------------------------------------------


def test_text_fits_eighty_columns_of_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    of_file(format="text")
    out = capsys.readouterr().out
    assert out.isascii()
    assert too_long(out) == []
    assert out.startswith("CRITICAL  3 of 3 VPCs critical: ")
    assert "[VPC008]" in out
    assert "See: backuplink explain VPC008" in out
    assert "nothing was measured" in out
    assert "NOT IN USE" in out


def test_the_page_holds_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    of_file()
    document = json.loads(capsys.readouterr().out)
    of_file(format="html")
    page = capsys.readouterr().out
    elements = html_page.read(page)
    assert page.isascii()
    words = " ".join(element.text for element in elements)
    assert all(fault["detail"] in words for vpc in document["vpcs"] for fault in vpc["faults"])
    (held,) = (element.text for element in elements if element.name == "script")
    assert json.loads(held) == document


def test_the_table_has_a_row_for_each_vpc_and_fault(capsys: pytest.CaptureFixture[str]) -> None:
    of_file()
    document = read(capsys.readouterr().out)
    of_file(format="csv")
    head, *rows = csv.reader(io.StringIO(capsys.readouterr().out))
    assert tuple(head) == COLUMNS
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert len(rows) == sum(max(len(vpc.faults), 1) for vpc in document.vpcs)
    assert {row[COLUMNS.index("code")] for row in rows} == {
        fault.code or "" for vpc in document.vpcs for fault in vpc.faults
    } | {""}


@pytest.mark.parametrize("wanted", AUDIT.formats)
def test_a_masked_document_holds_nothing_of_the_network(wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    of_file(format=wanted, redact=True, workloads=(Workload.CALLER,))
    out = capsys.readouterr().out
    for secret in ("0e57a7e", "0E57A7E", "10.20.", "10.22.", "111122223333", "444455556666"):
        assert secret not in out, secret
    assert wanted == "eventbridge" or "VPC008" in out  # without a change there is no event


def test_a_masked_document_stays_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    of_file(redact=True)
    masked = read(capsys.readouterr().out)
    assert masked.redacted
    assert redact_document(masked) == masked


def test_a_file_is_written_whole_or_the_document_is_on_stdout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "a.json"
    assert of_file(output=str(place)) == 2
    assert capsys.readouterr().out == ""
    read(place.read_text("ascii"))
    assert of_file(output=str(tmp_path / "nowhere" / "a.json")) == 3
    read(capsys.readouterr().out)


# --- Files -----------------------------------------------------------------------------------------------------------


def test_the_newest_facts_of_a_vpc_are_taken(audited: Audited) -> None:
    old = facts_of("private-dns-switched-off")
    new = facts_of("healthy", "[ec2]")
    later = replace(new, taken_at=new.taken_at.replace(year=new.taken_at.year + 1))
    for order in ((old, later), (later, old)):
        assert audited.vpc(*order).status is Status.OK


def test_files_of_one_vpc_and_of_several_stand_side_by_side(
    audited: Audited, capsys: pytest.CaptureFixture[str]
) -> None:
    assert of_file(ESTATE, ACCOUNT) == 2
    document = read(capsys.readouterr().out)
    assert len(document.vpcs) == 5


def test_how_old_facts_are_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert of_file() == 2
    assert capsys.readouterr().err == "", "a VPC that is made up does not age"
    place = tmp_path / "account.json"
    text = Path(ACCOUNT).read_text("ascii")
    place.write_text(text.replace('"example": true', '"example": false'), "ascii")
    assert of_file(str(place)) == 2
    assert capsys.readouterr().err.startswith(f"{place}: it was taken ")


def test_a_signal_ends_it_with_a_valid_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(asked(BLANK, places=(ACCOUNT,)), _never, ["SIGTERM"]) == 143
    assert json.loads(capsys.readouterr().out)["verdict"]["status"] == "unknown"
    assert audit(asked(BLANK, places=(ACCOUNT,), format="csv"), _never, ["SIGTERM"]) == 143
    assert "SIGTERM" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"vpcs": []}, "vpcs: at least one VPC belongs here", id="no VPC"),
        pytest.param({"vpcs": [1]}, "vpcs[0].schema", id="no facts"),
        pytest.param({"schema": "x"}, "schema: this is not a", id="another schema"),
        pytest.param({"vpcs": 1}, "vpcs: ", id="no list"),
        pytest.param({"more": 1}, "more", id="another key"),
    ],
)
def test_a_file_that_is_none_is_refused_in_words(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    place = tmp_path / "account.json"
    place.write_text(json.dumps({**json.loads(Path(ACCOUNT).read_text("ascii")), **change}), "ascii")
    with pytest.raises(RequestError) as refused:
        of_file(str(place))
    assert words in str(refused.value)


def test_nothing_of_a_large_account_cannot_be_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The audit leaves nothing unknown in the VPCs of the file, nor in the 200 VPCs of `./dev bench --only audit`."""
    place = tmp_path / "account.json"
    place.write_text(facts_file.dumps_all(large_account.vpcs(extent.one_in(5, (21, 200))[-1])), "ascii")
    assert of_file(str(place)) == 2
    document = read(capsys.readouterr().out)
    by_status = Counter(vpc.status for vpc in document.vpcs)
    shut = -(-len(document.vpcs) // large_account.FAULTY)
    assert by_status == {Status.CRITICAL: shut, Status.OK: len(document.vpcs) - shut}
    assert all(fault.certain for vpc in document.vpcs for fault in vpc.faults)
    assert {fault.code for vpc in document.vpcs for fault in vpc.faults if fault.counts} == {"VPC005"}


@settings(max_examples=extent.examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chance=st.randoms(use_true_random=False))
def test_spoilt_facts_are_audited_or_refused_in_words(
    chance: Random, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "facts.json"
    document = json.loads(Path(ACCOUNT).read_text("ascii"))
    # With fewer VPCs, a spoilt value is more likely to matter.
    document["vpcs"] = chance.sample(document["vpcs"], 2)
    place.write_text(json.dumps(spoilt_document(chance, document)), "utf-8")
    wanted = chance.choice(AUDIT.formats)
    capsys.readouterr()
    try:
        code = of_file(str(place), format=wanted, redact=chance.random() < 0.3, workloads=(Workload.CALLER,))
    except RequestError:
        return
    out = capsys.readouterr().out
    assert code in (0, 1, 2, 3)
    assert out.isascii()
    if wanted == "json":
        read(out)
