"""Writes `agent/catalog/regions.py` from the data of the botocore that is installed: `./dev docs` runs it.

`partitions.json` has the Regions with their names, `endpoints.json` where each service is offered. What AWS documents
in addition is in `agent/catalog/documented.py`.
"""

import json
import textwrap

import botocore
import botocore.loaders
import botocore.session

from agent.catalog.partitions import PARTITIONS
from agent.catalog.services import SERVICES

PATH = "agent/catalog/regions.py"
_WIDTH = 100
_HEAD = f'''"""Every Region of every partition, and which services are offered there.

Written by ./dev docs from `partitions.json` and `endpoints.json` of botocore {botocore.__version__}; edit
packaging/generate/regions.py. The table may lag behind AWS.
"""

from typing import Final

from probes.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One Region."""

    id: str
    partition: str
    name: str
    services: tuple[str, ...]
    """Services that are offered there."""


_OFFERED: Final = {{
'''
_MIDDLE = '''}
"""Regions in which a service is offered, by service."""

REGIONS: Final = {
    region: Region(
        id=region,
        partition=partition,
        name=name,
        services=tuple(service for service, regions in _OFFERED.items() if region in regions),
    )
    for partition, region, name in (
'''
_TAIL = '''    )
}
"""By id, by partition and then by id."""
'''


def module() -> str:
    """The text of the module."""
    return "".join((_HEAD, *map(_offered, SERVICES), _MIDDLE, *_regions(), _TAIL))


def _offered(service: str) -> str:
    """Where the SDK's data has the service, as a row of the table."""
    session = botocore.session.Session()
    regions = [
        region for partition in PARTITIONS for region in sorted(session.get_available_regions(service, partition.id))
    ]
    lines = textwrap.wrap(" ".join(regions), _WIDTH, break_on_hyphens=False)
    texts = [f'"{line} "' for line in lines[:-1]] + [f'"{line}"' for line in lines[-1:]]
    if len(texts) < 2:
        return f"    {_quoted(service)}: frozenset({(texts or [_quoted('')])[0]}.split()),\n"
    rows = "".join(f"            {text}\n" for text in texts)
    return f"    {_quoted(service)}: frozenset(\n        (\n{rows}        ).split()\n    ),\n"


def _regions() -> list[str]:
    """The Regions, by partition and then by id, as rows of the table."""
    data = botocore.loaders.Loader().load_data("partitions")
    names = {partition["id"]: partition["regions"] for partition in data["partitions"]}
    return [
        f"        ({_quoted(partition.id)}, {_quoted(region)}, {_quoted(about['description'])}),\n"
        for partition in PARTITIONS
        for region, about in sorted(names[partition.id].items())
        if not region.endswith("-global")  # no Region, but a name for what is global
    ]


def _quoted(text: str) -> str:
    return json.dumps(text)
