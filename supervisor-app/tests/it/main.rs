//! The supervisor's console: what events make of its state, and what clicks and keys ask for.

mod console;
mod state;
mod window;
