//! The API and the pages, on axum.
