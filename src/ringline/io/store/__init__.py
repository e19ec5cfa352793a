"""The store: journal, leg records, recordings' index, applications and numbers, in SQLite or PostgreSQL."""

from ringline.io.store.location import database_path, open_database
from ringline.io.store.store import SqlStore

__all__ = ["SqlStore", "database_path", "open_database"]
