"""The small library that lessons import. It knows nothing of the rest of Unravel."""
