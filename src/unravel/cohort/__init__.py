"""Who: roster, assignments, submissions, gradebook."""
