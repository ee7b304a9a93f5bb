"""Options come from a flag, a variable or a file. The tests cover which source takes precedence, and the format in
which a mistake is reported.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from agent.app.errors import RequestError
from agent.cli.config_file import MAX_CONFIG_BYTES, format_of_file
from agent.cli.main import dispatch, main
from agent.cli.param_types import AGE, MOMENT
from agent.cli.to_settings import keeping_from, report_options_from, settings_from, watching_from
from agent.formats.registry import OPTION_NAMES
from agent.report import facts_file
from agent.settings import Calls, Ec2, Expect, Keeping, NamedEndpoint, ReportOptions, Settings, Suppression, Workload
from tests.support import extent
from tests.support.sample_facts import facts
from tests.support.validator import VALIDATOR

OWN = "vpce-0a1b2c3d4e5f67890"
FACTS = {"facts.json": facts(), "other.json": facts(region="eu-west-2")}
"""Files in the folder in which these tests run."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One option with two valid values. Its invalid values are in `bad_inputs`."""

    name: str
    field: str
    """The name of the option's field in Settings or ReportOptions."""
    good: str
    means: Any
    other: str
    other_means: Any
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


CASES = (
    Case(
        name="region",
        field="region",
        good="eu-west-1",
        means="eu-west-1",
        other="us-gov-west-1",
        other_means="us-gov-west-1",
    ),
    Case(
        name="workload",
        field="workloads",
        good="hana",
        means=(Workload.HANA,),
        other="ssm",
        other_means=(Workload.SSM,),
        multiple=True,
    ),
    Case(
        name="service",
        field="services",
        good="backup",
        means=("backup",),
        other="backup-gateway",
        other_means=("backup-gateway",),
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
        multiple=True,
    ),
    Case(name="run-agents", field="run_agents", good="true", means=True, other="false", other_means=False, flag=True),
    Case(
        name="resolver",
        field="resolvers",
        good="10.0.0.2",
        means=(ip_address("10.0.0.2"),),
        other="fd00:ec2::253",
        other_means=(ip_address("fd00:ec2::253"),),
        multiple=True,
    ),
    Case(
        name="expect",
        field="expect",
        good="public",
        means=Expect.PUBLIC,
        other="any",
        other_means=Expect.ANY,
    ),
    Case(
        name="private-cidr",
        field="private_cidrs",
        good="100.64.0.0/10",
        means=(ip_network("100.64.0.0/10"),),
        other="2001:db8::/32",
        other_means=(ip_network("2001:db8::/32"),),
        multiple=True,
    ),
    Case(
        name="timeout",
        field="timeout",
        good="1.5",
        means=1.5,
        other="60",
        other_means=60.0,
        number=True,
    ),
    Case(
        name="deadline",
        field="deadline",
        good="9",
        means=9.0,
        other="3600",
        other_means=3600.0,
        number=True,
    ),
    Case(name="calls", field="calls", good="one", means=Calls.ONE, other="none", other_means=Calls.NONE),
    Case(
        name="no-api",
        field="calls",
        good="true",
        means=Calls.NONE,
        other="false",
        other_means=Calls.EACH,
        flag=True,
    ),
    Case(name="jobs", field="jobs", good="true", means=True, other="false", other_means=False, flag=True),
    Case(name="ec2", field="ec2", good="always", means=Ec2.ALWAYS, other="never", other_means=Ec2.NEVER),
    Case(name="no-ec2", field="ec2", good="true", means=Ec2.NEVER, other="false", other_means=Ec2.AUTO, flag=True),
    Case(
        name="ec2-facts",
        field="ec2_facts",
        good="facts.json",
        means=FACTS["facts.json"],
        other="other.json",
        other_means=FACTS["other.json"],
    ),
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
    ),
    Case(name="brief", field="brief", good="true", means=True, other="false", other_means=False, flag=True),
    Case(name="output", field="output", good="/a.txt", means="/a.txt", other="b.txt", other_means="b.txt"),
    Case(name="redact", field="redact", good="true", means=True, other="false", other_means=False, flag=True),
    Case(
        name="suppress",
        field="suppressions",
        good="DNS001",
        means=(Suppression(code="DNS001", target=None),),
        other="TCP007=backup-gateway@2026-12-31",
        other_means=(Suppression(code="TCP007", target="backup-gateway", until=date(2026, 12, 31)),),
        multiple=True,
    ),
    Case(name="history", field="path", good="/a.db", means=Path("/a.db"), other="b.db", other_means=Path("b.db")),
    Case(name="keep", field="seconds", good="12h", means=43_200.0, other="2w", other_means=1_209_600.0),
    Case(
        name="keep-size",
        field="size",
        good="5",
        means=5_000_000,
        other="1000",
        other_means=1_000_000_000,
        number=True,
    ),
    Case(
        name="fail-on",
        field="fail_on",
        good="critical",
        means="critical",
        other="never",
        other_means="never",
    ),
)


@pytest.fixture(autouse=True, scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A folder with the files that options name."""
    folder = tmp_path_factory.mktemp("folder")
    for name, saved_facts in FACTS.items():
        (folder / name).write_text(facts_file.dumps(saved_facts), "utf-8")
    with contextlib.chdir(folder):
        yield


@pytest.fixture(autouse=True)
def _profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The profiles that `--profile` names."""
    profiles = tmp_path / "profiles"
    profiles.write_text("[profile ops]\n[profile audit]\n", "utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(profiles))


def settled(*arguments: str, command: str = "check") -> tuple[Settings, ReportOptions]:
    """The settings that a command reads from these arguments, before it measures anything."""
    with main.commands[command].make_context(command, list(arguments)) as context:
        return settings_from(context.params, os.environ), report_options_from(context.params)


def kept(*arguments: str) -> Keeping:
    """The history that `check` keeps with these arguments. Its file is h.db if they name no file."""
    with main.commands["check"].make_context("check", list(arguments)) as context:
        keeping = keeping_from({**context.params, "history": context.params["history"] or "h.db"})
    assert keeping is not None
    return keeping


def value_of(case: Case, *arguments: str) -> Any:
    for options in (*settled(*arguments), kept(*arguments)):
        if hasattr(options, case.field):
            return getattr(options, case.field)
    raise AssertionError(case.field)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "backuplink.toml"


def test_every_option_of_check_is_here() -> None:
    options = {param.opts[0] for param in main.commands["check"].params}
    assert options == {f"--{case.name}" for case in CASES} | {"--config"}


def test_a_history_keeps_30_days_and_100_mb_unless_told_otherwise() -> None:
    assert kept() == Keeping(path=Path("h.db"), seconds=30 * 86_400.0, size=100_000_000)


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
        pytest.param({"AWS_REGION": "eu-west-1a"}, [], None, None, id="of impossible form"),
        pytest.param(
            {"AWS_REGION": "eu-west-1a", "AWS_DEFAULT_REGION": "eu-west-2"},
            [],
            "eu-west-2",
            "AWS_DEFAULT_REGION",
            id="of impossible form, next to another",
        ),
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


# --- The configuration ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ec2", Ec2)
def test_a_facts_file_goes_with_any_way_to_ask_ec2(ec2: Ec2) -> None:
    parsed = settled("--ec2-facts", "facts.json", "--ec2", ec2.value)[0]
    assert (parsed.ec2, parsed.ec2_facts) == (ec2, FACTS["facts.json"])


@pytest.mark.parametrize(
    ("flag", "option", "same", "other"),
    [("--no-api", "--calls", "none", "one"), ("--no-ec2", "--ec2", "never", "auto")],
)
def test_a_flag_for_a_value_of_an_option(flag: str, option: str, same: str, other: str) -> None:
    assert settled(flag, option, same)[0] == settled(flag)[0] == settled(option, same)[0]
    with pytest.raises(click.UsageError, match=f"{flag} and {option} {other} exclude each other"):
        settled(flag, option, other)


@pytest.mark.parametrize(
    ("command", "arguments", "why"),
    [
        pytest.param("watch", ["--jobs"], "each host would list the account's jobs in every cycle", id="a watch"),
        pytest.param("check", ["--jobs", "--calls", "none"], "--jobs makes signed calls", id="without calls"),
        pytest.param("tui", ["--jobs", "--no-api"], "--jobs makes signed calls", id="the same by a flag"),
    ],
)
def test_jobs_are_not_asked_for_where_they_cannot_be_listed(command: str, arguments: list[str], why: str) -> None:
    with pytest.raises(click.UsageError, match=why):
        settled(*arguments, command=command)
    assert settled("--jobs", "--calls", "one")[0].jobs


def test_what_a_watch_asks_of_aws_is_less() -> None:
    assert (settled()[0].calls, settled()[0].ec2) == (Calls.EACH, Ec2.AUTO)
    watching = settled(command="watch")[0]
    assert (watching.calls, watching.ec2) == (Calls.ONE, Ec2.NEVER)
    asked = settled("--calls", "each", "--ec2", "always", command="watch")[0]
    assert (asked.calls, asked.ec2) == (Calls.EACH, Ec2.ALWAYS)


@pytest.mark.parametrize(
    ("variables", "arguments"),
    [
        pytest.param({}, ["--region", "eu-west-1"], id="flag"),
        pytest.param({"AWS_REGION": "eu-west-1"}, [], id="variable"),
        pytest.param({"AWS_DEFAULT_REGION": "eu-west-2", "AWS_REGION": "eu-west-1"}, [], id="the one that counts"),
        pytest.param({}, [], id="not known yet"),
    ],
)
def test_a_facts_file_of_the_run_s_region_is_taken(
    variables: dict[str, str], arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert settled(*arguments, "--ec2-facts", "facts.json")[0].ec2_facts == FACTS["facts.json"]


def test_a_facts_file_that_no_flag_names_is_not_read(monkeypatch: pytest.MonkeyPatch, config: Path) -> None:
    """Only the facts file that takes precedence is read. The other files may be old or missing."""
    config.write_text('ec2-facts = "nowhere.json"', "utf-8")
    monkeypatch.setenv("BACKUPLINK_EC2_FACTS", "gone.json")
    assert settled("--config", str(config), "--ec2-facts", "facts.json")[0].ec2_facts == FACTS["facts.json"]


def test_a_facts_file_from_a_pipe_is_read() -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, facts_file.dumps(FACTS["facts.json"]).encode())  # less than a pipe holds (pipe(7))
        os.close(writing)
        assert settled("--ec2-facts", f"/dev/fd/{reading}")[0].ec2_facts == FACTS["facts.json"]
    finally:
        os.close(reading)


# --- Files at the limit of what is read ------------------------------------------------------------------------------


def test_a_file_that_is_just_not_too_large(config: Path) -> None:
    config.write_bytes(b"timeout = 7\n".ljust(MAX_CONFIG_BYTES, b"#"))
    assert settled("--config", str(config))[0].timeout == 7.0


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


# --- The format of a refusal -----------------------------------------------------------------------------------------

MISTAKES = (
    pytest.param("", ["--timeout", "soon"], id="a value"),
    pytest.param("", ["--no-such-option"], id="no such option"),
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
    """If the configuration file asks for JSON, every refusal is in JSON."""
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
    """What was read from a pipe cannot be read again. Waiting for more data would hang."""
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


# --- Any values, given in any way ------------------------------------------------------------------------------------

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
TOML_VALUES = st.sampled_from([line for case in CASES for line in (case.toml(case.good), case.toml(case.other))]) | (
    st.builds(
        "{} = {}\n".format,
        st.sampled_from([case.name for case in CASES]) | st.text("abc-_.\"'", min_size=1, max_size=5),
        st.sampled_from(["true", "nan", "-inf", "1e999", "[]", "{}", "[[]]", "2026-01-15", "0x10", "''", '"""\n"""'])
        | st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2), max_leaves=4).map(json.dumps),
    )
)


@examples(max_examples=extent.examples(300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TOML_VALUES, max_size=4).map(lambda lines: "".join(lines).encode()) | st.binary(max_size=80))
@example(b"profile = '\xed\xa0\x80'")
@example(b'profile = "\\uD800"')
@example(b'calls = "one"\nno-api = true\n')
def test_any_file_is_settings_or_refused(config: Path, content: bytes) -> None:
    config.write_bytes(content)
    refusal = ""
    try:
        parsed, shown = settled("--config", str(config))
        assert 0.1 <= parsed.timeout <= 60
        assert 1 <= parsed.deadline <= 3600
        assert shown.format in OPTION_NAMES
    except (click.UsageError, RequestError) as error:
        refusal = str(error)
    prefixes = (
        f"{config}: ",
        "--brief shortens",
        "--no-ec2 and --ec2-facts",
        "--no-api and --calls",
        *(f"{name}: has facts of the Region" for name in FACTS),
    )
    assert not refusal or refusal.startswith(prefixes) or ": cannot be read: " in refusal  # not a facts file
    assert len(refusal) < 1_000
    wanted = format_of_file(str(config))
    assert wanted is None or isinstance(wanted, str)


@examples(max_examples=extent.examples(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3)).map(json.dumps).map(str.encode) | st.binary())
@example(b'{"text": "$"}')
@example(b"[" * 20_000)
def test_any_file_is_a_template_or_refused(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "template.json"
    place.write_bytes(content)
    arguments = ["--notify=https://hooks.example.com/", f"--notify-template={place}"]
    refusal = ""
    try:
        with main.commands["watch"].make_context("watch", arguments) as context:
            watching_from(context.params, ())
    except RequestError as error:
        refusal = error.why
    assert not refusal or refusal.startswith((f"{place}: is ", f"{place}: has "))
    assert len(refusal) < 1_000


@by_name
@examples(max_examples=extent.examples(40), deadline=None)
@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30))
@example(text="9" * 5000)
@example(text="\u00b2")
@example(text="fe80::1%\u00b2")
@example(text="xn--\u00b2.example")
def test_any_variable_is_a_setting_or_refused(case: Case, text: str) -> None:
    with pytest.MonkeyPatch.context() as inside:
        inside.setenv(case.variable, text)
        with contextlib.suppress(click.UsageError, RequestError):
            settled()


@given(
    st.text(max_size=30)
    | st.datetimes().map(datetime.isoformat)
    | st.datetimes(timezones=st.timezones()).map(datetime.isoformat)
)
@example("9" * 5_000 + "d")
@example("0001-01-01T00:00:00+14:00")
@example("2026-01-15T03:00\N{ARABIC-INDIC DIGIT THREE}0")
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    try:
        moment = MOMENT.convert(text, None, None)
    except click.BadParameter:
        return
    assert isinstance(moment, float) or moment.utcoffset() is not None


@pytest.mark.parametrize(
    ("text", "seconds"), [("90m", 5_400.0), ("12h", 43_200.0), ("30d", 2_592_000.0), ("2w", 1_209_600.0)]
)
def test_a_duration(text: str, seconds: float) -> None:
    assert AGE.convert(text, None, None) == MOMENT.convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "0d", "-1d", "1.5h", "1 d", "1D", "1y", "1d1h", "9999999d", "\u0663d"])
def test_no_duration(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a duration such as 30d, 12h or 90m"):
        AGE.convert(text, None, None)
