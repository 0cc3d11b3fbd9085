"""Between text and token ids: what `HookedGPT` offers when it has a tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from unravel.errors import UnravelError
from unravel.interp.tokens import Tokenizer


class Text:
    """The methods of a model that speak of text."""

    tokenizer: Tokenizer | None
    cfg: Any
    W_U: Any

    @property
    def words(self) -> Tokenizer:
        """The tokenizer; an `UnravelError` where there is none."""
        if self.tokenizer is None:
            raise UnravelError(
                "This model has no tokenizer, so it can't read or write text.",
                fix="Give it token ids, or set model.tokenizer.",
            )
        return self.tokenizer

    def to_tokens(self, input: str | Sequence[str], prepend_bos: bool | None = None, truncate: bool = True) -> Tensor:
        """Token ids `[batch, pos]` of one text or several, padded on the right."""
        texts = [input] if isinstance(input, str) else list(input)
        rows = [self._row(text, prepend_bos) for text in texts]
        if truncate:
            rows = [row[: self.cfg.n_ctx] for row in rows]
        longest = max((len(row) for row in rows), default=0)
        filler = 0 if all(len(row) == longest for row in rows) else self.words.filler
        return torch.tensor([row + [filler] * (longest - len(row)) for row in rows], device=self.cfg.device).long()

    def to_string(self, tokens: Tensor | Sequence[int] | int) -> Any:
        """The text of token ids; of rows of them, a list of texts."""
        ids = torch.as_tensor(tokens)
        if ids.ndim == 2:
            return [self.to_string(row) for row in ids]
        return self.words.decode(ids.reshape(-1).tolist())

    def to_str_tokens(self, input: Any, prepend_bos: bool | None = None) -> Any:
        """Each token as its own text, of a text or of one row of token ids; of a list of texts, a list of lists."""
        if isinstance(input, list) and input and not isinstance(input[0], int):
            return [self.to_str_tokens(one, prepend_bos) for one in input]
        ids = self._row(input, prepend_bos) if isinstance(input, str) else torch.as_tensor(input).squeeze()
        if isinstance(ids, Tensor) and ids.ndim > 1:
            raise UnravelError(f"to_str_tokens takes one row, not {tuple(ids.shape)}.", fix="Choose a row.")
        return [self.words.piece(token) for token in torch.as_tensor(ids).reshape(-1).tolist()]

    def to_single_token(self, string: str) -> int:
        """The id of a text that is one token."""
        ids = self.words.encode(string)
        if len(ids) != 1:
            pieces = [self.words.piece(token) for token in ids]
            raise UnravelError(f"{string!r} is {len(ids)} tokens: {pieces}.", fix="Choose a text that is one token.")
        return ids[0]

    def to_single_str_token(self, token: int) -> str:
        """The text of one token id."""
        return self.words.piece(int(token))

    def tokens_to_residual_directions(self, tokens: str | int | Tensor) -> Tensor:
        """The directions of the stream that raise the logits of `tokens`, on the last axis."""
        ids = self.to_single_token(tokens) if isinstance(tokens, str) else tokens
        if isinstance(ids, Tensor) and ids.numel() == 1:
            ids = int(ids.item())
        directions: Tensor = self.W_U[:, ids].movedim(0, -1)
        return directions

    def as_tokens(self, input: Tensor | str | list[str], prepend_bos: bool | None = None) -> Tensor:
        """Token ids `[batch, pos]` of whatever a model may be called with, no longer than its context."""
        tokens = input if isinstance(input, Tensor) else self.to_tokens(input, prepend_bos, truncate=False)
        if tokens.ndim == 1:
            tokens = tokens[None]
        if tokens.ndim != 2 or tokens.is_floating_point():
            raise UnravelError(
                f"A model reads token ids [batch, pos], not {tokens.dtype} of shape {tuple(tokens.shape)}.",
                fix="Make them with model.to_tokens, or pass a text.",
            )
        if tokens.shape[1] > self.cfg.n_ctx:
            raise UnravelError(
                f"{tokens.shape[1]} tokens are more than this model's context of {self.cfg.n_ctx}.",
                fix="Give it fewer.",
            )
        return tokens.to(self.cfg.device)

    def _row(self, text: str, prepend_bos: bool | None) -> list[int]:
        wanted = self.cfg.default_prepend_bos if prepend_bos is None else prepend_bos
        if wanted and self.words.bos is None and prepend_bos:
            raise UnravelError("This tokenizer has no token for the beginning.", fix="Leave prepend_bos out.")
        first = [self.words.bos] if wanted and self.words.bos is not None else []
        return first + self.words.encode(text)
