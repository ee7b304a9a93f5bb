"""The use cases behind the commands. They know nothing of the command line."""
