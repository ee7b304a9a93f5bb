"""VPC rules about details: endpoint policies, zones, what could not be read, and where two accounts differ."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any, Final

import pytest

from agent.catalog.findings import Severity
from agent.judge.diagnose import diagnose
from agent.judge.rules import api as api_rules
from agent.judge.rules.registry import RULES
from agent.judge.rules.rule import RuleFinding
from agent.report.model import NO_REGION, NO_VPC, Command, Finding
from agent.settings import Calls, Expect
from probes.model import Addressing, Observation, Ok, Target
from probes.vpc.model import (
    DNS_FIREWALL,
    ENDPOINT_INTERFACES,
    ENDPOINTS,
    INTERFACES,
    NETWORK_ACLS,
    PRIVATE_ZONES,
    PROFILES,
    READS,
    RESOLVER_RULES,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    SUBNETS,
    VPC_DNS,
    DnsFirewallFacts,
    EndpointsFacts,
    FirewallRule,
    InterfacesFacts,
    PrivateZone,
    PrivateZonesFacts,
    ResolverRule,
    ResolverRulesFacts,
    Route,
    RouteTablesFacts,
    SecurityGroup,
    SecurityGroupsFacts,
    SubnetsFacts,
    VpcDnsFacts,
    VpcEndpoint,
)
from tests.support.aws_commands import complaint
from tests.support.build import (
    BACKUP,
    CORPORATE,
    GATEWAY,
    NOW,
    PRIVATE,
    PUBLIC,
    RESOLVER,
    VPC_RESOLVER,
    Observations,
    answer,
    climbed,
    context,
    evidence,
    findings_of,
    healthy,
    here,
    host,
    http,
    imds,
    lookup,
    optional,
    proxy,
    replaced,
    rule_of,
    run,
    sdk,
    target,
    tcp,
)
from tests.support.calls import api, called, credentials
from tests.support.configured import (
    ANOTHER_VPC_ID,
    ENDPOINT_GROUP_ID,
    ENDPOINT_ID,
    ENDPOINT_SUBNET_IDS,
    OWN_SUBNET_ID,
    configured,
    endpoint,
    endpoint_interfaces,
    endpoints_facts,
    main_table,
    offered,
    read,
    subnets,
)

A, B = PRIVATE
WHO = "User: arn:aws:sts::111122223333:assumed-role/BackupAgent/i-0a1b2c3d is not authorized to perform"


def rule_findings(
    code: str, observations: Iterable[Observation[Any]], *targets: Target, **how: Any
) -> list[RuleFinding]:
    """What the rule alone says."""
    of = run(ec2_reads=True, **how)
    return findings_of(rule_of(RULES, code), evidence(observations, targets=targets or (BACKUP,), of=of))


def judged(observations: Iterable[Observation[Any]], *targets: Target, **how: Any) -> dict[str, Finding]:
    """The findings of all rules, by their ids."""
    seen = evidence(observations, targets=targets or (BACKUP,), of=run(ec2_reads=True, **how))
    return {finding.id: finding for finding in diagnose(seen, RULES).findings}


def lines(commands: Iterable[Command]) -> list[str]:
    return [" ".join(command.argv) for command in commands]


def with_endpoints(*endpoints: VpcEndpoint) -> Observation[Any]:
    return read(ENDPOINTS, endpoints_facts(*endpoints))


# --- VPC008 endpoint-policy-would-deny -------------------------------------------------------------------------------


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(**changed: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", **changed}


def denied(text: str, *, of: str = "backup") -> Observations:
    """A run whose signed calls all met this text."""
    target = GATEWAY if of == "backup-gateway" else BACKUP
    observations = called(target)
    return replaced(observations, *(api(address, of=of, failed="access-denied", text=text) for address in PRIVATE))


SILENT_TEXT = f"{WHO}: backup:ListBackupVaults because no VPC endpoint policy allows the backup:ListBackupVaults action"
DENY_TEXT = f"{WHO}: backup:ListBackupVaults with an explicit deny in a VPC endpoint policy"
THROUGH_TEXT = f"{DENY_TEXT} transitively through a service control policy"


def under(document: str | None, *, service: str = "backup") -> Observations:
    return configured(with_endpoints(endpoint(service=service, policy=document)))


def test_vpc008_names_endpoint_statement_and_why() -> None:
    document = policy(allow(Sid="Others", Action=["backup:StartBackupJob"]))
    (one,) = rule_findings("VPC008", [*denied(SILENT_TEXT), *under(document)])
    assert one.detail == (
        f"AWS denies backup:ListBackupVaults at {A} and {B}. EC2 says of the policy of {ENDPOINT_ID}: no statement "
        "allows backup:ListBackupVaults; the nearest is Others, but its Action, backup:StartBackupJob, does not cover "
        "it."
    )
    assert one.evidence == (
        *(f"api/backup/{address}/443" for address in PRIVATE),
        "ec2/endpoints",
        "ec2/endpoint-interfaces",
    )
    assert f"Add to the policy of {ENDPOINT_ID} a statement with Effect Allow" in one.fix.summary
    assert lines(one.fix.commands) == [
        f"aws ec2 describe-vpc-endpoints --region eu-west-1 --vpc-endpoint-ids {ENDPOINT_ID} --query "
        "VpcEndpoints[].PolicyDocument --output text"
    ]
    assert complaint(one.fix.commands[0].argv) is None


def test_vpc008_is_the_cause_of_the_denial() -> None:
    document = policy(allow(Action="backup:StartBackupJob"))
    findings = judged([*denied(SILENT_TEXT), *under(document)])
    assert findings["IAM001@backup"].explained_by == "VPC008@backup"
    document = policy(allow(), {**allow(Sid="NoLists", Action="backup:List*"), "Effect": "Deny"})
    findings = judged([*denied(DENY_TEXT), *under(document)])
    assert findings["IAM002@backup"].explained_by == "VPC008@backup"
    assert "NoLists denies backup:ListBackupVaults" in findings["VPC008@backup"].detail
    assert "Edit NoLists in the policy of" in findings["VPC008@backup"].fix.summary


GATEWAY_TEXT = (
    f"{WHO}: backup-gateway:ListGateways because no VPC endpoint policy allows the backup-gateway:ListGateways action"
)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        pytest.param(
            policy({**allow(Principal={"AWS": "444455556666"}), "Effect": "Deny"}),
            "the policy denies everybody: its only statements are Deny",
            id="a Deny alone",
        ),
        pytest.param(
            policy(allow(Resource="arn:aws:backup:eu-west-1:111122223333:backup-vault:One")),
            "its Resource does not cover what backup:ListBackupVaults acts on",
            id="one vault",
        ),
        pytest.param(
            policy(allow(Principal={"AWS": "444455556666"})),
            "its Principal does not name this caller",
            id="another account",
        ),
        pytest.param(
            policy(allow(Condition={"StringEquals": {"aws:SourceVpce": "vpce-0fffffff"}})),
            "its Condition, StringEquals aws:SourceVpce, does not hold",
            id="another endpoint",
        ),
        pytest.param(
            policy(allow(Condition={"StringEquals": {"aws:SourceVpc": "vpc-0fffffff"}})),
            "its Condition, StringEquals aws:SourceVpc, does not hold",
            id="another VPC",
        ),
        pytest.param(
            policy(allow(Condition={"IpAddress": {"aws:VpcSourceIp": "10.0.9.0/24"}})),
            "its Condition, IpAddress aws:VpcSourceIp, does not hold",
            id="another source",
        ),
        pytest.param(
            policy(allow(Condition={"StringEquals": {"aws:PrincipalAccount": "444455556666"}})),
            "its Condition, StringEquals aws:PrincipalAccount, does not hold",
            id="another account in a condition",
        ),
    ],
)
def test_vpc008_for_an_implicit_denial(document: str, words: str) -> None:
    (one,) = rule_findings("VPC008", [*denied(SILENT_TEXT), *under(document)])
    assert words in one.detail


def test_vpc008_a_policy_for_backup_on_the_endpoint_of_the_gateway() -> None:
    observations = [
        *denied(GATEWAY_TEXT, of="backup-gateway"),
        *under(policy(allow(Action="backup:*")), service="backup-gateway"),
    ]
    (one,) = rule_findings("VPC008", observations, GATEWAY)
    assert "its Action, backup:*, does not cover it; backup: actions are another service's" in one.detail


NONE_FITS = policy(allow(Action="backup:StartBackupJob"))


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*called(), *under(NONE_FITS)], id="the call is answered"),
        pytest.param([*denied(SILENT_TEXT), *under(policy(allow()))], id="the document allows"),
        pytest.param([*denied(SILENT_TEXT), *under(None)], id="no document was given"),
        pytest.param([*denied(SILENT_TEXT), *under("{")], id="it cannot be read"),
        pytest.param(
            [*denied(SILENT_TEXT), *under(policy(allow(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})))],
            id="it is not known",
        ),
        pytest.param([*denied(DENY_TEXT), *under(NONE_FITS)], id="an explicit deny, and the document has none"),
        pytest.param(
            [*denied(SILENT_TEXT), *under(policy(allow(), {**allow(), "Effect": "Deny"}))],
            id="an implicit denial, and the document denies",
        ),
        pytest.param(
            [*denied(THROUGH_TEXT), *under(policy(allow(), {**allow(), "Effect": "Deny"}))],
            id="by way of the organisation",
        ),
        pytest.param(
            [*denied(f"{WHO}: backup:ListBackupVaults because no identity-based policy allows it"), *under(NONE_FITS)],
            id="another kind of policy",
        ),
        pytest.param(
            [
                *denied(SILENT_TEXT),
                *configured(read(ENDPOINT_INTERFACES, failed="timeout"), with_endpoints(endpoint(policy=NONE_FITS))),
            ],
            id="whose address it is was not read",
        ),
        pytest.param(
            [
                *denied(SILENT_TEXT),
                *configured(with_endpoints(endpoint(policy=NONE_FITS, interface_ids=("eni-0fffffff",)))),
            ],
            id="the address is another endpoint's",
        ),
    ],
)
def test_vpc008_stays_silent(observations: Observations) -> None:
    assert rule_findings("VPC008", observations) == []


# --- VPC009 zone-not-covered -----------------------------------------------------------------------------------------

ELSEWHERE = read(
    SUBNETS,
    SubnetsFacts(
        subnets=tuple(
            replace(subnet, availability_zone_id="euw1-az3") if subnet.subnet_id == ENDPOINT_SUBNET_IDS[0] else subnet
            for subnet in subnets()
        )
    ),
)
"""The endpoint's subnets are in the zones 2 and 3, this host in zone 1."""


def test_vpc009_names_the_zones() -> None:
    observations = [*healthy(), *configured(ELSEWHERE)]
    (one,) = rule_findings("VPC009", observations)
    assert one.detail == (
        f"EC2 says: {ENDPOINT_ID} has interfaces in euw1-az2 and euw1-az3, and none in euw1-az1, where this instance "
        "is. Each call crosses zones, and depends on theirs."
    )
    assert lines(one.fix.commands) == [
        "aws ec2 describe-vpc-endpoint-services --region eu-west-1 --service-names com.amazonaws.eu-west-1.backup "
        "--query ServiceDetails[].AvailabilityZones",
        f"aws ec2 modify-vpc-endpoint --region eu-west-1 --vpc-endpoint-id {ENDPOINT_ID} --add-subnet-ids <SUBNET_ID>",
    ]
    assert all(complaint(command.argv) is None for command in one.fix.commands)
    finding = judged(observations)["VPC009@backup"]
    assert finding.severity is Severity.INFO
    assert finding.fix.commands[1].argv[-1] == OWN_SUBNET_ID


def test_vpc009_gives_no_subnet_where_the_service_is_not_offered() -> None:
    (one,) = rule_findings("VPC009", [*healthy(), *configured(ELSEWHERE, offered("eu-west-1b", "eu-west-1c"))])
    assert one.detail.endswith(" AWS does not offer the service in this instance's zone.")
    assert one.fix.summary.startswith("Nothing to fix: no endpoint can have an interface in this zone.")
    assert one.fix.commands == ()


def test_vpc009_looks_up_no_zones_that_were_read() -> None:
    (one,) = rule_findings("VPC009", [*healthy(), *configured(ELSEWHERE, offered("eu-west-1a", "eu-west-1b"))])
    assert "AWS does not offer" not in one.detail
    assert [command.argv[2] for command in one.fix.commands] == ["modify-vpc-endpoint"]


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*healthy(), *configured()], id="one of its zones is this instance's"),
        pytest.param(
            [*healthy(), *configured(read(SUBNETS, SubnetsFacts(subnets=subnets()[:1])))], id="zones are not known"
        ),
        pytest.param(
            [
                *healthy(),
                *configured(
                    ELSEWHERE, read(ENDPOINT_INTERFACES, InterfacesFacts(interfaces=endpoint_interfaces()[1:]))
                ),
            ],
            id="one of its interfaces was not read",
        ),
        pytest.param(
            [*here("backup", PUBLIC), *climbed(PUBLIC), *configured(ELSEWHERE)], id="this host does not use it"
        ),
        pytest.param([*healthy(), imds(failed="timeout"), *configured(ELSEWHERE)], id="the own zone is not known"),
    ],
)
def test_vpc009_stays_silent(observations: Observations) -> None:
    assert rule_findings("VPC009", observations) == []


def test_vpc009_gives_no_subnet_to_an_endpoint_of_another_vpc() -> None:
    central = ("10.40.1.17", "10.40.2.17")
    far = tuple(
        replace(interface, vpc_id=ANOTHER_VPC_ID, addresses=(ip_address(address),))
        for interface, address in zip(endpoint_interfaces(), central, strict=True)
    )
    reads = configured(
        ELSEWHERE,
        with_endpoints(endpoint(vpc_id=ANOTHER_VPC_ID)),
        read(ENDPOINT_INTERFACES, InterfacesFacts(interfaces=far)),
    )
    (one,) = rule_findings("VPC009", [*here("backup", *central), *climbed(*central), *reads])
    assert [command.argv[2] for command in one.fix.commands] == ["describe-vpc-endpoint-services"]


# --- VPC013 cannot-inspect -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reads", "ec2_reads", "words"),
    [
        pytest.param(
            configured(),
            True,
            "EC2 lists no endpoint of backup with this id: it is misspelt, or of another service, Region or account.",
            id="no endpoint has the id",
        ),
        pytest.param(
            configured(read(ENDPOINTS, failed="timeout")), True, "the endpoints were not read. EC2", id="EC2 is silent"
        ),
        pytest.param((), False, "the endpoints were not read.", id="EC2 is not read"),
    ],
)
def test_inspect_says_why_an_endpoint_has_no_name(reads: Observations, ec2_reads: bool, words: str) -> None:
    named = target(host="vpce-0b1b2c3d4e5f6789f", addressing=Addressing.VPCE)
    skipped = lookup(of=named.id, skipped="its name is not known")
    seen = evidence([*healthy(), skipped, *reads], targets=[named], of=run(ec2_reads=ec2_reads))
    (one,) = findings_of(rule_of(RULES, "VPC013"), seen)
    assert f"The DNS name of vpce-0b1b2c3d4e5f6789f is known to EC2 alone, and {words}" in one.detail
    assert one.evidence[-1] == skipped.id
    assert one.fix.summary.startswith("Name the endpoint by its DNS name")
    assert ("What was not read" in one.detail) is (ec2_reads and words.startswith("the endpoints"))


def all_reads(**how: Any) -> Observations:
    return [read(name, **how) for name in READS]


def test_vpc013_names_the_permissions_that_are_missing() -> None:
    reads = configured(read(NETWORK_ACLS, failed="not-permitted"), read(ROUTE_TABLES, failed="not-permitted"))
    (one,) = rule_findings("VPC013", [*healthy(), *reads])
    assert one.target is None
    assert one.detail == (
        "Not permitted to read: the route tables and the network ACLs. That takes ec2:DescribeNetworkAcls and "
        "ec2:DescribeRouteTables. What was not read explains nothing here, and is not a fault of the path."
    )
    assert one.evidence == ("ec2/route-tables", "ec2/network-acls")
    assert lines(one.fix.commands) == ["backuplink permissions --region eu-west-1"]


def test_vpc013_an_ec2_that_does_not_answer_is_no_fault_of_the_path() -> None:
    observations = [*healthy(), *all_reads(failed="timeout")]
    (one,) = rule_findings("VPC013", observations)
    assert "EC2 does not answer from here." in one.detail
    assert "Route 53 Resolver does not answer from here." in one.detail
    assert "is not a fault of the path" in one.detail
    assert one.fix.summary == (
        "An interface endpoint com.amazonaws.eu-west-1.ec2 would make EC2 answer here. An interface endpoint "
        "com.amazonaws.route53 with private DNS, whose service Region is us-east-1, would make Route 53 answer here; "
        "or a file of `backuplink facts`, made where Route 53 answers, has the private hosted zones too. EC2 and "
        "Route 53 Resolver can be read elsewhere, with the command below. Give its file to a run here with --ec2-facts."
    )
    assert lines(one.fix.commands) == ["backuplink facts --region eu-west-1 --vpc <VPC_ID> --output <FACTS_FILE>"]
    findings = judged(observations)
    assert list(findings) == ["VPC013"]
    assert findings["VPC013"].severity is Severity.INFO


def test_vpc013_names_the_endpoint_through_which_route_53_answers() -> None:
    (one,) = rule_findings("VPC013", [*healthy(), *configured(read(PRIVATE_ZONES, failed="timeout"))])
    assert one.detail == (
        "Route 53 does not answer from here, so the private hosted zones were not read. It has one endpoint for the "
        "whole partition, which a closed network reaches only through an interface endpoint of its own. What was not "
        "read explains nothing here, and is not a fault of the path."
    )
    assert one.fix.summary == (
        "An interface endpoint com.amazonaws.route53 with private DNS, whose service Region is us-east-1, would make "
        "Route 53 answer here; or a file of `backuplink facts`, made where Route 53 answers, has the private hosted "
        "zones too."
    )
    assert one.fix.commands == ()


def test_vpc013_of_profiles_that_do_not_answer_gives_no_reason_to_take_all_facts_elsewhere() -> None:
    (one,) = rule_findings("VPC013", [*healthy(), *configured(read(PROFILES, failed="timeout"))])
    assert one.detail.startswith("Route 53 Profiles does not answer from here.")
    assert one.fix.summary == (
        "A file of `backuplink facts`, made where Route 53 Profiles answers, has what they bring; whether your Region "
        "has an endpoint service for it, aws ec2 describe-vpc-endpoint-services tells."
    )
    assert one.fix.commands == ()


def test_vpc013_passes_over_what_a_facts_file_holds_for_other_hosts() -> None:
    of_others = read(INTERFACES, failed="timeout")
    assert rule_findings("VPC013", [*healthy(), *configured(), of_others]) == []
    denied = read(SUBNETS, failed="not-permitted")
    with_it, without = (rule_findings("VPC013", [*healthy(), *configured(denied), *more]) for more in ([of_others], []))
    assert with_it == without != []


def test_vpc013_names_no_endpoint_for_route_53_where_none_is_known() -> None:
    silent = configured(read(PRIVATE_ZONES, failed="timeout"))
    (one,) = rule_findings("VPC013", [*healthy(), *silent], region="cn-north-1")
    assert one.fix.summary == (
        "A file of `backuplink facts`, made where Route 53 answers, has the private hosted zones too."
    )


@pytest.mark.parametrize(
    ("read_", "words"),
    [
        pytest.param(read(SUBNETS, failed="throttled"), "AWS asks for fewer calls; not read: the subnets.", id="rate"),
        pytest.param(
            read(SUBNETS, failed="clock-skew"),
            "AWS refuses the time in the signature; not read: the subnets.",
            id="clock",
        ),
        pytest.param(read(SUBNETS, failed="timeout"), "EC2 did not answer for the subnets.", id="one is slow"),
        pytest.param(
            read(SUBNETS, failed="malformed"),
            "EC2 gave nothing to go by (it said malformed); not read: the subnets.",
            id="nonsense",
        ),
        pytest.param(
            read(DNS_FIREWALL, failed="not-permitted"),
            "That takes route53resolver:ListFirewallDomains, route53resolver:ListFirewallRuleGroupAssociations and "
            "route53resolver:ListFirewallRules.",
            id="Resolver's own permissions",
        ),
    ],
)
def test_vpc013_says_why(read_: Observation[Any], words: str) -> None:
    (one,) = rule_findings("VPC013", [*healthy(), *configured(read_)])
    assert words in one.detail


def dropping(reads: Observations, dropped: int, *operations: str) -> Observations:
    """The reads, with rows left out of some."""
    return [
        replace(observation, outcome=Ok(replace(observation.facts, dropped=dropped)))
        if observation.subject.operation in operations and observation.facts is not None
        else observation
        for observation in reads
    ]


def test_vpc013_counts_the_rows_that_were_left_out() -> None:
    (one,) = rule_findings("VPC013", [*healthy(), *dropping(configured(), 2, ENDPOINTS, SUBNETS)])
    assert one.detail.startswith(
        "Left out, for ids of a form that is not known here: 2 of the interface endpoints and 2 of the subnets."
    )
    assert set(one.evidence) == {"ec2/endpoints", "ec2/subnets"}


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        pytest.param(
            "not-permitted", "Not permitted to read any of it. That takes ec2:Describe", id="nothing permitted"
        ),
        pytest.param("throttled", "AWS asks for fewer calls; nothing was read.", id="rate"),
        pytest.param("clock-skew", "AWS refuses the time in the signature; nothing was read.", id="clock"),
    ],
)
def test_vpc013_where_all_fails_alike(failed: str, words: str) -> None:
    (one,) = rule_findings("VPC013", [*healthy(), *all_reads(failed=failed)])
    assert one.detail.startswith(words)
    assert ("Set this host's clock" in one.fix.summary) is (failed == "clock-skew")


def test_vpc013_of_another_networks_file() -> None:
    reason = "it is of vpc-0f1b2c3d, and this host is in vpc-0a1b2c3d"
    skipped = all_reads(skipped=f"the facts file was not used: {reason}")
    (one,) = rule_findings("VPC013", [*healthy(), *skipped], facts_unused=reason)
    assert one.detail.startswith(f"The facts file was not used: {reason}. ")
    assert [command.argv[:2] for command in one.fix.commands] == [("backuplink", "facts")]


def test_vpc013_of_an_old_file_beside_reads_that_were_made() -> None:
    reason = "it was taken 40 days ago"
    (one,) = rule_findings("VPC013", [*healthy(), *configured()], facts_unused=reason)
    assert one.detail.startswith(f"The facts file was not used: {reason}. ")
    assert "Nothing was read" not in one.detail


OUTSIDE: Observations = [host(ec2=False), imds(failed="timeout")]
NO_METADATA: Observations = [host(), imds(failed="timeout")]
SWITCHED_OFF: Observations = [host(), imds(skipped="AWS_EC2_METADATA_DISABLED is set")]
OF_ONE = f"it is of vpc-0f1b2c3d, and {NO_VPC}"


@pytest.mark.parametrize(
    ("observations", "reason", "unused", "fix"),
    [
        pytest.param(NO_METADATA, NO_VPC, None, "Let instance metadata answer", id="in AWS"),
        pytest.param(NO_METADATA, None, OF_ONE, "Let instance metadata answer", id="in AWS, and a file"),
        pytest.param(SWITCHED_OFF, NO_VPC, None, "Unset AWS_EC2_METADATA_DISABLED", id="switched off"),
        pytest.param(SWITCHED_OFF, None, OF_ONE, "Unset AWS_EC2_METADATA_DISABLED", id="switched off, and a file"),
        pytest.param(OUTSIDE, None, OF_ONE, "Run on an instance of the VPC that", id="outside, and a file"),
        pytest.param([host(), imds()], NO_REGION, None, "Name the Region with", id="no Region"),
    ],
)
def test_vpc013_of_a_configuration_that_was_wanted_and_left_alone(
    observations: Observations, reason: str | None, unused: str | None, fix: str
) -> None:
    skipped = all_reads(skipped=reason or f"the facts file was not used: {unused}")
    (one,) = rule_findings("VPC013", [*observations, *skipped], facts_unused=unused)
    assert one.detail.startswith(
        f"Nothing was read: {reason}. " if unused is None else f"The facts file was not used: {unused}. "
    )
    assert one.fix.summary.startswith(fix)
    assert one.fix.commands == ()
    assert set(one.evidence) == {f"ec2/{name}" for name in READS} if unused is None else {"imds"}


def test_vpc013_of_a_file_that_lacks_what_was_not_permitted_where_it_was_made() -> None:
    reads = configured(read(SUBNETS, failed="not-permitted", days_old=0.5), days_old=0.5)
    (one,) = rule_findings("VPC013", [*healthy(), *reads])
    assert one.detail.startswith("When the facts file was made: Not permitted to read: the subnets.")


def test_vpc013_no_credentials_where_no_signed_call_was_wanted() -> None:
    observations = [*healthy(), credentials(failed="no-credentials"), *all_reads(skipped="no credentials")]
    (one,) = rule_findings("VPC013", observations)
    assert one.detail.startswith("No credentials were found to read it with.")
    assert one.evidence == ("credentials",)
    assert rule_findings("VPC013", observations, calls=Calls.EACH) == []


@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(all_reads(failed="deadline"), id="in the middle"),
        pytest.param(all_reads(skipped="not started: the run's deadline of 9 s came"), id="before the first"),
    ],
)
def test_vpc013_says_that_the_time_for_reads_was_over_and_leaves_the_run_s_own_end_to_run001(cut: Observations) -> None:
    (one,) = rule_findings("VPC013", [*healthy(), *cut])
    assert one.detail.startswith("The run's deadline came before all of it was read.")
    assert set(one.evidence) == {observation.id for observation in cut}
    ended = evidence([*healthy(), *cut], of=run(ec2_reads=True, complete=False))
    assert findings_of(rule_of(RULES, "VPC013"), ended) == []


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*healthy(), *configured()], id="all was read"),
        pytest.param(healthy(), id="nothing was to be read"),
        pytest.param([*OUTSIDE, *all_reads(skipped=NO_VPC)], id="outside of AWS"),
        pytest.param([*OUTSIDE, *all_reads(skipped=NO_REGION)], id="outside of AWS, and no Region"),
    ],
)
def test_vpc013_stays_silent(observations: Observations) -> None:
    assert rule_findings("VPC013", observations) == []


def test_vpc013_is_silent_where_the_configuration_was_not_wanted() -> None:
    seen = evidence([*healthy(), *all_reads(failed="timeout")], of=run())
    assert findings_of(rule_of(RULES, "VPC013"), seen) == []


# --- VPC014 prediction-differs ---------------------------------------------------------------------------------------


def test_vpc014_open_by_configuration_and_silent() -> None:
    observations = [*here("backup", A, B), tcp(A, failed="timeout"), tcp(B, failed="timeout"), *configured()]
    (one,) = rule_findings("VPC014", observations)
    assert one.detail == (
        f"443 timed out on {A} and {B}, though EC2 says that every security group, network ACL and route on the way "
        "lets it pass. What is left: a filter on this host that drops TCP alone, a firewall or an inspection device on "
        "the way, or a change since that was read."
    )
    assert lines(one.fix.commands) == [
        "nft list ruleset",
        "backuplink check --region eu-west-1 --service backup",
    ]
    findings = judged(observations)
    assert findings["VPC014@backup"].severity is Severity.WARNING
    assert findings["TCP001@backup"].explained_by is None
    assert findings["VPC014@backup"].explained_by is None


def test_vpc014_refused_where_nothing_should_refuse() -> None:
    (one,) = rule_findings("VPC014", [*here("backup", A), tcp(A, failed="refused", seconds=0.01), *configured()])
    assert one.detail.startswith(f"443 was refused on {A}, though EC2 says")


SHUT = read(
    SECURITY_GROUPS,
    SecurityGroupsFacts(
        groups=(
            SecurityGroup(group_id=ENDPOINT_GROUP_ID, rules=()),
            SecurityGroup(group_id="sg-0a1b2c3d", rules=()),
        )
    ),
)


def test_vpc014_connects_where_the_configuration_blocks() -> None:
    observations = [*healthy(), *configured(SHUT)]
    (one,) = rule_findings("VPC014", observations)
    assert one.severity is Severity.INFO
    assert one.detail.startswith(f"443 connects on {A}, though EC2 says that no rule of sg-0a1b2c3d lets out tcp 443")
    assert one.detail.endswith("Either that has changed since it was read, or the traffic takes another way.")
    findings = judged(observations)
    assert [finding.severity for finding in findings.values()] == [Severity.INFO]
    assert list(findings) == ["VPC014@backup"]


def test_vpc014_of_old_facts_says_how_old() -> None:
    observations = [*here("backup", A), tcp(A, failed="timeout"), *configured(days_old=7)]
    (one,) = rule_findings("VPC014", observations)
    assert "though EC2 said on 2026-02-22 at 12:00 UTC that every security group" in one.detail
    assert lines(one.fix.commands)[0].startswith("backuplink facts ")


THROUGH = read(
    ROUTE_TABLES,
    RouteTablesFacts(tables=(main_table(Route(destination=ip_network("10.0.1.0/24"), target="vpce-0d1b2c3d")),)),
)


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*healthy(), *configured()], id="open, and it connects"),
        pytest.param([*here("backup", A), tcp(A, failed="timeout"), *configured(SHUT)], id="blocked, and it is silent"),
        pytest.param(
            [*here("backup", A), tcp(A, failed="timeout"), *configured(THROUGH)],
            id="an appliance on the way, of which nothing can be told",
        ),
        pytest.param(
            [*here("backup", A), *climbed(A), *configured(THROUGH)], id="an appliance on the way that lets it pass"
        ),
        pytest.param(
            [*here("backup", A), tcp(A, failed="timeout"), *configured(read(SECURITY_GROUPS, failed="timeout"))],
            id="the groups were not read",
        ),
        pytest.param(
            [*here("backup", A), tcp(A, failed="timeout", datagram_error="EPERM"), *configured()],
            id="this host's own filter was seen",
        ),
        pytest.param(
            [*here("backup", A), tcp(A, failed="timeout", neighbour="incomplete"), *configured()],
            id="nobody on the own subnet",
        ),
        pytest.param([*here("backup", A), tcp(A, failed="deadline"), *configured()], id="cut by the deadline"),
        pytest.param([*here("backup", A), tcp(A, failed="timeout")], id="nothing was read"),
    ],
)
def test_vpc014_of_paths_stays_silent(observations: Observations) -> None:
    assert rule_findings("VPC014", observations) == []


PUBLIC_NAME: Observations = [
    *(host(), sdk(), imds(), proxy(), lookup(PUBLIC)),
    *(answer(PUBLIC, by=address) for address in (RESOLVER, VPC_RESOLVER)),
    *climbed(PUBLIC),
]
NO_NAME: Observations = [
    *(host(), sdk(), imds(), proxy(), lookup(failed="nxdomain")),
    *(answer(by=address, failed="nxdomain") for address in (RESOLVER, VPC_RESOLVER)),
]


def test_vpc014_private_dns_that_is_on_and_not_in_effect() -> None:
    observations = [*PUBLIC_NAME, *configured()]
    (one,) = rule_findings("VPC014", observations)
    assert one.detail == (
        f"{RESOLVER} and {VPC_RESOLVER} give {PUBLIC} for backup.eu-west-1.amazonaws.com, though EC2 says that private "
        f"DNS of {ENDPOINT_ID} has the name, that DNS is on in the VPC, and that no Resolver rule, private hosted zone "
        "or DNS Firewall rule is for it. What is left: a change of the last minutes, or one since that was read."
    )
    assert lines(one.fix.commands) == ["backuplink check --region eu-west-1 --service backup"]
    findings = judged(observations)
    assert findings["VPC014@backup"].severity is Severity.WARNING
    assert findings["DNS001@backup"].explained_by is None
    (other,) = rule_findings("VPC014", [*NO_NAME, *configured()])
    assert f"{RESOLVER} and {VPC_RESOLVER} say that backup.eu-west-1.amazonaws.com does not exist" in other.detail


def test_vpc014_is_information_where_this_host_gets_private_addresses_all_the_same() -> None:
    observations = [*healthy(), answer(PUBLIC, by=RESOLVER), answer(PUBLIC, by=VPC_RESOLVER), *configured()]
    (one,) = rule_findings("VPC014", observations)
    assert one.severity is Severity.INFO


def test_vpc014_of_names_is_information_where_the_path_is_as_wanted() -> None:
    own: Observations = [host(), sdk(), imds(), proxy(), lookup(PUBLIC), answer(PUBLIC, by=CORPORATE), *climbed(PUBLIC)]
    observations: Observations = [*own, answer(by=VPC_RESOLVER, failed="nxdomain"), *configured()]
    (public,) = rule_findings("VPC014", observations, expect=Expect.PUBLIC)
    assert public.severity is Severity.INFO
    (private,) = rule_findings("VPC014", observations)
    assert private.severity is None


def zone(name: str, *, of_service: bool = False) -> Observation[Any]:
    private_zone = PrivateZone(zone_id="Z0123", name=name, owner="111122223333", of_service=of_service)
    return read(PRIVATE_ZONES, PrivateZonesFacts(zones=(private_zone,)))


def forwarding(domain: str) -> Observation[Any]:
    rule = ResolverRule(rule_id="rslvr-rr-1", name=None, domain=domain, kind="FORWARD", targets=())
    return read(RESOLVER_RULES, ResolverRulesFacts(rules=(rule,)))


def firewall(*domains: str, unread: bool = False) -> Observation[Any]:
    rule = FirewallRule(
        group_id="rslvr-frg-1",
        domain_list_id="rslvr-fdl-1",
        action="BLOCK",
        block_response="NXDOMAIN",
        override=None,
        priority=(1, 1),
        query_type=None,
        domains=None if unread else domains,
    )
    return read(DNS_FIREWALL, DnsFirewallFacts(rules=(rule,)))


@pytest.mark.parametrize(
    "changed",
    [
        zone("example.com"),
        zone("backup.eu-west-1.amazonaws.com", of_service=True),
        forwarding("example.com"),
        firewall("*.example.com"),
    ],
    ids=["another zone", "AWS's own zone", "a rule for another name", "a firewall for others"],
)
def test_vpc014_of_names_beside_what_is_for_others(changed: Observation[Any]) -> None:
    assert rule_findings("VPC014", [*PUBLIC_NAME, *configured(changed)])


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*PUBLIC_NAME, *configured(with_endpoints(endpoint(private_dns=False)))], id="private DNS is off"),
        pytest.param([*PUBLIC_NAME, *configured(with_endpoints(endpoint(state="pending")))], id="not available yet"),
        pytest.param([*PUBLIC_NAME, *configured(with_endpoints(endpoint(vpc_id=ANOTHER_VPC_ID)))], id="in another VPC"),
        pytest.param(
            [*PUBLIC_NAME, *configured(read(VPC_DNS, VpcDnsFacts(support=True, hostnames=False)))], id="hostnames off"
        ),
        pytest.param([*PUBLIC_NAME, *configured(read(VPC_DNS, failed="timeout"))], id="attributes were not read"),
        pytest.param([*PUBLIC_NAME, *configured(forwarding("amazonaws.com"))], id="a Resolver rule"),
        pytest.param([*PUBLIC_NAME, *configured(zone("eu-west-1.amazonaws.com"))], id="a private hosted zone"),
        pytest.param([*PUBLIC_NAME, *configured(firewall("*.amazonaws.com"))], id="DNS Firewall"),
        pytest.param([*PUBLIC_NAME, *configured(firewall(unread=True))], id="a list of AWS's own"),
        pytest.param([*PUBLIC_NAME, *configured(read(PRIVATE_ZONES, failed="timeout"))], id="zones were not read"),
        pytest.param([*PUBLIC_NAME, *configured(read(RESOLVER_RULES, failed="timeout"))], id="rules were not read"),
        pytest.param([*PUBLIC_NAME, *configured(read(DNS_FIREWALL, failed="timeout"))], id="firewall was not read"),
        pytest.param([*healthy(), *configured()], id="the answer is private"),
        pytest.param([*healthy(), answer(PUBLIC, record="AAAA"), *configured()], id="an AAAA of an IPv4 endpoint"),
    ],
)
def test_vpc014_of_names_stays_silent(observations: Observations) -> None:
    assert rule_findings("VPC014", observations) == []


def test_vpc014_of_names_where_a_public_path_is_wanted() -> None:
    assert rule_findings("VPC014", [*PUBLIC_NAME, *configured()], expect=Expect.PUBLIC) == []


# --- API005 clock-rejected, by EC2 -----------------------------------------------------------------------------------

SKEWED = all_reads(failed="clock-skew")


def clock(observations: Observations, *targets: Target) -> list[RuleFinding]:
    seen = evidence(observations, targets=targets or (BACKUP,), of=run(ec2_reads=True))
    return findings_of(rule_of(api_rules.RULES, "API005"), seen)


def test_api005_by_ec2_where_no_call_to_the_target_was_taken() -> None:
    observations = [*replaced(healthy(), http(A, offset=1200.0), http(B, offset=1200.0)), *SKEWED]
    (one,) = clock(observations)
    assert one.target == "backup"
    assert one.detail == (
        "EC2 refuses to be read, for the time in the signature; the same clock signs the calls to "
        "backup.eu-west-1.amazonaws.com. AWS's clock said 2026-03-01 11:40:00 UTC when this host's said 12:00:00."
    )
    assert one.evidence == tuple(sorted(f"ec2/{name}" for name in READS))
    findings = judged(observations)
    assert findings["API005@backup"].explained_by == "ENV010"
    assert "VPC013" in findings


REQUEST_EXPIRED = all_reads(failed="clock-skew", code="RequestExpired")
"""What EC2 answers for another time, and for a session token that is over."""


@pytest.mark.parametrize("offset", [1200.0, -1200.0])
def test_api005_by_request_expired_where_the_clock_is_off(offset: float) -> None:
    observations = [*replaced(healthy(), http(A, offset=offset), http(B, offset=offset)), *REQUEST_EXPIRED]
    assert [one.code for one in clock(observations)] == ["API005"]
    (one,) = rule_findings("VPC013", observations)
    assert one.detail.startswith("AWS refuses the time in the signature; nothing was read.")


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        pytest.param(0.4, "AWS says that the session token has expired; nothing was read.", id="right"),
        pytest.param(90.0, "AWS says that the session token has expired; nothing was read.", id="off by too little"),
        pytest.param(
            None,
            "AWS says that the session token has expired, or that this host's clock is off; nothing was read.",
            id="not measured",
        ),
    ],
)
def test_request_expired_is_the_token_where_the_clock_is_not_off(offset: float | None, words: str) -> None:
    observations = [*replaced(healthy(), http(A, offset=offset), http(B, offset=offset)), *REQUEST_EXPIRED]
    assert clock(observations) == []
    (one,) = rule_findings("VPC013", observations)
    assert one.detail.startswith(words)
    assert one.fix.summary.startswith("Get new credentials")


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*called(), *SKEWED], id="the call itself was answered"),
        pytest.param([*denied(SILENT_TEXT), *SKEWED], id="a policy denied it: the signature was taken"),
        pytest.param([*healthy(), *all_reads(failed="not-permitted")], id="refused for another reason"),
        pytest.param([*healthy(), *all_reads(failed="clock-skew", days_old=0.5)], id="refused where a file was made"),
    ],
)
def test_api005_by_ec2_stays_silent(observations: Observations) -> None:
    assert clock(observations) == []


def test_api005_by_ec2_is_for_required_targets_alone() -> None:
    assert clock([*healthy(), *SKEWED], optional(BACKUP)) == []
    assert clock([*healthy(), *SKEWED], context(BACKUP)) == []


def test_api005_is_said_once_where_the_call_was_refused_too() -> None:
    observations = replaced(
        called(), *(api(address, failed="clock-skew", server_time=NOW - timedelta(hours=1)) for address in PRIVATE)
    )
    (one,) = clock([*observations, *SKEWED])
    assert "EC2" not in one.detail


def test_vpc013_of_route_53_alone_does_not_ask_for_another_try() -> None:
    (one,) = rule_findings("VPC013", [*healthy(), *configured(read(PRIVATE_ZONES, failed="timeout"))])
    assert one.fix.summary.startswith("An interface endpoint com.amazonaws.route53 with private DNS")
    (busy,) = rule_findings("VPC013", [*healthy(), *configured(read(PRIVATE_ZONES, failed="throttled"))])
    assert "run again later" in busy.fix.summary


AT_BUCKET: Final = target("s3", bucket="backups")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        pytest.param(policy(allow(Resource="arn:aws:s3:::other")), "no statement allows s3:ListBucket", id="another"),
        pytest.param(policy(allow(), {**allow(), "Effect": "Deny"}), "statement 2 denies s3:ListBucket", id="a Deny"),
        pytest.param(policy(allow()), None, id="all is allowed"),
        pytest.param(
            policy(allow(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})), None, id="what is not known"
        ),
    ],
)
def test_vpc008_for_a_bucket_whose_denial_has_no_text(document: str, words: str | None) -> None:
    denials = [api(address, of="s3", failed="access-denied", code="403") for address in PRIVATE]
    observations = [*healthy(AT_BUCKET), *denials]
    observations += configured(
        read(
            ENDPOINTS,
            EndpointsFacts(endpoints=(endpoint(service="s3", policy=document),), asked=("s3",), gateways=None),
        )
    )
    found = {
        one.code: one
        for one in diagnose(
            evidence(observations, targets=[AT_BUCKET], of=run(ec2_reads=True, calls=Calls.EACH))
        ).findings
    }
    if words is None:
        assert set(found) == {"IAM009"}
        return
    assert words in found["VPC008"].detail
    assert (found["VPC008"].severity, found["IAM009"].explained_by) == (Severity.CRITICAL, "VPC008@s3")
