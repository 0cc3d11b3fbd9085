"""The course's small models: how each is trained, what must be true of it, and the card that says so."""
