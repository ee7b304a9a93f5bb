"""The configured path to each address, beside the measurement, in text and in JSON."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from itertools import cycle
from typing import Any, Final

import pytest

from agent.formats import ndjson, text
from agent.judge.verdict import judge_evidence
from agent.report import codec, words
from agent.report.hops import Hop, Reachability, Stage
from agent.report.model import ConfiguredPath, Measured, Report
from probes.model import Observation
from probes.operations import APPLIANCE
from probes.vpc.model import (
    ENDPOINT_INTERFACES,
    ENDPOINTS,
    OWN_INTERFACES,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    GroupRule,
    InterfacesFacts,
    Route,
    RouteTablesFacts,
    SecurityGroup,
    SecurityGroupsFacts,
)
from tests.support import scenarios
from tests.support.build import GATEWAY, OWN, PRIVATE, Observations, evidence, healthy, host, imds, lookup, tcp
from tests.support.configured import (
    ENDPOINT_GROUP_ID,
    ENDPOINT_SUBNET_IDS,
    configured,
    endpoint,
    endpoint_interfaces,
    endpoints_facts,
    groups,
    interface,
    main_table,
    own_interface,
    read,
)
from tests.support.extent import one_in
from tests.support.runs import report_of, too_long
from tests.support.validator import VALIDATOR

NAMES: Final = scenarios.names()
AT: Final = ("10.0.1.27", "10.0.2.27")
"""The addresses of the gateway's endpoint."""
INTERFACE_IDS: Final = ("eni-0d1b2c3d4e5f67890", "eni-0f1b2c3d4e5f67890")
ENDPOINT_ID: Final = "vpce-0b1b2c3d4e5f67890"
BESIDE_443: Final = tuple(port for port in GATEWAY.ports if port != 443)
HEAD: Final = " by configuration, "
_PLACES: Final = re.compile(r"[0-9a-f:.]+(,| and| on)[ \n]")
"""The beginning of the title of a path that is shown hop by hop."""


def gateway(
    *changed: Observation[Any], silent: Sequence[int] = (), refused: Sequence[int] = (), days_old: float = 0.0
) -> Report:
    """A run for Backup gateway. Reads in `changed` replace the healthy ones. Ports in `silent` and `refused` do not
    connect.
    """
    interfaces = tuple(
        interface(interface_id, address, subnet_id=subnet_id)
        for interface_id, address, subnet_id in zip(INTERFACE_IDS, AT, ENDPOINT_SUBNET_IDS, strict=True)
    )
    both = (endpoint(), endpoint(ENDPOINT_ID, service="backup-gateway", interface_ids=INTERFACE_IDS))
    reads = configured(
        read(ENDPOINTS, endpoints_facts(*both), days_old=days_old),
        read(ENDPOINT_INTERFACES, InterfacesFacts(interfaces=(*endpoint_interfaces(), *interfaces)), days_old=days_old),
        *changed,
        days_old=days_old,
    )
    failed = {**dict.fromkeys(silent, "timeout"), **dict.fromkeys(refused, "refused")}
    observations: Observations = [host(), imds(), *reads, lookup(*AT, of=GATEWAY.id)]
    observations += [
        tcp(address, port, of=GATEWAY.id, failed=failed.get(port)) for address in AT for port in GATEWAY.ports
    ]
    return judge_evidence(evidence(observations, targets=(GATEWAY,)))


def admitting(*ports: int) -> Observation[Any]:
    """The endpoint's group, with a rule for each of these ports."""
    rules = tuple(
        GroupRule(rule_id=f"sgr-0e1b2c{place:02}", from_port=port, to_port=port, cidr=ip_network("10.0.0.0/16"))
        for place, port in enumerate(ports)
    )
    own, _ = groups()
    return read(
        SECURITY_GROUPS, SecurityGroupsFacts(groups=(own, SecurityGroup(group_id=ENDPOINT_GROUP_ID, rules=rules)))
    )


def picture(report: Report) -> str:
    """The part about the configuration in a report's text, for all targets in their order."""
    shown = []
    is_inside = False
    for part in text.render(report).split("\n\n"):
        is_head = HEAD in part.splitlines()[0]
        is_inside = is_head or (is_inside and _PLACES.match(part) is not None)
        shown += [part.removesuffix("\n")] if is_inside else []
    return "\n".join(shown) + "\n" if shown else ""


# --- In text ---------------------------------------------------------------------------------------------------------


def test_healthy_is_one_line_an_address() -> None:
    report = judge_evidence(evidence([*healthy(), *configured()]))
    assert (
        picture(report)
        == """\
backup by configuration, read in this run
  10.0.1.17  443  open, connected  groups > ACL > local > ACL > groups
  10.0.2.17  443  open, connected  groups > ACL > local > ACL > groups
"""
    )


def test_a_healthy_gateway_with_a_rule_for_each_port_is_one_line_an_address() -> None:
    assert (
        picture(gateway(admitting(*GATEWAY.ports)))
        == """\
backup-gateway by configuration, read in this run
  10.0.1.27  all 6 ports  open, connected  groups > ACL > local > ACL > groups
  10.0.2.27  all 6 ports  open, connected  groups > ACL > local > ACL > groups
"""
    )


BLOCKED: Final = """\
backup-gateway by configuration, read in this run
  10.0.1.27  443  open, connected  groups > ACL > local > ACL > groups
  10.0.2.27  443  open, connected  groups > ACL > local > ACL > groups
10.0.1.27 and 10.0.2.27 on 1026-1028 1031 2222: BLOCKED, silent
  from                         10.0.3.5 in subnet-0a1b2c3d
  to                           eni-0d1b2c3d4e5f67890 and eni-0f1b2c3d4e5f67890
  open     host's groups       sg-0a1b2c3d: sgr-0a1b2c3d
  open     host's ACL out      acl-0a1b2c3d: 100 outbound
  open     route               rtb-0a1b2c3d: 10.0.0.0/16 to local
  into                         subnet-0b1b2c3d and subnet-0c1b2c3d
  open     endpoint's ACL in   acl-0a1b2c3d: 100 inbound
  BLOCKED  endpoint's groups   sg-0e1b2c3d
                               no rule of sg-0e1b2c3d allows tcp 1026, 1027,
                               1028, 1031 and 2222 from 10.0.3.5; it allows tcp
                               443 from 10.0.0.0/16 only
  open     endpoint            vpce-0b1b2c3d4e5f67890: state available
  open     endpoint's ACL out  acl-0a1b2c3d: 100 outbound
  open     host's ACL in       acl-0a1b2c3d: 100 inbound
"""


def test_what_is_blocked_is_shown_hop_by_hop_and_once_for_all_ports_and_addresses() -> None:
    assert picture(gateway(silent=BESIDE_443)) == BLOCKED


def test_what_connects_all_the_same_is_marked_at_the_hop_that_should_have_stopped_it() -> None:
    shown = picture(gateway())
    assert shown.count("BLOCKED, yet CONNECTED") == 1
    assert (
        "from 10.0.3.5; it allows tcp 443 from 10.0.0.0/16 only "
        "<-- here measurement and configuration differ: connected open endpoint "
    ) in " ".join(shown.split())
    assert shown.count("<--") == 1


@pytest.mark.parametrize("word", ["silent", "refused"])
def test_what_should_pass_and_does_not_differs_at_no_hop(word: str) -> None:
    closed = {"silent": (), "refused": (), word: BESIDE_443}
    report = gateway(admitting(*GATEWAY.ports), silent=closed["silent"], refused=closed["refused"])
    shown = picture(report)
    assert shown.count(f"open, yet {word.upper()}") == 1
    flat = " ".join(shown.split())
    assert flat.endswith(f" differs every hop lets it pass, yet it is {word}; it is not known where it stops")
    assert "<--" not in shown
    # the rules of all these ports are named
    assert set(re.findall(r"sgr-0e1b2c\d\d", shown)) == {f"sgr-0e1b2c{place:02}" for place in range(1, 6)}


def test_a_refusal_where_the_configuration_drops_is_no_agreement() -> None:
    assert "BLOCKED, refused" in picture(gateway(refused=BESIDE_443))


def test_one_subnet_asks_no_acl_and_no_route() -> None:
    own = replace(own_interface(), subnet_id=ENDPOINT_SUBNET_IDS[0])
    shown = picture(gateway(read(OWN_INTERFACES, InterfacesFacts(interfaces=(own,))), silent=BESIDE_443))
    assert "  10.0.1.27  443  open, connected  groups > same subnet > groups\n" in shown
    assert "  10.0.2.27  443  open, connected  groups > ACL > local > ACL > groups\n" in shown
    first, second = shown.split("10.0.2.27 on 1026")
    flat = " ".join(first.split())
    assert f" from 10.0.3.5 in {ENDPOINT_SUBNET_IDS[0]} " in flat
    assert " same subnet no ACL and no route is on this path " in flat
    assert "acl-" not in first
    assert "same subnet" not in second


def test_what_cannot_be_told_is_short_where_it_connects_and_whole_where_it_does_not() -> None:
    unread = read(SECURITY_GROUPS, failed="not-permitted")
    well = picture(gateway(unread))
    assert well == (
        "backup-gateway by configuration, read in this run\n"
        "  10.0.1.27  all 6 ports  cannot tell, connected  groups? > ACL > local > ACL\n"
        "  10.0.2.27  all 6 ports  cannot tell, connected  groups? > ACL > local > ACL\n"
        "  ?: connects, but the configuration that was read does not show why\n"
    )
    ill = picture(gateway(unread, silent=GATEWAY.ports))
    assert "on all 6 ports: cannot tell, silent\n" in ill
    flat = " ".join(ill.split())
    assert " ? host's groups sg-0a1b2c3d the security groups' rules were not" in flat
    assert " unseen the security groups' rules, which were not read" in flat
    assert "  ?: " not in ill


def test_a_detour_is_shown_with_what_cannot_be_seen_of_it() -> None:
    table = main_table(Route(destination=ip_network("10.0.2.0/24"), target="vpce-0ffb2c3d4e5f67890"))
    shown = picture(gateway(read(ROUTE_TABLES, RouteTablesFacts(tables=(table,))), admitting(*GATEWAY.ports)))
    assert "10.0.2.27 on all 6 ports: doubtful, connected\n" in shown
    flat = " ".join(shown.split())
    assert " DOUBTFUL route rtb-0a1b2c3d: 10.0.2.0/24 to " in flat
    assert "unseen what vpce-0ffb2c3d4e5f67890 does with the packet" in flat


def test_way_of_another_target_is_not_shown() -> None:
    report = judge_evidence(evidence([*healthy(), *configured()]))
    others = tuple(replace(path, target="backup-gateway") for path in report.paths)
    assert picture(replace(report, paths=others)) == ""


def test_nothing_is_shown_where_nothing_was_read() -> None:
    report = judge_evidence(evidence(healthy()))
    assert report.paths == ()
    assert "by configuration" not in text.render(report)


AGES: Final = {
    "read in this run": timedelta(0),
    "as it was at 2026-03-01 11:59 UTC, just before this run": timedelta(seconds=30),
    "as it was at 2026-03-01 11:58 UTC, 1 minute before this run": timedelta(minutes=1, seconds=59),
    "as it was at 2026-03-01 09:00 UTC, 3 hours before this run": timedelta(hours=3),
    "as it was at 2026-02-28 12:00 UTC, 1 day before this run": timedelta(days=1),
    "as it was at 2026-02-19 12:00 UTC, 10 days before this run": timedelta(days=10),
    "as it was at 2026-03-01 13:00 UTC, after this run according to this host's clock": timedelta(hours=-1),
}


@pytest.mark.parametrize("words", AGES)
def test_age_of_the_facts(words: str) -> None:
    report = judge_evidence(evidence([*healthy(), *configured()]))
    paths = tuple(replace(path, taken_at=report.run.started_at - AGES[words]) for path in report.paths)
    assert " ".join(picture(replace(report, paths=paths)).split()).startswith(f"backup{HEAD}{words} 10.0.1.17")


@pytest.mark.parametrize("name", one_in(24, NAMES))
def test_brief_has_no_picture(name: str) -> None:
    assert "by configuration" not in text.brief(report_of(name))


# --- Hostile and long texts in a path --------------------------------------------------------------------------------

HOSTILE: Final = "\x1b[2J\u202e\n" + "a" * 200
IPV6: Final = tuple(f"2600:1f18:1234:5678:9abc:def0:1234:{number:x}" for number in (0x1111, 0x2222))


def literal(address: str, port: int = 443, content: str = "sg-0a1b2c3d", **changes: Any) -> ConfiguredPath:
    """A path with this text in every text field."""
    hops = tuple(
        Hop(stage=stage, resources=(content,), outcome=outcome, rule=content, words=f"{content} tcp {port} {address}")
        for stage, outcome in zip(Stage, cycle(Reachability), strict=False)
    )
    base = judge_evidence(evidence([*healthy(), *configured()])).paths[0]
    return replace(
        base,
        address=ip_address(address),
        port=port,
        endpoint_id=content,
        interface_id=content,
        hops=hops,
        unseen=(content,),
        **changes,
    )


def with_paths(*paths: ConfiguredPath) -> Report:
    return replace(judge_evidence(evidence([*healthy(), *configured()])), paths=paths)


@pytest.mark.parametrize("measured", Measured)
@pytest.mark.parametrize("predicted", Reachability)
@pytest.mark.parametrize("agrees", [True, False, None])
@pytest.mark.parametrize("said", one_in(3, [HOSTILE, "tgw-0123456789abcdef0", ""]))
def test_every_line_is_printable_and_fits(
    predicted: Reachability, measured: Measured, agrees: bool | None, said: str
) -> None:
    ends = {"predicted": predicted, "measured": measured, "agrees": agrees, "parted_at": Stage.ROUTE}
    report = with_paths(
        *(literal(address, port, said, **ends) for address in (*IPV6, *PRIVATE) for port in (443, 1026))
    )
    shown = text.render(report)
    assert shown.isascii()
    assert shown.replace("\n", "").isprintable()
    assert too_long(shown, words.WIDTH) == []
    flat = picture(report)
    assert all(address in flat for address in (*IPV6, *PRIVATE))


def test_a_number_that_is_not_the_port_and_an_address_that_is_longer_stay_apart() -> None:
    hop = Hop(
        stage=Stage.ENDPOINT_GROUPS,
        resources=("sg-0a1b2c3d",),
        outcome=Reachability.BLOCKED,
        rule=None,
        words="no rule allows tcp 443; it allows tcp 443-450 and tcp 4430 from 10.0.1.170 and 10.0.1.17/32",
    )
    base = replace(
        literal("10.0.1.17", predicted=Reachability.BLOCKED, measured=Measured.SILENT), hops=(hop,), unseen=()
    )
    other = replace(base, port=1026, hops=(replace(hop, words=hop.words.replace("tcp 443;", "tcp 1026;")),))
    flat = " ".join(picture(with_paths(base, other)).split())
    words = "no rule allows tcp 443 and 1026; it allows tcp 443-450 and tcp 4430 from 10.0.1.170 and 10.0.1.17/32"
    assert words in flat


@pytest.mark.parametrize("name", one_in(3, [name for name in NAMES if scenarios.load(name).ec2 is not None]))
def test_nothing_that_matters_is_lost(name: str) -> None:
    """If a service is shown in full, the text has a place for each of its addresses. If a path has a fault, the text
    has all resources of the path.
    """
    report = report_of(name)
    shown = picture(report)
    flat = " ".join(shown.split())
    in_full = {target.id for target in words.unfolded(report)}
    for path in report.paths:
        assert (str(path.address) in shown) is (path.target in in_full)
        if path.predicted is Reachability.BLOCKED or path.agrees is False:
            ids = {resource for hop in path.hops for resource in hop.resources}
            rules = {hop.rule for hop in path.hops if hop.rule is not None}
            assert all(name in flat for name in ids | rules)
    assert too_long(text.render(report), words.WIDTH) == []


# --- In JSON ---------------------------------------------------------------------------------------------------------


def documents(report: Report) -> Iterable[dict[str, Any]]:
    """The report in the two formats for programs."""
    yield codec.encode(report)
    last = json.loads(ndjson.render(report).splitlines()[-1])
    assert last.pop("type") == "report"
    yield last


@pytest.mark.parametrize("report", [gateway(silent=BESIDE_443), with_paths(literal(IPV6[0], content=HOSTILE))])
def test_paths_in_the_formats_for_programs(report: Report) -> None:
    for document in documents(report):
        VALIDATOR.validate(document)
        assert len(document["paths"]) == len(report.paths) > 0
        assert codec.decode(json.loads(json.dumps(document))).paths == report.paths


def test_a_path_in_json() -> None:
    blocked = next(path for path in codec.encode(gateway(silent=BESIDE_443))["paths"] if path["port"] == 1026)
    hops = blocked.pop("hops")
    assert blocked == {
        "target": "backup-gateway",
        "address": "10.0.1.27",
        "port": 1026,
        "source": OWN,
        "endpoint_id": ENDPOINT_ID,
        "interface_id": INTERFACE_IDS[0],
        "predicted": "blocked",
        "measured": "silent",
        "agrees": True,
        "parted_at": None,
        "unseen": [],
        "taken_at": "2026-03-01T12:00:00.000Z",
        "source_subnet_id": "subnet-0a1b2c3d",
        "subnet_id": "subnet-0b1b2c3d",
    }
    assert [(hop["stage"], hop["outcome"]) for hop in hops] == [
        ("host-groups", "open"),
        ("host-acl-out", "open"),
        ("route", "open"),
        ("endpoint-acl-in", "open"),
        ("endpoint-groups", "blocked"),
        ("endpoint", "open"),
        ("endpoint-acl-out", "open"),
        ("host-acl-in", "open"),
    ]
    assert hops[4]["resources"] == [ENDPOINT_GROUP_ID]
    assert hops[4]["rule"] is None


def test_other_names_that_are_looked_up_are_not_taken_for_the_target_s() -> None:
    report = report_of("gateway-healthy")
    target = next(target for target in report.targets if target.service == "backup-gateway")
    assert any(str(observation.subject.operation).startswith(APPLIANCE) for observation in report.observations)
    shown = text.render(report).split("\n\n")
    (block,) = [part for part in shown if part.startswith("backup-gateway ")]
    own = ", ".join(str(address.address) for address in target.addresses if address.from_own_lookup)
    assert any(line.split() == ["this", "host", *own.split()] for line in block.splitlines())


def test_all_that_was_not_read_for_one_reason_is_named() -> None:
    shown = " ".join(text.render(report_of("ec2-silent-always")).split())
    named = re.search(r"Not checked .*? the configuration \(([0-9]+) reads\): EC2 does not answer", shown)
    assert named is not None
    skipped = {
        observation.id.replace("/", " ")
        for observation in report_of("ec2-silent-always").observations
        if not observation.made
    }
    # The read of a Profile's resources belongs to another service.
    of_ec2 = {step for step in skipped if step.startswith("ec2 ")} - {"ec2 profile-resources"}
    assert len(of_ec2) == int(named[1])
