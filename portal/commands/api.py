"""The commands ``kvar token …`` and ``kvar api …``: parsing only.

The rule to keep: a token is named by its name; itself it is printed once, and never typed here.
"""

from typing import Annotated

import typer

from portal.commands import config_of, say
from portal.domain.api_token import LONGEST_LIFE, Scope

token_app = typer.Typer(help="Look after the API's tokens.", no_args_is_help=True)
api_app = typer.Typer(help="Look at the API.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The token's name: a-z, 0-9, dot, hyphen.")]
Scopes = Annotated[list[Scope], typer.Option("--scope", help="One or more: vouchers:read …")]
AtSites = Annotated[list[str], typer.Option("--site", help="One or more; left out: every site.")]
Days = Annotated[int, typer.Option(min=1, max=LONGEST_LIFE.days, help="How long it is good.")]


@token_app.command("create")
def create(
    context: typer.Context,
    name: Name,
    scope: Scopes,
    site: AtSites = [],  # noqa: B006 - typer reads it, and changes nothing
    days: Days = 365,
) -> None:
    """Make a token, and print it: it is told once."""
    from portal.composition import api_tokens

    say(api_tokens.create(config_of(context), name, api_tokens.Wish(scope, site, days)))


@token_app.command("list")
def show_list(context: typer.Context) -> None:
    """List the tokens with what they may do, without themselves."""
    from portal.composition import api_tokens

    say(api_tokens.show(config_of(context)))


@token_app.command("revoke")
def revoke(context: typer.Context, name: Name) -> None:
    """Revoke a token: its next request is refused."""
    from portal.composition import api_tokens

    say(api_tokens.revoke(config_of(context), name))


@api_app.command("openapi")
def openapi() -> None:
    """Print the API's OpenAPI document."""
    from portal.web.api.openapi import document_text
    from portal.web.api.operations import OPERATIONS

    typer.echo(document_text(OPERATIONS))


def add_to(app: typer.Typer) -> None:
    """Add both to the command line."""
    app.add_typer(token_app, name="token")
    app.add_typer(api_app, name="api")
