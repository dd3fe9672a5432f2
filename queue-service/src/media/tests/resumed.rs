//! A call goes on in another process: here, in another `Media`.

use shared::rtp::srtp::Suite;

use super::super::saved::SavedBridge;
use super::super::*;
use super::floor::{Floor, config};

/// Saves the call as JSON, ends its media and goes on with it in a new one.
fn move_on(floor: &mut Floor) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
    let saved = runtime.block_on(floor.media.save(floor.bridge)).expect("a bridge");
    let json = serde_json::to_string(&saved).expect("plain data");
    let (sender, events) = mpsc::channel(256);
    let unused = Media::start(config(), sender.clone()).expect("media");
    drop(std::mem::replace(&mut floor.media, unused));
    // The channel ends with the worker, and the worker with its sockets.
    while floor.events.blocking_recv().is_some() {}
    let saved: SavedBridge = serde_json::from_str(&json).expect("what was saved");
    floor.media = Media::start(config(), sender).expect("media");
    floor.bridge = floor.media.resume(saved).expect("the same ports");
    floor.events = events;
}

#[test]
fn a_call_goes_on_in_a_new_worker_on_the_same_ports_in_the_same_streams() {
    for secure in [false, true] {
        let mut floor = Floor::talk();
        if secure {
            floor.secure(0, Suite::AesCm128HmacSha1_80, 1);
            floor.secure(1, Suite::AeadAes256Gcm, 2);
        }
        floor.expect("A C");
        let before: Vec<_> = floor.phones.iter().map(|phone| phone.headers.len()).collect();
        move_on(&mut floor);
        floor.expect("A C");
        for (phone, before) in floor.phones.iter().zip(before) {
            let (old, new) = phone.headers.split_at(before);
            let (last, first) = (old.last().expect("voice"), new.first().expect("voice"));
            assert!(new.iter().all(|header| header.ssrc == last.ssrc), "one stream");
            let ahead = first.sequence.wrapping_sub(last.sequence);
            assert!((1..3_000).contains(&ahead), "the sequence goes on: {ahead}");
            let ticks = first.timestamp.wrapping_sub(last.timestamp).cast_signed();
            assert!(ticks > 0, "time goes on: {ticks}");
        }
        // It is a bridge like any other.
        floor.set(1, Party { muted: true, ..Party::new(Role::Agent) });
        floor.expect(". C");
    }
}

#[test]
fn a_port_that_somebody_else_has_is_told_and_nothing_is_kept() {
    let floor = Floor::talk();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
    let saved = runtime.block_on(floor.media.save(floor.bridge)).expect("a bridge");
    let (sender, _events) = mpsc::channel(256);
    let second = Media::start(config(), sender).expect("media");
    let refused = second.resume(saved.clone());
    assert!(matches!(refused, Err(MediaError::Socket { .. })), "{refused:?}");
    let refused = floor.media.resume(saved);
    assert!(matches!(refused, Err(MediaError::LegTaken(_))), "{refused:?}");
    assert_eq!((second.stats().bridges, floor.media.stats().bridges), (0, 1));
    floor.media.close_bridge(floor.bridge);
    assert!(runtime.block_on(floor.media.save(floor.bridge)).is_none());
}
