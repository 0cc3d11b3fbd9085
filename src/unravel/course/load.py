"""The course from its files, in milliseconds: nothing of it is run, and torch is not imported."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from unravel.course.chapter import ChapterFacts, read_chapter
from unravel.course.faults import Faults, near
from unravel.course.join import path_in, read_lesson
from unravel.course.layout import Files, chapter_folders, check_present, check_strays, files_of
from unravel.course.memory import Memory
from unravel.course.model import Chapter, Course, Exercise, Lesson
from unravel.course.page import read_page
from unravel.course.rules import fault
from unravel.errors import ContentError
from unravel.paths import content_root


def load_course(root: Path | None = None) -> Course:
    """The course at `root` (by default the one that `content_root` finds). Raises the first `ContentError`."""
    return _load(content_root() if root is None else root, Faults())


def load_sound(root: Path | None = None) -> tuple[Course, list[ContentError]]:
    """What can be read of a course, and its faults: for those who show the rest while an author mends one lesson."""
    faults = Faults(gather=True)
    return _load(content_root() if root is None else root, faults), faults.found


def load_problems(root: Path | None = None) -> list[ContentError]:
    """Every fault that can be told without mending another one first. Empty for a course that loads."""
    faults = Faults(gather=True)
    with faults.part():
        _load(content_root() if root is None else root, faults)
    return faults.found


def _load(root: Path, faults: Faults) -> Course:
    folders = chapter_folders(root)
    facts = {folder.name: read_chapter(folder, faults) for folder in folders}
    sound = [item for item in facts.values() if item is not None]
    if len(sound) == len(folders):
        check_strays(root, {item.id: item.lessons for item in sound}, faults)
    _check_prerequisites(sound, [folder.name for folder in folders], faults)
    memory = Memory(root)
    course = Course(root, tuple(_chapter(root, item, faults, memory) for item in sound))
    memory.save()
    _check_unique(course, faults)
    if not faults.found:
        _check_needs(course, faults)
    return course


def _chapter(root: Path, facts: ChapterFacts, faults: Faults, memory: Memory) -> Chapter:
    lessons: list[Lesson] = []
    for name in facts.lessons:
        files = files_of(root, facts.id, name)
        if check_present(files, facts, faults):
            lesson = memory.recall(facts.id, files) or _read(facts.id, files, faults, memory)
            lessons += [lesson] if lesson is not None else []
    return Chapter(
        id=facts.id,
        title=facts.title,
        summary=facts.summary,
        goals=facts.goals,
        prerequisites=facts.prerequisites,
        hours=facts.hours,
        lessons=tuple(lessons),
        path=facts.path,
    )


def _read(chapter: str, files: Files, faults: Faults, memory: Memory) -> Lesson | None:
    before = len(faults.found)
    lesson = read_lesson(chapter, files, faults)
    if lesson is not None and len(faults.found) == before:
        memory.keep(lesson, files)
    return lesson


def _check_prerequisites(chapters: list[ChapterFacts], order: list[str], faults: Faults) -> None:
    for chapter in chapters:
        earlier = order[: order.index(chapter.id)]
        for name in chapter.prerequisites:
            if name not in earlier:
                text = f"The prerequisite `{name}` is no earlier chapter."
                line = chapter.line_of("prerequisites")
                fix = near(name, earlier) or "Delete it: no chapter comes before."
                faults.add(fault(text, fix, chapter.path, line))


def _check_unique(course: Course, faults: Faults) -> None:
    """One name, one thing: chapters, lessons and exercises are all found by name."""
    seen: dict[str, str] = {chapter.id: f"the chapter {chapter.id}" for chapter in course.chapters}
    for lesson in course.lessons():
        if lesson.id in seen:
            fix = "Rename its four files and the entry in `chapter.toml`."
            faults.add(fault(f"`{lesson.id}` is also {seen[lesson.id]}.", fix, lesson.page, 1))
        seen[lesson.id] = f"the lesson {path_in(course.root, lesson.page)}"
    for lesson in course.lessons():
        for exercise in lesson.exercises:
            if exercise.id in seen:
                fix = "Rename one of them, in the page, the solution and the checks."
                faults.add(fault(f"`{exercise.id}` is also {seen[exercise.id]}.", fix, lesson.page, exercise.line))
            seen[exercise.id] = f"the exercise in {path_in(course.root, lesson.page)}:{exercise.line}"


def _check_needs(course: Course, faults: Faults) -> None:
    known = {exercise.id: exercise for exercise in course.exercises()}
    for exercise in known.values():
        for name in exercise.needs:
            if name not in known or name == exercise.id:
                text = f"`{exercise.id}` needs `{name}`, which is no other exercise."
                faults.add(_needs_fault(course, exercise, text, near(name, set(known) - {exercise.id})))
    if faults.found:
        return
    try:
        TopologicalSorter({name: exercise.needs for name, exercise in known.items()}).prepare()
    except CycleError as error:
        circle = error.args[1]
        text = f"`:needs:` goes in a circle: {' needs '.join(reversed(circle))}."
        faults.add(_needs_fault(course, known[circle[-1]], text, "Take one of these needs away."))


def _needs_fault(course: Course, exercise: Exercise, text: str, fix: str) -> ContentError:
    """Reads the page anew for the line of `:needs:`: only a course with a fault pays for it."""
    page = course.lesson(exercise.lesson).page
    told = next(item for item in read_page(page).exercises if item.id == exercise.id)
    return fault(text, fix, page, told.needs_line)
