"""What the configuration says should happen to a packet: pure functions over what EC2 said."""
