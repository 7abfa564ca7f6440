"""`python -m koers` is the `koers` command."""

from koers.cli.app import main

main()
