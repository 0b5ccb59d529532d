"""Commands that are imported only when they are called, with our help layout and suggestions.

`trunkline --help` and completion stay fast because a group knows its commands by name, module
and one line of help; a test holds that line equal to the command's own.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from trunkline.cli import terminal


@dataclass(frozen=True)
class Entry:
    """Where a command lives: `trunkline.cli.MODULE.ATTRIBUTE`."""

    module: str
    summary: str
    attribute: str = "command"

    def load(self) -> click.Command:
        found = getattr(importlib.import_module(f"trunkline.cli.{self.module}"), self.attribute)
        assert isinstance(found, click.Command)
        return found


ARGUMENTS = {
    "site": "The site file; default: site.yaml in this directory.",
    "kind": "hosts, networks, bridges, ports, vms or containers.",
    "lab": "The lab's name; not needed while only one is up.",
}
"""What is said of arguments in `--help`."""

Sections = Mapping[str, Mapping[str, Entry]]


class Command(click.Command):
    """A command with the terminal's options and examples that keep their lines."""

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.examples = tuple(examples)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        *own, help_option = super().get_params(ctx)
        return [*own, *terminal.options(), help_option]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_options(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(formatter, self.examples)


class LazyGroup(click.Group):
    """A group that loads a command when it is needed."""

    def __init__(
        self, *arguments: Any, sections: Sections, examples: Sequence[str] = (), **named: Any
    ) -> None:
        super().__init__(*arguments, **named)
        self.sections = sections
        self.examples = tuple(examples)
        self.entries = {name: entry for part in sections.values() for name, entry in part.items()}

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        *own, help_option = super().get_params(ctx)
        return [*own, *terminal.options(), help_option]

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.entries.get(cmd_name)
        return None if entry is None else entry.load()

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name == "help" and name not in self.entries:
            args = [*args[1:], "--help"]
            if args == ["--help"]:
                terminal.echo(ctx.get_help())
                ctx.exit()
            name = args[0]
        if name not in self.entries and not name.startswith("-") and not ctx.resilient_parsing:
            hint = suggestion(name, self.entries) or f"commands: {', '.join(self.entries)}"
            raise click.UsageError(f"there is no command '{name}'; {hint}", ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.entries))
        for title, part in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), e.summary) for name, e in part.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(formatter, self.examples)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Complete names from the table: importing every command to read its help is slow."""
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        return [
            CompletionItem(name, help=entry.summary)
            for name, entry in self.entries.items()
            if name.startswith(incomplete)
        ]


def suggestion(wrong: str, right: Iterable[str]) -> str:
    """Return "did you mean ...?" for a mistyped name, or nothing.

    >>> suggestion("aply", ["plan", "apply"])
    "did you mean 'apply'?"
    """
    close = difflib.get_close_matches(wrong, list(right), n=1)
    return f"did you mean '{close[0]}'?" if close else ""


def write_options(
    command: click.Command, ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    """Write the command's own options, then those that every command takes."""
    own: list[tuple[str, str]] = []
    common: list[tuple[str, str]] = []
    for parameter in command.get_params(ctx):
        if isinstance(parameter, click.Argument):
            meaning = ARGUMENTS.get(parameter.name or "")
            record = (parameter.human_readable_name, meaning) if meaning else None
        else:
            record = parameter.get_help_record(ctx)
        if record is not None:
            (common if parameter.name in terminal.NAMES else own).append(record)
    width = max((len(first) for first, _ in own), default=0)
    for title, rows in (("Options", own), ("On every command", common)):
        with formatter.section(title):
            formatter.write_dl([(first.ljust(width), text) for first, text in rows])


def write_examples(formatter: click.HelpFormatter, examples: Sequence[str]) -> None:
    if examples:
        with formatter.section("Examples"):
            formatter.write_dl(list(_pairs(examples)), col_max=48)


def _pairs(examples: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Split `command  # what it does`."""
    for example in examples:
        command, _, meaning = example.partition("  # ")
        yield command, meaning
