"""Readers of JUnit's XML, compared with the program's verdict. They must show failures exactly if the program's exit
code says that there is a fault, and must not lose a test case. They read the documents of one host or of several.
"""

import re
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import pytest

from tests.formats import junit_results
from tests.netns import program
from tests.netns.vpc import COMMAND_SECONDS
from tests.peers.setups import Setup, namespaces_missing
from tests.peers.software import MissingError, listed
from tests.peers.world import World, world
from tests.support import scenarios

pytestmark = pytest.mark.peers

_STATES: Final = ("ok", "warning", "critical", "unknown")
"""Names of the states, by exit code."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """The cases of the documents, counted by result."""

    tests: int
    red: int
    """The number of failures and errors."""
    skipped: int
    errors: int | None
    """The number of errors, or None if the reader does not distinguish errors from failures."""


@dataclass(frozen=True, kw_only=True)
class Results(Setup):
    """Hosts that are checked, and the results that a reader shows."""

    hosts: tuple[str, ...]
    """The VPC of each host, by its name in `agent.simulated.scenarios`."""
    codes: tuple[int, ...]
    """The exit code of the program on each host."""
    failures: int
    errors: int
    counted: "Reader"

    def missing(self) -> str | None:
        try:
            listed()["nodejs"].path()
        except MissingError as error:
            return str(error)
        return namespaces_missing() or super().missing()


Reader = Callable[[World, Sequence[Path]], Counts]
"""A function in which another vendor's software reads documents, and which counts the test cases. The software runs in
a VPC, and sees its files.
"""


def by_junit2html(built: World, documents: Sequence[Path]) -> Counts:
    """Count with the matrix that junit2html prints and its exit code. Assert that its page has every case with its
    text.
    """
    own = listed()["pypi:junit2html"].path()
    asked = built.output_of(own, "--max-failures", "1", "--summary-matrix", *map(str, documents))
    assert asked.stderr == ""
    rows = re.findall(r"^  (Passed|Failed|Skipped) +: +(\d+)$", asked.stdout, re.M)
    numbers = Counter({name: int(count) for name, count in rows})
    assert asked.returncode == numbers["Failed"]
    for document in documents:
        page = document.with_suffix(".html")
        drawn = built.output_of(own, str(document), str(page))
        assert (drawn.returncode, drawn.stderr) == (0, "")
        text = _text(page.read_text("utf-8"))
        for case in junit_results.read(document.read_text("utf-8")):
            assert all(_words(of) in text for of in (case.name, case.message, case.text)), case
    return Counts(tests=numbers.total(), red=numbers["Failed"], skipped=numbers["Skipped"], errors=None)


def by_junit_report_merger(built: World, documents: Sequence[Path]) -> Counts:
    """Count with the totals of the merged document, and assert that no case has changed."""
    merged = documents[0].with_name("merged.xml")
    asked = built.output_of(listed()["npm:junit-report-merger"].path(), str(merged), *map(str, documents))
    assert (asked.returncode, asked.stderr) == (0, "")
    assert f"{len(documents)} files processed" in asked.stdout
    root = ElementTree.parse(merged).getroot()  # noqa: S314 - of our own documents
    totals = {name: int(root.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    before = Counter(case for document in documents for case in _cases(ElementTree.parse(document).getroot()))  # noqa: S314
    assert Counter(_cases(root)) == before
    return Counts(
        tests=totals["tests"],
        red=totals["failures"] + totals["errors"],
        skipped=totals["skipped"],
        errors=totals["errors"],
    )


def results(
    package: str,
    counted: Reader,
    name: str,
    *hosts: tuple[str, int],
    failures: int = 0,
    errors: int = 0,
) -> Results:
    """A set-up with `hosts`: the scenario of each host, with the program's exit code on it."""
    codes = tuple(code for _, code in hosts)
    state = _STATES[2 if 2 in codes else max(codes)]
    shown = f"{failures} failures, {errors} in error" if errors else f"{failures} failures"
    return Results(
        package=package,
        name=f"results {name}",
        result=state if state == "ok" else f"{state}: {shown}",
        hosts=tuple(host for host, _ in hosts),
        codes=codes,
        failures=failures,
        errors=errors,
        counted=counted,
    )


def of_each_host(package: str, counted: Reader) -> tuple[Results, ...]:
    """The set-ups of a reader."""
    return (
        results(package, counted, "where all is well", ("healthy", 0)),
        results(package, counted, "of a gateway where all is well", ("gateway-healthy", 0)),
        results(package, counted, "where a step failed that decides nothing", ("support-port-closed", 0)),
        results(package, counted, "of two hosts where all is well", ("healthy", 0), ("gateway-healthy", 0)),
        results(package, counted, "without credentials", ("no-credentials", 1), failures=3),
        results(package, counted, "where one zone is silent", ("one-zone-silent", 2), failures=3),
        results(package, counted, "where a proxy refuses", ("proxy-refuses", 2), failures=3, errors=1),
        results(
            package,
            counted,
            "where nothing says which Region it is",
            ("region-unknown", 3),
            failures=3,
            errors=1,
        ),
        results(
            package,
            counted,
            "of three hosts, one of them well",
            ("healthy", 0),
            ("one-zone-silent", 2),
            ("no-credentials", 1),
            failures=6,
        ),
    )


SETUPS: Final = (
    *of_each_host("pypi:junit2html", by_junit2html),
    *of_each_host("npm:junit-report-merger", by_junit_report_merger),
)


def checked(built: World, document: Path) -> int:
    """Run the program on the host, as a CI pipeline would, so that it writes its results to a document. Returns its
    exit code.
    """
    scenario = built.vpc.scenario
    words = ("check", *program.options(scenario.run, scenario.ec2), *program.facts_options(built.vpc, built.folder))
    command, environment = built.backuplink(*words, "--format", "junit", "--output", str(document))
    done = subprocess.run(
        command,
        env=environment,
        cwd=built.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("", "")
    return done.returncode


@pytest.mark.parametrize("setup", SETUPS, ids=str, indirect=True)
def test_what_is_red_there_is_what_the_verdict_says(setup: Results, tmp_path: Path) -> None:
    documents, codes = [], []
    for number, host in enumerate(setup.hosts):
        folder = tmp_path / str(number)
        folder.mkdir()
        with world(host, scenarios.text(host), folder) as built:
            documents.append(tmp_path / f"{number}-{host}.xml")
            codes.append(checked(built, documents[-1]))
            counts = setup.counted(built, documents) if len(documents) == len(setup.hosts) else None
    assert tuple(codes) == setup.codes
    assert counts is not None
    cases = Counter(case.result for document in documents for case in junit_results.read(document.read_text("utf-8")))
    assert (cases["failure"], cases["error"]) == (setup.failures, setup.errors)
    assert counts.red == setup.failures + setup.errors
    assert counts.errors in (None, setup.errors)
    assert (counts.tests, counts.skipped) == (cases.total(), cases["skipped"])
    assert (counts.red == 0) is (set(codes) == {0})


class _Text(HTMLParser):
    """The text that a page shows."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def _text(page: str) -> str:
    reader = _Text()
    reader.feed(page)
    reader.close()
    return _words(" ".join(reader.texts))


def _words(text: str) -> str:
    """The text with each white space as a single space, since a page may break lines differently."""
    return " ".join(text.split())


def _cases(root: ElementTree.Element) -> list[tuple[str, ...]]:
    """The name and the texts of each case."""
    return [
        (
            suite.get("name", ""),
            case.get("classname", ""),
            case.get("name", ""),
            *(
                word
                for outcome in case
                for word in (outcome.tag, outcome.get("message", ""), _words(outcome.text or ""))
            ),
        )
        for suite in root.iter("testsuite")
        for case in suite.iter("testcase")
    ]
