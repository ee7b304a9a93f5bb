"""What the interface adds to the picture of the path: positions of the cursor, and the lanes that pass a filter."""

from collections.abc import Container
from dataclasses import replace
from typing import Final

from agent.report.path import Band, Picture, Progress
from agent.report.words import FEW_SERVICES

THIS_HOST: Final = "this-host"
"""Key of the row of this host."""


def keys(picture: Picture) -> tuple[tuple[str, ...], ...]:
    """Return the cursor's positions row by row: the head of the row first, then its cells."""
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
    """Return the picture with only the lanes whose keys are in `wanted`."""
    bands = (replace(band, lanes=tuple(lane for lane in band.lanes if lane.key in wanted)) for band in picture.bands)
    return replace(picture, bands=tuple(bands))


def has_many_services(picture: Picture) -> bool:
    """Whether healthy services are folded."""
    return len({band.service for band in picture.bands}) > FEW_SERVICES


def folded(picture: Picture, uneventful: frozenset[str] | None) -> Picture:
    """Return the picture of many services. The bands in which nothing has failed so far are folded. `uneventful` has
    the targets whose whole result in the last report fits on one line; None if there is no report yet."""
    return replace(
        picture,
        bands=tuple(
            replace(band, is_folded=(uneventful is None or band.target in uneventful) and not _has_failed(band))
            for band in picture.bands
        ),
    )


def _has_failed(band: Band) -> bool:
    """Whether a step of a lane failed or, if there are no lanes, a lookup."""
    cells = [cell for lane in band.lanes for cell in lane.cells] if band.lanes else band.names
    return any(cell is not None and cell.progress is Progress.FAILED for cell in cells)


def lane_count(picture: Picture) -> int:
    """The number of lanes in a picture."""
    return sum(len(band.lanes) for band in picture.bands)
