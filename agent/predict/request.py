"""What a prediction is asked for, what it reads for that, and what becomes of it."""

from agent.run.collect_facts import FactsRequest
from agent.settings import Output, Workload
from probes.frozen import dataclass
from probes.vpc.model import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictRequest:
    """What is predicted, of what, and what becomes of it."""

    place: str | None
    """The facts file; None where `reads` are made."""
    reads: FactsRequest | None
    sources: tuple[str | Network, ...]
    workloads: tuple[Workload, ...]
    services: tuple[str, ...]
    ports: tuple[int, ...]
    assumptions: tuple[str, ...]
    """Changes that are not made yet."""
    plans: tuple[str, ...]
    """Files of plans that are not applied yet, which come before these changes."""
    harmless: tuple[str, ...] = ()
    """Kinds of resources whose changes do nothing where they cannot be followed."""
    intents: str | None = None
    """The file of intents."""
    output: Output
