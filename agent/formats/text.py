"""The report for people: the verdict, what is wrong and what to do, then everything that was checked.

80 columns, plain ASCII, readable without colour. Text from outside is escaped before it is shown.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from agent.catalog.wording import listed
from agent.documents.configured_path import (
    AT_THE_END,
    MEASURED,
    OUTCOMES,
    STAGES,
    decides,
    ended,
    is_inside_subnet,
    is_well,
    likeness,
    port_ranges,
    read_at,
    specific,
    way,
)
from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.report.escape import visible
from agent.report.hops import Reachability, Stage
from agent.report.model import ConfiguredPath, Finding, Report, Status, TargetReport
from agent.report.words import (
    STEPS,
    UNUSED_ANSWER,
    WIDTH,
    below_summary,
    bounded,
    causes,
    cell,
    command_lines,
    folded,
    folded_row,
    follows,
    has_many_services,
    has_unused_answer,
    head,
    in_use,
    matrix,
    names,
    starred,
    state,
    unchecked,
    unfolded,
    unseen,
    vantage,
    zone,
)
from probes.model import Address

BRIEF_CHARACTERS: Final = 2_500
"""What Run Command of Systems Manager shows of a command's output."""
_TAIL_CHARACTERS: Final = 100
_SUMMARY_CHARACTERS: Final = 600
"""Of the verdict in a brief report: it may quote a long text of a peer."""
_NAMES_CHARACTERS: Final = 500
"""Of the services that are not ok, in a brief report: enough for the names of all that the catalogue has."""
_COLOURS: Final = {Status.OK: "32", Status.WARNING: "33", Status.CRITICAL: "31", Status.UNKNOWN: "35"}
_WHAT_DEPENDS: Final = (
    "Private endpoints carry HANA by Backint, Windows VSS (Systems Manager), gateway\n"
    "appliances and calls of the API. EBS, RDS, EFS, S3 and others never need them."
)
"""Of an ok: which backups depend on such a path at all, so that nobody takes it for the health of all backups."""


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """The text report, its first word coloured where `options` say so; of a brief one at most BRIEF_CHARACTERS."""
    if options.brief:
        return brief(report)
    parts = [
        _verdict(report, colour=options.colour),
        _WHAT_DEPENDS if report.verdict.status is Status.OK and report.observations else "",
        *(_cause(number, finding, report) for number, finding in enumerate(causes(report), 1)),
        *(_target(target, report) for target in unfolded(report)),
        *_folded(report),
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
    if has_many_services(report):
        parts.append(_which(report))
    start = len(parts)
    shown = causes(report)
    room = BRIEF_CHARACTERS - sum(len(part) + 2 for part in parts) - _TAIL_CHARACTERS
    for number, finding in enumerate(shown, 1):
        part = _cause(number, finding, report)
        if len(part) + 2 > room:  # without its commands it may still fit
            part = _cause(number, replace(finding, fix=replace(finding.fix, commands=()), documents=()), report)
        if len(part) + 2 > room:
            break
        parts.append(part)
        room -= len(part) + 2
    left = len(shown) - (len(parts) - start)
    more = f"{left} more cause{'s' if left > 1 else ''} left out. " if left else ""
    return "\n\n".join([*parts, f"{more}The whole report: without --brief, or --format json."]) + "\n"


def _which(report: Report) -> str:
    """The services that are not ok, by name, and how many are; a service is named by its endpoint only where there is
    room for that."""
    sick = [target for target in in_use(report) if target.status is not Status.OK]
    well = len(in_use(report)) - len(sick)
    if not sick:
        return _wrapped(f"Ok: all {well} targets.", "")
    named = [visible(target.id) for target in sick]
    if len(", ".join(named)) > _NAMES_CHARACTERS:
        named = list(dict.fromkeys(visible(target.service) for target in sick))
    kept = list(named)
    while len(", ".join(kept)) > _NAMES_CHARACTERS:  # no catalogue of ours has as many; a saved report may
        kept.pop()
    rest = f" and {len(named) - len(kept)} more" if len(kept) < len(named) else ""
    return _wrapped(f"Not ok: {', '.join(kept)}{rest}. Ok: {well} other{'' if well == 1 else 's'}.", "")


def _verdict(report: Report, *, colour: bool) -> str:
    word = report.verdict.status.value.upper()
    shown = f"\x1b[1;{_COLOURS[report.verdict.status]}m{word}\x1b[0m" if colour else word
    summary = _wrapped(f"{word}  {visible(report.verdict.summary)}", "", " " * (len(word) + 2))
    if not report.observations:  # a call that was refused made no run, so there is nothing to describe
        return summary.replace(word, shown, 1)
    below = [_wrapped(visible(line), " " * (len(word) + 2)) for line in below_summary(report)]
    return "\n".join([summary.replace(word, shown, 1), *below])


def finding_text(finding: Finding, report: Report) -> str:
    """One finding as the report has it: its head, its detail, what to do, what follows from it."""
    return f"{_cause(None, finding, report)}\n"


def _cause(number: int | None, finding: Finding, report: Report) -> str:
    indent = "   "
    place = "" if number is None else f"{number}. "
    lines = [
        _wrapped(f"{place}{head(finding)} [{finding.code}]", "", indent),
        _wrapped(bounded(visible(finding.detail)), indent),
        "",
        _wrapped(f"What to do: {visible(finding.fix.summary)}", indent),
    ]
    lines += [command_lines(command, indent + "  ") for command in finding.fix.commands]
    lines += [_wrapped(words, indent) for words in unchecked(finding.fix)]
    if consequences := follows(finding, report):
        lines += ["", _wrapped(f"It also causes: {', '.join(consequences)}", indent)]
    lines.append(_wrapped(f"See: backuplink explain {finding.code}", indent))
    return "\n".join(lines)


def _target(target: TargetReport, report: Report) -> str:
    name = f"{visible(target.service)}  {visible(target.host)}"
    gap = WIDTH - len(name) - len(state(target))
    lines = [f"{name}{' ' * gap}{state(target)}"] if gap > 1 else [_wrapped(name, "", "  "), f"  {state(target)}"]
    lines += [_wrapped(f"not proven: {visible(words)}", "  ", "    ") for words in target.unproven]
    lines += _names(target, report)
    lines += _matrix(target, report)
    lines += _picture(target, report)
    return "\n".join(lines)


def _folded(report: Report) -> list[str]:
    """One line for each target that is well, below what they have in common."""
    by_state: dict[str, list[TargetReport]] = {}
    for target in folded(report):
        by_state.setdefault(state(target), []).append(target)
    blocks = []
    for words, targets in by_state.items():
        rows: list[tuple[str, ...]] = [("service", "IPs", "connect", "host")]
        for target in targets:
            service, host, _, count, slowest = folded_row(target, report)
            rows.append((service, count, slowest, host))
        lines = [line if len(line) <= WIDTH else _wrapped(line.strip(), "  ", "    ") for line in _columns(rows)]
        what = "1 service" if len(targets) == 1 else f"{len(targets)} services, each"
        blocks.append("\n".join([f"{words}: {what} with its slowest connect", *lines]))
    return blocks


def _names(target: TargetReport, report: Report) -> list[str]:
    """Who gave which addresses for the name."""
    answers = names(target, report)
    width = max(map(len, answers), default=0)
    return [_wrapped(f"{who:<{width}}  {given}", "  ", " " * (width + 4)) for who, given in answers.items()]


def _matrix(target: TargetReport, report: Report) -> list[str]:
    """Address by zone, port and step: a time where it went well, the failure in capitals where it did not."""
    rows: list[tuple[str, ...]] = [("address", "zone", "port", *STEPS)]
    shown: set[Address] = set()
    for row in matrix(target, report):
        address = row.address
        where = ("", "") if address.address in shown else (starred(address), zone(address))
        shown.add(address.address)
        rows.append((*where, str(row.port), *map(cell, row.steps)))
    if len(rows) == 1:
        return []
    lines = _columns(rows)
    if max(map(len, lines)) <= WIDTH:
        return lines
    # Long addresses stand on a line of their own.
    spread: list[tuple[str, ...]] = []
    for cells in rows:
        if cells[0] and cells is not rows[0]:
            spread.append((f"{cells[0]}  {cells[1]}",))
        spread.append(("", *cells[2:]))
    return _columns(spread)


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    """Cells under each other; a row of one cell takes no part in the widths."""
    whole = [row for row in rows if len(row) > 1]
    widths = [max(len(visible(row[column])) for row in whole) for column in range(len(whole[0]))]
    return [
        "  " + "  ".join(f"{visible(cell):<{width}}" for cell, width in zip(row, widths, strict=False)).rstrip()
        for row in rows
    ]


# --- Configuration and measurement -----------------------------------------------------------------------------------


def _picture(target: TargetReport, report: Report) -> list[str]:
    """The path to each address as the configuration has it, next to what was measured: in one line where nothing is
    wrong, hop by hop where it is blocked, is doubtful or differs."""
    short: dict[tuple[Address, str, str], list[ConfiguredPath]] = {}
    whole: dict[tuple[object, ...], list[ConfiguredPath]] = {}
    paths = [path for path in report.paths if path.target == target.id]
    for path in paths:
        if is_well(path):
            short.setdefault((path.address, ended(path), way(path)), []).append(path)
        else:
            whole.setdefault(likeness(path), []).append(path)
    if not paths:
        return []
    lines = [f"  by configuration, {read_at(paths, report)}"]
    for row in _rows(
        [
            (str(address), port_ranges((path.port for path in alike), target), *words)
            for (address, *words), alike in short.items()
        ]
    ):
        lines += row
    for block in whole.values():
        by_address: dict[Address, list[ConfiguredPath]] = {}
        for path in block:
            by_address.setdefault(path.address, []).append(path)
        for row in _rows(
            [
                (
                    str(address),
                    port_ranges((path.port for path in alike), target),
                    ended(alike[0]),
                    alike[0].interface_id or "",
                )
                for address, alike in by_address.items()
            ]
        ):
            lines += row
        lines += _hops(block)
    if any(path.predicted is Reachability.CANNOT_TELL and is_well(path) for path in paths):
        lines.append("  ?: the configuration that can be read does not decide it; it connects")
    return lines


def _hops(block: Sequence[ConfiguredPath]) -> list[str]:
    """The hops of paths that are drawn as one, each with what it does and what decides."""
    path = block[0]
    start = "this host" if path.source is None else str(path.source)
    lines = [_hop("from", "", f"{start} in {path.source_subnet_id}" if path.source_subnet_id else start)]
    there = listed(dict.fromkeys(drawn.subnet_id for drawn in block if drawn.subnet_id is not None))
    arrival = next((hop for hop in path.hops if hop.stage in AT_THE_END), None)
    for place, hop in enumerate(path.hops):
        rules = dict.fromkeys(specific(drawn.hops[place].rule, block) for drawn in block)
        if hop is arrival and path.subnet_id is not None and not is_inside_subnet(path):
            lines.append(_hop("into", "", there))
        lines.append(_hop(OUTCOMES[hop.outcome], STAGES[hop.stage], decides(hop, path, rules)))
        if hop.outcome is not Reachability.OPEN:
            lines.append(_wrapped(specific(hop.words, block), " " * 14))
        if hop.stage is path.parted_at:
            lines.append(
                _wrapped(f"<-- here measurement and configuration differ: {MEASURED[path.measured]}", " " * 14)
            )
        if hop.stage is Stage.HOST_GROUPS and is_inside_subnet(path):
            lines.append(_hop("", "same subnet", "which passes no ACL and no route"))
    lines += [_hop("unseen", "", specific(words, block)) for words in path.unseen]
    if path.agrees is False and path.parted_at is None:
        measured = MEASURED[path.measured]
        lines.append(_hop("differs", "", f"every hop lets it pass, yet it is {measured}; where it stops is not known"))
    return lines


def _hop(label: str, name: str, words: str) -> str:
    start = f"    {label:<8}  {name:<18}  " if name else f"    {label:<8}  "
    return _wrapped(f"{start}{words}", "", " " * len(start)) if words else start.rstrip()


def _rows(rows: Sequence[tuple[str, ...]]) -> list[list[str]]:
    """The lines of each row, cells under cells; the last ones stand below where there is no room."""
    if not rows:
        return []
    lines = _columns(list(rows))
    if max(map(len, lines)) <= WIDTH:
        return [[line] for line in lines]
    heads = _columns([row[:-1] for row in rows])
    return [
        [_wrapped(head, "", "    "), *([_wrapped(row[-1], "    ")] if row[-1] else [])]
        for head, row in zip(heads, rows, strict=True)
    ]


def _unseen(report: Report) -> str:
    """What was not checked, and why: each reason once."""
    lines = [_wrapped(f"{what}: {why}", "  ", "    ") for why, what in unseen(report).items()]
    if has_unused_answer(report):
        lines.append(f"  *: {UNUSED_ANSWER}")
    return "\n".join(["Not checked", *lines]) if lines else ""


def _vantage(report: Report) -> str:
    return _wrapped(f"{vantage(report)} For JSON: --format json", "", "  ")


def _wrapped(text: str, indent: str, later: str | None = None) -> str:
    return textwrap.fill(
        visible(text),  # ids of this instance come from outside, too; what was escaped before stays as it is
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if later is None else later,
        break_on_hyphens=False,
    )
