"""The table of known texts. The tests search it for lines as programs write them, and for arbitrary lines."""

import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.catalog import text_search
from agent.catalog.findings import CODES, Layer
from agent.catalog.known_texts import KNOWN_TEXTS, KnownText
from agent.catalog.services import SERVICES
from agent.catalog.text_search import (
    MAX_LINE_CHARACTERS,
    MAX_MATCHES,
    AddressHint,
    NamedHost,
    TextMatch,
    named_host,
    normalized,
    search,
    shown,
)
from agent.cli.main import main
from agent.judge.conditions.denials import read_denial
from agent.judge.rules.iam import code_of
from tests.agent.catalog.text_rows import FILE, text_rows
from tests.support.extent import one_in
from tests.support.repository import ROOT
from tests.support.sections import STALE

LINES: Final[dict[str, list[dict[str, Any]]]] = tomllib.loads(
    Path(__file__).with_name("known_texts.toml").read_text("utf-8")
)
SAMPLES: Final = LINES["sample"]
NEIGHBOURS: Final = LINES["neighbour"]
DENIALS: Final = json.loads((ROOT / "tests/agent/judge/rules/denials.json").read_text("utf-8"))["denials"]
BY_ID: Final = {known.id: known for known in KNOWN_TEXTS}
PATTERNS: Final = [(known.id, pattern) for known in KNOWN_TEXTS for pattern in known.patterns]
FAILURE: Final = "net/http: TLS handshake timeout"
FILLED: Final = {
    "host": "backup.eu-west-1.api.aws",
    "peer": "10.0.1.17:443",
    "address": "10.0.1.17",
    "word": "something",
}


def texts_of(line: str) -> list[str]:
    return [match.known.id for match in search([line]).matches]


def only(line: str) -> TextMatch:
    (match,) = search([line]).matches
    return match


def filled(pattern: str) -> str:
    """A line that consists of the pattern. If the pattern requires a failure, the line also has one."""
    known = next(known for known in KNOWN_TEXTS if pattern in known.patterns)
    if known.needs_failure:
        return f"https://{pattern}/: {FAILURE}"
    return _filled(pattern)


def _filled(pattern: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda part: FILLED[part[1]], pattern).replace("...", "anything at all")


# --- Each record -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["texts"][0])
def test_a_line_has_the_texts_that_it_has_and_no_others(sample: dict[str, Any]) -> None:
    assert texts_of(sample["line"]) == sample["texts"]
    assert texts_of(f"prefix {sample['line'].upper()} suffix") == sample["texts"]  # logs differ in upper and lower case


@pytest.mark.parametrize("neighbour", NEIGHBOURS, ids=lambda neighbour: neighbour["not"])
def test_a_line_that_is_almost_a_text_is_not_that_text(neighbour: dict[str, Any]) -> None:
    assert neighbour["not"] not in neighbour["texts"]
    assert texts_of(neighbour["line"]) == neighbour["texts"]


def test_every_record_has_a_sample_and_a_neighbour() -> None:
    assert {text for sample in SAMPLES for text in sample["texts"]} == set(BY_ID)
    assert {neighbour["not"] for neighbour in NEIGHBOURS} == set(BY_ID)


def test_no_record_loses_a_pattern_a_code_or_a_service() -> None:
    assert text_rows() == FILE.read_text("ascii"), STALE


@pytest.mark.parametrize(("text", "pattern"), PATTERNS)
def test_every_pattern_is_found_and_is_needed(text: str, pattern: str) -> None:
    match = next(match for match in search([filled(pattern)]).matches if match.known.id == text)
    assert match.pattern == pattern
    for literal in (part for part in re.split(r"\{\w+\}|\.\.\.", pattern) if part.strip()):
        spoilt = _filled(pattern.replace(literal, literal.replace(literal.strip()[0], "~")))
        assert pattern not in {other.pattern for other in search([spoilt]).matches}


@pytest.mark.parametrize("known", KNOWN_TEXTS, ids=lambda known: known.id)
def test_a_record_names_what_exists(known: KnownText) -> None:
    assert set(known.codes) <= set(CODES)
    assert len(set(known.codes)) == len(known.codes)
    assert set(known.services) <= SERVICES.keys()
    assert known.codes or known.advice, "neither a finding nor anything to do"
    assert known.has_network_cause or not (known.codes or known.services)
    for words in (known.writer, known.means, known.advice, known.source, *known.patterns):
        assert words.isascii()
        assert words == " ".join(words.split())
    assert known.means.endswith(".")
    assert not known.advice or known.advice.endswith(".")


def test_ids_are_unique_and_no_pattern_is_in_two_records() -> None:
    assert len(BY_ID) == len(KNOWN_TEXTS)
    assert len({pattern.lower() for _, pattern in PATTERNS}) == len(PATTERNS)


@pytest.mark.parametrize("known", [known for known in KNOWN_TEXTS if known.unless], ids=lambda known: known.id)
def test_another_text_in_the_line_takes_it_from_a_record(known: KnownText, monkeypatch: pytest.MonkeyPatch) -> None:
    for other in known.unless:
        assert known.id in texts_of(filled(known.patterns[0]))
        assert known.id not in texts_of(f"{filled(known.patterns[0])} {other} at the end")
        lines = [line["line"] for line in (*SAMPLES, *NEIGHBOURS) if known.id not in line["texts"]]
        without = replace(known, unless=tuple(kept for kept in known.unless if kept != other))
        texts = tuple(without if text is known else text for text in KNOWN_TEXTS)
        monkeypatch.setattr(text_search, "KNOWN_TEXTS", texts)
        text_search._searches.cache_clear()
        is_needed = any(known.id in texts_of(line) for line in lines)
        monkeypatch.undo()
        text_search._searches.cache_clear()
        assert is_needed, f"no line of a program shows that {other!r} is"


# --- Commands --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["texts"][0])
def test_the_command_line_takes_the_commands(sample: dict[str, Any]) -> None:
    for match in search([sample["line"]]).matches:
        checked = [service for service in match.services if service not in match.unchecked]
        if match.command is None:
            assert not checked
            assert not match.codes_of_run
            assert match.unchecked or match.unknown_host is not None or not match.codes
            continue
        program, command, *arguments = match.command
        assert (program, command) == ("backuplink", "check")
        with main.commands[command].make_context(command, list(arguments)) as context:
            assert list(context.params["services"]) == checked
            assert context.params["region"] == (None if match.host is None else match.host.region)


def test_the_services_that_a_check_takes_are_those_of_its_option() -> None:
    (option,) = [param for param in main.commands["check"].params if param.name == "services"]
    assert isinstance(option.type, click.Choice)
    for known in KNOWN_TEXTS:
        for match in search([filled(known.patterns[0])]).matches:
            assert set(match.services) - set(match.unchecked) == set(match.services) & set(option.type.choices)


def test_a_text_of_an_unknown_service_gets_no_command() -> None:
    match = only('Connect timeout on endpoint URL: "https://made-up.eu-west-1.amazonaws.com/"')
    assert match.command is None
    assert match.unchecked == ("made-up",)


def test_what_every_run_shows_needs_no_service() -> None:
    line = 'Connect timeout on endpoint URL: "https://sts.amazonaws.com/"'
    match = search([line]).matches[0]
    assert (match.known.id, match.codes_of_run) == ("sts-global", ("API010",))
    assert match.command == ("backuplink", "check", *(("--service", "sts") if "sts" in SERVICES else ()))


@pytest.mark.parametrize(
    ("action", "service"),
    [("backup:ListBackupVaults", "backup"), ("BACKUP-GATEWAY:ListGateways", "backup-gateway"), ("widgets:Get", None)],
)
def test_a_denial_is_checked_at_the_service_whose_action_it_names(action: str, service: str | None) -> None:
    match = only(f"User: x is not authorized to perform: {action} because no VPC endpoint policy allows the action")
    assert match.command == (None if service is None else ("backuplink", "check", "--service", service))
    assert match.unchecked == (() if service else ("widgets",))


def test_a_text_without_a_host_is_checked_in_the_region_of_the_host() -> None:
    assert only("Unable to locate credentials").command == ("backuplink", "check")
    assert only("KMS key is either disabled or pending deletion").command == ("backuplink", "check", "--jobs")


def test_a_host_that_the_catalogue_knows_is_checked_in_its_region() -> None:
    match = only('Read timeout on endpoint URL: "https://backup-gateway.us-gov-west-1.amazonaws.com/"')
    assert match.command == (*("backuplink", "check", "--service", "backup-gateway"), "--region", "us-gov-west-1")


# --- Denials ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("denial", DENIALS, ids=lambda denial: denial["name"])
def test_a_denial_is_the_finding_that_the_rules_give_for_it(denial: dict[str, Any]) -> None:
    match = only(denial["text"])
    if match.known.id == "denied-ec2":  # the denied call reads the configuration, and goes to no target
        assert "ec2:" in denial["text"]
        assert match.codes == ("VPC013",)
    elif match.known.id == "denied-role-trust":  # the rules see that the source of credentials failed
        assert denial["policy"] == "role-trust"
        assert match.codes == ("API010",)
    else:
        assert match.codes[0] == code_of(read_denial(denial["text"])) == denial["code"]


# --- What a line says ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "service", "region"),
    [
        ("backup.eu-west-1.amazonaws.com", "backup", "eu-west-1"),
        ("BACKUP.eu-west-1.amazonaws.com", "backup", "eu-west-1"),
        ("backup-fips.us-gov-west-1.amazonaws.com", "backup", "us-gov-west-1"),
        ("backup.cn-north-1.amazonaws.com.cn", "backup", "cn-north-1"),
        ("backup.eu-west-1.api.aws", "backup", "eu-west-1"),
        ("backup.us-iso-east-1.c2s.ic.gov", "backup", "us-iso-east-1"),
        ("anon-cp.backup-gateway.eu-west-1.amazonaws.com", "backup-gateway", "eu-west-1"),
        ("vpce-0a1b2c3d4e5f67890-abcd1234.backup.eu-west-1.vpce.amazonaws.com", "backup", "eu-west-1"),
        ("vpce-0a1b2c3d4e5f67890-abcd1234-eu-west-1a.ssm.eu-west-1.vpce.amazonaws.com", "ssm", "eu-west-1"),
        ("ssm-sap.eu-west-1.amazonaws.com", "ssm-sap", "eu-west-1"),
        ("hana-backups.s3.eu-west-1.amazonaws.com", "s3", "eu-west-1"),
        ("hana-backups.s3.dualstack.eu-west-1.amazonaws.com", "s3", "eu-west-1"),
        ("sts.amazonaws.com", "sts", None),
    ],
)
def test_a_host_says_which_service_it_is_of(host: str, service: str, region: str | None) -> None:
    assert named_host(f'Post "https://{host}:443/path": failed.') == NamedHost(
        host=host.lower(), service=service, region=region
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        "https://docs.aws.amazon.com/aws-backup/latest",
        "ip-10-0-0-1.eu-west-1.compute.internal",
        "ec2-13-1-1-1.eu-west-1.compute.amazonaws.com",
        "db.abc.eu-west-1.rds.amazonaws.com",
        "backup.eu-west-1.amazonaws.com.example.com",
        "eu-west-1.amazonaws.com",
        "amazonaws.com",
    ],
)
def test_a_host_of_no_service_is_none(line: str) -> None:
    assert named_host(line) is None


def test_the_first_host_of_aws_counts() -> None:
    line = "proxy.example.com: backup.eu-west-1.amazonaws.com, then ssm.eu-west-1.amazonaws.com"
    assert named_host(line) == NamedHost(host="backup.eu-west-1.amazonaws.com", service="backup", region="eu-west-1")


@pytest.mark.parametrize(
    ("line", "hint", "first", "missing"),
    [
        ("dial tcp 13.217.78.180:443: i/o timeout", AddressHint.PUBLIC, "DNS001", ()),
        ("dial tcp [2600:1f18::3]:443: i/o timeout", AddressHint.PUBLIC, "DNS001", ()),
        ("connect ECONNREFUSED 52.10.96.57:443", AddressHint.PUBLIC, "DNS001", ()),
        ("dial tcp 10.0.1.17:443: i/o timeout", AddressHint.PRIVATE, "VPC005", ("DNS001", "DNS002", "VPC001")),
        ("dial tcp [fd00::17]:443: i/o timeout", AddressHint.PRIVATE, "VPC005", ("DNS001",)),
        ("dial tcp 127.0.0.1:443: i/o timeout", AddressHint.BOGUS, "DNS010", ("DNS001",)),
        ("dial tcp 999.0.0.1:443: i/o timeout", None, "DNS001", ()),
        (
            'Post "https://hana.s3.eu-west-1.amazonaws.com/": dial tcp 52.216.88.123:443: i/o timeout',
            AddressHint.PUBLIC_AS_EVER,
            "VPC019",
            (),
        ),
        ("* connect to 10.0.1.17 port 443 failed: Connection timed out", AddressHint.PRIVATE, "VPC005", ("DNS001",)),
        ("Connection timed out to 10.0.1.17:443", AddressHint.PRIVATE, "VPC005", ("DNS001", "DNS002", "VPC001")),
        ("Connection timed out to [fd00::17]:443", AddressHint.PRIVATE, "VPC005", ("DNS001", "VPC001")),
        ("10.0.1.17 agent: Connection timed out", None, "DNS001", ()),
        (
            "Crashed during fetch and conversion tcp 10.0.2.83:5->52.216.88.123:443: use of closed network connection",
            AddressHint.PUBLIC_AS_EVER,
            "TLS001",
            ("DNS001",),
        ),
    ],
)
def test_the_address_says_whether_the_answer_was_public(
    line: str, hint: AddressHint | None, first: str, missing: tuple[str, ...]
) -> None:
    match = only(line)
    assert (match.hint, match.codes[0]) == (hint, first)
    assert not set(missing) & set(match.codes)
    assert len(set(match.codes)) == len(match.codes)


def test_the_address_of_a_name_server_or_of_this_host_is_not_the_address_of_the_endpoint() -> None:
    assert only("dial tcp: lookup backup.eu-west-1.amazonaws.com on 8.8.8.8:53: no such host").address is None
    crashed = "Crashed during fetch and conversion tcp 10.0.2.83:5->52.216.88.123:443: use of closed network connection"
    assert str(only(crashed).address) == "52.216.88.123"


@pytest.mark.parametrize(
    "line",
    [
        'Could  not connect\tto the endpoint\nURL: "https://backup.eu-west-1.amazonaws.com/"',
        r'{"msg": "Could not connect to the endpoint URL: \"https://backup.eu-west-1.amazonaws.com/\""}',
        "Could not connect to the endpoint URL: \u201chttps://backup.eu-west-1.amazonaws.com/\u201d",
    ],
)
def test_white_space_and_quotes_are_as_logs_and_pages_have_them(line: str) -> None:
    assert texts_of(line) == ["botocore-connect"]


# --- Many lines ------------------------------------------------------------------------------------------------------


def test_a_text_that_comes_again_is_one_match_for_each_host_and_kind_of_address() -> None:
    first, other = ("dial tcp 13.217.78.180:443: i/o timeout", "dial tcp 10.0.1.17:443: i/o timeout")
    result = search(["nothing", first, first, other, first])
    assert [(match.number, match.lines, match.hint) for match in result.matches] == [
        (2, 3, AddressHint.PUBLIC),
        (4, 1, AddressHint.PRIVATE),
    ]
    assert (result.lines, result.cut, result.left_out) == (5, 0, 0)


JAVA: Final = (
    "com.amazonaws.SdkClientException: Unable to load AWS credentials from any provider in the chain",
    "Caused by: com.amazonaws.SdkClientException: Unable to execute HTTP request",
    "Caused by: org.apache.http.conn.ConnectTimeoutException: Connect to backup.eu-west-1.amazonaws.com:443 "
    "[backup.eu-west-1.amazonaws.com/10.0.1.17] failed: connect timed out",
    "Caused by: java.net.UnknownHostException: backup.eu-west-1.amazonaws.com",
)
PYTHON: Final = (
    "urllib3.exceptions.NewConnectionError: Failed to establish a new connection: [Errno 111] Connection refused",
    "During handling of the above exception, another exception occurred:",
    'botocore.exceptions.EndpointConnectionError: Could not connect to the endpoint URL: "https://backup.eu-west-1.'
    'amazonaws.com/"',
)


@pytest.mark.parametrize(
    ("lines", "texts"),
    [
        (JAVA, ["java-unknown-host", "java-timeout", "java-no-credentials"]),
        (PYTHON, ["system-refused", "botocore-connect"]),
        (
            ("Health ping failed with error - EOF", "dial tcp 10.0.1.17:443: i/o timeout"),
            ["go-timeout", "ssm-health-ping"],
        ),
        (
            ("dial tcp 10.0.1.17:443: i/o timeout", "Health ping failed with error - EOF"),
            ["go-timeout", "ssm-health-ping"],
        ),
        (("Backint exited with exit code 1 instead of 0", "Read timed out. (read timeout=60)"), None),
    ],
)
def test_of_several_lines_the_innermost_cause_comes_first(lines: tuple[str, ...], texts: list[str] | None) -> None:
    found = [match.known.id for match in search(lines).matches]
    assert found == (texts or ["urllib3-read-timeout", "backint-exit-code"])


def test_of_one_line_what_its_end_says_comes_first() -> None:
    line = "Unable to load AWS credentials from any provider in the chain: Connect to sts.eu-west-1.amazonaws.com:443"
    line += " [sts.eu-west-1.amazonaws.com/52.94.1.1] failed: connect timed out"
    assert texts_of(line) == ["java-timeout", "java-no-credentials"]
    assert texts_of(" then ".join(("net/http: TLS handshake timeout", "socket hang up"))) == [
        *("node-closed", "go-handshake-timeout"),
    ]


# --- What the rest of a line says ------------------------------------------------------------------------------------

NETWORK_LAYERS: Final = {Layer.NAME, Layer.CONNECTION, Layer.TLS, Layer.HTTP, Layer.CONFIGURATION}
RIGHTS: Final = {"VPC008", "VPC013"}


@pytest.mark.parametrize("known", KNOWN_TEXTS, ids=lambda known: known.id)
@pytest.mark.parametrize("denial", ["AccessDeniedException", "Access Denied", "is not authorized to perform: ssm:Get"])
def test_a_denial_rules_out_the_network(known: KnownText, denial: str) -> None:
    matches = search([f"{filled(known.patterns[0])}: {denial}"]).matches
    assert matches
    for match in matches:
        assert not {code for code in match.codes if CODES[code].layer in NETWORK_LAYERS} - RIGHTS


@pytest.mark.parametrize("known", KNOWN_TEXTS, ids=lambda known: known.id)
def test_a_private_address_rules_out_a_public_answer(known: KnownText) -> None:
    for pattern in known.patterns:
        if "{peer}" in pattern or "{address}" in pattern:
            matches = [match for match in search([filled(pattern)]).matches if match.address is not None]
            assert matches
            for match in matches:
                assert not set("DNS001 DNS002 VPC001 VPC002 VPC003 VPC011 VPC015".split()) & set(match.codes)


@pytest.mark.parametrize(
    "host",
    [
        "us-east-1.elasticmapreduce.amazonaws.com",
        "us-east-1.queue.amazonaws.com",
        "db.abc.eu-west-1.rds.amazonaws.com",
        "0123.gr7.eu-west-1.eks.amazonaws.com",
        "made-up.eu-west-1.amazonaws.com",
        "registry.terraform.io",
        "vault.corp.example.com",
    ],
)
@pytest.mark.parametrize(
    "line",
    [
        'Could not connect to the endpoint URL: "https://{host}/"',
        'Post "https://{host}/": dial tcp 10.0.1.17:443: i/o timeout',
        "dial tcp: lookup {host} on 10.0.0.2:53: no such host",
        "Connect to {host}:443 [{host}/10.0.1.17] failed: connect timed out",
        "java.net.UnknownHostException: {host}",
        "HTTPSConnectionPool(host='{host}', port=443): Read timed out. (read timeout=60)",
        "curl: (6) Could not resolve host: {host}",
        "Error: getaddrinfo ENOTFOUND {host}",
        "** server can't find {host}: NXDOMAIN",
        "The remote name could not be resolved: '{host}'",
        'Get "https://{host}/": something that no program has said before',
    ],
)
def test_a_host_that_is_not_understood_never_leads_to_a_plain_check(line: str, host: str) -> None:
    result = search([line.format(host=host)])
    assert {match.command for match in result.matches} <= {None}
    assert result.next_command is None
    for match in result.matches:
        assert match.unchecked or match.unknown_host == host


def test_a_host_for_fips_or_dual_stack_points_at_the_setting_that_builds_it() -> None:
    for host in ("backup-fips.eu-west-1.amazonaws.com", "backup.eu-west-1.api.aws", "eu-west-1.queue.amazonaws.com"):
        assert only(f"dial tcp: lookup {host} on 10.0.0.2:53: no such host").codes[0] == "ENV006"
    assert only("dial tcp: lookup backup.eu-west-1.amazonaws.com on 10.0.0.2:53: no such host").codes[0] == "DNS003"


# --- Jobs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [known for known in KNOWN_TEXTS if known.is_of_job], ids=lambda known: known.id)
def test_the_message_of_a_job_leads_to_the_jobs(known: KnownText) -> None:
    for pattern in known.patterns:
        match = next(match for match in search([filled(pattern)]).matches if match.known is known)
        assert match.command is not None
        assert match.command[:3] == ("backuplink", "check", "--jobs")


@pytest.mark.parametrize("line", ["Your backup job failed: Access Denied", "Copy job 12 FAILED: AccessDeniedException"])
def test_a_denial_that_a_job_says_leads_to_the_jobs_and_no_network(line: str) -> None:
    match = only(line)
    assert (match.known.id, match.is_of_job) == ("denied-without-reason", True)
    assert match.command == ("backuplink", "check", "--jobs")
    assert only("An error occurred (AccessDenied) when calling the StartRestoreJob operation").is_of_job is False


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("Your backup job failed for a reason that nobody wrote down", ("backuplink", "check", "--jobs")),
        ("restore job 1234 ended as FAILED", ("backuplink", "check", "--jobs")),
        ("the AWS Backup role was not found", ("backuplink", "check", "--jobs")),
        ("the wind was strong", ("backuplink", "check")),
        (
            "GET https://backup.eu-west-1.amazonaws.com/ took long",
            ("backuplink", "check", "--service", "backup", "--region", "eu-west-1"),
        ),
    ],
)
def test_what_no_text_is_known_of_still_leads_somewhere(line: str, command: tuple[str, ...]) -> None:
    result = search([line])
    assert result.matches == ()
    assert result.next_command == command


def test_a_line_is_searched_up_to_its_limit() -> None:
    text = "Unable to locate credentials"
    assert search([" " * (MAX_LINE_CHARACTERS - len(text)) + text]).matches
    result = search([" " * (MAX_LINE_CHARACTERS - len(text) + 1) + text])
    assert (result.matches, result.cut) == ((), 1)


def test_no_more_matches_are_kept_than_the_limit() -> None:
    lines = [f'Read timeout on endpoint URL: "https://s{number}.eu-west-1.amazonaws.com/"' for number in range(150)]
    result = search(lines)
    assert (len(result.matches), result.left_out) == (MAX_MATCHES, 150 - MAX_MATCHES)


# --- Hostile lines ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "pattern"), PATTERNS)
def test_a_pattern_takes_time_in_proportion_to_the_line(text: str, pattern: str) -> None:
    """A part of a pattern is never repeated without a limit, or inside another repetition. Each part begins with fixed
    characters.
    """
    assert not [piece for piece in pattern.split("...") if piece.strip()[:1] in ("", "{")]
    for piece in text_search._pieces(pattern):
        repeats = re.findall(r"(?<!\\)(?:\{\d+,(\d+)\}|[*+])", piece.pattern)
        assert "" not in repeats, "a repetition without a limit"
        assert len(repeats) <= 3
        assert re.search(r"\)(?:\{|[*+])", piece.pattern) is None, "a repetition of a group"


@pytest.mark.parametrize(("text", "pattern"), one_in(12, PATTERNS))
def test_the_beginning_of_a_text_over_and_over_is_read_to_its_end(text: str, pattern: str) -> None:
    start = re.split(r"\{\w+\}|\.\.\.", pattern)[0]
    for piece in (start, f"{start}a", f"{start}1.", f"{start}[a/1:"):
        line = piece * (MAX_LINE_CHARACTERS // len(piece))
        assert search([line]).lines == 1


@given(st.text(max_size=400) | st.sampled_from([sample["line"] for sample in SAMPLES]), st.text(max_size=40))
def test_any_line_is_searched(line: str, more: str) -> None:
    assert len(normalized(line + more).split("  ")) == 1
    for match in search([line + more, more + line]).matches:
        assert match.known.id in BY_ID
        assert match.codes == tuple(dict.fromkeys(match.codes))
        assert set(match.codes) <= set(CODES)


def test_what_varies_is_shown_in_capitals() -> None:
    assert shown("dial tcp {peer}: i/o timeout") == "dial tcp ADDRESS:PORT: i/o timeout"
    assert not [pattern for _, pattern in PATTERNS if "{" in shown(pattern)]
