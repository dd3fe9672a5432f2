//! Outputs of a machine in short words.

use super::*;

/// An output in a few words.
pub(super) fn words(output: &Output) -> String {
    let name = |leg: &LegId| match leg.as_u64() {
        1 => "customer".to_owned(),
        2 => "agent".to_owned(),
        3 => "supervisor".to_owned(),
        other => format!("leg{other}"),
    };
    match output {
        Output::Publish(event) => match event {
            Event::CallEnded { cause: EndCause::Joined { into }, .. } => {
                format!("joined into {}", into.as_u64())
            }
            Event::CallEnded { cause, .. } => format!("ended {cause:?}"),
            Event::AgentReleased { talk_millis, hold_millis, .. } => {
                format!("released {talk_millis} {hold_millis}")
            }
            Event::CallConnected { wait_millis, setup_millis, .. } => {
                format!("connected {wait_millis} {setup_millis}")
            }
            Event::SupervisionChanged { mode, .. } => format!("supervision {mode:?}"),
            other => {
                let text = serde_json::to_value(other).expect("json");
                text["type"].as_str().unwrap_or_default().to_owned()
            }
        },
        Output::Acd(ask) => match ask {
            AcdAsk::Enqueue { queue, since, only } => {
                let secs = (since.as_micros() - at(0).as_micros()) / 1_000_000;
                format!(
                    "acd enqueue {queue}@{secs}{}",
                    only.as_ref().map_or(String::new(), |only| format!(" only {only}"))
                )
            }
            AcdAsk::OfferFailed { outcome, .. } => format!("acd failed {outcome:?}"),
            AcdAsk::Released { wrap_up, .. } => format!("acd released wrap_up={wrap_up}"),
            AcdAsk::Hold { held, .. } => format!("acd hold={held}"),
            AcdAsk::Taken { agent } => format!("acd taken {agent}"),
            AcdAsk::OwnCall { agent } => format!("acd own {agent}"),
            AcdAsk::OwnCallOver { agent } => format!("acd own over {agent}"),
            AcdAsk::CallerGone => "acd gone".into(),
            AcdAsk::Withdraw => "acd withdraw".into(),
            AcdAsk::LeaveFor { to } => format!("acd leave for {to:?}"),
            AcdAsk::Claim { .. } => "acd claim".into(),
            AcdAsk::AskCallback { to } => format!("acd ask callback {}", to.number),
            AcdAsk::CallbackReached => "acd callback reached".into(),
            AcdAsk::CallbackFailed { outcome } => format!("acd callback failed {outcome:?}"),
        },
        Output::Answer { leg } => format!("answer {}", name(leg)),
        Output::Reject { leg, status } => format!("reject {} {status}", name(leg)),
        Output::Fail { leg, status, cause } => format!("fail {} {status} {cause}", name(leg)),
        Output::Progress { leg, status, media } => {
            format!("progress {} {status}{}", name(leg), if *media { " media" } else { "" })
        }
        Output::RingOwn { to, queue, .. } => {
            let queue = queue.as_ref().map_or(String::new(), |queue| format!(" for {queue}"));
            format!("ring own phone to {}{queue}", to.number)
        }
        Output::Cause { cause } => format!("cause {cause}"),
        Output::Dial { number, queue, .. } => {
            format!("dial {number}{}", queue.as_ref().map_or(String::new(), |queue| format!(" for {queue}")))
        }
        Output::RingColleague { agent, .. } => format!("ring colleague {agent}"),
        Output::RingAgent { leg, .. } => format!("ring {}", name(leg)),
        Output::RingSupervisor { leg, .. } => format!("ring {}", name(leg)),
        Output::Drop { leg, elsewhere } => {
            format!("drop {}{}", name(leg), if *elsewhere { " elsewhere" } else { "" })
        }
        Output::AnswerRefer { status, .. } => format!("refer {status}"),
        Output::Hear { parties } => {
            let list: Vec<String> = parties
                .iter()
                .map(|(_, place)| match place.role {
                    Role::Customer if place.held => "C/".into(),
                    Role::Customer => "C".into(),
                    Role::Agent => "A".into(),
                    Role::Supervisor(mode) => format!("S:{mode:?}"),
                })
                .collect();
            format!("hear {}", list.join(" "))
        }
        Output::Play { sound: Sound::Prompt(file), .. } => format!("play {file}"),
        Output::Play { sound: Sound::Parts(files), .. } => format!("play {}", files.join(" ")),
        Output::AskPlace { queue } => format!("place in {}?", queue.id),
        Output::Play { sound: Sound::Music(_), .. } => "music".into(),
        Output::Play { leg, sound, .. } => format!("play {} {sound:?}", name(leg)),
        Output::StopPlay { .. } => "quiet".into(),
        Output::Record => "record".into(),
        Output::StopRecord => "stop record".into(),
        Output::SupervisionAnswer { result, .. } => format!("supervision answer {}", result.is_ok()),
        Output::Finished => "finished".into(),
    }
}
