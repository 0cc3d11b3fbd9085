"""What `datasets/` holds is what the code makes, and `generate.py` writes whole files or none."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from unravel.errors import UnravelError
from unravel.interp.corpora import CORPORA, load_corpus
from unravel.interp.corpora.record import record, trained_record

ROOT = Path(__file__).parents[4] / "datasets"
REMEDY = "run: python datasets/make.py"


@pytest.mark.parametrize("name", sorted(CORPORA))
def test_files_are_fresh(name):
    for path, content in record(load_corpus(name)).items():
        assert (ROOT / name / path).read_text(encoding="utf-8") == content, f"{name}/{path} is stale; {REMEDY} {name}"


def test_the_trained_tokenizer_is_fresh():
    for path, content in trained_record().items():
        assert (ROOT / "storybook" / path).read_text(encoding="utf-8") == content, (
            f"{path} is stale; {REMEDY} storybook"
        )


def test_every_corpus_has_a_folder_and_no_folder_is_left_over():
    assert sorted(path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] not in "_.") == sorted(CORPORA)


def test_documents_do_not_depend_on_the_process():
    code = """
from unravel.interp.corpora import CORPORA, load_corpus
import hashlib
texts = [text for name in sorted(CORPORA) for text in load_corpus(name).documents("test", 40)]
print(hashlib.sha256(repr(texts).encode()).hexdigest())
"""
    seen = set()
    for number in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": number, "PYTHONPATH": ":".join(sys.path), "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        seen.add(done.stdout)
    assert len(seen) == 1


@pytest.fixture
def generate():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generate_writes_the_documents(generate, tmp_path):
    out = tmp_path / "names.txt"
    done = CliRunner().invoke(generate.main, ["names", "--documents", "450", "--split", "test", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert out.read_text().splitlines() == [*load_corpus("names").documents("test", 450)]
    assert [path.name for path in tmp_path.iterdir()] == ["names.txt"]


def test_generate_says_what_is_wrong(generate, tmp_path, monkeypatch):
    run = CliRunner().invoke
    for arguments, said in (
        (["names", "--split", "dev", "--out", str(tmp_path / "x")], "no split 'dev'"),
        (["names", "--out", str(tmp_path / "no" / "x")], "can't be written"),
        (["nouns", "--out", str(tmp_path / "x")], "Invalid value"),
    ):
        done = run(generate.main, arguments)
        assert done.exit_code != 0
        assert said in done.output
        assert "Traceback" not in done.output
    assert not [*tmp_path.iterdir()]


def test_a_missing_trained_tokenizer_is_one_paragraph(monkeypatch, tmp_path):
    (tmp_path / "chapters").mkdir()
    monkeypatch.setenv("UNRAVEL_COURSE", str(tmp_path))
    with pytest.raises(UnravelError, match=r"tokenizer of storybook can't be read.*make\.py storybook"):
        load_corpus("storybook", tokens="bpe")
