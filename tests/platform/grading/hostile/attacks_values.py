# ruff: noqa: E501  (submissions are kept as their authors would write them)
"""Answers that are not what they seem."""

from attack import attack

MAKE = "import torch\nfrom torch import nn\n\n"


def answer(name: str, fates: str, expression: str, before: str = "") -> object:
    """A `double` that returns an odd value."""
    return attack(name, fates, f"{MAKE}{before}\ndef double(x):\n    return {expression}\n")


EQUAL_TO_ALL = """
class Liar({base}):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
    def __len__(self): return 5
    def __bool__(self): return True
    def __repr__(self): return "passed"
    def __reduce__(self): return (print, ("passed",))
    def __class__(self): return torch.Tensor
"""

ATTACKS = [
    answer("None", "failed", "None"),
    answer("True", "failed", "True"),
    answer("a number", "failed", "3.0"),
    answer("a list of numbers", "failed", "[2 * v for v in x.tolist()]"),
    answer("a string", "failed", "'passed'"),
    answer("the input itself", "failed", "x"),
    answer("a view of the input", "failed", "x.view(-1)"),
    answer("the input doubled in place", "failed", "x.mul_(2)"),
    answer("the input zeroed, then the right answer", "failed", "(2 * x, x.zero_())[0]"),
    answer("the input resized", "failed error", "x.resize_(0)"),
    answer("NaN", "failed", "x * float('nan')"),
    answer("infinity", "failed", "x * 0 + float('inf')"),
    answer("one value for all", "failed", "torch.zeros(1)"),
    answer("wrong shape of the right size", "failed", "(2 * x)[None]"),
    answer("empty, with a huge axis", "failed error", "torch.empty(0, 1 << 40)"),
    answer("meta tensor", "error failed", "torch.empty(x.shape, device='meta')"),
    answer("sparse tensor", "error failed", "(2 * x).to_sparse()"),
    answer("quantised tensor", "error failed", "torch.quantize_per_tensor(x, 0.1, 0, torch.qint8)"),
    answer("nested tensor", "error failed", "torch.nested.nested_tensor([x, x])"),
    answer("complex tensor", "failed", "torch.complex(x, x)"),
    answer("boolean tensor", "failed", "x > 0"),
    answer("integers", "failed", "(2 * x).long()"),
    answer("a tensor of another kind", "failed error", "(2 * x).to(torch.float8_e4m3fn)"),
    answer("a parameter", "failed", "nn.Parameter(x)"),
    answer("a function", "failed", "lambda *rest: True"),
    answer("a generator", "failed", "(v for v in iter(int, 1))"),
    answer("a class", "failed", "torch.Tensor"),
    answer("a module", "failed", "torch"),
    answer("a list in itself", "error failed", "ring", "ring = []\nring.append(ring)"),
    answer("a very deep list", "error failed", "deep", "deep = []\nfor _ in range(10000):\n    deep = [deep]"),
    answer("a dict with odd keys", "failed error", "{x: x, torch: 1, (x, x): 2, float('nan'): 3}"),
    answer("an object equal to all", "failed", "Liar()", EQUAL_TO_ALL.format(base="object")),
    answer("a number equal to all", "failed error", "Liar(3)", EQUAL_TO_ALL.format(base="float")),
    answer("a list equal to all", "failed error", "Liar([1])", EQUAL_TO_ALL.format(base="list")),
    answer("a dict equal to all", "failed error crashed", "Liar()", EQUAL_TO_ALL.format(base="dict")),
    answer("a string equal to all", "failed error", "Liar('x')", EQUAL_TO_ALL.format(base="str")),
    answer(
        "a tensor that claims equality",
        "failed error",
        "x.as_subclass(Same)",
        "class Same(torch.Tensor):\n    @classmethod\n    def __torch_function__(cls, f, types, args=(), kwargs=None):\n        return torch.tensor(True)\n",
    ),
    answer(
        "a tensor with a lying shape",
        "failed error",
        "torch.zeros(1).as_subclass(Lying)",
        "class Lying(torch.Tensor):\n    shape = torch.Size([4])\n    dtype = torch.float32\n    def numel(self): return 4\n    def size(self, *d): return self.shape\n    def contiguous(self): return self\n    def reshape(self, *d): return self\n    def numpy(self): return bytearray(7)\n",
    ),
    answer(
        "an object that raises on every touch",
        "error failed crashed",
        "Touchy()",
        "class Meta(type):\n    def __getattribute__(cls, name): raise RuntimeError('no')\nclass Touchy(metaclass=Meta):\n    def __getattribute__(self, name): raise RuntimeError('no')\n",
    ),
    answer(
        "an object that calls itself a tensor",
        "failed error",
        "Spoof()",
        "class Spoof:\n    __class__ = torch.Tensor\n",
    ),
    attack("a constant equal to all", "failed", f"{MAKE}{EQUAL_TO_ALL.format(base='int')}\nANSWER = Liar(7)", "ANSWER"),
    attack(
        "a constant that is a promise",
        "failed",
        "class A:\n    def __index__(self): return 42\n    def __int__(self): return 42\nANSWER = A()",
        "ANSWER",
    ),
    attack("True for a number", "failed", "ANSWER = True", "ANSWER"),
    attack(
        "a list that lies about its length",
        "failed error",
        "class L(list):\n    def __len__(self): return 3\n    def __eq__(self, o): return True\ndef count_up(n):\n    return L([1, 2])",
        "count_up",
    ),
    attack(
        "a list without end",
        "error memory timeout failed",
        "class L(list):\n    def __iter__(self):\n        while True:\n            yield 1\ndef count_up(n):\n    return L()",
        "count_up",
    ),
    attack("True for 1", "failed", "def count_up(n):\n    return [True, 2, 3] if n == 3 else [True] * n", "count_up"),
    attack(
        "a class that calls itself a module",
        "failed error",
        f"{MAKE}class Scale:\n    __class__ = nn.Module\n    def __init__(self, factor): self.factor = factor\n    def __call__(self, x): return x\n    def state_dict(self): return {{'factor': 1}}\n    def load_state_dict(self, d): return None\n    def __eq__(self, o): return True\n",
        "Scale",
    ),
    attack("a function for a class", "failed error", f"{MAKE}def Scale(factor):\n    return lambda x: x\n", "Scale"),
    attack(
        "a class whose every attribute is there",
        "failed error",
        f"{MAKE}class Scale:\n    def __init__(self, factor): pass\n    def __call__(self, x): return x\n    def __getattr__(self, name): return lambda *rest: ['factor']\n",
        "Scale",
    ),
    attack(
        "a module with a hostile state",
        "failed error crashed",
        f"{MAKE}class Scale(nn.Module):\n    def __init__(self, factor):\n        super().__init__()\n    def forward(self, x): return x\n    def state_dict(self): return self\n    def load_state_dict(self, d): raise SystemExit\n    def __iter__(self): return iter(['factor'])\n",
        "Scale",
    ),
]
