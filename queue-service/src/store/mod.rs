//! The database. The only SQL in the project.
