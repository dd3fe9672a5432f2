//! Speed of the media cores: `cargo bench -p shared --bench media`.

use criterion::{criterion_group, criterion_main};

mod srtp;

criterion_group!(benches, srtp::bench);
criterion_main!(benches);
