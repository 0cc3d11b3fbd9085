"""Opens the course in the browser: starts the Streamlit app on this machine only."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from unravel.errors import UnravelError
from unravel.paths import PACKAGE, content_root
from unravel.workspace.workspace import VARIABLE, Workspace

ADDRESS = "127.0.0.1"

# Nothing leaves this machine, no traceback reaches the page, and the look: calm blue, readable on light and dark.
_SETTINGS = {
    "server.address": ADDRESS,
    "server.showEmailPrompt": "false",
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "logger.hideWelcomeMessage": "true",  # and with it a box that advertises Streamlit's own tools to learners
    "client.showErrorDetails": "none",
    "theme.baseRadius": "0.4rem",
    "theme.light.primaryColor": "#1f5fbf",
    "theme.dark.primaryColor": "#3572d4",
    "theme.dark.linkColor": "#7db0f5",
}


def serve(folder: Path | None, port: int, *, browser: bool) -> int:
    """Runs the app on the workspace at `folder` (by default the one found from here) until it is stopped."""
    workspace = Workspace.find(folder)
    if not installed():
        fix = "Install them with `pip install 'unravel[app]'`."
        raise UnravelError("The app needs Streamlit and its editor, which are not installed.", fix=fix)
    _check_free(port)
    print(f"The course is open at http://{ADDRESS}:{port} (workspace: {workspace.path}). Ctrl-C ends it.", flush=True)
    environment = {**os.environ, VARIABLE: str(workspace.path)}
    try:
        return subprocess.run(command(port, browser=browser), env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 0


def installed() -> bool:
    """Whether what the app needs is there."""
    return find_spec("streamlit") is not None and find_spec("streamlit_ace") is not None


def command(port: int, *, browser: bool) -> list[str]:
    """The command line of the app. It listens on this machine only, and tells nobody of its use."""
    options = {"server.port": str(port), "server.headless": "false" if browser else "true", **_SETTINGS}
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(app_file()), *flags]


def app_file() -> Path:
    """The app's script. It came with Unravel; a course that `$UNRAVEL_COURSE` names need not have one."""
    for root in (PACKAGE / "_content", PACKAGE.parent.parent, content_root()):
        if (root / "app" / "main.py").is_file():
            return root / "app" / "main.py"
    raise UnravelError("The app's files are missing.", fix="Reinstall Unravel.")


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            fix = f"Stop what is running there, or take another: `unravel serve --port {port + 1}`."
            raise UnravelError(f"Port {port} can't be used ({error.strerror}).", fix=fix) from error
