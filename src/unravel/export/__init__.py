"""What leaves the course: the outputs of demos, notebooks, pages."""
