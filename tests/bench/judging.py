"""The cost of judging: the cost of all rules over many observations, and the cost of each rule."""

import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from agent.judge.evidence import Evidence
from agent.judge.rules.registry import RULES
from agent.judge.rules.rule import Rule, RuleFinding
from agent.judge.verdict import judge_evidence
from agent.report import facts_file
from agent.report.model import Measurement
from agent.settings import Ec2Facts
from probes.facts import LookupFacts
from probes.model import Observation, Ok
from probes.operations import GETADDRINFO
from tests.agent.network.networks import large_configuration
from tests.bench.promise import Benchmark, Figure, Promise
from tests.bench.spent import cpu, in_turn, median, peak, run, wall
from tests.support import differing_vpc, large_account, large_plans, large_vpc
from tests.support.runs import evidence_of

ROUNDS: Final = 11
AUDITED_VPCS: Final = 200
VPC_ROUNDS: Final = 5
VPC_SECONDS: Final = 600.0
"""The limit in seconds for one round on a busy machine."""
ESTATE: Final = Path(__file__).parents[2] / "docs" / "examples" / "estate.json"
OBSERVATIONS: Final = 1_000
SEEDS: Final = ("one-zone-silent", "gateway-healthy", "tls-intercepted")
"""Scenarios that are enlarged for the measurement: one with a fault at some addresses, one without a fault, and one
with a fault at every address.
"""


def grown(name: str, observations: int) -> Evidence:
    """The evidence of a scenario, with at least this many observations: each address is copied many times."""
    evidence = evidence_of(name)
    pattern = [observation for observation in evidence.observations if observation.subject.address is not None]
    all_observations: list[Observation[Any]] = [
        observation for observation in evidence.observations if observation.subject.address is None
    ]
    by_target: dict[str | None, list[Any]] = {}
    for number in range(observations // len(pattern) + 1):
        for observation in pattern:
            last = int(observation.subject.address or 0) & 0xFFFF
            address = ip_address((10 << 24) + (number + 1 << 16) + last)
            after = str(observation.subject.after).replace(str(observation.subject.address), str(address))
            by_target.setdefault(observation.subject.target, []).append(address)
            all_observations.append(
                replace(observation, subject=replace(observation.subject, address=address, after=after))
            )
    return Evidence(
        Measurement(
            run=evidence.run,
            targets=evidence.targets,
            observations=tuple(
                _looked_up(observation, by_target) if observation.subject.operation == GETADDRINFO else observation
                for observation in all_observations
            ),
        )
    )


def _looked_up(lookup: Observation[Any], by_target: dict[str | None, list[Any]]) -> Observation[Any]:
    if lookup.subject.target not in by_target:
        return lookup
    addresses = tuple(dict.fromkeys(by_target[lookup.subject.target]))
    return replace(lookup, outcome=Ok(LookupFacts(addresses=addresses)))


def judging() -> tuple[Figure, ...]:
    """The CPU milliseconds of all rules together, and of the slowest rule, each in the scenario in which it
    is slowest.
    """
    whole: dict[str, float] = {}
    alone: dict[str, float] = {}
    for name in SEEDS:
        evidence = grown(name, OBSERVATIONS)
        whole[name] = statistics.median(_milliseconds(partial(judge_evidence, _fresh(evidence))) for _ in range(ROUNDS))
        for code, took in _rules(evidence).items():
            alone[code] = max(alone.get(code, 0.0), took)
    slowest = sorted(alone, key=alone.__getitem__, reverse=True)[:3]
    return (
        Figure(max(whole.values()), "; ".join(f"{name} {took:.1f} ms" for name, took in whole.items())),
        Figure(alone[slowest[0]], ", ".join(f"{code} {alone[code]:.2f} ms" for code in slowest)),
    )


def predicting() -> tuple[Figure, ...]:
    """The CPU milliseconds of predicting every path of a large network, including the creation of its index."""
    configuration, ask_all = large_configuration()
    took = statistics.median(_milliseconds(ask_all) for _ in range(ROUNDS))
    rules = sum(len(group.rules) for group in configuration.groups or ())
    endpoints, tables = len(configuration.endpoints or ()), len(configuration.route_tables or ())
    return (Figure(took, f"{rules:,} rules, {endpoints} endpoints, {tables} tables"),)


def predicting_a_vpc(facts: Ec2Facts) -> tuple[Figure, ...]:
    """The CPU seconds and the peak memory of a whole `backuplink predict` of a company's VPC, from its facts file."""
    with TemporaryDirectory() as folder:
        place = Path(folder, "facts.json")
        place.write_text(facts_file.dumps(facts), "ascii")
        services = [word for service in large_vpc.SERVICES_THERE for word in ("--service", service)]
        words = (sys.executable, "-m", "agent", "predict", "--ec2-facts", str(place), *services, "--format", "json")
        rounds = in_turn(lambda: run(*words, codes=(2,), seconds=VPC_SECONDS), rounds=VPC_ROUNDS)
    document = json.loads(rounds[0][0].output)
    hosts, classes = document["interface_count"], len(document["sources"])
    found = f"{hosts:,} hosts in {classes:,} classes, 12 services, 60 endpoints; wall {median(rounds, wall, 0):.1f} s"
    held = f"a document of {len(rounds[0][0].output) >> 20} MiB"
    return Figure(median(rounds, cpu, 0), found), Figure(median(rounds, peak, 0) / 1024, held)


def planning() -> tuple[Figure, ...]:
    """The CPU seconds of a whole `backuplink predict` with a plan with many rules of one security group. The rules are
    written as one resource, or each as a resource; the slower of the two counts.
    """
    with TemporaryDirectory() as folder:
        took = {}
        for name, plan in (("one resource", large_plans.of_one_group()), ("one each", large_plans.of_single_rules())):
            place = Path(folder, "plan.json")
            place.write_text(json.dumps(plan), "ascii")
            words = (sys.executable, "-m", "agent", "predict", "--ec2-facts", str(ESTATE), "--assume-plan", str(place))
            took[name] = median(in_turn(partial(run, *words), rounds=VPC_ROUNDS), cpu, 0)
    found = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in took.items())
    return (Figure(max(took.values()), f"on docs/examples/estate.json; {found}"),)


def auditing() -> tuple[Figure, ...]:
    """The CPU seconds and the peak memory of a whole `backuplink audit` of 200 VPCs, from their facts file."""
    with TemporaryDirectory() as folder:
        place = Path(folder, "account.json")
        place.write_text(facts_file.dumps_all(large_account.vpcs(AUDITED_VPCS)), "ascii")
        words = (sys.executable, "-m", "agent", "audit", "--ec2-facts", str(place), "--format", "json")
        rounds = in_turn(lambda: run(*words, codes=(2,)), rounds=VPC_ROUNDS)
    faults = [fault for vpc in json.loads(rounds[0][0].output)["vpcs"] for fault in vpc["faults"]]
    untold = sum(not fault["certain"] for fault in faults)
    found = f"25 groups of 10 rules, 60 hosts and 8 endpoints each; {len(faults)} faults, {untold} is not known"
    megabytes = median(rounds, peak, 0) * 1024 / 1e6
    return Figure(median(rounds, cpu, 0), found), Figure(megabytes, f"wall {median(rounds, wall, 0):.1f} s")


def _rules(evidence: Evidence) -> dict[str, float]:
    """Return the median milliseconds of each rule. Each round runs the rules in order on new evidence. A result that
    the evidence caches therefore counts for the first rule that needs it, as in a run.
    """
    took: dict[str, list[float]] = {rule.code: [] for rule in RULES}
    for _ in range(ROUNDS):
        seen = _fresh(evidence)
        for rule in RULES:
            took[rule.code].append(_milliseconds(partial(_asked, rule, seen)))
    return {code: statistics.median(times) for code, times in took.items()}


def _asked(rule: Rule, evidence: Evidence) -> list[RuleFinding]:
    return list(rule.check(evidence))


def _fresh(evidence: Evidence) -> Evidence:
    return Evidence(Measurement(run=evidence.run, targets=evidence.targets, observations=tuple(evidence.observations)))


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000


MEASUREMENTS: Final = (
    Benchmark(
        promises=(
            Promise(what="judging 1,000 observations, CPU", against="", limit=20, unit="ms"),
            Promise(what="the slowest rule over 1,000 observations, CPU", against="", limit=1, unit="ms"),
        ),
        measure=judging,
    ),
    Benchmark(
        promises=(Promise(what="predicting 360 paths of a large network, CPU", against="", limit=50, unit="ms"),),
        measure=predicting,
    ),
    Benchmark(
        promises=(
            Promise(what="predicting 500 subnets, 5,000 interfaces, CPU", against="", limit=5, unit="s"),
            Promise(what="predicting 500 subnets, 5,000 interfaces, peak memory", against="", limit=300, unit="MiB"),
        ),
        measure=lambda: predicting_a_vpc(large_vpc.facts()),
    ),
    Benchmark(
        promises=(
            Promise(what="predicting the same, every group and table differs, CPU", against="", limit=40, unit="s"),
            Promise(what="predicting the same, peak memory", against="", limit=668, unit="MiB"),
        ),
        measure=lambda: predicting_a_vpc(differing_vpc.facts()),
    ),
    Benchmark(
        promises=(
            Promise(what="predicting with a plan of 4,000 rules in one group, CPU", against="", limit=2, unit="s"),
        ),
        measure=planning,
    ),
    Benchmark(
        promises=(
            Promise(what="audit of 200 VPCs from a file, CPU", against="", limit=25, unit="s"),
            Promise(what="audit of 200 VPCs from a file, peak memory", against="", limit=500, unit="MB"),
        ),
        measure=auditing,
    ),
)
