"""Starting the zygote's process and asking it things: one request, one answer, each with a deadline."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

from unravel.errors import UnravelError

_WARM_SECONDS = 180.0
_LONGEST_ANSWER = 65536
_KEPT = ("LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT", "HF_HOME", "UNRAVEL_COURSE")
_SET = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "HOME": "/nonexistent",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "WANDB_MODE": "disabled",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "CUDA_VISIBLE_DEVICES": "",
    "MALLOC_ARENA_MAX": "2",
    "TQDM_DISABLE": "1",
    "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",
}
# -I shuts out PYTHONPATH, the current folder and the user's packages; what the grader itself imports is put back.
_BOOT = (
    "import sys; sys.path += [p for p in sys.argv.pop() .split(chr(0x1f)) if p not in sys.path]; "
    "sys.dont_write_bytecode = True; import runpy; runpy.run_module('unravel.grading.zygote', run_name='__main__')"
)


class Gone(Exception):
    """The zygote is dead, or doesn't answer in time and is treated as dead."""


class Control:
    """The control socket of one zygote process."""

    def __init__(self, process: subprocess.Popen[bytes], sock: socket.socket, log: IO[bytes]):
        self._process = process
        self._sock = sock
        self._log = log
        self._lock = threading.Lock()
        self._closed = False
        self.facts: dict[str, Any] = {}

    @staticmethod
    def start(options: dict[str, Any]) -> Control:
        """Executes a new interpreter with a clean environment and nothing but the control socket."""
        ours, theirs = socket.socketpair()
        log = tempfile.TemporaryFile()  # noqa: SIM115  (kept for its last words)
        passed = json.dumps({**options, "grader": os.getpid()})
        command = [sys.executable, "-I", "-c", _BOOT, str(theirs.fileno()), passed, "\x1f".join(_import_folders())]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env={**{name: os.environ[name] for name in _KEPT if name in os.environ}, **_SET},
            cwd="/",
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
        theirs.close()
        return Control(process, ours, log)

    def alive(self) -> bool:
        """Whether the process runs."""
        return not self._closed and self._process.poll() is None

    def ready(self) -> None:
        """Waits for the zygote's first message. Raises `UnravelError` with its reason when it can't serve."""
        with self._lock:
            if self.facts:
                return
            try:
                facts, _ = self._receive(_WARM_SECONDS)
            except Gone as gone:
                facts = {"error": f"{gone}. {self._last_words()}".strip()}
        if "error" in facts:
            self.close()
            raise UnravelError(
                f"The sandbox could not be set up: {facts['error']}",
                fix="`unravel doctor` shows what this system offers.",
            )
        self.facts = facts

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The answer to a request. Raises `Gone`."""
        return self.ask_with(request, None, seconds)[0]

    def ask_with(
        self, request: dict[str, Any], descriptor: int | None, seconds: float
    ) -> tuple[dict[str, Any], list[int]]:
        """The same, passing a descriptor along; the answer may bring some as well."""
        with self._lock:
            try:
                self._sock.settimeout(seconds)
                descriptors = [] if descriptor is None else [descriptor]
                socket.send_fds(self._sock, [json.dumps(request).encode()], descriptors)
                return self._receive(seconds)
            except (OSError, ValueError) as error:
                self._kill()
                raise Gone(str(error)) from None
            except Gone:
                self._kill()
                raise

    def _receive(self, seconds: float) -> tuple[dict[str, Any], list[int]]:
        deadline, data, descriptors = time.monotonic() + seconds, b"", list[int]()
        while not data.endswith(b"\n"):
            try:
                self._sock.settimeout(max(deadline - time.monotonic(), 0.001))
                piece, received, _, _ = socket.recv_fds(self._sock, _LONGEST_ANSWER, 4)
            except TimeoutError:
                raise Gone(f"no answer within {seconds:.0f} s") from None
            except OSError as error:
                raise Gone(str(error)) from None
            descriptors += received
            if not piece:
                raise Gone("it ended")
            data += piece
        answer: dict[str, Any] = json.loads(data)
        return answer, descriptors

    def _last_words(self) -> str:
        self._process.poll()
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - 2000))
        return self._log.read().decode(errors="replace").strip()

    def _kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        """Ends the process, and with it its children. May be called again."""
        self._closed = True
        self._process.kill()
        self._process.wait()
        self._sock.close()
        self._log.close()


def _import_folders() -> list[str]:
    """The folders that this process imports us and torch from, wherever they are."""
    found = []
    for name in ("unravel", "torch"):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            found.append(str(Path(spec.origin).resolve().parent.parent))
    return found
