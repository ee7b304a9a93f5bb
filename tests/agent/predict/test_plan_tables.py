"""The tables for reading plans, and the tables of edits. Each row is used, and each row is correct.

Properties of CloudFormation are compared with cfn-lint's schemas, and attributes of Terraform's provider with a list of
them, so that a new or misspelt property fails here.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from ipaddress import ip_network
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pytest

from agent.network.draft import AlreadyError, AssumptionError, Draft
from agent.network.edits import Change, Edit, Listed, Member, Settable, Setting
from agent.network.names import KnownVpc
from agent.network.pending import Aspect
from agent.network.written_edits import MalformedError, unsettled_rules
from agent.predict import cloudformation, resources
from agent.predict.kinds import BY_ATTRIBUTE, CLOUDFORMATION, TERRAFORM, Part, Places
from agent.predict.plan_values import Plan, Values
from probes.vpc.model import Configuration, GatewayEndpoint, NetworkAcl, PeeredVpc, Peering, PrefixList, Route
from tests.agent.network.networks import INTERFACE, LOCAL_ROUTES, entry, open_entries, route, rule
from tests.agent.predict.test_assume import ENDPOINT, acl_of, known, rules_of, table_of
from tests.agent.predict.test_plans import change, change_set, row, terraform
from tests.agent.predict.test_prediction import healthy, host

# --- The properties of CloudFormation --------------------------------------------------------------------------------

WITHOUT_PART: Final[Mapping[str, set[str]]] = {
    "AWS::EC2::SecurityGroup": {"GroupDescription", "GroupName", "VpcId"},
    "AWS::EC2::SecurityGroup/SecurityGroupIngress": {"Description", "SourceSecurityGroupOwnerId"},
    "AWS::EC2::SecurityGroup/SecurityGroupEgress": {"Description"},
    "AWS::EC2::SecurityGroupIngress": {"Description", "SourceSecurityGroupOwnerId"},
    "AWS::EC2::SecurityGroupEgress": {"Description"},
    "AWS::EC2::NetworkAcl": {"VpcId"},
    "AWS::EC2::NetworkAclEntry": {"Icmp"},
    "AWS::EC2::RouteTable": {"VpcId"},
    "AWS::EC2::VPCEndpoint": {"ResourceConfigurationArn", "ServiceNetworkArn"},
    "AWS::EC2::VPC": {"InstanceTenancy", "Ipv4IpamPoolId", "Ipv4NetmaskLength", "VpcEncryptionControl"},
}
"""Properties that do not affect a path, a name or a call."""


@cache
def _schema(kind: str) -> Mapping[str, Any]:
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # imported here, since importing it takes seconds

    schema: Mapping[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    return schema


def _settable(kind: str) -> set[str]:
    schema = _schema(kind)
    own = {path.removeprefix("/properties/") for path in schema.get("readOnlyProperties", ())}
    return set(schema["properties"]) - own - {"Tags"}


@pytest.mark.parametrize("kind", sorted(kind for kind in cloudformation.KINDS if not kind.startswith("Custom::")))
def test_every_property_of_a_kind_has_a_place_or_no_part(kind: str) -> None:
    assert set(cloudformation.KINDS[kind].places) | WITHOUT_PART.get(kind, set()) == _settable(kind)


@pytest.mark.parametrize(
    ("name", "definition"), [("SecurityGroupIngress", "Ingress"), ("SecurityGroupEgress", "Egress")]
)
def test_every_property_of_a_rule_in_a_group_has_a_place(name: str, definition: str) -> None:
    kind = "AWS::EC2::SecurityGroup"
    _, places = cloudformation.KINDS[kind].places[name]
    defined = _schema(kind)["definitions"][definition]["properties"]
    assert set(places) | WITHOUT_PART[f"{kind}/{name}"] == set(defined)


def test_the_ports_of_an_entry_have_their_places() -> None:
    places = cloudformation.KINDS["AWS::EC2::NetworkAclEntry"].places["PortRange"]
    assert set(places) == set(_schema("AWS::EC2::NetworkAclEntry")["definitions"]["PortRange"]["properties"])


def test_no_place_is_named_twice() -> None:
    for kind, held in cloudformation.KINDS.items():
        names = [place[0] if isinstance(place, tuple) else place for place in held.places.values()]
        plain = [name for name in names if isinstance(name, str)]
        assert len(plain) == len(set(plain)), kind


LISTS: Final = {"cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids", "security_groups"}
OF_BLOCKS: Final = LISTS | {"from_port", "to_port", "protocol"}
"""The attributes of a rule inside a security group of Terraform. The list of the provider's attributes does not have
them.
"""


def _sample(place: Any) -> tuple[Any, Any]:
    """A sample value of a property, and the attributes of Terraform that result from it, by name."""
    match place:
        case str():
            return "x", {place: "x"}
        case Mapping():
            samples = {name: _sample(inner) for name, inner in place.items() if inner is not None}
            attributes = [attributes for _, attributes in samples.values()]
            return {name: value for name, (value, _) in samples.items()}, dict(chain(*map(dict.items, attributes)))
        case (str(name), Mapping() as inner):
            pairs = [_sample({key: one}) for key, one in inner.items() if one is not None]
            assert {attribute for _, row in pairs for attribute in row} == OF_BLOCKS
            return [value for value, _ in pairs], {name: [row for _, row in pairs]}
        case (str(name), _) if name in LISTS:
            return "x", {name: ["x"]}
        case ("policy", _):
            return {"Statement": []}, {"policy": '{"Statement": []}'}
    raise AssertionError(place)


@pytest.mark.parametrize("kind", sorted(cloudformation.KINDS))
def test_each_property_becomes_its_attribute(kind: str) -> None:
    held = cloudformation.KINDS[kind]
    for name, place in held.places.items():
        if place is None:
            continue
        value, attributes = _sample(place)
        assert cloudformation._translated({name: value}, held.places)[0] == attributes, name
        if not kind.startswith("Custom::"):
            assert set(attributes) <= provider()[held.terraform] | OF_CLOUDFORMATION | {"service_region"}, name


def test_a_group_by_its_name_is_not_followed() -> None:
    for name in ("GroupName", "SourceSecurityGroupName"):
        with pytest.raises(MalformedError):
            cloudformation._translated({name: "old"}, cloudformation.KINDS["AWS::EC2::SecurityGroupIngress"].places)


# --- The attributes of Terraform -------------------------------------------------------------------------------------


LATER: Final = {
    "aws_vpc_security_group_rules_exclusive": frozenset({"egress_rule_ids", "ingress_rule_ids", "security_group_id"}),
}
"""Attributes from later versions of the provider."""


@cache
def provider() -> Mapping[str, frozenset[str]]:
    """The kinds of Terraform's AWS provider, each with its attributes, from `terraform_provider.txt` and LATER."""
    lines = Path(__file__).with_name("terraform_provider.txt").read_text(encoding="ascii").splitlines()
    pairs = (line.partition(": ") for line in lines if not line.startswith("#"))
    return {kind: frozenset(attributes.split()) for kind, _, attributes in pairs} | LATER


SAMPLES: Final[Mapping[str, Any]] = {
    "action": "allow",
    "cidr_ipv4": "10.1.0.0/16",
    "destination_cidr_block": "10.1.0.0/16",
    "egress": True,
    "enable_dns_hostnames": True,
    "enable_dns_support": True,
    "from_port": 443,
    "id": "{own}",
    "ip_protocol": "tcp",
    "network_acl_id": "acl-0123abcd",
    "private_dns_enabled": True,
    "protocol": "tcp",
    "route_table_id": "rtb-0123abcd",
    "rule_action": "allow",
    "rule_number": 90,
    "security_group_id": "sg-0123abcd",
    "service_name": "com.amazonaws.eu-west-1.backup",
    "subnet_id": "subnet-0123abcd",
    "to_port": 443,
    "type": "ingress",
    "vpc_endpoint_id": "vpce-0123abcd",
    "vpc_endpoint_type": "Interface",
    "vpc_id": "vpc-0123abcd",
    "cidr": "10.1.0.0/16",
    "cidr_block": "10.1.0.0/16",
    "network_interface_id": "eni-0123abcd",
    "prefix_list_id": "pl-0123abcd",
    "vpc_peering_connection_id": "pcx-0123abcd",
    "auto_accept": True,
}
OWN: Final = {
    "aws_security_group": "sg-0123abcd",
    "aws_default_security_group": "sg-0123abcd",
    "aws_network_acl": "acl-0123abcd",
    "aws_default_network_acl": "acl-0123abcd",
    "aws_route_table": "rtb-0123abcd",
    "aws_default_route_table": "rtb-0123abcd",
    "aws_vpc_endpoint": "vpce-0123abcd",
    "aws_vpc": "vpc-0123abcd",
    "aws_default_vpc": "vpc-0123abcd",
    "aws_ec2_managed_prefix_list": "pl-0123abcd",
}
OF_ROUTES: Final = frozenset({*resources.TARGETS, *resources.BLOCKS})
OF_CLOUDFORMATION: Final = {"odb_network_arn", "instance_id"}


class _Read(Values):
    """Values that record which attributes are read."""

    def __init__(self, attributes: Any, unknown: Any, names: set[str]) -> None:
        super().__init__(attributes, unknown)
        self.attributes = _Remembering(attributes, names)


class _Remembering(dict[str, Any]):
    def __init__(self, values: Mapping[str, Any], names: set[str]) -> None:
        super().__init__(values)
        self.names = names

    def get(self, key: str, default: Any = None) -> Any:
        self.names.add(key)
        return super().get(key, default)


def _names_read(kind: str) -> set[str]:
    """The attributes that are read from a resource with all of SAMPLES."""
    names: set[str] = set()
    for more in ({}, {"vpc_endpoint_type": "Gateway"}, {"vpc_endpoint_type": "Interface", "id": None}):
        values = {name: OWN.get(kind) if value == "{own}" else value for name, value in SAMPLES.items()} | more
        if kind in ("aws_network_acl", "aws_default_network_acl", "aws_security_group", "aws_default_security_group"):
            values["egress"] = []
        if kind in ("aws_route", "aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule"):
            values |= {"prefix_list_id": None, "cidr_block": None}
        read = _Read(values, {}, names)
        assert resources.change_of(kind, read, read, is_other=False).kind == kind
    return names


@pytest.mark.parametrize("kind", [kind for kind in resources.KINDS if kind != resources.RESTRICTED_GROUP])
def test_every_attribute_that_is_read_is_one_of_the_provider(kind: str) -> None:
    read = _names_read(kind)
    assert read
    assert read - provider()[kind] - OF_ROUTES - {resources.DEFAULT_GROUP, resources.MAKES_VPC, resources.NEW} == set()
    assert set(resources.NOT_FOLLOWED.get(kind, ())) <= provider()[kind] | {"service_region"}


@pytest.mark.parametrize("name", sorted(provider()["aws_route"]))
def test_every_attribute_of_a_route_is_known(name: str) -> None:
    without_part = {"create", "delete", "id", "instance_owner_id", "origin", "region", "state", "timeouts", "update"}
    assert name in OF_ROUTES | {"route_table_id"} | without_part


@pytest.mark.parametrize("name", resources.TARGETS)
def test_a_route_leads_where_an_attribute_says(name: str) -> None:
    values = {"route_table_id": "rtb-0123abcd", "destination_cidr_block": "10.9.0.0/16", name: "x-0123abcd"}
    made = resources.change_of("aws_route", None, Values(values), is_other=False)
    assert made.after == (Member(Listed.ROUTE, "rtb-0123abcd", route("10.9.0.0/16", "x-0123abcd")),)
    assert name in provider()["aws_route"] | OF_CLOUDFORMATION
    of_cloudformation = set(cloudformation.KINDS["AWS::EC2::Route"].places.values())
    assert name in of_cloudformation


def test_a_route_of_cloudformation_leads_nowhere_else() -> None:
    attributes = set(cloudformation.KINDS["AWS::EC2::Route"].places.values())
    assert attributes - {"route_table_id", *resources.BLOCKS} == set(resources.TARGETS)


@pytest.mark.parametrize("name", resources.BLOCKS)
def test_a_route_is_for_what_an_attribute_says(name: str) -> None:
    to = "pl-0123abcd" if name.endswith("list_id") else "fd00::/8" if "ipv6" in name else "10.9.0.0/16"
    values = Values({"route_table_id": "rtb-0123abcd", name: to, "gateway_id": "local"})
    (made,) = resources.change_of("aws_route", None, values, is_other=False).after
    assert isinstance(made, Member)
    assert str(made.item.destination or made.item.prefix_list_id) == to


@pytest.mark.parametrize(
    "name",
    [
        *("cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids", "source_security_group_id", "self"),
        *("from_port", "to_port", "protocol"),
    ],
)
def test_a_rule_of_which_anything_is_not_known_yet_unsettles_its_group(name: str) -> None:
    values = {name: value for name, value in SAMPLES.items() if name != "id"}
    known = resources.change_of("aws_security_group_rule", None, Values(values), is_other=False)
    unknown = resources.change_of("aws_security_group_rule", None, Values(values, {name: True}), is_other=False)
    unsettled = unsettled_rules("sg-0123abcd", egress=False)
    assert unsettled not in known.after
    assert unsettled in unknown.after


# --- Which kinds matter ----------------------------------------------------------------------------------------------

NETWORK: Final = re.compile(
    r"aws_(?:vpc|default_|ec2_|network|route|subnet|security_group|internet_|egress_|nat_|main_|vpn|customer_gateway|dx_"
    r"|instance|launch|spot|service_discovery|ram_|flow_log)"
)
OF_NETWORKS: Final = ("AWS::EC2::", "AWS::Route53", "AWS::NetworkFirewall::", "AWS::NetworkManager::")


@cache
def cloudformation_kinds() -> frozenset[str]:
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

    return frozenset(PROVIDER_SCHEMA_MANAGER.get_resource_types("us-east-1"))


def is_placed(kind: str, places: Places) -> bool:
    """Whether the kind is on a list, so that somebody has decided whether it matters."""
    is_followed = resources.is_followed(kind) or kind in cloudformation.KINDS or kind in BY_ATTRIBUTE
    return is_followed or places.part_of(kind) is not Part.UNKNOWN


def test_every_kind_of_a_network_has_a_place() -> None:
    """If the provider has a new kind, somebody must read its documentation and put the kind on one of the lists. Until
    then, a plan with it is not judged."""
    ours = [kind for kind in provider() if NETWORK.match(kind)]
    assert len(ours) > 200
    assert [kind for kind in ours if not is_placed(kind, TERRAFORM)] == []
    theirs = [kind for kind in cloudformation_kinds() if kind.startswith(OF_NETWORKS)]
    assert len(theirs) > 150
    assert [kind for kind in theirs if not is_placed(kind, CLOUDFORMATION)] == []


@pytest.mark.parametrize(("places", "kinds"), [(TERRAFORM, provider()), (CLOUDFORMATION, cloudformation_kinds())])
def test_every_kind_on_a_list_is_one_and_is_on_no_other(places: Places, kinds: Collection[str]) -> None:
    lists = (places.always, places.once_there, places.none, frozenset(BY_ATTRIBUTE), frozenset(resources.KINDS))
    named = [kind for one in lists for kind in one]
    assert len(named) == len(set(named))
    listed = {kind for kind in (*places.always, *places.once_there, *places.none) if not kind.startswith("Custom::")}
    assert listed - set(kinds) - {"AWS::CloudFormation::Macro", "AWS::CloudFormation::CustomResource"} == set()
    for prefix in (*places.harmless, *places.always_of):
        of_another = prefix.startswith("awscc_")
        assert of_another or any(kind.startswith(prefix) for kind in kinds), prefix


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        ("aws_made_up", Part.UNKNOWN),
        ("awscc_ec2_vpc_endpoint", Part.UNKNOWN),
        ("awscc_iam_role", Part.NONE),
        ("random_id", Part.OTHER),
        ("aws_iam_role", Part.NONE),
        ("aws_subnet", Part.ONCE_THERE),
        ("aws_route53_resolver_query_log_config", Part.NONE),
        ("aws_route53_resolver_query_log_config_association", Part.NONE),
        ("aws_route53_resolver_rule", Part.ALWAYS),
        ("aws_route53_zone", Part.ALWAYS),
    ],
)
def test_which_part_a_kind_of_terraform_has(kind: str, part: Part) -> None:
    assert TERRAFORM.part_of(kind) is part


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        ("Custom::Anything", Part.UNKNOWN),
        ("AWS::CloudFormation::CustomResource", Part.ALWAYS),
        ("AWS::CloudFormation::Macro", Part.ALWAYS),
        ("Custom::S3AutoDeleteObjects", Part.NONE),
        ("Custom::CDKBucketDeployment", Part.NONE),
        ("Custom::CDKECRDeployment", Part.NONE),
        ("Custom::ECRAutoDeleteImages", Part.NONE),
        ("Custom::LogRetention", Part.NONE),
        ("Custom::S3BucketNotifications", Part.NONE),
        ("Alexa::ASK::Skill", Part.UNKNOWN),
        ("AWS::EC2::MadeUp", Part.UNKNOWN),
        ("AWS::IAM::Role", Part.NONE),
        ("AWS::Route53::HealthCheck", Part.NONE),
        ("AWS::Route53Resolver::ResolverQueryLoggingConfig", Part.NONE),
        ("AWS::Route53Resolver::ResolverQueryLoggingConfigAssociation", Part.NONE),
        ("AWS::Route53::RecordSet", Part.ALWAYS),
        ("MongoDB::Atlas::Cluster", Part.OTHER),
    ],
)
def test_which_part_a_kind_of_cloudformation_has(kind: str, part: Part) -> None:
    assert CLOUDFORMATION.part_of(kind) is part


# --- The rows of edits -----------------------------------------------------------------------------------------------

MAIN: Final = "rtb-0000main"
ACL: Final = "acl-000there"
GATEWAY: Final = GatewayEndpoint(
    endpoint_id="vpce-0123abcc",
    service_name="com.amazonaws.eu-west-1.s3",
    vpc_id="vpc-a",
    state="available",
    route_table_ids=("rtb-0000main",),
)
TO_GATEWAY: Final = Route(prefix_list_id="pl-0123abcd", target=GATEWAY.endpoint_id)
SPARE: Final = NetworkAcl(
    acl_id="acl-000spare", vpc_id="vpc-a", default=True, subnet_ids=(), entries=tuple(open_entries())
)


PEERING: Final = Peering(
    peering_id="pcx-0123abcd", state="pending-acceptance", sides=(PeeredVpc(vpc_id="vpc-a"), PeeredVpc(vpc_id="vpc-b"))
)


def network() -> KnownVpc:
    made = healthy(
        host(5), endpoints=(ENDPOINT,), gateway_endpoints=(GATEWAY,), there_routes=[*LOCAL_ROUTES, TO_GATEWAY]
    )
    lists = (PrefixList(prefix_list_id="pl-0123abcd", cidrs=(ip_network("10.8.0.0/16"),)),)
    return known(replace(made, interfaces=(host(5),), prefix_lists=lists, peerings=(PEERING,)))


MEMBERS: Final[Mapping[Listed, tuple[Member, Any]]] = {
    Listed.GROUP_RULE: (
        Member(Listed.GROUP_RULE, "sg-there", rule("7", "10.7.0.0/16")),
        lambda made: [one.cidr for one in rules_of(made, "sg-there")][-1] == ip_network("10.7.0.0/16"),
    ),
    Listed.ACL_ENTRY: (
        Member(Listed.ACL_ENTRY, ACL, entry(7, "deny", "10.7.0.0/16")),
        lambda made: 7 in [one.number for one in acl_of(made, "subnet-there").entries],
    ),
    Listed.ROUTE: (
        Member(Listed.ROUTE, "rtb-0000host", route("10.7.0.0/16", "tgw-0123abcd")),
        lambda made: "tgw-0123abcd" in [one.target for one in table_of(made, "subnet-host").routes],
    ),
    Listed.SUBNET_ACL: (
        Member(Listed.SUBNET_ACL, "subnet-there", "acl-0000host"),
        lambda made: any("subnet-there" in one.subnet_ids for one in made.acls if one.acl_id == "acl-0000host"),
    ),
    Listed.SUBNET_TABLE: (
        Member(Listed.SUBNET_TABLE, "subnet-there", "rtb-0000host"),
        lambda made: any("subnet-there" in one.subnet_ids for one in made.route_tables if not one.main),
    ),
    Listed.ENDPOINT_GROUP: (
        Member(Listed.ENDPOINT_GROUP, ENDPOINT.endpoint_id, "sg-host"),
        lambda made: (
            {one.group_ids for one in (*made.endpoints, *made.endpoint_interfaces)} == {("sg-there", "sg-host")}
        ),
    ),
    Listed.ENDPOINT_SUBNET: (
        Member(Listed.ENDPOINT_SUBNET, ENDPOINT.endpoint_id, "subnet-0123abcd"),
        lambda made: "subnet-0123abcd" in made.endpoints[0].subnet_ids,
    ),
    Listed.GATEWAY_TABLE: (
        Member(Listed.GATEWAY_TABLE, GATEWAY.endpoint_id, "rtb-0000host"),
        lambda made: TO_GATEWAY in table_of(made, "subnet-host").routes,
    ),
    Listed.INTERFACE_GROUP: (
        Member(Listed.INTERFACE_GROUP, host(5).interface_id, "sg-there"),
        lambda made: "sg-there" in made.interfaces[0].group_ids,
    ),
    Listed.LIST_ENTRY: (
        Member(Listed.LIST_ENTRY, "pl-0123abcd", ip_network("10.7.0.0/16")),
        lambda made: ip_network("10.7.0.0/16") in made.prefix_lists[0].cidrs,
    ),
}


@pytest.mark.parametrize("listed", Listed)
def test_a_member_is_put_in_once_and_taken_out_once(listed: Listed) -> None:
    edit, is_there = MEMBERS[listed]
    before = network()
    with_it = Change(edit).made(before)
    assert is_there(with_it.configuration)
    with pytest.raises(AlreadyError, match=r"already"):
        Change(edit).made(with_it)
    without = Change(edit, False).made(with_it)
    assert not is_there(without.configuration)
    with pytest.raises(AlreadyError, match=r"no |not "):
        Change(edit, False).made(without)
    assert edit.owner_id in edit.putting
    assert edit.owner_id in edit.taking
    assert edit.putting != edit.taking


def test_without_an_acl_of_its_own_a_subnet_has_the_default_one() -> None:
    made = network()
    with_spare = Draft(made)
    with_spare.part("acls").add(SPARE)
    edit = Member(Listed.SUBNET_ACL, "subnet-there", ACL)
    without = Change(edit, False).made(with_spare.built())
    assert acl_of(without.configuration, "subnet-there").acl_id == SPARE.acl_id
    both = Draft(with_spare.built())
    edit.take(both)
    edit.put(both)
    assert acl_of(both.built().configuration, "subnet-there").acl_id == ACL
    with pytest.raises(AlreadyError, match="is the default one"):
        Change(Member(Listed.SUBNET_ACL, "subnet-there", SPARE.acl_id), False).made(without)


def test_without_a_table_of_its_own_a_subnet_is_in_no_list() -> None:
    edit = Member(Listed.SUBNET_TABLE, "subnet-host", "rtb-0000host")
    without = Change(edit, False).made(network()).configuration
    assert not any("subnet-host" in one.subnet_ids for one in without.route_tables or ())


def test_the_route_of_the_vpc_itself_stays() -> None:
    with pytest.raises(AssumptionError, match="the VPC's own"):
        Change(Member(Listed.ROUTE, MAIN, LOCAL_ROUTES[0]), False).made(network())


def test_a_subnet_of_an_endpoint_comes_with_an_address_that_is_not_known_and_goes_with_one() -> None:
    edit, _ = MEMBERS[Listed.ENDPOINT_SUBNET]
    assert [one.aspect for one in Change(edit).made(network()).pending] == [Aspect.ADDRESSES]
    gone = Change(Member(Listed.ENDPOINT_SUBNET, ENDPOINT.endpoint_id, "subnet-there"), False).made(network())
    assert not any(one.subnet_id == "subnet-there" for one in gone.configuration.endpoint_interfaces or ())
    assert gone.configuration.endpoints is not None
    assert not any(one == INTERFACE.interface_id for one in gone.configuration.endpoints[0].interface_ids)


def _dns(made: Configuration) -> Any:
    return made.dns


SETTINGS: Final[Mapping[Settable, tuple[Setting, Any, Any, str]]] = {
    Settable.PRIVATE_DNS: (
        Setting(Settable.PRIVATE_DNS, ENDPOINT.endpoint_id, False),
        lambda made: made.endpoints[0].private_dns,
        True,
        "turn private DNS off",
    ),
    Settable.POLICY: (
        Setting(Settable.POLICY, ENDPOINT.endpoint_id, "{}"),
        lambda made: made.endpoints[0].policy,
        None,
        "replace its policy by another one",
    ),
    Settable.DNS_SUPPORT: (
        Setting(Settable.DNS_SUPPORT, "vpc-a", False),
        lambda made: _dns(made).support,
        True,
        "set enableDnsSupport to false",
    ),
    Settable.DNS_HOSTNAMES: (
        Setting(Settable.DNS_HOSTNAMES, "vpc-a", False),
        lambda made: _dns(made).hostnames,
        True,
        "set enableDnsHostnames to false",
    ),
    Settable.PEERING: (
        Setting(Settable.PEERING, PEERING.peering_id, "active"),
        lambda made: made.peerings[0].state,
        "deleted",
        "give it the state active",
    ),
}
ASPECTS: Final = {Settable.POLICY: Aspect.POLICY, Settable.PEERING: Aspect.ROUTES}


@pytest.mark.parametrize("what", Settable)
def test_a_setting_is_set_and_taken_back(what: Settable) -> None:
    edit, value_in, without, words = SETTINGS[what]
    assert words in edit.putting
    assert edit.putting != edit.taking
    with_it = Change(edit).made(network())
    assert value_in(with_it.configuration) == edit.value
    assert value_in(Change(edit, False).made(with_it).configuration) == without
    assert edit.aspect is ASPECTS.get(what, Aspect.NAME)


# --- Any number of edits ---------------------------------------------------------------------------------------------


def _calls(edits: Iterator[Edit]) -> int:
    """The number of function calls that making these edits takes."""
    import sys

    count = 0

    def counted(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    draft, before = Draft(network()), sys.getprofile()
    made = list(edits)
    sys.setprofile(counted)
    try:
        for edit in made:
            edit.put(draft)
        draft.built()
    finally:
        sys.setprofile(before)
    return count


def _many(listed: Listed, count: int) -> Iterator[Edit]:
    for number in range(count):
        block = f"10.{number >> 8}.{number & 255}.0/24"
        match listed:
            case Listed.GROUP_RULE:
                yield Member(listed, "sg-there", rule("443", block))
            case Listed.ACL_ENTRY:
                yield Member(listed, ACL, entry(number + 200, "deny", block))
            case _:
                yield Member(listed, MAIN, route(block, "tgw-0123abcd"))


@pytest.mark.parametrize("listed", [Listed.GROUP_RULE, Listed.ACL_ENTRY, Listed.ROUTE])
def test_twice_as_many_edits_take_twice_the_work(listed: Listed) -> None:
    few, many = _calls(_many(listed, 400)), _calls(_many(listed, 800))
    assert many < 2.3 * few


# --- Which attributes of a kind may matter ---------------------------------------------------------------------------

UNFOLLOWED: Final = (
    "aws_vpc_endpoint ip_address_type dns_options subnet_configuration service_region",
    "aws_vpc cidr_block ipv6_cidr_block assign_generated_ipv6_cidr_block",
    "aws_route_table propagating_vgws",
    "aws_default_route_table propagating_vgws",
)
OF_HOSTS: Final = (
    "aws_instance vpc_security_group_ids security_groups subnet_id private_ip ipv6_addresses",
    "aws_network_interface security_groups subnet_id private_ips ipv6_addresses attachment",
    "aws_spot_instance_request vpc_security_group_ids security_groups subnet_id private_ip",
    "aws_launch_template vpc_security_group_ids security_group_names network_interfaces",
    "aws_launch_configuration security_groups",
    "AWS::EC2::Instance SecurityGroupIds SecurityGroups SubnetId PrivateIpAddress NetworkInterfaces",
    "AWS::EC2::NetworkInterface GroupSet SubnetId PrivateIpAddress PrivateIpAddresses Ipv6Addresses",
    "AWS::EC2::LaunchTemplate LaunchTemplateData SecurityGroupIds SecurityGroups NetworkInterfaces",
    "AWS::AutoScaling::LaunchConfiguration SecurityGroups",
)


def _pairs(rows: Iterable[str]) -> list[tuple[str, str]]:
    return [(kind, name) for kind, *names in map(str.split, rows) for name in names]


def _plan(kind: str, name: str, first: Any, last: Any) -> Plan:
    if kind.startswith("AWS::"):
        return change_set(change("", {name: first}, {name: last}, "One-1", ResourceType=kind))
    own = {"id": OWN[kind]} if kind in OWN else {}
    return terraform(row(kind, own | {name: first}, own | {name: last}))


@pytest.mark.parametrize(("kind", "name"), [*_pairs(UNFOLLOWED), *_pairs(OF_HOSTS)])
def test_an_attribute_that_may_matter_is_not_judged(kind: str, name: str) -> None:
    assert [one.kind for one in _plan(kind, name, ["a"], ["b"]).unjudged] == [kind]
    assert _plan(kind, name, ["a"], ["a"]).unjudged == ()
    assert _plan(kind, "description", "a", "b").unjudged == ()


def test_every_attribute_that_may_matter_is_tested() -> None:
    assert {(kind, name) for kind, names in resources.NOT_FOLLOWED.items() for name in names} == set(_pairs(UNFOLLOWED))
    assert {(kind, name) for kind, names in BY_ATTRIBUTE.items() for name in names} == set(_pairs(OF_HOSTS))


def test_every_default_of_cloudformation_is_tested() -> None:
    """`test_plans.py` tests the effect of each default."""
    assert {kind: dict(held.defaults) for kind, held in cloudformation.KINDS.items() if held.defaults} == {
        "AWS::EC2::SecurityGroup": {"egress": [{"protocol": "-1", "cidr_blocks": ["0.0.0.0/0"]}]},
        "AWS::EC2::VPCEndpoint": {"policy": "", "private_dns_enabled": False},
        "AWS::EC2::VPC": {"enable_dns_support": True, "enable_dns_hostnames": False},
    }
