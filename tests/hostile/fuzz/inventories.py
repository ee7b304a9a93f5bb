"""Spoilt lists of hosts and of known faults. Each list is read, or refused in one line."""

import json
from random import Random
from typing import Final

from agent.fleet import inventory, suppressions
from tests.hostile.fuzz.command import Command

_HOSTS: Final = ("i-0a1b2c3d4e5f67890", "mi-0123456789abcdef0", "db-7.example.com")
_INVENTORIES: Final = (
    "\n".join(_HOSTS),
    json.dumps(_HOSTS),
    json.dumps({"InstanceInformationList": [{"InstanceId": host} for host in _HOSTS]}),
    json.dumps({"Reservations": [{"Instances": [{"InstanceId": host}]} for host in _HOSTS]}),
    "Name,InstanceId\n" + "".join(f"a,{host}\n" for host in _HOSTS),
    "InstanceId,Account,Owner,Application\n" + "".join(f'{host},111122223333,"a, b",sap\n' for host in _HOSTS),
)
_SUPPRESSIONS: Final = (
    'suppress,owner,reason,end\nTCP002=backup,net,a firewall,2026-12-31\nDNS001,net,"a, b",2027-01-31\n',
    "end;reason;owner;suppress\n2026-12-31;a;b;VPC005=group:sg-0a1b2c3d\n",
)
_PIECES: Final = (b"", b"\x00", b"\xff", b"\n", b",", b";", b"[", b"{", b'"', b"1e999", b"<b>", b"=1+1", b"@2026-01-01")


def _spoilt(draw: Random, text: str) -> bytes:
    """Add, remove and repeat bytes."""
    data = bytearray(text.encode())
    for _turn in range(draw.randrange(6)):
        place = draw.randrange(len(data) + 1)
        piece = draw.choice((*_PIECES, bytes(data[:40]), draw.randbytes(4)))
        data[place : place + draw.randrange(8)] = piece
    return bytes(data)


def check_inventory(draw: Random, _: Command) -> None:
    """Read a spoilt list of hosts."""
    why, hosts = "", frozenset[str]()
    try:
        expected = inventory.parse(_spoilt(draw, draw.choice(_INVENTORIES)), "hosts")
        hosts = expected.hosts
        assert {label.host for label in expected.labels} <= hosts
        assert len({label.name for label in expected.labels}) <= inventory.MAX_LABELS
    except inventory.InventoryError as refused:
        why = str(refused)
    assert bool(hosts) is not why.startswith("hosts: ")
    assert all(host.isascii() and host.isprintable() and " " not in host for host in hosts)


def check_suppressions(draw: Random, _: Command) -> None:
    """Read a spoilt list of known faults."""
    why = None
    try:
        found = suppressions.parse(_spoilt(draw, draw.choice(_SUPPRESSIONS)), "known")
        assert all(one.owner and one.reason and one.until for one in found)
    except suppressions.SuppressionsError as refused:
        why = str(refused)
    assert why is None or (why.startswith("known: ") and "\n" not in why)
