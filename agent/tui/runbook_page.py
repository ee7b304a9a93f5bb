"""The runbook page of a finding, with values of its report in place of the placeholders."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from agent.catalog.partitions import is_region
from agent.catalog.placeholders import FORMS, HOST, PLACEHOLDER, SERVICE_NAME
from agent.catalog.runbooks import for_region, page
from agent.catalog.services import SERVICES
from agent.report.hops import Stage
from agent.report.model import ConfiguredPath, Finding, Report, TargetReport
from probes.facts import TcpFacts
from probes.model import Observation, Subject

_PLACEHOLDER: Final = re.compile(rf"(?P<name>{PLACEHOLDER.pattern})(?P<length>/32)?(?P<port>:\d)?")


def filled(finding: Finding, report: Report) -> str:
    """The page of a finding's code, in Markdown. A value that is unknown, or does not have the strict form of its kind,
    stays a placeholder, because commands are copied from the page."""
    try:
        text = page(finding.code)
    except KeyError:  # a report of another version may have a code that this version does not know
        return f"# {finding.code}\n\nThis version has no page for this code.\n"
    target = next((target for target in report.targets if target.id == finding.target), None)
    region = target.region if target is not None else report.run.region
    if region is not None and is_region(region):
        text = for_region(text, region)
    return fill_in(text, known_values(finding, report))


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Return the text with values in place of its placeholders."""

    def fill(match: re.Match[str]) -> str:
        value, length, port = values.get(match["name"], match["name"]), match["length"] or "", match["port"] or ""
        if ":" in value and length:  # an IPv4 block with one address; IPv6 needs another option in its commands
            return match[0]
        is_in_url = text[: match.start()].endswith("//")
        return f"[{value}]{port}" if ":" in value and (port or is_in_url) else f"{value}{length}{port}"

    return _PLACEHOLDER.sub(fill, text)


def placeholders_in(text: str) -> tuple[str, ...]:
    """Return the placeholders of a text, each once, in order."""
    return tuple(dict.fromkeys(match["name"] for match in _PLACEHOLDER.finditer(text)))


def known_values(finding: Finding, report: Report) -> dict[str, str]:
    """Return the values that the report has for placeholders of this finding."""
    return {name: value for name, value in values_for(finding, report) if value is not None}


def values_for(finding: Finding, report: Report) -> Iterator[tuple[str, str | None]]:
    """Yield every placeholder that a report may fill, with its value for this finding if exactly one is known."""
    vantage = report.vantage
    target = next((target for target in report.targets if target.id == finding.target), None)
    evidence = [observation for observation in report.observations if observation.id in finding.evidence]
    subjects = [observation.subject for observation in evidence]
    paths = _paths(finding, report, evidence)
    region = target.region if target is not None else report.run.region
    yield "<REGION>", region if region is not None and is_region(region) else None
    if target is not None:
        yield from _of_target(target)
    yield "<ADDRESS>", _one(subject.address for subject in subjects if subject.address is not None)
    yield "<ENDPOINT_BLOCK>", _endpoint_block(target, subjects)
    yield "<PORT>", _one(subject.port for subject in subjects if subject.port is not None)
    yield "<RESOLVER_ADDRESS>", _one(subject.resolver for subject in subjects if subject.resolver is not None)
    yield "<ADDRESS_OF_THIS_HOST>", _one(_sources(evidence)) or _one(vantage.source_addresses)
    own = (address for address in vantage.source_addresses if address.version == 6)
    yield "<IPV6_ADDRESS_OF_THIS_HOST>", _one(own)
    yield "<VPC_CIDR>", str(vantage.vpc_cidrs[0]) if len(vantage.vpc_cidrs) == 1 else None
    ids = {
        "<VPC_ID>": [vantage.vpc_id],
        "<SUBNET_ID>": [vantage.subnet_id],
        "<INSTANCE_ID>": [vantage.instance_id],
        "<INSTANCE_SECURITY_GROUP_ID>": vantage.security_group_ids,
        "<VPC_ENDPOINT_ID>": [path.endpoint_id for path in paths],
        "<ENDPOINT_SECURITY_GROUP_ID>": _at(Stage.ENDPOINT_GROUPS, paths),
        "<ROUTE_TABLE_ID>": _at(Stage.ROUTE, paths),
    }
    if target is not None and not paths:
        ids["<VPC_ENDPOINT_ID>"] = [address.endpoint_id for address in target.addresses]
    for name, values in ids.items():
        yield name, _one(value for value in values if value is not None and FORMS[name].fullmatch(value))


def _of_target(target: TargetReport) -> Iterator[tuple[str, str | None]]:
    if (service := SERVICES.get(target.service)) is not None:
        yield "<SERVICE>", service.name
        yield "<ENDPOINT_VARIABLE>", service.endpoint_variable
        yield "<SERVICE_KEY>", service.settings_key
        yield "<ACTION>", None if service.permission is None else service.permission.action
        yield "<OPERATION>", None if service.call is None else service.call.name
        yield from zip(("<CLI_SERVICE>", "<CLI_OPERATION>"), service.cli_words or (None, None), strict=True)
    yield "<HOST>", target.host if HOST.fullmatch(target.host) else None
    name = target.service_name
    yield "<SERVICE_NAME>", name if name is not None and SERVICE_NAME.fullmatch(name) else None


def _endpoint_block(target: TargetReport | None, subjects: Sequence[Subject]) -> str | None:
    """Return the only address as a block, for an option that takes IPv4; None if the addresses change over time, as the
    addresses of S3 do."""
    service = None if target is None else SERVICES.get(target.service)
    address = _one(subject.address for subject in subjects if subject.address is not None)
    is_fixed = service is not None and not service.has_gateway_endpoint
    return f"{address}/32" if address is not None and is_fixed and ":" not in address else None


def _paths(finding: Finding, report: Report, evidence: Iterable[Observation[object]]) -> list[ConfiguredPath]:
    """Return the configured paths to the addresses and ports in the evidence."""
    places = {(observation.subject.address, observation.subject.port) for observation in evidence}
    return [path for path in report.paths if path.target == finding.target and (path.address, path.port) in places]


def _at(stage: Stage, paths: Iterable[ConfiguredPath]) -> list[str]:
    return [resource for path in paths for hop in path.hops if hop.stage is stage for resource in hop.resources]


def _sources(evidence: Iterable[Observation[object]]) -> Iterator[object]:
    for observation in evidence:
        if isinstance(observation.facts, TcpFacts) and observation.facts.source is not None:
            yield observation.facts.source


def _one(values: Iterable[object]) -> str | None:
    """Return the value as text if there is exactly one."""
    distinct = dict.fromkeys(map(str, values))
    return next(iter(distinct)) if len(distinct) == 1 else None
