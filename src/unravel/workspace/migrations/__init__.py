"""Alembic's scripts, shipped with the package.

`unravel.workspace.schema` runs them when a database is older.
"""
