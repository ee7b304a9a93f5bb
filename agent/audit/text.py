"""The audit for people: the verdict, then each VPC with its faults and what would fix them.

80 columns, plain ASCII, readable without colour. Text from outside is escaped before it is shown.
"""

import textwrap
from collections.abc import Iterator
from typing import Final

from agent.audit import phrases as content
from agent.audit.model import AuditDocument, AuditedVpc, AuditFault
from agent.catalog.wording import counted
from agent.report.escape import visible
from agent.report.model import Status
from agent.report.words import WIDTH, bounded, command_lines, unchecked

MOST_FAULTS: Final = 12
"""Of one VPC; JSON has all."""
_INDENT: Final = "   "
_COLOURS: Final = {Status.OK: "32", Status.WARNING: "33", Status.CRITICAL: "31", Status.UNKNOWN: "35"}


def render(document: AuditDocument, *, colour: bool = False) -> str:
    """The text, its first word coloured with `colour`."""
    shown = [vpc for vpc in document.vpcs if vpc.status is not Status.NOT_IN_USE]
    left = [vpc for vpc in document.vpcs if vpc.status is Status.NOT_IN_USE]
    parts = [
        _verdict(document, colour=colour),
        *(part for vpc in shown for part in _vpc(vpc)),
        _not_in_use(left),
        _unanswered(document),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _verdict(document: AuditDocument, *, colour: bool) -> str:
    word = document.verdict.status.upper()
    later = " " * (len(word) + 2)
    shown = f"\x1b[1;{_COLOURS[document.verdict.status]}m{word}\x1b[0m" if colour else word
    summary = _wrapped(f"{word}  {document.verdict.summary}", "", later).replace(word, shown, 1)
    lines = [summary, _wrapped(content.basis(document), later)]
    if document.unresolved_hours:
        hours = f"{document.unresolved_hours:,} interface-hours a month"
        lines.append(_wrapped(f"Endpoints that no name leads to: {hours}.", later))
    return "\n".join(lines)


def _vpc(vpc: AuditedVpc) -> Iterator[str]:
    counting = "" if vpc.counts else " (not counted)"
    head = _wrapped(f"{content.status_word(vpc.status)}  {content.place(vpc)}{counting}: {vpc.summary}", "", "  ")
    workloads = [_wrapped(content.workload_words(workload), "  ", "    ") for workload in vpc.workloads]
    yield "\n".join(["-" * WIDTH, head, *workloads])
    for number, fault in enumerate(vpc.faults[:MOST_FAULTS], 1):
        yield "\n".join(_fault(number, fault))
    if len(vpc.faults) > MOST_FAULTS:
        yield f"{len(vpc.faults) - MOST_FAULTS} more faults of {vpc.vpc_id}: --format json has them."
    if vpc.services:
        yield "\n".join(["Names", *(_service_lines(vpc))])
    if vpc.endpoints:
        yield "\n".join(_endpoints(vpc))
    if vpc.central:
        lines = (_wrapped(bounded(content.central_words(central)), "  ", "    ") for central in vpc.central)
        yield "\n".join(["Central endpoints", *lines])
    for title, words in (("Not readable", vpc.not_readable), ("Not read", vpc.not_read)):
        if words:
            yield "\n".join([title, *(_wrapped(line, "  ", "    ") for line in words)])


def _service_lines(vpc: AuditedVpc) -> Iterator[str]:
    for service in vpc.services:
        yield _wrapped(service.host, "  ")
        yield _wrapped(content.answer_words(service), "    ")


def _fault(number: int, fault: AuditFault) -> Iterator[str]:
    code = f" [{fault.code}]" if fault.code is not None else ""
    yield _wrapped(f"{number}. {content.head(fault)}{code}", "", _INDENT)
    if aside := content.aside(fault):
        yield _wrapped(f"({aside})", _INDENT)
    yield _wrapped(bounded(fault.detail), _INDENT)
    if fault.fix is not None:
        yield _wrapped(f"What to do: {fault.fix.summary}", _INDENT)
        yield from (command_lines(command, f"{_INDENT}  ") for command in fault.fix.commands)
        yield from (_wrapped(words, _INDENT) for words in unchecked(fault.fix))
    if fault.code is not None:
        yield _wrapped(f"See: backuplink explain {fault.code}", _INDENT)


def _endpoints(vpc: AuditedVpc) -> Iterator[str]:
    yield "Endpoints"
    for endpoint in vpc.endpoints:
        service, kind, state, dns, _, used, hours = content.endpoint_cells(endpoint)
        yield _wrapped(f"{endpoint.endpoint_id} {service}, {kind}, {state}", "  ", "    ")
        cost = "" if hours == "-" else f", {hours} interface-hours a month"
        if kind == "interface":
            count = counted(endpoint.interface_count, "interface")
            yield _wrapped(f"private DNS {dns}, {count}, in use by name: {used}{cost}", "    ")
        else:
            yield _wrapped(f"in a route table: {used}", "    ")
    if (words := content.unresolved_words(vpc.unresolved_hours)) is not None:
        yield _wrapped(words, "  ")


def _not_in_use(vpcs: list[AuditedVpc]) -> str:
    if not vpcs:
        return ""
    return "\n".join(
        [
            "Not in use: no endpoint of a workload, and none was asked for",
            *(_wrapped(content.place(vpc), "  ", "    ") for vpc in vpcs),
        ]
    )


def _unanswered(document: AuditDocument) -> str:
    if not document.unanswered:
        return ""
    lines = (_wrapped(content.unanswered_words(one), "  ", "    ") for one in document.unanswered)
    return "\n".join(["No answer", *lines])


def _wrapped(text: str, first: str, later: str | None = None) -> str:
    """`text` in lines of WIDTH, without control characters."""
    return textwrap.fill(
        visible(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=first if later is None else later,
        break_on_hyphens=False,
    )
