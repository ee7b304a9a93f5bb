"""The probes, one for each step of the path: each raises its library's errors, and stores facts."""
