"""A table of bad input: options on the command line, in variables and in a configuration file, files, commands, and
settings of the SDK. `{here}` in an argument, a variable or the content of a file stands for the case's own folder,
which contains all of `PLACES`.
"""

import copy
import gzip
import itertools
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from agent.app.publish import AUDIT, FACTS, PREDICTION
from agent.app.read_saved import MAX_FACTS_BYTES, MAX_REPORT_BYTES
from agent.cli.config_file import MAX_CONFIG_BYTES
from agent.cli.main import main
from agent.formats import json as json_format
from agent.formats import ndjson, text
from agent.formats.registry import OPTION_NAMES
from agent.report import refusal
from agent.report.codec import encode, schema
from agent.report.facts_file import dumps
from agent.report.redact import redact
from tests.support.runs import report_of
from tests.support.sample_facts import facts

SECRET: Final = "hunter2"  # noqa: S105 - what a line must not repeat
LONG: Final = 100_000
"""A number of characters that is too long for any option. Linux accepts up to 131,072 characters in one argument
(execve(2)).
"""
CONFIG: Final = "{here}/backuplink.toml"


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A call that is refused before the program measures anything."""

    id: str
    arguments: tuple[str, ...]
    says: tuple[str, ...]
    """Texts that the message must contain: the mistake, its place, and what would be right."""
    format: str = "text"
    """The format of the document."""
    environment: Mapping[str, str] = field(default_factory=dict)
    config: bytes | None = None
    """The content of `CONFIG`."""
    hides: str | None = None
    """A text that the message must not contain."""
    unprivileged: bool = False
    """Whether the case needs a user without privileges, since the call would succeed as root."""

    names_help: bool | None = None
    """Whether the message refers to the command's help. It does if the call itself is wrong, but not if the call only
    names an object that is wrong. None means that the cases of one kind differ (tests/agent/cli/test_group.py tests the
    rule).
    """


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A broken setting of this host, which a run reports like any other fault."""

    id: str
    exit: int
    codes: tuple[str, ...]
    """The codes of the findings, in the order of the report."""
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    hides: str | None = None


# --- Values ----------------------------------------------------------------------------------------------------------

NOT_A_NAME: Final = "is not one of "
ANYWHERE: Final = {
    "nothing": "",
    "a space": " ",
    "escape codes": "\x1b[2J\x1b]0;x\x07",
    "lines": "a\r\nError: b",
    "bidi": "\u202etxt\u2066",
    "no UTF-8": "\udcff\udcfe",
    "NUL": "a\0b",
    "100 kB": "9" * LONG,
    "emoji": "\U0001f4a5",
    "a path": "../../etc/passwd",
    "DEL and C1": "\x7f\x9b2J",
}
"""Values that are bad for every option with a restricted form."""

_SECONDS: Final = (
    *("banana", "nan", "inf", "-inf", "-1", "0", "1e9", "3s", "0x10", "1,5", "None", "3 4", "1_0", "\u0663", "1e400"),
    *("true", "--", "[3]", "9" * 400),
)


@dataclass(frozen=True, kw_only=True)
class Option:
    """An option whose values are restricted in form: what its refusal says about correct values, and further values
    that are bad.
    """

    name: str
    wanted: str
    bad: tuple[str, ...]
    multiple: bool = False
    number: bool = False


FORMED: Final = (
    Option(
        name="region",
        wanted="the name of a Region, such as eu-west-1",
        bad=(
            *("Frankfurt", "eu_west_1", "EU-WEST-1", "eu-west-1a", "eu-west", "eu-west-1;id", "eu-west-1 ", "-"),
            *("eu-west-\u0661", f"eu-{'a' * 4_000}-1", "eu-west-123", "eu--1", "aws", "*", "eu-west-1,eu-west-2"),
        ),
    ),
    Option(
        name="workload",
        wanted="'auto', 'caller', 'hana', 'hana:backup', 'hana:s3', 'gateway', 'ssm'",
        bad=("vss", "Hana", "hana,ssm", "*", "", "s3", "hana:", "hana:S3", "ssm:s3"),
        multiple=True,
    ),
    Option(
        name="service",
        wanted="' is not one of ",
        bad=("vss", "Backup", "backup_gateway", "*", "backup,backup-gateway", "backup.eu-west-1.amazonaws.com"),
        multiple=True,
    ),
    Option(
        name="endpoint",
        wanted="",
        bad=(
            *("vpce-0a1b2c3d4e5f67890", "vs=vpce-0a1b2c3d", "https://backup.eu-west-1.amazonaws.com", "a_b", "backup="),
            *("backup=10.0.0.1:443", "10.0.0.1", "::1", "=", f"{'a.' * 200}com", f"backup={'a' * 64}.com", "-.com"),
            "backup-gateway=vpce-0a1b2c3d4e5f67890-abcd1234.backup.eu-west-1.vpce.amazonaws.com",
            "vpce-0a1b2c3d4e5f67890-abcd1234.vss.eu-west-1.vpce.amazonaws.com",
        ),
        multiple=True,
    ),
    Option(
        name="resolver",
        wanted="an IP address",
        bad=(
            *(
                "ns1",
                "10.0.0",
                "10.0.0.2:53",
                "10.0.0.0/8",
                "010.0.0.2",
                "2130706433",
                "[::1]",
                "256.0.0.1",
                "1.1.1.-1",
            ),
            *("fe80::1%\x1b[2J", f"fe80::1%{'e' * 16}", "fe80::1%", "::1::", "\u0661.1.1.1", "10.0.0.2,10.0.0.3"),
        ),
        multiple=True,
    ),
    Option(
        name="expect",
        wanted="'private', 'public', 'any'",
        bad=("luck", "Private", "private,public", "0", "None"),
    ),
    Option(name="calls", wanted="'each', 'one', 'none'", bad=("all", "One", "one,each", "0", "false")),
    Option(name="ec2", wanted="'auto', 'always', 'never'", bad=("on", "Auto", "auto,never", "1", "true")),
    Option(
        name="private-cidr",
        wanted="a CIDR block, such as 10.0.0.0/8",
        bad=(
            *("10.0.0.1/8", "10.0.0.0/33", "10/8", "all", "10.0.0.0-10.0.0.255", "10.0.0.0/8/8", "10.0.0.0/-1"),
            *("2001:db8::/129", "10.0.0.0/", "/8", "2001:db8::1/32", "10.0.0.0/8,10.1.0.0/16"),
        ),
        multiple=True,
    ),
    Option(
        name="timeout",
        wanted="a number of seconds from 0.1 to 60",
        bad=(*_SECONDS, "0.09", "60.1"),
        number=True,
    ),
    Option(
        name="deadline",
        wanted="a number of seconds from 1 to 3600",
        bad=(*_SECONDS, "0.9", "3601"),
        number=True,
    ),
    Option(
        name="format",
        wanted=NOT_A_NAME,  # the message lists all names, or the most similar one
        bad=("yaml", "JSON", "json,text", "0"),
    ),
    Option(
        name="theme",
        wanted="'terminal', 'contrast', 'light'",
        bad=("dark", "Light", "terminal,light", "*", "solarized"),
    ),
    Option(
        name="key",
        wanted="",
        bad=("save", "save=", "=s", "sav=s", "save=s,", "leave=x", "save=ctrl+S", "save=ctrl+i", "save=f13", "quit=qq"),
        multiple=True,
    ),
    Option(
        name="suppress",
        wanted="",
        bad=(
            "dns001",
            "DNS1",
            "NOTHING",
            "DNS001=",
            "=backup",
            "DNS001,TCP001",
            "DNS001=\x1b[2J",
            "*",
            "ENV",
            "DNS001@2026-02-30",
        ),
        multiple=True,
    ),
    Option(
        name="fail-on",
        wanted="'warning', 'critical', 'never'",
        bad=("info", "Never", "2", "unknown", "critical,warning"),
    ),
    Option(
        name="interval",
        wanted="a number of seconds from 10 to 86400",
        bad=(*_SECONDS, "9.9", "86401"),
        number=True,
    ),
    Option(
        name="cycles",
        wanted="a whole number from 1 to 1000000000",
        bad=(*_SECONDS, "1.5", "1e3", "1000000001"),
        number=True,
    ),
    Option(
        name="raise-after",
        wanted="a whole number from 1 to 100",
        bad=(*_SECONDS, "1.5", "101"),
        number=True,
    ),
    Option(
        name="clear-after",
        wanted="a whole number from 1 to 100",
        bad=(*_SECONDS, "2.0", "101"),
        number=True,
    ),
    Option(
        name="listen",
        wanted="a port, or an address and a port such as 127.0.0.1:9842",
        bad=(
            *("0", "65536", "-1", "99999999", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "localhost:9842"),
            *("::1:9842", "[::1]", "[::1]:", "[127.0.0.1]:9842", "9842/tcp", "http://127.0.0.1:9842", "\u0669842"),
            *("127.0.0.1:9842 ", "256.0.0.1:9842", "[::1%\x1b[2J]:9842", "9842,9843"),
        ),
    ),
    Option(
        name="keep",
        wanted="a duration such as 30d, 12h or 90m",
        bad=("30", "d", "0d", "-1d", "1.5h", "1 d", "1D", "1y", "1d1h", "9999999d", "\u0663d", "30d "),
    ),
    Option(
        name="keep-size",
        wanted="a whole number from 1 to 1000000",
        bad=("0", "-1", "1.5", "1e3", "1000001", "1MB", "\u0661"),
        number=True,
    ),
    Option(
        name="on-change-env",
        wanted="the name of an environment variable",
        bad=("-x", "A=b", "A-B", "1A", "A B", "$A", "\u0410", "A,B"),
        multiple=True,
    ),
    Option(
        name="notify",
        wanted="",
        bad=(
            *("hooks.example.com", "http://hooks.example.com/", "ftp://hooks.example.com", "https://", "https:///x"),
            *("http://10.0.0.1/", "http://127.0.0.1.example.com/", "https://[::1", "https://h:99999/", "file:///x"),
            *("http://localhost.example.com/", "//hooks.example.com", "https://h:x/", "HTTPS", "javascript:0"),
        ),
    ),
)
_OF_A_WATCH: Final = frozenset(
    (
        "interval",
        "cycles",
        "raise-after",
        "clear-after",
        "listen",
        "notify",
        "textfile",
        "on-change",
        "on-change-env",
        "notify-template",
    )
)


_OF_THE_INTERFACE: Final = frozenset({"theme", "key", "no-mouse"})


def _command_with(name: str) -> str:
    """The name of a command that has the option."""
    return "watch" if name in _OF_A_WATCH else "demo" if name in _OF_THE_INTERFACE else "check"


VPC: Final = Option(
    name="vpc",
    wanted="the id of a VPC, such as vpc-0a1b2c3d4e5f67890",
    bad=(
        *("vpc", "vpc-", "vpc-1", "vpc-0a1b2c3", "vpc-0A1B2C3D", "vpc-0a1b2c3d4e5f678901", "vpc-0a1b2c3d4", "0a1b2c3d"),
        *("vpc-0a1b2c3g", "subnet-0a1b2c3d", "vpce-0a1b2c3d", "vpc-0a1b2c3d ", "vpc-0a1b2c3d\n", "*", "10.0.0.0/16"),
        *("vpc-0a1b2c3d,vpc-0b1b2c3d", "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-0a1b2c3d", "vpc-\u0660a1b2c3d"),
    ),
)
"""An option that only `facts` has. It can only be set on the command line."""
A_ROLE: Final = "arn:aws:iam::111122223333:role/x"
A_VPC: Final = "vpc-0a1b2c3d4e5f67890"
OF_PREDICT: Final = (
    Option(
        name="from",
        wanted="all, the id of a subnet, interface or instance such as i-0a1b2c3d4e5f67890, or a block such as",
        bad=(
            *("All", "vpc-0a1b2c3d", "sg-0a1b2c3d", "i-", "i-1", "eni-0A1B2C3D", "subnet-0a1b2c3d4", "10.0.0.0/33"),
            *("10.0.0.5/24", "10.0.0", "::/129", "all,i-0a1b2c3d", "i-0a1b2c3d ", "*", "10.0.0.1-10.0.0.9"),
        ),
        multiple=True,
    ),
    Option(
        name="port",
        wanted="a whole number from 1 to 65535",
        bad=("0", "-1", "65536", "443-450", "https", "4.43", "0x1bb", "443,1026", "\u0664\u0664\u0663"),
        multiple=True,
    ),
    Option(
        name="assume",
        wanted="the id of a resource and a change to it, such as sg-0a1b2c3d:+in:tcp:443:10.0.0.0/16",
        bad=(
            *("sg-0a1b2c3d", "sg-0a1b2c3d:", "sg:+in:tcp:443:10.0.0.0/16", "igw-0a1b2c3d:+in", "SG-0A1B2C3D:+in"),
            *("sg-0a1b2c3d: +in", "sg-0a1b2c3d:+in\n", "+in:tcp:443:10.0.0.0/16", "sg-\u0660a1b2c3d:+in"),
        ),
        multiple=True,
    ),
)
"""Options that only `predict` has. They can only be set on the command line."""
OF_AUDIT: Final = (
    Option(
        name="role-arn",
        wanted="the ARN of a role, such as arn:aws:iam::111122223333:role/backuplink-audit",
        bad=(
            *(
                "backuplink-audit",
                "arn:aws:iam::111122223333:user/x",
                "arn:aws:iam::1111:role/x",
                "arn:aws:iam:::role/x",
            ),
            *(
                "arn:aws:iam::111122223333:role/",
                "arn:aws:iam::111122223333:role/a b",
                "arn:aws:iam::111122223333:role/x\n",
            ),
        ),
        multiple=True,
    ),
    Option(
        name="organization-role",
        wanted="the name of a role, such as backuplink-audit",
        bad=("a b", "role/x", "arn:aws:iam::111122223333:role/x", "x" * 65, "r\u00f6le"),
    ),
)
"""Options that only `audit` has. They can only be set on the command line."""
OF_AUDITS: Final = tuple(name for name in AUDIT.formats if name != "eventbridge")
"""The formats in which an audit writes a refusal to stdout. Events contain no refusal; their reason is only
on stderr.
"""

TEXTS: Final = {
    "profile": ("the name of a profile", {*ANYWHERE} - {"a space", "emoji", "a path", "100 kB"}),
    "ca-bundle": ("the path of a file or folder", {"nothing"}),
    "output": ("the path of a file", {"nothing"}),
    "wrong": ("a text that says what is true", {"nothing", "a space"}),
    "ec2-facts": ("the path of a file", {"nothing"}),
    "textfile": ("the path of a file", {"nothing"}),
    "history": ("the path of a file", {"nothing"}),
    "notify-template": ("the path of a file", {"nothing"}),
    "on-change": ("expected a program", {"nothing", "a space"}),
}
"""Options that accept nearly any text. Each has the words for a correct value, and the names of the values in
`ANYWHERE` that are bad for it.
"""
TOO_LONG: Final = "a text of at most 4096 characters without NUL"
FLAGS: Final = ("no-api", "jobs", "no-ec2", "run-agents", "fips", "dual-stack", "no-mouse", "brief", "redact")
NO_BOOLEANS: Final = ("maybe", "2", "truee", "none", "-1", "\x1b[2J", "\u202eyes", "\udcff", "9" * LONG)

WRONG_TYPES: Final = {
    "flag": ("1", '"true"', "[true]", "{}", "1.0", "2026-01-01", "nan"),
    "multiple": ('"eu"', "1", "true", "{}", "[1]", "[[]]", "[true]", "[{a = 1}]", "2026-01-01", "inf"),
    "number": ('"3"', "true", "[3]", "{}", "2026-01-01", "12:00:00", "[]"),
    "text": ("1", "true", "1.5", '["a"]', "{}", "2026-01-01", "[]", "2026-01-01T00:00:00Z"),
}


def _variable(name: str) -> str:
    return f"BACKUPLINK_{name.replace('-', '_').upper()}"


def _short(value: str) -> str:
    return ascii(value if len(value) <= 40 else f"{value[:16]}...{len(value)}")


def _formats() -> Iterator[str]:
    return itertools.cycle(OPTION_NAMES)


def by_flag(command: str, names: frozenset[str], forms: Sequence[str] = OPTION_NAMES) -> Iterator[Refused]:
    """For each of these options of a command, a case for each bad value. The cases take turns in using the command's
    formats.
    """
    has_format = "format" in options_of(command)
    formats = itertools.cycle(forms if has_format else ("json" if command == "facts" else "text",))
    needed = _needed(command)
    for option in (*FORMED, VPC, *OF_PREDICT, *OF_AUDIT):
        if option.name not in names:
            continue
        values = {**{label: value for label, value in ANYWHERE.items() if label != "NUL"}}
        bad = [*values.items(), *((_short(value), value) for value in option.bad)]
        if "format" not in names:  # otherwise, each value is there twice
            bad = [(label, value) for value, label in {value: label for label, value in bad}.items()]
        for label, value in bad:
            wanted = "text" if option.name == "format" else next(formats)
            asked = () if option.name == "format" or not has_format else (f"--format={wanted}",)
            # If the option accepts more than the words of a list, a value that is too long is refused because of its
            # length.
            is_list = option.wanted.startswith(("'", NOT_A_NAME))
            yield Refused(
                id=f"{command} --{option.name}={label}",
                arguments=(command, *asked, *needed, f"--{option.name}={value}"),
                says=(f"'--{option.name}'", TOO_LONG if len(value) > 4_096 and not is_list else option.wanted),
                format=wanted,
            )
    for name, (right, labels) in TEXTS.items():
        for label in sorted(labels | {"100 kB"} - {"NUL"}) if name in names else ():
            if label == "NUL":
                continue
            wanted = next(formats)
            asked = (f"--format={wanted}",) if has_format else ()
            yield Refused(
                id=f"{command} --{name}={label}",
                arguments=(command, *needed, f"--{name}={ANYWHERE[label]}", *asked),
                says=(f"'--{name}'", TOO_LONG if label == "100 kB" else right),
                format=wanted,
            )
    for label, value in (("nothing", ""), ("100 kB", ANYWHERE["100 kB"])):
        if "config" in names:
            wanted = "json" if "format" in names else "text"
            yield Refused(
                id=f"{command} --config={label}",
                arguments=(command, *((f"--format={wanted}",) if "format" in names else ()), f"--config={value}"),
                says=("'--config'", TOO_LONG if value else "the path of a file"),
                format=wanted,
            )


def by_variable() -> Iterator[Refused]:
    """For each option, a case for each bad value of its environment variable. An empty variable counts as unset, and a
    variable cannot contain a NUL.
    """
    formats = _formats()

    def one(name: str, label: str, value: str, right: str) -> Refused:
        wanted = "text" if name == "format" else next(formats)
        return Refused(
            id=f"{_variable(name)}={label}",
            arguments=("check",) if name == "format" else (_command_with(name), "--format", wanted),
            says=(f"'--{name}'", _variable(name), right),
            format=wanted,
            environment={_variable(name): value},
        )

    for option in FORMED:
        # A variable for several values is split at its spaces, so a space cannot be a value.
        values = {
            label: value
            for label, value in ANYWHERE.items()
            if label not in ("nothing", "NUL") and not (option.multiple and label == "a space")
        }
        for label, value in [*values.items(), *((_short(value), value) for value in option.bad)]:
            is_list = option.wanted.startswith(("'", NOT_A_NAME))
            right = TOO_LONG if len(value) > 4_096 and not is_list else option.wanted
            if option.multiple and (not value or " " in value):
                continue
            yield one(option.name, label, value, right)
    for name, (right, labels) in TEXTS.items():
        if name == "wrong":  # this option describes one run, so no variable sets it
            continue
        for label in sorted(labels - {"nothing", "NUL"} | {"100 kB"}):
            yield one(name, label, ANYWHERE[label], TOO_LONG if label == "100 kB" else right)
    for name in FLAGS:
        for value in NO_BOOLEANS:
            yield one(name, _short(value), value, "is not a valid boolean")
    yield one("config", "100 kB", ANYWHERE["100 kB"], TOO_LONG)


def _toml(name: str, value: str, *, multiple: bool) -> bytes:
    text = json.dumps(value)  # also a text in TOML, unless JSON writes a character as two (beyond 16 bits)
    text = text if "\\ud" not in text else f'"{value}"'
    return f"{name} = {f'[{text}]' if multiple else text}\n".encode()


def by_file() -> Iterator[Refused]:
    """For each option, a case for each bad value and each wrong type in a configuration file. The file is UTF-8, so it
    cannot contain values that are not UTF-8.
    """
    formats = _formats()

    def one(name: str, label: str, config: bytes, *right: str) -> Refused:
        wanted = "text" if name == "format" else next(formats)
        return Refused(
            id=f"{name} in a file: {label}",
            arguments=(_command_with(name), *(() if name == "format" else ("--format", wanted)), "--config", CONFIG),
            says=(f"{CONFIG}: {name}: ", *right),
            format=wanted,
            config=config,
        )

    for option in FORMED:
        values = {label: value for label, value in ANYWHERE.items() if label not in ("no UTF-8", "100 kB")}
        long = {"4097 characters": "9" * 4_097}
        for label, value in [*values.items(), *long.items(), *((_short(value), value) for value in option.bad)]:
            if option.number:
                if value in ("true", "[3]"):
                    continue  # options of another type follow below
                number = value if _is_toml_number(value) else None
                content = f"{option.name} = {value}\n".encode() if number else _toml(option.name, value, multiple=False)
                right = TOO_LONG if len(value) > 4_096 else option.wanted
                yield one(option.name, label, content, right if number else "expected a number, not")
                continue
            is_list = option.wanted.startswith(("'", NOT_A_NAME))
            bad_text = (len(value) > 4_096 or "\0" in value) and not is_list
            right = TOO_LONG if bad_text else option.wanted
            yield one(option.name, label, _toml(option.name, value, multiple=option.multiple), right)
        kind = "number" if option.number else "multiple" if option.multiple else "text"
        for value in WRONG_TYPES[kind]:
            yield one(option.name, value, f"{option.name} = {value}\n".encode(), "expected ")
    for name, (right, labels) in TEXTS.items():
        if name == "wrong":  # this option describes one run, so no file sets it
            continue
        for label in sorted(labels - {"no UTF-8"} | {"NUL"}):
            wanted = TOO_LONG if label == "NUL" else right
            yield one(name, label, _toml(name, ANYWHERE[label], multiple=False), wanted)
        yield one(name, "4097 characters", _toml(name, "9" * 4_097, multiple=False), TOO_LONG)
        for value in WRONG_TYPES["text"]:
            yield one(name, value, f"{name} = {value}\n".encode(), "expected a string, not")
    for name in FLAGS:
        for value in WRONG_TYPES["flag"]:
            yield one(name, value, f"{name} = {value}\n".encode(), "expected true or false, not")
    yield one("service", "the second of two", b'service = ["backup", "vss"]', "'vss'")
    yield one("timeout", "good, and another is bad", b"deadline = 9\ntimeout = -1\n", "'-1'")


def _is_toml_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii() and "_" not in text and text[:2] != "0x"


# --- Commands --------------------------------------------------------------------------------------------------------


def options_of(command: str) -> dict[str, click.Option]:
    """The options of a command by name, without its help option."""
    return {
        param.opts[0].removeprefix("--"): param
        for param in main.commands[command].params
        if isinstance(param, click.Option) and param.opts[0] != "--help"
    }


def _forms(command: str, wanted: str) -> tuple[str, ...]:
    return ("--format", wanted) if "format" in options_of(command) else ()


def _needed(command: str) -> tuple[str, ...]:
    """The options that a command requires, with valid values."""
    return ("--vpc", A_VPC) if "vpc" in options_of(command) else ()


def _of_choice(command: str) -> tuple[str, ...]:
    """The first allowed word of each argument that only accepts certain words. Any other word would itself
    be refused.
    """
    kinds = (param.type for param in main.commands[command].params if isinstance(param, click.Argument))
    return tuple(kind.choices[0] for kind in kinds if isinstance(kind, click.Choice))


def _takes_any_number(command: str) -> bool:
    """Whether a command takes any number of arguments, such as paths."""
    return any(isinstance(param, click.Argument) and param.nargs == -1 for param in main.commands[command].params)


def of_commands() -> Iterator[Refused]:
    """Words that are not an option, a value, an argument or a command."""
    yield Refused(
        id="check: an option like three others",
        arguments=("check", "--redcat"),
        says=("No such option '--redcat'. Did you mean '--redact'? Try 'backuplink check --help'.",),
        format="text",
    )
    for command in main.commands:
        forms = _forms(command, "json")
        ask = (*forms, *_needed(command))
        wanted = "json" if forms or command == "facts" else "text"
        for label, words, says in (
            ("no option", ("--no-such-option",), "'--no-such-option'"),
            ("no short option", ("-Z",), "'-Z'"),
            ("an option with escape codes", ("--\x1b[2J",), "'--\\x1b[2J'"),
            ("an option of 100 kB", (f"--{'x' * LONG}",), "No such option '--xxx"),
            ("an option that is not UTF-8", ("--\udcff",), "'--\\udcff'"),
            ("help with a value", ("--help=yes",), "--help"),
            ("arguments too many", (*_of_choice(command), "\x1b[2J", "\u202eb\nc", "d"), "unexpected extra argument"),
            ("100 kB too many", (*_of_choice(command), "one", "two", "x" * LONG), "unexpected extra argument"),
        ):
            if says == "unexpected extra argument" and _takes_any_number(command):
                continue
            yield Refused(
                id=f"{command}: {label}",
                arguments=(command, *ask, *words),
                says=(says, f"Try 'backuplink {command} --help'."),
                format=wanted,
            )
        for name, option in options_of(command).items():
            if option.is_flag:
                yield Refused(
                    id=f"{command}: --{name} with a value",
                    arguments=(command, *ask, f"--{name}=yes"),
                    says=(f"'--{name}'", "does not take a value"),
                    format=wanted,
                )
            else:
                many = "an argument" if option.nargs == 1 else f"{option.nargs} arguments"
                yield Refused(
                    id=f"{command}: --{name} without a value",
                    arguments=(command, *(_needed(command) if name == "format" else ask), f"--{name}"),
                    says=(
                        f"'--{name}'",
                        f"requires {many}",
                    ),
                    format="text" if name == "format" else wanted,
                )
    for label, word, hint in (
        ("misspelt", "chekc", "'check'"),
        ("a capital", "Check", "'check'"),
        ("escape codes", "\x1b[2J", "'\\x1b[2J'"),
        ("nothing", "", "No such command ''"),
        ("a space", " ", "No such command ' '"),
        ("bidi", "\u202etxt", "'\\u202etxt'"),
        ("no UTF-8", "\udcff", "'\\udcff'"),
        ("100 kB", "x" * LONG, "No such command 'xxx"),
        ("a path", "/etc/passwd", "'/etc/passwd'"),
        ("lines", "a\nError: b", "'a\\nError: b'"),
    ):
        yield Refused(
            id=f"no command: {label}",
            arguments=(word, "--format", "json"),
            says=("No such command", hint, "Try 'backuplink --help'."),
            format="json",
        )
    for label, given, messages in (
        ("misspelt option", ("--regoin", "eu-west-1"), ("'--regoin'", "'--region'")),
        ("bad value", ("--timeout", "soon"), ("'--timeout'", "'soon'")),
        ("no option", ("-",), ("argument (-)",)),
        ("the command behind its options", ("--fips", "check"), ("argument (check)",)),
    ):
        yield Refused(
            id=f"without a command: {label}",
            arguments=("--format=json", *given),
            says=(*messages, "Try 'backuplink check --help'."),
            format="json",
        )


def of_scenarios() -> Iterator[Refused]:
    """Names of scenarios that do not exist."""
    formats = _formats()
    more = {
        "another case": "Healthy-Three-Zones",
        "with its ending": "healthy.toml",
        "misspelt": "healthy-tree-zones",
        "a file": "{here}/backuplink.toml",
        "up and down": "../healthy/healthy",
        "a pattern": "*",
        "two names": "port-blocked,port-refused",
        "an end in a line": "port-blocked\n",
        "a letter too few": "one-zone-silnt",
    }
    for label, value in {**ANYWHERE, **more}.items():
        if label == "NUL":
            continue
        wanted = next(formats)
        yield Refused(
            id=f"demo SCENARIO: {label}",
            arguments=("demo", "--format", wanted, value),
            says=(
                "There is no scenario ",
                "--list names them",
                *(["Did you mean one-zone-silent?"] if "silnt" in value else []),
            ),
            format=wanted,
        )


def of_tables() -> Iterator[Refused]:
    """Regions and partitions that the catalogue does not have."""
    for command in ("endpoints", "permissions"):
        for name, what in (("region", "Region"), ("partition", "partition")):
            more = {
                "unknown": "xx-nowhere-9",
                "a capital": "EU-WEST-1",
                "of the other kind": "aws-xx",
                "a pattern": "*",
            }
            for label, value in {**ANYWHERE, **more}.items():
                if label == "NUL":
                    continue
                yield Refused(
                    id=f"{command} --{name}={label}",
                    arguments=(command, "--format=json", f"--{name}={value}"),
                    says=(f"This version knows no {what} ",),
                    format="json",
                )
        for value in ("ndjson", "yaml", "", "JSON", "\x1b[2J", "x" * LONG):
            yield Refused(
                id=f"{command} --format={_short(value)}",
                arguments=(command, f"--format={value}"),
                says=("'--format'", "'text', 'json'"),
            )
        yield Refused(
            id=f"{command}: a Region that is not in the partition",
            arguments=(command, "--region", "eu-west-1", "--partition", "aws-cn", "--format", "json"),
            says=("The Region eu-west-1 is not in the partition aws-cn",),
            format="json",
        )


def of_pairs() -> Iterator[Refused]:
    """Options that exclude each other, and calls with several options, one of which is bad."""
    for label, arguments, says in (
        ("short and lines", ("--brief", "--format=ndjson"), ("--brief", "--format ndjson")),
        ("short and JSON", ("--format=json", "--brief"), ("--brief", "--format json")),
        ("timeout, the last is bad", ("--format=json", "--timeout=3", "--timeout=soon"), ("'--timeout'", "'soon'")),
        ("service, the first is bad", ("--format=json", "--service=vss", "--service=backup"), ("'--service'", "'vss'")),
        ("resolver, one of three", ("--resolver=::1", "--resolver=x", "--resolver=::2"), ("'--resolver'", "'x'")),
        ("format, the last is bad", ("--format=json", "--format=yaml"), ("'--format'", "'yaml'")),
        ("a flag and its contrary", ("--format=json", "--no-api", "--api"), ("'--api'",)),
        ("a mistake, and --output", ("--output={here}/new.json", "--fail-on=luck"), ("'--fail-on'",)),
    ):
        for command in ("check", "demo"):
            if command == "demo" and not {"--timeout", "--service", "--resolver", "--no-api"}.isdisjoint(
                argument.partition("=")[0] for argument in arguments
            ):
                continue
            wanted = next(
                (argument.removeprefix("--format=") for argument in reversed(arguments) if "--format" in argument), ""
            )
            yield Refused(
                id=f"{command}: {label}",
                arguments=(command, *arguments),
                says=says,
                format=wanted if wanted in OPTION_NAMES else "text",
            )
    yield Refused(
        id="short in a file, JSON by variable",
        arguments=("check", "--config", CONFIG),
        says=("--brief", "--format json"),
        format="json",
        environment={"BACKUPLINK_FORMAT": "json"},
        config=b"brief = true\n",
    )
    yield Refused(
        id="resolver by variable, one of two",
        arguments=("check", "--format=json"),
        says=("'--resolver'", "BACKUPLINK_RESOLVER", "'ns2'"),
        format="json",
        environment={"BACKUPLINK_RESOLVER": "10.0.0.2 ns2"},
    )
    for label, more, says in (
        ("a deadline beyond the interval", ("--deadline=60",), ("--deadline 60", "at most 54 s")),
        ("a deadline beyond a short interval", ("--interval=10", "--deadline=9.1"), ("--interval 10", "at most 9 s")),
        ("one document", (), ("--format json", "--output FILE")),
        ("a template and no URL", ("--output=x", "--notify-template=x"), ("--notify-template requires --notify",)),
        (
            "a template that is not there",
            ("--output=x", "--notify=https://h/", "--notify-template={here}/nowhere/x"),
            ("{here}/nowhere/x: cannot be read: No such file or directory",),
        ),
        (
            "a template that is not JSON",
            ("--output=x", "--notify=https://h/", "--notify-template={here}/empty"),
            ("{here}/empty: is empty.",),
        ),
        (
            "a history that is not there",
            ("--output=x", "--history={here}/nowhere/x"),
            ("{here}/nowhere/x: No such file",),
        ),
    ):
        yield Refused(
            id=f"watch: {label}",
            arguments=("watch", "--format=json", *more),
            says=says,
            format="json",
        )
    yield Refused(
        id="demo: an option of a watch",
        arguments=("demo", "--format=json", "--interval=10"),
        says=("--interval applies to a watch: `backuplink demo --watch`.",),
        format="json",
    )
    yield Refused(
        id="a secret in a URL for changes",
        arguments=("watch", "--output=x", "--format=json", f"--notify=http://hooks.example.com/{SECRET}"),
        says=("'--notify'", "http:// is allowed to loopback only"),
        format="json",
        hides=SECRET,
    )
    for label, value in (
        ("in a URL", f"https://me:{SECRET}@backup.eu-west-1.amazonaws.com"),
        ("before a host", f"me:{SECRET}@vpce-0a1b2c3d4e5f67890"),
        ("behind a service", f"backup=me:{SECRET}@vpce-0a1b2c3d4e5f67890"),
    ):
        yield Refused(
            id=f"a password {label}",
            arguments=("check", "--format=json", "--endpoint", value),
            says=("'--endpoint'", "a user or a password"),
            format="json",
            hides=SECRET,
        )


# --- Files -----------------------------------------------------------------------------------------------------------


def _listening(path: Path) -> None:
    """Create a socket in the file system, as a program may leave it behind."""
    with socket.socket(socket.AF_UNIX) as channel:  # noqa: TID251 - it connects nothing
        before = Path.cwd()
        os.chdir(path.parent)  # the path of a socket may have at most 108 bytes (unix(7))
        try:
            channel.bind(path.name)
        finally:
            os.chdir(before)


def _locked(path: Path) -> None:
    path.write_text("timeout = 3\n", "utf-8")
    path.chmod(0)


def _sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, MAX_REPORT_BYTES + 1)


PLACES: Final[Mapping[str, Callable[[Path], object]]] = {
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "socket": _listening,
    "circle": lambda path: path.symlink_to(path),
    "dangling": lambda path: path.symlink_to(path.parent / "nowhere"),
    "locked": _locked,
    "empty": Path.touch,
    "\x1b[2J\u202e": Path.mkdir,
    "sparse": _sparse,
}
"""The files in a case's folder by name, each with the function that creates it."""

NO_FILES: Final = {
    "not there": ("{here}/nowhere", "No such file or directory"),
    "a folder": ("{here}/folder", "Is a directory"),
    "a folder by its slash": ("{here}/folder/", "Is a directory"),
    "the root": ("/", "Is a directory"),
    "a link to itself": ("{here}/circle", "Too many levels of symbolic links"),
    "a link to nothing": ("{here}/dangling", "No such file or directory"),
    "a socket": ("{here}/socket", "No such device or address"),
    "below a file": ("{here}/empty/x", "Not a directory"),
    "a name that is too long": (f"{{here}}/{'x' * 256}", "File name too long"),
    "a path that is too long": (f"/{'x/' * 2_047}x", "File name too long"),
    "in a folder that is not there": ("{here}/nowhere/x", "No such file or directory"),
    "a name with escape codes": ("{here}/\x1b[2J\u202e", "Is a directory"),
    "a name with escape codes, not there": ("{here}/\x1b]0;x\x07\nError: none", "No such file or directory"),
    "a name that is not UTF-8": ("{here}/\udcff", "No such file or directory"),
    "without leave": ("{here}/locked", "Permission denied"),
}
"""Paths from which nothing can be read, each with the system's error message."""


def of_files(command: tuple[str, ...], option: str, variable: str | None) -> Iterator[Refused]:
    """Calls with an argument that is the path of an unreadable file."""
    for (label, (path, why)), wanted in zip(NO_FILES.items(), _formats(), strict=False):
        for place in ("flag", "variable"):
            if place == "variable" and variable is None:
                continue
            yield Refused(
                id=f"{' '.join(command)} {option} by {place}: {label}",
                arguments=(*command, f"--format={wanted}", *((option, path) if place == "flag" else ())),
                says=("cannot be read", why),
                format=wanted,
                environment={variable: path} if variable is not None and place == "variable" else {},
                unprivileged=label == "without leave",
            )


CONTENTS: Final[Mapping[str, tuple[bytes, str]]] = {
    "no value": (b"timeout = \n", "is not TOML"),
    "twice the same key": (b"timeout = 1\ntimeout = 2\n", "is not TOML"),
    "no UTF-8": (b'profile = "\xff"\n', "is not TOML"),
    "half a letter": (b'profile = "\xc3', "is not TOML"),
    "a surrogate in UTF-8": (b'profile = "\xed\xa0\x80"\n', "is not TOML"),
    "a surrogate by its number": (b'profile = "\\ud800"\n', "is not TOML"),
    "binary": (b"\x00\x01\x02", "is not TOML"),
    "UTF-16": ("timeout = 3\n".encode("utf-16"), "is not TOML"),
    "UTF-8 with its mark": (b"\xef\xbb\xbftimeout = 3\n", "is not TOML"),
    "JSON": (b'{"timeout": 3}', "is not TOML"),
    "YAML": (b"timeout: 3\n", "is not TOML"),
    "INI": (b"[default]\nregion = eu-west-1\n", "is not TOML"),
    "a program": (b"#!/bin/sh\necho 1\n", "is not TOML"),
    "escape codes": (b"\x1b[2J", "is not TOML"),
    "escape codes in a text": (b'profile = "\x1b[2J"\n', "is not TOML"),
    "a line break in a text": (b'profile = "a\nb"\n', "is not TOML"),
    "a text without end": (b'profile = "' + b"a" * 20_000, "is not TOML"),
    "a number of 5000 digits": (b"timeout = " + b"9" * 5_000, "is not TOML"),
    "half a number": (b"timeout = 1.\n", "is not TOML"),
    "a date that the calendar lacks": (b"timeout = 2026-13-45\n", "is not TOML"),
    "nested without end": (b"x = " + b"[" * 20_000, "is nested too deeply"),
    "tables without end": (b"x = " + b"{a = " * 6_000, "is nested too deeply"),
    "too large": (b"#" * (MAX_CONFIG_BYTES + 1), f"larger than {MAX_CONFIG_BYTES} bytes"),
    "far too large": (b"timeout = 3\n" * 1_000_000, f"larger than {MAX_CONFIG_BYTES} bytes"),
    "a key of many parts": (b"a." * 5_000 + b"a = 1\n", "'a' is not a setting"),
    "a table": (b"[check]\nregion = 'eu-west-1'\n", "'check' is not a setting"),
    "a list of tables": (b"[[region]]\na = 1\n", "region: expected a string, not"),
    "a table that is an option": (b"[timeout]\nseconds = 3\n", "timeout: expected a number, not"),
    "a dotted key": (b"timeout.seconds = 3\n", "timeout: expected a number, not"),
    "a misspelt key": (b"timeot = 1\n", "did you mean 'timeout'?"),
    "an underscore": (b"private_cidr = []\n", "did you mean 'private-cidr'?"),
    "a plural": (b"services = []\n", "did you mean 'service'?"),
    "a capital": (b"Region = ''\n", "did you mean 'region'?"),
    "a key with its dashes": (b"\"--region\" = 'eu-west-1'\n", "did you mean 'region'?"),
    "a key like nothing": (b"zzz = 1\n", "this command has "),
    "a key without a name": (b"'' = 1\n", "'' is not a setting"),
    "a file in a file": (b"config = 'other.toml'\n", "'config' is not a setting"),
    "a key of escape codes": (b'"\\u001b[2J" = 1\n', "'\\x1b[2J' is not a setting"),
    "a key of bidi": ('"\u202eregion" = 1\n'.encode(), "is not a setting"),
    "a key of NUL": (b'"region\\u0000" = 1\n', "is not a setting"),
    "a key of 20,000 letters": (b"x" * 20_000 + b" = 1\n", "is not a setting"),
    "a long list": (b"timeout = [" + b"1, " * 10_000 + b"]\n", "timeout: expected a number, not [1, 1"),
    "a long text": (b"region = '" + b"x" * 20_000 + b"'\n", f"region: {TOO_LONG}"),
    "an option of another command": (b"list = true\n", "'list' is not a setting"),
    "many good lines and a bad one": (b"# a line\n" * 2_000 + b"deadline = 0\n", "deadline: '0' is not"),
}


def of_configurations() -> Iterator[Refused]:
    """Files that can be read but are not configuration files."""
    for (label, (content, why)), wanted in zip(CONTENTS.items(), _formats(), strict=False):
        yield Refused(
            id=f"a configuration: {label}",
            arguments=("check", "--format", wanted, "--config", CONFIG),
            says=(f"{CONFIG}: ", why),
            format=wanted,
            config=content,
        )
    for label, path, why in (
        ("a device without end", "/dev/zero", f"larger than {MAX_CONFIG_BYTES} bytes"),
        ("a full device", "/dev/full", f"larger than {MAX_CONFIG_BYTES} bytes"),
        ("chance", "/dev/urandom", f"larger than {MAX_CONFIG_BYTES} bytes"),
        ("a pipe to which nobody writes", "{here}/pipe", "does not end within 5 s"),
        ("this process's memory", "/proc/self/mem", "cannot be read"),
    ):
        yield Refused(
            id=f"a configuration: {label}",
            arguments=("check", "--config", path, "--format", "json"),
            says=(f"{path}: ", why),
            format="json",
        )


# --- Codes -----------------------------------------------------------------------------------------------------------


def of_codes() -> Iterator[Refused]:
    """Codes of findings that do not exist."""
    more = {
        "a group": "DNS",
        "a digit more": "DNS0011",
        "a number that nobody has": "DNS999",
        "a name": "public-answer",
        "a file": "DNS001.md",
        "up and down": "../runbooks/DNS001",
        "a pattern": "DNS*",
        "an id": "DNS001@backup",
        "two codes": "DNS001,DNS002",
        "an end in a line": "DNS001\n",
        "wide letters": "\uff24\uff2e\uff33001",
        "digits of another script": "DNS\u0660\u0660\u0661",
    }
    for label, value in {**ANYWHERE, **more}.items():
        if label == "NUL":
            continue
        for wanted in ("text", "json"):
            yield Refused(
                id=f"explain CODE as {wanted}: {label}",
                arguments=("explain", *(("--format=json",) if wanted == "json" else ()), value),
                says=(
                    "There is no finding ",
                    "did you mean DNS" if value.startswith("DNS") and value.isascii() else "lists all codes",
                ),
                format=wanted,
            )
    for label, words in {"before": ("--text=x", "DNS001"), "after": ("DNS001", "--text", "x")}.items():
        for wanted in ("text", "json"):
            yield Refused(
                id=f"explain --text and CODE as {wanted}: {label}",
                arguments=("explain", f"--format={wanted}", *words),
                says=("CODE and --text exclude each other.",),
                format=wanted,
            )
    for label, words in {"no value": ("--text",), "an option": ("--text", "--format")}.items():
        yield Refused(
            id=f"explain --text: {label}", arguments=("explain", *words), says=("'--text' requires an argument",)
        )
    for command in ("explain", "diff"):
        for value in ("ndjson", "yaml", "", "JSON", "\x1b[2J"):
            yield Refused(
                id=f"{command} --format={_short(value)}",
                arguments=(command, f"--format={value}"),
                says=("'--format'", "'text', 'json'"),
            )


# --- Saved reports ---------------------------------------------------------------------------------------------------

GOOD: Final = "healthy.json"
_SOUND: Final = encode(report_of("private-dns-off"))
"""A report with findings whose commands contain values, with failures, and with skipped steps."""


def _with(*path: str | int, value: object, of: dict[str, Any] = _SOUND) -> bytes:
    """A document in which one place has a different value."""
    document = copy.deepcopy(of)
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(document).encode()


def _without(*path: str | int, of: dict[str, Any] = _SOUND) -> bytes:
    document = copy.deepcopy(of)
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return json.dumps(document).encode()


def _twice(key: str, *, of: dict[str, Any] = _SOUND) -> bytes:
    return _with(key, value=[*of[key], of[key][0]], of=of)


_OBJECTS: Final[tuple[tuple[str | int, ...], ...]] = (
    *((), ("tool",), ("run",), ("verdict",), ("vantage",), ("vantage", "sdk"), ("vantage", "credentials")),
    *(("targets", 0), ("targets", 0, "addresses", 0), ("findings", 0), ("findings", 0, "fix")),
    *(("findings", 0, "fix", "commands", 0), ("findings", 0, "documents", 0), ("not_evaluated", 0)),
)
"""The places of some objects in a report. Each object is of a different kind."""
_NO_REPORT: Final = "is not a report of `--format json` that this version understands: "
_BEFORE: Final = ndjson.render(report_of("private-dns-off")).splitlines()


def _named(path: tuple[str | int, ...]) -> str:
    name = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return name.removeprefix(".")


NO_REPORTS: Final[Mapping[str, tuple[bytes, str]]] = {
    "nothing": (b"", "is empty"),
    "lines without anything": (b"\n \n\t\n", "is empty"),
    "a report of another format": (text.render(report_of("private-dns-off")).encode(), "is not JSON"),
    "a program": (b"#!/bin/sh\necho 1\n", "is not JSON"),
    "escape codes": (b"\x1b[2J", "is not JSON"),
    "binary": (bytes(range(256)), "is not UTF-8 text"),
    "compressed": (gzip.compress(json.dumps(_SOUND).encode()), "is compressed by gzip; unpack it first"),
    "another version's": (
        _with("schema", value="backuplink.report.v2"),
        f"{_NO_REPORT}schema: this is not a backuplink.report.v1 document, but a backuplink.report.v2 one",
    ),
    "Latin-1": (b'{"schema": "\xfc"}', "is not UTF-8 text"),
    "half a letter": (b'{"schema": "\xc3', "is not UTF-8 text"),
    "a surrogate in UTF-8": (b'"\xed\xa0\x80"', "is not UTF-8 text"),
    "UTF-16": (json_format.render(report_of("private-dns-off")).encode("utf-16"), "is not UTF-8 text"),
    "UTF-8 with its mark": (b"\xef\xbb\xbf" + json.dumps(_SOUND).encode(), "is not JSON: Unexpected UTF-8 BOM"),
    "a number for a key": (b'{\n  "schema": 1,\n2}\n', "is not JSON: Expecting property name"),
    "a number for a key, its line": (b'{\n  "schema": 1,\n2}\n', "line 3 column 1"),
    "cut in half": (json_format.render(report_of("private-dns-off")).encode()[:3_000], "is not JSON"),
    "two reports": (json.dumps(_SOUND).encode() * 2, "is not JSON: Extra data: line 1"),
    "lists without end": (b"[" * 100_000, "is nested too deep"),
    "objects without end": (b'{"schema":' * 100_000, "is nested too deep"),
    "lists without end, behind a stream": (b'{"type": "run"}\n' + b"[" * 100_000, "is nested too deep"),
    "lists without end, in an observation": (
        _with("observations", value=[]).replace(
            b'"observations": []', b'"observations": [%s%s]' % (b"[" * 100_000, b"]" * 100_000)
        ),
        "is nested too deep",
    ),
    "a number of 5000 digits": (b'{"schema": ' + b"9" * 5_000 + b"}", "has a number with too many digits"),
    "no number": (_with("run", "seconds", value=float("nan")), f"{_NO_REPORT}run.seconds: a finite number"),
    "a number without end": (_with("run", "seconds", value=float("inf")), f"{_NO_REPORT}run.seconds: a finite number"),
    "a number that is too large": (
        _with("run", "seconds", value="X").replace(b'"X"', b"-1e999"),
        f"{_NO_REPORT}run.seconds: a finite number",
    ),
    "null": (b"null", f"{_NO_REPORT}schema: "),
    "a number": (b"1", f"{_NO_REPORT}schema: "),
    "a text": (b'"backuplink.report.v1"', f"{_NO_REPORT}schema: "),
    "a list": (b"[]", f"{_NO_REPORT}schema: "),
    "an object": (b"{}", f"{_NO_REPORT}schema: "),
    "a list of reports": (json.dumps([_SOUND]).encode(), f"{_NO_REPORT}schema: "),
    "its schema": (json.dumps(schema()).encode(), f"{_NO_REPORT}schema: "),
    "another type of document": (b'{"type": "module"}', f"{_NO_REPORT}schema: "),
    "a later form": (_with("schema", value="backuplink.report.v2"), f"{_NO_REPORT}schema: "),
    "a form that is not text": (_with("schema", value=["backuplink.report.v1"]), f"{_NO_REPORT}schema: "),
    "a stream that was cut": ("\n".join(_BEFORE)[:-9].encode(), f"{_NO_REPORT}the last line: it is cut off"),
    "a stream without its report": ("\n".join(_BEFORE[:-1]).encode(), f"{_NO_REPORT}the last line: the report"),
    "one line of a stream": (_BEFORE[0].encode(), f"{_NO_REPORT}the last line: the report"),
    "no observations": (_with("observations", value={}), f"{_NO_REPORT}observations: a list"),
    "a value that is not an observation": (_with("observations", 0, value=7), f"{_NO_REPORT}observations[0]: "),
    "an observation with a key more": (_with("observations", 0, "new", value=1), f"{_NO_REPORT}observations[0]: "),
    "an observation without its end": (_without("observations", 0, "status"), f"{_NO_REPORT}observations[0]: "),
    "an observation of another id": (
        _with("observations", 0, "id", value="\x1b[2J\u202e"),
        f"{_NO_REPORT}observations[0].id: ",
    ),
    "an observation that ended otherwise": (
        _with("observations", 0, "status", value="\x1b[2J"),
        f"{_NO_REPORT}observations[0].status: ",
    ),
    "facts of another kind": (
        _with("observations", 0, "facts", value={"\x1b[2J": "\u202e"}),
        f"{_NO_REPORT}observations[0].facts",
    ),
    "the same target twice": (_twice("targets"), "holds the target 'backup' twice"),
    "the same observation twice": (
        _twice("observations"),
        f"holds the observation {_SOUND['observations'][0]['id']!r}",
    ),
    "the same finding twice": (_twice("findings"), f"holds the finding {_SOUND['findings'][0]['id']!r} twice"),
    "an instant of the first day": (_with("run", "started_at", value="0001-01-01T00:00:00+14:00"), "run.started_at: "),
    "an instant without a zone": (_with("run", "started_at", value="2026-01-01T00:00:00"), "run.started_at: "),
    **{
        f"a key more in {_named(place) or 'it'}": (
            _with(*place, "\x1b[2J\u202e", value=1),
            f"{_NO_REPORT}{_named((*place, chr(27) + '[2J' + chr(0x202E)))}: there is no such key",
        )
        for place in _OBJECTS
    },
    **{
        f"no object for {_named(place)}": (
            _with(*place, value=[["\x1b[2J"]]),
            f"{_NO_REPORT}{_named(place)}: an object",
        )
        for place in _OBJECTS[1:]
    },
}
"""Contents of files that are not reports, each with the expected message."""

NO_REPORT_PLACES: Final = {
    **NO_FILES,
    "a file that is too large": (
        "{here}/sparse",
        f"is larger than {MAX_REPORT_BYTES >> 20} MiB, the limit of a report",
    ),
    "zeros without end": ("/dev/zero", f"is larger than {MAX_REPORT_BYTES >> 20} MiB, the limit of a report"),
    "a device without anything": ("/dev/null", "is empty"),
    "this process's memory": ("/proc/self/mem", "cannot be read: Input/output error"),
    "no name": ("", "cannot be read: "),
}
"""Paths that do not lead to a saved report."""


def of_reports() -> Iterator[Refused]:
    """For each argument that takes a saved report, calls with a file that is not one."""
    good = f"{{here}}/{GOOD}"
    wrong = {
        **{label: (path, why, "") for label, (path, why) in NO_REPORT_PLACES.items()},
        **{
            label: (f"{{here}}/no-report-{number}", why, f"{{here}}/no-report-{number}: ")
            for number, (label, (_, why)) in enumerate(NO_REPORTS.items())
        },
    }
    diagnosed, compared = _formats(), itertools.cycle(("text", "json"))
    for label, (path, *says) in wrong.items():
        for place, arguments, formats in (
            ("diagnose REPORT", (path,), diagnosed),
            ("diff OLD", (path, good), compared),
            ("diff NEW", (good, path), compared),
        ):
            wanted = next(formats)
            yield Refused(
                id=f"{place}: {label}",
                arguments=(place.split()[0], "--format", wanted, *arguments),
                says=tuple(filter(None, says)),
                format=wanted,
                unprivileged=label == "without leave",
            )
    calls: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
        ("diagnose", "redacted", ("{here}/redacted.json",), "the report was redacted"),
        ("diff", "OLD is redacted", ("{here}/redacted.json", good), "the old report was redacted"),
        ("diff", "NEW is redacted", (good, "{here}/redacted.json"), "the new report was redacted"),
        ("diagnose", "an unknown service", ("{here}/unknown-service.json",), "the report is about '\\x1b[2J"),
        ("diff", "nothing in common", (good, "{here}/elsewhere.json"), "no target in common: backup, backup-gateway"),
        ("diff", "nothing in common, the other way", ("{here}/elsewhere.json", good), "no target in common: \x1b[2J"),
        ("diagnose", "no argument", (), "Missing argument 'REPORT'"),
        ("diff", "no argument", (), "Missing argument 'OLD'"),
        ("diff", "one argument", (good,), "Missing argument 'NEW'"),
    )
    for command, label, words, message in calls:
        yield Refused(
            id=f"{command}: {label}", arguments=(command, "--format=json", *words), says=(message,), format="json"
        )


# --- Facts files -----------------------------------------------------------------------------------------------------

GOOD_FACTS: Final = "facts.json"
_NOW: Final = datetime.now(UTC).replace(microsecond=0)
_FACTS: Final[dict[str, Any]] = json.loads(dumps(facts(taken_at=_NOW)))
_NO_FACTS: Final = "is not a file of `backuplink facts` that this version understands: "


def _of(operation: str) -> int:
    """The index of a read's observation in the facts."""
    return next(
        number for number, observation in enumerate(_FACTS["observations"]) if observation["operation"] == operation
    )


def _observation_with(**changes: object) -> bytes:
    """The content of a facts file in which the observation of one read is changed."""
    observation = {**_FACTS["observations"][0], **changes}
    parts = (observation[name] for name in ("step", "target", "address", "port", "resolver", "operation"))
    observation["id"] = "/".join(str(part) for part in parts if part is not None)
    return _with("observations", 0, value=observation, of=_FACTS)


def _without_judgement(observation: Mapping[str, Any]) -> dict[str, Any]:
    """An observation of a report as a facts file has it: without the judgement."""
    return {name: value for name, value in observation.items() if name not in ("counts", "explained_by")}


NO_FACTS: Final[Mapping[str, tuple[bytes, str]]] = {
    "nothing": (b"", "is empty"),
    "a refusal": (
        refusal.dumps(refusal.of(FACTS.schema, "Missing option '--vpc'.")).encode(),
        "`backuplink facts` was refused, and wrote the reason instead of facts",
    ),
    "a program": (b"#!/bin/sh\necho 1\n", "is not JSON"),
    "escape codes": (b"\x1b[2J", "is not JSON"),
    "binary": (bytes(range(256)), "is not UTF-8 text"),
    "half a letter": (b'{"schema": "\xc3', "is not UTF-8 text"),
    "a surrogate in UTF-8": (b'"\xed\xa0\x80"', "is not UTF-8 text"),
    "UTF-16": (dumps(facts()).encode("utf-16"), "is not UTF-8 text"),
    "UTF-8 with its mark": (b"\xef\xbb\xbf" + json.dumps(_FACTS).encode(), "is not JSON: Unexpected UTF-8 BOM"),
    "cut off": (dumps(facts()).encode()[:-3], "is not JSON"),
    "cut in half": (dumps(facts()).encode()[:3_000], "is not JSON"),
    "two files in one": (dumps(facts()).encode() * 2, "is not JSON: Extra data"),
    "lists without end": (b"[" * 100_000, "is nested too deep"),
    "objects without end": (b'{"schema":' * 100_000, "is nested too deep"),
    "lists without end, among the observations": (
        _with("observations", value="X", of=_FACTS).replace(b'"X"', b"[%s%s]" % (b"[" * 100_000, b"]" * 100_000)),
        "is nested too deep",
    ),
    "a number of 5000 digits": (b'{"schema": ' + b"9" * 5_000 + b"}", "has a number with too many digits"),
    "no number": (
        _with("observations", 0, "seconds", value=float("nan"), of=_FACTS),
        f"{_NO_FACTS}observations[0].seconds: a finite number",
    ),
    "a number that is too large": (
        _with("observations", 0, "seconds", value="X", of=_FACTS).replace(b'"X"', b"-1e999"),
        f"{_NO_FACTS}observations[0].seconds: a finite number",
    ),
    "null": (b"null", f"{_NO_FACTS}schema: "),
    "a text": (b'"backuplink.ec2-facts.v1"', f"{_NO_FACTS}schema: "),
    "a list": (json.dumps([_FACTS]).encode(), f"{_NO_FACTS}schema: "),
    "an object": (b"{}", f"{_NO_FACTS}schema: "),
    "a report": (
        json.dumps(_SOUND).encode(),
        f"{_NO_FACTS}schema: this is not a backuplink.ec2-facts.v1 document, but a backuplink.report.v1 one",
    ),
    "EC2's own answer": (b'{"Vpcs": []}', f"{_NO_FACTS}schema: "),
    "a later form": (_with("schema", value="backuplink.ec2-facts.v2", of=_FACTS), f"{_NO_FACTS}schema: "),
    "a form that is not text": (_with("schema", value=["backuplink.ec2-facts.v1"], of=_FACTS), f"{_NO_FACTS}schema: "),
    **{f"without {key}": (_without(key, of=_FACTS), f"{_NO_FACTS}{key}: ") for key in _FACTS},
    "a key more": (_with("\x1b[2J\u202e", value=1, of=_FACTS), f"{_NO_FACTS}\x1b[2J\u202e: there is no such key"),
    "a text for the tool": (_with("tool", value="backuplink", of=_FACTS), f"{_NO_FACTS}tool: an object"),
    "no Region": (_with("region", value="\x1b[2J", of=_FACTS), f"{_NO_FACTS}region: the name of a Region"),
    "a Region of another kind": (_with("region", value=None, of=_FACTS), f"{_NO_FACTS}region: a text"),
    "no VPC": (_with("vpc_id", value="vpc-1; rm -rf /", of=_FACTS), f"{_NO_FACTS}vpc_id: the id of a VPC"),
    "an end in a line": (_with("vpc_id", value="vpc-0a1b2c3d\n", of=_FACTS), f"{_NO_FACTS}vpc_id: the id of a VPC"),
    "another VPC inside": (
        _with("vpc_id", value="vpc-0f1b2c3d", of=_FACTS),
        f"{_NO_FACTS}ec2/vpc: this is about the VPC vpc-0a1b2c3d, but the file is about vpc-0f1b2c3d",
    ),
    "no observations": (_with("observations", value={}, of=_FACTS), f"{_NO_FACTS}observations: a list"),
    "a value that is not an observation": (
        _with("observations", 0, value=["\x1b[2J"], of=_FACTS),
        f"{_NO_FACTS}observations[0]: an object",
    ),
    "an observation with a key more": (
        _with("observations", 0, "new", value=1, of=_FACTS),
        f"{_NO_FACTS}observations[0]: an object",
    ),
    "an observation of another id": (
        _with("observations", 0, "id", value="ec2/vpc", of=_FACTS),
        f"{_NO_FACTS}observations[0].id: ec2/endpoints belongs here",
    ),
    "an observation of another step": (_observation_with(step="api"), f"{_NO_FACTS}observations[0]"),
    "an observation of a run": (
        _with("observations", 0, value=_without_judgement(_SOUND["observations"][0]), of=_FACTS),
        f"{_NO_FACTS}observations[0].id: only EC2's answer to one of this version's reads belongs here",
    ),
    "an observation of a target": (
        _observation_with(target="backup"),
        f"{_NO_FACTS}observations[0].id: only EC2's answer to one of this version's reads belongs here",
    ),
    "an observation at an address": (
        _observation_with(address="10.0.0.1"),
        f"{_NO_FACTS}observations[0].id: only EC2's answer to one of this version's reads belongs here",
    ),
    "a read of a later version": (
        _observation_with(operation="instances"),
        f"{_NO_FACTS}observations[0].facts: this step and operation have no facts",
    ),
    "a read of a later version, not made": (
        _observation_with(
            operation="instances", status="skipped", skipped_because="x", facts=None, started_at=None, seconds=None
        ),
        f"{_NO_FACTS}observations[0].id: only EC2's answer to one of this version's reads belongs here",
    ),
    "facts of another read": (_observation_with(operation="vpc-dns"), f"{_NO_FACTS}observations[0].facts"),
    "the same read twice": (
        _twice("observations", of=_FACTS),
        f"{_NO_FACTS}observations: ec2/endpoints is there twice",
    ),
    "a port beyond all numbers": (
        _with(
            "observations", _of("security-groups"), "facts", "groups", 1, "rules", 0, "to_port", value="X", of=_FACTS
        ),
        f"{_NO_FACTS}observations[{_of('security-groups')}].facts.groups[1].rules[0].to_port: ",
    ),
    "a block with bits of a host": (
        _with("observations", _of("vpc"), "facts", "vpc", "cidrs", 0, value="10.0.0.1/8", of=_FACTS),
        f"{_NO_FACTS}observations[{_of('vpc')}].facts.vpc.cidrs[0]: an CIDR block belongs here",
    ),
    "an instant without a zone": (_with("taken_at", value="2026-01-01T00:00:00", of=_FACTS), f"{_NO_FACTS}taken_at: "),
    "an instant of the first day": (
        _with("taken_at", value="0001-01-01T00:00:00+14:00", of=_FACTS),
        f"{_NO_FACTS}taken_at: ",
    ),
}
"""Contents of files that are not facts files, each with the expected message."""

REPORTS: Final[Mapping[str, bytes]] = {
    GOOD: json_format.render(report_of("healthy")).encode(),
    "redacted.json": json_format.render(redact(report_of("private-dns-off"))).encode(),
    "unknown-service.json": _with("targets", 0, "service", value="\x1b[2J\u202e"),
    "elsewhere.json": _with("targets", value=[{**_SOUND["targets"][0], "id": "\x1b[2J\u202e"}]),
    **{f"no-report-{number}": content for number, (content, _) in enumerate(NO_REPORTS.values())},
    GOOD_FACTS: dumps(facts(taken_at=_NOW)).encode(),
    **{f"no-facts-{number}": content for number, (content, _) in enumerate(NO_FACTS.values())},
}
"""Files in a case's folder by name: reports, facts files, and files that are neither."""

NO_FACTS_PLACES: Final = {
    **NO_FILES,
    "a file that is too large": (
        "{here}/sparse",
        f"is larger than {MAX_FACTS_BYTES >> 20} MiB, the limit of a facts file",
    ),
    "zeros without end": ("/dev/zero", f"is larger than {MAX_FACTS_BYTES >> 20} MiB, the limit of a facts file"),
    "a device without anything": ("/dev/null", "is empty"),
    "this process's memory": ("/proc/self/mem", "cannot be read: Input/output error"),
    "stdin's sign": ("-", "cannot be read: No such file or directory"),
}
"""Paths that do not lead to facts."""


def of_facts() -> Iterator[Refused]:
    """Calls with a file that is not a facts file, for each way to name the file. Further calls have facts of another
    Region than the run's, or a facts file for a run that does not use facts.
    """
    good = f"{{here}}/{GOOD_FACTS}"
    wrong = {
        **NO_FACTS_PLACES,
        **{label: (f"{{here}}/no-facts-{number}", why) for number, (label, (_, why)) in enumerate(NO_FACTS.items())},
    }
    formats = _formats()
    for label, (path, why) in wrong.items():
        for place in ("flag", "variable", "file"):
            if place == "file" and "{here}" in path:
                continue  # the message about a configuration file is the exception's text
            wanted = next(formats)
            asked = {"flag": ("--ec2-facts", path), "file": ("--config", CONFIG), "variable": ()}[place]
            yield Refused(
                id=f"--ec2-facts by {place}: {label}",
                arguments=("check", "--format", wanted, *asked),
                says=(path, why),
                format=wanted,
                environment={"BACKUPLINK_EC2_FACTS": path} if place == "variable" else {},
                config=f'ec2-facts = "{path}"\n'.encode() if place == "file" else None,
                unprivileged=label == "without leave",
            )
    for label, (path, why) in wrong.items():
        wanted = "json"
        yield Refused(
            id=f"predict --ec2-facts: {label}",
            arguments=("predict", "--format", wanted, "--ec2-facts", path),
            says=(path, why),
            format=wanted,
            unprivileged=label == "without leave",
        )
    yield Refused(
        id="--ec2-facts: a pipe to which nobody writes",
        arguments=("check", "--ec2-facts", "{here}/pipe", "--format", "json"),
        says=("{here}/pipe: cannot be read: it does not end within 5 s",),
        format="json",
    )
    for flag, option, value in (("--no-ec2", "--ec2", "auto"), ("--no-api", "--calls", "one")):
        name = flag.removeprefix("--")
        ways: tuple[tuple[str, tuple[str, ...], dict[str, str], str | None], ...] = (
            ("by flag", (flag, option, value), {}, None),
            ("by variable", (option, value), {f"BACKUPLINK_{name.replace('-', '_').upper()}": "1"}, None),
            ("by file", ("--config", CONFIG), {}, f'{name} = true\n{option.removeprefix("--")} = "{value}"\n'),
            ("by file and by flag", ("--config", CONFIG, flag), {}, f'{option.removeprefix("--")} = "{value}"\n'),
        )
        for label, arguments, environment, config in ways:
            yield Refused(
                id=f"{flag} and {option} {value} {label}",
                arguments=("check", "--format=json", *arguments),
                says=(f"{flag} and {option} {value} exclude each other",),
                format="json",
                environment=environment,
                config=None if config is None else config.encode(),
            )
    for source, arguments, environment, config in (
        ("--region", ("--region", "eu-west-2"), {}, None),
        ("--region", (), {"BACKUPLINK_REGION": "eu-west-2"}, None),
        ("--region", ("--config", CONFIG), {}, 'region = "eu-west-2"\n'),
        ("AWS_REGION", (), {"AWS_REGION": "eu-west-2"}, None),
        ("AWS_DEFAULT_REGION", (), {"AWS_DEFAULT_REGION": "eu-west-2"}, None),
    ):
        yield Refused(
            id=f"--ec2-facts of another Region than {[*arguments[:1], *environment, source][0]}",
            arguments=("check", "--format=json", "--ec2-facts", good, *arguments),
            says=(f"{good}: has facts of the Region eu-west-1, but this run checks eu-west-2 (from {source})",),
            format="json",
            environment=environment,
            config=None if config is None else config.encode(),
        )
    for label, command, environment, config in (
        ("by flag", ("check", "--profile", "nope"), {}, None),
        ("by variable", ("check",), {"BACKUPLINK_PROFILE": "nope"}, None),
        ("by file", ("check", "--config", CONFIG), {}, 'profile = "nope"\n'),
        ("of a watch", ("watch", "--profile", "nope", "--cycles", "1"), {}, None),
        ("of facts", ("facts", *_needed("facts"), "--profile", "nope"), {}, None),
    ):
        yield Refused(
            id=f"a profile that is not there {label}",
            arguments=command,
            format="json" if command[0] == "facts" else "text",
            says=("the config files of the AWS SDK have no profile 'nope'",),
            environment=environment,
            config=None if config is None else config.encode(),
        )
    calls: tuple[tuple[str, tuple[str, ...], dict[str, str], str], ...] = (
        ("no VPC and no Region", (), {}, "no Region is known: name one with --region, AWS_REGION or the SDK's"),
        ("no Region", _needed("facts"), {}, "no Region is known: name one with --region, AWS_REGION or the SDK's"),
        ("a bad AWS_REGION", _needed("facts"), {"AWS_REGION": "Frankfurt"}, "AWS_REGION is 'Frankfurt', which is not"),
        ("a bad variable", _needed("facts"), {"BACKUPLINK_TIMEOUT": "soon"}, "'--timeout'"),
        ("no such profile", _needed("facts"), {"AWS_PROFILE": "nope"}, "the SDK's settings cannot be read: "),
    )
    for label, words, environment, message in calls:
        yield Refused(
            id=f"facts: {label}", arguments=("facts", *words), says=(message,), environment=environment, format="json"
        )


def of_predictions() -> Iterator[Refused]:
    """Inputs from which no prediction can be made, and targets for which there is no prediction."""
    good = ("--ec2-facts", f"{{here}}/{GOOD_FACTS}")
    policy = "vpce-0badbad0:policy="
    calls: tuple[tuple[str, tuple[str, ...], str], ...] = (
        ("nothing to predict from", (), "--ec2-facts and --vpc are missing: name one of them"),
        ("two things", (*good, "--vpc", A_VPC), "--ec2-facts and --vpc exclude each other; leave one of them out"),
        ("a Region for a file", (*good, "--region", "eu-west-1"), "--region says how to read EC2, but --ec2-facts"),
        ("a profile for a file", (*good, "--profile", "x"), "--profile says how to read EC2, but --ec2-facts"),
        ("an unknown subnet", (*good, "--from", "subnet-0badbad0"), "--from: subnet-0badbad0 is not in vpc-0a1b2c3d"),
        ("an unknown interface", (*good, "--from", "eni-0badbad0"), "--from: eni-0badbad0: the interfaces of"),
        (
            "a change of no rule",
            (*good, "--assume", "sg-0badbad0:+in:tcp:443"),
            "a change of such a resource has another form",
        ),
        ("a change of nothing", (*good, "--assume", "sg-0badbad0:+in:tcp:443:10.0.0.0/16"), "it is not in the config"),
        ("an unknown instance", (*good, "--from", "i-0badbad0"), "--from: i-0badbad0: the interfaces of"),
        ("a plan without a name", (*good, "--assume-plan", ""), "'--assume-plan': '' is not the path of a file"),
        ("no file of a policy", (*good, "--assume", f"{policy}nope.json"), "--assume: nope.json: cannot be read: No "),
        (
            "no policy",
            (*good, "--assume", f"{policy}{{here}}/{GOOD_FACTS}"),
            "this is not a policy that AWS would take: it has",
        ),
        ("a folder as policy", (*good, "--assume", f"{policy}{{here}}"), "cannot be read: Is a directory"),
        (
            "no file of a plan",
            (*good, "--assume-plan", "nope.json"),
            "--assume-plan: nope.json: cannot be read: No such",
        ),
        (
            "no plan",
            (*good, "--assume-plan", f"{{here}}/{GOOD_FACTS}"),
            "is neither a plan of Terraform (terraform show",
        ),
        ("a kind of another provider", (*good, "--harmless", "random_id"), "'random_id' is not the kind of a resource"),
        ("no file of intents", (*good, "--intent", "nope.toml"), "--intent: nope.toml: cannot be read: No such"),
        ("no intents", (*good, "--intent", f"{{here}}/{GOOD_FACTS}"), "is not TOML"),
        ("a folder as plan", (*good, "--assume-plan", "{here}"), "cannot be read: Is a directory"),
    )
    for (label, words, message), wanted in zip(calls, itertools.cycle(PREDICTION.formats)):
        yield Refused(
            id=f"predict: {label}", arguments=("predict", *words, "--format", wanted), says=(message,), format=wanted
        )
    audits: tuple[tuple[str, tuple[str, ...], str], ...] = (
        (
            "a Region for a file",
            (*good, "--region", "eu-west-1"),
            "--region says what to read from EC2, but --ec2-facts",
        ),
        (
            "all Regions for a file",
            (*good, "--all-regions"),
            "--all-regions says what to read from EC2, but --ec2-facts",
        ),
        ("a VPC for a file", (*good, "--vpc", A_VPC), "--vpc says what to read from EC2, but --ec2-facts"),
        (
            "a role for a file",
            (*good, "--role-arn", A_ROLE),
            "--role-arn says what to read from EC2, but --ec2-facts",
        ),
        ("one Region and all", ("--region", "eu-west-1", "--all-regions"), "--region and --all-regions exclude each"),
        (
            "two kinds of roles",
            ("--role-arn", A_ROLE, "--organization-role", "x"),
            "--role-arn and --organization-role",
        ),
        ("no such profile", ("--profile", "nope"), "the config files of the AWS SDK have no profile 'nope'"),
        ("a file that is not there", ("--ec2-facts", "{here}/nowhere"), "{here}/nowhere: cannot be read: No such file"),
        ("a file of another kind", ("--ec2-facts", CONFIG), f"{CONFIG}: is not JSON"),
        ("a Region for a saved audit", ("--show", CONFIG, "--region", "eu-west-1"), "--region says what is audited"),
        ("facts for a saved audit", ("--show", CONFIG, *good), "--ec2-facts says what is audited"),
        ("another saved audit beside one", ("--show", CONFIG, "--against", CONFIG), "--against says what is audited"),
        ("not a saved audit", ("--show", CONFIG), f"{CONFIG}: is not JSON"),
        ("not an earlier audit", (*good, "--against", CONFIG), f"{CONFIG}: is not JSON"),
    )
    for (label, words, message), wanted in zip(audits, itertools.cycle(OF_AUDITS)):
        yield Refused(
            id=f"audit: {label}",
            arguments=("audit", *words, "--format", wanted),
            says=(message,),
            format=wanted,
            config=b"[check]\n",
        )
    yield Refused(id="schema: of nothing", arguments=("schema", "nope"), says=("'nope' is not one of 'report'",))


def of_histories() -> Iterator[Refused]:
    """Calls with a file that is not a history. Files that are nearly histories are in tests/agent/history."""
    for label, path, message in (
        ("a file that is not there", "{here}/nowhere", "{here}/nowhere: No such file or directory"),
        ("a folder", "{here}", "{here}: Is a directory"),
        ("a file of something else", CONFIG, f"{CONFIG}: is not a history of backuplink; it is left as it is"),
    ):
        yield Refused(
            id=f"history: {label}",
            arguments=("history", path, "--format", "json"),
            says=(message,),
            format="json",
            config=b"[check]\n",
        )


def of_bundles() -> Iterator[Refused]:
    """Calls that must create an archive. An archive has no format, so the refusal has the format that the variable
    sets.
    """
    for label, words, message in (
        (
            "a report that is not there",
            ("{here}/nowhere",),
            "{here}/nowhere: cannot be read: No such file or directory",
        ),
        ("a file that is not a report", (CONFIG,), f"{CONFIG}: is not JSON"),
        ("a history that is not there", ("--history", "{here}/nowhere"), "{here}/nowhere: No such file or directory"),
        ("a file that is not a history", ("--history", CONFIG), f"{CONFIG}: is not a history of backuplink"),
        ("a case and a file", ("--case", "--output", "x"), "--output is for an archive, which --case does not write"),
        ("a report and a Region", (CONFIG, "--region", "eu-west-1"), "--region is for a new run, but REPORT names"),
        (
            "a history and a deadline",
            ("--history", "h", "--deadline", "9"),
            "--deadline is for a new run, but --history",
        ),
        ("no such profile", ("--profile", "nope"), "the config files of the AWS SDK have no profile 'nope'"),
    ):
        yield Refused(
            id=f"bundle: {label}",
            arguments=("bundle", *words),
            says=(message,),
            environment={"BACKUPLINK_FORMAT": "json"},
            format="json",
            config=b"[check]\n",
        )


ARGUMENTS: Final = {
    ("demo", "scenario"),
    ("explain", "code"),
    ("diagnose", "report_file"),
    ("diff", "old"),
    ("diff", "new"),
    ("history", "file"),
    ("bundle", "report_file"),
    ("schema", "document"),
    ("tui", "report_file"),
    ("fleet", "places"),
    ("fleet pack", "places"),
    ("fleet put", "report_file"),
    ("fleet put", "destination"),
    ("fleet athena", "action"),
}
"""The arguments of commands that have cases here. The arguments of the interface are tested on a terminal, since it
reads nothing without one. The arguments of a fleet are tested elsewhere (tests/agent/app/test_fleet_command.py,
tests/agent/fleet/test_pack.py, tests/agent/fleet/test_put.py).
"""


def _of_calls() -> Iterator[Refused]:
    """Calls that are wrong."""
    for command in ("check", "watch", "demo", "diagnose", "facts", "bundle"):
        yield from by_flag(command, frozenset(options_of(command)))
    yield from by_flag("predict", frozenset(options_of("predict")) - {"format"}, PREDICTION.formats)
    yield from by_flag("audit", frozenset(options_of("audit")) - {"format"}, OF_AUDITS)
    yield from by_flag("fleet", frozenset(options_of("fleet")) - {"format"}, ("text", "json"))
    yield from by_variable()
    yield from by_file()
    yield from of_commands()


def _of_what_they_name() -> Iterator[Refused]:
    """Calls that are right, but name an object that does not exist or has the wrong kind."""
    yield from of_scenarios()
    for name in ("check", "watch", "demo", "diagnose"):
        yield from of_files((name,), "--config", "BACKUPLINK_CONFIG")
    yield from of_histories()


def _all() -> Iterator[Refused]:
    yield from (replace(case, names_help=True) for case in _of_calls())
    yield from (replace(case, names_help=False) for case in _of_what_they_name())
    yield from of_tables()
    yield from of_pairs()
    yield from of_configurations()
    yield from of_codes()
    yield from of_reports()
    yield from of_facts()
    yield from of_bundles()
    yield from of_predictions()


REFUSED: Final = tuple(_all())


# --- A place for the document that takes none ------------------------------------------------------------------------

NO_PLACES: Final = {
    "a folder": ("{here}/folder", "Is a directory"),
    "a folder by its slash": ("{here}/folder/", "Is a directory"),
    "the root": ("/", "Is a directory"),
    "here": (".", "Is a directory"),
    "in a folder that is not there": ("{here}/nowhere/x", "No such file or directory"),
    "below a file": ("{here}/empty/x", "Not a directory"),
    "a full device": ("/dev/full", "No space left on device"),
    "a link to itself": ("{here}/circle", "Too many levels of symbolic links"),
    "a socket": ("{here}/socket", "No such device or address"),
    "a pipe that nobody reads": ("{here}/pipe", "no process reads from this pipe"),
    "a name that is too long": (f"{{here}}/{'x' * 256}", "File name too long"),
    "a path that is too long": (f"/{'x/' * 2_047}x", "File name too long"),
    "a file system that takes none": ("/proc/new.json", "No such file or directory"),
    "a file of the kernel": ("/proc/version", "No such file or directory"),
    "a folder with escape codes": ("{here}/\x1b[2J\u202e", "Is a directory"),
    "escape codes, in no folder": ("{here}/nowhere/\x1b]0;x\x07\nError: none", "No such file or directory"),
    "no UTF-8, in no folder": ("{here}/nowhere/\udcff", "No such file or directory"),
    "a folder without leave": ("{here}/new.json", "Permission denied"),
}
"""Paths to which no document can be written, each with the system's error message."""


@dataclass(frozen=True, kw_only=True)
class Unwritten:
    """A run whose document cannot be written to its file."""

    id: str
    path: str
    why: str
    format: str
    place: str


UNWRITTEN: Final = tuple(
    Unwritten(id=f"--output by {place}: {label}", path=path, why=why, format=wanted, place=place)
    for (label, (path, why)), wanted in zip(NO_PLACES.items(), itertools.cycle(OPTION_NAMES), strict=False)
    for place in ("flag", "variable")
    if not (place == "variable" and label == "a pipe that nobody reads")  # each of these cases waits two seconds
)


# --- What the SDK on this host is set to -----------------------------------------------------------------------------

NO_BUNDLES: Final = {
    "not there": "{here}/nowhere",
    "empty": "{here}/empty",
    "a folder without certificates": "{here}/folder",
    "no certificates": "{here}/text.pem",
    "no text": "{here}/binary.pem",
    "half a certificate": "{here}/half.pem",
    "a key": "{here}/key.pem",
    "a link to itself": "{here}/circle",
    "a link to nothing": "{here}/dangling",
    "nothing without end": "/dev/null",
    "zeros without end": "/dev/zero",
    "a socket": "{here}/socket",
    "a name that is too long": f"{{here}}/{'x' * 256}",
    "a name with escape codes": "{here}/\x1b]0;x\x07\nError: none",
    "a name that is not UTF-8": "{here}/\udcff",
}
BUNDLES: Final[Mapping[str, bytes]] = {
    "text.pem": b"this is not a certificate\n" * 1_000,
    "binary.pem": bytes(range(256)) * 1_000,
    "half.pem": b"-----BEGIN CERTIFICATE-----\nMIIB\n",
    "key.pem": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
}
SHARED: Final[Mapping[str, bytes]] = {
    "not-ini": b"region: eu-west-1\n",
    "binary": bytes(range(256)) * 100,
    "not-utf8": b"[default]\nregion = \xff\xfe\n",
    "half-section": b"[default\nregion = eu-west-1\n",
    "twice": b"[default]\nregion = eu-west-1\n[default]\nregion = eu-west-1\nregion = x\n",
    "nested": b"[default]\nregion =\n  a = b\n",
    "json": b'{"profile": "default"}',
}
"""Contents of the SDK's shared config file."""


def _set(name: str, label: str, value: str, code: int, *codes: str, hides: str | None = None) -> Measured:
    flag = name.startswith("-")
    return Measured(
        id=f"{name}: {label}",
        exit=code,
        codes=codes,
        arguments=(name, value) if flag else (),
        environment={} if flag else {name: value},
        hides=hides,
    )


def _settings() -> Iterator[Measured]:
    for label, path in NO_BUNDLES.items():
        for variable in ("--ca-bundle", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
            yield _set(variable, label, path, 2, "TLS008")
    for variable in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        yield _set(variable, "set to nothing", "", 2, "TLS008")
    yield _set("BACKUPLINK_CA_BUNDLE", "not there", "{here}/nowhere", 2, "TLS008")
    yield _set("--ca-bundle", "a pipe to which nobody writes", "{here}/pipe", 2, "TLS008")
    # The SDK makes no call if the profile that it names does not exist.
    yield _set("AWS_PROFILE", "unknown", "nope", 2, "ENV018", "API010")
    yield _set("AWS_PROFILE", "a path", "../x", 2, "ENV018", "API010")
    yield _set("AWS_PROFILE", "4096 characters", "x" * 4_096, 2, "ENV018", "API010")
    for label in ("a space", "escape codes", "lines", "bidi", "no UTF-8", "100 kB"):
        yield _set("AWS_PROFILE", label, ANYWHERE[label], 2, "ENV018", "API010")
    # It makes no call with an impossible Region either. The run itself gets its Region from --region.
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        for label in (*(label for label in ANYWHERE if label not in ("nothing", "NUL")), "a zone"):
            yield _set(name, label, ANYWHERE.get(label, "eu-west-1a"), 2, "ENV018")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        for label in SHARED:
            # A nested setting does not affect the credentials.
            yield _set(name, label, f"{{here}}/{label}", 2, "ENV018", *(() if label == "nested" else ("API010",)))
        for label in (
            "a folder",
            "a link to itself",
            "a socket",
            "a name that is too long",
            "a name that is not UTF-8",
        ):
            yield _set(name, label, NO_FILES[label][0], 0)
        yield _set(name, "a pipe", "{here}/pipe", 0)
        yield _set(name, "zeros without end", "/dev/zero", 0)
    for label, value in (
        ("no host", "http://"),
        ("no scheme", "proxy.example"),
        ("nothing but a scheme", "garbage.example://"),
        ("half an address", "http://["),
        ("a port out of range", "http://proxy.example:99999"),
        ("letters for a port", f"http://me:{SECRET}@proxy.example:port"),
        ("escape codes", f"http://me:{SECRET}@\x1b[2J/"),
        ("no UTF-8", "http://\udcff"),
        ("100 kB", f"http://me:{SECRET}@{'x' * LONG}"),
        ("many signs", f"http://a@b:{SECRET}@c@d.example"),
    ):
        yield _set("HTTPS_PROXY", label, value, 2, "ENV007", "HTTP003", hides=SECRET)
    for label, value in (
        ("no URL", "banana.example"),
        ("no host", "https://"),
        ("half an address", "https://["),
        ("a port out of range", "https://x.example:99999"),
        ("another scheme", "ftp://x.example"),
        ("a password", f"https://me:{SECRET}@x.example"),
        ("a password without a scheme", f"me:{SECRET}@x.example"),
        ("escape codes", "https://\x1b[2J"),
    ):
        yield _set("AWS_ENDPOINT_URL_BACKUP", label, value, 2, "ENV005", "DNS003", hides=SECRET)
    for label in ("a path", "escape codes"):
        for name in (
            *("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"),
            *("AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE", "AWS_DEFAULTS_MODE", "AWS_DATA_PATH", "NO_PROXY", "RES_OPTIONS"),
        ):
            yield _set(name, label, ANYWHERE[label], 0)
        for name in (
            *("AWS_METADATA_SERVICE_TIMEOUT", "AWS_METADATA_SERVICE_NUM_ATTEMPTS"),
            *("AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"),
        ):
            yield _set(name, label, ANYWHERE[label], 1, "API010")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        for label in ("a space", "lines", "escape codes", "no UTF-8", "emoji"):
            yield _set(name, label, ANYWHERE[label], 1, "API010")
    yield _set("AWS_ACCESS_KEY_ID", "nothing", "", 1, "API001")
    yield _set("AWS_SECRET_ACCESS_KEY", "nothing", "", 1, "API010")


MEASURED: Final = tuple(_settings())
