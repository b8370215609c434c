"""The pipelines `benchmarks.graphs.deep` and `wide`, by hand with the SDK: one component, used in a loop. Their loader reads annotations as objects."""

import os

from kfp import dsl

STAGES = int(os.environ["STAGES"])
DEEP = os.environ["SHAPE"] == "deep"
IMAGE = "registry.example/team/graph@sha256:" + "a" * 64


@dsl.container_component
def write(stage: str, file: dsl.Output[dsl.Artifact]):
    return dsl.ContainerSpec(image=IMAGE, command=["python3", "-m", "mlspec.runtime"], args=[stage, "--out", file.path])


@dsl.container_component
def read(stage: str, a: dsl.Input[dsl.Artifact], file: dsl.Output[dsl.Artifact]):
    return dsl.ContainerSpec(
        image=IMAGE, command=["python3", "-m", "mlspec.runtime"], args=[stage, "--in", a.path, "--out", file.path]
    )


@dsl.pipeline(name=os.environ["SHAPE"])
def graph() -> None:
    before = write(stage="s0").set_caching_options(False)
    for number in range(1, STAGES):
        task = read(stage=f"s{number}", a=before.outputs["file"]).set_caching_options(False)
        before = task if DEEP else before
