"""The predictor's words about paths, names and policies. `./dev golden` writes them to `ways.txt`. Read the diff before
you commit it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from agent.network.answers import PredictedName
from agent.report.hops import Hop, Prediction
from tests.agent.network import test_endpoint_policy, test_names, test_predictor, test_transit
from tests.agent.network.networks import ask, configuration
from tests.support.sections import joined

FILE: Final = Path(__file__).with_name("ways.txt")
WAYS: Final = test_predictor.WAYS | test_transit.WAYS
NAMES: Final = test_names.NAMES


def said(predicted: Prediction) -> str:
    """The outcome, and every hop that differs from the open path. For the open path itself, all its hops."""
    plain = ask(configuration())
    return "\n".join(_lines(predicted, () if predicted == plain else plain.hops))


def said_of_name(seen: PredictedName) -> str:
    """The answer for a name, with its code, text, addresses and endpoints."""
    return "\n".join(
        (
            f"{seen.answer}, {seen.code}: {seen.words}",
            f"Addresses: {', '.join(map(str, seen.addresses))}",
            f"Endpoints: {', '.join(seen.endpoint_ids)}",
        )
    )


def sections() -> dict[str, str]:
    """The predictor's words about each path, name and policy, by the name of the case."""
    return (
        {name: said(predicted) for name, predicted in WAYS.items()}
        | {f"name: {case}": said_of_name(seen) for case, seen in NAMES.items()}
        | {
            f"policy: {case}": f"{judgement.decision}, {judgement.statement}, {judgement.element}: {judgement.words}"
            for case, judgement in test_endpoint_policy.JUDGEMENTS.items()
        }
    )


def written() -> str:
    """The content of the file."""
    return joined(sections())


def _lines(predicted: Prediction, known: tuple[Hop, ...]) -> Iterator[str]:
    way = f"{predicted.source} to {predicted.address} port {predicted.port}"
    yield f"{predicted.outcome}: {way}, at {predicted.endpoint_id} by {predicted.interface_id}"
    for hop in predicted.hops:
        if hop not in known:
            yield f"{hop.stage}, {hop.outcome}: {hop.words} ({', '.join(hop.resources)}; {hop.rule})"
    asked = {hop.stage for hop in predicted.hops}
    if left_out := [hop.stage for hop in known if hop.stage not in asked]:
        yield f"Not asked: {', '.join(left_out)}"
    if predicted.unseen:
        yield f"Unseen: {'; '.join(predicted.unseen)}"
