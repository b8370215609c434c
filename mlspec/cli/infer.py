"""Print a first spec that describes a data file."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.cli import exits
from mlspec.cli.terminal import out

if TYPE_CHECKING:
    from mlspec.cli.inference.guess import Guess, Guesses
    from mlspec.cli.inference.profile import Data


def arguments(parser: argparse.ArgumentParser) -> None:
    """FILE, `--label`."""
    parser.add_argument("file", metavar="FILE", help="csv, tsv, parquet or jsonl")
    parser.add_argument("--label", metavar="COLUMN", help="the column to predict (default: a guess)")


def run(options: argparse.Namespace) -> int:
    """Infer and print."""
    path = Path(options.file)
    out(inferred(path, os.path.relpath(path), options.label))
    return exits.OK


def inferred(path: Path, shown: str, label: str | None) -> str:
    """The spec of the file at `path`, in canonical form; `shown` is the path that the spec names."""
    from mlspec.cli.inference.draft import draft, identifier
    from mlspec.cli.inference.guess import NoLabelError, guess

    data = _profile(path)
    try:
        guesses = guess(data, label)
    except NoLabelError as error:
        names = ", ".join(column.name for column in data.columns)
        raise exits.CommandError(str(error), exits.FOUND, expected="a column of numbers, a bool, or a few categories", found=names,
                                 help="name it with `--label COLUMN`") from error  # fmt: skip
    _something_to_learn_from(guesses)
    return canonical(draft(data, guesses, shown, identifier(path.name.split(".")[0])))


def _something_to_learn_from(guesses: Guesses) -> None:
    """A file in which nothing is left beside the label makes no spec that checks; each column is told why it is no feature."""
    from mlspec.cli.inference.guess import is_protected

    inputs = [item for item in guesses.columns if item.role == "feature" and not is_protected(item.profile.name)]
    if inputs:
        return
    reasons = [(item.profile.name, _why_no_input(item)) for item in guesses.columns if item is not guesses.label]
    said = "; ".join(f"`{name}`: {why}" for name, why in [*reasons, *guesses.left_out])
    raise exits.CommandError(
        f"no column is left to learn `{guesses.label.profile.name}` from", exits.FOUND, expected="a column that is known before the label",
        found=said or "no other column", help="add columns to the file, or name another label with `--label COLUMN`",
    )  # fmt: skip


def _why_no_input(item: Guess) -> str:
    if item.role == "key":
        return "it tells rows apart"
    return item.why or "by its name a protected characteristic, for fairness only"


def _profile(path: Path) -> Data:
    from mlspec.cli.inference.profile import FORMATS, profile_file
    from mlspec.runtime.errors import StageError

    if not path.is_file():
        raise exits.CommandError(f"there is no file `{path}`", exits.INPUT_OUTPUT, help="correct the path")
    full = Path(os.path.abspath(path))  # noqa: PTH100 - a link is refused by the reader, and not followed here
    try:
        return profile_file(full.parent, full.name)
    except ValueError as error:
        raise exits.CommandError(f"`{path}` has an ending that is not known", exits.FOUND, expected=" ".join(FORMATS), found=path.suffix,
                                 help="rename it, or convert it to parquet") from error  # fmt: skip
    except StageError as error:
        details = "; ".join(error.examples)
        raise exits.CommandError(error.message + (f" ({details})" if details else ""), exits.FOUND, expected=error.expected,
                                 found=error.found, help=error.help) from error  # fmt: skip


def canonical(text: str) -> str:
    """The text in canonical form."""
    from mlspec.source import SourceFile
    from mlspec.spec import schema
    from mlspec.syntax import parse
    from mlspec.syntax.format import format_file

    source = SourceFile("<inferred>", text)
    tree, found = parse(source)
    if tree is None or any(item.severity == "error" for item in found):
        raise RuntimeError(f"the inferred spec does not parse: {[item.message for item in found]}")
    return format_file(tree, source, schema.order)
