"""Promises of a report in the format `junit`, whatever texts from outside it contains."""

from collections import Counter

from agent.formats import junit
from agent.report.escape import visible
from tests.formats.junit_results import read
from tests.support.runs import report_of
from tests.support.untrusted import SPOKEN_OF, spoken


def check(text: str) -> None:
    report = spoken(text)
    document = junit.render(report)
    cases = read(document)
    assert cases[0].message == visible(text)
    sound = Counter(case.result for case in read(junit.render(report_of(SPOKEN_OF))))
    assert Counter(case.result for case in cases if case.name != "proven") == sound
    [cause] = [case for case in cases if case.name.startswith(report.findings[0].code)]
    assert visible(text).strip() in cause.text
