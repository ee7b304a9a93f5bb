"""The formats of a report. Each has a module."""
