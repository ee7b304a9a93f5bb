"""The commands. A module has one command, or a few of the same kind. Each turns options into a use case of `agent.app`
and returns its exit code."""
