"""The commands ``kvar privacy …``: parsing only (portal/processing_facts.py has the facts)."""

import typer

from portal.clock import utc_now
from portal.commands import config_of
from portal.domain.privacy_pack import answers_for_staff, assessment, notice
from portal.domain.processing_record import as_markdown, note, record
from portal.processing_facts import facts

app = typer.Typer(
    help="Texts about what is written down of guests, in Swedish, as the configuration makes them.",
    no_args_is_help=True,
)


@app.command("record")
def print_record(context: typer.Context) -> None:
    """Print the record of processing (GDPR article 30).

    Markdown on standard output: kvar privacy record > registerforteckning.md
    """
    typer.echo(as_markdown(record(facts(config_of(context))), note(_today())))


@app.command("notice")
def print_notice(context: typer.Context) -> None:
    """Print the information for visitors (GDPR article 13), for web site and signs."""
    lead = f"Framtagen {_today()} ur systemets inställningar. Samma uppgifter står på wifisidan."
    sections = notice(facts(config_of(context)))
    typer.echo(as_markdown(sections, lead, "Personuppgifter när du använder bibliotekets wifi"))


@app.command("assessment")
def print_assessment(context: typer.Context) -> None:
    """Print the beginning of an impact assessment (GDPR article 35), for people to finish."""
    lead = (
        f"Framtagen {_today()} ur systemets inställningar. En början: det som börjar med "
        '"Fyll i" kan bara ni avgöra.'
    )
    sections = assessment(facts(config_of(context)))
    typer.echo(as_markdown(sections, lead, "Konsekvensbedömning: gästwifi"))


@app.command("answers")
def print_answers(context: typer.Context) -> None:
    """Print what visitors ask at the desk about their data, with true answers."""
    lead = f"Framtagen {_today()} ur systemets inställningar. Till pärmen vid disken."
    sections = answers_for_staff(facts(config_of(context)))
    typer.echo(as_markdown(sections, lead, "Frågor om wifi och personuppgifter"))


def _today() -> str:
    return f"{utc_now():%Y-%m-%d}"
