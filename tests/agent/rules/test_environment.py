"""ENV rules: the Region and the metadata service."""

import pytest

from agent.codes import Severity
from agent.diagnose import diagnose
from agent.rules.environment import RULES
from probes.facts import ImdsFacts
from probes.model import Observation
from tests.agent.build import (
    RESOLVER,
    VPC_RESOLVER,
    Looks,
    answer,
    evidence,
    host,
    imds,
    lookup,
    proxy,
    rule_of,
    run,
    said,
    sdk,
)

ENV001, ENV002 = (rule_of(RULES, code) for code in ("ENV001", "ENV002"))
NOWHERE = run(region=None)


# --- ENV001 region-unknown ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("looks", "detail", "shown"),
    [
        pytest.param(
            [host(), sdk(region=None), imds(failed="timeout")],
            "No Region from --region, AWS_REGION, AWS_DEFAULT_REGION, the SDK's profile or instance metadata: there is "
            "no endpoint name to look for.",
            ("host", "host/sdk-settings", "imds"),
            id="nothing names one",
        ),
        pytest.param(
            [host(), sdk(region=None), imds(skipped="AWS_EC2_METADATA_DISABLED is set")],
            "there is no endpoint name to look for.",
            ("host", "host/sdk-settings", "imds"),
            id="metadata is switched off",
        ),
        pytest.param(
            [host(), sdk(failed="bug"), imds(failed="deadline")],
            "there is no endpoint name to look for. Not read to its end: host/sdk-settings and imds.",
            ("host", "host/sdk-settings", "imds"),
            id="what could have named one was not read",
        ),
        pytest.param([], "there is no endpoint name to look for.", (), id="nothing was looked at"),
    ],
)
def test_env001_fires(looks: Looks, detail: str, shown: tuple[str, ...]) -> None:
    [found] = said(ENV001, evidence(looks, targets=[], of=NOWHERE))
    assert found.target is None
    assert found.detail.endswith(detail)
    assert found.evidence == shown


def test_env001_stays_silent() -> None:
    assert said(ENV001, evidence([host(), sdk(), imds(failed="timeout")])) == []


def test_env001_needs_nothing() -> None:
    seen = evidence([], targets=[], of=NOWHERE)
    assert diagnose(seen, [ENV001]).not_evaluated == ()


def test_env001_shows_no_look_at_a_target() -> None:
    [found] = said(ENV001, evidence([host(), proxy(), lookup("10.0.1.17")], of=NOWHERE))
    assert found.evidence == ("host",)


# --- ENV002 metadata-unreachable ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["timeout", "refused", "reset", "closed", "unreachable", "prohibited", "malformed", "too-large"]
)
def test_env002_fires(kind: str) -> None:
    [found] = said(ENV002, evidence([host(), imds(failed=kind)]))
    assert found.target is None
    assert found.severity is Severity.INFO
    assert found.evidence == ("imds",)
    assert found.detail == (
        f"The instance metadata service did not answer as it should: it said {kind}. Nothing that this run needs is "
        "missing for it."
    )


def test_env002_is_a_warning_where_the_region_is_missing_for_it() -> None:
    [found] = said(ENV002, evidence([host(), imds(failed="timeout")], targets=[], of=NOWHERE))
    assert found.severity is Severity.WARNING
    assert "Region" in found.detail
    assert "Nothing that this run needs" not in found.detail


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param([host(ec2=None), imds(failed="timeout"), answer("10.0.1.17", by=VPC_RESOLVER)], id="IPv4"),
        pytest.param(
            [
                host("10.0.3.5/24", "fd00::5/64", ec2=False),
                imds(failed="timeout"),
                answer("10.0.1.17", by="fd00:ec2::253"),
            ],
            id="IPv6",
        ),
    ],
)
def test_env002_knows_aws_by_the_vpcs_resolver(looks: Looks) -> None:
    assert len(said(ENV002, evidence(looks))) == 1


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param([host(), imds()], id="it answers"),
        pytest.param([host(ec2=False), imds(failed="timeout")], id="nothing says that this is AWS"),
        pytest.param([host(ec2=None), imds(failed="refused")], id="the firmware says nothing"),
        pytest.param(
            [host(ec2=False), imds(failed="timeout"), answer("10.0.1.17", by=RESOLVER)], id="another resolver"
        ),
        pytest.param(
            [host(ec2=False), imds(failed="timeout"), answer(failed="timeout", by=VPC_RESOLVER)],
            id="the VPC's resolver is silent, too",
        ),
        pytest.param([host(), imds(failed="not-permitted")], id="it forbids"),
        pytest.param([host(), imds(failed="deadline")], id="cut short"),
        pytest.param([host(), imds(failed="bug")], id="crashed"),
        pytest.param([host(), imds(skipped="AWS_EC2_METADATA_DISABLED is set")], id="switched off"),
        pytest.param([host()], id="never asked"),
    ],
)
def test_env002_stays_silent(looks: Looks) -> None:
    assert said(ENV002, evidence(looks)) == []


@pytest.mark.parametrize(
    ("looks", "reasons"),
    [
        pytest.param([], ["no imds step was made"], id="never asked"),
        pytest.param(
            [imds(skipped="AWS_EC2_METADATA_DISABLED is set")], ["AWS_EC2_METADATA_DISABLED is set"], id="off"
        ),
        pytest.param([imds(failed="deadline")], ["it said deadline"], id="cut short"),
        pytest.param([imds(failed="timeout")], [], id="asked"),
        pytest.param([imds()], [], id="answered"),
    ],
)
def test_env002_needs_metadata(looks: list[Observation[ImdsFacts]], reasons: list[str]) -> None:
    missing = [each for each in diagnose(evidence(looks), RULES).not_evaluated if each.code == "ENV002"]
    assert [each.reason for each in missing] == reasons
    assert {each.target for each in missing} <= {None}
