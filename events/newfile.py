"""New files: never over one that is there, and whole or not there at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from koers.events.errors import InputError


def keep_name(path: Path) -> None:
    """See to it that the name of a new file outlives a power loss. Raises OSError."""
    if not hasattr(os, "O_DIRECTORY"):  # not a POSIX system: there is no way to ask for it
        return
    handle = os.open(path.absolute().parent, os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A new file to write bytes to, on the disk when this ends; gone if it ends with an error.

    Raises InputError if there is a file of that name already, or it cannot be written.
    """
    try:
        with path.open("xb") as file:
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                keep_name(path)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
    except FileExistsError:
        raise InputError("there is a file here already: name another", str(path)) from None
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", str(path)) from error
