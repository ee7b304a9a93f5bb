"""Words in the commands that a report suggests: a hostile text from a report or a facts file may appear in a command
only as one word of the expected kind.
"""

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from random import Random
from typing import Any, Final, TypeVar

from agent.catalog.partitions import REGION
from agent.catalog.placeholders import FORMS, HOST, SERVICE_NAME
from agent.catalog.vpce import ENDPOINT_ID
from agent.judge.verdict import judge
from agent.report import codec, saved
from agent.report.model import Fix, Report, Tool
from agent.report.serialization import DecodeError
from probes.model import Subject
from tests.hostile.fuzz.command import Command
from tests.support import scenarios
from tests.support.runs import report_of

T = TypeVar("T")

MARK: Final = "zq9x"
"""A text that is in every planted word, and in no other word. It is not a hexadecimal number, so an id of EC2 cannot
contain it.
"""
NAMES: Final = tuple(scenarios.names()[::7])
"""The scenarios into whose reports hostile words are planted."""
_KIND: Final = {
    "--region": REGION,
    "--vpc-region": REGION,
    "--vpc": FORMS["<VPC_ID>"],
    "--vpc-id": FORMS["<VPC_ID>"],
    "--vpc-ids": FORMS["<VPC_ID>"],
    "--resource-id": FORMS["<VPC_ID>"],
    "--subnet-ids": FORMS["<SUBNET_ID>"],
    "--add-subnet-ids": FORMS["<SUBNET_ID>"],
    "--instance-ids": FORMS["<INSTANCE_ID>"],
    "--group-id": FORMS["<ENDPOINT_SECURITY_GROUP_ID>"],
    "--security-group-ids": FORMS["<ENDPOINT_SECURITY_GROUP_ID>"],
    "--vpc-endpoint-id": FORMS["<VPC_ENDPOINT_ID>"],
    "--vpc-endpoint-ids": FORMS["<VPC_ENDPOINT_ID>"],
    "--dhcp-options-ids": FORMS["<DHCP_OPTIONS_ID>"],
    "--network-acl-id": FORMS["<NETWORK_ACL_ID>"],
    "--route-table-ids": FORMS["<ROUTE_TABLE_ID>"],
    "--hosted-zone-id": FORMS["<HOSTED_ZONE_ID>"],
    "--resolver-rule-id": FORMS["<RESOLVER_RULE_ID>"],
    "--firewall-rule-group-id": FORMS["<FIREWALL_RULE_GROUP_ID>"],
    "--firewall-domain-list-id": FORMS["<FIREWALL_DOMAIN_LIST_ID>"],
    "--profile-id": FORMS["<PROFILE_ID>"],
    "--service-name": SERVICE_NAME,
    "--service-names": SERVICE_NAME,
    "-servername": HOST,
    "-S": FORMS["<INTERFACE>"],
}
"""For each option of the suggested commands, the kind of word that must follow it."""
_ANY: Final = (*FORMS.values(), HOST, SERVICE_NAME, REGION, ENDPOINT_ID)
_FILTER: Final = re.compile(r"Name=[A-Za-z.-]+,Values=(?P<values>.+)")


def word(chance: Random, sound: str) -> str:
    """A hostile word to replace a sound one."""
    return chance.choice(
        (
            *(f"-{MARK}", f"--profile={MARK}", f"--{MARK}", f"-o/tmp/{MARK}", f"{sound} --{MARK}", f"{sound}\n-{MARK}"),
            *(
                f"$({MARK})",
                f"`{MARK}`",
                f"{sound};{MARK}",
                f"{sound}|{MARK}",
                f"{sound}&&{MARK}",
                f"'{MARK}",
                f'"{MARK}',
            ),
            *(f"{sound},{MARK}", f"{sound}{MARK}", f"{MARK}{sound}", f"{sound}/{MARK}", f"{sound}\x1b[2J{MARK}"),
            *(
                f"\u202e{MARK}",
                f"{sound}\0{MARK}",
                f"{MARK}.example.com",
                f"-{MARK}.example.com",
                f"{MARK}.EXAMPLE.com",
            ),
            *(
                f"vpc-{MARK}",
                f"sg-0a1b2c3d{MARK}",
                f"com.amazonaws.{MARK}.backup",
                f"eu-{MARK}-1",
                f"Z{MARK}",
                f"http://{MARK}",
            ),
            *(
                f"[{{{MARK}}}]",
                f"Name={MARK},Values=*",
                f"file://{MARK}",
                f"<{MARK}>",
                f"{MARK}@{sound}",
                f"{sound}{MARK * 60}",
            ),
        )
    )


def texts(value: Any) -> Iterator[str]:
    """The free texts in a value of one of the program's own types. Texts that identify an observation are left out,
    since the rules need them unchanged.
    """
    if type(value) is str:
        yield value
    elif isinstance(value, dict):
        yield from (text for inner in value.values() for text in texts(inner))
    elif isinstance(value, tuple):
        yield from (text for inner in value for text in texts(inner))
    elif dataclasses.is_dataclass(value) and not isinstance(value, Subject | Tool):
        yield from (text for field in dataclasses.fields(value) for text in texts(getattr(value, field.name)))


def replaced(value: Any, words: Mapping[str, str]) -> Any:
    """A copy of the value, in which other words replace its free texts. Each occurrence of a text is replaced by the
    same word, so that references stay intact.
    """
    if type(value) is str:
        return words.get(value, value)
    if isinstance(value, dict):
        return {key: replaced(inner, words) for key, inner in value.items()}
    if isinstance(value, tuple):
        return tuple(replaced(inner, words) for inner in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, Subject | Tool | type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
        return replace(value, **{name: replaced(inner, words) for name, inner in fields.items()})
    return value


def planted(chance: Random, sound: T) -> T:
    """A report or facts with hostile words in place of some texts."""
    candidates = sorted(set(texts(sound)))
    chosen = chance.sample(candidates, min(len(candidates), chance.choice((1, 2, 5, 15))))
    result: T = replaced(sound, {text: word(chance, text) for text in chosen})
    return result


@cache
def _of_commands() -> tuple[str, ...]:
    """The scenarios whose report suggests commands."""
    return tuple(name for name in NAMES if any(finding.fix.commands for finding in report_of(name).findings))


def report(chance: Random) -> Report:
    """A report in which hostile words replace some of the texts from outside."""
    return planted(chance, report_of(chance.choice(_of_commands())))


def check_words(chance: Random, _: Command) -> None:
    """A planted word appears in a suggested command only if it has the form that is required at its place."""
    try:
        measurement = saved.measurement_of(codec.decode(json.loads(json.dumps(codec.encode(report(chance))))))
    except (DecodeError, saved.SavedReportError):
        return
    assert_harmless(judge(measurement))


def assert_harmless(report: Report) -> None:
    """Assert that each planted word in a command has the form required at its place, and that none is an option."""
    assert_fixes_are_harmless(finding.fix for finding in report.findings)


def assert_fixes_are_harmless(fixes: Iterable[Fix]) -> None:
    """Assert that the commands of these fixes contain no harmful words."""
    for fix in fixes:
        for command in fix.commands:
            for before, argument in zip(("", *command.argv), command.argv, strict=False):
                if MARK in argument:
                    assert not argument.startswith("-"), command.argv
                    assert _has_form(before, argument), command.argv


def _has_form(option: str, argument: str) -> bool:
    if (kind := _KIND.get(option)) is not None:
        return kind.fullmatch(argument) is not None
    named = _FILTER.fullmatch(argument)
    words = [argument] if named is None else named["values"].split(",")
    # A full stop at the end makes a name absolute: no search domain completes it.
    return all(any(form.fullmatch(value.removesuffix(".")) for form in _ANY) for value in words if MARK in value)
