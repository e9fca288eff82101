-- One word for all that a desk's pages show of a site. Costs what the site's devices and its last
-- vouchers cost to read; asked every other second while anybody looks.

-- name: mark
SELECT md5(concat_ws('|',
    (SELECT string_agg(concat_ws(' ', a.number, a.kind, a.admitted_at IS NULL,
                                 array_to_string(a.steps, ',')), ';' ORDER BY a.number)
       FROM arrival AS a WHERE a.site_id = $1 AND a.last_seen_at > $3),
    (SELECT string_agg(concat_ws(' ', s.tutored_as, s.due_at, s.protected_until), ';'
                       ORDER BY s.tutored_as)
       FROM live_session AS s
      WHERE s.site_id = $1 AND s.tutored_as IS NOT NULL AND s.protected_until > $2),
    (SELECT string_agg(concat_ws(' ', g.number, g.ends_at, (
                SELECT count(*) FROM live_session AS s
                 WHERE s.group_id = g.id AND NOT s.succeeded AND s.due_at > $2)), ';'
                       ORDER BY g.number)
       FROM tutoring_group AS g WHERE g.site_id = $1 AND g.ended_at IS NULL),
    (SELECT string_agg(concat_ws(' ', v.id, v.over_at, v.revoked_at, v.first_used_at, (
                SELECT count(*) FROM voucher_device AS d WHERE d.voucher_id = v.id)), ';'
                       ORDER BY v.id)
       FROM (SELECT * FROM voucher WHERE site_id = $1
              ORDER BY made_at DESC, number DESC LIMIT $4) AS v)
)) AS mark
