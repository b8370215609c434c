"""A torch module as an ONNX graph, for networks that torch alone knows."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_OPSET = 18


def exported(module: Any, rows: Any) -> Any:
    """The graph of a module from rows (any number, width) to what it says of them, found by running it on a few."""
    import torch

    with quiet("torch.onnx", "onnxscript", "onnx_ir"), torch.no_grad():
        found = torch.onnx.export(
            module.eval(), (rows,), dynamo=True, opset_version=_OPSET, dynamic_shapes=({0: torch.export.Dim("rows")},), verbose=False
        )  # fmt: skip
    assert found is not None
    return found.model_proto


@contextmanager
def quiet(*names: str) -> Iterator[None]:
    """No notes of these libraries: on what they looked for and did not find, or on weights that a new head has not."""
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
