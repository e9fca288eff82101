"""A guest's login, checked with Koha: the whole of Kvar, and Koha's interface as described."""

import re
from pathlib import Path

from portal.storage.database import Database
from tests.peers.koha import CARD, CLIENT, PIN, SECRET, Koha
from tests.portal.installation import CONFIGURATION, installed
from tests.portal.library.test_rest_client import serving

KOHA = """
[library_rest]
kind = "koha"
url = "{url}"
plain_text_is_safe_here = true
user = "{client}"
password = "{secret}"
refuse = ["expired", "lost_card"]
card_length = 14
"""


async def test_a_guest_logs_in_with_a_card_of_koha(postgres_dsn: str, tmp_path: Path) -> None:
    peer = Koha()
    async with serving(peer.application()) as url:
        section = KOHA.format(url=url, client=CLIENT, secret=SECRET)
        text = re.sub(
            r"\[library_system\].*?(?=\n\[\[sites)",
            section,
            CONFIGURATION,
            count=1,
            flags=re.DOTALL,
        )
        async with installed(postgres_dsn, tmp_path, text=text) as kvar:
            assert (await kvar.log_in(CARD, "9999", guest=2)).status == 200
            assert (await kvar.log_in(CARD, PIN, guest=3)).status == 303
            peer.patron["expiry_date"] = "2020-01-01"
            assert "gått ut" in (await kvar.log_in(CARD, PIN, guest=4)).body
        async with Database(postgres_dsn) as database:
            assert len(await database.fetch("SELECT FROM live_session")) == 1
    log = (tmp_path / "log").read_text()
    assert not [word for word in (CARD, PIN, SECRET, "token-", "Berg") if word in log]
