"""What the learner is writing: opened from their file, kept through page changes and failed saves."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from unravel.course.model import Exercise, Lesson
from unravel.errors import UnravelError
from unravel.workspace.drafts import drop_draft, keep_draft, kept_draft
from unravel.workspace.excerpt import Excerpt, changed_elsewhere, open_excerpt, save_excerpt
from unravel.workspace.workspace import Workspace


@dataclass
class Draft:
    """The text in the editor, and the excerpt of the file that it was opened from.

    `version` grows when other text is put into the editor; `mounted` is the text the editor started with. What is not
    saved is kept beside the workspace too (`kept`), so that a closed tab loses nothing: whoever opens the exercise next
    finds it `restored`.
    """

    workspace: Workspace
    excerpt: Excerpt
    text: str
    mounted: str
    version: int = 0
    kept: str | None = None
    restored: bool = False

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
            self.excerpt = save_excerpt(self.excerpt, self.text)
            self._forget()
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
        draft = st.session_state[key] = Draft(workspace, excerpt, excerpt.text.rstrip("\n"), "")
        draft.restore()
    elif not draft.dirty and draft.conflict:
        draft.load(open_excerpt(path, lesson, exercise))
    return draft
