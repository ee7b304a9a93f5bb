"""The commands of fixes as edits: what the configuration is with them."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from agent.network.edits import Change, Listed, Member, Settable, Setting
from agent.network.written_edits import MalformedError, an_id, entry_of, rules_of
from agent.report.model import Command

_RANGE: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_PERMISSION: Final = re.compile(
    r"IpProtocol=tcp,FromPort=(\d{1,5}),ToPort=(\d{1,5}),"
    r"(?:Ipv6Ranges=\[\{CidrIpv6=([0-9a-f:/]+)\}\]|PrefixListIds=\[\{PrefixListId=(pl-[0-9a-f]+)\}\])"
)
_PORTS: Final = re.compile(r"From=(\d{1,5}),To=(\d{1,5})")
Options = Mapping[str, list[str]]


def changes_of(command: Command) -> tuple[Change, ...] | None:
    """What a command of a fix changes; None where that cannot be told, as with a placeholder in it."""
    argv = command.argv
    if argv[:2] != ("aws", "ec2") or len(argv) < len(("aws", "ec2", "operation")) or any("<" in word for word in argv):
        return None
    make = _OPERATIONS.get(argv[2])
    if make is None:
        return None
    try:
        return tuple(make(_options(argv[3:]))) or None
    except (MalformedError, KeyError, IndexError):
        return None


def _options(words: tuple[str, ...]) -> Options:
    """The options of a command, each with its values."""
    options: dict[str, list[str]] = {}
    values: list[str] = []
    for word in words:
        if word.startswith("--"):
            values = options.setdefault(word, [])
        else:
            values.append(word)
    return options


def _ingress(options: Options) -> Iterator[Change]:
    return _permitted(options, egress=False)


def _egress(options: Options) -> Iterator[Change]:
    return _permitted(options, egress=True)


def _permitted(options: Options, *, egress: bool) -> Iterator[Change]:
    group_id = an_id(options["--group-id"][0], "sg")
    if "--ip-permissions" in options:
        match = _PERMISSION.fullmatch(options["--ip-permissions"][0])
        if match is None:
            raise MalformedError
        ports = int(match[1]), int(match[2])
        cidrs, lists, groups = match[3], match[4], None
    else:
        ports = _span(_RANGE, options["--port"][0])
        cidrs, lists, groups = _first(options, "--cidr"), None, _first(options, "--source-group")
    for edit in rules_of(
        group_id,
        egress=egress,
        protocol="tcp",
        ports=ports,
        cidrs=filter(None, (cidrs,)),
        lists=filter(None, (lists,)),
        groups=filter(None, (groups,)),
    ):
        yield Change(edit)


def _first(options: Options, name: str) -> str | None:
    return next(iter(options.get(name, ())), None)


def _span(form: re.Pattern[str], text: str) -> tuple[int, int]:
    match = form.fullmatch(text)
    if match is None:
        raise MalformedError
    return int(match[1]), int(match[2] or match[1])


def _acl_entry(options: Options) -> Iterator[Change]:
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


def _endpoint(options: Options) -> Iterator[Change]:
    endpoint_id = an_id(options["--vpc-endpoint-id"][0], "vpce")
    if "--private-dns-enabled" in options:
        yield Change(Setting(Settable.PRIVATE_DNS, endpoint_id, True))
    for table_id in options.get("--add-route-table-ids", []):
        yield Change(Member(Listed.GATEWAY_TABLE, endpoint_id, an_id(table_id, "rtb")))


def _attribute(options: Options) -> Iterator[Change]:
    vpc_id = an_id(options["--vpc-id"][0], "vpc")
    settings = ("--enable-dns-support", Settable.DNS_SUPPORT), ("--enable-dns-hostnames", Settable.DNS_HOSTNAMES)
    for option, setting in settings:
        if option in options:
            yield Change(Setting(setting, vpc_id, True))


_OPERATIONS: Final[Mapping[str, Callable[[Options], Iterator[Change]]]] = {
    "authorize-security-group-ingress": _ingress,
    "authorize-security-group-egress": _egress,
    "create-network-acl-entry": _acl_entry,
    "modify-vpc-endpoint": _endpoint,
    "modify-vpc-attribute": _attribute,
}
"""By operation of the AWS CLI, as the commands of fixes use it."""
