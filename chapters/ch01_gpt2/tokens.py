"""Tokens: byte-level byte-pair encoding, from a text to the whole numbers that a language model reads, and back."""

import argparse
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

Pair = tuple[bytes, bytes]
Word = tuple[bytes, ...]
"""A piece of text as the tokens that it consists of at the moment: `(b" ", b"t", b"he")` is " the"."""

SPACES = frozenset("\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {chr(c) for c in range(0x2000, 0x200B)}


def kind(character: str) -> str:
    """What GPT-2's rule takes one character for: "letter", "number", "space" or "other".

    Unicode sorts all its characters into categories: those of letters begin with L, those of numbers with N.
    """
    if character in SPACES:
        return "space"
    return {"L": "letter", "N": "number"}.get(unicodedata.category(character)[0], "other")


def as_word(piece: str) -> Word:
    """The bytes of a piece in UTF-8, each a token of its own: `as_word("né")` is `(b"n", b"\\xc3", b"\\xa9")`."""
    return tuple(bytes([byte]) for byte in piece.encode("utf-8"))


def make_vocabulary(merges: Sequence[Pair], special: Sequence[str] = ()) -> list[bytes]:
    """The token of each id: the 256 bytes, then what each merge makes, then the special tokens, as in GPT-2."""
    bytes_alone = [bytes([byte]) for byte in range(256)]
    return bytes_alone + [left + right for left, right in merges] + [name.encode("utf-8") for name in special]


def decode(ids: Sequence[int], vocabulary: Sequence[bytes]) -> str:
    """The text that the tokens `ids` stand for; `vocabulary[i]` holds the bytes of token `i`.

    Bytes that are no valid UTF-8 become the replacement character U+FFFD, by Python's rule `errors="replace"`.

    Example: `decode([2, 0, 1], [b"at", b"s", b" c"])` is `" cats"`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def pretokenize(text: str) -> list[str]:
    """Cuts a text into pieces by GPT-2's rule. Joined again they are the text: no character is lost or changed.

    At each place the first of these that fits takes as much as it can (`letter`, `number`, `other`, `space` are
    what `kind` calls them; "the space" is the plain one, U+0020):

    1. one of 's 't 're 've 'm 'll 'd, in lower case
    2. one or more letters, with the space before them if there is one
    3. one or more numbers, likewise
    4. one or more others, likewise
    5. a run of spaces of any kind without its last one, or all of it at the end of the text
    6. one space of any kind: what 5 has left over

    Example: `pretokenize("We're  12 cats!")` is `["We", "'re", " ", " 12", " cats", "!"]`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def count_pairs(words: dict[Word, int]) -> dict[Pair, int]:
    """How often each pair of neighbouring tokens occurs. `words` says how often each word occurs in the text.

    Pairs never reach from one word into another. Those that overlap all count: in `(b"a", b"a", b"a")` there are two.

    Example: `count_pairs({(b"a", b"b", b"c"): 2, (b"a", b"b"): 5})` is `{(b"a", b"b"): 7, (b"b", b"c"): 2}`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def merge_pair(word: Word, pair: Pair) -> Word:
    """The word with each occurrence of `pair` made one token. Of occurrences that overlap, the left one wins.

    Example: `merge_pair((b"a", b"a", b"a"), (b"a", b"a"))` is `(b"aa", b"a")`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def train_bpe(text: str, d_vocab: int) -> list[Pair]:
    """Learns the merges of a vocabulary of `d_vocab` tokens, of which 256 are the bytes; earliest merge first.

    Each merge joins the pair that is most frequent when its turn comes. Of several such pairs it is the smallest one,
    as Python compares tuples of bytes. Stops early when no pair is left; `d_vocab` up to 256 gives no merges.

    Example: `train_bpe("aab aab", 258)` is `[(b"a", b"a"), (b"aa", b"b")]`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def apply_merges(word: Word, merges: Sequence[Pair]) -> Word:
    """The word after the merges: again and again, of the pairs in it, the one learned earliest is merged.

    `merges` are as `train_bpe` gives them: both parts of a merge are single bytes or were made by earlier merges.

    Example: `apply_merges((b"a", b"b", b"c"), [(b"b", b"c"), (b"a", b"b")])` is `(b"a", b"bc")`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


def encode(text: str, merges: Sequence[Pair], special: Sequence[str] = (), allow_special: bool = False) -> list[int]:
    """The ids of a text: byte `b` has id `b`, merge number `r` id `256 + r`, and after them come the special tokens.

    With `allow_special` each special token that stands in the text becomes its own id, and what lies between two of
    them is cut into pieces by itself; where two could begin at the same place, the longer one is meant. Without
    it, the text is nothing but text: no special id comes out, whatever is written there.

    Example: `encode("hi<end>", [(b"h", b"i")], ["<end>"], True)` is `[256, 257]`.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# From here on all is given: `python tokens.py "a text"` cuts it with your functions and a real tokenizer's merges.


def byte_of_symbol() -> dict[str, int]:
    """GPT-2's files write each byte as one visible character, "Ġ" for the space. Which byte does a character mean?"""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(256 + i): byte for i, byte in enumerate(hidden)}


def read_merges(model: str) -> list[Pair]:
    """The merges of the tokenizer of a model: "storybook-bpe" is the course's own; else a name or a folder."""
    from unravel.interp.model.load import find_model
    from unravel.interp.places import content
    from unravel.interp.tokens import Tokenizer

    folder = content("datasets") / "storybook" / "bpe" if model == "storybook-bpe" else find_model(model)
    found = json.loads(Tokenizer.read(folder).engine.to_str())["model"].get("merges")
    if not found:
        raise SystemExit(
            f"The tokenizer of {model} has no merges, only whole words: try --model storybook-bpe or gpt2."
        )
    byte = byte_of_symbol()
    halves = [[bytes(byte[symbol] for symbol in half) for half in pair] for pair in found]
    return [(left, right) for left, right in halves]


def main() -> None:
    """Cuts the text on the command line, and shows each token's id and bytes."""
    from unravel.errors import UnravelError

    parser = argparse.ArgumentParser(description="Cut a text into tokens, with your own functions.")
    parser.add_argument("text")
    parser.add_argument("--model", default="storybook-bpe", help="storybook-bpe, gpt2, or a model's folder")
    options = parser.parse_args()
    try:
        merges = read_merges(options.model)
    except UnravelError as error:
        raise SystemExit(str(error)) from None
    vocabulary = make_vocabulary(merges)
    ids = encode(options.text, merges)
    for i in ids:
        print(f"{i:6} {vocabulary[i]}")
    print(f"{len(ids)} tokens for {len(options.text)} characters; decoded again: {decode(ids, vocabulary)!r}")


if __name__ == "__main__":
    main()
