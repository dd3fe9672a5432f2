//! The contract of HTTP and WebSocket under `/api/v1`, one file a resource. The service, the apps and the tests all
//! compile against these types.
//!
//! | method and path | body → answer | right |
//! |---|---|---|
//! | POST /session | [`session::SignIn`] → [`session::SignedIn`] | none |
//! | DELETE /session | → 204; agents go offline | signed in |
//! | GET /me | → [`crate::model::user::User`] | signed in |
//! | POST /me/device | → [`session::DeviceAccount`] | signed in |
//! | GET /floor | → [`crate::model::floor::Floor`] | signed in (filtered for agents) |
//! | GET /agents, /agents/{id} | → [`crate::model::floor::AgentView`] (list) | see floor, or oneself |
//! | POST /agents/{id}/status | [`agents::SetStatus`] → [`crate::model::floor::AgentView`] | oneself, or manage floor |
//! | POST /agents/{id}/wrap-up | [`agents::EndWrapUp`] → 204 | oneself, or manage floor |
//! | GET /queues, /queues/{id} | → [`queues::QueueReport`] (list) | see floor, or own queues |
//! | GET /trunks | → list of [`trunks::TrunkReport`] | see floor |
//! | GET /calls | query [`calls::CallQuery`] → [`calls::CallPage`] | see floor, or own calls |
//! | GET /calls/{id} | → [`calls::CallDetail`] | see floor, or own calls |
//! | GET /calls/{id}/decisions | → list of [`calls::OfferRecord`] | see floor, or own calls |
//! | GET /calls/{id}/non-offers | → list of [`calls::NonOfferRecord`] | see floor, or own calls |
//! | POST /calls/{id}/hold, /resume, /hangup | → 204 | the agent on it, or manage floor |
//! | POST /calls/{id}/transfer | [`calls::Transfer`] → 204 | the agent on it, or manage floor |
//! | PUT /calls/{id}/supervision | [`calls::Supervise`] → [`crate::model::call::Supervision`] | supervise |
//! | DELETE /calls/{id}/supervision | → 204 | supervise |
//! | GET /recordings | query [`recordings::RecordingQuery`] → list of recordings | hear recordings |
//! | GET /recordings/{id} | → [`crate::model::recording::Recording`] | hear recordings |
//! | GET /recordings/{id}/tracks/{track}.wav | → audio/wav, ranges | hear recordings |
//! | GET /recordings/{id}/transcript | → [`crate::model::transcript::Transcript`] | hear recordings |
//! | GET /journal | query [`reports::JournalQuery`] → list of events | read reports |
//! | GET /reports/day | → [`reports::DayReport`] | see floor |
//! | GET /defence | → [`defence::DefenceReport`] | manage floor |
//! | DELETE /defence/bans/{address} | → 204 | manage floor |
//! | GET /staffing | query [`staffing::StaffingQuery`] → [`staffing::StaffingReport`] | read reports |
//! | GET /configuration | → TOML without secrets, ETag | configure |
//! | PUT /configuration | TOML, If-Match → [`configuration::ConfigurationChange`] | configure |
//! | POST /configuration/check | TOML → [`configuration::ConfigurationCheck`] | configure |
//! | GET /configuration/versions, /configuration/versions/{number} | → list of [`configuration::ConfigurationVersion`], TOML | configure |
//! | POST /configuration/versions/{number}/restore | If-Match → [`configuration::ConfigurationChange`] | configure |
//! | PUT /queues/{id}, /agents/{id}, /skills/{id} | keys as in the TOML, If-Match → [`configuration::ConfigurationChange`] | configure |
//! | DELETE /queues/{id}, /agents/{id}, /skills/{id} | If-Match → [`configuration::ConfigurationChange`] | configure |
//! | POST /import/{table} | CSV, query [`import::ImportQuery`] → [`import::ImportReport`] | configure |
//! | GET /export/{table} | → CSV | configure |
//! | GET /do-not-call | query [`campaigns::NumberQuery`] → list of [`campaigns::BlockedNumber`] | manage floor |
//! | GET /do-not-call/{number} | → [`campaigns::BlockedNumber`] | signed in |
//! | PUT /do-not-call/{number} | [`campaigns::Why`] → 204 | manage floor |
//! | DELETE /do-not-call/{number} | query [`campaigns::Why`] → 204 | manage campaigns |
//! | POST /do-not-call | CSV, query reason → [`import::ImportReport`] | manage campaigns |
//! | GET /campaigns | → list of [`crate::model::campaign::CampaignSettings`] | see floor, or own queues |
//! | PUT /campaigns/{id} | [`crate::model::campaign::CampaignSettings`] → 204 | manage campaigns |
//! | DELETE /campaigns/{id} | → 204 | manage campaigns |
//! | POST /campaigns/{id}/contacts | CSV → [`import::ImportReport`] | manage campaigns |
//! | POST /campaigns/{id}/next | → [`campaigns::HeldContact`], or 204 | agents of its queue |
//! | POST /campaigns/{id}/contacts/{number}/skip, /dial, /outcome | [`campaigns::SkipContact`], [`campaigns::ContactOutcome`] → 204, [`calls::PlacedCall`] | agents of its queue |
//! | GET /campaigns/{id}/report, /report.csv | → [`campaigns::CampaignReport`], CSV | read reports |
//! | GET /live | WebSocket, [`live`] | signed in (filtered for agents) |
//!
//! Outside of `/api/v1`: `/healthz`, `/metrics`, `/wallboard`, and `/api/v1/openapi.json` needs no sign-in.
//! Errors are [`error::ApiError`] with a matching status. Tokens go in `Authorization: Bearer …`.

pub mod agents;
pub mod callbacks;
pub mod calls;
pub mod campaigns;
pub mod configuration;
pub mod defence;
pub mod error;
pub mod import;
pub mod live;
pub mod queues;
pub mod recordings;
pub mod reports;
pub mod session;
pub mod staffing;
pub mod trunks;
