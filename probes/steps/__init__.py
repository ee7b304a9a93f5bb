"""The probes, one for each step of the path. A probe stores facts, and lets the errors of the library that it uses
pass."""
