"""The use cases behind the commands. They do not depend on the command line."""
