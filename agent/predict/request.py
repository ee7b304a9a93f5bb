"""The request for a prediction: what to predict, which data to read, and where to write the result."""

from agent.run.collect_facts import FactsRequest
from agent.settings import Output, Workload
from probes.frozen import dataclass
from probes.vpc.model import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictRequest:
    """A request for a prediction."""

    place: str | None
    """The path of the facts file. None if EC2 is read."""
    reads: FactsRequest | None
    sources: tuple[str | Network, ...]
    workloads: tuple[Workload, ...]
    services: tuple[str, ...]
    ports: tuple[int, ...]
    assumptions: tuple[str, ...]
    """Typed changes that the prediction assumes."""
    plans: tuple[str, ...]
    """Files of plans that the prediction assumes to be applied. Plans come before typed changes."""
    harmless: tuple[str, ...] = ()
    """Kinds of resources that cannot be followed, but whose changes are assumed to have no effect."""
    intents: str | None = None
    """The file of intents."""
    output: Output
