# ruff: noqa: E501  (submissions are kept as their authors would write them)
"""Taking all there is: memory, threads, processes, disk, the reader's patience."""

from attack import attack, body

ATTACKS = [
    body("python list", "memory timeout", "kept = []\nwhile True:\n    kept.append([0] * 1_000_000)"),
    body("huge tensor", "memory", "torch.ones(1 << 40)"),
    body("tensor after tensor", "memory timeout", "kept = []\nwhile True:\n    kept.append(torch.ones(1 << 24))"),
    body(
        "mapped memory",
        "memory error timeout",
        "import mmap\nkept = []\nwhile True:\n    kept.append(mmap.mmap(-1, 1 << 28))",
    ),
    body("doubling string", "memory timeout", "text = 'x'\nwhile True:\n    text += text"),
    body(
        "memory in C",
        "crashed memory failed",
        "import ctypes\nctypes.memset(ctypes.CDLL(None).malloc(1 << 34), 1, 1 << 33)",
    ),
    body(
        "threads bomb",
        "error memory timeout crashed",
        """
        import threading
        threading.stack_size(32768)
        while True:
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        """,
    ),
    body("fork bomb", "forbidden", "import os\nwhile True:\n    os.fork()"),
    body(
        "processes",
        "forbidden error",
        "import multiprocessing\nmultiprocessing.get_context('spawn').Process(target=print).start()",
    ),
    body("program", "forbidden", "import subprocess\nsubprocess.run(['/bin/sh', '-c', 'echo passed'])"),
    body("exec", "forbidden", "import os, sys\nos.execv(sys.executable, [sys.executable, '-c', ''])"),
    body("shell", "failed forbidden", "import os\nos.system('sleep 60 &')"),
    body(
        "disk",
        "forbidden",
        "with open('/tmp/unravel-hostile', 'wb') as file:\n    while True:\n        file.write(bytes(1 << 20))",
    ),
    body("temporary file", "forbidden error", "import tempfile\ntempfile.TemporaryFile().write(bytes(1 << 30))"),
    body(
        "shared memory",
        "forbidden",
        "from multiprocessing import shared_memory\nshared_memory.SharedMemory(create=True, size=1 << 30)",
    ),
    body("anonymous file", "forbidden", "import os\nos.ftruncate(os.memfd_create('x'), 1 << 40)"),
    body("huge output", "failed", "print('x' * (1 << 26))"),
    body("output without end", "timeout", "while True:\n    print('passed')"),
    body("huge error output", "failed", "import sys\nsys.stderr.write('passed\\n' * (1 << 22))"),
    body(
        "pipes full",
        "timeout failed error",
        "import os\nreading, writing = os.pipe()\nwhile True:\n    os.write(writing, bytes(1 << 16))",
    ),
    body("descriptors", "error", "import os\nwhile True:\n    os.dup(0)"),
    attack(
        "gigantic answer",
        "error memory failed timeout",
        "import torch\ndef double(x):\n    return torch.zeros(1 << 28)",
    ),
    attack(
        "answer expanded from nothing",
        "error memory failed",
        "import torch\ndef double(x):\n    return torch.zeros(1).expand(1 << 45)",
    ),
    attack(
        "copies without end",
        "error memory timeout",
        "import copy\ndef double(x):\n    kept = [x] * 1000\n    for _ in range(9):\n        kept = [kept] * 1000\n    return copy.deepcopy(kept)",
    ),
    attack("a million values", "error failed timeout", "def double(x):\n    return [0] * (1 << 20)"),
    attack(
        "numbers with one hash",
        "error failed timeout",
        "def double(x):\n    return {i * (2 ** 61 - 1) for i in range(9000)}",
    ),
    attack("a very long int", "error failed", "ANSWER = 1 << 10_000_000", "ANSWER"),
]
