"""The fix of each cause, with the ids of its subjects.

Commands are built from the code, the ports of the catalogue, and ids that have the strict form of their kind. They are
never built from the text of a record. If few hosts report the cause, or if hosts of several VPCs report its security
group, the commands only read. If many hosts have a fault, a fix on a single host is left out, unless each host measured
the fault on itself.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Final

from agent.catalog.findings import CODES, Radius
from agent.catalog.partitions import is_region
from agent.catalog.placeholders import FORMS
from agent.catalog.services import SERVICES
from agent.catalog.wording import counted, listed, listed_briefly
from agent.fixes.by_code import FIXES, fix_of
from agent.fixes.checked import unchecked
from agent.fixes.commands import describe_endpoint, interfaces_at, ranges, read_only
from agent.fixes.fault import GROUP, Fault, Opening, known_id, target_in
from agent.fixes.placeholders import filled
from agent.fleet.causes import NamedCause
from agent.fleet.faults import radius_of, subjects_of
from agent.fleet.model import Attribute, NamedBy, SharedValue
from agent.report.model import Command, CommandScope, FindingSubject, Fix, SubjectKind
from probes.frozen import dataclass
from probes.ids import command_form
from probes.model import Address, Target
from probes.ports import HTTPS

_REGION: Final = "<REGION>"
_IMAGE: Final = command_form("ami")
_BY_ELIMINATION: Final = frozenset({"TCP001", "TCP002", "TCP003", "TCP004", "TCP006", "TCP008"})
"""Codes of conclusions from a failed path to an endpoint. A host reports them, and suggests a look at its own firewall,
if the configuration in EC2 lets the traffic pass or was not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The fix of a cause, and a note that the fleet adds."""

    fix: Fix
    note: str | None


@dataclass(frozen=True, slots=True)
class _About:
    """The facts from which the fix of a cause is made."""

    cause: NamedCause
    target: Target
    subjects: tuple[FindingSubject, ...]
    groups: tuple[str, ...]
    """Security groups that all hosts with the fault have."""
    why_not: str | None
    """The reason why nothing may be changed yet, in words that follow a colon. None if a change is allowed."""

    def ids(self, kind: SubjectKind) -> list[str]:
        return [subject.id for subject in self.subjects if subject.kind is kind]

    def id(self, kind: SubjectKind, placeholder: str) -> str:
        """Return the first id of a kind, for a command."""
        return next((id_ for id_ in self.ids(kind) if FORMS[placeholder].fullmatch(id_)), known_id(None, placeholder))

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports in the key that belong to a service of the cause; 443 if the key has no port. Other ports are left
        out, since a record could contain any port."""
        named = set(self.ids(SubjectKind.PORT))
        if not named:
            return (HTTPS,)
        services = [SERVICES[service] for service in self.cause.services if service in SERVICES]
        every = {port.number for service in services or [SERVICES[self.target.service]] for port in service.ports}
        return tuple(sorted(port for port in every if str(port) in named))

    def addresses(self, kind: SubjectKind = SubjectKind.ADDRESS) -> list[Address]:
        """Return the subjects of a kind as addresses, without those that are not addresses."""
        found = []
        for text in self.ids(kind):
            try:
                found.append(ip_address(text))
            except ValueError:
                continue
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How far the records are trusted. Anybody who may write records could have written them."""

    least: int
    """The number of hosts that a fix needs before it may change something."""
    places: Mapping[str, frozenset[tuple[str | None, str | None]]]
    """For each security group, the accounts and VPCs of the hosts that report it."""
    of_endpoints: frozenset[tuple[str, str]]
    """Security groups that facts of EC2 show on an endpoint, each with the name of the endpoint's service."""

    def why_not(self, cause: NamedCause, groups: Iterable[str], service_name: str | None) -> str | None:
        """Return why a fix for a cause about these groups must not change anything; None if it may change something."""
        if cause.member_count < self.least:
            return (
                f"only {counted(cause.member_count, 'host')} {'has' if cause.member_count == 1 else 'have'} this fault"
            )
        for group in groups:
            if (group, service_name) in self.of_endpoints:
                continue
            places = self.places.get(group, frozenset())
            if len(places) > 1:
                return (
                    f"hosts of {counted(len(places), 'VPC')} name {group}, which is in only one VPC; --ec2-facts of "
                    "the endpoint's VPC can show that the group belongs to the endpoint"
                )
            if not all(vpc for _, vpc in places):
                return f"the records of the hosts that report {group} do not contain the id of their VPC"
        return None


def advice_for(
    cause: NamedCause, regions: Sequence[str], groups: Sequence[str], central: Fix | None, trust: Trust
) -> Advice:
    """Return the advice for a cause. `regions` are the Regions of its hosts, the most frequent first; `groups` are the
    security groups that all of them have; `central` is the predictor's fix, which knows the whole configuration."""
    region = next((region for region in regions if is_region(region)), _REGION)
    service = next((service for service in cause.services if service in SERVICES), "backup")
    target, subjects = target_in(region, service), subjects_of(cause.key)
    opened = [subject.id for subject in subjects if subject.kind is SubjectKind.GROUP]
    why_not = trust.why_not(cause, opened, target.service_name)
    about = _About(cause, target, subjects, tuple(groups), why_not)
    fix = unchecked(_fix(about)) if central is None or why_not is not None else central
    if cause.shared is not None and cause.named_by is not NamedBy.CONFIGURATION:
        fix = replace(fix, commands=(*fix.commands, *_show_shared(about, cause.shared.values)))
    return Advice(fix=filled(fix, {}), note=_note(cause))


def _fix(about: _About) -> Fix:
    code = about.cause.code
    if code in _BY_CODE:
        return _BY_CODE[code](about)
    if radius_of(code) is Radius.HOST:
        return Fix(
            summary="Fix it once in the image or the configuration management that these hosts share, and roll that "
            "out; a fix on single hosts alone does not last.",
            commands=(_explain(code),),
        )
    return Fix(
        summary=f"{_WHERE[radius_of(code)]} The page of {code} applies to all hosts with this fault.",
        commands=(_explain(code),),
    )


_WHERE: Final = {
    Radius.HOST: "Fix it on the hosts.",
    Radius.SUBNET: "Fix it at the subnet: in its route table or its network ACL.",
    Radius.ENDPOINT: "Fix it at the endpoint, not on the hosts.",
    Radius.VPC: "Fix it in the VPC, not on the hosts.",
    Radius.ACCOUNT: "Fix it in the account, not on the hosts.",
}


def _explain(code: str) -> Command:
    return read_only("backuplink", "explain", code if code in CODES else "<CODE>")


# --- What the configuration names ------------------------------------------------------------------------------------


def _fault(about: _About) -> Fault:
    """Return the fault of the configuration that hosts report. If a rule is missing, its other end is the appliance, a
    group that all hosts have, or unknown."""
    target, group = about.target, about.id(SubjectKind.GROUP, GROUP)
    ports = about.ports or (HTTPS,)
    is_of_appliance = SERVICES[target.service].has_appliance and any(port != HTTPS for port in ports)
    source = None if is_of_appliance or about.cause.code != "VPC005" else _first_group(about.groups)
    return Fault(
        target=target,
        ids=tuple(subject.id for subject in about.subjects),
        ports=ports,
        why_not=about.why_not if about.ports else "the ports that hosts name are not ports of the service",
        shows=(describe_endpoint(target),) if about.cause.code == "VPC001" else (),
        openings=()
        if source is None
        else tuple(
            Opening(at=group, peer=source, ports=span, whom=f"{source}, which all of these hosts have")
            for span in ranges(ports)
        ),
    )


def _first_group(groups: Iterable[str]) -> str | None:
    return next((group for group in groups if FORMS["<INSTANCE_SECURITY_GROUP_ID>"].fullmatch(group)), None)


def _of_configuration(about: _About) -> Fix:
    """Return the fix from the table of fixes by code. If a denial names the policy of an endpoint, this is the fix for
    endpoint policies."""
    return fix_of(_AS.get(about.cause.code, about.cause.code), _fault(about))


_AS: Final = {"IAM001": "VPC008", "IAM002": "VPC008"}


# --- What was measured -----------------------------------------------------------------------------------------------


def _compare_ends(about: _About) -> Fix:
    """Return the fix for failed connections. It looks at the other end and at the path, which the hosts cannot see."""
    addresses = about.addresses()
    where = f" at {listed_briefly(addresses)}" if addresses else ""
    return Fix(
        summary=f"Look at the path to the endpoint{where}, not at the hosts: the endpoint's security groups and state, "
        "the network ACLs and the routes of its subnet and of the hosts' subnets, and firewalls between them. With "
        "facts of EC2, which `backuplink facts` gathers centrally, `fleet` names the cause.",
        commands=(*interfaces_at(about.target.region, addresses), describe_endpoint(about.target)),
    )


def _ask_name_servers(about: _About) -> Fix:
    """Return the fix for a wrong answer to a name. If the cause has other name servers as subjects, it is the fix of
    VPC011, otherwise a fix for the answers inside the VPC."""
    if servers := about.addresses(SubjectKind.RESOLVER):
        return fix_of("VPC011", Fault(target=about.target, servers=tuple(map(str, servers))))
    show = read_only(
        *("aws", "ec2", "describe-vpc-attribute", "--region", about.target.region),
        *("--vpc-id", about.id(SubjectKind.VPC, "<VPC_ID>"), "--attribute", "enableDnsSupport"),
        scope=CommandScope.VPC,
    )
    return Fix(
        summary="Fix the name servers of the VPC: they must forward the names of the service to the VPC's resolver, "
        "or answer with the addresses of the endpoint.",
        commands=(show, describe_endpoint(about.target)),
    )


def _show(operation: str, region: str, option: str, value: str, scope: CommandScope) -> Command:
    return read_only("aws", "ec2", operation, "--region", region, option, value, scope=scope)


_BY_CODE: Final[dict[str, Callable[[_About], Fix]]] = {
    **dict.fromkeys((*FIXES, *_AS), _of_configuration),
    **dict.fromkeys(sorted(_BY_ELIMINATION), _compare_ends),
    **dict.fromkeys(
        ("DNS001", "DNS002", "DNS003", "DNS004", "DNS005", "DNS006", "DNS008", "DNS010", "DNS013"), _ask_name_servers
    ),
}


# --- What they share -------------------------------------------------------------------------------------------------


def _show_shared(about: _About, values: Iterable[SharedValue]) -> list[Command]:
    """Return commands that show the resources that the hosts with a fault share. An id must have the form of its
    kind."""
    region = about.target.region
    filters = {
        Attribute.GROUP: ("describe-security-groups", "group-id", FORMS["<INSTANCE_SECURITY_GROUP_ID>"]),
        Attribute.ENDPOINT: ("describe-vpc-endpoints", "vpc-endpoint-id", FORMS["<VPC_ENDPOINT_ID>"]),
        Attribute.SUBNET: ("describe-network-acls", "association.subnet-id", FORMS["<SUBNET_ID>"]),
        Attribute.VPC: ("describe-route-tables", "vpc-id", FORMS["<VPC_ID>"]),
        Attribute.IMAGE: ("describe-images", "image-id", _IMAGE),
    }
    shown = []
    for value in values:
        operation, name, form = filters.get(value.attribute, ("", "", None))
        if form is not None and form.fullmatch(value.value):
            words = f"Name={name},Values={value.value}"
            shown.append(_show(operation, region, "--filters", words, CommandScope.VPC))
    return shown


def _note(cause: NamedCause) -> str | None:
    """Return a sentence that corrects or completes the findings of the hosts."""
    share = f"{cause.member_count:,} of {counted(cause.exposed_count, 'host')} that could have this fault have it"
    shared = "" if cause.shared is None else listed(map(_named, cause.shared.values))
    if radius_of(cause.code) is Radius.HOST:
        compare = f"they share {shared}" if shared else "compare a host that has the fault with a host that does not"
        return (
            f"The same fault on {counted(cause.member_count, 'host')}, each of which measured it on itself: look at "
            f"the image or the configuration management that they share ({compare})."
        )
    if cause.code in _BY_ELIMINATION:
        if 2 * cause.member_count >= cause.exposed_count:
            return f"{share}. So their own firewalls are not the cause, whatever their reports say."
        if shared:
            return f"All of them share {shared}. So their own firewalls are not the cause, whatever their reports say."
    return None


def note_for_lone_hosts(code: str, hosts: int, well: int) -> str | None:
    """Return a note about hosts with a fault of their own whose neighbours in the same subnet are healthy. None if
    every host with this code measures the fault on itself anyway."""
    if radius_of(code) is Radius.HOST or not well:
        return None
    whom = "The fault lies on this host" if hosts == 1 else "The fault lies on each of these hosts"
    return (
        f"{whom}: {counted(well, 'other host')} of the same {'subnet' if hosts == 1 else 'subnets'} "
        f"{'does' if well == 1 else 'do'} not have it. Look at {'its' if hosts == 1 else 'their'} own firewall and "
        "settings first."
    )


def _named(value: SharedValue) -> str:
    """`group sg-0a1b`, `instance type m5.large`."""
    return f"{value.attribute.value.replace('-', ' ')} {value.value}"
