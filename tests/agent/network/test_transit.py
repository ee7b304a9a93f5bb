"""Packets over a transit gateway or a peering. Each rule is tested together with the most similar case to which it does
not apply.
"""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any, Final

import pytest

from agent.fixes.predicted import fix_of_paths
from agent.network.names import KnownVpc
from agent.network.pending import Aspect, Pending
from agent.network.predictor import Predictor
from agent.predict.model import PredictionDocument
from agent.report.hops import Prediction, Stage
from probes.vpc.model import (
    Configuration,
    NetworkAcl,
    PeeredVpc,
    Peering,
    RouteTable,
    Subnet,
    TransitAttachment,
    TransitFacts,
    TransitRoute,
    TransitTable,
)
from tests.agent.network.networks import (
    ABROAD,
    BLOCKED,
    CANNOT_TELL,
    FAR_ENDPOINT,
    HOST,
    LOCAL_ROUTES,
    OPEN,
    OWN,
    configuration,
    entry,
    hop,
    open_entries,
    route,
    rule,
    stages,
)
from tests.agent.predict.test_prediction import WITH_NAMES, document
from tests.support.aws_commands import complaint

OF_A: Final = TransitAttachment(
    attachment_id="tgw-attach-a",
    gateway_id="tgw-1",
    kind="vpc",
    resource_id="vpc-a",
    state="available",
    table_id="tgw-rtb-a",
    subnet_ids=("subnet-gate-a", "subnet-gate-a2"),
    ipv6=False,
    appliance_mode=False,
)
OF_B: Final = replace(
    OF_A,
    attachment_id="tgw-attach-b",
    resource_id="vpc-b",
    table_id="tgw-rtb-b",
    subnet_ids=("subnet-gate-b", "subnet-gate-b2"),
)
ZONES: Final = {
    "subnet-host": "vpc-a",
    "subnet-there": "vpc-a",
    "subnet-gate-a": "vpc-a",
    "subnet-gate-a2": "vpc-a",
    "subnet-abroad": "vpc-b",
    "subnet-gate-b": "vpc-b",
    "subnet-gate-b2": "vpc-b",
}
"""The VPC of each subnet. Subnets whose id ends in 2 are in another zone."""
TO_B: Final = TransitRoute(
    destination=ip_network("10.1.0.0/16"),
    propagated=True,
    attachment_ids=("tgw-attach-b",),
    kind="vpc",
    resource_ids=("vpc-b",),
)
TO_A: Final = replace(
    TO_B, destination=ip_network("10.0.0.0/16"), attachment_ids=("tgw-attach-a",), resource_ids=("vpc-a",)
)
TO_FIREWALL: Final = replace(TO_B, propagated=False, attachment_ids=("tgw-attach-c",), resource_ids=("vpc-c",))
NOWHERE: Final = TransitRoute(destination=ip_network("10.1.1.0/24"), state="blackhole")


def facts(
    *,
    near: TransitAttachment = OF_A,
    far: TransitAttachment = OF_B,
    there: tuple[TransitRoute, ...] = (TO_B,),
    home: tuple[TransitRoute, ...] = (TO_A,),
    **changes: Any,
) -> TransitFacts:
    tables = (TransitTable(table_id="tgw-rtb-a", routes=there), TransitTable(table_id="tgw-rtb-b", routes=home))
    return replace(TransitFacts(attachments=(near, far), tables=tables), **changes)


def world(transit: TransitFacts | None = None, *, gate_entries: Any = (), **changes: Any) -> Configuration:
    """Two VPCs that `tgw-1` joins. Each is attached in two zones, and everything is open. `gate_entries` come first in
    the network ACL of the subnets with attachments.
    """
    base = configuration(
        host_routes=(*LOCAL_ROUTES, route("10.1.0.0/16", "tgw-1")),
        abroad_routes=(route("10.1.0.0/16"), route("10.0.0.0/8", "tgw-1")),
    )
    gates = tuple(subnet_id for subnet_id in ZONES if "gate" in subnet_id)
    acl = NetworkAcl(
        acl_id="acl-gate",
        vpc_id="vpc-a",
        default=False,
        subnet_ids=gates,
        entries=(*gate_entries, *open_entries()),
    )
    tables = (
        *(base.route_tables or ()),
        RouteTable(
            table_id="rtb-gate",
            vpc_id="vpc-b",
            main=False,
            subnet_ids=("subnet-gate-b", "subnet-gate-b2"),
            routes=(route("10.1.0.0/16"),),
        ),
    )
    subnets = tuple(
        Subnet(
            subnet_id=subnet_id,
            vpc_id=vpc_id,
            cidrs=(ip_network("10.0.0.0/24"),) if subnet_id == "subnet-host" else (),
            availability_zone=f"eu-west-1{'b' if subnet_id.endswith('2') else 'a'}",
        )
        for subnet_id, vpc_id in ZONES.items()
    )
    whole = replace(
        base,
        subnets=subnets,
        acls=(*(base.acls or ()), acl),
        route_tables=tables,
        transit=facts() if transit is None else transit,
    )
    return replace(whole, **changes)


def ask(what: Configuration, **changes: Any) -> Prediction:
    return Predictor(what).predict(**({"source": HOST, "own": OWN, "address": ABROAD, "port": 443} | changes))


def test_both_ways_over_a_transit_gateway() -> None:
    result = ask(world())
    assert (result.outcome, result.unseen) == (OPEN, ())
    assert stages(result) == list(Stage)


GATEWAYS: Final = {
    "open": facts(),
    "no route there": facts(there=()),
    "a narrower route to nowhere": facts(there=(TO_B, NOWHERE)),
    "a route to nowhere for others": facts(there=(TO_B, replace(NOWHERE, destination=ip_network("10.1.2.0/24")))),
    "a static route before a propagated one": facts(there=(TO_B, replace(NOWHERE, destination=TO_B.destination))),
    "no route back": facts(home=()),
    "another VPC first": facts(there=(TO_FIREWALL,)),
    "a firewall first": facts(there=(replace(TO_FIREWALL, kind="network-function", resource_ids=()),)),
    "another gateway": facts(there=(replace(TO_B, kind="peering", resource_ids=("tgw-2",)),)),
    "on its way out": facts(near=replace(OF_A, state="deleting")),
    "being changed": facts(near=replace(OF_A, state="modifying")),
    "not accepted": facts(far=replace(OF_B, state="pendingacceptance")),
    "attached in another zone alone": facts(near=replace(OF_A, subnet_ids=("subnet-gate-a2",))),
    "the other VPC in another zone alone": facts(far=replace(OF_B, subnet_ids=("subnet-gate-b2",))),
    "no table shown": facts(near=replace(OF_A, table_id=None)),
    "the tables not read": facts(tables=(), unread=("tgw-rtb-a", "tgw-rtb-b")),
    "one table not read": facts(tables=(), unread=("tgw-rtb-a",)),
    "no attachment read": facts(attachments=(OF_B,)),
    "its subnets not read": facts(far=replace(OF_B, subnet_ids=())),
}
GATE_ENTRIES: Final = {
    "in by the sender": entry(10, "deny", "10.0.0.5/32", "443"),
    "in by whom it is for": entry(10, "deny", "10.1.1.17/32", "443"),
    "out by whom it is for": entry(10, "deny", "10.1.1.17/32", "443", egress=True),
    "out by the sender": entry(10, "deny", "10.0.0.5/32", "443", egress=True),
    "the answer in": entry(10, "deny", "10.1.1.17/32", "1024-65535"),
    "some answers out": entry(10, "deny", "10.0.0.5/32", "40000-40009", egress=True),
    "another port": entry(10, "deny", "0.0.0.0/0", "80"),
}
"""Entries for the network ACL of the subnets with the gateway's attachments."""
GATES_WITH_FIREWALL: Final = tuple(
    replace(table, routes=(*table.routes, route("10.1.1.0/24", "vpce-9"))) if table.table_id == "rtb-gate" else table
    for table in world().route_tables or ()
)
WAYS: Final = {
    **{f"transit gateway: {name}": ask(world(transit)) for name, transit in GATEWAYS.items()},
    **{
        f"transit gateway, a network ACL denies: {name}": ask(world(gate_entries=[denied]))
        for name, denied in GATE_ENTRIES.items()
    },
    "transit gateway: a firewall in its subnet": ask(world(route_tables=GATES_WITH_FIREWALL)),
}


@pytest.mark.parametrize(
    ("states", "decides", "outcome"),
    [
        (("deleted", "available"), "tgw-attach-1", OPEN),
        (("deleting", "deleted"), "tgw-attach-0", BLOCKED),
    ],
)
def test_of_several_attachments_the_one_that_works_counts_then_the_first(
    states: tuple[str, ...], decides: str, outcome: Any
) -> None:
    near = (replace(OF_A, attachment_id=f"tgw-attach-{place}", state=state) for place, state in enumerate(states))
    back = replace(TO_A, attachment_ids=(decides,))
    result = ask(world(facts(attachments=(*near, OF_B), home=(back,))))
    assert (decides in hop(result, Stage.TRANSIT).resources, result.outcome) == (outcome is BLOCKED, outcome)


def test_a_route_that_leads_nowhere_reaches_no_transit_gateway() -> None:
    tables = tuple(
        replace(table, routes=(*LOCAL_ROUTES, route("10.1.0.0/16", "tgw-1", "blackhole")))
        if table.table_id == "rtb-host"
        else table
        for table in world().route_tables or ()
    )
    result = ask(world(route_tables=tables))
    assert hop(result, Stage.ROUTE).outcome is BLOCKED
    assert Stage.TRANSIT not in stages(result)


@pytest.mark.parametrize(
    ("aspect", "unknown"), [(Aspect.OUTBOUND, Stage.HOST_ACL_OUT), (Aspect.INBOUND, Stage.HOST_ACL_IN)]
)
def test_entries_of_a_network_acl_that_are_known_later_leave_one_way_open(aspect: Aspect, unknown: Stage) -> None:
    what = world()
    acl_id = next(acl.acl_id for acl in what.acls or () if "subnet-host" in acl.subnet_ids)
    pending = (Pending(acl_id, aspect, "its entries are known later"),)
    result = Predictor(what, pending=pending).predict(source=HOST, own=OWN, address=ABROAD, port=443)
    assert [one.stage for one in result.hops if one.outcome is CANNOT_TELL] == [unknown]


def test_nothing_is_followed_that_was_not_read() -> None:
    result = ask(replace(world(), transit=None))
    assert hop(result, Stage.ROUTE).outcome is CANNOT_TELL
    assert Stage.TRANSIT not in stages(result)


@pytest.mark.parametrize(
    ("subnet_id", "asked"),
    [pytest.param("subnet-abroad", False, id="same"), pytest.param("subnet-gate-b", True, id="other")],
)
def test_between_the_gateway_and_its_own_subnet_no_network_acl_is_asked(subnet_id: str, asked: bool) -> None:
    shut = [entry(10, "deny", "10.0.0.5/32", "443"), *open_entries()]
    what = world(facts(far=replace(OF_B, subnet_ids=(subnet_id,))))
    acls = tuple(
        replace(acl, entries=tuple(shut)) if "subnet-abroad" in acl.subnet_ids else acl for acl in what.acls or ()
    )
    result = ask(replace(what, acls=acls))
    assert (Stage.ENDPOINT_ACL_IN in stages(result)) is asked
    assert result.outcome is (BLOCKED if asked else OPEN)


@pytest.mark.parametrize(
    ("appliance_mode", "outcome"),
    [pytest.param(False, OPEN, id="keeps its zone"), pytest.param(True, CANNOT_TELL, id="any zone")],
)
def test_which_zone_of_the_other_vpc_is_entered(appliance_mode: bool, outcome: Any) -> None:
    """In the other zone, the route table of the subnet leads to a different target."""
    what = world(facts(far=replace(OF_B, appliance_mode=appliance_mode)))
    elsewhere = RouteTable(
        table_id="rtb-elsewhere",
        vpc_id="vpc-b",
        main=False,
        subnet_ids=("subnet-gate-b2",),
        routes=(route("10.1.0.0/16"), route("10.1.1.0/24", "vpce-9")),
    )
    tables = tuple(
        replace(table, subnet_ids=("subnet-gate-b",)) if table.table_id == "rtb-gate" else table
        for table in what.route_tables or ()
    )
    result = hop(ask(replace(what, route_tables=(*tables, elsewhere))), Stage.TRANSIT)
    assert result.outcome is outcome


@pytest.mark.parametrize(("ipv6", "outcome"), [(True, OPEN), (False, BLOCKED)])
def test_ipv6_passes_where_the_attachment_lets_it(ipv6: bool, outcome: Any) -> None:
    far6 = ip_address("fd00:b::17")
    six = replace(TO_B, destination=ip_network("fd00:b::/48")), replace(TO_A, destination=ip_network("fd00:a::/48"))
    transit = facts(near=replace(OF_A, ipv6=ipv6), far=replace(OF_B, ipv6=True), there=six[:1], home=six[1:])
    what = world(transit)
    tables = {
        "rtb-host": route("fd00:b::/48", "tgw-1"),
        "rtb-gate": route("fd00:b::/48"),
        "rtb-abroad": route("fd00:a::/48", "tgw-1"),
    }
    what = replace(
        what,
        route_tables=tuple(
            replace(table, routes=(*table.routes, tables[table.table_id])) if table.table_id in tables else table
            for table in what.route_tables or ()
        ),
        endpoint_interfaces=tuple(
            replace(interface, addresses=(far6,)) if interface.interface_id == "eni-abroad" else interface
            for interface in what.endpoint_interfaces or ()
        ),
    )
    assert hop(ask(what, address=far6, source=None), Stage.TRANSIT).outcome is outcome


# --- Addresses whose owner is not known -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("there", "outcome"),
    [pytest.param((TO_B,), CANNOT_TELL, id="a route"), pytest.param((), BLOCKED, id="no route")],
)
def test_an_endpoint_of_another_account(there: tuple[TransitRoute, ...], outcome: Any) -> None:
    """It is not known who has the address. This does not matter if the gateway's table has no route to it."""
    what = replace(world(facts(there=there)), endpoint_interfaces=(), endpoints=())
    assert hop(ask(what), Stage.TRANSIT).outcome is outcome


# --- What is predicted of a VPC ---------------------------------------------------------------------------------------


def predicted_of(transit: TransitFacts, **changes: Any) -> PredictionDocument:
    """The prediction for a VPC that has no endpoint of its own."""
    far = replace(FAR_ENDPOINT, dns_names=())
    own = replace(OWN, instance_id="i-1")
    more: dict[str, Any] = {**WITH_NAMES, "endpoints": (far,), "interfaces": (own,)}
    return document(replace(world(transit, **changes), **more), ports=(443,))


@pytest.mark.parametrize(
    ("transit", "entries", "outcome", "by", "command"),
    [
        pytest.param(facts(), (), OPEN, (), None, id="open"),
        pytest.param(facts(there=()), (), BLOCKED, ("tgw-rtb-a",), "search-transit-gateway-routes", id="no route"),
        pytest.param(
            facts(near=replace(OF_A, state="failed")),
            (),
            BLOCKED,
            ("tgw-attach-a",),
            "describe-transit-gateway-vpc-attachments",
            id="attachment gone",
        ),
        pytest.param(
            facts(),
            (entry(10, "deny", "10.0.0.5/32", "443"),),
            BLOCKED,
            ("acl-gate",),
            "create-network-acl-entry",
            id="network ACL",
        ),
        pytest.param(facts(there=(TO_FIREWALL,)), (), CANNOT_TELL, ("tgw-rtb-a",), None, id="a firewall decides"),
    ],
)
def test_a_central_endpoint_is_predicted_and_what_decides_is_named(
    transit: TransitFacts, entries: Any, outcome: Any, by: tuple[str, ...], command: str | None
) -> None:
    result = predicted_of(transit, gate_entries=entries)
    (path,) = (path for path in result.paths if path.endpoint_id == "vpce-2")
    assert (path.outcome, path.decided_by, path.counts) == (outcome, by, False)
    known = KnownVpc(vpc_id="vpc-a", region="eu-west-1", configuration=world(transit), dropped=frozenset())
    known = replace(known, configuration=world(transit, gate_entries=entries))
    fix = None if outcome is OPEN else fix_of_paths(known, [path], result.sources)
    argv = () if fix is None else fix.commands[0].argv
    assert argv[2:3] == (() if command is None else (command,))
    if command is not None:
        assert complaint(argv) is None


def test_an_endpoint_of_a_vpc_that_nothing_joins_is_not_predicted() -> None:
    result = predicted_of(facts(attachments=()))
    assert [path for path in result.paths if path.endpoint_id == "vpce-2"] == []


# --- Peerings ---------------------------------------------------------------------------------------------------------


def peered(state: str = "active", other: str = "vpc-b", cidr: str = "10.1.0.0/16", **changes: Any) -> Configuration:
    sides = (
        PeeredVpc(vpc_id="vpc-a", cidrs=(ip_network("10.0.0.0/16"),)),
        PeeredVpc(vpc_id=other, cidrs=(ip_network(cidr),)),
    )
    return configuration(
        host_routes=(*LOCAL_ROUTES, route("10.1.0.0/16", "pcx-1")),
        peerings=(Peering(peering_id="pcx-1", state=state, sides=sides),),
        **changes,
    )


@pytest.mark.parametrize(
    ("what", "outcome"),
    [
        pytest.param(peered(), OPEN, id="active"),
        pytest.param(peered("pending-acceptance"), BLOCKED, id="not accepted"),
        pytest.param(peered("provisioning"), CANNOT_TELL, id="being made"),
        pytest.param(peered(other="vpc-c"), BLOCKED, id="another VPC, and no further"),
    ],
)
def test_where_a_peering_leads(what: Configuration, outcome: Any) -> None:
    result = ask(what)
    assert hop(result, Stage.ROUTE).outcome is outcome
    if outcome is OPEN:
        assert (result.outcome, result.unseen) == (OPEN, ())


def test_a_peering_without_a_way_back() -> None:
    result = ask(peered(abroad_routes=(route("10.1.0.0/16"),)))
    assert hop(result, Stage.RETURN_ROUTE).outcome is BLOCKED


@pytest.mark.parametrize(("cidr", "outcome"), [("10.1.0.0/16", CANNOT_TELL), ("10.2.0.0/16", BLOCKED)])
def test_a_peering_to_an_address_that_nobody_is_known_to_have(cidr: str, outcome: Any) -> None:
    what = replace(peered(cidr=cidr), endpoint_interfaces=(), endpoints=())
    assert hop(ask(what), Stage.ROUTE).outcome is outcome


def admitting_members(**changes: Any) -> Configuration:
    """A VPC whose endpoint only allows traffic from members of the host's group."""
    return peered(abroad_rules=[rule("443", "sg-host")], **changes)


@pytest.mark.parametrize(("joined", "outcome"), [(True, OPEN), (False, CANNOT_TELL)])
def test_a_rule_for_members_of_a_group_counts_over_a_peering(*, joined: bool, outcome: Any) -> None:
    """The rule does not count if the connection of the VPCs was not read, or is not a peering."""
    what = admitting_members()
    if not joined:
        what = replace(what, peerings=None)
    assert hop(ask(what), Stage.ENDPOINT_GROUPS).outcome is outcome
