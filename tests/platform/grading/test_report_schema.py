"""The schema accepts every report that we write, and describes exactly the fields there are."""

import copy
import json
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest

from unravel.grading import report as module
from unravel.grading.report import CheckResult, ExerciseResult, Frame, Report, Status, Tier

SCHEMA = json.loads(Path(module.__file__).with_name("report.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def sample(status: Status) -> dict:
    frame = Frame("tensors.py", 3, "softmax", "return x")
    told = CheckResult("test_a", "A", "A holds.", False, status, "Why.", (frame,), "out", 0.1)
    hidden = CheckResult("test_b", "B", "B holds.", True, status)
    earned = 2 if status is Status.PASSED else 0
    result = ExerciseResult(
        "softmax", "Softmax", "ch00", "a", status, earned, 2, "Why.", "This.", "Next.", (told, hidden)
    )
    made = Report(7, Tier.FULL, True, "2026-01-01T00:00:00+00:00", 0.2, "a.py", "0" * 64, (result,), ("A note.",))
    return json.loads(json.dumps(made.to_json()))


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("status", list(Status))
def test_a_report_of_every_status_is_valid_and_comes_back(status):
    VALIDATOR.validate(sample(status))
    assert json.loads(json.dumps(Report.from_json(sample(status)).to_json())) == sample(status)


@pytest.mark.parametrize(
    ("kind", "place", "extra"),
    [
        (Report, SCHEMA, {"points", "max_points"}),
        (ExerciseResult, SCHEMA["$defs"]["exercise"], set()),
        (CheckResult, SCHEMA["$defs"]["check"], set()),
        (Frame, SCHEMA["$defs"]["frame"], set()),
    ],
)
def test_the_schema_describes_the_fields_there_are(kind, place, extra):
    names = {field.name for field in fields(kind)} | extra
    assert set(place["properties"]) == set(place["required"]) == names
    assert place["additionalProperties"] is False


def test_the_schema_knows_every_word():
    assert SCHEMA["$defs"]["status"]["enum"] == [status.value for status in Status]
    assert SCHEMA["properties"]["tier"]["enum"] == [tier.value for tier in Tier]
    assert SCHEMA["properties"]["format"]["const"] == module.FORMAT


@pytest.mark.parametrize(
    "break_it",
    [
        lambda data: data.pop("seed"),
        lambda data: data.update(tier="none"),
        lambda data: data.update(sha256="abc"),
        lambda data: data["exercises"][0].update(status="great"),
        lambda data: data["exercises"][0].update(points=2),
        lambda data: data["exercises"][0]["checks"][1].update(stdout="secret"),
        lambda data: data["exercises"][0]["checks"][0]["frames"][0].update(line=0),
        lambda data: data["exercises"][0].update(comment="hello"),
    ],
)
def test_what_no_grader_writes_is_refused(break_it):
    data = copy.deepcopy(sample(Status.FAILED))
    break_it(data)
    assert not VALIDATOR.is_valid(data)


def test_the_page_names_every_status_and_tier():
    page = (Path(__file__).parents[3] / "docs" / "report.md").read_text()
    for word in (*Status, *Tier):
        assert f"| `{word.value}` |" in page
