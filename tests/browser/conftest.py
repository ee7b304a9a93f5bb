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
"""Read before the tests' own environment hides the variable."""
PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser of Playwright. Skips the test without one, or fails it if REQUIRED is 1.

    It ends with its module: as long as it exists, a loop of Playwright runs in this thread, so that no test of another
    module could run a loop.
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
