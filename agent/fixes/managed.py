"""A warning in fixes of resources that a tool such as Terraform manages: the tool undoes manual changes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from agent.report.model import Fix
from probes.frozen import dataclass
from probes.masks import ResourceId
from probes.vpc.model import Configuration, Manager
from probes.vpc.parse import manager_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedResource:
    """A resource and the tool that manages it."""

    resource_id: ResourceId
    manager: Manager


def managers_in(configuration: Configuration) -> Mapping[str, Manager]:
    """The tools that manage resources of a configuration, by the resource's id. The tags of the resources show them."""
    return {own_id: manager for own_id, manager in _managers(configuration) if manager is not None}


def _managers(configuration: Configuration) -> Iterator[tuple[str, Manager | None]]:
    yield from ((one.endpoint_id, manager_of(one.tags)) for one in configuration.endpoints or ())
    yield from ((one.endpoint_id, manager_of(one.tags)) for one in configuration.gateway_endpoints or ())
    yield from ((one.group_id, one.manager) for one in configuration.groups or ())
    yield from ((one.acl_id, one.manager) for one in configuration.acls or ())
    yield from ((one.table_id, one.manager) for one in configuration.route_tables or ())


def words_of(own_id: str, manager: Manager) -> str:
    """`sg-1 is managed by CloudFormation (stack network)`."""
    stack = "" if manager.stack is None else f" (stack {manager.stack})"
    return f"{own_id} is managed by {manager.tool}{stack}"


def changed_by(fix: Fix | None) -> frozenset[str]:
    """The words of all commands of a fix that change something. The ids of the changed resources are among them."""
    commands = () if fix is None else fix.commands
    return frozenset(word for command in commands if command.changes for word in command.argv)


def among(managers: Mapping[str, Manager], ids: Iterable[str]) -> tuple[ManagedResource, ...]:
    """The tools that manage these resources, as far as they are known, by id."""
    return tuple(
        ManagedResource(resource_id=own_id, manager=managers[own_id]) for own_id in sorted(managers.keys() & ids)
    )


def with_managers(fix: Fix, managers: Mapping[str, Manager]) -> Fix:
    """The fix, with a sentence that says where to make the change if a tool manages the resource."""
    said = [
        f"{words_of(one.resource_id, one.manager)}: change it there, or {one.manager.tool} undoes the change."
        for one in among(managers, changed_by(fix) if managers else ())
    ]
    more = [sentence for sentence in said if sentence not in fix.summary]
    return replace(fix, summary=" ".join((fix.summary, *more))) if more else fix
