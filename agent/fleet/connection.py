"""Opens DuckDB; this is the one module that imports it.

What does not fit into its memory DuckDB writes to disk. Without a name for the folder it takes `.tmp` in the current
one, and a process that is killed leaves its records there: so every connection has a folder that its caller removes.
"""

from pathlib import Path
from typing import Any, Final

import duckdb

Connection = duckdb.DuckDBPyConnection
"""An open database; it ends with its `with` block."""
Error = duckdb.Error
"""What every statement may raise."""
FileError = duckdb.IOException
"""What a statement raises that cannot write or read a file."""
SPILLED: Final = "spilled"
"""The folder, inside the caller's, that DuckDB makes when its memory is full."""


def connect(folder: Path, **settings: Any) -> Connection:
    """A database in memory with DuckDB's settings, which spills into this folder alone, and draws no bar over what this
    process writes while a statement takes long."""
    connection = duckdb.connect(":memory:", config={**settings, "temp_directory": str(folder / SPILLED)})
    connection.execute("SET enable_progress_bar = false")
    return connection
