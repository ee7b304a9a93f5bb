"""Lists of hosts that should be heard from, in the forms that people have them."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.fleet.inventory import InventoryError, parse, read_inventory
from tests.support.extent import examples

HOSTS = frozenset({"i-0a1b2c3d4e5f67890", "mi-0123456789abcdef0", "db-7.example.com"})
LIST = sorted(HOSTS)


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(LIST),
        "\r\n# from the inventory of Tuesday\r\n\r\n" + "\r\n".join(LIST),
        "\ufeff" + "\n".join(LIST),
        json.dumps(LIST),
        json.dumps([{"InstanceId": host, "PingStatus": "Online"} for host in LIST]),
        json.dumps({"InstanceInformationList": [{"InstanceId": host} for host in LIST]}),
        json.dumps({"Reservations": [{"Instances": [{"InstanceId": host}]} for host in LIST]}),
        "Name,InstanceId,Owner\n" + "".join(f"a,{host},b\n" for host in LIST),
        "host;zone\n" + "".join(f'"{host}";z\n' for host in LIST),
        "".join(f"{host}\tx\n" for host in LIST),
    ],
    ids=["lines", "comments", "mark", "json", "objects", "ssm", "ec2", "csv", "semicolons", "tabs"],
)
def test_forms(text: str) -> None:
    assert parse(text.encode(), "hosts").hosts == HOSTS


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(
            {"Reservations": [{"OwnerId": "111122223333", "Instances": [{"InstanceId": host}]} for host in LIST]}
        ),
        json.dumps([{"InstanceId": host, "AccountId": "111122223333"} for host in LIST]),
        "account,host\n" + "".join(f"111122223333,{host}\n" for host in LIST),
    ],
    ids=["ec2", "objects", "csv"],
)
def test_accounts(text: str) -> None:
    expected = parse(text.encode(), "hosts")
    assert expected.hosts == HOSTS
    assert expected.owners == {(host, "111122223333") for host in HOSTS}


@pytest.mark.parametrize("owner", ["", "1", "team-a", "1111222233334"])
def test_what_is_no_account_is_none(owner: str) -> None:
    assert parse(f"host,owner\ni-1,{owner}\n".encode(), "hosts").owners == frozenset()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "lists no host"),
        ("[]", "lists no host"),
        ("{}", "lists no host"),
        ('{"InstanceInformationList": []}', "lists no host"),
        ("[", "begins as JSON does, and is"),
        ("[" * 100_000, "begins as JSON does, and is"),
        ('[{"Name": "a"}]', "has no InstanceId"),
        ("[1]", "has no InstanceId"),
        ("i-1\n<b>x</b>\n", "1 of its 2 entries are no host: '<b>x</b>'"),
        ('["i-1", "a b"]', "1 of its 2 entries are no host"),
    ],
)
def test_what_is_no_inventory_is_refused(text: str, why: str) -> None:
    with pytest.raises(InventoryError, match=why) as refused:
        parse(text.encode(), "hosts")
    assert str(refused.value).startswith("hosts: ")


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(InventoryError, match="UTF-8"):
        parse(b"\xff\xfe\x00", "hosts")


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "hosts.txt").write_text("i-1\ni-2\n")
    expected = read_inventory(tmp_path / "hosts.txt")
    assert expected.hosts == {"i-1", "i-2"}
    assert expected.by == str(tmp_path / "hosts.txt")
    with pytest.raises(InventoryError, match="cannot be read: No such file"):
        read_inventory(tmp_path / "none.txt")


@settings(max_examples=examples(200), deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet='[]{}",:1iI-\n aé', max_size=60).map(str.encode))
def test_any_bytes_are_hosts_or_refused_in_words(data: bytes) -> None:
    why, hosts = "", frozenset[str]()
    try:
        hosts = parse(data, "hosts").hosts
    except InventoryError as refused:
        why = str(refused)
    assert bool(hosts) is not why.startswith("hosts: ")
    assert all(host.isascii() and host.isprintable() for host in hosts)
