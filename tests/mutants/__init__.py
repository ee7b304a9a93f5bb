"""Whether the tests of a room notice that its code is wrong: `./dev mutants`."""
