-- When a token was issued, by the clock that used_at is of. Those of older servers count
-- as issued now.
ALTER TABLE refresh_tokens ADD COLUMN issued_at timestamptz NOT NULL DEFAULT now();

-- What is removed when nobody comes back to it.
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
