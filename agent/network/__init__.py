"""What a VPC's configuration does with a packet, a name and a call: pure functions over what EC2 said."""
