"""Fills the placeholders in a fix's commands with known values."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from agent.catalog.placeholders import PLACEHOLDER
from agent.fixes.changes import OPERATIONS
from agent.report.model import Command, Fix

_SAFE_WORD: Final = re.compile(r"[A-Za-z0-9_.,:/=@+<>{}\[\]~*-]{1,300}")
_OPTIONS: Final = frozenset(
    (
        "--add-route-table-ids --add-subnet-ids --application-id --attribute --backint --by-created-after "
        "--by-state --by-status --calls --cidr --cidr-block --creator-request-id --deadline --dhcp-configurations "
        "--dhcp-options-id --dhcp-options-ids --domain-name --dual-stack --ec2 --egress --enable-dns-hostnames "
        "--enable-dns-support --endpoint --expect --filter --filters --fips --firewall-domain-list-id "
        "--firewall-rule-group-id --format --group-id --group-ids --hosted-zone-id --ingress --instance-ids "
        "--invalidate --ip-permissions --ipv6-cidr-block --jobs --name --network-acl-id --network-acl-ids "
        "--no-private-dns-enabled --output --port --port-range --private-cidr --private-dns-enabled --profile-id "
        "--protocol --query --redact --region --region-name --resolver-rule-id --resource-id --role-name "
        "--route-table-ids --rule-action --rule-number --rule-type --run-agents --security-group-ids --service "
        "--service-name --service-names --service-region --show --source-group --subnet-ids --target-id --timeout "
        "--transit-gateway-attachment-ids --transit-gateway-route-table-id --vpc --vpc-endpoint-id "
        "--vpc-endpoint-ids --vpc-endpoint-type --vpc-id --vpc-ids --vpc-region --workload -S -connect -lunp -n "
        "-noservername -p -rn -s -servername -showcerts"
    ).split()
)
"""The options that commands of fixes use. Any other word that begins with a dash does not come from a rule."""
_READING: Final = ("describe-", "get-", "list-", "search-")
_PRIVATE_DNS_RIGHT: Final = "Private DNS also needs route53:AssociateVPCWithHostedZone."
"""The action associates a hosted zone with the VPC, and narrow roles lack it (Service Authorization Reference, Amazon
EC2, CreateVpcEndpoint)."""


def filled(fix: Fix, known: Mapping[str, str]) -> Fix:
    """A fix that is ready for a person. A placeholder becomes its `known` value. A word that contains anything other
    than the characters of ids, names, addresses and options becomes `<VALUE>`. So text from a peer or a setting never
    becomes part of a command or a line, and no value becomes an option."""

    def fill(word: str) -> str:
        word = PLACEHOLDER.sub(lambda placeholder: known.get(placeholder[0], placeholder[0]), word)
        is_safe = _SAFE_WORD.fullmatch(word) and (not word.startswith("-") or word in _OPTIONS)
        return word if is_safe else "<VALUE>"

    commands = tuple(replace(command, argv=tuple(map(fill, command.argv))) for command in fix.commands)
    lines = tuple(
        replace(line, file=fill(line.file), line=" ".join(map(fill, line.line.split(" ")))) for line in fix.lines
    )
    takes = any("--private-dns-enabled" in command.argv for command in commands)
    says = not takes or _PRIVATE_DNS_RIGHT in fix.summary  # a fix of a fleet may come from a prediction
    summary = fix.summary if says else f"{fix.summary} {_PRIVATE_DNS_RIGHT}"
    return replace(fix, summary=summary, commands=commands, lines=lines)


def is_form_of_fix(command: Command) -> bool:
    """Whether a command that somebody else wrote has the form of a command of a fix: its words have the form of
    `filled`, and it only reads, or says that it changes something and makes a change that fixes make in AWS. Whether a
    fix of this version is about the same resources is not checked."""
    program, *words = command.argv or ("",)
    if filled(Fix(summary="", commands=(command,)), {}).commands != (command,) or len(words) < 2:
        return False
    if program == "backuplink":
        return not command.changes and "--output" not in words
    service, operation, *_ = words
    if program != "aws" or service.startswith("-"):  # an option before the service would move the operation
        return False
    makes = operation in OPERATIONS
    return command.changes is makes and (makes or operation.startswith(_READING))


def placeholders_of(fix: Fix) -> frozenset[str]:
    """The placeholders in the commands and the lines of a fix."""
    words = [word for command in fix.commands for word in command.argv]
    words += [word for line in fix.lines for word in (line.file, line.line)]
    return frozenset(placeholder for word in words for placeholder in PLACEHOLDER.findall(word))
