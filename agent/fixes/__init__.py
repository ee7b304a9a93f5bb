"""Fixes of findings: their commands, the changes that these make, and whether the predictor says that they work."""
