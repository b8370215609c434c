"""The targets that are installed, for commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlspec.cli import exits

if TYPE_CHECKING:
    from mlspec.backend import Backend


def find_backend(name: str) -> Backend:
    """The backend of a target, or a usage error that says why there is none."""
    from mlspec.registry import RegistryError, load_backend

    try:
        return load_backend(name)
    except RegistryError as error:
        raise exits.CommandError(error.message, expected=error.expected, found=error.found, help=error.help) from error


def read_options(backend: Backend, given: list[str]) -> dict[str, object]:
    """The `--option name=value` flags of a target, read by its types."""
    from mlspec.backend import OptionError

    try:
        return backend.read_options({text.partition("=")[0]: text.partition("=")[2] for text in given})
    except OptionError as error:
        raise exits.CommandError(str(error), expected=error.expected, found=error.found) from error
