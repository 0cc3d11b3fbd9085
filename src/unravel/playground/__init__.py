"""What the app's playground computes: a model, a prompt, and what goes on inside. Nothing here draws."""
