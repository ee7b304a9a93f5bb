"""A real browser for the tests of pages: the distribution's Chromium, driven by Playwright. The tests run only with
`--everything`.
"""

import os
import shutil
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.support import extent

REQUIRED: Final = "BACKUPLINK_REQUIRE_BROWSER"
_IS_REQUIRED: Final = os.environ.get(REQUIRED) == "1"
"""This constant is read at import, since the environment of the tests hides the variable later."""
PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser of Playwright. If there is no browser, the test is skipped, or fails if REQUIRED is 1. The browser is
    closed after the last test of a module, since Playwright's event loop runs in this thread until then, and tests of
    other modules need event loops of their own.
    """
    if not (extent.everything() or _IS_REQUIRED):
        pytest.skip("a browser takes seconds for each page: --everything")
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        _missing("there is no Chromium here (Debian: apt-get install chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("Playwright is not installed (packaging/requirements-browser.txt)")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program)
        yield opened
        opened.close()


def _missing(reason: str) -> None:
    if _IS_REQUIRED:
        pytest.fail(f"{REQUIRED} is set, and {reason}")
    pytest.skip(f"{reason}; {REQUIRED}=1 makes this a failure")
