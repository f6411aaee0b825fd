"""What Alembic runs for each migration: the connection and the ledger come from `store.migrate`."""

from typing import Any

from alembic import context
from sqlmodel import SQLModel

import store.journal_schema
import store.schema  # noqa: F401

options = context.config.attributes
ledger: str = options["ledger"]


def _mine(thing: Any, _name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
    if kind != "table":
        return True
    return (thing.info.get("ledger") or "main") == ledger and not thing.name.startswith("alembic")


context.configure(
    connection=options["connection"],
    target_metadata=SQLModel.metadata,
    version_table=f"alembic_version_{ledger}",
    include_object=_mine,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
