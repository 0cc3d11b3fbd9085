"""Checks of the lesson `hooks`."""

from unravel.grading import Alternative, Mistake, assert_equal, checks

MISTAKES: list[Mistake] = []
ALTERNATIVES: list[Alternative] = []


@checks("HookPoint")
def test_HookPoint(submission):
    """Sound."""
    assert_equal(1, 1)


@checks("run_with_hooks")
def test_run_with_hooks(submission):
    """Sound."""
    assert_equal(1, 1)


@checks("run_with_cache")
def test_run_with_cache(submission):
    """Sound."""
    assert_equal(1, 1)


@checks("footprint")
def test_footprint(submission):
    """Sound."""
    assert_equal(1, 1)


@checks("patch_head_position")
def test_patch_head_position(submission):
    """Sound."""
    assert_equal(1, 1)


@checks("guess_patches")
def test_guess_patches(submission):
    """Sound."""
    assert_equal(1, 1)


