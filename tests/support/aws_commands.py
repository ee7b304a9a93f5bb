"""Checks commands of the AWS CLI against the service models of the installed botocore.

The CLI derives its names from the models (`botocore.xform_name`). The tables below list what the CLI adds by hand, as
far as our pages use it. Sources: AWS CLI User Guide, "Command structure in the AWS CLI"; AWS CLI Command Reference.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import botocore.session
from botocore import xform_name
from botocore.exceptions import UnknownServiceError

GLOBAL_OPTIONS: Final = frozenset(
    "region profile output query endpoint-url ca-bundle no-sign-request no-paginate max-items page-size debug "
    "cli-connect-timeout cli-read-timeout no-cli-pager cli-input-json generate-cli-skeleton".split()
)
ANY_CALL: Final = ("<CLI_SERVICE>", "<CLI_OPERATION>")
"""The placeholders for a service and its operation on a page about a finding. They stand for the service with the
finding.
"""
_ADDED: Final = {
    ("ec2", "authorize-security-group-ingress"): {"protocol", "port", "cidr", "source-group", "group-owner"},
    ("ec2", "authorize-security-group-egress"): {"protocol", "port", "cidr", "source-group", "group-owner"},
}
"""Options that the CLI derives from several members of the model."""
_RENAMED: Final = {("ec2", "no-egress"): "ingress"}
"""Options that the CLI renames in all commands of a service (awscli/customizations/argrename.py)."""
_BY_HAND: Final = frozenset(
    {
        ("cloudformation", "deploy"),
        ("configure", "get"),
        ("configure", "list"),
        ("configure", "set"),
        ("s3", "cp"),
        ("sso", "login"),
    }
)
"""Commands of the CLI that the service models do not contain."""


@cache
def _model(service: str) -> Any:
    return botocore.session.Session().get_service_model(service)


def complaint(words: Sequence[str]) -> str | None:
    """Return why the CLI would refuse `aws SERVICE OPERATION …`, or None if it would accept the command."""
    if len(words) < 3 or words[0] != "aws":
        return f"no command of the AWS CLI: {' '.join(words)}"
    service, operation = words[1:3]
    given = [word.removeprefix("--").split("=")[0] for word in words[3:] if word.startswith("--")]
    if (service, operation) == ANY_CALL:
        unknown = [option for option in given if option not in GLOBAL_OPTIONS]
        return f"not every call has the option --{unknown[0]}" if unknown else None
    if (service, operation) in _BY_HAND:
        return None
    try:
        model = _model(service)
    except UnknownServiceError:
        return f"no service {service}"
    names = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in names:
        return f"{service} has no operation {operation}"
    shape = model.operation_model(names[operation]).input_shape
    members = {} if shape is None else shape.members
    options = {xform_name(name, "-"): member for name, member in members.items()}
    # For a boolean, there are two options: one for true, and one for false.
    negations = {
        _RENAMED.get((service, f"no-{name}"), f"no-{name}"): name
        for name, member in options.items()
        if member.type_name == "boolean"
    }
    known = {*options, *negations, *GLOBAL_OPTIONS, *_ADDED.get((service, operation), ())}
    for option in given:
        if option not in known:
            return f"{service} {operation} has no option --{option}"
    if "cli-input-json" in given:  # the JSON has the required parameters
        return None
    # If a call takes an idempotency token, the CLI generates one, so users need not give it.
    required = {
        xform_name(name, "-")
        for name in (shape.required_members if shape is not None else ())
        if not members[name].metadata.get("idempotencyToken")
    }
    if missing := required.difference(given, (negations[option] for option in given if option in negations)):
        return f"{service} {operation} needs {', '.join(f'--{name}' for name in sorted(missing))}"
    return None
