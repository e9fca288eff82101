-- What is written down at each site. Functions: migrations/0020_privacy.sql.

-- name: set
SELECT set_privacy(site_id, level) FROM unnest($1::text[], $2::smallint[]) AS told (site_id, level)
