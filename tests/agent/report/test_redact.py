"""A masked report does not show in any format whose network it is about. It is still a valid report."""

import dataclasses
import itertools
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import pytest

from agent.catalog.findings import CODES
from agent.catalog.partitions import REGION_VARIABLES, SUFFIXES
from agent.formats import json as json_format
from agent.formats import ndjson, text
from agent.judge.verdict import judge
from agent.report import codec
from agent.report.hops import Hop, Reachability, Stage
from agent.report.model import Command, CommandScope, ConfiguredPath, Fix, Measured, Report
from agent.report.redact import DocumentRedactor, Redactor, redact, treatments
from agent.simulated.aws import PRINCIPAL
from agent.simulated.scenario import Scenario
from probes.facts import ApiFacts, Certificate, Facts, HostFacts, HttpFacts, ProxyFacts, TlsFacts
from probes.masks import Mask, Plain, Sentence
from probes.model import Failed, Failure, FailureKind, Observation, Ok, Step, Subject
from probes.vpc.model import (
    AMAZON_DNS,
    DNS_FIREWALL,
    READS,
    SECURITY_GROUPS,
    ConfigurationFacts,
    DnsFirewallFacts,
    FirewallRule,
    GroupRule,
    SecurityGroup,
    SecurityGroupsFacts,
)
from tests.hostile import cases
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.runs import measured, report_of
from tests.support.validator import VALIDATOR

HOSTILE = "hostile/"
NAMES = (
    *dict.fromkeys((*one_in(20, scenarios.names()), "jobs-fail-here", "proxy-captures")),
    *(f"{HOSTILE}{name}" for name in one_in(4, cases.NAMES)),
)
"""Scenarios that come with the program, and those of hostile peers."""
SAME_EVERYWHERE = (
    "127.0.0.1",
    "127.0.0.53",
    "::1",
    "169.254.169.253",
    "169.254.169.254",
    "fd00:ec2::253",
    "fd00:ec2::254",
    "default",
)
"""Values that identify nobody: addresses, and the SDK's own name of a profile."""
SECRET = "hunter2-s3cr3t"  # noqa: S105 - the password that must not be seen

FULL = f"""
summary = "everything that identifies, in one network"
[run]
endpoints = ["vpce-0f1e2d3c4b5a69788-zzyy1122.backup.eu-west-1.vpce.amazonaws.com"]
[metadata]
role = "backup"
[host.environment]
https_proxy = "http://alice:{SECRET}@proxy.corp.example:3128"
no_proxy = "169.254.169.254,.corp.example"
[host]
hosts = ["127.0.0.1 backup.eu-west-1.amazonaws.com intranet.corp.example"]
[sdk.endpoint_urls]
backup = "https://stand-in.corp.example"
[credentials]
access_key_id = "ASIAY34FZKBOKMUTVV7A"
[[dns]]
resolvers = ["10.0.0.2"]
name = "stand-in.corp.example"
a = ["10.0.1.44"]
[[dns]]
resolvers = ["10.0.0.2"]
name = "vpce-0f1e2d3c4b5a69788-zzyy1122.backup.eu-west-1.vpce.amazonaws.com"
a = ["10.0.1.45"]
aaaa = ["2600:1f18::45"]
[[dns]]
resolvers = ["10.0.0.2"]
name = "proxy.corp.example"
a = ["10.0.1.90"]
[[tcp]]
addresses = ["10.0.1.44", "10.0.1.45"]
ports = [443]
issuer = "corporate"
names = ["stand-in.corp.example", "10-0-1-44.corp.example"]
[[tcp]]
addresses = ["10.0.1.90"]
ports = [3128]
speaks = "proxy"
connect_status = 403
[expect]
status = "critical"
path = "unknown"
findings = []
"""


@cache
def full() -> Report:
    return judge(measured(scenarios.parse("full", FULL))[0])


def scenario_of(name: str) -> Scenario:
    if name.startswith(HOSTILE):
        return cases.scenario(name.removeprefix(HOSTILE))
    return scenarios.load(name)


@cache
def reported(name: str) -> Report:
    return cases.report_of(name.removeprefix(HOSTILE)) if name.startswith(HOSTILE) else report_of(name)


@cache
def masked(name: str) -> Report:
    return redact(reported(name))


def formats(report: Report) -> dict[str, str]:
    return {
        "json": json_format.render(report),
        "ndjson": ndjson.render(report),
        "text": text.render(report),
        "brief": text.brief(report),
    }


def values(value: Any) -> Iterator[Any]:
    """Every value in a report except objects."""
    if isinstance(value, tuple | list):
        for item in value:
            yield from values(item)
    elif isinstance(value, dict):
        yield from values(list(value.values()))
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from values(getattr(value, field.name))
    else:
        yield value


def identifying(scenario: Scenario, report: Report) -> set[str]:
    """Every text in the scenario's file or the measured report that shows whose network it is."""
    here = scenario.metadata
    words = {here.instance_id, here.account_id, here.vpc_id, here.subnet_id, *here.security_group_ids, here.mac}
    words |= {here.interface_id, *map(str, here.addresses or ())}
    words |= {PRINCIPAL, "BackupAgent", "Example Corp"}
    words |= {str(here.subnet_cidr), *map(str, here.vpc_cidrs)}
    keys = scenario.credentials
    words |= {keys.access_key_id, keys.access_key_id[-4:], keys.secret_key, keys.token or ""}
    for name in (*scenario.run.endpoints, *(row.name for row in scenario.dns)):
        words |= set(re.findall(r"vpce-[0-9a-f]{17}(?:-\w{8})?", name))
        if not name.endswith(SUFFIXES):
            words.add(name)
    variables = (text for name, text in scenario.host.environment.items() if name not in REGION_VARIABLES)
    for url in (*variables, *scenario.sdk.endpoint_urls.values()):
        words |= {url, *re.findall(r"[\w.-]+\.(?:example|internal)", url)}
    words |= {word for line in scenario.host.hosts for word in line.split()[1:] if not word.endswith(SUFFIXES)}
    for content in values(report):
        if isinstance(content, IPv4Address | IPv6Address):
            words.add(str(content))
    configured = (
        value for seen in report.observations if seen.subject.step is Step.EC2 for value in values(seen.facts)
    )
    for content in configured:
        if isinstance(content, IPv4Network | IPv6Network) and content.prefixlen:
            words.add(str(content))
        elif isinstance(content, str):
            words |= set(re.findall(AWS_ID, content))
    words |= {str(address) for row in scenario.dns for address in (*row.a, *row.aaaa)}
    words |= {str(address) for row in scenario.tcp for address in row.addresses}
    for seen in report.observations:
        if isinstance(seen.facts, ApiFacts):
            words.add(seen.facts.error_message or "")
        if isinstance(seen.facts, ApiFacts | HttpFacts):
            words |= unlike(seen.facts.request_id, r"[0-9a-fA-F-]{8,64}")
        if isinstance(seen.facts, ApiFacts):
            words |= unlike(seen.facts.error_code, r"[A-Za-z][A-Za-z0-9.]*|[0-9]+")
        if isinstance(seen.facts, HttpFacts):
            words |= unlike(seen.facts.content_type, r"[a-z]+/[a-z0-9.+-]+")
            words |= {seen.facts.location or "", seen.facts.server or ""}
        if isinstance(seen.facts, TlsFacts):
            words.add(seen.facts.first_bytes or "")
            for certificate in seen.facts.certificates:
                words |= {certificate.subject, certificate.issuer, certificate.sha256}
                words |= {name for name in certificate.names if not name.endswith(SUFFIXES)}
    return words - {"", "*", *SAME_EVERYWHERE}


AWS_ID: Final = r"\b[a-z-]{1,12}-[0-9a-f]{8,17}\b|\b[0-9]{12}\b|\bZ[0-9A-Z]{10,}\b"
"""Ids of resources, accounts and hosted zones."""


def unlike(text: str | None, form: str) -> set[str]:
    """The words of a peer that do not have the form, or nothing if they have it."""
    return set() if text is None or re.fullmatch(form, text) else {text}


def left_in(document: str, words: set[str]) -> list[str]:
    """The words that are still in a document. A text that is wrapped over several lines is read as one line."""
    flat = " ".join(document.replace("\\\\", "\\").replace('\\"', '"').split())
    flat = re.sub(r"simulated-[\w-]+", "", flat)  # the run's id contains the scenario's name
    there = [word for word in words if word in flat]
    return sorted(word for word in there if re.search(rf"(?<![\w.]){re.escape(word)}(?!\w|\.\d)", flat))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_identifies_is_left(name: str) -> None:
    words = identifying(scenario_of(name), reported(name))
    for form, document in formats(masked(name)).items():
        assert not left_in(document, words), form


def test_every_kind_of_value_is_masked() -> None:
    report = full()
    words = identifying(scenarios.parse("full", FULL), report) | {"alice", SECRET, "corp.example", "proxy.corp.example"}
    there = set(left_in(formats(report)["json"], words))
    assert {"10.0.1.45", "2600:1f18::45", "proxy.corp.example", "VV7A", "111122223333"} <= there
    for form, document in formats(redact(report)).items():
        assert not left_in(document, words), form
        assert "corp.example" not in document, form


PEERS_WORDS = ("[2J", "VERDICT OK", "owned", "alert(1)", "reboot", "gnp.exe", "portal.example", "a" * 16)
"""Pieces of hostile peers' output, in each form in which they are shown."""


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith(HOSTILE)])
def test_no_word_of_a_peer_is_left(name: str) -> None:
    for form, document in formats(masked(name)).items():
        assert [word for word in PEERS_WORDS if word in document] == [], form


def test_words_of_peers_were_there() -> None:
    """The words are in the reports before masking. Otherwise, a test of masked reports would prove nothing."""
    hostile = [formats(reported(name))["json"] for name in NAMES if name.startswith(HOSTILE)]
    assert [word for word in PEERS_WORDS if not any(word in document for document in hostile)] == []


UUID = "20317174-17ec-464f-8ae7-123456789012"  # the last twelve digits look like the id of an account


@pytest.mark.parametrize(
    ("field", "text", "stays"),
    [
        pytest.param("request_id", UUID, True, id="a request id"),
        pytest.param("request_id", UUID.replace("-", "")[:-4].upper() + "ABCD", True, id="a request id without dashes"),
        pytest.param("request_id", "payroll", False, id="a word for a request id"),
        pytest.param("request_id", f"{UUID} payroll", False, id="a request id and a word"),
        pytest.param("request_id", f"{UUID}\n", False, id="a request id and a line"),
        pytest.param("request_id", "deadbee", False, id="too short for a request id"),
        pytest.param("request_id", "a" * 65, False, id="too long for a request id"),
        pytest.param("content_type", "application/x-amz-json-1.1", True, id="a media type"),
        pytest.param("content_type", "text/html; charset=utf-8", True, id="a media type with its charset"),
        pytest.param("content_type", "text/html; payroll", False, id="a media type and a word"),
        pytest.param("content_type", "payroll", False, id="a word for a media type"),
        pytest.param("error_code", "AuthFailure.Region", True, id="a code"),
        pytest.param("error_code", "403", True, id="a status for a code"),
        pytest.param("error_code", "Access denied", False, id="two words for a code"),
        pytest.param("error_code", "PAYROLL_HOST", False, id="a code with a line in it"),
        pytest.param("error_code", "\u0661", False, id="a digit of another script"),
    ],
)
def test_what_a_peer_says_stays_where_it_has_its_form(field: str, text: str, stays: bool) -> None:
    after = redact(with_text(report_of("denied-without-reason"), field, text))
    left = {value for value in values(after) if value == text}
    assert left == ({text} if stays else set())
    assert redact(after) == after


def with_text(report: Report, field: str, text: str) -> Report:
    """The report with this text in a field of every answer. If the field is the code of an error, the failure also has
    the text.
    """
    observations: list[Observation[Any]] = []
    for observation in report.observations:
        if isinstance(observation.facts, ApiFacts | HttpFacts) and hasattr(observation.facts, field):
            facts = replace(observation.facts, **{field: text})  # type: ignore[arg-type]
            failure = observation.failure
            if failure is not None and field == "error_code":
                failure = replace(failure, code=text)
            observation = replace(observation, outcome=Ok(facts) if failure is None else Failed(failure, facts))
        observations.append(observation)
    return replace(report, observations=tuple(observations))


@pytest.mark.parametrize(
    ("code", "stays"),
    [
        *[(code, True) for code in ("ECONNREFUSED", "WRONG_VERSION_NUMBER", "NXDOMAIN", "EAI_AGAIN", "62", "-5")],
        *[(code, True) for code in ("CredentialRetrievalError", "InvalidToken.Expired", "ca_bundle", "endpoint_url")],
        *[(code, False) for code in ("pay roll", "payroll_host", "pay-roll", "x" * 65, "1" * 11)],
    ],
)
def test_code_of_a_failure_stays_where_it_has_a_form(code: str, stays: bool) -> None:
    report = report_of("denied-without-reason")
    observations = tuple(
        replace(observation, outcome=Failed(replace(observation.failure, code=code), None))
        if observation.failure is not None
        else observation
        for observation in report.observations
    )
    assert observations != report.observations
    after = redact(replace(report, observations=observations))
    codes = {observation.failure.code for observation in after.observations if observation.failure is not None}
    assert codes == ({code} if stays else {"text-1"})


def test_what_an_error_quotes_of_a_peer_is_masked_and_the_error_is_not() -> None:
    (after,) = {
        observation.failure.message
        for observation in masked(f"{HOSTILE}http-noise").observations
        if observation.failure is not None and "status line" in observation.failure.message
    }
    assert re.fullmatch(r"the answer is not HTTP: illegal status line: text-\d+", after)


@pytest.mark.parametrize("name", NAMES)
def test_a_masked_report_is_a_report(name: str) -> None:
    document = codec.encode(masked(name))
    VALIDATOR.validate(document)
    assert codec.encode(codec.decode(document)) == document


def hangs_together(report: Report) -> None:
    """Assert that every id to which a part of the report refers exists."""
    seen = {observation.id for observation in report.observations}
    targets = {target.id for target in report.targets}
    ids = {finding.id for finding in report.findings}
    assert len(seen) == len(report.observations)
    for observation in report.observations:
        assert observation.subject.after is None or observation.subject.after in seen
        assert observation.subject.target is None or observation.subject.target in targets
    for target in report.targets:
        assert target.id in (target.service, f"{target.service}@{target.host}")
    for finding in report.findings:
        assert set(finding.evidence) <= seen
        assert finding.explained_by is None or finding.explained_by in ids
        assert finding.id == (finding.code if finding.target is None else f"{finding.code}@{finding.target}")


@pytest.mark.parametrize("name", NAMES)
def test_parts_still_refer_to_each_other(name: str) -> None:
    hangs_together(masked(name))


@pytest.mark.parametrize("name", NAMES)
def test_same_value_same_mask_and_no_two_alike(name: str) -> None:
    masks: dict[Any, set[Any]] = defaultdict(set)
    for before, after in zip(values(reported(name)), values(masked(name)), strict=True):
        if isinstance(before, IPv4Address | IPv6Address):
            masks[before].add(after)
    assert all(len(mask) == 1 for mask in masks.values())
    assert len({next(iter(mask)) for mask in masks.values()}) == len(masks)


@pytest.mark.parametrize("name", NAMES)
def test_a_mask_in_a_sentence_is_the_mask_of_the_field(name: str) -> None:
    known = {str(value) for value in values(masked(name)) if isinstance(value, IPv4Address | IPv6Address)}
    for finding in masked(name).findings:
        assert set(re.findall(r"(?<![\d.])(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d+", finding.detail)) <= known


@pytest.mark.parametrize("name", NAMES)
def test_masking_twice_changes_nothing(name: str) -> None:
    assert redact(masked(name)) == masked(name)


def test_masking_a_full_report_twice_changes_nothing() -> None:
    once = redact(full())
    assert redact(once) == once
    hangs_together(once)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_found_stays_readable(name: str) -> None:
    before, after = reported(name), masked(name)
    assert after.run.region == before.run.region
    assert (after.verdict.status, after.verdict.path) == (before.verdict.status, before.verdict.path)
    assert [target.status for target in after.targets] == [target.status for target in before.targets]
    for was, now in zip(before.findings, after.findings, strict=True):
        assert (now.code, now.name, now.title, now.documents) == (was.code, was.name, was.title, was.documents)
        assert now.title == CODES[now.code].title
        assert now.severity is was.severity
    for seen, shown in zip(before.observations, after.observations, strict=True):
        assert shown.subject.step is seen.subject.step
        assert shown.subject.operation == seen.subject.operation
        assert type(shown.outcome) is type(seen.outcome)
    for was_target, target in zip(before.targets, after.targets, strict=True):
        assert (target.service, target.region, target.service_name) == (
            was_target.service,
            was_target.region,
            was_target.service_name,
        )
        if was_target.host.endswith(SUFFIXES) and "vpce-" not in was_target.host:
            bucket, shown_bucket = (
                (one.bucket if one.bucket is not None and one.host.startswith(one.bucket) else "")
                for one in (was_target, target)
            )
            assert target.host == f"{shown_bucket}{was_target.host.removeprefix(bucket)}"


@pytest.mark.parametrize("name", NAMES)
def test_commands_hold_placeholders_and_no_masks(name: str) -> None:
    words = identifying(scenario_of(name), reported(name))
    for finding in masked(name).findings:
        for command in finding.fix.commands:
            line = " ".join(command.argv)
            assert not left_in(line, words)
            assert not re.search(r"\b(?:i|vpc|vpce|sg|subnet|account|host|name)-\d+\b", line), line
            for word in re.findall(r"[0-9a-f:.]+(?:/\d+)?", line):
                assert not _is_place(word), line


def _is_place(word: str) -> bool:
    try:
        ip_network(word, strict=False)
    except ValueError:
        return False
    return "." in word or ":" in word


@pytest.mark.parametrize(
    ("name", "placeholder"),
    [
        pytest.param("port-blocked", "<CIDR>", id="the source of a security group rule"),
        pytest.param("tls-intercepted", "<ADDRESS>:443", id="an address with its port"),
        pytest.param("hop-limit", "<INSTANCE_ID>", id="this instance"),
        pytest.param("sdk-url-elsewhere", "<HOST>", id="a host of one's own"),
    ],
)
def test_placeholder_in_a_command(name: str, placeholder: str) -> None:
    words = {word for finding in masked(name).findings for command in finding.fix.commands for word in command.argv}
    assert placeholder in words


@pytest.mark.parametrize("mask", [redact, lambda report: report], ids=["redacted", "as it is"])
def test_user_and_password_of_a_proxy_are_never_shown(mask: Any) -> None:
    for form, document in formats(mask(full())).items():
        assert SECRET not in document, form
        assert "alice" not in document, form


def with_facts(report: Report, kind: type, **changes: Any) -> Report:
    """The report with facts of one kind changed everywhere."""
    observations: list[Observation[Any]] = []
    for observation in report.observations:
        if isinstance(observation.facts, kind):
            facts = replace(observation.facts, **changes)  # type: ignore[type-var]
            changed = Failed(observation.failure, facts) if observation.failure is not None else Ok(facts)
            observation = replace(observation, outcome=changed)
        observations.append(observation)
    return replace(report, observations=tuple(observations))


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        pytest.param(HostFacts, {"search": ("internal",)}, id="a search domain that is a common word"),
        pytest.param(HostFacts, {"search": ("eu-west-1.compute.internal", "amazonaws.com")}, id="search on EC2"),
        pytest.param(HostFacts, {"resolvers_ignored": ("10.0.0.2", "10.0.1.1")}, id="a resolver beyond the third"),
        pytest.param(HostFacts, {"proxies": {"no_proxy": "*"}}, id="no proxy at all"),
        pytest.param(HostFacts, {"proxies": {"no_proxy": "169.254.169.254"}}, id="no proxy for metadata"),
        pytest.param(HostFacts, {"proxies": {"no_proxy": "amazonaws.com"}}, id="no proxy for AWS"),
        pytest.param(HostFacts, {"proxies": {"https_proxy": "proxy:3128"}}, id="a proxy that is called so"),
        pytest.param(ApiFacts, {"error_message": "a"}, id="a text of one letter"),
        pytest.param(ApiFacts, {"error_message": "backup"}, id="a text that is a service"),
        pytest.param(HttpFacts, {"location": "443"}, id="a place that is a port"),
        pytest.param(HttpFacts, {"server": "the"}, id="a server that is an article"),
        pytest.param(ProxyFacts, {"proxy": "x"}, id="a proxy of one letter"),
    ],
)
def test_a_common_word_is_not_masked_where_it_is_one(kind: type, changes: dict[str, Any]) -> None:
    """The name of a network may also be a common word. Masking it must not change ids, codes and titles of the
    report.
    """
    report = with_facts(report_of("denied-without-reason"), kind, **changes)
    if proxies := changes.get("proxies"):
        report = replace(report, vantage=replace(report.vantage, proxies=proxies))
    after = redact(report)
    hangs_together(after)
    assert {observation.subject.id.split("/")[0] for observation in after.observations} == {
        observation.subject.id.split("/")[0] for observation in report.observations
    }
    assert [target.id for target in after.targets] == [target.id for target in report.targets]
    assert [finding.title for finding in after.findings] == [finding.title for finding in report.findings]
    assert "imds/169.254.169.254" in {observation.id for observation in after.observations} or "imds" in {
        observation.id for observation in after.observations
    }
    VALIDATOR.validate(codec.encode(after))
    assert redact(after) == after


SENTENCES = {
    "account at the end": ("It belongs to 111122223333.", "It belongs to account-1."),
    "account in brackets": ("(111122223333)", "(account-1)"),
    "thirteen digits are not an account": ("1111222233334", "1111222233334"),
    "ARN at the end": ("By arn:aws:iam::111122223333:role/Ops.", "By arn-1."),
    "same ARN twice": ("arn:aws:iam::1:role/A, arn:aws:iam::1:role/A.", "arn-1, arn-1."),
    "address at the end": ("It is 10.9.8.7.", "It is 192.0.2.9."),
    "a block keeps its length": ("It is 10.9.0.0/16.", "It is 240.9.0.0/16."),
    "an instance's default name": ("ip-10-9-8-7.ec2.internal", "ip-192-0-2-9.ec2.internal"),
    "IPv4 inside IPv6": ("::ffff:10.9.8.7", "2001:db8::9"),
    "a time is not an address": ("at 03:00:00 UTC", "at 03:00:00 UTC"),
    "a version is not an address": ("version 1.2.3.4.5", "version 1.2.3.4.5"),
    "endpoint in both forms": (
        "vpce-0f1e2d3c4b5a69788 vpce-0f1e2d3c4b5a69788-abcd1234-eu-west-1a.backup.eu-west-1.vpce.amazonaws.com",
        "vpce-1 vpce-1-eu-west-1a.backup.eu-west-1.vpce.amazonaws.com",
    ),
    "a group and its rule": ("sg-0a1b2c3d4e5f67890 sgr-0a1b2c3d4e5f67890", "sg-1 sgr-1"),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_values_inside_sentences(case: str) -> None:
    sentence, wanted = SENTENCES[case]
    report = report_of("healthy")
    report = replace(report, verdict=replace(report.verdict, summary=sentence))
    report = replace(report, vantage=replace(report.vantage, security_group_ids=(), vpc_cidrs=()))
    # Numbers in masks depend on what was masked before; this test is about their form.
    shape = r"(?<=-)\d+(?=$|[\s.,)])|(?<=192\.0\.2\.)\d+|(?<=192-0-2-)\d+|(?<=240\.)\d+|(?<=db8::)[0-9a-f]+"
    assert re.sub(shape, "N", redact(report).verdict.summary) == re.sub(shape, "N", wanted)


def test_many_values_have_masks_of_their_own() -> None:
    report = report_of("healthy")
    blocks = tuple(
        ip_network(block)
        for block in ("10.0.0.0/8", "11.0.0.0/8", "10.0.0.0/16", "10.1.0.0/16", "2600::/32", "2601::/48")
    )
    report = replace(report, run=replace(report.run, private_cidrs=(*blocks, ip_network("0.0.0.0/0"))))
    addresses = tuple(ip_address(int(ip_address("10.7.0.0")) + number) for number in range(600))
    after = redact(replace(report, vantage=replace(report.vantage, source_addresses=addresses)))
    assert len(set(after.run.private_cidrs)) == len(blocks) + 1
    assert [private_cidr.prefixlen for private_cidr in after.run.private_cidrs] == [
        block.prefixlen for block in (*blocks, ip_network("0.0.0.0/0"))
    ]
    assert len(set(after.vantage.source_addresses)) == 600
    assert redact(after) == after


def test_an_address_kept_for_documentation_is_masked_as_any_other() -> None:
    report = report_of("healthy")
    addresses = (ip_address("10.7.0.1"), ip_address("192.0.2.1"), ip_address("192.0.2.2"))
    after = redact(replace(report, vantage=replace(report.vantage, source_addresses=addresses)))
    assert len(set(after.vantage.source_addresses)) == 3


def test_the_file_of_trusted_certificates_has_no_users_name() -> None:
    report = with_facts(report_of("healthy"), TlsFacts, trust="/home/alice/corp.pem")
    assert report.vantage.sdk is not None
    sdk = replace(report.vantage.sdk, ca_bundle="/home/alice/corp.pem", profile="payroll")
    after = json.dumps(codec.encode(redact(replace(report, vantage=replace(report.vantage, sdk=sdk)))))
    assert "alice" not in after
    assert "payroll" not in after


TELLTALE = "Tell-Tale"
"""A text that is in no other field, and that does not have the form of any field."""


@cache
def seen_of(kind: type) -> Report | None:
    """A report that has facts of this kind, or None if there is no such report."""
    return next(
        (report for report in map(report_of, NAMES) if any(isinstance(o.facts, kind) for o in report.observations)),
        None,
    )


def texts_of(kind: type) -> dict[str, Any]:
    """The text fields of a class, each with a different value."""
    values_by_type: dict[Any, Any] = {
        str: TELLTALE,
        str | None: TELLTALE,
        tuple[str, ...]: (TELLTALE,),
        dict[str, str]: {"backup": TELLTALE},
        dict[str, int]: {TELLTALE: 1},
    }
    hints = get_type_hints(kind)
    return {
        field.name: values_by_type[hints[field.name]]
        for field in dataclasses.fields(kind)
        if hints[field.name] in values_by_type
    }


CONFIGURATION: Final[tuple[type, ...]] = get_args(ConfigurationFacts)
KINDS: Final = tuple(kind for kind in get_args(Facts) if kind not in CONFIGURATION)


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        pytest.param(kind, field, id=f"{kind.__name__}.{field}")
        for kind in KINDS
        for field in texts_of(kind)
        if isinstance(treatments(kind)[field], Mask)
    ],
)
def test_every_field_with_a_mask_is_masked_wherever_it_is_shown(kind: type, field: str) -> None:
    report = seen_of(kind)
    if report is None:
        pytest.fail(f"no scenario gives {kind.__name__}")
    document = json_format.render(redact(with_facts(report, kind, **{field: texts_of(kind)[field]})))
    assert TELLTALE not in document


def classes_of(hint: Any) -> Iterator[type]:
    """Every class of data in a type, and in the fields of those classes."""
    waiting, seen = [hint], set()
    while waiting:
        current = waiting.pop()
        origin = get_origin(current)
        waiting += get_args(current)
        if origin is not None:
            waiting.append(origin)
        if isinstance(current, type) and dataclasses.is_dataclass(current) and current not in seen:
            seen.add(current)
            waiting += get_type_hints(current).values()
            yield current


def test_every_text_of_a_report_says_beside_it_whether_it_is_masked() -> None:
    """A new field cannot be forgotten. If it has no annotation of `probes.masks`, this test fails and names it."""
    classes = {*classes_of(Report), *(cls for kind in get_args(Facts) for cls in classes_of(kind))}
    assert classes > {*get_args(Facts), Certificate, Command, Failure, Hop, Observation, SecurityGroup}
    for kind in classes:
        treatments(kind)
    masked = [mark for kind in classes for mark in treatments(kind).values() if isinstance(mark, Mask)]
    assert len(masked) > 80


@dataclasses.dataclass
class Bare:
    new: tuple[str, ...] | None


@dataclasses.dataclass
class BareKey:
    new: dict[str, Plain]


@dataclasses.dataclass
class Twice:
    new: Annotated[str, Mask("role")] | Sentence


@pytest.mark.parametrize(
    ("kind", "why"), [(Bare, "needs a Mask"), (BareKey, "needs a Mask"), (Twice, "several masks")], ids=lambda value: ""
)
def test_a_text_with_no_mask_or_with_two_is_a_mistake(kind: type, why: str) -> None:
    with pytest.raises(TypeError, match=rf"{kind.__name__}\.new: .*{why}"):
        treatments(kind)


# --- The configuration -----------------------------------------------------------------------------------------------

PLANTED: Final = "Planted"
"""The beginning of every identifying text in the reports below."""


class Planter:
    """Fills classes with values. All values differ from each other, and from the values that AWS uses."""

    def __init__(self) -> None:
        self.planted: list[str] = []
        self._numbers = itertools.count(1)

    def of(self, kind: Any) -> Any:
        """A value of a type. If the type is a class, every field has a value."""
        number = next(self._numbers)
        match kind:
            case _ if kind is bool:
                return True
            case _ if kind is int:
                return 443
            case _ if kind is str:
                return self._kept(f"{PLANTED} {number}.corp.example")
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            hints = get_type_hints(kind)
            return kind(**{field.name: self.of(hints[field.name]) for field in dataclasses.fields(kind)})
        if get_origin(kind) is tuple:
            return (self.of(get_args(kind)[0]), self.of(get_args(kind)[0]))
        if get_origin(kind) in (Union, UnionType):
            members = [member for member in get_args(kind) if member is not type(None)]
            return self.of(members[number % len(members)])
        if kind in (IPv4Address, IPv6Address, IPv4Network, IPv6Network):
            base = "10.77.0.0" if kind in (IPv4Address, IPv4Network) else "2600:1f77::"
            return kind(self._kept(str(ip_address(base) + number * 16)) + self._length(kind))
        raise TypeError(f"nothing to plant as {kind}")

    @staticmethod
    def _length(kind: type) -> str:
        return "/28" if kind is IPv4Network else "/124" if kind is IPv6Network else ""

    def _kept(self, text: str) -> str:
        self.planted.append(text)
        return text


def test_every_class_of_the_configuration_is_planted() -> None:
    planter = Planter()
    assert {type(planter.of(kind)) for kind in CONFIGURATION} == {read.facts for read in READS.values()}
    assert len(set(planter.planted)) == len(planter.planted) > 100


def hop(stage: Stage, *resources: str, rule: str | None = None, words: str = "") -> Hop:
    outcome = Reachability.OPEN if rule else Reachability.BLOCKED
    return Hop(stage=stage, resources=resources, outcome=outcome, rule=rule, words=words)


def path_of(
    *hops: Hop, unseen: tuple[str, ...] = (), endpoint_id: str | None, interface_id: str | None
) -> ConfiguredPath:
    report = report_of("healthy")
    return ConfiguredPath(
        target="backup",
        address=ip_address("10.0.1.17"),
        port=443,
        source=ip_address("10.0.1.10"),
        endpoint_id=endpoint_id,
        interface_id=interface_id,
        predicted=Reachability.BLOCKED,
        measured=Measured.CONNECTED,
        agrees=False,
        parted_at=Stage.ENDPOINT_GROUPS,
        hops=hops,
        unseen=unseen,
        taken_at=report.run.started_at,
        source_subnet_id=None,
        subnet_id=None,
    )


def report_with(facts: dict[str, Any], *, detail: str = "", argv: tuple[str, ...] = (), path: ConfiguredPath) -> Report:
    """A report with these reads, a finding with this detail and this command, and a path."""
    report = report_of("healthy")
    observations = tuple(
        Observation(subject=Subject(step=Step.EC2, operation=name), outcome=Ok(content), started_at=None, seconds=0.1)
        for name, content in facts.items()
    )
    command = Command(argv=argv, scope=CommandScope.ENDPOINT, changes=False, reversible=True, undo=None)
    finding = replace(
        report_of("port-blocked").findings[0],
        detail=detail,
        fix=Fix(summary="Mend it.", commands=(command,)),
        evidence=(),
    )
    return replace(report, observations=(*report.observations, *observations), findings=(finding,), paths=(path,))


@cache
def planted() -> tuple[Report, tuple[str, ...]]:
    """A report in which every field of every class of the configuration has a different value, and all these values. A
    finding and a path of the report quote them.
    """
    planter = Planter()
    facts = {name: planter.of(read.facts) for name, read in READS.items()}
    planted_values = tuple(planter.planted)
    texts = [value for value in planted_values if value.startswith(PLANTED)]
    path = path_of(
        hop(Stage.HOST_GROUPS, texts[0], rule=texts[1], words=texts[2]),
        hop(Stage.ENDPOINT_GROUPS, texts[3], words=f"no rule of {texts[4]} allows {planted_values[-1]}"),
        unseen=(f"what {texts[5]} does",),
        endpoint_id=facts["endpoints"].endpoints[0].endpoint_id,
        interface_id=facts["endpoint-interfaces"].interfaces[0].interface_id,
    )
    return report_with(facts, detail=", ".join(planted_values), path=path), planted_values


def test_nothing_of_a_configuration_is_left() -> None:
    report, planted_values = planted()
    before, after = formats(report), formats(redact(report))
    assert all(value in before["json"] for value in planted_values)
    assert PLANTED in before["text"]
    for form, document in after.items():
        flat = " ".join(document.split())
        assert [value for value in planted_values if value in flat] == [], form
        assert PLANTED not in flat, form
        assert "corp.example" not in flat, form


def test_a_masked_configuration_is_one_and_masked_once_for_all() -> None:
    once = redact(planted()[0])
    document = codec.encode(once)
    VALIDATOR.validate(document)
    assert codec.encode(codec.decode(document)) == document
    assert redact(once) == once
    assert redact(codec.decode(document)) == codec.decode(document)


REAL: Final = {
    "ENDPOINT": "vpce-0f1e2d3c4b5a69788",
    "INTERFACE": "eni-0f1e2d3c4b5a69788",
    "GROUP": "sg-0f1e2d3c4b5a69788",
    "RULE": "sgr-0f1e2d3c4b5a69788",
    "ACL": "acl-0f1e2d3c4b5a69788",
    "TABLE": "rtb-0f1e2d3c4b5a69788",
    "SUBNET": "subnet-0f1e2d3c4b5a69788",
    "LIST": "pl-0f1e2d3c4b5a69788",
    "OPTIONS": "dopt-0f1e2d3c4b5a69788",
    "RESOLVER RULE": "rslvr-rr-0f1e2d3c4b5a69788",
    "RULE GROUP": "rslvr-frg-0f1e2d3c4b5a6978",
    "DOMAIN LIST": "rslvr-fdl-0f1e2d3c4b5a6978",
    "ZONE": "Z0123456789ABCDEFGHIJ",
    "NAT": "nat-0f1e2d3c4b5a69788",
    "TRANSIT": "tgw-0f1e2d3c4b5a69788",
    "PEERING": "pcx-0f1e2d3c4b5a69788",
    "INTERNET": "igw-0f1e2d3c4b5a69788",
    "EGRESS ONLY": "eigw-0f1e2d3c4b5a69788",
    "LOCAL GATEWAY": "lgw-0f1e2d3c4b5a69788",
    "CARRIER": "cagw-0f1e2d3c4b5a69788",
    "VPN": "vgw-0f1e2d3c",
    "ACCOUNT": "777788889999",
    "ARN": "arn:aws-cn:iam::777788889999:role/Payroll",
    "BLOCK": "10.77.0.0/20",
    "HOST BLOCK": "10.0.1.10/32",
    "IPV6 BLOCK": "2600:1f77::/64",
}


def test_ids_are_the_same_masks_in_facts_paths_and_sentences() -> None:
    group = SecurityGroup(
        group_id=REAL["GROUP"],
        rules=(
            GroupRule(rule_id=REAL["RULE"], prefix_list_id=REAL["LIST"]),
            GroupRule(cidr=ip_network("10.0.1.10/32")),
        ),
    )
    path = path_of(
        hop(
            Stage.ENDPOINT_GROUPS,
            REAL["GROUP"],
            rule=REAL["RULE"],
            words=f"{REAL['GROUP']} allows {REAL['HOST BLOCK']}",
        ),
        endpoint_id=REAL["ENDPOINT"],
        interface_id=REAL["INTERFACE"],
    )
    argv = ("aws", "ec2", *(f"--one={value}" for value in REAL.values()), *REAL.values())
    facts = {SECURITY_GROUPS: SecurityGroupsFacts(groups=(group,))}
    report = report_with(facts, detail=", ".join(REAL.values()), argv=argv, path=path)
    after = redact(report)
    for form, document in formats(after).items():
        assert left_in(document, set(REAL.values())) == [], form
    (seen,) = (
        observation.facts for observation in after.observations if isinstance(observation.facts, SecurityGroupsFacts)
    )
    (masked_group,), ((masked_hop,),) = seen.groups, (path.hops for path in after.paths)
    assert masked_hop.resources == (masked_group.group_id,)
    assert masked_hop.rule == masked_group.rules[0].rule_id
    # A rule for one host identifies that host.
    assert str(masked_group.rules[1].cidr) == f"{after.paths[0].source}/32"
    assert masked_hop.words == f"{masked_group.group_id} allows {after.paths[0].source}/32"
    assert masked_group.group_id in after.findings[0].detail
    # Commands have placeholders in place of ids.
    (command,) = after.findings[0].fix.commands
    values = [word.removeprefix("--one=") for word in command.argv[2:]]
    assert [value for value in values if not re.fullmatch(r"<[A-Z_]+>", value)] == []
    assert redact(after) == after


def test_what_aws_itself_says_stays() -> None:
    """A fixed word of the API shows nobody's identity. Without it, the report would be useless."""
    report = report_of("security-group-443-only")
    before, after = (
        [observation.facts for observation in one.observations if observation.subject.step is Step.EC2]
        for one in (report, redact(report))
    )
    for name in (
        "state",
        "service_name",
        "private_dns",
        "protocol",
        "from_port",
        "to_port",
        "number",
        "allow",
        "kind",
        "egress",
    ):
        was, now = (list(named(facts, name)) for facts in (before, after))
        assert was == now
        assert was
    assert AMAZON_DNS in json_format.render(redact(report))


def named(value: Any, name: str) -> Iterator[Any]:
    """The values of all fields with this name, at any depth."""
    if isinstance(value, tuple | list):
        for item in value:
            yield from named(item, name)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            content = getattr(value, field.name)
            if field.name == name:
                yield content
            yield from named(content, name)


@pytest.mark.parametrize("kind", [FailureKind.NOT_PERMITTED, FailureKind.SERVICE_ERROR])
def test_what_ec2_said_of_a_refusal_is_masked(kind: FailureKind) -> None:
    message = "User Payroll is not allowed to see the plans of Acme"
    report, _ = planted()
    failed = tuple(
        replace(observation, outcome=Failed(Failure(kind=kind, message=message, code="Payroll Denied"), None))
        if observation.subject.step is Step.EC2
        else observation
        for observation in report.observations
    )
    finding = replace(report.findings[0], detail=f"It could not be read ({message}).")
    after = redact(replace(report, observations=failed, findings=(finding,)))
    for form, document in formats(after).items():
        assert "Payroll" not in document, form
        assert "Acme" not in document, form
    assert re.fullmatch(r"It could not be read \(text-\d+\)\.", after.findings[0].detail)


@pytest.mark.parametrize(
    "domain", ["", "*", "com", "*.com", "amazonaws.com", "backup.eu-west-1.amazonaws.com", "*.aws"]
)
def test_a_domain_that_is_everybodys_is_not_masked(domain: str) -> None:
    rule = FirewallRule(
        group_id="rslvr-frg-0f1e2d3c4b5a6978",
        domain_list_id=None,
        action="BLOCK",
        block_response="NODATA",
        override=None,
        priority=(1, 1),
        query_type=None,
        domains=(domain,),
    )
    path = path_of(endpoint_id=None, interface_id=None)
    report = report_with(
        {DNS_FIREWALL: DnsFirewallFacts(rules=(rule,))}, detail="backup.eu-west-1.amazonaws.com", path=path
    )
    after = redact(report)
    assert list(named(after.observations, "domains")) == [(domain,)]
    assert after.findings[0].detail == "backup.eu-west-1.amazonaws.com"


def test_a_large_configuration_has_no_masks_alike() -> None:
    groups = tuple(
        SecurityGroup(
            group_id=f"sg-{number:017x}",
            rules=tuple(
                GroupRule(
                    rule_id=f"sgr-{number * 60 + place:017x}",
                    cidr=ip_network(f"10.{place}.{number}.0/{24 + place % 9}", strict=False),
                )
                for place in range(60)
            ),
        )
        for number in range(200)
    )
    domains = tuple(f"host-{number}.corp.example" for number in range(4_000))
    rule = FirewallRule(
        group_id="rslvr-frg-0f1e2d3c4b5a6978",
        domain_list_id="rslvr-fdl-0f1e2d3c4b5a6978",
        action="BLOCK",
        block_response="NODATA",
        override=None,
        priority=(1, 1),
        query_type=None,
        domains=domains,
    )
    facts = {SECURITY_GROUPS: SecurityGroupsFacts(groups=groups), DNS_FIREWALL: DnsFirewallFacts(rules=(rule,))}
    report = report_with(facts, detail=f"It names {domains[7]}.", path=path_of(endpoint_id=None, interface_id=None))
    after = redact(report)
    blocks = [list(named(one.observations, "cidr")) for one in (report, after)]
    assert len(set(blocks[0])) == len(set(blocks[1]))
    assert re.fullmatch(r"It names host-\d+\.|It names domain-\d+\.", after.findings[0].detail)
    assert redact(after) == after


# --- The bucket of a workload ----------------------------------------------------------------------------------------

WITH_BUCKET: Final = (
    *("hana-in-s3-mode", "hana-in-s3-mode-policy-without-bucket", "hana-in-s3-mode-bucket-missing"),
    *("hana-in-s3-mode-wrong-region", "hana-in-s3-mode-without-route", "hana-in-s3-mode-name-with-dots"),
)


@pytest.mark.parametrize("name", WITH_BUCKET)
def test_the_bucket_of_a_workload_is_masked_wherever_it_is_named(name: str) -> None:
    buckets = {target.bucket for target in reported(name).targets} - {None}
    (bucket,) = buckets
    assert bucket is not None
    assert bucket in formats(reported(name))["json"]
    for form, document in formats(masked(name)).items():
        assert bucket not in document, form
    assert redact(masked(name)) == masked(name)


def test_a_host_of_aws_that_no_bucket_stands_before_stays() -> None:
    (target,) = (one for one in masked("hana-in-s3-mode-name-with-dots").targets if one.service == "s3")
    assert (target.id, target.host) == ("s3", "s3.eu-west-1.amazonaws.com")


# --- Texts of the host that accompany a report -----------------------------------------------------------------------


@pytest.fixture
def masks() -> Redactor:
    """A redactor that has already masked a report, as when an archive is made."""
    table = Redactor(report_of("three-faults"))
    table.report()
    return table


def test_a_text_of_the_host_has_the_masks_of_the_report() -> None:
    report = report_of("three-faults")
    table = Redactor(report)
    masked = table.report()
    assert masked == redact(report)
    address = report.targets[0].addresses[0].address
    instance, vpc = report.vantage.instance_id, report.vantage.vpc_id
    text = table.of_host(f"{instance} in {vpc} calls {address}:443 and 10.0.1.0/24 by {PRINCIPAL}")
    shown = masked.targets[0].addresses[0].address
    assert text.startswith(f"{masked.vantage.instance_id} in {masked.vantage.vpc_id} calls {shown}:443 and 240.")
    assert PRINCIPAL not in text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("db01.corp.example db01.corp.example", "host-1 host-1"),
        ("https://***@intra.corp.example:8443/x", "https://***@host-1:8443/x"),
        ("by bob.b@corp.example", "by mail-1"),
        ("/home/alice/.aws/config", "/home/user-1/.aws/config"),
        ("link 0A:1b:2c:3d:4e:5f", "link mac-1"),
        ("vol-0123456789abcdef0 of mi-0123456789abcdef0", "vol-1 of mi-1"),
        ("of 210987654321", "of account-2"),
        ("node1.lan, Node2.corp", "host-1, host-2"),
        ("s3://my-data/a/b of s3://my-data", "s3://bucket-1/a/b of s3://bucket-1"),
        ("S3 at backup.eu-west-1.amazonaws.com and 169.254.169.254", None),
        ("context.Canceled in agent.go, config.json, a.b.yaml, errors.log", None),
        ("v3.3.40.0 of python3.11, 1.2.3", None),
        ("/opt/aws/a.b.c/x", None),
        ("127.0.0.0/8 169.254.0.0/16 fe80::/64 ff00::/8 default", None),
    ],
)
def test_what_the_report_does_not_know_is_masked_by_its_form(text: str, masked: str | None, masks: Redactor) -> None:
    assert masks.of_host(text) == (text if masked is None else masked)


def test_a_word_of_the_host_is_masked_and_searched_for(masks: Redactor) -> None:
    assert masks.word("host", "db01.corp.example") == "host-1"
    assert masks.word("host", "saphana", everywhere=True) == "host-2"
    assert masks.word("search", "corp") == "search-1"
    assert masks.word("host", "saphana") == "host-2"
    assert masks.of_host("saphana: db01.corp.example, corp, saphana2") == "host-2: host-1, corp, saphana2"


def test_a_word_that_identifies_nothing_stays(masks: Redactor) -> None:
    for kind, word in (
        *(("text", word) for word in ("Amazon", "localhost")),
        ("host", "localhost"),
        ("host", "backup.eu-west-1.amazonaws.com"),
        ("exceptions", "169.254.169.254"),
    ):
        assert masks.word(kind, word) == word


@pytest.mark.parametrize("word", "backup eu-west-1 aws default endpoint endpoints network".split())
def test_a_word_of_this_program_stays_elsewhere_though_a_stack_is_called_so(word: str, masks: Redactor) -> None:
    assert masks.word("stack", word, everywhere=True) == "stack-1"
    assert masks.of_host(f"{word} answers") == f"{word} answers"


@pytest.mark.parametrize(
    "last",
    "arpa biz cloud com corp de edu eu example fr gov home info int intern internal intra intranet invalid io jp lan "
    "local localdomain mil net org private test uk us".split(),
)
def test_a_name_of_two_parts_is_a_host_s_by_its_end(last: str, masks: Redactor) -> None:
    assert masks.of_host(f"node1.{last} node1.go") == "host-1 node1.go"


@pytest.mark.parametrize(
    "last", "cfg cnf conf db go gz ini js json lock log md pem pid py sh so toml txt xml yaml yml".split()
)
def test_a_name_of_three_parts_is_a_file_s_by_its_end(last: str, masks: Redactor) -> None:
    assert masks.of_host(f"a.b.{last} a.b.cc") == f"a.b.{last} host-1"


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        *((kind, "intranet in x.lan-1") for kind in ("exceptions", "fingerprint", "key", "node", "resolver")),
        ("search", "intranet in search-2-1"),
        ("host", "host-1 in host-2-1"),
        ("domain", "domain-1 in domain-2-1"),
    ],
)
def test_whether_a_sentence_quotes_a_kind(kind: str, shown: str) -> None:
    text = "intranet in x.lan-1"
    assert DocumentRedactor(text, [(kind, "intranet"), (kind, "x.lan")]).text(text) == shown


def test_a_word_with_a_form_has_the_mask_of_that(masks: Redactor) -> None:
    masked = masks.word("host", "ip-10-0-7-10")
    assert re.fullmatch(r"ip-(?:192-0-2|198-51-100|203-0-113)-\d+", masked)
    assert masks.of_host("ip-10-0-7-10") == masked
    assert masked == f"ip-{masks.of_host('10.0.7.10').replace('.', '-')}"
