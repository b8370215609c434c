"""The check by KFP's own protobuf messages, for `compile --verify` and tests: what a server would refuse is refused here."""

from __future__ import annotations

from typing import Any

from mlspec.backend import Emitted, Finding


def verify(emitted: Emitted) -> list[Finding]:
    """MLS701 for each message that does not take what stands in a pipeline file."""
    return [
        Finding("MLS701", "spec", {"target": "kfp", "what": f"{path}: {problem}", "wanted": "a file that KFP's messages take"})
        for path, text in emitted.files.items()
        if path.startswith("pipeline") and path.endswith(".yaml")
        for problem in problems(text)
    ]


def problems(text: str) -> list[str]:
    """What KFP's messages say of the documents of pipeline.yaml, strictly: an unknown field is a problem."""
    import yaml
    from google.protobuf import json_format

    messages = _messages()
    documents = list(yaml.safe_load_all(text))
    config = messages.PipelineDeploymentConfig()
    parts = [
        ("PipelineSpec", documents[0], messages.PipelineSpec()),
        # To PipelineSpec the deployment is any JSON, so it is parsed once more as what it is.
        ("PipelineDeploymentConfig", documents[0].get("deploymentSpec", {}), config),
        *_platform_parts(documents[1:]),
    ]
    found = []
    for name, value, message in parts:
        try:
            json_format.ParseDict(value, message)
        except json_format.ParseError as error:
            found.append(f"{name}: {' '.join(str(error).split())}")
    return found


def _messages() -> Any:
    """The module of KFP's messages; its classes are made at import, so no type checker sees them."""
    from kfp.pipeline_spec import pipeline_spec_pb2

    return pipeline_spec_pb2


def _platform_parts(documents: list[Any]) -> list[tuple[str, Any, Any]]:
    """Each platform document, and each Kubernetes executor config in it, where kfp-kubernetes is installed to know them."""
    platform = _messages()
    parts: list[tuple[str, Any, Any]] = [("PlatformSpec", document, platform.PlatformSpec()) for document in documents]
    try:
        from kfp.kubernetes import kubernetes_executor_config_pb2
    except ImportError:
        return parts
    messages: Any = kubernetes_executor_config_pb2  # made at import: no type checker sees its classes
    for document in documents:
        executors = document.get("platforms", {}).get("kubernetes", {}).get("deploymentSpec", {}).get("executors", {})
        parts += [
            (f"KubernetesExecutorConfig of {name}", value, messages.KubernetesExecutorConfig())
            for name, value in executors.items()
        ]
    return parts
