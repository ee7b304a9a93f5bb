"""Write the tables in docs/fleet.md of the requests that a fleet makes in an account. They follow from the intervals of
a watch and of the timers, and from the requests of one sweep, which is one run on all hosts."""

import math
import re
from pathlib import Path
from typing import Final

from agent.catalog.services import SERVICES
from agent.fleet import run_command, s3
from agent.report import put_events
from agent.watch.requests import READ_SPREAD, call_interval
from probes.vpc.model import PEERINGS, PROFILE_RESOURCES, READS, TRANSIT

ROOT: Final = Path(__file__).parents[2]
PATH: Final = "docs/fleet.md"
BEGIN: Final = "<!-- Written by ./dev docs from the program itself; edit outside of these two lines. -->\n"
BEGIN_SWEEP: Final = "<!-- Written by ./dev docs from the program itself, too; edit outside of these two lines. -->\n"
END: Final = "<!-- End of what ./dev docs writes. -->\n"
HOSTS: Final = (1_000, 5_000, 20_000)
_TIMERS: Final = {
    "`backuplink-check.timer`": "packaging/packages/systemd/backuplink-check.timer",
    "`backuplink-textfile.timer`": "packaging/monitoring/backuplink-textfile.timer",
}
_WHERE_THERE_IS_ONE: Final = frozenset({PROFILE_RESOURCES, PEERINGS, TRANSIT})
"""Reads that make requests only for a VPC that has a Profile, or a route to a peering or a transit gateway."""
_READ_LIMITS: Final[dict[str, tuple[str, float | None]]] = {
    "ec2": ("EC2", 20.0),
    "route53resolver": ("Route 53 Resolver", 5.0),
    "route53": ("Route 53", 5.0),
    "route53profiles": ("Route 53 Profiles", None),
}
"""The allowed requests per second of an account, by service: the refill rate of EC2's bucket for non-mutating calls
(EC2 API Reference, Request throttling), and the limits of Resolver and of Route 53 for all calls (Route 53 Developer
Guide, Quotas, which has no limit for Profiles)."""


_S3_PUT: Final = 3_500.0
_S3_GET: Final = 5_500.0
"""Requests per second for one prefix (Amazon S3 User Guide, Best practices design patterns: optimizing Amazon S3
performance)."""
_IMPORT: Final = 10.0
_FINDINGS: Final = 100
"""Calls per second, and findings in one call (AWS Security Hub Partner Guide, Guidelines for using the
BatchImportFindings API)."""
_EVENTS: Final = 400.0
"""Calls of PutEvents per second in the Regions with the lowest quota (Amazon EventBridge User Guide, Quotas)."""
_DOCUMENT: Final = "packaging/fleet/backuplink-check.yaml"


def pages() -> dict[str, str]:
    """The page with its tables, by its path from the root."""
    text = (ROOT / PATH).read_text("utf-8")
    for begin, table in ((BEGIN, _table()), (BEGIN_SWEEP, _sweep_table())):
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(END)
        text = f"{before}{begin}{table}{END}{after}"
    return {PATH: text}


def _sweep_table() -> str:
    """The table of requests that one sweep makes, with the time that they take at half of the limit."""
    steps = (ROOT / _DOCUMENT).read_text("utf-8").count("  - action: ")
    rows = [
        _of_hosts("each host, `fleet put`", "`s3:PutObject`", _S3_PUT),
        _of_hosts("each host's SSM Agent, with a bucket", "`s3:PutObject`", _S3_PUT, calls=steps),
        _of_hosts("each host, `--format asff`", "`securityhub:BatchImportFindings`", _IMPORT),
        _of_hosts("one for all, `--format asff`", "`securityhub:BatchImportFindings`", _IMPORT, hosts=_FINDINGS),
        _of_hosts("each host with a fault, `--format opsitem`", "`ssm:CreateOpsItem`", None),
        _of_hosts("`fleet s3://…`, `fleet pack`", "`s3:ListBucket`", _S3_GET, hosts=s3.PAGE),
        _of_hosts("`fleet s3://…`, `fleet pack`", "`s3:GetObject`", _S3_GET),
        _of_hosts("`fleet --command-id`", "`ssm:ListCommandInvocations`", None, hosts=run_command.PAGE),
        _of_all("`fleet pack`", "`s3:GetObject` and `s3:PutObject`", "1 each for an account, Region and day", None),
        _of_all(
            "`fleet --format eventbridge`",
            "`events:PutEvents`",
            f"1 for {put_events.MAX_ENTRIES} causes that changed",
            1 / _EVENTS,
        ),
    ]
    for service, (name, allowed) in _READ_LIMITS.items():
        count = sum(read.actions[0].startswith(f"{service}:") for read in READS.values())
        time = None if allowed is None else count / allowed
        rows.append(_of_all("`facts --vpc`, for `--ec2-facts`", f"reads of {name}", f"{count} for a VPC", time))
    heads = " | ".join(f"{hosts:,} hosts" for hosts in HOSTS)
    return "\n".join([f"| who asks | for what | calls | {heads} |", f"|---|---|---|{'---|' * len(HOSTS)}", *rows, ""])


def _of_hosts(who: str, what: str, limit: float | None, *, calls: int = 1, hosts: int = 1) -> str:
    """A row for a call that is made `calls` times for `hosts` hosts."""
    words = f"{calls} a host" if hosts == 1 else f"{calls} for {hosts:,} hosts"
    asked = [calls * math.ceil(count / hosts) for count in HOSTS]
    return _sweep_row(who, what, words, [f"{count:,}{_at_half(count, limit)}" for count in asked])


def _of_all(who: str, what: str, words: str, seconds: float | None) -> str:
    """A row for requests whose number does not depend on the number of hosts. `seconds` is the time that they take at
    the limit. None if no limit is published."""
    return _sweep_row(who, what, words, ["" if seconds is None else _time(2 * seconds)] * len(HOSTS))


def _sweep_row(who: str, what: str, words: str, cells: list[str]) -> str:
    return f"| {who} | {what} | {words} | {' | '.join(cells)} |"


def _at_half(count: int, limit: float | None) -> str:
    return "" if limit is None else f", {_time(2 * count / limit)}"


def _time(seconds: float) -> str:
    """A time in words: `1 s` for 0.3, `17 min` for 1000."""
    return f"{max(math.ceil(seconds), 1)} s" if seconds < 120 else f"{math.ceil(seconds / 60)} min"


def _table() -> str:
    backup = SERVICES["backup"]
    interval, limit = call_interval(backup), backup.calls_per_second
    if interval is None or limit is None or backup.permission is None:
        raise ValueError("a watch must call backup, whose limit is published")
    action = f"`{backup.permission.action}`"
    rows = [_row("`backuplink watch`", action, 1 / interval, limit)]
    rows += [_row(name, action, 1 / _seconds_of(ROOT / path), limit) for name, path in _TIMERS.items()]
    for service, (name, allowed) in _READ_LIMITS.items():
        reads = [read for read in READS.values() if read.operation not in _WHERE_THERE_IS_ONE]
        requests = sum(read.actions[0].startswith(f"{service}:") for read in reads)
        rows.append(
            _row("a watch with `--ec2 auto`, one fault for all", f"reads of {name}", requests / READ_SPREAD, allowed)
        )
    heads = " | ".join(f"{hosts:,} hosts" for hosts in HOSTS)
    return "\n".join([f"| who asks | for what | limit | {heads} |", f"|---|---|---|{'---|' * len(HOSTS)}", *rows, ""])


def _row(who: str, what: str, per_host: float, limit: float | None) -> str:
    """A row of the table. `per_host` and `limit` are requests per second. `limit` is None if AWS does not publish a
    limit."""
    figures = [hosts * per_host for hosts in HOSTS]
    cells = [f"**{figure:.1f}**" if limit is not None and figure > limit / 2 else f"{figure:.1f}" for figure in figures]
    shown = "not published" if limit is None else f"{limit:g}"
    return f"| {who} | {what} | {shown} | {' | '.join(cells)} |"


def _seconds_of(timer: Path) -> float:
    """The period in seconds of a timer that starts a service every few minutes."""
    (minutes,) = re.findall(r"^OnCalendar=\*:0/(\d+)$", timer.read_text("utf-8"), re.MULTILINE)
    return 60.0 * int(minutes)
