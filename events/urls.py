"""Where a log is: a file, or a database on a server. What is shown of it holds no password."""

from __future__ import annotations

import re
from pathlib import Path

SERVER = ("postgres://", "postgresql://")
SECRET = re.compile(r"([?&](?:password|sslpassword)=)[^&\s]*([^&]*)", re.IGNORECASE)
FOLDED = re.compile(r"postgres(?:ql)?:/", re.IGNORECASE)
"""How an address begins that was taken for a path: a slash is gone."""
WITHIN = re.compile(rf"({FOLDED.pattern}/?[^\s:@/]*):.*@", re.IGNORECASE)


def on_server(url: str | Path) -> bool:
    """Whether `url` names a PostgreSQL database."""
    return str(url).startswith(SERVER)


def is_address(path: Path) -> bool:
    """Whether what was taken for a path is the address of a server."""
    return FOLDED.match(str(path)) is not None


def hidden(text: str) -> str:
    """A message without the password of an address in it, in whatever place that was given."""
    return SECRET.sub(r"\1***\2", WITHIN.sub(r"\1@", text)) if FOLDED.search(text) else text


def shown(url: str | Path) -> str:
    """`url` as it may be printed. Where it is malformed, rather too much of it is hidden than too little."""
    text = str(url)
    if not on_server(text):
        return text
    scheme, _, rest = text.partition("://")
    users, at, place = rest.rpartition("@")
    return f"{scheme}://{users.partition(':')[0]}{at}" + SECRET.sub(r"\1***", place)
