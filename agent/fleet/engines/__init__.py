"""The two engines: DuckDB where the extra `fleet` is installed, else SQLite. Nothing else imports either."""

from agent.fleet.store import Engine


def best_engine() -> Engine:
    """DuckDB where it is installed, else SQLite."""
    try:
        from agent.fleet.engines.duckdb import DuckDb
    except ImportError:
        from agent.fleet.engines.sqlite import Sqlite

        return Sqlite()
    return DuckDb()
