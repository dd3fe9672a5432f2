//! The API client: typed calls of `shared::api`.
