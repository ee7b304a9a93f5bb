"""The Automation document, step by step: its form, its parameters, every path through its steps, its CloudFormation
template and its IAM role.
"""

import ast
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import boto3
import jsonschema_rs
import pytest
import yaml
from botocore import xform_name
from botocore.validate import ParamValidator

import manual
from agent.app.permissions import CHECK_DOCUMENT, permissions
from agent.catalog.hosts import endpoints
from agent.catalog.partitions import PARTITIONS
from agent.catalog.regions import REGIONS
from agent.catalog.services import SERVICES
from agent.catalog.workloads import checked_for_caller
from agent.cli import main as cli
from agent.formats import text
from agent.report.words import causes
from agent.settings import Workload
from tests.packaging.artifacts import artifact_of
from tests.packaging.automation import MAX_VARIABLE, Automation, Execution, SystemsManager
from tests.packaging.run_command import in_scenario, program, run
from tests.packaging.test_fleet import INJECTIONS, allows, build
from tests.support import extent, scenarios
from tests.support.aws_commands import complaint
from tests.support.cloudformation import Stack, template
from tests.support.repository import ROOT
from tests.support.runs import report_of

RUNBOOK: Final = "backuplink-runbook.yaml"
TEMPLATE: Final = "backuplink-runbook.template.yaml"
GUIDE: Final = ROOT / "docs" / "runbook.md"
ROLE: Final = "arn:aws:iam::111122223333:role/backuplink-runbook"
ENDINGS: Final = (
    *("checked", "notReached", "notLinux", "notDelivered", "cancelled", "programMissing", "noReport"),
    *("tookTooLong", "denied", "failed", "failedAndUnread"),
)
"""The steps that report the runbook's result."""
NEEDED: Final = ("ssm", "ssmmessages", "ec2messages")
REGION: Final = "eu-west-1"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the documents, built from the present sources."""
    folder = tmp_path_factory.mktemp("dist")
    build(folder)
    return folder


@pytest.fixture(scope="module")
def document(built: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((built / RUNBOOK).read_text("utf-8"))
    return content


@pytest.fixture(scope="module")
def check(built: Path) -> dict[str, Any]:
    """The Command document that the runbook sends."""
    content: dict[str, Any] = yaml.safe_load((built / "backuplink-check.yaml").read_text("utf-8"))
    return content


@pytest.fixture
def session() -> Iterator[boto3.session.Session]:
    from moto import mock_aws  # imported here, since all test processes import this module, and few need moto

    with mock_aws():
        yield boto3.session.Session("testing", "testing", region_name=REGION)


@pytest.fixture
def service(session: boto3.session.Session) -> SystemsManager:
    return SystemsManager(session)


@pytest.fixture
def automation(
    document: dict[str, Any],
    session: boto3.session.Session,
    service: SystemsManager,
    monkeypatch: pytest.MonkeyPatch,
) -> Automation:
    made = Automation(document, session, monkeypatch)
    service.execution = made.execution
    return made


def steps(document: Mapping[str, Any], *actions: str) -> list[dict[str, Any]]:
    return [step for step in document["mainSteps"] if not actions or step["action"] in actions]


# --- Its form --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [RUNBOOK, TEMPLATE])
def test_what_dist_holds_is_what_the_sources_give(built: Path, name: str) -> None:
    assert artifact_of(name, "fleet").read_bytes() == (built / name).read_bytes()


def test_actions_and_their_properties_are_those_of_the_guide(document: dict[str, Any]) -> None:
    form = json.loads((Path(__file__).parent / "ssm_automation_document.schema.json").read_text("utf-8"))
    jsonschema_rs.meta.validate(form)
    validator = jsonschema_rs.Draft202012Validator(form, validate_formats=True)
    validator.validate(document)
    for spoilt in (
        {"onFailure": "retry"},
        {"timeout": 3},
        {"action": "aws:runShellScript"},
        {"outputs": [{"Name": "One", "Selector": "$..One", "Type": "String"}]},
    ):
        wrong = {**document, "mainSteps": [{**document["mainSteps"][0], **spoilt}]}
        assert not validator.is_valid(wrong), spoilt


def test_the_service_takes_the_document(built: Path, document: dict[str, Any], session: boto3.session.Session) -> None:
    """Here, moto reads the document. It is not as strict as the service."""
    content = (built / RUNBOOK).read_text("utf-8")
    assert len(content.encode()) < 64 * 1024  # the limit of a document (AWS General Reference, Systems Manager quotas)
    taken = session.client("ssm").create_document(
        Name="backuplink-runbook", DocumentType="Automation", DocumentFormat="YAML", Content=content
    )["DocumentDescription"]
    assert taken["SchemaVersion"] == "0.3"
    assert [parameter["Name"] for parameter in taken["Parameters"]] == list(document["parameters"])


def test_every_way_leads_to_an_ending_and_then_to_the_outputs(document: dict[str, Any]) -> None:
    named = [step["name"] for step in steps(document)]
    assert len(set(named)) == len(named)
    ways: dict[str, set[str]] = {}
    for step in steps(document):
        choices = step["inputs"].get("Choices", ())
        following = {step.get("nextStep"), step["inputs"].get("Default"), *(each["NextStep"] for each in choices)}
        if "onFailure" in step:
            following.add(step["onFailure"].removeprefix("step:"))
        ways[step["name"]] = following - {None}
    assert {name for name, following in ways.items() if not following} == {"tell"}
    reached, waiting = set[str](), [named[0]]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += ways[name] - reached
    assert reached == set(named)
    assert tuple(name for name, following in ways.items() if following == {"tell"}) == ENDINGS
    assert set(document["outputs"]) == {f"tell.{each['Name']}" for each in steps(document)[-1]["outputs"]}


def test_no_step_that_asks_ends_without_a_word(document: dict[str, Any]) -> None:
    asking = steps(document, "aws:executeAwsApi", "aws:executeScript", "aws:waitForAwsResourceProperty")
    wanted = {"whyFailed": "step:failedAndUnread", "tell": None}
    for step in asking:
        assert step.get("onFailure") == wanted.get(step["name"], "step:whyFailed"), step["name"]


def test_scripts_have_no_reference_and_no_line_of_a_shell(document: dict[str, Any]) -> None:
    """A parameter reaches a script only through the script's payload."""
    for step in steps(document, "aws:executeScript"):
        assert "{{" not in step["inputs"]["Script"]
        tree = ast.parse(step["inputs"]["Script"])
        assert {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names} <= {
            "boto3",
            "json",
        }


# --- Its calls, by the SDK's models ----------------------------------------------------------------------------------

SAMPLES: Final = {
    "InstanceId": "i-0a1b2c3d4e5f67890",
    "CheckDocument": "backuplink-check",
    "Command": "/usr/bin/backuplink",
    "Workload": "hana:backup",
    "Ec2": "auto",
    "ReportsBucket": "reports",
    "ReportsPrefix": "backuplink",
    "variable:CommandId": "0a1b2c3d-0000-4000-8000-00000000000a",
    "automation:EXECUTION_ID": "0a1b2c3d-0000-4000-8000-00000000000b",
}


def sampled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: sampled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [sampled(item) for item in value]
    return re.sub(r"\{\{ ([\w:]+) \}\}", lambda match: SAMPLES[match[1]], value) if isinstance(value, str) else value


def test_inputs_and_selectors_are_those_of_the_models(document: dict[str, Any], session: boto3.session.Session) -> None:
    asking = steps(document, "aws:executeAwsApi", "aws:waitForAwsResourceProperty")
    assert len(asking) == 6
    for step in asking:
        inputs = sampled(step["inputs"])
        model = session.client(inputs.pop("Service")).meta.service_model.operation_model(inputs.pop("Api"))
        selector, wanted = inputs.pop("PropertySelector", None), inputs.pop("DesiredValues", ())
        report = ParamValidator().validate(inputs, model.input_shape)
        assert not report.has_errors(), (step["name"], report.generate_report())
        for key, given in inputs.items():
            assert key in model.input_shape.members, (step["name"], key)
            pattern = model.input_shape.members[key].metadata.get("pattern")
            assert pattern is None or re.search(pattern, given), (step["name"], key)
        for asked in [selector, *(output["Selector"] for output in step.get("outputs", ()))]:
            if asked is not None:
                shape = shape_at(model.output_shape, asked)
                assert set(wanted) <= set(getattr(shape, "enum", wanted)), (step["name"], asked)


def shape_at(shape: Any, selector: str) -> Any:
    """The shape of the value that a selector selects, in the model of an answer."""
    for part in selector.removeprefix("$.").split("."):
        name, _, index = part.partition("[")
        shape = shape.members[name]
        shape = shape.member if index else shape
    return shape


def test_types_of_outputs_are_those_of_the_models(document: dict[str, Any], session: boto3.session.Session) -> None:
    names = {"string": "String", "list": "MapList"}
    for step in steps(document, "aws:executeAwsApi"):
        inputs = step["inputs"]
        model = session.client(inputs["Service"]).meta.service_model.operation_model(inputs["Api"])
        for output in step["outputs"]:
            assert names[shape_at(model.output_shape, output["Selector"]).type_name] == output["Type"], step["name"]


def test_scripts_call_operations_that_the_sdk_has(document: dict[str, Any], session: boto3.session.Session) -> None:
    assert called_in(document) == CALLED
    for action in CALLED:
        name, _, operation = action.partition(":")
        assert operation in session.client(name).meta.service_model.operation_names, action


CALLED: Final = {
    "ec2:DescribeInstances",
    "ec2:DescribeVpcEndpoints",
    "ssm:DescribeInstanceInformation",
    "ssm:GetAutomationExecution",
    "ssm:GetCommandInvocation",
    "ssm:ListCommands",
    "ssm:SendCommand",
}


def called_in(document: Mapping[str, Any]) -> set[str]:
    """The IAM actions of the runbook's steps and scripts, from the calls in them."""
    session = boto3.session.Session(region_name=REGION)
    asked = set()
    for step in steps(document):
        inputs = step["inputs"]
        if "Api" in inputs:
            asked.add(f"{inputs['Service']}:{inputs['Api']}")
        script = inputs.get("Script", "")
        services = set(re.findall(r'boto3\.client\("(\w+)"\)', script))
        assert len(services) <= 1, step["name"]
        for service in services:
            names = {xform_name(name): name for name in session.client(service).meta.service_model.operation_names}
            words = {
                *(node.attr for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Attribute)),
                *re.findall(r'get_paginator\("(\w+)"\)', script),
            }
            asked |= {f"{service}:{names[word]}" for word in words if word in names}
    return asked


# --- Its parameters --------------------------------------------------------------------------------------------------

GOOD: Final = {
    "AutomationAssumeRole": (ROLE, "arn:aws-cn:iam::111122223333:role/path/of/role+=,.@-_x"),
    "InstanceId": ("i-0a1b2c3d", "i-0a1b2c3d4e5f67890"),
    "Workload": (*Workload, "auto,hana", "hana:backup,ssm"),
    "CheckDocument": ("backuplink-check", "arn:aws-us-gov:ssm:us-gov-west-1:111122223333:document/backuplink-check"),
    "Command": ("/usr/bin/backuplink", "/opt/tools/backuplink-1.0.0-linux-x86_64.run"),
    "ReportsBucket": ("", "reports", "my.reports-1"),
    "ReportsPrefix": ("backuplink", "a/b_c.d"),
}
BAD: Final = {
    "AutomationAssumeRole": ("", "backuplink", "arn:aws:iam::111122223333:user/x", "arn:aws:iam::1:role/x"),
    "InstanceId": ("", "mi-0a1b2c3d4e5f67890", "i-0A1B2C3D", "i-0a1b2c3d4", "i-0a1b2c3d,i-0a1b2c3e"),
    "Workload": ("", "none", "auto,", "vss", "hana:s3 ssm"),
    "CheckDocument": ("ab", "a/b", "arn:aws:ssm:eu-west-1:1:document/x", "backuplink check"),
    "Command": ("", "backuplink", "/bin/sh", "/opt/../srv/backuplink", "/usr/bin/env backuplink"),
    "ReportsBucket": ("ab", "-reports", "Reports", "reports/x", "s3://reports"),
    "ReportsPrefix": ("", "/a", "a b", "a=b"),
}


def test_what_each_pattern_takes_and_refuses(document: dict[str, Any]) -> None:
    patterned = {name: parameter for name, parameter in document["parameters"].items() if "allowedPattern" in parameter}
    assert set(GOOD) == set(BAD) == set(patterned)
    for name, parameter in patterned.items():
        assert [value for value in GOOD[name] if not allows(parameter, value)] == [], name
        assert [value for value in BAD[name] if allows(parameter, value)] == [], name


@pytest.mark.parametrize("injection", INJECTIONS)
def test_no_injection_is_taken(document: dict[str, Any], injection: str) -> None:
    for name, parameter in document["parameters"].items():
        for hostile in (injection, GOOD.get(name, ("auto",))[-1] + injection):
            # A role may have such a name. It is passed only to Automation itself.
            is_role = name == "AutomationAssumeRole" and hostile.endswith("--output=canary") and hostile != injection
            assert allows(parameter, hostile) is is_role, (name, hostile)


def test_patterns_use_what_re2_and_java_have_in_common(document: dict[str, Any]) -> None:
    for name, parameter in document["parameters"].items():
        assert ("allowedValues" in parameter) != ("allowedPattern" in parameter), name
        pattern = parameter.get("allowedPattern", "^$")
        assert (pattern[0], pattern[-1]) == ("^", "$"), name
        assert "(?" not in pattern, name
        assert "\\" not in pattern, name
        assert "default" not in parameter or allows(parameter, parameter["default"]), name


def test_security_md_has_them(document: dict[str, Any]) -> None:
    page = (ROOT / "SECURITY.md").read_text("utf-8")
    listed = page.partition("## Values that the runbook accepts")[2].split("```")[1].strip().splitlines()
    assert dict(line.split(maxsplit=1) for line in listed) == {
        name: parameter.get("allowedPattern") or " | ".join(parameter["allowedValues"])
        for name, parameter in document["parameters"].items()
    }


def test_the_check_takes_whatever_the_runbook_takes(document: dict[str, Any], check: dict[str, Any]) -> None:
    assert document["parameters"]["CheckDocument"]["default"] == CHECK_DOCUMENT
    for name in ("Command", "Ec2"):
        for key in ("allowedPattern", "allowedValues", "maxChars"):
            ours, theirs = document["parameters"][name], check["parameters"][name]
            assert ours.get(key) == theirs.get(key), (name, key)
    for value in GOOD["Workload"]:
        assert allows(check["parameters"]["Workload"], value)


# --- The instance is not reached -------------------------------------------------------------------------------------


def instance_in(session: boto3.session.Session, *services: str, state: str = "running") -> tuple[str, str]:
    """The ids of an instance in moto and of its VPC. The VPC has endpoints for these services."""
    ec2 = session.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    for service in services:
        ec2.create_vpc_endpoint(
            VpcId=vpc,
            ServiceName=f"com.amazonaws.{REGION}.{service}",
            VpcEndpointType="Interface",
            SubnetIds=[subnet],
        )
    made = ec2.run_instances(ImageId="ami-0a1b2c3d", MinCount=1, MaxCount=1, SubnetId=subnet)["Instances"][0][
        "InstanceId"
    ]
    if state == "stopped":
        ec2.stop_instances(InstanceIds=[made])
    if state == "terminated":
        ec2.terminate_instances(InstanceIds=[made])
    return made, vpc


def started(automation: Automation, **given: str) -> Execution:
    defaults = {"AutomationAssumeRole": ROLE, "Workload": "caller", "InstanceId": "i-0a1b2c3d4e5f67890"}
    return automation.run(**{**defaults, **given})


@pytest.mark.parametrize(
    ("there", "ping"),
    [
        ((), None),
        (("ssm",), "ConnectionLost"),
        (("ssm", "ssmmessages"), "Inactive"),
        (NEEDED, None),
        (("backup", "s3"), "ConnectionLost"),
    ],
)
def test_what_is_known_from_outside(
    automation: Automation,
    session: boto3.session.Session,
    service: SystemsManager,
    there: tuple[str, ...],
    ping: str | None,
) -> None:
    instance, vpc = instance_in(session, *there)
    if ping is not None:
        service.nodes = [{"InstanceId": instance, "PingStatus": ping, "PlatformType": "Linux"}]
    ran = started(automation, InstanceId=instance)
    assert ran.names == [
        *("askReach", "judgeReach", "isReached", "lookOutside", "notReached", "tell"),
    ]
    missing = [name for name in NEEDED if name not in there]
    assert (ran.outputs["lookOutside.Vpc"], ran.outputs["lookOutside.Missing"]) == (vpc, missing)
    told = ran.told
    assert (ran.status, told["Verdict"], told["Cause"], told["Report"]) == ("Success", "unknown", "none", "none")
    assert told["Headline"] == f"Systems Manager does not reach {instance}."
    assert vpc in told["Fix"]
    assert (f"Missing there: {', '.join(missing)}." in told["Fix"]) == bool(missing)
    assert ("All three are there." in told["Fix"]) == (not missing)
    words = shlex.split(told["Fix"].partition("Run: ")[2])
    name, command, given = cli.main.resolve_command(manual.context_of(cli.main), words[1:])
    assert command is not None
    with command.make_context(name, given, parent=manual.context_of(cli.main)) as context:
        asked = context.params
    assert name == "predict"
    assert (asked["vpc_id"], asked["region"], asked["services"]) == (vpc, REGION, NEEDED)
    assert asked["sources"] == (instance,)
    assert not any(name == "SendCommand" for name, _ in service.calls)


def test_an_endpoint_that_is_not_available_yet_is_missing(
    automation: Automation, session: boto3.session.Session
) -> None:
    from moto.ec2.models import ec2_backends

    instance, _ = instance_in(session, *NEEDED)
    for endpoint in ec2_backends["123456789012"][REGION].vpc_end_points.values():
        endpoint.state = "pendingAcceptance"
    assert started(automation, InstanceId=instance).outputs["lookOutside.Missing"] == list(NEEDED)


@pytest.mark.parametrize(
    ("state", "then"),
    [("stopped", "Start it, and run this again."), ("terminated", "Nothing can be checked there.")],
)
def test_an_instance_that_does_not_run(
    automation: Automation, session: boto3.session.Session, state: str, then: str
) -> None:
    instance, _ = instance_in(session, *NEEDED, state=state)
    told = started(automation, InstanceId=instance).told
    assert told["Fix"] == f"The instance is {state}. {then}"


def test_an_instance_of_nobody(automation: Automation) -> None:
    ran = started(automation)
    assert ran.names[-3:] == ["howFailed", "failed", "tell"]
    assert ran.status == "Failed"
    assert "The step lookOutside of this runbook failed." in ran.told["Headline"]
    assert "does not exist" in ran.told["Fix"]


def test_an_instance_with_windows(automation: Automation, service: SystemsManager) -> None:
    service.nodes = [{"InstanceId": "i-0a1b2c3d4e5f67890", "PingStatus": "Online", "PlatformType": "Windows"}]
    ran = started(automation)
    assert ran.names[-2:] == ["notLinux", "tell"]
    assert ran.told["Headline"] == "The instance does not run Linux, and backuplink is only for Linux."
    assert ran.told["Verdict"] == "unknown"


def test_no_ending_is_longer_than_a_variable(document: dict[str, Any]) -> None:
    """The longest possible ids and names still give an output that fits."""
    region = max(REGIONS, key=len)
    (script,) = (step["inputs"]["Script"] for step in steps(document) if step["name"] == "lookOutside")
    names: dict[str, Any] = {}
    exec(compile(script, "look_outside.py", "exec"), names)  # noqa: S102 - what is tested
    instance = "i-0a1b2c3d4e5f67890"
    says = names["says"]({"Region": region, "InstanceId": instance}, "vpc-0a1b2c3d4e5f67890", list(NEEDED))
    longest = {
        **SAMPLES,
        "InstanceId": instance,
        "lookOutside.Says": says,
        "whyFailed.Step": max((step["name"] for step in steps(document)), key=len),
        "whyFailed.Why": "x" * 300,
        "Command": "/usr/bin/backuplink" + "x" * 236,
    }
    for step in steps(document, "aws:updateVariable"):
        if step["name"] in ENDINGS:
            value = re.sub(r"\{\{ ([\w:.]+) \}\}", lambda match: longest[match[1]], step["inputs"]["Value"])
            assert len(value) <= MAX_VARIABLE, step["name"]


def test_the_services_that_it_names_are_known() -> None:
    assert set(NEEDED) <= set(SERVICES)


# --- The instance is reached -----------------------------------------------------------------------------------------


@pytest.fixture
def online(service: SystemsManager, check: dict[str, Any], tmp_path: Path) -> SystemsManager:
    """An instance that Systems Manager reaches, on which the steps of the Command document run unchanged."""
    service.nodes = [{"InstanceId": "i-0a1b2c3d4e5f67890", "PingStatus": "Online", "PlatformType": "Linux"}]
    service.on_send = lambda _: {}

    def ran(given: dict[str, Any]) -> Mapping[str, tuple[int, str, str]]:
        assert given["DocumentName"] == CHECK_DOCUMENT
        for name, values in given["Parameters"].items():
            (value,) = values
            assert allows(check["parameters"][name], value), (name, value)
        parameters = {name: value for name, (value,) in given["Parameters"].items() if name != "Command"}
        steps = run(check, tmp_path, tmp_path / "backuplink", **parameters)
        return {
            name: (step.code, step.stdout, step.stderr)
            for name, step in (("check", steps.check), ("host", steps.host), ("report", steps.report))
        }

    service.on_send = ran
    return service


@pytest.mark.parametrize(
    "scenario", ["healthy", "one-zone-silent", "private-dns-off", "allowance-exceeded", "region-unknown"]
)
def test_a_check_from_the_console(
    automation: Automation, online: SystemsManager, tmp_path: Path, scenario: str
) -> None:
    in_scenario(tmp_path, scenario)
    ran = started(automation, Workload="caller")
    assert ran.names == [
        *("askReach", "judgeReach", "isReached", "hasBucket", "send", "sent", "letItStart", "waitForEnd"),
        *("askEnd", "howEnded", "checked", "tell"),
    ]
    report = report_of(scenario)
    told = automation.result()
    assert ran.status == "Success"
    assert told["tell.Verdict"] == report.verdict.status
    assert told["tell.Headline"] == report.verdict.summary
    first = next(iter(causes(report)), None)
    assert told["tell.Cause"] == (first.code if first else "none")
    if first is None:
        assert told["tell.Fix"] == "none"
    else:
        assert "".join(str(first.fix.summary).split()) in "".join(told["tell.Fix"].split())
    assert told["tell.Report"] == f"the output of the command {ran.variables['CommandId']} in Run Command, for 30 days"


def test_what_the_instance_is_asked(automation: Automation, online: SystemsManager, tmp_path: Path) -> None:
    in_scenario(tmp_path, "healthy")
    started(automation, Workload="hana:backup,ssm", Ec2="never", Command="/opt/backuplink")
    ((_, sent),) = (call for call in online.calls if call[0] == "SendCommand")
    assert sent["Parameters"] == {
        "Command": ["/opt/backuplink"],
        "Workload": ["hana:backup,ssm"],
        "Ec2": ["never"],
        "FailOn": ["never"],
    }
    assert sent["TimeoutSeconds"] == 120
    assert "OutputS3BucketName" not in sent


def test_where_the_report_lies_in_a_bucket(automation: Automation, online: SystemsManager, tmp_path: Path) -> None:
    in_scenario(tmp_path, "one-zone-silent")
    ran = started(automation, ReportsBucket="reports", ReportsPrefix="some/where")
    assert ran.names[3:6] == ["hasBucket", "sendWithBucket", "sentWithBucket"]
    command, instance = ran.variables["CommandId"], "i-0a1b2c3d4e5f67890"
    key = f"some/where/{command}/{instance}/awsrunShellScript/report/stdout"
    assert ran.told["Report"] == f"https://s3.eu-west-1.amazonaws.com/reports/{key}"
    ((_, sent),) = (call for call in online.calls if call[0] == "SendCommand")
    assert sent["Parameters"]["Report"] == ["json"]


def test_the_fix_of_every_scenario_says_what_it_changes(document: dict[str, Any]) -> None:
    """The output contains the lines of the first cause: each of its commands, and whether the command changes
    something.
    """
    names: dict[str, Any] = {}
    exec(compile(steps(document)[-1]["inputs"]["Script"], "tell.py", "exec"), names)  # noqa: S102 - what is tested
    fixes = 0
    for name in extent.one_in(8, scenarios.names()):
        report = report_of(name)
        told = names["fix_of"](text.brief(report))
        first = next(iter(causes(report)), None)
        if first is None:
            assert told == "", name
            continue
        assert "".join(str(first.fix.summary).split()) in "".join(told.split()), name
        assert "backuplink explain" not in told, name
        assert "It also causes" not in told, name
        if "[changes]" in told or "[reads]" in told:
            fixes += 1
            changes = [each.changes for each in first.fix.commands] + [each.changes for each in first.fix.lines]
            assert ("[changes]" in told) == any(changes), name
            written = " ".join(told.replace("\\\n", " ").split())
            assert [each.argv for each in first.fix.commands if shlex.join(each.argv) not in written] == [], name
    assert fixes > 10


# --- What goes wrong -------------------------------------------------------------------------------------------------


def test_a_program_that_is_missing(automation: Automation, online: SystemsManager) -> None:
    ran = started(automation, Command="/opt/backuplink")
    assert ran.names[-4:] == ["askError", "isProgramThere", "programMissing", "tell"]
    told = ran.told
    assert (ran.status, told["Verdict"]) == ("Success", "unknown")
    assert told["Headline"] == "The instance has no program /opt/backuplink."
    assert told["Fix"].startswith("Install the package")
    assert ran.variables["CommandId"] in told["Report"]


def test_a_check_without_a_report(automation: Automation, online: SystemsManager, tmp_path: Path) -> None:
    program(tmp_path, "exit 137")
    ran = started(automation)
    assert ran.names[-2:] == ["noReport", "tell"]
    assert ran.told["Headline"] == "The check gave no report."
    assert ran.variables["CommandId"] in ran.told["Fix"]


@pytest.mark.parametrize(
    ("status", "ending", "says"),
    [
        ("TimedOut", "notDelivered", "did not take or did not end the command in time."),
        ("Cancelled", "cancelled", "Somebody cancelled the command"),
    ],
)
def test_a_command_that_does_not_end_by_itself(
    automation: Automation, online: SystemsManager, tmp_path: Path, status: str, ending: str, says: str
) -> None:
    in_scenario(tmp_path, "healthy")
    online.status = status
    ran = started(automation)
    assert ran.names[-2:] == [ending, "tell"]
    assert says in ran.told["Headline"]
    assert ran.told["Verdict"] == "unknown"


def test_a_command_that_never_ends(automation: Automation, online: SystemsManager, tmp_path: Path) -> None:
    in_scenario(tmp_path, "healthy")
    online.status = "InProgress"
    ran = started(automation)
    assert ran.names[-5:] == ["waitForEnd", "whyFailed", "howFailed", "tookTooLong", "tell"]
    assert ran.status == "Failed"
    assert 900 <= ran.seconds <= 920
    assert ran.told["Headline"] == "The step waitForEnd did not end in time."
    assert ran.variables["CommandId"] in ran.told["Fix"]


DENIALS: Final = {
    "DescribeInstanceInformation": "askReach",
    "DescribeInstances": "lookOutside",
    "DescribeVpcEndpoints": "lookOutside",
    "SendCommand": "send",
    "ListCommands": "waitForEnd",
    "GetCommandInvocation": "askError",
}


@pytest.mark.parametrize("is_denied", [True, False], ids=["denied", "failing"])
@pytest.mark.parametrize("operation", DENIALS)
def test_a_call_that_is_denied_or_fails(
    automation: Automation,
    session: boto3.session.Session,
    online: SystemsManager,
    operation: str,
    is_denied: bool,
) -> None:
    given = {}
    if operation.startswith("Describe"):
        given["InstanceId"], _ = instance_in(session)
    (online.denied if is_denied else online.failing).add(operation)
    ran = started(automation, **given)
    step = DENIALS[operation]
    assert ran.names[-4:] == ["whyFailed", "howFailed", "denied" if is_denied else "failed", "tell"]
    assert ran.status == "Failed"
    assert step in ran.told["Headline"]
    assert ("backuplink permissions --policy runbook" in ran.told["Fix"]) == is_denied
    assert (operation if is_denied else "on the server side") in ran.told["Fix"]


@pytest.mark.parametrize("is_denied", [True, False], ids=["denied", "failing"])
def test_a_check_whose_result_cannot_be_read(
    automation: Automation, online: SystemsManager, tmp_path: Path, is_denied: bool
) -> None:
    in_scenario(tmp_path, "healthy")
    (online.denied if is_denied else online.failing).add("GetCommandInvocation")
    ran = started(automation)
    assert ran.names[-2:] == ["checked", "tell"]
    told = ran.told
    assert told["Verdict"] == "unknown"
    assert told["Headline"] == "The check was made, and this runbook could not read its result."
    assert ("GetCommandInvocation" if is_denied else "on the server side") in told["Fix"]
    assert ran.variables["CommandId"] in told["Report"]


@pytest.mark.parametrize("written", ["", "{", "{}"], ids=["nothing", "cut", "another"])
def test_a_check_whose_record_is_not_one(
    automation: Automation, online: SystemsManager, tmp_path: Path, written: str
) -> None:
    in_scenario(tmp_path, "healthy")
    check = online.on_send

    def ran_with(given: dict[str, Any]) -> Mapping[str, tuple[int, str, str]]:
        return {**check(given), "host": (0, written, "")}

    online.on_send = ran_with
    told = started(automation).told
    assert (told["Verdict"], told["Cause"]) == ("unknown", "none")
    assert "could not read its result" in told["Headline"]
    assert "Error: " in told["Fix"]


def test_a_role_that_may_not_even_read_why(automation: Automation, service: SystemsManager) -> None:
    service.denied = {"DescribeInstanceInformation", "GetAutomationExecution"}
    ran = started(automation)
    assert ran.names == ["askReach", "whyFailed", "failedAndUnread", "tell"]
    assert "could not read why" in ran.told["Headline"]


WAYS: Final = {
    "askReach": {},
    "judgeReach": {},
    "lookOutside": {"InstanceId": "i-0000000000000000a"},
    "send": {},
    "sent": {},
    "sendWithBucket": {"ReportsBucket": "reports"},
    "sentWithBucket": {"ReportsBucket": "reports"},
    "waitForEnd": {},
    "askEnd": {},
    "askError": {"Command": "/opt/backuplink"},
}
"""The steps whose failure the runbook reports, each with parameters that lead an execution to it."""


@pytest.mark.parametrize(("status", "ending"), [("TimedOut", "tookTooLong"), ("Failed", "failed")])
@pytest.mark.parametrize("step", WAYS)
def test_a_step_that_takes_too_long_or_fails(
    automation: Automation, online: SystemsManager, tmp_path: Path, step: str, status: str, ending: str
) -> None:
    if step != "askError":  # this step is only reached if the program is missing
        in_scenario(tmp_path, "healthy")
    automation.ending = {step: status}
    ran = started(automation, **WAYS[step])
    assert ran.names[-5:] == [step, "whyFailed", "howFailed", ending, "tell"]
    assert ran.status == "Failed"
    assert step in ran.told["Headline"]
    assert ran.told["Verdict"] == "unknown"


@pytest.mark.parametrize("status", ["TimedOut", "Failed"])
def test_a_reason_that_cannot_be_read_in_time(automation: Automation, service: SystemsManager, status: str) -> None:
    automation.ending = {"askReach": "Failed", "whyFailed": status}
    ran = started(automation)
    assert ran.names == ["askReach", "whyFailed", "failedAndUnread", "tell"]


def test_every_step_whose_failure_is_told_has_its_case(document: dict[str, Any]) -> None:
    assert {step["name"] for step in steps(document) if step.get("onFailure") == "step:whyFailed"} == set(WAYS)


def test_every_denial_has_its_case(document: dict[str, Any]) -> None:
    assert {action.partition(":")[2] for action in CALLED} - {"GetAutomationExecution"} == set(DENIALS)


def test_the_interpreter_walks_every_step(document: dict[str, Any]) -> None:
    """The tests above must name or reach every step. A step that they miss has no test."""
    source = Path(__file__).read_text("utf-8")
    assert [step["name"] for step in steps(document) if f'"{step["name"]}"' not in source] == []


# --- The template ----------------------------------------------------------------------------------------------------


def test_cfn_lint_finds_nothing(built: Path) -> None:
    import cfnlint.api  # imported here, since all test processes import this module
    import cfnlint.config

    some = cfnlint.config.ManualArgs(regions=["us-east-1", "cn-north-1", "us-gov-west-1"])
    assert [str(problem) for problem in cfnlint.api.lint_file(built / TEMPLATE, config=some)] == []


def test_the_template_has_the_document_inside(built: Path, document: dict[str, Any]) -> None:
    made = template(built / TEMPLATE)["Resources"]["Document"]["Properties"]
    assert (made["Content"], made["DocumentType"]) == (document, "Automation")


@pytest.mark.parametrize("partition", [partition.id for partition in PARTITIONS])
def test_the_role_has_what_the_command_prints_and_what_the_runbook_calls(
    built: Path, document: dict[str, Any], partition: str
) -> None:
    listed = permissions(endpoints(partition=partition, services=checked_for_caller()), region=None)
    (least,) = (part.policy for part in listed.parts if part.part == "runbook")
    role = Stack(template(built / TEMPLATE), partition).properties("Role")
    assert role is not None
    (policy,) = role["Policies"]
    ours, theirs = policy["PolicyDocument"]["Statement"], (least or {})["Statement"]
    assert [statement["Action"] for statement in ours] == [statement["Action"] for statement in theirs]
    for mine, printed in zip(ours, theirs, strict=True):
        narrow, wide = (each["Resource"] for each in (mine, printed))
        narrow, wide = ([each] if isinstance(each, str) else each for each in (narrow, wide))
        assert [re.sub(r":(eu-west-1|\*):(111122223333|\*):", ":*:*:", each) for each in narrow] == wide
    assert {action for statement in ours for action in statement["Action"]} == called_in(document)
    trust = role["AssumeRolePolicyDocument"]["Statement"]
    assert [each["Principal"] for each in trust] == [{"Service": "ssm.amazonaws.com"}]
    assert trust[0]["Condition"]["StringEquals"] == {"aws:SourceAccount": "111122223333"}


def test_a_document_that_another_account_shares(built: Path) -> None:
    shared = {"CheckDocumentAccount": "444455556666", "JobsInstance": "i-0a1b2c3d"}
    stack = Stack(template(built / TEMPLATE), **shared)
    role, rule = stack.properties("Role"), stack.properties("JobsRule")
    assert role is not None
    assert rule is not None
    arn = "arn:aws:ssm:eu-west-1:444455556666:document/backuplink-check"
    assert role["Policies"][0]["PolicyDocument"]["Statement"][-1]["Resource"][0] == arn
    assert json.loads(rule["Targets"][0]["Input"])["CheckDocument"] == [arn]


# --- Failed jobs of AWS Backup ---------------------------------------------------------------------------------------

JOB: Final = {
    "source": "aws.backup",
    "detail-type": "Backup Job State Change",
    "account": "111122223333",
    "region": REGION,
    "resources": ["arn:aws:backup:eu-west-1:111122223333:backup-vault:vault"],
    "detail": {
        "backupJobId": "4aba2e05-7e29-4e08-a3b0-1b5a2b8c0d1e",
        "backupVaultName": "vault",
        "resourceArn": "arn:aws:ssm-sap:eu-west-1:111122223333:HANA/prod/DB/HDB",
        "resourceType": "SAP HANA on Amazon EC2",
        "state": "FAILED",
        "statusMessage": "Backup failed",
    },
}
"""An event as AWS Backup sends it (AWS Backup Developer Guide, "Monitoring AWS Backup events using EventBridge")."""


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether an event matches a pattern of EventBridge that consists of texts and prefixes (EventBridge
    User Guide).
    """
    for key, wanted in pattern.items():
        given = event.get(key)
        if isinstance(wanted, dict):
            if not (isinstance(given, dict) and matches(wanted, given)):
                return False
        elif not any(
            given == each if isinstance(each, str) else str(given).startswith(each["prefix"]) for each in wanted
        ):
            return False
    return True


@pytest.mark.parametrize(
    ("changed", "starts"),
    [
        ({}, True),
        ({"state": "EXPIRED"}, True),
        ({"state": "COMPLETED"}, False),
        ({"state": "ABORTED"}, False),
        ({"resourceType": "EC2", "resourceArn": "arn:aws:ec2:eu-west-1:111122223333:instance/i-0a1b2c3d"}, False),
        ({"resourceArn": "arn:aws:ssm-sap:eu-west-1:111122223333:HANA/other/DB/HDB"}, False),
    ],
)
def test_a_failed_job_starts_the_runbook(built: Path, changed: dict[str, str], starts: bool) -> None:
    prefix = "arn:aws:ssm-sap:eu-west-1:111122223333:HANA/prod/"
    rule = Stack(template(built / TEMPLATE), JobsInstance="i-0a1b2c3d", JobsResource=prefix).properties("JobsRule")
    assert rule is not None
    event = {**JOB, "detail": {**JOB["detail"], **changed}}  # type: ignore[dict-item]
    assert matches(rule["EventPattern"], event) is starts


def test_the_rule_starts_what_the_runbook_takes(built: Path, document: dict[str, Any]) -> None:
    stack = Stack(template(built / TEMPLATE), JobsInstance="i-0a1b2c3d4e5f67890", JobsWorkload="hana:backup")
    rule, role = stack.properties("JobsRule"), stack.properties("JobsRole")
    assert rule is not None
    assert role is not None
    (target,) = rule["Targets"]
    given = json.loads(target["Input"])
    assert given.pop("AutomationAssumeRole") == ["Role.Arn"]
    for name, (value,) in given.items():
        assert allows(document["parameters"][name], value), name
    required = {name for name, parameter in document["parameters"].items() if "default" not in parameter}
    assert required <= {*given, "AutomationAssumeRole"}
    assert target["Arn"] == "arn:aws:ssm:eu-west-1:111122223333:automation-definition/Document:$DEFAULT"
    start, passing = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert start["Action"] == ["ssm:StartAutomationExecution"]
    assert target["Arn"].startswith(start["Resource"].removesuffix("*"))
    assert (passing["Action"], passing["Resource"]) == (["iam:PassRole"], "Role.Arn")


def test_without_an_instance_there_is_no_rule(built: Path) -> None:
    stack = Stack(template(built / TEMPLATE))
    assert [stack.properties(name) for name in ("JobsRule", "JobsRole")] == [None, None]


# --- The guide -------------------------------------------------------------------------------------------------------


def test_the_guide_s_commands_are_of_the_aws_cli_and_of_backuplink() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    commands = [
        shlex.split(line, comments=True) for block in blocks for line in block.replace("\\\n", " ").splitlines() if line
    ]
    assert len(commands) > 5
    for words in commands:
        if words[0] == "backuplink":
            name, command, given = cli.main.resolve_command(manual.context_of(cli.main), words[1:])
            assert command is not None
            command.make_context(name, given, parent=manual.context_of(cli.main))
        else:
            assert complaint(words) is None, words


def test_the_guide_names_every_parameter_output_and_ending(built: Path, document: dict[str, Any]) -> None:
    guide = GUIDE.read_text("utf-8")
    outputs = [output.removeprefix("tell.") for output in document["outputs"]]
    parameters = [*document["parameters"], *template(built / TEMPLATE)["Parameters"]]
    assert [name for name in (*parameters, *outputs, *ENDINGS) if f"`{name}`" not in guide] == []
