//! From a device's samples to frames of 20 ms and back, and the script in a device's place.

use std::collections::VecDeque;

use shared::audio::resample::Resampler;
use shared::audio::{FRAME_SAMPLES, Frame, RATE_HZ};
use tokio::sync::mpsc;

use super::audio::{AudioBackend, HeardFrame, ScriptedAudio};
use super::device::{Capture, DeviceThread, News, Playback, Wish};
use super::types::{DeviceChoice, Devices};

/// So much of the microphone waits at most: two frames more than the longest usual callback.
const MIC_MAX_MILLIS: usize = 100;
/// So much should wait for the speaker beyond one callback, for the jitter of two clocks and two threads.
const SPEAKER_MARGIN_MILLIS: usize = 30;
/// Beyond the target by so much, a frame is left out.
const SPEAKER_EXCESS_MILLIS: usize = 100;

/// Where frames come from and go to.
pub(super) enum Sound {
    Devices(Box<DeviceSound>),
    Script { script: ScriptedAudio, spoken: u64, heard: u64 },
    None,
}

impl Sound {
    /// With the queue of the device thread's news, when there is one. Devices are not opened yet.
    pub(super) fn new(backend: AudioBackend) -> std::io::Result<(Sound, Option<mpsc::Receiver<News>>)> {
        Ok(match backend {
            AudioBackend::None => (Sound::None, None),
            AudioBackend::Script(script) => (Sound::Script { script, spoken: 0, heard: 0 }, None),
            AudioBackend::Cpal(choice) => {
                let (thread, news) = DeviceThread::start(choice)?;
                (
                    Sound::Devices(Box::new(DeviceSound { thread, open: false, mic: None, speaker: None })),
                    Some(news),
                )
            }
        })
    }

    /// Opens or closes devices; a script begins anew with each opening.
    pub(super) fn open(&mut self, wanted: bool) {
        match self {
            Sound::Devices(devices) => {
                if devices.open != wanted {
                    devices.open = wanted;
                    devices.thread.wish(if wanted { Wish::Open } else { Wish::Close });
                }
            }
            Sound::Script { .. } | Sound::None => {}
        }
    }

    /// Whether devices are open or being opened.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Sound::Devices(devices) if devices.open)
    }

    /// A call begins: a script counts its frames from 0.
    pub(super) fn restart(&mut self) {
        match self {
            Sound::Script { spoken, heard, .. } => (*spoken, *heard) = (0, 0),
            Sound::Devices(devices) => {
                if let Some(mic) = &mut devices.mic {
                    mic.skip();
                }
            }
            Sound::None => {}
        }
    }

    pub(super) fn ring(&self, on: bool) {
        if let Sound::Devices(devices) = self {
            devices.thread.ring(on);
        }
    }

    pub(super) fn use_devices(&self, choice: DeviceChoice) {
        if let Sound::Devices(devices) = self {
            devices.thread.wish(Wish::Use(choice));
        }
    }

    pub(super) fn refresh(&self) {
        if let Sound::Devices(devices) = self {
            devices.thread.wish(Wish::List);
        }
    }

    /// The devices changed; a list for the screen, or a problem, comes back.
    pub(super) fn news(&mut self, news: News) -> Option<Told> {
        let Sound::Devices(devices) = self else { return None };
        match news {
            News::Devices(list) => Some(Told::Devices(list)),
            News::Problem { message, hint } => Some(Told::Problem { message, hint }),
            News::Capture(capture) => {
                devices.mic = capture.and_then(Mic::new);
                None
            }
            News::Playback(playback) => {
                devices.speaker = playback.and_then(Speaker::new);
                None
            }
        }
    }

    /// 20 ms of what is said here.
    pub(super) fn speak(&mut self) -> Frame {
        match self {
            Sound::Devices(devices) => devices.mic.as_mut().map(Mic::frame).unwrap_or_default(),
            Sound::Script { script, spoken, .. } => {
                let frame = script.speak.next(*spoken);
                *spoken += 1;
                frame
            }
            Sound::None => Frame::SILENCE,
        }
    }

    /// 20 ms to hear; `voice` is false for our own tones, which a script does not get.
    pub(super) fn hear(&mut self, frame: &Frame, voice: bool) {
        match self {
            Sound::Devices(devices) => {
                if let Some(speaker) = &mut devices.speaker {
                    speaker.play(frame);
                }
            }
            Sound::Script { script, heard, .. } => {
                if voice {
                    if let Some(sink) = &script.heard {
                        // Full: the listener sees the gap in the numbers.
                        let _ = sink.try_send(HeardFrame { index: *heard, frame: *frame });
                    }
                    *heard += 1;
                }
            }
            Sound::None => {}
        }
    }
}

/// What a screen is told about devices.
pub(super) enum Told {
    Devices(Devices),
    Problem { message: String, hint: String },
}

pub(super) struct DeviceSound {
    thread: DeviceThread,
    open: bool,
    mic: Option<Mic>,
    speaker: Option<Speaker>,
}

/// A microphone: its samples, resampled, waiting for the next frame.
struct Mic {
    capture: Capture,
    resampler: Option<Resampler>,
    raw: Vec<i16>,
    ready: Vec<i16>,
    waiting: VecDeque<i16>,
}

impl Mic {
    fn new(capture: Capture) -> Option<Mic> {
        let resampler = resampler(capture.rate_hz, RATE_HZ)?;
        Some(Mic { capture, resampler, raw: Vec::new(), ready: Vec::new(), waiting: VecDeque::new() })
    }

    fn take(&mut self) {
        self.raw.clear();
        let raw = &mut self.raw;
        self.capture.samples.read(usize::MAX, |sample| raw.push(sample));
        match &mut self.resampler {
            Some(resampler) => {
                self.ready.clear();
                resampler.process(&self.raw, &mut self.ready);
                self.waiting.extend(&self.ready);
            }
            None => self.waiting.extend(&self.raw),
        }
    }

    /// Forgets what was said before the call.
    fn skip(&mut self) {
        self.take();
        self.waiting.clear();
    }

    fn frame(&mut self) -> Frame {
        self.take();
        // A device that is faster than our clock, or was stuck: the newest counts.
        let most = samples(RATE_HZ, MIC_MAX_MILLIS);
        if self.waiting.len() > most {
            self.waiting.drain(..self.waiting.len() - most / 2);
        }
        if let Some(resampler) = &mut self.resampler {
            resampler.set_drift(drift(self.waiting.len(), most / 2));
        }
        let mut frame = Frame::SILENCE;
        // Less than a frame: what there is is kept for the next one, so that it is not torn.
        if self.waiting.len() >= FRAME_SAMPLES {
            frame
                .0
                .iter_mut()
                .zip(self.waiting.drain(..FRAME_SAMPLES))
                .for_each(|(place, sample)| *place = sample);
        }
        frame
    }
}

/// A speaker: frames resampled into its queue.
struct Speaker {
    playback: Playback,
    resampler: Option<Resampler>,
    ready: Vec<i16>,
}

impl Speaker {
    fn new(playback: Playback) -> Option<Speaker> {
        let resampler = resampler(RATE_HZ, playback.rate_hz)?;
        Some(Speaker { playback, resampler, ready: Vec::new() })
    }

    fn play(&mut self, frame: &Frame) {
        let rate = self.playback.rate_hz;
        let callback = self.playback.callback_samples.load(std::sync::atomic::Ordering::Relaxed);
        let target = callback + samples(rate, SPEAKER_MARGIN_MILLIS);
        let waiting = self.playback.samples.len();
        if waiting > target + samples(rate, SPEAKER_EXCESS_MILLIS) {
            return;
        }
        if waiting == 0 {
            // Ran dry, or begins: a pause now is better than many small ones.
            self.playback.samples.write(std::iter::repeat_n(0, target));
        }
        match &mut self.resampler {
            Some(resampler) => {
                resampler.set_drift(-drift(waiting, target));
                self.ready.clear();
                resampler.process(&frame.0, &mut self.ready);
                self.playback.samples.write(self.ready.iter().copied());
            }
            None => {
                self.playback.samples.write(frame.0);
            }
        }
    }
}

/// None inside when both rates are the same; none outside for a rate that no device has.
fn resampler(from_hz: u32, to_hz: u32) -> Option<Option<Resampler>> {
    if from_hz == to_hz {
        return Some(None);
    }
    match Resampler::new(from_hz, to_hz) {
        Ok(resampler) => Some(Some(resampler)),
        Err(error) => {
            tracing::warn!(%error, "sound device");
            None
        }
    }
}

fn samples(rate_hz: u32, millis: usize) -> usize {
    rate_hz as usize * millis / 1_000
}

/// Parts per million by which a consumer's queue should grow: two clocks of ±100 ppm drift 6 ms a minute, and a
/// full queue of error is corrected with 1,000 ppm, which nobody hears.
fn drift(waiting: usize, target: usize) -> i32 {
    let target = target.max(1) as f32;
    ((target - waiting as f32) / target * 1_000.0).clamp(-1_000.0, 1_000.0) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::ring;
    use shared::audio::goertzel;
    use shared::audio::tone::Sine;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn a_microphone_of_any_rate_becomes_frames() {
        for rate_hz in [8_000, 16_000, 44_100, 48_000, 96_000] {
            let (mut writer, reader) = ring::channel();
            let mut mic = Mic::new(Capture { samples: reader, rate_hz }).expect("a usual rate");
            let mut sine = Sine::new(440.0, rate_hz, -10.0);
            let mut heard = Vec::new();
            for _ in 0..50 {
                // A callback that is never 20 ms: 23, then nothing for a while is the next test.
                let mut block = vec![0i16; samples(rate_hz, 20)];
                sine.fill(&mut block);
                writer.write(block);
                heard.extend(mic.frame().0);
            }
            let power = goertzel::power_dbfs(&heard[8_000..], 440.0, 16_000);
            assert!((-12.0..-8.0).contains(&power), "{rate_hz} Hz: {power} dBFS");
        }
    }

    #[test]
    fn a_microphone_that_was_stuck_does_not_stay_late() {
        let (mut writer, reader) = ring::channel();
        let mut mic = Mic::new(Capture { samples: reader, rate_hz: 16_000 }).expect("a usual rate");
        assert_eq!(mic.frame(), Frame::SILENCE);
        writer.write(std::iter::repeat_n(5, 16_000));
        mic.frame();
        assert!(mic.waiting.len() <= samples(16_000, MIC_MAX_MILLIS));
    }

    #[test]
    fn a_speaker_gets_what_it_takes_and_no_more() {
        let (writer, mut reader) = ring::channel();
        let callback_samples = Arc::new(AtomicUsize::new(1_024));
        let playback = Playback { samples: writer, rate_hz: 48_000, callback_samples };
        let mut speaker = Speaker::new(playback).expect("a usual rate");
        let mut sine = Sine::new(440.0, 16_000, -10.0);
        let (mut heard, mut owed) = (Vec::new(), 0usize);
        for _ in 0..100 {
            let mut frame = Frame::SILENCE;
            sine.fill(&mut frame.0);
            speaker.play(&frame);
            owed += 960;
            while owed >= 1_024 {
                owed -= 1_024;
                let got = reader.read(1_024, |sample| heard.push(sample));
                assert_eq!(got, 1_024, "ran dry after {} samples", heard.len());
            }
        }
        let power = goertzel::power_dbfs(&heard[48_000..], 440.0, 48_000);
        assert!((-12.0..-8.0).contains(&power), "{power} dBFS");
        // Nobody takes anything: it does not pile up.
        (0..100).for_each(|_| speaker.play(&Frame::SILENCE));
        assert!(reader.len() < samples(48_000, 250), "{}", reader.len());
    }
}
