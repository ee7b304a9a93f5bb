"""Paths of packets: the outcomes of connects from one host, or from every host, to the addresses of endpoints."""

from agent.network.index import TCP_PROTOCOLS, ports_of, range_text, route_text
from agent.network.matrix import Matrix, ServicePorts, of_source, predictor_of, source_id
from agent.network.predictor import UNCERTAIN_STATES, Gateway, Predictor, own_interface
from agent.network.sources import Blocks, Source, SourceError, anywhere_in, sources_of

__all__ = [
    "TCP_PROTOCOLS",
    "UNCERTAIN_STATES",
    "Blocks",
    "Gateway",
    "Matrix",
    "Predictor",
    "ServicePorts",
    "Source",
    "SourceError",
    "anywhere_in",
    "of_source",
    "own_interface",
    "ports_of",
    "predictor_of",
    "range_text",
    "route_text",
    "source_id",
    "sources_of",
]
