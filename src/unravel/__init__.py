"""Unravel: a hands-on course in mechanistic interpretability, with the tools to teach it.

In a notebook: `from unravel import check; check("softmax")`.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "check"]


def __getattr__(name: str) -> Any:
    # Lazy, so that `import unravel` costs nothing.
    if name == "check":
        from unravel.grading.notebook import check

        return check
    raise AttributeError(f"module 'unravel' has no attribute {name!r}")
