"""The views on Spark, whose workers are processes of their own as Athena's are: every row is that of DuckDB."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import sqlglot

from agent.fleet.athena import tables, views
from tests.agent.fleet.athena.lake import database, fleet
from tests.support import extent

REQUIRED: Final = "BACKUPLINK_REQUIRE_SPARK"
_IS_REQUIRED: Final = os.environ.get(REQUIRED) == "1"
"""Read before the tests' own environment hides it."""

if not extent.everything():
    pytest.skip("a cluster of Spark takes half a minute to start: --everything", allow_module_level=True)


def missing(what: str) -> None:
    """Skip, or fail where Spark is required."""
    if _IS_REQUIRED:
        pytest.fail(f"{REQUIRED} is set, and there is no {what} here")
    pytest.skip(f"there is no {what} here")


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session on a cluster of two workers, on loopback, with the table and the views."""
    if shutil.which("java") is None:
        missing("java (Debian: package default-jre-headless)")
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        missing("pyspark")
    folder = tmp_path_factory.mktemp("spark")
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    session = (
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
        .config("spark.local.dir", str(folder / "local"))
        .getOrCreate()
    )
    names = (*tables.PARTITIONED_BY, *tables.columns())
    types = dict.fromkeys(tables.PARTITIONED_BY, "string") | tables.columns()
    schema = ", ".join(f"{name} {types[name]}" for name in names)
    rows = [tuple(list(value) if isinstance(value := one[name], tuple) else value for name in names) for one in fleet()]
    session.createDataFrame(rows, schema).cache().createOrReplaceTempView(tables.PACKED)
    for name, query in views.VIEWS.items():
        (translated,) = sqlglot.transpile(
            query, read="trino", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE
        )
        session.sql(translated).createOrReplaceTempView(name)
    yield session
    session.stop()


def plain(row: Any) -> tuple[Any, ...]:
    return tuple(tuple(value) if isinstance(value, list) else value for value in row)


@pytest.mark.parametrize("name", views.VIEWS)
def test_the_rows_are_those_of_duckdb(name: str, spark: Any, tmp_path: Path) -> None:
    ours = {plain(row) for row in database(tmp_path, fleet()).execute(f"SELECT * FROM {name}").fetchall()}
    assert ours
    assert {plain(row) for row in spark.sql(f"SELECT * FROM {name}").collect()} == ours
