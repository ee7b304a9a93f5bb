"""The report for a tired person: the verdict, what is wrong and what to do, then everything that was looked at.

80 columns, plain ASCII, no colour needed to understand. What came from outside is escaped before it is shown.
"""

import shlex
import textwrap
from dataclasses import replace
from typing import Any, Final

from agent.report import Command, Finding, Report, Status, TargetAddress, TargetReport
from agent.rules.rule import duration
from probes.facts import DnsFacts, LookupFacts
from probes.model import Observation, Role, Skipped, Step

WIDTH: Final = 80
BRIEF_CHARACTERS: Final = 2_500
"""What Run Command of Systems Manager shows of a command's output."""
_TAIL_CHARACTERS: Final = 100
_SUMMARY_CHARACTERS: Final = 600
"""Of the verdict in a brief report: it may quote a peer, who may have said a lot."""
DETAIL_CHARACTERS: Final = 2_000
"""Of one cause's own words, some 25 lines; a peer's words in them may be long, and JSON has them all."""
_COLOURS: Final = {Status.OK: "32", Status.WARNING: "33", Status.CRITICAL: "31", Status.UNKNOWN: "35"}
_STEPS: Final = (Step.TCP, Step.TLS, Step.HTTP, Step.API)


def render(report: Report, *, colour: bool = False) -> str:
    """The text report; `colour` marks its first word for a terminal that has colours."""
    parts = [
        _verdict(report, colour=colour),
        *(_cause(number, finding, report) for number, finding in enumerate(_causes(report), 1)),
        *(_target(target, report) for target in report.targets if target.status is not Status.NOT_IN_USE),
        _unseen(report),
        _vantage(report) if report.observations else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def brief(report: Report) -> str:
    """The text report within BRIEF_CHARACTERS: the verdict, then as many whole causes as there is room for."""
    summary = visible(report.verdict.summary)
    if len(summary) > _SUMMARY_CHARACTERS:
        summary = f"{summary[: _SUMMARY_CHARACTERS - 3]}..."
    parts = [_verdict(replace(report, verdict=replace(report.verdict, summary=summary)), colour=False)]
    causes = _causes(report)
    room = BRIEF_CHARACTERS - len(parts[0]) - 2 - _TAIL_CHARACTERS
    for number, finding in enumerate(causes, 1):
        part = _cause(number, finding, report)
        if len(part) + 2 > room:  # without its commands it may still fit
            part = _cause(number, replace(finding, fix=replace(finding.fix, commands=()), documents=()), report)
        if len(part) + 2 > room:
            break
        parts.append(part)
        room -= len(part) + 2
    left = len(causes) - (len(parts) - 1)
    more = f"{left} more cause{'s' if left > 1 else ''} left out. " if left else ""
    return "\n\n".join([*parts, f"{more}The whole report: without --brief, or --format json."]) + "\n"


def visible(text: str) -> str:
    """`text` with everything that is not a printable character of ASCII written as an escape, so that nothing foreign
    can move the cursor, hide, widen or reorder what is shown."""
    return "".join(
        char if char.isascii() and char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def _bounded(text: str) -> str:
    return text if len(text) <= DETAIL_CHARACTERS else f"{text[:DETAIL_CHARACTERS]} ... (--format json has the rest)"


def _verdict(report: Report, *, colour: bool) -> str:
    word = report.verdict.status.value.upper()
    shown = f"\x1b[1;{_COLOURS[report.verdict.status]}m{word}\x1b[0m" if colour else word
    summary = _wrapped(f"{word}  {visible(report.verdict.summary)}", "", " " * (len(word) + 2))
    if not report.observations:  # a call that was refused made no run of which anything could be said
        return summary.replace(word, shown, 1)
    region = report.run.region or "no Region"
    access = {"not-tried": "signed calls not tried", "unknown": "access unknown"}.get(
        report.verdict.access, f"access {report.verdict.access}"
    )
    ended = "" if report.run.complete else ", ended early"
    facts = f"{region}, path {report.verdict.path}, {access}, {duration(report.run.seconds)}{ended}"
    return summary.replace(word, shown, 1) + "\n" + _wrapped(facts, " " * (len(word) + 2))


def _causes(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.explained_by is None]


def _cause(number: int, finding: Finding, report: Report) -> str:
    where = f" {finding.target}" if finding.target is not None else ""
    indent = "   "
    lines = [
        _wrapped(f"{number}. {finding.severity.upper()}{where}: {visible(finding.title)} [{finding.code}]", "", indent),
        _wrapped(_bounded(visible(finding.detail)), indent),
        "",
        _wrapped(f"What to do: {visible(finding.fix.summary)}", indent),
    ]
    lines += [_command(command, indent + "  ") for command in finding.fix.commands]
    follows = [each.id for each in report.findings if each.explained_by == finding.id]
    if follows:
        lines += ["", _wrapped(f"From it follows: {', '.join(follows)}", indent)]
    lines.append(_wrapped(f"See: backuplink explain {finding.code}", indent))
    return "\n".join(lines)


def _command(command: Command, indent: str) -> str:
    """A command that can be copied, broken where a shell allows it."""
    lines = [""]
    for word in command.argv:
        quoted = shlex.quote(visible(word))
        if lines[-1] and len(indent) + len(lines[-1]) + len(quoted) + 3 > WIDTH:
            lines[-1] += " \\"
            lines.append("  ")
        lines[-1] += quoted if lines[-1].strip() == "" else f" {quoted}"
    return "\n".join(indent + line for line in lines)


def _target(target: TargetReport, report: Report) -> str:
    role = {Role.REQUIRED: "", Role.OPTIONAL: ", not asked for", Role.CONTEXT: ", for comparison"}[target.role]
    head = f"{target.service}  {visible(target.host)}"
    state = f"{target.status}, path {target.path}{role}"
    gap = WIDTH - len(head) - len(state)
    lines = [f"{head}{' ' * gap}{state}"] if gap > 1 else [_wrapped(head, "", "  "), f"  {state}"]
    lines += [_wrapped(f"not proven: {visible(words)}", "  ", "    ") for words in target.unproven]
    lines += _names(target, report)
    lines += _matrix(target, report)
    return "\n".join(lines)


def _names(target: TargetReport, report: Report) -> list[str]:
    """Who gave which addresses for the name."""
    rows: dict[str, list[str]] = {}
    for each in report.observations:
        subject = each.subject
        if subject.step is not Step.DNS or subject.target != target.id:
            continue
        who = "this host" if subject.resolver is None else str(subject.resolver)
        rows.setdefault(who, []).append(_said(each))
    answers = {who: ", ".join(dict.fromkeys(filter(None, said))) or "no address" for who, said in rows.items()}
    width = max(map(len, answers), default=0)
    return [_wrapped(f"{who:<{width}}  {said}", "  ", " " * (width + 4)) for who, said in answers.items()]


def _said(each: Observation[Any]) -> str:
    match each.facts:
        case LookupFacts() | DnsFacts() if each.ok:
            return ", ".join(map(str, each.facts.addresses))
    if isinstance(each.outcome, Skipped):
        return f"not asked: {each.outcome.reason}"
    if each.failure is None:
        return ""
    # The C library has one word for several answers; its own word is what was seen.
    code = each.failure.code if each.failure.code and each.failure.code.startswith("EAI_") else None
    return f"{each.failure.kind.upper()} ({code})" if code else each.failure.kind.upper()


def _matrix(target: TargetReport, report: Report) -> list[str]:
    """Address by zone, port and step: a time where it went well, the failure in capitals where it did not."""
    cells = {
        (each.subject.address, each.subject.port, each.subject.step): each
        for each in report.observations
        if each.subject.target == target.id and each.subject.port is not None and each.subject.operation is None
    }
    if not cells:
        return []
    rows: list[tuple[str, ...]] = [("address", "zone", "port", *_STEPS)]
    for address in target.addresses:
        shown = False
        for port in target.ports:
            steps = [cells.get((address.address, port, step)) for step in _STEPS]
            if not any(steps):
                continue
            place = (
                ("", "")
                if shown
                else (_place(address), address.availability_zone_id or address.availability_zone or "-")
            )
            rows.append((*place, str(port), *(_cell(each) for each in steps)))
            shown = True
    lines = _columns(rows)
    if max(map(len, lines)) <= WIDTH:
        return lines
    # Long addresses stand on a line of their own.
    spread: list[tuple[str, ...]] = []
    for row in rows:
        if row[0] and row is not rows[0]:
            spread.append((f"{row[0]}  {row[1]}",))
        spread.append(("", *row[2:]))
    return _columns(spread)


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    """Cells under each other; a row of one cell takes no part in the widths."""
    whole = [row for row in rows if len(row) > 1]
    widths = [max(len(visible(row[column])) for row in whole) for column in range(len(whole[0]))]
    return [
        "  " + "  ".join(f"{visible(cell):<{width}}" for cell, width in zip(row, widths, strict=False)).rstrip()
        for row in rows
    ]


def _place(address: TargetAddress) -> str:
    note = "" if address.from_own_lookup else " *"
    return f"{address.address}{note}"


def _cell(each: Observation[Any] | None) -> str:
    if each is None:
        return ""
    if each.failure is not None:
        return each.failure.kind.upper()
    return duration(each.seconds) if each.seconds is not None else "-"


def _unseen(report: Report) -> str:
    """What was not looked at, and why: each reason once."""
    reasons: dict[str, list[str]] = {}
    for target in report.targets:
        if target.status is Status.NOT_IN_USE:
            why = next(each.reason for each in report.not_evaluated if each.target == target.id)
            reasons.setdefault(why, []).append(target.id)
    for each in report.observations:
        if isinstance(each.outcome, Skipped) and " failed: " not in each.outcome.reason:
            unused = any(each.outcome.reason == known for known in reasons)
            if not unused:
                what = " ".join(filter(None, (each.subject.step, each.subject.operation)))
                reasons.setdefault(each.outcome.reason, []).append(what)
    lines = [
        _wrapped(f"{', '.join(dict.fromkeys(what))}: {visible(why)}", "  ", "    ") for why, what in reasons.items()
    ]
    foreign = any(not address.from_own_lookup for target in report.targets for address in target.addresses)
    if foreign:
        lines.append("  *: another resolver's answer, which this host does not use; it decides nothing")
    return "\n".join(["Not looked at", *lines]) if lines else ""


def _vantage(report: Report) -> str:
    vantage = report.vantage
    known = (
        vantage.instance_id,
        vantage.availability_zone_id,
        vantage.vpc_id,
        *map(str, vantage.source_addresses),
    )
    place = " ".join(filter(None, known)) or "this host"
    return _wrapped(
        f"Seen from {place}. backuplink {report.tool.version}, run {report.run.id}, "
        f"{report.run.started_at:%Y-%m-%d %H:%M:%S} UTC. The same as JSON: --format json",
        "",
        "  ",
    )


def _wrapped(text: str, indent: str, later: str | None = None) -> str:
    return textwrap.fill(
        visible(text),  # ids of this instance come from outside, too; what was escaped before stays as it is
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if later is None else later,
        break_on_hyphens=False,
    )
