"""Changes that are assumed: each form of each kind, changes that EC2 would refuse, and their predictions."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_network
from types import MappingProxyType
from typing import Any, Final

import pytest

from agent.network.answers import Answer
from agent.network.draft import AssumptionError
from agent.network.names import KnownVpc
from agent.predict.assume import FORMS, assumed, policy_file_of
from agent.predict.model import Effect, PredictedChange, PredictionDocument
from agent.predict.prediction import Asked, Facts, predicted
from agent.report.hops import Reachability
from agent.report.model import Status
from agent.settings import EVERY_SOURCE
from probes.vpc.model import (
    AclEntry,
    Configuration,
    DhcpOptionsFacts,
    EndpointService,
    EndpointServicesFacts,
    GatewayEndpoint,
    GroupRule,
    NetworkAcl,
    Route,
    RouteTable,
)
from tests.agent.network.networks import THERE, entry, open_entries, rule
from tests.agent.predict.test_prediction import HOST_NAME, NAMED, SERVICE, TAKEN_AT, healthy, host
from tests.support.aws_commands import complaint

ENDPOINT: Final = replace(NAMED, endpoint_id="vpce-0123abcd")


ALLOWS_ALL: Final = '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}'
ALLOWS_BACKUP: Final = ALLOWS_ALL.replace('"Action": "*"', '"Action": "backup:*"')
ALLOWS_A_ROLE: Final = ALLOWS_ALL.replace(
    '"Principal": "*"', '"Principal": {"AWS": "arn:aws:iam::111122223333:role/Backup"}'
)
ALLOWS_THE_ACCOUNT: Final = ALLOWS_ALL.replace(
    "}]}", ', "Condition": {"StringEquals": {"aws:PrincipalAccount": "111122223333"}}}]}'
)


def known(what: Configuration | None = None, **changes: Any) -> KnownVpc:
    """The healthy network with two classes of hosts, and with ids in EC2's form."""
    made = healthy(host(5), host(6), endpoints=(ENDPOINT,), **changes) if what is None else what
    acls = tuple(replace(acl, acl_id=f"acl-{acl.acl_id[4:]:0>8}") for acl in made.acls or ())
    tables = tuple(replace(table, table_id=f"rtb-{table.table_id[4:]:0>8}") for table in made.route_tables or ())
    return KnownVpc(
        vpc_id="vpc-a",
        region="eu-west-1",
        configuration=replace(made, acls=acls, route_tables=tables),
        dropped=frozenset(),
    )


def changed(*changes: str, of: KnownVpc | None = None) -> Configuration:
    return assumed(known() if of is None else of, changes).known.configuration


def acl_of(what: Configuration, subnet_id: str) -> NetworkAcl:
    return next(acl for acl in what.acls or () if subnet_id in acl.subnet_ids)


def table_of(what: Configuration, subnet_id: str) -> RouteTable:
    return next(table for table in what.route_tables or () if subnet_id in table.subnet_ids)


def rules_of(what: Configuration, group_id: str) -> tuple[GroupRule, ...]:
    return next(group.rules for group in what.groups or () if group.group_id == group_id)


# --- What a change means ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "made"),
    [
        ("+in:tcp:443:10.1.0.0/16", rule("443", "10.1.0.0/16")),
        ("+in:tcp:1026-1031:10.1.0.0/16", rule("1026-1031", "10.1.0.0/16")),
        ("+in:tcp:all:10.1.0.0/16", rule("", "10.1.0.0/16")),
        ("+in:all:all:10.1.0.0/16", rule("", "10.1.0.0/16", protocol="-1")),
        ("+in:udp:53:fd00:b::/48", rule("53", "fd00:b::/48", protocol="udp")),
        ("+in:tcp:443:sg-0123abcd", rule("443", "sg-0123abcd")),
        ("+in:tcp:443:pl-0123abcd", rule("443", "pl-0123abcd")),
        ("+out:tcp:443:10.1.0.0/16", rule("443", "10.1.0.0/16", egress=True)),
    ],
)
def test_a_rule_is_put_in_and_taken_out(words: str, made: GroupRule) -> None:
    before = known()
    with_it = changed(f"sg-there:{words}")
    assert rules_of(with_it, "sg-there") == (*rules_of(before.configuration, "sg-there"), made)
    assert rules_of(with_it, "sg-host") == rules_of(before.configuration, "sg-host")
    assert changed(f"sg-there:{words}", f"sg-there:-{words[1:]}") == before.configuration


def test_a_rule_that_was_read_is_known_by_what_it_says_and_not_by_its_id() -> None:
    one = known(there_rules=[rule("443", "10.0.0.0/16", rule_id="sgr-1"), rule("443", "10.1.0.0/16", rule_id="sgr-2")])
    left = rules_of(changed("sg-there:-in:tcp:443:10.0.0.0/16", of=one), "sg-there")
    assert [each.rule_id for each in left] == ["sgr-2"]


@pytest.mark.parametrize(
    ("words", "made"),
    [
        ("+in:90:deny:tcp:443:10.0.0.0/16", entry(90, "deny", "10.0.0.0/16", "443")),
        (
            "+out:7:allow:udp:1024-65535:fd00::/8",
            entry(7, "allow", "fd00::/8", "1024-65535", egress=True, protocol="17"),
        ),
        ("+in:1:allow:all:all:0.0.0.0/0", entry(1, "allow", "0.0.0.0/0")),
    ],
)
def test_an_entry_is_put_in_and_taken_out(words: str, made: AclEntry) -> None:
    before = known()
    acl = acl_of(before.configuration, "subnet-there")
    with_it = changed(f"{acl.acl_id}:{words}")
    assert acl_of(with_it, "subnet-there").entries == (*acl.entries, made)
    way, number = words[1:].split(":")[:2]
    assert changed(f"{acl.acl_id}:{words}", f"{acl.acl_id}:-{way}:{number}") == before.configuration


@pytest.mark.parametrize(
    ("words", "made"),
    [
        ("10.7.0.0/16:tgw-0123abcd", Route(destination=ip_network("10.7.0.0/16"), target="tgw-0123abcd")),
        ("fd00:7::/48:pcx-0123abcd", Route(destination=ip_network("fd00:7::/48"), target="pcx-0123abcd")),
        ("pl-0123abcd:vpce-0123abcd", Route(prefix_list_id="pl-0123abcd", target="vpce-0123abcd")),
    ],
)
def test_a_route_is_put_in_and_taken_out(words: str, made: Route) -> None:
    before = known()
    table = table_of(before.configuration, "subnet-host")
    with_it = changed(f"{table.table_id}:+{words}")
    assert table_of(with_it, "subnet-host").routes == (*table.routes, made)
    assert (
        changed(f"{table.table_id}:+{words}", f"{table.table_id}:-{words.rpartition(':')[0]}") == before.configuration
    )


def test_private_dns_is_turned_off_and_on() -> None:
    off = assumed(known(), ("vpce-0123abcd:private-dns=off",)).known
    (endpoint,) = off.configuration.endpoints or ()
    assert not endpoint.private_dns
    assert assumed(off, ("vpce-0123abcd:private-dns=on",)).known == known()


@pytest.mark.parametrize(
    ("offered", "names"),
    [
        pytest.param(None, (HOST_NAME,), id="of the catalogue"),
        pytest.param(("one.example", "*.two.example"), ("one.example", "*.two.example"), id="as EC2 says"),
        pytest.param((), (HOST_NAME,), id="EC2 says none"),
    ],
)
def test_private_dns_brings_the_names_of_the_service(offered: tuple[str, ...] | None, names: tuple[str, ...]) -> None:
    services = None
    if offered is not None:
        row = EndpointService(service_name=ENDPOINT.service_name, kinds=("Interface",), private_names=offered)
        services = EndpointServicesFacts(services=(row,), asked=())
    bare = replace(ENDPOINT, private_dns=False, dns_names=())
    found = changed("vpce-0123abcd:private-dns=on", of=known(healthy(host(5), endpoints=(bare,), offered=services)))
    assert (found.endpoints or ())[0].dns_names == names


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("sg-there:+out:udp:53:sg-host", "sg-there: add outbound udp 53 to sg-host"),
        ("sg-there:-in:tcp:all:10.0.0.0/16", "sg-there: remove inbound tcp all from 10.0.0.0/16"),
        ("acl-000there:+in:9:deny:tcp:443:fd00::/8", "acl-000there: add inbound entry 9: deny tcp 443 fd00::/8"),
        ("acl-000there:-out:100", "acl-000there: remove outbound entry 100"),
        ("rtb-0000host:+fd00:7::/48:tgw-0123abcd", "rtb-0000host: add a route to fd00:7::/48 by tgw-0123abcd"),
        ("vpce-0123abcd:private-dns=off", "vpce-0123abcd: turn private DNS off"),
    ],
)
def test_a_change_in_words(change: str, words: str) -> None:
    assert assumed(known(), (change,)).words == (words,)


def test_a_route_that_is_taken_out_in_words() -> None:
    changes = ("rtb-0000host:+10.9.0.0/16:tgw-0123abcd", "rtb-0000host:-10.9.0.0/16")
    assert assumed(known(), changes).words[1] == "rtb-0000host: remove the route to 10.9.0.0/16"


@pytest.mark.parametrize(
    ("change", "name", "is_on"),
    [("vpc-aaaa:dns-support=off", "support", False), ("vpc-aaaa:dns-hostnames=off", "hostnames", False)],
)
def test_a_dns_attribute_is_set(change: str, name: str, is_on: bool) -> None:
    one = replace(known(), vpc_id="vpc-aaaa")
    made = assumed(one, (change,))
    assert getattr(made.known.configuration.dns, name) is is_on
    assert made.words == (f"vpc-aaaa: set enableDns{name.capitalize()} to false",)
    assert assumed(made.known, (change.replace("off", "on"),)).known == one
    with pytest.raises(AssumptionError, match="is true already"):
        assumed(one, (change.replace("off", "on"),))


def test_the_route_of_a_gateway_endpoint_is_put_in_and_taken_out() -> None:
    gateway = GatewayEndpoint(
        endpoint_id="vpce-0123abcc",
        service_name="com.amazonaws.eu-west-1.s3",
        vpc_id="vpc-a",
        state="available",
    )
    to = Route(prefix_list_id="pl-0123abcd", target=gateway.endpoint_id)
    table = RouteTable(table_id="rtb-0123abcd", vpc_id="vpc-a", main=False, subnet_ids=(), routes=(to,))
    bare = known(healthy(host(5), endpoints=(ENDPOINT,), gateway_endpoints=(gateway,)))
    change = "vpce-0123abcc:+rtb-0000host"
    with pytest.raises(AssumptionError, match="the prefix list of vpce-0123abcc was not read"):
        assumed(bare, (change,))
    configuration = replace(bare.configuration, route_tables=(*(bare.configuration.route_tables or ()), table))
    one = replace(bare, configuration=configuration)
    made = assumed(one, (change,)).known
    assert to in table_of(made.configuration, "subnet-host").routes
    assert (made.configuration.gateway_endpoints or ())[0].route_table_ids == ("rtb-0000host",)
    assert assumed(made, (change.replace("+", "-"),)).known == one


# --- What is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("sg-there:-in:tcp:444:10.0.0.0/16", "sg-there has no such inbound rule; it has tcp:all:10.0.0.0/16 and"),
        ("sg-there:-out:tcp:443:10.0.0.0/16", "sg-there has no such outbound rule; it has none"),
        ("sg-there:+in:tcp:all:10.0.0.0/16", "sg-there has this inbound rule already"),
        ("sg-gone0:+in:tcp:443:10.0.0.0/16", "it is not in the configuration that was read"),
        ("sg-there:+in:tcp:443:10.0.0.1/16", "10.0.0.1/16 is not a block of addresses such as 10.0.0.0/16"),
        ("sg-there:+in:tcp:70000:10.0.0.0/16", "70000 is not a port, range of ports or `all` of tcp"),
        ("sg-there:+in:tcp:9-8:10.0.0.0/16", "9-8 is not a port, range of ports"),
        ("sg-there:+in:all:443:10.0.0.0/16", "443 is not a port, range of ports or `all` of all"),
        ("sg-there:in:tcp:443:10.0.0.0/16", "a change of such a resource has another form: sg-ID:+in:tcp"),
        ("sg-there:", "a change of such a resource has another form"),
        ("acl-THERE:-in:100", "a change begins with the id of a security group"),
        ("acl-000there:-in:90", "acl-000there has no inbound entry 90; it has 100 and 101"),
        ("acl-000there:+in:100:deny:tcp:443:10.0.0.0/16", "has an inbound entry 100 already; remove it first"),
        ("acl-000there:+in:32767:deny:tcp:443:10.0.0.0/16", "32767 is not the number of an entry, from 1 to 32,766"),
        ("acl-000there:-in:0", "0 is not the number of an entry"),
        ("rtb-0000host:-10.9.0.0/16", "rtb-0000host has no route to 10.9.0.0/16"),
        ("rtb-0000host:-10.0.0.0/16", "the route to 10.0.0.0/16 is the VPC's own, which cannot be removed"),
        ("rtb-0000host:+10.0.0.0/16:tgw-0123abcd", "has a route to 10.0.0.0/16 already, to local; remove it first"),
        ("vpce-0123abcd:private-dns=on", "private DNS of vpce-0123abcd is on already"),
        ("vpce-0123abcd:private-dns=maybe", "form: vpce-ID:private-dns=on"),
        ("eni-there:+in", "with the id of a security group, a network ACL, a route table, an endpoint or the VPC, as"),
        ("nothing", "a change begins with the id of a"),
    ],
)  # fmt: skip
def test_what_is_refused(change: str, why: str) -> None:
    with pytest.raises(AssumptionError) as caught:
        changed(change)
    assert str(caught.value).startswith(f"{change}: ")
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("part", "change", "what"),
    [
        ("groups", "sg-there:+in:tcp:443:10.1.0.0/16", "security groups"),
        ("acls", "acl-000there:-in:100", "network ACLs"),
        ("route_tables", "rtb-0000host:+10.9.0.0/16:tgw-0123abcd", "route tables"),
        ("endpoints", "vpce-0123abcd:private-dns=off", "endpoints"),
    ],
)
def test_what_was_not_read_cannot_be_changed(part: str, change: str, what: str) -> None:
    without = known()
    without = replace(without, configuration=replace(without.configuration, **{part: None}))
    with pytest.raises(AssumptionError, match=f"the {what} were not read"):
        changed(change, of=without)


def test_two_endpoints_cannot_have_the_same_names() -> None:
    other = replace(ENDPOINT, endpoint_id="vpce-0123abce", private_dns=False, interface_ids=())
    two = known(healthy(host(5), endpoints=(ENDPOINT, other)))
    with pytest.raises(AssumptionError, match="vpce-0123abcd has private DNS for the same names; turn that off first"):
        changed("vpce-0123abce:private-dns=on", of=two)
    moved = changed("vpce-0123abcd:private-dns=off", "vpce-0123abce:private-dns=on", of=two)
    assert [endpoint.private_dns for endpoint in moved.endpoints or ()] == [False, True]


def test_every_way_to_write_a_change_has_an_example() -> None:
    """The examples are a rule of a group, an entry and a route to add or to remove, three settings of an endpoint, and
    two settings of a VPC.
    """
    kinds = Counter(form.partition("-")[0] for form in FORMS)
    assert kinds == {"sg": 1, "acl": 2, "rtb": 2, "vpce": 3, "vpc": 2}


def test_every_form_is_one_of_a_kind_that_can_be_read() -> None:
    """The examples in help and errors can be parsed. The only reason why they are refused is that no resource has the
    id.
    """
    there = known(gateway_endpoints=())
    for form in FORMS:
        with pytest.raises(AssumptionError, match="it is not in the configuration that was read"):
            assumed(there, (form.replace("ID", "0123abcf"),), {"FILE": ALLOWS_ALL})


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("", "it is not JSON"),
        ("[]", "it is not a JSON object"),
        ("{}", "it has no statement"),
        ('{"Statement": [{"Effect": "Permit"}]}', "the Effect of statement 1 is neither Allow nor Deny"),
        ("[" * 100_000, "it is longer than the 20,480 characters that AWS takes"),
        ("[" * 20_000, "it is nested too deeply"),
    ],
)
def test_a_policy_that_aws_would_not_take_is_refused(document: str, why: str) -> None:
    with pytest.raises(AssumptionError) as caught:
        assumed(known(), ("vpce-0123abcd:policy=new.json",), {"new.json": document})
    message = "vpce-0123abcd:policy=new.json: this is not a policy that AWS would take: "
    assert str(caught.value) == f"{message}{why}"


@pytest.mark.parametrize(
    ("change", "file"),
    [
        ("vpce-0123abcd:policy=new policy.json", "new policy.json"),
        ("vpce-0123abcd:policy=/a/b:c=d", "/a/b:c=d"),
        ("vpce-0123abcd:private-dns=on", None),
        ("sg-0123abcd:policy=new.json", None),
    ],
)
def test_the_file_that_a_change_names(change: str, file: str | None) -> None:
    assert policy_file_of(change) == file


# --- What a prediction says ------------------------------------------------------------------------------------------


def document(
    *changes: str,
    of: KnownVpc | None = None,
    services: Mapping[str, bool] = MappingProxyType({SERVICE: True}),
    policies: Mapping[str, str] = MappingProxyType({}),
) -> PredictionDocument:
    asked = Asked(sources=(EVERY_SOURCE,), services=services, ports=())
    facts = Facts(known=of or known(), taken_at=TAKEN_AT, not_read=())
    return predicted(facts, asked, changes, policies=policies)


def said(result: PredictionDocument) -> set[tuple[Effect, tuple[int, ...], int]]:
    return {(change.effect, change.ports, change.interface_count) for change in result.changes}


def test_all_but_the_changes_is_as_if_they_were_made() -> None:
    change = "sg-there:-in:tcp:all:10.0.0.0/16"
    result, made = document(change), document(of=assumed(known(), (change,)).known)
    assert result.assumed == ("sg-there: remove inbound tcp all from 10.0.0.0/16",)
    assert (result.paths, result.names, result.faults, result.sources) == (
        made.paths,
        made.names,
        made.faults,
        made.sources,
    )
    assert (made.assumed, made.changes) == ((), ())


def test_what_closes_is_critical_and_names_who_is_cut_off() -> None:
    result = document("sg-there:-in:tcp:all:10.0.0.0/16")
    assert result.verdict.status is Status.CRITICAL
    assert result.verdict.summary == "the change closes backup-gateway for 2 of 2 interfaces"
    (change,) = [one for one in result.changes if THERE in one.addresses]
    assert change.effect is Effect.CLOSES
    assert 2222 not in change.ports, "the service can do without"
    assert 443 in change.ports
    assert change.decided_by == ("sg-there",)
    assert "no rule of sg-there allows tcp 443" in change.words


def test_a_change_for_one_host_alone_parts_it_from_the_others() -> None:
    """Before the change, both hosts were in the same class."""
    acl_id = acl_of(known().configuration, "subnet-there").acl_id
    result = document(f"{acl_id}:+in:1:deny:tcp:443:10.0.0.5/32")
    assert [source.interface_ids for source in result.sources] == [("eni-00000005",), ("eni-00000006",)]
    assert {(change.effect, change.ports, change.sources) for change in result.changes} == {
        (Effect.CLOSES, (443,), ("source-1",))
    }


def test_what_opens_is_ok_and_names_what_was_in_the_way() -> None:
    shut = known(there_rules=[rule("443", "10.0.0.0/16")])
    result = document("sg-there:+in:tcp:1026-1027:10.0.0.0/16", of=shut)
    assert result.verdict.status is Status.OK
    assert {change.effect for change in result.changes} == {Effect.OPENS}
    (change,) = [one for one in result.changes if THERE in one.addresses]
    assert change.ports == (1026,), "1027 is for activation, and not counted"
    assert change.decided_by == ("sg-there",)
    assert result.faults, "what stays shut is there all the same"


def test_a_change_that_opens_and_closes_is_judged_by_what_it_closes() -> None:
    shut = known(there_rules=[rule("443", "10.0.0.0/16")])
    result = document("sg-there:+in:tcp:1026-1031:10.0.0.0/16", "sg-there:-in:tcp:443:10.0.0.0/16", of=shut)
    assert result.verdict.status is Status.CRITICAL
    assert [change.effect for change in result.changes][:1] == [Effect.CLOSES]
    assert {change.effect for change in result.changes} == {Effect.CLOSES, Effect.OPENS}
    assert "closes backup-gateway for" in result.verdict.summary
    assert "opens backup-gateway for" in result.verdict.summary


def test_what_may_close_is_unknown() -> None:
    """A prefix list that was not read decides whether the path closes."""
    result = document("sg-there:+in:tcp:443:pl-0123abcd", "sg-there:-in:tcp:all:10.0.0.0/16")
    assert result.verdict.status in (Status.UNKNOWN, Status.CRITICAL)
    of_https = [change for change in result.changes if change.ports == (443,) and THERE in change.addresses]
    assert [change.effect for change in of_https] == [Effect.MAY_CLOSE]


SHUT: Final = "sg-there:-in:tcp:all:10.0.0.0/16"


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"endpoints": (replace(ENDPOINT, state="pending"),)}, Reachability.DOUBTFUL),
        ({"acls": None}, Reachability.CANNOT_TELL),
    ],
    ids=["in part", "not known"],
)
def test_what_was_not_certain_and_becomes_shut_may_close(changes: dict[str, Any], outcome: Reachability) -> None:
    """The path may work now. A neighbour that was shut before stays without an effect."""
    unsure = known(replace(healthy(host(5), host(6), endpoints=(ENDPOINT,)), **changes))
    of_https = [path.outcome for path in document(of=unsure).paths if path.port == 443 and THERE in path.addresses]
    assert of_https == [outcome]
    result = document(SHUT, of=unsure)
    assert result.verdict.status is Status.UNKNOWN
    assert {change.effect for change in result.changes} == {Effect.MAY_CLOSE}
    shut = replace(unsure, configuration=assumed(unsure, (SHUT,)).known.configuration)
    assert document("sg-there:+in:tcp:443:10.9.0.0/16", of=shut).changes == ()


def test_what_was_not_known_and_becomes_open_in_part_may_close() -> None:
    """The security groups were not read. A new entry denies some of the ports to which answers come back."""
    unsure = known(replace(healthy(host(5), endpoints=(ENDPOINT,)), groups=None))
    acl_id = acl_of(unsure.configuration, "subnet-there").acl_id
    result = document(f"{acl_id}:+out:90:deny:tcp:50000-65535:0.0.0.0/0", of=unsure)
    of_https = [path.outcome for path in result.paths if path.port == 443 and THERE in path.addresses]
    assert of_https == [Reachability.DOUBTFUL]
    assert {change.effect for change in result.changes} == {Effect.MAY_CLOSE}
    assert document(f"{acl_id}:+out:90:deny:tcp:22:0.0.0.0/0", of=unsure).changes == ()


def test_a_call_that_depended_on_its_caller_and_becomes_denied_may_close() -> None:
    there = known(healthy(host(5), endpoints=(replace(ENDPOINT, policy=ALLOWS_A_ROLE),)))
    result = document(
        "vpce-0123abcd:policy=new.json", of=there, policies={"new.json": ALLOWS_ALL.replace("Allow", "Deny")}
    )
    assert result.verdict.status is Status.UNKNOWN
    assert [(one.effect, one.action) for one in result.changes] == [(Effect.MAY_CLOSE, "backup-gateway:ListGateways")]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("vpce-0123abcd:private-dns=off", Status.UNKNOWN),
        ("sg-there:+in:tcp:443:10.9.0.0/16", Status.OK),
    ],
)
def test_other_name_servers_may_ask_the_resolver(change: str, status: Status) -> None:
    """Servers of a domain forward the names of AWS to the VPC's resolver, and private DNS decides its answer."""
    servers = DhcpOptionsFacts(options_id="dopt-1", name_servers=("10.0.0.53",))
    result = document(change, of=known(healthy(host(5), endpoints=(ENDPOINT,), dhcp_options=servers)))
    assert result.names[0].answer is Answer.CANNOT_TELL
    assert result.verdict.status is status
    assert {(one.effect, one.ports) for one in result.changes} == (
        {(Effect.MAY_CLOSE, ())} if status is Status.UNKNOWN else set()
    )


@pytest.mark.parametrize("part", ["endpoints", "endpoint_interfaces"])
def test_a_change_is_not_ok_if_no_connect_could_be_followed(part: str) -> None:
    unread = known(replace(healthy(host(5), endpoints=(ENDPOINT,)), **{part: None}))
    result = document(SHUT, of=unread)
    assert (result.verdict.status, result.changes) == (Status.UNKNOWN, ())
    assert result.verdict.summary == "the effect of the change on backup-gateway is not known"
    assert document(SHUT, of=unread, services={SERVICE: False}).verdict.status is Status.OK


def test_a_change_without_a_difference() -> None:
    result = document("sg-there:+in:tcp:443:10.9.0.0/16")
    assert result.changes == ()
    assert result.verdict.status is Status.OK
    assert result.verdict.summary == "the change makes no difference to what is required"


def test_what_was_shut_and_stays_so_is_no_matter_of_the_change() -> None:
    shut = known(there_rules=[rule("443", "10.0.0.0/16")])
    result = document("sg-there:+in:tcp:443:10.9.0.0/16", of=shut)
    assert (result.verdict.status, result.changes) == (Status.OK, ())
    assert document(of=shut).verdict.status is Status.CRITICAL


def test_what_is_not_required_closes_nothing() -> None:
    result = document("sg-there:-in:tcp:all:10.0.0.0/16", services={SERVICE: False})
    assert (result.verdict.status, result.changes) == (Status.OK, ())


def test_a_name_that_leads_elsewhere_closes() -> None:
    result = document("vpce-0123abcd:private-dns=off")
    assert result.verdict.status is Status.CRITICAL
    (change,) = (one for one in result.changes if not one.ports)
    assert change == PredictedChange(
        effect=Effect.CLOSES,
        service=SERVICE,
        action=None,
        ports=(),
        addresses=(),
        sources=("source-1",),
        interface_count=2,
        decided_by=change.decided_by,
        words=change.words,
    )
    assert change.words.startswith(f"{HOST_NAME}: ")
    assert result.names[0].answer is not Answer.PRIVATE
    back = document("vpce-0123abcd:private-dns=on", of=assumed(known(), ("vpce-0123abcd:private-dns=off",)).known)
    assert {one.effect for one in back.changes if not one.ports} == {Effect.OPENS}


POLICY: Final = "vpce-0123abcd:policy=new.json"


def with_policy(text: str, of: KnownVpc | None = None, **more: Any) -> PredictionDocument:
    return document(POLICY, of=of, policies={"new.json": text}, **more)


def test_a_policy_that_denies_the_call_closes_it() -> None:
    result = with_policy(ALLOWS_BACKUP)
    assert result.assumed == ("vpce-0123abcd: replace its policy by another one",)
    assert result.verdict.status is Status.CRITICAL
    assert result.verdict.summary == "the change closes backup-gateway for 2 of 2 interfaces"
    (change,) = result.changes
    assert (change.effect, change.action, change.ports) == (Effect.CLOSES, "backup-gateway:ListGateways", ())
    assert change.decided_by == ("vpce-0123abcd",)
    assert "no statement allows backup-gateway:ListGateways; the nearest is statement 1" in change.words
    (fault,) = [fault for fault in result.faults if fault.action]
    assert (fault.code, fault.outcome, fault.ports) == ("VPC008", Reachability.BLOCKED, ())
    assert fault.fix is not None
    assert [complaint(command.argv) for command in fault.fix.commands] == [None]


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (ALLOWS_ALL, Reachability.OPEN),
        (ALLOWS_BACKUP, Reachability.BLOCKED),
        (ALLOWS_A_ROLE, Reachability.CANNOT_TELL),
        (ALLOWS_THE_ACCOUNT, Reachability.OPEN),
        (ALLOWS_ALL.replace("Allow", "Deny"), Reachability.BLOCKED),
    ],
    ids=["all", "another service", "a role", "the account", "a deny"],
)
def test_what_a_policy_says_of_a_call_whose_caller_is_not_known(text: str, outcome: Reachability) -> None:
    """Without an assumption, the decision is unknown, too. An uncertain decision is not a fault."""
    result = with_policy(text)
    assert [call.outcome for call in result.calls] == [outcome]
    assert {change.effect for change in result.changes} == {
        Reachability.OPEN: set(),
        Reachability.BLOCKED: {Effect.CLOSES},
        Reachability.CANNOT_TELL: {Effect.MAY_CLOSE},
    }[outcome]
    there = known(healthy(host(5), endpoints=(replace(ENDPOINT, policy=text),)))
    plain = document(of=there)
    assert [call.outcome for call in plain.calls] == [outcome]
    assert {fault.code for fault in plain.faults} == ({"VPC008"} if outcome is Reachability.BLOCKED else set())


def test_a_policy_that_allows_the_call_opens_it() -> None:
    shut = known(healthy(host(5), endpoints=(replace(ENDPOINT, policy=ALLOWS_BACKUP),)))
    result = with_policy(ALLOWS_ALL, of=shut)
    assert result.verdict.status is Status.OK
    assert [(change.effect, change.action) for change in result.changes] == [
        (Effect.OPENS, "backup-gateway:ListGateways")
    ]
    may = with_policy(ALLOWS_A_ROLE, of=shut)
    assert [change.effect for change in may.changes] == [Effect.MAY_OPEN]


def test_the_call_of_what_is_not_required_closes_nothing() -> None:
    result = with_policy(ALLOWS_BACKUP, services={SERVICE: False})
    assert (result.verdict.status, result.changes, result.faults) == (Status.OK, (), ())
    assert [call.counts for call in result.calls] == [False]


def test_a_route_away_closes() -> None:
    (table_id,) = (table.table_id for table in known().configuration.route_tables or () if table.main)
    result = document(f"{table_id}:+10.0.0.0/24:tgw-0123abcd")
    assert result.verdict.status is not Status.OK
    assert {change.effect for change in result.changes} <= {Effect.CLOSES, Effect.MAY_CLOSE} != set()


def test_open_entries_are_what_the_network_starts_with() -> None:
    """Because of these entries, some numbers in the cases above are free and others are taken."""
    assert {one.number for one in open_entries()} == {100, 101, 32767, 32768}
