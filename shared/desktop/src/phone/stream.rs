//! One cpal stream: samples between a device's callback and a lock-free queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{Device, ErrorKind, FromSample, Sample, SampleFormat, SizedSample, Stream, StreamConfig};

use super::device::{Capture, Part, Playback};
use super::ring::{self, Reader, Writer};
use super::ringer::Ringer;

/// Errors of a stream that goes on by itself, before it counts as broken after all.
const MAX_HICCUPS: u32 = 50;

/// Tells about streams that are over; hiccups are not.
fn on_error(part: Part, broken: SyncSender<Part>) -> impl FnMut(cpal::Error) + Send + 'static {
    let mut hiccups = 0u32;
    move |error| {
        tracing::debug!(?part, %error, "sound stream");
        let is_over = match error.kind() {
            ErrorKind::DeviceNotAvailable
            | ErrorKind::StreamInvalidated
            | ErrorKind::HostUnavailable
            | ErrorKind::PermissionDenied => true,
            ErrorKind::Xrun | ErrorKind::RealtimeDenied | ErrorKind::DeviceChanged => false,
            _ => {
                hiccups = hiccups.saturating_add(1);
                hiccups == MAX_HICCUPS
            }
        };
        if is_over {
            // A full queue tells of another broken stream, and all of them are looked at.
            let _ = broken.try_send(part);
        }
    }
}

/// Opens a microphone.
pub(super) fn capture(device: &Device, broken: SyncSender<Part>) -> Result<(Stream, Capture), cpal::Error> {
    let supported = device.default_input_config()?;
    let (config, format) = (supported.config(), supported.sample_format());
    let (writer, samples) = ring::channel();
    let rate_hz = config.sample_rate;
    let stream = match format {
        SampleFormat::I8 => input_stream::<i8>(device, config, writer, broken),
        SampleFormat::I16 => input_stream::<i16>(device, config, writer, broken),
        SampleFormat::I32 => input_stream::<i32>(device, config, writer, broken),
        SampleFormat::U8 => input_stream::<u8>(device, config, writer, broken),
        SampleFormat::U16 => input_stream::<u16>(device, config, writer, broken),
        SampleFormat::F64 => input_stream::<f64>(device, config, writer, broken),
        _ => input_stream::<f32>(device, config, writer, broken),
    }?;
    stream.play()?;
    Ok((stream, Capture { samples, rate_hz }))
}

fn input_stream<T>(
    device: &Device,
    config: StreamConfig,
    mut writer: Writer,
    broken: SyncSender<Part>,
) -> Result<Stream, cpal::Error>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let channels = usize::from(config.channels.max(1));
    device.build_input_stream::<T, _, _>(
        config,
        move |data, _| {
            // Headsets that call themselves stereo have the voice on either channel, so all are added up.
            writer.write(data.chunks_exact(channels).map(|frame| {
                let sum: f32 = frame.iter().map(|sample| f32::from_sample(*sample)).sum();
                to_i16(sum / channels as f32)
            }));
        },
        on_error(Part::Input, broken),
        None,
    )
}

/// Opens a speaker; it rings while `ringing` is set and true.
pub(super) fn playback(
    device: &Device,
    part: Part,
    ringing: Option<Arc<AtomicBool>>,
    broken: SyncSender<Part>,
) -> Result<(Stream, Playback), cpal::Error> {
    let supported = device.default_output_config()?;
    let (config, format) = (supported.config(), supported.sample_format());
    let (samples, reader) = ring::channel();
    let rate_hz = config.sample_rate;
    let callback_samples = Arc::new(AtomicUsize::new(0));
    let source = Source {
        reader,
        ringer: ringing.map(|on| (on, Ringer::new(rate_hz))),
        callback_samples: callback_samples.clone(),
    };
    let stream = match format {
        SampleFormat::I8 => output_stream::<i8>(device, part, config, source, broken),
        SampleFormat::I16 => output_stream::<i16>(device, part, config, source, broken),
        SampleFormat::I32 => output_stream::<i32>(device, part, config, source, broken),
        SampleFormat::U8 => output_stream::<u8>(device, part, config, source, broken),
        SampleFormat::U16 => output_stream::<u16>(device, part, config, source, broken),
        SampleFormat::F64 => output_stream::<f64>(device, part, config, source, broken),
        _ => output_stream::<f32>(device, part, config, source, broken),
    }?;
    stream.play()?;
    Ok((stream, Playback { samples, rate_hz, callback_samples }))
}

/// What a speaker's callback plays.
struct Source {
    reader: Reader,
    ringer: Option<(Arc<AtomicBool>, Ringer)>,
    callback_samples: Arc<AtomicUsize>,
}

impl Source {
    fn fill<T: SizedSample + FromSample<f32>>(&mut self, data: &mut [T], channels: usize) {
        let len = data.len() / channels;
        self.callback_samples.fetch_max(len, Ordering::Relaxed);
        let mut frames = data.chunks_exact_mut(channels);
        let mut ringer = match &mut self.ringer {
            Some((on, ringer)) if on.load(Ordering::Relaxed) => Some(ringer),
            Some((_, ringer)) => {
                ringer.restart();
                None
            }
            None => None,
        };
        let mut put = |voice: f32, frame: &mut [T]| {
            let ring = ringer.as_mut().map_or(0.0, |ringer| ringer.next());
            let sample = T::from_sample((voice + ring).clamp(-1.0, 1.0));
            frame.fill(sample);
        };
        self.reader.read(len, |sample| {
            if let Some(frame) = frames.next() {
                put(f32::from(sample) / 32_768.0, frame);
            }
        });
        for frame in frames {
            put(0.0, frame);
        }
    }
}

fn output_stream<T>(
    device: &Device,
    part: Part,
    config: StreamConfig,
    mut source: Source,
    broken: SyncSender<Part>,
) -> Result<Stream, cpal::Error>
where
    T: SizedSample + FromSample<f32>,
{
    let channels = usize::from(config.channels.max(1));
    device.build_output_stream::<T, _, _>(
        config,
        move |data, _| source.fill(data, channels),
        on_error(part, broken),
        None,
    )
}

fn to_i16(sample: f32) -> i16 {
    // A float cast saturates and maps NaN to zero.
    (sample * 32_768.0) as i16
}
