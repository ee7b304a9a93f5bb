"""The questions about a fleet, in SQL. Each file is a statement that DuckDB's shell runs unchanged.

A statement reads tables that earlier ones made, and takes its parameters from variables: `SET VARIABLE sweep = 'day-1'`
comes before it. `PREPARE` would not accept a statement that makes a table. The SQL in `agent/fleet/database.py` asks no
questions: it only fills, counts or empties a given table, and reads or writes files.
"""

from functools import cache
from pathlib import Path


@cache
def statement(name: str) -> str:
    """The text of a statement."""
    return (Path(__file__).parent / f"{name}.sql").read_text("utf-8")
