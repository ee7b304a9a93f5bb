"""One probe a step of the path: it raises what its library raises, and gives facts."""
