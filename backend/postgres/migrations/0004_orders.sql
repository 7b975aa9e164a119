-- Grows with every change of the user's basket, so that a device can tell whether what
-- it knows of the basket is still true.
ALTER TABLE users ADD COLUMN basket_version bigint NOT NULL DEFAULT 0;

-- What an order of an older server lacks gets what was true of all orders then: placed,
-- to be paid at the door, without an address. A pending order holds its goods until its
-- payment is authorised; a cancelled one has given them back. A payment is voiding when
-- the order is cancelled and the provider has still to be told.
ALTER TABLE orders
    ADD COLUMN status            text NOT NULL DEFAULT 'placed' CHECK (status IN ('pending', 'placed', 'cancelled')),
    ADD COLUMN address           jsonb,
    ADD COLUMN payment_method    text NOT NULL DEFAULT 'cash_on_delivery' CHECK (payment_method IN ('cash_on_delivery', 'card')),
    ADD COLUMN payment_status    text NOT NULL DEFAULT 'due'
        CHECK (payment_status IN ('due', 'pending', 'authorized', 'paid', 'declined', 'voiding', 'voided')),
    ADD COLUMN payment_reference text CONSTRAINT orders_payment_reference_key UNIQUE, -- what the provider knows the payment by
    ADD COLUMN card_last4        text CHECK (card_last4 ~ '^[0-9]{4}$'),
    ADD COLUMN idempotency_key   text CHECK (idempotency_key ~ '^[A-Za-z0-9_-]{8,64}$'),
    ADD COLUMN request_sha256    bytea CHECK (length(request_sha256) = 32), -- of what was asked with that key
    ADD COLUMN checked_at        timestamptz,                               -- when the payment was last looked after
    ADD CONSTRAINT orders_once_key UNIQUE (user_id, idempotency_key);

ALTER TABLE order_items ADD COLUMN image_url text NOT NULL DEFAULT '';

-- The history of a user, newest first.
CREATE INDEX orders_history_idx ON orders (user_id, id);
DROP INDEX orders_user_id_idx;

-- What the sweeper looks for; the condition is that of its query.
CREATE INDEX orders_unsettled_idx ON orders (created_at)
    WHERE payment_status IN ('pending', 'authorized', 'voiding');

-- What the test provider of cards remembers. No money is behind it. It stands for a
-- service outside of the shop, so nothing refers to it and a restore leaves it alone.
CREATE TABLE test_payments (
    reference    text PRIMARY KEY,
    amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
    state        text NOT NULL CHECK (state IN ('authorized', 'captured', 'declined', 'voided')),
    last4        text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT now()
);
