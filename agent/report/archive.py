"""A support archive: its members in a fixed order, within a fixed size, the same bytes for the same content."""

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from probes.frozen import dataclass

MAX_BYTES: Final = 5_000_000
"""Largest archive. Most ticket systems and mail servers take this size, and so does AWS Support."""
LEAST_KEPT: Final = 4_096
"""Bytes that a member is cut down to before it is left out."""
_RESERVED: Final = 64_000
"""Share of MAX_BYTES for the list of members, and for what compressing members apart estimates too low."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file of the archive."""

    name: str
    """Below the archive's one folder."""
    what: str
    """What it holds, in words for people."""
    content: bytes
    keeps: str = "whole"
    """What is kept of it where not all of it fits: `whole` for nothing, else its `start` or its `end`."""
    missing: str | None = None
    """What of it is not there, and why; None where all is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """A file that could be in the archive and is not."""

    name: str
    why: str


_LAST_MOMENT: Final = 0o77777777777
"""Seconds since 1970 that the head of a member can hold (pax(1), ustar Interchange Format)."""


def fitted(members: Sequence[Member], most: int = MAX_BYTES) -> tuple[tuple[Member, ...], tuple[Absent, ...]]:
    """The members that fit into an archive of `most` bytes, and those that do not. They come with the most important
    first; each gets what those before it left."""
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
    """The archive: `tar`, compressed by gzip, with every member in `folder`, written at `moment` by nobody."""
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
    """The member, cut where it must be, so that it takes at most `left` bytes; None where that is not possible."""
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
    """About what a member adds to the archive: its head, and its content compressed alone."""
    return tarfile.BLOCKSIZE + len(zlib.compress(content))
