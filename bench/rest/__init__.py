"""REST: requests per second."""
