//! The modules of the app; `main.rs` only reads arguments and opens the window.
