"""The line between grader and child: every value comes over as it was, and nothing malformed gets past."""

from __future__ import annotations

import json
import math
import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unravel.grading import wire
from unravel.grading.wire import DTYPES, Decoder, Encoder, ProtocolError, Ref, Unsendable

PREFIX = struct.Struct("<IIQ")


def over(value: Any) -> Any:
    """The value after a trip through a real socket."""
    encoder = Encoder()
    tree = encoder.encode(value)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=wire.send, args=(ours, {"ok": tree}, encoder.buffers))
        sender.start()
        header, buffers = wire.receive(theirs, time.monotonic() + 20)
        sender.join()
    return Decoder(buffers).decode(header["ok"])


def alike(a: Any, b: Any) -> bool:
    """Equal, of the same type, NaN equal to NaN, tensors bit by bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        same = a.dtype == b.dtype and a.shape == b.shape and a.requires_grad == b.requires_grad
        return same and bits(a) == bits(b)
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, dict):
        return alike(list(a.items()), list(b.items()))
    if isinstance(a, slice):
        return alike([a.start, a.stop, a.step], [b.start, b.stop, b.step])
    return bool(a == b)


def bits(tensor: torch.Tensor) -> bytes:
    flat = tensor.detach().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    dtype = DTYPES[draw(st.sampled_from(sorted(DTYPES)))]
    shape = draw(st.lists(st.integers(0, 3), max_size=4))
    count = math.prod(shape) * dtype.itemsize
    data = draw(st.binary(min_size=count, max_size=count))
    if dtype == torch.bool:
        data = bytes(byte & 1 for byte in data)
    flat = torch.frombuffer(bytearray(data), dtype=dtype) if data else torch.empty(0, dtype=dtype)
    tensor = flat.reshape(shape)
    if tensor.dim() > 1 and draw(st.booleans()):
        tensor = tensor.transpose(0, -1)
    if (dtype.is_floating_point or dtype.is_complex) and draw(st.booleans()):
        tensor = tensor.requires_grad_()
    return tensor


names = st.text(st.characters(), max_size=8)
hashable = st.none() | st.booleans() | st.integers() | names | st.binary(max_size=8) | st.integers(-(2**70), 2**70)
leaves = (
    hashable
    | st.floats()
    | st.complex_numbers(allow_nan=False)
    | st.sampled_from([*DTYPES.values(), Ellipsis, "\ud800 lone", Ref(3, "Linear", ("Linear", "Module"))])
    | st.builds(slice, st.none() | st.integers(), st.none() | st.integers(), st.none() | st.integers(1, 3))
    | st.frozensets(hashable, max_size=3)
    | tensors()
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(hashable | st.tuples(st.integers(), names), inner, max_size=4)
        | st.sets(hashable, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values)
def test_what_arrives_is_what_was_sent(value: Any):
    assert alike(over(value), value)


def test_every_dtype_with_its_odd_values_arrives_bit_by_bit():
    for name, dtype in DTYPES.items():
        odd = [0, 1] if dtype == torch.bool or not dtype.is_floating_point else [math.nan, math.inf, -math.inf, -0.0, 1]
        for tensor in (
            torch.tensor(odd, dtype=dtype),
            torch.tensor(odd[-1], dtype=dtype),
            torch.empty(0, 3, dtype=dtype),
        ):
            assert alike(over(tensor), tensor), name


def test_views_arrive_dense_and_equal():
    base = torch.arange(24.0).reshape(2, 3, 4)
    for view in (base.mT, base[:, ::2], base[..., 1], base.expand(5, 2, 3, 4), torch.complex(base, base).conj()):
        assert torch.equal(over(view), view)
        assert over(view).is_contiguous()


def test_a_leaf_keeps_requires_grad_and_a_result_does_not():
    leaf = torch.ones(2, requires_grad=True)
    assert over(leaf).requires_grad
    assert not over(leaf * 2).requires_grad


def test_subclasses_and_numpy_arrive_as_what_they_are_in_essence():
    import numpy as np

    class Name(str):
        pass

    assert type(over(Name("x"))) is str
    assert over(torch.Size([2, 3])) == (2, 3)
    assert over(np.float64(0.5)) == 0.5
    assert torch.equal(over(np.arange(6).reshape(2, 3).T), torch.arange(6).reshape(2, 3).T)


def test_what_arrives_can_be_changed_without_changing_anything_else():
    one = torch.ones(3)
    first, second = over([one, one])
    first += 1
    assert second.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (object(), "object"),
        (lambda: 0, "function"),
        (torch.ones(2).to_sparse(), "dense"),
        (torch.empty(2, device="meta"), "meta"),
        (torch.empty(2, dtype=torch.float8_e5m2), "float8"),
        (1 << 20_000, "bits"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_no_form_on_the_wire_is_refused_by_name(value: Any, told: str):
    with pytest.raises(Unsendable, match=told):
        Encoder().encode(value)


def test_a_value_that_contains_itself_is_refused():
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(Unsendable, match="deep"):
        Encoder().encode(loop)


def test_too_much_is_refused_before_it_is_sent(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(wire, "MAX_BYTES", 1000)
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(Unsendable, match="too large"):
        wire.send(ours, {}, [bytes(1001)])


def test_a_sender_whose_reader_stalls_gives_up_at_the_deadline():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            wire.send(ours, {}, [bytes(1 << 20)] * 64, begun + 0.3)
        assert time.monotonic() - begun < 2


# Messages that break the rules.


def message(header: Any, *buffers: bytes, **prefix: int) -> bytes:
    """A message; `length`, `count` and `total` may be given falsely."""
    if isinstance(header, dict) and "sizes" not in header:
        header = {**header, "sizes": [len(data) for data in buffers]}
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    length, count = prefix.get("length", len(text)), prefix.get("count", len(buffers))
    return PREFIX.pack(length, count, prefix.get("total", sum(map(len, buffers)))) + text + b"".join(buffers)


def read(data: bytes, seconds: float = 5.0) -> Any:
    """What a trusted reader makes of these bytes, after which the other side hangs up."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=_push, args=(ours, data), daemon=True)
        sender.start()
        header, buffers = wire.receive(theirs, time.monotonic() + seconds)
        return Decoder(buffers).decode(header.get("ok"))


def _push(sock: socket.socket, data: bytes) -> None:
    try:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the reader has seen enough


FLOATS = struct.pack("<4f", 1, 2, 3, 4)
BROKEN: dict[str, bytes] = {
    "header of 4 GB": message({}, length=2**32 - 1),
    "too many buffers": message({}, count=2**32 - 1),
    "2^64 bytes of buffers": message({}, total=2**64 - 1),
    "header that is a list": message(b"[]"),
    "header that is a number": message(b"1"),
    "header that is no JSON": message(b"{"),
    "header that is no text": message(b"\xff\xfe{}"),
    "header with raw surrogates": message('{"sizes": [], "ok": "\ud800"}'.encode("utf-8", "surrogatepass")),
    "header nested a million deep": message(b"[" * 1_000_000),
    "NaN in the header": message(b'{"sizes": [], "ok": NaN}'),
    "Infinity in the header": message(b'{"sizes": [], "ok": -Infinity}'),
    "float that overflows": message(b'{"sizes": [], "ok": 1e999}'),
    "an int of a million digits": message(b'{"sizes": [], "ok": ' + b"9" * 1_000_000 + b"}"),
    "the same key twice": message(b'{"sizes": [], "ok": 1, "ok": 2}'),
    "the same key twice, inside": message(b'{"sizes": [], "ok": {"l": [], "l": []}}'),
    "no sizes": message(b"{}"),
    "sizes that are no list": message({"sizes": 0}),
    "sizes that are no numbers": message({"sizes": ["1"]}, b"x"),
    "sizes that are floats": message({"sizes": [1.0]}, b"x"),
    "sizes that are booleans": message({"sizes": [True]}, b"x"),
    "a negative size": message({"sizes": [5, -4]}, b"x", count=2),
    "sizes that don't add up": message({"sizes": [2]}, b"x"),
    "more sizes than buffers": message({"sizes": [0, 1]}, b"x"),
}
TREES: dict[str, tuple[Any, ...]] = {
    "a list without a tag": ([],),
    "an empty object": ({},),
    "an unknown tag": ({"?": 1},),
    "a list that is a string": ({"l": "abc"},),
    "a dict of triples": ({"d": [[1, 2, 3]]},),
    "a dict of strings": ({"d": ["ab"]},),
    "a dict with a list as key": ({"d": [[{"l": []}, 1]]},),
    "a set of lists": ({"s": [{"l": []}]},),
    "an int that isn't hex": ({"i": "0xzz"},),
    "an int that is a number": ({"i": 3},),
    "an int too long to print": ({"i": "0x" + "f" * 5000},),
    "a float of another name": ({"f": "1.0"},),
    "a float that is a list": ({"f": []},),
    "half a complex": ({"c": ["1"]},),
    "a complex of words": ({"c": ["one", "two"]},),
    "a dtype that isn't one": ({"dt": "qint8"},),
    "a slice of two": ({"sl": [1, 2]},),
    "a handle without a number": ({"r": "1"},),
    "a handle of a boolean": ({"r": True},),
    "a handle with a type that is a list": ({"r": 1, "type": []},),
    "bytes that aren't there": ({"b": 0},),
    "bytes at a negative place": ({"b": -1}, b"x"),
    "bytes at a boolean": ({"b": False}, b"x"),
    "a tensor that isn't there": ({"x": 1, "dtype": "uint8", "shape": [1]}, b"x"),
    "a tensor without a dtype": ({"x": 0, "shape": [4]}, FLOATS),
    "a tensor of no known dtype": ({"x": 0, "dtype": "object", "shape": [4]}, FLOATS),
    "a tensor whose dtype is a list": ({"x": 0, "dtype": ["float32"], "shape": [4]}, FLOATS),
    "a tensor without a shape": ({"x": 0, "dtype": "float32"}, FLOATS),
    "a tensor larger than its bytes": ({"x": 0, "dtype": "float32", "shape": [5]}, FLOATS),
    "a tensor smaller than its bytes": ({"x": 0, "dtype": "float32", "shape": [3]}, FLOATS),
    "a tensor with two negative axes": ({"x": 0, "dtype": "float32", "shape": [-2, -2]}, FLOATS),
    "a tensor with a float axis": ({"x": 0, "dtype": "float32", "shape": [4.0]}, FLOATS),
    "a tensor with a boolean axis": ({"x": 0, "dtype": "uint8", "shape": [True]}, b"x"),
    "a tensor with forty axes": ({"x": 0, "dtype": "uint8", "shape": [1] * 40}, b"x"),
    "an empty tensor with huge axes": ({"x": 0, "dtype": "float32", "shape": [0, 2**27, 2**27]}, b""),
    "a boolean that is two": ({"x": 0, "dtype": "bool", "shape": [2]}, b"\x01\x02"),
    "an integer that requires grad": ({"x": 0, "dtype": "int8", "shape": [1], "grad": True}, b"x"),
    "one buffer for two tensors": ({"l": [{"x": 0, "dtype": "uint8", "shape": [1]}] * 2}, b"x"),
    "one buffer many times over": ({"l": [{"b": 0}] * 100_000}, bytes(1 << 20)),
}
BROKEN |= {name: message({"ok": tree}, *buffers) for name, (tree, *buffers) in TREES.items()}


@pytest.mark.parametrize("name", BROKEN)
def test_a_malformed_message_is_a_protocol_error_and_nothing_else(name: str):
    with pytest.raises(ProtocolError):
        read(BROKEN[name])


def nested(depth: int) -> Any:
    tree: Any = 0
    for _ in range(depth):
        tree = {"l": [tree]}
    return tree


def test_a_value_may_be_nested_but_not_without_end():
    assert read(message({"ok": nested(wire.MAX_DEPTH)}))
    with pytest.raises(ProtocolError, match="deep"):
        read(message({"ok": nested(wire.MAX_DEPTH + 1)}))


def test_a_value_may_have_many_parts_but_not_without_end():
    with pytest.raises(ProtocolError, match="large"):
        read(message({"ok": {"l": [0] * wire.MAX_NODES}}))


@pytest.mark.parametrize("tree", [lambda keys: {"d": [[key, 0] for key in keys]}, lambda keys: {"s": keys}])
def test_keys_that_all_have_one_hash_cost_little(tree: Callable[[list[Any]], Any]):
    keys = [{"i": hex(i * (2**61 - 1))} for i in range(1, 90_000)]
    begun = time.monotonic()
    with pytest.raises(ProtocolError, match="keys"):
        read(message({"ok": tree(keys)}))
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("at", range(0, 60, 7))
def test_a_message_that_is_cut_off_is_the_end_of_the_stream(at: int):
    whole = message({"ok": {"x": 0, "dtype": "float32", "shape": [4]}}, FLOATS)
    assert len(whole) > 60
    with pytest.raises(EOFError):
        read(whole[:at])


def test_a_message_that_stalls_or_trickles_ends_at_the_deadline():
    for trickle in (False, True):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.sendall(message({}, length=1000)[:20])
            stop = threading.Event()
            if trickle:
                threading.Thread(target=_trickle, args=(ours, stop), daemon=True).start()
            begun = time.monotonic()
            with pytest.raises(TimeoutError):
                wire.receive(theirs, begun + 0.3)
            stop.set()
            assert time.monotonic() - begun < 1


def _trickle(sock: socket.socket, stop: threading.Event) -> None:
    while not stop.wait(0.02):
        sock.sendall(b" ")


def test_mutated_messages_are_a_value_or_a_fault_never_anything_else():
    encoder = Encoder()
    value = {"a": [torch.ones(2, 3), 2**80, math.nan], ("b", 1): (b"xyz", {1, 2}, slice(1, 2), torch.int8, 1j)}
    tree = encoder.encode(value)
    whole = message({"ok": tree}, *encoder.buffers)
    chance = random.Random(0)
    faults = 0
    end = time.monotonic() + 6
    for _ in range(1500):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data))
            chance.choice([_flip, _drop, _double])(data, at, chance)
        try:
            read(bytes(data), 2.0)
        except (ProtocolError, EOFError):
            faults += 1
        if time.monotonic() > end:
            break
    assert faults > 100


def _flip(data: bytearray, at: int, chance: random.Random) -> None:
    data[at] = chance.randrange(256)


def _drop(data: bytearray, at: int, chance: random.Random) -> None:
    del data[at : at + chance.randint(1, 5)]
    data += b"    "


def _double(data: bytearray, at: int, chance: random.Random) -> None:
    data[at:at] = data[at : at + chance.randint(1, 20)]


def test_a_single_number_may_have_any_stride() -> None:
    """The gradient of a sum, say: one number, stride 0."""
    for value in (torch.ones(1).expand(1), torch.ones(()).expand(1, 1), torch.arange(6.0)[4:5], torch.zeros(3, 4).T):
        encoder = Encoder()
        tree = encoder.encode(value)
        assert torch.equal(Decoder([bytearray(data) for data in encoder.buffers]).decode(tree), value)
    x = torch.ones(1, requires_grad=True)
    x.sum().backward()
    assert Encoder().encode(x.grad)["shape"] == [1]
