-- A person who decides about a metal price that waits says why; the history keeps it. Missing where the rule decided,
-- and on what was decided before.
ALTER TABLE write.metal_fixings ADD COLUMN decided_because text;
