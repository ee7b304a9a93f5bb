"""Software between the host and the endpoint. Some of it is an HTTP proxy that the host's variables name. The rest is
on the path: it relays the connection, filters it by the name that the client sends, or decrypts it.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.simulated import certificates
from tests.peers.setups import InVpc, scenario
from tests.peers.world import Started, World

pytestmark = pytest.mark.peers

HOST: Final = "backup.eu-west-1.amazonaws.com"
BOX: Final = "10.0.1.90"
FORWARD: Final = 3128
"""The port of a proxy to which the host sends its requests."""
TRANSPARENT: Final = 3129
"""The port to which the network diverts the host's connections to the endpoint."""
WEB: Final = "10.0.9.80"
"""The address of a server that is not part of AWS."""
_VPC: Final = f"""
[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "{HOST}"
a = ["10.0.1.17", "10.0.2.17"]

[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "backup-gateway.eu-west-1.amazonaws.com"
a = ["52.95.112.40"]

[[tcp]]
addresses = ["10.0.1.17", "10.0.2.17"]
ports = [443]

[[tcp]]
addresses = ["{WEB}"]
ports = [443]
names = ["www.example.com"]
issuer = "corporate"
http = "portal"
"""
HEALTHY: Final = ("ok", "private")
PROXIED: Final = ("critical", "unknown")
PRIVATE: Final = ("critical", "private")
DECRYPTED: Final = ("warning", "private")
_TO_PROXY: Final = {"https_proxy": f"http://{BOX}:{FORWARD}"}
_NOT_FOR_AWS: Final = {"no_proxy": ".amazonaws.com,169.254.169.254"}

Start = Callable[[World], Started]


def middlebox(
    package: str,
    name: str,
    start: Start,
    verdict: tuple[str, str],
    *findings: str,
    environment: Mapping[str, str] | None = None,
    trusts: tuple[str, ...] = ("amazon",),
    timeout: float = 3.0,
) -> InVpc:
    """A set-up with a box in a healthy VPC. `environment` has the proxy variables of the host."""
    lines = "".join(f'{variable} = "{value}"\n' for variable, value in (environment or {}).items())
    host = f"[host]\ntrusts = {json.dumps(list(trusts))}\n[host.environment]\n{lines}"
    toml = scenario(name, host + _VPC, verdict, findings, timeout=timeout)
    places = tuple(f"{BOX} {port}" for port in (FORWARD, TRANSPARENT))
    return InVpc(package=package, name=name, toml=toml, start=start, places=places)


def on_the_way(world: World) -> None:
    """Make the network divert the host's connections to port 443 to the box."""
    redirected = f"iif vpc0 tcp dport 443 dnat ip to {BOX}:{TRANSPARENT}"
    chain = f"chain arriving {{ type nat hook prerouting priority dstnat; {redirected}\n}}\n"
    world.nft("network", f"table inet way {{ {chain} }}")


def authority(world: World) -> Path:
    """The key and the certificate of the company's own authority, in one file."""
    name = certificates.AUTHORITIES["corporate"][1]
    key = certificates.key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    return world.write("authority.pem", key + certificates.root_pem("corporate"))


def certificate(world: World, name: str) -> Path:
    """A certificate for a name, issued by the company's authority. The file contains the key, the certificate, and then
    the issuer's certificate.
    """
    signer = certificates.authority("corporate")
    own = certificates.key(f"corporate {name}")
    leaf = certificates.sign(certificates.subject(name), own, signer.intermediate.subject, signer.key, names=(name,))
    key = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = (leaf.public_bytes(Encoding.PEM), signer.intermediate.public_bytes(Encoding.PEM))
    return world.write("server.pem", b"".join((key, *chain)).decode("ascii"))


# --- Squid -----------------------------------------------------------------------------------------------------------

_AS_NOBODY: Final = """
mount -t tmpfs -o mode=755,uid=65534,gid=65534 tmpfs /mnt
cp *.conf *.pem /mnt
chown -R 65534:65534 /mnt
cd /mnt
set -- setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
/usr/lib/squid/security_file_certgen -c -s /mnt/certificates -M 4MB
chown -R 65534:65534 /mnt
"""
"""Lines of sh(1) that start Squid as a user other than root. They copy its files to a folder that this user
can read.
"""


def squid(rules: str = "http_access allow all", *, bump: str | None = None) -> Start:
    """squid(8) as a forward proxy with `rules`. If `bump` (lines for TLS) is given, Squid is also on the path."""

    def start(world: World) -> Started:
        authority(world)
        world.write("amazon.pem", certificates.root_pem("amazon"))
        secured = f"""
            http_port {BOX}:3130
            https_port {BOX}:{TRANSPARENT} intercept ssl-bump tls-cert=/mnt/authority.pem
            sslcrtd_program /usr/lib/squid/security_file_certgen -s /mnt/certificates -M 4MB
            sslcrtd_children 1
            tls_outgoing_options cafile=/mnt/amazon.pem
            acl at_hello at_step SslBump1
            {bump}
        """
        world.write(
            "squid.conf",
            f"""
                http_port {BOX}:{FORWARD}
                visible_hostname squid.example.com
                mime_table /usr/share/squid/mime.conf
                cache deny all
                cache_mem 1 MB
                access_log none
                cache_log /mnt/cache.log
                pid_filename none
                netdb_filename none
                pinger_enable off
                max_filedescriptors 1024
                shutdown_lifetime 0 seconds
                {"" if bump is None else secured}
                {rules}
            """,
        )
        box = world.start(
            "squid-openssl",
            *("-N", "-d", "1", "-f", "/mnt/squid.conf"),
            before=_AS_NOBODY,
            answers=("tcp", BOX, str(FORWARD)),
        )
        if bump is not None:
            on_the_way(world)
        return box

    return start


_BASIC: Final = """
    auth_param basic program /usr/lib/squid/basic_fake_auth
    acl known proxy_auth REQUIRED
    http_access allow known
    http_access deny all
"""
_SPLICE: Final = "ssl_bump peek at_hello\nssl_bump splice all"
_BUMP: Final = "ssl_bump peek at_hello\nssl_bump bump all"


def _names(action: str, *names: str, otherwise: str) -> str:
    listed = f"acl listed ssl::server_name {' '.join(names)}"
    return f"{listed}\nssl_bump peek at_hello\nssl_bump {action} listed\nssl_bump {otherwise} all"


SQUID: Final = (
    middlebox(
        "squid-openssl", "the host's proxy, but not for AWS", squid(), HEALTHY, environment=_TO_PROXY | _NOT_FOR_AWS
    ),
    middlebox(
        "squid-openssl",
        "the host's proxy, but not for AWS, which it would refuse",
        squid("http_access deny all"),
        HEALTHY,
        environment=_TO_PROXY | _NOT_FOR_AWS,
    ),
    middlebox("squid-openssl", "on the way, reads the name and passes TLS on", squid(bump=_SPLICE), HEALTHY),
    middlebox(
        "squid-openssl",
        "on the way, decrypts all but AWS",
        squid(bump=_names("splice", ".amazonaws.com", otherwise="bump")),
        HEALTHY,
    ),
    middlebox(
        "squid-openssl", "the host's proxy, opens the tunnel", squid(), PROXIED, "ENV007@backup", environment=_TO_PROXY
    ),
    middlebox(
        "squid-openssl",
        "the host's proxy, knows the user and opens the tunnel",
        squid(_BASIC),
        PROXIED,
        "ENV007@backup",
        environment={"https_proxy": f"http://backup:secret@{BOX}:{FORWARD}"},
    ),
    middlebox(
        "squid-openssl",
        "the host's proxy, refuses the tunnel (403)",
        squid("http_access deny CONNECT\nhttp_access allow all"),
        PROXIED,
        *("ENV007@backup", "HTTP003@backup"),
        environment=_TO_PROXY,
    ),
    middlebox(
        "squid-openssl",
        "the host's proxy, wants a password (407)",
        squid(_BASIC),
        PROXIED,
        *("ENV007@backup", "HTTP003@backup"),
        environment=_TO_PROXY,
    ),
    middlebox(
        "squid-openssl",
        "the host's proxy, at another port than the variable says",
        squid(),
        PROXIED,
        *("ENV007@backup", "HTTP003@backup"),
        environment={"https_proxy": f"http://{BOX}:{TRANSPARENT}"},
    ),
    middlebox(
        "squid-openssl",
        "on the way, decrypts TLS by an authority that the host does not know",
        squid(bump=_BUMP),
        PRIVATE,
        "TLS001@backup",
    ),
    middlebox(
        "squid-openssl",
        "on the way, decrypts TLS by an authority that the host trusts",
        squid(bump=_BUMP),
        DECRYPTED,
        "TLS002@backup",
        trusts=("amazon", "corporate"),
    ),
    middlebox(
        "squid-openssl",
        "on the way, ends TLS for names of AWS",
        squid(bump=_names("terminate", ".amazonaws.com", otherwise="splice")),
        PRIVATE,
        "TLS005@backup",
    ),
)

# --- mitmproxy -------------------------------------------------------------------------------------------------------


def mitmproxy(*options: str, mode: str = f"transparent@{BOX}:{TRANSPARENT}", knows_amazon: bool = True) -> Start:
    """mitmdump(1), on the path unless `mode` is _REGULAR."""

    def start(world: World) -> Started:
        authority(world).rename(world.folder / "mitmproxy-ca.pem")
        world.write("roots.pem", certificates.root_pem("amazon" if knows_amazon else "corporate"))
        box = world.start(
            "pypi:mitmproxy",
            *("--mode", mode, "--set", f"confdir={world.folder}", "--set", "ssl_verify_upstream_trusted_ca=roots.pem"),
            *options,
            answers=("tcp", *mode.partition("@")[2].split(":")),
        )
        if mode != _REGULAR:
            on_the_way(world)
        return box

    return start


_REGULAR: Final = f"regular@{BOX}:{FORWARD}"
_KNOWN: Final = ("amazon", "corporate")
MITMPROXY: Final = (
    middlebox(
        "pypi:mitmproxy",
        "the host's proxy, but not for AWS",
        mitmproxy(mode=_REGULAR),
        HEALTHY,
        environment=_TO_PROXY | _NOT_FOR_AWS,
    ),
    middlebox(
        "pypi:mitmproxy",
        "on the way, ignores names of AWS",
        mitmproxy("--ignore-hosts", "[.]amazonaws[.]com:443$"),
        HEALTHY,
    ),
    middlebox(
        "pypi:mitmproxy",
        "on the way, ignores addresses in the VPC",
        mitmproxy("--ignore-hosts", "^10[.]0[.]"),
        HEALTHY,
    ),
    middlebox(
        "pypi:mitmproxy",
        "the host's proxy, opens the tunnel",
        mitmproxy(mode=_REGULAR),
        PROXIED,
        "ENV007@backup",
        environment=_TO_PROXY,
    ),
    middlebox(
        "pypi:mitmproxy",
        "the host's proxy, wants another password (407)",
        mitmproxy("--proxyauth", "backup:secret", mode=_REGULAR),
        PROXIED,
        *("ENV007@backup", "HTTP003@backup"),
        environment={"https_proxy": f"http://backup:wrong@{BOX}:{FORWARD}"},
    ),
    middlebox(
        "pypi:mitmproxy",
        "on the way, decrypts TLS by an authority that the host does not know",
        mitmproxy(),
        PRIVATE,
        "TLS001@backup",
    ),
    middlebox(
        "pypi:mitmproxy",
        "on the way, decrypts TLS by an authority that the host trusts",
        mitmproxy(),
        DECRYPTED,
        "TLS002@backup",
        trusts=_KNOWN,
    ),
    middlebox(
        "pypi:mitmproxy",
        "on the way, decrypts TLS, trusted, and takes off what is signed",
        mitmproxy("--modify-headers", "/~q/authorization/"),
        PRIVATE,
        *("API009@backup", "TLS002@backup"),
        trusts=_KNOWN,
    ),
    middlebox(
        "pypi:mitmproxy",
        "on the way, decrypts TLS, trusted, and does not itself trust Amazon",
        mitmproxy(knows_amazon=False),
        PRIVATE,
        *("HTTP001@backup", "TLS002@backup"),
        trusts=_KNOWN,
    ),
    middlebox(
        "pypi:mitmproxy",
        "on the way, decrypts TLS, trusted, and answers itself",
        mitmproxy("--set", "map_local=|.*|roots.pem"),
        PRIVATE,
        *("HTTP001@backup", "TLS002@backup"),
        trusts=_KNOWN,
    ),
)

# --- HAProxy ---------------------------------------------------------------------------------------------------------

_AS_SENT: Final = "option transparent"
"""A setting with which HAProxy connects to the original destination of a connection."""


def haproxy(
    way: str = "", onward: str = _AS_SENT, *, bind: str = "", timeout: str = "60s", http: bool = False
) -> Start:
    """haproxy(1) on the path. `way` has lines for its frontend, which faces the host, and `onward` has lines for its
    backend, which faces the endpoint.
    """

    def start(world: World) -> Started:
        certificate(world, HOST)
        world.write("amazon.pem", certificates.root_pem("amazon"))
        world.write(
            "haproxy.cfg",
            f"""
                defaults
                    mode {"http" if http else "tcp"}
                    timeout connect 10s
                    timeout client {timeout}
                    timeout server {timeout}
                frontend host
                    bind {BOX}:{TRANSPARENT} {bind}
                    bind {BOX}:{FORWARD}
                    {way}
                    default_backend endpoint
                backend endpoint
                    {onward}\n""",
        )
        box = world.start("haproxy", "-db", "-f", "haproxy.cfg", answers=("tcp", BOX, str(TRANSPARENT)))
        on_the_way(world)
        return box

    return start


def _by_name(action: str, condition: str = "if") -> str:
    """Lines that apply an action to connections for a name of AWS."""
    return f"""
                    tcp-request inspect-delay 60s
                    tcp-request content {action} {condition} {{ req.ssl_sni -m end .amazonaws.com }}
                    tcp-request content accept if {{ req.ssl_hello_type 1 }}
    """


_BY_NAME: Final = """
                    tcp-request inspect-delay 60s
                    tcp-request content accept if { req.ssl_hello_type 1 }
                    use_backend elsewhere if { req.ssl_sni -m end .amazonaws.com }
"""
_ELSEWHERE: Final = f"""
                    option transparent
                backend elsewhere
                    server web {WEB}:443
"""
_HEARD: Final = """
                    tcp-request inspect-delay 60s
                    tcp-request content accept if { req.ssl_hello_type 1 }
"""
"""Lines that make HAProxy wait for the ClientHello before it connects. So the host has sent the ClientHello before the
connection ends.
"""
_DECRYPTING: Final = "ssl crt server.pem"
_ENCRYPTED: Final = f"server endpoint 10.0.1.17:443 ssl ca-file amazon.pem sni str({HOST}) verifyhost {HOST}"
HAPROXY: Final = (
    middlebox("haproxy", "on the way, passes TCP on", haproxy(), HEALTHY),
    middlebox(
        "haproxy",
        "on the way, passes TCP on to one of the endpoint's zones",
        haproxy(onward="server endpoint 10.0.1.17:443"),
        HEALTHY,
    ),
    middlebox("haproxy", "on the way, passes on only names of AWS", haproxy(_by_name("reject", "unless")), HEALTHY),
    middlebox("haproxy", "on the way, cuts connections idle for 20 seconds", haproxy(timeout="20s"), HEALTHY),
    middlebox("haproxy", "on the way, cuts names of AWS", haproxy(_by_name("reject")), PRIVATE, "TLS005@backup"),
    middlebox(
        "haproxy",
        "on the way, drops names of AWS",
        haproxy(_by_name("silent-drop")),
        PRIVATE,
        "TLS004@backup",
        timeout=1.0,
    ),
    middlebox(
        "haproxy",
        "on the way, sends names of AWS elsewhere",
        haproxy(_BY_NAME, _ELSEWHERE),
        PRIVATE,
        "TLS001@backup",
    ),
    middlebox(
        "haproxy",
        "on the way, its server is not there",
        haproxy(_HEARD, "retries 0\nserver endpoint 10.0.1.17:444"),
        PRIVATE,
        "TLS005@backup",
    ),
    middlebox(
        "haproxy",
        "on the way, sends the host's address to the endpoint in a PROXY protocol header",
        haproxy(_HEARD, "server endpoint 10.0.1.17:443 send-proxy"),
        PRIVATE,
        "TLS005@backup",
    ),
    middlebox("haproxy", "on the way, takes TLS for HTTP", haproxy(http=True), PRIVATE, "TLS006@backup"),
    middlebox(
        "haproxy",
        "on the way, decrypts TLS by an authority that the host does not know",
        haproxy(bind=_DECRYPTING, onward=_ENCRYPTED),
        PRIVATE,
        "TLS001@backup",
    ),
    middlebox(
        "haproxy",
        "on the way, decrypts TLS by an authority that the host trusts",
        haproxy(bind=_DECRYPTING, onward=_ENCRYPTED),
        DECRYPTED,
        "TLS002@backup",
        trusts=_KNOWN,
    ),
    middlebox(
        "haproxy",
        "on the way, decrypts TLS, trusted, and has no server (503)",
        haproxy(bind=_DECRYPTING, http=True, onward=""),
        PRIVATE,
        *("HTTP001@backup", "TLS002@backup"),
        trusts=_KNOWN,
    ),
)

# --- nginx -----------------------------------------------------------------------------------------------------------


def nginx(onward: str, *, listen: str = "", before: str = "", http: bool = False) -> Start:
    """nginx(8) on the path, with its stream module. `onward` has lines for its server block, and `before` has lines
    that come before this block. With `http`, it is a web server.
    """

    def start(world: World) -> Started:
        certificate(world, HOST)
        world.write("amazon.pem", certificates.root_pem("amazon"))
        temporary = " ".join(f"{part}_temp_path {part};" for part in _TEMPORARY) if http else ""
        world.write(
            "nginx.conf",
            f"""
                daemon off;
                user root;
                worker_processes 1;
                pid nginx.pid;
                error_log stderr info;
                load_module /usr/lib/nginx/modules/ngx_stream_module.so;
                events {{ }}
                {"http" if http else "stream"} {{
                    {"access_log off;" if http else ""}
                    {temporary}
                    {before}
                    server {{
                        listen {BOX}:{TRANSPARENT} {listen};
                        {onward}
                    }}
                }}
            """,
        )
        box = world.start(
            "nginx",
            *("-e", "stderr", "-p", str(world.folder), "-c", str(world.folder / "nginx.conf")),
            answers=("tcp", BOX, str(TRANSPARENT)),
        )
        on_the_way(world)
        return box

    return start


_TEMPORARY: Final = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_TO_ENDPOINT: Final = "proxy_pass 10.0.1.17:443;"
_TO_NAME: Final = "ssl_preread on; proxy_pass $ssl_preread_server_name:443;"
_ENCRYPTING: Final = f"""
    ssl_certificate server.pem;
    ssl_certificate_key server.pem;
    proxy_ssl on;
    proxy_ssl_name {HOST};
    proxy_ssl_server_name on;
    proxy_ssl_verify on;
    proxy_ssl_verify_depth 2;
    proxy_ssl_trusted_certificate amazon.pem;
    {_TO_ENDPOINT}
"""


def _mapped(aws: str, others: str) -> str:
    return f"map $ssl_preread_server_name $onward {{ hostnames; .amazonaws.com {aws}; default {others}; }}"


_TO_MAPPED: Final = "ssl_preread on; proxy_pass $onward;"
NGINX: Final = (
    middlebox("nginx", "on the way, passes TCP on", nginx(_TO_ENDPOINT), HEALTHY),
    middlebox(
        "nginx",
        "on the way, passes TCP on to the name in it",
        nginx(_TO_NAME, before="resolver 10.0.0.2 ipv6=off;"),
        HEALTHY,
    ),
    middlebox(
        "nginx",
        "on the way, passes on names of AWS, and others elsewhere",
        nginx(_TO_MAPPED, before=_mapped("10.0.1.17:443", f"{WEB}:443")),
        HEALTHY,
    ),
    middlebox(
        "nginx",
        "on the way, cuts connections idle for 20 seconds",
        nginx(f"proxy_timeout 20s; {_TO_ENDPOINT}"),
        HEALTHY,
    ),
    middlebox(
        "nginx",
        "on the way, has nowhere to send names of AWS",
        nginx(_TO_MAPPED, before=_mapped('""', f"{WEB}:443")),
        PRIVATE,
        "TLS005@backup",
    ),
    middlebox(
        "nginx",
        "on the way, sends names of AWS elsewhere",
        nginx(_TO_MAPPED, before=_mapped(f"{WEB}:443", "10.0.1.17:443")),
        PRIVATE,
        "TLS001@backup",
    ),
    middlebox(
        "nginx",
        "on the way, passes TCP on to the name in it, and its name server does not answer",
        nginx(_TO_NAME, before="resolver 10.0.0.99 ipv6=off; resolver_timeout 60s;"),
        PRIVATE,
        "TLS004@backup",
        timeout=1.0,
    ),
    middlebox(
        "nginx",
        "on the way, its server is not there",
        nginx("ssl_preread on; proxy_pass 10.0.1.17:444;"),
        PRIVATE,
        "TLS005@backup",
    ),
    middlebox(
        "nginx",
        "on the way, takes TLS for HTTP",
        nginx("return 404;", http=True),
        PRIVATE,
        "TLS006@backup",
    ),
    middlebox(
        "nginx",
        "on the way, decrypts TLS by an authority that the host does not know",
        nginx(_ENCRYPTING, listen="ssl"),
        PRIVATE,
        "TLS001@backup",
    ),
    middlebox(
        "nginx",
        "on the way, decrypts TLS by an authority that the host trusts",
        nginx(_ENCRYPTING, listen="ssl"),
        DECRYPTED,
        "TLS002@backup",
        trusts=_KNOWN,
    ),
)

# --- tinyproxy -------------------------------------------------------------------------------------------------------


def tinyproxy(*lines: str, filtered: str = "") -> Start:
    """tinyproxy(8) with these lines in its configuration. `filtered` is the content of the file with the names to
    filter.
    """

    def start(world: World) -> Started:
        world.write("filter", f"{filtered}\n")
        common = (f"Port {FORWARD}", f"Listen {BOX}", "Timeout 60", "MaxClients 10", "LogLevel Info")
        world.write("tinyproxy.conf", "".join(f"{line}\n" for line in (*common, *lines)))
        return world.start("tinyproxy-bin", "-d", "-c", "tinyproxy.conf", answers=("tcp", BOX, str(FORWARD)))

    return start


_AWS_FILTERED: Final = ('Filter "filter"', "FilterType ere")
_AWS: Final = "amazonaws[.]com$"
TINYPROXY: Final = (
    middlebox(
        "tinyproxy-bin", "the host's proxy, but not for AWS", tinyproxy(), HEALTHY, environment=_TO_PROXY | _NOT_FOR_AWS
    ),
    middlebox(
        "tinyproxy-bin",
        "the host's proxy, but not for AWS, which it would refuse",
        tinyproxy(*_AWS_FILTERED, filtered=_AWS),
        HEALTHY,
        environment=_TO_PROXY | _NOT_FOR_AWS,
    ),
    middlebox(
        "tinyproxy-bin",
        "the host's proxy, but not for AWS, for which it would want a password",
        tinyproxy("BasicAuth backup secret"),
        HEALTHY,
        environment=_TO_PROXY | _NOT_FOR_AWS,
    ),
    middlebox(
        "tinyproxy-bin",
        "the host's proxy, opens the tunnel",
        tinyproxy("ConnectPort 443"),
        PROXIED,
        "ENV007@backup",
        environment=_TO_PROXY,
    ),
    middlebox(
        "tinyproxy-bin",
        "the host's proxy, knows the user and opens the tunnel",
        tinyproxy("BasicAuth backup secret"),
        PROXIED,
        "ENV007@backup",
        environment={"https_proxy": f"http://backup:secret@{BOX}:{FORWARD}"},
    ),
    *(
        middlebox(
            "tinyproxy-bin",
            f"the host's proxy, {name}",
            start,
            PROXIED,
            *("ENV007@backup", "HTTP003@backup"),
            environment=environment,
        )
        for name, start, environment in (
            ("refuses tunnels to port 443 (403)", tinyproxy("ConnectPort 563"), _TO_PROXY),
            ("refuses names of AWS (403)", tinyproxy(*_AWS_FILTERED, filtered=_AWS), _TO_PROXY),
            ("serves only other subnets (403)", tinyproxy("Allow 10.0.7.0/24"), _TO_PROXY),
            ("wants a password (407)", tinyproxy("BasicAuth backup secret"), _TO_PROXY),
            ("its own proxy is not there", tinyproxy(f"Upstream http {BOX}:{TRANSPARENT}"), _TO_PROXY),
            (
                "at another port than the variable says",
                tinyproxy(),
                {"https_proxy": f"http://{BOX}:{TRANSPARENT}"},
            ),
        )
    ),
)

# --- stunnel ---------------------------------------------------------------------------------------------------------


def stunnel(*services: str, options: str = "") -> Start:
    """stunnel(8) on the path, with at least two services. One of them accepts the connections that the
    network diverts.
    """

    def start(world: World) -> Started:
        certificate(world, HOST)
        for issuer in certificates.AUTHORITIES:
            world.write(f"{issuer}.pem", certificates.root_pem(issuer))
        numbered = "".join(f"[service-{number}]\n{service}\n" for number, service in enumerate(services))
        world.write("stunnel.conf", f"foreground = yes\npid =\nsyslog = no\n{options}\n{numbered}")
        box = world.start("stunnel4", "stunnel.conf", answers=("tcp", BOX, str(TRANSPARENT)))
        on_the_way(world)
        return box

    return start


_TUNNEL: Final = f"{BOX}:8443"
"""The far end of the tunnel."""


def _near(*lines: str) -> str:
    """Lines for the service at the near end of the tunnel. It wraps a connection in another layer of TLS."""
    return "\n".join((f"client = yes\naccept = {BOX}:{TRANSPARENT}\nconnect = {_TUNNEL}", *lines))


def _far(*lines: str) -> str:
    """Lines for the service at the far end of the tunnel. It unwraps the connection and sends it to the endpoint."""
    return "\n".join((f"accept = {_TUNNEL}\ncert = server.pem\nconnect = 10.0.1.17:443", *lines))


_DECRYPTED: Final = (
    f"accept = {BOX}:{TRANSPARENT}\ncert = server.pem\nconnect = {BOX}:8080",
    f"client = yes\naccept = {BOX}:8080\nconnect = 10.0.1.17:443\nsni = {HOST}\nCAfile = amazon.pem\nverifyChain = yes",
)
STUNNEL: Final = (
    middlebox("stunnel4", "on the way, carries TCP in TLS of its own", stunnel(_near(), _far()), HEALTHY),
    middlebox(
        "stunnel4",
        "on the way, carries TCP in TLS of its own, and verifies its far end",
        stunnel(_near("CAfile = corporate.pem", "verifyChain = yes", f"checkHost = {HOST}"), _far()),
        HEALTHY,
    ),
    middlebox(
        "stunnel4",
        "on the way, carries TCP in TLS of its own, and cuts connections idle for 20 seconds",
        stunnel(_near(), _far(), options="TIMEOUTidle = 20"),
        HEALTHY,
    ),
    middlebox(
        "stunnel4",
        "on the way, decrypts TLS by an authority that the host does not know",
        stunnel(*_DECRYPTED),
        PRIVATE,
        "TLS001@backup",
    ),
    middlebox(
        "stunnel4",
        "on the way, decrypts TLS by an authority that the host trusts",
        stunnel(*_DECRYPTED),
        DECRYPTED,
        "TLS002@backup",
        trusts=_KNOWN,
    ),
    middlebox(
        "stunnel4",
        "on the way, decrypts TLS, trusted, and does not encrypt it again",
        stunnel(f"accept = {BOX}:{TRANSPARENT}\ncert = server.pem\nconnect = 10.0.1.17:443"),
        PRIVATE,
        *("HTTP004@backup", "TLS002@backup"),
        trusts=_KNOWN,
    ),
)

SETUPS: Final = (*SQUID, *MITMPROXY, *HAPROXY, *NGINX, *TINYPROXY, *STUNNEL)


@pytest.mark.parametrize("setup", SETUPS, ids=str, indirect=True)
def test_the_run_finds_what_it_must(setup: InVpc, tmp_path: Path) -> None:
    assert setup.found(tmp_path) == setup.expected
