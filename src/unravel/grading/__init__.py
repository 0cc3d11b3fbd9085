"""Whether it is right: the trusted grader, the warm zygote, the sandboxed child, the report.

Authors of checks import from here; the names are light, so that reading a test imports no torch.
"""

from unravel.grading.authoring import Alternative, Draw, Mistake, assert_close, assert_equal, checks

__all__ = ["Alternative", "Draw", "Mistake", "assert_close", "assert_equal", "checks"]
