"""What the process of an extern is held to, by the kernel, before any of its code is read."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from mlspec.runtime.extern import calls, landlock

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_NO_NEW_PRIVILEGES = 38
_OPEN_FILES, _FILE_SIZE = 256, 64 * 2**20


class Held(NamedTuple):
    """What the kernel holds a process to: whether the network is as declared, and whether other files are out of reach."""

    closed: bool
    files: bool


def confine(memory: int, *, network: bool, gpu: bool, write: Sequence[str], largest: int = _FILE_SIZE) -> Held:
    """Hold this process to its limits, and its own files to the folders `write`. To be called with one thread and nothing imported."""
    left = network or leave_network()
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        calls.drop_privileges()
    if not gpu:  # drivers of accelerators reserve address space far beyond what they use
        _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_FSIZE, largest)
    read = landlock.readable(network=network, gpu=gpu)
    files = landlock.keep_to(read, [*write, "/dev/null", *(landlock.DEVICES if gpu else ())])
    limited = gpu or calls.limit_calls()  # drivers of accelerators speak to daemons over sockets with a path
    return Held(network or (left and limited), files)


def _limit(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    value = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (value, value))


def more_time(seconds: float) -> None:
    """Give the process so much computing from now on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    wanted = int(used.ru_utime + used.ru_stime + seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def leave_network() -> bool:
    """Leave the machine's network for an empty one; False where the kernel does not let a process do that."""
    if sys.platform != "linux":
        return False
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_NET) == 0:
        return True
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(_NEW_USER | _NEW_NET) != 0:
        return False
    with suppress(OSError):  # without the map files are read as nobody, which is less
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    return True


def end_with(descriptor: int) -> None:
    """End this process and what it started when the other end of a pipe is gone, whatever the code is doing."""

    def wait() -> None:
        with suppress(OSError):
            while os.read(descriptor, 1):
                pass
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(137)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()
