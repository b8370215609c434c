"""The commands: exit codes, formats, and what they print where."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlspec.cli import exits, main
from mlspec.cli.dispatch import COMMANDS
from mlspec.graph import Graph
from mlspec.runtime.runs import write_summary

ROOT = Path(__file__).parents[2]
DEMO = (ROOT / "tests" / "cases" / "errors" / "MLS501" / "good.mlspec").read_text()
WARNS = (ROOT / "tests" / "cases" / "errors" / "MLS504" / "bad.mlspec").read_text()
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one clean spec, and the terminal of nobody."""
    for name in ("NO_COLOR", "FORCE_COLOR", "MLSPEC_DEBUG", "MLSPEC_NO_CACHE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "mlspec.toml").touch()
    (tmp_path / "demo.mlspec").write_text(DEMO)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, code: int = 0) -> None:
    assert main(list(arguments)) == code


# ---- check


def test_check_of_a_clean_spec(capsys: Capture) -> None:
    run("check", "demo.mlspec")
    assert capsys.readouterr().out == "demo.mlspec: no findings\n"


def test_check_of_a_folder(project: Path, capsys: Capture) -> None:
    (project / "specs").mkdir()
    (project / "specs" / "other.mlspec").write_text(DEMO)
    (project / ".mlspec").mkdir()
    (project / ".mlspec" / "hidden.mlspec").write_text("nothing")
    run("check")
    assert capsys.readouterr().out == "2 files: no findings\n"
    run("check", ".mlspec", code=1)


def test_errors_are_exit_1_in_every_format(project: Path, capsys: Capture) -> None:
    (project / "demo.mlspec").write_text(DEMO.replace("parts.train\n}\n\nsearch", "parts.trian\n}\n\nsearch"))
    for name in ("text", "json", "sarif", "github", "gitlab", "junit"):
        run("check", "demo.mlspec", "--format", name, code=1)
        assert "MLS101" in capsys.readouterr().out


def test_a_file_whose_name_is_no_utf_8_is_named_by_its_bytes(project: Path, capsys: Capture) -> None:
    name = os.fsdecode(b"c\xff.mlspec")
    (project / name).write_text(DEMO.replace("parts.train,", "parts.trian,"))
    run("check", name, "--format", "sarif", code=1)
    assert "c%FF.mlspec" in {item["location"]["uri"] for item in json.loads(capsys.readouterr().out)["runs"][0]["artifacts"]}
    (project / name).write_text(DEMO)
    (project / "other.mlspec").write_text(DEMO.replace("0.7", "0.8"))
    run("diff", "other.mlspec", name, "--format", "sarif", "--fail-on", "never")
    assert "c%FF.mlspec" in capsys.readouterr().out


def test_warnings_are_clean_unless_asked(project: Path, capsys: Capture) -> None:
    (project / "demo.mlspec").write_text(WARNS)
    run("check", "demo.mlspec")
    assert "warning[MLS504]" in capsys.readouterr().out
    run("check", "demo.mlspec", "--fail-on", "warning", code=1)


def test_a_file_that_is_not_there(capsys: Capture) -> None:
    run("check", "no.mlspec", code=1)
    assert "MLS114" in capsys.readouterr().out


def test_check_for_a_target(project: Path, capsys: Capture) -> None:
    run("check", "demo.mlspec", "--target", "local")
    run("check", "demo.mlspec", "--target", "nowhere", code=exits.USAGE)
    assert "there is no target `nowhere`" in capsys.readouterr().err


# ---- the check cache

PROBE = "import sys, mlspec.cli; code = mlspec.cli.main(sys.argv[1:]); sys.stderr.write(str('mlspec.syntax' in sys.modules)); sys.exit(code)"


def probe(*arguments: str) -> tuple[int, str, bool]:
    """(exit code, output, whether the compiler was loaded) of a check in a process of its own."""
    done = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr.endswith("True")


def cached(*arguments: str) -> tuple[int, str, bool]:
    """The same through `python -m`, whose argv a user's command has."""
    subprocess.run([sys.executable, "-m", "mlspec", *arguments], capture_output=True, check=False)
    return probe(*arguments)


def test_an_unchanged_spec_is_checked_without_the_compiler(project: Path) -> None:
    assert cached("check", "demo.mlspec") == (0, "demo.mlspec: no findings\n", False)
    (project / "demo.mlspec").write_text(DEMO.replace("parts.train,", "parts.trian,"))
    code, text, loaded = probe("check", "demo.mlspec")
    assert (code, loaded) == (1, True)
    assert "MLS101" in text
    assert cached("check", "demo.mlspec") == (1, text, False)


def test_other_arguments_are_another_check(project: Path) -> None:
    (project / "demo.mlspec").write_text(WARNS)
    assert cached("check", "demo.mlspec")[0] == 0
    assert cached("check", "demo.mlspec", "--fail-on", "warning")[0] == 1
    assert json.loads(cached("check", "--format=json", "demo.mlspec")[1])["warnings"] == 1


def test_an_import_is_part_of_what_was_checked(project: Path) -> None:
    shared = project / "shared.mlspec"
    text = 'mlspec 2026.1\n\nspec shared {\n  owner = "a"\n}\n\nparam floor: float = 0.7\n'
    shared.write_text(text)
    (project / "demo.mlspec").write_text(
        DEMO.replace("mlspec 2026.1\n", 'mlspec 2026.1\n\nuse "./shared.mlspec" as shared\n').replace(
            "lower(auc(candidate)) >= 0.7", "lower(auc(candidate)) >= shared.floor"
        )
    )
    run("lock", "demo.mlspec")
    assert cached("check", "demo.mlspec") == (0, "demo.mlspec: no findings\n", False)
    shared.write_text(text.replace("floor", "ceiling"))
    assert probe("check", "demo.mlspec")[0::2] == (1, True)


def test_settings_of_the_same_size_and_time_are_other_settings(project: Path) -> None:
    """As a checkout, an archive or `touch -r` leaves them: a stricter policy must not be answered with what a laxer one said."""
    (project / "demo.mlspec").write_text(WARNS)
    settings = project / "mlspec.toml"
    for level, code in (("warning", 0), ("error", 1)):
        settings.write_text(f'[policy.codes]\nMLS504 = "{level}"\n'.ljust(60, "\n"))
        os.utime(settings, ns=(1, 1))
        assert cached("check", "demo.mlspec")[::2] == (code, False)


def test_a_torn_entry_is_none(project: Path) -> None:
    cached("check", "demo.mlspec")
    for entry in (project / ".mlspec" / "cache").iterdir():
        entry.write_text('{"files"')
    assert probe("check", "demo.mlspec") == (0, "demo.mlspec: no findings\n", True)


def test_the_cache_does_not_grow_without_end(project: Path) -> None:
    from mlspec.cli.check_cache import MOST

    cache = project / ".mlspec" / "cache"
    cache.mkdir(parents=True)
    for number in range(MOST):
        (cache / f"{number}.json").write_text("{}")
    assert cached("check", "demo.mlspec")[2] is False
    assert len(list(cache.glob("*.json"))) == 1


def test_a_folder_that_cannot_be_written_costs_nothing(project: Path, capsys: Capture) -> None:
    (project / ".mlspec").write_text("in the way")
    run("check", "demo.mlspec")


# ---- fmt


def test_fmt_writes_checks_and_shows(project: Path, capsys: Capture) -> None:
    path = project / "demo.mlspec"
    path.write_text(DEMO.replace('  owner = "team-a"', '    owner="team-a"'))
    run("fmt", "demo.mlspec", "--check", code=1)
    run("fmt", "demo.mlspec", "--diff")
    assert '+  owner = "team-a"' in capsys.readouterr().out
    run("fmt", "demo.mlspec")
    assert path.read_text() == DEMO
    run("fmt", "--check")


def test_fmt_leaves_a_broken_file_alone(project: Path, capsys: Capture) -> None:
    path = project / "demo.mlspec"
    path.write_text(DEMO + "split {\n")
    run("fmt", "demo.mlspec", code=1)
    assert path.read_text() == DEMO + "split {\n"
    assert "error[MLS" in capsys.readouterr().err


def test_fmt_of_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(DEMO.replace("  gate = release", "  gate=release")))
    run("fmt", "-")
    assert capsys.readouterr().out == DEMO


# ---- plan, graph, show, schema, targets, compile, explain


def test_plan_in_both_formats(project: Path, capsys: Capture) -> None:
    (project / "people.csv").write_text("code\n1\n")
    run("plan", "demo.mlspec")
    assert "demo: all 16 stages to run" in capsys.readouterr().out
    run("plan", "demo.mlspec", "--format", "json")
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert {step["action"] for step in steps} == {"run"}


def test_a_missing_source_is_located(capsys: Capture) -> None:
    run("plan", "demo.mlspec", code=1)
    text = capsys.readouterr().err
    assert "MLS801" in text and "demo.mlspec:12" in text and "people.csv" in text


@pytest.mark.parametrize(("shape", "start"), [("mermaid", "flowchart LR"), ("dot", 'digraph "demo"'), ("json", "{")])
def test_graph(shape: str, start: str, capsys: Capture) -> None:
    run("graph", "demo.mlspec", "--as", shape)
    assert capsys.readouterr().out.startswith(start)


def test_show_with_and_without_defaults(capsys: Capture) -> None:
    run("show", "demo.mlspec")
    short = capsys.readouterr().out
    assert "trials" not in short and "objective = maximize(auc)" in short
    run("show", "demo.mlspec", "--full")
    full = capsys.readouterr().out
    assert "trials = 20  # default" in full and "engine = hyperopt(algorithm: tpe)  # default" in full
    run("show", "demo.mlspec", "--full", "--format", "json")
    blocks = {block["name"]: block for block in json.loads(capsys.readouterr().out)["blocks"]}
    assert blocks["tune"]["fields"]["trials"] == {"value": "20", "origin": "default"}


def test_show_says_who_set_a_value(project: Path, capsys: Capture) -> None:
    (project / "demo.mlspec").write_text(DEMO + "\nenv dev {\n  set tune.trials = 2\n}\n")
    run("show", "demo.mlspec", "--env", "dev")
    assert "trials = 2  # env dev" in capsys.readouterr().out


def test_runs_are_listed_and_shown(project: Path, capsys: Capture) -> None:
    run("show")
    assert "no runs yet" in capsys.readouterr().out
    folder = project / ".mlspec" / "runs" / "000001"
    folder.mkdir(parents=True)
    gate = {"name": "useful", "passed": False, "status": "failed", "text": "auc >= 0.9"}
    summary = {"run": "000001", "spec": "demo", "exit_code": 1, "passed": False, "stages": {"a-fit": {"state": "ran", "seconds": 1}},
               "verdicts": {"release": {"gates": [gate]}}}  # fmt: skip
    write_summary(folder, summary)
    run("show")
    assert capsys.readouterr().out == "000001  demo  gates failed\n"
    run("show", "1")
    assert "release.useful: failed  auc >= 0.9" in capsys.readouterr().out
    run("show", "2", code=1)
    assert "there is no run `2`" in capsys.readouterr().err


def test_schema_of_everything_and_of_one_kind(capsys: Capture) -> None:
    run("schema", "--format", "json")
    kinds = {row["name"]: row for row in json.loads(capsys.readouterr().out)["kinds"]}
    assert kinds["search"]["fields"] and not kinds["prompt"]["built"]
    run("schema", "monitor")
    assert "every = duration  (default 1h)" in capsys.readouterr().out
    run("schema", "montior", code=exits.USAGE)
    assert "did you mean `monitor`?" in capsys.readouterr().err


def test_targets(capsys: Capture) -> None:
    run("targets", "--format", "json")
    assert "local" in {row["name"] for row in json.loads(capsys.readouterr().out)["targets"]}
    run("targets", "local")
    assert "exclusive    native" in capsys.readouterr().out


def test_compile_writes_a_plan_that_reads_back(project: Path, capsys: Capture) -> None:
    from mlspec.graph import read_plan

    run("compile", "demo.mlspec", "--target", "local")
    path = project / "build" / "local" / "demo" / "plan.json"
    assert capsys.readouterr().out == f"{path.relative_to(project)}\n"
    graph: Graph = read_plan(path.read_bytes())
    assert graph.spec == "demo"


def test_explain_lists_and_refuses(capsys: Capture) -> None:
    run("explain")
    assert "MLS501  error    serve-without-gate" in capsys.readouterr().out
    run("explain", "MLS502")
    assert "MLS502" in capsys.readouterr().out
    run("explain", "MLS999", code=exits.USAGE)


# ---- usage and faults


def test_usage(capsys: Capture) -> None:
    run("--help")
    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in COMMANDS)
    run(code=exits.USAGE)
    run("--version")
    assert capsys.readouterr().out.splitlines()[-1].startswith("mlspec ")
    run("chekc", code=exits.USAGE)
    assert "did you mean `mlspec check`?" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert f"usage: mlspec {name}" in capsys.readouterr().out


def test_flags_that_do_not_fit(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["check", "--no-such-flag"])
    assert caught.value.code == exits.USAGE
    run("plan", "demo.mlspec", "-p", "nonsense", code=exits.USAGE)
    assert "-p NAME=VALUE" in capsys.readouterr().err
    run("plan", "demo.mlspec", "-p", "none=1", code=1)
    run("run", "demo.mlspec", "--only", "tune-serach", code=exits.USAGE)
    assert "did you mean `tune-search`?" in capsys.readouterr().err


def test_dash_c_goes_to_the_folder_first(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(project.parent)
    run("check", "-C", str(project), "demo.mlspec")
    monkeypatch.chdir(project.parent)
    run("-C", str(project), "check", "demo.mlspec")
    assert capsys.readouterr().out == "demo.mlspec: no findings\n" * 2


def test_a_fault_of_mlspec_says_where_to_report_it(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("gears")

    monkeypatch.setattr("mlspec.spec.check.check_spec", broken)
    run("plan", "demo.mlspec", code=exits.INTERNAL)
    text = capsys.readouterr().err
    assert "RuntimeError: gears" in text and exits.ISSUES in text and "Traceback" not in text
    monkeypatch.setenv("MLSPEC_DEBUG", "1")
    with pytest.raises(RuntimeError):
        main(["plan", "demo.mlspec"])


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mlspec.spec.check.check_spec", interrupted)
    run("plan", "demo.mlspec", code=exits.INTERRUPTED)


def test_a_reader_that_goes_away_is_no_fault() -> None:
    command = f"{sys.executable} -m mlspec schema --format json | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("{", "")


def test_color_is_for_terminals_only(monkeypatch: pytest.MonkeyPatch, project: Path, capsys: Capture) -> None:
    (project / "demo.mlspec").write_text(WARNS)
    run("check", "demo.mlspec")
    assert "\x1b[" not in capsys.readouterr().out
    monkeypatch.setenv("FORCE_COLOR", "1")
    run("check", "demo.mlspec")
    assert "\x1b[" in capsys.readouterr().out
    run("check", "demo.mlspec", "--no-color")
    assert "\x1b[" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("number", "way_out"), [(errno.EACCES, "-C DIR"), (errno.EROFS, "read-only"), (errno.ENOSPC, "make room"), (errno.EIO, "")]
)
def test_a_file_or_disk_that_refuses_says_what_can_be_done(
    number: int, way_out: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def refused(arguments: list[str]) -> int:
        raise OSError(number, os.strerror(number), "build/dvc")

    monkeypatch.setattr("mlspec.cli.dispatch._run", refused)
    assert main(["compile", "x.mlspec"]) == exits.INPUT_OUTPUT
    said = capsys.readouterr().err
    assert said.startswith(f"error: build/dvc: {os.strerror(number)}") and way_out in said
    assert ("help" in said) == bool(way_out)
