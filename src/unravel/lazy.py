"""A click group that answers at once: commands of other packages load when called, faults print as one paragraph."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from unravel.errors import UnravelError

FAULT = 2


class Elsewhere(click.Command):
    """Stands in for a command of another module, with its one line of help, until it is called."""

    def __init__(self, name: str, place: str, short: str):
        super().__init__(name, short_help=short, add_help_option=False)
        self.place = place

    def load(self) -> click.Command:
        """The command itself. `place` is `module:name`."""
        module, _, attribute = self.place.partition(":")
        found = getattr(import_module(module), attribute)
        assert isinstance(found, click.Command)
        return found


class Commands(click.Group):
    """A group that knows of commands elsewhere and turns an `UnravelError` into a sentence and exit code 2."""

    def __init__(self, *args: Any, elsewhere: Mapping[str, tuple[str, str]] | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        for name, (place, short) in (elsewhere or {}).items():
            self.add_command(Elsewhere(name, place, short))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As ever, but the real command instead of its stand-in."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, Elsewhere) else command, rest

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; an expected fault ends it without a traceback."""
        try:
            return super().invoke(ctx)
        except UnravelError as fault:
            click.echo(click.style("✗ ", fg="red") + str(fault), err=True)
            ctx.exit(FAULT)
