"""What is made good after a process has died or a conversation has broken."""
