"""Fixes of this host's own settings that several findings share."""

from typing import Final

from agent.fixes.commands import read_only
from agent.report.model import Command, CommandScope, Fix, Line
from probes.facts import ResolvConfBy

_SOURCE: Final = "server 169.254.169.123 prefer iburst minpoll 4 maxpoll 4"
_NO_INTERNET: Final = "the Amazon Time Sync Service at 169.254.169.123 needs no internet"
_STEPS_BACK: Final = "a database on this host may fail when the clock steps backwards"


def set_clock(configuration: str | None) -> Fix:
    """Make this host take its time from AWS, with the time service to which the configuration file belongs, or with
    chrony if there is no such file.

    EC2 User Guide, Set the time reference on your EC2 instance to use the local Amazon Time Sync Service.
    """
    match configuration:
        case "/etc/systemd/timesyncd.conf":
            return _by_timesyncd(configuration)
        case "/etc/ntp.conf" | "/etc/ntpsec/ntp.conf":
            return _by_ntpd(configuration, "ntpsec" if "ntpsec" in configuration else "ntpd")
        case "/etc/chrony/chrony.conf":
            return _by_chrony(configuration, "chrony")
        case _:
            return _by_chrony("/etc/chrony.conf", "chronyd")


def _by_chrony(file: str, unit: str) -> Fix:
    return Fix(
        summary=f"Add the line below to the configuration of chrony, and restart chrony: {_NO_INTERNET}. Then step the "
        f"clock instead of waiting, but {_STEPS_BACK}.",
        commands=(
            read_only("chronyc", "tracking"),
            _restart(unit),
            Command(
                argv=("chronyc", "makestep"),
                scope=CommandScope.HOST,
                changes=True,
                reversible=False,
                undo=None,
            ),
        ),
        lines=(_line(file, _SOURCE, unit),),
    )


def _by_ntpd(file: str, unit: str) -> Fix:
    return Fix(
        summary=f"Add the line below to the configuration of ntpd, and restart ntpd: {_NO_INTERNET}. With the option "
        f"-g, which its unit sets, ntpd steps the clock when it starts, but {_STEPS_BACK}.",
        commands=(read_only("ntpq", "-p"), _restart(unit)),
        lines=(_line(file, _SOURCE, unit),),
    )


def _by_timesyncd(file: str) -> Fix:
    unit = "systemd-timesyncd"
    return Fix(
        summary="Add the line below to the section [Time] of the configuration of systemd-timesyncd, and restart that "
        f"service: {_NO_INTERNET}. The service steps the clock by itself, but {_STEPS_BACK}.",
        commands=(read_only("timedatectl", "timesync-status"), _restart(unit)),
        lines=(_line(file, "NTP=169.254.169.123", unit),),
    )


def _restart(unit: str) -> Command:
    return Command(
        argv=("systemctl", "restart", unit),
        scope=CommandScope.HOST,
        changes=True,
        reversible=True,
        undo="nothing to do: the service runs as before",
    )


def _line(file: str, line: str, unit: str) -> Line:
    return Line(file=file, line=line, changes=True, undo=f"remove the line again and restart {unit}")


SHOW_EXCEPTIONS: Final = read_only("printenv", "NO_PROXY", "no_proxy")
"""Only these variables are printed: the whole environment, or a proxy's URL, may hold secrets."""


def exceptions(*hosts: str) -> tuple[Line, ...]:
    """Lines that exclude these hosts from the proxy, with the variable in both spellings. If both are set, the
    lower-case one takes precedence."""
    return tuple(
        Line(
            file="<FILE_WITH_PROXY_SETTINGS>",
            line=f"{name}={','.join(('<PRESENT_EXCEPTIONS>', *hosts))}",
            changes=True,
            undo="remove what was added from the line",
        )
        for name in ("no_proxy", "NO_PROXY")
    )


def ask_the_vpc(host: str, server: str, writer: ResolvConfBy | None) -> Fix:
    """Make this host ask the VPC's resolver, with the program that writes its resolv.conf. If possible, this applies
    only to this name.

    resolved.conf(5), NetworkManager.conf(5), resolv.conf(5).
    """
    all_names = "For this host alone, but for all names, which the VPC's resolver then has to know: "
    words: tuple[str, ...]
    match writer:
        case ResolvConfBy.SYSTEMD_RESOLVED:
            unit, file = "systemd-resolved", "/etc/systemd/resolved.conf.d/aws-backup.conf"
            words = ("[Resolve]", f"DNS={server}", f"Domains=~{host}")
            summary = f"For this host and this name alone: add the lines below and restart {unit}."
        case ResolvConfBy.NETWORK_MANAGER:
            unit, file = "NetworkManager", "/etc/NetworkManager/conf.d/aws-backup.conf"
            words = ("[global-dns-domain-*]", f"servers={server}")
            summary = f"{all_names}add the lines below and restart {unit}."
        case None:
            return Fix(
                summary=f"{all_names}add the line below before the other name servers. A DHCP client may overwrite the "
                "file.",
                commands=(),
                lines=(_dns_line("/etc/resolv.conf", f"nameserver {server}", "remove the line again"),),
            )
    undo = f"remove the file and restart {unit}"
    return Fix(
        summary=summary,
        commands=(_restart(unit),),
        lines=tuple(_dns_line(file, line, undo) for line in words),
    )


def _dns_line(file: str, line: str, undo: str) -> Line:
    return Line(file=file, line=line, changes=True, undo=undo)
