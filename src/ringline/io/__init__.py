"""The adapters: sockets, HTTP, disks and databases behind the engine's ports. They have no rules of their own."""
