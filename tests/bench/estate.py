"""Records of the hosts of a large company. Nearly every host has its own combination of attributes, as in reality.

Each VPC has some four hundred hosts. Each host has one of six subnets, six groups, twenty images and eight types. Of
seventy VPCs, one has a silent zone and another has its private DNS off. Some of the hosts with one of the images have
the same fault, and one host in a hundred has a fault that no other host has.
"""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from agent.report.host_record import SCHEMA

BEGIN: Final = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)
_OF_VPC: Final = 400
_EVERY: Final = 70
"""In every group of this many VPCs, one VPC has a silent zone, and another has its private DNS off."""
_NOISE: Final = 0.01
_NOISY: Final = ("TCP005", "TLS007", "TLS008", "API002", "API003", "ENV009", "ENV013", "ENV017", "DNS015", "JOB002")
_TYPES: Final = tuple(f"{family}.{size}" for family in ("m5", "m6i", "c6i", "r6i") for size in ("large", "2xlarge"))


def lines(hosts: int, *, sweeps: int = 1, seed: int = 1, lake: int = 0) -> Iterator[str]:
    """Yield the records of all sweeps, each as a line of JSON as a host writes it. A sweep is one run on every host;
    the sweeps are a day apart. Each lake has its own hosts and VPCs, and all lakes have the same images.
    """
    vpcs = max(1, hosts // _OF_VPC)
    for sweep in range(sweeps):
        chance = random.Random(seed)  # the same hosts in each sweep
        for number in range(hosts):
            yield _line(chance, lake * hosts + number, sweep, range(lake * vpcs, (lake + 1) * vpcs))


def _line(chance: random.Random, number: int, sweep: int, vpcs: range) -> str:
    of_vpc, place, group = chance.choice(vpcs), chance.randrange(6), chance.randrange(6)
    image, kind = chance.randrange(20), chance.choice(_TYPES)
    reads, noise, code = chance.random() < 5 / 8, chance.random(), chance.choice(_NOISY)
    vpc, zone = f"vpc-{of_vpc:017x}", f"euw1-az{1 + place // 2}"
    endpoint, silent = f"vpce-{of_vpc:017x}", f"address=10.{of_vpc >> 8 & 255}.{of_vpc & 255}.17"
    causes, symptoms = [], []
    if of_vpc % _EVERY == 0 and place < 2:
        causes.append(f"critical|TCP001|backup|vpc={vpc}|{silent}")
    if of_vpc % _EVERY == 1:
        symptom, cause = f"DNS001|backup|vpc={vpc}", f"VPC002|backup|endpoint={endpoint}|vpc={vpc}"
        causes.append(f"critical|{cause if reads else symptom}")
        symptoms += [f"{symptom} < {cause}"] if reads else []
    if image == 7 and noise > 0.7:
        causes.append("critical|TLS004|backup")
    if noise < _NOISE:
        causes.append(f"warning|{code}|backup")
    status = causes[0].partition("|")[0] if causes else "ok"
    taken_at = BEGIN + timedelta(days=sweep, seconds=number % 600)
    record = {
        "schema": SCHEMA,
        "tool": "1.0.0",
        "run": f"{sweep:08x}{number:024x}",
        "taken_at": f"{taken_at:%Y-%m-%dT%H:%M:%S}.000Z",
        "redacted": False,
        "host": f"i-{number:017x}",
        "region": "eu-west-1",
        "account": f"{100_000_000_000 + of_vpc // 10}",
        "vpc": vpc,
        "subnet": f"subnet-{of_vpc:014x}{place:03x}",
        "zone": zone,
        "image": f"ami-{image:017x}",
        "instance_type": kind,
        "security_groups": [f"sg-{of_vpc:017x}", f"sg-{of_vpc:014x}a{group:02x}"],
        "resolvers": ["amazon"],
        "endpoints": [endpoint] if reads else [],
        "services": ["backup"],
        "status": status,
        "path": "private",
        "access": "allowed" if status == "ok" else "unknown",
        "complete": True,
        "ec2": reads,
        "summary": "This host reaches AWS Backup over PrivateLink."
        if status == "ok"
        else "It does not reach AWS Backup.",
        "causes": causes,
        "symptoms": symptoms,
        "title": None if not causes else "The endpoint does not answer",
        "fix": None,
        "cut": [],
    }
    return json.dumps(record, separators=(",", ":"))
