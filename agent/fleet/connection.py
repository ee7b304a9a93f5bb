"""Opens DuckDB. No other module imports it.

DuckDB writes to disk what does not fit into its memory. By default it uses the folder `.tmp` in the current folder. A
process that is killed would leave records there. Every connection therefore gets a folder that its caller removes.
"""

from pathlib import Path
from typing import Any, Final

import duckdb

Connection = duckdb.DuckDBPyConnection
"""An open database. The end of its `with` block closes it."""
Error = duckdb.Error
"""The base class of the errors of statements."""
FileError = duckdb.IOException
"""The error of a statement that cannot read or write a file."""
SPILLED: Final = "spilled"
"""The folder that DuckDB makes inside the caller's folder when its memory is full."""


def connect(folder: Path, **settings: Any) -> Connection:
    """Return a database in memory. It writes temporary files only into this folder, and draws no progress bar over the
    output of this process."""
    connection = duckdb.connect(":memory:", config={**settings, "temp_directory": str(folder / SPILLED)})
    connection.execute("SET enable_progress_bar = false")
    return connection
