"""What the configuration says should happen: every hop in its exact words, and against a slow second implementation."""

import random
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from agent.network.predictor import Predictor, own_interface
from agent.report.hops import EPHEMERAL, THIS_HOST, WORST, Hop, Prediction, Reachability, Stage
from probes.facts import ImdsFacts
from probes.model import Address
from probes.vpc.model import (
    AclEntry,
    Configuration,
    GroupRule,
    Network,
    NetworkInterface,
    PrefixList,
    Route,
    SecurityGroup,
)
from tests.agent.network.networks import (
    ABROAD,
    BESIDE,
    ENDPOINT,
    FAR_ENDPOINT,
    GATEWAY_PORTS,
    HOST,
    HOST6,
    INTERFACE,
    LOCAL_ROUTES,
    OWN,
    THERE,
    THERE6,
    ask,
    configuration,
    entry,
    hop,
    large_configuration,
    open_entries,
    out,
    route,
    rule,
    stages,
    two_groups,
)
from tests.agent.network.slow_predict import slow_predict, worst
from tests.support import extent

OPEN, BLOCKED, DOUBTFUL, CANNOT_TELL = (
    Reachability.OPEN,
    Reachability.BLOCKED,
    Reachability.DOUBTFUL,
    Reachability.CANNOT_TELL,
)


# --- The whole way ---------------------------------------------------------------------------------------------------


def test_open_way_names_every_rule() -> None:
    predicted = ask(configuration())
    assert predicted == Prediction(
        source=HOST,
        address=THERE,
        port=443,
        endpoint_id="vpce-1",
        interface_id="eni-there",
        outcome=OPEN,
        hops=(
            Hop(
                stage=Stage.HOST_GROUPS,
                resources=("sg-host",),
                outcome=OPEN,
                rule="everything to 0.0.0.0/0",
                words="sg-host lets out everything to 0.0.0.0/0",
            ),
            Hop(
                stage=Stage.HOST_ACL_OUT,
                resources=("acl-host",),
                outcome=OPEN,
                rule="100 outbound",
                words="entry 100 of acl-host lets tcp 443 to 10.0.1.17 out",
            ),
            Hop(
                stage=Stage.ROUTE,
                resources=("rtb-host",),
                outcome=OPEN,
                rule="10.0.0.0/16 to local",
                words="rtb-host keeps 10.0.0.0/16 within vpc-a",
            ),
            Hop(
                stage=Stage.ENDPOINT_ACL_IN,
                resources=("acl-there",),
                outcome=OPEN,
                rule="100 inbound",
                words="entry 100 of acl-there lets tcp 443 from 10.0.0.5 in",
            ),
            Hop(
                stage=Stage.ENDPOINT_GROUPS,
                resources=("sg-there",),
                outcome=OPEN,
                rule="tcp 443 from 10.0.0.0/16",
                words="sg-there allows tcp 443 from 10.0.0.0/16",
            ),
            Hop(
                stage=Stage.ENDPOINT,
                resources=("vpce-1", "eni-there"),
                outcome=OPEN,
                rule="state available",
                words="vpce-1 is available, with eni-there in subnet-there",
            ),
            Hop(
                stage=Stage.ENDPOINT_ACL_OUT,
                resources=("acl-there",),
                outcome=OPEN,
                rule="100 outbound",
                words="entry 100 of acl-there lets the answers to 10.0.0.5 (tcp 32768-60999) out",
            ),
            Hop(
                stage=Stage.HOST_ACL_IN,
                resources=("acl-host",),
                outcome=OPEN,
                rule="100 inbound",
                words="entry 100 of acl-host lets the answers from 10.0.1.17 (tcp 32768-60999) in",
            ),
        ),
        unseen=(),
    )


def test_the_other_family() -> None:
    predicted = ask(configuration(), THERE6, source=HOST6)
    assert predicted.outcome is OPEN
    assert hop(predicted, Stage.HOST_ACL_OUT).rule == "101 outbound"
    assert hop(predicted, Stage.ENDPOINT_GROUPS).words == "sg-there allows tcp 443 from fd00:a::/48"
    four_only = configuration(there_rules=(rule("443", "0.0.0.0/0"),))
    assert hop(ask(four_only, THERE6, source=HOST6), Stage.ENDPOINT_GROUPS).words == (
        "no rule of sg-there allows tcp 443 from fd00:a::5; it allows tcp 443 from 0.0.0.0/0 only"
    )


def test_inside_one_subnet_neither_acls_nor_routes_are_asked() -> None:
    shut = configuration(host_entries=(), host_routes=())
    predicted = ask(shut, BESIDE)
    assert stages(predicted) == [Stage.HOST_GROUPS, Stage.ENDPOINT_GROUPS, Stage.ENDPOINT]
    assert predicted.outcome is OPEN
    assert predicted.interface_id == "eni-beside"


def test_source_not_known_is_the_interface_s_own_of_that_family() -> None:
    assert ask(configuration(), source=None).source == HOST
    assert ask(configuration(), THERE6, source=HOST).source == HOST6
    one_family = replace(OWN, addresses=(HOST,))
    predicted = ask(configuration(), THERE6, source=None, own=one_family)
    assert predicted.source is None
    assert hop(predicted, Stage.ENDPOINT_GROUPS).words == (
        "whether sg-there allows tcp 443 from this host is not known: the address of this host is not known"
    )
    assert hop(predicted, Stage.ENDPOINT_ACL_IN).outcome is OPEN  # from everywhere
    narrow = configuration(there_entries=(entry(100, "allow", "fd00:a::/48"),))
    assert hop(ask(narrow, THERE6, source=None, own=one_family), Stage.ENDPOINT_ACL_IN).words == (
        "what acl-there does is not known: the address of this host is not known"
    )


def test_the_worst_hop_decides() -> None:
    few_shut = [entry(90, "deny", "0.0.0.0/0", "40000-40009", egress=True), *open_entries()]
    assert ask(configuration()).outcome is OPEN
    assert ask(configuration(endpoints=None)).outcome is CANNOT_TELL
    assert ask(configuration(endpoints=None, there_entries=few_shut)).outcome is DOUBTFUL
    assert ask(configuration(endpoints=None, there_entries=few_shut, there_rules=())).outcome is BLOCKED


# --- Security groups of this host ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "outcome", "words"),
    [
        pytest.param(
            [out("443", "10.0.0.0/16", rule_id="sgr-1")],
            OPEN,
            "sg-host lets out tcp 443 to 10.0.0.0/16",
            id="port and network",
        ),
        pytest.param(
            [out("400-500", "10.0.1.17/32", protocol="6")],
            OPEN,
            "sg-host lets out tcp 400-500 to 10.0.1.17/32",
            id="range and number of the protocol",
        ),
        pytest.param([out("", "10.0.0.0/8")], OPEN, "sg-host lets out tcp on all ports to 10.0.0.0/8", id="all ports"),
        pytest.param([out("443", "sg-there")], OPEN, "sg-host lets out tcp 443 to members of sg-there", id="members"),
        pytest.param([out("443", "pl-1")], OPEN, "sg-host lets out tcp 443 to pl-1", id="prefix list"),
        pytest.param(
            [],
            BLOCKED,
            "no rule of sg-host lets out tcp 443 to 10.0.1.17; it has no outbound rule for tcp",
            id="no rule at all",
        ),
        pytest.param(
            [rule("443", "0.0.0.0/0"), out("443", "0.0.0.0/0", protocol="udp")],
            BLOCKED,
            "no rule of sg-host lets out tcp 443 to 10.0.1.17; it has no outbound rule for tcp",
            id="the other direction and protocol",
        ),
        pytest.param(
            [out("442", "10.0.0.0/16"), out("444-500", "10.0.0.0/16")],
            BLOCKED,
            "no rule of sg-host lets out tcp 443 to 10.0.1.17; it lets out tcp 442 to 10.0.0.0/16 and tcp 444-500 to "
            "10.0.0.0/16 only",
            id="ports beside it",
        ),
        pytest.param(
            [out("443", "10.9.0.0/16"), out("80", "10.0.0.0/16"), out("22", "10.8.0.0/16")],
            BLOCKED,
            "no rule of sg-host lets out tcp 443 to 10.0.1.17; it lets out tcp 443 to 10.9.0.0/16, among others",
            id="the port before the network",
        ),
        pytest.param(
            [out("80", "10.0.0.0/16"), out("22", "10.8.0.0/16")],
            BLOCKED,
            "no rule of sg-host lets out tcp 443 to 10.0.1.17; it lets out tcp 80 to 10.0.0.0/16, among others",
            id="the network before any",
        ),
        pytest.param(
            [out("80", f"10.{number}.0.0/16") for number in (4, 3, 2, 1)],
            BLOCKED,
            "no rule of sg-host lets out tcp 443 to 10.0.1.17; it lets out tcp 80 to 10.1.0.0/16, tcp 80 to "
            "10.2.0.0/16 and tcp 80 to 10.3.0.0/16, among others",
            id="a few of any",
        ),
        pytest.param(
            [out("443", "sg-other"), out("443", "pl-2")],
            CANNOT_TELL,
            "whether sg-host lets out tcp 443 to 10.0.1.17 is not known: pl-2 was not read",
            id="a prefix list that was not read",
        ),
        pytest.param(
            [out("80", "pl-2")],
            BLOCKED,
            "no rule of sg-host lets out tcp 443 to 10.0.1.17; it lets out tcp 80 to pl-2 only",
            id="such a list for another port",
        ),
        pytest.param(
            [out("443", "sg-other")],
            BLOCKED,
            "no rule of sg-host lets out tcp 443 to 10.0.1.17; it lets out tcp 443 to members of sg-other only",
            id="members of a group that the endpoint is not in",
        ),
    ],
)
def test_host_groups(rules: list[GroupRule], outcome: Reachability, words: str) -> None:
    lists = (PrefixList(prefix_list_id="pl-1", cidrs=(ip_network("10.5.0.0/16"), ip_network("10.0.1.0/24"))),)
    result = hop(ask(configuration(host_rules=rules, prefix_lists=lists)), Stage.HOST_GROUPS)
    assert (result.outcome, result.words) == (outcome, words)
    assert result.resources == ("sg-host",)


def test_rule_is_named_by_its_id() -> None:
    with_id = configuration(host_rules=[out("443", "10.0.0.0/16", rule_id="sgr-1")])
    assert hop(ask(with_id), Stage.HOST_GROUPS).rule == "sgr-1"
    unread = configuration(host_rules=[out("443", "pl-1", rule_id="sgr-2")])
    assert hop(ask(unread), Stage.HOST_GROUPS).rule == "sgr-2"
    none = configuration(host_rules=[out("80", "10.0.0.0/16", rule_id="sgr-1")])
    assert hop(ask(none), Stage.HOST_GROUPS).rule is None


def test_host_groups_that_are_not_known() -> None:
    assert hop(ask(configuration(groups=None)), Stage.HOST_GROUPS).words == "the security groups' rules were not read"
    nameless = hop(ask(configuration(), own=replace(OWN, group_ids=())), Stage.HOST_GROUPS)
    assert (nameless.outcome, nameless.words) == (CANNOT_TELL, "the security groups of this host are not known")
    nobody = ask(configuration(), own=None)
    assert hop(nobody, Stage.HOST_GROUPS).words == "which interface of this host sends is not known"
    assert Stage.ROUTE not in stages(nobody)
    assert Stage.HOST_ACL_OUT not in stages(nobody)
    half = ask(configuration(host_rules=()), own=replace(OWN, group_ids=("sg-host", "sg-gone")))
    assert hop(half, Stage.HOST_GROUPS).words == (
        "whether sg-host and sg-gone let out tcp 443 to 10.0.1.17 is not known: the rules of sg-gone were not read"
    )
    enough = ask(configuration(), own=replace(OWN, group_ids=("sg-host", "sg-gone")))
    assert hop(enough, Stage.HOST_GROUPS).outcome is OPEN


def test_whether_an_unknown_interface_is_a_member_is_not_known() -> None:
    what = configuration(host_rules=[out("443", "sg-there")], endpoint_interfaces=None)
    result = hop(ask(what), Stage.HOST_GROUPS)
    assert (result.outcome, result.words) == (
        CANNOT_TELL,
        "whether sg-host lets out tcp 443 to 10.0.1.17 is not known: whether 10.0.1.17 is a member of sg-there is "
        "not known",
    )


# --- Security groups of the endpoint ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "port", "outcome", "words"),
    [
        pytest.param(
            [rule("443", "10.0.0.0/24")], 443, OPEN, "sg-there allows tcp 443 from 10.0.0.0/24", id="by network"
        ),
        pytest.param(
            [rule("", "sg-host", protocol="-1")],
            1027,
            OPEN,
            "sg-there allows everything from members of sg-host",
            id="by membership",
        ),
        pytest.param(
            [rule("443", "10.0.0.0/16")],
            1027,
            BLOCKED,
            "no rule of sg-there allows tcp 1027 from 10.0.0.5; it allows tcp 443 from 10.0.0.0/16 only",
            id="443 alone",
        ),
        pytest.param(
            [rule("443", "10.4.0.0/16")],
            443,
            BLOCKED,
            "no rule of sg-there allows tcp 443 from 10.0.0.5; it allows tcp 443 from 10.4.0.0/16 only",
            id="another network",
        ),
        pytest.param(
            [rule("", "sg-there", protocol="-1")],
            443,
            BLOCKED,
            "no rule of sg-there allows tcp 443 from 10.0.0.5; it allows everything from members of sg-there only",
            id="its own members alone, as the default group does",
        ),
        pytest.param(
            [],
            443,
            BLOCKED,
            "no rule of sg-there allows tcp 443 from 10.0.0.5; it has no inbound rule for tcp",
            id="nobody",
        ),
        pytest.param(
            [rule("443", "pl-1")],
            443,
            CANNOT_TELL,
            "whether sg-there allows tcp 443 from 10.0.0.5 is not known: pl-1 was not read",
            id="a prefix list that was not read",
        ),
    ],
)
def test_endpoint_groups(rules: list[GroupRule], port: int, outcome: Reachability, words: str) -> None:
    result = hop(ask(configuration(there_rules=rules), port=port), Stage.ENDPOINT_GROUPS)
    assert (result.outcome, result.words) == (outcome, words)


def test_several_groups_are_one_set_of_rules() -> None:
    both = two_groups([rule("80", "10.0.0.0/16")], [rule("443", "10.0.0.0/16")])
    assert hop(ask(both), Stage.ENDPOINT_GROUPS).words == "sg-more allows tcp 443 from 10.0.0.0/16"
    neither = two_groups([rule("80", "10.0.0.0/16")], [rule("80", "10.0.0.0/16")])
    assert hop(ask(neither), Stage.ENDPOINT_GROUPS).words == (
        "no rule of sg-there and sg-more allows tcp 443 from 10.0.0.5; they allow tcp 80 from 10.0.0.0/16 only"
    )
    empty = two_groups([], [])
    assert hop(ask(empty), Stage.ENDPOINT_GROUPS).words == (
        "no rule of sg-there and sg-more allows tcp 443 from 10.0.0.5; they have no inbound rule for tcp"
    )


def test_groups_of_the_endpoint_where_its_interface_names_none() -> None:
    bare = replace(INTERFACE, group_ids=())
    assert hop(ask(configuration(endpoint_interfaces=(bare,))), Stage.ENDPOINT_GROUPS).resources == ("sg-there",)
    nowhere = configuration(endpoint_interfaces=(bare,), endpoints=None)
    assert hop(ask(nowhere), Stage.ENDPOINT_GROUPS).words == "the security groups of the endpoint are not known"


def test_membership_of_a_host_whose_groups_are_not_known() -> None:
    what = configuration(there_rules=[rule("443", "sg-host")])
    result = hop(ask(what, own=None), Stage.ENDPOINT_GROUPS)
    assert result.words == (
        "whether sg-there allows tcp 443 from 10.0.0.5 is not known: whether 10.0.0.5 is a member of sg-host is not "
        "known"
    )


def test_membership_is_not_certain_across_vpcs() -> None:
    what = configuration(
        abroad_rules=[rule("443", "sg-host")], host_routes=[*LOCAL_ROUTES, route("10.1.0.0/16", "pcx-1")]
    )
    predicted = ask(what, ABROAD)
    assert hop(predicted, Stage.ENDPOINT_GROUPS).words == (
        "whether sg-abroad allows tcp 443 from 10.0.0.5 is not known: the rule for members of sg-host may not count "
        "from one VPC to another"
    )
    assert predicted.outcome is CANNOT_TELL
    stranger = configuration(abroad_rules=[rule("443", "sg-other")], host_routes=[route("10.1.0.0/16", "pcx-1")])
    assert hop(ask(stranger, ABROAD), Stage.ENDPOINT_GROUPS).outcome is BLOCKED


# --- Network ACLs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "outcome", "rule_name", "words"),
    [
        pytest.param(
            [entry(100, "allow", "10.0.1.0/24", "443", egress=True)],
            OPEN,
            "100 outbound",
            "entry 100 of acl-host lets tcp 443 to 10.0.1.17 out",
            id="allowed",
        ),
        pytest.param(
            [entry(110, "allow", "0.0.0.0/0", egress=True), entry(90, "deny", "10.0.1.0/24", "400-500", egress=True)],
            BLOCKED,
            "90 outbound",
            "entry 90 of acl-host denies tcp 443 to 10.0.1.17",
            id="denied by the lower number",
        ),
        pytest.param(
            [entry(110, "allow", "0.0.0.0/0", egress=True), entry(120, "deny", "10.0.1.0/24", egress=True)],
            OPEN,
            "110 outbound",
            "entry 110 of acl-host lets tcp 443 to 10.0.1.17 out",
            id="the higher number comes too late",
        ),
        pytest.param(
            [entry(100, "allow", "0.0.0.0/0", "80", egress=True), entry(32767, "deny", "0.0.0.0/0", egress=True)],
            BLOCKED,
            "* outbound",
            "no outbound entry of acl-host allows tcp 443 to 10.0.1.17",
            id="the last entry",
        ),
        pytest.param(
            [],
            BLOCKED,
            "* outbound",
            "no outbound entry of acl-host allows tcp 443 to 10.0.1.17",
            id="no entry",
        ),
        pytest.param(
            [
                entry(10, "allow", "::/0", egress=True),
                entry(20, "allow", "0.0.0.0/0", "443", egress=False),
                entry(30, "allow", "0.0.0.0/0", "443", egress=True, protocol="17"),
            ],
            BLOCKED,
            "* outbound",
            "no outbound entry of acl-host allows tcp 443 to 10.0.1.17",
            id="another family, direction, protocol",
        ),
    ],
)
def test_acl_of_the_host_outbound(entries: list[AclEntry], outcome: Reachability, rule_name: str, words: str) -> None:
    result = hop(ask(configuration(host_entries=entries)), Stage.HOST_ACL_OUT)
    assert (result.outcome, result.rule, result.words) == (outcome, rule_name, words)
    assert result.resources == ("acl-host",)


@pytest.mark.parametrize(
    ("entries", "outcome", "rule_name", "words"),
    [
        pytest.param(
            [entry(100, "allow", "10.0.0.0/16", "1024-65535", egress=True)],
            OPEN,
            "100 outbound",
            "entry 100 of acl-there lets the answers to 10.0.0.5 (tcp 32768-60999) out",
            id="all of them",
        ),
        pytest.param(
            [
                entry(100, "allow", "10.0.0.0/16", "1024-40000", egress=True),
                entry(90, "allow", "10.0.0.0/16", "40001-65535", egress=True),
            ],
            OPEN,
            "100, 90 outbound",
            "entries 100 and 90 of acl-there let the answers to 10.0.0.5 (tcp 32768-60999) out",
            id="by two entries",
        ),
        pytest.param(
            [entry(100, "allow", "10.0.0.0/16", "443", egress=True)],
            BLOCKED,
            "* outbound",
            "no outbound entry of acl-there allows the answers to 10.0.0.5 (tcp 32768-60999)",
            id="none",
        ),
        pytest.param(
            [entry(90, "deny", "10.0.0.0/16", "1024-65535", egress=True), *open_entries()],
            BLOCKED,
            "90 outbound",
            "entry 90 of acl-there denies the answers to 10.0.0.5 (tcp 32768-60999)",
            id="denied by number",
        ),
        pytest.param(
            [entry(90, "deny", "10.0.0.0/16", "1024-40000", egress=True)],
            BLOCKED,
            "90, * outbound",
            "entries 90 and * of acl-there deny the answers to 10.0.0.5 (tcp 32768-60999)",
            id="denied by number and by the last",
        ),
        pytest.param(
            [entry(100, "allow", "10.0.0.0/16", "49152-65535", egress=True)],
            DOUBTFUL,
            "* outbound",
            "of the ports that answers come back to, acl-there lets 49152-60999 out to 10.0.0.5, and not 32768-49151",
            id="the upper part, as Windows uses it",
        ),
        pytest.param(
            [
                entry(80, "deny", "10.0.0.0/16", "40000", egress=True),
                entry(90, "deny", "10.0.0.0/16", "50000-50009", egress=True),
                *open_entries(),
            ],
            DOUBTFUL,
            "80, 90 outbound",
            "of the ports that answers come back to, acl-there lets 32768-39999, 40001-49999 and 50010-60999 out to "
            "10.0.0.5, and not 40000 and 50000-50009",
            id="with holes",
        ),
    ],
)
def test_acl_of_the_endpoint_lets_answers_out(
    entries: list[AclEntry], outcome: Reachability, rule_name: str, words: str
) -> None:
    what = configuration(there_entries=[*entries, entry(100, "allow", "0.0.0.0/0")])
    result = hop(ask(what), Stage.ENDPOINT_ACL_OUT)
    assert (result.outcome, result.rule, result.words) == (outcome, rule_name, words)


def test_the_other_two_acl_hops() -> None:
    no_port = configuration(there_entries=[entry(100, "allow", "10.0.0.0/16", "32768-65535")])
    assert hop(ask(no_port), Stage.ENDPOINT_ACL_IN).words == (
        "no inbound entry of acl-there allows tcp 443 from 10.0.0.5"
    )
    no_answer = configuration(host_entries=[entry(100, "allow", "0.0.0.0/0", egress=True)])
    assert hop(ask(no_answer), Stage.HOST_ACL_IN).words == (
        "no inbound entry of acl-host allows the answers from 10.0.1.17 (tcp 32768-60999)"
    )


def test_acls_that_were_not_read_are_said_once() -> None:
    none = ask(configuration(acls=None))
    assert [hop.stage for hop in none.hops if hop.outcome is CANNOT_TELL] == [Stage.HOST_ACL_OUT]
    assert hop(none, Stage.HOST_ACL_OUT).words == "the network ACLs were not read"
    assert none.unseen == ("the network ACLs, which were not read",)
    own_only = configuration()
    assert own_only.acls is not None
    missing = ask(replace(own_only, acls=own_only.acls[:1]))
    assert [hop.words for hop in missing.hops if hop.outcome is CANNOT_TELL] == [
        "the network ACL of subnet-there was not read"
    ]


def test_acl_of_an_unknown_subnet_may_not_be_asked() -> None:
    what = configuration(endpoint_interfaces=None, subnets=None, host_entries=())
    predicted = ask(what)
    assert hop(predicted, Stage.HOST_ACL_OUT).words == (
        "no outbound entry of acl-host allows tcp 443 to 10.0.1.17, unless both ends are in one subnet"
    )
    assert predicted.outcome is CANNOT_TELL
    assert ask(replace(what, endpoint_interfaces=())).outcome is CANNOT_TELL
    known = ask(configuration(endpoint_interfaces=None, host_entries=()))
    assert hop(known, Stage.HOST_ACL_OUT).outcome is BLOCKED
    beside = ask(configuration(endpoint_interfaces=None, host_entries=()), BESIDE)
    assert stages(beside) == [Stage.HOST_GROUPS, Stage.ENDPOINT]
    outside = ask(what, ABROAD)
    assert hop(outside, Stage.HOST_ACL_OUT).outcome is BLOCKED


def test_groups_and_states_hold_in_one_subnet_as_well() -> None:
    nowhere: dict[str, Any] = {"endpoint_interfaces": None, "subnets": None}
    assert hop(ask(configuration(**nowhere, host_rules=())), Stage.HOST_GROUPS).outcome is BLOCKED
    assert hop(ask(configuration(there_rules=()), own=None), Stage.ENDPOINT_GROUPS).outcome is BLOCKED
    failed = configuration(endpoints=(replace(ENDPOINT, state="failed"),))
    assert hop(ask(failed, own=None), Stage.ENDPOINT).outcome is BLOCKED


# --- Routes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("routes", "outcome", "rule_name", "words"),
    [
        pytest.param(
            [route("0.0.0.0/0", "igw-1"), *LOCAL_ROUTES],
            OPEN,
            "10.0.0.0/16 to local",
            "rtb-host keeps 10.0.0.0/16 within vpc-a",
            id="the longest prefix",
        ),
        pytest.param(
            [*LOCAL_ROUTES, route("10.0.1.0/24", "eni-9")],
            DOUBTFUL,
            "10.0.1.0/24 to eni-9",
            "rtb-host sends 10.0.1.0/24 to eni-9 first, and what that does with it cannot be seen",
            id="through an appliance",
        ),
        pytest.param(
            [*LOCAL_ROUTES, route("10.0.2.0/24", "eni-9")],
            OPEN,
            "10.0.0.0/16 to local",
            "rtb-host keeps 10.0.0.0/16 within vpc-a",
            id="an appliance for another subnet",
        ),
        pytest.param(
            [*LOCAL_ROUTES, route("10.0.1.0/24", "eni-9", "blackhole")],
            BLOCKED,
            "10.0.1.0/24 to eni-9",
            "rtb-host sends 10.0.1.0/24 to eni-9, which is not there any more (its state is blackhole)",
            id="an appliance that is gone",
        ),
        pytest.param(
            [*LOCAL_ROUTES, route("10.0.1.0/24", "eni-9", "filtered")],
            CANNOT_TELL,
            "10.0.1.0/24 to eni-9",
            "rtb-host sends 10.0.1.0/24 to eni-9 in the state filtered, and what that does is not documented",
            id="a state without documentation",
        ),
        pytest.param(
            [*LOCAL_ROUTES, route("10.0.1.0/24", "vgw-1")],
            OPEN,
            "10.0.0.0/16 to local",
            "rtb-host keeps 10.0.0.0/16 within vpc-a",
            id="local comes before what is propagated",
        ),
        pytest.param(
            [*LOCAL_ROUTES, route("10.0.1.0/24", "tgw-1")],
            DOUBTFUL,
            "10.0.1.0/24 to tgw-1",
            "rtb-host sends 10.0.1.0/24 to tgw-1, though 10.0.1.17 is in vpc-a itself",
            id="out of the VPC that it is in",
        ),
        pytest.param(
            [*LOCAL_ROUTES, route("pl-1", "eni-9")],
            DOUBTFUL,
            "pl-1 to eni-9",
            "rtb-host sends pl-1 to eni-9 first, and what that does with it cannot be seen",
            id="by a prefix list",
        ),
        pytest.param(
            [*LOCAL_ROUTES, route("pl-1", "eni-9"), route("10.0.1.0/24", "vpce-9")],
            DOUBTFUL,
            "10.0.1.0/24 to vpce-9",
            "rtb-host sends 10.0.1.0/24 to vpce-9, an endpoint of AWS Network Firewall or of a "
            "Gateway Load Balancer, first, and what that does with it cannot be seen",
            id="a static route before a prefix list of the same length",
        ),
        pytest.param(
            [*LOCAL_ROUTES, route("pl-1", "eni-9"), route("pl-2", "eni-8")],
            CANNOT_TELL,
            None,
            "rtb-host has routes to eni-8 and eni-9 that fit 10.0.1.17 alike",
            id="two prefix lists of the same length",
        ),
        pytest.param(
            [*LOCAL_ROUTES, route("pl-3", "vpce-3")],
            CANNOT_TELL,
            "10.0.0.0/16 to local",
            "rtb-host keeps 10.0.0.0/16 within vpc-a, unless pl-3, which was not read, fits closer",
            id="a prefix list that was not read",
        ),
        pytest.param(
            [route("10.0.1.17/32", "eni-9"), route("pl-3", "vpce-3")],
            DOUBTFUL,
            "10.0.1.17/32 to eni-9",
            "rtb-host sends 10.0.1.17/32 to eni-9 first, and what that does with it cannot be seen",
            id="nothing fits closer",
        ),
        pytest.param([], BLOCKED, None, "rtb-host has no route to 10.0.1.17", id="none"),
        pytest.param(
            [route("pl-4", "eni-9"), route("pl-3", "vpce-3")],
            CANNOT_TELL,
            None,
            "rtb-host has no route to 10.0.1.17, unless pl-3 and pl-4, which were not read, fit closer",
            id="none that was read",
        ),
    ],
)
def test_route_within_the_vpc(routes: list[Route], outcome: Reachability, rule_name: str | None, words: str) -> None:
    lists = tuple(
        PrefixList(prefix_list_id=list_id, cidrs=(ip_network("10.0.1.0/24"),)) for list_id in ("pl-1", "pl-2")
    )
    result = hop(ask(configuration(host_routes=routes, prefix_lists=lists)), Stage.ROUTE)
    assert (result.outcome, result.rule, result.words) == (outcome, rule_name, words)
    assert result.resources == ("rtb-host",)


@pytest.mark.parametrize(
    ("target", "outcome", "words"),
    [
        pytest.param(
            "tgw-1",
            CANNOT_TELL,
            "rtb-host sends 10.1.0.0/16 to tgw-1, and what lies behind that cannot be seen",
            id="transit gateway",
        ),
        pytest.param(
            "vgw-1",
            CANNOT_TELL,
            "rtb-host sends 10.1.0.0/16 to vgw-1, and what lies behind that cannot be seen",
            id="VPN",
        ),
        pytest.param(
            "pcx-1", OPEN, "rtb-host sends 10.1.0.0/16 to pcx-1, which goes to vpc-b", id="peering that joins both"
        ),
        pytest.param(
            "pcx-2",
            CANNOT_TELL,
            "rtb-host sends 10.1.0.0/16 to pcx-2, and what lies behind that cannot be seen",
            id="another peering",
        ),
        pytest.param(
            "igw-1",
            BLOCKED,
            "rtb-host sends 10.1.0.0/16 to igw-1, which goes to the internet, where no host has a private address",
            id="internet gateway",
        ),
        pytest.param(
            "eigw-1",
            BLOCKED,
            "rtb-host sends 10.1.0.0/16 to eigw-1, which goes to the internet, where no host has a private address",
            id="egress-only internet gateway",
        ),
        pytest.param(
            "nat-1",
            DOUBTFUL,
            "rtb-host sends 10.1.0.0/16 to nat-1 first, and what that does with it cannot be seen",
            id="NAT gateway, which can send on to other VPCs",
        ),
        pytest.param(
            "local",
            BLOCKED,
            "rtb-host keeps 10.1.0.0/16 within vpc-a, and 10.1.1.17 is in vpc-b",
            id="a CIDR of both VPCs",
        ),
    ],
)
def test_route_to_another_vpc(target: str, outcome: Reachability, words: str) -> None:
    what = configuration(host_routes=[*LOCAL_ROUTES, route("10.1.0.0/16", target)])
    predicted = ask(what, ABROAD)
    result = hop(predicted, Stage.ROUTE)
    assert (result.outcome, result.words) == (outcome, words)
    assert "what lies between vpc-a and vpc-b, and what filters there" in predicted.unseen


def test_route_to_a_public_address_that_nobody_has() -> None:
    public = ip_address("198.51.100.7")
    for target in ("igw-1", "nat-1"):
        predicted = ask(configuration(host_routes=[*LOCAL_ROUTES, route("0.0.0.0/0", target)]), public)
        assert hop(predicted, Stage.ROUTE).words == f"rtb-host sends 0.0.0.0/0 to {target}, towards the internet"
        assert predicted.outcome is CANNOT_TELL
        assert hop(predicted, Stage.ENDPOINT).words == "no interface that was read has this address"


@pytest.mark.parametrize(
    ("address", "outcome"),
    [
        pytest.param("10.255.255.255", BLOCKED, id="RFC 1918"),
        pytest.param("172.31.0.1", BLOCKED, id="RFC 1918, the second block"),
        pytest.param("172.32.0.1", OPEN, id="behind it"),
        pytest.param("192.168.0.1", BLOCKED, id="RFC 1918, the third block"),
        pytest.param("100.127.0.1", BLOCKED, id="RFC 6598"),
        pytest.param("100.128.0.1", OPEN, id="behind that"),
        pytest.param("fd12::1", BLOCKED, id="RFC 4193"),
        pytest.param("2600:1f18::1", OPEN, id="global IPv6"),
    ],
)
def test_what_the_internet_knows(address: str, outcome: Reachability) -> None:
    way = [*LOCAL_ROUTES, route("0.0.0.0/0", "igw-1"), route("::/0", "eigw-1")]
    assert hop(ask(configuration(host_routes=way, vpc=None), ip_address(address)), Stage.ROUTE).outcome is outcome


def test_the_longest_prefix_of_a_list_counts() -> None:
    nested = PrefixList(prefix_list_id="pl-1", cidrs=tuple(map(ip_network, ("10.0.0.0/8", "10.0.1.0/24", "0.0.0.0/0"))))
    what = configuration(host_routes=[*LOCAL_ROUTES, route("pl-1", "eni-9")], prefix_lists=(nested,))
    assert hop(ask(what), Stage.ROUTE).rule == "pl-1 to eni-9"
    assert hop(ask(what, ip_address("10.0.2.17")), Stage.ROUTE).rule == "10.0.0.0/16 to local"


def test_the_narrowest_rule_is_named() -> None:
    what = configuration(there_rules=[rule("443", block) for block in ("0.0.0.0/0", "10.0.0.0/24", "10.0.0.0/16")])
    assert hop(ask(what), Stage.ENDPOINT_GROUPS).words == "sg-there allows tcp 443 from 10.0.0.0/24"


def test_global_address_of_an_endpoint_elsewhere_through_the_internet() -> None:
    address = ip_address("2600:1f18::17")
    base = configuration(host_routes=[*LOCAL_ROUTES, route("::/0", "eigw-1")])
    assert base.endpoint_interfaces is not None
    far = replace(base.endpoint_interfaces[2], addresses=(address,))
    result = hop(ask(replace(base, endpoint_interfaces=(far,)), address, source=HOST6), Stage.ROUTE)
    assert (result.outcome, result.words) == (
        CANNOT_TELL,
        "rtb-host sends ::/0 to eigw-1, and what lies behind that cannot be seen",
    )
    own_address = ip_address("2600:1f18:1::5")
    both = replace(base, endpoint_interfaces=(far,))
    assert both.route_tables is not None
    abroad = replace(both.route_tables[2], routes=(route("::/0", "igw-2"),))
    predicted = ask(
        replace(both, route_tables=(*both.route_tables[:2], abroad)),
        address,
        source=own_address,
        own=replace(OWN, addresses=(own_address,)),
    )
    assert hop(predicted, Stage.RETURN_ROUTE).words == (
        "rtb-abroad sends ::/0 to igw-2, and what lies behind that cannot be seen"
    )


def test_route_tables_that_were_not_read() -> None:
    none = ask(configuration(route_tables=None))
    assert (hop(none, Stage.ROUTE).outcome, hop(none, Stage.ROUTE).words) == (
        CANNOT_TELL,
        "the route tables were not read",
    )
    assert none.unseen == ("the route tables, which were not read",)
    missing = ask(configuration(route_tables=()))
    assert hop(missing, Stage.ROUTE).words == "the route table of subnet-host was not read"


def test_main_table_serves_subnets_that_no_table_names() -> None:
    elsewhere = replace(OWN, subnet_id="subnet-other")
    assert hop(ask(configuration(), own=elsewhere), Stage.ROUTE).resources == ("rtb-main",)


# --- Through an appliance --------------------------------------------------------------------------------------------


def test_appliance_may_send_from_an_address_of_its_own() -> None:
    way = [*LOCAL_ROUTES, route("10.0.1.0/24", "nat-9")]
    predicted = ask(configuration(host_routes=way))
    assert predicted.outcome is DOUBTFUL
    assert hop(predicted, Stage.ENDPOINT_GROUPS).words == (
        "whether sg-there allows tcp 443 from nat-9 is not known: the address of nat-9 is not known"
    )
    assert predicted.unseen == ("what nat-9 does with the packet, and from which address it sends it on",)
    # No source is allowed on this port.
    shut = ask(configuration(host_routes=way), port=1027)
    assert hop(shut, Stage.ENDPOINT_GROUPS).words == (
        "no rule of sg-there allows tcp 1027 from nat-9; it allows tcp 443 from 10.0.0.0/16 and tcp 443 from "
        "fd00:a::/48 only"
    )
    everybody = ask(configuration(host_routes=way, there_rules=[rule("443", "0.0.0.0/0")]))
    assert hop(everybody, Stage.ENDPOINT_GROUPS).outcome is OPEN


def test_gateway_load_balancer_keeps_the_address_and_no_membership() -> None:
    way = [*LOCAL_ROUTES, route("10.0.1.0/24", "vpce-9")]
    through = ask(configuration(host_routes=way))
    assert hop(through, Stage.ENDPOINT_GROUPS).outcome is OPEN
    assert through.unseen == ("what vpce-9 does with the packet",)
    members = ask(configuration(host_routes=way, there_rules=[rule("443", "sg-host")]))
    assert hop(members, Stage.ENDPOINT_GROUPS).words == (
        "whether sg-there allows tcp 443 from 10.0.0.5 is not known: the rule for members of sg-host may not count "
        "for what goes through vpce-9"
    )


# --- The way back ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("routes", "outcome", "words"),
    [
        pytest.param(
            [route("10.1.0.0/16")], BLOCKED, "rtb-abroad has no route to 10.0.0.5", id="none, the commonest fault"
        ),
        pytest.param(
            [route("10.0.0.0/16", "tgw-1", "blackhole")],
            BLOCKED,
            "rtb-abroad sends 10.0.0.0/16 to tgw-1, which is not there any more (its state is blackhole)",
            id="to what is gone",
        ),
        pytest.param(
            [route("10.0.0.0/8", "tgw-1")], OPEN, "rtb-abroad sends 10.0.0.0/8 to tgw-1", id="transit gateway"
        ),
        pytest.param(
            [route("10.0.0.0/16", "pcx-1")],
            OPEN,
            "rtb-abroad sends 10.0.0.0/16 to pcx-1, which goes to vpc-a",
            id="the same peering",
        ),
        pytest.param(
            [route("0.0.0.0/0", "igw-1")],
            BLOCKED,
            "rtb-abroad sends 0.0.0.0/0 to igw-1, which goes to the internet, where no host has a private address",
            id="to the internet",
        ),
        pytest.param(
            [route("10.0.0.0/8")],
            BLOCKED,
            "rtb-abroad keeps 10.0.0.0/8 within vpc-b, and 10.0.0.5 is in vpc-a",
            id="kept there",
        ),
        pytest.param(
            [route("10.0.0.0/16", "vpce-9")],
            DOUBTFUL,
            "rtb-abroad sends 10.0.0.0/16 to vpce-9, an endpoint of AWS Network Firewall or of a "
            "Gateway Load Balancer, first, and what that does with it cannot be seen",
            id="through a firewall",
        ),
    ],
)
def test_return_route_from_another_vpc(routes: list[Route], outcome: Reachability, words: str) -> None:
    what = configuration(host_routes=[*LOCAL_ROUTES, route("10.1.0.0/16", "pcx-1")], abroad_routes=routes)
    result = hop(ask(what, ABROAD), Stage.RETURN_ROUTE)
    assert (result.outcome, result.words) == (outcome, words)
    assert result.resources == ("rtb-abroad",)


def test_return_route_over_a_peering_is_open_both_ways() -> None:
    predicted = ask(configuration(host_routes=[*LOCAL_ROUTES, route("10.1.0.0/16", "pcx-1")]), ABROAD)
    assert predicted.outcome is OPEN
    assert predicted.endpoint_id == "vpce-2"
    assert Stage.RETURN_ROUTE in stages(predicted)
    assert predicted.unseen == ("what lies between vpc-a and vpc-b, and what filters there",)


def test_return_route_that_was_not_read_is_unseen() -> None:
    base = configuration(host_routes=[*LOCAL_ROUTES, route("10.1.0.0/16", "tgw-1")])
    assert base.route_tables is not None
    predicted = ask(replace(base, route_tables=base.route_tables[:2]), ABROAD)
    assert Stage.RETURN_ROUTE not in stages(predicted)
    assert predicted.unseen == (
        "what lies between vpc-a and vpc-b, and what filters there",
        "the way back from vpc-b, whose route tables were not read",
    )


def test_return_route_within_the_vpc_is_told_where_it_is_no_plain_one() -> None:
    through = ask(configuration(there_routes=[*LOCAL_ROUTES, route("10.0.0.0/24", "vpce-9")]))
    assert hop(through, Stage.RETURN_ROUTE).outcome is DOUBTFUL
    assert through.unseen == ("what vpce-9 does with the answer",)
    gone = ask(configuration(there_routes=[*LOCAL_ROUTES, route("10.0.0.0/24", "vpce-9", "blackhole")]))
    assert gone.outcome is BLOCKED


# --- The endpoint ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "outcome", "words"),
    [
        pytest.param({}, OPEN, "vpce-1 is available, with eni-there in subnet-there", id="available"),
        pytest.param(
            {"state": "pendingacceptance"}, BLOCKED, "vpce-1 has the state pendingacceptance", id="not accepted yet"
        ),
        pytest.param(
            {"state": "failed", "error_code": "InsufficientCapacity", "error_message": "No  room\nleft."},
            BLOCKED,
            "vpce-1 has the state failed: InsufficientCapacity: No room left",
            id="with its error",
        ),
        pytest.param(
            {"state": "failed", "error_message": "word " * 60},
            BLOCKED,
            f"vpce-1 has the state failed: {' '.join(['word'] * 31)} …",
            id="with a long error",
        ),
        pytest.param({"state": "partial"}, DOUBTFUL, "vpce-1 has the state partial", id="without documentation"),
        pytest.param({"state": "pending"}, DOUBTFUL, "vpce-1 has the state pending", id="while somebody changes it"),
    ],
)
def test_endpoint_state(changes: dict[str, Any], outcome: Reachability, words: str) -> None:
    result = hop(ask(configuration(endpoints=(replace(ENDPOINT, **changes),))), Stage.ENDPOINT)
    assert (result.outcome, result.words) == (outcome, words)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"endpoint_interfaces": ()}, "no interface that was read has this address", id="nobody has it"),
        pytest.param(
            {"endpoint_interfaces": None}, "the endpoints' network interfaces were not read", id="interfaces not read"
        ),
        pytest.param(
            {
                "endpoint_interfaces": tuple(
                    replace(INTERFACE, interface_id=f"eni-{letter}", vpc_id=letter) for letter in "zy"
                )
            },
            "eni-y and eni-z have this address in y and z, and no interface that was read has it in vpc-a",
            id="several, all elsewhere",
        ),
    ],
)
def test_what_can_be_said_where_nobody_is_known_to_have_the_address(changes: dict[str, Any], words: str) -> None:
    predicted = ask(configuration(**changes))
    assert predicted.endpoint_id is None
    assert predicted.interface_id is None
    assert predicted.outcome is CANNOT_TELL
    assert stages(predicted) == [
        Stage.HOST_GROUPS,
        Stage.HOST_ACL_OUT,
        Stage.ROUTE,
        Stage.ENDPOINT,
        Stage.HOST_ACL_IN,
    ]
    assert (hop(predicted, Stage.ENDPOINT).outcome, hop(predicted, Stage.ENDPOINT).words) == (CANNOT_TELL, words)


def test_interface_that_no_endpoint_names() -> None:
    foreign = ask(configuration(endpoints=()))
    assert hop(foreign, Stage.ENDPOINT).words == "eni-there has this address, and no endpoint that was read names it"
    assert hop(foreign, Stage.ENDPOINT).resources == ("eni-there",)
    unread = ask(configuration(endpoints=None))
    assert hop(unread, Stage.ENDPOINT).words == "the interface endpoints were not read"
    assert unread.unseen == ("the interface endpoints, which were not read",)


def test_endpoint_at() -> None:
    base = configuration()
    assert Predictor(base).endpoint_at(THERE) == (ENDPOINT, INTERFACE)
    assert Predictor(base).endpoint_at(ip_address("10.0.1.18")) == (None, None)
    twin = replace(INTERFACE, interface_id="eni-twin", vpc_id="vpc-b")
    assert Predictor(replace(base, endpoint_interfaces=(twin, INTERFACE))).endpoint_at(THERE) == (ENDPOINT, INTERFACE)
    assert Predictor(replace(base, endpoint_interfaces=(twin, INTERFACE), vpc=None)).endpoint_at(THERE) == (None, None)
    nameless = replace(ENDPOINT, interface_ids=())
    assert Predictor(replace(base, endpoints=(nameless,))).endpoint_at(THERE) == (nameless, INTERFACE)
    assert Predictor(replace(base, endpoints=(nameless, nameless))).endpoint_at(THERE) == (None, INTERFACE)
    for change in ({"vpc_id": "vpc-b"}, {"subnet_ids": ()}, {"group_ids": ("sg-host",)}):
        other = replace(nameless, **change)
        assert Predictor(replace(base, endpoints=(other,))).endpoint_at(THERE) == (None, INTERFACE)


def test_an_address_of_the_own_vpc_is_no_interface_of_another() -> None:
    twin = replace(INTERFACE, interface_id="eni-twin", vpc_id="vpc-b")
    overlapping = configuration(endpoint_interfaces=(twin,))
    assert Predictor(overlapping).endpoint_at(THERE) == (None, None)
    elsewhere = ip_network("10.7.0.0/16")
    base_vpc = overlapping.vpc
    assert base_vpc is not None
    apart = replace(overlapping, vpc=replace(base_vpc, cidrs=(elsewhere,)))
    assert Predictor(apart).endpoint_at(THERE) == (None, twin)
    assert Predictor(apart, vpc_id="vpc-a", vpc_cidrs=[ip_network("10.0.0.0/16")]).endpoint_at(THERE) == (None, None)
    assert Predictor(apart, vpc_id="vpc-b", vpc_cidrs=[ip_network("10.0.0.0/16")]).endpoint_at(THERE) == (None, twin)
    predicted = ask(overlapping)
    assert (predicted.endpoint_id, predicted.interface_id, predicted.outcome) == (None, None, CANNOT_TELL)
    words = "eni-twin has this address in vpc-b, and no interface that was read has it in vpc-a"
    assert hop(predicted, Stage.ENDPOINT).words == words
    assert hop(predicted, Stage.ROUTE).outcome is OPEN
    assert Stage.ENDPOINT_GROUPS not in stages(predicted)


def test_of_two_interfaces_in_other_vpcs_none_is_picked() -> None:
    twins = tuple(
        replace(INTERFACE, interface_id=f"eni-{vpc_id}", vpc_id=vpc_id, addresses=(ABROAD,))
        for vpc_id in ("vpc-b", "vpc-c")
    )
    doubled = configuration(endpoint_interfaces=twins)
    assert Predictor(doubled).endpoint_at(ABROAD) == (None, None)
    words = "eni-vpc-b and eni-vpc-c have this address, and it is not known which of them is meant"
    assert hop(ask(doubled, ABROAD), Stage.ENDPOINT).words == words


# --- The interface of this host --------------------------------------------------------------------------------------


METADATA: Final = ImdsFacts(
    token=True,
    vpc_id="vpc-a",
    subnet_id="subnet-host",
    subnet_cidrs=(ip_network("10.0.0.0/24"), ip_network("fd00:a::/64")),
    interface_id="eni-host",
    interface_addresses=(HOST, HOST6),
    security_group_ids=("sg-host",),
)
SECOND: Final = ip_address("10.0.0.6")
"""An address in the subnet of this host's primary interface that is not that interface's."""


def test_own_interface_from_ec2() -> None:
    second = replace(OWN, interface_id="eni-second", addresses=(ip_address("10.0.3.5"),))
    both = configuration(own_interfaces=(OWN, second))
    assert own_interface(both, HOST, METADATA) == OWN
    assert own_interface(both, ip_address("10.0.3.5"), METADATA) == second
    assert own_interface(both, SECOND, METADATA) is None
    assert own_interface(both, ip_address("172.17.0.2"), METADATA) is None
    assert own_interface(both, None, METADATA) is None
    assert own_interface(configuration(), None, METADATA) == OWN


def test_own_interface_from_metadata() -> None:
    unread = configuration(own_interfaces=None)
    assert own_interface(unread, HOST, METADATA) == OWN
    assert own_interface(unread, HOST6, METADATA) == OWN
    assert own_interface(unread, HOST, replace(METADATA, subnet_cidrs=())) == OWN
    assert own_interface(unread, HOST, replace(METADATA, interface_id=None)) == replace(OWN, interface_id=THIS_HOST)
    for unknown in (None, replace(METADATA, subnet_id=None), replace(METADATA, vpc_id=None)):
        assert own_interface(unread, HOST, unknown) is None
    for elsewhere in (None, ip_address("10.0.9.5"), ip_address("172.17.0.2")):
        assert own_interface(unread, elsewhere, METADATA) is None
    assert ask(unread, own=own_interface(unread, HOST, METADATA)).outcome is OPEN


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param(METADATA, id="the address of another interface"),
        pytest.param(replace(METADATA, interface_id=None, interface_addresses=()), id="addresses were not read"),
    ],
)
def test_the_groups_of_another_interface_in_the_subnet_are_not_known(metadata: ImdsFacts) -> None:
    by_group = configuration(own_interfaces=None, there_rules=[rule("443", "sg-host")])
    own = own_interface(by_group, SECOND, metadata)
    assert own == NetworkInterface(
        interface_id=THIS_HOST, vpc_id="vpc-a", subnet_id="subnet-host", addresses=(SECOND,), group_ids=()
    )
    predicted = Predictor(by_group).predict(source=SECOND, own=own, address=THERE, port=443)
    groups = hop(predicted, Stage.HOST_GROUPS)
    assert (groups.outcome, groups.words) == (CANNOT_TELL, "which interface of this host sends is not known")
    words = "whether sg-there allows tcp 443 from 10.0.0.6 is not known: whether 10.0.0.6 is a member of sg-host is "
    assert hop(predicted, Stage.ENDPOINT_GROUPS).words == words + "not known"
    assert hop(predicted, Stage.HOST_ACL_OUT).outcome is OPEN
    assert hop(predicted, Stage.ROUTE).outcome is OPEN
    assert predicted.outcome is CANNOT_TELL


# --- Against a second implementation ---------------------------------------------------------------------------------

CIDRS: Final = (
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.0.0.0/16",
    "10.0.0.0/24",
    "10.0.0.5/32",
    "10.0.0.4/31",
    "10.0.1.0/24",
    "10.0.1.17/32",
    "10.1.0.0/16",
    "192.168.0.0/16",
    "::/0",
    "fd00:a::/48",
    "fd00:a::/64",
    "fd00:a::5/128",
    "fd00:a:0:1::/64",
)
GROUPS: Final = ("sg-host", "sg-more", "sg-there", "sg-abroad")
LISTS: Final = ("pl-1", "pl-2", "pl-3")
"""The last is never read."""
EDGES: Final = (0, 80, 442, 443, 444, 1024, 1026, 1027, 32767, 32768, 40000, 40001, 60999, 61000, 65535)
STATES: Final = ("active", "active", "active", "blackhole", "filtered")
TARGETS: Final = (
    "local local eni-1 eni-2 vpce-8 nat-1 i-1 igw-1 eigw-1 tgw-1 tgw-1 pcx-1 pcx-2 vgw-1 arn:aws:networkmanager:core"
).split()

networks = st.sampled_from(CIDRS).map(ip_network)
port_ranges = st.one_of(
    st.just((None, None)),
    st.tuples(st.sampled_from(EDGES), st.sampled_from(EDGES)).map(lambda ends: tuple(sorted(ends))),
)
whom = st.one_of(st.sampled_from(CIDRS), st.sampled_from(CIDRS), st.sampled_from(GROUPS), st.sampled_from(LISTS))


@st.composite
def group_rules(draw: st.DrawFn) -> GroupRule:
    low, high = draw(port_ranges)
    blank = rule("", draw(whom), egress=draw(st.booleans()), protocol=draw(st.sampled_from(("tcp", "6", "-1", "udp"))))
    return replace(blank, from_port=low, to_port=high)


@st.composite
def acl_entries(draw: st.DrawFn) -> tuple[AclEntry, ...]:
    """Numbers are used once a direction, as EC2 has it."""
    keys = draw(st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=8, unique=True))
    entries = []
    for number, egress in keys:
        low, high = draw(port_ranges)
        entries.append(
            AclEntry(
                number=number * 10,
                egress=egress,
                allow=draw(st.booleans()),
                cidr=draw(networks),
                protocol=draw(st.sampled_from(("6", "6", "-1", "17"))),
                from_port=low,
                to_port=high,
            )
        )
    tail = open_entries() if draw(st.booleans()) else ()
    return (*entries, *(replace(acl_entry, number=acl_entry.number + 200) for acl_entry in tail))


routes = st.builds(
    route,
    st.one_of(st.sampled_from(CIDRS), st.sampled_from(CIDRS), st.sampled_from(LISTS)),
    st.sampled_from(TARGETS),
    st.sampled_from(STATES),
)
route_lists = st.builds(
    lambda local, more: (*local, *more), st.sampled_from((LOCAL_ROUTES, LOCAL_ROUTES, ())), st.lists(routes, max_size=6)
)


def sometimes_missing(present: Any, missing: Any = None) -> st.SearchStrategy[Any]:
    return st.sampled_from((present, present, present, present, missing))


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    base = configuration(
        host_rules=draw(st.lists(group_rules(), max_size=6)),
        there_rules=draw(st.lists(group_rules(), max_size=6)),
        abroad_rules=draw(st.lists(group_rules(), max_size=6)),
        host_entries=draw(acl_entries()),
        there_entries=draw(acl_entries()),
        host_routes=draw(route_lists),
        there_routes=draw(route_lists),
        abroad_routes=draw(route_lists),
    )
    assert base.groups is not None
    more = SecurityGroup(group_id="sg-more", rules=tuple(draw(st.lists(group_rules(), max_size=4))))
    lists = tuple(
        PrefixList(prefix_list_id=list_id, cidrs=tuple(draw(st.lists(networks, max_size=4)))) for list_id in LISTS[:2]
    )
    state = draw(st.sampled_from(("available", "available", "pending", "partial")))
    groups_read = draw(st.sampled_from(((*base.groups, more), (*base.groups, more), base.groups, None)))
    return replace(
        base,
        endpoints=draw(sometimes_missing((replace(ENDPOINT, state=state), FAR_ENDPOINT))),
        endpoint_interfaces=draw(sometimes_missing(base.endpoint_interfaces)),
        subnets=draw(sometimes_missing(base.subnets)),
        vpc=draw(sometimes_missing(base.vpc)),
        route_tables=draw(sometimes_missing(base.route_tables)),
        acls=draw(sometimes_missing(base.acls)),
        groups=groups_read,
        prefix_lists=draw(sometimes_missing(lists)),
    )


owns = st.sampled_from(
    (
        OWN,
        OWN,
        replace(OWN, group_ids=("sg-host", "sg-more")),
        replace(OWN, group_ids=("sg-more", "sg-there")),
        replace(OWN, group_ids=()),
        replace(OWN, addresses=(HOST,)),
        None,
    )
)
ends = st.fixed_dictionaries(
    {
        "source": st.sampled_from((HOST, HOST, HOST6, None)),
        "own": owns,
        "address": st.sampled_from((THERE, THERE, THERE6, BESIDE, ABROAD, ip_address("198.51.100.7"))),
        "port": st.sampled_from(GATEWAY_PORTS),
    }
)
modest = settings(max_examples=extent.examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@modest
@given(configurations(), ends)
def test_a_slow_implementation_agrees(what: Configuration, of: dict[str, Any]) -> None:
    predicted = Predictor(what).predict(**of)
    slow = slow_predict(what, **of)
    fast = {hop.stage: hop.outcome for hop in predicted.hops}
    assert len(fast) == len(predicted.hops)
    assert list(fast) == [stage for stage in Stage if stage in fast]
    left_out = {stage: outcome for stage, outcome in slow.items() if stage not in fast}
    assert set(left_out.values()) <= {CANNOT_TELL}  # what was said by an earlier hop in the same words
    assert fast == {stage: outcome for stage, outcome in slow.items() if stage in fast}
    assert predicted.outcome is worst(slow.values())
    for predicted_hop in predicted.hops:
        assert predicted_hop.words
        assert not predicted_hop.words.endswith(".")


@modest
@given(acl_entries(), st.sampled_from((HOST, THERE, ABROAD)))
def test_answers_port_by_port(entries: tuple[AclEntry, ...], source: Address) -> None:
    what = configuration(there_entries=entries)
    own = replace(OWN, addresses=(source,))
    of: dict[str, Any] = {"source": source, "own": own, "address": THERE, "port": 443}
    result = hop(Predictor(what).predict(**of), Stage.ENDPOINT_ACL_OUT)
    assert result.outcome is slow_predict(what, **of)[Stage.ENDPOINT_ACL_OUT]


@modest
@given(configurations(), ends, st.randoms(use_true_random=False))
def test_order_makes_no_difference(what: Configuration, of: dict[str, Any], chance: random.Random) -> None:
    def mixed(items: Any) -> Any:
        return None if items is None else tuple(chance.sample(items, len(items)))

    def inside(items: Any, field: str) -> Any:
        return None if items is None else tuple(replace(item, **{field: mixed(getattr(item, field))}) for item in items)

    shuffled = replace(
        what,
        endpoints=mixed(what.endpoints),
        endpoint_interfaces=mixed(what.endpoint_interfaces),
        route_tables=mixed(inside(what.route_tables, "routes")),
        acls=mixed(inside(what.acls, "entries")),
        groups=mixed(inside(what.groups, "rules")),
        prefix_lists=mixed(inside(what.prefix_lists, "cidrs")),
    )
    assert Predictor(shuffled).predict(**of) == Predictor(what).predict(**of)


@modest
@given(configurations(), ends)
def test_one_predictor_says_what_a_fresh_one_says(what: Configuration, of: dict[str, Any]) -> None:
    predictor = Predictor(what)
    for port in (*GATEWAY_PORTS, of["port"]):
        for address in (THERE, THERE6, BESIDE, ABROAD):
            predictor.predict(**of | {"port": port, "address": address})
    assert predictor.predict(**of) == Predictor(what).predict(**of)


@modest
@given(configurations(), ends, group_rules(), st.sampled_from(GROUPS))
def test_another_rule_of_a_group_blocks_nothing(
    what: Configuration, of: dict[str, Any], more: GroupRule, group_id: str
) -> None:
    assume(what.groups is not None)
    assert what.groups is not None
    wider = replace(
        what,
        groups=tuple(
            replace(group, rules=(*group.rules, more)) if group.group_id == group_id else group for group in what.groups
        ),
    )
    before = {hop.stage: hop.outcome for hop in Predictor(what).predict(**of).hops}
    after = {hop.stage: hop.outcome for hop in Predictor(wider).predict(**of).hops}
    for stage in (Stage.HOST_GROUPS, Stage.ENDPOINT_GROUPS):
        if before.get(stage) is OPEN:
            assert after[stage] is OPEN
        if after.get(stage) is BLOCKED:
            assert before[stage] is BLOCKED


RANKS: Final = {OPEN: 0, DOUBTFUL: 1, BLOCKED: 2}


@modest
@given(acl_entries(), port_ranges, networks, st.booleans(), st.booleans())
def test_a_denial_in_front_opens_nothing(
    entries: tuple[AclEntry, ...], ports: tuple[int | None, int | None], cidr: Network, egress: bool, theirs: bool
) -> None:
    first = AclEntry(
        number=1, egress=egress, allow=False, cidr=cidr, protocol="6", from_port=ports[0], to_port=ports[1]
    )
    changed = "there_entries" if theirs else "host_entries"
    plain: dict[str, Any] = {changed: entries}
    denied: dict[str, Any] = {changed: (*entries, first)}
    before = {hop.stage: hop.outcome for hop in ask(configuration(**plain)).hops}
    after = {hop.stage: hop.outcome for hop in ask(configuration(**denied)).hops}
    assert before.keys() == after.keys()
    for stage in before:
        assert RANKS[after[stage]] >= RANKS[before[stage]]


def test_outcomes_have_one_order() -> None:
    assert sorted(WORST) == sorted(Reachability)
    assert EPHEMERAL == (32768, 60999)


# --- Size ------------------------------------------------------------------------------------------------------------


def test_large_configuration_is_judged_as_the_slow_one_judges_it() -> None:
    what, ask_all = large_configuration()
    predicted = ask_all()
    assert len(predicted) == 360
    assert {path.outcome for path in predicted} == {DOUBTFUL, BLOCKED}
    assert what.own_interfaces is not None
    for path in predicted[::7]:
        slow = slow_predict(what, source=HOST, own=what.own_interfaces[0], address=path.address, port=path.port)
        assert {predicted_hop.stage: predicted_hop.outcome for predicted_hop in path.hops} == slow
