"""GPUs and shared memory as Kubernetes has them: how many of a resource, on nodes whose labels say the kind, and `/dev/shm`.

Nodes say what GPU they have by one label or the other: NVIDIA's operator writes `nvidia.com/gpu.product`, Google's clusters
`cloud.google.com/gke-accelerator`. A kind of the table is asked for by both, and any other one is taken as the label's own word.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlspec.graph import Resources
from mlspec_kfp.settings import Settings

Tree = dict[str, Any]

PRODUCT, GKE = "nvidia.com/gpu.product", "cloud.google.com/gke-accelerator"

KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "nvidia-t4": ("nvidia-tesla-t4", ("Tesla-T4",)),
    "nvidia-v100": ("nvidia-tesla-v100", ("Tesla-V100-SXM2-16GB", "Tesla-V100-SXM2-32GB", "Tesla-V100-PCIE-16GB", "Tesla-V100-PCIE-32GB")),
    "nvidia-l4": ("nvidia-l4", ("NVIDIA-L4",)),
    "nvidia-a10": ("", ("NVIDIA-A10",)),
    "nvidia-a10g": ("", ("NVIDIA-A10G",)),
    "nvidia-l40s": ("", ("NVIDIA-L40S",)),
    "nvidia-a100-40gb": ("nvidia-tesla-a100", ("NVIDIA-A100-SXM4-40GB", "NVIDIA-A100-PCIE-40GB")),
    "nvidia-a100-80gb": ("nvidia-a100-80gb", ("NVIDIA-A100-SXM4-80GB", "NVIDIA-A100-80GB-PCIe")),
    "nvidia-h100-80gb": ("nvidia-h100-80gb", ("NVIDIA-H100-80GB-HBM3", "NVIDIA-H100-PCIe")),
    "nvidia-h200-141gb": ("nvidia-h200-141gb", ("NVIDIA-H200",)),
    "nvidia-b200": ("nvidia-b200", ("NVIDIA-B200",)),
}  # fmt: skip
"""Kind -> Google's word for it, and what NVIDIA's operator calls its products."""

SHARED = "shared-memory"
MOUNT = "/dev/shm"  # noqa: S108 - where a container's shared memory is, and no file of ours


def terms(kind: str | None, label: str) -> list[Tree]:
    """The alternatives of a required node affinity; none where any kind does. `label` is the one that the user's nodes say it by."""
    if kind is None:
        return []
    return [
        {"matchExpressions": [{"key": key, "operator": "In", "values": list(values)}]} for key, values in _labels(kind, label)
    ]


def _labels(kind: str, label: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    if label:
        yield label, (kind,)
        return
    google, products = KINDS.get(kind.lower(), (kind, (kind,)))
    yield PRODUCT, products
    if google:
        yield GKE, (google,)


def toleration(settings: Settings) -> Tree:
    """GPU nodes are tainted by the name of their resource, so that only what asks for it goes there."""
    return {"effect": "NoSchedule", "key": settings.accelerator, "operator": "Exists"}


def executor_devices(asked: Resources, settings: Settings) -> Tree:
    """What the executor of a task says of them, in the fields of kfp-kubernetes."""
    found: Tree = {}
    if asked.nodes > 1:  # the task only waits for the machines that have them
        return found
    if asked.shared_memory is not None:
        found["emptyDirMounts"] = [
            {"medium": "Memory", "mountPath": MOUNT, "sizeLimit": str(asked.shared_memory), "volumeName": SHARED}
        ]
    if asked.gpus_a_node:
        if kinds := terms(asked.gpu, settings.gpu_label):
            found["nodeAffinity"] = kinds
        found["tolerations"] = [toleration(settings)]
    return found
