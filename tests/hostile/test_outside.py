"""Every parser of foreign input has a generator of hostile input and a test with hypothesis, and one module writes all
files. The tests search the source for calls that parse or write, so they notice when such a call is added elsewhere.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import pytest

from tests.hostile.fuzz.kinds import KINDS
from tests.support.repository import ROOT

PACKAGES: Final = ("agent", "probes")
SIMULATED: Final = "agent/simulated/"
"""This package parses no foreign input: its scenarios ship with the program, and only the program itself connects to
its peers.
"""

PARSERS: Final = frozenset(
    {
        *("json.load", "json.loads", "tomllib.load", "tomllib.loads", "configparser.ConfigParser", "csv.reader"),
        *("pickle.load", "pickle.loads", "plistlib.loads", "yaml.load", "yaml.safe_load", "ast.literal_eval"),
        *("xml.etree.ElementTree.fromstring", "xml.etree.ElementTree.parse", "xml.etree.ElementTree.XML"),
        *("xml.etree.ElementTree.iterparse", "xml.etree.ElementTree.XMLParser", "xml.dom.minidom.parseString"),
        *("dns.message.from_wire", "dns.message.from_text", "h11.Connection", "textual._xterm_parser.XTermParser"),
        *("cryptography.x509.load_der_x509_certificate", "cryptography.x509.load_pem_x509_certificate"),
        *("cryptography.x509.load_pem_x509_certificates", "email.message_from_bytes", "email.message_from_string"),
        *("struct.unpack", "struct.unpack_from", "struct.iter_unpack", "int.from_bytes", "zlib.decompress"),
        *("email.utils.parsedate_to_datetime", "datetime.datetime.fromisoformat", "datetime.datetime.strptime"),
        *("botocore.session.Session", "botocore.session.get_session"),
        *("botocore.configloader.load_config", "botocore.configloader.raw_config_parse"),
        "probes.system.sdk_session.SdkSession",
    }
)
"""Calls that read formats written by others. The calls of botocore here read the SDK's files, and AWS's answers."""
WRITERS: Final = frozenset(
    {
        *("os.rename", "os.replace", "os.link", "os.symlink", "os.unlink", "os.remove", "os.mkdir", "os.makedirs"),
        *("os.mkfifo", "os.truncate", "os.chmod", "os.chown", "shutil.copy", "shutil.copyfile", "shutil.move"),
        *("shutil.rmtree", "tempfile.mkstemp", "tempfile.mkdtemp", "tempfile.NamedTemporaryFile", "sqlite3.connect"),
        *("tempfile.TemporaryFile", "tempfile.TemporaryDirectory", "logging.FileHandler"),
    }
)
METHODS: Final = frozenset(
    {"write_text", "write_bytes", "mkdir", "touch", "unlink", "symlink_to", "hardlink_to", "rmdir", "chmod"}
)
"""The methods of a path that write to the disk."""
_MODE: Final = re.compile(r"'(?=[rbt+]*[wax+])[rwaxbt+]{1,4}'")
"""The mode of open() for writing, as it appears in source code."""
WRITING: Final = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC")


@dataclass(frozen=True, slots=True)
class Parser:
    """The generated input with which the tests attack a parser."""

    kinds: tuple[str, ...] = ()
    """Kinds of generated input (`tests/hostile/fuzz/kinds.py`)."""
    tests: tuple[str, ...] = ()
    """Tests whose input hypothesis generates."""
    trusted: str | None = None
    """Why an attacker cannot reach the parser, which therefore needs no generator."""


_STEPS: Final = "tests/probes/steps/"
_API: Final = Parser(("api",), (f"{_STEPS}test_api.py::test_any_answer_gives_facts",))
_DNS: Final = Parser(("dns",), (f"{_STEPS}test_dns.py::test_any_bytes", f"{_STEPS}test_dns.py::test_any_records"))
_HTTP: Final = Parser(("http",), (f"{_STEPS}test_http.py::test_any_bytes", f"{_STEPS}test_http.py::test_any_date"))
_FACTS: Final = Parser(
    ("facts",),
    (
        "tests/agent/report/test_facts_file.py::test_any_bytes_are_refused_in_words",
        "tests/agent/report/test_facts_file.py::test_spoilt_facts_are_facts_or_refused_in_words",
    ),
)
_REPORT: Final = Parser(
    ("reports", "commands"),
    (
        "tests/agent/report/test_saved.py::test_any_bytes_are_a_report_or_refused_in_words",
        "tests/agent/report/test_saved.py::test_whatever_a_report_says_it_is_refused_or_judged",
    ),
)
_PLAN: Final = Parser(
    ("plans",), ("tests/agent/predict/test_plans.py::test_whatever_a_plan_holds_it_is_followed_or_refused",)
)
_INTENTS: Final = Parser(
    ("intents",), ("tests/agent/predict/test_intents.py::test_any_text_is_intents_or_refused_in_words",)
)
_KEYS: Final = Parser(("typed",), ("tests/agent/tui/test_keys.py::test_any_bytes_are_keys_or_dropped",))
_SHARED_FILES: Final = Parser(
    ("shared-files",),
    (
        "tests/probes/system/test_sdk.py::test_any_shared_file",
        "tests/probes/system/test_sdk_session.py::test_any_shared_files_read_as_the_real_one_reads_them",
    ),
)
_WORKLOADS: Final = Parser(("workload-files",), (f"{_STEPS}test_workload.py::test_any_text",))
_KERNEL: Final = "the kernel of this host wrote it"
_TORN: Final = "tests/agent/history/test_history_torn.py::"
_HISTORY: Final = Parser(("histories",), (f"{_TORN}test_any_torn_file", f"{_TORN}test_any_values"))
_WRITTEN_ON: Final = Parser(("histories",), (f"{_TORN}test_whatever_is_there_is_written_on_or_refused",))
_FLEET: Final = Parser(
    ("fleet-records",),
    (
        "tests/agent/fleet/test_records.py::test_any_bytes_are_records_or_refused_in_words",
        "tests/agent/fleet/test_aws.py::test_any_output_is_a_record_or_refused_in_words",
    ),
)
_PARQUET: Final = Parser(
    ("fleet-records",),
    (
        "tests/agent/fleet/test_cache.py::test_whatever_a_disk_makes_of_it",
        "tests/agent/fleet/test_cache.py::test_any_parquet_is_rows_or_refused_in_words",
    ),
)
_CACHED: Final = Parser(("fleet-records",), ("tests/agent/fleet/test_cache.py::test_whatever_a_disk_makes_of_it",))
_OWN_LINES: Final = Parser(trusted="lines that this program wrote, after it had checked what is in them")
BY_PLACE: Final = {
    "agent/audit/saved.py::parse": Parser(
        ("audits",),
        (
            "tests/agent/audit/test_changes.py::test_any_bytes_are_an_audit_or_refused_in_words",
            "tests/agent/audit/test_changes.py::test_a_spoilt_audit_is_written_or_refused_in_words",
        ),
    ),
    "agent/cli/param_types.py::_moment": Parser(
        ("options",), ("tests/agent/cli/test_options.py::test_any_text_is_a_moment_or_refused",)
    ),
    "agent/cli/config_file.py::_load": Parser(
        ("configurations",), ("tests/agent/cli/test_options.py::test_any_file_is_settings_or_refused",)
    ),
    "agent/cli/to_settings.py::_template_in": Parser(
        ("templates",), ("tests/agent/cli/test_options.py::test_any_file_is_a_template_or_refused",)
    ),
    "agent/fleet/answers.py::unpacked": Parser(
        ("fleet-records",), ("tests/agent/fleet/test_answers.py::test_any_text_is_an_answer_or_refused_in_words",)
    ),
    "agent/fleet/inventory.py::_json": Parser(
        ("inventories",), ("tests/agent/fleet/test_inventory.py::test_any_bytes_are_hosts_or_refused_in_words",)
    ),
    "agent/fleet/csv_rows.py::rows": Parser(
        ("inventories", "suppressions"),
        (
            "tests/agent/fleet/test_inventory.py::test_any_bytes_are_hosts_or_refused_in_words",
            "tests/agent/fleet/test_suppressions.py::test_any_bytes_are_suppressions_or_refused_in_words",
        ),
    ),
    "agent/fleet/pack.py::_rows": _OWN_LINES,
    "agent/fleet/put.py::record_in": _OWN_LINES,
    "agent/fleet/readers.py::ProcessReader._answer": _OWN_LINES,
    "agent/fleet/readers.py::answer_jobs": _OWN_LINES,
    "agent/fleet/records.py::_parsed": _FLEET,
    "agent/fleet/run_command.py::_document": _FLEET,
    "agent/fleet/sweeps.py::_minute_of": Parser(
        ("fleet-records",), ("tests/agent/fleet/test_sweeps.py::test_any_text_is_a_time_or_none",)
    ),
    "agent/history/file.py::_check_header": _HISTORY,
    "agent/history/read.py::HistoryReader._json": _HISTORY,
    "agent/history/read.py::_paired": _HISTORY,
    "agent/history/read.py::_seconds": _HISTORY,
    "agent/history/read.py::_times": _HISTORY,
    "agent/history/write.py::HistoryWriter.state": _WRITTEN_ON,
    "agent/history/write.py::ids_of": _HISTORY,
    "agent/predict/cloudformation.py::_properties": _PLAN,
    "agent/predict/intents.py::parse": _INTENTS,
    "agent/predict/plan.py::parse": _PLAN,
    "agent/network/endpoint_policy/document.py::statements_of": Parser(
        ("policies",), ("tests/agent/network/test_endpoint_policy.py::test_no_text_raises",)
    ),
    "agent/report/facts_file.py::_parsed": Parser(
        ("facts", "account-facts"),
        (*_FACTS.tests, "tests/agent/app/test_audit.py::test_spoilt_facts_are_audited_or_refused_in_words"),
    ),
    "agent/report/saved.py::_document": _REPORT,
    "agent/report/saved.py::_is_line_of_stream": _REPORT,
    "agent/report/serialization.py::_instant": _REPORT,
    "agent/tui/driver.py::Driver._fed": _KEYS,
    "agent/tui/driver.py::Driver.run_input_thread": _KEYS,
    "agent/watch/listen.py::Listener._exchange": Parser(
        ("requests",), ("tests/agent/watch/test_watch_listen.py::test_any_bytes_are_answered_once_or_not_at_all",)
    ),
    "probes/steps/api.py::_body_with": Parser(trusted="the body of this program's own call"),
    "probes/steps/api.py::json_of": Parser(("api", "jobs"), _API.tests),
    "probes/steps/api.py::read_answer": _API,
    "probes/steps/dns.py::_is_cut": _DNS,
    "probes/steps/dns.py::_told": _DNS,
    "probes/steps/dns.py::read_answer": _DNS,
    "probes/steps/http.py::exchange": _HTTP,
    "probes/steps/http.py::instant_of": _HTTP,
    "probes/steps/http.py::xml_of": _API,
    "probes/steps/host.py::managed_node_id": Parser(("host-files",), (f"{_STEPS}test_host.py::test_any_registration",)),
    "probes/steps/imds.py::probe_role": Parser(("metadata",), (f"{_STEPS}test_imds.py::test_any_document_of_a_role",)),
    "probes/steps/proxy.py::ask_for_tunnel": Parser(
        ("proxy",), (f"{_STEPS}test_proxy.py::test_any_bytes_end_in_a_documented_way",)
    ),
    "probes/steps/tls.py::read_certificate": Parser(
        ("certificates",),
        (
            f"{_STEPS}test_tls.py::test_any_bytes_as_a_certificate",
            f"{_STEPS}test_tls.py::test_any_change_to_a_certificate",
        ),
    ),
    "probes/steps/workload.py::ssm_settings": _WORKLOADS,
    "probes/system/ethtool.py::statistics": Parser(
        tests=("tests/probes/system/test_ethtool.py::test_whatever_the_kernel_writes",), trusted=_KERNEL
    ),
    "probes/system/net.py::_icmp_error": Parser(trusted=_KERNEL),
    "probes/system/netlink.py::_number": Parser(
        tests=("tests/probes/system/test_netlink.py::test_any_payload",), trusted=_KERNEL
    ),
    "probes/system/netlink.py::error_number": Parser(
        tests=("tests/probes/system/test_netlink.py::test_any_payload",), trusted=_KERNEL
    ),
    "probes/system/netlink.py::route_of": Parser(
        tests=("tests/probes/system/test_netlink.py::test_any_payload",), trusted=_KERNEL
    ),
    "probes/system/clients.py::reads": _SHARED_FILES,
    "probes/system/clients.py::session": _SHARED_FILES,
    "probes/system/sdk.py::_file_of": _SHARED_FILES,
    "probes/system/sdk.py::has_profile": _SHARED_FILES,
    "probes/system/sdk.py::load_credentials": _SHARED_FILES,
    "probes/system/sdk.py::load_sdk_settings": _SHARED_FILES,
    "probes/system/sdk_session.py::SdkSession._real": _SHARED_FILES,
    "probes/system/sdk_session.py::SdkSession.full_config": _SHARED_FILES,
}
"""The calls of PARSERS in the program, by the place of the call."""
BY_HAND: Final = {
    "agent/catalog/text_search.py::search": Parser(
        ("log-lines",), ("tests/agent/catalog/test_known_texts.py::test_any_line_is_searched",)
    ),
    "agent/fleet/parquet.py::FileReader.pieces": _PARQUET,
    "agent/fleet/database.py::Database.recall": _PARQUET,
    "probes/steps/host.py::parse_hosts": Parser(("host-files",), (f"{_STEPS}test_host.py::test_any_hosts",)),
    "probes/steps/host.py::parse_resolv_conf": Parser(
        ("host-files",), (f"{_STEPS}test_host.py::test_any_resolv_conf",)
    ),
    "probes/steps/imds.py::probe": Parser(("metadata",), (f"{_STEPS}test_imds.py::test_any_value",)),
    "probes/system/reader.py::SystemReader._answer": Parser(
        ("ec2",),
        (
            "tests/probes/system/test_reader.py::test_any_body_is_an_answer_or_a_known_failure",
            "tests/probes/vpc/test_reads.py::test_whatever_comes_is_facts_or_a_known_failure",
        ),
    ),
    "probes/steps/workload.py::launcher_proxies": _WORKLOADS,
    "probes/steps/workload.py::unit_environment": _WORKLOADS,
    "probes/steps/workload.py::yaml_values": _WORKLOADS,
    "probes/steps/tls.py::handshake": Parser(
        ("handshakes",), (f"{_STEPS}test_tls.py::test_any_bytes_end_a_handshake",)
    ),
}
"""Parsers that are written in this program, and call none of PARSERS."""

WRITER: Final = "agent/process/write_file.py"
"""The only module that writes files: to_file, to_new_file, own_private_file and their helpers."""
OTHER_WRITERS: Final = {
    "agent/fleet/temporary.py::OwnFolder._is_made": "a folder of its own, in which DuckDB works",
    "agent/fleet/temporary.py::OwnFolder.remove": "that folder",
    "agent/fleet/temporary.py::_remove_leftovers": "removes such a folder of a process that was killed",
    "agent/fleet/parquet.py::FileReader.pieces": "a copy below that folder, which it removes",
    "agent/fleet/parquet.py::ParquetReader._started": "the folder of these copies",
    "agent/fleet/parquet.py::_put": "such a copy",
    "agent/fleet/pack.py::_write": "makes the folders of a file, which the writer then writes",
    "agent/history/file.py::_check_tables": "in memory",
    "agent/history/file.py::_connected": "SQLite writes the file that the writer has located, by own_private_file",
    "agent/history/file.py::opened_for_reading": "in memory",
    "agent/process/output.py::to_stderr": "opens /dev/null in place of a closed stream",
    "agent/process/output.py::_closed": "opens /dev/null in place of a closed stream",
    "agent/process/streams.py::occupy_closed_streams": "opens /dev/null in place of a closed stream",
    "agent/report/archive.py::packed": "in memory",
    "agent/simulated/certificates.py::loaded": "a key for the ssl module, in memory",
    "agent/tui/command.py::Terminal._draw": "writes to the terminal of the interface",
}
"""Calls outside WRITER that create, change or remove a file. Apart from SQLite, no call here writes to a file whose
name a user gave.
"""


@dataclass(frozen=True, slots=True)
class Call:
    """A call in the source."""

    name: str
    """The name with its module, such as `json.loads`; for a method, only the name of the method."""
    place: str
    """The place of the call, such as `agent/report/saved.py::_document`."""
    node: ast.Call


def _imported(tree: ast.Module) -> dict[str, str]:
    """The full name of everything that a module imports, at any place in it, by the short name."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _named(function: ast.expr, imported: dict[str, str]) -> str:
    """The name of the called function, with its module if it was imported."""
    parts: list[str] = []
    while isinstance(function, ast.Attribute):
        parts.insert(0, function.attr)
        function = function.value
    if isinstance(function, ast.Name):
        return ".".join((imported.get(function.id, function.id), *parts))
    return f".{parts[-1]}" if parts else ""


def calls_in(source: str, path: str) -> Iterator[Call]:
    """The calls in a module, each with the function around it."""
    tree = ast.parse(source)
    imported = _imported(tree)

    def walk(node: ast.AST, within: tuple[str, ...]) -> Iterator[Call]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            within = (*within, node.name)
        if isinstance(node, ast.Call):
            yield Call(_named(node.func, imported), f"{path}::{'.'.join(within)}", node)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, within)

    return walk(tree, ())


def parses(call: Call) -> bool:
    """Whether a call reads a format written by others."""
    return call.name in PARSERS


def writes(call: Call) -> bool:
    """Whether a call creates, changes or removes a file."""
    if call.name in ("open", "os.open", "io.open", "os.fdopen") or call.name.endswith(".open"):
        given = [ast.unparse(value) for value in (*call.node.args, *(keyword.value for keyword in call.node.keywords))]
        return any(_MODE.fullmatch(text) or any(flag in text for flag in WRITING) for text in given)
    return call.name in WRITERS or call.name.rpartition(".")[2] in METHODS


@cache
def calls() -> tuple[Call, ...]:
    """All calls of the program."""
    return tuple(
        call
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for call in calls_in(path.read_text("utf-8"), path.relative_to(ROOT).as_posix())
    )


# --- The program -----------------------------------------------------------------------------------------------------


def test_every_parser_has_its_row() -> None:
    """If this fails for a new parser, write a generator in `tests/hostile/fuzz`, a test with hypothesis, and a row
    here.
    """
    places = {call.place for call in calls() if parses(call) and not call.place.startswith(SIMULATED)}
    assert places == set(BY_PLACE)


@pytest.mark.parametrize("place", [*BY_PLACE, *BY_HAND])
def test_every_parser_is_attacked(place: str) -> None:
    parser = {**BY_PLACE, **BY_HAND}[place]
    assert (parser.trusted is not None) or (parser.kinds and parser.tests)
    assert set(parser.kinds) <= {kind.name for kind in KINDS}
    assert _function(place) is not None
    for test in parser.tests:
        function = _function(test)
        assert function is not None, test
        assert any(ast.unparse(decorator).startswith("given(") for decorator in function.decorator_list), test


def test_every_kind_of_generated_input_is_of_a_parser() -> None:
    used = {kind for parser in (*BY_PLACE.values(), *BY_HAND.values()) for kind in parser.kinds}
    assert {kind.name for kind in KINDS} == used | {"options"}  # options are parsed by click


def test_every_file_is_written_by_one_function() -> None:
    """If this fails for a new call that writes, use `agent.process.write_file` instead."""
    elsewhere = {call.place for call in calls() if writes(call) and not call.place.startswith(f"{WRITER}::")}
    assert elsewhere == set(OTHER_WRITERS)
    assert any(call.place.startswith(f"{WRITER}::") for call in calls() if writes(call))


def _function(place: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The function at a place, by its last name."""
    path, _, name = place.partition("::")
    for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name.rpartition(".")[2]:
            return node
    return None


# --- What finds them -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("import json\ndef f(x): return json.loads(x)", "m.py::f"),
        ("from json import loads as read\nclass A:\n  async def f(self, x): return read(x)", "m.py::A.f"),
        ("def f(x):\n  import tomllib as t\n  return [t.loads(each) for each in x]", "m.py::f"),
        ("from xml.etree import ElementTree\nA = ElementTree.fromstring('<a/>')", "m.py::"),
        ("from datetime import datetime\ndef f(x): return datetime.fromisoformat(x)", "m.py::f"),
        ("import json\ndef f(x): return json.dumps(x)", None),
        ("def loads(x): return x\ndef f(x): return loads(x)", None),
    ],
)
def test_a_parser_is_found_by_its_call(source: str, place: str | None) -> None:
    assert [call.place for call in calls_in(source, "m.py") if parses(call)] == ([place] if place else [])


@pytest.mark.parametrize(
    ("call", "writing"),
    [
        *((call, True) for call in ("open(p, 'w')", "open(p, mode='ab')", "p.open('r+')", "p.write_text('x')")),
        *((call, True) for call in ("os.open(p, os.O_WRONLY | os.O_CREAT)", "os.rename(a, b)", "os.fdopen(h, 'wb')")),
        *((call, True) for call in ("p.mkdir()", "tempfile.mkstemp()", "sqlite3.connect(p)", "f(x).unlink()")),
        *(
            (call, False)
            for call in ("open(p)", "open(p, 'rb')", "p.open()", "os.open(p, os.O_RDONLY)", "p.read_text()")
        ),
        *((call, False) for call in ("webbrowser.open('w.example')", "text.replace('a', 'b')", "os.stat(p)")),
    ],
)
def test_a_writer_is_found_by_its_call(call: str, writing: bool) -> None:
    assert [writes(parsed) for parsed in calls_in(call, "m.py") if parsed.name != "f"] == [writing]
