//! What the speech engine is told: the section `[transcript]` of the configuration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::Config;

/// The section `[transcript]`. The defaults fit OpenAI's models; with `demonstration = true` keys that are not given
/// take the values of [`Settings::demonstration`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SettingsFile")]
pub struct Settings {
    /// The model, a file in ggml format. None: recordings wait for transcription until there is one.
    pub model: Option<PathBuf>,
    /// The model is the small one for demonstrations. Chooses the defaults of the other keys and is said wherever a
    /// transcript is shown.
    pub demonstration: bool,
    /// Language of the calls: `en`, `de`, …, or `auto` to let a multilingual model find out, per window.
    pub language: String,
    /// CPU threads of the engine; 0 takes half of the machine's, at most 4. The threads run at low priority.
    pub threads: u32,
    /// Length of the engine's window in units of 20 ms, at most 1500 (30 s); 0 takes the model's own. A shorter window
    /// costs less CPU, but OpenAI's models lose words with it.
    pub audio_context: u32,
    /// Flash attention: less memory and, on a graphics card, less time; on a CPU more (twice the time with the
    /// demonstration model). With it `audio_context` must be a multiple of 256.
    pub flash_attention: bool,
    /// Every utterance is recognised alone. Otherwise neighbours on a track are joined into windows, which costs far
    /// less CPU with a 30 s window and gives the model more to go by. Joining needs `use_timestamps`.
    pub one_utterance_per_call: bool,
    /// Try again with more chance when the words look wrong (repetition, low probability). Costs CPU.
    pub temperature_fallback: bool,
    /// Let the model tell when each sentence begins and ends.
    pub use_timestamps: bool,
    /// Longest utterance in seconds, 1 to 30; longer talk is cut at its best pause.
    pub max_utterance_secs: u32,
    /// Do not give the words of one window to the next as context. Context helps with names, and repeats mistakes.
    pub no_context: bool,
    /// Never begin with a blank.
    pub suppress_blank: bool,
    /// Never write marks for sounds that are no speech, such as "(music)".
    pub suppress_non_speech: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            model: None,
            demonstration: false,
            language: "en".into(),
            threads: 0,
            audio_context: 0,
            flash_attention: false,
            one_utterance_per_call: false,
            temperature_fallback: true,
            use_timestamps: true,
            max_utterance_secs: 28,
            no_context: true,
            suppress_blank: true,
            suppress_non_speech: true,
        }
    }
}

/// Why settings do not fit together.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// The window is longer than any model's.
    #[error("audio_context = {0} is too long: 0 (the model's own) to 1500 are allowed")]
    AudioContext(u32),
    /// The attention works in blocks of 256.
    #[error("audio_context = {0} does not go with flash_attention: use 0 or a multiple of 256")]
    AudioContextBlocks(u32),
    /// Not a length of an utterance.
    #[error("max_utterance_secs = {0} is not allowed: use 1 to 30")]
    MaxUtterance(u32),
    /// The end of long utterances would not be heard.
    #[error(
        "max_utterance_secs = {max_utterance_secs} does not fit the window: audio_context = {audio_context} hears \
         {window_secs} s"
    )]
    Window {
        /// The longest utterance, in seconds.
        max_utterance_secs: u32,
        /// The window, in units of 20 ms.
        audio_context: u32,
        /// The window, in seconds.
        window_secs: f32,
    },
    /// Too many threads to be meant.
    #[error("threads = {0} is not allowed: use 0 (half of the machine's) to 64")]
    Threads(u32),
    /// No such language code.
    #[error("language = {0:?} is not known: use a code such as \"en\", or \"auto\"")]
    Language(String),
}

impl Settings {
    /// How the small model that the project ships must be run, see `assets/speech/README.md`.
    pub fn demonstration() -> Self {
        Settings {
            demonstration: true,
            audio_context: 256,
            flash_attention: false,
            one_utterance_per_call: true,
            temperature_fallback: false,
            use_timestamps: true,
            max_utterance_secs: 5,
            no_context: true,
            ..Settings::default()
        }
    }

    /// The length of the engine's window in seconds; a model's own window is taken for 30 s.
    pub fn window_secs(&self) -> f32 {
        if self.audio_context == 0 { 30.0 } else { self.audio_context as f32 * 0.02 }
    }

    /// Whether the values fit together.
    ///
    /// # Errors
    /// The first that does not, with what is allowed.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.audio_context > 1500 {
            return Err(SettingsError::AudioContext(self.audio_context));
        }
        if self.flash_attention && !self.audio_context.is_multiple_of(256) {
            return Err(SettingsError::AudioContextBlocks(self.audio_context));
        }
        if !(1..=30).contains(&self.max_utterance_secs) {
            return Err(SettingsError::MaxUtterance(self.max_utterance_secs));
        }
        if self.max_utterance_secs as f32 > self.window_secs() {
            return Err(SettingsError::Window {
                max_utterance_secs: self.max_utterance_secs,
                audio_context: self.audio_context,
                window_secs: self.window_secs(),
            });
        }
        if self.threads > 64 {
            return Err(SettingsError::Threads(self.threads));
        }
        let is_code = (2..=3).contains(&self.language.len())
            && self.language.bytes().all(|byte| byte.is_ascii_lowercase());
        if !is_code && self.language != "auto" {
            return Err(SettingsError::Language(self.language.clone()));
        }
        Ok(())
    }
}

impl From<&Config> for Settings {
    /// The section with the model's path made absolute.
    fn from(config: &Config) -> Self {
        Settings { model: config.speech_model(), ..config.transcript.clone() }
    }
}

/// The section as written: what is missing comes from one of the two sets of defaults.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsFile {
    model: Option<PathBuf>,
    #[serde(default)]
    demonstration: bool,
    language: Option<String>,
    threads: Option<u32>,
    audio_context: Option<u32>,
    flash_attention: Option<bool>,
    one_utterance_per_call: Option<bool>,
    temperature_fallback: Option<bool>,
    use_timestamps: Option<bool>,
    max_utterance_secs: Option<u32>,
    no_context: Option<bool>,
    suppress_blank: Option<bool>,
    suppress_non_speech: Option<bool>,
}

impl From<SettingsFile> for Settings {
    fn from(file: SettingsFile) -> Self {
        let base = if file.demonstration { Settings::demonstration() } else { Settings::default() };
        Settings {
            model: file.model.filter(|path| !path.as_os_str().is_empty()),
            demonstration: file.demonstration,
            language: file.language.unwrap_or(base.language),
            threads: file.threads.unwrap_or(base.threads),
            audio_context: file.audio_context.unwrap_or(base.audio_context),
            flash_attention: file.flash_attention.unwrap_or(base.flash_attention),
            one_utterance_per_call: file.one_utterance_per_call.unwrap_or(base.one_utterance_per_call),
            temperature_fallback: file.temperature_fallback.unwrap_or(base.temperature_fallback),
            use_timestamps: file.use_timestamps.unwrap_or(base.use_timestamps),
            max_utterance_secs: file.max_utterance_secs.unwrap_or(base.max_utterance_secs),
            no_context: file.no_context.unwrap_or(base.no_context),
            suppress_blank: file.suppress_blank.unwrap_or(base.suppress_blank),
            suppress_non_speech: file.suppress_non_speech.unwrap_or(base.suppress_non_speech),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_keys_take_the_defaults_of_the_kind_of_model() {
        let real: Settings = toml::from_str("model = '/m.bin'").expect("valid");
        assert_eq!(real, Settings { model: Some("/m.bin".into()), ..Settings::default() });
        let demo: Settings =
            toml::from_str("model = '/m.bin'\ndemonstration = true\nthreads = 1").expect("valid");
        assert_eq!(demo, Settings { model: Some("/m.bin".into()), threads: 1, ..Settings::demonstration() });
        let none: Settings = toml::from_str("model = ''").expect("valid");
        assert_eq!(none.model, None, "an empty text is no model");
        assert!(toml::from_str::<Settings>("modell = '/m.bin'").is_err(), "a typing error is said");
        let written = toml::to_string(&demo).expect("toml");
        assert_eq!(toml::from_str::<Settings>(&written).expect("valid"), demo);
    }

    #[test]
    fn settings_that_do_not_fit_together_are_refused() {
        assert_eq!(Settings::default().check(), Ok(()));
        assert_eq!(Settings::demonstration().check(), Ok(()));
        type Change = fn(&mut Settings);
        let table: &[(Change, &str)] = &[
            (|s| s.audio_context = 1501, "audio_context = 1501 is too long"),
            (|s| (s.audio_context, s.flash_attention) = (500, true), "does not go with flash_attention"),
            (|s| s.max_utterance_secs = 0, "max_utterance_secs = 0 is not allowed"),
            (|s| s.max_utterance_secs = 31, "max_utterance_secs = 31 is not allowed"),
            (|s| s.audio_context = 256, "hears 5.12 s"),
            (|s| s.threads = 65, "threads = 65"),
            (|s| s.language = "English".into(), "language = \"English\""),
        ];
        for (change, expected) in table {
            let mut settings = Settings::default();
            change(&mut settings);
            let said = settings.check().expect_err(expected).to_string();
            assert!(said.contains(expected), "{said:?} should say {expected:?}");
        }
    }
}
