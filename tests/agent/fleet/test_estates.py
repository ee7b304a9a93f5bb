"""Generated estates with known faults. Every fault must be among the first causes, with its hosts. No other cause may
be reported.
"""

from collections.abc import Iterable
from typing import Final

import pytest

from agent.fleet.database import Database
from agent.fleet.join import Question, joined
from agent.fleet.model import FleetDocument, SharedValue, Turn
from agent.fleet.reading import ReadResult
from agent.fleet.store import Read
from agent.report.host_record import HostRecord
from agent.report.model import Status
from tests.support.estates import KINDS, TODAY, Estate, estate, hostile, hosts_of, of_subnet, record, rolling
from tests.support.extent import everything, one_in

SEEDS: Final = one_in(200, range(200))
"""Seeds of generated estates; CI runs one of each kind."""
ANSWERS: Final = ReadResult(read=1, unreadable_count=0, unreadable=(), notes=())


def question(**changes: object) -> Question:
    blank = {
        "sweep": None,
        "against": "previous",
        "least": 5,
        "tolerate": 0.02,
        "by": None,
        "where": (),
        "since": None,
        "suppress": (),
        "expected": None,
        "facts": (),
        "today": TODAY.date(),
        "read": ANSWERS,
    }
    return Question(**{**blank, **changes})  # type: ignore[arg-type]


def asked(engine: Database, reads: Iterable[Read], **changes: object) -> FleetDocument:
    engine.insert(reads)
    return joined(engine, question(**changes))


def members(engine: Database, key: str) -> frozenset[str]:
    """The hosts with a cause."""
    rows = engine.query(
        "SELECT r.host FROM assignment a JOIN record r ON r.id = a.record WHERE a.cause_key = ?", (key,)
    )
    return frozenset(host for (host,) in rows)


def has(record: HostRecord, values: Iterable[SharedValue]) -> bool:
    """Whether a host has the shared values."""
    lists = {"group": record.security_groups, "endpoint": record.endpoints, "resolver": record.resolvers}
    return all(
        value.value in lists[value.attribute]
        if value.attribute in lists
        else getattr(record, value.attribute.replace("-", "_")) == value.value
        for value in values
    )


def assert_true(document: FleetDocument, engine: Database, known: Estate) -> None:
    """Assert that each fault is a separate cause, and that there are no other causes. The hosts of a cause must be the
    fault's hosts, and the hosts that have the same code as a fault of their own.
    """
    left = {cause.key: cause for cause in document.causes}
    records = {read.record.host or "": read.record for read in known.reads}
    for truth in known.truths:
        noisy = {host for host, code in known.noise.items() if code == truth.code}
        fitting = [
            key
            for key, cause in left.items()
            if cause.code == truth.code
            and truth.hosts <= members(engine, key)
            and members(engine, key) - truth.hosts
            <= {host for host in noisy if cause.shared is None or has(records[host], cause.shared.values)}
        ]
        assert len(fitting) == 1, (truth.code, len(truth.hosts), [cause.key for cause in document.causes])
        cause = left.pop(fitting[0])
        assert cause.host_count + cause.also_count == len(members(engine, cause.key))
    assert not left
    own = sum(fault.host_count for fault in document.own_faults)
    sick = document.totals.hosts - document.totals.ok
    assert sum(cause.host_count for cause in document.causes) + own == sick
    assert document.totals.hosts == len({read.record.host for read in known.reads})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_fault_is_named_with_its_hosts(kind: str, seed: int) -> None:
    known = estate(kind, seed)
    with Database() as engine:
        assert_true(asked(engine, known.reads), engine, known)


@pytest.mark.parametrize("seed", one_in(20, range(100, 120)))
def test_a_change_that_rolls_through_a_vpc(seed: int) -> None:
    """Sweeps are not in the paths of the records, so only the times tell the sweeps apart."""
    known = rolling(seed)
    with Database() as engine:
        document = asked(engine, known.reads)
        assert len(document.sweeps) == 5
        (truth,) = known.truths
        (cause,) = document.causes
        assert members(engine, cause.key) == truth.hosts
        assert cause.since_sweep == document.sweeps[2].id
        assert not cause.flapping
        (change,) = [change for change in document.changes if change.turn is not Turn.SHRUNK]
        assert (change.turn, change.key) == (Turn.GROWN, cause.key)
        assert 0 < change.came <= change.after - change.before + 20
        assert document.not_heard_from is not None
        assert document.not_heard_from.host_count <= 6
        assert document.not_heard_from.shared is None
    with Database() as engine:
        earlier = asked(engine, known.reads, sweep=document.sweeps[2].id)
        assert {change.turn for change in earlier.changes} == {Turn.NEW, Turn.HEALED}


def test_noise_alone_is_no_cause_however_much_there_is() -> None:
    known = estate("none", 3, noise=0.3)
    with Database() as engine:
        assert_true(asked(engine, known.reads), engine, known)


def test_records_that_mean_harm_have_nothing_in_common() -> None:
    count = 100_000 if everything() else 500
    with Database() as engine:
        document = asked(engine, hostile(1, count))
        assert document.causes == ()
        assert len(engine.query("SELECT id FROM record")) == count
        assert 0 < document.totals.hosts <= count
    assert document.verdict.status is Status.CRITICAL


def test_as_many_causes_of_one_code_are_named_as_there_are() -> None:
    """In each of eighteen VPCs, one subnet has a fault. The subnet is not part of the fault's key."""
    hosts = [host for seed in (7, 8, 9) for host in hosts_of(seed, 1_000)]
    of = {(host.vpc, host.zone): host.subnet for host in hosts}
    vpcs = sorted({host.vpc for host in hosts})
    subnets = sorted(of[vpc, f"euw1-az{1 + number % 3}"] for number, vpc in enumerate(vpcs))
    assert len(subnets) == 18
    faults = [of_subnet(subnet, "TCP005") for subnet in subnets]
    with Database() as engine:
        document = asked(
            engine,
            [
                Read(sweep="s", place=host.id, record=record(host, [fault for fault in faults if fault.on(host)]))
                for host in hosts
            ],
        )
        assert sorted(cause.key for cause in document.causes) == [f"TCP005|subnet={subnet}" for subnet in subnets]
        for cause in document.causes:
            there = {host.id for host in hosts if f"TCP005|subnet={host.subnet}" == cause.key}
            assert members(engine, cause.key) == there
        assert document.own_faults == ()
