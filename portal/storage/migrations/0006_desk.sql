-- What the desk sees of a waiting device besides its number: its kind ("iPhone"), never more than
-- that of what its browser says.
ALTER TABLE arrival ADD COLUMN kind text NOT NULL DEFAULT '';

-- The room code of a group that takes devices in, sealed under a key outside the database, so that
-- a tutor can show it again. It goes with its group's end.
CREATE TABLE room_code_shown (
    group_id uuid PRIMARY KEY REFERENCES tutoring_group ON DELETE CASCADE,
    sealed   bytea NOT NULL
);

CREATE FUNCTION forget_room_code() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM room_code_shown WHERE group_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER tutoring_group_ended AFTER UPDATE OF ended_at ON tutoring_group
    FOR EACH ROW WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION forget_room_code();
