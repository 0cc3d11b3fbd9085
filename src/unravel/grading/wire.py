"""What crosses the line between the grader and a child: a JSON header and raw bytes. No pickle, ever.

A message is: header length and buffer count (little-endian uint32 each), the header, then each buffer. Plain values
travel as JSON; everything else as a one-key object: `{"x": buffer, ...}` a tensor, `{"r": id}` a handle, and so on.
Both sides use this module, but only the grader relies on it: every length, dtype and shape is checked before use.
What a message may cost the reader is bounded too: each buffer is used once, and what can't be hashed fast is counted.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

MAX_HEADER = 4 << 20
MAX_BUFFERS = 4096
MAX_BYTES = 256 << 20
MAX_DEPTH = 60
MAX_NODES = 200_000
# Keys of dicts and members of sets that aren't strings: numbers can be chosen so that all have one hash, and then each
# costs all before it.
MAX_HASHED = 4_000
# Hexadecimal digits of an int. Python refuses to print longer ones, so that they could not even stand in a message.
MAX_DIGITS = 3_500

_PREFIX = struct.Struct("<IIQ")

_FLOATS = ("float32", "float64", "float16", "bfloat16", "complex64", "complex128")
_INTEGERS = ("int64", "int32", "int16", "int8", "uint8", "bool")
DTYPES: dict[str, torch.dtype] = {name: getattr(torch, name) for name in (*_FLOATS, *_INTEGERS)}
_TAGS = ((list, "l"), (tuple, "t"), (set, "s"), (frozenset, "fs"))
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


class ProtocolError(Exception):
    """A message that breaks the rules above. From a child it means a broken or a hostile submission."""


class Unsendable(TypeError):
    """A value that has no form on the wire. The text says what it is."""


@dataclass(frozen=True)
class Ref:
    """An object that stays in the child; `type` is its class, `mro` the names of its bases."""

    id: int
    type: str = "object"
    mro: tuple[str, ...] = ()


Keep = Callable[[Any], Ref]
Describe = Callable[[Any], dict[str, Any] | None]
Lend = Callable[[dict[str, Any]], Any]


class Encoder:
    """Turns a value into a JSON tree and collects the buffers. `keep` turns any other object into a `Ref`.

    `describe` tells of a model in plain values, and None of all else: only the grader sends models.
    """

    def __init__(self, keep: Keep | None = None, describe: Describe | None = None):
        self.buffers: list[bytes] = []
        self._keep = keep
        self._describe = describe

    def encode(self, value: Any, depth: int = 0) -> Any:
        """The JSON tree of `value`. Raises `Unsendable` where there is none."""
        if depth > MAX_DEPTH:
            raise Unsendable(f"a value nested more than {MAX_DEPTH} deep")
        if value is None or isinstance(value, bool | str):
            return str(value) if isinstance(value, str) else value
        if isinstance(value, int):
            return _integer(int(value))
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"f": repr(float(value))}
        if isinstance(value, torch.Tensor):
            return self._tensor(value)
        return self._other(value, depth)

    def _other(self, value: Any, depth: int) -> Any:
        if isinstance(value, list | tuple | set | frozenset):
            tag = next(tag for kind, tag in _TAGS if isinstance(value, kind))
            return {tag: [self.encode(item, depth + 1) for item in value]}
        if isinstance(value, dict):
            pairs = [[self.encode(k, depth + 1), self.encode(v, depth + 1)] for k, v in value.items()]
            return {"d": pairs}
        if isinstance(value, bytes):
            return {"b": self._buffer(bytes(value))}
        if isinstance(value, complex):
            return {"c": [repr(value.real), repr(value.imag)]}
        if isinstance(value, torch.dtype) and value in _NAMES:
            return {"dt": _NAMES[value]}
        if isinstance(value, slice):
            return {"sl": [self.encode(part, depth + 1) for part in (value.start, value.stop, value.step)]}
        if value is Ellipsis:
            return {"e": 0}
        if isinstance(value, Ref):
            return {"r": value.id, "type": value.type, "mro": list(value.mro)}
        return self._foreign(value, depth)

    def _foreign(self, value: Any, depth: int) -> Any:
        if type(value).__module__ == "numpy":
            import numpy as np

            if isinstance(value, np.generic):
                return self.encode(value.item(), depth + 1)
            if isinstance(value, np.ndarray):
                return self._tensor(torch.from_numpy(np.ascontiguousarray(value)))
        about = self._describe(value) if self._describe is not None else None
        if about is not None:
            return {"m": self.encode(about, depth + 1)}
        if self._keep is None:
            raise Unsendable(f"an object of type {type(value).__name__}")
        return self.encode(self._keep(value), depth + 1)

    def _buffer(self, data: bytes) -> int:
        self.buffers.append(data)
        return len(self.buffers) - 1

    def _tensor(self, value: torch.Tensor) -> Any:
        odd = value.is_quantized or value.is_nested or value.device.type == "meta"
        if value.layout != torch.strided or odd:
            raise Unsendable(f"a tensor that isn't dense ({value.layout}, device {value.device})")
        if value.dtype not in _NAMES:
            raise Unsendable(f"a tensor of dtype {value.dtype}")
        dense = value.detach().cpu().resolve_conj().resolve_neg().contiguous()
        # A single number may have any stride and still count as contiguous, but then it can't be viewed as bytes.
        flat = dense.as_strided((dense.numel(),), (1,))
        data = flat.view(torch.uint8).numpy().tobytes() if dense.numel() else b""
        tree = {"x": self._buffer(data), "dtype": _NAMES[dense.dtype], "shape": list(dense.shape)}
        return {**tree, "grad": True} if value.requires_grad and value.is_leaf else tree


def _integer(value: int) -> Any:
    if value.bit_length() > 4 * MAX_DIGITS:
        raise Unsendable(f"an int of {value.bit_length()} bits")
    return {"i": hex(value)} if abs(value) >> 53 else value


class Decoder:
    """Turns a JSON tree back into a value. `resolve` turns a `Ref` into what it stands for.

    `lend` makes the model that the grader described. The grader's own decoder has none: no child can make it load one.
    """

    def __init__(self, buffers: list[bytearray], resolve: Callable[[Ref], Any] | None = None, lend: Lend | None = None):
        self._buffers = buffers
        self._resolve = resolve
        self._lend = lend
        self._nodes = 0
        self._hashed = 0
        self._used: set[int] = set()

    def decode(self, tree: Any, depth: int = 0) -> Any:
        """The value of `tree`. Raises `ProtocolError` on anything that `Encoder` would not have written."""
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise ProtocolError("a value too deep or too large")
        if tree is None or isinstance(tree, bool | int | str):
            return tree
        if isinstance(tree, float) and math.isfinite(tree):
            return tree
        if not isinstance(tree, dict) or not tree:
            raise ProtocolError("a value of unknown form")
        tag = next(iter(tree))
        reader = _READERS.get(tag)
        if reader is None:
            raise ProtocolError("a value of unknown form")
        try:
            return reader(self, tree, depth)
        except (TypeError, ValueError, KeyError, IndexError, OverflowError, RuntimeError) as fault:
            raise ProtocolError(f"a malformed value ({type(fault).__name__})") from None

    def _many(self, items: Any, depth: int) -> list[Any]:
        if not isinstance(items, list):
            raise ProtocolError("a malformed list")
        return [self.decode(item, depth + 1) for item in items]

    def _dict(self, tree: dict[str, Any], depth: int) -> dict[Any, Any]:
        pairs = tree["d"]
        if not isinstance(pairs, list) or any(not isinstance(p, list) or len(p) != 2 for p in pairs):
            raise ProtocolError("a malformed dict")
        self._count([key for key, _ in pairs])
        return {self.decode(key, depth + 1): self.decode(item, depth + 1) for key, item in pairs}

    def _set(self, items: Any, depth: int) -> set[Any]:
        found = self._many(items, depth)
        self._count(found)
        return set(found)

    def _count(self, keys: list[Any]) -> None:
        self._hashed += sum(not isinstance(key, str) for key in keys)
        if self._hashed > MAX_HASHED:
            raise ProtocolError("too many keys")

    def _bytes(self, index: Any) -> bytearray:
        if type(index) is not int or not 0 <= index < len(self._buffers):
            raise ProtocolError("a buffer that isn't there")
        if index in self._used:
            raise ProtocolError("a buffer used twice")
        self._used.add(index)
        return self._buffers[index]

    def _tensor(self, tree: dict[str, Any], depth: int) -> torch.Tensor:
        dtype, shape, data = DTYPES[tree["dtype"]], tree["shape"], self._bytes(tree["x"])
        if not isinstance(shape, list) or len(shape) > 32:
            raise ProtocolError("a malformed shape")
        if any(type(size) is not int or size < 0 for size in shape):
            raise ProtocolError("a malformed shape")
        # An empty tensor must not become huge when an axis is summed away.
        if math.prod(size for size in shape if size) * dtype.itemsize > MAX_BYTES:
            raise ProtocolError("an oversized shape")
        if math.prod(shape) * dtype.itemsize != len(data):
            raise ProtocolError("a tensor whose bytes don't fit its shape")
        flat = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
        if dtype == torch.bool and bool((torch.frombuffer(data, dtype=torch.uint8) > 1).any() if data else False):
            raise ProtocolError("a boolean that is neither 0 nor 1")
        tensor = flat.reshape(shape)
        return tensor.requires_grad_() if tree.get("grad") is True else tensor

    def _ref(self, tree: dict[str, Any], depth: int) -> Any:
        if type(tree["r"]) is not int or not isinstance(tree.get("type", ""), str):
            raise ProtocolError("a malformed handle")
        mro = tuple(str(name)[:100] for name in list(tree.get("mro", ()))[:20])
        ref = Ref(tree["r"], tree.get("type", "object")[:100], mro)
        return self._resolve(ref) if self._resolve is not None else ref

    def _model(self, tree: dict[str, Any], depth: int) -> Any:
        if self._lend is None:
            raise ProtocolError("a model")
        return self._lend(self.decode(tree["m"], depth + 1))


def _big(tree: dict[str, Any]) -> int:
    if len(tree["i"]) > MAX_DIGITS + 3:  # a sign and 0x
        raise ProtocolError("an oversized int")
    return int(tree["i"], 16)


def _slice(decoder: Decoder, tree: dict[str, Any], depth: int) -> slice:
    start, stop, step = decoder._many(tree["sl"], depth)
    return slice(start, stop, step)


_READERS: dict[str, Callable[[Decoder, dict[str, Any], int], Any]] = {
    "x": Decoder._tensor,
    "r": Decoder._ref,
    "d": Decoder._dict,
    "sl": _slice,
    "m": Decoder._model,
    "l": lambda decoder, tree, depth: decoder._many(tree["l"], depth),
    "t": lambda decoder, tree, depth: tuple(decoder._many(tree["t"], depth)),
    "s": lambda decoder, tree, depth: decoder._set(tree["s"], depth),
    "fs": lambda decoder, tree, depth: frozenset(decoder._set(tree["fs"], depth)),
    "b": lambda decoder, tree, depth: bytes(decoder._bytes(tree["b"])),
    "i": lambda decoder, tree, depth: _big(tree),
    "f": lambda decoder, tree, depth: {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[tree["f"]],
    "c": lambda decoder, tree, depth: complex(float(tree["c"][0]), float(tree["c"][1])),
    "dt": lambda decoder, tree, depth: DTYPES[tree["dt"]],
    "e": lambda decoder, tree, depth: Ellipsis,
}


def send(sock: socket.socket, header: dict[str, Any], buffers: list[bytes], deadline: float | None = None) -> None:
    """Writes one message before `deadline` (of `time.monotonic`), else raises TimeoutError."""
    text = json.dumps({**header, "sizes": [len(data) for data in buffers]}).encode("ascii")
    if len(text) > MAX_HEADER or len(buffers) > MAX_BUFFERS or sum(map(len, buffers)) > MAX_BYTES:
        raise Unsendable("a value too large to send")
    for data in (_PREFIX.pack(len(text), len(buffers), sum(map(len, buffers))) + text, *buffers):
        _hurry(sock, deadline)
        sock.sendall(data)


def receive(sock: socket.socket, deadline: float | None = None) -> tuple[dict[str, Any], list[bytearray]]:
    """Reads one message before `deadline` (of `time.monotonic`).

    Raises TimeoutError, EOFError (the other side is gone) or `ProtocolError`.
    """
    length, count, total = _PREFIX.unpack(_exactly(sock, _PREFIX.size, deadline))
    if length > MAX_HEADER or count > MAX_BUFFERS or total > MAX_BYTES:
        raise ProtocolError("an oversized message")
    header = _header(_exactly(sock, length, deadline))
    sizes = header.get("sizes")
    if not isinstance(sizes, list) or len(sizes) != count or any(type(n) is not int or n < 0 for n in sizes):
        raise ProtocolError("malformed buffer sizes")
    if sum(sizes) != total:
        raise ProtocolError("buffer sizes that don't add up")
    return header, [_exactly(sock, size, deadline) for size in sizes]


def _header(data: bytearray) -> dict[str, Any]:
    try:
        header = json.loads(data.decode("ascii"), object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError) as fault:
        raise ProtocolError(f"a header that isn't JSON ({type(fault).__name__})") from None
    if not isinstance(header, dict):
        raise ProtocolError("a header that isn't an object")
    return header


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ProtocolError("a key given twice")
    return found


def _constant(name: str) -> Any:
    raise ProtocolError(f"{name} in a header")


def _exactly(sock: socket.socket, count: int, deadline: float | None) -> bytearray:
    data = bytearray(count)
    view, at = memoryview(data), 0
    while at < count:
        _hurry(sock, deadline)
        got = sock.recv_into(view[at : at + (1 << 20)])
        if not got:
            raise EOFError
        at += got
    return data


def _hurry(sock: socket.socket, deadline: float | None) -> None:
    """Lets the next read or write take no longer than is left."""
    if deadline is None:
        return
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    sock.settimeout(left)
