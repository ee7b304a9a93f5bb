"""One module for each layer of the path. Every rule is a pure function from evidence to findings."""
