"""Make a support archive. Its members have a fixed order, its size is limited, and equal content gives equal bytes."""

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from probes.frozen import dataclass

MAX_BYTES: Final = 5_000_000
"""Maximum size of an archive in bytes. Most ticket systems and mail servers accept it, and so does AWS Support."""
LEAST_KEPT: Final = 4_096
"""Minimum size in bytes to which a member is cut. A member that would have to be smaller is left out."""
_RESERVED: Final = 64_000
"""Part of MAX_BYTES that is kept free for the list of members, and because the estimated size of a compressed member is
not exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file of the archive."""

    name: str
    """Its path below the archive's one folder."""
    what: str
    """A description of its content for people."""
    content: bytes
    keeps: str = "whole"
    """The part that is kept if the file is too long: its `start`, its `end`, or `whole` if it must not be cut."""
    missing: str | None = None
    """What is missing from it, and why; None if it is complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """A file that could be in the archive but is not."""

    name: str
    why: str


_LAST_MOMENT: Final = 0o77777777777
"""Largest number of seconds since 1970 that the header of a member can contain (pax(1), ustar Interchange Format)."""


def fitted(members: Sequence[Member], most: int = MAX_BYTES) -> tuple[tuple[Member, ...], tuple[Absent, ...]]:
    """Return the members that fit into an archive of `most` bytes, and the files that do not fit. The given members
    begin with the most important; each gets the space that the members before it leave."""
    kept: list[Member] = []
    absent: list[Absent] = []
    left = most - _RESERVED
    for member in members:
        fits = _within(member, left)
        if fits is None:
            absent.append(Absent(name=member.name, why=f"left out: the archive has at most {most:,} bytes"))
            continue
        left -= _packed_size(fits.content)
        kept.append(fits)
    return tuple(kept), tuple(absent)


def packed(folder: str, members: Sequence[Member], moment: datetime) -> bytes:
    """Return the archive: `tar`, compressed by gzip, with every member in `folder`, written at `moment` without an
    owner."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for member in members:
            entry = tarfile.TarInfo(f"{folder}/{member.name}")
            entry.size = len(member.content)
            entry.mtime = min(max(int(moment.timestamp()), 0), _LAST_MOMENT)
            entry.mode = 0o600
            archive.addfile(entry, io.BytesIO(member.content))
    return gzip.compress(plain.getvalue(), mtime=0)


def _within(member: Member, left: int) -> Member | None:
    """Return the member, cut to `left` bytes if it is longer; None if it cannot be cut that far."""
    if _packed_size(member.content) <= left:
        return member
    size = len(member.content)
    cut = {"start": lambda most: member.content[:most], "end": lambda most: member.content[size - most :]}
    keep: Callable[[int], bytes] | None = cut.get(member.keeps)
    low, high = LEAST_KEPT, size
    if keep is None or size <= low or _packed_size(keep(low)) > left:
        return None
    while high - low > LEAST_KEPT:
        middle = (low + high) // 2
        if _packed_size(keep(middle)) <= left:
            low = middle
        else:
            high = middle
    missing = f"cut to its {member.keeps}, {low:,} of {size:,} bytes: the archive is full"
    return Member(
        name=member.name,
        what=member.what,
        content=keep(low),
        keeps=member.keeps,
        missing=missing if member.missing is None else f"{member.missing}; {missing}",
    )


def _packed_size(content: bytes) -> int:
    """Return the approximate size of a member in the archive: its header, and its content compressed alone."""
    return tarfile.BLOCKSIZE + len(zlib.compress(content))
