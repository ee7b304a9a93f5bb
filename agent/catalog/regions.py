"""Every Region of every partition, and what is offered there.

Source: `endpoints.json` and `partitions.json` of botocore 1.44.8 (2026-11); FIPS hosts from *AWS Backup endpoints and
quotas* in the AWS General Reference. A test compares the table with the botocore that is installed and names every
difference. The table may lag behind AWS.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One Region."""

    id: str
    partition: str
    name: str
    services: tuple[str, ...]
    """Services that are offered there."""
    fips: tuple[str, ...]
    """Services whose FIPS host is documented there; an SDK builds the name everywhere."""


REGIONS: Final = {
    region: Region(
        id=region, partition=partition, name=name, services=tuple(services.split()), fips=tuple(fips.split())
    )
    for partition, region, name, services, fips in (
        ("aws", "af-south-1", "Africa (Cape Town)", "backup backup-gateway", ""),
        ("aws", "ap-east-1", "Asia Pacific (Hong Kong)", "backup backup-gateway", ""),
        ("aws", "ap-east-2", "Asia Pacific (Taipei)", "backup", ""),
        ("aws", "ap-northeast-1", "Asia Pacific (Tokyo)", "backup backup-gateway", ""),
        ("aws", "ap-northeast-2", "Asia Pacific (Seoul)", "backup backup-gateway", ""),
        ("aws", "ap-northeast-3", "Asia Pacific (Osaka)", "backup backup-gateway", ""),
        ("aws", "ap-south-1", "Asia Pacific (Mumbai)", "backup backup-gateway", ""),
        ("aws", "ap-south-2", "Asia Pacific (Hyderabad)", "backup", ""),
        ("aws", "ap-southeast-1", "Asia Pacific (Singapore)", "backup backup-gateway", ""),
        ("aws", "ap-southeast-2", "Asia Pacific (Sydney)", "backup backup-gateway", ""),
        ("aws", "ap-southeast-3", "Asia Pacific (Jakarta)", "backup", ""),
        ("aws", "ap-southeast-4", "Asia Pacific (Melbourne)", "backup", ""),
        ("aws", "ap-southeast-5", "Asia Pacific (Malaysia)", "backup", ""),
        ("aws", "ap-southeast-6", "Asia Pacific (New Zealand)", "backup", ""),
        ("aws", "ap-southeast-7", "Asia Pacific (Thailand)", "backup", ""),
        ("aws", "ca-central-1", "Canada (Central)", "backup backup-gateway", "backup"),
        ("aws", "ca-west-1", "Canada West (Calgary)", "backup", "backup"),
        ("aws", "eu-central-1", "Europe (Frankfurt)", "backup backup-gateway", ""),
        ("aws", "eu-central-2", "Europe (Zurich)", "backup", ""),
        ("aws", "eu-north-1", "Europe (Stockholm)", "backup backup-gateway", ""),
        ("aws", "eu-south-1", "Europe (Milan)", "backup backup-gateway", ""),
        ("aws", "eu-south-2", "Europe (Spain)", "backup", ""),
        ("aws", "eu-west-1", "Europe (Ireland)", "backup backup-gateway", ""),
        ("aws", "eu-west-2", "Europe (London)", "backup backup-gateway", ""),
        ("aws", "eu-west-3", "Europe (Paris)", "backup backup-gateway", ""),
        ("aws", "il-central-1", "Israel (Tel Aviv)", "backup", ""),
        ("aws", "me-central-1", "Middle East (UAE)", "backup", ""),
        ("aws", "me-south-1", "Middle East (Bahrain)", "backup backup-gateway", ""),
        ("aws", "me-west-1", "Middle East (Saudi Arabia)", "", ""),
        ("aws", "mx-central-1", "Mexico (Central)", "backup", ""),
        ("aws", "sa-east-1", "South America (Sao Paulo)", "backup backup-gateway", ""),
        ("aws", "sa-west-1", "South America (Chile)", "", ""),
        ("aws", "us-east-1", "US East (N. Virginia)", "backup backup-gateway", "backup"),
        ("aws", "us-east-2", "US East (Ohio)", "backup backup-gateway", "backup"),
        ("aws", "us-west-1", "US West (N. California)", "backup backup-gateway", "backup"),
        ("aws", "us-west-2", "US West (Oregon)", "backup backup-gateway", "backup"),
        ("aws-cn", "cn-north-1", "China (Beijing)", "backup", ""),
        ("aws-cn", "cn-northwest-1", "China (Ningxia)", "backup", ""),
        ("aws-us-gov", "us-gov-east-1", "AWS GovCloud (US-East)", "backup backup-gateway", "backup"),
        ("aws-us-gov", "us-gov-west-1", "AWS GovCloud (US-West)", "backup backup-gateway", "backup"),
        ("aws-eusc", "eusc-de-east-1", "AWS European Sovereign Cloud (Germany)", "backup", ""),
        ("aws-iso", "us-iso-east-1", "US ISO East", "backup", ""),
        ("aws-iso", "us-iso-west-1", "US ISO WEST", "backup", ""),
        ("aws-iso-b", "us-isob-east-1", "US ISOB East (Ohio)", "backup", ""),
        ("aws-iso-b", "us-isob-west-1", "US ISOB West", "backup", ""),
        ("aws-iso-e", "eu-isoe-west-1", "EU ISOE West", "", ""),
        ("aws-iso-f", "us-isof-east-1", "US ISOF EAST", "backup", ""),
        ("aws-iso-f", "us-isof-south-1", "US ISOF SOUTH", "backup", ""),
    )
}
"""By id, by partition and then by id."""
