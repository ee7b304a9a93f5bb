"""Options: by flag, by variable, by file; which wins; and what is said of each that is wrong."""

import json
import os
import time
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agent import codec
from agent.catalog.vpce import NamedEndpoint
from agent.cli import dispatch, main
from agent.options import MAX_CONFIG_BYTES, Showing, settings_from, showing_from
from agent.settings import Expect, Settings, Suppression

VALIDATOR = jsonschema.Draft202012Validator(codec.schema())
OWN = "vpce-0a1b2c3d4e5f67890"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One option, two good values of it, and bad ones."""

    name: str
    field: str
    """Where it ends up, in Settings or Showing."""
    good: str
    means: Any
    other: str
    other_means: Any
    bad: tuple[str, ...] = ()
    wanted: str = ""
    """What every refusal of a bad value says would be right."""
    flag: bool = False
    multiple: bool = False
    number: bool = False

    @property
    def variable(self) -> str:
        return f"BACKUPLINK_{self.name.replace('-', '_').upper()}"

    def arguments(self, value: str) -> list[str]:
        return [f"--{self.name}"] if self.flag else [f"--{self.name}", value]

    def toml(self, value: str) -> str:
        if self.flag or self.number:
            return f"{self.name} = {value}\n"
        return f"{self.name} = [{json.dumps(value)}]\n" if self.multiple else f"{self.name} = {json.dumps(value)}\n"


SECONDS = ("banana", "nan", "inf", "-inf", "-1", "0", "1e9", "", "3s", "0x10", "1,5", "None", "3 4", "9" * 400)

CASES = (
    Case(
        name="region",
        field="region",
        good="eu-west-1",
        means="eu-west-1",
        other="us-gov-west-1",
        other_means="us-gov-west-1",
        bad=(
            "Frankfurt",
            "eu_west_1",
            "EU-WEST-1",
            "eu-west-1a",
            "eu-west",
            "../etc",
            "eu-west-1;id",
            "eu-west-1 ",
            "-",
        ),
        wanted="the name of a Region, such as eu-west-1",
    ),
    Case(
        name="service",
        field="services",
        good="backup",
        means=("backup",),
        other="backup-gateway",
        other_means=("backup-gateway",),
        bad=("s3", "Backup", "backup_gateway", "*", "backup,backup-gateway"),
        wanted="'backup', 'backup-gateway'",
        multiple=True,
    ),
    Case(
        name="endpoint",
        field="endpoints",
        good=f"backup={OWN}",
        means=(NamedEndpoint(service="backup", host=OWN),),
        other=f"{OWN}-abcd1234.backup-gateway.eu-west-1.vpce.amazonaws.com",
        other_means=(
            NamedEndpoint(service="backup-gateway", host=f"{OWN}-abcd1234.backup-gateway.eu-west-1.vpce.amazonaws.com"),
        ),
        bad=(
            OWN,
            "s3=vpce-0a1b2c3d",
            "https://backup.eu-west-1.amazonaws.com",
            "a_b",
            "backup=",
            "backup=10.0.0.1:443",
        ),
        multiple=True,
    ),
    Case(
        name="resolver",
        field="resolvers",
        good="10.0.0.2",
        means=(ip_address("10.0.0.2"),),
        other="fd00:ec2::253",
        other_means=(ip_address("fd00:ec2::253"),),
        bad=("ns1", "10.0.0", "10.0.0.2:53", "10.0.0.0/8", "010.0.0.2", "2130706433", "[::1]"),
        wanted="an IP address",
        multiple=True,
    ),
    Case(
        name="expect",
        field="expect",
        good="public",
        means=Expect.PUBLIC,
        other="any",
        other_means=Expect.ANY,
        bad=("luck", "Private", "private,public"),
        wanted="'private', 'public', 'any'",
    ),
    Case(
        name="private-cidr",
        field="private_cidrs",
        good="100.64.0.0/10",
        means=(ip_network("100.64.0.0/10"),),
        other="2001:db8::/32",
        other_means=(ip_network("2001:db8::/32"),),
        bad=("10.0.0.1/8", "10.0.0.0/33", "10/8", "all", "10.0.0.0-10.0.0.255", "10.0.0.0/8/8"),
        wanted="a CIDR block, such as 10.0.0.0/8",
        multiple=True,
    ),
    Case(
        name="timeout",
        field="timeout",
        good="1.5",
        means=1.5,
        other="60",
        other_means=60.0,
        bad=(*SECONDS, "0.09", "60.1"),
        wanted="a number of seconds from 0.1 to 60",
        number=True,
    ),
    Case(
        name="deadline",
        field="deadline",
        good="9",
        means=9.0,
        other="3600",
        other_means=3600.0,
        bad=(*SECONDS, "0.9", "3601"),
        wanted="a number of seconds from 1 to 3600",
        number=True,
    ),
    Case(name="no-api", field="signed_calls", good="true", means=False, other="false", other_means=True, flag=True),
    Case(name="profile", field="profile", good="ops", means="ops", other="audit", other_means="audit"),
    Case(name="ca-bundle", field="ca_bundle", good="/a.pem", means="/a.pem", other="/b.pem", other_means="/b.pem"),
    Case(name="fips", field="fips", good="true", means=True, other="false", other_means=False, flag=True),
    Case(name="dual-stack", field="dual_stack", good="true", means=True, other="false", other_means=False, flag=True),
    Case(
        name="format",
        field="format",
        good="json",
        means="json",
        other="ndjson",
        other_means="ndjson",
        bad=("yaml", "JSON", "json,text"),
        wanted="'text', 'json', 'ndjson'",
    ),
    Case(name="brief", field="brief", good="true", means=True, other="false", other_means=False, flag=True),
    Case(name="output", field="output", good="/a.txt", means="/a.txt", other="b.txt", other_means="b.txt"),
    Case(name="redact", field="redact", good="true", means=True, other="false", other_means=False, flag=True),
    Case(
        name="suppress",
        field="suppressions",
        good="DNS001",
        means=(Suppression(code="DNS001", target=None),),
        other="TCP007=backup-gateway",
        other_means=(Suppression(code="TCP007", target="backup-gateway"),),
        bad=("dns001", "DNS1", "NOTHING", "DNS001=", "=backup", "DNS001,TCP001"),
        multiple=True,
    ),
    Case(
        name="fail-on",
        field="fail_on",
        good="critical",
        means="critical",
        other="never",
        other_means="never",
        bad=("info", "Never", "2"),
        wanted="'warning', 'critical', 'never'",
    ),
)


def settled(*arguments: str) -> tuple[Settings, Showing]:
    """What `check` makes of these arguments, before it would look at anything."""
    with main.commands["check"].make_context("check", list(arguments)) as context:
        return settings_from(context.params, os.environ), showing_from(context.params)


def value_of(case: Case, *arguments: str) -> Any:
    for made in settled(*arguments):
        if hasattr(made, case.field):
            return getattr(made, case.field)
    raise AssertionError(case.field)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "backuplink.toml"


def test_every_option_of_check_is_here() -> None:
    options = {each.opts[0] for each in main.commands["check"].params}
    assert options == {f"--{case.name}" for case in CASES} | {"--config"}


by_name = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@by_name
def test_by_flag(case: Case) -> None:
    assert value_of(case, *case.arguments(case.good)) == case.means


@by_name
def test_by_variable(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    for value, means in ((case.good, case.means), (case.other, case.other_means)):
        monkeypatch.setenv(case.variable, value)
        assert value_of(case) == means


@by_name
def test_by_file(case: Case, config: Path) -> None:
    for value, means in ((case.good, case.means), (case.other, case.other_means)):
        config.write_text(case.toml(value), "utf-8")
        assert value_of(case, "--config", str(config)) == means


@by_name
def test_file_named_by_its_variable(case: Case, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text(case.toml(case.good), "utf-8")
    monkeypatch.setenv("BACKUPLINK_CONFIG", str(config))
    assert value_of(case) == case.means


@by_name
def test_variable_wins_over_file(case: Case, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text(case.toml(case.good), "utf-8")
    monkeypatch.setenv(case.variable, case.other)
    assert value_of(case, "--config", str(config)) == case.other_means


@by_name
def test_flag_wins_over_variable_and_file(case: Case, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text(case.toml(case.other), "utf-8")
    monkeypatch.setenv(case.variable, case.other)
    assert value_of(case, "--config", str(config), *case.arguments(case.good)) == case.means


@by_name
def test_an_empty_variable_is_none(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    before = value_of(case)
    monkeypatch.setenv(case.variable, "")
    assert value_of(case) == before


def test_repeated_by_flag_variable_and_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = (ip_address("10.0.0.2"), ip_address("10.0.0.3"))
    assert settled("--resolver", "10.0.0.2", "--resolver", "10.0.0.3", "--resolver", "10.0.0.2")[0].resolvers == wanted
    config.write_text('resolver = ["10.0.0.2", "10.0.0.3"]', "utf-8")
    assert settled("--config", str(config))[0].resolvers == wanted
    monkeypatch.setenv("BACKUPLINK_RESOLVER", "10.0.0.2 10.0.0.3")
    assert settled()[0].resolvers == wanted


def test_a_whole_number_and_an_empty_list_in_a_file(config: Path) -> None:
    config.write_text("timeout = 5\nresolver = []\n", "utf-8")
    settings, _ = settled("--config", str(config))
    assert (settings.timeout, settings.resolvers) == (5.0, ())


@pytest.mark.parametrize(
    ("variables", "arguments", "region", "source"),
    [
        pytest.param({}, [], None, None, id="to be found"),
        pytest.param({"AWS_DEFAULT_REGION": "eu-west-2"}, [], "eu-west-2", "AWS_DEFAULT_REGION", id="default"),
        pytest.param(
            {"AWS_DEFAULT_REGION": "eu-west-2", "AWS_REGION": "eu-west-3"},
            [],
            "eu-west-3",
            "AWS_REGION",
            id="SDK's own",
        ),
        pytest.param({"AWS_REGION": ""}, [], None, None, id="empty"),
        pytest.param({"AWS_REGION": "eu-west-3"}, ["--region", "sa-east-1"], "sa-east-1", "--region", id="flag"),
    ],
)
def test_region_and_what_named_it(
    variables: dict[str, str],
    arguments: list[str],
    region: str | None,
    source: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings, _ = settled(*arguments)
    assert (settings.region, settings.region_source) == (region, source)


# --- What is refused -------------------------------------------------------------------------------------------------


def refused(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, dict[str, Any]]:
    """The line that says why, and the document; both are there, and nothing else is."""
    code = dispatch(["check", "--format", "json", *arguments], [])
    out, err = capfd.readouterr()
    assert code == 3
    assert "Traceback" not in err
    assert "internal error" not in out
    document: dict[str, Any] = json.loads(out)
    VALIDATOR.validate(document)
    assert document["verdict"]["status"] == "unknown"
    assert document["observations"] == []
    lines = [line for line in err.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    assert err.endswith(f"{lines[0]}\n"), "the reason is the last line"
    said = lines[0].removeprefix("Error: ")
    assert document["verdict"]["summary"] == said
    return said, document


BAD = [(case, value) for case in CASES if case.name != "format" for value in case.bad]
bad_values = pytest.mark.parametrize(
    ("case", "value"), [pytest.param(case, value, id=f"{case.name}={value[:24]!r}") for case, value in BAD]
)


@bad_values
def test_bad_value_by_flag(case: Case, value: str, capfd: pytest.CaptureFixture[str]) -> None:
    said, _ = refused(capfd, f"--{case.name}={value}")
    assert f"'--{case.name}'" in said
    assert case.wanted in said


# An empty variable is none.
@pytest.mark.parametrize(
    ("case", "value"), [pytest.param(case, value, id=f"{case.name}={value[:24]!r}") for case, value in BAD if value]
)
def test_bad_value_by_variable(
    case: Case, value: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(case.variable, value)
    said, _ = refused(capfd)
    assert case.variable in said
    assert case.wanted in said


@bad_values
def test_bad_value_by_file(case: Case, value: str, capfd: pytest.CaptureFixture[str], config: Path) -> None:
    if case.number:
        try:
            float(value)
        except ValueError:
            value = json.dumps(value)
    config.write_text(case.toml(value), "utf-8")
    said, _ = refused(capfd, "--config", str(config))
    assert said.startswith(f"{config}: {case.name}")
    if not value.startswith('"'):
        assert case.wanted in said


@pytest.mark.parametrize("case", [case for case in CASES if case.flag], ids=lambda case: case.name)
@pytest.mark.parametrize("value", ["maybe", "2", "truee", "none"])
def test_a_flag_by_variable_is_yes_or_no(
    case: Case, value: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(case.variable, value)
    said, _ = refused(capfd)
    assert case.variable in said
    assert repr(value) in said


WRONG_TYPES = {
    "flag": ("1", '"true"', "[true]", "{}", "1.0", "2026-01-01"),
    "multiple": ('"eu"', "1", "true", "{}", "[1]", "[[]]", "[true]", "[{a = 1}]", "2026-01-01"),
    "number": ('"3"', "true", "[3]", "{}", "2026-01-01", "12:00:00"),
    "text": ("1", "true", "1.5", '["a"]', "{}", "2026-01-01"),
}


def kind_of(case: Case) -> str:
    return next((kind for kind in ("flag", "multiple", "number") if getattr(case, kind)), "text")


@pytest.mark.parametrize(
    ("case", "value"),
    [pytest.param(case, value, id=f"{case.name} = {value}") for case in CASES for value in WRONG_TYPES[kind_of(case)]],
)
def test_wrong_type_in_a_file(case: Case, value: str, capfd: pytest.CaptureFixture[str], config: Path) -> None:
    config.write_text(f"{case.name} = {value}\n", "utf-8")
    said, _ = refused(capfd, "--config", str(config))
    assert said.startswith(f"{config}: {case.name}: ")
    assert "belongs here, not" in said
    word = {"flag": "true or false", "multiple": "", "number": "number", "text": "text"}[kind_of(case)]
    assert word in said


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        pytest.param("timeot", "did you mean 'timeout'?", id="misspelt"),
        pytest.param("private_cidr", "did you mean 'private-cidr'?", id="underscore"),
        pytest.param("services", "did you mean 'service'?", id="plural"),
        pytest.param("Region", "did you mean 'region'?", id="capital"),
        pytest.param('"--region"', "did you mean 'region'?", id="with its dashes"),
        pytest.param("zzz", "known here: ", id="like nothing"),
        pytest.param("config", "", id="a file in a file"),
        pytest.param('""', "known here: ", id="no name"),
        pytest.param('"\\u001b[2J"', "known here: ", id="escape codes"),
    ],
)
def test_unknown_key_in_a_file(key: str, hint: str, capfd: pytest.CaptureFixture[str], config: Path) -> None:
    config.write_text(f"{key} = 1\n", "utf-8")
    said, _ = refused(capfd, "--config", str(config))
    assert said.startswith(f"{config}: ")
    assert "is no setting" in said
    assert hint in said
    assert said.isprintable()


def test_a_table_in_a_file_is_no_setting(capfd: pytest.CaptureFixture[str], config: Path) -> None:
    config.write_text("[check]\nregion = 'eu-west-1'\n", "utf-8")
    said, _ = refused(capfd, "--config", str(config))
    assert "'check' is no setting" in said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"timeout = \n", "is no TOML", id="bad TOML"),
        pytest.param(b"timeout = 1\ntimeout = 2\n", "is no TOML", id="twice the same key"),
        pytest.param(b'profile = "\xff"\n', "is no TOML", id="not UTF-8"),
        pytest.param(b"\x00\x01\x02", "is no TOML", id="binary"),
        pytest.param(b"\xff\xfet\x00", "is no TOML", id="UTF-16"),
        pytest.param(b'{"timeout": 3}', "is no TOML", id="JSON"),
        pytest.param(b"timeout = " + b"9" * 5000, "is no TOML", id="a number without end"),
        pytest.param(b"x = " + b"[" * 100_000, "nested too deep", id="nested without end"),
        pytest.param(b"#" * (MAX_CONFIG_BYTES + 1), f"over {MAX_CONFIG_BYTES} bytes", id="too large"),
        pytest.param(b'output = "a\\u0000b"', "output", id="a path that no system has"),
        pytest.param(b'profile = "a\\u0000b"', "profile", id="a name that no system has"),
    ],
)
def test_a_file_that_is_no_configuration(
    content: bytes, words: str, capfd: pytest.CaptureFixture[str], config: Path
) -> None:
    config.write_bytes(content)
    said, _ = refused(capfd, "--config", str(config))
    assert said.startswith(f"{config}: ")
    assert words in said
    assert len(said) < 1_000


def test_a_large_value_is_not_repeated_whole(capfd: pytest.CaptureFixture[str], config: Path) -> None:
    config.write_text(f"timeout = [{'1, ' * 50_000}]\nregion = '{'x' * 50_000}'", "utf-8")
    assert len(refused(capfd, "--config", str(config))[0]) < 1_000
    config.write_text(f"region = '{'x' * 50_000}'", "utf-8")
    assert len(refused(capfd, "--config", str(config))[0]) < 1_000
    config.write_text(f"{'x' * 50_000} = 1", "utf-8")
    assert len(refused(capfd, "--config", str(config))[0]) < 1_000


def test_a_file_that_is_just_not_too_large(config: Path) -> None:
    config.write_bytes(b"timeout = 7\n".ljust(MAX_CONFIG_BYTES, b"#"))
    assert settled("--config", str(config))[0].timeout == 7.0


def test_a_file_that_is_not_there(capfd: pytest.CaptureFixture[str], config: Path) -> None:
    said, _ = refused(capfd, "--config", str(config))
    assert said == f"{config}: cannot be read: No such file or directory."


def test_a_folder_is_no_configuration(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    said, _ = refused(capfd, "--config", str(tmp_path))
    assert said == f"{tmp_path}: cannot be read: Is a directory."


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_leave_to_read(capfd: pytest.CaptureFixture[str], config: Path) -> None:
    config.write_text("timeout = 3\n", "utf-8")
    config.chmod(0)
    said, _ = refused(capfd, "--config", str(config))
    assert said == f"{config}: cannot be read: Permission denied."


def test_a_device_without_end_is_left_in_time(capfd: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    said, _ = refused(capfd, "--config", "/dev/zero")
    assert "/dev/zero" in said
    assert time.monotonic() - began < 5.0


def test_an_empty_file_says_nothing() -> None:
    assert settled("--config", "/dev/null") == settled()


def test_a_file_from_a_pipe_is_read_once() -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, b"timeout = 4\n")
        os.close(writing)
        assert settled("--config", f"/dev/fd/{reading}")[0].timeout == 4.0
    finally:
        os.close(reading)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--brief", "--format", "json"], id="short and JSON"),
        pytest.param(["--brief", "--format=ndjson"], id="short and lines"),
    ],
)
def test_options_that_exclude_each_other(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["check", *arguments], []) == 3
    assert "--brief shortens the text report" in capfd.readouterr().err


# --- The format of a refusal -----------------------------------------------------------------------------------------

MISTAKES = (
    pytest.param("", ["--timeout", "soon"], id="a value"),
    pytest.param("", ["--no-such-option"], id="an option that is none"),
    pytest.param("", ["extra"], id="an argument too many"),
    pytest.param("timeot = 3\n", [], id="a key in the file"),
    pytest.param("timeout = true\n", [], id="a value in the file"),
)


@pytest.mark.parametrize("by", ["flag", "flag=", "variable"])
@pytest.mark.parametrize(("more", "arguments"), MISTAKES)
def test_a_refusal_has_the_format_of_the_file(
    by: str,
    more: str,
    arguments: list[str],
    config: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who asked for JSON in a file reads JSON, whatever else is wrong."""
    config.write_text(f'format = "json"\n{more}', "utf-8")
    if by == "variable":
        monkeypatch.setenv("BACKUPLINK_CONFIG", str(config))
    else:
        arguments = [*arguments, f"--config={config}"] if by == "flag=" else ["--config", str(config), *arguments]
    assert dispatch(["check", *arguments], []) == 3
    VALIDATOR.validate(json.loads(capfd.readouterr().out))


def test_flag_and_variable_win_over_the_file_in_a_refusal(
    config: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text('format = "json"\n', "utf-8")
    wrong = ["check", "--config", str(config), "--timeout", "soon"]
    assert dispatch([*wrong, "--format", "text"], []) == 3
    assert capfd.readouterr().out.startswith("UNKNOWN")
    monkeypatch.setenv("BACKUPLINK_FORMAT", "text")
    assert dispatch(wrong, []) == 3
    assert capfd.readouterr().out.startswith("UNKNOWN")


@pytest.mark.parametrize("content", ['format = "yaml"', "format = 1", "format = [", "[format]"])
def test_a_file_with_a_wrong_format_is_refused_as_text(
    content: str, config: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config.write_text(content, "utf-8")
    assert dispatch(["check", "--config", str(config)], []) == 3
    assert capfd.readouterr().out.startswith("UNKNOWN")


def test_a_refusal_does_not_read_a_pipe_again(capfd: pytest.CaptureFixture[str]) -> None:
    """What was read from a pipe is gone; waiting for more would hang."""
    reading, writing = os.pipe()
    try:
        os.write(writing, b"timeout = true\n")
        assert dispatch(["check", "--config", f"/dev/fd/{reading}", "--no-such-option"], []) == 3
    finally:
        os.close(writing)
        os.close(reading)
    assert "--no-such-option" in capfd.readouterr().out


@pytest.mark.parametrize("wanted", ["json", "ndjson"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_format_is_found_wherever_it_stands(wanted: str, place: int, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["--timeout", "soon", "--fips"]
    arguments[place * 2 : place * 2] = ["--format", wanted]
    assert dispatch(["check", *arguments], []) == 3
    last = json.loads(capfd.readouterr().out.splitlines()[-1] if wanted == "ndjson" else "null")
    assert last is None or last["verdict"]["status"] == "unknown"
