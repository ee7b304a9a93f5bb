"""Other vendors' software for the tests. They run only with `--everything`, or if REQUIRED is 1. A test whose software
is missing is skipped, or fails in the latter case.
"""

import os
from typing import Final

import pytest

from tests.peers import page, software
from tests.peers.setups import Setup
from tests.support import extent

REQUIRED: Final = "BACKUPLINK_REQUIRE_PEERS"
_IS_REQUIRED: Final = os.environ.get(REQUIRED) == "1"
"""Read before the tests' own environment hides the variable."""


@pytest.fixture
def setup(request: pytest.FixtureRequest) -> Setup:
    """The set-up that a test is parametrised with (`indirect`), if it is possible here; it is recorded for the page."""
    given: Setup = request.param
    if not (extent.everything() or _IS_REQUIRED):
        pytest.skip("software of others takes seconds a set-up: --everything")
    missing = given.missing()
    if missing is not None and _IS_REQUIRED:
        pytest.fail(f"{REQUIRED} is set, and {missing}")
    if missing is not None:
        pytest.skip(f"{missing}; {REQUIRED}=1 makes this a failure")
    request.node.user_properties.append((page.PROPERTY, page.row(given, software.listed()[given.package].version())))
    return given
