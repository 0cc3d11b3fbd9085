"""Unravel."""
