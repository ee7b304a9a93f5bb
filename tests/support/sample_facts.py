"""A configuration as `backuplink facts` reads it, which tests write to files."""

from datetime import UTC, datetime, timedelta

from agent.settings import Ec2Facts
from probes.vpc.model import DNS_FIREWALL, PRIVATE_ZONES
from tests.support.build import REGION
from tests.support.configured import VPC_ID, configured, read


def facts(*, taken_at: datetime | None = None, region: str = REGION) -> Ec2Facts:
    """The facts of the healthy world, by default read an hour ago. One read failed, one was skipped, and all others
    succeeded.
    """
    return Ec2Facts(
        region=region,
        vpc_id=VPC_ID,
        taken_at=taken_at or (datetime.now(UTC) - timedelta(hours=1)).replace(microsecond=0),
        observations=tuple(
            configured(
                read(PRIVATE_ZONES, failed="not-permitted"),
                read(DNS_FIREWALL, skipped="not started: the deadline of 60 s came"),
            )
        ),
    )
