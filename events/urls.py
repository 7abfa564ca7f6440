"""Where a log is: a file, or a database on a server. What is shown of it holds no password."""

from __future__ import annotations

import re
from pathlib import Path

SERVER = ("postgres://", "postgresql://")
SECRET = re.compile(r"([?&](?:password|sslpassword)=)[^&]*", re.IGNORECASE)


def on_server(url: str | Path) -> bool:
    """Whether `url` names a PostgreSQL database."""
    return str(url).startswith(SERVER)


def shown(url: str | Path) -> str:
    """`url` as it may be printed. Where it is malformed, rather too much of it is hidden than too little."""
    text = str(url)
    if not on_server(text):
        return text
    scheme, _, rest = text.partition("://")
    users, at, place = rest.rpartition("@")
    return f"{scheme}://{users.partition(':')[0]}{at}" + SECRET.sub(r"\1***", place)
