"""The REST API: turns requests into events for the engine, and what is known of calls into documented bodies."""

from ringline.api.app import create_app
from ringline.api.dependencies import (
    ApiOptions,
    CallControl,
    ConversationService,
    Dependencies,
    FileShelf,
    Records,
    Registry,
)

__all__ = [
    "ApiOptions",
    "CallControl",
    "ConversationService",
    "Dependencies",
    "FileShelf",
    "Records",
    "Registry",
    "create_app",
]
