"""Services that a watch begins or ceases to require. Each change is reported once, with a report that proves it. A
change is never reported only because the watch could not see something.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from agent.report.model import Report, Status, WorkloadReport
from agent.settings import Workload
from agent.simulated.clock import PatientLoop
from agent.watch import schedule
from agent.watch.change_text import document, line_of
from agent.watch.changes import Kind, StateChange, Tracker
from agent.watch.notices import Notice
from probes.facts import UnreadFile, WorkloadFacts
from probes.model import Observation, Ok, Role, Step, Subject
from probes.operations import SDK_SETTINGS, WORKLOADS
from tests.agent.watch.cycles import cycle, fault
from tests.formats.monitors import samples_in
from tests.support import build
from tests.support.runs import in_virtual_time
from tests.support.virtual import job, loaded, networks, watched

LINK: Final = "/usr/sap/HDB/SYS/global/hdb/opt/hdbbackint"
OF_HANA: Final = ("backup-storage", "ssm", "ssmmessages", "secretsmanager")


def search(*unread: str, failed: str | None = None, of: str = WORKLOADS) -> Observation[Any]:
    """The search of this host for workloads, or another step that runs on the host."""
    subject = Subject(step=Step.HOST, operation=of)
    facts = WorkloadFacts(unread=tuple(UnreadFile(path=path, error="EACCES") for path in unread))
    now = build.host()
    found: Observation[Any] = Observation(
        subject=subject, outcome=Ok(facts), started_at=now.started_at, seconds=now.seconds
    )
    return found if failed is None else build.spoiled(found, failed=failed)


def with_targets(
    report: Report, required: Mapping[str, tuple[str, ...]], optional: tuple[str, ...] = (), *, found: bool = False
) -> Report:
    """The report with these services. `required` has, for each required service, the reasons why it is required. With
    `found`, the report also has the link of a Backint agent.
    """
    (first,) = report.targets
    targets = [
        replace(first, id=name, service=name, role=Role.REQUIRED, required_by=required_by)
        for name, required_by in required.items()
    ]
    targets += [replace(first, id=name, service=name, role=Role.OPTIONAL, required=False) for name in optional]
    workload = WorkloadReport(name=Workload.HANA, by=LINK, required=True, version=None, mode=None, settings={})
    vantage = replace(report.vantage, workloads=(workload,) if found else ())
    return replace(report, targets=tuple(targets), vantage=vantage)


Required = dict[str, tuple[str, ...]]
CALLER: Final[Required] = {"backup": ("caller",)}
HANA: Final[Required] = {**CALLER, "backup-storage": ("hana",), "ssm": ("hana",)}


def _reports(cycles: str) -> Iterator[Report]:
    """One report for each letter.

    `h` has the Backint agent, `o` has it with optional services, and `.` does not have it. The other letters do not
    have it either. With `!`, the search failed. With `?`, the SDK's settings could not be read. With `x`, the agent's
    link could not be read, with `X` a folder above it, and with `y` another link. `n` has no Region.
    """
    for number, letter in enumerate(cycles, 1):
        steps = {
            "!": search(failed="timeout"),
            "?": search(failed="malformed", of=SDK_SETTINGS),
            "x": search(LINK),
            "X": search("/usr/sap"),
            "y": search("/usr/sap/HDB/SYS/global/hdb/opt/hdbback"),
        }
        report = cycle(number, status=Status.OK, backup=Status.OK, observations=(steps.get(letter, search()),))
        match letter:
            case "h":
                yield with_targets(report, HANA, found=True)
            case "o":
                yield with_targets(report, CALLER, ("backup-storage", "ssm"), found=True)
            case "n":
                yield replace(report, targets=())
            case _:
                yield with_targets(report, CALLER)


def _changes(cycles: str, raise_after: int = 2, clear_after: int = 2) -> list[StateChange]:
    tracker = Tracker(raise_after=raise_after, clear_after=clear_after)
    return [change for report in _reports(cycles) for change in tracker.fold(report) if change.services]


def _told(cycles: str, **how: int) -> list[str]:
    for change in _changes(cycles, **how):
        assert (change.services, change.required_by) == (("backup-storage", "ssm"), ("hana",))
    return [f"{change.cycles} {change.kind}" for change in _changes(cycles, **how)]


@pytest.mark.parametrize(
    ("cycles", "expected"),
    [
        pytest.param("....", [], id="the same all the time"),
        pytest.param("hhhh", [], id="what the first cycle requires is the start, and no change"),
        pytest.param(".hhh", ["3 required"], id="the agent is installed: said once"),
        pytest.param(".h.h", [], id="for one cycle"),
        pytest.param(".ooo", [], id="optional is not required"),
        pytest.param("ooohh", ["5 required"], id="from optional to required"),
        pytest.param("hhh...", ["5 not-required"], id="it is removed"),
        pytest.param("hhhoo", ["5 not-required"], id="from required to optional"),
        pytest.param("h.h.", [], id="not in a row"),
        pytest.param("h.!.", ["4 not-required"], id="a search that failed is not in the row"),
        pytest.param("h!!!!!", [], id="a search that failed shows nothing gone"),
        pytest.param("h?????", [], id="nor does one without the settings of the SDK"),
        pytest.param("hxxxxx", [], id="nor one that could not read the sign"),
        pytest.param("hXXXXX", [], id="or a folder above it"),
        pytest.param("hxxx..", ["6 not-required"], id="as soon as it can be read again"),
        pytest.param("hyy", ["3 not-required"], id="what else could not be read is not a sign"),
        pytest.param("hnnnn", [], id="without a Region nothing is required, and nothing is gone"),
        pytest.param("nnhhh", [], id="the first cycle with a Region is the start"),
        pytest.param("!!hhh", ["4 required"], id="a start that failed, and what it did not see"),
        pytest.param("xhh", ["3 required"], id="a start that could not read it"),
    ],
)
def test_what_is_said(cycles: str, expected: list[str]) -> None:
    assert _told(cycles) == expected


@pytest.mark.parametrize(
    ("raise_after", "clear_after", "expected"),
    [(1, 1, ["2 required", "6 not-required"]), (3, 1, ["4 required", "6 not-required"]), (1, 5, ["2 required"])],
)
def test_how_many_cycles_it_takes(raise_after: int, clear_after: int, expected: list[str]) -> None:
    assert _told(".hhhh....", raise_after=raise_after, clear_after=clear_after) == expected


def test_what_comes_and_goes_is_flapping_and_settles() -> None:
    assert _told("h." * 60 + "." * 40) == ["5 flapping", "139 settled"]
    assert _told("." + "h." * 60 + "." * 40) == ["5 flapping", "140 settled"]
    changes = _changes("h." * 10 + "h" * 20)
    assert [(change.kind, change.stands) for change in changes] == [(Kind.FLAPPING, True), (Kind.SETTLED, True)]


def test_since_when_it_is_and_was() -> None:
    started = [report.run.started_at for report in _reports(".hhhhh...")]
    came, went = _changes(".hhhhh...")
    assert (came.since, came.stands, came.run_id) == (started[1], True, "run-3")
    assert (went.since, went.stands, went.run_id) == (started[1], False, "run-8")
    assert went.seconds == (went.at - went.since).total_seconds() > came.seconds


def test_what_comes_back_is_required_since_then() -> None:
    started = [report.run.started_at for report in _reports("hhh..hh")]
    went, came = _changes("hhh..hh")
    assert (went.kind, went.since) == (Kind.NOT_REQUIRED, started[0])
    assert (came.kind, came.since) == (Kind.REQUIRED, started[5])


def test_one_change_for_all_that_come_in_a_cycle_and_one_for_all_that_go() -> None:
    tracker = Tracker(raise_after=1, clear_after=1)
    tracker.fold(with_targets(cycle(1), {**CALLER, "kms": ("--service",)}))
    now = {**HANA, "sts": ("caller",), "ssmmessages": ("hana", "ssm")}
    changes = [change for change in tracker.fold(with_targets(cycle(2), now)) if change.services]
    assert [(change.kind, change.services, change.required_by) for change in changes] == [
        (Kind.REQUIRED, ("backup-storage", "ssm", "sts", "ssmmessages"), ("hana", "caller", "ssm")),
        (Kind.NOT_REQUIRED, ("kms",), ("--service",)),
    ]
    assert len({change.id for change in changes}) == 2


def test_a_service_at_two_hosts_is_one_with_both_reasons() -> None:
    tracker = Tracker(raise_after=1, clear_after=1)
    tracker.fold(with_targets(cycle(1), CALLER))
    two = with_targets(cycle(2), {**CALLER, "ssm": ("--endpoint", "hana")})
    other = replace(two.targets[-1], id="ssm@other", required_by=("ssm", "hana"))
    (change,) = (one for one in tracker.fold(replace(two, targets=(*two.targets, other))) if one.services)
    assert (change.services, change.required_by) == (("ssm",), ("--endpoint", "hana", "ssm"))


def test_services_that_were_are_forgotten() -> None:
    tracker = Tracker(raise_after=1, clear_after=1)
    for report in _reports("h" + "." * 40):
        tracker.fold(report)
    assert set(tracker._services) == {"backup"}


# --- Findings about a service that is not required any more ----------------------------------------------------------


@pytest.mark.parametrize(("letter", "stays"), [(".", False), ("!", True), ("x", True), ("y", False)])
def test_a_fault_is_gone_with_its_target_only_where_that_was_seen(letter: str, stays: bool) -> None:
    tracker = Tracker(raise_after=1, clear_after=1)
    of_storage = fault(target="backup-storage", evidence=("tcp/backup-storage/10.0.1.17/443",))
    step = build.tcp("10.0.1.17", of="backup-storage", failed="timeout")
    first = with_targets(cycle(1, of_storage, observations=(search(), step)), HANA, found=True)
    tracker.fold(first)
    assert tracker.raised
    tracker.fold(list(_reports(f"h{letter}"))[1])
    assert bool(tracker.raised) is stays


def test_a_fault_of_a_target_that_is_there_is_checked_as_always() -> None:
    tracker = Tracker(raise_after=1, clear_after=1)
    tracker.fold(cycle(1, fault(), observations=(search(), build.tcp("10.0.1.17", failed="timeout"))))
    assert tracker.raised
    tracker.fold(cycle(2, observations=(search(failed="timeout"), build.tcp("10.0.1.17"))))
    assert not tracker.raised


# --- Changes in words ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("masked", [False, True])
def test_a_change_of_services_on_a_line(masked: bool) -> None:
    lines = [line_of(change, redact=masked) for change in _changes(".hhhhh..")]
    assert [line.text for line in lines] == [
        "2026-03-01T12:02:02Z required backup-storage, ssm (by hana): the faults of these services count from now on",
        "2026-03-01T12:07:02Z not-required backup-storage, ssm (by hana): after 6 min the faults of these services no "
        "longer count",
    ]
    lines += [line_of(change, redact=masked) for change in _changes("h." * 10 + "h" * 20)]
    assert [line.text.partition(" ")[2] for line in lines[2:]] == [
        "flapping backup-storage, ssm (by hana): whether these services are required keeps changing; no further line "
        "until it settles",
        "settled backup-storage, ssm (by hana): these services are required",
    ]
    gone = line_of(_changes("h." * 60 + "." * 40)[-1], redact=masked)
    assert gone.text.endswith("settled backup-storage, ssm (by hana): these services are not required")
    assert {line.priority for line in (*lines, gone)} == {5}
    beside_a_fault = [replace(change, status=Status.CRITICAL) for change in _changes(".hhhhh..")]
    assert {line_of(change, redact=masked).priority for change in beside_a_fault} == {5}


def test_a_document_names_the_services_and_their_reason() -> None:
    (change,) = _changes(".hh")
    content = document(change, cycle(3), redact=False)
    keys = ("kind", "about", "services", "required_by", "stands", "finding", "code", "severity", "before", "status")
    assert {key: content[key] for key in keys} == {
        "kind": "required",
        "about": "services",
        "services": ["backup-storage", "ssm"],
        "required_by": ["hana"],
        "stands": True,
        "status": "ok",
        **dict.fromkeys(("finding", "code", "severity", "before")),
    }


# --- A watch of a host on which an agent is installed and removed ----------------------------------------------------


def test_a_watch_tells_it_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    textfile, notices = tmp_path / "watch.prom", []

    async def send(notice: Notice) -> None:
        notices.append(notice.document)

    monkeypatch.setattr(schedule, "by_command", lambda *_, **__: send)
    names = ("healthy", "healthy", *("hana-healthy",) * 3, "healthy", "healthy")
    config = job(
        networks(loaded(*names)),
        format="ndjson",
        textfile=textfile,
        cycles=len(names),
        on_change=("told",),
    )
    done = in_virtual_time(lambda: watched(config), PatientLoop)
    documents = [json.loads(line) for line in "".join(done.documents).splitlines()]
    changes = [one for one in documents if one["type"] == "change" and one["about"] == "services"]
    assert [(one["cycles"], one["kind"], one["services"], one["required_by"]) for one in changes] == [
        (4, "required", [*OF_HANA], ["hana"]),
        (4, "not-required", ["backup"], ["caller"]),
        (7, "required", ["backup"], ["caller"]),
        (7, "not-required", [*OF_HANA], ["hana"]),
    ]
    assert sum("required backup-storage" in line for line in done.lines) == 2
    assert [one["id"] for one in notices if one["about"] == "services"] == [one["id"] for one in changes]
    samples = samples_in(textfile.read_text("utf-8"))
    for kind in ("required", "not-required"):
        assert samples["backuplink_watch_changes_total", frozenset({("kind", kind)})] == 2


@pytest.mark.parametrize("hidden", ["/usr/sap", "/usr/sap/HDB", "/usr/sap/aws-backint-agent"])
def test_what_was_found_stands_while_it_cannot_be_read(hidden: str) -> None:
    """Either the agent's link cannot be read, or the configuration that says where the data goes. The watch sees
    neither that the workload is there nor that it is gone.
    """
    (readable,) = loaded("hana-in-s3-mode-alone")
    unreadable = replace(readable, host=replace(readable.host, unreadable=(hidden,)))
    config = job(networks([readable, unreadable, unreadable]), format="ndjson", cycles=3)
    done = in_virtual_time(lambda: watched(config), PatientLoop)
    documents = [json.loads(line) for line in "".join(done.documents).splitlines()]
    reports = [one for one in documents if one["type"] == "report"]
    assert [one["verdict"]["status"] for one in reports] == ["ok"] * 3
    assert [[t["id"] for t in one["targets"] if t["required"]] for one in reports] == [
        ["s3@example-hana-backups.s3.eu-west-1.amazonaws.com"]
    ] * 3
    assert [one for one in documents if one["type"] == "change" and one["about"] == "services"] == []


def test_a_first_cycle_that_cannot_read_it_is_unknown() -> None:
    (readable,) = loaded("hana-in-s3-mode-alone")
    unreadable = replace(readable, host=replace(readable.host, unreadable=("/usr/sap/HDB",)))
    config = job(networks([unreadable, readable]), format="ndjson", cycles=2)
    done = in_virtual_time(lambda: watched(config), PatientLoop)
    documents = [json.loads(line) for line in "".join(done.documents).splitlines()]
    assert [one["verdict"]["status"] for one in documents if one["type"] == "report"] == ["unknown", "ok"]


@pytest.mark.parametrize("cycles", ["hh..hh", ".hh!!..", "hhxx..hh", "h.h.h.h.hhhh", "nn.hh", "ooh.h?.."])
def test_services_survive_a_restart_at_any_cycle(cycles: str) -> None:
    whole = Tracker(raise_after=2, clear_after=2)
    expected = [change for report in _reports(cycles) for change in whole.fold(report)]
    for at in range(len(cycles)):
        first, second = (Tracker(raise_after=2, clear_after=2) for _ in range(2))
        reports = list(_reports(cycles))
        before = [change for report in reports[:at] for change in first.fold(report)]
        assert second.restore(json.loads(json.dumps(first.saved(redact=False))))
        assert [*before, *(change for report in reports[at:] for change in second.fold(report))] == expected
        assert second.saved(redact=False) == whole.saved(redact=False)
        assert first.saved(redact=True)["services"] == {}
        assert first.saved(redact=True)["signs"] is None
