"""`python -m gateway` is the `postern` command."""

from gateway.cli import main

main()
