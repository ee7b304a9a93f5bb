"""A VPC in memory: the seams of `probes.seams` made from a scenario file, under a clock that leaps."""
