"""Partitions, Regions, services, host names and ports as data, and the functions over them."""
