"""Run a monitor: once, or every so often with its findings on a port for Prometheus."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.monitor.once import MonitorReport, monitor_folder, monitor_once, read_reference
from mlspec.runtime.serve.request_log import log_folder

OnReport = Callable[[MonitorReport], None]


def main(
    config: Mapping[str, Any], reference_folder: Path, project_root: Path, *, once: bool = True, listen: int | None = None,
    on_report: OnReport | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> int:  # fmt: skip
    """Evaluate the monitor of a config; 1 when an alert is out after a single evaluation, else 0.

    `reference_folder` is the `reference` artifact of the released run, its digest verified. The loop evaluates every
    `config["every"]` seconds until SIGTERM or SIGINT; a failing evaluation is said on stderr and the next one tried.
    """
    reference = read_reference(reference_folder)
    logs = log_folder(project_root, str(config["of"]))
    tell = on_report or print_report
    if once:
        report = monitor_once(config, reference, logs, project_root, now())
        tell(report)
        return 1 if report.firing else 0
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    page = Page(monitor_folder(project_root, str(config["name"])))
    if listen is not None:
        page.serve(listen)
    while True:
        try:
            tell(monitor_once(config, reference, logs, project_root, now()))
        except StageError as error:
            sys.stderr.write(f"mlspec monitor: [{error.code}] {error.message}; {error.help}\n")
        if stop.wait(float(config["every"])):
            page.close()
            return 0


class Page:
    """`/metrics` with the last findings, on a loopback port."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "metrics.prom"
        self.port = 0
        self._server: Any = None

    def serve(self, port: int) -> None:
        """Answer in a thread from here on; MLS817 when the port is taken."""
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

        path = self.path

        class Handler(BaseHTTPRequestHandler):
            timeout = 5

            def do_GET(self) -> None:
                found = self.path == "/metrics" and path.is_file()
                body = path.read_bytes() if found else b""
                self.send_response(200 if found else 404)
                self.send_header("content-type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing of each scrape."""

        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        except OSError as error:
            raise StageError(
                "MLS817", f"port {port} is in use", expected="a free port", found=str(port), help="choose another with --listen"
            ) from error
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        sys.stderr.write(f"mlspec monitor: metrics at http://127.0.0.1:{self.port}/metrics\n")

    def close(self) -> None:
        """Stop answering."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def print_report(report: MonitorReport) -> None:
    """The report as plain lines on stdout."""
    from mlspec.runtime.monitor.once import left_out, sentence

    window = report.window
    sys.stdout.write(
        f"{report.monitor}: {window.seen.records:,} record{'' if window.seen.records == 1 else 's'} of {report.serve}, "
        f"{window.begin:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC\n"
    )
    if missing := left_out(window.seen):
        sys.stdout.write(f"  left out: {missing}\n")
    width = max((len(check.name) for check in report.checks), default=0)
    for check in report.checks:
        sys.stdout.write(f"  {check.name:<{width}}  {check.status:<12}  {sentence(check)}\n")
    for delivery in report.deliveries:
        if not delivery.delivered:
            sys.stdout.write(f"  {delivery.channel} could not be told of {delivery.check}: {delivery.problem}\n")
    sys.stdout.flush()
