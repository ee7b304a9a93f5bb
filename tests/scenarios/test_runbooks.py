"""The pages that `explain` shows: there is one for each code, all have the same form, and the AWS CLI and backuplink
accept their commands.
"""

import re
import shlex
from ipaddress import IPv4Network
from itertools import pairwise

import click
import pytest
from markdown_it import MarkdownIt

from agent.catalog.findings import CODES, FixForm
from agent.catalog.placeholders import PLACEHOLDER
from agent.cli import main as cli
from tests.support.aws_commands import complaint
from tests.support.repository import ROOT

PAGES = ROOT / "agent" / "runbooks"
HEADINGS = ("What we saw", "What it means", "Likely causes", "Fix", "Confirm", "References")
WIDTH = 80
PLACEHOLDERS = frozenset(
    "REGION DNS_SUFFIX DUAL_STACK_SUFFIX SERVICE SERVICE_NAME STS_SERVICE_NAME SERVICE_KEY HEALTH_SERVICE "
    "ENDPOINT_VARIABLE CLI_SERVICE CLI_OPERATION OPERATION "
    "HOST ADDRESS PORT RESOLVER_ADDRESS VPC_ID VPC_CIDR PEER_VPC_CIDR SUBNET_ID VPC_ENDPOINT_ID OWN_ENDPOINT_ID "
    "INBOUND_RESOLVER_ADDRESS GOOD_RESOLVER_ADDRESS DNS_SERVER_ADDRESS DNS_SERVER_GROUP_ID INBOUND_SUBNET_ID "
    "SECOND_INBOUND_SUBNET_ID NAT_ADDRESS IPV6_ADDRESS_OF_THIS_HOST ACTION_SERVICE_NAME ACTION_ENDPOINT_ID "
    "EC2_SERVICE_NAME RESOURCE_ACCOUNT_ID INSPECTION_CA_ARN JOB_ROLE_ARN NEW_DHCP_OPTIONS_ID NEW_RESOLVER_RULE_ID "
    "ENDPOINT_BLOCK "
    "ENDPOINT_DNS_NAME ENDPOINT_SUBNET_ID ENDPOINT_SECURITY_GROUP_ID ADDRESS_OF_THIS_HOST APPLIANCE_SUBNET_CIDR "
    "APPLIANCE_SUBNET_ID APPLIANCE_SECURITY_GROUP_ID "
    "INSTANCE_ID INSTANCE_SECURITY_GROUP_ID ROLE_NAME ROLE_ARN ACCOUNT_ID PROXY DHCP_OPTIONS_ID NETWORK_ACL_ID "
    "KMS_KEY_ARN ROUTE_TABLE_ID HOSTED_ZONE_ID RESOLVER_RULE_ID FIREWALL_RULE_GROUP_ID FIREWALL_DOMAIN_LIST_ID PROFILE "
    "PROFILE_ID TRANSIT_GATEWAY_ID TRANSIT_GATEWAY_ROUTE_TABLE_ID "
    "INTERFACE CORPORATE_CA_FILE ACTION DENIED_ACTION POLICY_FILE REPORT SINCE".split()
)

IN_WORDS = "DNS004 DNS011 ENV002 ENV003 ENV013 TCP009 IAM002 IAM006 IAM008 VPC009".split()
"""Codes whose fix is one property of a resource that a template defines elsewhere. Their pages name the property, and
need no block of a template.
"""
RESOURCE = re.compile(r"[A-Za-z0-9]+:\n  Type: AWS(::[A-Za-z0-9]+){2}\n  Properties:\n(?:    .*\n)+")

each_code = pytest.mark.parametrize("code", sorted(CODES))


def text_of(code: str) -> str:
    return (PAGES / f"{code}.md").read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[list[str]]:
    """The commands in the sh blocks of a page. Continuation lines are joined."""
    lines = [line for block in blocks(text, "sh") for line in block.replace("\\\n", " ").splitlines()]
    return [shlex.split(line.replace("<", "\\<").replace(">", "\\>")) for line in lines if line.strip()]


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} == set(CODES)


@each_code
def test_a_page_opens_with_its_code_and_has_the_headings_in_order(code: str) -> None:
    lines = text_of(code).splitlines()
    assert lines[0] == f"# {code} {CODES[code].name}"
    assert lines[2] == CODES[code].title
    assert tuple(line.removeprefix("## ") for line in lines if line.startswith("## ")) == HEADINGS
    assert all(line.startswith(("## ", "# ")) for line in lines if line.startswith("#"))


@each_code
def test_a_page_is_read_on_eighty_columns_in_plain_characters(code: str) -> None:
    text = text_of(code)
    assert text.isascii()
    assert text.endswith("\n")
    prose = text[: text.index("## References")]
    assert [line for line in prose.splitlines() if len(line) > WIDTH] == []
    assert text.count("```") % 2 == 0
    assert set(re.findall(r"^```(\w+)$", text, re.MULTILINE)) <= {"sh", "yaml", "json", "ini"}


@each_code
def test_a_page_quotes_nobody(code: str) -> None:
    """In Markdown, a line of prose that begins with `>` is a quotation. `>` is also the separator in paths through the
    console.
    """
    assert [token.map for token in MarkdownIt().parse(text_of(code)) if token.type == "blockquote_open"] == []


@each_code
def test_what_is_to_be_filled_in_has_a_known_name(code: str) -> None:
    assert {name.strip("<>") for name in PLACEHOLDER.findall(text_of(code))} <= PLACEHOLDERS


@each_code
def test_the_aws_cli_would_take_the_commands(code: str) -> None:
    asked = [words for words in commands(text_of(code)) if words[0] == "aws"]
    assert [why for words in asked if (why := complaint(words)) is not None] == []


@each_code
def test_backuplink_would_take_the_commands_and_one_confirms_the_fix(code: str) -> None:
    text = text_of(code)
    confirm = text[text.index("## Confirm") : text.index("## References")]
    assert any(words[0] == "backuplink" for words in commands(confirm))
    for words in commands(text):
        if words[0] != "backuplink":
            continue
        filled = [PLACEHOLDER.sub("value", word) for word in words[1:]]
        command = cli.main.commands[filled[0]]
        options = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
        assert {word.split("=")[0] for word in filled[1:] if word.startswith("--")} <= options, words


@each_code
def test_the_fix_is_given_in_every_form_in_which_it_can_be_made(code: str) -> None:
    text = text_of(code)
    fix = text[text.index("## Fix") : text.index("## Confirm")]
    forms = {
        FixForm.CONSOLE: re.search(r"\bConsole: [\w ]+ > \w", " ".join(fix.split())) is not None,
        FixForm.CLI: any(words[0] == "aws" for words in commands(fix)),
        FixForm.TEMPLATE: bool(blocks(fix, "yaml")),
    }
    assert {form for form, there in forms.items() if there} == CODES[code].fix_forms


@pytest.mark.parametrize("code", IN_WORDS)
def test_a_page_without_a_block_can_say_in_words_where_a_template_holds_the_setting(code: str) -> None:
    assert not blocks(text_of(code), "yaml")
    assert "CloudFormation" in text_of(code)


@each_code
def test_the_cloudformation_blocks_are_resources_of_a_template(code: str) -> None:
    assert [why for block in blocks(text_of(code), "yaml") if (why := fault_of(block)) is not None] == []


def fault_of(block: str) -> str | None:
    """Why a text cannot be the resources of a template, or None if no fault is visible without a YAML parser."""
    if re.fullmatch(f"(?:{RESOURCE.pattern})+", block) is None:
        return "not a row of names, each with a type and properties"
    if "\t" in block:
        return "a tab"
    if any(block.count(opening) != block.count(closing) for opening, closing in ("[]", "{}", "()")):
        return "a bracket that is left open"
    names = re.findall(r"^(\w+):$", block, re.MULTILINE)
    if len(names) != len(set(names)):
        return "a name that is there twice"
    # A line may be indented more than the previous line only if the previous line opens a block, with a colon, a dash
    # or both.
    lines = block.splitlines()
    for above, below in pairwise(lines):
        deeper = depth(below) - depth(above)
        if deeper % 2 or deeper > (4 if above.lstrip().startswith("- ") else 2):
            return f"indented by an odd step: {below}"
        if deeper > 0 and not above.endswith((":", "!Select")) and not above.lstrip().startswith("- "):
            return f"indented under a value: {below}"
    return None


def depth(line: str) -> int:
    return len(line) - len(line.lstrip())


@pytest.mark.parametrize(
    "block",
    [
        pytest.param("PolicyDocument:\n  Version: x\n", id="no resource"),
        pytest.param("A:\n  Type: AWS::EC2::Route\n", id="no properties"),
        pytest.param("A:\n  Type: EC2::Route\n  Properties:\n    B: c\n", id="no type of AWS"),
        pytest.param("A:\n  Type: AWS::EC2::Route\n  Properties:\n    B: [c\n", id="open bracket"),
        pytest.param("A:\n  Type: AWS::EC2::Route\n  Properties:\n    B:\n    \tC: d\n", id="tab"),
        pytest.param("A:\n  Type: AWS::EC2::Route\n  Properties:\n    B:\n       C: d\n", id="odd indent"),
        pytest.param("A:\n  Type: AWS::EC2::Route\n  Properties:\n    B: c\n      D: e\n", id="under a value"),
        pytest.param("A:\n  Type: AWS::EC2::Route\n  Properties:\n    B: c\n" * 2, id="name twice"),
    ],
)
def test_the_check_of_blocks_can_fail(block: str) -> None:
    assert fault_of(block) is not None


NEEDED = {"AWS::EC2::VPCEndpoint": ("ServiceName:", "VpcId:", "SubnetIds:", "SecurityGroupIds:")}
"""For each type of resource, the properties that it requires. A block without one of them shows only a part of a
resource.
"""


@each_code
def test_a_block_is_whole_or_says_that_it_is_a_part(code: str) -> None:
    text = text_of(code)
    for block in blocks(text, "yaml"):
        before = " ".join(text[: text.index(block)].removesuffix("```yaml\n").rstrip().split("\n\n")[-1].split())
        for resource in (match[0] for match in RESOURCE.finditer(block)):
            kind = re.findall(r"Type: (\S+)", resource)[0]
            lacks = [name for name in NEEDED.get(kind, ()) if name not in resource]
            assert not lacks or "a part of" in before, (lacks, before)


@each_code
def test_a_page_that_turns_on_private_dns_says_how_to_undo_it_and_how_long_caches_last(code: str) -> None:
    text = " ".join(text_of(code).split())
    if re.search(r"(?<!no)-private-dns-enabled|PrivateDnsEnabled: true", text):
        assert re.search(r"[Uu]ndo", text)
        assert re.search(r"aches keep .{0,60}60 seconds", text)


@each_code
def test_a_page_that_turns_on_private_dns_names_the_right_that_it_takes(code: str) -> None:
    text = text_of(code)
    turns_on = re.search(r"(?<!no)-private-dns-enabled|PrivateDnsEnabled: true", text) is not None
    assert ("`route53:AssociateVPCWithHostedZone`" in text) is turns_on


@each_code
def test_a_block_that_exempts_a_subnet_from_inspection_exempts_nothing_else(code: str) -> None:
    text = " ".join(text_of(code).split())
    for block in blocks(text_of(code), "yaml"):
        if listed := re.findall(r"- AddressDefinition: (\S+)", block):
            [exempt] = re.findall(r"around (\d+\.\d+\.\d+\.\d+/\d+):", text)
            around = IPv4Network("0.0.0.0/0").address_exclude(IPv4Network(exempt))
            assert sorted(map(IPv4Network, listed)) == sorted(around)
            assert IPv4Network(exempt).prefixlen >= 24


@each_code
def test_a_block_refers_to_no_resource_that_it_lacks(code: str) -> None:
    text = text_of(code)
    for block in blocks(text, "yaml"):
        lacks = {*re.findall(r"!(?:Ref|GetAtt) (\w+)", block)} - {*re.findall(r"^(\w+):$", block, re.MULTILINE)}
        before = " ".join(text[: text.index(block)].split())
        assert not lacks or before.endswith("In the template that holds the endpoint: ```yaml")


@each_code
def test_the_references_are_titles_and_addresses_and_hold_those_of_the_finding(code: str) -> None:
    references = text_of(code).split("## References\n")[1]
    links = re.findall(r"^- ([^\n]+)\n  (https://\S+)$", references, re.MULTILINE)
    assert links
    assert references.strip().count("\n") + 1 == 2 * len(links)
    assert {(document.title, document.url) for document in CODES[code].documents} <= set(links)


@each_code
def test_no_command_of_a_page_deletes_or_takes_rights_away(code: str) -> None:
    verbs = [words[2].split("-")[0] for words in commands(text_of(code)) if words[0] == "aws"]
    assert not {"delete", "revoke", "terminate", "disassociate", "detach", "remove"}.intersection(verbs)


OF_ONE_SERVICE = {
    "API012": "ListGateways of Backup gateway says when a gateway was last heard of",
    "DNS014": "the services with appliances alone",
    "ENV017": "the service that the Backint agent sends its data to",
    "IAM008": "no call of a check acts on one resource; the text is that of a job's error, whose resource is a vault",
    "JOB001": "the jobs of AWS Backup",
    "JOB002": "the jobs of AWS Backup",
}
"""Pages whose commands are for a single service, each with the reason."""
OF_A_SERVICE = re.compile(r"\bbackup\b|backup_|BACKUP(?!LINK)|Backup(?!link)")
OF_PROGRAMS = ('"backup:CreateBackupVault"', '"iam:PassRole"')
"""Texts in the blocks of pages that are for readers with a denial that this program itself never gets."""


@each_code
def test_the_commands_of_a_page_are_of_the_service_that_the_finding_is_about(code: str) -> None:
    text = text_of(code)
    named = [
        line
        for language in ("sh", "yaml", "json", "ini")
        for block in blocks(text, language)
        if not any(action in block for action in OF_PROGRAMS)
        for line in block.splitlines()
        if OF_A_SERVICE.search(line)
    ]
    assert (named != []) is (code in OF_ONE_SERVICE), named


def test_the_check_of_commands_can_fail() -> None:
    assert complaint(["aws", "ec2", "describe-vpc-endpoint"]) is not None
    assert complaint(["aws", "ec2", "describe-vpc-endpoints", "--filter", "x"]) is not None
    assert complaint(["aws", "ec2", "describe-vpc-attribute", "--vpc-id", "x"]) is not None
    assert complaint(["aws", "<CLI_SERVICE>", "<CLI_OPERATION>", "--max-items", "1"]) is None
    assert complaint(["aws", "<CLI_SERVICE>", "<CLI_OPERATION>", "--limit", "1"]) is not None
    assert complaint(["aws", "ec3", "describe-vpc-attribute"]) is not None
    assert complaint(["aws", "ec2", "describe-vpc-attribute", "--vpc-id", "x", "--attribute", "y"]) is None


def test_the_command_group_is_what_the_pages_are_checked_against() -> None:
    assert isinstance(cli.main, click.Group)
