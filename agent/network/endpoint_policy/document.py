"""The document of an endpoint policy: its statements, if AWS would accept it.

Names of elements are accepted only in AWS's own spelling, because no page mentions another one.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from agent.network.endpoint_policy.matching import texts
from probes.frozen import dataclass
from probes.vpc.model import MAX_POLICY_CHARACTERS


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement whose structure AWS accepts."""

    name: str
    allows: bool
    elements: Mapping[str, Any]

    @property
    def is_for_everybody(self) -> bool:
        who = self.elements.get("Principal")
        return who == "*" or (isinstance(who, dict) and "*" in texts(who.get("AWS", [])))


class RefusedError(Exception):
    """AWS would not accept the document as an endpoint policy. The message says why it would not."""


_VERSIONS: Final = ("2012-10-17", "2008-10-17")
_CHOICES: Final = (("Action", "NotAction"), ("Principal", "NotPrincipal"), ("Resource", "NotResource"))
"""Pairs of elements: a statement has exactly one element of each pair."""
_ELEMENTS: Final = frozenset({"Sid", "Effect", "Condition", *(name for choice in _CHOICES for name in choice)})
_SID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,63}")
"""The form of a Sid that is quoted as it is. Any other Sid is replaced by the number of the statement."""


def statements_of(policy: str) -> list[Statement]:
    if len(policy) > MAX_POLICY_CHARACTERS:
        raise RefusedError(f"it is longer than the {MAX_POLICY_CHARACTERS:,} characters that AWS takes")
    try:
        document = json.loads(policy, object_pairs_hook=_object, parse_constant=_no_constant)
    except RecursionError:
        raise RefusedError("it is nested too deeply") from None
    except ValueError:
        raise RefusedError("it is not JSON") from None
    if not isinstance(document, dict):
        raise RefusedError("it is not a JSON object")
    if document.keys() - {"Version", "Id", "Statement"}:
        raise RefusedError("it has elements other than Version, Id and Statement, which AWS does not know")
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS or not isinstance(document.get("Id", ""), str):
        raise RefusedError("its Version or Id is not one that AWS takes")
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise RefusedError("it has no statement")
    return [_statement(statement, f"statement {number}") for number, statement in enumerate(statements, start=1)]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise RefusedError("one of its objects has the same name twice")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"JSON has no {name}")


def _statement(elements: Any, number: str) -> Statement:
    if not isinstance(elements, dict):
        raise RefusedError(f"{number} is not an object")
    if elements.keys() - _ELEMENTS:
        raise RefusedError(f"{number} has elements that AWS does not know")
    effect, sid = elements.get("Effect"), elements.get("Sid", "")
    if effect not in ("Allow", "Deny"):
        raise RefusedError(f"the Effect of {number} is neither Allow nor Deny")
    if not isinstance(sid, str):
        raise RefusedError(f"the Sid of {number} is not text")
    for one, other in _CHOICES:
        if (one in elements) == (other in elements):
            words = f"both {one} and {other}" if one in elements else f"neither {one} nor {other}"
            raise RefusedError(f"{number} has {words}")
    for name in ("Action", "NotAction", "Resource", "NotResource"):
        if name in elements and not _is_texts(elements[name]):
            raise RefusedError(f"the {name} of {number} is neither a text nor a list of texts")
    for name in ("Principal", "NotPrincipal"):
        who = elements.get(name, "*")
        if not isinstance(who, str) and not (isinstance(who, dict) and all(map(_is_texts, who.values()))):
            raise RefusedError(f"the {name} of {number} is neither * nor an object of texts")
    conditions = elements.get("Condition", {})
    if not isinstance(conditions, dict) or not all(isinstance(tests, dict) for tests in conditions.values()):
        raise RefusedError(f"the Condition of {number} is not an object of objects")
    return Statement(sid if _SID.fullmatch(sid) else number, effect == "Allow", elements)


def _is_texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))
