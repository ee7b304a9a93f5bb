"""The kinds of hostile input, and the number of cases of each. No other place states these numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.hostile.fuzz import (
    answers,
    audits,
    commands,
    facts,
    fleet_records,
    histories,
    intents,
    inventories,
    log_lines,
    options,
    plans,
    reports,
    requests,
    typed,
)
from tests.hostile.fuzz.command import Command
from tests.support.extent import everything

Check = Callable[[Random, Command], None]
EVERYTHING: Final = 40
"""The factor by which `--everything` increases the number of cases."""
BATCH: Final = 50
"""The number of cases in one test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A row of KINDS."""

    name: str
    cases: int
    """The number of cases that CI runs."""
    check: Check
    """A function that generates a case from random choices, and asserts its promises."""

    def batches(self, seed: int | None) -> tuple[range, ...]:
        """The seeds of this session, divided into one range for each test; or only `seed`, if it is given."""
        if seed is not None:
            return (range(seed, seed + 1),)
        cases = self.cases * EVERYTHING if everything() else self.cases
        return tuple(range(first, min(first + BATCH, cases)) for first in range(0, cases, BATCH))

    def run(self, seed: int, command: Command) -> None:
        """Run the case of a seed. An exception shows the seed, and the command that runs the case again."""
        try:
            self.check(Random(f"{self.name} {seed}"), command)
        except BaseException as error:
            error.add_note(f"seed={seed}: ./dev test -n 0 tests/hostile/fuzz -k '{self.name}-' --seed {seed}")
            raise


KINDS: Final = tuple(
    Kind(name=name, cases=cases, check=check)
    for name, cases, check in (
        ("options", 37, options.check_options),
        ("configurations", 35, options.check_configuration),
        ("templates", 10, options.check_template),
        ("reports", 47, reports.check_reports),
        ("commands", 42, commands.check_words),
        ("facts", 27, facts.check_facts),
        ("account-facts", 10, facts.check_account_facts),
        ("audits", 10, audits.check_audits),
        ("plans", 10, plans.check_plans),
        ("intents", 10, intents.check_intents),
        ("histories", 20, histories.check_history),
        ("fleet-records", 5, fleet_records.check_fleet_records),
        ("inventories", 10, inventories.check_inventory),
        ("suppressions", 10, inventories.check_suppressions),
        ("log-lines", 10, log_lines.check_log_lines),
        ("requests", 35, requests.check_requests),
        ("typed", 30, typed.check_typed),
        ("dns", 22, answers.check_dns),
        ("http", 15, answers.check_http),
        ("proxy", 10, answers.check_proxy),
        ("api", 15, answers.check_api),
        ("jobs", 5, answers.check_jobs),
        ("metadata", 10, answers.check_metadata),
        ("ec2", 15, answers.check_ec2),
        ("certificates", 10, answers.check_certificates),
        ("handshakes", 5, answers.check_handshakes),
        ("policies", 10, answers.check_policies),
        ("host-files", 10, answers.check_host_files),
        ("workload-files", 5, answers.check_workload_files),
        ("shared-files", 10, answers.check_shared_files),
    )
)
