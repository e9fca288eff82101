-- Outages of the uplink. Functions: migrations/0003_continuity.sql.

-- name: count
SELECT count_outage(site, $3, $4, latest, false)
FROM unnest($1::text[], $2::timestamptz[]) AS s (site, latest)

-- name: close
SELECT count(*) FILTER (WHERE was_open) FROM (
    SELECT count_outage(site, NULL, $3, latest, true) AS was_open
    FROM unnest($1::text[], $2::timestamptz[]) AS s (site, latest)) AS counted
