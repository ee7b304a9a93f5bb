"""Every scenario runs through the whole pipeline in memory."""

import json
import random
import re
from functools import cache, lru_cache
from ipaddress import ip_address, ip_network
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.catalog.findings import CODES, Scope, Severity
from agent.catalog.headline import LIMIT
from agent.catalog.services import SERVICES, is_own_call
from agent.catalog.workloads import services_of_either_mode
from agent.fixes.changes import OPERATIONS
from agent.formats import json as json_format
from agent.formats import text as text_format
from agent.judge.causality import EXPLAINS, Effects, Explains, Reach
from agent.judge.evidence import Evidence
from agent.judge.requirements import required_steps
from agent.judge.rules.registry import RULES
from agent.judge.rules.rule import Rule
from agent.judge.verdict import judge, judge_evidence
from agent.report import codec
from agent.report.model import Measurement, Report, Status
from agent.report.serialization import DecodeError
from agent.report.words import causes
from agent.run.events import Event, ObservationMade, RunStarted, TargetsKnown
from agent.simulated.scenario import GatewayEndpointPart
from tests.support import extent, scenarios
from tests.support.runs import evidence_of, measured, report_of, too_long
from tests.support.validator import VALIDATOR

NAMES = scenarios.names()
AGAIN: Final = frozenset(extent.one_in(6, NAMES))
"""Scenarios that are run a second time."""


def expected(name: str) -> tuple[str, str, tuple[str, ...]]:
    expect = scenarios.load(name).expect
    return expect.status, expect.path, expect.findings


@lru_cache(maxsize=1)
def measured_again(name: str) -> tuple[Measurement, tuple[Event, ...]]:
    """The measurement and the events of a second run of a scenario."""
    return measured(scenarios.load(name))


def result_of(report: Report) -> tuple[str, str, tuple[str, ...]]:
    return report.verdict.status, report.verdict.path, tuple(finding.id for finding in report.findings)


def finds_what_it_must_and_nothing_else(name: str) -> None:
    assert result_of(report_of(name)) == expected(name)


def document_follows_the_schema_and_comes_back_whole(name: str) -> None:
    document = json.loads(json_format.render(report_of(name)))
    VALIDATOR.validate(document)
    assert codec.encode(codec.decode(document)) == document


def same_scenario_same_bytes(name: str) -> None:
    if name not in AGAIN:
        return
    again, _ = measured_again(name)
    assert json_format.render(judge(again)) == json_format.render(report_of(name))


def order_of_observations_makes_no_difference(name: str) -> None:
    evidence = evidence_of(name)
    shuffled = list(evidence.observations)
    random.Random(name).shuffle(shuffled)
    other = Evidence(Measurement(run=evidence.run, targets=evidence.targets, observations=tuple(shuffled)))
    shown = judge_evidence(other)
    assert shown == report_of(name)
    if name in AGAIN:  # the comparison includes the order of keys
        assert json_format.render(shown) == json_format.render(report_of(name))


def findings_hang_together(name: str) -> None:
    report = report_of(name)
    observations = {observation.id for observation in report.observations}
    findings = {finding.id: finding for finding in report.findings}
    assert len(findings) == len(report.findings)
    for finding in report.findings:
        assert set(finding.evidence) <= observations
        seen = {finding.id}
        while finding.explained_by is not None:
            finding = findings[finding.explained_by]
            assert finding.id not in seen, "a circle of causes"
            seen.add(finding.id)


def no_step_is_said_to_be_missing_that_was_made(name: str) -> None:
    report = report_of(name)
    steps = {observation.subject.step for observation in report.observations if observation.ok}
    false = {f"no {step} step was made" for step in steps}
    assert [missing for missing in report.not_evaluated if missing.reason in false] == []


def every_address_has_every_step(name: str) -> None:
    """Assert that no step is missing: a step that was skipped is present, with the outcome skipped."""
    report = report_of(name)
    seen = {observation.id for observation in report.observations}
    for target in report.targets:
        for address in target.addresses:
            steps = {f"{step}/{target.id}/{address.address}/443" for step in ("tcp", "tls", "http", "api")}
            ports = {f"tcp/{target.id}/{address.address}/{port}" for port in target.ports}
            assert steps | ports <= seen


def events_tell_the_whole_run(name: str) -> None:
    if name not in AGAIN:
        return
    evidence, events = measured_again(name)
    assert isinstance(events[0], RunStarted)
    ids = [event.observation.id for event in events if isinstance(event, ObservationMade)]
    assert sorted(ids) == sorted(observation.id for observation in evidence.observations)
    known = [event.targets for event in events if isinstance(event, TargetsKnown)]
    assert (known[-1] if known else ()) == evidence.targets


def text_fits_eighty_columns_and_is_plain(name: str) -> None:
    text = text_format.render(report_of(name))
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert too_long(text) == []
    assert text.startswith(report_of(name).verdict.status.upper())


def the_first_screen_has_the_cause_its_fix_and_what_that_changes(name: str) -> None:
    report = report_of(name)
    first = next(iter(causes(report)), None)
    if first is None:
        return
    screen = text_format.render(report).splitlines()[:24]
    assert any(line.startswith(f"1. {first.severity.upper()}") for line in screen)
    assert any(line.startswith("   What to do: ") for line in screen)
    above = screen[: next(place for place, line in enumerate(screen) if line.startswith("   What to do: "))]
    changes = any([command.changes for command in first.fix.commands] + [line.changes for line in first.fix.lines])
    assert changes is any(line.startswith("   The fix changes ") for line in above)


OPENS: Final = re.compile(
    r"--protocol (?:tcp|6) --port(?:-range)? (?:From=)?(?P<first>\d+)(?:(?:-|,To=)(?P<last>\d+))? "
    r"--(?:ipv6-)?cidr(?:-block)? (?P<block>\S+)(?: --rule-action allow)?"
    r"|--ip-permissions IpProtocol=tcp,FromPort=(?P<from>\d+),ToPort=(?P<to>\d+),"
    r"(?:Ipv6Ranges=\[\{CidrIpv6=(?P<ipv6>\S+)\}\]|PrefixListIds=\[\{PrefixListId=(?P<list>pl-\w+)\}\])"
)
GATEWAY_PORTS: Final = {port.number for port in SERVICES["backup-gateway"].ports} - {443}
BLOCKS_OF_S3: Final = tuple(map(str, GatewayEndpointPart().prefixes))
"""The blocks of the simulated prefix list. The addresses of S3 change, so an entry of a network ACL must not be for a
single address.
"""
ANSWERS: Final = (32768, 60999)
"""The range of ports from which the simulated hosts connect (ip(7), ip_local_port_range)."""


def a_fix_that_turns_on_private_dns_names_the_right_that_it_takes(name: str) -> None:
    for finding in report_of(name).findings:
        turns_on = any("--private-dns-enabled" in command.argv for command in finding.fix.commands)
        assert ("route53:AssociateVPCWithHostedZone" in finding.fix.summary) is turns_on


def commands_take_nothing_away_and_open_no_more_than_needed(name: str) -> None:
    report = report_of(name)
    addresses = {f"{address.address}" for target in report.targets for address in target.addresses}
    hosts = {f"{address}" for address in report.vantage.source_addresses}
    for argv in (command.argv for finding in report.findings if finding.fix for command in finding.fix.commands):
        if argv[0] != "aws" or argv[2].startswith(("describe-", "get", "list", "search-")):
            continue
        if argv[:4] == ("aws", "configure", "set", "region"):  # this changes a profile on this host
            continue
        assert argv[2] in OPERATIONS
        assert not any("policy" in word for word in argv)
        if not argv[2].startswith(("authorize-", "create-network-acl-")):
            continue
        opened = OPENS.search(" ".join(argv))
        assert opened is not None
        assert " ".join(argv).endswith(opened[0])
        first = int(opened["first"] or opened["from"])
        last = int(opened["last"] or opened["to"] or first)
        if opened["list"] is not None:  # a prefix list, the destination of a route to a gateway endpoint
            assert (argv[2], first, last) == ("authorize-security-group-egress", 443, 443)
            continue
        if opened["block"] in BLOCKS_OF_S3:
            assert argv[2] == "create-network-acl-entry"
            assert (first, last) in {(443, 443), ANSWERS}
            continue
        one, _, length = (opened["block"] or opened["ipv6"]).partition("/")
        assert (
            length != "32" or one.startswith("<") or not any(ip_address(one) in ip_network(s3) for s3 in BLOCKS_OF_S3)
        )
        if one == "<APPLIANCE_SUBNET_CIDR>":
            assert set(range(first, last + 1)) <= GATEWAY_PORTS
            continue
        assert length == ("128" if ":" in one else "32")
        assert one in {*addresses, *hosts, "<NAT_ADDRESS>", "<ADDRESS_OF_THIS_HOST>"}
        is_answers = argv[2] == "create-network-acl-entry" and (first, last) == ANSWERS
        to_endpoint = one in addresses and set(range(first, last + 1)) <= GATEWAY_PORTS
        assert (first, last) == (443, 443) or is_answers or to_endpoint


EXPECTED: Final = {name: scenarios.load(name).expect.findings for name in NAMES}


def naming(code: str) -> list[str]:
    """Scenarios that expect a finding with this code."""
    return [name for name, findings in EXPECTED.items() if any(finding.startswith(code) for finding in findings)]


@pytest.mark.parametrize("code", [rule.code for rule in RULES])
def test_a_rule_emptied_breaks_a_scenario(code: str) -> None:
    emptied = tuple(Rule(rule.code, rule.needs, lambda _: ()) if rule.code == code else rule for rule in RULES)
    assert any(result_of(judge_evidence(evidence_of(name), emptied)) != expected(name) for name in naming(code))


IN_REPORTS_OF_OTHERS = {("TLS001", Effects.SERVER), ("TLS003", Effects.SERVER)}
"""Pairs that do not occur in a run, since a failed handshake ends the steps at an address. The tests of `diagnose`
cover them.
"""
PATH_SHOWN_BY: Final = {("TCP002", "JOB002"), ("TCP001", "API010")}
"""The pairs of the reach PATH that scenarios show: one cause of failed jobs, and one cause of a role that STS refuses.
test_jobs and test_api in tests/agent/judge/rules cover all causes.
"""


@pytest.mark.parametrize(
    "row",
    [
        row
        for row in EXPLAINS
        if (row.cause, row.symptom) not in IN_REPORTS_OF_OTHERS
        and (row.reach is not Reach.PATH or (row.cause, row.symptom) in PATH_SHOWN_BY)
    ],
    ids=lambda row: f"{row.cause} explains {row.symptom}",
)
def test_a_row_of_explains_dropped_breaks_a_scenario(row: Explains) -> None:
    kept = tuple(other for other in EXPLAINS if other is not row)
    assert any(
        judge_evidence(evidence_of(name), RULES, kept).findings != report_of(name).findings
        for name in naming(row.cause)
    )


def test_every_code_has_a_rule_and_a_scenario() -> None:
    with_rule = {rule.code for rule in RULES} | {"RUN003"}  # RUN003 is reported without a rule
    with_scenario = {finding.partition("@")[0] for findings in EXPECTED.values() for finding in findings}
    of_runs = {code for code, finding in CODES.items() if not finding.of_audit}  # tests/agent/audit/test_review.py
    assert with_rule == of_runs
    assert with_scenario == of_runs


def test_rules_are_listed_once_each() -> None:
    codes = [rule.code for rule in RULES]
    assert len(codes) == len(set(codes))


OF_THE_CHECK = {"IAM001", "IAM003", "IAM006", "IAM007", "IAM009"}
"""Findings about permissions of the caller, about a denial without a reason, or about an endpoint's policy."""


def ok_means_every_required_step_succeeded(name: str) -> None:
    report, evidence = report_of(name), evidence_of(name)
    for target in evidence.targets:
        status = next(judged.status for judged in report.targets if judged.id == target.id)
        if status is Status.OK:
            steps = [evidence.find(step) for step in required_steps(evidence, target)]
            # If only this check makes a call, the path works even if the role is not permitted to make the call.
            denied = {step for finding in report.findings if finding.code in OF_THE_CHECK for step in finding.evidence}
            excused = denied if not is_own_call(target) else set()
            assert all(step is not None and (step.ok or step.id in excused) for step in steps)
    if report.verdict.status is Status.OK:
        assert all(finding.severity is Severity.INFO for finding in report.findings if finding.counts)


_WORST_FIRST = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING, Status.OK)
_STATUS = {Severity.CRITICAL: Status.CRITICAL, Severity.WARNING: Status.WARNING, Severity.INFO: Status.OK}


def verdict_is_of_the_required_targets_and_of_what_has_no_target(name: str) -> None:
    report = report_of(name)
    required = {target.id: target.required for target in report.targets}
    assert all(finding.counts is required[finding.target] for finding in report.findings if finding.target in required)
    causes = [finding for finding in report.findings if finding.explained_by is None and finding.counts]
    statuses = [target.status for target in report.targets if target.required]
    statuses += [_STATUS[finding.severity] for finding in causes if finding.target not in required]
    either = services_of_either_mode() if evidence_of(name).has_unsettled_mode else ()
    proven = {target.service for target in report.targets if target.status is Status.OK}
    is_open = any(CODES[finding.code].leaves_status_unknown for finding in causes) or not proven.issuperset(either)
    # If the mode of an agent is unknown, no service is required, but all services of both modes must be proven.
    is_asked = any(required.values()) or bool(either)
    if is_open or not is_asked:
        statuses.append(Status.UNKNOWN)
    statuses += [target.status for target in report.targets if target.service in either and not is_open]
    assert report.verdict.status is next(status for status in _WORST_FIRST if status in statuses)


def summary_names_what_does_not_count(name: str) -> None:
    report = report_of(name)
    _, _, aside = report.verdict.summary.partition("; not counted: ")
    for target in report.targets:
        loud = [
            finding
            for finding in report.findings
            if finding.target == target.id
            and finding.explained_by is None
            and not finding.counts
            and finding.severity is not Severity.INFO
        ]
        # Services with the same reason are named together, as in "ssm and ssmmessages, public here".
        assert bool(loud) <= (re.search(rf"\b{re.escape(target.id)}(, | and )", aside) is not None)
        assert not (loud and target.status is Status.OK)


@pytest.mark.parametrize(
    ("name", "aside"),
    [
        pytest.param(
            "gateway-optional-ports",
            "backup-gateway, port 1031 closed (count it with --workload gateway)",
            id="a port of an optional service",
        ),
        pytest.param(
            "gateway-optional-silent",
            "backup-gateway, 443 is silent at 2 of 2 addresses: 10.0.1.27 and 10.0.2.27 (count it with --workload "
            "gateway)",
            id="beside a fault that counts",
        ),
        pytest.param(
            "default-name-broken-beside-endpoint",
            "backup, 443 is silent at 2 of 2 addresses: 10.0.1.44 and 10.0.2.44 (count it with --endpoint "
            "backup=backup.eu-west-1.amazonaws.com)",
            id="a host for comparison",
        ),
        pytest.param("gateway-not-named", "", id="a service that is not checked"),
        pytest.param("healthy", "", id="a service that is not in use"),
    ],
)
def test_the_words_for_what_does_not_count(name: str, aside: str) -> None:
    assert report_of(name).verdict.summary.partition("; not counted: ")[2] == aside


def every_finding_has_a_headline(name: str) -> None:
    """Assert that each finding has a headline of one line, without internal ids."""
    report = report_of(name)
    for finding in report.findings:
        assert 0 < len(finding.headline) <= LIMIT
        assert finding.headline.lower() != finding.title.lower(), (
            f"the rule of {finding.code} gives no value for a field of its headline: {CODES[finding.code].headline}"
        )
        assert finding.headline.isascii()
        assert not any(
            observation.id in finding.headline for observation in report.observations if "/" in observation.id
        )


def the_summary_is_the_headline_of_the_first_cause(name: str) -> None:
    report = report_of(name)
    summary = report.verdict.summary
    assert not any(observation.id in summary for observation in report.observations if "/" in observation.id)
    loud = [
        finding
        for finding in report.findings
        if finding.counts
        and finding.explained_by is None
        and not finding.suppressed
        and finding.severity is not Severity.INFO
    ]
    if report.verdict.status in (Status.CRITICAL, Status.WARNING):
        first = loud[0]
        about = f"{first.target}: " if first.scope is Scope.TARGET else ""
        assert summary.startswith(f"{about}{first.headline}")


def a_verdict_other_than_ok_has_a_finding_that_explains_it(name: str) -> None:
    report = report_of(name)
    standing = [finding for finding in report.findings if finding.explained_by is None and not finding.suppressed]
    match report.verdict.status:
        case Status.CRITICAL:
            assert any(finding.severity is Severity.CRITICAL for finding in standing)
        case Status.WARNING:
            assert any(finding.severity is Severity.WARNING for finding in standing)
        case Status.UNKNOWN:
            assert standing


CONTRACT: Final = (
    finds_what_it_must_and_nothing_else,
    document_follows_the_schema_and_comes_back_whole,
    same_scenario_same_bytes,
    order_of_observations_makes_no_difference,
    findings_hang_together,
    no_step_is_said_to_be_missing_that_was_made,
    every_address_has_every_step,
    events_tell_the_whole_run,
    text_fits_eighty_columns_and_is_plain,
    the_first_screen_has_the_cause_its_fix_and_what_that_changes,
    a_fix_that_turns_on_private_dns_names_the_right_that_it_takes,
    commands_take_nothing_away_and_open_no_more_than_needed,
    ok_means_every_required_step_succeeded,
    verdict_is_of_the_required_targets_and_of_what_has_no_target,
    summary_names_what_does_not_count,
    every_finding_has_a_headline,
    the_summary_is_the_headline_of_the_first_cause,
    a_verdict_other_than_ok_has_a_finding_that_explains_it,
)
"""The promises that every scenario keeps, each in one function. Each scenario is measured once. The scenarios in
`AGAIN` are measured a second time, to compare the events and the bytes.
"""


@pytest.mark.parametrize("name", NAMES)
def test_contract(name: str) -> None:
    for part in CONTRACT:
        part(name)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param('summary = "x"\nexpec = 1', "expec", id="a key that nobody knows"),
        pytest.param('[expect]\nstatus = "ok"\npath = "private"\nfindings = []', "summary", id="no summary"),
        pytest.param('summary = "x"\n[[tcp]]\naddresses = ["10.0.0"]', "tcp[0].addresses[0]", id="no address"),
        pytest.param('summary = "x"\n[[tcp]]\nports = ["443"]', "tcp[0].addresses", id="no addresses"),
        pytest.param('summary = "x"\n[run]\ntimeout = "3"', "run.timeout", id="a text for a number"),
        pytest.param('summary = "x"\n[run]\ntimeout = true', "run.timeout", id="a truth for a number"),
        pytest.param(
            'summary = "x"\n[metadata]\nanswer = "shrug"', "metadata.answer", id="a word that is not a choice"
        ),
        pytest.param('name = "y"', "name", id="a name of its own"),
    ],
)
def test_a_scenario_that_is_wrong_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(DecodeError) as caught:
        scenarios.parse("x", text)
    assert caught.value.where == place


def test_a_document_that_is_wrong_is_refused() -> None:
    document: dict[str, Any] = codec.encode(report_of("one-zone-silent"))
    changes: tuple[dict[str, Any], ...] = (
        {"schema": "backuplink.report.v2"},
        {"observations": None},
        {"extra": 1},
        {"findings": [{}]},
        {"run": {**document["run"], "started_at": "yesterday"}},
        {"observations": [{**document["observations"][0], "id": "other"}]},
    )
    for change in changes:
        with pytest.raises(DecodeError):
            codec.decode(document | change)


# --- A saved report, whatever became of it ---------------------------------------------------------------------------

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["10.0.0.2", "fe80::1%eth0", "10.0.0.0/8", "ok", "dns", "2026-01-15T03:00:00Z", "A", "TCP001"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@cache
def saved() -> str:
    return json.dumps(codec.encode(report_of("one-zone-silent")))


def decoded(document: Any) -> Report | None:
    """The report in a document, or None if the document is refused in the documented way."""
    try:
        return codec.decode(document)
    except DecodeError:
        return None


def places(document: Any) -> list[tuple[Any, Any]]:
    """Every key of an object and every index of a list, each together with the object or list."""
    keys = document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    return [place for key in keys for place in ((document, key), *places(document[key]))]


@settings(deadline=None)
@given(VALUES)
def test_any_json_as_a_report(document: Any) -> None:
    assert decoded(document) is None


@settings(max_examples=extent.examples(300), deadline=None)
@given(st.data())
def test_any_change_to_a_saved_report(data: st.DataObject) -> None:
    document = json.loads(saved())
    for _ in range(data.draw(st.integers(1, 2))):
        top = [(document, key) for key in document]
        inside, key = data.draw(st.sampled_from(top) | st.sampled_from(places(document)))
        match data.draw(st.sampled_from(["another", "another", "gone", "more"])):
            case "another":
                inside[key] = data.draw(VALUES)
            case "gone":
                del inside[key]
            case _ if isinstance(inside, dict):
                inside[data.draw(st.text(max_size=8))] = data.draw(VALUES)
            case _:
                inside.append(data.draw(VALUES))
    if (report := decoded(document)) is not None:  # then it can also be written and read again
        assert codec.decode(json.loads(codec.dumps(codec.encode(report)))) == codec.decode(codec.encode(report))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("seconds", 10**400, id="more than a float holds"),
        pytest.param("seconds", float("nan"), id="no number"),
        pytest.param("seconds", float("inf"), id="without end"),
        pytest.param("started_at", "0001-01-01T00:00:00+23:59", id="before the first instant"),
        pytest.param("started_at", "9999-12-31T23:59:59-23:59", id="after the last"),
    ],
)
def test_a_number_or_an_instant_that_no_report_holds_is_refused(key: str, value: object) -> None:
    document = json.loads(saved())
    document["run"][key] = value
    assert decoded(json.loads(json.dumps(document))) is None


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("firewall-denies-both-names", "VPC017@backup"),
        ("own-server-refuses-both-names", "DNS002@backup"),
        ("tls-intercepted-for-both", "TLS001@backup"),
        ("group-of-both-shut", "VPC005@backup"),
        ("mtu-black-hole-of-both", "TLS004@backup"),
        ("no-route-for-both", "TCP006@backup"),
        ("proxy-captures-both", "ENV007@backup"),
        ("both-names-do-not-exist", "DNS003@backup"),
        ("both-names-have-no-address", "DNS006@backup"),
    ],
)
def test_one_cause_at_both_services_is_one_finding_that_names_both(name: str, cause: str) -> None:
    causes = [finding for finding in report_of(name).findings if finding.explained_by is None]
    [first] = [finding for finding in causes if finding.severity is not Severity.INFO]
    assert first.id == cause
    assert "backup-gateway" in first.detail


@pytest.mark.parametrize("what", ["missing", "empty", "failing", "refused"])
def test_a_name_that_fails_says_what_answers_in_its_place(what: str) -> None:
    article = "an" if what == "empty" else "a"
    report = report_of(f"search-list-answers-for-{article}-{what}-name")
    [behind] = [finding for finding in report.findings if finding.code == "DNS018"]
    [cause] = [finding for finding in report.findings if finding.id == behind.explained_by]
    assert "A search domain (corp.example.com) answers in its place, and programs on this host get" in cause.detail
