"""What there is: reads files into frozen dataclasses; imports no torch, runs no exercise code."""
