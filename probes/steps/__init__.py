"""The probes, one for each step of the path. Each stores facts, and raises the errors of the library that it uses."""
