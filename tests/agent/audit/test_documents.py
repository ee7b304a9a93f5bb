"""The text of an audit: every section of `documents.txt`."""

from typing import Final

import pytest

from tests.agent.audit.documents import FILE, sections
from tests.support.sections import STALE, kept

SECTIONS: Final = sections()


@pytest.mark.parametrize("heading", SECTIONS)
def test_an_audit_says_what_it_said(heading: str) -> None:
    assert SECTIONS[heading] == kept(FILE).get(heading), STALE


def test_no_section_is_left_that_is_gone() -> None:
    assert list(kept(FILE)) == sorted(SECTIONS), STALE
