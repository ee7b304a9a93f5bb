"""The history: cycles of a watch and single runs, kept in a SQLite file and summarized later."""
