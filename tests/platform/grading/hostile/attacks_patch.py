# ruff: noqa: E501  (submissions are kept as their authors would write them)
"""Changing what compares, carries or reports; looking for what is expected."""

from attack import attack, body

ATTACKS = [
    attack(
        "comparisons of torch that always agree",
        "failed",
        """
        import torch
        torch.testing.assert_close = lambda *args, **kwargs: None
        torch.allclose = torch.equal = lambda *args, **kwargs: True
        torch.isclose = lambda a, b, **kwargs: torch.ones_like(a, dtype=torch.bool)
        torch.Tensor.__eq__ = torch.Tensor.__ge__ = lambda self, other: torch.ones_like(self, dtype=torch.bool)
        torch.Tensor.__ne__ = lambda self, other: torch.zeros_like(self, dtype=torch.bool)
        torch.Tensor.any = lambda self, *args: torch.tensor(False)
        torch.Tensor.__bool__ = lambda self: False
        def double(x):
            return x
        """,
    ),
    attack(
        "builtins that always agree",
        "failed error crashed",
        """
        import builtins
        builtins.isinstance = lambda *args: True
        builtins.all = lambda *args: True
        builtins.any = lambda *args: False
        builtins.len = lambda *args: 1
        builtins.hash = lambda *args: 1
        def double(x):
            return x
        """,
    ),
    attack(
        "builtins taken away",
        "failed error crashed",
        """
        import builtins
        for name in list(vars(builtins)):
            if not name.startswith("_"):
                delattr(builtins, name)
        def double(x):
            return x
        """,
    ),
    attack(
        "json and struct",
        "failed error crashed timeout",
        """
        import json, struct
        forged = '{"ok": null, "status": "passed", "points": 99, "stdout": "", "sizes": []}'
        json.dumps = lambda *args, **kwargs: forged
        json.loads = lambda *args, **kwargs: {"op": "get", "name": "double", "sizes": []}
        def double(x):
            return x
        """,
    ),
    attack(
        "socket",
        "failed error crashed timeout",
        """
        import socket
        for name in ("send", "sendall", "recv", "recv_into"):
            setattr(socket.socket, name, lambda *args: 0)
        def double(x):
            return x
        """,
    ),
    attack(
        "the child's own code",
        "failed error crashed",
        """
        import sys, types
        for name, module in list(sys.modules.items()):
            if name.startswith("unravel.grading"):
                for key, value in list(vars(module).items()):
                    if isinstance(value, types.FunctionType):
                        setattr(module, key, lambda *args, **kwargs: {"ok": True, "status": "passed", "points": 99})
        def double(x):
            return x
        """,
    ),
    attack(
        "the child's executor",
        "failed error",
        """
        import gc
        from unravel.grading.child import Executor
        def answer(self, request, buffers):
            return {"ok": True, "status": "passed", "points": 99, "passed": True, "stdout": ""}, []
        Executor.answer = answer
        def double(x):
            return x
        """,
    ),
    attack(
        "modules replaced",
        "failed error crashed",
        "import sys\nfor name in list(sys.modules):\n    if name != 'builtins':\n        sys.modules[name] = None\ndef double(x):\n    return x",
    ),
    attack(
        "walk over all objects",
        "failed",
        """
        import gc, sys, types
        def double(x):
            texts = [o for o in gc.get_objects() if isinstance(o, str)]
            texts += [v for o in gc.get_objects() if isinstance(o, dict) for v in list(o.values()) if isinstance(v, str)]
            for text in texts:
                if ("submission." in text or "SOLUTION" in text or "Mistake(" in text) and "gc.get_objects" not in text:
                    print("LEAK", text[:500])
            functions = [o for o in gc.get_objects() if isinstance(o, types.FunctionType)]
            for function in functions:
                if function.__name__.startswith("test_") or "tiny" in str(function.__code__.co_filename):
                    print("LEAK", function)
            return x
        """,
    ),
    attack(
        "walk over all frames",
        "failed",
        """
        import sys, threading
        def double(x):
            for frame in [sys._getframe(), *sys._current_frames().values()]:
                while frame is not None:
                    for scope in (frame.f_locals, frame.f_globals):
                        for name, value in list(scope.items()):
                            if name in ("draw", "expected", "checks", "MISTAKES", "seed_of_run", "Mistake"):
                                print("LEAK", name, repr(value)[:200])
                    if "test_" in frame.f_code.co_filename:
                        print("LEAK", frame.f_code.co_filename)
                    frame = frame.f_back
            return x
        """,
    ),
    attack(
        "hooks",
        "failed error crashed timeout",
        """
        import sys, threading
        def forbid(*args):
            raise RuntimeError("no")
        sys.excepthook = threading.excepthook = sys.unraisablehook = forbid
        sys.meta_path.insert(0, forbid)
        sys.path_hooks.insert(0, forbid)
        sys.settrace(forbid)
        sys.setprofile(forbid)
        sys.addaudithook(forbid)
        def double(x):
            return x
        """,
    ),
    attack(
        "output taken away",
        "failed",
        "import sys\nsys.stdout = sys.stderr = sys.__stdout__ = None\ndef double(x):\n    return x",
    ),
    attack(
        "seeds",
        "failed error",
        """
        import random, torch
        torch.manual_seed = random.seed = torch.Generator.manual_seed = lambda *args: None
        torch.randn = torch.rand = lambda *args, **kwargs: torch.zeros(1)
        def double(x):
            return x
        """,
    ),
    attack(
        "what an earlier check was given",
        "failed",
        """
        seen = []
        def double(x):
            if seen:
                print("SEEN", len(seen), [len(old) for old in seen])
            seen.append(x)
            return x * 2 if len(x) == 0 else x
        """,
    ),
    attack(
        "a file that hides its names",
        "error failed",
        "def __getattr__(name):\n    return lambda *args: True\ndel __builtins__",
    ),
    attack(
        "another module in place of the file",
        "failed error",
        """
        import sys
        class Everything:
            def __getattr__(self, name):
                return lambda *args: args[0]
        sys.modules["submission"] = sys.modules[__name__] = Everything()
        def double(x):
            return x
        """,
    ),
    body("terminal tricks", "failed", "print('\\x1b[2J\\x1b[1;1H\\x1b]0;passed\\x07 10/10 passed \\u202e \\x08\\x08')"),
    body("surrogates in output", "failed", "print('\\udcff\\ud83d' * 10)"),
    body(
        "raw writes",
        "failed",
        "import os\nos.write(1, b'passed' * 1000)\nos.write(2, b'passed' * 1000)\nos.close(1)\nos.close(2)",
    ),
]
