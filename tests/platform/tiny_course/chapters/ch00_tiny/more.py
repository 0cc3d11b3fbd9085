"""A little more: an exercise without tensors."""


def count_up(n: int) -> list[int]:
    """The whole numbers from 1 to `n`.

    >>> count_up(3)
    [1, 2, 3]
    """
    # YOUR CODE HERE
    raise NotImplementedError()
