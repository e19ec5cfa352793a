"""`python -m ringline` is the command `ringline`."""

from ringline.cli import main

main()
