"""Options that the AWS CLI has in addition to the models. A check that did not know them would refuse valid
commands.
"""

import pytest

from tests.support.aws_commands import complaint

ENTRY = ["aws", "ec2", "create-network-acl-entry", "--network-acl-id", "x", "--rule-number", "90", "--protocol", "6"]


@pytest.mark.parametrize("direction", ["--ingress", "--egress"])
def test_a_required_boolean_is_given_by_either_option(direction: str) -> None:
    assert complaint([*ENTRY, "--rule-action", "allow", direction]) is None


def test_a_required_boolean_is_missed() -> None:
    assert complaint([*ENTRY, "--rule-action", "allow"]) == "ec2 create-network-acl-entry needs --egress"


def test_a_token_that_the_cli_gives_itself_is_not_missed() -> None:
    assert complaint(["aws", "imagebuilder", "create-component", "--name", "x"]) == (
        "imagebuilder create-component needs --platform, --semantic-version"
    )


def test_what_is_required_may_stand_in_a_document() -> None:
    assert complaint(["aws", "events", "put-events"]) == "events put-events needs --entries"
    assert complaint(["aws", "events", "put-events", "--cli-input-json", "file://x"]) is None
    assert complaint(["aws", "events", "put-events", "--cli-input-json", "file://x", "--entry", "x"]) is not None


def test_an_option_that_was_renamed_is_known_by_its_new_name_alone() -> None:
    assert complaint([*ENTRY, "--rule-action", "allow", "--no-egress"]) is not None
    assert (
        complaint(["aws", "ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", "x", "--no-private-dns-enabled"]) is None
    )
