-- Plugins know where they came from, who signed them, and which of several is current.
ALTER TABLE plugin ADD COLUMN source TEXT;
ALTER TABLE plugin ADD COLUMN signed_by TEXT;
ALTER TABLE plugin ADD COLUMN current_since INTEGER;
ALTER TABLE plugin ADD COLUMN update_of TEXT;
UPDATE plugin SET current_since = installed_at WHERE approved IS NOT NULL AND approved <> 'null';
