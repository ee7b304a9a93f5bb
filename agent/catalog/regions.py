"""Every Region of every partition, and which services are offered there.

Written by ./dev docs from `partitions.json` and `endpoints.json` of botocore 1.44.8; edit
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


_OFFERED: Final = {
    "backup": frozenset(
        (
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
            "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
            "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 "
            "us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1 us-gov-west-1 eusc-de-east-1 "
            "us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 us-isof-east-1 us-isof-south-1"
        ).split()
    ),
    "backup-gateway": frozenset(
        (
            "af-south-1 ap-east-1 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-southeast-1 "
            "ap-southeast-2 ca-central-1 eu-central-1 eu-north-1 eu-south-1 eu-west-1 eu-west-2 eu-west-3 "
            "me-south-1 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2 us-gov-east-1 us-gov-west-1"
        ).split()
    ),
}
"""Regions in which a service is offered, by service."""

REGIONS: Final = {
    region: Region(
        id=region,
        partition=partition,
        name=name,
        services=tuple(service for service, regions in _OFFERED.items() if region in regions),
    )
    for partition, region, name in (
        ("aws", "af-south-1", "Africa (Cape Town)"),
        ("aws", "ap-east-1", "Asia Pacific (Hong Kong)"),
        ("aws", "ap-east-2", "Asia Pacific (Taipei)"),
        ("aws", "ap-northeast-1", "Asia Pacific (Tokyo)"),
        ("aws", "ap-northeast-2", "Asia Pacific (Seoul)"),
        ("aws", "ap-northeast-3", "Asia Pacific (Osaka)"),
        ("aws", "ap-south-1", "Asia Pacific (Mumbai)"),
        ("aws", "ap-south-2", "Asia Pacific (Hyderabad)"),
        ("aws", "ap-southeast-1", "Asia Pacific (Singapore)"),
        ("aws", "ap-southeast-2", "Asia Pacific (Sydney)"),
        ("aws", "ap-southeast-3", "Asia Pacific (Jakarta)"),
        ("aws", "ap-southeast-4", "Asia Pacific (Melbourne)"),
        ("aws", "ap-southeast-5", "Asia Pacific (Malaysia)"),
        ("aws", "ap-southeast-6", "Asia Pacific (New Zealand)"),
        ("aws", "ap-southeast-7", "Asia Pacific (Thailand)"),
        ("aws", "ca-central-1", "Canada (Central)"),
        ("aws", "ca-west-1", "Canada West (Calgary)"),
        ("aws", "eu-central-1", "Europe (Frankfurt)"),
        ("aws", "eu-central-2", "Europe (Zurich)"),
        ("aws", "eu-north-1", "Europe (Stockholm)"),
        ("aws", "eu-south-1", "Europe (Milan)"),
        ("aws", "eu-south-2", "Europe (Spain)"),
        ("aws", "eu-west-1", "Europe (Ireland)"),
        ("aws", "eu-west-2", "Europe (London)"),
        ("aws", "eu-west-3", "Europe (Paris)"),
        ("aws", "il-central-1", "Israel (Tel Aviv)"),
        ("aws", "me-central-1", "Middle East (UAE)"),
        ("aws", "me-south-1", "Middle East (Bahrain)"),
        ("aws", "me-west-1", "Middle East (Saudi Arabia)"),
        ("aws", "mx-central-1", "Mexico (Central)"),
        ("aws", "sa-east-1", "South America (Sao Paulo)"),
        ("aws", "sa-west-1", "South America (Chile)"),
        ("aws", "us-east-1", "US East (N. Virginia)"),
        ("aws", "us-east-2", "US East (Ohio)"),
        ("aws", "us-west-1", "US West (N. California)"),
        ("aws", "us-west-2", "US West (Oregon)"),
        ("aws-cn", "cn-north-1", "China (Beijing)"),
        ("aws-cn", "cn-northwest-1", "China (Ningxia)"),
        ("aws-us-gov", "us-gov-east-1", "AWS GovCloud (US-East)"),
        ("aws-us-gov", "us-gov-west-1", "AWS GovCloud (US-West)"),
        ("aws-eusc", "eusc-de-east-1", "AWS European Sovereign Cloud (Germany)"),
        ("aws-iso", "us-iso-east-1", "US ISO East"),
        ("aws-iso", "us-iso-west-1", "US ISO WEST"),
        ("aws-iso-b", "us-isob-east-1", "US ISOB East (Ohio)"),
        ("aws-iso-b", "us-isob-west-1", "US ISOB West"),
        ("aws-iso-e", "eu-isoe-west-1", "EU ISOE West"),
        ("aws-iso-f", "us-isof-east-1", "US ISOF EAST"),
        ("aws-iso-f", "us-isof-south-1", "US ISOF SOUTH"),
    )
}
"""By id, by partition and then by id."""
