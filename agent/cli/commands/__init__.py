"""The commands, one module for each or for a few of one kind. Each turns options into a use case of `agent.app` and
returns its exit code."""
