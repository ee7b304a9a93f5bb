"""Variants: scenarios of the program, each with one change. They are used only to compare runs in memory with runs in
namespaces.
"""

from typing import Final

from tests.support import scenarios

HEALTHY: Final = scenarios.text("healthy")
DUAL_STACK: Final = """
summary = "an endpoint with both families, and a host that has both"

[host]
addresses = ["10.0.1.10/24", "fd80:0:0:1::10/64"]
gateways = ["10.0.1.1", "fe80::1"]

[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253", "fd00:ec2::253"]
name = "backup.eu-west-1.amazonaws.com"
a = ["10.0.1.17"]
aaaa = ["fd80:0:0:1::17", "fd80:0:0:2::17"]

[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253", "fd00:ec2::253"]
name = "backup-gateway.eu-west-1.amazonaws.com"
a = ["52.95.112.40"]

[[tcp]]
addresses = ["10.0.1.17", "fd80:0:0:1::17", "fd80:0:0:2::17"]
ports = [443]

[expect]
status = "ok"
path = "private"
findings = []
"""
_QUICK: Final = "\n[run]\ntimeout = 1.0\n"
_ADDRESSES: Final = 'a = ["10.0.1.17", "10.0.2.17", "10.0.3.17"]'
_ON_443: Final = '[[host.filter]]\naddresses = ["10.0.1.17", "fd80:0:0:1::17"]\nports = [443]\n'
_PROXY: Final = '\n[host.environment]\nhttps_proxy = "http://proxy.example:3128"\n'
_IPV6_SERVICES: Final = ', "fd80:0:0:1::17", "fd80:0:0:2::17"]\nports'


def replaced(toml: str, old: str, new: str) -> str:
    """`toml` with the only occurrence of `old` replaced. Raises ValueError if `old` does not occur exactly once."""
    if toml.count(old) != 1:
        raise ValueError(f"{old!r} stands there {toml.count(old)} times")
    return toml.replace(old, new)


def _answering(answer: str) -> str:
    return replaced(HEALTHY, _ADDRESSES, answer)


def _speaking(word: str) -> str:
    return replaced(HEALTHY, "ports = [443]", f'ports = [443]\nspeaks = "{word}"')


def _routed(toml: str, to: str, answer: str) -> str:
    return f'{toml}\n[[host.routes]]\nto = "{to}"\nanswer = "{answer}"\n'


def _asking_first(answer: str) -> str:
    """A scenario with a second name server, which is asked first and gives this answer to every query."""
    first = f'[[dns]]\nresolvers = ["10.0.9.53"]\nname = "*"\n{answer}\n'
    return f'{HEALTHY}{_QUICK}[host]\nresolvers = ["10.0.9.53", "10.0.0.2"]\n{first}'


def _filtered(address: str, port: int, answer: str) -> str:
    rule = f'[[host.filter]]\naddresses = ["{address}"]\nports = [{port}]\nanswer = "{answer}"\n'
    return HEALTHY + _QUICK + rule


VARIANTS: Final = {
    "dual-stack": DUAL_STACK,
    "dual-stack-refused": replaced(DUAL_STACK, "ports = [443]", 'ports = [443]\nanswer = "refuse"'),
    "dual-stack-nobody-at-ipv6": replaced(DUAL_STACK, _IPV6_SERVICES, "]\nports") + _QUICK,
    "dual-stack-no-ipv6-router": replaced(DUAL_STACK, ', "fe80::1"', ""),
    "dual-stack-blackhole": _routed(DUAL_STACK, "fd80:0:0:2::/64", "blackhole"),
    "dual-stack-prohibit": _routed(DUAL_STACK, "fd80:0:0:2::/64", "prohibit"),
    "ipv6-host": replaced(replaced(DUAL_STACK, '"10.0.1.10/24", ', ""), '"10.0.1.1", ', "") + _QUICK,
    "prohibit": _routed(HEALTHY, "10.0.2.0/24", "prohibit"),
    "unreachable": _routed(HEALTHY, "10.0.2.0/24", "unreachable"),
    "no-router": HEALTHY + _QUICK + "[host]\ngateways = []\n",
    "dns-dropped-here": _filtered("10.0.0.2", 53, "drop"),
    "dns-rejected-here": _filtered("10.0.0.2", 53, "reject"),
    "metadata-dropped-here": _filtered("169.254.169.254", 80, "drop"),
    "metadata-rejected-here": _filtered("169.254.169.254", 80, "reject"),
    "metadata-forbidden": HEALTHY + '\n[metadata]\nanswer = "forbidden"\n',
    "metadata-nonsense": HEALTHY + '\n[metadata]\nanswer = "garbage"\n',
    "metadata-disabled": HEALTHY + '\n[host.environment]\nAWS_EC2_METADATA_DISABLED = "true"\n',
    "no-instance": HEALTHY + _QUICK + '[host]\nec2 = false\n[metadata]\nanswer = "silence"\n',
    "first-resolver-silent": _asking_first('answer = "silence"'),
    "first-resolver-closed": _asking_first('answer = "closed"'),
    "first-resolver-fails": _asking_first('rcode = "SERVFAIL"'),
    "first-resolver-denies": _asking_first('rcode = "NXDOMAIN"'),
    "server-failure": _answering('rcode = "SERVFAIL"'),
    "server-refuses": _answering('rcode = "REFUSED"'),
    "no-data": _answering('soa = "amazonaws.com"'),
    "alias": _answering('cname = "vpce-1.example.com"\na = ["10.0.1.17"]'),
    "hosts-file": HEALTHY + '\n[host]\nhosts = ["10.0.2.17 backup.eu-west-1.amazonaws.com"]\n',
    "closed-in-handshake": _speaking("close"),
    "ssh": _speaking("ssh"),
    "public-expected": replaced(HEALTHY, _ADDRESSES, 'a = ["52.95.111.30"]').replace('"10.0.1.17"', '"52.95.111.30"')
    + '\n[run]\nexpect = "public"\n',
    "sdk-fips": HEALTHY + "\n[sdk]\nfips = true\n",
    "sdk-dual-stack": HEALTHY + "\n[sdk]\ndual_stack = true\n",
    "sdk-region": HEALTHY + '\n[run]\nregion = ""\n[sdk]\nregion = "eu-west-1"\n',
    "sdk-url": HEALTHY + '\n[sdk.endpoint_urls]\nbackup = "https://vpce-1.backup.eu-west-1.vpce.amazonaws.com"\n',
    "alias-to-nothing": _answering('cname = "vpce-1.example.com"'),
    "hosts-file-two-lines": HEALTHY
    + '\n[host]\nhosts = ["10.0.2.17 backup.eu-west-1.amazonaws.com", "10.0.1.17 backup.eu-west-1.amazonaws.com"]\n',
    "hosts-file-loopback": HEALTHY + '\n[host]\nhosts = ["127.0.0.1 backup.eu-west-1.amazonaws.com"]\n',
    "no-name-server": HEALTHY + "\n[host]\nresolvers = []\n",
    "four-name-servers": HEALTHY
    + '\n[host]\nresolvers = ["10.0.9.53", "10.0.9.54", "10.0.9.55", "10.0.0.2"]\n'
    + '[[dns]]\nresolvers = ["10.0.9.53", "10.0.9.54", "10.0.9.55"]\nname = "*"\nanswer = "closed"\n',
    "two-addresses": HEALTHY + '\n[host]\naddresses = ["10.0.1.10/24", "10.0.2.10/24"]\n',
    "wide-blackhole": _routed(HEALTHY, "10.0.0.0/16", "blackhole") + '[host]\nresolvers = ["169.254.169.253"]\n',
    "dual-stack-dropped-here": DUAL_STACK + _QUICK + _ON_443 + 'answer = "drop"\n',
    "dual-stack-rejected-here": DUAL_STACK + _QUICK + _ON_443 + 'answer = "reject"\n',
    "dual-stack-global": DUAL_STACK.replace("fd80:0:0:", "2600:1f18:0:")
    + '\n[metadata]\nvpc_cidrs = ["10.0.0.0/16", "2600:1f18::/48"]\n',
    "dual-stack-nobody-at-all": replaced(DUAL_STACK, _IPV6_SERVICES, "]\nports") + "\n[run]\ntimeout = 4.0\n",
    "proxy": HEALTHY + _PROXY,
    "proxy-not-for-aws": HEALTHY + _PROXY + 'no_proxy = ".amazonaws.com"\n',
    "metadata-elsewhere": HEALTHY
    + '\n[host.environment]\nAWS_EC2_METADATA_SERVICE_ENDPOINT = "http://10.0.1.17:443/"\n',
}
"""The variants by name, each as the text of a scenario's file. Its `expect` is ignored."""
