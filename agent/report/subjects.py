"""Subjects of findings from ids: the prefix of an AWS id gives its kind."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from agent.catalog.headline import Forms, of_ports
from agent.report.model import FindingSubject, SubjectKind


def about(kind: SubjectKind, ids: Iterable[object]) -> tuple[FindingSubject, ...]:
    """Return subjects of one kind; None and empty ids are ignored."""
    return tuple(FindingSubject(kind=kind, id=str(id_)) for id_ in ids if id_)


def resources(*ids: str | None) -> tuple[FindingSubject, ...]:
    """Return subjects for AWS ids; the prefix gives the kind. Other texts are ignored."""
    kinds = ((id_, kind_of_id(id_)) for id_ in ids if id_ is not None)
    return tuple(FindingSubject(kind=kind, id=id_) for id_, kind in kinds if kind is not None)


_KINDS: Final = {
    "sg": SubjectKind.GROUP,
    "acl": SubjectKind.ACL,
    "rtb": SubjectKind.ROUTE_TABLE,
    "vpce": SubjectKind.ENDPOINT,
    "eni": SubjectKind.INTERFACE,
    "subnet": SubjectKind.SUBNET,
    "vpc": SubjectKind.VPC,
    "rslvr": SubjectKind.RULE,
    "rp": SubjectKind.PROFILE,
    "dopt": SubjectKind.DHCP_OPTIONS,
    "pl": SubjectKind.PREFIX_LIST,
    "i": SubjectKind.INSTANCE,
    **dict.fromkeys(("nat", "igw", "eigw", "lgw", "cagw", "vgw", "tgw", "pcx"), SubjectKind.GATEWAY),
}
"""Kinds of subjects by the prefix of an id."""
_TRANSIT_TABLE: Final = "tgw-rtb-"
_HOSTED_ZONE: Final = re.compile(r"Z[A-Z0-9]{1,31}")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")


def kind_of_id(id_: str) -> SubjectKind | None:
    """Return the kind of resource of an AWS id; None if it is unknown."""
    if _HOSTED_ZONE.fullmatch(id_):
        return SubjectKind.HOSTED_ZONE
    if _ACCOUNT.fullmatch(id_):
        return SubjectKind.ACCOUNT
    if id_.startswith(_TRANSIT_TABLE):
        return SubjectKind.ROUTE_TABLE
    prefix, dash, _ = id_.partition("-")
    return _KINDS.get(prefix) if dash else None


_COMMON_NAME: Final = re.compile(r"CN=((?:[^,\\]|\\.)+)")


def common_name(issuer: str) -> str | None:
    """Return the common name of an issuer, which distinguishes the authorities of one company; None if it has none."""
    match = _COMMON_NAME.match(issuer)
    return None if match is None else match[1]


_NOT_ONE: Final = frozenset({SubjectKind.ADDRESS, SubjectKind.PORT, SubjectKind.ZONE})
"""Kinds of subjects that a headline describes in other words."""


def first_of_kinds(subjects: Sequence[FindingSubject]) -> dict[str, Forms | None]:
    """Return values for the template of a headline: the first subject of each kind, and all ports."""
    by_kind: dict[SubjectKind, list[str]] = {}
    for subject in subjects:
        by_kind.setdefault(subject.kind, []).append(subject.id)
    fields: dict[str, Forms | None] = {
        kind.value.replace("-", "_"): ids[0] for kind, ids in by_kind.items() if kind not in _NOT_ONE
    }
    ports = [int(port) for port in by_kind.get(SubjectKind.PORT, ()) if port.isdecimal()]
    return {**fields, **(of_ports(ports) if ports else {})}
