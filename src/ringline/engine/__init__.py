"""The asyncio owner of all conversations: runs the heart's commands through the ports, and brings it the results."""
