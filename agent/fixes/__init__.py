"""Fixes of findings: their commands, the changes that the commands make, and whether the predictor says that the fixes
work."""
