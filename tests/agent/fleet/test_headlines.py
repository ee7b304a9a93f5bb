"""The headlines of shared faults."""

import pytest

from agent.catalog.findings import CODES
from agent.catalog.headline import LIMIT
from agent.fleet.faults import subjects_of
from agent.fleet.headlines import headline_of, title_of

KEYS = {
    "VPC005|backup-gateway|group=sg-0a1b2c3d|port=1027": "sg-0a1b2c3d does not admit these hosts on 1027",
    "TCP002|backup|vpc=vpc-0a1b2c3d4e5f67890|address=10.5.2.17": "10.5.2.17 is silent or closed on 443",
    "TCP002|backup|address=10.5.2.17|address=10.5.3.17": (
        "2 addresses are silent or closed on 443: 10.5.2.17 and 10.5.3.17"
    ),
    "TCP001|backup|address=10.5.2.17|zone=euw1-az3": "443 is silent at 10.5.2.17",
    "VPC002|backup|endpoint=vpce-0a1b2c3d4e5f67890": "private DNS of vpce-0a1b2c3d4e5f67890 is off",
    "VPC001|backup|vpc=vpc-0a1b2c3d4e5f67890": "vpc-0a1b2c3d4e5f67890 has no endpoint of backup and ssm",
    "DNS002|backup|resolver=10.200.9.53": "the host and the VPC's resolver disagree on the name (10.200.9.53)",
    "VPC006|backup|acl=acl-0a1b2c3d4e5f67890": "a network ACL stops the traffic (acl-0a1b2c3d4e5f67890)",
    "TLS002|backup|issuer=CN%3DCorp CA": "CN=Corp CA, which the host trusts, decrypts TLS",
    "ENV010": "the host's clock is wrong",
    "XYZ001|a=b": "a finding that this version does not know",
}


@pytest.mark.parametrize("key", KEYS)
def test_what_is_told_of_a_key(key: str) -> None:
    assert headline_of(key.partition("|")[0], subjects_of(key), ("backup", "ssm")) == KEYS[key]


@pytest.mark.parametrize("code", sorted(CODES))
def test_without_an_id_the_title_is_told_in_one_line(code: str) -> None:
    found = headline_of(code, (), ("backup",))
    assert 0 < len(found) <= LIMIT
    assert " " in found
    assert "this host" not in found.lower()
    assert "this host" not in title_of(code).lower()
