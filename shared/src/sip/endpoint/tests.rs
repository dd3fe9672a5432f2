//! Whole flows between two endpoints.
