//! A packet into the jitter buffer and one out of it, on a calm line and in reordered pairs.

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use shared::rtp::jitter::{Arrival, JitterBuffer, Pull};
use shared::time::Timestamp;

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("jitter buffer");
    for (name, swapped) in [("in order", 0), ("reordered pairs", 1)] {
        let (mut buffer, mut number) = (JitterBuffer::new(8_000), 0u64);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let now = Timestamp::from_secs(1_000) + Duration::from_millis(number * 20);
                let sequence = 100_000 + (number ^ swapped);
                let arrival = Arrival {
                    sequence,
                    timestamp: sequence * 160,
                    ticks: 160,
                    payload_type: 8,
                    payload: black_box(&[0x55; 160]),
                };
                number += 1;
                buffer.insert(now, arrival);
                matches!(buffer.pull(now), Pull::Packet { .. })
            });
        });
    }
    group.finish();
}
