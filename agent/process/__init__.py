"""The streams, files and signals of a process. Nothing else of the program is imported here."""
