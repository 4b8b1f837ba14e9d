-- The read API must recognise partners' keys without any right in `write`: a view runs with its
-- owner's rights and shows just what recognition needs.
CREATE VIEW read.api_keys AS
    SELECT k.api_key_id, k.key_hash, k.holder, k.scopes, k.expires_at
    FROM write.api_keys AS k
    WHERE k.revoked_at IS NULL;

GRANT SELECT ON read.api_keys TO mes_write, mes_read;
