"""Brings the causes of a fleet that changed to a ticket system, by its webhook: one ticket for each fault.

    backuplink fleet RECORDS --format eventbridge --output events.ndjson
    python3 fleet-tickets.py https://tickets.example/hook seen.txt <events.ndjson

It reads requests of `aws events put-events`, one a line, and events as EventBridge, SQS or SNS hand them on. An event
that is in the file of those that were taken is not sent again, so two joins of one sweep make no second ticket. Where
two machines send the same event, the ticket system knows it by the header Idempotency-Key, and the ticket by its name.
It needs only Python's standard library.
"""

import hashlib
import json
import sys
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ACTIONS = {"new": "open", "grown": "update", "shrunk": "update", "healed": "close"}
SECONDS = 20


def details(line: str) -> Iterator[dict[str, Any]]:
    """The changes that a line tells of."""
    event = json.loads(line)
    if "Message" in event:  # SNS puts the event into a message
        event = json.loads(event["Message"])
    if "detail" in event:
        yield event["detail"]
    for entry in event.get("Entries", []):
        yield json.loads(entry["Detail"])


def body(change: dict[str, Any]) -> dict[str, Any]:
    """What the ticket system gets. Name the fields as yours does; keep the names of the ticket and of the event."""
    lines = [
        f"{change['title']}: {change['host_count']:,} hosts now, {change['host_count_before']:,} before.",
        *(f"{one['owner'] or 'owner not known'}: {one['host_count']:,} hosts" for one in change["owners"]),
    ]
    if change["fix"] is not None:
        lines.append(change["fix"]["summary"])
    return {
        "ticket": change["ticket"],
        "event": change["id"],
        "action": ACTIONS[change["turn"]],
        "severity": change["severity"],
        "title": f"{change['code']} {change['title']}",
        "text": "\n".join(lines),
        "assign_to": [one["owner"] for one in change["owners"] if one["owner"] is not None],
    }


def post(url: str, change: dict[str, Any]) -> None:
    """Raises OSError where the ticket system does not take it."""
    request = urllib.request.Request(  # noqa: S310 - the URL is yours
        url,
        data=json.dumps(body(change)).encode(),
        headers={
            "Content-Type": "application/json",
            "Idempotency-Key": hashlib.sha256(change["id"].encode()).hexdigest(),
        },
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=SECONDS):  # noqa: S310 - the URL is yours
        pass


def bring(lines: Iterable[str], url: str, seen: Path) -> int:
    """Send what was not sent before. Returns 1 where something was not taken, which the next run sends again."""
    taken = set(seen.read_text("utf-8").splitlines()) if seen.exists() else set()
    code = 0
    for line in filter(str.strip, lines):
        for change in details(line):
            name = json.dumps(change["id"])  # in one line, whatever is in it
            if name in taken:
                continue
            try:
                post(url, change)
            except OSError as error:
                sys.stderr.write(f"{change['id']}: not sent: {error}\n")
                code = 1
                continue
            taken.add(name)
            with seen.open("a", encoding="utf-8") as file:
                file.write(f"{name}\n")
    return code


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: fleet-tickets.py URL FILE-OF-WHAT-WAS-SENT <events.ndjson")
    sys.exit(bring(sys.stdin, sys.argv[1], Path(sys.argv[2])))
