"""`/api/docs`: the API's own description as one plain page.

The usual pages for OpenAPI fetch their scripts from a CDN, and nothing may be fetched from outside; so this is
HTML made here from `/api/openapi.json`, without any script.
"""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

STYLE = (
    "body{font:14px/1.6 'Noto Sans CJK SC',system-ui;max-width:60rem;margin:24px auto;padding:0 16px}"
    "code{background:#8882;padding:0 4px;border-radius:4px}h2{font-size:16px;margin-top:36px}"
    "table{border-collapse:collapse}td{border-top:1px solid #8884;padding:4px 12px 4px 0;vertical-align:top}"
    ":root{color-scheme:light dark}"
)


@router.get("/api/docs")
def docs(request: Request) -> HTMLResponse:
    """The page."""
    return HTMLResponse(render(request.app.openapi()))


def render(spec: dict[str, Any]) -> str:
    """The page of an OpenAPI document."""
    parts = []
    for path, methods in sorted(spec["paths"].items()):
        for method, operation in methods.items():
            parts.append(f"<h2><code>{method.upper()} {escape(path)}</code></h2>")
            parts.append(f"<p>{escape(operation.get('description', operation.get('summary', '')))}</p>")
            rows = "".join(_row(each) for each in operation.get("parameters", []))
            if rows:
                parts.append(f"<table>{rows}</table>")
    title = escape(f"{spec['info']['title']} API {spec['info']['version']}")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"<h1>{title}</h1><p>A session cookie or <code>Authorization: Bearer</code>. Lists are "
        '<code>{"items": […], "next": cursor}</code>. The whole description: '
        '<a href="/api/openapi.json">openapi.json</a>.</p>' + "".join(parts) + "</html>"
    )


def _row(parameter: dict[str, Any]) -> str:
    schema = parameter.get("schema", {})
    kind = schema.get("type") or "/".join(one.get("format", one.get("type", "")) for one in schema.get("anyOf", []))
    cells = (parameter["name"], parameter["in"], kind, parameter.get("description", ""))
    return "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>"
