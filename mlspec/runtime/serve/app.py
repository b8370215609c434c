"""The FastAPI application of one package: predict, health, readiness, facts, metrics."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from mlspec.runtime.audit.log import today
from mlspec.runtime.audit.overrides import ended
from mlspec.runtime.errors import StageError
from mlspec.runtime.secrets import resolve_secret
from mlspec.runtime.serve.config import ServeConfig, read_config
from mlspec.runtime.serve.guard import Guard, refusal_body
from mlspec.runtime.serve.known import KnownValues
from mlspec.runtime.serve.metrics import ServeMetrics
from mlspec.runtime.serve.objectives import objectives
from mlspec.runtime.serve.openapi import openapi_document
from mlspec.runtime.serve.predict import Predictor
from mlspec.runtime.serve.record import LogFields
from mlspec.runtime.serve.request_log import RequestLog, log_folder
from mlspec.runtime.serve.schema import RequestRefused, RequestSchema
from mlspec.runtime.serve.secrets import resolve_secrets
from mlspec.runtime.serve.served import ServedPackage
from mlspec.runtime.serve.strict_json import BadJson, read_json
from mlspec.runtime.serve.token import Token

# One row takes microseconds: a thread would cost more than it. A batch is long enough to hold up other requests.
INLINE_RECORDS = 16


OVERRIDE_FACTS = ("n", "actor", "reason", "expires", "gates", "failed", "run", "digest")
EXPIRED = "the override that released this model has expired"

ROUTES = {
    404: "nothing is at this path: POST /predict, or GET /healthz, /readyz, /openapi.json",
    405: "this path has another method: POST /predict, or GET /healthz, /readyz, /openapi.json",
}


def request_columns(package: ServedPackage, config: ServeConfig) -> list[Mapping[str, Any]]:
    """The descriptors of the columns a request brings, in the spec's order."""
    held = {column["name"]: column for column in package.columns}
    names = config.request if config.request is not None else tuple(held)
    missing = sorted(set(held) - set(names)) + sorted(set(names) - set(held))
    if missing:
        raise StageError(
            "MLS315", f"the request of `{config.name}` and the package disagree on `{missing[0]}`", f"{config.name}.request",
            expected=", ".join(held), found=", ".join(names), help="list exactly the columns that the model reads, or leave `request` out",
        )  # fmt: skip
    return [held[name] for name in names]


class Service:
    """Everything one server holds: the package, its schema, metrics, log and whether it takes requests."""

    def __init__(
        self, package: ServedPackage, config: ServeConfig, project_root: Path | None = None, banner: str = "",
        override: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """`banner` says loudly what is unusual about this release; `override` is the record that makes it one, where its gates failed."""
        self.package = package
        self.config = config
        self.banner = banner
        self.override = override
        self.draining = False
        if config.fallback is not None:
            raise StageError(
                "MLS901", "a fallback model is not built yet", f"{config.name}.fallback", expected="no `fallback`",
                found=config.fallback, help="leave `fallback` out: a request over its deadline is answered 503 with Retry-After",
            )  # fmt: skip
        if config.workers != 1:
            raise StageError(
                "MLS901", "a server of several processes is not built yet", f"{config.name}.engine", expected="workers: 1",
                found=f"workers: {config.workers}", help="start several servers over one socket with --fd, or behind a proxy",
            )  # fmt: skip
        self.token = None if config.token is None else Token(resolve_secret("token", config.token, f"{config.name}.engine"))
        columns = request_columns(package, config)
        classes = [] if package.task == "regression" else [str(value) for value in package.classes or ()]
        self.objectives = objectives(config.slo, config.name)
        self.metrics = ServeMetrics(
            config.name, package.digest, package.name, KnownValues(package).columns, classes, self.objectives
        )
        self.schema = RequestSchema(columns, config.limits.records)
        self.log, fields = self._open_log(project_root)
        self.predictor = Predictor(package, config, self.metrics, self.log, fields, lambda: datetime.now(UTC))
        self.pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="score")
        self._computing = 0
        self.metrics.ready.set(1)

    def _open_log(self, project_root: Path | None) -> tuple[RequestLog | None, LogFields | None]:
        if self.config.log is None or project_root is None:
            return None, None
        fields = LogFields(self.config.log, self.package, resolve_secrets(self.config.secrets, self.config.log.fields))
        folder = log_folder(project_root, self.config.name)
        return RequestLog(folder, self.config.log, self.metrics.drop, self.metrics.logged.inc), fields

    def drain(self) -> None:
        """Take no more: readiness is false from here on."""
        self.draining = True
        self.metrics.ready.set(0)

    def close(self) -> None:
        """Write what the log still holds."""
        self.pool.shutdown(wait=False, cancel_futures=True)
        if self.log is not None:
            self.log.close()

    def facts(self) -> dict[str, Any]:
        """What answers here."""
        package = self.package
        return {
            "serve": self.config.name, "model": package.name, "digest": package.digest, "task": package.task, "engine": package.engine,
            "classes": list(package.classes or ()), "positive": package.positive, "threshold": package.threshold,
            "features": [feature["name"] for feature in package.features], "columns": list(self.schema.columns),
            "spec_digest": self.config.spec_digest, "released": self.override is not None or not self.banner,
            **({} if self.override is None else {"override": {name: self.override[name] for name in OVERRIDE_FACTS}, "banner": self.banner}),
        }  # fmt: skip

    @property
    def expired(self) -> bool:
        """Whether the last day of the override that released this package is over: what its gates refused is then not answered with."""
        return self.override is not None and ended(self.override, today())

    def pool_busy(self) -> bool:
        """Whether a batch is still being computed."""
        return self._computing > 0

    async def _in_thread(self, work: Callable[..., bytes], *given: Any) -> bytes:
        loop = asyncio.get_running_loop()
        future = self.pool.submit(work, *given)
        self._computing += 1
        future.add_done_callback(lambda _: self._computed())
        return await asyncio.wrap_future(future, loop=loop)

    def _computed(self) -> None:
        self._computing -= 1

    def _read_and_answer(self, body: bytes, request_id: str) -> bytes:
        records, batch = self.schema.read(read_json(body))
        return self.predictor.answer(records, batch, request_id)

    async def _reply(self, body: bytes, request_id: str) -> bytes:
        """The reply; what takes long is done beside the loop, which answers others meanwhile: many records, or pictures to unpack."""
        if self.schema.images:
            return await self._in_thread(self._read_and_answer, body, request_id)
        records, batch = self.schema.read(read_json(body))
        if len(records) <= INLINE_RECORDS:
            return self.predictor.answer(records, batch, request_id)
        return await self._in_thread(self.predictor.answer, records, batch, request_id)

    async def predict(self, body: bytes, request_id: str) -> Response:
        """The reply to one decoded POST body, or its refusal."""
        if self.expired:
            return Response(refusal_body("MLS821", EXPIRED), 503, media_type="application/json")
        try:
            reply = await self._reply(body, request_id)
        except BadJson as error:
            return Response(refusal_body("MLS805", str(error)), 400, media_type="application/json")
        except RequestRefused as refused:
            more = {"errors": refused.errors, "more": refused.more}
            return Response(refusal_body(refused.code, "the request does not fit", **more), 422, media_type="application/json")
        except StageError as error:
            if error.code == "MLS827":  # code of the project was too slow or died: another try may find it well
                body = refusal_body(error.code, "a feature could not be computed", where=error.where)
                return Response(body, 503, headers={"Retry-After": "1"}, media_type="application/json")
            return Response(
                refusal_body(error.code, "the model refuses the values", where=error.where), 422, media_type="application/json"
            )
        return Response(reply, media_type="application/json")


def create_app(
    package: ServedPackage,
    serve_config: Mapping[str, Any] | ServeConfig,
    *,
    project_root: Path | None = None,
    admin_here: bool = True,
) -> FastAPI:
    """The application without its guard; `app.state.service` holds the service."""
    config = serve_config if isinstance(serve_config, ServeConfig) else read_config(serve_config)
    return build_app(Service(package, config, project_root), admin_here)


def build_app(service: Service, admin_here: bool) -> FastAPI:
    """Routes over a service. No documentation pages: they load scripts from elsewhere."""
    app = FastAPI(title=service.config.name, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.service = service
    contract = JSONResponse(openapi_document(service)).body  # made once: making it costs as much as many predictions

    @app.post("/predict")
    async def predict(request: Request) -> Response:
        # The guard names every request; an application that is served without it names its own.
        name = request.scope.get("state", {}).get("request_id") or uuid.uuid4().hex
        return await service.predict(await request.body(), name)

    @app.get("/openapi.json")
    async def openapi() -> Response:
        return Response(contract, media_type="application/json")

    add_health(app, service)
    if admin_here:
        add_facts(app, service)
    return app


def build_admin(service: Service) -> FastAPI:
    """The application of the admin port: health, facts and metrics, no predictions."""
    app = FastAPI(title=f"{service.config.name} admin", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    add_health(app, service)
    add_facts(app, service)
    return app


def add_health(app: FastAPI, service: Service) -> None:
    """Health, readiness, and how a request that no route takes is answered."""

    @app.get("/healthz")
    async def healthz() -> Response:
        return JSONResponse({"status": "ok"})

    @app.get("/readyz")
    async def readyz() -> Response:
        status = "draining" if service.draining else "override expired" if service.expired else "ready"
        return JSONResponse({"status": status}, 200 if status == "ready" else 503)

    @app.exception_handler(HTTPException)
    async def refuse(_request: Request, error: HTTPException) -> Response:
        message = ROUTES.get(error.status_code, str(error.detail))
        return Response(refusal_body("MLS805", message), error.status_code, error.headers, "application/json")

    @app.exception_handler(Exception)
    async def failed(_request: Request, _error: Exception) -> Response:
        # Starlette raises the error again behind this answer, and the guard says on stderr where it was.
        return Response(refusal_body("MLS807", "the server failed; its log has the place"), 500, media_type="application/json")


def add_facts(app: FastAPI, service: Service) -> None:
    """What is for those who run the server: the facts of the model, and the metrics."""

    @app.get("/model")
    async def model() -> Response:
        return JSONResponse(service.facts())

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(service.metrics.page(), headers={"content-type": service.metrics.content_type})


def guarded(app: FastAPI, service: Service) -> Guard:
    """The application behind its limits and its token, as it is served."""
    return Guard(app, service.config.limits, service.metrics, service.token, lambda: service.draining)


def example_of(package: ServedPackage) -> Any:
    """The example request of a package, or None when it has none."""
    path = package.folder / "example.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None
