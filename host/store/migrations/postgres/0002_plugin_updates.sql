-- Plugins know where they came from, who signed them, and which of several is current.
ALTER TABLE plugin
    ADD COLUMN source text COLLATE "C",
    ADD COLUMN signed_by text COLLATE "C",
    ADD COLUMN current_since bigint,
    ADD COLUMN update_of text COLLATE "C";
UPDATE plugin SET current_since = installed_at WHERE approved IS NOT NULL AND approved::text <> 'null';
