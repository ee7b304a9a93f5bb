"""If a tool manages a resource, fixes of this resource say so, since the tool undoes changes by others."""

from dataclasses import replace
from typing import Any, Final

import pytest

from agent.app.publish import AUDIT, PREDICTION, rendered
from agent.audit.audit import audit
from agent.audit.request import AuditRequest
from agent.fixes.managed import ManagedResource, managers_in
from agent.network.names import KnownVpc
from agent.predict.prediction import Asked, Facts, predicted
from agent.report.redact import redact, redact_document
from agent.settings import EVERY_SOURCE
from probes.model import ProbeError
from probes.vpc import parse
from probes.vpc.model import Manager, Tag
from tests.agent.predict.test_prediction import TAKEN_AT
from tests.hostile.fuzz.plans import estate
from tests.support.runs import report_of

GROUP: Final = "sg-0e57a7e0000000001"
"""The group of AWS Backup's endpoint in the example."""
STACK: Final = "corp-network"
MANAGER: Final = Manager(tool="CloudFormation", stack=STACK)
SAID: Final = (
    f"{GROUP} is managed by CloudFormation (stack {STACK}): change it there, or CloudFormation undoes the change."
)


def tagged(**tags: str) -> dict[str, Any]:
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


@pytest.mark.parametrize(
    ("tags", "manager"),
    [
        ({}, None),
        ({"Name": "terraform"}, None),
        ({"Description": "managed by Terraform"}, None),
        ({"Terraform": "true"}, Manager(tool="Terraform")),
        ({"terraform": "1"}, Manager(tool="Terraform")),
        ({"Terraform": "false"}, None),
        ({"Terraform": ""}, None),
        ({"ManagedBy": "Terraform"}, Manager(tool="Terraform")),
        ({"managed_by": "terraform-aws-modules/vpc"}, Manager(tool="Terraform")),
        ({"managed-by": "Terragrunt"}, Manager(tool="Terraform")),
        ({"Managed By": "OpenTofu"}, Manager(tool="OpenTofu")),
        ({"IaC": "pulumi"}, Manager(tool="Pulumi")),
        ({"provisioner": "aws-cdk"}, Manager(tool="CloudFormation")),
        ({"ManagedBy": "the network team"}, None),
        ({"aws:cloudformation:stack-name": STACK}, MANAGER),
        ({"ManagedBy": "Terraform", "aws:cloudformation:stack-name": STACK}, MANAGER),
        ({"aws:cloudformation:stack-name": "two words"}, Manager(tool="CloudFormation")),
    ],
)
def test_tags_tell_what_manages_a_resource(tags: dict[str, str], manager: Manager | None) -> None:
    assert parse.manager(tagged(**tags)) == manager


@pytest.mark.parametrize("tags", [7, [7], [{"Key": 7, "Value": "x"}], [{"Key": "x", "Value": 7}]])
def test_tags_of_another_form_are_refused(tags: Any) -> None:
    with pytest.raises(ProbeError):
        parse.manager({"Tags": tags})


def test_the_fix_of_a_run_says_who_manages_what_it_changes() -> None:
    report = report_of("acl-denies-by-an-earlier-entry")
    (fix,) = (finding.fix for finding in report.findings if finding.code == "VPC006")
    assert fix is not None
    assert f"acl-0b1b2c3d4e5f67890 is managed by CloudFormation (stack {STACK})" in fix.summary
    (masked,) = (finding.fix for finding in redact(report).findings if finding.code == "VPC006")
    assert masked is not None
    assert STACK not in masked.summary
    assert "(stack stack-1)" in masked.summary


def test_the_fix_of_a_run_says_nothing_where_no_tag_does() -> None:
    for finding in report_of("network-acl-no-return").findings:
        assert "managed by" not in (finding.fix.summary if finding.fix is not None else "")


def shut(manager: Manager | None) -> KnownVpc:
    """The example, changed so that the group of AWS Backup's endpoint allows no traffic."""
    known = estate()
    groups = tuple(
        replace(group, rules=(), manager=manager) if group.group_id == GROUP else group
        for group in known.configuration.groups or ()
    )
    return replace(known, configuration=replace(known.configuration, groups=groups))


def prediction(manager: Manager | None, *assumptions: str) -> Any:
    facts = Facts(known=shut(manager), taken_at=TAKEN_AT, not_read=())
    return predicted(facts, Asked(sources=(EVERY_SOURCE,), services={"backup": True}, ports=()), assumptions)


def test_the_fix_of_a_prediction_says_who_manages_what_it_changes() -> None:
    document = prediction(MANAGER)
    summaries = [fault.fix.summary for fault in document.faults if fault.code == "VPC005"]
    assert summaries
    assert all(SAID in summary for summary in summaries)
    assert document.managed == (ManagedResource(resource_id=GROUP, manager=MANAGER),)
    assert STACK not in rendered(PREDICTION, redact_document(document), "json")
    assert STACK not in rendered(PREDICTION, redact_document(document), "text")


def test_a_change_that_is_typed_says_who_undoes_it() -> None:
    document = prediction(MANAGER, f"{GROUP}:+in:tcp:443:10.20.0.0/16")
    assert document.assumed == (
        f"{GROUP}: add inbound tcp 443 from 10.20.0.0/16 ({GROUP} is managed by CloudFormation (stack {STACK}), which "
        "undoes what others change)",
    )
    assert STACK not in rendered(PREDICTION, redact_document(document), "text")


def test_the_fix_of_an_audit_says_who_manages_what_it_changes() -> None:
    read = [Facts(known=shut(MANAGER), taken_at=TAKEN_AT, not_read=())]
    document = audit(read, AuditRequest(workloads=(), services=("backup",)))
    (vpc,) = document.vpcs
    summaries = [fault.fix.summary for fault in vpc.faults if fault.fix is not None and GROUP in fault.subjects]
    assert summaries
    assert all(SAID in summary for summary in summaries)
    assert STACK not in rendered(AUDIT, redact_document(document), "json")


def test_nothing_is_said_of_what_no_tag_tells() -> None:
    document = prediction(None, f"{GROUP}:+in:tcp:444:10.20.0.0/16")
    assert document.managed == ()
    assert "managed by" not in rendered(PREDICTION, document, "text")


def test_every_kind_of_resource_says_what_manages_it() -> None:
    configuration = estate().configuration
    tag = (Tag(key="ManagedBy", value="Terraform"),)
    tagged_all = replace(
        configuration,
        endpoints=tuple(replace(one, tags=tag) for one in configuration.endpoints or ()),
        gateway_endpoints=tuple(replace(one, tags=tag) for one in configuration.gateway_endpoints or ()),
        groups=tuple(replace(one, manager=MANAGER) for one in configuration.groups or ()),
        acls=tuple(replace(one, manager=MANAGER) for one in configuration.acls or ()),
        route_tables=tuple(replace(one, manager=MANAGER) for one in configuration.route_tables or ()),
    )
    managers = managers_in(tagged_all)
    kinds = {own_id.partition("-")[0]: manager for own_id, manager in managers.items()}
    by_terraform = Manager(tool="Terraform")
    assert kinds == {"vpce": by_terraform, "sg": MANAGER, "acl": MANAGER, "rtb": MANAGER}
    assert "vpce-0e57a7e0000000099" in managers
    assert managers_in(configuration) == {}
