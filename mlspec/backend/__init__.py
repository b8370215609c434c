"""What the author of a backend imports: the `Backend` row, its typed options, its capabilities as data, what `emit` returns.

A backend is found by the entry-point group `mlspec.backends`. The smallest one is a name and a function:

    backend = Backend(name="list", summary="the stage ids, one a line", emit=lambda graph, options: Emitted({"stages": …}))
"""

from mlspec.backend.artifacts import gates_passed, read_artifacts, read_verdicts
from mlspec.backend.capabilities import NEEDS, Capability, Support, capability, check_capabilities, needs_of
from mlspec.backend.compiled import MAP, Compiled, CompiledError, differences, read_map, write_compiled
from mlspec.backend.emitted import Emitted, Finding, Origin
from mlspec.backend.options import Option, OptionError
from mlspec.backend.running import RunRequest, RunResult
from mlspec.backend.target import Backend, Emit, Prepare, Run, Verify, later
from mlspec.backend.text import At, Text, to_json, to_yaml

__all__ = [
    "Backend", "later", "Emit", "Run", "Verify", "Prepare", "Option", "OptionError", "Finding", "Origin", "Emitted", "RunRequest", "RunResult",
    "NEEDS", "Capability", "Support", "capability", "check_capabilities", "needs_of", "At", "Text", "to_json", "to_yaml",
    "MAP", "Compiled", "CompiledError", "differences", "read_map", "write_compiled",
    "read_artifacts", "read_verdicts", "gates_passed",
]  # fmt: skip
