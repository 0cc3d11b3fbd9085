"""`storybook`: words, templates, the world they tell of, and its evaluation sets."""
