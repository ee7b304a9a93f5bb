"""The runbook pages, for one finding code or as a list of all codes."""

from agent.app.errors import RequestError
from agent.catalog.findings import CODES
from agent.formats import explain as pages


def all_codes(*, as_json: bool) -> str:
    """Every finding code with its severity and title."""
    return pages.catalogue_as_json() if as_json else pages.catalogue_as_text()


def page_of(code: str, *, as_json: bool, bold: bool = False) -> str:
    """The runbook page of a finding code, in upper or lower case; `bold` for a terminal that shows it. Raises
    RequestError where there is no such code."""
    code_of_page = code.upper()
    if code_of_page not in CODES:
        import difflib

        near = difflib.get_close_matches(code_of_page, CODES, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; `backuplink explain` lists all codes."
        raise RequestError(f"There is no finding {code!r}{hint}")
    return pages.page_as_json(code_of_page) if as_json else pages.as_text(pages.page(code_of_page), bold=bold)
