"""Finds the module of a command, parses its flags, runs it, and turns what can go wrong into an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlspec.cli import exits
from mlspec.cli.terminal import complain, err, out, wants_color

if TYPE_CHECKING:
    from types import ModuleType

COMMANDS = {
    "check": "find what is wrong with a spec",
    "fmt": "write a spec in its one canonical form",
    "migrate": "write specs in another edition, proven to mean the same",
    "explain": "what a code means, with an example of the fault and the cure",
    "diff": "what changed between two versions of a spec, and what it means",
    "comment": "keep one comment of a pull request up to date with a diff",
    "test": "run the tests of a spec: literal rows in, expected values out",
    "plan": "what a run would do, and why; by manifests: a run verifies artifacts too",
    "graph": "the stages of a spec, as Mermaid, DOT, JSON or a page",
    "doc": "a static site about a spec and its last run",
    "show": "a spec with every default, or a run",
    "compile": "write the files of a target",
    "explain-line": "the line of the spec that a line of a generated file comes from",
    "eject": "write the files of a target as your own, with comments that name their lines",
    "run": "run a spec",
    "parity": "run a spec on several targets and compare what they made",
    "serve": "answer requests with the released model",
    "score": "score a file with the released model",
    "monitor": "compare what is served with what was tested",
    "promote": "let an alias of the registry stand for the released package",
    "rollback": "let an alias of the registry stand again for the version before",
    "override": "release what gates refused, in the name of an approver, on record",
    "audit": "the log of runs, releases and overrides, and whether anybody changed it",
    "evidence": "a pack of what a run claims, each claim with the digests of what shows it; or check one",
    "init": "begin a project, from a data file if you have one",
    "infer": "print the blocks that describe a data file",
    "targets": "the targets that are installed",
    "lock": "pin the files that specs import, and their data, by digest",
    "schema": "the block kinds and fields of the language",
    "lsp": "answer an editor: the language server",
    "completion": "print the script that completes `mlspec` in a shell",
    "clean": "remove what no run needs any more",
}


def dispatch(arguments: list[str]) -> int:
    """Run one command; everything that it raises becomes a message and an exit code."""
    color = wants_color(sys.stderr, "--no-color" in arguments)
    try:
        if "--untrusted" in arguments:
            from mlspec.cli.untrusted import guarded

            return guarded(lambda: _safely(arguments, color))
        return _safely(arguments, color)
    except exits.CommandError as error:
        complain(error.message, expected=error.expected, found=error.found, help=error.help, color=color)
        return error.code


def _safely(arguments: list[str], color: bool) -> int:
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except exits.CommandError as error:
        complain(error.message, expected=error.expected, found=error.found, help=error.help, color=color)
        return error.code
    except KeyboardInterrupt:
        err("interrupted\n")
        return exits.INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe went away: nothing is left to say, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.INPUT_OUTPUT
    except MemoryError:
        complain("the memory is not enough for this spec", help="`--untrusted` limits it to 512 MiB", color=color)
        return exits.FOUND
    except OSError as error:
        complain(f"{error.filename or 'input or output'}: {error.strerror or error}", help=_way_out(error), color=color)
        return exits.INPUT_OUTPUT
    except Exception as error:
        return _internal(error, color)


def _way_out(error: OSError) -> str:
    """What somebody can do about a file or a disk that refuses."""
    import errno

    own: str = getattr(error, "way_out", "")
    return own or {
        errno.EACCES: "give yourself the right to it, or work in a folder of your own (`-C DIR`)",
        errno.EPERM: "give yourself the right to it, or work in a folder of your own (`-C DIR`)",
        errno.EROFS: "the disk is mounted read-only: work in a folder on another (`-C DIR`)",
        errno.ENOSPC: "make room on the disk; what is stored stays whole, and the same command goes on from there",
        errno.EDQUOT: "make room within the quota; what is stored stays whole, and the same command goes on from there",
        errno.EMFILE: "raise the limit of open files (`ulimit -n`)",
    }.get(error.errno or 0, "")


def _internal(error: Exception, color: bool) -> int:
    """A fault of mlspec itself: where to report it, and the traceback only for those who ask."""
    if os.environ.get("MLSPEC_DEBUG"):
        raise error
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = "" if place is None else f" ({os.path.basename(place.tb_frame.f_code.co_filename)}:{place.tb_lineno})"  # noqa: PTH119
    complain(
        f"a fault of mlspec itself: {type(error).__name__}: {error}{where}", color=color,
        help=f"report it at {exits.ISSUES} with the spec; MLSPEC_DEBUG=1 shows the traceback",
    )  # fmt: skip
    return exits.INTERNAL


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        out(usage())
        return exits.OK if arguments else exits.USAGE
    if arguments[0] in ("-V", "--version", "version"):
        from mlspec import __version__

        out(f"mlspec {__version__}\n")
        return exits.OK
    name, rest = _split(arguments)
    if name not in COMMANDS:
        from mlspec.spec.findings import nearest

        near = nearest(name, COMMANDS)
        raise exits.CommandError(f"there is no command `{name}`", expected=" ".join(COMMANDS), found=name,
                                 help=f"did you mean `mlspec {near}`?" if near else "`mlspec --help` lists them")  # fmt: skip
    module = import_module(module_of(name))
    options = parser_of(name, module).parse_args(rest)
    if options.folder:
        os.chdir(options.folder)
    code: int = module.run(options)
    return code


def module_of(name: str) -> str:
    """The module of a command: `explain-line` is `explain_line`."""
    return f"mlspec.cli.{name.replace('-', '_')}"


def _split(arguments: list[str]) -> tuple[str, list[str]]:
    """(command, its arguments); `-C DIR` may stand before the command."""
    if arguments[0] == "-C" and len(arguments) > 2:
        return arguments[2], [*arguments[3:], "-C", arguments[1]]
    return arguments[0], arguments[1:]


class _Formatter(argparse.HelpFormatter):
    """Help of a fixed width: asking the terminal would import shutil and all its compressors for every command."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=100)


def parser_of(name: str, module: ModuleType) -> argparse.ArgumentParser:
    """The parser of one command: its own flags and the common ones."""
    from mlspec.cli.options import FORMATS, add_common

    wanted: Any = module
    description = (wanted.__doc__ or "").strip().partition("\n")[0]
    parser = argparse.ArgumentParser(
        prog=f"mlspec {name}", description=description, allow_abbrev=False, formatter_class=_Formatter
    )
    wanted.arguments(parser)
    add_common(parser, getattr(wanted, "FORMATS", FORMATS), fail_on=not hasattr(wanted, "FAIL_ON"))
    return parser


def usage() -> str:
    """What `mlspec --help` prints."""
    width = max(map(len, COMMANDS))
    lines = ["usage: mlspec COMMAND [OPTIONS]", "", "commands:"]
    lines += [f"  {name.ljust(width)}  {text}" for name, text in COMMANDS.items()]
    return "\n".join([*lines, "", "`mlspec COMMAND --help` says more; `mlspec --version` prints the version", ""])
