"""A stand-in for Automation of Systems Manager, as far as backuplink's runbook uses it. It runs the steps of a document
one after the other.

Sources: AWS Systems Manager User Guide, "Systems Manager Automation actions reference" and "Using action outputs as
inputs". Calls that moto supports go to moto. Other calls go to `SystemsManager` below, whose answers follow the SDK's
model.
"""

import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from jsonpath_ng.parser import parse as selector_of

_REFERENCE: Final = re.compile(r"\{\{ ?([A-Za-z0-9_:.]+) ?\}\}")
MAX_VARIABLE: Final = 512
"""The maximum number of characters in a variable (aws:updateVariable)."""
MAX_PAYLOAD: Final = 100_000
"""The maximum number of bytes in the result of a script (aws:executeScript)."""
POLL: Final = 5
"""The seconds between two polls of a step that waits. The guide does not state this number."""
TYPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "String": lambda value: isinstance(value, str),
    "StringList": lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    "MapList": lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
}
COMPARISONS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "StringEquals": lambda given, wanted: given == wanted,
    "Contains": lambda given, wanted: wanted in given,
}


class StepFailedError(Exception):
    """A step failed; the message is its FailureMessage."""

    def __init__(self, why: str, status: str = "Failed") -> None:
        super().__init__(why)
        self.status = status


@dataclass
class Execution:
    """The state of an execution of a document."""

    id: str
    status: str = "InProgress"
    steps: list[dict[str, Any]] = field(default_factory=list)
    """StepName, StepStatus and FailureMessage of each step that ran, in the form of GetAutomationExecution."""
    outputs: dict[str, Any] = field(default_factory=dict)
    """The outputs, by `STEP.NAME`."""
    variables: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """The total seconds for which the execution waited or slept."""

    @property
    def names(self) -> list[str]:
        """The steps that ran, in order."""
        return [step["StepName"] for step in self.steps]

    @property
    def told(self) -> dict[str, str]:
        """The outputs of the last step."""
        last = self.names[-1]
        return {name.partition(".")[2]: value for name, value in self.outputs.items() if name.startswith(f"{last}.")}


class Automation:
    """Runs a document. It uses a session of the SDK, and so do the scripts in the document."""

    def __init__(self, document: Mapping[str, Any], session: boto3.session.Session, patch: pytest.MonkeyPatch) -> None:
        self._steps = {step["name"]: step for step in document["mainSteps"]}
        self._order = list(self._steps)
        self._variables = document["variables"]
        self._parameters = document["parameters"]
        self._outputs = document["outputs"]
        self._session = session
        self._clients: dict[str, Any] = {}
        patch.setattr(boto3, "DEFAULT_SESSION", session)
        self.execution = Execution(id=str(uuid.UUID(int=1)))
        self.ending: dict[str, str] = {}
        """Steps that do not run: each name has a status, such as TimedOut, with which the step ends."""

    def run(self, **given: str) -> Execution:
        """Run the document with these parameters. Other parameters have their defaults."""
        defaults = {name: each["default"] for name, each in self._parameters.items() if "default" in each}
        known = {**defaults, **given}
        assert set(known) == set(self._parameters), "Systems Manager starts nothing where a parameter has no value"
        execution = self.execution
        execution.variables = {name: variable["default"] for name, variable in self._variables.items()}
        self._known = {
            **known,
            "global:REGION": self._session.region_name,
            "automation:EXECUTION_ID": execution.id,
        }
        is_sound = True
        name: str | None = self._order[0]
        while name is not None:
            assert len(execution.steps) < 100, f"the document runs in a circle: {execution.names}"
            step = self._steps[name]
            ran = {"StepName": name, "StepStatus": "InProgress"}
            execution.steps.append(ran)
            try:
                if name in self.ending:
                    raise StepFailedError("Step did not end well.", self.ending[name])
                name = self._step(step)
                ran["StepStatus"] = "Success"
            except StepFailedError as error:
                ran |= {"StepStatus": error.status, "FailureMessage": str(error)}
                is_sound = is_sound and not step.get("isCritical", True)
                name = self._after_failure(step)
        execution.status = "Success" if is_sound else "Failed"
        return execution

    def result(self) -> dict[str, Any]:
        """The outputs of the document, as the console shows them."""
        return {name: self.execution.outputs[name] for name in self._outputs}

    def _after_failure(self, step: Mapping[str, Any]) -> str | None:
        kind, _, name = step.get("onFailure", "Abort").partition(":")
        assert kind in ("Abort", "step"), kind
        return name or None

    def _next(self, step: Mapping[str, Any]) -> str | None:
        if step.get("isEnd"):
            return None
        following = self._order.index(step["name"]) + 1
        return str(step.get("nextStep") or self._order[following])

    def _step(self, step: Mapping[str, Any]) -> str | None:
        """Run a step; returns the name of the next one."""
        inputs = step["inputs"]
        if step["action"] == "aws:executeScript":  # references are only allowed in the payload
            inputs = {**inputs, "InputPayload": self._resolved(inputs.get("InputPayload", {}))}
        elif step["action"] != "aws:branch":
            inputs = self._resolved(inputs)
        match step["action"]:
            case "aws:branch":
                return self._branch(inputs)
            case "aws:executeAwsApi":
                self._keep(step, self._call(inputs))
            case "aws:executeScript":
                self._keep(step, {"Payload": self._script(inputs)})
            case "aws:sleep":
                self.execution.seconds += _seconds(inputs["Duration"])
            case "aws:updateVariable":
                self._update(inputs["Name"], inputs["Value"])
            case "aws:waitForAwsResourceProperty":
                self._wait(step, inputs)
            case action:
                raise AssertionError(f"no action {action}")
        return self._next(step)

    def _resolved(self, value: Any) -> Any:
        """Replace the references in a value. If a text consists of a single reference, the result has the type of the
        value that it refers to.
        """
        if isinstance(value, dict):
            return {key: self._resolved(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._resolved(item) for item in value]
        if not isinstance(value, str):
            return value
        if (alone := _REFERENCE.fullmatch(value)) is not None:
            return self._named(alone[1])
        return _REFERENCE.sub(lambda match: str(self._named(match[1])), value)

    def _named(self, name: str) -> Any:
        if name.startswith("variable:"):
            return self.execution.variables[name.removeprefix("variable:")]
        return self._known[name] if name in self._known else self.execution.outputs[name]

    def _branch(self, inputs: Mapping[str, Any]) -> str:
        for choice in inputs["Choices"]:
            (comparison,) = set(choice) - {"NextStep", "Variable"}
            if COMPARISONS[comparison](self._resolved(choice["Variable"]), choice[comparison]):
                return str(choice["NextStep"])
        return str(inputs["Default"])

    def _call(self, inputs: Mapping[str, Any]) -> Any:
        given = {key: value for key, value in inputs.items() if key not in ("Service", "Api")}
        service = inputs["Service"]
        if service not in self._clients:
            self._clients[service] = self._session.client(service)
        try:
            return getattr(self._clients[service], xform_name(inputs["Api"]))(**given)
        except ClientError as error:
            raise StepFailedError(f"Step fails when it is Execute/Cancelling action. {error}") from error

    def _script(self, inputs: Mapping[str, Any]) -> Any:
        """The result of the script's handler, after a conversion to JSON and back."""
        names: dict[str, Any] = {"__name__": "customer_script"}
        exec(compile(inputs["Script"], "customer_script.py", "exec"), names)  # noqa: S102 - what is tested
        payload = json.loads(json.dumps(inputs["InputPayload"], default=str))
        try:
            back = json.dumps(names[inputs["Handler"]](payload, {}))
        except Exception as error:
            raise StepFailedError(f"{type(error).__name__} - {error}. Please refer to Automation Service Trouble"
                                  "shooting Guide for more diagnosis details.") from error  # fmt: skip
        assert len(back.encode()) <= MAX_PAYLOAD
        return json.loads(back)

    def _keep(self, step: Mapping[str, Any], answer: Any) -> None:
        for output in step.get("outputs", ()):
            value = _selected(output["Selector"], answer)
            assert TYPES[output["Type"]](value), (step["name"], output, value)
            self.execution.outputs[f"{step['name']}.{output['Name']}"] = value

    def _update(self, name: str, value: str) -> None:
        if not 1 <= len(value) <= MAX_VARIABLE:
            raise StepFailedError(f"the value of {name} has {len(value)} characters")
        self.execution.variables[name.removeprefix("variable:")] = value

    def _wait(self, step: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
        call = {key: value for key, value in inputs.items() if key not in ("PropertySelector", "DesiredValues")}
        waited = 0
        while _selected(inputs["PropertySelector"], self._call(call)) not in inputs["DesiredValues"]:
            waited += POLL
            self.execution.seconds += POLL
            if waited > step.get("timeoutSeconds", 3_600):
                raise StepFailedError("Step timed out while it was polling.", "TimedOut")


def _selected(selector: str, answer: Any) -> Any:
    found = selector_of(selector).find(answer)
    if not found:
        raise StepFailedError(f"the answer has nothing at {selector}")
    return found[0].value


def _seconds(duration: str) -> float:
    match = re.fullmatch(r"PT(?:(\d+)M)?(?:(\d+)S)?", duration)
    assert match is not None, duration
    return 60.0 * int(match[1] or 0) + int(match[2] or 0)


DENIED: Final = {"ssm": "AccessDeniedException", "ec2": "UnauthorizedOperation"}
"""The error with which each service refuses a call for which the role has no permission."""


class SystemsManager:
    """Answers the calls of Systems Manager that moto lacks: nodes, commands and executions."""

    def __init__(self, session: boto3.session.Session) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.denied: set[str] = set()
        """Operations of Systems Manager and EC2 that the role is not permitted to call."""
        self.failing: set[str] = set()
        """Operations that answer with a service error."""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.status = "Success"
        """The status of every command, however it ended on the instance."""
        self.on_send: Callable[[dict[str, Any]], Mapping[str, tuple[int, str, str]]] = lambda _: {}
        """A function that runs the command. It returns the exit code, the output and the errors of each step of the
        command's document.
        """
        self.execution: Execution | None = None
        self._steps: Mapping[str, tuple[int, str, str]] = {}
        self._sent: dict[str, Any] = {}
        self._session = session
        for service in DENIED:
            session.events.register(f"before-call.{service}", self._answer)

    def _answer(self, model: Any, params: Mapping[str, Any], **_: Any) -> Any:
        """The answer to a call, or None if moto answers it."""
        service, name = model.service_model.service_name, model.name
        given = json.loads(params["body"]) if service == "ssm" else dict(params["body"])
        self.calls.append((name, given))
        if name in self.denied:
            text = (
                f"User: arn:aws:sts::111122223333:assumed-role/runbook is not authorized to perform: {service}:{name}"
            )
            return self._refused(DENIED[service], text)
        if name in self.failing:
            return self._refused("InternalServerError", "An error occurred on the server side.")
        handler = getattr(self, f"_{xform_name(name)}", None) if service == "ssm" else None
        if handler is None:
            return None
        answer = handler(**given)
        report = ParamValidator().validate(answer, model.output_shape)
        assert not report.has_errors(), report.generate_report()
        return SimpleNamespace(status_code=200), answer

    def _refused(self, code: str, text: str) -> Any:
        error = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": 400}}
        return SimpleNamespace(status_code=400), error

    def _describe_instance_information(self, Filters: Sequence[Any]) -> dict[str, Any]:  # noqa: N803
        (only,) = Filters
        assert only["Key"] == "InstanceIds"
        return {"InstanceInformationList": [node for node in self.nodes if node["InstanceId"] in only["Values"]]}

    def _send_command(self, **given: Any) -> dict[str, Any]:
        self._sent = given
        self._steps = self.on_send(given)
        if self.status == "Success" and any(code for code, _, _ in self._steps.values()):
            self.status = "Failed"
        return {"Command": {"CommandId": str(uuid.UUID(int=2)), "Status": "Pending"}}

    def _list_commands(self, CommandId: str) -> dict[str, Any]:  # noqa: N803
        return {"Commands": [{"CommandId": CommandId, "Status": self.status, "StatusDetails": self.status}]}

    def _get_command_invocation(self, CommandId: str, InstanceId: str, PluginName: str) -> dict[str, Any]:  # noqa: N803
        assert [InstanceId] == self._sent["InstanceIds"]
        code, output, errors = self._steps[PluginName]
        bucket = self._sent.get("OutputS3BucketName")
        place = (
            f"{bucket}/{self._sent.get('OutputS3KeyPrefix')}/{CommandId}/{InstanceId}/awsrunShellScript/{PluginName}"
        )
        return {
            "CommandId": CommandId,
            "InstanceId": InstanceId,
            "PluginName": PluginName,
            "ResponseCode": code,
            "Status": "Failed" if code else "Success",
            "StandardOutputContent": output[:24_000],
            "StandardErrorContent": errors[:8_000],
            "StandardOutputUrl": f"https://s3.{self._session.region_name}.amazonaws.com/{place}/stdout"
            if bucket
            else "",
        }

    def _get_automation_execution(self, AutomationExecutionId: str) -> dict[str, Any]:  # noqa: N803
        assert self.execution is not None
        assert self.execution.id == AutomationExecutionId
        return {"AutomationExecution": {"AutomationExecutionId": AutomationExecutionId,
                                        "StepExecutions": self.execution.steps}}  # fmt: skip
