"""The headline of a shared fault: the template of its code, filled with its subjects."""

from collections.abc import Sequence
from typing import Final

from agent.catalog.findings import CODES
from agent.catalog.headline import LIMIT, Forms, headline, inside, of_ports, places
from agent.catalog.wording import listed
from agent.report.model import FindingSubject, SubjectKind
from agent.report.subjects import first_of_kinds
from probes.ports import HTTPS

_ANY_HOST: Final[dict[str, Forms | None]] = {
    "sender": "these hosts",
    "how": "silent or closed",
    **of_ports([HTTPS]),
}
"""Values that are true for every host. If a key has no port, the port is 443."""


def title_of(code: str) -> str:
    """The title of a finding, in words that are true for every host that has it."""
    if code not in CODES:
        return "A finding that this version does not know"
    return CODES[code].title.replace("This host", "The host").replace("this host", "the host")


def headline_of(code: str, subjects: Sequence[FindingSubject], services: Sequence[str]) -> str:
    """The finding in one line with its id or address. If the template needs a value that only a host knows, this is the
    title with the first id."""
    found = None
    if code in CODES:
        service = listed(services) if services else None
        fields = {**_ANY_HOST, **first_of_kinds(subjects), **_of_places(subjects), "service": service}
        found = headline(CODES[code].headline, fields)
    if found is not None and " " in found:  # it is a sentence, and not only an id
        return found.replace("this host's", "the host's").replace("this host", "the host")
    title = inside(title_of(code))
    with_id = f"{title} ({subjects[0].id})" if subjects else title
    return with_id if len(with_id) <= LIMIT else title


def _of_places(subjects: Sequence[FindingSubject]) -> dict[str, Forms | None]:
    """Values for addresses. It is not known here how many other addresses the name has, or in which zones the addresses
    are."""
    at = [subject.id for subject in subjects if subject.kind is SubjectKind.ADDRESS]
    where = places(at)
    if len(at) < 2:
        return {"where": where, "of": where, "is": "is"}
    return {"where": where, "of": f"{len(at)} addresses", "which": where, "is": "are"}
