"""The load of the script by hand: three windows of 10 seconds at 50 requests a second, each due at its own time."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pandas as pd

RATE = 50
SECONDS = 10.0
WINDOWS = 3
HEADERS = {"Content-Type": "application/json"}


@contextmanager
def endpoint(folder: Path) -> Iterator[int]:
    """The port of the served model, pinned to the first core, with this process on the others."""
    cores = sorted(os.sched_getaffinity(0))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    os.sched_setaffinity(0, {cores[0]})
    process = subprocess.Popen((sys.executable, "-m", "benchmarks.peers.census_served", str(folder), str(port)))
    os.sched_setaffinity(0, set(cores[1:] or cores))
    try:
        wait_for(port)
        yield port
    finally:
        os.sched_setaffinity(0, set(cores))
        process.terminate()
        process.wait()


def wait_for(port: int) -> None:
    """Until the server answers."""
    for _ in range(600):
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the server does not answer")


class Load:
    """Requests from a pool of threads, each with a connection of its own."""

    def __init__(self, port: int, bodies: list[str]) -> None:
        self.port = port
        self.bodies = bodies
        self.local = threading.local()

    def send(self, number: int, due: float) -> float:
        """One request; the seconds from when it was due."""
        if not hasattr(self.local, "connection"):
            self.local.connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        self.local.connection.request("POST", "/predict", self.bodies[number % len(self.bodies)], HEADERS)
        reply = self.local.connection.getresponse()
        reply.read()
        if reply.status != 200:
            raise SystemExit(f"the server answered {reply.status}")
        return time.perf_counter() - due

    def window(self, pool: ThreadPoolExecutor, seconds: float) -> list[float]:
        """The latencies of one window."""
        start = time.perf_counter() + 0.05
        sent = []
        for number in range(round(RATE * seconds)):
            due = start + number / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            sent.append(pool.submit(self.send, number, due))
        return [one.result() for one in sent]


def latency_windows(folder: Path, rows: pd.DataFrame) -> list[float]:
    """The 95th percentile of the latency in each window, in seconds."""
    columns = rows.drop(columns=["sex", "income"]).head(500)
    bodies = [columns.iloc[number].to_json() for number in range(len(columns))]
    with endpoint(folder) as port, ThreadPoolExecutor(32) as pool:
        load = Load(port, bodies)
        load.window(pool, 1.0)
        return [float(np.percentile(load.window(pool, SECONDS), 95)) for _ in range(WINDOWS)]
