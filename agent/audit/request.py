"""The request for an audit: what to audit, which data to read, and where to write the result."""

from agent.settings import Output, Suppression, Workload
from probes.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRequest:
    """The accounts, Regions and VPCs to read, and the limits for that."""

    regions: tuple[str, ...]
    """The Regions; empty if the SDK's profile names the Region."""
    all_regions: bool
    vpc_ids: tuple[str, ...]
    """The VPCs to read; empty for all."""
    role_arns: tuple[str, ...]
    """Roles to assume. The accounts of these roles are read instead of the account of the credentials."""
    organization_role: str | None
    """The name of a role to assume in each account of the organization."""
    profile: str | None
    ca_bundle: str | None
    timeout: float
    """Seconds for a single read."""
    deadline: float
    """Seconds for all reads together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """The workloads and services for which every VPC is judged, and the suppressed faults."""

    workloads: tuple[Workload, ...]
    services: tuple[str, ...]
    suppressions: tuple[Suppression, ...] = ()
    review: bool = False
    """Whether unwise settings are warnings, and not only information."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOptions:
    """The options of an audit: what it reads, its scope and its output."""

    places: tuple[str, ...]
    """The facts files; empty if EC2 is read."""
    saved: str | None
    """The path of a saved audit. It is written in another format, and no new audit is made."""
    against: str | None
    """An earlier audit with which the new one is compared."""
    reads: AccountRequest | None
    workloads: tuple[Workload, ...]
    services: tuple[str, ...]
    suppressions: tuple[Suppression, ...]
    review: bool
    output: Output
