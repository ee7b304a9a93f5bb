"""What a process does with its streams, files and signals. Imports nothing of the program."""
