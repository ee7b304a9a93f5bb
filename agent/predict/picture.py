"""The prediction as a picture: sources, the outcome at each hop there and back, and the endpoint. The deciding hop has
a colour, a mark and a sentence of its own.

Paths of a service that differ only in addresses and ports are one chain. If there are too many chains, the picture
gives the number of those that are left out.
"""

from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element

from agent.catalog.wording import counted, listed
from agent.documents.canvas import PAD, framed
from agent.documents.configured_path import STAGES
from agent.documents.flow import Box, Flow
from agent.network.answers import PredictedPath
from agent.predict import phrases, places
from agent.predict.model import PredictionDocument
from agent.report.hops import WORST, Hop, Reachability, Stage, is_detour
from agent.report.words import bounded
from probes.addresses import ordered

MAX_CHAINS: Final = 12
MAX_ADDRESSES: Final = 3
"""Maximum numbers of chains to draw and of addresses to name. The worst chains come first, and the others are
counted."""
_KINDS: Final = {
    Reachability.OPEN: "ok",
    Reachability.BLOCKED: "critical",
    Reachability.DOUBTFUL: "warning",
    Reachability.CANNOT_TELL: "unknown",
}
_BACK: Final = frozenset({Stage.ENDPOINT_ACL_OUT, Stage.RETURN_ROUTE, Stage.RETURN_TRANSIT, Stage.HOST_ACL_IN})
_WHOSE: Final = {
    Stage.HOST_GROUPS: "source's groups",
    Stage.HOST_ACL_OUT: "source's ACL out",
    Stage.HOST_ACL_IN: "source's ACL in",
}
"""Stages whose names in the report of a run contain `host`, with the names that are used here."""


def picture(document: PredictionDocument, width: int, name: str) -> Element | None:
    """The paths, in an `svg` element of this width. None if there are no paths. All ids in it begin with `name`."""
    chains = _chains(document)
    if not chains:
        return None
    drawing = _Drawing(width)
    for chain in chains[:MAX_CHAINS]:
        drawing.chain(chain, document)
    if len(chains) > MAX_CHAINS:
        rest = f"and {counted(len(chains) - MAX_CHAINS, 'more kind')} of paths, which are in the tables below"
        drawing.line(rest, PAD, "muted")
        drawing.words.append(f"{rest}.")
    return framed(drawing, "What sources reach", name, stands_alone=False)


def _chains(document: PredictionDocument) -> list[list[PredictedPath]]:
    """Groups of paths with the same deciding hop. The worst groups, and groups that count, come first."""
    alike: dict[tuple[object, ...], list[PredictedPath]] = {}
    for path in document.paths:
        stages = tuple((hop.stage, hop.outcome) for hop in path.hops)
        key = path.service, path.endpoint_id, path.counts, path.outcome, path.decided_at, path.decided_by, stages
        alike.setdefault((*key, path.rule, path.sources), []).append(path)
    return sorted(alike.values(), key=lambda chain: (not chain[0].counts, WORST.index(chain[0].outcome)))


class _Drawing(Flow):
    """Chains, one below the other."""

    def chain(self, paths: Sequence[PredictedPath], document: PredictionDocument) -> None:
        first = paths[0]
        outer, self.parts, begin = self.parts, [], self.y
        kind = _KINDS[first.outcome] if first.counts else "uncounted"
        ports = listed(sorted({path.port for path in paths}))
        aside = "" if first.counts else " (not counted)"
        head = f"{first.service} {ports}: {phrases.OUTCOMES[first.outcome]}{aside}"
        self.y += 6
        self.line(head, PAD, "strong", kind)
        where = f"from {places.where(first.sources, document.sources)} to {_where(paths)}"
        self.line(where, PAD, "small muted")
        self.words.append(f"{head}, {where}.")
        self.y += 3
        start = Box(kind="skipped", label="sources", texts=(places.share(first.sources, document.sources),))
        there = [hop for hop in first.hops if hop.stage not in _BACK]
        self._hops("there", [start, *(self._box(hop, first) for hop in there)])
        if back := [hop for hop in first.hops if hop.stage in _BACK]:
            self.y += 4
            self._hops("back", [self._box(hop, first) for hop in back])
        self.y += 3
        words = f"{first.words[:1].upper()}{first.words[1:]}" if first.words.split(" ", 1)[0].isalpha() else first.words
        self.line(bounded(words), PAD, "small", kind)
        self.words.append(f"{words}.")
        self.y += 8
        self.panel(begin, outer)
        self.y += 8

    def _hops(self, way: str, boxes: Sequence[Box]) -> None:
        self.line(way, PAD, "small muted")
        self.flow(boxes, PAD, is_chain=True)
        self.words.append(f"{way}: {', '.join(box.title or box.label for box in boxes)}.")

    def _box(self, hop: Hop, path: PredictedPath) -> Box:
        """A hop as a box, which is small if the hop is open and does not decide."""
        stage = _WHOSE.get(hop.stage, STAGES[hop.stage])
        outcome = Reachability.CANNOT_TELL if is_detour(hop) else hop.outcome
        word = phrases.OUTCOMES[outcome]
        kind = _KINDS[outcome] if path.counts or outcome is Reachability.OPEN else "uncounted"
        title = f"{stage}: {word}"
        if outcome is Reachability.OPEN:
            return Box(kind=kind, label=stage, title=title)
        ids = ", ".join(hop.resources) or word
        is_end = outcome is Reachability.BLOCKED
        return Box(
            kind=kind,
            label=stage,
            texts=(ids,),
            more=f"{word}: {hop.rule}" if hop.rule else word,
            title=title,
            is_end=is_end,
        )


def _where(paths: Sequence[PredictedPath]) -> str:
    """`vpce-1 at 10.0.1.17, 10.0.2.17 and 1 more`."""
    addresses = ordered({address for path in paths for address in path.addresses})
    shown = ", ".join(map(str, addresses[:MAX_ADDRESSES]))
    left = len(addresses) - MAX_ADDRESSES
    at = f" at {shown}{f' and {left} more' if left > 0 else ''}" if addresses else ""
    return f"{paths[0].endpoint_id or 'no endpoint'}{at}"
