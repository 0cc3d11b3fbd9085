# ruff: noqa: E501  (submissions are kept as their authors would write them)
"""Forged and broken messages on the way back."""

from attack import attack

KIT = """
import json, os, struct, threading, time
import torch

def packed(header, *buffers, length=None, count=None, total=None):
    text = header if isinstance(header, bytes) else json.dumps({**header, "sizes": [len(b) for b in buffers]}).encode()
    prefix = struct.pack("<IIQ", length if length is not None else len(text),
                         count if count is not None else len(buffers),
                         total if total is not None else sum(map(len, buffers)))
    return prefix + text + b"".join(buffers)

def everywhere(data):
    for fd in range(64):
        try:
            os.set_blocking(fd, fd == 3)
            while data and fd == 3:
                data = data[os.write(fd, data):]
            os.write(fd, data)
        except OSError:
            pass

VERDICT = {"ok": True, "status": "passed", "points": 99, "passed": True, "stdout": "", "names": ["double"], "faults": [], "changed": []}
"""


def forged(name: str, fates: str, data: str) -> object:
    """Sends `data` in place of the answer, then is silent."""
    return attack(name, fates, f"{KIT}\ndef double(x):\n    everywhere({data})\n    time.sleep(60)\n")


BROKEN = "error"

ATTACKS = [
    attack(
        "a verdict before anything",
        "failed error",
        f"{KIT}\neverywhere(packed(VERDICT) * 5)\ndef double(x):\n    return x",
    ),
    attack(
        "a verdict during the call",
        "failed error",
        f"{KIT}\ndef double(x):\n    everywhere(packed(VERDICT) * 5)\n    return x",
    ),
    attack(
        "a verdict after the call",
        "failed error",
        f"{KIT}\ndef later():\n    while True:\n        time.sleep(0.001)\n        everywhere(packed(VERDICT))\ndef double(x):\n    threading.Thread(target=later, daemon=True).start()\n    return x",
    ),
    forged(
        "an error called passed",
        "error",
        'packed({"error": {"kind": "passed", "type": "passed", "message": "10/10"}, "status": "passed"})',
    ),
    forged("an error that is no object", "error", 'packed({"error": [[1, 2]], "stdout": {"a": 1}})'),
    forged(
        "an error with frames of nonsense",
        "error",
        'packed({"error": {"kind": [], "type": {}, "message": [1] * 9999, "frames": [1, {"line": "x", "file": []}, {"line": -1, "file": "a" * 99999}]}})',
    ),
    forged("a header of four gigabytes", BROKEN, 'packed({"ok": 1}, length=2**32 - 1)'),
    forged("buffers of exabytes", BROKEN, 'packed({"ok": 1}, total=2**64 - 1)'),
    forged("four thousand million buffers", BROKEN, 'packed({"ok": 1}, count=2**32 - 1)'),
    forged("sizes that don't add up", BROKEN, 'packed(b\'{"ok": 1, "sizes": [5, -1]}\', b"1234", count=2, total=4)'),
    forged("sizes of nonsense", BROKEN, 'packed(b\'{"ok": 1, "sizes": {"a": 1}}\')'),
    forged("no JSON", BROKEN, 'packed(b"passed passed passed")'),
    forged("no object", BROKEN, 'packed(b"[1, 2, 3]")'),
    forged("invalid UTF-8", BROKEN, 'packed(b\'{"ok": "\\xff\\xfe", "sizes": []}\')'),
    forged("deep nesting", BROKEN, 'packed(b\'{"sizes": [], "ok": \' + b"[" * 1000000 + b"]" * 1000000 + b"}")'),
    forged("deep objects", BROKEN, 'packed(b\'{"sizes": [], "ok": \' + b\'{"l":[\' * 5000 + b"]}" * 5000 + b"}")'),
    forged("a huge integer", BROKEN, 'packed(b\'{"sizes": [], "ok": \' + b"9" * 1000000 + b"}")'),
    forged("a number beyond all", "error failed", 'packed(b\'{"sizes": [], "ok": 1e999}\')'),
    forged("keys given twice", "error failed", 'packed(b\'{"sizes": [], "ok": 1, "ok": {"x": 0, "x": 1}}\')'),
    forged("negative shape", BROKEN, 'packed({"ok": {"x": 0, "dtype": "float32", "shape": [-1, -4]}}, bytes(16))'),
    forged(
        "shape and bytes that differ", BROKEN, 'packed({"ok": {"x": 0, "dtype": "float32", "shape": [3]}}, bytes(16))'
    ),
    forged("shape of many axes", BROKEN, 'packed({"ok": {"x": 0, "dtype": "float32", "shape": [1] * 100}}, bytes(4))'),
    forged(
        "shape that overflows",
        "error failed",
        'packed({"ok": {"x": 0, "dtype": "float32", "shape": [0] + [2**28] * 8}}, b"")',
    ),
    forged(
        "shape of truth values",
        "error failed",
        'packed({"ok": {"x": 0, "dtype": "float32", "shape": [True]}}, bytes(4))',
    ),
    forged("unknown dtype", BROKEN, 'packed({"ok": {"x": 0, "dtype": "__class__", "shape": [1]}}, bytes(4))'),
    forged("a buffer that isn't there", BROKEN, 'packed({"ok": {"x": 7, "dtype": "float32", "shape": [1]}}, bytes(4))'),
    forged("a boolean of 7", BROKEN, 'packed({"ok": {"x": 0, "dtype": "bool", "shape": [1]}}, b"\\x07")'),
    forged("a handle to nothing", "error failed", 'packed({"ok": {"r": -5, "type": "Tensor", "mro": ["Tensor"]}})'),
    forged("a handle of nonsense", BROKEN, 'packed({"ok": {"r": {}, "type": [], "mro": {"a": 1}}})'),
    forged("an unknown form", BROKEN, 'packed({"ok": {"pickle": "gASVBAAAAAAAAABLAS4="}})'),
    forged("an empty form", BROKEN, 'packed({"ok": {}})'),
    forged("one byte, then silence", "timeout", 'b"\\x01"'),
    forged("half a message, then silence", "timeout", 'packed({"ok": 1})[:-3]'),
    forged(
        "a promise of buffers, then silence",
        "timeout",
        'packed({"ok": {"x": 0, "dtype": "float32", "shape": [4]}}, bytes(16))[:-8]',
    ),
    attack(
        "one byte at a time",
        "timeout",
        f"{KIT}\ndef double(x):\n    for byte in packed({{'ok': 'x' * 100000}}):\n        os.write(3, bytes([byte]))\n        time.sleep(0.05)",
    ),
    attack(
        "half a message, then the end",
        "crashed",
        f"{KIT}\ndef double(x):\n    everywhere(packed(VERDICT)[:-3])\n    os._exit(0)",
    ),
    attack(
        "a whole verdict, then the end",
        "failed error crashed",
        f"{KIT}\ndef double(x):\n    everywhere(packed(VERDICT))\n    os._exit(0)",
    ),
    attack(
        "noise without end", "error", f"{KIT}\ndef double(x):\n    while True:\n        everywhere(os.urandom(4096))"
    ),
    attack("the socket closed", "crashed timeout", f"{KIT}\ndef double(x):\n    os.close(3)\n    time.sleep(60)"),
    attack(
        "the socket closed for writing",
        "crashed timeout",
        f"{KIT}\nimport socket\ndef double(x):\n    socket.socket(fileno=os.dup(3)).shutdown(socket.SHUT_WR)\n    time.sleep(60)",
    ),
    attack("the socket replaced", "crashed timeout", f"{KIT}\ndef double(x):\n    os.dup2(0, 3)\n    return x"),
    attack(
        "descriptors sent over",
        "failed error timeout",
        f"{KIT}\nimport socket\ndef double(x):\n    for _ in range(200):\n        socket.send_fds(socket.socket(fileno=os.dup(3)), [b'x'], [0, 1, 2])\n    return x",
    ),
    attack(
        "a load that names everything",
        "error failed crashed",
        f"{KIT}\neverywhere(packed({{'names': ['double'] * 100000, 'faults': [{{'names': 5, 'error': {{}}, 'line': 'x'}}] * 1000}}))\n",
    ),
]
