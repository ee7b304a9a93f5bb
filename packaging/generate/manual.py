"""Generate the manual pages and the shell completions that packages install, from the commands and options of the
program."""

import re
from collections.abc import Iterator
from typing import Any

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from agent.cli import main as cli
from agent.version import __version__

FOLDER = "packaging/packages"
CONFIGURATION = "/etc/backuplink/backuplink.toml"
VARIABLES = "/etc/backuplink/environment"

EXIT_STATUS = (
    ("0", "ok"),
    ("1", "warning"),
    ("2", "critical"),
    ("3", "unknown: the run could not tell, or the call was wrong; even then a valid document is written"),
    ("129, 130, 143", "interrupted by SIGHUP, SIGINT, SIGTERM"),
)
FILES = (
    (CONFIGURATION, "The configuration of the services (`--config`). All users can read it."),
    (VARIABLES, "Variables with secrets, such as BACKUPLINK_NOTIFY, for the services. Only root can read it."),
)
ENVIRONMENT = (
    ("BACKUPLINK_NAME", "Any option of a run, such as BACKUPLINK_REGION for `--region`. Options win over it."),
    (
        "AWS_REGION, AWS_PROFILE, AWS_CA_BUNDLE, AWS_ENDPOINT_URL_BACKUP, ...",
        "The settings of the AWS SDK have the same effect as in the SDK.",
    ),
    ("NO_COLOR", "Switches colours off if it is set."),
    ("PAGER", "Shows the pages of `explain`."),
)


def roff(text: str) -> str:
    """A paragraph for man(7): characters that would be markup are escaped, and words in backticks become bold."""
    escaped = re.sub(r"\s+", " ", text.strip()).replace("\\", r"\e").replace("-", r"\-")
    bold = re.sub(r"`([^`]+)`", r"\\fB\1\\fP", escaped)
    return rf"\&{bold}" if bold.startswith((".", "'")) else bold


def paragraphs(text: str) -> Iterator[str]:
    """The paragraphs of a command's help, as lines of man(7)."""
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        yield ".PP"
        yield roff(paragraph)


def entries(rows: Iterator[tuple[str, str]] | tuple[tuple[str, str], ...]) -> Iterator[str]:
    """Terms, each with its meaning, as lines of man(7)."""
    for term, meaning in rows:
        yield ".TP"
        yield rf"\fB{roff(term)}\fP"
        yield roff(meaning)


def examples(command: click.Command) -> Iterator[str]:
    """The examples in a command's help. Each is a line for a shell."""
    yield ".nf"
    for example in getattr(command, "examples", ()):
        yield roff(example)
    yield ".fi"


def title(name: str, section: int, summary: str) -> list[str]:
    """The head of a page. It has no date, so that the same program always gives the same bytes."""
    kind = {1: "User Commands", 5: "File Formats"}[section]
    return [
        r".\" Written by ./dev docs from the program itself; edit there.",
        f'.TH {roff(name.upper())} {section} "" "backuplink {__version__}" "{kind}"',
        ".SH NAME",
        rf"{roff(name)} \- {roff(summary)}",
    ]


def first_sentence(command: click.Command) -> str:
    """What a command does, for the name line of its page: without a capital and a full stop."""
    text = re.sub(r"\s+", " ", (command.help or "").strip()).partition(". ")[0].partition(": ")[0].rstrip(".")
    return text[:1].lower() + text[1:]


def options_of(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """Each option with its help."""
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            yield record


def context_of(command: click.Command, **how: Any) -> click.Context:
    """The context in which the program reads a command's options, including -h. The first context of a command decides
    about -h for the rest of the process, so it must be this one."""
    settings = {**cli.main.context_settings, **how}
    whole = click.Context(cli.main, info_name="backuplink", **settings)
    return whole if command is cli.main else click.Context(command, info_name=command.name, parent=whole, **settings)


def command_page(name: str, command: click.Command) -> str:
    """backuplink(1), or the page of one of its commands."""
    whole = command is cli.main
    context = context_of(command)
    page = name if whole else page_of(name)
    usage = " ".join(["backuplink", *([] if whole else [name]), *command.collect_usage_pieces(context)])
    lines = [*title(page, 1, first_sentence(command)), ".SH SYNOPSIS", rf"\fB{roff(usage)}\fP", ".SH DESCRIPTION"]
    lines += list(paragraphs(command.help or ""))[1:]  # no space before the first
    lines += [".SH OPTIONS", *entries(options_of(command, context))]
    if whole:
        rows = ((f"{other} ({page_of(other)}(1))", first_sentence(cli.main.commands[other])) for other in commands())
        lines += [".SH COMMANDS", *entries(rows)]
    if whole or has_file(command):
        lines += [".SH EXIT STATUS", *entries(EXIT_STATUS), ".SH ENVIRONMENT", *entries(ENVIRONMENT)]
        lines += [".SH FILES", *entries(FILES)]
    lines += [".SH EXAMPLES", *examples(command)]
    others = [f"{page_of(other)}(1)" for other in commands()] if whole else ["backuplink(1)"]
    if whole or has_file(command):
        others.append("backuplink.toml(5)")
    return "\n".join([*lines, ".SH SEE ALSO", roff(", ".join(others)), ""])


def page_of(command: str) -> str:
    """The name of a command's page."""
    return f"backuplink-{command.replace(' ', '-')}"


def commands() -> list[str]:
    """The names of all commands, in alphabetical order."""
    return sorted(cli.main.commands)


def has_file(command: click.Command) -> bool:
    """Whether options of a command can be set in a configuration file."""
    return any(parameter.name == "config" for parameter in command.params)


def in_file(option: click.Option) -> bool:
    """Whether an option can be set in a configuration file, and is for users."""
    return option.envvar is not None and option.name != "config" and not option.hidden


def keys() -> dict[str, tuple[click.Option, list[str]]]:
    """The keys of a configuration file: the option of each, and the commands that have it."""
    by_key: dict[str, tuple[click.Option, list[str]]] = {}
    for name in commands():
        command = cli.main.commands[name]
        for option in command.params if has_file(command) else ():
            if isinstance(option, click.Option) and in_file(option):
                by_key.setdefault(option.opts[0].removeprefix("--"), (option, []))[1].append(name)
    return by_key


def kind_of(option: click.Option) -> str:
    """The form of the value of a key."""
    if option.is_flag:
        return "true or false"
    if isinstance(option.type, click.Choice):
        one = " or ".join(f'"{choice}"' for choice in option.type.choices)
    else:
        one = "number" if option.type.name in ("seconds", "count") else "text"
    return f"list of {one}" if option.multiple else one


def default_of(option: click.Option) -> str:
    """The default of an option in words, which applies if the key is missing. Empty if the help does not show the
    default."""
    if isinstance(option.show_default, str):
        return option.show_default
    return str(option.default) if option.show_default else ""


def file_page() -> str:
    """The manual page backuplink.toml(5)."""
    everywhere = {name for _, names in keys().values() for name in names} - {"demo", "diagnose"}
    rows = []
    for key, (option, names) in sorted(keys().items()):
        users = [name for name in names if name in everywhere]
        alone = "" if everywhere <= set(names) else f" Only for {', '.join(f'`{name}`' for name in users)}."
        default = f" Default: {words}." if (words := default_of(option)) else ""
        rows.append((f"{key} = {kind_of(option)}", f"{option.help}{default}{alone}"))
    lines = [
        *title("backuplink.toml", 5, "settings of backuplink"),
        ".SH DESCRIPTION",
        roff(
            f"A TOML file that `backuplink` takes with `--config`; its services take {CONFIGURATION}. Each key is the "
            "option of that name. Options and variables win over it. A key that no command has is a mistake, and so "
            "is a value that its option refuses; a key that only another command has is ignored."
        ),
        ".SH KEYS",
        *entries(tuple(rows)),
        ".SH EXAMPLE",
        ".nf",
        'region = "eu\\-west\\-1"',
        'service = ["backup", "backup\\-gateway"]',
        'suppress = ["TCP007=backup\\-gateway"]',
        ".fi",
        ".SH SEE ALSO",
        roff(", ".join(["backuplink(1)", *(f"backuplink-{name}(1)" for name in sorted(everywhere))])),
        "",
    ]
    return "\n".join(lines)


def completion(kind: type[ShellComplete]) -> str:
    """The script that a shell sources. It asks the program itself for completions, by click's protocol."""
    completion_class = kind(cli.main, {}, "backuplink", "_BACKUPLINK_COMPLETE")
    return (
        ShellComplete.source(completion_class).strip() + "\n"
    )  # click's own method would start a bash on this machine


def for_fpath(script: str) -> str:
    """The script for zsh. It must only be installed into a folder of `fpath`. click's own script also supports
    `source`, but it completes only at the first key of a session: at the second key, the file is already loaded as a
    function."""
    functions, end, _ = script.partition("if [[ $zsh_eval_context[-1] == loadautofunc ]]")
    if not end:
        raise ValueError("click's script for zsh has another end than it had; see whether this is still needed")
    return f'{functions}_backuplink_completion "$@"\n'


OLD_BASH = (
    "# Older ones lack `complete -o nosort`, and would say so at each key.\n"
    "((BASH_VERSINFO[0] > 4 || (BASH_VERSINFO[0] == 4 && BASH_VERSINFO[1] >= 4))) || return 0\n\n"
)


def pages() -> dict[str, str]:
    """Every file, by its path from the root."""
    return {
        f"{FOLDER}/man/backuplink.1": command_page("backuplink", cli.main),
        **{f"{FOLDER}/man/{page_of(name)}.1": command_page(name, cli.main.commands[name]) for name in commands()},
        f"{FOLDER}/man/backuplink.toml.5": file_page(),
        f"{FOLDER}/completions/backuplink.bash": OLD_BASH + completion(BashComplete),
        f"{FOLDER}/completions/_backuplink": for_fpath(completion(ZshComplete)),
        f"{FOLDER}/completions/backuplink.fish": completion(FishComplete),
    }
