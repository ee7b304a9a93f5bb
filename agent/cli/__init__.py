"""The command line, by click: options, commands, and what a process does first."""
