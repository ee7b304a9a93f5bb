"""The commands on saved reports: judge a report again, or compare two reports. Nothing is measured."""

from agent.app.errors import RequestError
from agent.app.publish import DIFFERENCE, REPORT, publish
from agent.app.read_saved import read_report
from agent.process.signals import exit_on_signals
from agent.report import exits, saved
from agent.settings import Output, ReportOptions


def judge_saved(place: str, options: ReportOptions, received_signals: list[str]) -> int:
    """Judge a saved report with the rules of this version and write the new report. Returns the exit code: the code of
    the first signal if one was received, otherwise the code of the new verdict. Raises RequestError,
    InterruptedBySignalError if a signal came before everything was read, and OutputClosedError."""
    from agent.judge.verdict import judge

    with exit_on_signals(received_signals):
        try:
            measurement = saved.measurement_of(read_report(place, received_signals))
        except saved.SavedReportError as error:
            raise RequestError(str(error)) from error
        report = judge(measurement, suppress=options.suppressions)
        if options.redact:
            from agent.app.discreet import discreet_here

            report = discreet_here(report)
        code = publish(REPORT, report, options, exits.of_verdict(report.verdict.status, options.fail_on))
        return exits.SIGNALS[received_signals[0]] if received_signals else code


def compare_saved(old: str, new: str, received_signals: list[str], *, output: Output) -> int:
    """Write the differences between two saved reports. Returns the exit code: the code of the first signal if one was
    received, otherwise the code of the worst cause that is new or worse. Raises like `judge_saved`."""
    from agent.app.own_commands import with_own_commands
    from agent.report.diff import NotComparableError, difference

    with exit_on_signals(received_signals):
        try:
            before = read_report(old, received_signals)
            after = with_own_commands(read_report(new, received_signals))
            changes = difference(before, after, (_name(old), _name(new)))
        except (saved.SavedReportError, NotComparableError) as error:
            raise RequestError(str(error)) from error
        code = publish(DIFFERENCE, changes, output, exits.of_status(changes.worse))
        return exits.SIGNALS[received_signals[0]] if received_signals else code


def _name(place: str) -> str:
    return "stdin" if place == "-" else place
