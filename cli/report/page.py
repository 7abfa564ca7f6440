"""A page from its template: everything put into it is escaped, and a name it does not know is an error."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined

SUFFIXES = (".j2", ".css")


def render(template: str, **shown: object) -> str:
    """The template of this name, filled in."""
    return _environment().get_template(template).render(**shown)


@cache
def _environment() -> Environment:
    """The templates beside this file, also where the package is a zip."""
    texts = {
        path.name: path.read_text(encoding="utf-8")
        for path in files("koers.cli.report").iterdir()
        if path.name.endswith(SUFFIXES)
    }
    return Environment(
        loader=DictLoader(texts), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
