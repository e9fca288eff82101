-- A remembered device that came back over RADIUS while the database was away.

-- Write its session; once, however often it comes, and only if the device is remembered still. A
-- session that it has already stays, and a device that comes by itself takes no other's place.
CREATE FUNCTION replay_return(_new live_session, _most_devices integer, _names bytea[],
                              _expires_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    _known remembered_device;
BEGIN
    IF EXISTS (SELECT FROM past_session WHERE id = _new.id AND started_at = _new.started_at) THEN
        RETURN;
    END IF;
    SELECT r.* INTO _known FROM remembered_device AS r WHERE r.device = ANY(_names)
     ORDER BY r.last_visit_at DESC LIMIT 1;
    IF FOUND THEN
        _new.subject := _known.subject;
        PERFORM return_session(_new, _most_devices, false, _known.device, _names[1], _expires_at);
    END IF;
END $$;
