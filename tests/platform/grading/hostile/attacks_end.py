"""Ending the process, or raising what nobody expects."""

from attack import attack, body

ATTACKS = [
    body("sys.exit", "crashed", "import sys\nsys.exit(0)"),
    body("os._exit(0)", "crashed", "import os\nos._exit(0)"),
    body("abort", "crashed", "import os\nos.abort()"),
    body("segfault", "crashed", "import ctypes\nctypes.string_at(0)"),
    body("jump into nothing", "crashed", "import ctypes\nctypes.CFUNCTYPE(None)(1)()"),
    body("trap", "forbidden crashed", "import signal\nsignal.raise_signal(signal.SIGTRAP)"),
    body("kill itself", "forbidden", "import os\nos.kill(os.getpid(), 9)"),
    body("raise a signal", "forbidden", "import signal\nsignal.raise_signal(signal.SIGKILL)"),
    body("interrupt itself", "crashed", "import _thread, time\n_thread.interrupt_main()\ntime.sleep(0.2)"),
    attack("recursion", "error", "def double(x):\n    return double(x)"),
    attack(
        "recursion without a limit",
        "crashed memory timeout error",
        "import sys\nsys.setrecursionlimit(2 ** 31 - 1)\ndef double(x):\n    return double(x)",
    ),
    attack(
        "stack overflow in C",
        "crashed error timeout",
        """
        import sys, functools
        sys.setrecursionlimit(2 ** 31 - 1)
        def double(x):
            nested = ()
            for _ in range(10 ** 6):
                nested = (nested,)
            return hash(nested)
        """,
    ),
    body("KeyboardInterrupt", "crashed", "raise KeyboardInterrupt"),
    body("GeneratorExit", "crashed error", "raise GeneratorExit"),
    attack("own BaseException", "error", "class Odd(BaseException): pass\ndef double(x):\n    raise Odd('odd')"),
    body("NotImplementedError on purpose", "not_started", "raise NotImplementedError('passed')"),
    body("PermissionError on purpose", "forbidden", "raise PermissionError(1, 'passed')"),
    body("MemoryError on purpose", "memory", "raise MemoryError('passed')"),
    body("AssertionError on purpose", "error", "raise AssertionError('passed')"),
    body("enormous message", "error", "raise ValueError('x' * (1 << 27))"),
    body("surrogates in a message", "error", "raise ValueError('\\udcff\\ud800' * 50 + '\\x1b[2J\\x00')"),
    attack(
        "hostile exception",
        "error crashed",
        """
        class Meta(type):
            def __getattribute__(cls, name):
                raise RuntimeError("no")
        class Bad(Exception, metaclass=Meta):
            def __str__(self):
                raise SystemExit
            def __getattribute__(self, name):
                raise SystemExit
        def double(x):
            raise Bad
        """,
    ),
    attack(
        "exceptions in a ring",
        "error",
        """
        def double(x):
            a, b = ValueError("a"), ValueError("b")
            a.__cause__, b.__cause__ = b, a
            a.__context__, b.__context__ = b, a
            raise a
        """,
    ),
    attack("exit at import", "failed", "import sys\nsys.exit(0)\ndef double(x): return x"),
    attack("os._exit at import", "crashed", "import os\nos._exit(0)\ndef double(x): return x"),
    attack("hostile import", "error crashed", "raise SystemExit('passed')"),
    attack("no text at all", "error", "#"),
    attack("a syntax error", "error", "def double(x:\n    return x"),
    attack("brackets without end", "error memory", "x = " + "(" * 100_000),
    attack("a very deep expression", "error memory crashed", "x = " + "-" * 300_000 + "1"),
    attack("a very long line", "failed", "y = '" + "x" * 1_500_000 + "'\ndef double(x): return x"),
    attack("a null byte", "error", "def double(x):\n    return x\x00"),
    attack("halves of surrogates", "error failed", "y = '\ud800'\ndef double(x):\n    return x"),
]
