"""Predictions before a change: whether the hosts of a VPC reach their services, and what a plan changes about it."""
