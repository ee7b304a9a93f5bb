"""Lists of expected hosts, in the forms that people have."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.fleet.csv_rows import MAX_CELL
from agent.fleet.inventory import MAX_FIELDS, MAX_LABELS, InventoryError, parse, read_inventory
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
        "Name,Instance ID,Instance state\n" + "".join(f"web,{host},Running\n" for host in LIST),
        "Node ID,Node name\n" + "".join(f"{host},web\n" for host in LIST),
        "awsRegion,resourceId\n" + "".join(f"eu-west-1,{host}\n" for host in LIST),
        "Service,Identifier\n" + "".join(f"EC2,{host}\n" for host in LIST),
        "host;zone\n" + "".join(f'"{host}";z\n' for host in LIST),
        "".join(f"{host}\tx\n" for host in LIST),
    ],
    ids=[
        "lines",
        "comments",
        "mark",
        "json",
        "objects",
        "ssm",
        "ec2",
        "csv",
        "console",
        "nodes",
        "config",
        "tags",
        "semicolons",
        "tabs",
    ],
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
        "Owner ID,Instance ID\n" + "".join(f"111122223333,{host}\n" for host in LIST),
    ],
    ids=["ec2", "objects", "csv", "console"],
)
def test_accounts(text: str) -> None:
    expected = parse(text.encode(), "hosts")
    assert expected.hosts == HOSTS
    assert expected.accounts == {(host, "111122223333") for host in HOSTS}


@pytest.mark.parametrize("account", ["", "1", "team-a", "1111222233334"])
def test_what_is_no_account_is_none(account: str) -> None:
    assert parse(f"host,account\ni-1,{account}\n".encode(), "hosts").accounts == frozenset()


def labels(text: str) -> set[tuple[str | None, str, str, str]]:
    return {(label.account, label.host, label.name, label.value) for label in parse(text.encode(), "hosts").labels}


def test_further_columns_are_labels() -> None:
    text = (
        "InstanceId,Application,Account,OWNER,Name\n"
        'i-1,sap,111122223333,"Basis, team 2",db-1\n'
        "i-2,sap,,web,db-2\n"
        "i-3,shop,111122223333,\n"
    )
    assert labels(text) == {
        ("111122223333", "i-1", "owner", "Basis, team 2"),
        ("111122223333", "i-1", "Application", "sap"),
        (None, "i-2", "owner", "web"),
        (None, "i-2", "Application", "sap"),
    }  # without `name` and `shop`, which only one host has


@pytest.mark.parametrize("separator", [";", "\t"])
def test_labels_of_other_separators(separator: str) -> None:
    text = "".join(separator.join(row) + "\n" for row in (("host", "owner"), ("i-1", "a,b"), ("i-2", "c")))
    assert {value for *_, value in labels(text)} == {"a,b", "c"}


def test_without_a_head_nothing_is_a_label() -> None:
    assert labels("i-1,sap\ni-2,sap\n") == set()


def test_the_fields_of_json_objects_are_columns() -> None:
    """Only fields of text are columns. A number, a list and null are ignored."""
    rows = [
        {"InstanceId": "i-1", "Application": " sap ", "Account": "111122223333", "OWNER": "Basis", "Disks": 4},
        {"InstanceId": "i-2", "Application": "sap", "OWNER": None, "Tags": [{"Key": "a"}]},
        {"instanceid": "i-3", "Application": "shop"},
        "i-4",
    ]
    assert labels(json.dumps(rows)) == {
        ("111122223333", "i-1", "owner", "Basis"),
        ("111122223333", "i-1", "Application", "sap"),
        (None, "i-2", "Application", "sap"),
    }
    assert parse(json.dumps(rows).encode(), "hosts").hosts == {"i-1", "i-2", "i-3", "i-4"}


def test_the_same_inventory_as_csv_and_as_json_says_the_same() -> None:
    rows = [
        {"host": f"i-{n}", "account": "111122223333", "owner": "a" if n % 2 else "b", "zone": "z"} for n in range(6)
    ]
    table = "".join(f"{','.join(row)}\n" for row in (rows[0], *(row.values() for row in rows)))
    assert parse(json.dumps(rows).encode(), "hosts") == parse(table.encode(), "hosts")


def test_objects_without_end_of_new_fields_are_read_in_part() -> None:
    rows = [{"host": f"i-{number}", f"field-{number}": "x"} for number in range(MAX_FIELDS * 50)]
    expected = parse(json.dumps(rows).encode(), "hosts")
    assert len(expected.hosts) == len(rows)
    assert expected.notes[0].startswith(f"{MAX_FIELDS - 1 - MAX_LABELS} further columns of the inventory are not used")


def test_more_columns_than_are_taken_are_named() -> None:
    names = [f"column-{number}" for number in range(MAX_LABELS + 2)]
    rows = "".join(f"i-{number},{','.join(['x'] * len(names))},team\n" for number in (1, 2))
    expected = parse(f"host,{','.join(names)},owner\n{rows}".encode(), "hosts")
    assert {label.name for label in expected.labels} == {"owner", *names[: MAX_LABELS - 1]}
    (note,) = expected.notes
    assert note.startswith("3 further columns of the inventory are not used: column-11, column-12 and column-13.")


def test_a_column_that_comes_twice_counts_once() -> None:
    expected = parse(b"host,zone,zone\ni-1,a,b\ni-2,a,b\n", "hosts")
    assert {label.value for label in expected.labels} == {"a"}
    assert expected.notes[0].startswith("1 further column of the inventory is not used: zone.")


def test_a_long_cell_is_cut() -> None:
    (label,) = parse(f"host,owner\ni-1,{'x' * 5_000}\n".encode(), "hosts").labels
    assert label.value == f"{'x' * (MAX_CELL - 1)}…"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('host,owner\ni-1,"a\n', "hosts: line 2: is not CSV: unexpected end of data"),
        (f"host,owner\ni-1,{'x' * 200_000}\n", "hosts: line 2: is not CSV: field larger than field limit"),
    ],
    ids=["quote", "huge"],
)
def test_what_is_no_csv_is_refused(text: str, why: str) -> None:
    with pytest.raises(InventoryError, match=why):
        parse(text.encode(), "hosts")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "lists no host"),
        ("[]", "lists no host"),
        ("{}", "lists no host"),
        ('{"InstanceInformationList": []}', "lists no host"),
        ("[", "begins like JSON, but is"),
        ("[" * 100_000, "begins like JSON, but is"),
        ('[{"Name": "a"}]', "has no InstanceId"),
        ("[1]", "has no InstanceId"),
        ("i-1\n<b>x</b>\n", "1 of its 2 entries are not hosts: '<b>x</b>'"),
        ('["i-1", "a b"]', "1 of its 2 entries are not hosts"),
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
@given(
    st.binary(max_size=200)
    | st.text(alphabet='[]{}",:1iI-\n aé', max_size=60).map(str.encode)
    | st.text(alphabet='",;\t\n\r\x00=ai-1', max_size=60).map(lambda rows: f"host,owner\ni-1,a\n{rows}".encode())
)
def test_any_bytes_are_hosts_or_refused_in_words(data: bytes) -> None:
    why, hosts = "", frozenset[str]()
    try:
        hosts = parse(data, "hosts").hosts
    except InventoryError as refused:
        why = str(refused)
    assert bool(hosts) is not why.startswith("hosts: ")
    assert all(host.isascii() and host.isprintable() for host in hosts)
