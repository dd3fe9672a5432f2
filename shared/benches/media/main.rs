//! Speed of the media cores: `cargo bench -p shared --bench media`.

use criterion::{criterion_group, criterion_main};

mod codecs;
mod jitter;
mod mixer;
mod srtp;

criterion_group!(benches, srtp::bench, mixer::bench, codecs::bench, jitter::bench);
criterion_main!(benches);
