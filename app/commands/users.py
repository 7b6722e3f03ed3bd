"""`users`: the accounts of a site."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from app.accounts import ROLES, AccountRefused, Accounts, new_password

if TYPE_CHECKING:
    from app.config import Settings

app = typer.Typer(no_args_is_help=True, help="Accounts: who may sign in, and as what.")

Name = Annotated[str, typer.Argument(help="The account's name.")]
Role = Annotated[str, typer.Option(help=f"One of {', '.join(ROLES)}.")]
Patrol = Annotated[str, typer.Option("--patrol", help="For the role field: the patrol whose account it is.")]
Department = Annotated[
    str, typer.Option("--department", help="For the role department: the department whose account it is.")
]
Undo = Annotated[bool, typer.Option("--undo", help="Let the account in again.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@app.command()
def add(
    name: Name,
    role: Role = "operator",
    patrol: Patrol = "",
    department: Department = "",
    password_stdin: FromStdin = False,
) -> None:
    """Make an account. Without --password-stdin a random password is made and printed once."""
    from app.centre import wall_clock

    bound = known(_settings(), patrol, department)
    password = _password(password_stdin)
    with _accounts() as accounts:
        accounts.add(name, role, password, wall_clock(), bound)
    typer.echo(f"Account {name} ({role}) made." + ("" if password_stdin else f" Password: {password}"))


@app.command("list")
def show() -> None:
    """List the accounts."""
    with _accounts() as accounts:
        for name, role, disabled, bound in accounts.names():
            typer.echo(f"{name}\t{role}{f' {bound}' if bound else ''}\t{'disabled' if disabled else 'enabled'}")


@app.command()
def role(
    name: Name,
    new: Annotated[str, typer.Argument(help=f"One of {', '.join(ROLES)}.")],
    patrol: Patrol = "",
    department: Department = "",
) -> None:
    """Give an account another role."""
    bound = known(_settings(), patrol, department)
    with _accounts() as accounts:
        accounts.set_role(name, new, bound)
    typer.echo(f"{name} is {new} now.")


@app.command()
def disable(name: Name, undo: Undo = False) -> None:
    """Lock an account out at once: its sessions and its token too."""
    with _accounts() as accounts:
        accounts.disable(name, not undo)
    typer.echo(f"{name} is {'enabled' if undo else 'disabled'} now.")


@app.command()
def password(name: Name, password_stdin: FromStdin = False) -> None:
    """Replace the password; whoever is signed in as this account is signed out."""
    new = _password(password_stdin)
    with _accounts() as accounts:
        accounts.set_password(name, new)
    typer.echo(f"The password of {name} is replaced." + ("" if password_stdin else f" Password: {new}"))


@app.command()
def token(name: Name) -> None:
    """Make the account's bearer token for the API; the one before stops working. It is printed only now."""
    with _accounts() as accounts:
        typer.echo(accounts.new_token(name))


def known(settings: Settings, patrol: str, department: str) -> str:
    """What the account is bound to, by its id in the site's files; empty for neither. Raises AccountRefused for one
    that nobody knows: its page would stay empty for ever."""
    from app.centre import read_org
    from streams.register import load_register

    if patrol and department:
        raise AccountRefused("An account is bound to a patrol or to a department: name one of them.")
    if patrol:
        found = load_register(settings.devices, settings.patrols, settings.sources).patrol(patrol)
        if found is None:
            raise AccountRefused(f"{patrol!r} is no patrol of {settings.patrols}: name one that is registered there.")
        return found.id
    if department and department not in read_org(settings.org).departments:
        raise AccountRefused(f"{department!r} is no department of {settings.org}: name one by its code.")
    return department


def _settings() -> Settings:
    from app import config

    return config.load()


def _password(from_stdin: bool) -> str:
    return sys.stdin.readline().rstrip("\r\n") if from_stdin else new_password()


class _accounts:
    """The accounts of the configured Redis, or of the embedded one."""

    def __init__(self) -> None:
        from app.embedding import with_servers

        self._servers = with_servers(_settings(), mqtt=False)

    def __enter__(self) -> Accounts:
        from app.centre import open_accounts

        return open_accounts(self._servers.__enter__())

    def __exit__(self, *error: object) -> None:
        self._servers.__exit__(None, None, None)
