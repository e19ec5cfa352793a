"""Run by Alembic: uses the connection that `ringline.io.store.migrate` opened, and configures nothing else."""

from alembic import context

from ringline.io.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
