"""Where and how precisely a network is trained: threads, determinism, device and number format."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

from mlspec.runtime.errors import StageError

CPU, GPU = "cpu", "cuda"


def device_of(config: Mapping[str, Any], where: str) -> str:
    """`cpu` or `cuda` of a training in one process; StageError MLS704 for a GPU that is not there."""
    import torch

    strategy = config["strategy"]
    if not strategy["gpus"]:
        if config["precision"] in ("tf32", "fp16"):
            raise StageError(
                "MLS209", f"`{config['precision']}` is a number format of GPUs", f"{where}.precision", expected="fp32 or bf16 on a CPU",
                found=str(config["precision"]), help="say `strategy = single(gpus: 1)`",
            )  # fmt: skip
        return CPU
    if not torch.cuda.is_available():
        raise StageError(
            "MLS704", f"`{where}` is to be trained on a GPU, and torch finds none", f"{where}.strategy", expected="a GPU, its driver and a torch for it",
            found=f"torch {torch.__version__} without a GPU", help="lower it in an `env`, or run where there is one",
        )  # fmt: skip
    return GPU


@contextmanager
def settled(threads: int, precision: str, device: str) -> Iterator[None]:
    """A fixed number of threads and kernels that give the same sums every time; as they were afterwards."""
    import torch

    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.get_float32_matmul_precision()
    if device == GPU:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when its first product is computed
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # nothing reads what it did not write
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        torch.set_float32_matmul_precision(before[2])


def autocast(precision: str, device: str) -> Any:
    """What the forward pass is computed in."""
    import torch

    if precision not in ("bf16", "fp16"):
        return nullcontext()
    return torch.autocast(device, dtype=torch.bfloat16 if precision == "bf16" else torch.float16)


def scaler_of(precision: str, device: str) -> Any:
    """What keeps small gradients of `fp16` from vanishing; of other formats nothing."""
    import torch

    return torch.amp.GradScaler(device, enabled=precision == "fp16")
