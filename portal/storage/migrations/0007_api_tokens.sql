-- Tokens of the API: what other programs of the organisation may do here. Of a token the database
-- holds its SHA-256 alone. A row stays when its token is revoked, so that no name means two tokens.

CREATE TABLE api_token (
    id           uuid PRIMARY KEY,
    name         text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._-]{1,39}$'),
    hash         bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    scopes       text[] NOT NULL CHECK (cardinality(scopes) > 0
                     AND scopes <@ ARRAY['vouchers:read', 'vouchers:write', 'vouchers:codes']),
    sites        text[],                      -- null: every site
    created_by   text NOT NULL,               -- the user of the machine
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL CHECK (expires_at > created_at),
    revoked_at   timestamptz,
    last_used_at timestamptz                  -- written once a minute at most
);
