"""Events of old versions, as the current version would have said them.

A version of an event type is never changed once it was released: what it said is hashed. A new version comes with one
step from the one before, a pure function of the data. Steps are taken where events are read; what is stored, and what
`verify` checks, stays the text that was appended.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from koers.events.chain import canonical_json
from koers.events.errors import LogError
from koers.events.model import PAYLOADS, Row

Step = tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]
"""The type that comes next, and how its data follows from that of the type before."""

STEPS: Mapping[str, Step] = MappingProxyType({})
"""For every old type the step that leads on. Version 1 is the first of all types: there is none yet."""


def current(row: Row) -> Row:
    """The row with type and data of the current version. Raises LogError for a type that this koers does not know."""
    if row.type in PAYLOADS:
        return row
    kind, (data,) = all_current(row.type, [row.data], row.position)
    return row._replace(type=kind, data=data)


def all_current(kind: str, data: Sequence[str], position: int) -> tuple[str, Sequence[str]]:
    """The current version of a type, and the data of events of type `kind` as it says them.

    Raises LogError, with the `position` of the first of them, for a type that this koers does not know.
    """
    while kind in STEPS:
        kind, step = STEPS[kind]
        data = [canonical_json(step(json.loads(text))) for text in data]
    if kind not in PAYLOADS:
        ours = [
            f", which reads {name}" for name in PAYLOADS if name.rpartition(".v")[0] == str(kind).rpartition(".v")[0]
        ]
        told = "".join(["is not known to this version of koers", *ours, ": update koers"])
        raise LogError(f"position {position}: event type {kind} {told}")
    return kind, data
