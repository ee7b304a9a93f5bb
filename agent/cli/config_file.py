"""The configuration file: its keys, and how its values become values of options."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from agent.app.errors import RequestError
from agent.cli.param_types import Parsed
from agent.process.files import TooLargeError, read_within
from probes.urls import masked_urls

MAX_CONFIG_BYTES: Final = 1 << 15
"""Maximum size of a configuration file in bytes. No person writes a file this large. For a single key of this size, the
TOML parser needs a second, and the time grows with the square of the size."""
CONFIG_SECONDS: Final = 5.0
"""Time limit in seconds for reading a configuration. It may be a pipe that another program writes to."""
FORMAT_SECONDS: Final = 0.3
"""Time limit in seconds for reading the format a second time, for a refusal. A file is read at once, and a pipe is
already empty."""
CONFIG_KEYS: Final = "agent.cli.config_keys"
"""Key in `Context.meta` for the keys in a configuration file, including keys for other commands."""


_TOML_TYPES: Final = {bool: "boolean", int: "integer", float: "float", str: "string", list: "array", dict: "table"}


def read_config(ctx: click.Context, param: click.Parameter, value: str | None) -> Path | None:
    """Read the configuration file before any other option is processed. Raises RequestError for a file that cannot be
    read or is not TOML, and UsageError for a setting in it that no option would take."""
    if value is None:
        return None
    path = Path(value)
    try:
        given = _load(path, CONFIG_SECONDS, () if ctx.obj is None else ctx.obj)
    except TooLargeError as error:
        raise RequestError(
            f"{path}: is larger than {MAX_CONFIG_BYTES} bytes, the limit of a configuration file"
        ) from error
    except OSError as error:
        raise RequestError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:  # errors of UTF-8 and TOML, and a number with more digits than Python reads
        raise RequestError(f"{path}: is not TOML: {error}") from error
    except RecursionError as error:
        raise RequestError(f"{path}: is nested too deeply") from error
    ctx.meta[CONFIG_KEYS] = tuple(given)
    ctx.default_map = {**(ctx.default_map or {}), **config_values(given, str(path), ctx)}
    return path


def _load(path: Path, seconds: float, received_signals: Sequence[str] = ()) -> dict[str, Any]:
    """Read and parse the file. Raises TooLargeError, OSError, ValueError, RecursionError and
    InterruptedBySignalError."""
    import tomllib

    data = read_within(path, most=MAX_CONFIG_BYTES, seconds=seconds, received_signals=received_signals)
    return tomllib.loads(data.decode("utf-8"))


def format_of_file(place: str) -> str | None:
    """Return the format that a configuration file sets, even if other settings in it are wrong. None if it sets no
    format, or cannot be read a second time."""
    try:
        wanted = _load(Path(place), FORMAT_SECONDS).get("format")
    except (TooLargeError, OSError, ValueError, RecursionError):
        return None
    return wanted if isinstance(wanted, str) else None


def config_values(given: Mapping[str, Any], place: str, ctx: click.Context) -> dict[str, Any]:
    """Return the values of a configuration file by parameter name, each checked like its option. One file is for all
    commands. Keys of other commands are checked, too, and then ignored. Raises UsageError with the file, the key and a
    valid value."""
    known = _keys(ctx.command)
    group = ctx.parent.command if ctx.parent is not None else None
    elsewhere: dict[str, click.Option] = {}
    for command in group.commands.values() if isinstance(group, click.Group) else ():
        if any(param.name == "config" for param in command.params):
            elsewhere |= _keys(command)
    values: dict[str, Any] = {}
    for key, value in given.items():
        option = known.get(key) or elsewhere.get(key)
        if option is None or option.name is None:
            import difflib

            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"this command has {', '.join(sorted(known))}."
            raise click.UsageError(f"{place}: {_shown(key)} is not a setting; {hint}", ctx)
        checked = _config_value(value, option, f"{place}: {key}", ctx)
        if key in known:
            values[option.name] = checked
    return values


def _keys(command: click.Command) -> dict[str, click.Option]:
    """Return the options of a command that a configuration file can set, by key. These are the options with a
    variable."""
    return {
        option.opts[0].removeprefix("--"): option
        for option in command.params
        if isinstance(option, click.Option) and option.envvar is not None and option.name != "config"
    }


def _config_value(value: Any, option: click.Option, place: str, ctx: click.Context) -> Any:
    if option.is_flag:
        if not isinstance(value, bool):
            raise click.UsageError(f"{place}: expected true or false, not {_shown(value, option)}.", ctx)
        return value
    if option.multiple:
        if not isinstance(value, list):
            raise click.UsageError(f"{place}: expected a list, not {_shown(value, option)}.", ctx)
        return [_config_scalar(item, option, place, ctx) for item in value]
    return _config_scalar(value, option, place, ctx)


def _config_scalar(value: Any, option: click.Option, place: str, ctx: click.Context) -> str:
    number = isinstance(option.type, Parsed) and option.type.name in ("seconds", "count")
    if number and isinstance(value, int | float) and not isinstance(value, bool):
        value = repr(value)
    elif not isinstance(value, str) or number:
        raise click.UsageError(
            f"{place}: expected a {'number' if number else 'string'}, not {_shown(value, option)}.", ctx
        )
    try:
        option.type.convert(value, option, ctx)
    except click.BadParameter as error:
        raise click.UsageError(f"{place}: {error.message}", ctx) from error
    return str(value)


def _shown(value: object, option: click.Option | None = None) -> str:
    """A value for a message. If the option may contain a secret, only the type of the value."""
    if option is not None and isinstance(option.type, Parsed) and option.type.is_secret:
        return f"a value of another type ({_TOML_TYPES.get(type(value), 'date or time')})"
    text = masked_urls(repr(value))
    return text if len(text) <= 60 else f"{text[:57]}..."
