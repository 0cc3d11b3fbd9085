"""What Alembic runs: it migrates the connection that `workspace.schema` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from unravel.workspace.models import Base

connection = context.config.attributes["connection"]
# Alembic thinks that SQLite can't roll back DDL; it can, because our connections send BEGIN themselves.
context.configure(connection=connection, target_metadata=Base.metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
