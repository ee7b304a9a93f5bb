"""The archive for a support case, and the block of text that AWS Support asks for."""

import asyncio
import math
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from agent.app.bundle_members import Cleaner, host_members, sources_of_host, sources_of_logs
from agent.app.check import run_once
from agent.app.discreet import discreet
from agent.app.errors import RequestError
from agent.app.history import last_changes, last_failed_report
from agent.app.own_commands import with_own_commands
from agent.app.read_saved import read_report
from agent.formats.registry import render
from agent.history.model import HistoryDocument
from agent.process.cancel import CancelToken
from agent.process.files import InterruptedBySignalError, within
from agent.process.output import one_line, to_stderr, to_stdout
from agent.process.signals import exit_on_signals
from agent.process.write_file import to_new_file, to_private_file
from agent.report import exits
from agent.report.archive import MAX_BYTES, Absent, Member, fitted, packed
from agent.report.escape import visible
from agent.report.model import Report
from agent.report.redact import Redactor
from agent.report.saved import SavedReportError
from agent.report.words import bounded
from agent.run.measuring import Measure
from agent.settings import BundleOptions, Setting, Settings
from agent.version import __version__
from probes.facts import HostFacts
from probes.frozen import dataclass
from probes.model import Address
from probes.system.host_files import HostFiles

MAX_CHANGES: Final = 200
"""Maximum number of changes from a history in the archive. The archive has the latest changes."""
LOGS_SECONDS: Final = 5.0
"""Time limit in seconds for finding logs. A folder of SAP may be on a network file system that does not answer."""
README: Final = "README.txt"
WRONG: Final = "wrong.txt"
ASSET_TAG: Final = "/sys/devices/virtual/dmi/id/board_asset_tag"
"""The file in which the firmware of a Nitro instance has the instance's id (EC2 User Guide, Detect whether a host is an
EC2 instance)."""
LOGS_WARNING: Final = (
    "Logs are free text. They may contain names of people, hosts and files that no mask knows: read the logs before "
    "you pass the archive on."
)
ELSEWHERE: Final = "left out: the report is not known to be of this host"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThisHost:
    """The sources of an archive on this host."""

    files: HostFiles
    environment: Mapping[str, str]
    addresses: Callable[[], frozenset[Address]]
    """Returns this host's own addresses; empty if the system does not report them."""
    now: Callable[[], datetime]


def bundle_here(
    options: BundleOptions, run: Settings | None, settings: Sequence[Setting], received_signals: list[str]
) -> int:
    """Make the archive, or print the block, on this host. Returns and raises like `bundle`."""
    from agent.app.world import measuring_here
    from probes.system.machine import SystemMachine
    from probes.system.sdk import end_children

    host = ThisHost(files=HostFiles(), environment=os.environ, addresses=_own_addresses, now=SystemMachine().now)
    try:
        return bundle(options, run, settings, host, received_signals, measuring_here())
    finally:
        end_children()


def bundle(
    options: BundleOptions,
    run: Settings | None,
    settings: Sequence[Setting],
    host: ThisHost,
    received_signals: list[str],
    measure: Measure,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> int:
    """Write the archive to a file and its path to stdout, or, with `options.case`, the block of text to stdout. `run`
    is the request for a new run, or None if a report was named.

    Returns the exit code: OK, or the code of a signal that came after the archive was written. Raises RequestError if
    there is no report or no place for the archive, InterruptedBySignalError if a signal came before that (nothing is
    written then), and OutputClosedError.
    """
    with exit_on_signals(received_signals):
        cleaner = Cleaner(None, host.environment)
        report = discreet(_report(options, run, received_signals, measure, loop_factory), cleaner.unsecret)
        if options.case:
            from agent.formats import case

            to_stdout(case.render(report))
        else:
            is_here = run is not None or _is_of_this_host(report, host)
            _write_archive(options, report, settings, host if is_here else None, host.environment, received_signals)
        return exits.SIGNALS[received_signals[0]] if received_signals else exits.OK


def _report(
    options: BundleOptions,
    run: Settings | None,
    received_signals: list[str],
    measure: Measure,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None,
) -> Report:
    """Return the named report, or the report of a new run."""
    if options.report is not None:
        try:
            return with_own_commands(read_report(options.report, received_signals))
        except SavedReportError as error:
            raise RequestError(str(error)) from error
    if options.history is not None:
        report, cycle = last_failed_report(options.history, received_signals)
        to_stderr(f"The report is that of cycle {cycle}, the latest that failed.\n")
        return with_own_commands(report)
    if run is None:
        raise RequestError("there is no report, and no run was requested")
    report = run_once(run, measure, CancelToken(received_signals), loop_factory)
    _heed(received_signals)
    return report


def _is_of_this_host(report: Report, host: ThisHost) -> bool:
    """Whether the run of a saved report was made on this host. If both instance ids are known, they decide. Otherwise,
    this host must have all addresses in the report. False for a masked report, which has neither."""
    if report.run.redacted:
        return False
    try:
        own = host.files.start(ASSET_TAG, 64)[0].decode("ascii", "replace").strip()
    except OSError:
        own = ""
    if own.startswith("i-") and report.vantage.instance_id is not None:
        return own == report.vantage.instance_id
    known = {
        interface.address.ip
        for observation in report.observations
        if isinstance(facts := observation.facts, HostFacts)
        for interface in facts.interfaces or ()
        if not (interface.address.ip.is_loopback or interface.address.ip.is_link_local)
    }
    return bool(known) and known <= host.addresses()


def _own_addresses() -> frozenset[Address]:
    from probes.system.machine import SystemMachine

    return frozenset(interface.address.ip for interface in SystemMachine().interfaces() or ())


# --- The archive -----------------------------------------------------------------------------------------------------


def _write_archive(
    options: BundleOptions,
    report: Report,
    settings: Sequence[Setting],
    host: ThisHost | None,
    environment: Mapping[str, str],
    received_signals: list[str],
) -> None:
    masks = None if options.plain else Redactor(report)
    shown = report if masks is None else masks.report()
    cleaner = Cleaner(masks, environment)
    if host is not None:
        cleaner.word("host", socket.gethostname(), everywhere=True)
    folder = f"backuplink-{report.run.started_at:%Y%m%dT%H%M%SZ}"
    place = options.output or f"{folder}.tar.gz"
    to_send = None if options.wrong is None else _to_send(options.wrong, shown, folder, cleaner)
    found = [
        *([] if to_send is None else [Member(name=WRONG, what="a text to send with this archive", content=to_send)]),
        *_members(options, shown, report, settings, host, cleaner, received_signals),
    ]
    kept, dropped = fitted([member for member in found if isinstance(member, Member)])
    absent = [*(member for member in found if isinstance(member, Absent)), *dropped]
    moment = None if host is None else host.now()
    readme = _readme(shown, kept, absent, moment, cleaner)
    members = (
        Member(name=README, what="a list of the content", content=readme.encode("utf-8", "backslashreplace")),
        *kept,
    )
    archive = packed(folder, members, report.run.finished_at)
    if len(archive) > MAX_BYTES:
        raise RequestError(f"the archive would have {len(archive):,} bytes, more than {MAX_BYTES:,}")
    to_stderr(f"{one_line(place)} will contain, in {folder}/:\n")
    to_stderr("".join(f"{line}\n" for line in (*_list_of(members), *_absences(absent))))
    if options.logs and host is not None:
        to_stderr(f"Warning: {LOGS_WARNING}\n")
    if to_send is not None:
        to_stderr(f"\nSend this text with the archive, in which it is {WRONG}:\n\n{to_send.decode()}\n")
    _heed(received_signals)
    if _write(archive, options.output, place):
        to_stdout(f"{place}\n")


def _to_send(true: str, shown: Report, folder: str, cleaner: Cleaner) -> bytes:
    from agent.formats import wrong

    # The argument may contain bytes that are not text. Python decodes these as lone surrogates, which no encoding has.
    words = cleaner.text(true.encode("utf-8", "backslashreplace").decode("utf-8"))
    return wrong.render(shown, words, folder).encode("utf-8")


def _write(archive: bytes, output: str | None, place: str) -> bool:
    """Write the archive. Returns whether the path now is a file, and not a pipe or an open descriptor. Raises
    RequestError."""

    def write() -> bool:
        if output is not None:
            return to_private_file(archive, Path(output))
        to_new_file(archive, Path(place))
        return True

    try:
        # In a thread, so that a signal ends the wait for a file system that never answers.
        return within(write, seconds=math.inf)
    except FileExistsError as error:
        raise RequestError(
            f"{place} exists already, and is left as it is; --output names a file that may be replaced"
        ) from error
    except OSError as error:
        raise RequestError(f"{place} cannot be written: {error.strerror}; there is no archive") from error
    except ValueError as error:  # a path with a NUL
        raise RequestError(f"{place} cannot be written: {error}; there is no archive") from error


def _members(
    options: BundleOptions,
    shown: Report,
    report: Report,
    settings: Sequence[Setting],
    host: ThisHost | None,
    cleaner: Cleaner,
    received_signals: list[str],
) -> Iterator[Member | Absent]:
    """Yield the possible members of the archive, the most important first."""
    for wanted, what in (
        ("json", "the report, for programs" + ("" if shown.run.redacted else " and `backuplink diagnose`")),
        ("text", "the report, for people"),
        ("html", "the report as a page, for a browser"),
    ):
        name = {"text": "report.txt"}.get(wanted, f"report.{wanted}")
        yield Member(name=name, what=what, content=render(shown, wanted).encode("utf-8"))
    if settings:
        content = _settings(settings, cleaner).encode("utf-8", "backslashreplace")
        yield Member(name="settings.txt", what="settings of the run, and where each was set", content=content)
    if host is None:
        yield Absent(name="host/", why=ELSEWHERE)
    else:
        # This is the report without masks: its versions and the links by which logs are found are needed.
        sources = sources_of_host(report, cleaner, host.files, host.environment)
        yield from host_members(sources, received_signals)
    if options.history is not None:
        text = _history(last_changes(options.history, MAX_CHANGES, received_signals), cleaner)
        yield Member(
            name="history.txt",
            what=f"the latest changes in the history, at most {MAX_CHANGES}",
            content=text.encode("utf-8", "backslashreplace"),
            keeps="end",
        )
    if not options.logs:
        yield Absent(name="logs/", why="left out: --logs adds them")
    elif host is None:
        yield Absent(name="logs/", why=ELSEWHERE)
    else:
        files = host.files
        try:
            sources = within(
                lambda: sources_of_logs(report, cleaner, files),
                seconds=LOGS_SECONDS,
                received_signals=received_signals,
            )
        except OSError as error:
            yield Absent(name="logs/", why=f"not read: {error.strerror}")
        else:
            yield from host_members(sources, received_signals)


def _settings(settings: Sequence[Setting], cleaner: Cleaner) -> str:
    lines = ["Options of the run that do not have their defaults, and where each was set.", ""]
    for setting in settings:
        words = ", ".join(_value(value, setting.kind, cleaner) for value in setting.values)
        lines.append(f"{setting.name} = {visible(words) or '(set; not shown)'}  ({setting.source})")
    return "".join(f"{line}\n" for line in lines)


def _value(value: str, kind: str | None, cleaner: Cleaner) -> str:
    if kind is None:
        return cleaner.text(value)
    service, sign, host = value.partition("=") if kind == "host" else ("", "", value)
    return f"{service}{sign}{cleaner.word(kind, host)}"


def _history(document: HistoryDocument, cleaner: Cleaner) -> str:
    """Return the list of a history. Secrets are removed from the texts before lines are wrapped, since a line break
    could hide a secret."""
    from agent.documents.render import render
    from agent.history import content
    from agent.history.render import ShownHistory

    series = tuple(
        replace(
            one,
            name=cleaner.text(one.name),
            summary=cleaner.text(one.summary),
            last_failure=None if one.last_failure is None else cleaner.text(one.last_failure),
        )
        for one in document.series
    )
    changes = tuple(
        replace(one, series=cleaner.text(one.series), text=cleaner.text(one.text)) for one in document.changes
    )
    cleaned = replace(document, series=series, changes=changes)
    return render(content.document(ShownHistory(document=cleaned)), "text")


def _readme(
    report: Report, members: Sequence[Member], absent: Sequence[Absent], moment: datetime | None, cleaner: Cleaner
) -> str:
    """Return a description of the archive's content. `moment` is the time at which the host was read. None if it was
    not read."""
    masked = (
        "Ids, account numbers, addresses, names of hosts and roles, and texts of AWS are masked. A value has the same "
        "mask in every file here. Comments in configuration files are left out."
    )
    clear = "Nothing but secrets is masked: ids, addresses and names are in the clear."
    lines = [
        f"Made by backuplink {__version__} of run {bounded(visible(report.run.id))}, {_moment(report.run.started_at)}.",
        f"{report.verdict.status.upper()}: {bounded(visible(report.verdict.summary))}",
        "",
        masked if cleaner.is_masking or report.run.redacted else clear,
        "*** replaces credentials, tokens, passwords and the queries of URLs.",
        "",
        *_list_of(members),
        *_absences(absent),
    ]
    if moment is not None:
        lines += ["", f"host/ and logs/ were read at {_moment(moment)}."]
    if any(member.name.startswith("logs/") for member in members):
        lines += ["", LOGS_WARNING]
    return "".join(f"{line}\n" for line in lines)


def _list_of(members: Sequence[Member]) -> Iterator[str]:
    width = max(len(member.name) for member in members)
    for member in members:
        cut = "" if member.missing is None else f" ({member.missing})"
        yield f"  {member.name:<{width}} {len(member.content):>9,} bytes  {member.what}{cut}"


def _absences(absent: Sequence[Absent]) -> Iterator[str]:
    if absent:
        yield "Not in it:"
    for member in absent:
        yield f"  {member.name}: {visible(member.why)}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _heed(received_signals: Sequence[str]) -> None:
    """Raise InterruptedBySignalError if a signal came. There is no archive yet, and none will be made."""
    if received_signals:
        raise InterruptedBySignalError(received_signals[0])
