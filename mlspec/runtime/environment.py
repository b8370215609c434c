"""The fingerprint of the machine and the libraries: recorded with every complete stage, part of no key."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from mlspec.graph.versions import installed_versions

__all__ = ["fingerprint", "installed_versions", "prepare_to_fork", "THREAD_VARIABLES"]

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def prepare_to_fork() -> None:
    """Have libraries start no threads: one a process for BLAS and OpenMP, no helper for Arrow's allocator.

    Call it before numpy and pyarrow are imported: they read this once.
    """
    for name in THREAD_VARIABLES:
        os.environ[name] = "1"
    os.environ["JE_ARROW_MALLOC_CONF"] = "background_thread:false"


def fingerprint(packages: Mapping[str, str]) -> dict[str, Any]:
    """Python, operating system, C library, processor, BLAS, package versions and thread counts of this process."""
    system = os.uname()
    return {
        "python": {"version": sys.version.split()[0], "implementation": sys.implementation.name, "build": sys.version},
        "system": {"name": system.sysname, "release": system.release, "machine": system.machine, "libc": _libc()},
        "processor": _processor(),
        "blas": _blas(),
        "packages": dict(packages),
        "threads": {name: os.environ.get(name) for name in THREAD_VARIABLES},
        "variables": {name: os.environ.get(name) for name in ("PYTHONHASHSEED", "TZ", "LC_ALL", "OPENBLAS_CORETYPE")},
    }


def _libc() -> str | None:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):  # another C library knows no such name
        return None


def _processor() -> dict[str, Any]:
    found: dict[str, Any] = {"cores": os.cpu_count()}
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - a system file, not ours
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() in ("model name", "flags"):
                    found.setdefault(name.strip().replace(" ", "_"), value.strip())
                if not line.strip():
                    break
    except OSError:
        return found
    return found


def _blas() -> list[dict[str, Any]]:
    """The numerical libraries loaded so far; nothing is loaded to find out."""
    if "numpy" not in sys.modules:
        return []
    from threadpoolctl import threadpool_info

    wanted = ("internal_api", "version", "architecture", "num_threads", "threading_layer")
    return [{name: library[name] for name in wanted if name in library} for library in threadpool_info()]
