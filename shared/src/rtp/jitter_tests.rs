use std::fmt::Write as _;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_secs(1_000) + Duration::from_millis(millis)
}

/// Runs a script and returns what was pulled.
///
/// Words are done in their order: `@40` sets the clock to 40 ms; `7` inserts packet 7 (20 ms each, its timestamp
/// follows from its number); `7+100` has a timestamp 100 ms later; `7e` is an event packet; `.` pulls and moves
/// the clock on by 20 ms; `.x5` pulls five times. Pulled are packet numbers, `?` for loss, `?7` for loss with the
/// packet after it at hand, `_` for silence.
fn run(buffer: &mut JitterBuffer, script: &str) -> String {
    let mut now = 0;
    let mut output = String::new();
    for word in script.split_whitespace() {
        if let Some(millis) = word.strip_prefix('@') {
            now = millis.parse().expect("milliseconds");
        } else if let Some(times) = word.strip_prefix('.') {
            let times: usize = times.strip_prefix('x').map_or(1, |times| times.parse().expect("times"));
            for _ in 0..times {
                match buffer.pull(at(now)) {
                    Pull::Packet { payload, .. } => write!(output, " {}", payload[0]),
                    Pull::Lost { next: Some((_, payload)) } => write!(output, " ?{}", payload[0]),
                    Pull::Lost { next: None } => write!(output, " ?"),
                    Pull::Silence => write!(output, " _"),
                }
                .expect("text");
                now += 20;
            }
        } else {
            let is_event = word.ends_with('e');
            let (number, later) =
                word.trim_end_matches('e').split_once('+').unwrap_or((word.trim_end_matches('e'), "0"));
            let number: u64 = number.parse().expect("number");
            let later: u64 = later.parse().expect("milliseconds");
            buffer.insert(
                at(now),
                Arrival {
                    sequence: 70_000 + number,
                    timestamp: (1 << 32) + number * 160 + later * 8,
                    ticks: if is_event { 0 } else { 160 },
                    payload_type: 0,
                    payload: &[number as u8],
                },
            );
        }
    }
    output.trim_start().to_owned()
}

fn check(script: &str, expected: &str) -> Status {
    let mut buffer = JitterBuffer::new(8_000);
    assert_eq!(run(&mut buffer, script), expected, "{script}");
    buffer.status()
}

#[test]
fn a_clean_stream_is_played_in_order_after_40_ms() {
    let status = check(". @0 1 @10 . @20 2 @30 . @40 3 @50 . @60 4 @70 . @80 5 @90 .", "_ _ 1 2 3 4");
    assert_eq!((status.late, status.duplicate, status.concealed, status.starts), (0, 0, 0, 1));
}

#[test]
fn reordered_and_doubled_packets_come_out_once_and_in_order() {
    let status = check("1 3 2 2 . . 4 . .", "1 2 3 4");
    assert_eq!(status.duplicate, 1);
}

#[test]
fn a_hole_is_made_up_with_the_packet_after_it() {
    check("1 2 4 5 . . . . .", "1 2 ?4 4 5");
    check("1 2 5 6 7 . . . . . . .", "1 2 ? ?5 5 6 7");
}

#[test]
fn a_packet_after_its_time_is_left_out() {
    let status = check("1 2 4 5 6 . . . 3 . . .", "1 2 ?4 4 5 6");
    assert_eq!((status.late, status.concealed), (1, 1));
}

#[test]
fn an_empty_buffer_waits_and_loses_nothing() {
    // Packet 3 is 40 ms late; what was made up makes room for it.
    let status = check("@0 1 2 . . . . @80 3 4 5 . . .", "1 2 ? ? 3 4 5");
    assert_eq!((status.late, status.concealed), (0, 2));
}

#[test]
fn what_was_made_up_while_waiting_stands_for_what_was_lost() {
    check("@0 1 2 . . . . @80 5 6 7 . . .", "1 2 ? ? 5 6 7");
}

#[test]
fn a_pause_ends_in_silence_and_begins_anew() {
    let status = check("1 2 .x10 @500 3+480 @510 . @520 4+480 @530 . .", "1 2 ? ? ? ? ? _ _ _ _ 3 4");
    assert_eq!(status.starts, 2);
}

#[test]
fn silence_that_the_sender_suppressed_is_no_loss() {
    check("1 2 3+60 4+60 .x7", "1 2 _ _ _ 3 4");
}

#[test]
fn keys_in_the_stream_are_no_loss() {
    check("1 2 3e 4e 5e .x6 @120 6+20 7+20 . .", "1 2 _ _ _ _ 6 7");
}

#[test]
fn a_jump_of_the_timestamp_is_played_through() {
    check("1 2 3+60000 4+60000 . . . .", "1 2 3 4");
    let mut buffer = JitterBuffer::new(8_000);
    run(&mut buffer, "1+60000 2+60000 3 4");
    assert_eq!(run(&mut buffer, ".x6"), "_ _ 1 2 3 4");
}

#[test]
fn a_full_buffer_gives_up_the_oldest() {
    let script: String = (0..CAPACITY as u64 + 10).map(|number| format!("{number} ")).collect();
    let status = check(&format!("{script} . ."), "10 11");
    assert_eq!(status.overflowed, 10);
    // A number far ahead empties it.
    check("1 2 3 5000 . . .", "_ _ 136");
}

#[test]
fn a_restart_forgets_the_packets() {
    let mut buffer = JitterBuffer::new(8_000);
    run(&mut buffer, "1 2 3 .");
    buffer.restart();
    assert_eq!(run(&mut buffer, ". @0 1 2 3 4 . ."), "_ 1 2");
}

/// Plays a stream with these delays; returns the frames made up in the second half, and the buffer.
fn play(delays: impl Fn(u64) -> Option<u64>, packets: u64) -> (u64, JitterBuffer) {
    let mut buffer = JitterBuffer::new(8_000);
    let mut arrivals: Vec<(u64, u64)> =
        (0..packets).filter_map(|packet| delays(packet).map(|delay| (packet * 20 + delay, packet))).collect();
    arrivals.sort_unstable();
    let mut arrivals = arrivals.into_iter().peekable();
    let mut made_up = 0;
    for frame in 0..packets {
        let now = frame * 20 + 7;
        while let Some((millis, packet)) = arrivals.next_if(|(millis, _)| *millis <= now) {
            let timestamp = (1 << 32) + packet * 160;
            let arrival = Arrival {
                sequence: 70_000 + packet,
                timestamp,
                ticks: 160,
                payload_type: 0,
                payload: &[packet as u8],
            };
            buffer.insert(at(millis), arrival);
        }
        // The owner shortens when told to.
        if buffer.spare_millis().is_some_and(|spare| spare >= 20) {
            buffer.pull(at(now));
            buffer.pulled_ahead();
        }
        if matches!(buffer.pull(at(now)), Pull::Lost { .. }) && frame >= packets / 2 {
            made_up += 1;
        }
    }
    (made_up, buffer)
}

#[test]
fn the_delay_follows_the_network_up_and_down() {
    let (made_up, buffer) = play(|_| Some(30), 1_000);
    assert_eq!((made_up, buffer.status().target_millis), (0, MIN_TARGET_MILLIS));

    let (made_up, buffer) = play(|packet| Some(packet * 7 % 13 * 8), 2_000);
    assert!((80..=140).contains(&buffer.status().target_millis), "{:?}", buffer.status());
    assert!(made_up <= 40, "{made_up} of 1000 made up: {:?}", buffer.status());

    // A rough start is forgotten, and the delay goes back.
    let (_, buffer) = play(|packet| Some(if packet < 300 { packet * 7 % 13 * 12 } else { 0 }), 6_000);
    let status = buffer.status();
    assert!(status.target_millis <= 60 && status.content_millis <= 120, "{status:?}");
}

#[test]
fn a_calm_network_costs_a_packet_and_no_more() {
    for millis in [0, 3, 12, 19] {
        let (made_up, buffer) = play(|_| Some(millis), 500);
        let status = buffer.status();
        assert_eq!((made_up, status.target_millis, status.late), (0, MIN_TARGET_MILLIS, 0), "{millis} ms");
        // The fastest packet waits at least so long, and not a whole pull longer.
        assert!(
            (LEAST_WAIT_MILLIS..LEAST_WAIT_MILLIS + PULL_MILLIS).contains(&buffer.waits.least_millis[1]),
            "{millis} ms: {:?}",
            buffer.waits.least_millis
        );
    }
}

#[test]
fn rare_hiccups_are_waited_for_as_long_as_that_is_cheap() {
    // One packet a second is late: by 15 ms that costs a pull more, by 60 ms it costs the packet.
    let (made_up, buffer) = play(|packet| Some(if packet % 50 == 9 { 15 } else { 0 }), 3_000);
    assert_eq!((made_up, buffer.status().target_millis), (0, 40));
    let (made_up, buffer) = play(|packet| Some(if packet % 50 == 9 { 60 } else { 0 }), 3_000);
    assert_eq!(buffer.status().target_millis, 40);
    assert!((20..=90).contains(&made_up), "{made_up} of 1,500");
}

#[test]
fn loss_is_made_up_and_nothing_more() {
    let (made_up, buffer) = play(|packet| (packet % 20 != 7).then_some(20), 2_000);
    assert!((50..=60).contains(&made_up), "{made_up}");
    assert_eq!(buffer.status().late, 0);
}

proptest! {
    #[test]
    fn whatever_comes_nothing_panics_or_grows(
        steps in proptest::collection::vec(
            (0u64..400, any::<u32>(), prop_oneof![Just(0u32), Just(160), Just(480), any::<u32>()], 0usize..5, 0u64..10_000_000),
            0..300,
        ),
    ) {
        let mut buffer = JitterBuffer::new(8_000);
        for (number, timestamp, ticks, pulls, millis) in steps {
            let arrival = Arrival {
                sequence: 65_536 + number * number,
                timestamp: (1 << 32) + u64::from(timestamp),
                ticks,
                payload_type: 0,
                payload: &[1, 2, 3],
            };
            buffer.insert(at(millis), arrival);
            for _ in 0..pulls {
                buffer.pull(at(millis));
            }
            prop_assert!(buffer.count <= CAPACITY);
            prop_assert_eq!(buffer.count, buffer.slots.iter().filter(|slot| slot.used).count());
        }
    }

    /// Packets come out in order, each at most once, whatever the order of arrival.
    #[test]
    fn order_is_kept(mut order in proptest::collection::vec(0u64..60, 1..120)) {
        let mut buffer = JitterBuffer::new(8_000);
        let mut last = None;
        for (step, number) in order.drain(..).enumerate() {
            let arrival = Arrival {
                sequence: 70_000 + number,
                timestamp: (1 << 32) + number * 160,
                ticks: 160,
                payload_type: 0,
                payload: &[number as u8],
            };
            buffer.insert(at(step as u64 * 10), arrival);
            if step % 2 == 1 && let Pull::Packet { payload, .. } = buffer.pull(at(step as u64 * 10)) {
                prop_assert!(last.is_none_or(|last| payload[0] > last));
                last = Some(payload[0]);
            }
        }
    }
}
