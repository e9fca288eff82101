-- Messages on guests' and staff's pages.

-- name: coming
SELECT id, site_id, sv, en, from_at, until_at, made_at, by FROM notice
 WHERE until_at > $1 ORDER BY from_at, made_at LIMIT 200

-- name: post
WITH posted AS (
    INSERT INTO notice (id, site_id, sv, en, from_at, until_at, made_at, by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING site_id, by
)
INSERT INTO event (at, kind, site_id, detail)
SELECT $7, 'notice_posted', coalesce(site_id, ''), jsonb_build_object('by', by) FROM posted

-- name: end
WITH over AS (
    UPDATE notice SET until_at = $4, from_at = least(from_at, $4 - interval '1 second')
     WHERE id = $1 AND until_at > $4 AND ($2::text[] IS NULL OR site_id = ANY($2))
    RETURNING site_id
), told AS (
    INSERT INTO event (at, kind, site_id, detail)
    SELECT $4, 'notice_ended', coalesce(site_id, ''), jsonb_build_object('by', $3::text) FROM over
)
SELECT count(*) FROM over
