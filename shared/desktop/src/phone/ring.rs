//! A lock-free queue of samples between one writing and one reading thread; one of them is a sound device's
//! callback, which may not wait for anybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicI16, AtomicUsize, Ordering};

/// Samples that fit: 680 ms at 48 kHz.
const CAPACITY: usize = 1 << 15;

#[derive(Debug)]
struct Shared {
    samples: Box<[AtomicI16]>,
    /// Samples ever written; only the writer moves it.
    written: AtomicUsize,
    /// Samples ever read; only the reader moves it.
    read: AtomicUsize,
}

impl Shared {
    fn slot(&self, place: usize) -> &AtomicI16 {
        &self.samples[place % CAPACITY]
    }
}

/// The end that writes.
#[derive(Debug)]
pub(super) struct Writer(Arc<Shared>);

/// The end that reads.
#[derive(Debug)]
pub(super) struct Reader(Arc<Shared>);

/// An empty queue.
pub(super) fn channel() -> (Writer, Reader) {
    let samples = (0..CAPACITY).map(|_| AtomicI16::new(0)).collect();
    let shared = Arc::new(Shared { samples, written: AtomicUsize::new(0), read: AtomicUsize::new(0) });
    (Writer(shared.clone()), Reader(shared))
}

impl Writer {
    /// Writes what fits and drops the rest; returns how many were written.
    pub(super) fn write(&mut self, samples: impl IntoIterator<Item = i16>) -> usize {
        let start = self.0.written.load(Ordering::Relaxed);
        let room = CAPACITY - start.wrapping_sub(self.0.read.load(Ordering::Acquire));
        let mut len = 0;
        for sample in samples.into_iter().take(room) {
            self.0.slot(start.wrapping_add(len)).store(sample, Ordering::Relaxed);
            len += 1;
        }
        self.0.written.store(start.wrapping_add(len), Ordering::Release);
        len
    }

    /// Samples that wait to be read.
    pub(super) fn len(&self) -> usize {
        self.0.written.load(Ordering::Relaxed).wrapping_sub(self.0.read.load(Ordering::Acquire))
    }
}

impl Reader {
    /// Samples that wait to be read.
    pub(super) fn len(&self) -> usize {
        self.0.written.load(Ordering::Acquire).wrapping_sub(self.0.read.load(Ordering::Relaxed))
    }

    /// Gives every waiting sample, at most `limit`, to `take`; returns how many.
    pub(super) fn read(&mut self, limit: usize, mut take: impl FnMut(i16)) -> usize {
        let start = self.0.read.load(Ordering::Relaxed);
        let len = self.len().min(limit);
        for place in 0..len {
            take(self.0.slot(start.wrapping_add(place)).load(Ordering::Relaxed));
        }
        self.0.read.store(start.wrapping_add(len), Ordering::Release);
        len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_between_threads() {
        let (mut writer, mut reader) = channel();
        let total = 200_000usize;
        let thread = std::thread::spawn(move || {
            let mut next = 0usize;
            while next < total {
                let end = (next + 480).min(total);
                next += writer.write((next..end).map(|number| (number % 30_011) as i16));
            }
        });
        let mut seen = 0usize;
        while seen < total {
            reader.read(333, |sample| {
                assert_eq!(sample, (seen % 30_011) as i16);
                seen += 1;
            });
        }
        thread.join().expect("writer");
    }

    #[test]
    fn drops_what_does_not_fit() {
        let (mut writer, mut reader) = channel();
        assert_eq!(writer.write(std::iter::repeat_n(7, CAPACITY + 10)), CAPACITY);
        assert_eq!(writer.write([1]), 0);
        assert_eq!(reader.read(3, |_| {}), 3);
        assert_eq!(writer.write([1, 2, 3, 4]), 3);
        assert_eq!((writer.len(), reader.len()), (CAPACITY, CAPACITY));
    }
}
