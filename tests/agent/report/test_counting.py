"""Which failed steps count, and why the others do not."""

from dataclasses import replace

import pytest

from agent.judge.verdict import judge
from agent.report.codec import decode, encode
from agent.report.counting import Blame, Standing, Weight, addresses_of, blames, standings
from agent.report.model import AddressStatus, Status
from agent.settings import Suppression
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.runs import measurement_of, report_of


@pytest.mark.parametrize(
    ("name", "step", "weight", "findings"),
    [
        ("one-zone-silent", "tcp/backup/10.0.2.17/443", Weight.CRITICAL, ("TCP002@backup",)),
        ("ipv6-broken", "tcp/backup/2600:1f18:0:1::17/443", Weight.WARNING, ("TCP008@backup",)),
        ("home-does-not-answer", "host/sdk-settings", Weight.WARNING, ("ENV018",)),
        ("deadline-too-short", "tls/backup/10.0.1.17/443", Weight.WARNING, ("RUN001",)),
    ],
)
def test_a_failed_step_counts_as_the_worst_finding_that_rests_on_it(
    name: str, step: str, weight: Weight, findings: tuple[str, ...]
) -> None:
    assert standings(report_of(name))[step] == Standing(weight, findings, "")


@pytest.mark.parametrize(
    ("name", "step", "why"),
    [
        ("dual-stack-healthy", "dns/backup/fd00:ec2::253/A", "no IPv6 resolver here"),
        ("ipv6-only-healthy", "dns/backup/169.254.169.253/A", "no IPv4 resolver here"),
        ("one-name-silent", "dns/backup/169.254.169.253/A", "this host does not use this name server"),
        ("gateway-optional-ports", "tcp/backup-gateway/10.0.1.27/1031", "backup-gateway was not asked for"),
        ("default-name-broken-beside-endpoint", "tcp/backup/10.0.1.44/443", "backup is for comparison"),
        ("private-answer-elsewhere", "tcp/backup/52.95.111.30/443", "this host does not use the address"),
        ("public-path-works", "dns/backup/dual-stack-name", "a lookup of another name, for comparison"),
        ("metadata-forbidden", "imds", "ENV003 is information only"),
        ("gateway-ports-missing", "tcp/backup-gateway/10.0.1.27/2222", "backup-gateway does not need port 2222"),
        ("jobs-denied", "api/backup/10.0.1.17/443/jobs", "no finding rests on it"),
    ],
)
def test_a_failed_step_that_does_not_count_says_why(name: str, step: str, why: str) -> None:
    standing = standings(report_of(name))[step]

    assert (standing.weight, standing.why) == (Weight.NOT_COUNTED, why)


def test_what_is_suppressed_does_not_count() -> None:
    report = judge(measurement_of("one-zone-silent"), suppress=(Suppression(code="TCP002", target=None),))
    standing = standings(report)["tcp/backup/10.0.2.17/443"]

    assert standing == Standing(Weight.NOT_COUNTED, ("TCP002@backup",), "TCP002@backup is suppressed")


def test_what_follows_from_something_suppressed_does_not_count() -> None:
    report = report_of("acl-443-and-high-ports")
    cause = next(finding for finding in report.findings if finding.explained_by is None)
    symptom = next(finding for finding in report.findings if finding.explained_by == cause.id)
    findings = tuple(
        replace(finding, suppressed=True, evidence=()) if finding is cause else finding for finding in report.findings
    )
    standing = standings(replace(report, findings=findings))[symptom.evidence[0]]

    assert (standing.weight, standing.why) == (Weight.NOT_COUNTED, f"{cause.id} is suppressed")


def test_findings_that_explain_each_other_count() -> None:
    report = report_of("one-zone-silent")
    circle = tuple(replace(finding, explained_by=finding.id) for finding in report.findings)

    assert standings(replace(report, findings=circle))["tcp/backup/10.0.2.17/443"].weight is Weight.CRITICAL


def test_without_a_reason_a_failure_is_not_dismissed_unless_the_verdict_is_ok() -> None:
    report = replace(report_of("one-zone-silent"), findings=())
    step = "tcp/backup/10.0.2.17/443"

    assert standings(report)[step].weight is Weight.UNPROVEN
    well = replace(report, verdict=replace(report.verdict, status=Status.OK))
    assert standings(well)[step].weight is Weight.NOT_COUNTED


@pytest.mark.parametrize("name", one_in(9, scenarios.names()))
def test_in_every_scenario_what_counts_agrees_with_the_verdict(name: str) -> None:
    report = report_of(name)
    by_id = {finding.id: finding for finding in report.findings}
    for step, known in standings(report).items():
        assert (known.why == "") == (known.weight is not Weight.NOT_COUNTED)
        if known.weight in (Weight.CRITICAL, Weight.WARNING):
            decisive = by_id[known.findings[0]]
            # A name server that gives the same wrong answer is wrong as well.
            assert step in decisive.evidence or set(known.wrong) & {
                address
                for seen in report.observations
                if seen.id in decisive.evidence
                for address in addresses_of(seen)
            }
            assert decisive.counts
            assert not decisive.suppressed
            assert decisive.severity == known.weight.value

    weights = {known.weight for known in standings(report).values()}
    if report.verdict.status is Status.OK:
        assert weights <= {Weight.NOT_COUNTED}
    if report.verdict.status is Status.WARNING:
        assert Weight.CRITICAL not in weights


# --- What JSON says of the steps -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "step", "blame"),
    [
        pytest.param("one-zone-silent", "tcp/backup/10.0.2.17/443", Blame(True, "TCP002@backup"), id="a cause"),
        pytest.param("private-dns-off", "tcp/backup/52.95.111.30/443", Blame(False, "DNS001@backup"), id="a symptom"),
        pytest.param("clock-hides-certificates", "tls/backup/10.0.1.17/443", Blame(False, "ENV010"), id="of this host"),
        pytest.param(
            "gateway-optional-ports",
            "tcp/backup-gateway/10.0.1.27/1031",
            Blame(False, "TCP003@backup-gateway"),
            id="of a service that nobody asked for",
        ),
        pytest.param(
            "gateway-ports-missing",
            "tcp/backup-gateway/10.0.1.27/2222",
            Blame(False, None),
            id="no finding rests on it",
        ),
    ],
)
def test_a_failed_step_counts_by_itself_or_names_its_cause(name: str, step: str, blame: Blame) -> None:
    report = report_of(name)
    assert blames(report)[step] == blame
    (row,) = (row for row in encode(report)["observations"] if row["id"] == step)
    assert (row["counts"], row["explained_by"]) == (blame.counts, blame.cause)


def test_what_is_suppressed_counts_in_json_no_more_than_in_pictures() -> None:
    report = judge(measurement_of("one-zone-silent"), suppress=(Suppression(code="TCP002", target=None),))
    assert blames(report)["tcp/backup/10.0.2.17/443"] == Blame(False, "TCP002@backup")


def test_findings_that_explain_each_other_end_the_search_for_a_cause() -> None:
    report = report_of("one-zone-silent")
    first = report.findings[0]
    circle = (replace(first, explained_by="X"), replace(first, id="X", explained_by=first.id))
    assert not blames(replace(report, findings=circle))["tcp/backup/10.0.2.17/443"].counts


@pytest.mark.parametrize("name", one_in(6, scenarios.names()))
def test_failures_that_count_stand_beside_a_verdict_that_is_not_ok(name: str) -> None:
    report = report_of(name)
    causes = {finding.id for finding in report.findings if finding.explained_by is None}
    document = encode(report)
    for row in document["observations"]:
        assert not (row["counts"] and row["status"] != "failed")
        assert row["explained_by"] is None or row["explained_by"] in causes
        assert row["status"] == "failed" or row["explained_by"] is None
    if report.verdict.status is Status.OK:
        assert not any(row["counts"] for row in document["observations"])
        required = {row["id"] for row in document["targets"] if row["required"]}
        failed = [
            row["address"]
            for target in document["targets"]
            for row in target["addresses"]
            if target["id"] in required and row["from_own_lookup"] and row["status"] == "failed"
        ]
        assert failed == []
    assert encode(decode(document)) == document


@pytest.mark.parametrize(
    ("name", "target", "statuses"),
    [
        ("healthy", "backup", {"10.0.1.17": "ok", "10.0.2.17": "ok", "10.0.3.17": "ok"}),
        ("healthy", "backup-gateway", {"52.95.112.40": "not-checked"}),
        ("one-zone-silent", "backup", {"10.0.1.17": "ok", "10.0.2.17": "failed", "10.0.3.17": "ok"}),
        ("gateway-ports-missing", "backup-gateway", {"10.0.1.27": "failed", "10.0.2.27": "failed"}),
        ("deadline-too-short", "backup", {"10.0.1.17": "not-checked"}),
        ("mtu-black-hole", "backup", {"10.0.1.17": "failed", "10.0.2.17": "failed"}),
        ("hana-call-not-granted", "secretsmanager", {"10.0.1.45": "ok", "10.0.2.45": "ok", "10.0.3.45": "ok"}),
        ("endpoint-policy-denies", "backup", {"10.0.1.17": "failed"}),
    ],
)
def test_an_address_is_ok_where_every_required_step_succeeded(name: str, target: str, statuses: dict[str, str]) -> None:
    (found,) = (row for row in report_of(name).targets if row.id == target)
    by_address = {str(row.address): row.status for row in found.addresses}
    assert {address: by_address[address] for address in statuses} == statuses
    assert set(by_address.values()) <= set(AddressStatus)


# --- Answers that are wrong ---


@pytest.mark.parametrize(
    ("name", "wrong", "right", "words"),
    [
        ("private-dns-off", "dns/backup/169.254.169.253/A", "", "2 public"),
        ("resolvers-disagree", "dns/backup/10.0.9.53/A", "dns/backup/169.254.169.253/A", "1 public"),
        ("hosts-file-stale", "dns/backup/getaddrinfo", "dns/backup/169.254.169.253/A", "1 wrong"),
        ("two-faults-old-line-and-policy", "dns/backup/getaddrinfo", "dns/backup/169.254.169.253/A", "1 wrong"),
        ("nat64-beside-ipv4", "dns/backup/fd00:ec2::253/AAAA", "dns/backup/169.254.169.253/A", "1 nat64"),
        ("private-where-public-expected", "dns/backup/getaddrinfo", "", "2 private"),
        ("bogus-address", "dns/backup/getaddrinfo", "dns/backup/169.254.169.253/A", "1 wrong"),
    ],
)
def test_a_wrong_answer_is_told_from_a_right_one(name: str, wrong: str, right: str, words: str) -> None:
    known = standings(report_of(name))

    assert f"{len(known[wrong].wrong)} {known[wrong].fault}" == words
    assert known[wrong].weight in (Weight.CRITICAL, Weight.WARNING)
    assert right not in known


@pytest.mark.parametrize(
    "name", ["healthy", "dual-stack-healthy", "dhcp-server-denies-name", "private-answer-elsewhere"]
)
def test_an_answer_that_no_finding_calls_wrong_is_not(name: str) -> None:
    assert not [step for step, known in standings(report_of(name)).items() if known.wrong]


@pytest.mark.parametrize("code", "DNS001 DNS002 DNS007 DNS008 DNS010 DNS011 DNS012 DNS015 DNS018 DNS020".split())
def test_each_finding_that_calls_an_answer_wrong_shows_which(code: str) -> None:
    finds = (name for name in scenarios.names() if f"{code}@backup" in scenarios.load(name).expect.findings)
    reports = map(report_of, finds)

    assert any(known.wrong and code in known.findings[0] for report in reports for known in standings(report).values())
