"""What the tests share: databases, a server of one's own, a proxy that fails."""

from __future__ import annotations

import logging
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "clients" / "python"
sys.path.insert(0, str(CLIENT))

import metaprobe  # noqa: E402

logging.getLogger("metaprobe").setLevel(logging.CRITICAL)


def random_seed() -> int:
    """From the environment or new; printed, so that a failure can be repeated."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**32))
    print(f"SEED={seed}", flush=True)
    return seed


def some_losses(ids: np.ndarray, epoch: int) -> np.ndarray:
    """Losses that tell their id and epoch, exact as float32."""
    return ((ids * 31 + epoch * 7) % 4093 / 8).astype(np.float32)


class DatabaseTest(unittest.TestCase):
    """A database of this class's own, with the extension and a loss log."""

    parameters: dict[str, Any] = {}
    connection: psycopg.Connection[Any]

    @classmethod
    def setUpClass(cls) -> None:
        name = f"metaprobe_{cls.__name__.lower()}"
        with cls.connect(dbname="postgres") as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name}")
        cls.parameters = {**cls.parameters, "dbname": name}
        cls.connection = cls.connect()
        cls.connection.execute("CREATE EXTENSION metaprobe")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.connection.close()
        with cls.connect(dbname="postgres") as connection:
            connection.execute(
                f"DROP DATABASE {cls.parameters['dbname']} WITH (FORCE)"
            )

    @classmethod
    def connect(cls, **changes: Any) -> psycopg.Connection[Any]:
        return psycopg.connect(**{**cls.parameters, **changes}, autocommit=True)

    @classmethod
    def conninfo(cls, **changes: Any) -> str:
        return psycopg.conninfo.make_conninfo(**{**cls.parameters, **changes})

    def setUp(self) -> None:
        self.run_sql("DROP TABLE IF EXISTS loss_log")
        self.run_sql("SELECT create_loss_log('loss_log')")

    def run_sql(self, query: str, *values: Any) -> None:
        self.connection.execute(query, values or None)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, values or None).fetchall()

    def value(self, query: str, *values: Any) -> Any:
        ((value,),) = self.rows(query, *values)
        return value

    def recorder(self, run: str = "run", **options: Any) -> metaprobe.LossRecorder:
        return metaprobe.LossRecorder(self.conninfo(), run, **options)

    def recorded(self, run: str = "run") -> dict[int, list[tuple[int, float]]]:
        """{epoch: [(id, loss), ...] as they were written}"""
        found: dict[int, list[tuple[int, float]]] = {}
        for epoch, ids, losses in self.rows(
            "SELECT epoch, ids, losses::float8[] FROM loss_log WHERE run = %s"
            " ORDER BY epoch, recorded_at, ids[1]",
            run,
        ):
            found.setdefault(epoch, []).extend(zip(ids, losses, strict=True))
        return found

    def assert_recorded_once(self, run: str, examples: list[int]) -> None:
        """Of epoch e, the ids 0 to examples[e] - 1 with some_losses, each once."""
        found = self.recorded(run)
        self.assertEqual(sorted(found), list(range(len(examples))), "epochs")
        for epoch, count in enumerate(examples):
            pairs = sorted(found[epoch])
            ids = np.arange(count)
            self.assertEqual([pair[0] for pair in pairs], ids.tolist())
            expected = some_losses(ids, epoch).tolist()
            self.assertEqual([pair[1] for pair in pairs], expected)


def bindir() -> Path:
    """Where the server's programs are."""
    config = os.environ.get("PG_CONFIG", "pg_config")
    done = subprocess.run(
        [config, "--bindir"], check=True, capture_output=True, text=True
    )
    return Path(done.stdout.strip())


class Server:
    """A server in a private directory, which tests may stop and kill."""

    def __init__(self, **settings: str) -> None:
        self.bin = bindir()
        self.directory = Path(tempfile.mkdtemp(prefix="mp"))
        self.data = self.directory / "data"
        self.command(
            "initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-D", self.data
        )
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.directory),
            "fsync": "off",
            **settings,
        }
        with (self.data / "postgresql.conf").open("a") as file:
            for name, value in settings.items():
                file.write(f"{name} = '{value}'\n")
        self.start()

    def command(self, name: str, *arguments: Any) -> None:
        done = subprocess.run(
            [self.bin / name, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{name} failed: {done.stdout}")

    @property
    def socket(self) -> Path:
        return self.directory / ".s.PGSQL.5432"

    @property
    def parameters(self) -> dict[str, Any]:
        return {"host": str(self.directory), "port": 5432, "user": "postgres"}

    def start(self) -> None:
        log = self.directory / "log"
        self.command("pg_ctl", "-w", "-s", "-D", self.data, "-l", log, "start")

    def stop(self, mode: str = "fast") -> None:
        self.command("pg_ctl", "-w", "-s", "-D", self.data, "-m", mode, "stop")

    def remove(self) -> None:
        with suppress(RuntimeError):
            self.stop("immediate")
        shutil.rmtree(self.directory)


class Proxy:
    """Passes a server's connections on, but fails at COMMIT as told.

    Each COMMIT takes the next of the faults, while there are any:
      lost        it does not reach the server, and the connection is gone
      unanswered  it reaches the server, the answer does not come back
      late        the same, but it takes its time to reach the server
      hung        it does not reach the server, which still waits for it
    Any other string passes. Closed to new connections while refusing is set.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.directory = Path(tempfile.mkdtemp(prefix="mp"))
        self.faults: deque[str] = deque()
        self.done: list[str] = []  # faults that took place
        self.refuse_after_fault = False
        self.refusing = threading.Event()
        self.links: list[Link] = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.directory / ".s.PGSQL.5432"))
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def parameters(self) -> dict[str, Any]:
        return {**self.server.parameters, "host": str(self.directory)}

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                if self.refusing.is_set():
                    raise OSError
                server.connect(str(self.server.socket))
            except OSError:
                close(client, server)
                continue
            link = Link(self, client, server)
            self.links.append(link)
            for work in (link.pass_requests, link.pass_answers):
                threading.Thread(target=work, daemon=True).start()

    def next_fault(self) -> str:
        fault = self.faults.popleft() if self.faults else ""
        if self.refuse_after_fault:
            self.refusing.set()
        self.done.append(fault)
        return fault

    def cut(self) -> None:
        """Ends all connections at once."""
        for link in self.links:
            close(link.client, link.server)
        self.links.clear()

    def remove(self) -> None:
        close(self.listener)
        self.cut()
        shutil.rmtree(self.directory)


class Link:
    """One connection through a proxy."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket):
        self.proxy = proxy
        self.client = client
        self.server = server
        self.mute = False

    def pass_requests(self) -> None:
        while data := receive(self.client):
            if data[:1] in b"QP" and b"COMMIT\0" in data and self.fail():
                return
            if not send(self.server, data):
                break
        close(self.client, self.server)

    def fail(self) -> bool:
        """At a COMMIT; true when this direction has come to its end."""
        fault = self.proxy.next_fault()
        self.mute = fault in ("unanswered", "late")
        if fault == "lost":
            close(self.client, self.server)
        elif fault == "hung":
            close(self.client)
        elif fault == "late":
            close(self.client)
            time.sleep(0.5)
            send(self.server, b"Q\0\0\0\x0bCOMMIT\0")
        return fault in ("lost", "hung", "late")

    def pass_answers(self) -> None:
        while data := receive(self.server):
            if self.mute or not send(self.client, data):
                break
        close(self.client, self.server)


def receive(from_socket: socket.socket) -> bytes:
    try:
        return from_socket.recv(65536)
    except OSError:
        return b""


def send(to_socket: socket.socket, data: bytes) -> bool:
    try:
        to_socket.sendall(data)
    except OSError:
        return False
    return True


def close(*sockets: socket.socket) -> None:
    """Also wakes threads that wait for these sockets."""
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
