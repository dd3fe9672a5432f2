//! A frame for every party of a conference.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use shared::audio::Frame;
use shared::audio::mixer::{HearMatrix, MAX_PARTIES, Mixer, Party, Role};

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mixer");
    for parties in [2, 3, 4, 6, 8, 12, MAX_PARTIES] {
        let frames: Vec<Frame> = (0..parties).map(|party| Frame([party as i16 * 900 + 7; 320])).collect();
        let inputs: Vec<Option<&Frame>> = frames.iter().map(Some).collect();
        let matrix = HearMatrix::of(&vec![Party::new(Role::Agent); parties]);
        let mut outputs = vec![Frame::SILENCE; parties];
        group.bench_function(BenchmarkId::from_parameter(parties), |bencher| {
            bencher.iter(|| Mixer::mix(black_box(&inputs), &matrix, &mut outputs));
        });
    }
    group.finish();
}
