"""Predictions before a change: whether the hosts of a VPC reach their services, and the effect of a plan on that."""
