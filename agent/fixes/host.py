"""Fixes of this host's own settings that several findings share."""

from typing import Final

from agent.fixes.commands import read_only
from agent.report.model import Command, CommandScope, Fix, Line

SET_CLOCK: Final = Fix(
    summary="Add the line to the configuration of chrony and restart it: the Amazon Time Sync Service at "
    "169.254.169.123 needs no internet. On Ubuntu the file is /etc/chrony/chrony.conf and the unit is chrony. Then "
    "step the clock instead of waiting; a database on this host may fail when it steps backwards.",
    commands=(
        read_only("chronyc", "tracking"),
        Command(
            argv=("systemctl", "restart", "chronyd"),
            scope=CommandScope.HOST,
            changes=True,
            reversible=True,
            undo="nothing to do: the service runs as before",
        ),
        Command(
            argv=("chronyc", "makestep"),
            scope=CommandScope.HOST,
            changes=True,
            reversible=False,
            undo=None,
        ),
    ),
    lines=(
        Line(
            file="/etc/chrony.conf",
            line="server 169.254.169.123 prefer iburst minpoll 4 maxpoll 4",
            changes=True,
            undo="remove the line again and restart chrony",
        ),
    ),
)
"""EC2 User Guide, Set the time reference on your EC2 instance to use the local Amazon Time Sync Service."""
SHOW_EXCEPTIONS: Final = read_only("printenv", "NO_PROXY", "no_proxy")
"""By name: the whole environment, and a proxy's URL, may hold secrets."""


def exceptions(*hosts: str) -> tuple[Line, ...]:
    """The lines that keep calls to these hosts from the proxy, in both spellings: the lower one wins where both are
    set."""
    return tuple(
        Line(
            file="<FILE_WITH_PROXY_SETTINGS>",
            line=f"{name}={','.join(('<PRESENT_EXCEPTIONS>', *hosts))}",
            changes=True,
            undo="remove what was added from the line",
        )
        for name in ("no_proxy", "NO_PROXY")
    )
