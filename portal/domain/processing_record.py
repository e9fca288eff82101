"""PURE: the record of processing (GDPR article 30.1) as the configuration makes it, in Swedish.

Not legal advice and not what guests read (templates/guest/privacy.html). The rules to keep: every
number, name and condition comes from the facts; nothing is said of what is not configured.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from portal.domain.audit_chain import KEPT as AUDIT_IS_KEPT
from portal.domain.fault_report import KEPT_DAYS
from portal.domain.privacy import PrivacyLevel
from portal.domain.staff_limits import KNOWN_PLACE

TITLE = "Registerförteckning: gästwifi"

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with paragraphs, a list, and a table: its heads and its rows."""

    heading: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    heads: Row = ()
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who gets data besides those who run Kvar: name, what, why."""

    name: str
    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is configured. Periods are in days; ``None`` where nothing is said.

    ``levels`` goes by the libraries' names. ``measures`` are those that depend on the
    configuration, a sentence each.
    """

    organisation: str
    contact: str = ""
    officer: str = ""
    levels: Mapping[str, PrivacyLevel]
    session_days: int
    event_days: int
    attempt_days: int
    known_device_days: int
    remembered_days: int
    voucher_days: int
    backup_days: int | None = None
    takes_cards: bool = True
    takes_codes: bool = False
    seals_identities: bool = False
    has_access_points: bool = False
    has_staff_site: bool = True
    receivers: tuple[Receiver, ...] = ()
    measures: tuple[str, ...] = ()

    @property
    def highest(self) -> PrivacyLevel:
        """The highest level of any library."""
        return max(self.levels.values())


LEVELS = {
    PrivacyLevel.COUNTS: "Inga besök. Bara antal.",
    PrivacyLevel.VISITS: "Varje besök: tid, bibliotek och accesspunkt, sätt att logga in, mängd "
    "data. Ingen enhet, inget kort.",
    PrivacyLevel.GUESTS: "Varje besök, med enhet och kort eller kod som pseudonymer som byts varje "
    "vecka.",
    PrivacyLevel.ADDRESSES: "Som nivå 2, och vilka portar på den publika adressen och vilka "
    "ipv6-adresser enheten hade. Inga mål för trafiken.",
}


_PSEUDONYM = (
    "En pseudonym är en kod som räknas fram med en hemlig nyckel. Den är en personuppgift så länge "
    "nyckeln finns. När veckans sista rad är gallrad förstörs veckans nyckel."
)
_HANDING_OUT = (
    "Utlämnande till polis eller annan myndighet prövas varje gång, också mot sekretess "
    "(offentlighets- och sekretesslagen 40 kap. 3 §)."
)
_CLOSED = (
    "Gästnätet är stängt för den som inte är inloggad, och når aldrig andra nät hos organisationen "
    "än dem som är undantagna."
)
_CARD = "Kortnummer finns bara som nyckelberoende koder. Pinkoder sparas aldrig."
_SEALED = (
    "Kortnummer finns som nyckelberoende koder, och förseglade. Den nyckel som öppnar dem finns "
    "inte i Kvars maskiner, och varje öppning kräver skäl och ärende. Pinkoder sparas aldrig."
)
_ALWAYS = (
    "Nycklarna finns i en egen katalog utanför databasen, en för varje ändamål och period.",
    _CLOSED,
    "Processerna har var sina rättigheter. Bara en liten process får ändra i nätet.",
    "Sidorna hämtar inget från tredje part och gästsidorna använder inga kakor.",
)
_LOOK_UPS = (
    "Disken ser inga identiteter. Varje sökning efter en person kräver skäl och ärende och skrivs "
    "i en logg där en ändrad rad upptäcks."
)
_OF_STAFF = (
    "Personalen har personliga konton med lösenord och engångskod, roller och bibliotek.",
    _LOOK_UPS,
)


def record(facts: Facts) -> tuple[Section, ...]:
    """Return the whole record, in the order of the article's points a to g."""
    return (
        _controller(facts),
        _purposes(facts),
        _subjects(facts),
        _levels(facts),
        _data(facts),
        _receivers(facts),
        _transfers(facts),
        _measures(facts),
        _never(),
    )


def as_markdown(sections: tuple[Section, ...], lead: str, title: str = TITLE) -> str:
    """Write the record, or another text of such sections, as Markdown."""
    lines = [f"# {title}", "", lead, ""]
    for section in sections:
        lines += [f"## {section.heading}", ""]
        for paragraph in section.paragraphs:
            lines += [_plain(paragraph), ""]
        if section.items:
            lines += [*(f"- {_plain(item)}" for item in section.items), ""]
        if section.rows:
            lines += [_row(section.heads), _row(("---",) * len(section.heads))]
            lines += [*map(_row, section.rows), ""]
    return "\n".join(lines)


def note(made: str) -> str:
    """Say what the record is, and what it is not."""
    return (
        f"Framtagen {made} ur systemets inställningar (artikel 30.1 i dataskyddsförordningen). "
        "Texten är ett underlag: den personuppgiftsansvariga granskar och kompletterar den."
    )


def _controller(facts: Facts) -> Section:
    rows = (
        ("Personuppgiftsansvarig", facts.organisation),
        ("Kontakt", facts.contact or "Fyll i: saknas i inställningarna."),
        ("Dataskyddsombud", facts.officer or "Fyll i: saknas i inställningarna."),
        ("System", "Kvar, i egen drift."),
    )
    return Section("Ansvarig", heads=("Uppgift", "Innehåll"), rows=rows)


def _purposes(facts: Facts) -> Section:
    rows = [
        ("Ge besökare internet på biblioteket", "Uppgift av allmänt intresse, artikel 6.1 e"),
        ("Skydda kort, koder och nät mot gissning och överbelastning", "Samma"),
        ("Hitta fel", "Samma"),
    ]
    if facts.highest.keeps_addresses or facts.seals_identities:
        rows.append(("Utreda missbruk som någon har anmält", "Samma"))
    if facts.takes_cards:
        rows.append(
            ("Komma ihåg en enhet till nästa besök", "Samma, och bara om besökaren har bett om det")
        )
    if facts.has_staff_site:
        rows.append(("Veta vem i personalen som har gjort vad", "Samma"))
    paragraph = "Att besökaren loggar in är inget samtycke. Regler visas som information."
    heads = ("Ändamål", "Rättslig grund")
    return Section("Ändamål och rättslig grund", (paragraph,), heads=heads, rows=tuple(rows))


def _subjects(facts: Facts) -> Section:
    people = ["Besökare som använder gästnätet, även barn."]
    if facts.has_staff_site:
        people.append("Personal med konto i Kvar.")
    return Section("Kategorier av registrerade", items=tuple(people))


def _levels(facts: Facts) -> Section:
    rows = tuple((name, str(int(level)), LEVELS[level]) for name, level in facts.levels.items())
    paragraph = (
        "En höjd nivå visar inget av det som varit. En sänkt nivå raderar det som inte längre får "
        "antecknas."
    )
    heads = ("Bibliotek", "Nivå", "Antecknas om besök")
    return Section("Integritetsnivå per bibliotek", (paragraph,), heads=heads, rows=rows)


def _data(facts: Facts) -> Section:
    rows = tuple(kept_data(facts))
    paragraphs = [
        "Gallringen sker av sig själv varje timme och lämnar bevis: antal rader och nycklar.",
        _PSEUDONYM,
    ]
    if facts.backup_days is not None:
        paragraphs.append(
            f"Säkerhetskopior av databasen finns kvar {days(facts.backup_days)} längre än tiderna "
            "i tabellen. Nycklarna finns inte i databasen."
        )
    heads = ("Uppgifter", "Varför", "Tid")
    heading = "Kategorier av personuppgifter och gallring"
    return Section(heading, tuple(paragraphs), heads=heads, rows=rows)


def kept_data(facts: Facts) -> Iterator[tuple[str, str, str]]:
    """Yield each class of data: what, why and how long."""
    yield from _of_visits(facts)
    yield (
        "Enhetens wifi-adress (MAC) och ip-adress så länge enheten är uppkopplad eller väntar",
        "Nätet måste känna igen enheten",
        "Till strax efter besöket" + (", högst ett dygn" if facts.has_access_points else ""),
    )
    if facts.takes_cards:
        yield (
            "Inloggningsförsök: kort och enhet som pseudonymer",
            "Hindra att pinkoder gissas",
            days(facts.attempt_days),
        )
        yield (
            "Vilka enheter som har använt ett kort, som pseudonymer",
            "Ingen ska kunna spärra någon annan genom att gissa",
            days(facts.known_device_days),
        )
        yield (
            "Enheter som besökaren har bett om att få ihågkomna, som pseudonymer",
            "Slippa logga in nästa gång",
            f"{days(facts.remembered_days)} efter senaste besök, eller på begäran",
        )
    if facts.takes_codes:
        yield (
            "Koder från personalen och enheter som har använt dem, som pseudonymer",
            "En kod ska räcka till så många enheter som avsett",
            f"{days(facts.voucher_days)} efter kodens slut",
        )
    yield (
        "Att en enhet var uppkopplad i dag, som pseudonym",
        "Fortsätta efter en paus",
        "Till midnatt",
    )
    yield (
        "Bibliotek där en enhet var uppkopplad i dag, under en pseudonym som är ny varje dag",
        "Räkna enheter",
        "Till nästa natt; sedan finns bara antalet",
    )
    yield from _of_staff(facts)


def _of_visits(facts: Facts) -> Iterator[tuple[str, str, str]]:
    if facts.highest.keeps_visits:
        yield (
            "Besök: tid, bibliotek"
            + (", accesspunkt" if facts.has_access_points else "")
            + ", sätt att logga in, mängd data"
            + (", enhet och kort eller kod som pseudonymer" if facts.highest.keeps_guests else ""),
            "Drift och felsökning",
            days(facts.session_days),
        )
    if facts.seals_identities:
        yield (
            "Kortnummer vid ett besök, förseglat med organisationens nyckel",
            "Utreda missbruk",
            days(facts.session_days),
        )
    if facts.highest.keeps_addresses:
        yield (
            "Portar på den publika adressen och ipv6-adresser som enheten hade",
            "Utreda missbruk",
            days(facts.session_days),
        )
    if facts.has_access_points:
        yield (
            "Accesspunkt, uppkopplingstid och mängd data, enheten som pseudonym",
            "Veta vem som är uppkopplad",
            days(facts.session_days if facts.highest.keeps_visits else 1),
        )
    what = "Teknisk händelselogg, med uppgifter enligt nivån"
    yield (what, "Felsökning", days(facts.event_days))


def _of_staff(facts: Facts) -> Iterator[tuple[str, str, str]]:
    if not facts.has_staff_site:
        return
    years = AUDIT_IS_KEPT // timedelta(days=365)
    what = "Personalens konton: namn, roller, bibliotek"
    yield (what, "Behörighet", f"Så länge kontot gäller, och {years} år efter")
    yield (
        "Personalens inloggningsförsök",
        "Hindra att lösenord gissas",
        days(KNOWN_PLACE.days),
    )
    yield (
        "Vem i personalen som har sökt, jämfört, tagit ut eller svarat, med skäl och ärende",
        "Kontroll i efterhand",
        f"{years} år",
    )
    yield ("Felanmälningar, utan uppgifter om besökare", "Åtgärda fel", days(KEPT_DAYS))


def _receivers(facts: Facts) -> Section:
    rows = tuple((one.name, one.what, one.why) for one in facts.receivers)
    paragraphs = (
        "Kvar skickar inget till den som har gjort programmet.",
        _HANDING_OUT,
        *(() if rows else ("Inga andra mottagare finns i inställningarna.",)),
    )
    heads = ("Mottagare", "Uppgifter", "Varför")
    return Section("Mottagare", paragraphs, heads=heads, rows=rows)


def _transfers(facts: Facts) -> Section:
    said = "Kvar för inte över uppgifter till något land utanför EU/EES."
    if facts.receivers:
        said += " Kontrollera att mottagarna ovan också finns inom EU/EES."
    return Section("Överföring till tredje land", (said,))


def _measures(facts: Facts) -> Section:
    staff = _OF_STAFF if facts.has_staff_site else ()
    card = _SEALED if facts.seals_identities else _CARD
    return Section("Säkerhetsåtgärder", items=(card, *_ALWAYS, *staff, *facts.measures))


def _never() -> Section:
    return Section(
        "Antecknas aldrig",
        items=(
            "Besökta adresser, domännamn eller dns-frågor.",
            "Pinkoder, personnummer, namn, adresser eller lån.",
        ),
    )


def days(count: int) -> str:
    """Say a number of days."""
    return f"{count} dag" if count == 1 else f"{count} dagar"


def _row(cells: Row) -> str:
    return "| " + " | ".join(_plain(cell).replace("|", r"\|") for cell in cells) + " |"


def _plain(text: str) -> str:
    """Keep what somebody configured from being markup."""
    text = " ".join(text.split())
    for sign in "\\`*_[]<>#":
        text = text.replace(sign, f"\\{sign}")
    return text
