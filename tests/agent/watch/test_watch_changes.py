"""The tracker reports what several cycles together show. It reports each change once, with a report that proves it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from functools import cache
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.catalog.findings import Severity
from agent.report.model import NO_TROUBLE, Status
from agent.settings import Calls
from agent.watch.changes import WINDOW, Kind, StateChange, Tracker, share_of_changes
from probes.model import ELSEWHERE, Observation, Step
from tests.agent.watch.cycles import FAILED_CONNECT, INTERVAL, LASTS, SKIPPED, WELL, cycle, fault, lettered
from tests.support import build, extent
from tests.support.runs import report_of


def _changes_of_finding(cycles: str, raise_after: int = 2, clear_after: int = 2) -> list[str]:
    """The changes reported about the finding, each with the number of its cycle."""
    tracker = Tracker(raise_after=raise_after, clear_after=clear_after)
    changes: list[str] = []
    for number, report in enumerate(lettered(cycles), 1):
        changes += [f"{number} {change.kind}" for change in tracker.fold(report) if change.finding is not None]
    return changes


@pytest.mark.parametrize(
    ("cycles", "expected"),
    [
        pytest.param("....", [], id="nothing is ever wrong"),
        pytest.param("C...", [], id="one cycle, and gone before it counts"),
        pytest.param(".C....", [], id="the same in the middle"),
        pytest.param("CC", ["2 raised"], id="as long as it must last"),
        pytest.param("CCCCCC", ["2 raised"], id="and it is said once"),
        pytest.param("C.CC", ["4 raised"], id="in a row, not in all"),
        pytest.param("CC.", ["2 raised"], id="gone for one cycle is not gone"),
        pytest.param("CC.C.", ["2 raised"], id="gone twice, not in a row"),
        pytest.param("CC....", ["2 raised", "4 cleared"], id="cleared, and said once"),
        pytest.param("CC..CC", ["2 raised", "4 cleared", "6 raised"], id="back again"),
        pytest.param("C-C", ["3 raised"], id="a cycle that did not look does not break the row"),
        pytest.param("C---", [], id="nor does it lengthen it"),
        pytest.param("CC------", ["2 raised"], id="what is not looked at is not gone"),
        pytest.param("CC.-.", ["2 raised", "5 cleared"], id="gone, not looked at, gone"),
        pytest.param("CC.!!!", ["2 raised"], id="a run that was cut short clears nothing"),
        pytest.param("WW", ["2 raised"], id="a warning counts"),
        pytest.param("iiii", [], id="information does not"),
        pytest.param("eeee", [], id="nor does what follows from something else"),
        pytest.param("ssss", [], id="nor what is suppressed"),
        pytest.param("CCss", ["2 raised", "4 cleared"], id="suppressed from now on"),
        pytest.param("WWCC", ["2 raised", "4 worse"], id="worse, as long as it must last"),
        pytest.param("WWCW", ["2 raised"], id="worse for one cycle"),
        pytest.param("WWC-C", ["2 raised", "5 worse"], id="worse, not looked at, worse"),
        pytest.param("CCWW", ["2 raised", "4 better"], id="better"),
        pytest.param("CCWCC", ["2 raised"], id="better for one cycle"),
        pytest.param("WC", ["2 raised"], id="another severity before it is raised is said with it"),
        pytest.param("CCe", ["2 raised", "3 explained"], id="a cause stands for it, at once"),
        pytest.param("Ce", [], id="explained before it was raised"),
        pytest.param("CCeee", ["2 raised", "3 explained"], id="and that is said once"),
        pytest.param("CCeC", ["2 raised", "3 explained"], id="the cause has gone: it counts from the start"),
        pytest.param("CCii", ["2 raised", "4 better"], id="information from now on"),
        pytest.param("CCiC", ["2 raised"], id="information for one cycle"),
    ],
)
def test_what_is_said(cycles: str, expected: list[str]) -> None:
    assert _changes_of_finding(cycles) == expected


def test_a_worse_severity_counts_in_a_row() -> None:
    assert _changes_of_finding("WWWCC.C", raise_after=3) == ["3 raised"]
    assert _changes_of_finding("WWWCC.CCC", raise_after=3) == ["3 raised", "9 worse"]


@pytest.mark.parametrize(
    ("raise_after", "clear_after", "expected"),
    [
        (1, 1, ["3 raised", "9 cleared"]),
        (1, 4, ["3 raised", "12 cleared"]),
        (6, 1, ["8 raised", "9 cleared"]),
        (7, 1, []),
    ],
)
def test_how_many_cycles_it_takes(raise_after: int, clear_after: int, expected: list[str]) -> None:
    assert _changes_of_finding("..CCCCCC........", raise_after, clear_after) == expected


# --- What comes and goes ---------------------------------------------------------------------------------------------


def test_flapping_is_said_once_and_ends_once() -> None:
    alternating = "C." * 60
    assert _changes_of_finding(f"{alternating}{'.' * 40}") == ["5 flapping", "139 settled"]


def test_what_settles_as_a_fault_stands() -> None:
    tracker = Tracker(raise_after=2, clear_after=2)
    changes = [change for report in lettered("C." * 10 + "C" * 20) for change in tracker.fold(report) if change.finding]
    assert [(change.kind, change.stands) for change in changes] == [(Kind.FLAPPING, False), (Kind.SETTLED, True)]
    assert [finding.id for finding in tracker.raised] == ["TCP001@backup"]
    assert not tracker.flapping


def test_while_it_flaps_the_state_is_kept() -> None:
    tracker = Tracker(raise_after=2, clear_after=2)
    for report in lettered("CC..CC..CC"):
        tracker.fold(report)
    assert [finding.id for finding in tracker.flapping] == ["TCP001@backup"]
    assert [finding.id for finding in tracker.raised] == ["TCP001@backup"]


def test_a_severity_that_comes_and_goes_is_flapping() -> None:
    assert _changes_of_finding("CW" * 30) == ["2 raised", "5 flapping"]


def test_cycles_that_did_not_look_end_no_flapping() -> None:
    assert _changes_of_finding("C." * 4 + "-" * 100) == ["5 flapping"]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        pytest.param([True] * WINDOW, 0.0, id="nothing"),
        pytest.param([True, False] * 10 + [True], 100.0, id="every cycle"),
        pytest.param([True] + [False] * 20, 3.75, id="the oldest place weighs 0.75"),
        pytest.param([False] * 20 + [True], 6.25, id="the newest 1.25"),
        pytest.param([False, True], 6.25, id="also of a window that is not full"),
        pytest.param([], 0.0, id="no cycle yet"),
    ],
)
def test_the_share_of_changes_is_that_of_nagios(states: list[bool], expected: float) -> None:
    assert share_of_changes(states) == pytest.approx(expected)


# --- A second implementation, which looks at the whole history at each cycle -----------------------------------------


def _slow(history: str, raise_after: int, clear_after: int) -> list[str]:
    first = next((place for place, letter in enumerate(history) if letter in "CW"), len(history))
    history = history[:first].replace("-", ".").replace("!", ".") + history[first:].replace("!", "-")

    def run_of(end: int, letters: str) -> int:
        """The number of cycles in a row, up to `end`, whose letter is among `letters`. Cycles without a measurement are
        skipped.
        """
        length = 0
        for letter in reversed(history[: end + 1]):
            if letter in letters:
                length += 1
            elif letter != "-":
                break
        return length

    @cache
    def raised(end: int) -> bool:
        match history[end] if end >= 0 else None:
            case None:
                return False
            case "-":
                return raised(end - 1)
            case "e":
                return False
            case "C" | "W":
                return raised(end - 1) or run_of(end, "CW") >= raise_after
        return raised(end - 1) and run_of(end, ".is") < clear_after

    @cache
    def severity(end: int) -> str:
        if end < 0 or not raised(end):
            return ""
        letter = history[end]
        if not raised(end - 1):
            return letter
        stands = severity(end - 1)
        if letter not in "CW" or letter == stands:
            return stands
        since = next(place for place in range(end, -1, -1) if not raised(place - 1))  # the cycle in which it was raised
        moved = next((place for place in range(end - 1, since - 1, -1) if severity(place) != stands), since - 1)
        length = min(run_of(end, letter), len(history[moved + 1 : end + 1].replace("-", "")) - (moved < since))
        return letter if length >= (raise_after if letter == "C" else clear_after) else stands

    @cache
    def flapping(end: int) -> bool:
        if end < 0:
            return False
        looked = history[: end + 1].replace("-", "")
        seen = [letter if letter in "CW" else "" for letter in looked[-21:]]
        total = Fraction(0)
        for age in range(len(seen) - 1):  # the newest change has age 0
            if seen[-1 - age] != seen[-2 - age]:
                total += Fraction(5, 4) - Fraction(1, 2) * Fraction(age, 19)
        percent = total / 20 * 100
        return percent >= (5 if flapping(end - 1) else 20)

    changes: list[str] = []
    for place, letter in enumerate(history):
        was, now = raised(place - 1), raised(place)
        kind = None
        if flapping(place) is not flapping(place - 1):
            kind = "flapping" if flapping(place) else "settled"
        elif flapping(place) or letter == "-":
            continue
        elif now and not was:
            kind = "raised"
        elif was and not now:
            kind = {"e": "explained", "i": "better"}.get(letter, "cleared")
        elif now and severity(place) != severity(place - 1):
            kind = "worse" if severity(place) == "C" else "better"
        if kind is not None:
            changes.append(f"{place + 1} {kind}")
    return changes


_RUNS: Final = st.lists(st.tuples(st.sampled_from("CCC...W-ies!"), st.integers(1, 6)), max_size=25).map(
    lambda runs: "".join(letter * times for letter, times in runs)
)


@settings(max_examples=extent.examples(300), deadline=None)
@given(cycles=_RUNS, raise_after=st.integers(1, 5), clear_after=st.integers(1, 5))
def test_it_says_what_a_slow_second_implementation_says(cycles: str, raise_after: int, clear_after: int) -> None:
    assert _changes_of_finding(cycles, raise_after, clear_after) == _slow(cycles, raise_after, clear_after)


# --- Findings that were not looked for -------------------------------------------------------------------------------

_Observation = Observation[Any]


def _stays(before: tuple[_Observation, ...], after: tuple[_Observation, ...], code: str = "TCP001", **how: Any) -> bool:
    """Whether a finding stays after a second cycle. `before` showed the finding, and the second cycle observed `after`
    and does not have it.
    """
    tracker = Tracker(raise_after=1, clear_after=1)
    target = None if how.pop("of_run", False) else "backup"
    evidence = [observation.id for observation in before]
    tracker.fold(cycle(1, fault(code, target, evidence=evidence), observations=before))
    assert tracker.raised
    tracker.fold(cycle(2, observations=after, **how))
    return bool(tracker.raised)


_OTHER: Final = build.tcp("10.0.2.17")
_TCP_FAILS: Final = build.tcp("10.0.1.17", failed="refused")
_NO_NAME: Final = build.lookup(failed="nxdomain")
_NAME: Final = build.lookup("10.0.1.17")
_API: Final = replace(WELL, subject=replace(WELL.subject, step=Step.API))
_TURN: Final = {"backup": Status.OK, "calls": Calls.ONE}
_EC2: Final = replace(build.imds(), subject=replace(build.imds().subject, step=Step.EC2, operation="endpoints"))
_UNREAD: Final = build.spoiled(_EC2, failed="timeout")
_NOT_READ: Final = build.spoiled(_EC2, skipped=NO_TROUBLE)


@pytest.mark.parametrize(
    ("before", "after", "how", "stays"),
    [
        pytest.param((FAILED_CONNECT,), (WELL,), {}, False, id="looked at again"),
        pytest.param((FAILED_CONNECT,), (_TCP_FAILS,), {}, False, id="another failure of the path shows another fault"),
        pytest.param((FAILED_CONNECT,), (SKIPPED,), {}, True, id="skipped"),
        pytest.param((FAILED_CONNECT,), (_NO_NAME,), {}, True, id="no name, and so no address to try"),
        pytest.param((FAILED_CONNECT,), (_NAME, _OTHER), {}, False, id="the name has another address, which was tried"),
        pytest.param((FAILED_CONNECT, _NAME), (_NAME, SKIPPED), {}, True, id="the name alone proves no port"),
        pytest.param((FAILED_CONNECT, _EC2), (_EC2, _NO_NAME), {}, True, id="what EC2 says proves no port"),
        pytest.param((FAILED_CONNECT, _OTHER), (SKIPPED, _OTHER), {}, False, id="one of two observations"),
        pytest.param((FAILED_CONNECT,), (SKIPPED,), {"backup": Status.OK}, False, id="the target is well without it"),
        pytest.param((FAILED_CONNECT,), (), {"backup": Status.NOT_IN_USE}, False, id="the target is not used any more"),
        pytest.param((_API,), (build.spoiled(_API, skipped=ELSEWHERE),), _TURN, True, id="not its turn"),
        pytest.param((_API,), (), {"calls": Calls.ONE}, True, id="no signed call was made"),
        pytest.param((_API,), (), {"calls": Calls.NONE}, False, id="no signed call is wanted any more"),
        pytest.param((_EC2,), (build.spoiled(_EC2, failed="timeout"),), {}, True, id="EC2 did not answer"),
        pytest.param((_EC2,), (_EC2,), {}, False, id="EC2 says otherwise"),
        pytest.param((_EC2,), (), {}, True, id="EC2 was not asked while something is wrong"),
        pytest.param((_EC2,), (), {"backup": Status.OK}, False, id="EC2 is not asked since all is well"),
        pytest.param((), (), {}, False, id="it was about the run itself"),
    ],
)
def test_only_a_look_says_that_it_is_gone(
    before: tuple[_Observation, ...], after: tuple[_Observation, ...], how: dict[str, Any], stays: bool
) -> None:
    assert _stays(before, after, **how) is stays


@pytest.mark.parametrize(
    ("after", "backup", "stays"),
    [
        pytest.param((FAILED_CONNECT, _EC2), Status.CRITICAL, False, id="EC2 says otherwise"),
        pytest.param((FAILED_CONNECT, _UNREAD), Status.CRITICAL, True, id="EC2 did not answer"),
        pytest.param((FAILED_CONNECT,), Status.CRITICAL, True, id="EC2 was not asked"),
        pytest.param((WELL, _UNREAD), Status.CRITICAL, False, id="what it caused is over"),
        pytest.param((WELL,), Status.OK, False, id="all is well"),
    ],
)
def test_a_cause_in_the_configuration_is_not_gone_while_it_is_not_read(
    after: tuple[_Observation, ...], backup: Status, stays: bool
) -> None:
    assert _stays((FAILED_CONNECT, _EC2), after, "VPC005", backup=backup) is stays


@pytest.mark.parametrize(
    ("after", "status", "stays"),
    [
        pytest.param((), Status.OK, False, id="nothing is wrong"),
        pytest.param((_NOT_READ,), Status.OK, False, id="nothing is wrong, and so nothing was read"),
        pytest.param((_UNREAD,), Status.OK, True, id="EC2 did not answer"),
        pytest.param((), Status.WARNING, True, id="something is wrong"),
        pytest.param((_NOT_READ,), Status.WARNING, True, id="something is wrong, and nothing was read"),
    ],
)
def test_a_fault_of_the_run_that_ec2_showed(after: tuple[_Observation, ...], status: Status, stays: bool) -> None:
    assert _stays((_EC2,), after, "VPC013", of_run=True, status=status) is stays


def test_metadata_that_does_not_answer_is_no_look_at_the_region() -> None:
    assert _stays((build.imds(),), (build.imds(failed="timeout"),), "ENV008", of_run=True)
    assert not _stays((build.imds(failed="timeout"),), (build.imds(failed="timeout"),), "ENV002", of_run=True)


@pytest.mark.parametrize(("status", "stays"), [(Status.OK, False), (Status.WARNING, True)])
def test_refused_credentials_are_good_again_when_a_call_at_another_address_is_answered(
    status: Status, stays: bool
) -> None:
    """Unlike a policy of an endpoint, credentials are the same at every address."""
    elsewhere = build.spoiled(_API, skipped=ELSEWHERE)
    assert _stays((_API,), (elsewhere,), "API002", of_run=True, status=status, calls=Calls.ONE) is stays


def test_a_target_that_is_none_any_more_has_no_fault() -> None:
    tracker = Tracker(raise_after=1, clear_after=1)
    tracker.fold(cycle(1, fault()))
    other = replace(cycle(2, observations=()), targets=(replace(cycle(2).targets[0], id="ssm", service="ssm"),))
    (change,) = (change for change in tracker.fold(other) if change.finding)
    assert change.kind is Kind.CLEARED


def test_a_fault_of_a_target_stays_while_the_region_is_not_known() -> None:
    """Without a Region, a run has no targets at all, which says nothing about them."""
    tracker = Tracker(raise_after=1, clear_after=1)
    tracker.fold(cycle(1, fault()))
    without = replace(cycle(2, status=Status.UNKNOWN, observations=()), targets=())
    assert [change for change in tracker.fold(without) if change.finding] == []
    assert [finding.id for finding in tracker.raised] == ["TCP001@backup"]


def test_a_fault_of_the_ports_stays_while_the_name_has_no_address() -> None:
    """Real runs also do this: a fault is not over because a worse fault hides it."""
    tracker = Tracker(raise_after=1, clear_after=1)
    tracker.fold(report_of("egress-closed"))
    changes = tracker.fold(report_of("zone-without-the-name"))
    assert [finding.id for finding in tracker.raised] == ["TCP001@backup", "VPC016@backup"]
    # By now, the gateway's name has only public addresses. So the endpoint is not in use, and has no fault.
    assert [change.finding.id for change in changes if change.finding and change.kind is Kind.CLEARED] == [
        "TCP001@backup-gateway"
    ]


# --- The verdict -----------------------------------------------------------------------------------------------------

_STATUS: Final = {"o": Status.OK, "w": Status.WARNING, "c": Status.CRITICAL, "u": Status.UNKNOWN}


def _verdicts(cycles: str, raise_after: int = 2, clear_after: int = 2) -> tuple[Tracker, list[StateChange]]:
    tracker = Tracker(raise_after=raise_after, clear_after=clear_after)
    changes: list[StateChange] = []
    for number, letter in enumerate(cycles, 1):
        changes += tracker.fold(cycle(number, status=_STATUS[letter]))
    return tracker, changes


@pytest.mark.parametrize(
    ("cycles", "expected"),
    [
        pytest.param("o", ["1 verdict ok"], id="the first is said at once"),
        pytest.param("c", ["1 verdict critical"], id="whatever it is"),
        pytest.param("oooo", ["1 verdict ok"], id="and once"),
        pytest.param("oco", ["1 verdict ok"], id="worse for one cycle"),
        pytest.param("occ", ["1 verdict ok", "3 verdict critical"], id="worse"),
        pytest.param("owc", ["1 verdict ok", "3 verdict critical"], id="one fault in place of another is not ok"),
        pytest.param("cwu", ["1 verdict critical", "3 verdict unknown"], id="two others in place of a fault"),
        pytest.param("cow", ["1 verdict critical"], id="ok and a fault are not two in a row"),
        pytest.param("coo", ["1 verdict critical", "3 verdict ok"], id="well again"),
        pytest.param("coco", ["1 verdict critical"], id="well twice, not in a row"),
        pytest.param("o" + "wc" * 3, ["1 verdict ok", "3 verdict critical", "5 flapping critical"], id="two faults"),
        pytest.param("oc" * 40, ["1 verdict ok", "5 flapping ok"], id="it comes and goes"),
        pytest.param("oocc" * 30, ["1 verdict ok", "4 verdict critical", "6 verdict ok"], id="by and by"),
        pytest.param("oc" * 3 + "o" * 30, ["1 verdict ok", "5 flapping ok", "26 settled ok"], id="and settles"),
    ],
)
def test_what_is_said_of_the_verdict(cycles: str, expected: list[str]) -> None:
    changes = [f"{change.cycles} {change.kind} {change.status}" for change in _verdicts(cycles)[1]]
    assert changes[: len(expected)] == expected
    assert len(changes) <= len(expected) + 2


@settings(max_examples=extent.examples(200), deadline=None)
@given(cycles=st.text("oowcu", min_size=1, max_size=60), after=st.integers(1, 4))
def test_the_verdict_that_stands_is_never_ok_for_long_where_no_cycle_was(cycles: str, after: int) -> None:
    tracker, _ = _verdicts(cycles, raise_after=after)
    last = cycles[-after:]
    if len(last) == after and "o" not in last:
        assert tracker.status is not Status.OK


def test_a_change_of_the_verdict_says_what_it_was_and_for_how_long() -> None:
    first, second = _verdicts("occ")[1]
    assert (first.before, first.seconds) == (None, LASTS.total_seconds())
    assert second.before is Status.OK
    assert second.since == first.at
    assert second.seconds == 2 * INTERVAL.total_seconds()
    assert second.finding is None
    assert not second.stands


# --- The content of a change -----------------------------------------------------------------------------------------


def _of_finding(cycles: str, **how: int) -> list[StateChange]:
    tracker = Tracker(raise_after=how.get("raise_after", 2), clear_after=how.get("clear_after", 2))
    return [change for report in lettered(cycles) for change in tracker.fold(report) if change.finding is not None]


def test_a_change_names_the_run_that_proves_it() -> None:
    raised, cleared = _of_finding(".CC..")
    assert (raised.run_id, raised.cycles, raised.stands) == ("run-3", 3, True)
    assert (cleared.run_id, cleared.cycles, cleared.stands) == ("run-5", 5, False)
    assert raised.at == build.NOW + 2 * INTERVAL + LASTS
    assert raised.status is Status.CRITICAL
    assert raised.summary == "backup: nothing answers"


def test_a_fault_lasts_from_its_first_cycle_to_the_one_that_proves_its_end() -> None:
    raised, cleared = _of_finding("..CC..")
    assert raised.since == cleared.since == build.NOW + 2 * INTERVAL
    assert raised.seconds == (INTERVAL + LASTS).total_seconds()
    assert cleared.seconds == (3 * INTERVAL + LASTS).total_seconds()


def test_a_raised_fault_that_is_gone_for_one_cycle_began_when_it_began() -> None:
    _, cleared = _of_finding("CC.C..")
    assert cleared.kind is Kind.CLEARED
    assert cleared.since == build.NOW


def test_a_first_cycle_that_did_not_count_is_no_part_of_the_next_fault() -> None:
    (raised,) = _of_finding("C.CC")
    assert raised.since == build.NOW + 2 * INTERVAL


def test_a_clock_that_was_set_back_gives_no_negative_time() -> None:
    tracker = Tracker(raise_after=2, clear_after=1)
    tracker.fold(cycle(1, fault()))
    back = cycle(2, fault())
    early = build.NOW - timedelta(days=1)
    (raised,) = (
        change for change in tracker.fold(replace(back, run=replace(back.run, finished_at=early))) if change.finding
    )
    assert raised.seconds == 0.0


def test_one_that_is_gone_is_told_as_it_was_seen_last() -> None:
    *_, cleared = _of_finding("WWC..")
    assert cleared.finding is not None
    assert cleared.finding.severity is Severity.CRITICAL


def test_the_same_change_has_the_same_id_and_others_have_others() -> None:
    once, again = _of_finding("CC..CC"), _of_finding("CC..CC")
    assert [change.id for change in once] == [change.id for change in again]
    tracker = Tracker(raise_after=1, clear_after=1)
    many = [change.id for report in lettered("CWe.C") for change in tracker.fold(report)]
    assert len(many) == len(set(many)) > 4


def test_findings_are_told_by_id_after_the_verdict() -> None:
    tracker = Tracker(raise_after=1, clear_after=1)
    changes = tracker.fold(cycle(1, fault("TCP002"), fault("DNS001"), fault("TCP001", "backup-gateway")))
    assert [None if change.finding is None else change.finding.id for change in changes] == [
        None,
        "DNS001@backup",
        "TCP001@backup-gateway",
        "TCP002@backup",
    ]


def test_it_counts_what_it_told() -> None:
    tracker = Tracker(raise_after=2, clear_after=2)
    for report in lettered("CC.." + "C." * 30):
        tracker.fold(report)
    assert tracker.reported == {Kind.VERDICT: 1, Kind.RAISED: 1, Kind.CLEARED: 1, Kind.FLAPPING: 1}


def test_what_is_over_is_forgotten() -> None:
    """Names that occur only once must not fill the memory, even in a year."""
    tracker = Tracker(raise_after=1, clear_after=1)
    for number in range(1, 400):
        tracker.fold(cycle(number, fault("DNS004", f"10.0.0.{number}", evidence=())))
    assert len(tracker._known) <= WINDOW + 1


def test_new_bounds_are_taken_in_the_middle() -> None:
    """After a SIGHUP, the settings change and the state stays."""
    tracker = Tracker(raise_after=5, clear_after=5)
    reports = lettered("CCCC")
    next_kinds: Callable[[], list[Kind]] = lambda: [  # noqa: E731 - a line is enough
        change.kind for change in tracker.fold(next(reports)) if change.finding
    ]
    assert next_kinds() == next_kinds() == []
    tracker.raise_after = 3
    assert next_kinds() == [Kind.RAISED]
    assert next_kinds() == []
