"""`python -m asheard`."""

from asheard.cli import main

main()
