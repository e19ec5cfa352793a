"""The store: journal, leg records, recordings' index, applications and numbers, in SQLite."""

from ringline.io.store.sqlite import SqlStore, database_path

__all__ = ["SqlStore", "database_path"]
