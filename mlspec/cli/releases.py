"""The release that a command answers with, whatever target made it: runs on record, and what a compiled project's own `dvc repro` left."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.cli.terminal import clean, err

if TYPE_CHECKING:
    from mlspec.backend import RunResult
    from mlspec.cli.graph_cache import Runnable
    from mlspec.driver import Compilation
    from mlspec.runtime.adopt import Place
    from mlspec.runtime.serve.release import Release

ARTIFACTS = "artifacts"
"""Below a compiled folder, and below a folder that was fetched: `artifacts/STAGE/OUTPUT`."""


def add_from(parser: argparse.ArgumentParser) -> None:
    """`--from FOLDER`."""
    parser.add_argument(
        "--from", dest="origin", metavar="FOLDER", help="the release that another target left in FOLDER/artifacts/STAGE/OUTPUT"
    )


def release_of(options: argparse.Namespace, found: Compilation, block: Mapping[str, Any]) -> Release:
    """The release for a block, after a look at what other targets left; StageError MLS813 where there is none.

    Who names a folder asks for what lies there: nothing else answers, also where that was refused.
    """
    from mlspec.runtime.errors import StageError
    from mlspec.runtime.serve.release import find_release

    root, origin = found.project.root, options.origin
    adopt_results(found, block, origin)
    try:
        return find_release(
            root,
            found.spec_digest,
            block,
            unreleased=options.unreleased,
            origin=None if origin is None else _shown(Path(origin), root),
        )
    except StageError as error:
        if error.code == "MLS813" and origin is None:
            error.help += "\n" + _elsewhere(found, block)
        raise


def _elsewhere(found: Compilation, block: Mapping[str, Any]) -> str:
    """How to come by what a run on other machines made."""
    wanted = [f"{stage.id}/{name}" for stage in found.graph for name in stage.outputs
              if (stage.kind, stage.block) == ("verdict", block["gates"]) or (name, stage.block) == ("package", block["model"])]  # fmt: skip
    return (
        f"a run elsewhere keeps it there (KFP under its pipeline root, Airflow in the folder of the run): "
        f"fetch {', '.join(f'`{name}`' for name in sorted(wanted))} into FOLDER/{ARTIFACTS}/ and name it, `--from FOLDER`;\n"
        f"what was compiled with `-o DIR` is named too: `--from DIR`"
    )


def adopt_results(found: Compilation, block: Mapping[str, Any], origin: str | None = None) -> None:
    """Keep as runs what other targets left since the last look: in `origin`, or else in the folders that this spec is compiled to.

    A folder that nobody named and that is damaged is said and left: it must not keep the others from answering.
    """
    from mlspec.runtime.adopt import NoRelease
    from mlspec.runtime.errors import StageError

    wanted = (str(block["gates"]), str(block["model"]))
    if origin is not None:
        _adopt_asked(found, Path(origin), wanted)
        return
    for folder, target in _compiled(found):
        try:
            _adopt(found, folder, target, wanted)
        except StageError as error:
            if error.code != "MLS808" and not isinstance(error, NoRelease):
                raise
            shown = _shown(folder, found.project.root)
            err(clean(f"warning[{error.code}]: `{shown}` is no release: {error.message}\n  help: {error.help}\n"))


def _compiled(found: Compilation) -> Iterator[tuple[Path, str]]:
    """The folders with artifacts that were compiled from this very spec, and their targets."""
    from mlspec.backend import MAP, CompiledError, read_map

    assert found.spec is not None
    root = found.project.root
    for folder in (*sorted(path.parent for path in root.glob(f"build/*/{found.spec.name}/{MAP}")), root):
        if not (folder / ARTIFACTS).is_dir():
            continue
        try:
            known = read_map(folder)
        except CompiledError:
            continue  # of a damaged map nobody knows what it is about; `compile --check` says so
        if known is not None and known.spec_digest == found.spec_digest:
            yield folder, known.target


def results_not_on_record(root: Path, recorded: set[str]) -> list[str]:
    """The compiled folders, from the root, in which something decided gates and which no run on record comes from."""
    found = {path.parents[3] for path in root.glob(f"build/*/*/{ARTIFACTS}/*/verdict/verdict.json")}
    return sorted(_shown(folder, root) for folder in found if _shown(folder, root) not in recorded)


def _adopt(found: Compilation, folder: Path, target: str, wanted: tuple[str, str], *, asked: bool = False) -> Path | None:
    from mlspec.runtime.adopt import Source, adopt_new

    assert found.spec is not None
    source = Source(target, _shown(folder, found.project.root), found.env, found.params, guarded=not found.spec.releasable)
    return adopt_new(found.project.root, found.graph, _place_below(folder), source, asked=asked, wanted=wanted)


def _place_below(folder: Path) -> Place:
    return lambda stage, output: folder / ARTIFACTS / stage / output


def _shown(folder: Path, root: Path) -> str:
    """A folder from the project root, where it lies below."""
    full, base = os.path.abspath(folder), os.path.abspath(root)  # noqa: PTH100 - resolve() would follow links
    return Path(os.path.relpath(full, base)).as_posix() if full == base or full.startswith(base + os.sep) else full


def _adopt_asked(found: Compilation, folder: Path, wanted: tuple[str, str]) -> None:
    from mlspec.runtime.errors import StageError

    assert found.spec is not None
    verdicts = [stage.id for stage in found.graph if stage.kind == "verdict"]
    there = [name for name in verdicts if (folder / ARTIFACTS / name / "verdict" / "manifest.json").is_file()]
    if not there:
        places = ", ".join(f"{ARTIFACTS}/{name}/verdict" for name in verdicts) or "a gates block in the spec"
        raise StageError("MLS813", f"there is no verdict of `{found.spec.name}` in `{folder}`", expected=places, found="none",
                         help="the folder holds artifacts as the run left them, each with its `manifest.json`")  # fmt: skip
    _adopt(found, folder, "elsewhere", wanted, asked=True)
    if not _made_by_this(found, folder, there):
        raise StageError("MLS813", f"what lies in `{folder}` was not made by this spec as it is now", expected="the recipe of this spec",
                         found="another one", help="run it again from this spec, or check out the spec that it ran")  # fmt: skip


def _made_by_this(found: Compilation, folder: Path, there: list[str]) -> bool:
    from mlspec.graph.keys import graph_recipes
    from mlspec.runtime.folder import read_folder

    recipes = graph_recipes(found.graph)
    return any(read_folder(folder / ARTIFACTS / name / "verdict").recipe == recipes[name] for name in there)


def record(found: Runnable, result: RunResult, target: str, options: argparse.Namespace, code: int) -> str:
    """Keep a run under another target as a run of the project; its number, "" where there is nothing to keep."""
    from mlspec.cli.loading import params_of
    from mlspec.runtime.adopt import Source, adopt

    if not result.places:
        return ""
    states = {**dict.fromkeys(result.executed, "ran"), **dict.fromkeys(result.reused, "reused")}
    states |= {str(error["stage"]): "failed" for error in result.errors if error.get("stage")}
    source = Source(target, _shown(result.folder, found.root), options.env, params_of(options), guarded=not found.releasable,
                    only=tuple(options.only), exit_code=code, states=states)  # fmt: skip
    nowhere = Path(os.devnull) / "none"
    return adopt(found.root, found.graph, lambda stage, output: result.places.get(f"{stage}/{output}", nowhere), source).name
