-- Attempts to sign in to the staff site. The tally and its locks: reserve_staff_attempt in
-- migrations/0005_staff.sql.

-- name: reserve
SELECT * FROM reserve_staff_attempt($1, $2, $3, $4)

-- name: settle
UPDATE staff_attempt SET right_ = $2 WHERE id = $1

-- name: release
DELETE FROM staff_attempt WHERE id = $1
