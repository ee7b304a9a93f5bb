"""What must hold for a report as test results, whoever chose its words."""

from collections import Counter

from agent.formats import junit
from agent.formats.report_text import visible
from tests.formats.junit_results import read
from tests.support.runs import report_of
from tests.support.untrusted import SPOKEN_OF, spoken


def check(text: str) -> None:
    report = spoken(text)
    document = junit.render(report)
    found = read(document)
    assert found[0].message == visible(text)
    sound = Counter(each.result for each in read(junit.render(report_of(SPOKEN_OF))))
    assert Counter(each.result for each in found if each.name != "proven") == sound
    [cause] = [each for each in found if each.name.startswith(report.findings[0].code)]
    assert visible(text).strip() in cause.text
