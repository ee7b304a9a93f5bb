"""The picture of the path depends only on the content of the checks, and not on their order."""

import random

import pytest

from agent.judge.verdict import judge
from agent.report.path import STEPS, Check, Picture, Progress, checks_in, picture
from tests.support import scenarios
from tests.support.runs import measured, report_of


def picture_of(name: str) -> Picture:
    report = report_of(name)
    return picture(checks_in(report.observations), report.targets, report, is_judged=True)


def test_a_failed_hop_ends_the_lane_and_the_hops_after_it_are_skipped() -> None:
    backup = picture_of("one-zone-silent").bands[0]

    lanes = {str(lane.address): [cell.progress for cell in lane.cells if cell is not None] for lane in backup.lanes}
    assert lanes["10.0.1.17"] == [Progress.OK] * len(STEPS)
    assert lanes["10.0.2.17"] == [Progress.FAILED, Progress.SKIPPED, Progress.SKIPPED, Progress.SKIPPED]
    assert backup.text == "CRITICAL, path private"


def test_texts_are_ever_shorter() -> None:
    for band in picture_of("one-zone-silent").bands:
        for lane in band.lanes:
            for cell in filter(None, lane.cells):
                lengths = [len(text) for text in cell.texts]
                assert lengths == sorted(lengths, reverse=True)


@pytest.mark.parametrize("name", ["healthy", "gateway-ports-missing"])
def test_the_order_of_checks_does_not_matter(name: str) -> None:
    report = judge(measured(scenarios.load(name))[0])
    checks = list(checks_in(report.observations).items())
    random.Random(1).shuffle(checks)

    assert picture(dict(checks), report.targets, report, is_judged=True) == picture_of(name)


def test_planned_checks_wait_and_no_status_is_shown_before_the_run_is_judged() -> None:
    report = report_of("healthy")
    checks = {key: Check(check.subject) for key, check in checks_in(report.observations).items()}
    backup = picture(checks, report.targets, report, is_judged=False).bands[0]

    assert backup.status is None
    assert {lane.progress for lane in backup.lanes} == {Progress.WAITING}


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("healthy", ["this host", "10.0.0.2", "169.254.169.253"]),
        ("proxy-captures", ["this host", "10.0.0.2", "169.254.169.253", "proxy", "through the proxy"]),
    ],
)
def test_a_connection_through_a_proxy_is_shown_beside_the_lookups(name: str, labels: list[str]) -> None:
    backup = picture_of(name).bands[0]
    assert [cell.label for cell in backup.names] == labels
    assert {cell.progress for cell in backup.names} == {Progress.OK}
