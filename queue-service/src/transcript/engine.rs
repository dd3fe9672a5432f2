//! The speech engine: whisper.cpp behind one small type.
//!
//! Without the cargo feature `whisper` every load says that this build has no engine, and jobs wait.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::settings::{Settings, SettingsError};

/// A piece of recognised speech, within the audio that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Begin in milliseconds from the first sample.
    pub from_millis: u64,
    /// End in milliseconds; never behind the audio.
    pub to_millis: u64,
    /// The words, trimmed, never empty.
    pub text: String,
}

/// Why there is no engine, or no text.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EngineError {
    /// Built without the feature.
    #[error("this build has no speech engine: build queue-service with the feature \"whisper\"")]
    NotBuilt,
    /// Nothing configured.
    #[error("no speech model is configured: set transcript.model or run deploy/fetch-model")]
    NoModel,
    /// Configured, and not there.
    #[error("the speech model {} is not there: check transcript.model or run deploy/fetch-model", .0.display())]
    Missing(PathBuf),
    /// There, and not readable.
    #[error("read the speech model {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// Some other file.
    #[error("{} is no speech model in ggml format: get one with deploy/fetch-model", .0.display())]
    NotAModel(PathBuf),
    /// A model that the engine refuses.
    #[error("load the speech model {}: it is damaged or made for another engine; get it again", .0.display())]
    Refused(PathBuf),
    /// The settings do not fit together.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The engine gave up.
    #[error("recognise speech: {0}")]
    Recognise(String),
    /// The service stops.
    #[error("recognise speech: stopped")]
    Stopped,
}

/// Stops a recognition that runs, from another thread.
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Stops now and for good.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The name of the model in a file: its file name without ending.
pub fn model_name(path: &Path) -> String {
    path.file_stem().map_or_else(|| "unnamed".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// The first look at a model file, before the engine gets it: the engine's own words about a wrong file are few, and it
/// takes a file without weights for a model under test.
fn look_at(settings: &Settings) -> Result<PathBuf, EngineError> {
    settings.check()?;
    let path = settings.model.clone().ok_or(EngineError::NoModel)?;
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => EngineError::Missing(path.clone()),
        _ => EngineError::Unreadable { path: path.clone(), reason: error.to_string() },
    };
    let file = std::fs::File::open(&path).map_err(unreadable)?;
    let data = file.metadata().map_err(unreadable)?;
    if data.is_dir() {
        return Err(EngineError::NotAModel(path));
    }
    let mut header = Vec::with_capacity(HEADER_LEN);
    file.take(HEADER_LEN as u64).read_to_end(&mut header).map_err(unreadable)?;
    // "ggml" as a little-endian number.
    if !header.starts_with(b"lmgg") {
        return Err(EngineError::NotAModel(path));
    }
    if header_fits(&header, data.len()) { Ok(path) } else { Err(EngineError::Refused(path)) }
}

/// The magic number and eleven sizes of 32 bits.
const HEADER_LEN: usize = 48;

/// Whether the sizes in the header are a model's, and the file is long enough to hold its largest tensor (the
/// embedding of the words) with the coarsest weights there are, half a byte each.
fn header_fits(header: &[u8], file_len: u64) -> bool {
    let number = |at: usize| {
        let bytes = header.get(at * 4..at * 4 + 4)?;
        Some(u64::from(u32::from_le_bytes(bytes.try_into().ok()?)))
    };
    // In this order: words, audio context, state, heads, layers, text context, state, heads, layers, mels, form.
    let (Some(words), Some(text_state)) = (number(1), number(7)) else {
        return false;
    };
    (1..=10).all(|at| number(at).is_some_and(|size| (1..100_000).contains(&size)))
        && number(11).is_some()
        && words * text_state / 2 < file_len
}

#[cfg(feature = "whisper")]
pub use whisper::Engine;

#[cfg(feature = "whisper")]
mod whisper {
    use std::ffi::{c_int, c_void};

    use whisper_rs::{
        FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperSegment, WhisperState,
    };

    use super::*;
    use crate::transcript::segment::RATE_HZ;

    /// Units of the audio context a second.
    const CONTEXT_HZ: usize = 50;
    /// The engine does nothing with less than 100 ms; a little more is given.
    const MIN_SAMPLES: usize = RATE_HZ as usize / 5;
    /// OpenAI's smallest model has 384; ours for demonstrations 128.
    const SMALLEST_REAL_STATE: c_int = 384;
    /// With less chance of speech than this and improbable words, a text is invented (the rule of OpenAI's Whisper).
    const NO_SPEECH: f32 = 0.6;
    const IMPROBABLE_LOG: f32 = -1.0;

    /// A loaded model with room to work. One at a time; move it to the thread that uses it.
    pub struct Engine {
        state: WhisperState,
        params: FullParams<'static, 'static>,
        name: String,
        demonstration: bool,
        use_timestamps: bool,
        window_samples: usize,
        /// The engine asks it through a raw pointer in `params`.
        stop: StopFlag,
    }

    impl Engine {
        /// Loads the model that the settings name. Takes 50 ms to some seconds, and the model's size in memory.
        ///
        /// # Errors
        /// Why there is no engine, with the remedy.
        pub fn load(settings: &Settings, stop: StopFlag) -> Result<Engine, EngineError> {
            let path = look_at(settings)?;
            log::route();
            let language = match settings.language.as_str() {
                "auto" => None,
                code => Some(
                    whisper_rs::get_lang_id(code)
                        .and_then(whisper_rs::get_lang_str)
                        .ok_or_else(|| SettingsError::Language(code.to_owned()))?,
                ),
            };
            let mut context_params = WhisperContextParameters::new();
            context_params.flash_attn(settings.flash_attention);
            let context = WhisperContext::new_with_params(&path, context_params)
                .map_err(|_| EngineError::Refused(path.clone()))?;
            let model_window = usize::try_from(context.model_n_audio_ctx()).unwrap_or(0);
            let wanted = settings.audio_context as usize;
            let units = if wanted == 0 { model_window } else { wanted.min(model_window) };
            if context.model_n_audio_state() < SMALLEST_REAL_STATE && !settings.demonstration {
                tracing::warn!(
                    model = %path.display(),
                    "this looks like the demonstration model: set transcript.demonstration = true"
                );
            }
            let state = context.create_state().map_err(|_| EngineError::Refused(path.clone()))?;
            let language = if context.is_multilingual() { language } else { Some("en") };
            Ok(Engine {
                state,
                params: params(settings, language, &stop),
                name: model_name(&path),
                demonstration: settings.demonstration,
                use_timestamps: settings.use_timestamps,
                window_samples: units * RATE_HZ as usize / CONTEXT_HZ,
                stop,
            })
        }

        /// The model's name.
        pub fn name(&self) -> &str {
            &self.name
        }

        /// The model is the one for demonstrations.
        pub fn is_demonstration(&self) -> bool {
            self.demonstration
        }

        /// Recognises speech in 16 kHz mono audio. What is longer than the window of a shortened model is not heard.
        ///
        /// # Errors
        /// The engine gave up, or was stopped.
        pub fn recognise(&mut self, samples: &[i16]) -> Result<Vec<Piece>, EngineError> {
            if self.stop.is_stopped() {
                return Err(EngineError::Stopped);
            }
            let audio_millis = samples.len() as u64 * 1000 / u64::from(RATE_HZ);
            let heard = &samples[..samples.len().min(self.window_samples)];
            let mut audio: Vec<f32> = heard.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
            if audio.is_empty() {
                return Ok(Vec::new());
            }
            audio.resize(audio.len().max(MIN_SAMPLES), 0.0);
            let outcome = self.state.full(self.params.clone(), &audio);
            if self.stop.is_stopped() {
                return Err(EngineError::Stopped);
            }
            outcome.map_err(|error| EngineError::Recognise(format!("{error:?}")))?;
            let mut pieces = Vec::new();
            for segment in self.state.as_iter() {
                let text =
                    segment.to_str_lossy().map_err(|error| EngineError::Recognise(format!("{error:?}")))?;
                let text = text.trim();
                if text.is_empty() || is_only_marks(text) || is_invented(&segment) {
                    continue;
                }
                let (from, to) = if self.use_timestamps {
                    (centis(segment.start_timestamp()), centis(segment.end_timestamp()))
                } else {
                    (0, audio_millis)
                };
                let to_millis = to.min(audio_millis);
                pieces.push(Piece { from_millis: from.min(to_millis), to_millis, text: text.to_owned() });
            }
            Ok(pieces)
        }
    }

    fn centis(hundredths: i64) -> u64 {
        u64::try_from(hundredths).unwrap_or(0).saturating_mul(10)
    }

    /// Whether a text says only that there was no speech: "[BLANK_AUDIO]", "(music)", "♪♪".
    pub(super) fn is_only_marks(text: &str) -> bool {
        let mut depth = 0_i32;
        text.chars().all(|letter| match letter {
            '[' | '(' | '*' if depth == 0 => {
                depth = 1;
                true
            }
            ']' | ')' | '*' => {
                depth = 0;
                true
            }
            other => depth > 0 || !other.is_alphanumeric(),
        })
    }

    fn is_invented(segment: &WhisperSegment<'_>) -> bool {
        if segment.no_speech_probability() < NO_SPEECH {
            return false;
        }
        let logs: Vec<f32> = (0..segment.n_tokens())
            .filter_map(|number| segment.get_token(number))
            .map(|token| token.token_data().plog)
            .collect();
        logs.is_empty() || logs.iter().sum::<f32>() / logs.len() as f32 <= IMPROBABLE_LOG
    }

    fn params(
        settings: &Settings,
        language: Option<&'static str>,
        stop: &StopFlag,
    ) -> FullParams<'static, 'static> {
        // More candidates are only drawn at temperatures over 0.
        let best_of = if settings.temperature_fallback { 5 } else { 1 };
        let mut params = FullParams::new(SamplingStrategy::Greedy { best_of });
        params.set_n_threads(threads(settings.threads));
        params.set_language(language);
        params.set_audio_ctx(c_int::try_from(settings.audio_context).unwrap_or(0));
        params.set_temperature(0.0);
        params.set_temperature_inc(if settings.temperature_fallback { 0.2 } else { 0.0 });
        params.set_no_timestamps(!settings.use_timestamps);
        params.set_no_context(settings.no_context);
        if settings.no_context {
            params.set_n_max_text_ctx(0);
        }
        params.set_suppress_blank(settings.suppress_blank);
        params.set_suppress_nst(settings.suppress_non_speech);
        params.set_print_special(false);
        params.set_print_progress(false);
        params.set_print_realtime(false);
        params.set_print_timestamps(false);
        // The crate's own safe setter hands over a pointer of another type than it reads back, so ours is raw.
        // SAFETY: the flag lives in an Arc that the engine keeps for as long as it keeps `params`, and the callback only
        // reads an atomic.
        unsafe {
            params.set_abort_callback(Some(is_stopped));
            params.set_abort_callback_user_data(Arc::as_ptr(&stop.0).cast_mut().cast());
        }
        params
    }

    /// The engine asks between its steps whether to stop.
    unsafe extern "C" fn is_stopped(flag: *mut c_void) -> bool {
        // SAFETY: `flag` is the pointer that `params` set, to an AtomicBool that outlives the engine's calls.
        unsafe { (*flag.cast::<AtomicBool>()).load(Ordering::Relaxed) }
    }

    fn threads(wanted: u32) -> c_int {
        let chosen = match wanted {
            0 => std::thread::available_parallelism().map_or(1, |count| (count.get() / 2).clamp(1, 4)),
            count => count as usize,
        };
        c_int::try_from(chosen).unwrap_or(1)
    }

    mod log {
        use std::ffi::{CStr, c_char, c_void};
        use std::sync::Once;

        use whisper_rs::whisper_rs_sys as sys;

        static ROUTED: Once = Once::new();

        /// Sends what whisper.cpp and ggml would write to stderr to `tracing`, one level lower than they say: a model that
        /// loads well is no news.
        pub(super) fn route() {
            // SAFETY: both take a function that lives for ever, and no user data.
            ROUTED.call_once(|| unsafe {
                sys::whisper_log_set(Some(line), std::ptr::null_mut());
                sys::ggml_log_set(Some(line), std::ptr::null_mut());
            });
        }

        unsafe extern "C" fn line(level: sys::ggml_log_level, text: *const c_char, _: *mut c_void) {
            if text.is_null() {
                return;
            }
            // SAFETY: the engine gives a text that ends in a zero byte and lives during the call.
            let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
            let text = text.trim_end();
            if text.is_empty() {
                return;
            }
            if level == sys::ggml_log_level_GGML_LOG_LEVEL_ERROR {
                tracing::warn!(target: "whisper", "{text}");
            } else if level == sys::ggml_log_level_GGML_LOG_LEVEL_WARN {
                tracing::debug!(target: "whisper", "{text}");
            } else {
                tracing::trace!(target: "whisper", "{text}");
            }
        }
    }
}

#[cfg(not(feature = "whisper"))]
pub use none::Engine;

#[cfg(not(feature = "whisper"))]
mod none {
    use std::convert::Infallible;

    use super::*;

    /// No engine in this build: there is never a value of it.
    pub struct Engine(Infallible);

    impl Engine {
        /// Always refuses.
        ///
        /// # Errors
        /// Wrong settings and files first, as a build with an engine says them; then that this build has none.
        pub fn load(settings: &Settings, _: StopFlag) -> Result<Engine, EngineError> {
            look_at(settings)?;
            Err(EngineError::NotBuilt)
        }

        /// The model's name.
        pub fn name(&self) -> &str {
            match self.0 {}
        }

        /// The model is the one for demonstrations.
        pub fn is_demonstration(&self) -> bool {
            match self.0 {}
        }

        /// Recognises speech.
        ///
        /// # Errors
        /// None: there is no engine to ask.
        pub fn recognise(&mut self, _: &[i16]) -> Result<Vec<Piece>, EngineError> {
            match self.0 {}
        }
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
