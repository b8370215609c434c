"""What all tests share: the flag that writes golden files."""

from __future__ import annotations

import pytest

from tests.support import golden


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files instead of comparing with them")


def pytest_configure(config: pytest.Config) -> None:
    golden.Mode.update = bool(config.getoption("--update-golden"))
