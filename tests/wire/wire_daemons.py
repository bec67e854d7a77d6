"""Real server programs for the codecs to talk to, each in a network namespace of its own.

A namespace made by a thread for itself has no route and no interface but its loopback: whatever
a daemon tries, no packet can leave. Where a namespace or a program is missing, the test skips and
says so.
"""

import ctypes
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")
_CLONE_NEWNET = 0x4000_0000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 0x1
_FOLDERS = os.pathsep.join(("/usr/sbin", "/usr/lib/ipsec", "/usr/bin"))
TRIES, PAUSE_S = 100, 0.1


def program(name: str) -> str:
    """Return the path of a program, or skip."""
    found = shutil.which(name) or shutil.which(name, path=_FOLDERS)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def in_namespace(work: Callable[[], T]) -> T:
    """Return what ``work`` returns when run with nothing but a loopback of its own."""
    results: list[T] = []
    problems: list[BaseException] = []

    def body() -> None:
        try:
            _enter()
            results.append(work())
        except BaseException as problem:  # noqa: BLE001 - carried over to the test's own thread
            problems.append(problem)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if problems:
        raise problems[0]
    return results[0]


def _enter() -> None:
    """Give this thread a network namespace of its own and bring its loopback up."""
    if not hasattr(socket, "AF_NETLINK"):
        pytest.skip("network namespaces are Linux's")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        pytest.skip(f"no network namespace: {os.strerror(ctypes.get_errno())}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))


@contextmanager
def running(command: list[str], folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program of the calling thread's namespace; it ends with the block."""
    with (folder / "daemon.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def eventually(
    attempt: Callable[[], T | None], process: "subprocess.Popen[bytes]", folder: Path
) -> T:
    """Return the first result of ``attempt`` that is one, while a program starts up."""
    for _ in range(TRIES):
        try:
            result = attempt()
        except (ConnectionError, TimeoutError):
            result = None
        if result is not None:
            return result
        with suppress(subprocess.TimeoutExpired):
            process.wait(PAUSE_S)
            break  # it ended: nobody will answer
    log = (folder / "daemon.log").read_text(errors="replace")
    raise AssertionError(f"no answer; the program says:\n{log[-3000:]}")


def ask_udp(port: int, packet: bytes, wait_s: float = 0.5) -> bytes | None:
    """Return the answer to a datagram, ``None`` for silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(wait_s)
        line.connect(("127.0.0.1", port))
        line.send(packet)
        try:
            return line.recv(65_535)
        except TimeoutError:
            return None


def ask_tcp(port: int, data: bytes, wait_s: float = 2.0) -> bytes:
    """Return the first bytes that a server answers to ``data``, ``b""`` if it hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as line:
        line.sendall(data)
        return line.recv(65_535)
