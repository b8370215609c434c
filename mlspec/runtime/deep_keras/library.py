"""Keras on TensorFlow, opened so that the same training gives the same bytes: threads, kernels and devices are settled first."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from mlspec.runtime.errors import StageError

BACKEND = "tensorflow"
# Read when TensorFlow is imported. oneDNN picks other kernels by processor and says so on every start.
_ENVIRONMENT = {"KERAS_BACKEND": BACKEND, "TF_CPP_MIN_LOG_LEVEL": "2", "TF_ENABLE_ONEDNN_OPTS": "0"}


def refuse_what_is_not_built(config: Mapping[str, Any], where: str) -> None:
    """StageError MLS901 for what only PyTorch trains yet: on a GPU, or on several devices."""
    strategy = config["strategy"]
    if strategy["name"] != "single" or strategy.get("gpus"):
        raise StageError(
            "MLS901", f"the strategy `{strategy['name']}` with TensorFlow is not built yet", f"{where}.strategy", expected="single()",
            found=", ".join(f"{name} {value}" for name, value in strategy.items()), help="train on the CPU, or leave `framework` out: PyTorch has it",
        )  # fmt: skip
    if config["precision"] not in ("fp32", "bf16"):
        raise StageError(
            "MLS209", f"`{config['precision']}` is a number format of GPUs", f"{where}.precision", expected="fp32 or bf16",
            found=str(config["precision"]), help="leave `precision` out",
        )  # fmt: skip


def open_keras(threads: int, where: str, fixed: bool = True) -> None:
    """Settle TensorFlow for this process; StageError MLS812 without it, MLS704 where it began with something else already.

    Unless `fixed`, its operators may add in another order each time, as they do where nobody asks.
    """
    if BACKEND not in sys.modules:
        os.environ.update(_ENVIRONMENT)
    elif os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "0":
        raise _begun(where, "TensorFlow with kernels that differ by processor")
    try:
        import keras
        import tensorflow as tf
    except ImportError as error:
        raise StageError(
            "MLS812", f"`{where}` is trained with TensorFlow, which is not installed", f"{where}.framework", expected="keras and tensorflow",
            found=f"no module `{error.name}`", help="install it: pip install 'mlspec-lang[tensorflow]'",
        ) from error  # fmt: skip
    if keras.backend.backend() != BACKEND:
        raise _begun(where, f"Keras on {keras.backend.backend()}")
    threading = tf.config.threading
    if (threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads()) != (threads, 1):
        try:
            threading.set_intra_op_parallelism_threads(threads)
            threading.set_inter_op_parallelism_threads(1)
            tf.config.set_visible_devices([], "GPU")
        except RuntimeError as error:
            raise _begun(where, f"TensorFlow with {threading.get_intra_op_parallelism_threads()} threads") from error
    if fixed:
        tf.config.experimental.enable_op_determinism()


def _begun(where: str, found: str) -> StageError:
    return StageError(
        "MLS704", f"`{where}` needs TensorFlow as it begins, and this process has begun it already", f"{where}.framework",
        expected="a process of its own for the stage", found=found, help="run it with `mlspec run`",
    )  # fmt: skip
