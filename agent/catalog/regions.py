"""Every Region of every partition, which services are offered there, and hosts that follow no rule.

Written by ./dev docs from `partitions.json`, `endpoints.json` and the endpoint rulesets of botocore
1.44.8; edit packaging/generate/regions.py. The table may lag behind AWS.
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
    "sts": frozenset(
        (
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
            "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
            "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 "
            "us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1 us-gov-west-1 eusc-de-east-1 "
            "us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 eu-isoe-west-1 us-isof-east-1 "
            "us-isof-south-1"
        ).split()
    ),
    "ssm": frozenset(
        (
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
            "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
            "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 "
            "us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1 us-gov-west-1 eusc-de-east-1 "
            "us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 eu-isoe-west-1 us-isof-east-1 "
            "us-isof-south-1"
        ).split()
    ),
    "ssm-sap": frozenset(
        (
            "af-south-1 ap-east-1 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ca-central-1 eu-central-1 eu-central-2 "
            "eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 "
            "sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2"
        ).split()
    ),
    "ec2": frozenset(
        (
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
            "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
            "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 "
            "us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1 us-gov-west-1 eusc-de-east-1 "
            "us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 eu-isoe-west-1 us-isof-east-1 "
            "us-isof-south-1"
        ).split()
    ),
    "ebs": frozenset(
        (
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
            "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
            "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 "
            "us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1 us-gov-west-1 eusc-de-east-1 "
            "us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 eu-isoe-west-1 us-isof-east-1 "
            "us-isof-south-1"
        ).split()
    ),
    "kms": frozenset(
        (
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
            "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
            "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 "
            "us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1 us-gov-west-1 eusc-de-east-1 "
            "us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 eu-isoe-west-1 us-isof-east-1 "
            "us-isof-south-1"
        ).split()
    ),
    "s3": frozenset(
        (
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
            "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
            "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 "
            "us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1 us-gov-west-1 eusc-de-east-1 "
            "us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 eu-isoe-west-1 us-isof-east-1 "
            "us-isof-south-1"
        ).split()
    ),
    "logs": frozenset(
        (
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
            "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
            "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 "
            "us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1 us-gov-west-1 eusc-de-east-1 "
            "us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 eu-isoe-west-1 us-isof-east-1 "
            "us-isof-south-1"
        ).split()
    ),
    "monitoring": frozenset(
        (
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
            "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
            "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 "
            "us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1 us-gov-west-1 eusc-de-east-1 "
            "us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 eu-isoe-west-1 us-isof-east-1 "
            "us-isof-south-1"
        ).split()
    ),
    "events": frozenset(
        (
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
            "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
            "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 "
            "us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1 us-gov-west-1 eusc-de-east-1 "
            "us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 eu-isoe-west-1 us-isof-east-1 "
            "us-isof-south-1"
        ).split()
    ),
    "secretsmanager": frozenset(
        (
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
            "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
            "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 "
            "us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1 us-gov-west-1 eusc-de-east-1 "
            "us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 eu-isoe-west-1 us-isof-east-1 "
            "us-isof-south-1"
        ).split()
    ),
    "iam": frozenset(
        (
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
            "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
            "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 me-west-1 mx-central-1 sa-east-1 "
            "sa-west-1 us-east-1 us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1 "
            "us-gov-west-1 us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 us-isof-east-1 "
            "us-isof-south-1"
        ).split()
    ),
    "route53": frozenset(
        (
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
            "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
            "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 me-west-1 mx-central-1 sa-east-1 "
            "sa-west-1 us-east-1 us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1 "
            "us-gov-west-1 us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 eu-isoe-west-1 "
            "us-isof-east-1 us-isof-south-1"
        ).split()
    ),
    "route53resolver": frozenset(
        (
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
            "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
            "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 "
            "us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1 us-gov-west-1 eusc-de-east-1 "
            "us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 eu-isoe-west-1 us-isof-east-1 "
            "us-isof-south-1"
        ).split()
    ),
    "tagging": frozenset(
        (
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
            "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
            "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 "
            "us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1 us-gov-west-1 eusc-de-east-1 "
            "us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 eu-isoe-west-1 us-isof-east-1 "
            "us-isof-south-1"
        ).split()
    ),
    "sns": frozenset(
        (
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
            "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
            "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 "
            "us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1 us-gov-west-1 eusc-de-east-1 "
            "us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 eu-isoe-west-1 us-isof-east-1 "
            "us-isof-south-1"
        ).split()
    ),
    "sqs": frozenset(
        (
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
            "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
            "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 "
            "us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1 us-gov-west-1 eusc-de-east-1 "
            "us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 eu-isoe-west-1 us-isof-east-1 "
            "us-isof-south-1"
        ).split()
    ),
    "cloudtrail": frozenset(
        (
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
            "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
            "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 "
            "us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1 us-gov-west-1 eusc-de-east-1 "
            "us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 eu-isoe-west-1 us-isof-east-1 "
            "us-isof-south-1"
        ).split()
    ),
    "storagegateway": frozenset(
        (
            "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
            "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
            "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
            "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 "
            "us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1 us-gov-east-1 us-gov-west-1 eusc-de-east-1 "
            "us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1"
        ).split()
    ),
}
"""The Regions in which each service is offered."""

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
"""The Regions by id, in the order of partitions and then of ids."""

HOSTS: Final[Mapping[str, Mapping[str, Mapping[tuple[bool, bool], str]]]] = {
    "backup-search": {
        "aws": {
            (False, False): "backup-search.{region}.api.aws",
            (True, False): "backup-search-fips.{region}.api.aws",
        },
        "aws-cn": {
            (False, False): "backup-search.{region}.api.amazonwebservices.com.cn",
            (True, False): "backup-search-fips.{region}.api.amazonwebservices.com.cn",
        },
        "aws-us-gov": {
            (False, False): "backup-search.{region}.api.aws",
            (True, False): "backup-search-fips.{region}.api.aws",
        },
        "aws-eusc": {
            (False, False): "backup-search.{region}.api.amazonwebservices.eu",
            (True, False): "backup-search-fips.{region}.api.amazonwebservices.eu",
        },
        "aws-iso": {
            (False, False): "backup-search.{region}.api.aws.ic.gov",
            (True, False): "backup-search-fips.{region}.api.aws.ic.gov",
        },
        "aws-iso-b": {
            (False, False): "backup-search.{region}.api.aws.scloud",
            (True, False): "backup-search-fips.{region}.api.aws.scloud",
        },
        "aws-iso-e": {
            (False, False): "backup-search.{region}.api.cloud-aws.adc-e.uk",
            (True, False): "backup-search-fips.{region}.api.cloud-aws.adc-e.uk",
        },
        "aws-iso-f": {
            (False, False): "backup-search.{region}.api.aws.hci.ic.gov",
            (True, False): "backup-search-fips.{region}.api.aws.hci.ic.gov",
        },
    },
    "sts": {
        "aws-us-gov": {
            (True, False): "sts.{region}.amazonaws.com",
        },
    },
    "ssm": {
        "aws-us-gov": {
            (True, False): "ssm.{region}.amazonaws.com",
        },
    },
    "ec2": {
        "aws-us-gov": {
            (True, False): "ec2.{region}.amazonaws.com",
        },
    },
    "s3": {
        "aws": {
            (False, True): "s3.dualstack.{region}.amazonaws.com",
            (True, True): "s3-fips.dualstack.{region}.amazonaws.com",
        },
        "aws-cn": {
            (False, True): "s3.dualstack.{region}.amazonaws.com.cn",
        },
        "aws-us-gov": {
            (False, True): "s3.dualstack.{region}.amazonaws.com",
            (True, True): "s3-fips.dualstack.{region}.amazonaws.com",
        },
        "aws-eusc": {
            (False, True): "s3.dualstack.{region}.amazonaws.eu",
            (True, True): "s3-fips.dualstack.{region}.amazonaws.eu",
        },
        "aws-iso": {
            (False, True): "s3.dualstack.{region}.c2s.ic.gov",
            (True, True): "s3-fips.dualstack.{region}.c2s.ic.gov",
        },
        "aws-iso-b": {
            (False, True): "s3.dualstack.{region}.sc2s.sgov.gov",
            (True, True): "s3-fips.dualstack.{region}.sc2s.sgov.gov",
        },
        "aws-iso-e": {
            (False, True): "s3.dualstack.{region}.cloud.adc-e.uk",
            (True, True): "s3-fips.dualstack.{region}.cloud.adc-e.uk",
        },
        "aws-iso-f": {
            (False, True): "s3.dualstack.{region}.csp.hci.ic.gov",
            (True, True): "s3-fips.dualstack.{region}.csp.hci.ic.gov",
        },
    },
    "logs": {
        "aws-us-gov": {
            (True, False): "logs.{region}.amazonaws.com",
        },
    },
    "monitoring": {
        "aws-us-gov": {
            (True, False): "monitoring.{region}.amazonaws.com",
            (True, True): "monitoring.{region}.api.aws",
        },
    },
    "events": {
        "aws-us-gov": {
            (True, False): "events.{region}.amazonaws.com",
            (True, True): "events.{region}.api.aws",
        },
    },
    "secretsmanager": {
        "aws": {
            (False, True): "secretsmanager.{region}.amazonaws.com",
            (True, True): "secretsmanager-fips.{region}.amazonaws.com",
        },
        "aws-cn": {
            (False, True): "secretsmanager.{region}.amazonaws.com.cn",
        },
        "aws-us-gov": {
            (False, True): "secretsmanager.{region}.amazonaws.com",
            (True, True): "secretsmanager-fips.{region}.amazonaws.com",
        },
    },
    "iam": {
        "aws": {
            (False, False): "iam.amazonaws.com",
            (False, True): "iam.global.api.aws",
            (True, False): "iam-fips.amazonaws.com",
            (True, True): "iam-fips.global.api.aws",
        },
        "aws-cn": {
            (False, False): "iam.cn-north-1.amazonaws.com.cn",
            (False, True): "iam.global.api.amazonwebservices.com.cn",
            (True, False): "iam-fips.amazonaws.com.cn",
            (True, True): "iam-fips.api.amazonwebservices.com.cn",
        },
        "aws-us-gov": {
            (False, False): "iam.us-gov.amazonaws.com",
            (False, True): "iam.us-gov.api.aws",
            (True, False): "iam.us-gov.amazonaws.com",
            (True, True): "iam.us-gov.api.aws",
        },
        "aws-eusc": {
            (False, True): "iam.global.api.amazonwebservices.eu",
            (True, False): "iam-fips.amazonaws.eu",
            (True, True): "iam-fips.api.amazonwebservices.eu",
        },
        "aws-iso": {
            (False, False): "iam.us-iso-east-1.c2s.ic.gov",
            (False, True): "iam.api.aws.ic.gov",
            (True, False): "iam-fips.us-iso-east-1.c2s.ic.gov",
            (True, True): "iam-fips.api.aws.ic.gov",
        },
        "aws-iso-b": {
            (False, False): "iam.us-isob-east-1.sc2s.sgov.gov",
            (False, True): "iam.api.aws.scloud",
            (True, False): "iam-fips.us-isob-east-1.sc2s.sgov.gov",
            (True, True): "iam-fips.api.aws.scloud",
        },
        "aws-iso-e": {
            (False, True): "iam.api.cloud-aws.adc-e.uk",
            (True, False): "iam-fips.cloud.adc-e.uk",
            (True, True): "iam-fips.api.cloud-aws.adc-e.uk",
        },
        "aws-iso-f": {
            (False, False): "iam.us-isof-south-1.csp.hci.ic.gov",
            (False, True): "iam.api.aws.hci.ic.gov",
            (True, False): "iam-fips.csp.hci.ic.gov",
            (True, True): "iam-fips.api.aws.hci.ic.gov",
        },
    },
    "route53": {
        "aws": {
            (False, False): "route53.amazonaws.com",
            (False, True): "route53.global.api.aws",
            (True, False): "route53-fips.amazonaws.com",
            (True, True): "route53-fips.global.api.aws",
        },
        "aws-cn": {
            (False, False): "route53.amazonaws.com.cn",
            (False, True): "route53.global.api.amazonwebservices.com.cn",
            (True, False): "route53-fips.amazonaws.com.cn",
            (True, True): "route53-fips.api.amazonwebservices.com.cn",
        },
        "aws-us-gov": {
            (False, False): "route53.us-gov.amazonaws.com",
            (False, True): "route53.us-gov.api.aws",
            (True, False): "route53.us-gov.amazonaws.com",
            (True, True): "route53.us-gov.api.aws",
        },
        "aws-eusc": {
            (False, False): "route53.amazonaws.eu",
            (False, True): "route53.global.api.amazonwebservices.eu",
            (True, False): "route53-fips.amazonaws.eu",
            (True, True): "route53-fips.api.amazonwebservices.eu",
        },
        "aws-iso": {
            (False, False): "route53.c2s.ic.gov",
            (False, True): "route53.api.aws.ic.gov",
            (True, False): "route53-fips.c2s.ic.gov",
            (True, True): "route53-fips.api.aws.ic.gov",
        },
        "aws-iso-b": {
            (False, False): "route53.sc2s.sgov.gov",
            (False, True): "route53.api.aws.scloud",
            (True, False): "route53-fips.sc2s.sgov.gov",
            (True, True): "route53-fips.api.aws.scloud",
        },
        "aws-iso-e": {
            (False, False): "route53.cloud.adc-e.uk",
            (False, True): "route53.api.cloud-aws.adc-e.uk",
            (True, False): "route53-fips.cloud.adc-e.uk",
            (True, True): "route53-fips.api.cloud-aws.adc-e.uk",
        },
        "aws-iso-f": {
            (False, False): "route53.csp.hci.ic.gov",
            (False, True): "route53.api.aws.hci.ic.gov",
            (True, False): "route53-fips.csp.hci.ic.gov",
            (True, True): "route53-fips.api.aws.hci.ic.gov",
        },
    },
    "route53resolver": {
        "aws-us-gov": {
            (True, False): "route53resolver.{region}.amazonaws.com",
        },
    },
    "sns": {
        "aws-us-gov": {
            (True, False): "sns.{region}.amazonaws.com",
        },
    },
    "sqs": {
        "aws-us-gov": {
            (True, False): "sqs.{region}.amazonaws.com",
        },
    },
    "cloudtrail": {
        "aws-us-gov": {
            (True, False): "cloudtrail.{region}.amazonaws.com",
        },
    },
}
"""Hosts of a service in a partition that do not follow the rule; the key says whether FIPS and dual stack are on."""

SIGNING_REGIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "iam": {
        "aws": "us-east-1",
        "aws-cn": "cn-north-1",
        "aws-us-gov": "us-gov-west-1",
        "aws-iso": "us-iso-east-1",
        "aws-iso-b": "us-isob-east-1",
        "aws-iso-f": "us-isof-south-1",
    },
    "route53": {
        "aws": "us-east-1",
        "aws-cn": "cn-northwest-1",
        "aws-us-gov": "us-gov-west-1",
        "aws-iso": "us-iso-east-1",
        "aws-iso-b": "us-isob-east-1",
        "aws-iso-f": "us-isof-south-1",
    },
}
"""The Region in the signature of requests to a global service, by service and partition."""
