-- What is written down at each site. Functions: migrations/0020_privacy.sql and 0030.

-- name: tell
SELECT site_id FROM tell_privacy($1, $2::text[], $3::smallint[]) AS differs (site_id)

-- name: differing
-- Sites of which nodes that live tell different levels, and who tells what.
SELECT site_id, node, level FROM node_privacy AS p
 WHERE told_at > now() - interval '1 day' AND EXISTS (
       SELECT FROM node_privacy AS o WHERE o.site_id = p.site_id AND o.level <> p.level
          AND o.told_at > now() - interval '1 day')
 ORDER BY site_id, level, node
