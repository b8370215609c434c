"""Seccomp: system calls that go round the lists of files and the empty network are refused to a process, for good.

A socket with a path is no file to Landlock, and neither it nor one to the host of a virtual machine belongs to a network that can
be left: a daemon behind it would open files and connections for the code. Six calls, no list of those that libraries need.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from typing import NamedTuple

_SECCOMP, _FILTER = 22, 2
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050001
"""Go on; end with EPERM."""
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_OTHER_NUMBERS = 0x40000000
"""From here on numbers mean the calls of another interface to the same kernel (x32)."""
_FAMILIES = (2, 10, 16)
"""Sockets of the network that the process is in: IPv4, IPv6, and what tells about both."""

_CAPABILITIES = 0x20080522
_OF_FILES = 0b1111
"""Capabilities of a root over files, which the list of files bounds: folders that it writes may be another user's."""


class _Machine(NamedTuple):
    """The kernel's name of a processor, and its numbers of calls."""

    name: int
    socket: int
    refused: tuple[int, ...]


_MACHINES = {  # setpgid, setsid: out of the group that is ended; io_uring: sockets without `socket`; add_key, request_key, keyctl
    "x86_64": _Machine(0xC000003E, 41, (109, 112, 425, 248, 249, 250)),
    "aarch64": _Machine(0xC00000B7, 198, (154, 157, 425, 217, 218, 219)),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


def limitable() -> bool:
    """Whether the calls of this machine are known."""
    return sys.platform == "linux" and os.uname().machine in _MACHINES


def limit_calls() -> bool:
    """Refuse these calls to this thread and what it starts, which must have given up new privileges; False where that cannot be."""
    if not limitable():
        return False
    steps = _steps(_MACHINES[os.uname().machine])
    held = ctypes.create_string_buffer(b"".join(steps))
    program = _Program(len(steps), ctypes.addressof(held))
    return bool(ctypes.CDLL(None, use_errno=True).prctl(_SECCOMP, _FILTER, ctypes.byref(program), 0, 0) == 0)


def _steps(machine: _Machine) -> list[bytes]:
    """The program of the filter. A jump counts the steps that it leaves out, where the answer is yes and where it is no."""
    found = [
        _step(_LOAD, _ARCHITECTURE), _step(_EQUAL, machine.name, 1, 0), _step(_RETURN, _REFUSE),
        _step(_LOAD, _NUMBER), _step(_AT_LEAST, _OTHER_NUMBERS, 0, 1), _step(_RETURN, _REFUSE),
    ]  # fmt: skip
    for number in machine.refused:
        found += [_step(_EQUAL, number, 0, 1), _step(_RETURN, _REFUSE)]
    found += [_step(_EQUAL, machine.socket, 1, 0), _step(_RETURN, _ALLOW), _step(_LOAD, _FIRST_ARGUMENT)]
    for family in _FAMILIES:
        found += [_step(_EQUAL, family, 0, 1), _step(_RETURN, _ALLOW)]
    return [*found, _step(_RETURN, _REFUSE)]


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def drop_privileges() -> None:
    """Give up what a root may do beside files: devices, the clock, modules of the kernel, other processes."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "capset"):
        return
    head = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITIES, 0))
    held = ctypes.create_string_buffer(24)
    if libc.capget(head, held) != 0:
        return
    effective, permitted, _, *_ = struct.unpack("=6I", held.raw[:24])
    kept = struct.pack("=6I", effective & _OF_FILES, permitted & _OF_FILES, 0, 0, 0, 0)
    libc.capset(head, ctypes.create_string_buffer(kept))
