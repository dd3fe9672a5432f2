//! Changes to messages that a fuzzer would make: fast, seeded, and with the words of the protocols.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Words that parsers look for, and numbers at the borders of theirs.
const WORDS: [&[u8]; 46] = [
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b"\r\n ",
    b":",
    b";",
    b",",
    b"<",
    b">",
    b"\"",
    b"\\",
    b"%00",
    b"%3B",
    b"@",
    b"[::1]",
    b"?",
    b"=",
    b"--",
    b"SIP/2.0",
    b"sip:",
    b"tel:",
    b"Via: ",
    b"v:",
    b"To: ",
    b"To :",
    b"t:",
    b"Content-Length: ",
    b"l:",
    b"INVITE",
    b"tag=",
    b"branch=z9hG4bK",
    b"m=audio ",
    b"a=rtpmap:",
    b"v=0\r\n",
    b"-1",
    b"255",
    b"256",
    b"65536",
    b"2147483648",
    b"4294967295",
    b"18446744073709551616",
    b"\xff\xfe",
];

/// Longest result: longer ones find nothing that shorter ones do not.
const MAX_LEN: usize = 8 * 1024;

/// A source of changed copies; the same seed gives the same ones.
#[derive(Debug)]
pub struct Mutator {
    random: SmallRng,
}

impl Mutator {
    /// The same seed gives the same changes.
    pub fn new(seed: u64) -> Mutator {
        Mutator { random: SmallRng::seed_from_u64(seed) }
    }

    /// One of the entries of `corpus` with one to eight changes.
    pub fn next_input(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = self.entry(corpus).to_vec();
        for _ in 0..=self.below(8) {
            self.change(&mut bytes, corpus);
        }
        bytes.truncate(MAX_LEN);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let (from, to) = self.range(bytes.len());
        match self.below(6) {
            // A bit, a byte.
            0 => {
                let bit = 1 << self.below(8);
                if let Some(byte) = bytes.get_mut(from) {
                    *byte ^= bit;
                }
            }
            1 => {
                let any = self.random.next_u32().to_le_bytes()[0];
                if let Some(byte) = bytes.get_mut(from) {
                    *byte = any;
                }
            }
            2 => drop(bytes.drain(from..to)),
            // Once more.
            3 => {
                let again = bytes.get(from..to).unwrap_or_default().to_vec();
                bytes.splice(from..from, again);
            }
            // A piece of another one.
            4 => {
                let other = self.entry(corpus).to_vec();
                let (start, end) = self.range(other.len());
                bytes.splice(from..to, other.get(start..end).unwrap_or_default().iter().copied());
            }
            _ => {
                let word = WORDS.get(self.below(WORDS.len())).copied().unwrap_or_default();
                let to = if self.below(2) == 0 { from } else { to };
                bytes.splice(from..to, word.iter().copied());
            }
        }
    }

    fn entry<'a>(&mut self, corpus: &'a [Vec<u8>]) -> &'a [u8] {
        let at = self.below(corpus.len());
        corpus.get(at).map(Vec::as_slice).unwrap_or_default()
    }

    /// A place and one up to 32 octets behind it.
    fn range(&mut self, len: usize) -> (usize, usize) {
        let from = self.below(len + 1);
        (from, (from + self.below(32)).min(len))
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.random.next_u32() as usize).checked_rem(bound).unwrap_or(0)
    }
}
