"""Whether network namespaces can be made here. Where CI says that they must, their absence is a failure."""

import os

import pytest

from tests.netns.vpc import missing

REQUIRED = "BACKUPLINK_REQUIRE_NETNS"


@pytest.fixture(scope="session")
def namespaces() -> None:
    """Skip where there are no namespaces, with the reason; fail instead where REQUIRED is 1."""
    reason = missing()
    if reason is None:
        return
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED} is set, and {reason}")
    pytest.skip(reason)
