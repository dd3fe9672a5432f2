//! SRTP on a packet of 20 ms of G.711: 172 octets.

use std::hint::black_box;

use criterion::{BatchSize, Criterion};
use rand::SeedableRng;
use rand::rngs::StdRng;
use shared::rtp::packet::Packet;
use shared::rtp::srtp::{Inbound, Master, Outbound, Suite};

fn packet(sequence: u16) -> ([u8; 256], usize) {
    let mut buffer = [0; 256];
    let packet = Packet {
        payload_type: 8,
        marker: false,
        sequence,
        timestamp: u32::from(sequence) * 160,
        ssrc: 7,
        payload: &[0x55; 160],
    };
    let len = packet.write_into(&mut buffer).unwrap_or(0);
    (buffer, len)
}

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("srtp");
    for suite in Suite::ALL {
        let master = Master::random(suite, &mut StdRng::seed_from_u64(1));
        let (mut outbound, mut sequence) = (Outbound::new(master.clone()), 0u16);
        group.bench_function(format!("protect {suite}"), |bencher| {
            bencher.iter(|| {
                let (mut buffer, len) = packet(sequence);
                sequence = sequence.wrapping_add(1);
                outbound.protect(black_box(&mut buffer), len)
            });
        });
        let (mut outbound, mut inbound) = (Outbound::new(master.clone()), Inbound::new(master));
        let mut sequence = 0u16;
        group.bench_function(format!("unprotect {suite}"), |bencher| {
            bencher.iter_batched(
                || {
                    let (mut buffer, len) = packet(sequence);
                    sequence = sequence.wrapping_add(1);
                    let len = outbound.protect(&mut buffer, len).unwrap_or(0);
                    (buffer, len)
                },
                |(mut buffer, len)| inbound.unprotect(black_box(&mut buffer[..len])),
                BatchSize::NumIterations(16),
            );
        });
    }
    group.finish();
}
