"""Every record is kept as it was, and progress follows from the records alone."""

import sqlite3
import threading
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unravel.errors import UnravelError
from unravel.workspace.database import Database
from unravel.workspace.store import Store

STATUSES = ("passed", "failed", "error", "timeout", "blocked", "not started")


def test_an_attempt_keeps_what_the_report_said(store, report, result):
    store.record_report(report(result("softmax"), result("tokens", "failed"), seed=2**40))
    first, second = store.attempts()
    assert (first.exercise, first.status, first.points, first.seed, first.official) == (
        "softmax",
        "passed",
        3,
        2**40,
        True,
    )
    assert (second.exercise, second.status, second.points, second.max_points) == ("tokens", "failed", 0, 3)
    assert [item["id"] for item in second.report["exercises"]] == ["tokens"]
    assert second.report["max_points"] == 3
    assert [attempt.exercise for attempt in store.attempts("tokens")] == ["tokens"]


def test_progress_knows_the_last_and_the_best(store, report, result):
    before = datetime.now(UTC)
    for status in ("failed", "passed", "error"):
        store.record_report(report(result("softmax", status)))
    stand = store.progress()["softmax"]
    assert (stand.status, stand.best_status, stand.attempts, stand.points) == ("error", "passed", 3, 3)
    assert stand.ever_passed
    assert not stand.passed
    assert before <= stand.first_passed_at < stand.last_at <= datetime.now(UTC)


def test_hints_and_give_ups_show_without_an_attempt(store):
    store.record_hint("softmax", 1)
    store.record_hint("softmax", 2)
    store.record_give_up("tokens")
    progress = store.progress()
    assert (progress["softmax"].hints, progress["softmax"].status, progress["softmax"].gave_up) == (
        2,
        None,
        False,
    )
    assert progress["tokens"].gave_up


def test_nobody_tried_is_recorded_only_where_it_is_news(store, report, result):
    idle = report(result("softmax", "not started"))
    assert store.record_report(idle) == []
    store.record_report(report(result("softmax")))
    assert len(store.record_report(idle)) == 1
    assert store.record_report(idle) == []
    stand = store.progress()["softmax"]
    assert (stand.status, stand.best_status, stand.attempts) == ("not started", "passed", 1)


def test_each_learner_sees_their_own(tmp_path, report, result):
    ann, ben = (Store(tmp_path / "shared.db", name) for name in ("ann", "ben"))
    ann.record_report(report(result("softmax")))
    ben.record_give_up("softmax")
    assert ann.progress()["softmax"].passed
    assert not ann.progress()["softmax"].gave_up
    assert ben.progress()["softmax"].status is None
    assert ben.attempts() == []


@pytest.mark.parametrize("table", ["attempts", "hints", "give_ups"])
@pytest.mark.parametrize(
    "change", ["UPDATE {} SET exercise = 'x'", "DELETE FROM {}", "REPLACE INTO {0} SELECT * FROM {0}"]
)
def test_records_can_not_be_changed(store, report, result, table, change):
    store.record_report(report(result("softmax")))
    store.record_hint("softmax", 1)
    store.record_give_up("softmax")
    with sqlite3.connect(store._database.path) as plain, pytest.raises(sqlite3.Error, match="append-only"):
        plain.execute(change.format(table))


def test_a_report_is_recorded_whole_or_not_at_all(store, report, result):
    broken = {**result("tokens"), "points": None}
    with pytest.raises(UnravelError):
        store.record_report(report(result("softmax"), broken))
    assert store.progress() == {}


def test_writers_wait_for_each_other(tmp_path, report, result):
    def work(name: str) -> None:
        mine = Store(tmp_path / "progress.db", "ann")
        for _ in range(20):
            mine.record_report(report(result(name)))
            mine.record_hint(name, 1)

    threads = [threading.Thread(target=work, args=(f"exercise{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    progress = Store(tmp_path / "progress.db", "ann").progress()
    assert [stand.attempts for stand in progress.values()] == [20] * 4


@given(statuses=st.lists(st.sampled_from(STATUSES), max_size=12))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_progress_is_what_a_plain_loop_says(tmp_path_factory, report, result, statuses):
    store = Store(tmp_path_factory.mktemp("db") / "progress.db", "ann")
    last, best, tries, points = None, None, 0, 0
    for status in statuses:
        store.record_report(report(result("softmax", status)))
        if status in ("blocked", "not started"):
            last = last and status
        else:
            last, tries = status, tries + 1
        points = max(points, 3 if status == "passed" else 0)
        best = "passed" if points else last
    stand = store.progress().get("softmax")
    assert (stand is None) == (last is None)
    if stand is not None:
        assert (stand.status, stand.best_status, stand.attempts, stand.points) == (last, best, tries, points)


def test_a_full_disk_loses_nothing(store, report, result):
    store.record_report(report(result("softmax")))
    store._database._connect = lambda: _cramped(store._database.path)
    fill = lambda: [store.record_hint("softmax" * 50, rung) for rung in range(10_000)]  # noqa: E731
    with pytest.raises(UnravelError, match=r"disk is full.*Free some space"):
        fill()
    fresh = Store(store._database.path, "ann")
    assert fresh.progress()["softmax"].passed
    fresh.record_hint("softmax", 1)


def test_on_a_full_disk_the_records_can_be_read(store, report, result, monkeypatch):
    """There SQLite can't make its files beside the database, and opens it for nobody."""
    store.record_report(report(result("softmax")))
    fresh = Store(store._database.path, "ann")
    connect = Database._connect

    def full(database, mode="rw"):
        if mode == "rw":
            raise sqlite3.OperationalError("disk I/O error")
        return connect(database, mode)

    monkeypatch.setattr(Database, "_connect", full)
    assert fresh.progress()["softmax"].passed
    with pytest.raises(UnravelError, match="disk is full"):
        fresh.record_hint("softmax", 1)
    fresh._database.path.with_name("progress.db-wal").write_bytes(b"records that are not in the database yet")
    with pytest.raises(UnravelError, match="disk is full"):
        fresh.progress()


def _cramped(path) -> sqlite3.Connection:
    """A connection to a file that may not grow: SQLite then reports a full disk."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA max_page_count=1")
    return connection


def test_a_damaged_file_is_named_with_the_way_out(tmp_path):
    path = tmp_path / "progress.db"
    path.write_text("My cat walked over the keyboard. " * 500)
    with pytest.raises(UnravelError, match=r"progress\.db: This file is damaged.*Move it away"):
        Store(path, "ann").progress()


def test_a_deleted_file_is_made_anew(store, report, result):
    store.record_report(report(result("softmax")))
    for path in store._database.path.parent.glob("progress.db*"):
        path.unlink()
    assert store.progress() == {}
    store.record_report(report(result("softmax")))
    assert store.progress()["softmax"].passed


def test_an_address_that_is_not_postgresql_is_refused():
    with pytest.raises(UnravelError, match="postgresql://user@host/name"):
        Database("mysql://localhost/unravel")
