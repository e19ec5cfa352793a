"""Settings, wiring and the life of the server."""
