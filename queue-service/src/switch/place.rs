//! What a waiting caller is told of his place and his wait.

use shared::audio::spoken;
use shared::id::{CallId, QueueId};
use shared::model::queue::QueueInfo;
use shared::time::Timestamp;

use super::{Switch, Work};
use crate::call::io::Input;

impl Switch {
    /// Looks up the place and the wait of a call, and tells its machine which files say so.
    pub(super) fn tell_place(&mut self, now: Timestamp, call: CallId, queue: &QueueInfo) {
        let rules = &queue.waiting;
        let position = self.acd.position(&queue.id, call).filter(|_| rules.say_position);
        let wait = self.acd.expected_wait(now, &queue.id, Some(call)).filter(|_| rules.say_wait);
        let Some(entry) = self.calls.get_mut(&call) else { return };
        let position = position.filter(|place| is_news(&mut entry.told_position, &queue.id, *place));
        let language = rules.spoken_language;
        let mut parts = position.map(|place| spoken::position(language, place)).unwrap_or_default();
        parts.extend(wait.into_iter().flat_map(|expected| spoken::wait(language, expected.p90_secs)));
        let folder = rules.spoken_parts.as_deref().unwrap_or_default();
        let files = files(folder, parts).collect();
        self.work.push_back(Work::Call(call, Input::Place { files }));
    }
}

/// The files of parts within the prompts folder.
pub(super) fn files(folder: &str, parts: Vec<String>) -> impl Iterator<Item = String> + use<> {
    let folder = folder.to_owned();
    parts.into_iter().map(move |part| format!("{folder}/{part}.wav"))
}

/// Whether a place may be told: nobody hears that he went back, as a call with priority came before him.
fn is_news(told: &mut Option<(QueueId, u32)>, queue: &QueueId, place: u32) -> bool {
    if told.as_ref().is_some_and(|(known, least)| known == queue && *least < place) {
        return false;
    }
    *told = Some((queue.clone(), place));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_that_he_went_back() {
        let (sales, help) = ("sales".parse().expect("id"), "help".parse().expect("id"));
        let mut told = None;
        for (queue, place, is_told) in
            [(&sales, 4, true), (&sales, 4, true), (&sales, 5, false), (&sales, 2, true), (&sales, 3, false)]
        {
            assert_eq!(is_news(&mut told, queue, place), is_told, "{place}");
        }
        assert!(is_news(&mut told, &help, 7), "another queue is another order");
    }

    #[test]
    fn parts_are_files_of_their_folder() {
        let parts = spoken::position(spoken::Language::English, 21);
        let files: Vec<String> = files("numbers", parts).collect();
        assert_eq!(files, ["numbers/position.wav", "numbers/20.wav", "numbers/1.wav"]);
    }
}
