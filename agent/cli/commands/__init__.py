"""The commands, one module for each or for a few of a kind: options in, a use case of `agent.app`, an exit code out."""
