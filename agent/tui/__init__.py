"""The terminal interface: a view of the events of a run, or of a saved report."""
