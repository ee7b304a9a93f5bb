"""The user as whom root runs an agent that belongs to another user."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from probes.system.machine import SystemMachine

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root becomes another user"
)
OTHER: Final = 65534
"""The user id of `nobody` on Debian and other distributions."""
THIRD: Final = 1
"""The user id of `daemon` on Linux."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that belongs to root and that every user may enter, unlike the own folder of a test."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


def agent(place: Path, owner: int = 0, mode: int = 0o755) -> Path:
    """A program that prints the user as whom it runs."""
    place.write_text('#!/bin/sh\necho "$(id -u) $(id -g) $(id -G)"\n', "ascii")
    place.chmod(mode)
    os.chown(place, owner, owner)
    return place


def below(folder: Path, owner: int, mode: int = 0o755, group: int | None = None) -> Path:
    """A folder that belongs to a user."""
    place = folder / f"of-{owner}"
    place.mkdir()
    place.chmod(mode)
    os.chown(place, owner, owner if group is None else group)
    return place


async def said(program: Path) -> str:
    return (await SystemMachine().output_of(str(program), "-v")).split()[0]


async def test_what_is_root_s_runs_as_root(folder: Path) -> None:
    assert await said(agent(folder / "agent")) == "0"
    (folder / "link").symlink_to(folder / "agent")
    assert await said(folder / "link") == "0"
    assert await said(agent(below(folder, 0, 0o1777) / "agent")) == "0"  # a sticky folder protects root's files


async def test_what_is_another_user_s_runs_as_that_user(folder: Path) -> None:
    assert await said(agent(folder / "agent", OTHER)) == str(OTHER)


async def test_no_group_of_root_s_is_left(folder: Path) -> None:
    out = await SystemMachine().output_of(str(agent(folder / "agent", OTHER)), "-v")
    assert "0" not in out.split()


async def test_what_another_user_can_replace_runs_as_that_user(folder: Path) -> None:
    own = below(folder, OTHER)
    agent(own / "agent")
    assert await said(own / "agent") == str(OTHER)
    (folder / "link").symlink_to(own / "agent")
    assert await said(folder / "link") == str(OTHER)
    (own / "elsewhere").symlink_to(agent(folder / "of-root"))  # the link can point anywhere later
    assert await said(own / "elsewhere") == str(OTHER)
    (folder / "above").symlink_to(own)
    assert await said(folder / "above" / "agent") == str(OTHER)
    os.lchown(folder / "link", THIRD, THIRD)
    with pytest.raises(PermissionError, match="several users"):
        await said(folder / "link")


@pytest.mark.parametrize(
    ("owner", "mode", "group"), [(0, 0o777, 0), (0, 0o775, OTHER), (OTHER, 0o777, OTHER), (0, 0o757, 0)]
)
async def test_what_several_can_replace_does_not_run(folder: Path, owner: int, mode: int, group: int) -> None:
    place = below(folder, owner, mode, group)
    agent(place / "agent", owner)
    with pytest.raises(PermissionError, match="others can write") as raised:
        await said(place / "agent")
    assert raised.value.errno == errno.EPERM
    with pytest.raises(PermissionError, match="others can write"):
        await said(agent(folder / "agent", 0, 0o757))


async def test_a_user_who_is_not_known_is_nobody_to_become(folder: Path) -> None:
    with pytest.raises(PermissionError, match="not known"):
        await said(agent(folder / "agent", 54_321))


async def test_links_that_lead_nowhere_are_an_error_and_no_loop(folder: Path) -> None:
    (folder / "one").symlink_to(folder / "two")
    (folder / "two").symlink_to(folder / "one")
    with pytest.raises(OSError, match="symbolic links"):
        await said(folder / "one")
    with pytest.raises(FileNotFoundError):
        await said(folder / "nowhere")
