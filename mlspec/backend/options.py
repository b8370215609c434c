"""Typed options of a target: `--option name=value`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlspec.refusal import Refusal


class OptionError(Refusal):
    """An option given to a backend is unknown or of another type."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a backend: `--option name=value`. `type` is str, int, float or bool."""

    name: str
    type: type[str] | type[int] | type[float] | type[bool]
    default: Any
    doc: str

    def read(self, text: str) -> Any:
        """The value of the option as written on the command line; OptionError says what would have fitted."""
        if self.type is bool:
            if text not in ("true", "false"):
                raise OptionError(f"the option `{self.name}` does not fit", expected="true or false", found=text)
            return text == "true"
        try:
            return self.type(text)
        except ValueError:
            raise OptionError(f"the option `{self.name}` does not fit", expected=self.type.__name__, found=text) from None
