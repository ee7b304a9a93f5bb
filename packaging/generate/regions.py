"""Write `agent/catalog/regions.py` from the data of the installed botocore: `./dev docs` runs this.

`partitions.json` contains the Regions with their names, `endpoints.json` the Regions in which each service is offered,
and the endpoint ruleset of a service its hosts. What AWS only documents is in the records of
`agent/catalog/services.py`.
"""

import json
import textwrap
from functools import cache
from typing import Any

import botocore
import botocore.loaders
import botocore.session
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError

from agent.catalog.partitions import PARTITIONS, Partition
from agent.catalog.service import Service
from agent.catalog.services import SERVICES

PATH = "agent/catalog/regions.py"
_WIDTH = 100
_HEAD = f'''"""Every Region of every partition, which services are offered there, and hosts that follow no rule.

Written by ./dev docs from `partitions.json`, `endpoints.json` and the endpoint rulesets of botocore
{botocore.__version__}; edit packaging/generate/regions.py. The table may lag behind AWS.
"""

from collections.abc import Mapping
from typing import Final

from probes.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One Region."""

    id: str
    partition: str
    name: str
    services: tuple[str, ...]
    """Services that are offered in the Region."""


_OFFERED: Final = {{
'''
_MIDDLE = '''}
"""The Regions in which each service is offered."""

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
"""The Regions by id, in the order of partitions and then of ids."""

HOSTS: Final[Mapping[str, Mapping[str, Mapping[tuple[bool, bool], str]]]] = {
'''
_SIGNING = '''}
"""Hosts of a service in a partition that do not follow the rule; the key says whether FIPS and dual stack are on."""

SIGNING_REGIONS: Final[Mapping[str, Mapping[str, str]]] = {
'''
_END = '''}
"""The Region in the signature of requests to a global service, by service and partition."""
'''
_WAYS = [(fips, dual_stack) for fips in (False, True) for dual_stack in (False, True)]


def module() -> str:
    """The text of the module."""
    known = [service for service in SERVICES.values() if service.client_name is not None]
    rows = (_HEAD, *map(_offered, known), _MIDDLE, *_regions(), _TAIL)
    return "".join((*rows, *map(_hosts, known), _SIGNING, *map(_signing_regions, known), _END))


def _offered(service: Service) -> str:
    """A row of the table: the Regions in which the SDK's data has the service. Empty if the data does not have the
    service at all."""
    regions = [region for partition in PARTITIONS for region in _available(service, partition)]
    if not regions:
        return ""
    lines = textwrap.wrap(" ".join(regions), _WIDTH, break_on_hyphens=False)
    texts = [f'"{line} "' for line in lines[:-1]] + [f'"{line}"' for line in lines[-1:]]
    if len(texts) < 2:
        return f"    {_quoted(service.name)}: frozenset({texts[0]}.split()),\n"
    rows = "".join(f"            {text}\n" for text in texts)
    return f"    {_quoted(service.name)}: frozenset(\n        (\n{rows}        ).split()\n    ),\n"


def _available(service: Service, partition: Partition) -> list[str]:
    """The Regions of a partition in which the SDK's data offers the service: all Regions if the service is global in
    the partition."""
    session = _session()
    regions: list[str] = sorted(session.get_available_regions(service.client_name, partition.id))
    if regions or not session.get_available_regions(service.client_name, partition.id, allow_non_regional=True):
        return regions
    return list(_region_names(partition))


def _hosts(service: Service) -> str:
    """A row of the table: the hosts that the SDK does not build by the rule."""
    rows = []
    for partition in PARTITIONS:
        forms = {}
        for fips, dual_stack in _WAYS:
            form = _form(service, partition, fips=fips, dual_stack=dual_stack)
            suffix = partition.dual_stack_dns_suffix if dual_stack else partition.dns_suffix
            if form not in (None, f"{service.host_label}{'-fips' if fips else ''}.{{region}}.{suffix}"):
                forms[fips, dual_stack] = form
        if forms:
            pairs = "".join(f"            {way}: {_quoted(form)},\n" for way, form in forms.items())
            rows.append(f"        {_quoted(partition.id)}: {{\n{pairs}        }},\n")
    return f"    {_quoted(service.name)}: {{\n{''.join(rows)}    }},\n" if rows else ""


def _form(service: Service, partition: Partition, *, fips: bool, dual_stack: bool) -> str | None:
    """The host, with `{region}` in place of the Region's name. If two Regions have the same host, it stays
    unchanged."""
    regions = _two(partition)
    hosts = [_resolved(service, region, fips=fips, dual_stack=dual_stack)[0] for region in regions]
    if None in hosts:
        return None
    if len(hosts) > 1 and len(set(hosts)) == 1:
        return hosts[0]
    return str(hosts[0]).replace(regions[0], "{region}")


def _signing_regions(service: Service) -> str:
    """A row of the table: the Regions in the signatures of requests."""
    rows = []
    for partition in PARTITIONS:
        regions = _two(partition)
        signed = {_resolved(service, region, fips=False, dual_stack=False)[1] for region in regions} - {None}
        if len(signed) == 1 and len(regions) > 1:
            rows.append(f"        {_quoted(partition.id)}: {_quoted(next(iter(signed)))},\n")
    return f"    {_quoted(service.name)}: {{\n{''.join(rows)}    }},\n" if rows else ""


def _resolved(service: Service, region: str, *, fips: bool, dual_stack: bool) -> tuple[str | None, str | None]:
    """The host that the SDK builds, and the Region to sign for. The host is None if the SDK refuses to build one. The
    Region is None if the ruleset does not have one."""
    rules = _rules(service.client_name)
    asked = {"Region": region, "UseFIPS": fips, "UseDualStack": dual_stack, "UseGlobalEndpoint": False}
    try:
        endpoint = rules.resolve_endpoint(**{name: asked[name] for name in asked if name in rules.ruleset.parameters})
    except EndpointProviderError:
        return None, None
    schemes: list[dict[str, str]] = endpoint.properties.get("authSchemes") or [{}]
    return endpoint.url.removeprefix("https://"), schemes[0].get("signingRegion")


@cache
def _rules(client: str) -> Any:
    loader = botocore.loaders.Loader()
    return EndpointProvider(loader.load_service_model(client, "endpoint-rule-set-1"), loader.load_data("partitions"))


def _two(partition: Partition) -> list[str]:
    """Two Regions of a partition. Comparing them shows whether a host has the Region in its name. If the partition has
    only one Region, this Region."""
    return list(_region_names(partition))[-2:]


@cache
def _region_names(partition: Partition) -> dict[str, str]:
    """The names of a partition's Regions, by id."""
    data = botocore.loaders.Loader().load_data("partitions")
    (regions,) = (known["regions"] for known in data["partitions"] if known["id"] == partition.id)
    # `aws-global` and similar names are not Regions: they stand for global services.
    return {region: regions[region]["description"] for region in sorted(regions) if not region.endswith("-global")}


@cache
def _session() -> Any:
    return botocore.session.Session()


def _regions() -> list[str]:
    """The Regions, by partition and then by id, as rows of the table."""
    return [
        f"        ({_quoted(partition.id)}, {_quoted(region)}, {_quoted(name)}),\n"
        for partition in PARTITIONS
        for region, name in _region_names(partition).items()
    ]


def _quoted(text: object) -> str:
    return json.dumps(text)
