"""The full text of the item at the cursor, and the runbook page with the report's values in it."""

import re
from dataclasses import replace
from ipaddress import ip_address

import pytest

from agent.catalog.findings import CODES
from agent.catalog.placeholders import FORMS
from agent.catalog.services import SERVICES
from agent.report.hops import Stage
from agent.report.model import Report
from agent.tui.actions import DetailOpened, FindingsToggled, ItemSelected, LogOpened, Pane, RunFinished, RunRequested
from agent.tui.detail import detail, title
from agent.tui.lines import ASCII, width_of
from agent.tui.network_path import THIS_HOST
from agent.tui.runbook_page import fill_in, filled, values_for
from agent.tui.state import State, saved
from tests.agent.tui.replays import after, ready, recorded, report_of, settings, words
from tests.support.repository import ROOT


def shown(state: State, width: int = 100) -> str:
    return "\n".join(words(list(detail(state, width, ASCII))))


def at(name: str, key: str, pane: Pane = Pane.PATH) -> State:
    return after(saved("kept", report_of(name)), ItemSelected(pane, key))


@pytest.mark.parametrize(
    ("name", "key", "parts"),
    [
        pytest.param(
            "one-zone-silent",
            "tcp/backup/10.0.2.17/443",
            (
                "tcp/backup/10.0.2.17/443  failed timeout  3.0 s",
                "error: no end within 3 s",
                "started: 2026-01-15 03:00:00.001 UTC",
                "after: dns/backup/10.0.0.2/A",
                "retransmits: 2",
                "shows: CRITICAL TCP002@backup: 1 of 3 addresses is silent on 443: 10.0.2.17",
            ),
            id="a connect that failed",
        ),
        pytest.param(
            "one-zone-silent",
            "tls/backup/10.0.2.17/443",
            ("skipped", "because: tcp failed: timeout"),
            id="a handshake that was not made",
        ),
        pytest.param(
            "interception-trusted",
            "tls/backup/10.0.1.17/443",
            ("certificates 1:", "issuer: CN=Example Corp TLS Inspection,O=Example Corp", "not after: 20", "cipher: "),
            id="a certificate",
        ),
        pytest.param(
            "healthy",
            "http/backup/10.0.1.17/443",
            ("status: ", "request id: ", "date: 2026-01-15T03:00:00.000Z"),
            id="headers",
        ),
        pytest.param(
            "healthy", "dns/backup/10.0.0.2", ("dns/backup/10.0.0.2/A ", "dns/backup/10.0.0.2/AAAA ", "rcode: NOERROR"),
            id="both questions to a name server",
        ),
        pytest.param(
            "healthy", THIS_HOST, ("host/sdk-settings", "host/allowances", "imds", "instance id: i-0a1b2c3d4e5f67890"),
            id="this host",
        ),
        pytest.param(
            "healthy", "names/backup", ("dns/backup/getaddrinfo", "dns/backup/10.0.0.2/A", "host/backup/proxy"),
            id="all that was asked about a name",
        ),
        pytest.param(
            "one-zone-silent",
            "target/backup",
            ("backup at backup.eu-west-1.amazonaws.com", "status: critical", "CRITICAL: TCP002@backup"),
            id="a target",
        ),
        pytest.param(
            "one-zone-silent",
            "lane/backup/10.0.2.17/443",
            ("10.0.2.17 port 443 API", "TCP: TIMEOUT 3.0 s", "from own lookup: yes", "scope: vpc"),
            id="a lane",
        ),
    ],
)  # fmt: skip
def test_everything_that_is_known_is_there(name: str, key: str, parts: tuple[str, ...]) -> None:
    text = shown(at(name, key))

    for part in parts:
        assert part in text, text


def test_a_lane_has_the_path_that_is_configured() -> None:
    name = "network-acl-no-return"
    report = report_of(name)
    path = next(path for path in report.paths if path.agrees)
    text = shown(at(name, f"lane/{path.target}/{path.address}/{path.port}"))

    assert f"By configuration, read {path.taken_at:%Y-%m-%d %H:%M:%S} UTC: " in text
    for hop in path.hops:
        assert f"{hop.stage.replace('-', ' ')}: {hop.outcome.replace('-', ' ').upper()}" in text


def test_a_finding_says_what_was_seen_what_to_do_and_its_page() -> None:
    state = at("one-zone-silent", "finding/TCP002@backup", Pane.CAUSES)
    seen, to_do = "443 timed out on 10.0.2.17 after 3.0 s", "What to do: "
    assert shown(state).index(to_do) < shown(state).index(seen)  # what to do comes first, since there is little room
    text = shown(after(state, DetailOpened()))

    order = [
        seen,
        to_do,
        "reads: aws ec2 describe-network-interfaces --region eu-west-1 --filters",
        "evidence: tcp/backup/10.0.2.17/443",
        "TCP002 ",
        "CONFIRM",
        "backuplink check --region eu-west-1 --service backup",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_on_the_whole_screen_a_finding_has_its_headline() -> None:
    state = at("one-zone-silent", "finding/TCP002@backup", Pane.CAUSES)

    headline = "CRITICAL  1 of 3 addresses is silent on 443: 10.0.2.17 (backup) [TCP002]"
    assert headline not in shown(state)
    assert headline in shown(after(state, DetailOpened()))


def test_a_symptom_names_its_cause_and_a_cause_its_symptoms() -> None:
    report = report_of("two-faults-metadata-and-interception")
    symptom = next(finding for finding in report.findings if finding.explained_by)
    state = after(saved("kept", report), FindingsToggled())

    assert f"explained by: {symptom.explained_by}" in shown(
        after(state, ItemSelected(Pane.CAUSES, f"finding/{symptom.id}"))
    )
    cause = shown(after(state, ItemSelected(Pane.CAUSES, f"finding/{symptom.explained_by}")))
    assert "explains:" in cause
    assert symptom.id in cause


def test_a_check_that_runs_again_shows_its_last_result() -> None:
    state = after(
        ready(),
        RunRequested(0.0, settings()),
        *recorded("one-zone-silent")[1],
        RunFinished(report_of("one-zone-silent")),
        ItemSelected(Pane.PATH, "tcp/backup/10.0.2.17/443"),
        RunRequested(0.0, settings()),
    )

    text = shown(state)
    assert "tcp/backup/10.0.2.17/443  waiting" in text
    assert text.index("In the last run:") < text.index("failed timeout")


def test_a_check_that_changed_shows_its_last_result() -> None:
    state = ready()
    for name in ("one-zone-silent", "healthy"):
        state = after(state, RunRequested(0.0, settings()), *recorded(name)[1], RunFinished(report_of(name)))

    assert "was: failed timeout" in shown(after(state, ItemSelected(Pane.PATH, "tcp/backup/10.0.2.17/443")))
    assert "TCP002@backup" in shown(after(state, ItemSelected(Pane.CAUSES, "changed")))
    assert "tcp/backup/10.0.2.17/443: timeout -> ok" in shown(after(state, LogOpened()))


@pytest.mark.parametrize("key", ["", "lane/nowhere/10.0.0.1/443", "finding/XXX999@backup"])
def test_what_is_not_there_is_shown_as_the_top(key: str) -> None:
    assert title(at("healthy", key)) == "This host"


@pytest.mark.parametrize("width", [28, 40, 80, 200])
def test_no_line_is_wider_than_there_is_room(width: int) -> None:
    for key in ("tls/backup/10.0.1.17/443", THIS_HOST):
        assert max(width_of(line) for line in detail(at("interception-trusted", key), width, ASCII)) <= width


def test_a_page_is_wrapped_once_and_its_addresses_stay_whole() -> None:
    state = at("one-zone-silent", "finding/TCP002@backup", Pane.CAUSES)
    narrow, wide = shown(state, 52).splitlines(), shown(state, 140).splitlines()

    sentence = " On port 443, some addresses of the name connect, while others time out or refuse. The"
    assert any(line.startswith(sentence) for line in wide)
    assert " ".join(line.strip() for line in narrow).count(sentence.strip()) == 1
    assert "aws ec2 describe-network-acls --region eu-west-1 \\" in "\n".join(wide)
    for lines in (shown(state, 84).splitlines(), wide):
        alone = [line.strip() for line in lines if "https://" in line]
        assert len(alone) > 2
        assert all(line.startswith("https://") and line.endswith(".html") for line in alone)


def test_times_are_told_of_the_steps_that_a_lane_has() -> None:
    state = ready()
    for name in ("healthy", "one-zone-silent", "healthy"):
        state = after(state, RunRequested(0.0, settings()), *recorded(name)[1], RunFinished(report_of(name)))
    text = shown(after(state, ItemSelected(Pane.PATH, "lane/backup/10.0.2.17/443")))
    assert "# TCP  3 runs, loss 33%, average 2.0 ms, worst 2.0 ms" in text
    assert ": API  2 runs, loss 0%, average 2.0 ms, worst 2.0 ms" in text

    state = ready()
    for _ in range(2):
        state = after(state, RunRequested(0.0, settings()), RunFinished(report_of("gateway-healthy")))
    lane = next(lane for band in state.picture.bands for lane in band.lanes if lane.cells[-1] is None)
    text = shown(after(state, ItemSelected(Pane.PATH, lane.key)))
    assert "# TCP  2 runs" in text
    assert ": API  " not in text


# --- Pages -----------------------------------------------------------------------------------------------------------


def finding_page(report: Report) -> str:
    return filled(report.findings[0], report)


def test_a_page_has_the_ids_of_its_report() -> None:
    page = finding_page(report_of("port-blocked"))

    for known in ("--region eu-west-1", "Values=com.amazonaws.eu-west-1.backup"):
        assert known in page
    for placeholder in ("<REGION>", "<SERVICE>", "<SERVICE_NAME>"):
        assert placeholder not in page


def test_a_page_keeps_the_placeholder_of_what_several_things_could_be() -> None:
    report = report_of("port-blocked")
    addresses = {
        observation.subject.address
        for observation in report.observations
        if observation.id in report.findings[0].evidence
    }

    assert len(addresses) > 1
    assert "Values=<ADDRESS>" in finding_page(report)


def test_a_page_has_what_the_configuration_names() -> None:
    report = report_of("security-group-443-only")
    page = filled(next(finding for finding in report.findings if finding.code == "VPC005"), report)

    assert "--group-id <ENDPOINT_SECURITY_GROUP_ID>" not in page
    group = next(hop.resources[0] for hop in report.paths[0].hops if hop.stage is Stage.ENDPOINT_GROUPS)
    assert f"--group-id {group}" in page


@pytest.mark.parametrize(
    "bad", ["vpc-1; reboot", "vpc-0a1b2c3d\x1b[2J", "vpc-$(id)", "i-0a1b2c3d4e5f67890", "vpc-0A1B2C3D"]
)
def test_what_has_not_the_form_of_its_kind_does_not_get_into_a_page(bad: str) -> None:
    report = report_of("name-does-not-exist")
    finding = replace(report.findings[0], code="DNS001")
    good = replace(report, vantage=replace(report.vantage, vpc_id="vpc-0a1b2c3d4e5f67890"))
    assert "vpc-0a1b2c3d4e5f67890" in filled(finding, good)

    assert bad not in filled(finding, replace(report, vantage=replace(report.vantage, vpc_id=bad)))


def test_a_page_that_this_version_has_not_says_so() -> None:
    report = report_of("one-zone-silent")

    assert (
        filled(replace(report.findings[0], code="XYZ999"), report)
        == "# XYZ999\n\nThis version has no page for this code.\n"
    )


def test_every_page_can_be_filled() -> None:
    report = report_of("one-zone-silent")
    for code in CODES:
        page = filled(replace(report.findings[0], code=code), report)
        assert page.startswith(f"# {code}")
        assert "<REGION>" not in page
    assert set(FORMS) >= {"<VPC_ID>", "<INSTANCE_ID>"}


OF_THE_SERVICE = "SERVICE ENDPOINT_VARIABLE SERVICE_KEY ACTION OPERATION CLI_SERVICE CLI_OPERATION".split()
"""Placeholders that can be filled if the finding's target is a known service."""


@pytest.mark.parametrize("service", ["ssm", "sts", "backup-gateway"])
def test_pages_have_the_commands_of_the_service_that_a_finding_is_about(service: str) -> None:
    report = report_of("one-zone-silent")
    [of_backup] = (target for target in report.targets if target.id == report.findings[0].target)
    report = replace(report, targets=(replace(of_backup, service=service),))
    pages = [filled(replace(report.findings[0], code=code), report) for code in CODES]
    assert [name for name in OF_THE_SERVICE for page in pages if f"<{name}>" in page] == []
    words = SERVICES[service].cli_words
    assert words is not None
    assert f"aws {words[0]} {words[1]} --region eu-west-1" in "".join(pages)
    assert f"export {SERVICES[service].endpoint_variable}=https://" in "".join(pages)


def test_a_page_gives_no_ipv6_address_the_length_of_an_ipv4_one() -> None:
    report = report_of("acl-without-ipv6")
    finding = next(finding for finding in report.findings if finding.code == "VPC006")
    page = filled(finding, report)
    assert "--cidr-block <ENDPOINT_BLOCK>" in page
    assert not re.search(r"[0-9a-f]*:[0-9a-f:]+/32", page)
    assert "--ipv6-cidr-block" in " ".join(word for command in finding.fix.commands for word in command.argv)


EXPLAINED = r"(?:is|are|means|stands|names|of the)\b"


def filled_by_a_report() -> dict[str, str]:
    """Every placeholder that a report may fill. Its value is a word that is not on any page."""
    report = report_of("one-zone-silent")
    return {name: f"value-{name.strip('<>').lower()}" for name, _ in values_for(report.findings[0], report)}


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_page_explains_no_placeholder_that_a_report_fills(code: str) -> None:
    page = " ".join(
        fill_in((ROOT / "agent" / "runbooks" / f"{code}.md").read_text("utf-8"), filled_by_a_report()).split()
    )
    assert re.findall(rf"`value-[a-z0-9_]+`(?:/\d+`?)? {EXPLAINED}", page) == []


@pytest.mark.parametrize(
    ("name", "code", "kept"),
    [
        ("central-endpoint-without-a-route", "VPC007", ("<PEER_VPC_CIDR>",)),
        ("bridge-in-the-way", "TCP006", ("<PEER_VPC_CIDR>",)),
        ("resource-control-policy-denies", "IAM005", ("<ACTION_SERVICE_NAME>", "<ACTION_ENDPOINT_ID>")),
    ],
)
def test_a_page_does_not_take_a_value_of_this_vpc_for_that_of_another(
    name: str, code: str, kept: tuple[str, ...]
) -> None:
    report = report_of(name)
    finding = next((finding for finding in report.findings if finding.code == code), None)
    page = filled(finding or replace(report.findings[0], code=code), report)
    assert [placeholder for placeholder in kept if placeholder not in page] == []
    assert str(report.vantage.vpc_cidrs[0]) not in page
    assert "Values=com.amazonaws.eu-west-1.backup" not in page or code != "IAM005"


def test_only_an_ipv6_address_of_this_host_stands_where_a_rule_takes_ipv6() -> None:
    report = report_of("one-zone-silent")
    finding = replace(report.findings[0], code="DNS012")
    assert "CidrIpv6: <IPV6_ADDRESS_OF_THIS_HOST>/128" in filled(finding, report)
    own = (*report.vantage.source_addresses, ip_address("2001:db8::7"))
    report = replace(report, vantage=replace(report.vantage, source_addresses=own))
    assert "CidrIpv6: 2001:db8::7/128" in filled(finding, report)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("-connect <ADDRESS>:443", "-connect [2001:db8::7]:443"),
        ("--connect-to ::<ADDRESS>:443 x", "--connect-to ::[2001:db8::7]:443 x"),
        ("curl https://<ADDRESS>/", "curl https://[2001:db8::7]/"),
        ("--resolve <HOST>:443:<ADDRESS> x", "--resolve <HOST>:443:2001:db8::7 x"),
        ("ip route get <ADDRESS>", "ip route get 2001:db8::7"),
        ("--cidr <ADDRESS>/32", "--cidr <ADDRESS>/32"),
    ],
)
def test_an_ipv6_address_before_a_port_and_in_a_url_stands_in_brackets(text: str, whole: str) -> None:
    assert fill_in(text, {"<ADDRESS>": "2001:db8::7"}) == whole
    assert fill_in(text, {"<ADDRESS>": "10.0.1.17"}) == text.replace("<ADDRESS>", "10.0.1.17")


@pytest.mark.parametrize(("service", "block"), [("backup", "10.0.1.17/32"), ("s3", "<ENDPOINT_BLOCK>")])
def test_an_entry_names_the_only_address_of_an_endpoint_and_none_that_changes(service: str, block: str) -> None:
    report = report_of("one-zone-silent")
    [target] = (target for target in report.targets if target.id == report.findings[0].target)
    report = replace(report, targets=(replace(target, service=service),))
    finding = replace(report.findings[0], code="VPC006", evidence=("tcp/backup/10.0.1.17/443",))
    assert f"--cidr-block {block}" in filled(finding, report)


def test_a_page_keeps_the_placeholder_of_what_a_service_does_not_have() -> None:
    report = report_of("one-zone-silent")
    [of_backup] = (target for target in report.targets if target.id == report.findings[0].target)
    report = replace(report, targets=(replace(of_backup, service="backup-storage"),))
    page = filled(replace(report.findings[0], code="RUN003"), report)
    assert "aws <CLI_SERVICE> <CLI_OPERATION> --region eu-west-1" in page


def test_commands_are_lines_for_a_shell_with_nothing_hidden_in_them() -> None:
    report = report_of("one-zone-silent")
    finding = report.findings[0]
    command = replace(finding.fix.commands[0], argv=("aws", "a b", "\x1b]52;c;x\a", "<PLACE>"))
    report = replace(report, findings=(replace(finding, fix=replace(finding.fix, commands=(command,))),))

    assert r"aws 'a b' '\x1b]52;c;x\x07' '<PLACE>'" in shown(saved("kept", report))
