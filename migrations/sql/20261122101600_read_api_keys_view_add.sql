-- The read API must recognise partners' keys without any right in `write`: a view runs with its
-- owner's rights and shows just what recognition needs. A partner who was switched off has no keys.
CREATE VIEW read.api_keys AS
    SELECT k.api_key_id, k.key_hash, k.holder, k.scopes, k.expires_at
    FROM write.api_keys AS k
    WHERE k.revoked_at IS NULL
      AND NOT EXISTS (
          SELECT 1 FROM write.partners AS p
          WHERE NOT p.active AND k.holder = 'partner:' || p.partner_id
      );

GRANT SELECT ON read.api_keys TO mes_write, mes_read;
