"""What every scenario that comes with the program finds; run by the Python of an artifact, or by the source tree's.

Writes one JSON object to stdout: by scenario, what its report found.
"""

import asyncio
import json
import sys

from agent.judge.verdict import judge
from agent.process.cancel import CancelToken
from agent.report import codec
from agent.run.runner import measure
from agent.simulated import scenario as scenarios
from agent.simulated.clock import VirtualLoop
from agent.simulated.settings import settings_of
from agent.simulated.world import simulated


async def result_of(name: str) -> dict[str, object]:
    chosen = scenarios.load(name)
    async with simulated(chosen) as world:
        evidence = await measure(settings_of(chosen), world, emit=lambda _: None, stop=CancelToken())
    report = codec.encode(judge(evidence))
    return {part: report[part] for part in ("verdict", "findings", "not_evaluated")}


def main() -> None:
    results = {}
    for name in scenarios.names():
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            results[name] = runner.run(result_of(name))
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
