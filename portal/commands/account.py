"""The commands ``kvar account …``: parsing only (portal/composition/accounts.py does the work)."""

from datetime import datetime
from typing import Annotated

import typer

from portal.commands import config_of, say
from portal.domain.staff_account import Role

app = typer.Typer(help="Look after staff accounts.", no_args_is_help=True)

Account = Annotated[str, typer.Argument(help="The account's name: a-z, 0-9, dot, hyphen.")]
Roles = Annotated[list[Role], typer.Option("--role", help="One or more: desk, it …")]
AtSites = Annotated[list[str], typer.Option("--site", help="One or more; left out: every site.")]
LinkMinutes = Annotated[int, typer.Option(min=5, max=1440, help="How long the link is good.")]
LastDay = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The account's last day.")
]


@app.command("create")
def create(
    context: typer.Context,
    name: Account,
    role: Roles,
    site: AtSites = [],  # noqa: B006 - typer reads it, and changes nothing
    until: LastDay = None,
    link_minutes: LinkMinutes = 30,
) -> None:
    """Make an account, and print the one-time link of its first sign-in."""
    from portal.composition import accounts

    wish = accounts.Wish(role, site, until.date() if until else None, link_minutes)
    say(accounts.create(config_of(context), name, wish))


@app.command("list")
def list_(context: typer.Context) -> None:
    """List the accounts: roles, sites, the last sign-in, and what is due for the yearly look."""
    from portal.composition import accounts

    say(accounts.show(config_of(context)))


@app.command("disable")
def disable(context: typer.Context, name: Account) -> None:
    """Disable an account and sign it out everywhere."""
    from portal.composition import accounts

    say(accounts.disable(config_of(context), name))


@app.command("enable")
def enable(context: typer.Context, name: Account) -> None:
    """Enable an account again."""
    from portal.composition import accounts

    say(accounts.enable(config_of(context), name))


@app.command("reset")
def reset(context: typer.Context, name: Account, link_minutes: LinkMinutes = 30) -> None:
    """Take password and second factor away, and print a new one-time link."""
    from portal.composition import accounts

    say(accounts.reset(config_of(context), name, link_minutes))


@app.command("roles")
def roles(
    context: typer.Context,
    name: Account,
    role: Roles,
    site: AtSites = [],  # noqa: B006 - the same
) -> None:
    """Give an account exactly these roles and sites."""
    from portal.composition import accounts

    say(accounts.grant(config_of(context), name, accounts.Wish(role, site)))


@app.command("until")
def until(
    context: typer.Context,
    name: Account,
    last_day: Annotated[
        datetime | None,
        typer.Argument(formats=["%Y-%m-%d"], help="Its last day; left out: without end."),
    ] = None,
) -> None:
    """Give an account another last day, or none."""
    from portal.composition import accounts

    say(accounts.prolong(config_of(context), name, last_day.date() if last_day else None))


@app.command("confirm")
def confirm(context: typer.Context, name: Account) -> None:
    """Note that an account was looked over and is needed still: once a year."""
    from portal.composition import accounts

    say(accounts.confirm(config_of(context), name))
