"""Malformed options, on the command line and in variables, and malformed configuration files, for whole commands."""

import json
from random import Random
from typing import Final
from unittest.mock import patch

import click

from agent.app import gather_facts, watch_job
from agent.app.publish import KINDS, REPORT
from agent.cli.main import main
from agent.formats.registry import OPTION_NAMES
from agent.process.exit_codes import OK, UNKNOWN
from agent.report.model import Measurement
from agent.run import runner
from tests.hostile.fuzz.command import Command, Done, assert_documented, assert_is_plain, assert_reason, assert_refused
from tests.hostile.fuzz.mutation import BYTES, DEEP, TEXTS, spoilt_bytes, spoilt_text
from tests.support.runs import measurement_of

SECRET: Final = "hunter2"  # noqa: S105 - what no line may repeat
GOOD: Final = {
    "region": ("eu-west-1", "us-gov-west-1"),
    "service": ("backup", "backup-gateway"),
    "endpoint": (
        "vpce-0a1b2c3d4e5f67890-abcd1234.backup.eu-west-1.vpce.amazonaws.com",
        "backup=vpce-0a1b2c3d4e5f67890",
    ),
    "resolver": ("10.0.0.2", "fd00:ec2::253"),
    "expect": ("private", "any"),
    "private-cidr": ("100.64.0.0/10", "2001:db8::/32"),
    "timeout": ("1.5", "60"),
    "deadline": ("9", "30.5"),
    "ec2-facts": ("facts.json",),
    "profile": ("default",),
    "ca-bundle": ("roots.pem",),
    "suppress": ("DNS001", "TCP001=backup"),
    "fail-on": ("warning", "never"),
    "keep": ("30d", "12h"),
    "keep-size": ("1", "100"),
    "interval": ("10", "3600"),
    "cycles": ("1", "5"),
    "raise-after": ("1",),
    "clear-after": ("2",),
    "listen": ("9842", "127.0.0.1:9842", "[::1]:9842"),
    "on-change": (f"/bin/true {SECRET}",),
    "on-change-env": ("HOME",),
    "notify": (f"https://hooks.example.com/{SECRET}", f"http://127.0.0.1/{SECRET}"),
    "notify-template": ("template.json",),
    "partition": ("aws", "aws-cn"),
    "vpc": ("vpc-0a1b2c3d4e5f67890",),
    "config": ("backuplink.toml",),
}
"""Valid values of the options that take a value. The option `format` is treated separately, and no value here is the
name of an output file.
"""
WRITTEN: Final = ("output", "textfile", "history")
"""The options whose value is an output file. Their values here are only names in the command's own folder."""
COMMANDS: Final = ("check", "check", "check", "watch", "watch", "facts", "endpoints", "permissions", "diagnose", "tui")
_TOML_PIECES: Final = (
    *BYTES,
    b"x = " + b"[" * 20_000,
    *(
        b"\n[check]\n",
        b"[[a]]\n",
        b"a.b = 1\n",
        b'"""',
        b"''",
        b"nan",
        b"1979-05-27",
        b"\\u",
        b"\\ud800",
        b"# ",
        b" = ",
    ),
    *(b"[1, 2]", b"{a = 1}", b"true", b"0x10", b"1_0", b"inf"),
)
_TEMPLATE: Final = b'{"text": "$summary", "blocks": [{"type": "section", "text": "$text"}], "id": "$id"}'
_JSON_PIECES: Final = (*BYTES, *DEEP, b"$", b"${", b"$$", b"$nope", b"\\ud800", b"null", b"NaN", b"1e999", b", ", b": ")


async def _measured(*_: object, **__: object) -> Measurement:
    return measurement_of("private-dns-off")


def _options(command: str) -> list[str]:
    return [
        param.opts[0].removeprefix("--")
        for param in main.commands[command].params
        if isinstance(param, click.Option) and param.opts[0] not in ("--help", "--format")
    ]


def value_of(chance: Random, name: str) -> str:
    """A value for an option: a valid value, a spoilt one, or a value of another option."""
    good = chance.choice(GOOD.get(name, TEXTS))
    value = chance.choice((good, spoilt_text(chance, good), spoilt_text(chance, good), chance.choice(TEXTS)))
    if name in WRITTEN:
        return f"written-{value}".replace("/", "_")[:100]
    return value


def arguments(chance: Random, command: str) -> tuple[list[str], dict[str, str]]:
    """Options of a command, as arguments and variables."""
    words: list[str] = []
    variables: dict[str, str] = {}
    for name in chance.choices(_options(command), k=chance.randint(1, 3)):
        value = value_of(chance, name).replace("\0", "")
        match chance.randrange(8):
            case 0 | 1:
                variables[f"BACKUPLINK_{name.replace('-', '_').upper()}"] = value
            case 2:
                words.append(f"--{name}")  # a flag, or an option that lacks its value
            case _:
                words.append(f"--{name}={value}")
    if chance.randrange(8) == 0:
        words.append(chance.choice((spoilt_text(chance, "--region=eu-west-1"), *TEXTS)))
    return [word for word in words if word != "--help"], variables


def _called(command: Command, *words: str, environment: dict[str, str] | None = None) -> Done:
    """Call the command, which uses a stored run instead of measuring. `watch` and `facts` do nothing."""
    with (
        patch.object(runner, "measure", _measured),
        patch.object(watch_job, "watch_host", lambda *_, **__: OK),
        patch.object(gather_facts, "gather_facts_here", lambda *_, **__: OK),
    ):
        return command(*words, environment=environment)


def check_options(chance: Random, command: Command) -> None:
    """A call with malformed options is carried out, or refused with one line and a document whose status is UNKNOWN."""
    name = chance.choice(COMMANDS)
    words, variables = arguments(chance, name)
    wanted = chance.choice(OPTION_NAMES if name in ("check", "watch", "diagnose", "tui") else ("text", "json"))
    given = [name, f"--format={wanted}", *words] if name != "facts" else [name, *words]
    done = _called(command, *given, environment=variables)
    lenient = any("never" in word for word in (*words, *variables.values()))
    _assert_kept(command, done, name, wanted if name != "facts" else "json", lenient=lenient)


def check_configuration(chance: Random, command: Command) -> None:
    """A malformed configuration file is accepted, or refused like a malformed option."""
    names = [name for name in _options("watch") if name not in (*WRITTEN, "config") and name in GOOD]
    lines = [f"{name} = {_toml(chance, name)}\n" for name in chance.sample(names, 4)]
    content = "".join(lines).encode("utf-8", "surrogateescape")
    if chance.randrange(4):
        content = spoilt_bytes(chance, content, _TOML_PIECES)
    path = command.file("backuplink.toml", content)
    wanted = chance.choice(OPTION_NAMES)
    done = _called(command, "check", f"--config={path}", f"--format={wanted}")
    _assert_kept(command, done, "check", wanted, lenient=b"never" in content)


def check_template(chance: Random, command: Command) -> None:
    """A malformed template of a notice is accepted, or refused like a malformed option."""
    path = command.file("template.json", spoilt_bytes(chance, _TEMPLATE, _JSON_PIECES))
    words = ("watch", "--format=ndjson", f"--notify=https://hooks.example.com/{SECRET}", f"--notify-template={path}")
    _assert_kept(command, _called(command, *words), "watch", "ndjson", lenient=False)


def _toml(chance: Random, name: str) -> str:
    value = value_of(chance, name) if chance.randrange(4) == 0 else chance.choice(GOOD[name])
    text = json.dumps(value, ensure_ascii=False)
    return chance.choice((text, text, f"[{text}]", value))


HISTORY = b"SQLite format 3\0"
"""The beginning of a history, which is not a document (SQLite, Database File Format)."""


def _assert_kept(command: Command, done: Done, name: str, wanted: str, *, lenient: bool) -> None:
    """Assert the promises that every call keeps. No message contains the value of an option that may be a secret. The
    stored run is critical, so the exit code is 0 only if `lenient` is set.
    """
    assert SECRET not in done.out + done.err
    written = [path for path in command.folder.iterdir() if path.name.startswith("written-")]
    try:
        if done.code == UNKNOWN and done.err:
            # If the output file could not be written, the document is on stdout instead.
            if "; the report is on stdout" not in done.err:
                assert_refused(done, KINDS.get(name, REPORT), wanted)
            return
        assert_reason(done)
        is_elsewhere = any(not path.read_bytes().startswith(HISTORY) for path in written if path.is_file())
        if name in ("check", "diagnose") and not is_elsewhere:
            assert_documented(done, wanted, "never" if lenient and done.code == OK else "warning")
        else:
            assert_is_plain(done.out)
    finally:
        for path in written:
            path.unlink()
