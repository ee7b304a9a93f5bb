"""The changes between two reports, and their severity. Equal reports have no changes, and both directions show the same
ones.
"""

import itertools
import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.app.own_commands import with_own_commands
from agent.catalog.findings import Severity
from agent.cli import entry
from agent.documents import difference as documents
from agent.documents import html, text
from agent.formats import json as json_format
from agent.judge.verdict import judge, judge_evidence
from agent.process import signals
from agent.report import codec, exits
from agent.report.diff import ChangeKind, Difference, Effect, NotComparableError, Pair, difference, dumps
from agent.report.hops import Reachability
from agent.report.model import Access, Finding, Report, Status
from agent.report.model import Path as Way
from agent.report.redact import redact
from agent.report.serialization import DecodeError, to_json
from agent.settings import Ec2, Suppression
from probes.model import Observation, Role, Skipped, Step
from probes.operations import JOBS
from probes.vpc.model import NETWORK_ACLS, SECURITY_GROUPS, AclEntry, GroupRule, NetworkAclsFacts, SecurityGroupsFacts
from tests.formats import html_page
from tests.hostile.fuzz import reports as saved_reports
from tests.hostile.fuzz.mutation import by_hypothesis
from tests.support import extent, scenarios
from tests.support.build import (
    BACKUP,
    GATEWAY,
    PRIVATE,
    PUBLIC,
    answer,
    context,
    evidence,
    healthy,
    here,
    lookup,
    optional,
    replaced,
    spoiled,
    target,
    tcp,
)
from tests.support.command import SECONDS
from tests.support.configured import ACL_ID, ENDPOINT_GROUP_ID, configured, groups, network_acl, read
from tests.support.extent import one_in
from tests.support.repository import ROOT
from tests.support.runs import evidence_of, measured, report_of

NAMES: Final = scenarios.names()
HEALTHY: Final = "healthy"
FAULT: Final = "private-dns-off"
OF_VERDICT: Final = {"ok": 0, "warning": 1, "critical": 2, "unknown": 1}
"""Exit codes for the comparison of a run without faults with a run that has this verdict. An unknown verdict counts as
a warning.
"""
OTHER: Final = {
    ChangeKind.CAME: ChangeKind.WENT,
    ChangeKind.WENT: ChangeKind.CAME,
    ChangeKind.CHANGED: ChangeKind.CHANGED,
}


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Restore the signals after the test."""
    before = {number: signal.getsignal(number) for number in signals.SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def kept(report: Report, path: Path) -> str:
    path.write_text(json_format.render(report), "utf-8")
    return str(path)


def nothing_in(changes: Difference) -> bool:
    return changes.worse is Status.OK and not (changes.targets or changes.steps or changes.findings or changes.paths)


def _text(changes: Difference) -> str:
    return text.render(documents.document(changes))


def shown(changes: Difference) -> str:
    """The comparison as text. Asserts that no untrusted value makes it too wide, moves the cursor or sets a colour, and
    that the JSON is valid.
    """
    output = _text(changes)
    assert output.endswith("\n")
    assert output.isascii()
    assert output.replace("\n", "").isprintable()
    # A line for a file, or a word of a command, is never broken, however long it is.
    assert max(len(line) for line in output.splitlines() if not line.startswith("     ")) <= 80
    assert not any(line.endswith(" ") for line in output.splitlines())
    document = dumps(changes)
    assert document.isascii()
    keys = ["schema", "old", "new", "worse", "targets", "steps", "findings", "paths"]
    assert list(json.loads(document)) == keys
    return output


def with_findings(report: Report, *findings: Finding) -> Report:
    return replace(report, findings=findings)


def a_finding(severity: Severity = Severity.CRITICAL, **changes: Any) -> Finding:
    return replace(report_of(FAULT).findings[0], severity=severity, **changes)


def between(old: Sequence[Finding], new: Sequence[Finding]) -> Difference:
    """The changes between two reports that differ only in their findings."""
    report = report_of(HEALTHY)
    return difference(with_findings(report, *old), with_findings(report, *new))


# --- Scenarios -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", one_in(24, NAMES))
def test_a_report_differs_in_nothing_from_itself(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of(name)
    path = kept(report, tmp_path / "report.json")
    code = entry.run(["diff", path, path, "--format", "json"])
    out, err = capsys.readouterr()
    if not report.targets:
        assert (code, json.loads(out)["verdict"]["status"]) == (3, "unknown")
        assert "the reports have no target in common: none in the old one, none in the new one" in err
        return
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert (document["targets"], document["steps"], document["findings"], document["worse"]) == ([], [], [], "ok")
    assert document["old"] == document["new"]
    assert entry.run(["diff", path, path]) == 0
    assert capsys.readouterr().out.endswith("\n\nFindings\n  the same\n\nTargets\n  the same\n\nSteps\n  the same\n")


def has_targets_of_healthy(name: str) -> bool:
    """Whether a scenario can be compared with the healthy scenario, since both have a service in common."""
    targets = {target.id for target in report_of(HEALTHY).targets}
    return not targets.isdisjoint(target.id for target in report_of(name).targets)


@pytest.mark.parametrize("name", [name for name in one_in(24, NAMES) if has_targets_of_healthy(name)])
def test_a_fault_is_worse_and_its_end_is_not(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fault = report_of(name)
    good = report_of("jobs-succeed" if fault.run.jobs else HEALTHY)
    old, new = kept(good, tmp_path / "old.json"), kept(fault, tmp_path / "new.json")
    assert entry.run(["diff", old, new]) == OF_VERDICT[fault.verdict.status]
    out, err = capsys.readouterr()
    assert (out, err) == (shown(difference(good, codec.decode(codec.encode(fault)), (old, new))), "")
    # The healthy run makes no reads, so information that rests on reads is not a change.
    aside = {finding.id for finding in fault.findings if finding.severity is Severity.INFO} & unread(fault, good)
    changed = [finding for finding in fault.findings if finding.id not in aside]
    for finding in changed:
        assert f"  came     {finding.id} " in out or f"  came  {finding.id} " in out or len(finding.id) > 70
    assert entry.run(["diff", new, old, "--format=json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["worse"] == "ok"
    assert [finding["id"] for finding in document["findings"]] == sorted(finding.id for finding in changed)
    assert {finding["change"] for finding in document["findings"]} <= {"went"}


def test_every_exit_code_is_among_them() -> None:
    assert {OF_VERDICT[report_of(name).verdict.status] for name in one_in(24, NAMES)} == {0, 1, 2}


@pytest.mark.parametrize(("one", "two"), one_in(16, itertools.pairwise(NAMES)))
def test_what_came_one_way_went_the_other(one: str, two: str) -> None:
    old, new = report_of(one), report_of(two)
    if not {target.id for target in old.targets} & {target.id for target in new.targets}:
        for pair in ((old, new), (new, old)):
            with pytest.raises(NotComparableError):
                difference(*pair)
        return
    there, back = difference(old, new), difference(new, old)

    def turned(pair: Pair[Any]) -> Pair[Any]:
        return Pair(pair.new, pair.old)

    assert (there.old, there.new) == (replace(back.new, name="old"), replace(back.old, name="new"))
    assert back.targets == tuple(
        replace(
            target,
            change=OTHER[target.change],
            role=turned(target.role),
            status=turned(target.status),
            path=turned(target.path),
            access=turned(target.access),
            addresses_came=target.addresses_went,
            addresses_went=target.addresses_came,
        )
        for target in there.targets
    )
    assert back.steps == tuple(
        replace(step, change=OTHER[step.change], old=step.new, new=step.old) for step in there.steps
    )
    assert back.paths == tuple(
        replace(
            path,
            predicted=turned(path.predicted),
            decided_by=turned(path.decided_by),
            agrees=turned(path.agrees),
        )
        for path in there.paths
    )
    newer = {finding.id: (finding.finding, finding.effect) for finding in back.findings}
    assert back.findings == tuple(
        replace(
            finding,
            change=OTHER[finding.change],
            severity=turned(finding.severity),
            counts=turned(finding.counts),
            finding=newer[finding.id][0],
            effect=newer[finding.id][1],
        )
        for finding in there.findings
    )
    for change, ids in ((ChangeKind.CAME, (new, old)), (ChangeKind.WENT, (old, new))):
        more, less = ({finding.id for finding in report.findings} for report in ids)
        named = {finding.id for finding in there.findings if finding.change is change}
        assert named <= more - less
        assert more - less - named <= unread(*ids)
        more, less = (
            {
                observation.id
                for observation in report.observations
                if observation.subject.step is not Step.EC2 and observation.subject.operation != JOBS
            }
            for report in ids
        )
        assert {step.id for step in there.steps if step.change is change} == more - less


def unread(report: Report, other: Report) -> set[str]:
    """The findings that rest on a read of the configuration, or on a list of jobs, that the other run did not make."""
    made = {observation.id for observation in other.observations if observation.made}
    unasked = {row.code for row in other.not_evaluated if row.code.startswith("JOB")}
    return {
        finding.id
        for finding in report.findings
        if finding.code in unasked or any(step.startswith("ec2/") and step not in made for step in finding.evidence)
    }


@pytest.mark.parametrize(
    "name", [FAULT, "one-zone-silent", "gateway-optional-ports", "endpoint-names-only", "security-group-443-only"]
)
def test_the_order_in_the_files_makes_no_difference(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    documents = [codec.encode(report_of(HEALTHY)), codec.encode(report_of(name))]
    written = set()
    chance = random.Random(7)
    for _ in range(5):
        paths = []
        for place, document in enumerate(documents):
            for key in ("observations", "findings", "targets", "not_evaluated", "paths"):
                chance.shuffle(document[key])
            for listed in document["targets"]:
                chance.shuffle(listed["addresses"])
            paths.append(tmp_path / f"{place}.json")
            paths[-1].write_text(json.dumps(document), "utf-8")
        for wanted in ("text", "json"):
            entry.run(["diff", *map(str, paths), "--format", wanted])
            written.add((wanted, capsys.readouterr().out))
    assert len(written) == 2


def test_the_text_in_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = judge_evidence(evidence(healthy()))
    seen = replaced(healthy(), tcp(PRIVATE[1], failed="timeout"))
    new = judge_evidence(evidence([*seen, *here("backup", *PRIVATE, "10.0.4.17")[4:], tcp("10.0.4.17")]))
    assert _text(difference(old, new, ("monday.json", "tuesday.json"))) == TEXT
    paths = [kept(old, tmp_path / "old"), kept(new, tmp_path / "new")]
    assert entry.run(["diff", *paths]) == 2
    assert capsys.readouterr().out == _text(difference(old, new, (paths[0], paths[1])))


TEXT: Final = """\
WORSE (critical)  TCP002 of backup is new: 1 of 3 addresses is silent on 443:
                  10.0.2.17; ok -> critical

  monday.json: 2026-03-01 12:00:00 UTC, i-0a1b2c3d, path private, access
    not-tried
      ok: backup answers privately at 2 addresses
  tuesday.json: 2026-03-01 12:00:00 UTC, i-0a1b2c3d, path private, access
    not-tried
      critical: backup: 1 of 3 addresses is silent on 443: 10.0.2.17

1. CRITICAL backup: 1 of 3 addresses is silent on 443: 10.0.2.17 [TCP002]
   443 timed out on 10.0.2.17 after 3.0 s, while 10.0.1.17 and 10.0.4.17
   connect. Calls fail or stall whenever a program takes a failing address.

   What to do: Compare the network ACL and the routes of the failing address's
   subnet with those of the other subnets. An endpoint's security groups act on
   all of its interfaces alike.
   [reads]
     aws ec2 describe-network-interfaces --region eu-west-1 --filters \\
       Name=addresses.private-ip-address,Values=10.0.2.17
     aws ec2 describe-vpc-endpoints --region eu-west-1 --filters \\
       Name=service-name,Values=com.amazonaws.eu-west-1.backup
   See: backuplink explain TCP002

Findings
  came  TCP002@backup  critical: 1 of 3 addresses is silent on 443: 10.0.2.17

Targets
  changed  backup  status ok -> critical; came: 10.0.4.17

Steps
  changed  tcp/backup/10.0.2.17/443  ok -> failed (timeout)
  came     backup at 10.0.4.17: 1 step
"""


# --- The configuration -----------------------------------------------------------------------------------------------


def configured_report(*changed: Observation[Any], connects: bool = True) -> Report:
    """The report of the healthy world. These reads of EC2 replace its own."""
    observations = (
        healthy() if connects else replaced(healthy(), *(tcp(address, failed="timeout") for address in PRIVATE))
    )
    return judge_evidence(evidence([*observations, *configured(*changed)]))


def closed(*rules: GroupRule) -> Observation[Any]:
    """The read of the groups. The endpoint's group only has these rules."""
    own, endpoints = groups()
    return read(SECURITY_GROUPS, SecurityGroupsFacts(groups=(own, replace(endpoints, rules=rules))))


def test_paths_that_are_predicted_otherwise_are_named() -> None:
    changes = difference(configured_report(), configured_report(closed(), connects=False))
    text = shown(changes)
    assert [path.id for path in changes.paths] == [f"backup/{address}/443" for address in PRIVATE]
    assert changes.paths[0].predicted == Pair(Reachability.OPEN, Reachability.BLOCKED)
    assert changes.paths[0].decided_by == Pair(None, f"endpoint-groups {ENDPOINT_GROUP_ID}")
    assert changes.paths[0].agrees == Pair(True, True)
    assert text.endswith(
        "\n\nBy configuration\n"
        "  changed  backup/10.0.1.17/443  open -> blocked; by endpoint-groups sg-0e1b2c3d\n"
        "  changed  backup/10.0.2.17/443  open -> blocked; by endpoint-groups sg-0e1b2c3d\n"
    )


def test_paths_that_fit_the_measurement_no_more_are_named() -> None:
    changes = difference(configured_report(), configured_report(connects=False))
    assert {path.agrees for path in changes.paths} == {Pair(True, False)}
    assert "  changed  backup/10.0.1.17/443  open; DIFFERS from what was measured\n" in shown(changes)


def test_another_rule_that_decides_is_named() -> None:
    deny = AclEntry(number=90, egress=False, allow=False, cidr=ip_network("0.0.0.0/0"))
    acl = network_acl()
    denying = read(NETWORK_ACLS, NetworkAclsFacts(acls=(replace(acl, entries=(*acl.entries, deny)),)))
    changes = difference(configured_report(closed(), connects=False), configured_report(denying, connects=False))
    assert changes.paths[0].predicted == Pair(Reachability.BLOCKED, Reachability.BLOCKED)
    assert changes.paths[0].decided_by == Pair(
        f"endpoint-groups {ENDPOINT_GROUP_ID}", f"endpoint-acl-in {ACL_ID} (90 inbound)"
    )
    assert (
        "  changed  backup/10.0.1.17/443  blocked; was by endpoint-groups sg-0e1b2c3d; by\n"
        "           endpoint-acl-in acl-0a1b2c3d (90 inbound)\n"
    ) in shown(changes)


def of_mode(name: str, ec2: Ec2) -> Report:
    """The report of a scenario, with or without reads of EC2."""
    chosen = scenarios.load(name)
    measurement, _ = measured(replace(chosen, run=replace(chosen.run, ec2=ec2)))
    return judge(measurement)


@pytest.mark.parametrize("name", ["gateway-group-for-the-appliance", "private-dns-switched-off", "zone-not-covered"])
@pytest.mark.parametrize("turn", [False, True])
def test_that_one_run_has_not_read_the_configuration_is_no_change(name: str, turn: bool) -> None:
    """Both runs meet the same network. Only one of them read the configuration, and that explains a fault or adds
    information.
    """
    read_it, left_it = (of_mode(name, ec2) for ec2 in (Ec2.ALWAYS, Ec2.NEVER))
    assert {finding.id for finding in read_it.findings} > {finding.id for finding in left_it.findings}
    change = difference(left_it, read_it) if turn else difference(read_it, left_it)
    assert (change.findings, change.steps, change.worse) == ((), (), Status.OK)


def test_a_cause_is_gone_where_its_fault_is_though_nothing_was_read() -> None:
    fault = of_mode("gateway-group-for-the-appliance", Ec2.ALWAYS)
    causes = {finding.id for finding in fault.findings if finding.code == "VPC005"}
    change = difference(fault, of_mode("gateway-healthy", Ec2.NEVER))
    assert causes
    assert causes <= {row.id for row in change.findings if row.change is ChangeKind.WENT}
    back = difference(of_mode("gateway-healthy", Ec2.NEVER), fault)
    assert causes <= {row.id for row in back.findings if row.change is ChangeKind.CAME}
    assert back.worse is Status.CRITICAL


# --- What the first line says ----------------------------------------------------------------------------------------


def first_line(changes: Difference) -> str:
    return " ".join(_text(changes).partition("\n\n")[0].split())


def test_a_repair_is_fixed_and_names_what_is_gone_and_what_works_again() -> None:
    fixed = difference(report_of("one-zone-silent"), report_of(HEALTHY))
    assert [(row.id, row.effect) for row in fixed.findings] == [("TCP002@backup", Effect.FIXED)]
    assert first_line(fixed).startswith("FIXED TCP002 of backup is gone: ")
    assert first_line(fixed).endswith("; critical -> ok Works again: tcp/backup/10.0.2.17/443")
    assert documents.document(fixed).kind == "ok"


def test_what_is_left_after_a_repair_is_said() -> None:
    partly = difference(report_of("three-faults"), report_of("one-zone-silent"))
    assert {row.id: row.effect for row in partly.findings} == {
        "ENV010": Effect.FIXED,
        "IAM002@backup": Effect.FIXED,
    }
    assert first_line(partly).startswith("PARTLY FIXED IAM002 of backup is gone: ")
    assert (documents.document(partly).kind, partly.worse) == ("critical", Status.OK)


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.NOT_IN_USE])
def test_what_nobody_looked_at_again_is_not_fixed(status: Status) -> None:
    old, new = report_of("one-zone-silent"), report_of(HEALTHY)
    targets = tuple(replace(target, status=status) if target.id == "backup" else target for target in new.targets)
    changes = difference(old, replace(new, targets=targets))
    assert [(row.id, row.effect) for row in changes.findings] == [("TCP002@backup", Effect.NONE)]
    assert "FIXED" not in first_line(changes)


def test_a_target_that_is_not_checked_any_more_is_not_fixed() -> None:
    changes = between([a_finding(target="s3", id="DNS001@s3")], [])
    assert {row.effect for row in changes.findings} == {Effect.NONE}


def test_the_cause_and_its_fix_come_first_and_consequences_are_below() -> None:
    output = _text(difference(report_of(HEALTHY), report_of(FAULT), ("before.json", "after.json")))
    places = [
        output.index(words)
        for words in (
            "WORSE (critical)  DNS001 of backup is new: ",
            "before.json: 2026-01-15",
            "after.json: 2026-01-15",
            "1. CRITICAL backup: ",
            "What to do: ",
            "--private-dns-enabled",
            "It also causes: TCP001@backup",
            "See: backuplink explain DNS001",
            "\nFindings\n  came  DNS001@backup ",
            "  came  TCP001@backup ",
            "\nTargets\n",
            "\nSteps\n",
        )
    ]
    assert places == sorted(places)


def test_steps_that_only_follow_are_counted_below_the_one_that_fails() -> None:
    steps = _text(difference(report_of(HEALTHY), report_of("one-zone-silent"))).partition("\nSteps\n")[2]
    assert steps.splitlines() == [
        "  changed  tcp/backup/10.0.2.17/443  ok -> failed (timeout)",
        "  changed  backup at 10.0.2.17: 4 steps ok -> skipped",
    ]


def test_no_command_of_a_saved_report_is_shown_that_this_version_does_not_give(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = report_of(FAULT)
    evil = replace(fault.findings[0].fix.commands[0], argv=("curl", "https://example.com/x.sh"))
    forged = replace(
        fault, findings=(replace(fault.findings[0], fix=replace(fault.findings[0].fix, commands=(evil,))),)
    )
    paths = [kept(report_of(HEALTHY), tmp_path / "old"), kept(forged, tmp_path / "new")]
    assert entry.run(["diff", *paths]) == 2
    out = capsys.readouterr().out
    assert "\n     curl" not in out
    assert "The file has commands that this version does not give" in " ".join(out.split())


@pytest.mark.parametrize("turn", [False, True])
@pytest.mark.parametrize("other", [HEALTHY, "jobs-none", "jobs-denied"])
def test_that_one_run_has_not_listed_jobs_is_no_change(other: str, turn: bool) -> None:
    both = [report_of("jobs-fail-here"), report_of(other)]
    changes = difference(*(reversed(both) if turn else both))
    assert [row.id for row in changes.findings] == []
    assert {row.id.rpartition("/")[2] for row in changes.steps} <= {"jobs"}, "a listing that is denied is a change"
    assert changes.worse is Status.OK


def test_jobs_that_succeed_again_are_a_change() -> None:
    changes = difference(report_of("jobs-fail-here"), report_of("jobs-succeed"))
    assert [(row.id, row.change) for row in changes.findings] == [("JOB002", ChangeKind.WENT)]
    assert changes.steps == ()
    back = difference(report_of("jobs-succeed"), report_of("jobs-fail-here"))
    assert back.worse is Status.WARNING


@pytest.mark.parametrize("turn", [False, True])
def test_a_configuration_that_one_run_alone_has_read_is_no_change(turn: bool) -> None:
    both = [configured_report(), judge_evidence(evidence(healthy()))]
    changes = difference(*(reversed(both) if turn else both))
    assert changes.paths == ()
    assert "By configuration" not in shown(changes)


# --- The severity of changes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "worse"),
    [
        pytest.param([], [a_finding()], "critical", id="a new critical cause"),
        pytest.param([], [a_finding(Severity.WARNING)], "warning", id="a new warning"),
        pytest.param([], [a_finding(Severity.INFO)], "ok", id="only something to know"),
        pytest.param([], [a_finding(suppressed=True)], "ok", id="new and suppressed"),
        pytest.param([], [a_finding(explained_by="DNS004")], "ok", id="new and a symptom"),
        pytest.param([a_finding()], [], "ok", id="gone"),
        pytest.param([a_finding()], [a_finding()], "ok", id="still there"),
        pytest.param([a_finding(Severity.WARNING)], [a_finding()], "critical", id="more severe"),
        pytest.param([a_finding(Severity.INFO)], [a_finding(Severity.WARNING)], "warning", id="from info to warning"),
        pytest.param([a_finding()], [a_finding(Severity.WARNING)], "ok", id="less severe"),
        pytest.param([a_finding()], [a_finding(suppressed=True)], "ok", id="suppressed since"),
        pytest.param([a_finding(suppressed=True)], [a_finding()], "critical", id="suppressed no more"),
        pytest.param([a_finding(explained_by="DNS004")], [a_finding()], "critical", id="a symptom that is a cause now"),
        pytest.param([a_finding()], [a_finding(explained_by="DNS004")], "ok", id="a cause that is a symptom now"),
        pytest.param(
            [a_finding(Severity.WARNING, suppressed=True)], [a_finding(suppressed=True)], "ok", id="worse, suppressed"
        ),
        pytest.param(
            [a_finding(suppressed=True)], [a_finding(Severity.WARNING)], "warning", id="counts, but less than it would"
        ),
        pytest.param(
            [a_finding(id="A")],
            [a_finding(Severity.WARNING, id="B"), a_finding(Severity.INFO, id="C")],
            "warning",
            id="one that is less bad for one that was worse",
        ),
        pytest.param(
            [], [a_finding(Severity.WARNING, id="A"), a_finding(id="B")], "critical", id="the worst of two counts"
        ),
    ],
)
def test_the_worst_cause_that_is_new_or_worse_counts(
    old: list[Finding], new: list[Finding], worse: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = between(old, new)
    assert changes.worse == worse
    report = report_of(HEALTHY)
    paths = [kept(with_findings(report, *findings), tmp_path / name) for name, findings in (("old", old), ("new", new))]
    assert entry.run(["diff", *paths]) == {"ok": 0, "warning": 1, "critical": 2}[worse]
    gone = {finding.id for finding in old if not finding.suppressed and finding.explained_by is None}
    gone -= {finding.id for finding in new}
    first = "FIXED  " if gone else "NOTHING WORSE  "
    first = {"ok": first, "warning": "WORSE (warning)  ", "critical": "WORSE (critical)  "}[worse]
    out = capsys.readouterr().out
    assert out.startswith(first)
    assert shown(changes).startswith(first)
    assert out.partition("\n\n")[0].endswith("ok -> ok")
    assert [row.id for row in changes.findings if row.effect is Effect.FIXED] == sorted(gone)
    changed = {finding.id for finding in (*old, *new)} if old != new else set()
    assert {finding.id for finding in changes.findings} == changed


@pytest.mark.parametrize(
    ("old", "new", "detail"),
    [
        pytest.param([], [a_finding(suppressed=True)], "critical, does not count as a cause: ", id="came"),
        pytest.param([a_finding(suppressed=True)], [], "critical, did not count as a cause: ", id="went"),
        pytest.param([a_finding(suppressed=True)], [a_finding()], "critical, counts as a cause now: ", id="now"),
        pytest.param(
            [a_finding()], [a_finding(suppressed=True)], "critical, no longer counts as a cause: ", id="no more"
        ),
        pytest.param([], [a_finding()], "critical: ", id="a cause"),
        pytest.param([a_finding(Severity.WARNING)], [a_finding()], "warning -> critical: ", id="worse"),
    ],
)
def test_a_finding_that_counts_for_nothing_is_shown_as_such(
    old: list[Finding], new: list[Finding], detail: str
) -> None:
    flat = " ".join(shown(between(old, new)).split())
    assert f"DNS001@backup {detail}" in flat


def test_what_is_suppressed_in_both_runs_is_no_change() -> None:
    kept_quiet = [Suppression(code=finding.code, target=None) for finding in report_of(FAULT).findings]
    quiet = judge_evidence(evidence_of(FAULT), suppress=kept_quiet)
    assert quiet.findings
    assert nothing_in(difference(quiet, quiet))
    assert difference(report_of(HEALTHY), quiet).worse is not Status.CRITICAL
    assert difference(quiet, report_of(FAULT)).worse is Status.CRITICAL


def test_a_target_that_is_no_longer_proven_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = report_of(HEALTHY), report_of(HEALTHY)
    targets = tuple(
        replace(target, status=Status.UNKNOWN) if target.id == "backup" else target for target in new.targets
    )
    new = replace(new, targets=targets)
    changes = difference(old, new)
    assert (changes.worse, changes.findings, changes.steps) == (Status.WARNING, (), ())
    assert [(target.id, target.status) for target in changes.targets] == [("backup", Pair(Status.OK, Status.UNKNOWN))]
    assert entry.run(["diff", kept(old, tmp_path / "old"), kept(new, tmp_path / "new")]) == 1
    assert "  changed  backup  status ok -> unknown\n" in capsys.readouterr().out
    assert difference(new, old).worse is Status.OK


@pytest.mark.parametrize(("role", "worse"), [(Role.REQUIRED, "warning"), (Role.OPTIONAL, "ok"), (Role.CONTEXT, "ok")])
def test_a_target_that_nobody_asked_for_is_never_worse(role: Role, worse: str) -> None:
    report = report_of(HEALTHY)
    first, *others = report.targets
    new = replace(report, targets=(replace(first, role=role, status=Status.UNKNOWN), *others))
    assert difference(report, new).worse == worse


def test_a_required_target_that_came_and_is_not_proven_is_a_warning() -> None:
    old = judge_evidence(evidence(healthy()))
    observations = [*healthy(), lookup(*PRIVATE, of="backup-gateway")]
    new = judge_evidence(evidence(observations, targets=[BACKUP, GATEWAY]))
    changes = difference(old, new)
    [came] = changes.targets
    assert (came.id, came.change, came.status) == ("backup-gateway", ChangeKind.CAME, Pair(None, Status.UNKNOWN))
    assert changes.findings == ()
    assert changes.worse is Status.WARNING
    assert difference(new, old).worse is Status.OK


@pytest.mark.parametrize("before", list(Status))
@pytest.mark.parametrize("after", list(Status))
def test_a_target_falls_from_ok_over_warning_and_unknown_to_critical(before: Status, after: Status) -> None:
    order = [Status.OK, Status.WARNING, Status.UNKNOWN, Status.CRITICAL]
    rank = {**{status: place for place, status in enumerate(order)}, Status.NOT_IN_USE: 0}
    report = report_of(HEALTHY)
    first, *others = report.targets
    old, new = (replace(report, targets=(replace(first, status=status), *others)) for status in (before, after))
    assert difference(old, new).worse == ("warning" if rank[after] > rank[before] else "ok")
    assert bool(difference(old, new).targets) == (before is not after)


# --- What cannot be compared -----------------------------------------------------------------------------------------


def test_reports_about_other_targets_cannot_be_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = judge_evidence(evidence(healthy())), judge_evidence(evidence(healthy(GATEWAY), targets=[GATEWAY]))
    with pytest.raises(NotComparableError, match="backup in the old one, backup-gateway in the new one"):
        difference(one, two)
    for wanted in ("text", "json"):
        code = entry.run(["diff", kept(one, tmp_path / "1"), kept(two, tmp_path / "2"), "--format", wanted])
        out, err = capsys.readouterr()
        assert (code, err.count("\n")) == (3, 1)
        assert out.startswith("UNKNOWN  " if wanted == "text" else "{")


def test_one_target_in_common_is_enough() -> None:
    both = judge_evidence(evidence(healthy(BACKUP, GATEWAY), targets=[BACKUP, optional(GATEWAY)]))
    changes = difference(judge_evidence(evidence(healthy())), both)
    assert [(target.id, target.change) for target in changes.targets] == [("backup-gateway", ChangeKind.CAME)]
    assert {step.change for step in changes.steps} == {ChangeKind.CAME}
    assert changes.worse is Status.OK


@pytest.mark.parametrize("place", ["old", "new"])
def test_a_redacted_report_is_compared_with_no_other(place: str) -> None:
    report = report_of(FAULT)
    pair = (redact(report), report) if place == "old" else (report, redact(report))
    with pytest.raises(NotComparableError, match=f"the {place} report was redacted"):
        difference(*pair)


@pytest.mark.parametrize("place", ["old", "new"])
def test_one_of_the_two_may_come_through_a_pipe(place: str, tmp_path: Path) -> None:
    reports = {"old": report_of(HEALTHY), "new": report_of(FAULT)}
    paths = {name: kept(saved, tmp_path / name) for name, saved in reports.items()}
    given = {**paths, place: "stdin"}
    old, new = (codec.decode(codec.encode(report)) for report in reports.values())
    expected = _text(difference(old, new, (given["old"], given["new"])))
    result = subprocess.run(
        [sys.executable, "-m", "agent", "diff", *{**paths, place: "-"}.values()],
        cwd=ROOT,
        input=Path(paths[place]).read_bytes(),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert (result.stdout.decode(), result.stderr, result.returncode) == (expected, b"", 2)


def test_both_of_the_two_may_not_come_through_one_pipe() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "agent", "diff", "-", "-", "--format=json"],
        cwd=ROOT,
        input=json_format.render(report_of(HEALTHY)).encode(),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert (result.returncode, json.loads(result.stdout)["verdict"]["status"]) == (3, "unknown")
    assert result.stderr.startswith(b"Error: stdin: ")


# --- Targets and steps -----------------------------------------------------------------------------------------------


def test_addresses_that_came_and_went_are_in_their_order() -> None:
    new = judge_evidence(evidence([*here("backup", "10.0.9.1", "10.0.10.1", PRIVATE[0], "fd00::17"), *healthy()[6:]]))
    change = difference(judge_evidence(evidence(healthy())), new).targets[0]
    assert change.addresses_came == tuple(map(ip_address, ("10.0.9.1", "10.0.10.1", "fd00::17")))
    assert change.change is ChangeKind.CHANGED


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        pytest.param({}, {"failed": "timeout"}, "ok -> failed (timeout)", id="failed"),
        pytest.param({"failed": "timeout"}, {"failed": "refused"}, "failed (timeout) -> failed (refused)", id="other"),
        pytest.param({"failed": "refused"}, {"skipped": "why"}, "failed (refused) -> skipped", id="not made"),
        pytest.param({"skipped": "why"}, {}, "skipped -> ok", id="made"),
        pytest.param({}, {}, None, id="the same"),
        pytest.param({"failed": "timeout"}, {"failed": "timeout"}, None, id="the same failure"),
        pytest.param({"skipped": "why"}, {"skipped": "why not"}, None, id="not made, for another reason"),
    ],
)
def test_a_step_is_what_it_ended_in(old: dict[str, Any], new: dict[str, Any], text: str | None) -> None:
    reports = [judge_evidence(evidence(replaced(healthy(), tcp(PRIVATE[0], 443, **how)))) for how in (old, new)]
    steps = difference(reports[0], reports[1]).steps
    assert [step.id for step in steps] == (["tcp/backup/10.0.1.17/443"] if text else [])
    if text:
        assert f"  changed  tcp/backup/10.0.1.17/443  {text}\n" in shown(difference(reports[0], reports[1]))


def test_steps_that_came_are_counted_by_target_and_address() -> None:
    observations = [tcp("10.0.7.7"), *(tcp("10.0.8.8", port) for port in (443, 1026))]
    changes = difference(judge_evidence(evidence(healthy())), judge_evidence(evidence([*healthy(), *observations])))
    output = shown(changes)
    assert "  came  backup at 10.0.7.7: 1 step\n" in output
    assert "  came  backup at 10.0.8.8: 2 steps\n" in output
    assert "  went  backup at 10.0.7.7: 1 step\n" in shown(
        difference(judge_evidence(evidence([*healthy(), *observations])), judge_evidence(evidence(healthy())))
    )
    assert "  went  this host: 1 step\n" in shown(
        difference(
            judge_evidence(evidence(healthy())),
            judge_evidence(evidence([observation for observation in healthy() if observation.id != "imds"])),
        )
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param({"role": Role.OPTIONAL}, "role required -> optional", id="asked for no more"),
        pytest.param({"status": Status.WARNING}, "status ok -> warning", id="status"),
        pytest.param({"path": Way.MIXED}, "path private -> mixed", id="path"),
        pytest.param({"access": Access.UNKNOWN}, "access allowed -> unknown", id="access"),
        pytest.param({"addresses": ()}, "went: 10.0.1.17, 10.0.2.17, 10.0.3.17", id="addresses alone"),
        pytest.param({"status": Status.UNKNOWN, "path": Way.UNKNOWN}, "status ok -> unknown; path ", id="two things"),
        pytest.param({"host": "elsewhere.example", "unproven": ("something",)}, None, id="what is not part of it"),
    ],
)
def test_a_target_is_what_it_is_and_where(changes: dict[str, Any], text: str | None) -> None:
    report = report_of(HEALTHY)
    first, *others = report.targets
    differences = difference(report, replace(report, targets=(replace(first, **changes), *others)))
    assert [target.change for target in differences.targets] == ([ChangeKind.CHANGED] if text else [])
    if text:
        assert f"  changed  backup  {text}" in shown(differences)


# --- Arbitrary reports -----------------------------------------------------------------------------------------------

HOSTILE: Final = (
    "\x1b[2J\x1b]0;x\x07",
    "a\r\nNOTHING WORSE  ok -> ok",
    "\u202etxt\u2066\x9b2J\ud800",
    "x" * 300,
    "x " * 300,
    "\t" * 50,
    " ",
    "",
    "%s{0}\\",
)


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_nothing_that_a_report_says_reaches_the_terminal_as_it_is(
    hostile: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = report_of(HEALTHY)
    observations = [
        replace(observation, outcome=Skipped(hostile), subject=replace(observation.subject, operation=hostile))
        for observation in old.observations[:1]
    ]
    new = replace(
        old,
        run=replace(old.run, id=hostile),
        verdict=replace(old.verdict, summary=hostile),
        vantage=replace(old.vantage, instance_id=hostile),
        targets=(*old.targets, replace(old.targets[0], id=hostile, host=hostile)),
        findings=(a_finding(id=f"X@{hostile}", title=hostile, detail=hostile), a_finding(id=hostile)),
        observations=(*observations, *old.observations[1:]),
    )
    for pair in ((old, new), (new, old)):
        changes = difference(*pair)
        assert len(changes.findings) == 2
        shown(changes)
        paths = [kept(saved, tmp_path / str(place)) for place, saved in enumerate(pair)]
        # A command that this version would not give for these observations is text.
        changes = difference(pair[0], with_own_commands(pair[1]), (paths[0], paths[1]))
        entry.run(["diff", *paths])
        assert capsys.readouterr() == (shown(changes), "")
        entry.run(["diff", *paths, "--format=json"])
        assert capsys.readouterr() == (dumps(changes), "")


def test_a_name_as_wide_as_a_line_is_broken() -> None:
    wide = target(host=f"{'a' * 67}.example")
    for length in range(60, 90):
        report = replace(
            judge_evidence(evidence(healthy())), verdict=replace(report_of(HEALTHY).verdict, summary="b" * length)
        )
        shown(difference(report, replace(report, targets=(*report.targets, replace(report.targets[0], id=wide.id)))))


OBSERVATIONS: Final = (
    *healthy(),
    *healthy(GATEWAY),
    *(lookup(*given) for given in ((), PRIVATE, (PUBLIC,))),
    *(lookup(failed=kind) for kind in ("nxdomain", "timeout", "bug")),
    *(answer(*given, by=by) for given in (PRIVATE, (PUBLIC,)) for by in ("10.0.0.2", "10.9.0.53")),
    *(tcp(address, failed=kind) for address in PRIVATE for kind in ("timeout", "refused", "deadline")),
    *(spoiled(observation, skipped="\x1b[2J") for observation in healthy()),
)
TARGETS: Final = (
    (BACKUP,),
    (BACKUP, GATEWAY),
    (GATEWAY, context(BACKUP)),
    (BACKUP, optional(GATEWAY)),
    (target(host="backup.example.com"), context(BACKUP)),
)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """Arbitrary reports: any mix of observations, about a small number of subjects."""
    seen = draw(st.lists(st.sampled_from(OBSERVATIONS), max_size=40))
    suppress = [Suppression(code=code, target=None) for code in draw(st.sets(st.sampled_from(["DNS001", "TCP001"])))]
    return judge_evidence(evidence(seen, targets=draw(st.sampled_from(TARGETS))), suppress=suppress)


@st.composite
def decoded(draw: st.DrawFn) -> Report | None:
    """The report in an arbitrary document, or None if the document does not have one."""
    try:
        return codec.decode(json.loads(json.dumps(draw(by_hypothesis(saved_reports.document)))))
    except DecodeError:
        return None


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # the repr of a complete report is large
@settings(
    max_examples=extent.examples(250),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(reports() | decoded(), reports() | decoded())
def test_any_two_reports_differ_in_something_or_in_nothing(old: Report | None, new: Report | None) -> None:
    if old is None or new is None:
        return
    try:
        there = difference(old, new)
    except NotComparableError:
        with pytest.raises(NotComparableError):
            difference(new, old)
        return
    shown(there)
    assert exits.of_status(there.worse) in (0, 1, 2)
    assert to_json(there) == to_json(difference(old, new))
    back = difference(new, old)
    for one, other in ((there.findings, back.findings), (there.steps, back.steps), (there.targets, back.targets)):
        assert [(change.id, change.change) for change in one] == [(change.id, OTHER[change.change]) for change in other]
    assert nothing_in(difference(new, new))


def test_a_service_that_starts_or_stops_being_required_is_a_change() -> None:
    here, there = report_of("healthy"), report_of("hana-healthy")
    rows = {row.id: row for row in difference(here, there).targets}
    of_hana = {"backup-storage", "ssm", "ssmmessages", "secretsmanager"}
    assert {name for name, row in rows.items() if row.role.new == "required"} == of_hana
    assert (rows["backup"].role.old, rows["backup"].role.new) == ("required", "optional")
    back = {row.id: row for row in difference(there, here).targets}
    assert {name for name, row in back.items() if row.role.old == "required"} == of_hana


def test_the_page_leads_from_findings_and_steps_to_their_cause() -> None:
    broken = difference(report_of("healthy"), report_of("tls-intercepted"))
    found = html_page.ways(html_page.read(html.render(documents.document(broken))))
    assert {place for _, place in found} == {"cause-1"}
    assert [words.partition("  ")[0] for words, _ in found if "@" in words][:1] == [broken.findings[0].id]
    assert any(words.startswith("tls/backup/") for words, _ in found)
    mended = difference(report_of("tls-intercepted"), report_of("healthy"))
    assert html_page.ways(html_page.read(html.render(documents.document(mended)))) == []
