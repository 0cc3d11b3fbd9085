"""Every fate of an exercise, reached by a real submission in a real sandbox."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest

from unravel.course.load import load_course
from unravel.course.model import Course
from unravel.errors import UnravelError
from unravel.grading.engine import Engine
from unravel.grading.fault import plain
from unravel.grading.report import CheckResult, ExerciseResult, Report, Status, Tier
from unravel.grading.source import Source
from unravel.grading.warm import Limits

SOLUTION = {
    "imports": "import torch\nfrom torch import nn",
    "double": "def double(x):\n    return 2 * x",
    "mean_square": "def mean_square(x):\n    return double(x).square().mean()",
    "ANSWER": "ANSWER = 42",
    "Scale": (
        "class Scale(nn.Module):\n"
        "    def __init__(self, factor):\n"
        "        super().__init__()\n"
        "        self.factor = nn.Parameter(torch.tensor(factor))\n"
        "    def forward(self, x):\n"
        "        return self.factor * x"
    ),
}
ALL = ("double", "mean_square", "ANSWER", "Scale")


def submission(**other: str) -> str:
    """The right answers, but for those given."""
    return "\n\n".join({**SOLUTION, **other}.values()) + "\n"


def grade(engine: Engine, *names: str, seed: int = 1, **other: str) -> dict[str, ExerciseResult]:
    report = engine.check(Source.text(submission(**other), "basics.py"), names or ALL, seed=seed)
    return {result.id: result for result in report.exercises}


def double(engine: Engine, body: str, seed: int = 1) -> ExerciseResult:
    """The fate of `double` with this body."""
    code = "def double(x):\n" + "\n".join("    " + line for line in body.split("\n"))
    return grade(engine, "double", seed=seed, double=code)["double"]


def first(result: ExerciseResult) -> CheckResult:
    return result.checks[0]


def test_right_answers_pass_and_earn_their_points(engine: Engine):
    results = grade(engine)
    assert {result.status for result in results.values()} == {Status.PASSED}
    assert [results[name].points for name in ALL] == [1, 2, 1, 3]
    assert all(not check.message for result in results.values() for check in result.checks)


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ("return 3 * x", Status.FAILED, "Multiply by 2"),
        ("return x.nothing", Status.ERROR, "AttributeError: 'Tensor' object has no attribute 'nothing'"),
        ("raise ValueError('a reason')", Status.ERROR, "ValueError: a reason"),
        ("assert False, 'mine'", Status.ERROR, "AssertionError: mine"),
        ("return undefined", Status.ERROR, "NameError"),
        ("return double(x)", Status.ERROR, "RecursionError"),
        ("return x + torch.ones(len(x) + 1)", Status.ERROR, "RuntimeError: The size of tensor"),
        ("return torch.ones(10**12)", Status.MEMORY, "memory"),
        ("return [0] * 10**12", Status.MEMORY, "memory"),
        ("import os\nos._exit(0)", Status.CRASHED, "Return the answer"),
        ("import sys\nsys.exit(0)", Status.CRASHED, "SystemExit: 0"),
        ("exit()", Status.CRASHED, "SystemExit: None. The code ended"),
        ("raise KeyboardInterrupt", Status.CRASHED, "KeyboardInterrupt"),
        ("import ctypes\nctypes.string_at(0)", Status.CRASHED, "signal 11"),
        ("open('/etc/passwd').read()\nreturn 2 * x", Status.FORBIDDEN, "without other files"),
        ("open('x', 'w')\nreturn 2 * x", Status.FORBIDDEN, "without other files"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 80))", Status.FORBIDDEN, "without network"),
        ("import os\nos.system('true')\nreturn os.fork()", Status.FORBIDDEN, "PermissionError"),
        ("raise NotImplementedError()", Status.NOT_STARTED, "Not written yet"),
    ],
)
def test_each_fate_is_told_by_its_name(engine: Engine, body: str, status: Status, told: str):
    result = double(engine, body)
    assert result.status is status, (result.message, first(result).message)
    assert told in result.message
    assert result.points == 0
    assert result.max_points == 1
    assert result.next


def test_an_endless_loop_is_stopped_and_what_follows_is_graded(engine: Engine):
    begun = time.monotonic()
    slow = "def mean_square(x):\n    while True:\n        pass"
    results = grade(engine, mean_square=slow)
    assert time.monotonic() - begun < 12
    assert results["mean_square"].status is Status.TIMEOUT
    assert "loop that never ends" in results["mean_square"].message
    assert [check.status for check in results["mean_square"].checks] == [Status.TIMEOUT, Status.BLOCKED]
    assert "earlier check" in results["mean_square"].checks[1].message
    assert [results[name].status for name in ("double", "ANSWER", "Scale")] == [Status.PASSED] * 3


@pytest.mark.parametrize(
    "body",
    [
        "while True:\n    try:\n        time.sleep(9)\n    except BaseException:\n        pass",
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.pause()",
    ],
    ids=["swallows", "ignores signals"],
)
def test_code_that_will_not_be_interrupted_is_stopped(engine: Engine, hurried: None, body: str):
    begun = time.monotonic()
    assert double(engine, "import time\n" + body).status is Status.TIMEOUT
    assert time.monotonic() - begun < 4


@pytest.fixture
def hurried(engine: Engine, tiny_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives the first check of `double` one second."""
    path = tiny_copy / "tests/exercises/ch00_tiny/test_basics.py"
    path.write_text(path.read_text().replace('@checks("double")', '@checks("double", seconds=1.0)', 1))
    monkeypatch.setattr(engine, "course", load_course(tiny_copy))


def test_memory_that_grows_step_by_step_is_memory(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine, "_limits", Limits(memory_mb=300))
    result = double(engine, "kept = []\nwhile True:\n    kept.append(torch.ones(1_000_000))")
    assert result.status is Status.MEMORY, result.message
    assert double(engine, "return 2 * x").status is Status.PASSED


def test_what_builds_on_an_unsolved_exercise_is_blocked(engine: Engine):
    results = grade(engine, double="def double(x):\n    return x")
    assert results["mean_square"].status is Status.BLOCKED
    assert results["mean_square"].message == "It builds on `double` (failed), which must pass first."
    assert results["mean_square"].next == "Solve `double` first."
    assert results["mean_square"].checks == ()
    assert results["mean_square"].points == 0


def test_a_blocked_exercise_tells_so_even_when_it_is_asked_for_alone(engine: Engine):
    results = grade(engine, "mean_square", double="def double(x):\n    return x")
    assert list(results) == ["mean_square"]
    assert results["mean_square"].status is Status.BLOCKED


def test_the_stub_is_not_started_and_blocks_what_builds_on_it(engine: Engine, tiny: Path):
    report = engine.check(Source.read(tiny / "chapters/ch00_tiny/basics.py"), ALL, seed=1)
    fates = [result.status for result in report.exercises]
    assert fates == [Status.NOT_STARTED, Status.BLOCKED, Status.NOT_STARTED, Status.NOT_STARTED]
    assert report.points == 0
    assert report.max_points == 7


@pytest.mark.parametrize("name", ALL)
def test_a_missing_name_is_said_to_be_missing(engine: Engine, name: str):
    results = grade(engine, name, **{name: ""})
    assert results[name].status is Status.ERROR
    assert f"Your file has no `{name}`" in results[name].message
    assert f"unravel reset {name}" in results[name].message


def test_a_renamed_function_is_missing_even_beside_an_untouched_constant(engine: Engine):
    results = grade(engine, "double", double="def Double(x):\n    return 2 * x", ANSWER="raise NotImplementedError()")
    assert "Your file has no `double`" in results["double"].message


def test_an_untouched_constant_is_not_started(engine: Engine):
    assert grade(engine, "ANSWER", ANSWER="raise NotImplementedError()")["ANSWER"].status is Status.NOT_STARTED


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def double():\n    return 0", "takes 0 positional arguments but 1 was given"),
        ("def double(x, y):\n    return x", "missing 1 required positional argument: 'y'"),
        ("def double(*, x):\n    return x", "takes 0 positional arguments"),
        ("double = 3", "'int' object is not callable"),
        ("async def double(x):\n    return 2 * x", "`double` should return Float[Tensor"),
        ("def double(x):\n    yield 2 * x", "an object of type generator"),
    ],
)
def test_a_function_of_another_form_is_told_as_python_tells_it(engine: Engine, code: str, told: str):
    result = grade(engine, "double", double=code)["double"]
    assert result.status in (Status.ERROR, Status.FAILED)
    assert told in result.message


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("2 * x", "it returns None. Is a `return` missing?"),
        ("return (2 * x)[None]", "it returns a tensor of shape (1, {n}) and dtype float32."),
        (
            "return (2 * x).int()",
            "it returns a tensor of shape ({n},) and dtype int32. The shape is right, the kind of "
            "number isn't: `.bool()`, `.long()` and `.float()` convert.",
        ),
        ("return (2 * x)[1:]", "it returns a tensor of shape ({m},) and dtype float32."),
        ("return [2] * len(x)", "it returns a list of {n}, the first of them the int 2."),
        ("return 2", "it returns the int 2."),
        ("return 'two'", "it returns the str 'two'."),
        ("return lambda: x", "it returns an object of type function."),
    ],
)
def test_a_wrong_type_is_told_with_names_and_sizes_of_axes(engine: Engine, body: str, told: str):
    result = double(engine, body)
    assert result.status is Status.FAILED
    n = int(result.message.partition("(n=")[2].partition(")")[0])
    start = f'`double` should return Float[Tensor, "n"] (n={n}), but '
    assert result.message == start + told.format(n=n, m=n - 1)


def test_a_right_value_in_float64_passes_the_boundary(engine: Engine):
    assert first(double(engine, "return 2 * x.double()")).status is Status.PASSED


def test_a_constant_of_the_wrong_type_is_told(engine: Engine):
    result = grade(engine, "ANSWER", ANSWER="ANSWER = '42'")["ANSWER"]
    assert result.message == "`ANSWER` should be int, but it is the str '42'."


def test_changing_an_argument_in_place_is_told(engine: Engine):
    result = double(engine, "x *= 2\nreturn x")
    assert result.status is Status.FAILED
    assert "`double` changed its argument `x` in place" in result.message
    assert "clone" in result.message


@pytest.mark.parametrize("broken", ["raise ValueError('top')", "1 / 0", "import not_a_module", "raise SystemExit"])
def test_a_broken_statement_does_not_hide_the_exercises_around_it(engine: Engine, broken: str):
    results = grade(engine, ANSWER=broken + "\nANSWER = 42")
    assert {result.status for result in results.values()} == {Status.PASSED}


def test_a_name_whose_statement_broke_is_told_with_its_line(engine: Engine):
    result = grade(engine, "ANSWER", ANSWER="ANSWER = 6 * seven")["ANSWER"]
    assert result.status is Status.ERROR
    assert "NameError" in result.message
    assert first(result).frames[-1].text == "ANSWER = 6 * seven"


def test_an_error_that_follows_from_a_broken_line_names_that_line(engine: Engine):
    result = grade(engine, "double", imports="import torch\nTWO = tow", double="def double(x):\n    return TWO * x")
    assert "NameError: name 'TWO' is not defined" in result["double"].message
    assert "(Line 2 of basics.py failed before: NameError.)" in result["double"].message


def test_a_file_that_hangs_while_it_is_loaded_fails_once_for_all(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    from unravel.grading import transport

    monkeypatch.setattr(transport, "LOAD_SECONDS", 1.0)
    begun = time.monotonic()
    results = grade(engine, imports="while True: pass")
    assert time.monotonic() - begun < 5
    assert results["double"].status is Status.TIMEOUT
    assert results["ANSWER"].status is Status.TIMEOUT
    assert "while your file was being loaded" in results["ANSWER"].message


def test_a_file_that_ends_the_process_while_it_is_loaded_fails_with_a_reason(engine: Engine):
    results = grade(engine, imports="import os\nos._exit(0)")
    assert {results[name].status for name in ("double", "ANSWER", "Scale")} == {Status.CRASHED}
    assert "loaded" in results["double"].message


def test_the_same_seed_replays_the_same_run(engine: Engine):
    body = "return x + torch.rand(len(x))"
    one, again, other = (double(engine, body, seed) for seed in (7, 7, 8))
    assert one.message == again.message
    assert first(one).frames == first(again).frames
    assert one.message != other.message


def test_a_seed_is_drawn_and_reported_when_none_is_given(engine: Engine):
    code = Source.text(submission(double="def double(x):\n    return x + torch.rand(len(x))"), "basics.py")
    drawn = engine.check(code, ["double"])
    again = engine.check(code, ["double"], seed=drawn.seed)
    assert drawn.exercises[0].message == again.exercises[0].message
    assert engine.check(code, ["double"]).seed != drawn.seed


def test_every_source_of_chance_is_seeded(engine: Engine):
    body = "import random\nimport numpy\nreturn x * (3 + random.random() + numpy.random.rand() + torch.rand(()).item())"
    assert double(engine, body, 5).message == double(engine, body, 5).message


def test_what_is_printed_is_shown_and_bounded(engine: Engine):
    body = (
        "import sys\nprint('hello', len(x))\nprint('err', file=sys.stderr)\nsys.stdout.writelines(['a', 'b'])\nreturn x"
    )
    printed = first(double(engine, body)).stdout
    assert printed.startswith("hello ")
    assert "err\nab" in printed
    flood = first(double(engine, "for _ in range(1000):\n    print('x' * 1000)\nreturn x")).stdout
    assert 5_000 < len(flood) <= 8_100
    assert "characters more" in flood


def test_output_is_bounded_even_where_the_childs_own_bound_was_lifted(engine: Engine):
    lift = "import torch\nimport unravel.grading.child as child\nchild.MAX_OUTPUT = 10**6"
    loud = "def double(x):\n    print('y' * 100_000)\n    return x"
    printed = first(grade(engine, "double", imports=lift, double=loud)["double"]).stdout
    assert 5_000 < len(printed) <= 8_100
    assert printed.endswith("... and more")


def test_nothing_unprintable_comes_into_a_report(engine: Engine):
    evil = r"\x1b[2J\ud800\x00\u202e"
    result = double(engine, f"print('out{evil}')\nraise ValueError('why{evil}')")
    text = json.dumps([first(result).stdout, result.message], ensure_ascii=False)
    assert "out" in text
    assert "why" in text
    text.encode()
    assert not set(text) & set("\x1b\x00\u202e\ud800")


def test_plain_text_keeps_lines_and_tabs_and_nothing_that_moves_a_cursor():
    assert plain("a\tb\r\nc\rd\x08\x9b", 100) == "a\tb\nc\nd\ufffd\ufffd"
    assert plain("abc", 2) == "ab"


# Hidden checks. The first check of `double` is visible, the second hidden: it feeds an empty vector.


def test_a_hidden_check_shows_its_verdict_and_nothing_else(engine: Engine):
    body = "print('SEEN', len(x))\nif len(x) == 0:\n    raise ValueError(f'SEEN {x}')\nreturn 2 * x"
    hidden = double(engine, body).checks[1]
    assert hidden.hidden
    assert hidden.status is Status.ERROR
    assert (hidden.frames, hidden.stdout, hidden.duration) == ((), "", 0.0)
    assert "stays hidden" in hidden.message
    assert "SEEN" not in json.dumps(hidden.message)


def test_the_error_of_a_hidden_check_is_not_the_message_of_its_exercise(engine: Engine):
    result = double(engine, "if len(x) == 0:\n    raise ValueError('SEEN')\nreturn 2 * x")
    assert result.status is Status.ERROR
    assert "SEEN" not in str(result)


def test_hidden_inputs_do_not_come_out_in_a_later_check(engine: Engine):
    """The code keeps what it saw, and tells it when a visible check calls next."""
    spy = (
        "KEPT = []\n"
        "def double(x):\n    KEPT.append(len(x))\n    return 2 * x\n"
        "def mean_square(x):\n    raise ValueError(f'KEPT {KEPT}')"
    )
    events: list[dict[str, Any]] = []
    code = submission(double=spy, mean_square="")
    report = engine.check(Source.text(code, "basics.py"), ALL, seed=1, on_event=events.append)
    assert report.exercises[0].status is Status.PASSED
    assert "ValueError: KEPT []" in report.exercises[1].message


# Tracebacks.


def test_a_traceback_holds_the_learners_lines_only(engine: Engine):
    code = submission(double="def helper(x):\n    return torch.cat(x)\n\ndef double(x):\n    return helper(x)")
    frames = first(engine.check(Source.text(code, "basics.py"), ["double"], seed=1).exercises[0]).frames
    lines = code.split("\n")
    assert [(frame.file, frame.function, frame.text) for frame in frames] == [
        ("basics.py", "double", "return helper(x)"),
        ("basics.py", "helper", "return torch.cat(x)"),
    ]
    assert [lines[frame.line - 1].strip() for frame in frames] == [frame.text for frame in frames]


def test_a_deep_recursion_gives_a_short_traceback(engine: Engine):
    assert 0 < len(first(double(engine, "return double(x)")).frames) <= 12


# Reports.


def test_events_come_as_it_goes_and_agree_with_the_report(engine: Engine):
    events: list[dict[str, Any]] = []
    source = Source.text(submission(ANSWER="ANSWER = 41"), "basics.py")
    report = engine.check(source, ALL, seed=3, on_event=events.append)
    whole = json.loads(json.dumps(report.to_json()))
    exercises = [event["exercise"] for event in events if event["event"] == "exercise"]
    assert json.loads(json.dumps(exercises)) == whole["exercises"]
    checks = [event["check"]["name"] for event in events if event["event"] == "check"]
    assert checks == [check["name"] for exercise in whole["exercises"] for check in exercise["checks"]]


def test_a_report_survives_json(engine: Engine):
    report = engine.check(Source.text(submission(double="def double(x):\n    return x"), "basics.py"), ALL)
    assert Report.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_a_report_of_another_format_is_refused():
    with pytest.raises(ValueError, match="format 99"):
        Report.from_json({"format": 99})


def test_only_isolated_runs_are_official(engine: Engine, tiny_course: Course):
    source = Source.text(submission(), "basics.py")
    isolated = engine.check(source, ["double"])
    assert isolated.tier is not Tier.NONE
    assert isolated.official
    with Engine(tiny_course, isolation="none") as bare:
        report = bare.check(source, ["double"])
    assert report.tier is Tier.NONE
    assert not report.official
    assert "no official grade" in report.notes[0]
    assert report.exercises[0].status is Status.PASSED


def test_what_can_not_be_asked_for_is_refused(engine: Engine):
    source = Source.text(submission())
    with pytest.raises(UnravelError, match="no chapter, lesson or exercise called 'dubble'"):
        engine.check(source, ["dubble"])
    with pytest.raises(UnravelError, match="one lesson"):
        engine.check(source, ["double", "count_up"])
    with pytest.raises(UnravelError, match="one lesson"):
        engine.check(source, [])


def test_grading_leaves_the_callers_chance_alone(engine: Engine):
    random.seed(0)
    grade(engine, "double")
    assert random.random() == 0.8444218515250481
