"""What several statements of a fleet need."""

from collections.abc import Sequence
from typing import Any


def holes_for(values: Sequence[Any]) -> str:
    """As many parameters as there are values."""
    return ", ".join("?" * len(values))
