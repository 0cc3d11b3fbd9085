"""The mistake that was made is named, and no other."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from unravel.course.checks import apply_edit
from unravel.course.model import Course
from unravel.grading.diagnose import same
from unravel.grading.engine import Engine
from unravel.grading.report import ExerciseResult, Status
from unravel.grading.source import Source
from unravel.grading.wire import Ref

IMPORTS = "import torch\nfrom torch import nn\n\n"
RIGHT = "def double(x):\n    return 2 * x\n\n"


def grade(engine: Engine, code: str, name: str = "double", seed: int = 1) -> ExerciseResult:
    return engine.check(Source.text(IMPORTS + code, "basics.py"), [name], seed=seed).exercises[0]


@pytest.mark.parametrize(
    ("name", "code", "why"),
    [
        ("double", "def double(x):\n    return x.pow(2)", "You squared the numbers"),
        ("double", "def double(x):\n    y = x.clone()\n    y += 2\n    return y", "You added 2 to each number"),
        ("double", "def double(x):\n    return x", "You returned the input as it came"),
        ("mean_square", RIGHT + "def mean_square(x):\n    return (4 * x * x).sum()", "You summed the squares"),
        ("mean_square", RIGHT + "def mean_square(x):\n    return (x ** 2).mean()", "You left out the doubling"),
        ("ANSWER", "ANSWER = 6 * 6", "You multiplied 6 by 6"),
        ("ANSWER", "ANSWER = 6 + 7", "You added 6 and 7"),
    ],
)
def test_the_mistake_that_was_made_is_named(engine: Engine, name: str, code: str, why: str):
    result = grade(engine, code, name)
    assert result.status is Status.FAILED
    assert result.diagnosis.startswith(why)


def test_a_mistake_in_a_class_is_named(engine: Engine):
    scale = """class Scale(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = nn.Parameter(torch.as_tensor(factor))
    def forward(self, x):
        return x + self.factor
"""
    assert grade(engine, scale, "Scale").diagnosis.startswith("You added the factor")


@pytest.mark.parametrize("seed", [0, 2, 12345, 2**31 - 1])
def test_every_mistake_of_the_tiny_course_is_named_as_itself(engine: Engine, tiny_course: Course, seed: int):
    lesson = tiny_course.lesson("basics")
    source = lesson.solution.read_text()
    for exercise in lesson.exercises:
        for mistake in exercise.mistakes:
            code = Source.text(apply_edit(source, exercise.id, mistake), "basics.py")
            result = engine.check(code, [exercise.id], seed=seed).exercises[0]
            assert result.diagnosis == mistake.why


@pytest.mark.parametrize(
    "body",
    [
        "return 3 * x",
        "return torch.zeros_like(x)",
        "return 2 * x + 1e-3",
        "return torch.where(x > 0, 2 * x, x * x)",
        "return x * x if len(x) else 2 * torch.ones(0, dtype=torch.float64)",
    ],
    ids=["other factor", "zeros", "slightly off", "half a mistake", "a mistake in one of two checks"],
)
def test_a_failure_that_is_no_known_mistake_gets_no_name(engine: Engine, body: str):
    result = grade(engine, "def double(x):\n    " + body)
    assert result.status is Status.FAILED
    assert result.diagnosis == ""


@pytest.mark.parametrize(
    "body",
    ["raise ValueError", "return None", "raise NotImplementedError", "import os\n    os._exit(1)", "return 2 * x"],
)
def test_only_a_wrong_answer_is_diagnosed(engine: Engine, body: str):
    assert grade(engine, "def double(x):\n    " + body).diagnosis == ""


def test_a_blocked_exercise_is_not_diagnosed(engine: Engine):
    result = grade(engine, "def double(x):\n    return x\n\ndef mean_square(x):\n    return x.sum()", "mean_square")
    assert (result.status, result.diagnosis) == (Status.BLOCKED, "")


NAN = math.nan
T = torch.tensor


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (T([1.0, 2.0]), T([1.0, 2.0 + 1e-5])),
        (T([NAN, 1.0]), T([NAN, 1.0])),
        (T([math.inf]), T([math.inf])),
        (T([1 + 1j]), T([1 + 1j])),
        (T([1, 2]), T([1, 2])),
        (T([True]), T([True])),
        (T(1.0), T(1.0)),
        (torch.empty(0, 3), torch.empty(0, 3)),
        (T([1.0], requires_grad=True), T([1.0])),
        (1.0, 1.0 + 1e-7),
        (NAN, NAN),
        (None, None),
        ("a", "a"),
        ([T([1.0]), (2, "x")], [T([1.0]), (2, "x")]),
        ({"a": T([NAN])}, {"a": T([NAN])}),
        ({1, 2}, {2, 1}),
        (Ref(1, "Linear"), Ref(9, "Linear")),
        (torch.float32, torch.float32),
    ],
)
def test_values_that_agree(a: Any, b: Any):
    assert same(a, b)
    assert same(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (T([1.0, 2.0]), T([1.0, 2.1])),
        (T([1.0]), T([[1.0]])),
        (T([1.0]), T(1.0)),
        (T([1.0]), T([1.0], dtype=torch.float64)),
        (T([1]), T([1.0])),
        (T([1, 2]), T([1, 3])),
        (T([NAN]), T([1.0])),
        (torch.empty(0, 3), torch.empty(0, 4)),
        (T(1.0), 1.0),
        (1, 1.0),
        (1, True),
        (NAN, 1.0),
        (None, 0),
        ([1, 2], (1, 2)),
        ([1], [1, 1]),
        ({"a": 1}, {"b": 1}),
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": 1, "b": 2}),
        (Ref(1, "Linear"), Ref(1, "Conv1d")),
        ("a", "b"),
    ],
)
def test_values_that_differ(a: Any, b: Any):
    assert not same(a, b)
    assert not same(b, a)
