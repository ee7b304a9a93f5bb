"""Reads of the VPCs of accounts. They are bounded, paged and limited in rate, and a read without an answer does not
stop the others.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import boto3.session
import pytest

from agent.app.read_saved import read_all_facts
from agent.audit import collect_account
from agent.audit import model as audit_report
from agent.audit.collect_account import AccountFacts
from agent.audit.model import AuditDocument
from agent.audit.request import AccountRequest
from agent.network.names import known_vpc
from agent.process.cancel import CancelToken
from agent.run.collect_facts import lacking
from probes.facts import CredentialFacts
from probes.model import FailureKind, ProbeError
from probes.seams import Keys
from probes.system.sdk import SystemSdk
from probes.vpc import account as account_reads
from probes.vpc import accounts
from tests.agent.fleet import files
from tests.support import extent, moto_server
from tests.support.command import SECONDS
from tests.support.repository import ROOT

REGION: Final = moto_server.REGION
VPC_ID: Final = "vpc-0a1b2c3d4e5f67890"
WANTED: Final = AccountRequest(
    regions=(REGION,),
    all_regions=False,
    vpc_ids=(),
    role_arns=(),
    organization_role=None,
    profile=None,
    ca_bundle=None,
    timeout=20.0,
    deadline=8.0,
)
moto, moto_url, told = moto_server.moto, moto_server.moto_url, moto_server.told
NAMES: Final = {
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_key": "AWS_SECRET_ACCESS_KEY",
    "token": "AWS_SESSION_TOKEN",
}


# --- Answers ---------------------------------------------------------------------------------------------------------


class Scripted:
    """A reader with scripted answers."""

    def __init__(self, answers: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        self._answers = {name: iter(pages) for name, pages in answers.items()}
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    async def prepare(self, services: object) -> None:
        """Do nothing, since no preparation is needed."""

    async def read(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append((operation, parameters))
        return next(self._answers[operation])


async def test_the_list_of_vpcs_is_read_to_its_end() -> None:
    reader = Scripted(
        {
            "DescribeVpcs": [
                {"Vpcs": [{"VpcId": "vpc-0b123456"}], "NextToken": "x"},
                {"Vpcs": [{"VpcId": "vpc-0a123456"}]},
            ]
        }
    )
    assert await accounts.vpcs(reader) == ("vpc-0a123456", "vpc-0b123456")
    assert [parameters.get("NextToken") for _, parameters in reader.asked] == [None, "x"]


async def test_a_list_without_end_is_given_up() -> None:
    endless = [{"Accounts": [], "NextToken": "x"}] * (accounts.MAX_ACCOUNT_PAGES + 1)
    with pytest.raises(ProbeError) as raised:
        await accounts.accounts(Scripted({"ListAccounts": endless}))
    assert raised.value.kind is FailureKind.TOO_LARGE


async def test_an_organization_of_a_thousand_accounts_is_listed() -> None:
    """A page has at most 20 accounts, and every second page here has none."""
    pages: list[Mapping[str, Any]] = []
    for page in range(50):
        rows = [{"Id": f"{page * 20 + place:012}", "State": "ACTIVE"} for place in range(20)]
        pages += [{"Accounts": rows, "NextToken": "x"}, {"Accounts": [], "NextToken": "y"}]
    assert len(await accounts.accounts(Scripted({"ListAccounts": [*pages, {"Accounts": []}]}))) == 1_000


@pytest.mark.parametrize("members", [("Status",), ("State",), ("Status", "State")])
async def test_accounts_that_are_not_active_are_left_out(members: tuple[str, ...]) -> None:
    """AWS retires `Status` in favour of `State`."""
    states = {"111122223333": "ACTIVE", "444455556666": "SUSPENDED"}
    rows = [{"Id": account_id, **dict.fromkeys(members, state)} for account_id, state in states.items()]
    assert await accounts.accounts(Scripted({"ListAccounts": [{"Accounts": rows}]})) == ("111122223333",)


@pytest.mark.parametrize(
    "held", [{}, {"AccessKeyId": "A", "SecretAccessKey": 1, "SessionToken": "T"}, {"AccessKeyId": "A\n"}, None]
)
async def test_a_role_without_keys_is_refused(held: Any) -> None:
    answer = {} if held is None else {"Credentials": held}
    with pytest.raises(ProbeError):
        await accounts.keys_of_role(Scripted({"AssumeRole": [answer]}), "arn:aws:iam::111122223333:role/x")


async def test_the_keys_of_a_role_are_given() -> None:
    held = {"AccessKeyId": "A", "SecretAccessKey": "S", "SessionToken": "T"}
    reader = Scripted({"AssumeRole": [{"Credentials": held}]})
    keys = await accounts.keys_of_role(reader, "arn:aws:iam::111122223333:role/x")
    assert keys == Keys(**dict(zip(("access_key_id", "secret_key", "token"), held.values(), strict=True)))


@pytest.mark.virtual_clock
async def test_requests_keep_to_their_rate() -> None:
    loop = asyncio.get_running_loop()
    pace = collect_account.Pace(2.0)
    began = loop.time()
    times = []
    for _ in range(5):
        await pace.turn()
        times.append(round(loop.time() - began, 3))
    assert times == [0.0, 0.5, 1.0, 1.5, 2.0]


class Silent:
    """A reader that only answers the question whose credentials it uses."""

    async def prepare(self, services: object) -> None:
        """Do nothing, since no preparation is needed."""

    async def read(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if operation == "GetCallerIdentity":
            return {"Account": "111122223333"}
        await asyncio.Event().wait()
        raise AssertionError("never")


class SilentSdk:
    async def credentials(self, _: object) -> tuple[Keys, object]:
        return Keys(**moto_server.KEYS), CredentialFacts(
            source="env", access_key_id_suffix="x", temporary=False, expires_at=None, role=None
        )

    def reader(self, *_: object, **__: object) -> Silent:
        return Silent()


@pytest.mark.virtual_clock
async def test_what_the_deadline_leaves_is_listed() -> None:
    request = replace(WANTED, regions=(REGION, "eu-west-3"))
    world: Any = SimpleNamespace(machine=SimpleNamespace(now=lambda: datetime.now(UTC)), sdk=SilentSdk())
    read = await collect_account.gather(request, world, stop=CancelToken())
    assert isinstance(read, AccountFacts)
    assert (read.vpcs, read.complete) == ((), False)
    assert [(one.account_id, one.region, one.reason) for one in read.unanswered] == [
        ("111122223333", region, "the deadline of 8 s came") for region in (REGION, "eu-west-3")
    ]


@pytest.mark.virtual_clock
async def test_accounts_that_the_deadline_leaves_are_listed() -> None:
    """The deadline comes while the first account is read, so the second account is not begun."""

    class Assuming(Silent):
        async def read(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
            if operation == "AssumeRole":
                held = dict.fromkeys(("AccessKeyId", "SecretAccessKey", "SessionToken"), "x")
                return {"Credentials": held}
            return await super().read(service, operation, parameters)

    class AssumingSdk(SilentSdk):
        def reader(self, *_: object, **__: object) -> Silent:
            return Assuming()

    roles = tuple(f"arn:aws:iam::{account_id}:role/audit" for account_id in ("111122223333", "444455556666"))
    for sdk, first in ((AssumingSdk(), REGION), (SilentSdk(), None)):
        read = await collect_account.gather(replace(WANTED, role_arns=roles), world_of(sdk), stop=CancelToken())
        assert isinstance(read, AccountFacts)
        assert [(one.account_id, one.region) for one in read.unanswered] == [
            ("111122223333", first),
            ("444455556666", None),
        ]


class Listing(Silent):
    """A reader that also lists the accounts of the organization, on pages of one account each."""

    def __init__(self, seconds: float, most: int) -> None:
        """`seconds` pass before each page; `most` is the largest number of requests."""
        self._seconds = seconds
        self._left = most

    async def read(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        self._left -= 1
        assert self._left >= 0
        if operation != "ListAccounts":
            return await super().read(service, operation, parameters)
        await asyncio.sleep(self._seconds)
        page = int(parameters.get("NextToken", "0"))
        following = {"NextToken": str(page + 1)} if page + 1 < len(LISTED) else {}
        return {"Accounts": [{"Id": LISTED[page]}], **following}


LISTED: Final = ("111122223333", *(f"{number:012}" for number in range(555500000000, 555500000030)))


async def listed_within(seconds: float) -> list[str | None]:
    """The accounts that an audit of the organization names as unanswered. A page of accounts takes so many seconds, and
    no role can be assumed before the deadline.
    """

    class ListingSdk(SilentSdk):
        def reader(self, *_: object, **how: Any) -> Silent:
            return Listing(seconds, how["most"])

    wanted = replace(WANTED, organization_role="audit", timeout=1.0)
    read = await collect_account.gather(wanted, world_of(ListingSdk()), stop=CancelToken())
    assert isinstance(read, AccountFacts)
    return [one.account_id for one in read.unanswered]


@pytest.mark.virtual_clock
async def test_the_list_of_accounts_has_more_time_and_requests_than_a_single_read() -> None:
    """The list takes six seconds. The accounts include that of the caller, which is read without a role."""
    assert await listed_within(0.2) == sorted(LISTED)


@pytest.mark.virtual_clock
async def test_any_account_may_be_left_until_the_accounts_are_known() -> None:
    assert await listed_within(WANTED.deadline) == [None]


@pytest.mark.virtual_clock
async def test_a_signal_ends_the_reads() -> None:
    world: Any = SimpleNamespace(machine=SimpleNamespace(now=lambda: datetime.now(UTC)), sdk=SilentSdk())
    read = await collect_account.gather(WANTED, world, stop=CancelToken(["SIGTERM"]))
    assert isinstance(read, AccountFacts)
    assert (read.vpcs, read.complete) == ((), False)


# --- The real command against a real server --------------------------------------------------------------------------


def run(*words: str) -> tuple[int, AuditDocument, str]:
    """Run the command; returns its exit code, its document and its stderr."""
    result = called("audit", "--format", "json", *words)
    assert result.stdout, result.stderr
    return result.returncode, audit_report.decode(json.loads(result.stdout)), result.stderr


def called(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the program with the keys of moto."""
    return subprocess.run(
        [sys.executable, "-m", "agent", *words],
        cwd=ROOT,
        env={**os.environ, **{NAMES[name]: value for name, value in moto_server.KEYS.items()}},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def make_vpc(client: Any, *, private_dns: bool) -> tuple[str, str]:
    """Make a VPC with a host and with an endpoint of AWS Backup that admits the host. Returns the ids of both."""
    vpc_id = client.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    client.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": True})
    servers = [{"Key": "domain-name-servers", "Values": ["AmazonProvidedDNS"]}]
    options = client.create_dhcp_options(DhcpConfigurations=servers)["DhcpOptions"]["DhcpOptionsId"]
    client.associate_dhcp_options(DhcpOptionsId=options, VpcId=vpc_id)
    subnet_id = client.create_subnet(VpcId=vpc_id, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    client.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=subnet_id)
    endpoint = client.create_vpc_endpoint(
        VpcId=vpc_id,
        VpcEndpointType="Interface",
        ServiceName=f"com.amazonaws.{REGION}.backup",
        SubnetIds=[subnet_id],
        PrivateDnsEnabled=private_dns,
    )["VpcEndpoint"]
    interfaces = client.describe_network_interfaces(NetworkInterfaceIds=endpoint["NetworkInterfaceIds"])
    for group in {group["GroupId"] for one in interfaces["NetworkInterfaces"] for group in one["Groups"]}:
        client.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=443, ToPort=443, CidrIp="10.0.0.0/16"
        )
    return vpc_id, endpoint["VpcEndpointId"]


@pytest.fixture
def account(
    told: moto_server.Told, moto: boto3.session.Session, monkeypatch: pytest.MonkeyPatch
) -> boto3.session.Session:
    """An account in moto. A scripted server answers the reads that moto lacks."""
    for service in ("ROUTE53RESOLVER", "ROUTE53PROFILES"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", f"http://127.0.0.1:{told.port}")
    # moto 5 fails if this read has filters. Its replacement returns no services.
    from moto.ec2.models.vpcs import VPCBackend

    monkeypatch.setattr(VPCBackend, "describe_vpc_endpoint_services", _no_services)
    return moto


def _no_services(*_: Any, **__: Any) -> dict[str, Any]:
    return {"servicesDetails": [], "serviceNames": [], "nextToken": ""}


def test_the_vpcs_of_a_region_are_read_and_audited(account: boto3.session.Session) -> None:
    client = account.client("ec2")
    on, _ = make_vpc(client, private_dns=True)
    off, endpoint_id = make_vpc(client, private_dns=False)
    code, document, err = run("--region", REGION)
    by_id = {vpc.vpc_id: vpc for vpc in document.vpcs}
    assert {on, off} < by_id.keys(), "the default VPC is there, too"
    assert err == "", "no progress where stderr is not a terminal"
    assert {vpc.account_id for vpc in document.vpcs} == {"123456789012"}
    assert {vpc.status.value for vpc_id, vpc in by_id.items() if vpc_id not in (on, off)} == {"not-in-use"}
    (fault,) = (fault for fault in by_id[off].faults if fault.code == "VPC002")
    assert fault.subjects == (endpoint_id,)
    codes = {fault.code for fault in by_id[on].faults}
    assert codes == {None, "VPC021"}, "moto gives an endpoint no private names, and AWS's default policy"
    assert {vpc.not_read for vpc in document.vpcs} == {()}
    assert (code, document.unanswered) == (2, ())
    code, document, _ = run("--region", REGION, "--vpc", off, "--vpc", VPC_ID)
    assert [(one.vpc_id, one.reason) for one in document.unanswered] == [
        (VPC_ID, "no account and Region that was read has it")
    ]
    assert (code, [vpc.vpc_id for vpc in document.vpcs]) == (2, [off])


def test_the_facts_of_a_region_are_a_file_that_an_audit_and_a_fleet_take(
    account: boto3.session.Session, tmp_path: Path
) -> None:
    client = account.client("ec2")
    off, endpoint_id = make_vpc(client, private_dns=False)
    place = tmp_path / "account.json"
    ended = called("facts", "--region", REGION, "--output", str(place))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert {facts.vpc_id for facts in read_all_facts(str(place))} > {off}, "the default VPC is there, too"
    code, document, _ = run("--ec2-facts", str(place))
    (fault,) = (fault for vpc in document.vpcs for fault in vpc.faults if fault.code == "VPC002")
    assert (code, fault.subjects) == (2, (endpoint_id,))
    record = files.record(1, files.SICK)
    (tmp_path / "record.json").write_text(files.lines(record), "utf-8")
    joined = called("fleet", str(tmp_path / "record.json"), "--ec2-facts", str(place), "--format", "json")
    assert (joined.returncode, json.loads(joined.stdout)["notes"]) == (2, [])


def test_facts_of_one_vpc_take_no_role() -> None:
    ended = called("facts", "--region", REGION, "--vpc", VPC_ID, "--role-arn", "arn:aws:iam::999999999999:role/x")
    assert ended.returncode == 3
    assert "--role-arn is for all VPCs of an account; leave out --vpc, or --role-arn." in ended.stderr


def test_another_account_is_read_with_its_role(account: boto3.session.Session) -> None:
    role = "arn:aws:iam::999999999999:role/audit"
    keys = account.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    other = boto3.session.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION
    )
    vpc_id, _ = make_vpc(other.client("ec2"), private_dns=False)
    code, document, _ = run("--region", REGION, "--role-arn", role)
    assert vpc_id in {vpc.vpc_id for vpc in document.vpcs if vpc.account_id == "999999999999"}
    assert {vpc.account_id for vpc in document.vpcs} == {"999999999999"}
    assert code == 2


def test_a_region_that_refuses_is_listed_and_not_fatal(told: moto_server.Told) -> None:
    """A scripted server answers every request, and one of its Regions refuses."""

    def vpcs(call: moto_server.Call) -> moto_server.Reply:
        if f"/{REGION}/" not in call.headers["Authorization"]:
            return moto_server.refusal("UnauthorizedOperation", "You are not authorized to perform this operation.")
        row = f"<item><vpcId>{VPC_ID}</vpcId><ownerId>111122223333</ownerId></item>"
        if "NextToken" in call.parameters:
            return moto_server.of_ec2("DescribeVpcs", row)
        return moto_server.of_ec2("DescribeVpcs", "", "more")

    told.answers["DescribeVpcs"] = vpcs
    told.answers["GetCallerIdentity"] = moto_server.refusal("AccessDenied", "no")
    code, document, _ = run("--region", REGION, "--region", "eu-west-3")
    assert [vpc.vpc_id for vpc in document.vpcs] == [VPC_ID], "the second page was read"
    (refused,) = document.unanswered
    assert (refused.region, "authorized" in refused.reason) == ("eu-west-3", True)
    assert code == 3, "no VPC counts"
    requests = Counter(call.operation for call in told.calls)
    assert sum(requests.values()) - requests["GetCallerIdentity"] - 3 <= 40


def test_a_silent_region_is_listed_and_not_fatal(told: moto_server.Told) -> None:
    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True

    told.answers["DescribeVpcs"] = moto_server.Behaviour(hang_up)
    told.answers["GetCallerIdentity"] = moto_server.refusal("AccessDenied", "no")
    code, document, _ = run("--region", REGION)
    assert (code, document.vpcs) == (3, ())
    (silent,) = document.unanswered
    assert silent.region == REGION


def test_a_role_that_cannot_be_assumed_is_listed(told: moto_server.Told) -> None:
    told.answers["AssumeRole"] = moto_server.refusal(
        "AccessDenied", "User is not authorized to perform: sts:AssumeRole"
    )
    told.answers["GetCallerIdentity"] = moto_server.refusal("AccessDenied", "no")
    code, document, _ = run("--region", REGION, "--role-arn", "arn:aws:iam::111122223333:role/x")
    assert (code, document.vpcs) == (3, ())
    (refused,) = document.unanswered
    assert (refused.account_id, "cannot be assumed" in refused.reason) == ("111122223333", True)
    assert "DescribeVpcs" not in told.operations


def test_all_regions_are_those_that_the_account_has(told: moto_server.Told, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f"<item><regionName>{name}</regionName></item>" for name in ("eu-west-1", "eu-west-3"))
    told.answers["DescribeRegions"] = moto_server.of_ec2_with("DescribeRegions", f"<regionInfo>{rows}</regionInfo>")
    told.answers["GetCallerIdentity"] = moto_server.refusal("AccessDenied", "no")
    told.answers["DescribeVpcs"] = moto_server.refusal("UnauthorizedOperation", "no")
    monkeypatch.setenv("AWS_REGION", REGION)
    code, document, _ = run("--all-regions")
    assert code == 3
    assert [one.region for one in document.unanswered] == ["eu-west-1", "eu-west-3"]


def of_sts(operation: str, members: str) -> moto_server.Reply:
    """A successful answer of STS."""
    body = (
        f'<{operation}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{operation}Result>{members}'
        f"</{operation}Result><ResponseMetadata><RequestId>{moto_server.REQUEST_ID}</RequestId></ResponseMetadata>"
        f"</{operation}Response>"
    )
    return moto_server.Reply(body=body.encode(), headers={"Content-Type": "text/xml"})


def test_every_account_of_an_organization_is_read_with_its_role(told: moto_server.Told) -> None:
    own, member, closed = "111122223333", "444455556666", "777788889999"
    rows = [{"Id": account_id, "Status": "ACTIVE"} for account_id in (own, member, closed)]
    mark = "of-a-role-0badbadbadbad"

    def of_role(call: moto_server.Call) -> moto_server.Reply:
        if closed in call.parameters["RoleArn"]:
            return moto_server.refusal("AccessDenied", "no")
        keys = f"<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>{mark}</SecretAccessKey>"
        held = f"<Credentials>{keys}<SessionToken>{mark}-token</SessionToken></Credentials>"
        return of_sts("AssumeRole", held)

    def vpcs(call: moto_server.Call) -> moto_server.Reply:
        whose = member if "Credential=ASIAROLE/" in call.headers["Authorization"] else own
        row = f"<vpcId>vpc-0a1b2c3d{whose[:8]}0</vpcId><ownerId>{whose}</ownerId>"
        return moto_server.of_ec2("DescribeVpcs", f"<item>{row}</item>")

    told.answers["GetCallerIdentity"] = of_sts("GetCallerIdentity", f"<Account>{own}</Account>")
    told.answers["ListAccounts"] = moto_server.of_resolver({"Accounts": rows})
    told.answers["AssumeRole"] = of_role
    told.answers["DescribeVpcs"] = vpcs
    code, document, err = run("--region", REGION, "--organization-role", "audit")
    assert {vpc.account_id for vpc in document.vpcs} == {own, member}
    assert {vpc.shared for vpc in document.vpcs} == {False}
    (refused,) = document.unanswered
    assert (refused.account_id, code) == (closed, 3)
    assert f"arn:aws:iam::{closed}:role/audit cannot be assumed" in refused.reason
    assert mark not in f"{document}{err}"


def test_a_list_without_end_is_given_up_and_named(told: moto_server.Told) -> None:
    """Each list repeats the same page without end."""
    for operation in ("DescribeSubnets", "DescribeNetworkAcls", "DescribeSecurityGroups", "DescribeNetworkInterfaces"):
        told.answers[operation] = moto_server.of_ec2(operation, "", "more")
    told.answers["GetCallerIdentity"] = moto_server.refusal("AccessDenied", "no")
    row = f"<item><vpcId>{VPC_ID}</vpcId><ownerId>111122223333</ownerId></item>"
    told.answers["DescribeVpcs"] = moto_server.of_ec2("DescribeVpcs", row)
    code, document, _ = run("--region", REGION, "--timeout", "30")
    (vpc,) = document.vpcs
    assert code == 3
    assert any("DescribeSubnets gives the same page twice" in line for line in vpc.not_read)
    assert len(told.calls) <= account_reads.MAX_REQUESTS + account_reads.MAX_REQUESTS_OF_VPC


# --- Reading a whole account -----------------------------------------------------------------------------------------


class Recorded:
    """A reader that passes an audit's requests on to the system's reader and counts them. A test can make it throttle
    requests.
    """

    def __init__(self, reader: Any, asked: list[tuple[str, str, Mapping[str, Any]]], throttled: Counter[str]) -> None:
        self._reader = reader
        self._asked = asked
        self._throttled = throttled

    async def prepare(self, services: Any) -> None:
        await self._reader.prepare(services)

    async def read(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        self._asked.append((service, operation, parameters))
        if self._throttled[operation]:
            self._throttled[operation] -= 1
            raise ProbeError(FailureKind.THROTTLED, "Request limit exceeded.", code="RequestLimitExceeded")
        given: Mapping[str, Any] = await self._reader.read(service, operation, parameters)
        return given


class RecordedSdk(SystemSdk):
    """The system's SDK, with readers that count their requests."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, Mapping[str, Any]]] = []
        self.throttled: Counter[str] = Counter()

    def reader(self, *words: Any, **given: Any) -> Any:
        return Recorded(super().reader(*words, **given), self.asked, self.throttled)


def world_of(sdk: Any) -> Any:
    return SimpleNamespace(machine=SimpleNamespace(now=lambda: datetime.now(UTC)), sdk=sdk)


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the rate limits, since the server is on this machine."""
    monkeypatch.setattr(collect_account, "_RATES", {})
    monkeypatch.setattr(collect_account, "_RATE", 10_000.0)
    for name, variable in NAMES.items():
        monkeypatch.setenv(variable, moto_server.KEYS[name])


@pytest.mark.parametrize("count", extent.one_in(2, (12, 199)))
@pytest.mark.usefixtures("fast")
async def test_an_account_is_read_once_and_split_by_vpc(account: boto3.session.Session, count: int) -> None:
    """The account has the default VPC, and `count` VPCs with an endpoint and 25 groups of 10 rules each."""
    client = account.client("ec2")
    made = {make_vpc(client, private_dns=True)[0] for _ in range(count)}
    for vpc_id in made:
        for number in range(24):
            group = client.create_security_group(GroupName=f"g{number}", Description="x", VpcId=vpc_id)["GroupId"]
            rules = [
                {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}
                for port in range(8000, 8009)
            ]
            client.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)
    sdk = RecordedSdk()
    wanted = replace(WANTED, deadline=SECONDS, timeout=SECONDS)  # moto returns all 50,000 rules in one answer
    read = await collect_account.gather(wanted, world_of(sdk), stop=CancelToken())
    assert isinstance(read, AccountFacts)
    assert (read.unanswered, read.complete) == ((), True)
    assert {line for one in read.vpcs for line in lacking(one.facts)} == set()
    by_id = {one.facts.vpc_id: known_vpc(one.facts).configuration for one in read.vpcs}
    assert made < by_id.keys(), "the default VPC is there, too"
    for vpc_id in made:
        network = by_id[vpc_id]
        assert len(network.groups or ()) == 25
        assert {subnet.vpc_id for subnet in network.subnets or ()} == {vpc_id}
        assert {one.vpc_id for one in network.interfaces or ()} == {vpc_id}
        assert len(network.endpoints or ()) == count
    first = [(service, operation) for service, operation, parameters in sdk.asked if "NextToken" not in parameters]
    assert len(first) <= account_reads.MAX_REQUESTS + account_reads.MAX_REQUESTS_OF_VPC * len(by_id)
    per_vpc = {"DescribeVpcAttribute", "ListHostedZonesByVPC"}
    assert Counter(operation for _, operation in first if operation not in per_vpc).most_common(1)[0][1] <= 2
    of_endpoints = [one for one in sdk.asked if one[1] == "DescribeVpcEndpoints"]
    assert len(of_endpoints) == 1, "the endpoints of the Region are read once"


@pytest.mark.usefixtures("fast")
async def test_a_read_that_is_throttled_waits_and_goes_on(
    account: boto3.session.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_reads, "WAITS", (0.01, 0.02, 0.04))
    make_vpc(account.client("ec2"), private_dns=True)
    sdk = RecordedSdk()
    sdk.throttled.update({"DescribeSubnets": 3, "DescribeVpcAttribute": 2, "ListHostedZonesByVPC": 1})
    read = await collect_account.gather(replace(WANTED, deadline=SECONDS), world_of(sdk), stop=CancelToken())
    assert isinstance(read, AccountFacts)
    assert all(lacking(one.facts) == () for one in read.vpcs)
    assert sum(sdk.throttled.values()) == 0
    sdk.throttled["DescribeSubnets"] = 99
    read = await collect_account.gather(replace(WANTED, deadline=SECONDS), world_of(sdk), stop=CancelToken())
    assert isinstance(read, AccountFacts)
    for one in read.vpcs:
        assert [line for line in lacking(one.facts) if "Request limit exceeded" in line], "it is given up in the end"
    assert sdk.throttled["DescribeSubnets"] == 99 - 4, "and asked for once for all VPCs"


@pytest.mark.virtual_clock
async def test_an_account_of_200_vpcs_keeps_to_the_rates() -> None:
    """EC2 allows 20 requests a second, and Route 53 allows 5."""
    loop = asyncio.get_running_loop()
    times: dict[str, list[float]] = {}

    class Answering:
        async def prepare(self, services: object) -> None:
            """Do nothing, since no preparation is needed."""

        async def read(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
            if operation == "GetCallerIdentity":
                return {"Account": "111122223333"}
            times.setdefault(service, []).append(loop.time())
            if operation == "DescribeVpcs":
                return {"Vpcs": [{"VpcId": f"vpc-{number:08x}", "OwnerId": "111122223333"} for number in range(200)]}
            name = operation.removeprefix("Describe").removeprefix("Enable")
            if operation == "DescribeVpcAttribute":
                name = parameters["Attribute"]
                return {f"{name[0].upper()}{name[1:]}": {"Value": True}}
            return {ROWS.get(operation, name): []}

    class AnsweringSdk(SilentSdk):
        def reader(self, *_: object, **__: object) -> Any:
            return Answering()

    began = loop.time()
    read = await collect_account.gather(replace(WANTED, deadline=600.0), world_of(AnsweringSdk()), stop=CancelToken())
    assert isinstance(read, AccountFacts)
    assert (len(read.vpcs), read.complete) == (200, True)
    for service, most in (("ec2", 20), ("route53", 5), ("route53resolver", 5), ("route53profiles", 5)):
        seconds = Counter(int(at - began) for at in times[service])
        assert max(seconds.values()) <= most, service
    made = sum(map(len, times.values()))
    assert made <= account_reads.MAX_REQUESTS + 200 * account_reads.MAX_REQUESTS_OF_VPC


ROWS: Final = {
    "DescribeVpcEndpointServices": "ServiceDetails",
    "DescribeVpcPeeringConnections": "VpcPeeringConnections",
    "ListResolverRuleAssociations": "ResolverRuleAssociations",
    "ListResolverRules": "ResolverRules",
    "ListHostedZonesByVPC": "HostedZoneSummaries",
    "ListFirewallRuleGroupAssociations": "FirewallRuleGroupAssociations",
    "ListProfileAssociations": "ProfileAssociations",
}


@pytest.mark.usefixtures("fast")
async def test_an_interrupted_audit_has_the_vpcs_that_were_read(account: boto3.session.Session) -> None:
    client = account.client("ec2")
    for _ in range(3):
        make_vpc(client, private_dns=True)
    stop = CancelToken()

    def progress(done: int, known: int, region: str) -> None:
        if done == 2:
            stop.cancel("SIGINT")

    wanted = replace(WANTED, deadline=SECONDS)
    read = await collect_account.gather(wanted, world_of(RecordedSdk()), stop=stop, progress=progress)
    assert isinstance(read, AccountFacts)
    assert (len(read.vpcs), read.complete) == (2, False)
    assert {one.reason for one in read.unanswered} == {"interrupted by SIGINT"}
    assert len(read.unanswered) == 2
    assert {one.vpc_id for one in read.unanswered}.isdisjoint(one.facts.vpc_id for one in read.vpcs)
