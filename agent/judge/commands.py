"""The commands that fixes are made of."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from agent.catalog.placeholders import FORMS
from agent.judge.evidence import Evidence
from agent.judge.observations import places
from agent.report.hops import Ports
from agent.report.model import Command, CommandScope
from probes.addresses import ordered
from probes.facts import TcpFacts
from probes.model import Observation, Target
from probes.vpc.model import GatewayEndpoint, VpcEndpoint


def read_only(*argv: str, scope: CommandScope = CommandScope.HOST) -> Command:
    """A command that shows something and changes nothing."""
    return Command(argv=argv, scope=scope, reversible=True, undo=None)


def switch_on(target: Target, operation: str, option: str, value: str, switch: str) -> Command:
    """Turn something on that every host of the VPC feels."""
    return Command(
        argv=("aws", "ec2", operation, "--region", target.region, option, value, switch),
        scope=CommandScope.VPC,
        reversible=True,
        undo=f"the same command with --no-{switch.removeprefix('--')}",
    )


def describe_endpoint(target: Target) -> Command:
    """Show the target's interface endpoints."""
    service_name = target.service_name or "<SERVICE_NAME>"
    return read_only(
        *("aws", "ec2", "describe-vpc-endpoints", "--region", target.region),
        *("--filters", f"Name=service-name,Values={service_name}"),
        scope=CommandScope.ENDPOINT,
    )


def show_route_tables(target: Target) -> Command:
    """Show the route tables of this host's VPC."""
    return read_only(
        *("aws", "ec2", "describe-route-tables", "--region", target.region),
        *("--filters", "Name=vpc-id,Values=<VPC_ID>"),
        scope=CommandScope.SUBNET,
    )


def ranges(ports: Iterable[int]) -> list[Ports]:
    """Ports in their order, those that follow one another as one range."""
    spans: list[Ports] = []
    for port in sorted(set(ports)):
        first = spans.pop()[0] if spans and spans[-1][1] == port - 1 else port
        spans.append((first, port))
    return spans


def allow(
    target: Target,
    port: int,
    source: str,
    group_id: str = "<ENDPOINT_SECURITY_GROUP_ID>",
    *,
    last: int | None = None,
    version: int = 4,
) -> Command:
    """Let `source` in on a port of the endpoint's security group, or on all from `port` to `last`; `version` is that of
    a source that is a placeholder."""
    return Command(
        argv=(
            *("aws", "ec2", "authorize-security-group-ingress", "--region", target.region),
            *("--group-id", group_id, *permission((port, port if last is None else last), source, version)),
        ),
        scope=CommandScope.ENDPOINT,
        reversible=True,
        undo="remove the same rule from the group: aws ec2 revoke-security-group-ingress with the same arguments",
    )


def permission(ports: Ports, block: str, version: int) -> tuple[str, ...]:
    """What a rule of a security group permits, as the AWS CLI takes it; `version` is that of a block that is a
    placeholder."""
    low, high = ports
    if ":" in block or version == 6:  # --cidr takes IPv4 alone
        what = f"IpProtocol=tcp,FromPort={low},ToPort={high},Ipv6Ranges=[{{CidrIpv6={block}}}]"
        return ("--ip-permissions", what)
    return ("--protocol", "tcp", "--port", str(low) if low == high else f"{low}-{high}", "--cidr", block)


def this_host(attempts: Iterable[Observation[TcpFacts]]) -> tuple[str, ...]:
    """The CIDRs of this host's own addresses towards the endpoint, a placeholder where none is known."""
    sources = ordered(
        attempt.facts.source for attempt in attempts if attempt.facts is not None and attempt.facts.source is not None
    )
    return tuple(f"{source}/{source.max_prefixlen}" for source in sources) or ("<ADDRESS_OF_THIS_HOST>/32",)


def known_id(value: str | None, placeholder: str) -> str:
    """An id for a command, or the placeholder where it is not known or has not the strict form of its kind."""
    return value if value is not None and FORMS[placeholder].fullmatch(value) else placeholder


FILTER_CHARACTERS: Final = 72
"""Of a word that cannot be broken, on a line of 80 columns with its indent."""


def whose_address(evidence: Evidence, target: Target, seen: Sequence[Observation[Any]]) -> tuple[Command, ...]:
    """Show which interfaces have these addresses, or the first of them, a command for each family; none for public
    ones, which no interface of an endpoint has."""
    addresses = [address for address in ordered(places(seen)) if not evidence.is_public(address)]
    return tuple(
        read_only(
            *("aws", "ec2", "describe-network-interfaces", "--region", target.region),
            *("--filters", _filter(name, of_version)),
            scope=CommandScope.SUBNET,
        )
        for version, name in ((4, "addresses.private-ip-address"), (6, "ipv6-addresses.ipv6-address"))
        if (of_version := [str(address) for address in addresses if address.version == version])
    )


def _filter(name: str, values: list[str]) -> str:
    """A filter of the AWS CLI, which is one word: as many of the values as a line has room for, one at least."""
    word = f"Name={name},Values={values[0]}"
    for value in values[1:]:
        if len(word) + 1 + len(value) > FILTER_CHARACTERS:
            break
        word += f",{value}"
    return word


def show_certificate(target: Target, seen: Sequence[Observation[Any]]) -> Command:
    """Show whose certificate the first of these addresses has for the target's name."""
    return openssl("-connect", at_https(seen), "-servername", target.host, "-showcerts")


def at_https(seen: Sequence[Observation[Any]]) -> str:
    address = seen[0].subject.address
    return f"[{address}]:443" if address is not None and address.version == 6 else f"{address}:443"


def openssl(*options: str) -> Command:
    return read_only("openssl", "s_client", *options)


def show_endpoints(target: Target, endpoints: Iterable[VpcEndpoint | GatewayEndpoint], query: str) -> Command:
    """Show something of endpoints, by a JMESPath expression."""
    names = (known_id(endpoint.endpoint_id, "<VPC_ENDPOINT_ID>") for endpoint in endpoints)
    return read_only(
        *("aws", "ec2", "describe-vpc-endpoints", "--region", target.region),
        *("--vpc-endpoint-ids", *dict.fromkeys(names), "--query", query, "--output", "text"),
        scope=CommandScope.ENDPOINT,
    )
