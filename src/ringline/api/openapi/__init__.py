"""The API described as OpenAPI 3.1, and as a page to read."""

from ringline.api.openapi.document import document

__all__ = ["document"]
