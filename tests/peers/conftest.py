"""The set-ups of other vendors' software for the tests here. These tests run only with `--everything`, or if REQUIRED
is 1. If the software of a test is missing, the test is skipped, or fails if REQUIRED is 1.
"""

import os
from typing import Final

import pytest

from tests.peers import page, software
from tests.peers.setups import Setup
from tests.support import extent

REQUIRED: Final = "BACKUPLINK_REQUIRE_PEERS"
_IS_REQUIRED: Final = os.environ.get(REQUIRED) == "1"
"""Whether CI requires the software. This is read at import, since the tests' environment hides the variable later."""


@pytest.fixture
def setup(request: pytest.FixtureRequest) -> Setup:
    """The set-up with which a test is parametrised (`indirect`). The test is skipped or fails if the set-up is not
    possible here. If the test passes, the page gets the set-up.
    """
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
