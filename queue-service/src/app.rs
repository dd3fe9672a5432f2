//! The service wired together.
