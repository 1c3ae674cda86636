# ruff: noqa: INP001  # Alembic loads it by path
"""Runs migrations on the connection that `controller.state.database` hands over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from controller.state.schema import metadata

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
