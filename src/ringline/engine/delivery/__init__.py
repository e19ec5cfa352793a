"""What goes to applications: notifications and questions, written, signed, kept until delivered."""
