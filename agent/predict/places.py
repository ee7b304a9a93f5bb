"""Words for some of the sources: the security groups and subnets that distinguish these sources from the others."""

from collections.abc import Callable, Collection, Sequence
from typing import Final

from agent.catalog.wording import counted, listed, listed_briefly
from agent.network.answers import SourceClass

MOST: Final = 6
"""Maximum number of groups or subnets in the words. JSON has all of them."""

_Name = Callable[[SourceClass], str]


def where(ids: Collection[str], every: Sequence[SourceClass]) -> str:
    """`sg-1 and sg-2`, `subnet-1`, or `sg-1; sg-2 in subnet-1 and subnet-2`, whichever needs the fewest names. If a
    group or a subnet stands alone, it means all its sources."""
    if len(ids) == len(every):
        return "every source"
    wanted = frozenset(ids)
    ways = _parts(wanted, every, groups, _subnet), _parts(wanted, every, _subnet, groups)
    by_group, by_subnet = (sum(1 + len(within) for _, within in parts) for parts in ways)
    parts, link = (ways[0], "in") if by_group <= by_subnet else (ways[1], "with")
    if not any(within for _, within in parts):
        return listed_briefly([name for name, _ in parts])
    words = [f"{name} {link} {listed_briefly(within)}" if within else name for name, within in parts[:MOST]]
    left = len(parts) - MOST
    return "; ".join([*words, *([f"and {counted(left, 'more place')}"] if left > 0 else [])])


def _parts(ids: frozenset[str], every: Sequence[SourceClass], name: _Name, inner: _Name) -> list[tuple[str, list[str]]]:
    """The names of the sources, each with further names that restrict it. There are no further names if all sources
    with the name are among `ids`."""
    chosen: dict[str, list[SourceClass]] = {}
    others: dict[str, list[SourceClass]] = {}
    for source in every:
        (chosen if source.id in ids else others).setdefault(name(source), []).append(source)
    return [
        (words, list(dict.fromkeys(map(inner, sources))) if words in others else [])
        for words, sources in chosen.items()
    ]


def share(ids: Collection[str], every: Sequence[SourceClass]) -> str:
    """The share of the interfaces, such as `3 of 27 interfaces`. Sources are counted instead if no interface of these
    sources is known."""
    wanted = frozenset(ids)
    known = sum(source.interface_count for source in every if source.id in wanted)
    if known == 0:
        return f"{len(ids):,} of {counted(len(every), 'source')}"
    return f"{known:,} of {counted(sum(source.interface_count for source in every), 'interface')}"


def groups(source: SourceClass) -> str:
    """`sg-1 with sg-2`: all groups of a source, or its subnet if the groups are unknown."""
    return " with ".join(source.group_ids) or _subnet(source)


def _subnet(source: SourceClass) -> str:
    return source.subnet_id if source.subnet_id is not None else listed(source.addresses)
