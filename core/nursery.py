"""The nursery: a process that has imported what workers need, and becomes a new worker each time it is asked (`fork`).

A worker of its own imports torch and transformers, seconds of a processor each time; a forked one begins at once and shares the memory of what
is imported. The nursery has one thread and computes nothing, so that nothing is half done when it forks. Only on Linux, and only where
there is no GPU: CUDA cannot be used in a fork of a process that has looked at it. Elsewhere workers are made the long way.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core import processes

LOST = 1  # the exit code of a worker whose end nobody saw
ACCELERATORS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg", "/dev/accel")


def possible() -> bool:
    """Whether workers may be forked here."""
    return sys.platform == "linux" and not any(Path(device).exists() for device in ACCELERATORS)


class Nursery:
    """The server's end. `fork` needs no waiting: a worker asked for while the nursery imports is made when it is done."""

    def __init__(self, preload: Sequence[str], threads: int | None = None):
        self._ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-X", "utf8", "-m", "core.nursery", *preload],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=processes.ROOT,
                env=processes.environment(threads),
                start_new_session=True,
            )
        self._ready = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def ready(self) -> bool:
        """Whether its imports are done."""
        with contextlib.suppress(BlockingIOError, OSError):
            self._ready = self._ready or bool(self._ours.recv(1, socket.MSG_DONTWAIT))
        return self._ready

    def fork(self, threads: int | None = None) -> Forked:
        """A worker that has imported everything already. OSError when the nursery has died."""
        return Forked(self._ours, processes.environment(threads))

    def close(self) -> None:
        """End it. Its workers go on."""
        self._ours.close()
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()


class Forked(processes.Worker):
    """A worker made by a nursery. The nursery tells its number and its exit code on a pipe of its own; the worker holds that pipe open
    too, so that its end is seen even when the nursery has died before it."""

    def __init__(self, nursery: socket.socket, environment: dict[str, str]):
        order, life = os.pipe()
        told, tell = os.pipe()
        super().__init__(os.fdopen(life, "wb"))
        self._born, self._ended = threading.Event(), threading.Event()
        self._pid, self._code = 0, LOST
        try:
            _send(nursery, json.dumps(environment).encode("utf-8"), (order, tell))
        except OSError:
            self.leave()
            os.close(told)
            raise
        finally:
            os.close(order)
            os.close(tell)
        threading.Thread(target=self._listen, args=(told,), name="nursery", daemon=True).start()

    @property
    def pid(self) -> int:
        self._born.wait()
        return self._pid

    def alive(self) -> bool:
        return not self._ended.is_set()

    def wait(self, timeout: float | None = None) -> int | None:
        return self._code if self._ended.wait(timeout) else None

    def kill(self) -> None:
        if self.pid and not self._ended.is_set():
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGKILL)
        self._ended.wait()
        self.leave()

    def _listen(self, told: int) -> None:
        with os.fdopen(told, "r", encoding="ascii") as lines:
            for line in lines:
                what, number = line.split()
                if what == "pid":
                    self._pid = int(number)
                    self._born.set()
                else:
                    self._code = int(number)
                    break  # whatever the worker started itself may hold the pipe open
        self._ended.set()
        self._born.set()


def _send(to: socket.socket, message: bytes, fds: tuple[int, int]) -> None:
    """A message with its length before it; the two ends of pipes travel with the length."""
    to.sendmsg([len(message).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
    to.sendall(message)


def _receive(source: socket.socket) -> tuple[bytes, tuple[int, int]] | None:
    """What `_send` sent, or None when the other end is closed."""
    room = socket.CMSG_LEN(2 * array.array("i").itemsize)
    length, carried, _, _ = source.recvmsg(4, room)
    if not length or not carried:
        return None
    fds = array.array("i")
    fds.frombytes(carried[0][2])
    left, parts = int.from_bytes(length, "big"), []
    while left:
        part = source.recv(left)
        if not part:
            return None
        parts.append(part)
        left -= len(part)
    return b"".join(parts), (fds[0], fds[1])


# In the nursery -----------------------------------------------------------------------------------------------------


class _Cradle:
    """Serves the one server whose socket is the standard input."""

    def __init__(self) -> None:
        self.server = socket.socket(fileno=os.dup(0))
        self.children: dict[int, int] = {}  # process -> the pipe on which its end is told
        self.woken, self._wake = os.pipe()
        for fd in (self.woken, self._wake):
            os.set_blocking(fd, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)

    def serve(self) -> int | None:
        """Until the server is gone. In a new worker: its exit code."""
        with contextlib.suppress(OSError):
            self.server.send(b"!")
        server = self.server.fileno()
        while True:
            readable, _, _ = select.select([server, self.woken], [], [])
            if self.woken in readable:
                with contextlib.suppress(BlockingIOError):
                    os.read(self.woken, 512)
                self.reap()
            if server in readable:
                asked = _receive(self.server)
                if asked is None:
                    return None
                environment, (order, tell) = asked
                if self.fork(order, tell):
                    return _live(json.loads(environment))

    def fork(self, order: int, tell: int) -> bool:
        """True in the child, whose standard input is its order."""
        pid = os.fork()
        if pid:
            os.close(order)
            self.children[pid] = tell
            _tell(tell, "pid", pid)
            return False
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.server.close()
        for fd in (self.woken, self._wake, *self.children.values()):
            os.close(fd)
        os.dup2(order, 0)
        os.close(order)
        return True

    def reap(self) -> None:
        while self.children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            tell = self.children.pop(pid, None)
            if tell is not None:
                _tell(tell, "end", os.waitstatus_to_exitcode(status))
                os.close(tell)


def _tell(pipe: int, what: str, number: int) -> None:
    with contextlib.suppress(OSError):
        os.write(pipe, f"{what} {number}\n".encode("ascii"))


def _live(environment: dict[str, Any]) -> int:
    """In a new worker: a life as `processes.main` describes it, without the imports."""
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    sys.path.extend(p for p in environment.get("PYTHONPATH", "").split(os.pathsep) if p and p not in sys.path)
    sys.stdin = os.fdopen(0, "r", encoding="utf-8", closefd=False)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # `random` and torch see to themselves
    return processes.main([], nice=False)


def main(preload: list[str]) -> int:
    """Import, then serve. Returns in the nursery when the server is gone, and in every worker when its order is carried out."""
    with contextlib.suppress(OSError):
        os.nice(processes.NICE)
    for name in preload:
        with contextlib.suppress(Exception):  # the worker's own import will tell what is wrong
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what is shared stays shared: collecting does not write into it
    return _Cradle().serve() or 0


if __name__ == "__main__":
    code = importlib.import_module("core.nursery").main(sys.argv[1:])
    os._exit(code)  # without waiting for libraries to tidy up: the memory is free at once
