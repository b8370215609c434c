"""Figures of the local target: the rerun that does nothing, tiny stages, and real work against scripts that do it by hand."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Figure, Used, compare, run

ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).parent / "peers"
MLSPEC = Path(sys.executable).with_name("mlspec")
EMPTY = (sys.executable, "-c", "pass")


def census_project(folder: Path) -> Path:
    """A fresh project that holds the census spec and its data."""
    (folder / "data").mkdir(parents=True)
    shutil.copy(ROOT / "specs/data/census_income.parquet", folder / "data")
    (folder / "mlspec.toml").write_text("")
    return Path(shutil.copy(ROOT / "specs/census_income.mlspec", folder))


def rerun() -> Iterator[Figure]:
    """Run the dev env once, then again and again with nothing changed."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name) / "project"
        spec = census_project(project)
        command = (MLSPEC, "run", spec, "--env", "dev")
        run(command, cwd=project)
        yield compare("rerun", lambda: run(command, cwd=project), lambda: run(EMPTY), 25.0, n=11)


WRITE = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"


def ten_stages() -> Iterator[Figure]:
    """Ten `write` stages in a row through the local target, in a fresh store each time, against ten bare processes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = folder / "project"

        def ours() -> Used:
            shutil.rmtree(store, ignore_errors=True)
            store.mkdir()
            return run((sys.executable, PEERS / "ten_stages.py", store))

        def peer() -> Used:
            used = [run((sys.executable, "-c", WRITE, folder / f"file-{stage}", str(stage))) for stage in range(10)]
            return Used(sum(one.cpu for one in used), sum(one.wall for one in used))

        yield compare("ten-stages", ours, peer, 4.0)


def released_study(project: Path) -> Path:
    """The search's study of the project's only run."""
    (study,) = project.glob(".mlspec/store/artifacts/*/study.json")
    return study


def against_script() -> Iterator[Figure]:
    """`mlspec run` in a fresh folder against a script that does the same work by hand, with the trials that ours chose."""
    with tempfile.TemporaryDirectory() as name:
        first = Path(name) / "first"
        spec = census_project(first)
        run((MLSPEC, "run", spec), cwd=first)
        trials = Path(shutil.copy(released_study(first), Path(name)))
        ours_folder, peer_folder = Path(name) / "ours", Path(name) / "peer"

        def ours() -> Used:
            shutil.rmtree(ours_folder, ignore_errors=True)
            return run((MLSPEC, "run", census_project(ours_folder)), cwd=ours_folder)

        def peer() -> Used:
            shutil.rmtree(peer_folder, ignore_errors=True)
            peer_folder.mkdir()
            data = ROOT / "specs/data/census_income.parquet"
            return run((sys.executable, PEERS / "census_by_hand.py", data, trials, peer_folder))

        yield compare("run-census", ours, peer, 1.10, n=3, by="wall", warmup=False, allowance=2.0)


def search_against_fits() -> Iterator[Figure]:
    """The search stage alone against its own fits, refitted bare in two processes of one thread each."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name) / "project"
        spec = census_project(project)
        run((MLSPEC, "run", spec, "-j", "2"), cwd=project)
        plan = json.loads(next(project.glob(".mlspec/runs/*/plan.json")).read_text())
        assert "tune-search" in plan["stages"], "the census spec has a search named tune"
        study = released_study(project)

        def ours() -> Used:
            return run((sys.executable, PEERS / "search_stage.py", project))

        def peer() -> Used:
            return run((sys.executable, PEERS / "bare_fits.py", project, study))

        for by in ("wall", "cpu"):
            yield compare(f"search-{by}", ours, peer, 1.10, n=3, by=by, warmup=False)
