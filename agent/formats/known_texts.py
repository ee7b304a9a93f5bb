"""What is known of lines of logs, as text and as JSON: the second form of `backuplink explain`."""

import shlex
import textwrap
from typing import Any, Final

from agent.catalog.findings import CODES
from agent.catalog.known_texts import Certainty
from agent.catalog.text_search import MAX_LINE_CHARACTERS, AddressHint, SearchResult, TextMatch, shown
from agent.catalog.wording import listed
from agent.formats.explain import SCHEMA
from agent.report.codec import dumps
from agent.report.escape import visible
from agent.report.secrets import without_secrets
from agent.report.words import WIDTH

LINE_CHARACTERS: Final = 300
"""Of a line that is quoted in text. JSON has all that was searched; neither has what may be a secret."""
_CERTAINTIES: Final = {
    Certainty.CERTAIN: "certain: AWS's document, or the code that writes the text",
    Certainty.DOCUMENTED: "documented, but old or not read again",
    Certainty.REPORTED: "reported by users",
}
_HINTS: Final = {
    AddressHint.PUBLIC: "{address} is a public address, which no interface endpoint has: private DNS is not in effect "
    "for this name (DNS001).",
    AddressHint.PUBLIC_AS_EVER: "{address} is a public address, as this service has through a gateway endpoint, too.",
    AddressHint.PRIVATE: "{address} is a private address, so a public answer (DNS001) is not the cause.",
    AddressHint.BOGUS: "{address} is an address that no endpoint has (DNS010).",
}


def as_text(result: SearchResult, *, bold: bool = False) -> str:
    """The matches for a terminal, `bold` if it can show bold text."""
    if not result.matches:
        return "".join(f"{line}\n" for line in [*_no_match(result), *_notes(result)])
    lines: list[str] = []
    several = len(result.matches) > 1
    if several:
        lines += [f"{len(result.matches)} known texts, the innermost cause first.", ""]
    for number, match in enumerate(result.matches, 1):
        title = visible(shown(match.pattern))
        lines += _wrapped(f"{number}. {title}" if several else title, bold=bold)
        lines += ["", *_part(match, result, bold=bold), ""]
    return "\n".join([*lines[:-1], *_notes(result)]) + "\n"


def as_json(result: SearchResult) -> str:
    """The matches, as one JSON object; and where there are none, what to run next."""
    command = None if result.matches else result.next_command
    return dumps(
        {
            "schema": SCHEMA,
            "lines": result.lines,
            "lines_cut": result.cut,
            "texts_left_out": result.left_out,
            "texts": [_row(match) for match in result.matches],
            "next_command": None if command is None else list(command),
        }
    )


def _no_match(result: SearchResult) -> list[str]:
    """What to do next where nothing is known."""
    lines = "this line" if result.lines == 1 else f"these {result.lines} lines"
    known = f"backuplink knows no text that is in {lines}. It knows texts in English alone."
    words = _wrapped(known if result.lines else "There is no line on stdin.")
    command = result.next_command
    if result.speaks_of_jobs:
        words += _wrapped(
            "It seems to be about a job of AWS Backup, whose calls are made inside AWS: look at the role of the job, "
            "at the vault and at the KMS key. This lists the jobs that failed, with their messages:"
        )
    elif command is not None:
        words += _wrapped("Measure the path on the host that wrote it, whatever its log says:")
    elif result.host is not None:
        words += _wrapped(
            visible(
                f"This version of backuplink does not check {result.host.service}, the service of {result.host.host}."
            )
        )
    else:
        words += _wrapped(_of_unknown(result.unknown_host))
    return [
        *words,
        *([] if command is None else [f"  {shlex.join(command)}"]),
        *_wrapped("Or look up all lines around the failure, since another may be known:"),
        "  backuplink explain --text - < LOG",
    ]


def _of_unknown(host: str | None) -> str:
    return visible(f"backuplink cannot say whose host {host} is, and does not check it.")


def _part(match: TextMatch, result: SearchResult, *, bold: bool) -> list[str]:
    known = match.known
    lines = _wrapped(f"Written by: {known.writer}")
    if result.lines > 1:
        more = "" if match.lines == 1 else f", and {match.lines - 1} more"
        line = without_secrets(match.line)  # people paste it into tickets
        quoted = line if len(line) <= LINE_CHARACTERS else f"{line[:LINE_CHARACTERS]} ..."
        lines += _wrapped(f"Line {match.number}{more}: {visible(quoted.strip())}")
    lines += ["", _heading("What it means", bold=bold), *_wrapped(known.means)]
    for words in (_of_host(match), _of_address(match)):
        lines += _wrapped(words) if words else []
    lines += ["", _heading("Findings that can cause it", bold=bold), *_findings(match)]
    if match.command is not None or match.unchecked or match.unknown_host is not None:
        lines += ["", _heading("Prove or clear", bold=bold), *_check(match)]
    if known.advice:
        lines += ["", _heading("What else to do", bold=bold), *_wrapped(known.advice)]
    return [*lines, "", _heading("Source", bold=bold), *_wrapped(f"{known.source} ({_CERTAINTIES[known.certainty]})")]


def _findings(match: TextMatch) -> list[str]:
    if match.codes:
        indent = " " * 19
        return [
            line
            for code in match.codes
            for line in textwrap.wrap(
                f"{code:<8} {CODES[code].severity:<9} {CODES[code].title}", WIDTH, subsequent_indent=indent
            )
        ]
    if match.known.has_network_cause:
        return ["None can be named by this text alone."]
    return ["None. The network has no part in this."]


def _check(match: TextMatch) -> list[str]:
    lines = []
    if match.command is not None:
        lines.append(f"  {shlex.join(match.command)}")
        lines += _wrapped(_of_run(match))
    if match.unchecked:
        words = f"This version of backuplink does not check {listed(match.unchecked)}"
        if match.command is not None and len(match.unchecked) == len(match.services):
            words += f": the run proves or clears {listed(match.codes_of_run)} alone"
        lines += _wrapped(visible(f"{words}."))
    if match.unknown_host is not None:
        lines += _wrapped(_of_unknown(match.unknown_host))
    return lines


def _of_run(match: TextMatch) -> str:
    """What the run of the command says."""
    jobs = "The run lists the jobs of the last day that failed, with their messages. " if match.is_of_job else ""
    if match.is_of_job and not match.known.is_of_job:
        return f"{jobs}AWS Backup makes the calls of a job itself: what has to change is the role of the job."
    if match.codes:
        return (
            f"{jobs}A finding that the run lists is proven. One that it does not list is cleared, if the run was "
            "complete and made the step. `backuplink explain CODE` has the fix."
        )
    if match.known.has_network_cause:
        return f"{jobs}The run tests the path, which may have a part in it."
    return f"{jobs}What has to change is the role of the job, the vault, the key or the plan, and nothing on this host."


def _of_host(match: TextMatch) -> str:
    if match.host is None:
        return ""
    name, service, region = match.host.host, match.host.service, match.host.region
    whose = f"the global one of {service}" if region is None else f"that of {service} in {region}"
    return visible(f"The host {name} is {whose}.")


def _of_address(match: TextMatch) -> str:
    return "" if match.hint is None else visible(_HINTS[match.hint].format(address=match.address))


def _notes(result: SearchResult) -> list[str]:
    notes = []
    if result.cut:
        lines = "1 line is" if result.cut == 1 else f"{result.cut} lines are"
        notes += ["", *_wrapped(f"{lines} longer than {MAX_LINE_CHARACTERS} characters, and searched up to there.")]
    if result.left_out:
        notes += ["", *_wrapped(f"{result.left_out} more matches are left out.")]
    return notes


def _row(match: TextMatch) -> dict[str, Any]:
    known = match.known
    host = match.host
    return {
        "id": known.id,
        "text": shown(match.pattern),
        "written_by": known.writer,
        "line": without_secrets(match.line),
        "line_number": match.number,
        "line_count": match.lines,
        "means": known.means,
        "host": None if host is None else {"name": host.host, "service": host.service, "region": host.region},
        "unknown_host": match.unknown_host,
        "address": None if match.address is None else {"address": str(match.address), "hint": match.hint},
        "findings": [
            {"code": code, "name": CODES[code].name, "severity": CODES[code].severity, "title": CODES[code].title}
            for code in match.codes
        ],
        "has_network_cause": known.has_network_cause,
        "command": None if match.command is None else list(match.command),
        "services_not_checked": list(match.unchecked),
        "advice": known.advice or None,
        "source": known.source,
        "certainty": known.certainty,
    }


def _heading(words: str, *, bold: bool) -> str:
    return f"\x1b[1m{words}\x1b[0m" if bold else words.upper()


def _wrapped(words: str, *, bold: bool = False) -> list[str]:
    lines = textwrap.wrap(words, WIDTH, break_on_hyphens=False)
    return [f"\x1b[1m{line}\x1b[0m" for line in lines] if bold else lines
