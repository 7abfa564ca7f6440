"""What goes wrong with a file, in words: what it means for the log, and what to do."""

from __future__ import annotations

import errno
import sqlite3

from koers.events.waiting import WAIT

HELD = f"another program has held this log for {WAIT:.0f} s; nothing was changed: try again when it is done"
FAILURES = {
    sqlite3.SQLITE_BUSY: HELD,
    sqlite3.SQLITE_READONLY: "this log can only be read here; nothing was stored: file and folder must be writable",
    sqlite3.SQLITE_FULL: "the disk is full; nothing was stored: make room, then try again",
    sqlite3.SQLITE_IOERR: "the disk fails ({}); what was being stored is there whole or not at all: try it again",
    sqlite3.SQLITE_CORRUPT: "the file is damaged ({}): `koers verify` says where",
    sqlite3.SQLITE_NOTADB: "this is not a koers log; it was left untouched",
}
ERRNOS = {
    errno.EACCES: sqlite3.SQLITE_READONLY,
    errno.EPERM: sqlite3.SQLITE_READONLY,
    errno.EROFS: sqlite3.SQLITE_READONLY,
    errno.ENOSPC: sqlite3.SQLITE_FULL,
    errno.EDQUOT: sqlite3.SQLITE_FULL,
}


def in_words(error: sqlite3.Error | OSError | UnicodeDecodeError) -> str:
    """What went wrong, what it means for the log, and what to do."""
    if isinstance(error, TimeoutError):
        return HELD
    told = " ".join(str(error).split())
    if isinstance(error, OSError):
        return FAILURES.get(ERRNOS.get(error.errno or 0, 0), error.strerror or told)
    usual = FAILURES[sqlite3.SQLITE_CORRUPT] if isinstance(error, UnicodeDecodeError) else "{}"
    return FAILURES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, usual).format(told)
