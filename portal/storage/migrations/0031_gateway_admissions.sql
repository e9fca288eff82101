-- Whom gateways that ask (openNDS, levels 3 and 4) are to let in, until they say that they did.

CREATE TABLE gateway_admission (
    client          text NOT NULL,               -- the RADIUS client's name
    rhid            bytea NOT NULL CHECK (octet_length(rhid) = 32),
                                                 -- the gateway's own name for the device, hashed
                                                 -- with the key that it shares with us
    gateway         bytea NOT NULL CHECK (octet_length(gateway) = 32),
                                                 -- SHA-256 of the gateway's name
    session_id      uuid NOT NULL,               -- let in for as long as this one runs
    asked_at        timestamptz NOT NULL,
    listed_at       timestamptz,                 -- when the gateway was last told of it
    told_until      timestamptz,                 -- the end that it was told
    acknowledged_at timestamptz,                 -- when it said that the device is in
    put_out_at      timestamptz,                 -- when it said that the device is out
    PRIMARY KEY (client, rhid)
);
