"""App users as endpoints: browsers and apps on the client wire."""
