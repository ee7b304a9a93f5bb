"""Decide whether a target that nobody requested is in use on this host."""

from collections.abc import Callable

from agent.catalog.vpce import read_name
from probes.model import Address, Target


def why_unused(target: Target, own_answer: tuple[Address, ...], is_public: Callable[[Address], bool]) -> str | None:
    """The reason to ignore a target that nobody requested, given the answer to the host's own lookup; None if the
    target is judged."""
    if target.service_name is None and not own_answer:
        return f"{target.service} is not offered in {target.region}"
    own = read_name(target.host)
    if own is not None and own.service != target.service:
        return f"not asked for, and {own.service} has this endpoint"
    if not own_answer:
        return "not asked for, and without an address here"
    # If any path is fine, a public address does not show whether the service is used.
    if not target.by_any_path and all(is_public(address) for address in own_answer):
        return "not asked for, and public here"
    return None
