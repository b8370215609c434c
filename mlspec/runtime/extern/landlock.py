"""Landlock: the kernel keeps this process and what it starts from every file that is not on a list, for good.

Three system calls, the same numbers on every machine (Linux 5.13 and newer). What a kernel does not know yet is left out of the
question, never of the answer: `version` says how much it can.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION = 1
_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _DEVICE = 1 << 14, 1 << 15
_ALL_OF_FIRST = (1 << 13) - 1
_NEW = ((2, 1 << 13), (3, _TRUNCATE), (5, _DEVICE))
"""What later versions of the interface add: links between folders, truncation, commands to devices."""
_OF_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _DEVICE
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_SCOPES = 0b11  # abstract sockets and signals end at this process and what it starts

_SYSTEM = (
    "/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/nix/store", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d",
    "/etc/alternatives", "/etc/localtime", "/etc/timezone", "/etc/mime.types", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/os-release",
    "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version", "/proc/filesystems", "/proc/sys/kernel", "/proc/sys/vm",
    "/sys/devices/system", "/sys/fs/cgroup", "/sys/kernel/mm", "/dev/urandom", "/dev/random", "/dev/zero",
)  # fmt: skip
_NETWORK = ("/etc/resolv.conf", "/etc/hosts", "/etc/services", "/etc/ssl", "/etc/ca-certificates", "/run/systemd/resolve")
_ACCELERATOR = ("/proc", "/sys", "/etc/OpenCL", "/opt", "/run/nvidia-persistenced")
DEVICES = ("/dev",)
"""What an accelerator is spoken to by."""


class _Rules(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def version() -> int:
    """How much of Landlock the kernel has; 0 for none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_call(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))))


def readable(*, network: bool, gpu: bool) -> Iterator[str]:
    """What Python and its libraries are, and what they look up of the system: nothing of a project, a home or a store."""
    yield from _SYSTEM
    yield from _NETWORK if network else ()
    yield from _ACCELERATOR if gpu else ()
    for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix}:
        yield from (f"{prefix}/{name}" for name in ("bin", "include", "lib", "lib64", "share", "pyvenv.cfg"))
    for entry in sys.path:
        yield from _modules(entry)


def _modules(entry: str) -> Iterator[str]:
    """A folder of installed packages; of one that holds other things too, as that of a project, its packages and modules alone."""
    if Path(entry).name in ("site-packages", "dist-packages", "lib-dynload") or entry.endswith(".zip"):
        yield entry
        return
    with suppress(OSError):
        for found in os.scandir(entry or "."):
            if found.name.endswith((".py", ".so")) or (found.is_dir() and Path(found.path, "__init__.py").is_file()):
                yield found.path


def keep_to(read: Iterable[str], write: Iterable[str]) -> bool:
    """Keep this thread, and what it starts, to these files and folders; False where the kernel cannot. One thread only may run."""
    known = version()
    if known < 1:
        return False
    handled = _ALL_OF_FIRST | sum(bits for since, bits in _NEW if known >= since)
    rules = _Rules(handled, 0, _SCOPES if known >= 6 else 0)
    size = 8 if known < 4 else 16 if known < 6 else 24
    ruleset = _call(_CREATE, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))
    if ruleset < 0:
        return False
    try:
        for path in dict.fromkeys(read):
            _allow(ruleset, path, _READ)
        for path in dict.fromkeys(write):
            _allow(ruleset, path, handled)
        return _call(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0)) == 0
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, access: int) -> None:
    """Permit what lies beneath a path; one that is not there needs no permission."""
    try:
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rule = _Beneath(access if Path(path).is_dir() else access & _OF_FILE, folder)
        _call(_ADD, ctypes.c_int(ruleset), ctypes.c_int(_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0))
    finally:
        os.close(folder)


def _call(number: int, *arguments: object) -> int:
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    found: int = call(ctypes.c_long(number), *arguments)
    return found
