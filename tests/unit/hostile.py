"""The child of test_spec_hostile.py: `check` and `fmt` on files under limits, and under a hook that refuses what a compiler must not do.

    python -m tests.unit.hostile FILE…          both commands on each file; prints one line of JSON
    python -m tests.unit.hostile --provoke WHAT  does WHAT, to show that the hook sees it

It imports nothing but the standard library before the hook stands.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
import time
from contextlib import redirect_stderr, redirect_stdout

MEMORY = 512 * 2**20
SECONDS = 5
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
REFUSED = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "ctypes.", "pickle.", "winreg.",
           "urllib.", "http.", "ftplib.", "smtplib.", "webbrowser.", "sqlite3.", "marshal.load", "os.putenv", "os.kill")  # fmt: skip
CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "shutil.")
PROCESSES_AND_NETWORK = {"socket", "_socket", "ssl", "_ssl", "subprocess", "_posixsubprocess", "multiprocessing", "asyncio", "http",
                         "urllib", "ftplib", "smtplib", "telnetlib", "ctypes", "_ctypes", "pickle", "_pickle", "sqlite3"}  # fmt: skip
HARMLESS = ("urllib", "urllib.parse")  # the text of addresses, which pathlib reads
ALLOWED = (set(sys.stdlib_module_names) - PROCESSES_AND_NETWORK) | {
    "mlspec",
    "_sha2",
}  # `_sha2` is of later Pythons: hashing falls back
CACHE = f"{os.sep}.mlspec{os.sep}cache"
STATE = os.sep + ".mlspec"

violations: list[str] = []


def hook(event: str, args: tuple[object, ...]) -> None:
    """Refuses and notes what G1 forbids."""
    fault = ""
    if event == "import":
        top = str(args[0]).partition(".")[0]
        of_python = top in ALLOWED or top.startswith("_sysconfigdata")  # zoneinfo reads that, under a name of the machine
        fault = "" if of_python or args[0] in HARMLESS else f"import {args[0]}"
    elif event == "open":
        path, mode, flags = args
        writes = (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & WRITES)
        fault = f"write {path}" if writes and CACHE not in str(path) and path != os.devnull else ""
    elif event.startswith(CHANGES):
        path = str(args[0])
        inside = CACHE in path or (event == "os.mkdir" and path.endswith(STATE))
        fault = "" if inside else f"{event} {path}"
    elif event.startswith(REFUSED) and event != "marshal.loads":
        fault = f"{event} {args!r}"
    if fault:
        violations.append(fault[:200])
        raise (ImportError if event == "import" else PermissionError)(fault[:200])


def limit() -> None:
    """The limits of an untrusted spec: 512 MiB and 5 s of processor time for each file."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    spent = int(time.process_time())
    resource.setrlimit(resource.RLIMIT_CPU, (spent + SECONDS + 1, spent + SECONDS + 1))


def ask(arguments: list[str]) -> dict[str, object]:
    """One command in this process: its exit code, what it said, and the time it took."""
    from mlspec.cli.dispatch import dispatch

    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    out, err = io.StringIO(), io.StringIO()
    start = time.process_time()
    with redirect_stdout(out), redirect_stderr(err):
        code = dispatch(arguments)
    assert (soft, hard) == resource.getrlimit(resource.RLIMIT_CPU)
    said = out.getvalue() + err.getvalue()
    return {"arguments": arguments, "code": code, "seconds": time.process_time() - start, "said": said[:2_000]}


def provoke(what: str) -> None:
    """Does what is forbidden; the hook notes it."""
    acts = {
        "import": lambda: __import__("numpy"),
        "socket": lambda: __import__("socket"),
        "process": lambda: os.system("true"),
        "fork": os.fork,
        "write": lambda: os.open("x", os.O_WRONLY | os.O_CREAT),
        "remove": lambda: os.unlink("x"),  # noqa: PTH108
    }
    try:
        acts[what]()
    except (ImportError, PermissionError) as error:
        print(error)


def main(arguments: list[str]) -> None:
    if arguments[0] == "--provoke":
        sys.addaudithook(hook)
        provoke(arguments[1])
        return
    alone = len(arguments) == 1
    if alone:
        limit()
    else:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    sys.addaudithook(hook)
    results = [ask([*command, path]) for path in arguments for command in (["check"], ["fmt", "--check"])]
    print(json.dumps({"violations": violations, "results": results}))


if __name__ == "__main__":
    main(sys.argv[1:])
