"""The history: what the cycles of a watch, and single runs, leave in a file of SQLite, and what it tells afterwards."""
