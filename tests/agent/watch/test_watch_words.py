"""A change as a sentence, as a document and in a template, whatever its content is."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click
import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.app.errors import RequestError
from agent.catalog.findings import CODES, Severity
from agent.catalog.services import SERVICES
from agent.catalog.wording import lasted
from agent.cli import main as cli
from agent.cli.config_file import MAX_CONFIG_BYTES
from agent.process.output import MAX_LINE
from agent.report.model import Finding, Report, Status
from agent.report.redact import redact
from agent.report.serialization import type_schema
from agent.watch.change_text import NAMES, NOTICE, document, dumps, filled, flaw_of, line_of, schema
from agent.watch.changes import Kind, StateChange, Tracker
from tests.agent.watch.cycles import cycle, fault
from tests.support.runs import report_of

HOSTILE: Final = 'a"},{"b\\\n<2>forged\r\x1b[2J\u202e\u2028${id} $id %s\x00'
CREDIBLE: Final = "backup@vpce-0a1b2c3d4e5f67890-abcdefgh.backup.eu-west-1.vpce.amazonaws.com"


def _changes(*reports: Report, after: int = 1) -> list[StateChange]:
    tracker = Tracker(raise_after=after, clear_after=after)
    return [change for report in reports for change in tracker.fold(report)]


def _of(finding: Finding, **how: Any) -> StateChange:
    """The change that reports a finding with these values."""
    raised = replace(finding, explained_by=None)
    (change,) = (change for change in _changes(cycle(1, raised)) if change.finding is not None)
    return replace(change, finding=finding, **how)


def _line(change: StateChange, *, masked: bool = False) -> str:
    return line_of(change, redact=masked).text


# --- Lines -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "priority", "expected"),
    [
        pytest.param(
            _of(fault()),
            2,
            "2026-03-01T12:00:02Z raised TCP001@backup (critical): {title}; present for 2 s",
            id="raised",
        ),
        pytest.param(
            _of(fault(severity=Severity.WARNING), kind=Kind.WORSE, seconds=7_500.0),
            4,
            "2026-03-01T12:00:02Z worse TCP001@backup (warning): {title}; present for 2 h 5 min",
            id="worse",
        ),
        pytest.param(
            _of(fault(), kind=Kind.CLEARED, stands=False, seconds=180.0),
            5,
            "2026-03-01T12:00:02Z cleared TCP001@backup (critical): {title}; it lasted for 3 min",
            id="cleared",
        ),
        pytest.param(
            _of(fault(severity=Severity.WARNING), kind=Kind.BETTER),
            5,
            "2026-03-01T12:00:02Z better TCP001@backup (warning): {title}; present for 2 s",
            id="better",
        ),
        pytest.param(
            _of(fault(explained_by="VPC006@backup"), kind=Kind.EXPLAINED),
            5,
            "2026-03-01T12:00:02Z explained TCP001@backup (critical): {title}; it follows from VPC006@backup",
            id="explained",
        ),
        pytest.param(
            _of(fault(), kind=Kind.FLAPPING),
            2,
            "2026-03-01T12:00:02Z flapping TCP001@backup (critical): {title}; it comes and goes; no further line "
            "until it settles",
            id="flapping",
        ),
        pytest.param(
            _of(fault(), kind=Kind.SETTLED),
            2,
            "2026-03-01T12:00:02Z settled TCP001@backup (critical): {title}; it is raised",
            id="settled as a fault, which is as urgent as the fault",
        ),
        pytest.param(
            _of(fault(), kind=Kind.SETTLED, stands=False),
            5,
            "2026-03-01T12:00:02Z settled TCP001@backup (critical): {title}; it is not raised",
            id="settled as nothing",
        ),
    ],
)
def test_a_change_of_a_finding_on_a_line(change: StateChange, priority: int, expected: str) -> None:
    line = line_of(change, redact=False)
    assert line.text == expected.replace("{title}", "443 is silent")
    assert line.shown(journal=True) == f"<{priority}>{line.text}\n"
    assert line.shown(journal=False) == f"{line.text}\n"


@pytest.mark.parametrize(
    ("how", "priority", "expected"),
    [
        ({"status": Status.OK}, 5, "verdict ok: well"),
        (
            {"status": Status.OK, "before": Status.CRITICAL, "seconds": 90.0},
            5,
            "verdict ok, was critical for 90 s: well",
        ),
        ({"status": Status.WARNING}, 4, "verdict warning: well"),
        ({"status": Status.UNKNOWN}, 3, "verdict unknown: well"),
        ({"status": Status.CRITICAL}, 2, "verdict critical: well"),
        (
            {"status": Status.CRITICAL, "kind": Kind.FLAPPING},
            2,
            "flapping verdict critical: well; it keeps changing; no further line until it settles",
        ),
        ({"status": Status.OK, "kind": Kind.SETTLED}, 5, "settled verdict ok: well"),
    ],
)
def test_a_change_of_the_verdict_on_a_line(how: dict[str, Any], priority: int, expected: str) -> None:
    (change,) = _changes(cycle(1, summary="well"))
    line = line_of(replace(change, **how), redact=False)
    assert line.text == f"2026-03-01T12:00:02Z {expected}"
    assert line.priority == priority


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.VERDICT])
def test_it_is_one_line_whatever_a_peer_said(kind: Kind, masked: bool) -> None:
    change = _of(
        fault(target=HOSTILE, title=HOSTILE + "\ud800", explained_by=HOSTILE), kind=kind, summary=HOSTILE + "\ud800"
    )
    shown = line_of(change, redact=masked).shown(journal=True)
    assert re.fullmatch(r"<[25]>[ -~]+\n", shown)


@settings(deadline=None)
@given(st.text())
def test_a_summary_is_on_one_line_of_a_bounded_length(summary: str) -> None:
    (change,) = _changes(cycle(1, summary=summary * 50))
    shown = line_of(change, redact=False).shown(journal=True)
    assert re.fullmatch(r"<2>[ -~]+\n", shown)
    assert len(shown) <= MAX_LINE + 10


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, "0 s"),
        (119.4, "119 s"),
        (119.6, "2 min"),
        (7_199.0, "119 min"),
        (7_200.0, "2 h 0 min"),
        (172_799.0, "47 h 59 min"),
        (172_800.0, "2 d 0 h"),
        (31_536_000.0, "365 d 0 h"),
    ],
)
def test_how_long_it_lasted(seconds: float, expected: str) -> None:
    assert lasted(seconds) == expected


# --- The document ----------------------------------------------------------------------------------------------------


def _schema() -> dict[str, Any]:
    """The promises of `backuplink.change.v1` as a schema that is as strict as possible."""
    definitions: dict[str, Any] = {}
    finding = type_schema(Finding, definitions)
    text, instant, number = {"type": "string"}, {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT[\d:.]+Z$"}, "number"
    keys = {
        "schema": {"const": "backuplink.change.v1"},
        "id": {"type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$"},
        "kind": {
            "enum": [
                *("raised", "cleared", "explained", "worse", "better", "flapping", "settled", "verdict"),
                *("required", "not-required"),
            ]
        },
        "at": instant,
        "since": instant,
        "seconds": {"type": number, "minimum": 0},
        "cycles": {"type": "integer", "minimum": 1},
        "stands": {"type": "boolean"},
        "status": {"enum": ["ok", "warning", "critical", "unknown"]},
        "before": {"enum": ["ok", "warning", "critical", "unknown", None]},
        "finding": {"anyOf": [finding, {"type": "null"}]},
        "code": {"enum": [*CODES, None]},
        "severity": {"enum": ["critical", "warning", "info", None]},
        "services": {"type": "array", "items": {"enum": [*SERVICES]}},
        "required_by": {"type": "array", "items": {"pattern": "^(caller|hana|ssm|--[a-z]+( [a-z]+)?)$"}},
        "about": text,
        "text": {"type": "string", "pattern": "^[ -~]+$"},
        "run_id": text,
        **{key: {"type": ["string", "null"]} for key in ("instance_id", "region", "vpc_id")},
    }
    return {
        "type": "object",
        "properties": keys,
        "required": list(keys),
        "additionalProperties": False,
        "$defs": definitions,
    }


VALIDATOR: Final = jsonschema_rs.Draft202012Validator(_schema())
PUBLISHED: Final = jsonschema_rs.Draft202012Validator(schema(), validate_formats=True)


def _runs() -> list[Report]:
    names = (
        *("three-faults", "configuration-healthy", "endpoint-pending-and-public", "configuration-healthy"),
        *("hana-healthy", "healthy"),
    )
    return [report_of(name) for name in names] + [
        cycle(9, fault(title=HOSTILE + "\ud800", target=HOSTILE), summary=HOSTILE + "\ud800")
    ]


@pytest.mark.parametrize("masked", [False, True])
def test_a_document_has_the_form_that_it_promises(masked: bool) -> None:
    tracker = Tracker(raise_after=1, clear_after=1)
    kinds: set[Kind] = set()
    for report in _runs():
        for change in tracker.fold(report):
            content = document(change, redact(report) if masked else report, redact=masked)
            VALIDATOR.validate(json.loads(dumps(content)))
            PUBLISHED.validate(json.loads(dumps(content)))
            kinds.add(change.kind)
    changed = {Kind.REQUIRED, Kind.NOT_REQUIRED}
    assert kinds == {Kind.VERDICT, Kind.RAISED, Kind.CLEARED, Kind.FLAPPING, *changed}


@pytest.mark.parametrize(
    "spoilt",
    [{"kind": "new"}, {"severity": "high"}, {"at": "today"}, {"cycles": None}, {"more": 1}, {"report": []}],
)
def test_the_published_schema_refuses_what_no_watch_sends(spoilt: dict[str, Any]) -> None:
    content = json.loads(dumps(_document_of()))
    PUBLISHED.validate(content)
    assert not PUBLISHED.is_valid(content | spoilt)
    for key in content:
        assert not PUBLISHED.is_valid({name: value for name, value in content.items() if name != key}), key


def test_it_says_what_changed_and_which_run_proves_it() -> None:
    (change,) = (change for change in _changes(cycle(7, fault())) if change.finding)
    content = document(change, cycle(7, fault()), redact=False)
    assert {key: content[key] for key in ("kind", "code", "about", "severity", "run_id", "status", "stands")} == {
        "kind": "raised",
        "code": "TCP001",
        "about": "TCP001@backup",
        "severity": "critical",
        "run_id": "run-7",
        "status": "critical",
        "stands": True,
    }
    assert content["finding"]["evidence"] == ["tcp/backup/10.0.1.17/443"]
    assert content["text"] == _line(change)


def test_a_masked_document_tells_nothing_that_the_masked_report_does_not() -> None:
    report = report_of("three-faults")
    masked = redact(report)
    seen = report.vantage
    secrets = [*map(str, seen.source_addresses), *map(str, seen.resolvers), seen.instance_id, seen.vpc_id, "10.0."]
    for change in _changes(report):
        content = dumps(document(change, masked, redact=True))
        assert [secret for secret in secrets if secret is not None and secret in content] == []
        assert change.summary not in content


@pytest.mark.parametrize(
    ("target", "about"),
    [
        ("backup", "TCP001@backup"),
        (CREDIBLE, "TCP001@backup@***"),
        ("10.0.0.2", "TCP001@***"),
        ("db.internal@backup", "TCP001@***"),
        (None, "TCP001"),
    ],
)
def test_masks_in_what_it_is_about(target: str | None, about: str) -> None:
    change = _of(fault(target=target, explained_by=f"DNS001@{target}"), kind=Kind.EXPLAINED)
    assert document(change, cycle(1), redact=True)["about"] == about
    assert _line(change, masked=True).endswith(f"explained {about} (critical): {CODES['TCP001'].title}")


# --- Templates -------------------------------------------------------------------------------------------------------


def _document_of(**finding: Any) -> dict[str, Any]:
    change = _of(fault(**finding), summary=finding.get("title", "down"))
    return document(change, cycle(1), redact=False)


def test_a_template_may_name_whatever_is_no_object() -> None:
    assert set(NAMES) == {key for key, value in _document_of().items() if not isinstance(value, dict)}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ({"text": "$text"}, {"text": None}),
        (
            ["$code", {"a": "${severity}!", "b": 7, "c": None, "d": [True]}],
            ["TCP001", {"a": "critical!", "b": 7, "c": None, "d": [True]}],
        ),
        ({"$code": "as it is"}, {"$code": "as it is"}),
        ({"a": "$$5 for $cycles, $stands, $seconds"}, {"a": "$5 for 1, true, 2.0"}),
        ({"a": "<$before>"}, {"a": "<>"}),
        ({"a": "<$services>"}, {"a": "<>"}),
        ("$kind", "raised"),
        (7, 7),
    ],
)
def test_a_template_is_filled(template: Any, expected: Any) -> None:
    content = _document_of()
    if expected == {"text": None}:
        expected = {"text": content["text"]}
    assert flaw_of(template) is None
    assert filled(template, content) == expected


def test_a_list_is_filled_in_as_its_words() -> None:
    content = _document_of() | {"services": ["ssm", "ssmmessages"], "required_by": ["hana"]}
    assert filled("$services by $required_by", content) == "ssm, ssmmessages by hana"


def test_hostile_values_do_not_alter_the_form_of_a_template() -> None:
    content = _document_of(title=HOSTILE + "\ud800", target=HOSTILE)
    template = {"blocks": [{"text": "$about", "more": "x${about}y"}], "id": "$id"}
    sent = json.loads(dumps(filled(template, content)))
    assert sent == {"blocks": [{"text": f"TCP001@{HOSTILE}", "more": f"xTCP001@{HOSTILE}y"}], "id": content["id"]}
    assert re.fullmatch(r"[ -~]+", dumps(filled(template, content)))


@settings(deadline=None)
@given(st.text(), st.text())
def test_any_text_comes_through_a_template_as_it_is(target: str, name: str) -> None:
    template = {"text": "$about", name: "$text"}
    sent = json.loads(dumps(filled(template, _document_of(target=target))))
    assert list(sent) == list(template)
    assert name == "text" or sent["text"] == f"TCP001@{target}"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        pytest.param('{"text": "$summary"}', "$summary is unknown; known are $schema, $id, ", id="an unknown name"),
        pytest.param('[[{"text": "${finding}"}]]', "$finding is unknown; ", id="an object"),
        pytest.param('{"text": "costs $5"}', "a $ starts a name, such as $text; write $$", id="no name"),
        pytest.param('{"text": "${text"}', "a $ starts a name", id="not closed"),
        pytest.param('{"text": NaN}', "JSON has no NaN and no Infinity", id="no number of JSON"),
        pytest.param("[" * 65 + "]" * 65, "its lists and objects are nested too deep", id="too deep to be filled"),
        pytest.param("[" * 30_000, "is nested too deep", id="too deep to be read"),
        pytest.param("{'text': 1}", "is not JSON", id="no JSON"),
        pytest.param("", "is empty", id="nothing"),
        pytest.param(" " * (MAX_CONFIG_BYTES + 1), "the limit of a template", id="too large"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused_at_the_start(
    template: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "template.json"
    place.write_text(template)
    arguments = [
        "healthy",
        "--watch",
        "--cycles",
        "1",
        "--notify",
        "http://127.0.0.1:9/",
        "--notify-template",
        str(place),
    ]
    with pytest.raises(RequestError) as refused:
        cli.main.commands["demo"].main(arguments, obj=[], standalone_mode=False)
    assert str(refused.value).startswith(f"{place}: ")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_template_alone_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "template.json"
    place.write_text("{}")
    with pytest.raises(click.UsageError, match="requires --notify"):
        cli.main.commands["demo"].main(
            ["healthy", "--watch", "--notify-template", str(place)], obj=[], standalone_mode=False
        )


def test_a_change_of_good_news_has_the_priority_of_a_notice() -> None:
    for kind in (Kind.CLEARED, Kind.BETTER, Kind.EXPLAINED):
        assert line_of(_of(fault(), kind=kind), redact=False).priority == NOTICE
