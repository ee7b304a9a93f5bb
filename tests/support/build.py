"""Builders of observations and evidence, so that a test can describe its case in a few lines. By default, they build
one EC2 instance in eu-west-1 with the address 10.0.3.5, the VPC 10.0.0.0/16, the name server 10.0.0.2, and AWS Backup
behind an interface endpoint.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network
from typing import Any, Final, TypeVar

from agent.catalog.partitions import partition_of
from agent.catalog.services import SERVICES, host_of, service_name_of
from agent.judge.evidence import Evidence
from agent.judge.rules.registry import RULES
from agent.judge.rules.rule import Rule, RuleFinding
from agent.report.model import Finding, Measurement, Report, Run, Status
from agent.settings import DEFAULT_EC2, DEFAULT_WORKLOAD, Calls, Ec2, Expect, Workload
from probes.facts import (
    Certificate,
    DnsFacts,
    HostFacts,
    HostsEntry,
    HttpFacts,
    IcmpError,
    ImdsFacts,
    Interface,
    LookupFacts,
    ProxyFacts,
    ResolvConfBy,
    SdkFacts,
    TcpFacts,
    TlsFacts,
)
from probes.model import (
    Address,
    Addressing,
    Failed,
    Failure,
    FailureKind,
    Observation,
    Ok,
    Role,
    Skipped,
    Step,
    Subject,
    Target,
)
from probes.operations import GETADDRINFO, PROXY, SDK_SETTINGS

F = TypeVar("F")

CORE: Final = tuple(
    rule
    for rule in RULES
    if rule.code
    in (
        *("ENV001", "ENV002", "DNS001", "DNS002", "DNS003", "DNS004"),
        *("TCP001", "TCP002", "TCP003", "TCP004", "TCP005", "TCP006"),
        *("TLS001", "TLS003", "TLS004", "TLS006", "RUN001", "RUN002"),
    )
)
"""A fixed set of rules that does not cover every fault. It stays the same when rules are added to the program, so tests
can rely on faults that no rule of this set reports.
"""
Observations = list[Observation[Any]]

REGION: Final = "eu-west-1"
NOW: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CONFIG_FILE: Final = "/home/backup/.aws/config"
OWN: Final = "10.0.3.5"
RESOLVER: Final = "10.0.0.2"
"""This host's name server. It is the second address of the VPC's block, and therefore also the VPC's resolver."""
CORPORATE: Final = "10.9.0.53"
VPC_RESOLVER: Final = "169.254.169.253"
PRIVATE: Final = ("10.0.1.17", "10.0.2.17")
PUBLIC: Final = "52.95.111.30"
BUG: Final = "bug"
DEADLINE: Final = "deadline"

_SLOW: Final = frozenset({"timeout", "deadline"})


def target(
    service: str = "backup",
    *,
    role: Role = Role.REQUIRED,
    region: str = REGION,
    host: str | None = None,
    addressing: Addressing = Addressing.DEFAULT,
    bucket: str | None = None,
) -> Target:
    """A target: a service at its default host, or at `host`."""
    at = host or host_of(service, region, fips=False, dual_stack=False)
    return Target(
        id=service if host is None else f"{service}@{host}",
        service=service,
        region=region,
        partition=partition_of(region).id,
        service_name=service_name_of(service, region),
        host=at,
        addressing=addressing,
        role=role,
        ports=tuple(port.number for port in SERVICES[service].ports),
        bucket=bucket,
    )


BACKUP: Final = target()
GATEWAY: Final = target("backup-gateway")


def host(
    *addresses: str,
    resolvers: Sequence[str] = (RESOLVER,),
    upstream: Sequence[str] = (),
    ec2: bool | None = True,
    unknown: bool = False,
    failed: str | None = None,
    beside: Sequence[tuple[str, str]] = (),
    lines: Sequence[tuple[str, str]] = (),
    variables: dict[str, str] | None = None,
    options: Sequence[str] = (),
    by: ResolvConfBy | None = None,
    time: str | None = "/etc/chrony.conf",
) -> Observation[HostFacts]:
    """This host's configuration. With `unknown`, the system does not report its interfaces. `beside` has further
    interfaces, besides lo and ens5, each with an address. `lines` has the entries of the hosts file, each with an
    address and a name. `variables` has the environment variables that set a Region. `options` has the options of
    resolv.conf.
    """
    interfaces = tuple(
        Interface(name="lo" if address.startswith(("127.", "::1/")) else "ens5", address=_interface(address))
        for address in addresses or ("127.0.0.1/8", f"{OWN}/24")
    )
    interfaces += tuple(Interface(name=name, address=_interface(address)) for name, address in beside)
    facts = HostFacts(
        interfaces=None if unknown else interfaces,
        resolvers=tuple(map(ip_address, resolvers)),
        upstream_resolvers=tuple(map(ip_address, upstream)),
        resolvers_ignored=(),
        resolv_conf_by=by,
        search=(),
        resolver_options=tuple(options),
        hosts_entries=tuple(HostsEntry(address=ip_address(address), names=(name,)) for address, name in lines),
        ec2=ec2,
        proxies={},
        local_ports=None,
        keepalive_seconds=None,
        region_variables=variables or {},
        name=None,
        time_configuration=time,
        managed_node_id=None,
    )
    return _observation(Subject(step=Step.HOST), None if failed else facts, failed)


def sdk(
    *,
    fips: bool = False,
    dual_stack: bool = False,
    urls: dict[str, str] | None = None,
    region: str | None = REGION,
    failed: str | None = None,
    skipped: str | None = None,
    by_variable: bool = False,
    sts: str | None = None,
) -> Observation[SdkFacts]:
    """The SDK's settings. If `by_variable` is true, an environment variable sets the Region, otherwise a file does.
    `sts` is the host of STS, from which the SDK requests the credentials of a role.
    """
    facts = SdkFacts(
        version="1.44.8",
        profile=None,
        region=region,
        ca_bundle=None,
        fips=fips,
        dual_stack=dual_stack,
        endpoint_urls=urls or {},
        region_file=None if region is None or by_variable else CONFIG_FILE,
        sts_host=sts,
        legacy_sts=False,
        legacy_s3=True,
    )
    return _observation(Subject(step=Step.HOST, operation=SDK_SETTINGS), None if failed else facts, failed, skipped)


def proxy(
    through: str | None = None, *, of: str = "backup", failed: str | None = None, skipped: str | None = None
) -> Observation[ProxyFacts]:
    """Which proxy the SDK uses for its calls to a target, if any."""
    subject = Subject(step=Step.HOST, target=of, operation=PROXY)
    return _observation(subject, None if failed else ProxyFacts(proxy=through), failed, skipped)


def imds(
    *,
    region: str | None = REGION,
    vpc: Sequence[str] = ("10.0.0.0/16",),
    vpc_id: str | None = "vpc-0a1b2c3d",
    subnet: Sequence[str] = ("10.0.1.0/24",),
    availability_zone: str = "eu-west-1a",
    groups: tuple[str, ...] = (),
    own: Sequence[str] = (OWN,),
    account: str | None = None,
    token: bool = True,
    failed: str | None = None,
    skipped: str | None = None,
    offset: float | None = None,
    uncertainty: float | None = None,
    role: str | None = None,
) -> Observation[ImdsFacts]:
    """The instance metadata. `own` is the addresses of the primary interface."""
    seen = ImdsFacts(
        token=token,
        region=region,
        partition="aws",
        availability_zone=availability_zone,
        availability_zone_id="euw1-az1",
        instance_id="i-0a1b2c3d",
        vpc_id=vpc_id,
        subnet_id="subnet-0a1b2c3d",
        subnet_cidrs=tuple(map(ip_network, subnet)),
        vpc_cidrs=tuple(map(ip_network, vpc)),
        security_group_ids=groups,
        interface_id="eni-0a1b2c3d",
        interface_addresses=tuple(map(ip_address, own)),
        account_id=account,
        role=role,
        clock_offset_seconds=offset,
        clock_uncertainty_seconds=uncertainty,
    )
    return _observation(Subject(step=Step.IMDS), None if failed else seen, failed, skipped)


def lookup(
    *addresses: str,
    of: str = "backup",
    failed: str | None = None,
    code: str | None = None,
    skipped: str | None = None,
    operation: str = GETADDRINFO,
) -> Observation[LookupFacts]:
    """A lookup by the host's C library. `operation` is only given for a name other than the target's."""
    subject = Subject(step=Step.DNS, target=of, operation=operation)
    facts = LookupFacts(addresses=tuple(map(ip_address, addresses))) if failed is None or addresses else None
    return _observation(subject, facts, failed, skipped, code=code)


def answer(
    *addresses: str,
    of: str = "backup",
    by: str = RESOLVER,
    record: str | None = None,
    zone: str | None = None,
    failed: str | None = None,
    skipped: str | None = None,
    seconds: float | None = None,
    alias: str | None = None,
    cut: bool = False,
    queries: int = 1,
) -> Observation[DnsFacts]:
    """The answer of one resolver. If `record` is missing, it is derived from the addresses. A negative answer is a
    failure, but has facts. `alias` is the name to which a CNAME points. With `cut`, the answer was truncated, and the
    connection by TCP that followed failed. `queries` is the number of times that the query was sent.
    """
    record = record or ("AAAA" if any(":" in address for address in addresses) else "A")
    rcodes = {"nxdomain": "NXDOMAIN", "servfail": "SERVFAIL", "dns-refused": "REFUSED"}
    facts = DnsFacts(
        rcode=rcodes.get(failed or "", "NOERROR"),
        addresses=tuple(map(ip_address, addresses)),
        canonical_name=alias,
        authority=zone,
        ttl=60 if addresses else None,
        transport="tcp" if cut else "udp",
        queries=queries,
    )
    subject = Subject(step=Step.DNS, target=of, resolver=ip_address(by), operation=record)
    given = facts if failed is None or failed in rcodes or cut else None
    return _observation(subject, given, failed, skipped, code=rcodes.get(failed or ""), seconds=seconds)


def tcp(
    address: str,
    port: int = 443,
    *,
    of: str = "backup",
    failed: str | None = None,
    code: str | None = None,
    skipped: str | None = None,
    seconds: float | None = None,
    after: str | None = None,
    icmp: tuple[str, int] | None = None,
    source: str | None = OWN,
    interface: str | None = None,
    next_hop: str | None = None,
    neighbour: str | None = None,
    route_error: str | None = None,
    datagram_error: str | None = None,
    at_once: bool = False,
) -> Observation[TcpFacts]:
    """One attempt to connect. `icmp` is the sender and the code of an ICMP message "destination unreachable"."""
    error = None
    if icmp is not None:
        sender = ip_address(icmp[0])
        error = IcmpError(sender=sender, type=3 if sender.version == 4 else 1, code=icmp[1])
    facts = TcpFacts(
        source=None if source is None else ip_address(source),
        interface=interface,
        next_hop=None if next_hop is None else ip_address(next_hop),
        neighbour=neighbour,
        route_error=route_error,
        datagram_error=datagram_error,
        at_once=at_once,
        icmp=error,
    )
    grew = after or f"dns/{of}/{GETADDRINFO}"
    subject = Subject(step=Step.TCP, target=of, address=ip_address(address), port=port, after=grew)
    return _observation(subject, facts, failed, skipped, code=code, seconds=seconds)


def tls(
    address: str,
    port: int = 443,
    *,
    of: str = "backup",
    failed: str | None = None,
    skipped: str | None = None,
    seconds: float | None = None,
    issuer: str | None = None,
    organization: str | None = "Amazon",
    names: Sequence[str] = (),
    received: int | None = None,
    first_bytes: str | None = None,
    facts: bool = True,
) -> Observation[TlsFacts]:
    """One TLS handshake. If `issuer` or `names` are given, the peer showed a certificate."""
    certificate = Certificate(
        subject="CN=peer",
        issuer="CN=Amazon RSA 2048 M01,O=Amazon,C=US" if issuer is None else issuer,
        issuer_organization=organization,
        names=tuple(names),
        not_before=NOW,
        not_after=NOW,
        sha256="00" * 32,
    )
    seen = TlsFacts(
        server_name=f"{of}.{REGION}.amazonaws.com",
        name_checked=port == 443,
        trust="/etc/ssl/certs",
        certificates=(certificate,) if issuer is not None or names or failed is None else (),
        bytes_received=received,
        first_bytes=first_bytes,
    )
    where = ip_address(address)
    subject = Subject(step=Step.TLS, target=of, address=where, port=port, after=f"tcp/{of}/{where}/{port}")
    return _observation(subject, seen if facts else None, failed, skipped, seconds=seconds)


def http(
    address: str,
    *,
    of: str = "backup",
    failed: str | None = None,
    skipped: str | None = None,
    offset: float | None = 0.25,
) -> Observation[HttpFacts]:
    """One unsigned request to port 443."""
    facts = HttpFacts(
        status=403,
        request_id="20317174-17ec-464f-8ae7-f40a19aafb78",
        date=NOW,
        clock_offset_seconds=offset,
        clock_uncertainty_seconds=None,
        server=None,
        content_type=None,
        location=None,
        body_bytes=127,
    )
    where = ip_address(address)
    subject = Subject(step=Step.HTTP, target=of, address=where, port=443, after=f"tls/{of}/{where}/443")
    return _observation(subject, facts if failed is None else None, failed, skipped)


def climbed(*addresses: str, of: str = "backup", but: Iterable[int] = ()) -> Observations:
    """Every step at these addresses of the target, all successful. There are no steps at the ports in `but`."""
    observations: Observations = []
    for address in addresses:
        for port in SERVICES[of.partition("@")[0]].ports:
            if port.number not in but:
                observations.append(tcp(address, port.number, of=of))
        observations += [tls(address, of=of), http(address, of=of)]
    return observations


def here(of: str = "backup", *addresses: str) -> Observations:
    """The observations of this host, its SDK, and the name of one target. The lookup of the host and its name server
    give the same addresses.
    """
    return [host(), sdk(), imds(), proxy(of=of), lookup(*addresses, of=of), answer(*addresses, of=of)]


def healthy(*targets: Target) -> Observations:
    """The observations of a run in which every step succeeded, at two addresses of each target."""
    by_id: dict[str, Observation[Any]] = {}
    for target in targets or (BACKUP,):
        observations = [*here(target.id, *PRIVATE), answer(*PRIVATE, of=target.id, by=VPC_RESOLVER)]
        by_id |= {observation.id: observation for observation in (*observations, *climbed(*PRIVATE, of=target.id))}
    return list(by_id.values())


def replaced(observations: Iterable[Observation[Any]], *others: Observation[Any]) -> Observations:
    """The observations, with each of `others` in place of the observation that has the same id."""
    by_id = {observation.id: observation for observation in observations}
    assert {other.id for other in others} <= set(by_id)
    return list({**by_id, **{other.id: other for other in others}}.values())


def spoiled(observation: Observation[Any], failed: str | None = None, skipped: str | None = None) -> Observation[Any]:
    """The observation with its outcome changed to a failure or a skip."""
    return _observation(observation.subject, None, failed, skipped)


def run(
    *,
    expect: Expect = Expect.PRIVATE,
    complete: bool = True,
    interrupted: bool = False,
    region: str | None = REGION,
    private_cidrs: Sequence[str] = (),
    seconds: float = 1.5,
    workloads: tuple[Workload, ...] = (DEFAULT_WORKLOAD,),
    calls: Calls = Calls.NONE,
    jobs: bool = False,
    ec2_reads: bool = False,
    ec2: Ec2 | None = None,
    facts_unused: str | None = None,
) -> Run:
    """The time and the options of a run. By default, it has no signed calls and no reads of EC2."""
    return Run(
        id="0a1b2c3d",
        started_at=NOW,
        finished_at=NOW,
        seconds=seconds,
        complete=complete,
        interrupted=interrupted,
        expect=expect,
        workloads=workloads,
        calls=calls,
        jobs=jobs,
        ec2_reads=ec2_reads,
        ec2=ec2 or (DEFAULT_EC2 if ec2_reads else Ec2.NEVER),
        ec2_because=None,
        facts_unused=facts_unused,
        private_cidrs=tuple(map(ip_network, private_cidrs)),
        region=region,
        region_source=None if region is None else "--region",
        timeout_seconds=3.0,
        deadline_seconds=20.0,
        redacted=False,
    )


def measurement(
    observations: Iterable[Observation[Any]], *, targets: Sequence[Target] = (BACKUP,), of: Run | None = None
) -> Measurement:
    """The measurement of these targets. If several observations have the same id, the last one counts."""
    by_id = {observation.id: observation for observation in observations}
    return Measurement(run=of or run(), targets=tuple(targets), observations=tuple(by_id.values()))


def evidence(
    observations: Iterable[Observation[Any]], *, targets: Sequence[Target] = (BACKUP,), of: Run | None = None
) -> Evidence:
    """The evidence that rules get for these observations."""
    return Evidence(measurement(observations, targets=targets, of=of))


def optional(target: Target) -> Target:
    return replace(target, role=Role.OPTIONAL)


def context(target: Target) -> Target:
    return replace(target, role=Role.CONTEXT)


def findings_of(rule: Rule, seen: Evidence) -> list[RuleFinding]:
    """The findings of one rule."""
    return list(rule.check(seen))


def only_finding(rule: Rule, observations: Iterable[Observation[Any]], where: Collection[str]) -> RuleFinding:
    """The only finding of a rule. Asserts that there is one finding, about Backup and all addresses in `where`."""
    [finding] = findings_of(rule, evidence(observations))
    assert finding.target == "backup"
    assert finding.addresses == frozenset(addresses(*where))
    return finding


def rule_of(rules: Iterable[Rule], code: str) -> Rule:
    return next(rule for rule in rules if rule.code == code)


def finding_ids(report: Report) -> list[str]:
    """The ids of the findings, in the report's order."""
    return [finding.id for finding in report.findings]


def finding(report: Report, finding_id: str) -> Finding:
    return next(finding for finding in report.findings if finding.id == finding_id)


def status_of(report: Report, target_id: str = "backup") -> Status:
    return next(target.status for target in report.targets if target.id == target_id)


def addresses(*texts: str) -> tuple[Address, ...]:
    return tuple(map(ip_address, texts))


def _interface(text: str) -> IPv4Interface | IPv6Interface:
    return ip_interface(text)


def _observation(
    subject: Subject,
    facts: F | None,
    failed: str | None = None,
    skipped: str | None = None,
    *,
    code: str | None = None,
    seconds: float | None = None,
) -> Observation[F]:
    if skipped is not None:
        return Observation(subject=subject, outcome=Skipped(skipped), started_at=None, seconds=None)
    if failed is not None:
        failure = Failure(kind=FailureKind(failed), message=f"it said {failed}", code=code)
        took = seconds if seconds is not None else 3.0 if failed in _SLOW else 0.012
        return Observation(subject=subject, outcome=Failed(failure, facts), started_at=NOW, seconds=took)
    if facts is None:
        raise ValueError(f"{subject.id} can only succeed with facts")
    return Observation(
        subject=subject, outcome=Ok(facts), started_at=NOW, seconds=0.002 if seconds is None else seconds
    )
