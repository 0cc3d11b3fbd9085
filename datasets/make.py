"""Makes the files of each folder: README.md, expected.json, the tokenizer. `python datasets/make.py [NAME ...]`."""

from __future__ import annotations

import sys
from pathlib import Path

from unravel.interp.corpora import CORPORA, load_corpus
from unravel.interp.corpora.record import record, trained_record

HERE = Path(__file__).parent


def main(names: list[str]) -> None:
    """Writes the folders of these corpora, or of all."""
    for name in names or sorted(CORPORA):
        files = record(load_corpus(name)) | (trained_record() if name == "storybook" else {})
        for path, content in files.items():
            target = HERE / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, encoding="utf-8")
        print(f"{name}: {len(files)} files")


if __name__ == "__main__":
    main(sys.argv[1:])
