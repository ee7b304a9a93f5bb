"""Reading the record of a host. If a field does not have the type that the format promises, the record is refused."""

from typing import Any

import pytest

from agent.report.host_record import checked
from agent.report.serialization import DecodeError
from tests.agent.fleet.files import SICK, record


def test_a_record_of_a_later_version_is_read_without_what_is_new() -> None:
    assert checked({**record(1), "later": 7}) == record(1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, 7) for name in ("tool", "run", "taken_at", "host", "vpc", "redacted", "causes", "title", "cut")),
        *((name, None) for name in ("tool", "run", "taken_at", "status", "redacted", "security_groups", "summary")),
        *(
            ("taken_at", text)
            for text in ("", "yesterday", "2026-03-01", "2026-03-01T00:00:00", "9999-99-99T00:00:00Z")
        ),
        *(("status", text) for text in ("", "fine", "OK")),
        ("host", "x" * 2_001),
        ("host", "\ud800"),
        ("host", "a\0b"),
        ("security_groups", [f"sg-{number}" for number in range(9)]),
        ("security_groups", [None]),
        *(("causes", [text]) for text in ("", "critical", "critical|", "critical|VPC005", "info|VPC005|backup")),
        *(("causes", [text]) for text in ("critical|VPC005|b|a=%", "critical|VPC005|b|a=<", "critical|V C|b")),
        ("causes", ["critical|VPC005|b|a=\n"]),
        ("causes", ["critical|VPC005|b\n"]),
        *(("symptoms", [text]) for text in ("", "TCP003|b", "TCP003|b < ", " < TCP003|b", "A1|b < B1|b < C1|b")),
    ],
)
def test_a_field_that_is_forged(name: str, value: Any) -> None:
    with pytest.raises(DecodeError, match=name):
        checked({**record(1, SICK), name: value})


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2026-03-01T12:00:00.250Z", "2026-03-01T12:00:00.250Z"),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000Z"),
        ("2026-03-01T14:00:00.250+02:00", "2026-03-01T12:00:00.250Z"),
        ("2026-02-28T23:30:00-12:30", "2026-03-01T12:00:00.000Z"),
    ],
)
def test_times_of_all_zones_have_one_form(given: str, kept: str) -> None:
    assert checked(record(1, taken_at=given))["taken_at"] == kept


@pytest.mark.parametrize("host", ["a|b", "a < b", "a\nb", "<script>alert(1)</script>", "\x1b[2J", "=1+1", "\u202e", ""])
def test_a_host_is_called_whatever_it_is_called(host: str) -> None:
    assert checked(record(1, host=host))["host"] == host
