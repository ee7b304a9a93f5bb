"""Each code has one fix, which is a row of a table. The tests check the rows, and that runs, predictions, audits and
fleets use them.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from agent.catalog.findings import CODES, Layer
from agent.catalog.services import SERVICES
from agent.fixes import by_code
from agent.fixes.by_code import FIXES, OF_RUNS, fix_of
from agent.fixes.commands import show_ids
from agent.fixes.fault import APPLIANCE_GROUP, Brought, Fault, Opening, target_in
from agent.fixes.placeholders import filled
from probes.vpc.model import FIREWALL_RULE_GROUP, HOSTED_ZONE, RESOLVER_RULE, VPC_ENDPOINT
from tests.support.aws_commands import complaint
from tests.support.repository import ROOT

BACKUP: Final = target_in("eu-west-1", "backup", "backup.eu-west-1.amazonaws.com")
GATEWAY: Final = target_in("eu-west-1", "backup-gateway", "backup-gateway.eu-west-1.amazonaws.com")
S3: Final = target_in("eu-west-1", "s3", "s3.eu-west-1.amazonaws.com")
VPCE: Final = "vpce-0a1b2c3d4e5f67890"
SG: Final = "sg-0a1b2c3d4e5f67890"
ACL: Final = "acl-0a1b2c3d4e5f67890"
RTB: Final = "rtb-0a1b2c3d4e5f67890"
RULE: Final = "rslvr-rr-0a1b2c3d4e5f67890"
FRG: Final = "rslvr-frg-0a1b2c3d4e5f67890"
FDL: Final = "rslvr-fdl-0a1b2c3d4e5f67890"
ZONE: Final = "Z0A1B2C3D4E5F6G7H8I9"
PROFILE: Final = "rp-0a1b2c3d4e5f67890"
DHCP: Final = "dopt-0a1b2c3d4e5f67890"


def test_every_code_of_the_configuration_has_a_row() -> None:
    """If a code had no row, a prediction, an audit and a fleet would show its faults without a fix."""
    of_configuration = {code.code for code in CODES.values() if code.layer is Layer.CONFIGURATION}
    assert set(FIXES) | OF_RUNS == of_configuration
    assert not OF_RUNS & set(FIXES)


ROWS: Final[dict[str, list[tuple[Fault, list[str], str]]]] = {
    "VPC001": [
        (Fault(target=BACKUP), ["+create-vpc-endpoint Interface --private-dns-enabled"], "443 from every caller"),
        (Fault(target=GATEWAY), ["+create-vpc-endpoint Interface --no-private-dns-enabled"], "is left off here"),
        (Fault(target=S3, ids=(RTB,)), [f"+create-vpc-endpoint Gateway {RTB}"], "costs nothing"),
        (Fault(target=BACKUP, is_offered=False), [], "No private path to backup"),
        (
            Fault(target=BACKUP, off=("hostnames",)),
            ["+modify-vpc-attribute --enable-dns-hostnames", "+create-vpc-endpoint"],
            "DNS attributes first",
        ),
        (
            Fault(target=BACKUP, elsewhere="vpc-0c1b2c3d"),
            ["a check --endpoint backup=<ENDPOINT_DNS_NAME>", "b+create-vpc-endpoint"],
            "(a) Share the endpoint of vpc-0c1b2c3d",
        ),
    ],
    "VPC002": [
        (
            Fault(target=BACKUP, ids=(VPCE,), off=("support",)),
            [
                " describe-vpc-endpoints",
                "a check --endpoint",
                "b+modify-vpc-attribute --enable-dns-support",
                f"b+modify-vpc-endpoint {VPCE} --private-dns-enabled",
            ],
            "since private DNS is refused without them",
        ),
        (Fault(target=GATEWAY, ids=(VPCE,)), [" describe-vpc-endpoints", " check --endpoint"], "DNS014"),
    ],
    "VPC003": [
        (
            Fault(target=BACKUP, ids=("vpc-0a1b2c3d",)),
            [
                "+modify-vpc-attribute vpc-0a1b2c3d --enable-dns-support",
                "+modify-vpc-attribute --enable-dns-hostnames",
            ],
            "enableDnsSupport and enableDnsHostnames to true",
        ),
        (
            Fault(target=BACKUP, off=("support",), has_endpoint=False),
            ["+modify-vpc-attribute --enable-dns-support"],
            "Set enableDnsSupport to true.",
        ),
    ],
    "VPC004": [
        (
            Fault(target=BACKUP, ids=(VPCE,), states={VPCE: "rejected"}),
            [f" describe-vpc-endpoints {VPCE} LastError"],
            "create it again",
        ),
        (Fault(target=BACKUP, ids=(VPCE,)), [" describe-vpc-endpoints"], "the endpoint's state and its error say"),
    ],
    "VPC005": [
        (
            Fault(target=BACKUP, openings=(Opening(at=SG, peer="10.0.1.10/32", ports=(443, 443), whom="this host"),)),
            [f"+authorize-security-group-ingress {SG} 443 10.0.1.10/32"],
            f"Allow 443 in {SG} from this host.",
        ),
        (
            Fault(target=GATEWAY, ids=(SG,), ports=(1026, 1027)),
            [f"+authorize-security-group-ingress {SG} 1026-1027 <APPLIANCE_SUBNET_CIDR>"],
            "the appliance's subnet",
        ),
        (
            Fault(target=BACKUP),
            ["+authorize-security-group-ingress <ENDPOINT_SECURITY_GROUP_ID> <SUBNET_CIDR_OF_THE_HOSTS>"],
            "the subnets of these hosts",
        ),
    ],
    "VPC006": [
        (
            Fault(
                target=BACKUP,
                openings=(Opening(at=ACL, peer="10.0.1.0/24", ports=(443, 443), egress=True, number=90),),
            ),
            [f"+create-network-acl-entry {ACL} --egress 90 443 10.0.1.0/24"],
            "before the entry that denies",
        ),
        (Fault(target=BACKUP, ids=(ACL,)), [f" describe-network-acls {ACL}"], "for answers on ports 32768"),
        (
            Fault(target=S3, ids=(ACL,)),
            [" describe-prefix-lists", " describe-network-acls"],
            "blocks of its prefix list",
        ),
    ],
    "VPC007": [
        (Fault(target=BACKUP, ids=(RTB,)), [f" describe-route-tables {RTB}"], "host of its subnets"),
        (
            Fault(target=BACKUP, ids=("tgw-rtb-0a1b2c3d4e5f67890",)),
            [" search-transit-gateway-routes tgw-rtb-0a1b2c3d4e5f67890"],
            "VPC that is associated",
        ),
        (
            Fault(target=BACKUP, ids=("tgw-attach-0a1b2c3d4e5f67890",)),
            [" describe-transit-gateway-vpc-attachments"],
            "state, the zones and the options",
        ),
        (Fault(target=BACKUP, ids=(RTB,), is_doubtful=True), [" describe-route-tables"], "goes through"),
    ],
    "VPC008": [
        (
            Fault(target=BACKUP, ids=(VPCE,), actions=("backup:ListBackupJobs",)),
            [f" describe-vpc-endpoints {VPCE} PolicyDocument"],
            "Effect Allow, Action backup:ListBackupJobs",
        ),
        (
            Fault(target=BACKUP, ids=(VPCE,), actions=("backup:X",), statement="statement 2"),
            [" describe-vpc-endpoints"],
            "Edit statement 2",
        ),
    ],
    "VPC009": [
        (
            Fault(target=BACKUP, ids=(VPCE,), subnets=("subnet-0a1b2c3d",), is_offered=True),
            [f"+modify-vpc-endpoint {VPCE} --add-subnet-ids subnet-0a1b2c3d"],
            "a subnet in this zone.",
        ),
        (Fault(target=BACKUP), [" describe-vpc-endpoint-services"], "if the service is offered there"),
        (Fault(target=BACKUP, is_offered=False, subnets=("subnet-0a1b2c3d",)), [], "no endpoint can have"),
    ],
    "VPC010": [
        (
            Fault(target=BACKUP, ids=(ZONE,)),
            [" query backup", f" list-resource-record-sets {ZONE}", " describe-vpc-endpoints"],
            "an alias to the endpoint",
        ),
        (Fault(target=BACKUP, has_endpoint=False), [" query", " describe-vpc-endpoints"], "which this VPC needs first"),
    ],
    "VPC011": [
        (
            Fault(target=BACKUP, ids=(DHCP,), servers=("10.0.9.53",)),
            [
                f" describe-dhcp-options {DHCP}",
                "a list-resolver-endpoints INBOUND",
                "b+create-dhcp-options AmazonProvidedDNS",
                "b+associate-dhcp-options <NEW_DHCP_OPTIONS_ID>",
            ],
            "Make 10.0.9.53 forward",
        ),
    ],
    "VPC012": [
        (
            Fault(target=BACKUP, ids=(SG,)),
            [f"+authorize-security-group-egress {SG} 443 <ENDPOINT_SECURITY_GROUP_ID>"],
            "every host with the group",
        ),
        (
            Fault(target=S3, ids=(SG, "pl-6da54004")),
            [f"+authorize-security-group-egress {SG} PrefixListIds=[{{PrefixListId=pl-6da54004}}]"],
            "out to the endpoint",
        ),
        (
            Fault(
                target=GATEWAY,
                openings=(Opening(at=APPLIANCE_GROUP, peer="10.0.1.17/32", ports=(1026, 1026), egress=True),),
            ),
            [f"+authorize-security-group-egress {APPLIANCE_GROUP} 1026 10.0.1.17/32"],
            "the gateway appliance's own group",
        ),
    ],
    "VPC015": [
        (
            Fault(target=BACKUP, ids=(RULE,), servers=("10.0.9.53",)),
            [f" get-resolver-rule {RULE}", "+create-resolver-rule SYSTEM", "+associate-resolver-rule"],
            "Or fix the servers (10.0.9.53).",
        ),
        (Fault(target=BACKUP, ids=(RULE,), is_exact=True), [" get-resolver-rule"], "Have the owner of the rule"),
    ],
    "VPC016": [
        (
            Fault(target=BACKUP, ids=(ZONE,)),
            [f" list-resource-record-sets {ZONE}", " describe-vpc-endpoints"],
            "turn on private DNS of the endpoint, which is more specific",
        ),
        (
            Fault(target=BACKUP, ids=(ZONE,), is_exact=True),
            [" list-resource-record-sets", " describe-vpc-endpoints"],
            "private DNS for it is refused",
        ),
    ],
    "VPC017": [
        (
            Fault(target=BACKUP, ids=(FRG, FDL)),
            [f" list-firewall-rules {FRG}", f" list-firewall-domains {FDL}"],
            "an ALLOW rule for a list that contains it",
        ),
    ],
    "VPC018": [
        (
            Fault(target=BACKUP, ids=(PROFILE,)),
            [f" get-profile {PROFILE}", " list-profile-resource-associations"],
            "See whose the Route 53 Profile is",
        ),
        (
            Fault(target=BACKUP, ids=(PROFILE, RULE), brought=Brought.RULE),
            [" get-profile", " list-profile-resource", "+create-resolver-rule", "+associate-resolver-rule"],
            "comes before a rule of the Profile",
        ),
        (
            Fault(target=BACKUP, ids=(PROFILE, ZONE), brought=Brought.ZONE, own_endpoint=VPCE),
            [" get-profile", " list-profile-resource", f"+modify-vpc-endpoint {VPCE} --private-dns-enabled"],
            "the wider zone.",
        ),
        (
            Fault(target=BACKUP, ids=(PROFILE, FRG, FDL), brought=Brought.FIREWALL),
            [" get-profile", " list-profile-resource", f" list-firewall-rules {FRG}", f" list-firewall-domains {FDL}"],
            "In a group that the Profile brings",
        ),
        (
            Fault(target=BACKUP, ids=(PROFILE, VPCE), brought=Brought.ENDPOINT),
            [" get-profile", " list-profile-resource"],
            "make the path to that endpoint work",
        ),
    ],
    "VPC019": [
        (
            Fault(target=S3, ids=(RTB, VPCE)),
            [f"+modify-vpc-endpoint {VPCE} --add-route-table-ids {RTB}"],
            "Open connections to s3 break at that moment.",
        ),
        (
            Fault(target=S3, ids=(VPCE,), actions=("s3:GetObject",)),
            [f" describe-vpc-endpoints {VPCE} PolicyDocument"],
            "Action s3:GetObject",
        ),
    ],
    "VPC020": [(Fault(target=BACKUP, ids=(SG,)), [f" describe-security-groups {SG}"], "then remove this group")],
    "VPC021": [
        (Fault(target=BACKUP, ids=(VPCE,)), [f" describe-vpc-endpoints {VPCE} PolicyDocument"], "aws:PrincipalOrgID")
    ],
    "VPC022": [(Fault(target=BACKUP, ids=(VPCE,)), [f" describe-vpc-endpoints {VPCE} PrivateDnsEnabled"], "delete it")],
}
"""For each code: the facts of a fault, the commands of its fix, and words of its summary. A command is written as the
letter of its alternative, a plus if it changes something, and some of its words in order.
"""


def of_rows() -> Iterator[tuple[str, Fault, list[str], str]]:
    for code, cases in ROWS.items():
        for fault, commands, words in cases:
            yield code, fault, commands, words


def test_every_row_is_in_the_table() -> None:
    assert list(ROWS) == list(FIXES)


def _parts(expected: str) -> tuple[str, list[str]]:
    """The first characters of an expected command (its letter and plus), and its words."""
    match = re.fullmatch(r"([ab]?[+ ])(.*)", expected)
    assert match is not None
    return match[1], match[2].split()


@pytest.mark.parametrize(("code", "fault", "commands", "words"), list(of_rows()))
def test_a_row_says_and_does_what_its_code_is_for(code: str, fault: Fault, commands: list[str], words: str) -> None:
    fix = fix_of(code, fault)
    assert words in fix.summary
    assert len(fix.commands) == len(commands), fix.commands
    for command, expected in zip(fix.commands, commands, strict=True):
        mark, in_order = _parts(expected)
        assert command.changes is ("+" in mark)
        assert command.alternative == (mark.strip("+ ") or None)
        line = " ".join(command.argv)
        for word in in_order:
            assert word in line, (word, line)
            line = line[line.index(word) :]


@pytest.mark.parametrize(("code", "fault", "commands", "words"), list(of_rows()))
def test_the_sdk_would_take_the_commands_of_a_row(code: str, fault: Fault, commands: list[str], words: str) -> None:
    del commands, words
    fix = fix_of(code, fault)
    for command in fix.commands:
        if command.argv[0] == "aws":
            assert complaint(command.argv) is None
    assert filled(fix, {}).commands == fix.commands, "no word of it is one that a value may not be"


@pytest.mark.parametrize("code", FIXES)
@pytest.mark.parametrize("service", [name for name, service in SERVICES.items() if service.ports])
def test_a_row_needs_to_know_nothing_but_the_service(code: str, service: str) -> None:
    fix = fix_of(code, Fault(target=target_in("eu-west-1", service)))
    assert fix.summary
    assert [complaint(one.argv) for one in fix.commands if one.argv[0] == "aws"] == [None] * sum(
        one.argv[0] == "aws" for one in fix.commands
    )


@pytest.mark.parametrize("code", FIXES)
def test_nothing_is_changed_where_that_may_not_be(code: str) -> None:
    fault = replace(ROWS[code][0][0], why_not="only 1 host has this fault")
    fix = fix_of(code, fault)
    assert not any(command.changes for command in fix.commands)
    if any(command.changes for command in fix_of(code, ROWS[code][0][0]).commands):
        assert fix.summary == "Look before anything is changed: only 1 host has this fault."
        assert fix.commands


STATES: Final = {
    "pending": "look again in some minutes",
    "pendingacceptance": "until the service's owner accepts it",
    "rejected": "has rejected the endpoint: create it again",
    "failed": "create the endpoint again",
    "expired": "was not accepted in time",
    "deleting": "is being deleted",
    "deleted": "its names are gone",
}


def test_each_state_of_an_endpoint_says_what_to_do() -> None:
    assert set(STATES) == set(by_code._STATES)
    for state, words in STATES.items():
        fix = fix_of("VPC004", Fault(target=BACKUP, ids=(VPCE,), states={VPCE: state}))
        assert words in fix.summary
    both = fix_of("VPC004", Fault(target=BACKUP, ids=(VPCE,), states={VPCE: "failed", "vpce-0c1b2c3d": "expired"}))
    assert STATES["failed"] in both.summary
    assert STATES["expired"] in both.summary


def test_what_a_profile_brings_is_what_the_model_of_the_configuration_names() -> None:
    assert {*Brought} - {Brought.UNKNOWN} == {FIREWALL_RULE_GROUP, HOSTED_ZONE, RESOLVER_RULE, VPC_ENDPOINT}


def test_ids_are_shown_by_their_kind() -> None:
    shown = show_ids("eu-west-1", (SG, "sg-0c1b2c3d", ACL, RTB, VPCE, DHCP, FRG, FDL, RULE, "<NETWORK_ACL_ID>", "x"))
    assert [" ".join(command.argv[1:3] + command.argv[6:]) for command in shown] == [
        f"ec2 describe-security-groups {SG} sg-0c1b2c3d",
        f"ec2 describe-network-acls {ACL} <NETWORK_ACL_ID>",
        f"ec2 describe-route-tables {RTB}",
        f"ec2 describe-vpc-endpoints {VPCE}",
        f"ec2 describe-dhcp-options {DHCP}",
        f"route53resolver list-firewall-rules {FRG}",
        f"route53resolver list-firewall-domains {FDL}",
        f"route53resolver get-resolver-rule {RULE}",
    ]
    assert all(complaint(command.argv) is None for command in shown)


@pytest.mark.parametrize(
    ("placeholder", "words"),
    [
        ("<ENDPOINT_SECURITY_GROUP_ID>", "ec2 describe-security-groups --group-ids"),
        ("<INSTANCE_SECURITY_GROUP_ID>", "ec2 describe-security-groups --group-ids"),
        ("<APPLIANCE_SECURITY_GROUP_ID>", "ec2 describe-security-groups --group-ids"),
        ("<NETWORK_ACL_ID>", "ec2 describe-network-acls --network-acl-ids"),
        ("<ROUTE_TABLE_ID>", "ec2 describe-route-tables --route-table-ids"),
        ("<VPC_ENDPOINT_ID>", "ec2 describe-vpc-endpoints --vpc-endpoint-ids"),
        ("<VPC_ID>", "ec2 describe-vpcs --vpc-ids"),
        ("<DHCP_OPTIONS_ID>", "ec2 describe-dhcp-options --dhcp-options-ids"),
        ("<FIREWALL_RULE_GROUP_ID>", "route53resolver list-firewall-rules --firewall-rule-group-id"),
        ("<FIREWALL_DOMAIN_LIST_ID>", "route53resolver list-firewall-domains --firewall-domain-list-id"),
        ("<RESOLVER_RULE_ID>", "route53resolver get-resolver-rule --resolver-rule-id"),
    ],
)
def test_a_placeholder_is_shown_as_the_ids_for_which_it_stands(placeholder: str, words: str) -> None:
    (shown,) = show_ids("eu-west-1", (placeholder,))
    service, operation, option = words.split()
    assert shown.argv == ("aws", service, operation, "--region", "eu-west-1", option, placeholder)


# --- Each change is written in one place -----------------------------------------------------------------------------


def _texts(place: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(place.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _sources() -> list[Path]:
    return sorted((ROOT / "agent").rglob("*.py"))


def test_no_sentence_of_a_fix_stands_in_a_second_place() -> None:
    own = Path(by_code.__file__)
    sentences = {text.strip() for text in _texts(own) if len(text.split()) >= 8}
    assert sentences
    for place in _sources():
        if place != own:
            assert not sentences.intersection(text.strip() for text in _texts(place)), place


def test_no_change_is_written_in_a_second_place() -> None:
    """Each operation that changes the configuration of AWS occurs only in `agent.fixes.changes`."""
    own = ROOT / "agent" / "fixes" / "changes.py"
    operations = {
        text
        for text in _texts(own)
        if text.startswith(("authorize-", "create-", "modify-", "associate-")) and " " not in text
    }
    assert {"create-vpc-endpoint", "modify-vpc-endpoint", "create-network-acl-entry"} <= operations
    for place in _sources():
        if place != own:
            assert not operations.intersection(_texts(place)), place


def test_rules_have_no_fixes_of_their_own() -> None:
    """No rule about the configuration makes a fix, except the rules about a run's own predictions and reads."""
    for place in sorted((ROOT / "agent" / "judge" / "rules" / "vpc").glob("*.py")):
        calls = [node for node in ast.walk(ast.parse(place.read_text("utf-8"))) if isinstance(node, ast.Call)]
        made = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Fix"]
        assert bool(made) is (place.stem in ("prediction", "reads")), place
