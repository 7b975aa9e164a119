-- These extensions are trusted: the owner of the database may create them.
CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS fuzzystrmatch WITH SCHEMA public;

-- How many of a product can be bought now.
ALTER TABLE products ADD COLUMN stock integer NOT NULL DEFAULT 500 CHECK (stock >= 0);

-- What is in stock is no part of the catalogue that servers hold in memory: a purchase
-- must neither make them read it again nor wait for another purchase.
DROP TRIGGER products_version ON products;
CREATE TRIGGER products_version AFTER INSERT OR DELETE OR TRUNCATE
    OR UPDATE OF id, name, category, description, pack, price_cents, image_url, is_alcohol ON products
    FOR EACH STATEMENT EXECUTE FUNCTION bump_catalogue_version();

-- Lower case, without accents. The dictionary is named, so the result is the same for
-- every caller and may be indexed.
CREATE FUNCTION search_fold(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 100
    AS $$ SELECT lower(public.unaccent('public.unaccent'::regdictionary, value)) $$;

-- What is searched: a name counts more than a category, and that more than a description.
CREATE FUNCTION search_document(name text, category text, description text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
    SELECT setweight(to_tsvector('pg_catalog.english', public.search_fold(name)), 'A')
        || setweight(to_tsvector('pg_catalog.english', public.search_fold(category)), 'B')
        || setweight(to_tsvector('pg_catalog.english', public.search_fold(description)), 'C') $$;
CREATE INDEX products_search_idx ON products USING gin (search_document(name, category, description));

-- A text as it sounds, roughly: yoghurt, yogurt and jogurt are one word.
CREATE FUNCTION search_sound(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 500 AS $$
    SELECT regexp_replace(
             translate(
               regexp_replace(regexp_replace(
                 replace(replace(replace(replace(public.search_fold(value), 'gh', 'g'), 'ph', 'f'), 'ck', 'k'), 'qu', 'k'),
               'c(?=[eiy])', 's', 'g'), '[^a-z0-9]+', ' ', 'g'),
             'cjzw', 'kysv'),
           '(.)\1+', '\1', 'g') $$;

-- How alike a word and some word of a text are, both as they sound, from 0 to 1: by the
-- groups of three letters they share, or by the letters that would have to be changed.
CREATE FUNCTION search_likeness(word text, value text) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 500 AS $$
    SELECT greatest(public.word_similarity(word, value),
        (SELECT max(1 - public.levenshtein(word, t)::double precision / length(word))
         FROM regexp_split_to_table(value, ' ') t
         WHERE length(word) BETWEEN 4 AND 50 AND length(t) BETWEEN length(word) - 2 AND length(word) + 2)) $$;
