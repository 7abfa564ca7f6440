"""New files: never over one that is there, and whole or not there at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from koers.events.errors import InputError


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
            except BaseException:
                path.unlink(missing_ok=True)
                raise
    except FileExistsError:
        raise InputError("there is a file here already: name another", str(path)) from None
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", str(path)) from error
