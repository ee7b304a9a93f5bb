"""The views over the table of packed records.

One text runs on Athena (Trino), on DuckDB and, translated, on Spark. So it keeps to what they have in common: arrays of
texts and no others, `UNNEST` beside a table, window functions, and no column named `at`, `groups` or `schema`. Each day
is a sweep. A fault is `code|kind=id|…`, as docs/host-record.md describes keys, without the target: one cause at two
services is one.
"""

from datetime import date
from typing import Final

from agent.fleet.athena.tables import ACCOUNT, PACKED, AthenaError, columns

LEAST: Final = 5
"""Hosts from which on a cause is there (`--least`)."""
_COLUMNS: Final = ", ".join(("account", "region", "dt", *columns()))
_RANK: Final = "CASE severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END"


def _part(text: str, number: int) -> str:
    return f"split_part({text}, '|', {number})"


def _key(text: str, first: int) -> str:
    """The key in a text whose part `first` is its code, and the next its target: without the target."""
    heads = " + ".join(f"length({_part(text, number)})" for number in range(1, first + 2))
    return f"concat({_part(text, first)}, substr({text}, {heads} + {first + 1}))"


_SYMPTOM: Final = "split_part(u.symptom, ' < ', 1)"
_CAUSE_OF: Final = "split_part(u.symptom, ' < ', 2)"
_SINGLE: Final = ("account", "vpc", "subnet", "zone", "image", "instance_type", "tool")
_LISTED: Final = {"group": "security_groups", "endpoint": "endpoints", "resolver": "resolvers"}

_WITHOUT_ACCOUNT: Final = ("host_symptom", "explained", "cause_day", "cause_since", "host_value", "cause_value")

VIEWS: Final[dict[str, str]] = {
    # The last record of each host on each day. A host without a name is one of its own.
    "newest": f"""
SELECT {_COLUMNS}, COALESCE(host, run) AS node
FROM (
  SELECT {_COLUMNS},
    row_number() OVER (PARTITION BY dt, COALESCE(host, run) ORDER BY taken_at DESC, run DESC) AS place
  FROM {PACKED}
) AS placed
WHERE place = 1""",
    # One row a host, day and cause.
    "host_cause": f"""
SELECT n.account, n.region, n.dt, n.node, n.redacted, n.ec2,
  {_part("u.cause", 1)} AS severity, {_part("u.cause", 2)} AS code, {_part("u.cause", 3)} AS target,
  {_key("u.cause", 2)} AS cause_key
FROM newest AS n CROSS JOIN UNNEST(n.causes) AS u(cause)""",
    # One row a host, day and symptom, with the cause that the host itself gives it.
    "host_symptom": f"""
SELECT n.dt, n.node, n.redacted, {_part(_SYMPTOM, 1)} AS code,
  {_key(_SYMPTOM, 1)} AS symptom_key, {_key(_CAUSE_OF, 1)} AS cause_key
FROM newest AS n CROSS JOIN UNNEST(n.symptoms) AS u(symptom)""",
    # What explains a symptom, by most of the hosts that found a cause of it.
    "explained": """
SELECT dt, symptom_key, cause_key
FROM (
  SELECT dt, symptom_key, cause_key,
    row_number() OVER (PARTITION BY dt, symptom_key ORDER BY count(DISTINCT node) DESC, cause_key) AS place
  FROM host_symptom
  WHERE NOT redacted AND symptom_key <> code
  GROUP BY dt, symptom_key, cause_key
) AS ordered
WHERE place = 1""",
    # The faults of each host. One that did not read the configuration has, in place of a symptom, what explains it on
    # other hosts. Masks are no ids, so the faults of a redacted record are joined by their code alone.
    "host_fault": f"""
SELECT c.account, c.region, c.dt, c.node,
  CASE WHEN c.redacted THEN concat(c.code, '|redacted') WHEN c.ec2 THEN c.cause_key
    ELSE COALESCE(x.cause_key, c.cause_key) END AS fault,
  min({_RANK}) AS severity_rank,
  max(CASE WHEN c.ec2 OR c.redacted OR x.cause_key IS NULL THEN 0 ELSE 1 END) AS joined
FROM host_cause AS c
LEFT JOIN explained AS x ON x.dt = c.dt AND x.symptom_key = c.cause_key
GROUP BY c.account, c.region, c.dt, c.node,
  CASE WHEN c.redacted THEN concat(c.code, '|redacted') WHEN c.ec2 THEN c.cause_key
    ELSE COALESCE(x.cause_key, c.cause_key) END""",
    # Each host at one fault of each day: the worst, then the one that most hosts have.
    "counted_fault": """
SELECT account, region, dt, node, fault, severity_rank, joined
FROM (
  SELECT f.account, f.region, f.dt, f.node, f.fault, f.severity_rank, f.joined,
    row_number() OVER (PARTITION BY f.dt, f.node ORDER BY f.severity_rank, s.hosts DESC, f.fault) AS place
  FROM host_fault AS f
  JOIN (SELECT dt, fault, count(DISTINCT node) AS hosts FROM host_fault GROUP BY dt, fault) AS s
    ON s.dt = f.dt AND s.fault = f.fault
) AS ordered
WHERE place = 1""",
    # The causes of each day: how many hosts count at each, and how many of them saw a symptom alone.
    "cause_day": """
SELECT dt, fault, split_part(fault, '|', 1) AS code,
  CASE min(severity_rank) WHEN 0 THEN 'critical' WHEN 1 THEN 'warning' ELSE 'info' END AS severity,
  count(*) AS hosts, sum(joined) AS joined_hosts, count(DISTINCT account) AS accounts
FROM counted_fault
GROUP BY dt, fault""",
    # The verdicts of each day.
    "verdict_day": """
SELECT dt, account, region, status, count(*) AS hosts
FROM newest
GROUP BY dt, account, region, status""",
    # Since when the causes of the last day have been there without a break.
    "cause_since": f"""
SELECT fault, min(dt) AS since, count(*) AS days
FROM (
  SELECT c.fault, c.dt, d.number, d.number - row_number() OVER (PARTITION BY c.fault ORDER BY d.number) AS island
  FROM cause_day AS c
  JOIN (SELECT dt, row_number() OVER (ORDER BY dt) AS number FROM newest GROUP BY dt) AS d ON d.dt = c.dt
  WHERE c.hosts >= {LEAST}
) AS runs
GROUP BY fault, island
HAVING max(dt) = (SELECT max(dt) FROM newest)""",
    # What hosts may share: one row a host, day and value.
    "host_value": "\nUNION ALL\n".join(
        (
            *(
                f"SELECT dt, node, '{name}' AS attribute, {name} AS held FROM newest WHERE {name} IS NOT NULL"
                for name in _SINGLE
            ),
            *(
                f"SELECT n.dt, n.node, '{name}' AS attribute, u.held FROM newest AS n "
                f"CROSS JOIN UNNEST(n.{column}) AS u(held)"
                for name, column in _LISTED.items()
            ),
        )
    ),
    # For each cause and value, how many hosts with the value have the fault, and how many there are: for a test of
    # what the sick share (docs/fleet-causes.md).
    "cause_value": """
SELECT s.dt, s.fault, s.attribute, s.held, s.sick, a.hosts
FROM (
  SELECT f.dt, f.fault, v.attribute, v.held, count(DISTINCT f.node) AS sick
  FROM host_fault AS f JOIN host_value AS v ON v.dt = f.dt AND v.node = f.node
  GROUP BY f.dt, f.fault, v.attribute, v.held
) AS s
JOIN (
  SELECT dt, attribute, held, count(DISTINCT node) AS hosts FROM host_value GROUP BY dt, attribute, held
) AS a ON a.dt = s.dt AND a.attribute = s.attribute AND a.held = s.held""",
    # Hosts that had a record on the day before the last one, and have none on the last.
    "not_heard_from": """
SELECT b.account, b.region, b.node, b.taken_at
FROM newest AS b
LEFT JOIN newest AS l ON l.node = b.node AND l.dt = (SELECT max(dt) FROM newest)
WHERE b.dt = (SELECT max(dt) FROM newest WHERE dt < (SELECT max(dt) FROM newest)) AND l.node IS NULL""",
}
"""The query of each view, in an order in which each is made of those before it."""


def statements() -> tuple[str, ...]:
    """What makes the views, each statement by itself. They name each other and the table without a database: it is the
    one in whose context the statements run."""
    return tuple(f"CREATE OR REPLACE VIEW {name} AS\n{query.strip()}" for name, query in VIEWS.items())


def rows_of(view: str, *, day: date | None = None, account: str | None = None) -> str:
    """The query for the rows of a view, of one day and of one account where these are named. Raises AthenaError for a
    view that has no such column, and for what is no view."""
    if view not in VIEWS:
        raise AthenaError(f"{view!r} is no view; there are {', '.join(VIEWS)}")
    conditions = []
    for column, value in (("dt", None if day is None else f"{day:%Y-%m-%d}"), ("account", account)):
        if value is None:
            continue
        if column not in columns_of(view):
            raise AthenaError(f"the view {view} has no {'day' if column == 'dt' else column}")
        if column == "account" and ACCOUNT.fullmatch(value) is None:
            raise AthenaError(f"{value!r} is not a valid account")
        conditions.append(f"{column} = '{value}'")
    return f"SELECT * FROM {view}" + (f" WHERE {' AND '.join(conditions)}" if conditions else "")


def columns_of(view: str) -> frozenset[str]:
    """Of `dt` and `account`, those that a view has: by which its rows can be chosen."""
    without = {"dt": ("cause_since", "not_heard_from"), "account": _WITHOUT_ACCOUNT}
    return frozenset(column for column, views in without.items() if view not in views)
