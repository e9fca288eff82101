from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.domain.identity import SiteId, Subject
from portal.domain.voucher import TO_CLOSING, Lasts, Serial, Voucher
from portal.domain.voucher_table import TableWords, voucher_table

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_a_row_a_voucher_in_local_time(now: datetime) -> None:
    unused = Voucher(
        id=UUID(int=1),
        making=UUID(int=2),
        serial=Serial("B", 1),
        site_id=SiteId("main"),
        subject=Subject(b"s" * 32),
        key_id="voucher-2026",
        lasts=TO_CLOSING,
        most_devices=2,
        made_at=now,
        starts_at=now,
        use_before=now + DAY,
    )
    four = replace(unused, serial=Serial("B", 2), lasts=Lasts(4 * HOUR))
    used = replace(four, first_used_at=now, ends_at=now + 4 * HOUR, devices=1)
    event = replace(unused, serial=Serial("B", 3), lasts=Lasts(2.5 * HOUR, now + DAY))
    rows = [(unused, "408 512 7730"), (used, ""), (event, "")]
    table = voucher_table(rows, now, ZoneInfo("Europe/Stockholm"), TableWords())
    assert table.splitlines() == [
        "\ufeffserial;code;state;devices;places;made;use before;lasts;ends",
        "B-0001;408 512 7730;unused;0;2;2026-11-25 11:00;2026-11-26 11:00;to closing;",
        "B-0002;;in use;1;2;2026-11-25 11:00;2026-11-26 11:00;4 h;2026-11-25 15:00",
        "B-0003;;unused;0;2;2026-11-25 11:00;2026-11-26 11:00;2.5 h, until 2026-11-26 11:00;",
    ]
