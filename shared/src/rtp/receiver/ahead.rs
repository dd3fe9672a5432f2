//! What a packet or a frame will need of a stream, asked for ahead ([`crate::ahead`]).

use super::Receiver;
use crate::ahead;

impl Receiver {
    /// Asks for what a packet needs of the stream itself.
    pub fn fetch(&self) {
        ahead::fetch(&self.config.codecs);
        ahead::fetch(&self.config.telephone_event);
        ahead::fetch(&self.decoders);
        ahead::fetch(&self.source);
        ahead::fetch_whole(&self.sequence);
        ahead::fetch(&self.keys);
        ahead::fetch(&self.before);
        ahead::fetch(&self.skipped_ticks);
        ahead::fetch_whole(&self.bursts);
        ahead::fetch_whole(&self.statistics);
        self.buffer.fetch();
    }

    /// Asks for what that points to.
    pub fn fetch_behind(&self) {
        if let Some(codec) = self.config.codecs.first() {
            ahead::fetch(codec);
        }
        if let Some(decoder) = self.decoders.first() {
            ahead::fetch(decoder);
        }
        self.buffer.fetch_behind();
    }

    /// Asks for the room of the next packet.
    pub fn fetch_room(&self) {
        self.buffer.fetch_room();
    }

    /// Asks for what decoding a frame needs; after [`Receiver::fetch_behind`].
    pub fn fetch_sound(&self) {
        self.buffer.fetch_next();
        if let Some((_, decoder)) = self.decoders.first() {
            decoder.fetch();
        }
        if let Some(pending) = self.pending.get(..self.pending_len + crate::audio::FRAME_SAMPLES) {
            ahead::fetch_whole(pending);
        }
    }
}
