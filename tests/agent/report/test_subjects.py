"""Subjects that are made from ids, and the values that a headline gets from them."""

import pytest

from agent.catalog.headline import of_ports
from agent.report.model import FindingSubject, SubjectKind
from agent.report.subjects import about, first_of_kinds, kind_of_id, resources


@pytest.mark.parametrize(
    ("id_", "kind"),
    [
        ("sg-0a1b2c3d", SubjectKind.GROUP),
        ("acl-0a1b2c3d", SubjectKind.ACL),
        ("rtb-0a1b2c3d", SubjectKind.ROUTE_TABLE),
        ("tgw-rtb-0a1b2c3d", SubjectKind.ROUTE_TABLE),
        ("vpce-0a1b2c3d", SubjectKind.ENDPOINT),
        ("eni-0a1b2c3d", SubjectKind.INTERFACE),
        ("subnet-0a1b2c3d", SubjectKind.SUBNET),
        ("vpc-0a1b2c3d", SubjectKind.VPC),
        ("rslvr-frg-0a1b2c3d", SubjectKind.RULE),
        ("rp-0a1b2c3d", SubjectKind.PROFILE),
        ("dopt-0a1b2c3d", SubjectKind.DHCP_OPTIONS),
        ("pl-0a1b2c3d", SubjectKind.PREFIX_LIST),
        ("i-0a1b2c3d", SubjectKind.INSTANCE),
        *(
            (f"{prefix}-0a1b2c3d", SubjectKind.GATEWAY)
            for prefix in ("nat", "igw", "eigw", "lgw", "cagw", "vgw", "tgw", "pcx")
        ),
        ("Z0A1B2C3D4", SubjectKind.HOSTED_ZONE),
        ("111122223333", SubjectKind.ACCOUNT),
        ("local", None),
        ("unknown-0a1b2c3d", None),
        ("sg", None),
        ("11112222333", None),
        ("", None),
    ],
)
def test_the_kind_of_an_id(id_: str, kind: SubjectKind | None) -> None:
    assert kind_of_id(id_) is kind
    assert resources(id_, None) == (() if kind is None else (FindingSubject(kind=kind, id=id_),))


def test_what_is_not_known_is_no_subject() -> None:
    assert about(SubjectKind.VPC, [None, ""]) == ()


def test_a_headline_gets_the_first_of_each_kind_and_every_port() -> None:
    zones = about(SubjectKind.ZONE, ["euw1-az1"])
    addresses, ports = about(SubjectKind.ADDRESS, ["10.0.1.17"]), about(SubjectKind.PORT, [443, 1027])
    tables = about(SubjectKind.ROUTE_TABLE, ["rtb-1", "rtb-2"])
    assert first_of_kinds((*zones, *addresses, *ports, *tables)) == {"route_table": "rtb-1"} | of_ports([443, 1027])
