"""`koers`, which is `python -m koers`: the command as a process of its own."""

from koers.cli.app import main
from koers.cli.lighter import leave
from koers.cli.options import shown


def command() -> None:
    """Run koers and end the process."""
    try:
        with shown():
            main()
    except SystemExit as end:
        leave(end)
        raise


if __name__ == "__main__":
    command()
