"""/sign-in: one form, without Dash, since nothing but static files is served to somebody who is not signed in."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from app.labels import Lang, word


def page(*, next_path: str, failed: bool, lang: str) -> str:
    """The whole document. `failed`: the name or the password was wrong just now."""
    tongue: Lang = "en" if lang == "en" else "zh"
    other, name = ("en", "English") if tongue == "zh" else ("zh", "中文")
    say = {key: escape(word(key, tongue)) for key in
           ("product", "title_sign_in", "name", "password", "sign_in", "sign_in_wrong", "sign_in_note")}  # fmt: skip
    wrong = f'<p class="wrong" role="alert" id="wrong">{say["sign_in_wrong"]}</p>' if failed else ""
    tied = ' aria-describedby="wrong" aria-invalid="true"' if failed else ""
    switch = f"/sign-in?lang={other}&amp;next={quote(next_path, safe='')}"
    return f"""<!doctype html>
<html lang="{"zh-CN" if tongue == "zh" else "en"}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{say["title_sign_in"]} · {say["product"]} Gridpost</title>
<link rel="icon" href="/assets/favicon.ico"><link rel="stylesheet" href="/assets/style.css">
<link rel="stylesheet" href="/assets/sign-in.css"><script src="/assets/lang.js"></script></head>
<body><main class="sign-in"><form method="post" action="/sign-in?lang={tongue}">
<h1><img src="/assets/logo.svg" alt="">{say["product"]}</h1>
<label for="name">{say["name"]}</label>
<input id="name" name="name" autocomplete="username" required autofocus{tied}>
<label for="password">{say["password"]}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required{tied}>
<input type="hidden" name="next" value="{escape(next_path, quote=True)}">{wrong}
<button type="submit">{say["sign_in"]}</button>
<p class="note">{say["sign_in_note"]}</p></form>
<a class="switch" href="{switch}" lang="{"en" if other == "en" else "zh-CN"}">{name}</a></main></body></html>"""
