-- What is known of the sites' clocks.

-- name: settle
-- Each site's own difference, under its lock: whoever comes second finds none.
WITH before AS (
    SELECT * FROM site_clock WHERE site_id = ANY($1) FOR UPDATE
), found AS (
    SELECT site_id,
        CASE WHEN machine_start = $2 AND NOT is_behind
                  AND abs(extract(epoch FROM $3 - started_at)) >= $5
             THEN $3 - started_at ELSE interval '0' END AS jump,
        (machine_start <> $2 OR is_behind) AND $4 < seen_at AS is_behind,
        machine_start = $2 AND NOT is_behind
            AND abs(extract(epoch FROM $3 - started_at)) < $5 AS is_known
    FROM before
), kept AS (
    UPDATE site_clock AS c SET machine_start = $2, is_behind = f.is_behind,
        started_at = CASE WHEN is_known THEN c.started_at ELSE $3 END,
        -- a clock that jumped back is believed from now on; one that started so is not yet
        seen_at = CASE WHEN f.is_behind THEN c.seen_at ELSE $4 END,
        closing_in_doubt = closing_in_doubt OR jump <> interval '0'
    FROM found AS f WHERE c.site_id = f.site_id
), new AS (
    INSERT INTO site_clock (site_id, machine_start, started_at, seen_at, is_behind)
    SELECT site_id, $2, $3, $4, false FROM unnest($1::text[]) AS site_id
    ON CONFLICT DO NOTHING
), moved AS (
    UPDATE live_session AS s SET started_at = s.started_at + jump, ends_at = s.ends_at + jump,
        last_seen_at = s.last_seen_at + jump, protected_until = s.protected_until + jump
    FROM found AS f WHERE s.site_id = f.site_id AND jump <> interval '0'
    RETURNING s.subject, s.ground, jump
), vouchers AS (
    -- And with them the vouchers in use: their trigger then finds nothing left to move.
    UPDATE voucher AS v SET first_used_at = v.first_used_at + jump, ends_at = v.ends_at + jump
    FROM (SELECT DISTINCT ON (subject) subject, jump FROM moved WHERE ground = 'voucher') AS m
    WHERE v.subject = m.subject AND v.first_used_at IS NOT NULL
), told AS (
    INSERT INTO event (at, kind, site_id, detail)
    SELECT $4, 'clock_jumped', site_id,
           jsonb_build_object('seconds', round(extract(epoch FROM jump))::text)
    FROM found WHERE jump <> interval '0'
)
SELECT site_id, jump FROM found WHERE jump <> interval '0'

-- name: in_doubt
SELECT site_id FROM site_clock WHERE site_id = ANY($1) AND closing_in_doubt

-- name: believe_closing
-- Nobody stays past closing time, and whoever was to stay until then does.
WITH believed AS (
    UPDATE site_clock SET closing_in_doubt = false WHERE site_id = $1
), ended AS (
    UPDATE live_session SET ends_at = greatest($2, started_at), ends_because = 'closing_time'
    WHERE site_id = $1 AND ground <> 'allowed_device' AND $2::timestamptz IS NOT NULL
      AND ends_at <> greatest($2, started_at) AND (ends_because = 'closing_time' OR ends_at > $2)
    RETURNING id
)
SELECT count(*) FROM ended
