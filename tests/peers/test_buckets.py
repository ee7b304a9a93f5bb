"""Records of hosts in S3, with moto's server as S3: the AWS CLI reads what the program writes to S3, and both fail in
the same cases. By default the user has the policy that `backuplink permissions` prints.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from agent.fleet.put import place_of
from tests.agent.fleet.files import COMMAND, SICK, lines, record, report
from tests.peers import aws
from tests.peers.aws import EVERYTHING, KEY_ID, OTHER_SECRET_KEY, REGION, SECRET_KEY, UNKNOWN_KEY_ID
from tests.peers.setups import Setup, namespaces_missing
from tests.peers.world import World, world

pytestmark = pytest.mark.peers

_BUCKET: Final = "records"
_BESIDE: Final = "nobodys"
"""The name of a bucket that does not exist."""
_NAMES: Final = tuple(f"{name}.s3.{REGION}.amazonaws.com" for name in (_BUCKET, _BESIDE))
_PREFIX: Final = f"s3://{_BUCKET}/backuplink-fleet"
_ACCOUNT: Final = "111122223333"
_KMS_KEY: Final = f"arn:aws:kms:{REGION}:{_ACCOUNT}:key/0a1b2c3d-4e5f-6789-0a1b-2c3d4e5f6789"
_OF_FOLDERS: Final = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{_BUCKET}"}


@dataclass(frozen=True, kw_only=True)
class InBucket(Setup):
    """S3 from the point of view of a host, and the expected result."""

    account: dict[str, Any] = field(default_factory=dict)
    """The keyword arguments of `aws.start_account`. If there is no policy among them, the account gets the policy that
    `backuplink permissions` prints.
    """
    parts: tuple[str, ...] = ("record", "fleet")
    """The parts of the policy that `backuplink permissions` prints."""
    key_id: str = KEY_ID
    secret_key: str = SECRET_KEY
    address: str = aws.ADDRESS
    """The address to which the names of S3 resolve."""
    place: str = _PREFIX
    words: tuple[str, ...] = ()
    """Further arguments of the command, such as a Region."""
    code: int = 0
    says: str = ""
    """A part of the expected text on stderr, or in the verdict."""
    opens: bool
    """Whether the AWS CLI can reach the bucket."""

    def missing(self) -> str | None:
        return namespaces_missing() or super().missing()

    @property
    def toml(self) -> str:
        return f"""
            summary = "S3"
            [sdk]
            region = "{REGION}"
            [credentials]
            access_key_id = "{self.key_id}"
            secret_key = "{self.secret_key}"
            {aws.names_at(_NAMES, self.address)}
            {aws.names_at([f"{_BUCKET}.s3.eu-central-1.amazonaws.com"], "52.219.47.10")}
            [expect]
            status = "ok"
            path = "private"
            findings = []
        """


@dataclass(frozen=True, kw_only=True)
class Put(InBucket):
    """Hosts write their records to the bucket."""

    hosts: int = 1


@dataclass(frozen=True, kw_only=True)
class Joined(InBucket):
    """The program reads a fleet from the bucket."""

    objects: dict[str, str]
    """The texts of the objects, by their keys."""
    hosts: int = 0
    """The number of hosts in the joined fleet."""


def put(name: str, says: str = "", **given: Any) -> Put:
    code = 3 if says else 0
    shown = f"exit code {code}: {says.rpartition(': ')[2].partition(',')[0]}" if says else "ok"
    return Put(
        package="awscli", name=f"`fleet put` {name}", result=shown, code=code, says=says, opens=not says, **given
    )


def joined(
    name: str, result: str, objects: dict[str, str], says: str = "", *, opens: bool = True, **given: Any
) -> Joined:
    plain = {"parts": ("fleet",), "opens": opens}
    return Joined(
        package="awscli", name=f"`fleet` {name}", result=result, objects=objects, says=says, **{**plain, **given}
    )


def of_host(number: int, scenario: str = "healthy") -> dict[str, Any]:
    return record(number, scenario, account=_ACCOUNT, region=REGION, taken_at="2026-03-01T23:59:59.000Z")


def key_of(document: dict[str, Any]) -> str:
    """The key at which `fleet put` stores the document."""
    return place_of(document, _PREFIX).removeprefix(f"s3://{_BUCKET}/")


_WELL: Final = {key_of(of_host(number)): lines(of_host(number)) for number in range(12)}
_SICK: Final = {key_of(of_host(number)): lines(of_host(number, SICK)) for number in range(5)}
_REPORTS: Final = {
    f"backuplink-fleet/{COMMAND}/i-{number:017x}/awsrunShellScript/report/stdout": json.dumps(report(number))
    for number in range(6)
}
PUTS: Final = (
    put("into a bucket", place=f"s3://{_BUCKET}"),
    put("below a prefix"),
    put("of five hosts", hosts=5),
    put("as a user who may only put records", parts=("record",)),
    put("with a key of KMS", words=("--kms-key", _KMS_KEY)),
    put("into a bucket that is not there", "S3 refuses PutObject: NoSuchBucket", place=f"s3://{_BESIDE}/x"),
    put(
        "as a user who may only read",
        "S3 refuses PutObject: AccessDenied",
        account={"policy": aws.policy_of({**EVERYTHING, "Action": ["s3:Get*", "s3:List*"]})},
    ),
    put(
        "as a user who may write records of another account",
        "S3 refuses PutObject: AccessDenied",
        account={
            "policy": aws.policy_of(
                {
                    "Effect": "Allow",
                    "Action": "s3:PutObject",
                    "Resource": f"arn:aws:s3:::{_BUCKET}/backuplink-fleet/host.v1/account=444455556666/*",
                }
            )
        },
    ),
    put("with a key that AWS does not know", "S3 refuses PutObject: InvalidAccessKeyId", key_id=UNKNOWN_KEY_ID),
    put("with another secret key", "S3 refuses PutObject: SignatureDoesNotMatch", secret_key=OTHER_SECRET_KEY),
    put(
        "into a bucket of a Region to which no endpoint leads",
        "S3: connecting to it timed out",
        words=("--region", "eu-central-1", "--deadline", "90"),
    ),
    put(
        "through TLS inspection by an authority that the host does not trust",
        "S3: TLS failed; this host may not trust the authority of its certificate",
        account={"issuer": "corporate"},
    ),
)
JOINS: Final = (
    joined("reads the records of twelve hosts", "ok", _WELL, hosts=12),
    joined("reads the output of Systems Manager", "ok", _REPORTS, hosts=6),
    joined("passes over what is not called like a record", "ok", {**_WELL, "backuplink-fleet/x.txt": "x"}, hosts=12),
    joined("reads that five of twelve hosts are ill", "critical", {**_WELL, **_SICK}, hosts=12, code=2),
    joined(
        "meets an object that is not a report",
        "exit code 3: 1 file could not be read",
        {**_WELL, "backuplink-fleet/x.json": '{"schema": "x"}'},
        "all of 12 hosts ok; 1 file or line could not be read",
        hosts=12,
        code=3,
    ),
    joined(
        "as a user who may list, and not read",
        "exit code 3: AccessDenied",
        _WELL,
        "S3 refuses GetObject: AccessDenied",
        code=3,
        opens=False,
        account={"policy": aws.policy_of(_OF_FOLDERS)},
    ),
    joined(
        "as a user who may only write",
        "exit code 3: AccessDenied",
        _WELL,
        "S3 refuses ListObjectsV2: AccessDenied",
        code=3,
        opens=False,
        parts=("record",),
    ),
    joined(
        "of a bucket that is not there",
        "exit code 3: NoSuchBucket",
        _WELL,
        "S3 refuses ListObjectsV2: NoSuchBucket",
        code=3,
        opens=False,
        place=f"s3://{_BESIDE}/x",
    ),
    joined(
        "with another secret key",
        "exit code 3: SignatureDoesNotMatch",
        _WELL,
        "S3 refuses ListObjectsV2: SignatureDoesNotMatch",
        code=3,
        opens=False,
        secret_key=OTHER_SECRET_KEY,
    ),
)
SETUPS: Final = (*PUTS, *JOINS)


def start(built: World, setup: InBucket) -> None:
    """Start S3 with the bucket of the set-up. The user has the policy of the set-up."""
    given = {"policy": aws.own_policy(built, *setup.parts), "buckets": {_BUCKET: REGION}, **setup.account}
    if isinstance(setup, Joined):
        given["objects"] = {f"{_BUCKET}/{key}": text for key, text in setup.objects.items()}
    aws.start_account(built, names=_NAMES, **given)


@pytest.mark.parametrize("setup", PUTS, ids=str, indirect=True)
def test_a_record_gets_where_the_cli_gets(setup: Put, tmp_path: Path) -> None:
    with world("s3", setup.toml, tmp_path, places=[aws.PLACE]) as built:
        start(built, setup)
        for number in range(setup.hosts):
            document = of_host(number)
            place = place_of(document, setup.place)
            file = built.write(f"{number}.json", lines(document))
            ended = aws.backuplink(built, "fleet", "put", *setup.words, str(file), setup.place)
            if setup.code == 0:
                assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{place}\n", "")
            else:
                assert ended.returncode == setup.code
                assert setup.says in " ".join(ended.stdout.split())
                (line,) = ended.stderr.splitlines()
                _, said, more = line.partition(f"{setup.says}.")
                assert said, line
                assert ("s3:PutObject" in more) is ("AccessDenied" in setup.says)
            if setup.code == 0 and "fleet" in setup.parts:
                assert json.loads(aws.cli(built, "s3", "cp", place, "-") or "") == document
            if setup.code == 0 and "--kms-key" in setup.words:
                bucket, _, key = place.removeprefix("s3://").partition("/")
                got = aws.cli(built, "s3api", "get-object", "--bucket", bucket, "--key", key, "got.json") or ""
                assert json.loads(got)["SSEKMSKeyId"] == _KMS_KEY
        region = setup.words[1:2] if "--region" in setup.words else (REGION,)
        put_by_cli = aws.cli(built, "s3", "cp", str(file), place, "--region", *region)
        assert (put_by_cli is not None) is setup.opens
        if "fleet" in setup.parts and setup.opens:
            listed = aws.cli(built, "s3", "ls", "--recursive", f"{setup.place}/") or ""
            assert len(listed.splitlines()) == setup.hosts


@pytest.mark.parametrize("setup", JOINS, ids=str, indirect=True)
def test_a_fleet_is_read_from_what_the_cli_reads(setup: Joined, tmp_path: Path) -> None:
    with world("s3", setup.toml, tmp_path, places=[aws.PLACE]) as built:
        start(built, setup)
        ended = aws.backuplink(built, "fleet", setup.place, "--region", REGION, "--format", "json")
        copied = built.folder / "copied"
        by_cli = aws.cli(built, "s3", "cp", "--recursive", setup.place, str(copied))
        assert ended.returncode == setup.code, ended.stderr
        assert (by_cli is not None) is setup.opens
        document = json.loads(ended.stdout)
        assert document["totals"]["hosts"] == setup.hosts
        if not setup.opens:
            assert document["verdict"]["status"] == "unknown"
            assert setup.says in document["verdict"]["summary"]
            assert setup.says in ended.stderr
            return
        assert ended.stderr == ""
        assert setup.says in document["verdict"]["summary"]
        files = {path for path in copied.rglob("*") if path.is_file()}
        assert {str(path.relative_to(copied)) for path in files} == {key.partition("/")[2] for key in setup.objects}
        of_copy = aws.backuplink(built, "fleet", str(copied), "--format", "json")
        assert of_copy.returncode == ended.returncode
        assert json.loads(of_copy.stdout)["totals"] == document["totals"]
