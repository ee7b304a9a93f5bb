"""Hosts that a fleet should have: who is expected to be heard from."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from agent.catalog.wording import why_no_json
from agent.fleet.model import MAX_EXAMPLES
from agent.fleet.records import INSTANCES, RESERVATIONS
from agent.report.serialization import quoted
from probes.frozen import dataclass

MAX_INVENTORY: Final = 256 * 2**20
"""Bytes: two million instances as Systems Manager lists them."""
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
"""An id of an instance or of a managed node, or the name of a host."""
_ID_COLUMNS: Final = ("instanceid", "instance_id", "instance-id", "instance", "host", "hostname", "id")
"""Heads of a column of hosts, the first that is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Hosts that should have been heard from."""

    hosts: frozenset[str]
    by: str
    """What says that they are there."""


class InventoryError(Exception):
    """A file that is no list of hosts, in words for the operator."""


def read_inventory(path: Path) -> Expected:
    """The hosts that a file lists: one a line, CSV with a head, a JSON list, or what `aws ssm
    describe-instance-information` and `aws ec2 describe-instances` print. Raises InventoryError where it cannot be read
    or lists no host."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_INVENTORY + 1)
    except OSError as error:
        raise InventoryError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_INVENTORY:
        raise InventoryError(f"{path}: is larger than {MAX_INVENTORY // 2**20} MiB; list the ids alone, one a line")
    return parse(data, str(path))


def parse(data: bytes, name: str) -> Expected:
    """The hosts in a document; `name` is what errors call it. Raises InventoryError."""
    try:
        text = data.decode("utf-8-sig")
    except ValueError as error:
        raise InventoryError(f"{name}: is no UTF-8 text, and so no inventory") from error
    hosts = list(_of_json(text, name) if text.lstrip()[:1] in ("[", "{") else _of_lines(text))
    unusable = [host for host in hosts if not _HOST.fullmatch(host)]
    if unusable:
        shown = ", ".join(repr(host[:40]) for host in unusable[:MAX_EXAMPLES])
        raise InventoryError(
            f"{name}: {len(unusable):,} of its {len(hosts):,} entries are no host: {shown}. Give one id of an instance "
            "a line, a JSON list, or what `aws ssm describe-instance-information` prints"
        )
    if not hosts:
        raise InventoryError(f"{name}: lists no host")
    return Expected(hosts=frozenset(hosts), by=name)


def _of_json(text: str, name: str) -> Iterator[str]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InventoryError(f"{name}: begins as JSON does, and {why_no_json(error)}") from error
    for entry in _entries(document):
        if isinstance(entry, str):
            yield entry.strip()
        elif isinstance(entry, dict) and isinstance(host := _host_of(entry), str):
            yield host.strip()
        else:
            raise InventoryError(f"{name}: an entry has no InstanceId: {quoted(entry)}")


def _entries(document: Any) -> Iterator[Any]:
    """The entries of a list, or of what a command of the AWS CLI prints."""
    if isinstance(document, dict):
        for reservation in _listed(document.get(RESERVATIONS)):
            if isinstance(reservation, dict):
                yield from _listed(reservation.get("Instances"))
        yield from _listed(document.get(INSTANCES))
    yield from _listed(document)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _host_of(entry: dict[str, Any]) -> Any:
    heads = {str(head).lower(): value for head, value in entry.items()}
    return next((heads[head] for head in _ID_COLUMNS if head in heads), None)


def _of_lines(text: str) -> Iterator[str]:
    """One host a line, or CSV: the column whose head says that it has the host, else the first one."""
    rows = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    separator = next((mark for mark in ",;\t" if rows and mark in rows[0]), ",")
    cells = [[cell.strip().strip('"') for cell in row.split(separator)] for row in rows]
    heads = [cell.lower() for cell in cells[0]] if cells else []
    column = next((heads.index(head) for head in _ID_COLUMNS if head in heads), None)
    for row in cells if column is None else cells[1:]:
        if (place := column or 0) < len(row) and row[place]:
            yield row[place]
