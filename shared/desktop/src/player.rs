//! Plays a recording on the headset: the whole sound is in memory, the device's callback walks through it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{Device, FromSample, SampleFormat, SizedSample, Stream, StreamConfig};
use shared::audio::resample::resample_clip;

/// The rate of the sound that is given to play.
pub const RATE_HZ: u32 = 16_000;
const ROUND: Duration = Duration::from_millis(100);

/// Why nothing is heard.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// There is no device.
    #[error("no speaker was found")]
    NoDevice,
    /// The device cannot be opened.
    #[error("the speaker cannot be opened")]
    Open(#[source] cpal::Error),
    /// The system gives no thread.
    #[error("the player cannot be started")]
    Thread(#[source] std::io::Error),
    /// The device's rate cannot be served.
    #[error("the speaker asks for {0} samples a second, which is not possible")]
    Rate(u32),
}

/// A sound that plays; it stops when this is dropped.
#[derive(Debug)]
pub struct Playing {
    at: Arc<AtomicUsize>,
    len: usize,
    rate_hz: u32,
    _stop: SyncSender<()>,
}

impl Playing {
    /// Plays `samples` of 16 kHz mono on the device with this id, or on the system's choice. Blocks until the device
    /// is open, which can take a second.
    pub fn start(samples: &[i16], output: Option<&str>) -> Result<Playing, PlayError> {
        let (stop, stopped) = sync_channel(0);
        let (opened, open) = sync_channel(1);
        let (samples, output) = (samples.to_vec(), output.map(str::to_owned));
        let at = Arc::new(AtomicUsize::new(0));
        let position = at.clone();
        // The stream lives in a thread of its own: on some systems it may not change threads.
        std::thread::Builder::new()
            .name("callfloor-player".into())
            .spawn(move || {
                let (stream, len, rate_hz) = match open_device(samples, output.as_deref(), position.clone()) {
                    Ok(open) => open,
                    Err(error) => {
                        let _ = opened.send(Err(error));
                        return;
                    }
                };
                let _ = opened.send(Ok((len, rate_hz)));
                while position.load(Ordering::Relaxed) < len
                    && stopped.recv_timeout(ROUND) == Err(RecvTimeoutError::Timeout)
                {}
                drop(stream);
            })
            .map_err(PlayError::Thread)?;
        let (len, rate_hz) = open.recv().unwrap_or(Err(PlayError::NoDevice))?;
        Ok(Playing { at, len, rate_hz, _stop: stop })
    }

    /// Milliseconds that were played.
    pub fn position_millis(&self) -> u64 {
        let at = self.at.load(Ordering::Relaxed).min(self.len);
        at as u64 * 1_000 / u64::from(self.rate_hz.max(1))
    }

    /// Everything was played.
    pub fn is_over(&self) -> bool {
        self.at.load(Ordering::Relaxed) >= self.len
    }
}

fn open_device(
    samples: Vec<i16>,
    output: Option<&str>,
    at: Arc<AtomicUsize>,
) -> Result<(Stream, usize, u32), PlayError> {
    let host = cpal::default_host();
    let wanted = output.and_then(|id| host.device_by_id(&id.parse().ok()?));
    let device = wanted.or_else(|| host.default_output_device()).ok_or(PlayError::NoDevice)?;
    let supported = device.default_output_config().map_err(PlayError::Open)?;
    let (config, format) = (supported.config(), supported.sample_format());
    let rate_hz = config.sample_rate;
    let samples = resample_clip(&samples, RATE_HZ, rate_hz).map_err(|_| PlayError::Rate(rate_hz))?;
    let len = samples.len();
    let stream = match format {
        SampleFormat::I16 => stream::<i16>(&device, config, samples, at),
        SampleFormat::I32 => stream::<i32>(&device, config, samples, at),
        SampleFormat::U8 => stream::<u8>(&device, config, samples, at),
        SampleFormat::U16 => stream::<u16>(&device, config, samples, at),
        _ => stream::<f32>(&device, config, samples, at),
    }
    .map_err(PlayError::Open)?;
    stream.play().map_err(PlayError::Open)?;
    Ok((stream, len, rate_hz))
}

fn stream<T>(
    device: &Device,
    config: StreamConfig,
    samples: Vec<i16>,
    at: Arc<AtomicUsize>,
) -> Result<Stream, cpal::Error>
where
    T: SizedSample + FromSample<i16>,
{
    let channels = usize::from(config.channels.max(1));
    device.build_output_stream::<T, _, _>(
        config,
        move |data, _| {
            let from = at.load(Ordering::Relaxed);
            for (index, frame) in data.chunks_mut(channels).enumerate() {
                let sample = samples.get(from + index).copied().unwrap_or(0);
                frame.fill(T::from_sample(sample));
            }
            at.store(from + data.len() / channels, Ordering::Relaxed);
        },
        |error| tracing::debug!(%error, "player"),
        None,
    )
}
