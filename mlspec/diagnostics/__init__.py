"""What mlspec tells its user: the table of codes, diagnostics, their collection and rendering."""

from __future__ import annotations

from mlspec.diagnostics.collector import Collector
from mlspec.diagnostics.diagnostic import Code, Diagnostic, Edit, Note, Waived
from mlspec.diagnostics.table import all_codes, code

__all__ = ["Code", "Collector", "Diagnostic", "Edit", "Note", "Waived", "all_codes", "code"]
