"""The instance metadata service, version 2 (EC2 User Guide, Use the Instance Metadata Service)."""

import contextlib
import errno
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final
from urllib.parse import urlsplit

from probes.facts import ImdsFacts, RoleFacts, TcpFacts
from probes.failure import PeerClosedError
from probes.model import Address, Draft, FailureKind, ProbeError
from probes.seams import Machine, Net, Stream
from probes.steps.http import Response, clock_against, exchange, instant_of

IPV4: Final = ip_address("169.254.169.254")
ECS: Final = ip_address("169.254.170.2")
IPV6: Final = ip_address("fd00:ec2::254")
TOKEN_SECONDS: Final = 300
MAX_VALUE_CHARACTERS: Final = 2048
"""Maximum length of a value: a list of a network interface's addresses has at most 50 IPv6 addresses (EC2 User Guide,
Maximum IP addresses per network interface)."""

_WORD: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
"""A word that cannot be read as an option of a command."""
_INSTANCE_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_CIDR: Final = re.compile(r"[0-9a-f.:/]{1,64}")
"""A block of addresses. An IPv6 scope is not allowed, since it could be any text."""
_ADDRESS: Final = re.compile(r"[0-9a-f.:]{1,45}")
"""An address without an IPv6 scope."""
_DOMAIN: Final = re.compile(r"[a-z0-9.-]{1,128}")
_ROLE: Final = re.compile(r"[\w+=,.@-]{1,64}")
_ACCOUNT: Final = re.compile(r"\d{12}")
_CODE: Final = re.compile(r"[A-Za-z0-9]{1,64}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9+/=_-]{1,512}")


def disabled(environment: Mapping[str, str]) -> bool:
    """Whether AWS_EC2_METADATA_DISABLED forbids the step, as botocore reads it."""
    return environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"


def endpoint(environment: Mapping[str, str]) -> tuple[Address, int]:
    """Return the address and port of the service, which AWS_EC2_METADATA_SERVICE_ENDPOINT and
    AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE decide. Raises ProbeError if the endpoint is not an address."""
    url = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "")
    if not url:
        return (IPV6 if _mode(environment) == "ipv6" else IPV4), 80
    try:
        parts = urlsplit(url)
        return ip_address(parts.hostname or ""), parts.port or 80
    except ValueError as error:
        raise ProbeError(
            FailureKind.MALFORMED, "AWS_EC2_METADATA_SERVICE_ENDPOINT is not an http URL with an IP address"
        ) from error


def _mode(environment: Mapping[str, str]) -> str:
    return environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "").lower()


def container_endpoint(environment: Mapping[str, str]) -> tuple[Address, int] | None:
    """Return the address and port at which a container gets credentials, from ECS, EKS Pod Identity or a helper on
    loopback (AWS SDKs and Tools Reference Guide, Container credential provider). None if no address is set, or if it is
    a name."""
    if environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        return ECS, 80
    try:
        parts = urlsplit(environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", ""))
        return ip_address(parts.hostname or ""), parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None


async def probe(net: Net, machine: Machine, agent: str, draft: Draft[ImdsFacts]) -> ImdsFacts:
    """Get a token, and read the identity and the place of this instance.

    Raises OSError, PeerClosedError, and ProbeError: kind `not-permitted` with the status as code if the service
    refuses, `malformed` or `too-large` for an answer that makes no sense.
    """
    draft.facts = ImdsFacts(token=False)
    service = _service(net, machine, agent)
    try:
        sent = machine.now()
        answer = await service.take_token()
        offset, uncertainty = clock_against(instant_of(answer.header("date")), sent, machine.now())
        service.keep_token(answer)
        facts = draft.facts = ImdsFacts(token=True, clock_offset_seconds=offset, clock_uncertainty_seconds=uncertainty)
        read = service.read

        async def word(path: str) -> str | None:
            return _value(path, await read(path), _WORD)

        async def addresses(path: str) -> tuple[Address, ...]:
            return _addresses(path, await read(path))

        async def networks(path: str) -> tuple[IPv4Network | IPv6Network, ...]:
            return _networks(path, await read(path))

        facts = draft.facts = replace(facts, region=await word("placement/region"))
        facts = draft.facts = replace(
            facts,
            partition=await word("services/partition"),
            availability_zone=await word("placement/availability-zone"),
            availability_zone_id=await word("placement/availability-zone-id"),
            instance_id=await word("instance-id"),
            instance_type=_value("instance-type", await read("instance-type"), _INSTANCE_TYPE),
            image_id=await word("ami-id"),
            dns_suffix=_value("services/domain", await read("services/domain"), _DOMAIN),
            role=_value("iam/security-credentials/", await read("iam/security-credentials/"), _ROLE),
        )
        mac = _value("mac", await read("mac"), _MAC)
        if mac is None:
            return facts
        below = f"network/interfaces/macs/{mac}"
        facts = draft.facts = replace(
            facts,
            account_id=_value(f"{below}/owner-id", await read(f"{below}/owner-id"), _ACCOUNT),
            vpc_id=await word(f"{below}/vpc-id"),
            subnet_id=await word(f"{below}/subnet-id"),
            subnet_cidrs=(
                *await networks(f"{below}/subnet-ipv4-cidr-block"),
                *await networks(f"{below}/subnet-ipv6-cidr-blocks"),
            ),
            # A single block is the primary block. Its second address is the VPC's resolver.
            vpc_cidrs=tuple(
                dict.fromkeys(
                    (
                        *await networks(f"{below}/vpc-ipv4-cidr-block"),
                        *await networks(f"{below}/vpc-ipv4-cidr-blocks"),
                        *await networks(f"{below}/vpc-ipv6-cidr-blocks"),
                    )
                )
            ),
            security_group_ids=_words(f"{below}/security-group-ids", await read(f"{below}/security-group-ids")),
            interface_id=await word(f"{below}/interface-id"),
            interface_addresses=(*await addresses(f"{below}/local-ipv4s"), *await addresses(f"{below}/ipv6s")),
        )
        return facts
    finally:
        service.close()


async def probe_role(net: Net, machine: Machine, agent: str, role: str, draft: Draft[RoleFacts]) -> RoleFacts:
    """Return the service's status of the role whose name the service gave. Only the `Code` is read from the document
    with the credentials. Raises the errors of `probe`."""
    service = _service(net, machine, agent)
    path = f"iam/security-credentials/{role}"
    try:
        service.keep_token(await service.take_token())
        answer = await service.read(path)
    finally:
        service.close()
    if answer is None:
        raise ProbeError(FailureKind.MALFORMED, f"metadata has nothing at {path}", code="404")
    code: Any = None
    with contextlib.suppress(ValueError, RecursionError):  # the error would contain the document
        document = json.loads(answer.body)
        code = document.get("Code") if isinstance(document, dict) else None
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise ProbeError(FailureKind.MALFORMED, f"metadata at {path} is not what belongs there")
    draft.facts = RoleFacts(code=code)
    return draft.facts


def _service(net: Net, machine: Machine, agent: str) -> "_Service":
    """Return the service at its address. If no setting has the address, and this host has no route to the IPv4 address
    (as in a subnet with only IPv6), the IPv6 address is used (EC2 User Guide, Access instance metadata for an EC2
    instance)."""
    environment = machine.environment
    address, port = endpoint(environment)
    is_chosen = bool(environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or _mode(environment))
    return _Service(net, (address,) if is_chosen else (address, IPV6), port, ("User-Agent", agent))


class _Service:
    """Requests over one connection, reopened if the service closes it."""

    def __init__(self, net: Net, addresses: tuple[Address, ...], port: int, header: tuple[str, str]) -> None:
        self._net = net
        self._addresses = addresses
        """The addresses of the service. The first address is in use. If no route leads to it, it is removed, and the
        next one is used."""
        self._port = port
        self._header = header
        self._stream: Stream | None = None
        self._token = ""

    async def take_token(self) -> Response:
        """Request a session token."""
        return await self.call("PUT", "api/token", ("X-aws-ec2-metadata-token-ttl-seconds", str(TOKEN_SECONDS)))

    def keep_token(self, answer: Response) -> None:
        """Use the token in an answer. Raises ProbeError if the answer has no token."""
        if answer.status != 200:
            raise _refusal(answer.status)
        self._token = _value("api/token", answer, _TOKEN) or ""

    async def read(self, path: str) -> Response | None:
        """Return the content at a path; None if the path does not exist. Raises ProbeError if the service refuses."""
        answer = await self.call("GET", f"meta-data/{path}", ("X-aws-ec2-metadata-token", self._token))
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise _refusal(answer.status)
        return answer

    async def call(self, method: str, path: str, header: tuple[str, str]) -> Response:
        kept = self._stream is not None
        try:
            return await self._call(method, path, header)
        except (PeerClosedError, ConnectionError):
            if not kept:
                raise
        # A service may close an idle connection at any time without notice (RFC 9112, section 9.3.1).
        self.close()
        return await self._call(method, path, header)

    async def _call(self, method: str, path: str, header: tuple[str, str]) -> Response:
        if self._stream is None:
            self._stream = await self._connect()
        address = self._addresses[0]
        host = ("Host", f"[{address}]" if address.version == 6 else str(address))
        answer = await exchange(self._stream, method, f"/latest/{path}", (host, self._header, header))
        if not answer.keep_alive:
            self.close()
        return answer

    async def _connect(self) -> Stream:
        while True:
            try:
                return await self._net.connect(self._addresses[0], self._port, Draft[TcpFacts]())
            except OSError as error:
                if error.errno != errno.ENETUNREACH or len(self._addresses) == 1:
                    raise
                self._addresses = self._addresses[1:]

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def _refusal(status: int) -> ProbeError:
    """Return the failure for a refusal: kind `not-permitted` if the status means that the service is switched off or
    forbidden (EC2 User Guide, Configure the instance metadata options), otherwise kind `malformed`."""
    kind = FailureKind.NOT_PERMITTED if status in (401, 403, 404) else FailureKind.MALFORMED
    return ProbeError(kind, f"the metadata service answered {status}", code=str(status))


def _lines(path: str, answer: Response | None) -> tuple[str, ...]:
    if answer is None:
        return ()
    text = answer.body[: MAX_VALUE_CHARACTERS + 1].decode("ascii", "replace")
    if len(text) > MAX_VALUE_CHARACTERS:
        raise ProbeError(FailureKind.MALFORMED, f"metadata at {path} is longer than {MAX_VALUE_CHARACTERS} characters")
    return tuple(text.split())


def _words(path: str, answer: Response | None, pattern: re.Pattern[str] = _WORD) -> tuple[str, ...]:
    values = _lines(path, answer)
    if not all(pattern.fullmatch(value) for value in values):
        raise ProbeError(FailureKind.MALFORMED, f"metadata at {path} is not what belongs there")
    return values


def _value(path: str, answer: Response | None, pattern: re.Pattern[str]) -> str | None:
    values = _words(path, answer, pattern)
    if answer is not None and len(values) != 1:
        raise ProbeError(FailureKind.MALFORMED, f"metadata at {path} has {len(values)} values where one belongs")
    return values[0] if values else None


def _addresses(path: str, answer: Response | None) -> tuple[Address, ...]:
    try:
        return tuple(ip_address(value) for value in _words(path, answer, _ADDRESS))
    except ValueError as error:
        raise ProbeError(FailureKind.MALFORMED, f"metadata at {path} is not a list of addresses") from error


def _networks(path: str, answer: Response | None) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(value) for value in _words(path, answer, _CIDR))
    except ValueError as error:
        raise ProbeError(FailureKind.MALFORMED, f"metadata at {path} is not a list of CIDR blocks") from error
