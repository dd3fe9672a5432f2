use proptest::prelude::*;

use super::*;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_secs(1_000) + Duration::from_millis(millis)
}

/// Packets as (milliseconds, timestamp, event, end, duration), and what comes of them as text.
fn check(packets: &[(u64, u32, u8, bool, u16)], expected: &str) {
    let mut listener = Listener::new(8_000);
    let mut seen = Vec::new();
    let mut drain = |listener: &mut Listener| {
        while let Some(event) = listener.poll() {
            seen.push(match event {
                KeyEvent::Pressed(key) => format!("{key}"),
                KeyEvent::Released { key, millis } => format!("/{key}{millis}"),
            });
        }
    };
    let mut last = 0;
    for (millis, timestamp, event, is_end, duration) in packets {
        listener.tick(at(*millis));
        let [high, low] = duration.to_be_bytes();
        listener.receive(at(*millis), *timestamp, &[*event, if *is_end { 0x8A } else { 0x0A }, high, low]);
        drain(&mut listener);
        last = *millis;
    }
    listener.tick(at(last + 1_000));
    drain(&mut listener);
    assert_eq!(seen.join(" "), expected, "{packets:?}");
}

#[test]
fn one_key_is_one_event() {
    check(
        &[
            (0, 5, 1, false, 160),
            (20, 5, 1, false, 320),
            (40, 5, 1, true, 480),
            (41, 5, 1, true, 480),
            (42, 5, 1, true, 480),
        ],
        "1 /160",
    );
}

#[test]
fn loss_reordering_and_repetition_still_give_each_key_once() {
    // Only an end came through.
    check(&[(40, 5, 11, true, 800)], "# /#100");
    // No end came through; the next key ends it, then time does.
    check(&[(0, 5, 1, false, 160), (200, 1_605, 2, false, 160)], "1 /120 2 /220");
    check(&[(0, 5, 1, false, 160), (20, 1_605, 1, false, 160)], "1 /120 1 /120");
    // An end, then a late packet of the same key.
    check(&[(0, 5, 1, false, 160), (20, 5, 1, true, 320), (30, 5, 1, false, 240)], "1 /140");
    // A packet of the key before comes after the next key began.
    check(
        &[(0, 5, 1, false, 160), (60, 805, 2, false, 160), (61, 5, 1, true, 400), (80, 805, 2, true, 320)],
        "1 /120 2 /240",
    );
    // The same key twice.
    check(&[(0, 5, 3, true, 800), (200, 1_605, 3, true, 800)], "3 /3100 3 /3100");
    // The timestamp wraps between two keys.
    check(&[(0, u32::MAX - 5, 3, true, 800), (200, 1_600, 4, true, 800)], "3 /3100 4 /4100");
}

#[test]
fn odd_senders() {
    // The timestamp runs along with the duration.
    check(&[(0, 160, 5, false, 160), (20, 320, 5, false, 320), (40, 480, 5, true, 480)], "5 /560");
    // A key longer than 16 bits of ticks.
    check(&[(0, 0, 5, false, 65_500), (20, 65_500, 5, false, 160), (40, 65_500, 5, true, 320)], "5 /58227");
    // Flash hook and fax tones are no keys.
    check(&[(0, 0, 16, true, 160), (10, 400, 36, true, 160)], "");
}

fn send_all(speaker: &mut Speaker) -> Vec<(u32, Send)> {
    let mut sent = Vec::new();
    for frame in 0..1_000 {
        match speaker.turn(20) {
            Turn::Event(send) => sent.push((frame * 20, send)),
            Turn::Quiet => {}
            Turn::Voice => break,
        }
    }
    sent
}

#[test]
fn a_key_is_sent_with_its_end_three_times_and_then_a_gap() {
    let mut speaker = Speaker::new(8_000);
    assert!(speaker.press('5', 60) && speaker.press('#', 40));
    let sent = send_all(&mut speaker);
    let lines: Vec<_> = sent
        .iter()
        .map(|(at, send)| {
            (*at, send.payload[0], send.payload[1], send.marker, send.times, send.begun_millis_ago)
        })
        .collect();
    assert_eq!(
        lines,
        [
            (0, 5, 0x0A, true, 1, 0),
            (20, 5, 0x0A, false, 1, 20),
            (40, 5, 0x8A, false, 3, 40),
            (120, 11, 0x0A, true, 1, 0),
            (140, 11, 0x8A, false, 3, 20),
        ]
    );
    assert_eq!(sent[2].1.payload[2..], 480u16.to_be_bytes());
    assert!(!speaker.is_busy());
}

#[test]
fn what_is_no_key_and_what_is_too_much_is_refused() {
    let mut speaker = Speaker::new(8_000);
    assert!(!speaker.press('x', 100));
    assert!((0..MAX_WAITING).all(|_| speaker.press('a', 100)));
    assert!(!speaker.press('1', 100));
}

proptest! {
    /// What is sent comes out, as long as one packet of each key arrives.
    #[test]
    fn keys_survive_loss(
        keys in proptest::collection::vec(0usize..16, 1..8),
        lost in proptest::collection::vec(any::<bool>(), 64),
    ) {
        let mut speaker = Speaker::new(8_000);
        for key in &keys {
            speaker.press(KEYS[*key], 80);
        }
        let mut listener = Listener::new(8_000);
        let mut losses = lost.iter().cycle();
        let mut pressed = Vec::new();
        for (millis, send) in send_all(&mut speaker) {
            let timestamp = (millis - send.begun_millis_ago) * 8;
            for turn in 0..send.times {
                let always = turn + 1 == END_PACKETS;
                if always || !losses.next().copied().unwrap_or(false) {
                    listener.receive(at(u64::from(millis)), timestamp, &send.payload);
                }
            }
            while let Some(event) = listener.poll() {
                if let KeyEvent::Pressed(key) = event {
                    pressed.push(key);
                }
            }
        }
        let expected: Vec<char> = keys.iter().map(|key| KEYS[*key]).collect();
        prop_assert_eq!(pressed, expected);
    }

    #[test]
    fn random_payloads_never_panic(
        packets in proptest::collection::vec((any::<u32>(), proptest::collection::vec(any::<u8>(), 0..6)), 0..300),
    ) {
        let mut listener = Listener::new(48_000);
        for (index, (timestamp, payload)) in packets.iter().enumerate() {
            listener.receive(at(index as u64), *timestamp, payload);
        }
        prop_assert!(listener.waiting.len() <= MAX_WAITING);
    }
}
