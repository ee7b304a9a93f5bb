"""Write `probes/system/service_models/`, the part of botocore's data that the reads need: `./dev docs` runs this.

A run needs a dozen calls of EC2 and six services. Loading the whole model of EC2 would take 25 MiB, and 50 ms in which
the rest of the run stops. Loading the whole list of endpoints would take 7 MiB and 29 ms. This module writes the
operations of EC2 in `probes.vpc.model.READS` and `probes.vpc.accounts.ACTIONS` with the shapes that they use, and the
part of `endpoints.json` about the services that are read. Documentation is left out; everything else is the same as in
botocore.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.loaders

from probes.system.clients import SERVICES
from probes.vpc.accounts import ACTIONS
from probes.vpc.model import READS

FOLDER = "probes/system/service_models"
_MODEL = "service-2"
_SERVICE = "ec2"
_PREFIX = f"{_SERVICE}:"


def files() -> dict[str, str]:
    """Every file, by its path from the root."""
    built_in = botocore.loaders.Loader.BUILTIN_DATA_PATH
    loader = botocore.loaders.Loader(include_default_search_paths=False, extra_search_paths=[built_in])
    version = loader.determine_latest_version(_SERVICE, _MODEL)
    model = _pruned(loader.load_service_model(_SERVICE, _MODEL, version))
    made = {"endpoints": _endpoints(loader.load_data("endpoints")), f"{_SERVICE}/{version}/{_MODEL}": model}
    return {f"{FOLDER}/{name}.json": f"{json.dumps(data, indent=1)}\n" for name, data in made.items()}


def operations() -> list[str]:
    """The operations of EC2 that the reads use. Their names in IAM are the same as in the SDK."""
    actions = {*(action for read in READS.values() for action in read.actions), *ACTIONS}
    return sorted(action.removeprefix(_PREFIX) for action in actions if action.startswith(_PREFIX))


def _pruned(model: Mapping[str, Any]) -> dict[str, Any]:
    """A service's model, reduced to these operations."""
    chosen = {name: model["operations"][name] for name in operations()}
    shapes: set[str] = set()
    left = list(_named(list(chosen.values())))
    while left:
        if (name := left.pop()) not in shapes:
            shapes.add(name)
            left += _named(model["shapes"][name])
    return {
        **{key: value for key, value in model.items() if key not in ("documentation", "operations", "shapes")},
        "operations": _undocumented(chosen),
        "shapes": _undocumented({name: model["shapes"][name] for name in sorted(shapes)}),
    }


def _named(part: Any) -> Iterator[str]:
    """The names of the shapes that a part of a model refers to."""
    if isinstance(part, dict):
        if isinstance(name := part.get("shape"), str):
            yield name
        part = list(part.values())
    if isinstance(part, list):
        for value in part:
            yield from _named(value)


def _undocumented(part: Any) -> Any:
    """A part of a model without its documentation. A member of a shape whose name is `documentation` stays, since it is
    not a text."""
    if isinstance(part, dict):
        return {
            key: _undocumented(value)
            for key, value in part.items()
            if not (key in ("documentation", "documentationUrl") and isinstance(value, str))
        }
    return [_undocumented(value) for value in part] if isinstance(part, list) else part


def _endpoints(data: Mapping[str, Any]) -> dict[str, Any]:
    """The Regions of every partition, without their names, and the Regions that have the services that are read."""
    return {
        **data,
        "partitions": [
            {
                **partition,
                "regions": {region: {} for region in partition["regions"]},
                "services": {name: about for name, about in partition["services"].items() if name in SERVICES},
            }
            for partition in data["partitions"]
        ],
    }
