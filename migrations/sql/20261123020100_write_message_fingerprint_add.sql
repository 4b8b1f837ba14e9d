-- Messages that fail for the same reason form one group: the class of the error and the kind of the message, with
-- the reason's sentence freed of numbers, ids and quoted values. A function, so that the group is never at odds with
-- the reason. An index is built on it: whoever changes it makes a new one under another name.
CREATE FUNCTION write.message_fingerprint(reason_code text, kind text, reason text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN left(md5(
        reason_code || chr(10) || coalesce(kind, '') || chr(10) ||
        regexp_replace(
            reason, '"[^"]*"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,}|[0-9]+', '#', 'g')), 16);
