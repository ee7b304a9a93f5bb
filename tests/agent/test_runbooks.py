"""The pages behind `explain`: one a code, of one form, whose commands the AWS CLI and backuplink would take."""

import re
import shlex
from pathlib import Path

import click
import pytest

from agent import cli
from agent.codes import CODES
from tests.aws_commands import complaint

PAGES = Path(cli.__file__).parent / "runbooks"
HEADINGS = ("What we saw", "What it means", "Likely causes", "Fix", "Confirm", "References")
WIDTH = 80
PLACEHOLDERS = frozenset(
    "REGION SERVICE SERVICE_NAME HOST ADDRESS PORT RESOLVER_ADDRESS VPC_ID VPC_CIDR SUBNET_ID VPC_ENDPOINT_ID "
    "ENDPOINT_DNS_NAME ENDPOINT_SUBNET_ID ENDPOINT_SECURITY_GROUP_ID ADDRESS_OF_THIS_HOST APPLIANCE_SUBNET_CIDR "
    "INSTANCE_ID INSTANCE_SECURITY_GROUP_ID ROLE_NAME ROLE_ARN ACCOUNT_ID PROXY DHCP_OPTIONS_ID NETWORK_ACL_ID "
    "ROUTE_TABLE_ID HOSTED_ZONE_ID RESOLVER_RULE_ID FIREWALL_RULE_GROUP_ID FIREWALL_DOMAIN_LIST_ID PROFILE "
    "INTERFACE CORPORATE_CA_FILE ACTION POLICY_FILE REPORT".split()
)

each_code = pytest.mark.parametrize("code", sorted(CODES))


def text_of(code: str) -> str:
    return (PAGES / f"{code}.md").read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[list[str]]:
    """The commands of a page's sh blocks, continuation lines joined."""
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
def test_what_is_to_be_filled_in_has_a_known_name(code: str) -> None:
    assert set(re.findall(r"<([A-Z][A-Z0-9_]*)>", text_of(code))) <= PLACEHOLDERS


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
        filled = [re.sub(r"<[A-Z_]+>", "value", word) for word in words[1:]]
        command = cli.main.commands[filled[0]]
        options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
        assert {word.split("=")[0] for word in filled[1:] if word.startswith("--")} <= options, words


@each_code
def test_the_references_are_titles_and_addresses_and_hold_those_of_the_finding(code: str) -> None:
    references = text_of(code).split("## References\n")[1]
    found = re.findall(r"^- ([^\n]+)\n  (https://\S+)$", references, re.MULTILINE)
    assert found
    assert references.strip().count("\n") + 1 == 2 * len(found)
    assert {(each.title, each.url) for each in CODES[code].documents} <= set(found)


@each_code
def test_no_command_of_a_page_deletes_or_takes_rights_away(code: str) -> None:
    verbs = [words[2].split("-")[0] for words in commands(text_of(code)) if words[0] == "aws"]
    assert not {"delete", "revoke", "terminate", "disassociate", "detach", "remove"}.intersection(verbs)


def test_the_check_of_commands_can_fail() -> None:
    assert complaint(["aws", "ec2", "describe-vpc-endpoint"]) is not None
    assert complaint(["aws", "ec2", "describe-vpc-endpoints", "--filter", "x"]) is not None
    assert complaint(["aws", "ec2", "describe-vpc-attribute", "--vpc-id", "x"]) is not None
    assert complaint(["aws", "ec3", "describe-vpc-attribute"]) is not None
    assert complaint(["aws", "ec2", "describe-vpc-attribute", "--vpc-id", "x", "--attribute", "y"]) is None


def test_the_command_group_is_what_the_pages_are_checked_against() -> None:
    assert isinstance(cli.main, click.Group)
