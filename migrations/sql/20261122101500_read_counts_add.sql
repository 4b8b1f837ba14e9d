-- Counts are maintained with the rows, never counted on request. `scope` is 'all' or 'partner:<id>'.
CREATE TABLE read.status_counts (
    scope  text   NOT NULL,
    status text   NOT NULL,
    orders bigint NOT NULL CHECK (orders >= 0),
    PRIMARY KEY (scope, status)
);

-- A view's version is the position of the last event that changed what the view shows. It is read in
-- the same snapshot as the rows and is part of the cache key, so nothing ever needs invalidating.
-- Views: 'status:<STATUS>', 'counts:<scope>', 'partner:<id>', 'operator:<id>'.
CREATE TABLE read.views (
    view    text   PRIMARY KEY,
    version bigint NOT NULL
);
