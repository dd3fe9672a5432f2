//! The agent's desk: what events make of its state, and what clicks and keys ask for.

mod contact;
mod desk;
mod state;
mod window;
