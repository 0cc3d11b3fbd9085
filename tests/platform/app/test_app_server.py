"""What the app's server does otherwise than Streamlit's: in a process of its own, as it imports a whole app."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from unravel.serve import app_file


def loaded(script: Path, *names: str) -> str:
    """Which of the modules are there after the server has read ahead for that script."""
    code = (
        "import sys\nfrom unravel.app_server import _read_ahead\n"
        f"_read_ahead(['run', {str(script)!r}, '--server.port=1'])\n"
        f"print(*[name for name in {names!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_pages_are_imported_and_torch_is_not():
    assert loaded(app_file(), "views.home", "views.lesson", "unravel.course.load", "torch") == (
        "views.home views.lesson unravel.course.load"
    )


def test_a_page_that_is_broken_stops_nothing(tmp_path):
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "home.py").write_text("raise RuntimeError\n")
    (tmp_path / "views" / "search.py").write_text("")
    (tmp_path / "main.py").write_text("")
    assert loaded(tmp_path / "main.py", "views.home", "views.search") == "views.search"


def test_what_a_server_sends_goes_out_at_once():
    """As Streamlit makes its socket, and starts its server with it."""
    code = """
import asyncio, socket, uvicorn
from unravel.app_server import _send_at_once
started = []
async def startup(server, sockets=None):
    started.append(sockets)
uvicorn.Server.startup = startup
_send_at_once()
made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
asyncio.run(uvicorn.Server(uvicorn.Config("app")).startup(sockets=[made, local]))
assert started == [[made, local]]
made.bind(("127.0.0.1", 0))
made.listen()
with socket.create_connection(made.getsockname()):
    accepted, _ = made.accept()
    print(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0)
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "True", done.stderr
