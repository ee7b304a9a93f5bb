"""The steps that a run makes for each service of the catalogue (its ladder), with the protocol of each port and the
signed call.
"""

from collections.abc import Callable
from functools import partial

from agent.catalog.buckets import head_bucket
from agent.catalog.services import SERVICES
from agent.simulated.clock import VirtualLoop
from probes.model import Address, PortProtocol, SignedCall, Subject, Target
from probes.steps import ladder


def call_of(service: str) -> SignedCall:
    """The signed call with which a run checks a service. If the service has buckets, the call is about a bucket."""
    record = SERVICES[service]
    call = record.call if record.bucket_permission is None else head_bucket("example-hana-backups")
    assert call is not None
    return call


def rungs(target: Target, address: Address, port: int, after: str | None) -> tuple[Subject, ...]:
    """The steps of a target at one address and port. At a port that is not in the service's list, the steps use TLS."""
    protocols = {port.number: port.protocol for service in SERVICES.values() for port in service.ports}
    return ladder.rungs(target, address, port, after, protocol=protocols.get(port, PortProtocol.TLS))


climb = partial(ladder.climb, conversation=SERVICES["backup"].conversation(SERVICES["backup"].call, "eu-west-1"))

CALLS = {service.name: service.call for service in SERVICES.values() if service.call is not None}


class SteppingLoop(VirtualLoop):
    """A loop in virtual time in which a test can act before each turn."""

    def __init__(self) -> None:
        super().__init__()
        self.before_turn: Callable[[], None] | None = None

    def _run_once(self) -> None:
        if self.before_turn is not None:
            self.before_turn()
        super()._run_once()  # type: ignore[misc]  # asyncio's own turn, which typeshed leaves out
