"""A pipeline as a user of the SDK writes it. The SDK reads annotations as objects, so they are not postponed here."""

from pathlib import Path

from kfp import compiler, dsl, kubernetes

from tests.targets.kfp_graphs import IMAGE


@dsl.container_component
def src(rows: dsl.Output[dsl.Dataset]):  # type: ignore[no-untyped-def,type-arg,valid-type]
    return dsl.ContainerSpec(image=IMAGE, command=["python3"], args=[rows.path])


@dsl.container_component
def one(rows: dsl.Input[dsl.Dataset], values: dsl.Output[dsl.Dataset]):  # type: ignore[no-untyped-def,type-arg,valid-type]
    return dsl.ContainerSpec(image=IMAGE, command=["python3"], args=[rows.path, values.path])


@dsl.pipeline(name="graph")
def graph() -> None:
    rows = src().set_caching_options(False)
    task = one(rows=rows.outputs["rows"]).set_caching_options(False)
    task.set_retry(2, backoff_duration="10s", backoff_factor=2.0, backoff_max_duration="300s")
    task.set_cpu_limit("2").set_cpu_request("2").set_memory_limit("512Mi").set_memory_request("512Mi")
    task.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(4)
    kubernetes.use_secret_as_env(task, "shop", {"SALT": "SALT"})
    kubernetes.mount_pvc(task, "claim", mount_path="/project")
    kubernetes.set_timeout(task, 3600)
    kubernetes.empty_dir_mount(task, "shared-memory", "/dev/shm", medium="Memory", size_limit="268435456")
    product = {"key": "nvidia.com/gpu.product", "operator": "In", "values": ["NVIDIA-A100-SXM4-80GB", "NVIDIA-A100-80GB-PCIe"]}
    google = {"key": "cloud.google.com/gke-accelerator", "operator": "In", "values": ["nvidia-a100-80gb"]}
    for expression in (product, google):
        kubernetes.add_node_affinity(task, match_expressions=[expression])
    kubernetes.add_toleration(task, key="nvidia.com/gpu", operator="Exists", effect="NoSchedule")


def compiled(folder: Path) -> str:
    """What the SDK makes of it."""
    path = folder / "graph.yaml"
    compiler.Compiler().compile(graph, str(path))
    return path.read_text()
