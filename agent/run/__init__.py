"""A run from its settings and a world to a measurement, with every event on the way. Nothing here judges."""
