"""What a check can do with `submission`: everything crosses the line, and a check's own misuse is told as such."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from unravel.course.model import Check
from unravel.errors import ContentError
from unravel.grading.engine import Engine
from unravel.grading.fault import LearnerFault
from unravel.grading.loading import Unit
from unravel.grading.reference import load_module, load_reference
from unravel.grading.remote import MAX_TRACE, CheckMisuse, Handle, Session, Submission
from unravel.grading.report import CheckResult, Status
from unravel.grading.running import run_check
from unravel.grading.transport import LocalTransport, SandboxTransport

SOLUTION = """
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


def scale(x: Float[Tensor, "batch d"], by: float = 2.0) -> Float[Tensor, "batch d"]:
    return by * x


def outer(x: Float[Tensor, "rows"], y: Float[Tensor, "cols"]) -> Float[Tensor, "rows cols"]:
    return x[:, None] * y


def split(x: Float[Tensor, "n"]) -> tuple[list[Float[Tensor, ""]], dict[str, int]]:
    return list(x.unbind()), {"n": len(x)}


def fold(
    w: Float[Tensor, "d"], W: Float[Tensor, "d *out"]
) -> tuple[Float[Tensor, "d *out"], Float[Tensor, "*out new"]]:
    return torch.einsum("d,d...->d...", w, W), W.sum(0)[..., None]


def halves(x: Float[Tensor, "n"]) -> tuple[Float[Tensor, "n"], ...]:
    return x / 2, x / 2


def ranks(x: Float[Tensor, "n"]) -> tuple[Float[Tensor, "k"], Float[Tensor, "k+1"]]:
    return x, torch.cat([x, x[:1]])


def parts(x: Float[Tensor, "n"]) -> dict[str, Float[Tensor, "n k"]]:
    return {"one": x[:, None], "two": x[:, None]}


def names(n: int) -> list[str]:
    return [str(i) for i in range(n)]


def fill(x: Float[Tensor, "n"], value: float) -> None:
    x.fill_(value)


def apply(layer: "Line", x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    return layer(x)


def make(n: int) -> object:
    return nn.Linear(n, n, bias=False)


def anything(x: object) -> object:
    return x


FACTOR: float = 2.5


class Line(nn.Module):
    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope))
        self.inner = nn.Linear(2, 3)
        self.calls = 0

    def forward(self, x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        self.calls += 1
        return self.slope * x

    def halved(self, x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        return self.slope * x / 2


class Counter:
    def __init__(self, start: int) -> None:
        self.count = start

    def __call__(self, step: int) -> int:
        self.count += step
        return self.count
"""
Open = Callable[..., Submission]


@pytest.fixture(params=["sandbox", "here"])
def open_submission(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path) -> Iterator[Open]:
    """Makes a `submission` of some code; both ways to reach code must offer the same."""
    path = tmp_path / "lesson.py"
    path.write_text(SOLUTION)
    opened: list[Any] = []

    def open_it(extra: str = "", code: str = SOLUTION) -> Submission:
        units = [Unit("lesson.py", code + extra)]
        here = request.param == "here"
        transport = LocalTransport(units) if here else SandboxTransport(engine.prepare(), units)
        opened.append(transport)
        return Submission(Session(transport, load_reference(path)))

    yield open_it
    for transport in opened:
        transport.close()


@pytest.fixture
def submission(open_submission: Open) -> Submission:
    return open_submission()


X = torch.arange(6.0).reshape(2, 3)
LINE = torch.tensor([1.0, 2.0])


def test_functions_are_called_with_positions_names_and_defaults(submission: Submission):
    assert torch.equal(submission.scale(X), 2 * X)
    assert torch.equal(submission.scale(X, by=3.0), 3 * X)
    assert torch.equal(submission.scale(x=X, by=3), 3 * X)


def test_nested_values_come_back(submission: Submission):
    parts, sizes = submission.split(LINE)
    assert [float(part) for part in parts] == [1, 2]
    assert sizes == {"n": 2}


def test_constants_are_read(submission: Submission):
    assert submission.FACTOR == 2.5


def test_an_object_is_made_called_and_asked(submission: Submission):
    line = submission.Line(3.0)
    assert isinstance(line, Handle)
    assert torch.equal(line(LINE), 3 * LINE)
    assert torch.equal(line.halved(LINE), 1.5 * LINE)
    assert line.get("calls") == 1
    assert line.get("inner.weight").shape == (3, 2)
    assert line.get("inner.weight").requires_grad


def test_an_object_without_module_is_called_too(submission: Submission):
    counter = submission.Counter(5)
    assert counter(2) == 7
    assert counter(step=3) == 10
    assert counter.get("count") == 10


def test_attributes_are_set_by_their_path(submission: Submission):
    line = submission.Line(3.0)
    line.set("slope", torch.tensor(-1.0))
    assert torch.equal(line(LINE), -LINE)
    assert "slope" in line.state_dict(), "a tensor set over a parameter is a parameter"
    line.set("inner.weight", torch.zeros(3, 2))
    assert line.state_dict()["inner.weight"].abs().sum() == 0
    line.set("calls", 40)
    line(LINE)
    assert line.get("calls") == 41


def test_a_state_dict_goes_out_and_in(submission: Submission):
    first, second = submission.Line(3.0), submission.Line(7.0)
    second.load_state_dict(first.state_dict())
    assert torch.equal(second(LINE), 3 * LINE)


def test_objects_are_arguments_also_inside_containers(submission: Submission):
    line = submission.Line(3.0)
    assert torch.equal(submission.apply(line, LINE), 3 * LINE)
    kept = submission.anything([{"layer": line}])
    assert isinstance(kept[0]["layer"], Handle)
    assert torch.equal(kept[0]["layer"](LINE), 3 * LINE)


def test_any_other_object_that_comes_back_is_a_handle(submission: Submission):
    layer = submission.make(3)
    assert layer.type_name == "Linear"
    layer.set("weight", torch.eye(3))
    assert torch.equal(layer(X), X)


def test_a_handle_is_no_answer(submission: Submission):
    with pytest.raises(LearnerFault, match="A value was expected") as caught:
        assert submission.make(3)
    assert caught.value.status is Status.FAILED


def test_the_source_of_a_function_runs_there(submission: Submission):
    def grad(learner: Any, x: torch.Tensor, *, power: int) -> torch.Tensor:
        x = x.clone().requires_grad_()
        (learner.scale(x) ** power).sum().backward()
        return x.grad

    assert torch.equal(submission.run(grad, X, power=2), 8 * X)


def test_what_runs_there_has_its_tools_and_nothing_of_the_test(submission: Submission):
    def tools(learner: Any) -> list[str]:
        return [torch.__name__, nn.__name__, math.__name__, einops.__name__]  # type: ignore[name-defined]

    def reach(learner: Any) -> Any:
        return SOLUTION

    assert submission.run(tools) == ["torch", "torch.nn", "math", "einops"]
    with pytest.raises(LearnerFault, match="NameError: name 'SOLUTION'"):
        submission.run(reach)


def test_inplace_returns_the_arguments_as_they_are_after(submission: Submission):
    x = torch.zeros(3)
    value, (after, given) = submission.fill.inplace(x, 4.0)
    assert value is None
    assert (after.tolist(), given) == ([4, 4, 4], 4.0)
    assert x.tolist() == [0, 0, 0], "the check's own tensor is another one"


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda s: s.fill(torch.zeros(3), 4.0), "`fill` changed its argument `x` in place"),
        (lambda s: s.fill(x=torch.zeros(3), value=4.0), "`fill` changed its argument `x` in place"),
        (lambda s: s.anything([torch.zeros(2)]), "`anything` changed its argument `x` in place"),
        (lambda s: s.anything({"a": [1]}), "`anything` changed its argument `x` in place"),
        (lambda s: s.anything(torch.zeros(2, dtype=torch.complex64)), "changed its argument `x`"),
        (lambda s: s.anything(torch.tensor([float("nan"), 0.0])), "changed its argument `x`"),
    ],
)
def test_every_argument_changed_in_place_is_noticed(open_submission: Open, call: Callable[..., Any], told: str):
    spoil = """
def spoil(x):
    return x.fill_(7) if isinstance(x, torch.Tensor) else x.append(1)
def anything(x):
    spoil(x[0] if isinstance(x, list) else x["a"] if isinstance(x, dict) else x)
"""
    with pytest.raises(LearnerFault, match=told) as caught:
        call(open_submission(spoil))
    assert caught.value.status is Status.FAILED


def test_arguments_with_nan_that_stay_are_not_taken_for_changed(submission: Submission):
    odd = {"x": [torch.tensor([float("nan")]), float("nan")]}
    assert submission.anything(odd)["x"][0].isnan().all()


@pytest.mark.parametrize(
    ("extra", "call", "told"),
    [
        ("outer = lambda x, y: y[:, None] * x", lambda s: s.outer(LINE, torch.ones(3)), "(rows=2, cols=3)"),
        ("split = lambda x: (list(x.unbind()), {1: 2})", lambda s: s.split(LINE), "Item 1 of what `split`"),
        ("split = lambda x: [list(x.unbind()), {'n': 2}]", lambda s: s.split(LINE), "a list of 2"),
        (
            "fold = lambda w, W: (w[:, None] * W, W.sum(0)[..., None])",
            lambda s: s.fold(LINE, LINE),
            'Item 0 of what `fold` returns should be Float[Tensor, "d *out"] of shape (2,), but it is a tensor of '
            "shape (2, 2) and dtype float32.",
        ),
        (
            "fold = lambda w, W: (W, W.sum(0))",
            lambda s: s.fold(LINE, torch.ones(2, 4, 5)),
            'Item 1 of what `fold` returns should be Float[Tensor, "*out new"], but it is a tensor of shape (4, 5)',
        ),
        ("halves = lambda x: (x, x[:1])", lambda s: s.halves(LINE), "Item 1 of what `halves` returns should be Float"),
        ("ranks = lambda x: (x, x)", lambda s: s.ranks(LINE), "(k+1=3), but it is a tensor of shape (2,)"),
        (
            "parts = lambda x: {'one': x[:, None], 'two': x}",
            lambda s: s.parts(LINE),
            """Entry 'two' of what `parts` returns should be Float[Tensor, "n k"] (n=2, k=1), but it is a tensor of """
            "shape (2,) and dtype float32.",
        ),
        (
            "parts = lambda x: {'one': x[:, None], 2: x[:, None]}",
            lambda s: s.parts(LINE),
            "it returns a dict of 2, with the keys 'one', 2.",
        ),
        ("names = lambda n: ['0'] * 99 + [1]", lambda s: s.names(3), "list[str]"),
        ("Line.forward = lambda self, x: x[None]", lambda s: s.Line(1.0)(LINE), "`Line.forward` should return"),
        ("Line.halved = lambda self, x: None", lambda s: s.Line(1.0).halved(LINE), "`Line.halved` should return"),
        ("Line = lambda slope: [slope]", lambda s: s.Line(1.0), "should make an object of the class `Line`"),
        ("FACTOR = 'many'", lambda s: s.FACTOR, "`FACTOR` should be float, but it is the str 'many'"),
    ],
)
def test_values_are_held_to_the_annotations_of_the_solution(
    open_submission: Open, extra: str, call: Callable[..., Any], told: str
):
    for _ in range(5):  # the verdict never hangs on which item of a list is looked at
        with pytest.raises(LearnerFault) as caught:
            call(open_submission("\n" + extra))
        assert told in caught.value.message
        assert caught.value.status is Status.FAILED


def test_annotations_that_the_learner_changed_do_not_count(open_submission: Open):
    extra = "\ndef scale(x: Float[Tensor, 'a b'], by: float = 2.0) -> Float[Tensor, 'b a']:\n    return x.T"
    with pytest.raises(LearnerFault, match="shape"):
        open_submission(extra).scale(X)


@pytest.mark.parametrize(
    ("misuse", "told"),
    [
        (lambda s: s.scale(), "missing a required argument: 'x'"),
        (lambda s: s.scale(X, 1.0, 2.0), "too many positional arguments"),
        (lambda s: s.scale(X, factor=1.0), "unexpected keyword argument 'factor'"),
        (lambda s: s.scale(LINE), "argument x is a tensor of shape"),
        (lambda s: s.fill.inplace(), "missing a required argument"),
        (lambda s: s.Line(), "missing a required argument: 'slope'"),
        (lambda s: s.Line(1.0).halved(), "missing a required argument: 'x'"),
        (lambda s: s.Line(1.0)(LINE, LINE), "too many positional arguments"),
        (lambda s: s.anything(object()), "an object of type object can't be sent"),
    ],
)
def test_misuse_by_a_check_is_the_courses_fault(submission: Submission, misuse: Callable[..., Any], told: str):
    with pytest.raises(CheckMisuse, match=told.replace("(", r"\(")):
        misuse(submission)


def checked(submission: Submission, function: Callable[..., None], *, hidden: bool = False) -> CheckResult:
    check = Check(function.__name__, "A sentence", "What holds.", "scale", hidden, 5.0, 1)
    return run_check(check, function, submission._session, 1).result


def test_a_name_that_the_solution_lacks_is_the_courses_fault(submission: Submission):
    with pytest.raises(ContentError, match="which the solution doesn't define"):
        submission.nothing(1)
    result = checked(submission, lambda submission: submission.nothing(1))
    assert result.status is Status.ERROR
    assert "This check is at fault, not you" in result.message
    assert "Please report it." in result.message


@pytest.mark.parametrize(
    ("check", "status", "told"),
    [
        (lambda submission: submission.scale(LINE), Status.ERROR, "at fault, not you: scale: argument x"),
        (lambda submission, nothing: None, Status.ERROR, "at fault, not you"),
        (lambda submission: submission.names(3)[7], Status.ERROR, "could not use what your code returned (IndexError"),
        (lambda submission: submission.scale(X)[9], Status.ERROR, "could not use what your code returned"),
    ],
)
def test_a_check_that_stumbles_gives_no_points_and_a_reason(
    submission: Submission, check: Callable[..., None], status: Status, told: str
):
    result = checked(submission, check)
    assert result.status is status
    assert told in result.message


def test_an_assertion_without_words_shows_what_should_hold(submission: Submission):
    def check(submission: Any) -> None:
        raise AssertionError

    assert checked(submission, check).message == "What holds."


def test_a_class_may_be_missing_and_so_may_a_method(open_submission: Open):
    with pytest.raises(LearnerFault, match="Your file has no `Line`"):
        open_submission("\ndel Line").Line(1.0)
    with pytest.raises(LearnerFault, match="AttributeError"):
        open_submission("\ndel Line.halved").Line(1.0).halved(LINE)


def test_a_handle_is_worthless_once_its_process_is_gone(engine: Engine, tmp_path: Path):
    path = tmp_path / "lesson.py"
    path.write_text(SOLUTION)
    transport = SandboxTransport(engine.prepare(), [Unit("lesson.py", SOLUTION)])
    line = Submission(Session(transport, load_reference(path))).Line(1.0)
    transport.close()
    with pytest.raises(LearnerFault, match="IndexError"):
        line(LINE)
    transport.close()


def test_what_is_kept_for_the_diagnosis_is_bounded(open_submission: Open):
    submission = open_submission("\ndef scale(x, by=2.0):\n    return torch.ones(1200, 1200)")
    session = submission._session

    def check(submission: Any) -> None:
        for _ in range(8):
            submission.scale(torch.ones(1200, 1200))

    done = Check("check", "", "", "scale", False, 20.0, 1)
    outcome = run_check(done, check, session, 1)
    assert outcome.result.status is Status.PASSED
    assert session.traced > MAX_TRACE
    assert outcome.trace == ()


def test_a_course_file_edited_within_the_second_is_read_again(tmp_path: Path):
    path = tmp_path / "lesson.py"
    for number in range(3):
        path.write_text(f"VALUE = {number}\n")
        os.utime(path, ns=(10**18 + number, 10**18 + number))
        assert number == load_module(path).VALUE
    assert not (tmp_path / "__pycache__").exists()


def test_a_course_file_that_fails_is_told_as_such(tmp_path: Path):
    (tmp_path / "lesson.py").write_text("import torch\n1 / 0\n")
    with pytest.raises(ContentError, match="ZeroDivisionError") as caught:
        load_module(tmp_path / "lesson.py")
    assert caught.value.path == tmp_path / "lesson.py"
