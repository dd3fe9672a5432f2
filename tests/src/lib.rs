//! The harness: a service under test, phones that listen, synthetic callers.
