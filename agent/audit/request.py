"""What an audit is asked for, what it reads for that, and what becomes of it."""

from agent.settings import Output, Suppression, Workload
from probes.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRequest:
    """What is to be read, and how."""

    regions: tuple[str, ...]
    """Empty where the SDK's profile names it."""
    all_regions: bool
    vpc_ids: tuple[str, ...]
    """The VPCs that are read; empty for all."""
    role_arns: tuple[str, ...]
    """Roles whose accounts are read in place of that of the credentials."""
    organization_role: str | None
    """The name of a role that is assumed in each account of the organization."""
    profile: str | None
    ca_bundle: str | None
    timeout: float
    """Seconds for one read."""
    deadline: float
    """Seconds for all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """What every VPC is judged for, whatever it has, and what is known and not to count."""

    workloads: tuple[Workload, ...]
    services: tuple[str, ...]
    suppressions: tuple[Suppression, ...] = ()
    review: bool = False
    """Whether what is only unwise is a warning, and not information."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOptions:
    """What is audited, for what, and what becomes of it."""

    places: tuple[str, ...]
    """The facts files; empty where `reads` are made."""
    saved: str | None
    """An audit that is written in another format in place of a new one."""
    against: str | None
    """An earlier audit, since which it is told what changed."""
    reads: AccountRequest | None
    workloads: tuple[Workload, ...]
    services: tuple[str, ...]
    suppressions: tuple[Suppression, ...]
    review: bool
    output: Output
