"""Changed facts files, which are read, and then judged as if the run had read them from EC2."""

import json
from dataclasses import replace
from functools import cache
from random import Random
from typing import Any, Final

from agent.audit import content as audit_content
from agent.audit.audit import audit
from agent.audit.request import AuditRequest
from agent.documents import text
from agent.formats import text as report_text
from agent.judge.verdict import judge
from agent.network.names import known_vpc
from agent.predict.prediction import Facts
from agent.report import facts_file
from agent.report.facts_file import FactsFileError
from agent.report.model import Status
from agent.settings import Ec2Facts, Workload
from probes.model import Step
from probes.vpc.model import VpcFacts
from tests.hostile.fuzz import commands
from tests.hostile.fuzz.command import Command, assert_is_plain
from tests.hostile.fuzz.mutation import BYTES, DEEP, spoilt_bytes, spoilt_document
from tests.hostile.fuzz.reports import assert_judged
from tests.support.build import NOW, REGION
from tests.support.runs import measurement_of

CRITICAL: Final = (
    *("acl-443-and-high-ports", "central-endpoint-without-a-route", "default-group-of-the-vpc", "dropped-by-an-agent"),
    *("dns-hostnames-switched-off", "endpoint-in-another-vpc", "firewall-denies-name", "gateway-private-dns-off"),
    *(
        "own-group-lets-nothing-out",
        "policy-condition-never-holds",
        "rule-forwards-to-failing",
        "zone-with-an-old-record",
    ),
)
"""Scenarios with different causes in the configuration. Each is critical because of its measurements."""
_PIECES: Final = (*BYTES, *DEEP, b"null", b"NaN", b"\\ud800", b", ", b": ", b"]", b"}")


@cache
def sound(name: str) -> Ec2Facts:
    """The facts of a scenario."""
    observations = tuple(
        observation for observation in measurement_of(name).observations if observation.subject.step is Step.EC2
    )
    vpc_id = next(
        observation.facts.vpc.vpc_id for observation in observations if isinstance(observation.facts, VpcFacts)
    )
    return Ec2Facts(region=REGION, vpc_id=vpc_id, taken_at=NOW, observations=observations)


def document(chance: Random) -> dict[str, Any]:
    """The document of a facts file, spoilt."""
    return spoilt_document(chance, json.loads(facts_file.dumps(sound(chance.choice(CRITICAL)))))


def content(chance: Random) -> bytes:
    """A facts file with spoilt bytes, spoilt values, or hostile words."""
    good = sound(chance.choice(CRITICAL))
    match chance.randrange(4):
        case 0:
            return spoilt_bytes(chance, facts_file.dumps(good).encode(), _PIECES)
        case 1:
            return json.dumps(document(chance)).encode()
        case _:
            spoken = commands.planted(chance, good.observations)
            return facts_file.dumps(replace(good, observations=spoken)).encode()


def _read(data: bytes) -> Ec2Facts | str:
    """The facts in a file, or the message of the refusal."""
    try:
        return facts_file.parse(data, "facts.json")
    except FactsFileError as error:
        return str(error)


def check_facts(chance: Random, _: Command) -> None:
    """Changed facts are refused with a message, or read. If they are read, they are the same after they are written and
    read again; no suggested command contains a hostile word, no rule fails, and critical measurements stay critical.
    """
    name = chance.choice(CRITICAL)
    facts = _read(content(chance))
    if isinstance(facts, str):
        assert facts.startswith("facts.json: ")
        return
    assert _read(facts_file.dumps(facts).encode()) == facts
    measurement = measurement_of(name)
    measured = tuple(
        observation for observation in measurement.observations if observation.subject.step is not Step.EC2
    )
    report = judge(replace(measurement, observations=(*measured, *facts.observations)))
    assert_judged(report)
    assert_is_plain(report_text.render(report))
    assert report.verdict.status is Status.CRITICAL
    commands.assert_harmless(report)


def _read_all(data: bytes) -> tuple[Ec2Facts, ...] | str:
    """The facts in a file with several VPCs, or the message of the refusal."""
    try:
        return facts_file.parse_all(data, "facts.json")
    except FactsFileError as error:
        return str(error)


def check_account_facts(chance: Random, _: Command) -> None:
    """Changed facts of several VPCs are refused with a message, or read. If they are read, they are the same after they
    are written and read again, and no command that the audit suggests contains a hostile word.
    """
    good = sound(chance.choice(CRITICAL))
    spoken = replace(good, observations=commands.planted(chance, good.observations))
    documents = [document(chance) if chance.random() < 0.5 else json.loads(facts_file.dumps(spoken))]
    whole = json.loads(facts_file.dumps_all([sound(chance.choice(CRITICAL))]))
    data = json.dumps({**whole, "vpcs": [*whole["vpcs"], *documents]}).encode()
    if chance.random() < 0.2:
        data = spoilt_bytes(chance, data, _PIECES)
    read = _read_all(data)
    if isinstance(read, str):
        assert read.startswith("facts.json: ")
        return
    assert facts_file.parse_all(facts_file.dumps_all(read).encode(), "again") == read
    facts = [Facts(known=known_vpc(one), taken_at=one.taken_at, not_read=()) for one in read]
    asked = AuditRequest(workloads=(Workload.CALLER,), services=())
    made = audit(facts, asked)
    assert_is_plain(text.render(audit_content.document(made)))
    fixes = [fault.fix for vpc in made.vpcs for fault in vpc.faults if fault.fix is not None]
    commands.assert_fixes_are_harmless(fixes)
