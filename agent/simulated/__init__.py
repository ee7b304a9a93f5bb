"""A VPC in memory. It implements the seams of `probes.seams` as a scenario file describes them, under a clock that
jumps to the next timer."""
