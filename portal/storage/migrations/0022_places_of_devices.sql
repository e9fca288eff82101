-- A device may be in at several access points: each has a row, and what it was told of the end.
-- Who does not know that writes one row a device, and cannot any more.
-- contract: needs 0022

ALTER TABLE device_at_access_point
    ADD COLUMN nas              bytea,           -- NAS-Identifier, or its address
    ADD COLUMN let_in_at        timestamptz,
    ADD COLUMN granted_until    timestamptz,     -- the session's end as it was told; null: not known
    ADD COLUMN has_idle_timeout boolean;

UPDATE device_at_access_point
   SET nas = coalesce(nullif(nas_identifier, ''), convert_to(coalesce(nas_ip, source_ip), 'UTF8'));

ALTER TABLE device_at_access_point
    ALTER COLUMN nas SET NOT NULL,
    DROP CONSTRAINT device_at_access_point_pkey,
    ADD PRIMARY KEY (mac, access_point, nas);
