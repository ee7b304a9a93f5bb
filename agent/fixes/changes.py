"""The changes that fixes consist of. Each is written as a command, and the command is read back as edits of the
configuration.

Unknown values are placeholders. A command is read back after its placeholders are filled, so the predictor judges
exactly what a person would run.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from agent.catalog.services import service_region_of
from agent.network.edits import Change, Listed, Member, Settable, Setting
from agent.network.written_edits import MalformedError, an_id, entry_of, rules_of
from agent.report.hops import Ports
from agent.report.model import Command, CommandScope
from probes.frozen import dataclass
from probes.model import Target

Options = Mapping[str, Sequence[str]]
_RANGE: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_PERMISSION: Final = re.compile(
    r"IpProtocol=tcp,FromPort=(\d{1,5}),ToPort=(\d{1,5}),"
    r"(?:Ipv6Ranges=\[\{CidrIpv6=([0-9a-f:/]+)\}\]|PrefixListIds=\[\{PrefixListId=(pl-[0-9a-f]+)\}\])"
)
_PORTS: Final = re.compile(r"From=(\d{1,5}),To=(\d{1,5})")
_GROUP: Final = re.compile(r"sg-.*|<[A-Z_]*SECURITY_GROUP_ID>")
_LIST: Final = re.compile(r"pl-.*|<PREFIX_LIST_ID>")

OPERATIONS: Final = frozenset(
    {
        *("authorize-security-group-ingress", "authorize-security-group-egress", "create-network-acl-entry"),
        *("create-vpc-endpoint", "modify-vpc-endpoint", "modify-vpc-attribute"),
        *("create-resolver-rule", "associate-resolver-rule"),
        *("create-dhcp-options", "associate-dhcp-options"),
        "update-application-settings",  # in Systems Manager for SAP, this updates the Backint agent
    }
)
"""All operations with which a command of a fix may change something in AWS (SECURITY.md). None of them deletes,
revokes, or changes a policy."""


class Written(Protocol):
    """A change that is written as one command."""

    def command(self, region: str) -> Command:
        """The command that makes the change."""


def written(region: str, *changes: Written) -> tuple[Command, ...]:
    """The commands of changes, in their order."""
    return tuple(change.command(region) for change in changes)


def alternative(letter: str, *commands: Command) -> tuple[Command, ...]:
    """Mark commands as one alternative with this letter. A person only runs the commands of one letter."""
    return tuple(replace(command, alternative=letter) for command in commands)


def _changing(*argv: str, scope: CommandScope, undo: str) -> Command:
    return Command(argv=argv, scope=scope, changes=True, reversible=True, undo=undo)


# --- What the predictor knows ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Admission:
    """A rule of a security group."""

    group: str
    ports: Ports
    peer: str
    """A block, a prefix list or a group, or a placeholder for one of these."""
    egress: bool = False
    version: int = 4
    """The IP version, if `peer` is a placeholder for a block."""

    def command(self, region: str) -> Command:
        way = "egress" if self.egress else "ingress"
        return _changing(
            *("aws", "ec2", f"authorize-security-group-{way}", "--region", region),
            *("--group-id", self.group, *self._permission()),
            scope=CommandScope.HOST if self.egress else CommandScope.ENDPOINT,
            undo=f"remove the same rule from the group: aws ec2 revoke-security-group-{way} with the same arguments",
        )

    def _permission(self) -> tuple[str, ...]:
        low, high = self.ports
        if _LIST.fullmatch(self.peer):
            peer = f"PrefixListIds=[{{PrefixListId={self.peer}}}]"
        elif _GROUP.fullmatch(self.peer):
            return ("--protocol", "tcp", "--port", _span_text(low, high), "--source-group", self.peer)
        elif ":" in self.peer or self.version == 6:  # --cidr takes IPv4 alone
            peer = f"Ipv6Ranges=[{{CidrIpv6={self.peer}}}]"
        else:
            return ("--protocol", "tcp", "--port", _span_text(low, high), "--cidr", self.peer)
        return ("--ip-permissions", f"IpProtocol=tcp,FromPort={low},ToPort={high},{peer}")

    @staticmethod
    def read(options: Options, *, egress: bool) -> Iterator[Change]:
        group_id = an_id(options["--group-id"][0], "sg")
        if "--ip-permissions" in options:
            match = _PERMISSION.fullmatch(options["--ip-permissions"][0])
            if match is None:
                raise MalformedError
            ports = int(match[1]), int(match[2])
            cidr, list_id, other = match[3], match[4], None
        else:
            ports = _span(_RANGE, options["--port"][0])
            cidr, list_id, other = _first(options, "--cidr"), None, _first(options, "--source-group")
        for edit in rules_of(
            group_id,
            egress=egress,
            protocol="tcp",
            ports=ports,
            cidrs=filter(None, (cidr,)),
            lists=filter(None, (list_id,)),
            groups=filter(None, (other,)),
        ):
            yield Change(edit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of a network ACL that allows traffic to or from a peer."""

    acl: str
    number: int
    block: str
    """A block, or the placeholder for one."""
    ports: Ports
    egress: bool
    version: int = 4

    def command(self, region: str) -> Command:
        return _changing(
            *("aws", "ec2", "create-network-acl-entry", "--region", region, "--network-acl-id", self.acl),
            *("--egress" if self.egress else "--ingress", "--rule-number", str(self.number), "--protocol", "6"),
            *("--port-range", f"From={self.ports[0]},To={self.ports[1]}"),
            *("--cidr-block" if self.version == 4 else "--ipv6-cidr-block", self.block, "--rule-action", "allow"),
            scope=CommandScope.SUBNET,
            undo="remove that entry again: aws ec2 delete-network-acl-entry with the same id, direction and rule "
            "number",
        )

    @staticmethod
    def read(options: Options) -> Iterator[Change]:
        yield Change(
            entry_of(
                an_id(options["--network-acl-id"][0], "acl"),
                egress="--egress" in options,
                number=int(options["--rule-number"][0]),
                action=options["--rule-action"][0],
                protocol=options["--protocol"][0],
                cidr=(options.get("--cidr-block") or options["--ipv6-cidr-block"])[0],
                ports=_span(_PORTS, options["--port-range"][0]),
            )
        )


@dataclass(frozen=True, slots=True)
class PrivateDnsOn:
    """Turns on private DNS of an endpoint, which changes the name for every host of the VPC."""

    endpoint: str

    def command(self, region: str) -> Command:
        return _changing(
            *("aws", "ec2", "modify-vpc-endpoint", "--region", region),
            *("--vpc-endpoint-id", self.endpoint, "--private-dns-enabled"),
            scope=CommandScope.VPC,
            undo="the same command with --no-private-dns-enabled",
        )


@dataclass(frozen=True, slots=True)
class Attached:
    """Adds a gateway endpoint's route to a route table, or an interface endpoint's interface to a subnet."""

    endpoint: str
    tables: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()

    def command(self, region: str) -> Command:
        what, ids = ("route-table", self.tables) if self.tables else ("subnet", self.subnets)
        return _changing(
            *("aws", "ec2", "modify-vpc-endpoint", "--region", region),
            *("--vpc-endpoint-id", self.endpoint, f"--add-{what}-ids", *ids),
            scope=CommandScope.SUBNET if self.tables else CommandScope.ENDPOINT,
            undo=f"the same command with --remove-{what}-ids in place of --add-{what}-ids",
        )


def _of_endpoint(options: Options) -> Iterator[Change]:
    endpoint_id = an_id(options["--vpc-endpoint-id"][0], "vpce")
    if "--private-dns-enabled" in options:
        yield Change(Setting(Settable.PRIVATE_DNS, endpoint_id, True))
    for table_id in options.get("--add-route-table-ids", ()):
        yield Change(Member(Listed.GATEWAY_TABLE, endpoint_id, an_id(table_id, "rtb")))
    for subnet_id in options.get("--add-subnet-ids", ()):
        yield Change(Member(Listed.ENDPOINT_SUBNET, endpoint_id, an_id(subnet_id, "subnet")))


@dataclass(frozen=True, slots=True)
class DnsAttributeOn:
    """Turns on a DNS attribute of a VPC, `support` or `hostnames`. EC2 accepts one attribute per call."""

    name: str
    vpc: str = "<VPC_ID>"

    def command(self, region: str) -> Command:
        return _changing(
            *("aws", "ec2", "modify-vpc-attribute", "--region", region),
            *("--vpc-id", self.vpc, f"--enable-dns-{self.name}"),
            scope=CommandScope.VPC,
            undo=f"the same command with --no-enable-dns-{self.name}",
        )

    @staticmethod
    def read(options: Options) -> Iterator[Change]:
        vpc_id = an_id(options["--vpc-id"][0], "vpc")
        for name, setting in (("support", Settable.DNS_SUPPORT), ("hostnames", Settable.DNS_HOSTNAMES)):
            if f"--enable-dns-{name}" in options:
                yield Change(Setting(setting, vpc_id, True))


# --- What is known only once it is made ------------------------------------------------------------------------------

_UNDO_ENDPOINT: Final = "delete the endpoint that it made: aws ec2 delete-vpc-endpoints with its id"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """An interface endpoint for a target."""

    target: Target
    private_dns: bool
    service_name: str | None = None
    """The endpoint service, as EC2 names it. None stands for the catalogue's name."""
    subnets: tuple[str, ...] = ()

    def command(self, region: str) -> Command:
        service_region = service_region_of(self.target.service, self.target.region)
        return _changing(
            *("aws", "ec2", "create-vpc-endpoint", "--region", region, "--vpc-id", "<VPC_ID>"),
            *("--vpc-endpoint-type", "Interface", "--service-name"),
            self.service_name or self.target.service_name or "<SERVICE_NAME>",
            *(("--service-region", service_region) if service_region is not None else ()),
            *("--subnet-ids", *(self.subnets or ("<ENDPOINT_SUBNET_ID>",))),
            *("--security-group-ids", "<ENDPOINT_SECURITY_GROUP_ID>"),
            "--private-dns-enabled" if self.private_dns else "--no-private-dns-enabled",
            scope=CommandScope.VPC,
            undo=_UNDO_ENDPOINT,
        )


@dataclass(frozen=True, slots=True)
class NewGateway:
    """A gateway endpoint with its route in a route table."""

    service_name: str
    table: str

    def command(self, region: str) -> Command:
        return _changing(
            *("aws", "ec2", "create-vpc-endpoint", "--region", region, "--vpc-id", "<VPC_ID>"),
            *("--vpc-endpoint-type", "Gateway", "--service-name", self.service_name, "--route-table-ids", self.table),
            scope=CommandScope.VPC,
            undo=_UNDO_ENDPOINT,
        )


@dataclass(frozen=True, slots=True)
class NewSystemRule:
    """A Resolver rule by which the VPC itself answers a name although a rule for a parent domain forwards it."""

    target: Target
    host: str

    def command(self, region: str) -> Command:
        name = f"{self.target.service}-by-the-vpc"
        return _changing(
            *("aws", "route53resolver", "create-resolver-rule", "--region", region),
            *("--creator-request-id", name, "--name", name, "--rule-type", "SYSTEM", "--domain-name", self.host),
            scope=CommandScope.ACCOUNT,
            undo="delete the rule that it made: aws route53resolver delete-resolver-rule with its id",
        )


@dataclass(frozen=True, slots=True)
class RuleForVpc:
    """Associates a Resolver rule with a VPC."""

    rule: str = "<NEW_RESOLVER_RULE_ID>"

    def command(self, region: str) -> Command:
        return _changing(
            *("aws", "route53resolver", "associate-resolver-rule", "--region", region),
            *("--resolver-rule-id", self.rule, "--vpc-id", "<VPC_ID>"),
            scope=CommandScope.VPC,
            undo="aws route53resolver disassociate-resolver-rule with the same ids",
        )


@dataclass(frozen=True, slots=True)
class NewDhcpOptions:
    """A set of DHCP options that makes hosts ask the VPC's resolver."""

    def command(self, region: str) -> Command:
        return _changing(
            *("aws", "ec2", "create-dhcp-options", "--region", region),
            *("--dhcp-configurations", "Key=domain-name-servers,Values=AmazonProvidedDNS"),
            scope=CommandScope.ACCOUNT,
            undo="delete the set that it made: aws ec2 delete-dhcp-options with its id",
        )


@dataclass(frozen=True, slots=True)
class DhcpOptionsForVpc:
    """Replaces a VPC's set of DHCP options by the new one."""

    vpc: str
    present: str

    def command(self, region: str) -> Command:
        return _changing(
            *("aws", "ec2", "associate-dhcp-options", "--region", region),
            *("--dhcp-options-id", "<NEW_DHCP_OPTIONS_ID>", "--vpc-id", self.vpc),
            scope=CommandScope.VPC,
            undo=f"the same command with --dhcp-options-id {self.present}",
        )


# --- Read back -------------------------------------------------------------------------------------------------------


def changes_of(command: Command) -> tuple[Change, ...] | None:
    """The changes that a command of a fix makes. None if they are not known, for example because a placeholder is
    left."""
    argv = command.argv
    if argv[:2] != ("aws", "ec2") or len(argv) < len(("aws", "ec2", "operation")) or any("<" in word for word in argv):
        return None
    try:
        return tuple(_read(argv[2], _options(argv[3:]))) or None
    except (MalformedError, KeyError, IndexError, ValueError):
        return None


def _read(operation: str, options: Options) -> Iterator[Change]:
    match operation:
        case "authorize-security-group-ingress":
            return Admission.read(options, egress=False)
        case "authorize-security-group-egress":
            return Admission.read(options, egress=True)
        case "create-network-acl-entry":
            return Entry.read(options)
        case "modify-vpc-endpoint":
            return _of_endpoint(options)
        case "modify-vpc-attribute":
            return DnsAttributeOn.read(options)
    return iter(())


def _options(words: Sequence[str]) -> Options:
    """The options of a command, each with its values."""
    options: dict[str, list[str]] = {}
    values: list[str] = []
    for word in words:
        if word.startswith("--"):
            values = options.setdefault(word, [])
        else:
            values.append(word)
    return options


def _first(options: Options, name: str) -> str | None:
    return next(iter(options.get(name, ())), None)


def _span(form: re.Pattern[str], text: str) -> Ports:
    match = form.fullmatch(text)
    if match is None:
        raise MalformedError
    return int(match[1]), int(match[2] or match[1])


def _span_text(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"
