"""What a sandboxed child can do and can't, tried from inside one, in each tier that isolates."""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
from pathlib import Path

import pytest
from sandbox_kit import SECRET, Inside, start

import unravel
from unravel.grading.warm import Warm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = Path(unravel.__path__[0])

TRY = """
import ctypes, os, socket, signal, resource, sys, threading, mmap, fcntl
libc = ctypes.CDLL(None, use_errno=True)

def raw(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) for a in arguments])
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result

def outcome(attempt):
    try:
        attempt()
    except (OSError, ValueError):
        return "refused"
    except BaseException as fault:
        return type(fault).__name__
    return "worked"
"""

# What must be refused; the expressions are evaluated in the child.
REFUSED = {
    "inet socket": "socket.socket()",
    "unix socket": "socket.socket(socket.AF_UNIX)",
    "netlink socket": "socket.socket(16, socket.SOCK_RAW)",
    "socket pair": "socket.socketpair()",
    "fork": "os.fork()",
    "raw fork by clone": "raw(56, 17, 0, 0, 0, 0)",
    "clone3": "raw(435, 0, 0)",
    "exec": "os.execv(sys.executable, ['x'])",
    "execveat": "raw(322, 0, 0, 0, 0, 0)",
    "posix_spawn": "os.posix_spawn(sys.executable, ['x'], {})",
    "kill the parent": "os.kill(os.getppid() or 1, 9)",
    "kill all": "os.kill(-1, 9)",
    "kill own group": "os.killpg(0, 15)",
    "kill itself": "os.kill(os.getpid(), 15)",
    "tkill": "raw(200, os.getpid(), 15)",
    "tgkill": "raw(234, os.getpid(), os.getpid(), 15)",
    "rt_sigqueueinfo": "raw(129, 1, 15, 0)",
    "pidfd_open": "os.pidfd_open(1)",
    "pidfd_send_signal": "raw(424, 3, 9, 0, 0)",
    "F_SETOWN": "fcntl.fcntl(3, fcntl.F_SETOWN, 1)",
    "F_SETSIG": "fcntl.fcntl(3, fcntl.F_SETSIG, 9)",
    "FIOSETOWN": "fcntl.ioctl(3, 0x8901, b'\\1\\0\\0\\0')",
    "TIOCSTI": "fcntl.ioctl(0, 0x5412, b'x')",
    "ptrace": "raw(101, 16, 1, 0, 0)",
    "process_vm_readv": "raw(310, 1, 0, 0, 0, 0, 0)",
    "process_vm_writev": "raw(311, 1, 0, 0, 0, 0, 0)",
    "kcmp": "raw(312, 1, 1, 0, 0, 0)",
    "raise own limits": "resource.setrlimit(resource.RLIMIT_CPU, (10**6, 10**6))",
    "limits of another": "resource.prlimit(os.getppid() or 2, resource.RLIMIT_CPU, (1, 1))",
    "affinity": "os.sched_setaffinity(0, {0})",
    "priority": "os.setpriority(os.PRIO_PROCESS, 0, 5)",
    "setuid": "os.setuid(0)",
    "setgroups": "os.setgroups([0])",
    "unshare": "raw(272, 0x10000000)",
    "setns": "raw(308, 3, 0)",
    "mount": "raw(165, 0, 0, 0, 0, 0)",
    "chroot": "os.chroot('/')",
    "chdir": "os.chdir('/tmp')",
    "bpf": "raw(321, 0, 0, 0)",
    "perf_event_open": "raw(298, 0, 0, 0, 0, 0)",
    "io_uring": "raw(425, 8, 0)",
    "userfaultfd": "raw(323, 0)",
    "keyctl": "raw(250, 0, -3, 0)",
    "memfd_create": "os.memfd_create('x')",
    "shmget": "raw(29, 0, 4096, 0o1600)",
    "msgget": "raw(68, 0, 0o1600)",
    "semget": "raw(64, 0, 1, 0o1600)",
    "personality": "raw(135, 0x40000)",
    "open by handle": "raw(304, 3, 0, 0)",
    "landlock again": "raw(444, 0, 0, 1)",
    "another filter": "raw(317, 0, 0, 0)",
    "reboot": "raw(169, 0, 0, 0, 0)",
    "drop the parent-death signal": "libc.prctl(1, 0, 0, 0, 0) == 0 or raw(9999)",
    "become dumpable": "libc.prctl(4, 1, 0, 0, 0) == 0 or raw(9999)",
    "a call that no kernel has": "raw(9999)",
    "x32": "raw(0x40000000 + 39) and 0",
    "list /proc": "os.listdir('/proc')",
    "list /": "os.listdir('/')",
    "list the working directory": "os.listdir()",
    "list /tmp": "os.listdir('/tmp')",
    "create in /tmp": "open('/tmp/unravel-test-file', 'w')",
    "create in the working directory": "open('unravel-test-file', 'w')",
    "create in /dev/shm": "open('/dev/shm/unravel-test-file', 'w')",
    "make a folder": "os.mkdir('/tmp/unravel-test-folder')",
    "make a link": "os.symlink('/etc', '/tmp/unravel-test-link')",
    "make a fifo": "os.mkfifo('/tmp/unravel-test-fifo')",
    "own memory as a file": "open('/proc/self/mem', 'rb')",
    "own maps": "open('/proc/self/maps')",
    "the parent's environment": "open(f'/proc/{os.getppid() or 1}/environ')",
    "passwd": "open('/etc/passwd')",
    "shadow": "open('/etc/shadow')",
    "terminal": "open('/dev/tty')",
    "kernel memory": "open('/dev/mem')",
}

X86_ONLY = "raw("


def _attempts(table: dict[str, str]) -> str:
    table = {name: code for name, code in table.items() if platform.machine() == "x86_64" or X86_ONLY not in code}
    lines = [f"    found[{name!r}] = outcome(lambda: {code})" for name, code in table.items() if name != "x32"]
    return TRY + "def probe():\n    found = {}\n" + "\n".join(lines) + "\n    return found\n"


def test_everything_forbidden_is_refused(inside: Inside) -> None:
    found = inside.run(_attempts(REFUSED))
    assert {name: what for name, what in found.items() if what != "refused"} == {}


def test_a_call_of_another_architecture_ends_the_process(warm: Warm) -> None:
    if platform.machine() != "x86_64":
        pytest.skip("x32 is of x86-64")
    process = warm.spawn()
    with pytest.raises(EOFError):
        Inside(process).run(TRY + "def probe():\n    return raw(0x40000000 + 39)\n")
    assert process.kill().signal == 31  # SIGSYS


OURS = [
    PACKAGE / "__init__.py",
    PACKAGE / "grading" / "warm.py",
    PACKAGE / "grading" / "authoring.py",
    PACKAGE / "course" / "model.py",
    ROOT / "pyproject.toml",
    ROOT / "tests/platform/grading/test_sandbox.py",
    ROOT / "tests/platform/tiny_course/solutions/ch00_tiny/basics.py",
    ROOT / "tests/platform/tiny_course/tests/exercises/ch00_tiny/test_basics.py",
    ROOT / ".git/HEAD",
]


def test_our_own_files_are_not_readable(inside: Inside) -> None:
    installed = list(Path(sysconfig.get_path("purelib")).glob("*unravel*"))
    files = [path for path in [*OURS, *installed, *(p / "METADATA" for p in installed)] if path.is_file()]
    assert len(files) >= 6
    lines = "".join(f"    found[{str(path)!r}] = outcome(lambda: open({str(path)!r}).read())\n" for path in files)
    found = inside.run(TRY + f"def probe():\n    found = {{}}\n{lines}    return found\n")
    assert {name: what for name, what in found.items() if what != "refused"} == {}


def test_a_learners_imports_work(inside: Inside) -> None:
    assert inside.run(
        """
        import math, sqlite3, wave, xml.dom.minidom, dataclasses, itertools
        import numpy, einops, jaxtyping, torch, torch.nn.functional, networkx.algorithms.bipartite
        import unravel.interp

        def probe():
            source = open(unravel.interp.__file__).read() + "x"
            with open("/dev/null", "w") as sink:
                sink.write("x")
            return bool(source)
        """.replace("\n        ", "\n")
    )


def test_torch_works(inside: Inside) -> None:
    code = """
import threading
import torch

def probe():
    x = torch.randn(8, 8, requires_grad=True)
    torch.nn.functional.scaled_dot_product_attention(x[None], x[None], x[None]).sum().backward()
    torch.linalg.svd(x.detach()), torch.linalg.eig(x.detach()), torch.fft.fft(x.detach()), torch.linalg.inv(x.detach())
    layer = torch.nn.Linear(8, 8)
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(x.detach()).pow(2).mean().backward()
    optimizer.step()
    torch.func.vmap(torch.func.grad(lambda v: v.pow(3).sum()))(x.detach())
    torch.set_num_threads(2)
    (torch.randn(600, 600) @ torch.randn(600, 600)).sum().item()
    threads = [threading.Thread(target=lambda: torch.randn(64, 64).sum().item()) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return float(x.grad.abs().sum()) > 0
"""
    assert inside.run(code) is True


def test_nothing_is_inherited(inside: Inside) -> None:
    code = """
import os, gc, sys, resource

def probe():
    fds = []
    for number in range(256):
        try:
            fds.append((number, os.fstat(number).st_rdev if number < 3 else os.fstat(number).st_mode >> 12))
        except OSError:
            pass
    limits = {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")}
    return fds, dict(os.environ), sys.argv, os.getcwd(), limits, os.getpid(), os.getsid(0)
"""
    fds, environ, argv, cwd, limits, pid, session = inside.run(code)
    null = os.stat(os.devnull).st_rdev
    assert fds == [(0, null), (1, null), (2, null), (3, 0o14)]  # and one socket
    assert SECRET not in str(environ)
    assert SECRET not in str(argv)
    assert set(environ) <= {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "LC_CTYPE"} | {
        name for name in environ if name.startswith(("HF_", "TRANSFORMERS_", "TOKENIZERS_", "WANDB_", "TQDM_"))
    } | {
        name for name in environ if name.endswith(("_NUM_THREADS", "_ARENA_MAX", "_VISIBLE_DEVICES", "_FORK_SAFETY"))
    } | {name for name in environ if name.startswith(("TORCH", "KMP_", "CUDA_", "PYTORCH"))}
    assert cwd == "/"
    assert session == pid
    assert limits["RLIMIT_CORE"] == (0, 0)
    assert limits["RLIMIT_FSIZE"] == (0, 0)
    assert limits["RLIMIT_CPU"] == (20, 20)
    assert limits["RLIMIT_NOFILE"][0] <= 64
    assert limits["RLIMIT_STACK"][1] <= 8 << 20
    assert 1 << 30 < limits["RLIMIT_AS"][1] < 64 << 30


def test_seen_from_outside_the_child_is_bound(inside: Inside, warm: Warm) -> None:
    inside.run("def probe():\n    return 1\n")
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{inside.process.pid}/status").read_text().splitlines())
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[name], 16) == 0, name
    assert int(status["Threads"]) == 1
    numbers = status["NSpid"].split()
    assert (len(numbers) > 1 and numbers[-1] == "1") == (warm.tier == "full")


def test_full_tier_has_namespaces_of_its_own(warm: Warm) -> None:
    if warm.tier != "full" or os.geteuid() != 0:
        pytest.skip("only root may look into another process's namespaces, and only tier full has them")
    first, second = warm.spawn(), warm.spawn()
    try:
        for kind in ("user", "pid", "net", "ipc", "uts"):
            names = {os.readlink(f"/proc/{pid}/ns/{kind}") for pid in (first.pid, second.pid, os.getpid())}
            assert len(names) == 3, kind
    finally:
        first.kill()
        second.kill()


def test_no_memory_is_shared_for_writing(inside: Inside) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may read another process's maps")
    lines = Path(f"/proc/{inside.process.pid}/maps").read_text().splitlines()
    assert [line for line in lines if line.split()[1][1:4:2] == "ws"] == []


def test_extra_readable_paths_are_readable_and_no_more(tmp_path: Path) -> None:
    import shutil
    import tempfile

    base = Path(tempfile.mkdtemp())
    base.chmod(0o755)
    (base / "open").mkdir()
    (base / "open" / "weights.txt").write_text("weights")
    (base / "closed.txt").write_text("closed")
    warm = start("partial", readable=(base / "open",), preload=())
    try:
        process = warm.spawn()
        code = f"""
def probe():
    try:
        open({str(base / "closed.txt")!r})
    except OSError:
        return open({str(base / "open" / "weights.txt")!r}).read()
"""
        assert Inside(process).run(code) == "weights"
    finally:
        warm.close()
        shutil.rmtree(base)
