"""The command ``kvar setup``: asks, and hands on (portal/composition/setup.py does the work)."""

import asyncio
import getpass
import stat
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from portal import logs
from portal.clock import utc_now
from portal.commands import config_of
from portal.setup import TEXTS, answers, dialogue
from portal.setup.answers import Answers
from portal.web.texts import Language, load_languages

if TYPE_CHECKING:
    from portal.composition.setup_files import Place


class Tongue(StrEnum):
    """The languages of the dialogue."""

    SV = "sv"
    EN = "en"


class Console:
    """The terminal, or whatever standard input is."""

    def say(self, text: str) -> None:
        """Show a line."""
        typer.echo(text)

    def ask(self, prompt: str, *, is_secret: bool) -> str:
        """Return one line; EOFError: there is none."""
        if is_secret and sys.stdin.isatty():
            return getpass.getpass(prompt)
        typer.echo(prompt, nl=False)
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("setup")(_setup)


def _setup(
    context: typer.Context,
    answers_file: Annotated[
        Path | None, typer.Option("--answers", help="A file of answers: nothing is asked.")
    ] = None,
    language: Annotated[Tongue | None, typer.Option(help="Of the dialogue.")] = None,
    replace: Annotated[
        bool, typer.Option(help="Replace a file that was edited by hand; a copy is kept.")
    ] = False,
    finish: Annotated[str, typer.Option(hidden=True, help="What the processes' user does.")] = "",
) -> None:
    """Ask nine questions; write the configuration, make the database and the first account."""
    from portal.composition import setup
    from portal.composition.setup_files import Place, packaged_user
    from portal.composition.start import StartError

    logs.configure("setup")
    tongues = {tongue.tag: tongue for tongue in load_languages(TEXTS)}
    console = Console()
    place = Place(context.obj, packaged_user())
    if finish:
        words = tongues[language or Tongue.SV]
        work = setup.finish(config_of(context), context.obj, finish, words, console.say)
        asyncio.run(work)
        return
    if answers_file is not None:
        given = answers.read(answers_file)
    else:
        if not replace:
            setup.refuse_edited(place)
        try:
            given = _asked(console, tongues, language, place)
        except EOFError as problem:
            text = "the answers ended before the questions; nothing was written"
            raise StartError(f"{text}. Unattended: kvar setup --answers FILE") from problem
    words = tongues[language or given.language]
    if answers_file is not None and answers_file.stat().st_mode & stat.S_IRWXO:
        console.say(words.text("answers.open", file=answers_file))
    setup.set_up(given, place, words, console.say, utc_now(), replace=replace)


def _asked(
    console: Console, tongues: dict[str, Language], language: Tongue | None, place: "Place"
) -> Answers:
    """Ask until the answers fit together; what was typed before is offered again."""
    from portal.composition import setup
    from portal.config_file import ConfigError

    tongue = language or Tongue.SV
    while language is None:
        chosen = console.ask("Språk / Language: sv, en [sv]: ", is_secret=False).strip().lower()
        if chosen in {"", *Tongue}:
            tongue = Tongue(chosen or "sv")
            break
    words, typed = tongues[tongue], dict[str, str]()
    while True:
        document = dialogue.hold(console, words, setup.guess(), typed)
        try:
            given = answers.check(document, Path("kvar setup"))
            setup.refuse_contradictions(given, place)
        except ConfigError as problem:
            console.say(f"\n{problem}\n{words.text('again')}")
        else:
            return given
