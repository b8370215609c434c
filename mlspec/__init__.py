"""mlspec, a small total language for machine-learning systems, and its compiler. This is the public API.

Importing it imports nothing else, not even of the standard library: every command pays for what stands here.
"""

TYPE_CHECKING = False  # type checkers take it as true by its name; importing it from typing costs a sixth of an empty Python
if TYPE_CHECKING:
    from mlspec.api import CompileError, check, compile, load
    from mlspec.diagnostics import Diagnostic

__version__ = "0.1.0"
__all__ = ["CompileError", "Diagnostic", "check", "compile", "load", "__version__"]


def __getattr__(name: str) -> object:
    """The API's names load when they are first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module("mlspec.diagnostics" if name == "Diagnostic" else "mlspec.api"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
