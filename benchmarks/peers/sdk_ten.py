"""The pipeline of `ten.mlspec`, by hand with the SDK: ten components of the same inputs, outputs and commands."""

from typing import Any

from kfp import dsl

IMAGE = "registry.example/team/ten@sha256:" + "a" * 64
COMMAND: Any = ["python3", "-m", "mlspec.runtime"]


def spec(stage: str, *arguments: str) -> dsl.ContainerSpec:
    """The container of a stage."""
    return dsl.ContainerSpec(image=IMAGE, command=COMMAND, args=[stage, "--plan", "/plan.json", *arguments])


@dsl.container_component
def extract(rows: dsl.Output[dsl.Dataset]):
    return spec("visits-extract", "--out", rows.path)


@dsl.container_component
def verify(rows: dsl.Input[dsl.Dataset], checks: dsl.Output[dsl.Metrics]):
    return spec("visits-verify", "--in", rows.path, "--out", checks.path)


@dsl.container_component
def split(rows: dsl.Input[dsl.Dataset], parts: dsl.Output[dsl.Dataset]):
    return spec("parts-split", "--in", rows.path, "--out", parts.path)


@dsl.container_component
def features(rows: dsl.Input[dsl.Dataset], values: dsl.Output[dsl.Dataset]):
    return spec("inputs-features", "--in", rows.path, "--out", values.path)


@dsl.container_component
def explore(
    rows: dsl.Input[dsl.Dataset],
    parts: dsl.Input[dsl.Dataset],
    report: dsl.Output[dsl.HTML],
    statistics: dsl.Output[dsl.Artifact],
):
    return spec("look-explore", "--in", rows.path, "--in", parts.path, "--out", report.path, "--out", statistics.path)


@dsl.container_component
def fit_base(
    rows: dsl.Input[dsl.Dataset], parts: dsl.Input[dsl.Dataset], values: dsl.Input[dsl.Dataset], package: dsl.Output[dsl.Model]
):
    return spec("base-fit", "--in", rows.path, "--in", parts.path, "--in", values.path, "--out", package.path)


@dsl.container_component
def fit_linear(
    rows: dsl.Input[dsl.Dataset], parts: dsl.Input[dsl.Dataset], values: dsl.Input[dsl.Dataset], package: dsl.Output[dsl.Model]
):
    return spec("linear-fit", "--in", rows.path, "--in", parts.path, "--in", values.path, "--out", package.path)


@dsl.container_component
def report(
    checks: dsl.Input[dsl.Metrics],
    base: dsl.Input[dsl.Model],
    linear: dsl.Input[dsl.Model],
    statistics: dsl.Input[dsl.Artifact],
    page: dsl.Output[dsl.HTML],
):
    return spec(
        "run-report", "--in", checks.path, "--in", base.path, "--in", linear.path, "--in", statistics.path, "--out", page.path
    )


@dsl.container_component
def card(
    checks: dsl.Input[dsl.Metrics],
    base: dsl.Input[dsl.Model],
    linear: dsl.Input[dsl.Model],
    statistics: dsl.Input[dsl.Artifact],
    page: dsl.Output[dsl.Markdown],
):
    return spec(
        "run-card", "--in", checks.path, "--in", base.path, "--in", linear.path, "--in", statistics.path, "--out", page.path
    )


@dsl.container_component
def track(
    checks: dsl.Input[dsl.Metrics],
    base: dsl.Input[dsl.Model],
    linear: dsl.Input[dsl.Model],
    statistics: dsl.Input[dsl.Artifact],
    tracking: dsl.Output[dsl.Artifact],
):
    return spec(
        "run-track",
        "--in",
        checks.path,
        "--in",
        base.path,
        "--in",
        linear.path,
        "--in",
        statistics.path,
        "--out",
        tracking.path,
    )


@dsl.pipeline(name="ten")
def ten() -> None:
    rows = extract().set_caching_options(False).outputs["rows"]
    checked = verify(rows=rows).set_caching_options(False)
    parts = split(rows=rows).set_caching_options(False).after(checked).outputs["parts"]
    values = features(rows=rows).set_caching_options(False).after(checked).outputs["values"]
    look = explore(rows=rows, parts=parts).set_caching_options(False).after(checked)
    data = {"rows": rows, "parts": parts, "values": values}
    base = fit_base(**data).set_caching_options(False).after(checked)
    linear = fit_linear(**data).set_caching_options(False).after(checked)
    for page in (report, card, track):
        page(
            checks=checked.outputs["checks"], base=base.outputs["package"], linear=linear.outputs["package"],
            statistics=look.outputs["statistics"],
        ).set_caching_options(False)  # fmt: skip
