-- When what is acknowledged had been sent. The newest of them tells a message that was lost (later ones have been acknowledged)
-- from a recipient that takes nothing at the moment. Unknown of what was acknowledged before.
ALTER TABLE write.acknowledgements ADD COLUMN sent_at timestamptz;
