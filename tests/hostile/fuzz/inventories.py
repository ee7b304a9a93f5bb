"""Lists of hosts that were spoilt: each is the hosts that it names, or refused in one line of words."""

import json
from random import Random
from typing import Final

from agent.fleet.inventory import InventoryError, parse
from tests.hostile.fuzz.command import Command

_HOSTS: Final = ("i-0a1b2c3d4e5f67890", "mi-0123456789abcdef0", "db-7.example.com")
_WHOLE: Final = (
    "\n".join(_HOSTS),
    json.dumps(_HOSTS),
    json.dumps({"InstanceInformationList": [{"InstanceId": host} for host in _HOSTS]}),
    json.dumps({"Reservations": [{"Instances": [{"InstanceId": host}]} for host in _HOSTS]}),
    "Name,InstanceId\n" + "".join(f"a,{host}\n" for host in _HOSTS),
)


def check_inventory(draw: Random, _: Command) -> None:
    """Bytes are put in, taken out and repeated."""
    data = bytearray(draw.choice(_WHOLE).encode())
    for _turn in range(draw.randrange(6)):
        place = draw.randrange(len(data) + 1)
        data[place : place + draw.randrange(8)] = draw.choice(
            (
                b"",
                b"\x00",
                b"\xff",
                b"\n",
                b",",
                b"[",
                b"{",
                b'"',
                b"1e999",
                b"<b>",
                bytes(data[:40]),
                draw.randbytes(4),
            )
        )
    why, hosts = "", frozenset[str]()
    try:
        hosts = parse(bytes(data), "hosts").hosts
    except InventoryError as refused:
        why = str(refused)
    assert bool(hosts) is not why.startswith("hosts: ")
    assert all(host.isascii() and host.isprintable() and " " not in host for host in hosts)
