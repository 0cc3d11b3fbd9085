"""The playground's page: a model, a prompt, six views, and what it says when something can't be shown."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest
from tests.platform.app.conftest import REPOSITORY
from tests.platform.app.test_app import words

from unravel.playground.subject import load_subject
from unravel.playground.views import VIEWS

Open = Callable[..., AppTest]
PROMPT = "ba da ki po ba da ki"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def playground(app: Open, course_folder: Path) -> Iterator[Open]:
    """Opens the playground of a course with two models, by an address."""
    for name in ("induction-2l", "modadd-1l"):
        kept = shutil.ignore_patterns("checkpoints")
        shutil.copytree(REPOSITORY / "models" / name, course_folder / "models" / name, ignore=kept)
    before = torch.get_num_threads()
    load_subject.cache_clear()

    def open_page(**address: str) -> AppTest:
        test = app()
        go(test, "playground")
        for name, value in address.items():
            test.query_params[name] = value
        return test.run()

    yield open_page
    load_subject.cache_clear()
    torch.set_num_threads(before)


def go(test: AppTest, path: str) -> AppTest:
    """Turns to a page by its address; `switch_page` knows only pages that are files."""
    pages = test._registered_pages.items()
    test._page_hash = next(name for name, info in pages if info.get("url_pathname") == path)
    return test


def figures(test: AppTest) -> int:
    return len(test.get("plotly_chart"))


def html(test: AppTest) -> str:
    return "\n".join(item.proto.body for item in test.get("html"))


def shown_code(test: AppTest) -> str:
    return next(str(item.value) for item in test.code if "load_model(" in str(item.value))


def test_it_opens_with_an_example_of_the_first_model(playground: Open) -> None:
    test = playground()
    said = words(test)
    assert test.selectbox(key="play-model").value == "induction-2l"
    assert "Induction: two heads" in said
    assert test.text_area(key="play-prompt").value
    assert "Probability" in html(test)
    assert "&lt;bos&gt;" in html(test)


@pytest.mark.parametrize("view", [view.id for view in VIEWS])
def test_each_view_shows_something_and_its_code(playground: Open, view: str) -> None:
    test = playground(model="induction-2l", view=view)
    said = words(test)
    assert next(one.reading for one in VIEWS if one.id == view) in said
    assert figures(test) >= (view != "next")
    compile(shown_code(test), "shown", "exec")
    assert 'role="alert"' not in html(test)


@pytest.mark.parametrize("view", [view.id for view in VIEWS])
def test_a_model_that_reads_no_text_has_all_views_too(playground: Open, view: str) -> None:
    test = playground(model="modadd-1l", prompt="12 7 =", view=view)
    words(test)
    assert "prepend_bos=False" in shown_code(test)


def test_an_address_brings_model_prompt_and_view(playground: Open) -> None:
    test = playground(model="modadd-1l", prompt="20 40 =", view="next")
    assert test.text_area(key="play-prompt").value == "20 40 ="
    assert '<code class="u-token">7</code>' in html(test).split("<tbody>")[1][:200]  # 20 + 40 is 7 modulo 53
    test.text_area(key="play-prompt").set_value("1 1 =").run()
    assert test.query_params["prompt"] in ("1 1 =", ["1 1 ="])


def test_an_address_of_a_model_that_isnt_here(playground: Open) -> None:
    test = playground(model="gpt-9", prompt=PROMPT)
    assert "no model &#x27;gpt-9&#x27;" in html(test)
    assert test.selectbox(key="play-model").value == "induction-2l"


def test_a_click_that_carries_the_old_address_undoes_nothing(playground: Open) -> None:
    """The browser learns the new address when the page is drawn; whoever is faster still sends the old one."""
    test = playground(model="induction-2l", prompt=HOSTILE)
    test.text_area(key="play-prompt").set_value(PROMPT).run()
    test.query_params.update({"model": "induction-2l", "prompt": HOSTILE, "view": "next"})
    test.segmented_control(key="play-view").set_value("attribution").run()
    assert test.text_area(key="play-prompt").value == PROMPT
    assert "All parts together" in html(test)
    test.query_params.update({"model": "induction-2l", "prompt": "ba ba", "view": "next"})
    test.run()
    assert test.text_area(key="play-prompt").value == "ba ba"


def test_another_model_brings_its_own_example(playground: Open) -> None:
    test = playground(prompt=PROMPT)
    test.selectbox(key="play-model").set_value("modadd-1l").run()
    words(test)
    assert test.text_area(key="play-prompt").value.endswith("=")
    test.selectbox(key="play-model").set_value("induction-2l").run()
    words(test)
    assert "=" not in test.text_area(key="play-prompt").value


def test_another_example_and_another_kind(playground: Open) -> None:
    test = playground()
    first = test.text_area(key="play-prompt").value
    test.button(key="play-another").click().run()
    second = test.text_area(key="play-prompt").value
    test.selectbox(key="play-kind").set_value("pairs").run()
    third = test.text_area(key="play-prompt").value
    assert len({first, second, third}) == 3
    words(test)


def test_hostile_text_is_named_and_never_html(playground: Open) -> None:
    test = playground(prompt=HOSTILE)
    words(test)
    assert "<img" not in html(test)
    assert "&lt;img" in html(test)
    assert "doesn&#x27;t know" in html(test)
    test.text_area(key="play-prompt").set_value(PROMPT).run()
    assert "Probability" in html(test)


def test_too_long_a_prompt_is_refused_with_its_length(playground: Open) -> None:
    test = playground(prompt="ba " * 40)
    assert "has 41 tokens" in html(test)


def test_heads_are_ablated_by_keyboard(playground: Open) -> None:
    test = playground(view="ablation")
    test.multiselect(key="play-heads").set_value(["L1H1"]).run()
    said = words(test)
    assert "heads = [(1, 1)]" in shown_code(test)
    scores = re.search(r"Score ([-+][\d.]+) before</span><span>([-+][\d.]+) after", said)
    assert scores is not None
    assert float(scores[2]) < 0.5 * float(scores[1])


def test_prompts_of_other_lengths_cant_be_patched(playground: Open) -> None:
    test = playground(prompt=PROMPT, view="patching")
    assert "Change a word" in words(test)
    box = next(item for item in test.text_area if item.label == "Corrupted prompt")
    box.set_value("ba da").run()
    assert "has 8 tokens, the corrupted one 3" in html(test)
    box = next(item for item in test.text_area if item.label == "Corrupted prompt")
    box.set_value("ba da te po ba da ki").run()
    assert 'role="alert"' not in html(test)
    assert figures(test) == 1


def test_a_course_without_models_says_so(app: Open, course_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(course_folder / "nothing"))
    test = app()
    go(test, "playground")
    test.run()
    assert "No model has been trained here" in words(test)


def test_what_one_did_is_there_after_another_page(playground: Open) -> None:
    test = playground(prompt=PROMPT, view="attention")
    test.query_params.clear()
    go(test, "your-progress").run()
    assert not test.text_area
    go(test, "playground").run()
    assert test.text_area(key="play-prompt").value == PROMPT
    assert figures(test) == 1
