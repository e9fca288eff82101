"""Every table of the schema: how long its rows stay, and how one is written in a test.

What stands here is said twice on purpose: once in the product, and once, by hand, here. A table
that is in neither list fails test_nothing_stays.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass

DAY_H = 24.0
YEAR_H = 365 * DAY_H

VALUES = {
    "HASH_OF_N": "sha256(convert_to(n::text, 'UTF8'))",
    "ID_OF_N": "md5(n::text)::uuid",
    "MAC_OF_N": "lpad(to_hex(n), 12, '0')::macaddr",
}


@dataclass(frozen=True)
class Kept:
    """``age`` is the moment that a row's time is counted from, and ``hours`` how long it stays.

    ``write`` is an INSERT … SELECT from ``moment (n, at)`` that makes one row of that age for each.
    ``deleted_as`` is the class under which the evidence counts it, "" where it goes with another.
    """

    age: str
    hours: float
    write: str
    deleted_as: str

    def insert_into(self, table: str) -> str:
        """Return the whole statement."""
        text = f"INSERT INTO {table} {self.write}"
        for word, value in VALUES.items():
            text = text.replace(word, value)
        return text


KEPT: Mapping[str, Kept] = {
    "voucher_series": Kept(
        "made_at",
        30 * DAY_H,
        "(letters, site_id, is_batch, made_at) SELECT chr(65 + n / 676) || chr(65 + n / 26 % 26)"
        " || chr(65 + n % 26), 'city', true, at FROM moment",
        "series",
    ),
    "voucher": Kept(
        "over_at",
        30 * DAY_H,
        "(id, letters, number, making, site_id, is_everywhere, preset, key_id, code, token,"
        " subject, most_devices, made_at, starts_at, use_before, revoked_at)"
        " SELECT ID_OF_N, chr(65 + n / 676) || chr(65 + n / 26 % 26) || chr(65 + n % 26), 1,"
        " ID_OF_N, 'city', false, 'day', 'voucher-2023', HASH_OF_N, HASH_OF_N, HASH_OF_N,"
        " 1, at, at, at + interval '1 day', at FROM moment",
        "vouchers",
    ),
    "voucher_device": Kept(
        "since",
        30 * DAY_H,
        "(voucher_id, device, since) SELECT ID_OF_N, HASH_OF_N, at FROM moment",
        "",
    ),
    "accounting_session": Kept(
        "heard_at",
        14 * DAY_H,
        "(name, access_point, nas, bss, site_id, started_at, told_at, heard_at, upload_octets,"
        " download_octets, upload_before, download_before, duration)"
        " SELECT HASH_OF_N, 'ap', '', '', 'city', at, at, at, 0, 0, 0, 0, '0 s' FROM moment",
        "accounts",
    ),
    "api_token": Kept(
        "least(expires_at, revoked_at)",
        2 * YEAR_H,
        "(id, name, hash, scopes, created_by, created_at, expires_at)"
        " SELECT ID_OF_N, 'token-' || n, HASH_OF_N, '{vouchers:read}', 'kim',"
        " at - interval '1 day', at FROM moment",
        "api_tokens",
    ),
    "arrival": Kept(
        "last_seen_at",
        10 / 60,
        "(site_id, mac, number, first_seen_at, last_seen_at)"
        " SELECT 'city', MAC_OF_N, 10 + n, at, at FROM moment",
        "arrivals",
    ),
    "audit": Kept(  # its newest row stays, so that the chain goes on from it
        "CASE WHEN number < (SELECT max(number) FROM audit) THEN at END",
        2 * YEAR_H,
        "(at, by, act, reason, case_number, about, found)"
        " SELECT at, 'kim', 'look_up', 'abuse', 'K-1', 'D-1', 0 FROM moment ORDER BY n",
        "audit",
    ),
    "code_attempt": Kept(
        "at",
        7 * DAY_H,
        "(at, device, site_id) SELECT at, HASH_OF_N, 'city' FROM moment",
        "code_attempts",
    ),
    "courtesy": Kept(
        "given_at",
        2 * DAY_H,
        "(device, given_at) SELECT HASH_OF_N, at FROM moment",
        "courtesies",
    ),
    "device_at_access_point": Kept(
        "heard_at",
        DAY_H,
        "(mac, access_point, nas, heard_at, let_in, user_name, source_ip, called, ssid)"
        " SELECT MAC_OF_N, 'ap', '', at, true, '', '192.0.2.1', '', '' FROM moment",
        "places",
    ),
    "device_today": Kept(
        "seen_at",
        DAY_H,
        "(day, site_id, name, sessions, seen_at) SELECT (at AT TIME ZONE 'Europe/Stockholm')::date,"
        " 'city', HASH_OF_N, 1, at FROM moment",
        "devices_today",
    ),
    "event": Kept(
        "at",
        14 * DAY_H,
        "(at, kind, site_id, trace_key, device_trace)"
        " SELECT at, 'sign_in_refused', 'city', '', HASH_OF_N FROM moment",
        "events",
    ),
    "event_outbox": Kept(
        "at",
        7 * DAY_H,
        "(at, kind, site_id, device, detail) SELECT at, 'clock_jumped', '', '', '{}' FROM moment",
        "outbox",
    ),
    "fault_report": Kept(
        "at",
        YEAR_H,
        "(at, site_id, kind, words, facts, by)"
        " SELECT at, 'city', 'slow', '', '{}', 'kim' FROM moment",
        "fault_reports",
    ),
    "fault_telling": Kept(
        "told_at",
        YEAR_H,
        "(number, system, told_at) SELECT r.number, 'mail', r.at FROM fault_report AS r"
        " JOIN moment AS m USING (at)",
        "",
    ),
    "known_device": Kept(
        "last_used_at",
        30 * DAY_H,
        "(card, device, last_used_at) SELECT HASH_OF_N, HASH_OF_N, at FROM moment",
        "known_devices",
    ),
    "node_report": Kept(
        "at",
        62 * DAY_H,
        "(node, at, version, in_step) SELECT 'node' || n, at, '1', true FROM moment",
        "counts",
    ),
    "notice": Kept(
        "until_at",
        30 * DAY_H,
        "(id, sv, en, from_at, until_at, made_at, by)"
        " SELECT ID_OF_N, 'x', 'x', at - interval '1 day', at, at, 'kim' FROM moment",
        "notices",
    ),
    "online_sample": Kept(
        "at",
        62 * DAY_H,
        "(at, site_id, count) SELECT at, 'city', 3 FROM moment",
        "counts",
    ),
    "past_session": Kept(
        "ended_at",
        14 * DAY_H,
        "(id, ground, site_id, started_at, ended_at, end_reason, extensions, trace_key,"
        " device_trace, subject_trace) SELECT ID_OF_N, 'card', 'city', at - interval '2 hours', at,"
        " 'absent', 0, '', HASH_OF_N, HASH_OF_N FROM moment",
        "sessions",
    ),
    "purge": Kept(
        "at",
        2 * YEAR_H,
        "(id, at, node, deleted, oldest, keys)"
        " SELECT ID_OF_N, at, 'old', '{}', '{}', '{}' FROM moment",
        "evidence",
    ),
    "port_block": Kept(
        "seen_at",
        14 * DAY_H,
        "(session_id, site_id, public_addresses, low, high, since, seen_at)"
        " SELECT ID_OF_N, 'city', '{}', 1024, 1279, at, at FROM moment",
        "port_blocks",
    ),
    "gateway_admission": Kept(
        "greatest(asked_at, told_until)",
        1,
        "(client, rhid, gateway, session_id, asked_at)"
        " SELECT 'annex', HASH_OF_N, HASH_OF_N, ID_OF_N, at FROM moment",
        "gateway_admissions",
    ),
    "guest_address": Kept(
        "seen_at",
        14 * DAY_H,
        "(session_id, site_id, address, since, seen_at)"
        " SELECT ID_OF_N, 'city', '2001:db8::1', at, at FROM moment",
        "guest_addresses",
    ),
    "remembered_device": Kept(
        "last_visit_at",
        90 * DAY_H,
        "(device, subject, id, label, added_at, named_at, last_visit_at, expires_at)"
        " SELECT HASH_OF_N, HASH_OF_N, ID_OF_N, '', at, at, at, at + interval '90 days'"
        " FROM moment",
        "remembered_devices",
    ),
    "returning_device": Kept(
        "until",
        0,
        "(device, ground, until, silently) SELECT HASH_OF_N, 'card', at, false FROM moment",
        "tickets",
    ),
    "sealed_identity": Kept(  # as long as there are sessions of its guest
        "sealed_at",
        14 * DAY_H,
        "(guest, trace_key, sealed, sealed_at) SELECT HASH_OF_N, '', '', at FROM moment",
        "sealed_identities",
    ),
    "sign_in_attempt": Kept(
        "at",
        7 * DAY_H,
        "(at, card, device, site_id) SELECT at, HASH_OF_N, HASH_OF_N, 'city' FROM moment",
        "attempts",
    ),
    "sign_in_tally": Kept(
        "at",
        62 * DAY_H,
        "(at, site_id, method, outcome, reason, count)"
        " SELECT at, 'city', 'card', 'admitted', '', 1 FROM moment",
        "counts",
    ),
    "staff_account": Kept(
        "least(disabled_at, expires_at)",
        2 * YEAR_H,
        "(id, name, roles, created_at, expires_at)"
        " SELECT ID_OF_N, 'staff-' || n, '{desk}', at - interval '1 day', at FROM moment",
        "staff_accounts",
    ),
    "staff_attempt": Kept(
        "at",
        30 * DAY_H,
        "(at, kind, account, place) SELECT at, 'code', HASH_OF_N, HASH_OF_N FROM moment",
        "staff_attempts",
    ),
    "staff_session": Kept(
        "ends_at",
        0,
        "(id, token_hash, account_id, stage, started_at, last_used_at, ends_at, label)"
        " SELECT ID_OF_N, HASH_OF_N, id, 'open', at - interval '8 hours',"
        " at - interval '1 hour', at, '' FROM moment,"
        " (SELECT id FROM staff_account WHERE expires_at IS NULL) AS a",
        "staff_visits",
    ),
    "tutoring_group": Kept(
        "ends_at",
        DAY_H,
        "(id, site_id, number, code, starts_at, ends_at, most_devices)"
        " SELECT ID_OF_N, 'city', 1 + n, HASH_OF_N, at - interval '2 hours', at, 15"
        " FROM moment",
        "groups",
    ),
    "uplink_outage": Kept(
        "ended_at",
        14 * DAY_H,
        "(site_id, began_at, counted_until, ended_at) SELECT 'city' || n, at, at, at FROM moment",
        "outages",
    ),
    "weekly_letter": Kept(
        "sent_at",
        2 * YEAR_H,
        "(week, sent_at, node) SELECT date '2000-01-03' + 7 * n, at, 'old' FROM moment",
        "letters",
    ),
    "wait_tally": Kept(
        "at",
        62 * DAY_H,
        "(at, site_id, method, bound_s, count) SELECT at, 'city', 'card', 5, 1 FROM moment",
        "counts",
    ),
}
"""In an order in which they can be written: what others point at stands first."""

STAYS: Mapping[str, str] = {
    "live_session": "who is online now; the keeper ends each, at its end at the latest",
    "session_elsewhere": "goes with its live session",
    "device_place": "goes with its live session",
    "room_code_shown": "goes when its group ends",
    "node_privacy": "one row a node and site, of the configuration, while the node lives",
    "site_privacy": "one row a site, of the configuration",
    "site_clock": "one row a site, of the machine's clock alone",
    "forwarding": "one row, while a node forwards",
    "day_figure": "counts of whole days, kept for good: nobody is in them",
    "day_try": "counts of whole days, kept for good: nobody is in them",
    "day_help": "counts of whole days, kept for good: nobody is in them",
    "day_rating": "counts of whole days, kept for good: nobody is in them",
    "day_wait": "counts of whole days, kept for good: nobody is in them",
    "staff_recovery_code": "goes with its account",
    "schema_migration": "which files were applied",
}
