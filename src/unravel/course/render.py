"""Blocks of a lesson as plain Markdown, for places that know no directives: notebooks, and pages on the web."""

from __future__ import annotations

from unravel.course.model import Callout, Exercise, Predict, Prose

_BOXES = {"note": "Note", "warning": "Warning", "tip": "Tip", "important": "Important", "seealso": "See also"}


def render(block: Prose | Predict | Callout) -> str:
    """A run of prose, a question with its folded answer, or a box, as plain Markdown."""
    if isinstance(block, Predict):
        return f"**Predict.** {block.question}\n\n{fold('Answer', block.answer)}"
    if isinstance(block, Callout):
        title = f"{_BOXES[block.kind]}: {block.title}" if block.title else _BOXES[block.kind]
        return quote(f"**{title}**\n\n{block.markdown}")
    return block.markdown


def render_exercise(exercise: Exercise) -> str:
    """The title, facts, statement and folded hints of an exercise."""
    facts = [
        f"`{exercise.id}`",
        f"difficulty {exercise.difficulty} of 5",
        f"about {exercise.minutes} minute{'s' if exercise.minutes > 1 else ''}",
        f"{exercise.points} point{'s' if exercise.points > 1 else ''}",
    ]
    if exercise.needs:
        facts.append(f"builds on {', '.join(f'`{name}`' for name in exercise.needs)}")
    alone = len(exercise.hints) == 1
    hints = [fold("Hint" if alone else f"Hint {n}", hint) for n, hint in enumerate(exercise.hints, 1)]
    return "\n\n".join([f"### Exercise: {exercise.title}", " · ".join(facts), exercise.statement, *hints])


def fold(title: str, markdown: str) -> str:
    """Markdown that opens at a click. The blank lines make what is inside Markdown, not HTML."""
    return f"<details>\n<summary>{title}</summary>\n\n{markdown}\n\n</details>"


def quote(markdown: str) -> str:
    """A block quotation."""
    return "\n".join(f"> {line}".rstrip() for line in markdown.split("\n"))
