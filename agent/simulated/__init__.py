"""A VPC in memory: the seams of `probes.world` made from a scenario file, under a clock that leaps."""
