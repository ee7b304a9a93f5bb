"""Generated worlds: scenarios whose parts are drawn at random from a seed. Most of them have several faults."""

import json
from random import Random
from typing import Any, Final

from agent.simulated.scenario import Scenario, parse

BACKUP: Final = ("10.0.1.17", "10.0.2.17", "52.95.111.30")
GATEWAY: Final = ("10.0.1.27", "10.0.2.27", "52.95.112.40")
"""Addresses of Backup gateway's host: two private addresses and one public address."""
_ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "private": {"a": (0, 1)},
    "one": {"a": (0,)},
    "public": {"a": (2,)},
    "mixed": {"a": (0, 2)},
    "nxdomain": {"rcode": "NXDOMAIN"},
    "servfail": {"rcode": "SERVFAIL"},
    "refused": {"rcode": "REFUSED"},
    "silence": {"answer": "silence"},
    "empty": {"a": ()},
    "loopback": {"a": ["127.0.0.1"]},
    "elsewhere": {"a": ["172.31.5.5"]},
    "public-ipv6": {"a": (0,), "aaaa": ["2600:9000::5"]},
}
"""Answers of a name server. Numbers are indexes into the addresses of the service."""
_APIS: Final = (
    *("endpoint-policy-silent", "identity-policy", "denied-without-reason", "expired", "unknown-key"),
    *("bad-signature", "throttled", "not-subscribed", "stripped"),
)
_PEERS: Final[tuple[dict[str, Any], ...]] = (
    *({"answer": answer} for answer in ("silence", "refuse")),
    *({"http": http} for http in ("portal", "redirect", "stall", "reset", "close", "fault", "too-large")),
    *({"api": api} for api in _APIS),
    *({"speaks": speaks} for speaks in ("plain", "nothing", "ssh", "close", "reset", "reset-at-once")),
    *({"issuer": "corporate"}, {"expired": True}, {"leaf_alone": True}, {"names": ["s3.eu-west-1.amazonaws.com"]}),
    *({"clock_seconds": 900.0}, {"large": "lost"}, {"keep_alive": False}, {"ciphers": "none-in-common"}),
)
"""Possible faults of the peer at an address."""
_VARIABLES: Final = (
    ("https_proxy", "http://10.0.0.9:3128"),
    ("AWS_REGION", "eu-west-1a"),
    ("AWS_REGION", "eu-wset-1"),
    ("AWS_PROFILE", "nope"),
    ("AWS_DEFAULT_REGION", "us-east-1"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
)
_ENDPOINT: Final = "https://vpce-0a1b2c3d4e5f67890-abcdefgh.backup.eu-west-1.vpce.amazonaws.com"
_SDK: Final[tuple[dict[str, Any], ...]] = (
    *({"fips": True}, {"dual_stack": True}, {"broken_file": True}, {"region": "eu-west-1a"}, {"region": "us-east-1"}),
    {"endpoint_urls": {"backup": _ENDPOINT}},
)


def world(seed: int) -> Scenario:
    """The world of a seed."""
    draw = Random(seed)
    lines = ['summary = "generated"', "[run]", "timeout = 1.0"]
    services = draw.choice([[], [], ["backup-gateway"], ["backup", "backup-gateway"]])
    lines += [f"services = {json.dumps(services)}", f"expect = {json.dumps(_often(draw, 'private', 'any', 'public'))}"]
    lines += [f"region = {json.dumps(_often(draw, 'eu-west-1', ''))}"]
    lines += [f"calls = {json.dumps(_often(draw, 'each', 'none'))}"]
    lines += _host(draw)
    if draw.random() < 0.1:
        lines += ["[metadata]", f"answer = {json.dumps(draw.choice(['silence', 'forbidden', 'garbage']))}"]
    if draw.random() < 0.15:
        lines += ["[credentials]", f"source = {json.dumps(draw.choice(['none', 'fails', 'hangs', 'web-identity']))}"]
    if draw.random() < 0.1:
        lines += ["[sdk]", *_keys(draw.choice(_SDK))]
    for service, addresses in (("backup", BACKUP), ("backup-gateway", GATEWAY)):
        lines += _names(draw, service, addresses)
        for address in addresses:
            lines += _peer(draw, address, 443)
            if service == "backup-gateway":
                lines += [line for port in (1026, 1027, 1028, 1031) for line in _port(draw, address, port)]
    lines += ["[expect]", 'status = "ok"', 'path = "private"', "findings = []"]
    return parse(f"generated-{seed}", "\n".join(lines))


def _often(draw: Random, usual: Any, *others: Any) -> Any:
    return usual if draw.random() < 0.75 else draw.choice(others)


def _keys(values: dict[str, Any]) -> list[str]:
    def toml(value: Any) -> str:
        if isinstance(value, dict):
            return "{ " + ", ".join(f"{json.dumps(key)} = {toml(one)}" for key, one in value.items()) + " }"
        return json.dumps(value)

    return [f"{key} = {toml(value)}" for key, value in values.items()]


def _host(draw: Random) -> list[str]:
    servers = draw.choice([["10.0.0.2"], ["10.0.0.2"], ["127.0.0.53"], ["10.9.9.53"], ["10.9.9.53", "10.0.0.2"]])
    lines = ["[host]", f"resolvers = {json.dumps(servers)}"]
    name = "backup.eu-west-1.amazonaws.com"
    stale = draw.choice([BACKUP[0], BACKUP[2], "10.0.3.99", "127.0.0.1"])
    match draw.randrange(20):
        case 0 | 1:
            lines.append(f"hosts = {json.dumps([f'{stale} {name}'])}")
        case 2:
            lines.append('lookup_sources = ["files"]')
        case 3:
            lines.append(f"cached_names = {{ {json.dumps(name)} = {json.dumps([stale])} }}")
        case 4 | 5:
            name, value = draw.choice(_VARIABLES)
            lines.append(f"environment = {{ {name} = {json.dumps(value)} }}")
    return lines


def _names(draw: Random, service: str, addresses: tuple[str, ...]) -> list[str]:
    """The answer that each group of name servers gives for the name of a service. In most worlds, all groups give the
    same answer.
    """
    usual = _often(draw, "private", *_ANSWERS)
    lines = []
    for servers in (["127.0.0.53"], ["10.0.0.2", "169.254.169.253"], ["10.9.9.53"]):
        answer = dict(_ANSWERS[usual if draw.random() < 0.85 else draw.choice(list(_ANSWERS))])
        if isinstance(answer.get("a"), tuple):
            answer["a"] = [addresses[place] for place in answer["a"]]
        lines += ["[[dns]]", f"resolvers = {json.dumps(servers)}", f'name = "{service}.eu-west-1.amazonaws.com"']
        lines += _keys(answer)
    return lines


def _peer(draw: Random, address: str, port: int) -> list[str]:
    if draw.random() < 0.07:
        return []
    fault = {} if draw.random() < 0.6 else draw.choice(_PEERS)
    return ["[[tcp]]", f"addresses = {json.dumps([address])}", f"ports = [{port}]", *_keys(fault)]


def _port(draw: Random, address: str, port: int) -> list[str]:
    fault = {} if draw.random() < 0.94 else {"answer": draw.choice(["silence", "refuse"])}
    return ["[[tcp]]", f"addresses = {json.dumps([address])}", f"ports = [{port}]", *_keys(fault)]
