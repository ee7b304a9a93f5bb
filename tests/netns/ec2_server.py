"""Serves a scenario's EC2, Route 53, Resolver and Profiles over HTTP: the answers of `agent.simulated.ec2`, encoded in
the protocols of AWS, for the real client.

The scope in a request's signature names the service (AWS Signature Version 4). botocore's service models define the
form of requests and answers: EC2's query protocol, JSON 1.1, REST with XML and REST with JSON.
"""

import json
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit
from xml.etree.ElementTree import Element, SubElement, tostring

import botocore.session
from botocore.config import Config

from agent.simulated import ec2, network, peers
from agent.simulated.aws import REQUEST_ID
from agent.simulated.certificates import server_context
from agent.simulated.scenario import DnsPart, Scenario
from probes.model import Address

SERVICES: Final = ("ec2", "route53resolver", "route53", "route53profiles")
ADDRESS: Final = ip_address("10.0.9.90")
"""The address of all four services in a namespace."""
PORT: Final = 443
_SCOPE: Final = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")
_HOLD_BYTES: Final = 1024

Reply = tuple[int, Mapping[str, str], bytes]


# --- Where they are --------------------------------------------------------------------------------------------------


def is_served(scenario: Scenario) -> bool:
    """Whether any of the services answers. If none of them does, their port drops packets."""
    return scenario.ec2 is not None and scenario.ec2.source == "live" and scenario.ec2.answer != "silence"


def named(scenario: Scenario) -> Scenario:
    """The scenario with resolvers that also know the names of the services, if it serves any. The answers for other
    names stay as they are. A resolver that does not answer normally in the scenario does not know these names either.
    """
    if scenario.ec2 is None or scenario.ec2.source != "live":
        return scenario
    resolvers = tuple(resolver for resolver in peers.resolvers_of(scenario) if ec2.knows_names(scenario, resolver))
    rows = tuple(DnsPart(resolvers=resolvers, name=name, a=(ADDRESS,)) for name in hosts(scenario))
    return replace(scenario, dns=(*rows, *scenario.dns)) if resolvers else scenario


def hosts(scenario: Scenario) -> tuple[str, ...]:
    """The names that the SDK on the scenario's host looks up to reach the services."""
    settings = Config(use_fips_endpoint=scenario.sdk.fips, use_dualstack_endpoint=scenario.sdk.dual_stack)
    session = botocore.session.get_session()
    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    clients = (
        session.create_client(service, region_name=network.region_of(scenario), config=settings, **keys)
        for service in SERVICES
    )
    return tuple(str(urlsplit(client.meta.endpoint_url).hostname) for client in clients)


@contextmanager
def served(scenario: Scenario, address: Address, port: int, context: ssl.SSLContext | None) -> Iterator[int]:
    """Serve a scenario's configuration while the block lasts; yields the port. Without `context`, it is served without
    TLS.
    """
    with ThreadingHTTPServer((str(address), port), partial(_Handler, scenario)) as server:
        server.daemon_threads = True  # otherwise a handler that withholds its answer would block the end, too
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def tls_of(scenario: Scenario) -> ssl.SSLContext:
    """The TLS context of a server whose certificate is for the names of the services."""
    return server_context("amazon", hosts(scenario))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, scenario: Scenario, *connection: Any) -> None:
        self._scenario = scenario
        super().__init__(*connection)

    def do_POST(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        given = {name.lower(): value for name, value in self.headers.items()}
        answer = reply(self._scenario, self.path, given, body)
        if answer is None:
            self.close_connection = True
            while self.connection.recv(_HOLD_BYTES):  # until the client disconnects
                pass
            return
        status, headers, content = answer
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Print nothing, since stderr is for errors."""


# --- What they say ---------------------------------------------------------------------------------------------------


def reply(scenario: Scenario, path: str, headers: Mapping[str, str], body: bytes) -> Reply | None:
    """The answer to one signed request, or None if the server must not answer."""
    scope = _SCOPE.search(headers.get("authorization", ""))
    if scope is None:
        return 403, {"x-amzn-RequestId": REQUEST_ID}, b""
    service = scope[1]
    operation, parameters = _READERS[service](path, headers, body)
    try:
        answer = ec2.answer(scenario, service, operation, parameters)
    except ec2.RefusedError as refused:
        return refused.status, {"x-amzn-RequestId": REQUEST_ID}, _refusal(service, refused)
    return None if answer is None else (200, {"x-amzn-RequestId": REQUEST_ID}, _written(service, operation, answer))


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def _read_query(_path: str, _headers: Mapping[str, str], body: bytes) -> tuple[str, dict[str, Any]]:
    """A read in EC2's query protocol, in which lists and structures are flattened into names such as
    `Filter.1.Value.2`.
    """
    given = dict(parse_qsl(body.decode("ascii"), keep_blank_values=True))
    operation = given["Action"]
    return operation, _unflattened(_model("ec2").operation_model(operation).input_shape, "", given) or {}


def _unflattened(shape: Any, prefix: str, given: Mapping[str, str]) -> Any:
    """The value of a shape from flattened names, or None if it is absent."""
    if shape.type_name == "list":
        values: list[Any] = []
        while (member := _unflattened(shape.member, f"{prefix}.{len(values) + 1}", given)) is not None:
            values.append(member)
        return values or None
    if shape.type_name == "structure":
        members = {
            name: _unflattened(member, f"{prefix}.{_flat_name(member, name)}".lstrip("."), given)
            for name, member in shape.members.items()
        }
        return {name: value for name, value in members.items() if value is not None} or None
    text = given.get(prefix)
    if text is None or shape.type_name not in ("boolean", "integer", "long"):
        return text
    return text == "true" if shape.type_name == "boolean" else int(text)


def _flat_name(member: Any, name: str) -> str:
    wire_name = str(member.serialization.get("name", name))
    return str(member.serialization.get("queryName", f"{wire_name[0].upper()}{wire_name[1:]}"))


def _read_json(_path: str, headers: Mapping[str, str], body: bytes) -> tuple[str, dict[str, Any]]:
    return headers["x-amz-target"].rpartition(".")[2], json.loads(body)


def _read_rest(service: str, path: str, _headers: Mapping[str, str], _body: bytes) -> tuple[str, dict[str, Any]]:
    """A read in the REST protocols: all parameters are in the path and the query string."""
    url, model = urlsplit(path), _model(service)
    given: dict[str, str] = dict(parse_qsl(url.query))
    for name in model.operation_names:
        http = model.operation_model(name).http
        form = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(http["requestUri"]))
        if http["method"] == "GET" and (found := re.fullmatch(form, url.path)) is not None:
            given |= found.groupdict()
            members = model.operation_model(name).input_shape.members.items()
            wires = {member: shape.serialization["name"] for member, shape in members}
            return name, {member: given[wire] for member, wire in wires.items() if wire in given}
    raise LookupError(f"{service} has no read at {url.path}")


_READERS: Final[Mapping[str, Callable[[str, Mapping[str, str], bytes], tuple[str, dict[str, Any]]]]] = {
    "ec2": _read_query,
    "route53resolver": _read_json,
    "route53": partial(_read_rest, "route53"),
    "route53profiles": partial(_read_rest, "route53profiles"),
}
_OF_JSON: Final = ("route53resolver", "route53profiles")


def _written(service: str, operation: str, answer: Mapping[str, Any]) -> bytes:
    if service in _OF_JSON:
        return json.dumps(answer, default=datetime.timestamp).encode()
    model = _model(service)
    root = Element(f"{operation}Response", xmlns=f"https://{service}.amazonaws.com/doc/{model.api_version}/")
    if service == "ec2":
        SubElement(root, "requestId").text = REQUEST_ID
    _write(root, model.operation_model(operation).output_shape, answer)
    return bytes(tostring(root, "utf-8", xml_declaration=True))


def _write(inside: Element, shape: Any, value: Any) -> None:
    """Write a value into an XML element as the shape of the value requires. Raises KeyError for a member that the shape
    does not have.
    """
    match shape.type_name:
        case "structure":
            for name, item in value.items():
                member = shape.members[name]
                wire = member.serialization.get("name", name)
                if member.type_name == "list" and member.serialization.get("flattened"):
                    for one in item:
                        _write(SubElement(inside, wire), member.member, one)
                else:
                    _write(SubElement(inside, wire), member, item)
        case "list":
            for item in value:
                _write(SubElement(inside, shape.member.serialization.get("name", "member")), shape.member, item)
        case "boolean":
            inside.text = "true" if value else "false"
        case "timestamp":
            inside.text = _instant(value)
        case _:
            inside.text = str(value)


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _refusal(service: str, refused: ec2.RefusedError) -> bytes:
    if service in _OF_JSON:
        return json.dumps({"__type": refused.code, "message": refused.message}).encode()
    root = Element("Response" if service == "ec2" else "ErrorResponse")
    error = SubElement(SubElement(root, "Errors") if service == "ec2" else root, "Error")
    SubElement(error, "Code").text = refused.code
    SubElement(error, "Message").text = refused.message
    SubElement(root, "RequestID" if service == "ec2" else "RequestId").text = REQUEST_ID
    return bytes(tostring(root, "utf-8", xml_declaration=True))
