"""Prints the findings of a run in each scenario. The Python of an artifact or of the source tree runs this file.

It reads one JSON object from stdin: the text of each scenario by its name, since an artifact contains few scenarios. It
writes one JSON object to stdout: the findings in the report of each scenario.
"""

import asyncio
import json
import sys

from agent.judge.verdict import judge
from agent.process.cancel import CancelToken
from agent.report import codec
from agent.run.runner import measure
from agent.simulated.clock import VirtualLoop
from agent.simulated.scenario import Scenario, parse
from agent.simulated.settings import settings_of
from agent.simulated.world import simulated


async def result_of(chosen: Scenario) -> dict[str, object]:
    async with simulated(chosen) as world:
        evidence = await measure(settings_of(chosen), world, emit=lambda _: None, stop=CancelToken())
    report = codec.encode(judge(evidence))
    return {part: report[part] for part in ("verdict", "findings", "not_evaluated")}


def main() -> None:
    results = {}
    for name, text in json.load(sys.stdin).items():
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            results[name] = runner.run(result_of(parse(name, text)))
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
