"""A VPC in memory: the seams of `probes.seams`, built from a scenario file, under a clock that jumps to the next
timer."""
