-- Each restore of a dump leaves one line in the transaction that replaced the data:
-- who finds the line knows that the restore happened, and happened whole.
CREATE TABLE restores (
    id          text PRIMARY KEY,
    source      text NOT NULL,
    sha256      text NOT NULL,
    format      text NOT NULL,
    rows        jsonb NOT NULL,
    restored_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX restores_restored_at_idx ON restores (restored_at);
