"""The configuration of this host, which is read as the C library, urllib and the SDK read it."""

import errno
import re
from ipaddress import ip_address, ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.catalog.partitions import REGION_VARIABLES
from probes.facts import HostFacts, HostsEntry, Interface, ResolvConfBy
from probes.model import Draft
from probes.steps.host import (
    MAX_HOSTS_ENTRIES,
    MAX_VALUE_CHARACTERS,
    TIME_CONFIGURATIONS,
    has_shared_config,
    is_searched_first,
    managed_node_id,
    parse_hosts,
    parse_resolv_conf,
    probe,
    proxy_variables,
)
from probes.urls import masked_proxy
from tests.support.fakes import FakeMachine, os_error

pytestmark = pytest.mark.virtual_clock

SUFFIXES = ("amazonaws.com", "api.aws")
LOCAL = ("127.0.0.1",)
VENDOR = "/sys/class/dmi/id/sys_vendor"
HYPERVISOR = "/sys/hypervisor/uuid"


# --- resolv.conf -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "servers", "ignored"),
    [
        pytest.param("", LOCAL, (), id="empty"),
        pytest.param("nameserver 10.0.0.2\n", ("10.0.0.2",), (), id="one"),
        pytest.param("nameserver 10.0.0.2", ("10.0.0.2",), (), id="no line end"),
        pytest.param("nameserver\t10.0.0.2 # ours\n", ("10.0.0.2",), (), id="tab and comment"),
        pytest.param("#nameserver 10.0.0.1\n;nameserver 10.0.0.3\n", LOCAL, (), id="commented out"),
        pytest.param(" nameserver 10.0.0.2\n", LOCAL, (), id="not at the start of its line"),
        pytest.param("nameserver\n", LOCAL, (), id="no value"),
        pytest.param("Nameserver 10.0.0.2\n", LOCAL, (), id="capital"),
        pytest.param("nameservers 10.0.0.2\n", LOCAL, (), id="another word"),
        pytest.param("nameserver fd00:ec2::253\n", ("fd00:ec2::253",), (), id="IPv6"),
        pytest.param("nameserver fe80::1%eth0\n", ("fe80::1%eth0",), (), id="IPv6 with a scope"),
        pytest.param(
            "nameserver resolver.example\nnameserver 10.0.0.2\n", ("10.0.0.2",), ("resolver.example",), id="a name"
        ),
        pytest.param("nameserver 10.0.0.256\n", LOCAL, ("10.0.0.256",), id="no address"),
        pytest.param("nameserver fe80::1%\n", LOCAL, ("fe80::1%",), id="an empty scope"),
        pytest.param(
            "".join(f"nameserver 10.0.0.{n}\n" for n in range(1, 6)),
            ("10.0.0.1", "10.0.0.2", "10.0.0.3"),
            ("10.0.0.4", "10.0.0.5"),
            id="five",
        ),
        pytest.param(
            "nameserver 10.0.0.1\nnameserver 10.0.0.1\nnameserver 10.0.0.1\nnameserver 10.0.0.2\n",
            ("10.0.0.1",),
            ("10.0.0.2",),
            id="the same three times counts three times",
        ),
    ],
)
def test_name_servers(text: str, servers: tuple[str, ...], ignored: tuple[str, ...]) -> None:
    parsed, left, _, _ = parse_resolv_conf(text)
    assert parsed == tuple(map(ip_address, servers))
    assert left == ignored


@pytest.mark.parametrize(
    ("text", "search", "options"),
    [
        pytest.param("search a.example b.example\n", ("a.example", "b.example"), (), id="search"),
        pytest.param("domain a.example\n", ("a.example",), (), id="domain"),
        pytest.param("search a.example\ndomain b.example\n", ("b.example",), (), id="the last wins"),
        pytest.param("domain b.example\nsearch a.example\n", ("a.example",), (), id="the last wins, turned round"),
        pytest.param("search a.example\nsearch\n", ("a.example",), (), id="none named"),
        pytest.param("options ndots:5 rotate\noptions timeout:1\n", (), ("ndots:5", "rotate", "timeout:1"), id="all"),
    ],
)
def test_search_and_options(text: str, search: tuple[str, ...], options: tuple[str, ...]) -> None:
    assert parse_resolv_conf(text)[2:] == (search, options)


@given(st.text() | st.text("nameserver search.:%0123456789abcdef \t\n#;"))
def test_any_resolv_conf(text: str) -> None:
    servers, *_ = parse_resolv_conf(text)
    assert 1 <= len(servers) <= 3


@given(st.lists(st.text(st.characters(exclude_categories=["Z", "C"]), max_size=12), max_size=6))
def test_any_name_server(values: list[str]) -> None:
    servers, ignored, _, _ = parse_resolv_conf("".join(f"nameserver {value}\n" for value in values))
    assert len(servers) <= 3
    assert set(ignored) <= set(values)


# --- The hosts file --------------------------------------------------------------------------------------------------

HOST = "backup.eu-west-1.amazonaws.com"


def entry(address: str, *names: str) -> HostsEntry:
    return HostsEntry(address=ip_address(address), names=names)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", (), id="empty"),
        pytest.param(f"10.0.1.17 {HOST}\n", (entry("10.0.1.17", HOST),), id="one"),
        pytest.param(f"10.0.1.17\tlocalhost {HOST} other\n", (entry("10.0.1.17", HOST),), id="among others"),
        pytest.param(f"10.0.1.17 {HOST.upper()}\n", (entry("10.0.1.17", HOST),), id="capitals"),
        pytest.param(f"10.0.1.17 {HOST}.\n", (entry("10.0.1.17", f"{HOST}."),), id="final dot"),
        pytest.param(f"fe80::1%eth0 {HOST}\n", (entry("fe80::1%eth0", HOST),), id="scope"),
        pytest.param(
            "10.0.1.17 backup.eu-west-1.api.aws\n", (entry("10.0.1.17", "backup.eu-west-1.api.aws"),), id="dual"
        ),
        pytest.param(f"#10.0.1.17 {HOST}\n", (), id="commented out"),
        pytest.param(f"10.0.1.17 x # {HOST}\n", (), id="in a comment"),
        pytest.param(f"{HOST} 10.0.1.17\n", (), id="turned round"),
        pytest.param(f"10.0.1 {HOST}\n", (), id="no address"),
        pytest.param("10.0.1.17 notamazonaws.com\n", (), id="another domain with the same end"),
        pytest.param("10.0.1.17 amazonaws.com.example\n", (), id="below another domain"),
        pytest.param("10.0.1.17\n", (), id="no name"),
    ],
)
def test_hosts(text: str, expected: tuple[HostsEntry, ...]) -> None:
    assert parse_hosts(text, SUFFIXES) == expected


def test_long_hosts_file_is_cut() -> None:
    assert len(parse_hosts(f"10.0.1.17 {HOST}\n" * 1000, SUFFIXES)) == MAX_HOSTS_ENTRIES


@given(st.text() | st.text('{}[]"mi-0a1,:').map(lambda text: f'{{"ManagedInstanceID":"mi-0a1b2c3d{text}'))
def test_any_registration(text: str) -> None:
    node_id = managed_node_id(text)
    assert node_id is None or re.fullmatch(r"mi-[0-9a-f]{8,17}", node_id)


@given(st.text() | st.text("amazonws.c:%0123456789 \t\n#"))
def test_any_hosts(text: str) -> None:
    parse_hosts(text, SUFFIXES)


# --- Proxies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({}, {}, id="none"),
        pytest.param({"https_proxy": "http://p:1"}, {"https_proxy": "http://p:1"}, id="lower case"),
        pytest.param({"HTTPS_PROXY": "http://p:1"}, {"https_proxy": "http://p:1"}, id="upper case"),
        pytest.param(
            {"HTTPS_PROXY": "http://upper:1", "https_proxy": "http://lower:1"},
            {"https_proxy": "http://lower:1"},
            id="the lower one counts",
        ),
        pytest.param({"HTTPS_PROXY": "http://upper:1", "https_proxy": ""}, {}, id="an empty lower one takes it away"),
        pytest.param({"HTTPS_PROXY": ""}, {}, id="empty"),
        pytest.param(
            {"HTTP_PROXY": "a:1", "ALL_PROXY": "b:2", "NO_PROXY": "169.254.169.254,u:p@x"},
            {"http_proxy": "a:1", "all_proxy": "b:2", "no_proxy": "169.254.169.254,u:p@x"},
            id="every one",
        ),
        pytest.param(
            {"https_proxy": "http://user:secret@p:1"}, {"https_proxy": "http://***@p:1"}, id="password masked"
        ),
    ],
)
def test_proxy_variables(environment: dict[str, str], expected: dict[str, str]) -> None:
    assert proxy_variables(environment) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("http://p.example:3128", "http://p.example:3128", id="nothing to mask"),
        pytest.param("http://user:secret@p:3128/", "http://***@p:3128/", id="user and password"),
        pytest.param("http://secret@p:3128", "http://***@p:3128", id="one word"),
        pytest.param("user:secret@p:3128", "***@p:3128", id="no scheme"),
        pytest.param("http://user:sec@ret@p:3128", "http://***@p:3128", id="@ in the password"),
        pytest.param("http://user:sec://ret@p:3128", "http://***@p:3128", id="scheme in the password"),
        pytest.param("user:sec://ret@p:3128", "***@p:3128", id="scheme in the password alone"),
        pytest.param("http://@p:3128", "http://@p:3128", id="empty"),
        pytest.param("", "", id="no URL"),
        pytest.param("http://p:3128/?token=secret", "http://p:3128/?***", id="query"),
        pytest.param("http://u:secret@p:3128#secret", "http://***@p:3128?***", id="fragment"),
    ],
)
def test_masked_proxy(url: str, expected: str) -> None:
    assert masked_proxy(url) == expected


@given(
    st.sampled_from(["", "http://", "https://", "socks5h://"]),
    st.text(st.characters(exclude_characters="@"), max_size=5),
    st.text(max_size=9) | st.text("@:/?#", max_size=4),
)
def test_any_password_is_masked(scheme: str, user: str, rest: str) -> None:
    secret = "a word that nothing else holds"  # noqa: S105 - nobody's
    assert secret not in masked_proxy(f"{scheme}{user}:{rest}{secret}{rest}@proxy.example:3128")


# --- Whether this is an EC2 instance ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, None, id="nothing said"),
        pytest.param({VENDOR: b"Amazon EC2\n"}, True, id="Nitro"),
        pytest.param({VENDOR: b"Xen\n", HYPERVISOR: b"ec2e1916-9099-7caf-fd21-012345abcdef\n"}, True, id="Xen at AWS"),
        pytest.param({HYPERVISOR: b"EC2E1916-9099-7CAF-FD21-012345ABCDEF\n"}, True, id="Xen without a vendor"),
        pytest.param({VENDOR: b"Xen\n", HYPERVISOR: b"4a1e1916-9099-7caf-fd21-012345abcdef\n"}, False, id="other Xen"),
        pytest.param({VENDOR: b"QEMU\n"}, False, id="another hypervisor"),
        pytest.param({VENDOR: b"Amazon\n"}, False, id="nearly"),
        pytest.param({HYPERVISOR: b"00000000-0000-0000-0000-000000000000\n"}, False, id="no hypervisor"),
        pytest.param({VENDOR: b"\xff\xfe"}, False, id="noise"),
        pytest.param({VENDOR: b"\n"}, None, id="blank"),
        pytest.param({VENDOR: os_error(errno.EACCES), HYPERVISOR: os_error(errno.EACCES)}, None, id="forbidden"),
    ],
)
async def test_ec2(files: dict[str, bytes | Exception], expected: bool | None) -> None:
    assert (await probed(files)).ec2 is expected


# --- All of it -------------------------------------------------------------------------------------------------------


async def test_probe() -> None:
    own = Interface(name="eth0", address=ip_interface("10.0.1.10/24"))
    machine = FakeMachine(
        files={
            "/etc/resolv.conf": b"search example\nnameserver 10.0.0.2\nnameserver x\noptions edns0\n",
            "/etc/hosts": f"127.0.0.1 localhost\n10.0.1.17 {HOST}\n".encode(),
            VENDOR: b"Amazon EC2\n",
        },
        environment={"HTTPS_PROXY": "http://u:p@proxy:3128", "PATH": "/bin", "AWS_REGION": "eu-west-1"},
        addresses=(own,),
    )
    draft: Draft[HostFacts] = Draft()
    facts = await probe(machine, SUFFIXES, REGION_VARIABLES, draft)
    assert draft.facts == facts
    assert facts == HostFacts(
        interfaces=(own,),
        resolvers=(ip_address("10.0.0.2"),),
        resolvers_ignored=("x",),
        upstream_resolvers=(),
        resolv_conf_by=None,
        search=("example",),
        resolver_options=("edns0",),
        hosts_entries=(entry("10.0.1.17", HOST),),
        ec2=True,
        proxies={"https_proxy": "http://***@proxy:3128"},
        local_ports=None,
        keepalive_seconds=None,
        region_variables={"AWS_REGION": "eu-west-1"},
        name=None,
        time_configuration=None,
        managed_node_id=None,
    )


@pytest.mark.parametrize(
    ("first", "writer"),
    [
        ("# Generated by NetworkManager", ResolvConfBy.NETWORK_MANAGER),
        (
            "# This is /run/systemd/resolve/stub-resolv.conf managed by man:systemd-resolved(8).",
            ResolvConfBy.SYSTEMD_RESOLVED,
        ),
        ("# by hand", None),
        ("search managed by man:systemd-resolved(8)", None),
    ],
)
async def test_what_writes_resolv_conf(first: str, writer: ResolvConfBy | None) -> None:
    machine = FakeMachine(files={"/etc/resolv.conf": f"{first}\nnameserver 10.0.0.2\n".encode()})
    assert (await probe(machine, SUFFIXES, REGION_VARIABLES, Draft())).resolv_conf_by is writer


@pytest.mark.parametrize("path", TIME_CONFIGURATIONS)
async def test_which_time_service_is_here(path: str) -> None:
    machine = FakeMachine(files={"/etc/systemd/timesyncd.conf": b"", path: b""})
    assert (await probe(machine, SUFFIXES, REGION_VARIABLES, Draft())).time_configuration == path


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        pytest.param("eu-west-1a", {"AWS_REGION": "eu-west-1a"}, id="a zone"),
        pytest.param("", {}, id="nothing"),
        pytest.param("a\x1b[2J\udcff\u202e", {"AWS_REGION": r"a\x1b[2J\udcff\u202e"}, id="what no terminal should get"),
        pytest.param("x" * 100_000, {"AWS_REGION": "x" * MAX_VALUE_CHARACTERS}, id="without end"),
    ],
)
async def test_variables_that_name_a_region(value: str, kept: dict[str, str]) -> None:
    machine = FakeMachine(environment={"AWS_REGION": value, "AWS_PROFILE": "x"})
    assert (await probe(machine, SUFFIXES, REGION_VARIABLES, Draft())).region_variables == kept


async def test_host_that_says_nothing() -> None:
    facts = await probe(FakeMachine(addresses=None), SUFFIXES, REGION_VARIABLES, Draft())
    assert (facts.interfaces, facts.hosts_entries, facts.proxies) == (None, (), {})
    assert facts.resolvers == (ip_address("127.0.0.1"),)


@given(st.binary(max_size=200), st.binary(max_size=200))
async def test_any_files(resolv_conf: bytes, hosts: bytes) -> None:
    await probe(
        FakeMachine(files={"/etc/resolv.conf": resolv_conf, "/etc/hosts": hosts}), SUFFIXES, REGION_VARIABLES, Draft()
    )


# --- The SDK's files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "files", "expected"),
    [
        pytest.param({"HOME": "/root"}, {}, False, id="none"),
        pytest.param({"HOME": "/root"}, {"/root/.aws/config": b"[default]\n"}, True, id="config"),
        pytest.param({"HOME": "/root"}, {"/root/.aws/credentials": b"[default]\n"}, True, id="credentials"),
        pytest.param({"HOME": "/root"}, {"/root/.aws/config": os_error(errno.EACCES)}, False, id="forbidden"),
        pytest.param({"HOME": "/root"}, {"/root/.aws/config": b""}, False, id="empty"),
        pytest.param(
            {"HOME": "/root", "AWS_CONFIG_FILE": "/etc/aws"}, {"/etc/aws": b"[default]\n"}, True, id="elsewhere"
        ),
        pytest.param(
            {"HOME": "/root", "AWS_CONFIG_FILE": "/etc/aws"}, {"/root/.aws/config": b"x"}, False, id="not where it was"
        ),
        pytest.param(
            {"HOME": "/root", "AWS_CONFIG_FILE": "~/aws"}, {"/root/aws": b"[default]\n"}, True, id="below the home"
        ),
        pytest.param(
            {"HOME": "/root", "AWS_SHARED_CREDENTIALS_FILE": "/etc/aws"}, {"/etc/aws": b"x"}, True, id="its credentials"
        ),
        pytest.param({}, {}, True, id="a home that only the user database knows"),
        pytest.param(
            {"AWS_CONFIG_FILE": "/none", "AWS_SHARED_CREDENTIALS_FILE": "/none"}, {}, False, id="no home needed"
        ),
        pytest.param({"HOME": "/root", "AWS_CONFIG_FILE": "$HOME/aws"}, {}, True, id="a variable in the path"),
        pytest.param({"HOME": "/root", "AWS_CONFIG_FILE": "~aws/config"}, {}, True, id="another user's home"),
    ],
)
async def test_shared_config(environment: dict[str, str], files: dict[str, bytes | Exception], expected: bool) -> None:
    """If the program cannot know the path, the result must say that a file may exist, since the SDK may find one
    there.
    """
    assert await has_shared_config(FakeMachine(files=files, environment=environment)) is expected


async def probed(files: dict[str, bytes | Exception]) -> HostFacts:
    draft: Draft[HostFacts] = Draft()
    return await probe(FakeMachine(files=files), SUFFIXES, REGION_VARIABLES, draft)


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        pytest.param("32768\t60999\n", (32768, 60999), id="as Linux has it"),
        pytest.param("1024 65535", (1024, 65535), id="all that there are"),
        pytest.param("", None, id="nothing"),
        pytest.param("32768", None, id="one number"),
        pytest.param("60999 32768", None, id="the wrong way round"),
        pytest.param("0 60999", None, id="from nothing on"),
        pytest.param("1024 65536", None, id="beyond the last port"),
        pytest.param("-1 60999", None, id="below the first"),
        pytest.param("\u0661\u0662 60999", None, id="digits of another script"),
        pytest.param("1024 99999999999999999999", None, id="endless"),
    ],
)
async def test_the_ports_that_answers_come_to(text: str, ports: tuple[int, int] | None) -> None:
    assert (await probed({"/proc/sys/net/ipv4/ip_local_port_range": text.encode()})).local_ports == ports


async def test_the_ports_that_answers_come_to_where_nothing_says() -> None:
    assert (await probed({})).local_ports is None


@pytest.mark.parametrize(
    ("text", "name", "first"),
    [
        pytest.param("search corp\noptions ndots:5", "backup.eu-west-1.amazonaws.com", True, id="three dots of five"),
        pytest.param("search corp\noptions ndots:3", "backup.eu-west-1.amazonaws.com", False, id="as many dots"),
        pytest.param("search corp", "backup.eu-west-1.amazonaws.com", False, id="one by default"),
        pytest.param("search corp\noptions ndots:5", "backup.eu-west-1.amazonaws.com.", False, id="a final dot"),
        pytest.param("options ndots:5", "backup.eu-west-1.amazonaws.com", False, id="no search list"),
        pytest.param("search corp\noptions ndots:x", "backup.eu-west-1.amazonaws.com", False, id="no number"),
    ],
)
async def test_a_search_list_that_is_asked_first(text: str, name: str, first: bool) -> None:
    assert is_searched_first(await probed({"/etc/resolv.conf": text.encode()}), name) is first


def test_a_search_list_where_nothing_is_known_of_the_host() -> None:
    assert is_searched_first(None, "backup.eu-west-1.amazonaws.com") is False


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("ip-10-0-1-10\n", "ip-10-0-1-10", id="as an instance is called"),
        pytest.param("Build_7.example.com\n", "Build_7.example.com", id="a whole name"),
        pytest.param("", None, id="nothing"),
        pytest.param("\x1b[2J", None, id="no name"),
        pytest.param("a b", None, id="two words"),
        pytest.param("-x", None, id="an option"),
        pytest.param("h\u00f6st", None, id="of another script"),
        pytest.param("x" * 65, None, id="longer than the kernel keeps"),
    ],
)
async def test_what_this_host_calls_itself(text: str, name: str | None) -> None:
    assert (await probed({"/proc/sys/kernel/hostname": text.encode()})).name == name


@pytest.mark.parametrize(
    ("text", "node_id"),
    [
        pytest.param('{"ManagedInstanceID":"mi-0a1b2c3d4e5f67890","Region":"eu-west-1"}', "mi-0a1b2c3d4e5f67890"),
        pytest.param('{"ManagedInstanceID":"i-0a1b2c3d4e5f67890"}', None, id="an instance of EC2"),
        pytest.param('{"ManagedInstanceID":"mi-0a1b2c3d|x"}', None, id="no id"),
        pytest.param('{"ManagedInstanceID":7}', None, id="a number"),
        pytest.param("{}", None, id="nothing in it"),
        pytest.param("[]", None, id="a list"),
        pytest.param("", None, id="empty"),
        pytest.param("{", None, id="cut off"),
        pytest.param("[" * 60_000, None, id="nested without end"),
    ],
)
async def test_a_managed_node(text: str, node_id: str | None) -> None:
    assert (await probed({"/var/lib/amazon/ssm/registration": text.encode()})).managed_node_id == node_id


async def test_a_registration_that_may_not_be_read() -> None:
    facts = await probed({"/var/lib/amazon/ssm/registration": PermissionError()})
    assert (facts.name, facts.managed_node_id) == (None, None)
