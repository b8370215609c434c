"""What changed between two versions of a spec, what it means, and what runs again because of it.

OLD and NEW are files, folders, revisions (`main`) or paths of revisions (`main:specs/a.mlspec`); `main..HEAD` is both at once, and
`main...HEAD` compares HEAD with where it left main, by the rules that main has now.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlspec.cli import exits, review, untrusted
from mlspec.cli.options import add_untrusted
from mlspec.cli.terminal import out, wants_color

if TYPE_CHECKING:
    from mlspec.cli.sides import Pair, Side
    from mlspec.diagnostics import Diagnostic
    from mlspec.diff import Fault, Version
    from mlspec.diff.page import FileDiff
    from mlspec.driver import Compilation
    from mlspec.spec.model import Spec

FORMATS = ("text", "json", "markdown", "sarif", "github", "gitlab", "html")
FAIL_ON = ("breaking", "loosening", "behaviour", "tightening", "additive", "operational", "cosmetic", "never", "policy")


def arguments(parser: argparse.ArgumentParser) -> None:
    """OLD and NEW, and what makes the command fail."""
    parser.add_argument(
        "old",
        metavar="OLD",
        help="a file, a folder, `REV`, `REV:path`, or both sides at once: `A..B`; `A...B` is B since it left A",
    )
    parser.add_argument(
        "new",
        metavar="NEW",
        nargs="?",
        help="what to compare it with; behind `A..B` or `REV` the path that is meant (default: all)",
    )
    parser.add_argument(
        "--fail-on", choices=FAIL_ON, default="policy", metavar="EFFECT",
        help=f"the mildest effect that makes the exit code 1, of {', '.join(FAIL_ON)} (default: policy, what "
        "that of OLD says; without one loosening, which includes breaking)",
    )  # fmt: skip
    review.arguments(parser)
    add_untrusted(parser)


def run(options: argparse.Namespace) -> int:
    """Compare every pair of specs, print the changes, and say by the exit code whether any is as grave as `--fail-on`."""
    from mlspec.cli.sides import asks_git, sides

    asked = [options.old] if options.new is None else [options.old, options.new]
    held = review.Review(options)
    if not asks_git(asked):
        return _finish(options, held, _compared(held, *sides(asked, None)))
    from mlspec.diff.revisions import Repository, RevisionError

    try:
        with Repository(str(Path.cwd())) as repository:
            return _finish(options, held, _compared(held, *sides(asked, repository)))
    except RevisionError as error:
        raise exits.CommandError(str(error), exits.NOT_COMPARED, help=error.help) from None


def _compared(held: review.Review, old: Side, new: Side) -> list[FileDiff]:
    """The comparisons of all specs; the settings beside them, and where no spec lies, are kept by the review."""
    from mlspec.cli.sides import nearer, pairs

    found = [_judged(held, pair) for pair in pairs(old, new)]
    for policies in nearer(old, new):
        held.compare(policies)
    return found


def _judged(held: review.Review, pair: Pair) -> FileDiff:
    """The comparison of one spec under the policy of its old side."""
    base = held.begin(pair)
    return held.end(pair, base, _compare(pair))


def _finish(options: argparse.Namespace, held: review.Review, compared: list[FileDiff]) -> int:
    from mlspec.diff.page import render

    found = [*held.changed_settings(), *compared]
    color = options.format == "text" and wants_color(sys.stdout, options.no_color)
    out(render(found, options.format, color=color, verbose=options.verbose, quiet=options.quiet))
    if any(file.status == "failed" for file in found):
        return exits.NOT_COMPARED
    failing = held.fails()
    if failing and options.format == "text" and (options.verbose or held.strict):
        _tell_way_out(held)
    return exits.FOUND if failing or any(file.comparison.errors for file in found) else exits.OK


def _tell_way_out(held: review.Review) -> None:
    """How an approver may accept what failed."""
    block = held.way_out()
    if block:
        out(f"\nan approver may accept this change, with a reason, in the new spec:\n\n{block}")


def _compare(pair: Pair) -> FileDiff:
    """The comparison of one spec, or why there is none."""
    from mlspec.diff import Comparison, compare
    from mlspec.diff.page import FileDiff, moved, one_sided

    untrusted.next_spec()
    if pair.old is None or pair.new is None:
        there = pair.new or pair.old
        assert there is not None
        return one_sided(pair.path, pair.old is None, _errors(there), there.source)
    if not pair.moved_from and _same_text(pair.old, pair.new):
        return FileDiff(pair.path, "same", Comparison(()))
    unread = _unread(pair.new) or _unread(pair.old)
    if unread:
        return FileDiff(pair.path, "failed", Comparison(()), tuple(unread))
    envs = _changed_envs(pair.old, pair.new)
    comparison = compare(_version(pair.old, pair.new.prefix, envs), _version(pair.new, pair.new.prefix, envs))
    if pair.moved_from:
        comparison = moved(comparison, pair.moved_from, pair.path, pair.new.source)
    status: Literal["changed", "same"] = "changed" if comparison.changes or comparison.stages or comparison.errors else "same"
    return FileDiff(pair.path, status, comparison, sources=(pair.old.source, pair.new.source))


def _same_text(old: Compilation, new: Compilation) -> bool:
    """Whether both sides are one text that reads no other file, or cannot be read: most files of a folder, which cost nothing."""
    from mlspec.syntax.nodes import Extern, Use

    if old.source is None or new.source is None or old.source.text != new.source.text:
        return False
    return new.tree is None or not any(isinstance(statement, Use | Extern) for statement in new.tree.statements)


def _unread(side: Compilation) -> list[Diagnostic]:
    """Why a side cannot be compared at all: its text cannot be read or has syntax errors."""
    return [] if side.rough is not None else [item for item in side.diagnostics if item.severity == "error"]


def _errors(side: Compilation) -> tuple[Fault, ...]:
    from mlspec.diff import Fault

    return tuple(Fault(item.code.id, item.span, item.message) for item in side.diagnostics if item.severity == "error")


def _changed_envs(old: Compilation, new: Compilation) -> frozenset[str]:
    """The environments whose overrides differ: under any other, what changes is what changes without it.

    An override may read a param or an import, so where there is one, an environment with the same text may still differ.
    """
    before, after = (_env_texts(side) for side in (old, new))
    reads = any(statement in ("param", "use") for side in (old, new) for statement in _declared(side))
    return frozenset(name for name in {*before, *after} if reads or before.get(name) != after.get(name))


def _declared(side: Compilation) -> list[str]:
    """The first word of every statement of a file."""
    return [] if side.tree is None else [statement.span.text.partition(" ")[0] for statement in side.tree.statements]


def _env_texts(side: Compilation) -> dict[str, list[str]]:
    spec = side.rough
    return {} if spec is None else {block.name: block.span.text.split() for block in spec.of_kind("env")}


def _version(side: Compilation, prefix: str, envs: frozenset[str] = frozenset()) -> Version:
    """One side as far as it goes, also under `envs`; `prefix` is the same for both, so that a move of the file changes no key."""
    from mlspec.diff import Version
    from mlspec.diff.written import names_written

    spec = side.rough
    assert spec is not None, "what cannot be read at all was told apart before"
    assert side.tree is not None
    graph = None
    if side.spec is not None:
        from mlspec.lower import lower

        graph = lower(side.spec, "", prefix, side.code)
    under = {name: Version(side.bound(name)) for name in spec.envs if name in envs}
    written = frozenset() if side.spec is not None else names_written(side.tree)
    return Version(spec, graph, _errors(side), written, under, _code(side, spec))


def _code(side: Compilation, spec: Spec) -> dict[str, str]:
    """The digests of the code files of externs, by path."""
    return side.code if any(spec.of_kind("extern")) else {}
