"""The page templates, which lie beside this file as package data. Everything is escaped."""

from typing import Any

from guidance.report import style


def render_template(name: str, values: dict[str, Any]) -> str:
    """Return the page that template `name` makes of `values`; unknown names in it are errors."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("guidance.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name).render(style=style, **values)
