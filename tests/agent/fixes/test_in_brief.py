"""The first action against a fault, in one line."""

import pytest

from agent.catalog.placeholders import FORMS
from agent.fixes.by_code import FIXES
from agent.fixes.in_brief import IN_BRIEF, in_brief

IDS = {
    "<VPC_ENDPOINT_ID>": "vpce-0a1b2c3d",
    "<ENDPOINT_SECURITY_GROUP_ID>": "sg-0a1b2c3d",
    "<INSTANCE_SECURITY_GROUP_ID>": "sg-0a1b2c3d",
    "<NETWORK_ACL_ID>": "acl-0a1b2c3d",
    "<ROUTE_TABLE_ID>": "rtb-0a1b2c3d",
    "<HOSTED_ZONE_ID>": "Z0A1B2C3D",
    "<DHCP_OPTIONS_ID>": "dopt-0a1b2c3d",
    "<RESOLVER_RULE_ID>": "rslvr-rr-0a1b2c3d",
    "<FIREWALL_RULE_GROUP_ID>": "rslvr-frg-0a1b2c3d",
    "<PROFILE_ID>": "rp-0a1b2c3d",
}
EVERY = tuple(dict.fromkeys(IDS.values()))


def test_every_fix_has_a_line_and_no_line_is_for_another_code() -> None:
    assert IN_BRIEF.keys() == FIXES.keys()


@pytest.mark.parametrize("code", IN_BRIEF)
def test_a_line_names_the_ids_of_its_kind_and_no_others(code: str) -> None:
    line = in_brief(code, ["backup"], [443], EVERY)
    placeholder = IN_BRIEF[code].placeholder
    named = [one for one in EVERY if one in line]
    if placeholder is None:
        assert named == []
        return
    assert FORMS[placeholder].fullmatch(IDS[placeholder])
    assert IDS[placeholder] in named
    assert all(FORMS[placeholder].fullmatch(one) for one in named)
    assert IN_BRIEF[code].otherwise in in_brief(code, ["backup"], [443], ["igw-0a1b2c3d"])


def test_ports_and_services_are_named() -> None:
    assert in_brief("VPC005", ["backup-gateway"], [1026, 1031], ["sg-0a1b2c3d"]) == "Allow 1026 and 1031 in sg-0a1b2c3d"
    assert "sts and s3" in in_brief("VPC001", ["sts", "s3"], [], [])


def test_private_dns_for_an_appliance_is_a_decision() -> None:
    own, appliance = (in_brief("VPC002", [name], [], ["vpce-0a1b2c3d"]) for name in ("backup", "backup-gateway"))
    assert own.startswith("Turn on private DNS of vpce-0a1b2c3d")
    assert appliance.startswith("Decide whether vpce-0a1b2c3d needs")


@pytest.mark.parametrize(("code", "certain"), [(None, True), (None, False), ("VPC005", False)])
def test_nothing_is_changed_for_what_cannot_be_told(code: str | None, *, certain: bool) -> None:
    line = in_brief(code, ["backup"], [443], ["sg-0a1b2c3d"], certain=certain)
    assert line == "Look at sg-0a1b2c3d, which may be the cause"
    assert in_brief(code, ["backup"], [443], [], certain=certain) == "Find out what is not known"
