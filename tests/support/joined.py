"""Text that, appended to a scenario's file, makes the reads also ask about a peering and a transit gateway."""

from typing import Final

JOINED: Final = """
[[ec2.route_tables]]
table_id = "rtb-0a1b2c3d4e5f67890"
vpc_id = "vpc-0a1b2c3d4e5f67890"
main = true
subnet_ids = []
routes = [
  { destination = "10.0.0.0/16" },
  { destination = "10.40.0.0/16", target = "pcx-0a1b2c3d4e5f67890" },
  { destination = "10.41.0.0/16", target = "tgw-0a1b2c3d4e5f67890" },
]

[[ec2.peerings]]
peering_id = "pcx-0a1b2c3d4e5f67890"
state = "active"
sides = [
  { vpc_id = "vpc-0a1b2c3d4e5f67890", owner_id = "111122223333", cidrs = ["10.0.0.0/16"] },
  { vpc_id = "vpc-0f1b2c3d4e5f67890", owner_id = "444455556666", cidrs = ["10.40.0.0/16", "2600:1f18:40::/56"] },
]

[[ec2.transit_attachments]]
attachment_id = "tgw-attach-0a1b2c3d4e5f67890"
gateway_id = "tgw-0a1b2c3d4e5f67890"
kind = "vpc"
resource_id = "vpc-0a1b2c3d4e5f67890"
state = "available"
table_id = "tgw-rtb-0a1b2c3d4e5f67890"
subnet_ids = ["subnet-0a1b2c3d4e5f67890"]

[[ec2.transit_tables]]
table_id = "tgw-rtb-0a1b2c3d4e5f67890"

[[ec2.transit_tables.routes]]
destination = "10.41.0.0/16"
attachment_ids = ["tgw-attach-0f1b2c3d4e5f67890"]
kind = "vpc"
resource_ids = ["vpc-0f1b2c3d4e5f67890"]

[[ec2.transit_tables.routes]]
destination = "10.42.0.0/16"
state = "blackhole"
"""
"""The text to append. The scenario's file must have an `[ec2]` table."""
