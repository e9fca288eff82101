-- Sealed card numbers.

-- name: of_guest
SELECT guest, trace_key, sealed, sealed_at FROM sealed_identity WHERE guest = $1
