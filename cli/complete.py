"""What a shell offers after a tab: the key results of the log."""

from __future__ import annotations

import re

import typer

from koers.events.errors import KoersError
from koers.events.urls import on_server

SAFE = re.compile(r"\w[\w./-]*")
"""Names that no shell reads as anything else: completions are evaluated by some."""


def key_results(ctx: typer.Context, incomplete: str) -> list[str]:
    """The log's key results that begin with `incomplete`; none of a log on a server, or one that cannot be read."""
    url = ctx.find_root().params["log"]
    if on_server(url):
        return []
    from koers.engine.projections import goals
    from koers.engine.replay import view
    from koers.events.cache import read_frames
    from koers.events.log import open_log

    try:
        with open_log(url) as log:
            names = goals(view(read_frames(log)))["key_result"].to_list()
    except KoersError:
        return []
    return sorted(name for name in names if name.startswith(incomplete) and SAFE.fullmatch(name))
