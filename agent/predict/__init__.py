"""Before a change: what the configuration of a VPC says of its hosts, and what a plan would do to them."""
