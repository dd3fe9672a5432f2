//! 20 ms through each codec, and from one sample rate to another.

use std::hint::black_box;

use criterion::Criterion;
use shared::audio::codec::{Codec, Decoder, Encoder, MAX_PACKET_SAMPLES, MAX_PAYLOAD_BYTES};
use shared::audio::resample::{Double, Halve, Resampler};
use shared::audio::tone::Sine;

fn sound() -> Vec<i16> {
    let mut samples = vec![0; 16_000];
    Sine::new(437.0, 16_000, -12.0).fill(&mut samples);
    samples
}

pub fn bench(criterion: &mut Criterion) {
    let sound = sound();
    let mut group = criterion.benchmark_group("codec");
    for codec in Codec::ALL {
        let Ok(mut encoder) = Encoder::new(codec, &Default::default()) else { continue };
        let Ok(mut decoder) = Decoder::new(codec) else { continue };
        let mut payload = [0; MAX_PAYLOAD_BYTES];
        let mut frames = sound.chunks_exact(320).cycle();
        group.bench_function(format!("encode {codec}"), |bencher| {
            bencher.iter(|| encoder.encode(black_box(frames.next().unwrap_or_default()), &mut payload));
        });
        let len = encoder.encode(&sound[..320], &mut payload);
        let mut output = [0; MAX_PACKET_SAMPLES];
        group.bench_function(format!("decode {codec}"), |bencher| {
            bencher.iter(|| decoder.decode(black_box(&payload[..len]), &mut output));
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("resampler");
    let mut output = [0; 640];
    let mut double = Double::default();
    group.bench_function("8 to 16 kHz", |bencher| {
        bencher.iter(|| double.process(black_box(&sound[..160]), &mut output));
    });
    let mut halve = Halve::default();
    group.bench_function("16 to 8 kHz", |bencher| {
        bencher.iter(|| halve.process(black_box(&sound[..320]), &mut output));
    });
    if let Ok(mut resampler) = Resampler::new(16_000, 48_000) {
        let mut output = Vec::with_capacity(4_096);
        group.bench_function("16 to 48 kHz", |bencher| {
            bencher.iter(|| {
                output.clear();
                resampler.process(black_box(&sound[..320]), &mut output);
            });
        });
    }
    group.finish();
}
