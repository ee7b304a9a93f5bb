"""In a partition other than `aws`, no page and no fix shows a host name or an ARN of the commercial partition."""

import re
from functools import cache
from typing import Final

import pytest

from agent.catalog import runbooks
from agent.catalog.findings import CODES
from agent.catalog.headline import LIMIT
from agent.catalog.partitions import PARTITIONS, partition_of
from agent.catalog.services import SERVICES, service_name_of
from agent.judge.verdict import judge
from agent.simulated.aws import PRINCIPAL
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.runs import measured

REGIONS: Final = {
    "aws": "eu-west-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
}
OTHER_REGIONS: Final = {
    "aws-cn": "cn-northwest-1",
    "aws-us-gov": "us-gov-east-1",
    "aws-iso": "us-iso-west-1",
    "aws-iso-b": "us-isob-west-1",
}
MISTYPED: Final = {
    "aws-cn": "cn-moon-1",
    "aws-us-gov": "us-gov-moon-1",
    "aws-iso": "us-iso-moon-1",
    "aws-iso-b": "us-isob-moon-1",
}
"""In place of the Region `us-moon-1` of scenarios, which does not exist: for each partition, a Region that does not
exist either, but whose name shows its partition.
"""
HOST: Final = r"\bamazonaws\.com(?!\.cn\b)|\bapi\.aws(?!\.ic\.gov\b|\.scloud\b)"
COMMERCIAL: Final = re.compile(HOST)
"""Host names that only exist in the commercial partition."""
COMMERCIAL_OR_SERVICE: Final = re.compile(rf"{HOST}|(?<!\bcn\.)\bcom\.amazonaws\.")
"""Host names that only exist in the commercial partition, and PrivateLink names that do not exist in China. Isolated
partitions have PrivateLink names of the same form.
"""
OF_COMMERCIAL: Final = re.compile(r"\barn:aws:")
"""ARNs that only exist in the commercial partition."""
EVERYWHERE: Final = ("com.amazonaws.route53",)
"""Names of endpoint services that are the same in all Regions. The page says where the service is offered."""


def commercial(text: str, partition: str = "aws-cn") -> list[str]:
    """The words of a text that contain a name that does not exist in the partition."""
    # Some services have a name of the commercial form in China, too.
    named = {service_name_of(service, REGIONS[partition]) for service in SERVICES} if partition == "aws-cn" else set()
    words = [word for word in re.findall(r"[^\s\"'`,;()\[\]]+", text) if word.rpartition("=")[2] not in named]
    names = COMMERCIAL_OR_SERVICE if partition == "aws-cn" else COMMERCIAL
    return [word for word in words if names.search(word) and word.strip(".") not in EVERYWHERE]


def own_names(partition: str) -> bool:
    """Whether host names of the partition end as in the commercial partition."""
    return partition in ("aws", "aws-us-gov")


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_page_has_the_names_of_its_partition(code: str) -> None:
    for partition, region in REGIONS.items():
        page = runbooks.for_region(runbooks.page(code), region)
        body = page.partition("## References")[0]
        assert "<DNS_SUFFIX>" not in body, partition
        assert "<DUAL_STACK_SUFFIX>" not in body, partition
        assert own_names(partition) or commercial(body, partition) == [], partition


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_page_is_for_no_partition_until_a_region_is_known(code: str) -> None:
    assert commercial(runbooks.page(code).partition("## References")[0]) == []


def translated(name: str, partition: str) -> str:
    """The text of a scenario, moved to a Region of another partition: it has the same faults, with the names of that
    partition.
    """
    text = scenarios.text(name)
    there = partition_of(REGIONS[partition])
    prefix = (service_name_of("backup", REGIONS[partition]) or "").partition(f".{REGIONS[partition]}")[0]
    text = text.replace("com.amazonaws.eu-west-1", f"{prefix}.eu-west-1").replace("arn:aws:", f"arn:{partition}:")
    text = text.replace("amazonaws.com", there.dns_suffix).replace("api.aws", there.dual_stack_dns_suffix)
    text = text.replace("us-east-1", OTHER_REGIONS[partition]).replace("eu-west-1", REGIONS[partition])
    text = text.replace("us-moon-1", MISTYPED[partition])
    if re.search(r"^\[run\]\n(?:[^\[].*\n|\n)*region = ", text, re.MULTILINE):
        return text
    region = f'region = "{REGIONS[partition]}"\n'
    return text.replace("[run]\n", f"[run]\n{region}", 1) if "[run]\n" in text else f"{text}\n[run]\n{region}"


OTHERS: Final = tuple(name for name in REGIONS if name != "aws")


@cache
def first_with(code: str) -> str | None:
    """The first scenario that expects the finding, in a Region outside China."""
    for name in scenarios.names():
        text = scenarios.text(name)
        if f'"{code}' in text.partition("[expect]")[2].partition("silent")[0] and "cn-north" not in text:
            return name
    return None


@pytest.mark.parametrize(
    ("code", "partition"),
    [
        pytest.param(code, partition, id=f"{code}-{partition}")
        for number, code in enumerate(sorted(CODES))
        for partition in one_in(len(OTHERS), (*OTHERS[number % 4 :], *OTHERS[: number % 4]))
    ],
)
def test_a_report_has_the_names_of_its_partition(code: str, partition: str) -> None:
    name = first_with(code)
    if name is None:
        return
    report = judge(measured(scenarios.parse(name, translated(name, partition)))[0])
    shown = [report.verdict.summary]
    for finding in report.findings:
        assert len(finding.headline) <= LIMIT
        shown += [
            finding.headline,
            finding.detail,
            finding.fix.summary,
            *(word for part in finding.fix.commands for word in part.argv),
        ]
    assert own_names(partition) or [word for text in shown for word in commercial(text, partition)] == []
    # The name in a refusal comes from the peer, so it is ignored.
    assert [text for text in shown if OF_COMMERCIAL.search(text.replace(PRINCIPAL, ""))] == []


def test_the_partitions_are_those_that_hosts_are_built_in() -> None:
    assert {partition_of(region).id for region in REGIONS.values()} == set(REGIONS)
    assert set(REGIONS) <= {partition.id for partition in PARTITIONS}


@pytest.mark.parametrize(
    "text",
    [
        "backup.cn-north-1.amazonaws.com",
        "backup.eu-west-1.api.aws",
        "com.amazonaws.us-iso-east-1.backup.",
    ],
)
def test_the_check_of_names_can_fail(text: str) -> None:
    assert commercial(f"Call {text}") == [text]


@pytest.mark.parametrize(
    "text",
    [
        "backup.cn-north-1.amazonaws.com.cn",
        "cn.com.amazonaws.cn-north-1.backup",
        "backup.us-iso-east-1.api.aws.ic.gov",
        "backup.us-isob-east-1.api.aws.scloud",
    ],
)
def test_the_check_of_names_passes_those_of_others(text: str) -> None:
    assert commercial(f"Call {text}") == []
