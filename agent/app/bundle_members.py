"""The members of a support archive about this host: files, tables of the kernel, names of settings, logs of agents.

All of these are texts of other programs. One cleaner removes secrets from them. If the archive is masked, it also
replaces identifying values by the masks of the report.
"""

import os
import platform
import posixpath
import re
import socket
import ssl
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from agent.catalog.wording import counted
from agent.process.files import within
from agent.report.archive import Absent, Member
from agent.report.model import Report
from agent.report.redact import Redactor
from agent.report.secrets import known_secrets, without_secrets
from agent.version import __version__
from probes.facts import BACKINT, SAP_SYSTEMS, WorkloadFacts
from probes.frozen import dataclass
from probes.seams import MAX_FILE_BYTES
from probes.steps.host import PROXY_VARIABLES, RESOLVED
from probes.system import routing
from probes.system.host_files import HostFiles
from probes.system.machine import SystemMachine
from probes.urls import masked_proxy, masked_urls

SECONDS: Final = 5.0
"""Time limit in seconds for one member. A log may be on a file system that never answers."""
MAX_TEXT: Final = 256 << 10
"""Maximum size in bytes of one member that is neither a report nor a log."""
LOG_LINES: Final = 2_000
"""Maximum number of lines of each log in the archive. The archive has the last lines."""
MAX_LOG: Final = 1 << 20
"""Maximum number of bytes that are read from the end of each log."""
MAX_LINE: Final = 4_096
"""Maximum length of one line of a log."""
MAX_SYSTEMS: Final = 4
"""Maximum number of SAP systems whose logs are read."""

_SYSCTLS: Final = (
    *("net/ipv4/ip_local_port_range", "net/ipv4/ip_local_reserved_ports", "net/ipv4/ip_no_pmtu_disc"),
    *("net/ipv4/tcp_mtu_probing", "net/ipv4/tcp_base_mss", "net/ipv4/tcp_min_snd_mss", "net/ipv4/tcp_timestamps"),
    *("net/ipv4/tcp_sack", "net/ipv4/tcp_window_scaling", "net/ipv4/tcp_ecn", "net/ipv4/tcp_congestion_control"),
    *("net/ipv4/tcp_keepalive_time", "net/ipv4/tcp_keepalive_intvl", "net/ipv4/tcp_keepalive_probes"),
    *("net/ipv4/tcp_syn_retries", "net/ipv4/tcp_synack_retries", "net/ipv4/tcp_retries1", "net/ipv4/tcp_retries2"),
    *("net/ipv4/tcp_fin_timeout", "net/ipv4/tcp_tw_reuse", "net/ipv4/tcp_max_tw_buckets", "net/ipv4/tcp_rmem"),
    *("net/ipv4/tcp_wmem", "net/ipv4/conf/all/rp_filter", "net/ipv6/conf/all/disable_ipv6", "net/core/rmem_max"),
    *("net/core/wmem_max", "net/netfilter/nf_conntrack_count", "net/netfilter/nf_conntrack_max"),
)
_TCP_STATES: Final = (
    *("ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT"),
    *("LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV"),
)
"""States of sockets, in the order of their numbers in /proc/net/tcp, which begin with 1 (linux/tcp_states.h)."""
_SHOWN_VARIABLES: Final = (
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"),
    *("AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_V1_DISABLED", "AWS_STS_REGIONAL_ENDPOINTS", "AWS_RETRY_MODE"),
    *("AWS_MAX_ATTEMPTS", "AWS_SDK_LOAD_CONFIG", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"),
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
)
"""Variables that are shown with their values: each is a Region, a switch or a number."""
_SIMPLE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FILE_KEYS: Final = frozenset(
    "aws_access_key_id aws_secret_access_key aws_session_token ca_bundle credential_process credential_source "
    "defaults_mode duration_seconds ec2_metadata_service_endpoint ec2_metadata_service_endpoint_mode endpoint_url "
    "external_id ignore_configured_endpoint_urls max_attempts mfa_serial output region retry_mode role_arn "
    "role_session_name s3 services source_profile sso_account_id sso_region sso_role_name sso_session sso_start_url "
    "sts_regional_endpoints use_dualstack_endpoint use_fips_endpoint web_identity_token_file".split()
)
"""Keys in the SDK's shared files that the archive lists by name; other keys are only counted."""
_HOST_WORDS: Final = re.compile(
    r"(?:ip6-)?(?:localhost|loopback|localnet|mcastprefix|allnodes|allrouters|allhosts)[46]?(?:\.localdomain[46]?)?"
)
"""Names that a distribution puts into the hosts file."""
_PUBLIC_FILES: Final = ("/etc/os-release", "/usr/lib/os-release")
_SSM_LOGS: Final = "/var/log/amazon/ssm"
_BACKINT_FOLDER: Final = f"/hana/shared/{BACKINT}"
"""Default folder of the Backint agent's installer."""


class Cleaner:
    """Removes secrets from texts, and masks them if the archive is masked."""

    def __init__(self, masks: Redactor | None, environment: Mapping[str, str]) -> None:
        self._masks = masks
        self._secrets = known_secrets(environment)

    @property
    def is_masking(self) -> bool:
        """Whether identifying values are masked."""
        return self._masks is not None

    def unsecret(self, text: str) -> str:
        """The text without secrets."""
        return without_secrets(text, self._secrets)

    def text(self, text: str) -> str:
        """Return the text in the form for the archive."""
        text = self.unsecret(text)
        return text if self._masks is None else self._masks.of_host(text)

    def word(self, kind: str, text: str, *, everywhere: bool = False) -> str:
        """Return a value for the archive. It is masked as a whole if it identifies something, such as the name of a
        host."""
        text = self.unsecret(text)
        return text if self._masks is None else self._masks.word(kind, text, everywhere=everywhere)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A member that is read from this host."""

    name: str
    what: str
    read: Callable[[], tuple[str, str | None]]
    """Returns the cleaned text, and a note on what is missing from it. Raises OSError."""
    keeps: str = "start"


def host_members(sources: Iterable[Source], received_signals: Sequence[str]) -> Iterator[Member | Absent]:
    """Read each source within SECONDS. A source that cannot be read is Absent. Raises InterruptedBySignalError."""
    for source in sources:
        try:
            text, missing = within(source.read, seconds=SECONDS, received_signals=received_signals)
        except OSError as error:
            yield Absent(name=source.name, why=f"not read: {error.strerror or error}")
            continue
        content = text.encode("utf-8", "backslashreplace")
        yield Member(name=source.name, what=source.what, content=content, keeps=source.keeps, missing=missing)


def sources_of_host(report: Report, cleaner: Cleaner, files: HostFiles, environment: Mapping[str, str]) -> list[Source]:
    """Return the sources of every archive about this host."""
    reading = _Reading(report, cleaner, files, environment)
    return [
        Source(
            name="host/resolv.conf", what="name servers and search list", read=reading.resolv_conf("/etc/resolv.conf")
        ),
        Source(
            name="host/systemd-resolved.conf", what="whom systemd-resolved asks", read=reading.resolv_conf(RESOLVED)
        ),
        Source(name="host/nsswitch.conf", what="where names are looked up", read=reading.plain("/etc/nsswitch.conf")),
        Source(name="host/hosts", what="the hosts file", read=reading.hosts),
        Source(name="host/addresses.txt", what="addresses and MTU of each interface", read=reading.addresses),
        Source(name="host/routes.txt", what="routes of all tables", read=reading.kernel(routing.routes)),
        Source(name="host/rules.txt", what="rules of policy routing", read=reading.kernel(routing.rules)),
        Source(name="host/neighbours.txt", what="neighbour entries", read=reading.kernel(routing.neighbours)),
        Source(name="host/sysctl.txt", what="settings of the kernel for TCP", read=reading.sysctls),
        Source(name="host/sockets.txt", what="how many sockets there are, by state", read=reading.sockets),
        Source(name="host/sdk.txt", what="settings of proxies and of the AWS SDK, by name", read=reading.sdk),
        Source(name="host/versions.txt", what="versions of programs, libraries and agents", read=reading.versions),
    ]


def sources_of_logs(report: Report, cleaner: Cleaner, files: HostFiles) -> list[Source]:
    """Return the logs of the agents that may be on this host."""
    reading = _Reading(report, cleaner, files, {})
    places = {
        "logs/ssm-agent.log": (f"{_SSM_LOGS}/amazon-ssm-agent.log", "log of the SSM Agent"),
        "logs/ssm-agent-errors.log": (f"{_SSM_LOGS}/errors.log", "errors of the SSM Agent"),
    }
    for number, folder in enumerate(reading.backint_folders(), 1):
        suffix = "" if number == 1 else f"-{number}"
        places[f"logs/backint-agent{suffix}.log"] = (f"{folder}/{BACKINT}.log", "log of the AWS Backint agent")
    for number, folder in enumerate(reading.trace_folders(), 1):
        for name in ("backint.log", "backup.log"):
            places[f"logs/hana-{number}-{name}"] = (f"{folder}/{name}", f"{name} of an SAP HANA system")
    return [
        Source(name=name, what=f"{what}, its last {LOG_LINES:,} lines", read=reading.log(path), keeps="end")
        for name, (path, what) in places.items()
    ]


class _Reading:
    """The readers of this host, with their shared settings."""

    def __init__(self, report: Report, cleaner: Cleaner, files: HostFiles, environment: Mapping[str, str]) -> None:
        self._report = report
        self._cleaner = cleaner
        self._files = files
        self._environment = environment

    def plain(self, path: str) -> Callable[[], tuple[str, str | None]]:
        """Return a reader for a file of settings that contains nothing identifying."""

        def read() -> tuple[str, str | None]:
            text, missing = self._text(path)
            return self._cleaner.text(self._without_comments(text)), missing

        return read

    def resolv_conf(self, path: str) -> Callable[[], tuple[str, str | None]]:
        def read() -> tuple[str, str | None]:
            text, missing = self._text(path)
            lines = []
            for line in self._without_comments(text).splitlines():
                keyword, *values = line.split() or [""]
                if keyword in ("search", "domain"):
                    values = [self._cleaner.word("search", value) for value in values]
                    lines.append(" ".join((keyword, *values)))
                else:
                    lines.append(self._cleaner.text(line))
            return _joined(lines), missing

        return read

    def hosts(self) -> tuple[str, str | None]:
        text, missing = self._text("/etc/hosts")
        if not self._cleaner.is_masking:
            return self._cleaner.text(text), missing
        lines = []
        for line in self._without_comments(text).splitlines():
            address, *names = line.partition("#")[0].split() or [""]
            names = [name if _HOST_WORDS.fullmatch(name) else self._cleaner.word("host", name) for name in names]
            lines.append(" ".join((self._cleaner.text(address), *names)))
        return _joined(lines), missing

    def addresses(self) -> tuple[str, str | None]:
        interfaces = SystemMachine().interfaces()
        if interfaces is None:
            raise OSError("this system does not say")
        mtus = {name: self._value(f"/sys/class/net/{name}/mtu") for name in {one.name for one in interfaces}}
        lines = [_shown(f"{one.name} {one.address} mtu {mtus[one.name]}") for one in interfaces]
        return self._cleaner.text(_joined(lines)), None

    def kernel(self, lines: Callable[[], list[str]]) -> Callable[[], tuple[str, str | None]]:
        return lambda: (self._cleaner.text(_joined(map(_shown, lines()))), None)

    def sysctls(self) -> tuple[str, str | None]:
        lines = [f"{name.replace('/', '.')} = {self._value(f'/proc/sys/{name}')}" for name in _SYSCTLS]
        return self._cleaner.text(_joined(lines)), None

    def sockets(self) -> tuple[str, str | None]:
        lines, missing = [], None
        for name in ("sockstat", "sockstat6"):
            lines += self._text(f"/proc/net/{name}")[0].splitlines()
        for name in ("tcp", "tcp6"):
            content, whole = self._files.start(f"/proc/net/{name}", MAX_FILE_BYTES)
            states = Counter(_states(content))
            counts = ", ".join(f"{state} {count}" for state, count in states.most_common())
            lines.append(f"{name} by state: {counts or 'none'}")
            if not whole:
                missing = f"states are of the first {MAX_FILE_BYTES >> 20} MiB of the table"
        return self._cleaner.text(_joined(lines)), missing

    def sdk(self) -> tuple[str, str | None]:
        lines = ["Variables of this process, by name. A value is shown only if it cannot hold a secret.", ""]
        for name in sorted(self._environment):
            if name.startswith("AWS_") or name.lower() in PROXY_VARIABLES:
                lines.append(f"{_shown(name)[:128]}  {self._variable(name, self._environment[name])}")
        for variable, default in (
            ("AWS_CONFIG_FILE", "~/.aws/config"),
            ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
        ):
            where = variable if self._environment.get(variable) else default
            lines += ["", f"Keys of each section of a shared file ({where}), without values:"]
            path = posixpath.expanduser(self._environment.get(variable) or default)
            try:
                content, _ = self._files.start(path, MAX_TEXT)
            except OSError as error:
                lines.append(f"not read: {error.strerror}")
                continue
            lines += self._sections(content.decode("utf-8", "replace"))
        sdk = self._report.vantage.sdk
        if sdk is not None:
            lines += ["", "The settings that the SDK took from it are in report.json, under vantage.sdk."]
        return self._cleaner.unsecret(_joined(lines)), None

    def versions(self) -> tuple[str, str | None]:
        system = os.uname()
        rows = {
            "backuplink": __version__,
            "Python": sys.version.split()[0],
            "OpenSSL": ssl.OPENSSL_VERSION,
            "C library": " ".join(platform.libc_ver()).strip() or "not known",
            "kernel": f"{system.sysname} {system.release} {system.machine}",
            "operating system": self._system(),
            "AWS CLI": self._cli(),
        }
        if self._report.vantage.sdk is not None:
            rows["AWS SDK"] = self._report.vantage.sdk.version
        lines = [f"{name}: {version}" for name, version in rows.items()]
        for observation in self._report.observations:
            if isinstance(facts := observation.facts, WorkloadFacts):
                for found in facts.found:
                    version = found.version or "not known; --run-agents runs an agent to read it"
                    lines.append(f"agent of {found.name}: {self._cleaner.unsecret(version)}")
        # Versions look like addresses, but do not identify.
        return _joined([self._cleaner.unsecret(line) for line in lines]), None

    def log(self, path: str) -> Callable[[], tuple[str, str | None]]:
        """Return a reader for the end of a log, masked line by line."""

        def read() -> tuple[str, str | None]:
            content, whole = self._files.end(path, MAX_LOG)
            lines = content.decode("utf-8", "backslashreplace").splitlines()
            if not whole:
                lines = lines[1:]  # the first line is incomplete
            dropped = not whole or len(lines) > LOG_LINES
            lines = [_shown(line) for line in lines[-LOG_LINES:]]
            # The lines are masked as a whole, since a key may have several lines.
            return self._cleaner.text(_joined(lines)), f"its last {len(lines):,} lines" if dropped else None

        return read

    def backint_folders(self) -> list[str]:
        """Return the folders of Backint agents, from the links of the SAP systems that the run found, or the default
        folder."""
        folders = [_BACKINT_FOLDER]
        for observation in self._report.observations:
            if isinstance(facts := observation.facts, WorkloadFacts):
                for found in facts.found[:MAX_SYSTEMS]:
                    try:
                        target = self._files.link_target(found.by)
                    except OSError:  # a unit file, or a link that is gone
                        continue
                    if BACKINT in target:
                        folders.append(posixpath.dirname(posixpath.join(posixpath.dirname(found.by), target)))
        return list(dict.fromkeys(folders))

    def trace_folders(self) -> list[str]:
        """Return the folders in which SAP HANA systems keep the messages of Backint."""
        folders = []
        for system in [name for name in self._entries(SAP_SYSTEMS) if re.fullmatch(r"[A-Z][A-Z0-9]{2}", name)]:
            for instance in self._entries(f"{SAP_SYSTEMS}/{system}"):
                if re.fullmatch(r"HDB[0-9]{2}", instance):
                    folder = f"{SAP_SYSTEMS}/{system}/{instance}/{socket.gethostname()}/trace"
                    folders.append(folder)
        return folders[:MAX_SYSTEMS]

    def _entries(self, path: str) -> tuple[str, ...]:
        try:
            return self._files.entries(path, 256)
        except OSError:  # there are no SAP systems
            return ()

    def _text(self, path: str) -> tuple[str, str | None]:
        content, whole = self._files.start(path, MAX_TEXT)
        missing = None if whole else f"its first {MAX_TEXT >> 10} KiB"
        return _shown(content.decode("utf-8", "backslashreplace"), keep="\n\t"), missing

    def _without_comments(self, text: str) -> str:
        """Return the text. If the archive is masked, comments are left out, since they may contain anything."""
        if not self._cleaner.is_masking:
            return text
        lines = [line for line in text.splitlines() if not line.lstrip().startswith(("#", ";"))]
        return _joined(lines)

    def _value(self, path: str) -> str:
        """Return one short line from a file of the kernel, or the reason why it cannot be read."""
        try:
            return _shown(" ".join(self._files.start(path, 256)[0].decode("ascii", "backslashreplace").split()))
        except OSError as error:
            return f"not read: {error.strerror}"

    def _variable(self, name: str, value: str) -> str:
        if not value:
            return "set, and empty"
        if name in _SHOWN_VARIABLES and _SIMPLE.fullmatch(value):
            return value
        if name.lower() == "no_proxy":
            return ", ".join(self._cleaner.word("exceptions", word.strip()) for word in _shown(value).split(","))
        if name.lower() in PROXY_VARIABLES or name.startswith("AWS_ENDPOINT_URL"):
            return self._cleaner.text(masked_urls(masked_proxy(_shown(value))))
        return "set"

    def _sections(self, text: str) -> Iterator[str]:
        others = 0
        for line in text.splitlines():
            if (
                section := re.fullmatch(r"\s*\[\s*(?:(profile|sso-session|services)\s+)?([^\]]{1,128})\]\s*", line)
            ) is not None:
                name = section[2].strip()
                shown = name if name == "default" else self._cleaner.word("profile", _shown(name))
                yield f"[{' '.join(filter(None, (section[1], shown)))}]"
            elif (key := re.match(r"\s*([a-z0-9_]{1,64})\s*=", line)) is not None and key[1] in _FILE_KEYS:
                yield f"  {key[1]}"
            elif "=" in line:
                others += 1
        if others:
            yield f"and {counted(others, 'other line')} with a key"

    def _system(self) -> str:
        for path in _PUBLIC_FILES:
            try:
                text = self._files.start(path, MAX_TEXT)[0].decode("utf-8", "replace")
            except OSError:
                continue
            if (match := re.search(r'^PRETTY_NAME="?([^"\n]{1,128})', text, re.MULTILINE)) is not None:
                return _shown(match[1])
        return "not known"

    def _cli(self) -> str:
        """Return the version of the AWS CLI from the link that its installer makes; the program is not run."""
        try:
            return _shown(posixpath.basename(self._files.link_target("/usr/local/aws-cli/v2/current")))
        except OSError:
            return "not known"


def _states(content: bytes) -> Iterator[str]:
    """Yield the state of each socket in a table of /proc/net (proc_net_tcp in the kernel's documentation)."""
    for line in content.decode("ascii", "replace").splitlines()[1:]:
        words = line.split()
        if (
            len(words) > 3
            and re.fullmatch("[0-9A-F]{2}", words[3])
            and 1 <= (number := int(words[3], 16)) <= len(_TCP_STATES)
        ):
            yield _TCP_STATES[number - 1]


def _shown(text: str, keep: str = "\t") -> str:
    """Return a text without control characters. Long lines are shortened."""
    if not text.isprintable():
        text = "".join(
            char if char.isprintable() or char in keep else char.encode("unicode_escape").decode("ascii")
            for char in text
        )
    if len(text) <= MAX_LINE:
        return text
    return "\n".join(line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]} ... (cut)" for line in text.split("\n"))


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
