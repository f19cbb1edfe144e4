"""What Alembic runs: the connection comes from ``service.store.core.schema``, never from a file."""

from __future__ import annotations

from alembic import context

from service.store.core.models import Base

connection = context.config.attributes["connection"]

if context.is_offline_mode():
    context.configure(
        dialect_name=connection.dialect.name,
        target_metadata=Base.metadata,
        literal_binds=True,
        output_buffer=context.config.output_buffer,
    )
else:
    context.configure(connection=connection, target_metadata=Base.metadata)

with context.begin_transaction():
    context.run_migrations()
