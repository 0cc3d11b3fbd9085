"""Never coming back, or only when it suits."""

from attack import attack, body

ATTACKS = [
    body(
        "loop with every signal ignored",
        "timeout",
        """
        import signal
        for number in signal.valid_signals():
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            pass
        """,
    ),
    body("loop in C: regular expression", "timeout", 'import re\nre.match(r"(a+)+$", "a" * 60 + "b")'),
    body("loop in C: integer power", "timeout memory error", "3 ** (10 ** 9)"),
    body("loop in C: sum of a range", "timeout", "sum(range(10 ** 13))"),
    body("infinite generator", "timeout memory", "import itertools\nlist(itertools.count())"),
    body("sleep", "timeout", "import time\ntime.sleep(3600)"),
    body("deadlock", "timeout", "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()"),
    body(
        "own clock",
        "timeout",
        """
        import time
        for name in ("time", "monotonic", "perf_counter", "process_time"):
            setattr(time, name, lambda: 0.0)
        while True:
            pass
        """,
    ),
    body(
        "alarm handlers that return to the loop",
        "timeout",
        """
        import signal
        signal.signal(signal.SIGALRM, lambda *rest: None)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        while True:
            pass
        """,
    ),
    body("alarm that kills", "timeout crashed", "import signal, time\nsignal.alarm(1)\ntime.sleep(3600)"),
    body(
        "faulthandler that exits",
        "timeout crashed error",
        "import faulthandler, time\nfaulthandler.dump_traceback_later(0.1, exit=True, file=3)\ntime.sleep(3600)",
    ),
    body(
        "thread that never yields",
        "timeout failed",
        """
        import sys, threading
        sys.setswitchinterval(1e6)
        def spin():
            while True:
                pass
        threading.Thread(target=spin, daemon=True).start()
        """,
    ),
    attack("loop at import", "timeout", "while True:\n    pass\ndef double(x): return x"),
    attack("sleep at import", "timeout", "import time\ntime.sleep(3600)\ndef double(x): return x"),
    attack(
        "work that goes on after the answer",
        "failed",
        """
        import atexit, signal, threading, weakref
        def spin():
            while True:
                pass
        atexit.register(spin)
        def double(x):
            threading.Thread(target=spin).start()
            threading.Thread(target=spin, daemon=True).start()
            return x
        """,
    ),
    attack(
        "destructor that loops",
        "timeout failed",
        """
        class Sticky:
            def __del__(self):
                while True:
                    pass
        def double(x):
            Sticky()
            return x
        """,
    ),
    attack(
        "text of an exception that loops",
        "timeout",
        """
        class Slow(Exception):
            def __str__(self):
                while True:
                    pass
        def double(x):
            raise Slow
        """,
    ),
]
