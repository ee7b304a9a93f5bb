"""The explanation of known log lines as a document for people: each text, its meaning, and how to confirm or exclude
the finding."""

from collections.abc import Iterator
from typing import Final

from agent.catalog.findings import CODES
from agent.catalog.known_texts import Certainty
from agent.catalog.text_search import MAX_LINE_CHARACTERS, AddressHint, SearchResult, TextMatch, shown
from agent.catalog.wording import counted, listed
from agent.documents.blocks import ALL, MUTED, Action, Block, Document, Section, Table, Text, ToDo
from agent.report.secrets import without_secrets

LINE_CHARACTERS: Final = 300
"""Maximum length of a quoted line. JSON has the whole searched text. Both leave out possible secrets."""
_CERTAINTIES: Final = {
    Certainty.CERTAIN: "certain, from a document of AWS or from the code that writes the text",
    Certainty.DOCUMENTED: "documented, but old or not read again",
    Certainty.REPORTED: "reported by users",
}
_HINTS: Final = {
    AddressHint.PUBLIC: "{address} is a public address, which no interface endpoint has: private DNS is not in effect "
    "for this name (DNS001).",
    AddressHint.PUBLIC_AS_EVER: "{address} is a public address, which is normal here: this service has public "
    "addresses through a gateway endpoint, too.",
    AddressHint.PRIVATE: "{address} is a private address, so a public answer (DNS001) is not the cause.",
    AddressHint.BOGUS: "{address} is an address that no endpoint has (DNS010).",
}
_LOG: Final = ("backuplink", "explain", "--text", "-")


def document(result: SearchResult) -> Document:
    """The blocks of a search."""
    notes = tuple(Text(words, MUTED) for words in _notes(result))
    if not result.matches:
        lines = "this line" if result.lines == 1 else f"these {result.lines} lines"
        known = f"backuplink does not know any text in {lines}. It knows only texts in English."
        words = known if result.lines else "There is no line on stdin."
        return Document(kind="unknown", word="UNKNOWN", summary=words, blocks=(*_next(result), *notes))
    several = len(result.matches) > 1
    return Document(
        kind="warning",
        word="KNOWN",
        summary=f"{counted(len(result.matches), 'text')}{', the innermost cause first' if several else ''}.",
        blocks=(*(_known(number, match, result) for number, match in enumerate(result.matches, 1)), *notes),
    )


def _next(result: SearchResult) -> Iterator[Block]:
    """Yield the next steps if nothing is known."""
    command = result.next_command
    if result.speaks_of_jobs:
        words = (
            "The text seems to be about a job of AWS Backup, whose calls are made inside AWS. Look at the role of the "
            "job, at the vault and at the KMS key. This command lists the jobs that failed, with their messages."
        )
    elif command is not None:
        words = "Measure the path on the host that wrote the text, whatever its log says."
    elif result.host is not None:
        words = f"This version of backuplink does not check {result.host.service}, the service of {result.host.host}."
    else:
        words = _of_unknown(result.unknown_host)
    yield Text(words) if command is None else ToDo(words, _reads(command))
    words = (
        "Look up all lines around the failure, since another line may be known. `< LOG` after the command reads them."
    )
    yield ToDo(words, _reads(_LOG), head="Or")


def _reads(argv: tuple[str, ...]) -> tuple[Action, ...]:
    return (Action(argv=argv, changes=False, undo=None),)


def _of_unknown(host: str | None) -> str:
    return f"backuplink cannot say whose host {host} is, and does not check it."


def _known(number: int, match: TextMatch, result: SearchResult) -> Section:
    known = match.known
    return Section(
        number=str(number),
        title=shown(match.pattern),
        blocks=(
            Text(f"Written by: {known.writer}"),
            *_quoted(match, result),
            *(Text(words) for words in (f"What it means: {known.means}", _of_host(match), _of_address(match)) if words),
            *_findings(match),
            *_check(match),
            *((Text(f"What else to do: {known.advice}"),) if known.advice else ()),
            Text(f"Source: {known.source} ({_CERTAINTIES[known.certainty]})", MUTED),
        ),
    )


def _quoted(match: TextMatch, result: SearchResult) -> Iterator[Text]:
    if result.lines > 1:
        more = "" if match.lines == 1 else f", and {match.lines - 1} more"
        line = without_secrets(match.line)  # people paste the text into tickets
        quoted = line if len(line) <= LINE_CHARACTERS else f"{line[:LINE_CHARACTERS]} ..."
        yield Text(f"Line {match.number}{more}: {quoted.strip()}")


def _findings(match: TextMatch) -> Iterator[Block]:
    if match.codes:
        yield Text("Findings that can cause it:")
        yield Table(
            caption=f"Findings that can cause {shown(match.pattern)}",
            heads=("code", "severity", "title"),
            rows=tuple((code, CODES[code].severity.value, CODES[code].title) for code in match.codes),
            most=ALL,
            headless=True,
        )
    elif match.known.has_network_cause:
        yield Text("Findings that can cause it: this text alone does not show which.")
    else:
        yield Text("Findings that can cause it: none. The network has no part in this.")


def _check(match: TextMatch) -> Iterator[Block]:
    """Yield the steps that confirm or exclude these findings."""
    if match.command is not None:
        yield ToDo(_of_run(match), _reads(match.command), head="Prove or clear")
    if match.unchecked:
        words = f"This version of backuplink does not check {listed(match.unchecked)}"
        if match.command is not None and len(match.unchecked) == len(match.services):
            words += f": the run can prove or clear only {listed(match.codes_of_run)}"
        yield Text(f"{words}.")
    if match.unknown_host is not None:
        yield Text(_of_unknown(match.unknown_host))


def _of_run(match: TextMatch) -> str:
    """Return a sentence about what a run of the command shows."""
    jobs = "The run lists the jobs of the last day that failed, with their messages. " if match.is_of_job else ""
    if match.is_of_job and not match.known.is_of_job:
        return f"{jobs}AWS Backup makes the calls of a job itself, so the role of the job has to change."
    if match.codes:
        return (
            f"{jobs}A finding that the run lists is proven. A finding that it does not list is cleared, if the run "
            "was complete and made the step. `backuplink explain CODE` has the fix."
        )
    if match.known.has_network_cause:
        return f"{jobs}The run tests the path, which may be a part of the cause."
    return f"{jobs}The role of the job, the vault, the key or the plan has to change, and nothing on this host."


def _of_host(match: TextMatch) -> str:
    if match.host is None:
        return ""
    name, service, region = match.host.host, match.host.service, match.host.region
    whose = f"the global host of {service}" if region is None else f"the host of {service} in {region}"
    return f"The host {name} is {whose}."


def _of_address(match: TextMatch) -> str:
    return "" if match.hint is None else _HINTS[match.hint].format(address=match.address)


def _notes(result: SearchResult) -> Iterator[str]:
    if result.cut:
        lines = "1 line is" if result.cut == 1 else f"{result.cut} lines are"
        yield f"{lines} longer than {MAX_LINE_CHARACTERS} characters, and only the text up to there was searched."
    if result.left_out:
        yield f"{result.left_out} more matches are left out."
