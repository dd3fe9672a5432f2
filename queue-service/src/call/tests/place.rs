//! Announcements that tell the caller his place.

use super::*;

#[test]
fn the_place_is_asked_for_and_told_behind_the_announcement() {
    for (announcement, files, told) in [
        (Some("busy.wav"), vec!["n/position.wav", "n/3.wav"], "play busy.wav n/position.wav n/3.wav"),
        (None, vec!["n/wait.wav", "n/2.wav", "n/minutes.wav"], "play n/wait.wav n/2.wav n/minutes.wav"),
        (Some("busy.wav"), vec![], "play busy.wav"),
        (None, vec![], ""),
    ] {
        let mut info = queue();
        info.announcement = announcement.map(str::to_owned);
        info.waiting.say_position = true;
        let mut script = Script::arrive();
        script.input(0, Input::Queued { queue: info, since: at(0) });
        assert_eq!(script.input(30, Input::Tick), "place in sales?");
        let place = Input::Place { files: files.into_iter().map(str::to_owned).collect() };
        assert_eq!(script.input(30, place), told);
        assert_eq!(script.machine.deadline(), Some(at(60)), "again at its pace");
    }
}

#[test]
fn who_waits_no_more_is_told_nothing() {
    let mut info = queue();
    info.waiting.say_wait = true;
    let mut script = Script::arrive();
    script.input(0, Input::Queued { queue: info, since: at(0) });
    assert_eq!(script.input(30, Input::Tick), "place in sales?");
    script
        .input(30, Input::Redirected { exit: QueueExit::TimedOut, to: Destination::Reject { status: 480 } });
    assert_eq!(script.input(30, Input::Place { files: vec!["n/wait.wav".into()] }), "");
}
