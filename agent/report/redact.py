"""Remove from a report what identifies its network: the same value has the same mask everywhere in one report.

Masks are numbered in the order of the report and not computed from the hidden values, so no value can be guessed from
its mask, and masking a masked report again changes nothing. An address becomes one of the blocks reserved for
documentation, so that a masked report is still a report.

The annotation of a field (`probes.masks`) says what its text is. An identifying value, such as a role, is masked whole.
So is a value that a peer chose, such as a request id, unless it has the form of its kind. Sentences may quote such a
value, so each sentence is searched for it as a word. All other texts, such as codes, titles and ids, keep their words,
even if a role or a peer has the same name: only ids, account numbers, ARNs, addresses and host names are masked in
them.
"""

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import Enum
from functools import cache
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
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from agent.catalog.headline import cut
from agent.catalog.partitions import PARTITIONS, SUFFIXES
from agent.catalog.regions import REGIONS
from agent.catalog.services import SERVICES
from agent.catalog.vpce import bucket_of_host
from agent.catalog.workloads import BACKINT_FOR_ENDPOINTS, SSM_AGENT_WITHOUT_EC2MESSAGES
from agent.report.model import Command, FindingSubject, Line, Report, SubjectKind
from agent.report.subjects import common_name
from probes.facts import ApiFacts
from probes.masks import HOSTED_ZONE, ID_KINDS, Mask, Open
from probes.model import Address, FailureKind, Step
from probes.vpc.model import AMAZON_DNS

D = TypeVar("D")

_EVERYWHERE: Final = (
    frozenset(
        ip_address(address)
        for address in ("0.0.0.0", "127.0.0.1", "127.0.0.53", "::", "::1")  # noqa: S104 - not an address to bind
    )
    | frozenset(ip_address(f"169.254.{end}") for end in ("169.123", "169.253", "169.254", "170.2", "170.23"))
    | frozenset(ip_address(f"fd00:ec2::{end}") for end in ("23", "123", "253", "254"))
)
"""Addresses that every host has, so they identify nothing: among them an instance's addresses for names, metadata, time
and credentials."""
_NETWORKS_EVERYWHERE: Final = frozenset(
    ip_network(block)
    for block in ("127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "fe80::/10", "fe80::/64", "ff00::/8")
)
"""Networks that every host has, so they identify nothing."""
_DOCUMENTATION: Final = tuple(ip_network(block) for block in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"))
"""Blocks for documentation (RFC 5737); RFC 3849 reserves 2001:db8::/32."""
_BENCHMARKS: Final = ip_network("198.18.0.0/15")
"""Blocks for benchmarks (RFC 2544), used when the addresses above run out."""

_IDS: Final = re.compile(rf"\b(?P<id>(?P<kind>{ID_KINDS})-[0-9a-f]{{8,17}})\b(?:-[0-9a-z]{{8}}(?=[.-]))?")
"""Ids of AWS, with the suffix that follows an endpoint's id in its DNS name."""
_ZONE: Final = re.compile(HOSTED_ZONE)
_ARN: Final = re.compile(r"\barn:aws[\w-]*:[^\s,;)'\"]*[^\s,;)'\".:]")
_ACCOUNT: Final = re.compile(r"(?<!\d)(?<!\d\.)(?<!-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-)\d{12}(?!\d|\.\d)")
"""An account number, unless it is the end of a UUID (RFC 9562, section 4), as in request ids."""
_ADDRESS: Final = re.compile(
    r"(?:(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)"
    r"|(?<![0-9A-Fa-f:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4})(?![0-9A-Fa-f:]))"
    r"(?:/(?P<length>\d{1,3})(?!\d))?"
)
_NAMED_ADDRESS: Final = re.compile(r"\b(?P<kind>ip|ec2)-(?P<address>\d{1,3}(?:-\d{1,3}){3})\b")
"""The default host name of an instance: `ip-10-0-1-17`."""

_QUOTED_BYTES: Final = re.compile(r"\b(?:bytearray\()?b['\"].*", re.DOTALL)
"""The end of an h11 error that quotes a peer; the end itself may be cut off."""
_NOT_QUOTED: Final = frozenset({"exceptions", "fingerprint", "key", "node", "resolver", "search"})
"""Kinds of values that no sentence quotes, and that are too short or too common to search for."""
_NAMES: Final = frozenset({"domain", "host", "search"})
"""Kinds of values that are searched for everywhere, even in ids. A value without a dot is excepted, since it may be a
common word."""
_PLAIN_WORDS: Final = frozenset(
    {
        *(*SERVICES, *REGIONS, *(partition.id for partition in PARTITIONS)),
        *("default", "endpoint", "endpoints", "network"),
    }
)
"""Words that this program writes. They are never masked, even if a role, a profile or a stack has the same name."""
CHOSEN: Final = frozenset({SubjectKind.ROLE, SubjectKind.URL, SubjectKind.ISSUER})
"""Kinds of subjects whose ids are chosen names; patterns mask the ids of other kinds."""
_OWN_WORDS: Final = frozenset({FailureKind.TIMEOUT, FailureKind.DEADLINE})
"""Failures whose message comes from this program and not from a peer."""
_AWS_WORDS: Final = frozenset(
    {
        FailureKind.NOT_PERMITTED,
        FailureKind.CREDENTIALS_EXPIRED,
        FailureKind.CREDENTIALS_INVALID,
        FailureKind.SIGNATURE,
        FailureKind.CLOCK_SKEW,
        FailureKind.THROTTLED,
        FailureKind.NOT_SUBSCRIBED,
        FailureKind.SERVICE_ERROR,
        FailureKind.MALFORMED,
    }
)
"""Failures of a read whose message can quote EC2."""
_VERSIONS: Final = frozenset({BACKINT_FOR_ENDPOINTS, SSM_AGENT_WITHOUT_EC2MESSAGES})
"""Versions of agents that sentences mention."""
_LEAST_QUOTED: Final = 3
"""Minimum length of a value that is searched for in sentences; a shorter one may be a common word."""


_MAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_MAC: Final = re.compile(r"(?<![0-9A-Fa-f:])[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}(?![0-9A-Fa-f:])")
_HOME: Final = re.compile(r"(?<=/home/)[^/\s:'\"]{1,64}")
_BUCKET: Final = re.compile(r"(?<=s3://)[a-z0-9][a-z0-9.-]{2,62}")
_OTHER_ID: Final = re.compile(r"(?<![\w-])(?P<kind>[a-z]{1,10})-[0-9a-f]{17}(?![\w])")
"""Ids of resources that a report never names: volumes, managed nodes, sessions."""
_NAME: Final = re.compile(
    r"(?<![\w.-])(?<![^/]/)(?:[A-Za-z0-9_](?:[\w-]{0,61}[A-Za-z0-9])?\.){1,30}[A-Za-z]{2,24}(?![\w-]|\.\w)"
)
_NAMES_END: Final = frozenset(
    "arpa biz cloud com corp de edu eu example fr gov home info int intern internal intra intranet invalid io jp lan "
    "local localdomain mil net org private test uk us".split()
)
"""A name of only two parts counts as a host name if it ends with one of these labels; other words of two parts are
files and symbols of programs."""
_FILES_END: Final = frozenset(
    "cfg cnf conf db go gz ini js json lock log md pem pid py sh so toml txt xml yaml yml".split()
)


_ASKED_HOST: Final = re.compile(
    r"(?:^|: )(?P<host>(?:[A-Za-z0-9_](?:[\w-]{0,61}[A-Za-z0-9])?\.){1,30}[A-Za-z]{2,24}): "
)
"""The host that a failed read asked, which its message names first. A setting of the SDK may choose this host."""


def redact(report: Report) -> Report:
    """Return the report with masks for everything that identifies."""
    return Redactor(report).report()


def redact_document(document: D) -> D:
    """Return a document without further sources, such as an audit, with masks for everything that identifies."""
    sensitive = (*sensitive_fields(document), *_asked_hosts(document))
    masked: D = dataclasses.replace(DocumentRedactor(document, sensitive).run(), redacted=True)
    return masked


def _asked_hosts(document: object) -> Iterator[tuple[str, str]]:
    """Yield the hosts that the messages of failed reads name, with the kind of their mask."""
    for text in _texts(document):
        yield from (("host", match["host"]) for match in _ASKED_HOST.finditer(text))


class DocumentRedactor:
    """The masks of one document, whose identifying fields are `sensitive`."""

    def __init__(
        self,
        document: object,
        sensitive: Iterable[tuple[str, str]],
        *,
        quoted_codes: Iterable[str | None] = (),
        versions: Iterable[str] = (),
        targets: Iterable[str] = (),
    ) -> None:
        """`quoted_codes` are failure codes whose messages quote a peer; `versions` are versions of agents on this host,
        some of which look like IPv4 addresses; `targets` are the hosts at the ends of ids."""
        self._document = document
        self._masks: dict[str, str] = {}
        self._counts: Counter[object] = Counter()
        self._texts: dict[tuple[str, bool], str] = {}
        """Cache of the masked form of each text: the ids of a network occur in many places."""
        self._addresses: dict[Address, Address] = {}
        self._versions = frozenset({*_VERSIONS, *versions})
        self._networks: dict[IPv4Network | IPv6Network, IPv4Network | IPv6Network] = {}
        self._quoted_codes = frozenset(quoted_codes)
        quoted: set[str] = set()
        hosts: set[str] = set()
        for kind, text in sensitive:
            if not _is_meaningful(kind, text):
                continue
            self._mask(kind, text)
            if (short := cut(text)) != text:  # a headline shows long values cut
                self._masks[short] = self._masks[text]
                quoted.add(short)
            if kind in _NAMES and "." in text:
                hosts.add(text)
            elif kind not in _NOT_QUOTED and len(text) >= _LEAST_QUOTED and text not in _PLAIN_WORDS:
                quoted.add(text)
            if kind == "bytes" and (shown := _as_text(text)) is not None:
                self._masks[shown] = self._masks[text]
                quoted.add(shown)
        # The id of a target ends with its host, whatever its name.
        endings = {host for host in targets if host in self._masks and "." not in host}
        self._words = quoted | hosts
        """Values that are searched for in texts that others wrote."""
        # Lists of domains can be long, but sentences name few of their domains.
        texts = "\n".join(_texts(document))
        quoted, hosts = ({word for word in words if word in texts} for words in (quoted, hosts))
        self._hosts = _any_of(hosts, behind_at=endings)
        self._quoted = _any_of(quoted | hosts)

    def run(self) -> Any:
        """Return the document with masks, in its own class."""
        return self._walked(self._document)

    def text(self, text: str) -> str:
        """Mask a sentence of the document."""
        return self._text(text, quotes=True)

    def value(self, mask: Mask, text: str) -> str:
        """Mask a value that belongs to the document but is not in it, as a field with this mask would be masked."""
        if _has_form(mask, text) or not _is_meaningful(mask.word, text):
            return self._text(text)
        return self._mask(mask.word, text)

    def _walked(self, value: Any, treatment: Mask | Open | None = None) -> Any:
        match value:
            case Enum() | None | bool() | int() | float():
                return value
            case str() if isinstance(treatment, Mask):
                stays = _has_form(treatment, value) and value not in self._quoted_codes
                return self._text(value) if stays else self._masks.get(value) or self._text(value)
            case str():
                return self._text(value, quotes=isinstance(treatment, Open) and treatment.quotes)
            case IPv4Interface() | IPv6Interface():
                return ip_interface(f"{self._address(value.ip)}/{value.network.prefixlen}")
            case IPv4Address() | IPv6Address():
                return self._address(value)
            case IPv4Network() | IPv6Network():
                return self._network(value)
            case tuple():
                return tuple(self._walked(item, treatment) for item in value)
            case dict():
                return {key: self._walked(item, treatment) for key, item in value.items()}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            of_field = treatments(type(value))
            changed = {name: self._walked(getattr(value, name), treatment) for name, treatment in of_field.items()}
            if isinstance(value, Command):
                # Nobody can use a command or a line with a mask in it, so it gets a placeholder instead.
                changed["argv"] = tuple(self._placeholder(word) for word in value.argv)
            if isinstance(value, Line):
                changed["line"] = " ".join(self._placeholder(word) for word in value.line.split(" "))
            return dataclasses.replace(value, **changed)
        return value

    def _text(self, text: str, *, quotes: bool = False) -> str:
        if (text, quotes) not in self._texts:
            self._texts[text, quotes] = self._searched(text, quotes=quotes)
        return self._texts[text, quotes]

    def _searched(self, text: str, *, quotes: bool) -> str:
        for known in (self._quoted if quotes else None, self._hosts):
            if known is not None:
                text = known.sub(lambda match: self._masks[match[0]], text)
        text = _ARN.sub(lambda match: self._mask("arn", match[0]), text)
        text = _IDS.sub(lambda match: self._mask(match["kind"], match["id"]), text)
        text = _ZONE.sub(lambda match: self._mask("zone", match[0]), text)
        text = _ACCOUNT.sub(lambda match: self._mask("account", match[0]), text)
        text = _NAMED_ADDRESS.sub(self._mask_named_address, text)
        return _ADDRESS.sub(self._mask_address, text)

    def _mask_address(self, match: re.Match[str]) -> str:
        text, slash, length = match[0].partition("/")
        if slash:
            try:
                return str(self._network(ip_network(match[0])))
            except ValueError:  # an address with a prefix length, or an id: `tcp/backup/10.0.1.17/443`
                pass
        if match[0] in self._versions:
            return match[0]
        try:
            return f"{self._address(ip_address(text))}{slash}{length}"
        except ValueError:
            return match[0]

    def _mask_named_address(self, match: re.Match[str]) -> str:
        try:
            masked = self._address(ip_address(match["address"].replace("-", ".")))
        except ValueError:
            return match[0]
        return f"{match['kind']}-{str(masked).replace('.', '-')}"

    def _mask(self, kind: str, text: str) -> str:
        if text not in self._masks:
            bucket = bucket_of_host(text) if kind == "host" else None
            self._masks[text] = (
                f"{kind}-{self._next(kind)}"
                if bucket is None
                else f"{self._mask('bucket', bucket)}{text.removeprefix(bucket)}"
            )
        return self._masks[text]

    def _next(self, kind: object) -> int:
        self._counts[kind] += 1
        return self._counts[kind]

    def _address(self, address: Address) -> Address:
        if address in _EVERYWHERE:
            return address
        if address not in self._addresses:
            number = self._next(("address", address.version))
            if address.version == 6:
                masked: Address = IPv6Address(f"2001:db8::{number:x}")
            else:
                block, host = divmod(number - 1, 254)
                kept = block < len(_DOCUMENTATION)
                network = _DOCUMENTATION[block] if kept else _BENCHMARKS
                after = host + 1 if kept else number - 254 * len(_DOCUMENTATION)
                masked = network[after % network.num_addresses]
            self._addresses[address] = masked
        return self._addresses[address]

    def _network(self, network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
        length = network.prefixlen
        if length == 0 or network in _NETWORKS_EVERYWHERE:
            return network
        if length == network.max_prefixlen:  # a rule for one host must still match the masked address of that host
            return ip_network(self._address(network.network_address))
        if network not in self._networks:
            # The reserved block of RFC 1112, section 4, is wide enough for most lengths.
            block = ip_network("2001:db8::/32" if network.version == 6 else "240.0.0.0/4")
            number = self._next((network.version, length)) % (1 << max(length - block.prefixlen, 0))
            masked = int(block.network_address) + (number << (network.max_prefixlen - length))
            base = IPv6Address(masked) if network.version == 6 else IPv4Address(masked)
            self._networks[network] = ip_network(f"{base}/{length}", strict=False)
        return self._networks[network]

    def _placeholder(self, word: str) -> str:
        has_form = any(form.fullmatch(word) for form in (_IDS, _ZONE, _ACCOUNT))
        if word in self._masks and word not in _PLAIN_WORDS and not has_form:
            return f"<{_kind_of(self._masks[word])}>"
        if self._hosts is not None:
            word = self._hosts.sub(lambda match: f"<{_kind_of(self._masks[match[0]])}>", word)
        word = _ARN.sub("<ARN>", word)
        word = _IDS.sub(lambda match: f"<{match['kind'].upper().replace('-', '_')}_ID>", word)
        word = _ZONE.sub("<ZONE_ID>", word)
        word = _ACCOUNT.sub("<ACCOUNT>", word)
        return _ADDRESS.sub(lambda match: "<CIDR>" if _is_length(match) else _place_of(match), word)


class Redactor(DocumentRedactor):
    """The masks of a report, and of texts from its host that go with it."""

    def __init__(self, report: Report) -> None:
        # The error code of an answer may also be text that a peer chose, unless it has the form of AWS' own codes.
        answers = (observation.facts for observation in report.observations if isinstance(observation.facts, ApiFacts))
        code = treatments(ApiFacts)["error_code"]
        super().__init__(
            report,
            _sensitive(report),
            quoted_codes={answer.error_code for answer in answers if not _has_form(code, answer.error_code or "0")},
            versions=filter(None, (workload.version for workload in report.vantage.workloads)),
            targets=(target.host for target in report.targets),
        )

    def report(self) -> Report:
        """Return the report with masks for everything that identifies."""
        masked: Report = self.run()
        return dataclasses.replace(masked, run=dataclasses.replace(masked.run, redacted=True))

    def of_host(self, text: str) -> str:
        """Return a text that another program on the host wrote, such as a log, with the masks of the report. Values
        that the report does not know are found by their form alone: ids of AWS, ARNs, account numbers, addresses, names
        of hosts and buckets, mail addresses, home folders. Other names in the text stay."""
        known = _any_of({word for word in self._words if word in text})
        if known is not None:
            text = known.sub(lambda match: self._masks[match[0]], text)
        text = _MAIL.sub(lambda match: self._mask("mail", match[0]), text)
        text = _MAC.sub(lambda match: self._mask("mac", match[0].lower()), text)
        text = _HOME.sub(lambda match: self._mask("user", match[0]), text)
        text = _BUCKET.sub(lambda match: self._mask("bucket", match[0]), text)
        text = self._searched(text, quotes=False)
        text = _OTHER_ID.sub(lambda match: self._mask(match["kind"], match[0]), text)
        return _NAME.sub(self._mask_name, text)

    def word(self, kind: str, text: str, *, everywhere: bool = False) -> str:
        """Return the mask of a value of this kind, or the value itself if it identifies nothing. The value is also
        searched for in later texts if `everywhere` is set, or if it has a dot and so is not a common word."""
        if not _is_meaningful(kind, text):
            return self.of_host(text)
        if text not in self._masks and (masked := self.of_host(text)) != text:
            return masked  # an id, an address, or a name that a text contained
        if len(text) >= _LEAST_QUOTED and text not in _PLAIN_WORDS and ("." in text or everywhere):
            self._words.add(text)
        return self._mask(kind, text)

    def _mask_name(self, match: re.Match[str]) -> str:
        name = match[0]
        last = name.rpartition(".")[2].lower()
        if last in _FILES_END or (name.count(".") == 1 and last not in _NAMES_END):
            return name
        if name.lower() != name and last not in _NAMES_END:  # a name with capitals is a symbol of a program
            return name
        return self._mask("host", name) if _is_meaningful("host", name) else name


def _sensitive(report: Report) -> Iterator[tuple[str, str]]:
    """Yield the content of each field that is masked whole, with the kind of its mask, in the report's order."""
    # Buckets come first, so that a workload's setting with the same text gets the same mask.
    yield from (("bucket", target.bucket) for target in report.targets if target.bucket is not None)
    yield from sensitive_fields(report.vantage)
    yield from sensitive_fields(report.targets)
    for observation in report.observations:
        yield from sensitive_fields(observation.facts)
        failure = observation.failure
        if failure is None:
            continue
        # The message of the first kind names a path on this host; the others quote a source of credentials or AWS.
        bundle = failure.kind is FailureKind.TLS_NO_TRUST_STORE
        source = observation.subject.step is Step.CREDENTIALS and failure.kind not in _OWN_WORDS
        if bundle or source or (observation.subject.step is Step.EC2 and failure.kind in _AWS_WORDS):
            yield "text", failure.message
        elif (quoted := _QUOTED_BYTES.search(failure.message)) is not None:
            yield "text", quoted[0]
        yield from sensitive_fields(failure)
    yield from sensitive_fields(report.paths)
    # These come last, since the host in a masked URL is no longer found.
    for kind, text in sensitive_fields((report.vantage, *(observation.facts for observation in report.observations))):
        if kind in ("location", "proxy", "url") and (host := _host_in(text)) is not None and "." in host:
            yield "host", host
    # A rule may know a name from elsewhere than a field: it reads a role from the message of a denial.
    for finding in report.findings:
        yield from chosen_subjects(finding.subjects)
        issuers = (subject.id for subject in finding.subjects if subject.kind is SubjectKind.ISSUER)
        yield from (("issuer", name) for name in map(common_name, issuers) if name is not None)


def chosen_subjects(subjects: Iterable[FindingSubject]) -> Iterator[tuple[str, str]]:
    """Yield the id of each subject whose id is a chosen name, after the word for its mask."""
    yield from ((subject.kind.value, subject.id) for subject in subjects if subject.kind in CHOSEN)


@cache
def treatments(kind: type) -> dict[str, Mask | Open | None]:
    """Return how a masked report treats the text in each field of a class; None for a field without text. Raises
    TypeError for a text without Mask or Open, or with several."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: _treatment(hints[field.name], f"{kind.__name__}.{field.name}") for field in _fields_of(kind)}


def _fields_of(kind: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(kind)


def _treatment(hint: Any, place: str) -> Mask | Open | None:
    masks = set(_annotated(hint, place))
    if len(masks) > 1:
        raise TypeError(f"{place}: several masks: {masks}")
    return masks.pop() if masks else None


def _annotated(hint: Any, place: str) -> Iterator[Mask | Open]:
    """Yield the annotations of the texts in a type; for a dictionary, those of its values."""
    if hint is str:
        raise TypeError(f"{place}: a text needs a Mask or an Open of probes.masks")
    if get_origin(hint) is Annotated:
        yield from (mark for mark in hint.__metadata__ if isinstance(mark, Mask | Open))
        return
    parts = get_args(hint)
    if get_origin(hint) is dict:
        _treatment(parts[0], place)
        parts = parts[1:]
    for part in parts:
        yield from _annotated(part, place)


def _has_form(treatment: Mask | Open | None, text: str) -> bool:
    """Whether a text has a form that the mask of its field leaves unmasked."""
    return isinstance(treatment, Mask) and treatment.unless is not None and _matches(treatment.unless, text)


def _matches(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


_compiled = cache(re.compile)


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts that may quote other fields."""
    if isinstance(value, str) and not isinstance(value, Enum):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        yield from _texts(tuple(value.values()))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for name, treatment in treatments(type(value)).items():
            if not isinstance(treatment, Mask):
                yield from _texts(getattr(value, name))


def sensitive_fields(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the texts to mask, each with the word of its mask."""
    if isinstance(value, tuple):
        for item in value:
            yield from sensitive_fields(item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for name, treatment in treatments(type(value)).items():
            content = getattr(value, name)
            if not isinstance(treatment, Mask):
                yield from sensitive_fields(content)
            elif isinstance(content, dict):
                # An entry of a list of exceptions may be a common word, or the domain of AWS itself.
                yield from (
                    ("exceptions" if key == "no_proxy" else treatment.word, text) for key, text in content.items()
                )
            else:
                texts: Iterable[str | None] = content if isinstance(content, tuple) else (content,)
                yield from (
                    (treatment.word, text) for text in texts if text is not None and not _has_form(treatment, text)
                )


def _is_meaningful(kind: str, text: str) -> bool:
    """Whether a value identifies something and patterns alone would not mask it."""
    if not text or text in ("Amazon", "localhost", AMAZON_DNS):
        return False
    if kind in ("exceptions", "name", "resolver", *_NAMES):
        name = text.lower().removeprefix("*").strip(".")
        if kind == "host" and bucket_of_host(name) is not None:
            return True  # a name of AWS that begins with a name that the user chose
        if not name or any(suffix.endswith(f".{name}") for suffix in SUFFIXES):  # every name, or all of `com`
            return False
        return not _is_address(name) and not any(name == suffix or name.endswith(f".{suffix}") for suffix in SUFFIXES)
    return True


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _host_in(url: str) -> str | None:
    try:
        return urlsplit(url if "://" in url else f"//{url}").hostname
    except ValueError:
        return None


def _as_text(first_bytes: str) -> str | None:
    """Return the first bytes of a peer in the form that a sentence shows."""
    try:
        return repr(bytes.fromhex(first_bytes).decode("latin-1"))
    except ValueError:
        return None


def _any_of(words: Iterable[str], behind_at: Iterable[str] = ()) -> re.Pattern[str] | None:
    """Return a pattern that finds each of `words`, the longest first, except inside a longer word."""
    forms = [
        (r"(?<!\w)" if word[0].isalnum() else "") + re.escape(word) + (r"(?!\w)" if word[-1].isalnum() else "")
        for word in sorted(words, key=lambda word: (-len(word), word))
    ]
    forms += [rf"(?<=@){re.escape(word)}(?!\w)" for word in behind_at]
    return re.compile("|".join(forms)) if forms else None


def _kind_of(mask: str) -> str:
    return "HOST" if "." in mask else mask.rpartition("-")[0].upper()


def _is_length(match: re.Match[str]) -> bool:
    return match["length"] is not None


def _place_of(match: re.Match[str]) -> str:
    is_known = _is_address(match[0]) and ip_address(match[0]) not in _EVERYWHERE
    return "<ADDRESS>" if is_known else match[0]
