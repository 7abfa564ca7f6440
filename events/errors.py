"""Errors people can act on.

KoersError                 the input or the log is at fault; the message says what, where and what to do
├── InputError             a file, a table or an argument; carries file, line and column
└── LogError               the log cannot be opened, read or trusted
    ├── MissingError       there is no log yet
    └── ConflictError      an append lost against what the log already holds
        └── VersionError   a subject has another last event than expected; carries subject, expected and actual
"""


class KoersError(Exception):
    """Base of every error koers raises on purpose: one line, fit to print."""


class InputError(KoersError):
    """A file, table or argument that cannot be taken; nothing of it was stored.

    `where` is ``file:line:column`` as far as it is known (lines and columns count from 1), else empty.
    """

    def __init__(self, what: str, file: str = "", line: int | None = None, column: int | None = None) -> None:
        parts = [file] + [str(n) for n in (line, column) if n is not None]
        self.where = ":".join(p for p in parts if p)
        super().__init__(f"{self.where}: {what}" if self.where else what)


class LogError(KoersError):
    """A log that cannot be opened, read or trusted; it was left as it is."""


class MissingError(LogError):
    """There is no log where one was looked for."""


class ConflictError(LogError):
    """An append that contradicts the log: same id with other content, or another version than expected.

    `event_id` is the id in question, where there is one.
    """

    def __init__(self, what: str, event_id: str = "") -> None:
        self.event_id = event_id
        super().__init__(what)


class VersionError(ConflictError):
    """Somebody was first: the last event of `subject` stands at position `actual`, not at `expected` (0: none)."""

    def __init__(self, subject: str, expected: int, actual: int) -> None:
        self.subject, self.expected, self.actual = subject, expected, actual
        super().__init__(
            f"{subject}: expected its last event at position {expected}, found {actual}: read again, then decide"
        )
