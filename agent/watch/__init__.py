"""Repeated runs: their results, and the changes between them."""
