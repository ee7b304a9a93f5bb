"""Changed plans and change sets, which are read, and whose effect is then predicted."""

import json
from functools import cache
from random import Random
from typing import Any, Final

from agent.network.names import KnownVpc
from agent.predict.plan import applied, parse
from agent.predict.plan_values import Plan, PlanError
from agent.report import facts_file
from probes.vpc.model import configuration_of
from tests.hostile.fuzz.command import Command
from tests.hostile.fuzz.mutation import BYTES, DEEP, HOSTILE, at, places, spoilt_bytes, spoilt_document
from tests.support.repository import ROOT

FILES: Final = ("plan.json", "change-set.json")
_PIECES: Final = (*BYTES, *DEEP, b"null", b"NaN", b"\\ud800", b'"{{changeSet:KNOWN_AFTER_APPLY}}"', b"true")


@cache
def _sound(name: str) -> bytes:
    return (ROOT / "docs/examples" / name).read_bytes()


@cache
def estate() -> KnownVpc:
    """The VPC of the examples."""
    facts = facts_file.parse((ROOT / "docs/examples/estate.json").read_bytes(), "estate.json")
    read = {str(one.subject.operation): one.facts for one in facts.observations if one.facts is not None}
    return KnownVpc(vpc_id=facts.vpc_id, region=facts.region, configuration=configuration_of(read), dropped=frozenset())


def content(chance: Random) -> bytes:
    """A plan with spoilt bytes, spoilt values, or spoilt encoded contexts."""
    name = chance.choice(FILES)
    if chance.randrange(3) == 0:
        return spoilt_bytes(chance, _sound(name), _PIECES)
    document: dict[str, Any] = spoilt_document(chance, json.loads(_sound(name)))
    changes = document.get("Changes")
    for change in changes if isinstance(changes, list) else ():
        _spoil_contexts(chance, change)
    return json.dumps(document).encode()


def _spoil_contexts(chance: Random, change: Any) -> None:
    """Replace values inside the encoded texts in which a change set stores the properties of a resource."""
    inner = change.get("ResourceChange") if isinstance(change, dict) else None
    if not isinstance(inner, dict):
        return
    for name in ("BeforeContext", "AfterContext"):
        text = inner.get(name)
        if not isinstance(text, str) or chance.randrange(2):
            continue
        try:
            context = json.loads(text)
        except ValueError:
            continue
        paths = list(places(context))
        if paths:
            path = chance.choice(paths)
            at(context, path[:-1])[path[-1]] = chance.choice(HOSTILE)
            inner[name] = json.dumps(context)


def read(data: bytes) -> Plan | str:
    """The plan in a file, or the message of the refusal."""
    try:
        return parse(data, "plan.json")
    except PlanError as error:
        return str(error)


def check_plans(chance: Random, _: Command) -> None:
    """A changed plan is refused with a message, or its effect is predicted. Each message is one plain line, whatever
    the plan contains.
    """
    plan = read(content(chance))
    if isinstance(plan, str):
        assert plan.startswith("plan.json: ")
        return
    planned = applied(estate(), [plan])
    for words in (*planned.words, *planned.unjudged):
        assert words.isprintable(), words
        assert words.isascii(), words
