"""Make a run: from its settings and a world to its measurement, with every event on the way. Nothing here judges."""
