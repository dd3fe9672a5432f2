//! Who hears whom, and the sum of it.
//!
//! [`HearMatrix::of`] is the only place that knows the rules of supervision, hold and mute; the mixer follows it
//! blindly. The recorder listens with rows of its own ([`HearMatrix::track`]), so that a whisper never lands on
//! the customer's track.

use serde::{Deserialize, Serialize};

use super::{FRAME_SAMPLES, Frame};

/// Parties of one bridge.
pub const MAX_PARTIES: usize = 16;

/// What a party is in the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// From outside.
    Customer,
    /// Works on the call.
    Agent,
    /// Watches over the call, in one of the modes.
    Supervisor(Supervision),
}

/// What a supervisor does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Supervision {
    /// Hears everybody, is heard by nobody.
    Monitor,
    /// Hears everybody, is heard by the agents.
    Whisper,
    /// Is heard by the agents and hears nobody.
    PrivateWhisper,
    /// Talks with everybody.
    Barge,
    /// Has the customer; the agents are out.
    TakeOver,
}

/// One place in the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// What the party is.
    pub role: Role,
    /// On hold: hears only the player (outside of the matrix) and is heard by nobody.
    pub held: bool,
    /// Hears, but is heard by nobody.
    pub muted: bool,
}

impl Party {
    /// Neither held nor muted.
    pub const fn new(role: Role) -> Self {
        Party { role, held: false, muted: false }
    }
}

/// One track of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Track {
    /// What the customers say.
    Customer,
    /// What the agents say.
    Agent,
    /// What the supervisors say, and only while somebody hears them.
    Supervisor,
}

impl Track {
    /// In the order of the channels.
    pub const ALL: [Track; 3] = [Track::Customer, Track::Agent, Track::Supervisor];
}

/// A set of parties, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Row(u16);

impl Row {
    /// Nobody.
    pub const NOBODY: Row = Row(0);

    /// Whether the party at `place` is in it.
    pub const fn hears(self, place: usize) -> bool {
        place < MAX_PARTIES && self.0 & (1 << place) != 0
    }

    /// With the party at `place`; a place beyond [`MAX_PARTIES`] changes nothing.
    #[must_use]
    pub const fn with(self, place: usize) -> Row {
        if place < MAX_PARTIES { Row(self.0 | 1 << place) } else { self }
    }

    /// Without the party at `place`.
    #[must_use]
    pub const fn without(self, place: usize) -> Row {
        if place < MAX_PARTIES { Row(self.0 & !(1 << place)) } else { self }
    }

    /// What it is after the party at `place` has gone and those behind it have moved up.
    #[must_use]
    pub const fn moved_up(self, place: usize) -> Row {
        if place >= MAX_PARTIES {
            return self;
        }
        let before = self.0 & ((1 << place) - 1);
        // In two steps: a shift by all sixteen places would overflow.
        Row(before | (self.0 >> place >> 1) << place)
    }

    /// The places in it, in order.
    pub fn places(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let place = left.trailing_zeros() as usize;
            left &= left.checked_sub(1)?;
            Some(place)
        })
    }

    /// Parties in it.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// True when nobody is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// `hear[listener][speaker]` for up to [`MAX_PARTIES`], and the rows of the recorder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HearMatrix {
    rows: [Row; MAX_PARTIES],
    tracks: [Row; 3],
}

impl HearMatrix {
    /// The matrix of `parties`, in their order. Parties beyond [`MAX_PARTIES`] neither hear nor are heard.
    ///
    /// A party hears another when the rules of the roles allow it, the speaker is neither muted nor held, and the
    /// listener is not held. While a supervisor has taken over, no agent hears or is heard.
    pub fn of(parties: &[Party]) -> HearMatrix {
        let parties = &parties[..parties.len().min(MAX_PARTIES)];
        let taken_over =
            parties.iter().any(|party| party.role == Role::Supervisor(Supervision::TakeOver) && !party.held);
        let is_out = |party: &Party| party.held || (taken_over && party.role == Role::Agent);
        let mut matrix = HearMatrix::default();
        for (listener_place, listener) in parties.iter().enumerate().filter(|(_, party)| !is_out(party)) {
            for (speaker_place, speaker) in parties.iter().enumerate() {
                let audible = !is_out(speaker) && !speaker.muted && listener_place != speaker_place;
                if audible && may_hear(listener.role, speaker.role) {
                    matrix.rows[listener_place] = matrix.rows[listener_place].with(speaker_place);
                }
            }
        }
        for (place, party) in parties.iter().enumerate().filter(|(_, party)| !is_out(party) && !party.muted) {
            let track = match party.role {
                Role::Customer => Track::Customer,
                Role::Agent => Track::Agent,
                Role::Supervisor(_) if matrix.is_heard(place) => Track::Supervisor,
                Role::Supervisor(_) => continue,
            };
            matrix.tracks[track as usize] = matrix.tracks[track as usize].with(place);
        }
        matrix
    }

    /// Whom the party at `listener` hears.
    pub fn row(&self, listener: usize) -> Row {
        self.rows.get(listener).copied().unwrap_or_default()
    }

    /// Whom a track of the recording hears.
    pub fn track(&self, track: Track) -> Row {
        self.tracks[track as usize]
    }

    /// Whether `listener` hears `speaker`.
    pub fn hears(&self, listener: usize, speaker: usize) -> bool {
        self.row(listener).hears(speaker)
    }

    /// Whether anybody hears `speaker`.
    pub fn is_heard(&self, speaker: usize) -> bool {
        self.rows.iter().any(|row| row.hears(speaker))
    }

    /// The two parties when exactly these two hear each other and nobody else hears or is heard: the case that
    /// can be relayed without decoding.
    pub fn relay_pair(&self) -> Option<(usize, usize)> {
        let mut hearing = (0..MAX_PARTIES).filter(|place| !self.rows[*place].is_empty());
        let (first, second) = (hearing.next()?, hearing.next()?);
        let only_two = hearing.next().is_none();
        let only_each_other =
            self.rows[first] == Row::NOBODY.with(second) && self.rows[second] == Row::NOBODY.with(first);
        (only_two && only_each_other).then_some((first, second))
    }
}

/// The rules of the roles: customers and agents talk with each other, supervisors by their mode.
fn may_hear(listener: Role, speaker: Role) -> bool {
    use Supervision::{Barge, Monitor, PrivateWhisper, TakeOver, Whisper};
    match (listener, speaker) {
        (Role::Supervisor(PrivateWhisper), _) | (_, Role::Supervisor(Monitor)) => false,
        (Role::Agent, Role::Supervisor(Whisper | PrivateWhisper | Barge)) => true,
        // A whisper is for agents alone; other supervisors do not hear it either.
        (_, Role::Supervisor(Whisper | PrivateWhisper)) => false,
        // Agents are out while somebody has taken over.
        (Role::Agent, Role::Supervisor(TakeOver)) => false,
        (Role::Customer | Role::Supervisor(_), Role::Supervisor(Barge | TakeOver)) => true,
        (_, Role::Customer | Role::Agent) => true,
    }
}

/// Adds frames by a matrix: a sum in 32 bits, clipped once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mixer;

impl Mixer {
    /// Writes what each party hears. `inputs[n]` and `outputs[n]` belong to the party at place n; `None` is
    /// silence.
    pub fn mix(inputs: &[Option<&Frame>], matrix: &HearMatrix, outputs: &mut [Frame]) {
        for (place, output) in outputs.iter_mut().enumerate() {
            Mixer::mix_row(inputs, matrix.row(place), output);
        }
    }

    /// Writes the sum of the parties of one row.
    pub fn mix_row(inputs: &[Option<&Frame>], row: Row, output: &mut Frame) {
        let mut voices =
            inputs.iter().enumerate().filter(|(place, _)| row.hears(*place)).filter_map(|(_, input)| *input);
        let Some(first) = voices.next() else {
            *output = Frame::SILENCE;
            return;
        };
        let Some(second) = voices.next() else {
            *output = *first;
            return;
        };
        let mut sums = [0i32; FRAME_SAMPLES];
        for ((sum, left), right) in sums.iter_mut().zip(&first.0).zip(&second.0) {
            *sum = i32::from(*left) + i32::from(*right);
        }
        for voice in voices {
            for (sum, sample) in sums.iter_mut().zip(&voice.0) {
                *sum += i32::from(*sample);
            }
        }
        for (sample, sum) in output.0.iter_mut().zip(sums) {
            *sample = sum.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads "C A/ S:barge-" into parties: `/` is held, `-` is muted.
    fn parties(text: &str) -> Vec<Party> {
        text.split_whitespace()
            .map(|word| {
                let held = word.contains('/');
                let muted = word.contains('-');
                let role = match word.trim_end_matches(['/', '-']) {
                    "C" => Role::Customer,
                    "A" => Role::Agent,
                    "S:monitor" => Role::Supervisor(Supervision::Monitor),
                    "S:whisper" => Role::Supervisor(Supervision::Whisper),
                    "S:private" => Role::Supervisor(Supervision::PrivateWhisper),
                    "S:barge" => Role::Supervisor(Supervision::Barge),
                    "S:takeover" => Role::Supervisor(Supervision::TakeOver),
                    other => panic!("role {other}"),
                };
                Party { role, held, muted }
            })
            .collect()
    }

    /// Who hears whom as "C<A A<C": each listener with the initials of those it hears, "." for nobody.
    fn heard(parties: &[Party], matrix: &HearMatrix) -> String {
        let initial = |party: &Party| match party.role {
            Role::Customer => 'C',
            Role::Agent => 'A',
            Role::Supervisor(_) => 'S',
        };
        let line = |row: Row| -> String {
            let set: String = parties
                .iter()
                .enumerate()
                .filter(|(place, _)| row.hears(*place))
                .map(|(_, party)| initial(party))
                .collect();
            if set.is_empty() { ".".into() } else { set }
        };
        let mut words: Vec<String> = parties
            .iter()
            .enumerate()
            .map(|(place, party)| format!("{}<{}", initial(party), line(matrix.row(place))))
            .collect();
        words.push(format!("rec={}", Track::ALL.map(|track| line(matrix.track(track))).join("|")));
        words.join(" ")
    }

    #[test]
    fn every_mode_lets_hear_exactly_whom_it_should() {
        for (script, expected) in [
            // The table of the modes, cell by cell.
            ("C A", "C<A A<C rec=C|A|."),
            ("C A S:monitor", "C<A A<C S<CA rec=C|A|."),
            ("C A S:whisper", "C<A A<CS S<CA rec=C|A|S"),
            ("C A S:private", "C<A A<CS S<. rec=C|A|S"),
            ("C A S:barge", "C<AS A<CS S<CA rec=C|A|S"),
            ("C A S:takeover", "C<S A<. S<C rec=C|.|S"),
            // Hold: the held customer hears the player alone, the supervisor the one who is left.
            ("C/ A", "C<. A<. rec=.|A|."),
            ("C/ A S:monitor", "C<. A<. S<A rec=.|A|."),
            ("C/ A S:whisper", "C<. A<S S<A rec=.|A|S"),
            ("C/ A S:barge", "C<. A<S S<A rec=.|A|S"),
            ("C A/ S:barge", "C<S A<. S<C rec=C|.|S"),
            ("C A S:takeover/", "C<A A<C S<. rec=C|A|."),
            // Mute: one column off.
            ("C A-", "C<. A<C rec=C|.|."),
            ("C A S:whisper-", "C<A A<C S<CA rec=C|A|."),
            ("C A- S:barge", "C<S A<CS S<C rec=C|.|S"),
            ("C A S:takeover-", "C<. A<. S<C rec=C|.|."),
            // Consultation, conference, two supervisors.
            ("C/ A A", "C<. A<A A<A rec=.|AA|."),
            ("C A A", "C<AA A<CA A<CA rec=C|AA|."),
            ("C A S:monitor S:whisper", "C<A A<CS S<CA S<CA rec=C|A|S"),
            ("C A S:monitor S:barge", "C<AS A<CS S<CAS S<CA rec=C|A|S"),
            ("C", "C<. rec=C|.|."),
            ("", "rec=.|.|."),
        ] {
            let parties = parties(script);
            assert_eq!(heard(&parties, &HearMatrix::of(&parties)), expected, "{script}");
        }
    }

    #[test]
    fn only_two_who_hear_each_other_can_be_relayed() {
        for (script, expected) in [
            ("C A", Some((0, 1))),
            ("C/ A A", Some((1, 2))),
            ("C A S:takeover", Some((0, 2))),
            ("C A S:monitor", None),
            ("C A-", None),
            ("C/ A", None),
            ("C A A", None),
        ] {
            assert_eq!(HearMatrix::of(&parties(script)).relay_pair(), expected, "{script}");
        }
    }

    #[test]
    fn more_parties_than_places_do_no_harm() {
        let many = vec![Party::new(Role::Agent); MAX_PARTIES + 3];
        let matrix = HearMatrix::of(&many);
        assert_eq!(matrix.row(0).len(), 15);
        assert!(matrix.row(MAX_PARTIES + 1).is_empty());
    }

    fn any_party() -> impl Strategy<Value = Party> {
        let role = prop_oneof![
            Just(Role::Customer),
            Just(Role::Agent),
            Just(Role::Supervisor(Supervision::Monitor)),
            Just(Role::Supervisor(Supervision::Whisper)),
            Just(Role::Supervisor(Supervision::PrivateWhisper)),
            Just(Role::Supervisor(Supervision::Barge)),
            Just(Role::Supervisor(Supervision::TakeOver)),
        ];
        (role, any::<bool>(), any::<bool>()).prop_map(|(role, held, muted)| Party { role, held, muted })
    }

    proptest! {
        #[test]
        fn nobody_hears_himself_and_no_customer_hears_a_whisper(
            parties in proptest::collection::vec(any_party(), 0..=MAX_PARTIES),
        ) {
            let matrix = HearMatrix::of(&parties);
            for (listener, party) in parties.iter().enumerate() {
                prop_assert!(!matrix.hears(listener, listener));
                for (speaker, other) in parties.iter().enumerate() {
                    let quiet = matches!(
                        other.role,
                        Role::Supervisor(Supervision::Monitor | Supervision::Whisper | Supervision::PrivateWhisper)
                    );
                    let private = party.role == Role::Customer && quiet;
                    prop_assert!(!(private && matrix.hears(listener, speaker)));
                    prop_assert!(!((other.held || other.muted || party.held) && matrix.hears(listener, speaker)));
                }
            }
        }

        #[test]
        fn a_mix_is_the_clipped_sum_of_the_others_in_any_order(
            levels in proptest::collection::vec(any::<i16>(), 1..=MAX_PARTIES),
        ) {
            let frames: Vec<Frame> = levels.iter().map(|level| Frame([*level; FRAME_SAMPLES])).collect();
            let parties = vec![Party::new(Role::Agent); levels.len()];
            let matrix = HearMatrix::of(&parties);
            let inputs: Vec<Option<&Frame>> = frames.iter().map(Some).collect();
            let mut outputs = vec![Frame::SILENCE; levels.len()];
            Mixer::mix(&inputs, &matrix, &mut outputs);
            let total: i32 = levels.iter().map(|level| i32::from(*level)).sum();
            for (place, output) in outputs.iter().enumerate() {
                // The exact sum, clipped at the end: a clip on the way would show with mixed signs.
                let expected = (total - i32::from(levels[place])).clamp(-32_768, 32_767) as i16;
                prop_assert_eq!(output.0[7], expected);
            }
            let reversed: Vec<Option<&Frame>> = frames.iter().rev().map(Some).collect();
            let mut backwards = vec![Frame::SILENCE; levels.len()];
            Mixer::mix(&reversed, &matrix, &mut backwards);
            backwards.reverse();
            prop_assert_eq!(outputs, backwards);
        }
    }

    #[test]
    fn the_places_of_a_row_are_told_in_order() {
        let row = Row::NOBODY.with(15).with(0).with(7).with(MAX_PARTIES);
        assert_eq!(row.places().collect::<Vec<_>>(), [0, 7, 15]);
        assert_eq!(Row::NOBODY.places().count(), 0);
    }
}
