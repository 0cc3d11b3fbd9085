"""Opens the course in the browser: starts the Streamlit app, on this machine only unless told otherwise."""

from __future__ import annotations

import errno
import ipaddress
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
_EVERYWHERE = ("0.0.0.0", "::")

# Nothing leaves this machine, no traceback reaches the page, and the look: calm blue, readable on light and dark.
_SETTINGS = {
    "server.showEmailPrompt": "false",
    "server.fileWatcherType": "none",
    # A full collection takes 0.2 s with torch loaded, and Streamlit would ask for one after each redraw of anybody.
    "runner.postScriptGC": "false",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "logger.hideWelcomeMessage": "true",  # and with it a box that advertises Streamlit's own tools to learners
    "client.showErrorDetails": "none",
    "theme.baseRadius": "0.4rem",
    "theme.light.primaryColor": "#1f5fbf",
    "theme.dark.primaryColor": "#3572d4",
    "theme.dark.linkColor": "#7db0f5",
}


def serve(folder: Path | None, port: int, *, browser: bool, address: str = ADDRESS) -> int:
    """Runs the app on the workspace at `folder` (by default the one found from here) until it is stopped."""
    workspace = Workspace.find(folder)
    if not installed():
        fix = "Install them with `pip install 'unravel[app]'`."
        raise UnravelError("The app needs Streamlit and its editor, which are not installed.", fix=fix)
    _check_free(address, port)
    where = f"http://{_host(ADDRESS if address in _EVERYWHERE else address)}:{port}"
    print(f"The course is open at {where} (workspace: {workspace.path}). Ctrl-C ends it.", flush=True)
    if not is_local(address):
        print(warning(address, port), file=sys.stderr, flush=True)
    environment = {**os.environ, VARIABLE: str(workspace.path)}
    try:
        return subprocess.run(command(port, browser=browser, address=address), env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 0


def is_local(address: str) -> bool:
    """Whether only this machine can reach `address`. A name that is not `localhost` might be anybody's.

    >>> [is_local(name) for name in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "192.168.1.7")]
    [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def warning(address: str, port: int) -> str:
    """What somebody must know who opens the app to others."""
    reach = "every network of this machine" if address in _EVERYWHERE else address
    return (
        f"WARNING: the app listens on {reach}, port {port}, and asks for no password. Whoever can reach it can read "
        "and change this workspace, and run code as you: checks run what is typed into an editor. Use it only on a "
        "network that you trust, or leave --address out and forward the port: "
        f"`ssh -L {port}:{ADDRESS}:{port} this-machine`."
    )


def installed() -> bool:
    """Whether what the app needs is there."""
    return find_spec("streamlit") is not None and find_spec("streamlit_ace") is not None


def command(port: int, *, browser: bool, address: str = ADDRESS) -> list[str]:
    """The command line of the app. It tells nobody of its use."""
    options = {"server.address": address, "server.port": str(port)}
    options |= {"server.headless": "false" if browser else "true", **_SETTINGS}
    flags = [f"--{name}={value}" for name, value in options.items()]
    if address in _EVERYWHERE:
        # Streamlit answers to the addresses it knows; this machine's own name is not among them.
        names = sorted({socket.gethostname(), socket.getfqdn()})
        flags += [f"--server.corsAllowedOrigins=http://{name}:{port}" for name in names]
    return [sys.executable, "-m", "unravel.app_server", "run", str(app_file()), *flags]


def app_file() -> Path:
    """The app's script. It came with Unravel; a course that `$UNRAVEL_COURSE` names need not have one."""
    for root in (PACKAGE / "_content", PACKAGE.parent.parent, content_root()):
        if (root / "app" / "main.py").is_file():
            return root / "app" / "main.py"
    raise UnravelError("The app's files are missing.", fix="Reinstall Unravel.")


def _check_free(address: str, port: int) -> None:
    try:
        family, _, _, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        fix = "Give an address of this machine, like 192.168.1.7; 0.0.0.0 means all of them."
        raise UnravelError(f"{address!r} is no address ({error.strerror}).", fix=fix) from error
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
        except OSError as error:
            raise _taken(address, port, error) from error


def _taken(address: str, port: int, error: OSError) -> UnravelError:
    if error.errno == errno.EADDRNOTAVAIL:
        fix = "Give an address of this machine; 0.0.0.0 means all of them."
        return UnravelError(f"{address} is no address of this machine.", fix=fix)
    fix = f"Stop what is running there, or take another: `unravel serve --port {port + 1}`."
    return UnravelError(f"Port {port} can't be used ({error.strerror}).", fix=fix)


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address
