"""`python -m tests.bench.stall`: creates the SDK's clients beside an event loop, as a run does that reads the
configuration, and prints the longest time in seconds for which the loop did not run. The time is the CPU time of this
process between two turns of the loop, so other work on the machine does not count.
"""

import asyncio
import sys
import time

from probes.seams import Keys
from probes.system.net import SystemNet
from probes.system.reader import SystemReader
from probes.system.sdk import import_botocore

SERVICES = ("ec2", "route53resolver", "route53", "route53profiles")
_TURN_SECONDS = 0.001


async def longest_stall() -> float:
    keys = Keys(access_key_id="AKIAIOSFODNN7EXAMPLE", secret_key="none", token=None)  # noqa: S106 - no key
    reader = SystemReader(
        SystemNet(), keys, region="eu-west-1", profile=None, ca_bundle=None, timeout=3.0, most=1
    )  # fmt: skip
    making = asyncio.create_task(reader.prepare(SERVICES))
    longest = 0.0
    while not making.done():
        began = time.process_time()
        await asyncio.sleep(_TURN_SECONDS)
        longest = max(longest, time.process_time() - began)
    await making
    return longest


if __name__ == "__main__":
    import_botocore()  # a run imports botocore before its loop begins
    sys.stdout.write(f"{asyncio.run(longest_stall()):.4f}\n")
