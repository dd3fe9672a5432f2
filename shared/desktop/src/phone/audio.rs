//! Where the phone's sound comes from and goes to.

use std::fmt;

use shared::audio::Frame;
use tokio::sync::mpsc;

use super::types::DeviceChoice;

/// Where sound comes from and goes to.
pub enum AudioBackend {
    /// The machine's sound devices.
    Cpal(DeviceChoice),
    /// A program speaks and listens, for tests and the demonstration without windows.
    Script(ScriptedAudio),
    /// Silence is sent, nothing is heard.
    None,
}

impl fmt::Debug for AudioBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AudioBackend::Cpal(choice) => f.debug_tuple("Cpal").field(choice).finish(),
            AudioBackend::Script(_) => f.write_str("Script"),
            AudioBackend::None => f.write_str("None"),
        }
    }
}

/// A program in place of a person with a headset.
pub struct ScriptedAudio {
    /// What it says.
    pub speak: Speak,
    /// Where what it hears goes, a frame every 20 ms while a call talks. When the queue is full the frame is dropped
    /// and the index goes on, so that the listener sees the gap.
    pub heard: Option<mpsc::Sender<HeardFrame>>,
}

/// What a script says, a frame every 20 ms while a call talks.
pub enum Speak {
    /// Nothing.
    Silence,
    /// What the closure makes of the number of the frame, counted from 0 in each call.
    Closure(Box<dyn FnMut(u64) -> Frame + Send>),
    /// What comes in the queue; silence while it is empty.
    Channel(mpsc::Receiver<Frame>),
}

/// What a script hears.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeardFrame {
    /// Number of the frame in its call, counted from 0.
    pub index: u64,
    /// The sound.
    pub frame: Frame,
}

impl Speak {
    /// The next frame.
    pub(super) fn next(&mut self, index: u64) -> Frame {
        match self {
            Speak::Silence => Frame::SILENCE,
            Speak::Closure(make) => make(index),
            Speak::Channel(queue) => queue.try_recv().unwrap_or_default(),
        }
    }
}
