"""The base classes of commands: their help, their refusals, and loading on demand."""

import importlib
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Final

import click

from agent.catalog.wording import listed
from agent.cli.help import COMMANDS, MAX_NAME, MAX_SUMMARY, MOST_IN_ONE_LIST, OPTIONS
from agent.process.output import to_stdout

ARGUMENTS: Final = "agent.cli.arguments"
"""The key in `Context.meta` under which the arguments of a command are kept."""


_MOST_NAMED: Final = 3
"""Maximum number of commands that a refusal names."""
_HYPHEN: Final = "\N{NON-BREAKING HYPHEN}"


class _Formatter(click.HelpFormatter):
    """Breaks lines only at blanks. Click would also break names such as backup-gateway and --ca-bundle."""

    def write_text(self, text: str) -> None:
        _paragraphs(text, self)

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = MAX_NAME, col_spacing: int = 2) -> None:
        super().write_dl([(term, text.replace("-", _HYPHEN)) for term, text in rows], col_max, col_spacing)

    def getvalue(self) -> str:
        return super().getvalue().replace(_HYPHEN, "-")


class Command(click.Command):
    """A command whose help is a document like any other. If the help cannot be written, the exit code says so. It keeps
    its arguments, so that a watch can read its settings again. Its help shows examples, and the options in groups."""

    def __init__(
        self, *args: Any, examples: tuple[str, ...] = (), lacks: Mapping[str, str] | None = None, **how: Any
    ) -> None:
        """`lacks` has options that people expect although this command does not have them, each with the reason."""
        super().__init__(*args, **how)
        self.examples = examples
        self._lacks = lacks or {}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[ARGUMENTS] = tuple(args)
        self._refuse_option_as_value(ctx, args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            hint = self._hint(ctx, error.option_name)
            raise click.UsageError(f"No such option {error.option_name!r}.{hint}", ctx) from error

    def _hint(self, ctx: click.Context, name: str) -> str:
        """Return why the command has no such option, or suggest what may be meant: an option of another command, the
        most similar option of this command, or `--version`."""
        import difflib

        if name in self._lacks:
            return f" {self._lacks[name]}"
        group = ctx.find_root().command
        others = group.commands if isinstance(group, click.Group) else {}
        have = [f"`backuplink {other}`" for other, command in others.items() if name in _names(command)]
        if len(have) > _MOST_NAMED:
            return f" {len(have)} other commands have it."
        if have:
            return f" {', '.join(have)} {'has' if len(have) == 1 else 'have'} it."
        near = difflib.get_close_matches(name, [*_names(self), "--version"], n=1)
        if near == ["--version"]:
            return " Did you mean 'backuplink --version'?"
        return f" Did you mean {near[0]!r}?" if near else ""

    def get_help(self, ctx: click.Context) -> str:
        formatter = _Formatter(width=ctx.terminal_width, max_width=ctx.max_content_width)
        self.format_help(ctx, formatter)
        return formatter.getvalue().rstrip("\n")

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_help_text(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                formatter.write("".join(f"  {example}\n" for example in self.examples))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        shown = [(option, row) for option in options if (row := option.get_help_record(ctx)) is not None]
        groups = OPTIONS if len(shown) > MOST_IN_ONE_LIST else ()
        left = dict(enumerate(shown))
        for title, names in groups:
            here = [(names.index(each.opts[0]), place) for place, (each, _) in left.items() if each.opts[0] in names]
            rows = [left.pop(place)[1] for _, place in sorted(here)]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
        with formatter.section("Options"):
            formatter.write_dl([row for _, row in left.values()])
        words = _variables([option for option, _ in shown if option is not self.get_help_option(ctx)])
        if words is not None:
            with formatter.section("Variables"):
                _paragraphs(words, formatter)

    def _refuse_option_as_value(self, ctx: click.Context, args: list[str]) -> None:
        """Raise UsageError if an option of this command is in the place of another option's value. Click would accept
        it: `--output --redact` would write an unmasked report to a file named `--redact`."""
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        names = {name for option in options for name in option.opts}
        valued = {name for option in options for name in option.opts if not option.is_flag}
        words = iter(args)
        for word in words:
            if word == "--":
                return
            if word in valued and next(words, "").partition("=")[0] in names:
                raise click.BadOptionUsage(word, f"Option {word!r} requires an argument.", ctx)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _show_help
        return option


class _Commands(MutableMapping[str, click.Command]):
    """Commands by name, each loaded when it is used."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = dict(modules)
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            command = getattr(importlib.import_module(self._modules[name]), name.replace(" ", "_"))
            if not isinstance(command, click.Command):
                raise TypeError(f"{self._modules[name]}.{name} is not a command: a wrong row of the table of commands")
            self._loaded[name] = command
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._modules[name] = type(command).__module__
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._modules[name]
        self._loaded.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


class Group(Command, click.Group):
    """A group that loads the module of a command when the command is used. In its module, a command has its own name.
    The name of a command may have two words, such as `fleet pack`."""

    def __init__(self, name: str | None = None, *, modules: Mapping[str, str], **how: Any) -> None:
        super().__init__(name, commands=_Commands(modules), **how)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        width = max(map(len, self.commands))
        for title, names in COMMANDS:
            with formatter.section(title):
                for name in names:
                    summary = self.commands[name].get_short_help_str(MAX_SUMMARY)
                    formatter.write(f"{'':{formatter.current_indent}}{name:{width}}  {summary}\n")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        words = " ".join(args[:2])
        if words in self.commands:
            return words, self.get_command(ctx, words), args[2:]
        return super().resolve_command(ctx, args)


def _paragraphs(text: str, formatter: click.HelpFormatter) -> None:
    """Write paragraphs at the full width of the help."""
    indent = " " * formatter.current_indent
    wrapped = click.wrap_text(text.replace("-", _HYPHEN), formatter.width, indent, indent, preserve_paragraphs=True)
    formatter.write(f"{wrapped}\n")


def _variables(options: Sequence[click.Option]) -> str | None:
    """Return which options of a command can be set by variables, and what takes precedence. None if no option can. The
    help says this only once, since a variable has the name of its option."""
    settable = [option for option in options if option.envvar]
    if not settable:
        return None
    others = [option.opts[0] for option in options if not option.envvar]
    if len(others) >= len(settable):
        which = listed([option.opts[0] for option in settable])
    else:
        which = f"Each option except {listed(others)}" if others else "Each option"
    shown = next((option for option in settable if "-" in option.opts[0][2:]), settable[0])
    has_file = any(option.name == "config" for option in options)
    return (
        f"{which} can also be set by an environment variable, BACKUPLINK_ and the option's name, such as "
        f"{shown.envvar} for {shown.opts[0]}. An option overrides its variable"
        f"{', and both override the file of --config' if has_file else ''}."
    )


def _names(command: click.Command) -> list[str]:
    """The names of a command's options."""
    return [name for param in command.params if isinstance(param, click.Option) for name in param.opts]


def _show_help(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        to_stdout(f"{context.get_help()}\n")
        context.exit()
