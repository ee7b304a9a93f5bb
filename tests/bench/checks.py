"""A whole `check` compared with one call of the AWS CLI, with the commands that people type today, and with the least
possible program.
"""

import asyncio
import json
import shlex
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from botocore import xform_name

from agent.catalog.services import private_link_labels
from agent.simulated.scenario import Scenario
from agent.simulated.world import SimulatedReader
from probes.observe import Log
from probes.steps.sigv4 import signed_headers
from probes.vpc import reads
from tests.bench.promise import Benchmark, Figure, Promise
from tests.bench.rivals import AWS, CURL, DIG, NC, OPENSSL
from tests.bench.spaces import ROUND_TRIP_SECONDS, WORLD, Host, host
from tests.bench.spent import Spent, cpu, in_turn, median, peak, ratio, wall
from tests.support import scenarios

VERDICTS: Final = (0, 1, 2)
"""The exit codes of a run without an error. Other tests check whether its verdict is right."""
SIGNED_CALLS: Final = 6
BARE: Final = Path(__file__).with_name("bare.py")
RUNBOOK: Final = Path(__file__).with_name("runbook.sh")
RUNBOOK_ROUNDS: Final = 5
READ_ROUNDS: Final = 5
STEP_SECONDS: Final = 3.0
CONFIGURED: Final = """
[ec2]

[[ec2.endpoints]]

[[ec2.endpoints]]
service = "backup-gateway"
id = "vpce-0c1b2c3d4e5f67890"
addresses = ["10.0.1.27", "10.0.2.27", "10.0.3.27"]
group_ids = ["sg-0f1b2c3d4e5f67890"]
"""
"""Lines that add EC2 to a scenario."""
DROPPED: Final = f"""
summary = "36 ports of one service dropped, the other as it should be"

[run]
services = ["backup", "backup-gateway"]
timeout = {STEP_SECONDS}

[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "backup.eu-west-1.amazonaws.com"
a = ["10.0.1.17"]

[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "backup-gateway.eu-west-1.amazonaws.com"
a = ["10.0.1.27", "10.0.2.27", "10.0.3.27", "10.0.1.28", "10.0.2.28", "10.0.3.28"]

[[tcp]]
addresses = ["10.0.1.17"]
ports = [443]

[[tcp]]
addresses = ["10.0.1.27", "10.0.2.27", "10.0.3.27", "10.0.1.28", "10.0.2.28", "10.0.3.28"]
ports = [443, 1026, 1027, 1028, 1031, 2222]
answer = "silence"

[expect]
status = "critical"
path = "unreachable"
findings = []
"""


def beside_one_call() -> tuple[Figure, ...]:
    """The CPU and the peak memory of a check, each divided by those of one call of the AWS CLI, with AWS nearby."""
    with host() as there:
        rounds = in_turn(lambda: _check(there), lambda: _call(there))
    costs = "; ".join(
        f"{what} {median(rounds, cpu, place) * 1000:.0f} ms, {median(rounds, peak, place) / 1024:.0f} MiB"
        for place, what in enumerate(("check", "call"))
    )
    return Figure(ratio(rounds, cpu), costs), Figure(ratio(rounds, peak), "the largest process of each")


def far_away() -> tuple[Figure, ...]:
    """The wall time of a check, divided by that of one call, and by that of a bare process. Everything except
    link-local addresses is 20 ms away.
    """
    with host(round_trip_seconds=ROUND_TRIP_SECONDS) as there:
        rounds = in_turn(lambda: _check(there), lambda: _call(there), lambda: _bare(there))
    with host(round_trip_seconds=ROUND_TRIP_SECONDS, link_local=True) as there:
        all_far = in_turn(lambda: _check(there), lambda: _call(there), lambda: _bare(there), rounds=5)
    walls = [f"{median(rounds, wall, place) * 1000:.0f} ms" for place in range(3)]
    trip = statistics.median(_round_trip(check.output) for check, _, _ in rounds) * 1000
    beside_call, beside_bare = ratio(rounds, wall), ratio(rounds, wall, second=2)
    return (
        Figure(
            beside_call,
            f"check {walls[0]}, call {walls[1]}; round trip measured {trip:.1f} ms; with metadata as far as the rest "
            f"{ratio(all_far, wall):.2f}",
        ),
        Figure(beside_bare, f"bare {walls[2]}; with metadata as far as the rest {ratio(all_far, wall, second=2):.2f}"),
    )


def with_configuration() -> tuple[Figure, ...]:
    """The CPU, the wall time and the peak memory of a check that reads the configuration from EC2, each divided by
    those of a check that does not read it. EC2 is 20 ms away.
    """
    with host(f"{WORLD}\n{CONFIGURED}", round_trip_seconds=ROUND_TRIP_SECONDS) as there:
        rounds = in_turn(lambda: _reading(there), lambda: there.check("--ec2", "never", codes=VERDICTS))
    costs = ", ".join(f"{median(rounds, cpu, place) * 1000:.0f} ms" for place in range(2))
    walls = ", ".join(f"{median(rounds, wall, place) * 1000:.0f} ms" for place in range(2))
    peaks = ", ".join(f"{median(rounds, peak, place) / 1024:.0f} MiB" for place in range(2))
    return (
        Figure(ratio(rounds, cpu), costs),
        Figure(ratio(rounds, wall), f"{walls}; the requests go out beside the other steps"),
        Figure(ratio(rounds, peak), peaks),
    )


def beside_the_same_reads() -> tuple[Figure, ...]:
    """The CPU of `aws` commands that send the requests with which a check reads the configuration, divided by the CPU
    of that check.
    """
    with host(f"{WORLD}\n{CONFIGURED}") as there:
        requests = _requests_of_reads(there.vpc.scenario)
        script = "\n".join(_aws_command(*request) for request in requests)
        rounds = in_turn(
            lambda: there.run("sh", "-e", "-c", script, codes=(0,)), lambda: _reading(there), rounds=READ_ROUNDS
        )
    seconds = f"{median(rounds, cpu, 0):.1f} s for {len(requests)} commands; check {median(rounds, cpu, 1):.2f} s"
    return (Figure(ratio(rounds, cpu), seconds),)


def stall_of_loading() -> tuple[Figure, ...]:
    """The longest time for which a run's event loop stands still while the SDK's clients are created beside it."""
    command = (sys.executable, "-m", "tests.bench.stall")
    stalls = [
        float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(RUNBOOK_ROUNDS)
    ]
    shortest, middle, longest = min(stalls) * 1000, statistics.median(stalls) * 1000, max(stalls) * 1000
    return (Figure(middle, f"of {len(stalls)} processes, {shortest:.0f} to {longest:.0f}"),)


def healthy_as_called() -> tuple[Figure, ...]:
    """The CPU and the wall time of a healthy check with default options, divided by those with `--ec2 never`. For CPU,
    EC2 is nearby and would answer. For wall time, it is 20 ms away and would not answer.
    """
    with host(f"{WORLD}\n{CONFIGURED}") as there:
        near = in_turn(lambda: _not_reading(there), lambda: _not_reading(there, "--ec2", "never"))
    with host(f'{WORLD}\n[ec2]\nanswer = "silence"\n', round_trip_seconds=ROUND_TRIP_SECONDS) as there:
        far = in_turn(lambda: _not_reading(there), lambda: _not_reading(there, "--ec2", "never"))
    costs = ", ".join(f"{median(near, cpu, place) * 1000:.0f} ms" for place in range(2))
    walls = ", ".join(f"{median(far, wall, place) * 1000:.0f} ms" for place in range(2))
    return Figure(ratio(near, cpu), costs), Figure(ratio(far, wall), f"{walls}; EC2 does not answer")


def beside_caller() -> tuple[Figure, ...]:
    """The wall time and the CPU of a healthy check of the workload `hana`, divided by those of the workload `caller`.
    AWS is 20 ms away.
    """
    with host(scenarios.text("hana-healthy"), round_trip_seconds=ROUND_TRIP_SECONDS) as there:
        rounds = in_turn(
            *(lambda kind=kind: there.check("--workload", kind, codes=(0,)) for kind in ("hana", "caller"))
        )
    services = " and ".join(
        str(sum(target["required"] for target in json.loads(check.output)["targets"])) for check in rounds[0]
    )
    costs = ", ".join(f"{median(rounds, cpu, place) * 1000:.0f} ms" for place in range(2))
    walls = ", ".join(f"{median(rounds, wall, place) * 1000:.0f} ms" for place in range(2))
    return Figure(ratio(rounds, wall), f"{walls}; {services} required services"), Figure(ratio(rounds, cpu), costs)


def _requests_of_reads(scenario: Scenario) -> list[tuple[str, str, Mapping[str, Any]]]:
    """The requests of a check that reads the configuration, as they are given to the reader."""
    asked: list[tuple[str, str, Mapping[str, Any]]] = []

    class Recording(SimulatedReader):
        async def read(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
            asked.append((service, operation, parameters))
            return await super().read(service, operation, parameters)

    wanted = reads.ConfigurationRequest(
        vpc_id=scenario.metadata.vpc_id,
        instance_id=scenario.metadata.instance_id,
        region=scenario.run.region,
        services=private_link_labels(scenario.run.services),
        group_ids=scenario.metadata.security_group_ids,
    )
    log = Log(now=lambda: datetime.now(UTC), emit=lambda _: None)
    asyncio.run(reads.inspect(Recording(scenario, most=reads.MAX_REQUESTS), log, wanted, limit=STEP_SECONDS))
    return asked


def _aws_command(service: str, operation: str, parameters: Mapping[str, Any]) -> str:
    words = (AWS.path(), service, xform_name(operation, "-"), "--cli-input-json", json.dumps(parameters))
    return f"{shlex.join(words)} --region eu-west-1 --no-paginate >/dev/null"


def _not_reading(there: Host, *options: str) -> Spent:
    spent = there.check(*options, codes=(0,))
    reads = [observation for observation in json.loads(spent.output)["observations"] if observation["step"] == "ec2"]
    if any(read["status"] != "skipped" for read in reads):
        raise RuntimeError("a healthy run read the configuration")
    return spent


def _reading(there: Host) -> Spent:
    spent = there.check("--ec2", "always", codes=VERDICTS)
    read = [observation for observation in json.loads(spent.output)["observations"] if observation["step"] == "ec2"]
    if not read or not all(map(_is_ok, read)):
        raise RuntimeError("the configuration was not read to its end")
    return spent


def beside_runbook() -> tuple[Figure, ...]:
    """The wall time and the CPU of the shell runbook, which runs one command after the other, divided by those of a
    check. AWS is 20 ms away.
    """
    with host(round_trip_seconds=ROUND_TRIP_SECONDS) as there:
        rounds = in_turn(
            lambda: there.run("sh", str(RUNBOOK), str(there.roots), AWS.path()),
            lambda: _check(there),
            rounds=RUNBOOK_ROUNDS,
        )
    seconds = f"{median(rounds, wall, 0):.1f} s at 20 ms, one command after the other"
    return Figure(ratio(rounds, wall), seconds), Figure(ratio(rounds, cpu), f"{median(rounds, cpu, 0):.2f} s")


def dropped_ports() -> tuple[Figure, ...]:
    """The wall time of a run with 36 ports whose packets are dropped, divided by the timeout of one step."""
    with host(DROPPED) as there:
        rounds = in_turn(lambda: there.check(codes=VERDICTS), rounds=5)
    runs = [json.loads(check.output) for (check,) in rounds]
    silent = statistics.median(_silent(report["observations"]) for report in runs)
    measuring = statistics.median(report["run"]["seconds"] for report in runs) / STEP_SECONDS
    whole = median(rounds, wall, 0) / STEP_SECONDS
    note = f"{silent:.0f} timeouts; the run as its report has it; the whole process with its start {whole:.2f}"
    return (Figure(measuring, note),)


def _check(there: Host) -> Spent:
    spent = there.check(codes=VERDICTS)
    passed = [
        observation
        for observation in json.loads(spent.output)["observations"]
        if observation["step"] == "api" and _is_ok(observation)
    ]
    if len(passed) != SIGNED_CALLS:
        raise RuntimeError(f"{len(passed)} of {SIGNED_CALLS} signed calls passed")
    return spent


def _call(there: Host) -> Spent:
    return there.run(AWS.path(), "backup", "list-backup-vaults", "--region", there.vpc.scenario.run.region)


def _bare(there: Host) -> Spent:
    scenario = there.vpc.scenario
    name = scenario.dns[0].name
    words = (sys.executable, "-P", str(BARE), str(scenario.host.resolvers[0]), name, str(there.roots))
    spent = there.run(*words, *_requests(scenario, name))
    if spent.output.split() != ["403", "200"]:
        raise RuntimeError(f"the bare process was answered {spent.output.split()}")
    return spent


def _requests(scenario: Scenario, name: str) -> tuple[str, str]:
    """An unsigned request and a signed one, both complete."""
    path = "/backup-vaults/?maxResults=1"
    headers = signed_headers(
        scenario.credentials.keys(),
        service="backup",
        region=scenario.run.region,
        at=datetime.now(UTC),
        method="GET",
        url=f"https://{name}{path}",
        headers=(),
        body=b"",
    )
    signed = "".join(f"{key}: {value}\r\n" for key, value in headers)
    return f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n", f"GET {path} HTTP/1.1\r\nHost: {name}\r\n{signed}\r\n"


def _round_trip(report: str) -> float:
    """The median of the kernel's round-trip times to addresses that are not link-local, in seconds."""
    connects = [observation for observation in json.loads(report)["observations"] if observation["step"] == "tcp"]
    return statistics.median(float(connect["facts"]["round_trip_seconds"]) for connect in connects)


def _is_ok(observation: dict[str, Any]) -> bool:
    return bool(observation["status"] == "ok")


def _silent(observations: Sequence[dict[str, Any]]) -> int:
    return sum(1 for observation in observations if (observation["failure"] or {}).get("kind") == "timeout")


_CALL: Final = "one aws call (v1)"
MEASUREMENTS: Final = (
    Benchmark(
        promises=(
            Promise(what="check --ec2 never, CPU", against=_CALL, limit=0.65),
            Promise(what="check --ec2 never, peak memory", against=_CALL, limit=0.78),
        ),
        measure=beside_one_call,
        needs=(AWS,),
    ),
    Benchmark(
        promises=(
            Promise(what="check --ec2 never, wall at 20 ms", against=_CALL, limit=0.67),
            Promise(what="check --ec2 never, wall at 20 ms", against="a bare process, five round trips", limit=1.5),
        ),
        measure=far_away,
        needs=(AWS,),
    ),
    Benchmark(
        promises=(
            Promise(what="a healthy check, CPU", against="check --ec2 never", limit=1.05),
            Promise(what="a healthy check, wall at 20 ms", against="check --ec2 never", limit=1.05),
        ),
        measure=healthy_as_called,
    ),
    Benchmark(
        promises=(
            Promise(what="check that reads the configuration, CPU", against="check --ec2 never", limit=1.7),
            Promise(what="check that reads the configuration, wall at 20 ms", against="check --ec2 never", limit=None),
            Promise(what="check that reads the configuration, peak memory", against="check --ec2 never", limit=1.35),
        ),
        measure=with_configuration,
    ),
    Benchmark(
        promises=(
            Promise(
                what="the same reads by aws commands, CPU",
                against="check that reads the configuration",
                limit=8,
                at_least=True,
            ),
        ),
        measure=beside_the_same_reads,
        needs=(AWS,),
    ),
    Benchmark(
        promises=(Promise(what="check: stall of its loop by loading the SDK", against="", limit=25, unit="ms"),),
        measure=stall_of_loading,
    ),
    Benchmark(
        promises=(
            Promise(what="a healthy check of hana, wall at 20 ms", against="one of caller", limit=1.3),
            Promise(what="a healthy check of hana, CPU", against="one of caller", limit=None),
        ),
        measure=beside_caller,
    ),
    Benchmark(
        promises=(
            Promise(what="shell runbook, wall at 20 ms", against="check --ec2 never", limit=10, at_least=True),
            Promise(what="shell runbook, CPU", against="check --ec2 never", limit=4, at_least=True),
        ),
        measure=beside_runbook,
        needs=(AWS, DIG, NC, OPENSSL, CURL),
    ),
    Benchmark(
        promises=(Promise(what="36 dropped ports, wall", against="one step's timeout", limit=1.05),),
        measure=dropped_ports,
    ),
)
