"""Find the workloads on this host by links, unit files and settings, within limits of number and time.

Programs are run only on request, and only to print their versions. Links and unit files decide whether a workload is
present. Every user can read these, so root at a terminal and a sandboxed service have the same results. Files that only
some users can read, such as the configuration of the Backint agent, add details. Files that cannot be read are
reported.

Sources: Install and configure AWS Backint Agent for SAP HANA, and Uninstall AWS Backint agent (SAP HANA on AWS Guides);
keys of `amazon-ssm-agent.json` from the README of aws/amazon-ssm-agent; Configure SSM Agent to use a proxy on Linux
nodes (Systems Manager User Guide); systemd.unit(5) and systemd.exec(5).
"""

import contextlib
import errno
import json
import posixpath
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from probes.facts import (
    AWS_BACKUP_MODE,
    BACKINT,
    BACKINT_LINK,
    BUCKET,
    BUCKET_REGIONS,
    ENVIRONMENT_FILE,
    FOR_ALL_SERVICES,
    MANAGER_SETTINGS,
    S3_MODE,
    SAP_SYSTEMS,
    SHELL_VARIABLES,
    SSM_AGENT_UNIT,
    SSM_ENDPOINTS,
    FoundWorkload,
    UnreadFile,
    WorkloadFacts,
)
from probes.model import Draft
from probes.seams import Machine
from probes.urls import masked_proxy

MAX_ENTRIES: Final = 256
"""Maximum number of entries that are read from the folder of SAP systems. The folder has one entry for each system, and
a few more."""
MAX_SYSTEMS: Final = 16
SSM_AGENT_UNITS: Final = (
    f"/etc/systemd/system/{SSM_AGENT_UNIT}",
    f"/usr/lib/systemd/system/{SSM_AGENT_UNIT}",
    f"/lib/systemd/system/{SSM_AGENT_UNIT}",
    f"/etc/systemd/system/snap.amazon-ssm-agent.{SSM_AGENT_UNIT}",
)
"""Unit files that the packages deb, rpm and snap install, and a unit file that an administrator may write."""
UNIT_FOLDERS: Final = (
    "/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/run/systemd/system",
    "/etc/systemd/system",
)
"""Folders in which systemd looks for drop-ins. If several files have the same name, the file in the last folder
counts."""
MAX_DROP_INS: Final = 32
"""Maximum number of files that are read in one folder."""
SSM_AGENT_SETTINGS: Final = (
    "/etc/amazon/ssm/amazon-ssm-agent.json",
    "/etc/amazon/ssm-snap/amazon-ssm-agent.json",
    "/snap/amazon-ssm-agent/current/amazon-ssm-agent.json",
)
SSM_AGENT: Final = "/usr/bin/amazon-ssm-agent"
SSM_AGENT_IN_SNAP: Final = "/snap/amazon-ssm-agent/current/amazon-ssm-agent"
SSM_AGENT_SNAP: Final = "/snap/amazon-ssm-agent/current/meta/snap.yaml"
"""The file with the version of the agent from the snap; other packages do not have a small file with the version."""
SETTINGS: Final = (BUCKET, *BUCKET_REGIONS)
"""Keys of the Backint agent's configuration that are kept."""
PROXIES: Final = ("https_proxy", "http_proxy", "no_proxy")
MAX_CHARACTERS: Final = 512
"""Maximum length that is kept of a setting's value."""

_CONFIGURATION: Final = f"{BACKINT}-config.yaml"
_CONFIGURATIONS: Final = (".yaml", ".yml", "/global.ini")
"""Endings of the paths of the files that decide the mode of a Backint agent."""
_LAUNCHER: Final = f"{BACKINT}-launcher.sh"
_SYSTEM_ID: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
_YAML_LINE: Final = re.compile(r"[ \t-]*([A-Za-z][A-Za-z0-9_]*)[ \t]*:(?:[ \t]+(.*))?$")
_PARAMETER_FILE: Final = re.compile(r"^[ \t]*data_backup_parameter_file[ \t]*=[ \t]*(/\S+)[ \t]*$", re.MULTILINE)
_ASSIGNMENT: Final = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_]+)=(.*)$")
_LITERAL: Final = re.compile(r"'[^']*'|\\\\.|(?:^|[ \t])#.*$")
"""The parts of a line that a shell does not expand, and comments."""
_EXPANSION: Final = re.compile(r"[$`]")
_OF_SHELL: Final = "$"
"""The text in place of a value that only the shell knows."""
_COMMENT: Final = re.compile(r"^[ \t]*[#;].*\n?", re.MULTILINE)
_UNIT_LINE: Final = re.compile(r"[ \t]*(?:Default)?(Environment|EnvironmentFile)[ \t]*=(.*)$")
_UNIT_SECTIONS: Final = ("[Service]", "[Manager]")
_UNEXPANDED: Final = re.compile(r"[%*?[]")
"""Characters in the path of a file with variables that systemd expands."""
_VERSION: Final = re.compile(r"^version:[ \t]*['\"]?([0-9]{1,5}(?:\.[0-9]{1,5}){1,4})['\"]?[ \t]*$", re.MULTILINE)
_IN_OUTPUT: Final = re.compile(r"(?<![0-9.])[0-9]{1,5}(?:\.[0-9]{1,5}){2,4}(?![0-9.])")
"""The version in the Backint agent's output. The output also contains the version of the agent's interface, which has
only two parts."""
_NOT_THERE: Final = (errno.ENOENT, errno.ENOTDIR)


async def probe(
    machine: Machine,
    draft: Draft[WorkloadFacts],
    *,
    run_agents: bool = False,
    standing: Sequence[FoundWorkload] = (),
) -> WorkloadFacts:
    """Look for the agents that use AWS Backup; with `run_agents`, run each agent to print its version. If a file system
    stops answering, the results so far are kept. For signs that cannot be read now, the results of an earlier search
    (`standing`) are kept."""
    search = _Search(machine, draft, run_agents=run_agents, standing=standing)
    await search.find_backint()  # first, since this agent decides which services must be reachable
    await search.find_ssm_agent()
    return search.end()


class _Search:
    """A search with its results so far."""

    def __init__(
        self,
        machine: Machine,
        draft: Draft[WorkloadFacts],
        *,
        run_agents: bool,
        standing: Sequence[FoundWorkload],
    ) -> None:
        self._machine = machine
        self._run_agents = run_agents
        self._draft = draft
        self._standing = [replace(workload, is_standing=True) for workload in standing if workload.name == "hana"]
        self._found: list[FoundWorkload] = []
        self._unread: dict[str, str] = {}
        self._unanswered: str | None = None
        """The sign that the search is looking for now. If the search is cut short, this sign counts as unread."""
        self.end()

    def end(self) -> WorkloadFacts:
        """End the search and return its results."""
        errors = self._unread if self._unanswered is None else {**self._unread, self._unanswered: "ETIMEDOUT"}
        unread = tuple(UnreadFile(path=path, error=error) for path, error in errors.items())
        known = {workload.by for workload in self._found}
        hidden = (one for one in self._standing if one.by not in known and _hides(errors, one.by))
        found = (*map(self._with_standing_mode, self._found), *hidden)
        self._draft.facts = WorkloadFacts(found=found, unread=unread, by_root=self._machine.is_root)
        return self._draft.facts

    def _with_standing_mode(self, workload: FoundWorkload) -> FoundWorkload:
        """Return an agent as it was found now, or as it was found earlier if its configuration cannot be read now."""
        before = next((one for one in self._standing if one.by == workload.by and one.mode is not None), None)
        is_hidden = workload.mode is None and any(path.endswith(_CONFIGURATIONS) for path in self._unread)
        return workload if before is None or not is_hidden else before

    def _add(self, workload: FoundWorkload) -> None:
        self._found.append(workload)
        self.end()

    async def find_ssm_agent(self) -> None:
        """Find the SSM Agent by its unit file."""
        unit = next((path for path in SSM_AGENT_UNITS if self._is_there(path)), None)
        if unit is None:
            return
        settings: dict[str, str] = {}
        for path in SSM_AGENT_SETTINGS:
            if (text := self._text(path)) is not None:
                settings = ssm_settings(text)
                break
        settings |= await self._proxies_of(unit)
        is_snap = "/snap." in unit
        kept = _VERSION.search(self._text(SSM_AGENT_SNAP) or "") if is_snap else None
        program = SSM_AGENT_IN_SNAP if is_snap else SSM_AGENT
        version = kept[1] if kept else await self._version_of(program, "-version")
        self._add(FoundWorkload(name="ssm", by=unit, version=version, settings=settings))

    async def _proxies_of(self, unit: str) -> dict[str, str]:
        """Return the proxy variables that systemd gives to a service, from the files that set them."""
        kinds = (FOR_ALL_SERVICES, f"/{posixpath.basename(unit)}.d")
        folders = (f"{folder}{kind}" for kind in kinds for folder in UNIT_FOLDERS)
        groups = (
            (MANAGER_SETTINGS, *await self._drop_ins((f"{MANAGER_SETTINGS}.d",))),
            (unit, *await self._drop_ins(folders)),
        )
        given: dict[str, str] = {}
        not_known = {}
        for paths in groups:
            variables, files = unit_environment(text for path in paths if (text := self._text(path)) is not None)
            given |= variables
            for path in files:
                text = None if _UNEXPANDED.search(path) else await self._first_of((path,))
                given |= assignments(text or "")
                if path in self._unread or _UNEXPANDED.search(path):
                    not_known[ENVIRONMENT_FILE] = _shortened(path)
        # The agent's HTTP client, that of Go, prefers upper case.
        return proxies({name: given.get(name.upper()) or given.get(name) or "" for name in PROXIES}) | not_known

    async def _drop_ins(self, folders: Iterable[str]) -> list[str]:
        """Return the drop-ins in these folders, in the order in which systemd reads them. If several files have the
        same name, the file in the last folder counts."""
        paths: dict[str, str] = {}
        for folder in folders:
            try:
                entries = await self._machine.entries(folder, MAX_ENTRIES)
            except OSError as error:
                self._note(folder, error)
                continue
            names = [name for name in entries if name.endswith(".conf")]
            if len(entries) == MAX_ENTRIES or len(names) > MAX_DROP_INS:
                self._note(folder, OSError(errno.E2BIG, "too many files", folder))
            paths |= {name: f"{folder}/{name}" for name in names[:MAX_DROP_INS]}
        return [path for _, path in sorted(paths.items())]

    async def find_backint(self) -> None:
        """Find the Backint agent by the link that SAP HANA uses."""
        with self._looking_for(SAP_SYSTEMS):
            try:
                entries = await self._machine.entries(SAP_SYSTEMS, MAX_ENTRIES)
            except OSError as error:
                self._note(SAP_SYSTEMS, error)
                return
        systems = [entry for entry in entries if _SYSTEM_ID.fullmatch(entry)]
        if len(entries) == MAX_ENTRIES or len(systems) > MAX_SYSTEMS:
            self._note(SAP_SYSTEMS, OSError(errno.E2BIG, "too many systems", SAP_SYSTEMS))
        for system in systems[:MAX_SYSTEMS]:
            folder = f"{SAP_SYSTEMS}/{system}/SYS/global/hdb"
            with self._looking_for(f"{folder}{BACKINT_LINK}"):
                await self._find_backint_of(folder)

    @contextlib.contextmanager
    def _looking_for(self, sign: str) -> Iterator[None]:
        """While the block lasts, remember which sign it looks for. If the block is cut short, the sign counts as
        unread."""
        self._unanswered = sign
        self.end()
        yield
        self._unanswered = None
        self.end()

    async def _find_backint_of(self, folder: str) -> None:
        """Find out whether the SAP system in this folder uses the agent."""
        link = f"{folder}{BACKINT_LINK}"
        try:
            target = await self._machine.link_target(link)
        except OSError as error:
            if error.errno != errno.EINVAL:  # there is another vendor's program in place of the link
                self._note(link, error)
            return
        if BACKINT not in target:
            return
        target = posixpath.join(posixpath.dirname(link), target)
        installed = posixpath.dirname(target)
        configuration = await self._first_of(await self._configurations(folder, installed))
        launcher = await self._first_of(dict.fromkeys((target, f"{installed}/{_LAUNCHER}")), _is_script)
        values = {} if configuration is None else yaml_values(configuration)
        settings = {key: values[key] for key in SETTINGS if values.get(key)}
        settings |= {} if launcher is None else launcher_proxies(launcher)
        mode = None if not values else S3_MODE if values.get(BUCKET) else AWS_BACKUP_MODE
        version = await self._version_of(link, "-v")
        self._add(FoundWorkload(name="hana", by=link, version=version, mode=mode, settings=settings))

    async def _version_of(self, program: str, option: str) -> str | None:
        """Return an agent's version from its own output; None if the agent must not be run, or prints no version."""
        if not self._run_agents:
            return None
        try:
            versions = _IN_OUTPUT.findall(await self._machine.output_of(program, option))
        except OSError as error:
            self._note(program, error)
            return None
        return str(versions[-1]) if versions else None

    async def _configurations(self, folder: str, installed: str) -> Iterable[str]:
        """Return the possible paths of the agent's configuration: the path in HANA's own settings, the link that the
        installer makes, and the file in the agent's folder."""
        settings = await self._first_of((f"{folder}/custom/config/global.ini",)) or ""
        named = _PARAMETER_FILE.search(settings)
        paths = (f"{folder}/opt/hdbconfig/{_CONFIGURATION}", f"{installed}/{_CONFIGURATION}")
        return dict.fromkeys((named[1], *paths) if named else paths)

    async def _first_of(self, paths: Iterable[str], accept: Callable[[str], bool] = bool) -> str | None:
        """Return the text of the first existing file that `accept` accepts; None if there is no such file, or if a file
        before it cannot be read."""
        for path in paths:
            try:
                text = (await self._machine.read_of_user(path)).decode("utf-8", "replace")
            except OSError as error:
                if self._note(path, error):
                    return None
                continue
            if accept(text):
                return text
        return None

    def _is_there(self, path: str) -> bool:
        """Whether a system file exists, even if it cannot be read."""
        try:
            self._machine.read(path)
        except OSError as error:
            return error.errno not in _NOT_THERE
        return True

    def _text(self, path: str) -> str | None:
        """Return the text of a system file; None if it does not exist or cannot be read."""
        try:
            return self._machine.read(path).decode("utf-8", "replace")
        except OSError as error:
            self._note(path, error)
            return None

    def _note(self, path: str, error: OSError) -> bool:
        """Record that a file could not be read. Returns whether the file may nevertheless exist."""
        if error.errno in _NOT_THERE:
            return False
        self._unread[path] = errno.errorcode.get(error.errno or 0, type(error).__name__)
        self.end()
        return True


def _hides(unread: Iterable[str], sign: str) -> bool:
    """Whether an unreadable file may hide a sign."""
    return any(sign == path or sign.startswith(f"{path}/") for path in unread)


def ssm_settings(text: str) -> dict[str, str]:
    """Return the hosts in an `amazon-ssm-agent.json`, by key; empty if the text is not such a document."""
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    found = {}
    for key in SSM_ENDPOINTS:
        part, _, name = key.partition(".")
        section = document.get(part) if isinstance(document, Mapping) else None
        value = section.get(name) if isinstance(section, Mapping) else None
        if isinstance(value, str) and value.strip():
            found[key] = _shortened(masked_proxy(value.strip()))
    return found


def yaml_values(text: str) -> dict[str, str]:
    """Return the values in the agent's configuration by key, without quotes. The value of a key without a value is an
    empty text. The file is a flat YAML mapping (Modify AWS Backint agent configuration parameters)."""
    values: dict[str, str] = {}
    for line in text.lstrip("\ufeff").splitlines():
        if (match := _YAML_LINE.match(line)) is not None:
            values.setdefault(match[1], _scalar(match[2] or ""))
    return values


def _scalar(text: str) -> str:
    text = text.strip()
    if text[:1] in ("'", '"'):
        return _shortened(text[1:].partition(text[0])[0])
    text = text.partition(" #")[0].strip()
    return "" if text.startswith("#") or text in ("~", "null") else _shortened(text)


def launcher_proxies(text: str) -> dict[str, str]:
    """Return the proxy variables that a launcher sets, by lower-case name, with user and password masked. The last line
    that sets a variable counts. A name in lower case overrides the name in upper case, as in the agent. It is not known
    how the shell expands a variable."""
    given = assignments(text, expanded=_OF_SHELL)
    named = {name: given.get(name) or given.get(name.upper()) or "" for name in PROXIES}
    not_known = [name for name, value in named.items() if value == _OF_SHELL]
    settings = proxies({name: value for name, value in named.items() if value != _OF_SHELL})
    return settings | ({SHELL_VARIABLES: ", ".join(not_known)} if not_known else {})


def assignments(text: str, *, expanded: str | None = None) -> dict[str, str]:
    """Return the proxy variables that are set in the lines of a script, or of a file of variables. The last line that
    sets a variable counts. In a script, `expanded` replaces a value that the shell would expand."""
    given: dict[str, str] = {}
    for line in text.splitlines():
        match = _ASSIGNMENT.match(line)
        if match is None or match[1].lower() not in PROXIES:
            continue
        try:
            words = shlex.split(match[2], comments=True)
        except ValueError:  # a quotation mark without its pair
            words = [match[2]]
        value = words[0].rstrip(";") if words else ""
        is_expanded = expanded is not None and _EXPANSION.search(_LITERAL.sub("", match[2])) is not None
        given[match[1]] = expanded if expanded is not None and is_expanded else value
    return given


def unit_environment(texts: Iterable[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the proxy variables that a unit and its drop-ins set, and the files that set further variables after them
    (systemd.exec(5), Environment= and EnvironmentFile=). In the settings of systemd itself, the key is
    DefaultEnvironment=."""
    given: dict[str, str] = {}
    files: tuple[str, ...] = ()
    for key, value in (line for text in texts for line in _unit_lines(text)):
        if key == ENVIRONMENT_FILE:
            path = value.removeprefix("-")
            if not value:
                files = ()
            elif path.startswith(("/", "%")):  # systemd ignores every other path
                files = (*files, path)
        elif not value:
            given = {}
        else:
            try:
                words = [word.partition("=") for word in shlex.split(value)]
            except ValueError:  # systemd ignores a line with an unclosed quotation mark
                continue
            given |= {name: text.replace("%%", "%") for name, _, text in words if name.lower() in PROXIES}
    return given, files


def _unit_lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield the environment settings in a systemd file in order: key and value."""
    section = ""
    for line in _COMMENT.sub("", text.replace("\r\n", "\n")).replace("\\\n", " ").splitlines():
        if line.startswith("["):
            section = line.strip()
        elif section in _UNIT_SECTIONS and (match := _UNIT_LINE.match(line)) is not None:
            yield match[1], match[2].strip()


def proxies(given: Mapping[str, str]) -> dict[str, str]:
    """Return proxy variables as settings, by lower-case name, with user and password masked. Empty variables are left
    out."""
    return {
        name: _shortened(value if name == "no_proxy" else masked_proxy(value))
        for name in PROXIES
        if (value := given.get(name))
    }


def _is_script(text: str) -> bool:
    return text.startswith("#!")


def _shortened(text: str) -> str:
    """Return the start of a value, with escapes for everything except printable ASCII."""
    text = text.strip()[:MAX_CHARACTERS]
    return text if text.isascii() and text.isprintable() else ascii(text)[1:-1][:MAX_CHARACTERS]
