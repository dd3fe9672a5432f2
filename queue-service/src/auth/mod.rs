//! Who is calling the API: passwords, tokens, roles.
