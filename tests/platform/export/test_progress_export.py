"""What leaves of a learner's progress: JSON that follows its schema, and a page that runs and asks for nothing."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from unravel.cli import main
from unravel.course.load import load_course
from unravel.export.calendar import calendar_html, spoken, week_table
from unravel.export.progress import progress_json, progress_text
from unravel.export.report import report_html
from unravel.workspace.activity import activity
from unravel.workspace.history import Event
from unravel.workspace.overview import overview
from unravel.workspace.workspace import Workspace

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "src/unravel/export/progress.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
HOSTILE = '"><script>alert(1)</script><img src=https://example.org/x.png onerror=alert(1)>'
NOON = datetime(2030, 5, 15, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def course():
    return load_course(ROOT / "tests/platform/tiny_course")


@pytest.fixture
def workspace(tmp_path, course):
    return Workspace.create(tmp_path / "work", course, learner="ann")


@pytest.fixture
def worked(workspace):
    """Some work: two failures with one diagnosis, a pass, a hint, a solution seen."""
    for status, diagnosis in (("failed", "you `added`"), ("failed", "you `added`"), ("passed", "")):
        workspace.store.record_report(attempt("double", status, diagnosis))
    workspace.store.record_hint("Scale", 1)
    workspace.store.record_give_up("count_up")
    return workspace


def attempt(name, status, diagnosis=""):
    points = int(status == "passed")
    result = {"id": name, "status": status, "points": points, "max_points": 1, "duration": 0.1, "diagnosis": diagnosis}
    head = {"seed": 1, "tier": "full", "official": True, "sha256": "0" * 64}
    return {**head, "exercises": [result]}


def test_the_schema_is_a_schema_and_describes_each_field():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    text = json.dumps(SCHEMA)
    assert text.count('"additionalProperties": false') == text.count('"properties"')
    for name, field in _fields(SCHEMA):
        assert field.get("description"), name


def _fields(schema):
    for name, field in schema.get("properties", {}).items():
        yield name, field
        yield from _fields(field)
        yield from _fields(field.get("items", {}))


def test_the_json_says_what_was_done(worked, course):
    data = json.loads(progress_text(overview(worked, course, zone=UTC)))
    VALIDATOR.validate(data)
    assert data["totals"] | {"minutes_left": 0} == {
        "exercises": 5, "done": 1, "points": 1, "max_points": data["totals"]["max_points"],
        "attempts": 3, "hints": 1, "minutes_left": 0,
    }  # fmt: skip
    assert [event["kind"] for event in data["events"]] == ["attempt"] * 3 + ["hint", "give up"]
    lessons = {lesson["id"]: lesson for chapter in data["chapters"] for lesson in chapter["lessons"]}
    assert [lesson["state"] for lesson in lessons.values()] == ["in progress", "in progress"]
    first = lessons["basics"]["exercises"][0]
    assert (first["id"], first["status"], first["attempts"], first["points"]) == ("double", "passed", 3, 1)
    weak = {spot["exercise"]: spot for spot in data["weak_spots"]}
    assert set(weak) == {"double", "count_up"}
    assert (weak["double"]["mistake"], weak["double"]["repeats"]) == ("you `added`", 2)
    assert data["activity"]["streak"] == 1
    assert data["activity"]["days"][0]["passed"] == 1


def test_an_empty_workspace_is_valid_too(workspace, course):
    data = progress_json(overview(workspace, course))
    VALIDATOR.validate(data)
    assert (data["events"], data["weak_spots"], data["activity"]["days"]) == ([], [], [])
    assert "0 active days" in report_html(overview(workspace, course))


def test_a_changed_field_is_refused(worked, course):
    data = progress_json(overview(worked, course))
    for broken in ({**data, "format": 2}, {**data, "extra": 1}, {**data, "totals": {}}):
        with pytest.raises(jsonschema.ValidationError):
            VALIDATOR.validate(broken)


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.said = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.said.append(data)


def test_the_report_is_one_page_that_asks_for_nothing(worked, course):
    page = Page(report_html(overview(worked, course, zone=UTC), UTC))
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "svg"}
    asking = {"src", "href", "srcset", "style", "action", "background"}
    assert not any(
        asking & set(attributes) or any(name.startswith("on") for name in attributes) for _, attributes in page.tags
    )
    said = " ".join(page.said)
    assert "url(" not in said
    assert "@import" not in said
    policy = [attributes for tag, attributes in page.tags if attributes.get("http-equiv") == "Content-Security-Policy"]
    assert policy[0]["content"].startswith("default-src 'none'")
    for words in ("Progress of ann", "1 of 5", "Double a vector", "2 failed attempts", "saw the solution"):
        assert words in said


def test_hostile_text_is_shown_as_text(worked, course):
    store = worked.store
    for _ in range(3):
        store.record_report(attempt("mean_square", "failed", HOSTILE))
    found = replace(overview(worked, course, zone=UTC), learner=HOSTILE)
    text = report_html(found, UTC)
    clean = report_html(replace(found, learner="ann"), UTC)
    assert {tag for tag, _ in Page(text).tags} == {tag for tag, _ in Page(clean).tags}
    assert len(Page(text).tags) == len(Page(clean).tags)
    assert "<script" not in text
    assert "<img" not in text
    assert HOSTILE in "".join(Page(text).said)
    assert json.loads(progress_text(found))["learner"] == HOSTILE


def test_the_picture_has_a_square_for_each_day_up_to_today():
    moments = [NOON - timedelta(days=days) for days in (0, 0, 1, 9, 400)]
    active = activity([Event("attempt", "a", "passed", moment) for moment in moments], now=NOON, zone=UTC)
    squares = re.findall(r'<i class="u-(\d)( u-today)?" title="([^"]*)">', calendar_html(active, 3))
    assert len(squares) == 7 + 7 + 3  # a Wednesday: the rest of the week is still to come
    assert [number for number, square in enumerate(squares) if square[0] != "0"] == [7, 15, 16]
    assert squares[-1][1:] == (" u-today", "Wednesday 15 May: 0 exercises passed, 2 attempts")
    assert spoken(active, 3) == "Activity of the last 3 weeks: 3 active days, 0 exercises passed."
    assert spoken(active, 3) in calendar_html(active, 3)
    assert week_table(active, 3).count("<tr>") == 3


def test_shades_deepen_with_what_was_done():
    def shade(count):
        events = [Event("attempt", "a", "failed", NOON)] * count or [Event("hint", "a", "", NOON)]
        return int(re.findall(r'<i class="u-(\d) u-today', calendar_html(activity(events, now=NOON, zone=UTC)))[0])

    shades = [shade(count) for count in range(20)]
    assert shades == sorted(shades)
    assert (shades[0], shades[1], max(shades)) == (1, 1, 4)


@pytest.fixture
def run(worked, monkeypatch):
    monkeypatch.setenv("UNRAVEL_COURSE", str(ROOT / "tests/platform/tiny_course"))
    monkeypatch.chdir(worked.path)
    return lambda *words: CliRunner().invoke(main, ["progress", *words])


def test_the_command_tells_and_exports(run, tmp_path):
    said = run().output
    assert "1 of 5 exercises" in said
    assert "you `added` (2 times)" in said
    done = run("--json", str(tmp_path / "p.json"), "--html", str(tmp_path / "p.html"))
    assert done.exit_code == 0
    VALIDATOR.validate(json.loads((tmp_path / "p.json").read_text()))
    assert (tmp_path / "p.html").read_text().startswith("<!doctype html>")
    VALIDATOR.validate(json.loads(run("--json", "-").stdout))


def test_a_place_that_can_not_be_written_is_said(run, tmp_path):
    (tmp_path / "file").write_text("")
    done = run("--json", str(tmp_path / "file" / "p.json"))
    assert done.exit_code == 2
    assert "p.json" in done.stderr


def test_a_newcomer_is_told_where_to_begin(workspace, monkeypatch):
    monkeypatch.setenv("UNRAVEL_COURSE", str(ROOT / "tests/platform/tiny_course"))
    monkeypatch.chdir(workspace.path)
    assert "unravel next" in CliRunner().invoke(main, ["progress"]).output
