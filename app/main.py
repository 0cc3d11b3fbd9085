"""The app: run by `unravel serve` in a workspace. Opens the desk, lists the pages, shows the one that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from parts.desk import Desk, open_desk, warm_up
from parts.editor import PLAIN
from parts.fault import faults_shown, mishaps_shown
from parts.find import follow_part, search_box
from parts.goto import arrived, head_for
from parts.navigation import navigation
from parts.scripts import run_script
from parts.text import plain
from streamlit.navigation.page import StreamlitPage
from views.glossary import glossary_page
from views.home import home
from views.lesson import lesson_page
from views.playground import playground
from views.progress import progress_page
from views.search import search_page
from views.trouble import broken_lesson, trouble

from unravel.errors import ContentError, UnravelError

HERE = Path(__file__).parent


def main() -> None:
    """Draws one page."""
    st.set_page_config("Unravel", page_icon=str(HERE / "icon.svg"), layout="centered")
    st.html(HERE / "style.css")
    run_script("page")
    try:
        desk = open_desk()
        menu, lessons = _menu(desk)
    except UnravelError as fault:
        _in_trouble(fault)
        return
    with st.sidebar:
        top = st.container(key="find")
    results = _page(partial(search_page, desk, lessons, menu[""][-1]), "Search", "search", "search")
    page = navigation(menu, [results])
    with faults_shown():
        _follow_link(desk, lessons, page)
    follow_part(page)
    with top:
        search_box(results, page)
    if page not in lessons.values():
        arrived()
    page.run()
    _foot(desk)
    warm_up(desk)


def _in_trouble(fault: UnravelError) -> None:
    """Says so under every address: when it is over, the page that was asked for is drawn."""
    here = urlsplit(st.context.url or "").path.rstrip("/").rpartition("/")[2]
    pages = [st.Page(partial(trouble, fault), title="Unravel", default=True)]
    if here:
        pages.append(st.Page(partial(trouble, fault), title="Unravel", url_path=here))
    st.navigation(pages, position="hidden").run()


def _menu(desk: Desk) -> tuple[dict[str, list[StreamlitPage]], dict[str, StreamlitPage]]:
    """The pages by section, and those of the lessons by name."""
    lessons: dict[str, StreamlitPage] = {}
    book: list[StreamlitPage] = []
    book.append(_page(partial(glossary_page, desk, lessons, book), "Glossary", "glossary", "dictionary"))
    menu = {
        "": [
            _page(partial(home, desk, lessons), "Home", "home", "map", default=True),
            _page(partial(progress_page, desk, lessons), "Progress", "your-progress", "bar_chart"),
            _page(partial(playground, lessons), "Playground", "playground", "science"),
            *book,
        ]
    }
    # Pages for teachers have their place here: a section of its own, `menu["Teaching"]`, for who has a cohort.
    progress = desk.progress()
    for lesson in reversed(list(desk.course.lessons())):
        following = next(reversed(lessons.values()), None)
        done = all(item.id in progress and progress[item.id].passed for item in lesson.exercises)
        draw = partial(lesson_page, desk, lesson, following)
        lessons[lesson.id] = _page(draw, lesson.title, lesson.id, "check_circle" if done else "article")
    for chapter in desk.course.chapters:
        if chapter.lessons:
            menu[chapter.title] = [lessons[lesson.id] for lesson in chapter.lessons]
    broken = _broken(desk, set(lessons))
    if broken:
        menu["Can't be read"] = [
            _page(partial(broken_lesson, faults), name, name, "warning") for name, faults in broken.items()
        ]
    return menu, lessons


def _page(draw: Callable[[], None], title: str, path: str, icon: str, *, default: bool = False) -> StreamlitPage:
    def guarded() -> None:
        with mishaps_shown():
            draw()

    return st.Page(guarded, title=title, url_path=path, icon=f":material/{icon}:", default=default)


def _broken(desk: Desk, shown: set[str]) -> dict[str, list[ContentError]]:
    """The faults of the lessons that could not be read, by the name of the lesson."""
    found: dict[str, list[ContentError]] = {}
    for fault in desk.faults:
        name = fault.path.stem.removeprefix("test_") if fault.path is not None else ""
        if name.isidentifier() and name not in shown and name != "chapter":
            found.setdefault(name, []).append(fault)
    return found


def _follow_link(desk: Desk, lessons: dict[str, StreamlitPage], page: StreamlitPage) -> None:
    """Goes where the address asks: `?lesson=tensors`, or `?exercise=causal_mask`, wherever that stands."""
    exercise, lesson = st.query_params.get("exercise"), st.query_params.get("lesson")
    if exercise is not None:
        found = desk.course.exercise(exercise)
        head_for(found.id)
        # Taken out of the address, which from now on names the exercise after its `#`.
        del st.query_params["exercise"]
        lesson = found.lesson
    elif lesson is not None:
        lesson = desk.course.lesson(lesson).id
    if lesson is not None and page is not lessons[lesson]:
        st.switch_page(lessons[lesson])


def _foot(desk: Desk) -> None:
    with st.sidebar, st.container(key="foot"):
        st.toggle("Plain editor", key=PLAIN, help="A plain text box, which the Tab key leaves.")
        settings = desk.workspace.settings
        st.html(f'<p class="u-foot">{plain(settings.learner)}<br>{plain(str(desk.workspace.path))}</p>')


main()
