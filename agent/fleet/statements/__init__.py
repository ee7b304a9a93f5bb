"""The questions that a fleet is asked in SQL, each a file that DuckDB's shell runs as it is.

A statement reads tables that others made, and takes what it is asked for from variables: `SET VARIABLE sweep = 'day-1'`
comes before it. `PREPARE` would take none that makes a table. What `agent/fleet/database.py` says in SQL itself asks
nothing: it fills, counts or empties a table that it is told, reads a file, and writes one.
"""

from functools import cache
from pathlib import Path


@cache
def statement(name: str) -> str:
    """The text of a statement."""
    return (Path(__file__).parent / f"{name}.sql").read_text("utf-8")
