"""What a fleet asks of an account: the table in docs/fleet.md, from the intervals of a watch and of the timers."""

import re
from pathlib import Path
from typing import Final

from agent.catalog.services import SERVICES
from agent.watch.requests import READ_SPREAD, call_interval
from probes.vpc.model import PEERINGS, PROFILE_RESOURCES, READS, TRANSIT

ROOT: Final = Path(__file__).parents[2]
PATH: Final = "docs/fleet.md"
BEGIN: Final = "<!-- Written by ./dev docs from the program itself; edit outside of these two lines. -->\n"
END: Final = "<!-- End of what ./dev docs writes. -->\n"
HOSTS: Final = (1_000, 5_000, 20_000)
_TIMERS: Final = {
    "`backuplink-check.timer`": "packaging/packages/systemd/backuplink-check.timer",
    "`backuplink-textfile.timer`": "packaging/monitoring/backuplink-textfile.timer",
}
_WHERE_THERE_IS_ONE: Final = frozenset({PROFILE_RESOURCES, PEERINGS, TRANSIT})
"""Reads that ask only in a VPC that has a Profile, or a route to a peering or a transit gateway."""
_READ_LIMITS: Final[dict[str, tuple[str, float | None]]] = {
    "ec2": ("EC2", 20.0),
    "route53resolver": ("Route 53 Resolver", 5.0),
    "route53": ("Route 53", 5.0),
    "route53profiles": ("Route 53 Profiles", None),
}
"""Requests a second of an account, for what a run reads: the refill of EC2's bucket of non-mutating calls (EC2 API
Reference, Request throttling), Resolver's and Route 53's limits for all calls (Route 53 Developer Guide, Quotas, which
has none for Profiles)."""


def pages() -> dict[str, str]:
    """The page with its table, by its path from the root."""
    before, _, rest = (ROOT / PATH).read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return {PATH: f"{before}{BEGIN}{_table()}{END}{after}"}


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
    """A row of the table; `per_host` and `limit` are requests a second, None for a limit that AWS does not publish."""
    figures = [hosts * per_host for hosts in HOSTS]
    cells = [f"**{figure:.1f}**" if limit is not None and figure > limit / 2 else f"{figure:.1f}" for figure in figures]
    shown = "not published" if limit is None else f"{limit:g}"
    return f"| {who} | {what} | {shown} | {' | '.join(cells)} |"


def _seconds_of(timer: Path) -> float:
    """The period of a timer that starts every so many minutes."""
    (minutes,) = re.findall(r"^OnCalendar=\*:0/(\d+)$", timer.read_text("utf-8"), re.MULTILINE)
    return 60.0 * int(minutes)
