"""One view for each kind of page."""
