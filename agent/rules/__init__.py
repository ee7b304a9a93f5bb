"""What observations mean: pure functions from evidence to findings, one module a layer."""
