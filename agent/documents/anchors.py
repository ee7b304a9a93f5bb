"""Links inside the page of a report: from a failed step to its cause, from a cause to its runbook page and its
evidence, and back."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from agent.catalog.findings import CODES
from agent.documents.blocks import WAYS, Inline, Link, Text
from agent.report.model import Finding, Report
from agent.report.words import causes

_MOST_PAGES: Final = 12
"""Maximum number of runbook pages in a file; `backuplink explain` shows every page."""
_MOST_LINKS: Final = 6
"""Maximum number of observations to which a cause links; the table of all observations links to the cause."""


def paged(reports: Iterable[Report]) -> list[str]:
    """Return the codes with a runbook page in the page of these reports."""
    return with_pages(finding.code for report in reports for finding in report.findings)


def with_pages(codes: Iterable[str | None]) -> list[str]:
    """Return the codes that the catalogue has, each once. The result has at most _MOST_PAGES codes."""
    return [code for code in dict.fromkeys(codes) if code in CODES][:_MOST_PAGES]


def to_runbook(code: str | None, pages: Collection[str]) -> tuple[Inline, ...]:
    """Return the link from a fault to the runbook page of its code; empty if there is no such page."""
    if code is None or code not in pages:
        return ()
    return ("Runbook page: ", Link(code, f"#{runbook_anchor(code)}"))


def runbook_anchor(code: str) -> str:
    """The id of the runbook page of a code of the catalogue."""
    return f"runbook-{code}"


class Anchors:
    """The ids in the page of a report, and the links to them. If a page has several reports, a prefix tells their ids
    apart, and the reports share the runbook pages of the codes `pages`."""

    def __init__(self, report: Report, prefix: str = "", pages: Sequence[str] | None = None) -> None:
        self.path = f"{prefix}path"
        self.rows = f"{prefix}observation"
        self._causes = causes(report)
        self._prefix = prefix
        self._anchors = {found.id: self.of_cause(str(number)) for number, found in enumerate(self._causes, 1)}
        self._places = {one.id: f"{self.rows}-{number}" for number, one in enumerate(report.observations, 1)}
        self._pages = frozenset(paged([report]) if pages is None else pages)
        above = {finding.id: finding.explained_by for finding in report.findings}
        self._shown_by: dict[str, Finding] = {}
        self._evidence: dict[str, list[str]] = {found.id: [] for found in self._causes}
        self._by_code: dict[str, dict[str, Finding]] = {}
        roots = {found.id: found for found in self._causes}
        for finding in report.findings:
            root = roots.get(_root(finding.id, above))
            if root is None:
                continue
            self._by_code.setdefault(finding.code, {})[root.id] = root
            known = [name for name in finding.evidence if name in self._places]
            self._evidence[root.id] += known
            for name in known:
                self._shown_by.setdefault(name, root)

    def of_cause(self, number: str) -> str:
        """Return the id of a cause's section. It contains a number, since a foreign report may give two findings the
        same id."""
        return f"{self._prefix}cause-{number}"

    def to_cause(self, observation_id: str) -> str | None:
        """Return the link to the cause that an observation shows. None if it does not show a cause."""
        found = self._shown_by.get(observation_id)
        return None if found is None else f"#{self._anchors[found.id]}"

    def to_why(self, observation_id: str) -> str | None:
        """Return the link from a failed step to the reason: its cause or, if it shows no cause, its observation."""
        return self.to_cause(observation_id) or f"#{self._places[observation_id]}"

    def from_cause(self, finding: Finding) -> Iterator[Text]:
        """Yield the links from a cause to its runbook page, its evidence, and the findings that it explains."""
        parts = [*to_runbook(finding.code, self._pages)]
        names = list(dict.fromkeys(self._evidence.get(finding.id, [])))
        if names:
            parts.append(". Measured: " if parts else "Measured: ")
            parts += in_a_row([Link(name, f"#{self._places[name]}") for name in names[:_MOST_LINKS]])
            parts += [f" and {len(names) - _MOST_LINKS} more"] if len(names) > _MOST_LINKS else []
        if parts:
            yield Text((*parts, "."), WAYS)

    def from_picture(self) -> tuple[Inline, ...]:
        """Return links to the causes in a picture; empty if there are none."""
        links = self._links(self._causes)
        return (". What is wrong: ", *links) if links else ()

    def to_causes(self) -> dict[str, tuple[Inline, ...]]:
        """Return the links from the runbook page of each code back to the causes with that code."""
        return {code: tuple(self._links(found.values())) for code, found in self._by_code.items()}

    def _links(self, found: Iterable[Finding]) -> list[Inline]:
        places = {cause.id: number for number, cause in enumerate(self._causes, 1)}
        return in_a_row([Link(f"{places[one.id]}. {one.code}", f"#{self._anchors[one.id]}") for one in found])


def _root(finding_id: str, above: dict[str, str | None]) -> str:
    """Return the root cause of a finding. A foreign report may contain a circle of explanations."""
    seen = {finding_id}
    while (cause := above.get(finding_id)) is not None and cause not in seen:
        seen.add(cause)
        finding_id = cause
    return finding_id


def in_a_row(links: Sequence[Link]) -> list[Inline]:
    """Links with commas between them."""
    return [part for place, link in enumerate(links) for part in (([", "] if place else []) + [link])]
