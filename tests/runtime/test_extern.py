"""Externs: the process of one, what it is held to, what it may give, and that batches and requests see one function."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlspec.graph.code import code_digest
from mlspec.runtime.errors import StageError
from mlspec.runtime.extern import calls, landlock
from mlspec.runtime.extern.declaration import declared, from_project
from mlspec.runtime.extern.hoist import hoist
from mlspec.runtime.extern.online import compile_many
from mlspec.runtime.extern.pool import Externs
from mlspec.runtime.extern.types import Unfit, checked

CODE = """\
import os, random, socket, sys, time

import words

seen = []


def double(x):
    return None if x is None else 2.0 * x


def loud(x):
    print("to nobody", x)
    return x


def shout(text):
    return words.louder(text)


def next_second(when):
    return when.replace(second=(when.second + 1) % 60)


def divide(x):
    return 1 / x


def counted(x):
    seen.append(x)
    return float(len(seen))


def chance(x):
    return random.random()


def name(x):
    return "other" if x > 1 else "low"


def nothing(x):
    return None


def endless(x):
    while True:
        pass


def sleeps(x):
    time.sleep(60)


def hungry(x):
    return float(len(bytearray(int(x))))


def dies(x):
    os._exit(3)


def not_a_number(x):
    return float("nan")


def whole(x):
    return 1


def text(x):
    return "x"


def environment(x):
    return ",".join(sorted(os.environ))


def connects(port):
    try:
        socket.create_connection(("127.0.0.1", int(port)), 2).close()
    except OSError:
        return False
    return True


def reaches(path):
    from pathlib import Path
    found = []
    for name in (path, f"/proc/{os.getppid()}/environ", "/root", os.path.expanduser("~")):
        try:
            found.append(os.path.isdir(name) and os.listdir(name) is not None or bool(open(name, "rb").read(1)))
        except OSError:
            found.append(False)
    try:
        Path(path).write_text("new")
        found.append(True)
    except OSError:
        found.append(False)
    Path("scratch").write_text("mine")
    found.append(Path("scratch").read_text() == "mine")
    import subprocess
    found.append(subprocess.run(["cat", path], capture_output=True).returncode == 0)
    return " ".join(str(one) for one in found)


def here(x):
    return f"{os.getcwd()} {os.listdir('.')}"


def imports(x):
    import mlspec_no_such_module


def forges(x):
    for number in range(3, 20):
        try:
            os.write(number, b"A" + (3).to_bytes(8, "little") + b"abc")
        except OSError:
            pass
    return 1.0


def half_a_table(x):
    import pyarrow as pa
    from mlspec.runtime.extern import frames
    cut = frames.to_arrow({"value": pa.array([1.0] * 300)})[:-600]
    for number in range(3, 20):
        try:
            os.write(number, frames.pack(b"A", cut))
        except OSError:
            pass
    return 1.0


def leaves(x):
    import subprocess
    child = subprocess.Popen(["sleep", "60"])
    if x > 1:
        os._exit(4)
    return float(child.pid)


def calls_on(path):
    def talk():
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)

    def to_the_host():
        socket.socket(socket.AF_VSOCK).close()

    def depart():
        child = os.fork()
        if child == 0:
            try:
                os.setsid()
            except OSError:
                os._exit(1)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            raise OSError

    def rename():
        socket.sethostname(socket.gethostname())

    def pair():
        for one in socket.socketpair():
            one.close()

    found = []
    for act in (talk, to_the_host, depart, rename, pair):
        try:
            act()
            found.append(True)
        except OSError:
            found.append(False)
    return " ".join(str(one) for one in found)


def mean(score, label):
    return float((score * label).sum() / max(label.sum(), 1))
"""
WORDS = "def louder(text):\n    return text.upper()\n"


def declaration(function: str, parameters: Any, result: str, **more: Any) -> dict[str, Any]:
    """As a plan has it."""
    limits = {"memory": more.pop("memory", 2**32), "time_limit": more.pop("time_limit", 20.0), "gpu": False}
    files = {"code/functions.py": code_digest(CODE.encode()), "code/words.py": code_digest(WORDS.encode())}
    return {
        "role": "feature", "code": "code/functions.py", "function": function, "files": files, "parameters": parameters,
        "result": result, "values": None, "network": False, "deterministic": False, "limits": limits, **more,
    }  # fmt: skip


@contextmanager
def started(root: Path, **given: dict[str, Any]) -> Iterator[Externs]:
    """Externs of a project that has the files."""
    (root / "code").mkdir(exist_ok=True)
    (root / "code/functions.py").write_text(CODE)
    (root / "code/words.py").write_text(WORDS)
    with Externs(declared([{"externs": given}]), from_project(root)) as externs:
        yield externs


def one(root: Path, function: str, column: list[Any], result: str, kind: str = "float", **more: Any) -> list[Any]:
    """What one function gives for a column."""
    types = {"float": pa.float64(), "int": pa.int64(), "string": pa.string(), "timestamp": pa.timestamp("us", tz="UTC")}
    with started(root, f=declaration(function, [["x", kind]], result, **more)) as externs:
        found: list[Any] = externs.call("f", [pa.array(column, types[kind.removesuffix("?")])]).to_pylist()
        return found


def refusal(root: Path, function: str, result: str, **more: Any) -> StageError:
    """The error of one function that is asked for 1.0."""
    with pytest.raises(StageError) as raised:
        one(root, function, more.pop("given", [1.0]), result, **more)
    return raised.value


def test_values_there_and_back(tmp_path: Path) -> None:
    assert one(tmp_path, "double", [1.0, None, -0.5], "float?", "float?", deterministic=True) == [2.0, None, -1.0]
    assert one(tmp_path, "shout", ["é", "b"], "string", "string") == ["É", "B"]  # by another file of the project
    when = datetime(2024, 2, 29, 23, 59, 59, 7, tzinfo=UTC)
    assert one(tmp_path, "next_second", [when], "timestamp", "timestamp") == [when.replace(second=0)]
    assert one(tmp_path, "double", [], "float?") == []


def test_whole_numbers_where_numbers_are_declared(tmp_path: Path) -> None:
    with started(tmp_path, f=declaration("whole", [["x", "float"]], "float")) as externs:
        assert externs.call("f", [pa.array([3], pa.int64())]).to_pylist() == [1.0]


def test_what_is_printed_meets_no_answer(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert one(tmp_path, "loud", [1.0], "float", private=True) == [1.0]
    assert "nobody" not in "".join(capfd.readouterr())
    assert one(tmp_path, "loud", [1.0], "float") == [1.0]
    assert "to nobody" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("value", "kind", "found"),
    [
        (None, "float", "null"),
        (math.nan, "float", "NaN"),
        (10**400, "float", "not finite"),
        (True, "float", "bool"),
        ("x", "float", "str"),
        (1, "string", "int"),
        (1, "bool", "int"),
        (1.0, "int", "float"),
        (2**63, "int", "64 bits"),
        (datetime(2024, 1, 1), "timestamp", "time zone"),
        (datetime(2024, 1, 1, tzinfo=UTC), "date", "datetime"),
    ],
)
def test_a_result_is_what_is_declared(value: Any, kind: str, found: str) -> None:
    with pytest.raises(Unfit, match=found):
        checked(value, kind, False, None)


def test_numbers_of_numpy_are_numbers() -> None:
    assert checked(np.float64(0.5), "float", False, None) == 0.5
    assert checked(np.bool_(True), "bool", False, None) is True
    assert checked(np.int32(3), "float", True, None) == 3.0


def test_a_wrong_result_is_told_with_its_row(tmp_path: Path) -> None:
    error = refusal(tmp_path, "nothing", "float")
    assert (error.code, error.where, error.examples) == ("MLS826", "f.code", ("row 1 of the batch",))
    assert "null" in error.found


def test_a_result_is_a_value_of_its_category(tmp_path: Path) -> None:
    assert one(tmp_path, "name", [1.0], "category", values=["low", "high"]) == ["low"]
    assert refusal(tmp_path, "name", "category", values=["low", "high"], given=[2.0]).code == "MLS826"


def test_an_error_of_the_code_has_its_line(tmp_path: Path) -> None:
    error = refusal(tmp_path, "divide", "float", given=[1.0, 0.0])
    line = CODE.splitlines().index("    return 1 / x") + 1
    assert (error.code, error.found) == ("MLS825", f"code/functions.py:{line} in divide")
    assert "ZeroDivisionError: " in error.message
    assert error.examples == ("row 2 of the batch",)


def test_of_personal_data_no_text_is_shown(tmp_path: Path) -> None:
    error = refusal(tmp_path, "divide", "float", given=[0.0], private=True)
    assert "ZeroDivisionError" in error.message
    assert "division" not in error.message


def test_missing_modules_and_functions(tmp_path: Path) -> None:
    error = refusal(tmp_path, "imports", "float")
    assert error.code == "MLS825"
    assert "`files`" in error.help
    assert "no function `absent`" in refusal(tmp_path, "absent", "float").message


def test_time_is_limited_whatever_the_code_does(tmp_path: Path) -> None:
    for function in ("endless", "sleeps"):
        before = time.monotonic()
        error = refusal(tmp_path, function, "float", time_limit=0.5)
        assert (error.code, error.where) == ("MLS827", "f.time_limit")
        assert time.monotonic() - before < 10


@pytest.mark.skipif(sys.platform != "linux", reason="address space is not limited elsewhere")
def test_memory_is_limited(tmp_path: Path) -> None:
    assert one(tmp_path, "hungry", [1e6], "float") == [1e6]
    assert refusal(tmp_path, "hungry", "float", given=[1e10], memory=2**31).code == "MLS827"


def test_a_process_that_ends_is_told_and_started_again(tmp_path: Path) -> None:
    given = {"dies": declaration("dies", [["x", "float"]], "float"), "double": declaration("double", [["x", "float"]], "float")}
    with started(tmp_path, **given) as externs:
        for _ in range(2):
            with pytest.raises(StageError) as raised:
                externs.call("dies", [pa.array([1.0])])
            assert (raised.value.code, raised.value.found) == ("MLS827", "exit status 3")
        assert externs.call("double", [pa.array([1.0])]).to_pylist() == [2.0]


def test_an_answer_that_the_code_forges_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, "forges", "float")
    assert (error.code, error.found) == ("MLS826", "bytes that are no Arrow columns")


def test_an_answer_that_ends_too_early_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, "half_a_table", "float")
    assert (error.code, error.found) == ("MLS826", "bytes that are no Arrow columns")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_the_code_starts_ends_with_it(tmp_path: Path) -> None:
    with started(tmp_path, f=declaration("leaves", [["x", "float"]], "float")) as externs:
        (first,) = externs.call("f", [pa.array([0.0])]).to_pylist()
        assert runs(int(first))
        with pytest.raises(StageError):
            externs.call("f", [pa.array([2.0])])
        assert not runs(int(first))  # the code ended its own process
        (last,) = externs.call("f", [pa.array([0.0])]).to_pylist()
        assert runs(int(last))
    assert not runs(int(last))  # it was closed


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_process_that_died_between_calls_leaves_nothing(tmp_path: Path) -> None:
    with started(tmp_path, f=declaration("double", [["x", "float"]], "float")) as externs:
        externs.call("f", [pa.array([1.0])])
        process = externs._running["f"]
        process._child.kill()
        while process.running:
            time.sleep(0.01)
        before = len(list(Path("/proc/self/fd").iterdir()))
        assert externs.call("f", [pa.array([1.0])]).to_pylist() == [2.0]
        assert len(list(Path("/proc/self/fd").iterdir())) == before
        assert not Path(process._folder.name).exists()


def runs(pid: int) -> bool:
    """Whether a process computes: one that ended and waits for its parent does not. Its end may take a moment."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state in "ZX":
            return False
        time.sleep(0.01)
    return True


def test_many_threads_ask_one_process(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with started(tmp_path, f=declaration("double", [["x", "float"]], "float")) as externs, ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda value: externs.call("f", [pa.array([value])]).to_pylist(), map(float, range(40))))
    assert found == [[2.0 * value] for value in range(40)]


def test_what_says_that_it_is_deterministic_is_held_to_it(tmp_path: Path) -> None:
    for function in ("chance", "counted"):
        assert refusal(tmp_path, function, "float", deterministic=True).code == "MLS828"
        assert one(tmp_path, function, [1.0], "float")


def test_nothing_of_the_caller_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "s3cr3t")
    (names,) = one(tmp_path, "environment", [1.0], "string")
    assert not {"SECRET_TOKEN", "PYTHONPATH", "VIRTUAL_ENV"} & set(names.split(","))
    (folder,) = one(tmp_path, "here", [1.0], "string")
    assert folder.endswith(" []")
    assert str(tmp_path) not in folder
    assert not Path(folder.split()[0]).exists()  # it went with the process


@pytest.mark.skipif(sys.platform != "linux", reason="networks are left on Linux alone")
def test_the_network_is_gone_unless_it_is_declared(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = float(server.getsockname()[1])
        open_, closed = (
            declaration("connects", [["p", "float"]], "bool", network=True),
            declaration("connects", [["p", "float"]], "bool"),
        )
        with started(tmp_path, open=open_, closed=closed) as externs:
            assert externs.call("open", [pa.array([port])]).to_pylist() == [True]
            found = externs.call("closed", [pa.array([port])]).to_pylist()
            assert found == [not externs.closed("closed")]


@pytest.mark.skipif(landlock.version() == 0, reason="this kernel has no Landlock")
def test_no_file_is_in_reach_but_its_own_and_those_of_python(tmp_path: Path) -> None:
    """Neither a file of the project, nor the parent's environment, nor a home; its scratch folder is, which is its home."""
    (tmp_path / "secret.txt").write_text("old")
    with started(tmp_path, f=declaration("reaches", [["x", "string"]], "string")) as externs:
        (found,) = externs.call("f", [pa.array([str(tmp_path / "secret.txt")])]).to_pylist()
        assert externs.kept("f")
    assert found == "False False False True False True False"
    assert (tmp_path / "secret.txt").read_text() == "old"


@pytest.mark.skipif(not calls.limitable(), reason="the numbers of this machine's calls are not known")
def test_no_daemon_of_the_machine_opens_what_is_closed(tmp_path: Path) -> None:
    """A socket with a path, one to the host of a virtual machine, a group that nobody ends, a root's rights; a pair of its own it has."""
    import socket

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "daemon"))
        server.listen()
        given = declaration("calls_on", [["x", "string"]], "string")
        with started(tmp_path, none=given, all={**given, "network": True}) as externs:
            for name in ("none", "all"):
                found = externs.call(name, [pa.array([str(tmp_path / "daemon")])]).to_pylist()
                assert found == ["False False False False True"]


def test_a_kernel_without_landlock_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "_call", lambda *arguments: -1)
    assert landlock.version() == 0
    assert not landlock.keep_to([], [])


def test_rows_of_a_test_may_lack_values(tmp_path: Path) -> None:
    given = declaration("divide", [["x", "float"]], "float")
    with started(tmp_path, f=given) as externs:
        externs.partial = True
        assert externs.call("f", [pa.array([4.0, None, 2.0])]).to_pylist() == [0.25, None, 0.5]
        assert externs.call("f", [pa.array([None], pa.float64())]).to_pylist() == [None]


def test_code_that_is_another_does_not_run(tmp_path: Path) -> None:
    with started(tmp_path, f=declaration("double", [["x", "float"]], "float")) as externs:
        (tmp_path / "code/words.py").write_text(WORDS + "\n")
        with pytest.raises(StageError) as raised:
            externs.call("f", [pa.array([1.0])])
    assert raised.value.code == "MLS824"
    assert "code/words.py" in raised.value.message


def test_what_the_project_does_not_allow_does_not_run(tmp_path: Path) -> None:
    both = [f"sha256:{code_digest(text.encode())}" for text in (CODE, WORDS)]
    (tmp_path / "mlspec.toml").write_text(f'[extern]\nallow = ["{both[0]}"]\n')
    error = refusal(tmp_path, "double", "float")
    assert (error.code, error.found) == ("MLS824", both[1])
    (tmp_path / "mlspec.toml").write_text(f"[extern]\nallow = {both}\n")
    assert one(tmp_path, "double", [1.0], "float") == [2.0]
    (tmp_path / "mlspec.toml").write_text("[extern\n")
    assert refusal(tmp_path, "double", "float").code == "MLS116"


def test_line_ends_and_marks_are_no_other_code() -> None:
    assert code_digest(b"\xef\xbb\xbfa = 1\r\n") == code_digest(b"a = 1\n") != code_digest(b"a = 1")


def test_a_metric_is_asked_for_many_draws_by_one_process(tmp_path: Path) -> None:
    given = declaration("mean", [["score", "list(float)"], ["label", "list(bool)"]], "float", role="metric", deterministic=True)
    with started(tmp_path, m=given) as externs:
        one_, other = (
            externs.measure("m", [pa.array(scores), pa.array([True, True, False])])
            for scores in ([1.0, 2.0, 9.0], [3.0, 5.0, 0.0])
        )
        assert (one_.whole(), other.whole()) == (1.5, 4.0)
        before = os.times().elapsed
        drawn = [
            one_.drawn(pa.array([first, second, 0], pa.int32()).buffers()[1].to_pybytes()) for first, second in ((2, 0), (0, 1))
        ]
        assert drawn == [1.0, 2.0]
        assert os.times().elapsed - before < 5


F = declaration("double", [["x", "float?"]], "float?")


def test_calls_are_taken_out_once_and_innermost_first() -> None:
    inner = ["extern", "f", [["col", "a", "float"]], "float?"]
    outer = ["extern", "f", [["call", "+", [inner, ["lit", 1.0, "float"]], {}]], "float?"]
    hoisted = hoist({"one": outer, "two": ["call", "abs", [inner], {}]})
    assert [[call.column for call in calls] for calls in hoisted.rounds] == [["f(a)"], ["f(f(a) + 1)"]]
    assert hoisted.forms == {"one": ["col", "f(f(a) + 1)", "float?"], "two": ["call", "abs", [["col", "f(a)", "float?"]], {}]}
    assert hoisted.columns() == ["a"]


def test_records_go_through_calls_inside_calls(tmp_path: Path) -> None:
    inner = ["extern", "f", [["col", "a", "int"]], "float?"]
    outer = ["extern", "f", [["call", "+", [inner, ["lit", 1.0, "float"]], {}]], "float?"]
    with started(tmp_path, f=F) as externs:
        found = compile_many({"v": outer}, externs)([{"a": 1}, {"a": None}, {}, {"a": 10}])
    assert [line["v"] for line in found] == [6.0, None, None, 42.0]
    assert all(value is None or math.isfinite(value) for line in found for value in line.values())
