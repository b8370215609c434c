"""Run one server until it is told to stop: bind, load, serve, drain."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import uvicorn

from mlspec.runtime.audit.overrides import sentence
from mlspec.runtime.errors import StageError
from mlspec.runtime.serve.app import Service, build_admin, build_app, guarded
from mlspec.runtime.serve.config import ServeConfig, read_config
from mlspec.runtime.serve.guard import Guard
from mlspec.runtime.serve.listen import Listen, Listeners, is_loopback, open_listeners
from mlspec.runtime.serve.served import ServedPackage
from mlspec.runtime.serve.server import DrainingServer, serve_all, server_config

BANNER = "UNRELEASED: no gate has passed this model. For a look on this machine only."


def main(
    package_folder: Path, serve_config: Mapping[str, Any], listen: Listen | None = None, *, project_root: Path | None = None,
    unreleased: bool = False, override: Mapping[str, Any] | None = None, shipped: bool = True,
) -> int:  # fmt: skip
    """Serve the package in `package_folder` until SIGTERM or SIGINT; 0 after a clean drain.

    A port of 0 takes a free one; the address is printed on stderr. StageError for what the user can mend: a port in use, a package
    whose digest does not fit, a token that is not set, an unreleased model on an address that others reach. `override` is the record
    that releases a package whose gates failed: it is told wherever facts are, and after its last day nothing is answered.
    Code of the package runs if `mlspec.toml` allows it, or was `shipped` to where there is no such file.
    """
    from mlspec.runtime.package import Package, load_package

    def load() -> Package:
        package = load_package(package_folder)
        package.start(project_root, shipped=shipped)
        return package

    return serve_package(
        load,
        read_config(serve_config),
        listen,
        project_root=project_root,
        unreleased=unreleased,
        override=override,
    )


def serve_package(
    load: Callable[[], ServedPackage], config: ServeConfig, listen: Listen | None = None, *, project_root: Path | None = None,
    unreleased: bool = False, override: Mapping[str, Any] | None = None,
) -> int:  # fmt: skip
    """Serve what `load` gives; the ports are taken before anything is loaded."""
    listeners = open_listeners(listen or Listen(), config.port, config.name)
    try:
        if unreleased and listeners.public:
            raise StageError(
                "MLS813", "an unreleased model is served on loopback only", config.name, expected="127.0.0.1 or ::1",
                found=str(listeners.main.getsockname()[0]), help="leave --host out, or run the gates and serve the release",
            )  # fmt: skip
        banner = BANNER if unreleased else "" if override is None else sentence(override)
        service = Service(load(), config, project_root, banner, override)
        return asyncio.run(_serve(service, listeners))
    finally:
        listeners.close()


def _announce(service: Service, listeners: Listeners) -> None:
    config = service.config
    lines = [service.banner] if service.banner else []
    lines += [f"promise `{each.name}`: {each.text()}, counted in mlspec_slo_requests_total" for each in service.objectives]
    if listeners.public and service.token is None:
        lines.append("whoever reaches this address may ask: no token is set")
    lines.append(f"{config.name} answers at {_url(listeners.main)}/predict ({service.package.digest[:12]})")
    if listeners.admin is not None:
        lines.append(f"metrics at {_url(listeners.admin)}/metrics")
    sys.stderr.write("".join(f"mlspec serve: {line}\n" for line in lines))
    sys.stderr.flush()


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def _serve(service: Service, listeners: Listeners) -> int:
    limits = service.config.limits
    if service.log is not None:
        service.log.start()
    app = guarded(build_app(service, admin_here=listeners.admin is None), service)
    server = DrainingServer(
        server_config(app, limits), limits, service.drain, lambda: _announce(service, listeners)
    )  # fmt: skip
    beside = [] if listeners.admin is None else [(_admin_server(service, listeners.admin), listeners.admin)]
    try:
        await serve_all(server, listeners.main, beside)
    finally:
        service.close()
    if service.pool_busy():
        os._exit(0)  # a batch that outlived its deadline still computes; nobody waits for it
    return 0


def _admin_server(service: Service, listener: socket.socket) -> uvicorn.Server:
    """The server of the admin port. Where others reach it, it asks for the token too."""
    limits = service.config.limits
    token = None if is_loopback(str(listener.getsockname()[0])) else service.token
    return uvicorn.Server(server_config(Guard(build_admin(service), limits, service.metrics, token), limits))
