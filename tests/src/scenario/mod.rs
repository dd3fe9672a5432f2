//! The scenarios of the demonstration, one a file. Each makes one customer's call and notes its promises.

pub mod abandon;
pub mod fixed;
pub mod hold;
pub mod missed;
pub mod phone;
pub mod speech;
pub mod supervision;
pub mod talk;
pub mod transfer;

use crate::desk::{AgentDesk, Console};

/// The desks of the queue "sales".
pub struct Desks {
    /// Agent 201.
    pub ada: AgentDesk,
    /// Agent 202.
    pub ben: AgentDesk,
    /// The supervisor.
    pub sara: Console,
}
