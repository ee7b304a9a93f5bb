"""Find and read the files of scenarios. Each area has a folder, and each scenario a TOML file in the folder of its
area.

The program ships with the scenarios that `demo` offers. All others belong to the tests of the repository, and the
program finds them there if it runs from a checkout.
"""

from functools import cache
from pathlib import Path
from typing import Final

from agent.simulated.scenario import Scenario, parse

DEFAULT: Final = "healthy"
AREAS: Final = {
    "healthy": "Everything works",
    "dns": "Name servers and their answers",
    "resolver": "Route 53 Resolver: its rules and DNS Firewall",
    "hosted-zones": "Private hosted zones and Route 53 Profiles",
    "lookup": "How this host looks up names: hosts file, caches, search domains",
    "endpoint": "The endpoint: its state, its private DNS, endpoints in other VPCs",
    "vpc": "Security groups, network ACLs, routes, peerings, transit gateways",
    "tcp": "TCP: ports, zones, lost packets, MTU",
    "ipv6": "IPv6 and NAT64",
    "tls": "TLS: certificates, trust, interception",
    "http": "HTTP: what answers",
    "proxy": "Proxies",
    "api": "Answers of AWS's API, and backup jobs",
    "iam": "Policies",
    "credentials": "Credentials and STS",
    "settings": "Settings of the SDK: Region, endpoint URLs, FIPS, profile",
    "host": "This host: clock, firewall, routes, metadata, load",
    "facts": "Reading the configuration, from EC2 or from a file",
    "gateway": "Backup gateway",
    "hana": "SAP HANA with the Backint agent",
    "backup-storage": "The data plane of AWS Backup",
    "s3": "S3",
    "ssm": "Systems Manager",
    "several": "Several faults at once",
}
"""The topic of each area, by the name of its folder, in the order for readers."""
SHIPPED: Final = Path(__file__).parent / "scenarios"
IN_REPOSITORY: Final = "tests/scenarios/data"
"""The folder of the repository with the scenarios that do not ship."""
CHECKOUT: Final = Path(__file__).parents[2] / IN_REPOSITORY
"""The path of IN_REPOSITORY in the checkout from which the program runs. For an installed program it does not exist."""


UNSHIPPED: Final = Path(__file__).parent / "unshipped_scenarios.txt"
"""The file with AREA/NAME of each scenario that does not ship, one per line. `./dev docs` writes it."""


@cache
def areas(folder: Path = SHIPPED) -> dict[str, tuple[str, ...]]:
    """The names of the scenarios in a folder, sorted, by area; areas without scenarios are left out."""
    found = {area: _names(folder / area) for area in AREAS}
    return {area: names for area, names in found.items() if names}


def _names(folder: Path) -> tuple[str, ...]:
    entries = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    return tuple(sorted(name.removesuffix(".toml") for name in entries if name.endswith(".toml")))


def names(*folders: Path) -> tuple[str, ...]:
    """The names of the scenarios in these folders, sorted; without folders, the names of the scenarios that ship."""
    return tuple(sorted(name for folder in folders or (SHIPPED,) for names in areas(folder).values() for name in names))


def load(name: str) -> Scenario:
    """Read a scenario. Raises KeyError if neither the program nor its checkout has a scenario with this name."""
    return parse(name, text(name))


def text(name: str) -> str:
    """The text of a scenario's file. Raises KeyError if neither the program nor its checkout has a scenario with this
    name."""
    for folder in (SHIPPED, CHECKOUT):
        for area, names in areas(folder).items():
            if name in names:
                return (folder / area / f"{name}.toml").read_text("utf-8")
    raise KeyError(name)


def in_repository(name: str) -> str | None:
    """The path of a scenario that does not ship, relative to the root of the repository; None if there is no such
    scenario with this name."""
    rows = UNSHIPPED.read_text("utf-8").splitlines()
    return next((f"{IN_REPOSITORY}/{row}.toml" for row in rows if row.partition("/")[2] == name), None)
