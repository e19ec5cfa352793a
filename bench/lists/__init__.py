"""Lists of a million legs."""
