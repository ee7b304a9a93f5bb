"""What the interface adds to the picture of the path: where its cursor can stand, and which lanes a filter leaves."""

from collections.abc import Container
from dataclasses import replace
from typing import Final

from agent.report.path import Band, Picture, Progress
from agent.report.words import FEW_SERVICES

THIS_HOST: Final = "this-host"
"""Key of the row of this host."""


def keys(picture: Picture) -> tuple[tuple[str, ...], ...]:
    """Where the cursor can stand, row by row: the head of the row first, then its cells."""
    rows: list[tuple[str, ...]] = [(THIS_HOST,)]
    if picture.host:
        rows.append(tuple(cell.key for cell in picture.host))
    for band in picture.bands:
        rows.append((band.key,))
        if band.is_folded:
            continue
        if band.names:
            rows.append((f"names/{band.target}", *(cell.key for cell in band.names)))
        for lane in band.lanes:
            rows.append((lane.key, *(cell.key for cell in lane.cells if cell is not None)))
            if lane.extras:
                rows.append(tuple(cell.key for cell in lane.extras))
    return tuple(rows)


def filtered(picture: Picture, wanted: Container[str]) -> Picture:
    """The picture with only those lanes whose keys are wanted."""
    bands = (replace(band, lanes=tuple(lane for lane in band.lanes if lane.key in wanted)) for band in picture.bands)
    return replace(picture, bands=tuple(bands))


def has_many_services(picture: Picture) -> bool:
    """Whether healthy services are folded."""
    return len({band.service for band in picture.bands}) > FEW_SERVICES


def folded(picture: Picture, uneventful: frozenset[str] | None) -> Picture:
    """The picture of many services with those bands folded in which nothing failed so far. `uneventful` has the targets
    of which the last report tells nothing more than one line does; None where there is no report yet."""
    return replace(
        picture,
        bands=tuple(
            replace(band, is_folded=(uneventful is None or band.target in uneventful) and not _has_failed(band))
            for band in picture.bands
        ),
    )


def _has_failed(band: Band) -> bool:
    """Whether a step of a lane failed, or a lookup where there is no lane."""
    cells = [cell for lane in band.lanes for cell in lane.cells] if band.lanes else band.names
    return any(cell is not None and cell.progress is Progress.FAILED for cell in cells)


def lane_count(picture: Picture) -> int:
    """How many lanes a picture has."""
    return sum(len(band.lanes) for band in picture.bands)
