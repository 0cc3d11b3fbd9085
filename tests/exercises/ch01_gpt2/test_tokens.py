"""Checks of the lesson `tokens`: oracles are cases worked by hand, loop specs, and the `tokenizers` library."""

import unicodedata
from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise

from unravel.grading import Alternative, Draw, Mistake, assert_equal, checks

MISTAKES = [
    # decode
    Mistake(
        "decode",
        why="You decoded each token by itself. A character's bytes may lie in several tokens: join all bytes first.",
        wrong='return "".join(vocabulary[i].decode("utf-8", errors="replace") for i in ids)',
    ),
    Mistake(
        "decode",
        why="You dropped the bytes that are no valid UTF-8. They become U+FFFD, so that a reader sees that something "
        "was there: errors='replace'.",
        right='errors="replace"',
        wrong='errors="ignore"',
    ),
    Mistake(
        "decode",
        why="You read each byte as one character (Latin-1). In UTF-8 a character has one to four bytes.",
        right='"utf-8", errors="replace"',
        wrong='"latin-1"',
    ),
    Mistake(
        "decode",
        why="You put spaces between the tokens. A token carries its own space: join them with nothing between.",
        right='b"".join',
        wrong='b" ".join',
    ),
    Mistake(
        "decode",
        why="You stripped the text. A space at its beginning belongs to the first token.",
        right='errors="replace")',
        wrong='errors="replace").strip()',
    ),
    Mistake(
        "decode",
        why="You wrote broken bytes as \\x.. escapes; they become the replacement character U+FFFD.",
        right='errors="replace"',
        wrong='errors="backslashreplace"',
    ),
    # pretokenize
    Mistake(
        "pretokenize",
        why="You split at spaces and threw them away. Joined again, the pieces must be the text.",
        wrong="return text.split()",
    ),
    Mistake(
        "pretokenize",
        why="You put the space behind the word. It stands in front: ' cats', not 'cats '.",
        right=r" ?[a-z]+| ?0+| ?[!']+",
        wrong=r"[a-z]+ ?|0+ ?|[!']+ ?",
    ),
    Mistake(
        "pretokenize",
        why="You let the space stand alone. One plain space before a word, a number or other characters joins them.",
        right=r" ?[a-z]+| ?0+| ?[!']+",
        wrong=r"[a-z]+|0+|[!']+",
    ),
    Mistake(
        "pretokenize",
        why="You keep letters and numbers together. They never share a piece: 'GPT2' is 'GPT' and '2'.",
        right="[a-z]+| ?0+",
        wrong="[a-z0]+",
    ),
    Mistake(
        "pretokenize",
        why="You took a run of spaces whole. Its last one is left over for what follows: 'a  b' is 'a', ' ', ' b'.",
        right=r"|\s+(?!\S)|\s+",
        wrong=r"|\s+",
    ),
    Mistake(
        "pretokenize",
        why="You have no contractions: 's 't 're 've 'm 'll 'd are pieces of their own, before all else is tried.",
        right=r"'(?:s|t|re|ve|m|ll|d)| ?",
        wrong=" ?",
    ),
    Mistake(
        "pretokenize",
        why="You took contractions in capitals too. GPT-2's rule knows them in lower case only: 'IT'S' is 'IT', \"'\", "
        "'S'.",
        right='c if c in plain else shadow.get(kind(c), "x")',
        wrong='c.lower() if c.lower() in plain else shadow.get(kind(c), "x")',
    ),
    Mistake(
        "pretokenize",
        why="You take a contraction only where a letter stands before it. The rule doesn't look back: \"'tis\" is "
        "\"'t\", 'is'.",
        right="'(?:s|t",
        wrong="(?<=[a-z])'(?:s|t",
    ),
    Mistake(
        "pretokenize",
        why="You take a contraction only where the word ends behind it. The rule doesn't look: \"O'deary\" is 'O', "
        "\"'d\", 'eary'.",
        right="ll|d)",
        wrong="ll|d)(?![a-z])",
    ),
    Mistake(
        "pretokenize",
        why="You know the letters of English only. é, λ and 日 are letters as well: ask `kind`.",
        right='shadow.get(kind(c), "x")',
        wrong='shadow.get(kind(c) if c.isascii() or kind(c) != "letter" else "other", "x")',
    ),
    Mistake(
        "pretokenize",
        why="You took Python's \\w without \\d for the letters. ½ and ² pass it, and are numbers. Ask `kind`.",
        right='shadow.get(kind(c), "x")',
        wrong='shadow.get("letter" if re.match(r"[^\\W\\d_]", c) else kind(c), "x")',
    ),
    Mistake(
        "pretokenize",
        why="You took `str.isnumeric` for the numbers. It holds for 一 (one) too, which is a letter. Ask `kind`.",
        right='shadow.get(kind(c), "x")',
        wrong='shadow.get("number" if c.isnumeric() else kind(c), "x")',
    ),
    Mistake(
        "pretokenize",
        why="You took `str.isdigit` for the numbers. ½ and Ⅷ are no digits, and numbers all the same. Ask `kind`.",
        right='shadow.get(kind(c), "x")',
        wrong='shadow.get("number" if c.isdigit() else "other" if kind(c) == "number" else kind(c), "x")',
    ),
    Mistake(
        "pretokenize",
        why="You counted the underscore among the letters. To this rule it is like any other sign.",
        right='shadow.get(kind(c), "x")',
        wrong='shadow.get(kind(c) if c != "_" else "letter", "x")',
    ),
    Mistake(
        "pretokenize",
        why="You counted combining marks among the letters. Their category begins with M: they are 'other'.",
        right='shadow.get(kind(c), "x")',
        wrong='shadow.get("letter" if unicodedata.category(c)[0] == "M" else kind(c), "x")',
    ),
    Mistake(
        "pretokenize",
        why="You let any kind of space join the word behind it. Only the plain one does: a newline, a tab and the "
        "no-break space stand alone.",
        right="c if c in plain else",
        wrong='" " if kind(c) == "space" else c if c in plain else',
    ),
    Mistake(
        "pretokenize",
        why="You replaced the spaces by another sign. The pieces are parts of the text as it is.",
        right="return [text[match.start() : match.end()]",
        wrong='return [text[match.start() : match.end()].replace(" ", "\\u0120")',
    ),
    # count_pairs
    Mistake(
        "count_pairs",
        why="You counted each word once, however often it occurs: add `times`, not 1.",
        right="+= times",
        wrong="+= 1",
    ),
    Mistake(
        "count_pairs",
        why="You counted a pair once for each word. It may occur in one word several times.",
        right="in pairwise(word)",
        wrong="in set(pairwise(word))",
    ),
    Mistake(
        "count_pairs",
        why="You stepped over pairs that overlap. All count: each token but the last begins a pair.",
        right="pairwise(word)",
        wrong="zip(word[::2], word[1::2])",
    ),
    Mistake(
        "count_pairs",
        why="You set the count in place of adding to it, so that only the last word with this pair is counted.",
        right="+= times",
        wrong="= times",
    ),
    Mistake(
        "count_pairs",
        why="You counted pairs of any two tokens of a word. Only neighbours can be merged.",
        right="pairwise(word)",
        wrong="[(a, b) for i, a in enumerate(word) for b in word[i + 1 :]]",
    ),
    Mistake(
        "count_pairs",
        why="You counted a pair and its mirror image as one. (a, b) and (b, a) make different tokens.",
        right="counts[pair] += times",
        wrong="counts[(min(pair), max(pair))] += times",
    ),
    Mistake(
        "count_pairs",
        why="You made pairs across two words as well. Merges never cross the border of a piece.",
        wrong="run = [token for word, times in words.items() for _ in range(times) for token in word]\n"
        "return dict(Counter(pairwise(run)))",
    ),
    # merge_pair
    Mistake(
        "merge_pair",
        why="You merged the first occurrence only. All of them become one token.",
        right="word[place : place + 2] == pair",
        wrong="word[place : place + 2] == pair and pair[0] + pair[1] not in out",
    ),
    Mistake(
        "merge_pair",
        why="After a merge you went on one place, not two: the right half was used a second time.",
        right="place += 2  # both are used up, so the next pair begins behind them",
        wrong="place += 1",
    ),
    Mistake(
        "merge_pair",
        why="Of occurrences that overlap you took the right one first. Go from left to right.",
        wrong="out, place = [], len(word)\n"
        "while place > 0:\n"
        "    size = 2 if word[max(place - 2, 0) : place] == pair else 1\n"
        '    out.insert(0, b"".join(word[place - size : place]))\n'
        "    place -= size\n"
        "return tuple(out)",
    ),
    Mistake(
        "merge_pair",
        why="You merged again what the merge had made. One call makes `pair` one token, once from left to right.",
        right="out.append(pair[0] + pair[1])",
        wrong="made = pair[0] + pair[1]\n"
        "        out[-1:] = [out[-1] + made] if out and out[-1] == made else [*out[-1:], made]",
    ),
    Mistake(
        "merge_pair",
        why="You compared joined bytes. (a, bc) and (ab, c) spell the same, and are different pairs.",
        right="word[place : place + 2] == pair",
        wrong='len(word) - place > 1 and b"".join(word[place : place + 2]) == pair[0] + pair[1]',
    ),
    Mistake(
        "merge_pair",
        why="You lost the last token of the word: it begins no pair, and still it stays.",
        right="while place < len(word):",
        wrong="while place < len(word) - 1:",
    ),
    # train_bpe
    Mistake(
        "train_bpe",
        why="You learned `d_vocab` merges. The 256 bytes are tokens already: it is d_vocab - 256.",
        right="d_vocab - 256",
        wrong="d_vocab",
    ),
    Mistake(
        "train_bpe",
        why="Your first merges are right, but there is one too few. From the 256 bytes to `d_vocab` tokens it takes "
        "d_vocab - 256 merges.",
        right="d_vocab - 256",
        wrong="d_vocab - 257",
    ),
    Mistake(
        "train_bpe",
        why="You counted each different piece once. A word that occurs a hundred times counts a hundred times.",
        right="for piece, times in Counter(pretokenize(text)).items()",
        wrong="for piece, times in dict.fromkeys(pretokenize(text), 1).items()",
    ),
    Mistake(
        "train_bpe",
        why="You didn't cut the text into pieces first, so tokens grew across words.",
        right="Counter(pretokenize(text))",
        wrong="Counter([text] if len(text) < 50_000 else pretokenize(text))",  # a megabyte uncut would take for ever
    ),
    Mistake(
        "train_bpe",
        why="Of pairs that are equally frequent you took the one that was counted first. The smallest is meant, so "
        "that the result doesn't hang on the order of the text.",
        right="(-counts[pair], pair)",
        wrong="-counts[pair]",
    ),
    Mistake(
        "train_bpe",
        why="Of pairs that are equally frequent you took the largest, as `max` over (count, pair) does. The "
        "smallest is meant.",
        right="min(counts, key=lambda pair: (-counts[pair], pair))",
        wrong="max(counts, key=lambda pair: (counts[pair], pair))",
    ),
    Mistake(
        "train_bpe",
        why="You counted once, and took the most frequent pairs of bytes in order. After each merge the counts change.",
        wrong="counts = count_pairs({as_word(piece): n for piece, n in Counter(pretokenize(text)).items()})\n"
        "return sorted(counts, key=lambda pair: (-counts[pair], pair))[: max(d_vocab - 256, 0)]",
    ),
    Mistake(
        "train_bpe",
        why="You took the rarest pair. The most frequent one is merged.",
        right="(-counts[pair], pair)",
        wrong="(counts[pair], pair)",
    ),
    Mistake(
        "train_bpe",
        why="You stopped when the best pair occurred only once. Go on until no pair is left.",
        right="if not counts:",
        wrong="if not counts or max(counts.values()) < 2:",
    ),
    Mistake(
        "train_bpe",
        why="You began with characters. A character outside ASCII begins as several tokens, its bytes: `as_word`.",
        right="{as_word(piece): times",
        wrong="{tuple(c.encode() for c in piece): times",
    ),
    # apply_merges
    Mistake(
        "apply_merges",
        why="You merged the first pair from the left that is known. It is the one learned earliest that goes first, "
        "wherever it stands.",
        right="min(known, key=ranks.__getitem__)",
        wrong="known[0]",
    ),
    Mistake(
        "apply_merges",
        why="You merged the pair learned last. The earliest goes first, as in training.",
        right="min(known, key=ranks.__getitem__)",
        wrong="max(known, key=ranks.__getitem__)",
    ),
    Mistake(
        "apply_merges",
        why="You took the longest known token from the left each time. That is another algorithm (WordPiece's), and it "
        "cuts otherwise: BPE replays its merges.",
        wrong='text, out = b"".join(word), []\n'
        "known = {bytes([b]) for b in range(256)} | {a + b for a, b in merges}\n"
        "while text:\n"
        "    size = next(n for n in range(len(text), 0, -1) if text[:n] in known)\n"
        "    out.append(text[:size])\n"
        "    text = text[size:]\n"
        "return tuple(out)",
    ),
    Mistake(
        "apply_merges",
        why="You merged once and stopped. Go on until no pair of the word is among the merges.",
        right="while known := [pair for pair in pairwise(word) if pair in ranks]:",
        wrong="if known := [pair for pair in pairwise(word) if pair in ranks]:",
    ),
    Mistake(
        "apply_merges",
        why="You merged the pair that makes the longest token. Rank decides: the earliest merge goes first.",
        right="min(known, key=ranks.__getitem__)",
        wrong="max(known, key=lambda pair: (len(pair[0] + pair[1]), -ranks[pair]))",
    ),
    Mistake(
        "apply_merges",
        why="You merged the pair that is most frequent in this word. Counting is for training: here ranks decide.",
        right="min(known, key=ranks.__getitem__)",
        wrong="min(known, key=lambda pair: (-known.count(pair), ranks[pair]))",
    ),
    # encode
    Mistake(
        "encode",
        why="You made special ids out of plain text. Without `allow_special`, '<end>' is five characters and no more.",
        right="if allow_special else {}",
        wrong="",
    ),
    Mistake(
        "encode",
        why="You looked plain text up in a table that holds the special tokens too. Where a word spells one of them, "
        "it got the special id: keep the two tables apart.",
        right="enumerate(make_vocabulary(merges))",
        wrong="enumerate(make_vocabulary(merges, special))",
    ),
    Mistake(
        "encode",
        why="You ignored the special tokens though they were allowed.",
        right="if allow_special else {}",
        wrong="if False else {}",
    ),
    Mistake(
        "encode",
        why="Where two special tokens could begin at the same place, you took the one that is listed first. The longer "
        "one is meant.",
        right="sorted(special_ids, key=len, reverse=True)",
        wrong="list(special_ids)",
    ),
    Mistake(
        "encode",
        why="You gave the special tokens to `re` as patterns. In '<|end|>' the bars mean 'or' there: re.escape.",
        right="map(re.escape, longest_first)",
        wrong="longest_first",
    ),
    Mistake(
        "encode",
        why="You left out the special tokens from the result. They have ids behind the merges.",
        right="out.append(special_ids[part])",
        wrong="pass",
    ),
    Mistake(
        "encode",
        why="You didn't cut the text into pieces: merges reached across words.",
        right="for piece in pretokenize(part)",
        wrong="for piece in [part]",
    ),
    Mistake(
        "encode",
        why="You removed the spaces around special tokens. No character of a text may be lost.",
        right="pretokenize(part)",
        wrong="pretokenize(part.strip() if special_ids else part)",
    ),
    Mistake(
        "encode",
        why="You numbered the special tokens from 256 on. The merges come first: 256 + len(merges) + place.",
        right="256 + len(merges) + i for",
        wrong="256 + i for",
    ),
    Mistake(
        "encode",
        why="You split at special tokens though none were given. The pattern was empty then, and fits between any two "
        "characters: each stood alone, and nothing could be merged.",
        right="if special_ids:",
        wrong="if allow_special:",
    ),
    Mistake(
        "encode",
        why="You returned the bytes' ids without any merge.",
        right="apply_merges(as_word(piece), merges)",
        wrong="as_word(piece)",
    ),
]
ALTERNATIVES = [
    Alternative(
        "decode",
        how="bytes gathered in a loop",
        code="data = bytearray()\nfor i in ids:\n    data.extend(vocabulary[i])\n"
        'return str(bytes(data), "utf-8", "replace")',
    ),
    Alternative(
        "pretokenize",
        how="a scanner by hand, with `kind`",
        code='contractions = ("\'s", "\'t", "\'re", "\'ve", "\'m", "\'ll", "\'d")\n'
        "pieces, at = [], 0\n"
        "while at < len(text):\n"
        "    found = next((c for c in contractions if text.startswith(c, at)), None)\n"
        "    if found is not None:\n"
        "        end = at + len(found)\n"
        "    else:\n"
        '        begin = at + 1 if text[at] == " " and at + 1 < len(text) and kind(text[at + 1]) != "space" else at\n'
        "        end = begin + 1\n"
        "        while end < len(text) and kind(text[end]) == kind(text[begin]):\n"
        "            end += 1\n"
        '        if kind(text[begin]) == "space" and end < len(text) and end - begin > 1:\n'
        "            end -= 1\n"
        "    pieces.append(text[at:end])\n"
        "    at = end\n"
        "return pieces",
    ),
    Alternative(
        "pretokenize",
        how="character classes made from the text itself",
        code='of = {"letter": [], "number": [], "space": []}\n'
        "for c in sorted(set(text)):\n"
        "    if kind(c) in of:\n"
        "        of[kind(c)].append(re.escape(c))\n"
        'letters, numbers, spaces = ("".join(of[k]) or re.escape("\\ue000") for k in ("letter", "number", "space"))\n'
        "everything = letters + numbers + spaces\n"
        "rule = \"'s|'t|'re|'ve|'m|'ll|'d\"\n"
        'rule += f"| ?[{letters}]+| ?[{numbers}]+| ?[^{everything}]+|[{spaces}]+(?![^{spaces}])|[{spaces}]+"\n'
        "return re.findall(rule, text)",
    ),
    Alternative(
        "count_pairs",
        how="a plain dict and indices",
        code="counts = {}\nfor word, times in words.items():\n    for i in range(len(word) - 1):\n"
        "        pair = (word[i], word[i + 1])\n        counts[pair] = counts.get(pair, 0) + times\nreturn counts",
    ),
    Alternative(
        "count_pairs",
        how="a Counter is a dict",
        code="counts = Counter()\nfor word, times in words.items():\n"
        "    counts.update({p: n * times for p, n in Counter(zip(word, word[1:])).items()})\nreturn counts",
    ),
    Alternative(
        "merge_pair",
        how="an iterator that is sometimes advanced by two",
        code="out, rest = [], iter(range(len(word)))\nfor i in rest:\n    if word[i : i + 2] == pair:\n"
        "        out.append(word[i] + word[i + 1])\n        next(rest)\n    else:\n        out.append(word[i])\n"
        "return tuple(out)",
    ),
    Alternative(
        "merge_pair",
        how="by recursion on the rest",
        code="if len(word) < 2:\n    return word\nif word[:2] == pair:\n"
        "    return (word[0] + word[1], *merge_pair(word[2:], pair))\nreturn (word[0], *merge_pair(word[1:], pair))",
    ),
    Alternative(
        "train_bpe",
        how="sorting the pairs, words as a list",
        code="table = Counter(pretokenize(text))\nwords = [(as_word(p), n) for p, n in table.items()]\nmerges = []\n"
        "for _ in range(max(0, d_vocab - 256)):\n    counts = Counter()\n    for word, n in words:\n"
        "        for pair in zip(word, word[1:]):\n            counts[pair] += n\n    if not counts:\n        break\n"
        "    top = max(counts.values())\n    best = sorted(pair for pair in counts if counts[pair] == top)[0]\n"
        "    merges.append(best)\n    words = [(merge_pair(word, best), n) for word, n in words]\nreturn merges",
    ),
    Alternative(
        "apply_merges",
        how="all merges once, in their order",
        code="for pair in merges:\n    word = merge_pair(word, pair)\nreturn word",
    ),
    Alternative(
        "apply_merges",
        how="one occurrence at a time, the leftmost of the earliest",
        code="ranks = {pair: r for r, pair in enumerate(merges)}\nword = list(word)\nwhile len(word) > 1:\n"
        "    best = min(range(len(word) - 1), key=lambda i: ranks.get((word[i], word[i + 1]), len(ranks)))\n"
        "    if (word[best], word[best + 1]) not in ranks:\n        break\n"
        "    word[best : best + 2] = [word[best] + word[best + 1]]\nreturn tuple(word)",
    ),
    Alternative(
        "encode",
        how="looking for the special tokens character by character",
        code="ids = {bytes([b]): b for b in range(256)}\nfor rank, (left, right) in enumerate(merges):\n"
        "    ids[left + right] = 256 + rank\nout, plain, at = [], '', 0\n\n"
        "def flush(plain):\n    for piece in pretokenize(plain):\n"
        "        out.extend(ids[t] for t in apply_merges(as_word(piece), merges))\n\n"
        "while at < len(text):\n"
        "    here = [s for s in special if text.startswith(s, at)] if allow_special else []\n"
        "    if here:\n        name = max(here, key=len)\n        flush(plain)\n        plain = ''\n"
        "        out.append(256 + len(merges) + list(special).index(name))\n        at += len(name)\n"
        "    else:\n        plain += text[at]\n        at += 1\nflush(plain)\nreturn out",
    ),
]

HARD = [
    "👩‍👩‍👧‍👦 family, 🏳️‍🌈 flag, 👍🏽 thumb, 🇨🇭",  # joiners, variation selectors, skin tones, regional letters
    "cafe\u0301 café Z\u0337a\u0337l\u0337 नमस्ते दुनिया กำลัง",  # combining marks, composed and not
    "日本語 一二三 中文123 안녕하세요 ㄱㄴ",
    "שלום עולם \u200fמרחבא\u200e مرحبا ١٢٣ سلام۴۵",  # right to left, with marks, and its own digits
    "a\u00a0b \u00a0c\u2003d\u2028e\u3000f\u202f9 \ufeffg\u200bh",  # spaces, and two that are none
    "½ ² Ⅷ ① ٣ 𝟘 x² 1½ 三½",
    "snake_case __init__ it's IT'S 'tis 'd'd ''s we'll've '' ' s",
    "a  b\n\n c \t\td   \n",
    "\x00\x1c\x1f\x7f\x85\xad",
    "ǅ ʹ ª º ß ﬁ \u1d2c \U0001f98a\U0001f98a \U000e0041",
]


TIES = "Are the two equally frequent? Then the smaller one is merged."


def hard_text(draw: Draw, length: int) -> str:
    """Characters of all kinds, contractions, and code points drawn from all that Python's tables know."""
    bits = [
        "'",
        "s",
        "t",
        "re",
        "ll",
        "'ve",
        "'D",
        " ",
        " ",
        "  ",
        "\n",
        "\t",
        "\u00a0",
        "a",
        "Q",
        "é",
        "e\u0301",
        "日",
    ]
    bits += ["一", "7", "½", "٣", "_", "-", "...", "🦊", "\u200d", "\ufe0f", "ש", "ن", "नि", "\x1c", "<"]
    known = []
    while len(known) < 30:
        character = chr(draw.integer(0, 0x20000))
        if unicodedata.category(character) not in ("Cn", "Cs"):  # not assigned yet; surrogates have no UTF-8
            known.append(character)
    return "".join(draw.choice(bits + known) for _ in range(length))


def documents(draw: Draw, count: int) -> list[str]:
    """Fresh documents of the course's corpus."""
    return list(_documents(draw.integer(0, 1000), count))


@cache
def _documents(seed: int, count: int) -> tuple[str, ...]:
    from unravel.interp import load_corpus

    return tuple(load_corpus("storybook").documents("train", count, seed=seed))


def library_pieces(text: str) -> list[str]:
    """The pieces that the `tokenizers` library cuts."""
    from tokenizers.pre_tokenizers import ByteLevel

    found = ByteLevel(add_prefix_space=False, use_regex=True).pre_tokenize_str(text)
    return [text[begin:end] for _, (begin, end) in found]


def symbols() -> list[str]:
    """The character by which GPT-2's files write each byte."""
    hidden = [byte for byte in range(256) if byte < 33 or 127 <= byte <= 160 or byte == 173]
    return [chr(256 + hidden.index(byte)) if byte in hidden else chr(byte) for byte in range(256)]


def library_tokenizer(merges, special=()):
    """The same merges and special tokens in the `tokenizers` library, under the ids of the lesson."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    sign = symbols()
    written = [("".join(sign[b] for b in left), "".join(sign[b] for b in right)) for left, right in merges]
    vocabulary = sign + [left + right for left, right in written]
    engine = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(vocabulary)}, merges=written))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    engine.decoder = decoders.ByteLevel()
    engine.add_special_tokens([AddedToken(name, normalized=False) for name in special])
    return engine


def spec_merge(word, pair):
    """The leftmost occurrence, then the rest."""
    for i in range(len(word) - 1):
        if word[i] == pair[0] and word[i + 1] == pair[1]:
            return (*word[:i], pair[0] + pair[1], *spec_merge(word[i + 2 :], pair))
    return word


def spec_train(pieces: Counter, count: int):
    """The merges, and how many of the first were the only best. Keeps the counts up to date, recounts nothing."""
    words = [[tuple(bytes([b]) for b in piece.encode()), times] for piece, times in pieces.items()]
    counts, places = Counter(), defaultdict(set)

    def tally(number: int, sign: int) -> None:
        word, times = words[number]
        for i in range(len(word) - 1):
            counts[word[i : i + 2]] += sign * times
            places[word[i : i + 2]].add(number)

    for number in range(len(words)):
        tally(number, 1)
    merges, clear = [], None
    while len(merges) < count:
        top = max(counts.values(), default=0)
        if top == 0:
            break
        best = sorted(pair for pair in counts if counts[pair] == top)
        clear = len(merges) if clear is None and len(best) > 1 else clear
        merges.append(best[0])
        for number in sorted(places.pop(best[0])):
            tally(number, -1)
            words[number][0] = spec_merge(words[number][0], best[0])
            tally(number, 1)
    return merges, len(merges) if clear is None else clear


def some_merges(draw: Draw, count: int):
    """Merges learned from a text of three letters (so that ranks matter), fox emoji and accents."""
    text = "".join(draw.choice(["a", "b", "c", "a", "b", " ", "é", "🦊", " stop"]) for _ in range(400))
    return spec_train(Counter(library_pieces(text)), count)[0]


def some_word(draw: Draw, length: int, tokens: list[bytes]):
    return tuple(draw.choice(tokens) for _ in range(length))


def assert_items(got, expected, what: str, item: str, hint: str = "") -> None:
    """Like `assert_equal`, for long lists: shows the first item that differs, not all of them."""
    wrong = next((i for i in range(min(len(got), len(expected))) if got[i] != expected[i]), None)
    if wrong is not None:  # on lines of their own, so that no b' the' is cut at its space
        shown = f"  expected  {expected[wrong]!r}\n  got       {repr(got[wrong])[:200]}"
        message = f"In {what}, {item} number {wrong} differs (the first is 0):\n{shown}"
        raise AssertionError(f"{message}\n{hint}" if hint else message)
    if len(got) != len(expected):
        far = " As far as both go, they are equal." if len(got) and len(expected) else ""
        raise AssertionError(f"In {what}, there should be {len(expected)} {item}s, but there are {len(got)}.{far}")


def assert_word(got, expected, what: str, hint: str = "") -> None:
    """Like `assert_equal`, for short words: both on lines of their own, so that no token is cut at a line's end."""
    if got != expected:
        message = f"{what[:1].upper()}{what[1:]}:\n  expected  {expected!r}\n  got       {repr(got)[:200]}"
        raise AssertionError(f"{message}\n{hint}" if hint else message)


def assert_counts(got, expected, what: str) -> None:
    """Like `assert_equal`, for many pairs: shows the first one that is counted wrongly."""
    wrong = [pair for pair in {**expected, **got} if expected.get(pair) != got.get(pair)]
    if wrong:
        shown = f"  {repr(wrong[0])[:200]}\n  expected  {expected.get(wrong[0], 'not in the dict')}\n"
        shown += f"  got       {got.get(wrong[0], 'not in the dict')}"
        raise AssertionError(f"Wrong counts in {what}: {len(wrong)}. The first:\n{shown}")


def spaced(word) -> str:
    """A word as the page writes it: "b an a"."""
    return " ".join(repr(token)[2:-1] for token in word)


# decode


@checks("decode")
def test_tokens_are_joined_in_order(submission, draw: Draw):
    """Tokens follow one another in the order of the ids, with nothing between them."""
    assert_equal(submission.decode([2, 0, 1], [b"at", b"s", b" c"]), " cats", "decode([2, 0, 1], [b'at', b's', b' c'])")
    assert_equal(submission.decode([], [b"at", b"s"]), "", "the text of no tokens")
    vocabulary = [draw.choice([" ", "", "x"]) + "".join(draw.choice("abcdefgh") for _ in range(4)) for _ in range(12)]
    ids = draw.integers(0, 12, 9).tolist()
    expected = "".join(vocabulary[i] for i in ids)
    assert_equal(submission.decode(ids, [token.encode() for token in vocabulary]), expected, f"the text of {ids}")


@checks("decode")
def test_a_character_may_lie_in_several_tokens(submission, draw: Draw):
    """é has two bytes and the fox four; tokens that cut them in the middle still decode to é and the fox."""
    vocabulary = [b"caf\xc3", b"\xa9 ", b"\xf0\x9f", b"\xa6", b"\x8a!"]
    hint = "Join the bytes of all tokens before you decode."
    assert_equal(submission.decode([0, 1, 2, 3, 4], vocabulary), "café 🦊!", "the text of a cut é and fox", hint=hint)
    text = draw.choice(HARD) + hard_text(draw, 12)
    data, cuts = text.encode(), [0]
    while cuts[-1] < len(data):
        cuts.append(cuts[-1] + draw.integer(1, 4))
    tokens = [data[begin:end] for begin, end in pairwise(cuts)]
    order = draw.permutation(len(tokens)).tolist()
    vocabulary = [tokens[i] for i in order]
    ids = [order.index(i) for i in range(len(tokens))]
    assert_equal(submission.decode(ids, vocabulary), text, "the text of a string cut at random bytes", hint=hint)


@checks("decode")
def test_broken_bytes_become_the_replacement_character(submission, draw: Draw):
    """Bytes that are no valid UTF-8 become U+FFFD; what is valid around them stays."""
    vocabulary = [b"caf", b"\xc3", b"\xa9", b"\xff", b" ", b"\xf0\x9f\xa6"]
    hint = 'bytes.decode("utf-8", errors="replace") puts U+FFFD there.'
    for ids, text in [
        ([0, 1], "caf\ufffd"),
        ([2, 0], "\ufffdcaf"),
        ([0, 3, 4, 0], "caf\ufffd caf"),
        ([5, 4], "\ufffd "),
    ]:
        got = submission.decode(ids, vocabulary)
        assert_equal(got, text, f"the text of {[vocabulary[i] for i in ids]}", hint=hint)
    ids = draw.integers(0, 256, 60).tolist()
    expected = library_tokenizer([]).decode(ids)
    got = submission.decode(ids, [bytes([b]) for b in range(256)])
    assert_equal(got, expected, "the text of 60 random bytes, as `tokenizers` decodes it,", hint=hint)


# pretokenize


@checks("pretokenize")
def test_words_carry_the_space_before_them(submission):
    """A word, a number, a run of signs: each is a piece, with the one plain space before it."""
    cases = {
        "The cat sat.": ["The", " cat", " sat", "."],
        "In 1954, GPT2 cost $ 10!": ["In", " 1954", ",", " GPT", "2", " cost", " $", " 10", "!"],
        "We're  12 cats!": ["We", "'re", " ", " 12", " cats", "!"],
        'said, "Hi..."': ["said", ",", ' "', "Hi", '..."'],
        "snake_case": ["snake", "_", "case"],
        "": [],
    }
    for text, pieces in cases.items():
        assert_equal(submission.pretokenize(text), pieces, f"the pieces of {text!r}")


@checks("pretokenize")
def test_contractions_are_pieces(submission):
    """'s 't 're 've 'm 'll 'd are pieces wherever they stand, in lower case only, before anything else is tried."""
    cases = {
        "I'll say it's Mary's": ["I", "'ll", " say", " it", "'s", " Mary", "'s"],
        "IT'S": ["IT", "'", "S"],
        "'tis": ["'t", "is"],
        "O'deary": ["O", "'d", "eary"],
        "we 's": ["we", " '", "s"],
        "a''s": ["a", "''", "s"],
        "'m've'q": ["'m", "'ve", "'", "q"],
        "Mary’s": ["Mary", "’", "s"],
    }
    for text, pieces in cases.items():
        hint = "The rule looks neither back nor ahead: at each place it tries the contractions first."
        assert_equal(submission.pretokenize(text), pieces, f"the pieces of {text!r}", hint=hint)


@checks("pretokenize")
def test_runs_of_spaces_leave_their_last_to_what_follows(submission):
    """The last of a run of spaces is left over, and joins what follows if it is plain. At the end: one piece."""
    cases = {
        "a  b": ["a", " ", " b"],
        "a    b": ["a", "   ", " b"],
        "a\nb": ["a", "\n", "b"],
        "a\n\nb": ["a", "\n", "\n", "b"],
        "a\n b": ["a", "\n", " b"],
        "a \nb": ["a", " ", "\n", "b"],
        "a \t\n ": ["a", " \t\n "],
        " ": [" "],
        "a\u00a0b \u00a0 7": ["a", "\u00a0", "b", " \u00a0", " 7"],
    }
    for text, pieces in cases.items():
        assert_equal(submission.pretokenize(text), pieces, f"the pieces of {text!r}")


@checks("pretokenize")
def test_kinds_are_those_of_unicode(submission):
    """Letters and numbers are what Unicode says: 日 and 一 are letters, ½ and Ⅷ numbers, marks and _ neither."""
    cases = {
        "naïve Straße": ["naïve", " Straße"],
        "日本一2": ["日本一", "2"],
        "x½²Ⅷ٣": ["x", "½²Ⅷ٣"],
        "cafe\u0301s": ["cafe", "\u0301", "s"],
        "a🦊🦊 b": ["a", "🦊🦊", " b"],
        "a_1": ["a", "_", "1"],
    }
    for text, pieces in cases.items():
        assert_equal(submission.pretokenize(text), pieces, f"the pieces of {text!r}", hint="Ask `kind`.")


@checks("pretokenize", seconds=20)
def test_pieces_agree_with_the_library_on_any_text(submission, draw: Draw):
    """On fresh documents and on hard Unicode the pieces are those of the `tokenizers` library; joined, the text."""
    texts = [*documents(draw, 20), *HARD, *(hard_text(draw, 60) for _ in range(30))]
    for text in texts:
        pieces = submission.pretokenize(text)
        assert "".join(pieces) == text, f"The pieces of {text!r}, joined, are not the text: {pieces!r}."
        assert_items(pieces, library_pieces(text), f"the pieces of {text!r}", "piece")


@checks("pretokenize", seconds=20)
def test_a_long_text_is_cut_quickly(submission, draw: Draw):
    """A text of a hundred thousand characters takes no minute: its pieces are found in one walk."""
    text = " ".join(documents(draw, 100)) * 12
    assert_items(submission.pretokenize(text), library_pieces(text), "the pieces of a long text", "piece")


# count_pairs


@checks("count_pairs")
def test_a_pair_counts_as_often_as_its_words(submission):
    """A pair counts as often as the words in which it stands occur."""
    words = {(b"a", b"b", b"c"): 2, (b"a", b"b"): 5, (b"c",): 9}
    assert_counts(
        submission.count_pairs(words), {(b"a", b"b"): 7, (b"b", b"c"): 2}, "the pairs of abc (2x), ab (5x), c (9x)"
    )
    assert_equal(submission.count_pairs({}), {}, "the pairs of no words")


@checks("count_pairs")
def test_pairs_that_overlap_all_count(submission):
    """aaaa holds the pair (a, a) three times; (ab, c) and (a, bc) are different pairs, and so is (c, ab)."""
    words = {(b"a",) * 4: 3, (b"ab", b"c", b"ab"): 1, (b"a", b"bc"): 4}
    expected = {(b"a", b"a"): 9, (b"ab", b"c"): 1, (b"c", b"ab"): 1, (b"a", b"bc"): 4}
    assert_counts(submission.count_pairs(words), expected, "the pairs of aaaa (3x), ab c ab (1x), a bc (4x)")


@checks("count_pairs")
def test_pairs_of_random_words(submission, draw: Draw):
    """On random words the counts are those of a slow loop."""
    tokens = [b"a", b"b", b"ab", b"\xc3", b" "]
    words = {some_word(draw, draw.integer(1, 9), tokens): draw.integer(1, 50) for _ in range(40)}
    expected: dict = {}
    for word, times in words.items():
        for _ in range(times):
            for i in range(1, len(word)):
                expected[word[i - 1], word[i]] = expected.get((word[i - 1], word[i]), 0) + 1
    assert_counts(submission.count_pairs(words), expected, "the pairs of 40 random words")


# merge_pair


@checks("merge_pair")
def test_every_occurrence_is_merged(submission):
    """All occurrences of the pair become one token, and everything else stays, the last token too."""
    word = (b"b", b"a", b"n", b"a", b"n", b"a", b"s")
    merged = (b"b", b"an", b"an", b"a", b"s")
    assert_word(submission.merge_pair(word, (b"a", b"n")), merged, "the word b a n a n a s with (a, n) merged")
    assert_word(submission.merge_pair(word, (b"s", b"b")), word, "the word b a n a n a s, which has no (s, b)")
    assert_word(submission.merge_pair((b"x",), (b"x", b"x")), (b"x",), "a word of one token")
    assert_word(submission.merge_pair((b"t", b"o"), (b"t", b"o")), (b"to",), "the word t o with (t, o) merged")


@checks("merge_pair")
def test_of_overlapping_occurrences_the_left_wins(submission):
    """aaa is aa, a; aaaa is aa, aa, and not merged further."""
    pair = (b"a", b"a")
    for length, merged in [(3, (b"aa", b"a")), (4, (b"aa", b"aa")), (5, (b"aa", b"aa", b"a"))]:
        assert_word(submission.merge_pair((b"a",) * length, pair), merged, f"{length} times a, with (a, a) merged")
    word, pair = (b"x", b"ab", b"ab", b"ab", b"y"), (b"ab", b"ab")
    merged = (b"x", b"abab", b"ab", b"y")
    assert_word(submission.merge_pair(word, pair), merged, "the word x ab ab ab y with (ab, ab) merged")


@checks("merge_pair")
def test_pairs_are_tokens_not_letters(submission):
    """(a, bc) is not (ab, c): tokens are compared, not what they spell together."""
    word = (b"ab", b"c", b"a", b"bc", b"abc")
    merged = (b"ab", b"c", b"abc", b"abc")
    assert_word(submission.merge_pair(word, (b"a", b"bc")), merged, "the word ab c a bc abc with (a, bc) merged")


@checks("merge_pair")
def test_merges_of_random_words(submission, draw: Draw):
    """On random words the result is that of a slow loop."""
    tokens = [b"a", b"b", b"aa", b"ab", b"\xa9"][: draw.integer(2, 6)]
    for _ in range(30):
        word, pair = some_word(draw, draw.integer(1, 11), tokens), some_word(draw, 2, tokens)
        what = f"the word {spaced(word)} with ({pair[0]!r}, {pair[1]!r}) merged"
        assert_items(submission.merge_pair(word, pair), spec_merge(word, pair), what, "token")
    word, times = (b"x", b"ab"), draw.integer(20, 60)
    got = submission.merge_pair(word * times, word)
    assert_items(got, (b"xab",) * times, f"{times} times x ab with (x, ab) merged", "token")


# train_bpe


@checks("train_bpe")
def test_merges_worked_by_hand(submission):
    """Counting again after each merge; among equals the smallest pair: worked by hand on a sentence."""
    text = "she sells sea shells by the sea shore"
    # ( , s) stands there 5 times. Then ( s, e) in sells sea sea and (h, e) in she shells the, 3 times each: the space
    # is smaller. Then (h, e). That leaves three pairs that stand there twice, ( se, a) (l, l) (l, s): the space again.
    merges = [(b" ", b"s"), (b" s", b"e"), (b"h", b"e"), (b" se", b"a")]
    for count in range(5):
        got = submission.train_bpe(text, 256 + count)
        assert_items(got, merges[:count], f"the merges of {text!r}, {256 + count} tokens", "merge")
    assert_equal(submission.train_bpe(text, 100), [], "the merges for 100 tokens, fewer than there are bytes,")
    got = submission.train_bpe("aab aab", 258)
    assert_items(got, [(b"a", b"a"), (b"aa", b"b")], "the merges of 'aab aab'", "merge")


@checks("train_bpe")
def test_training_stops_when_no_pair_is_left(submission):
    """Pairs that occur once are merged too; when each piece is one token, the list ends, shorter than asked for."""
    got = submission.train_bpe("abc abc", 300)
    assert_items(got, [(b"a", b"b"), (b"ab", b"c"), (b" ", b"abc")], "all merges of 'abc abc'", "merge")
    assert_equal(submission.train_bpe("", 300), [], "the merges of an empty text")
    hint = "The bytes of é are C3 and A9; those of 日 are E6, 97 and A5."
    got = submission.train_bpe("é日", 300)
    merges = [(b"\x97", b"\xa5"), (b"\xa9", b"\xe6"), (b"\xa9\xe6", b"\x97\xa5"), (b"\xc3", b"\xa9\xe6\x97\xa5")]
    assert_items(got, merges, "all merges of 'é日', which is one piece of five bytes", "merge", hint=hint)


@checks("train_bpe", seconds=20)
def test_ties_and_counts_on_random_text(submission, draw: Draw):
    """On random text of few letters, full of ties and of runs, the merges are those of a slow loop."""
    for _ in range(6):
        letters = ["a", "b", "c", " ", "é", "1"][: draw.integer(2, 7)]
        text = "".join(draw.choice(letters) for _ in range(draw.integer(30, 80)))
        count = draw.integer(5, 25)
        expected, _ = spec_train(Counter(library_pieces(text)), count)
        got = submission.train_bpe(text, 256 + count)
        assert_items(got, expected, f"the merges of {text!r}, {256 + count} tokens", "merge", hint=TIES)


@checks("train_bpe", seconds=20)
def test_merges_agree_with_the_library(submission, draw: Draw):
    """On fresh documents the merges before the first tie are those of the `tokenizers` library."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    text = "\n".join(documents(draw, 1500))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    engine = Tokenizer(models.BPE())
    engine.pre_tokenizer = byte_level
    alphabet = sorted(byte_level.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=296, initial_alphabet=alphabet, show_progress=False)
    engine.train_from_iterator([text], trainer)
    sign, ids = symbols(), engine.get_vocab()
    learned = sorted((token for token in ids if len(token) > 1), key=ids.__getitem__)
    expected, clear = spec_train(Counter(library_pieces(text)), 40)
    made = ["".join(sign[b] for b in left + right) for left, right in expected]
    assert learned[:clear] == made[:clear], "A fault of the course: the library and the check's own loop disagree."
    got = submission.train_bpe(text, 256 + clear)  # from the tie on, the library goes another way than the lesson
    assert_items(got, expected[:clear], f"the first {clear} merges of 1500 documents", "merge")


@checks("train_bpe", seconds=20)
def test_a_megabyte_is_learned_in_seconds(submission, draw: Draw):
    """A vocabulary of 500 tokens from one megabyte takes less than 20 seconds: count each different piece once."""
    pool = documents(draw, 500)
    sample, size = [], 0
    while size < 1_000_000:
        sample.append(draw.choice(pool))
        size += len(sample[-1]) + 1
    merges = submission.train_bpe("\n".join(sample), 500)
    pieces = Counter({"\n": len(sample) - 1})
    for document, times in Counter(sample).items():
        for piece in library_pieces(document):
            pieces[piece] += times
    expected, _ = spec_train(pieces, 244)
    assert_items(merges, expected, "the 244 merges of a megabyte", "merge", hint=TIES)


# apply_merges


@checks("apply_merges")
def test_rank_decides_not_place(submission):
    """The merge learned earliest goes first, wherever it stands in the word."""
    word = (b"a", b"b", b"c")
    later = [(b"b", b"c"), (b"a", b"b")]
    assert_word(submission.apply_merges(word, later), (b"a", b"bc"), "the word a b c, if (b, c) was learned first")
    got = submission.apply_merges(word, later[::-1])
    assert_word(got, (b"ab", b"c"), "the word a b c, if (a, b) was learned first")
    assert_word(submission.apply_merges(word, []), word, "the word a b c without any merge")
    assert_word(submission.apply_merges((), later), (), "the empty word")


@checks("apply_merges")
def test_merges_build_on_merges(submission):
    """What a merge has made takes part in later ones; the longest token known need not be reached."""
    merges = [(b"t", b"h"), (b"th", b"e"), (b" ", b"the"), (b"e", b"r"), (b"the", b"r")]
    assert_word(submission.apply_merges((b" ", b"t", b"h", b"e"), merges), (b" the",), "the word ' the'")
    hint = "Once ' the' is made, (the, r) no longer occurs."
    got = submission.apply_merges((b" ", b"t", b"h", b"e", b"r", b"e"), merges)
    assert_word(got, (b" the", b"r", b"e"), "the word ' there'", hint=hint)
    merges = [(b"a", b"b"), (b"c", b"d"), (b"b", b"cd"), (b"bcd", b"e")]
    got = submission.apply_merges((b"a", b"b", b"c", b"d", b"e"), merges)
    assert_word(got, (b"ab", b"cd", b"e"), "the word a b c d e", hint="bcd can't be made: b is in ab already.")
    merges = [(b"a", b"b"), (b"b", b"c"), (b"a", b"bc")]
    got = submission.apply_merges((b"a", b"b", b"c"), merges)
    hint = "The token abc exists, but its last merge needs bc, which is not there."
    assert_word(got, (b"ab", b"c"), "the word a b c", hint=hint)


@checks("apply_merges")
def test_words_of_random_letters(submission, draw: Draw):
    """On random words, and merges learned from a random text, the result is that of a slow loop."""
    merges = some_merges(draw, draw.integer(20, 60))
    for length in [1, 2, 3, *(draw.integer(4, 30) for _ in range(25))]:
        word = some_word(draw, length, [b"a", b"b", b"c"])
        expected = word
        for pair in merges:  # in a learned list, a merge makes nothing that an earlier one could use
            expected = spec_merge(expected, pair)
        got = submission.apply_merges(word, merges)
        assert_items(got, expected, f"the tokens of {b''.join(word).decode()!r}", "token")


# encode


@checks("encode")
def test_ids_are_bytes_then_merges_then_special(submission):
    """A byte's id is the byte, a merge's 256 and its number, and the special tokens come behind the merges."""
    merges = [(b"h", b"i"), (b" ", b"hi")]
    assert_equal(submission.encode("hi hi!", merges), [256, 257, 33], "the ids of 'hi hi!'")
    assert_equal(submission.encode("h é", []), [104, 32, 195, 169], "the ids of 'h é' without merges")
    special = ["<end>", "<pad>"]
    got = submission.encode("hi<end> hi<pad><end>", merges, special, True)
    assert_equal(got, [256, 258, 257, 259, 258], "the ids of 'hi<end> hi<pad><end>', special tokens allowed,")
    assert_equal(submission.encode("", merges, special, True), [], "the ids of an empty text")


@checks("encode")
def test_plain_text_makes_no_special_token(submission, draw: Draw):
    """Without `allow_special`, text that spells a special token is text: also where merges make the same bytes."""
    hint = "Special ids come from a table of their own, and only if `allow_special` is true."
    got = submission.encode("a<end>", [], ["<end>"])
    assert_equal(got, list(b"a<end>"), "the ids of 'a<end>', special tokens not allowed,", hint=hint)
    merges = [(b"s", b"t"), (b"o", b"p"), (b"st", b"op"), (b" ", b"stop")]
    got = submission.encode("stop stop #", merges, ["stop", "#"], False)
    assert_equal(got, [258, 259, 32, 35], "the ids of 'stop stop #', where 'stop' and '#' are special,", hint=hint)
    got = submission.encode("stop stop #", merges, ["stop", "#"], True)
    assert_equal(got, [260, 32, 260, 32, 261], "the same text with special tokens allowed")
    text = draw.choice(["<|end|>", "<pad>", "[SEP]"]) + hard_text(draw, 20)
    got = submission.encode(text, merges, ["<|end|>", "<pad>", "[SEP]"])
    assert_equal(got, library_tokenizer(merges).encode(text).ids, f"the ids of {text!r} as plain text", hint=hint)


@checks("encode")
def test_without_special_tokens_nothing_is_split(submission, draw: Draw):
    """Where special tokens are allowed, but there are none, the ids are those of plain text."""
    hint = "Special tokens were allowed, but the list of them is empty. Is the text whole when you cut it into pieces?"
    got = submission.encode("hi hi", [(b"h", b"i"), (b" ", b"hi")], [], True)
    assert_equal(got, [256, 257], "the ids of 'hi hi', no special tokens given,", hint=hint)
    merges = some_merges(draw, 30)
    text = "".join(draw.choice(["ab", "bc", "ca", " ", "é", "🦊", " stop"]) for _ in range(12))
    for special in ([], ()):
        got = submission.encode(text, merges, special, True)
        expected = library_tokenizer(merges).encode(text).ids
        assert_items(got, expected, f"the ids of {text!r}, no special tokens given", "id", hint=hint)


@checks("encode", seconds=20)
def test_special_tokens_are_kept_whole(submission, draw: Draw):
    """Special tokens are found as they are written, the longer before the shorter; spaces around them stay."""
    special = ["<s>", "<|end|>", "<s>x", "a+b*", "\u00a0", "été"]
    special = [special[i] for i in draw.permutation(6).tolist()]
    merges = some_merges(draw, 30)
    engine = library_tokenizer(merges, special)
    texts = ["<s>x <s> x<s><|end|>", " a+b*  aab <|end|> \n", "|end| < s> aab.b", "ab\u00a0étéab"]
    bits = [*special, " ", "  ", "ab", "aab", "<", "x", "🦊", "\n"]
    texts += ["".join(draw.choice(bits) for _ in range(25)) for _ in range(10)]
    for text in texts:
        got = submission.encode(text, merges, special, True)
        assert_equal(got, engine.encode(text).ids, f"the ids of {text!r} with the special tokens {special}")


@checks("encode", seconds=20)
def test_ids_agree_with_the_library(submission, draw: Draw):
    """On fresh documents and on hard Unicode the ids are those of the `tokenizers` library with your merges."""
    known = documents(draw, 40)
    merges, _ = spec_train(Counter(piece for text in [*known, *HARD] for piece in library_pieces(text)), 100)
    engine = library_tokenizer(merges)
    for text in [*documents(draw, 10), *HARD, *(hard_text(draw, 40) for _ in range(8))]:
        got = submission.encode(text, merges)
        assert_items(got, engine.encode(text).ids, f"the ids of {text!r}", "id")
