-- How far the read model has come, moved in the transaction of each batch: on any replica
-- `position >= p` means "event p is visible here", which covers projection and replication at once.
-- `current_at` is when the projector last saw that nothing was left to apply.
CREATE TABLE read.checkpoint (
    singleton  boolean     PRIMARY KEY DEFAULT true CHECK (singleton),
    epoch      bigint      NOT NULL CHECK (epoch > 0),
    position   bigint      NOT NULL CHECK (position >= 0),
    current_at timestamptz NOT NULL
);

INSERT INTO read.checkpoint (epoch, position, current_at) VALUES (1, 0, 'epoch');
