"""The number of kinds in each service that are on no list, so that a plan with one of them is not judged.

`./dev golden` writes the list. It grows if a row of `agent.predict.kinds` is lost, or if AWS adds a service.
"""

from collections import Counter
from pathlib import Path
from typing import Final

from agent.predict.kinds import CLOUDFORMATION, TERRAFORM
from tests.agent.predict.test_plan_tables import cloudformation_kinds, is_placed, provider

FILE: Final = Path(__file__).with_name("not_judged.txt")


def not_judged() -> str:
    """A service and its number, one per line."""
    unplaced = [kind for kind in provider() if not is_placed(kind, TERRAFORM)]
    services = Counter("_".join(kind.split("_")[:2]) for kind in unplaced)
    services.update(kind.rpartition("::")[0] for kind in cloudformation_kinds() if not is_placed(kind, CLOUDFORMATION))
    return "".join(f"{service} {number}\n" for service, number in sorted(services.items()))
