"""Reads templates of CloudFormation, and resolves them with parameters."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml


class TemplateLoader(yaml.SafeLoader):
    """Loads YAML that contains the short forms of CloudFormation's functions, such as `!Ref`."""


def _function(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value = (
        loader.construct_sequence(node, deep=True)
        if isinstance(node, yaml.SequenceNode)
        else loader.construct_scalar(node)  # type: ignore[arg-type]
    )
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


TemplateLoader.add_multi_constructor("!", _function)


def template(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.load(path.read_text("utf-8"), Loader=TemplateLoader)  # noqa: S506 - a SafeLoader
    return content


NOTHING: Final = object()
"""A value that stands for the pseudo parameter AWS::NoValue."""
STACK_UUID: Final = "5f0c1d2e-8a4b-11f1-9c3d-0a1b2c3d4e5f"


class Stack:
    """The resources of a template, after its parameters and the partition are inserted. moto's own resolver supports
    neither other partitions than `aws` nor nested conditions. Sources: AWS CloudFormation User Guide, "Intrinsic
    function reference" and "Pseudo parameters reference".
    """

    def __init__(
        self, template: Mapping[str, Any], partition: str = "aws", region: str = "eu-west-1", **given: str
    ) -> None:
        self._conditions = template["Conditions"]
        self._resources = template["Resources"]
        self._values: dict[str, Any] = {
            "AWS::AccountId": "111122223333",
            "AWS::Partition": partition,
            "AWS::Region": region,
            "AWS::StackId": f"arn:{partition}:cloudformation:{region}:111122223333:stack/backuplink/{STACK_UUID}",
            "AWS::StackName": "backuplink",
            "AWS::NoValue": NOTHING,
        }
        for name, parameter in template["Parameters"].items():
            value = given[name] if name in given else parameter["Default"]
            is_list = parameter["Type"] == "CommaDelimitedList" or parameter["Type"].startswith("List<")
            self._values[name] = value.split(",") if is_list else value

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of each resource of a kind, by its name in the template."""
        named = {name: self.properties(name) for name, entry in self._resources.items() if entry["Type"] == kind}
        return {name: properties for name, properties in named.items() if properties is not None}

    def properties(self, resource: str) -> dict[str, Any] | None:
        """The properties of a resource, or None if its condition omits it."""
        entry = self._resources[resource]
        if "Condition" in entry and not self._holds(entry["Condition"]):
            return None
        given: dict[str, Any] = self._resolved(entry.get("Properties", {}))
        return given

    def _holds(self, name: str) -> bool:
        return bool(self._resolved(self._conditions[name]))

    def _resolved(self, value: Any) -> Any:
        match value:
            case list():
                return [item for item in map(self._resolved, value) if item is not NOTHING]
            case {"Ref": name}:
                return self._values.get(name, name)  # a resource is represented by its own name
            case {"Condition": str(name)}:
                return self._holds(name)
            case {"Fn::If": [condition, this, that]}:
                return self._resolved(this if self._holds(condition) else that)
            case {"Fn::Equals": [one, other]}:
                return self._resolved(one) == self._resolved(other)
            case {"Fn::Not": [condition]}:
                return not self._resolved(condition)
            case {"Fn::And": conditions}:
                return all(map(self._resolved, conditions))
            case {"Fn::Or": conditions}:
                return any(map(self._resolved, conditions))
            case {"Fn::Join": [between, parts]}:
                return between.join(self._resolved(parts))
            case {"Fn::Split": [between, text]}:
                return self._resolved(text).split(between)
            case {"Fn::GetAtt": attribute}:
                return attribute
            case {"Fn::Sub": [pattern, more]}:
                return self._filled(pattern, {name: self._resolved(value) for name, value in more.items()})
            case {"Fn::Sub": pattern}:
                return self._filled(pattern, {})
            case dict():
                resolved = {key: self._resolved(item) for key, item in value.items()}
                return {key: item for key, item in resolved.items() if item is not NOTHING}
        return value

    def _filled(self, pattern: str, more: Mapping[str, Any]) -> str:
        """The pattern with its variables replaced. The variable of a resource becomes the name of the resource, or the
        attribute that the variable names. `${!x}` becomes `${x}`.
        """
        known = {**self._values, **{name: name for name in self._resources}, **more}

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            return name if name.partition(".")[0] in self._resources else str(known[name])

        return re.sub(r"\$\{([^}]+)\}", value, pattern)
