"""`./dev mutants` tells whether the tests of a room notice mistakes in its code."""
