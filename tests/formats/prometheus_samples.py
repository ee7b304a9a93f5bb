"""Reads a document in the text format of Prometheus as a scrape does."""

from dataclasses import replace

from agent.formats import prometheus
from agent.report.escape import visible
from agent.report.model import Report
from tests.formats.monitors import families_in, samples_in
from tests.support.untrusted import spoken

Read = dict[str, dict[tuple[str, ...], float]]


def read(report: Report) -> Read:
    """The samples of each metric, by the values of its labels in the order of the labels."""
    samples: Read = {family.name: {} for family in prometheus.FAMILIES}
    names = {family.name: family.labels for family in prometheus.FAMILIES}
    for (metric, labels), value in samples_in(prometheus.render(report)).items():
        samples[metric][tuple(dict(labels)[label] for label in names[metric])] = value
    return samples


def holds(text: str) -> None:
    """Assert the promises that every document keeps, whatever its content is."""
    assert text.endswith("\n")
    assert text.replace("\n", "").isprintable()
    assert text.isascii()
    known = {family.name: family for family in prometheus.FAMILIES}
    seen = []
    for family in families_in(text):
        seen.append(family.name)
        assert family.type == "gauge"
        assert family.documentation == known[family.name].help
        assert family.samples
        for sample in family.samples:
            assert sample.name == family.name
            assert sample.timestamp is None  # the textfile collector refuses a file with a time stamp
            assert set(sample.labels) == set(known[family.name].labels)
    assert seen == [name for name in known if name in seen]
    samples_in(text)


def check(text: str) -> None:
    """Assert that the foreign text appears escaped in a label, and has no other effect."""
    report = spoken(text)
    report = replace(
        report,
        targets=tuple(
            replace(target, id=f"{number}{text}", region=text) for number, target in enumerate(report.targets)
        ),
    )
    document = prometheus.render(report)
    holds(document)
    escaped = visible(text)
    assert set(read(report)["backuplink_build_info"]) == {(escaped,)}
    assert {(target, region, host) for target, _, region, host, _, _ in read(report)["backuplink_target_info"]} == {
        (f"{number}{escaped}", escaped, escaped) for number in range(len(report.targets))
    }
    assert {target for _, _, _, target, _ in read(report)["backuplink_findings"]} == {escaped}
