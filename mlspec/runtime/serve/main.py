"""Run one server until it is told to stop: bind, load, serve, drain."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import uvicorn

from mlspec.runtime.errors import StageError
from mlspec.runtime.serve.app import Service, build_admin, build_app, guarded
from mlspec.runtime.serve.config import ServeConfig, read_config
from mlspec.runtime.serve.guard import Guard
from mlspec.runtime.serve.served import ServedPackage
from mlspec.runtime.serve.server import DrainingServer, bind, serve_all, server_config

BANNER = "UNRELEASED: no gate has passed this model. For a look on this machine only."


def main(
    package_folder: Path, serve_config: Mapping[str, Any], host: str = "127.0.0.1", port: int | None = None, *,
    project_root: Path | None = None, admin_port: int | None = None, unreleased: bool = False,
) -> int:  # fmt: skip
    """Serve the package in `package_folder` until SIGTERM or SIGINT; 0 after a clean drain.

    `port` 0 takes a free one; the address is printed on stderr. StageError for what the user can mend: a port in use, a package
    whose digest does not fit, an unreleased model on an address that others reach.
    """
    from mlspec.runtime.package import load_package

    config = read_config(serve_config)
    return serve_package(
        lambda: load_package(package_folder),
        config,
        host,
        port,
        project_root=project_root,
        admin_port=admin_port,
        unreleased=unreleased,
    )


def serve_package(
    load: Callable[[], ServedPackage], config: ServeConfig, host: str, port: int | None, *, project_root: Path | None = None,
    admin_port: int | None = None, unreleased: bool = False,
) -> int:  # fmt: skip
    """Serve what `load` gives; the port is taken before anything is loaded."""
    if unreleased and not is_loopback(host):
        raise StageError(
            "MLS813", "an unreleased model is served on loopback only", config.name, expected="127.0.0.1 or ::1", found=host,
            help="leave --host out, or run the gates and serve the release",
        )  # fmt: skip
    listeners = [_bind(host, config.port if port is None else port, config.name)]
    if admin_port is not None:
        listeners.append(_bind("127.0.0.1", admin_port, config.name))
    service = Service(load(), config, project_root, BANNER if unreleased else "")
    app = build_app(service, metrics_here=is_loopback(host) and admin_port is None)
    admin = build_admin(service) if admin_port is not None else None
    return asyncio.run(_serve(service, app, admin, listeners, host, unreleased))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bind(host: str, port: int, name: str) -> socket.socket:
    try:
        return bind(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StageError(
                "MLS817", f"port {port} is in use", f"{name}.engine", expected="a free port", found=str(port),
                help="stop the other server, or choose another with --port",
            ) from None  # fmt: skip
        raise StageError(
            "MLS817", f"cannot listen on {host}:{port}: {error.strerror}", f"{name}.engine", expected="an address of this machine",
            found=f"{host}:{port}", help="choose another with --host and --port",
        ) from None  # fmt: skip


def _announce(service: Service, listeners: list[socket.socket], unreleased: bool) -> None:
    if unreleased:
        sys.stderr.write(f"mlspec serve: {BANNER}\n")
    if service.config.slo:
        sys.stderr.write("mlspec serve: [MLS901] `slo` is not enforced yet: watch mlspec_request_seconds\n")
    host, port = listeners[0].getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    sys.stderr.write(
        f"mlspec serve: {service.config.name} answers at http://{shown}:{port}/predict ({service.package.digest[:12]})\n"
    )
    if len(listeners) > 1:
        sys.stderr.write(f"mlspec serve: metrics at http://127.0.0.1:{listeners[1].getsockname()[1]}/metrics\n")
    sys.stderr.flush()


async def _serve(service: Service, app: Any, admin: Any, listeners: list[socket.socket], host: str, unreleased: bool) -> int:
    limits = service.config.limits
    if service.log is not None:
        service.log.start()
    server = DrainingServer(
        server_config(guarded(app, service), host, 0, limits),
        limits,
        service.drain,
        lambda: _announce(service, listeners, unreleased),
    )
    beside = []
    if admin is not None:
        config = server_config(Guard(admin, limits, service.metrics), "127.0.0.1", 0, limits)
        beside.append((uvicorn.Server(config), listeners[1]))
    try:
        await serve_all(server, listeners[0], beside)
    finally:
        service.close()
    if service.pool_busy():
        os._exit(0)  # a batch that outlived its deadline still computes; nobody waits for it
    return 0
