"""Hosts that a fleet should have: who is expected to be heard from."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from agent.catalog.wording import why_no_json
from agent.fleet.model import MAX_EXAMPLES
from agent.fleet.records import INSTANCES, RESERVATIONS
from agent.process.files import TooLargeError, read_within
from agent.report.serialization import quoted
from probes.frozen import dataclass

MAX_INVENTORY: Final = 256 * 2**20
"""Bytes: two million instances as Systems Manager lists them."""
INVENTORY_SECONDS: Final = 60.0
"""Time limit for reading one: a named pipe may have no writer."""
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
"""An id of an instance or of a managed node, or the name of a host."""
_ID_COLUMNS: Final = ("instanceid", "instance_id", "instance-id", "instance", "host", "hostname", "id")
"""Heads of a column of hosts, the first that is there."""
_OWNER_COLUMNS: Final = ("accountid", "account_id", "account-id", "account", "ownerid", "owner_id", "owner")
"""Heads of one of accounts."""
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_Named = tuple[Any, Any]
"""A host and its account, as the file has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Hosts that should have been heard from."""

    hosts: frozenset[str]
    by: str
    """What says that they are there."""
    owners: frozenset[tuple[str, str]] = frozenset()
    """Those of which it says the account: the host, and that."""


class InventoryError(Exception):
    """A file that is no list of hosts, in words for the operator."""


def read_inventory(path: Path, received_signals: Sequence[str] = ()) -> Expected:
    """The hosts that a file lists: one a line, CSV with a head, a JSON list, or what `aws ssm
    describe-instance-information` and `aws ec2 describe-instances` print. Raises InventoryError where it cannot be read
    or lists no host, and InterruptedBySignalError after a signal."""
    try:
        data = read_within(path, most=MAX_INVENTORY, seconds=INVENTORY_SECONDS, received_signals=received_signals)
    except TooLargeError as error:
        raise InventoryError(
            f"{path}: is larger than {MAX_INVENTORY // 2**20} MiB; list the ids alone, one a line"
        ) from error
    except (OSError, ValueError) as error:  # a NUL in the path
        why = (isinstance(error, OSError) and error.strerror) or str(error)
        raise InventoryError(f"{path}: cannot be read: {why}") from error
    return parse(data, str(path))


def parse(data: bytes, name: str) -> Expected:
    """The hosts in a document; `name` is what errors call it. Raises InventoryError."""
    try:
        text = data.decode("utf-8-sig")
    except ValueError as error:
        raise InventoryError(f"{name}: is no UTF-8 text, and so no inventory") from error
    named = list(_of_json(text, name) if text.lstrip()[:1] in ("[", "{") else _of_lines(text))
    hosts = [host for host, _ in named]
    unusable = [host for host in hosts if not _HOST.fullmatch(host)]
    if unusable:
        shown = ", ".join(repr(host[:40]) for host in unusable[:MAX_EXAMPLES])
        raise InventoryError(
            f"{name}: {len(unusable):,} of its {len(hosts):,} entries are no host: {shown}. Give one id of an instance "
            "a line, a JSON list, or what `aws ssm describe-instance-information` prints"
        )
    if not hosts:
        raise InventoryError(f"{name}: lists no host")
    owners = (pair for pair in named if isinstance(pair[1], str) and _ACCOUNT.fullmatch(pair[1]))
    return Expected(hosts=frozenset(hosts), by=name, owners=frozenset(owners))


def _of_json(text: str, name: str) -> Iterator[_Named]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InventoryError(f"{name}: begins as JSON does, and {why_no_json(error)}") from error
    for entry, owner in _entries(document):
        if isinstance(entry, str):
            yield entry.strip(), owner
        elif isinstance(entry, dict) and isinstance(host := _in(entry, _ID_COLUMNS), str):
            yield host.strip(), owner or _in(entry, _OWNER_COLUMNS)
        else:
            raise InventoryError(f"{name}: an entry has no InstanceId: {quoted(entry)}")


def _entries(document: Any) -> Iterator[_Named]:
    """The entries of a list, or of what a command of the AWS CLI prints, with the account that is said of several."""
    several = [document]
    if isinstance(document, dict):
        for reservation in _listed(document.get(RESERVATIONS)):
            if isinstance(reservation, dict):
                yield from ((entry, reservation.get("OwnerId")) for entry in _listed(reservation.get("Instances")))
        several = [document.get(INSTANCES)]
    for entries in several:
        yield from ((entry, None) for entry in _listed(entries))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _in(entry: dict[str, Any], names: Sequence[str]) -> Any:
    """What an entry has under the first of these names, whatever their case."""
    heads = {str(head).lower(): value for head, value in entry.items()}
    return next((heads[name] for name in names if name in heads), None)


def _of_lines(text: str) -> Iterator[_Named]:
    """One host a line, or CSV: the column whose head says that it has the host, else the first one."""
    rows = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    separator = next((mark for mark in ",;\t" if rows and mark in rows[0]), ",")
    cells = [[cell.strip().strip('"') for cell in row.split(separator)] for row in rows]
    heads = [cell.lower() for cell in cells[0]] if cells else []
    column, owner = (
        next((heads.index(name) for name in names if name in heads), None) for names in (_ID_COLUMNS, _OWNER_COLUMNS)
    )
    for row in cells if column is None else cells[1:]:
        if (place := column or 0) < len(row) and row[place]:
            is_owned = column is not None and owner is not None and owner < len(row)
            yield row[place], row[owner] if is_owned and owner is not None else None
