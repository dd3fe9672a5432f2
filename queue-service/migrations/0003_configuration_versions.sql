-- Every version of the configuration, whole: content is the text of the file, changes a list in words as JSON.
CREATE TABLE configuration_versions (
    version BIGINT NOT NULL PRIMARY KEY,
    made_at BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    how TEXT NOT NULL,
    hash TEXT NOT NULL,
    changes TEXT NOT NULL,
    content TEXT NOT NULL
);
