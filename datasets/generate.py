"""Writes a corpus to disk, one document on each line, with a progress bar. The files here need not be made first."""

from __future__ import annotations

import os
from pathlib import Path

import click

from unravel.errors import UnravelError
from unravel.interp.corpora import CORPORA, load_corpus

STEP = 200


@click.command()
@click.argument("name", type=click.Choice(sorted(CORPORA)))
@click.option("--split", default="train", show_default=True, help="train or test")
@click.option("--documents", default=10_000, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=0, show_default=True, help="Which part of the endless stream.")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path))
def main(name: str, split: str, documents: int, seed: int, out: Path) -> None:
    """Writes the first documents of the corpus NAME to a file."""
    try:
        write(name, split, documents, seed, out)
    except UnravelError as fault:
        raise click.ClickException(str(fault)) from fault
    except OSError as fault:
        raise click.ClickException(f"{out} can't be written: {fault.strerror}. Give another --out.") from fault


def write(name: str, split: str, documents: int, seed: int, out: Path) -> None:
    """A whole file or none: it takes its name when it is complete."""
    texts = load_corpus(name).documents(split, documents, seed)
    part = out.with_name(out.name + ".part")
    try:
        with part.open("w", encoding="utf-8") as file, click.progressbar(length=documents, label=name) as bar:
            for number, text in enumerate(texts, 1):
                file.write(text + "\n")
                if number % STEP == 0 or number == documents:
                    bar.update(number - bar.pos)
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
