-- Portable SQL: SQLite and PostgreSQL both run this file. Times are microseconds since 1970 in UTC, ids are numbers.

-- Every fact, numbered without gaps. Never changed, never deleted.
CREATE TABLE journal (
    seq BIGINT NOT NULL PRIMARY KEY,
    happened_at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    call_id BIGINT,
    event TEXT NOT NULL
);
CREATE INDEX journal_by_call ON journal (call_id, seq);
CREATE INDEX journal_by_kind ON journal (kind, seq);

-- One row a call, a fold of its events, for lists.
CREATE TABLE calls (
    id BIGINT NOT NULL PRIMARY KEY,
    live BIGINT NOT NULL,
    summary TEXT NOT NULL
);
CREATE INDEX calls_by_live ON calls (live, id);

-- What calls are looked up by: kind is queue, agent or exit.
CREATE TABLE call_keys (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    call_id BIGINT NOT NULL,
    PRIMARY KEY (kind, value, call_id)
);

CREATE TABLE recordings (
    id BIGINT NOT NULL PRIMARY KEY,
    call_id BIGINT NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX recordings_by_call ON recordings (call_id, id);

-- words: the text in small letters without punctuation, a space before and after each word.
CREATE TABLE transcripts (
    recording_id BIGINT NOT NULL PRIMARY KEY,
    call_id BIGINT NOT NULL,
    state TEXT NOT NULL,
    record TEXT NOT NULL,
    words TEXT NOT NULL
);
CREATE INDEX transcripts_by_state ON transcripts (state, recording_id);

-- Sign-ins. Only the SHA-256 of a token is kept.
CREATE TABLE tokens (
    hash TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
