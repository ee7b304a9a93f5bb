"""Conditions that more than one rule checks in the evidence of a run."""
