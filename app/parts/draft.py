"""What the learner is writing: opened from their file, kept through page changes and failed saves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from unravel.course.model import Exercise, Lesson
from unravel.errors import UnravelError
from unravel.workspace.drafts import drop_draft, keep_draft, kept_draft
from unravel.workspace.excerpt import Excerpt, changed_elsewhere, cut, open_excerpt, save_excerpt
from unravel.workspace.stubs import code_of
from unravel.workspace.workspace import Workspace


@dataclass
class Draft:
    """The text in the editor, and the excerpt of the file that it was opened from.

    `version` grows when other text is put into the editor; `mounted` is the text the editor started with. What is not
    saved is kept beside the workspace too (`kept`), so that a closed tab loses nothing: whoever opens the exercise next
    finds it `restored`.
    """

    workspace: Workspace
    lesson: Lesson
    exercise: Exercise
    excerpt: Excerpt
    text: str
    mounted: str
    version: int = 0
    kept: str | None = None
    restored: bool = False

    @property
    def editor(self) -> str:
        """The key of the editor that holds the text."""
        return f"editor-{self.exercise.id}-{self.version}"

    @property
    def dirty(self) -> bool:
        """Whether there is something to save."""
        return self.text.rstrip() != self.excerpt.text.rstrip()

    @property
    def conflict(self) -> bool:
        """Whether the file was changed elsewhere."""
        return changed_elsewhere(self.excerpt)

    def save(self) -> None:
        """Writes the text into the file; `UnravelError` when that fails, and the text is kept here."""
        if self.dirty:
            before = self.excerpt
            self.excerpt = save_excerpt(before, self.text)
            self._forget()
            for other in _drafts(before.path):
                if other.excerpt.sha256 == before.sha256:
                    other.follow()
        elif self.conflict:
            raise UnravelError("The file was changed elsewhere.", fix="Load it again.", path=self.excerpt.path)

    def take(self, text: str) -> None:
        """Takes over what is in the editor now, and keeps a copy of what is not saved."""
        self.text = text
        if not self.dirty:
            self._forget()
        elif text != self.kept:
            keep_draft(self.workspace, self.excerpt, text)
            self.kept = text

    def follow(self) -> None:
        """Takes the file as it is now. Where only the code around the exercise has changed, the editor stays."""
        fresh = self.reopened()
        if fresh.text == self.excerpt.text:
            self.excerpt = fresh
        elif not self.dirty:
            self.load(fresh)

    def reopened(self) -> Excerpt:
        """The exercise as it stands in the file now."""
        return open_excerpt(self.excerpt.path, self.lesson, self.exercise)

    def load(self, excerpt: Excerpt) -> None:
        """Puts the file's text into the editor."""
        self.excerpt = excerpt
        self.text = self.mounted = excerpt.text.rstrip("\n")
        self.version += 1
        self._forget()

    def keep(self, excerpt: Excerpt) -> None:
        """Keeps the text of the editor, to be saved over what the file holds now."""
        self.excerpt = excerpt
        self.restored = False

    def restore(self) -> None:
        """Puts text into the editor that was never saved, if there is some."""
        found = kept_draft(self.workspace, self.excerpt)
        if found is not None:
            self.text = self.kept = found.text
            self.restored = True

    def _forget(self) -> None:
        if self.kept is not None:
            drop_draft(self.workspace, self.excerpt)
        self.kept, self.restored = None, False


def open_draft(workspace: Workspace, lesson: Lesson, exercise: Exercise) -> Draft:
    """The draft of this session, or a new one. One without changes follows the file."""
    key = f"draft-{exercise.id}"
    draft: Draft | None = st.session_state.get(key)
    path = workspace.file(lesson)
    if draft is None or draft.excerpt.path != path:
        excerpt = open_excerpt(path, lesson, exercise)
        draft = st.session_state[key] = Draft(workspace, lesson, exercise, excerpt, excerpt.text.rstrip("\n"), "")
        draft.restore()
        return draft
    typed = st.session_state.get(draft.editor)
    if isinstance(typed, str) and typed != draft.text:
        # Before the file is looked at: what has just been typed must not give way to what it was changed to elsewhere.
        with suppress(UnravelError):  # the editor, which takes it again, tells of it
            draft.take(typed)
    if not draft.dirty and draft.conflict:
        draft.follow()
    return draft


def draft_of(exercise: Exercise) -> Draft | None:
    """What this session holds of the exercise, whether or not its file can be read."""
    draft: Draft | None = st.session_state.get(f"draft-{exercise.id}")
    return draft


def written() -> list[Draft]:
    """All that this session holds of the learner's own: what was opened and is no longer as it was delivered."""
    return [draft for draft in _every() if draft.text.rstrip() != _delivered(draft).rstrip()]


def _delivered(draft: Draft) -> str:
    try:
        return cut("", code_of(draft.lesson), draft.exercise.id)[1]
    except UnravelError:
        return ""  # the course can't be read: then all is kept


def _drafts(path: Path) -> Iterator[Draft]:
    """The drafts of this session that are parts of one file."""
    return (draft for draft in _every() if draft.excerpt.path == path)


def _every() -> Iterator[Draft]:
    for key in list(st.session_state):
        draft = st.session_state[key] if str(key).startswith("draft-") else None
        if isinstance(draft, Draft):
            yield draft
