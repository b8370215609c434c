"""The targets that are installed, for commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlspec.cli import exits

if TYPE_CHECKING:
    from mlspec.backend import Backend, Finding
    from mlspec.graph import Graph


def find_backend(name: str) -> Backend:
    """The backend of a target, or a usage error that says why there is none."""
    from mlspec.registry import RegistryError, load_backend

    try:
        return load_backend(name)
    except RegistryError as error:
        raise exits.CommandError(error.message, expected=error.expected, found=error.found, help=error.help) from error


def all_backends() -> dict[str, Backend | str]:
    """Every registered backend by name; of one that cannot be loaded, the reason."""
    from mlspec.registry import RegistryError, entries, load_backend

    found: dict[str, Backend | str] = {}
    for name in dict.fromkeys(entry.name for entry in entries()):
        try:
            found[name] = load_backend(name)
        except RegistryError as error:
            found[name] = error.message
    return found


def capability_findings(backend: Backend, graph: Graph) -> list[Finding]:
    """What the target lacks of what the graph asks. The other targets are loaded only when one is wanted as the way out."""
    from mlspec.backend import Backend, check_capabilities

    findings = check_capabilities(backend, graph)
    if any(item.code == "MLS701" for item in findings):
        others = {name: other for name, other in all_backends().items() if isinstance(other, Backend)}
        return check_capabilities(backend, graph, others)
    return findings


def wait_findings(backend: Backend) -> list[Finding]:
    """What there is to say of a target that is asked to wait for a run that is going on."""
    from mlspec.backend import Backend
    from mlspec.backend.capabilities import check_wait

    if not check_wait(backend, {}):
        return []
    return check_wait(backend, {name: other for name, other in all_backends().items() if isinstance(other, Backend)})


def target_findings(backend: Backend, graph: Graph) -> list[Finding]:
    """Everything that the target has to say about a graph; nothing is written."""
    return [*capability_findings(backend, graph), *backend.emit(graph, read_options(backend, ())).findings]


def read_options(backend: Backend, given: Sequence[str], root: str | None = None) -> dict[str, object]:
    """The `--option name=value` flags of a target, read by its types; `root` is the way from its files to the project root."""
    from mlspec.backend import OptionError

    pairs = {text.partition("=")[0]: text.partition("=")[2] for text in given}
    try:
        return backend.read_options(pairs) if root is None else backend.read_options(pairs, root)
    except OptionError as error:
        raise exits.CommandError(str(error), expected=error.expected, found=error.found) from error
