"""Conditions that more than one rule asks about, over the evidence of a run."""
