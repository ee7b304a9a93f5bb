"""Changed audits, which are written in another format, and compared with a later audit."""

import json
from dataclasses import replace
from functools import cache
from random import Random
from typing import Final

from agent.audit import content, events
from agent.audit.audit import audit
from agent.audit.changes import changes_since
from agent.audit.model import AuditDocument, dumps
from agent.audit.request import AuditRequest
from agent.audit.saved import AuditFileError, parse
from agent.documents import text
from agent.network.names import known_vpc
from agent.predict.prediction import Facts
from agent.settings import Workload
from tests.hostile.fuzz.command import Command, assert_is_plain
from tests.hostile.fuzz.facts import CRITICAL, sound
from tests.hostile.fuzz.mutation import BYTES, DEEP, spoilt_bytes, spoilt_document

_PIECES: Final = (*BYTES, *DEEP, b"null", b"NaN", b"\\ud800", b", ", b": ", b"]", b"}")


@cache
def _audited(name: str) -> AuditDocument:
    """The audit of a scenario's VPC, compared with an earlier audit that lacks one of its faults."""
    facts = sound(name)
    read = [Facts(known=known_vpc(facts), taken_at=facts.taken_at, not_read=())]
    document = audit(read, AuditRequest(workloads=(Workload.CALLER,), services=()))
    before = replace(document, vpcs=tuple(replace(vpc, faults=vpc.faults[1:]) for vpc in document.vpcs))
    return replace(document, changes=changes_since(before, document))


def _read(data: bytes) -> AuditDocument | str:
    """The audit in a file, or the message of the refusal."""
    try:
        return parse(data, "audit.json")
    except AuditFileError as error:
        return str(error)


def check_audits(chance: Random, _: Command) -> None:
    """A changed audit is refused with a message, or read. If it is read, it is the same after it is written and read
    again, and neither the audit nor its comparison with another is written with control characters.
    """
    document = _audited(chance.choice(CRITICAL))
    data = dumps(document).encode()
    if chance.random() < 0.3:
        data = spoilt_bytes(chance, data, _PIECES)
    else:
        data = json.dumps(spoilt_document(chance, json.loads(data))).encode()
    read = _read(data)
    if isinstance(read, str):
        assert read.startswith("audit.json: ")
        return
    assert parse(dumps(read).encode(), "again") == read
    assert_is_plain(text.render(content.document(read)))
    assert events.render(read).isascii()
    if read.vpcs:
        compared = replace(document, changes=changes_since(read, document))
        assert_is_plain(text.render(content.document(compared)))
