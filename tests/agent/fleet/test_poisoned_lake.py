"""A lake in which a host of one account, the liar, does all that it can to speak for the honest hosts of another
account. The result for the honest hosts must be the same as without the liar. The lake is read as a folder, from S3,
packed, and as the tables of answers.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import boto3.session
import pytest

from agent.cli.main import dispatch
from agent.fleet.connection import connect
from agent.fleet.database import Database
from agent.fleet.model import FleetDocument, decode
from tests.agent.fleet.files import SICK, lines, record
from tests.agent.fleet.test_questions import ACCOUNTS, OWN, VIEWS, WELL
from tests.support import moto_server
from tests.support.moto_server import REGION

moto = moto_server.moto
moto_url = moto_server.moto_url

MINE: Final = "111111111111"
THEIRS: Final = "222222222222"
NOW: Final = datetime.now(UTC).replace(microsecond=0)
TODAY: Final = f"{NOW:%Y-%m-%d}"
COUNT: Final = 10
GROUP: Final = "sg-0a1b2c3d4e5f60001"
"""The security group of the honest hosts' endpoint."""
OPENED: Final = ("VPC005|backup|group=" + GROUP, "TCP003|backup|vpc=vpc-0a1b2c3d4e5f60002|address=10.0.1.17")
"""A finding that the liar wants the honest hosts to have, and the symptom that they have."""
BUCKET: Final = "poisoned"


def at(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}.000Z"


def theirs(number: int, **changed: Any) -> dict[str, Any]:
    """The record of an honest host that only saw the symptom."""
    place = {"account": THEIRS, "region": "eu-west-1", "vpc": "vpc-0a1b2c3d4e5f60002", "taken_at": at(NOW)}
    sick = {"causes": [f"critical|{OPENED[1]}"], "symptoms": [], "status": "critical", "ec2": False, "cut": []}
    return record(number, SICK, **{**place, **sick, "redacted": False, **changed})


def mine(number: int, **changed: Any) -> dict[str, Any]:
    """The record of a healthy host in the liar's account. It has the name of an honest host."""
    later = at(NOW + timedelta(minutes=1))
    well = {"causes": [], "symptoms": [], "status": "ok", "cut": [], "redacted": False}
    place = {"account": MINE, "region": "eu-west-1", "vpc": "vpc-0a1b2c3d4e5f60002", "taken_at": later}
    return record(number, SICK, **{**place, **well, "run": f"{1_000 + number:032x}", **changed})


def folder(account: str, day: str = TODAY, region: str = "eu-west-1") -> str:
    return f"host.v1/account={account}/region={region}/dt={day}"


NAMED: Final = {f"{folder(MINE)}/x{number}.json": [mine(number)] for number in range(COUNT)}
"""Records in the liar's own folder that have the names of honest hosts."""
OWN_FOLDER: Final = f"host.v1/account={MINE}"
MISPLACED: Final = {
    key: [mine(number, account=THEIRS) for number in range(COUNT)]
    for key in (
        f"{OWN_FOLDER}/dt={TODAY}/no-region.json",
        f"{OWN_FOLDER}/region=EU/dt={TODAY}/a.json",
        f"{OWN_FOLDER}/region=/dt={TODAY}/a.json",
        f"{OWN_FOLDER}/region=nowhere/dt={TODAY}/a.json",
        f"{OWN_FOLDER}/x/region=eu-west-1/dt={TODAY}/a.json",
        f"{OWN_FOLDER}/account={THEIRS}/region=eu-west-1/dt={TODAY}/a.json",
        f"{folder(MINE)}/{folder(THEIRS)}/a.json",
        f"{folder(MINE)}/deeper/a.json",
        f"{folder(MINE)}/host.v1.parquet/account={THEIRS}/region=eu-west-1/dt={TODAY}/a.json",
        f"{OWN_FOLDER}/a.json",
        "host.v1/a.json",
        f"host.v1/Account={THEIRS}/region=eu-west-1/dt={TODAY}/a.json",
        f"host.v1/ACCOUNT={MINE}/region=eu-west-1/dt={TODAY}/a.json",
        f"HOST.V1/account={THEIRS}/region=eu-west-1/dt={TODAY}/a.json",
        f"host.v1/account={THEIRS} /region=eu-west-1/dt={TODAY}/a.json",
        f"host.v1/ account={THEIRS}/region=eu-west-1/dt={TODAY}/a.json",
        f"host.v1/account={MINE[1:]}/region=eu-west-1/dt={TODAY}/a.json",
        f"host.v1/account={chr(0x661)}{MINE[1:]}/region=eu-west-1/dt={TODAY}/a.json",
        f"elsewhere/account={THEIRS}/region=eu-west-1/dt={TODAY}/a.json",
        f"{OWN_FOLDER}/region=eu-west-1/dt=9999-99-99/a.json",
        f"{OWN_FOLDER}/region=eu-west-1/dt={TODAY}x/a.json",
        f"{OWN_FOLDER}/region=eu-west-1/dt=/a.json",
    )
}
"""Paths that look like a place in a lake, but are not. No record is read from these files."""
CLAIMED: Final = {
    f"{folder(MINE)}/claimed.json": [mine(0, account=THEIRS)],
    f"{folder(MINE)}/masked.json": [mine(0, account=THEIRS, redacted=True)],
    f"{folder(MINE)}/region.json": [mine(0, region="us-east-1")],
}
"""Records whose account or Region differs from that of their folder."""
YET_TO_COME: Final = {f"{folder(MINE, '2099-01-01')}/y.json": [mine(77, taken_at="2099-01-01T00:00:00.000Z")]}
LIES: Final = {
    f"{folder(MINE)}/lie.json": [
        mine(
            88,
            ec2=True,
            status="critical",
            causes=[f"critical|{OPENED[0]}|port=22"],
            symptoms=[f"{OPENED[1]} < {OPENED[0]}|port=22"],
            security_groups=["sg-0a1b2c3d4e5f6bad0"],
        )
    ]
}
"""A cause that explains the honest hosts' symptom. Its port is chosen by the liar."""
LAKE: Final = {
    **{f"{folder(THEIRS)}/{number}.json": [theirs(number)] for number in range(COUNT)},
    **NAMED,
    **MISPLACED,
    **CLAIMED,
    **YET_TO_COME,
    **LIES,
}


@dataclass(frozen=True)
class Told:
    """The result of reading the lake in one way."""

    code: int
    document: FleetDocument
    text: str


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("poisoned")
    for key, records in LAKE.items():
        place = base / key
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(lines(*records), "utf-8")
    with Database() as engine:  # looks like a packed file, in a folder that hosts can write
        data = engine.write_parquet("SELECT 'i-0a1b2c3d4e5f60000' AS host, 'ok' AS status")
    (base / folder(MINE) / "x.parquet").write_bytes(data)
    secret = base.parent / "elsewhere.json"
    secret.write_text(lines(theirs(99)), "utf-8")
    (base / folder(MINE) / "link.json").symlink_to(secret)
    return base


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Told:
    code = dispatch(["fleet", *words, "--format", "json"], [])
    document = decode(json.loads(capsys.readouterr().out))
    dispatch(["fleet", *words], [])
    return Told(code, document, capsys.readouterr().out)


def assert_sound(said: Told, unreadable: int, *, is_whole: bool = True) -> None:
    document = said.document
    assert said.code == 2
    assert document.sweep is not None
    assert document.sweep.id == TODAY
    assert [sweep.id for sweep in document.sweeps] == [TODAY]
    assert document.totals.critical == COUNT + 1  # COUNT true hosts, and the host whose records lie
    assert document.totals.hosts == 2 * COUNT + 1 + is_whole
    assert document.totals.unreadable == unreadable
    (note,) = (note for note in document.notes if "another account" in note)
    assert note.startswith(f"{COUNT} hosts have the name of a host of another account")
    assert f"({MINE}, {THEIRS})" in note
    causes = {cause.code: cause for cause in document.causes}
    assert causes["TCP003"].host_count == COUNT
    assert causes["TCP003"].joined_count == 0
    assert causes["TCP003"].accounts == (THEIRS,)
    assert "VPC005" not in causes  # only one host has it: it is the host's own fault, without a command
    (own,) = (fault for fault in document.own_faults if fault.code == "VPC005")
    assert own.host_count == 1
    for cause in document.causes:
        for command in cause.fix.commands:
            assert command.argv[2].startswith("describe-") or command.argv[0] == "backuplink"
            assert command.undo is None
            assert not command.changes
    assert "authorize-" not in said.text
    assert "--port" not in said.text
    assert "i-00000000000000063" not in said.text  # host 99, whose record is behind the link


def test_a_folder(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys, str(lake))
    assert_sound(said, len(MISPLACED) + len(CLAIMED) + 2)  # the Parquet file, and the link
    assert any("clock" in note for note in said.document.notes)


def test_an_honest_host_is_not_outvoted_from_another_account(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three hosts of another account report the honest host's VPC and symptom, with a cause of their choice."""

    def reads(cause: str) -> dict[str, Any]:
        return {
            "ec2": True,
            "status": "critical",
            "causes": [f"critical|{cause}"],
            "symptoms": [f"{OPENED[1]} < {cause}"],
        }

    honest, lie = "VPC006|backup|acl=acl-0a1b2c3d4e5f60001", "VPC005|backup|group=sg-0a1b2c3d4e5f6bad0"
    for account, records in (
        (THEIRS, [*(theirs(number) for number in range(COUNT)), theirs(COUNT, **reads(honest))]),
        (MINE, [mine(100 + number, **reads(lie)) for number in range(3)]),
    ):
        place = tmp_path / folder(account)
        place.mkdir(parents=True)
        (place / "x.ndjson").write_text(lines(*records), "utf-8")
    causes = {cause.code: cause for cause in told(capsys, str(tmp_path), "--least", "2").document.causes}
    assert (causes["VPC006"].host_count, causes["VPC006"].accounts) == (COUNT + 1, (THEIRS,))
    assert (causes["VPC005"].host_count, causes["VPC005"].accounts) == (3, (MINE,))


@pytest.fixture
def bucket(moto: boto3.session.Session, lake: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", moto_server.KEYS["access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", moto_server.KEYS["secret_key"])
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    client = moto.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for place in lake.rglob("*"):
        if place.is_file() and not place.is_symlink():
            client.put_object(Bucket=BUCKET, Key=f"p/{place.relative_to(lake).as_posix()}", Body=place.read_bytes())
    return f"s3://{BUCKET}/p/"


def test_a_bucket(bucket: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys, bucket, "--region", REGION)
    assert_sound(said, len(MISPLACED) + len(CLAIMED) + 1)
    (note,) = (note for note in said.document.notes if "clock" in note)
    assert note.startswith("The clock of 1 host is off by more than a day, such as i-0000000000000004d.")


def packed(words: list[str], destination: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert dispatch(["fleet", "pack", *words, str(destination)], []) == 3  # too many files cannot be read
    capsys.readouterr()
    return destination / "host.v1.parquet"


@pytest.mark.parametrize("source", ["folder", "bucket"])
def test_what_is_packed(
    source: str, lake: Path, request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(lake)] if source == "folder" else [request.getfixturevalue("bucket"), "--region", REGION]
    place = packed(words, tmp_path / "lake", capsys)
    files = sorted(path.relative_to(place).as_posix() for path in place.rglob("*.parquet"))
    assert files == [f"account={one}/region=eu-west-1/dt={TODAY}/records.parquet" for one in (MINE, THEIRS)]
    with connect(tmp_path) as connection:
        rows = f"FROM read_parquet('{place}/account={THEIRS}/*/*/*.parquet', hive_partitioning = false)"
        assert connection.execute(f"SELECT count(*), count(*) FILTER (status = 'critical') {rows}").fetchall() == [
            (COUNT, COUNT)
        ]
    said = told(capsys, str(place))
    assert_sound(
        said, 0, is_whole=source == "bucket"
    )  # the path of a file does not show when a host with a wrong clock wrote it


def test_the_tables(lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The answers to the questions about accounts in docs/examples/fleet-questions.sql."""
    base = tmp_path / "bucket"
    for key, records in LAKE.items():
        if key.startswith("host.v1/") and key not in MISPLACED:
            place = base / key
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(lines(*records), "utf-8")
    answers = base / f"fleet/answers/dt={TODAY}/answers.parquet"
    answers.parent.mkdir(parents=True)
    words = ["fleet", str(lake), "--format", "parquet", "--output", str(answers)]
    assert dispatch(words, []) == 2
    capsys.readouterr()
    with connect(tmp_path) as connection:
        connection.execute(f"SET file_search_path = '{base}'")
        connection.execute(VIEWS)

        def asked(question: str) -> list[tuple[Any, ...]]:
            return connection.execute(question.replace("2026-01-15", TODAY)).fetchall()

        assert {row[0]: row[1:] for row in asked(ACCOUNTS)} == {MINE: (COUNT + 2, COUNT + 1), THEIRS: (COUNT, 0)}
        assert [(code, hosts) for code, *_, hosts in asked(OWN)] == [("VPC005", 1)]
        assert asked(WELL.replace("2026-01-11", TODAY)) == [(round((COUNT + 1) / (2 * COUNT + 2), 4),)]
        of_folder = "SELECT account, count(*) FROM record WHERE host = 'i-00000000000000000' GROUP BY account"
        assert {row[0] for row in connection.execute(of_folder).fetchall()} == {MINE, THEIRS}
