"""The inventory of a fleet: the hosts that are expected, and the labels that their owners give them."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from agent.catalog.wording import counted, listed_briefly, why_no_json
from agent.fleet.csv_rows import bounded, rows
from agent.fleet.model import MAX_EXAMPLES
from agent.fleet.records import INSTANCES, RESERVATIONS
from agent.process.files import TooLargeError, read_within
from agent.report.serialization import quoted
from probes.frozen import dataclass

MAX_INVENTORY: Final = 256 * 2**20
"""Maximum size in bytes. The list of two million instances from Systems Manager fits into it."""
INVENTORY_SECONDS: Final = 60.0
"""Time limit in seconds for reading an inventory. If it is a named pipe, nobody may write to it."""
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
"""The id of an instance or of a managed node, or a host name."""
_ID_COLUMNS: Final = ("instanceid", "nodeid", "resourceid", "instance", "host", "hostname", "identifier", "id")
"""Headings of the column of hosts, in order of preference, in the form that `_heading` gives. `Instance ID` is the
heading of EC2's console, `Node ID` of Systems Manager's, `resourceId` of AWS Config and `Identifier` of Tag Editor."""
_ACCOUNT_COLUMNS: Final = ("accountid", "account", "ownerid")
"""Headings of the column of accounts, in order of preference, in the form that `_heading` gives."""
_IN_HEADINGS: Final = re.compile("[ _-]")
"""Separators of words in headings."""
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
OWNER: Final = "owner"
"""The heading of the column with the owner of a host."""
MAX_LABELS: Final = 12
"""Maximum number of further columns, including the owner's."""
MAX_FIELDS: Final = 100
"""Maximum number of field names that are read from the objects of a JSON list."""
_Named = tuple[Any, Any]
"""The host and its account, as they are in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label of a host from a further column of the inventory, such as `application` with the value `sap`."""

    account: str | None
    """The account of the host, or None if it is not in the file."""
    host: str
    name: str
    """The heading of the column; the owner's column is always named OWNER."""
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Hosts that should have been heard from."""

    hosts: frozenset[str]
    by: str
    """Where the list of hosts comes from."""
    accounts: frozenset[tuple[str, str]] = frozenset()
    """The hosts whose account is in the file, each with this account."""
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences about parts of the file that were not used."""


class InventoryError(Exception):
    """A file is not a list of hosts. The message tells the operator why."""


def read_inventory(path: Path, received_signals: Sequence[str] = ()) -> Expected:
    """The hosts that a file lists. The file has one host per line, or is CSV with headings, a JSON list, or the output
    of `aws ssm describe-instance-information` or `aws ec2 describe-instances`. Raises InventoryError if the file cannot
    be read or lists no hosts, and InterruptedBySignalError after a signal."""
    try:
        data = read_within(path, most=MAX_INVENTORY, seconds=INVENTORY_SECONDS, received_signals=received_signals)
    except TooLargeError as error:
        raise InventoryError(
            f"{path}: is larger than {MAX_INVENTORY // 2**20} MiB; list only the ids, one a line"
        ) from error
    except (OSError, ValueError) as error:  # the path contains a NUL
        why = (isinstance(error, OSError) and error.strerror) or str(error)
        raise InventoryError(f"{path}: cannot be read: {why}") from error
    return parse(data, str(path))


def parse(data: bytes, name: str) -> Expected:
    """The hosts in a document. Errors call the document `name`. Raises InventoryError."""
    try:
        text = data.decode("utf-8-sig")
    except ValueError as error:
        raise InventoryError(f"{name}: is not UTF-8 text, and so not an inventory") from error
    if text.lstrip()[:1] in ("[", "{"):
        document = _json(text, name)
        named = list(_of_json(document, name))
        table = _Table(_rows_of(document))
    else:
        try:
            table = _Table(cells for _, cells in rows(text))
        except ValueError as error:
            raise InventoryError(f"{name}: {error}") from error
        named = table.named
    hosts = [host for host, _ in named]
    unusable = [host for host in hosts if not _HOST.fullmatch(host)]
    if unusable:
        shown = ", ".join(repr(host[:40]) for host in unusable[:MAX_EXAMPLES])
        raise InventoryError(
            f"{name}: {len(unusable):,} of its {len(hosts):,} entries are not hosts: {shown}. Give one instance "
            "id per line, a JSON list, or the output of `aws ssm describe-instance-information`"
        )
    if not hosts:
        raise InventoryError(f"{name}: lists no host")
    return Expected(
        hosts=frozenset(hosts),
        by=name,
        accounts=frozenset((host, account) for host, account in named if _account(account) is not None),
        labels=tuple(table.labels),
        notes=table.notes,
    )


def _account(text: Any) -> str | None:
    """The account in a cell; None if the cell is not an account."""
    return text if isinstance(text, str) and _ACCOUNT.fullmatch(text) else None


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InventoryError(f"{name}: begins like JSON, but {why_no_json(error)}") from error


def _of_json(document: Any, name: str) -> Iterator[_Named]:
    for entry, owner in _entries(document):
        if isinstance(entry, str):
            yield entry.strip(), owner
        elif isinstance(entry, dict) and isinstance(host := _in(entry, _ID_COLUMNS), str):
            yield host.strip(), owner or _in(entry, _ACCOUNT_COLUMNS)
        else:
            raise InventoryError(f"{name}: an entry has no InstanceId: {quoted(entry)}")


def _entries(document: Any) -> Iterator[_Named]:
    """Yield the entries of a list or of the AWS CLI's output. Each comes with the account of its reservation, if there
    is one."""
    several = [document]
    if isinstance(document, dict):
        for reservation in _listed(document.get(RESERVATIONS)):
            if isinstance(reservation, dict):
                yield from ((entry, reservation.get("OwnerId")) for entry in _listed(reservation.get("Instances")))
        several = [document.get(INSTANCES)]
    for entries in several:
        yield from ((entry, None) for entry in _listed(entries))


def _rows_of(document: Any) -> Iterator[list[str]]:
    """The objects of a JSON list as rows of CSV. The first row has the names of all fields, and each further row has
    the texts of one object."""
    objects = [entry for entry in _listed(document) if isinstance(entry, dict)]
    heads = list(islice(dict.fromkeys(head for entry in objects for head in entry), MAX_FIELDS))
    for entry in (dict(zip(heads, heads, strict=True)), *objects):
        yield [text.strip() if isinstance(text := entry.get(head), str) else "" for head in heads]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _in(entry: dict[str, Any], names: Sequence[str]) -> Any:
    """The value of the first of these names that an entry has. Upper and lower case do not matter."""
    heads = {_heading(str(head)): value for head, value in entry.items()}
    return next((heads[name] for name in names if name in heads), None)


class _Table:
    """Rows with one host each. Hosts are in the column with a known heading. The other columns are then labels of the
    hosts. Without a known heading, hosts are in the first column. Raises the errors that reading the rows raises."""

    def __init__(self, every: Iterator[list[str]]) -> None:
        self.named: list[_Named] = []
        self.labels: list[Label] = []
        self.notes: tuple[str, ...] = ()
        first = next(every, None)
        if first is None:
            return
        heads = [_heading(cell) for cell in first]
        column = _column(heads, _ID_COLUMNS)
        if column is None:
            self._add(first, 0, None, {})
        account = None if column is None else _column(heads, _ACCOUNT_COLUMNS)
        names = {} if column is None else self._names(first, {column, account})
        for cells in every:
            self._add(cells, column or 0, account, names)
        self._leave_single_values()

    def _names(self, heads: Sequence[str], taken: set[int | None]) -> dict[int, str]:
        """The names of labels by column. The owner's label comes first, then the others from left to right."""
        further = [place for place, head in enumerate(heads) if head and place not in taken]
        further.sort(key=lambda place: heads[place].lower() != OWNER)
        names: dict[int, str] = {}
        for place in further:
            name = OWNER if heads[place].lower() == OWNER else bounded(heads[place])
            if name not in names.values() and len(names) < MAX_LABELS:
                names[place] = name
        if left := [bounded(heads[place]) for place in further if place not in names]:
            self.notes = (
                f"{counted(len(left), 'further column')} of the inventory {'is' if len(left) == 1 else 'are'} not "
                f"used: {listed_briefly(left)}. At most {MAX_LABELS} are used, each with a name of its own.",
            )
        return names

    def _add(self, cells: Sequence[str], column: int, account: int | None, names: dict[int, str]) -> None:
        host = cells[column] if column < len(cells) else ""
        if not host:
            return
        of = cells[account] if account is not None and account < len(cells) else None
        self.named.append((host, of))
        for place, name in names.items():
            if place < len(cells) and cells[place]:
                label = Label(account=_account(of), host=host, name=name, value=bounded(cells[place]))
                self.labels.append(label)

    def _leave_single_values(self) -> None:
        """Remove values that only one host has, since no other host shares them. Owners are kept."""
        counts = Counter((label.name, label.value) for label in self.labels)
        self.labels = [label for label in self.labels if label.name == OWNER or counts[label.name, label.value] > 1]


def _column(heads: Sequence[str], names: Sequence[str]) -> int | None:
    return next((heads.index(name) for name in names if name in heads), None)


def _heading(text: str) -> str:
    """The heading of a column in lower case without separators: `instanceid` for `Instance ID` and `instance_id`."""
    return _IN_HEADINGS.sub("", text.lower())
