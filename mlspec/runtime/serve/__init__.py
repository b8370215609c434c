"""Real-time serving of a package: `main` runs it; `create_app` is the application for tests and other servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlspec.runtime.serve.app import create_app
    from mlspec.runtime.serve.main import main
    from mlspec.runtime.serve.release import find_release

__all__ = ["main", "create_app", "find_release"]

_HOMES = {"main": "main", "create_app": "app", "find_release": "release"}


def __getattr__(name: str) -> Any:
    """FastAPI and uvicorn load only when a server is made."""
    if name not in _HOMES:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"mlspec.runtime.serve.{_HOMES[name]}"), name)
