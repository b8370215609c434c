"""Run the tests of specs: literal rows in, expected values, check results, verdicts and codes out, by the code of a run."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from mlspec.cli import exits
from mlspec.cli.loading import compilation
from mlspec.cli.options import add_overrides
from mlspec.cli.terminal import err, out, wants_color

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from mlspec.driver import Compilation
    from mlspec.runtime.rehearse.last import LastNumbers
    from mlspec.testing import FileTests, Options

FORMATS = ("text", "json", "junit")
FAIL_ON = ()


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC…, what to run, and what makes the command fail beside a failed test."""
    parser.add_argument("specs", metavar="SPEC", nargs="*", default=["."], help="spec files, or folders with spec files")
    add_overrides(parser)
    parser.add_argument(
        "--only", metavar="NAME", action="append", default=[], help="run the test of this name alone; may be repeated"
    )
    parser.add_argument(
        "--coverage", action="store_true", help="list the features, checks, gates, guards and alerts that no test touches"
    )
    parser.add_argument(
        "--fail-under", type=_percent, metavar="PERCENT", help="fail where tests touch a smaller share of those definitions"
    )
    parser.add_argument(
        "--mutate", action="store_true",
        help="change each condition, split, tag, mask and feature, one at a time, and list the changes that nobody notices",
    )  # fmt: skip
    parser.add_argument(
        "--fail-under-mutants",
        type=_percent,
        metavar="PERCENT",
        help="with `--mutate`, fail where a smaller share of the changes is noticed",
    )


def _percent(text: str) -> float:
    value = float(text.removesuffix("%"))
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 100")
    return value


def run(options: argparse.Namespace) -> int:
    """Run every test of every spec, print what came of them, and fail where one failed."""
    import tempfile
    from functools import partial
    from pathlib import Path

    from mlspec.cli.check import spec_files
    from mlspec.runtime.rehearse import Rehearsal
    from mlspec.testing import run_file
    from mlspec.testing.render import render

    _together(options)
    files = spec_files(options.specs)
    with tempfile.TemporaryDirectory(prefix="mlspec-test-") as work, Rehearsal(Path(work)) as rehearsal:
        specs = [compilation(options, path) for path in files]
        found = [run_file(one, partial(rehearsal.run, root=one.project.root), _asked(options, one)) for one in specs]
    _known(options, found)
    color = options.format == "text" and wants_color(sys.stdout, options.no_color)
    listed = options.coverage or options.fail_under is not None
    out(render(found, options.format, color=color, coverage=listed, quiet=options.quiet))
    return _code(options, found)


def _together(options: argparse.Namespace) -> None:
    """Refuses a floor under a number that nothing works out: it would always hold."""
    if options.only and (options.coverage or options.fail_under is not None):
        wanted = "--fail-under" if options.fail_under is not None else "--coverage"
        raise exits.CommandError(f"`{wanted}` says nothing of some tests alone", expected="every test", found=f"`--only {options.only[0]}`",
                                 help=f"leave out `--only`, or `{wanted}`")  # fmt: skip
    if options.fail_under_mutants is not None and not options.mutate:
        raise exits.CommandError("`--fail-under-mutants` needs mutants", expected="`--mutate` beside it", found="no `--mutate`",
                                 help=f"`mlspec test --mutate --fail-under-mutants {options.fail_under_mutants:g}`")  # fmt: skip


def _asked(options: argparse.Namespace, one: Compilation) -> Options:
    """What is asked of one spec; its last run is looked for where mutants are."""
    from mlspec.testing import Options

    def refused(gates: Mapping[str, Any]) -> set[str]:
        key = str(one.path)
        if key not in known:
            known[key] = _last_numbers(one)
        return known[key].refused(gates)

    known: dict[str, LastNumbers] = {}
    return Options(tuple(options.only), options.mutate, _progress(options, str(one.path)), refused)


def _last_numbers(one: Compilation) -> LastNumbers:
    """The numbers of the last run. Of a damaged one nothing is used, and that is said: mutants that it would notice survive."""
    from mlspec.runtime.errors import StageError
    from mlspec.runtime.rehearse.last import LastNumbers, last_numbers

    assert one.spec is not None
    try:
        return last_numbers(one.project.root, one.spec.name, one.env)
    except StageError as error:
        err(f"warning[{error.code}]: {error.message}: no gate is judged on the numbers of the last run\n")
        if error.help:
            err(f"  help: {error.help}\n")
        return LastNumbers()


def _known(options: argparse.Namespace, found: Sequence[FileTests]) -> None:
    """A name that no spec has as a test was mistyped."""
    names = [
        block.name for file in found if file.compilation.spec is not None for block in file.compilation.spec.of_kind("test")
    ]
    for name in options.only:
        if name not in names and not any(file.broken for file in found):
            from mlspec.spec.findings import nearest

            near = nearest(name, names)
            raise exits.CommandError(f"there is no test `{name}`", expected=", ".join(names[:12]) or "a `test` block", found=name,
                                     help=f"did you mean `--only {near}`?" if near else "")  # fmt: skip


def _progress(options: argparse.Namespace, path: str) -> Callable[[int, int], None]:
    """Tells a person who waits how far the mutants are."""
    if options.quiet or not sys.stderr.isatty():
        return lambda done, whole: None

    def tell(done: int, whole: int) -> None:
        err(f"\r\x1b[K{path}: mutant {done} of {whole}" if done < whole else "\r\x1b[K")

    return tell


def _code(options: argparse.Namespace, found: Sequence[FileTests]) -> int:
    """1 for a failed test, a spec with errors, or too little that is tested or noticed."""
    from mlspec.testing.coverage import share

    failed = any(file.failed or file.broken for file in found)
    covered = share(file.coverage for file in found)
    if options.fail_under is not None and covered < options.fail_under:
        err(f"{covered:.1f}% of the definitions are tested, less than {options.fail_under:g}%\n")
        failed = True
    fates = [fate for file in found for fate in file.fates or ()]
    noticed = 100.0 * sum(fate.noticed for fate in fates) / len(fates) if fates else 100.0
    if options.fail_under_mutants is not None and noticed < options.fail_under_mutants:
        err(f"{noticed:.1f}% of the mutants are noticed, less than {options.fail_under_mutants:g}%\n")
        failed = True
    return exits.FOUND if failed else exits.OK
