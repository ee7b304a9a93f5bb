"""The command line, with click: options, commands, and the first lines of a process."""
