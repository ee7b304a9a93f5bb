"""The terminal's interface: a view over the events of a run, or over a saved report."""
