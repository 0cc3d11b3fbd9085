# ruff: noqa: E501  (submissions are kept as their authors would write them)
"""Reaching out: files, network, other processes."""

from pathlib import Path

from attack import attack, body

ROOT = Path(__file__).resolve().parents[4]
TINY = ROOT / "tests/platform/tiny_course"
WANTED = [
    TINY / "tests/exercises/ch00_tiny/test_basics.py",
    TINY / "solutions/ch00_tiny/basics.py",
    ROOT / "tests/platform/grading/hostile/attack.py",
    ROOT / "src/unravel/grading/authoring.py",
    ROOT / "src/unravel/__init__.py",
    ROOT / ".git/HEAD",
    "/etc/passwd",
    "/etc/shadow",
    "/etc/hostname",
    "/proc/self/mem",
    "/proc/self/maps",
    "/proc/self/environ",
    "/proc/self/fd/3",
    "/proc/1/environ",
    "/proc/cmdline",
    "/dev/mem",
    "/dev/tty",
    "/root/.bashrc",
]

PRINT_ALL = """
for path in found:
    try:
        with open(path, "rb") as file:
            print("LEAK", path, file.read(2000))
    except OSError as fault:
        print(type(fault).__name__)
"""

ATTACKS = [
    body("read what is known to be there", "failed", f"found = {[str(path) for path in WANTED]!r}\n{PRINT_ALL}"),
    body(
        "read what the processes around have",
        "failed",
        f"""
        import os
        found = [f"/proc/{{pid}}/{{name}}" for pid in {{os.getppid(), os.getpid(), 1, 2}}
                 for name in ("mem", "maps", "environ", "cmdline", "root/etc/passwd", "cwd/pyproject.toml", "fd/3")]
        {PRINT_ALL.replace(chr(10), chr(10) + "        ")}
        """,
    ),
    body(
        "walk the whole tree",
        "failed",
        f"""
        import os
        found = []
        for top in ({str(ROOT)!r}, "/home", "/tmp", "/var", "/run", "/dev/shm", "."):
            for folder, _, names in os.walk(top):
                found += [os.path.join(folder, name) for name in names]
        {PRINT_ALL.replace(chr(10), chr(10) + "        ")}
        """,
    ),
    body(
        "import the course",
        "failed",
        f"""
        import importlib, sys
        sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "src")!r}, {str(TINY)!r}, {str(TINY / "solutions/ch00_tiny")!r}]
        importlib.invalidate_caches()
        for name in ("basics", "solutions.ch00_tiny.basics", "unravel.grading.engine", "unravel.course.load", "attack"):
            try:
                print("LEAK", importlib.import_module(name))
            except BaseException as fault:
                print(type(fault).__name__)
        """,
    ),
    body(
        "read the workspace's database",
        "error forbidden",
        "import sqlite3\nsqlite3.connect('file:/tmp/../root/.unravel/progress.db?mode=rw', uri=True)",
    ),
    body("write to a library", "forbidden", "open(torch.__file__, 'a').write('pwned')"),
    body("truncate a library", "forbidden error", "import os\nos.truncate(torch.__file__, 0)"),
    body("truncate by opening", "forbidden", "import os\nos.open(torch.__file__, os.O_RDONLY | os.O_TRUNC)"),
    body("remove a library", "forbidden", "import os\nos.unlink(torch.__file__)"),
    body("internet", "forbidden error", "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:80/')"),
    body("plain socket", "forbidden", "import socket\nsocket.create_connection(('127.0.0.1', 22), 1)"),
    body(
        "datagram",
        "forbidden",
        "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 53))",
    ),
    body("unix socket", "forbidden", "import socket\nsocket.socket(socket.AF_UNIX).connect('/run/docker.sock')"),
    body(
        "the grader's socket by another name",
        "failed",
        """
        import socket, os
        own = socket.socket(fileno=os.dup(3))
        for call in (lambda: own.connect("/tmp/x"), lambda: own.bind("\\0unravel"), lambda: own.listen(), lambda: own.sendto(b"", "/tmp/x")):
            try:
                call()
                print("LEAK: worked")
            except (OSError, TypeError):
                pass
        """,
    ),
    body(
        "signals to everybody",
        "failed",
        """
        import ctypes, os, signal
        libc = ctypes.CDLL(None, use_errno=True)
        targets = {os.getppid(), 0, -1, 1, 2, -os.getpgid(0), *range(2, 400)}
        for target in targets:
            for call in (os.kill, os.killpg, lambda pid, number: libc.syscall(129, pid, number, 0)):
                try:
                    call(target, signal.SIGKILL)
                except (OSError, OverflowError):
                    pass
        """,
    ),
    body(
        "signals by way of input",
        "failed",
        """
        import fcntl, os, signal, struct
        for call in (
            lambda: fcntl.fcntl(3, fcntl.F_SETOWN, os.getppid() or 1),
            lambda: fcntl.fcntl(3, 10, signal.SIGKILL),
            lambda: fcntl.fcntl(3, fcntl.F_SETFL, os.O_ASYNC),
            lambda: fcntl.ioctl(3, 0x8901, struct.pack("i", os.getppid() or 1)),
        ):
            try:
                call()
            except OSError:
                pass
        """,
    ),
    body(
        "other processes' memory",
        "failed",
        """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        target = os.getppid() or 1
        for number in (101, 310, 311, 312, 424, 434, 438, 440):
            for request in (16, 0x4206, 0):
                if libc.syscall(number, request, target, 0, 0, 0, 0) >= 0:
                    print("LEAK", number)
        """,
    ),
    body(
        "another sandbox inside",
        "failed",
        """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        for flags in (0x10000000, 0x20000, 0x40000000, 0x7E020000):
            if libc.unshare(flags) == 0:
                print("LEAK", flags)
        for option in (1, 4, 8, 22, 24, 36, 47):
            if libc.prctl(option, 1, 0, 0, 0) == 0 and option != 8:
                print("LEAK prctl", option)
        """,
    ),
    body("other limits", "forbidden error", "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))"),
    body(
        "limits of others",
        "forbidden",
        "import os, resource\nresource.prlimit(os.getppid() or 2, resource.RLIMIT_CPU, (1, 1))",
    ),
    attack(
        "at import, as soon as possible",
        "failed",
        """
        import os
        for call in (lambda: os.fork(), lambda: os.kill(-1, 9), lambda: open("/tmp/unravel-hostile", "w"), lambda: os.listdir("/")):
            try:
                call()
                print("LEAK: worked")
            except OSError:
                pass
        def double(x):
            return x
        """,
    ),
]
