"""Watching a served model: reference statistics, drift and delayed performance over the request log, alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlspec.runtime.monitor.loop import main
    from mlspec.runtime.monitor.once import MonitorReport, monitor_once

__all__ = ["MonitorReport", "main", "monitor_once"]

_HOMES = {"main": "loop", "monitor_once": "once", "MonitorReport": "once"}


def __getattr__(name: str) -> Any:
    """numpy loads only when something is measured."""
    if name not in _HOMES:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"mlspec.runtime.monitor.{_HOMES[name]}"), name)
