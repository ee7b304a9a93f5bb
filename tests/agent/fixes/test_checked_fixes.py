"""Fixes are checked before they are shown. The tests check what a command changes and what the predictor says about it.
In every scenario, the fixes must open the paths in their findings.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from agent.catalog.findings import CODES, Layer
from agent.fixes.changes import changes_of
from agent.fixes.checked import claims
from agent.fixes.predicted import fix_of_paths
from agent.judge.checked_in_run import checked_in_run
from agent.judge.evidence import Evidence
from agent.judge.rules.registry import RULES
from agent.judge.rules.rule import RuleFinding
from agent.judge.verdict import judge
from agent.network.answers import Answer
from agent.network.edits import ATTRIBUTES, Change, Listed, Member, Settable, Setting
from agent.network.names import KnownVpc, predicted_name
from agent.network.paths import Predictor
from agent.predict import prediction
from agent.predict.model import PredictedFault, PredictionDocument
from agent.predict.prediction import Asked, Facts, predicted
from agent.report.hops import Reachability, Stage
from agent.report.model import Command, CommandScope, Finding, Fix, Report
from agent.settings import EVERY_SOURCE
from probes.model import Addressing, Target
from probes.vpc.model import Configuration
from tests.agent.network.networks import entry, open_entries, route, rule
from tests.agent.predict.test_assume import ENDPOINT, known
from tests.agent.predict.test_prediction import SERVICE, TAKEN_AT, healthy, host
from tests.support import scenarios
from tests.support.extent import everything, one_in
from tests.support.runs import evidence_of, measurement_of, report_of


def command(*words: str, undo: str | None = "the other way round") -> Command:
    return Command(argv=words, scope=CommandScope.ENDPOINT, changes=undo is not None, reversible=True, undo=undo)


EC2: Final = ("aws", "ec2")
ADMIT: Final = (*EC2, "authorize-security-group-ingress", "--region", "eu-west-1", "--group-id", "sg-0e1b2c3d4e5f67890")
PASS: Final = (*EC2, "create-network-acl-entry", "--region", "eu-west-1", "--network-acl-id", "acl-0123abcd")
MODIFY: Final = (*EC2, "modify-vpc-endpoint", "--region", "eu-west-1", "--vpc-endpoint-id", "vpce-0123abcd")


# --- What a command changes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "edit"),
    [
        (
            (*ADMIT, "--protocol", "tcp", "--port", "443", "--cidr", "10.0.1.10/32"),
            Member(Listed.GROUP_RULE, "sg-0e1b2c3d4e5f67890", rule("443", "10.0.1.10/32")),
        ),
        (
            (*ADMIT, "--protocol", "tcp", "--port", "1026-1028", "--source-group", "sg-0123abcd"),
            Member(Listed.GROUP_RULE, "sg-0e1b2c3d4e5f67890", rule("1026-1028", "sg-0123abcd")),
        ),
        (
            (*ADMIT, "--ip-permissions", "IpProtocol=tcp,FromPort=443,ToPort=443,Ipv6Ranges=[{CidrIpv6=fd00::5/128}]"),
            Member(Listed.GROUP_RULE, "sg-0e1b2c3d4e5f67890", rule("443", "fd00::5/128")),
        ),
        (
            (
                *(*EC2, "authorize-security-group-egress", "--region", "eu-west-1", "--group-id", "sg-0123abcd"),
                *("--ip-permissions", "IpProtocol=tcp,FromPort=443,ToPort=443,PrefixListIds=[{PrefixListId=pl-6da5}]"),
            ),
            Member(Listed.GROUP_RULE, "sg-0123abcd", rule("443", "pl-6da5", egress=True)),
        ),
        (
            (
                *(*PASS, "--ingress", "--rule-number", "90", "--protocol", "6", "--port-range", "From=443,To=443"),
                *("--cidr-block", "10.0.1.10/32", "--rule-action", "allow"),
            ),
            Member(Listed.ACL_ENTRY, "acl-0123abcd", entry(90, "allow", "10.0.1.10/32", "443")),
        ),
        (
            (
                *(*PASS, "--egress", "--rule-number", "7", "--protocol", "6", "--port-range", "From=32768,To=60999"),
                *("--ipv6-cidr-block", "fd00::5/128", "--rule-action", "allow"),
            ),
            Member(Listed.ACL_ENTRY, "acl-0123abcd", entry(7, "allow", "fd00::5/128", "32768-60999", egress=True)),
        ),
        ((*MODIFY, "--private-dns-enabled"), Setting(Settable.PRIVATE_DNS, "vpce-0123abcd", True)),
        (
            (*MODIFY, "--add-route-table-ids", "rtb-0123abcd"),
            Member(Listed.GATEWAY_TABLE, "vpce-0123abcd", "rtb-0123abcd"),
        ),
        (
            (*EC2, "modify-vpc-attribute", "--region", "eu-west-1", "--vpc-id", "vpc-0123abcd", "--enable-dns-support"),
            Setting(Settable.DNS_SUPPORT, "vpc-0123abcd", True),
        ),
    ],
)
def test_what_a_command_changes(words: tuple[str, ...], edit: Any) -> None:
    assert changes_of(command(*words)) == (Change(edit),)


@pytest.mark.parametrize(
    "words",
    [
        (*ADMIT, "--protocol", "tcp", "--port", "443", "--cidr", "<APPLIANCE_SUBNET_CIDR>"),
        (*ADMIT, "--protocol", "tcp", "--port", "443", "--cidr", "<VALUE>"),
        (*ADMIT, "--protocol", "tcp", "--port", "https", "--cidr", "10.0.1.10/32"),
        (*ADMIT, "--protocol", "tcp", "--port", "443", "--cidr", "everywhere"),
        (*ADMIT, "--ip-permissions", "everything"),
        (*MODIFY, "--add-subnet-ids", "<SUBNET_ID>"),
        (*PASS, "--ingress"),
        MODIFY,
        EC2,
        (*EC2, "create-vpc-endpoint", "--region", "eu-west-1"),
        ("aws", "route53resolver", "create-resolver-rule", "--region", "eu-west-1"),
        ("sh", "-c", "reboot"),
    ],
)
def test_what_a_command_changes_cannot_be_told(words: tuple[str, ...]) -> None:
    assert changes_of(command(*words)) is None


CLAIMS: Final = {
    (Listed.GROUP_RULE, True): {Stage.HOST_GROUPS},
    (Listed.GROUP_RULE, False): {Stage.ENDPOINT_GROUPS},
    (Listed.ACL_ENTRY, True): {Stage.HOST_ACL_OUT, Stage.ENDPOINT_ACL_OUT},
    (Listed.ACL_ENTRY, False): {Stage.ENDPOINT_ACL_IN, Stage.HOST_ACL_IN},
}
"""The stages at which a change should let packets pass. The keys are the kind of list, and whether the packets are
outgoing.
"""


@pytest.mark.parametrize("stage", sorted(stage for stages in CLAIMS.values() for stage in stages))
def test_a_change_is_for_what_stops_in_its_direction(stage: Stage) -> None:
    for (listed, egress), stages in CLAIMS.items():
        is_group = listed is Listed.GROUP_RULE
        item: Any = rule("443", "10.0.0.0/16", egress=egress) if is_group else entry(1, "allow", "::/0", egress=egress)
        if is_group is (stage in (Stage.HOST_GROUPS, Stage.ENDPOINT_GROUPS)):
            change = Change(Member(listed, "owner", item))
            assert claims(change, stage, ("other", "owner"), 443) is (stage in stages)
            assert not claims(change, stage, ("other",), 443)


@pytest.mark.parametrize("stage", sorted(CLAIMS[Listed.ACL_ENTRY, True] | CLAIMS[Listed.ACL_ENTRY, False]))
def test_answers_have_ports_of_their_own(stage: Stage) -> None:
    """The answer to a connect goes to the host's own port, and not to the port of the endpoint."""
    egress = stage in CLAIMS[Listed.ACL_ENTRY, True]
    change = Change(Member(Listed.ACL_ENTRY, "acl", entry(1, "allow", "::/0", "1024-65535", egress=egress)))
    assert claims(change, stage, ("acl",), 443) is (stage in (Stage.ENDPOINT_ACL_OUT, Stage.HOST_ACL_IN))
    assert claims(change, stage, ("acl",), 1024)


# --- The fixes of a run ----------------------------------------------------------------------------------------------


def reported(name: str, code: str) -> tuple[Evidence, RuleFinding, Target]:
    """What the rule of a code reports in a scenario: the evidence, the finding, and the target of the finding."""
    evidence = evidence_of(name)
    (check,) = (row.check for row in RULES if row.code == code)
    finding = next(iter(check(evidence)))
    return evidence, finding, next(target for target in evidence.targets if target.id == finding.target)


def judged(name: str, code: str, *commands: Command) -> Fix:
    """The checked fix of this finding, with these commands in place of the finding's own."""
    evidence, finding, target = reported(name, code)
    return checked_in_run(evidence, finding, target, Fix(summary="Do this.", commands=commands))


def admit(*more: str) -> Command:
    return command(*ADMIT, "--protocol", "tcp", *more)


SHOW: Final = command(*EC2, "describe-security-groups", undo=None)
OPENS: Final = admit("--port", "443", "--cidr", "10.0.1.10/32")


def test_a_command_that_opens_the_path_is_checked() -> None:
    fix = judged("endpoint-group-shut", "VPC005", SHOW, OPENS)
    assert fix.summary == "Do this."
    assert [(one.argv, one.checked) for one in fix.commands] == [(SHOW.argv, None), (OPENS.argv, True)]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        pytest.param(
            admit("--port", "444", "--cidr", "10.0.1.10/32"),
            "it changes nothing that stops a connect of this host",
            id="another port",
        ),
        pytest.param(
            admit("--port", "443", "--cidr", "10.0.9.10/32"),
            "with it, no rule of sg-0e1b2c3d4e5f67890 allows tcp 443 from 10.0.1.10; it allows",
            id="another host",
        ),
        pytest.param(
            admit("--port", "443", "--cidr", "10.0.9.0/24"),
            "sg-0e1b2c3d4e5f67890 has this inbound rule already",
            id="what is there",
        ),
        pytest.param(
            command(*(*EC2, "authorize-security-group-egress"), *ADMIT[3:], *OPENS.argv[7:]),
            "it changes nothing that stops a connect of this host",
            id="the other direction",
        ),
    ],
)
def test_a_command_that_would_not_open_the_path_is_not_suggested(wrong: Command, why: str) -> None:
    fix = judged("endpoint-group-shut", "VPC005", SHOW, wrong)
    assert [one.argv for one in fix.commands] == [SHOW.argv]
    operation = " ".join(wrong.argv[:3])
    assert fix.summary.startswith(f"Do this. The command {operation} is not suggested: {why}")


def test_what_cannot_be_told_stays_unchecked_and_does_not_hide_what_can() -> None:
    unclear = admit("--port", "1026-1028", "--cidr", "<APPLIANCE_SUBNET_CIDR>")
    gone = command(*ADMIT[:-1], "sg-0badbadbadbadbad0", *OPENS.argv[7:])
    fix = judged("endpoint-group-shut", "VPC005", unclear, OPENS, gone)
    assert [one.checked for one in fix.commands] == [False, True, False]
    assert fix.summary == "Do this."


def test_a_command_that_would_close_something_required_is_not_suggested() -> None:
    """This host reaches its other services. The command would make the network ACL of its subnet block all outgoing
    packets.
    """
    evidence, finding, target = reported("hana-group-of-two-endpoints-shut", "VPC005")
    assert evidence.imds is not None
    subnet_id = evidence.imds.subnet_id
    acl = next(acl for acl in evidence.configuration.acls or () if subnet_id in acl.subnet_ids)
    closes = command(
        *(*EC2, "create-network-acl-entry", "--network-acl-id", acl.acl_id, "--egress", "--rule-number", "1"),
        *("--protocol", "6", "--port-range", "From=1,To=65535", "--cidr-block", "0.0.0.0/0", "--rule-action", "deny"),
    )
    fix = checked_in_run(evidence, finding, target, Fix(summary="Do this.", commands=(SHOW, closes)))
    assert fix.commands == (SHOW,)
    assert "is not suggested: it would close 443 on 10.0." in fix.summary


def test_a_configuration_that_is_too_old_checks_nothing() -> None:
    assert [one.checked for one in judged("facts-file-of-last-week", "VPC005", SHOW, OPENS).commands] == [None, False]


def test_private_dns_that_leads_to_what_shuts_this_host_out_is_not_suggested() -> None:
    """At present, the host's calls take the public path. With private DNS, they would go to an endpoint that blocks
    them.
    """
    evidence, finding, target = reported("private-dns-switched-off", "VPC002")
    assert [one.checked for one in finding.fix.commands] == [None] * len(finding.fix.commands)
    configuration = evidence.configuration
    shut = tuple(replace(group, rules=()) for group in configuration.groups or ())
    evidence = Evidence(measurement_of("private-dns-switched-off"))
    evidence.__dict__["configuration"] = replace(configuration, groups=shut)
    fix = checked_in_run(evidence, finding, target, finding.fix)
    assert not any(command.changes for command in fix.commands)
    assert "aws ec2 modify-vpc-endpoint is not suggested: programs then connect to 443 on 10.0." in fix.summary
    assert ", and no rule of sg-" in fix.summary


# --- Every scenario --------------------------------------------------------------------------------------------------


def of_configuration(report: Report) -> Iterator[Finding]:
    return (finding for finding in report.findings if CODES[finding.code].layer is Layer.CONFIGURATION)


def checked_commands(finding: Finding) -> list[Command]:
    return [one for one in finding.fix.commands if one.checked]


_EXPECTS_A_CAUSE: Final = re.compile(r'^findings = \[[^\]]*"VPC', re.MULTILINE)
WITH_CAUSES: Final = [name for name in scenarios.names() if _EXPECTS_A_CAUSE.search(scenarios.text(name))]


def _with_fixes(evidence: Evidence, report: Report) -> KnownVpc:
    """The VPC of a scenario, after everything that the report's checked commands change."""
    assert evidence.vpc_id is not None
    assert evidence.imds is not None
    made = KnownVpc(
        vpc_id=evidence.vpc_id,
        region=evidence.imds.region or "",
        configuration=evidence.configuration,
        dropped=frozenset(),
    )
    changes = [
        change
        for finding in of_configuration(report)
        for one in checked_commands(finding)
        for change in changes_of(one) or ()
    ]
    for change in dict.fromkeys(changes):
        made = change.made(made)
    return made


@pytest.mark.parametrize("name", one_in(3, WITH_CAUSES))
def test_the_checked_fixes_of_a_scenario_open_the_path(name: str) -> None:
    """After all checked fixes, the cause in a finding no longer blocks a connect, and a name leads to an endpoint."""
    report, evidence = report_of(name), evidence_of(name)
    for finding in of_configuration(report):
        for one in finding.fix.commands:
            assert (one.checked is None) is not one.changes, "every change of the configuration is checked"
    assert not any("is not suggested" in finding.fix.summary for finding in report.findings), "our own fixes open"
    findings = [finding for finding in of_configuration(report) if checked_commands(finding)]
    if not findings:
        return
    made = _with_fixes(evidence, report)
    predictor = Predictor(made.configuration, vpc_id=made.vpc_id, answers=evidence.local_ports)
    for finding in findings:
        changed = {change.about for one in checked_commands(finding) for change in changes_of(one) or ()}
        about = [target for target in evidence.targets if finding.target in (None, target.id)]
        if changed & {Settable.PRIVATE_DNS, *ATTRIBUTES}:
            names = [
                predicted_name(made, predictor, target.service, counts=True)
                for target in about
                if target.addressing is Addressing.DEFAULT and evidence.endpoints(target, vpc_id=made.vpc_id)
            ]
            assert Answer.PRIVATE in {name.answer for name in names}
            assert all(address_is_open(predictor, evidence, target, made) for target in about[:1] if finding.target)
        elif Listed.GATEWAY_TABLE not in changed:
            stopped = [path for path in report.paths if path.target == finding.target and path.port == 443]
            assert stopped
            for path in stopped:
                own = evidence.own_interface(path.source)
                then = predictor.predict(source=path.source, own=own, address=path.address, port=path.port)
                assert then.outcome is Reachability.OPEN, (finding.id, then)


def address_is_open(predictor: Predictor, evidence: Evidence, target: Target, made: KnownVpc) -> bool:
    name = predicted_name(made, predictor, target.service, counts=True)
    outcomes = set()
    for address in name.addresses:
        source = evidence.source(target, address)
        own = evidence.own_interface(source)
        outcomes.add(predictor.predict(source=source, own=own, address=address, port=443).outcome)
    return outcomes == {Reachability.OPEN}


def test_most_kinds_of_fixes_are_checked_in_some_scenario() -> None:
    """Otherwise, the test of each scenario could pass without checking anything."""
    names = {
        "VPC002": "private-dns-switched-off",
        "VPC003": "dns-hostnames-switched-off",
        "VPC005": "endpoint-group-shut",
        "VPC006": "network-acl-no-return",
        "VPC012": "own-group-lets-nothing-out",
        "VPC018": "route-53-profile-zone-without-the-name",
        "VPC019": "s3-gateway-endpoint-without-route",
    }
    for code, name in names.items():
        assert [finding.code for finding in report_of(name).findings if checked_commands(finding)] == [code], name
    if everything():
        checked = {name for name in WITH_CAUSES if any(map(checked_commands, report_of(name).findings))}
        assert len(checked) > 30


def test_nothing_is_checked_where_no_finding_is_over_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> Fix:
        raise AssertionError("a report without such a finding costs nothing")

    monkeypatch.setattr("agent.judge.checked_in_run.checked_in_run", never)
    assert judge(measurement_of("healthy")) == report_of("healthy")
    with pytest.raises(AssertionError):
        judge(measurement_of("endpoint-group-shut"))


# --- The fixes of a prediction ---------------------------------------------------------------------------------------


def document(of: KnownVpc) -> PredictionDocument:
    asked = Asked(sources=(EVERY_SOURCE,), services={SERVICE: True}, ports=())
    return predicted(Facts(known=of, taken_at=TAKEN_AT, not_read=()), asked)


def changing(fault: PredictedFault) -> list[Command]:
    return [] if fault.fix is None else [one for one in fault.fix.commands if one.changes]


@pytest.mark.parametrize(
    ("of", "code"),
    [
        pytest.param(known(there_rules=[rule("443", "10.9.0.0/16")]), "VPC005", id="the endpoint's group"),
        pytest.param(known(host_rules=[rule("443", "10.9.0.0/16", egress=True)]), "VPC012", id="the host's group"),
        pytest.param(
            known(there_entries=[entry(10, "deny", "10.0.0.0/16"), *open_entries()]), "VPC006", id="the network ACL"
        ),
        pytest.param(
            known(host_entries=[entry(10, "deny", "10.0.0.0/16", "1024-65535"), *open_entries()]),
            "VPC006",
            id="answers that do not come in",
        ),
    ],
)
def test_the_fixes_of_a_prediction_open_what_is_stopped(of: KnownVpc, code: str) -> None:
    of = replace(of, configuration=_with_long_ids(of))
    faults = [fault for fault in document(of).faults if fault.code == code and changing(fault)]
    assert faults
    made = of
    for fault in faults:
        assert [one.checked for one in changing(fault)] == [True] * len(changing(fault))
        for one in changing(fault):
            for change in changes_of(one) or ():
                made = change.made(made)
    left = [fault for fault in document(made).faults if fault.code == code and set(fault.ports) <= set(faults[0].ports)]
    assert left == []


def test_an_entry_behind_the_one_that_denies_is_not_suggested(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suggested entry has a higher number than the entry that denies the packets, so it opens nothing."""

    def too_late(*given: Any) -> Fix | None:
        fix = fix_of_paths(*given)
        assert fix is not None
        return replace(fix, commands=tuple(replace(one, argv=_numbered(one.argv, "9000")) for one in fix.commands))

    of = known(there_entries=[entry(10, "deny", "10.0.0.0/16"), *open_entries()])
    of = replace(of, configuration=_with_long_ids(of))
    assert any(changing(fault) for fault in document(of).faults if fault.code == "VPC006")
    monkeypatch.setattr(prediction, "fix_of_paths", too_late)
    faults = [fault for fault in document(of).faults if fault.code == "VPC006"]
    assert faults
    assert [changing(fault) for fault in faults] == [[]] * len(faults)
    assert all(fault.fix is not None and "is not suggested" in fault.fix.summary for fault in faults)


def _numbered(argv: tuple[str, ...], number: str) -> tuple[str, ...]:
    return tuple(number if before == "--rule-number" else word for before, word in zip(("", *argv), argv, strict=False))


def _with_long_ids(of: KnownVpc) -> Configuration:
    """The configuration with ids in the form that commands accept."""
    configuration = of.configuration
    group = {"sg-there": "sg-0e000001", "sg-host": "sg-0e000002"}
    acls = {acl.acl_id: f"acl-0e00000{number}" for number, acl in enumerate(configuration.acls or ())}
    members: dict[str, Any] = {
        name: tuple(
            replace(one, group_ids=tuple(group.get(one_id, one_id) for one_id in one.group_ids))
            for one in getattr(configuration, name) or ()
        )
        for name in ("endpoints", "endpoint_interfaces", "interfaces")
    }
    groups = (replace(one, group_id=group.get(one.group_id, one.group_id)) for one in configuration.groups or ())
    renamed = (replace(one, acl_id=acls[one.acl_id]) for one in configuration.acls or ())
    return replace(configuration, groups=tuple(groups), acls=tuple(renamed), **members)


def test_private_dns_of_a_prediction_that_opens() -> None:
    """Unlike Backup gateway, AWS Backup has no appliances, so private DNS is suggested for its endpoint."""
    bare = replace(ENDPOINT, private_dns=False, dns_names=(), service_name="com.amazonaws.eu-west-1.backup")
    asked = Asked(sources=(EVERY_SOURCE,), services={"backup": True}, ports=())

    def fix_of(of: KnownVpc) -> Fix:
        found = predicted(Facts(known=of, taken_at=TAKEN_AT, not_read=()), asked)
        (fault,) = [fault for fault in found.faults if fault.code == "VPC002"]
        assert fault.fix is not None
        return fault.fix

    fix = fix_of(known(healthy(host(5), endpoints=(bare,))))
    assert [one.checked for one in fix.commands if one.changes] == [True]
    shut = fix_of(known(healthy(host(5), endpoints=(bare,), there_rules=[rule("22", "10.0.0.0/16")])))
    assert not any(command.changes for command in shut.commands)
    assert (
        "is not suggested: no source reaches the endpoint to which the name would lead: no rule of sg-there"
        in shut.summary
    )
    unread = fix_of(known(healthy(host(5), endpoints=(bare,), groups=None)))
    assert [one.checked for one in unread.commands if one.changes] == [False]


def test_a_route_that_shows_itself_changes_nothing() -> None:
    away = known(host_routes=[route("10.0.0.0/24")])
    for fault in document(away).faults:
        assert all(one.checked is None for one in (fault.fix.commands if fault.fix else ()))
