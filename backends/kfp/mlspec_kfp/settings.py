"""The options of the target, read once and checked: what they name goes into generated files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlspec.backend import Finding, Option
from mlspec_kfp import names

OPTIONS = (
    Option("image", str, "", "the image that tasks run in, by digest; without it the files name one that nobody can pull"),
    Option("base", str, "", "the Dockerfile's base image, by digest; without it `docker build` asks for --build-arg BASE"),
    Option("project", str, "/project", "the project root in the container"),
    Option("volume", str, "", "the claim of a volume that is mounted there: data is read from it, the store lies on it"),
    Option("pipeline_root", str, "", "where KFP keeps artifacts (s3://…, gs://…, minio://…); without it, where the server does"),
    Option("secret", str, "", "the Kubernetes secret whose keys are the variables that the spec names (default: the pipeline)"),
    Option("accelerator", str, "nvidia.com/gpu", "the resource that a GPU is asked for by"),
    Option("account", str, "pipeline-runner", "the service account of tasks, which gets the right to create TrainJobs (with profiles: default-editor)"),
    Option("gpu_label", str, "", "the label by which nodes say their kind of GPU; without it NVIDIA's and Google's, by a table of kinds"),
    Option("zone", str, "UTC", "the zone of the server's clock (its CRON_SCHEDULE_TIMEZONE), which recurring runs go by"),
    Option("allow_oversize", bool, False, "write files that are too large for etcd"),
    Option("endpoint", str, "", "run: the address of a KFP server; without it kfp's local runner runs the tasks here"),
    Option("experiment", str, "", "run: the experiment on the server (default: the pipeline)"),
    Option("namespace", str, "", "run: the namespace on a server with several users"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """The options that shape files; `plan` and `store` are where a task finds them."""

    image: str
    base: str
    root: str
    volume: str
    pipeline_root: str
    secret: str
    accelerator: str
    gpu_label: str
    account: str
    pipeline: str
    allow_oversize: bool
    zone: str
    plan: str
    store: str

    @classmethod
    def of(cls, options: Mapping[str, Any], pipeline: str, plan_digest: str) -> Settings:
        """The settings of a compilation. Without an image the name is under `.invalid`, which nobody can ever own."""
        root = str(options["project"])
        return cls(
            image=str(options["image"]) or f"mlspec.invalid/python/{pipeline}@sha256:{plan_digest}",
            base=str(options["base"]), root=root, volume=str(options["volume"]), pipeline_root=str(options["pipeline_root"]),
            secret=str(options["secret"]) or pipeline, accelerator=str(options["accelerator"]), gpu_label=str(options["gpu_label"]), account=str(options["account"]), pipeline=pipeline,
            allow_oversize=bool(options["allow_oversize"]), zone=str(options["zone"]), plan=f"/plan/{plan_digest}.json",
            store=f"{root}/.mlspec/kfp/store" if options["volume"] else "",
        )  # fmt: skip


def check_settings(settings: Settings, where: str) -> list[Finding]:
    """MLS705 for an image by tag, MLS706 for a name that Kubernetes would refuse."""
    return [*_tags(settings, where), *_words(settings, where)]


def _tags(settings: Settings, where: str) -> Iterator[Finding]:
    for name in (settings.image, settings.base):
        if name and not names.IMAGE.match(name):
            shown = ascii(name)[1:-1][:200]
            yield Finding("MLS705", where, {"name": shown, "got": f"`{shown}`"})


def _words(settings: Settings, where: str) -> Iterator[Finding]:
    rules: tuple[tuple[str, str, re.Pattern[str], str], ...] = (
        ("project", settings.root, names.FOLDER, "an absolute path of plain words"),
        ("volume", settings.volume, names.OBJECT, "a name that Kubernetes takes"),
        ("pipeline_root", settings.pipeline_root, names.URI, "an address such as s3://bucket/folder"),
        ("secret", settings.secret, names.OBJECT, "a name that Kubernetes takes"),
        ("accelerator", settings.accelerator, names.RESOURCE, "a resource such as nvidia.com/gpu"),
        ("account", settings.account, names.OBJECT, "a name that Kubernetes takes"),
        ("gpu_label", settings.gpu_label, names.RESOURCE, "a label such as nvidia.com/gpu.product"),
    )
    for option, value, rule, wanted in rules:
        if value and not rule.match(value):
            data = {
                "target": "kfp",
                "name": ascii(value)[1:-1][:80],
                "why": f"the option `{option}` does not fit",
                "wanted": wanted,
            }
            yield Finding("MLS706", where, data)
