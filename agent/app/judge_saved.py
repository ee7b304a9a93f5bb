"""What can be done with saved reports: judge one again, or compare two. Nothing is measured."""

from agent.app.errors import RequestError
from agent.app.read_saved import read_report
from agent.app.write_document import write_report
from agent.process.output import to_stdout
from agent.report import exits, saved
from agent.settings import ReportOptions


def judge_saved(place: str, options: ReportOptions) -> int:
    """Judge a saved report with the rules of this version and write the new report. Returns the exit code of its
    verdict. Raises RequestError and OutputClosedError."""
    from agent.judge.verdict import judge

    try:
        measurement = saved.measurement_of(read_report(place))
    except saved.SavedReportError as error:
        raise RequestError(str(error)) from error
    report = judge(measurement, suppress=options.suppressions)
    return write_report(report, options, exits.of_verdict(report.verdict.status, options.fail_on))


def compare_saved(old: str, new: str, *, as_json: bool) -> int:
    """Write the differences between two saved reports. Returns the exit code of the worst cause that is new or worse.
    Raises RequestError and OutputClosedError."""
    from agent.formats import diff as diff_format
    from agent.report.diff import NotComparableError, difference

    try:
        found = difference(read_report(old), read_report(new))
    except (saved.SavedReportError, NotComparableError) as error:
        raise RequestError(str(error)) from error
    to_stdout(diff_format.as_json(found) if as_json else diff_format.as_text(found))
    return exits.of_status(found.worse)
