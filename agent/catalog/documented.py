"""What AWS documents of endpoints and no SDK's data has: written by hand, with its source."""

from typing import Final

PRIVATE_LINK_PARTITIONS: Final = frozenset({"aws", "aws-cn", "aws-us-gov"})
"""Partitions whose PrivateLink service names AWS documents (AWS PrivateLink Guide, AWS services that integrate with AWS
PrivateLink, 2026-11); for the others they are not confirmed."""

_NORTH_AMERICA: Final = ("ca-central-1", "ca-west-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2")

FIPS_REGIONS: Final = {"backup": frozenset({*_NORTH_AMERICA, "us-gov-east-1", "us-gov-west-1"})}
"""By service, the Regions in which its FIPS host is documented (AWS General Reference, AWS Backup endpoints and
quotas); an SDK builds the name everywhere."""
