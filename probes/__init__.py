"""Facts about the network path to AWS Backup endpoints; usable without `agent`.

The names in `__all__` are the public interface of the package, as docs/development/library.md promises; everything else
may change. A name is loaded when it is used (PEP 562), so that importing `probes` itself loads nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from probes.background import in_background
    from probes.facts import (
        AllowanceFacts,
        ApiFacts,
        Certificate,
        CredentialFacts,
        DnsFacts,
        FailedJobs,
        FoundWorkload,
        GatewayFacts,
        HostFacts,
        HostsEntry,
        HttpFacts,
        IcmpError,
        ImdsFacts,
        Interface,
        JobsFacts,
        LookupFacts,
        ProxyConnectFacts,
        ProxyFacts,
        ResolvConfBy,
        RoleFacts,
        SdkFacts,
        TcpFacts,
        TlsFacts,
        UnreadFile,
        WorkloadFacts,
    )
    from probes.model import (
        Address,
        Addressing,
        AnswerForm,
        Conversation,
        Draft,
        Failed,
        Failure,
        FailureKind,
        Observation,
        Ok,
        Outcome,
        PortProtocol,
        ProbeError,
        Role,
        SignedCall,
        Skipped,
        Step,
        Subject,
        Target,
    )
    from probes.observe import Log
    from probes.seams import Keys, LocalRoute, Machine, Net, Reader, Sdk, Stream, Trust, World
    from probes.steps import api, dns, host, http, imds, jobs, ladder, proxy, tcp, tls
    from probes.system.machine import SystemMachine
    from probes.system.net import SystemNet
    from probes.system.sdk import SystemSdk

_MODULES: Final = (
    "probes.model",
    "probes.facts",
    "probes.seams",
    "probes.background",
    "probes.observe",
    "probes.system.machine",
    "probes.system.net",
    "probes.system.sdk",
)
"""The modules that define the names. Modules that load little come first."""
_STEPS: Final = ("api", "dns", "host", "http", "imds", "jobs", "ladder", "proxy", "tcp", "tls")
"""Modules of `probes.steps`: one for each kind of step, and `ladder`, which makes them one after another."""

__all__ = [
    "Address",
    "Addressing",
    "AllowanceFacts",
    "AnswerForm",
    "ApiFacts",
    "Certificate",
    "Conversation",
    "CredentialFacts",
    "DnsFacts",
    "Draft",
    "Failed",
    "FailedJobs",
    "Failure",
    "FailureKind",
    "FoundWorkload",
    "GatewayFacts",
    "HostFacts",
    "HostsEntry",
    "HttpFacts",
    "IcmpError",
    "ImdsFacts",
    "Interface",
    "JobsFacts",
    "Keys",
    "LocalRoute",
    "Log",
    "LookupFacts",
    "Machine",
    "Net",
    "Observation",
    "Ok",
    "Outcome",
    "PortProtocol",
    "ProbeError",
    "ProxyConnectFacts",
    "ProxyFacts",
    "Reader",
    "ResolvConfBy",
    "Role",
    "RoleFacts",
    "Sdk",
    "SdkFacts",
    "SignedCall",
    "Skipped",
    "Step",
    "Stream",
    "Subject",
    "SystemMachine",
    "SystemNet",
    "SystemSdk",
    "Target",
    "TcpFacts",
    "TlsFacts",
    "Trust",
    "UnreadFile",
    "WorkloadFacts",
    "World",
    "api",
    "dns",
    "host",
    "http",
    "imds",
    "in_background",
    "jobs",
    "ladder",
    "proxy",
    "tcp",
    "tls",
]


def __getattr__(name: str) -> Any:
    if name in _STEPS:
        return import_module(f"probes.steps.{name}")
    if name in __all__:
        for module in map(import_module, _MODULES):
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
