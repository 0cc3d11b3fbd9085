"""What the views share: the desk, the blocks of a page, the exercise card."""
