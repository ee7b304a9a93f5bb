"""One module a layer of the path; every rule is a pure function from evidence to findings."""
