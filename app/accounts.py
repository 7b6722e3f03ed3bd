"""Who may: accounts with argon2 hashes, sessions as random cookies, one bearer token per account.

There is no default password anywhere. Redis keeps only the SHA-256 of a cookie or token, so that reading the
database gives nobody a session. Every look-up reads the account as well: disabling somebody or changing a
role or password works at once, everywhere (`generation` outdates the sessions opened before).

Who works outside (a patrol, a department's people) has an account that is bound to one patrol or one department and
opens `/field` and nothing else: what such an account may open is listed here, so that a new page is closed to it.
"""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from streams.errors import GridpostError
from streams.keys import Keys

DESK_ROLES: Final = ("operator", "supervisor", "leader", "administrator")
BOUND_ROLES: Final = {"field": "patrol", "department": "department"}
"""The roles outside, and what an account of each is bound to."""
ROLES: Final = (*DESK_ROLES, *BOUND_ROLES)
ACTING: Final = ("operator", "supervisor", "administrator")
COOKIE = "gridpost_session"
SESSION_S = 12 * 3600
NAME_FORM = re.compile(r"[\w.@-]{1,40}")
SHORTEST_PASSWORD = 10
OUTSIDE = frozenset({"/", "/field", "/field-worker.js", "/sign-out", "/api/v1/media"})
OUTSIDE_FOLDERS = ("/api/v1/field/", "/media/")
"""All that an account outside may open. The name of a picture is 256 bits: who knows it was shown it."""

_viewer: ContextVar[Viewer | None] = ContextVar("gridpost_viewer", default=None)


class AccountRefused(GridpostError):
    """An account that cannot be made or changed as asked."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """The signed-in account behind a request. `patrol` (role field) and `department` (role department): what the
    account is bound to."""

    name: str
    role: str
    patrol: str = ""
    department: str = ""

    @property
    def acts(self) -> bool:
        """Whether the role may change anything: leaders only look."""
        return self.role in ACTING

    @property
    def audience(self) -> str:
        """`full`, or `masked` for those who read neither contacts nor free text."""
        return "masked" if self.role == "leader" else "full"

    @property
    def home(self) -> str:
        """The page of the role."""
        if self.outside:
            return "/field"
        return "/daily" if self.role == "leader" else "/dispatch"

    @property
    def outside(self) -> bool:
        """Whether the account is one patrol's or one department's."""
        return self.role in BOUND_ROLES

    def may_open(self, path: str) -> bool:
        """Whether the role may ask for this address at all."""
        return not self.outside or path in OUTSIDE or path.startswith(OUTSIDE_FOLDERS)


def viewer() -> Viewer | None:
    """Who is signed in for the request (or callback) that is running; None outside of one."""
    return _viewer.get()


def set_viewer(found: Viewer | None) -> None:
    """Say who is behind the running request: the sign-in middleware does, nobody else."""
    _viewer.set(found)


class Listed(NamedTuple):
    """One account as a list shows it. `bound`: the patrol or department it is bound to, or empty."""

    name: str
    role: str
    disabled: bool
    bound: str


class Accounts:
    """The accounts of one site in Redis. `redis` is a client with `decode_responses=True`."""

    def __init__(self, redis: Any, keys: Keys, hasher: PasswordHasher | None = None) -> None:
        self._redis = redis
        self._keys = keys
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    def add(self, name: str, role: str, password: str, now: datetime, bound: str = "") -> None:
        """Make an account; `bound`: the patrol or department of a role outside. Raises AccountRefused for a bad or
        taken name, a role, what it is bound to, or a short password."""
        if not NAME_FORM.fullmatch(name):
            raise AccountRefused(f"{name!r} is no account name: use 1 to 40 letters, digits and . _ - @.")
        _refuse_role(role, bound)
        _refuse_short(password)
        if not self._redis.hsetnx(self._keys.account(name), "name", name):
            raise AccountRefused(f"There is an account {name!r} already: choose another name.")
        fields = {
            "role": role, "password": self._hasher.hash(password), "disabled": "0", "generation": "1",
            "token": "", "created": now.isoformat(), "bound": bound,
        }
        self._redis.hset(self._keys.account(name), mapping=fields)
        self._redis.sadd(self._keys.accounts, name)

    def names(self) -> list[Listed]:
        """Every account, by name."""
        found = []
        for name in sorted(self._redis.smembers(self._keys.accounts)):
            role, disabled, bound = self._redis.hmget(self._keys.account(name), "role", "disabled", "bound")
            found.append(Listed(name, role or "?", disabled == "1", bound or ""))
        return found

    def set_role(self, name: str, role: str, bound: str = "") -> None:
        """Give the account another role (and what it is bound to, outside); raises AccountRefused."""
        _refuse_role(role, bound)
        self._refuse_missing(name)
        self._redis.hset(self._keys.account(name), mapping={"role": role, "bound": bound})

    def set_password(self, name: str, password: str) -> None:
        """Replace the password; whoever is signed in as this account is signed out."""
        _refuse_short(password)
        self._refuse_missing(name)
        self._redis.hset(self._keys.account(name), "password", self._hasher.hash(password))
        self._redis.hincrby(self._keys.account(name), "generation", 1)

    def disable(self, name: str, disabled: bool = True) -> None:
        """Lock the account out (sessions and token too), or let it in again."""
        self._refuse_missing(name)
        self._redis.hset(self._keys.account(name), "disabled", "1" if disabled else "0")
        if disabled:
            self._redis.hincrby(self._keys.account(name), "generation", 1)

    def new_token(self, name: str) -> str:
        """A new bearer token for the account; the one before stops working. It is shown only this once."""
        self._refuse_missing(name)
        token = "gp_" + secrets.token_urlsafe(32)
        key = self._keys.account(name)
        before = self._redis.hget(key, "token")
        if before:
            self._redis.delete(self._keys.token(before))
        self._redis.hset(self._keys.token(_digest(token)), "name", name)
        self._redis.hset(key, "token", _digest(token))
        return token

    def sign_in(self, name: str, password: str, now: datetime) -> tuple[str, Viewer] | None:
        """A new session cookie and whose it is, or None; an unknown name takes as long as a known one."""
        account = self._redis.hgetall(self._keys.account(name)) if NAME_FORM.fullmatch(name) else {}
        hashed = account.get("password", self._nobody)
        if not self._verify(hashed, password) or "password" not in account or account.get("disabled") == "1":
            return None
        cookie = secrets.token_urlsafe(32)
        key = self._keys.session(_digest(cookie))
        fields = {"name": name, "generation": account["generation"], "created": now.isoformat()}
        self._redis.hset(key, mapping=fields)
        self._redis.expire(key, SESSION_S)
        return cookie, _viewer_as(name, account["role"], account.get("bound"))

    def sign_out(self, cookie: str) -> None:
        """End the session."""
        self._redis.delete(self._keys.session(_digest(cookie)))

    def by_cookie(self, cookie: str) -> Viewer | None:
        """Who the session belongs to, and 12 hours more for it; None when it is unknown, old or outdated."""
        key = self._keys.session(_digest(cookie))
        session = self._redis.hgetall(key)
        if not session:
            return None
        found = self._redis.hmget(self._keys.account(session["name"]), "role", "disabled", "generation", "bound")
        role, disabled, generation, bound = found
        if role is None or disabled == "1" or generation != session["generation"]:
            self._redis.delete(key)
            return None
        self._redis.expire(key, SESSION_S)
        return _viewer_as(session["name"], role, bound)

    def by_token(self, token: str) -> Viewer | None:
        """Who the bearer token belongs to; None when it is unknown, replaced or the account is disabled."""
        digest = _digest(token)
        name = self._redis.hget(self._keys.token(digest), "name")
        if name is None:
            return None
        found = self._redis.hmget(self._keys.account(name), "role", "disabled", "token", "bound")
        role, disabled, current, bound = found
        if role is None or disabled == "1" or current != digest:
            return None
        return _viewer_as(name, role, bound)

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    def _refuse_missing(self, name: str) -> None:
        if not self._redis.exists(self._keys.account(name)):
            raise AccountRefused(f"There is no account {name!r}: `gridpost users list` shows them.")


def new_password() -> str:
    """A random password that is easy to type: four groups of four letters and digits, about 80 bits."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _viewer_as(name: str, role: str, bound: str | None) -> Viewer:
    to = BOUND_ROLES.get(role)
    return Viewer(name, role, **({to: bound or ""} if to else {}))


def _refuse_role(role: str, bound: str) -> None:
    if role not in ROLES:
        raise AccountRefused(f"{role!r} is no role: use {', '.join(ROLES[:-1])} or {ROLES[-1]}.")
    to = BOUND_ROLES.get(role)
    if to and not bound:
        raise AccountRefused(f"An account of the role {role} is bound to one {to}: name it with --{to}.")
    if bound and not to:
        raise AccountRefused(f"An account of the role {role} is bound to nothing: leave {bound!r} out.")


def _refuse_short(password: str) -> None:
    if len(password) < SHORTEST_PASSWORD:
        raise AccountRefused(
            f"The password has {len(password)} characters: use at least {SHORTEST_PASSWORD}."
        )
