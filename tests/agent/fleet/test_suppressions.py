"""Known faults in a file, each with an owner, a reason and a last day."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.fleet.csv_rows import MAX_CELL
from agent.fleet.suppressions import MAX_ROWS, SuppressionsError, parse, read_suppressions
from agent.settings import Suppression
from tests.support.extent import examples

HEAD = "suppress,owner,reason,end\n"
ROW = "TCP002=backup,net-team,the firewall is replaced,2026-12-31\n"


@pytest.mark.parametrize(
    "text",
    [
        HEAD + ROW,
        f"\ufeff# known\r\n\r\n{HEAD}{ROW}".replace("\n", "\r\n"),
        "End;Ticket;Suppress;Reason;Owner\n2026-12-31;7;TCP002=backup;the firewall is replaced;net-team\n",
        HEAD + ROW.replace("net-team", '"net-team"'),
    ],
    ids=["plain", "comments", "order", "quotes"],
)
def test_forms(text: str) -> None:
    assert parse(text.encode(), "known") == (
        Suppression(
            code="TCP002",
            target="backup",
            until=date(2026, 12, 31),
            owner="net-team",
            reason="the firewall is replaced",
        ),
    )


def test_a_subject() -> None:
    (found,) = parse(f"{HEAD}VPC005=group:sg-0a1b2c3d,a,b,2026-12-31\n".encode(), "known")
    assert (found.code, found.target, found.subject) == ("VPC005", None, "group:sg-0a1b2c3d")


def test_a_file_without_rows_suppresses_nothing() -> None:
    assert parse(HEAD.encode(), "known") == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "its first row has no column suppress; it needs suppress, owner, reason, end"),
        ("suppress,owner,reason\n", "has no column end"),
        (HEAD + "TCP002,,b,2026-12-31\n", "line 2: has no owner"),
        (HEAD + ROW + "TCP002,a,b\n", "line 3: has no end"),
        (HEAD + "TCP002,a,b,2026-12\n", "line 2: its end is '2026-12', which is not a day such as 2026-12-31"),
        (HEAD + "TCP002,a,b,2026-02-30\n", "line 2: '2026-02-30' is not a day"),
        (
            HEAD + "TCP002@2026-12-31,a,b,2026-12-31\n",
            "line 2: has an end not only in its column end but also in its column suppress",
        ),
        (HEAD + "TPC002,a,b,2026-12-31\n", "line 2: 'TPC002' is not a finding code; did you mean "),
        (HEAD + "TCP002=,a,b,2026-12-31\n", "line 2: 'TCP002=' names no target after the '='"),
        (HEAD + f"{'x' * 300},a,b,2026-12-31\n", f"line 2: its suppress has more than {MAX_CELL} characters"),
        (HEAD + '"TCP002,a\n', "line 2: is not CSV"),
        (HEAD + ROW * (MAX_ROWS + 1), f"has more than {MAX_ROWS:,} rows"),
    ],
)
def test_a_wrong_row_is_a_clear_error(text: str, why: str) -> None:
    with pytest.raises(SuppressionsError) as refused:
        parse(text.encode(), "known.csv")
    assert str(refused.value).startswith("known.csv: ")
    assert why in str(refused.value)


def test_a_long_reason_is_cut() -> None:
    (found,) = parse(f"{HEAD}TCP002,a,{'x' * 5_000},2026-12-31\n".encode(), "known")
    assert found.reason == f"{'x' * (MAX_CELL - 1)}…"


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "known.csv").write_text(HEAD + ROW)
    assert len(read_suppressions(tmp_path / "known.csv")) == 1
    with pytest.raises(SuppressionsError, match="cannot be read: No such file"):
        read_suppressions(tmp_path / "none.csv")
    (tmp_path / "large.csv").write_bytes(b"#" * (2**20 + 1))
    with pytest.raises(SuppressionsError, match="is larger than 1 MiB"):
        read_suppressions(tmp_path / "large.csv")


@settings(max_examples=examples(200), deadline=None)
@given(
    st.binary(max_size=200)
    | st.text(alphabet='",;\n\r\t\x00TCP02@=:-16a', max_size=60).map(lambda rows: f"{HEAD}{ROW}{rows}".encode())
)
def test_any_bytes_are_suppressions_or_refused_in_words(data: bytes) -> None:
    why = None
    try:
        found = parse(data, "known")
        assert all(one.owner and one.reason and one.until for one in found)
    except SuppressionsError as refused:
        why = str(refused)
    assert why is None or (why.startswith("known: ") and len(why) < 1_000)
