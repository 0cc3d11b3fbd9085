"""Whether it is right: the trusted grader, the warm zygote, the sandboxed child, the report.

Authors of checks import from here; the names are light, so that reading a test imports no torch.
"""

from unravel.grading.authoring import (
    Alternative,
    Draw,
    Learner,
    Mistake,
    assert_close,
    assert_equal,
    checks,
    shared_model,
)

__all__ = ["Alternative", "Draw", "Learner", "Mistake", "assert_close", "assert_equal", "checks", "shared_model"]
