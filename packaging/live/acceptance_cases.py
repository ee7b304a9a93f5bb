"""The cases of an acceptance run: what each case breaks, what a check must then report, and what the run costs.

The scenario of a case has the same fault in a simulated VPC, and a test compares its result with the expectation.
"""

from dataclasses import dataclass
from typing import Any, Final

from acceptance_account import HERE, Call, DefaultAcl, NoStack, OwnAcl, Stack, Step
from agent.report.model import Path as NetworkPath
from agent.report.model import Report, Status

PACKAGING: Final = HERE.parent
RESOLVER: Final = Stack(
    "resolver",
    HERE / "resolver.template.yaml",
    {"Vpc": "{Vpc}", "FirstSubnet": "{FirstCheckedSubnet}", "SecondSubnet": "{SecondCheckedSubnet}"},
)
ENDPOINTS: Final = PACKAGING / "cloudformation" / "backuplink-endpoints.template.yaml"
PERMISSIONS: Final = PACKAGING / "fleet" / "backuplink-instance-policy.template.yaml"
VPC_CIDR: Final = "10.77.0.0/16"
"""The VPC's block in network.template.yaml."""
CHECKED_SUBNETS: Final = ("{FirstCheckedSubnet}", "{SecondCheckedSubnet}")
DENY_ALONE: Final = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"AWS":"444455556666"},'
    '"Action":"*","Resource":"*"}]}'
)
"""A policy from an example of AWS. It is meant to deny one account, but without an Allow, it denies everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A fault, and what a check must report about it."""

    name: str
    fault: str
    """What is broken, in words."""
    services: tuple[str, ...]
    """The services that are checked."""
    scenario: str
    """The scenario with the same fault."""
    status: Status
    path: NetworkPath
    causes: frozenset[str] = frozenset()
    """Codes, one of which must be that of the first finding. Empty if there must be no finding."""
    also: frozenset[str] = frozenset()
    """Codes that the report must have, too."""
    breaks: tuple[Step, ...] = ()
    repairs: tuple[Step, ...] = ()
    """Steps that undo `breaks`. They may also be made if nothing is broken."""
    before: str = ""
    """Shell lines that run on the host before the check. If they change something on the host, they also undo the
    change."""
    cuts_off: bool = False
    """Whether Systems Manager may be unable to reach the host during the fault. Then a timer on the host, which is set
    before the break, makes the check; the network is repaired through the API, and the report is fetched afterwards."""


def complaint(case: Case, report: Report) -> str | None:
    """How a report differs from what the case expects; None if it does not."""
    found = [finding.code for finding in report.findings if finding.code != READS]
    verdict = report.verdict
    if (verdict.status, verdict.path) != (case.status, case.path):
        return f"{verdict.status}, path {verdict.path}, and not {case.status}, path {case.path}"
    if not case.causes:
        return f"found {', '.join(found)}, and not nothing" if found else None
    if not found or found[0] not in case.causes:
        return f"found {', '.join(found) or 'nothing'}, and not {' or '.join(sorted(case.causes))} first"
    missing = case.also.difference(found)
    return f"found {', '.join(found)}, and not {', '.join(sorted(missing))}" if missing else None


READS: Final = "VPC013"
"""The code of the finding for reads that failed: Route 53 cannot be reached from a VPC without internet access."""


def _private_dns(is_on: bool) -> Call:
    return Call("ec2", "modify_vpc_endpoint", {"VpcEndpointId": "{BackupEndpointId}", "PrivateDnsEnabled": is_on})


def _rule(verb: str, group: str, port: int) -> Call:
    permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": VPC_CIDR}]}
    return Call(
        "ec2",
        f"{verb}_security_group_ingress",
        {"GroupId": group, "IpPermissions": [permission]},
        frozenset({"InvalidPermission.Duplicate"}),
    )


def _entry(number: int, action: str, *, is_out: bool, port: int | None = None) -> dict[str, Any]:
    entry = {"RuleNumber": number, "RuleAction": action, "Egress": is_out, "CidrBlock": "0.0.0.0/0"}
    if port is None:
        return {**entry, "Protocol": "-1"}
    return {**entry, "Protocol": "6", "PortRange": {"From": port, "To": port}}


def _metadata(state: str) -> Call:
    return Call("ec2", "modify_instance_metadata_options", {"InstanceId": "{Host}", "HttpEndpoint": state})


def _hostnames(is_on: bool) -> Call:
    return Call("ec2", "modify_vpc_attribute", {"VpcId": "{Vpc}", "EnableDnsHostnames": {"Value": is_on}})


def _s3_route(verb: str) -> Call:
    return Call(
        "ec2",
        "modify_vpc_endpoint",
        {"VpcEndpointId": "{S3Endpoint}", f"{verb}RouteTableIds": ["{HostRouteTable}"]},
        frozenset({"RouteAlreadyExists"}),
    )


_BOTH: Final = ("backup", "backup-gateway")
_CLOCK: Final = """systemctl stop chronyd
trap 'date -s "-20 minutes" >/dev/null; systemctl start chronyd' EXIT
date -s "+20 minutes" >/dev/null"""

HEALTHY: Final = Case(
    name="healthy",
    fault="nothing is broken",
    services=_BOTH,
    scenario="configuration-healthy",
    status=Status.OK,
    path=NetworkPath.PRIVATE,
)
CASES: Final = (
    HEALTHY,
    Case(
        name="private-dns-off",
        fault="private DNS of the endpoint of AWS Backup is off",
        services=("backup",),
        scenario="private-dns-switched-off",
        status=Status.CRITICAL,
        path=NetworkPath.PUBLIC,
        causes=frozenset({"VPC002"}),
        also=frozenset({"DNS001"}),
        breaks=(_private_dns(False),),
        repairs=(_private_dns(True),),
    ),
    Case(
        name="group-without-443",
        fault="the endpoint's security group lacks 443",
        services=("backup",),
        scenario="endpoint-group-shut",
        status=Status.CRITICAL,
        path=NetworkPath.UNREACHABLE,
        causes=frozenset({"VPC005"}),
        also=frozenset({"TCP001"}),
        breaks=(_rule("revoke", "{GroupId}", 443),),
        repairs=(_rule("authorize", "{GroupId}", 443),),
    ),
    Case(
        name="gateway-port-missing",
        fault="the group of Backup gateway's endpoint lacks 1031",
        services=("backup-gateway",),
        scenario="security-group-443-only",
        status=Status.CRITICAL,
        path=NetworkPath.PRIVATE,
        causes=frozenset({"VPC005"}),
        also=frozenset({"TCP003"}),
        breaks=(_rule("revoke", "{GatewayGroupId}", 1031),),
        repairs=(_rule("authorize", "{GatewayGroupId}", 1031),),
    ),
    Case(
        name="network-acl",
        fault="the network ACL of the endpoint's subnets denies 443",
        services=("backup",),
        scenario="acl-denies-by-an-earlier-entry",
        status=Status.CRITICAL,
        path=NetworkPath.UNREACHABLE,
        causes=frozenset({"VPC006"}),
        also=frozenset({"TCP001"}),
        breaks=(
            OwnAcl(
                CHECKED_SUBNETS,
                (
                    _entry(90, "deny", is_out=False, port=443),
                    _entry(100, "allow", is_out=False),
                    _entry(100, "allow", is_out=True),
                ),
            ),
        ),
        repairs=(DefaultAcl(),),
    ),
    Case(
        name="policy-without-allow",
        fault="the endpoint's policy has a Deny for another account, and no Allow",
        services=("backup",),
        scenario="policy-of-a-deny-alone",
        status=Status.CRITICAL,
        path=NetworkPath.PRIVATE,
        causes=frozenset({"VPC008", "IAM002"}),
        breaks=(
            Call("ec2", "modify_vpc_endpoint", {"VpcEndpointId": "{BackupEndpointId}", "PolicyDocument": DENY_ALONE}),
        ),
        repairs=(Call("ec2", "modify_vpc_endpoint", {"VpcEndpointId": "{BackupEndpointId}", "ResetPolicy": True}),),
    ),
    Case(
        name="resolver-rule",
        fault="a Resolver rule forwards the name of AWS Backup to a server that is not there",
        services=("backup",),
        scenario="rule-forwards-to-silence",
        status=Status.CRITICAL,
        path=NetworkPath.UNREACHABLE,
        causes=frozenset({"VPC015", "DNS004", "DNS005"}),
        breaks=(RESOLVER,),
        repairs=(NoStack("resolver"),),
    ),
    Case(
        name="one-zone-silent",
        fault="the network ACL of one of the endpoint's subnets lets no answers out",
        services=("backup",),
        scenario="network-acl-no-return",
        status=Status.CRITICAL,
        path=NetworkPath.PRIVATE,
        causes=frozenset({"VPC006"}),
        also=frozenset({"TCP002"}),
        breaks=(OwnAcl(CHECKED_SUBNETS[1:], (_entry(100, "allow", is_out=False),)),),
        repairs=(DefaultAcl(),),
    ),
    Case(
        name="metadata-off",
        fault="instance metadata is off, and the credentials come from it",
        services=("backup",),
        scenario="metadata-forbidden-no-role",
        status=Status.WARNING,
        path=NetworkPath.PRIVATE,
        causes=frozenset({"ENV003", "API001"}),
        also=frozenset({"API001"}),
        breaks=(_metadata("disabled"),),
        repairs=(_metadata("enabled"),),
        cuts_off=True,
    ),
    Case(
        name="s3-without-route",
        fault="the gateway endpoint of S3 has lost the route table of the host's subnet",
        services=("s3",),
        scenario="s3-gateway-endpoint-without-route",
        status=Status.CRITICAL,
        path=NetworkPath.PUBLIC,
        causes=frozenset({"VPC019"}),
        also=frozenset({"DNS001"}),
        breaks=(_s3_route("Remove"),),
        repairs=(_s3_route("Add"),),
    ),
    Case(
        name="dns-hostnames-off",
        fault="the attribute enableDnsHostnames of the VPC is off",
        services=("backup",),
        scenario="dns-hostnames-switched-off",
        status=Status.CRITICAL,
        path=NetworkPath.PUBLIC,
        causes=frozenset({"VPC003", "DNS001"}),  # the name of EC2 resolves to public addresses, too
        also=frozenset({"DNS001"}),
        breaks=(_hostnames(False),),
        repairs=(_hostnames(True),),
        cuts_off=True,
    ),
    Case(
        name="dead-proxy",
        fault="a proxy variable names an address at which nothing listens",
        services=("backup",),
        scenario="proxy-down",
        status=Status.CRITICAL,
        path=NetworkPath.UNKNOWN,
        causes=frozenset({"ENV007"}),
        also=frozenset({"HTTP003"}),
        before="export HTTPS_PROXY=http://127.0.0.1:3128",
    ),
    Case(
        name="clock-ahead",
        fault="the host's clock is twenty minutes ahead",
        services=("backup",),
        scenario="clock-wrong",
        status=Status.CRITICAL,
        path=NetworkPath.PRIVATE,
        causes=frozenset({"ENV010"}),
        also=frozenset({"API005"}),
        before=_CLOCK,
    ),
    Case(
        name="healthy-again",
        fault="everything is repaired",
        services=_BOTH,
        scenario="configuration-healthy",
        status=Status.OK,
        path=NetworkPath.PRIVATE,
    ),
)
"""All cases, in the order in which a run makes them."""


# --- The network -----------------------------------------------------------------------------------------------------

STACKS: Final = (
    Stack("network", HERE / "network.template.yaml", {"FirstZone": "{FirstZone}", "SecondZone": "{SecondZone}"}),
    Stack(
        "endpoints",
        ENDPOINTS,
        {"VpcId": "{Vpc}", "SubnetIds": ",".join(CHECKED_SUBNETS), "ClientCidr": VPC_CIDR, "BackupGateway": "true"},
    ),
    Stack(
        "control",
        ENDPOINTS,
        {
            "VpcId": "{Vpc}",
            "SubnetIds": "{ControlSubnet}",
            "ClientCidr": VPC_CIDR,
            "Backup": "false",
            "SystemsManager": "true",
            "Sts": "true",
            "Ec2": "true",
        },
    ),
    Stack("host", HERE / "host.template.yaml", {"Vpc": "{Vpc}", "Subnet": "{HostSubnet}", "Bucket": "{Bucket}"}),
    Stack("permissions", PERMISSIONS, {"Roles": "{Role}"}),
)
"""The stacks in the order in which they are made. `control` has the endpoints for Systems Manager, with a separate
subnet and group that no case breaks."""


# --- Cost ---------------------------------------------------------------------------------------------------

HOURS: Final = 2
"""The hours for which the network is paid. A run takes less time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of one kind of resource."""

    what: str
    count: int
    hours: int
    dollars: float
    """The price in US dollars of one piece for one hour."""

    @property
    def total(self) -> float:
        return self.count * self.hours * self.dollars


PRICES: Final = (
    Price(what="interface endpoints, by zone", count=2 * 2 + 4, hours=HOURS, dollars=0.01),
    Price(what="instance t3.micro with 8 GB of storage", count=1, hours=HOURS, dollars=0.0113),
    Price(what="interfaces of an outbound Resolver endpoint", count=2, hours=1, dollars=0.125),
)
"""List prices of us-east-1 (price pages of AWS PrivateLink, Amazon EC2, Amazon EBS and Amazon Route 53). Everything
else costs nothing, or less than a cent. Other Regions cost up to twice as much."""


def dollars() -> float:
    """The cost of a run at these prices."""
    return sum(price.total for price in PRICES)
