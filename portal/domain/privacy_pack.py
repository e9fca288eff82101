"""PURE: texts for the library's privacy work beside the record, in Swedish, as configured.

Not legal advice, and not what guests read on the page (templates/guest/privacy.html). The rules to
keep: numbers, names and conditions come from the facts; what only people can judge is left open,
and says so.
"""

from portal.domain.privacy import PrivacyLevel
from portal.domain.processing_record import Facts, Section, days, kept_data

FILL_IN = "Fyll i:"

_STORED = {
    PrivacyLevel.COUNTS: "Vi för ingen lista över vilka som använder wifi, vi räknar "
    "bara hur många.",
    PrivacyLevel.VISITS: "Vi sparar när någon är uppkopplad, i {period}, men inte vem eller med "
    "vilken enhet.",
    PrivacyLevel.GUESTS: "Vi sparar när du är uppkopplad och med vilken enhet, i {period}.",
    PrivacyLevel.ADDRESSES: "Vi sparar när du är uppkopplad, med vilken enhet och vilka adresser "
    "nätet gav dig, i {period}. Det gör vi för att kunna utreda missbruk.",
}
_WHY = (
    "Biblioteket ska ge alla tillgång till internet. Det är en uppgift av allmänt intresse "
    "(artikel 6.1 e i dataskyddsförordningen). Vi ber inte om samtycke."
)
_DESCRIPTION = (
    "Besökare i bibliotek får internet på sin egen enhet. Behandlingen beskrivs i "
    "registerförteckningen (kvar privacy record)."
)
_AUTHORITIES = (
    "Inte vad du har gjort: det finns inte. En begäran från en myndighet prövas varje gång. (Till "
    "dig vid disken: lämna aldrig ut något själv, hänvisa till ansvarig.)"
)
_ACCESS = (
    "Ja. Visa kortet, koden eller enheten. It tar fram det. Då skrivs det att någon har frågat."
)
_SAFETY = (
    "Använd sidor som börjar med https. Andra på samma wifi kan se att du är här, och lyssna på "
    "sådant som inte är krypterat."
)
_NO_PAGES = "Vi sparar inte vilka sidor du besöker."


def notice(facts: Facts) -> tuple[Section, ...]:
    """Return the information that article 13 asks for, and a short text for signs and the web."""
    rows = tuple(kept_data(facts))
    rights = (
        "Du kan be att få veta vad som finns om dig. Visa kort, kod eller enhet i biblioteket.",
        "Du kan be att det raderas.",
        "Du kan invända mot att uppgifterna behandlas.",
        "Du kan klaga hos Integritetsskyddsmyndigheten, imy.se.",
    )
    who = [f"{facts.organisation} ansvarar för uppgifterna.", f"Kontakt: {_given(facts.contact)}"]
    who.append(f"Dataskyddsombud: {_given(facts.officer)}")
    return (
        Section("Kort text för skylt och webb", (stored(facts),)),
        Section("Vem ansvarar?", items=tuple(who)),
        Section(
            "Varför?",
            (_WHY,),
        ),
        Section("Vad sparas, och hur länge?", heads=("Uppgifter", "Varför", "Tid"), rows=rows),
        Section("Vem får uppgifterna?", items=_receivers(facts)),
        Section("Dina rättigheter", items=rights),
    )


def stored(facts: Facts) -> str:
    """Return what the login page says at the highest level there is, and what is never kept."""
    text = _STORED[facts.highest].format(period=days(facts.session_days))
    return f"{text} {_NO_PAGES}"


def assessment(facts: Facts) -> tuple[Section, ...]:
    """Return the beginning of an impact assessment (article 35): what Kvar knows of itself."""
    return (
        _is_one_needed(facts),
        Section(
            "Beskrivning",
            (
                _DESCRIPTION,
                f"Högsta integritetsnivå i något bibliotek: {int(facts.highest)} av 3.",
            ),
        ),
        _necessity(facts),
        _risks(facts),
        Section(
            "Bedömning och beslut",
            items=(
                f"{FILL_IN} dataskyddsombudets råd ({facts.officer or 'inget angivet'}).",
                f"{FILL_IN} kvarstående risker, och om de är höga (då förhandssamråd, artikel 36).",
                f"{FILL_IN} beslut, datum, namn, och när bedömningen ses över.",
            ),
        ),
    )


def _is_one_needed(facts: Facts) -> Section:
    rows = (
        (
            "Systematisk övervakning av platser dit alla har tillträde",
            _yes(facts.highest.keeps_guests),
        ),
        ("Uppgifter om barn och andra i utsatt läge", "Ja, bibliotek används av alla"),
        ("Uppgifter i stor omfattning", f"{FILL_IN} antal besökare om året"),
        ("Samkörning med andra register", "Nej. Bibliotekssystemet svarar bara ja eller nej"),
        ("Profilering eller automatiska beslut om en person", "Nej"),
        ("Ny teknik", "Nej"),
    )
    paragraph = (
        "Två ja eller fler brukar betyda att en konsekvensbedömning ska göras. Bedöm själva: "
        "listan är vad systemet vet."
    )
    return Section("Behövs en bedömning?", (paragraph,), heads=("Kriterium", "Svar"), rows=rows)


def _necessity(facts: Facts) -> Section:
    items = [
        "Inga besökta adresser eller domännamn antecknas.",
        f"Besök gallras efter {days(facts.session_days)}."
        if facts.highest.keeps_visits
        else "Besök antecknas inte.",
        f"{FILL_IN} varför just den nivån och de tiderna behövs, bibliotek för bibliotek.",
    ]
    if facts.highest.keeps_guests:
        items.insert(1, "Enhet och kort antecknas som pseudonymer, med en nyckel för varje vecka.")
    if facts.seals_identities:
        items.append(f"{FILL_IN} varför förseglade kortnummer behövs, och vem som har nyckeln.")
    if facts.highest.keeps_addresses:
        items.append(f"{FILL_IN} varför portar behöver antecknas.")
    return Section("Nödvändighet och proportionalitet", items=tuple(items))


def _risks(facts: Facts) -> Section:
    rows = [
        (
            "Någon tar databasen eller en säkerhetskopia",
            "Inga namn, inga kort i klartext. Nycklarna ligger utanför, och gamla är förstörda",
        ),
        (
            "Personal söker efter en person utan skäl",
            "Skäl och ärende krävs, och sökningen står i en logg som sökaren inte kan ändra",
        ),
        (
            "Uppgifter blir kvar för länge",
            "Gallring varje timme som lämnar bevis. kvar doctor varnar om den uteblir",
        ),
        (
            "Någon lyssnar på det öppna nätet",
            "Inloggningen går över TLS. Wifi med lösenord på skylten skyddar resten bättre",
        ),
        ("En enhet misstas för en person", "Svar till den som klagar säger session, inte person"),
    ]
    if facts.highest.keeps_addresses:
        rows.append(
            (
                "Portarna används till att kartlägga någon",
                "Inga mål antecknas, bara vem som hade porten",
            )
        )
    if facts.seals_identities:
        rows.append(
            (
                "Förseglade kortnummer öppnas i onödan",
                "Nyckeln finns inte i maskinen. Två steg och ärende",
            )
        )
    filled = tuple((risk, done, FILL_IN.removesuffix(":")) for risk, done in rows)
    heads = ("Risk för besökaren", "Vad systemet gör", "Er bedömning")
    return Section("Risker och åtgärder", heads=heads, rows=filled)


def answers_for_staff(facts: Facts) -> tuple[Section, ...]:
    """Return eight questions that visitors ask at the desk, with true answers."""
    level, period = facts.highest, days(facts.session_days)
    asked = [
        ("Ser ni vilka sidor jag besöker?", "Nej. Det antecknas inte, och ingen här kan se det."),
        ("Vad sparar ni?", stored(facts)),
        (
            "Sparar ni mitt kortnummer?",
            _of_cards(facts),
        ),
        (
            "Hur länge?",
            f"{period.capitalize()}. Sedan raderas det av sig självt."
            if level.keeps_visits
            else "Det finns inget om ditt besök att radera.",
        ),
        ("Kan polisen få veta vad jag har gjort?", _AUTHORITIES),
        ("Kan jag få veta vad ni har om mig?", _ACCESS),
        ("Kan ni radera det?", "Ja, på samma sätt."),
        ("Är nätet säkert?", _SAFETY),
    ]
    return tuple(Section(question, (answer,)) for question, answer in asked)


def _of_cards(facts: Facts) -> str:
    if not facts.takes_cards:
        return "Nej. Kort används inte för wifi här."
    if facts.seals_identities:
        return (
            "Ja, förseglat så att bara den som har en särskild nyckel kan läsa det, i "
            f"{days(facts.session_days)}. Pinkoden sparas aldrig."
        )
    if facts.highest.keeps_guests:
        return "Inte i klartext, bara som en kod med en hemlig nyckel, som byts. Pinkoden aldrig."
    return "Bara en kod för att hindra att någon gissar pinkoder. Pinkoden aldrig."


def _receivers(facts: Facts) -> tuple[str, ...]:
    given = tuple(f"{one.name}: {one.what}. {one.why}." for one in facts.receivers)
    return given or ("Ingen annan än biblioteket och dess it.",)


def _given(text: str) -> str:
    return text or f"{FILL_IN} saknas i inställningarna."


def _yes(is_so: bool) -> str:
    return "Ja, i viss mån" if is_so else "Nej"
