"""Accounts: who is let in, and what is kept of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from app.accounts import COOKIE, SESSION_S, AccountRefused, Accounts, new_password
from app.centre import Centre
from tests.app.conftest import PASSWORD

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_neither_password_nor_cookie_nor_token_is_kept(centre: Centre) -> None:
    """Redis holds an argon2 hash and SHA-256 digests: reading it gives nobody a session."""
    signed = centre.accounts.sign_in("operator", PASSWORD, NOW)
    assert signed is not None
    token = centre.accounts.new_token("operator")
    redis = centre.queue.redis
    for key in redis.scan_iter():
        text = key.decode() + (str(redis.hgetall(key)) if redis.type(key) == b"hash" else "")
        for secret in (PASSWORD, signed[0], token):
            assert secret not in text


@pytest.mark.parametrize(("name", "password"), [("operator", "wrong"), ("nobody", PASSWORD), ("", ""), ("a b", "x")])
def test_a_wrong_name_or_password_signs_nobody_in(centre: Centre, name: str, password: str) -> None:
    """Both fail the same way: with nothing."""
    assert centre.accounts.sign_in(name, password, NOW) is None


def test_a_session_lasts_twelve_hours_from_the_last_request(centre: Centre) -> None:
    """Each look at a session gives it twelve hours more."""
    cookie, viewer = centre.accounts.sign_in("leader", PASSWORD, NOW) or pytest.fail("not signed in")
    assert viewer.home == "/daily"
    (key,) = centre.queue.redis.keys("*session:*")
    centre.queue.redis.expire(key, 60)
    assert centre.accounts.by_cookie(cookie) == viewer
    assert centre.queue.redis.ttl(key) > SESSION_S - 10


def test_disabling_works_at_once_on_sessions_and_tokens(centre: Centre) -> None:
    """A disabled account is out everywhere, and enabling it does not revive old sessions."""
    cookie, _ = centre.accounts.sign_in("operator", PASSWORD, NOW) or pytest.fail("not signed in")
    token = centre.accounts.new_token("operator")
    centre.accounts.disable("operator")
    assert centre.accounts.by_cookie(cookie) is None
    assert centre.accounts.by_token(token) is None
    assert centre.accounts.sign_in("operator", PASSWORD, NOW) is None
    centre.accounts.disable("operator", False)
    assert centre.accounts.by_cookie(cookie) is None


def test_a_new_password_ends_the_sessions_and_a_new_token_the_old_one(centre: Centre) -> None:
    """Whoever had the old ones is out."""
    cookie, _ = centre.accounts.sign_in("operator", PASSWORD, NOW) or pytest.fail("not signed in")
    first, second = centre.accounts.new_token("operator"), centre.accounts.new_token("operator")
    centre.accounts.set_password("operator", "another long password")
    assert centre.accounts.by_cookie(cookie) is None
    assert centre.accounts.by_token(first) is None
    assert centre.accounts.by_token(second) is not None


def test_bad_accounts_are_refused(centre: Centre) -> None:
    """A taken name, an unknown role, a short password and a name with blanks."""
    for name, role, password in (
        ("operator", "operator", PASSWORD), ("x", "king", PASSWORD), ("x", "operator", "short"),
        ("a b", "operator", PASSWORD),
    ):  # fmt: skip
        with pytest.raises(AccountRefused):
            centre.accounts.add(name, role, password, NOW)
    with pytest.raises(AccountRefused, match="users list"):
        centre.accounts.set_role("nobody", "operator")


def test_random_passwords_differ_and_are_long_enough(centre: Centre) -> None:
    """They pass the rule for passwords."""
    assert len({new_password() for _ in range(100)}) == 100
    centre.accounts.add("fresh", "operator", new_password(), NOW)


def test_signing_in_sets_a_cookie_that_scripts_cannot_read_and_goes_where_asked(web: TestClient) -> None:
    """HttpOnly, SameSite=Lax; `next` is followed when it stays here."""
    answer = web.post("/sign-in", data={"name": "operator", "password": PASSWORD, "next": "/wall"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/wall")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "samesite=lax" in answer.headers["set-cookie"].lower()
    assert web.get("/").headers["location"] == "/dispatch"


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", ""])
def test_signing_in_never_leads_to_another_site(web: TestClient, target: str) -> None:
    """An open redirect would lend our name to a phishing page."""
    answer = web.post("/sign-in", data={"name": "leader", "password": PASSWORD, "next": target})
    assert answer.headers["location"] == "/daily"


def test_a_failed_sign_in_says_nothing_about_which_was_wrong(web: TestClient) -> None:
    """The same page for a wrong name and a wrong password, and no cookie."""
    one = web.post("/sign-in", data={"name": "operator", "password": "wrong"})
    two = web.post("/sign-in", data={"name": "nobody", "password": "wrong"})
    assert one.status_code == two.status_code == 401
    assert one.text == two.text
    assert "set-cookie" not in one.headers


def test_signing_out_ends_the_session(web: TestClient) -> None:
    """The cookie is worth nothing afterwards."""
    web.post("/sign-in", data={"name": "operator", "password": PASSWORD})
    cookie = web.cookies[COOKIE]
    assert web.post("/sign-out", headers={"Origin": "http://gridpost.test"}).status_code == 303
    assert web.get("/api/v1/grids", headers={"Cookie": f"{COOKIE}={cookie}"}).status_code == 401


def test_accounts_without_a_password_hash_let_nobody_in(centre: Centre) -> None:
    """A half-made account (a crash between two writes) is locked."""
    centre.queue.redis.hset(centre.queue.keys.account("half"), mapping={"name": "half"})
    assert isinstance(centre.accounts, Accounts)
    assert centre.accounts.sign_in("half", PASSWORD, NOW) is None
