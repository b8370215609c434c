"""TrainJobs of Kubeflow Trainer v2, through the Kubernetes API and its own client: created, looked at, taken away."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlspec.runtime.errors import StageError

GROUP, VERSION, PLURAL = "trainer.kubeflow.org", "v1alpha1", "trainjobs"
_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_PATIENCE = 30  # seconds for one answer
_GONE, _THERE = 404, 409


class TrainJobs:
    """Those of one namespace. StageError MLS812 without the client, MLS704 where nothing says which cluster this is."""

    def __init__(self, where: str) -> None:
        self._where = where
        try:
            from kubernetes import client, config
            from kubernetes.client.exceptions import ApiException
            from kubernetes.config.config_exception import ConfigException
        except ModuleNotFoundError as error:
            raise StageError(
                "MLS812", "a training on several machines needs the library `kubernetes`, which is not installed", where, expected="kubernetes",
                found=f"no module `{error.name}`", help='run `pip install "mlspec-lang[trainer]"`',
            ) from error  # fmt: skip
        try:
            config.load_config()
        except ConfigException as error:
            raise StageError(
                "MLS704", "a training on several machines is started in a Kubernetes cluster, and this is none", where,
                expected="a pod with a service account, or a kubeconfig", found=str(error)[:200], help="run the pipeline on a server, or lower the strategy in an `env`",
            ) from error  # fmt: skip
        self._api: Any = client.CustomObjectsApi()
        self._refused: Any = ApiException
        self.namespace = os.environ.get("MLSPEC_TRAINJOB_NAMESPACE") or (
            _NAMESPACE.read_text().strip() if _NAMESPACE.is_file() else "default"
        )

    def create(self, body: Mapping[str, Any]) -> bool:
        """Create one; False where one of this name is there already."""
        return self._ask("take", _THERE, self._api.create_namespaced_custom_object, dict(body)) is not None

    def find(self, name: str) -> Mapping[str, Any] | None:
        """One by its name; None where there is none."""
        found: Mapping[str, Any] | None = self._ask("show", _GONE, self._api.get_namespaced_custom_object, name)
        return found

    def remove(self, name: str) -> None:
        """Take one away, with its pods."""
        self._ask("take away", _GONE, self._api.delete_namespaced_custom_object, name, propagation_policy="Foreground")

    def _ask(self, doing: str, fine: int, what: Callable[..., Any], given: Any, **more: Any) -> Any:
        """The answer; None for the status that is fine. StageError MLS809 for any other, and for none."""
        from urllib3.exceptions import HTTPError

        try:
            return what(GROUP, VERSION, self.namespace, PLURAL, given, _request_timeout=_PATIENCE, **more)
        except self._refused as error:
            if error.status == fine:
                return None
            said = f"{error.status} {error.body or error.reason}"
        except (HTTPError, OSError) as error:
            said = str(error)
        raise StageError(
            "MLS809", f"the cluster did not {doing} a TrainJob", self._where, expected="Kubeflow Trainer v2, the training's runtime and the right to it",
            found=" ".join(said.split())[:300], help=f"kubectl apply -n {self.namespace} -f trainer.yaml, which lies beside the pipeline",
        )  # fmt: skip


def ended(job: Mapping[str, Any]) -> tuple[str, str] | None:
    """`Complete` or `Failed` with what is said of it; None while it goes on."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("type") in ("Complete", "Failed") and condition.get("status") == "True":
            return str(condition["type"]), " ".join(f"{condition.get('reason', '')} {condition.get('message', '')}".split())
    return None


def leaves(job: Mapping[str, Any]) -> bool:
    """Whether it is being taken away, with the pod that waited for it say."""
    return bool((job.get("metadata") or {}).get("deletionTimestamp"))


def at_work(job: Mapping[str, Any]) -> int:
    """How many of its Jobs have all their pods at work."""
    return sum(int(found.get("ready") or 0) for found in (job.get("status") or {}).get("jobsStatus") or ())
