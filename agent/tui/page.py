"""The runbook page of a finding, with what its report knows in place of the placeholders."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from agent.catalog.partitions import is_region
from agent.catalog.placeholders import FORMS
from agent.catalog.services import SERVICES
from agent.formats.explain import page
from agent.report.hops import Stage
from agent.report.model import ConfiguredPath, Finding, Report, TargetReport
from probes.facts import TcpFacts
from probes.model import Observation

_PLACEHOLDER: Final = re.compile(r"<[A-Z_]+>")
_HOST: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
_SERVICE_NAME: Final = re.compile(r"[a-z]+(\.[a-z0-9-]+){3,6}")


def filled(finding: Finding, report: Report) -> str:
    """The page of a finding's code, in Markdown. What is not known here, or has not the strict form of its kind, stays
    a placeholder: the page is copied from."""
    try:
        text = page(finding.code)
    except KeyError:  # a report of another version may name what this one does not know
        return f"# {finding.code}\n\nThis version has no page of it.\n"
    known = {name: value for name, value in _known(finding, report) if value is not None}
    return _PLACEHOLDER.sub(lambda found: known.get(found[0], found[0]), text)


def _known(finding: Finding, report: Report) -> Iterator[tuple[str, str | None]]:
    """Placeholders with what stands for them in this finding; only where one thing alone can."""
    vantage = report.vantage
    target = next((each for each in report.targets if each.id == finding.target), None)
    seen = [each for each in report.observations if each.id in finding.evidence]
    paths = _paths(finding, report, seen)
    region = target.region if target is not None else report.run.region
    yield "<REGION>", region if region is not None and is_region(region) else None
    if target is not None:
        yield from _of_target(target)
    yield "<ADDRESS>", _one(each.subject.address for each in seen if each.subject.address is not None)
    yield "<PORT>", _one(each.subject.port for each in seen if each.subject.port is not None)
    yield "<RESOLVER_ADDRESS>", _one(each.subject.resolver for each in seen if each.subject.resolver is not None)
    yield "<ADDRESS_OF_THIS_HOST>", _one(_sources(seen)) or _one(vantage.source_addresses)
    yield "<VPC_CIDR>", str(vantage.vpc_cidrs[0]) if len(vantage.vpc_cidrs) == 1 else None
    ids = {
        "<VPC_ID>": [vantage.vpc_id],
        "<SUBNET_ID>": [vantage.subnet_id],
        "<INSTANCE_ID>": [vantage.instance_id],
        "<INSTANCE_SECURITY_GROUP_ID>": vantage.security_group_ids,
        "<VPC_ENDPOINT_ID>": [each.endpoint_id for each in paths],
        "<ENDPOINT_SECURITY_GROUP_ID>": _at(Stage.ENDPOINT_GROUPS, paths),
        "<ROUTE_TABLE_ID>": _at(Stage.ROUTE, paths),
    }
    if target is not None and not paths:
        ids["<VPC_ENDPOINT_ID>"] = [each.endpoint_id for each in target.addresses]
    for name, values in ids.items():
        yield name, _one(each for each in values if each is not None and FORMS[name].fullmatch(each))


def _of_target(target: TargetReport) -> Iterator[tuple[str, str | None]]:
    yield "<SERVICE>", target.service if target.service in SERVICES else None
    yield "<HOST>", target.host if _HOST.fullmatch(target.host) else None
    name = target.service_name
    yield "<SERVICE_NAME>", name if name is not None and _SERVICE_NAME.fullmatch(name) else None


def _paths(finding: Finding, report: Report, seen: Iterable[Observation[object]]) -> list[ConfiguredPath]:
    """The configured paths to where the fault shows."""
    places = {(each.subject.address, each.subject.port) for each in seen}
    return [each for each in report.paths if each.target == finding.target and (each.address, each.port) in places]


def _at(stage: Stage, paths: Iterable[ConfiguredPath]) -> list[str]:
    return [each for path in paths for hop in path.hops if hop.stage is stage for each in hop.resources]


def _sources(seen: Iterable[Observation[object]]) -> Iterator[object]:
    for each in seen:
        if isinstance(each.facts, TcpFacts) and each.facts.source is not None:
            yield each.facts.source


def _one(values: Iterable[object]) -> str | None:
    """The one value there is; None where there is none, or several of which nothing tells which."""
    found = dict.fromkeys(map(str, values))
    return next(iter(found)) if len(found) == 1 else None
