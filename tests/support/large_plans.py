"""Plans of Terraform that add thousands of rules to one security group of docs/examples/estate.json."""

from typing import Any, Final

RULES: Final = 4_000
GROUP: Final = "sg-0e57a7e0000000001"


def _block(number: int) -> str:
    return f"10.20.{number // 256}.{number % 256}/32"


def of_one_group() -> dict[str, Any]:
    """A plan in which the rules are blocks of the security group."""
    rules = [
        {"from_port": 443, "to_port": 443, "protocol": "tcp", "cidr_blocks": [_block(number)]}
        for number in range(RULES)
    ]
    before = {"id": GROUP, "ingress": [], "egress": []}
    change = {"actions": ["update"], "before": before, "after": {**before, "ingress": rules}, "after_unknown": {}}
    return _plan([_row("aws_security_group", "this", change)])


def of_single_rules() -> dict[str, Any]:
    """A plan in which each rule is a separate resource."""
    return _plan(
        [
            _row(
                "aws_vpc_security_group_ingress_rule",
                f"this[{number}]",
                {
                    "actions": ["create"],
                    "before": None,
                    "after": {
                        "security_group_id": GROUP,
                        "ip_protocol": "tcp",
                        "from_port": 443,
                        "to_port": 443,
                        "cidr_ipv4": _block(number),
                    },
                    "after_unknown": {"id": True},
                },
            )
            for number in range(RULES)
        ]
    )


def _plan(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"format_version": "1.2", "resource_changes": rows}


def _row(kind: str, name: str, change: dict[str, Any]) -> dict[str, Any]:
    return {"address": f"{kind}.{name}", "mode": "managed", "type": kind, "name": "this", "change": change}
