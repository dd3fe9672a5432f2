-- What the routing was told, to replay it. after_seq: the last event before it; begins: a replay can begin here.
CREATE TABLE routing_inputs (
    number BIGINT NOT NULL PRIMARY KEY,
    after_seq BIGINT NOT NULL,
    happened_at BIGINT NOT NULL,
    begins BIGINT NOT NULL,
    told TEXT NOT NULL
);
CREATE INDEX routing_begins ON routing_inputs (number) WHERE begins = 1;
