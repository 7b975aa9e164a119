-- Access tokens issued before this moment are refused: the account's holder signed out
-- everywhere or changed the password.
ALTER TABLE users ADD COLUMN tokens_since timestamptz;

-- A session is a family of refresh tokens: each use of one makes the next. It ends by
-- being removed.
CREATE TABLE sessions (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL -- of the youngest token
);
CREATE INDEX sessions_user_id_idx ON sessions (user_id);

-- Tokens that were used stay until they expire, so that a second use is noticed.
CREATE TABLE refresh_tokens (
    hash       bytea PRIMARY KEY CHECK (length(hash) = 32), -- SHA-256 of the token
    session_id bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_session_id_idx ON refresh_tokens (session_id);
