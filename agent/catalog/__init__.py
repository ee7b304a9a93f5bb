"""Partitions, Regions, services, host names and ports as data, and functions that look them up."""
