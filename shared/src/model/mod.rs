//! The vocabulary of a contact center: plain data with serde, used by the service and by both apps.
//!
//! Every fact is an [`event::Event`]; the live picture is [`floor::Floor`], which folds them. Two axes describe an
//! agent and are never merged into one word: [`agent::Status`] is what the person wants, [`agent::State`] is what the
//! machine is doing.

pub mod agent;
pub mod call;
pub mod callback;
pub mod campaign;
pub mod configuration;
pub mod decision;
pub mod distribution;
pub mod event;
mod event_call;
mod event_parts;
pub mod floor;
mod floor_fold;
mod floor_view;
pub mod history;
pub mod metric;
pub mod queue;
pub mod recording;
pub mod routing;
pub mod rules;
pub mod service_level;
pub mod sound;
pub mod transcript;
pub mod trunk;
pub mod user;
mod visibility;

#[cfg(test)]
mod tests;
