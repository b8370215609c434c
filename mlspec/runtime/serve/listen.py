"""Where a server listens: its own address, that of its admin port, or a socket that another process holds."""

from __future__ import annotations

import errno
import ipaddress
import socket
from dataclasses import dataclass

from mlspec.runtime.errors import StageError
from mlspec.runtime.serve.server import bind

LOOPBACK = "127.0.0.1"
_LAST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Listen:
    """What the command line says of addresses. `port` None is the config's; `fd` is a listening socket that was inherited."""

    host: str = LOOPBACK
    port: int | None = None
    admin_host: str = LOOPBACK
    admin_port: int | None = None
    fd: int | None = None


@dataclass(frozen=True, slots=True)
class Listeners:
    """The open sockets; without `admin` the main one answers for both."""

    main: socket.socket
    admin: socket.socket | None
    public: bool  # whether others than this machine reach the main one

    def close(self) -> None:
        """Give the ports back; what another process holds stays open there."""
        self.main.close()
        if self.admin is not None:
            self.admin.close()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def open_listeners(listen: Listen, config_port: int, name: str) -> Listeners:
    """Take the ports. Where others reach the server, metrics and facts have a port of their own: the next one, on loopback."""
    port = config_port if listen.port is None else listen.port
    main = _bind(listen.host, port, name, "--port") if listen.fd is None else _inherited(listen.fd, name)
    public = not is_loopback(str(main.getsockname()[0]))
    admin_port = listen.admin_port
    if admin_port is None and public:
        own = int(main.getsockname()[1])
        admin_port = own + 1 if port and own < _LAST_PORT else 0
    if admin_port is None:
        return Listeners(main, None, public)
    try:
        return Listeners(main, _bind(listen.admin_host, admin_port, name, "--admin-port"), public)
    except StageError:
        main.close()
        raise


def _inherited(fd: int, name: str) -> socket.socket:
    """The listening socket that the process was started with; nothing queued at it is lost when this server ends."""
    try:
        found = socket.socket(fileno=fd)
        if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and found.family in (socket.AF_INET, socket.AF_INET6):
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return found
        found.detach()
        why = "not a listening TCP socket"
    except OSError as error:
        why = error.strerror or "not open"
    raise StageError(
        "MLS817", f"file descriptor {fd} is no socket to answer at", f"{name}.engine", expected="a listening TCP socket", found=why,
        help="start the server with the socket passed on, or choose an address with --host and --port",
    )  # fmt: skip


def _bind(host: str, port: int, name: str, option: str) -> socket.socket:
    try:
        return bind(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StageError(
                "MLS817", f"port {port} is in use", f"{name}.engine", expected="a free port", found=str(port),
                help=f"stop the other server, or choose another with {option}",
            ) from None  # fmt: skip
        raise StageError(
            "MLS817", f"cannot listen on {host}:{port}: {error.strerror}", f"{name}.engine", expected="an address of this machine",
            found=f"{host}:{port}", help=f"choose another with {option.replace('port', 'host')} and {option}",
        ) from None  # fmt: skip
    except OverflowError:
        raise StageError(
            "MLS817", f"{port} is no port", f"{name}.engine", expected="0 to 65535", found=str(port), help=f"choose one with {option}"
        ) from None  # fmt: skip
