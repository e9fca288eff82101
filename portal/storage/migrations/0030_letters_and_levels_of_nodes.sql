-- The weekly letter to the data protection contact, and privacy levels that two nodes tell differently.

-- One letter a week, whichever node sends it.
CREATE TABLE weekly_letter (
    week     date PRIMARY KEY,           -- its Monday, local
    tried_at timestamptz,                -- when a node last set about sending it
    node     text NOT NULL DEFAULT '',
    sent_at  timestamptz,                -- null: no mail server has taken it yet
    told     jsonb                       -- what it said: acts by their number, and the record's last row
);

-- What each node's own file says. A row counts for a day after it was last told, so that a node that
-- is no more does not hold a level for ever.
CREATE TABLE node_privacy (
    node    text NOT NULL,
    site_id text NOT NULL,
    level   smallint NOT NULL CHECK (level BETWEEN 0 AND 3),
    told_at timestamptz NOT NULL,
    PRIMARY KEY (node, site_id)
);

-- Take what a node's file says; of several that differ the strictest holds. Return the sites at which
-- they do; it is an alarm, at most one an hour and site.
CREATE FUNCTION tell_privacy(_node text, _sites text[], _levels smallint[]) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    _site   text;
    _least  smallint;
    _most   smallint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('site_privacy'));
    DELETE FROM node_privacy
     WHERE (node = _node AND site_id <> ALL(_sites)) OR told_at < now() - interval '1 day';
    INSERT INTO node_privacy AS p (node, site_id, level, told_at)
    SELECT _node, site_id, level, now() FROM unnest(_sites, _levels) AS told (site_id, level)
    ON CONFLICT (node, site_id) DO UPDATE SET level = excluded.level, told_at = excluded.told_at;
    FOREACH _site IN ARRAY _sites LOOP
        SELECT min(level), max(level) INTO _least, _most FROM node_privacy WHERE site_id = _site;
        PERFORM set_privacy(_site, _least);
        CONTINUE WHEN _least = _most;
        INSERT INTO event (at, kind, site_id, detail)
        SELECT now(), 'privacy_levels_differ', _site, jsonb_build_object(
            'least', _least::text, 'most', _most::text)
         WHERE NOT EXISTS (
            SELECT FROM event WHERE kind = 'privacy_levels_differ' AND site_id = _site
               AND at > now() - interval '1 hour' AND at <= now());
        RETURN NEXT _site;
    END LOOP;
END $$;
