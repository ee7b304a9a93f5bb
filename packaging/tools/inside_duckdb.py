"""Third-party code that is compiled into DuckDB's wheel. The wheel has neither a bill of materials nor the licences of
this code.

The list was read in the source archive of the version below (`pip download --no-binary duckdb --no-deps
duckdb==VERSION`). It has each folder of `external/duckdb/third_party` with a licence file, the licence, and the version
if a header shows it. `catch` and `imdb`, which only tests and benchmarks use, have no licence file. Code whose licence
is elsewhere is in the list, too: `alp`, `adbc` and `nanoarrow` below `external/duckdb/src`; `unicode-data` in the
generated files of `extension/icu`, which contain nothing of ICU itself; and `nanobind` of the Python binding, whose own
wheel contains `robin-map`. jemalloc is only in the wheels for Linux. Tests compare the names with the namespaces in the
installed wheel, and the version with the locked version.
"""

from typing import Final

VERSION: Final = "2.0.1"
"""The version of DuckDB whose archive was read."""
INSIDE: Final = (
    ("adbc", "", "Apache-2.0"),
    ("alp", "", "MIT"),
    ("brotli", "1.1.0", "MIT"),
    ("concurrentqueue", "", "BSD-2-Clause AND Zlib"),
    ("cpp-httplib", "0.53.1", "MIT"),
    ("fast_float", "", "MIT"),
    ("fastpforlib", "", "Apache-2.0"),
    ("fmt", "6.1.2", "MIT"),
    ("fsst", "", "MIT"),
    ("hyperloglog", "", "MIT"),
    ("jaro_winkler", "", "MIT"),
    ("jemalloc", "5.3.0", "BSD-2-Clause"),
    ("lz4", "1.9.4", "BSD-2-Clause"),
    ("mbedtls", "3.6.7", "Apache-2.0"),  # or GPL-2.0-or-later, as the user chooses
    ("miniz", "10.0.3", "MIT"),
    ("nanoarrow", "", "Apache-2.0"),
    ("nanobind", "", "BSD-3-Clause"),
    ("parquet-format", "", "Apache-2.0"),
    ("pcg-cpp", "", "MIT"),
    ("pdqsort", "", "Zlib"),
    ("re2", "", "BSD-3-Clause"),
    ("robin-map", "", "MIT"),
    ("ska_sort", "", "BSL-1.0"),
    ("skiplist", "", "MIT"),
    ("snappy", "1.2.1", "BSD-3-Clause"),
    ("tdigest", "", "Apache-2.0"),
    ("thrift", "", "Apache-2.0"),
    ("unicode-data", "", "Unicode-3.0"),
    ("utf8proc", "2.9.0", "MIT AND Unicode-DFS-2015"),
    ("vergesort", "", "MIT"),
    ("yyjson", "0.9.0", "MIT"),
    ("zstd", "1.5.6", "BSD-3-Clause"),
)
"""The name of each part inside DuckDB, its version if it is known, and its licence."""
NAMESPACES: Final = {
    "duckdb_adbc": "adbc",
    "duckdb_apache": "thrift",
    "duckdb_fastpforlib": "fastpforlib",
    "duckdb_fmt": "fmt",
    "duckdb_hll": "hyperloglog",
    "duckdb_httplib": "cpp-httplib",
    "duckdb_lz4": "lz4",
    "duckdb_mbedtls": "mbedtls",
    "duckdb_miniz": "miniz",
    "duckdb_moodycamel": "concurrentqueue",
    "duckdb_nanoarrow": "nanoarrow",
    "duckdb_parquet": "parquet-format",
    "duckdb_re2": "re2",
    "duckdb_ska_sort": "ska_sort",
    "duckdb_skiplistlib": "skiplist",
    "duckdb_snappy": "snappy",
    "duckdb_yyjson": "yyjson",
    "duckdb_zstd": "zstd",
    "libfsst": "fsst",
    "nanobind": "nanobind",
}
"""The part to which each C++ namespace in the compiled module belongs. Parts in C, for example, leave no namespace."""
