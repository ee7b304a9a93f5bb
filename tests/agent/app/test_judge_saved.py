"""A report that another program wrote, and a history, are masked before they are shown."""

from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import pytest

from agent.app.errors import RequestError
from agent.app.history import show_cycle
from agent.app.judge_saved import judge_saved
from agent.formats import json as json_format
from agent.report.model import Report
from agent.settings import ReportOptions
from probes.model import Failed
from tests.agent.history.entries import entry, writer
from tests.support.planted import KEY_ID, SECRETS, leaked
from tests.support.runs import report_of

FORMATS: Final = ("text", "json", "ndjson", "markdown", "html", "svg", "junit", "prometheus", "emf", "nagios", "host")
LINES: Final = (
    f"Authorization: Bearer {SECRETS['container authorization']}",
    f"aws_secret_access_key = {SECRETS['secret key']} for {KEY_ID}",
    f"at http://{SECRETS['proxy user']}:{SECRETS['proxy password']}@10.0.9.90:3128",
)


def options(wanted: str, *, redact: bool) -> ReportOptions:
    return ReportOptions(format=wanted, brief=False, output=None, redact=redact, suppressions=(), fail_on="never")


def planted() -> Report:
    """A report in which the message of each failed step contains secrets."""
    report = report_of("three-faults")
    lines = cycle(LINES)
    observations = tuple(
        replace(each, outcome=replace(each.outcome, failure=replace(each.outcome.failure, message=next(lines))))
        if isinstance(each.outcome, Failed)
        else each
        for each in report.observations
    )
    return replace(report, observations=observations)


@pytest.mark.parametrize("wanted", FORMATS)
def test_a_masked_report_has_no_secret_of_the_saved_one(
    wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "report.json"
    document = json_format.render(planted())
    assert len(leaked(document)) > len(LINES)  # otherwise the test would prove nothing
    place.write_text(document, "utf-8")
    judge_saved(str(place), options(wanted, redact=True), [])
    out = capsys.readouterr().out
    assert out
    assert leaked(out) == set()
    if wanted == "json":
        assert "***" in out


def test_nor_has_one_of_a_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = writer(tmp_path / "h.db")
    history.append(entry(planted()))
    history.close()
    show_cycle(str(history.path), 1, options("json", redact=True), [])
    out = capsys.readouterr().out
    assert "***" in out
    assert leaked(out) == set()


def test_a_secret_in_the_place_of_an_id_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No mask can replace a secret that is used as an id."""
    report: Any = planted()
    place = tmp_path / "report.json"
    place.write_text(json_format.render(report), "utf-8")
    monkeypatch.setenv("A_TOKEN", str(report.vantage.source_addresses[0]))
    with pytest.raises(RequestError, match="a secret in a place that cannot have one"):
        judge_saved(str(place), options("json", redact=True), [])
