"""The command `backuplink`: it runs a command and reports errors around it.

stdout gets one document and nothing else, whether a run ends or is refused. Messages for people go to stderr. The
commands return their exit code. Only `dispatch` handles their errors.
"""

import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from agent.app.errors import RequestError
from agent.cli.group import Group
from agent.process.exit_codes import OK, SIGNALS, UNKNOWN
from agent.process.files import InterruptedBySignalError
from agent.process.output import OutputClosedError, error_to_stderr, is_terminal, one_line, report_closed, to_stderr
from agent.version import __version__

COMPLETE: Final = "_BACKUPLINK_COMPLETE"
"""The variable by which a shell requests completions."""
_MODULES: Final = {
    "check": "check",
    "tui": "tui",
    "watch": "watch",
    "demo": "demo",
    "endpoints": "tables",
    "permissions": "tables",
    "facts": "facts",
    "schema": "tables",
    "explain": "explain",
    "diagnose": "saved",
    "diff": "saved",
    "history": "history",
    "bundle": "bundle",
    "predict": "predict",
    "audit": "audit",
    "fleet": "fleet",
    "fleet pack": "fleet_lake",
    "fleet put": "fleet_lake",
    "fleet athena": "fleet_lake",
}


def dispatch(arguments: list[str], received_signals: list[str]) -> int:
    """Run one command and return its exit code. `received_signals` names the signals received so far."""
    if os.environ.get(COMPLETE):
        return _complete(os.environ[COMPLETE])
    try:
        code = main.main(arguments, prog_name="backuplink", standalone_mode=False, obj=received_signals)
        return int(code) if code is not None else OK
    except OutputClosedError as error:
        report_closed(error)
        return UNKNOWN
    except click.UsageError as error:
        reason = f"{_ended(error.format_message())} Try '{_where(error, arguments)} --help'."
        return _refuse(one_line(reason), arguments, is_error=True)
    except RequestError as error:  # the command line is valid, so a hint at its help would not be of use
        return _refuse(one_line(_ended(error.why)), arguments, is_error=True)
    except InterruptedBySignalError as error:
        from agent.process.signals import exit_on_signals, start_grace_timer

        with exit_on_signals(received_signals):
            start_grace_timer()
            return _refuse(f"interrupted by {error.name}", arguments, SIGNALS[error.name])
    except click.Abort:
        return _refuse("interrupted", arguments, SIGNALS["SIGINT"])
    except Exception as error:  # noqa: BLE001 - the last resort: a fault of ours is reported, with a valid document
        import traceback

        from probes.urls import masked_urls

        trace = masked_urls(traceback.format_exc())
        return _refuse(one_line(f"internal error: {type(error).__name__}: {error}"), arguments, trace=trace)
    finally:
        to_stderr("")  # otherwise the flush at exit would fail again over what a terminal did not accept


def _complete(instruction: str) -> int:
    """Write the completions that a shell requests. Returns the exit code: UNKNOWN if the variables are not set as the
    shell's script sets them."""
    from click.shell_completion import shell_complete

    try:
        is_known = shell_complete(main, {}, "backuplink", COMPLETE, instruction) == OK
    except (KeyError, ValueError, IndexError):
        is_known = False
    if not is_known:
        error_to_stderr(
            f"Error: {COMPLETE} and its companion variables are not set as a shell's completion script sets them.\n"
        )
        return UNKNOWN
    return OK


def _ended(reason: str) -> str:
    """Return the reason as a sentence."""
    reason = reason.replace("\n\t", " ")  # click lists choices on lines of their own
    # Where click suggests several options, the sentence is in brackets.
    return reason if reason.endswith((".", "?", "?)")) else f"{reason}."


def _where(error: click.UsageError, arguments: Sequence[str]) -> str:
    """Return the command whose help explains the correct usage."""
    if error.ctx is not None:
        return error.ctx.command_path
    # click omits the command if an option lacks its value.
    return " ".join(["backuplink", *(word for word in arguments[:1] if word in main.commands)])


def _refuse(why: str, arguments: Sequence[str], code: int = UNKNOWN, *, is_error: bool = False, trace: str = "") -> int:
    """Write a document that contains only the reason of a refusal. `trace` goes to stderr, and so does the reason
    unless the same terminal already shows it as the text of the document.

    The document comes first: monitors such as Icinga read both streams as one text, and show its first line. On a
    terminal it comes last, where a person sees it."""
    from agent.app.publish import refuse
    from agent.cli.refused import refused_document

    kind, wanted = refused_document(arguments, os.environ)
    is_text = wanted == "text"
    errors = trace
    if is_error and not (is_text and is_terminal(sys.stdout) and is_terminal(sys.stderr)):
        errors += f"Error: {why}\n"
    if is_terminal(sys.stderr):
        error_to_stderr(errors)
        errors = ""
    try:
        return refuse(kind, why, wanted, code)
    finally:
        error_to_stderr(errors)


@click.group(
    cls=Group,
    modules={name: f"agent.cli.commands.{module}" for name, module in _MODULES.items()},
    examples=("backuplink check", "backuplink demo one-zone-silent", "backuplink explain TCP002"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Diagnose the private path from this host to AWS Backup and Backup gateway.

    Resolves the endpoint names at every relevant resolver, tests TCP, TLS, HTTP and a signed call at every address, and
    reports the root cause and its fix. With read access to EC2, it also names the rule, ACL entry or route by its id.
    Without a command it runs `check`. On a terminal, if it has no arguments at all, it runs `tui`.

    Exit codes: 0 ok, 1 warning, 2 critical, 3 unknown or an error; 129, 130 or 143 after SIGHUP, SIGINT or SIGTERM.
    """
