"""The number of kinds of resources that are on no list, for each service. A plan with such a kind is not judged.

`./dev golden` writes these numbers. They grow if a row of `agent.predict.kinds` is lost, or if AWS adds a service.
"""

from collections import Counter
from pathlib import Path
from typing import Final

from agent.predict.kinds import CLOUDFORMATION, TERRAFORM
from tests.agent.predict.test_plan_tables import cloudformation_kinds, is_placed, provider

FILE: Final = Path(__file__).with_name("not_judged.txt")


def not_judged() -> str:
    """One line for each service, with the number of its kinds that are on no list."""
    unplaced = [kind for kind in provider() if not is_placed(kind, TERRAFORM)]
    services = Counter("_".join(kind.split("_")[:2]) for kind in unplaced)
    services.update(kind.rpartition("::")[0] for kind in cloudformation_kinds() if not is_placed(kind, CLOUDFORMATION))
    return "".join(f"{service} {number}\n" for service, number in sorted(services.items()))
