"""`packaging/acceptance`: the tests compare its cases with scenarios that have the same faults, and its calls with the
models of the services. Complete runs use moto, and run the host's commands on this machine. No test uses AWS.
"""

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import boto3.session
import botocore.session
import pytest
import yaml
from botocore.exceptions import ClientError
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

import acceptance
from acceptance_account import HERE, PREFIX, AcceptanceError, Account, Call, Host, NoStack, OwnAcl, filled
from acceptance_cases import CASES, ENDPOINTS, HEALTHY, PRICES, RESOLVER, STACKS, Case, complaint, dollars
from agent.catalog.findings import CODES
from agent.formats import json as json_format
from agent.report.saved import parse_report
from tests.support import aws_commands, extent, moto_server
from tests.support.cloudformation import Stack, TemplateLoader, template
from tests.support.extent import one_in
from tests.support.repository import ROOT
from tests.support.runs import report_of

moto, moto_url = moto_server.moto, moto_server.moto_url
FAULTY: Final = [case for case in CASES if case.causes]


def by_name(cases: list[Case] | tuple[Case, ...]) -> Any:
    return [pytest.param(case, id=case.name) for case in cases]


# --- The cases -------------------------------------------------------------------------------------------------------


def test_there_are_a_dozen_faults_and_each_is_repaired() -> None:
    assert len(FAULTY) == 12
    assert len({case.name for case in CASES}) == len(CASES)
    assert CASES[0] is HEALTHY
    for case in CASES:
        assert bool(case.breaks) == bool(case.repairs), case.name
        assert bool(case.causes) == bool(case.breaks or case.before), case.name
        assert (case.causes | case.also) <= {*CODES}, case.name


@pytest.mark.parametrize("case", by_name(one_in(3, CASES)))
def test_a_scenario_with_the_fault_is_as_the_case_expects(case: Case) -> None:
    assert complaint(case, report_of(case.scenario)) is None


def test_what_is_not_as_expected_is_said() -> None:
    by = {case.name: case for case in CASES}
    healthy, shut = report_of("configuration-healthy"), report_of("endpoint-group-shut")
    for case in FAULTY:
        assert complaint(case, healthy) is not None, case.name
    assert complaint(HEALTHY, shut) == "critical, path unreachable, and not ok, path private"
    assert complaint(by["network-acl"], shut) == "found VPC005, TCP001, and not VPC006 first"
    narrow = report_of("gateway-data-port-blocked")
    assert complaint(by["gateway-port-missing"], narrow) == "found TCP003, and not VPC005 first"


@pytest.mark.parametrize("case", by_name(CASES))
def test_the_steps_are_calls_that_the_service_models_have(case: Case) -> None:
    for step in (*case.breaks, *case.repairs):
        for words in step.words():
            assert aws_commands.complaint(shlex.split(words)) is None, words
        if isinstance(step, Call):
            is_of_the_model(step.service, step.operation, filled(dict(step.parameters), AnyName()))


@cache
def model_of(service: str) -> ServiceModel:
    return botocore.session.Session().get_service_model(service)


def is_of_the_model(service: str, operation: str, parameters: Mapping[str, Any]) -> None:
    """Assert that the service has the operation, and accepts these parameters."""
    model = model_of(service)
    (name,) = (name for name in model.operation_names if botocore.xform_name(name) == operation)
    report = ParamValidator().validate(parameters, model.operation_model(name).input_shape)
    assert not report.has_errors(), report.generate_report()


class AnyName(dict[str, str]):
    """A mapping with a value for every name."""

    def __missing__(self, name: str) -> str:
        return name


def test_what_the_steps_name_is_an_output_of_the_stacks_that_are_there() -> None:
    known = {"FirstZone", "SecondZone", "Bucket"}
    for stack in STACKS:
        assert names_in(stack.parameters) <= known, stack.name
        parameters = template(stack.template)["Parameters"]
        needed = {name for name, one in parameters.items() if "Default" not in one}
        assert needed <= {*stack.parameters} <= {*parameters}, stack.name
        if stack.name != "control":
            known |= {*template(stack.template)["Outputs"]}
    for case in CASES:
        for step in (*case.breaks, *case.repairs):
            assert names_in(step.words()) <= known, case.name


def names_in(value: Any) -> set[str]:
    return {*re.findall(r"\{([A-Za-z0-9]+)\}", json.dumps(value))}


def test_the_price_counts_what_is_made() -> None:
    count = 0
    for stack in STACKS:
        if stack.template == ENDPOINTS:
            made = Stack(template(ENDPOINTS), **filled(dict(stack.parameters), AnyName()))
            for properties in made.resources("AWS::EC2::VPCEndpoint").values():
                count += len(properties["SubnetIds"])
    endpoints, _, interfaces = PRICES
    assert endpoints.count == count
    resolver = template(HERE / "resolver.template.yaml")["Resources"]["OutboundEndpoint"]["Properties"]
    assert interfaces.count == len(resolver["IpAddresses"])
    assert 0.2 < dollars() < 1


@pytest.mark.skipif(not extent.everything(), reason="the linter takes long: only with --everything")
@pytest.mark.parametrize("name", ["host", "network", "resolver"])
def test_cfn_lint_finds_nothing(name: str) -> None:
    import cfnlint.api  # imported here, since all test processes import this module, and few need it
    import cfnlint.config

    some = cfnlint.config.ManualArgs(regions=["us-east-1"])
    assert [str(problem) for problem in cfnlint.api.lint_file(HERE / f"{name}.template.yaml", config=some)] == []


def test_the_page_has_every_case_and_code() -> None:
    page = (ROOT / "docs" / "acceptance.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([a-z0-9-]+)` \| .* \| (.*) \|$", page, re.MULTILINE))
    assert [*rows] == [case.name for case in CASES]
    for case in CASES:
        assert {*re.findall(r"[A-Z]{3,4}\d{3}", rows[case.name])} == case.causes | case.also, case.name
    stacks = re.findall(r"^\| `([a-z]+)` \| [^|]*\|$", page, re.MULTILINE)
    assert stacks == [stack.name for stack in STACKS]


# --- A dry run -------------------------------------------------------------------------------------------------------


def nobody(*_: object, **__: object) -> Any:
    raise AssertionError("a dry run calls nothing")


def test_a_dry_run_says_everything_and_calls_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(botocore.session, "Session", nobody)
    assert acceptance.main(["--dry-run"], make=nobody, host_of=nobody) == 0
    printed = capsys.readouterr().out
    assert f"about {dollars():.2f} USD" in printed
    for stack in STACKS:
        assert printed.count(f"--stack-name {PREFIX}-{stack.name}") == 2, "made and removed"
    for case in CASES:
        assert f"{case.name}: {case.fault}\n" in printed
        assert f"expect  {acceptance.expectation(case)}\n" in printed
        for step in case.breaks:
            assert all(f"  break   {words}\n" in printed for words in step.words())
        for step in case.repairs:
            assert all(f"  repair  {words}\n" in printed for words in step.words())


def test_the_command_itself(tmp_path: Path) -> None:
    """The command starts in the environment that `./dev` sets up, without a Region, credentials or a network."""
    ended = subprocess.run(
        [sys.executable, str(HERE / "acceptance.py"), "--dry-run", "--only", "clock-ahead"],
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "1. clock-ahead" in ended.stdout
    assert "2. " not in ended.stdout


def test_a_mistake_in_the_call_runs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        acceptance.main(["--only", "nothing"], make=nobody)
    assert ended.value.code == acceptance.REFUSED
    assert "invalid choice" in capsys.readouterr().err


# --- Runs against moto -----------------------------------------------------------------------------------------------


class LocalHost(Host):
    """A host whose commands run on this machine, below a folder of the test. The program on this host prints the
    reports of scenarios.
    """

    folder = ""

    def wait_until_online(self) -> None:
        EVENTS.append("online")

    def shell(self, script: str) -> str:
        for name in re.findall(r"([a-z0-9-]+)\.part$", script, re.MULTILINE):
            (Path(self.folder) / "answer").write_text(answer_of(name), "utf-8")
        super().shell(script)  # moto accepts the command, but does not run it
        EVENTS.append(kind_of(script))
        path = f"{self.folder}/commands{os.pathsep}{os.defpath}"
        ended = subprocess.run(
            ["/bin/sh", "-c", script],
            env={"PATH": path, "FOLDER": self.folder},
            capture_output=True,
            text=True,
            timeout=60,
        )
        if ended.returncode:
            raise AcceptanceError(f"a command on the host ended with Failed: {ended.stderr}")
        return ended.stdout


class LoggedAccount(Account):
    """An account that records each call, and whose waits end at once."""

    def __init__(self, session: botocore.session.Session, region: str, *, say: Callable[[str], None]) -> None:
        super().__init__(session, region, say=say, sleep=self._slept)

    def call(self, service: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        if not operation.startswith(("describe_", "get_", "list_")):
            EVENTS.append(f"{service}.{operation}")
        if operation == "create_stack":
            parameters["TemplateBody"] = for_moto(parameters["TemplateBody"])
        if operation == "delete_stack" and parameters["StackName"] == f"{PREFIX}-host":
            self._detach_policies()
        if operation == "delete_stack" and parameters["StackName"] == f"{PREFIX}-network":
            self._delete_what_has_routes()
        return super().call(service, operation, **parameters)

    def _detach_policies(self) -> None:
        """Detach policies, since moto does not do so when it deletes a stack."""
        iam = self.client("iam")
        for role in iam.list_roles()["Roles"]:
            for policy in iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]:
                iam.detach_role_policy(RoleName=role["RoleName"], PolicyArn=policy["PolicyArn"])

    def _delete_what_has_routes(self) -> None:
        """Delete the resources with routes, since moto does not do so when it deletes a stack."""
        ec2 = self.client("ec2")
        for endpoint in ec2.describe_vpc_endpoints()["VpcEndpoints"]:
            ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]])
        for table in ec2.describe_route_tables()["RouteTables"]:
            if not any(one["Main"] for one in table["Associations"]):
                for one in table["Associations"]:
                    ec2.disassociate_route_table(AssociationId=one["RouteTableAssociationId"])
                ec2.delete_route_table(RouteTableId=table["RouteTableId"])

    @staticmethod
    def _slept(_: float) -> None:
        """Do at once what a timer on the host does later. This replaces sleeping."""
        for timer in Path(LocalHost.folder).glob("timer"):
            EVENTS.append("timer")
            subprocess.run(["/bin/sh", str(timer)], check=True, timeout=60)
            timer.unlink()


def for_moto(body: str) -> str:
    """The template without the parts that moto cannot read: AWS::NoValue in a list of rules, and the names of an
    endpoint.
    """
    content = yaml.load(body, Loader=TemplateLoader)  # noqa: S506 - a SafeLoader
    for resource in content["Resources"].values():
        rules = resource["Properties"].get("SecurityGroupIngress", [])
        rules[:] = [one for one in rules if "Fn::If" not in one]
    outputs = content.get("Outputs", {})
    content["Outputs"] = {name: one for name, one in outputs.items() if "GetAtt" not in json.dumps(one)}
    return json.dumps(content)


EVENTS: Final[list[str]] = []
ANSWERS: Final[dict[str, str]] = {}
"""For some cases, a scenario that replaces the case's own scenario. The program prints the report of this one."""
STUBS: Final = {
    "aws": '[ "$1 $2" = "s3 cp" ] || exit 9\ncp "{file}" "${{7}}"',
    "systemd-run": 'for last; do :; done\nprintf "%s\\n" "$last" >"$FOLDER/timer"',
    "systemctl": 'echo "systemctl $*" >>"$FOLDER/clock"',
    "date": 'echo "date $*" >>"$FOLDER/clock"',
}
"""Stand-ins for programs of a host. They change nothing outside the folder of the test."""
PROGRAM: Final = """#!/bin/sh
case $1 in
--version) echo backuplink 1.0.0 ;;
check) cat "$PWD/answer" ;;
esac
"""


def answer_of(name: str) -> str:
    """The report of a check in the scenario, as the program would print it."""
    (case,) = (case for case in CASES if case.name == name)
    return json_format.render(report_of(ANSWERS.get(name, case.scenario)))


def kind_of(script: str) -> str:
    for name, sign in (
        ("install", "s3 cp"),
        ("later", "systemd-run"),
        ("fetch", "gzip -9"),
        ("check", "backuplink check"),
    ):
        if sign in script:
            return name
    raise AssertionError(script)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Create the folder of a host, with stand-ins for its programs. Yields the path of the file that the cases copy to
    the host.
    """
    folder = tmp_path / "host"
    commands = folder / "commands"
    commands.mkdir(parents=True)
    file = tmp_path / "backuplink.run"
    file.write_text(PROGRAM, "utf-8")
    for name, text in STUBS.items():
        (commands / name).write_text(f"#!/bin/sh\n{text.format(file=file)}\n", "utf-8")
        (commands / name).chmod(0o755)
    monkeypatch.setattr(LocalHost, "folder", str(folder))
    EVENTS.clear()
    ANSWERS.clear()
    yield file
    EVENTS.clear()


@pytest.fixture
def offered(moto: boto3.session.Session, monkeypatch: pytest.MonkeyPatch) -> boto3.session.Session:
    """An account in moto, with additional endpoint services that moto does not know."""
    names = {"access_key_id": "AWS_ACCESS_KEY_ID", "secret_key": "AWS_SECRET_ACCESS_KEY", "token": "AWS_SESSION_TOKEN"}
    for key, value in moto_server.KEYS.items():
        monkeypatch.setenv(names[key], value)
    call = Account.call

    def answered(self: Account, service: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        if operation == "describe_vpc_endpoint_services":
            return {"ServiceDetails": [{"AvailabilityZones": ["eu-west-1b", "eu-west-1a"]}]}
        return call(self, service, operation, **parameters)

    monkeypatch.setattr(Account, "call", answered)
    return moto


def run(file: Path, output: Path, *words: str) -> int:
    arguments = ["--region", moto_server.REGION, "--file", str(file), "--output", str(output), *words]
    return acceptance.main(arguments, make=LoggedAccount, host_of=LocalHost)


def left(session: boto3.session.Session) -> dict[str, Any]:
    """The resources in the account, without the default VPC."""
    ec2 = session.client("ec2")
    vpcs = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
    stacks = session.client("cloudformation").describe_stacks()["Stacks"]
    return {
        "VPCs": vpcs,
        "ACLs": [acl for acl in ec2.describe_network_acls()["NetworkAcls"] if not acl["IsDefault"]],
        "stacks": [stack["StackName"] for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"],
        "buckets": session.client("s3").list_buckets()["Buckets"],
        "roles": session.client("iam").list_roles()["Roles"],
    }


NOTHING_LEFT: Final[dict[str, list[str]]] = {"VPCs": [], "ACLs": [], "stacks": [], "buckets": [], "roles": []}
against_moto = pytest.mark.skipif(not extent.everything(), reason="moto's stacks take long: only with --everything")
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS::")  # moto has no stacks with a Resolver


@against_moto
def test_a_run_breaks_checks_and_repairs(
    offered: boto3.session.Session, host: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(host, tmp_path / "out", "--yes") == acceptance.MET
    printed = capsys.readouterr()
    assert f"about {dollars():.2f} USD" in printed.err
    assert printed.out == (tmp_path / "out" / "table.md").read_text("utf-8")
    assert printed.out.count("| as expected |\n") == len(CASES)
    assert left(offered) == NOTHING_LEFT
    for case in CASES:
        report = parse_report((tmp_path / "out" / "reports" / f"{case.name}.json").read_bytes(), case.name)
        assert complaint(case, report) is None
        masked = parse_report((tmp_path / "out" / "fixtures" / f"{case.name}.json").read_bytes(), case.name)
        assert (report.run.redacted, masked.run.redacted) == (False, True)
        assert complaint(case, masked) is None
    assert json.loads((tmp_path / "out" / "fixtures" / "run.json").read_text("utf-8"))["made_by"] == "aws"
    events = iter(EVENTS)
    for event in expected_events():  # the events must occur in this order
        assert event in events, event


def expected_events() -> Iterator[str]:
    yield from ("s3.create_bucket", "s3.put_object", *(["cloudformation.create_stack"] * len(STACKS)))
    yield from ("online", "install")
    for case in CASES:
        broken = [event for step in case.breaks for event in events_of(step)]
        repaired = [event for step in case.repairs for event in events_of(step)]
        if case.cuts_off:
            yield from ("later", *broken, "timer", *repaired, "online", "fetch")
        else:
            yield from (*broken, "check", "fetch", *repaired)
    yield from (*(["cloudformation.delete_stack"] * len(STACKS)), "s3.delete_object", "s3.delete_bucket")


def events_of(step: Any) -> list[str]:
    match step:
        case Call():
            return [f"{step.service}.{step.operation}"]
        case OwnAcl():
            return ["ec2.create_network_acl", *["ec2.replace_network_acl_association"] * len(step.subnets)]
        case NoStack():
            return ["cloudformation.delete_stack"]
    return ["ec2.delete_network_acl" if type(step).__name__ == "DefaultAcl" else "cloudformation.create_stack"]


@against_moto
def test_a_fault_that_is_not_found_is_said_and_repaired(
    offered: boto3.session.Session, host: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ANSWERS["group-without-443"] = "configuration-healthy"
    code = run(host, tmp_path / "out", "--yes", "--only", "group-without-443")
    assert code == acceptance.NOT_MET
    words = "ok, path private, and not critical, path unreachable"
    assert f"| {len(acceptance.TRIES)} | **{words}** |" in capsys.readouterr().out
    assert EVENTS.count("check") == len(acceptance.TRIES)
    assert EVENTS.count("ec2.authorize_security_group_ingress") == 1
    assert left(offered) == NOTHING_LEFT


@against_moto
@pytest.mark.parametrize("case", ["network-acl", "metadata-off"])
def test_an_interrupt_repairs_and_removes(
    offered: boto3.session.Session,
    host: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    case: str,
) -> None:
    """The first signal arrives while the network is broken. A second signal does not stop the removal."""
    run_steps = acceptance.Acceptance._do

    def interrupted(self: acceptance.Acceptance, steps: Any) -> None:
        run_steps(self, steps)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(acceptance.Acceptance, "_do", interrupted)
    before = signal.getsignal(signal.SIGINT)
    assert run(host, tmp_path / "out", "--yes", "--only", case) == acceptance.REFUSED
    assert signal.getsignal(signal.SIGINT) is before
    printed = capsys.readouterr().err
    assert "interrupted by SIGINT" in printed
    assert "what was made is being removed first" in printed
    assert "everything is removed" in printed
    (chosen,) = (one for one in CASES if one.name == case)
    for step in chosen.repairs:
        assert events_of(step)[0] in EVENTS
    assert left(offered) == NOTHING_LEFT


def refusing(monkeypatch: pytest.MonkeyPatch, operation: str, **wanted: Any) -> None:
    """Let AWS refuse the calls of an operation that have these parameters."""
    call = Account.call

    def refused(self: Account, service: str, asked: str, **parameters: Any) -> Mapping[str, Any]:
        if asked == operation and wanted.items() <= parameters.items():
            raise ClientError({"Error": {"Code": "OperationNotPermitted", "Message": "no"}}, asked)
        return call(self, service, asked, **parameters)

    monkeypatch.setattr(Account, "call", refused)


@against_moto
def test_a_fault_that_aws_does_not_allow_is_said_and_the_others_are_made(
    offered: boto3.session.Session,
    host: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusing(monkeypatch, "modify_vpc_attribute", EnableDnsHostnames={"Value": False})
    code = run(host, tmp_path / "out", "--yes", "--only", "dns-hostnames-off", "--only", "dead-proxy")
    assert code == acceptance.NOT_MET
    first, second = capsys.readouterr().out.splitlines()[2:]
    assert first.startswith("| dns-hostnames-off |")
    assert "| no report | 0 | **AWS refused a step: An error occurred (OperationNotPermitted)" in first
    assert second.startswith("| dead-proxy |")
    assert second.endswith("| as expected |")
    assert left(offered) == NOTHING_LEFT


@against_moto
@pytest.mark.parametrize(
    ("case", "operation", "wanted"),
    [
        ("group-without-443", "authorize_security_group_ingress", {}),
        ("dns-hostnames-off", "modify_vpc_attribute", {"EnableDnsHostnames": {"Value": True}}),
    ],
)
def test_a_fault_that_cannot_be_repaired_ends_the_run(
    offered: boto3.session.Session,
    host: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    case: str,
    operation: str,
    wanted: dict[str, Any],
) -> None:
    refusing(monkeypatch, operation, **wanted)
    code = run(host, tmp_path / "out", "--yes", "--only", case, "--only", "healthy-again")
    assert code == acceptance.REFUSED
    printed = capsys.readouterr()
    assert f"{case} could not be repaired: An error occurred (OperationNotPermitted)" in printed.err
    assert "healthy-again" not in printed.out
    assert left(offered) == NOTHING_LEFT


@against_moto
def test_an_error_removes_what_was_made(
    offered: boto3.session.Session, host: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host.write_text("#!/bin/sh\necho broken >&2\nexit 1\n", "utf-8")
    assert run(host, tmp_path / "out", "--yes") == acceptance.REFUSED
    printed = capsys.readouterr().err
    assert "a command on the host ended with Failed: broken" in printed
    assert "everything is removed" in printed
    assert left(offered) == NOTHING_LEFT


@against_moto
def test_an_error_of_the_system_removes_what_was_made(
    offered: boto3.session.Session, host: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.touch()
    assert run(host, file / "out", "--yes", "--only", "healthy") == acceptance.REFUSED
    printed = capsys.readouterr().err
    assert "Not a directory" in printed
    assert "everything is removed" in printed
    assert left(offered) == NOTHING_LEFT


@against_moto
def test_a_defect_removes_what_was_made(
    offered: boto3.session.Session,
    host: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr(acceptance, "complaint", broken)
    assert run(host, tmp_path / "out", "--yes", "--only", "healthy") == acceptance.REFUSED
    printed = capsys.readouterr().err
    assert "KeyError: 'a defect'" in printed
    assert "everything is removed" in printed
    assert left(offered) == NOTHING_LEFT


@against_moto
def test_a_closed_terminal_removes_what_was_made(
    offered: boto3.session.Session, host: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runner receives SIGHUP, and from then on nobody reads stderr."""
    run_steps = acceptance.Acceptance._do
    reader, writer = os.pipe()
    closed = io.TextIOWrapper(io.FileIO(writer, "w"), write_through=True)  # without a buffer

    def interrupted(self: acceptance.Acceptance, steps: Any) -> None:
        run_steps(self, steps)
        monkeypatch.setattr(sys, "stderr", closed)
        os.close(reader)
        monkeypatch.setattr(acceptance.Acceptance, "_do", run_steps)
        os.kill(os.getpid(), signal.SIGHUP)

    monkeypatch.setattr(acceptance.Acceptance, "_do", interrupted)
    assert run(host, tmp_path / "out", "--yes", "--only", "network-acl") == acceptance.REFUSED
    assert left(offered) == NOTHING_LEFT
    with pytest.raises(BrokenPipeError):
        closed.write("nobody reads this")
    closed.close()


@against_moto
def test_what_cannot_be_removed_is_named_and_the_rest_is_removed(
    offered: boto3.session.Session,
    host: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        refusing(patch, "delete_bucket")
        assert run(host, tmp_path / "out", "--yes", "--only", "healthy") == acceptance.REFUSED
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"not removed: {PREFIX}-123456789012-eu-west-1 (" in said
    assert said.endswith(". Run packaging/acceptance --remove again")
    assert run(host, tmp_path / "out", "--remove") == acceptance.MET
    assert left(offered) == NOTHING_LEFT


@against_moto
def test_a_network_that_cannot_be_read_is_named_and_the_rest_is_removed(
    offered: boto3.session.Session,
    host: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = LoggedAccount(botocore.session.Session(), moto_server.REGION, say=print)
    STACKS[0].made(account, {"FirstZone": "eu-west-1a", "SecondZone": "eu-west-1b"})
    with monkeypatch.context() as patch:
        refusing(patch, "describe_stacks", StackName=f"{PREFIX}-network")
        assert run(host, tmp_path / "out", "--remove") == acceptance.REFUSED
    assert "not removed: network ACLs (" in capsys.readouterr().err
    assert left(offered) == NOTHING_LEFT


@against_moto
def test_a_fault_whose_stack_fails_is_said_and_the_others_are_made(
    offered: boto3.session.Session,
    host: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_stack = Account.make_stack

    def failing(self: Account, name: str, *words: Any) -> dict[str, str]:
        made = make_stack(self, name, *words)
        if name == RESOLVER.name:
            raise AcceptanceError(f"the stack {PREFIX}-{name} is CREATE_FAILED: no address is free")
        return made

    monkeypatch.setattr(Account, "make_stack", failing)
    code = run(host, tmp_path / "out", "--yes", "--only", "resolver-rule", "--only", "dead-proxy")
    assert code == acceptance.NOT_MET
    first, second = capsys.readouterr().out.splitlines()[2:]
    assert "is CREATE_FAILED: no address is free** |" in first
    assert second.endswith("| as expected |")
    assert left(offered) == NOTHING_LEFT


@against_moto
@pytest.mark.parametrize("made", ["the network", "the bucket"])
def test_what_another_run_made_is_left_alone(
    offered: boto3.session.Session, host: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], made: str
) -> None:
    """The other run may not have ended. Once it is killed, `--remove` removes its resources: here, a network with its
    own network ACL.
    """
    account = LoggedAccount(botocore.session.Session(), moto_server.REGION, say=print)
    bucket = account.bucket("123456789012")
    if made == "the network":
        names = {"FirstZone": "eu-west-1a", "SecondZone": "eu-west-1b"}
        names |= STACKS[0].made(account, names)
        (case,) = (case for case in CASES if case.name == "network-acl")
        case.breaks[0].run(account, names)
        acls = offered.client("ec2").describe_network_acls(Filters=[{"Name": f"tag:{PREFIX}", "Values": ["true"]}])
        assert len(acls["NetworkAcls"]) == 1
    else:
        account.make_bucket(bucket, host)
    there, events = left(offered), [*EVENTS]
    assert run(host, tmp_path / "out", "--yes") == acceptance.REFUSED
    name = f"{PREFIX}-network" if made == "the network" else bucket
    assert f"another run made {name}: wait for its end, or remove what it left" in capsys.readouterr().err
    assert left(offered) == there != NOTHING_LEFT
    assert events == EVENTS
    assert run(host, tmp_path / "out", "--remove") == acceptance.MET
    assert left(offered) == NOTHING_LEFT
    assert run(host, tmp_path / "out", "--remove") == acceptance.MET, "there is nothing, and that is well"


@against_moto
def test_nothing_is_made_before_the_cost_is_agreed_to(
    offered: boto3.session.Session,
    host: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run(host, tmp_path / "out") == acceptance.REFUSED
    assert "use --yes if you agree to the cost" in capsys.readouterr().err
    monkeypatch.setattr(acceptance, "agreed", lambda: False)
    assert run(host, tmp_path / "out") == acceptance.REFUSED
    assert "nothing was made" in capsys.readouterr().err
    assert run(tmp_path / "nowhere", tmp_path / "out", "--yes") == acceptance.REFUSED
    assert "is not a file" in capsys.readouterr().err
    assert EVENTS == []


@against_moto
def test_the_clock_is_put_right_on_the_host(offered: boto3.session.Session, host: Path, tmp_path: Path) -> None:
    assert run(host, tmp_path / "out", "--yes", "--only", "clock-ahead") == acceptance.MET
    assert (Path(LocalHost.folder) / "clock").read_text("utf-8").splitlines() == [
        "systemctl stop chronyd",
        "date -s +20 minutes",
        "date -s -20 minutes",
        "systemctl start chronyd",
    ]


def test_a_long_report_comes_in_parts(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import random

    folder = Path(LocalHost.folder)
    content = random.Random(7).randbytes(40_000)
    (folder / "some.json").write_bytes(content)
    shells = []

    def shell(self: Host, script: str) -> str:
        shells.append(script)
        return subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout

    monkeypatch.setattr(Host, "shell", shell)
    got = Host(Account(botocore.session.Session(), "eu-west-1", say=print), "i-0123abcd")
    monkeypatch.setattr(Host, "folder", str(folder))
    assert got.report("some") == content
    assert len(shells) == 3
    with pytest.raises(subprocess.CalledProcessError):
        got.report("other")


def test_a_host_that_is_not_reached_is_restarted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host is restarted by a call of EC2, since no command on the host works."""
    calls: list[str] = []
    states: list[str] = []

    def call(self: Account, service: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        is_of_the_model(service, operation, parameters)
        calls.append(operation)
        return {"InstanceInformationList": [{"PingStatus": state} for state in states]}

    monkeypatch.setattr(Account, "call", call)
    host = Host(Account(botocore.session.Session(), "eu-west-1", say=print, sleep=lambda _: None), "i-0123abcd")
    for there in (["ConnectionLost"], []):
        states[:] = there
        calls.clear()
        with pytest.raises(AcceptanceError, match="this did not come true within 600 seconds"):
            host.wait_until_online()
        assert calls.count("reboot_instances") == 1
    calls.clear()
    states[:] = ["Online"]
    host.wait_until_online()
    assert calls == ["describe_instance_information"]
