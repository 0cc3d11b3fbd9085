"""For the authors of the course: new, sync, check."""
