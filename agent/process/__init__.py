"""The streams, files and signals of a process. Imports nothing of the program."""
