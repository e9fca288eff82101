-- What the log is asked by. Every filter walks an index in the order of its page, so that an answer
-- costs what a page costs, however long history is. See portal/storage/session_log.sql.

CREATE INDEX past_session_kind ON past_session (site_id, ground, end_reason, started_at, id);
-- In place of (device_trace, ended_at): a device has few sessions a week, so who asks for its last end
-- is served as well, and who asks for a time need not read all sessions of a week beside it.
DROP INDEX past_session_device;
CREATE INDEX past_session_device ON past_session (device_trace, started_at);
CREATE INDEX past_session_guest ON past_session (subject_trace, started_at)
    WHERE subject_trace IS NOT NULL;
CREATE INDEX live_session_started ON live_session (started_at, id);

CREATE INDEX event_of_device ON event (device_trace, at) WHERE device_trace IS NOT NULL;
CREATE INDEX event_of_site ON event (site_id, at) WHERE kind IN ('uplink_returned', 'clock_jumped');
CREATE INDEX event_refused ON event (site_id, (detail ->> 'reason'), at, id)
    WHERE kind = 'sign_in_refused';
CREATE INDEX event_by_staff ON event (at, id) WHERE detail ? 'by';
