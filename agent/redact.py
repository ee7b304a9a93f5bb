"""A report without what tells whose network it is: the same value has the same mask everywhere in one report.

Masks are counted, never computed from what they hide, so nothing can be guessed back. An address becomes one of the
blocks that are kept for documentation, so that a masked report is still a report. What a peer or AWS wrote in words is
masked whole; ids, account numbers, ARNs and addresses are masked wherever they stand, inside sentences and ids too.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable
from enum import Enum
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Any, Final, TypeVar

from agent.report import Report
from probes.facts import ApiFacts, Certificate, HostFacts, HttpFacts, ProxyFacts, SdkFacts, TlsFacts
from probes.model import Address, Step

T = TypeVar("T")

_EVERYWHERE: Final = frozenset(
    ip_address(each)
    for each in ("0.0.0.0", "127.0.0.1", "127.0.0.53", "::", "::1")  # noqa: S104 - not an address to bind
) | frozenset(
    ip_address(each)
    for each in ("169.254.169.253", "169.254.169.254", "169.254.170.2", "fd00:ec2::253", "fd00:ec2::254")
)
"""The same on every host, so they tell nothing."""
_DOCUMENTATION: Final = tuple(ip_network(each) for each in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"))
"""RFC 5737; RFC 3849 keeps 2001:db8::/32."""

_IDS: Final = re.compile(
    r"\b(?P<kind>i|vpc|subnet|sg|sgr|eni|acl|rtb|igw|nat|vpce|vpce-svc|pl|tgw|dopt|rslvr-\w+|fsx)-[0-9a-f]{8,17}\b"
    r"(?P<rest>-[0-9a-z]{8}(?=[.-]))?"
)
_ARN: Final = re.compile(r"\barn:aws[\w-]*:[^\s,;)'\"]+")
_ACCOUNT: Final = re.compile(r"(?<![\d.])\d{12}(?![\d.])")
_IPV4: Final = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)")
_IPV6: Final = re.compile(r"(?<![0-9A-Fa-f:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![0-9A-Fa-f:])")


def redact(report: Report) -> Report:
    """The report with masks in place of all that identifies."""
    return _Redactor(report).run()


class _Redactor:
    def __init__(self, report: Report) -> None:
        self._report = report
        self._masks: dict[tuple[str, str], str] = {}
        self._addresses: dict[Address, Address] = {}
        self._networks: dict[str, Any] = {}
        self._words: dict[str, str] = {}
        hosts = {target.host for target in report.targets}
        for kind, text in sorted(set(_sensitive(report)), key=lambda each: (-len(each[1]), each)):
            if text and text not in hosts:
                self._words[text] = self._mask(kind, text)

    def run(self) -> Report:
        masked = self._walk(self._report)
        argv = dataclasses.replace
        # A command with an id of somebody's network in it would be a riddle: placeholders stand there instead.
        findings = tuple(
            argv(
                finding,
                fix=argv(
                    finding.fix,
                    commands=tuple(
                        argv(command, argv=tuple(_placeholder(word) for word in original.argv))
                        for command, original in zip(finding.fix.commands, before.fix.commands, strict=True)
                    ),
                ),
            )
            for finding, before in zip(masked.findings, self._report.findings, strict=True)
        )
        return dataclasses.replace(masked, findings=findings)

    def _walk(self, value: T) -> T:
        return self._walked(value)  # type: ignore[no-any-return] # every branch gives the type it got

    def _walked(self, value: Any) -> Any:
        match value:
            case Enum() | None | bool() | int() | float():
                return value
            case str():
                return self._text(value)
            case IPv4Interface() | IPv6Interface():
                return ip_interface(f"{self._address(value.ip)}/{value.network.prefixlen}")
            case IPv4Address() | IPv6Address():
                return self._address(value)
            case IPv4Network() | IPv6Network():
                return self._network(value)
            case tuple():
                return tuple(self._walked(each) for each in value)
            case dict():
                return {key: self._walked(each) for key, each in value.items()}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            changed = {field.name: self._walked(getattr(value, field.name)) for field in dataclasses.fields(value)}
            return dataclasses.replace(value, **changed)
        return value

    def _text(self, text: str) -> str:
        for word, mask in self._words.items():
            text = text.replace(word, mask)
        text = _ARN.sub(lambda found: self._mask("arn", found[0]), text)
        text = _IDS.sub(lambda found: self._mask(found["kind"], found[0]), text)
        text = _ACCOUNT.sub(lambda found: self._mask("account", found[0]), text)
        text = _IPV4.sub(self._found_address, text)
        return _IPV6.sub(self._found_address, text)

    def _found_address(self, found: re.Match[str]) -> str:
        try:
            return str(self._address(ip_address(found[0])))
        except ValueError:
            return found[0]

    def _mask(self, kind: str, text: str) -> str:
        known = self._masks.get((kind, text))
        if known is None:
            number = sum(1 for other, _ in self._masks if other == kind) + 1
            known = self._masks[kind, text] = f"{kind}-{number}"
        return known

    def _address(self, address: Address) -> Address:
        if address in _EVERYWHERE or address in self._addresses.values():
            return address
        if address not in self._addresses:
            number = sum(1 for each in self._addresses if each.version == address.version)
            if address.version == 6:
                masked: Address = IPv6Address(f"2001:db8::{number + 1:x}")
            else:
                block, host = divmod(number, 254)
                network = _DOCUMENTATION[block % len(_DOCUMENTATION)]
                masked = IPv4Address(int(network.network_address) + host + 1)
            self._addresses[address] = masked
        return self._addresses[address]

    def _network(self, network: IPv4Network | IPv6Network) -> Any:
        key = str(network)
        if key not in self._networks:
            number = len(self._networks) + 1
            if network.version == 6:
                base = f"2001:db8:{number:x}::"
            else:  # the reserved block of RFC 1112 is wide enough for any length
                base = f"{240 + number // 256 % 15}.{number % 256}.0.0"
            self._networks[key] = ip_network(f"{base}/{network.prefixlen}", strict=False)
        return self._networks[key]


def _sensitive(report: Report) -> Iterable[tuple[str, str]]:
    """What stands in fields whose whole content tells something, with the word that its mask begins with."""
    credentials = report.vantage.credentials
    if credentials is not None:
        yield "role", credentials.role or ""
    for proxy in report.vantage.proxies.values():
        yield "proxy", proxy
    for each in report.observations:
        match each.facts:
            case ApiFacts():
                yield "text", each.facts.error_message or ""
            case TlsFacts():
                yield from _of_certificates(each.facts.certificates)
            case HttpFacts():
                yield "location", each.facts.location or ""
            case HostFacts():
                yield from (("domain", domain) for domain in each.facts.search)
                yield from (("resolver", server) for server in each.facts.resolvers_ignored)
                yield from (("host", name) for entry in each.facts.hosts_entries for name in entry.names)
            case SdkFacts():
                yield "profile", each.facts.profile or ""
                yield from (("url", url) for url in each.facts.endpoint_urls.values())
                yield "file", each.facts.ca_bundle or ""
            case ProxyFacts():
                yield "proxy", each.facts.proxy or ""
        if each.subject.step in (Step.API, Step.CREDENTIALS) and each.failure is not None:
            yield "text", each.failure.message


def _of_certificates(certificates: tuple[Certificate, ...]) -> Iterable[tuple[str, str]]:
    for certificate in certificates:
        yield "certificate", certificate.subject
        yield "certificate", certificate.issuer
        yield "organization", certificate.issuer_organization or ""
        yield "fingerprint", certificate.sha256
        yield from (("name", name) for name in certificate.names)


_PLACES: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...]] = (
    (_IDS, lambda found: f"<{found['kind'].upper().replace('-', '_')}_ID>"),
    (_ACCOUNT, lambda _: "<ACCOUNT>"),
    (re.compile(_IPV4.pattern + r"(/\d{1,2})?"), lambda found: "<CIDR>" if found[1] else "<ADDRESS>"),
    (re.compile(_IPV6.pattern + r"(/\d{1,3})?"), lambda found: "<CIDR>" if found[1] else "<ADDRESS>"),
)


def _placeholder(word: str) -> str:
    for pattern, stand_in in _PLACES:
        word = pattern.sub(stand_in, word)
    return word
