"""Terminal and HTML: brief when right, telling when wrong, safe whatever a learner wrote."""

import unicodedata
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from click import unstyle
from hypothesis import given
from hypothesis import strategies as st

from unravel.grading.render import render_html, render_report
from unravel.grading.report import CheckResult, ExerciseResult, Frame, Report, Status, Tier


def check(status=Status.FAILED, **facts) -> CheckResult:
    told = {"message": "The sum is 2, but it should be 1."} if status is not Status.PASSED else {}
    known = {"name": "test_rows", "sentence": "Rows sum to one", "doc": "Each row is a distribution.", "hidden": False}
    return CheckResult(**{**known, "status": status, **told, **facts})


def exercise(status=Status.FAILED, *checks: CheckResult, **facts) -> ExerciseResult:
    earned = 3 if status is Status.PASSED else 0
    known = {"id": "softmax", "title": "Softmax by hand", "chapter": "ch00", "lesson": "probabilities"}
    return ExerciseResult(**{**known, "status": status, "points": earned, "max_points": 3, "checks": checks, **facts})


def report(*exercises: ExerciseResult, **facts) -> Report:
    known = {"seed": 1234, "tier": Tier.FULL, "official": True, "started": "", "duration": 0.1, "source": "a.py"}
    return Report(**{**known, "sha256": "", "exercises": exercises, **facts})


def text(*exercises: ExerciseResult, width=100, **facts) -> str:
    return render_report(report(*exercises, **facts), color=False, width=width)


FAILED = exercise(
    Status.FAILED,
    check(Status.PASSED, sentence="Shapes are kept"),
    check(frames=(Frame("probabilities.py", 12, "softmax", "    return x.exp()"),), stdout="here 1\nhere 2\n"),
    diagnosis="You normalised over the wrong axis.",
    message="The sum is 2, but it should be 1.",
    next="Mend it and check again.",
)


def test_a_passed_exercise_is_one_line():
    assert text(exercise(Status.PASSED, check(Status.PASSED), next="Go on.")) == "✓ softmax  3 points"


def test_a_failure_tells_all_once_and_in_order():
    assert text(FAILED) == (
        "✗ softmax  Softmax by hand  0/3 points\n"
        "  ✓ Shapes are kept\n"
        "  ✗ Rows sum to one\n"
        "    Each row is a distribution.\n"
        "      The sum is 2, but it should be 1.\n"
        "        probabilities.py:12  return x.exp()\n"
        "      Your code printed:\n"
        "        here 1\n"
        "        here 2\n"
        "\n"
        "  It looks like this: You normalised over the wrong axis.\n"
        "\n"
        "  → Mend it and check again.\n"
        "\n"
        "The same inputs again: unravel check softmax --seed 1234"
    )


def test_several_exercises_have_a_summary_and_stand_apart_where_they_are_long():
    passed = exercise(Status.PASSED, check(Status.PASSED), id="tokens")
    shown = text(passed, replace(passed, id="bag"), FAILED, passed)
    assert shown.startswith("✓ tokens  3 points\n✓ bag  3 points\n\n✗ softmax")
    assert "\n\n✓ tokens  3 points\n\n3 of 4 passed, 9/12 points.\n" in shown
    assert text(passed, passed).endswith("All 2 passed, 6 points.")


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.PASSED])
def test_every_status_is_told_in_both_forms(status):
    result = exercise(status, check(status), message="Why it is so.", next="Do this.")
    for shown in (text(result), render_html(report(result))):
        assert "softmax" in shown
        assert "Why it is so." in shown or "Do this." in shown
        assert "✓" not in shown


def test_the_same_failure_is_told_once():
    twice = exercise(Status.ERROR, check(Status.ERROR), check(Status.ERROR, sentence="Empty rows are fine"))
    assert text(twice).count("should be 1") == 1
    assert text(twice).count("The same as above.") == 1
    assert render_html(report(twice)).count("should be 1") == 1


def test_a_hidden_check_shows_sentence_and_verdict_only():
    secret = {"doc": "DOC", "frames": (), "message": "What this check feeds your code stays hidden."}
    result = exercise(Status.FAILED, check(hidden=True, **secret))
    for shown in (text(result), render_html(report(result))):
        assert "Rows sum to one" in shown
        assert "stays hidden" in shown
        assert "DOC" not in shown


def test_what_is_not_started_takes_a_line_and_what_waits_says_for_what():
    blocked = exercise(Status.BLOCKED, message="It builds on `tokens`, which must pass first.")
    idle = exercise(Status.NOT_STARTED, check(Status.NOT_STARTED), next="Write it.", id="bag")
    shown = text(blocked, idle)
    assert "· softmax  It builds on `tokens`, which must pass first.\n· bag  not started" in shown
    assert "Write it." not in shown
    assert "--seed" not in shown
    assert "Write it." in text(idle)


@pytest.mark.parametrize(
    ("tier", "words"), [(Tier.FULL, ""), (Tier.PARTIAL, "Isolation: partial"), (Tier.NONE, "no official grade")]
)
def test_the_tier_is_told_when_it_is_not_full(tier, words):
    result = exercise(Status.PASSED)
    lines = text(result, tier=tier).split("\n")
    assert lines[0] == "✓ softmax  3 points"
    assert words in lines[-1]
    assert ("Isolation" in text(result, tier=tier)) == (tier is not Tier.FULL)
    assert words in render_html(report(result, tier=tier))


def test_notes_are_told():
    assert "could not be recorded" in text(FAILED, notes=("This attempt could not be recorded: disk full.",))


def test_colour_is_only_colour():
    coloured = render_report(report(FAILED), color=True, width=100)
    assert "\x1b[" in coloured
    assert unstyle(coloured) == text(FAILED)


def test_long_lines_wrap_and_tables_stay():
    wordy = exercise(Status.FAILED, check(message="word " * 60 + "\n 1   2\n30  40"), message="")
    shown = text(wordy, width=50)
    assert all(len(line) <= 50 for line in shown.split("\n")[:-1])
    assert "       1   2\n      30  40" in shown


def test_only_the_end_of_a_long_output_is_shown():
    shown = text(exercise(Status.FAILED, check(stdout="\n".join(f"line {i}" for i in range(100)))))
    assert "80 lines above" in shown
    assert "line 79" not in shown
    assert "line 80" in shown


@given(evil=st.text(max_size=60))
def test_a_learner_s_text_can_not_drive_the_terminal(evil):
    shown = render_report(report(evil_exercise(evil)), color=False, width=80)
    assert not [char for char in shown if unicodedata.category(char) == "Cc" and char not in "\n\t"]
    shown.encode()


@given(
    evil=st.text(max_size=60) | st.sampled_from(["<script>alert(1)</script>", "\"'><img onerror=x>", "`<b>`", "&lt;"])
)
def test_a_learner_s_text_can_not_become_html(evil):
    class Tags(HTMLParser):
        def __init__(self):
            super().__init__()
            self.seen, self.attributes = set(), set()

        def handle_starttag(self, tag, attrs):
            self.seen.add(tag)
            self.attributes.update(name for name, _ in attrs)

    parser = Tags()
    parser.feed(render_html(report(evil_exercise(evil))))
    assert parser.seen <= {"div", "span", "b", "pre", "code", "br"}
    assert parser.attributes <= {"class", "style", "role", "aria-label"}


def evil_exercise(evil: str) -> ExerciseResult:
    told = check(sentence=evil, doc=evil, message=evil, stdout=evil, frames=(Frame(evil, 1, evil, evil),))
    return exercise(Status.FAILED, told, id=evil, title=evil, message=evil + "!", diagnosis=evil, next=evil)
