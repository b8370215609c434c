"""`--untrusted`: a command over specs of strangers runs in a child that can neither take the machine's memory nor run on without end.

The compiler bounds what it does by itself; this holds should a bound be missing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from mlspec.cli import exits

SECONDS = 5
"""Of computing, for each spec."""

MEMORY = 512 * 2**20
_ACTIVE: list[bool] = []


def guarded(run: Callable[[], int]) -> int:
    """The exit code of a command that runs under the limits; what the child printed is printed, also where a limit ended it."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        import resource

        child = os.fork()
    except (ImportError, AttributeError):
        raise exits.CommandError(
            "`--untrusted` needs limits that this system does not have", help="run it on Linux or macOS, or in a container"
        ) from None
    if child == 0:
        _child(run, resource.RLIM_INFINITY)
    status = _wait(child)
    if os.WIFEXITED(status):
        return os.WEXITSTATUS(status)
    import signal

    if os.WTERMSIG(status) == signal.SIGXCPU:
        raise exits.CommandError(f"a spec takes longer than {SECONDS} seconds", exits.FOUND, expected="less work for the compiler",
                                 help="find it with `mlspec check` on fewer files; without `--untrusted` there is no limit")  # fmt: skip
    raise exits.CommandError(f"the command was ended by signal {os.WTERMSIG(status)}", exits.FOUND)


def next_spec() -> None:
    """A spec begins: its time is its own."""
    if _ACTIVE:
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        wanted = int(used.ru_utime + used.ru_stime) + 1 + SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _child(run: Callable[[], int], unlimited: int) -> None:
    """Run the command under the limits and end the process, whatever comes."""
    import resource
    import signal

    code = exits.INTERNAL
    try:
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        most = MEMORY if hard == unlimited else min(MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        _ACTIVE.append(True)
        next_spec()
        code = run()
        sys.stdout.flush()
    except SystemExit as end:  # argparse has said what it has to say
        code = end.code if isinstance(end.code, int) else exits.USAGE
    finally:
        sys.stderr.flush()
        os._exit(code)


def _wait(child: int) -> int:
    """How the child ended; an interrupt of the keyboard reaches it too, and is waited for."""
    while True:
        try:
            return os.waitpid(child, 0)[1]
        except KeyboardInterrupt:
            continue
