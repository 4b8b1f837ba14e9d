-- What an upload showed of a model on its way: the file's own unit, its extents, and for binary STL volume and area.
-- A rough price is made from it before anybody has looked at the model. Null for models of older code.
ALTER TABLE write.models ADD COLUMN facts jsonb;

-- A model of older code learns its facts when it is uploaded again.
GRANT UPDATE (facts) ON write.models TO mes_write;
