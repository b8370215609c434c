"""Writes docs/commands.md from the parsers of the commands: `python -m mlspec.cli.reference docs/commands.md`."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

from mlspec.cli import exits
from mlspec.cli.dispatch import COMMANDS, module_of, parser_of
from mlspec.cli.options import add_common
from mlspec.markdown import table

HEAD = """\
# Commands

Written from the programs' own parsers by `make docs`; a test compares. `mlspec COMMAND --help` prints the same.

"""
CODES = (
    ("OK", "clean"),
    ("FOUND", "errors were found, or a gate or a test failed"),
    ("USAGE", "the command line was not understood"),
    ("NOT_COMPARED", "`diff`: a side could not be read or compared"),
    ("INTERNAL", "a fault of mlspec itself"),
    ("INPUT_OUTPUT", "a file could not be read or written"),
    ("LOCKED", "another run holds the project"),
    ("INTERRUPTED", "stopped by the keyboard"),
)


def page() -> str:
    """The whole page: a section a command, then what all take and how they end."""
    common = argparse.ArgumentParser(add_help=False)
    add_common(common)
    shared = {action.dest for action in common._actions}
    parts = [_section(name, shared) for name in COMMANDS]
    parts += ["## Common options\n\nEvery command takes these, unless it says otherwise above.\n\n" + _table(common._actions)]
    codes = [(str(getattr(exits, name)), text) for name, text in CODES]
    parts += ["## Exit codes\n\n" + table(("code", "meaning"), codes)]
    return HEAD + "\n\n".join(parts) + "\n"


def _section(name: str, shared: set[str]) -> str:
    module = import_module(module_of(name))
    parser = parser_of(name, module)
    # What a command has of its own under a common name is told with the command.
    other = {dest for dest, marker in (("format", "FORMATS"), ("fail_on", "FAIL_ON")) if hasattr(module, marker)}
    own = [action for action in parser._actions if action.dest not in (shared - other) | {"help"}]
    places = [_place(action) for action in own if not action.option_strings]
    usage = " ".join(["mlspec", name, *places, "[OPTIONS]"])
    lines = [f"## `{name}`", "", f"{COMMANDS[name][0].upper()}{COMMANDS[name][1:]}.", "", f"```sh usage\n{usage}\n```"]
    return "\n".join(lines) + (f"\n\n{_table(own)}" if own else "")


def _place(action: argparse.Action) -> str:
    name = _metavar(action)
    if action.nargs in ("*", "?"):
        return f"[{name}…]" if action.nargs == "*" else f"[{name}]"
    return f"{name}…" if action.nargs == "+" else name


def _metavar(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    return "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()


def _table(actions: list[argparse.Action]) -> str:
    return table(
        ("argument", "meaning"),
        [(_written(action), _help(action)) for action in actions if action.help not in (None, "", argparse.SUPPRESS)],
    )


def _written(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{_place(action)}`"
    value = "" if action.nargs == 0 else f" {_metavar(action)}"
    return ", ".join(f"`{option}{value}`" for option in action.option_strings)


def _help(action: argparse.Action) -> str:
    return (action.help or "") % {"default": action.default, "prog": "mlspec"}


def main() -> None:
    """Write the page to the given path."""
    Path(sys.argv[1] if len(sys.argv) > 1 else "docs/commands.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
