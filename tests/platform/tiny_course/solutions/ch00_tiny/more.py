"""A little more: an exercise without tensors."""


def count_up(n: int) -> list[int]:
    """The whole numbers from 1 to `n`.

    >>> count_up(3)
    [1, 2, 3]
    """
    ### BEGIN SOLUTION
    return list(range(1, n + 1))
    ### END SOLUTION
