"""A PostgreSQL server of Debian's, on loopback, in a folder that goes with it."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

__all__ = ["Server", "programs", "running"]

USER = "probe"
_DEBIAN = Path("/usr/lib/postgresql")
_SETTINGS = "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"


def programs() -> Path | None:
    """Return the folder with ``initdb`` and ``postgres``, ``None`` where there is none."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    folders = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return folders[-1].parent if folders else None


class Server:
    """A server that listens on 127.0.0.1; each test takes a database of its own."""

    def __init__(self, port: int) -> None:
        """Take where it listens."""
        self._port = port
        self._numbers = count()

    def url(self) -> str:
        """Make an empty database and return its URL."""
        name = f"store{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self._port}/{name}"

    def connect(self) -> psycopg.Connection:
        """Connect to the database that is there from the beginning."""
        return psycopg.connect(
            host="127.0.0.1", port=self._port, user=USER, dbname="postgres", autocommit=True
        )


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Make a cluster and serve it; it refuses to be root's, so root lends it to ``postgres``."""
    place = Path(tempfile.mkdtemp(prefix="probe-postgresql-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(place, user)
    data = place / "data"

    def run(program: str, *words: str) -> None:
        command = [str(folder / program), "-D", str(data), *words]
        subprocess.run(command, check=True, user=user, cwd=place, stdout=subprocess.DEVNULL)

    try:
        run("initdb", "-U", USER, "--auth=trust", "--no-sync", "-E", "UTF8")
        port = _free_port()
        run("pg_ctl", "-w", "-l", str(place / "log"), "-o", _SETTINGS.format(port=port), "start")
        try:
            yield Server(port)
        finally:
            run("pg_ctl", "-w", "-m", "fast", "stop")
    finally:
        shutil.rmtree(place)


def _free_port() -> int:
    with socket.socket() as probing:
        probing.bind(("127.0.0.1", 0))
        return int(probing.getsockname()[1])
